# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds from any state to any other, for random tasks."""

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import user_id
from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    FileBackend,
    RegistryRunner,
)
from ansible_collections.tidyops.datadog.tests.unit.strategies import (
    CONNECTED_TEAMS,
    HANDLES,
    LINES,
    Change,
    Given,
    Held,
    by_paths,
    changes,
    examples,
    held_after,
)

PATH = "/api/v2/actions/connections"
TEAM_PATH = "/api/v2/team"
LINK_PATH = "/api/v2/team/connections"
Results = list[dict[str, t.Any]]
pytestmark = pytest.mark.slow


@pytest.fixture
def backend(file_backend: FileBackend) -> FileBackend:
    return file_backend


class World:
    """An organization, a registry, and tasks that are run with the same options.

    :param registry: whether the tasks have a registry; without one the organization offers the list of connections.
    :ivar shared: the options of all tasks.
    """

    def __init__(self, runner: RegistryRunner, registry: bool, **shared: t.Any) -> None:
        self.datadog = runner.datadog
        self.backend = runner.backend
        self.shared = {"registry": self.backend.registry if registry else None, **shared}
        self.datadog.emulator.reset()
        self.datadog.emulator.settings(list=not registry)
        self.backend.path.unlink(missing_ok=True)

    def run(self, module: str, **params: t.Any) -> dict[str, t.Any]:
        result = self.datadog.run(module, **{**self.shared, **params})
        assert not result.get("failed"), result["msg"]
        return result

    def trace(self) -> tuple[bytes, Results]:
        """What only a run that changes something may add to."""
        return self.backend.raw(), self.datadog.writes()

    def shows_no_secret(self) -> None:
        """Results and logs are searched wherever a task is run."""
        assert CANARY.encode() not in self.backend.raw()
        assert CANARY not in json.dumps(self.datadog.requests())

    def converge(self, tasks: t.Callable[..., Results]) -> None:
        """Run tasks in check mode, without it, and again.

        :param tasks: runs them with the given options beside their own, and returns the results.
        """
        before = self.trace()
        predicted = tasks(check_mode=True)
        assert self.trace() == before
        assert summaries(tasks()) == summaries(predicted)
        after = self.trace()
        again = tasks()
        assert not any(result["changed"] for result in again)
        assert all(diff["before"] == diff["after"] for diff in diffs(again))
        assert self.trace() == after


def summaries(results: Results) -> Results:
    """What check mode predicts of a run."""
    return [
        {
            **{key: result[key] for key in ("changed", "diff", "warnings")},
            "operations": [row["operation"] for row in result.get("connections", [result])],
        }
        for result in results
    ]


def diffs(results: Results) -> Results:
    return [
        diff
        for result in results
        for diff in (result["diff"] if isinstance(result["diff"], list) else [result["diff"]])
    ]


class ActionConnections(World):
    """Action connections, and what Datadog is to hold."""

    def __init__(self, runner: RegistryRunner, registry: bool, **shared: t.Any) -> None:
        super().__init__(runner, registry, **{"allow_replace": True, **shared})
        self.held: dict[str, Held] = {}

    def expect(self, given: t.Iterable[Given], update_secrets: str = "on_change") -> None:
        """Work out what is to be held after tasks."""
        compares = bool(self.shared["registry"]) and update_secrets == "on_change"
        for each in given:
            self.held[each.name] = held_after(self.held.get(each.name), each, compares)

    def create(self, given: t.Sequence[Given]) -> None:
        self.apply(given)
        self.expect(given)

    def apply(self, given: t.Iterable[Given], **params: t.Any) -> Results:
        """In one task."""
        return [self.run("action_connections", connections=[each.options for each in given], **params)]

    def apply_each(self, given: t.Iterable[Given], absent: t.Iterable[str], **params: t.Any) -> Results:
        """In a task for each."""
        results = [self.run("action_connection", **each.options, **params) for each in given]
        return results + [self.run("action_connection", name=name, state="absent", **params) for name in absent]

    def documents(self) -> dict[str, dict[str, t.Any]]:
        """What Datadog answers of each connection, by their names, which are as many."""
        emulator = self.datadog.emulator
        ids = {each["name"]: each["id"] for each in emulator.state()["action_connections"]}
        assert len(ids) == emulator.state()["counts"]["action_connections"]
        return {
            name: emulator.call("GET", f"{PATH}/{connection_id}").body["data"] for name, connection_id in ids.items()
        }

    def holds_what_is_expected(self) -> None:
        """Datadog holds this, and nothing else."""
        documents = self.documents()
        assert set(documents) == set(self.held)
        for name, held in self.held.items():
            self._holds(documents[name], held)

    def _holds(self, document: dict[str, t.Any], held: Held) -> None:
        integration = document["attributes"]["integration"]
        credentials = integration["credentials"]
        assert (integration["type"], credentials["type"]) == held.kind.entry.types
        assert sorted(document["attributes"].get("tags", [])) == sorted(held.tags)
        if "http_tokens" in credentials:
            credentials["tokens"] = credentials["http_tokens"]
        answered = {**integration, **credentials}
        fields = {field.name: answered[field.name] for field in held.kind.fields if field.name in answered}
        there = Held(held.kind, by_paths(fields), held.tags)
        assert there.part(secret=False) == held.part(secret=False)
        secrets = held.part(secret=True)
        assert set(there.part(secret=True)) == set(secrets)
        for path, value in secrets.items():
            assert self.datadog.emulator.holds_secret(document["id"], path, value), path


