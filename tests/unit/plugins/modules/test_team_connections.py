# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of team connections. What holds of each connection alone is tested with team_connection."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog, Server
from ansible_collections.tidyops.datadog.tests.unit.examples import LOST_ANSWERS

PATH = "/api/v2/team/connections"
UNKNOWN_ID = "3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"


def create_teams(datadog: Datadog, count: int) -> list[str]:
    """:returns: the ids of new teams with the handles team-000, team-001, ..."""
    ids = []
    for number in range(count):
        handle = f"team-{number:03}"
        body = {"data": {"type": "team", "attributes": {"name": handle, "handle": handle}}}
        reply = datadog.emulator.call("POST", "/api/v2/team", body)
        assert reply.status == 201
        ids.append(reply.body["data"]["id"])
    datadog.emulator.clear()
    return ids


def pairs(teams: t.Iterable[str], name: str = "x") -> list[dict[str, str]]:
    return [{"team": team, "connected_team": f"@acme/{name}-{number:04}"} for number, team in enumerate(teams)]


def handles(count: int, name: str = "x") -> list[dict[str, str]]:
    return pairs([f"team-{number:03}" for number in range(count)], name)


def there(datadog: Datadog) -> dict[str, str]:
    """What is connected: the ids of connections, by their external teams."""
    found: dict[str, str] = {}
    number = 0
    while True:
        page = f"?page[size]=100&page[number]={number}"
        rows = datadog.emulator.call("GET", PATH + page).body["data"]
        for row in rows:
            found[row["relationships"]["connected_team"]["data"]["id"]] = row["id"]
        if len(rows) < 100:
            return found
        number += 1


def operations(result: t.Mapping[str, t.Any]) -> list[str]:
    return [row["operation"] for row in result["connections"]]


def predict_and_run(datadog: Datadog, *connections: t.Mapping[str, t.Any], **params: t.Any) -> dict[str, t.Any]:
    """Run in check mode, which writes nothing, then without; both return the same."""
    writes = datadog.writes()
    predicted = datadog.team_connections(*connections, **params, check_mode=True)
    assert datadog.writes() == writes
    result = datadog.team_connections(*connections, **params)
    assert not result.get("failed"), result["msg"]
    assert operations(result) == operations(predicted)
    for key in ("changed", "diff", "warnings"):
        assert result[key] == predicted[key]
    return result


def run_unchanged(datadog: Datadog, *connections: t.Mapping[str, t.Any], requests: int, **params: t.Any) -> None:
    """No write, no change, no warning, and no more requests than that."""
    datadog.emulator.clear()
    result = datadog.team_connections(*connections, **params)
    assert not result.get("failed"), result["msg"]
    assert (result["changed"], result["diff"], result["warnings"]) == (False, [], [])
    assert set(operations(result)) <= {"none"}
    assert [request["method"] for request in datadog.requests()] == ["GET"] * requests


