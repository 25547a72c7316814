# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Team connections: a Datadog team linked to an external team. They cannot be updated, only created and deleted."""

from __future__ import annotations

import contextlib
import itertools
import re
import typing as t
from dataclasses import dataclass, replace

from ._client import CONTROL_CHARACTERS, PAGE_SIZE, UUID, Client, Json, TooManyPages, as_object, objects
from ._errors import ConcurrentChange, DatadogError, OptionError, Problem, Skipped, TaskError
from ._module import DatadogModule
from ._reconcile import Notice, Plan, Resource, ResourceSet, fails_for_all
from ._teams import PATH as TEAMS
from ._teams import Teams

PATH = "/api/v2/team/connections"
#: How many connections a request may create or delete.
BATCH_SIZE = 100
#: How many teams a request filters by. Servers and proxies usually take a line of 8,000 characters; these are 6,000.
TEAMS_IN_FILTER = 150
#: A batch that Datadog answers so was not carried out, or only in part.
REFUSED = (400, 404, 409, 410, 422)
#: Commas separate the values of a filter and cannot be escaped.
CONNECTED_TEAM = re.compile(r"@[^\s\x00-\x1f\x7f\ud800-\udfff,/@]+/[^\s\x00-\x1f\x7f\ud800-\udfff,/@]+")
HANDLE = re.compile(r"[^\s\x00-\x1f\x7f\ud800-\udfff,]+")

SHARED_OPTIONS: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "connected_team_type": {"type": "str", "choices": ["github_team"], "default": "github_team"},
    "source": {"type": "str", "choices": ["github"], "default": "github"},
    "managed_by": {"type": "str"},
}
ARGUMENT_SPEC: dict[str, t.Any] = {
    "team": {"type": "str"},
    "connected_team": {"type": "str"},
    **SHARED_OPTIONS,
    "connection_id": {"type": "str"},
}


#: What may exist only once: the team's UUID, the connected team in lower case, since GitHub's slugs have no other, and the source.
Identity = tuple[str, str, str]


@dataclass(frozen=True)
class TeamLink:
    """A team connection, as Datadog returns it or as a task wants it.

    :ivar connection_id: empty if it is not created yet, or the task does not give it.
    :ivar team: a UUID; in a task also a handle. Empty, like C(connected_team), if the task gives the id.
    :ivar team_handle: empty where it is not known.
    """

    connection_id: str
    team: str
    connected_team: str
    connected_team_type: str
    source: str
    managed_by: str | None
    team_handle: str = ""

    @classmethod
    def of(cls, data: Json) -> TeamLink:
        """Read an entry of an answer's C(data), whatever it holds beside its id."""
        attributes = as_object(data.get("attributes"))
        related = as_object(data.get("relationships"))
        team, connected = (as_object(as_object(related.get(name)).get("data")) for name in ("team", "connected_team"))
        managed_by = attributes.get("managed_by")
        return cls(
            data["id"].lower(),
            str(team.get("id") or "").lower(),
            str(connected.get("id") or ""),
            str(connected.get("type") or ""),
            str(attributes.get("source") or ""),
            managed_by if isinstance(managed_by, str) else None,
        )

    @property
    def identity(self) -> Identity:
        return self.team, self.connected_team.lower(), self.source

    @property
    def title(self) -> str:
        if self.connection_id:
            return f"team connection {self.connection_id}"
        return f"the connection of team {self.team_handle or self.team!r} with {self.connected_team}"

    def shown(self) -> Json:
        """What the diff shows, in the shape of the options."""
        return {
            "team": self.team_handle or self.team,
            "connected_team": self.connected_team,
            "connected_team_type": self.connected_team_type,
            "source": self.source,
            "managed_by": self.managed_by,
        }

    def result(self) -> Json:
        """What modules return as C(connection)."""
        ids = {"connection_id": self.connection_id or None, "team": self.team, "team_handle": self.team_handle or None}
        return {**self.shown(), **ids}

    def body(self) -> Json:
        """What is sent to create it."""
        managed_by = {} if self.managed_by is None else {"managed_by": self.managed_by}
        return {
            "type": "team_connection",
            "attributes": {"source": self.source, **managed_by},
            "relationships": {
                "team": {"data": {"id": self.team, "type": "team"}},
                "connected_team": {"data": {"id": self.connected_team, "type": self.connected_team_type}},
            },
        }


