# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restriction policies, and who may be in them: roles, users, the current user."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.restriction_policies import (
    RELATIONS,
)
from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    Emulator,
    Reply,
    running_emulators,
    user_id,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    CONNECTIONS,
    NOWHERE,
    POLICIES,
    TEAMS,
    create,
    create_team,
    policy,
)

ROLES, USERS, CURRENT_USER = "/api/v2/roles", "/api/v2/users", "/api/v2/current_user"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"


def organization(emulator: Emulator) -> str:
    data = emulator.call("GET", CURRENT_USER).body["data"]
    return str(data["relationships"]["org"]["data"]["id"])


def post(emulator: Emulator, resource: str, query: str = "", **relations: Any) -> Reply:
    return emulator.call("POST", f"{POLICIES}/{resource}{query}", policy(resource, **relations))


def test_life_of_a_policy(emulator: Emulator) -> None:
    """As recorded: nothing at first, a colon may be encoded, the second DELETE is no error."""
    editor = f"org:{organization(emulator)}"
    path = f"{POLICIES}/dashboard%3Atest-update"
    document = policy("dashboard:test-update", editor=[editor])
    got = emulator.call("GET", path)
    assert got[::2] == (200, policy("dashboard:test-update"))
    assert got.headers["content-type"].startswith("application/json")
    assert emulator.call("POST", path, document)[::2] == (200, document)
    assert emulator.call("GET", f"{POLICIES}/dashboard:test-update")[::2] == (200, document)
    assert emulator.policies() == {"dashboard:test-update": {"editor": [editor]}}
    for _time in range(2):
        assert emulator.call("DELETE", path)[::2] == (204, None)
    assert emulator.policy("dashboard:test-update") is None
    assert emulator.call("GET", path).body == policy("dashboard:test-update")


def test_a_policy_of_a_connection(emulator: Emulator) -> None:
    connection_id = create(emulator)
    resource = f"connection:{connection_id}"
    roles = [f"role:{emulator.add_role(f'role {number}')}" for number in range(5)]
    me = f"user:{user_id()}"
    assert post(emulator, resource, viewer=roles, resolver=roles[:2], editor=[me]).status == 200
    assert post(emulator, resource.upper().replace("C", "c", 1), editor=[me]).status == 400
    expected = {"viewer": sorted(roles), "resolver": sorted(roles[:2]), "editor": [me]}
    assert emulator.policy(resource) == expected
    relations, principals = set(), set()
    for _time in range(30):
        attributes = emulator.call("GET", f"{POLICIES}/{resource}").body["data"]["attributes"]
        relations.add(tuple(row["relation"] for row in attributes["bindings"]))
        principals |= {tuple(row["principals"]) for row in attributes["bindings"] if row["relation"] == "viewer"}
        shown = {row["relation"]: sorted(row["principals"]) for row in attributes["bindings"]}
        assert shown == expected
    assert len(relations) > 1 and len(principals) > 1, "the order must mean nothing"

    # A POST sets the whole policy.
    assert post(emulator, resource, editor=[me.upper().replace("USER", "user")]).status == 200
    assert emulator.policy(resource) == {"editor": [me]}
    assert emulator.call("DELETE", f"{CONNECTIONS}/{connection_id}").status == 204
    assert emulator.policies() == {}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_resources_that_are_refused(emulator: Emulator, method: str) -> None:
    for resource, error in (
        ("malformed", "Invalid resource: 'malformed' is not in a valid format"),
        ("connection:", "Invalid resource: 'connection:' is not in a valid format"),
        (
            "security_rule:x",
            "Invalid resource type: 'security_rule' does not support restriction policies",
        ),
    ):
        body = policy("dashboard:abc-def-ghi") if method == "POST" else None
        reply = emulator.call(method, f"{POLICIES}/{resource}", body)
        assert reply[::2] == (400, {"errors": [error]})


