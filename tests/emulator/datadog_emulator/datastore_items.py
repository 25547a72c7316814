# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of Actions datastores: ``/api/v2/actions-datastores/{id}/items``."""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .answers import Answer, Refusal
from .datastores import (
    ONE,
    ORG_ID,
    Datastore,
    Row,
    body_schema,
    check_body,
    check_column_name,
    datastore_id,
    error,
    find,
    now_after,
    style,
    timestamp,
)
from .endpoint import Call, Endpoint, page_number
from .schema import TEXT, closed_object

if TYPE_CHECKING:
    from .state import State

DEFAULT_LIMIT = 50
MAX_BATCH = 100
MAX_KEY = 256
# 100 KB in the documentation; whether 1,024 bytes make a kilobyte there is not known.
MAX_ROW_BYTES = 100_000
NO_KEY = "item key missing or invalid"

_KEY = {**TEXT, "maxLength": MAX_KEY}
_ANY_TEXT = {"type": "string"}
_OBJECT = {"type": "object"}
_WRITE = body_schema(
    "items",
    closed_object(
        ("values",),
        {
            "values": {"type": "array", "items": _OBJECT, "minItems": 1, "maxItems": MAX_BATCH},
            "conflict_mode": {"enum": ["fail_on_conflict", "overwrite_on_conflict"]},
        },
    ),
)
# Ids beside the key are taken and not looked at: what they are for is not known.
_UPDATE = body_schema(
    "items",
    closed_object(
        ("item_key", "item_changes"),
        {
            "item_key": _KEY,
            "item_changes": closed_object((), {"ops_set": _OBJECT}),
            "id": _ANY_TEXT,
        },
    ),
    id=_ANY_TEXT,
)
_DELETE = body_schema("items", closed_object(("item_key",), {"item_key": _KEY, "id": _ANY_TEXT}))
_KEYS = {"type": "array", "items": _KEY, "maxItems": MAX_BATCH}
_DELETE_MANY = body_schema("items", closed_object((), {"item_keys": _KEYS}), id=_ANY_TEXT)


def write(state: State, call: Call) -> Answer:
    """Write a batch of rows, or none of them when one conflicts that must not.

    Without a conflict mode it replaces what is there: so says the API reference.
    """
    datastore_id(call)
    check_body(_WRITE, call)
    store = find(state, call, "contributor")
    attributes = call.body["data"]["attributes"]
    fails = attributes.get("conflict_mode") == "fail_on_conflict"
    batch = [_keyed(store, value) for value in attributes["values"]]
    keys = [key for key, _value in batch]
    conflicts = {key for key in keys if keys.count(key) > 1}
    if fails:
        conflicts |= store.rows.keys() & set(keys)
    accepted = {key: value for key, value in batch if key not in conflicts}
    if len(store.rows.keys() | accepted.keys()) > state.settings.datastore_rows:
        # Not known how Datadog says that; nothing is written here, not even what there is room for.
        detail = f"a datastore cannot have more than {state.settings.datastore_rows} items"
        raise Refusal(400, error(400, "datastore item limit exceeded", detail))
    if not conflicts or state.settings.partial_batches:
        moment = now_after()
        for key, value in accepted.items():
            _put(store, key, value, moment)
    if conflicts:
        # Never seen either. The API reference knows no 409 here.
        status = state.settings.datastore_conflict
        detail = f"items with these keys exist already: {', '.join(sorted(conflicts))}"
        raise Refusal(status, error(status, "item already exists", detail))
    return Answer(200, {"data": [_reference(store.rows[key]) for key in keys]})


def update(state: State, call: Call) -> Answer:
    """Set columns of a row and keep its others. No columns at all is no error."""
    datastore_id(call)
    check_body(_UPDATE, call)
    store = find(state, call, "contributor")
    attributes = call.body["data"]["attributes"]
    key = attributes["item_key"]
    title = "item changes invalid"
    row = store.rows.get(key)
    if row is None:
        raise Refusal(404, error(404, title, f"failed to find item with key {key}"))
    changes = attributes["item_changes"].get("ops_set", {})
    if changes.get(store.primary_column_name, key) != key:
        # Whether a row can get another key is not known.
        raise Refusal(400, error(400, title, "the primary column cannot be changed"))
    row.change(_checked({**row.value, **changes}))
    return Answer(200, {"data": _document(store, row)})


