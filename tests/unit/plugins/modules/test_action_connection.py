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

from ansible_collections.tidyops.datadog.plugins.module_utils._integrations import INTEGRATIONS
from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog, Server
from ansible_collections.tidyops.datadog.tests.unit.examples import (
    CANARY,
    KINDS,
    LOST_ANSWERS,
    credentials_of,
    example,
    secret,
)

CATALOGUE = sorted(f"{i.key}.{v.key}" for i in INTEGRATIONS for v in i.credentials)
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
    model = (
        CreateActionConnectionRequest
        if request["method"] == "POST"
        else UpdateActionConnectionRequest
    )
    read = validate_and_convert_types(
        request["body"], (model,), ["body"], True, True, Configuration()
    )
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


@pytest.mark.parametrize("kind", KINDS)
def test_life_of_a_connection(datadog: Datadog, kind: str) -> None:
    task = example(kind)
    integration = kind.split(".")[0]

    foretold = datadog.connection(**task, check_mode=True)
    assert (foretold["changed"], foretold["operation"]) == (True, "create")
    assert datadog.writes() == []

    created = datadog.connection(**task)
    assert (created["changed"], created["operation"]) == (True, "create")
    assert created["diff"] == foretold["diff"]
    assert created["diff"]["before"] == {}
    assert created["connection"]["connection_id"] == created["connection_id"]
    assert created["connection"]["created_at"].endswith("Z")
    assert [request["method"] for request in datadog.writes()] == ["POST"]

    # What was foretold came true, but for what only Datadog can know.
    made_by_datadog = {"connection_id", "created_at", "last_updated", "created_by"}
    for name in set(created["connection"]) - made_by_datadog - {integration}:
        assert created["connection"][name] == foretold["connection"][name]
    for name, value in credentials_of(foretold["connection"], kind).items():
        assert credentials_of(created["connection"], kind)[name] == value

    # Datadog holds the very secrets that were given.
    credentials = credentials_of(task, kind)
    secrets = {name: value for name, value in credentials.items() if str(value).startswith(CANARY)}
    secrets.update(
        {f"tokens.{token['name']}": token["value"] for token in credentials.get("tokens", [])}
    )
    assert bool(secrets) == (kind != "aws.assume_role")
    for path, value in secrets.items():
        assert datadog.emulator.holds_secret(created["connection_id"], path, value)

    datadog.emulator.clear()
    unchanged = datadog.connection(**task)
    assert (unchanged["changed"], unchanged["operation"]) == (False, "none")
    assert unchanged["diff"]["before"] == unchanged["diff"]["after"] == created["diff"]["after"]
    assert unchanged["connection"] == created["connection"]
    assert [request["method"] for request in datadog.requests()] == ["GET"]

    renamed = {
        **task,
        "connection_id": created["connection_id"],
        "name": f"{task['name']} (renamed)",
    }
    foretold = datadog.connection(**renamed, check_mode=True)
    assert (foretold["changed"], foretold["operation"]) == (True, "update")
    assert datadog.writes() == []
    updated = datadog.connection(**renamed)
    assert (updated["changed"], updated["operation"], updated["diff"]) == (
        True,
        "update",
        foretold["diff"],
    )
    assert updated["connection"]["name"] == foretold["connection"]["name"] == renamed["name"]
    assert [request["body"]["data"]["attributes"] for request in datadog.writes()] == [
        {"name": renamed["name"]}
    ]
    assert datadog.connection(**renamed)["changed"] is False

    datadog.emulator.clear()
    removal = {"name": renamed["name"], "state": "absent"}
    foretold = datadog.connection(**removal, check_mode=True)
    assert (foretold["changed"], foretold["operation"]) == (True, "delete")
    assert datadog.writes() == []
    removed = datadog.connection(**removal)
    assert (removed["changed"], removed["operation"], removed["connection"]) == (
        True,
        "delete",
        None,
    )
    assert removed["connection_id"] == created["connection_id"]
    assert removed["diff"] == foretold["diff"]
    assert removed["diff"]["after"] == {}
    assert datadog.emulator.state()["action_connections"] == []
    assert datadog.connection(**removal)["changed"] is False

    for result in (foretold, created, unchanged, updated, removed):
        assert CANARY not in result["raw"]


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
    foretold = datadog.connection(**changed, check_mode=True)
    result = datadog.connection(**changed)
    assert result["diff"] == foretold["diff"]
    assert credentials_of(result["connection"], kind) == credentials_of(
        foretold["connection"], kind
    )
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
    result = datadog.connection(
        name=created["name"], http=created["http"], update_secrets="on_create"
    )
    assert result["changed"] is False


