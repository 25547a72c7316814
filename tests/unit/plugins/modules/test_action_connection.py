# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action_connection module against the emulator: tasks in, requests and results out."""

from __future__ import annotations

import copy
import json
import typing as t

import pytest
from datadog_api_client.configuration import Configuration
from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v2.model.create_action_connection_request import (
    CreateActionConnectionRequest,
)
from datadog_api_client.v2.model.update_action_connection_request import (
    UpdateActionConnectionRequest,
)

from ansible_collections.tidyops.datadog.plugins.module_utils._connections import catalogue
from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog, Server
from ansible_collections.tidyops.datadog.tests.unit.examples import (
    CANARY,
    KINDS,
    LOST_ANSWERS,
    credentials_of,
    example,
    secret,
)
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    FileBackend,
    RegistryRunner,
    rotated,
    secrets_of,
)

CATALOGUE = sorted(kind.path for kind in catalogue.KINDS.values())
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
#: Kinds that have a field which Datadog returns, and such a field.
CLEAR_FIELDS = {
    "aws.assume_role": "role",
    "azure.tenant": "tenant_id",
    "cloudflare.global_api_token": "auth_email",
    "configcat.sdk_key": "api_username",
    "datadog.api_key": "datacenter",
    "freshservice.api_key": "domain",
    "gcp.service_account": "service_account_email",
    "okta.api_token": "domain",
    "servicenow.basic_auth": "username",
}
AWS = example("aws.assume_role")
HTTP = example("http.token_auth")
GITLAB = example("gitlab.api_key")
PATH = "/api/v2/actions/connections"


@pytest.fixture
def backend(file_backend: FileBackend) -> FileBackend:
    """One is enough: what a connection is and where it is remembered do not depend on each other."""
    return file_backend


def with_clear_field(kind: str, value: str) -> dict[str, t.Any]:
    task = example(kind)
    credentials_of(task, kind)[CLEAR_FIELDS[kind]] = value
    return task


def http_with(**changes: t.Any) -> dict[str, t.Any]:
    task = example("http.token_auth")
    task["http"]["token_auth"].update(changes)
    return task


def read_by_official_client(request: dict[str, t.Any]) -> None:
    """Have the official client's models read a request's body; they raise where it is not as specified."""
    model = CreateActionConnectionRequest if request["method"] == "POST" else UpdateActionConnectionRequest
    read = validate_and_convert_types(request["body"], (model,), ["body"], True, True, Configuration())
    assert json.loads(json.dumps(read.to_dict())) == request["body"]

    def known(node: t.Any) -> bool:
        if isinstance(node, dict):
            return all(map(known, node.values()))
        if isinstance(node, list):
            return all(map(known, node))
        assert not getattr(node, "_unparsed", False), node
        assert not getattr(node, "additional_properties", None), node
        store = getattr(node, "_data_store", None)
        return all(map(known, store.values())) if isinstance(store, dict) else True

    assert known(read)


def test_the_examples_are_of_every_kind() -> None:
    assert KINDS == CATALOGUE
    assert len(KINDS) == 25


