# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules that only read: what they find, what they miss, and that a task takes what they return."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.examples import KINDS, example
from ansible_collections.tidyops.datadog.tests.unit.keeper import (
    DatastoreHome,
    Keeper,
)

PATH = "/api/v2/actions/connections"
UNKNOWN_ID = "3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"
ALL = [example(kind) for kind in KINDS]
NAMES = [task["name"] for task in ALL]


def info(datadog: Datadog, **params: t.Any) -> dict[str, t.Any]:
    result = datadog.run("action_connection_info", **params)
    assert not result.get("failed"), result["msg"]
    assert result["changed"] is False
    return result


def names(result: t.Mapping[str, t.Any]) -> list[str]:
    return [connection["name"] for connection in result["connections"]]


def create(datadog: Datadog, name: str) -> str:
    credentials = {"type": "AWSAssumeRole", "account_id": "123456789012", "role": "R"}
    attributes = {"name": name, "integration": {"type": "AWS", "credentials": credentials}}
    body = {"data": {"type": "action_connection", "attributes": attributes}}
    return str(datadog.emulator.call("POST", PATH, body).body["data"]["id"])


class TestActionConnections:
    def test_all_of_them(self, datadog: Datadog) -> None:
        datadog.connections(*ALL)
        for check_mode in (False, True):
            result = info(datadog, check_mode=check_mode)
            assert names(result) == sorted(NAMES) and result["missing"] == []

    @pytest.mark.parametrize("omit_tokens", [False, True])
    def test_what_is_returned_is_taken_by_a_task(self, datadog: Datadog, omit_tokens: bool) -> None:
        datadog.connections(*ALL)
        datadog.emulator.settings(omit_tokens=omit_tokens)
        before = datadog.writes()
        options = [each["options"] for each in info(datadog)["connections"]]
        assert sorted(each["name"] for each in options) == sorted(NAMES)
        result = datadog.connections(*options)
        assert not result.get("failed"), result["msg"]
        assert (result["changed"], result["warnings"]) == (False, [])
        for each in options:
            alone = datadog.connection(**each)
            assert (alone["changed"], alone["warnings"]) == (False, [])
        assert datadog.writes() == before

    def test_the_rest_is_as_a_task_returns_it(self, datadog: Datadog) -> None:
        created = datadog.connection(**example("aws.assume_role"))
        [found] = info(datadog)["connections"]
        options = found.pop("options")
        assert found == created["connection"]
        assert options == example("aws.assume_role")

    def test_several_pages(self, datadog: Datadog) -> None:
        for number in range(230):
            create(datadog, f"Number {number:03}")
        datadog.emulator.clear()
        assert len(info(datadog)["connections"]) == 230
        assert [request["method"] for request in datadog.requests()] == ["GET"] * 3

    def test_by_integration(self, datadog: Datadog) -> None:
        datadog.connections(*ALL)
        datadog.emulator.clear()
        result = info(datadog, integrations=["AWS", "Cloudflare"])
        assert {
            next(iter(set(each) & {"aws", "cloudflare"})) for each in result["connections"]
        } == {
            "aws",
            "cloudflare",
        }
        assert len(result["connections"]) == 3
        [request] = datadog.requests()
        assert request["query"]["filter[integration]"] == ["AWS", "Cloudflare"]

    def test_by_id(self, datadog: Datadog) -> None:
        datadog.emulator.settings(no_list=404)
        ids = [create(datadog, name) for name in "ABC"]
        wanted = [ids[2].upper(), UNKNOWN_ID, ids[0]]
        result = info(datadog, connection_ids=wanted)
        assert (names(result), result["missing"]) == (["C", "A"], [UNKNOWN_ID])
        result = info(datadog, connection_ids=wanted, integrations=["HTTP"])
        assert (names(result), result["missing"]) == ([], [UNKNOWN_ID])

    def test_by_name(self, datadog: Datadog) -> None:
        ids = [create(datadog, name) for name in ("A", "Twin", "Twin", "a")]
        result = info(datadog, names=["Twin", "nobody", "A"], connection_ids=[ids[3], ids[0]])
        assert names(result) == ["a", "A", "Twin", "Twin"] and result["missing"] == ["nobody"]
        assert [each["options"].get("connection_id") for each in result["connections"]] == [
            None,
            None,
            *(each["connection_id"] for each in result["connections"][2:]),
        ]
        twins = [each["options"] for each in result["connections"][2:]]
        assert [datadog.connection(**options)["changed"] for options in twins] == [False, False]

    def test_by_registry(self, keeper: Keeper) -> None:
        datadog = keeper.datadog
        for task in ALL[:3]:
            keeper.run(**task)
        create(datadog, "Somebody else's")
        keeper.delete(keeper.home.ids()[NAMES[1]])
        create(datadog, NAMES[1])
        before = keeper.home.raw()
        for no_list in (None, 404):
            datadog.emulator.settings(no_list=no_list)
            result = info(datadog, registry=keeper.home.registry)
            assert names(result) == sorted([NAMES[0], NAMES[2]])
            assert result["missing"] == [NAMES[1]]
        assert keeper.home.raw() == before

    def test_the_registry_remembers_tokens(self, keeper: Keeper) -> None:
        task = example("http.token_auth")
        keeper.run(**task)
        keeper.datadog.emulator.settings(omit_tokens=True)
        for params in ({}, {"names": [task["name"]]}):
            result = info(keeper.datadog, registry=keeper.home.registry, **params)
            [options] = [each["options"] for each in result["connections"]]
            tokens = [token["name"] for token in options["http"]["token_auth"]["tokens"]]
            assert tokens == sorted(each["name"] for each in task["http"]["token_auth"]["tokens"])
            assert not keeper.run(**options)["changed"]

    def test_the_registry_tells_which_one_a_name_means(self, keeper: Keeper) -> None:
        connection_id = keeper.run(**example("aws.assume_role"))["connection_id"]
        name = example("aws.assume_role")["name"]
        create(keeper.datadog, name)
        create(keeper.datadog, "Unknown to it")
        wanted = [name, "Unknown to it"]
        result = info(keeper.datadog, names=wanted, registry=keeper.home.registry)
        assert [each["name"] for each in result["connections"]] == wanted
        assert result["connections"][0]["connection_id"] == connection_id

    def test_what_a_registry_in_a_datastore_costs(
        self, datadog: Datadog, datastore_home: DatastoreHome
    ) -> None:
        registry = datastore_home.registry
        datadog.connections(*ALL[:3], registry=registry)
        datastore_home.add_others(300)
        for wanted, reads in (
            (NAMES[:1], 1),
            # The first page tells that there are too many.
            (NAMES[:2], 1 + 2),
            (None, 4),
        ):
            datadog.emulator.clear()
            result = info(datadog, registry=registry, names=wanted)
            assert names(result) == (wanted or sorted(NAMES[:3]))
            assert datadog.registry_requests() == ["GET"] * reads

    def test_without_the_list(self, datadog: Datadog) -> None:
        datadog.emulator.settings(no_list=403)
        for params in ({}, {"names": ["A"]}, {"integrations": ["AWS"]}):
            result = datadog.run("action_connection_info", **params)
            assert result["failed"] and "give connection_ids; or give a registry" in result["msg"]
            assert "registered for the Actions API first" in result["msg"]

    @pytest.mark.parametrize(
        "params, path",
        [
            ({"connection_ids": [UNKNOWN_ID, "42"]}, "connection_ids[1]"),
            ({"names": ["A", " "]}, "names[1]"),
            ({"integrations": ["aws"]}, "integrations"),
            ({"integrations": ["aws"], "names": ["A"]}, "integrations"),
        ],
    )
    def test_bad_input(self, datadog: Datadog, params: dict[str, t.Any], path: str) -> None:
        result = datadog.run("action_connection_info", **params)
        assert result["failed"] and path in result["msg"] and datadog.requests() == []
        assert "dictionary" not in result["msg"]