def test_principals_and_relations_that_are_refused(emulator: Emulator) -> None:
    me, role = f"user:{user_id()}", f"role:{emulator.add_role('one')}"
    organization(emulator)
    resource = f"connection:{NOWHERE}"
    reply = post(emulator, resource, editor=[me, f"foo:{NOWHERE}"])
    error = (
        f'Invalid request: [PrincipalTypeInvalidForRelation] principal "foo:{NOWHERE}" is not '
        'supported by "editor" relation, supported types: "org, role, team, user"'
    )
    assert reply[::2] == (400, {"errors": [error]})
    samples: tuple[dict[str, Any], ...] = (
        {"editor": [me], "manager": [role]},
        {"editor": [me], "viewer": [f"user:{NOWHERE}"]},
        {"editor": [me], "viewer": [f"team:{NOWHERE}"]},
        {"editor": [me], "viewer": [f"role:{NOWHERE}"]},
        {"editor": [me], "viewer": [f"org:{NOWHERE}"]},
        {"editor": [me], "viewer": ["org"]},
        {"editor": [me], "viewer": [role, role.upper().replace("ROLE", "role")]},
        {"editor": [me], "viewer": []},
        {"editor": [me], "viewer": [1]},
        {"editor": me},
    )
    for relations in samples:
        reply = post(emulator, resource, **relations)
        assert reply.status == 400, relations
        assert all(isinstance(error, str) for error in reply.body["errors"])
    body = policy(resource, editor=[me])
    twice = policy(resource, editor=[me])
    twice["data"]["attributes"]["bindings"] *= 2
    for wrong in (None, {}, {**body, "x": 1}, {"data": {**body["data"], "type": "policy"}}, twice):
        assert emulator.call("POST", f"{POLICIES}/{resource}", wrong).status == 400
    assert emulator.call("POST", f"{POLICIES}/connection:other", body).status == 400
    assert emulator.policies() == {}


def test_nobody_is_locked_out(emulator: Emulator) -> None:
    """A policy must leave its caller an editor: directly, by a role, a team, the organization."""
    resource = f"connection:{create(emulator)}"
    organization_id = organization(emulator)
    team, role = create_team(emulator, "platform"), emulator.add_role("one")
    me = f"user:{user_id()}"
    samples: tuple[dict[str, Any], ...] = (
        {"viewer": [me], "resolver": [f"org:{organization_id}"]},
        {"editor": [f"user:{emulator.add_user('other@example.com')}"]},
        {"editor": [f"team:{team}"]},
        {"editor": [f"role:{role}"]},
        {},
    )
    for relations in samples:
        reply = post(emulator, resource, **relations)
        assert reply.status == 400, relations
        assert "SelfLockout" in reply.body["errors"][0]
        assert emulator.policies() == {}
        assert post(emulator, resource, "?allow_self_lockout=true", **relations).status == 200
        assert emulator.call("DELETE", f"{POLICIES}/{resource}").status == 204
    assert post(emulator, resource, "?allow_self_lockout=yes", editor=[me]).status == 400
    emulator.add_member(team="platform")
    emulator.add_member(role="one")
    for principal in (me, f"org:{organization_id}", f"team:{team}", f"role:{role}"):
        assert post(emulator, resource, "?allow_self_lockout=false", editor=[principal]).status == 200
    other = {"DD-API-KEY": "x", "DD-APPLICATION-KEY": "other"}
    body = policy(resource, editor=[f"team:{team}"])
    assert emulator.call("POST", f"{POLICIES}/{resource}", body, other).status == 400
    # The teams from the start have everybody in them.
    emulator.settings(team=["everybody"])
    (row,) = emulator.call("GET", f"{TEAMS}?filter[keyword]=everybody").body["data"]
    body = policy(resource, editor=[f"team:{row['id']}"])
    assert emulator.call("POST", f"{POLICIES}/{resource}", body, other).status == 200


@pytest.mark.parametrize("kind", RELATIONS)
def test_every_type(emulator: Emulator, kind: str) -> None:
    assert len(RELATIONS) == 28
    all_of_it: dict[str, Any] = {relation: [f"org:{organization(emulator)}"] for relation in RELATIONS[kind]}
    assert post(emulator, f"{kind}:x", **all_of_it).status == 200
    assert emulator.policy(f"{kind}:x") == all_of_it
    highest = RELATIONS[kind][-1]
    assert post(emulator, f"{kind}:x", **{highest: all_of_it.pop(highest)}).status == 200
    assert post(emulator, f"{kind}:x", **all_of_it).status == 400