class TestIdentity:
    def test_names_must_match_exactly(self, datadog: Datadog) -> None:
        datadog.connection(**{**GITLAB, "name": "GitLab production"})
        datadog.connection(**{**GITLAB, "name": "gitlab"})
        assert datadog.connection(**GITLAB)["operation"] == "create"

    @pytest.mark.slow
    def test_two_of_one_name_are_an_error_that_names_their_ids(self, datadog: Datadog) -> None:
        ids = [
            datadog.connection(**{**GITLAB, "name": name})["connection_id"]
            for name in ("first", "second")
        ]
        datadog.emulator.call("PATCH", f"/api/v2/actions/connections/{ids[1]}", _renaming("first"))
        datadog.emulator.clear()
        for task in ({**GITLAB, "name": "first"}, {"name": "first", "state": "absent"}):
            result = datadog.connection(**task)
            assert result["failed"]
            assert all(connection_id in result["msg"] for connection_id in ids)
            assert "connection_id" in result["msg"]
        assert datadog.writes() == []
        removed = datadog.connection(connection_id=ids[1], state="absent")
        assert removed["operation"] == "delete"
        assert datadog.connection(**{**GITLAB, "name": "first"})["connection_id"] == ids[0]

    @pytest.mark.parametrize("status", [400, 403, 404])
    def test_without_the_list_nothing_is_created_blindly(
        self, datadog: Datadog, status: int
    ) -> None:
        datadog.emulator.settings(no_list=status)
        for task in (GITLAB, {"name": "GitLab", "state": "absent"}):
            result = datadog.connection(**task)
            assert result["failed"]
            assert "connection_id" in result["msg"] and "preview" in result["msg"]
        assert datadog.writes() == []

    def test_by_id_without_the_list(self, datadog: Datadog) -> None:
        created = datadog.connection(**AWS)
        datadog.emulator.settings(no_list=404)
        datadog.emulator.clear()
        task = {**AWS, "connection_id": created["connection_id"].upper()}
        assert datadog.connection(**task)["changed"] is False
        assert [request["method"] for request in datadog.requests()] == ["GET"]
        task["aws"] = {"assume_role": {"role": "Another"}}
        assert datadog.connection(**task)["operation"] == "update"
        assert datadog.connection(**task)["changed"] is False
        assert (
            datadog.connection(connection_id=created["connection_id"], state="absent")["operation"]
            == "delete"
        )
        assert (
            datadog.connection(connection_id=created["connection_id"], state="absent")["operation"]
            == "none"
        )

    def test_an_id_that_is_gone_is_never_created(self, datadog: Datadog) -> None:
        result = datadog.connection(**GITLAB, connection_id=UNKNOWN_ID)
        assert result["failed"] and UNKNOWN_ID in result["msg"] and "leave it out" in result["msg"]
        assert datadog.writes() == []

    def test_the_list_is_read_over_all_its_pages(self, datadog: Datadog) -> None:
        for number in range(205):
            body = {
                "type": "AWS",
                "credentials": {"type": "AWSAssumeRole", "account_id": "123456789012", "role": "r"},
            }
            attributes = {"name": f"connection {number}", "integration": body}
            request = {"data": {"type": "action_connection", "attributes": attributes}}
            assert (
                datadog.emulator.call("POST", "/api/v2/actions/connections", request).status == 201
            )
        datadog.emulator.clear()
        for number in (0, 150, 204):
            assert (
                datadog.connection(name=f"connection {number}", aws={"assume_role": {}})["changed"]
                is False
            )
        assert len(datadog.requests("GET")) == 9

    def test_an_integration_of_a_newer_datadog_is_not_mistaken(self, datadog: Datadog) -> None:
        datadog.connection(**GITLAB)
        result = datadog.connection(**{**AWS, "name": GITLAB["name"]})
        assert result["failed"] and "gitlab.api_key" in result["msg"]


def _renaming(name: str) -> dict[str, t.Any]:
    return {"data": {"type": "action_connection", "attributes": {"name": name}}}


