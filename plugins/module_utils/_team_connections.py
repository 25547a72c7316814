# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Team connections: a Datadog team linked to an external team. They are immutable."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.tidyops.datadog.plugins.module_utils._client import (
    CONTROL_CHARACTERS,
    UUID,
    Client,
    DatadogError,
    as_object,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import (
    LookAgain,
    OptionError,
    Plan,
    Resource,
)

PATH = "/api/v2/team/connections"
TEAMS_PATH = "/api/v2/team"
#: Commas separate the values of a filter and cannot be escaped.
CONNECTED_TEAM = re.compile(r"@[^\s\x00-\x1f\x7f,/@]+/[^\s\x00-\x1f\x7f,/@]+")
HANDLE = re.compile(r"[^\s\x00-\x1f\x7f,]+")
FORBIDDEN = "The application key needs the permissions teams_read and teams_manage."

ARGUMENT_SPEC: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "team": {"type": "str"},
    "connected_team": {"type": "str"},
    "connected_team_type": {"type": "str", "choices": ["github_team"], "default": "github_team"},
    "source": {"type": "str", "choices": ["github"], "default": "github"},
    "managed_by": {"type": "str"},
    "connection_id": {"type": "str"},
}


@dataclass(frozen=True)
class Desired:
    """What a task says of one team connection.

    :ivar team: a UUID or a handle; empty, like C(connected_team), if the connection's id is given.
    :ivar connection_id: empty if the pair is given.
    """

    state: str
    team: str
    connected_team: str
    connected_team_type: str
    source: str
    managed_by: str | None
    connection_id: str

    @property
    def title(self) -> str:
        """How messages call it."""
        if self.connection_id:
            return f"team connection {self.connection_id}"
        return f"the connection of team {self.team!r} with {self.connected_team}"

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> Desired:
        """:raises OptionError: for all that is wrong with the options and can be known without Datadog."""
        problems: list[tuple[str, str]] = []
        pair = ("team", "connected_team")
        connection_id = params["connection_id"]
        if connection_id is None:
            problems += [(name, "is required") for name in pair if params[name] is None]
        elif params["state"] == "present":
            problems.append(
                (
                    "connection_id",
                    "names a connection to remove; with state=present give team and connected_team",
                )
            )
        elif any(params[name] is not None for name in pair):
            problems.append(("connection_id", "and team, connected_team are mutually exclusive"))
        elif not UUID.fullmatch(connection_id):
            problems.append(("connection_id", "must be the UUID of a team connection"))
        team, connected_team, managed_by = (
            params["team"],
            params["connected_team"],
            params["managed_by"],
        )
        if team is not None and not HANDLE.fullmatch(team):
            problems.append(
                (
                    "team",
                    "must be the UUID or the handle of a Datadog team, without spaces and commas",
                )
            )
        if connected_team is not None and not CONNECTED_TEAM.fullmatch(connected_team):
            problems.append(
                (
                    "connected_team",
                    "must be of the form @organization/team, without spaces and commas, like @acme/platform",
                )
            )
        if managed_by is not None and (
            not managed_by.strip() or CONTROL_CHARACTERS.search(managed_by)
        ):
            problems.append(
                (
                    "managed_by",
                    "must not be empty or contain control characters; leave it out to leave it alone",
                )
            )
        if problems:
            raise OptionError(*problems)
        return cls(
            state=params["state"],
            team=team or "",
            connected_team=connected_team or "",
            connected_team_type=params["connected_team_type"],
            source=params["source"],
            managed_by=managed_by,
            connection_id=(connection_id or "").lower(),
        )


@dataclass(frozen=True)
class Observed:
    """A team connection as Datadog returns it. C(team) is a UUID."""

    connection_id: str | None
    team: str
    connected_team: str
    connected_team_type: str
    source: str
    managed_by: str | None

    @classmethod
    def of(cls, data: t.Mapping[str, t.Any]) -> Observed:
        """Read an entry of an answer's C(data), whatever it holds beside its id."""
        attributes = as_object(data.get("attributes"))
        relationships = as_object(data.get("relationships"))
        team, connected = (
            as_object(as_object(relationships.get(name)).get("data"))
            for name in ("team", "connected_team")
        )
        managed_by = attributes.get("managed_by")
        return cls(
            connection_id=data["id"],
            team=str(team.get("id")),
            connected_team=str(connected.get("id")),
            connected_team_type=str(connected.get("type")),
            source=str(attributes.get("source")),
            managed_by=managed_by if isinstance(managed_by, str) else None,
        )

    def result(self) -> dict[str, t.Any]:
        """What modules return as C(connection)."""
        return {
            "connection_id": self.connection_id,
            "team": self.team,
            "connected_team": self.connected_team,
            "connected_team_type": self.connected_team_type,
            "source": self.source,
            "managed_by": self.managed_by,
        }

    def shown(self) -> dict[str, t.Any]:
        """What the diff shows."""
        return {
            name: value
            for name, value in self.result().items()
            if name != "connection_id" and value is not None
        }


@dataclass(frozen=True)
class Observation:
    """What was seen before deciding.

    :ivar team_id: the UUID of the desired team; empty if there is no such team.
    :ivar connection: the connection of the desired pair or id.
    """

    team_id: str
    connection: Observed | None


