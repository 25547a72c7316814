# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The integrations and their credentials, as data. Argument specs, requests and results are made from it.

See U(https://docs.datadoghq.com/api/latest/action-connection/). What is secret shows in responses, which blank it.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Json

from .fields import SECRET, Field

#: The strings in the values of fields, by paths like C(role), C(body.content) and C(tokens.name).
Parts = dict[str, t.Any]


class Kind(t.NamedTuple):
    """One type of an integration's credentials.

    :ivar types: of both in the API, like C(Cloudflare) and C(CloudflareGlobalAPIToken).
    :ivar keys: their options, like C(cloudflare) and C(global_api_token).
    """

    types: tuple[str, str]
    keys: tuple[str, str]
    fields: dict[str, Field]

    @property
    def path(self) -> str:
        return ".".join(self.keys)

    def field(self, path: str) -> Field:
        """The field that a part is of."""
        return self.fields[path.partition(".")[0]]

    def option_path(self, name: str) -> str:
        """The path of a field's option."""
        return f"{self.keys[0] if self.fields[name].beside else self.path}.{name}"

    def values(self, option: Json) -> Json:
        """The values of all fields that a task may give. :param option: that of the integration."""
        given = [field for field in self.fields.values() if field.type]
        return {field.name: (option if field.beside else option[self.keys[1]])[field.name] for field in given}

    def hidden(self, parts: Parts) -> Parts:
        """The same parts, without what is secret or looks like it."""
        return {path: SECRET if self.field(path).hides(path, text) else text for path, text in parts.items()}

    def shaped(self, parts: Parts, inside: str = "") -> Json:
        """The integration that has these parts. :param inside: the key of its credentials, if not the option's."""
        credentials: Json = {}
        found: Json = {}
        for path, part in parts.items():
            name, _dot, inner = path.partition(".")
            target = found if self.fields[name].beside else credentials
            if self.fields[name].type == "list":
                target.setdefault(name, []).append(
                    {"name": inner, **(part if isinstance(part, dict) else {"value": part})}
                )
            elif inner:
                target.setdefault(name, {})[inner] = part
            else:
                target[name] = part
        return {**found, inside or self.keys[1]: credentials}


def parts_of(values: t.Mapping[str, t.Any]) -> Parts:
    """The parts of the values of fields."""
    found: Parts = {}
    for name, value in values.items():
        if isinstance(value, list):
            found.update({f"{name}.{entry['name']}": entry["value"] for entry in value})
        elif isinstance(value, dict):
            found.update({f"{name}.{inner}": text for inner, text in value.items() if text})
        elif value:
            found[name] = value
    return found


def option_of(kinds: t.Collection[Kind]) -> Json:
    """The argument spec of an integration."""
    options: Json = {}
    for kind in kinds:
        fields = [field for field in kind.fields.values() if field.type]
        options.update({field.name: field.option() for field in fields if field.beside})
        inside = {field.name: field.option() for field in fields if not field.beside}
        options[kind.keys[1]] = {"type": "dict", "no_log": False, "required": len(kinds) == 1, "options": inside}
    return {"type": "dict", "options": options}


def _integration(name: str, **credentials: str | t.Sequence[Field | str]) -> list[Kind]:
    """:param credentials: fields, or names for _field(), by what follows the integration's name in the type."""
    kinds = []
    for suffix, given in credentials.items():
        # APIKey -> api_key, GlobalAPIToken -> global_api_token
        key = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", suffix).lower()
        listed = given.split() if isinstance(given, str) else given
        fields = [_field(each) if isinstance(each, str) else each for each in listed]
        kinds.append(Kind((name, name + suffix), (name.lower(), key), {field.name: field for field in fields}))
    return kinds


def _field(name: str, expected: str = "", **details: t.Any) -> Field:
    """:param name: with an asterisk if it is secret, in brackets if it is optional."""
    return Field(name.strip("[]*"), expected, required=name[0] != "[", secret="*" in name, **details)


_WORD = {"expected": "a letter followed by letters and digits", "pattern": "[A-Za-z][A-Za-z0-9]*"}
_HEADER = {
    "expected": "a letter followed by letters, digits, hyphens and underscores",
    "pattern": r"[A-Za-z][A-Za-z0-9\-_]*",
}
_TWELVE_DIGITS = "the twelve digits of an AWS account; quote them, since YAML changes numbers with leading zeros"
_URL = "a URL that begins with https:// or http://; put a user name and password into tokens"
_PEM = "a key in PEM format, which begins with -----BEGIN and has line breaks, not \\n"

INTEGRATIONS = (
    _integration("Anthropic", APIKey="api_token*"),
    _integration("Asana", AccessToken="access_token*"),
    _integration(
        "AWS",
        AssumeRole=[
            _field("account_id", _TWELVE_DIGITS, pattern="[0-9]{12}"),
            _field("role", "the name of the role, not its ARN", unlikely="^arn:"),
            _field("[generate_new_external_id]", type="bool", renews="external_id"),
            _field("[external_id]", type=""),
            _field("[principal_id]", type=""),
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
            _field("datacenter", "the short name of a site, like us1", unlikely="[./]"),
            "[subdomain]",
        ],
    ),
    _integration("Fastly", APIKey="api_key*"),
    _integration("Freshservice", APIKey="api_key* domain"),
    _integration(
        "GCP",
        ServiceAccount=[
            _field("private_key*", _PEM, unlikely=r"\\n|^(?!\s*-----BEGIN )", multiline=True),
            "service_account_email",
        ],
    ),
    _integration("Gemini", APIKey="api_key*"),
    _integration("Gitlab", APIKey="api_token*"),
    _integration("GreyNoise", APIKey="api_key*"),
    _integration(
        "HTTP",
        TokenAuth=[
            _field("base_url", _URL, pattern=r"https?://[^/?#@]+([/?#].*)?", beside=True),
            _field("[tokens*]", type="list", **_WORD),
            _field("[headers]", type="list", is_header=True, **_HEADER),
            _field("[url_parameters]", type="list", **_WORD),
            _field("[body]", type="dict", fields=(_field("content", multiline=True), _field("content_type"))),
        ],
    ),
    _integration("LaunchDarkly", APIKey="api_token*"),
    _integration("Notion", APIKey="api_token*"),
    _integration("Okta", APIToken=["api_token*", _field("domain", "a host name like acme.okta.com", unlikely="/")]),
    _integration("OpenAI", APIKey="api_token*"),
    _integration(
        "ServiceNow",
        BasicAuth=[
            _field("instance", "the name of the instance, not its address", unlikely="[./]"),
            "password*",
            "username",
        ],
    ),
    _integration("Split", APIKey="api_key*"),
    _integration("Statsig", APIKey="api_key*"),
    _integration("VirusTotal", APIKey="api_key*"),
)
BY_KEY = {kinds[0].keys[0]: kinds for kinds in INTEGRATIONS}
KINDS = {kind.types: kind for kinds in INTEGRATIONS for kind in kinds}
