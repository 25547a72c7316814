# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of team connections."""

from __future__ import annotations

import typing as t

from ._client import UUID, Client, Json
from ._errors import OptionError, Problem, TaskError
from ._module import DatadogModule
from ._team_connections import (
    SHARED_OPTIONS,
    Identity,
    TeamConnection,
    TeamConnections,
    TeamLink,
    list_links,
    managed_by_problems,
    pair_problems,
)

CONNECTION_OPTIONS: dict[str, t.Any] = {
    "team": {"type": "str", "required": True},
    "connected_team": {"type": "str", "required": True},
}
SET_ARGUMENT_SPEC: dict[str, t.Any] = {
    "connections": {"type": "list", "elements": "dict", "required": True, "options": CONNECTION_OPTIONS},
    **SHARED_OPTIONS,
    "purge": {"type": "bool", "default": False},
    "allow_empty": {"type": "bool", "default": False},
}


def _problems(params: Json) -> t.Iterator[Problem]:
    if params["purge"] and params["state"] == "absent":
        yield "purge", "is for state=present; with state=absent only what is listed is deleted"
    elif params["purge"] and not params["connections"] and not params["allow_empty"]:
        yield "connections", "is empty, and purge would delete everything; set allow_empty to true if that is meant"
    yield from managed_by_problems(params)
    first: dict[tuple[str, str], str] = {}
    for index, given in enumerate(params["connections"]):
        path = f"connections[{index}]"
        team = given["team"].lower() if UUID.fullmatch(given["team"]) else given["team"]
        known = first.setdefault((team, given["connected_team"].lower()), path)
        if known != path:
            yield path, f"has the same team and connected_team as {known}; remove one"
        yield from pair_problems(given, f"{path}.")


class TeamConnectionSet(TeamConnections):
    """A set of team connections, and what exists beside it."""

    # A team may have to lose its connection before it can take another one.
    purges_first = True

    def __init__(self, client: Client, module: DatadogModule) -> None:
        """:raises OptionError: for bad input."""
        self._params = params = module.params
        problems = list(_problems(params))
        if problems:
            raise OptionError(*problems)
        entries = [{**params, **given, "connection_id": None} for given in params["connections"]]
        super().__init__(client, (TeamConnection.of(each, f"connections[{n}]") for n, each in enumerate(entries)))
        #: All connections of the source, if the task purges.
        self._listed: list[TeamLink] | None = None

    def observe(self, resources: t.Sequence[TeamConnection]) -> None:
        # What the task does not list has just been read.
        if resources[0].observed is None:
            super().observe(resources)

    def matching(self, links: t.Sequence[TeamLink], doing: str) -> list[TeamLink]:
        if not self._params["purge"]:
            return super().matching(links, doing)
        if self._listed is None:
            self._listed = list_links(self._client, doing, sources=self._params["source"])
        return self._listed

    def check(self, resources: t.Sequence[TeamConnection]) -> None:
        first: dict[Identity, str] = {}
        for item in resources:
            path = item.option_path
            known = first.setdefault(item.link.identity, path)
            if known != path:
                item.error = TaskError(
                    f"{known}.team and {path}.team are the same team, {item.link.team}, and both connect it with"
                    f" {item.link.connected_team}. Remove one of them."
                )

    def unlisted(self, resources: t.Sequence[TeamConnection]) -> list[TeamConnection]:
        if not self._params["purge"]:
            return []
        wanted = {item.link.identity for item in resources}
        rows = self.matching([], "find the team connections that are not listed")
        unclear = [row for row in rows if not all(row.identity)]
        if unclear:
            raise TaskError(
                f"Cannot purge: Datadog's answer does not say what team connection {unclear[0].connection_id} connects. Run the"
                " task without purge, and check this connection in Datadog."
            )
        source, managed_by = self._params["source"], self._params["managed_by"]
        unlisted = [
            TeamConnection(row, is_wanted=False)
            for row in rows
            if row.identity not in wanted and row.source == source and managed_by in (None, row.managed_by)
        ]
        for item in unlisted:
            item.observed = item.link
        return unlisted
