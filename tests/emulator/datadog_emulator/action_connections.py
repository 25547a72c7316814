# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action connections: ``/api/v2/actions/connections``."""

from __future__ import annotations

import copy
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from .answers import Answer, Refusal, generic_error, plain_error
from .catalogue import BY_TYPES, INTEGRATIONS, Credentials
from .datastores import timestamp as iso_timestamp
from .endpoint import PAGING, Call, Endpoint, is_uuid, page
from .restriction_policies import may_resolve
from .schema import Violation, connection_violations

if TYPE_CHECKING:
    from .settings import Settings
    from .state import State

PATH = "/api/v2/actions/connections"
DEFAULT_PAGE_SIZE = 50
NAMED_LISTS = ("tokens", "headers", "url_parameters")
# Datadog's own AWS account: the principal of every connection.
PRINCIPAL_ID = "464622532012"


@dataclass
class ActionConnection:
    """A connection with its secrets, which only ``secret_values`` gives out."""

    name: str
    integration: dict[str, Any]
    tags: list[str] | None
    creator: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    # When reads begin to see it, on the clock that never jumps.
    seen_from: float = 0.0

    def __post_init__(self) -> None:
        self.last_updated = self.created_at
        if self.kind.type == "AWSAssumeRole":
            self.credentials["principal_id"] = PRINCIPAL_ID
            self.make_external_id()

    @property
    def credentials(self) -> dict[str, Any]:
        """The credentials inside the integration."""
        credentials: dict[str, Any] = self.integration["credentials"]
        return credentials

    @property
    def kind(self) -> Credentials:
        """The catalogue's entry for this connection."""
        return BY_TYPES[self.integration["type"], self.credentials["type"]]

    def make_external_id(self) -> None:
        """Give the connection another external id."""
        self.credentials["external_id"] = uuid.uuid4().hex

    def touch(self) -> None:
        """Move ``last_updated``, always."""
        tick = timedelta(microseconds=1)
        self.last_updated = max(datetime.now(timezone.utc), self.last_updated + tick)

    def secret_values(self) -> dict[str, str]:
        """Return the secrets by path: a field's name, or ``tokens.NAME``."""
        found = {name: self.credentials[name] for name in self.kind.secrets}
        for token in self.credentials.get("tokens", []):
            found[f"tokens.{token['name']}"] = token["value"]
        return found


def timestamp(moment: datetime) -> str:
    """Write a time as Datadog does here, which is how Go prints one: no trailing zeros."""
    text = moment.strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0").rstrip(".")
    return text + " +0000 UTC"


def create(state: State, call: Call) -> Answer:
    """Create a connection. Names need not be unique."""
    _refuse_violations(connection_violations(call.body, update=False), "Create")
    attributes = call.body["data"]["attributes"]
    for name in NAMED_LISTS:
        items = attributes["integration"]["credentials"].get(name, [])
        _refuse_double_names(name, items)
    connection = ActionConnection(
        name=_kept(attributes["name"], state.settings),
        integration=copy.deepcopy(attributes["integration"]),
        tags=attributes.get("tags"),
        creator=call.actor,
        seen_from=time.monotonic() + state.settings.lag,
    )
    state.action_connections[connection.id] = connection
    return Answer(201, {"data": _document(connection, state.settings)})


def get(state: State, call: Call) -> Answer:
    """Return one connection, with its times and its creator."""
    connection = _find(state, call, "getting", time.monotonic())
    can_resolve = may_resolve(state, connection.id, connection.creator, call.actor)
    return Answer(200, {"data": _read(connection, state.settings, can_resolve)})


def update(state: State, call: Call) -> Answer:
    """Change what the body gives and keep the rest."""
    if is_uuid(call.path["connection_id"]):
        _refuse_violations(connection_violations(call.body, update=True), "Update")
    # Datadog says "creating" here too.
    connection = _find(state, call, "creating")
    attributes = call.body["data"]["attributes"]
    if "integration" in attributes:
        connection.integration = _merged(connection, attributes["integration"])
        if attributes["integration"].get("credentials", {}).get("generate_new_external_id"):
            connection.make_external_id()
    connection.name = _kept(attributes.get("name", connection.name), state.settings)
    connection.tags = attributes.get("tags", connection.tags)
    # Also when nothing differs: whether that moves the time is not known.
    connection.touch()
    return Answer(200, {"data": _read(connection, state.settings, False)})


