# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random runs with faults: when these are over, one last task gets what it wants, and nothing else has changed.

RANDOM_RUNS is how many scenarios there are, RANDOM_SEED the seed of the first one. C(make random-runs RUNS=1000) runs many.
"""

from __future__ import annotations

import os
import re
import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator import fault_kinds
from ansible_collections.tidyops.datadog.tests.unit.chaos import (
    FAULTS,
    Params,
    Result,
    Scenario,
    Task,
)
from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.examples import KINDS, example
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    Backend,
    RegistryRunner,
    rotated,
    secrets_of,
)

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("RANDOM_RUNS", "12"))
START = int(os.environ.get("RANDOM_SEED", "0"))
ACTIONS = "/api/v2/actions/connections"
TEAMS = "/api/v2/team/connections"
NAMES = ["Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta"]
#: How often a user does what errors say, before giving up.
ATTEMPTS = 15
ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture
def backend(seed: int, request: pytest.FixtureRequest) -> Backend:
    """Every second scenario with a registry has it in a datastore."""
    found: Backend = request.getfixturevalue("datastore_backend" if seed % 2 else "file_backend")
    return found


def seeds(remainder: int) -> list[int]:
    """Every third seed: a seed alone decides which kind of scenario it is."""
    return [seed for seed in range(START, START + COUNT) if seed % 3 == remainder]


class ActionScenario(Scenario):
    """Action connections, and a user who manages them, without a registry.

    :ivar options: those of all tasks.
    :ivar kinds: for each name the kind that it usually is, and another one.
    :ivar foreign: what Datadog returns of somebody else's connections, by their ids.
    """

    def __init__(self, datadog: Datadog, seed: int) -> None:
        super().__init__(datadog, seed)
        self.options: Params = {}
        self.kinds = {name: self.random.sample(KINDS, 2) for name in NAMES}
        self.foreign: dict[str, t.Any] = {}

    def begin(self) -> None:
        kinds = self.random.sample(KINDS, 3)
        connections = [{**example(kind), "name": f"Foreign {kind}"} for kind in kinds]
        self.run(Task("action_connections", {"connections": connections}))
        self.foreign = {each["id"]: self.read(each["id"]) for each in self.existing()}
        self.set_up()

    def set_up(self, **settings: t.Any) -> None:
        super().set_up(plain_attributes=self.chance(0.2), **settings)

    def read(self, connection_id: str) -> t.Any:
        return self.emulator.call("GET", f"{ACTIONS}/{connection_id}").body

    def existing(self) -> list[dict[str, t.Any]]:
        return self.emulator.state()["action_connections"]

    def own(self) -> list[tuple[str, str]]:
        """Names and ids of the user's connections."""
        return sorted((each["name"], each["id"]) for each in self.existing() if each["id"] not in self.foreign)

    def connection(self, name: str) -> tuple[str, Params]:
        """The kind, and a connection of that name, as a task may give it."""
        usual, other = self.kinds[name]
        kind = other if self.chance(0.25) else usual
        connection = {**example(kind), "name": name}
        if kind == "aws.assume_role" and self.chance(0.5):
            connection["aws"]["assume_role"]["role"] = "AnotherRole"
        return kind, rotated(connection, kind) if self.chance(0.5) else connection

    def random_task(self) -> Task:
        chosen = self.random.sample(NAMES, self.random.randint(1, len(NAMES)))
        params = {**self.options, "check_mode": self.chance(0.1)}
        if self.chance(0.2):
            params["state"] = "absent"
            connections: list[Params] = [{"name": name} for name in chosen]
        else:
            params.update(self.random_policy())
            connections = [self.connection(name)[1] for name in chosen]
        if self.chance(0.3):
            params.pop("purge", None)
            return Task("action_connection", {**params, **connections[0]})
        params["concurrency"] = self.random.randint(1, 8)
        return Task("action_connections", {**params, "connections": connections})

    def random_policy(self) -> Params:
        policies = ["on_change", "on_change", "always", "on_create"]
        return {
            "allow_replace": self.chance(0.7),
            "update_secrets": self.random.choice(policies),
        }

    def end(self) -> None:
        self.check_duplicates()
        chosen = self.random.sample(NAMES, self.random.randint(1, len(NAMES)))
        wanted = {name: self.connection(name) for name in chosen}
        self.bring_to([connection for _kind, connection in wanted.values()])
        ids = self.own()
        assert [name for name, _id in ids] == sorted(chosen)
        for name, connection_id in ids:
            kind, connection = wanted[name]
            for path, value in secrets_of(connection, kind).items():
                assert self.emulator.holds_secret(connection_id, path, value), f"{path} of {name}"
        self.emulator.settings(plain_attributes=False)
        assert {each: self.read(each) for each in self.foreign} == self.foreign
        self.check_log()

    def check_duplicates(self) -> None:
        """A run that may have left a second connection of a name has named it.

        Two runs at once create two where no registry has the name claimed; the next run names both.
        """
        messages = "".join(self.messages)
        for name in NAMES:
            ids = self.ids_of(name)
            is_named = any(text in messages for text in [repr(name), *ids])
            assert len(ids) < 2 or is_named or not (self.is_whole and self.is_alone), name

    def bring_to(self, connections: list[Params]) -> None:
        """Run the last task, until it succeeds and has nothing more to do."""
        names = [connection["name"] for connection in connections]
        unwanted = [{"name": name} for name in NAMES if name not in names]
        if unwanted:
            absent = {"connections": unwanted, "state": "absent"}
            self.until_it_succeeds(Task("action_connections", absent))
        params: Params = {"connections": connections, "allow_replace": True}
        # Without a registry nothing tells whether a secret differs.
        self.until_it_succeeds(Task("action_connections", {**params, "update_secrets": "always"}))
        self.check_unchanged(Task("action_connections", {**params, "update_secrets": "on_create"}))

    def until_it_succeeds(self, task: Task) -> None:
        for _attempt in range(ATTEMPTS):
            result = self.predict_and_run(task)
            if not self.heed(task, result):
                assert not result.get("failed"), result["msg"]
                return
        raise AssertionError("what the messages said did not help")

    def heed(self, task: Task, result: Result) -> bool:
        """Do what the errors of a set say. :returns: whether there were any that say what to do."""
        failed = [row for row in result.get("connections", []) if row.get("failed")]
        heeded = [self.heed_row(task, row["name"], row["msg"]) for row in failed]
        return any(heeded)

    def heed_row(self, task: Task, name: str, message: str) -> bool:
        """Do what the error of one connection says."""
        if re.search(r"\d+ action connections have the name", message):
            for connection_id in self.ids_of(name)[1:]:
                self.delete(connection_id)
            return True
        return False

    def ids_of(self, name: str) -> list[str]:
        return [connection_id for called, connection_id in self.own() if called == name]

    def delete(self, connection_id: str) -> None:
        self.lines.append(f"the user deletes {connection_id}")
        assert self.emulator.call("DELETE", f"{ACTIONS}/{connection_id}").status == 204


