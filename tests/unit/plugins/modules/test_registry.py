# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks with a registry: which connection they mean, which secrets they send, and what they record."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY, KINDS, example
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    CONNECTIONS,
    Backend,
    FileBackend,
    RegistryRunner,
    rotated,
    secrets_of,
)

AWS = example("aws.assume_role")
GITLAB = example("gitlab.api_key")
HTTP = example("http.token_auth")
ROTATED = rotated(GITLAB, "gitlab.api_key")
REPLACING = {**AWS, "name": "GitLab", "allow_replace": True}
WITH_SECRETS = [kind for kind in KINDS if rotated(example(kind), kind) != example(kind)]
#: A backend for every kind, and both for some of each sort.
BACKENDS_AND_KINDS = [
    *(("file", kind) for kind in KINDS),
    ("datastore", "aws.assume_role"),
    ("datastore", "gcp.service_account"),
    ("datastore", "http.token_auth"),
]


@pytest.fixture(autouse=True)
def without_list(runner: RegistryRunner) -> None:
    """Most organizations have no list of connections. Tests that need one turn it on."""
    runner.datadog.emulator.settings(list=False)


def test_every_kind_but_one_has_secrets() -> None:
    assert set(KINDS) - set(WITH_SECRETS) == {"aws.assume_role"}


class TestEveryKind:
    @pytest.fixture
    def backend(self, kind: str, which: str, request: pytest.FixtureRequest) -> Backend:
        found: Backend = request.getfixturevalue(f"{which}_backend")
        return found

    @pytest.mark.parametrize("which, kind", BACKENDS_AND_KINDS)
    def test_create_rotate_delete(self, runner: RegistryRunner, which: str, kind: str) -> None:
        task = example(kind)
        created = runner.predict_and_run(**task)
        assert created["operation"] == "create"
        assert runner.run_unchanged(**task)["connection"] == created["connection"]
        [entry] = runner.backend.entries().values()
        assert (entry["id"], entry["integration"]) == (created["connection_id"], kind)
        assert set(entry.get("secrets", {})) == set(secrets_of(task, kind))
        if kind in WITH_SECRETS:
            changed = rotated(task, kind)
            runner.datadog.emulator.clear()
            result = runner.predict_and_run(**changed)
            assert (result["operation"], result["warnings"]) == ("update", [])
            assert result["diff"]["before"] != result["diff"]["after"]
            assert len(runner.datadog.requests("PATCH")) == 1
            assert runner.holds(created["connection_id"], changed, kind)
            runner.run_unchanged(**changed)
        assert runner.predict_and_run(name=task["name"], state="absent")["operation"] == "delete"
        assert (runner.backend.entries(), runner.existing()) == ({}, [])
        assert runner.run(name=task["name"], state="absent")["changed"] is False


class TestSecrets:
    def test_only_the_one_that_changed_is_sent(self, runner: RegistryRunner) -> None:
        runner.run(**HTTP)
        task = copy.deepcopy(HTTP)
        task["http"]["token_auth"]["tokens"][1]["value"] = f"{CANARY}-rotated"
        before = runner.backend.entries()[task["name"]]["secrets"]
        runner.datadog.emulator.clear()
        runner.predict_and_run(**task)
        [patch] = runner.datadog.requests("PATCH")
        sent = patch["body"]["data"]["attributes"]["integration"]["credentials"]
        assert [token["name"] for token in sent.pop("tokens")] == ["signature"]
        assert sent == {"type": "HTTPTokenAuth"}
        after = runner.backend.entries()[task["name"]]["secrets"]
        assert after["tokens.accessToken"] == before["tokens.accessToken"]
        assert after["tokens.signature"] != before["tokens.signature"]
        runner.run_unchanged(**task)

    def test_one_that_is_left_out_is_known_later(self, runner: RegistryRunner) -> None:
        runner.run(**GITLAB)
        runner.run_unchanged(name="GitLab", gitlab={"api_key": {}})
        runner.run_unchanged(**GITLAB)

    def test_update_always(self, runner: RegistryRunner) -> None:
        created = runner.run(**GITLAB)["connection_id"]
        runner.edit(created, name="GitLab")
        for _run in range(2):
            result = runner.predict_and_run(**GITLAB, update_secrets="always")
            assert result["operation"] == "update"
        runner.run_unchanged(**GITLAB)

    def test_update_on_create(self, runner: RegistryRunner) -> None:
        created = runner.run(**GITLAB)["connection_id"]
        runner.run_unchanged(**ROTATED, update_secrets="on_create")
        assert runner.holds(created, GITLAB, "gitlab.api_key")
        # It was not recorded as sent.
        assert runner.run(**ROTATED)["operation"] == "update"
        runner.run_unchanged(**ROTATED)


