# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of action connections, to be read and to be given back."""

from __future__ import annotations

import typing as t
from collections import Counter

from ansible_collections.tidyops.datadog.plugins.module_utils._client import UUID, Client, Json
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import (
    OptionError,
    TaskError,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._module import (
    REGISTRY_OPTION,
    DatadogModule,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.backends import (
    open_registry,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._restriction_policy import (
    WantedPolicy,
    read_policy,
)

from .catalogue import BY_KEY
from .finder import (
    ConnectionFinder,
    NotListed,
)
from .model import Connection

ARGUMENT_SPEC: dict[str, t.Any] = {
    "connection_ids": {"type": "list", "elements": "str"},
    "names": {"type": "list", "elements": "str"},
    "integrations": {"type": "list", "elements": "str", "choices": sorted(BY_KEY)},
    "tags": {"type": "list", "elements": "str"},
    "access": {"type": "bool", "default": False},
    **REGISTRY_OPTION,
}


def action_connections(client: Client, module: DatadogModule) -> Json:
    """What the info module returns: C(connections), C(missing) and warnings. :raises OptionError: for bad input."""
    reader = _Reader(client, module.params)
    reader.read()
    return reader.result()


class _Reader:
    def __init__(self, client: Client, params: t.Mapping[str, t.Any]) -> None:
        problems = [
            (f"connection_ids[{index}]", "must be the UUID of a connection")
            for index, connection_id in enumerate(params["connection_ids"] or [])
            if not UUID.fullmatch(connection_id)
        ]
        for option in ("names", "tags"):
            for index, text in enumerate(params[option] or []):
                if not text.strip():
                    problems.append((f"{option}[{index}]", "must not be empty"))
        if problems:
            raise OptionError(*problems)
        self._client = client
        self._params = params
        self._finder = ConnectionFinder(client)
        self._registry = open_registry(params["registry"], client)
        self._types = [BY_KEY[key].type for key in params["integrations"] or []]
        self._found: dict[str, Connection] = {}
        self._missing: list[str] = []
        self._warnings: list[str] = []

    def read(self) -> None:
        """Find what is asked for."""
        ids, names = self._params["connection_ids"], self._params["names"]
        if ids is None and names is None and not self._registry.is_kept:
            self._all()
            return
        for connection_id in dict.fromkeys(each.lower() for each in ids or []):
            self._take(connection_id, self._get(connection_id))
        if ids is None and names is None:
            for name, entry in self._registry.all().items():
                self._take(name, self._get(entry.connection_id) if entry.connection_id else None)
        self._registry.load(names or [])
        for name in dict.fromkeys(names or []):
            known = self._registry.find(name)
            connection = self._get(known.connection_id) if known and known.connection_id else None
            if connection:
                self._take(name, connection)
            else:
                self._named(name)

    def result(self) -> Json:
        """What was found, and what was not."""
        names = Counter(connection.name for connection in self._found.values())
        shown = []
        for each in filter(self._is_wanted, self._found.values()):
            access: Json = {}
            if self._params["access"]:
                policy = read_policy(self._client, f"connection:{each.connection_id}")
                access = {"access": WantedPolicy({}).shown(policy)}
            options = _options(each, names[each.name] > 1)
            shown.append({**each.result(), **access, "options": options and {**options, **access}})
        return {"connections": shown, "missing": self._missing, "warnings": self._warnings}

    def _is_wanted(self, connection: Connection) -> bool:
        is_of_type = not self._types or connection.types[0] in self._types
        return is_of_type and set(self._params["tags"] or []) <= set(connection.tags)

    def _take(self, wanted: str, connection: Connection | None) -> None:
        """:param wanted: the id or the name that led to it."""
        if connection:
            self._found.setdefault(connection.connection_id, connection)
        elif wanted not in self._missing:
            self._missing.append(wanted)

    def _get(self, connection_id: str) -> Connection | None:
        return self._finder.read(connection_id, f"find action connection {connection_id}")

    def _named(self, name: str) -> None:
        """Find all that have a name in Datadog's list."""
        matches: list[Connection] = []
        try:
            matches = self._finder.named(name, f"find action connection {name!r}")
        except NotListed as exc:
            if not self._registry.is_kept:
                raise TaskError(
                    f"{exc.__cause__} Datadog does not list the connections of this organization. Give connection_ids, or a"
                    " registry, which remembers the ids of names."
                ) from exc.__cause__
            self._warnings.append(
                "Datadog does not list the organization's connections, so the module cannot determine whether there is one"
                f" called {name!r}. It is returned as missing, since the registry does not know it."
            )
        for match in matches:
            self._take(name, match)
        if not matches:
            self._take(name, None)

    def _all(self) -> None:
        """Every connection of the organization that passes the filters."""
        filters: Json = {}
        if self._types:
            filters["filter[integration]"] = self._types
        if self._params["tags"]:
            filters["filter[tags]"] = self._params["tags"]
        try:
            listed = self._finder.filtered("list the action connections", filters)
        except NotListed as exc:
            raise TaskError(
                f"{exc.__cause__} Datadog does not list the connections of this organization. Give connection_ids, or a"
                " registry, to read the connections that it knows."
            ) from exc.__cause__
        for match in sorted(listed, key=lambda each: (each.name, each.connection_id)):
            self._take(match.connection_id, match)


def _options(connection: Connection, by_id: bool) -> Json | None:
    """What a task would be given to get a connection; None for an integration that this collection does not know.

    :param by_id: whether its name alone does not tell which one is meant.
    """
    if not connection.values:
        return None
    return {
        **({"connection_id": connection.connection_id} if by_id else {}),
        **connection.options(),
    }
