# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may use action connections: the option access of action_connection and action_connections, and access in the info module."""

from __future__ import annotations

import typing as t
import uuid

import pytest
from datadog_api_client.configuration import Configuration
from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v2.model.restriction_policy_update_request import (
    RestrictionPolicyUpdateRequest,
)

from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    CONNECTIONS,
    FileBackend,
)

POLICIES = "/api/v2/restriction_policy"
TASK: dict[str, t.Any] = {"name": "prod", "openai": {"api_key": {"api_token": f"{CANARY}-1"}}}
STANDARD, ADMIN = "role:Datadog Standard Role", "role:Datadog Admin Role"
JANE = "jane@example.com"
ACCESS: dict[str, t.Any] = {
    "viewer": ["org"],
    "resolver": [STANDARD, f"user:{JANE}"],
    "editor": ["team:platform"],
}


class Principals(t.NamedTuple):
    """The principals of ACCESS as Datadog has them."""

    org: str
    standard: str
    admin: str
    jane: str
    platform: str

    def policy(self) -> dict[str, list[str]]:
        """What ACCESS means."""
        return {
            "viewer": [self.org],
            "resolver": sorted([self.standard, self.jane]),
            "editor": [self.platform],
        }


@pytest.fixture
def principals(datadog: Datadog) -> Principals:
    """Jane exists, and the user of the keys is in the team C(platform)."""
    emulator = datadog.emulator
    jane = emulator.add_user(JANE)
    emulator.add_member(team="platform", app_key=datadog.KEYS["app_key"])
    user = emulator.call("GET", "/api/v2/current_user").body["data"]
    roles = emulator.call("GET", "/api/v2/roles?page[size]=100").body["data"]
    ids = {row["attributes"]["name"]: row["id"] for row in roles}
    [team] = emulator.call("GET", "/api/v2/team").body["data"]
    emulator.clear()
    return Principals(
        f"org:{user['relationships']['org']['data']['id']}",
        f"role:{ids['Datadog Standard Role']}",
        f"role:{ids['Datadog Admin Role']}",
        f"user:{jane}",
        f"team:{team['id']}",
    )


def policy_of(datadog: Datadog, result: t.Mapping[str, t.Any]) -> dict[str, list[str]] | None:
    """The policy of the connection that a task returned, as Datadog has it."""
    return datadog.emulator.policy(f"connection:{result['connection_id']}")


def paths(datadog: Datadog, *methods: str) -> list[str]:
    return [request["path"] for request in datadog.requests(*methods)]


def policy_requests(datadog: Datadog) -> list[tuple[str, t.Any]]:
    """Method and body of the requests for policies."""
    return [
        (request["method"], request["body"]) for request in datadog.requests() if request["path"].startswith(POLICIES)
    ]


@pytest.mark.parametrize("is_listed", [True, False])
def test_life_of_a_policy(datadog: Datadog, file_backend: FileBackend, principals: Principals, is_listed: bool) -> None:
    datadog.emulator.settings(list=is_listed)
    base = {**TASK, "registry": file_backend.registry}
    task = {**base, "access": ACCESS}
    predicted = datadog.connection(**task, check_mode=True)
    assert datadog.writes() == []
    created = datadog.connection(**task)
    assert (created["operation"], created["diff"]) == ("create", predicted["diff"])
    # In the words of the task, in an order that does not depend on Datadog's.
    assert created["diff"]["after"]["access"] == ACCESS
    assert created["connection"]["access"] == predicted["connection"]["access"] == ACCESS
    assert policy_of(datadog, created) == principals.policy()

    datadog.emulator.clear()
    for _time in range(3):
        # Datadog returns bindings and principals in another order every time.
        again = datadog.connection(**task)
        assert (again["changed"], again["connection"]["access"]) == (False, ACCESS)
    assert datadog.writes() == []

    # Left out, it is left alone, and costs no request.
    datadog.emulator.clear()
    without = datadog.connection(**base)
    assert without["changed"] is False and "access" not in without["connection"]
    assert paths(datadog) == [f"{CONNECTIONS}/{created['connection_id']}"]
    assert policy_of(datadog, created) == principals.policy()

    fewer = {**base, "access": {"editor": ["team:platform", ADMIN], "viewer": []}}
    predicted = datadog.connection(**fewer, check_mode=True)
    datadog.emulator.clear()
    updated = datadog.connection(**fewer)
    assert (updated["operation"], updated["diff"]) == ("update", predicted["diff"])
    before, after = updated["diff"]["before"]["access"], updated["diff"]["after"]["access"]
    assert after == {"editor": [ADMIN, "team:platform"]}
    # Whom the task does not name is shown as Datadog does.
    assert before == {**principals.policy(), "editor": ["team:platform"]}
    assert {**updated["diff"]["before"], "access": after} == updated["diff"]["after"]
    assert paths(datadog, "POST", "PATCH", "DELETE") == [f"{POLICIES}/connection:{created['connection_id']}"]
    editors = sorted([principals.admin, principals.platform])
    assert policy_of(datadog, created) == {"editor": editors}
    assert datadog.connection(**fewer)["changed"] is False

    nobody = {**base, "access": {}}
    predicted = datadog.connection(**nobody, check_mode=True)
    removed = datadog.connection(**nobody)
    assert (removed["operation"], removed["diff"]) == ("update", predicted["diff"])
    assert removed["diff"]["after"]["access"] == removed["connection"]["access"] == {}
    assert policy_of(datadog, created) is None
    datadog.emulator.clear()
    assert datadog.connection(**nobody)["changed"] is False
    assert [method for method, _body in policy_requests(datadog)] == ["GET"]

    datadog.emulator.clear()
    deleted = datadog.connection(**task, state="absent")
    assert deleted["operation"] == "delete" and policy_requests(datadog) == []