class TestImporting:
    """Connections that exist, and that the registry does not know yet."""

    @pytest.mark.parametrize("identity", ["id", "name", "id and name"])
    def test_secrets_are_sent_once(self, runner: RegistryRunner, identity: str) -> None:
        runner.datadog.emulator.settings(list=True)
        created = runner.datadog.connection(**GITLAB)["connection_id"]
        task = copy.deepcopy(GITLAB)
        if identity != "name":
            runner.datadog.emulator.settings(list=False)
            task["connection_id"] = created
        if identity == "id":
            del task["name"]
        result = runner.predict_and_run(**task)
        assert (result["operation"], result["connection_id"]) == ("update", created)
        assert runner.backend.ids() == {"GitLab": created}
        runner.run_unchanged(**task)
        runner.run_unchanged(**GITLAB)
        assert runner.existing() == [created]

    @pytest.mark.parametrize("task", [AWS, {**GITLAB, "update_secrets": "on_create"}])
    def test_without_secrets_nothing_is_written(self, runner: RegistryRunner, task: dict[str, t.Any]) -> None:
        runner.datadog.emulator.settings(list=True)
        plain = {key: value for key, value in task.items() if key != "update_secrets"}
        created = runner.datadog.connection(**plain)["connection_id"]
        runner.datadog.emulator.clear()
        assert runner.predict_and_run(**task)["operation"] == "none"
        assert runner.datadog.writes() == []
        assert runner.backend.ids() == {task["name"]: created}
        runner.run_unchanged(**task)

    def test_one_of_two_with_the_same_name(self, runner: RegistryRunner) -> None:
        runner.datadog.emulator.settings(list=True)
        first = runner.datadog.connection(**AWS)["connection_id"]
        second = runner.datadog.connection(**{**AWS, "name": "other"})["connection_id"]
        runner.edit(second, name=AWS["name"])
        result = runner.run(**AWS)
        assert result["failed"] and first in result["msg"] and second in result["msg"]
        assert runner.run(**AWS, connection_id=second)["changed"] is False
        runner.run_unchanged(**AWS)
        # The registry holds one connection of a name, and never loses the id of one that exists.
        before = runner.backend.raw()
        result = runner.run(**AWS, connection_id=first)
        assert result["failed"] and first in result["msg"] and second in result["msg"]
        assert runner.backend.raw() == before
        assert runner.run(connection_id=first, state="absent")["operation"] == "delete"
        runner.run_unchanged(**AWS)

    def test_in_place_of_one_that_was_deleted(self, runner: RegistryRunner) -> None:
        runner.delete(runner.run(**AWS)["connection_id"])
        runner.datadog.emulator.settings(list=True)
        created = runner.datadog.connection(**AWS)["connection_id"]
        assert runner.run(**AWS, connection_id=created)["changed"] is False
        runner.run_unchanged(**AWS)
        assert runner.backend.ids() == {AWS["name"]: created}

    def test_ids_in_upper_case(self, runner: RegistryRunner) -> None:
        created = runner.run(**GITLAB)["connection_id"]
        runner.backend.remember("GitLab", id=created.upper())
        runner.run_unchanged(**GITLAB)
        runner.run_unchanged(**GITLAB, connection_id=created.upper())


class TestRenaming:
    def test_by_the_task(self, runner: RegistryRunner) -> None:
        created = runner.run(**GITLAB)["connection_id"]
        task = {**GITLAB, "name": "Renamed"}
        assert runner.predict_and_run(**task, connection_id=created)["operation"] == "update"
        assert runner.backend.ids() == {"Renamed": created}
        runner.run_unchanged(**task)

    def test_a_refused_one_leaves_the_former_name(self, runner: RegistryRunner) -> None:
        created = runner.run(**GITLAB)["connection_id"]
        runner.add_fault("status", method="PATCH", status=400)
        assert runner.run(**{**GITLAB, "name": "Renamed"}, connection_id=created)["failed"]
        assert runner.backend.ids() == {"GitLab": created}
        runner.run_unchanged(**GITLAB)

    def test_elsewhere_is_corrected(self, runner: RegistryRunner) -> None:
        created = runner.run(**GITLAB)["connection_id"]
        runner.edit(created, name="Renamed elsewhere")
        result = runner.predict_and_run(**GITLAB)
        assert (result["operation"], result["drifted"]) == ("update", True)
        runner.run_unchanged(**GITLAB)
        assert runner.existing() == [created]

    def test_elsewhere_to_the_name_of_another_task(self, runner: RegistryRunner) -> None:
        runner.datadog.emulator.settings(list=True)
        created = runner.run(**GITLAB)["connection_id"]
        runner.edit(created, name="Another")
        for state in ("present", "absent"):
            result = runner.run(**{**GITLAB, "name": "Another"}, state=state)
            assert result["failed"] and created in result["msg"] and "'GitLab'" in result["msg"]
        assert runner.existing() == [created]
        runner.run(**GITLAB)
        assert runner.run(**{**GITLAB, "name": "Another"})["operation"] == "create"
        assert set(runner.backend.ids()) == {"GitLab", "Another"}


