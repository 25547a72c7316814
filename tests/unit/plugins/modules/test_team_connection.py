# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The team_connection module against the emulator: tasks in, requests and results out."""

from __future__ import annotations

import typing as t

import pytest
from datadog_api_client.configuration import Configuration
from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v2.model.team_connection_create_request import TeamConnectionCreateRequest
from datadog_api_client.v2.model.team_connection_delete_request import TeamConnectionDeleteRequest

from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.examples import LOST_ANSWERS

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
PAIR: dict[str, t.Any] = {"team": "platform", "connected_team": "@acme/platform"}


def create_team(datadog: Datadog, handle: str, name: str = "") -> str:
    attributes = {"name": name or handle, "handle": handle}
    body = {"data": {"type": "team", "attributes": attributes}}
    reply = datadog.emulator.call("POST", "/api/v2/team", body)
    assert reply.status == 201, reply.body
    return reply.body["data"]["id"]


def connections(datadog: Datadog) -> list[dict[str, t.Any]]:
    return datadog.emulator.call("GET", "/api/v2/team/connections").body["data"]


def test_life_of_a_connection(datadog: Datadog) -> None:
    predicted = datadog.team_connection(**PAIR, check_mode=True)
    assert (predicted["changed"], predicted["operation"]) == (True, "create")
    assert datadog.writes() == []

    created = datadog.team_connection(**PAIR)
    assert (created["changed"], created["operation"], created["diff"]) == (
        True,
        "create",
        predicted["diff"],
    )
    [stored] = connections(datadog)
    assert created["connection"] == {
        "connection_id": stored["id"],
        "team": stored["relationships"]["team"]["data"]["id"],
        "team_handle": "platform",
        "connected_team": "@acme/platform",
        "connected_team_type": "github_team",
        "source": "github",
        "managed_by": stored["attributes"]["managed_by"],
    }
    assert created["connection_id"] == stored["id"]
    assert created["diff"]["before"] == {}
    assert created["diff"]["after"]["team"] == "platform"

    datadog.emulator.clear()
    team_id = created["connection"]["team"]
    by_id = {"team": team_id.upper(), "connected_team": "@acme/platform"}
    for task, handle in ((PAIR, "platform"), (by_id, None)):
        unchanged = datadog.team_connection(**task)
        assert (unchanged["changed"], unchanged["operation"]) == (False, "none")
        # A handle that the task does not give is not worth a request.
        assert unchanged["connection"] == {**created["connection"], "team_handle": handle}
        assert unchanged["diff"]["before"] == unchanged["diff"]["after"]
        assert unchanged["diff"]["after"]["team"] == (handle or team_id)
    assert datadog.writes() == []

    managed = {**PAIR, "managed_by": "ansible"}
    predicted = datadog.team_connection(**managed, check_mode=True)
    assert (predicted["changed"], predicted["operation"]) == (True, "replace")
    assert datadog.writes() == []
    replaced = datadog.team_connection(**managed)
    assert (replaced["operation"], replaced["diff"]) == ("replace", predicted["diff"])
    assert replaced["connection"]["managed_by"] == "ansible"
    assert replaced["connection_id"] != created["connection_id"]
    assert [request["method"] for request in datadog.writes()] == ["DELETE", "POST"]
    assert datadog.team_connection(**managed)["changed"] is False
    assert datadog.team_connection(**PAIR)["changed"] is False

    predicted = datadog.team_connection(**PAIR, state="absent", check_mode=True)
    assert len(connections(datadog)) == 1
    removed = datadog.team_connection(**PAIR, state="absent")
    assert (removed["operation"], removed["connection"], removed["diff"]) == (
        "delete",
        None,
        predicted["diff"],
    )
    assert removed["connection_id"] == replaced["connection_id"]
    assert connections(datadog) == []
    assert datadog.team_connection(**PAIR, state="absent")["changed"] is False


def test_official_models_read_every_request(datadog: Datadog) -> None:
    datadog.team_connection(**PAIR, managed_by="a")
    datadog.team_connection(**PAIR, managed_by="b")
    models = {"POST": TeamConnectionCreateRequest, "DELETE": TeamConnectionDeleteRequest}
    writes = datadog.writes()
    assert [request["method"] for request in writes] == ["POST", "DELETE", "POST"]
    for request in writes:
        types = (models[request["method"]],)
        read = validate_and_convert_types(request["body"], types, ["body"], True, True, Configuration())
        assert read.to_dict() == request["body"]


