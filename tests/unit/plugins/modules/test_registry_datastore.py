# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry in an Actions datastore: its requests, its rows, which datastores are refused, and its locks."""

from __future__ import annotations

import os
import signal
import time
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

from ansible_collections.tidyops.datadog.plugins.module_utils import _datastore_registry
from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import CREDENTIALS
from ansible_collections.tidyops.datadog.tests.unit.examples import LOST_ANSWERS, example
from ansible_collections.tidyops.datadog.tests.unit.keeper import (
    DATASTORES,
    DatastoreHome,
    Keeper,
    rotated,
    secrets_of,
)
from ansible_collections.tidyops.datadog.tests.unit.killer import Killer

GITLAB = example("gitlab.api_key")
ROTATED = rotated(GITLAB, "gitlab.api_key")
AWS = {**example("aws.assume_role"), "name": "GitLab", "allow_replace": True}
ABSENT = {"name": "GitLab", "state": "absent"}
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
MODELS = {
    "POST": BulkPutAppsDatastoreItemsRequest,
    "PATCH": UpdateAppsDatastoreItemRequest,
    "DELETE": DeleteAppsDatastoreItemRequest,
}
RENAMED = {**GITLAB, "name": "Renamed", "connection_id": ""}
#: What was there before, and what is done to it, by its id if there is an empty one.
TASKS: dict[str, tuple[t.Any, dict[str, t.Any]]] = {
    "create": (None, GITLAB),
    "update": (GITLAB, ROTATED),
    "replace": (GITLAB, AWS),
    "rename": (GITLAB, RENAMED),
    "delete": (GITLAB, ABSENT),
    "delete by id": (GITLAB, {"connection_id": "", "state": "absent"}),
}
UNAVAILABLE: dict[str, t.Any] = {"kind": "status", "status": 503}
#: All of them for creating, and some for the rest.
FAULTS = [
    *(("create", fault) for fault in (*LOST_ANSWERS, UNAVAILABLE, {"kind": "not_json"})),
    *(
        (task, fault)
        for task in TASKS
        if task != "create"
        for fault in (LOST_ANSWERS[0], UNAVAILABLE)
    ),
]


@pytest.fixture
def home(datastore_home: DatastoreHome) -> DatastoreHome:
    return datastore_home


def make_store(keeper: Keeper, user: str = "somebody-else", **attributes: str) -> str:
    """Make another datastore. :returns: the option that names it."""
    attributes = {"name": "x", "primary_column_name": "id", **attributes}
    body = {"data": {"type": "datastores", "attributes": attributes}}
    headers = {**CREDENTIALS, "DD-APPLICATION-KEY": user}
    answer = keeper.datadog.emulator.call("POST", DATASTORES, body, headers)
    return f"datastore:{answer.body['data']['id']}"


def held(keeper: Keeper, connection_id: str, task: dict[str, t.Any]) -> bool:
    """Whether Datadog has the secret of a task."""
    [secret] = secrets_of(task, "gitlab.api_key").values()
    return keeper.datadog.emulator.holds_secret(connection_id, "api_token", secret)


def all_answered(keeper: Keeper) -> None:
    """Wait until every request so far was worked on, whether anybody waits for it or not."""
    until = time.monotonic() + 60
    while any(request["status"] is None for request in keeper.datadog.emulator.requests()):
        assert time.monotonic() < until
        time.sleep(0.1)


