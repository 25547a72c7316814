# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules restriction_policy and restriction_policy_info. How principals are looked up is tested in test_access."""

from __future__ import annotations

import typing as t

import pytest
from datadog_api_client.configuration import Configuration
from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v2.model.restriction_policy_update_request import (
    RestrictionPolicyUpdateRequest,
)

from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.examples import LOST_ANSWERS

PATH = "/api/v2/restriction_policy"
UNKNOWN_ID = "11111111-1111-4111-8111-111111111111"
DASHBOARD = "dashboard:abc-def-ghi"
STANDARD = "role:Datadog Standard Role"


def bindings(**principals: list[str]) -> list[dict[str, t.Any]]:
    """The option, with the principals by relation."""
    return [{"relation": r, "principals": listed} for r, listed in principals.items()]


def manage(datadog: Datadog, resource_id: str = DASHBOARD, **params: t.Any) -> dict[str, t.Any]:
    return datadog.run("restriction_policy", resource_id=resource_id, **params)


def read(datadog: Datadog, *resource_ids: str) -> list[dict[str, t.Any]]:
    result = datadog.run("restriction_policy_info", resource_ids=list(resource_ids))
    assert result["changed"] is False
    return result["restriction_policies"]


#: A type, its relation with the most rights, and one more.
TYPES = {
    "dashboard": ("editor", "viewer"),
    "connection": ("editor", "resolver"),
    "connection-group": ("editor", "viewer"),
    "workflow": ("editor", "runner"),
    "app-builder-app": ("editor", "viewer"),
    "status-page": ("manager", "responder"),
    "logs-pipeline": ("editor", "processors_editor"),
}


@pytest.mark.parametrize("kind", TYPES)
def test_life_of_a_policy(datadog: Datadog, kind: str) -> None:
    resource_id = f"{kind}:{UNKNOWN_ID}"
    highest, other = TYPES[kind]

    def run(operation: str, **params: t.Any) -> dict[str, t.Any]:
        """In check mode, without, and once more."""
        writes = datadog.writes()
        predicted = manage(datadog, resource_id, **params, check_mode=True)
        assert datadog.writes() == writes
        result = manage(datadog, resource_id, **params)
        assert not result.get("failed"), result["msg"]
        for key in ("changed", "operation", "diff", "restriction_policy"):
            assert result[key] == predicted[key]
        assert (result["changed"], result["operation"]) == (True, operation)
        assert len(datadog.writes()) == len(writes) + 1
        for _time in range(2):
            again = manage(datadog, resource_id, **params)
            assert (again["changed"], again["operation"]) == (False, "none")
            assert again["diff"]["before"] == again["diff"]["after"] == result["diff"]["after"]
        assert len(datadog.writes()) == len(writes) + 1
        return result

    wanted = {highest: ["org"], other: [STANDARD, "team:platform"]}
    created = run("create", bindings=bindings(**wanted))
    assert created["diff"] == {"before": {"bindings": {}}, "after": {"bindings": wanted}}
    returned = created["restriction_policy"]
    assert returned["resource_id"] == resource_id
    assert sorted(returned["bindings"], key=str) == sorted(bindings(**wanted), key=str)
    policy = datadog.emulator.policy(resource_id) or {}
    assert set(policy) == {highest, other}
    assert [each.split(":")[0] for each in policy[other]] == ["role", "team"]

    updated = run("update", bindings=bindings(**{highest: ["org", STANDARD]}))
    before, after = updated["diff"]["before"]["bindings"], updated["diff"]["after"]["bindings"]
    assert after == {highest: ["org", STANDARD]} and set(before) == {highest, other}
    # What is given back as it was returned is the same.
    assert manage(datadog, **updated["restriction_policy"])["changed"] is False

    [found] = read(datadog, resource_id)
    policy = datadog.emulator.policy(resource_id) or {}
    assert found == {"resource_id": resource_id, "bindings": bindings(**{highest: policy[highest]})}
    assert manage(datadog, **found)["changed"] is False

    deleted = run("delete", state="absent")
    assert deleted["diff"]["after"] == {"bindings": {}}
    assert deleted["restriction_policy"]["bindings"] == []
    assert datadog.emulator.policy(resource_id) is None
    assert read(datadog, resource_id) == [{"resource_id": resource_id, "bindings": []}]


