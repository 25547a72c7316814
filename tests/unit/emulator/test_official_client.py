# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The official client drives the emulator, and understands every answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import (
    ApiException,
    ForbiddenException,
    NotFoundException,
    UnauthorizedException,
)
from datadog_api_client.v2.api.action_connection_api import ActionConnectionApi
from datadog_api_client.v2.api.actions_datastores_api import ActionsDatastoresApi
from datadog_api_client.v2.api.restriction_policies_api import RestrictionPoliciesApi
from datadog_api_client.v2.api.roles_api import RolesApi
from datadog_api_client.v2.api.teams_api import TeamsApi
from datadog_api_client.v2.api.users_api import UsersApi
from datadog_api_client.v2.model.bulk_delete_apps_datastore_items_request import (
    BulkDeleteAppsDatastoreItemsRequest,
)
from datadog_api_client.v2.model.bulk_put_apps_datastore_items_request import (
    BulkPutAppsDatastoreItemsRequest,
)
from datadog_api_client.v2.model.create_action_connection_request import (
    CreateActionConnectionRequest,
)
from datadog_api_client.v2.model.create_apps_datastore_request import CreateAppsDatastoreRequest
from datadog_api_client.v2.model.delete_apps_datastore_item_request import (
    DeleteAppsDatastoreItemRequest,
)
from datadog_api_client.v2.model.list_teams_sort import ListTeamsSort
from datadog_api_client.v2.model.restriction_policy_update_request import (
    RestrictionPolicyUpdateRequest,
)
from datadog_api_client.v2.model.roles_sort import RolesSort
from datadog_api_client.v2.model.team_connection_create_request import TeamConnectionCreateRequest
from datadog_api_client.v2.model.team_connection_delete_request import TeamConnectionDeleteRequest
from datadog_api_client.v2.model.team_create_request import TeamCreateRequest
from datadog_api_client.v2.model.teams_field import TeamsField
from datadog_api_client.v2.model.update_action_connection_request import (
    UpdateActionConnectionRequest,
)
from datadog_api_client.v2.model.update_apps_datastore_item_request import (
    UpdateAppsDatastoreItemRequest,
)
from datadog_api_client.v2.model.update_apps_datastore_request import UpdateAppsDatastoreRequest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.catalogue import (
    CATALOGUE,
    Credentials,
)
from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    Emulator,
    user_id,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    NOWHERE,
    change,
    change_http,
    connection,
    datastore,
    integration,
    items,
    kind,
    link,
    policy,
    rows,
    unlink,
)

KEYS = {"apiKeyAuth": "a", "appKeyAuth": "b"}


@pytest.fixture(name="client")
def fixture_client(emulator: Emulator) -> Iterator[ApiClient]:
    with ApiClient(Configuration(host=emulator.url, api_key=KEYS)) as client:
        yield client


@pytest.fixture(name="actions")
def fixture_actions(client: ApiClient) -> ActionConnectionApi:
    return ActionConnectionApi(client)


@pytest.fixture(name="teams")
def fixture_teams(client: ApiClient) -> TeamsApi:
    return TeamsApi(client)


@pytest.fixture(name="stores")
def fixture_stores(client: ApiClient) -> ActionsDatastoresApi:
    return ActionsDatastoresApi(client)


def understood(answer: Any) -> dict[str, Any]:
    """Return an answer as JSON values; nothing in it may be unknown to the client's models."""
    assert not answer._unparsed
    found: dict[str, Any] = answer.to_dict()
    return found


def model(client: Any, model_type: Any, value: dict[str, Any]) -> Any:
    """Return the client's own model of a request body."""
    found = client.api_client.deserialize(json.dumps(value), (model_type,), True)
    understood(found)
    return found


def create(actions: Any, body: dict[str, Any]) -> dict[str, Any]:
    request = model(actions, CreateActionConnectionRequest, body)
    data: dict[str, Any] = understood(actions.create_action_connection(request))["data"]
    return data


def update(actions: Any, connection_id: str, body: dict[str, Any]) -> dict[str, Any]:
    request = model(actions, UpdateActionConnectionRequest, body)
    answer = actions.update_action_connection(connection_id, request)
    data: dict[str, Any] = understood(answer)["data"]
    return data


