# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Datadog's teams, by their handles and UUIDs."""

from __future__ import annotations

import contextlib
import typing as t

from ._client import UUID, Client, TooManyPages, as_object

PATH = "/api/v2/team"


class Team(t.NamedTuple):
    """A team; C(handle) and C(name) are empty where they are not known."""

    team_id: str
    handle: str = ""
    name: str = ""


class Teams:
    """Datadog's teams.

    :ivar known: those that were read, by their UUIDs.
    :ivar hints: by a handle that does not exist, the one that was probably meant.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._is_complete = False
        self.known: dict[str, Team] = {}
        self.hints: dict[str, str] = {}

    def find(self, teams: t.Iterable[str]) -> dict[str, Team | None]:
        """:param teams: UUIDs, which are not looked up, and handles. :returns: each team; None for an unknown handle."""
        found: dict[str, Team | None] = {each: Team(each.lower()) for each in teams}
        handles = [each for each in found if not UUID.fullmatch(each)]
        self.read_all(len(handles))
        found.update((each, self._by_handle(each)) for each in handles)
        return {each: team and self.known.get(team.team_id, team) for each, team in found.items()}

    def read_all(self, wanted: int) -> None:
        """Read all teams, if that takes no more requests than to look for each of so many."""
        if wanted > 1 and not self._is_complete:
            with contextlib.suppress(TooManyPages):
                self._read(f"look up {wanted} teams", {}, wanted)
                self._is_complete = True

    def _by_handle(self, handle: str) -> Team | None:
        # Datadog's filter matches parts of names, handles and members' addresses.
        keyword = handle.lstrip("@")
        if not self._is_complete:
            self._read(f"look up the team {handle!r}", {"filter[keyword]": keyword})
        near = []
        for team in self.known.values():
            if team.handle == handle:
                return team
            if keyword in (team.handle, team.name):
                near.append(team.handle)
        if len(near) == 1:
            self.hints[handle] = near[0]
        return None

    def _read(self, doing: str, params: t.Mapping[str, str], most_pages: int | None = None) -> None:
        for row in self._client.pages(PATH, doing, params, "pagination.total", most_pages):
            attributes = as_object(row.get("attributes"))
            handle, name = (str(attributes.get(key) or "") for key in ("handle", "name"))
            self.known[row["id"].lower()] = Team(row["id"].lower(), handle, name)
