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
from urllib.parse import quote_plus

from ansible_collections.tidyops.datadog.plugins.module_utils._client import (
    CONTROL_CHARACTERS,
    PAGE_SIZE,
    UUID,
    Client,
    DatadogError,
    TooLong,
    as_object,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import (
    CommonWarning,
    LookAgain,
    OptionError,
    Plan,
    Refusal,
    Resource,
    Resources,
    Step,
    left_for,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._teams import Teams

PATH = "/api/v2/team/connections"
#: How many connections a request may create or delete.
BATCH_SIZE = 100
#: A batch that Datadog answers so was not carried out, or only in part.
REFUSED = (400, 404, 409, 422)
#: How long the values of a filter may be. Servers and proxies usually take a line of 8,000.
LONGEST_FILTER = 6000
#: Commas separate the values of a filter and cannot be escaped.
CONNECTED_TEAM = re.compile(
    r"@[^\s\x00-\x1f\x7f\ud800-\udfff,/@]+/[^\s\x00-\x1f\x7f\ud800-\udfff,/@]+"
)
HANDLE = re.compile(r"[^\s\x00-\x1f\x7f\ud800-\udfff,]+")
FORBIDDEN = "The application key needs the permissions teams_read and teams_manage."

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


def desired_set(params: t.Mapping[str, t.Any]) -> dict[str, Desired]:
    """What a task says of each connection of a set, by its place (C(connections[3])), in the order of the task.

    :raises OptionError: for all that is wrong with the options and can be known without Datadog.
    """
    desired: dict[str, Desired] = {}
    problems: list[tuple[str, str]] = []
    first: dict[tuple[str, str], str] = {}
    if params["purge"] and params["state"] == "absent":
        problems.append(
            ("purge", "is for state=present; with state=absent only what is listed is removed")
        )
    for index, given in enumerate(params["connections"]):
        place = f"connections[{index}]"
        is_id = UUID.fullmatch(given["team"])
        pair = (given["team"].lower() if is_id else given["team"], given["connected_team"])
        known = first.setdefault(pair, place)
        if known != place:
            problems.append((f"{place}:", f"team and connected_team are those of {known} too"))
        try:
            desired[place] = Desired.of({**params, "connection_id": None, **given})
        except OptionError as exc:
            problems.extend(exc.inside(place, CONNECTION_OPTIONS).problems)
    # What they share is told once.
    problems = list(
        dict.fromkeys((re.sub(r"^connections\[\d+\]: ", "", path), text) for path, text in problems)
    )
    if problems:
        raise OptionError(*problems)
    return desired


class Identity(t.NamedTuple):
    """What may exist only once. C(team) is a UUID."""

    team: str
    connected_team: str
    source: str


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
            team=str(team.get("id") or ""),
            connected_team=str(connected.get("id") or ""),
            connected_team_type=str(connected.get("type") or ""),
            source=str(attributes.get("source") or ""),
            managed_by=managed_by if isinstance(managed_by, str) else None,
        )

    @property
    def identity(self) -> Identity:
        return Identity(self.team.lower(), self.connected_team, self.source)

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


class TeamConnection(Resource):
    """One team connection, brought to what a task says."""

    def __init__(self, desired: Desired, place: str = "") -> None:
        super().__init__(place)
        self.desired = desired

    @property
    def names(self) -> dict[str, t.Any]:
        return {"team": self.desired.team, "connected_team": self.desired.connected_team}

    def plan(self, observed: Observation) -> Plan:
        desired, existing = self.desired, observed.connection
        before = existing.shown() if existing else {}
        if desired.state == "absent":
            return Plan("delete" if existing else "none", before, {})
        if not observed.team_id:
            raise OptionError(
                (
                    f"{self.place}.team" if self.place else "team",
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


class TeamConnections(Resources):
    """What a task says of team connections: of one, or of a set.

    :param desired: what it says of each, by its place.
    :param purge: whether other connections go.
    :param source: where the external teams come from.
    :param managed_by: the same, of connections that may go. None for all.
    """

    forbidden_hint = FORBIDDEN
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
        super().__init__(TeamConnection(each, place) for place, each in desired.items())
        self._client = client
        self._source = source
        self._managed_by = managed_by
        self._purge = purge
        #: All of the source, if a purge had to read them.
        self._listed: list[Observed] | None = None
        #: Those that were refused and, as another look has told, are not there.
        self._looked_again: set[Step] = set()

    @classmethod
    def one(cls, client: Client, params: t.Mapping[str, t.Any]) -> TeamConnections:
        """:raises OptionError: for bad input; so does of_set()."""
        return cls(client, {"": Desired.of(params)}, params["source"], params["managed_by"])

    @classmethod
    def of_set(cls, client: Client, params: t.Mapping[str, t.Any]) -> TeamConnections:
        """What the options of a module for sets say."""
        return cls(
            client, desired_set(params), params["source"], params["managed_by"], params["purge"]
        )

    def observe(self, steps: t.Sequence[Step]) -> None:
        doing = f"find {_title(steps)}"
        by_id = [step for step in steps if step.resource.desired.connection_id]
        by_pair = [step for step in steps if not step.resource.desired.connection_id]
        self._observe_ids(by_id, doing)
        teams = Teams(self._client)
        ids = teams.ids_of(step.resource.desired.team for step in by_pair)
        for step in by_pair:
            step.observed = Observation(ids[step.resource.desired.team], None)
        identities = {step: _identity(step) for step in by_pair if step.observed.team_id}
        found = {row.identity: row for row in self._matching(list(identities.values()), doing)}
        for step, identity in identities.items():
            step.observed = Observation(identity.team, found.get(identity))
        # A handle that was found is that of a team. Of a UUID only a connection would tell.
        unproven = [
            step
            for step in by_pair
            if UUID.fullmatch(step.resource.desired.team)
            and step.resource.desired.state == "present"
            and not step.observed.connection
        ]
        absent = teams.absent(step.observed.team_id for step in unproven)
        for step in unproven:
            if step.observed.team_id in absent:
                step.observed = Observation("", None)

    def _observe_ids(self, steps: t.Sequence[Step], doing: str) -> None:
        known = {row.connection_id: row for row in self._listed or []}
        ids = [step.resource.desired.connection_id for step in steps]
        if not set(ids) <= set(known):
            known.update((row.connection_id, row) for row in self._there(ids, doing))
        for step, connection_id in zip(steps, ids):
            step.observed = Observation("", known.get(connection_id))

    def _matching(self, identities: t.Sequence[Identity], doing: str) -> list[Observed]:
        """The connections of these identities, and maybe others."""
        return self._all(doing) if self._purge else self._filtered(identities, doing)

    def _filtered(self, identities: t.Sequence[Identity], doing: str) -> list[Observed]:
        """The same, read in whichever way takes fewer requests."""
        chunks = list(_chunks(identities))
        # If all of them are there. A page of all connections is worth the look only if it may save more than itself.
        filtered_pages = sum(-(-len(chunk) // PAGE_SIZE) for chunk in chunks)
        if filtered_pages > 2:
            try:
                return list(self._list(doing, most_pages=filtered_pages, sources=self._source))
            except TooLong:
                pass
        return [
            row
            for chunk in chunks
            for row in self._list(
                doing,
                sources=self._source,
                team_ids=_joined(each.team for each in chunk),
                connected_team_ids=_joined(each.connected_team for each in chunk),
            )
        ]

    def _all(self, doing: str) -> list[Observed]:
        """Every connection of the source."""
        if self._listed is None:
            self._listed = list(self._list(doing, sources=self._source))
        return self._listed

    def _there(self, connection_ids: t.Sequence[str], doing: str) -> list[Observed]:
        """Those that are still there, of a batch or some batches."""
        return [
            row
            for batch in _batches(connection_ids)
            for row in self._list(doing, connection_ids=",".join(batch))
            if row.connection_id in batch
        ]

    def _list(
        self, doing: str, most_pages: int | None = None, **filters: str
    ) -> t.Iterator[Observed]:
        return list_connections(self._client, doing, most_pages, **filters)

    def check(self, steps: t.Sequence[Step]) -> None:
        known: dict[tuple[str, str], Step] = {}
        for step in steps:
            desired, team_id = step.resource.desired, step.observed.team_id
            if not team_id:
                continue
            other = known.setdefault((team_id, desired.connected_team), step)
            if other is not step:
                step.error = Refusal(
                    f"{other.resource.place}.team and {step.resource.place}.team are the same team, {team_id}, and it is to be"
                    f" connected with {desired.connected_team}. Way out: leave one of them out"
                )

    def surplus(self, steps: t.Sequence[Step]) -> list[Resource]:
        if not self._purge:
            return []
        wanted = {_identity(step) for step in steps}
        rows = self._all("find the team connections that are not listed")
        unclear = [row for row in rows if not all(row.identity)]
        if unclear:
            raise Refusal(
                f"Datadog's answer does not tell what {unclear[0].connection_id} connects, so nothing can be purged. Way out:"
                " run the task without purge, and look at the connection in Datadog"
            )
        return [
            TeamConnection(
                Desired(
                    "absent",
                    row.team,
                    row.connected_team,
                    row.connected_team_type,
                    row.source,
                    None,
                    str(row.connection_id),
                )
            )
            for row in rows
            if row.identity not in wanted
            and row.source == self._source
            and self._managed_by in (None, row.managed_by)
        ]

    def apply(self, steps: t.Sequence[Step]) -> None:
        self._listed = None
        for batch in _batches(steps):
            left = left_for(steps)
            if left:
                for step in batch:
                    step.error = left
                continue
            # For a replacement too: the pair must be unique, so the old one has to go first.
            self._delete([step for step in batch if step.observed.connection])
            self._create([step for step in batch if step.plan.body and not step.error])

    def _delete(self, batch: t.Sequence[Step]) -> None:
        if not batch:
            return
        ids = {step.observed.connection.connection_id: step for step in batch}
        doing = f"delete {_title(batch)}"
        if len(ids) == 1:
            doing += f" ({next(iter(ids))})"
        error: DatadogError | None = None
        left: list[str] = []
        try:
            data = [{"type": "team_connection", "id": connection_id} for connection_id in ids]
            self._client.delete(PATH, doing, {"data": data})
        except DatadogError as exc:
            error = exc
            # The first of two attempts may have done it; so may somebody else.
            left = self._still_there(list(ids), exc) if exc.status in REFUSED else list(ids)
        for connection_id in set(ids) - set(left):
            self._deleted(ids[connection_id])
        if error is None or not left:
            return
        steps = [ids[connection_id] for connection_id in left]
        if error.status not in REFUSED or len(batch) == 1:
            for step in steps:
                step.error = error
            return
        for part in [steps] if len(steps) < len(batch) else _halves(steps):
            self._delete(part)

    def _still_there(self, ids: t.Sequence[str], error: DatadogError) -> list[str]:
        try:
            return [str(row.connection_id) for row in self._there(ids, error.doing)]
        except DatadogError:
            return list(ids)

    @staticmethod
    def _deleted(step: Step) -> None:
        existing = step.observed.connection
        step.resource.progress.append(
            f"deleted team connection {existing.connection_id}, which was managed by"
            f" {existing.managed_by!r}"
        )
        step.result = step.resource.result(existing, gone=True)

    def _create(self, batch: t.Sequence[Step]) -> None:
        if not batch:
            return
        body = {"data": [entry for step in batch for entry in step.plan.body["data"]]}
        try:
            answer = self._client.post_all(PATH, f"create {_title(batch)}", body)
        except DatadogError as exc:
            self._not_created(batch, exc)
            return
        rows = [Observed.of(row) for row in answer]
        created = {row.identity: row for row in rows}
        for step in batch:
            row = created.get(_identity(step)) or (rows[0] if len(batch) == 1 else None)
            if row:
                step.result = step.resource.result(row)
            else:
                reason = "Datadog's answer does not tell what became of it"
                step.error = LookAgain(DatadogError(f"create {_title([step])}", reason))

    def _not_created(self, batch: t.Sequence[Step], error: DatadogError) -> None:
        """Find out what became of connections, and create those that can be."""
        if error.ambiguous:
            self._client.pause(error)
            for step in batch:
                step.error = LookAgain(error)
        elif error.status not in REFUSED:
            for step in batch:
                step.error = error
        elif len(batch) == 1:
            self._refused(batch[0], error)
        else:
            for half in _halves(self._not_there(batch, error)):
                # Whatever is at fault is in one of them, or in both.
                self._create(half)

    def _not_there(self, batch: t.Sequence[Step], error: DatadogError) -> list[Step]:
        """Look again for connections that were refused together. :returns: those that are not there."""
        try:
            rows = self._filtered([_identity(step) for step in batch], error.doing)
        except DatadogError as exc:
            for step in batch:
                step.error = exc
            return []
        there = {row.identity for row in rows}
        left = []
        for step in batch:
            if _identity(step) not in there:
                left.append(step)
                continue
            remark = CommonWarning(
                f"{error} There by now all the same: ",
                step.resource.place,
                ". Another run was faster, or Datadog has done a part of what it refused.",
            )
            step.error = LookAgain(error, effect=False, remark=remark)
        self._looked_again.update(left)
        return left

    def _refused(self, step: Step, error: DatadogError) -> None:
        """One connection was refused. If somebody was faster, or may have been, it is looked at again."""
        step.error = error
        if error.status == 409:
            rivals = self._rivals(step)
            step.error = _explained(error, rivals)
            if step not in self._looked_again or _identity(step) in [
                row.identity for row in rivals
            ]:
                replaced = step.plan.operation == "replace"
                step.error = LookAgain(step.error, effect=replaced)
            self._looked_again.add(step)

    def _rivals(self, step: Step) -> list[Observed]:
        """What may be in the way of a connection."""
        doing = f"find what is in the way of {_title([step])}"
        team_id, connected_team, _source = _identity(step)
        try:
            rivals = [
                *self._list(doing, team_ids=team_id),
                *self._list(doing, connected_team_ids=connected_team),
            ]
        except DatadogError:
            return []
        return list({row.connection_id: row for row in rivals}.values())


def list_connections(
    client: Client, doing: str, most_pages: int | None = None, **filters: str
) -> t.Iterator[Observed]:
    """The connections that Datadog lists.

    :param filters: comma-joined values by the names of filters, like C(team_ids).
    :raises TooLong: see Client.pages().
    """
    rows = client.pages(
        PATH,
        doing,
        {f"filter[{name}]": value for name, value in filters.items()},
        total=lambda meta: as_object(meta.get("page")).get("total"),
        most_pages=most_pages,
    )
    return (Observed.of(row) for row in rows)


T = t.TypeVar("T")


def _batches(entries: t.Sequence[T]) -> list[t.Sequence[T]]:
    return [entries[start : start + BATCH_SIZE] for start in range(0, len(entries), BATCH_SIZE)]


def _halves(entries: t.Sequence[T]) -> list[t.Sequence[T]]:
    middle = (len(entries) + 1) // 2
    return [half for half in (entries[:middle], entries[middle:]) if half]


def _chunks(identities: t.Iterable[Identity]) -> t.Iterator[list[Identity]]:
    """Chunks whose teams and connected teams fit into the filters of a request."""
    chunk: list[Identity] = []
    values: set[str] = set()
    length = 0
    for identity in identities:
        new = {identity.team, identity.connected_team} - values
        added = sum(len(quote_plus(f",{value}")) for value in new)
        if chunk and length + added > LONGEST_FILTER:
            yield chunk
            chunk, values, length = [], set(), 0
            new = {identity.team, identity.connected_team}
            added = sum(len(quote_plus(f",{value}")) for value in new)
        chunk.append(identity)
        values |= new
        length += added
    if chunk:
        yield chunk


def _joined(values: t.Iterable[str]) -> str:
    """The value of a filter."""
    return ",".join(dict.fromkeys(values))


def _title(steps: t.Sequence[Step]) -> str:
    """How messages call what steps are about."""
    if len(steps) == 1:
        return str(steps[0].resource.desired.title)
    return f"{len(steps)} team connections"


def _identity(step: Step) -> Identity:
    desired = step.resource.desired
    return Identity(step.observed.team_id, desired.connected_team, desired.source)


def _explained(error: DatadogError, rivals: t.Sequence[Observed]) -> DatadogError:
    """Name the connections in the way of one that Datadog refuses with 409."""
    if not rivals:
        return error
    named = "; ".join(
        f"{row.connection_id} (team {row.team} with {row.connected_team}, source {row.source}, managed by {row.managed_by})"
        for row in rivals
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