class TestTeamConnections:
    @staticmethod
    def connect(datadog: Datadog, count: int) -> list[dict[str, t.Any]]:
        """Connect the teams platform and sre with that many external teams each."""
        body = {"data": {"type": "team", "attributes": {"name": "SRE", "handle": "sre"}}}
        assert datadog.emulator.call("POST", "/api/v2/team", body).status == 201
        tasks = [
            {"team": team, "connected_team": f"@acme/{team}-{number:03}"}
            for team in ("platform", "sre")
            for number in range(count)
        ]
        created = datadog.team_connections(*tasks)["connections"]
        datadog.emulator.clear()
        return [row["connection"] for row in created]

    def test_all_pages(self, datadog: Datadog) -> None:
        created = self.connect(datadog, 120)
        for check_mode in (False, True):
            result = datadog.run("team_connection_info", check_mode=check_mode)
            assert result["changed"] is False and result["missing"] == []
            assert result["connections"] == sorted(created, key=lambda row: row["connected_team"])

    def test_filters(self, datadog: Datadog) -> None:
        created = self.connect(datadog, 2)
        by_name = {row["connected_team"]: row for row in created}
        ids = {row["connected_team"]: row["connection_id"] for row in created}
        sre = by_name["@acme/sre-000"]["team"]
        for params, expected, missing in (
            ({"teams": ["sre"]}, ["@acme/sre-000", "@acme/sre-001"], []),
            ({"teams": [sre.upper(), "nobody"]}, ["@acme/sre-000", "@acme/sre-001"], ["nobody"]),
            ({"teams": ["nobody"]}, [], ["nobody"]),
            ({"teams": []}, [], []),
            (
                {"connected_teams": ["@acme/sre-001", "@acme/none"]},
                ["@acme/sre-001"],
                ["@acme/none"],
            ),
            ({"sources": ["github"]}, sorted(ids), []),
            ({"sources": ["scim"]}, [], []),
            (
                {"connection_ids": [ids["@acme/sre-000"].upper(), UNKNOWN_ID]},
                ["@acme/sre-000"],
                [UNKNOWN_ID],
            ),
            (
                {"teams": ["platform"], "connected_teams": ["@acme/sre-000"]},
                [],
                ["platform", "@acme/sre-000"],
            ),
        ):
            result = datadog.run("team_connection_info", **params)
            assert [row["connected_team"] for row in result["connections"]] == expected, params
            assert result["missing"] == missing, params

    def test_more_than_fits_into_a_request(self, datadog: Datadog) -> None:
        created = self.connect(datadog, 150)
        wanted = [row["connected_team"] for row in created]
        ids = [row["connection_id"] for row in created]
        result = datadog.run("team_connection_info", connected_teams=wanted, connection_ids=ids)
        assert len(result["connections"]) == 300 and result["missing"] == []

    @pytest.mark.parametrize(
        "params, path",
        [
            ({"teams": ["a", "b,c"]}, "teams[1]"),
            ({"connected_teams": ["acme"]}, "connected_teams[0]"),
            ({"connection_ids": ["42"]}, "connection_ids[0]"),
            ({"sources": ["gitlab"]}, "sources"),
        ],
    )
    def test_bad_input(self, datadog: Datadog, params: dict[str, t.Any], path: str) -> None:
        result = datadog.run("team_connection_info", **params)
        assert result["failed"] and path in result["msg"] and datadog.requests() == []

    def test_forbidden(self, datadog: Datadog) -> None:
        datadog.emulator.settings(deny=["teams_read"])
        assert "teams_read and teams_manage" in datadog.run("team_connection_info")["msg"]
