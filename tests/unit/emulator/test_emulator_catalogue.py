# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator's catalogue against the models of the official client, in both directions."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from datadog_api_client.v2.model.action_connection_attributes import ActionConnectionAttributes
from datadog_api_client.v2.model.action_connection_attributes_update import (
    ActionConnectionAttributesUpdate,
)
from datadog_api_client.v2.model.action_connection_integration import ActionConnectionIntegration
from datadog_api_client.v2.model.action_connection_integration_update import (
    ActionConnectionIntegrationUpdate,
)

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator import schema
from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.catalogue import (
    CATALOGUE,
    Credentials,
)

JSON_TYPES = {str: "string", bool: "boolean"}


def types_of(model: Any) -> dict[str, tuple[Any, ...]]:
    """Return the fields of a model with their types."""
    found: dict[str, tuple[Any, ...]] = model.openapi_types
    return found


def required_of(model: Any) -> set[str]:
    """Return the fields without which a model cannot be made."""
    parameters = list(inspect.signature(model.__init__).parameters.values())[1:]
    return {
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    }


def variants(model: Any) -> list[Any]:
    """Return the models among which a oneOf chooses."""
    return list(model._composed_schemas["oneOf"])


def enum_of(model: Any) -> str:
    """Return the only value of an enumeration."""
    (value,) = model.allowed_values
    return str(value)


def official(root: Any) -> dict[tuple[str, str], tuple[Any, Any]]:
    """Return the models of integration and credentials by both their discriminators."""
    found = {}
    for integration in variants(root):
        for credentials in variants(types_of(integration)["credentials"][0]):
            types = (types_of(model)["type"][0] for model in (integration, credentials))
            found[tuple(map(enum_of, types))] = (integration, credentials)
    return found  # type: ignore[return-value]  # two discriminators each


CREATE = official(ActionConnectionIntegration)
UPDATE = official(ActionConnectionIntegrationUpdate)


def test_same_integrations_and_credentials() -> None:
    ours = [(entry.integration, entry.type) for entry in CATALOGUE]
    assert len(ours) == len(set(ours)) == 25
    assert len({integration for integration, _type in ours}) == 24
    assert set(ours) == set(CREATE) == set(UPDATE)


def test_attributes_beside_the_integration() -> None:
    """``name``, ``integration`` and ``tags``: no more, no less."""
    for update, model in (
        (False, ActionConnectionAttributes),
        (True, ActionConnectionAttributesUpdate),
    ):
        ours = schema._connection_schema(update)["properties"]["data"]["properties"]["attributes"]
        assert set(ours["properties"]) == set(types_of(model))
        assert set(ours["required"]) == required_of(model)


def hold_against_model(ours: dict[str, Any], model: Any) -> None:
    """Compare the schema of an object with a model, down to the last field."""
    assert set(ours["properties"]) == set(types_of(model))
    assert set(ours["required"]) == required_of(model)
    for name, types in types_of(model).items():
        hold_against_type(ours["properties"][name], types[0])


def hold_against_type(ours: dict[str, Any], official_type: Any) -> None:
    """Compare the schema of a value with a type of a model."""
    if isinstance(official_type, list):
        assert ours["type"] == "array"
        hold_against_type(ours["items"], official_type[0])
    elif official_type in JSON_TYPES:
        assert ours["type"] == JSON_TYPES[official_type]
    elif hasattr(official_type, "allowed_values"):
        assert set(ours["enum"]) == official_type.allowed_values
    else:
        hold_against_model(ours, official_type)


@pytest.mark.parametrize("update", [False, True], ids=["create", "update"])
@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.type)
def test_schema_of_every_field(entry: Credentials, update: bool) -> None:
    """The JSON Schema has the fields of the model, with their types, and no others."""
    integration, credentials = (UPDATE if update else CREATE)[entry.integration, entry.type]
    ours = schema.integration_schema(entry, update)
    read_only = {name: {"type": "string"} for name in getattr(credentials, "read_only_vars", ())}
    ours["properties"]["credentials"]["properties"].update(read_only)
    inner = ours["properties"].pop("credentials")
    hold_against_model(inner, credentials)
    assert set(ours["properties"]) | {"credentials"} == set(types_of(integration))
    for name, wanted in ours["properties"].items():
        hold_against_type(wanted, types_of(integration)[name][0])


def test_secrets() -> None:
    """The official client does not mark secrets: the list is that of the observed answers."""
    secrets = {entry.type: set(entry.secrets) for entry in CATALOGUE if entry.secrets}
    one = {
        "api_token": (
            "AnthropicAPIKey CircleCIAPIKey ClickupAPIKey CloudflareAPIToken GitlabAPIKey "
            "LaunchDarklyAPIKey NotionAPIKey OpenAIAPIKey OktaAPIToken"
        ),
        "api_key": (
            "FastlyAPIKey GeminiAPIKey GreyNoiseAPIKey SplitAPIKey StatsigAPIKey VirusTotalAPIKey FreshserviceAPIKey"
        ),
        "access_token": "AsanaAccessToken",
        "client_secret": "AzureTenant",
        "global_api_key": "CloudflareGlobalAPIToken",
        "private_key": "GCPServiceAccount",
        "password": "ServiceNowBasicAuth",
    }
    expected = {name: {field} for field, text in one.items() for name in text.split()}
    expected["ConfigCatSDKKey"] = {"api_password", "sdk_key"}
    expected["DatadogAPIKey"] = {"api_key", "app_key"}
    assert secrets == expected
