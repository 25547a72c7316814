# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of action connections. What holds of each connection alone is tested with action_connection."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog, Server
from ansible_collections.tidyops.datadog.tests.unit.examples import (
    CANARY,
    KINDS,
    LOST_ANSWERS,
    example,
)
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    Backend,
    DatastoreBackend,
    FileBackend,
    RegistryRunner,
    rotated,
)

PATH = "/api/v2/actions/connections"
ALL = [example(kind) for kind in KINDS]


def aws(name: str, role: str = "Role") -> dict[str, t.Any]:
    return {"name": name, "aws": {"assume_role": {"account_id": "123456789012", "role": role}}}


def gitlab(name: str, token: str = CANARY) -> dict[str, t.Any]:
    return {"name": name, "gitlab": {"api_key": {"api_token": token}}}


def roles(count: int, role: str = "Role") -> list[dict[str, t.Any]]:
    return [aws(f"Account {number:03}", role) for number in range(count)]


def operations(result: t.Mapping[str, t.Any]) -> list[str]:
    return [row["operation"] for row in result["connections"]]


def titles(result: t.Mapping[str, t.Any]) -> list[str]:
    return [row["name"] for row in result["connections"]]


class SetRunner(RegistryRunner):
    """The same, for tasks about sets."""

    def run_set(self, *connections: t.Mapping[str, t.Any], **params: t.Any) -> dict[str, t.Any]:
        options = {"registry": self.backend.registry, **params}
        result = self.datadog.connections(*connections, **options)
        assert CANARY.encode() not in self.backend.raw()
        return result

    def predict_and_run_set(self, *connections: t.Mapping[str, t.Any], **params: t.Any) -> dict[str, t.Any]:
        """Run in check mode, which writes nothing, then without; both return the same."""
        before, writes = self.backend.raw(), self.writes()
        predicted = self.run_set(*connections, **params, check_mode=True)
        assert (self.backend.raw(), self.writes()) == (before, writes)
        result = self.run_set(*connections, **params)
        assert operations(result) == operations(predicted)
        for key in ("changed", "diff", "counts", "warnings"):
            assert result[key] == predicted[key]
        return result

    def run_set_unchanged(self, *connections: t.Mapping[str, t.Any], **params: t.Any) -> None:
        """No write, no change, no warning, and the registry stays as it is."""
        before, writes = self.backend.raw(), self.writes()
        result = self.run_set(*connections, **params)
        assert not result.get("failed"), result["msg"]
        assert (result["changed"], result["diff"], result["warnings"]) == (False, [], [])
        assert set(operations(result)) <= {"none"}
        assert (self.backend.raw(), self.writes()) == (before, writes)

    def start_set(self, *connections: t.Mapping[str, t.Any], **params: t.Any) -> t.Any:
        options = {"registry": self.backend.registry, "timeout": 30, **params}
        return self.datadog.start("action_connections", connections=connections, **options)

    def holds_exactly(self, *names: str) -> None:
        """Datadog has one connection of each name and no other, and the registry knows their ids."""
        there = self.datadog.emulator.state()["action_connections"]
        assert sorted(each["name"] for each in there) == sorted(names)
        assert self.backend.ids() == {each["name"]: each["id"] for each in there}


@pytest.fixture
def runner(datadog: Datadog, file_backend: FileBackend) -> SetRunner:
    """With a registry in a file; most of this does not depend on the backend."""
    return SetRunner(datadog, file_backend)


@pytest.fixture
def each_runner(datadog: Datadog, backend: Backend) -> SetRunner:
    """With a registry in each backend."""
    return SetRunner(datadog, backend)