class TestLifeCycle:
    def test_a_set(self, datadog: Datadog) -> None:
        ids = create_teams(datadog, 3)
        tasks = [*handles(2), {"team": ids[2].upper(), "connected_team": "@acme/z"}]
        created = predict_and_run(datadog, *tasks, managed_by="ansible")
        assert operations(created) == ["create"] * 3
        for index, (task, team_id, row) in enumerate(zip(tasks, ids, created["connections"])):
            assert row == {
                **task,
                "operation": "create",
                "connection_id": row["connection"]["connection_id"],
                "connection": {
                    "connection_id": there(datadog)[task["connected_team"]],
                    "team": team_id,
                    "team_handle": f"team-{index:03}",
                    "connected_team": task["connected_team"],
                    "connected_team_type": "github_team",
                    "source": "github",
                    "managed_by": "ansible",
                },
                "diff": row["diff"],
            }
        assert len(datadog.writes()) == 1
        for params in ({}, {"managed_by": "ansible"}):
            assert not datadog.team_connections(*tasks, **params)["changed"]

        replaced = predict_and_run(datadog, *tasks, managed_by="terraform")
        assert operations(replaced) == ["replace"] * 3
        assert [request["method"] for request in datadog.writes()] == ["POST", "DELETE", "POST"]
        [first, *_others] = replaced["diff"]
        assert first["before_header"] == "team-000 @acme/x-0000 (replace)"
        assert first["before"] == {**first["after"], "managed_by": "ansible"}

        removed = predict_and_run(datadog, *tasks, state="absent")
        assert operations(removed) == ["delete"] * 3
        assert not there(datadog)
        assert not datadog.team_connections(*tasks, state="absent")["changed"]

    def test_each_result_is_that_of_a_task_about_one(self, datadog: Datadog) -> None:
        create_teams(datadog, 2)
        datadog.team_connections(*handles(2))
        for task, row in zip(handles(2), datadog.team_connections(*handles(2))["connections"]):
            alone = datadog.team_connection(**task)
            assert row == {**task, **{key: alone[key] for key in set(row) - set(task)}}

    def test_only_what_differs_is_written(self, datadog: Datadog) -> None:
        create_teams(datadog, 5)
        datadog.team_connections(*handles(3))
        before = there(datadog)
        result = predict_and_run(datadog, *handles(5))
        assert operations(result) == ["none"] * 3 + ["create"] * 2
        [write] = datadog.writes()[1:]
        assert len(write["body"]["data"]) == 2
        assert before.items() <= there(datadog).items()

    def test_teams_that_do_not_exist(self, datadog: Datadog) -> None:
        create_teams(datadog, 1)
        tasks = [*handles(1), *pairs(["nobody", UNKNOWN_ID, "@team-000"], "y")]
        for check_mode in (True, False):
            result = datadog.team_connections(*tasks, check_mode=check_mode)
            assert result["failed"] and datadog.writes() == []
            for index, team in ((1, "nobody"), (2, UNKNOWN_ID)):
                assert f"connections[{index}].team must be" in result["msg"]
                assert f"no team {team!r}" in result["msg"]
            assert "did you mean team-000?" in result["msg"]
        absent = datadog.team_connections(*tasks, state="absent")
        assert absent["changed"] is False
        unknown, misspelt = absent["warnings"]
        assert "nobody" in unknown and "connections[1]" in unknown
        assert "@team-000" in misspelt and "did you mean team-000?" in misspelt

    def test_the_same_team_by_its_handle_and_its_id(self, datadog: Datadog) -> None:
        team_id = create_teams(datadog, 1)[0]
        tasks = [{"team": team, "connected_team": "@acme/x"} for team in ("team-000", team_id)]
        result = datadog.team_connections(*tasks)
        assert "connections[0].team and connections[1].team are the same team" in result["msg"]
        assert datadog.writes() == []


class TestRequests:
    def test_batches(self, datadog: Datadog) -> None:
        ids = create_teams(datadog, 50)
        tasks = [task for name in "abcde" for task in pairs(ids, name)]
        result = datadog.team_connections(*tasks)
        assert operations(result) == ["create"] * 250
        writes = datadog.writes()
        assert [len(request["body"]["data"]) for request in writes] == [100, 100, 50]
        # Three pages of connections.
        run_unchanged(datadog, *tasks, requests=3)
        datadog.emulator.clear()
        removed = datadog.team_connections(*tasks, state="absent")
        assert operations(removed) == ["delete"] * 250
        assert [len(request["body"]["data"]) for request in datadog.writes()] == [100, 100, 50]
        assert not there(datadog)

    def test_two_thousand(self, datadog: Datadog) -> None:
        ids = create_teams(datadog, 20)
        tasks = [task for number in range(100) for task in pairs(ids, f"g{number}")]
        datadog.team_connections(*tasks)
        run_unchanged(datadog, *tasks, requests=20)
        by_handle = [{**task, "team": f"team-{number % 20:03}"} for number, task in enumerate(tasks)]
        run_unchanged(datadog, *by_handle, requests=21)

    def test_a_few_of_many_are_filtered(self, datadog: Datadog) -> None:
        ids = create_teams(datadog, 400)
        tasks = pairs(ids)
        datadog.team_connections(*tasks)
        run_unchanged(datadog, *tasks[:40], requests=1)
        run_unchanged(datadog, *tasks[:150], requests=2)
        # Three pages with filters are fewer than four; the first of those has told so.
        run_unchanged(datadog, *tasks[:190], requests=4)
        run_unchanged(datadog, *tasks[-1:], requests=1)

    def test_teams_are_looked_up_in_whichever_way_is_shorter(self, datadog: Datadog) -> None:
        create_teams(datadog, 250)
        datadog.team_connections(*handles(250))
        run_unchanged(datadog, *handles(250), requests=3 + 3)
        # The first page of the teams tells that there are three.
        run_unchanged(datadog, *handles(2), requests=1 + 2 + 1)
        run_unchanged(datadog, *handles(1), requests=1 + 1)

    def test_new_connections_of_teams_by_id(self, datadog: Datadog) -> None:
        ids = create_teams(datadog, 120)
        datadog.team_connections(*pairs(ids))
        # A page of connections, two of teams, which all exist.
        methods = [request["method"] for request in datadog.requests()]
        assert methods == ["GET"] * 3 + ["POST"] * 2


