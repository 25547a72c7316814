# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Identifier tags of action connections: compared as a set, written as a whole list."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.examples import example
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    FileBackend,
    RegistryRunner,
)

PATH = "/api/v2/actions/connections"
AWS = example("aws.assume_role")
TAGS = ["env:prod", "account_id:123456789012"]


@pytest.fixture
def backend(file_backend: FileBackend) -> FileBackend:
    return file_backend


def tags_in_datadog(datadog: Datadog, connection_id: str) -> list[str]:
    data = datadog.emulator.call("GET", f"{PATH}/{connection_id}").body["data"]
    found: list[str] = data["attributes"].get("tags", [])
    return found


@pytest.mark.usefixtures("unlisted")
def test_tags_come_and_change_and_are_removed(runner: RegistryRunner) -> None:
    created = runner.predict_and_run(**AWS, tags=TAGS)
    connection_id = created["connection_id"]
    assert created["connection"]["tags"] == created["diff"]["after"]["tags"] == TAGS
    for same in (TAGS, TAGS[::-1], None):
        assert runner.run_unchanged(**AWS, tags=same)["connection"]["tags"] == TAGS
    before = TAGS
    for tags in (["env:test", "team:a/b-c"], ["env:test"], []):
        runner.datadog.emulator.clear()
        predicted = runner.run(**AWS, tags=tags, check_mode=True)
        result = runner.predict_and_run(**AWS, tags=tags)
        assert result["operation"] == "update"
        assert result["diff"]["before"]["tags"] == before
        # As where a connection has none to begin with.
        assert result["diff"]["after"].get("tags", []) == tags
        assert result["connection"]["tags"] == predicted["connection"]["tags"] == tags
        [request] = runner.datadog.writes()
        assert request["body"]["data"]["attributes"] == {"tags": tags}
        assert tags_in_datadog(runner.datadog, connection_id) == tags
        runner.run_unchanged(**AWS, tags=tags)
        before = tags
    runner.run_unchanged(**AWS)


def test_other_changes_leave_them_alone(datadog: Datadog) -> None:
    connection_id = datadog.connection(**AWS, tags=TAGS)["connection_id"]
    task: dict[str, t.Any] = {"name": AWS["name"], "aws": {"assume_role": {"role": "Another"}}}
    result = datadog.connection(**task)
    assert (result["operation"], result["connection"]["tags"]) == ("update", TAGS)
    assert tags_in_datadog(datadog, connection_id) == TAGS


def test_a_replacement_has_those_of_the_task(datadog: Datadog) -> None:
    datadog.connection(**AWS, tags=TAGS)
    task = {**example("gitlab.api_key"), "name": AWS["name"], "allow_replace": True}
    predicted = datadog.connection(**task, tags=TAGS[:1], check_mode=True)
    result = datadog.connection(**task, tags=TAGS[:1])
    assert (result["operation"], result["diff"]) == ("replace", predicted["diff"])
    assert (result["diff"]["before"]["tags"], result["diff"]["after"]["tags"]) == (TAGS, TAGS[:1])
    assert tags_in_datadog(datadog, result["connection_id"]) == TAGS[:1]


def test_in_a_set_and_in_what_is_read(datadog: Datadog) -> None:
    gitlab = {**example("gitlab.api_key"), "tags": ["env:test"]}
    tasks = [{**AWS, "tags": TAGS}, gitlab, example("openai.api_key")]
    shared = {"update_secrets": "on_create"}
    datadog.connections(*tasks, **shared)
    assert datadog.connections(*tasks, **shared)["changed"] is False
    tasks[1] = {**gitlab, "tags": ["env:prod"]}
    result = datadog.connections(*tasks, **shared)
    assert [row["operation"] for row in result["connections"]] == ["none", "update", "none"]
    [diff] = result["diff"]
    assert (diff["before"]["tags"], diff["after"]["tags"]) == (["env:test"], ["env:prod"])

    read = datadog.run("action_connection_info")["connections"]
    options = {row["name"]: row["options"] for row in read}
    assert options[AWS["name"]]["tags"] == TAGS
    assert "tags" not in options["OpenAI"]
    assert datadog.connections(*options.values())["changed"] is False
    for tags, count in (["env:prod"], 2), (TAGS, 1), (["env:test"], 0):
        found = datadog.run("action_connection_info", tags=tags)["connections"]
        assert len(found) == count and all(set(tags) <= set(row["tags"]) for row in found)


@pytest.mark.parametrize(
    "tag",
    ["env", "env:", ":prod", "env:a:b", "env: prod", "en v:prod", "default:x", "Default:x", ""],
)
def test_what_no_tag_can_be(datadog: Datadog, tag: str) -> None:
    for result, path in (
        (datadog.connection(**AWS, tags=["a:b", tag]), "tags[1]"),
        (datadog.connections({**AWS, "tags": ["a:b", tag]}), "connections[0].tags[1]"),
    ):
        assert result["failed"] and path in result["msg"]
    assert datadog.requests() == []


@pytest.mark.parametrize("tags", [["env:prod", "a:b", "env:prod"], ["env:prod", "a:b", "Env:prod"]])
def test_the_same_tag_twice(datadog: Datadog, tags: list[str]) -> None:
    result = datadog.connection(**AWS, tags=tags)
    assert result["failed"] and "tags[2]" in result["msg"] and "tags[0]" in result["msg"]
    assert datadog.requests() == []


def test_what_else_is_wrong_is_for_datadog_to_judge(datadog: Datadog) -> None:
    """The emulator is as strict as the documentation, which Terraform is not."""
    result = datadog.connection(**AWS, tags=["0env:a.b"])
    assert result["failed"] and result["http_status"] == 400
    assert [request["method"] for request in datadog.writes()] == ["POST"]
