# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The integrations and their credentials, as data. Argument specs, requests and results are made from it.

See U(https://docs.datadoghq.com/api/latest/action-connection/). What is secret shows in responses, which blank it.
"""

from __future__ import annotations

import re
import typing as t

from .fields import Field, Group, NamedValues, RenewalFlag, Text


class Credentials(t.NamedTuple):
    """One type of an integration's credentials, like C(CloudflareGlobalAPIToken); the option is C(global_api_token)."""

    type: str
    key: str
    fields: tuple[Field, ...]


class Integration(t.NamedTuple):
    """One integration, like C(CircleCI). :ivar fields: those beside the credentials."""

    type: str
    key: str
    fields: tuple[Field, ...]
    credentials: tuple[Credentials, ...]

    def option(self) -> dict[str, t.Any]:
        """The argument spec."""
        options, is_only = _options(self.fields), len(self.credentials) == 1
        for each in self.credentials:
            options[each.key] = {"type": "dict", "no_log": False, "required": is_only, "options": _options(each.fields)}
        return {"type": "dict", "options": options}


def _options(fields: t.Iterable[Field]) -> dict[str, t.Any]:
    return {field.name: field.option() for field in fields if field.option()}


def _integration(name: str, *fields: Field, **credentials: str | t.Sequence[Field | str]) -> Integration:
    """:param credentials: fields, or names for _text(), by what follows the integration's name in the type."""
    found = []
    for suffix, given in credentials.items():
        # APIKey -> api_key, GlobalAPIToken -> global_api_token
        key = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", suffix).lower()
        listed = given.split() if isinstance(given, str) else given
        found.append(Credentials(name + suffix, key, tuple(_text(f) if isinstance(f, str) else f for f in listed)))
    return Integration(name, name.lower(), fields, tuple(found))


def _text(name: str, expected: str = "", **details: t.Any) -> Text:
    """:param name: with an asterisk if it is secret, in brackets if it is optional."""
    return Text(name.strip("[]*"), expected, required=name[0] != "[", secret=name[-1] == "*", **details)


_WORD = "a letter followed by letters and digits", "[A-Za-z][A-Za-z0-9]*"
_HEADER = "a letter followed by letters, digits, hyphens and underscores", r"[A-Za-z][A-Za-z0-9\-_]*"
_TWELVE_DIGITS = "the twelve digits of an AWS account; quote them, since YAML changes numbers with leading zeros"
_URL = "a URL that begins with https:// or http://; put a user name and password into tokens"
_PEM = "a key in PEM format, which begins with -----BEGIN and has line breaks, not \\n"

INTEGRATIONS = (
    _integration("Anthropic", APIKey="api_token*"),
    _integration("Asana", AccessToken="access_token*"),
    _integration(
        "AWS",
        AssumeRole=[
            _text("account_id", _TWELVE_DIGITS, pattern="[0-9]{12}"),
            _text("role", "the name of the role, not its ARN", unlikely="^arn:"),
            RenewalFlag("generate_new_external_id", renews="external_id"),
            Field("external_id"),
            Field("principal_id"),
        ],
    ),
    _integration("Azure", Tenant="app_client_id client_secret* [custom_scopes] tenant_id"),
    _integration("CircleCI", APIKey="api_token*"),
    _integration("Clickup", APIKey="api_token*"),
    _integration("Cloudflare", APIToken="api_token*", GlobalAPIToken="auth_email global_api_key*"),
    _integration("ConfigCat", SDKKey="api_password* api_username sdk_key*"),
    _integration(
        "Datadog",
        APIKey=[
            "api_key*",
            "app_key*",
            _text("datacenter", "the short name of a site, like us1", unlikely="[./]"),
            "[subdomain]",
        ],
    ),
    _integration("Fastly", APIKey="api_key*"),
    _integration("Freshservice", APIKey="api_key* domain"),
    _integration(
        "GCP",
        ServiceAccount=[
            _text("private_key*", _PEM, unlikely=r"\\n|^(?!\s*-----BEGIN )", multiline=True),
            "service_account_email",
        ],
    ),
    _integration("Gemini", APIKey="api_key*"),
    _integration("Gitlab", APIKey="api_token*"),
    _integration("GreyNoise", APIKey="api_key*"),
    _integration(
        "HTTP",
        _text("base_url", _URL, pattern=r"https?://[^/?#@]+([/?#].*)?"),
        TokenAuth=[
            NamedValues("tokens", *_WORD, secret=True),
            NamedValues("headers", *_HEADER, is_header=True),
            NamedValues("url_parameters", *_WORD),
            Group("body", fields=(Text("content", multiline=True), Text("content_type"))),
        ],
    ),
    _integration("LaunchDarkly", APIKey="api_token*"),
    _integration("Notion", APIKey="api_token*"),
    _integration("Okta", APIToken=["api_token*", _text("domain", "a host name like acme.okta.com", unlikely="/")]),
    _integration("OpenAI", APIKey="api_token*"),
    _integration(
        "ServiceNow",
        BasicAuth=[
            _text("instance", "the name of the instance, not its address", unlikely="[./]"),
            "password*",
            "username",
        ],
    ),
    _integration("Split", APIKey="api_key*"),
    _integration("Statsig", APIKey="api_key*"),
    _integration("VirusTotal", APIKey="api_key*"),
)
BY_KEY = {integration.key: integration for integration in INTEGRATIONS}
KINDS = {(each.type, one.type): (each, one) for each in INTEGRATIONS for one in each.credentials}
