# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What tasks say of action connections, and what is wrong with it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.tidyops.datadog.plugins.module_utils._client import (
    CONTROL_CHARACTERS,
    UUID,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._integrations import (
    BY_KEY,
    Configuration,
    integration_options,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import OptionError

EXAMPLE_UUID = "3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"

#: What tells one connection from others, and what it is to be.
CONNECTION_OPTIONS: dict[str, t.Any] = {
    "name": {"type": "str"},
    "connection_id": {"type": "str"},
    **integration_options(),
}
SHARED_OPTIONS: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "registry": {"type": "path"},
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
    "concurrency": {"type": "int", "default": 8},
}


@dataclass(frozen=True)
class Desired:
    """What a task says of one connection.

    :ivar name: empty if only the id is given.
    :ivar connection_id: empty if only the name is given.
    :ivar configuration: None if no such connection is to be.
    """

    name: str
    connection_id: str
    update_secrets: str
    allow_replace: bool
    configuration: Configuration | None

    @property
    def title(self) -> str:
        """How messages call it."""
        names = [repr(self.name)] if self.name else []
        return " ".join(["action connection", *names, *filter(None, [self.connection_id])])

    def compared_secrets(self) -> dict[str, str]:
        """The secrets that are to be compared with those that were sent, by their paths inside the credentials."""
        configuration = self.configuration
        if configuration is None or self.update_secrets != "on_change":
            return {}
        given = configuration.credentials.secrets(
            configuration.values[configuration.credentials.key]
        )
        return {path: secret for path, secret in given.items() if secret is not None}

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> Desired:
        """:raises OptionError: for all that is wrong with the options and can be known without Datadog."""
        problems: list[tuple[str, str]] = []
        name, connection_id = params["name"], params["connection_id"]
        if name is None and connection_id is None:
            problems.append(
                ("name", "or connection_id is required, to tell which connection is meant")
            )
        if name is not None and not name.strip():
            problems.append(("name", "must not be empty"))
        elif name is not None and CONTROL_CHARACTERS.search(name):
            problems.append(("name", "must not contain control characters"))
        if connection_id is not None and not UUID.fullmatch(connection_id):
            problems.append(
                ("connection_id", f"must be the UUID of a connection, like {EXAMPLE_UUID}")
            )
        present = params["state"] == "present"
        given = [key for key in BY_KEY if params[key] is not None]
        configuration = None
        if len(given) > 1:
            problems.append(
                (", ".join(given), "are mutually exclusive; a connection has one integration")
            )
        elif given:
            integration = BY_KEY[given[0]]
            configuration = Configuration.of(integration, params[given[0]])
            if configuration:
                problems.extend(configuration.problems())
            else:
                keys = " or ".join(variant.key for variant in integration.credentials)
                problems.append((given[0], f"must hold {keys}"))
        elif present:
            keys = ", ".join(BY_KEY)
            problems.append(("state", f"is present, so one integration is required: one of {keys}"))
        if problems:
            raise OptionError(*problems)
        return cls(
            name or "",
            (connection_id or "").lower(),
            params["update_secrets"],
            params["allow_replace"],
            configuration if present else None,
        )


def desired_set(params: t.Mapping[str, t.Any]) -> dict[str, Desired]:
    """What a task says of each connection of a set, by its place (C(connections[3])), in the order of the task.

    :raises OptionError: for all that is wrong with the options and can be known without Datadog.
    """
    desired: dict[str, Desired] = {}
    problems = [*_purge_problems(params), *_repeated(params["connections"])]
    for index, given in enumerate(params["connections"]):
        place = f"connections[{index}]"
        try:
            desired[place] = Desired.of({**params, **given})
        except OptionError as exc:
            problems.extend(exc.inside(place, CONNECTION_OPTIONS).problems)
    if problems:
        raise OptionError(*problems)
    return desired


def _purge_problems(params: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, str]]:
    if not params["purge"]:
        return
    if params["state"] == "absent":
        yield "purge", "is for state=present; with state=absent only what is listed is removed"
    elif params["registry"] is None:
        yield (
            "purge",
            "requires registry, since it removes the connections that the registry knows and the task does not list",
        )


def _repeated(connections: t.Sequence[t.Mapping[str, t.Any]]) -> t.Iterator[tuple[str, str]]:
    """What tells connections apart must not be given twice."""
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
