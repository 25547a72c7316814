# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of action connections. What holds of each connection alone is tested with action_connection."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog, Server
from ansible_collections.tidyops.datadog.tests.unit.examples import (
    CANARY,
    KINDS,
    LOST_ANSWERS,
    example,
)
from ansible_collections.tidyops.datadog.tests.unit.keeper import (
    DatastoreHome,
    FileHome,
    Home,
    Keeper,
    rotated,
)

PATH = "/api/v2/actions/connections"
UNKNOWN_ID = "3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"
ALL = [example(kind) for kind in KINDS]


def aws(name: str, role: str = "Role") -> dict[str, t.Any]:
    return {"name": name, "aws": {"assume_role": {"account_id": "123456789012", "role": role}}}


def gitlab(name: str, token: str = CANARY) -> dict[str, t.Any]:
    return {"name": name, "gitlab": {"api_key": {"api_token": token}}}


def roles(count: int, role: str = "Role") -> list[dict[str, t.Any]]:
    return [aws(f"Account {number:03}", role) for number in range(count)]


def operations(result: t.Mapping[str, t.Any]) -> list[str]:
    return [row["operation"] for row in result["connections"]]


def titles(result: t.Mapping[str, t.Any]) -> list[str]:
    return [row["name"] for row in result["connections"]]