class TestElsewhere:
    """What others did to a connection that the registry knows."""

    @pytest.mark.slow
    @pytest.mark.parametrize("is_listed", [True, False])
    def test_deleted(self, runner: RegistryRunner, is_listed: bool) -> None:
        created = runner.run(**GITLAB)["connection_id"]
        runner.delete(created)
        runner.datadog.emulator.settings(list=is_listed)
        failed = runner.run(name="GitLab", gitlab={"api_key": {}})
        assert failed["failed"] and "gitlab.api_key.api_token" in failed["msg"]
        assert created in failed["msg"]
        result = runner.predict_and_run(**GITLAB)
        assert result["operation"] == "create"
        assert any(created in warning for warning in result["warnings"])
        runner.run_unchanged(**GITLAB)
        runner.delete(result["connection_id"])
        assert runner.predict_and_run(name="GitLab", state="absent")["operation"] == "none"
        assert runner.backend.entries() == {}

    def test_edited(self, runner: RegistryRunner) -> None:
        created = runner.run(**GITLAB)["connection_id"]
        credentials = {"type": "GitlabAPIKey", "api_token": "somebody else's"}
        runner.edit(created, integration={"type": "Gitlab", "credentials": credentials})
        runner.add_fault("status", method="PATCH", status=400)
        assert runner.run(**GITLAB)["failed"]
        # Nothing proves that it still has the secret, so that it is sent again.
        result = runner.predict_and_run(**GITLAB)
        assert (result["operation"], result["drifted"]) == ("update", True)
        [warning] = result["warnings"]
        assert "elsewhere" in warning and "secrets" in warning
        assert runner.holds(created, GITLAB, "gitlab.api_key")
        runner.run_unchanged(**GITLAB)

    def test_edited_without_secrets(self, runner: RegistryRunner) -> None:
        created = runner.run(**AWS)["connection_id"]
        runner.edit(created, name=AWS["name"])
        for check_mode in (True, False):
            result = runner.run(**AWS, check_mode=check_mode)
            assert (result["operation"], result["drifted"]) == ("none", True)
            assert "elsewhere" in result["warnings"][0]
        runner.run_unchanged(**AWS)

    def test_edited_where_datadog_returns_no_times(self, runner: RegistryRunner) -> None:
        runner.datadog.emulator.settings(plain_attributes=True)
        created = runner.run(**GITLAB)["connection_id"]
        runner.edit(created, name="GitLab")
        runner.run_unchanged(**GITLAB)

    @pytest.mark.parametrize("is_wanted", [True, False])
    def test_a_token_was_deleted(self, runner: RegistryRunner, is_wanted: bool) -> None:
        created = runner.run(**HTTP)["connection_id"]
        deleted = [{"name": "signature", "type": "SECRET", "value": "", "deleted": True}]
        credentials = {"type": "HTTPTokenAuth", "tokens": deleted}
        runner.edit(created, integration={"type": "HTTP", "credentials": credentials})
        task = copy.deepcopy(HTTP)
        if not is_wanted:
            del task["http"]["token_auth"]["tokens"][1]
            task["http"]["token_auth"]["body"] = {"content": "no reference to it"}
        result = runner.predict_and_run(**task)
        assert (result["operation"], result["drifted"]) == ("update", True)
        runner.run_unchanged(**task)

    def test_times_may_be_rounded(self, runner: RegistryRunner) -> None:
        runner.run(**GITLAB)
        runner.run(**ROTATED)
        known = runner.backend.entries()["GitLab"]["last_updated"]
        digits = f"{int(known[-7:-1]) ^ 1:06}"
        runner.backend.remember("GitLab", last_updated=f"{known[:-7]}{digits}Z")
        runner.run_unchanged(**ROTATED)

    @pytest.mark.parametrize("update_secrets", ["on_create", "on_change"])
    def test_secrets_are_sent_by_the_first_run_that_may(self, runner: RegistryRunner, update_secrets: str) -> None:
        """A run that does not send them does not record that the connection has them."""
        created = runner.run(**GITLAB)["connection_id"]
        runner.edit(created, integration={"type": "Gitlab", "credentials": {"type": "GitlabAPIKey", "api_token": "x"}})
        runner.datadog.emulator.clear()
        task = GITLAB if update_secrets == "on_create" else {"name": "GitLab", "gitlab": {"api_key": {}}}
        noticed = runner.run(**task, update_secrets=update_secrets)
        assert noticed["drifted"] and runner.datadog.writes() == []
        assert runner.predict_and_run(**GITLAB)["operation"] == "update"
        [sent] = runner.datadog.requests("PATCH")
        assert "api_token" in sent["body"]["data"]["attributes"]["integration"]["credentials"]
        runner.run_unchanged(**GITLAB)