class TestReplacing:
    def test_another_integration_is_refused(self, datadog: Datadog) -> None:
        created = datadog.connection(**GITLAB)
        datadog.emulator.clear()
        for check_mode in (True, False):
            result = datadog.connection(**{**AWS, "name": GITLAB["name"]}, check_mode=check_mode)
            assert result["failed"]
            assert "allow_replace" in result["msg"] and created["connection_id"] in result["msg"]
        assert datadog.writes() == []

    def test_the_new_one_comes_before_the_old_one_goes(self, datadog: Datadog) -> None:
        created = datadog.connection(**example("cloudflare.global_api_token"))
        task = {
            **example("cloudflare.api_token"),
            "name": created["connection"]["name"],
            "allow_replace": True,
        }
        foretold = datadog.connection(**task, check_mode=True)
        datadog.emulator.clear()
        result = datadog.connection(**task)
        assert (result["operation"], result["diff"]) == ("replace", foretold["diff"])
        assert set(result["diff"]["before"]["cloudflare"]) == {"global_api_token"}
        assert set(result["diff"]["after"]["cloudflare"]) == {"api_token"}
        assert [request["method"] for request in datadog.writes()] == ["POST", "DELETE"]
        assert [c["id"] for c in datadog.emulator.state()["action_connections"]] == [
            result["connection_id"]
        ]
        assert datadog.connection(**task)["changed"] is False

    def test_what_is_missing_is_found_before_anything_is_written(self, datadog: Datadog) -> None:
        datadog.connection(**GITLAB)
        datadog.emulator.clear()
        result = datadog.connection(
            name=GITLAB["name"], allow_replace=True, aws={"assume_role": {"role": "r"}}
        )
        assert result["failed"] and "aws.assume_role.account_id" in result["msg"]
        assert datadog.writes() == []

    def test_of_two_with_one_name_the_one_with_the_id_is_replaced(self, datadog: Datadog) -> None:
        first = datadog.connection(**GITLAB)["connection_id"]
        second = datadog.connection(**{**GITLAB, "name": "other"})["connection_id"]
        datadog.connection(**{**GITLAB, "connection_id": second})
        task = {**AWS, "name": GITLAB["name"], "connection_id": second, "allow_replace": True}
        foretold = datadog.connection(**task, check_mode=True)
        datadog.emulator.clear()
        result = datadog.connection(**task)
        assert (result["operation"], result["diff"]) == ("replace", foretold["diff"])
        assert [request["method"] for request in datadog.writes()] == ["POST", "DELETE"]
        left = {c["id"] for c in datadog.emulator.state()["action_connections"]}
        assert left == {first, result["connection_id"]}

    def test_a_failed_delete_names_both(self, datadog: Datadog) -> None:
        old = datadog.connection(**GITLAB)["connection_id"]
        datadog.emulator.add_fault("status", method="DELETE", status=403, times=None)
        result = datadog.connection(**{**AWS, "name": GITLAB["name"], "allow_replace": True})
        assert result["failed"] and f"delete action connection {old}" in result["msg"]
        new = next(
            c["id"] for c in datadog.emulator.state()["action_connections"] if c["id"] != old
        )
        assert f"Done before that: created action connection {new}" in result["msg"]