def test_removed_by_its_id(datadog: Datadog) -> None:
    connection_id = datadog.team_connection(**PAIR)["connection_id"]
    task = {"connection_id": connection_id, "state": "absent"}
    assert datadog.team_connection(**task)["operation"] == "delete"
    assert datadog.team_connection(**task)["operation"] == "none"


def test_handles_are_looked_up_exactly(datadog: Datadog) -> None:
    # The keyword finds every one of them, and more than fit on a page.
    ids = {handle: create_team(datadog, handle) for handle in [f"sre-{number}" for number in range(120)] + ["sre"]}
    for handle in ("sre", "sre-1", "sre-119"):
        result = datadog.team_connection(team=handle, connected_team=f"@acme/{handle}")
        assert result["connection"]["team"] == ids[handle]


@pytest.mark.parametrize(
    "team, hint",
    [
        ("sr", None),
        (UNKNOWN_ID, None),
        ("SRE", None),
        ("@sre", "sre"),
        ("Site Reliability", "sre"),
    ],
)
def test_a_team_that_does_not_exist(datadog: Datadog, team: str, hint: str | None) -> None:
    create_team(datadog, "sre", "Site Reliability")
    pair = {"team": team, "connected_team": "@acme/sre"}
    datadog.emulator.clear()
    for check_mode in (True, False):
        result = datadog.team_connection(**pair, check_mode=check_mode)
        assert result["failed"] and result["msg"].startswith("team ") and team in result["msg"]
        assert (f"did you mean {hint}?" in result["msg"]) == bool(hint)
        assert ("did you mean" in result["msg"]) == bool(hint)

        absent = datadog.team_connection(**pair, state="absent", check_mode=check_mode)
        assert (absent["changed"], absent["operation"]) == (False, "none")
        if team == UNKNOWN_ID:
            # A UUID may be that of a team that was deleted, with its connections.
            assert absent["warnings"] == []
        else:
            [warning] = absent["warnings"]
            assert team in warning and (f"did you mean {hint}?" in warning) == bool(hint)
    assert datadog.writes() == []


@pytest.mark.parametrize("lower_case_teams", [True, False])
def test_connected_teams_differ_in_more_than_case(datadog: Datadog, lower_case_teams: bool) -> None:
    datadog.emulator.settings(lower_case_teams=lower_case_teams)
    task = {"team": "platform", "connected_team": "@Acme/Platform"}
    created = datadog.team_connection(**task)
    assert created["operation"] == "create"
    stored = "@acme/platform" if lower_case_teams else "@Acme/Platform"
    assert created["connection"]["connected_team"] == stored
    for connected_team in ("@Acme/Platform", "@acme/platform", "@ACME/PLATFORM"):
        again = datadog.team_connection(team="platform", connected_team=connected_team)
        assert (again["changed"], again["connection"]) == (False, created["connection"])
        found = datadog.run("team_connection_info", connected_teams=[connected_team])
        assert [row["connection_id"] for row in found["connections"]] == [created["connection_id"]]
        assert found["missing"] == []
    assert datadog.team_connection(**PAIR, state="absent")["operation"] == "delete"
    assert connections(datadog) == []


def test_many_teams_on_one_external_team(datadog: Datadog) -> None:
    create_team(datadog, "sre")
    first = datadog.team_connection(**PAIR)
    second = datadog.team_connection(team="sre", connected_team="@acme/platform")
    assert second["operation"] == "create"
    datadog.team_connection(**PAIR, state="absent")
    assert [c["id"] for c in connections(datadog)] == [second["connection_id"]] != [first["connection_id"]]


def test_what_is_in_the_way_is_named(datadog: Datadog) -> None:
    datadog.emulator.settings(one_link_per_team=True)
    existing = datadog.team_connection(**PAIR)["connection_id"]
    result = datadog.team_connection(team="platform", connected_team="@acme/other")
    assert result["failed"] and result["http_status"] == 409
    assert existing in result["msg"] and "@acme/platform" in result["msg"]