@pytest.mark.usefixtures("unlisted")
@pytest.mark.parametrize("kind", KINDS)
def test_life_of_a_connection(runner: RegistryRunner, kind: str) -> None:
    """As most organizations have it: without the list, with a registry."""
    task, datadog = example(kind), runner.datadog
    integration = kind.split(".")[0]

    predicted = runner.run(**task, check_mode=True)
    created = runner.predict_and_run(**task)
    assert (created["changed"], created["operation"]) == (True, "create")
    assert created["diff"]["before"] == {}
    assert created["connection"]["connection_id"] == created["connection_id"]
    assert created["connection"]["created_at"].endswith("Z")
    assert [request["method"] for request in datadog.writes()] == ["POST"]
    assert runner.backend.ids() == {task["name"]: created["connection_id"]}

    # The result is as predicted, but for what only Datadog can know.
    by_datadog = {"connection_id", "created_at", "last_updated", "created_by"}
    for name in set(created["connection"]) - by_datadog - {integration}:
        assert created["connection"][name] == predicted["connection"][name]
    for name, value in credentials_of(predicted["connection"], kind).items():
        assert credentials_of(created["connection"], kind)[name] == value

    # Datadog holds the very secrets that were given.
    assert bool(secrets_of(task, kind)) == (kind != "aws.assume_role")
    assert runner.holds(created["connection_id"], task, kind)

    unchanged = runner.run_unchanged(**task)
    assert unchanged["diff"]["before"] == unchanged["diff"]["after"] == created["diff"]["after"]
    assert unchanged["connection"] == created["connection"]

    task = rotated(task, kind)
    if secrets_of(task, kind):
        datadog.emulator.clear()
        updated = runner.predict_and_run(**task)
        assert updated["operation"] == "update"
        assert updated["diff"]["before"] != updated["diff"]["after"]
        [request] = datadog.writes()
        sent = request["body"]["data"]["attributes"]
        secret_fields = {path.split(".")[0] for path in secrets_of(task, kind)}
        assert set(sent) == {"integration"}
        assert set(sent["integration"]["credentials"]) == {"type", *secret_fields}
        assert runner.holds(created["connection_id"], task, kind)

    datadog.emulator.clear()
    name = f"{task['name']} (renamed)"
    task.update(connection_id=created["connection_id"], name=name)
    renamed = runner.predict_and_run(**task)
    assert (renamed["operation"], renamed["connection"]["name"]) == ("update", name)
    assert [request["body"]["data"]["attributes"] for request in datadog.writes()] == [{"name": name}]
    assert runner.backend.ids() == {name: created["connection_id"]}
    runner.run_unchanged(**task)

    removal = {"name": name, "state": "absent"}
    removed = runner.predict_and_run(**removal)
    assert (removed["changed"], removed["operation"], removed["connection"]) == (
        True,
        "delete",
        None,
    )
    assert removed["connection_id"] == created["connection_id"]
    assert removed["diff"]["after"] == {}
    assert (runner.existing(), runner.backend.ids()) == ([], {})
    assert runner.run(**removal)["changed"] is False


@pytest.mark.parametrize("kind", ["aws.assume_role", "http.token_auth"])
def test_life_of_a_connection_without_a_registry(datadog: Datadog, kind: str) -> None:
    """Where Datadog offers the list."""
    task = {**example(kind), "update_secrets": "on_create"}
    renamed = {"name": f"{task['name']} (renamed)"}
    connection_id = None
    for params, operation in (
        (task, "create"),
        (task, "none"),
        ({**task, **renamed}, "update"),
        ({**renamed, "state": "absent"}, "delete"),
        ({**renamed, "state": "absent"}, "none"),
    ):
        by_id = {"connection_id": connection_id} if operation == "update" else {}
        writes = datadog.writes()
        predicted = datadog.connection(**params, **by_id, check_mode=True)
        assert datadog.writes() == writes
        result = datadog.connection(**params, **by_id)
        assert (result["operation"], result["changed"]) == (operation, operation != "none")
        assert (result["diff"], result["warnings"]) == (predicted["diff"], [])
        connection_id = result["connection_id"]
    assert [request["method"] for request in datadog.writes()] == ["POST", "PATCH", "DELETE"]


@pytest.mark.parametrize("kind", KINDS)
def test_official_models_read_every_request(datadog: Datadog, kind: str) -> None:
    task = example(kind)
    datadog.connection(**task)
    changed = {**task, "update_secrets": "always"}
    if kind in CLEAR_FIELDS:
        changed = {**with_clear_field(kind, "210987654321"), "update_secrets": "always"}
    elif kind == "http.token_auth":
        changed = {
            **http_with(
                tokens=[
                    {"name": "accessToken", "value": f"{CANARY}-2"},
                    {"name": "another", "value": f"{CANARY}-3"},
                ],
                headers=[{"name": "X-Client", "value": "changed"}],
                url_parameters=[],
                body={"content": "changed"},
            ),
            "update_secrets": "always",
        }
    result = datadog.connection(**changed)
    assert result["operation"] == "update", result
    writes = datadog.writes()
    assert [request["method"] for request in writes] == ["POST", "PATCH"]
    assert [request["status"] for request in writes] == [201, 200]
    for request in writes:
        read_by_official_client(request)


