# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that reads team connections."""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import replace

from ._client import UUID, Client, Json
from ._errors import OptionError
from ._module import DatadogModule
from ._team_connections import CONNECTED_TEAM, HANDLE, TeamLink, batches, list_links
from ._teams import Teams

#: Those that Datadog supports.
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
    "teams": (HANDLE, "the UUID or the handle of a Datadog team, without spaces or commas"),
    "connected_teams": (CONNECTED_TEAM, "of the form @organization/team, without spaces or commas"),
    "connection_ids": (UUID, "the UUID of a team connection"),
}


def team_connections(client: Client, module: DatadogModule) -> Json:
    """What the info module returns: C(connections), and in C(missing) what was asked for and led to none.

    :raises OptionError: for bad input.
    """
    given = {option: module.params[option] for option in ARGUMENT_SPEC if module.params[option] is not None}
    problems = [
        (f"{option}[{index}]", f"must be {expected}")
        for option, (pattern, expected) in _PATTERNS.items()
        for index, value in enumerate(given.get(option, []))
        if not pattern.fullmatch(value)
    ]
    if problems:
        raise OptionError(*problems)
    teams = Teams(client).find(given.get("teams", []))
    handles = {team.team_id: team.handle for team in teams.values() if team}
    # What to look for, by the values of each option; empty where there is no such team.
    keys = {option: {value: value.lower() for value in values} for option, values in given.items()}
    if "teams" in given:
        keys["teams"] = {value: team.team_id if team else "" for value, team in teams.items()}
    filters = {"teams": "team_ids", "sources": "sources", "connection_ids": "connection_ids"}
    found = _found(
        client, {name: list(filter(None, keys[option].values())) for option, name in filters.items() if option in keys}
    )
    if "connected_teams" in keys:
        # Whether Datadog's own filter regards their case is not known.
        found = [row for row in found if row.connected_team.lower() in keys["connected_teams"].values()]
    led_to = {
        "teams": {row.team for row in found},
        "connected_teams": {row.connected_team.lower() for row in found},
        "connection_ids": {row.connection_id for row in found},
    }
    shown = sorted(found, key=lambda row: (row.connected_team, row.team, row.connection_id))
    return {
        "connections": [_shown(replace(row, team_handle=handles.get(row.team, ""))) for row in shown],
        "missing": [
            value for option, there in led_to.items() for value, key in keys.get(option, {}).items() if key not in there
        ],
    }


def _shown(row: TeamLink) -> Json:
    """A connection, and in C(options) what a task would be given to get it; None for a source that tasks do not know."""
    options = {name: value for name, value in row.shown().items() if value}
    return {**row.result(), "options": options if row.source == "github" else None}


def _found(client: Client, filters: t.Mapping[str, list[str]]) -> list[TeamLink]:
    """The connections that pass all filters."""
    if not all(filters.values()):
        return []
    rows: dict[str, TeamLink] = {}
    for chunk in itertools.product(*(batches(values, CHUNK) for values in filters.values())):
        joined = dict(zip(filters, map(",".join, chunk)))
        rows.update((row.connection_id, row) for row in list_links(client, "list team connections", None, **joined))
    return list(rows.values())
