# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An action connection, as a task wants it and as Datadog returns it."""

from __future__ import annotations

import re
import typing as t
from types import MappingProxyType

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Json, as_object
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import Problem

from .catalogue import KINDS, SECRET, SECRET_SENT, HiddenValue, Kind, Parts, parts_of

PATH = "/api/v2/actions/connections"
#: That of a connection which the task wants to be deleted.
NO_KIND = Kind(("", ""), ("", ""), {})


class Connection(t.NamedTuple):
    """A connection as Datadog returns it.

    :ivar types: of integration and credentials; may be empty or unknown.
    :ivar parts: of the fields that tasks can give, with secrets hidden; C(generated): the other fields.
    :ivar unlisted: the fields of which the response does not show which parts exist.
    """

    connection_id: str
    name: str
    types: tuple[str, str]
    parts: Parts
    generated: Json
    unlisted: tuple[str, ...]
    created_at: str | None
    last_updated: str | None
    created_by: str | None
    tags: tuple[str, ...]

    @classmethod
    def of(cls, data: Json) -> Connection:
        """:param data: that of a response, or a row of the list. It may contain anything beside its id."""
        attributes = as_object(data.get("attributes"))
        beside = as_object(attributes.get("integration"))
        inside = as_object(beside.get("credentials"))
        types = _text(beside.get("type")), _text(inside.get("type"))
        fields = KINDS.get(types, NO_KIND).fields
        values = {field.name: field.read(beside if field.beside else inside) for field in fields.values()}
        related = as_object(as_object(data.get("relationships")).get("created_by")).get("data")
        creator = as_object(related) or as_object(attributes.get("created_by"))
        tags = attributes.get("tags")
        return cls(
            data["id"].lower(),
            _text(attributes.get("name")),
            types,
            parts_of({name: value for name, value in values.items() if fields[name].type}),
            {name: value for name, value in values.items() if value and not fields[name].type},
            tuple(name for name, value in values.items() if value is None and fields[name].secret),
            iso8601(attributes.get("created_at")),
            iso8601(attributes.get("last_updated")),
            _text(creator.get("id")) or None,
            tuple(map(str, tags)) if isinstance(tags, list) else (),
        )

    @property
    def path(self) -> str:
        """That of the credentials' option, like C(aws.assume_role); the types where there is none."""
        return KINDS[self.types].path if self.types in KINDS else "/".join(self.types)

    @property
    def policy_id(self) -> str:
        return f"connection:{self.connection_id}"

    @property
    def known_paths(self) -> set[str] | None:
        """The paths of its parts; None where the response does not show all."""
        return None if self.unlisted else set(self.parts)

    def moved_since(self, last_updated: str | None) -> bool:
        """Whether it was edited after C(last_updated); None if that is when it was created."""
        expected = last_updated or self.created_at
        return bool(expected and self.last_updated and self.last_updated != expected)

    def result(self) -> Json:
        return {
            "connection_id": self.connection_id,
            "name": self.name,
            "tags": list(self.tags),
            **self._integration({**self.parts, **self.generated}),
            "created_at": self.created_at,
            "last_updated": self.last_updated,
            "created_by": self.created_by,
        }

    def options(self) -> Json:
        """The options of a task that creates it, without secrets."""
        return {"name": self.name, **shown_tags(self.tags), **self._integration(self.parts)}

    def _integration(self, parts: Parts) -> Json:
        kind = KINDS.get(self.types)
        return {kind.keys[0]: without_hidden(kind.shaped(kind.hidden(parts)))} if kind else {}


