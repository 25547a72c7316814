# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the options of a task, as they are before Ansible converts them.

Ansible accepts much that cannot be meant: it takes the number that YAML makes of C(0123) for a text, and what C(no_log) has
masked in the result of another task for a value. Its own errors show values, and do not say in which entry of a list they
are. So everything is checked here, with the path of each option, and nothing that may be secret is shown.
"""

from __future__ import annotations

import re
import typing as t
import unicodedata
from collections.abc import Mapping

from ._errors import Problem

Spec = t.Mapping[str, t.Any]

#: What Ansible, and AWX for the answers of a survey, show in the place of a secret.
MASKED = re.compile(r"\*{8}|VALUE_SPECIFIED_IN_NO_LOG_PARAMETER|\$encrypted\$")
#: Options whose text is free: blanks, line breaks and invisible characters may be meant.
FREE_TEXTS = ("content", "private_key", "password", "api_password")
#: Options for which a number is as good as its digits: their pattern is checked later.
DIGITS = ("account_id",)


def problems_of(spec: Spec, given: Mapping[str, t.Any], inside: str = "") -> t.Iterator[Problem]:
    """What is wrong with options, as pairs of a path and a problem.

    :param spec: an argument spec.
    :param given: what the task gives.
    :param inside: the path of what they stand in, with a dot at the end; empty for those of the module.
    """
    for name in given:
        if name not in spec and not str(name).startswith("_ansible_"):
            yield _unknown(str(name), spec, inside)
    for name, option in spec.items():
        path, value = f"{inside}{name}", given.get(name)
        if value is not None:
            yield from _problems_of_value(name, option, value, path)
        elif option.get("required"):
            is_empty = name in given and "options" in option and option["type"] == "dict"
            yield path, (
                f"has nothing below it; look at the indentation, it must be like {_example(name, option)}"
                if is_empty
                else "is required"
            )


def _problems_of_value(name: str, option: Spec, value: t.Any, path: str) -> t.Iterator[Problem]:
    kind = option["type"]
    if kind == "dict":
        if isinstance(value, Mapping):
            yield from problems_of(option.get("options", {}), value, f"{path}.")
        else:
            example = _example(name, option)
            yield path, f"must be a dictionary, like {example}; look at the indentation"
    elif kind == "list":
        yield from _problems_of_list(name, option, value, path)
    elif isinstance(value, (Mapping, list)):
        kind = "list" if isinstance(value, list) else "dictionary"
        hint = ""
        if isinstance(value, Mapping) and name in value:
            hint = f"; give its {name}, for example {{{{ (lookup('file', 'key.json') | from_json).{name} }}}}"
        yield path, f"must be a single value, not a {kind}{hint}"
    elif kind in ("str", "path"):
        yield from _problems_of_text(name, option, value, path)


def _problems_of_list(name: str, option: Spec, value: t.Any, path: str) -> t.Iterator[Problem]:
    is_text = isinstance(value, str)
    if isinstance(value, Mapping) or (option["elements"] == "dict" and not isinstance(value, list)):
        what = "a dictionary" if isinstance(value, Mapping) else "a single value"
        names = " and ".join(_named(option.get("options", {}))) or "value"
        hint = f"; give each entry its {names}" if isinstance(value, Mapping) else ""
        yield path, f"must be a list, not {what}{hint}"
        return
    # Ansible splits a text at its commas.
    for index, entry in enumerate(value.split(",") if is_text else _as_list(value)):
        if option["elements"] == "dict" and not isinstance(entry, Mapping):
            yield f"{path}[{index}]", "must be a dictionary"
        elif option["elements"] == "dict":
            yield from problems_of(option["options"], entry, f"{path}[{index}].")
        elif entry is None or isinstance(entry, (Mapping, list)):
            yield f"{path}[{index}]", "must be a single value"
        else:
            yield from _problems_of_text(name, option, entry, f"{path}[{index}]")


def _problems_of_text(name: str, option: Spec, value: t.Any, path: str) -> t.Iterator[Problem]:
    """What is wrong with a value that should be a string."""
    choices = option.get("choices")
    if not isinstance(value, str):
        if not (name in DIGITS and isinstance(value, int) and not isinstance(value, bool)):
            yield path, "must be a string; quote it, or YAML reads it as a number or boolean"
    elif MASKED.search(value):
        yield path, "holds what Ansible shows in the place of a secret; give the value itself, not that of a result"
    elif re.search("[\ud800-\udfff]", value):
        # Datadog would make another text of it.
        yield path, "must not contain surrogates (halves of characters), which are not valid in UTF-8"
    elif choices and value not in choices:
        nearest = _nearest_choice(value, choices)
        yield path, f"must be one of {', '.join(choices)}{nearest}"
    elif name not in FREE_TEXTS and option["type"] != "path":
        yield from _problems_of_blanks(value, path)


def _problems_of_blanks(value: str, path: str) -> t.Iterator[Problem]:
    if value.strip() and value != value.strip() and "\n" not in value.strip():
        ends = "ends in a line break" if value.endswith(("\n", "\r")) else "begins or ends with blanks"
        yield path, f"{ends}, which Datadog may drop; remove them, for example with | trim"
    for character in value:
        # Cf: characters without a width, such as a byte order mark; Zs: blanks, of which one is usual.
        if unicodedata.category(character) in ("Cf", "Zl", "Zp") or (
            character not in " \u3000" and unicodedata.category(character) == "Zs"
        ):
            yield path, f"must not contain the invisible character U+{ord(character):04X}"
            return


def _unknown(name: str, spec: Spec, inside: str) -> Problem:
    """What to say of an option that does not exist. Its name may be a misplaced secret."""
    nearest = nearest_of(name, spec)
    if nearest:
        return f"{inside}{name}", f"is not an option; did you mean {nearest}?"
    # Not only the name: under another key it may be right.
    for outer, option in spec.items():
        if name in option.get("options", {}) and option["type"] == "dict":
            return f"{inside}{name}", f"belongs below {inside}{outer}: {_example(outer, option)}"
    where = inside.rstrip(".") or "the task"
    names = ", ".join(spec) if len(spec) < 12 else "the module's documentation (ansible-doc)"
    shown = f" ({name})" if not inside and re.fullmatch(r"[a-z_]{1,30}", name) else ""
    return where, f"has an option that does not exist{shown}; see {names}"


def nearest_of(name: str, known: t.Iterable[str]) -> str:
    """:returns: the known word that a misspelled one is most like; empty if there is none."""
    # Imported here, since it is needed for bad input only.
    import difflib  # pylint: disable=import-outside-toplevel

    def plain(text: str) -> str:
        return re.sub(r"[\W_]", "", text).lower()

    words = {plain(word): word for word in known}
    found = difflib.get_close_matches(plain(name), list(words), 1, 0.75)
    return words[found[0]] if found else ""


def _nearest_choice(value: str, choices: t.Sequence[str]) -> str:
    """An address like C(https://app.datadoghq.eu/) holds the site that is meant."""
    parts = [choice for choice in choices if re.search(rf"(^|[/.]){re.escape(choice)}($|[/:])", value)]
    nearest = max(parts, key=len, default="") or nearest_of(value, choices)
    return f"; did you mean {nearest}?" if nearest else ""


def _as_list(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else [value]


def _named(options: Spec) -> list[str]:
    """The options of an entry that tell it from others."""
    required = [name for name, option in options.items() if option.get("required")]
    return required or [name for name in ("name",) if name in options]


def _example(name: str, option: Spec) -> str:
    """How an option with suboptions is written, down to what is required of it."""
    if "options" not in option:
        return f"{name}: ..."
    inner = option["options"]
    shown = [each for each in inner if inner[each].get("required") or "options" in inner[each]][:1]
    shown = shown or list(inner)[:1]
    return f"{name}: {{{', '.join(_example(each, inner[each]) for each in shown)}}}"