class TestPurge:
    def test_its_bounds(self, datadog: Datadog) -> None:
        create_teams(datadog, 3)
        datadog.team_connections(*handles(3, "a"), managed_by="ansible")
        datadog.team_connections(*handles(2, "t"), managed_by="terraform")
        tasks = handles(1, "a")
        result = predict_and_run(datadog, *tasks, managed_by="ansible", purge=True)
        assert (operations(result), result["warnings"]) == (["none", "delete", "delete"], [])
        assert {row["connected_team"] for row in result["connections"][1:]} == {
            "@acme/a-0001",
            "@acme/a-0002",
        }
        assert sorted(there(datadog)) == ["@acme/a-0000", "@acme/t-0000", "@acme/t-0001"]
        run_unchanged(datadog, *tasks, managed_by="ansible", purge=True, requests=2)

        result = predict_and_run(datadog, *tasks, purge=True)
        assert operations(result) == ["none", "delete", "delete"]
        assert sorted(there(datadog)) == ["@acme/a-0000"]

    def test_other_sources_stay(self, datadog: Datadog) -> None:
        team_id = create_teams(datadog, 1)[0]
        body = {
            "data": [
                {
                    "type": "team_connection",
                    "attributes": {"source": "scim"},
                    "relationships": {
                        "team": {"data": {"type": "team", "id": team_id}},
                        "connected_team": {"data": {"type": "github_team", "id": "@acme/scim"}},
                    },
                }
            ]
        }
        assert datadog.emulator.call("POST", PATH, body).status == 201
        datadog.team_connections(*handles(1))
        result = predict_and_run(datadog, purge=True, allow_empty=True)
        assert operations(result) == ["delete"]
        assert list(there(datadog)) == ["@acme/scim"]

    def test_a_team_that_takes_one_only_is_moved(self, datadog: Datadog) -> None:
        datadog.emulator.settings(one_link_per_team=True)
        create_teams(datadog, 2)
        datadog.team_connections(*handles(2, "old"))
        result = predict_and_run(datadog, *handles(2, "new"), purge=True)
        assert operations(result) == ["create", "create", "delete", "delete"]
        assert sorted(there(datadog)) == ["@acme/new-0000", "@acme/new-0001"]

    def test_many(self, datadog: Datadog) -> None:
        ids = create_teams(datadog, 50)
        datadog.team_connections(*(task for name in "abcde" for task in pairs(ids, name)))
        datadog.emulator.clear()
        result = predict_and_run(datadog, *pairs(ids, "a"), purge=True)
        assert operations(result) == ["none"] * 50 + ["delete"] * 200
        assert [len(request["body"]["data"]) for request in datadog.writes()] == [100, 100]

    def test_what_does_not_tell_what_it_connects_stays(self, datadog: Datadog, server: Server) -> None:
        row = {"id": UNKNOWN_ID, "type": "team_connection", "attributes": {"source": "github"}}
        team = {"data": {"id": UNKNOWN_ID, "type": "team"}}
        page = {"data": [row], "meta": {"page": {"total": 1}}}
        server.answers["GET"] = [(200, page), (200, team)]
        result = datadog.team_connections(*pairs([UNKNOWN_ID]), purge=True, api_url=server.url)
        assert result["failed"] and UNKNOWN_ID in result["msg"] and "purge" in result["msg"]
        assert "DELETE" not in [method for method, _path, _headers in server.seen]

    @pytest.mark.parametrize("purge", [False, True])
    def test_conflicts_in_several_batches(self, datadog: Datadog, purge: bool) -> None:
        datadog.emulator.settings(one_link_per_team=True, partial_batches=True)
        create_teams(datadog, 120)
        for number in (50, 110):
            datadog.team_connection(team=f"team-{number:03}", connected_team="@acme/first")
        datadog.emulator.clear()
        result = datadog.team_connections(*handles(120), purge=purge, managed_by="ansible")
        assert "2 of 120 connections failed" in result["msg"]
        # Each batch, and what is left of it.
        assert len(datadog.writes()) == 4

    def test_who_may_not_read_is_told_what_is_needed(self, datadog: Datadog) -> None:
        datadog.emulator.settings(deny=["teams_read"])
        for tasks in ([], handles(2)):
            result = datadog.team_connections(*tasks, purge=True, allow_empty=True)
            assert result["failed"] and "teams_manage" in result["msg"]

    def test_an_empty_set_is_probably_a_mistake(self, datadog: Datadog) -> None:
        create_teams(datadog, 2)
        datadog.team_connections(*handles(2))
        datadog.emulator.clear()
        for check_mode in (True, False):
            result = datadog.team_connections(purge=True, check_mode=check_mode)
            assert result["failed"] and "allow_empty" in result["msg"]
        assert datadog.team_connections()["changed"] is False
        assert datadog.requests() == []
        result = predict_and_run(datadog, purge=True, allow_empty=True)
        assert operations(result) == ["delete"] * 2

    @pytest.mark.parametrize("lower_case_teams", [True, False])
    def test_other_case_is_the_same(self, datadog: Datadog, lower_case_teams: bool) -> None:
        datadog.emulator.settings(lower_case_teams=lower_case_teams)
        create_teams(datadog, 2)
        tasks = [{**task, "connected_team": task["connected_team"].upper()} for task in handles(2)]
        assert operations(datadog.team_connections(*tasks, purge=True)) == ["create"] * 2
        before = there(datadog)
        for same in (tasks, handles(2)):
            # A page of teams, a page of connections.
            run_unchanged(datadog, *same, purge=True, requests=2)
        assert there(datadog) == before

    def test_a_team_that_does_not_exist_purges_nothing(self, datadog: Datadog) -> None:
        create_teams(datadog, 2)
        datadog.team_connections(*handles(2))
        result = datadog.team_connections(*pairs(["nobody"]), purge=True)
        assert result["failed"] and "connections[0].team" in result["msg"]
        assert len(there(datadog)) == 2


