# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registrations of application keys, and what an unregistered key may not do."""

from __future__ import annotations

import uuid
from typing import Any

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    CREDENTIALS,
    Emulator,
    app_key_id,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    CONNECTIONS,
    NOWHERE,
    REGISTRATIONS,
    TEAMS,
)

NOT_FOUND = {"errors": [{"detail": "app key not found"}]}
UNKNOWN = {"errors": [{"detail": "unexpected app key registration error"}]}
NO_UUID = {
    "errors": [
        {
            "status": "400",
            "title": "Invalid Parameter",
            "detail": 'invalid parameter "appKeyId" in "path"; expected type "uuid"',
        }
    ]
}


def test_life_of_a_registration(emulator: Emulator) -> None:
    path = f"{REGISTRATIONS}/{NOWHERE}"
    document = {"data": {"id": NOWHERE, "type": "app_key_registration"}}
    assert emulator.call("GET", path)[::2] == (404, NOT_FOUND)
    assert emulator.call("DELETE", path)[::2] == (404, NOT_FOUND)
    created = emulator.call("PUT", path)
    assert created[::2] == (201, document)
    assert created.headers["content-type"] == "application/vnd.api+json"
    assert emulator.call("GET", path)[::2] == (200, document)
    assert emulator.call("PUT", path)[::2] == (201, document)
    assert emulator.call("DELETE", path)[::2] == (204, None)
    assert emulator.call("GET", path)[::2] == (404, NOT_FOUND)
    assert emulator.call("DELETE", path)[::2] == (404, NOT_FOUND)


def test_not_a_uuid(emulator: Emulator) -> None:
    for method in ("GET", "PUT", "DELETE"):
        for wrong in ("not_valid_app_key_id", NOWHERE[1:], f"{NOWHERE}0"):
            reply = emulator.call(method, f"{REGISTRATIONS}/{wrong}")
            assert reply[::2] == (400, NO_UUID)


def test_upper_case_is_the_same_id(emulator: Emulator) -> None:
    key_id = app_key_id("x")
    assert emulator.call("PUT", f"{REGISTRATIONS}/{key_id.upper()}").body["data"]["id"] == key_id
    assert emulator.call("GET", f"{REGISTRATIONS}/{key_id}").status == 200


def test_list(emulator: Emulator) -> None:
    assert emulator.call("GET", REGISTRATIONS).body == {
        "data": [],
        "meta": {"total": 0, "total_filtered": 0},
    }
    ids = {str(uuid.uuid4()) for _number in range(60)}
    for key_id in ids:
        emulator.call("PUT", f"{REGISTRATIONS}/{key_id}")
    found: set[str] = set()
    for number, rows in ((0, 25), (1, 25), (2, 10), (3, 0)):
        reply = emulator.call("GET", f"{REGISTRATIONS}?page[size]=25&page[number]={number}")
        assert reply.body["meta"] == {"total": 60, "total_filtered": 60}
        assert len(reply.body["data"]) == rows
        assert all(row["type"] == "app_key_registration" for row in reply.body["data"])
        found |= {row["id"] for row in reply.body["data"]}
    assert found == ids
    assert len(emulator.call("GET", REGISTRATIONS).body["data"]) == 50
    for wrong in ("page[size]=0", "page[size]=101", "page[number]=-1", "filter[id]=x"):
        reply = emulator.call("GET", f"{REGISTRATIONS}?{wrong}")
        assert reply.status == 400
        assert reply.body["errors"][0]["status"] == "400"


def test_registration_required(emulator: Emulator) -> None:
    emulator.settings(require_registration=True, list=True)
    requests: list[tuple[str, str, Any]] = [
        ("POST", CONNECTIONS, {}),
        ("GET", CONNECTIONS, None),
        ("GET", f"{CONNECTIONS}/{NOWHERE}", None),
        ("PATCH", f"{CONNECTIONS}/{NOWHERE}", {}),
        ("DELETE", f"{CONNECTIONS}/{NOWHERE}", None),
    ]
    for method, path, body in requests:
        reply = emulator.call(method, path, body)
        assert reply.status == 403
        (error,) = reply.body["errors"]
        assert error["title"] == "Generic Error"
        assert "not registered" in error["detail"]
        # An access token is no application key.
        token = {"Authorization": "Bearer token"}
        assert emulator.call(method, path, body, token).status != 403
    assert emulator.call("GET", TEAMS).status == 200

    emulator.call("PUT", f"{REGISTRATIONS}/{app_key_id('other')}")
    assert emulator.call("GET", CONNECTIONS).status == 403
    own = f"{REGISTRATIONS}/{app_key_id(CREDENTIALS['DD-APPLICATION-KEY'])}"
    assert emulator.call("PUT", own).status == 201
    assert emulator.call("GET", CONNECTIONS).status == 200
    assert emulator.call("DELETE", own).status == 204
    assert emulator.call("GET", CONNECTIONS).status == 403


def test_only_keys_that_exist_can_be_registered(emulator: Emulator) -> None:
    """With a list of accepted keys, or of unknown ones, the emulator knows which there are."""
    emulator.settings(app_key=[CREDENTIALS["DD-APPLICATION-KEY"], "second"])
    second = f"{REGISTRATIONS}/{app_key_id('second')}"
    assert emulator.call("PUT", f"{REGISTRATIONS}/{NOWHERE}")[::2] == (500, UNKNOWN)
    assert emulator.call("PUT", second).status == 201
    emulator.settings(unknown_app_key=[app_key_id("second").upper()])
    assert emulator.call("PUT", second)[::2] == (500, UNKNOWN)
