# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that are killed, lose an answer, or meet another run: no id is lost, and no connection is created twice."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.examples import LOST_ANSWERS, example
from ansible_collections.tidyops.datadog.tests.unit.killer import Killer
from ansible_collections.tidyops.datadog.tests.unit.module_runner import Run
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    RegistryRunner,
    rotated,
)

pytestmark = pytest.mark.slow

KIND = "gitlab.api_key"
AWS = example("aws.assume_role")
GITLAB = example(KIND)
ROTATED = rotated(GITLAB, KIND)
REPLACING = {**AWS, "name": "GitLab", "allow_replace": True}
ABSENT = {"name": "GitLab", "state": "absent"}


@pytest.fixture(params=[True, False], ids=["list", "no list"])
def is_listed(request: pytest.FixtureRequest) -> bool:
    """Whether Datadog offers the list."""
    return bool(request.param)


class TestKilled:
    """Killed at every point. The next run finishes, or its error says what to do."""

    def each_point(
        self,
        runner: RegistryRunner,
        killer: Killer,
        before: t.Any,
        task: dict[str, t.Any],
        is_listed: bool = False,
    ) -> t.Iterator[int]:
        """:param before: the task that was run before; None for none."""

        def prepare() -> None:
            runner.datadog.emulator.reset()
            runner.backend.reset()
            runner.datadog.emulator.settings(list=is_listed)
            if before:
                created = runner.run(**before)["connection_id"]
                if "connection_id" in task:
                    # Not known before.
                    task["connection_id"] = created

        for point in killer.each_point(prepare, lambda: runner.start(task)):
            # Never a file that cannot be read.
            runner.backend.entries()
            yield point

    def is_finished(self, runner: RegistryRunner, task: dict[str, t.Any]) -> None:
        [connection_id] = runner.existing()
        assert runner.backend.ids() == {task["name"]: connection_id}
        runner.run_unchanged(**task)

    def test_creating(self, runner: RegistryRunner, killer: Killer, is_listed: bool) -> None:
        for _point in self.each_point(runner, killer, None, GITLAB, is_listed):
            result = runner.settle(GITLAB)
            assert runner.holds(result["connection_id"], GITLAB, KIND)
            self.is_finished(runner, GITLAB)

    @pytest.mark.parametrize("wanted", [ROTATED, GITLAB], ids=["and again", "and taken back"])
    def test_updating(self, runner: RegistryRunner, killer: Killer, wanted: dict[str, t.Any]) -> None:
        for _point in self.each_point(runner, killer, GITLAB, ROTATED):
            result = runner.run(**wanted)
            assert runner.holds(result["connection_id"], wanted, KIND)
            self.is_finished(runner, wanted)

    def test_replacing(self, runner: RegistryRunner, killer: Killer, is_listed: bool) -> None:
        for _point in self.each_point(runner, killer, GITLAB, REPLACING, is_listed):
            runner.settle(REPLACING)
            self.is_finished(runner, REPLACING)
            # And the claim is not in the way of the next replacement.
            runner.run(**{**GITLAB, "allow_replace": True})
            self.is_finished(runner, {**GITLAB, "allow_replace": True})

    def test_replacing_and_deleting(self, runner: RegistryRunner, killer: Killer) -> None:
        for _point in self.each_point(runner, killer, GITLAB, REPLACING, is_listed=True):
            result = runner.run(**ABSENT, timeout=1)
            assert not result.get("failed"), result["msg"]
            assert (runner.existing(), runner.backend.entries()) == ([], {})

    def test_renaming(self, runner: RegistryRunner, killer: Killer) -> None:
        task: dict[str, t.Any] = {**GITLAB, "name": "Renamed", "connection_id": ""}
        for _point in self.each_point(runner, killer, GITLAB, task):
            assert set(runner.backend.ids().values()) == {task["connection_id"]}
            assert not runner.run(**task).get("failed")
            assert runner.existing() == [task["connection_id"]]
            assert runner.backend.ids()["Renamed"] == task["connection_id"]
            if "GitLab" in runner.backend.ids():
                # Rows of a datastore are written one by one. Whatever reads all of them says which one is too many.
                assert runner.backend.reads
                info = runner.datadog.run("action_connection_info", registry=runner.backend.registry)
                assert info["failed"] and "'GitLab' and 'Renamed'" in info["msg"]

    def test_deleting(self, runner: RegistryRunner, killer: Killer) -> None:
        for _point in self.each_point(runner, killer, GITLAB, ABSENT):
            assert not runner.run(**ABSENT).get("failed")
            assert (runner.existing(), runner.backend.entries()) == ([], {})

    def test_a_set_with_purge(self, runner: RegistryRunner, killer: Killer) -> None:
        new = {**AWS, "name": "New"}
        tasks = [ROTATED, new]
        params = {"registry": runner.backend.registry, "purge": True}

        def prepare() -> None:
            runner.datadog.emulator.reset()
            runner.backend.reset()
            former = [GITLAB, {**AWS, "name": "Old"}]
            runner.datadog.connections(*former, registry=runner.backend.registry)

        def start() -> Run:
            return runner.datadog.start("action_connections", connections=tasks, **params)

        for _point in killer.each_point(prepare, start):
            result = runner.datadog.connections(*tasks, **params, timeout=1)
            if result.get("failed"):
                assert "'New'" in result["msg"]
                runner.settle(new)
                result = runner.datadog.connections(*tasks, **params)
            assert not result.get("failed"), result["msg"]
            assert sorted(runner.existing()) == sorted(map(str, runner.backend.ids().values()))
            assert set(runner.backend.ids()) == {"GitLab", "New"}
            assert runner.holds(str(runner.backend.ids()["GitLab"]), ROTATED, KIND)
            assert runner.datadog.connections(*tasks, **params)["changed"] is False


