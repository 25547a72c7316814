# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry in an Actions datastore: its requests, its rows, and which datastores are refused."""

from __future__ import annotations

import typing as t

import pytest
from datadog_api_client.configuration import Configuration
from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v2.model.bulk_put_apps_datastore_items_request import (
    BulkPutAppsDatastoreItemsRequest,
)
from datadog_api_client.v2.model.delete_apps_datastore_item_request import (
    DeleteAppsDatastoreItemRequest,
)
from datadog_api_client.v2.model.update_apps_datastore_item_request import (
    UpdateAppsDatastoreItemRequest,
)

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import CREDENTIALS
from ansible_collections.tidyops.datadog.tests.unit.examples import LOST_ANSWERS, example
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    DATASTORES,
    DatastoreBackend,
    RegistryRunner,
    rotated,
)

AWS = example("aws.assume_role")
GITLAB = example("gitlab.api_key")
ROTATED = rotated(GITLAB, "gitlab.api_key")
REPLACING = {**AWS, "name": "GitLab", "allow_replace": True}
ABSENT = {"name": "GitLab", "state": "absent"}
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
MODELS = {
    "POST": BulkPutAppsDatastoreItemsRequest,
    "PATCH": UpdateAppsDatastoreItemRequest,
    "DELETE": DeleteAppsDatastoreItemRequest,
}


@pytest.fixture
def backend(datastore_backend: DatastoreBackend) -> DatastoreBackend:
    return datastore_backend


@pytest.fixture(autouse=True)
def without_list(runner: RegistryRunner) -> None:
    """Most organizations have no list of connections."""
    runner.datadog.emulator.settings(list=False)


def many(count: int) -> list[dict[str, t.Any]]:
    return [{**AWS, "name": f"AWS {number:03}"} for number in range(count)]


class TestRequests:
    """How many requests a task makes, which are the price of this backend."""

    def counted(self, runner: RegistryRunner) -> tuple[int, int]:
        """The requests for connections and those for the registry since the last time."""
        found = len(runner.datadog.requests()), len(runner.datadog.registry_requests())
        runner.datadog.emulator.clear()
        return found

    def test_of_a_connection(self, runner: RegistryRunner) -> None:
        created = runner.run(**GITLAB)["connection_id"]
        assert self.counted(runner)[1] <= 3
        for identity in ({}, {"connection_id": created}):
            assert runner.run(**GITLAB, **identity)["changed"] is False
            assert self.counted(runner) == (1, 1)
        # Another one, where the registry is not empty.
        runner.run(**AWS)
        assert self.counted(runner)[1] <= 3
        runner.run(**ROTATED)
        assert self.counted(runner)[1] <= 3
        runner.run(**ABSENT)
        assert self.counted(runner)[1] <= 3

    @pytest.mark.slow
    def test_of_a_set(self, runner: RegistryRunner) -> None:
        tasks, registry = many(100), runner.backend.registry
        result = runner.datadog.connections(*tasks, registry=registry)
        assert result["counts"]["create"] == 100
        requests, reads = self.counted(runner)
        # Each create is a POST, and the GET that completes its answer.
        assert len(runner.backend.ids()) == 100
        assert requests <= 210 and reads <= 110
        runner.datadog.emulator.clear()
        assert runner.datadog.connections(*tasks, registry=registry)["changed"] is False
        requests, reads = self.counted(runner)
        assert requests <= 101 and reads <= 3

    def test_nothing_is_left_but_the_row(self, runner: RegistryRunner, backend: DatastoreBackend) -> None:
        for task in (GITLAB, ROTATED, REPLACING):
            runner.run(**task)
            assert [row["id"] for row in backend.rows()] == ["GitLab"]
        runner.run(**ABSENT)
        assert backend.rows() == []

    def test_the_official_client_reads_what_is_sent(self, runner: RegistryRunner) -> None:
        for task in (GITLAB, ROTATED, REPLACING, ABSENT):
            runner.run(**task)
        read = set()
        for request in runner.datadog.emulator.requests():
            is_ours = "user-agent" in request["headers"]
            if is_ours and request["path"].startswith(DATASTORES) and request["body"]:
                model = MODELS[request["method"]]
                validate_and_convert_types(request["body"], (model,), ["body"], True, True, Configuration())
                read.add(request["method"])
        assert read == set(MODELS)