@pytest.mark.parametrize("kind", sorted(CLEAR_FIELDS))
def test_a_changed_field_is_all_that_is_sent(datadog: Datadog, kind: str) -> None:
    datadog.connection(**example(kind))
    changed = with_clear_field(kind, "210987654321")
    predicted = datadog.connection(**changed, check_mode=True)
    result = datadog.connection(**changed)
    assert result["diff"] == predicted["diff"]
    assert credentials_of(result["connection"], kind) == credentials_of(predicted["connection"], kind)
    sent = datadog.requests("PATCH")[0]["body"]["data"]["attributes"]
    assert set(sent) == {"integration"}
    assert set(sent["integration"]) == {"type", "credentials"}
    assert set(sent["integration"]["credentials"]) == {"type", CLEAR_FIELDS[kind]}
    assert datadog.connection(**changed)["changed"] is False


def test_what_is_left_out_is_left_alone(datadog: Datadog) -> None:
    created = datadog.connection(**HTTP)
    result = datadog.connection(name=HTTP["name"], http={"token_auth": {}})
    assert result["changed"] is False
    assert result["connection"] == created["connection"]


def test_what_is_returned_can_be_given_back(datadog: Datadog) -> None:
    created = datadog.connection(**HTTP)["connection"]
    result = datadog.connection(name=created["name"], http=created["http"], update_secrets="on_create")
    assert result["changed"] is False


class TestIdentity:
    def test_names_must_match_exactly(self, datadog: Datadog) -> None:
        datadog.connection(**{**GITLAB, "name": "GitLab production"})
        datadog.connection(**{**GITLAB, "name": "gitlab"})
        assert datadog.connection(**GITLAB)["operation"] == "create"

    def test_two_of_one_name_are_an_error_that_names_their_ids(self, datadog: Datadog) -> None:
        ids = [datadog.connection(**{**GITLAB, "name": name})["connection_id"] for name in ("first", "second")]
        renaming = {"data": {"type": "action_connection", "attributes": {"name": "first"}}}
        datadog.emulator.call("PATCH", f"{PATH}/{ids[1]}", renaming)
        datadog.emulator.clear()
        for task in ({**GITLAB, "name": "first"}, {"name": "first", "state": "absent"}):
            for check_mode in (True, False):
                result = datadog.connection(**task, check_mode=check_mode)
                assert result["failed"] and "connection_id" in result["msg"]
                assert all(connection_id in result["msg"] for connection_id in ids)
        assert datadog.writes() == []
        removed = datadog.connection(connection_id=ids[1], state="absent")
        assert removed["operation"] == "delete"
        assert datadog.connection(**{**GITLAB, "name": "first"})["connection_id"] == ids[0]

    @pytest.mark.parametrize("status", [400, 404, 405])
    def test_without_the_list_nothing_is_created_blindly(self, unlisted: Datadog, status: int) -> None:
        unlisted.emulator.settings(no_list=status)
        for task in (GITLAB, {"name": "GitLab", "state": "absent"}):
            for check_mode in (True, False):
                result = unlisted.connection(**task, check_mode=check_mode)
                assert result["failed"]
                assert "connection_id" in result["msg"] and "registry" in result["msg"]
        assert unlisted.writes() == []

    def test_by_id_without_the_list(self, datadog: Datadog) -> None:
        connection_id = datadog.connection(**AWS)["connection_id"]
        datadog.emulator.settings(list=False)
        datadog.emulator.clear()
        task = {**AWS, "connection_id": connection_id.upper()}
        assert datadog.connection(**task)["changed"] is False
        assert [request["method"] for request in datadog.requests()] == ["GET"]
        task["aws"] = {"assume_role": {"role": "Another"}}
        assert datadog.connection(**task)["operation"] == "update"
        assert datadog.connection(**task)["changed"] is False
        removal = {"connection_id": connection_id, "state": "absent"}
        assert datadog.connection(**removal)["operation"] == "delete"
        assert datadog.connection(**removal)["operation"] == "none"

    def test_an_unknown_id_is_never_created(self, datadog: Datadog) -> None:
        result = datadog.connection(**GITLAB, connection_id=UNKNOWN_ID)
        assert result["failed"]
        assert UNKNOWN_ID in result["msg"] and "connection_id" in result["msg"]
        assert datadog.writes() == []

    def test_the_list_is_read_over_all_its_pages(self, datadog: Datadog) -> None:
        credentials = {"type": "AWSAssumeRole", "account_id": "123456789012", "role": "r"}
        integration = {"type": "AWS", "credentials": credentials}
        for number in range(205):
            attributes = {"name": f"connection {number}", "integration": integration}
            request = {"data": {"type": "action_connection", "attributes": attributes}}
            assert datadog.emulator.call("POST", PATH, request).status == 201
        datadog.emulator.clear()
        for number in (0, 150, 204):
            result = datadog.connection(name=f"connection {number}", aws={"assume_role": {}})
            assert result["changed"] is False
        assert len(datadog.requests("GET")) == 9

    def test_an_integration_that_is_not_known_here(self, datadog: Datadog, server: Server) -> None:
        credentials = {"type": "ZetaKey", "zeta": "x"}
        attributes = {"name": "AWS", "integration": {"type": "Zeta", "credentials": credentials}}
        found = {"id": UNKNOWN_ID, "type": "action_connection", "attributes": attributes}
        server.answers["GET"] = (200, {"data": found})
        task = {**AWS, "connection_id": UNKNOWN_ID, "api_url": server.url, "check_mode": True}
        result = datadog.connection(**task)
        assert result["failed"]
        assert "Zeta/ZetaKey" in result["msg"] and "aws.assume_role" in result["msg"]
        assert datadog.connection(**task, allow_replace=True)["operation"] == "replace"


