# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry through the public door: tasks in, requests, results and the registry's own content out."""

from __future__ import annotations

import copy
import functools
import hashlib
import re
import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.examples import (
    CANARY,
    KINDS,
    LOST_ANSWERS,
    example,
)
from ansible_collections.tidyops.datadog.tests.unit.keeper import (
    Keeper,
    rotated,
    secrets_of,
)
from ansible_collections.tidyops.datadog.tests.unit.killer import Killer

AWS = example("aws.assume_role")
GITLAB = example("gitlab.api_key")
HTTP = example("http.token_auth")
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


WITH_SECRETS = [kind for kind in KINDS if rotated(example(kind), kind) != example(kind)]


def test_every_kind_but_one_has_secrets() -> None:
    assert set(KINDS) - set(WITH_SECRETS) == {"aws.assume_role"}


@pytest.mark.parametrize("no_list", [None, 404])
@pytest.mark.parametrize("kind", ["aws.assume_role", "gitlab.api_key", "http.token_auth"])
def test_a_second_run_is_silent(keeper: Keeper, kind: str, no_list: int | None) -> None:
    keeper.datadog.emulator.settings(no_list=no_list)
    task = example(kind)
    created = keeper.foretold_and_run(**task)
    assert created["operation"] == "create"
    unchanged = keeper.is_silent(**task)
    assert unchanged["connection"] == created["connection"]
    [entry] = keeper.home.entries().values()
    assert (entry["id"], entry["integration"]) == (created["connection_id"], kind)
    assert entry["last_updated"] and entry["last_updated"] == created["connection"]["last_updated"]
    assert set(entry.get("secrets", {})) == set(secrets_of(task, kind))
    removed = keeper.foretold_and_run(name=task["name"], state="absent")
    assert removed["operation"] == "delete"
    assert keeper.home.entries() == {} and keeper.there() == []
    assert keeper.run(name=task["name"], state="absent")["changed"] is False


@pytest.mark.parametrize(
    "kind, home",
    [
        *((kind, "file") for kind in WITH_SECRETS),
        pytest.param("http.token_auth", "datastore", marks=pytest.mark.slow),
    ],
    indirect=["home"],
)
def test_a_rotated_secret_is_sent_once(keeper: Keeper, kind: str) -> None:
    created = keeper.run(**example(kind))
    task = rotated(example(kind), kind)
    keeper.datadog.emulator.clear()
    result = keeper.foretold_and_run(**task)
    assert (result["operation"], result["warnings"]) == ("update", [])
    assert result["diff"]["before"] != result["diff"]["after"]
    assert len(keeper.datadog.requests("PATCH")) == 1
    for path, value in secrets_of(task, kind).items():
        assert keeper.datadog.emulator.holds_secret(created["connection_id"], path, value)
    keeper.is_silent(**task)
    # The former one is a change again.
    assert keeper.run(**example(kind))["operation"] == "update"
    keeper.is_silent(**example(kind))


def test_only_the_secret_that_changed_is_sent(keeper: Keeper) -> None:
    keeper.run(**HTTP)
    task = copy.deepcopy(HTTP)
    task["http"]["token_auth"]["tokens"][1]["value"] = f"{CANARY}-rotated"
    before = keeper.home.entries()[task["name"]]["secrets"]
    keeper.datadog.emulator.clear()
    keeper.foretold_and_run(**task)
    [patch] = keeper.datadog.requests("PATCH")
    sent = patch["body"]["data"]["attributes"]["integration"]["credentials"]
    assert [token["name"] for token in sent.pop("tokens")] == ["signature"]
    assert sent == {"type": "HTTPTokenAuth"}
    after = keeper.home.entries()[task["name"]]["secrets"]
    assert after["tokens.accessToken"] == before["tokens.accessToken"]
    assert after["tokens.signature"] != before["tokens.signature"]
    keeper.is_silent(**task)


def test_a_secret_that_was_left_out_is_still_known_later(keeper: Keeper) -> None:
    keeper.run(**GITLAB)
    keeper.is_silent(name=GITLAB["name"], gitlab={"api_key": {}})
    keeper.is_silent(**GITLAB)