@pytest.mark.parametrize(
    "name",
    ["x" * 300, "tidyops.datadog/sets", "Ünïcode ☃", "a  b", "a/b?c=d&e#f", "'\"\\"],
)
def test_any_name(runner: RegistryRunner, backend: DatastoreBackend, name: str) -> None:
    task = {**GITLAB, "name": name}
    created = runner.predict_and_run(**task)["connection_id"]
    runner.run_unchanged(**task)
    assert backend.ids() == {name: created}
    info = runner.datadog.run("action_connection_info", registry=backend.registry)
    assert [each["name"] for each in info["connections"]] == [name]
    assert runner.run(name=name, state="absent")["operation"] == "delete"
    assert backend.rows() == []


class TestRefused:
    """Datastores that cannot be a registry: an error before anything is created."""

    def create_store(self, runner: RegistryRunner, **attributes: str) -> DatastoreBackend:
        """Create another datastore, which belongs to another user."""
        attributes = {"name": "x", "primary_column_name": "id", **attributes}
        body = {"data": {"type": "datastores", "attributes": attributes}}
        headers = {**CREDENTIALS, "DD-APPLICATION-KEY": "another user's"}
        answer = runner.datadog.emulator.call("POST", DATASTORES, body, headers)
        found = object.__new__(DatastoreBackend)
        found._emulator, found._id = runner.datadog.emulator, answer.body["data"]["id"]
        found._path = f"{DATASTORES}/{found._id}/items"
        found.registry = f"datastore:{found._id}"
        return found

    def refused(self, runner: RegistryRunner, registry: str, *words: str, reads: bool = True) -> None:
        """:param reads: whether reading shows it already, so that check mode fails, too."""
        for check_mode in (True, False) if reads else (False,):
            result = runner.datadog.connection(**GITLAB, registry=registry, check_mode=check_mode)
            assert result["failed"]
            for word in (registry, *words):
                assert word in result["msg"]
        assert runner.existing() == [] and not runner.datadog.writes()

    def test_an_unknown_one(self, runner: RegistryRunner) -> None:
        self.refused(runner, f"datastore:{UNKNOWN_ID}", "HTTP 404", "UUID")

    def test_one_that_may_not_be_read(self, runner: RegistryRunner) -> None:
        runner.datadog.emulator.settings(deny=["apps_datastore_read"])
        self.refused(runner, runner.backend.registry, "HTTP 403", "apps_datastore_read")

    def test_no_permission_to_write(self, runner: RegistryRunner) -> None:
        runner.backend.forbid_writing()
        self.refused(runner, runner.backend.registry, "HTTP 403", "apps_datastore_write", reads=False)

    def test_one_that_others_may_read_only(self, runner: RegistryRunner) -> None:
        store = self.create_store(runner, org_access="viewer")
        self.refused(runner, store.registry, "HTTP 403", "contributor or manager", reads=False)

    def test_a_full_one(self, runner: RegistryRunner) -> None:
        runner.datadog.emulator.settings(datastore_rows=0)
        self.refused(runner, runner.backend.registry, "full", reads=False)

    def test_another_primary_column(self, runner: RegistryRunner) -> None:
        store = self.create_store(runner, primary_column_name="name")
        self.refused(runner, store.registry, "primary column", "'id'", reads=False)

    @pytest.mark.parametrize(
        "columns, words",
        [
            ({}, ["not a registry", "'key'"]),
            ({"version": 1}, ["not a registry", "'key'"]),
            ({"version": "1", "site": "x"}, ["not a registry", "'key'"]),
            ({"version": 1, "site": "datadoghq.eu"}, ["belongs to datadoghq.eu"]),
            ({"version": 4, "site": "x", "more": "columns"}, ["version 4", "Update"]),
        ],
    )
    def test_other_rows(self, runner: RegistryRunner, columns: dict[str, t.Any], words: list[str]) -> None:
        store = self.create_store(runner)
        store.put({"id": "key", **columns})
        tasks, registry = many(2), store.registry
        for check_mode in (True, False):
            results = [
                runner.datadog.connections(*tasks, registry=registry, check_mode=check_mode),
                runner.run(**{**GITLAB, "name": "key"}, registry=registry, check_mode=check_mode),
                runner.datadog.run("action_connection_info", registry=registry),
            ]
            for result in results:
                assert result["failed"]
                for word in (store.registry, *words):
                    assert word in result["msg"]
        assert runner.existing() == [] and not runner.datadog.writes()

    @pytest.mark.parametrize(
        "columns, words",
        [
            ({"connection_id": "7"}, "UUID"),
            ({"secrets": {"api_token": "c4n4ry"}}, "wrong secrets"),
            ({"secrets": "none"}, "wrong secrets"),
            ({"connection_id": ""}, "has no id"),
            ({"name": "Another"}, "another name than its key"),
            ({"moved_to": "Another"}, "'Another'"),
        ],
    )
    def test_a_broken_row(
        self,
        runner: RegistryRunner,
        backend: DatastoreBackend,
        columns: dict[str, t.Any],
        words: str,
    ) -> None:
        runner.run(**GITLAB)
        backend.edit("GitLab", **columns)
        result = runner.datadog.connection(**GITLAB, registry=backend.registry)
        assert result["failed"] and "'GitLab'" in result["msg"] and words in result["msg"]

    def test_empty_columns_are_none(self, runner: RegistryRunner, backend: DatastoreBackend) -> None:
        """Those of other rows, and those that a person has emptied."""
        runner.run(**GITLAB)
        empty = ("beat", "holder", "sets", "name", "claim", "creating", "replaces", "moved_to")
        backend.edit("GitLab", **dict.fromkeys(empty))
        runner.run_unchanged(**GITLAB)