def test_official_model_reads_every_request(datadog: Datadog) -> None:
    manage(datadog, bindings=bindings(editor=["org"], viewer=[STANDARD, "team:platform"]))
    manage(datadog, bindings=bindings(editor=["org"]))
    manage(datadog, state="absent")
    *posts, delete = datadog.writes()
    for request in posts:
        types = (RestrictionPolicyUpdateRequest,)
        body = request["body"]
        model = validate_and_convert_types(body, types, ["body"], True, True, Configuration())
        assert model.to_dict() == body
        assert request["query"] == {}
    assert [request["status"] for request in posts] == [200, 200]
    assert (delete["method"], delete["status"], delete["body"]) == ("DELETE", 204, None)


def test_of_an_action_connection(datadog: Datadog) -> None:
    """It is the same policy that the option access of action_connection is about."""
    task = {"name": "prod", "aws": {"assume_role": {"account_id": "123456789012", "role": "r"}}}
    access = {"editor": ["org"], "resolver": [STANDARD]}
    created = datadog.connection(**task, access=access)
    resource_id = f"connection:{created['connection_id']}"
    assert manage(datadog, resource_id, bindings=bindings(**access))["changed"] is False
    [found] = datadog.run("action_connection_info", access=True)["connections"]
    assert {each["relation"]: each["principals"] for each in read(datadog, resource_id)[0]["bindings"]} == found[
        "access"
    ]
    assert manage(datadog, resource_id, state="absent")["operation"] == "delete"
    assert datadog.connection(**task, access={})["changed"] is False


def test_several_are_read(datadog: Datadog) -> None:
    manage(datadog, bindings=bindings(editor=["org"]))
    ids = ["monitor:1", DASHBOARD, "monitor:1", "slo:x"]
    found = read(datadog, *ids)
    assert [row["resource_id"] for row in found] == ["monitor:1", DASHBOARD, "slo:x"]
    assert [len(row["bindings"]) for row in found] == [0, 1, 0]


class TestJudgedByDatadog:
    """What the collection does not know is sent, and what Datadog says is told."""

    @pytest.mark.parametrize("kind", ["security_rule", "a-type-of-next-year", "Dashboard", "a.b2"])
    def test_unknown_types(self, datadog: Datadog, kind: str) -> None:
        resource_id = f"{kind}:abc"
        for result in (
            manage(datadog, resource_id, bindings=bindings(editor=["org"])),
            manage(datadog, resource_id, state="absent"),
            datadog.run("restriction_policy_info", resource_ids=[resource_id]),
        ):
            assert result["failed"] and result["http_status"] == 400
            assert resource_id in result["msg"]
            assert f"'{kind}' does not support restriction policies" in result["msg"]

    @pytest.mark.parametrize("relation", ["resolver", "Editor", "a_relation_of_next_year"])
    def test_unknown_relations(self, datadog: Datadog, relation: str) -> None:
        result = manage(datadog, bindings=bindings(editor=["org"], **{relation: [STANDARD]}))
        assert result["failed"] and result["http_status"] == 400 and relation in result["msg"]
        assert result["changed"] is False and datadog.emulator.policies() == {}

    @pytest.mark.parametrize("resource_id", ["slo:a:b", "notebook:42", "integration-service:x%2Fy", "spreadsheet:Ü"])
    def test_ids_of_any_form(self, datadog: Datadog, resource_id: str) -> None:
        created = manage(datadog, resource_id, bindings=bindings(editor=["org"]))
        assert not created.get("failed"), created["msg"]
        assert list(datadog.emulator.policies()) == [resource_id]
        assert manage(datadog, resource_id, bindings=bindings(editor=["org"]))["changed"] is False

    def test_principals_that_do_not_exist(self, datadog: Datadog) -> None:
        principal = f"team:{UNKNOWN_ID}"
        result = manage(datadog, bindings=bindings(editor=["org"], viewer=[principal]))
        assert result["failed"] and result["http_status"] == 400 and principal in result["msg"]


class TestLockout:
    #: A team without the user of the keys.
    WANTED = bindings(editor=["team:platform"], viewer=["org"])

    def test_is_refused_by_datadog(self, datadog: Datadog) -> None:
        manage(datadog, bindings=bindings(editor=["org"]))
        before = datadog.emulator.policies()
        result = manage(datadog, bindings=self.WANTED)
        assert result["failed"] and result["http_status"] == 400
        assert "SelfLockout" in result["msg"] and DASHBOARD in result["msg"]
        assert result["changed"] is False and datadog.emulator.policies() == before

    def test_may_be_allowed(self, datadog: Datadog) -> None:
        result = manage(datadog, bindings=self.WANTED, allow_self_lockout=True)
        assert result["operation"] == "create"
        [write] = datadog.writes()
        assert write["query"] == {"allow_self_lockout": ["true"]}
        again = manage(datadog, bindings=self.WANTED, allow_self_lockout=True)
        assert again["changed"] is False

    def test_is_none_for_a_member_of_the_team(self, datadog: Datadog) -> None:
        datadog.emulator.add_member(team="platform", app_key=datadog.KEYS["app_key"])
        assert manage(datadog, bindings=self.WANTED)["operation"] == "create"