class TestUpdateSecrets:
    def test_always(self, keeper: Keeper) -> None:
        keeper.run(**GITLAB)
        secrets = keeper.home.entries()["GitLab"]["secrets"]
        for _run in range(2):
            result = keeper.foretold_and_run(**GITLAB, update_secrets="always")
            assert (result["operation"], result["warnings"]) == ("update", [])
        # What is the same keeps its fingerprint, for the sake of those who have it in git.
        assert keeper.home.entries()["GitLab"]["secrets"] == secrets
        keeper.is_silent(**GITLAB)

    def test_on_create(self, keeper: Keeper) -> None:
        created = keeper.run(**GITLAB)
        task = rotated(GITLAB, "gitlab.api_key")
        keeper.is_silent(**task, update_secrets="on_create")
        held = secrets_of(GITLAB, "gitlab.api_key")["api_token"]
        assert keeper.datadog.emulator.holds_secret(created["connection_id"], "api_token", held)
        # It was not taken for sent.
        assert keeper.run(**task)["operation"] == "update"
        keeper.is_silent(**task)


class TestAdoption:
    @pytest.mark.parametrize("identity", ["id", "name", "id and name"])
    def test_secrets_are_sent_once(self, keeper: Keeper, identity: str) -> None:
        created = keeper.datadog.connection(**GITLAB)
        task = copy.deepcopy(GITLAB)
        if identity != "name":
            keeper.datadog.emulator.settings(no_list=404)
            task["connection_id"] = created["connection_id"]
        if identity == "id":
            del task["name"]
        result = keeper.foretold_and_run(**task)
        assert (result["operation"], result["connection_id"]) == (
            "update",
            created["connection_id"],
        )
        assert keeper.home.ids() == {"GitLab": created["connection_id"]}
        keeper.is_silent(**task)
        keeper.is_silent(**GITLAB)
        assert keeper.there() == [created["connection_id"]]

    def test_on_create_sends_none(self, keeper: Keeper) -> None:
        created = keeper.datadog.connection(**GITLAB)
        keeper.datadog.emulator.clear()
        task = {**GITLAB, "connection_id": created["connection_id"], "update_secrets": "on_create"}
        assert keeper.foretold_and_run(**task)["operation"] == "none"
        assert keeper.datadog.writes() == []
        assert keeper.home.ids() == {"GitLab": created["connection_id"]}
        keeper.is_silent(**GITLAB, update_secrets="on_create")

    def test_without_secrets_nothing_is_written(self, keeper: Keeper) -> None:
        created = keeper.datadog.connection(**AWS)
        keeper.datadog.emulator.clear()
        assert keeper.foretold_and_run(**AWS)["changed"] is False
        assert keeper.datadog.writes() == []
        assert keeper.home.ids() == {AWS["name"]: created["connection_id"]}

    def test_one_of_two_with_the_same_name(self, keeper: Keeper) -> None:
        first = keeper.datadog.connection(**AWS)["connection_id"]
        second = keeper.datadog.connection(**{**AWS, "name": "other"})["connection_id"]
        keeper.edit(second, name=AWS["name"])
        assert keeper.run(**AWS)["failed"]
        assert keeper.run(**AWS, connection_id=second)["changed"] is False
        keeper.is_silent(**AWS)
        assert keeper.home.ids() == {AWS["name"]: second}
        # The registry holds one connection of a name, and never loses the id of one that exists.
        before = keeper.home.raw()
        result = keeper.run(**AWS, connection_id=first)
        assert result["failed"] and first in result["msg"] and second in result["msg"]
        assert keeper.home.raw() == before
        assert keeper.run(connection_id=first, state="absent")["operation"] == "delete"
        keeper.is_silent(**AWS)

    def test_in_the_place_of_one_that_is_gone(self, keeper: Keeper) -> None:
        keeper.delete(keeper.run(**AWS)["connection_id"])
        created = keeper.datadog.connection(**AWS)["connection_id"]
        assert keeper.run(**AWS, connection_id=created)["changed"] is False
        keeper.is_silent(**AWS)
        assert keeper.home.ids() == {AWS["name"]: created}