class TestLifeCycle:
    @pytest.mark.usefixtures("unlisted")
    def test_every_kind(self, each_runner: SetRunner) -> None:
        """As most organizations have it: without the list, with a registry."""
        runner = each_runner
        created = runner.predict_and_run_set(*ALL)
        assert operations(created) == ["create"] * len(ALL)
        assert titles(created) == [task["name"] for task in ALL]
        runner.run_set_unchanged(*ALL)

        changed = [rotated(task, kind) for task, kind in zip(ALL, KINDS)]
        updated = runner.predict_and_run_set(*changed)
        [unchanged] = [row["name"] for row in updated["connections"] if row["operation"] == "none"]
        assert unchanged == example("aws.assume_role")["name"]
        runner.run_set_unchanged(*changed)

        removed = runner.predict_and_run_set(*changed, state="absent")
        assert set(operations(removed)) == {"delete"}
        runner.holds_exactly()
        assert not runner.run_set(*changed, state="absent")["changed"]

    def test_each_result_is_that_of_a_task_about_one(self, runner: SetRunner) -> None:
        created = runner.run_set(*ALL)
        result = runner.run_set(*ALL)
        assert [row["diff"] for row in created["connections"]] == [
            {key: diff[key] for key in ("before", "after")} for diff in created["diff"]
        ]
        for task, row in zip(ALL, result["connections"]):
            alone = runner.run(**task)
            keys = {"operation", "connection", "connection_id", "drifted"}
            assert row == {"name": task["name"], **{key: alone[key] for key in keys}}

    def test_only_what_differs_is_written(self, runner: SetRunner) -> None:
        runner.run_set(*ALL, aws("More"))
        runner.datadog.emulator.clear()
        result = runner.predict_and_run_set(*ALL, aws("More", "Other"), gitlab("New"))
        assert operations(result) == ["none"] * len(ALL) + ["update", "create"]
        assert [
            (each["before_header"], each["after_header"], each["before"], each["after"]) for each in result["diff"]
        ] == [
            ("More (update)", "More (update)", aws("More"), aws("More", "Other")),
            ("New (create)", "New (create)", {}, gitlab("New", "(secret)")),
        ]
        counts = dict.fromkeys(["replace", "delete", "failed", "skipped"], 0)
        assert result["counts"] == {**counts, "none": len(ALL), "create": 1, "update": 1}
        assert sorted(request["method"] for request in runner.datadog.writes()) == ["PATCH", "POST"]

    def test_without_a_registry(self, datadog: Datadog) -> None:
        """Where Datadog offers the list."""
        tasks = [aws("A"), gitlab("B"), gitlab("C")]
        assert operations(datadog.connections(*tasks)) == ["create"] * 3
        result = datadog.connections(*tasks)
        assert (operations(result), result["changed"]) == (["none"] * 3, False)
        # What several have alike is told once.
        [warning] = result["warnings"]
        assert "'B'" in warning and "'C'" in warning and "update_secrets" in warning
        assert datadog.connections(*tasks, update_secrets="on_create")["warnings"] == []

    def test_many_alike_are_named_in_part(self, datadog: Datadog) -> None:
        tasks = [gitlab(f"G{number}") for number in range(8)]
        datadog.connections(*tasks)
        [warning] = datadog.connections(*tasks)["warnings"]
        assert "'G4' and 3 more" in warning and "'G5'" not in warning

    @pytest.mark.usefixtures("unlisted")
    def test_by_id_with_a_new_name_and_another_kind(self, each_runner: SetRunner) -> None:
        runner = each_runner
        first = runner.run_set(aws("A"), gitlab("B"))
        renamed = {**aws("A2"), "connection_id": first["connections"][0]["connection_id"]}
        refused = runner.run_set(renamed, aws("B"))
        assert "connections[1]: " in refused["msg"] and "allow_replace" in refused["msg"]
        runner.holds_exactly("A", "B")
        result = runner.predict_and_run_set(renamed, aws("B"), allow_replace=True)
        assert operations(result) == ["update", "replace"]
        runner.holds_exactly("A2", "B")
        runner.run_set_unchanged(renamed, aws("B"))

    def test_a_diff_has_a_title_without_a_name(self, runner: SetRunner) -> None:
        connection_id = runner.run_set(aws("A"))["connections"][0]["connection_id"]
        by_id = {"connection_id": connection_id, "aws": {"assume_role": {"role": "Other"}}}
        [diff] = runner.run_set(by_id)["diff"]
        assert diff["before_header"] == f"{connection_id} (update)"

    @pytest.mark.usefixtures("unlisted")
    def test_a_name_with_a_percent_sign(self, runner: SetRunner) -> None:
        [warning] = runner.run_set(aws("100%s"), aws("50%d"))["warnings"]
        assert "'100%s'" in warning and "'50%d'" in warning

    def test_drift_is_told_of_each(self, runner: SetRunner) -> None:
        ids = runner.run_set(aws("A"), aws("B"), aws("C"))["connections"]
        credentials = {"type": "AWSAssumeRole", "role": "Elsewhere"}
        integration = {"type": "AWS", "credentials": credentials}
        runner.edit(ids[1]["connection_id"], integration=integration)
        result = runner.run_set(aws("A"), aws("B"), aws("C"), check_mode=True)
        assert [row["drifted"] for row in result["connections"]] == [False, True, False]
        [warning] = result["warnings"]
        assert "'B'" in warning

    def test_an_empty_set(self, each_runner: SetRunner) -> None:
        result = each_runner.run_set()
        assert (result["changed"], result["connections"], result["diff"]) == (False, [], [])
        assert each_runner.datadog.requests() == []
        assert each_runner.datadog.registry_requests() == []


