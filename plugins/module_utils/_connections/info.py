# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that reads action connections."""

from __future__ import annotations

import typing as t
from collections import Counter

from ansible_collections.tidyops.datadog.plugins.module_utils._client import UUID, Client, Json
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import OptionError, TaskError
from ansible_collections.tidyops.datadog.plugins.module_utils._module import REGISTRY_OPTION, DatadogModule
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import open_registry
from ansible_collections.tidyops.datadog.plugins.module_utils._restriction_policy import WantedPolicy, read_policy

from .catalogue import BY_KEY, KINDS
from .finder import ConnectionFinder, NotListed
from .model import Connection

ARGUMENT_SPEC: dict[str, t.Any] = {
    "connection_ids": {"type": "list", "elements": "str"},
    "names": {"type": "list", "elements": "str"},
    "integrations": {"type": "list", "elements": "str", "choices": sorted(BY_KEY)},
    "tags": {"type": "list", "elements": "str"},
    "access": {"type": "bool", "default": False},
    **REGISTRY_OPTION,
}
NO_LIST = "Datadog does not offer the list of connections to this organization"


def action_connections(client: Client, module: DatadogModule) -> Json:
    """What the info module returns: C(connections), C(missing) and C(warnings). :raises OptionError: for bad input."""
    problems = [
        (
            f"{option}[{index}]",
            "must be the UUID of a connection" if option == "connection_ids" else "must not be empty",
        )
        for option in ("connection_ids", "names", "tags")
        for index, text in enumerate(module.params[option] or [])
        if not (UUID.fullmatch(text) if option == "connection_ids" else text.strip())
    ]
    if problems:
        raise OptionError(*problems)
    reader = _Reader(client, module.params)
    try:
        found = reader.read()
    except NotListed as exc:
        remedy = "Give connection_ids, or a registry that knows the connections."
        raise TaskError(f"{exc.__cause__} {NO_LIST}. {remedy}") from exc.__cause__
    missing = dict.fromkeys(wanted for wanted, connections in found if not connections)
    connections = {each.connection_id: each for _wanted, connections in found for each in connections}
    shown = list(reader.shown(connections.values()))
    return {"connections": shown, "missing": list(missing), "warnings": reader.warnings}


class _Reader:
    def __init__(self, client: Client, params: Json) -> None:
        self._client = client
        self._params = params
        self._finder = ConnectionFinder(client)
        self._registry = open_registry(params["registry"], client)
        self._types = [BY_KEY[key][0].types[0] for key in params["integrations"] or []]
        self._tags: list[str] = params["tags"] or []
        self.warnings: list[str] = []

    def read(self) -> list[tuple[str, list[Connection]]]:
        """:returns: the ids and names to look for, and the connections that each leads to.

        :raises NotListed: where that takes the list, and Datadog does not offer it.
        """
        ids, names = self._params["connection_ids"], self._params["names"]
        if ids is None and names is None and self._registry.is_kept:
            return [(name, self._by_id(entry.connection_id)) for name, entry in self._registry.all().items()]
        if ids is None and names is None:
            filters = {"filter[integration]": self._types, "filter[tags]": self._tags}
            given = {name: values for name, values in filters.items() if values}
            listed = self._finder.filtered("list the action connections", given)
            return [("", sorted(listed, key=lambda each: (each.name, each.connection_id)))] if listed else []
        found = [(each, self._by_id(each)) for each in dict.fromkeys(each.lower() for each in ids or [])]
        self._registry.load(names or [])
        return found + [(name, self._by_name(name)) for name in dict.fromkeys(names or [])]

    def _by_id(self, connection_id: str) -> list[Connection]:
        # A claim in the registry has no id.
        found = connection_id and self._finder.read(connection_id, f"find action connection {connection_id}")
        return [found] if found else []

    def _by_name(self, name: str) -> list[Connection]:
        known = self._registry.find(name)
        recorded = self._by_id(known.connection_id) if known else []
        try:
            return recorded or self._finder.named(name, f"find action connection {name!r}")
        except NotListed:
            if not self._registry.is_kept:
                raise
        problem = f"{NO_LIST}, and the registry has no id for {name!r}."
        self.warnings.append(f"{problem} It is returned as missing, but may exist.")
        return []

    def shown(self, found: t.Collection[Connection]) -> t.Iterator[Json]:
        """Those that pass the filters, as they are returned."""
        names = Counter(each.name for each in found)
        for each in found:
            if (self._types and each.types[0] not in self._types) or not set(self._tags) <= set(each.tags):
                continue
            access: Json = {}
            if self._params["access"]:
                policy = read_policy(self._client, each.policy_id)
                access = {"access": WantedPolicy({}, {}).shown(policy)}
            options = None
            # An integration that the collection does not know has no options.
            if each.types in KINDS:
                by_id = {"connection_id": each.connection_id} if names[each.name] > 1 else {}
                options = {**by_id, **each.options(access)}
            yield {**each.result(), **access, "options": options}
