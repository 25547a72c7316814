# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways in which a Datadog may be unhelpful: late, forgetful, tidy, or somebody else's."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    CREDENTIALS,
    Emulator,
    app_key_id,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    CONNECTIONS,
    DATASTORES,
    NOWHERE,
    REGISTRATIONS,
    TEAM_CONNECTIONS,
    TEAMS,
    change,
    create,
    create_datastore,
    create_team,
    link,
    unlink,
)


def seen_after(emulator: Emulator, path: str, status: int) -> float:
    """Return how long it takes until a GET is answered otherwise than with this status."""
    begin = time.monotonic()
    while emulator.call("GET", path).status == status:
        assert time.monotonic() < begin + 60
        time.sleep(0.02)
    return time.monotonic() - begin


def test_lag(emulator: Emulator) -> None:
    emulator.settings(lag=3600, list=True)
    hidden = create(emulator, name="hidden")
    emulator.settings(lag=0)
    create(emulator, name="seen")
    path = f"{CONNECTIONS}/{hidden}"
    gone = emulator.call("GET", path)
    assert gone[::2] == emulator.call("GET", f"{CONNECTIONS}/{NOWHERE}")[::2]
    listed = emulator.call("GET", CONNECTIONS).body
    assert [row["attributes"]["name"] for row in listed["data"]] == ["seen"]
    assert listed["meta"]["total"] == listed["meta"]["total_filtered"] == 1
    assert emulator.call("PATCH", path, change(name="x")).body["data"]["id"] == hidden
    assert emulator.call("GET", path).status == 404
    assert emulator.call("DELETE", path).status == 204
    assert emulator.call("DELETE", path).status == 404


def test_lag_ends(emulator: Emulator) -> None:
    emulator.settings(lag=0.4)
    assert seen_after(emulator, f"{CONNECTIONS}/{create(emulator)}", 404) > 0.2


def test_registration_lag(emulator: Emulator) -> None:
    emulator.settings(require_registration=True, registration_lag=0.4)
    own = f"{REGISTRATIONS}/{app_key_id(CREDENTIALS['DD-APPLICATION-KEY'])}"
    assert emulator.call("PUT", own).status == 201
    assert seen_after(emulator, f"{CONNECTIONS}/{NOWHERE}", 403) > 0.2
    # Once more is no new beginning.
    assert emulator.call("PUT", own).status == 201
    assert emulator.call("GET", f"{CONNECTIONS}/{NOWHERE}").status == 404


@pytest.mark.parametrize(("status", "text"), [(403, "Forbidden"), (401, "Unauthorized")])
def test_other_site(emulator: Emulator, status: int, text: str) -> None:
    emulator.settings(other_site=status)
    for path in (CONNECTIONS, f"{CONNECTIONS}/{NOWHERE}", TEAMS, "/api/v2/current_user"):
        for headers in (CREDENTIALS, {"Authorization": "Bearer x"}):
            reply = emulator.call("GET", path, headers=headers)
            assert reply[::2] == (status, {"errors": [text]})


def test_gateway(emulator: Emulator) -> None:
    path = f"{CONNECTIONS}/{create(emulator)}"
    emulator.gateway(404, method="GET", path="/connections/", times=2)
    assert emulator.call("PATCH", path, change(name="x")).status == 200
    for _time in range(2):
        reply = emulator.call("GET", path)
        assert reply.status == 404
        assert reply.headers["content-type"].startswith("text/html")
        assert reply.body.startswith(b"<html>")
    assert emulator.call("GET", path).status == 200
    emulator.gateway(403)
    assert emulator.call("DELETE", path).body.startswith(b"<html>")
    assert emulator.call("DELETE", path).status == 204


def test_other_statuses(emulator: Emulator) -> None:
    """Each path twice: what it deletes, and that it is gone."""
    emulator.settings(delete_status=202, gone_status=410)
    assert emulator.call("PUT", f"{REGISTRATIONS}/{NOWHERE}").status == 201
    team = create_team(emulator, "platform")
    for path in (
        f"{CONNECTIONS}/{create(emulator)}",
        f"{REGISTRATIONS}/{NOWHERE}",
        f"{TEAMS}/{team}",
    ):
        assert emulator.call("DELETE", path)[::2] == (202, None)
        gone = emulator.call("DELETE", path)
        assert gone.status == emulator.call("GET", path).status == 410
        assert gone.body["errors"]
    assert emulator.call("PATCH", f"{CONNECTIONS}/{NOWHERE}", change(name="x")).status == 410
    assert emulator.call("GET", f"{DATASTORES}/{NOWHERE}").status == 410
    # Nothing else: no list is not gone, and the 200 of datastores is no 204.
    assert emulator.call("GET", CONNECTIONS).status == 404
    assert emulator.call("DELETE", create_datastore(emulator)).status == 200


def test_hidden_rows(emulator: Emulator) -> None:
    emulator.settings(hidden_rows=2, list=True)
    create(emulator)
    emulator.call("PUT", f"{REGISTRATIONS}/{NOWHERE}")
    emulator.call("POST", TEAM_CONNECTIONS, {"data": [link(create_team(emulator, "a"))]})
    for path, way in (
        (CONNECTIONS, ["total_filtered"]),
        (REGISTRATIONS, ["total"]),
        (TEAM_CONNECTIONS, ["page", "total"]),
        (TEAMS, ["pagination", "total"]),
        ("/api/v2/users", ["page", "total_filtered_count"]),
    ):
        for number, rows in ((0, 1), (1, 0), (2, 0)):
            reply = emulator.call("GET", f"{path}?page[size]=1&page[number]={number}").body
            total = reply["meta"]
            for name in way:
                total = total[name]
            assert (len(reply["data"]), total) == (rows, 3)


def test_trimmed_names(emulator: Emulator) -> None:
    emulator.settings(trim_names=True)
    path = f"{CONNECTIONS}/{create(emulator, name=' Prod ')}"

    def name() -> Any:
        return emulator.call("GET", path).body["data"]["attributes"]["name"]

    assert name() == "Prod"
    assert emulator.call("PATCH", path, change(name="Test\t")).status == 200
    assert name() == "Test"


def test_connected_teams_in_lower_case(emulator: Emulator) -> None:
    emulator.settings(lower_case_teams=True, trim_names=True)
    team = create_team(emulator, "platform")
    body = {"data": [link(team, " @Acme/Platform")]}
    (row,) = emulator.call("POST", TEAM_CONNECTIONS, body).body["data"]
    assert row["relationships"]["connected_team"]["data"]["id"] == "@acme/platform"
    assert emulator.call("POST", TEAM_CONNECTIONS, body).status == 409
    for wanted, rows in (("@Acme/Platform", []), ("@acme/platform", [row])):
        query = f"?filter[connected_team_ids]={wanted}"
        assert emulator.call("GET", TEAM_CONNECTIONS + query).body["data"] == rows
    assert emulator.call("DELETE", TEAM_CONNECTIONS, unlink(row["id"])).status == 204
