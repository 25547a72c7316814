# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What is known of action connections, to be read and to be given back."""

from __future__ import annotations

import typing as t
from collections import Counter

from ansible_collections.tidyops.datadog.plugins.module_utils._client import UUID, Client
from ansible_collections.tidyops.datadog.plugins.module_utils._directory import (
    FORBIDDEN,
    Directory,
    NotListed,
    Observed,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._integrations import BY_TYPE
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import (
    OptionError,
    Refusal,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._registry import Entry
from ansible_collections.tidyops.datadog.plugins.module_utils._registry_homes import open_registry

ARGUMENT_SPEC: dict[str, t.Any] = {
    "connection_ids": {"type": "list", "elements": "str"},
    "names": {"type": "list", "elements": "str"},
    "integrations": {"type": "list", "elements": "str", "choices": sorted(BY_TYPE)},
    "registry": {"type": "path"},
}


def action_connections(client: Client, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What the info module returns: C(connections), C(missing) and warnings.

    :raises OptionError: for bad input.
    """
    reader = _Reader(client, params)
    reader.read()
    return reader.result()


class _Reader:
    def __init__(self, client: Client, params: t.Mapping[str, t.Any]) -> None:
        problems = [
            (f"connection_ids[{index}]", "must be the UUID of a connection")
            for index, connection_id in enumerate(params["connection_ids"] or [])
            if not UUID.fullmatch(connection_id)
        ]
        problems += [
            (f"names[{index}]", "must not be empty")
            for index, name in enumerate(params["names"] or [])
            if not name.strip()
        ]
        if problems:
            raise OptionError(*problems)
        self._params = params
        self._directory = Directory(client)
        self._registry = open_registry(params["registry"], client)
        self._integrations = params["integrations"]
        self._found: dict[str, Observed] = {}
        self._missing: list[str] = []
        self._warnings: list[str] = []

    def read(self) -> None:
        """Find what is asked for."""
        ids, names = self._params["connection_ids"], self._params["names"]
        if ids is None and names is None and not self._registry.is_kept:
            self._all()
            return
        is_by_registry = ids is None and names is None
        wanted = [each.lower() for each in ids or []]
        self._registry.read_ahead(names or [])
        known = self._registry.content().entries if is_by_registry else names or []
        named = {name: self._registry.entry(name) or Entry() for name in known}
        expected = len(wanted) + sum(bool(entry.connection_id) for entry in named.values())
        if expected > 1:
            self._directory.read_ahead(f"find {expected} action connections", expected - 1)
        for connection_id in wanted:
            self._take(connection_id, self._get(connection_id))
        for name, entry in named.items():
            connection = self._get(entry.connection_id) if entry.connection_id else None
            if connection or is_by_registry:
                # Datadog may leave out the names of tokens, which the registry remembers.
                self._take(name, connection.recalling(entry) if connection else None)
            else:
                self._named(name)

    def result(self) -> dict[str, t.Any]:
        """What was found, and what was not."""
        names = Counter(connection.name for connection in self._found.values())
        shown = [
            {
                **connection.result(),
                "options": connection.options(by_id=names[connection.name] > 1),
            }
            for connection in self._found.values()
            if self._integrations is None or connection.integration_type in self._integrations
        ]
        return {"connections": shown, "missing": self._missing, "warnings": self._warnings}

    def _take(self, wanted: str, connection: Observed | None) -> None:
        """:param wanted: the id or the name that led to it."""
        if connection:
            self._found.setdefault(connection.connection_id, connection)
        elif wanted not in self._missing:
            self._missing.append(wanted)

    def _get(self, connection_id: str) -> Observed | None:
        return self._directory.get(connection_id, f"find action connection {connection_id}")

    def _named(self, name: str) -> None:
        """Find all that have a name in Datadog's list."""
        try:
            matches = self._directory.named(name, f"find action connection {name!r}")
        except NotListed as exc:
            if not self._registry.is_kept:
                raise _not_listed(exc, "so that the ids of names are known") from exc.cause
            self._warnings.append(
                f"Datadog does not list the organisation's connections, so nothing tells whether there is one called {name!r}."
                " It is returned as missing, since the registry knows of none that exists."
            )
            matches = []
        for match in matches:
            self._take(name, match if match.tells_kind else self._get(match.connection_id))
        if not matches:
            self._take(name, None)

    def _all(self) -> None:
        """Every connection of the organisation, or of some integrations."""
        try:
            listed = self._directory.all(self._integrations)
        except NotListed as exc:
            raise _not_listed(exc, "to read the connections that it knows") from exc.cause
        for match in sorted(listed, key=lambda each: (each.name, each.connection_id)):
            whole = match if match.tells_kind else self._get(match.connection_id)
            if whole:
                self._take(whole.connection_id, whole)


def _not_listed(exc: NotListed, purpose: str) -> Refusal:
    """What to raise where the list is needed. :param purpose: what a registry is good for."""
    needs = (
        f" {FORBIDDEN} If they are, the organisation may lack the list."
        if exc.cause.status == 403
        else ""
    )
    return Refusal(
        f"{exc.cause}{needs} Datadog does not list the connections of every organisation. Ways out: give connection_ids; or give"
        f" a registry, {purpose}"
    )