class TestFaults:
    @pytest.mark.slow
    @pytest.mark.parametrize("fault", [*LOST_ANSWERS, {"kind": "hang", "when": "after", "seconds": 3}])
    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    def test_lost_answers(self, datadog: Datadog, method: str, fault: dict[str, t.Any]) -> None:
        old = datadog.team_connection(**PAIR, managed_by="a")["connection_id"]
        datadog.emulator.add_fault(**fault, method=method)
        result = datadog.team_connection(**PAIR, managed_by="b", timeout=1)
        if method == "POST" and fault.get("when") == "before":
            # It is looked for once; who knows whether Datadog is still at it.
            assert result["failed"] and result["changed"] and old in result["msg"]
            assert connections(datadog) == []
            result = datadog.team_connection(**PAIR, managed_by="b")
        assert not result.get("failed"), result["msg"]
        assert result["changed"] and result["connection"]["managed_by"] == "b"
        assert [c["id"] for c in connections(datadog)] == [result["connection_id"]]

    @pytest.mark.parametrize("status", [400, 403, 409, 503])
    def test_a_replacement_that_fails_says_where_it_stands(self, datadog: Datadog, status: int) -> None:
        old = datadog.team_connection(**PAIR, managed_by="a")["connection_id"]
        datadog.emulator.add_fault("status", method="POST", status=status, times=None)
        result = datadog.team_connection(**PAIR, managed_by="b", retries=0)
        assert result["failed"] and result["http_status"] == status
        assert old in result["msg"] and "managed by 'a'" in result["msg"]
        assert result["changed"] and result["connection"] is None
        assert ("teams_manage" in result["msg"]) == (status == 403)
        datadog.emulator.clear_faults()
        assert datadog.team_connection(**PAIR, managed_by="b")["operation"] == "create"

    @pytest.mark.slow
    def test_runs_at_once(self, datadog: Datadog) -> None:
        datadog.emulator.settings(latency=0.2)
        runs = [datadog.start("team_connection", **PAIR) for _number in range(4)]
        results = [run.result() for run in runs]
        assert not any(result.get("failed") for result in results), results
        assert sum(result["changed"] for result in results) == 1
        [kept] = connections(datadog)
        assert {result["connection_id"] for result in results} == {kept["id"]}


@pytest.mark.parametrize(
    "params, path, remedy",
    [
        ({"team": "platform"}, "connected_team", "is required"),
        ({"connected_team": "@acme/platform"}, "team", "is required"),
        ({}, "team", "is required"),
        ({"team": "a,b", "connected_team": "@acme/platform"}, "team", "commas"),
        ({"team": " ", "connected_team": "@acme/platform"}, "team", "handle"),
        ({"team": "platform", "connected_team": "@acme/a,@acme/b"}, "connected_team", "commas"),
        (
            {"team": "platform", "connected_team": "acme/platform"},
            "connected_team",
            "@organization/team",
        ),
        ({"team": "platform", "connected_team": "@acme"}, "connected_team", "@organization/team"),
        ({**PAIR, "connected_team": "@acme/platform\n"}, "connected_team", "trim"),
        ({**PAIR, "connected_team": "@acme/********"}, "connected_team", "secret"),
        ({**PAIR, "managed_by": ""}, "managed_by", "must not be empty"),
        ({**PAIR, "source": "gitlab"}, "source", "github"),
        ({**PAIR, "connected_team_type": "team"}, "connected_team_type", "github_team"),
        ({"connection_id": UNKNOWN_ID}, "connection_id", "state=present"),
        (
            {**PAIR, "connection_id": UNKNOWN_ID, "state": "absent"},
            "connection_id",
            "mutually exclusive",
        ),
        ({"connection_id": "42", "state": "absent"}, "connection_id", "UUID"),
    ],
)
def test_bad_input_fails_before_the_first_request(
    datadog: Datadog, params: dict[str, t.Any], path: str, remedy: str
) -> None:
    result = datadog.team_connection(**params)
    assert result["failed"]
    assert path in result["msg"]
    assert remedy in result["msg"]
    assert datadog.requests() == []


def test_forbidden_says_what_is_needed(datadog: Datadog) -> None:
    datadog.emulator.settings(deny=["teams_manage"])
    result = datadog.team_connection(**PAIR)
    assert result["failed"] and result["http_status"] == 403
    assert "teams_manage" in result["msg"]