class TestRequests:
    def test_an_unchanged_connection_takes_two(self, keeper: Keeper) -> None:
        created = keeper.run(**GITLAB)["connection_id"]
        for identity in ({}, {"connection_id": created}):
            keeper.datadog.emulator.clear()
            assert keeper.run(**GITLAB, **identity)["changed"] is False
            paths = [
                (each["method"], each["path"])
                for each in keeper.datadog.emulator.requests()
                if "user-agent" in each["headers"]
            ]
            assert paths == [
                ("GET", f"{DATASTORES}/{DatastoreHome.ID}/items"),
                ("GET", f"/api/v2/actions/connections/{created}"),
            ]

    def test_by_its_id_alone_all_rows_are_read(self, keeper: Keeper, home: DatastoreHome) -> None:
        created = keeper.run(**GITLAB)["connection_id"]
        entry = home.entries()["GitLab"]
        others = {f"Other {n}": {**entry, "id": f"{n:08}{UNKNOWN_ID[8:]}"} for n in range(99)}
        home.write({**others, "GitLab": entry})
        task = {**GITLAB, "connection_id": created}
        del task["name"]
        keeper.datadog.emulator.clear()
        assert keeper.run(**task)["changed"] is False
        assert keeper.datadog.registry_requests() == ["GET"]

    def test_nothing_is_left_but_the_row(self, keeper: Keeper, home: DatastoreHome) -> None:
        keeper.run(**GITLAB)
        keeper.run(**ROTATED)
        [row] = home.rows()
        assert row["id"] == "GitLab"
        keeper.run(**ABSENT)
        assert home.rows() == []

    def test_the_official_client_reads_what_is_sent(self, keeper: Keeper) -> None:
        keeper.run(**GITLAB)
        keeper.run(**ROTATED)
        keeper.run(**ABSENT)
        read = set()
        for request in keeper.datadog.emulator.requests():
            is_ours = "user-agent" in request["headers"]
            if is_ours and request["path"].startswith(DATASTORES) and request["body"]:
                model = MODELS[request["method"]]
                validate_and_convert_types(
                    request["body"], (model,), ["body"], True, True, Configuration()
                )
                read.add(request["method"])
        assert read == set(MODELS)


class TestNames:
    @pytest.mark.parametrize(
        "name", ["x" * 300, "tidyops.datadog/sets", "Ünïcode ☃", " a  b ", "a/b?c=d&e#f", "'\"\\"]
    )
    def test_any_name(self, keeper: Keeper, home: DatastoreHome, name: str) -> None:
        task = {**GITLAB, "name": name}
        created = keeper.foretold_and_run(**task)["connection_id"]
        keeper.is_silent(**task)
        [row] = home.rows()
        assert row.get("name", row["id"]) == name and row["connection_id"] == created
        info = keeper.datadog.run("action_connection_info", registry=home.registry)
        assert [each["name"] for each in info["connections"]] == [name]
        assert keeper.run(name=name, state="absent")["operation"] == "delete"
        assert home.rows() == []


