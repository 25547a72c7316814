# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles, users and the current user, as far as principals of restriction policies need them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from .answers import JSON, Answer, Refusal, plain_error
from .endpoint import PAGING, Call, Endpoint, page

if TYPE_CHECKING:
    from .state import State

ROLES, USERS, CURRENT_USER = "/api/v2/roles", "/api/v2/users", "/api/v2/current_user"
DEFAULT_PAGE_SIZE = 10
# Roles that every organization has. Whoever calls with keys that nobody has made a user of has
# the first one.
MANAGED_ROLES = ("Datadog Admin Role", "Datadog Standard Role", "Datadog Read Only Role")
STATUSES = ("Active", "Pending", "Disabled")
# Every credential stands for a user of its own, so that creators can be told apart.
_NAMESPACE = uuid.UUID("6f1b1d3e-1c0a-4f5e-9a3b-0d2c7a4e8b11")
_Item = TypeVar("_Item", "Role", "User")


def user_id(credential: str) -> str:
    """Return the UUID of the user to whom an application key or an access token belongs."""
    return str(uuid.uuid5(_NAMESPACE, credential))


def organization_id(number: int) -> str:
    """Return the UUID of one of the organizations that are emulated together, from 0 on."""
    return str(uuid.uuid5(_NAMESPACE, f"organization {number}"))


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")


@dataclass
class Role:
    """A role. Names are unique."""

    name: str
    managed: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: str = field(default_factory=_now)

    def document(self, **attributes: Any) -> dict[str, Any]:
        """Return the role, with more attributes: those that not every answer has."""
        own = {"name": self.name, "created_at": self.created_at, "modified_at": self.created_at}
        # Which permissions a role has, is nobody's business here.
        permissions: dict[str, Any] = {"permissions": {"data": []}}
        return {
            "type": "roles",
            "id": self.id,
            "attributes": {**own, **attributes},
            "relationships": permissions,
        }


@dataclass
class User:
    """A user or a service account. Several may share an e-mail."""

    email: str
    name: str | None = None
    disabled: bool = False
    service_account: bool = False
    roles: set[str] = field(default_factory=set)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: str = field(default_factory=_now)

    @property
    def status(self) -> str:
        """One of ``STATUSES``; nobody has to accept an invitation here."""
        return "Disabled" if self.disabled else "Active"

    def document(self, organization: str) -> dict[str, Any]:
        """Return the user as the list answers it."""
        digest = hashlib.sha256(self.email.encode()).hexdigest()[:32]
        attributes: dict[str, Any] = {
            "name": self.name,
            # A service account's handle is no address.
            "handle": self.id if self.service_account else self.email,
            "created_at": self.created_at,
            "modified_at": self.created_at,
            "email": self.email,
            "icon": f"https://secure.gravatar.com/avatar/{digest}?s=48&d=retro",
            "title": None,
            "verified": True,
            "service_account": self.service_account,
            "disabled": self.disabled,
            "allowed_login_methods": [],
            "status": self.status,
        }
        roles = [{"type": "roles", "id": role} for role in sorted(self.roles)]
        relationships = {
            "roles": {"data": roles},
            "org": {"data": {"type": "orgs", "id": organization}},
        }
        return {
            "type": "users",
            "id": self.id,
            "attributes": attributes,
            "relationships": relationships,
        }


class Accounts:
    """The roles and users of an organization, by their ids."""

    def __init__(self) -> None:
        self.roles: dict[str, Role] = {}
        self.users: dict[str, User] = {}
        for name in MANAGED_ROLES:
            self.add_role(name, managed=True)

    def add_role(self, name: str, managed: bool = False) -> Role:
        """Create a role; ValueError when there is one of this name."""
        if any(role.name == name for role in self.roles.values()):
            raise ValueError(f"there is a role {name}")
        # The ids of managed roles are the same after a reset.
        made = {"id": str(uuid.uuid5(_NAMESPACE, name))} if managed else {}
        role = Role(name, managed, **made)
        self.roles[role.id] = role
        return role

    def add_user(self, email: str, name: str | None, disabled: bool, service_account: bool, roles: set[str]) -> User:
        """Create a user. Datadog writes e-mails in lower case."""
        user = User(email.lower(), name, disabled, service_account, roles)
        self.users[user.id] = user
        return user

    def caller(self, credential: str) -> str:
        """Return the id of a credential's user, who exists from the first call on."""
        found = user_id(credential)
        if found not in self.users:
            admin, *_others = self.roles
            email = f"caller-{found[:8]}@example.com"
            service_account = credential.startswith("ddsat_")
            user = User(email, "Caller", False, service_account, {admin}, found)
            self.users[found] = user
        return found

    def shown_role(self, role: Role) -> dict[str, Any]:
        """Return a role as the list answers it, with the number of its users."""
        count = sum(role.id in user.roles for user in self.users.values())
        return role.document(user_count=count)


