# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of fields that integrations and their credentials have.

Values are handled as their parts: the strings in them, by paths like C(role) and C(tokens.name).
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.tidyops.datadog.plugins.module_utils._client import CONTROL_CHARACTERS, Json, as_object
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import Problem

Problems = t.Iterator[Problem]
Parts = dict[str, t.Any]

_EMPTY = "must not be empty, since Datadog cannot unset it; leave it out to keep the current value"
_CONTROL = "must not contain line breaks or other control characters"
#: Names and values of headers and URL parameters that contain a credential. Names: words anywhere, as a part between
#: hyphens, or alone. Values: schemes (U(https://www.iana.org/assignments/http-authschemes/) and others), URLs with a password.
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


def without_hidden(value: t.Any) -> t.Any:
    """A copy without hidden values."""
    if isinstance(value, dict):
        return {k: without_hidden(v) for k, v in value.items() if not isinstance(v, HiddenValue)}
    return [without_hidden(item) for item in value] if isinstance(value, list) else value


@dataclass(eq=False, repr=False)
class Field:
    """A field. Of this class itself: one that Datadog generates and tasks cannot give.

    :ivar pattern: what values (or names) must match; C(unlikely): what gets a warning; C(expected): in words.
    :ivar is_header: the case of names is ignored.
    :ivar renews: the field that a flag renews.
    """

    name: str
    expected: str = ""
    pattern: str = ""
    unlikely: str = ""
    required: bool = False
    secret: bool = False
    multiline: bool = False
    is_header: bool = False
    renews: str = ""
    fields: tuple[Field, ...] = ()

    def option(self) -> Json | None:
        """The argument spec; None if tasks cannot give it."""
        return None

    def problems(self, path: str, value: t.Any) -> Problems:
        """What is wrong with the value in a task."""
        return iter(())

    def parts(self, value: t.Any) -> Parts:
        """The parts of the value in a task. A secret that is None keeps its value."""
        return {self.name: value} if value and isinstance(value, str) else {}

    def read(self, answer: Json) -> Parts | None:
        """The parts in a response, which may contain anything; None if it does not show which ones exist."""
        return {self.name: SECRET} if self.secret else self.parts(answer.get(self.name))

    def whole(self, parts: Parts) -> t.Any:
        """The value that has these parts; None if there are none."""
        return parts.get(self.name)

    def hides(self, path: str, text: t.Any) -> bool:
        return self.secret

    def hidden(self, parts: Parts) -> Parts:
        return {path: SECRET if self.hides(path, text) else text for path, text in parts.items()}

    def advice(self, kind: str, value: t.Any, tokens: t.Container[str]) -> t.Iterator[str]:
        """Warnings about the value in a task. :param tokens: the paths of the connection's tokens."""
        for path, text in self.parts(value).items():
            if self.unlikely and re.search(self.unlikely, text):
                yield f"{kind}.{path} is probably wrong. Datadog expects {self.expected}."
            if path == self.name or self.secret:
                continue
            if self.hides(path, text):
                yield (
                    f"{kind}.{path} seems to contain a credential, and Datadog shows it to everyone who can view the"
                    " connection. Move it to tokens, and refer to the token with !unsafe '{{ name }}'."
                )
            for token in dict.fromkeys(_REFERENCE.findall(text)):
                if f"tokens.{token}" not in tokens:
                    yield f"{kind}.{path} refers to the token {token!r}, which the connection does not have."

    def compare(self, value: t.Any, there: Parts | None, sent: t.Container[str]) -> tuple[Parts, Parts, Parts]:
        """The parts to send, and those that the diff shows before and after.

        :param value: that of the task. :param there: what read() returned.
        :param sent: the paths of the secrets to send although they exist.
        """
        wanted, send = self.parts(value), {}
        # If it is unknown which ones exist, those of the task are assumed to.
        there = dict.fromkeys(wanted, SECRET) if there is None else there
        before = self.hidden(there)
        after = dict(before)
        for path, text in wanted.items():
            is_same = path not in sent if self.secret else there.get(path) == text
            if text is not None and not (path in there and is_same):
                send[path] = text
                # The diff has to show that a hidden value changes.
                hidden = SECRET_SENT if isinstance(before.get(path), HiddenValue) else SECRET
                after[path] = hidden if self.hides(path, text) else text
        # Whether Datadog keeps the other half of a half-given object is unknown, so send both.
        return after if send and self.fields else send, before, after


