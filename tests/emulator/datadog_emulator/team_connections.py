# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Team connections: ``/api/v2/team/connections``."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from .answers import Answer, Refusal, titled_error
from .endpoint import MAX_PAGE_SIZE, PAGING, Call, Endpoint, is_uuid, page
from .schema import TEXT, closed_object, violations

if TYPE_CHECKING:
    from .settings import Settings
    from .state import State

PATH = "/api/v2/team/connections"
MAX_BATCH = 100
SOURCES = ("github", "scim", "servicenow")


def _reference(kind: str) -> dict[str, Any]:
    data = closed_object(("type", "id"), {"type": {"enum": [kind]}, "id": TEXT})
    return closed_object(("data",), {"data": data})


_TYPE = {"enum": ["team_connection"]}
_CREATE_ITEM = closed_object(
    ("type", "relationships"),
    {
        "type": _TYPE,
        # Any text here: a wrong source is refused with Datadog's own words.
        "attributes": closed_object((), {"source": {"type": "string"}, "managed_by": TEXT}),
        "relationships": closed_object(
            ("team", "connected_team"),
            {"team": _reference("team"), "connected_team": _reference("github_team")},
        ),
    },
)
_DELETE_ITEM = closed_object(("type", "id"), {"type": _TYPE, "id": {"type": "string"}})


def _batch(item: dict[str, Any]) -> Draft202012Validator:
    data = {"type": "array", "items": item, "maxItems": MAX_BATCH}
    return Draft202012Validator(closed_object(("data",), {"data": data}))


_CREATE = _batch(_CREATE_ITEM)
_DELETE = _batch(_DELETE_ITEM)


@dataclass(frozen=True)
class TeamConnection:
    """A Datadog team and a team elsewhere. It never changes."""

    team: str
    connected_team: str
    source: str
    managed_by: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def pair(self) -> tuple[str, str, str]:
        """What may exist only once."""
        return self.team, self.connected_team, self.source

    def document(self) -> dict[str, Any]:
        """Return the connection as Datadog answers it."""
        return {
            "id": self.id,
            "type": "team_connection",
            "attributes": {"managed_by": self.managed_by, "source": self.source},
            "relationships": {
                "connected_team": {"data": {"id": self.connected_team, "type": "github_team"}},
                "team": {"data": {"id": self.team, "type": "team"}},
            },
        }


def create(state: State, call: Call) -> Answer:
    """Create a batch of connections, or none of them.

    Not known is what becomes of the rest of a batch when one is refused for a conflict. With the
    setting ``partial_batches`` it is created all the same.
    """
    batch = [_wanted(item, call.actor, state.settings) for item in _checked_batch(_CREATE, call)]
    for connection in batch:
        if connection.source not in SOURCES:
            raise _refusal(
                f'attribute "source" "{connection.source}" is not a supported external team type, '
                f"must be one of [{' '.join(SOURCES)}]"
            )
    for connection in batch:
        if not is_uuid(connection.team):
            raise _refusal('attribute "team" id is not a valid UUID')
        if connection.team not in state.teams:
            # Not known how Datadog says that.
            raise Refusal(404, titled_error(404, f"team {connection.team} not found"))
    accepted = _without_conflicts(state, batch)
    if len(accepted) == len(batch) or state.settings.partial_batches:
        state.team_connections.update({connection.id: connection for connection in accepted})
    if len(accepted) < len(batch):
        detail = "failed to add team connections: one or more team attributes already exist"
        raise Refusal(409, titled_error(409, detail))
    return Answer(201, {"data": [connection.document() for connection in batch]})


def delete(state: State, call: Call) -> Answer:
    """Delete a batch of connections, or none of them when an id is unknown."""
    ids = [item["id"].lower() for item in _checked_batch(_DELETE, call)]
    if not set(ids) <= set(state.team_connections) or len(ids) != len(set(ids)):
        raise _refusal('attribute "id" one or more team connection ids are not present')
    for connection_id in ids:
        del state.team_connections[connection_id]
    return Answer(204)