class TestLostAnswer:
    """Nobody knows what became of the POST."""

    @pytest.mark.parametrize("replaces", [False, True], ids=["create", "replace"])
    @pytest.mark.parametrize(
        "fault",
        [
            *LOST_ANSWERS,
            {"kind": "hang", "when": "after", "seconds": 3},
            {"kind": "status", "status": 503, "when": "after"},
            {"kind": "status", "status": 503, "when": "before"},
        ],
        ids=str,
    )
    def test_ends_in_one_connection(
        self, runner: RegistryRunner, fault: dict[str, t.Any], is_listed: bool, replaces: bool
    ) -> None:
        task = REPLACING if replaces else GITLAB
        runner.datadog.emulator.settings(list=is_listed)
        old = runner.run(**GITLAB)["connection_id"] if replaces else ""
        runner.datadog.emulator.clear()
        runner.add_fault(**fault, method="POST")
        result = runner.run(**task, timeout=1)
        is_created = set(runner.existing()) != {old} - {""}
        if is_listed and is_created:
            assert result["operation"] == ("replace" if replaces else "create")
            assert any(result["connection_id"] in warning for warning in result["warnings"])
        else:
            assert result["failed"] and "'GitLab'" in result["msg"]
            assert "claim" in runner.backend.entries()["GitLab"]
            runner.settle(task)
        assert len(runner.datadog.requests("POST")) <= 2
        [connection_id] = runner.existing()
        assert connection_id != old
        assert runner.backend.ids() == {"GitLab": connection_id}
        runner.run_unchanged(**task)

    def test_rate_limits_are_no_lost_answers(self, runner: RegistryRunner) -> None:
        runner.datadog.emulator.settings(list=False)
        headers = {"X-RateLimit-Reset": "1"}
        runner.add_fault("status", method="POST", status=429, headers=headers)
        created = runner.run(**GITLAB)["connection_id"]
        assert runner.existing() == [created]

    def test_beside_another_one_of_its_name(self, runner: RegistryRunner) -> None:
        mine = runner.run(**GITLAB)["connection_id"]
        foreign = runner.datadog.connection(**{**AWS, "name": "x"})["connection_id"]
        runner.edit(foreign, name="GitLab")
        runner.add_fault("reset", method="POST", when="after")
        result = runner.run(**REPLACING)
        [new] = set(runner.existing()) - {mine, foreign}
        assert result["failed"] and new in result["msg"] and foreign in result["msg"]