def test_official_model_reads_every_request(datadog: Datadog, principals: Principals) -> None:
    datadog.connection(**TASK, access=ACCESS)
    [(method, body)] = policy_requests(datadog)
    assert method == "POST"
    types = (RestrictionPolicyUpdateRequest,)
    read = validate_and_convert_types(body, types, ["body"], True, True, Configuration())
    assert read.to_dict() == body
    assert body["data"]["type"] == "restriction_policy"


def test_changed_together_with_the_connection(datadog: Datadog, principals: Principals) -> None:
    created = datadog.connection(**TASK, tags=["env:prod"])
    task = {**TASK, "tags": ["env:test"], "access": {"editor": ["org"]}}
    predicted = datadog.connection(**task, check_mode=True)
    result = datadog.connection(**task)
    assert (result["operation"], result["diff"]) == ("update", predicted["diff"])
    assert policy_of(datadog, created) == {"editor": [principals.org]}
    assert result["diff"]["after"]["tags"] == result["connection"]["tags"] == ["env:test"]
    assert datadog.connection(**task)["changed"] is False


class TestNames:
    def test_are_looked_up_exactly(self, datadog: Datadog) -> None:
        emulator = datadog.emulator
        # Datadog's filters match parts, in more rows than a page has.
        roles = {
            name: emulator.add_role(name) for name in ("Ops", "DevOps", *(f"Ops {number}" for number in range(120)))
        }
        users = {
            email: emulator.add_user(email, name="ops@example.com")
            for email in ("ops@example.com", "devops@example.com", "ops@example.com.org")
        }
        for handle in ("ops", "devops", "ops-2"):
            attributes = {"name": f"The {handle}", "handle": handle}
            body = {"data": {"type": "team", "attributes": attributes}}
            reply = emulator.call("POST", "/api/v2/team", body)
            assert reply.status == 201
            users[handle] = reply.body["data"]["id"]
        access = {
            "viewer": ["role:Ops", "user:ops@example.com", "team:ops"],
            "resolver": ["role:Ops 119"],
            "editor": ["org"],
        }
        result = datadog.connection(**TASK, access=access)
        assert not result.get("failed"), result["msg"]
        policy = policy_of(datadog, result) or {}
        expected = [
            f"role:{roles['Ops']}",
            f"team:{users['ops']}",
            f"user:{users['ops@example.com']}",
        ]
        assert policy["viewer"] == expected
        assert policy["resolver"] == [f"role:{roles['Ops 119']}"]

    def test_once_a_task(self, datadog: Datadog, principals: Principals) -> None:
        tasks = [{**TASK, "name": f"prod {number}", "access": ACCESS} for number in range(12)]
        datadog.connections(*tasks)
        looked_up = [path for path in paths(datadog, "GET") if not path.startswith((CONNECTIONS, POLICIES))]
        kinds = ["/api/v2/current_user", "/api/v2/roles", "/api/v2/team", "/api/v2/users"]
        assert sorted(looked_up) == kinds

    def test_uuids_are_not(self, datadog: Datadog, principals: Principals) -> None:
        access = {
            "viewer": [principals.org, principals.jane],
            "editor": [
                "team:" + principals.platform.split(":")[1].upper(),
                principals.admin,
            ],
        }
        result = datadog.connection(**TASK, access=access)
        assert not result.get("failed"), result["msg"]
        assert (policy_of(datadog, result) or {})["editor"] == sorted([principals.admin, principals.platform])
        assert result["diff"]["after"]["access"] == {relation: sorted(each) for relation, each in access.items()}
        assert all(path.startswith((CONNECTIONS, POLICIES)) for path in paths(datadog))
        # The same ones by name.
        named = {"viewer": ["org", f"user:{JANE}"], "editor": ["team:platform", ADMIN]}
        assert datadog.connection(**TASK, access=named)["changed"] is False

    def test_of_users_that_are_disabled(self, datadog: Datadog) -> None:
        emulator = datadog.emulator
        emulator.add_user("back@example.com", disabled=True)
        enabled = emulator.add_user("back@example.com")
        former = emulator.add_user("former@example.com", disabled=True)
        access = {"viewer": ["user:back@example.com", "user:former@example.com"], "editor": ["org"]}
        result = datadog.connection(**TASK, access=access)
        viewers = sorted([f"user:{enabled}", f"user:{former}"])
        assert (policy_of(datadog, result) or {})["viewer"] == viewers

    def test_of_service_accounts(self, datadog: Datadog) -> None:
        bot = datadog.emulator.add_user("bot@example.com", service_account=True)
        access = {"resolver": ["user:bot@example.com"], "editor": ["org"]}
        result = datadog.connection(**TASK, access=access)
        assert (policy_of(datadog, result) or {})["resolver"] == [f"user:{bot}"]