class TestRequests:
    def test_a_large_set_is_read_from_the_list(self, each_runner: SetRunner) -> None:
        runner, tasks = each_runner, roles(120)
        runner.run_set(*tasks)
        for purge in (False, True):
            runner.datadog.emulator.clear()
            runner.run_set_unchanged(*tasks, purge=purge)
            assert len(runner.datadog.requests()) == 2
            assert runner.datadog.registry_requests() == runner.backend.reads * 2
        # Without the list, each is read, after one attempt to read the list.
        runner.datadog.emulator.settings(list=False)
        runner.datadog.emulator.clear()
        runner.run_set_unchanged(*tasks)
        assert len(runner.datadog.requests()) == 1 + 120

    def test_a_few_of_many_are_read_alone(self, runner: SetRunner) -> None:
        runner.run_set(*roles(201))
        for count, requests in (
            # The first page of the list tells that it is too long.
            (4, 1 + 4),
            (2, 2),
            (1, 1),
        ):
            runner.datadog.emulator.clear()
            runner.run_set_unchanged(*roles(count))
            assert len(runner.datadog.requests()) == requests

    def test_a_few_of_many_rows_of_a_datastore_are_read_alone(
        self, datadog: Datadog, datastore_backend: DatastoreBackend
    ) -> None:
        runner, tasks = SetRunner(datadog, datastore_backend), roles(4)
        runner.run_set(*tasks)
        datastore_backend.add_others(300)
        for count, requests in (
            # All of them are four pages. The first one tells that there are too many for two.
            (4, 4),
            (2, 1 + 2),
            (1, 1),
        ):
            datadog.emulator.clear()
            runner.run_set_unchanged(*tasks[:count])
            assert datadog.registry_requests() == ["GET"] * requests

    @pytest.mark.usefixtures("unlisted")
    def test_without_the_list_one_warning_tells_of_all(self, runner: SetRunner) -> None:
        [warning] = runner.run_set(*roles(12))["warnings"]
        assert "'Account 000', 'Account 001'" in warning and "and 7 more" in warning
        runner.run_set_unchanged(*roles(12))

    def test_without_the_list_and_without_a_registry(self, unlisted: Datadog) -> None:
        result = unlisted.connections(*roles(50), concurrency=1)
        assert result["failed"] and unlisted.writes() == []
        assert "connection_id" in result["msg"] and "registry" in result["msg"]
        # The list, and a look whether it is Datadog that does not offer it.
        assert len(unlisted.requests()) == 2

    def test_rows_of_the_list_without_tags(self, runner: SetRunner) -> None:
        tasks = [{**task, "tags": ["env:prod"]} for task in ALL]
        runner.datadog.emulator.settings(list=True, brief_list=True)
        runner.run_set(*tasks)
        runner.datadog.emulator.clear()
        assert runner.run_set(*tasks)["changed"] is False
        assert runner.datadog.writes() == []

    @pytest.mark.parametrize("settings", [{"plain_attributes": True}, {"tokens_as": "tokens"}])
    def test_other_organizations(self, runner: SetRunner, settings: dict[str, t.Any]) -> None:
        runner.datadog.emulator.settings(**settings)
        runner.run_set(*ALL)
        runner.run_set_unchanged(*ALL)

    @pytest.mark.slow
    def test_all_wait_when_one_is_told_to(self, runner: SetRunner) -> None:
        tasks = roles(12)
        runner.run_set(*tasks)
        runner.datadog.emulator.settings(list=False, latency=0.05)
        runner.datadog.emulator.clear()
        headers = {"X-RateLimit-Reset": "1"}
        runner.datadog.emulator.add_fault("status", status=429, method="GET", path=r"connections/.+", headers=headers)
        runner.run_set_unchanged(*tasks, concurrency=2)
        paths = [request["path"] for request in runner.datadog.requests()]
        [limited] = [path for path in set(paths) if paths.count(path) == 2]
        # Only what was under way at that moment came before it was tried again, and not all of the rest.
        first = paths.index(limited)
        assert paths.index(limited, first + 1) - first <= 6

    @pytest.mark.slow
    @pytest.mark.parametrize("limit, count", [("15/1", 40), ("4/0.4", 12)])
    def test_a_tight_rate_limit(self, runner: SetRunner, limit: str, count: int) -> None:
        runner.datadog.emulator.settings(rate_limit=limit)
        result = runner.run_set(*roles(count))
        assert operations(result) == ["create"] * count
        assert [request for request in runner.datadog.requests() if request["status"] == 429]
        runner.datadog.emulator.settings(rate_limit=None)
        runner.holds_exactly(*(task["name"] for task in roles(count)))


