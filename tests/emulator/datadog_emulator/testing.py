# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator as a test's companion: started, questioned, ended. Standard library only.

Tests put ``tests/emulator`` on ``sys.path`` and write::

    with running_emulator("--list", "--team", "platform") as datadog:
        ...  # a client talks to datadog.url
        assert [entry["method"] for entry in datadog.requests()] == ["POST"]
"""

from __future__ import annotations

import contextlib
import http.client
import json
import selectors
import ssl
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit

EMULATOR = Path(__file__).resolve().parent.parent
CREDENTIALS = {"DD-API-KEY": "api", "DD-APPLICATION-KEY": "app"}
# An emulator that its test never stopped ends by itself.
LIFETIME = 3600
START_SECONDS = 60
STOP_SECONDS = 30


def app_key_id(app_key: str) -> str:
    """Return the UUID by which the emulator knows an application key, for its registration."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, app_key))


def user_id(app_key: str = CREDENTIALS["DD-APPLICATION-KEY"]) -> str:
    """Return the UUID of the user who calls with an application key or an access token."""
    return str(uuid.uuid5(uuid.UUID("6f1b1d3e-1c0a-4f5e-9a3b-0d2c7a4e8b11"), app_key))


class Reply(NamedTuple):
    """An answer: status, headers with names in lower case, and the body, parsed if it is JSON."""

    status: int
    headers: dict[str, str]
    body: Any