def delete(state: State, call: Call) -> Answer:
    """Delete a connection; the second time there is none."""
    connection = _find(state, call, "deleting")
    del state.action_connections[connection.id]
    state.policies.pop(f"connection:{connection.id}", None)
    return Answer(204)


def list_connections(state: State, call: Call) -> Answer:
    """Return a page of the list, where this organization has it: it is in no released document."""
    if not state.settings.list:
        raise _no_list(state.settings.no_list)
    number, size = page(call, DEFAULT_PAGE_SIZE, generic_error)
    _check_query(call)
    now = time.monotonic()
    everything = [item for item in state.action_connections.values() if item.seen_from <= now]
    found = _sorted([item for item in everything if _matches(item, call)], call)
    rows = found[number * size : (number + 1) * size]
    meta = {
        "total": len(everything) + state.settings.hidden_rows,
        "total_filtered": len(found) + state.settings.hidden_rows,
        # It may be null, and here it is so on every page but the first.
        "integration_counts": None if number else _counts(everything, found),
    }
    return Answer(200, {"data": [_row(state, row, call.actor) for row in rows], "meta": meta})


def _counts(everything: list[ActionConnection], found: list[ActionConnection]) -> list[dict[str, Any]]:
    total, filtered = (Counter(item.integration["type"] for item in some) for some in (everything, found))
    return [
        {"integration_type": name, "total_count": total[name], "filtered_count": filtered[name]}
        for name in sorted(total)
    ]


def _no_list(status: int) -> Refusal:
    if status == 404:
        return Refusal(404, plain_error(404, "Not found"))
    return Refusal(status, generic_error(status, "listing connections is not offered"))


def _refuse_violations(found: list[Violation], verb: str) -> None:
    """Refuse a body; a value of the wrong form fails later in Datadog than all else."""
    structural = [violation for violation in found if not violation.pattern]
    if structural:
        raise Refusal(
            400,
            *(
                generic_error(400, f"error creating connection: {item.pointer} {item.problem}", item.pointer)
                for item in structural
            ),
        )
    if found:
        raise _invalid_argument(*(_protobuf_text(item, verb) for item in found))


def _invalid_argument(*causes: str) -> Refusal:
    count = "1 error" if len(causes) == 1 else f"{len(causes)} errors"
    text = "".join(f"\t* [error_code=8]: {cause}\n" for cause in causes)
    detail = (
        "error creating connection: rpc error: code = InvalidArgument desc = multiple errors: "
        f"{count} occurred:\n{text}\n"
    )
    return Refusal(400, generic_error(400, detail))


def _protobuf_text(violation: Violation, verb: str) -> str:
    """Return Datadog's text for a value that fails its pattern.

    Seen for account_id only, and written here exactly so; for others in the same style.
    """
    data = "Data" if verb == "Create" else "DataUpdate"
    auth = "AwsAuthData" if verb == "Create" else "AwsAuth"
    if violation.pointer.endswith("/account_id"):
        steps = [
            f"invalid {verb}CustomConnectionRequest.{data}",
            f"invalid CustomConnection{data}.Aws",
            f"invalid CustomConnection{data}_{auth}.AssumeRole",
            f"invalid CustomConnection{data}_{auth}_AssumeRole.AccountId",
        ]
    else:
        steps = [
            f"invalid {verb}CustomConnectionRequest.{data}",
            f"invalid CustomConnection{data}{violation.pointer.replace('/', '.')}",
        ]
    embedded = ": embedded message failed validation | caused by: "
    return f"{embedded.join(steps)}: {violation.problem}"


