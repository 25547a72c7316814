# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What public reports about neighboring tools say that goes wrong: absence without evidence, and values that nobody can mean.

That connected teams are compared without regard to case is tested with the team connections; single faults of every module are
in test_faults.
"""

from __future__ import annotations

import socket
import time
import typing as t
import uuid

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import app_key_id
from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog, Server
from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY, LOST_ANSWERS
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    CONNECTIONS,
    Backend,
    FileBackend,
)
from ansible_collections.tidyops.datadog.tests.unit.wire import Wire

UNKNOWN_ID = "11111111-1111-4111-8111-111111111111"
KEY_ID = "0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d"
#: A connection with a secret, and a task that deletes it.
TASK: dict[str, t.Any] = {"name": "prod", "openai": {"api_key": {"api_token": f"{CANARY}-1"}}}
ABSENT = {"name": "prod", "state": "absent"}
#: The path of one connection, but not that of the list.
ONE = CONNECTIONS + "/."
#: Answers of what stands between a task and Datadog.
GATEWAY: list[dict[str, t.Any]] = [
    {"status": 404, "body": "html"},
    {"status": 404, "body": "empty"},
    {"status": 410, "body": "html"},
    {"status": 403, "body": "html"},
]


def existing(datadog: Datadog) -> list[str]:
    """The ids of all action connections."""
    return [each["id"] for each in datadog.emulator.state()["action_connections"]]


def every_task(registry: str) -> list[tuple[str, dict[str, t.Any]]]:
    """Every way in which a task needs to know whether a connection exists."""
    with_registry = {"registry": registry}
    return [
        ("action_connection", {**TASK, **with_registry}),
        ("action_connection", {**TASK, **with_registry, "check_mode": True}),
        ("action_connection", {**ABSENT, **with_registry}),
        ("action_connection", TASK),
        ("action_connection", ABSENT),
        ("action_connection", {**TASK, "connection_id": UNKNOWN_ID}),
        ("action_connection", {"connection_id": UNKNOWN_ID, "state": "absent"}),
        ("action_connections", {"connections": [TASK], **with_registry}),
        ("action_connections", {"connections": [TASK], **with_registry, "purge": True}),
        ("action_connections", {"connections": [{"name": "prod"}], "state": "absent"}),
        ("action_connection_info", {"names": ["prod"]}),
        ("action_connection_info", {"connection_ids": [UNKNOWN_ID]}),
        ("action_connection_info", {}),
    ]


class TestGateway:
    """A 404 without Datadog's own JSON error is an error like any other: repeated, then told."""

    @pytest.mark.parametrize("fault", GATEWAY)
    def test_once(self, unlisted: Datadog, file_backend: FileBackend, fault: dict[str, t.Any]) -> None:
        registry = file_backend.registry
        created = unlisted.connection(**TASK, registry=registry)
        unlisted.emulator.add_fault("status", method="GET", path=ONE, **fault)
        again = unlisted.connection(**TASK, registry=registry)
        assert (again["changed"], again["connection_id"]) == (False, created["connection_id"])
        for method in ("GET", "DELETE"):
            unlisted.emulator.add_fault("status", method=method, path=ONE, **fault)
        deleted = unlisted.connection(**ABSENT, registry=registry)
        assert (deleted["operation"], existing(unlisted)) == ("delete", [])

    @pytest.mark.parametrize("fault", GATEWAY)
    def test_always(self, unlisted: Datadog, file_backend: FileBackend, fault: dict[str, t.Any]) -> None:
        registry = file_backend.registry
        created = unlisted.connection(**TASK, registry=registry)["connection_id"]
        before = file_backend.raw()
        unlisted.emulator.add_fault("status", method="GET", path=ONE, times=None, **fault)
        for module, params in every_task(registry):
            result = unlisted.run(module, **params, retries=0)
            if module == "action_connection_info" and not params:
                # It needs the list, and asks for no connection.
                params = {"connection_ids": [created]}
                result = unlisted.run(module, **params, retries=0)
            assert result["failed"] and result["http_status"] == fault["status"], params
            assert "api_url" in result["msg"]
        unlisted.emulator.clear_faults()
        unlisted.emulator.add_fault("status", method="DELETE", times=None, **fault)
        empty = {"connections": [], "purge": True, "allow_empty": True}
        for module, params in (("action_connection", ABSENT), ("action_connections", empty)):
            result = unlisted.run(module, **params, registry=registry)
            assert result["failed"] and result["http_status"] == fault["status"]
            assert result["changed"] is False and created in result["msg"]
        assert (existing(unlisted), file_backend.raw()) == ([created], before)

    @pytest.mark.parametrize("fault", GATEWAY)
    @pytest.mark.parametrize("path", ["items", "current_user"])
    def test_of_the_registry(self, unlisted: Datadog, backend: Backend, path: str, fault: dict[str, t.Any]) -> None:
        unlisted.emulator.add_fault("status", path=path, times=None, **fault)
        result = unlisted.connection(**TASK, registry=backend.registry, retries=0)
        # A datastore belongs to one organization, and a file needs no request.
        is_asked = (path == "items") == bool(backend.reads)
        assert bool(result.get("failed")) == is_asked
        assert len(existing(unlisted)) == (not is_asked)


