# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Team connections: a Datadog team linked to an external team. They are immutable."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace
from urllib.parse import quote_plus

from ._client import (
    CONTROL_CHARACTERS,
    PAGE_SIZE,
    UUID,
    Client,
    Json,
    TooManyPages,
    as_object,
)
from ._errors import (
    ConcurrentChange,
    DatadogError,
    OptionError,
    Problem,
    Skipped,
    TaskError,
)
from ._module import DatadogModule
from ._reconcile import (
    Item,
    Notice,
    Plan,
    Resource,
    ResourceSet,
)
from ._teams import Team, Teams

PATH = "/api/v2/team/connections"
#: How many connections a request may create or delete.
BATCH_SIZE = 100
#: A batch that Datadog answers so was not carried out, or only in part.
REFUSED = (400, 404, 409, 410, 422)
#: How long the values of a filter may be. Servers and proxies usually take a line of 8,000.
LONGEST_FILTER = 6000
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
CONNECTION_OPTIONS: dict[str, t.Any] = {
    "team": {"type": "str", "required": True},
    "connected_team": {"type": "str", "required": True},
}
SET_ARGUMENT_SPEC: dict[str, t.Any] = {
    "connections": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": CONNECTION_OPTIONS,
    },
    **SHARED_OPTIONS,
    "purge": {"type": "bool", "default": False},
    "allow_empty": {"type": "bool", "default": False},
}


class Identity(t.NamedTuple):
    """What may exist only once. C(team) is a UUID; C(connected_team) is in lower case, since GitHub's slugs have no other."""

    team: str
    connected_team: str
    source: str


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
        problems = list(_problems(params))
        if problems:
            raise OptionError(*problems)
        return cls(
            state=params["state"],
            team=params["team"] or "",
            connected_team=params["connected_team"] or "",
            connected_team_type=params["connected_team_type"],
            source=params["source"],
            managed_by=params["managed_by"],
            connection_id=(params["connection_id"] or "").lower(),
        )


def _problems(params: t.Mapping[str, t.Any]) -> t.Iterator[Problem]:
    pair = ("team", "connected_team")
    team, connected_team, managed_by, connection_id = (params[name] for name in (*pair, "managed_by", "connection_id"))
    if connection_id is None:
        yield from ((name, "is required") for name in pair if params[name] is None)
    elif params["state"] == "present":
        problem = "names a connection to delete; with state=present give team and connected_team"
        yield "connection_id", problem
    elif team is not None or connected_team is not None:
        yield "connection_id", "and team, connected_team are mutually exclusive"
    elif not UUID.fullmatch(connection_id):
        yield "connection_id", "must be the UUID of a team connection"
    # A name with spaces is looked up all the same: the error then names the handle.
    if team is not None and not HANDLE.fullmatch(team.replace(" ", "")):
        yield "team", "must be the UUID or the handle of a Datadog team, without spaces and commas"
    if connected_team is not None and not CONNECTED_TEAM.fullmatch(connected_team):
        problem = "must be of the form @organization/team, without spaces and commas, like @acme/platform"
        yield "connected_team", problem
    if managed_by is not None and (not managed_by.strip() or CONTROL_CHARACTERS.search(managed_by)):
        problem = "must not be empty or contain control characters; leave it out to leave it alone"
        yield "managed_by", problem


def desired_set(params: t.Mapping[str, t.Any]) -> dict[str, Desired]:
    """What a task says of each connection of a set, by its path (C(connections[3])), in the order of the task.

    :raises OptionError: for all that is wrong with the options and can be known without Datadog.
    """
    desired: dict[str, Desired] = {}
    problems: list[Problem] = []
    first: dict[tuple[str, str], str] = {}
    if params["purge"] and params["state"] == "absent":
        problem = "is for state=present; with state=absent only what is listed is deleted"
        problems.append(("purge", problem))
    elif params["purge"] and not params["connections"] and not params["allow_empty"]:
        problem = "is empty, and purge would delete everything; set allow_empty to true if that is meant"
        problems.append(("connections", problem))
    for index, given in enumerate(params["connections"]):
        path = f"connections[{index}]"
        is_id = UUID.fullmatch(given["team"])
        team = given["team"].lower() if is_id else given["team"]
        known = first.setdefault((team, given["connected_team"].lower()), path)
        if known != path:
            problems.append((f"{path}:", f"team and connected_team are those of {known} too"))
        try:
            desired[path] = Desired.of({**params, "connection_id": None, **given})
        except OptionError as exc:
            problems.extend(exc.within(path, CONNECTION_OPTIONS).problems)
    if problems:
        # What they share is told once.
        texts = ((re.sub(r"^connections\[\d+\]: ", "", path), text) for path, text in problems)
        raise OptionError(*dict.fromkeys(texts))
    return desired


