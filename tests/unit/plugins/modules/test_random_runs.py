# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random runs with faults: when these are over, one last task brings everything to what it says.

RANDOM_RUNS is how many stories there are, RANDOM_SEED the seed of the first one. C(make random-runs RUNS=1000) runs many.
"""

from __future__ import annotations

import os
import re
import typing as t

import pytest

from ansible_collections.tidyops.datadog.plugins.module_utils import _datastore_registry
from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator import fault_kinds
from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.examples import KINDS, example
from ansible_collections.tidyops.datadog.tests.unit.keeper import (
    Home,
    Keeper,
    rotated,
    secrets_of,
)
from ansible_collections.tidyops.datadog.tests.unit.stories import (
    FAULTS,
    LATE,
    Params,
    Result,
    Story,
    Task,
)

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("RANDOM_RUNS", "12"))
START = int(os.environ.get("RANDOM_SEED", "0"))
ACTIONS = "/api/v2/actions/connections"
TEAMS = "/api/v2/team/connections"
NAMES = ["Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta"]
#: How often a user reads what is wrong, and does something about it, before giving up.
PATIENCE = 15

#: What messages say, as far as a user has to do something about it.
SEVERAL = r"\d+ action connections are called '(?P<name>\w+)'"
RIVAL_OF_FORMER = (
    r"while it replaced (?P<former>\S+) \(\S+\) by [^.]+\.\w+\)\. There is another one"
)
MAY_BE_CREATED = r"connection '(?P<name>\w+)' \(\S+\) may have been created.*? Way out:(?P<way>.*?) of the registry"
NOT_PURGED = r"connection '(?P<name>\w+)', which the task does not list, was not purged"


@pytest.fixture
def home(seed: int, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Every second story with a registry has it in a datastore."""
    found: Home = request.getfixturevalue("datastore_home" if seed % 2 else "file_home")
    # Who takes a run for dead takes it that none of its requests is still to be worked on.
    monkeypatch.setattr(_datastore_registry, "LEASE", 2 * LATE)
    return found


def said(result: Result) -> str:
    return " ".join([result.get("msg", ""), *result["warnings"]])


def seeds(remainder: int) -> list[int]:
    """Every third seed: a seed alone tells what kind of story it makes."""
    return [seed for seed in range(START, START + COUNT) if seed % 3 == remainder]