class TestRenaming:
    def test_by_the_task(self, keeper: Keeper) -> None:
        created = keeper.run(**GITLAB)["connection_id"]
        task = {**GITLAB, "name": "Renamed"}
        result = keeper.foretold_and_run(**task, connection_id=created)
        assert result["operation"] == "update"
        assert keeper.home.ids() == {"Renamed": created}
        keeper.is_silent(**task)

    def test_that_fails_leaves_the_former_name(self, keeper: Keeper) -> None:
        created = keeper.run(**GITLAB)["connection_id"]
        keeper.add_fault("status", method="PATCH", status=400)
        assert keeper.run(**{**GITLAB, "name": "Renamed"}, connection_id=created)["failed"]
        assert keeper.home.ids() == {"GitLab": created}
        keeper.is_silent(**GITLAB)

    def test_elsewhere_is_corrected(self, keeper: Keeper) -> None:
        created = keeper.run(**GITLAB)["connection_id"]
        keeper.edit(created, name="Renamed elsewhere")
        result = keeper.foretold_and_run(**GITLAB)
        assert (result["operation"], result["connection_id"]) == ("update", created)
        assert result["drifted"] is True
        keeper.is_silent(**GITLAB)

    def test_elsewhere_to_the_name_of_another_task(self, keeper: Keeper) -> None:
        created = keeper.run(**GITLAB)["connection_id"]
        keeper.edit(created, name="Another")
        for state in ("present", "absent"):
            result = keeper.run(**{**GITLAB, "name": "Another"}, state=state)
            assert result["failed"] and created in result["msg"] and "'GitLab'" in result["msg"]
        assert keeper.there() == [created]
        keeper.run(**GITLAB)
        assert keeper.run(**{**GITLAB, "name": "Another"})["operation"] == "create"
        assert set(keeper.home.ids()) == {"GitLab", "Another"}


class TestElsewhere:
    @pytest.mark.parametrize("no_list", [None, 404])
    def test_deleted(self, keeper: Keeper, no_list: int | None) -> None:
        created = keeper.run(**GITLAB)["connection_id"]
        keeper.delete(created)
        keeper.datadog.emulator.settings(no_list=no_list)
        failed = keeper.run(name="GitLab", gitlab={"api_key": {}})
        assert failed["failed"] and "is required" in failed["msg"]
        assert f"{created}, which" in failed["msg"] and "is gone" in failed["msg"]
        result = keeper.foretold_and_run(**GITLAB)
        assert result["operation"] == "create"
        assert any(created in warning for warning in result["warnings"])
        keeper.is_silent(**GITLAB)
        keeper.delete(result["connection_id"])
        assert keeper.foretold_and_run(name="GitLab", state="absent")["operation"] == "none"
        assert keeper.home.entries() == {}

    def test_drift_is_told_until_a_run_has_seen_to_it(self, keeper: Keeper) -> None:
        created = keeper.run(**GITLAB)["connection_id"]
        credentials = {"type": "GitlabAPIKey", "api_token": "somebody else's"}
        keeper.edit(created, integration={"type": "Gitlab", "credentials": credentials})
        for check_mode in (True, True, False):
            result = keeper.run(**GITLAB, check_mode=check_mode)
            assert (result["changed"], result["drifted"]) == (False, True)
            [warning] = result["warnings"]
            assert "changed elsewhere" in warning and "always" in warning
        keeper.is_silent(**GITLAB)

    def test_drift_that_was_not_seen_to_is_told_again(self, keeper: Keeper) -> None:
        created = keeper.run(**AWS)["connection_id"]
        credentials = {"type": "AWSAssumeRole", "role": "SomebodyElses"}
        keeper.edit(created, integration={"type": "AWS", "credentials": credentials})
        keeper.add_fault("status", method="PATCH", status=403)
        assert keeper.run(**AWS)["failed"]
        result = keeper.foretold_and_run(**AWS)
        assert (result["operation"], result["drifted"]) == ("update", True)
        keeper.is_silent(**AWS)

    def test_where_datadog_tells_no_times(self, keeper: Keeper) -> None:
        keeper.datadog.emulator.settings(plain_attributes=True)
        created = keeper.run(**GITLAB)["connection_id"]
        keeper.edit(
            created, integration={"type": "Gitlab", "credentials": {"type": "GitlabAPIKey"}}
        )
        keeper.is_silent(**GITLAB)

    def test_a_token_that_is_gone(self, keeper: Keeper) -> None:
        created = keeper.run(**HTTP)["connection_id"]
        gone = [{"name": "signature", "type": "SECRET", "value": "", "deleted": True}]
        credentials = {"type": "HTTPTokenAuth", "tokens": gone}
        keeper.edit(created, integration={"type": "HTTP", "credentials": credentials})
        result = keeper.foretold_and_run(**HTTP)
        assert (result["operation"], result["drifted"]) == ("update", True)
        keeper.is_silent(**HTTP)

    def test_a_token_that_is_gone_is_forgotten(self, keeper: Keeper) -> None:
        created = keeper.run(**HTTP)["connection_id"]
        gone = [{"name": "signature", "type": "SECRET", "value": "", "deleted": True}]
        credentials = {"type": "HTTPTokenAuth", "tokens": gone}
        keeper.edit(created, integration={"type": "HTTP", "credentials": credentials})
        task = copy.deepcopy(HTTP)
        del task["http"]["token_auth"]["tokens"][1]
        assert keeper.foretold_and_run(**task)["changed"] is False
        # Else it would be deleted now, since nothing shows that it is gone.
        keeper.datadog.emulator.settings(omit_tokens=True)
        keeper.is_silent(**task)