@dataclass(frozen=True)
class TeamLink:
    """A team connection as Datadog returns it. C(team) is a UUID; C(team_handle) is empty where it is not known."""

    connection_id: str | None
    team: str
    team_handle: str
    connected_team: str
    connected_team_type: str
    source: str
    managed_by: str | None

    @classmethod
    def of(cls, data: Json) -> TeamLink:
        """Read an entry of an answer's C(data), whatever it holds beside its id."""
        attributes = as_object(data.get("attributes"))
        relationships = as_object(data.get("relationships"))
        team, connected = (
            as_object(as_object(relationships.get(name)).get("data")) for name in ("team", "connected_team")
        )
        managed_by = attributes.get("managed_by")
        return cls(
            connection_id=data["id"].lower(),
            team=str(team.get("id") or "").lower(),
            team_handle="",
            connected_team=str(connected.get("id") or ""),
            connected_team_type=str(connected.get("type") or ""),
            source=str(attributes.get("source") or ""),
            managed_by=managed_by if isinstance(managed_by, str) else None,
        )

    @property
    def identity(self) -> Identity:
        return Identity(self.team, self.connected_team.lower(), self.source)

    def result(self) -> Json:
        """What modules return as C(connection)."""
        return {
            "connection_id": self.connection_id,
            "team": self.team,
            "team_handle": self.team_handle or None,
            **self._rest(),
        }

    def shown(self) -> Json:
        """What the diff shows."""
        return {"team": self.team_handle or self.team, **self._rest()}

    def _rest(self) -> Json:
        return {
            "connected_team": self.connected_team,
            "connected_team_type": self.connected_team_type,
            "source": self.source,
            "managed_by": self.managed_by,
        }


@dataclass(frozen=True)
class Observation:
    """What was seen before deciding.

    :ivar team: the desired team; None if there is no such team, or an id is given.
    :ivar connection: the connection of the desired pair or id.
    :ivar hint: the handle that was probably meant.
    """

    team: Team | None = None
    connection: TeamLink | None = None
    hint: str = ""


class TeamConnection(Resource[Observation]):
    """One team connection, as a task wants it."""

    def __init__(self, desired: Desired, option_path: str = "") -> None:
        super().__init__(option_path)
        self.desired = desired

    @property
    def names(self) -> Json:
        return {"team": self.desired.team, "connected_team": self.desired.connected_team}

    def plan(self, observed: Observation) -> Plan:
        desired, existing = self.desired, observed.connection
        before = existing.shown() if existing else {}
        hint = f"; did you mean {observed.hint}?" if observed.hint else ""
        if desired.state == "absent":
            notices: tuple[Notice, ...] = ()
            if not observed.team and not desired.connection_id:
                text = f"There is no team with the handle {desired.team!r}, so it has no connection to delete{hint}"
                notices = (Notice(text.rstrip("?") + ("?" if hint else ".")),)
            return Plan("delete" if existing else "none", before, {}, notices=notices)
        if not observed.team:
            path = f"{self.option_path}.team" if self.option_path else "team"
            problem = f"must be the UUID or the exact handle of a team; Datadog has no team {desired.team!r}{hint}"
            raise OptionError((path, problem))
        if existing and desired.managed_by in (None, existing.managed_by):
            return Plan("none", before, before)
        wanted = self._wanted(observed.team)
        operation = "replace" if existing else "create"
        return Plan(operation, before, wanted.shown(), {"data": [_body(wanted)]})

    def _wanted(self, team: Team) -> TeamLink:
        desired = self.desired
        return TeamLink(
            None,
            *team,
            desired.connected_team,
            desired.connected_team_type,
            desired.source,
            desired.managed_by,
        )

    def predict_result(self, plan: Plan, observed: Observation) -> Json:
        if plan.body and observed.team:
            return result_of(self._wanted(observed.team))
        return result_of(observed.connection, is_deleted=plan.operation == "delete")


def result_of(connection: TeamLink | None, is_deleted: bool = False) -> Json:
    """C(connection) is what exists in the end, C(connection_id) also what existed until now."""
    return {
        "connection": connection.result() if connection and not is_deleted else None,
        "connection_id": connection.connection_id if connection else None,
    }


TeamItem = Item[TeamConnection, Observation]


