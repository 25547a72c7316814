# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bodies and objects that the tests of the emulator send to it."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.catalogue import (
    CATALOGUE,
    Credentials,
)
from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import Emulator

CONNECTIONS = "/api/v2/actions/connections"
REGISTRATIONS = "/api/v2/actions/app_key_registrations"
DATASTORES = "/api/v2/actions-datastores"
TEAMS = "/api/v2/team"
TEAM_CONNECTIONS = "/api/v2/team/connections"
POLICIES = "/api/v2/restriction_policy"
NOWHERE = "00000000-0000-4000-8000-000000000000"

# Every endpoint, with any body if it takes one and the permission without which it is refused.
ENDPOINTS: list[tuple[str, str, Any, str]] = [
    ("POST", CONNECTIONS, {}, "connections_write"),
    ("GET", CONNECTIONS, None, "connections_read"),
    ("GET", f"{CONNECTIONS}/{NOWHERE}", None, "connections_read"),
    ("PATCH", f"{CONNECTIONS}/{NOWHERE}", {}, "connections_write"),
    ("DELETE", f"{CONNECTIONS}/{NOWHERE}", None, "connections_write"),
    ("GET", REGISTRATIONS, None, "org_app_keys_read"),
    ("PUT", f"{REGISTRATIONS}/{NOWHERE}", None, ""),
    ("GET", f"{REGISTRATIONS}/{NOWHERE}", None, "org_app_keys_read"),
    ("DELETE", f"{REGISTRATIONS}/{NOWHERE}", None, ""),
    ("GET", "/api/v2/roles", None, "user_access_read"),
    ("GET", "/api/v2/users", None, "user_access_read"),
    ("GET", "/api/v2/current_user", None, ""),
    ("GET", f"{POLICIES}/dashboard:x", None, ""),
    ("POST", f"{POLICIES}/dashboard:x", {}, ""),
    ("DELETE", f"{POLICIES}/dashboard:x", None, ""),
    ("POST", TEAM_CONNECTIONS, {}, "teams_manage"),
    ("GET", TEAM_CONNECTIONS, None, "teams_read"),
    ("DELETE", TEAM_CONNECTIONS, {}, "teams_manage"),
    ("POST", TEAMS, {}, "teams_manage"),
    ("GET", TEAMS, None, "teams_read"),
    ("GET", f"{TEAMS}/{NOWHERE}", None, "teams_read"),
    ("DELETE", f"{TEAMS}/{NOWHERE}", None, "teams_manage"),
    ("POST", DATASTORES, {}, "apps_datastore_manage"),
    ("GET", DATASTORES, None, "apps_datastore_read"),
    ("GET", f"{DATASTORES}/{NOWHERE}", None, "apps_datastore_read"),
    ("PATCH", f"{DATASTORES}/{NOWHERE}", {}, "apps_datastore_manage"),
    ("DELETE", f"{DATASTORES}/{NOWHERE}", None, "apps_datastore_manage"),
    ("GET", f"{DATASTORES}/{NOWHERE}/items", None, "apps_datastore_read"),
    ("PATCH", f"{DATASTORES}/{NOWHERE}/items", {}, "apps_datastore_write"),
    ("DELETE", f"{DATASTORES}/{NOWHERE}/items", {}, "apps_datastore_write"),
    ("POST", f"{DATASTORES}/{NOWHERE}/items/bulk", {}, "apps_datastore_write"),
    ("DELETE", f"{DATASTORES}/{NOWHERE}/items/bulk", {}, "apps_datastore_write"),
]

_VALUES: dict[str, Any] = {
    "account_id": "123456789012",
    "base_url": "https://service.example",
    "body": {"content": "{}", "content_type": "application/json"},
    "headers": [{"name": "X-Team", "value": "platform"}, {"name": "X-Env", "value": ""}],
    "tokens": [
        {"name": "first", "type": "SECRET", "value": "secret-first"},
        {"name": "second", "type": "SECRET", "value": "secret-second"},
    ],
    "url_parameters": [{"name": "page", "value": "1"}],
}


def kind(credentials_type: str) -> Credentials:
    """Return the catalogue's entry for a credentials type."""
    return next(entry for entry in CATALOGUE if entry.type == credentials_type)


