# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds from any state to any other."""

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY
from ansible_collections.tidyops.datadog.tests.unit.keeper import (
    FileHome,
    Keeper,
)
from ansible_collections.tidyops.datadog.tests.unit.states import (
    CONNECTED_TEAMS,
    HANDLES,
    LINES,
    Change,
    Held,
    Said,
    by_paths,
    changes,
    examples,
    held_after,
)

pytestmark = pytest.mark.slow

PATH = "/api/v2/actions/connections"
TEAM_PATH = "/api/v2/team"
LINK_PATH = "/api/v2/team/connections"
Results = list[dict[str, t.Any]]


@pytest.fixture
def home(file_home: FileHome) -> FileHome:
    return file_home


class World:
    """An organisation, a registry, and tasks that are run with them in one way.

    :param registry: whether the tasks have a registry.
    :ivar shared: what all tasks say.
    """

    def __init__(self, keeper: Keeper, registry: bool, **shared: t.Any) -> None:
        self.datadog = keeper.datadog
        self.home = keeper.home
        self.shared = {"registry": self.home.registry if registry else None, **shared}
        self.datadog.emulator.reset()
        self.home.path.unlink(missing_ok=True)

    def run(self, module: str, **params: t.Any) -> dict[str, t.Any]:
        result = self.datadog.run(module, **{**self.shared, **params})
        assert not result.get("failed"), result["msg"]
        return result

    def trace(self) -> tuple[bytes, Results]:
        """What only a run that changes something may add to."""
        return self.home.raw(), self.datadog.writes()

    def tells_no_secret(self) -> None:
        """Results and logs are searched wherever a task is run."""
        assert CANARY.encode() not in self.home.raw()
        assert CANARY not in json.dumps(self.datadog.requests())

    def converge(self, tasks: t.Callable[..., Results]) -> None:
        """Run tasks in check mode, in earnest and again.

        :param tasks: runs them with the given options beside their own, and returns the results.
        """
        before = self.trace()
        foretold = tasks(check_mode=True)
        assert self.trace() == before
        assert told(tasks()) == told(foretold)
        after = self.trace()
        again = tasks()
        assert not any(result["changed"] for result in again)
        assert all(diff["before"] == diff["after"] for diff in diffs(again))
        assert self.trace() == after


def told(results: Results) -> Results:
    """What check mode tells of a run."""
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
    """Action connections, and what is to be held of them."""

    def __init__(self, keeper: Keeper, registry: bool, **shared: t.Any) -> None:
        super().__init__(keeper, registry, **{"allow_replace": True, **shared})
        self.held: dict[str, Held] = {}

    def says(self, said: t.Iterable[Said], update_secrets: str = "on_change") -> None:
        """Work out what is to be held after tasks."""
        compares = bool(self.shared["registry"]) and update_secrets == "on_change"
        for each in said:
            self.held[each.name] = held_after(self.held.get(each.name), each, compares)

    def create(self, said: t.Sequence[Said]) -> None:
        self.keep(said)
        self.says(said)

    def keep(self, said: t.Iterable[Said], **params: t.Any) -> Results:
        """In one task."""
        return [
            self.run("action_connections", connections=[each.options for each in said], **params)
        ]

    def keep_each(self, said: t.Iterable[Said], gone: t.Iterable[str], **params: t.Any) -> Results:
        """In a task for each."""
        kept = [self.run("action_connection", **each.options, **params) for each in said]
        return kept + [
            self.run("action_connection", name=name, state="absent", **params) for name in gone
        ]

    def documents(self) -> dict[str, dict[str, t.Any]]:
        """What Datadog answers of each connection, by their names, which are as many."""
        emulator = self.datadog.emulator
        ids = {each["name"]: each["id"] for each in emulator.state()["action_connections"]}
        assert len(ids) == emulator.state()["counts"]["action_connections"]
        return {
            name: emulator.call("GET", f"{PATH}/{connection_id}").body["data"]
            for name, connection_id in ids.items()
        }

    def holds_what_was_said(self) -> None:
        """Datadog holds this, and nothing else."""
        documents = self.documents()
        assert set(documents) == set(self.held)
        for name, held in self.held.items():
            self._holds(documents[name], held)

    def _holds(self, document: dict[str, t.Any], held: Held) -> None:
        integration = document["attributes"]["integration"]
        credentials = integration["credentials"]
        assert integration["type"] == held.kind.integration.type
        assert credentials["type"] == held.kind.credentials.type
        answered = {**integration, **credentials}
        fields = {
            field.name: answered[field.name] for field in held.kind.fields if field.name in answered
        }
        there = Held(held.kind, by_paths(fields))
        assert there.part(secret=False) == held.part(secret=False)
        secrets = held.part(secret=True)
        assert set(there.part(secret=True)) == set(secrets)
        for path, value in secrets.items():
            assert self.datadog.emulator.holds_secret(document["id"], path, value), path


def before_of(states: t.Iterable[Change]) -> list[Said]:
    return [change.before for change in states if change.before]


def after_of(states: t.Iterable[Change]) -> list[Said]:
    return [change.after for change in states if change.after]


def gone_of(states: t.Iterable[Change]) -> list[str]:
    return [change.name for change in states if change.before and not change.after]


POLICIES = st.sampled_from(["on_change", "on_create"])