class TestReplacing:
    def test_the_registry_follows(self, runner: RegistryRunner) -> None:
        old = runner.run(**GITLAB)["connection_id"]
        runner.datadog.emulator.clear()
        result = runner.predict_and_run(**REPLACING)
        assert result["operation"] == "replace" and result["connection_id"] != old
        assert [each["method"] for each in runner.datadog.writes()] == ["POST", "DELETE"]
        assert runner.backend.ids() == {"GitLab": result["connection_id"]}
        assert runner.existing() == [result["connection_id"]]
        assert "secrets" not in runner.backend.entries()["GitLab"]
        runner.run_unchanged(**REPLACING)
        # Of the claim nothing is left that would be in the way.
        back = {**GITLAB, "allow_replace": True}
        assert runner.predict_and_run(**back)["operation"] == "replace"
        runner.run_unchanged(**back)

    def test_by_id_under_a_new_name(self, runner: RegistryRunner) -> None:
        old = runner.run(**GITLAB)["connection_id"]
        task = {**REPLACING, "name": "Renamed"}
        runner.add_fault("status", method="POST", status=400)
        assert runner.run(**task, connection_id=old)["failed"]
        runner.run_unchanged(**GITLAB)
        result = runner.predict_and_run(**task, connection_id=old)
        assert runner.backend.ids() == {"Renamed": result["connection_id"]}
        assert runner.existing() == [result["connection_id"]]
        runner.run_unchanged(**task)

    def test_tags_are_kept(self, runner: RegistryRunner) -> None:
        runner.run(**GITLAB, tags=["env:prod"])
        result = runner.predict_and_run(**REPLACING)
        assert result["operation"] == "replace" and result["connection"]["tags"] == ["env:prod"]
        runner.run_unchanged(**REPLACING)

    def test_a_refused_create_changes_nothing(self, runner: RegistryRunner) -> None:
        runner.run(**GITLAB)
        before = runner.backend.entries()
        runner.add_fault("status", method="POST", status=400)
        assert runner.run(**REPLACING)["failed"]
        assert runner.backend.entries() == before
        runner.run_unchanged(**GITLAB)
        assert runner.run(**REPLACING)["operation"] == "replace"

    def test_a_refused_delete_is_done_by_the_next_run(self, runner: RegistryRunner) -> None:
        old = runner.run(**GITLAB)["connection_id"]
        runner.add_fault("status", method="DELETE", status=400)
        failed = runner.run(**REPLACING)
        [new] = set(runner.existing()) - {old}
        assert failed["failed"] and failed["changed"] and failed["connection_id"] == new
        assert old in failed["msg"] and new in failed["msg"]
        assert runner.backend.entries()["GitLab"]["replaces"] == old
        refused = runner.run(**{**REPLACING, "allow_replace": False})
        assert refused["failed"] and "allow_replace" in refused["msg"] and old in refused["msg"]
        result = runner.predict_and_run(**REPLACING)
        assert set(result["diff"]["before"]) == {"name", "gitlab"}
        assert runner.existing() == [new]
        runner.run_unchanged(**REPLACING)

    def test_another_kind_before_that(self, runner: RegistryRunner) -> None:
        old = runner.run(**GITLAB)["connection_id"]
        runner.add_fault("status", method="DELETE", status=400)
        new = runner.run(**REPLACING)["connection_id"]
        task = {**HTTP, "name": "GitLab", "allow_replace": True}
        result = runner.run(**task)
        assert result["failed"] and old in result["msg"] and new in result["msg"]
        runner.delete(old)
        assert runner.predict_and_run(**task)["operation"] == "replace"
        runner.run_unchanged(**task)

    def test_beside_another_one_of_its_name(self, runner: RegistryRunner) -> None:
        runner.datadog.emulator.settings(list=True)
        foreign = runner.datadog.connection(**{**GITLAB, "name": "x"})["connection_id"]
        runner.run(**GITLAB)
        runner.edit(foreign, name="GitLab")
        result = runner.predict_and_run(**REPLACING)
        assert (result["operation"], result["warnings"]) == ("replace", [])
        assert set(runner.existing()) == {foreign, result["connection_id"]}
        runner.run_unchanged(**REPLACING)