class TestLists:
    def test_merged_by_name(self, datadog: Datadog) -> None:
        created = datadog.connection(**HTTP)
        task = http_with(
            tokens=[{"name": "accessToken"}, {"name": "added", "value": f"{CANARY}-added"}],
            headers=[
                {"name": "X-New", "value": "1"},
                {"name": "Authorization", "value": "Bearer {{ added }}"},
            ],
            url_parameters=[],
        )
        foretold = datadog.connection(**task, check_mode=True)
        result = datadog.connection(**task)
        assert result["diff"] == foretold["diff"]
        assert result["connection"]["http"] == foretold["connection"]["http"]
        assert CANARY not in result["raw"]
        sent = datadog.requests("PATCH")[0]["body"]["data"]["attributes"]["integration"][
            "credentials"
        ]
        assert sent == {
            "type": "HTTPTokenAuth",
            "tokens": [
                {"name": "added", "type": "SECRET", "value": "<secret>"},
                {"name": "signature", "type": "SECRET", "value": "", "deleted": True},
            ],
            "headers": [
                {"name": "X-New", "value": "1"},
                {"name": "Authorization", "value": "Bearer {{ added }}"},
                {"name": "X-Client", "deleted": True},
            ],
            "url_parameters": [{"name": "tenant", "deleted": True}],
        }
        after = result["connection"]["http"]["token_auth"]
        assert after["tokens"] == [{"name": "accessToken"}, {"name": "added"}]
        assert {header["name"]: header["value"] for header in after["headers"]} == {
            "X-New": "1",
            "Authorization": "Bearer {{ added }}",
        }
        connection_id = created["connection_id"]
        assert datadog.emulator.holds_secret(
            connection_id, "tokens.accessToken", secret("tickets_access_token")
        )
        assert datadog.emulator.holds_secret(connection_id, "tokens.added", f"{CANARY}-added")
        assert datadog.connection(**task)["changed"] is False

    def test_order_does_not_matter(self, datadog: Datadog) -> None:
        datadog.connection(**HTTP)
        task = copy.deepcopy(HTTP)
        task["http"]["token_auth"]["headers"].reverse()
        task["http"]["token_auth"]["tokens"].reverse()
        assert datadog.connection(**task)["changed"] is False

    def test_a_token_to_keep_must_exist(self, datadog: Datadog) -> None:
        task = http_with(tokens=[{"name": "unknown"}])
        expected = "http.token_auth.tokens[0].value is required"
        assert expected in datadog.connection(**task)["msg"]
        datadog.connection(**HTTP)
        datadog.emulator.clear()
        assert expected in datadog.connection(**task)["msg"]
        assert datadog.writes() == []

    def test_half_a_body_keeps_the_other_half(self, datadog: Datadog) -> None:
        datadog.connection(**HTTP)
        result = datadog.connection(**http_with(body={"content": "changed"}))
        assert result["connection"]["http"]["token_auth"]["body"] == {
            "content": "changed",
            "content_type": "application/json",
        }

    def test_only_the_address_changes(self, datadog: Datadog) -> None:
        datadog.connection(**HTTP)
        task = {
            "name": HTTP["name"],
            "http": {"base_url": "https://other.example.com", "token_auth": {}},
        }
        assert datadog.connection(**task)["operation"] == "update"
        sent = datadog.requests("PATCH")[0]["body"]["data"]["attributes"]["integration"]
        assert sent == {
            "type": "HTTP",
            "base_url": "https://other.example.com",
            "credentials": {"type": "HTTPTokenAuth"},
        }
        assert datadog.connection(**task)["changed"] is False

    def test_tokens_that_datadog_does_not_show(self, datadog: Datadog) -> None:
        datadog.connection(**HTTP)
        datadog.emulator.settings(omit_tokens=True)
        for tokens in (HTTP["http"]["token_auth"]["tokens"], [], [{"name": "unknown"}]):
            for update_secrets in ("on_change", "on_create"):
                result = datadog.connection(
                    **http_with(tokens=tokens), update_secrets=update_secrets
                )
                assert result["changed"] is False
                assert any("http.token_auth.tokens" in warning for warning in result["warnings"])
        foretold = datadog.connection(**HTTP, update_secrets="always", check_mode=True)
        result = datadog.connection(**HTTP, update_secrets="always")
        assert result["operation"] == "update"
        assert (result["diff"], result["connection"]["http"]) == (
            foretold["diff"],
            foretold["connection"]["http"],
        )


