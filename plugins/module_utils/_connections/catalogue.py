# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The integrations and their credentials, as data, from which argument specs, requests and results are made.

See U(https://docs.datadoghq.com/api/latest/action-connection/). Responses show what is secret: they blank it.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.tidyops.datadog.plugins.module_utils._client import CONTROL_CHARACTERS, Json, as_object
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import Problem

#: The strings in the values of fields, by paths like C(role), C(body.content) and C(tokens.name).
Parts = t.Mapping[str, t.Any]

#: Headers and URL parameters that contain a credential: words in a name, words between hyphens, and whole names; schemes
#: (U(https://www.iana.org/assignments/http-authschemes/) and others), and URLs with a password.
_TELLING_NAME = re.compile(
    r"authorization|cookie|token|secret|password|passphrase|passwd|credential|signature|jwt|hmac|api-?key"
    r"|(^|[-_])(auth|key|pass|pwd|sig|session)([-_]|$)|^(appid|code)$",
    re.I,
)
_TELLING_VALUE = re.compile(
    r"\s*(basic|bearer|digest|dpop|gnap|hoba|negotiate|oauth|token|apikey|aws4-hmac-sha256|geniekey|splunk|ssws)\s+\S"
    r"|.*//[^/\s]*:[^/\s]*@",
    re.I,
)
#: A reference to a token, and what may stand beside it: a scheme, and names of parameters.
_REFERENCE = re.compile(r"{{\s*([A-Za-z][A-Za-z0-9]*)\s*}}")
_HARMLESS = re.compile(r"^\s*[A-Za-z][A-Za-z0-9-]*\s+|[A-Za-z0-9_.-]+=")


class HiddenValue(str):
    """What a diff shows instead of a secret. A type, since a header may have the same text."""


SECRET = HiddenValue("(secret)")
SECRET_SENT = HiddenValue("(secret, sent again)")


@dataclass(frozen=True)
class Field:
    """A field, and the option of the same name.

    :ivar type: C(str); C(dict) of C(fields); C(list) of names and values; C(bool), which makes Datadog renew the field C(renews);
        empty if Datadog generates it.
    :ivar pattern: what values, or the names in a list, must match; C(unlikely): what gets a warning; C(expected): in words.
    :ivar beside: whether it stands beside the credentials.
    :ivar is_header: whether the case of names is ignored.
    """

    name: str
    expected: str = ""
    type: str = "str"
    pattern: str = ""
    unlikely: str = ""
    required: bool = False
    secret: bool = False
    multiline: bool = False
    beside: bool = False
    is_header: bool = False
    renews: str = ""
    fields: tuple[Field, ...] = ()

    def option(self) -> Json:
        """The argument spec."""
        if self.type == "bool":
            return {"type": "bool", "default": False}
        if self.type == "dict":
            return {"type": "dict", "options": {field.name: field.option() for field in self.fields}}
        # Without no_log, Ansible takes names such as api_key for secrets.
        text: Json = {"type": "str", "no_log": self.secret}
        if self.type == "list":
            options = {"name": {"type": "str", "required": True}, "value": {**text, "required": not self.secret}}
            return {"type": "list", "elements": "dict", "no_log": False, "options": options}
        return text

    def problems(self, path: str, value: t.Any) -> t.Iterator[Problem]:
        """What is wrong with the value in a task."""
        if value is None:
            return
        if self.type == "dict":
            for field in self.fields:
                yield from field.problems(f"{path}.{field.name}", value[field.name])
        elif self.type == "list":
            seen: dict[str, int] = {}
            for index, entry in enumerate(value):
                here, name, text = f"{path}[{index}]", entry["name"], entry["value"]
                if not re.fullmatch(self.pattern, name):
                    yield f"{here}.name", f"must be {self.expected}"
                first = seen.setdefault(self.folded(name), index)
                if first != index:
                    case = " (case is ignored)" if self.is_header else ""
                    yield f"{here}.name", f"is the same as {path}[{first}].name{case}; remove one"
                if text or (self.secret and text is not None):
                    yield from _text_problems(f"{here}.value", text, self.secret)
        elif self.type == "str":
            if value.strip() and self.pattern and not re.fullmatch(self.pattern, value):
                yield path, f"must be {self.expected}"
            else:
                yield from _text_problems(path, value, self.multiline)

    def read(self, answer: Json) -> t.Any:
        """The value in a response, which may contain anything. Secrets are hidden."""
        value = answer.get(self.name)
        if self.type == "list":
            # What is sent as tokens comes back as http_tokens, and in older recordings as tokens.
            value = value or answer.get(f"http_{self.name}", value)
            if not isinstance(value, list):
                return None
            entries = filter(None, map(as_object, value))
            texts = [{key: str(each.get(key) or "") for key in ("name", "value")} for each in entries]
            return [{**each, "value": SECRET} for each in texts] if self.secret else texts
        if self.type == "dict":
            return {field.name: field.read(as_object(value)) for field in self.fields}
        if self.secret:
            return SECRET
        return value if isinstance(value, str) and self.type != "bool" else None

    def hides(self, path: str, text: t.Any) -> bool:
        """Whether a part of the value is a secret, or looks like one in a header or URL parameter."""
        if self.secret or self.type != "list":
            # A connection that was made elsewhere may have a password in its URL.
            return self.secret or bool(self.beside and _TELLING_VALUE.match(text))
        # Words in appKey are told apart as in app-key.
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", path.partition(".")[2])
        rest, references = _REFERENCE.subn("", text)
        is_literal = not references or re.search(r"\w{4}", _HARMLESS.sub("", rest))
        return bool(text.strip() and is_literal and (_TELLING_NAME.search(name) or _TELLING_VALUE.match(text)))

    def advice(self, path: str, text: t.Any, tokens: t.Container[str]) -> t.Iterator[str]:
        """What is unlikely about a part of the value. :param tokens: the paths of the connection's tokens."""
        if self.unlikely and re.search(self.unlikely, text):
            yield f"is probably wrong. Datadog expects {self.expected}."
        if self.secret or self.type not in ("list", "dict"):
            return
        if self.hides(path, text):
            yield (
                "seems to contain a credential, and Datadog shows it to everyone who can view the connection. Move it to tokens,"
                " and refer to the token with !unsafe '{{ name }}'."
            )
        for token in dict.fromkeys(_REFERENCE.findall(text)):
            if f"tokens.{token}" not in tokens:
                yield f"refers to the token {token!r}, which the connection does not have."

    def sent(self, **entry: t.Any) -> Json:
        # The specification requires both with every token, even with one to delete.
        return {"type": "SECRET", "value": "", **entry} if self.secret else entry

    def folded(self, name: str) -> str:
        return name.lower() if self.is_header else name


def _text_problems(path: str, text: str, multiline: bool) -> t.Iterator[Problem]:
    if not text.strip():
        yield path, "must not be empty, since Datadog cannot unset it; leave it out to keep the current value"
    elif not multiline and CONTROL_CHARACTERS.search(text):
        yield path, "must not contain line breaks or other control characters"


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
        return self.fields[path.partition(".")[0]]

    def option_path(self, name: str) -> str:
        return f"{self.keys[0] if self.fields[name].beside else self.path}.{name}"

    def values(self, option: Json) -> Json:
        """The values of the fields that a task may give. :param option: that of the integration."""
        given = [field for field in self.fields.values() if field.type]
        return {field.name: (option if field.beside else option[self.keys[1]])[field.name] for field in given}

    def hidden(self, parts: Parts) -> Parts:
        """The same, with what a diff may not show hidden."""
        return {
            path: SECRET if self.field(path).hides(path, text) and not isinstance(text, HiddenValue) else text
            for path, text in parts.items()
        }

    def shaped(self, parts: Parts, inside: str = "") -> Json:
        """The integration that has these parts. :param inside: the key of the credentials, if not the option's."""
        found: Json = {}
        credentials: Json = {}
        for path, part in parts.items():
            field, inner = self.field(path), path.partition(".")[2]
            target = found if field.beside else credentials
            if field.type == "list":
                entry = part if isinstance(part, dict) else {"value": part}
                target.setdefault(field.name, []).append({"name": inner, **entry})
            elif inner:
                target.setdefault(field.name, {})[inner] = part
            else:
                target[path] = part
        return {**found, inside or self.keys[1]: credentials}


def parts_of(values: t.Mapping[str, t.Any]) -> Parts:
    """The parts of the values of fields."""
    found: dict[str, t.Any] = {}
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
        inside: Json = {}
        for field in kind.fields.values():
            if field.type:
                (options if field.beside else inside)[field.name] = field.option()
        options[kind.keys[1]] = {"type": "dict", "no_log": False, "required": len(kinds) == 1, "options": inside}
    return {"type": "dict", "options": options}


def _kind(name: str, suffix: str, given: str | t.Sequence[Field | str]) -> Kind:
    """:param suffix: what follows the integration's name in the type of credentials. :param given: fields or their names."""
    # APIKey -> api_key, GlobalAPIToken -> global_api_token
    key = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", suffix).lower()
    listed = given.split() if isinstance(given, str) else given
    fields = [_field(each) if isinstance(each, str) else each for each in listed]
    return Kind((name, name + suffix), (name.lower(), key), {field.name: field for field in fields})


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

#: Fields by the types of integrations and of their credentials, the latter without the former.
_INTEGRATIONS: dict[str, dict[str, str | list[Field | str]]] = {
    **dict.fromkeys(
        ["Anthropic", "CircleCI", "Clickup", "Gitlab", "LaunchDarkly", "Notion", "OpenAI"], {"APIKey": "api_token*"}
    ),
    **dict.fromkeys(["Fastly", "Gemini", "GreyNoise", "Split", "Statsig", "VirusTotal"], {"APIKey": "api_key*"}),
    "Asana": {"AccessToken": "access_token*"},
    "AWS": {
        "AssumeRole": [
            _field("account_id", _TWELVE_DIGITS, pattern="[0-9]{12}"),
            _field("role", "the name of the role, not its ARN", unlikely="^arn:"),
            _field("[generate_new_external_id]", type="bool", renews="external_id"),
            _field("[external_id]", type=""),
            _field("[principal_id]", type=""),
        ]
    },
    "Azure": {"Tenant": "app_client_id client_secret* [custom_scopes] tenant_id"},
    "Cloudflare": {"APIToken": "api_token*", "GlobalAPIToken": "auth_email global_api_key*"},
    "ConfigCat": {"SDKKey": "api_password* api_username sdk_key*"},
    "Datadog": {
        "APIKey": [
            "api_key*",
            "app_key*",
            _field("datacenter", "the short name of a site, like us1", unlikely="[./]"),
            "[subdomain]",
        ]
    },
    "Freshservice": {"APIKey": "api_key* domain"},
    "GCP": {
        "ServiceAccount": [
            _field("private_key*", _PEM, unlikely=r"\\n|^(?!\s*-----BEGIN )", multiline=True),
            "service_account_email",
        ]
    },
    "HTTP": {
        "TokenAuth": [
            _field("base_url", _URL, pattern=r"https?://[^/?#@]+([/?#].*)?", beside=True),
            _field("[tokens*]", type="list", **_WORD),
            _field("[headers]", type="list", is_header=True, **_HEADER),
            _field("[url_parameters]", type="list", **_WORD),
            _field("[body]", type="dict", fields=(_field("content", multiline=True), _field("content_type"))),
        ]
    },
    "Okta": {"APIToken": ["api_token*", _field("domain", "a host name like acme.okta.com", unlikely="/")]},
    "ServiceNow": {
        "BasicAuth": [
            _field("instance", "the name of the instance, not its address", unlikely="[./]"),
            "password*",
            "username",
        ]
    },
}
#: By the option of the integration, and by the types in the API.
BY_KEY = {
    name.lower(): [_kind(name, suffix, given) for suffix, given in _INTEGRATIONS[name].items()]
    for name in sorted(_INTEGRATIONS, key=str.lower)
}
KINDS = {kind.types: kind for kinds in BY_KEY.values() for kind in kinds}