class TestWithoutList:
    def test_what_the_registry_does_not_know_does_not_exist(self, runner: RegistryRunner) -> None:
        created = runner.predict_and_run(**GITLAB)
        [warning] = created["warnings"]
        assert "connection_id" in warning and "'GitLab'" in warning
        runner.run_unchanged(**GITLAB)
        result = runner.run(name="Another", state="absent")
        assert result["changed"] is False and "'Another'" in result["warnings"][0]

    def test_a_refused_create_leaves_nothing(self, runner: RegistryRunner) -> None:
        runner.add_fault("status", method="POST", status=400)
        result = runner.run(**GITLAB)
        assert (result["failed"], result["http_status"]) == (True, 400)
        assert runner.backend.entries() == {}
        assert runner.run(**GITLAB)["operation"] == "create"


def test_another_site_is_refused(runner: RegistryRunner) -> None:
    runner.run(**GITLAB)
    before = runner.backend.raw()
    runner.datadog.emulator.clear()
    own = runner.datadog.emulator.url.split("//")[1]
    other = own.replace("127.0.0.1", "localhost")
    for check_mode in (True, False):
        result = runner.run(**GITLAB, api_url=f"http://{other}", check_mode=check_mode)
        assert result["failed"] and own in result["msg"] and other in result["msg"]
    assert runner.datadog.requests() == [] and runner.backend.raw() == before


class TestInterruptedReplacement:
    """The registry knows the new connection, and the old one still exists."""

    @pytest.fixture
    def ids(self, runner: RegistryRunner) -> tuple[str, str]:
        """The new one's id, and the old one's."""
        old = runner.run(**GITLAB)["connection_id"]
        runner.add_fault("status", method="DELETE", status=400)
        new = runner.run(**REPLACING)["connection_id"]
        runner.datadog.emulator.clear()
        return new, old

    def test_the_old_ones_id_finishes_it(self, runner: RegistryRunner, ids: tuple[str, str]) -> None:
        result = runner.predict_and_run(**REPLACING, connection_id=ids[1])
        assert (result["operation"], result["connection_id"]) == ("replace", ids[0])
        assert runner.existing() == [ids[0]] and runner.backend.ids() == {"GitLab": ids[0]}

    def test_the_new_one_is_deleted_by_its_id_alone(self, runner: RegistryRunner, ids: tuple[str, str]) -> None:
        result = runner.predict_and_run(connection_id=ids[0], state="absent")
        assert result["operation"] == "delete"
        assert runner.existing() == [ids[1]] and runner.backend.ids() == {"GitLab": ids[1]}
        assert runner.run(name="GitLab", state="absent")["operation"] == "delete"
        assert runner.existing() == [] and runner.backend.entries() == {}

    @pytest.mark.parametrize("state", ["present", "absent"])
    def test_an_old_one_with_another_name_stays(self, runner: RegistryRunner, ids: tuple[str, str], state: str) -> None:
        runner.run(**{**GITLAB, "name": "Another"}, connection_id=ids[1])
        assert runner.backend.ids() == {"GitLab": ids[0], "Another": ids[1]}
        runner.predict_and_run(**REPLACING, state=state)
        assert ids[1] in runner.existing() and runner.backend.ids()["Another"] == ids[1]
        runner.run_unchanged(**{**GITLAB, "name": "Another"})

    def test_a_set_with_both_is_refused(self, runner: RegistryRunner, ids: tuple[str, str]) -> None:
        by_id = {**GITLAB, "name": "Another", "connection_id": ids[1]}
        tasks = [{key: value for key, value in REPLACING.items() if key != "allow_replace"}, by_id]
        result = runner.datadog.connections(*tasks, registry=runner.backend.registry, allow_replace=True)
        assert result["failed"] and ids[1] in result["msg"] and "connections[1]" in result["msg"]
        assert runner.datadog.writes() == []