class TestLag:
    """What was recorded a moment ago is asked for again before it is believed not to exist."""

    @pytest.mark.slow
    @pytest.mark.parametrize("is_listed", [False, True])
    def test_until_it_is_there(self, datadog: Datadog, file_backend: FileBackend, is_listed: bool) -> None:
        datadog.emulator.settings(list=is_listed, lag=2)
        registry = file_backend.registry
        created = datadog.connection(**TASK, registry=registry, retries=0)
        assert created["operation"] == "create"
        assert any(created["connection_id"] in warning for warning in created["warnings"])
        again = datadog.connection(**TASK, registry=registry, retries=4)
        assert (again["changed"], again["connection_id"]) == (False, created["connection_id"])
        assert existing(datadog) == [created["connection_id"]]

    @pytest.mark.slow
    def test_in_a_set(self, unlisted: Datadog, file_backend: FileBackend) -> None:
        unlisted.emulator.settings(lag=2)
        tasks = [{**TASK, "name": f"prod {number}"} for number in range(20)]
        options = {"registry": file_backend.registry}
        created = unlisted.connections(*tasks, **options, retries=0)
        assert created["counts"]["create"] == 20
        again = unlisted.connections(*tasks, **options, retries=4)
        assert again["changed"] is False and len(existing(unlisted)) == 20

    def test_a_known_id_is_deleted_in_any_case(self, unlisted: Datadog, file_backend: FileBackend) -> None:
        unlisted.emulator.settings(lag=600)
        options = {"registry": file_backend.registry, "retries": 0}
        by_name = unlisted.connection(**TASK, **options)["connection_id"]
        predicted = unlisted.connection(**ABSENT, **options, check_mode=True)
        assert not predicted.get("failed") and existing(unlisted) == [by_name]
        deleted = unlisted.connection(**ABSENT, **options)
        assert (deleted["operation"], deleted["connection_id"]) == ("delete", by_name)
        assert deleted["changed"] and existing(unlisted) == [] and file_backend.entries() == {}

        by_id = unlisted.connection(**TASK, retries=0, registry=file_backend.registry)
        identity = {"connection_id": by_id["connection_id"], "state": "absent"}
        assert unlisted.connection(**identity)["operation"] == "delete"
        assert unlisted.connection(**identity)["operation"] == "none"

        ids = []
        for _which in ("new", "old"):
            ids.append(unlisted.connection(**TASK, **options)["connection_id"])
            file_backend.path.unlink()
        file_backend.write({TASK["name"]: {"id": ids[0], "replaces": ids[1], "integration": "openai.api_key"}})
        assert unlisted.connection(**ABSENT, **options)["operation"] == "delete"
        assert existing(unlisted) == [] and file_backend.entries() == {}

        unlisted.connections(TASK, **options)
        purged = unlisted.connections(purge=True, allow_empty=True, **options)
        assert purged["changed"] and existing(unlisted) == []


#: What the emulator is told, and the HTTP status of its refusals.
REFUSALS: dict[str, tuple[dict[str, t.Any], int]] = {
    "wrong keys": ({"api_key": ["right"], "app_key": ["right"]}, 403),
    "keys of another site, 403": ({"other_site": 403}, 403),
    "keys of another site, 401": ({"other_site": 401}, 401),
    "a key that may not read": ({"deny": ["connections_read"]}, 403),
    "a key that is not registered": ({"require_registration": True}, 403),
    "no list, with 403": ({"list": False, "no_list": 403}, 403),
    "no list, with 401": ({"list": False, "no_list": 401}, 401),
}