def integration(entry: Credentials) -> dict[str, Any]:
    """Return an integration with every field that a POST may have, secrets beginning so."""
    credentials: dict[str, Any] = {"type": entry.type}
    found: dict[str, Any] = {"type": entry.integration, "credentials": credentials}
    for field in entry.fields:
        if not field.read_only and not field.update_only:
            text = f"{'secret-' if field.secret else ''}{field.name}"
            place = found if field.beside else credentials
            place[field.name] = copy.deepcopy(_VALUES.get(field.name, text))
    return found


def connection(wanted: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    """Return the body of a POST; of an AWS connection unless an integration is given."""
    wanted = integration(kind("AWSAssumeRole")) if wanted is None else wanted
    attributes = {"name": "sample", "integration": wanted, **attributes}
    return {"data": {"type": "action_connection", "attributes": attributes}}


def change(**attributes: Any) -> dict[str, Any]:
    """Return the body of a PATCH."""
    return {"data": {"type": "action_connection", "attributes": attributes}}


def change_http(**credentials: Any) -> dict[str, Any]:
    """Return the body of a PATCH of the credentials of an HTTP connection."""
    return change(integration={"type": "HTTP", "credentials": {"type": "HTTPTokenAuth", **credentials}})


def create(emulator: Emulator, credentials_type: str = "AWSAssumeRole", **attributes: Any) -> str:
    """Create an action connection and return its id."""
    body = connection(integration(kind(credentials_type)), **attributes)
    reply = emulator.call("POST", CONNECTIONS, body)
    assert reply.status == 201, reply.body
    return str(reply.body["data"]["id"])


def credentials_of(emulator: Emulator, connection_id: str) -> dict[str, Any]:
    """Return the credentials that a GET shows."""
    reply = emulator.call("GET", f"{CONNECTIONS}/{connection_id}")
    assert reply.status == 200, reply.body
    found: dict[str, Any] = reply.body["data"]["attributes"]["integration"]["credentials"]
    return found


def create_team(emulator: Emulator, handle: str, **attributes: Any) -> str:
    """Create a team, whose name is its handle unless given, and return its id."""
    attributes = {"handle": handle, "name": handle, **attributes}
    reply = emulator.call("POST", TEAMS, {"data": {"type": "team", "attributes": attributes}})
    assert reply.status == 201, reply.body
    return str(reply.body["data"]["id"])


def link(team: str, connected_team: str = "@Org/team", **attributes: Any) -> dict[str, Any]:
    """Return one element of a POST of team connections."""
    return {
        "type": "team_connection",
        "attributes": {"source": "github", **attributes},
        "relationships": {
            "team": {"data": {"type": "team", "id": team}},
            "connected_team": {"data": {"type": "github_team", "id": connected_team}},
        },
    }


def unlink(*ids: str) -> dict[str, Any]:
    """Return the body of a DELETE of team connections."""
    return {"data": [{"type": "team_connection", "id": item} for item in ids]}


def datastore(**attributes: Any) -> dict[str, Any]:
    """Return the body of a POST of a datastore."""
    attributes = {"name": "sample", "primary_column_name": "id", **attributes}
    return {"data": {"type": "datastores", "attributes": attributes}}


def create_datastore(emulator: Emulator, headers: dict[str, str] | None = None, **attributes: Any) -> str:
    """Create a datastore and return its path."""
    reply = emulator.call("POST", DATASTORES, datastore(**attributes), headers)
    assert reply.status == 200, reply.body
    return f"{DATASTORES}/{reply.body['data']['id']}"


def items(**attributes: Any) -> dict[str, Any]:
    """Return a body that is about rows of a datastore."""
    return {"data": {"type": "items", "attributes": attributes}}


def rows(*values: dict[str, Any], mode: str = "fail_on_conflict") -> dict[str, Any]:
    """Return the body of a POST of rows."""
    return items(values=list(values), conflict_mode=mode)


def policy(resource: str, **relations: Any) -> dict[str, Any]:
    """Return a restriction policy, as it is sent and, but for the order, comes back."""
    bindings = [{"relation": relation, "principals": principals} for relation, principals in relations.items()]
    data = {"type": "restriction_policy", "id": resource, "attributes": {"bindings": bindings}}
    return {"data": data}