class TestFailures:
    def test_what_is_in_the_way_is_named_and_the_rest_is_done(self, datadog: Datadog) -> None:
        datadog.emulator.settings(one_link_per_team=True)
        create_teams(datadog, 120)
        first = datadog.team_connection(team="team-007", connected_team="@acme/first")
        result = datadog.team_connections(*handles(120))
        assert result["failed"] and result["http_status"] == 409 and result["changed"]
        assert "1 of 120 connections failed. connections[7]: " in result["msg"]
        assert first["connection_id"] in result["msg"] and "@acme/first" in result["msg"]
        assert "Of the others: 119 created." in result["msg"]
        assert result["connections"][7]["failed"]
        # Halves of halves, and not one by one.
        assert len(datadog.writes()) < 25
        assert len(there(datadog)) == 120

        datadog.team_connection(connection_id=first["connection_id"], state="absent")
        again = datadog.team_connections(*handles(120))
        assert [row["team"] for row in again["connections"] if row["operation"] == "create"] == ["team-007"]
        assert set(there(datadog)) == {task["connected_team"] for task in handles(120)}

    def test_a_batch_that_was_carried_out_in_part(self, datadog: Datadog) -> None:
        datadog.emulator.settings(one_link_per_team=True, partial_batches=True)
        create_teams(datadog, 20)
        datadog.team_connection(team="team-007", connected_team="@acme/first")
        result = datadog.team_connections(*handles(20))
        assert "1 of 20 connections failed. connections[7]: " in result["msg"]
        assert len(there(datadog)) == 20
        assert any("connections[0], connections[1]" in warning for warning in result["warnings"])

    @pytest.mark.slow
    @pytest.mark.parametrize("fault", LOST_ANSWERS)
    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    def test_lost_answers(self, datadog: Datadog, method: str, fault: dict[str, t.Any]) -> None:
        create_teams(datadog, 120)
        datadog.team_connections(*handles(120), managed_by="a")
        datadog.emulator.add_fault(**fault, method=method)
        result = datadog.team_connections(*handles(120), managed_by="b", timeout=2)
        if method == "POST" and fault.get("when") == "before":
            # They are looked for once; who knows whether Datadog is still at it. The others wait.
            assert result["failed"] and "100 of 120" in result["msg"] and "20 not" in result["msg"]
            assert len(there(datadog)) == 20
            result = datadog.team_connections(*handles(120), managed_by="b")
        assert not result.get("failed"), result["msg"]
        assert set(operations(result)) <= {"replace", "create"}
        ids = {row["connected_team"]: row["connection_id"] for row in result["connections"]}
        assert there(datadog) == ids
        assert not datadog.team_connections(*handles(120), managed_by="b")["changed"]

    @pytest.mark.slow
    def test_some_no_longer_exist(self, datadog: Datadog) -> None:
        create_teams(datadog, 30)
        datadog.team_connections(*handles(30))
        gone = there(datadog)["@acme/x-0004"]
        datadog.emulator.add_fault("hang", method="DELETE", when="before", seconds=1)
        run = datadog.start("team_connections", connections=handles(30), state="absent")
        datadog.emulator.wait_for_fault()
        body = {"data": [{"type": "team_connection", "id": gone}]}
        assert datadog.emulator.call("DELETE", PATH, body).status == 204
        result = run.result()
        assert not result.get("failed"), result["msg"]
        assert operations(result) == ["delete"] * 30
        assert not there(datadog)

    @pytest.mark.parametrize("status", [403, 429, 503])
    def test_what_all_would_meet_ends_it(self, datadog: Datadog, status: int) -> None:
        create_teams(datadog, 250)
        datadog.emulator.add_fault("status", status=status, method="POST", skip=1, times=None)
        result = datadog.team_connections(*handles(250), retries=0)
        assert result["failed"] and result["http_status"] == status
        assert "100 of 250 connections failed" in result["msg"]
        assert "Of the others: 100 created, 50 not started." in result["msg"]
        assert ("teams_manage" in result["msg"]) == (status == 403)
        assert len(there(datadog)) == 100
        datadog.emulator.clear_faults()
        assert operations(datadog.team_connections(*handles(250))).count("create") == 150
        assert len(there(datadog)) == 250

    @pytest.mark.slow
    @pytest.mark.parametrize("partial", [False, True])
    def test_two_runs_at_once(self, datadog: Datadog, partial: bool) -> None:
        create_teams(datadog, 120)
        datadog.emulator.settings(latency=0.1, partial_batches=partial)
        runs = [datadog.start("team_connections", connections=handles(count), timeout=30) for count in (80, 120)]
        for run in runs:
            result = run.result()
            assert not result.get("failed"), result["msg"]
            assert set(operations(result)) <= {"none", "create"}
        assert set(there(datadog)) == {task["connected_team"] for task in handles(120)}


