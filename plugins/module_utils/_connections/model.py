# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An action connection, as a task wants it and as Datadog returns it."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta
from types import MappingProxyType

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Json, as_object, value_at
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import Problem

from .catalogue import KINDS, SECRET, SECRET_SENT, HiddenValue, Kind, Parts, parts_of

PATH = "/api/v2/actions/connections"
#: That of a connection which the task wants to be deleted.
NO_KIND = Kind(("", ""), ("", ""), {})


class Connection(t.NamedTuple):
    """A connection as Datadog returns it, or would return it.

    :ivar types: of integration and credentials; may be empty or unknown.
    :ivar parts: of the fields that tasks can give, with secrets hidden; C(generated): the other fields.
    :ivar unlisted: the fields of which the response does not show which parts exist.
    """

    connection_id: str
    name: str
    types: tuple[str, str]
    parts: Parts = MappingProxyType({})
    generated: Parts = MappingProxyType({})
    tags: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    created_at: str | None = None
    last_updated: str | None = None
    created_by: str | None = None

    @classmethod
    def of(cls, data: Json) -> Connection:
        """:param data: that of a response, or a row of the list. It may contain anything beside its id."""
        attributes = as_object(data.get("attributes"))
        beside = as_object(attributes.get("integration"))
        inside = as_object(beside.get("credentials"))
        types = _text(beside.get("type")), _text(inside.get("type"))
        fields = KINDS.get(types, NO_KIND).fields
        values = {field.name: field.read(beside if field.beside else inside) for field in fields.values()}
        creator = value_at(data, "relationships.created_by.data.id") or value_at(attributes, "created_by.id")
        tags = attributes.get("tags")
        return cls(
            data["id"].lower(),
            _text(attributes.get("name")),
            types,
            parts_of({name: value for name, value in values.items() if fields[name].type}),
            {name: value for name, value in values.items() if value and not fields[name].type},
            tuple(map(str, tags)) if isinstance(tags, list) else (),
            tuple(name for name, value in values.items() if value is None and fields[name].secret),
            iso8601(attributes.get("created_at")),
            iso8601(attributes.get("last_updated")),
            _text(creator) or None,
        )

    @property
    def path(self) -> str:
        """That of the credentials' option, like C(aws.assume_role); the types where there is none."""
        return KINDS[self.types].path if self.types in KINDS else "/".join(self.types)

    @property
    def policy_id(self) -> str:
        return f"connection:{self.connection_id}"

    @property
    def known_paths(self) -> t.Collection[str] | None:
        """The paths of its parts; None where the response does not show all."""
        return None if self.unlisted else self.parts

    def moved_since(self, last_updated: str | None) -> bool:
        """Whether it was edited after C(last_updated); None if that is when it was created."""
        expected = last_updated or self.created_at
        return bool(expected and self.last_updated) and not _same_time(expected, self.last_updated)

    def result(self) -> Json:
        return {
            "connection_id": self.connection_id or None,
            "name": self.name,
            "tags": list(self.tags),
            **without_hidden(self._integration({**self.parts, **self.generated}, flags=False)),
            "created_at": self.created_at,
            "last_updated": self.last_updated,
            "created_by": self.created_by,
        }

    def shown(self, access: Json) -> Json:
        """What a diff shows. :param access: that, too."""
        tags = {"tags": list(self.tags)} if self.tags else {}
        return {"name": self.name, **tags, **access, **self._integration(self.parts)}

    def options(self, access: Json) -> Json:
        """The options of a task that creates it, without secrets."""
        options: Json = without_hidden(self.shown(access))
        return options

    def _integration(self, parts: Parts, flags: bool = True) -> Json:
        kind = KINDS.get(self.types)
        if not kind:
            return {}
        shown = {path: text for path, text in kind.hidden(parts).items() if flags or not kind.field(path).renews}
        return {kind.keys[0]: kind.shaped(shown)}


class Desired(t.NamedTuple):
    """What a task says of one connection; empty or None is what it leaves out.

    :ivar kind: NO_KIND to delete the connection.
    :ivar parts: None is a token without a value. :ivar given: the names of the fields that the task gives.
    :ivar access: principals by relation.
    :ivar option_path: C(connections[3]) in a set.
    """

    name: str
    connection_id: str = ""
    kind: Kind = NO_KIND
    parts: Parts = MappingProxyType({})
    given: frozenset[str] = frozenset()
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
        for name, field in self.kind.fields.items():
            path = self.at(self.kind.option_path(name))
            if field.required and connection is None and name not in self.given:
                yield path, "is required to create the connection"
            elif connection is None or name not in connection.unlisted:
                inside = [part for part in self.parts if part.startswith(f"{name}.")]
                for index, part in enumerate(inside):
                    if self.parts[part] is None and not (connection and part in connection.parts):
                        yield f"{path}[{index}].value", "is required, since Datadog has no token of this name"

    def secrets(self) -> dict[str, str]:
        parts = self.parts.items()
        return {path: text for path, text in parts if text is not None and self.kind.field(path).secret}

    def advice(self, connection: Connection | None) -> t.Iterator[str]:
        known = connection.parts if connection and "tokens" not in self.given else {}
        for path, text in self.parts.items():
            for advice in self.kind.field(path).advice(path, text, {**known, **self.parts}):
                yield f"{self.kind.path}.{path} {advice}"

    def compare(
        self, connection: Connection | None, name: str, sent: t.Container[str]
    ) -> tuple[Json, Connection, Connection]:
        """:param connection: one of this kind. :param name: the new one. :param sent: the paths of secrets to send again.

        :returns: the C(attributes) to send, empty if nothing differs, and what the diff shows before and after.
        """
        kind, wanted = self.kind, self.parts
        found = connection or Connection("", "", kind.types)
        # If it is unknown which ones exist, those of the task are assumed to.
        assumed = {path: SECRET for path in wanted if kind.field(path).name in found.unlisted}
        there = {**found.parts, **assumed}
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
            if field.type == "list" and field.name in self.given and path not in wanted:
                del after[path]
                if field.folded(path) not in new:
                    send[path] = field.sent(deleted=True)
        # Whether Datadog keeps the other half of a half-given object is unknown, so send both.
        halves = {kind.field(path).name for path in send if kind.field(path).type == "dict"}
        send.update({path: text for path, text in after.items() if kind.field(path).name in halves})
        tags = found.tags if self.tags is None or set(self.tags) == set(found.tags) else self.tags
        body: Json = {} if name == found.name else {"name": name}
        if tags != found.tags:
            body["tags"] = list(tags)
        if send or connection is None:
            # The specification requires both types even in an update.
            integration = {"type": kind.types[0], **kind.shaped(send, "credentials")}
            integration["credentials"] = {"type": kind.types[1], **integration["credentials"]}
            body["integration"] = integration
        renewed = {kind.field(path).renews for path in send}
        generated = {name: text for name, text in found.generated.items() if name not in renewed}
        shown = found._replace(name=name, tags=tags, parts=after, generated=generated)
        return body, found._replace(parts=before), shown


def without_hidden(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {k: without_hidden(v) for k, v in value.items() if not isinstance(v, HiddenValue)}
    return [without_hidden(item) for item in value] if isinstance(value, list) else value


def _same_time(*written: str | None) -> bool:
    """Whether two times differ by a millisecond at most, since answers may be rounded in different ways."""
    try:
        one, other = (datetime.fromisoformat(str(each).replace("Z", "+00:00")) for each in written)
        return abs(one - other) <= timedelta(milliseconds=1)
    except (TypeError, ValueError):
        # A person may have edited the registry.
        return False


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