class TestTokensThatDatadogDoesNotShow:
    def with_tokens(self, *tokens: dict[str, str]) -> dict[str, t.Any]:
        task = copy.deepcopy(HTTP)
        task["http"]["token_auth"]["tokens"] = list(tokens)
        task["http"]["token_auth"]["headers"] = []
        task["http"]["token_auth"]["body"] = {"content": "x"}
        return task

    def test_are_remembered(self, keeper: Keeper) -> None:
        keeper.datadog.emulator.settings(omit_tokens=True)
        one, two = ({"name": name, "value": f"{CANARY}-{name}"} for name in ("one", "two"))
        assert keeper.run(**self.with_tokens(one))["operation"] == "create"
        keeper.is_silent(**self.with_tokens(one))
        keeper.is_silent(**self.with_tokens({"name": "one"}))
        result = keeper.foretold_and_run(**self.with_tokens(one, two))
        assert result["operation"] == "update"
        assert result["connection"]["http"]["token_auth"]["tokens"] == [
            {"name": "one"},
            {"name": "two"},
        ]
        keeper.is_silent(**self.with_tokens(two, one))
        assert keeper.foretold_and_run(**self.with_tokens(two))["operation"] == "update"
        [sent] = keeper.datadog.requests("PATCH")
        assert sent["body"]["data"]["attributes"]["integration"]["credentials"]["tokens"] == [
            {"name": "one", "type": "SECRET", "value": "", "deleted": True}
        ]
        keeper.is_silent(**self.with_tokens(two))
        assert "is required" in keeper.run(**self.with_tokens({"name": "one"}))["msg"]

    def test_of_an_adopted_connection(self, keeper: Keeper) -> None:
        keeper.datadog.connection(**HTTP)
        keeper.datadog.emulator.settings(omit_tokens=True)
        result = keeper.foretold_and_run(**HTTP)
        assert result["operation"] == "update"
        assert any("http.token_auth.tokens" in warning for warning in result["warnings"])
        keeper.is_silent(**HTTP)


