# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials and permissions."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    Emulator,
    running_emulator,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    CONNECTIONS,
    DATASTORES,
    NOWHERE,
    REGISTRATIONS,
    TEAM_CONNECTIONS,
    TEAMS,
)

EVERYTHING: list[tuple[str, str, Any, str]] = [
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
    ("GET", "/api/v2/restriction_policy/dashboard:x", None, ""),
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
FORBIDDEN = (403, {"errors": ["Forbidden"]})
UNAUTHORIZED = (401, {"errors": ["Unauthorized"]})


def keys(api_key: str = "a", app_key: str = "b") -> dict[str, str]:
    return {"DD-API-KEY": api_key, "DD-APPLICATION-KEY": app_key}


def bearer(token: str = "t") -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(("method", "path", "body", "permission"), EVERYTHING)
def test_credentials_are_needed(
    emulator: Emulator, method: str, path: str, body: Any, permission: str
) -> None:
    incomplete: list[dict[str, str]] = [{}, keys("", ""), keys("a", ""), keys("", "b")]
    incomplete += [{"DD-API-KEY": "a"}, {"DD-APPLICATION-KEY": "b"}, keys("é", "b")]
    for headers in incomplete:
        encoded = {name: value.encode() for name, value in headers.items()}
        assert emulator.call(method, path, body, encoded)[::2] == FORBIDDEN  # type: ignore[arg-type]
    basic = {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}
    wrong: list[dict[str, str]] = [bearer(""), {"Authorization": "t"}, basic, {**keys(), **basic}]
    for headers in wrong:
        assert emulator.call(method, path, body, headers)[::2] == UNAUTHORIZED
    for headers in (keys(), bearer(), {**keys(), **bearer()}, {"authorization": "bearer t"}):
        assert emulator.call(method, path, body, headers).status not in (401, 403)


@pytest.mark.parametrize(("method", "path", "body", "permission"), EVERYTHING)
def test_permissions(
    emulator: Emulator, method: str, path: str, body: Any, permission: str
) -> None:
    permissions = {right for *_call, right in EVERYTHING if right}
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
            assert error["title"] == "Forbidden"
            assert error["status"] == "403"
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


def test_accepted_api_keys_alone(emulator: Emulator) -> None:
    emulator.settings(api_key=["a1"])
    assert status(emulator, keys("a1", "any")) == 200
    assert status(emulator, keys("a2", "any")) == 403


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
