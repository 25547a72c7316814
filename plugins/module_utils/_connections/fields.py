# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of integrations and their credentials."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.tidyops.datadog.plugins.module_utils._client import CONTROL_CHARACTERS, Json, as_object
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import Problem

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


@dataclass(frozen=True)
class Field:
    """A field, and the option of the same name.

    :ivar type: C(str); C(dict) of C(fields); C(list) of names and values; C(bool), which makes Datadog renew the field C(renews);
        empty if Datadog generates it and tasks cannot give it.
    :ivar pattern: what values, or the names in a list, must match; C(expected): in words; C(unlikely): what gets a warning.
    :ivar beside: whether it stands beside the credentials, not in them.
    :ivar is_header: the case of the names in a list is ignored.
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
        if self.type == "list":
            value = {"type": "str", "required": not self.secret, "no_log": self.secret}
            options = {"name": {"type": "str", "required": True}, "value": value}
            return {"type": "list", "elements": "dict", "no_log": False, "options": options}
        # Without no_log, Ansible takes names such as api_key for secrets.
        return {"type": "str", "no_log": self.secret}

    def problems(self, path: str, value: t.Any) -> t.Iterator[Problem]:
        """What is wrong with the value in a task, as far as it can be known without Datadog."""
        if self.type == "dict" and value is not None:
            for field in self.fields:
                yield from field.problems(f"{path}.{field.name}", value[field.name])
        elif self.type == "list":
            yield from self._problems_of_list(path, value or [])
        elif self.type == "str" and value is not None:
            if not value.strip():
                yield path, _EMPTY
            elif self.pattern and not re.fullmatch(self.pattern, value):
                yield path, f"must be {self.expected}"
            elif not self.multiline and CONTROL_CHARACTERS.search(value):
                yield path, _CONTROL

    def _problems_of_list(self, path: str, value: t.Any) -> t.Iterator[Problem]:
        seen: dict[str, int] = {}
        for index, entry in enumerate(value):
            here, name, text = f"{path}[{index}]", entry["name"], entry["value"]
            if not re.fullmatch(self.pattern, name):
                yield f"{here}.name", f"must be {self.expected}"
            first = seen.setdefault(self.folded(name), index)
            if first != index:
                case = " (case is ignored)" if self.is_header else ""
                yield f"{here}.name", f"is the same as {path}[{first}].name{case}; remove one"
            if self.secret and text is not None and not text.strip():
                yield f"{here}.value", _EMPTY
            elif not self.secret and CONTROL_CHARACTERS.search(text):
                yield f"{here}.value", _CONTROL

    def read(self, answer: Json) -> t.Any:
        """The value in a response, which may contain anything; None if there is none. Secrets are hidden."""
        value = answer.get(self.name)
        if self.type == "list":
            # What is sent as tokens comes back as http_tokens, and in older recordings as tokens.
            value = value or answer.get(f"http_{self.name}", value)
            entries = [each for each in map(as_object, value if isinstance(value, list) else []) if each]
            texts = [{key: str(each.get(key) or "") for key in ("name", "value")} for each in entries]
            hidden = {"value": SECRET} if self.secret else {}
            return [{**each, **hidden} for each in texts] if isinstance(value, list) else None
        if self.type == "dict":
            return {field.name: field.read(as_object(value)) for field in self.fields}
        if self.secret:
            return SECRET
        return value if isinstance(value, str) and self.type != "bool" else None

    def hides(self, path: str, text: t.Any) -> bool:
        """Whether a part of its value is not shown: a secret, or what looks like one in a header or URL parameter."""
        if self.secret or self.type != "list":
            return self.secret
        # Words in appKey are told apart as in app-key.
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", path.partition(".")[2])
        rest, references = _REFERENCE.subn("", text)
        is_literal = not references or re.search(r"\w{4}", _HARMLESS.sub("", rest))
        is_telling = _TELLING_NAME.search(name) or _TELLING_VALUE.match(text)
        return bool(text.strip() and is_literal and is_telling)

    def advice(self, path: str, text: t.Any, tokens: t.Container[str]) -> t.Iterator[str]:
        """What is unlikely about a part of its value. :param tokens: the paths of the connection's tokens."""
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
        """An entry of a list, without its name, as it is sent."""
        # The specification requires both with every token, even with one to delete.
        return {"type": "SECRET", "value": "", **entry} if self.secret else entry

    def folded(self, name: str) -> str:
        return name.lower() if self.is_header else name