class TestReplacing:
    TASK = {**AWS, "name": GITLAB["name"], "allow_replace": True}

    def test_the_registry_follows(self, keeper: Keeper) -> None:
        old = keeper.run(**GITLAB)["connection_id"]
        result = keeper.foretold_and_run(**self.TASK)
        assert result["operation"] == "replace" and result["connection_id"] != old
        assert keeper.home.ids() == {GITLAB["name"]: result["connection_id"]}
        assert "secrets" not in keeper.home.entries()[GITLAB["name"]]
        keeper.is_silent(**self.TASK)

    def test_by_id_under_a_new_name(self, keeper: Keeper) -> None:
        old = keeper.run(**GITLAB)["connection_id"]
        task = {**self.TASK, "name": "Renamed"}
        result = keeper.foretold_and_run(**task, connection_id=old)
        assert keeper.home.ids() == {"Renamed": result["connection_id"]}
        assert keeper.there() == [result["connection_id"]]
        keeper.is_silent(**task)

    def test_a_delete_that_failed_is_made_up_for(self, keeper: Keeper) -> None:
        old = keeper.run(**GITLAB)["connection_id"]
        keeper.add_fault("status", method="DELETE", status=403)
        failed = keeper.run(**self.TASK)
        assert failed["failed"] and "Done before that: created" in failed["msg"]
        refused = keeper.run(**{**self.TASK, "allow_replace": False})
        assert refused["failed"] and "allow_replace" in refused["msg"] and old in refused["msg"]
        result = keeper.foretold_and_run(**self.TASK)
        assert result["operation"] == "replace"
        assert set(result["diff"]["before"]) == {"name", "gitlab"}
        assert keeper.there() == [result["connection_id"]] != [old]
        assert [each["method"] for each in keeper.datadog.writes()][-1] == "DELETE"
        keeper.is_silent(**self.TASK)

    def test_the_new_one_is_gone_before_the_former_was_deleted(self, keeper: Keeper) -> None:
        old = keeper.run(**GITLAB)["connection_id"]
        keeper.datadog.emulator.settings(no_list=404)
        keeper.add_fault("status", method="DELETE", status=403)
        assert keeper.run(**self.TASK)["failed"]
        [new] = set(keeper.there()) - {old}
        keeper.delete(new)
        assert keeper.foretold_and_run(**self.TASK)["operation"] == "replace"
        assert len(keeper.there()) == 1 and old not in keeper.there()
        keeper.is_silent(**self.TASK)

    def test_both_go_with_absent(self, keeper: Keeper) -> None:
        keeper.run(**GITLAB)
        keeper.add_fault("status", method="DELETE", status=403)
        assert keeper.run(**self.TASK)["failed"]
        assert len(keeper.there()) == 2
        assert keeper.foretold_and_run(name=GITLAB["name"], state="absent")["changed"] is True
        assert keeper.there() == [] and keeper.home.entries() == {}


class TestWithoutTheList:
    def test_what_the_registry_does_not_know_is_taken_not_to_exist(self, keeper: Keeper) -> None:
        keeper.datadog.emulator.settings(no_list=400)
        created = keeper.foretold_and_run(**GITLAB)
        [warning] = created["warnings"]
        assert "does not list" in warning and "connection_id" in warning
        keeper.is_silent(**GITLAB)
        result = keeper.run(name="Another", state="absent")
        assert result["changed"] is False and "does not list" in result["warnings"][0]

    def test_a_refused_create_leaves_nothing(self, keeper: Keeper) -> None:
        keeper.datadog.emulator.settings(no_list=404)
        keeper.add_fault("status", method="POST", status=400)
        assert keeper.run(**GITLAB)["failed"]
        assert keeper.home.entries() == {}
        assert keeper.run(**GITLAB)["operation"] == "create"

    def test_a_lost_answer_is_told_until_somebody_has_looked(self, keeper: Keeper) -> None:
        keeper.datadog.emulator.settings(no_list=404)
        keeper.add_fault("reset", method="POST", when="after")
        for _run in range(2):
            result = keeper.run(**GITLAB)
            assert result["failed"]
            for words in ("may have been created", "connection_id", "remove the entry 'GitLab'"):
                assert words in result["msg"]
        [made] = keeper.there()
        assert keeper.run(**GITLAB, connection_id=made)["operation"] == "update"
        keeper.is_silent(**GITLAB)
        assert keeper.there() == [made]

    def test_a_lost_answer_to_a_replacement(self, keeper: Keeper) -> None:
        old = keeper.run(**GITLAB)["connection_id"]
        keeper.datadog.emulator.settings(no_list=404)
        keeper.add_fault("reset", method="POST", when="after")
        task = {**AWS, "name": GITLAB["name"], "allow_replace": True}
        for identity in ({}, {"connection_id": old}, {}):
            result = keeper.run(**task, **identity)
            assert result["failed"] and old in result["msg"]
            assert "may have been created" in result["msg"]
        assert len(keeper.there()) == 2
        [new] = set(keeper.there()) - {old}
        keeper.delete(old)
        assert keeper.run(**task, connection_id=new)["changed"] is False
        keeper.is_silent(**task)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        *LOST_ANSWERS,
        {"kind": "status", "status": 429, "headers": {"X-RateLimit-Reset": "1"}},
    ],
)
def test_a_lost_answer_ends_in_one_connection(keeper: Keeper, fault: dict[str, t.Any]) -> None:
    keeper.add_fault(**fault, method="POST")
    result = keeper.run(**GITLAB)
    assert result["operation"] == "create"
    assert keeper.there() == [result["connection_id"]]
    assert keeper.home.ids() == {"GitLab": result["connection_id"]}
    held = secrets_of(GITLAB, "gitlab.api_key")["api_token"]
    assert keeper.datadog.emulator.holds_secret(result["connection_id"], "api_token", held)
    keeper.is_silent(**GITLAB)