class TestClaims:
    """A claim of a run that has ended."""

    CLAIM = "aws.assume_role 2026-01-01T00:00:00Z 0123456789abcdef"

    def run(self, runner: RegistryRunner, **params: t.Any) -> dict[str, t.Any]:
        return runner.run(**params, timeout=1, retries=0)

    def add(self, runner: RegistryRunner, integration: str, credentials: dict[str, str]) -> str:
        """Create a connection with the name that the registry knows."""
        attributes = {"name": "GitLab", "integration": {"type": integration, "credentials": credentials}}
        body = {"data": {"type": "action_connection", "attributes": attributes}}
        created = runner.datadog.emulator.call("POST", CONNECTIONS, body)
        return str(created.body["data"]["id"])

    @pytest.mark.slow
    @pytest.mark.parametrize("is_listed", [True, False])
    def test_the_id_of_what_is_replaced_does_not_settle_it(self, runner: RegistryRunner, is_listed: bool) -> None:
        """The run may have created the new one."""
        old = runner.run(**GITLAB)["connection_id"]
        new = self.add(runner, "AWS", {"type": "AWSAssumeRole", **AWS["aws"]["assume_role"]}) if is_listed else ""
        runner.backend.remember("GitLab", claim=self.CLAIM)
        runner.datadog.emulator.settings(list=is_listed)
        runner.datadog.emulator.clear()
        result = self.run(runner, **REPLACING, connection_id=old)
        if is_listed:
            assert (result["operation"], result["connection_id"]) == ("replace", new)
            assert runner.existing() == [new]
        else:
            assert result["failed"] and old in result["msg"] and "gitlab.api_key" in result["msg"]
            assert runner.datadog.writes() == []
            # What the error says: a task with the old one's integration.
            assert not self.run(runner, **GITLAB, connection_id=old).get("failed")
            assert self.run(runner, **REPLACING, connection_id=old)["operation"] == "replace"

    @pytest.mark.slow
    def test_an_older_connection_of_the_name_is_not_what_it_created(self, runner: RegistryRunner) -> None:
        runner.run(**GITLAB)
        runner.backend.remember("GitLab", claim=self.CLAIM.replace("2026", "2099"))
        runner.datadog.emulator.settings(list=True)
        foreign = self.add(runner, "Gitlab", {"type": "GitlabAPIKey", "api_token": "another"})
        assert self.run(runner, name="GitLab", state="absent")["operation"] == "delete"
        assert runner.existing() == [foreign]

    @pytest.mark.slow
    @pytest.mark.parametrize("has_id", [True, False])
    def test_no_other_connection_gets_the_name(self, runner: RegistryRunner, has_id: bool) -> None:
        mine = runner.run(**GITLAB)["connection_id"]
        other = runner.run(**{**AWS, "name": "New"})["connection_id"]
        fields = {} if has_id else {"id": None}
        runner.backend.remember("New", claim=self.CLAIM, **fields)
        before = runner.backend.entries()
        runner.datadog.emulator.clear()
        result = self.run(runner, **{**GITLAB, "name": "New"}, connection_id=mine)
        assert result["failed"] and self.CLAIM in result["msg"]
        assert runner.datadog.writes() == [] and runner.backend.entries() == before
        assert sorted(runner.existing()) == sorted([mine, other])


