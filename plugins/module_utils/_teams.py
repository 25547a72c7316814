# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Datadog's teams, by their handles and ids."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._client import (
    UUID,
    Client,
    TooLong,
    as_object,
)

PATH = "/api/v2/team"


class Teams:
    """Datadog's teams. What was read of them holds as long as this object."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ids: dict[str, str] | None = None

    def ids_of(self, teams: t.Iterable[str]) -> dict[str, str]:
        """:param teams: UUIDs and handles. :returns: the UUID of each, empty where no team has that handle."""
        wanted = list(dict.fromkeys(teams))
        self._read_ahead([team for team in wanted if not UUID.fullmatch(team)])
        return {team: self._id_of(team) for team in wanted}

    def absent(self, team_ids: t.Iterable[str]) -> set[str]:
        """Those among the UUIDs that no team has."""
        wanted = list(dict.fromkeys(team_ids))
        self._read_ahead(wanted)
        there = set((self._ids or {}).values())
        return {team_id for team_id in wanted if team_id not in there and not self._exists(team_id)}

    def _read_ahead(self, wanted: t.Sequence[str]) -> None:
        """Read all teams, if that takes no more requests than looking for each of those that are wanted."""
        if self._ids is not None or len(wanted) < 2:
            return
        doing = f"look up {len(wanted)} teams"
        with contextlib.suppress(TooLong):
            self._ids = {
                str(as_object(row.get("attributes")).get("handle")): str(row["id"]).lower()
                for row in self._pages(doing, {}, len(wanted))
            }

    def _id_of(self, team: str) -> str:
        if UUID.fullmatch(team):
            return team.lower()
        if self._ids is not None:
            return self._ids.get(team, "")
        # The keyword matches parts of names, handles and members' addresses.
        for row in self._pages(f"look up the team {team!r}", {"filter[keyword]": team}):
            if as_object(row.get("attributes")).get("handle") == team:
                return str(row["id"]).lower()
        return ""

    def _exists(self, team_id: str) -> bool:
        return self._client.find(f"{PATH}/{team_id}", f"look up the team {team_id}") is not None

    def _pages(
        self, doing: str, params: t.Mapping[str, str], most_pages: int | None = None
    ) -> t.Iterator[dict[str, t.Any]]:
        return self._client.pages(
            PATH,
            doing,
            params,
            total=lambda meta: as_object(meta.get("pagination")).get("total"),
            most_pages=most_pages,
        )
