# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of tasks about action connections, and what is wrong with them."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ansible_collections.tidyops.datadog.plugins.module_utils._client import (
    CONTROL_CHARACTERS,
    UUID,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import OptionError, Problem
from ansible_collections.tidyops.datadog.plugins.module_utils._module import REGISTRY_OPTION

from .catalogue import (
    BY_KEY,
    INTEGRATIONS,
)
from .model import (
    Configuration,
    Desired,
)

#: What somebody may do with a connection.
RELATIONS = ("viewer", "resolver", "editor")
EXAMPLE_UUID = "3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"

#: What identifies one connection, and what it is to be.
CONNECTION_OPTIONS: dict[str, t.Any] = {
    "name": {"type": "str"},
    "connection_id": {"type": "str"},
    "tags": {"type": "list", "elements": "str"},
    "access": {
        "type": "dict",
        "options": {relation: {"type": "list", "elements": "str"} for relation in RELATIONS},
    },
    **{integration.key: integration.option() for integration in INTEGRATIONS},
}
SHARED_OPTIONS: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **REGISTRY_OPTION,
    "update_secrets": {
        "type": "str",
        "choices": ["on_change", "always", "on_create"],
        "default": "on_change",
        "no_log": False,
    },
    "allow_replace": {"type": "bool", "default": False},
}
ARGUMENT_SPEC = {**CONNECTION_OPTIONS, **SHARED_OPTIONS}
SET_ARGUMENT_SPEC: dict[str, t.Any] = {
    "connections": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": CONNECTION_OPTIONS,
    },
    **SHARED_OPTIONS,
    "purge": {"type": "bool", "default": False},
    "allow_empty": {"type": "bool", "default": False},
    "concurrency": {"type": "int", "default": 8},
}


def desired_of(params: Mapping[str, t.Any], given: Mapping[str, t.Any]) -> Desired:
    """What a task says of one connection.

    :param params: the options as Ansible converted them.
    :param given: the same as the task has them.
    :raises OptionError: for all that is wrong and can be known without Datadog.
    """
    problems = [*_identity_problems(params), *tag_problems(params["tags"] or [])]
    access = None
    if params["access"] is not None:
        access = {r: tuple(params["access"][r]) for r in RELATIONS if params["access"][r]}
        # pylint: disable-next=import-outside-toplevel
        from ansible_collections.tidyops.datadog.plugins.module_utils._principals import (
            principal_problems,
        )

        for relation, principals in access.items():
            problems.extend(principal_problems(f"access.{relation}", principals))
        if not access and any(each is not None for each in params["access"].values()):
            # Maybe a misspelled variable with default([]).
            problem = "holds no principals, which would remove the policy; give {} if that is meant"
            problems.append(("access", problem))
    present = params["state"] == "present"
    keys = [key for key in BY_KEY if params[key] is not None]
    configuration = None
    if len(keys) > 1:
        problems.append((", ".join(keys), "are mutually exclusive; a connection has one integration"))
    elif keys:
        integration = BY_KEY[keys[0]]
        configuration = Configuration.of(integration, params[keys[0]])
        if configuration:
            problems.extend(configuration.problems())
        else:
            variants = " or ".join(variant.key for variant in integration.credentials)
            problem = f"must hold one kind of credentials, {variants}; look at the indentation"
            problems.append((keys[0], problem))
    elif present:
        empty = [key for key in BY_KEY if key in given]
        if empty:
            variants = " or ".join(variant.key for variant in BY_KEY[empty[0]].credentials)
            problem = f"has nothing below it; look at the indentation, it must hold {variants}"
            problems.append((empty[0], problem))
        else:
            problems.append(("state", f"is present, so one integration is required: one of {', '.join(BY_KEY)}"))
    if problems:
        raise OptionError(*problems)
    return Desired(
        name=params["name"] or "",
        connection_id=(params["connection_id"] or "").lower(),
        update_secrets=params["update_secrets"],
        allow_replace=params["allow_replace"],
        configuration=configuration if present else None,
        tags=None if params["tags"] is None else tuple(params["tags"]),
        access=access if present else None,
    )


def desired_set(params: Mapping[str, t.Any], given: Mapping[str, t.Any]) -> dict[str, Desired]:
    """What a task says of each connection of a set, by its path (C(connections[3])), in the order of the task.

    :param params: the options as Ansible converted them.
    :param given: the same as the task has them.
    :raises OptionError: for all that is wrong and can be known without Datadog.
    """
    desired: dict[str, Desired] = {}
    problems = [*_purge_problems(params), *_repeated(params["connections"])]
    rows = given.get("connections")
    for index, options in enumerate(params["connections"]):
        path = f"connections[{index}]"
        row = rows[index] if isinstance(rows, list) and isinstance(rows[index], Mapping) else {}
        try:
            desired[path] = desired_of({**params, **options}, row)
        except OptionError as exc:
            problems.extend(exc.within(path, CONNECTION_OPTIONS).problems)
    if problems:
        raise OptionError(*problems)
    return desired


def _identity_problems(params: Mapping[str, t.Any]) -> t.Iterator[Problem]:
    name, connection_id = params["name"], params["connection_id"]
    if name is None and connection_id is None:
        yield "name", "or connection_id is required, to identify the connection"
    if name is not None and not name.strip():
        yield "name", "must not be empty"
    elif name is not None and CONTROL_CHARACTERS.search(name):
        yield "name", "must not contain control characters"
    if connection_id is not None and not UUID.fullmatch(connection_id):
        yield "connection_id", f"must be the UUID of a connection, like {EXAMPLE_UUID}"


def tag_problems(tags: t.Sequence[str]) -> t.Iterator[Problem]:
    """What all of Datadog's tools refuse in identifier tags. The rest is for Datadog to judge."""
    seen: dict[str, int] = {}
    for index, tag in enumerate(tags):
        path, halves = f"tags[{index}]", tag.split(":")
        if len(halves) != 2 or not all(halves) or re.search(r"\s", tag):
            yield path, "must be of the form key:value, with one colon and no blanks, like env:prod"
        elif halves[0].lower() == "default":
            yield path, "must not have the key default, which Datadog reserves"
        first = seen.setdefault(tag.lower(), index)
        if first != index:
            yield path, f"differs from tags[{first}] in nothing, or in case only; leave one out"


def _purge_problems(params: Mapping[str, t.Any]) -> t.Iterator[Problem]:
    if not params["purge"]:
        return
    if params["state"] == "absent":
        yield "purge", "is for state=present; with state=absent only what is listed is deleted"
    elif params["registry"] is None:
        yield (
            "purge",
            "requires registry, since it deletes the connections that the registry knows and the task does not list",
        )
    elif not params["connections"] and not params["allow_empty"]:
        yield from empty_purge()


def empty_purge() -> t.Iterator[Problem]:
    """What to say of a set that is empty, maybe because a variable is misspelled."""
    yield (
        "connections",
        "is empty, and purge would delete everything; set allow_empty to true if that is meant",
    )


def _repeated(connections: t.Sequence[Mapping[str, t.Any]]) -> t.Iterator[Problem]:
    """What identifies connections must not be given twice."""
    first: dict[tuple[str, str], int] = {}
    for index, given in enumerate(connections):
        for option in ("name", "connection_id"):
            value = given[option]
            if value is None:
                continue
            known = first.setdefault((option, value.lower() if option != "name" else value), index)
            if known != index:
                yield (
                    f"connections[{index}].{option}",
                    f"must differ from that of connections[{known}], which is {value!r} too",
                )
