# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of team connections."""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import replace

from ._client import UUID, Client, Json
from ._errors import OptionError
from ._module import DatadogModule
from ._team_connections import (
    CONNECTED_TEAM,
    HANDLE,
    TeamLink,
    list_links,
)
from ._teams import Teams

#: What Datadog says that it supports.
SOURCES = ("github", "scim", "servicenow")
ARGUMENT_SPEC: dict[str, t.Any] = {
    "teams": {"type": "list", "elements": "str"},
    "connected_teams": {"type": "list", "elements": "str"},
    "sources": {"type": "list", "elements": "str", "choices": list(SOURCES)},
    "connection_ids": {"type": "list", "elements": "str"},
}
#: How many values of each filter go into one request, so that its line does not get too long.
CHUNK = 40
_PATTERNS = {
    "teams": (HANDLE, "the UUID or the handle of a Datadog team, without spaces and commas"),
    "connected_teams": (
        CONNECTED_TEAM,
        "of the form @organization/team, without spaces and commas",
    ),
    "connection_ids": (UUID, "the UUID of a team connection"),
}


def team_connections(client: Client, module: DatadogModule) -> Json:
    """What the info module returns: C(connections), and in C(missing) what was asked for and led to none.

    :raises OptionError: for bad input.
    """
    params = module.params
    problems = [
        (f"{option}[{index}]", f"must be {expected}")
        for option, (pattern, expected) in _PATTERNS.items()
        for index, value in enumerate(params[option] or [])
        if not pattern.fullmatch(value)
    ]
    if problems:
        raise OptionError(*problems)
    given = {option: list(dict.fromkeys(params[option])) for option in ARGUMENT_SPEC if params[option] is not None}
    known = Teams(client).find(given.get("teams", []))
    ids = {team: found.team_id if found else "" for team, found in known.items()}
    handles = {found.team_id: found.handle for found in known.values() if found}
    filters = {
        "team_ids": ([ids[team] for team in given["teams"] if ids[team]] if "teams" in given else None),
        "sources": given.get("sources"),
        "connection_ids": ([each.lower() for each in given["connection_ids"]] if "connection_ids" in given else None),
    }
    found = _found(client, {name: values for name, values in filters.items() if values is not None})
    if "connected_teams" in given:
        # Whether Datadog's own filter regards their case is not known.
        connected = {each.lower() for each in given["connected_teams"]}
        found = [row for row in found if row.connected_team.lower() in connected]
    led: dict[str, set[str | None]] = {
        "teams": {row.team for row in found},
        "connected_teams": {row.connected_team.lower() for row in found},
        "connection_ids": {row.connection_id for row in found},
    }
    missing = [
        value
        for option, found_by in led.items()
        for value in given.get(option, [])
        if ids.get(value, value.lower()) not in found_by
    ]
    shown = sorted(found, key=lambda row: (row.connected_team, row.team, str(row.connection_id)))
    return {
        "connections": [
            {**row.result(), "options": _options(row)}
            for row in (replace(row, team_handle=handles.get(row.team, "")) for row in shown)
        ],
        "missing": missing,
    }


def _options(row: TeamLink) -> Json | None:
    """What a task would be given to get a connection; None for a source that tasks do not know."""
    shown = {name: value for name, value in row.shown().items() if value}
    return shown if row.source == "github" else None


def _found(client: Client, filters: t.Mapping[str, list[str]]) -> list[TeamLink]:
    """The connections that pass all filters."""
    if not all(filters.values()):
        return []
    rows: dict[str | None, TeamLink] = {}
    for chunk in itertools.product(*(_chunks(values) for values in filters.values())):
        joined = dict(zip(filters, map(",".join, chunk)))
        for row in list_links(client, "list team connections", None, **joined):
            rows[row.connection_id] = row
    return list(rows.values())


def _chunks(values: list[str]) -> list[list[str]]:
    return [values[start : start + CHUNK] for start in range(0, len(values), CHUNK)]
