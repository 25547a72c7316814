# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that are short, that are ordinary words, or that other secrets begin with."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.conftest import Server
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    FileBackend,
    RegistryRunner,
)

NAME = "GitLab of the datadog team"


@pytest.fixture
def backend(file_backend: FileBackend) -> FileBackend:
    return file_backend


def task(secret: str) -> dict[str, t.Any]:
    return {"name": NAME, "gitlab": {"api_key": {"api_token": secret}}}


@pytest.mark.parametrize("secret", ["a", "c", "1", "-", "no", "abc"])
def test_short_ones_leave_the_result_as_it_is(runner: RegistryRunner, secret: str) -> None:
    created = runner.run(**task(secret))
    assert "*" not in created["raw"]
    [connection_id] = runner.existing()
    assert created["connection_id"] == created["connection"]["connection_id"] == connection_id
    assert "gitlab" not in created["invocation"]["module_args"]
    again = runner.run(**task(secret), connection_id=created["connection_id"])
    assert (again["changed"], again["operation"]) == (False, "none")


def test_short_ones_are_hidden_in_what_datadog_says(runner: RegistryRunner, server: Server) -> None:
    server.answers["GET"] = (200, {"data": [], "meta": {"total_filtered": 0}})
    server.answers["POST"] = (400, {"errors": ["xyz is no key"]})
    result = runner.datadog.connection(**task("xyz"), api_url=server.url)
    assert "******** is no key" in result["msg"] and "xyz" not in result["raw"]


@pytest.mark.parametrize("secret", ["a", "no", "GitLab", "datadog", "none", "present", NAME])
def test_the_task_does_what_it_does_with_others(runner: RegistryRunner, secret: str) -> None:
    created = runner.run(**task(secret))
    assert runner.backend.ids() == {NAME: created["connection_id"]}
    assert runner.datadog.emulator.holds_secret(created["connection_id"], "api_token", secret)
    again = runner.run(**task(secret))
    assert (again["changed"], again["connection_id"]) == (False, created["connection_id"])


def test_a_name_that_was_hidden_in_a_result_is_refused(runner: RegistryRunner) -> None:
    """Whoever goes on with a result must not lose or create a connection by a masked name."""
    shown = runner.run(**task(NAME))["connection"]["name"]
    assert shown != NAME
    for options in (task("another"), {"name": shown, "state": "absent"}):
        result = runner.run(**{**options, "name": shown})
        assert result["failed"] and result["msg"].startswith("name ")
    assert len(runner.existing()) == 1


@pytest.mark.parametrize("secret", ["datadog", "service_account", "connection"])
def test_words_of_option_names_are_shown(runner: RegistryRunner, secret: str) -> None:
    """They are no secrets by themselves, and results would be useless without them."""
    name = f"The {secret} of somebody"
    created = runner.run(**{**task(secret), "name": name})
    assert created["connection"]["name"] == name
    assert runner.run(name=name, state="absent")["operation"] == "delete"


def test_one_that_another_begins_with(runner: RegistryRunner, server: Server) -> None:
    """Before ansible-core 2.19, which one Ansible hides first depends on the hashes of this process."""
    server.answers["GET"] = (200, {"data": [], "meta": {"total_filtered": 0}})
    for number in range(20):
        short = f"{number}-hunter2"
        long = f"{short}-and-the-rest"
        server.answers["POST"] = (400, {"errors": [f"{long} is no key"]})
        secrets = {"api_username": "me", "api_password": short, "sdk_key": long}
        result = runner.datadog.connection(name="ConfigCat", configcat={"sdk_key": secrets}, api_url=server.url)
        assert "is no key" in result["msg"]
        assert "and-the-rest" not in result["raw"]


@pytest.mark.parametrize(
    "where, name",
    [("tokens", "hunter-2"), ("headers", "hunter 2"), ("url_parameters", "hunter 2")],
)
def test_one_in_the_place_of_a_name(runner: RegistryRunner, where: str, name: str) -> None:
    http = {"base_url": "https://example.com", "token_auth": {where: [{"name": name}]}}
    result = runner.run(name="HTTP", http=http)
    assert result["failed"] and "hunter" not in result["raw"] + result["logged"]