class TestReplacing:
    @pytest.mark.parametrize("kind", ["aws.assume_role", "cloudflare.api_token"])
    def test_needs_to_be_allowed(self, datadog: Datadog, kind: str) -> None:
        """Another integration, and other credentials of the same one."""
        old = datadog.connection(**example("cloudflare.global_api_token"))
        datadog.emulator.clear()
        task = {**example(kind), "name": old["connection"]["name"]}
        for check_mode in (True, False):
            result = datadog.connection(**task, check_mode=check_mode)
            assert result["failed"]
            for text in (
                "allow_replace",
                old["connection_id"],
                "cloudflare.global_api_token",
                kind,
            ):
                assert text in result["msg"]
        assert datadog.writes() == []

    @pytest.mark.parametrize("with_list", [True, False])
    def test_the_new_one_comes_before_the_old_one_is_deleted(self, runner: RegistryRunner, with_list: bool) -> None:
        runner.datadog.emulator.settings(list=with_list)
        registry = {} if not with_list else {"registry": None}
        created = runner.run(**example("cloudflare.global_api_token"), **registry)
        name = created["connection"]["name"]
        task = {**example("cloudflare.api_token"), "name": name, "allow_replace": True, **registry}
        runner.datadog.emulator.clear()
        result = runner.predict_and_run(**task)
        assert result["operation"] == "replace"
        assert set(result["diff"]["before"]["cloudflare"]) == {"global_api_token"}
        assert set(result["diff"]["after"]["cloudflare"]) == {"api_token"}
        methods = [request["method"] for request in runner.datadog.writes()]
        assert methods == ["POST", "DELETE"]
        assert runner.existing() == [result["connection_id"]]
        if not with_list:
            assert runner.backend.ids() == {name: result["connection_id"]}
            runner.run_unchanged(**task)

    def test_what_is_missing_is_found_before_anything_is_written(self, datadog: Datadog) -> None:
        datadog.connection(**GITLAB)
        datadog.emulator.clear()
        result = datadog.connection(name=GITLAB["name"], allow_replace=True, aws={"assume_role": {"role": "r"}})
        assert result["failed"] and "aws.assume_role.account_id" in result["msg"]
        assert datadog.writes() == []

    def test_of_two_with_one_name_the_one_with_the_id_is_replaced(self, datadog: Datadog) -> None:
        first = datadog.connection(**GITLAB)["connection_id"]
        second = datadog.connection(**{**GITLAB, "name": "other"})["connection_id"]
        datadog.connection(**{**GITLAB, "connection_id": second})
        task = {**AWS, "name": GITLAB["name"], "connection_id": second, "allow_replace": True}
        result = datadog.connection(**task)
        assert result["operation"] == "replace"
        # The id in the task is that of the old one.
        assert any(second in warning for warning in result["warnings"])
        left = {c["id"] for c in datadog.emulator.state()["action_connections"]}
        assert left == {first, result["connection_id"]}

    def test_a_failed_delete_names_both(self, datadog: Datadog) -> None:
        old = datadog.connection(**GITLAB)["connection_id"]
        datadog.emulator.add_fault("status", method="DELETE", status=403, times=None)
        result = datadog.connection(**{**AWS, "name": GITLAB["name"], "allow_replace": True})
        assert result["failed"] and result["changed"] and old in result["msg"]
        ids = {c["id"] for c in datadog.emulator.state()["action_connections"]}
        assert ids == {old, result["connection_id"]} and result["connection_id"] in result["msg"]