class TestPurge:
    @pytest.mark.parametrize("with_list", [True, False])
    def test_deletes_what_the_registry_knows(self, each_runner: SetRunner, with_list: bool) -> None:
        runner = each_runner
        runner.run_set(*ALL)
        runner.datadog.connection(**aws("Somebody else's"))
        runner.datadog.emulator.settings(list=with_list)
        result = runner.predict_and_run_set(*ALL[:3], aws("New"), purge=True)
        assert operations(result) == ["none"] * 3 + ["create"] + ["delete"] * (len(ALL) - 3)
        assert sorted(titles(result)) == sorted(task["name"] for task in [*ALL, aws("New")])
        assert sorted(runner.backend.ids()) == sorted([*(task["name"] for task in ALL[:3]), "New"])
        there = {each["name"] for each in runner.datadog.emulator.state()["action_connections"]}
        assert there == {*runner.backend.ids(), "Somebody else's"}
        runner.run_set_unchanged(*ALL[:3], aws("New"), purge=True)

    def test_an_empty_set_has_to_be_meant(self, runner: SetRunner) -> None:
        runner.run_set(aws("A"), aws("B"))
        runner.datadog.connection(**aws("Somebody else's"))
        refused = runner.run_set(purge=True)
        assert refused["failed"] and "allow_empty" in refused["msg"]
        assert len(runner.existing()) == 3
        result = runner.predict_and_run_set(purge=True, allow_empty=True)
        assert operations(result) == ["delete", "delete"]
        assert len(runner.existing()) == 1

    def test_one_of_the_same_name_stays(self, runner: SetRunner) -> None:
        """The registry knows another one, which no longer exists."""
        created = runner.run_set(aws("A"), aws("B"))["connections"]
        ids = {row["name"]: row["connection_id"] for row in created}
        runner.delete(ids["B"])
        other = runner.datadog.connection(**aws("B"))["connection_id"]
        result = runner.predict_and_run_set(aws("A"), purge=True)
        assert operations(result) == ["none", "none"]
        assert sorted(runner.existing()) == sorted([ids["A"], other])
        assert list(runner.backend.ids()) == ["A"]
        runner.run_set_unchanged(aws("A"), purge=True)

    def test_what_is_listed_by_its_id_stays(self, runner: SetRunner) -> None:
        connection_id = runner.run_set(aws("A"), aws("B"))["connections"][0]["connection_id"]
        by_id = {"connection_id": connection_id, "aws": {"assume_role": {}}}
        runner.run_set_unchanged(by_id, aws("B"), purge=True)
        renamed = {**aws("A2"), "connection_id": connection_id.upper()}
        result = runner.predict_and_run_set(renamed, aws("B"), purge=True)
        assert operations(result) == ["update", "none"]
        runner.holds_exactly("A2", "B")

    def test_what_another_run_may_be_creating_is_left_alone(self, runner: SetRunner) -> None:
        runner.run_set(aws("A"))
        runner.backend.remember("Claimed", id=None, integration="aws.assume_role", claim="a run")
        result = runner.predict_and_run_set(aws("A"), purge=True)
        assert result["changed"] is False
        [warning] = result["warnings"]
        assert "'Claimed'" in warning
        assert "Claimed" in runner.backend.entries()

    def test_both_of_an_interrupted_replacement_are_deleted(self, runner: SetRunner) -> None:
        runner.run_set(aws("A"), aws("B"))
        runner.add_fault("status", method="DELETE", status=400)
        assert runner.run_set(gitlab("B"), allow_replace=True)["failed"]
        assert len(runner.existing()) == 3
        result = runner.predict_and_run_set(aws("A"), purge=True)
        assert operations(result) == ["none", "delete"]
        runner.holds_exactly("A")
        runner.run_set_unchanged(aws("A"), purge=True)

    @pytest.mark.parametrize("is_gone", [False, True])
    def test_what_is_listed_and_was_to_be_replaced_stays(self, runner: SetRunner, is_gone: bool) -> None:
        former = runner.run_set(gitlab("B"))["connections"][0]["connection_id"]
        runner.add_fault("status", method="DELETE", status=400)
        failed = runner.run_set(aws("B"), allow_replace=True)
        assert failed["failed"]
        if is_gone:
            runner.delete(failed["connections"][0]["connection_id"])
        by_id = {**gitlab("Another"), "connection_id": former}
        result = runner.predict_and_run_set(by_id, purge=True)
        assert operations(result) == ["update", "none" if is_gone else "delete"]
        runner.holds_exactly("Another")

    @pytest.mark.slow
    def test_two_sets_at_once(self, each_runner: SetRunner) -> None:
        """Each deletes what the other one creates. It is undecided which one wins, but nothing is duplicated or lost."""
        runner = each_runner
        runner.datadog.emulator.settings(latency=0.02)
        sets = [roles(14), roles(21)[7:]]
        for _round in range(2):
            for run in [runner.start_set(*tasks, purge=True) for tasks in sets]:
                result = run.result()
                assert not result.get("failed") or "again" in result["msg"]
            names = [c["name"] for c in runner.datadog.emulator.state()["action_connections"]]
            assert len(set(names)) == len(names)
        runner.run_set(*sets[0], purge=True)
        runner.holds_exactly(*(task["name"] for task in sets[0]))
        runner.run_set_unchanged(*sets[0], purge=True)

    def test_deletes_nothing_after_a_failure(self, runner: SetRunner) -> None:
        runner.run_set(aws("A"), aws("B"))
        runner.add_fault("status", status=400, method="POST")
        result = runner.run_set(aws("A"), aws("C"), purge=True)
        assert result["failed"] and result["counts"]["failed"] == 1
        assert result["connections"][-1]["skipped"] and result["connections"][-1]["name"] == "B"
        runner.holds_exactly("A", "B")
        again = runner.run_set(aws("A"), aws("C"), purge=True)
        assert operations(again) == ["none", "create", "delete"]
        runner.holds_exactly("A", "C")


