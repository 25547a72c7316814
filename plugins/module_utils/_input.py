# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the options of a task, as they are before Ansible converts them.

Ansible takes the number that YAML makes of C(0123) for a string, and what C(no_log) has masked in a result for a value. Its own
errors show values, and do not name the entry of a list. Here each problem has a path, and nothing that may be secret is shown.
"""

from __future__ import annotations

import re
import typing as t
import unicodedata
from collections.abc import Mapping

from ._errors import Problem

Spec = t.Mapping[str, t.Any]
Problems = t.Iterator[Problem]

#: What Ansible, and AWX for the answers of a survey, show in the place of a secret.
MASKED = re.compile(r"\*{8}|VALUE_SPECIFIED_IN_NO_LOG_PARAMETER|\$encrypted\$")
#: Options in which spaces, line breaks and invisible characters may be meant.
FREE_TEXTS = ("content", "private_key", "password", "api_password")
#: Options for which a number is as good as its digits: their pattern is checked later.
DIGITS = ("account_id",)


def problems_of(spec: Spec, given: Mapping[str, t.Any], inside: str = "") -> Problems:
    """What is wrong with options. :param inside: the path of what they stand in, with a dot at the end."""
    for name in given:
        if name not in spec and not str(name).startswith("_ansible_"):
            yield _unknown(str(name), spec, inside)
    for name, option in spec.items():
        path, value = f"{inside}{name}", given.get(name)
        if value is not None:
            yield from _problems_of_value(name, option, value, path)
        elif option.get("required") and name in given and "options" in option and option["type"] == "dict":
            yield path, f"is empty; check the indentation, it must be like {_example(name, option)}"
        elif option.get("required"):
            yield path, "is required"


def _problems_of_value(name: str, option: Spec, value: t.Any, path: str) -> Problems:
    kind, is_dict, is_list = option["type"], isinstance(value, Mapping), isinstance(value, list)
    inner = option.get("options", {})
    if kind == "dict" and is_dict:
        yield from problems_of(inner, value, f"{path}.")
    elif kind == "dict":
        yield path, f"must be a dictionary, like {_example(name, option)}; check the indentation"
    elif kind == "list" and (is_dict or (inner and not is_list)):
        names = " and ".join(each for each in inner if inner[each].get("required")) or next(iter(inner), "value")
        hint = f"a dictionary; give each entry its {names}" if is_dict else "a single value"
        yield path, f"must be a list, not {hint}"
    elif kind == "list":
        # Ansible splits a string at its commas.
        entries = value if is_list else value.split(",") if isinstance(value, str) else [value]
        for index, entry in enumerate(entries):
            here = f"{path}[{index}]"
            if inner and isinstance(entry, Mapping):
                yield from problems_of(inner, entry, f"{here}.")
            elif inner or entry is None or isinstance(entry, (Mapping, list)):
                yield here, f"must be a {'dictionary' if inner else 'single value'}"
            else:
                yield from _problems_of_text(name, option, entry, here)
    elif is_dict or is_list:
        hint = ""
        if is_dict and name in value:
            hint = f"; give its {name}, for example {{{{ (lookup('file', 'key.json') | from_json).{name} }}}}"
        yield path, f"must be a single value, not a {'dictionary' if is_dict else 'list'}{hint}"
    elif kind in ("str", "path"):
        yield from _problems_of_text(name, option, value, path)


def _problems_of_text(name: str, option: Spec, value: t.Any, path: str) -> Problems:
    choices = option.get("choices")
    if not isinstance(value, str):
        if not (name in DIGITS and isinstance(value, int) and not isinstance(value, bool)):
            yield path, "must be a string; quote it, or YAML reads it as a number or boolean"
    elif MASKED.search(value):
        yield path, (
            "contains the placeholder that Ansible shows instead of a secret; use the value itself, not another task's result"
        )
    elif re.search("[\ud800-\udfff]", value):
        # Datadog would change it.
        yield path, "must not contain surrogates (halves of characters), which are not valid in UTF-8"
    elif choices and value not in choices:
        yield path, f"must be one of {', '.join(choices)}{_nearest_choice(value, choices)}"
    elif name not in FREE_TEXTS and option["type"] != "path":
        yield from _problems_of_spaces(value, path)


def _problems_of_spaces(value: str, path: str) -> Problems:
    if value.strip() and value != value.strip() and "\n" not in value.strip():
        ends = "ends in a line break" if value.endswith(("\n", "\r")) else "begins or ends with spaces"
        yield path, f"{ends}, which Datadog may drop; remove them, for example with | trim"
    for character in value:
        # Cf: characters without a width, such as a byte order mark; Zs: spaces, of which two are usual.
        category = unicodedata.category(character)
        if category in ("Cf", "Zl", "Zp") or (category == "Zs" and character not in " \u3000"):
            yield path, f"must not contain the invisible character U+{ord(character):04X}"
            return


def _unknown(name: str, spec: Spec, inside: str) -> Problem:
    # The name may be a misplaced secret.
    nearest = nearest_of(name, spec)
    if nearest:
        return f"{inside}{name}", f"is not an option; did you mean {nearest}?"
    # Not only the name: under another key it may be right.
    for outer, option in spec.items():
        if name in option.get("options", {}) and option["type"] == "dict":
            return f"{inside}{name}", f"belongs below {inside}{outer}: {_example(outer, option)}"
    names = ", ".join(spec) if len(spec) < 12 else "the module's documentation (ansible-doc)"
    shown = f" ({name})" if not inside and re.fullmatch(r"[a-z_]{1,30}", name) else ""
    return inside.rstrip(".") or "the task", f"has an option that does not exist{shown}; see {names}"


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
    # An address like https://app.datadoghq.eu/ contains the site that is meant.
    parts = [each for each in choices if re.search(rf"(^|[/.]){re.escape(each)}($|[/:])", value)]
    nearest = max(parts, key=len, default="") or nearest_of(value, choices)
    return f"; did you mean {nearest}?" if nearest else ""


def _example(name: str, option: Spec) -> str:
    """How an option is written, down to what is required of it."""
    if "options" not in option:
        return f"{name}: ..."
    inner = option["options"]
    shown = [each for each in inner if inner[each].get("required") or "options" in inner[each]] or list(inner)
    return f"{name}: {{{_example(shown[0], inner[shown[0]])}}}"