class TeamConnections(ResourceSet[TeamConnection, Observation]):
    """What a task says of team connections: of one, or of a set.

    :param desired: what it says of each, by its path.
    :param purge: whether other connections are deleted.
    :param source: where the external teams come from.
    :param managed_by: the same, of connections that may be deleted. None for all.
    """

    # A team may have to lose its connection before it can take another one.
    purges_first = True

    def __init__(
        self,
        client: Client,
        desired: t.Mapping[str, Desired],
        source: str,
        managed_by: str | None,
        purge: bool = False,
    ) -> None:
        super().__init__(TeamConnection(each, path) for path, each in desired.items())
        self._client = client
        self._teams = Teams(client)
        self._source = source
        self._managed_by = managed_by
        self._purge = purge
        #: All of the source, if a purge had to read them.
        self._listed: list[TeamLink] | None = None

    @classmethod
    def one(cls, client: Client, module: DatadogModule) -> TeamConnections:
        """:raises OptionError: for bad input; so does of_set()."""
        params = module.params
        return cls(client, {"": Desired.of(params)}, params["source"], params["managed_by"])

    @classmethod
    def of_set(cls, client: Client, module: DatadogModule) -> TeamConnections:
        """What the options of a module for sets say."""
        params = module.params
        desired = desired_set(params)
        return cls(client, desired, params["source"], params["managed_by"], params["purge"])

    def observe(self, items: t.Sequence[TeamItem]) -> None:
        doing = f"find {_title(items)}"
        by_id = {item.resource.desired.connection_id: item for item in items}
        if "" not in by_id:
            known = {row.connection_id: row for row in self._listed or self._existing(list(by_id), doing)}
            for connection_id, item in by_id.items():
                item.observed = Observation(connection=self._with_handle(known.get(connection_id)))
            return
        teams = self._teams.find(item.resource.desired.team for item in items)
        for item in items:
            handle = item.resource.desired.team
            item.observed = Observation(teams[handle], None, self._teams.hints.get(handle, ""))
        identities = {item: _identity(item) for item in items if item.seen.team}
        found = {row.identity: row for row in self._matching(list(identities.values()), doing)}
        for item, identity in identities.items():
            connection = self._with_handle(found.get(identity), item.seen.team)
            item.observed = replace(item.seen, connection=connection)
        # A handle that was found is that of a team. Of a UUID only a connection would prove that.
        unproven = {
            item: item.seen.team.team_id
            for item in identities
            if item.seen.team
            and not item.seen.team.handle
            and not item.seen.connection
            and item.resource.desired.state == "present"
        }
        proven = self._teams.exist(unproven.values())
        for item, team_id in unproven.items():
            item.observed = replace(item.seen, team=proven[team_id])

    def _with_handle(self, row: TeamLink | None, team: Team | None = None) -> TeamLink | None:
        handle = team.handle if team else ""
        return replace(row, team_handle=handle) if row and handle else row

    def _matching(self, identities: t.Sequence[Identity], doing: str) -> list[TeamLink]:
        """The connections of these identities, and maybe others."""
        if not self._purge:
            return self._filtered(identities, doing)
        if self._listed is None:
            self._listed = list(list_links(self._client, doing, sources=self._source))
        return self._listed

    def _filtered(self, identities: t.Sequence[Identity], doing: str) -> list[TeamLink]:
        """The same, read in whichever way takes fewer requests."""
        chunks = list(_chunks(identities))
        # If all of them exist. A page of all connections is worth the look only if it may save more than itself.
        filtered_pages = sum(-(-len(chunk) // PAGE_SIZE) for chunk in chunks)
        if filtered_pages > 2:
            try:
                return list_links(self._client, doing, filtered_pages, sources=self._source)
            except TooManyPages:
                pass
        # Whether Datadog's filter regards the case of connected teams is not known, so only the teams are filtered by.
        return [
            row
            for chunk in chunks
            for row in list_links(
                self._client,
                doing,
                sources=self._source,
                team_ids=",".join(dict.fromkeys(each.team for each in chunk)),
            )
        ]

    def _existing(self, connection_ids: t.Sequence[str], doing: str) -> list[TeamLink]:
        """Those that still exist, of a batch or some batches."""
        return [
            row
            for batch in _batches(connection_ids)
            for row in list_links(self._client, doing, connection_ids=",".join(batch))
            if row.connection_id in batch
        ]

    def check(self, items: t.Sequence[TeamItem]) -> None:
        known: dict[Identity, TeamItem] = {}
        for item in items:
            if not item.seen.team:
                continue
            other = known.setdefault(_identity(item), item)
            if other is not item:
                item.error = TaskError(
                    f"{other.resource.option_path}.team and {item.resource.option_path}.team are the same team,"
                    f" {item.seen.team.team_id}, and it is to be connected with {item.resource.desired.connected_team}. Leave"
                    " one of them out."
                )

    def unlisted(self, items: t.Sequence[TeamItem]) -> list[TeamConnection]:
        if not self._purge:
            return []
        wanted = {_identity(item) for item in items}
        rows = self._matching([], "find the team connections that are not listed")
        unclear = [row for row in rows if not all(row.identity)]
        if unclear:
            raise TaskError(
                f"Datadog's answer does not say what {unclear[0].connection_id} connects, so nothing can be purged. Run the"
                " task without purge, and look at the connection in Datadog."
            )
        return [
            TeamConnection(
                Desired(
                    "absent",
                    row.team,
                    row.connected_team,
                    "",
                    row.source,
                    None,
                    str(row.connection_id),
                )
            )
            for row in rows
            if row.identity not in wanted and row.source == self._source and self._managed_by in (None, row.managed_by)
        ]

    def apply(self, items: t.Sequence[TeamItem]) -> None:
        for batch in _batches(items):
            if any(getattr(item.error, "affects_all", False) for item in items):
                for item in batch:
                    item.error, item.operation = Skipped(), "none"
                continue
            # For a replacement too: the pair must be unique, so the old one has to be deleted first.
            self._delete([item for item in batch if item.seen.connection])
            self._create([item for item in batch if item.plan.body and not item.error])

    def _delete(self, batch: t.Sequence[TeamItem]) -> None:
        if not batch:
            return
        ids = {str(item.seen.connection and item.seen.connection.connection_id): item for item in batch}
        doing = f"delete {_title(batch)}" + (f" ({next(iter(ids))})" if len(ids) == 1 else "")
        error: Exception | None = None
        left: list[str] = []
        try:
            data = [{"type": "team_connection", "id": connection_id} for connection_id in ids]
            if not self._client.delete(PATH, doing, {"data": data}):
                error = TaskError(f"Could not {doing}: Datadog answers that it does not exist. Run the task again.")
        except DatadogError as exc:
            error, left = exc, list(ids)
        is_refused = error and getattr(error, "status", 404) in REFUSED
        if is_refused:
            # The first of two attempts may have done it; so may somebody else.
            try:
                left = [str(row.connection_id) for row in self._existing(list(ids), doing)]
            except DatadogError:
                left = list(ids)
        for connection_id in set(ids) - set(left):
            self._deleted(ids[connection_id])
        items = [ids[connection_id] for connection_id in left]
        if left and is_refused and len(batch) > 1:
            for part in [items] if len(items) < len(batch) else _halves(items):
                self._delete(part)
            return
        for item in items:
            item.error = error

    @staticmethod
    def _deleted(item: TeamItem) -> None:
        existing = item.seen.connection
        if existing:
            item.done.append(
                f"deleted team connection {existing.connection_id}, which was managed by {existing.managed_by!r}"
            )
        item.result = result_of(existing, is_deleted=True)

    def _create(self, batch: t.Sequence[TeamItem]) -> None:
        if not batch:
            return
        body = {"data": [entry for item in batch for entry in item.plan.body["data"]]}
        try:
            answer = self._client.post_all(PATH, f"create {_title(batch)}", body)
        except DatadogError as exc:
            self._not_created(batch, exc)
            return
        self._created(batch, [TeamLink.of(row) for row in answer])
        for item in batch:
            if not item.result.get("connection"):
                reason = f"Could not create {_title([item])}: Datadog's answer does not say what became of it."
                item.error = TaskError(f"{reason} Run the task again.")

    def _created(self, batch: t.Sequence[TeamItem], rows: t.Sequence[TeamLink]) -> None:
        """Take from an answer what was created."""
        created = {row.identity: row for row in rows}
        for item in batch:
            row = created.get(_identity(item)) or (rows[0] if len(rows) == len(batch) == 1 else None)
            if row:
                item.done.append(f"created team connection {row.connection_id}")
                item.result = result_of(self._with_handle(row, item.seen.team))

    def _not_created(self, batch: t.Sequence[TeamItem], error: DatadogError) -> None:
        """Find out what became of connections, and create those that can be."""
        if not error.is_ambiguous and error.status not in REFUSED:
            for item in batch:
                item.error = error
            return
        if error.is_ambiguous:
            self._client.pause(error)
        try:
            rows = self._filtered([_identity(item) for item in batch], error.doing)
        except DatadogError:
            rows = []
            if error.status in REFUSED:
                for item in batch:
                    item.error = error
                return
        there = {row.identity: row for row in rows}
        missing = [item for item in batch if _identity(item) not in there]
        for item in batch:
            row = there.get(_identity(item))
            if row:
                self._found(item, row, error)
        if error.is_ambiguous:
            for item in missing:
                reason = f"Could not {error.doing}: {error.reason}. Datadog does not list it, but may create it yet."
                item.error = TaskError(f"{reason} Run the task again.", affects_all=error.affects_all)
                item.error.__cause__ = error
        elif len(batch) == 1 and missing:
            missing[0].error = error
            if error.status == 409:
                _name_rivals(self._client, missing[0], error)
        else:
            for half in _halves(missing):
                # Whatever is wrong is in one of them, or in both.
                self._create(half)

    def _found(self, item: TeamItem, row: TeamLink, error: DatadogError) -> None:
        """A connection exists though Datadog's answer did not say so."""
        desired = item.resource.desired
        if desired.managed_by not in (None, row.managed_by):
            item.error = ConcurrentChange(
                f"Another run created {row.connection_id}, managed by {row.managed_by!r}, at the same time. Run the task again."
            )
            return
        item.result = result_of(self._with_handle(row, item.seen.team))
        if error.is_ambiguous:
            item.done.append(f"created team connection {row.connection_id}")
            item.notices.append(Notice(f"{error} It was created all the same."))
            return
        item.operation = "replace" if item.done else "none"
        path = item.resource.option_path
        text = "It exists by now" + (": %s." if path else ".")
        text += " Another run was faster, or Datadog has done a part of what it refused."
        item.notices.append(Notice(f"{error} {text}", path))


def _name_rivals(client: Client, item: TeamItem, error: DatadogError) -> None:
    """Name the connections that may be in the way of one that was refused with 409."""
    connected_team = item.resource.desired.connected_team
    doing = f"find what is in the way of {_title([item])}"
    try:
        rows = [
            *list_links(client, doing, team_ids=_identity(item).team),
            *list_links(client, doing, connected_team_ids=connected_team),
        ]
    except DatadogError:
        return
    named = "; ".join(
        f"{row.connection_id} (team {row.team} with {row.connected_team}, source {row.source}, managed by {row.managed_by})"
        for row in {row.connection_id: row for row in rows}.values()
    )
    if named:
        error.remedy = f"Connections that may be in the way: {named}. Delete the one that should not exist."


def list_links(client: Client, doing: str, most_pages: int | None = None, **filters: str) -> list[TeamLink]:
    """The connections that Datadog lists.

    :param filters: comma-joined values by the names of filters, like C(team_ids).
    :raises TooManyPages: see Client.pages().
    """
    rows = client.pages(
        PATH,
        doing,
        {f"filter[{name}]": value for name, value in filters.items()},
        total=lambda meta: as_object(meta.get("page")).get("total"),
        most_pages=most_pages,
    )
    return [TeamLink.of(row) for row in rows]


T = t.TypeVar("T")


def _batches(entries: t.Sequence[T]) -> list[t.Sequence[T]]:
    return [entries[start : start + BATCH_SIZE] for start in range(0, len(entries), BATCH_SIZE)]


def _halves(entries: t.Sequence[T]) -> list[t.Sequence[T]]:
    middle = (len(entries) + 1) // 2
    return [half for half in (entries[:middle], entries[middle:]) if half]


def _chunks(identities: t.Iterable[Identity]) -> t.Iterator[list[Identity]]:
    """Chunks whose teams fit into the filter of a request."""
    chunk: list[Identity] = []
    teams: set[str] = set()
    for identity in identities:
        teams.add(identity.team)
        if chunk and len(teams) * len(quote_plus(f",{identity.team}")) > LONGEST_FILTER:
            yield chunk
            chunk, teams = [], {identity.team}
        chunk.append(identity)
    if chunk:
        yield chunk


def _title(items: t.Sequence[TeamItem]) -> str:
    """How messages call what items are about."""
    return items[0].resource.desired.title if len(items) == 1 else f"{len(items)} team connections"


def _identity(item: TeamItem) -> Identity:
    desired, team = item.resource.desired, item.seen.team
    return Identity(team.team_id if team else "", desired.connected_team.lower(), desired.source)


def _body(wanted: TeamLink) -> Json:
    attributes = {"source": wanted.source}
    if wanted.managed_by is not None:
        attributes["managed_by"] = wanted.managed_by
    return {
        "type": "team_connection",
        "attributes": attributes,
        "relationships": {
            "team": {"data": {"id": wanted.team, "type": "team"}},
            "connected_team": {"data": {"id": wanted.connected_team, "type": wanted.connected_team_type}},
        },
    }