def list_connections(state: State, call: Call) -> Answer:
    """Return a page of connections; the meta has another shape when no paging is asked for."""
    wanted = {name: _values(call, name) for name in _FILTERS if name in call.query}
    # Ids are random: the order is not that of creation.
    found = [
        connection
        for _id, connection in sorted(state.team_connections.items())
        if all(_FILTERS[name](connection) in values for name, values in wanted.items())
    ]
    total = len(found) + state.settings.hidden_rows
    if PAGING & set(call.query):
        number, size = page(call, MAX_PAGE_SIZE, titled_error)
        meta = _numbered(number, size, total)
    else:
        number, size = 0, MAX_PAGE_SIZE
        meta = _offset(total)
    rows = [row.document() for row in found[number * size : (number + 1) * size]]
    return Answer(200, {"data": rows, "meta": {"page": meta}})


def _checked_batch(validator: Draft202012Validator, call: Call) -> list[dict[str, Any]]:
    if isinstance(call.body, dict) and call.body.get("data") == []:
        raise _refusal('attribute "data" at least one team connection must be provided')
    found = violations(validator, call.body)
    if found:
        raise Refusal(
            400,
            *(titled_error(400, f'attribute "{item.pointer}" {item.problem}', item.pointer) for item in found),
        )
    items: list[dict[str, Any]] = call.body["data"]
    return items


def _wanted(item: dict[str, Any], actor: str, settings: Settings) -> TeamConnection:
    attributes, relationships = item.get("attributes", {}), item["relationships"]
    connected_team = relationships["connected_team"]["data"]["id"]
    if settings.trim_names:
        connected_team = connected_team.strip()
    if settings.lower_case_teams:
        connected_team = connected_team.lower()
    return TeamConnection(
        team=relationships["team"]["data"]["id"].lower(),
        connected_team=connected_team,
        source=attributes.get("source", ""),
        managed_by=attributes.get("managed_by", actor),
    )


def _without_conflicts(state: State, batch: list[TeamConnection]) -> list[TeamConnection]:
    """Return a batch without the pairs that exist, in Datadog or before in the batch."""
    pairs = {connection.pair for connection in state.team_connections.values()}
    teams = {connection.team for connection in state.team_connections.values()}
    accepted = []
    for connection in batch:
        taken = state.settings.one_link_per_team and connection.team in teams
        if connection.pair not in pairs and not taken:
            accepted.append(connection)
        pairs.add(connection.pair)
        teams.add(connection.team)
    return accepted


def _refusal(detail: str) -> Refusal:
    return Refusal(400, titled_error(400, detail))


_FILTERS = {
    "filter[sources]": lambda connection: connection.source,
    "filter[team_ids]": lambda connection: connection.team,
    "filter[connected_team_ids]": lambda connection: connection.connected_team,
    "filter[connection_ids]": lambda connection: connection.id,
}


def _values(call: Call, name: str) -> set[str]:
    """Return the values of a filter, which a comma parts. None of them may be empty."""
    values = call.query[name].split(",")
    ids = name in ("filter[team_ids]", "filter[connection_ids]")
    if not all(is_uuid(value) if ids else value for value in values):
        raise _refusal(f'query parameter "{name}" has a value that is not valid')
    return {value.lower() if ids else value for value in values}


def _numbered(number: int, size: int, total: int) -> dict[str, Any]:
    last = max(0, total - 1) // size
    return {
        "type": "number_size",
        "number": number,
        "size": size,
        "total": total,
        "first_number": 0,
        "prev_number": number - 1 if number else None,
        "next_number": number + 1 if number < last else None,
        "last_number": last,
    }


def _offset(total: int) -> dict[str, Any]:
    return {
        "type": "offset_limit",
        "offset": 0,
        "limit": MAX_PAGE_SIZE,
        "total": total,
        "first_offset": 0,
        "prev_offset": None,
        "next_offset": MAX_PAGE_SIZE if total > MAX_PAGE_SIZE else None,
        "last_offset": max(0, total - 1) // MAX_PAGE_SIZE * MAX_PAGE_SIZE,
    }


def endpoints() -> Iterator[Endpoint]:
    """Return the endpoints of this API."""
    yield Endpoint("POST", PATH, create, titled_error, "teams_manage", takes_body=True)
    yield Endpoint("DELETE", PATH, delete, titled_error, "teams_manage", takes_body=True)
    yield Endpoint(
        "GET",
        PATH,
        list_connections,
        titled_error,
        "teams_read",
        parameters=PAGING | frozenset(_FILTERS),
    )