def _refuse_double_names(name: str, items: list[dict[str, Any]]) -> None:
    names = [item["name"] for item in items]
    if len(names) != len(set(names)):
        raise _invalid_argument(f"{name} must not hold one name twice")


def _kept(name: str, settings: Settings) -> str:
    return name.strip() if settings.trim_names else name


def _find(state: State, call: Call, doing: str, now: float = float("inf")) -> ActionConnection:
    """Return the connection of the path. A read of ``now`` may come too early for it."""
    connection_id = call.path["connection_id"]
    if not is_uuid(connection_id):
        raise Refusal(400, generic_error(400, "error connectionId not a valid UUID"))
    connection = state.action_connections.get(connection_id.lower())
    if connection is None or now < connection.seen_from:
        detail = f"error {doing} connection: rpc error: code = NotFound desc = connection not found"
        raise Refusal(404, generic_error(404, detail))
    return connection


def _merged(connection: ActionConnection, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the integration as a PATCH leaves it; the connection itself is not touched."""
    credentials = changes.get("credentials", {})
    old_types = connection.kind.integration, connection.kind.type
    if (changes["type"], credentials.get("type", old_types[1])) != old_types:
        # Whether Datadog can change them is not known.
        raise _invalid_argument("the type of a connection cannot be changed")
    merged = copy.deepcopy({**connection.integration, **changes})
    # A body is replaced as a whole: whether Datadog merges its two fields is not known.
    merged["credentials"] = copy.deepcopy({**connection.credentials, **credentials})
    merged["credentials"].pop("generate_new_external_id", None)
    for name in NAMED_LISTS:
        if name in credentials:
            old = connection.credentials.get(name, [])
            merged["credentials"][name] = _merged_list(name, old, credentials[name])
    return merged


def _merged_list(name: str, old: list[dict[str, Any]], changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a named list as a PATCH leaves it, merged by name."""
    _refuse_double_names(name, changes)
    merged = {item["name"]: item for item in old}
    for change in changes:
        item = {key: value for key, value in change.items() if key != "deleted"}
        if change.get("deleted"):
            if item["name"] not in merged:
                # Not known: Datadog may as well ignore it.
                raise _invalid_argument(f"{name}: there is no {item['name']} to delete")
            del merged[item["name"]]
        elif "value" not in item:
            # Optional in the schema, for the sake of deleting; what else it means is not known.
            raise _invalid_argument(f"{name}: the value of {item['name']} is required")
        elif name == "tokens" and not item["value"]:
            raise _invalid_argument(f"{name}: the value of {item['name']} must not be empty")
        else:
            merged[item["name"]] = item
    return list(merged.values())


def _document(connection: ActionConnection, settings: Settings) -> dict[str, Any]:
    """Return a connection as the POST answers it: without times and creator."""
    integration = copy.deepcopy(connection.integration)
    credentials = integration["credentials"]
    for name in connection.kind.secrets:
        credentials[name] = ""
    if "tokens" in credentials:
        tokens = [{**token, "value": ""} for token in credentials.pop("tokens")]
        if settings.tokens_as != "none":
            credentials[settings.tokens_as] = tokens
    attributes: dict[str, Any] = {"integration": integration, "name": connection.name}
    if connection.tags:
        attributes["tags"] = connection.tags
    if not settings.plain_attributes:
        attributes["acting_user_can_resolve"] = False
        attributes["external_secrets_manager"] = None
        attributes["is_favorite"] = False
    return {"id": connection.id, "type": "action_connection", "attributes": attributes}


def _read(connection: ActionConnection, settings: Settings, can_resolve: bool) -> dict[str, Any]:
    """Return a connection as GET and PATCH answer it."""
    data = _document(connection, settings)
    if not settings.plain_attributes:
        data["attributes"]["acting_user_can_resolve"] = can_resolve
        data["attributes"]["created_at"] = timestamp(connection.created_at)
        data["attributes"]["last_updated"] = timestamp(connection.last_updated)
        creator = {"id": connection.creator, "type": "created_by"}
        data["relationships"] = {"created_by": {"data": creator}}
    return data


def _row(state: State, connection: ActionConnection, actor: str) -> dict[str, Any]:
    """Return a connection as the list answers it: with ISO times, and the creator an attribute."""
    can_resolve = may_resolve(state, connection.id, connection.creator, actor)
    data = _read(connection, state.settings, can_resolve)
    if data.pop("relationships", None):
        data["attributes"]["created_at"] = iso_timestamp(connection.created_at)
        data["attributes"]["last_updated"] = iso_timestamp(connection.last_updated)
        data["attributes"]["created_by"] = {"id": connection.creator}
    if state.settings.brief_list:
        data["attributes"].pop("tags", None)
    return data


_ID_FILTERS = ("filter[connection_ids]", "filter[creator_ids]")
_FILTERS = frozenset({"filter[integration]", "filter[tags]", *_ID_FILTERS})
_SORT_KEYS = {name: attrgetter(name) for name in ("name", "created_at", "last_updated")}


def _matches(connection: ActionConnection, call: Call) -> bool:
    """Tell whether every filter has a value that fits."""
    tags = connection.tags or []
    integration = connection.integration["type"]
    own = {
        "filter[integration]": [integration],
        "filter[tags]": tags,
        "filter[connection_ids]": [connection.id],
        "filter[creator_ids]": [connection.creator],
        # Connections have no environment here, so that any value of this filter finds nothing.
        "filter[environment]": [],
    }
    for name, values in own.items():
        if name in call.query and not _wanted(call, name) & set(values):
            return False
    # What Datadog searches is not known: here it finds more than the exact name, never less.
    search = call.query.get("filter[search]", "").lower()
    return any(search in text.lower() for text in (connection.name, integration, *tags))


def _wanted(call: Call, name: str) -> set[str]:
    values = call.query.getall(name)
    return {value.lower() for value in values} if name in _ID_FILTERS else set(values)


def _check_query(call: Call) -> None:
    """Refuse values that cannot fit anything, above all ones joined by commas."""
    for value in call.query.getall("sort", ()):
        if value.removeprefix("-") not in _SORT_KEYS:
            raise Refusal(400, generic_error(400, f"sort must be one of {', '.join(_SORT_KEYS)}"))
    for name in _ID_FILTERS:
        for value in call.query.getall(name, ()):
            if not is_uuid(value):
                raise Refusal(400, generic_error(400, f"{name} must be a UUID"))
    for value in call.query.getall("filter[integration]", ()):
        if value not in INTEGRATIONS:
            raise Refusal(400, generic_error(400, "filter[integration] must be an integration type"))
    for value in call.query.getall("filter[tags]", ()):
        if "," in value or not value:
            raise Refusal(400, generic_error(400, "filter[tags] must be one tag"))


def _sorted(found: list[ActionConnection], call: Call) -> list[ActionConnection]:
    # Ids are random: without "sort" the order is not that of creation.
    found.sort(key=lambda connection: connection.id)
    # The first of several decides, so it comes last.
    for sort in reversed(call.query.getall("sort", ())):
        found.sort(key=_SORT_KEYS[sort.removeprefix("-")], reverse=sort.startswith("-"))
    return found


def endpoints() -> Iterator[Endpoint]:
    """Return the endpoints of this API."""

    def endpoint(method: str, path: str, handler: Any, **more: Any) -> Endpoint:
        right = "connections_read" if method == "GET" else "connections_write"
        return Endpoint(
            method,
            path,
            handler,
            generic_error,
            permission=right,
            needs_registration=True,
            **more,
        )

    one = PATH + "/{connection_id:[^/]+}"
    yield endpoint("POST", PATH, create, takes_body=True)
    yield endpoint(
        "GET",
        PATH,
        list_connections,
        parameters=PAGING | {"filter[search]", "filter[environment]"},
        repeated=_FILTERS | {"sort"},
    )
    yield endpoint("GET", one, get)
    yield endpoint("PATCH", one, update, takes_body=True)
    yield endpoint("DELETE", one, delete)