def get(actions: Any, connection_id: str) -> dict[str, Any]:
    data: dict[str, Any] = understood(actions.get_action_connection(connection_id))["data"]
    return data


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.type)
def test_life_of_every_kind(emulator: Emulator, actions: ActionConnectionApi, entry: Credentials) -> None:
    created = create(actions, connection(integration(entry), name="one", tags=["a:b"]))
    connection_id = created["id"]
    assert created["attributes"]["name"] == "one"
    assert created["attributes"]["tags"] == ["a:b"]
    assert created["attributes"]["integration"]["credentials"]["type"] == entry.type
    for name in entry.secrets:
        assert created["attributes"]["integration"]["credentials"][name] == ""
    got = get(actions, connection_id)
    assert got["attributes"]["integration"] == created["attributes"]["integration"]

    # The whole of it once more, with other secrets.
    whole = integration(entry)
    whole["credentials"].update(dict.fromkeys(entry.secrets, "rotated"))
    updated = update(actions, connection_id, change(name="two", integration=whole))
    assert updated["attributes"]["name"] == "two"
    assert updated["attributes"]["integration"] == created["attributes"]["integration"]
    assert get(actions, connection_id)["attributes"]["tags"] == ["a:b"]
    # The whole list; where there are none, there is no list.
    assert update(actions, connection_id, change(tags=["c:1"]))["attributes"]["tags"] == ["c:1"]
    assert "tags" not in update(actions, connection_id, change(tags=[]))["attributes"]
    for name in entry.secrets:
        assert emulator.holds_secret(connection_id, name, "rotated")

    actions.delete_action_connection(connection_id)
    for call in (actions.get_action_connection, actions.delete_action_connection):
        with pytest.raises(NotFoundException):
            call(connection_id)
    with pytest.raises(NotFoundException):
        update(actions, connection_id, change(name="three"))


def test_http_tokens(emulator: Emulator, actions: ActionConnectionApi) -> None:
    created = create(actions, connection(integration(kind("HTTPTokenAuth"))))
    tokens = [
        {"name": "first", "type": "SECRET", "value": "", "deleted": True},
        {"name": "third", "type": "SECRET", "value": "new"},
    ]
    headers = [{"name": "X-Env", "deleted": True}]
    body = change_http(tokens=tokens, headers=headers)
    credentials = update(actions, created["id"], body)["attributes"]["integration"]["credentials"]
    assert [token["name"] for token in credentials["http_tokens"]] == ["second", "third"]
    assert [header["name"] for header in credentials["headers"]] == ["X-Team"]
    assert emulator.holds_secret(created["id"], "tokens.third", "new")


def test_new_external_id(actions: ActionConnectionApi) -> None:
    created = create(actions, connection())
    credentials = {"type": "AWSAssumeRole", "generate_new_external_id": True}
    body = change(integration={"type": "AWS", "credentials": credentials})
    updated = update(actions, created["id"], body)
    before, after = (data["attributes"]["integration"]["credentials"] for data in (created, updated))
    assert after["external_id"] != before["external_id"]
    assert after["principal_id"] == before["principal_id"]


def test_credentials(emulator: Emulator) -> None:
    def list_with(**settings: Any) -> Any:
        with ApiClient(Configuration(host=emulator.url, **settings)) as client:
            return TeamsApi(client).list_teams()

    emulator.settings(api_key=["a"], app_key=["b"], access_token=["t"])
    list_with(api_key=KEYS)
    list_with(access_token="t")  # noqa: S106 (known to the emulator alone)
    with pytest.raises(ForbiddenException):
        list_with(api_key={**KEYS, "appKeyAuth": "x"})
    with pytest.raises(UnauthorizedException):
        list_with(access_token="x")  # noqa: S106 (known to nobody)


def test_registrations(actions: ActionConnectionApi) -> None:
    with pytest.raises(NotFoundException):
        actions.get_app_key_registration(NOWHERE)
    with pytest.raises(NotFoundException):
        actions.unregister_app_key(NOWHERE)
    document = {"data": {"id": NOWHERE, "type": "app_key_registration"}}
    assert understood(actions.register_app_key(NOWHERE)) == document
    assert understood(actions.get_app_key_registration(NOWHERE)) == document
    listed = understood(actions.list_app_key_registrations(page_size=10, page_number=0))
    assert listed == {"data": [document["data"]], "meta": {"total": 1, "total_filtered": 1}}
    assert understood(actions.register_app_key(NOWHERE)) == document
    actions.unregister_app_key(NOWHERE)
    assert understood(actions.list_app_key_registrations())["data"] == []
    with pytest.raises(ApiException) as caught:
        actions.register_app_key("not_valid_app_key_id")
    assert caught.value.status == 400