class TestSecrets:
    def test_secrets_that_cannot_be_compared_are_said_once(self, datadog: Datadog) -> None:
        assert not datadog.connection(**GITLAB)["warnings"]
        datadog.emulator.clear()
        rotated = {**GITLAB, "gitlab": {"api_key": {"api_token": f"{CANARY}-rotated"}}}
        result = datadog.connection(**rotated)
        assert result["changed"] is False
        assert len(result["warnings"]) == 1
        assert "always" in result["warnings"][0] and "on_create" in result["warnings"][0]
        assert datadog.writes() == []

    @pytest.mark.parametrize(
        "task",
        [
            {**GITLAB, "update_secrets": "on_create"},
            AWS,
            {"name": "GitLab", "gitlab": {"api_key": {}}},
        ],
    )
    def test_no_warning_where_nothing_needs_comparison(
        self, datadog: Datadog, task: dict[str, t.Any]
    ) -> None:
        datadog.connection(**GITLAB)
        datadog.connection(**AWS)
        result = datadog.connection(**task)
        assert result["changed"] is False
        assert not result["warnings"]

    def test_always_sends_them(self, datadog: Datadog) -> None:
        connection_id = datadog.connection(**GITLAB)["connection_id"]
        rotated = {
            **GITLAB,
            "gitlab": {"api_key": {"api_token": f"{CANARY}-rotated"}},
            "update_secrets": "always",
        }
        foretold = datadog.connection(**rotated, check_mode=True)
        assert datadog.requests("PATCH") == []
        result = datadog.connection(**rotated)
        assert result["diff"] == foretold["diff"]
        assert result["diff"]["before"] != result["diff"]["after"]
        assert CANARY not in result["raw"] and not result["warnings"]
        assert datadog.emulator.holds_secret(connection_id, "api_token", f"{CANARY}-rotated")
        assert datadog.connection(**rotated)["changed"] is True

    def test_a_misspelt_option_does_not_tell_its_value(self, datadog: Datadog) -> None:
        for integration in (
            {"gitlab": {"api_key": {"api_tokn": f"{CANARY}-1"}}},
            {"gitlab": {"api_key": f"{CANARY}-1"}},
            {"gitlab": {"api_token": {"api_token": f"{CANARY}-1"}}},
            {"gitlab": [f"{CANARY}-1"]},
            {"gitlab": {"api_key": f"{CANARY}base64=="}},
            {"gitlab": f"{CANARY}base64=abc"},
            {"http": {"token_auth": {"tokens": [f"{CANARY}base64=="]}}},
            {"http": {"token_auth": {"tokens": [f"{CANARY}-1"]}}},
            {
                "http": {
                    "token_auth": {"tokens": [{"name": "x", "value": "y", "valeu": f"{CANARY}-1"}]}
                }
            },
            {"gitlab_token": f"{CANARY}-1"},
        ):
            result = datadog.connection(name="x", **integration)
            assert result["failed"]
            assert CANARY not in result["raw"], result["msg"]
        assert datadog.requests() == []

    def test_an_echoed_secret_is_not_told(self, datadog: Datadog, server: Server) -> None:
        server.answers["GET"] = (200, {"data": [], "meta": {"total": 0}})
        detail = f"value {credentials_of(GITLAB, 'gitlab.api_key')['api_token']} is wrong"
        server.answers["POST"] = (400, {"errors": [{"title": "Generic Error", "detail": detail}]})
        result = datadog.connection(**GITLAB, api_url=server.url)
        assert result["failed"] and "is wrong" in result["msg"]
        assert CANARY not in result["raw"]

    @pytest.mark.parametrize(
        "value",
        ["long " + "x" * 300 + CANARY + "x" * 300, f"two  blanks {CANARY}", f"a\ttab\n{CANARY}"],
    )
    def test_an_echo_is_hidden_before_it_is_shortened(
        self, datadog: Datadog, server: Server, value: str
    ) -> None:
        server.answers["GET"] = (200, {"data": [], "meta": {"total_filtered": 0}})
        for echo in (value, json.dumps(value), repr(value)):
            server.answers["POST"] = (400, {"errors": [f"wrong: {'.' * 190} {echo} that"]})
            task = {"private_key": value, "service_account_email": "a@example.com"}
            result = datadog.connection(name="x", gcp={"service_account": task}, api_url=server.url)
            assert result["failed"] and result["http_status"] == 400
            assert "xxxxx" not in result["raw"] and "blanks" not in result["raw"]

    @pytest.mark.parametrize("value", [{"data": {"token": CANARY}}, [CANARY]])
    def test_a_structure_is_no_secret(self, datadog: Datadog, value: t.Any) -> None:
        result = datadog.connection(name="x", gitlab={"api_key": {"api_token": value}})
        assert (
            result["failed"] and "gitlab.api_key.api_token must be a single value" in result["msg"]
        )
        result = datadog.connection(name={"gitlab": {"api_key": {"api_token": value}}}, aws={})
        assert result["failed"]
        result = datadog.connection(**http_with(tokens=[{"name": "x", "value": value}]))
        assert "http.token_auth.tokens[0].value must be a single value" in result["msg"]
        assert datadog.requests() == []

    def test_what_was_sent_and_found_after_a_lost_answer_is_not_doubted(
        self, datadog: Datadog
    ) -> None:
        datadog.emulator.add_fault("reset", method="POST", when="after")
        result = datadog.connection(**GITLAB, retries=0)
        assert result["operation"] == "create"
        [warning] = result["warnings"]
        assert "found to be there" in warning and "not sent" not in warning