class TestRefused:
    """Datastores that cannot be a registry: an error before anything is created."""

    def refused(self, keeper: Keeper, registry: str, *words: str, reads: bool = True) -> None:
        """:param reads: whether reading tells already, so that check mode does."""
        for check_mode in (True, False) if reads else (False,):
            result = keeper.datadog.connection(**GITLAB, registry=registry, check_mode=check_mode)
            assert result["failed"]
            for word in (registry, *words):
                assert word in result["msg"]
        assert keeper.there() == [] and not keeper.datadog.writes()

    def test_one_that_is_not_there(self, keeper: Keeper) -> None:
        self.refused(keeper, f"datastore:{UNKNOWN_ID}", "HTTP 404", "Ways out: correct the UUID")

    def test_one_that_may_not_be_read(self, keeper: Keeper, home: DatastoreHome) -> None:
        keeper.datadog.emulator.settings(deny=["apps_datastore_read"])
        self.refused(keeper, home.registry, "HTTP 403", "apps_datastore_read")

    def test_no_permission_to_write(self, keeper: Keeper, home: DatastoreHome) -> None:
        home.forbid_writing()
        self.refused(keeper, home.registry, "HTTP 403", "apps_datastore_write", reads=False)

    def test_one_that_belongs_to_others(self, keeper: Keeper) -> None:
        registry = make_store(keeper, org_access="viewer")
        self.refused(keeper, registry, "HTTP 403", "contributor or manager", reads=False)

    @pytest.mark.parametrize("rows", [1, 2])
    def test_a_full_one(self, keeper: Keeper, home: DatastoreHome, rows: int) -> None:
        """Without room for the lock, or with room for the lock alone."""
        keeper.run(**{**GITLAB, "name": "Another"})
        keeper.datadog.emulator.settings(datastore_rows=rows)
        result = keeper.run(**GITLAB)
        assert result["failed"] and "It may be full" in result["msg"]
        assert len(keeper.there()) == 1
        assert [row["id"] for row in home.rows()] == ["Another"]

    def test_another_primary_column(self, keeper: Keeper) -> None:
        registry = make_store(keeper, primary_column_name="name")
        self.refused(keeper, registry, "primary column is not 'id'", reads=False)

    def put(self, keeper: Keeper, registry: str, **columns: t.Any) -> None:
        path = f"{DATASTORES}/{registry.split(':')[1]}/items/bulk"
        body = {"data": {"type": "items", "attributes": {"values": [{"id": "key", **columns}]}}}
        assert keeper.datadog.emulator.call("POST", path, body).status == 200

    @pytest.mark.parametrize("columns", [{}, {"version": 1}, {"version": "1", "site": "x"}])
    def test_one_with_other_rows(self, keeper: Keeper, columns: dict[str, t.Any]) -> None:
        registry = make_store(keeper)
        self.put(keeper, registry, **columns)
        self.refused(keeper, registry, "is something else", "its row 'key'")

    def test_one_of_another_site(self, keeper: Keeper) -> None:
        registry = make_store(keeper)
        self.put(keeper, registry, version=1, site="datadoghq.eu")
        self.refused(keeper, registry, "belongs to datadoghq.eu")

    def test_one_of_a_later_release(self, keeper: Keeper) -> None:
        registry = make_store(keeper)
        self.put(keeper, registry, version=2, site="x", more="columns")
        self.refused(keeper, registry, "version 2", "Update the collection")

    @pytest.mark.parametrize(
        "columns, words",
        [
            ({"color": "red"}, "not known here: color"),
            ({"connection_id": "7"}, "has no UUID as id"),
            ({"secrets": {"api_token": "c4n4ry"}}, "something else than fingerprints"),
            ({"secrets": "none"}, "something else than fingerprints"),
            ({"connection_id": ""}, "has no id"),
            ({"name": "Another"}, "has another name than its key says"),
        ],
    )
    def test_a_broken_row(
        self, keeper: Keeper, home: DatastoreHome, columns: dict[str, t.Any], words: str
    ) -> None:
        keeper.run(**GITLAB)
        self.edit(keeper, home, **columns)
        result = keeper.datadog.connection(**GITLAB, registry=home.registry)
        assert result["failed"] and "its row 'GitLab'" in result["msg"] and words in result["msg"]

    def test_columns_without_a_value_are_not_there(
        self, keeper: Keeper, home: DatastoreHome
    ) -> None:
        """Those of other rows, and those that somebody has emptied."""
        keeper.run(**GITLAB)
        empty = ("beat", "holder", "sets", "name", "creating", "replaces", "moved_to")
        self.edit(keeper, home, **dict.fromkeys(empty))
        keeper.is_silent(**GITLAB)

    def edit(self, keeper: Keeper, home: DatastoreHome, **columns: t.Any) -> None:
        """Do what somebody might do in Datadog's pages."""
        path = f"{DATASTORES}/{home.ID}/items"
        attributes = {"item_key": "GitLab", "item_changes": {"ops_set": columns}}
        body = {"data": {"type": "items", "attributes": attributes}}
        assert keeper.datadog.emulator.call("PATCH", path, body).status == 200


@pytest.mark.slow
@pytest.mark.parametrize("status", [400, 409, 412, 422])
def test_whatever_a_conflict_is_called(keeper: Keeper, status: int) -> None:
    keeper.datadog.emulator.settings(datastore_conflict=status, latency=0.1, no_list=404)
    runs = [keeper.start(GITLAB) for _number in range(3)]
    results = [run.result() for run in runs]
    assert sorted(result["operation"] for result in results) == ["create", "none", "none"]
    assert len(keeper.there()) == 1


@pytest.mark.slow
class TestMovedRows:
    """What a run leaves that was killed when a connection was recorded by its new name, and the row of the former one was there."""

    @pytest.fixture
    def renamed(self, keeper: Keeper, lone_run: None) -> str:
        """The id of a connection that was GitLab, and is New."""
        created = str(keeper.run(**GITLAB)["connection_id"])
        keeper.datadog.emulator.settings(no_list=404)
        keeper.datadog.emulator.add_fault(
            "hang", method="DELETE", path=DATASTORES, when="before", seconds=None
        )
        killed = keeper.start({**GITLAB, "connection_id": created, "name": "New"})
        keeper.datadog.emulator.wait_for_fault()
        killed.kill()
        keeper.datadog.emulator.clear_faults()
        assert keeper.home.ids() == {"New": created}
        return created

    def test_the_former_name_stays_forgotten(self, keeper: Keeper, renamed: str) -> None:
        newest = {**GITLAB, "name": "Newest"}
        assert keeper.run(**newest, connection_id=renamed)["operation"] == "update"
        assert keeper.run(**ABSENT)["operation"] == "none"
        assert keeper.run(**GITLAB)["operation"] == "create"
        assert renamed in keeper.there()
        keeper.is_silent(**newest)

    def test_the_former_name_comes_back(
        self, keeper: Keeper, killer: Killer, renamed: str, home: DatastoreHome
    ) -> None:
        home.unlock()
        rows = home.rows()
        task = {**GITLAB, "connection_id": renamed}
        for point in range(1, 100):
            home.delete(row["id"] for row in home.rows())
            home.restore(rows)
            keeper.edit(renamed, name="New")
            killer.at = point
            done = killer.was_too_late(keeper.start(task))
            killer.at = 0
            assert list(home.ids().values()) == [renamed]
            assert not keeper.run(**task).get("failed")
            assert home.ids() == {"GitLab": renamed}
            if done:
                assert point > 10
                return
        raise AssertionError("it never came to its end")