def token(name: str, value: str = "<secret>") -> dict[str, t.Any]:
    """A token as it is sent; in the log of requests without its value."""
    return {"name": name, "type": "SECRET", "value": value}


class TestHttp:
    @pytest.mark.parametrize("form", ["http_tokens", "tokens"])
    def test_tokens_are_removed_renamed_and_added(self, datadog: Datadog, form: str) -> None:
        """Without a registry, and whichever name Datadog's answers have for them."""
        datadog.emulator.settings(tokens_as=form)
        connection_id = datadog.connection(**HTTP)["connection_id"]
        new = {"name": "renamed", "value": f"{CANARY}-renamed"}
        added = {"name": "added", "value": f"{CANARY}-added"}
        for tokens, sent in (
            ([{"name": "accessToken"}], [{**token("signature", ""), "deleted": True}]),
            ([new], [token("renamed"), {**token("accessToken", ""), "deleted": True}]),
            ([{"name": "renamed"}, added], [token("added")]),
            ([{"name": "renamed"}], [{**token("added", ""), "deleted": True}]),
        ):
            task = http_with(tokens=tokens)
            writes = datadog.writes()
            predicted = datadog.connection(**task, check_mode=True)
            assert datadog.writes() == writes
            result = datadog.connection(**task)
            assert (result["operation"], result["diff"]) == ("update", predicted["diff"])
            assert result["connection"]["http"] == predicted["connection"]["http"]
            names = [{"name": each["name"]} for each in tokens]
            assert result["connection"]["http"]["token_auth"]["tokens"] == names
            attributes = datadog.requests("PATCH")[-1]["body"]["data"]["attributes"]
            assert attributes["integration"]["credentials"] == {
                "type": "HTTPTokenAuth",
                "tokens": sent,
            }
            assert datadog.connection(**task)["changed"] is False
        assert datadog.emulator.holds_secret(connection_id, "tokens.renamed", new["value"])

    def test_headers_and_parameters_are_whole_lists(self, datadog: Datadog) -> None:
        datadog.connection(**HTTP)
        headers = [
            {"name": "X-New", "value": "1"},
            {"name": "Authorization", "value": "Bearer {{ signature }}"},
        ]
        task = http_with(headers=headers, url_parameters=[])
        task["update_secrets"] = "on_create"
        predicted = datadog.connection(**task, check_mode=True)
        result = datadog.connection(**task)
        assert result["diff"] == predicted["diff"]
        assert result["connection"]["http"] == predicted["connection"]["http"]
        [request] = datadog.requests("PATCH")
        assert request["body"]["data"]["attributes"]["integration"]["credentials"] == {
            "type": "HTTPTokenAuth",
            "headers": [*headers, {"name": "X-Client", "deleted": True}],
            "url_parameters": [{"name": "tenant", "deleted": True}],
        }
        after = result["connection"]["http"]["token_auth"]
        assert sorted(after["headers"], key=lambda each: each["name"]) == headers[::-1]
        assert "url_parameters" not in after
        assert datadog.connection(**task)["changed"] is False

    def test_order_does_not_matter(self, datadog: Datadog) -> None:
        datadog.connection(**HTTP)
        task = copy.deepcopy(HTTP)
        task["http"]["token_auth"]["headers"].reverse()
        task["http"]["token_auth"]["tokens"].reverse()
        assert datadog.connection(**task)["changed"] is False

    def test_a_token_without_a_value_must_exist(self, datadog: Datadog) -> None:
        task = http_with(tokens=[{"name": "unknown"}])
        expected = "http.token_auth.tokens[0].value is required"
        assert expected in datadog.connection(**task)["msg"]
        datadog.connection(**HTTP)
        datadog.emulator.clear()
        assert expected in datadog.connection(**task)["msg"]
        assert datadog.writes() == []

    def test_half_a_body_leaves_the_other_half_alone(self, datadog: Datadog) -> None:
        datadog.connection(**HTTP)
        result = datadog.connection(**http_with(body={"content": "changed"}))
        assert result["connection"]["http"]["token_auth"]["body"] == {
            "content": "changed",
            "content_type": "application/json",
        }

    def test_only_the_address_changes(self, datadog: Datadog) -> None:
        datadog.connection(**HTTP)
        url = "https://other.example.com"
        task = {"name": HTTP["name"], "http": {"base_url": url, "token_auth": {}}}
        assert datadog.connection(**task)["operation"] == "update"
        sent = datadog.requests("PATCH")[0]["body"]["data"]["attributes"]["integration"]
        credentials = {"type": "HTTPTokenAuth"}
        assert sent == {"type": "HTTP", "base_url": url, "credentials": credentials}
        assert datadog.connection(**task)["changed"] is False

    def test_tokens_that_datadog_does_not_show(self, datadog: Datadog) -> None:
        """Those of the task are assumed to exist, with a warning; a registry knows better."""
        datadog.connection(**HTTP)
        datadog.emulator.settings(tokens_as="none")
        for tokens in (HTTP["http"]["token_auth"]["tokens"], [], [{"name": "unknown"}]):
            result = datadog.connection(**http_with(tokens=tokens))
            assert result["changed"] is False
            assert any("http.token_auth.tokens" in warning for warning in result["warnings"])
        predicted = datadog.connection(**HTTP, update_secrets="always", check_mode=True)
        result = datadog.connection(**HTTP, update_secrets="always")
        assert (result["operation"], result["diff"]) == ("update", predicted["diff"])


