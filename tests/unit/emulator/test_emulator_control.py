# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings, state, secrets and reset: the control endpoints."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.settings import Settings
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
    create,
    create_datastore,
    create_team,
    link,
    rows,
)

DEFAULTS = Settings().shown()


def test_settings(emulator: Emulator) -> None:
    assert emulator.settings() == DEFAULTS
    changed = emulator.settings(no_list=403, deny=["teams_read"], rate_limit="5/2.5")
    expected = {**DEFAULTS, "no_list": 403, "deny": ["teams_read"], "rate_limit": "5/2.5"}
    assert changed == emulator.settings() == expected
    got = emulator.call("GET", "/_emulator/settings", headers={})
    assert got[::2] == (200, expected)
    emulator.settings(rate_limit=None)
    assert emulator.settings(no_list=404, deny=[]) == DEFAULTS


def test_settings_are_those_of_the_command_line() -> None:
    given = {
        "latency": 0.01,
        "lag": 0.5,
        "list": True,
        "no_list": 403,
        "brief_list": True,
        "tokens_as": "none",
        "plain_attributes": True,
        "api_key": ["a"],
        "app_key": ["b"],
        "unknown_app_key": [NOWHERE],
        "access_token": ["t"],
        "other_site": 401,
        "require_registration": True,
        "registration_lag": 0.5,
        "deny": ["teams_read", "teams_manage"],
        "delete_status": 202,
        "gone_status": 410,
        "hidden_rows": 3,
        "trim_names": True,
        "lower_case_teams": True,
        "one_link_per_team": True,
        "partial_batches": True,
        "datastore_rows": 7,
        "datastore_conflict": 409,
        "team": ["platform"],
        "org": NOWHERE,
        "rate_limit": "500/60",
    }
    assert given.keys() == DEFAULTS.keys()
    switches = []
    for name, value in given.items():
        for item in value if isinstance(value, list) else [value]:
            switches += [f"--{name.replace('_', '-')}"] + ([] if item is True else [str(item)])
    expected = {**given, **dict.fromkeys(("api_key", "app_key", "access_token"), ["<secret>"])}
    with running_emulator(*switches) as emulator:
        assert emulator.settings() == expected
        emulator.settings(list=False, latency=0, api_key=[])
        emulator.reset()
        assert emulator.settings() == expected


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {"nonsense": 1},
        {"latency": -1},
        {"latency": True},
        {"no_list": 200},
        {"list": 1},
        {"tokens_as": "secrets"},
        {"unknown_app_key": ["x"]},
        {"org": "x"},
        {"other_site": 404},
        {"delete_status": 200},
        {"gone_status": True},
        {"hidden_rows": -1},
        {"api_key": [""]},
        {"datastore_conflict": "409"},
        {"deny": ["everything"]},
        {"team": {}},
        {"rate_limit": "0/5"},
        {"rate_limit": "5/nan"},
        {"rate_limit": 5},
    ],
    ids=str,
)
def test_settings_that_are_refused(emulator: Emulator, wrong: Any) -> None:
    raw = json.dumps({**wrong, "list": wrong.get("list", True)} if wrong else wrong)
    reply = emulator.call("PUT", "/_emulator/settings", raw.encode(), headers={})
    assert reply.status == 400
    assert reply.body["error"]
    assert emulator.settings() == DEFAULTS


def test_control_requests_that_are_refused(emulator: Emulator) -> None:
    for method, path, body, status in (
        ("GET", "/_emulator/nonsense", None, 404),
        ("PATCH", "/_emulator/settings", {}, 405),
        ("PUT", "/_emulator/settings", b"{", 400),
        ("POST", "/_emulator/faults", b"[NaN]", 400),
        ("POST", "/_emulator/secret", None, 400),
        ("POST", "/_emulator/secret", {"connection_id": NOWHERE}, 400),
        ("POST", "/_emulator/secret", {"connection_id": 1, "path": "x", "value": "y"}, 400),
        ("POST", "/_emulator/secret", {"connection_id": NOWHERE, "path": "x", "value": "y"}, 404),
    ):
        assert emulator.call(method, path, body, headers={}).status == status


def test_state_and_reset(emulator: Emulator) -> None:
    one = create(emulator, "OktaAPIToken", name="one")
    team = create_team(emulator, "platform")
    emulator.call("POST", TEAM_CONNECTIONS, {"data": [link(team), link(team, "@Org/b")]})
    emulator.call("PUT", f"{REGISTRATIONS}/{NOWHERE}")
    store = create_datastore(emulator)
    create_datastore(emulator)
    emulator.call("POST", f"{store}/items/bulk", rows({"id": "a"}, {"id": "b"}, {"id": "c"}))
    emulator.add_fault("status", path="/nowhere")
    emulator.settings(list=True)
    row = {"id": one, "name": "one", "integration": "Okta", "secrets": ["api_token"]}
    assert emulator.state() == {
        "counts": {
            "action_connections": 1,
            "app_key_registrations": 1,
            "datastores": 2,
            "datastore_rows": 3,
            "teams": 1,
            "team_connections": 2,
            "policies": 0,
        },
        "action_connections": [row],
    }
    emulator.reset()
    assert set(emulator.state()["counts"].values()) == {0}
    assert emulator.state()["action_connections"] == []
    assert emulator.faults() == []
    assert emulator.requests() == []
    assert emulator.settings() == DEFAULTS
    emulator.settings(list=True)
    for path in (CONNECTIONS, REGISTRATIONS, DATASTORES, TEAMS, TEAM_CONNECTIONS):
        assert emulator.call("GET", path).body["data"] == []


def test_rate_limit(emulator: Emulator) -> None:
    emulator.settings(rate_limit="2/3600")
    first, second, third = (emulator.call("GET", TEAMS) for _number in range(3))
    assert [first.status, second.status, third.status] == [200, 200, 429]
    assert [reply.headers["x-ratelimit-remaining"] for reply in (first, second, third)] == [
        "1",
        "0",
        "0",
    ]
    for reply in (first, second, third):
        assert reply.headers["x-ratelimit-limit"] == "2"
        assert reply.headers["x-ratelimit-period"] == "3600"
        assert reply.headers["x-ratelimit-name"]
        assert 0 < int(reply.headers["x-ratelimit-reset"]) <= 3600
    assert list(third.body) == ["errors"]
    assert emulator.requests()[-1]["status"] == 429
    emulator.settings(rate_limit=None)
    assert "x-ratelimit-limit" not in emulator.call("GET", TEAMS).headers


def test_latency(emulator: Emulator) -> None:
    """The work is done at once, the answer comes later: a client that left finds it done."""
    emulator.settings(latency=3600)
    attributes = {"handle": "one", "name": "one"}
    raw = json.dumps({"data": {"type": "team", "attributes": attributes}}).encode()
    client = emulator.connection()
    client.timeout = 0.5
    headers = {"DD-API-KEY": "a", "DD-APPLICATION-KEY": "b", "Content-Type": "application/json"}
    client.request("POST", TEAMS, raw, headers)
    with pytest.raises(TimeoutError):
        client.getresponse()
    client.close()
    assert emulator.state()["counts"]["teams"] == 1
    (entry,) = emulator.requests()
    assert entry["status"] is None
    emulator.settings(latency=0)
    assert emulator.call("GET", TEAMS).status == 200
