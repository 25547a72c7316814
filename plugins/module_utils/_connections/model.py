# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An action connection, as a task wants it and as Datadog returns it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Json, as_object

from .catalogue import KINDS, Credentials, Integration
from .fields import Field, Problems, without_hidden

PATH = "/api/v2/actions/connections"


class Comparison(t.NamedTuple):
    """The C(integration) to send, maybe empty, and what the diff shows before and after."""

    send: Json
    before: Json
    after: Json


class Configuration(t.NamedTuple):
    """What a task says of an integration. C(observed) is the C(values) of a Connection, or None if there is none.

    :ivar kind: the path of the credentials' option, like C(aws.assume_role).
    :ivar given: the fields that a task may give: path, field, and value or None.
    """

    integration: Integration
    credentials: Credentials
    kind: str
    given: list[tuple[str, Field, t.Any]]

    @classmethod
    def of(cls, integration: Integration, option: Json) -> Configuration | None:
        """:returns: None unless exactly one type of credentials is given."""
        found = [each for each in integration.credentials if option[each.key] is not None]
        if len(found) != 1:
            return None
        inside, kind = option[found[0].key], f"{integration.key}.{found[0].key}"
        given = [(f"{integration.key}.{field.name}", field, option[field.name]) for field in integration.fields]
        given += [(f"{kind}.{field.name}", field, inside[field.name]) for field in found[0].fields if field.option()]
        return cls(integration, found[0], kind, given)

    def problems(self) -> Problems:
        """What is wrong and can be known without Datadog."""
        for path, field, value in self.given:
            if value is not None:
                yield from field.problems(path, value)

    def missing(self, observed: Json | None) -> Problems:
        """What the task has to give and does not."""
        for path, field, value in self.given:
            if field.required and value is None and observed is None:
                yield path, "is required to create the connection"
            there = (observed or {}).get(field.name, {})
            for index, (part, text) in enumerate(field.parts(value).items()):
                if text is None and there is not None and part not in there:
                    yield f"{path}[{index}].value", "is required, since Datadog has no token of this name"

    def secrets(self) -> dict[str, str]:
        """Those that the task gives, by their paths."""
        given = [field.parts(value) for _path, field, value in self.given if field.secret]
        return {path: text for parts in given for path, text in parts.items() if text is not None}

    def secret_paths(self, observed: Json) -> set[str] | None:
        """The paths of those that the connection has, and of other parts; None if unknown."""
        found = [observed.get(field.name) for _path, field, _value in self.given]
        return None if None in found else {path for parts in found for path in parts or ()}

    def advice(self, observed: Json | None) -> t.Iterator[str]:
        """Warnings about what the task gives."""
        tokens = [f.parts(value) or (observed or {}).get(f.name) or {} for _path, f, value in self.given if f.secret]
        for _path, field, value in self.given:
            yield from field.advice(self.kind, value, tokens[0] if tokens else {})

    def hidden(self, observed: Json) -> t.Iterator[str]:
        """The paths of given lists that Datadog's response leaves out."""
        return (path for path, field, value in self.given if value is not None and observed[field.name] is None)

    def compare(self, observed: Json | None, sent: t.Container[str]) -> Comparison:
        """Compare with what exists. :param sent: the paths of the secrets to send although they exist."""
        found: tuple[Json, Json, Json] = ({}, {}, {})
        for _path, field, value in self.given:
            # A new connection gets a new value anyway.
            if observed is not None or not field.renews:
                change = field.compare(value, (observed or {}).get(field.name, {}), sent)
                for values, parts in zip(found, change):
                    values[field.name] = field.whole(parts)
        send, before, after = (_option(self.integration, self.credentials, values) for values in found)
        inside = send.pop(self.credentials.key)
        if observed is None or send or inside:
            # The specification requires both types even in an update.
            inside = {"type": self.credentials.type, **inside}
            send = {"type": self.integration.type, **send, "credentials": inside}
        return Comparison(send, {self.integration.key: before}, {self.integration.key: after})

    def predicted(self, after: Json, observed: Json | None) -> Json:
        """The integration in the result of a write. :param after: that of compare()."""
        option: Json = without_hidden(after[self.integration.key])
        inside, fields = option[self.credentials.key], self.credentials.fields
        renewed = [field.renews for field in fields if field.renews and inside.pop(field.name, None)]
        for field in fields:
            known = (observed or {}).get(field.name)
            if not field.option() and known and field.name not in renewed:
                inside[field.name] = field.whole(known)
        return option