class Text(Field):
    """A string."""

    def option(self) -> Json:
        # Without no_log, Ansible takes names such as api_key for secrets.
        return {"type": "str", "no_log": self.secret}

    def problems(self, path: str, value: str) -> Problems:
        if not value.strip():
            yield path, _EMPTY
        elif self.pattern and not re.fullmatch(self.pattern, value):
            yield path, f"must be {self.expected}"
        elif not self.multiline and CONTROL_CHARACTERS.search(value):
            yield path, _CONTROL


class RenewalFlag(Field):
    """A flag in an update that makes Datadog generate a field anew."""

    def option(self) -> Json:
        return {"type": "bool", "default": False}

    def parts(self, value: t.Any) -> Parts:
        return {self.name: True} if value else {}

    def read(self, answer: Json) -> Parts | None:
        return {}


class NamedValues(Field):
    """A list of names and values. An update merges it by name; in a task it is the whole list."""

    def option(self) -> Json:
        value = {"type": "str", "required": not self.secret, "no_log": self.secret}
        options = {"name": {"type": "str", "required": True}, "value": value}
        return {"type": "list", "elements": "dict", "no_log": False, "options": options}

    def problems(self, path: str, value: t.Any) -> Problems:
        seen: dict[str, int] = {}
        for index, entry in enumerate(value):
            here, name, text = f"{path}[{index}]", entry["name"], entry["value"]
            if not re.fullmatch(self.pattern, name):
                yield f"{here}.name", f"must be {self.expected}"
            first = seen.setdefault(self._folded(name), index)
            if first != index:
                case = " (case is ignored)" if self.is_header else ""
                yield f"{here}.name", f"is the same as {path}[{first}].name{case}; remove one"
            if self.secret and text is not None and not text.strip():
                yield f"{here}.value", _EMPTY
            elif not self.secret and CONTROL_CHARACTERS.search(text):
                yield f"{here}.value", _CONTROL

    def parts(self, value: t.Any) -> Parts:
        return {f"{self.name}.{entry['name']}": entry["value"] for entry in value or []}

    def read(self, answer: Json) -> Parts | None:
        # What is sent as tokens comes back as http_tokens, and in older recordings as tokens.
        found = answer.get(self.name) or answer.get(f"http_{self.name}", answer.get(self.name))
        if not isinstance(found, list):
            return None if self.secret else {}
        entries = [
            {k: str(entry.get(k) or "") for k in ("name", "value")} for entry in found if isinstance(entry, dict)
        ]
        return dict.fromkeys(self.parts(entries), SECRET) if self.secret else self.parts(entries)

    def whole(self, parts: Parts) -> t.Any:
        entries = [part if isinstance(part, dict) else {"value": part} for part in parts.values()]
        return [{"name": _name(path), **entry} for path, entry in zip(parts, entries)] or None

    def hides(self, path: str, text: t.Any) -> bool:
        # Words in appKey are told apart as in app-key.
        name, text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", _name(path)), str(text)
        rest, references = _REFERENCE.subn("", text)
        is_literal = not references or re.search(r"\w{4}", _HARMLESS.sub("", rest))
        is_telling = _TELLING_NAME.search(name) or _TELLING_VALUE.match(text)
        return self.secret or bool(text.strip() and is_literal and is_telling)

    def compare(self, value: t.Any, there: Parts | None, sent: t.Container[str]) -> tuple[Parts, Parts, Parts]:
        send, before, after = super().compare(value, there, sent)
        wanted = before if value is None else self.parts(value)
        # The specification requires a type and a value with every token, even with one to delete.
        constant = {"type": "SECRET", "value": ""} if self.secret else {}
        send = {path: {**constant, "value": text} for path, text in send.items()}
        # A header's name in another case replaces it, so that it must not be deleted as well.
        new = {self._folded(path) for path in wanted if path not in before}
        for path in before:
            if path not in wanted:
                del after[path]
                if self._folded(path) not in new:
                    send[path] = {**constant, "deleted": True}
        return send, before, after

    def _folded(self, name: str) -> str:
        return name.lower() if self.is_header else name


class Group(Field):
    """An object of strings. What a task leaves out of it is left alone."""

    def option(self) -> Json:
        return {"type": "dict", "options": {field.name: field.option() for field in self.fields}}

    def problems(self, path: str, value: t.Any) -> Problems:
        for field in self.fields:
            if value[field.name] is not None:
                yield from field.problems(f"{path}.{field.name}", value[field.name])

    def parts(self, value: t.Any) -> Parts:
        return {f"{self.name}.{f.name}": value[f.name] for f in self.fields if f.read(as_object(value))}

    def whole(self, parts: Parts) -> t.Any:
        return {_name(path): text for path, text in parts.items()} or None


def _name(path: str) -> str:
    return path.partition(".")[2]