class TeamConnection(Resource["TeamLink | None"]):
    """One team connection. What is observed is the one that exists.

    :ivar link: what the task says of it; once it was observed, with the team's UUID and handle.
    :ivar team: the team as the task gives it.
    :ivar has_team: whether there is such a team.
    :ivar hint: the handle that was probably meant.
    """

    observed: TeamLink | None = None
    has_team = True
    hint = ""

    def __init__(self, link: TeamLink, is_wanted: bool, option_path: str = "") -> None:
        super().__init__(option_path)
        self.link, self.team = link, link.team
        self.is_wanted = is_wanted

    @classmethod
    def of(cls, params: Json, option_path: str = "") -> TeamConnection:
        """:param params: the options of the module, with those of the entry if it is about a set."""
        link = TeamLink(
            (params["connection_id"] or "").lower(),
            params["team"] or "",
            params["connected_team"] or "",
            params["connected_team_type"],
            params["source"],
            params["managed_by"],
        )
        return cls(link, params["state"] == "present", option_path)

    @property
    def names(self) -> Json:
        return {"team": self.team, "connected_team": self.link.connected_team}

    def decide(self) -> Plan:
        existing, wanted = self.observed, self.link
        before = existing.shown() if existing else {}
        hint = f"; did you mean {self.hint}?" if self.hint else ""
        if not self.is_wanted:
            text = f"There is no team with the handle {self.team!r}, so it has no connection to delete{hint or '.'}"
            notices = () if self.has_team else (Notice(text),)
            return Plan(
                "delete" if existing else "none",
                before,
                {},
                notices=notices,
                result=result_of(existing, is_deleted=True),
            )
        if not self.has_team:
            path = f"{self.option_path}.team".lstrip(".")
            problem = f"must be the UUID or the exact handle of a team; Datadog has no team {self.team!r}{hint}"
            raise OptionError((path, problem))
        if existing and wanted.managed_by in (None, existing.managed_by):
            return Plan("none", before, before, result=result_of(existing))
        operation = "replace" if existing else "create"
        return Plan(operation, before, wanted.shown(), wanted.body(), result=result_of(wanted))


def result_of(link: TeamLink | None, is_deleted: bool = False) -> Json:
    """C(connection) is what exists in the end, C(connection_id) also what existed until now."""
    return {
        "connection": link.result() if link and not is_deleted else None,
        "connection_id": link.connection_id or None if link else None,
    }