class TestSite:
    def test_another_one_is_refused(self, keeper: Keeper) -> None:
        keeper.run(**GITLAB)
        before = keeper.home.raw()
        keeper.datadog.emulator.clear()
        own = keeper.datadog.emulator.url.split("//")[1]
        other = own.replace("127.0.0.1", "localhost")
        for check_mode in (True, False):
            result = keeper.run(**GITLAB, api_url=f"http://{other}", check_mode=check_mode)
            assert result["failed"] and f"belongs to {own}" in result["msg"]
            assert f"goes to {other}" in result["msg"]
        assert keeper.datadog.requests() == [] and keeper.home.raw() == before


@pytest.mark.slow
class TestTwoRunners:
    def test_ten_that_create_one_each(self, keeper: Keeper) -> None:
        keeper.datadog.emulator.settings(latency=0.05)
        tasks = [{**GITLAB, "name": f"connection {number}"} for number in range(10)]
        runs = [keeper.start(task) for task in tasks]
        ids = [run.result()["connection_id"] for run in runs]
        assert keeper.home.ids() == {task["name"]: i for task, i in zip(tasks, ids)}
        assert len(set(ids)) == 10
        keeper.datadog.emulator.settings(latency=0)
        for task in tasks:
            keeper.is_silent(**task)

    @pytest.mark.parametrize("no_list", [None, 404])
    def test_ten_that_create_the_same(self, keeper: Keeper, no_list: int | None) -> None:
        keeper.datadog.emulator.settings(latency=0.2, no_list=no_list)
        runs = [keeper.start(GITLAB) for _number in range(10)]
        results = [run.result() for run in runs]
        assert not any(result.get("failed") for result in results), results
        assert sum(result["operation"] == "create" for result in results) == 1
        assert len(keeper.datadog.requests("POST")) == 1
        [made] = keeper.there()
        assert {result["connection_id"] for result in results} == {made}
        assert keeper.home.ids() == {"GitLab": made}
        # That it was taken not to exist is what only the one has to say that created it.
        said = [result["operation"] for result in results if result["warnings"]]
        assert said == (["create"] if no_list else [])

    def test_one_that_does_not_use_the_registry_was_faster(self, keeper: Keeper) -> None:
        keeper.add_fault("hang", method="GET", when="after", seconds=2)
        slow = keeper.start(GITLAB)
        keeper.datadog.emulator.wait_for_fault()
        kept = keeper.datadog.connection(**GITLAB)["connection_id"]
        result = slow.result()
        assert (result["connection_id"], result["warnings"]) == (kept, [])
        assert len(keeper.datadog.requests("POST")) == 2
        assert keeper.there() == [kept]
        assert keeper.home.ids() == {"GitLab": kept}
        keeper.is_silent(**GITLAB)

    def test_ten_that_rotate_the_same_secret(self, keeper: Keeper) -> None:
        keeper.run(**GITLAB)
        keeper.datadog.emulator.settings(latency=0.1)
        task = rotated(GITLAB, "gitlab.api_key")
        runs = [keeper.start(task) for _number in range(10)]
        assert not any(run.result().get("failed") for run in runs)
        keeper.datadog.emulator.settings(latency=0)
        keeper.run(**task)
        keeper.is_silent(**task)

    def test_that_replace_the_same(self, keeper: Keeper) -> None:
        keeper.run(**GITLAB)
        keeper.datadog.emulator.settings(latency=0.1)
        runs = [keeper.start(TestReplacing.TASK) for _number in range(5)]
        results = [run.result() for run in runs]
        assert not any(result.get("failed") for result in results), results
        [made] = keeper.there()
        assert {result["connection_id"] for result in results} == {made}
        keeper.datadog.emulator.settings(latency=0)
        keeper.is_silent(**TestReplacing.TASK)

    def test_one_is_killed_after_the_other_one_has_read_the_list(self, keeper: Keeper) -> None:
        keeper.add_fault("hang", method="GET", when="after", seconds=3)
        slow = keeper.start(GITLAB)
        keeper.datadog.emulator.wait_for_fault()
        keeper.add_fault("hang", method="POST", when="after", seconds=20)
        killed = keeper.start(GITLAB)
        keeper.datadog.emulator.wait_for_fault()
        killed.kill()
        result = slow.result()
        assert keeper.there() == [result["connection_id"]]
        assert len(keeper.datadog.requests("POST")) == 1
        keeper.is_silent(**GITLAB)