class TestPages:
    def entries(self, keeper: Keeper, home: DatastoreHome, count: int) -> list[str]:
        """Fill the registry. :returns: the keys in the order of their making, as far as there is one."""
        keeper.run(**GITLAB)
        entry = home.entries()["GitLab"]
        keys = [f"Other {number}" for number in range(count)]
        for first in range(0, count, 100):
            part = keys[first : first + 100]
            ids = (f"{number:08}{UNKNOWN_ID[8:]}" for number in range(first, count))
            home.add({name: {**entry, "id": each} for name, each in zip(part, ids)})
        return ["GitLab", *keys]

    def test_a_row_that_goes_while_pages_are_read(
        self, keeper: Keeper, home: DatastoreHome
    ) -> None:
        keys = self.entries(keeper, home, 150)
        keeper.datadog.emulator.add_fault(
            "hang", method="GET", path=DATASTORES, when="after", seconds=2
        )
        run = keeper.datadog.start(
            "action_connection_info", registry=home.registry, connection_ids=None, timeout=30
        )
        keeper.datadog.emulator.wait_for_fault()
        # The first row of the second page moves to the first one, which is read by now.
        home.delete(keys[:1])
        assert run.result()["missing"] == sorted(keys[1:])

    def test_each_once(self, keeper: Keeper, home: DatastoreHome) -> None:
        keys = self.entries(keeper, home, 250)
        info = keeper.datadog.run("action_connection_info", registry=home.registry)
        assert [each["name"] for each in info["connections"]] == keys[:1]
        assert info["missing"] == sorted(keys[1:])
        assert keeper.datadog.registry_requests().count("GET") >= 3

    def test_batches_that_share_a_page(self, keeper: Keeper, home: DatastoreHome) -> None:
        """Rows of a batch change their places between one page and the next."""
        self.entries(keeper, home, 40)
        entry = home.entries()["GitLab"]
        names = [f"More {number}" for number in range(100)]
        ids = (f"{number:08}{UNKNOWN_ID[8:]}" for number in range(1000, 1100))
        home.add({name: {**entry, "id": each} for name, each in zip(names, ids)})
        info = keeper.datadog.run("action_connection_info", registry=home.registry)
        assert len(info["missing"]) == 140


