# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Strategies for any task that the modules accept, made from the catalogue, and what Datadog then holds."""

from __future__ import annotations

import os
import typing as t

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from ansible_collections.tidyops.datadog.plugins.module_utils._connections import catalogue
from ansible_collections.tidyops.datadog.plugins.module_utils._input import FREE_TEXTS
from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY

#: How many examples of each property to try instead of a few, other ones each time.
_ASKED_FOR = os.environ.get("PROPERTY_EXAMPLES")


def examples(few: int) -> settings:
    """How a property is tested. :param few: how many examples there are unless PROPERTY_EXAMPLES asks for more."""
    return settings(
        max_examples=int(_ASKED_FOR or few),
        derandomize=not _ASKED_FOR,
        # ansible-test runs each test in a fork, and nobody would find its examples again.
        database=None,
        deadline=None,
        suppress_health_check=[
            # Each example begins with an empty organization.
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
        ],
    )


#: What is written differently, or means something, in Jinja, JSON, YAML, XML, URLs, shells, headers or paths.
SPICES = (
    "{{ name }}", "{% raw %}", "]]>", "'", '"', "\\", "\\u0041", "ü", "é", "🦄", "\x85", "%2F", "..", "/", "?", "#",
    "&", "=", ":", ",", " ", "~", "$HOME", "!unsafe", "null", "0123", "(secret)",
)  # fmt: skip
BREAKS = ("\n", "\r\n", "\t", "\x00", "\x1b[31m")
#: What is refused but in free texts.
INVISIBLE = ("\u2028", "\u202e", "\u200b", "\u00a0")
#: Categories of such characters: without a width, separators, and halves of characters.
_INVISIBLE: tuple[t.Any, ...] = ("Cf", "Cs", "Zl", "Zp", "Zs")


def _texts(*spices: str, categories: t.Collection[t.Any]) -> st.SearchStrategy[str]:
    """:param categories: those of Unicode that do not occur but in the spices."""
    characters = st.characters(exclude_categories=categories, exclude_characters="\x7f")
    parts = st.lists(st.one_of(characters, st.sampled_from(spices)), min_size=1, max_size=6)
    return parts.map("".join).filter(lambda text: bool(text.strip()) and "*" * 8 not in text)


