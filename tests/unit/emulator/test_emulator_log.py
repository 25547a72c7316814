# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The request log, and that no secret is ever in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.catalogue import (
    CATALOGUE,
    Credentials,
)
from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    Emulator,
    running_emulator,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    CONNECTIONS,
    TEAM_CONNECTIONS,
    TEAMS,
    connection,
    create,
    create_team,
    integration,
    kind,
    link,
)

BLANK = "<secret>"


def test_an_entry(emulator: Emulator) -> None:
    emulator.settings(list=True)
    team = create_team(emulator, "platform")
    emulator.clear()
    body = {"data": [link(team)]}
    headers = {"DD-API-KEY": "top-1", "DD-APPLICATION-KEY": "top-2", "X-Other": "kept"}
    emulator.call("POST", TEAM_CONNECTIONS, body, headers)
    emulator.call("GET", f"{CONNECTIONS}?filter[tags]=a:b&filter[tags]=c:d&page[size]=5")
    first, second = emulator.requests()
    received = first.pop("headers")
    assert first == {
        "number": 1,
        "method": "POST",
        "path": TEAM_CONNECTIONS,
        "query": {},
        "body": body,
        "status": 201,
        "fault": None,
    }
    assert received["dd-api-key"] == received["dd-application-key"] == BLANK
    assert received["x-other"] == "kept"
    assert received["content-type"] == "application/json"
    assert second["number"] == 2
    assert second["query"] == {"filter[tags]": ["a:b", "c:d"], "page[size]": ["5"]}
    assert second["body"] is None
    assert second["status"] == 200


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.type)
def test_no_secret_of_any_kind(emulator: Emulator, entry: Credentials) -> None:
    sample = connection(integration(entry))
    connection_id = create(emulator, entry.type)
    emulator.call("PATCH", f"{CONNECTIONS}/{connection_id}", sample)
    posted, patched = emulator.requests()
    for logged in (posted, patched):
        assert "secret-" not in json.dumps(logged)
        seen = logged["body"]["data"]["attributes"]["integration"]
        expected = integration(entry)
        expected["credentials"].update(dict.fromkeys(entry.secrets, BLANK))
        for token in expected["credentials"].get("tokens", []):
            token["value"] = BLANK
        assert seen == expected


def test_empty_secrets_are_told_from_others(emulator: Emulator) -> None:
    sample = integration(kind("ConfigCatSDKKey"))
    sample["credentials"]["sdk_key"] = ""
    emulator.call("POST", CONNECTIONS, connection(sample))
    (entry,) = emulator.requests()
    logged = entry["body"]["data"]["attributes"]["integration"]["credentials"]
    assert logged["sdk_key"] == ""
    assert logged["api_password"] == BLANK
    assert logged["api_username"] == "api_username"


@pytest.mark.parametrize(
    "body",
    [
        b"top-secret",
        b'{"api_token": "top-secret"',
        {"api_token": "top-secret"},
        [{"password": ["top-secret"]}],
        {"credentials": ["top-secret"]},
        {"credentials": {"api_tokn": "top-secret"}},
        {"credentials": {"headers": [{"api_key": "top-secret"}]}},
        {"credentials": {"tokens": ["top-secret"]}},
        {"credentials": {"tokens": [{"value": ["top-secret"], "name": "n"}]}},
        {"tokens": [[{"vale": "top-secret"}]]},
    ],
    ids=str,
)
def test_no_secret_of_a_wrong_body(emulator: Emulator, body: Any) -> None:
    assert emulator.call("POST", CONNECTIONS, body).status == 400
    (entry,) = emulator.requests()
    assert entry["body"] is not None
    assert "top-secret" not in json.dumps(entry)


def test_no_credentials(emulator: Emulator) -> None:
    headers = {"Authorization": "Bearer top-secret", "Proxy-Authorization": "top-secret"}
    emulator.call("GET", f"{TEAMS}?api_key=top-secret&application_key=top-secret", headers=headers)
    emulator.settings(api_key=["top-secret"], app_key=["top-secret"], access_token=["top-secret"])
    shown = json.dumps([emulator.requests(), emulator.settings(), emulator.state()])
    assert "top-secret" not in shown
    (entry,) = emulator.requests()
    assert entry["headers"]["authorization"] == BLANK
    assert entry["query"] == {"api_key": [BLANK], "application_key": [BLANK]}


def test_log_file(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text('{"kept": true}\n')
    with running_emulator("--log", str(path)) as emulator:
        create(emulator, "OktaAPIToken")
        emulator.call("GET", TEAMS)
        entries = emulator.requests()
        emulator.clear()
        lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [{"kept": True}, *entries]
    assert "secret-api_token" not in path.read_text()