class TestOrganization:
    """A file knows its organization. Keys of another one cannot reach a datastore anyway."""

    OTHER = "11111111-2222-4333-8444-555555555555"

    @pytest.fixture
    def backend(self, file_backend: FileBackend) -> FileBackend:
        return file_backend

    def asked(self, runner: RegistryRunner) -> int:
        paths = [request["path"] for request in runner.datadog.requests("GET")]
        return paths.count("/api/v2/current_user")

    def test_is_recorded_and_asked_once(self, runner: RegistryRunner) -> None:
        tasks = [{**AWS, "name": f"AWS {number}"} for number in range(3)]
        result = runner.datadog.connections(*tasks, registry=runner.backend.registry)
        assert not result.get("failed") and self.asked(runner) == 1
        answer = runner.datadog.emulator.call("GET", "/api/v2/current_user").body
        organization = answer["data"]["relationships"]["org"]["data"]["id"]
        assert runner.backend.content()["organization"] == organization
        runner.run_unchanged(**tasks[0])

    @pytest.mark.parametrize("state", ["present", "absent"])
    @pytest.mark.parametrize("is_listed", [True, False])
    def test_another_one_is_refused(self, runner: RegistryRunner, state: str, is_listed: bool) -> None:
        created = runner.run(**GITLAB)["connection_id"]
        own = runner.backend.content()["organization"]
        # Keys of another organization find nothing there.
        runner.delete(created)
        runner.datadog.emulator.settings(org=self.OTHER, list=is_listed)
        runner.datadog.emulator.clear()
        before = runner.backend.raw()
        for task in (GITLAB, {**GITLAB, "name": "Another"}):
            for check_mode in (True, False):
                result = runner.run(**task, state=state, check_mode=check_mode)
                assert result["failed"]
                assert own in result["msg"] and self.OTHER in result["msg"]
                assert runner.backend.registry in result["msg"]
        assert runner.datadog.writes() == [] and runner.backend.raw() == before

    @pytest.mark.parametrize("state", ["present", "absent"])
    def test_another_one_is_refused_although_it_has_a_connection_of_the_name(
        self, runner: RegistryRunner, state: str
    ) -> None:
        runner.delete(runner.run(**GITLAB)["connection_id"])
        runner.datadog.emulator.settings(org=self.OTHER, list=True)
        runner.datadog.connection(**GITLAB)
        runner.datadog.emulator.clear()
        result = runner.run(**ROTATED, state=state)
        assert result["failed"] and self.OTHER in result["msg"]
        assert runner.datadog.writes() == []

    @pytest.mark.parametrize("is_listed", [True, False])
    def test_another_one_is_refused_before_a_claim_is_told(self, runner: RegistryRunner, is_listed: bool) -> None:
        runner.run(**AWS)
        runner.backend.remember("GitLab", id=None, claim="gitlab.api_key 2026-01-01T00:00:00Z 0123456789abcdef")
        runner.datadog.emulator.settings(org=self.OTHER, list=is_listed)
        result = runner.run(**GITLAB, timeout=1)
        assert result["failed"] and self.OTHER in result["msg"]

    def test_another_one_is_refused_for_sets(self, runner: RegistryRunner) -> None:
        registry = runner.backend.registry
        runner.datadog.connections(AWS, GITLAB, registry=registry)
        for connection_id in runner.existing():
            runner.delete(connection_id)
        runner.datadog.emulator.settings(org=self.OTHER)
        runner.datadog.emulator.clear()
        before = runner.backend.raw()
        for tasks, more in (((AWS,), {"purge": True}), ((AWS, GITLAB), {"state": "absent"})):
            names = tasks if "purge" in more else [{"name": task["name"]} for task in tasks]
            result = runner.datadog.connections(*names, registry=registry, **more)
            assert result["failed"] and self.OTHER in result["msg"]
        assert runner.datadog.writes() == [] and runner.backend.raw() == before