class TestStaleLists:
    """What the list said holds for as long as nothing else says otherwise."""

    @pytest.mark.slow
    def test_a_list_older_than_the_registry_is_no_drift(self, runner: SetRunner) -> None:
        tasks = [gitlab(name) for name in "ABC"]
        runner.run_set(*tasks)
        tasks[0] = gitlab("A", f"{CANARY}-new")
        runner.add_fault("hang", method="GET", when="after", seconds=4)
        run = runner.start_set(*tasks, _ansible_check_mode=True)
        runner.datadog.emulator.wait_for_fault()
        assert runner.run(**tasks[0])["operation"] == "update"
        result = run.result()
        assert not result.get("failed"), result["msg"]
        assert result["warnings"] == []
        assert not any(row["drifted"] for row in result["connections"])

    @pytest.mark.slow
    def test_one_that_shifts_while_it_is_read(self, runner: SetRunner) -> None:
        """One of the first page is deleted, so that the first of the second page is never seen."""
        runner.run_set(*roles(101))
        rows = sorted(runner.datadog.emulator.state()["action_connections"], key=lambda row: row["id"])
        runner.add_fault("hang", method="GET", when="after", seconds=1)
        absent = [{"name": rows[100]["name"]}, {"name": "Nobody"}]
        run = runner.start_set(*absent, state="absent", registry=None)
        runner.datadog.emulator.wait_for_fault()
        runner.delete(rows[0]["id"])
        assert operations(run.result()) == ["delete", "none"]

    def test_one_that_breaks_and_is_not_needed(self, runner: SetRunner) -> None:
        runner.run_set(*roles(5))
        runner.datadog.emulator.add_fault("status", status=500, method="GET", path="connections$", times=None)
        runner.run_set_unchanged(*roles(5), retries=0)

    @pytest.mark.parametrize("lacking", ["name", "last_updated", "integration"])
    def test_rows_that_lack_something(
        self, runner: SetRunner, file_backend: FileBackend, server: Server, lacking: str
    ) -> None:
        """The proposal says that rows are as GET returns them. If they are not, each connection is read."""
        created = runner.run_set(*roles(3))["connections"]
        ids = [row["connection_id"] for row in created]
        read = [runner.datadog.emulator.call("GET", f"{PATH}/{each}").body["data"] for each in ids]
        file_backend.edit(site=server.url.split("//")[1])
        rows = [{**row, "attributes": {k: v for k, v in row["attributes"].items() if k != lacking}} for row in read]
        server.answers["GET"] = [
            (200, {"data": rows, "meta": {"total_filtered": 3}}),
            *((200, {"data": row}) for row in read),
        ]
        params = {"api_url": server.url, "check_mode": True, "concurrency": 1}
        result = runner.run_set(*roles(3), **params)
        assert operations(result) == ["none"] * 3
        assert not any(row["drifted"] for row in result["connections"])