class Set:
    """A set of connections, and a registry for it."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.datadog = keeper.datadog
        self.home: Home = keeper.home

    def run(self, *connections: t.Mapping[str, t.Any], **params: t.Any) -> dict[str, t.Any]:
        result = self.datadog.connections(
            *connections, **{"registry": self.home.registry, **params}
        )
        assert CANARY.encode() not in self.home.raw()
        return result

    def foretold_and_run(
        self, *connections: t.Mapping[str, t.Any], **params: t.Any
    ) -> dict[str, t.Any]:
        """Run in check mode and in earnest: what is foretold comes true, and foretelling writes nothing."""
        before, writes = self.home.raw(), self.keeper.writes()
        foretold = self.run(*connections, **params, check_mode=True)
        assert (self.home.raw(), self.keeper.writes()) == (before, writes)
        result = self.run(*connections, **params)
        assert operations(result) == operations(foretold)
        for key in ("changed", "diff", "warnings"):
            assert result[key] == foretold[key]
        return result

    def is_silent(self, *connections: t.Mapping[str, t.Any], **params: t.Any) -> None:
        """No write, no change, no warning, and the registry stays as it is."""
        before, writes = self.home.raw(), self.keeper.writes()
        result = self.run(*connections, **params)
        assert not result.get("failed"), result["msg"]
        assert (result["changed"], result["diff"], result["warnings"]) == (False, [], [])
        assert set(operations(result)) == {"none"}
        assert (self.home.raw(), self.keeper.writes()) == (before, writes)

    def is_whole(self, *names: str) -> None:
        """Datadog has one connection of each name, and the registry knows it."""
        there = self.datadog.emulator.state()["action_connections"]
        assert sorted(each["name"] for each in there) == sorted(names)
        assert self.home.ids() == {each["name"]: each["id"] for each in there}


@pytest.fixture
def home(request: pytest.FixtureRequest) -> Home:
    """A registry in a file, unless a test asks for both backends."""
    found: Home = request.getfixturevalue(f"{getattr(request, 'param', 'file')}_home")
    return found


BOTH_BACKENDS = pytest.mark.parametrize(
    "home", ["file", pytest.param("datastore", marks=pytest.mark.slow)], indirect=True
)


@pytest.fixture(name="kept")
def fixture_kept(keeper: Keeper) -> Set:
    return Set(keeper)


@pytest.fixture
def kept_in_file(datadog: Datadog, file_home: FileHome) -> Set:
    """For what has nothing to do with the home, and takes long or needs requests of one kind only."""
    return Set(Keeper(datadog, file_home))


class TestLifeCycle:
    def test_every_kind(self, kept: Set) -> None:
        created = kept.foretold_and_run(*ALL)
        assert operations(created) == ["create"] * len(ALL)
        assert titles(created) == [task["name"] for task in ALL]
        kept.is_silent(*ALL)

        changed = [rotated(task, kind) for task, kind in zip(ALL, KINDS)]
        updated = kept.foretold_and_run(*changed)
        [unchanged] = [row["name"] for row in updated["connections"] if row["operation"] == "none"]
        assert unchanged == example("aws.assume_role")["name"]
        kept.is_silent(*changed)

        removed = kept.foretold_and_run(*changed, state="absent")
        assert set(operations(removed)) == {"delete"}
        kept.is_whole()
        kept.is_silent(*changed, state="absent")

    def test_each_result_is_that_of_a_task_about_one(self, kept: Set) -> None:
        created = kept.run(*ALL)
        result = kept.run(*ALL)
        assert [row["diff"] for row in created["connections"]] == [
            {key: diff[key] for key in ("before", "after")} for diff in created["diff"]
        ]
        for task, row in zip(ALL, result["connections"]):
            alone = kept.keeper.run(**task)
            assert row == {
                "name": task["name"],
                **{key: alone[key] for key in set(row) - {"name"}},
            }
            assert set(row) == {
                "name",
                "operation",
                "connection",
                "connection_id",
                "drifted",
            }

    @BOTH_BACKENDS
    def test_only_what_differs_is_written(self, kept: Set) -> None:
        kept.run(*ALL, aws("More"))
        kept.datadog.emulator.clear()
        result = kept.foretold_and_run(*ALL, aws("More", "Other"), gitlab("New"))
        assert operations(result) == ["none"] * len(ALL) + ["update", "create"]
        assert [
            (each["before_header"], each["after_header"], each["before"], each["after"])
            for each in result["diff"]
        ] == [
            ("More (update)", "More (update)", aws("More"), aws("More", "Other")),
            ("New (create)", "New (create)", {}, gitlab("New", "(secret)")),
        ]
        assert sorted(request["method"] for request in kept.datadog.writes()) == ["PATCH", "POST"]

    def test_without_a_registry(self, datadog: Datadog) -> None:
        tasks = [aws("A"), gitlab("B"), gitlab("C")]
        assert operations(datadog.connections(*tasks)) == ["create"] * 3
        result = datadog.connections(*tasks)
        assert (operations(result), result["changed"]) == (["none"] * 3, False)
        [warning] = result["warnings"]
        assert "'B'" in warning and "'C'" in warning and "could not be compared" in warning
        silent = datadog.connections(*tasks, update_secrets="on_create")
        assert silent["warnings"] == []

    def test_many_alike_are_named_in_part(self, datadog: Datadog) -> None:
        tasks = [gitlab(f"G{number}") for number in range(8)]
        datadog.connections(*tasks)
        [warning] = datadog.connections(*tasks)["warnings"]
        assert "'G4' and 3 more" in warning and "'G5'" not in warning

    def test_by_id_with_a_new_name_and_another_kind(self, kept: Set) -> None:
        first = kept.run(aws("A"), gitlab("B"))
        ids = [row["connection_id"] for row in first["connections"]]
        renamed = {**aws("A2"), "connection_id": ids[0]}
        refused = kept.run(renamed, aws("B"))
        assert "connections[1]: " in refused["msg"] and "allow_replace" in refused["msg"]
        assert titles(kept.run(aws("A"), gitlab("B"))) == ["A", "B"]
        result = kept.foretold_and_run(renamed, aws("B"), allow_replace=True)
        assert operations(result) == ["update", "replace"]
        kept.is_whole("A2", "B")
        kept.is_silent(renamed, aws("B"))

    def test_a_diff_has_a_title_without_a_name(self, kept: Set) -> None:
        connection_id = kept.run(aws("A"))["connections"][0]["connection_id"]
        by_id = {"connection_id": connection_id, "aws": {"assume_role": {"role": "Other"}}}
        [diff] = kept.run(by_id)["diff"]
        assert diff["before_header"] == f"{connection_id} (update)"

    def test_a_name_with_a_percent_sign(self, kept: Set) -> None:
        kept.keeper.add_fault("empty", method="POST")
        [warning] = kept.run(aws("100%s"), aws("B"), concurrency=1)["warnings"]
        assert "'100%s'" in warning and "connections[0]" in warning

    def test_drift_is_told_of_each(self, kept: Set) -> None:
        ids = kept.run(aws("A"), aws("B"), aws("C"))["connections"]
        kept.keeper.edit(
            ids[1]["connection_id"],
            integration={
                "type": "AWS",
                "credentials": {"type": "AWSAssumeRole", "role": "Elsewhere"},
            },
        )
        result = kept.run(aws("A"), aws("B"), aws("C"), check_mode=True)
        assert [row["drifted"] for row in result["connections"]] == [False, True, False]
        [warning] = result["warnings"]
        assert "connections[1]: " in warning

    def test_an_empty_set(self, kept: Set) -> None:
        result = kept.run()
        assert (result["changed"], result["connections"], result["diff"]) == (False, [], [])
        assert kept.datadog.requests() == [] and kept.datadog.registry_requests() == []

    @pytest.mark.parametrize("verbosity", [0, 1])
    def test_counts_are_for_those_who_ask(self, kept: Set, verbosity: int) -> None:
        kept.run(aws("A"))
        result = kept.run(aws("A", "Other"), aws("B"), _ansible_verbosity=verbosity)
        if verbosity:
            counts = dict.fromkeys(["none", "replace", "delete", "failed", "skipped"], 0)
            assert result["counts"] == {**counts, "create": 1, "update": 1}
            assert result["seconds"] > 0
        else:
            assert not {"counts", "seconds"} & set(result)


class TestRequests:
    def test_a_large_set_is_read_from_the_list(self, kept: Set) -> None:
        tasks = roles(120)
        kept.run(*tasks)
        assert [request["method"] for request in kept.datadog.requests()] == (
            # Nobody has any; 120 are made; another look at both pages tells whether anybody else made them.
            ["GET"]
            + ["POST"] * 120
            + ["GET"] * 2
        )
        for purge in (False, True):
            kept.datadog.emulator.clear()
            kept.is_silent(*tasks, purge=purge)
            assert len(kept.datadog.requests()) == 2
            assert kept.datadog.registry_requests() == kept.home.reads * 2
        assert operations(kept.run(purge=True)) == ["delete"] * 120
        kept.is_whole()

    def test_a_few_of_many_are_read_alone(self, kept_in_file: Set) -> None:
        kept_in_file.run(*roles(201))
        kept_in_file.datadog.emulator.clear()
        kept_in_file.is_silent(*roles(2))
        # The first page of the list tells that it is too long.
        assert len(kept_in_file.datadog.requests()) == 3
        kept_in_file.datadog.emulator.clear()
        kept_in_file.is_silent(*roles(1))
        assert len(kept_in_file.datadog.requests()) == 1

    def test_without_the_list(self, kept: Set) -> None:
        kept.run(*roles(5))
        kept.datadog.emulator.settings(no_list=404)
        kept.datadog.emulator.clear()
        kept.is_silent(*roles(5))
        assert len(kept.datadog.requests()) == 6
        result = kept.run(*roles(7))
        assert operations(result) == ["none"] * 5 + ["create"] * 2
        assert "taken not to exist" in result["warnings"][0]
        kept.is_silent(*roles(7))

    def test_without_the_list_one_warning_tells_of_all(self, kept: Set) -> None:
        kept.datadog.emulator.settings(no_list=404)
        [warning] = kept.run(*roles(12))["warnings"]
        assert "'Account 000', 'Account 001'" in warning and "and 7 more" in warning

    def test_without_the_list_and_without_a_registry(self, datadog: Datadog) -> None:
        datadog.emulator.settings(no_list=403)
        result = datadog.connections(*roles(50), concurrency=1)
        assert result["failed"] and "1 of 50 connections failed" in result["msg"]
        assert "Ways out" in result["msg"] and "49 not begun" in result["msg"]
        assert len(datadog.requests()) == 1

    @pytest.mark.parametrize("settings", [{"plain_attributes": True}, {"omit_tokens": True}])
    def test_other_organisations(self, kept: Set, settings: dict[str, t.Any]) -> None:
        kept.datadog.emulator.settings(**settings)
        kept.run(*ALL)
        kept.datadog.emulator.clear()
        kept.is_silent(*ALL)
        assert len(kept.datadog.requests()) == 1

    @pytest.mark.slow
    def test_all_wait_when_one_is_told_to(self, kept: Set) -> None:
        tasks = roles(12)
        kept.run(*tasks)
        kept.datadog.emulator.settings(no_list=404, latency=0.05)
        kept.datadog.emulator.clear()
        kept.datadog.emulator.add_fault(
            "status",
            status=429,
            method="GET",
            path=r"connections/.+",
            headers={"X-RateLimit-Reset": "1"},
        )
        kept.is_silent(*tasks, concurrency=2)
        paths = [request["path"] for request in kept.datadog.requests()]
        [limited] = [path for path in set(paths) if paths.count(path) == 2]
        # Only what was under way at that moment came before it was tried again, and not all of the rest.
        first = paths.index(limited)
        assert paths.index(limited, first + 1) - first <= 6

    @pytest.mark.slow
    @pytest.mark.parametrize("limit", ["15/1", "4/0.4"])
    def test_a_tight_rate_limit(self, kept_in_file: Set, limit: str) -> None:
        datadog = kept_in_file.datadog
        datadog.emulator.settings(rate_limit=limit)
        result = kept_in_file.run(*roles(40))
        assert operations(result) == ["create"] * 40
        assert [request for request in datadog.requests() if request["status"] == 429]
        datadog.emulator.settings(rate_limit=None)
        kept_in_file.is_whole(*(task["name"] for task in roles(40)))


class TestRequestsOfADatastore:
    """What it costs to know what a registry in a datastore knows."""

    @pytest.fixture
    def home(self, datastore_home: DatastoreHome) -> DatastoreHome:
        return datastore_home

    @staticmethod
    def costs(kept: Set, requests: int, *tasks: dict[str, t.Any], **params: t.Any) -> None:
        kept.datadog.emulator.clear()
        kept.is_silent(*tasks, **params)
        assert kept.datadog.registry_requests() == ["GET"] * requests

    def test_a_page_tells_of_a_hundred(self, kept: Set, datastore_home: DatastoreHome) -> None:
        tasks = roles(5)
        kept.run(*tasks)
        datastore_home.add_others(95)
        self.costs(kept, 1, *tasks)
        self.costs(kept, 1, *tasks[:2])
        datastore_home.add_others(96)
        self.costs(kept, 2, *tasks)

    def test_a_few_of_many_are_read_alone(self, kept: Set, datastore_home: DatastoreHome) -> None:
        tasks = [gitlab("A"), gitlab("B"), aws("C"), aws("D")]
        kept.run(*tasks)
        datastore_home.add_others(300)
        # The first page tells that there are too many. Besides each of them, the fingerprint of all secrets is asked for.
        self.costs(kept, 1 + 2 + 1, *tasks[:2])
        self.costs(kept, 1 + 2, *tasks[2:])
        self.costs(kept, 1, tasks[0])
        # All of them are four pages.
        self.costs(kept, 4, *tasks)


class TestPurge:
    @BOTH_BACKENDS
    def test_what_the_registry_knows_goes(self, kept: Set) -> None:
        kept.run(*ALL)
        kept.datadog.connection(**aws("Somebody else's"))
        result = kept.foretold_and_run(*ALL[:3], aws("New"), purge=True)
        assert operations(result) == ["none"] * 3 + ["create"] + ["delete"] * (len(ALL) - 3)
        assert sorted(titles(result)) == sorted(task["name"] for task in [*ALL, aws("New")])
        assert sorted(kept.home.ids()) == sorted([*(task["name"] for task in ALL[:3]), "New"])
        there = {each["name"] for each in kept.datadog.emulator.state()["action_connections"]}
        assert there == {*kept.home.ids(), "Somebody else's"}
        kept.is_silent(*ALL[:3], aws("New"), purge=True)

    def test_an_empty_set_purges_all_that_is_known(self, kept: Set) -> None:
        kept.run(aws("A"), aws("B"))
        kept.datadog.connection(**aws("Somebody else's"))
        assert operations(kept.foretold_and_run(purge=True)) == ["delete", "delete"]
        assert len(kept.keeper.there()) == 1

    def test_one_of_the_same_name_stays(self, kept: Set) -> None:
        """The registry knows another one, which is gone."""
        ids = {
            row["name"]: row["connection_id"] for row in kept.run(aws("A"), aws("B"))["connections"]
        }
        kept.keeper.delete(ids["B"])
        other = kept.datadog.connection(**aws("B"))["connection_id"]
        result = kept.foretold_and_run(aws("A"), purge=True)
        assert operations(result) == ["none", "none"]
        assert sorted(kept.keeper.there()) == sorted([ids["A"], other])
        assert list(kept.home.ids()) == ["A"]
        kept.is_silent(aws("A"), purge=True)

    def test_what_is_listed_under_another_name_stays(self, kept: Set) -> None:
        connection_id = kept.run(aws("A"), aws("B"))["connections"][0]["connection_id"]
        by_id = {**aws("A2"), "connection_id": connection_id.upper()}
        result = kept.foretold_and_run(by_id, aws("B"), purge=True)
        assert operations(result) == ["update", "none"]
        kept.is_whole("A2", "B")

    def test_without_a_name_it_stays_too(self, kept: Set) -> None:
        connection_id = kept.run(aws("A"), aws("B"))["connections"][0]["connection_id"]
        by_id = {"connection_id": connection_id, "aws": {"assume_role": {}}}
        kept.is_silent(by_id, aws("B"), purge=True)

    def test_what_may_be_under_way_is_left_alone(self, kept: Set) -> None:
        kept.run(aws("A"))
        kept.datadog.emulator.settings(no_list=404)
        kept.keeper.add_fault("hang", method="POST", when="before", seconds=None)
        run = kept.keeper.start(aws("Interrupted"))
        kept.datadog.emulator.wait_for_fault()
        run.kill()
        kept.datadog.emulator.clear_faults()
        for _run in range(2):
            result = kept.foretold_and_run(aws("A"), purge=True)
            assert result["changed"] is False
            assert (
                "'Interrupted', which the task does not list, was not purged"
                in result["warnings"][0]
            )
        assert "Interrupted" in kept.home.entries()

    @BOTH_BACKENDS
    def test_both_of_an_interrupted_replacement_go(self, kept: Set) -> None:
        kept.run(aws("A"), aws("B"))
        kept.keeper.add_fault("hang", method="DELETE", when="before", seconds=None)
        run = kept.keeper.start({**gitlab("B"), "allow_replace": True})
        kept.datadog.emulator.wait_for_fault()
        run.kill()
        kept.datadog.emulator.clear_faults()
        assert len(kept.keeper.there()) == 3
        result = kept.foretold_and_run(aws("A"), purge=True)
        assert operations(result) == ["none", "delete"]
        kept.is_whole("A")
        kept.is_silent(aws("A"), purge=True)

    def test_what_is_listed_and_was_to_be_replaced_stays(self, kept: Set) -> None:
        former = kept.run(gitlab("B"))["connections"][0]["connection_id"]
        kept.keeper.add_fault("status", method="DELETE", status=403)
        assert kept.run(aws("B"), allow_replace=True)["failed"]
        kept.keeper.delete(kept.home.ids()["B"])
        by_id = {**gitlab("Another"), "connection_id": former}
        kept.foretold_and_run(by_id, purge=True)
        kept.is_whole("Another")

    def test_a_registry_that_contradicts_itself(self, kept: Set) -> None:
        """A file is refused; of a datastore nobody reads all rows at the same moment, so that it may seem to do so."""
        listed = kept.run(aws("C"), gitlab("B"))["connections"][0]["connection_id"]
        kept.home.remember("B", replaces=listed)
        kept.run(aws("C"), purge=True)
        assert listed in kept.keeper.there()

    @BOTH_BACKENDS
    def test_two_sets_at_once(self, kept: Set) -> None:
        """Each removes what the other one keeps. It is undecided which one wins, but nothing is doubled or lost."""
        kept.datadog.emulator.settings(latency=0.02)
        sets = [roles(14), roles(21)[7:]]
        for _round in range(2):
            runs = [
                kept.datadog.start(
                    "action_connections",
                    connections=tasks,
                    purge=True,
                    registry=kept.home.registry,
                    timeout=30,
                )
                for tasks in sets
            ]
            for run in runs:
                result = run.result()
                assert not result.get("failed"), result["msg"]
        kept.run(*sets[0], purge=True)
        kept.is_whole(*(task["name"] for task in sets[0]))
        kept.is_silent(*sets[0], purge=True)

    def test_nothing_goes_after_a_failure(self, kept: Set) -> None:
        kept.run(aws("A"), aws("B"))
        kept.keeper.add_fault("status", status=400, method="POST")
        result = kept.run(aws("A"), aws("C"), purge=True)
        assert result["failed"] and "1 of 3 connections failed" in result["msg"]
        assert result["connections"][-1]["skipped"] and result["connections"][-1]["name"] == "B"
        kept.is_whole("A", "B")
        assert operations(kept.run(aws("A"), aws("C"), purge=True)) == ["none", "create", "delete"]
        kept.is_whole("A", "C")


class TestSetFingerprint:
    """With one fingerprint of all secrets of a set an unchanged one is recognised at once."""

    TASKS = [gitlab("A", f"{CANARY}-a"), gitlab("B", f"{CANARY}-b"), aws("C")]

    @BOTH_BACKENDS
    def test_it_is_recorded_with_what_changes(self, kept: Set) -> None:
        kept.run(*self.TASKS, check_mode=True)
        assert not kept.home.sets()
        kept.run(*self.TASKS)
        [first] = kept.home.sets().values()
        kept.is_silent(*self.TASKS)
        assert operations(kept.run(gitlab("A"), *self.TASKS[1:])) == ["update", "none", "none"]
        [second] = kept.home.sets().values()
        assert first != second
        kept.is_silent(gitlab("A"), *self.TASKS[1:])

    def test_one_connection_needs_none(self, kept: Set) -> None:
        kept.run(self.TASKS[0])
        kept.keeper.run(**example("http.token_auth"))
        assert not kept.home.sets()

    def test_a_change_by_another_task_makes_it_worthless(self, kept: Set) -> None:
        kept.run(*self.TASKS)
        kept.keeper.run(**gitlab("A", f"{CANARY}-new"))
        assert operations(kept.run(*self.TASKS)) == ["update", "none", "none"]
        kept.is_silent(*self.TASKS)

    def test_it_holds_for_the_very_fingerprints(self, kept: Set) -> None:
        """The registry of another state, as git may bring it: what it says of one connection is not what it said."""
        kept.run(*self.TASKS)
        kept.home.remember("A", secrets=kept.home.entries()["B"]["secrets"])
        assert operations(kept.run(*self.TASKS)) == ["update", "none", "none"]

    @pytest.mark.slow
    def test_the_last_sixteen_are_kept(self, kept: Set) -> None:
        found: set[str] = set()
        for number in range(18):
            kept.run(gitlab("Always"), gitlab(f"Number {number}"))
            found |= set(kept.home.sets())
        assert len(found) == 18 and len(kept.home.sets()) == 16


@pytest.mark.slow
class TestStaleLists:
    """What the list said holds for as long as nothing else says otherwise."""

    @pytest.mark.parametrize("lost", [True, False])
    def test_what_was_written_is_read_again(self, kept: Set, lost: bool) -> None:
        """Even though a create had to look at the list meanwhile, since an answer was lost or a run interrupted."""
        kept.run(aws("B"), aws("C"))
        if lost:
            kept.keeper.add_fault("empty", method="POST")
        else:
            kept.home.remember("A", id=None, integration="", creating="aws.assume_role")
        tasks = [aws("A"), aws("B", "Other"), aws("C", "Other")]
        result = kept.run(*tasks, concurrency=1)
        assert not result.get("failed"), result["msg"]
        roles = [row["connection"]["aws"]["assume_role"]["role"] for row in result["connections"]]
        assert roles == ["Role", "Other", "Other"]
        kept.is_silent(*tasks)

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_a_list_older_than_the_registry_is_no_drift(self, kept: Set, check_mode: bool) -> None:
        kept.run(gitlab("A"), gitlab("B"))
        tasks = [gitlab("A", f"{CANARY}-new"), gitlab("B")]
        kept.keeper.add_fault("hang", method="GET", when="after", seconds=4)
        params: dict[str, t.Any] = {"registry": kept.home.registry, "timeout": 30}
        run = kept.datadog.start("action_connections", check_mode, connections=tasks, **params)
        kept.datadog.emulator.wait_for_fault()
        assert kept.keeper.run(**tasks[0])["operation"] == "update"
        result = run.result()
        # A datastore was read before, and foretelling does not read it again.
        assert result["changed"] is (check_mode and kept.home.reads != [])
        assert result["warnings"] == []
        assert not any(row["drifted"] for row in result["connections"])
        kept.is_silent(*tasks)

    def test_one_that_shifts_while_it_is_read(self, kept: Set) -> None:
        """One of the first page is deleted, so that the first of the second page is never seen."""
        tasks = roles(101)
        kept.run(*tasks)
        rows = sorted(
            kept.datadog.emulator.state()["action_connections"], key=lambda row: row["id"]
        )
        kept.keeper.add_fault("hang", method="GET", when="after", seconds=1)
        absent = [{"name": rows[100]["name"]}, {"name": "Nobody"}]
        run = kept.datadog.start("action_connections", connections=absent, state="absent")
        kept.datadog.emulator.wait_for_fault()
        kept.keeper.delete(rows[0]["id"])
        assert operations(run.result()) == ["delete", "none"]

    def test_one_that_breaks_is_not_read_for_each(self, kept: Set) -> None:
        kept.datadog.emulator.add_fault(
            "status", status=500, method="GET", path="connections$", skip=1, times=None
        )
        result = kept.run(*roles(8), retries=0)
        assert operations(result) == ["create"] * 8
        [warning] = result["warnings"]
        assert "could not see whether another run created one" in warning
        reads = [request["path"] for request in kept.datadog.requests("GET")]
        assert reads.count(PATH) == 2

    def test_one_that_breaks_and_is_not_needed(self, kept: Set) -> None:
        kept.run(*roles(5))
        kept.datadog.emulator.add_fault(
            "status", status=500, method="GET", path="connections$", times=None
        )
        kept.is_silent(*roles(5), retries=0)

    def test_rows_that_lack_something(
        self, kept_in_file: Set, file_home: FileHome, server: Server
    ) -> None:
        """Its rows carry what GET returns, says the specification. If they do not, each connection is read."""
        emulator = kept_in_file.datadog.emulator
        connection_id = kept_in_file.run(aws("A"), aws("B"))["connections"][0]["connection_id"]
        whole = emulator.call("GET", f"{PATH}/{connection_id}").body["data"]
        emulated, given = (url.split("//")[1].encode() for url in (emulator.url, server.url))
        registry = file_home.raw().replace(emulated, given)
        params: dict[str, t.Any] = {"api_url": server.url, "check_mode": True, "concurrency": 1}
        for lacking in ("name", "last_updated", "integration"):
            file_home.path.write_bytes(registry)
            attributes = {key: text for key, text in whole["attributes"].items() if key != lacking}
            rows = [{**whole, "attributes": attributes}]
            server.answers["GET"] = [
                (200, {"data": rows, "meta": {"total_filtered": 1}}),
                (200, {"data": whole}),
            ]
            by_id = {**aws("A"), "connection_id": connection_id}
            result = kept_in_file.run(by_id, aws("New"), **params)
            assert operations(result) == ["none", "create"]
            assert result["connections"][0]["drifted"] is False


class TestFailures:
    def test_what_was_created_is_not_called_not_begun(self, kept: Set) -> None:
        """The registry cannot be written any more when all of them are there."""
        kept.keeper.add_fault("hang", method="GET", when="after", skip=1, seconds=1)
        tasks = roles(3)
        run = kept.datadog.start(
            "action_connections", connections=tasks, registry=kept.home.registry, timeout=30
        )
        kept.datadog.emulator.wait_for_fault()
        kept.home.forbid_writing()
        result = run.result()
        kept.home.allow_writing()
        assert (result["counts"]["failed"], result["counts"]["skipped"]) == (3, 0)
        assert result["changed"]
        ids = kept.home.ids()
        for row in result["connections"]:
            assert f"created action connection {ids[row['name']]}" in row["msg"]
        assert not kept.run(*tasks)["changed"]
        kept.is_whole(*(task["name"] for task in tasks))

    @BOTH_BACKENDS
    @pytest.mark.parametrize("concurrency", [1, 8])
    def test_one_is_refused_and_the_rest_is_done(self, kept: Set, concurrency: int) -> None:
        tasks = [*roles(6), gitlab("G")]
        kept.keeper.add_fault("status", status=400, method="POST", skip=3)
        result = kept.run(*tasks, concurrency=concurrency)
        assert result["failed"] and result["changed"] and result["http_status"] == 400
        assert result["msg"].startswith("1 of 7 connections failed. connections[")
        assert "Of the others: 6 created." in result["msg"]
        [failed] = [row for row in result["connections"] if row.get("failed")]
        assert failed["name"] in result["msg"] and failed["operation"] == "none"
        done = [row["name"] for row in result["connections"] if row["operation"] == "create"]
        assert len(done) == len(result["diff"]) == 6
        kept.is_whole(*done)
        again = kept.run(*tasks)
        assert sorted(operations(again)) == ["create"] + ["none"] * 6
        kept.is_silent(*tasks)
        kept.is_whole(*titles(again))

    @pytest.mark.slow
    @pytest.mark.parametrize("status", [401, 403, 429, 500])
    def test_what_all_would_meet_ends_it(self, kept: Set, status: int) -> None:
        tasks = roles(60)
        kept.keeper.add_fault("status", status=status, method="POST", skip=5, times=None)
        result = kept.run(*tasks, concurrency=4, retries=0)
        assert result["failed"] and result["http_status"] == status
        counts = result["counts"]
        assert (counts["create"], counts["failed"] + counts["skipped"]) == (5, 55)
        assert 1 <= counts["failed"] <= 4
        assert ("connections_write" in result["msg"]) == (status == 403)
        kept.datadog.emulator.clear_faults()
        again = kept.run(*tasks)
        assert again["counts"]["create"] == 55
        kept.is_whole(*titles(again))

    def test_one_that_cannot_be_keeps_all_from_being_written(self, kept: Set) -> None:
        kept.run(aws("A"))
        before = kept.home.raw()
        kept.datadog.emulator.clear()
        result = kept.run(gitlab("A"), aws("B"), {"name": "C", "aws": {"assume_role": {}}})
        assert result["failed"] and "2 of 3 connections failed" in result["msg"]
        assert (
            "connections[0]: The action connection 'A' exists as aws.assume_role" in result["msg"]
        )
        assert "connections[2].aws.assume_role.account_id is required" in result["msg"]
        assert "1 not begun" in result["msg"]
        assert (result["changed"], result["diff"]) == (False, [])
        assert kept.datadog.writes() == [] and kept.home.raw() == before

    @BOTH_BACKENDS
    @pytest.mark.slow
    @pytest.mark.parametrize("fault", LOST_ANSWERS)
    def test_lost_answers(self, kept: Set, fault: dict[str, t.Any]) -> None:
        tasks = [*roles(6), gitlab("G")]
        kept.keeper.add_fault(**fault, method="POST", skip=2, times=2)
        result = kept.run(*tasks)
        assert not result.get("failed"), result["msg"]
        assert operations(result) == ["create"] * 7
        kept.is_whole(*titles(result))
        kept.is_silent(*tasks)

    # The list, two changes that are read back, four creations, the list.
    @BOTH_BACKENDS
    @pytest.mark.slow
    @pytest.mark.parametrize("point", range(0, 10, 3))
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_killed(self, kept: Set, when: str, point: int) -> None:
        tasks = [*roles(4), *(gitlab(f"G{number}") for number in range(2))]
        kept.run(*roles(2, "Former"))
        kept.keeper.add_fault("hang", when=when, seconds=None, skip=point)
        params: dict[str, t.Any] = {
            "connections": tasks,
            "registry": kept.home.registry,
            "timeout": 30,
        }
        run = kept.datadog.start("action_connections", **params, concurrency=3)
        kept.datadog.emulator.wait_for_fault()
        run.kill()
        kept.datadog.emulator.clear_faults()
        result = kept.run(*tasks)
        assert not result.get("failed"), result["msg"]
        kept.is_whole(*titles(result))
        kept.is_silent(*tasks)

    @BOTH_BACKENDS
    def test_a_registry_that_cannot_be_written(self, kept: Set) -> None:
        kept.run(aws("A"))
        kept.home.forbid_writing()
        result = kept.run(aws("A"), aws("B"), aws("C"), concurrency=1)
        assert result["failed"] and f"registry {kept.home.registry}" in result["msg"]
        assert result["counts"]["failed"] == 1 and result["counts"]["skipped"] == 1
        assert len(kept.keeper.there()) == 1


@pytest.mark.slow
@BOTH_BACKENDS
class TestAtOnce:
    @pytest.mark.parametrize("with_registry", [True, False])
    def test_two_runs(self, kept: Set, with_registry: bool) -> None:
        tasks = roles(30)
        kept.datadog.emulator.settings(latency=0.02)
        params: dict[str, t.Any] = {"connections": tasks, "timeout": 30}
        if with_registry:
            params["registry"] = kept.home.registry
        runs = [kept.datadog.start("action_connections", **params) for _number in range(2)]
        results = [run.result() for run in runs]
        for result in results:
            assert not result.get("failed"), result["msg"]
        there = kept.datadog.emulator.state()["action_connections"]
        assert sorted(each["name"] for each in there) == [task["name"] for task in tasks]
        ids = {each["name"]: each["id"] for each in there}
        for result in results:
            assert {row["name"]: row["connection_id"] for row in result["connections"]} == ids
        if with_registry:
            kept.is_whole(*ids)
            assert sum(result["counts"]["create"] for result in results) == 30

    def test_a_set_and_one_of_it(self, kept: Set) -> None:
        kept.datadog.emulator.settings(latency=0.02)
        params: dict[str, t.Any] = {"registry": kept.home.registry, "timeout": 30}
        runs = [
            kept.datadog.start("action_connections", connections=roles(8), **params),
            *(kept.datadog.start("action_connection", **task, **params) for task in roles(3)),
        ]
        for run in runs:
            result = run.result()
            assert not result.get("failed"), result["msg"]
        kept.is_whole(*(task["name"] for task in roles(8)))


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    "connections, params, path, remedy",
    [
        ([aws("A"), aws("B"), aws("A")], {}, "connections[2].name", "connections[0]"),
        (
            [
                {**aws("A"), "connection_id": UNKNOWN_ID},
                {**aws("B"), "connection_id": UNKNOWN_ID.upper()},
            ],
            {},
            "connections[1].connection_id",
            "connections[0]",
        ),
        ([aws("A"), {"name": "B"}], {}, "connections[1]: state", "one integration is required"),
        ([aws("A"), {}], {}, "connections[1].name", "connection_id is required"),
        ([aws("A"), {**aws("B"), **gitlab("B")}], {}, "connections[1]: aws, gitlab", "exclusive"),
        ([aws("A"), aws(" ")], {}, "connections[1].name", "must not be empty"),
        (
            [aws("A"), {"name": "B", "aws": {"assume_role": {"account_id": "12", "role": "R"}}}],
            {},
            "connections[1].aws.assume_role.account_id",
            "twelve digits",
        ),
        (
            [aws("A"), {"name": "B", "aws": {"assume_role": {"rolle": "R"}}}],
            {},
            "connections[1]: unsupported parameters: aws.assume_role.rolle",
            "generate_new_external_id, role",
        ),
        (
            [aws("A"), {"name": "B", "gitlab": {}}],
            {},
            "connections[1]: missing required arguments: api_key",
            "gitlab",
        ),
        ([aws("A"), None], {}, "connections[1]", "must be a dictionary"),
        ([aws("A"), {**aws("B"), "name": True}], {}, "connections[1].name", "quote it"),
        ([aws("A")], {"purge": True, "registry": None}, "purge", "requires registry"),
        ([aws("A")], {"purge": True, "state": "absent"}, "purge", "state=present"),
        ([aws("A")], {"concurrency": 0}, "concurrency", "from 1 to 32"),
        ([aws("A")], {"concurrency": 33}, "concurrency", "from 1 to 32"),
    ],
)
def test_bad_input_fails_before_the_first_request(
    kept: Set,
    connections: list[t.Any],
    params: dict[str, t.Any],
    path: str,
    remedy: str,
    check_mode: bool,
) -> None:
    result = kept.run(*connections, **params, check_mode=check_mode)
    assert result["failed"]
    assert path in result["msg"] and remedy in result["msg"]
    assert kept.datadog.requests() == [] and kept.datadog.registry_requests() == []
    assert kept.home.entries() == {}


def test_a_secret_in_the_wrong_place_of_a_set_is_not_told(kept: Set) -> None:
    entries: list[t.Any] = [
        {"name": "B", "gitlab": CANARY},
        {"name": "B", "gitlab": {"api_key": {"api_tokn": CANARY}}},
        {"name": "B", "gitlab": {"api_key": CANARY}},
        f"name=B gitlab={CANARY}",
    ]
    for entry in entries:
        # run() looks for it in everything that comes out.
        assert kept.run(aws("A"), entry)["failed"]


def test_the_same_connection_twice(kept: Set) -> None:
    connection_id = kept.run(aws("A"))["connections"][0]["connection_id"]
    by_id = {"connection_id": connection_id, "aws": {"assume_role": {"role": "Other"}}}
    result = kept.run(aws("A"), aws("B"), by_id)
    assert result["failed"]
    assert "connections[0] and connections[2] mean the same action connection" in result["msg"]
    kept.is_whole("A")


def test_several_of_a_name_are_named(kept: Set) -> None:
    for _number in range(2):
        credentials = {"type": "AWSAssumeRole", "account_id": "123456789012", "role": "R"}
        attributes = {"name": "Twin", "integration": {"type": "AWS", "credentials": credentials}}
        body = {"data": {"type": "action_connection", "attributes": attributes}}
        reply = kept.datadog.emulator.call("POST", "/api/v2/actions/connections", body)
        assert reply.status == 201
    result = kept.run(aws("A"), aws("Twin"))
    assert result["failed"] and re.search(r"connections\[1\]: 2 action connections", result["msg"])
    for connection_id in kept.keeper.there():
        assert connection_id in result["msg"]