def test_roles_and_users(emulator: Emulator, client: ApiClient) -> None:
    roles, users = RolesApi(client), UsersApi(client)
    role = emulator.add_role("Robots")
    robot = emulator.add_user("r@example.com", name="R", service_account=True, roles=[role])
    listed = understood(roles.list_roles(filter="robots", page_size=100, page_number=0))
    (row,) = listed["data"]
    assert (row["id"], row["attributes"]["name"]) == (role, "Robots")
    assert (row["attributes"]["user_count"], listed["meta"]["page"]["total_count"]) == (1, 4)
    assert understood(roles.get_role(role))["data"] == row
    assert len(roles.list_roles(sort=RolesSort.NAME_DESCENDING, filter_id=role).data) == 1
    found = users.list_users(filter="R@example", page_size=100, page_number=0, sort="name")
    (row,) = understood(found)["data"]
    assert (row["id"], row["attributes"]["service_account"]) == (robot, True)
    assert understood(users.get_user(robot))["data"] == row
    assert {user.id for user in users.list_users_with_pagination(page_size=1)} == {
        robot,
        user_id("b"),
    }
    me = understood(users.get_current_user())
    assert me["data"]["id"] == user_id("b")
    assert [item["attributes"]["name"] for item in me["included"]] == ["Datadog Admin Role"]
    for call in (roles.get_role, users.get_user):
        with pytest.raises(NotFoundException):
            call(NOWHERE)


def test_restriction_policies(emulator: Emulator, client: ApiClient) -> None:
    policies = RestrictionPoliciesApi(client)
    me = UsersApi(client).get_current_user().data
    resource, role = f"connection:{NOWHERE}", f"role:{emulator.add_role('Robots')}"

    def update(allow_self_lockout: bool = False, **relations: Any) -> dict[str, Any]:
        body = model(policies, RestrictionPolicyUpdateRequest, policy(resource, **relations))
        answer = policies.update_restriction_policy(resource, body, allow_self_lockout=allow_self_lockout)
        attributes: dict[str, Any] = understood(answer)["data"]["attributes"]
        return attributes

    editors = [f"org:{me.relationships.org.data.id}"]
    assert len(update(editor=editors, resolver=[role])["bindings"]) == 2
    got = understood(policies.get_restriction_policy(resource))["data"]
    assert {row["relation"]: row["principals"] for row in got["attributes"]["bindings"]} == {
        "editor": editors,
        "resolver": [role],
    }
    with pytest.raises(ApiException) as caught:
        update(editor=[role])
    assert caught.value.status == 400
    assert isinstance(caught.value.body["errors"][0], str)
    update(allow_self_lockout=True, editor=[role])
    for _time in range(2):
        policies.delete_restriction_policy(resource)
    assert understood(policies.get_restriction_policy(resource))["data"] == policy(resource)["data"]
    with pytest.raises(ApiException) as caught:
        policies.get_restriction_policy("malformed")
    assert caught.value.status == 400


def create_team(teams: Any, handle: str) -> str:
    data = {"type": "team", "attributes": {"handle": handle, "name": handle}}
    answer = teams.create_team(model(teams, TeamCreateRequest, {"data": data}))
    return str(understood(answer)["data"]["id"])


def test_teams(teams: TeamsApi) -> None:
    team_id = create_team(teams, "sre")
    create_team(teams, "sre-emea")
    create_team(teams, "web")
    assert understood(teams.get_team(team_id))["data"]["attributes"]["handle"] == "sre"
    found = teams.list_teams(filter_keyword="sre", page_size=100, page_number=0)
    assert [row["attributes"]["handle"] for row in understood(found)["data"]] == ["sre", "sre-emea"]
    fields = [TeamsField.NAME, TeamsField.HANDLE]
    rows = understood(teams.list_teams(sort=ListTeamsSort._NAME, fields_team=fields))["data"]
    assert [row["attributes"]["handle"] for row in rows] == ["web", "sre-emea", "sre"]
    everything = teams.list_teams_with_pagination(page_size=1)
    assert [row.attributes.handle for row in everything] == ["sre", "sre-emea", "web"]
    with pytest.raises(ApiException) as caught:
        create_team(teams, "web")
    assert caught.value.status == 409
    teams.delete_team(team_id)
    for call in (teams.get_team, teams.delete_team):
        with pytest.raises(NotFoundException):
            call(team_id)


def create_links(teams: Any, *links: dict[str, Any]) -> list[dict[str, Any]]:
    request = model(teams, TeamConnectionCreateRequest, {"data": list(links)})
    found: list[dict[str, Any]] = understood(teams.create_team_connections(request))["data"]
    return found


def delete_links(teams: Any, *ids: str) -> None:
    teams.delete_team_connections(model(teams, TeamConnectionDeleteRequest, unlink(*ids)))