class Teams:
    """Datadog's teams, looked up by exact handle."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def id_of(self, team: str) -> str:
        """:param team: a UUID, returned as it is, or a handle. :returns: empty where no team has that handle."""
        if UUID.fullmatch(team):
            return team.lower()
        rows = self._client.pages(
            TEAMS_PATH,
            f"look up the team {team!r}",
            # Matches parts of names, handles and members' addresses.
            {"filter[keyword]": team},
            total=lambda meta: as_object(meta.get("pagination")).get("total"),
        )
        for row in rows:
            if as_object(row.get("attributes")).get("handle") == team:
                return str(row["id"]).lower()
        return ""

    def exists(self, team_id: str) -> bool:
        return (
            self._client.find(f"{TEAMS_PATH}/{team_id}", f"look up the team {team_id}") is not None
        )


class TeamConnection(Resource):
    """One team connection, brought to what a task says."""

    forbidden_hint = FORBIDDEN

    def __init__(self, client: Client, params: t.Mapping[str, t.Any]) -> None:
        super().__init__()
        self.desired = Desired.of(params)
        self._client = client
        self._teams = Teams(client)

    def observe(self) -> Observation:
        desired = self.desired
        doing = f"find {desired.title}"
        if desired.connection_id:
            found = [
                c
                for c in self._list(doing, connection_ids=desired.connection_id)
                if c.connection_id == desired.connection_id
            ]
            return Observation("", found[0] if found else None)
        team_id = self._teams.id_of(desired.team)
        if not team_id:
            return Observation("", None)
        rows = self._list(
            doing,
            sources=desired.source,
            team_ids=team_id,
            connected_team_ids=desired.connected_team,
        )
        identity = (team_id, desired.connected_team, desired.source)
        found = [
            row for row in rows if (row.team.lower(), row.connected_team, row.source) == identity
        ]
        if (
            not found
            and desired.state == "present"
            and UUID.fullmatch(desired.team)
            and not self._teams.exists(team_id)
        ):
            team_id = ""
        return Observation(team_id, found[0] if found else None)

    def _list(self, doing: str, **filters: str) -> t.Iterator[Observed]:
        rows = self._client.pages(
            PATH,
            doing,
            {f"filter[{name}]": value for name, value in filters.items()},
            total=lambda meta: as_object(meta.get("page")).get("total"),
        )
        return (Observed.of(row) for row in rows)

    def plan(self, observed: Observation) -> Plan:
        desired, existing = self.desired, observed.connection
        before = existing.shown() if existing else {}
        if desired.state == "absent":
            return Plan("delete" if existing else "none", before, {})
        if not observed.team_id:
            raise OptionError(
                (
                    "team",
                    f"must be the UUID or the exact handle of a team that exists; Datadog has no team {desired.team!r}",
                )
            )
        if existing and desired.managed_by in (None, existing.managed_by):
            return Plan("none", before, before)
        wanted = self._wanted(observed)
        return Plan("replace" if existing else "create", before, wanted.shown(), _body(wanted))

    def _wanted(self, observed: Observation) -> Observed:
        desired = self.desired
        return Observed(
            None,
            observed.team_id,
            desired.connected_team,
            desired.connected_team_type,
            desired.source,
            desired.managed_by,
        )

    def foretell(self, plan: Plan, observed: Observation) -> dict[str, t.Any]:
        if plan.operation in ("create", "replace"):
            return self.result(self._wanted(observed))
        return self.result(observed.connection, gone=plan.operation == "delete")

    def apply(self, plan: Plan, observed: Observation) -> dict[str, t.Any]:
        existing = observed.connection
        if existing:
            # For a replacement too: the pair must be unique, so the old one has to go first.
            self._delete(existing)
        if plan.operation == "delete":
            return self.result(existing, gone=True)
        try:
            [created] = self._client.post_all(PATH, f"create {self.desired.title}", plan.body)[:1]
        except DatadogError as exc:
            if exc.ambiguous:
                self._client.pause(exc)
                raise LookAgain(exc) from exc
            if exc.status == 409:
                effect = plan.operation == "replace"
                raise LookAgain(self._explained(exc, observed), effect) from exc
            raise
        return self.result(Observed.of(created))

    def _delete(self, existing: Observed) -> None:
        body = {"data": [{"type": "team_connection", "id": existing.connection_id}]}
        try:
            self._client.delete(
                PATH, f"delete {self.desired.title} ({existing.connection_id})", body
            )
        except DatadogError as exc:
            # The first of two attempts may have done it; so may somebody else.
            still_there = self._list(exc.doing, connection_ids=str(existing.connection_id))
            if exc.status not in (400, 404) or any(still_there):
                raise
        self.progress.append(
            f"deleted team connection {existing.connection_id}, which was managed by"
            f" {existing.managed_by!r}"
        )

    def _explained(self, error: DatadogError, observed: Observation) -> DatadogError:
        """Name the connections in the way of one that Datadog refuses with 409."""
        desired = self.desired
        doing = f"find what is in the way of {desired.title}"
        try:
            rivals = {
                row.connection_id: row for row in self._list(doing, team_ids=observed.team_id)
            }
            rivals.update(
                (row.connection_id, row)
                for row in self._list(doing, connected_team_ids=desired.connected_team)
            )
        except DatadogError:
            return error
        if not rivals:
            return error
        named = "; ".join(
            f"{row.connection_id} (team {row.team} with {row.connected_team}, source {row.source}, managed by {row.managed_by})"
            for row in rivals.values()
        )
        reason = f"{error.reason}. Connections that may be in the way: {named}. Remove the one that should not be"
        return DatadogError(error.doing, reason, error.status, error.errors)


def _body(wanted: Observed) -> dict[str, t.Any]:
    attributes = {"source": wanted.source}
    if wanted.managed_by is not None:
        attributes["managed_by"] = wanted.managed_by
    relationships = {
        "team": {"data": {"id": wanted.team, "type": "team"}},
        "connected_team": {
            "data": {"id": wanted.connected_team, "type": wanted.connected_team_type}
        },
    }
    return {
        "data": [
            {"type": "team_connection", "attributes": attributes, "relationships": relationships}
        ]
    }