class TestRefusedKeys:
    """401 and 403 speak of the keys, and never of what exists."""

    @pytest.mark.parametrize("why", REFUSALS)
    def test_every_task_fails(self, datadog: Datadog, file_backend: FileBackend, why: str) -> None:
        created = datadog.connection(**TASK)["connection_id"]
        settings, status = REFUSALS[why]
        datadog.emulator.settings(**settings)
        datadog.emulator.clear()
        for module, params in every_task(file_backend.registry):
            is_by_id = "connection_id" in params or "connection_ids" in params
            if "no list" in why and is_by_id:
                continue
            result = datadog.run(module, **params, retries=0)
            assert result["failed"] and result["http_status"] == status, params
            if status == 403:
                # The likeliest cause first.
                words = ("keys", "site", "app_key_registration", "connections_read")
                places = [result["msg"].rindex(word) for word in words]
                assert places == sorted(places)
            else:
                assert "keys" in result["msg"] and "site" in result["msg"]
        assert datadog.writes() == [] and file_backend.raw() == b""
        assert existing(datadog) == [created]

    def test_a_known_connection_is_not_forgotten(self, unlisted: Datadog, file_backend: FileBackend) -> None:
        created = unlisted.connection(**TASK, registry=file_backend.registry)["connection_id"]
        before = file_backend.raw()
        unlisted.emulator.settings(other_site=403)
        for task in (TASK, ABSENT):
            for check_mode in (True, False):
                result = unlisted.connection(**task, registry=file_backend.registry, check_mode=check_mode, retries=0)
                assert result["failed"] and result["http_status"] == 403
        unlisted.emulator.settings(other_site=None)
        assert (existing(unlisted), file_backend.raw()) == ([created], before)

    def test_a_key_that_may_not_write(self, unlisted: Datadog, backend: Backend) -> None:
        options = {"registry": backend.registry, "retries": 0}
        created = unlisted.connection(**TASK, **options)["connection_id"]
        before = backend.raw()
        unlisted.emulator.settings(deny=["connections_write"])
        for task in (
            {**TASK, "name": "new"},
            {**TASK, "tags": ["env:prod"]},
            ABSENT,
            {"name": "prod", "gitlab": {"api_key": {"api_token": CANARY}}, "allow_replace": True},
        ):
            result = unlisted.connection(**task, **options)
            assert result["failed"] and result["http_status"] == 403 and not result["changed"]
            assert "connections_write" in result["msg"]
        # No claim is left behind either.
        assert (existing(unlisted), backend.raw()) == ([created], before)

    def test_an_access_token(self, datadog: Datadog, file_backend: FileBackend) -> None:
        datadog.emulator.settings(access_token=["ddpat_right"])
        token = {"api_key": None, "app_key": None, "access_token": "ddpat_wrong"}
        for task in (TASK, ABSENT):
            result = datadog.connection(**task, **token, registry=file_backend.registry)
            assert result["failed"] and result["http_status"] == 401
            assert "token" in result["msg"] and "ddpat" not in result["raw"]
        token["access_token"] = "ddpat_right"
        result = datadog.connection(**TASK, **token, registry=file_backend.registry)
        assert result["operation"] == "create"

    def test_other_modules(self, datadog: Datadog) -> None:
        pair = {"team": "platform", "connected_team": "@acme/platform"}
        policy = {"resource_id": f"connection:{UNKNOWN_ID}"}
        datadog.emulator.settings(other_site=403)
        datadog.emulator.clear()
        for module, params in (
            ("team_connection", {**pair, "state": "absent"}),
            ("team_connections", {"connections": [pair], "state": "absent"}),
            ("team_connection_info", {}),
            ("app_key_registration", {"app_key_id": KEY_ID, "state": "absent"}),
            ("app_key_registration_info", {"app_key_ids": [KEY_ID]}),
            ("restriction_policy", {**policy, "state": "absent"}),
            ("restriction_policy_info", {"resource_ids": [policy["resource_id"]]}),
        ):
            result = datadog.run(module, **params)
            assert result["failed"] and result["http_status"] == 403, module
            assert "site" in result["msg"]
        assert datadog.writes() == []