class RegistryScenario(ActionScenario):
    """The same, with a registry."""

    def __init__(self, runner: RegistryRunner, seed: int) -> None:
        super().__init__(runner.datadog, seed)
        self.runner = runner
        self.registry: Backend = runner.backend
        self.options = {"registry": self.registry.registry}

    def set_up(self, **settings: t.Any) -> None:
        # Without times nothing shows that a PATCH was worked on whose answer was lost.
        Scenario.set_up(
            self,
            list=self.chance(0.4),
            no_list=self.random.choice([404, 400]),
            datastore_conflict=self.random.choice([400, 409]),
            **settings,
        )

    def writes(self) -> t.Any:
        return self.runner.writes()

    def random_policy(self) -> Params:
        return {**super().random_policy(), "purge": self.chance(0.4)}

    def check_duplicates(self) -> None:
        """What the registry does not know was named, too."""
        messages, known = "".join(self.messages), self.registry.entries()
        ids = {entry.get(key) for entry in known.values() for key in ("id", "replaces")}
        for name, connection_id in self.own():
            if connection_id not in ids and not known.get(name, {}).get("claim"):
                assert repr(name) in messages or not self.is_whole, connection_id
                self.delete(connection_id)

    def bring_to(self, connections: list[Params]) -> None:
        params = {"connections": connections, "allow_replace": True, "purge": True, **self.options}
        task = Task("action_connections", params)
        self.until_it_succeeds(task)
        before = self.registry.raw()
        assert self.check_unchanged(task)["warnings"] == []
        assert self.registry.raw() == before
        self.check_no_secret(before.decode())
        assert self.registry.ids() == dict(self.own())

    def heed(self, task: Task, result: Result) -> bool:
        # What has a claim is not purged.
        text = " ".join(result["warnings"])
        names = re.findall(r"connection '(\w+)', which the task does not list, was not purged", text)
        for name in names:
            self.settle(Task("action_connection", {**self.options, "name": name}), name)
        return super().heed(task, result) or bool(names)

    def heed_row(self, task: Task, name: str, message: str) -> bool:
        beside = re.search(rf"was created to replace ({ID}) ", message)
        if beside:
            self.delete(beside[1])
        elif "connection_id" in message or "state=absent" in message:
            connections = {each["name"]: each for each in task.params["connections"]}
            more = {**self.options, "allow_replace": True}
            self.settle(Task("action_connection", {**more, **connections[name]}), name)
        else:
            return super().heed_row(task, name, message)
        return True

    def settle(self, task: Task, name: str) -> None:
        """Look whether a connection was created, and do what errors say in that case."""
        entry = self.registry.entries().get(name, {})
        old, known = entry.get("id"), self.registry.ids().values()
        new = [each for each in self.ids_of(name) if each not in known]
        assert len(new) <= 1
        is_wanted = len(task.params) > 2
        candidates = new or [each for each in self.ids_of(name) if each == old]
        once = candidates[0] if candidates else None
        self.lines.append(f"the user settles the claim of {name}: {once}")
        if once and is_wanted:
            params = {**task.params, "connection_id": once}
            if not new:
                # The old one as it is.
                integration, credentials = entry["integration"].split(".")
                params = {**self.options, "name": name, "connection_id": once, integration: {credentials: {}}}
            result = self.run(Task(task.module, params))
            assert not result.get("failed"), result["msg"]
            return
        for connection_id in {each for each in self.ids_of(name) if each in (old, *new)}:
            self.delete(connection_id)
        entries = self.registry.entries()
        del entries[name]
        self.registry.write(entries)