def before_of(states: t.Iterable[Change]) -> list[Given]:
    return [change.before for change in states if change.before]


def after_of(states: t.Iterable[Change]) -> list[Given]:
    return [change.after for change in states if change.after]


def absent_of(states: t.Iterable[Change]) -> list[str]:
    return [change.name for change in states if change.before and not change.after]


class TestActionConnections:
    @examples(25)
    @given(states=changes(), update_secrets=st.sampled_from(["on_change", "on_create"]))
    def test_any_set_becomes_any_other(self, runner: RegistryRunner, states: list[Change], update_secrets: str) -> None:
        world = ActionConnections(runner, registry=True)
        world.create(before_of(states))
        wanted = after_of(states)
        shared = {"purge": True, "allow_empty": True, "update_secrets": update_secrets}
        world.converge(lambda **way: world.apply(wanted, **shared, **way))
        world.expect(wanted, update_secrets)
        for name in absent_of(states):
            del world.held[name]
        world.holds_what_is_expected()
        assert set(world.backend.ids()) == set(world.held)
        world.shows_no_secret()

    @examples(10)
    @given(states=changes())
    def test_a_set_without_a_registry(self, runner: RegistryRunner, states: list[Change]) -> None:
        world = ActionConnections(runner, registry=False)
        world.create(before_of(states))
        wanted = after_of(states)
        world.converge(lambda **way: world.apply(wanted, **way))
        world.expect(wanted)
        world.holds_what_is_expected()
        world.shows_no_secret()

    @examples(10)
    @given(states=changes(max_size=2), registry=st.booleans())
    def test_one_by_one(self, runner: RegistryRunner, states: list[Change], registry: bool) -> None:
        world = ActionConnections(runner, registry)
        world.create(before_of(states))
        wanted, absent = after_of(states), absent_of(states)
        world.converge(lambda **way: world.apply_each(wanted, absent, **way))
        world.expect(wanted)
        for name in absent:
            del world.held[name]
        world.holds_what_is_expected()
        world.shows_no_secret()

    @examples(6)
    @given(states=changes())
    def test_another_kind_needs_allow_replace(self, runner: RegistryRunner, states: list[Change]) -> None:
        world = ActionConnections(runner, registry=True, allow_replace=False)
        world.create(before_of(states))
        wanted, before = after_of(states), world.trace()
        result = world.datadog.connections(*(each.options for each in wanted), **world.shared)
        is_replaced = [
            change.name
            for change in states
            if change.before and change.after and change.before.kind != change.after.kind
        ]
        assert bool(result.get("failed")) == bool(is_replaced)
        if is_replaced:
            assert "allow_replace" in result["msg"]
            assert world.trace() == before
        else:
            world.expect(wanted)
        world.holds_what_is_expected()

    @examples(8)
    @given(states=changes(), registry=st.booleans())
    def test_what_is_read_can_be_given_back(self, runner: RegistryRunner, states: list[Change], registry: bool) -> None:
        world = ActionConnections(runner, registry)
        world.create(before_of(states))
        before = world.trace()
        known = {"registry": world.shared["registry"]}
        read = world.datadog.run("action_connection_info", **known)["connections"]
        options = [filled_in(row["options"], world.held[row["name"]]) for row in read]
        assert sorted(each["name"] for each in options) == sorted(world.held)
        given_back = world.datadog.connections(*options, **known)
        assert given_back["changed"] is False
        assert world.trace() == before
        world.shows_no_secret()


def filled_in(options: dict[str, t.Any], held: Held) -> dict[str, t.Any]:
    """With the credentials in headers and URL parameters that are not shown, but have to be given."""
    integration, credentials = held.kind.entry.keys
    inside = options[integration][credentials]
    for name in {"headers", "url_parameters"} & set(inside):
        for entry in inside[name]:
            entry.setdefault("value", held.values[f"{name}.{entry['name']}"])
    return options


