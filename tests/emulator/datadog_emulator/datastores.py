# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions datastores: ``/api/v2/actions-datastores``. Their rows are in ``datastore_items.py``."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from .answers import CONTENT_TYPE, Answer, Refusal
from .endpoint import Call, Endpoint, is_uuid
from .schema import TEXT, closed_object, violations

if TYPE_CHECKING:
    from .state import State

PATH = "/api/v2/actions-datastores"
ONE = PATH + "/{datastore_id:[^/]+}"
MAX_STORES = 50
MAX_COLUMN_NAME = 63
ORG_ID = 100001
# What a user may do with a datastore; each level includes those before it.
ACCESS = ("viewer", "contributor", "manager")

_ANY_TEXT = {"type": "string"}
_CHANGEABLE = {"name": TEXT, "description": _ANY_TEXT}
_CREATE_ATTRIBUTES = closed_object(
    ("name", "primary_column_name"),
    {
        **_CHANGEABLE,
        "primary_column_name": _ANY_TEXT,
        "primary_key_generation_strategy": {"enum": ["none", "uuid"]},
        "org_access": {"enum": list(ACCESS)},
    },
)


def body_schema(kind: str, attributes: dict[str, Any], **more: Any) -> Draft202012Validator:
    """Return the schema of a body with data of this type, and ``more`` beside its attributes.

    Datadog's schema leaves the attributes optional; what it does without them is not known.
    """
    data = closed_object(("type", "attributes"), {"type": {"enum": [kind]}, "attributes": attributes, **more})
    return Draft202012Validator(closed_object(("data",), {"data": data}))


_CREATE = body_schema("datastores", _CREATE_ATTRIBUTES, id=_ANY_TEXT)
_UPDATE = body_schema("datastores", closed_object((), _CHANGEABLE), id=_ANY_TEXT)


def error(status: int, title: str, detail: str = "", **source: str) -> dict[str, Any]:
    """Return an error as datastores write it; ``source`` is a pointer or a parameter."""
    found: dict[str, Any] = {"status": str(status), "id": str(uuid.uuid4()), "title": title}
    if detail:
        found["detail"] = detail
    if source:
        found["source"] = source
    return found


def style(status: int, detail: str, pointer: str) -> dict[str, Any]:
    """Return an error for which Datadog's own title is not known."""
    source = {"pointer": pointer} if pointer else {}
    return error(status, HTTPStatus(status).phrase, detail, **source)


def now_after(earlier: datetime | None = None) -> datetime:
    """Return the time, which always moves."""
    now = datetime.now(timezone.utc)
    return max(now, earlier + timedelta(microseconds=1)) if earlier else now