class TestSecrets:
    def test_that_cannot_be_compared_get_a_warning(self, datadog: Datadog) -> None:
        assert not datadog.connection(**GITLAB)["warnings"]
        datadog.emulator.clear()
        changed = rotated(GITLAB, "gitlab.api_key")
        result = datadog.connection(**changed)
        assert result["changed"] is False
        [warning] = result["warnings"]
        for text in ("registry", "update_secrets", "always", "on_create", GITLAB["name"]):
            assert text in warning
        assert datadog.writes() == []

    @pytest.mark.parametrize(
        "task",
        [
            {**GITLAB, "update_secrets": "on_create"},
            AWS,
            {"name": "GitLab", "gitlab": {"api_key": {}}},
        ],
    )
    def test_that_need_no_comparison_get_none(self, datadog: Datadog, task: dict[str, t.Any]) -> None:
        datadog.connection(**GITLAB)
        datadog.connection(**AWS)
        result = datadog.connection(**task)
        assert result["changed"] is False
        assert not result["warnings"]

    def test_always_sends_them(self, datadog: Datadog) -> None:
        connection_id = datadog.connection(**GITLAB)["connection_id"]
        changed = {**rotated(GITLAB, "gitlab.api_key"), "update_secrets": "always"}
        predicted = datadog.connection(**changed, check_mode=True)
        assert datadog.requests("PATCH") == []
        result = datadog.connection(**changed)
        assert result["diff"] == predicted["diff"]
        assert result["diff"]["before"] != result["diff"]["after"]
        assert not result["warnings"]
        value = credentials_of(changed, "gitlab.api_key")["api_token"]
        assert datadog.emulator.holds_secret(connection_id, "api_token", value)
        assert datadog.connection(**changed)["changed"] is True

    @pytest.mark.parametrize(
        "value",
        [
            secret("gitlab"),
            "long " + "x" * 300 + CANARY + "x" * 300,
            f"two  blanks {CANARY}",
            f"a\ttab\n{CANARY}",
            f'ä"quoted"\\{CANARY}',
            f'first é"x\n<{CANARY}>',
        ],
    )
    def test_an_echo_is_hidden_before_it_is_shortened(self, datadog: Datadog, server: Server, value: str) -> None:
        server.answers["GET"] = (200, {"data": [], "meta": {"total_filtered": 0}})
        as_json = json.dumps(value, ensure_ascii=False)
        as_html = as_json.replace("<", "\\u003c").replace(">", "\\u003e")
        for echo in (value, json.dumps(value), repr(value), as_json, as_html):
            server.answers["POST"] = (400, {"errors": [f"wrong: {'.' * 190} {echo} that"]})
            task = {"private_key": value, "service_account_email": "a@example.com"}
            result = datadog.connection(name="x", gcp={"service_account": task}, api_url=server.url)
            assert result["failed"] and result["http_status"] == 400 and "wrong" in result["msg"]
            for part in ("xxxxx", "blanks", "quoted", "first"):
                assert part not in result["raw"]


