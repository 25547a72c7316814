# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An action connection, as a task wants it and as Datadog returns it."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Json, as_object

from .catalogue import (
    Credentials,
    Integration,
    known_kind,
)
from .fields import (
    Field,
    NamedValues,
    Problems,
    RenewalFlag,
    without_hidden,
)

PATH = "/api/v2/actions/connections"


class Comparison(t.NamedTuple):
    """The C(integration) of a request, empty if there is nothing to send; and what the diff shows before and after it."""

    send: Json
    before: Json
    after: Json


class Given(t.NamedTuple):
    """A field, and what a task gives for it, which may be None. :ivar group: C(""), or the credentials' key."""

    path: str
    field: Field
    value: t.Any
    group: str


@dataclass(frozen=True)
class Configuration:
    """What a task says of an integration and its credentials. :ivar values: the integration's option, as given."""

    integration: Integration
    credentials: Credentials
    values: t.Mapping[str, t.Any]

    @classmethod
    def of(cls, integration: Integration, values: t.Mapping[str, t.Any]) -> Configuration | None:
        """:returns: None unless one kind of credentials is given. Ansible takes an empty key for given."""
        given = [each for each in integration.credentials if values[each.key] is not None]
        return cls(integration, given[0], values) if len(given) == 1 else None

    @property
    def kind(self) -> str:
        """The path of the credentials' option, like C(aws.assume_role)."""
        return f"{self.integration.key}.{self.credentials.key}"

    def given(self) -> t.Iterator[Given]:
        """Every field that a task may give."""
        key = self.credentials.key
        for field in self.integration.fields:
            path = f"{self.integration.key}.{field.name}"
            yield Given(path, field, self.values[field.name], "")
        for field in self.credentials.fields:
            if field.option():
                path = f"{self.kind}.{field.name}"
                yield Given(path, field, self.values[key][field.name], key)

    def problems(self) -> Problems:
        """What is wrong with the values, as far as it can be known without Datadog."""
        for path, field, value, _group in self.given():
            if value is not None:
                yield from field.problems(path, value)

    def missing(self, observed: Json | None) -> Problems:
        """What has to be given and is not. :param observed: the values that exist; None if the connection does not."""
        for path, field, value, group in self.given():
            there = _values(observed, group).get(field.name)
            yield from field.missing(path, value, there, observed is not None)

    def secrets(self) -> dict[str, str]:
        """The secrets that the task gives, by their paths inside the credentials."""
        found: dict[str, str] = {}
        for given in self.given():
            found.update(given.field.secrets(given.value))
        return found

    def secret_paths(self, observed: Json) -> set[str] | None:
        """The paths of the secrets that a connection of these values has; None where that is not known."""
        paths: set[str] = set()
        for _path, field, _value, group in self.given():
            entries = _values(observed, group).get(field.name)
            if isinstance(field, NamedValues) and field.secret:
                if entries is None:
                    return None
                paths.update(f"{field.name}.{entry['name']}" for entry in entries)
            else:
                paths.add(field.name)
        return paths

    def advice(self, observed: Json | None) -> t.Iterator[str]:
        """Warnings about what a task gives. :param observed: as for missing()."""
        key = self.credentials.key
        tokens = self.values[key].get("tokens") or _values(observed, key).get("tokens") or []
        for path, field, value, _group in self.given():
            if value is not None:
                yield from field.advice(path, value, {token["name"] for token in tokens})

    def hidden(self, observed: Json) -> t.Iterator[str]:
        """The paths of given lists that Datadog's answer leaves out."""
        for path, field, value, group in self.given():
            is_left_out = _values(observed, group).get(field.name) is None
            if isinstance(field, NamedValues) and value is not None and is_left_out:
                yield path

    def compare(self, observed: Json | None, sent: t.Container[str]) -> Comparison:
        """Compare with what exists.

        :param observed: the values that exist; None if the connection is to be created.
        :param sent: the paths of the secrets that have to be sent though there are some.
        """
        key = self.credentials.key
        # Values that stand beside the credentials, and those in them, for each part of a comparison.
        parts: list[dict[str, Json]] = [{"": {}, key: {}} for _part in ("send", "before", "after")]
        for _path, field, value, group in self.given():
            there = _values(observed, group).get(field.name)
            change = field.compare(value, there, observed is not None, sent)
            for found, part in zip(change, parts):
                if found is not None:
                    part[group][field.name] = found
        send: Json = {}
        if observed is None or any(parts[0].values()):
            # Both discriminators always go along; the specification asks for them even in an update.
            credentials = {"type": self.credentials.type, **parts[0][key]}
            send = {"type": self.integration.type, **parts[0][""], "credentials": credentials}
        before, after = ({self.integration.key: {**p[""], key: p[key]}} for p in parts[1:])
        return Comparison(send, before, after)

    def predicted(self, after: Json, observed: Json | None) -> Json:
        """The values of the connection after a write, without asking Datadog.

        :param after: that of compare().
        """
        key = self.credentials.key
        values = without_hidden(after[self.integration.key])
        known = _values(observed, key)
        renewed = {f.renews for f in self.credentials.fields if isinstance(f, RenewalFlag)}
        is_renewed = any(values[key].pop(f.name, None) for f in self.credentials.fields if isinstance(f, RenewalFlag))
        for field in self.credentials.fields:
            kept = known.get(field.name)
            if not field.option() and kept and not (is_renewed and field.name in renewed):
                values[key][field.name] = kept
        return values


