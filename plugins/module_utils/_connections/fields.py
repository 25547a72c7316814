# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of fields that integrations and their credentials have.

Each knows its argument spec, what is wrong with a value or missing, how to read an answer, and what has to be sent.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.tidyops.datadog.plugins.module_utils._client import CONTROL_CHARACTERS
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import Problem

from .literal_credentials import (
    is_literal_credential,
)

Problems = t.Iterator[Problem]


class HiddenValue(str):
    """What a diff shows in the place of a secret."""


#: A secret that exists, and one that is about to be sent over it.
SECRET = HiddenValue("(secret)")
SECRET_SENT = HiddenValue("(secret, sent again)")


def without_hidden(value: t.Any) -> t.Any:
    """A copy of what a diff shows, without the places of secrets."""
    if isinstance(value, dict):
        return {k: without_hidden(v) for k, v in value.items() if not isinstance(v, HiddenValue)}
    return [without_hidden(item) for item in value] if isinstance(value, list) else value


class Change(t.NamedTuple):
    """What a request has to carry, and what the diff shows before and after it; None for nothing."""

    send: t.Any
    before: t.Any
    after: t.Any


@dataclass(frozen=True)
class Field:
    """A field of an integration or its credentials. By itself, one that Datadog creates: returned, never accepted.

    :ivar name: the API's name, which is the option's name too.
    """

    name: str

    def option(self) -> dict[str, t.Any] | None:
        """The argument spec; None if a task cannot give it."""
        return None

    def problems(self, path: str, value: t.Any) -> Problems:
        """What is wrong with a given value, as far as it can be known without Datadog."""
        return iter(())

    def missing(self, path: str, value: t.Any, observed: t.Any, exists: bool) -> Problems:
        """What has to be given and is not. C(value) and C(observed) may be None."""
        return iter(())

    def advice(self, path: str, value: t.Any, tokens: t.Container[str]) -> t.Iterator[str]:
        """What is unlikely about a given value, in sentences. :param tokens: the names of the connection's tokens."""
        return iter(())

    def secrets(self, value: t.Any) -> dict[str, str]:
        """The secrets that a task gives, by their paths inside the credentials."""
        return {}

    def read(self, answer: t.Mapping[str, t.Any]) -> t.Any:
        """Take the field out of an answer, whatever that holds. Secrets are left out."""
        value = answer.get(self.name)
        return value if value and isinstance(value, str) else None

    def shown(self, observed: t.Any) -> t.Any:
        """What a result shows of what read() returned."""
        return observed

    def compare(self, desired: t.Any, observed: t.Any, exists: bool, sent: t.Container[str]) -> Change:
        """Compare what a task says, None if nothing, with what read() returned.

        :param sent: the paths of the secrets that have to be sent though the connection has them.
        """
        return Change(None, None, None)


@dataclass(frozen=True)
class Text(Field):
    """A field with a string.

    :ivar required: Datadog wants it on create.
    :ivar secret: Datadog returns C("") for it.
    :ivar pattern: a regular expression for the whole value, with C(expected) in words.
    :ivar unlikely: a regular expression for values that are probably not meant, with C(likely) in words.
    """

    required: bool = False
    secret: bool = False
    multiline: bool = False
    pattern: str = ""
    expected: str = ""
    unlikely: str = ""
    likely: str = ""

    def option(self) -> dict[str, t.Any]:
        # no_log even where it is false: names such as api_key would else be taken for secrets.
        return {"type": "str", "no_log": self.secret}

    def problems(self, path: str, value: str) -> Problems:
        if not value.strip():
            since = "" if self.secret or self.required else ", since Datadog cannot unset it"
            yield path, f"must not be empty; leave it out to keep what Datadog has{since}"
        elif self.pattern and not re.fullmatch(self.pattern, value):
            yield path, f"must be {self.expected}"
        elif not self.multiline and CONTROL_CHARACTERS.search(value):
            yield path, "must not contain line breaks or other control characters"

    def missing(self, path: str, value: t.Any, observed: t.Any, exists: bool) -> Problems:
        if self.required and value is None and not exists:
            yield path, "is required to create the connection"

    def advice(self, path: str, value: str, tokens: t.Container[str]) -> t.Iterator[str]:
        if self.unlikely and re.search(self.unlikely, value):
            yield f"{path} is probably not what Datadog expects: {self.likely}."

    def secrets(self, value: t.Any) -> dict[str, str]:
        return {self.name: value} if self.secret and value is not None else {}

    def read(self, answer: t.Mapping[str, t.Any]) -> t.Any:
        return None if self.secret else super().read(answer)

    def compare(self, desired: t.Any, observed: t.Any, exists: bool, sent: t.Container[str]) -> Change:
        if self.secret:
            before = SECRET if exists else None
            if desired is None or (exists and self.name not in sent):
                return Change(None, before, before)
            return Change(desired, before, SECRET_SENT if exists else SECRET)
        if desired in (None, observed):
            return Change(None, observed, observed)
        return Change(desired, observed, desired)