def timestamp(moment: datetime) -> str:
    """Write a time as Datadog does here: without trailing zeros."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"


@dataclass
class Row:
    """A row of a datastore: its columns, among them the primary one."""

    value: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: datetime = field(default_factory=now_after)

    def __post_init__(self) -> None:
        self.modified_at = self.created_at
        self.signature = uuid.uuid4().hex

    def change(self, value: dict[str, Any]) -> None:
        """Give the row other columns."""
        self.value = value
        self.modified_at = now_after(self.modified_at)
        self.signature = uuid.uuid4().hex


@dataclass
class Datastore:
    """A datastore and its rows, by the value of their primary column."""

    name: str
    primary_column_name: str
    creator: str
    description: str = ""
    org_access: str = "contributor"
    primary_key_generation_strategy: str = "none"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: datetime = field(default_factory=now_after)
    rows: dict[str, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.modified_at = self.created_at

    def access(self, user: str) -> str:
        """Return what a user may do: who created it, manages it."""
        return "manager" if user == self.creator else self.org_access

    def document(self) -> dict[str, Any]:
        """Return the datastore as Datadog answers it: the access to it is not told."""
        attributes = {
            "created_at": timestamp(self.created_at),
            "creator_user_id": uuid.UUID(self.creator).int % 10**7,
            "creator_user_uuid": self.creator,
            "description": self.description,
            "modified_at": timestamp(self.modified_at),
            "name": self.name,
            "org_id": ORG_ID,
            "primary_column_name": self.primary_column_name,
            "primary_key_generation_strategy": self.primary_key_generation_strategy,
        }
        return {"id": self.id, "type": "datastores", "attributes": attributes}


def create(state: State, call: Call) -> Answer:
    """Create a datastore, with the id that the body may give. Names need not be unique."""
    check_body(_CREATE, call)
    data = call.body["data"]
    check_column_name(data["attributes"]["primary_column_name"], "datastore configuration invalid")
    store = Datastore(creator=call.actor, **data["attributes"])
    if "id" in data:
        if not is_uuid(data["id"]):
            raise Refusal(400, style(400, "the id of a datastore must be a UUID", "/data/id"))
        store.id = data["id"].lower()
    # Neither refusal has been seen.
    if store.id in state.datastores:
        raise Refusal(400, style(400, "there is a datastore of this id", "/data/id"))
    if len(state.datastores) >= MAX_STORES:
        detail = f"an organization cannot have more than {MAX_STORES} datastores"
        raise Refusal(400, error(400, "datastore limit exceeded", detail))
    state.datastores[store.id] = store
    return Answer(200, {"data": {"id": store.id, "type": "datastores"}})


def get(state: State, call: Call) -> Answer:
    """Return one datastore."""
    return Answer(200, {"data": find(state, call, "viewer").document()})


def update(state: State, call: Call) -> Answer:
    """Change name and description; nothing else of a datastore can be changed."""
    datastore_id(call)
    check_body(_UPDATE, call)
    store = find(state, call, "manager")
    attributes = call.body["data"]["attributes"]
    store.name = attributes.get("name", store.name)
    store.description = attributes.get("description", store.description)
    store.modified_at = now_after(store.modified_at)
    return Answer(200, {"data": store.document()})


def delete(state: State, call: Call) -> Answer:
    """Delete a datastore and its rows; that there is none is no error, but an empty answer."""
    if datastore_id(call) not in state.datastores:
        return Answer(200, headers={"Content-Type": CONTENT_TYPE})
    store = find(state, call, "manager")
    del state.datastores[store.id]
    return Answer(200, {"data": {"id": store.id, "type": "datastores"}})


def list_stores(state: State, call: Call) -> Answer:
    """Return all datastores, in the order of their ids."""
    return Answer(200, {"data": [store.document() for _id, store in sorted(state.datastores.items())]})


def datastore_id(call: Call) -> str:
    """Return the id in the path."""
    found = call.path["datastore_id"]
    if not is_uuid(found):
        detail = "invalid datastoreId format in path"
        raise Refusal(400, error(400, "invalid path parameter", detail, parameter="datastoreId"))
    return found.lower()


def find(state: State, call: Call, access: str) -> Datastore:
    """Return the datastore of the path, or refuse a user who has less access than this to it."""
    store = state.datastores.get(datastore_id(call))
    if store is None:
        raise Refusal(404, error(404, "datastore not found"))
    if ACCESS.index(store.access(call.actor)) < ACCESS.index(access):
        # Not known how Datadog says that.
        raise Refusal(403, style(403, f"this action requires {access} access to the datastore", ""))
    return store


def check_body(validator: Draft202012Validator, call: Call) -> None:
    """Refuse a body that is not as the schema says."""
    found = violations(validator, call.body)
    if found:
        raise Refusal(400, *(style(400, f"{item.pointer} {item.problem}", item.pointer) for item in found))


def check_column_name(name: str, title: str) -> None:
    """Refuse a column name that is none in PostgreSQL, by which Datadog's documentation goes."""
    if not re.match("[A-Za-z_]", name):
        detail = f"column name '{name}' does not start with a letter or an underscore"
    elif not re.fullmatch("[A-Za-z0-9_]+", name):
        detail = f"column name '{name}' has characters that are no letters, digits or underscores"
    elif len(name) > MAX_COLUMN_NAME:
        detail = f"column name '{name}' is longer than {MAX_COLUMN_NAME} characters"
    else:
        return
    raise Refusal(400, error(400, title, detail))


def endpoints() -> Iterator[Endpoint]:
    """Return the endpoints of this API."""
    manage = "apps_datastore_manage"
    yield Endpoint("POST", PATH, create, style, manage, takes_body=True)
    yield Endpoint("GET", PATH, list_stores, style, "apps_datastore_read")
    yield Endpoint("GET", ONE, get, style, "apps_datastore_read")
    yield Endpoint("PATCH", ONE, update, style, manage, takes_body=True)
    yield Endpoint("DELETE", ONE, delete, style, manage)