class TestExternalId:
    def test_is_returned(self, datadog: Datadog) -> None:
        created = datadog.connection(**AWS)["connection"]["aws"]["assume_role"]
        assert created["external_id"] and created["principal_id"]

    def test_renewed_when_asked(self, datadog: Datadog) -> None:
        before = datadog.connection(**AWS)["connection"]["aws"]["assume_role"]
        task = copy.deepcopy(AWS)
        task["aws"]["assume_role"]["generate_new_external_id"] = True
        foretold = datadog.connection(**task, check_mode=True)
        result = datadog.connection(**task)
        assert (result["operation"], result["diff"]) == ("update", foretold["diff"])
        after = result["connection"]["aws"]["assume_role"]
        assert "external_id" not in foretold["connection"]["aws"]["assume_role"]
        assert after["external_id"] != before["external_id"]
        assert after["role"] == before["role"]
        assert "generate_new_external_id" not in after

    def test_a_new_connection_has_one_anyway(self, datadog: Datadog) -> None:
        task = copy.deepcopy(AWS)
        task["aws"]["assume_role"]["generate_new_external_id"] = True
        assert datadog.connection(**task)["operation"] == "create"
        assert len(datadog.writes()) == 1


def test_an_organisation_without_timestamps(datadog: Datadog) -> None:
    datadog.emulator.settings(plain_attributes=True)
    result = datadog.connection(**AWS)
    assert [
        result["connection"][name] for name in ("created_at", "last_updated", "created_by")
    ] == [None] * 3
    assert datadog.connection(**AWS)["changed"] is False