def _trimmed(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return texts.filter(lambda text: text == text.strip())


#: Texts in one line, and in several; what is free may have blanks at its ends and invisible characters.
LINES = _trimmed(_texts(*SPICES, categories=("Cc", *_INVISIBLE)))
FREE_LINES = _texts(*SPICES, *INVISIBLE, categories=("Cc", "Cs"))
SEVERAL_LINES = _trimmed(_texts(*SPICES, *BREAKS, categories=_INVISIBLE))
FREE_TEXT = _texts(*SPICES, *INVISIBLE, *BREAKS, categories=("Cs",))
_WORD = st.characters(exclude_categories=["Cc", *_INVISIBLE], exclude_characters=",/@")
HANDLES = st.text(_WORD, min_size=1, max_size=6)
#: GitHub's names have one case.
CONNECTED_TEAMS = st.tuples(HANDLES, HANDLES).map(lambda names: ("@" + "/".join(names)).lower())
TAGS = st.lists(st.sampled_from(["env:prod", "env:test", "team:a-b", "a1/b:c_d"]), unique=True, max_size=3)


def secrets(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Secrets in which every part has the mark that tests search for; some are very long."""
    parts = st.lists(texts.map(CANARY.__add__), min_size=1, max_size=3).map("".join)
    return st.one_of(parts, parts.map(lambda secret: secret + CANARY * 5000))


class Kind(t.NamedTuple):
    """One of the kinds of credentials in the catalogue."""

    entry: catalogue.Kind

    @property
    def fields(self) -> list[catalogue.Field]:
        """Those that say what the connection is to be; a flag says what is to be done, each time."""
        return [field for field in self.entry.fields.values() if field.type not in ("", "bool")]

    @property
    def secrets(self) -> set[str]:
        """The names of the fields that are secret, or hold secrets."""
        return {field.name for field in self.fields if field.secret}

    def options(self, values: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """The integration's option, of values by the names of fields."""
        beside = {field.name for field in self.fields if field.beside}
        inside = {name: value for name, value in values.items() if name not in beside}
        outside = {name: value for name, value in values.items() if name in beside}
        return {self.entry.keys[0]: {**outside, self.entry.keys[1]: inside}}


KINDS = [Kind(entry) for entry in catalogue.KINDS.values()]
_SOMETIMES = st.sampled_from([False, False, False, True])
#: Most kinds are a single secret; those with more to go wrong come more often.
_ANY_KIND = st.sampled_from([kind for kind in KINDS for _time in range(len(kind.fields) ** 2)])


class Given(t.NamedTuple):
    """What a task gives of a connection. :ivar tags: None if it leaves them out."""

    name: str
    kind: Kind
    values: t.Mapping[str, t.Any]
    tags: list[str] | None

    @property
    def options(self) -> dict[str, t.Any]:
        tags = {} if self.tags is None else {"tags": self.tags}
        return {"name": self.name, **tags, **self.kind.options(self.values)}


class Change(t.NamedTuple):
    """What tasks give of a connection first, and then. None: nothing."""

    name: str
    before: Given | None
    after: Given | None


class Held(t.NamedTuple):
    """What Datadog holds of a connection.

    :ivar values: by paths like C(role), C(body.content) and C(tokens.name); secrets too.
    """

    kind: Kind
    values: dict[str, str]
    tags: list[str]

    def part(self, secret: bool) -> dict[str, str]:
        """Only what is secret, or only what is not."""
        names = self.kind.secrets
        return {path: value for path, value in self.values.items() if (_top(path) in names) is secret}


def by_paths(values: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The texts in what a task gives or Datadog answers, by their paths."""
    found: dict[str, t.Any] = {}
    for name, value in values.items():
        if isinstance(value, list):
            found.update({f"{name}.{entry['name']}": entry.get("value") for entry in value})
        elif isinstance(value, dict):
            found.update({f"{name}.{path}": text for path, text in by_paths(value).items()})
        else:
            found[name] = value
    return found


def held_after(before: Held | None, given: Given, sends_secrets: bool) -> Held:
    """What Datadog is to hold after a task.

    :param sends_secrets: whether it replaces secrets that exist.
    """
    kind = given.kind
    there = before.values if before and before.kind == kind else {}
    # A list is the whole list; all else that is left out is left alone.
    lists = {name for name, value in given.values.items() if isinstance(value, list)}
    named = by_paths(given.values)
    kept = {path: text for path, text in there.items() if path in named or _top(path) not in lists}
    sent = {path: text for path, text in named.items() if text is not None}
    if there and not sends_secrets:
        # Where there is no token, Datadog's answer does not say so, and those of the task are assumed to exist.
        shown = {_top(path) for path in there}
        sent = {
            path: text
            for path, text in sent.items()
            if _top(path) not in kind.secrets or (path not in kept and _top(path) in shown)
        }
    old_tags = before.tags if before else []
    return Held(kind, {**kept, **sent}, old_tags if given.tags is None else given.tags)


def _top(path: str) -> str:
    """The name of the field that a path leads into."""
    return path.split(".")[0]


@st.composite
def _named_values(draw: st.DrawFn, field: catalogue.Field, known: list[str]) -> list[dict[str, t.Any]]:
    names = st.from_regex(field.pattern, fullmatch=True)
    either = st.one_of(names, st.sampled_from(known or ["x"]))
    chosen = draw(st.lists(either, unique_by=str.lower if field.is_header else lambda name: name, max_size=3))
    values = secrets(SEVERAL_LINES) if field.secret else st.one_of(st.just(""), LINES)
    entries = []
    for name in chosen:
        may_be_kept = field.secret and name in known
        value = draw(st.one_of(st.none(), values) if may_be_kept else values)
        entries.append({"name": name, "value": value})
    return entries


def _values(field: catalogue.Field, before: t.Any) -> st.SearchStrategy[t.Any]:
    """What a task may give for a field.

    :param before: what was given before, or None.
    """
    if field.type == "list":
        return _named_values(field, [entry["name"] for entry in before or []])
    if field.type == "dict":
        parts = {part.name: _values(part, None) for part in field.fields}
        return st.fixed_dictionaries({}, optional=parts)
    if field.name == "base_url":
        return _trimmed(HANDLES.map("https://example.com/".__add__))
    if field.pattern:
        return st.from_regex(field.pattern, fullmatch=True)
    lines, several = (FREE_LINES, FREE_TEXT) if field.name in FREE_TEXTS else (LINES, SEVERAL_LINES)
    texts = several if field.multiline else lines
    return secrets(texts) if field.secret else texts


@st.composite
def tasks(draw: st.DrawFn, name: str, kind: Kind, before: Given | None = None) -> Given:
    """What a task may give of a connection that does not exist, or of one of the same kind."""
    values: dict[str, t.Any] = {}
    for field in kind.fields:
        given = before.values.get(field.name) if before else None
        is_needed = not before and field.required
        if not is_needed and draw(_SOMETIMES):
            continue
        is_same = given is not None and draw(_SOMETIMES)
        values[field.name] = given if is_same else draw(_values(field, given))
    return Given(name, kind, values, draw(st.one_of(st.none(), TAGS)))


@st.composite
def _changes(draw: st.DrawFn, name: str) -> Change:
    kind = draw(_ANY_KIND)
    before = draw(st.one_of(tasks(name, kind), st.none()))
    if before and not draw(_SOMETIMES):
        return Change(name, before, draw(st.one_of(tasks(name, kind, before), st.none())))
    after = draw(_ANY_KIND.flatmap(lambda other: tasks(name, other)))
    return Change(name, before, after)


@st.composite
def changes(draw: st.DrawFn, max_size: int = 4) -> list[Change]:
    """From any set of connections to any other."""
    names = draw(st.lists(LINES, unique=True, max_size=max_size))
    return [draw(_changes(name)) for name in names]