class Link(t.NamedTuple):
    """A team connection: which team of the organization, and with which external team."""

    team: int
    connected_team: str
    by_id: bool


class Links(t.NamedTuple):
    """What a task gives of team connections."""

    links: list[Link]
    managed_by: str | None


@st.composite
def links(draw: st.DrawFn) -> tuple[list[str], Links, Links]:
    """The handles of teams, and two sets of connections of them."""
    handles = draw(st.lists(HANDLES, unique=True, min_size=1, max_size=3))
    others = draw(st.lists(CONNECTED_TEAMS, unique=True, min_size=1, max_size=3))
    managers = st.sampled_from([None, *draw(st.lists(LINES, unique=True, min_size=2, max_size=2))])
    link = st.builds(Link, st.integers(0, len(handles) - 1), st.sampled_from(others), st.booleans())
    sets = st.lists(link, unique_by=lambda each: each[:2], max_size=4)
    first, second = (Links(draw(sets), draw(managers)) for _time in range(2))
    return handles, first, second


class TeamConnections(World):
    """Team connections, and what Datadog is to hold: who manages each pair."""

    def __init__(self, runner: RegistryRunner, handles: t.Sequence[str]) -> None:
        super().__init__(runner, registry=False)
        self.handles = handles
        self.ids = [self._new_team(handle) for handle in handles]
        self.datadog.emulator.clear()
        self.held: dict[tuple[str, str], str] = {}

    def _new_team(self, handle: str) -> str:
        team = {"data": {"type": "team", "attributes": {"name": handle, "handle": handle}}}
        reply = self.datadog.emulator.call("POST", TEAM_PATH, team)
        assert reply.status == 201
        return reply.body["data"]["id"]

    def pair(self, link: Link) -> tuple[str, str]:
        return self.ids[link.team], link.connected_team

    def option(self, link: Link) -> dict[str, str]:
        team = (self.ids if link.by_id else self.handles)[link.team]
        return {"team": team, "connected_team": link.connected_team}

    def apply(self, given: Links, **params: t.Any) -> Results:
        """In one task."""
        connections = [self.option(link) for link in given.links]
        return [self.run("team_connections", connections=connections, managed_by=given.managed_by, **params)]

    def apply_each(self, given: Links, absent: t.Iterable[Link], **params: t.Any) -> Results:
        """In a task for each."""
        results = [
            self.run("team_connection", **self.option(link), managed_by=given.managed_by, **params)
            for link in given.links
        ]
        return results + [self.run("team_connection", **self.option(link), state="absent", **params) for link in absent]

    def expect(self, given: Links) -> None:
        for link in given.links:
            # Left out, it becomes the user who calls.
            there = self.held.get(self.pair(link), user_id(self.datadog.KEYS["app_key"]))
            self.held[self.pair(link)] = there if given.managed_by is None else given.managed_by

    def expect_purged(self, given: Links) -> None:
        wanted = {self.pair(link) for link in given.links}
        self.held = {
            pair: manager
            for pair, manager in self.held.items()
            if pair in wanted or given.managed_by not in (None, manager)
        }

    def holds_what_is_expected(self) -> None:
        """Datadog holds this, and nothing else."""
        rows = self.datadog.emulator.call("GET", LINK_PATH).body["data"]
        found = {
            (
                row["relationships"]["team"]["data"]["id"],
                row["relationships"]["connected_team"]["data"]["id"],
            ): row[
                "attributes"
            ]["managed_by"]
            for row in rows
        }
        assert len(found) == len(rows)
        assert found == self.held


class TestTeamConnections:
    @examples(25)
    @given(states=links(), purge=st.booleans())
    def test_any_set_becomes_any_other(
        self, runner: RegistryRunner, states: tuple[list[str], Links, Links], purge: bool
    ) -> None:
        handles, first, second = states
        world = TeamConnections(runner, handles)
        world.apply(first)
        world.expect(first)
        world.converge(lambda **way: world.apply(second, purge=purge, allow_empty=True, **way))
        world.expect(second)
        if purge:
            world.expect_purged(second)
        world.holds_what_is_expected()

    @examples(5)
    @given(states=links())
    def test_one_by_one(self, runner: RegistryRunner, states: tuple[list[str], Links, Links]) -> None:
        handles, first, second = states
        world = TeamConnections(runner, handles)
        world.apply(first)
        world.expect(first)
        wanted = {world.pair(link) for link in second.links}
        absent = [link for link in first.links if world.pair(link) not in wanted]
        world.converge(lambda **way: world.apply_each(second, absent, **way))
        world.expect(second)
        for link in absent:
            del world.held[world.pair(link)]
        world.holds_what_is_expected()
