# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What is known of team connections."""

from __future__ import annotations

import itertools
import typing as t
from urllib.parse import quote_plus

from ansible_collections.tidyops.datadog.plugins.module_utils._client import UUID, Client
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import OptionError
from ansible_collections.tidyops.datadog.plugins.module_utils._team_connections import (
    CONNECTED_TEAM,
    HANDLE,
    LONGEST_FILTER,
    Observed,
    list_connections,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._teams import Teams

#: What Datadog says that it supports.
SOURCES = ("github", "scim", "servicenow")
ARGUMENT_SPEC: dict[str, t.Any] = {
    "teams": {"type": "list", "elements": "str"},
    "connected_teams": {"type": "list", "elements": "str"},
    "sources": {"type": "list", "elements": "str", "choices": list(SOURCES)},
    "connection_ids": {"type": "list", "elements": "str"},
}
_PATTERNS = {
    "teams": (HANDLE, "the UUID or the handle of a Datadog team, without spaces and commas"),
    "connected_teams": (
        CONNECTED_TEAM,
        "of the form @organization/team, without spaces and commas",
    ),
    "connection_ids": (UUID, "the UUID of a team connection"),
}


def team_connections(client: Client, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What the info module returns: C(connections), and in C(missing) what was asked for and led to none.

    :raises OptionError: for bad input.
    """
    problems = [
        (f"{option}[{index}]", f"must be {expected}")
        for option, (pattern, expected) in _PATTERNS.items()
        for index, value in enumerate(params[option] or [])
        if not pattern.fullmatch(value)
    ]
    if problems:
        raise OptionError(*problems)
    given = {
        option: list(dict.fromkeys(params[option]))
        for option in ARGUMENT_SPEC
        if params[option] is not None
    }
    ids = Teams(client).ids_of(given.get("teams", []))
    filters = {
        "team_ids": (
            [ids[team] for team in given["teams"] if ids[team]] if "teams" in given else None
        ),
        "connected_team_ids": given.get("connected_teams"),
        "sources": given.get("sources"),
        "connection_ids": (
            [each.lower() for each in given["connection_ids"]]
            if "connection_ids" in given
            else None
        ),
    }
    found = _found(client, {name: values for name, values in filters.items() if values is not None})
    led: dict[str, set[str | None]] = {
        "teams": {row.team.lower() for row in found},
        "connected_teams": {row.connected_team for row in found},
        "connection_ids": {row.connection_id for row in found},
    }
    missing = [
        value
        for option, values in given.items()
        for value in values
        if option in led
        and ids.get(value, value.lower() if option == "connection_ids" else value)
        not in led[option]
    ]
    shown = sorted(found, key=lambda row: (row.connected_team, row.team, str(row.connection_id)))
    return {"connections": [row.result() for row in shown], "missing": missing}


def _found(client: Client, filters: t.Mapping[str, list[str]]) -> list[Observed]:
    """The connections that pass all filters."""
    if not all(filters.values()):
        return []
    rows = {}
    for chunk in itertools.product(*(_chunks(values) for values in filters.values())):
        joined = dict(zip(filters, map(",".join, chunk)))
        for row in list_connections(client, "list team connections", None, **joined):
            rows[row.connection_id] = row
    return list(rows.values())


def _chunks(values: t.Iterable[str]) -> list[list[str]]:
    """Values in parts that together fit into a request, several filters beside each other."""
    chunks: list[list[str]] = []
    length = LONGEST_FILTER
    for value in values:
        added = len(quote_plus(f",{value}"))
        if length + added > LONGEST_FILTER // 3:
            chunks.append([])
            length = 0
        chunks[-1].append(value)
        length += added
    return chunks