def list_roles(state: State, call: Call) -> Answer:
    """Return a page of the roles whose names have the filter's text in them."""
    accounts = state.accounts
    found = [role for role in accounts.roles.values() if _matches(call, role.name)]
    wanted = call.query.get("filter[id]")
    if wanted is not None:
        found = [role for role in found if role.id in wanted.lower().split(",")]
    _sort(found, call.query.get("sort", "name"), {"name", "modified_at"})
    rows, meta = _page(state, call, found, len(accounts.roles))
    return Answer(200, {"data": [accounts.shown_role(role) for role in rows], "meta": meta})


def get_role(state: State, call: Call) -> Answer:
    """Return one role."""
    role = state.accounts.roles.get(call.path["id"].lower())
    if role is None:
        raise Refusal(404, plain_error(404, "role not found"))
    return Answer(200, {"data": state.accounts.shown_role(role)})


def list_users(state: State, call: Call) -> Answer:
    """Return a page of the users who have the filter's text in name or e-mail, disabled ones too."""
    everybody = list(state.accounts.users.values())
    found = [user for user in everybody if _matches(call, user.name, user.email)]
    statuses = call.query.get("filter[status]", ",".join(STATUSES)).split(",")
    if not set(statuses) <= set(STATUSES):
        raise Refusal(400, plain_error(400, f"filter[status] must be among {', '.join(STATUSES)}"))
    found = [user for user in found if user.status in statuses]
    descending = {"asc": "", "desc": "-"}.get(call.query.get("sort_dir", "asc"))
    if descending is None:
        raise Refusal(400, plain_error(400, "sort_dir must be asc or desc"))
    _sort(found, descending + call.query.get("sort", "name"), {"name", "email", "modified_at"})
    rows, meta = _page(state, call, found, len(everybody))
    return Answer(200, {"meta": meta, "data": [user.document(state.organization) for user in rows]})


def get_user(state: State, call: Call) -> Answer:
    """Return one user."""
    user = state.accounts.users.get(call.path["id"].lower())
    if user is None:
        raise Refusal(404, plain_error(404, "User not found"))
    return Answer(200, {"data": user.document(state.organization)})


def current_user(state: State, call: Call) -> Answer:
    """Return the user who asks, with the roles."""
    user = state.accounts.users[call.actor]
    data = user.document(state.organization)
    data["attributes"].update(uuid=user.id, last_login_time=None)
    data["relationships"]["team_roles"] = {"data": []}
    roles = [state.accounts.roles[role] for role in sorted(user.roles)]
    return Answer(200, {"data": data, "included": [role.document(managed=role.managed) for role in roles]})


def _matches(call: Call, *texts: str | None) -> bool:
    wanted = call.query.get("filter", "").lower()
    return any(wanted in (text or "").lower() for text in texts)


def _sort(found: list[_Item], sort: str, keys: set[str]) -> None:
    name = sort.lstrip("-")
    if name not in keys:
        raise Refusal(400, plain_error(400, f"sort must be one of {', '.join(sorted(keys))}"))
    attribute = "created_at" if name == "modified_at" else name
    # Ids are random: those of one name are in no order of their creation.
    found.sort(key=lambda item: (attrgetter(attribute)(item) or "", item.id))
    if sort.startswith("-") and not sort.startswith("--"):
        found.reverse()


def _page(state: State, call: Call, found: list[_Item], total: int) -> tuple[Iterable[_Item], dict[str, Any]]:
    number, size = page(call, DEFAULT_PAGE_SIZE, plain_error)
    hidden = state.settings.hidden_rows
    counts = {"total_count": total + hidden, "total_filtered_count": len(found) + hidden}
    return found[number * size : (number + 1) * size], {"page": counts}


def endpoints() -> Iterator[Endpoint]:
    """Return the endpoints of this API."""
    right, one = "user_access_read", "/{id:[^/]+}"
    parameters = PAGING | {"filter", "sort"}

    def endpoint(path: str, handler: Any, permission: str, *more: str) -> Endpoint:
        return Endpoint(
            "GET",
            path,
            handler,
            plain_error,
            permission,
            parameters=parameters | set(more) if more else frozenset(),
            content_type=JSON,
        )

    yield endpoint(ROLES, list_roles, right, "filter[id]")
    yield endpoint(ROLES + one, get_role, right)
    yield endpoint(USERS, list_users, right, "filter[status]", "sort_dir")
    yield endpoint(USERS + one, get_user, right)
    yield endpoint(CURRENT_USER, current_user, "")