def delete(state: State, call: Call) -> Answer:
    """Delete a row; the second time there is none."""
    datastore_id(call)
    check_body(_DELETE, call)
    store = find(state, call, "contributor")
    key = call.body["data"]["attributes"]["item_key"]
    (row,) = _existing(store, [key])
    del store.rows[key]
    return Answer(200, {"data": _reference(row)})


def delete_many(state: State, call: Call) -> Answer:
    """Delete a batch of rows, or none of them when a key is unknown."""
    datastore_id(call)
    check_body(_DELETE_MANY, call)
    store = find(state, call, "contributor")
    keys = call.body["data"]["attributes"].get("item_keys")
    if not keys:
        raise Refusal(400, error(400, "missing required field", "at least one item key is required"))
    if len(set(keys)) < len(keys):
        raise Refusal(400, style(400, "an item key is given more than once", "/data/attributes"))
    rows = _existing(store, keys)
    for key in keys:
        del store.rows[key]
    return Answer(200, {"data": [_reference(row) for row in rows]})


def list_rows(state: State, call: Call) -> Answer:
    """Return a page of rows: the one of a key, those that a filter finds, or all of them."""
    store = find(state, call, "viewer")
    limit = page_number(call, "page[limit]", DEFAULT_LIMIT, 1, style)
    offset = page_number(call, "page[offset]", 0, 0, style)
    if {"item_key", "filter"} <= set(call.query):
        raise _wrong_parameter("item_key", "item_key and filter cannot be used together")
    if not 0 < len(call.query.get("item_key", "x")) <= MAX_KEY:
        raise _wrong_parameter("item_key", f"item_key must have 1 to {MAX_KEY} characters")
    terms = _terms(call.query["filter"]) if "filter" in call.query else []
    # Ids are random: without "sort" the order is not that of creation.
    found = sorted(store.rows.values(), key=lambda row: row.id)
    if "item_key" in call.query:
        found = [row for row in found if row is store.rows.get(call.query["item_key"])]
    found = [row for row in found if all(row.value.get(name) == text for name, text in terms)]
    found = _sorted(store, found, call)
    rows = found[offset : offset + limit]
    meta = {
        "page": {
            "totalCount": len(store.rows),
            "totalFilteredCount": len(found),
            "hasMore": offset + len(rows) < len(found),
        },
        "schema": {"primary_key": store.primary_column_name, "fields": _fields(store)},
    }
    return Answer(200, {"data": [_document(store, row) for row in rows], "meta": meta})


