# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The catalogue of integrations and their credentials, as data.

Argument specs, request bodies and the reading of answers all come from C(INTEGRATIONS) at the end of this file. Its
source are the field tables of U(https://docs.datadoghq.com/api/latest/action-connection/), and for what is secret the
answers of the API, which blank every secret field.

Each kind of field knows its argument spec, what is wrong with a value or missing, how to read an answer, and what has to
be sent.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.tidyops.datadog.plugins.module_utils._client import CONTROL_CHARACTERS
from ansible_collections.tidyops.datadog.plugins.module_utils._secrets import (
    SECRET,
    SECRET_SENT,
    HiddenValue,
    is_literal_credential,
    without_hidden,
)

Problems = t.Iterator[tuple[str, str]]
#: Whether the secret at a path, given its value, has to be sent to a connection that exists.
SendsSecret = t.Callable[[str, str], bool]

TOKEN_NAME = r"[A-Za-z][A-Za-z0-9]*"
HEADER_NAME = r"[A-Za-z][A-Za-z0-9\-_]*"


class Change(t.NamedTuple):
    """What comparing one field brings.

    :ivar send: what a request has to carry, or None for nothing.
    :ivar before: what the diff shows, or None for nothing.
    :ivar after: likewise.
    """

    send: t.Any
    before: t.Any
    after: t.Any


@dataclass(frozen=True)
class Field:
    """One field of an integration or its credentials.

    :ivar name: the API's name, which is the option's name too.
    """

    name: str

    def read(self, value: t.Any) -> t.Any:
        """Read the field of an answer, whatever it holds. Secrets are left out."""
        raise NotImplementedError

    def shown(self, value: t.Any) -> t.Any:
        """What a result shows of what read() returned."""
        return value

    def recalled(self, value: t.Any, paths: t.Iterable[str]) -> t.Any:
        """Complete what read() returned.

        :param paths: those of the secrets that a registry knows; see secrets().
        """
        return value

    def lost(self, value: t.Any, paths: t.Iterable[str]) -> list[str]:
        """Which of the same paths what read() returned shows to be gone."""
        return []


@dataclass(frozen=True)
class ReadOnly(Field):
    """A field that Datadog makes: returned, never accepted."""

    def read(self, value: t.Any) -> str | None:
        return value if isinstance(value, str) else None


@dataclass(frozen=True)
class WritableField(Field):
    """A field that is an option too."""

    def option(self) -> dict[str, t.Any]:
        """The argument spec."""
        raise NotImplementedError

    def problems(self, path: str, value: t.Any) -> Problems:
        """What is wrong with a given value, as far as it can be known without Datadog."""
        raise NotImplementedError

    def missing(self, path: str, value: t.Any, observed: t.Any, exists: bool) -> Problems:
        """What has to be given and is not. C(value) and C(observed) may be None."""
        raise NotImplementedError

    def secrets(self, value: t.Any) -> dict[str, str | None]:
        """The secrets in what a task gives or a request carries, by their paths inside the credentials.

        None stands for one that the request removes, or that the task keeps.
        """
        return {}

    def compare(
        self, path: str, desired: t.Any, observed: t.Any, exists: bool, sends: SendsSecret
    ) -> Change:
        """Compare what a task says with what read() made of an answer.

        :param desired: None if the task leaves it out.
        :param observed: None if the answer has none, or the connection does not exist.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Text(WritableField):
    """A field with a string.

    :ivar required: Datadog wants it on create.
    :ivar secret: Datadog returns C("") for it.
    :ivar pattern: a regular expression for the whole value, with C(expected) in words.
    :ivar multiline: line breaks and tabs may stand in it.
    """

    required: bool = False
    secret: bool = False
    pattern: str | None = None
    expected: str = ""
    multiline: bool = False

    def option(self) -> dict[str, t.Any]:
        # no_log even where it is false: names such as api_key would else be taken for secrets.
        return {"type": "str", "no_log": self.secret}

    def problems(self, path: str, value: str) -> Problems:
        if not value.strip():
            optional = not (self.secret or self.required)
            since = ", since Datadog cannot unset it" if optional else ""
            yield path, f"must not be empty; leave it out to keep what Datadog has{since}"
        elif self.pattern and not re.fullmatch(self.pattern, value):
            yield path, f"must be {self.expected}"
        elif not self.multiline and CONTROL_CHARACTERS.search(value):
            yield path, "must not contain line breaks or other control characters"

    def secrets(self, value: t.Any) -> dict[str, str | None]:
        return {self.name: value} if self.secret and value is not None else {}

    def missing(self, path: str, value: str | None, observed: t.Any, exists: bool) -> Problems:
        if self.required and value is None and not exists:
            yield path, "is required to create the connection"

    def read(self, value: t.Any) -> str | None:
        return value if value and isinstance(value, str) and not self.secret else None

    def compare(
        self, path: str, desired: str | None, observed: str | None, exists: bool, sends: SendsSecret
    ) -> Change:
        if not self.secret:
            if desired is None or desired == observed:
                return Change(None, observed, observed)
            return Change(desired, observed, desired)
        before = SECRET if exists else None
        if desired is None or (exists and not sends(path, desired)):
            return Change(None, before, before)
        return Change(desired, before, SECRET_SENT if exists else SECRET)


@dataclass(frozen=True)
class RenewalFlag(WritableField):
    """A flag in an update that makes Datadog renew a read-only field.

    :ivar renews: the name of that field.
    """

    renews: str

    def option(self) -> dict[str, t.Any]:
        return {"type": "bool", "default": False}

    def problems(self, path: str, value: bool) -> Problems:
        return iter(())

    def missing(self, path: str, value: t.Any, observed: t.Any, exists: bool) -> Problems:
        return iter(())

    def read(self, value: t.Any) -> None:
        return None

    def compare(
        self, path: str, desired: bool | None, observed: t.Any, exists: bool, sends: SendsSecret
    ) -> Change:
        # A new connection gets a new value anyway.
        return Change(True, None, True) if desired and exists else Change(None, None, None)


@dataclass(frozen=True)
class NamedValues(WritableField):
    """A list of names and values. Datadog merges it by name; in a task it is the whole list.

    :ivar secret: the values are secret.
    :ivar constant: what else each entry carries in a request.
    """

    name_pattern: str
    name_expected: str
    secret: bool = False
    constant: tuple[tuple[str, str], ...] = ()

    def option(self) -> dict[str, t.Any]:
        return {
            "type": "list",
            "elements": "dict",
            "no_log": False,
            "options": {
                "name": {"type": "str", "required": True},
                # A token without a value means: it exists, keep it.
                "value": {"type": "str", "required": not self.secret, "no_log": self.secret},
            },
        }

    def problems(self, path: str, value: list[dict[str, t.Any]]) -> Problems:
        seen: dict[str, int] = {}
        for index, entry in enumerate(value):
            name, here = entry["name"], f"{path}[{index}]"
            if not re.fullmatch(self.name_pattern, name):
                yield f"{here}.name", f"must be {self.name_expected}"
            if name in seen:
                yield (
                    f"{here}.name",
                    f"is the same as in {path}[{seen[name]}]; Datadog tells entries apart by it",
                )
            seen.setdefault(name, index)
            if self.secret and entry["value"] is not None and not entry["value"].strip():
                yield f"{here}.value", "must not be empty; leave it out to keep what Datadog has"
            elif not self.secret and CONTROL_CHARACTERS.search(entry["value"]):
                yield f"{here}.value", "must not contain line breaks or other control characters"

    def secrets(self, value: t.Any) -> dict[str, str | None]:
        entries = (value or []) if self.secret else []
        return {
            f"{self.name}.{entry['name']}": None if entry.get("deleted") else entry["value"]
            for entry in entries
        }

    def literal_credentials(self, value: list[dict[str, t.Any]]) -> list[str]:
        """The names of given entries that seem to carry a credential in clear text."""
        return [entry["name"] for entry in value if self._hides(entry["name"], entry["value"])]

    def _hides(self, name: str, value: t.Any) -> bool:
        return self.secret or is_literal_credential(name, value)

    def missing(
        self, path: str, value: list[dict[str, t.Any]] | None, observed: t.Any, exists: bool
    ) -> Problems:
        if exists and observed is None:
            # Datadog does not show which ones there are.
            return
        there = {entry["name"] for entry in observed or []}
        for index, entry in enumerate(value or []):
            if entry["value"] is None and entry["name"] not in there:
                yield (
                    f"{path}[{index}].value",
                    "is required, since Datadog has no value of this name to keep",
                )

    def read(self, value: t.Any) -> list[dict[str, str]] | None:
        """:returns: None where the answer leaves the list out, which is known of secret ones only."""
        if not isinstance(value, list):
            return None if self.secret else []
        entries = [entry for entry in value if isinstance(entry, dict)]
        shown = ("name",) if self.secret else ("name", "value")
        return [{part: str(entry.get(part) or "") for part in shown} for entry in entries]

    def shown(self, value: list[dict[str, str]] | None) -> list[dict[str, str]] | None:
        """Credentials in clear text are left out, as secrets are."""
        if value is None:
            return None
        return [
            {"name": entry["name"]} if self._hides(entry["name"], entry.get("value")) else entry
            for entry in value
        ]

    def recalled(self, value: t.Any, paths: t.Iterable[str]) -> t.Any:
        start = f"{self.name}."
        names = sorted(path[len(start) :] for path in paths if path.startswith(start))
        return [{"name": name} for name in names] if value is None and names else value

    def lost(self, value: t.Any, paths: t.Iterable[str]) -> list[str]:
        start = f"{self.name}."
        there = [] if value is None else [f"{start}{entry['name']}" for entry in value]
        return [
            path
            for path in paths
            if value is not None and path.startswith(start) and path not in there
        ]

    def compare(
        self,
        path: str,
        desired: list[dict[str, t.Any]] | None,
        observed: list[dict[str, str]] | None,
        exists: bool,
        sends: SendsSecret,
    ) -> Change:
        if observed is None and exists:
            # Datadog does not show which ones there are: those of the task are taken to be there.
            observed = desired
        there = {entry["name"]: entry.get("value") for entry in observed or []}
        before = {
            name: SECRET if self._hides(name, value) else str(value)
            for name, value in there.items()
        }
        if desired is None:
            return Change(None, _entries(before), _entries(before))
        wanted = {entry["name"]: entry["value"] for entry in desired}
        after = {name: shown for name, shown in before.items() if name in wanted}
        constant = dict(self.constant)
        send: list[dict[str, t.Any]] = []
        for name, value in wanted.items():
            known = name in there
            if value is None or (known and not self.secret and there[name] == value):
                continue
            if known and self.secret and not sends(f"{path}.{name}", value):
                continue
            send.append({"name": name, **constant, "value": value})
            # That a hidden value changes has to show.
            hidden = SECRET_SENT if isinstance(before.get(name), HiddenValue) else SECRET
            after[name] = hidden if self._hides(name, value) else value
        # The specification wants a value with every token, even with one that is to go.
        no_value = {"value": ""} if self.secret else {}
        send += [
            {"name": name, **constant, **no_value, "deleted": True}
            for name in there
            if name not in wanted
        ]
        return Change(send or None, _entries(before), _entries(after))


def _entries(values: dict[str, str]) -> list[dict[str, str]] | None:
    return [{"name": name, "value": value} for name, value in values.items()] or None


@dataclass(frozen=True)
class Group(WritableField):
    """An object of strings. What the task leaves out of it is left alone."""

    fields: tuple[Text, ...]

    def option(self) -> dict[str, t.Any]:
        return {"type": "dict", "options": {field.name: field.option() for field in self.fields}}

    def problems(self, path: str, value: dict[str, t.Any]) -> Problems:
        for field in self.fields:
            if value[field.name] is not None:
                yield from field.problems(f"{path}.{field.name}", value[field.name])

    def missing(self, path: str, value: t.Any, observed: t.Any, exists: bool) -> Problems:
        return iter(())

    def read(self, value: t.Any) -> dict[str, str] | None:
        if not isinstance(value, dict):
            return None
        texts = {field.name: field.read(value.get(field.name)) for field in self.fields}
        return {name: text for name, text in texts.items() if text is not None} or None

    def compare(
        self,
        path: str,
        desired: dict[str, t.Any] | None,
        observed: dict[str, str] | None,
        exists: bool,
        sends: SendsSecret,
    ) -> Change:
        given = {name: value for name, value in (desired or {}).items() if value is not None}
        # Whether Datadog keeps the other half of a half-given object is not known; it gets both.
        merged = {**(observed or {}), **given}
        if not given or merged == observed:
            return Change(None, observed, observed)
        return Change(merged, observed, merged)


@dataclass(frozen=True)
class Credentials:
    """One variant of an integration's credentials.

    :ivar type: the API's discriminator, for example C(CloudflareGlobalAPIToken).
    :ivar key: the option's name: the type without the integration's name, in snake case (C(global_api_token)).
    """

    type: str
    key: str
    fields: tuple[Field, ...]

    @property
    def options(self) -> list[WritableField]:
        """The fields that a task may give."""
        return [field for field in self.fields if isinstance(field, WritableField)]

    def secrets(self, values: t.Mapping[str, t.Any]) -> dict[str, str | None]:
        """The secrets in the credentials of a task or a request, by their paths; see WritableField.secrets()."""
        found: dict[str, str | None] = {}
        for field in self.options:
            found.update(field.secrets(values.get(field.name)))
        return found


@dataclass(frozen=True)
class Integration:
    """One integration.

    :ivar type: the API's discriminator, for example C(CircleCI).
    :ivar fields: what stands beside the credentials.
    """

    type: str
    credentials: tuple[Credentials, ...]
    fields: tuple[WritableField, ...] = ()

    @property
    def key(self) -> str:
        """The option's name: the API's type in lower case."""
        return self.type.lower()

    def option(self) -> dict[str, t.Any]:
        """The argument spec of this integration's option."""
        options = {field.name: field.option() for field in self.fields}
        keys = [variant.key for variant in self.credentials]
        for variant in self.credentials:
            options[variant.key] = {
                "type": "dict",
                "no_log": False,
                "required": len(keys) == 1,
                "options": {field.name: field.option() for field in variant.options},
            }
        spec: dict[str, t.Any] = {"type": "dict", "options": options}
        if len(keys) > 1:
            spec.update(mutually_exclusive=[keys], required_one_of=[keys])
        return spec

    def each(
        self,
        credentials: Credentials,
        beside: t.Mapping[str, t.Any],
        inside: t.Mapping[str, t.Any],
        do: t.Callable[[Field, t.Any], t.Any],
    ) -> dict[str, t.Any]:
        """Do something with each field's value.

        :param beside: values that stand beside the credentials, of which inside are those in them.
        :returns: what came of it, in the shape of the option.
        """
        values = {field.name: do(field, beside.get(field.name)) for field in self.fields}
        values[credentials.key] = {
            field.name: do(field, inside.get(field.name)) for field in credentials.fields
        }
        return values

    def variant(self, credentials_type: str) -> Credentials | None:
        return next(
            (variant for variant in self.credentials if variant.type == credentials_type), None
        )


def _integration(
    name: str, *credentials: tuple[t.Any, ...], fields: tuple[WritableField, ...] = ()
) -> Integration:
    variants = []
    for suffix, *credentials_fields in credentials:
        # APIKey -> api_key, GlobalAPIToken -> global_api_token, AssumeRole -> assume_role
        key = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", suffix).lower()
        variants.append(Credentials(name + suffix, key, tuple(credentials_fields)))
    return Integration(name, tuple(variants), fields)


def _secret(name: str) -> Text:
    return Text(name, required=True, secret=True)


def _required(name: str) -> Text:
    return Text(name, required=True)


INTEGRATIONS: tuple[Integration, ...] = (
    _integration("Anthropic", ("APIKey", _secret("api_token"))),
    _integration("Asana", ("AccessToken", _secret("access_token"))),
    _integration(
        "AWS",
        (
            "AssumeRole",
            Text(
                "account_id",
                required=True,
                pattern=r"[0-9]{12}",
                expected=(
                    "the twelve digits of an AWS account; quote them, because YAML drops leading zeros from a number"
                    " or reads it as an octal one"
                ),
            ),
            _required("role"),
            RenewalFlag("generate_new_external_id", renews="external_id"),
            ReadOnly("external_id"),
            ReadOnly("principal_id"),
        ),
    ),
    _integration(
        "Azure",
        (
            "Tenant",
            _required("app_client_id"),
            _secret("client_secret"),
            Text("custom_scopes"),
            _required("tenant_id"),
        ),
    ),
    _integration("CircleCI", ("APIKey", _secret("api_token"))),
    _integration("Clickup", ("APIKey", _secret("api_token"))),
    _integration(
        "Cloudflare",
        ("APIToken", _secret("api_token")),
        ("GlobalAPIToken", _required("auth_email"), _secret("global_api_key")),
    ),
    _integration(
        "ConfigCat",
        ("SDKKey", _secret("api_password"), _required("api_username"), _secret("sdk_key")),
    ),
    _integration(
        "Datadog",
        (
            "APIKey",
            _secret("api_key"),
            _secret("app_key"),
            _required("datacenter"),
            Text("subdomain"),
        ),
    ),
    _integration("Fastly", ("APIKey", _secret("api_key"))),
    _integration("Freshservice", ("APIKey", _secret("api_key"), _required("domain"))),
    _integration(
        "GCP",
        (
            "ServiceAccount",
            Text("private_key", required=True, secret=True, multiline=True),
            _required("service_account_email"),
        ),
    ),
    _integration("Gemini", ("APIKey", _secret("api_key"))),
    _integration("Gitlab", ("APIKey", _secret("api_token"))),
    _integration("GreyNoise", ("APIKey", _secret("api_key"))),
    _integration(
        "HTTP",
        (
            "TokenAuth",
            NamedValues(
                "tokens",
                TOKEN_NAME,
                "a letter followed by letters and digits",
                secret=True,
                constant=(("type", "SECRET"),),
            ),
            NamedValues(
                "headers",
                HEADER_NAME,
                "a letter followed by letters, digits, hyphens and underscores",
            ),
            NamedValues("url_parameters", TOKEN_NAME, "a letter followed by letters and digits"),
            Group("body", (Text("content", multiline=True), Text("content_type"))),
        ),
        fields=(
            Text(
                "base_url",
                required=True,
                pattern=r"https?://[^/?#@]+([/?#].*)?",
                expected=(
                    "an address that begins with https:// or http://, without a user name and a password, which belong"
                    " into tokens"
                ),
            ),
        ),
    ),
    _integration("LaunchDarkly", ("APIKey", _secret("api_token"))),
    _integration("Notion", ("APIKey", _secret("api_token"))),
    _integration("Okta", ("APIToken", _secret("api_token"), _required("domain"))),
    _integration("OpenAI", ("APIKey", _secret("api_token"))),
    _integration(
        "ServiceNow",
        ("BasicAuth", _required("instance"), _secret("password"), _required("username")),
    ),
    _integration("Split", ("APIKey", _secret("api_key"))),
    _integration("Statsig", ("APIKey", _secret("api_key"))),
    _integration("VirusTotal", ("APIKey", _secret("api_key"))),
)
BY_TYPE = {integration.type: integration for integration in INTEGRATIONS}
BY_KEY = {integration.key: integration for integration in INTEGRATIONS}


def integration_options() -> dict[str, t.Any]:
    """The argument spec of all integrations: one option each, of which a task gives one."""
    return {integration.key: integration.option() for integration in INTEGRATIONS}


class GivenOption(t.NamedTuple):
    """An option and what a task gives for it, which may be None."""

    path: str
    field: WritableField
    value: t.Any


@dataclass(frozen=True)
class Configuration:
    """What a task says of an integration and its credentials.

    :ivar values: the integration's option, as given.
    """

    integration: Integration
    credentials: Credentials
    values: t.Mapping[str, t.Any]

    @classmethod
    def of(cls, integration: Integration, values: t.Mapping[str, t.Any]) -> Configuration | None:
        """:returns: None if no kind of credentials is given. Ansible takes an empty key for given."""
        for variant in integration.credentials:
            if values[variant.key] is not None:
                return cls(integration, variant, values)
        return None

    @property
    def kind(self) -> str:
        """The path of the credentials' option, like C(aws.assume_role)."""
        return f"{self.integration.key}.{self.credentials.key}"

    def _beside(self) -> list[GivenOption]:
        """What stands beside the credentials."""
        return [
            GivenOption(f"{self.integration.key}.{field.name}", field, self.values[field.name])
            for field in self.integration.fields
        ]

    def _inside(self) -> list[GivenOption]:
        """What stands in the credentials."""
        values = self.values[self.credentials.key]
        return [
            GivenOption(f"{self.kind}.{field.name}", field, values[field.name])
            for field in self.credentials.options
        ]

    def problems(self) -> Problems:
        """What is wrong with the values, as far as it can be known without Datadog."""
        for path, field, value in self._beside() + self._inside():
            if value is not None:
                yield from field.problems(path, value)

    def missing(self, observed: t.Mapping[str, t.Any] | None) -> Problems:
        """What has to be given and is not.

        :param observed: the values of the connection that exists, or None if one is to be created.
        """
        exists = observed is not None
        for options, there in (
            (self._beside(), observed or {}),
            (self._inside(), (observed or {}).get(self.credentials.key, {})),
        ):
            for path, field, value in options:
                yield from field.missing(path, value, there.get(field.name), exists)

    def has_secrets(self) -> bool:
        """Whether the task gives any secret."""
        return any(self.credentials.secrets(self.values[self.credentials.key]).values())

    def literal_credentials(self) -> t.Iterator[str]:
        """The paths of given headers and URL parameters that seem to carry a credential in clear text."""
        for path, field, value in self._inside():
            if isinstance(field, NamedValues) and not field.secret:
                yield from (f"{path}.{name}" for name in field.literal_credentials(value or []))

    def hidden(self, observed: t.Mapping[str, t.Any]) -> t.Iterator[str]:
        """The paths of given lists that Datadog's answer leaves out."""
        for path, field, value in self._inside():
            left_out = observed[self.credentials.key].get(field.name) is None
            if isinstance(field, NamedValues) and value is not None and left_out:
                yield path

    def compare(
        self, observed: t.Mapping[str, t.Any] | None, sends: SendsSecret
    ) -> tuple[dict[str, t.Any], dict[str, t.Any], dict[str, t.Any]]:
        """Compare with what is there.

        :param observed: the values of the connection that exists, or None if one is to be created.
        :returns: the C(integration) of a request (empty: nothing to send), and the diff's before and after.
        """
        key = self.credentials.key
        exists, there = observed is not None, observed or {}
        beside = _compare(self._beside(), there, exists, sends)
        inside = _compare(self._inside(), there.get(key, {}), exists, sends)
        send: dict[str, t.Any] = {}
        if beside.send or inside.send or observed is None:
            # Both discriminators always go along; the specification asks for them even in an update.
            credentials = {"type": self.credentials.type, **inside.send}
            send = {"type": self.integration.type, **beside.send, "credentials": credentials}
        return (
            send,
            {self.integration.key: {**beside.before, key: inside.before}},
            {self.integration.key: {**beside.after, key: inside.after}},
        )

    def foretold(
        self, after: t.Mapping[str, t.Any], observed: t.Mapping[str, t.Any] | None
    ) -> dict[str, t.Any]:
        """The values of the connection after a write, without asking Datadog.

        :param after: what compare() returned.
        :param observed: the values of the connection that exists, or None if one is to be created.
        """
        key = self.credentials.key
        values = without_hidden(after[self.integration.key])
        foretold = values[key]
        known = (observed or {}).get(key, {})
        for field in self.credentials.fields:
            if isinstance(field, ReadOnly) and known.get(field.name):
                foretold[field.name] = known[field.name]
        for _path, field, _value in self._inside():
            if isinstance(field, RenewalFlag) and foretold.pop(field.name, None):
                foretold.pop(field.renews, None)
            elif isinstance(field, NamedValues) and observed and known[field.name] is None:
                # Datadog will not show them afterwards either.
                foretold.pop(field.name, None)
        return values


def _compare(
    options: t.Iterable[GivenOption],
    observed: t.Mapping[str, t.Any],
    exists: bool,
    sends: SendsSecret,
) -> Change:
    send: dict[str, t.Any] = {}
    before: dict[str, t.Any] = {}
    after: dict[str, t.Any] = {}
    for path, field, value in options:
        change = field.compare(path, value, observed.get(field.name), exists, sends)
        for found, target in zip(change, (send, before, after)):
            if found is not None:
                target[field.name] = found
    return Change(send, before, after)