class ActionStory(Story):
    """Action connections, and a user who keeps them, without a registry.

    :ivar options: those that all tasks have.
    :ivar kinds: of each name the kind that it usually is, and another one.
    :ivar foreign: what Datadog says of somebody else's connections, by their ids.
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
        self.foreign = {each["id"]: self.read(each["id"]) for each in self.there()}
        self.set_up(omit_tokens=self.chance(0.3), plain_attributes=self.chance(0.2))

    def read(self, connection_id: str) -> t.Any:
        return self.emulator.call("GET", f"{ACTIONS}/{connection_id}").body

    def there(self) -> list[dict[str, t.Any]]:
        return self.emulator.state()["action_connections"]

    def kept(self) -> list[tuple[str, str]]:
        """Names and ids of the connections that are the user's."""
        return sorted(
            (each["name"], each["id"]) for each in self.there() if each["id"] not in self.foreign
        )

    def connection(self, name: str) -> tuple[str, Params]:
        """The kind, and what a task may say of a connection of that name."""
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
        self.check_doubles()
        chosen = self.random.sample(NAMES, self.random.randint(0, len(NAMES)))
        wanted = {name: self.connection(name) for name in chosen}
        self.bring_to([connection for _kind, connection in wanted.values()])
        ids = self.kept()
        assert [name for name, _id in ids] == sorted(chosen)
        for name, connection_id in ids:
            kind, connection = wanted[name]
            for path, value in secrets_of(connection, kind).items():
                assert self.emulator.holds_secret(connection_id, path, value), f"{path} of {name}"
        self.emulator.settings(omit_tokens=False, plain_attributes=False)
        assert {each: self.read(each) for each in self.foreign} == self.foreign
        self.check_log()

    def check_doubles(self) -> None:
        """Whoever could not see to it that a connection is the only one of its name has said so."""
        messages = "".join(self.messages)
        for name in NAMES:
            ids = self.ids_of(name)
            is_told = any(text in messages for text in [repr(name), *ids])
            assert len(ids) < 2 or is_told or not self.is_whole, name

    def bring_to(self, connections: list[Params]) -> None:
        """Run the last task, until it succeeds and has nothing more to do."""
        names = [connection["name"] for connection in connections]
        self.until_it_succeeds(self.absent([name for name in NAMES if name not in names]))
        params = {"connections": connections, "allow_replace": True}
        # Nothing tells whether a secret differs.
        self.until_it_succeeds(Task("action_connections", {**params, "update_secrets": "always"}))
        self.check_silent(Task("action_connections", {**params, "update_secrets": "on_create"}))

    def absent(self, names: t.Sequence[str]) -> Task:
        connections = [{"name": name} for name in names]
        params = {**self.options, "connections": connections, "state": "absent"}
        return Task("action_connections", params)

    def until_it_succeeds(self, task: Task) -> None:
        for _attempt in range(PATIENCE):
            result = self.foretell_and_run(task)
            if not self.heed(task, result):
                assert not result.get("failed"), result["msg"]
                return
        raise AssertionError("what the messages said did not help")

    def heed(self, task: Task, result: Result) -> bool:
        """Do what a message says that a user should do. :returns: whether there was such a message."""
        found = list(re.finditer(SEVERAL, said(result)))
        for match in found:
            self.delete_all_but_one(match["name"])
        return bool(found)

    def ids_of(self, name: str) -> list[str]:
        return [connection_id for called, connection_id in self.kept() if called == name]

    def delete_all_but_one(self, name: str) -> None:
        for connection_id in self.ids_of(name)[1:]:
            self.delete(connection_id)

    def delete(self, connection_id: str) -> None:
        self.lines.append(f"the user deletes {connection_id}")
        assert self.emulator.call("DELETE", f"{ACTIONS}/{connection_id}").status == 204


class KeptActionStory(ActionStory):
    """The same, with a registry."""

    def __init__(self, keeper: Keeper, seed: int) -> None:
        super().__init__(keeper.datadog, seed)
        self.keeper = keeper
        self.home: Home = keeper.home
        self.options = {"registry": self.home.registry}

    def set_up(self, **settings: t.Any) -> None:
        super().set_up(
            no_list=self.random.choice([None, 404, 403]),
            datastore_conflict=self.random.choice([400, 409]),
            **settings,
        )

    def writes(self) -> t.Any:
        return self.keeper.writes()

    def random_policy(self) -> Params:
        return {**super().random_policy(), "purge": self.chance(0.4)}

    def bring_to(self, connections: list[Params]) -> None:
        params = {"connections": connections, "allow_replace": True, "purge": True, **self.options}
        task = Task("action_connections", params)
        self.until_it_succeeds(task)
        before = self.home.raw()
        assert self.check_silent(task)["warnings"] == []
        assert self.home.raw() == before
        self.check_no_secret(before.decode())
        assert self.home.ids() == dict(self.kept())

    def heed(self, task: Task, result: Result) -> bool:
        advice = {
            RIVAL_OF_FORMER: self.delete_former,
            MAY_BE_CREATED: self.look,
            NOT_PURGED: self.remove,
        }
        texts = said(result)
        found = [
            (act, match) for pattern, act in advice.items() for match in re.finditer(pattern, texts)
        ]
        for act, match in found:
            act(task, match)
        return super().heed(task, result) or bool(found)

    def delete_former(self, task: Task, match: re.Match[str]) -> None:
        self.delete(match["former"])

    def remove(self, task: Task, match: re.Match[str]) -> None:
        self.until_it_succeeds(self.absent([match["name"]]))

    def look(self, task: Task, match: re.Match[str]) -> None:
        """See whether a connection was created, and go the way that there is in that case."""
        name, way = match["name"], match["way"]
        known = re.search(r" other than (\S+)", way)
        created = [each for each in self.ids_of(name) if not known or each != known[1]]
        assert len(created) <= 1
        if "delete it" in way:
            for connection_id in created:
                self.delete(connection_id)
            self.edit_entry(name, "creating and replaces from" in way)
        elif created:
            self.adopt(task, name, created[0])
        else:
            self.edit_entry(name, keeps=False)

    def adopt(self, task: Task, name: str, connection_id: str) -> None:
        """Run the task once with the id of a connection."""
        connections = [each for each in task.params["connections"] if each["name"] == name]
        params = {key: value for key, value in task.params.items() if key != "connections"}
        params.pop("purge", None)
        once = {**params, **connections[0], "connection_id": connection_id}
        result = self.run(Task("action_connection", once))
        assert not result.get("failed"), result["msg"]

    def edit_entry(self, name: str, keeps: bool) -> None:
        """Remove an entry of the registry, or what it says of an interrupted run."""
        self.lines.append(f"the user edits the entry {name}")
        entries = self.home.entries()
        entry = entries.pop(name)
        if keeps:
            for key in ("creating", "replaces"):
                entry.pop(key, None)
            entries[name] = entry
        self.home.write(entries)