def _keyed(store: Datastore, value: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a row's key and its columns; a store may make keys of its own."""
    column = store.primary_column_name
    made = store.primary_key_generation_strategy == "uuid"
    if column not in value:
        if not made:
            raise Refusal(400, error(400, NO_KEY, f'primary column "{column}" is missing'))
        value = {**value, column: str(uuid.uuid4())}
        return value[column], _checked(value)
    key = value[column]
    # Numbers as keys have not been seen.
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY:
        detail = f'primary column "{column}" must be a string of 1 to {MAX_KEY} characters'
        raise Refusal(400, error(400, NO_KEY, detail))
    if made and key not in store.rows:
        raise Refusal(400, error(400, NO_KEY, "the keys of this datastore are generated"))
    return key, _checked(value)


def _checked(value: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a row as they come back: in alphabetical order, also within."""
    for name in value:
        check_column_name(name, "invalid column name")
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, sort_keys=True)
        size = len(text.encode("utf-8"))
    except ValueError:
        detail = "an item has a number or a string that cannot be stored"
        raise Refusal(400, error(400, "invalid item", detail)) from None
    if size > MAX_ROW_BYTES:
        detail = f"an item must not be larger than {MAX_ROW_BYTES} bytes"
        raise Refusal(400, error(400, "item too large", detail))
    checked: dict[str, Any] = json.loads(text)
    return checked


def _put(store: Datastore, key: str, value: dict[str, Any], moment: datetime) -> None:
    """Create a row, or give the one of this key other columns.

    Whether the rows of a batch are created at the same time is not known.
    """
    if key in store.rows:
        store.rows[key].change(value)
    else:
        store.rows[key] = Row(value, created_at=moment)


def _existing(store: Datastore, keys: list[str]) -> list[Row]:
    missing = [key for key in keys if key not in store.rows]
    if missing:
        # Never seen: Datadog may as well answer 200.
        detail = f"failed to find items with keys {', '.join(missing)}"
        raise Refusal(404, error(404, "item not found", detail))
    return [store.rows[key] for key in keys]


def _terms(query: str) -> list[tuple[str, str]]:
    """Return the terms of a filter: ``name:value``, all of which must fit exactly.

    Datadog takes the whole language of its log search. The rest of it is refused here.
    """
    terms = []
    for term in query.split():
        found = re.fullmatch(r'@?([A-Za-z_][A-Za-z0-9_]*):("?)([^\s"*?:()\[\]{}<>=!~\\]+)\2', term)
        if found is None:
            raise _wrong_parameter("filter", "only name:value is emulated")
        terms.append((found[1], found[3]))
    return terms


def _sorted(store: Datastore, rows: list[Row], call: Call) -> list[Row]:
    sort = call.query.get("sort")
    if sort is None:
        return rows
    name = sort[1:] if sort.startswith("-") else sort
    times = ("created_at", "modified_at")
    if name not in (*times, *(field["name"] for field in _fields(store))):
        raise _wrong_parameter("sort", "sort must be created_at, modified_at or a column")

    def place(row: Row) -> Any:
        # Columns as text: how Datadog sorts one of several types is not known.
        return getattr(row, name) if name in times else json.dumps(row.value.get(name))

    # The order of equal rows is another one every time.
    return sorted(random.sample(rows, len(rows)), key=place, reverse=sort.startswith("-"))


def _wrong_parameter(name: str, detail: str) -> Refusal:
    return Refusal(400, error(400, "invalid query parameter", detail, parameter=name))


def _fields(store: Datastore) -> list[dict[str, str]]:
    """Return the columns: the primary one is a string, all others are whatever they are."""
    primary = store.primary_column_name
    names = {name for row in store.rows.values() for name in row.value} - {primary}
    others = [{"name": name, "type": "JSON"} for name in sorted(names)]
    return [{"name": primary, "type": "STRING"}, *others]


def _reference(row: Row) -> dict[str, Any]:
    return {"id": row.id, "type": "items"}


def _document(store: Datastore, row: Row) -> dict[str, Any]:
    attributes = {
        "created_at": timestamp(row.created_at),
        "modified_at": timestamp(row.modified_at),
        "org_id": ORG_ID,
        "primary_column_name": store.primary_column_name,
        "signature": json.dumps({"signature": row.signature, "version": 1}),
        "store_id": store.id,
        "value": row.value,
    }
    return {**_reference(row), "attributes": attributes}


def endpoints() -> Iterator[Endpoint]:
    """Return the endpoints of this API."""
    one, many = ONE + "/items", ONE + "/items/bulk"
    right = "apps_datastore_write"
    yield Endpoint(
        "GET",
        one,
        list_rows,
        style,
        "apps_datastore_read",
        parameters=frozenset({"filter", "item_key", "page[limit]", "page[offset]", "sort"}),
    )
    yield Endpoint("PATCH", one, update, style, right, takes_body=True)
    yield Endpoint("DELETE", one, delete, style, right, takes_body=True)
    yield Endpoint("POST", many, write, style, right, takes_body=True)
    yield Endpoint("DELETE", many, delete_many, style, right, takes_body=True)
