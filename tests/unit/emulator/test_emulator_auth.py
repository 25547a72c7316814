# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials, permissions and the registration of application keys."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    CREDENTIALS,
    Emulator,
    app_key_id,
    running_emulator,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    CONNECTIONS,
    DATASTORES,
    ENDPOINTS,
    NOWHERE,
    REGISTRATIONS,
    TEAM_CONNECTIONS,
    TEAMS,
)

FORBIDDEN = (403, {"errors": ["Forbidden"]})
UNAUTHORIZED = (401, {"errors": ["Unauthorized"]})


def keys(api_key: str = "a", app_key: str = "b") -> dict[str, str]:
    return {"DD-API-KEY": api_key, "DD-APPLICATION-KEY": app_key}


def bearer(token: str = "t") -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(("method", "path", "body", "permission"), ENDPOINTS)
def test_credentials_and_permissions(emulator: Emulator, method: str, path: str, body: Any, permission: str) -> None:
    for headers in ({}, keys("a", ""), {"DD-APPLICATION-KEY": "b"}):
        assert emulator.call(method, path, body, headers)[::2] == FORBIDDEN
    basic = {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}
    for headers in (bearer(""), {"Authorization": "t"}, {**keys(), **basic}):
        assert emulator.call(method, path, body, headers)[::2] == UNAUTHORIZED
    for headers in (keys(), {**keys(), **bearer()}, {"authorization": "bearer t"}):
        assert emulator.call(method, path, body, headers).status not in (401, 403)
    permissions = {right for *_call, right in ENDPOINTS if right}
    emulator.settings(deny=sorted(permissions - {permission}))
    assert emulator.call(method, path, body).status != 403
    if permission:
        emulator.settings(deny=[permission])
        reply = emulator.call(method, path, body)
        assert reply.status == 403
        (error,) = reply.body["errors"]
        assert permission in str(error)
        if path.startswith(CONNECTIONS):
            assert set(error) == {"title", "detail"}
            assert error["title"] == "Generic Error"
        elif path.startswith((TEAM_CONNECTIONS, DATASTORES, REGISTRATIONS)):
            assert (error["title"], error["status"]) == ("Forbidden", "403")
        else:
            assert isinstance(error, str)


def test_one_of_several_permissions(emulator: Emulator) -> None:
    write = ["user_access_manage", "user_app_keys", "service_account_write"]
    for method in ("PUT", "DELETE"):
        for denied in (write[1:], write[:2]):
            emulator.settings(deny=denied)
            assert emulator.call(method, f"{REGISTRATIONS}/{NOWHERE}").status != 403
        emulator.settings(deny=write)
        assert emulator.call(method, f"{REGISTRATIONS}/{NOWHERE}").status == 403


def status(emulator: Emulator, headers: dict[str, str]) -> int:
    return emulator.call("GET", TEAMS, headers=headers).status


def test_accepted_keys() -> None:
    """A limit on keys shuts out access tokens as well."""
    switches = ("--api-key", "a1", "--api-key", "a2", "--app-key", "b1")
    with running_emulator(*switches) as emulator:
        assert status(emulator, keys("a1", "b1")) == status(emulator, keys("a2", "b1")) == 200
        assert status(emulator, keys("a3", "b1")) == status(emulator, keys("a1", "b2")) == 403
        assert status(emulator, keys("b1", "a1")) == 403
        assert status(emulator, bearer("a1")) == 401


def test_accepted_access_tokens() -> None:
    """A limit on access tokens shuts out keys as well."""
    with running_emulator("--access-token", "t1", "--access-token", "t2") as emulator:
        assert status(emulator, bearer("t1")) == status(emulator, bearer("t2")) == 200
        assert status(emulator, bearer("t3")) == 401
        assert status(emulator, keys()) == 403
        assert status(emulator, {**keys(), **bearer("t1")}) == 200
        emulator.settings(app_key=["b"])
        assert status(emulator, keys()) == status(emulator, bearer("t1")) == 200
        assert status(emulator, {**keys(), **bearer("t3")}) == 401


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