class TeamStory(Story):
    """Team connections, and a user who keeps them.

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
        self.foreign = self.there()
        takes_one = self.chance(0.2)
        if takes_one:
            self.handles = self.handles[2:]
        self.set_up(one_link_per_team=takes_one, partial_batches=self.chance(0.5))

    def new_team(self, handle: str) -> str:
        body = {"data": {"type": "team", "attributes": {"name": handle, "handle": handle}}}
        return str(self.emulator.call("POST", "/api/v2/team", body).body["data"]["id"])

    def there(self) -> list[tuple[str, str, str]]:
        """Of each connection the team's id, the external team and the manager."""
        found: list[tuple[str, str, str]] = []
        while True:
            page = f"?page[size]=100&page[number]={len(found) // 100}"
            rows = self.emulator.call("GET", TEAMS + page).body["data"]
            for row in rows:
                team, connected_team = (
                    row["relationships"][name]["data"]["id"] for name in ("team", "connected_team")
                )
                found.append((team, connected_team, row["attributes"]["managed_by"]))
            if len(rows) < 100:
                return sorted(found)

    def connection(self, handle: str) -> Params:
        """What a task may say of a connection of a team."""
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
        task = Task(
            "team_connections", {"connections": connections, "managed_by": "me", "purge": True}
        )
        others = Task("team_connections", {"connections": [], "managed_by": "us", "purge": True})
        for each in (others, task):
            result = self.foretell_and_run(each)
            assert not result.get("failed"), result["msg"]
        assert self.check_silent(task)["warnings"] == []
        by_lower_case = {team.lower(): team for team in self.teams.values()}
        wanted = [
            (
                self.teams.get(each["team"]) or by_lower_case[each["team"].lower()],
                each["connected_team"],
                "me",
            )
            for each in connections
        ]
        assert self.there() == sorted([*wanted, *self.foreign])
        self.check_log()


@pytest.mark.parametrize("seed", seeds(0))
def test_action_connections_with_a_registry(
    keeper: Keeper, seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    KeptActionStory(keeper, seed).live(capfd)


@pytest.mark.parametrize("seed", seeds(1))
def test_action_connections_without_a_registry(
    datadog: Datadog, seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    ActionStory(datadog, seed).live(capfd)


@pytest.mark.parametrize("seed", seeds(2))
def test_team_connections(datadog: Datadog, seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    TeamStory(datadog, seed).live(capfd)


def test_all_kinds_of_faults_take_part() -> None:
    assert {fault["kind"] for fault in FAULTS} == set(fault_kinds.KINDS)
