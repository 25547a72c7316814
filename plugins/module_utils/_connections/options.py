# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of tasks about action connections, and what is wrong with them."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._client import CONTROL_CHARACTERS, UUID
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import OptionError, Problem
from ansible_collections.tidyops.datadog.plugins.module_utils._module import REGISTRY_OPTION

from .catalogue import BY_KEY, option_of, parts_of
from .model import NO_KIND, Desired

RELATIONS = ("viewer", "resolver", "editor")
CONNECTION_OPTIONS: dict[str, t.Any] = {
    "name": {"type": "str"},
    "connection_id": {"type": "str"},
    "tags": {"type": "list", "elements": "str"},
    "access": {"type": "dict", "options": {relation: {"type": "list", "elements": "str"} for relation in RELATIONS}},
    **{key: option_of(kinds) for key, kinds in BY_KEY.items()},
}
_UPDATE_SECRETS = ["on_change", "always", "on_create"]
SHARED_OPTIONS: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **REGISTRY_OPTION,
    "update_secrets": {"type": "str", "choices": _UPDATE_SECRETS, "default": "on_change", "no_log": False},
    "allow_replace": {"type": "bool", "default": False},
}
ARGUMENT_SPEC = {**CONNECTION_OPTIONS, **SHARED_OPTIONS}


def desired_of(params: t.Mapping[str, t.Any], given: t.Mapping[str, t.Any], option_path: str = "") -> Desired:
    """What a task says of one connection. :raises OptionError: for all that is wrong and can be known without Datadog.

    :param params: the options as Ansible converted them; C(given): as in the task.
    """
    is_present, access = params["state"] == "present", params["access"]
    problems = [*_identity_problems(params), *_tag_problems(params["tags"] or [])]
    if access is not None:
        problems += _access_problems(access)
        access = {relation: tuple(access[relation]) for relation in RELATIONS if access[relation]}
    kind, values = NO_KIND, {}
    # With wrong indentation, an integration is empty, and Ansible takes it for left out.
    keys = [key for key in BY_KEY if params[key] is not None] or [key for key in BY_KEY if is_present and key in given]
    kinds = [kind for key in keys for kind in BY_KEY[key] if (params[key] or {}).get(kind.keys[1]) is not None]
    if len(keys) > 1:
        problems.append((", ".join(keys), "are mutually exclusive; a connection has one integration"))
    elif keys and len(kinds) != 1:
        choices = " or ".join(kind.keys[1] for kind in BY_KEY[keys[0]])
        problems.append((keys[0], f"must contain one type of credentials, {choices}; check the indentation"))
    elif keys:
        kind, values = kinds[0], kinds[0].values(params[keys[0]])
        for name, value in values.items():
            problems += kind.fields[name].problems(kind.option_path(name), value)
    elif is_present:
        problems.append(("state", f"is present, which requires an integration: one of {', '.join(BY_KEY)}"))
    if problems:
        raise OptionError(*problems)
    return Desired(
        name=params["name"] or "",
        connection_id=(params["connection_id"] or "").lower(),
        kind=kind if is_present else NO_KIND,
        parts=parts_of(values),
        given=frozenset(name for name, value in values.items() if value is not None),
        update_secrets=params["update_secrets"],
        allow_replace=params["allow_replace"],
        tags=None if params["tags"] is None else tuple(params["tags"]),
        access=access if is_present else None,
        option_path=option_path,
    )


def _identity_problems(params: t.Mapping[str, t.Any]) -> t.Iterator[Problem]:
    name, connection_id = params["name"], params["connection_id"]
    if name is None and connection_id is None:
        yield "name", "or connection_id is required, to identify the connection"
    if name is not None and not name.strip():
        yield "name", "must not be empty"
    elif CONTROL_CHARACTERS.search(name or ""):
        yield "name", "must not contain control characters"
    if connection_id is not None and not UUID.fullmatch(connection_id):
        yield "connection_id", "must be the UUID of a connection, like 3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"


def _tag_problems(tags: t.Sequence[str]) -> t.Iterator[Problem]:
    """What all of Datadog's tools refuse in identifier tags. The rest is for Datadog to judge."""
    seen: dict[str, int] = {}
    for index, tag in enumerate(tags):
        if not re.fullmatch(r"[^\s:]+:[^\s:]+", tag):
            yield f"tags[{index}]", "must be of the form key:value, with one colon and no spaces, like env:prod"
        elif tag.lower().startswith("default:"):
            yield f"tags[{index}]", "must not have the key default, which Datadog reserves"
        first = seen.setdefault(tag.lower(), index)
        if first != index:
            yield f"tags[{index}]", f"is the same as tags[{first}] (case is ignored); remove one"


def _access_problems(access: t.Mapping[str, t.Any]) -> t.Iterator[Problem]:
    # pylint: disable-next=import-outside-toplevel
    from ansible_collections.tidyops.datadog.plugins.module_utils._principals import principal_problems

    for relation in RELATIONS:
        yield from principal_problems(f"access.{relation}", access[relation] or [])
    if not any(access.values()) and any(principals is not None for principals in access.values()):
        # Maybe a misspelled variable with default([]).
        yield "access", "contains no principals, which would remove the policy; use {} if that is intended"
