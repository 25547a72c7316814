# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalogue against the models of Datadog's official client."""

from __future__ import annotations

import inspect
import typing as t

import pytest
from datadog_api_client.v2.model.action_connection_integration import ActionConnectionIntegration
from datadog_api_client.v2.model.action_connection_integration_update import (
    ActionConnectionIntegrationUpdate,
)

from ansible_collections.tidyops.datadog.plugins.module_utils._connections.catalogue import (
    KINDS,
    Kind,
)


def models(one_of: t.Any) -> dict[tuple[str, str], tuple[t.Any, t.Any]]:
    """The models of an integration and its credentials, by the values of their discriminators."""
    found = {}
    for integration in one_of._composed_schemas["oneOf"]:
        types = integration.openapi_types
        [integration_type] = types["type"][0].allowed_values
        credentials = types["credentials"][0]
        for variant in credentials._composed_schemas["oneOf"]:
            [credentials_type] = variant.openapi_types["type"][0].allowed_values
            found[integration_type, credentials_type] = (integration, variant)
    return found


CREATE = models(ActionConnectionIntegration)
UPDATE = models(ActionConnectionIntegrationUpdate)


def required(model: t.Any) -> set[str]:
    parameters = inspect.signature(model.__init__).parameters.values()
    return {p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD} - {
        "self_",
        "type",
    }


def test_every_kind_exists() -> None:
    assert set(KINDS) == set(CREATE) == set(UPDATE)


@pytest.mark.parametrize("kind", KINDS.values(), ids=[credentials for _integration, credentials in KINDS])
def test_fields(kind: Kind) -> None:
    for is_beside, theirs, updated in zip((True, False), CREATE[kind.types], UPDATE[kind.types]):
        fields = [field for field in kind.fields.values() if field.beside is is_beside]
        assert {field.name for field in fields if field.type != "bool"} == set(theirs.openapi_types) - {
            "type",
            "credentials",
        }
        read_only = {field.name for field in fields if not field.type}
        assert read_only == set(getattr(theirs, "read_only_vars", ()))
        assert {field.name for field in fields if field.required} == required(theirs) - {"credentials"}
        writable = {field.name for field in fields} - read_only
        assert writable == set(updated.openapi_types) - {"type", "credentials"}
        for field in fields:
            if field.type == "str":
                assert theirs.openapi_types[field.name] == (str,)


@pytest.mark.parametrize(
    "credentials_type, path",
    [
        ("AWSAssumeRole", "aws.assume_role"),
        ("CircleCIAPIKey", "circleci.api_key"),
        ("CloudflareGlobalAPIToken", "cloudflare.global_api_token"),
        ("ConfigCatSDKKey", "configcat.sdk_key"),
        ("HTTPTokenAuth", "http.token_auth"),
        ("OpenAIAPIKey", "openai.api_key"),
        ("ServiceNowBasicAuth", "servicenow.basic_auth"),
        ("AzureTenant", "azure.tenant"),
    ],
)
def test_names_of_options(credentials_type: str, path: str) -> None:
    assert [kind.path for kind in KINDS.values() if kind.types[1] == credentials_type] == [path]
