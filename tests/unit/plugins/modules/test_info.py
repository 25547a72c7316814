# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules that only read: what they find, what they miss, and that a task takes what they return."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.examples import KINDS, example
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    DatastoreBackend,
    RegistryRunner,
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
        """Where Datadog offers the list; in the order of their names, over all pages."""
        for number in range(230):
            create(datadog, f"Number {number:03}")
        datadog.emulator.clear()
        for check_mode in (False, True):
            result = info(datadog, check_mode=check_mode)
            assert names(result) == [f"Number {number:03}" for number in range(230)]
            assert result["missing"] == []
        assert [request["method"] for request in datadog.requests()] == ["GET"] * 6

    @pytest.mark.parametrize("tokens_as", ["http_tokens", "tokens"])
    @pytest.mark.usefixtures("unlisted")
    def test_what_is_returned_is_taken_by_a_task(self, runner: RegistryRunner, tokens_as: str) -> None:
        """As most organizations have it: without the list, with a registry."""
        datadog, registry = runner.datadog, runner.backend.registry
        datadog.emulator.settings(tokens_as=tokens_as)
        created = datadog.connections(*ALL, registry=registry)
        before = datadog.writes()
        read = info(datadog, registry=registry)
        assert sorted(names(read)) == sorted(NAMES) and read["missing"] == []
        by_name = {row["name"]: row["connection"] for row in created["connections"]}
        for each in read["connections"]:
            options = each.pop("options")
            assert each == by_name[each["name"]]
            alone = datadog.connection(**options, registry=registry)
            assert (alone["changed"], alone["warnings"]) == (False, [])
        options = [each["options"] for each in info(datadog, registry=registry)["connections"]]
        result = datadog.connections(*options, registry=registry)
        assert not result.get("failed"), result["msg"]
        assert (result["changed"], result["warnings"]) == (False, [])
        assert datadog.writes() == before

    def test_by_integration(self, datadog: Datadog) -> None:
        datadog.connections(*ALL)
        datadog.emulator.clear()
        result = info(datadog, integrations=["aws", "cloudflare"])
        found = [set(each) & {"aws", "cloudflare"} for each in result["connections"]]
        assert sorted(found, key=sorted) == [{"aws"}, {"cloudflare"}, {"cloudflare"}]
        [request] = datadog.requests()
        assert request["query"]["filter[integration]"] == ["AWS", "Cloudflare"]

    def test_by_id(self, unlisted: Datadog) -> None:
        ids = [create(unlisted, name) for name in "ABC"]
        wanted = [ids[2].upper(), UNKNOWN_ID, ids[0]]
        result = info(unlisted, connection_ids=wanted)
        assert (names(result), result["missing"]) == (["C", "A"], [UNKNOWN_ID])
        result = info(unlisted, connection_ids=wanted, integrations=["http"])
        assert (names(result), result["missing"]) == ([], [UNKNOWN_ID])

    def test_by_name(self, datadog: Datadog) -> None:
        ids = [create(datadog, name) for name in ("A", "Twin", "Twin", "a")]
        result = info(datadog, names=["Twin", "nobody", "A"], connection_ids=[ids[3], ids[0]])
        assert names(result) == ["a", "A", "Twin", "Twin"] and result["missing"] == ["nobody"]
        # Where its name alone does not tell which one is meant, the id is one of the options.
        assert [each["options"].get("connection_id") for each in result["connections"]] == [
            None,
            None,
            *(each["connection_id"] for each in result["connections"][2:]),
        ]
        twins = [each["options"] for each in result["connections"][2:]]
        assert [datadog.connection(**options)["changed"] for options in twins] == [False, False]

    def test_by_registry(self, runner: RegistryRunner) -> None:
        datadog = runner.datadog
        for task in ALL[:3]:
            runner.run(**task)
        create(datadog, "Somebody else's")
        runner.delete(runner.backend.ids()[NAMES[1]])
        create(datadog, NAMES[1])
        before = runner.backend.raw()
        for with_list in (True, False):
            datadog.emulator.settings(list=with_list)
            result = info(datadog, registry=runner.backend.registry)
            assert sorted(names(result)) == sorted([NAMES[0], NAMES[2]])
            assert result["missing"] == [NAMES[1]]
        assert runner.backend.raw() == before

    def test_the_registry_tells_which_one_a_name_means(self, runner: RegistryRunner) -> None:
        connection_id = runner.run(**example("aws.assume_role"))["connection_id"]
        name = example("aws.assume_role")["name"]
        create(runner.datadog, name)
        create(runner.datadog, "Unknown to it")
        wanted = [name, "Unknown to it"]
        result = info(runner.datadog, names=wanted, registry=runner.backend.registry)
        assert names(result) == wanted
        assert result["connections"][0]["connection_id"] == connection_id
        # Without the list, what the registry does not know cannot be found, and is not called absent.
        runner.datadog.emulator.settings(list=False)
        result = info(runner.datadog, names=wanted, registry=runner.backend.registry)
        assert (names(result), result["missing"]) == ([name], ["Unknown to it"])
        [warning] = result["warnings"]
        assert "'Unknown to it'" in warning

    def test_what_a_registry_in_a_datastore_costs(self, datadog: Datadog, datastore_backend: DatastoreBackend) -> None:
        registry = datastore_backend.registry
        datadog.connections(*ALL[:3], registry=registry)
        datastore_backend.add_others(300)
        for wanted, reads in (
            (NAMES[:1], 1),
            # The first page tells that there are too many.
            (NAMES[:2], 1 + 2),
            (None, 4),
        ):
            datadog.emulator.clear()
            result = info(datadog, registry=registry, names=wanted)
            assert sorted(names(result)) == sorted(wanted or NAMES[:3])
            assert datadog.registry_requests() == ["GET"] * reads

    @pytest.mark.parametrize("params", [{}, {"names": ["A"]}, {"integrations": ["aws"]}])
    def test_without_the_list(self, unlisted: Datadog, params: dict[str, t.Any]) -> None:
        result = unlisted.run("action_connection_info", **params)
        assert result["failed"]
        assert "connection_ids" in result["msg"] and "registry" in result["msg"]

    @pytest.mark.parametrize("params", [{}, {"names": ["A"]}, {"connection_ids": [UNKNOWN_ID]}])
    def test_forbidden(self, datadog: Datadog, params: dict[str, t.Any]) -> None:
        datadog.emulator.settings(require_registration=True)
        result = datadog.run("action_connection_info", **params)
        assert result["failed"] and result["http_status"] == 403
        assert "app_key_registration" in result["msg"] and "connections_read" in result["msg"]


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
        # Their teams' handles are known to those who name them.
        expected = [{**row, "team_handle": None} for row in created]
        expected.sort(key=lambda row: row["connected_team"])
        for check_mode in (False, True):
            result = datadog.run("team_connection_info", check_mode=check_mode)
            assert result["changed"] is False and result["missing"] == []
            options = [row.pop("options") for row in result["connections"]]
            assert result["connections"] == expected
        for each in (options[0], options[-1]):
            assert datadog.team_connection(**each)["changed"] is False

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