def _option(integration: Integration, credentials: Credentials, values: Json) -> Json:
    """The integration's option, from values by the names of fields. None is left out."""
    beside, inside = (
        {field.name: values[field.name] for field in each.fields if values.get(field.name) is not None}
        for each in (integration, credentials)
    )
    return {**beside, credentials.key: inside}


class Desired(t.NamedTuple):
    """What a task says of one connection; empty or None is what it leaves out.

    :ivar configuration: None to delete the connection.
    :ivar access: principals by relation.
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
        return " ".join(filter(None, ["action connection", self.name and repr(self.name), self.connection_id]))


class Connection(t.NamedTuple):
    """A connection as Datadog returns it.

    :ivar types: of integration and credentials, in the API; may be empty.
    :ivar values: the parts of fields by the names of these; empty for an unknown integration.
    :ivar created_at: ISO 8601, like C(last_updated).
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
        """Read the C(data) of a response, or a row of the list. It may contain anything beside its id."""
        attributes = as_object(data.get("attributes"))
        beside = as_object(attributes.get("integration"))
        inside = as_object(beside.get("credentials"))
        types = _text(beside.get("type")), _text(inside.get("type"))
        values: Json = {}
        if types in KINDS:
            integration, credentials = KINDS[types]
            values = {field.name: field.read(beside) for field in integration.fields}
            values.update({field.name: field.read(inside) for field in credentials.fields})
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
        """The same as for a Configuration; for an unknown integration, its types."""
        return ".".join(each.key for each in KINDS.get(self.types, ())) or "/".join(self.types)

    def moved_since(self, last_updated: str | None) -> bool:
        """Whether it was edited after C(last_updated); None if that is when it was created."""
        expected = last_updated or self.created_at
        return bool(expected and self.last_updated and self.last_updated != expected)

    def result(self) -> Json:
        """What modules return as C(connection)."""
        return {
            "connection_id": self.connection_id,
            "name": self.name,
            "tags": list(self.tags),
            **self._shown(with_generated=True),
            "created_at": self.created_at,
            "last_updated": self.last_updated,
            "created_by": self.created_by,
        }

    def options(self) -> Json:
        """Those of a task that creates it, without secrets."""
        tags = {"tags": list(self.tags)} if self.tags else {}
        return {"name": self.name, **tags, **self._shown(with_generated=False)}

    def _shown(self, with_generated: bool) -> Json:
        if self.types not in KINDS:
            return {}
        integration, credentials = KINDS[self.types]
        fields = [f for f in (*integration.fields, *credentials.fields) if with_generated or f.option()]
        values = {field.name: field.whole(field.hidden(self.values[field.name] or {})) for field in fields}
        shown: Json = without_hidden({integration.key: _option(integration, credentials, values)})
        return shown


def _text(value: t.Any) -> str:
    return value if isinstance(value, str) else ""


def iso8601(written: t.Any) -> str | None:
    """C(2026-07-13 13:25:37.4346 +0000 UTC), as Datadog writes it, as C(2026-07-13T13:25:37.434600Z); None for others."""
    pattern = r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)\.?(\d*) ?(Z|[+-]\d\d:?\d\d)(?: [A-Z]+)?"
    match = re.fullmatch(pattern, str(written))
    if not match:
        return None
    date, clock, fraction, zone = match.groups()
    zone = f"{zone[:3]}:{zone[-2:]}" if zone.strip("+-0:Z") else "Z"
    return f"{date}T{clock}.{fraction[:6]:0<6}{zone}"