class TestFailures:
    @pytest.mark.slow
    def test_an_id_that_cannot_be_recorded_is_named(self, each_runner: SetRunner) -> None:
        runner = each_runner
        runner.add_fault("hang", method="POST", when="after", seconds=1)
        run = runner.start_set(aws("A"), aws("B"), concurrency=1)
        runner.datadog.emulator.wait_for_fault()
        runner.backend.forbid_writing()
        result = run.result()
        runner.backend.allow_writing()
        [connection_id] = runner.existing()
        assert result["failed"] and result["changed"] and connection_id in result["msg"]
        assert result["connections"][0]["connection_id"] == connection_id
        # As the error says.
        runner.run(**aws("A"), connection_id=connection_id)
        assert runner.backend.ids()["A"] == connection_id

    @pytest.mark.parametrize("concurrency", [1, 8])
    def test_one_is_refused_and_the_rest_is_done(self, runner: SetRunner, concurrency: int) -> None:
        tasks = [*roles(6), gitlab("G")]
        runner.add_fault("status", status=400, method="POST", skip=3)
        result = runner.run_set(*tasks, concurrency=concurrency)
        assert result["failed"] and result["changed"] and result["http_status"] == 400
        [failed] = [row for row in result["connections"] if row.get("failed")]
        position = titles(result).index(failed["name"])
        assert f"connections[{position}]" in result["msg"] and failed["name"] in result["msg"]
        assert failed["operation"] == "none"
        done = [row["name"] for row in result["connections"] if row["operation"] == "create"]
        assert len(done) == len(result["diff"]) == result["counts"]["create"] == 6
        runner.holds_exactly(*done)
        again = runner.run_set(*tasks)
        assert sorted(operations(again)) == ["create"] + ["none"] * 6
        runner.run_set_unchanged(*tasks)
        runner.holds_exactly(*titles(again))

    @pytest.mark.parametrize("status", [401, 403, 429, 500])
    def test_what_all_would_meet_ends_it(self, runner: SetRunner, status: int) -> None:
        tasks = roles(60)
        runner.add_fault("status", status=status, method="POST", skip=5, times=None)
        result = runner.run_set(*tasks, concurrency=4, retries=0)
        assert result["failed"] and result["http_status"] == status
        counts = result["counts"]
        assert (counts["create"], counts["failed"] + counts["skipped"]) == (5, 55)
        assert 1 <= counts["failed"] <= 4
        assert ("connections_write" in result["msg"]) == (status == 403)
        runner.datadog.emulator.clear_faults()
        if status == 500:
            # A POST that was answered so may have had its effect: its names stay claimed.
            claimed = [row["name"] for row in result["connections"] if row.get("failed")]
            assert set(claimed) <= set(runner.backend.entries())
            tasks = [task for task in tasks if task["name"] not in claimed]
        again = runner.run_set(*tasks)
        assert again["counts"]["create"] == len(tasks) - 5
        assert len(runner.existing()) == len(tasks)
        runner.run_set_unchanged(*tasks)

    def test_one_that_cannot_be_keeps_all_from_being_written(self, runner: SetRunner) -> None:
        runner.run_set(aws("A"))
        before = runner.backend.raw()
        runner.datadog.emulator.clear()
        result = runner.run_set(gitlab("A"), aws("B"), {"name": "C", "aws": {"assume_role": {}}})
        assert result["failed"]
        assert "connections[0]: " in result["msg"] and "allow_replace" in result["msg"]
        assert "connections[2].aws.assume_role.account_id is required" in result["msg"]
        assert (result["counts"]["failed"], result["counts"]["skipped"]) == (2, 1)
        assert (result["changed"], result["diff"]) == (False, [])
        assert runner.datadog.writes() == [] and runner.backend.raw() == before

    @pytest.mark.slow
    @pytest.mark.parametrize("fault", [fault for fault in LOST_ANSWERS if fault.get("when") != "before"])
    def test_lost_answers(self, runner: SetRunner, fault: dict[str, t.Any]) -> None:
        tasks = [*roles(6), gitlab("G")]
        runner.add_fault(**fault, method="POST", skip=2, times=2)
        result = runner.run_set(*tasks)
        assert not result.get("failed"), result["msg"]
        assert operations(result) == ["create"] * 7
        runner.holds_exactly(*titles(result))
        runner.run_set_unchanged(*tasks)

    def test_a_registry_that_cannot_be_written(self, each_runner: SetRunner) -> None:
        runner = each_runner
        runner.run_set(aws("A"))
        runner.backend.forbid_writing()
        result = runner.run_set(aws("A"), aws("B"), aws("C"), concurrency=1)
        assert result["failed"] and runner.backend.registry.split(":")[-1] in result["msg"]
        assert len(runner.existing()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("with_list", [True, False])
def test_two_runs_at_once(each_runner: SetRunner, with_list: bool) -> None:
    """Whichever one claims a name creates its connection; the other one waits for it."""
    runner, tasks = each_runner, roles(30)
    runner.datadog.emulator.settings(latency=0.02, list=with_list)
    runs = [runner.start_set(*tasks) for _number in range(2)]
    results = [run.result() for run in runs]
    runner.holds_exactly(*(task["name"] for task in tasks))
    ids = runner.backend.ids()
    for result in results:
        assert not result.get("failed") or "again" in result["msg"]
        for row in result["connections"]:
            assert row["connection_id"] in (None, ids[row["name"]])
    assert sum(result["counts"]["create"] for result in results) == 30
    runner.datadog.emulator.settings(latency=0)
    runner.run_set_unchanged(*tasks)


def test_the_same_connection_twice(runner: SetRunner) -> None:
    connection_id = runner.run_set(aws("A"))["connections"][0]["connection_id"]
    by_id = {"connection_id": connection_id, "aws": {"assume_role": {"role": "Other"}}}
    result = runner.run_set(aws("A"), aws("B"), by_id)
    assert result["failed"]
    for text in ("connections[0]", "connections[2]", connection_id):
        assert text in result["msg"]
    runner.holds_exactly("A")


def test_several_of_a_name_are_named(runner: SetRunner) -> None:
    for _number in range(2):
        credentials = {"type": "AWSAssumeRole", "account_id": "123456789012", "role": "R"}
        attributes = {"name": "Twin", "integration": {"type": "AWS", "credentials": credentials}}
        body = {"data": {"type": "action_connection", "attributes": attributes}}
        assert runner.datadog.emulator.call("POST", PATH, body).status == 201
    result = runner.run_set(aws("A"), aws("Twin"))
    assert result["failed"] and "connections[1]: " in result["msg"]
    for connection_id in runner.existing():
        assert connection_id in result["msg"]