def test_who_can_resolve(emulator: Emulator) -> None:
    """Without a policy its creator alone; with one whom it makes a resolver or an editor."""
    connection_id = create(emulator)
    resource, path = f"connection:{connection_id}", f"{CONNECTIONS}/{connection_id}"
    other = {"DD-API-KEY": "x", "DD-APPLICATION-KEY": "other"}

    def can_resolve() -> list[bool]:
        replies = (emulator.call("GET", path), emulator.call("GET", path, headers=other))
        return [reply.body["data"]["attributes"]["acting_user_can_resolve"] for reply in replies]

    assert can_resolve() == [True, False]
    me, them = f"user:{user_id()}", f"user:{user_id('other')}"
    assert post(emulator, resource, editor=[me], viewer=[them]).status == 200
    assert can_resolve() == [True, False]
    assert post(emulator, resource, editor=[me], resolver=[them]).status == 200
    assert can_resolve() == [True, True]
    assert post(emulator, resource, "?allow_self_lockout=true", editor=[them]).status == 200
    assert can_resolve() == [False, True]


def test_current_user(emulator: Emulator) -> None:
    reply = emulator.call("GET", CURRENT_USER)
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("application/json")
    data = reply.body["data"]
    email = data["attributes"]["email"]
    assert re.fullmatch(TIME, data["attributes"]["created_at"])
    (role,) = reply.body["included"]
    assert role["attributes"]["name"] == "Datadog Admin Role"
    assert set(role["attributes"]) == {"name", "managed", "created_at", "modified_at"}
    assert data == {
        "type": "users",
        "id": user_id(),
        "attributes": {
            "uuid": user_id(),
            "name": "Caller",
            "handle": email,
            "created_at": data["attributes"]["created_at"],
            "modified_at": data["attributes"]["created_at"],
            "email": email,
            "icon": data["attributes"]["icon"],
            "title": None,
            "verified": True,
            "service_account": False,
            "disabled": False,
            "allowed_login_methods": [],
            "status": "Active",
            "last_login_time": None,
        },
        "relationships": {
            "roles": {"data": [{"type": "roles", "id": role["id"]}]},
            "org": {"data": {"type": "orgs", "id": organization(emulator)}},
            "team_roles": {"data": []},
        },
    }
    token = {"Authorization": "Bearer ddsat_x"}
    account = emulator.call("GET", CURRENT_USER, headers=token).body["data"]
    assert account["id"] == user_id("ddsat_x") != data["id"]
    assert account["attributes"]["service_account"]


def test_organizations(emulator: Emulator) -> None:
    first = organization(emulator)
    assert emulator.settings(org=NOWHERE.upper())["org"] == NOWHERE == organization(emulator)
    emulator.reset()
    assert organization(emulator) == first
    with running_emulators(2) as several:
        assert organization(several[0]) == first != organization(several[1])


def names(emulator: Emulator, path: str, attribute: str = "name") -> list[str]:
    reply = emulator.call("GET", path)
    assert reply.status == 200, reply.body
    return [row["attributes"][attribute] for row in reply.body["data"]]