#: The option, where it is wrong, and what the error must contain beside that.
BAD: dict[str, tuple[dict[str, t.Any], str, list[str]]] = {
    "unknown kind": ({"editor": ["org", "group:ops"]}, "access.editor[1]", ["team:", "role:"]),
    "no kind": ({"viewer": ["platform"]}, "access.viewer[0]", ["team:"]),
    "no name": ({"viewer": ["team:"]}, "access.viewer[0]", ["team:"]),
    "all": ({"viewer": ["all"]}, "access.viewer[0]", ["org"]),
    "another organization's name": ({"viewer": ["org:acme"]}, "access.viewer[0]", ["org"]),
    "a kind in capitals": ({"editor": ["Team:platform"]}, "access.editor[0]", ["team:"]),
    "twice": ({"editor": ["org", "team:platform", "org"]}, "access.editor[2]", ["editor[0]"]),
    "unknown team": ({"editor": ["org", "team:platfor"]}, "access.editor[1]", ["handle"]),
    "a team with @": ({"editor": ["team:@platform"]}, "access.editor[0]", ["team:platform?"]),
    "a team by its name": ({"editor": ["team:Platform"]}, "access.editor[0]", ["team:platform?"]),
    "unknown role": ({"resolver": ["role:Datadog Standard"]}, "access.resolver[0]", ["name"]),
    "role in other case": ({"editor": ["role:datadog admin role"]}, "access.editor[0]", ["name"]),
    "unknown user": ({"editor": ["org"], "viewer": ["user:jane"]}, "access.viewer[0]", ["mail"]),
    "several users": ({"editor": ["org", "user:twin@example.com"]}, "access.editor[1]", ["TWINS"]),
    "unknown relation": ({"editors": ["org"]}, "access.editors", ["editor"]),
    "relation of another type": ({"manager": ["org"]}, "access", ["viewer", "resolver", "editor"]),
    "no list": ({"editor": {"team": "platform"}}, "access.editor", ["list"]),
    "no relation": (["team:platform"], "access", ["viewer"]),  # type: ignore[dict-item]
    "a number": ({"editor": [42]}, "access.editor[0]", ["quote"]),
    "nothing": ({"editor": [None]}, "access.editor[0]", []),
    "masked": ({"editor": ["user:********"]}, "access.editor[0]", ["secret"]),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told_before_anything_is_written(datadog: Datadog, principals: Principals, case: str) -> None:
    access, path, expected = BAD[case]
    twins = [datadog.emulator.add_user("twin@example.com") for _number in range(2)]
    datadog.connection(**TASK)
    datadog.emulator.clear()
    for result, prefix in (
        (datadog.connection(**TASK, access=access, check_mode=True), ""),
        (datadog.connection(**{**TASK, "name": "new"}, access=access), ""),
        (
            datadog.connections({**TASK, "name": "new"}, {**TASK, "access": access}),
            "connections[1].",
        ),
    ):
        assert result["failed"] and f"{prefix}{path}" in result["msg"], result["msg"]
        for text in expected:
            assert all(each in result["msg"] for each in (twins if text == "TWINS" else [text]))
    assert datadog.writes() == []


def test_the_same_principal_by_its_name_and_its_id(datadog: Datadog, principals: Principals) -> None:
    access = {"editor": ["team:platform", "org", principals.platform]}
    result = datadog.connection(**TASK, access=access)
    assert result["failed"] and "access.editor[2]" in result["msg"]
    assert "team:platform" in result["msg"] and datadog.writes() == []
    # In two relations it is no mistake.
    access = {"editor": ["team:platform"], "viewer": [principals.platform]}
    assert datadog.connection(**TASK, access=access)["changed"] is True


def test_bad_tags_and_access_are_told_together(datadog: Datadog) -> None:
    result = datadog.connection(**TASK, tags=["default:x"], access={"editor": ["group:x"]})
    assert "tags[0]" in result["msg"] and "access.editor[0]" in result["msg"]
    assert datadog.requests() == []


class TestFailures:
    """A policy that fails after the connection was written is an error with the id; the next run finishes."""

    @pytest.mark.parametrize("is_listed", [True, False])
    @pytest.mark.parametrize("status", [400, 403, 503])
    def test_after_a_create(self, datadog: Datadog, file_backend: FileBackend, status: int, is_listed: bool) -> None:
        datadog.emulator.settings(list=is_listed)
        task = {**TASK, "registry": file_backend.registry, "access": {"editor": ["org"]}}
        datadog.emulator.add_fault("status", path=POLICIES, method="POST", status=status, times=None)
        failed = datadog.connection(**task, retries=0)
        [existing] = datadog.emulator.state()["action_connections"]
        assert failed["failed"] and failed["http_status"] == status
        assert failed["changed"] and existing["id"] in failed["msg"]
        assert failed["connection_id"] == failed["connection"]["connection_id"] == existing["id"]
        datadog.emulator.clear_faults()
        predicted = datadog.connection(**task, check_mode=True)
        finished = datadog.connection(**task)
        assert (finished["operation"], finished["diff"]) == ("update", predicted["diff"])
        assert finished["connection_id"] == existing["id"]
        assert set(policy_of(datadog, finished) or {}) == {"editor"}
        assert datadog.connection(**task)["changed"] is False

    def test_after_an_update(self, datadog: Datadog) -> None:
        created = datadog.connection(**TASK)["connection_id"]
        task = {**TASK, "tags": ["env:prod"], "access": {"editor": ["org"]}}
        datadog.emulator.add_fault("status", path=POLICIES, method="POST", status=400)
        failed = datadog.connection(**task)
        assert failed["failed"] and failed["changed"] and created in failed["msg"]
        datadog.emulator.clear()
        assert datadog.connection(**task)["operation"] == "update"
        assert [path.startswith(POLICIES) for path in paths(datadog, "POST", "PATCH")] == [True]
        assert datadog.connection(**task)["changed"] is False

    def test_of_one_of_a_set(self, unlisted: Datadog, file_backend: FileBackend) -> None:
        tasks = [{**TASK, "name": f"prod {number}", "access": {"editor": ["org"]}} for number in range(9)]
        options = {"registry": file_backend.registry}
        unlisted.emulator.add_fault("status", path=POLICIES, method="POST", status=400, skip=4)
        failed = unlisted.connections(*tasks, **options)
        assert failed["failed"] and failed["counts"]["failed"] == 1
        assert failed["counts"]["create"] == 8
        [row] = [row for row in failed["connections"] if row.get("failed")]
        assert row["connection_id"] in failed["msg"]
        finished = unlisted.connections(*tasks, **options)
        assert (finished["counts"]["update"], finished["counts"]["none"]) == (1, 8)
        assert len(unlisted.emulator.policies()) == 9
        assert unlisted.emulator.state()["counts"]["action_connections"] == 9

    def test_a_policy_that_locks_its_caller_out(self, datadog: Datadog) -> None:
        # A team without the user of the keys.
        result = datadog.connection(**TASK, access={"editor": ["team:platform"]})
        assert result["failed"] and "SelfLockout" in result["msg"]
        assert result["changed"] and result["connection_id"] in result["msg"]

    @pytest.mark.parametrize("fault", [{"status": 404, "body": "html"}, {"status": 500}])
    def test_a_policy_that_cannot_be_read(self, datadog: Datadog, fault: dict[str, t.Any]) -> None:
        datadog.connection(**TASK)
        datadog.emulator.clear()
        datadog.emulator.add_fault("status", path=POLICIES, method="GET", times=None, **fault)
        task = {**TASK, "tags": ["env:prod"], "access": {}}
        for check_mode in (True, False):
            result = datadog.connection(**task, check_mode=check_mode, retries=0)
            assert result["failed"] and result["http_status"] == fault["status"]
        info = datadog.run("action_connection_info", access=True, retries=0)
        assert info["failed"] and info["http_status"] == fault["status"]
        assert datadog.writes() == []

    @pytest.mark.parametrize(
        "permission, principal",
        [
            ("user_access_read", STANDARD),
            ("user_access_read", f"user:{JANE}"),
            ("teams_read", "team:x"),
        ],
    )
    def test_who_may_not_look_principals_up(self, datadog: Datadog, permission: str, principal: str) -> None:
        datadog.emulator.settings(deny=[permission])
        result = datadog.connection(**TASK, access={"editor": [principal]})
        assert result["failed"] and result["http_status"] == 403
        assert permission in result["msg"] and principal.split(":")[1] in result["msg"]
        assert datadog.writes() == []


class TestReplacing:
    """A new connection has no policy, so who had access to the old one gets it."""

    OTHER: dict[str, t.Any] = {
        "name": "prod",
        "gitlab": {"api_key": {"api_token": f"{CANARY}-2"}},
        "allow_replace": True,
    }

    @pytest.mark.parametrize("access", [None, {"editor": ["org"]}, {}])
    def test_what_the_new_one_has(
        self, datadog: Datadog, principals: Principals, access: dict[str, t.Any] | None
    ) -> None:
        old = datadog.connection(**TASK, access=ACCESS)["connection_id"]
        task = {**self.OTHER, **({} if access is None else {"access": access})}
        predicted = datadog.connection(**task, check_mode=True)
        replaced = datadog.connection(**task)
        assert (replaced["operation"], replaced["diff"]) == ("replace", predicted["diff"])
        assert replaced["connection_id"] != old
        expected = {None: principals.policy(), 1: {"editor": [principals.org]}, 0: None}
        assert policy_of(datadog, replaced) == expected[access if access is None else len(access)]
        assert datadog.connection(**task)["changed"] is False

    def test_after_a_failure(self, unlisted: Datadog, file_backend: FileBackend, principals: Principals) -> None:
        options = {"registry": file_backend.registry}
        unlisted.connection(**TASK, access=ACCESS, **options)
        unlisted.emulator.add_fault("status", path=POLICIES, method="POST", status=400)
        failed = unlisted.connection(**self.OTHER, **options)
        assert failed["failed"] and failed["changed"]
        finished = unlisted.connection(**self.OTHER, **options)
        assert not finished.get("failed"), finished["msg"]
        [left] = unlisted.emulator.state()["action_connections"]
        assert left["id"] == finished["connection_id"]
        assert policy_of(unlisted, finished) == principals.policy()


class TestSets:
    @pytest.mark.slow
    @pytest.mark.parametrize("is_listed", [False, True])
    def test_a_hundred(
        self, datadog: Datadog, file_backend: FileBackend, principals: Principals, is_listed: bool
    ) -> None:
        datadog.emulator.settings(list=is_listed)
        without = [
            {**TASK, "name": f"prod {number}", "tags": [f"env:{number % 3}", "team:platform"]} for number in range(100)
        ]
        tasks = [{**task, "access": ACCESS} for task in without]
        options = {"registry": file_backend.registry}
        created = datadog.connections(*tasks, **options)
        assert not created.get("failed"), created["msg"]
        assert created["counts"]["create"] == 100
        policies = datadog.emulator.policies()
        assert list(policies.values()) == [principals.policy()] * 100
        assert created["connections"][7]["connection"]["access"] == ACCESS

        counts = []
        for connections in (without, tasks):
            datadog.emulator.clear()
            again = datadog.connections(*connections, **options)
            assert (again["changed"], again["diff"], again["warnings"]) == (False, [], [])
            counts.append(len(datadog.requests()))
        # One for each policy, and one to look up each principal.
        assert counts[1] - counts[0] == 100 + 4
        # The list is asked for in any case.
        assert counts[0] == (1 if is_listed else 1 + 100)

        tasks[7] = {**tasks[7], "access": {}}
        tasks[8] = {**tasks[8], "access": {**ACCESS, "viewer": []}}
        predicted = datadog.connections(*tasks, **options, check_mode=True)
        changed = datadog.connections(*tasks, **options)
        assert changed["diff"] == predicted["diff"]
        assert changed["counts"]["update"] == len(changed["diff"]) == 2
        assert len(datadog.emulator.policies()) == 99

    def test_some_with_access(self, datadog: Datadog, principals: Principals) -> None:
        tasks = [{**TASK, "name": "a", "access": {"editor": ["org"]}}, {**TASK, "name": "b"}]
        created = datadog.connections(*tasks)
        assert list(datadog.emulator.policies()) == [f"connection:{created['connections'][0]['connection_id']}"]
        assert datadog.connections(*tasks)["changed"] is False


class TestInfo:
    @pytest.mark.parametrize("is_listed", [True, False])
    def test_round_trip(
        self, datadog: Datadog, file_backend: FileBackend, principals: Principals, is_listed: bool
    ) -> None:
        datadog.emulator.settings(list=is_listed)
        options = {"registry": file_backend.registry}
        created = datadog.connections(
            {**TASK, "name": "a", "tags": ["env:prod", "team:x"], "access": ACCESS},
            {**TASK, "name": "b"},
            **options,
        )
        datadog.emulator.clear()
        found = datadog.run("action_connection_info", **options)["connections"]
        assert not any("access" in {**row, **row["options"]} for row in found)
        assert policy_requests(datadog) == []

        found = datadog.run("action_connection_info", access=True, **options)["connections"]
        by_name = {row["name"]: row for row in found}
        expected = {relation: sorted(each for each in ids) for relation, ids in principals.policy().items()}
        assert by_name["a"]["access"] == by_name["a"]["options"]["access"] == expected
        assert by_name["b"]["access"] == {}
        datadog.emulator.clear()
        again = datadog.connections(*(row["options"] for row in found), update_secrets="on_create", **options)
        assert not again.get("failed"), again["msg"]
        assert again["changed"] is False and datadog.writes() == []

        # In another organization, or after everything was deleted.
        for row in created["connections"]:
            path = f"{CONNECTIONS}/{row['connection_id']}"
            assert datadog.emulator.call("DELETE", path).status == 204
        tasks = [{**row["options"], **{"openai": TASK["openai"]}} for row in found]
        assert datadog.connections(*tasks, **options)["counts"]["create"] == 2
        assert list(datadog.emulator.policies().values()) == [principals.policy()]

    def test_only_of_what_passes_the_filters(self, datadog: Datadog, principals: Principals) -> None:
        for number in range(3):
            datadog.connection(**{**TASK, "name": f"prod {number}", "tags": [f"n:{number}"]}, access=ACCESS)
        datadog.emulator.clear()
        found = datadog.run("action_connection_info", access=True, tags=["n:1"])["connections"]
        assert [row["name"] for row in found] == ["prod 1"]
        assert len(policy_requests(datadog)) == 1


def test_an_organization_that_does_not_know_the_policy_of_a_connection(datadog: Datadog) -> None:
    # What Datadog answers of an id without a policy is not documented for connections.
    created = datadog.connection(**TASK)["connection_id"]
    datadog.emulator.add_fault("status", path=POLICIES, method="GET", status=404, times=None)
    result = datadog.connection(**TASK, access={"editor": ["org"]})
    assert (result["operation"], result["connection_id"]) == ("update", created)
    assert datadog.run("action_connection_info", access=True)["connections"][0]["access"] == {}


def test_a_uuid_that_nobody_has_is_datadogs_to_judge(datadog: Datadog) -> None:
    nobody = str(uuid.uuid4())
    created = datadog.connection(**TASK, access={"editor": ["org"]})
    result = datadog.connection(**TASK, access={"editor": ["org"], "viewer": [f"team:{nobody}"]})
    assert result["failed"] and nobody in result["msg"] and created["connection_id"] in result["msg"]
    assert result["changed"] is False