@dataclass(frozen=True)
class RenewalFlag(Field):
    """A flag in an update that makes Datadog renew a field of its own. :ivar renews: the name of that field."""

    renews: str

    def option(self) -> dict[str, t.Any]:
        return {"type": "bool", "default": False}

    def read(self, answer: t.Mapping[str, t.Any]) -> None:
        return None

    def compare(self, desired: t.Any, observed: t.Any, exists: bool, sent: t.Container[str]) -> Change:
        # A new connection gets a new value anyway.
        return Change(True, None, True) if desired and exists else Change(None, None, None)


@dataclass(frozen=True)
class NamedValues(Field):
    """A list of names and values. Datadog merges it by name; in a task it is the whole list.

    :ivar secret: the values are secret.
    :ivar is_header: two names that differ in case only are the same.
    """

    pattern: str
    expected: str
    secret: bool = False
    is_header: bool = False

    def option(self) -> dict[str, t.Any]:
        # A token without a value means: it exists, keep it.
        options: dict[str, t.Any] = {
            "name": {"type": "str", "required": True},
            "value": {"type": "str", "required": not self.secret, "no_log": self.secret},
        }
        return {"type": "list", "elements": "dict", "no_log": False, "options": options}

    def problems(self, path: str, value: t.Any) -> Problems:
        seen: dict[str, int] = {}
        for index, (name, text) in enumerate(map(_pair, value)):
            here = f"{path}[{index}]"
            if not re.fullmatch(self.pattern, name):
                yield f"{here}.name", f"must be {self.expected}"
            first = seen.setdefault(self._folded(name), index)
            if first != index:
                case = ", or in case only" if self.is_header else ""
                problem = f"differs from that of {path}[{first}] in nothing{case}; leave one out"
                yield f"{here}.name", problem
            if self.secret and text is not None and not text.strip():
                yield f"{here}.value", "must not be empty; leave it out to keep what Datadog has"
            elif not self.secret and CONTROL_CHARACTERS.search(text):
                yield f"{here}.value", "must not contain line breaks or other control characters"

    def missing(self, path: str, value: t.Any, observed: t.Any, exists: bool) -> Problems:
        if exists and observed is None:
            # Datadog does not show which ones exist.
            return
        for index, (name, text) in enumerate(map(_pair, value or [])):
            if text is None and name not in dict(map(_pair, observed or [])):
                problem = "is required, since Datadog has no value of this name"
                yield f"{path}[{index}].value", problem

    def advice(self, path: str, value: t.Any, tokens: t.Container[str]) -> t.Iterator[str]:
        for name, text in () if self.secret else map(_pair, value):
            if is_literal_credential(name, text):
                yield (
                    f"{path}.{name} seems to carry a credential in clear text, which Datadog shows to everybody who may see"
                    " the connection. Put it into tokens, and refer to the token by !unsafe '{{ name }}'."
                )
            yield from _unknown_tokens(f"{path}.{name}", text, tokens)

    def secrets(self, value: t.Any) -> dict[str, str]:
        pairs = map(_pair, value or []) if self.secret else ()
        return {f"{self.name}.{name}": text for name, text in pairs if text is not None}

    def read(self, answer: t.Mapping[str, t.Any]) -> list[dict[str, str]] | None:
        """:returns: None where the answer leaves the list out, which is known of secret ones only."""
        # What is sent as tokens comes back as http_tokens, and used to come back as tokens.
        found = answer.get(self.name) or answer.get(f"http_{self.name}", answer.get(self.name))
        if not isinstance(found, list):
            return None if self.secret else []
        parts = ("name",) if self.secret else ("name", "value")
        entries = [entry for entry in found if isinstance(entry, dict)]
        return [{part: str(entry.get(part) or "") for part in parts} for entry in entries]

    def shown(self, observed: t.Any) -> t.Any:
        """Credentials in clear text are left out, as secrets are."""
        return observed and [
            {"name": name} if self._hides(name, text) else {"name": name, "value": text}
            for name, text in map(_pair, observed)
        ]

    def compare(self, desired: t.Any, observed: t.Any, exists: bool, sent: t.Container[str]) -> Change:
        # Where Datadog does not show which ones exist, those of the task are assumed to.
        there = dict(map(_pair, (desired if observed is None and exists else observed) or []))
        before = {n: SECRET if self._hides(n, v) else str(v) for n, v in there.items()}
        if desired is None:
            return Change(None, _entries(before), _entries(before))
        wanted = dict(map(_pair, desired))
        after = {name: shown for name, shown in before.items() if name in wanted}
        constant = {"type": "SECRET"} if self.secret else {}
        send: list[dict[str, t.Any]] = []
        for name, value in wanted.items():
            is_same = f"{self.name}.{name}" not in sent if self.secret else there.get(name) == value
            if value is None or (name in there and is_same):
                continue
            send.append({"name": name, **constant, "value": value})
            # That a hidden value changes has to show.
            hidden = SECRET_SENT if isinstance(before.get(name), HiddenValue) else SECRET
            after[name] = hidden if self._hides(name, value) else value
        # A name in another case is changed by sending it, and not deleted beside that.
        new = {self._folded(name) for name in wanted if name not in there}
        # The specification wants a value with every token, even with one that is to be deleted.
        no_value = {"value": ""} if self.secret else {}
        send += [
            {"name": name, **constant, **no_value, "deleted": True}
            for name in there
            if name not in wanted and self._folded(name) not in new
        ]
        return Change(send or None, _entries(before), _entries(after))

    def _folded(self, name: str) -> str:
        return name.lower() if self.is_header else name

    def _hides(self, name: str, value: t.Any) -> bool:
        return self.secret or is_literal_credential(name, value)