class TestFormer:
    """Rows of version 1 of the format, which releases 1.x wrote."""

    def test_are_read_and_rewritten(self, runner: RegistryRunner, backend: DatastoreBackend) -> None:
        runner.run(**GITLAB)
        backend.edit("GitLab", version=1, creating="", moved_to="", claim=None)
        common = {"version": 1, "site": runner.datadog.emulator.url.split("//")[1]}
        backend.put(
            {"id": "tidyops.datadog/lock/0", **common, "holder": "x", "beat": 7},
            {"id": "tidyops.datadog/sets", **common, "sets": [["a", "b"]]},
        )
        runner.run_unchanged(**GITLAB)
        info = runner.datadog.run("action_connection_info", registry=backend.registry)
        assert [each["name"] for each in info["connections"]] == ["GitLab"]
        assert runner.run(**ROTATED)["operation"] == "update"
        assert {row["version"] for row in backend.rows() if row["id"] == "GitLab"} == {3}
        runner.run_unchanged(**ROTATED)


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize("partial_batches", [True, False])
def test_conflicts_in_a_batch(
    runner: RegistryRunner, backend: DatastoreBackend, status: int, partial_batches: bool
) -> None:
    """Another run has claimed two of three names after this one has read the registry."""
    emulator, tasks = runner.datadog.emulator, many(3)
    emulator.settings(datastore_conflict=status, partial_batches=partial_batches)
    emulator.add_fault("hang", method="POST", path=DATASTORES, seconds=1, when="before")
    run = runner.datadog.start("action_connections", connections=tasks, registry=backend.registry)
    emulator.wait_for_fault()
    claimed = {"id": None, "claim": "another run's"}
    backend.add({task["name"]: claimed for task in tasks[:2]})
    result = run.result()
    assert result["failed"] and result["changed"]
    assert [row["operation"] for row in result["connections"]] == ["none", "none", "create"]
    for task in tasks[:2]:
        assert repr(task["name"]) in result["msg"]
        assert backend.entries()[task["name"]]["claim"] == "another run's"
    assert list(backend.ids().values()).count(None) == 2
    assert len(runner.existing()) == 1


def test_a_datastore_that_fills_up(runner: RegistryRunner, backend: DatastoreBackend) -> None:
    """What was created before is returned, and nothing is claimed that was not created."""
    runner.datadog.emulator.settings(datastore_rows=20)
    result = runner.datadog.connections(*many(40), registry=backend.registry)
    assert result["failed"] and result["changed"] and "full" in result["msg"]
    assert backend.registry in result["msg"]
    created = [row for row in result["connections"] if row["operation"] == "create"]
    assert {row["connection_id"] for row in created} == set(runner.existing())
    assert {row["name"]: row["connection_id"] for row in created} == backend.ids()
    assert result["counts"]["failed"] + result["counts"]["skipped"] == 40 - len(created)