class TestActionConnections:
    @examples(25)
    @given(states=changes(), policy=POLICIES, no_list=st.sampled_from([None, 404]))
    def test_any_set_becomes_any_other(
        self, keeper: Keeper, states: list[Change], policy: str, no_list: int | None
    ) -> None:
        world = ActionConnections(keeper, registry=True)
        world.datadog.emulator.settings(no_list=no_list)
        world.create(before_of(states))
        said = after_of(states)
        world.converge(lambda **way: world.keep(said, purge=True, update_secrets=policy, **way))
        world.says(said, policy)
        for name in gone_of(states):
            del world.held[name]
        world.holds_what_was_said()
        assert set(world.home.ids()) == set(world.held)
        world.tells_no_secret()

    @examples(12)
    @given(states=changes())
    def test_a_set_without_a_registry(self, keeper: Keeper, states: list[Change]) -> None:
        world = ActionConnections(keeper, registry=False)
        world.create(before_of(states))
        said = after_of(states)
        world.converge(lambda **way: world.keep(said, **way))
        world.says(said)
        world.holds_what_was_said()
        world.tells_no_secret()

    @examples(10)
    @given(states=changes(max_size=2), registry=st.booleans())
    def test_one_by_one(self, keeper: Keeper, states: list[Change], registry: bool) -> None:
        world = ActionConnections(keeper, registry)
        world.create(before_of(states))
        said, gone = after_of(states), gone_of(states)
        world.converge(lambda **way: world.keep_each(said, gone, **way))
        world.says(said)
        for name in gone:
            del world.held[name]
        world.holds_what_was_said()
        world.tells_no_secret()

    @examples(6)
    @given(states=changes())
    def test_another_kind_needs_leave(self, keeper: Keeper, states: list[Change]) -> None:
        world = ActionConnections(keeper, registry=True, allow_replace=False)
        world.create(before_of(states))
        said, before = after_of(states), world.trace()
        result = world.datadog.connections(*(each.options for each in said), **world.shared)
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
            world.says(said)
        world.holds_what_was_said()

    @examples(8)
    @given(states=changes(), registry=st.booleans())
    def test_what_is_read_can_be_given_back(
        self, keeper: Keeper, states: list[Change], registry: bool
    ) -> None:
        world = ActionConnections(keeper, registry)
        said = before_of(states)
        world.create(said)
        before = world.trace()
        known = {"registry": world.shared["registry"]}
        read = world.datadog.run("action_connection_info", **known)["connections"]
        options = [filled_in(row["options"], world.held[row["name"]]) for row in read]
        assert sorted(each["name"] for each in options) == sorted(world.held)
        given_back = world.datadog.connections(*options, **known)
        assert given_back["changed"] is False
        assert world.trace() == before
        world.tells_no_secret()


def filled_in(options: dict[str, t.Any], held: Held) -> dict[str, t.Any]:
    """With the credentials in headers and URL parameters that are not shown, but have to be given."""
    inside = options[held.kind.integration.key][held.kind.credentials.key]
    for name in {"headers", "url_parameters"} & set(inside):
        for entry in inside[name]:
            entry.setdefault("value", held.values[f"{name}.{entry['name']}"])
    return options


class Link(t.NamedTuple):
    """A team connection: which team of the organisation, and with whom."""

    team: int
    connected_team: str
    by_id: bool


class Links(t.NamedTuple):
    """What a task says of team connections."""

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
    """Team connections, and what is to be held of them: who manages each pair."""

    def __init__(self, keeper: Keeper, handles: t.Sequence[str]) -> None:
        super().__init__(keeper, registry=False)
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

    def keep(self, said: Links, **params: t.Any) -> Results:
        """In one task."""
        connections = [self.option(link) for link in said.links]
        return [
            self.run(
                "team_connections", connections=connections, managed_by=said.managed_by, **params
            )
        ]

    def keep_each(self, said: Links, gone: t.Iterable[Link], **params: t.Any) -> Results:
        """In a task for each."""
        kept = [
            self.run("team_connection", **self.option(link), managed_by=said.managed_by, **params)
            for link in said.links
        ]
        return kept + [
            self.run("team_connection", **self.option(link), state="absent", **params)
            for link in gone
        ]

    def says(self, said: Links) -> None:
        for link in said.links:
            there = self.held.get(self.pair(link), "datadog")
            self.held[self.pair(link)] = there if said.managed_by is None else said.managed_by

    def purges(self, said: Links) -> None:
        wanted = {self.pair(link) for link in said.links}
        self.held = {
            pair: manager
            for pair, manager in self.held.items()
            if pair in wanted or said.managed_by not in (None, manager)
        }

    def holds_what_was_said(self) -> None:
        """Datadog holds this, and nothing else."""
        rows = self.datadog.emulator.call("GET", LINK_PATH).body["data"]
        found = {
            (
                row["relationships"]["team"]["data"]["id"],
                row["relationships"]["connected_team"]["data"]["id"],
            ): row["attributes"]["managed_by"]
            for row in rows
        }
        assert len(found) == len(rows)
        assert found == self.held


class TestTeamConnections:
    @examples(25)
    @given(states=links(), purge=st.booleans())
    def test_any_set_becomes_any_other(
        self, keeper: Keeper, states: tuple[list[str], Links, Links], purge: bool
    ) -> None:
        handles, first, second = states
        world = TeamConnections(keeper, handles)
        world.keep(first)
        world.says(first)
        world.converge(lambda **way: world.keep(second, purge=purge, **way))
        world.says(second)
        if purge:
            world.purges(second)
        world.holds_what_was_said()

    @examples(5)
    @given(states=links())
    def test_one_by_one(self, keeper: Keeper, states: tuple[list[str], Links, Links]) -> None:
        handles, first, second = states
        world = TeamConnections(keeper, handles)
        world.keep(first)
        world.says(first)
        wanted = {world.pair(link) for link in second.links}
        gone = [link for link in first.links if world.pair(link) not in wanted]
        world.converge(lambda **way: world.keep_each(second, gone, **way))
        world.says(second)
        for link in gone:
            del world.held[world.pair(link)]
        world.holds_what_was_said()