def test_an_external_id_is_returned_and_renewed(datadog: Datadog) -> None:
    task = copy.deepcopy(AWS)
    # A new connection has a new one anyway.
    task["aws"]["assume_role"]["generate_new_external_id"] = True
    before = datadog.connection(**task)["connection"]["aws"]["assume_role"]
    assert before["external_id"] and before["principal_id"]
    assert [request["method"] for request in datadog.writes()] == ["POST"]
    assert datadog.connection(**AWS)["changed"] is False
    predicted = datadog.connection(**task, check_mode=True)
    result = datadog.connection(**task)
    assert (result["operation"], result["diff"]) == ("update", predicted["diff"])
    after = result["connection"]["aws"]["assume_role"]
    assert "external_id" not in predicted["connection"]["aws"]["assume_role"]
    assert after["external_id"] != before["external_id"]
    assert after["role"] == before["role"]
    assert "generate_new_external_id" not in after


def test_an_organization_without_timestamps(runner: RegistryRunner) -> None:
    runner.datadog.emulator.settings(plain_attributes=True, list=False)
    result = runner.run(**GITLAB)
    for name in ("created_at", "last_updated", "created_by"):
        assert result["connection"][name] is None
    runner.run_unchanged(**GITLAB)
    assert runner.predict_and_run(**rotated(GITLAB, "gitlab.api_key"))["operation"] == "update"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_required_on_create_is_named_by_its_path(datadog: Datadog, kind: str) -> None:
    """One field at a time; what Datadog requires is what the emulator refuses to go without."""
    task = example(kind)
    integration, key = kind.split(".")
    for name in credentials_of(task, kind):
        if isinstance(credentials_of(task, kind)[name], (list, dict)):
            continue
        lacking = copy.deepcopy(task)
        del lacking[integration][key][name]
        result = datadog.connection(**lacking)
        if result.get("failed"):
            assert f"{kind}.{name} is required" in result["msg"]
        else:
            datadog.connection(connection_id=result["connection_id"], state="absent")
    assert all(request["status"] == 201 for request in datadog.requests("POST"))