class TestNoList:
    """That the list is not offered is believed after a read by id that Datadog has answered."""

    @pytest.mark.parametrize("status", [400, 404, 405, 422])
    def test_one_more_request(self, unlisted: Datadog, file_backend: FileBackend, status: int) -> None:
        unlisted.emulator.settings(no_list=status)
        for count in (1, 20):
            tasks = [{**TASK, "name": f"prod {count} {number}"} for number in range(count)]
            unlisted.emulator.clear()
            created = unlisted.connections(*tasks, registry=file_backend.registry)
            assert created["counts"]["create"] == count
            first, second, third = unlisted.requests()[:3]
            assert (first["path"], first["status"]) == (CONNECTIONS, status)
            assert second["path"].startswith(f"{CONNECTIONS}/") and second["status"] == 404
            assert third["path"] == "/api/v2/current_user"
            # And then each is created, and read.
            assert len(unlisted.requests()) == 3 + 2 * count
            assert unlisted.connections(*tasks, registry=file_backend.registry)["changed"] is False

    def test_without_a_registry_nothing_can_be_known(self, unlisted: Datadog) -> None:
        for check_mode in (True, False):
            for task in (TASK, ABSENT):
                result = unlisted.connection(**task, check_mode=check_mode)
                assert result["failed"]
                assert "connection_id" in result["msg"] and "registry" in result["msg"]
        for params in ({}, {"names": ["prod"]}):
            result = unlisted.run("action_connection_info", **params)
            assert result["failed"]
            assert "connection_ids" in result["msg"] and "registry" in result["msg"]
        assert unlisted.writes() == []

    @pytest.mark.parametrize(
        "answer",
        [
            (404, b"<html>Not Found</html>"),
            (404, b""),
            (404, {"message": "no Route matched with those values"}),
            (404, ["not found"]),
            (404, {"errors": []}),
            (404, {"errors": [{"message": "no such route"}]}),
            (403, b"<html>Forbidden</html>"),
            (405, b"<html>Not Allowed</html>"),
            (200, b"<html>Log in</html>", {"Content-Type": "text/html"}),
            (200, {"status": "ok"}),
            (302, b"", {"Location": "https://sso.example.com/"}),
        ],
    )
    def test_an_address_that_is_not_datadogs(
        self, datadog: Datadog, server: Server, file_backend: FileBackend, answer: tuple[t.Any, ...]
    ) -> None:
        server.answers = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), answer)
        for module, params in every_task(file_backend.registry):
            result = datadog.run(module, **params, api_url=server.url, retries=0)
            assert result["failed"] and "api_url" in result["msg"], params
        assert {method for method, _path, _headers in server.seen} <= {"GET"}
        assert file_backend.raw() == b""

    def test_an_address_that_says_in_datadogs_words_that_nothing_exists(
        self, unlisted: Datadog, server: Server, file_backend: FileBackend
    ) -> None:
        unlisted.connection(**TASK, registry=file_backend.registry)
        host = server.url.split("//")[1]
        file_backend.edit(site=host)
        before = file_backend.raw()
        server.answers = dict.fromkeys(("GET", "POST", "DELETE"), (404, {"errors": ["Not found"]}))
        for task in (TASK, ABSENT, {**TASK, "name": "new"}, {**ABSENT, "name": "new"}):
            result = unlisted.connection(**task, registry=file_backend.registry, api_url=server.url, retries=0)
            # The organization of the keys is asked for before anything is believed.
            assert result["failed"], task
        assert {method for method, _path, _headers in server.seen} == {"GET"}
        assert file_backend.raw() == before