SECRET = f"{CANARY}-bad-input"
BAD_INPUT: list[tuple[dict[str, t.Any], str, str]] = [
    (
        {"gitlab": {"api_key": {"api_token": SECRET}}, "aws": {"assume_role": {}}},
        "aws, gitlab",
        "mutually exclusive",
    ),
    ({}, "state", "one integration is required"),
    ({"gitlab": {}}, "api_key", "found in gitlab"),
    ({"cloudflare": {"api_token": None}}, "cloudflare", "must hold api_token or global_api_token"),
    ({"gitlab": {"api_key": None}}, "gitlab.api_key", "is required"),
    ({"gitlab": {"api_key": {"api_token": "  "}}}, "gitlab.api_key.api_token", "must not be empty"),
    (
        {"gitlab": {"api_key": {"api_token": f"{SECRET}\n"}}},
        "gitlab.api_key.api_token",
        "line breaks",
    ),
    (
        http_with(headers=[{"name": "A", "value": None}]),
        "http.token_auth.headers[0].value",
        "is required",
    ),
    ({"cloudflare": {}}, "api_token, global_api_token", "found in cloudflare"),
    (
        {
            "cloudflare": {
                "api_token": {"api_token": SECRET},
                "global_api_token": {"auth_email": "x"},
            }
        },
        "api_token|global_api_token",
        "mutually exclusive",
    ),
    ({"gitlab": {"api_token": {"api_token": SECRET}}}, "gitlab.api_token", "api_key"),
    ({"gitlab": {"api_key": {"token": "x"}}}, "gitlab.api_key.token", "api_token"),
    (
        {"aws": {"assume_role": {"external_id": "x"}}},
        "aws.assume_role.external_id",
        "Supported parameters",
    ),
    ({"gitlab": {"api_key": {"api_token": ""}}}, "gitlab.api_key.api_token", "must not be empty"),
    (
        {"aws": {"assume_role": {"account_id": 12345678901, "role": "r"}}},
        "aws.assume_role.account_id",
        "twelve digits",
    ),
    (
        {"aws": {"assume_role": {"account_id": "12345678901x", "role": "r"}}},
        "aws.assume_role.account_id",
        "quote",
    ),
    (
        {"aws": {"assume_role": {"account_id": "123456789012\n", "role": "r"}}},
        "aws.assume_role.account_id",
        "digits",
    ),
    ({"aws": {"assume_role": {"role": ""}}}, "aws.assume_role.role", "must not be empty"),
    ({"aws": {"assume_role": {"role": "a\nb"}}}, "aws.assume_role.role", "control characters"),
    ({"connection_id": "42", "aws": {"assume_role": {}}}, "connection_id", "UUID"),
    ({"name": "", "aws": {"assume_role": {}}}, "name", "must not be empty"),
    ({"name": "a\tb", "aws": {"assume_role": {}}}, "name", "control characters"),
    ({"name": None, "aws": {"assume_role": {}}}, "name", "connection_id is required"),
    (
        http_with(tokens=[{"name": "9x", "value": SECRET}]),
        "http.token_auth.tokens[0].name",
        "a letter followed by",
    ),
    (
        http_with(tokens=[{"name": "x-y", "value": SECRET}]),
        "http.token_auth.tokens[0].name",
        "a letter followed by",
    ),
    (
        http_with(tokens=[{"name": "x", "value": ""}]),
        "http.token_auth.tokens[0].value",
        "must not be empty",
    ),
    (http_with(tokens=[{"value": "x"}]), "http -> token_auth -> tokens", "name"),
    (
        http_with(headers=[{"name": "Über", "value": "y"}]),
        "http.token_auth.headers[0].name",
        "hyphens",
    ),
    (http_with(headers=[{"name": "X"}]), "http -> token_auth -> headers", "value"),
    (
        http_with(headers=[{"name": "X", "value": "a\r\nb"}]),
        "http.token_auth.headers[0].value",
        "control characters",
    ),
    (
        http_with(headers=[{"name": "X", "value": "a"}, {"name": "X", "value": "b"}]),
        "http.token_auth.headers[1].name",
        "the same as in http.token_auth.headers[0]",
    ),
    (
        http_with(url_parameters=[{"name": "a_b", "value": "y"}]),
        "http.token_auth.url_parameters[0].name",
        "a letter",
    ),
    ({"name": False, "aws": {"assume_role": {}}}, "name", "quote it"),
    ({"aws": {"assume_role": {"role": True}}}, "aws.assume_role.role", "quote it"),
    ({"gitlab": {"api_key": {"api_token": 1.1}}}, "gitlab.api_key.api_token", "quote it"),
    ({"gitlab": {"api_key": {"api_token": 7}}}, "gitlab.api_key.api_token", "quote it"),
    (
        http_with(tokens=[{"name": "x", "value": True}]),
        "http.token_auth.tokens[0].value",
        "quote it",
    ),
    ({"http": {"base_url": "not a url", "token_auth": {}}}, "http.base_url", "https://"),
    (http_with(body={"content": ""}), "http.token_auth.body.content", "must not be empty"),
]


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("params, path, remedy", BAD_INPUT)
def test_bad_input_fails_before_the_first_request(
    datadog: Datadog, params: dict[str, t.Any], path: str, remedy: str, check_mode: bool
) -> None:
    result = datadog.connection(**{"name": "x", **params}, check_mode=check_mode)
    assert result["failed"]
    assert path in result["msg"]
    assert remedy in result["msg"]
    assert len(set(result["msg"].split("; "))) == len(result["msg"].split("; "))
    assert CANARY not in result["raw"]
    assert datadog.requests() == []


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
    @pytest.mark.parametrize(
        "fault",
        [
            *LOST_ANSWERS,
            {"kind": "not_json"},
            {"kind": "no_data"},
            {"kind": "status", "status": 503, "when": "before"},
            {"kind": "status", "status": 429, "headers": {"X-RateLimit-Reset": "1"}},
            {"kind": "status", "status": 408, "when": "after"},
        ],
    )
    def test_of_creating_end_in_one_connection(
        self, datadog: Datadog, fault: dict[str, t.Any]
    ) -> None:
        datadog.emulator.add_fault(**fault, method="POST")
        result = datadog.connection(**GITLAB)
        assert not result.get("failed"), result["msg"]
        assert (result["changed"], result["operation"]) == (True, "create")
        assert [c["id"] for c in datadog.emulator.state()["action_connections"]] == [
            result["connection_id"]
        ]
        assert datadog.connection(**GITLAB)["changed"] is False

    def test_of_replacing_end_in_one_connection(self, datadog: Datadog) -> None:
        datadog.connection(**GITLAB)
        datadog.emulator.add_fault("reset", method="POST", when="after")
        task = {**AWS, "name": GITLAB["name"], "allow_replace": True}
        result = datadog.connection(**task)
        assert result["operation"] == "replace"
        assert [c["id"] for c in datadog.emulator.state()["action_connections"]] == [
            result["connection_id"]
        ]
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

    def test_a_timeout_that_may_still_come_true_is_not_repeated(self, datadog: Datadog) -> None:
        datadog.emulator.add_fault("hang", method="POST", when="before", seconds=6)
        result = datadog.connection(**GITLAB, timeout=1)
        assert result["failed"]
        assert "may have been created" in result["msg"] and "run the task again" in result["msg"]
        assert len(datadog.requests("POST")) <= 1

    def test_without_the_list_it_is_an_error_that_says_so(self, datadog: Datadog) -> None:
        old = datadog.connection(**GITLAB)["connection_id"]
        datadog.emulator.settings(no_list=404)
        datadog.emulator.add_fault("reset", method="POST", when="after")
        result = datadog.connection(**{**AWS, "connection_id": old, "allow_replace": True})
        assert result["failed"] and "may have been created" in result["msg"]
        assert len(datadog.requests("POST")) == 2