class TestFingerprints:
    @pytest.fixture
    def backend(self, file_backend: FileBackend) -> FileBackend:
        return file_backend

    def test_they_hide_the_secret(self, runner: RegistryRunner) -> None:
        """Salted, so that two equal secrets are not seen to be equal."""
        for name in ("one", "two"):
            runner.run(**{**GITLAB, "name": name})
        texts = {entry["secrets"]["api_token"] for entry in runner.backend.entries().values()}
        assert len(texts) == 2
        assert all(text.startswith("$scrypt$ln=11,r=8,p=1$") for text in texts)

    @pytest.mark.parametrize("ln", [12, 15])
    def test_older_parameters_are_verified(self, runner: RegistryRunner, ln: int) -> None:
        runner.run(**GITLAB)
        text = scrypt(secrets_of(GITLAB, "gitlab.api_key")["api_token"], ln)
        runner.backend.remember("GitLab", secrets={"api_token": text})
        runner.run_unchanged(**GITLAB)
        assert runner.run(**ROTATED)["operation"] == "update"

    @pytest.mark.parametrize(
        "text",
        [
            "$scrypt$ln=\u0661,r=8,p=1$" + "A" * 22 + "$" + "A" * 43,
            "$pbkdf2-sha256$i=999999999$" + "A" * 22 + "$" + "A" * 43,
            "$scrypt$ln=13,r=8$" + "A" * 22 + "$" + "A" * 43,
            "$argon2id$m=1,t=1,p=1$" + "A" * 22 + "$" + "A" * 43,
            "the secret itself",
        ],
    )
    def test_what_is_none(self, runner: RegistryRunner, text: str) -> None:
        runner.run(**GITLAB)
        runner.backend.remember("GitLab", secrets={"api_token": text})
        result = runner.datadog.connection(**GITLAB, registry=runner.backend.registry)
        assert result["failed"] and "'GitLab'" in result["msg"]

    def test_one_that_would_take_too_long_does_not_match(self, runner: RegistryRunner) -> None:
        runner.run(**GITLAB)
        text = "$scrypt$ln=40,r=9,p=9$" + "A" * 22 + "$" + "A" * 43
        runner.backend.remember("GitLab", secrets={"api_token": text})
        assert runner.run(**GITLAB)["operation"] == "update"
        runner.run_unchanged(**GITLAB)

    def test_fips_mode(self, runner: RegistryRunner, monkeypatch: pytest.MonkeyPatch) -> None:
        """Scrypt is forbidden there; such a host cannot be had."""

        def refuse(*args: t.Any, **kwargs: t.Any) -> t.NoReturn:
            raise ValueError("[digital envelope routines] unsupported")

        def kind() -> str:
            [text] = runner.backend.entries()["GitLab"]["secrets"].values()
            return str(text).split("$")[1]

        runner.run(**GITLAB)
        assert kind() == "scrypt"
        monkeypatch.setattr(hashlib, "scrypt", refuse)
        # What cannot be compared is sent once.
        assert runner.predict_and_run(**GITLAB)["operation"] == "update"
        assert kind() == "pbkdf2-sha256"
        runner.run_unchanged(**GITLAB)
        assert runner.run(**ROTATED)["operation"] == "update"
        # And is verified where scrypt is not forbidden.
        monkeypatch.undo()
        runner.run_unchanged(**ROTATED)


def scrypt(secret: str, ln: int) -> str:
    """A fingerprint with other parameters than the collection uses now."""
    salt = b"0123456789abcdef"
    text = secret.rstrip("\r\n").encode()
    found = hashlib.scrypt(text, salt=salt, n=2**ln, r=8, p=1, maxmem=2**26, dklen=32)
    parts = [base64.b64encode(part).decode().rstrip("=") for part in (salt, found)]
    return f"$scrypt$ln={ln},r=8,p=1${parts[0]}${parts[1]}"


class TestFormer:
    """Registries that releases 1.x wrote."""

    def test_files(self, runner: RegistryRunner, file_backend: FileBackend) -> None:
        runner.backend = file_backend
        runner.run(**GITLAB)
        runner.run(**HTTP)
        known = file_backend.entries()
        known["GitLab"]["secrets"] = {"api_token": scrypt(secrets_of(GITLAB, "gitlab.api_key")["api_token"], 13)}
        for version, more in ((1, {}), (2, {"sets": {"a b": scrypt("x", 13)}})):
            content = {**file_backend.content(), "version": version, "connections": known, **more}
            content.pop("organization", None)
            file_backend.path.write_text(json.dumps(content), encoding="utf-8")
            runner.run_unchanged(**GITLAB)
            runner.run_unchanged(**HTTP)
            assert runner.run(**{**AWS, "name": f"AWS {version}"})["operation"] == "create"
            assert file_backend.content()["version"] == 3
            assert "organization" in file_backend.content()

    def test_a_claim(self, runner: RegistryRunner) -> None:
        runner.run(**AWS)
        runner.backend.remember("GitLab", id=None, integration="", creating="gitlab.api_key")
        if not isinstance(runner.backend, FileBackend):
            runner.backend.edit("GitLab", version=1, creating="gitlab.api_key", claim="")
        result = runner.run(**GITLAB, timeout=1)
        assert result["failed"] and "remove the entry 'GitLab'" in result["msg"]

    def test_an_interrupted_replacement_is_named(self, runner: RegistryRunner) -> None:
        created = runner.run(**GITLAB)["connection_id"]
        more = {"creating": "aws.assume_role", "replaces": created}
        runner.backend.remember("GitLab", **{**more, "id": None})
        if not isinstance(runner.backend, FileBackend):
            runner.backend.edit("GitLab", version=1, connection_id="", **more)
        result = runner.run(**GITLAB)
        assert result["failed"] and "'GitLab'" in result["msg"] and created in result["msg"]
        assert runner.existing() == [created]
