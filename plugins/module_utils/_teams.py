# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Datadog's teams, by their handles and ids."""

from __future__ import annotations

import contextlib
import typing as t

from ._client import (
    UUID,
    Client,
    Json,
    TooManyPages,
    as_object,
)

PATH = "/api/v2/team"


class Team(t.NamedTuple):
    """A team of Datadog. :ivar handle: empty where it is not known."""

    team_id: str
    handle: str


class Teams:
    """Datadog's teams. What was read of them holds as long as this object.

    :ivar names: the display names of teams that were read, by their ids.
    :ivar hints: by what was looked up in vain, the handle that was probably meant.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._all: list[Team] | None = None
        self._handles: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.hints: dict[str, str] = {}

    def find(self, teams: t.Iterable[str]) -> dict[str, Team | None]:
        """:param teams: UUIDs and handles. :returns: each team, None where no team has that handle.

        Whether there is a team of a UUID is not looked up.
        """
        wanted = list(dict.fromkeys(teams))
        handles = [team for team in wanted if not UUID.fullmatch(team)]
        self._load(handles)
        return {
            team: (
                self._by_handle(team) if team in handles else Team(team.lower(), self._handles.get(team.lower(), ""))
            )
            for team in wanted
        }

    def exist(self, team_ids: t.Iterable[str]) -> dict[str, Team | None]:
        """:returns: the teams of UUIDs, None for those that no team has."""
        wanted = list(dict.fromkeys(team_ids))
        self._load(wanted)
        return {team_id: self._by_id(team_id) for team_id in wanted}

    def _load(self, wanted: t.Sequence[str]) -> None:
        """Read all teams, if that takes no more requests than looking for each of those that are wanted."""
        if self._all is None and len(wanted) > 1:
            with contextlib.suppress(TooManyPages):
                self._all = self._teams(f"look up {len(wanted)} teams", {}, len(wanted))

    def _by_handle(self, handle: str) -> Team | None:
        # The keyword matches parts of names, handles and members' addresses.
        keyword = handle.lstrip("@")
        found = self._all
        if found is None:
            found = self._teams(f"look up the team {handle!r}", {"filter[keyword]": keyword})
        exact = next((team for team in found if team.handle == handle), None)
        near = [team.handle for team in found if keyword in (team.handle, self.names.get(team.team_id))]
        if not exact and len(near) == 1:
            self.hints[handle] = near[0]
        return exact

    def _by_id(self, team_id: str) -> Team | None:
        known = next((team for team in self._all or [] if team.team_id == team_id), None)
        if known:
            return known
        row = self._client.find(f"{PATH}/{team_id}", f"look up the team {team_id}")
        return self._team(row) if row else None

    def _teams(self, doing: str, params: t.Mapping[str, str], most_pages: int | None = None) -> list[Team]:
        rows = self._client.pages(
            PATH,
            doing,
            params,
            total=lambda meta: as_object(meta.get("pagination")).get("total"),
            most_pages=most_pages,
        )
        return [self._team(row) for row in rows]

    def _team(self, row: Json) -> Team:
        attributes = as_object(row.get("attributes"))
        team = Team(row["id"].lower(), str(attributes.get("handle") or ""))
        self._handles[team.team_id] = team.handle
        self.names[team.team_id] = str(attributes.get("name") or "")
        return team
