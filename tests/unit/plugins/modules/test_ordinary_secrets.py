# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that are short, that are ordinary words, or that other secrets begin with."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.conftest import Server
from ansible_collections.tidyops.datadog.tests.unit.keeper import (
    FileHome,
    Keeper,
)

NAME = "GitLab of the datadog team"


@pytest.fixture
def home(file_home: FileHome) -> FileHome:
    return file_home


def task(secret: str) -> dict[str, t.Any]:
    return {"name": NAME, "gitlab": {"api_key": {"api_token": secret}}}


@pytest.mark.parametrize("secret", ["a", "c", "1", "-", "no", "abc"])
def test_short_ones_leave_the_result_as_it_is(keeper: Keeper, secret: str) -> None:
    made = keeper.run(**task(secret))
    assert "*" not in made["raw"]
    [connection_id] = keeper.there()
    assert made["connection_id"] == made["connection"]["connection_id"] == connection_id
    assert made["invocation"]["module_args"]["gitlab"]["api_key"]["api_token"] == "VALUE_HIDDEN"
    again = keeper.run(**task(secret), connection_id=made["connection_id"])
    assert (again["changed"], again["operation"]) == (False, "none")


def test_short_ones_are_hidden_in_what_datadog_says(keeper: Keeper, server: Server) -> None:
    server.answers["GET"] = (200, {"data": [], "meta": {"total_filtered": 0}})
    server.answers["POST"] = (400, {"errors": ["xyz is no key"]})
    result = keeper.run(**task("xyz"), api_url=server.url)
    assert "******** is no key" in result["msg"] and "xyz" not in result["raw"]


@pytest.mark.parametrize("secret", ["a", "no", "GitLab", "datadog", "none", "present", NAME])
def test_the_task_does_what_it_does_with_others(keeper: Keeper, secret: str) -> None:
    made = keeper.run(**task(secret))
    assert keeper.home.ids() == {NAME: made["connection_id"]}
    assert keeper.datadog.emulator.holds_secret(made["connection_id"], "api_token", secret)
    again = keeper.run(**task(secret))
    assert (again["changed"], again["connection_id"]) == (False, made["connection_id"])


@pytest.mark.parametrize("secret", ["datadog", NAME])
def test_a_name_that_was_hidden_in_a_result_is_refused(keeper: Keeper, secret: str) -> None:
    shown = keeper.run(**task(secret))["connection"]["name"]
    assert shown != NAME
    for options in (task("another"), {"name": shown, "state": "absent"}):
        result = keeper.run(**{**options, "name": shown})
        assert result["failed"] and "name holds what Ansible shows" in result["msg"]
    assert len(keeper.there()) == 1
    rows = keeper.datadog.connections({**task("another"), "name": shown})
    assert rows["failed"] and "connections[0].name" in rows["msg"]


def test_one_that_another_begins_with(keeper: Keeper, server: Server) -> None:
    """Before ansible-core 2.19, which one Ansible hides first depends on the hashes of this process."""
    server.answers["GET"] = (200, {"data": [], "meta": {"total_filtered": 0}})
    for number in range(20):
        short = f"{number}-hunter2"
        long = f"{short}-and-the-rest"
        server.answers["POST"] = (400, {"errors": [f"{long} is no key"]})
        secrets = {"api_username": "me", "api_password": short, "sdk_key": long}
        result = keeper.run(name="ConfigCat", configcat={"sdk_key": secrets}, api_url=server.url)
        assert "is no key" in result["msg"]
        assert "and-the-rest" not in result["raw"]


@pytest.mark.parametrize(
    "where, name",
    [("tokens", "hunter-2"), ("headers", "hunter 2"), ("url_parameters", "hunter 2")],
)
def test_one_in_the_place_of_a_name(keeper: Keeper, where: str, name: str) -> None:
    http = {"base_url": "https://example.com", "token_auth": {where: [{"name": name}]}}
    result = keeper.run(name="HTTP", http=http)
    assert result["failed"] and "hunter" not in result["raw"] + result["logged"]
