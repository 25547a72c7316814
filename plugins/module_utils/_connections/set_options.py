# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of tasks about sets of action connections, and what is wrong with them."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._errors import OptionError, Problem

from .model import Desired
from .options import CONNECTION_OPTIONS, SHARED_OPTIONS, desired_of

SET_ARGUMENT_SPEC: dict[str, t.Any] = {
    "connections": {"type": "list", "elements": "dict", "required": True, "options": CONNECTION_OPTIONS},
    **SHARED_OPTIONS,
    "purge": {"type": "bool", "default": False},
    "allow_empty": {"type": "bool", "default": False},
    "concurrency": {"type": "int", "default": 8},
}


def desired_set(params: t.Mapping[str, t.Any], given: t.Mapping[str, t.Any]) -> list[Desired]:
    """What a task says of each connection of a set. Parameters and errors are those of desired_of()."""
    desired = []
    problems = [*_purge_problems(params), *_repeated(params["connections"])]
    rows = given.get("connections")
    for index, options in enumerate(params["connections"]):
        path = f"connections[{index}]"
        row = rows[index] if isinstance(rows, list) and isinstance(rows[index], t.Mapping) else {}
        try:
            desired.append(desired_of({**params, **options}, row, path))
        except OptionError as exc:
            for inner, problem in exc.problems:
                # What is not about one option of the entry is about the entry as a whole.
                is_option = re.split(r"[.[]", inner)[0] in CONNECTION_OPTIONS
                problems.append((f"{path}{'.' if is_option else ': '}{inner}", problem))
    if problems:
        raise OptionError(*problems)
    return desired


def _purge_problems(params: t.Mapping[str, t.Any]) -> t.Iterator[Problem]:
    if not params["purge"]:
        return
    if params["state"] == "absent":
        yield "purge", "requires state=present; state=absent deletes only the listed connections"
    elif params["registry"] is None:
        yield "purge", "requires registry: it deletes the connections in the registry that the task does not list"
    elif not params["connections"] and not params["allow_empty"]:
        yield "connections", "is empty, so purge would delete everything; set allow_empty to true if that is intended"


def _repeated(connections: t.Sequence[t.Mapping[str, t.Any]]) -> t.Iterator[Problem]:
    """Names and ids must not be given twice."""
    first: dict[tuple[str, str], int] = {}
    for index, given in enumerate(connections):
        for option in ("name", "connection_id"):
            value = given[option] or ""
            known = first.setdefault((option, value if option == "name" else value.lower()), index)
            if value and known != index:
                yield (
                    f"connections[{index}].{option}",
                    f"is the same as in connections[{known}] ({value!r}); remove one entry",
                )
