# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The five states of a registry's entry: what the next task does, and what a person does where the task fails."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.examples import example
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    CONNECTIONS,
    RegistryRunner,
    as_advised,
)

NAME = "GitLab"
#: What the task wants. An old connection, which it is to replace, has another integration.
NEW = {**example("aws.assume_role"), "name": NAME, "allow_replace": True}
ABSENT = {"name": NAME, "state": "absent"}
CLAIM = "aws.assume_role 2026-11-22T05:20:26Z 0011223344556677"


class Case(t.NamedTuple):
    """A state, what Datadog has, and what tasks do.

    :ivar state: what the entry has: nothing, C(claim), C(id), C(id claim) or C(id replaces).
    :ivar existing: which connections exist in Datadog, of those that the entry may name.
    :ivar is_listed: whether Datadog offers the list.
    :ivar present: the operation of the task; or C(error).
    :ivar absent: likewise, of the task that deletes.
    :ivar advice: what the error of the task says that a person should do; C(id of old) is to run it once with that.
    """

    state: str
    existing: str
    is_listed: bool
    present: str
    absent: str
    advice: str = ""


CASES = [
    Case("nothing", "", True, "create", "none"),
    Case("nothing", "", False, "create", "none"),
    Case("nothing", "new", True, "none", "delete"),
    Case("claim", "", True, "error", "none", "absent"),
    Case("claim", "", False, "error", "error", "remove the entry"),
    Case("claim", "new", True, "none", "delete"),
    Case("claim", "new", False, "error", "error", "id of new"),
    Case("id", "new", True, "none", "delete"),
    Case("id", "new", False, "none", "delete"),
    Case("id", "", True, "create", "none"),
    Case("id", "", False, "create", "none"),
    Case("id claim", "old", True, "error", "delete", "id of old"),
    Case("id claim", "old", False, "error", "error", "id of old"),
    Case("id claim", "old new", True, "replace", "delete"),
    Case("id claim", "old new", False, "error", "error", "id of new"),
    Case("id claim", "", True, "error", "none", "absent"),
    Case("id claim", "", False, "error", "error", "remove the entry"),
    Case("id replaces", "old new", True, "replace", "delete"),
    Case("id replaces", "old new", False, "replace", "delete"),
    Case("id replaces", "new", False, "none", "delete"),
    Case("id replaces", "old", False, "replace", "delete"),
    Case("id replaces", "", False, "create", "none"),
]


class Scene:
    """A case, set up in an organization."""

    def __init__(self, runner: RegistryRunner, case: Case) -> None:
        self.runner = runner
        self.emulator = runner.datadog.emulator
        self.ids: dict[str, str] = {}
        #: What the registry knows of connections that were deleted long ago.
        self.known = {
            "old": {"integration": "gitlab.api_key", "last_updated": "2026-01-01T00:00:00Z"},
            "new": {"integration": "aws.assume_role", "last_updated": "2026-01-01T00:00:00Z"},
        }
        self.create("old", "Gitlab", {"type": "GitlabAPIKey", "api_token": "secret"})
        role = NEW["aws"]["assume_role"]
        self.create("new", "AWS", {"type": "AWSAssumeRole", **role})
        for name, connection_id in self.ids.items():
            if name not in case.existing.split():
                runner.delete(connection_id)
        self.emulator.settings(list=case.is_listed)
        entry: dict[str, t.Any] = {}
        if case.state.startswith("id"):
            which = "old" if "claim" in case.state else "new"
            entry = {"id": self.ids[which], **self.known[which]}
        if "claim" in case.state:
            entry["claim"] = CLAIM
        if "replaces" in case.state:
            entry["replaces"] = self.ids["old"]
        if entry:
            runner.backend.write({NAME: {"id": None, **entry}})
        self.emulator.clear()

    def create(self, which: str, integration: str, credentials: dict[str, str]) -> None:
        """Create a connection that no registry knows."""
        attributes = {
            "name": NAME,
            "integration": {"type": integration, "credentials": credentials},
        }
        body = {"data": {"type": "action_connection", "attributes": attributes}}
        created = self.emulator.call("POST", CONNECTIONS, body)
        assert created.status == 201
        self.ids[which] = created.body["data"]["id"]
        found = self.emulator.call("GET", f"{CONNECTIONS}/{self.ids[which]}").body
        date, clock, *_zone = found["data"]["attributes"]["last_updated"].split()
        self.known[which]["last_updated"] = f"{date}T{clock}Z"

    def run(self, task: dict[str, t.Any], **params: t.Any) -> dict[str, t.Any]:
        # A claim is waited for as long as for an answer.
        return self.runner.run(**task, timeout=1, retries=0, **params)

    def predict_and_run(self, task: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run in check mode, which writes nothing, then without; where that fails, it writes nothing either."""
        before, writes = self.runner.backend.raw(), self.runner.writes()
        predicted = self.run(task, check_mode=True)
        assert (self.runner.backend.raw(), self.runner.writes()) == (before, writes)
        result = self.run(task)
        for key in ("operation", "msg", "diff"):
            assert result.get(key) == predicted.get(key)
        if result.get("failed"):
            assert (self.runner.backend.raw(), self.runner.writes()) == (before, writes)
        return result


def _param(case: Case) -> t.Any:
    # A claim is waited for.
    marks = [pytest.mark.slow] if "claim" in case.state else []
    return pytest.param(case, marks=marks, id="-".join(map(str, case[:3])))


@pytest.fixture(params=map(_param, CASES))
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def test_present(runner: RegistryRunner, case: Case) -> None:
    scene = Scene(runner, case)
    result = scene.predict_and_run(NEW)
    assert result.get("operation", "error") == case.present
    if case.present == "error":
        follow(scene, case.advice, result["msg"])
    [connection_id] = runner.existing()
    if "new" in case.existing:
        assert connection_id == scene.ids["new"]
    assert runner.backend.ids() == {NAME: connection_id}
    runner.run_unchanged(**NEW)


def test_absent(runner: RegistryRunner, case: Case) -> None:
    scene = Scene(runner, case)
    result = scene.predict_and_run(ABSENT)
    assert result.get("operation", "error") == case.absent
    if case.absent == "error":
        assert CLAIM in result["msg"] and repr(NAME) in result["msg"]
        return
    assert (runner.existing(), runner.backend.entries()) == ([], {})
    if case.existing == "old new":
        # That two are deleted is something to be told.
        assert any(scene.ids["old"] in warning for warning in result["warnings"])


def follow(scene: Scene, advice: str, message: str) -> None:
    """Do what the error says, and run the task again."""
    assert CLAIM in message and repr(NAME) in message
    if advice == "absent":
        assert "state=absent" in message
        scene.run(ABSENT)
    elif advice == "remove the entry":
        assert f"remove the entry {NAME!r}" in message
        scene.runner.backend.write({})
    else:
        assert "connection_id" in message
        given = scene.ids[advice.split()[-1]]
        task = {**NEW, "connection_id": given} if "new" in advice else as_advised(NAME, given, message)
        result = scene.run(task)
        assert not result.get("failed"), result["msg"]
    result = scene.run(NEW)
    assert not result.get("failed"), result["msg"]