class TestAtOnce:
    @pytest.fixture(autouse=True)
    def without_list(self, runner: RegistryRunner) -> None:
        runner.datadog.emulator.settings(list=False)

    def test_ten_create_the_same(self, runner: RegistryRunner, is_listed: bool) -> None:
        runner.datadog.emulator.settings(latency=0.1, list=is_listed)
        results = [run.result() for run in [runner.start(GITLAB) for _number in range(10)]]
        [created] = runner.existing()
        assert len(runner.datadog.requests("POST")) == 1
        for result in results:
            if result.get("failed"):
                assert "'GitLab'" in result["msg"] and "again" in result["msg"]
            else:
                assert result["connection_id"] == created
        operations = [result.get("operation") for result in results]
        assert operations.count("create") == 1
        runner.datadog.emulator.settings(latency=0)
        assert runner.backend.ids() == {"GitLab": created}
        runner.run_unchanged(**GITLAB)

    def test_ten_create_one_each(self, runner: RegistryRunner) -> None:
        runner.datadog.emulator.settings(latency=0.05)
        tasks = [{**GITLAB, "name": f"connection {number}"} for number in range(10)]
        runs = [runner.start(task) for task in tasks]
        ids = [run.result()["connection_id"] for run in runs]
        assert runner.backend.ids() == {task["name"]: i for task, i in zip(tasks, ids)}
        assert len(set(ids)) == 10

    def test_five_replace_the_same(self, runner: RegistryRunner) -> None:
        runner.run(**GITLAB)
        runner.datadog.emulator.settings(latency=0.1)
        results = [run.result() for run in [runner.start(REPLACING) for _number in range(5)]]
        [created] = runner.existing()
        assert [result.get("operation") for result in results].count("replace") == 1
        for result in results:
            if result.get("failed"):
                assert "'GitLab'" in result["msg"] and "again" in result["msg"]
        runner.datadog.emulator.settings(latency=0)
        runner.settle(REPLACING)
        assert runner.existing() == [created]
        runner.run_unchanged(**REPLACING)

    def test_ten_rotate_the_same_secret(self, runner: RegistryRunner) -> None:
        created = runner.run(**GITLAB)["connection_id"]
        runner.datadog.emulator.settings(latency=0.1)
        for run in [runner.start(ROTATED) for _number in range(10)]:
            result = run.result()
            assert not result.get("failed") or "again" in result["msg"]
        runner.datadog.emulator.settings(latency=0)
        runner.run(**ROTATED)
        assert runner.holds(created, ROTATED, KIND)
        runner.run_unchanged(**ROTATED)

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_a_create_is_waited_for(self, runner: RegistryRunner, check_mode: bool) -> None:
        creating = runner.start_and_hang(GITLAB, "POST", 2)
        result = runner.run(**GITLAB, check_mode=check_mode, timeout=20)
        assert (result["changed"], result["warnings"]) == (False, [])
        assert runner.existing() == [result["connection_id"]]
        assert creating.result()["connection_id"] == result["connection_id"]

    def test_a_create_that_is_not_waited_for_any_longer(self, runner: RegistryRunner) -> None:
        creating = runner.start_and_hang(GITLAB, "POST", 4)
        result = runner.run(**GITLAB, timeout=1)
        assert result["failed"] and KIND in result["msg"] and "connection_id" in result["msg"]
        created = creating.result()["connection_id"]
        assert runner.existing() == [created]
        runner.run_unchanged(**GITLAB)

    def test_a_claim_that_a_person_has_removed(self, runner: RegistryRunner) -> None:
        """Its run waits longer than others wait for it, and then deletes what it has created."""
        headers = {"X-RateLimit-Reset": "4"}
        runner.add_fault("status", method="POST", status=429, headers=headers)
        creating = runner.start({**GITLAB}, timeout=1)
        runner.datadog.emulator.wait_for_fault()
        created = runner.settle(GITLAB)["connection_id"]
        result = creating.result()
        assert result["failed"] and "again" in result["msg"]
        assert runner.existing() == [created]
        assert runner.backend.ids() == {"GitLab": created}
        runner.run_unchanged(**GITLAB)

    def test_a_claim_between_reading_and_writing(self, runner: RegistryRunner) -> None:
        """The name is claimed after this run has read that nothing is known of it."""
        runner.datadog.emulator.settings(list=True)
        slow = runner.start_and_hang(GITLAB, "GET", 2)
        created = runner.run(**GITLAB)["connection_id"]
        result = slow.result()
        assert result["failed"] and "'GitLab'" in result["msg"] and "again" in result["msg"]
        assert runner.existing() == [created]
        runner.run_unchanged(**GITLAB)

    def test_another_connection_without_the_registry(self, runner: RegistryRunner) -> None:
        """Names are not unique. The one that the registry knows is found all the same."""
        runner.datadog.emulator.settings(list=True)
        slow = runner.start_and_hang(GITLAB, "GET", 2)
        other = runner.datadog.connection(**GITLAB)["connection_id"]
        created = slow.result()["connection_id"]
        assert set(runner.existing()) == {created, other}
        runner.run_unchanged(**GITLAB)