@pytest.mark.slow
@pytest.mark.usefixtures("lone_run")
class TestKilled:
    def each_point(
        self, keeper: Keeper, killer: Killer, before: t.Any, task: dict[str, t.Any]
    ) -> t.Iterator[int]:
        """Kill a task at every point of its way; yield after each."""
        for point in range(1, 200):
            keeper.datadog.emulator.reset()
            keeper.home.reset()
            killer.at = 0
            before()
            killer.at = point
            run = keeper.start(task)
            done = killer.was_too_late(run)
            killer.at = 0
            if done:
                assert point > 10
                return
            # Never a half-written file, and nothing left that is in the way.
            if keeper.home.raw():
                keeper.home.entries()
            yield point
        raise AssertionError("it never came to its end")

    def test_while_creating(self, keeper: Keeper, killer: Killer) -> None:
        held = secrets_of(GITLAB, "gitlab.api_key")["api_token"]
        for _point in self.each_point(keeper, killer, lambda: None, GITLAB):
            result = keeper.run(**GITLAB)
            assert not result.get("failed"), result["msg"]
            assert keeper.there() == [result["connection_id"]]
            assert keeper.home.ids() == {"GitLab": result["connection_id"]}
            assert keeper.datadog.emulator.holds_secret(result["connection_id"], "api_token", held)
            keeper.is_silent(**GITLAB)

    def test_while_creating_without_the_list(self, keeper: Keeper, killer: Killer) -> None:
        def start() -> None:
            keeper.datadog.emulator.settings(no_list=404)

        told = 0
        for _point in self.each_point(keeper, killer, start, GITLAB):
            result = keeper.run(**GITLAB)
            if result.get("failed"):
                told += 1
                assert "may have been created" in result["msg"]
                assert "run the task once with its connection_id" in result["msg"]
                assert len(keeper.datadog.requests("POST")) <= 1
                if keeper.there():
                    keeper.run(**GITLAB, connection_id=keeper.there()[0])
                else:
                    keeper.home.write({})
                result = keeper.run(**GITLAB)
            assert keeper.there() == [result["connection_id"]]
            keeper.is_silent(**GITLAB)
        assert told

    def test_while_changing(self, keeper: Keeper, killer: Killer) -> None:
        task = rotated(GITLAB, "gitlab.api_key")
        held = secrets_of(task, "gitlab.api_key")["api_token"]
        for _point in self.each_point(
            keeper, killer, functools.partial(keeper.run, **GITLAB), task
        ):
            result = keeper.run(**task)
            assert keeper.datadog.emulator.holds_secret(result["connection_id"], "api_token", held)
            keeper.is_silent(**task)

    def test_while_changing_and_taken_back(self, keeper: Keeper, killer: Killer) -> None:
        task = rotated(GITLAB, "gitlab.api_key")
        held = secrets_of(GITLAB, "gitlab.api_key")["api_token"]
        for _point in self.each_point(
            keeper, killer, functools.partial(keeper.run, **GITLAB), task
        ):
            result = keeper.run(**GITLAB)
            assert keeper.datadog.emulator.holds_secret(result["connection_id"], "api_token", held)
            keeper.is_silent(**GITLAB)

    def test_while_replacing(self, keeper: Keeper, killer: Killer) -> None:
        task = TestReplacing.TASK
        told = 0
        for _point in self.each_point(
            keeper, killer, functools.partial(keeper.run, **GITLAB), task
        ):
            result = keeper.run(**task)
            if result.get("failed"):
                told += 1
                assert all(connection_id in result["msg"] for connection_id in keeper.there())
                assert len(keeper.there()) == 2
                keeper.delete(re.findall(r"replaced (\S+)", result["msg"])[0])
                result = keeper.run(**task)
            assert keeper.there() == [result["connection_id"]]
            keeper.is_silent(**task)
        assert told

    def test_while_renaming(self, keeper: Keeper, killer: Killer) -> None:
        # The id is not known before.
        task: dict[str, t.Any] = {**GITLAB, "name": "Renamed"}

        def start() -> None:
            task["connection_id"] = keeper.run(**GITLAB)["connection_id"]
            keeper.datadog.emulator.settings(no_list=404)

        for _point in self.each_point(keeper, killer, start, task):
            assert list(keeper.home.ids().values()) == [task["connection_id"]]
            assert not keeper.run(**task).get("failed")
            assert keeper.home.ids() == {"Renamed": task["connection_id"]}
            keeper.is_silent(**{**GITLAB, "name": "Renamed"})

    def test_while_deleting(self, keeper: Keeper, killer: Killer) -> None:
        task = {"name": "GitLab", "state": "absent"}
        for _point in self.each_point(
            keeper, killer, functools.partial(keeper.run, **GITLAB), task
        ):
            assert not keeper.run(**task).get("failed")
            assert keeper.there() == [] and keeper.home.entries() == {}
            keeper.datadog.emulator.clear()