class TeamConnections(ResourceSet[TeamConnection]):
    """The team connections that a task is about: one, or a set."""

    def __init__(self, client: Client, resources: t.Iterable[TeamConnection]) -> None:
        super().__init__(resources)
        self._client = client
        self._teams = Teams(client)

    @classmethod
    def one(cls, client: Client, module: DatadogModule) -> TeamConnections:
        """:raises OptionError: for bad input."""
        params = module.params
        problems = [*_id_problems(params), *pair_problems(params), *managed_by_problems(params)]
        if problems:
            raise OptionError(*problems)
        return cls(client, [TeamConnection.of(params)])

    def observe(self, resources: t.Sequence[TeamConnection]) -> None:
        doing = f"find {_title(resources)}"
        connection_id = resources[0].link.connection_id
        if connection_id:
            resources[0].observed = next(iter(self._existing([connection_id], doing)), None)
            return
        teams = self._teams.find(item.team for item in resources)
        for item in resources:
            team = teams[item.team]
            if team:
                item.link = replace(item.link, team=team.team_id, team_handle=team.handle)
            else:
                item.has_team, item.hint = False, self._teams.hints.get(item.team, "")
        known = [item for item in resources if item.has_team]
        existing = {row.identity: row for row in self.matching([item.link for item in known], doing)}
        # A team whose handle was found exists. Of a UUID only a connection proves that, or the team itself.
        unproven = {
            item.link.team
            for item in known
            if item.is_wanted and not item.link.team_handle and item.link.identity not in existing
        }
        self._teams.read_all(len(unproven))
        handles = {team_id: self._handle_of(team_id) for team_id in sorted(unproven)}
        for item in known:
            handle = handles.get(item.link.team, item.link.team_handle)
            row = existing.get(item.link.identity)
            item.has_team = handle is not None
            item.link = replace(item.link, team_handle=handle or "")
            item.observed = row and replace(row, team_handle=handle or "")

    def _handle_of(self, team_id: str) -> str | None:
        """:returns: None if there is no such team."""
        known = self._teams.known.get(team_id)
        if known:
            return known.handle
        row = self._client.find(f"{TEAMS}/{team_id}", f"look up the team {team_id}")
        return str(as_object(row.get("attributes")).get("handle") or "") if row else None

    def matching(self, links: t.Sequence[TeamLink], doing: str) -> list[TeamLink]:
        """The connections of these identities, and maybe others."""
        return links_of(self._client, links, doing)

    def _existing(self, connection_ids: t.Sequence[str], doing: str) -> list[TeamLink]:
        rows = list_links(self._client, doing, connection_ids=",".join(connection_ids))
        return [row for row in rows if row.connection_id in connection_ids]

    def apply(self, resources: t.Sequence[TeamConnection]) -> None:
        for batch in batches(resources, BATCH_SIZE):
            if fails_for_all(resources):
                for item in batch:
                    item.error = Skipped()
                continue
            # Also to replace one: the pair must be unique, so the old one has to be deleted first.
            self._delete(batch)
            self._create([item for item in batch if item.plan.body and not item.error])

    def _delete(self, resources: t.Sequence[TeamConnection]) -> None:
        rows = {item: item.observed for item in resources if item.observed}
        if not rows:
            return
        ids = [row.connection_id for row in rows.values()]
        doing = f"delete {_title(list(rows))}" + (f" ({ids[0]})" if len(ids) == 1 else "")
        error: DatadogError | TaskError | None = None
        try:
            body = {"data": [{"type": "team_connection", "id": each} for each in ids]}
            is_refused = not self._client.delete(PATH, doing, body)
            if is_refused:
                error = TaskError(f"Could not {doing}: Datadog answers that it does not exist. Run the task again.")
        except DatadogError as exc:
            error, is_refused = exc, exc.status in REFUSED
        left = ids if error else []
        if is_refused:
            # The first of two attempts may have deleted some, or another run.
            with contextlib.suppress(DatadogError):
                left = [row.connection_id for row in self._existing(ids, doing)]
        for item, row in rows.items():
            if row.connection_id not in left:
                item.done.append(
                    f"deleted team connection {row.connection_id}, which was managed by {row.managed_by!r}"
                )
                item.result = result_of(row, is_deleted=True)
        remaining = [item for item, row in rows.items() if row.connection_id in left]
        if is_refused and len(rows) > 1:
            for half in _halves(remaining):
                self._delete(half)
        else:
            for item in remaining:
                item.error = error

    def _create(self, resources: t.Sequence[TeamConnection]) -> None:
        if not resources:
            return
        doing = f"create {_title(resources)}"
        try:
            body = {"data": [item.plan.body for item in resources]}
            answer = self._client.call("POST", PATH, doing, objects, json=body)
        except DatadogError as exc:
            self._not_created(resources, exc)
            return
        rows = [TeamLink.of(row) for row in answer]
        created = {row.identity: row for row in rows}
        for item in resources:
            row = created.get(item.link.identity) or (rows[0] if len(rows) == len(resources) == 1 else None)
            if row:
                _take(item, row)
            else:
                reason = f"Could not create {_title([item])}: Datadog's answer does not mention it."
                item.error = TaskError(f"{reason} Run the task again.")

    def _not_created(self, resources: t.Sequence[TeamConnection], error: DatadogError) -> None:
        """Find out what became of connections, and create those that can be created."""
        rows: list[TeamLink] | None = None
        if error.is_ambiguous:
            self._client.pause(error)
            rows = []
        if error.is_ambiguous or error.status in REFUSED:
            with contextlib.suppress(DatadogError):
                rows = links_of(self._client, [item.link for item in resources], error.doing)
        if rows is None:
            for item in resources:
                item.error = error
            return
        there = {row.identity: row for row in rows}
        missing = []
        for item in resources:
            if item.link.identity in there:
                _take(item, there[item.link.identity], error)
            else:
                missing.append(item)
        if error.is_ambiguous:
            text = f"Could not {error.doing}: {error.reason}. Datadog does not list it yet, but may still create it. Run the task"
            for item in missing:
                item.error = TaskError(f"{text} again.", affects_all=error.affects_all)
                item.error.__cause__ = error
        elif len(resources) == 1 and missing:
            missing[0].error = error
            if error.status == 409:
                self._name_rivals(missing[0].link, error)
        else:
            # Whatever is wrong is in one of them, or in both.
            for half in _halves(missing):
                self._create(half)

    def _name_rivals(self, wanted: TeamLink, error: DatadogError) -> None:
        """Name the connections that may be in the way of one that was refused with 409."""
        doing = f"find what is in the way of {wanted.title}"
        with contextlib.suppress(DatadogError):
            rows = list_links(self._client, doing, team_ids=wanted.team)
            rows += list_links(self._client, doing, connected_team_ids=wanted.connected_team)
            named = [
                f"{row.connection_id} (team {row.team} with {row.connected_team}, source {row.source}, managed by {row.managed_by})"
                for row in dict.fromkeys(rows)
            ]
            if named:
                rivals = "; ".join(named)
                error.remedy = f"Connections that may be in the way: {rivals}. Delete the one that should not exist."