def _values(observed: Json | None, group: str) -> Json:
    """The values that stand beside the credentials, or in them; empty if the connection does not exist."""
    return (observed or {}).get(group, {}) if group else observed or {}


@dataclass(frozen=True)
class Desired:
    """What a task says of one connection.

    :ivar name: empty if only the id is given; C(connection_id) likewise.
    :ivar configuration: None if no such connection is to exist.
    :ivar tags: None if the task leaves them out.
    :ivar access: principals by relation, as the task has them; None likewise.
    """

    name: str
    connection_id: str
    update_secrets: str = "on_change"
    allow_replace: bool = False
    configuration: Configuration | None = None
    tags: tuple[str, ...] | None = None
    access: t.Mapping[str, tuple[str, ...]] | None = None

    @property
    def title(self) -> str:
        """How messages call it."""
        names = [repr(self.name)] if self.name else []
        return " ".join(["action connection", *names, *filter(None, [self.connection_id])])


@dataclass(frozen=True)
class Connection:
    """A connection as Datadog returns it, secrets excepted.

    :ivar types: the API's discriminators of integration and credentials; empty where the answer has none.
    :ivar values: the integration in the shape of its option, read-only fields included; empty for an unknown one.
    :ivar created_at: ISO 8601 or None; last_updated likewise.
    """

    connection_id: str
    name: str
    types: tuple[str, str]
    values: Json
    created_at: str | None
    last_updated: str | None
    created_by: str | None
    tags: tuple[str, ...]

    @classmethod
    def of(cls, data: Json) -> Connection:
        """Read the C(data) of an answer, or a row of the list, whatever it holds beside its id."""
        attributes = as_object(data.get("attributes"))
        beside = as_object(attributes.get("integration"))
        inside = as_object(beside.get("credentials"))
        types = _text(beside.get("type")), _text(inside.get("type"))
        values: Json = {}
        known = known_kind(*types)
        if known:
            values = {field.name: field.read(beside) for field in known[0].fields}
            values[known[1].key] = {field.name: field.read(inside) for field in known[1].fields}
        related = as_object(as_object(data.get("relationships")).get("created_by")).get("data")
        creator = as_object(related) or as_object(attributes.get("created_by"))
        tags = attributes.get("tags")
        return cls(
            data["id"].lower(),
            _text(attributes.get("name")),
            types,
            values,
            iso8601(attributes.get("created_at")),
            iso8601(attributes.get("last_updated")),
            _text(creator.get("id")) or None,
            tuple(map(str, tags)) if isinstance(tags, list) else (),
        )

    @property
    def kind(self) -> str:
        """The path of the credentials' option, or the API's types where the collection does not know them."""
        known = known_kind(*self.types)
        return f"{known[0].key}.{known[1].key}" if known else "/".join(self.types)

    def moved_since(self, last_updated: str | None) -> bool:
        """Whether it was edited after a moment that a registry knows.

        :param last_updated: None if that is when it was created. Datadog returns the same time as both then.
        """
        expected = last_updated or self.created_at
        return bool(expected and self.last_updated and self.last_updated != expected)

    def result(self) -> Json:
        """What modules return as C(connection)."""
        return {
            "connection_id": self.connection_id,
            "name": self.name,
            "tags": list(self.tags),
            **self._shown(with_read_only=True),
            "created_at": self.created_at,
            "last_updated": self.last_updated,
            "created_by": self.created_by,
        }

    def options(self) -> Json:
        """What a task would be given to get it; also what the diff shows when it is deleted."""
        tags = {"tags": list(self.tags)} if self.tags else {}
        return {"name": self.name, **tags, **self._shown(with_read_only=False)}

    def _shown(self, with_read_only: bool) -> Json:
        """The values without secrets, by the integration's key; empty for an unknown integration."""
        known = known_kind(*self.types)
        if not known:
            return {}

        def shown(fields: t.Iterable[Field], values: Json) -> Json:
            found = {
                field.name: field.shown(values.get(field.name)) for field in fields if with_read_only or field.option()
            }
            return {name: value for name, value in found.items() if value not in (None, [])}

        integration, credentials = known
        inside = shown(credentials.fields, self.values[credentials.key])
        return {integration.key: {**shown(integration.fields, self.values), credentials.key: inside}}


def _text(value: t.Any) -> str:
    return value if isinstance(value, str) else ""


def iso8601(written: t.Any) -> str | None:
    """Datadog writes C(2026-07-13 13:25:37.4346 +0000 UTC).

    :returns: ISO 8601 with microseconds (C(2026-07-13T13:25:37.434600Z)), or None for anything else.
    """
    match = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d+))? ?(?:Z|([+-]\d\d):?(\d\d))(?: [A-Z]+)?",
        str(written),
    )
    if not match:
        return None
    date, clock, fraction, hours, minutes = match.groups()
    offset = "Z" if hours is None or (int(hours), minutes) == (0, "00") else f"{hours}:{minutes}"
    return f"{date}T{clock}.{(fraction or '').ljust(6, '0')[:6]}{offset}"