@pytest.mark.parametrize(
    "connections, params, path, remedy",
    [
        ([*handles(2), *handles(1)], {}, "connections[2]", "connections[0]"),
        (
            [
                {"team": UNKNOWN_ID, "connected_team": "@acme/x"},
                {"team": UNKNOWN_ID.upper(), "connected_team": "@acme/x"},
            ],
            {},
            "connections[1]",
            "connections[0]",
        ),
        (
            [*handles(1), {"team": "a", "connected_team": "@acme/\ud800x"}],
            {},
            "connections[1].connected_team",
            "surrogates",
        ),
        ([*handles(1), {"team": "a"}], {}, "connections[1].connected_team", "required"),
        ([*handles(1), *pairs(["a,b"], "y")], {}, "connections[1].team", "commas"),
        (
            [*handles(1), {"team": "team-000", "connected_team": "@ACME/X-0000"}],
            {},
            "connections[1]",
            "connections[0]",
        ),
        (
            [*handles(1), {"team": "a", "connected_team": "acme"}],
            {},
            "connections[1].connected_team",
            "@organization/team",
        ),
        (
            [*handles(1), {**handles(1)[0], "managed_by": "x"}],
            {},
            "connections[1]",
            "connected_team",
        ),
        (handles(1), {"managed_by": " "}, "managed_by", "must not be empty"),
        (handles(1), {"source": "gitlab"}, "source", "github"),
        (handles(1), {"purge": True, "state": "absent"}, "purge", "state=present"),
    ],
)
def test_bad_input_fails_before_the_first_request(
    datadog: Datadog,
    connections: list[t.Any],
    params: dict[str, t.Any],
    path: str,
    remedy: str,
) -> None:
    result = datadog.team_connections(*connections, **params)
    assert result["failed"]
    assert path in result["msg"] and remedy in result["msg"]
    assert datadog.requests() == []
