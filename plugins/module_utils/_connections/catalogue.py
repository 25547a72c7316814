# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalogue of integrations and their credentials, as data.

Argument specs, request bodies and the reading of answers all come from C(INTEGRATIONS). Its source are the field tables of
U(https://docs.datadoghq.com/api/latest/action-connection/), and for what is secret the answers of the API, which blank every
secret field.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .fields import (
    Field,
    Group,
    NamedValues,
    RenewalFlag,
    Text,
)


@dataclass(frozen=True)
class Credentials:
    """One variant of an integration's credentials.

    :ivar type: the API's discriminator, for example C(CloudflareGlobalAPIToken).
    :ivar key: the option's name: the type without the integration's name, in snake case (C(global_api_token)).
    """

    type: str
    key: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Integration:
    """One integration.

    :ivar type: the API's discriminator, for example C(CircleCI); in lower case it is the option's name.
    :ivar fields: what stands beside the credentials.
    """

    type: str
    credentials: tuple[Credentials, ...]
    fields: tuple[Field, ...] = ()

    @property
    def key(self) -> str:
        """The option's name."""
        return self.type.lower()

    def option(self) -> dict[str, t.Any]:
        """The argument spec of this integration's option."""
        keys = [variant.key for variant in self.credentials]
        options = _options(self.fields)
        for variant in self.credentials:
            options[variant.key] = {
                "type": "dict",
                "no_log": False,
                "required": len(keys) == 1,
                "options": _options(variant.fields),
            }
        return {"type": "dict", "options": options}


def _options(fields: t.Iterable[Field]) -> dict[str, t.Any]:
    return {field.name: field.option() for field in fields if field.option()}


def _integration(name: str, *variants: tuple[t.Any, ...], fields: tuple[Field, ...] = ()) -> Integration:
    """:param variants: of the credentials: what follows the name in their type, and the fields; a string stands for a secret."""
    credentials = []
    for suffix, *listed in variants:
        # APIKey -> api_key, GlobalAPIToken -> global_api_token, AssumeRole -> assume_role
        key = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", suffix).lower()
        found = [Text(f, required=True, secret=True) if isinstance(f, str) else f for f in listed]
        credentials.append(Credentials(name + suffix, key, tuple(found)))
    return Integration(name, tuple(credentials), fields)


def _required(name: str, **kwargs: t.Any) -> Text:
    return Text(name, required=True, **kwargs)


INTEGRATIONS: tuple[Integration, ...] = (
    _integration("Anthropic", ("APIKey", "api_token")),
    _integration("Asana", ("AccessToken", "access_token")),
    _integration(
        "AWS",
        (
            "AssumeRole",
            _required(
                "account_id",
                pattern=r"[0-9]{12}",
                expected=(
                    "the twelve digits of an AWS account; quote them, because YAML drops leading zeros from a number"
                    " or reads it as an octal one"
                ),
            ),
            _required("role", unlikely=r"^arn:", likely="the name of the role, not its ARN"),
            RenewalFlag("generate_new_external_id", renews="external_id"),
            Field("external_id"),
            Field("principal_id"),
        ),
    ),
    _integration(
        "Azure",
        (
            "Tenant",
            _required("app_client_id"),
            "client_secret",
            Text("custom_scopes"),
            _required("tenant_id"),
        ),
    ),
    _integration("CircleCI", ("APIKey", "api_token")),
    _integration("Clickup", ("APIKey", "api_token")),
    _integration(
        "Cloudflare",
        ("APIToken", "api_token"),
        ("GlobalAPIToken", _required("auth_email"), "global_api_key"),
    ),
    _integration("ConfigCat", ("SDKKey", "api_password", _required("api_username"), "sdk_key")),
    _integration(
        "Datadog",
        (
            "APIKey",
            "api_key",
            "app_key",
            _required("datacenter", unlikely="[./]", likely="a short name of a site, like us1"),
            Text("subdomain"),
        ),
    ),
    _integration("Fastly", ("APIKey", "api_key")),
    _integration("Freshservice", ("APIKey", "api_key", _required("domain"))),
    _integration(
        "GCP",
        (
            "ServiceAccount",
            _required(
                "private_key",
                secret=True,
                multiline=True,
                unlikely=r"\\n|^(?!\s*-----BEGIN )",
                likely="a key in PEM format, which begins with -----BEGIN and has line breaks, not \\n",
            ),
            _required("service_account_email"),
        ),
    ),
    _integration("Gemini", ("APIKey", "api_key")),
    _integration("Gitlab", ("APIKey", "api_token")),
    _integration("GreyNoise", ("APIKey", "api_key")),
    _integration(
        "HTTP",
        (
            "TokenAuth",
            NamedValues(
                "tokens",
                "[A-Za-z][A-Za-z0-9]*",
                "a letter followed by letters and digits",
                secret=True,
            ),
            NamedValues(
                "headers",
                r"[A-Za-z][A-Za-z0-9\-_]*",
                "a letter followed by letters, digits, hyphens and underscores",
                is_header=True,
            ),
            NamedValues("url_parameters", "[A-Za-z][A-Za-z0-9]*", "a letter followed by letters and digits"),
            Group("body", (Text("content", multiline=True), Text("content_type"))),
        ),
        fields=(
            _required(
                "base_url",
                pattern=r"https?://[^/?#@]+([/?#].*)?",
                expected=(
                    "an address that begins with https:// or http://, without a user name and a password, which belong"
                    " into tokens"
                ),
            ),
        ),
    ),
    _integration("LaunchDarkly", ("APIKey", "api_token")),
    _integration("Notion", ("APIKey", "api_token")),
    _integration(
        "Okta",
        (
            "APIToken",
            "api_token",
            _required("domain", unlikely="/", likely="a host name like acme.okta.com"),
        ),
    ),
    _integration("OpenAI", ("APIKey", "api_token")),
    _integration(
        "ServiceNow",
        (
            "BasicAuth",
            _required("instance", unlikely="[./]", likely="a name of an instance, not its address"),
            "password",
            _required("username"),
        ),
    ),
    _integration("Split", ("APIKey", "api_key")),
    _integration("Statsig", ("APIKey", "api_key")),
    _integration("VirusTotal", ("APIKey", "api_key")),
)
BY_TYPE = {integration.type: integration for integration in INTEGRATIONS}
BY_KEY = {integration.key: integration for integration in INTEGRATIONS}


def known_kind(integration_type: str, credentials_type: str) -> tuple[Integration, Credentials] | None:
    """The entries for the API's types; None for what this collection does not know."""
    integration = BY_TYPE.get(integration_type)
    for variant in integration.credentials if integration else ():
        if integration and variant.type == credentials_type:
            return integration, variant
    return None