@pytest.mark.slow
class TestTwoRunners:
    def test_of_two_that_create_one_stays(self, datadog: Datadog) -> None:
        datadog.emulator.settings(latency=0.3)
        runs = [datadog.start("action_connection", **GITLAB) for _number in range(4)]
        results = [run.result() for run in runs]
        assert not any(result.get("failed") for result in results), results
        assert len(datadog.emulator.state()["action_connections"]) == 1
        [kept] = datadog.emulator.state()["action_connections"]
        assert {result["connection_id"] for result in results} == {kept["id"]}
        # Those that found the other's connection have done nothing in the end, and say so.
        assert sum(result["changed"] for result in results) == 1
        datadog.emulator.settings(latency=0)
        assert datadog.connection(**GITLAB)["changed"] is False

    def test_whoever_cannot_delete_its_own_says_so(self, datadog: Datadog, server: Server) -> None:
        def row(connection_id: str, second: int) -> dict[str, t.Any]:
            created_at = f"2026-07-13 13:25:0{second}.1 +0000 UTC"
            attributes = {"name": "GitLab", "created_at": created_at, "integration": {}}
            return {"id": connection_id, "type": "action_connection", "attributes": attributes}

        both = {"data": [row("mine", 2), row("theirs", 1)], "meta": {"total_filtered": 2}}
        server.answers["GET"] = [(200, {"data": [], "meta": {"total_filtered": 0}}), (200, both)]
        server.answers["POST"] = (201, {"data": row("mine", 2)})
        server.answers["DELETE"] = (403, {"errors": ["Forbidden"]})
        result = datadog.connection(**GITLAB, api_url=server.url)
        assert result["failed"] and "delete action connection mine" in result["msg"]
        assert "Done before that: created action connection mine" in result["msg"]

    def test_where_datadog_does_not_tell_which_came_first(self, datadog: Datadog) -> None:
        datadog.emulator.settings(latency=0.3, plain_attributes=True)
        runs = [datadog.start("action_connection", **GITLAB) for _number in range(2)]
        results = [run.result() for run in runs]
        left = {c["id"] for c in datadog.emulator.state()["action_connections"]}
        assert len(left) == 2
        errors = [result["msg"] for result in results if result.get("failed")]
        assert errors
        for message in errors:
            assert all(connection_id in message for connection_id in left)


@pytest.mark.slow
class TestKilled:
    @staticmethod
    def kill_at(datadog: Datadog, method: str, task: dict[str, t.Any]) -> None:
        """Kill a run while it waits for the answer to its first request of a method."""
        datadog.emulator.add_fault("hang", method=method, when="after", seconds=20)
        datadog.emulator.clear()
        run = datadog.start("action_connection", **{**task, "timeout": 30})
        datadog.emulator.wait_for_fault()
        run.kill()

    def test_while_creating(self, datadog: Datadog) -> None:
        self.kill_at(datadog, "POST", GITLAB)
        assert datadog.connection(**GITLAB)["operation"] == "none"
        assert len(datadog.emulator.state()["action_connections"]) == 1

    def test_while_changing(self, datadog: Datadog) -> None:
        datadog.connection(**AWS)
        changed = {**AWS, "aws": {"assume_role": {"role": "Another"}}}
        self.kill_at(datadog, "PATCH", changed)
        assert datadog.connection(**changed)["operation"] == "none"

    def test_while_replacing(self, datadog: Datadog) -> None:
        old = datadog.connection(**GITLAB)["connection_id"]
        task = {**AWS, "name": GITLAB["name"], "allow_replace": True}
        self.kill_at(datadog, "POST", task)
        result = datadog.connection(**task)
        assert result["failed"]
        # Nothing tells the two apart but their kinds, and those are told.
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
    assert "must be registered" in result["msg"] and "connections_write" in result["msg"]
