# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registrations of application keys: ``/api/v2/actions/app_key_registrations``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .answers import Answer, Refusal, titled_error
from .auth import app_key_id
from .endpoint import PAGING, Call, Endpoint, is_uuid, page

if TYPE_CHECKING:
    from .state import State

PATH = "/api/v2/actions/app_key_registrations"
DEFAULT_PAGE_SIZE = 50


def register(state: State, call: Call) -> Answer:
    """Register an application key by its id; once more is no error.

    Which keys exist is known where only some are accepted, or some are said not to exist.
    """
    key_id = _key_id(call)
    known = {app_key_id(key) for key in state.settings.app_key}
    if key_id in state.settings.unknown_app_key or (known and key_id not in known):
        raise Refusal(500, {"detail": "unexpected app key registration error"})
    # A key that was registered before is not refused again.
    state.app_key_registrations.setdefault(key_id, time.monotonic())
    return Answer(201, {"data": _row(key_id)})


def get(state: State, call: Call) -> Answer:
    """Return one registration."""
    return Answer(200, {"data": _row(_registered(state, call))})


def unregister(state: State, call: Call) -> Answer:
    """Take a registration back; the second time there is none."""
    del state.app_key_registrations[_registered(state, call)]
    return Answer(204)


def list_registrations(state: State, call: Call) -> Answer:
    """Return a page of registrations."""
    number, size = page(call, DEFAULT_PAGE_SIZE, titled_error)
    found = sorted(state.app_key_registrations)
    rows = [_row(key_id) for key_id in found[number * size : (number + 1) * size]]
    total = len(found) + state.settings.hidden_rows
    meta = {"total": total, "total_filtered": total}
    return Answer(200, {"data": rows, "meta": meta})


def _row(key_id: str) -> dict[str, Any]:
    return {"id": key_id, "type": "app_key_registration"}


def _key_id(call: Call) -> str:
    key_id = call.path["app_key_id"]
    if not is_uuid(key_id):
        error = titled_error(400, 'invalid parameter "appKeyId" in "path"; expected type "uuid"')
        raise Refusal(400, {**error, "title": "Invalid Parameter"})
    return key_id.lower()


def _registered(state: State, call: Call) -> str:
    key_id = _key_id(call)
    if key_id not in state.app_key_registrations:
        raise Refusal(404, {"detail": "app key not found"})
    return key_id


def endpoints() -> Iterator[Endpoint]:
    """Return the endpoints of this API."""
    one = PATH + "/{app_key_id:[^/]+}"
    read = "org_app_keys_read"
    write = "user_access_manage or user_app_keys or service_account_write"
    yield Endpoint("GET", PATH, list_registrations, titled_error, read, parameters=PAGING)
    yield Endpoint("GET", one, get, titled_error, read)
    yield Endpoint("PUT", one, register, titled_error, write)
    yield Endpoint("DELETE", one, unregister, titled_error, write)