class TestChangedMeanwhile:
    """Another run changes an entry after this one has read it: nothing is overwritten."""

    @pytest.fixture(autouse=True)
    def without_list(self, runner: RegistryRunner) -> None:
        runner.datadog.emulator.settings(list=False)

    @pytest.fixture(name="old")
    def connection_id(self, runner: RegistryRunner) -> str:
        return str(runner.run(**GITLAB)["connection_id"])

    def fails(self, run: Run) -> None:
        result = run.result()
        assert result["failed"] and "'GitLab'" in result["msg"] and "again" in result["msg"]

    def test_another_secret(self, runner: RegistryRunner, old: str) -> None:
        """Whichever came last, the next run notices that it cannot know, and sends its own."""
        another = rotated(ROTATED, KIND)
        sending = runner.start_and_hang(ROTATED, "PATCH", 2)
        assert runner.run(**another)["operation"] == "update"
        self.fails(sending)
        runner.run(**ROTATED)
        assert runner.holds(old, ROTATED, KIND)
        runner.run_unchanged(**ROTATED)

    def test_replaced(self, runner: RegistryRunner, old: str) -> None:
        run = runner.start_and_hang(ROTATED, "GET", 2)
        created = runner.run(**REPLACING)["connection_id"]
        self.fails(run)
        assert runner.existing() == [created]
        runner.run_unchanged(**REPLACING)

    def test_deleted_by_its_id_while_replaced(self, runner: RegistryRunner, old: str) -> None:
        run = runner.start_and_hang({"connection_id": old, "state": "absent"}, "GET", 2)
        created = runner.run(**REPLACING)["connection_id"]
        run.result()
        assert runner.existing() == [created]
        assert runner.backend.ids() == {"GitLab": created}
        runner.run_unchanged(**REPLACING)

    def test_deleted(self, runner: RegistryRunner, old: str) -> None:
        run = runner.start_and_hang(ROTATED, "GET", 2)
        assert runner.run(**ABSENT)["operation"] == "delete"
        self.fails(run)
        assert (runner.existing(), runner.backend.entries()) == ([], {})

    def test_created_while_deleted(self, runner: RegistryRunner, old: str) -> None:
        deleting = runner.start_and_hang(ABSENT, "DELETE", 2)
        runner.settle(GITLAB)
        assert not deleting.result().get("failed")
        runner.settle(GITLAB)
        [created] = runner.existing()
        assert created != old and runner.backend.ids() == {"GitLab": created}
        runner.run_unchanged(**GITLAB)

    def test_renamed(self, runner: RegistryRunner, old: str) -> None:
        run = runner.start_and_hang({**GITLAB, "update_secrets": "always"}, "GET", 2)
        renamed = {"name": "Renamed", "connection_id": old, "gitlab": {"api_key": {}}}
        assert not runner.run(**renamed).get("failed")
        self.fails(run)
        assert runner.existing() == [old]
        assert runner.backend.ids() == {"Renamed": old}

    def test_a_fingerprint_is_not_put_back(self, runner: RegistryRunner, old: str) -> None:
        """A run without secrets records only what it has seen."""
        reading = runner.start_and_hang({"name": "GitLab", "gitlab": {"api_key": {}}}, "GET", 2)
        runner.run(**ROTATED)
        reading.result()
        runner.run_unchanged(**ROTATED)
        assert runner.run(**GITLAB)["operation"] == "update"
        assert runner.holds(old, GITLAB, KIND)