def test_team_connections(teams: TeamsApi) -> None:
    team_id, other_id = create_team(teams, "one"), create_team(teams, "two")
    names = [f"@Org/{number}" for number in range(5)]
    links = [link(team_id, name, managed_by="terraform") for name in names]
    created = create_links(teams, *links, link(other_id, names[0]))
    managed_by = [row["attributes"]["managed_by"] for row in created]
    assert managed_by[:5] == ["terraform"] * 5
    # Left out, it became the user who asked.
    assert UUID(managed_by[5])

    def total(**filters: Any) -> int:
        answer = understood(teams.list_team_connections(page_size=2, page_number=0, **filters))
        assert len(answer["data"]) <= 2
        return int(answer["meta"]["page"]["total"])

    assert total() == 6
    assert total(filter_team_ids=[team_id, other_id]) == 6
    assert total(filter_team_ids=[team_id]) == 5
    assert total(filter_connected_team_ids=names[:2]) == 3
    assert total(filter_connection_ids=[row["id"] for row in created[:3]]) == 3
    assert total(filter_sources=["scim"]) == 0
    paged = teams.list_team_connections_with_pagination(page_size=2)
    assert {row.id for row in paged} == {row["id"] for row in created}
    # The answer without paging has a meta that the client's model does not know.
    assert len(teams.list_team_connections().data) == 6

    delete_links(teams, created[0]["id"], created[1]["id"])
    assert total() == 4
    teams.delete_team(team_id)
    assert [row["id"] for row in understood(teams.list_team_connections(page_size=9))["data"]] == [created[5]["id"]]


def create_store(stores: Any, **attributes: Any) -> str:
    request = model(stores, CreateAppsDatastoreRequest, datastore(**attributes))
    return str(understood(stores.create_datastore(request))["data"]["id"])


def write_rows(stores: Any, store_id: str, *values: dict[str, Any], **mode: str) -> list[str]:
    request = model(stores, BulkPutAppsDatastoreItemsRequest, rows(*values, **mode))
    answer = understood(stores.bulk_write_datastore_items(store_id, request))
    return [row["id"] for row in answer["data"]]


def change_row(stores: Any, store_id: str, key: str, **columns: Any) -> Any:
    body = items(item_key=key, item_changes={"ops_set": columns})
    request = model(stores, UpdateAppsDatastoreItemRequest, body)
    return understood(stores.update_datastore_item(store_id, request))["data"]


def delete_row(stores: Any, store_id: str, key: str) -> Any:
    request = model(stores, DeleteAppsDatastoreItemRequest, items(item_key=key))
    return understood(stores.delete_datastore_item(store_id, request))["data"]


def delete_rows(stores: Any, store_id: str, *keys: str) -> Any:
    request = model(stores, BulkDeleteAppsDatastoreItemsRequest, items(item_keys=list(keys)))
    return understood(stores.bulk_delete_datastore_items(store_id, request))["data"]


def test_datastores(stores: ActionsDatastoresApi) -> None:
    store_id = create_store(
        stores,
        name="one",
        description="d",
        org_access="contributor",
        primary_key_generation_strategy="none",
    )
    got = understood(stores.get_datastore(store_id))["data"]
    assert got["attributes"]["name"] == "one"
    assert got["attributes"]["primary_column_name"] == "id"
    data = {"type": "datastores", "id": store_id, "attributes": {"name": "two"}}
    request = model(stores, UpdateAppsDatastoreRequest, {"data": data})
    updated = understood(stores.update_datastore(store_id, request))["data"]
    assert updated["attributes"]["name"] == "two"
    assert updated["attributes"]["modified_at"] > got["attributes"]["modified_at"]
    assert understood(stores.list_datastores()) == {"data": [updated]}
    stores.delete_datastore(store_id)
    stores.delete_datastore(store_id)
    assert understood(stores.list_datastores()) == {"data": []}


def test_rows_of_datastores(stores: ActionsDatastoresApi) -> None:
    store_id = create_store(stores)
    (one,) = write_rows(stores, store_id, {"id": "one", "x": {"y": [1]}})
    (two,) = write_rows(stores, store_id, {"id": "two"})
    (again,) = write_rows(stores, store_id, {"id": "two", "x": "z"}, mode="overwrite_on_conflict")
    assert again == two
    listed = understood(stores.list_datastore_items(store_id, item_key="one"))
    (row,) = listed["data"]
    assert (row["id"], row["attributes"]["store_id"]) == (one, store_id)
    assert row["attributes"]["value"] == {"id": "one", "x": {"y": [1]}}
    assert listed["meta"]["page"] == {
        "total_count": 2,
        "total_filtered_count": 1,
        "has_more": False,
    }
    assert listed["meta"]["schema"]["primary_key"] == "id"
    page = stores.list_datastore_items(store_id, page_limit=1, page_offset=1, sort="-created_at")
    assert [row["id"] for row in understood(page)["data"]] == [one]
    found = understood(stores.list_datastore_items(store_id, filter="x:z"))["data"]
    assert [row["id"] for row in found] == [two]

    changed = change_row(stores, store_id, "one", x="new", n=None)
    assert changed["id"] == one
    assert changed["attributes"]["value"] == {"id": "one", "x": "new", "n": None}
    assert changed["attributes"]["signature"] != row["attributes"]["signature"]
    assert delete_row(stores, store_id, "one") == {"id": one, "type": "items"}
    assert delete_rows(stores, store_id, "two") == [{"id": two, "type": "items"}]
    assert understood(stores.list_datastore_items(store_id))["data"] == []