class TestLists:
    """A list is evidence only of what it says."""

    @pytest.mark.parametrize("pointer", ["", "/name", "/integration", "/integration/credentials"])
    def test_a_row_that_does_not_tell_all(self, datadog: Datadog, pointer: str) -> None:
        created = datadog.connection(**TASK)["connection_id"]
        place = f"/attributes{pointer}"
        datadog.emulator.add_fault("omit", path=f"{CONNECTIONS}$", pointer=f"/data/0{place}", times=None)
        # It is read by its id.
        again = datadog.connection(**TASK, update_secrets="on_create")
        assert (again["changed"], again["connection_id"]) == (False, created)
        assert datadog.run("action_connection_info", names=["prod"])["missing"] == []

        other = {**TASK, "allow_replace": True}
        datadog.emulator.add_fault("omit", path=ONE, pointer=f"/data{place}", times=None)
        datadog.emulator.clear()
        for check_mode in (True, False):
            result = datadog.connection(**other, check_mode=check_mode)
            assert result["failed"] and created in result["msg"]
        datadog.emulator.clear_faults()
        datadog.emulator.add_fault("omit", path=f"{CONNECTIONS}$", pointer=f"/data/0{place}", times=None)
        # Datadog says that it does not exist.
        datadog.emulator.add_fault("status", path=ONE, status=404, times=None)
        for task in (other, ABSENT):
            result = datadog.connection(**task)
            assert result["failed"] and created in result["msg"]
        assert datadog.writes() == []

    def test_rows_that_are_counted_and_never_come(self, datadog: Datadog, file_backend: FileBackend) -> None:
        datadog.emulator.settings(hidden_rows=3)
        pair = {"team": "platform", "connected_team": "@acme/platform"}
        role = {"access": {"editor": ["role:Datadog Admin Role", "user:jane@example.com"]}}
        datadog.emulator.add_user("jane@example.com")
        tasks: list[tuple[str, dict[str, t.Any]]] = [
            ("action_connection", {**TASK, **role}),
            ("action_connections", {"connections": [TASK], "registry": file_backend.registry}),
            ("team_connection", pair),
            ("team_connections", {"connections": [pair], "purge": True}),
        ]
        for module, params in tasks:
            assert not datadog.run(module, **params).get("failed"), module
            assert datadog.run(module, **params)["changed"] is False, module
        assert len(existing(datadog)) == 1
        assert datadog.emulator.state()["counts"]["team_connections"] == 1
        datadog.emulator.clear()
        assert len(datadog.run("action_connection_info")["connections"]) == 1
        # The page, the one after it, which is empty, and the same once more.
        assert len(datadog.requests()) == 4
        datadog.emulator.clear()
        assert datadog.run("app_key_registration_info")["app_key_registrations"] == []
        assert len(datadog.requests()) == 2

    def test_a_row_that_slips_to_the_page_before(self, datadog: Datadog) -> None:
        names = {}
        for number in range(250):
            credentials = {"type": "OpenAIAPIKey", "api_token": "x"}
            integration = {"type": "OpenAI", "credentials": credentials}
            attributes = {"name": f"prod {number}", "integration": integration}
            body = {"data": {"type": "action_connection", "attributes": attributes}}
            reply = datadog.emulator.call("POST", CONNECTIONS, body)
            names[reply.body["data"]["id"]] = attributes["name"]
        in_order = sorted(names)

        def delete_one(connection: socket.socket, answer: bytes) -> None:
            """Delete a row of a page that was read."""
            path = f"{CONNECTIONS}/{in_order[0]}"
            assert datadog.emulator.call("DELETE", path).status == 204
            connection.sendall(answer)

        with Wire(datadog.emulator.url) as wire:
            wire.break_on("GET", delete_one, 1)
            task = {**TASK, "name": names[in_order[100]], "update_secrets": "on_create"}
            result = datadog.connection(**task, api_url=wire.url)
        assert (result["operation"], result["connection_id"]) == ("none", in_order[100])


class TestRegistration:
    """A key may be refused for some seconds after its registration."""

    @pytest.mark.slow
    @pytest.mark.parametrize("module", ["action_connection", "action_connections"])
    def test_the_next_task_waits(self, unlisted: Datadog, file_backend: FileBackend, module: str) -> None:
        unlisted.emulator.settings(require_registration=True, registration_lag=2)
        key_id = app_key_id(unlisted.KEYS["app_key"])
        assert unlisted.run("app_key_registration", app_key_id=key_id)["changed"]
        tasks = [{**TASK, "name": f"prod {number}"} for number in range(10)]
        params = TASK if module == "action_connection" else {"connections": tasks}
        result = unlisted.run(module, **params, registry=file_backend.registry, retries=4)
        assert not result.get("failed"), result["msg"]
        assert any("registration" in warning for warning in result["warnings"])
        assert len(existing(unlisted)) == (10 if "connections" in params else 1)

    def test_within_retries(self, unlisted: Datadog) -> None:
        unlisted.emulator.settings(require_registration=True)
        identity = {"connection_id": UNKNOWN_ID, "state": "absent"}
        for retries in (0, 1):
            unlisted.emulator.clear()
            result = unlisted.connection(**identity, retries=retries)
            assert result["failed"] and "app_key_registration" in result["msg"]
            assert len(unlisted.requests()) == retries + 1

    def test_a_set_does_not_wait_for_each(self, datadog: Datadog) -> None:
        datadog.emulator.settings(other_site=403)
        tasks = [{**TASK, "connection_id": str(uuid.uuid4())} for _number in range(60)]
        tasks = [{**task, "name": f"prod {n}"} for n, task in enumerate(tasks)]
        begun = time.monotonic()
        result = datadog.connections(*tasks, retries=2, concurrency=4)
        assert result["failed"] and result["counts"]["skipped"] >= 50
        assert time.monotonic() - begun < 10


