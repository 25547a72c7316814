# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Teams: ``/api/v2/team``, as far as team connections need them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from .answers import Answer, Refusal, plain_error
from .endpoint import PAGING, Call, Endpoint, is_uuid, page
from .schema import TEXT, closed_object, violations

if TYPE_CHECKING:
    from .state import State

PATH = "/api/v2/team"
DEFAULT_PAGE_SIZE = 10
UNPAGED_LIMIT = 100
FIELDS = frozenset(
    (
        "id",
        "name",
        "handle",
        "summary",
        "description",
        "avatar",
        "banner",
        "visible_modules",
        "hidden_modules",
        "created_at",
        "modified_at",
        "user_count",
        "link_count",
        "team_links",
        "user_team_permissions",
    )
)

_MODULES = {"type": "array", "items": {"type": "string"}}
_USERS = closed_object(("type", "id"), {"type": {"enum": ["users"]}, "id": TEXT})
_DATA = {
    "type": {"enum": ["team"]},
    "attributes": closed_object(
        ("name", "handle"),
        {
            "name": {**TEXT, "maxLength": 200},
            "handle": {**TEXT, "maxLength": 195},
            "avatar": {"type": ["string", "null"]},
            "banner": {"type": ["integer", "null"]},
            "description": {"type": "string"},
            "hidden_modules": _MODULES,
            "visible_modules": _MODULES,
        },
    ),
    "relationships": closed_object((), {"users": closed_object((), {"data": {"type": "array", "items": _USERS}})}),
}
_CREATE = Draft202012Validator(closed_object(("data",), {"data": closed_object(("type", "attributes"), _DATA)}))


@dataclass
class Team:
    """A Datadog team."""

    handle: str
    name: str
    more: dict[str, Any] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    # Whoever calls is a member, without being counted: of the teams from the start.
    open: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat())

    def document(self) -> dict[str, Any]:
        """Return the team as a GET answers it."""
        attributes = {
            "created_at": self.created_at,
            "description": self.more.get("description"),
            "handle": self.handle,
            "is_managed": False,
            "link_count": 0,
            "modified_at": self.created_at,
            "name": self.name,
            "summary": self.more.get("description"),
            "user_count": len(self.members),
        }
        links = {
            "team_links": {"data": [], "links": {"related": f"{PATH}/{self.id}/links"}},
            "user_team_permissions": {
                "data": None,
                "links": {"related": f"{PATH}/{self.id}/permission-settings"},
            },
        }
        return {"id": self.id, "type": "team", "attributes": attributes, "relationships": links}

    def created(self) -> dict[str, Any]:
        """Return the team as the POST answers it, with what no GET shows."""
        document = self.document()
        document["attributes"].update(avatar=None, banner=1, hidden_modules=None, visible_modules=None)
        document["attributes"].update(self.more)
        return document


def ensure_teams(teams: dict[str, Team], handles: Iterable[str]) -> None:
    """Create the teams of these handles that do not exist yet."""
    existing = {team.handle for team in teams.values()}
    for handle in dict.fromkeys(handles):
        if handle not in existing:
            team = Team(handle=handle, name=handle, open=True)
            teams[team.id] = team


def create(state: State, call: Call) -> Answer:
    """Create a team; neither its name nor its handle may be taken."""
    found = violations(_CREATE, call.body)
    if found:
        raise Refusal(400, *(plain_error(400, item.problem, item.pointer) for item in found))
    data = call.body["data"]
    more = dict(data["attributes"])
    name, handle = more.pop("name"), more.pop("handle")
    if any(team.name == name or team.handle == handle for team in state.teams.values()):
        raise Refusal(409, plain_error(409, "Team name and handle must be unique"))
    users = data.get("relationships", {}).get("users", {}).get("data", [])
    team = Team(handle, name, more, {user["id"].lower() for user in users})
    state.teams[team.id] = team
    return Answer(201, {"data": team.created()})


def get(state: State, call: Call) -> Answer:
    """Return one team."""
    return Answer(200, {"data": _find(state, call).document()})


def delete(state: State, call: Call) -> Answer:
    """Delete a team and with it its connections."""
    team = _find(state, call)
    del state.teams[team.id]
    state.team_connections = {
        connection.id: connection for connection in state.team_connections.values() if connection.team != team.id
    }
    return Answer(204)


