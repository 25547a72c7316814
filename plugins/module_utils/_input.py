# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the options of a task, before Ansible converts them.

Ansible would take the number that YAML makes of C(0123) for a string, and show values in its errors. Here each problem has a path,
and nothing is shown that may be secret.
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


def problems_of(spec: Spec, given: Spec, inside: str = "") -> Problems:
    """What is wrong with options. :param inside: the path of what they stand in, with a dot at the end."""
    for name in given:
        if name not in spec and not str(name).startswith("_ansible_"):
            yield _unknown(str(name), spec, inside)
    for name, option in spec.items():
        path, value = f"{inside}{name}", given.get(name)
        if value is not None:
            yield from _problems_of_value(name, option, value, path)
        elif option.get("required"):
            yield path, f"is required{_like(option)}"


def _problems_of_value(name: str, option: Spec, value: t.Any, path: str) -> Problems:
    kind, inner = option["type"], option.get("options", {})
    is_dict, is_list = isinstance(value, Mapping), isinstance(value, list)
    if kind == "dict" and is_dict:
        yield from problems_of(inner, value, f"{path}.")
    elif kind == "dict":
        yield path, f"must be a dictionary{_like(option)}"
    elif kind == "list" and not is_list and (is_dict or inner):
        yield path, "must be a list" + (f"; give each entry its {list(inner)[0]}" if inner else "")
    elif kind == "list":
        if isinstance(value, str):
            # Ansible does the same.
            value = value.split(",")
        for index, entry in enumerate(value if isinstance(value, list) else [value]):
            yield from _problems_of_value(name, {**option, "type": option["elements"]}, entry, f"{path}[{index}]")
    elif is_dict or is_list or value is None:
        is_file = is_dict and name in value
        hint = f"; give {{{{ (lookup('file', 'key.json') | from_json).{name} }}}}, for example" if is_file else ""
        yield path, f"must be a single value, not a list, dictionary or null{hint}"
    elif kind in ("str", "path"):
        yield from _problems_of_text(name, option, value, path)


def _problems_of_text(name: str, option: Spec, value: t.Any, path: str) -> Problems:
    if not isinstance(value, str):
        if name not in DIGITS or isinstance(value, (bool, float)):
            yield path, "must be a string; quote it, or YAML reads it as a number or boolean"
    elif MASKED.search(value):
        yield path, (
            "contains the placeholder that Ansible shows instead of a secret; use the value itself, not another task's result"
        )
    elif re.search("[\ud800-\udfff]", value):
        # Datadog would change it.
        yield path, "must not contain surrogates (halves of characters), which are not valid in UTF-8"
    elif value not in option.get("choices", [value]):
        yield path, f"must be one of {', '.join(option['choices'])}{_suggestion(value, option['choices'])}"
    elif name not in FREE_TEXTS and option["type"] != "path":
        if value.strip() not in ("", value) and "\n" not in value.strip():
            yield path, "begins or ends with spaces or line breaks, which Datadog may drop; remove them, for example with | trim"
        for character in value:
            # Cf: without a width, such as a byte order mark; Z: spaces and separators, of which two are usual.
            if unicodedata.category(character) in ("Cf", "Zl", "Zp", "Zs") and character not in " \u3000":
                yield path, f"must not contain the invisible character U+{ord(character):04X}"


def _unknown(name: str, spec: Spec, inside: str) -> Problem:
    suggestion = _suggestion(name, spec)
    if suggestion:
        return f"{inside}{name}", f"is not an option{suggestion}"
    # Not only the name: under another key it may be right.
    for outer, option in spec.items():
        if name in option.get("options", {}) and option["type"] == "dict":
            return f"{inside}{name}", f"belongs below {inside}{outer}{_like(option)}"
    # The name may be a misplaced secret.
    shown = f" ({name})" if not inside and re.fullmatch(r"[a-z_]{1,30}", name) else ""
    names = ", ".join(spec) if len(spec) < 12 else "the module's documentation (ansible-doc)"
    return inside.rstrip(".") or "the task", f"has an option that does not exist{shown}; see {names}"


def _suggestion(word: str, known: t.Iterable[str]) -> str:
    # Needed for bad input only.
    import difflib  # pylint: disable=import-outside-toplevel

    # An address like https://app.datadoghq.eu/ contains the site that is meant.
    parts = [each for each in known if "." in each and each in word]
    found = sorted(parts, key=len)[-1:] or difflib.get_close_matches(word.lower(), known, 1, 0.75)
    return f"; did you mean {found[0]}?" if found else ""


def _like(option: Spec) -> str:
    """How a dictionary is written, to its first field."""

    def example(inner: Spec) -> str:
        name = next(iter(inner), "")
        return f"{{{name}: {example(inner[name].get('options', {}))}}}" if name else "..."

    return f", like {example(option['options'])}; check the indentation" if option["type"] == "dict" else ""