class TeamScenario(Scenario):
    """Team connections, and a user who manages them.

    :ivar teams: the ids of teams, by their handles.
    :ivar handles: the teams that the user connects.
    :ivar foreign: somebody else's connections.
    """

    def __init__(self, datadog: Datadog, seed: int) -> None:
        super().__init__(datadog, seed)
        count = self.random.choice([4, 4, 30, 120])
        self.teams = {f"team-{number}": self.new_team(f"team-{number}") for number in range(count)}
        self.handles = list(self.teams)
        self.foreign: list[tuple[str, str, str]] = []

    def begin(self) -> None:
        teams = self.handles[:2]
        connections = [{"team": team, "connected_team": "@acme/foreign"} for team in teams]
        self.run(Task("team_connections", {"connections": connections, "managed_by": "somebody"}))
        self.foreign = self.existing()
        is_limited = self.chance(0.2)
        if is_limited:
            self.handles = self.handles[2:]
        self.set_up(one_link_per_team=is_limited, partial_batches=self.chance(0.5))

    def new_team(self, handle: str) -> str:
        body = {"data": {"type": "team", "attributes": {"name": handle, "handle": handle}}}
        return str(self.emulator.call("POST", "/api/v2/team", body).body["data"]["id"])

    def existing(self) -> list[tuple[str, str, str]]:
        """Of each connection the team's id, the external team and the manager."""
        found: list[tuple[str, str, str]] = []
        while True:
            page = f"?page[size]=100&page[number]={len(found) // 100}"
            rows = self.emulator.call("GET", TEAMS + page).body["data"]
            for row in rows:
                team, connected_team = (row["relationships"][name]["data"]["id"] for name in ("team", "connected_team"))
                found.append((team, connected_team, row["attributes"]["managed_by"]))
            if len(rows) < 100:
                return sorted(found)

    def connection(self, handle: str) -> Params:
        """A connection of a team, as a task may give it."""
        team = self.random.choice([handle, self.teams[handle], self.teams[handle].upper()])
        return {
            "team": team,
            "connected_team": f"@acme/{self.random.choice(['a', 'a', 'b'])}-{handle}",
        }

    def random_connections(self, least: int) -> list[Params]:
        count = self.random.randint(least, len(self.handles))
        return [self.connection(handle) for handle in self.random.sample(self.handles, count)]

    def random_task(self) -> Task:
        params: Params = {
            "check_mode": self.chance(0.1),
            "managed_by": self.random.choice(["me", "me", "us"]),
        }
        if self.chance(0.2):
            params["state"] = "absent"
        connections = self.random_connections(1)
        if self.chance(0.3):
            return Task("team_connection", {**params, **connections[0]})
        if "state" not in params:
            params["purge"] = self.chance(0.4)
        return Task("team_connections", {**params, "connections": connections})

    def end(self) -> None:
        connections = self.random_connections(0)
        params = {"purge": True, "allow_empty": True}
        task = Task("team_connections", {**params, "connections": connections, "managed_by": "me"})
        others = Task("team_connections", {**params, "connections": [], "managed_by": "us"})
        for each in (others, task):
            result = self.predict_and_run(each)
            assert not result.get("failed"), result["msg"]
        assert self.check_unchanged(task)["warnings"] == []
        by_lower_case = {team.lower(): team for team in self.teams.values()}
        wanted = [
            (
                self.teams.get(each["team"]) or by_lower_case[each["team"].lower()],
                each["connected_team"],
                "me",
            )
            for each in connections
        ]
        assert self.existing() == sorted([*wanted, *self.foreign])
        self.check_log()


@pytest.mark.parametrize("seed", seeds(0))
def test_action_connections_with_a_registry(
    runner: RegistryRunner, seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    RegistryScenario(runner, seed).play(capfd)


@pytest.mark.parametrize("seed", seeds(1))
def test_action_connections_without_a_registry(datadog: Datadog, seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    ActionScenario(datadog, seed).play(capfd)


@pytest.mark.parametrize("seed", seeds(2))
def test_team_connections(datadog: Datadog, seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    TeamScenario(datadog, seed).play(capfd)


def test_all_kinds_of_faults_take_part() -> None:
    assert {fault["kind"] for fault in FAULTS} | {"omit"} == set(fault_kinds.KINDS)