@pytest.mark.slow
class TestLostAnswers:
    """Without a registry, where Datadog offers the list; those with a registry are tested with it."""

    @pytest.mark.parametrize(
        "fault",
        [
            *(fault for fault in LOST_ANSWERS if fault.get("when") != "before"),
            {"kind": "not_json"},
            {"kind": "no_data"},
            {"kind": "status", "status": 408, "when": "after"},
        ],
    )
    def test_what_was_created_is_found(self, datadog: Datadog, fault: dict[str, t.Any]) -> None:
        datadog.emulator.add_fault(**fault, method="POST")
        result = datadog.connection(**GITLAB)
        assert not result.get("failed"), result["msg"]
        assert (result["changed"], result["operation"]) == (True, "create")
        assert [c["id"] for c in datadog.emulator.state()["action_connections"]] == [result["connection_id"]]
        # Its secrets were sent, so that nothing has to be said about them.
        [warning] = result["warnings"]
        assert result["connection_id"] in warning
        assert datadog.connection(**GITLAB)["changed"] is False

    @pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "status", "status": 503}])
    def test_what_was_not_created_is_an_error(self, datadog: Datadog, fault: dict[str, t.Any]) -> None:
        datadog.emulator.add_fault(**fault, method="POST", when="before")
        result = datadog.connection(**GITLAB)
        assert result["failed"] and not result["changed"] and GITLAB["name"] in result["msg"]
        assert len(datadog.requests("POST")) == 1
        assert datadog.connection(**GITLAB)["operation"] == "create"

    def test_a_rate_limit_is_waited_for(self, datadog: Datadog) -> None:
        headers = {"X-RateLimit-Reset": "1"}
        datadog.emulator.add_fault("status", status=429, method="POST", headers=headers)
        assert datadog.connection(**GITLAB, retries=1)["operation"] == "create"
        assert len(datadog.requests("POST")) == 2

    def test_of_replacing_end_in_one_connection(self, datadog: Datadog) -> None:
        datadog.connection(**GITLAB)
        datadog.emulator.add_fault("reset", method="POST", when="after")
        task = {**AWS, "name": GITLAB["name"], "allow_replace": True}
        result = datadog.connection(**task)
        assert result["operation"] == "replace"
        assert [c["id"] for c in datadog.emulator.state()["action_connections"]] == [result["connection_id"]]
        assert datadog.connection(**task)["changed"] is False

    @pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
    @pytest.mark.parametrize("kind", ["reset", "half", "status"])
    def test_of_other_requests_are_repeated(self, datadog: Datadog, method: str, kind: str) -> None:
        datadog.connection(**AWS)
        details: dict[str, t.Any] = {"status": 500} if kind == "status" else {}
        datadog.emulator.add_fault(kind, method=method, **details)
        if method == "DELETE":
            result = datadog.connection(name=AWS["name"], state="absent")
        else:
            result = datadog.connection(**{**AWS, "aws": {"assume_role": {"role": "Another"}}})
        assert not result.get("failed"), result["msg"]
        assert result["operation"] == ("delete" if method == "DELETE" else "update")

    def test_a_timeout_that_may_still_have_its_effect_is_not_repeated(self, datadog: Datadog) -> None:
        datadog.emulator.add_fault("hang", method="POST", when="before", seconds=6)
        result = datadog.connection(**GITLAB, timeout=1)
        assert result["failed"] and GITLAB["name"] in result["msg"]
        assert len(datadog.requests("POST")) <= 1

    def test_without_the_list_it_is_an_error_that_says_what_to_do(self, datadog: Datadog) -> None:
        old = datadog.connection(**GITLAB)["connection_id"]
        datadog.emulator.settings(list=False)
        datadog.emulator.add_fault("reset", method="POST", when="after")
        result = datadog.connection(**{**AWS, "connection_id": old, "allow_replace": True})
        assert result["failed"] and AWS["name"] in result["msg"]
        assert "connection_id" in result["msg"]
        # That of the first task, and this one: it is not sent again.
        assert len(datadog.requests("POST")) == 2


@pytest.mark.slow
class TestKilled:
    """Without a registry, where Datadog offers the list."""

    @staticmethod
    def kill_at(datadog: Datadog, method: str, task: dict[str, t.Any]) -> None:
        """Kill a run while it waits for the answer to its first request of a method."""
        datadog.emulator.add_fault("hang", method=method, when="after", seconds=20)
        run = datadog.start("action_connection", **{**task, "timeout": 30})
        datadog.emulator.wait_for_fault()
        run.kill()

    def test_while_creating(self, datadog: Datadog) -> None:
        self.kill_at(datadog, "POST", GITLAB)
        assert datadog.connection(**GITLAB)["operation"] == "none"
        assert len(datadog.emulator.state()["action_connections"]) == 1

    def test_while_replacing(self, datadog: Datadog) -> None:
        old = datadog.connection(**GITLAB)["connection_id"]
        task = {**AWS, "name": GITLAB["name"], "allow_replace": True}
        self.kill_at(datadog, "POST", task)
        result = datadog.connection(**task)
        assert result["failed"]
        # Nothing but their kinds tells the two apart, so the error has those.
        for connection in datadog.emulator.state()["action_connections"]:
            assert connection["id"] in result["msg"]
        assert f"{old} (gitlab.api_key)" in result["msg"] and "(aws.assume_role)" in result["msg"]
        assert datadog.connection(connection_id=old, state="absent")["changed"] is True
        assert datadog.connection(**task)["operation"] == "none"


@pytest.mark.parametrize("identity", [{"connection_id": UNKNOWN_ID}, {}])
def test_forbidden_says_what_is_needed(datadog: Datadog, identity: dict[str, str]) -> None:
    datadog.emulator.settings(require_registration=True)
    result = datadog.connection(**AWS, **identity)
    assert result["failed"] and result["http_status"] == 403
    assert "app_key_registration" in result["msg"] and "connections_write" in result["msg"]