def _take(item: TeamConnection, row: TeamLink, error: DatadogError | None = None) -> None:
    """Take a connection as the result: from Datadog's answer or, after an error, from its list."""
    wanted, path = item.link, item.option_path
    if error and wanted.managed_by not in (None, row.managed_by):
        text = f"Another run created {row.connection_id}, managed by {row.managed_by!r}, while this task was running."
        item.error = ConcurrentChange(f"{text} Run the task again.")
        return
    item.result = result_of(replace(row, team_handle=wanted.team_handle))
    if error and not error.is_ambiguous:
        item.operation = "replace" if item.done else "none"
        text = "It exists now" + (" (%s)" if path else "")
        text += ": another run created it first, or Datadog applied part of the request that it refused."
        item.notices.append(Notice(f"{error} {text}", path))
        return
    item.done.append(f"created team connection {row.connection_id}")
    if error:
        item.notices.append(Notice(f"{error} It was created anyway."))


def links_of(client: Client, links: t.Sequence[TeamLink], doing: str) -> list[TeamLink]:
    """The connections of these identities, and maybe others of their sources, in few requests."""
    sources = ",".join({each.source for each in links})
    chunks = batches(list(dict.fromkeys(each.team for each in links)), TEAMS_IN_FILTER)
    # If all of them exist. Finding out whether all connections are fewer takes a request, too.
    pages = len(chunks) + len({each.identity for each in links}) // PAGE_SIZE
    if pages > 2:
        with contextlib.suppress(TooManyPages):
            return list_links(client, doing, pages, sources=sources)
    # Not filtered by connected teams: whether Datadog regards their case then is not known.
    found = (list_links(client, doing, sources=sources, team_ids=",".join(chunk)) for chunk in chunks)
    return list(itertools.chain.from_iterable(found))


def list_links(client: Client, doing: str, most_pages: int | None = None, **filters: str) -> list[TeamLink]:
    """The connections that Datadog lists.

    :param filters: comma-joined values by the names of filters, like C(team_ids).
    :raises TooManyPages: see Client.pages().
    """
    params = {f"filter[{name}]": value for name, value in filters.items()}
    rows = client.pages(PATH, doing, params, "page.total", most_pages)
    return [TeamLink.of(row) for row in rows]


def pair_problems(given: t.Mapping[str, t.Any], inside: str = "") -> t.Iterator[Problem]:
    """:param given: C(team) and C(connected_team). :param inside: the path of what they stand in, with a dot at the end."""
    team, connected_team = given["team"], given["connected_team"]
    # A name with spaces is looked up anyway: the error then suggests the handle.
    if team is not None and not HANDLE.fullmatch(team.replace(" ", "")):
        yield f"{inside}team", "must be the UUID or the handle of a Datadog team, without spaces or commas"
    if connected_team is not None and not CONNECTED_TEAM.fullmatch(connected_team):
        problem = "must be of the form @organization/team, without spaces or commas, like @acme/platform"
        yield f"{inside}connected_team", problem


def managed_by_problems(params: t.Mapping[str, t.Any]) -> t.Iterator[Problem]:
    managed_by = params["managed_by"]
    if managed_by is not None and (not managed_by.strip() or CONTROL_CHARACTERS.search(managed_by)):
        yield "managed_by", "must not be empty or contain control characters; leave it out to leave it alone"


def _id_problems(params: t.Mapping[str, t.Any]) -> t.Iterator[Problem]:
    pair = ("team", "connected_team")
    if params["connection_id"] is None:
        yield from ((name, "is required") for name in pair if params[name] is None)
    elif params["state"] == "present":
        yield "connection_id", "is for state=absent; with state=present give team and connected_team"
    elif any(params[name] is not None for name in pair):
        yield "connection_id", "and team, connected_team are mutually exclusive"
    elif not UUID.fullmatch(params["connection_id"]):
        yield "connection_id", "must be the UUID of a team connection"


T = t.TypeVar("T")


def batches(entries: t.Sequence[T], size: int) -> list[t.Sequence[T]]:
    return [entries[start : start + size] for start in range(0, len(entries), size)]


def _halves(resources: t.Sequence[TeamConnection]) -> list[t.Sequence[TeamConnection]]:
    return batches(resources, (len(resources) + 1) // 2 or 1)


def _title(resources: t.Sequence[TeamConnection]) -> str:
    """How messages call what items are about."""
    return resources[0].link.title if len(resources) == 1 else f"{len(resources)} team connections"