def list_teams(state: State, call: Call) -> Answer:
    """Return a page of teams; the meta has another shape when no paging is asked for."""
    _check_query(call)
    sort = call.query.get("sort", "name")
    found = [team for team in state.teams.values() if _matches(state, team, call)]
    found.sort(key=lambda team: (len(team.members) if "user_count" in sort else 0, team.name))
    if sort.startswith("-"):
        found.reverse()
    total = len(found) + state.settings.hidden_rows
    if PAGING & set(call.query):
        number, size = page(call, DEFAULT_PAGE_SIZE, plain_error)
        start, pagination = number * size, _numbered(number, size, total)
        links = _links(call, *({"page[number]": at, "page[size]": size} for at in _around(number)))
    else:
        start, size, pagination = 0, UNPAGED_LIMIT, _offset(total)
        links = _links(call, *({"page[offset]": at, "page[limit]": size} for at in (0, size)))
    rows = [_with_fields(team.document(), call) for team in found[start : start + size]]
    # Teams have neither links nor permissions here: there is never anything to include.
    included: dict[str, Any] = {"included": []} if "include" in call.query else {}
    meta = {"pagination": pagination}
    return Answer(200, {"data": rows, **included, "meta": meta, "links": links})


def _around(number: int) -> tuple[int, ...]:
    """Return the numbers of the first page, the next and, if there is one, the one before."""
    return (0, number + 1, number - 1) if number else (0, number + 1)


def _links(call: Call, first: Any, following: Any, before: Any = None) -> dict[str, str | None]:
    """Return the links as seen: never to the last page, and to a next one whether it exists or not."""
    address = call.origin + PATH

    def link(parameters: Any) -> str:
        query = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()))
        return f"{address}?{query}" if query else address

    asked = dict(call.query)
    return {
        "self": link(asked),
        "last": None,
        "next": link({**asked, **following}),
        "prev": None if before is None else link({**asked, **before}),
        "first": link({**asked, **first}),
    }


def _numbered(number: int, size: int, total: int) -> dict[str, Any]:
    """Return the paging meta as seen: ``next_number`` goes on past the last page."""
    return {
        "number": number,
        "first_number": 0,
        "prev_number": max(0, number - 1),
        "next_number": number + 1,
        "last_number": max(0, total - 1) // size,
        "size": size,
        "type": "number_size",
        "total": total,
    }


def _offset(total: int) -> dict[str, Any]:
    return {
        "offset": 0,
        "first_offset": 0,
        "prev_offset": 0,
        "next_offset": UNPAGED_LIMIT,
        "last_offset": max(0, total - 1) // UNPAGED_LIMIT * UNPAGED_LIMIT,
        "limit": UNPAGED_LIMIT,
        "type": "offset_limit",
        "total": total,
    }


def _matches(state: State, team: Team, call: Call) -> bool:
    """Search name, handle and the e-mails of members."""
    if call.query.get("filter[me]") == "true" and call.actor not in team.members:
        return False
    keyword = call.query.get("filter[keyword]", "").lower()
    users = state.accounts.users
    emails = (users[member].email for member in team.members if member in users)
    return any(keyword in text.lower() for text in (team.name, team.handle, *emails))


def _check_query(call: Call) -> None:
    if call.query.get("sort", "name") not in ("name", "-name", "user_count", "-user_count"):
        raise Refusal(400, plain_error(400, "sort must be name or user_count"))
    if call.query.get("filter[me]", "true") not in ("true", "false"):
        raise Refusal(400, plain_error(400, "filter[me] must be true or false"))
    if not set(call.query.getall("include", [])) <= {"team_links", "user_team_permissions"}:
        raise Refusal(400, plain_error(400, "include names an unknown relationship"))
    if not set(call.query.get("fields[team]", "id").split(",")) <= FIELDS:
        raise Refusal(400, plain_error(400, "fields[team] names an unknown field"))


def _with_fields(document: dict[str, Any], call: Call) -> dict[str, Any]:
    """Return a row with only the attributes that ``fields[team]`` names, if it is given."""
    if "fields[team]" not in call.query:
        return document
    wanted = call.query["fields[team]"].split(",")
    attributes = {name: value for name, value in document["attributes"].items() if name in wanted}
    return {"id": document["id"], "type": "team", "attributes": attributes}


def _find(state: State, call: Call) -> Team:
    team_id = call.path["team_id"]
    if not is_uuid(team_id):
        # A 404, and this wording, as seen.
        raise Refusal(404, plain_error(404, f"{team_id} is not a valid UUID not found"))
    team = state.teams.get(team_id.lower())
    if team is None:
        raise Refusal(404, plain_error(404, f"{team_id} not found"))
    return team


def endpoints() -> Iterator[Endpoint]:
    """Return the endpoints of this API."""
    one = PATH + "/{team_id:[^/]+}"
    yield Endpoint("POST", PATH, create, plain_error, "teams_manage", takes_body=True)
    yield Endpoint(
        "GET",
        PATH,
        list_teams,
        plain_error,
        "teams_read",
        parameters=PAGING | {"filter[keyword]", "filter[me]", "fields[team]", "sort"},
        repeated=frozenset({"include"}),
    )
    yield Endpoint("GET", one, get, plain_error, "teams_read")
    yield Endpoint("DELETE", one, delete, plain_error, "teams_manage")