class TestOtherStatuses:
    """DELETE answered 202, and 410 in the place of 404."""

    @pytest.mark.parametrize("settings", [{"delete_status": 202}, {"gone_status": 410}])
    def test_are_understood(self, unlisted: Datadog, backend: Backend, settings: dict[str, t.Any]) -> None:
        unlisted.emulator.settings(**settings)
        options = {"registry": backend.registry, "retries": 0}
        created = unlisted.connection(**TASK, **options)["connection_id"]
        assert unlisted.connection(**ABSENT, **options)["operation"] == "delete"
        assert unlisted.connection(**ABSENT, **options)["operation"] == "none"
        identity = {"connection_id": created, "state": "absent"}
        assert unlisted.connection(**identity, retries=0)["operation"] == "none"

        first = unlisted.connection(**TASK, **options)["connection_id"]
        assert unlisted.emulator.call("DELETE", f"{CONNECTIONS}/{first}").status < 300
        again = unlisted.connection(**TASK, **options)
        assert again["operation"] == "create" and again["connection_id"] != first
        assert any(first in warning for warning in again["warnings"])

        pair = {"team": "platform", "connected_team": "@acme/platform"}
        key = {"app_key_id": KEY_ID}
        editor = {"relation": "editor", "principals": ["team:platform", "org"]}
        policy = {"resource_id": f"connection:{UNKNOWN_ID}", "bindings": [editor]}
        for module, params in (
            ("team_connection", pair),
            ("app_key_registration", key),
            ("restriction_policy", policy),
        ):
            for state, operations in (
                ("present", ["create", "none"]),
                ("absent", ["delete", "none"]),
            ):
                results = [unlisted.run(module, **params, state=state) for _run in range(2)]
                assert [result.get("operation") for result in results] == operations


@pytest.mark.slow
@pytest.mark.parametrize("is_listed", [False, True])
@pytest.mark.parametrize("fault", LOST_ANSWERS)
def test_after_an_ambiguous_answer_nothing_is_created_twice(
    datadog: Datadog, file_backend: FileBackend, is_listed: bool, fault: dict[str, t.Any]
) -> None:
    datadog.emulator.settings(list=is_listed)
    tasks = [{**TASK, "name": f"prod {number}"} for number in range(3)]
    options = {"registry": file_backend.registry, "timeout": 1}
    datadog.emulator.add_fault(**fault, method="POST", path=CONNECTIONS)
    datadog.connections(*tasks, **options)
    datadog.connections(*tasks, **options)
    names = [each["name"] for each in datadog.emulator.state()["action_connections"]]
    assert len(names) == len(set(names)) and len(names) >= 2


HTTP: dict[str, t.Any] = {"base_url": "https://api.example.com/"}
MASKED = "********"


def http(**token_auth: t.Any) -> dict[str, t.Any]:
    return {"name": "x", "http": {**HTTP, "token_auth": token_auth}}


