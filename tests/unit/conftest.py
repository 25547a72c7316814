# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An emulated Datadog for all tests, and the modules run against it."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import pathlib
import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    LIFETIME,
    Emulator,
    running_emulator,
    running_emulators,
)
from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY
from ansible_collections.tidyops.datadog.tests.unit.killer import Killer
from ansible_collections.tidyops.datadog.tests.unit.module_runner import Run
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    DATASTORES,
    Backend,
    DatastoreBackend,
    FileBackend,
    RegistryRunner,
)
from ansible_collections.tidyops.datadog.tests.unit.wire import Loopback


class Datadog:
    """An emulated organization, and tasks that are run against it."""

    KEYS = {"api_key": "4p1-k3y-of-the-tests", "app_key": "4pp-k3y-of-the-tests"}

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def start(
        self,
        module: str,
        check_mode: bool = False,
        environ: t.Mapping[str, str] | None = None,
        **params: t.Any,
    ) -> Run:
        """Start a module. An option that is None is left out."""
        options = {"api_url": self.emulator.url, **self.KEYS, "retries": 2, "timeout": 5, **params}
        options = {name: value for name, value in options.items() if value is not None}
        return Run(module, options, check_mode, environ)

    def run(self, module: str, **params: t.Any) -> dict[str, t.Any]:
        """Run a module; whatever it ends with, it must not tell a secret."""
        result = self.start(module, **params).result()
        assert "Invoked" not in result["logged"]
        for secret in [*self.KEYS.values(), CANARY]:
            assert secret not in result["raw"]
            assert secret not in result["logged"]
        return result

    def connection(self, **params: t.Any) -> dict[str, t.Any]:
        return self.run("action_connection", **params)

    def team_connection(self, **params: t.Any) -> dict[str, t.Any]:
        return self.run("team_connection", **params)

    def connections(self, *connections: t.Mapping[str, t.Any], **params: t.Any) -> dict[str, t.Any]:
        return self.run("action_connections", connections=connections, **params)

    def team_connections(self, *connections: t.Mapping[str, t.Any], **params: t.Any) -> dict[str, t.Any]:
        return self.run("team_connections", connections=connections, **params)

    def requests(self, *methods: str) -> list[dict[str, t.Any]]:
        """The requests so far, in the order of their arrival; only those of the methods, if any are given.

        Those for a registry in a datastore are apart.
        """
        return [
            request
            for request in self.emulator.requests()
            if (not methods or request["method"] in methods) and not request["path"].startswith(DATASTORES)
        ]

    def registry_requests(self) -> list[str]:
        """The methods of those for a registry in a datastore, without those of the tests themselves."""
        return [
            request["method"]
            for request in self.emulator.requests()
            if request["path"].startswith(DATASTORES) and "user-agent" in request["headers"]
        ]

    def writes(self) -> list[dict[str, t.Any]]:
        return self.requests("POST", "PUT", "PATCH", "DELETE")


_EMULATOR = pytest.StashKey[Emulator]()
_EMULATORS = pytest.StashKey[list[Emulator]]()
_RUNNING = contextlib.ExitStack()
#: As many organizations as a test of faults has use for at the same time.
ORGANIZATIONS = 44


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of what C(make test) leaves to C(make test-all)."""
    config.addinivalue_line("markers", "slow: takes long; left to make test-all")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the one emulator that all tests use, and many where one of the tests wants them.

    Not in a fixture: ansible-test runs each test in a fork, which would start an emulator and never end it.
    """
    is_worker = hasattr(session.config, "workerinput")
    if is_worker or getattr(session.config.option, "dist", "no") == "no":
        stash = session.config.stash
        lifetime = os.environ.get("EMULATOR_LIFETIME", str(LIFETIME))
        stash[_EMULATOR] = _RUNNING.enter_context(running_emulator("--lifetime", lifetime))
        if any("emulators" in getattr(item, "fixturenames", ()) for item in session.items):
            stash[_EMULATORS] = _RUNNING.enter_context(running_emulators(ORGANIZATIONS))


def pytest_sessionfinish() -> None:
    """End the emulator."""
    _RUNNING.close()


@pytest.fixture(name="emulator")
def fixture_emulator(pytestconfig: pytest.Config) -> t.Iterator[Emulator]:
    """An emulator without anything in it; what it complains about fails the test."""
    emulator = pytestconfig.stash[_EMULATOR]
    emulator.reset()
    before = emulator.errors()
    yield emulator
    assert emulator.errors() == before


@pytest.fixture
def emulators(pytestconfig: pytest.Config) -> t.Iterator[list[Emulator]]:
    """Several of them."""
    running = pytestconfig.stash[_EMULATORS]
    before = running[0].errors()
    yield running
    assert running[0].errors() == before


@pytest.fixture
def datadog(emulator: Emulator) -> Datadog:
    """An organization without connections and with the team C(platform)."""
    team = {"data": {"type": "team", "attributes": {"name": "Platform", "handle": "platform"}}}
    assert emulator.call("POST", "/api/v2/team", team).status == 201
    # Few organizations have the list; tests that are about its absence turn it off.
    emulator.settings(list=True)
    emulator.clear()
    return Datadog(emulator)


@pytest.fixture
def unlisted(datadog: Datadog) -> Datadog:
    """The same organization as most are: Datadog does not offer it the list of connections."""
    datadog.emulator.settings(list=False)
    return datadog


@pytest.fixture
def file_backend(tmp_path: pathlib.Path, emulator: Emulator) -> FileBackend:
    """A registry in a file that does not exist yet."""
    return FileBackend(tmp_path, emulator.url)


@pytest.fixture
def datastore_backend(datadog: Datadog) -> DatastoreBackend:
    """A registry in a datastore that is empty."""
    return DatastoreBackend(datadog.emulator)


@pytest.fixture(params=["file", "datastore"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """A registry in each backend."""
    found: Backend = request.getfixturevalue(f"{request.param}_backend")
    return found


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Killer:
    """Kills the runs that are started from now on."""
    return Killer(monkeypatch)


@pytest.fixture
def runner(datadog: Datadog, backend: Backend) -> RegistryRunner:
    """The same organization, and a registry."""
    return RegistryRunner(datadog, backend)


class Server(Loopback):
    """A server that gives set answers, for what Datadog, and so the emulator, never says.

    :ivar answers: by HTTP method what is answered, or a list of what is answered one after the other: status, body and,
        if there is a third one, headers. A body that is no bytes goes out as JSON.
    :ivar seen: method, path with query, and headers of every request so far.
    """

    def __init__(self) -> None:
        self.answers: dict[str, t.Any] = {}
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Records a request and gives the answer that is set."""

            def answer(self) -> None:
                """For every method alike."""
                outer.seen.append((self.command, self.path, dict(self.headers)))
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = outer.answers[self.command]
                status, content, *headers = answer.pop(0) if isinstance(answer, list) else answer
                body = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in (headers[0] if headers else {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = do_DELETE = answer

            def log_message(self, *args: t.Any) -> None:
                pass

        super().__init__(Handler)
        self.url = f"http://127.0.0.1:{self.port}"


@pytest.fixture
def server() -> t.Iterator[Server]:
    with Server() as running:
        yield running