@dataclass(frozen=True)
class Group(Field):
    """An object of strings. What the task leaves out of it is left alone."""

    fields: tuple[Text, ...]

    def option(self) -> dict[str, t.Any]:
        return {"type": "dict", "options": {field.name: field.option() for field in self.fields}}

    def problems(self, path: str, value: t.Any) -> Problems:
        for field in self.fields:
            if value[field.name] is not None:
                yield from field.problems(f"{path}.{field.name}", value[field.name])

    def advice(self, path: str, value: t.Any, tokens: t.Container[str]) -> t.Iterator[str]:
        for name, text in value.items():
            yield from _unknown_tokens(f"{path}.{name}", text or "", tokens)

    def read(self, answer: t.Mapping[str, t.Any]) -> dict[str, str] | None:
        value = answer.get(self.name)
        found = {f.name: f.read(value) for f in self.fields} if isinstance(value, dict) else {}
        return {name: text for name, text in found.items() if text is not None} or None

    def compare(self, desired: t.Any, observed: t.Any, exists: bool, sent: t.Container[str]) -> Change:
        given = {name: value for name, value in (desired or {}).items() if value is not None}
        # Whether Datadog keeps the other half of a half-given object is not known; it gets both.
        merged = {**(observed or {}), **given}
        if not given or merged == observed:
            return Change(None, observed, observed)
        return Change(merged, observed, merged)


def _pair(entry: t.Mapping[str, t.Any]) -> tuple[str, t.Any]:
    return entry["name"], entry.get("value")


def _entries(values: dict[str, str]) -> list[dict[str, str]] | None:
    return [{"name": name, "value": value} for name, value in values.items()] or None


def _unknown_tokens(path: str, text: str, tokens: t.Container[str]) -> t.Iterator[str]:
    for name in dict.fromkeys(re.findall(r"{{\s*([A-Za-z][A-Za-z0-9]*)\s*}}", text)):
        if name not in tokens:
            yield f"{path} refers to the token {name!r}, which the connection does not have."