@pytest.mark.slow
class TestLocks:
    def test_a_run_that_is_slow_but_alive_is_waited_for(self, keeper: Keeper) -> None:
        keeper.add_fault("hang", method="POST", when="after", seconds=4)
        slow = keeper.start(GITLAB)
        keeper.datadog.emulator.wait_for_fault()
        assert keeper.run(**GITLAB)["changed"] is False
        assert slow.result()["operation"] == "create"
        assert len(keeper.datadog.requests("POST")) == 1

    def test_one_of_ten_takes_over(self, keeper: Keeper, home: DatastoreHome) -> None:
        keeper.add_fault("hang", method="POST", when="before", seconds=None)
        killed = keeper.start(GITLAB)
        keeper.datadog.emulator.wait_for_fault()
        killed.kill()
        keeper.datadog.emulator.clear()
        runs = [keeper.start(GITLAB) for _number in range(10)]
        results = [run.result() for run in runs]
        assert not any(result.get("failed") for result in results), results
        assert len(keeper.datadog.requests("POST")) == 1
        assert len(keeper.there()) == 1
        assert [row["id"] for row in home.rows()] == ["GitLab"]

    @pytest.mark.usefixtures("lone_run")
    def test_killed_while_taking_over(
        self, keeper: Keeper, killer: Killer, home: DatastoreHome
    ) -> None:
        for point in range(1, 16):
            keeper.datadog.emulator.reset()
            home.reset()
            killer.at = 0
            keeper.run(**GITLAB)
            keeper.add_fault("hang", method="PATCH", when="before", seconds=None)
            killed = keeper.start(ROTATED)
            keeper.datadog.emulator.wait_for_fault()
            killed.kill()
            killer.at = point
            assert not killer.was_too_late(keeper.start(ROTATED))
            killer.at = 0
            assert not keeper.run(**ROTATED).get("failed")
            assert held(keeper, keeper.there()[0], ROTATED)
            keeper.is_silent(**ROTATED)
            assert home.entries().keys() == {"GitLab"}

    @pytest.mark.usefixtures("lone_run")
    @pytest.mark.parametrize("no_list", [None, 404])
    def test_a_machine_that_sleeps_while_it_creates(
        self, keeper: Keeper, no_list: int | None
    ) -> None:
        """The request comes late, and another run has taken the sleeping one for dead."""
        keeper.datadog.emulator.settings(no_list=no_list)
        keeper.add_fault("hang", method="POST", when="before", seconds=6)
        asleep = keeper.start(GITLAB)
        keeper.datadog.emulator.wait_for_fault()
        os.kill(asleep.pid, signal.SIGSTOP)
        result = keeper.run(**GITLAB)
        if no_list:
            assert "may have been created" in result["msg"]
        else:
            assert result["operation"] == "create"
        all_answered(keeper)
        os.kill(asleep.pid, signal.SIGCONT)
        woken = asleep.result()
        assert not woken.get("failed"), woken["msg"]
        assert keeper.there() == [woken["connection_id"]]
        assert keeper.home.ids() == {"GitLab": woken["connection_id"]}
        keeper.is_silent(**GITLAB)

    @pytest.mark.usefixtures("lone_run")
    def test_a_machine_that_sleeps_before_it_records(self, keeper: Keeper) -> None:
        """Another run has found the connection in the list and recorded it: who created it leaves it alone."""
        keeper.add_fault("hang", method="POST", when="after", seconds=1)
        asleep = keeper.start(GITLAB)
        keeper.datadog.emulator.wait_for_fault()
        os.kill(asleep.pid, signal.SIGSTOP)
        created = keeper.run(**GITLAB)["connection_id"]
        os.kill(asleep.pid, signal.SIGCONT)
        assert asleep.result()["connection_id"] == created
        assert keeper.there() == [created]
        keeper.is_silent(**GITLAB)

    @pytest.mark.usefixtures("lone_run")
    def test_a_machine_that_sleeps_while_it_sends_a_secret(self, keeper: Keeper) -> None:
        """Whichever secret came last, the registry says in the end which one it is."""
        created = keeper.run(**GITLAB)["connection_id"]
        another = rotated(ROTATED, "gitlab.api_key")
        keeper.add_fault("hang", method="PATCH", when="before", seconds=6)
        asleep = keeper.start(ROTATED)
        keeper.datadog.emulator.wait_for_fault()
        os.kill(asleep.pid, signal.SIGSTOP)
        assert keeper.run(**another)["operation"] == "update"
        all_answered(keeper)
        os.kill(asleep.pid, signal.SIGCONT)
        assert asleep.result()["operation"] == "update"
        assert held(keeper, created, ROTATED)
        keeper.is_silent(**ROTATED)

    @pytest.mark.usefixtures("lone_run")
    def test_a_machine_that_sleeps_while_it_records_a_secret(self, keeper: Keeper) -> None:
        """What it records comes late, when another secret was sent and recorded."""
        created = keeper.run(**GITLAB)["connection_id"]
        another = rotated(ROTATED, "gitlab.api_key")
        keeper.datadog.emulator.add_fault(
            "hang", method="PATCH", path=DATASTORES, skip=1, when="before", seconds=6
        )
        asleep = keeper.start(ROTATED)
        keeper.datadog.emulator.wait_for_fault()
        os.kill(asleep.pid, signal.SIGSTOP)
        assert keeper.run(**another)["operation"] == "update"
        all_answered(keeper)
        os.kill(asleep.pid, signal.SIGCONT)
        assert asleep.result()["operation"] == "update"
        assert held(keeper, created, ROTATED)
        keeper.is_silent(**ROTATED)

    @pytest.mark.parametrize("is_taken_over", [True, False])
    def test_one_that_is_lost_counts_no_more(
        self,
        keeper: Keeper,
        home: DatastoreHome,
        monkeypatch: pytest.MonkeyPatch,
        is_taken_over: bool,
    ) -> None:
        """Whoever holds it learns of that from a sign of life, long before the lock would have run out."""
        monkeypatch.setattr(_datastore_registry, "LEASE", 30)
        created = keeper.run(**GITLAB)["connection_id"]
        keeper.datadog.emulator.add_fault(
            "hang", method="PATCH", path=DATASTORES, skip=1, when="before", seconds=4
        )
        slow = keeper.start(ROTATED)
        keeper.datadog.emulator.wait_for_fault()
        [lock] = [row for row in home.rows() if "holder" in row]
        if is_taken_over:
            home.restore([{**lock, "id": f"tidyops.datadog/after/{lock['holder']}", "holder": "x"}])
            time.sleep(1)
        home.unlock()
        assert keeper.run(**rotated(ROTATED, "gitlab.api_key"))["operation"] == "update"
        assert slow.result()["operation"] == "update"
        assert held(keeper, created, ROTATED)
        keeper.is_silent(**ROTATED)