class Emulator:
    """A running emulator, or one organization of several in the same process."""

    def __init__(self, url: str, process: subprocess.Popen[str], errors: IO[str]) -> None:
        self.url = url
        self.process = process
        self._errors = errors

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request and return its answer.

        ``body`` is sent as JSON, or as it is if it is bytes. ``headers`` replace the credentials
        that are sent otherwise.
        """
        sent = dict(CREDENTIALS if headers is None else headers)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None and not any(name.lower() == "content-type" for name in sent):
            sent["Content-Type"] = "application/json"
        connection = self.connection()
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        found = {name.lower(): value for name, value in response.getheaders()}
        try:
            return Reply(response.status, found, json.loads(raw) if raw else None)
        except ValueError:
            return Reply(response.status, found, raw)

    def connection(self) -> http.client.HTTPConnection:
        """Return a new connection to the emulator, for whoever wants to see the bytes."""
        parts = urlsplit(self.url)
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.netloc, timeout=60)
        # The certificate is the test's own, the server on this machine.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(parts.netloc, timeout=60, context=context)

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        reply = self.call(method, "/_emulator" + path, body, headers={})
        if reply.status != 200:
            raise ValueError(f"{method} {path}: {reply.status} {reply.body}")
        return reply.body

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests so far, in order of arrival, without the control requests."""
        found: list[dict[str, Any]] = self._control("GET", "/requests")["requests"]
        return found

    def clear(self) -> None:
        """Empty the request log; all else stays."""
        self._control("DELETE", "/requests")

    def add_fault(
        self,
        kind: str,
        *,
        method: str | None = None,
        path: str | None = None,
        skip: int = 0,
        times: int | None = 1,
        **details: Any,
    ) -> None:
        """Order a fault: ``add_fault("status", status=503, method="POST", times=2)``."""
        rule = {"method": method, "path": path, "skip": skip, "times": times}
        self._control("POST", "/faults", {**rule, "fault": {"kind": kind, **details}})

    def gateway(self, status: int, *, method: str | None = None, path: str | None = None, times: int = 1) -> None:
        """Let something in between answer requests with HTML of its own; no work is done."""
        self.add_fault("status", method=method, path=path, times=times, status=status, body="html")

    def faults(self) -> list[dict[str, Any]]:
        """Return the rules, each with how often it fired."""
        found: list[dict[str, Any]] = self._control("GET", "/faults")["faults"]
        return found

    def wait_for_fault(self) -> None:
        """Wait until the fault that was added last has fired."""
        while not self.faults()[-1]["fired"]:
            time.sleep(0.05)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._control("DELETE", "/faults")

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings (names as the switches, with underscores) and return all of them."""
        found: dict[str, Any] = self._control("PUT", "/settings", changes)
        return found

    def state(self) -> dict[str, Any]:
        """Return what exists: counts, and the action connections without their secrets."""
        found: dict[str, Any] = self._control("GET", "/state")
        return found

    def holds_secret(self, connection_id: str, path: str, value: str) -> bool:
        """Tell whether a connection's secret (``api_token``, ``tokens.NAME``) is this value."""
        question = {"connection_id": connection_id, "path": path, "value": value}
        found: bool = self._control("POST", "/secret", question)["matches"]
        return found

    def add_role(self, name: str) -> str:
        """Create a role and return its id."""
        return str(self._control("POST", "/roles", {"name": name})["id"])

    def add_user(self, email: str, **more: Any) -> str:
        """Create a user and return its id; an e-mail need not be unique.

        ``more`` is ``name``, ``disabled``, ``service_account``, and ``roles`` by id or name.
        """
        return str(self._control("POST", "/users", {"email": email, **more})["id"])

    def add_member(
        self,
        *,
        team: str | None = None,
        role: str | None = None,
        user: str | None = None,
        app_key: str = CREDENTIALS["DD-APPLICATION-KEY"],
    ) -> str:
        """Put a user, by default the one of ``app_key``, into a team (id or handle) or a role.

        Return the user's id.
        """
        member = {"app_key": app_key} if user is None else {"user": user}
        place = {"team": team, "role": role}
        given = {name: value for name, value in place.items() if value is not None}
        return str(self._control("POST", "/members", {**member, **given})["user"])

    def policies(self) -> dict[str, dict[str, list[str]]]:
        """Return every restriction policy: by resource, the sorted principals of each relation."""
        found = self._control("GET", "/policies")["policies"]
        return {
            resource: {binding["relation"]: binding["principals"] for binding in bindings}
            for resource, bindings in found.items()
        }

    def policy(self, resource_id: str) -> dict[str, list[str]] | None:
        """Return the policy of a resource (``connection:UUID``), or None when there is none."""
        return self.policies().get(resource_id)

    def reset(self) -> None:
        """Return to the state at start: settings, objects, faults and log."""
        self._control("POST", "/reset")

    def errors(self) -> str:
        """Return what the emulator has written to its standard error: nothing, if all is well."""
        self._errors.seek(0)
        return self._errors.read()

    def stop(self) -> int:
        """End the emulator and return its exit code; it may have ended before."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return self.process.returncode


@contextlib.contextmanager
def running_emulator(*switches: str, python: str = sys.executable, port: int = 0) -> Iterator[Emulator]:
    """Start an emulator with these switches, yield it, and stop it whatever happens.

    An error inside the emulator fails the test that was well otherwise; a client that does not
    speak HTTP is no such error.
    """
    with _running([port], switches, python) as [emulator]:
        yield emulator


@contextlib.contextmanager
def running_emulators(count: int, *switches: str) -> Iterator[list[Emulator]]:
    """Do the same for several organizations, which one process emulates."""
    with _running([0] * count, switches, sys.executable) as emulators:
        yield emulators


@contextlib.contextmanager
def _running(ports: Sequence[int], switches: Sequence[str], python: str) -> Iterator[list[Emulator]]:
    # Without switches nothing exists: the team that people find would surprise tests.
    command = [python, str(EMULATOR), "--lifetime", str(LIFETIME), "--no-team", *switches]
    for port in ports:
        command += ["--port", str(port)]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        with subprocess.Popen(  # noqa: S603 (the command is this file's own and the test's)
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process:
            emulators = [Emulator("", process, errors) for _port in ports]
            try:
                for emulator, url in zip(emulators, _first_lines(emulators[0], command)):
                    emulator.url = url
                yield emulators
            finally:
                emulators[0].stop()
        if str(EMULATOR) in emulators[0].errors():
            raise RuntimeError(f"the emulator failed:\n{emulators[0].errors()}")


def _first_lines(emulator: Emulator, command: Sequence[str]) -> Iterator[str]:
    """Yield the lines that it prints, one for each organization."""
    with selectors.DefaultSelector() as selector:
        if emulator.process.stdout is not None:
            selector.register(emulator.process.stdout, selectors.EVENT_READ)
            if selector.select(START_SECONDS):
                while line := emulator.process.stdout.readline().strip():
                    yield line
    emulator.stop()
    raise RuntimeError(f"{' '.join(command)} did not start:\n{emulator.errors()}")