class TestPages:
    @pytest.mark.parametrize("batch", [16, 100])
    def test_rows_that_change_places(self, runner: RegistryRunner, backend: DatastoreBackend, batch: int) -> None:
        """Rows that were inserted together are in another order every time.

        Releases 1.x inserted up to 100. That a row is left out would have its connection created a second time.
        """
        runner.run(**GITLAB)
        rows = {
            f"Other {number:03}": {
                "id": f"{number:08}{UNKNOWN_ID[8:]}",
                "last_updated": "2026-01-01T00:00:00Z",
            }
            for number in range(250)
        }
        for start in range(0, len(rows), batch):
            backend.add(dict(list(rows.items())[start : start + batch]))
        info = runner.datadog.run("action_connection_info", registry=backend.registry)
        if batch == 100 and info.get("failed"):
            assert backend.registry in info["msg"]
        else:
            assert [each["name"] for each in info["connections"]] == ["GitLab"]
            assert info["missing"] == sorted(rows)

    def test_a_row_that_is_deleted_meanwhile(self, runner: RegistryRunner, backend: DatastoreBackend) -> None:
        backend.add_others(150)
        names = sorted(backend.ids())
        emulator = runner.datadog.emulator
        # The second page waits; the first of the rows on it moves to the first one, which is read by now.
        emulator.add_fault("hang", method="GET", path=DATASTORES, skip=1, seconds=1)
        run = runner.datadog.start("action_connection_info", registry=backend.registry, timeout=30, retries=0)
        emulator.wait_for_fault()
        backend.delete(names[:1])
        assert set(names[1:]) <= set(run.result()["missing"])


#: What exists before, and what is done to it.
TASKS: dict[str, tuple[t.Any, dict[str, t.Any]]] = {
    "create": (None, GITLAB),
    "update": (GITLAB, ROTATED),
    "replace": (GITLAB, REPLACING),
    "rename": (GITLAB, {**GITLAB, "name": "Renamed", "connection_id": ""}),
    "delete": (GITLAB, ABSENT),
}
UNAVAILABLE: dict[str, t.Any] = {"kind": "status", "status": 503}
FAULTS = [
    *(("create", fault) for fault in (*LOST_ANSWERS, UNAVAILABLE, {"kind": "not_json"})),
    *((task, fault) for task in list(TASKS)[1:] for fault in (LOST_ANSWERS[0], UNAVAILABLE)),
]


@pytest.mark.slow
class TestFaults:
    """Something goes wrong with one request of the registry, whichever it is."""

    def begin(self, runner: RegistryRunner, doing: str) -> dict[str, t.Any]:
        """Create what exists before. :returns: the task."""
        before, task = TASKS[doing]
        runner.datadog.emulator.reset()
        runner.backend.reset()
        if before:
            created = runner.run(**before)["connection_id"]
            task = {**task, **({"connection_id": created} if "connection_id" in task else {})}
        return task

    def is_done(self, runner: RegistryRunner, task: dict[str, t.Any]) -> None:
        """Nothing is duplicated, lost, or left to be done."""
        ids = {} if task.get("state") else {task["name"]: runner.backend.ids()[task["name"]]}
        assert runner.backend.ids() == ids
        assert runner.existing() == list(ids.values())
        result = runner.run(**task)
        assert (result["changed"], result["operation"]) == (False, "none")

    @pytest.mark.parametrize("doing, fault", FAULTS)
    def test_once(self, runner: RegistryRunner, doing: str, fault: dict[str, t.Any]) -> None:
        for skip in range(20):
            task = self.begin(runner, doing)
            runner.datadog.emulator.add_fault(**fault, path=DATASTORES, skip=skip)
            result = runner.datadog.connection(**task, registry=runner.backend.registry)
            fired = runner.datadog.emulator.faults()[0]["fired"]
            runner.datadog.emulator.clear_faults()
            assert not result.get("failed"), (skip, result["msg"])
            self.is_done(runner, task)
            if not fired:
                assert skip > 1
                return
        raise AssertionError("it never came to its end")

    @pytest.mark.parametrize("doing", TASKS)
    def test_from_then_on(self, runner: RegistryRunner, doing: str) -> None:
        failures = 0
        for skip in range(20):
            task = self.begin(runner, doing)
            runner.datadog.emulator.add_fault(**UNAVAILABLE, path=DATASTORES, skip=skip, times=None)
            result = runner.datadog.connection(**task, registry=runner.backend.registry, retries=0, timeout=1)
            fired = runner.datadog.emulator.faults()[0]["fired"]
            runner.datadog.emulator.clear_faults()
            if result.get("failed"):
                failures += 1
                assert runner.backend.registry in result["msg"]
                runner.settle(task)
                if len(runner.backend.ids()) > 1:
                    # An interrupted renaming: whatever reads all rows says that one is to be removed.
                    info = runner.datadog.run("action_connection_info", registry=runner.backend.registry)
                    assert info["failed"] and "'GitLab' and 'Renamed'" in info["msg"]
                    runner.backend.delete(["GitLab"])
            self.is_done(runner, task)
            if not fired:
                assert failures > 1
                return
        raise AssertionError("it never came to its end")