#: Module, options, and what the error must contain.
REFUSED: dict[str, tuple[str, dict[str, t.Any], list[str]]] = {
    # What no_log has masked in the result of another task.
    "masked field": (
        "action_connection",
        {
            "name": "SN",
            "servicenow": {"basic_auth": {"instance": "x", "username": MASKED, "password": "y"}},
        },
        ["servicenow.basic_auth.username"],
    ),
    "masked secret": (
        "action_connection",
        {"name": "GL", "gitlab": {"api_key": {"api_token": MASKED}}},
        ["gitlab.api_key.api_token"],
    ),
    "masked in the middle": (
        "action_connection",
        {"name": f"prod {MASKED}", "aws": {"assume_role": {}}},
        ["name"],
    ),
    "masked whole": (
        "action_connection",
        http(headers=[{"name": "X", "value": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}]),
        ["http.token_auth.headers[0].value"],
    ),
    "masked by AWX": (
        "action_connection",
        {"name": "GL", "gitlab": {"api_key": {"api_token": "$encrypted$"}}},
        ["gitlab.api_key.api_token"],
    ),
    "masked in a set": (
        "action_connections",
        {"connections": [TASK, {**TASK, "name": MASKED}]},
        ["connections[1].name"],
    ),
    "masked team": (
        "team_connection",
        {"team": "platform", "connected_team": f"@acme/{MASKED}"},
        ["connected_team"],
    ),
    "masked principal": (
        "restriction_policy",
        {
            "resource_id": "dashboard:abc",
            "bindings": [{"relation": "editor", "principals": ["org", f"user:{MASKED}"]}],
        },
        ["bindings[0].principals[1]"],
    ),
    "masked tag": ("action_connection", {**TASK, "tags": [f"env:{MASKED}"]}, ["tags[0]"]),
    "masked filter": ("action_connection_info", {"names": [MASKED]}, ["names[0]"]),
    "masked api_key": ("action_connection", {**TASK, "api_key": MASKED}, ["api_key"]),
    "masked registry": ("action_connection", {**TASK, "registry": f"/{MASKED}"}, ["registry"]),
    # Blanks around what Datadog may trim.
    "blanks in a name": ("action_connection", {**TASK, "name": " prod "}, ["name"]),
    "a line break": ("action_connection", {**TASK, "name": "prod\n"}, ["name", "trim"]),
    "a no-break space": ("action_connection", {**TASK, "name": "prod\u00a0"}, ["name", "U+00A0"]),
    "a byte order mark": ("action_connection", {**TASK, "name": "\ufeffprod"}, ["name", "U+FEFF"]),
    "blanks in a set": (
        "action_connections",
        {"connections": [TASK, {**TASK, "name": "prod "}]},
        ["connections[1].name"],
    ),
    "blanks in a token": (
        "action_connection",
        {"name": "GL", "gitlab": {"api_key": {"api_token": "x\n"}}},
        ["gitlab.api_key.api_token", "trim"],
    ),
    "blanks in managed_by": (
        "team_connection",
        {"team": "platform", "connected_team": "@acme/x", "managed_by": "ansible "},
        ["managed_by"],
    ),
    "blanks in a principal": (
        "action_connection",
        {**TASK, "access": {"editor": ["team: platform"]}},
        ["access.editor[0]"],
    ),
    # What YAML makes of a text.
    "0123": ("action_connection", {**TASK, "name": 83}, ["name", "quote"]),
    "12:30": (
        "action_connection",
        http(headers=[{"name": "X-Window", "value": 750}]),
        ["http.token_auth.headers[0].value", "quote"],
    ),
    "yes": (
        "action_connection",
        {"name": "GL", "gitlab": {"api_key": {"api_token": True}}},
        ["gitlab.api_key.api_token", "quote"],
    ),
    "1.10": ("action_connection", {**TASK, "tags": [1.1]}, ["tags[0]", "quote"]),
    "1:30": ("team_connection", {"team": 90, "connected_team": "@acme/x"}, ["team", "quote"]),
    "7e3": ("restriction_policy_info", {"resource_ids": [7000.0]}, ["resource_ids[0]", "quote"]),
    "a number in a set": (
        "team_connections",
        {"connections": [{"team": "platform", "connected_team": 7}]},
        ["connections[0].connected_team", "quote"],
    ),
    # A structure in the place of a value.
    "a key file": (
        "action_connection",
        {
            "name": "SA",
            "gcp": {
                "service_account": {
                    "service_account_email": "a@p.iam.gserviceaccount.com",
                    "private_key": {"type": "service_account", "private_key": f"{CANARY}\n"},
                }
            },
        },
        ["gcp.service_account.private_key", "private_key }}"],
    ),
    "the result of a lookup": (
        "action_connection",
        {"name": "GL", "gitlab": {"api_key": {"api_token": {"data": {"token": CANARY}}}}},
        ["gitlab.api_key.api_token"],
    ),
    "a list of one": (
        "action_connection",
        {"name": "GL", "gitlab": {"api_key": {"api_token": [CANARY]}}},
        ["gitlab.api_key.api_token"],
    ),
    "a dictionary of headers": (
        "action_connection",
        http(headers={"Accept": "text/html"}),
        ["http.token_auth.headers", "name"],
    ),
    # What differs in case only.
    "two headers": (
        "action_connection",
        http(headers=[{"name": "accept", "value": "a"}, {"name": "Accept", "value": "b"}]),
        ["http.token_auth.headers[1]", "headers[0]"],
    ),
    "two tags": ("action_connection", {**TASK, "tags": ["env:prod", "env:Prod"]}, ["tags[1]"]),
    "two connected teams": (
        "team_connections",
        {
            "connections": [
                {"team": "platform", "connected_team": "@acme/x"},
                {"team": "platform", "connected_team": "@Acme/X"},
            ]
        },
        ["connections[1]", "connections[0]"],
    ),
    "two ids": (
        "action_connections",
        {
            "connections": [
                {**TASK, "connection_id": KEY_ID},
                {**TASK, "name": "other", "connection_id": KEY_ID.upper()},
            ]
        },
        ["connections[1].connection_id"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant_is_refused(datadog: Datadog, case: str) -> None:
    module, params, expected = REFUSED[case]
    result = datadog.run(module, **params)
    assert result["failed"]
    assert all(text in result["msg"] for text in expected), result["msg"]
    assert datadog.requests() == []


@pytest.mark.parametrize("path", ["/api/v2", "/api/v2/", "/api", "/api/v1", "/api/v2/actions/connections"])
def test_an_address_that_ends_in_the_path_of_the_api(datadog: Datadog, path: str) -> None:
    url = datadog.emulator.url
    for environ in ({}, {"DD_HOST": url + path}):
        result = datadog.run(
            "action_connection",
            connection_id=UNKNOWN_ID,
            state="absent",
            api_url=None if environ else url + path,
            environ=environ,
        )
        assert result["failed"] and ("DD_HOST" if environ else "api_url") in result["msg"]
        assert f"Use {url}" in result["msg"]
        assert f"Use {url}/" not in result["msg"]
    assert datadog.requests() == []


@pytest.mark.parametrize("site", ["https://app.datadoghq.eu", "app.datadoghq.eu/", "datadoghq.EU"])
def test_a_site_that_is_not_written_as_one(datadog: Datadog, site: str) -> None:
    result = datadog.connection(**TASK, api_url=None, site=site)
    assert result["failed"] and "did you mean datadoghq.eu?" in result["msg"]


def test_a_change_of_case_is_an_update(datadog: Datadog) -> None:
    def task(name: str) -> dict[str, t.Any]:
        return http(headers=[{"name": name, "value": "text/html"}], tokens=[], url_parameters=[])

    created = datadog.connection(**task("accept"))["connection_id"]
    updated = datadog.connection(**task("Accept"))
    assert (updated["operation"], updated["connection_id"]) == ("update", created)
    [header] = updated["connection"]["http"]["token_auth"]["headers"]
    assert header == {"name": "Accept", "value": "text/html"}
    for request in datadog.requests("PATCH"):
        credentials = request["body"]["data"]["attributes"]["integration"]["credentials"]
        names = [each["name"].lower() for each in credentials["headers"]]
        assert len(names) == len(set(names))
    assert datadog.connection(**task("Accept"))["changed"] is False


def test_the_digits_of_an_account_may_be_a_number(datadog: Datadog) -> None:
    role = {"account_id": 123456789012, "role": "r"}
    created = datadog.connection(name="x", aws={"assume_role": role})
    assert created["connection"]["aws"]["assume_role"]["account_id"] == "123456789012"
    again = datadog.connection(name="x", aws={"assume_role": {**role, "account_id": "123456789012"}})
    assert again["changed"] is False


@pytest.mark.parametrize("name", ["prod", "prod  two", "Größe ✓", "Prod"])
def test_a_name_that_datadog_keeps_is_accepted(datadog: Datadog, name: str) -> None:
    datadog.emulator.settings(trim_names=True)
    created = datadog.connection(**{**TASK, "name": name})
    assert created["connection"]["name"] == name
    assert datadog.connection(**{**TASK, "name": name})["changed"] is False


@pytest.mark.parametrize("purge", [False, True])
def test_a_registry_that_does_not_exist_is_told(unlisted: Datadog, file_backend: FileBackend, purge: bool) -> None:
    purged = {"connections": [], "purge": True, "allow_empty": True}
    module = "action_connections" if purge else "action_connection"
    params = purged if purge else ABSENT
    result = unlisted.run(module, **params, registry=file_backend.registry)
    assert result["changed"] is False
    assert any(file_backend.registry in warning for warning in result["warnings"])
    assert file_backend.raw() == b""