class Desired(t.NamedTuple):
    """What a task says of one connection; empty or None is what it leaves out.

    :ivar kind: NO_KIND to delete the connection.
    :ivar values: of all fields that a task may give, by their names.
    :ivar access: principals by relation.
    :ivar option_path: C(connections[3]) in a set.
    """

    name: str
    connection_id: str = ""
    kind: Kind = NO_KIND
    values: t.Mapping[str, t.Any] = MappingProxyType({})
    update_secrets: str = "on_change"
    allow_replace: bool = False
    tags: tuple[str, ...] | None = None
    access: t.Mapping[str, tuple[str, ...]] | None = None
    option_path: str = ""

    def at(self, path: str) -> str:
        """The whole path of an option."""
        return f"{self.option_path}.{path}".lstrip(".")

    @property
    def title(self) -> str:
        return " ".join(filter(None, ["action connection", self.name and repr(self.name), self.connection_id]))

    @property
    def is_present(self) -> bool:
        return self.kind is not NO_KIND

    def missing(self, connection: Connection | None) -> t.Iterator[Problem]:
        """What the task does not give and has to. :param connection: one of this kind."""
        known = connection.parts if connection else {}
        for name, value in self.values.items():
            field, path = self.kind.fields[name], self.at(self.kind.option_path(name))
            if field.required and value is None and connection is None:
                yield path, "is required to create the connection"
            elif connection is None or name not in connection.unlisted:
                for index, (part, text) in enumerate(parts_of({name: value}).items()):
                    if text is None and part not in known:
                        yield f"{path}[{index}].value", "is required, since Datadog has no token of this name"

    def secrets(self) -> dict[str, str]:
        parts = parts_of(self.values).items()
        return {path: text for path, text in parts if text is not None and self.kind.field(path).secret}

    def advice(self, connection: Connection | None) -> t.Iterator[str]:
        parts = parts_of(self.values)
        known = connection.parts if connection and self.values.get("tokens") is None else {}
        tokens = {**known, **parts}
        for path, text in parts.items():
            for advice in self.kind.field(path).advice(path, text, tokens):
                yield f"{self.kind.path}.{path} {advice}"

    def compare(self, connection: Connection | None, sent: t.Container[str]) -> tuple[Json, Json, Json]:
        """Compare with a connection of this kind.

        :param sent: the paths of the secrets to send although they exist.
        :returns: the C(integration) to send, maybe empty, and what the diff shows before and after.
        """
        kind, wanted = self.kind, parts_of(self.values)
        there = dict(connection.parts) if connection else {}
        if connection:
            # If it is unknown which ones exist, those of the task are assumed to.
            there.update((path, SECRET) for path in wanted if kind.field(path).name in connection.unlisted)
        before = kind.hidden(there)
        after, send = dict(before), {}
        for path, text in wanted.items():
            field = kind.field(path)
            is_same = path not in sent if field.secret else there.get(path) == text
            # A flag renews nothing in a new connection.
            if text is None or (path in there and is_same) or (field.renews and not connection):
                continue
            # The diff has to show that a hidden value changes.
            as_hidden = SECRET_SENT if isinstance(before.get(path), HiddenValue) else SECRET
            after[path] = as_hidden if field.hides(path, text) else text
            send[path] = field.sent(value=text) if field.type == "list" else text
        # A header's name in another case replaces it, so that it must not be deleted as well.
        new = {kind.field(path).folded(path) for path in wanted if path not in before}
        for path in before:
            field = kind.field(path)
            if field.type == "list" and self.values[field.name] is not None and path not in wanted:
                del after[path]
                if field.folded(path) not in new:
                    send[path] = field.sent(deleted=True)
        # Whether Datadog keeps the other half of a half-given object is unknown, so send both.
        halves = {kind.field(path).name for path in send if kind.field(path).type == "dict"}
        send.update({path: text for path, text in after.items() if kind.field(path).name in halves})
        body: Json = {}
        if send or connection is None:
            # The specification requires both types even in an update.
            body = {"type": kind.types[0], **kind.shaped(send, "credentials")}
            body["credentials"] = {"type": kind.types[1], **body["credentials"]}
        return body, {kind.keys[0]: kind.shaped(before)}, {kind.keys[0]: kind.shaped(after)}

    def predicted(self, after: Json, connection: Connection | None) -> Json:
        """The integration in the result of a write. :param after: that of compare()."""
        option: Json = without_hidden(after[self.kind.keys[0]])
        inside = option[self.kind.keys[1]]
        renewed = [each.renews for each in self.kind.fields.values() if each.renews and inside.pop(each.name, None)]
        known = connection.generated if connection else {}
        inside.update((name, text) for name, text in known.items() if name not in renewed)
        return option


def shown_tags(tags: t.Sequence[str]) -> Json:
    return {"tags": list(tags)} if tags else {}


def without_hidden(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {k: without_hidden(v) for k, v in value.items() if not isinstance(v, HiddenValue)}
    return [without_hidden(item) for item in value] if isinstance(value, list) else value


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