def test_roles(emulator: Emulator) -> None:
    """Parts of names match; rows and meta are as recorded."""
    standard = emulator.call("GET", f"{ROLES}?filter=standard").body["data"][0]["id"]
    for number in range(12):
        emulator.add_role(f"Team {number:02}")
    emulator.add_user("one@example.com", roles=["Team 03", standard])
    reply = emulator.call("GET", f"{ROLES}?filter=team+03&page[size]=100&page[number]=0")
    (row,) = reply.body["data"]
    assert reply.body["meta"] == {"page": {"total_count": 15, "total_filtered_count": 1}}
    times = dict.fromkeys(("created_at", "modified_at"), row["attributes"]["created_at"])
    assert re.fullmatch(TIME, times["created_at"])
    assert row == {
        "type": "roles",
        "id": row["id"],
        "attributes": {"name": "Team 03", **times, "user_count": 1},
        "relationships": {"permissions": {"data": []}},
    }
    assert emulator.call("GET", f"{ROLES}/{row['id']}").body == {"data": row}
    assert emulator.call("GET", f"{ROLES}/{NOWHERE}").status == 404
    assert len(names(emulator, ROLES)) == 10
    assert names(emulator, f"{ROLES}?filter=team&page[size]=5&page[number]=2") == [
        "Team 10",
        "Team 11",
    ]
    assert names(emulator, f"{ROLES}?filter[id]={standard}") == ["Datadog Standard Role"]
    assert names(emulator, f"{ROLES}?sort=-name")[0] == "Team 11"
    for wrong in ("page[size]=101", "sort=id", "filter[name]=x"):
        assert emulator.call("GET", f"{ROLES}?{wrong}").status == 400
    with pytest.raises(ValueError, match="there is a role"):
        emulator.add_role("Team 03")


def test_users(emulator: Emulator) -> None:
    """Name and e-mail match in parts; several may share an e-mail, and not all are active."""
    jane = emulator.add_user("Jane@example.com", name="Jane Doe")
    robot = emulator.add_user("jane@example.com", name="Robot", service_account=True)
    gone = emulator.add_user("gone@example.com", disabled=True)
    reply = emulator.call("GET", f"{USERS}?filter=JANE%40example.com")
    assert {row["id"] for row in reply.body["data"]} == {jane, robot}
    # The caller is a user as well.
    assert reply.body["meta"] == {"page": {"total_filtered_count": 2, "total_count": 4}}
    attributes = {row["id"]: row["attributes"] for row in emulator.call("GET", USERS).body["data"]}
    assert set(attributes) == {jane, robot, gone, user_id()}
    assert attributes[jane]["email"] == attributes[jane]["handle"] == "jane@example.com"
    assert [attributes[robot][name] for name in ("service_account", "disabled")] == [True, False]
    assert attributes[gone]["name"] is None
    assert [attributes[gone][name] for name in ("disabled", "status")] == [True, "Disabled"]
    assert not {"uuid", "last_login_time"} & set(attributes[jane])
    assert names(emulator, f"{USERS}?filter=doe") == ["Jane Doe"]
    assert names(emulator, f"{USERS}?filter[status]=Disabled", "email") == ["gone@example.com"]
    assert names(emulator, f"{USERS}?sort=name&sort_dir=desc")[0] == "Robot"
    assert names(emulator, f"{USERS}?page[size]=1&page[number]=1") == ["Caller"]
    assert emulator.call("GET", f"{USERS}/{jane}").body["data"]["attributes"] == attributes[jane]
    assert emulator.call("GET", f"{USERS}/{NOWHERE}").status == 404
    for wrong in (
        "page[size]=0",
        "sort=id",
        "sort_dir=up",
        "filter[status]=Asleep",
        "filter=a&filter=b",
    ):
        assert emulator.call("GET", f"{USERS}?{wrong}").status == 400


def test_members_of_teams(emulator: Emulator) -> None:
    team = create_team(emulator, "platform")
    jane = emulator.add_user("jane@example.com")
    assert emulator.add_member(team=team, user=jane) == jane
    assert emulator.add_member(team="platform") == user_id()
    (row,) = emulator.call("GET", f"{TEAMS}?filter[keyword]=jane@").body["data"]
    assert row["attributes"]["user_count"] == 2
    assert names(emulator, f"{TEAMS}?filter[me]=true", "handle") == ["platform"]
    unknown: tuple[dict[str, str], ...] = (
        {"team": "x"},
        {"role": "x"},
        {"team": team, "user": NOWHERE},
    )
    for wrong in unknown:
        with pytest.raises(ValueError, match="there is no such"):
            emulator.add_member(**wrong)
    for wrong in ({}, {"team": team, "role": "one"}):
        with pytest.raises(ValueError, match="user or app_key, and role or team"):
            emulator.add_member(**wrong)
    with pytest.raises(ValueError, match="disabled has not the right type"):
        emulator.add_user("x@example.com", disabled=1)