class TestFailures:
    @pytest.mark.slow
    @pytest.mark.parametrize("fault", LOST_ANSWERS)
    @pytest.mark.parametrize("state", ["present", "absent"])
    def test_lost_answers(self, datadog: Datadog, state: str, fault: dict[str, t.Any]) -> None:
        wanted: dict[str, t.Any] = {"state": state, "bindings": bindings(editor=["org"])}
        if state == "absent":
            manage(datadog, bindings=wanted["bindings"])
        method = "POST" if state == "present" else "DELETE"
        datadog.emulator.add_fault(**fault, method=method)
        # Setting a policy twice does no harm.
        result = manage(datadog, **wanted)
        assert not result.get("failed"), result["msg"]
        assert result["changed"] and len(datadog.emulator.policies()) == (state == "present")

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    def test_forbidden(self, datadog: Datadog, method: str) -> None:
        task: dict[str, t.Any] = {"bindings": bindings(editor=["org"])}
        if method == "DELETE":
            manage(datadog, **task)
            task = {"state": "absent"}
        before = datadog.emulator.policies()
        datadog.emulator.add_fault("status", method=method, path=PATH, status=403, times=None)
        result = manage(datadog, **task)
        assert result["failed"] and result["http_status"] == 403
        assert "user_access_manage" in result["msg"] and "keys" in result["msg"]
        assert datadog.emulator.policies() == before
        if method == "GET":
            info = datadog.run("restriction_policy_info", resource_ids=[DASHBOARD])
            assert info["failed"] and "user_access_manage" in info["msg"]


@pytest.mark.parametrize(
    "params, path, remedy",
    [
        ({}, "bindings", "state=absent"),
        ({"bindings": []}, "bindings", "state=absent"),
        ({"bindings": bindings(editor=[])}, "bindings[0].principals", "empty"),
        (
            {"bindings": [*bindings(editor=["org"]), *bindings(editor=[STANDARD])]},
            "bindings[1].relation",
            "bindings[0]",
        ),
        (
            {"bindings": bindings(editor=["org", "org"])},
            "bindings[0].principals[1]",
            "principals[0]",
        ),
        (
            {"bindings": bindings(editor=["org"], viewer=["all"])},
            "bindings[1].principals[0]",
            "team:",
        ),
        ({"bindings": [{"relation": "editor"}]}, "bindings[0].principals", "required"),
        ({"bindings": [{"principals": ["org"]}]}, "bindings[0].relation", "required"),
        ({"bindings": {"editor": ["org"]}}, "bindings", "list"),
        (
            {"bindings": [{"relation": "editor", "principal": ["org"]}]},
            "bindings[0].principal",
            "principals",
        ),
        ({"resource_id": "abc", "state": "absent"}, "resource_id", "connection:"),
        ({"resource_id": "dashboard: abc", "state": "absent"}, "resource_id", "connection:"),
        ({"resource_id": ":abc", "state": "absent"}, "resource_id", "connection:"),
        ({"resource_id": "dashboard:", "state": "absent"}, "resource_id", "connection:"),
        (
            {"resource_id": "https://app.datadoghq.com/dashboard/abc", "state": "absent"},
            "resource_id",
            "connection:",
        ),
        ({"resource_id": "dashboard:../x", "state": "absent"}, "resource_id", "connection:"),
    ],
)
def test_bad_input_fails_before_the_first_request(
    datadog: Datadog, params: dict[str, t.Any], path: str, remedy: str
) -> None:
    result = datadog.run("restriction_policy", **{"resource_id": DASHBOARD, **params})
    assert result["failed"] and path in result["msg"] and remedy in result["msg"], result["msg"]
    if "resource_id" in params:
        ids = [DASHBOARD, params["resource_id"]]
        result = datadog.run("restriction_policy_info", resource_ids=ids)
        assert result["failed"] and "resource_ids[1]" in result["msg"]
    assert datadog.requests() == []


def test_names_are_told_with_their_paths_before_anything_is_written(datadog: Datadog) -> None:
    wanted = bindings(editor=["org"], viewer=["role:Nobody", "team:@platform"])
    for check_mode in (True, False):
        result = manage(datadog, bindings=wanted, check_mode=check_mode)
        assert result["failed"]
        assert "bindings[1].principals[0]" in result["msg"]
        assert "bindings[1].principals[1]" in result["msg"]
        assert "team:platform?" in result["msg"]
    assert datadog.writes() == []