@pytest.mark.slow
@pytest.mark.usefixtures("lone_run")
class TestFaults:
    """Something goes wrong with a request of the registry."""

    def begin(self, keeper: Keeper, home: DatastoreHome, doing: str) -> dict[str, t.Any]:
        """Make what is there before. :returns: the task."""
        before, task = TASKS[doing]
        keeper.datadog.emulator.reset()
        home.reset()
        keeper.datadog.emulator.settings(no_list=404)
        if before:
            created = keeper.run(**before)["connection_id"]
            task = {**task, **({"connection_id": created} if "connection_id" in task else {})}
        return task

    def is_kept(self, keeper: Keeper, task: dict[str, t.Any]) -> None:
        """The task has come to its end: nothing is doubled, lost or left."""
        expected = {} if task.get("state") else {task["name"]: keeper.home.ids()[task["name"]]}
        assert keeper.home.ids() == expected
        assert keeper.there() == list(expected.values())
        result = keeper.run(**task)
        assert (result["changed"], result["operation"]) == (False, "none")

    @pytest.mark.parametrize("doing, fault", FAULTS)
    def test_once(
        self, keeper: Keeper, home: DatastoreHome, doing: str, fault: dict[str, t.Any]
    ) -> None:
        for skip in range(50):
            task = self.begin(keeper, home, doing)
            keeper.datadog.emulator.add_fault(**fault, path=DATASTORES, skip=skip)
            result = keeper.datadog.connection(**task, registry=home.registry)
            fired = keeper.datadog.emulator.faults()[0]["fired"]
            keeper.datadog.emulator.clear_faults()
            assert not result.get("failed"), (skip, result["msg"])
            self.is_kept(keeper, task)
            if not fired:
                assert skip > 5
                return
        raise AssertionError("it never came to its end")

    @pytest.mark.parametrize("doing", TASKS)
    def test_for_good(self, keeper: Keeper, home: DatastoreHome, doing: str) -> None:
        failures = 0
        for skip in range(50):
            task = self.begin(keeper, home, doing)
            keeper.datadog.emulator.add_fault(**UNAVAILABLE, path=DATASTORES, skip=skip, times=None)
            result = keeper.datadog.connection(**task, registry=home.registry, retries=0)
            fired = keeper.datadog.emulator.faults()[0]["fired"]
            keeper.datadog.emulator.clear_faults()
            if result.get("failed"):
                failures += 1
                assert home.registry in result["msg"]
                result = keeper.run(**{**task, **self.as_told(keeper, result["msg"])})
                assert not result.get("failed"), (skip, result["msg"])
            self.is_kept(keeper, task)
            if not fired:
                assert failures > 5
                return
        raise AssertionError("it never came to its end")

    def as_told(self, keeper: Keeper, message: str) -> dict[str, str]:
        """Do what is said of a connection that was created and not recorded: it is meant, and no other one."""
        there = keeper.there()
        [created] = [each for each in there if f"created action connection {each}" in message] or [
            ""
        ]
        for other in there if created else []:
            if other != created:
                keeper.delete(other)
        return {"connection_id": created} if created else {}