class TestFipsMode:
    """Where scrypt is forbidden; such a host cannot be had."""

    @pytest.fixture
    def forbidden(self, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
        def refuse(*args: t.Any, **kwargs: t.Any) -> t.NoReturn:
            raise ValueError("[digital envelope routines] unsupported")

        monkeypatch.setattr(hashlib, "scrypt", refuse)
        return monkeypatch

    def test_pbkdf2_takes_its_place(self, keeper: Keeper, forbidden: pytest.MonkeyPatch) -> None:
        keeper.run(**GITLAB)
        [text] = keeper.home.entries()["GitLab"]["secrets"].values()
        assert text.startswith("$pbkdf2-sha256$i=")
        keeper.is_silent(**GITLAB)
        assert keeper.run(**rotated(GITLAB, "gitlab.api_key"))["operation"] == "update"
        # And is understood where scrypt is not forbidden.
        forbidden.undo()
        keeper.is_silent(**rotated(GITLAB, "gitlab.api_key"))

    def test_what_cannot_be_compared_is_sent_once(
        self, keeper: Keeper, request: pytest.FixtureRequest
    ) -> None:
        keeper.run(**GITLAB)
        [text] = keeper.home.entries()["GitLab"]["secrets"].values()
        assert text.startswith("$scrypt$ln=")
        request.getfixturevalue("forbidden")
        assert keeper.foretold_and_run(**GITLAB)["operation"] == "update"
        keeper.is_silent(**GITLAB)
