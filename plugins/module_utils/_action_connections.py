# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Action connections: which one is meant, what differs, and how it is written."""

from __future__ import annotations

import re
import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.tidyops.datadog.plugins.module_utils._client import (
    CONTROL_CHARACTERS,
    LONGEST_WAIT,
    UUID,
    Client,
    DatadogError,
    as_object,
    site_of,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._integrations import (
    BY_KEY,
    BY_TYPE,
    Configuration,
    Credentials,
    Field,
    Integration,
    ReadOnly,
    SendsSecret,
    integration_options,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import (
    LookAgain,
    OptionError,
    Plan,
    Refusal,
    Resource,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._registry import (
    Entry,
    open_registry,
)

PATH = "/api/v2/actions/connections"
#: Seconds between the looks at two connections of one name, before they are taken to be there for good.
SETTLING_PAUSES = (0.5, 1, 2)
EXAMPLE_UUID = "3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"
FORBIDDEN = (
    "The application key must be registered for the Actions API first (PUT /api/v2/actions/app_key_registrations/<id of"
    " the application key>, or Enable Actions API Access on the key's page in Datadog), and its permissions must include"
    " connections_read and connections_write."
)

ARGUMENT_SPEC: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str"},
    "connection_id": {"type": "str"},
    "registry": {"type": "path"},
    "update_secrets": {
        "type": "str",
        "choices": ["on_change", "always", "on_create"],
        "default": "on_change",
        "no_log": False,
    },
    "allow_replace": {"type": "bool", "default": False},
    **integration_options(),
}


@dataclass(frozen=True)
class Desired:
    """What a task says of one connection.

    :ivar name: empty if only the id is given.
    :ivar connection_id: empty if only the name is given.
    :ivar configuration: None if no such connection is to be.
    """

    name: str
    connection_id: str
    update_secrets: str
    allow_replace: bool
    configuration: Configuration | None

    @property
    def title(self) -> str:
        """How messages call it."""
        names = [repr(self.name)] if self.name else []
        return " ".join(["action connection", *names, *filter(None, [self.connection_id])])

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> Desired:
        """:raises OptionError: for all that is wrong with the options and can be known without Datadog."""
        problems: list[tuple[str, str]] = []
        name, connection_id = params["name"], params["connection_id"]
        if name is None and connection_id is None:
            problems.append(
                ("name", "or connection_id is required, to tell which connection is meant")
            )
        if name is not None and not name.strip():
            problems.append(("name", "must not be empty"))
        elif name is not None and CONTROL_CHARACTERS.search(name):
            problems.append(("name", "must not contain control characters"))
        if connection_id is not None and not UUID.fullmatch(connection_id):
            problems.append(
                ("connection_id", f"must be the UUID of a connection, like {EXAMPLE_UUID}")
            )
        present = params["state"] == "present"
        given = [key for key in BY_KEY if params[key] is not None]
        configuration = None
        if len(given) > 1:
            problems.append(
                (", ".join(given), "are mutually exclusive; a connection has one integration")
            )
        elif given:
            integration = BY_KEY[given[0]]
            configuration = Configuration.of(integration, params[given[0]])
            if configuration:
                problems.extend(configuration.problems())
            else:
                keys = " or ".join(variant.key for variant in integration.credentials)
                problems.append((given[0], f"must hold {keys}"))
        elif present:
            keys = ", ".join(BY_KEY)
            problems.append(("state", f"is present, so one integration is required: one of {keys}"))
        if problems:
            raise OptionError(*problems)
        return cls(
            name or "",
            (connection_id or "").lower(),
            params["update_secrets"],
            params["allow_replace"],
            configuration if present else None,
        )


@dataclass(frozen=True)
class Observed:
    """A connection as Datadog returns it, secrets excepted.

    :ivar integration_type: empty, like C(credentials_type), if the answer does not tell.
    :ivar values: the integration in the shape of its option, read-only fields included; empty for an integration
        that this collection does not know.
    :ivar created_at: ISO 8601 or None; last_updated likewise.
    """

    connection_id: str
    name: str
    integration_type: str
    credentials_type: str
    values: dict[str, t.Any]
    created_at: str | None
    last_updated: str | None
    created_by: str | None

    @property
    def tells_kind(self) -> bool:
        """Whether the answer told which integration and credentials these are."""
        return bool(self.integration_type and self.credentials_type)

    @property
    def _known(self) -> tuple[Integration, Credentials] | None:
        return _known(self.integration_type, self.credentials_type)

    @property
    def kind(self) -> str:
        """The paths of the options, or the API's types where the collection does not know them."""
        if self._known:
            integration, credentials = self._known
            return f"{integration.key}.{credentials.key}"
        return f"{self.integration_type}/{self.credentials_type}"

    @classmethod
    def of(cls, data: t.Mapping[str, t.Any]) -> Observed:
        """Read the C(data) of an answer, or a row of the list, whatever it holds beside its id."""
        attributes = as_object(data.get("attributes"))
        answer = as_object(attributes.get("integration"))
        secrets = as_object(answer.get("credentials"))
        types = _text(answer.get("type")), _text(secrets.get("type"))
        known = _known(*types)
        creator = as_object(
            as_object(as_object(data.get("relationships")).get("created_by")).get("data")
        )
        return cls(
            connection_id=data["id"],
            name=_text(attributes.get("name")),
            integration_type=types[0],
            credentials_type=types[1],
            values=(
                known[0].each(known[1], answer, secrets, lambda part, value: part.read(value))
                if known
                else {}
            ),
            created_at=iso8601(attributes.get("created_at")),
            last_updated=iso8601(attributes.get("last_updated")),
            created_by=_text(creator.get("id")) or None,
        )

    def _each(self, do: t.Callable[[Field, t.Any], t.Any]) -> dict[str, t.Any]:
        """What came of doing something with each value, by the integration's key; empty for an unknown integration."""
        if not self._known or not self.values:
            return {}
        integration, credentials = self._known
        inside = self.values[credentials.key]
        return {integration.key: integration.each(credentials, self.values, inside, do)}

    def recalling(self, entry: Entry) -> Observed:
        """Complete it by what a registry remembers: the names of tokens, where Datadog leaves them out."""
        recalled = self._each(lambda part, value: part.recalled(value, entry.secrets))
        return replace(self, values=next(iter(recalled.values()), self.values))

    def lost_secrets(self, entry: Entry) -> list[str]:
        """The paths of those secrets in a registry that Datadog shows to be gone."""
        if not self._known:
            return []
        _integration, credentials = self._known
        values = self.values[credentials.key]
        return [
            path
            for part in credentials.fields
            for path in part.lost(values.get(part.name), entry.secrets)
        ]

    def result(self) -> dict[str, t.Any]:
        """What modules return as C(connection)."""
        return {
            "connection_id": self.connection_id,
            "name": self.name,
            **_pruned(self._each(lambda part, value: part.shown(value))),
            "created_at": self.created_at,
            "last_updated": self.last_updated,
            "created_by": self.created_by,
        }

    def shown(self) -> dict[str, t.Any]:
        """What the diff shows when the connection goes away."""
        writable = self._each(
            lambda part, value: None if isinstance(part, ReadOnly) else part.shown(value)
        )
        return {"name": self.name, **_pruned(writable)}


def _known(integration_type: str, credentials_type: str) -> tuple[Integration, Credentials] | None:
    """The catalogue's entries for the API's types."""
    integration = BY_TYPE.get(integration_type)
    credentials = integration and integration.variant(credentials_type)
    return (integration, credentials) if integration and credentials else None


def _text(value: t.Any) -> str:
    return value if isinstance(value, str) else ""


def _pruned(values: dict[str, t.Any]) -> dict[str, t.Any]:
    """A copy without what is None or an empty list, inside as well."""
    return {
        key: _pruned(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None and value != []
    }


def iso8601(written: t.Any) -> str | None:
    """Datadog writes C(2026-07-13 13:25:37.4346 +0000 UTC).

    :returns: ISO 8601 with microseconds (C(2026-07-13T13:25:37.434600Z)), or None for anything else.
    """
    match = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d+))? ?(?:Z|([+-]\d\d):?(\d\d))(?: [A-Z]+)?",
        str(written),
    )
    if not match:
        return None
    date, clock, fraction, hours, minutes = match.groups()
    offset = "Z" if hours is None or (int(hours), minutes) == (0, "00") else f"{hours}:{minutes}"
    return f"{date}T{clock}.{(fraction or '').ljust(6, '0')[:6]}{offset}"


class NotListed(Refusal):
    """Datadog does not offer the list of connections.

    :param cause: what it answered.
    """

    def __init__(self, message: str, cause: DatadogError) -> None:
        super().__init__(message)
        self.cause = cause


class Directory:
    """The connections of an organisation, as far as Datadog lets them be found."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get(self, connection_id: str, doing: str) -> Observed | None:
        """:returns: None where there is none of that id."""
        found = self._client.find(f"{PATH}/{connection_id}", doing)
        return Observed.of(found) if found else None

    def named(self, name: str, doing: str) -> list[Observed]:
        """Every connection of exactly that name.

        The list is read whole, because what C(filter[search]) matches is not documented.

        :raises NotListed: where Datadog does not offer the list.
        """
        rows = self._client.pages(PATH, doing, total=lambda meta: meta.get("total_filtered"))
        try:
            return [
                Observed.of(row)
                for row in rows
                if as_object(row.get("attributes")).get("name") == name
            ]
        except DatadogError as exc:
            # The list is a preview; an organisation without it gets a 4xx that Datadog does not document.
            if exc.status is None or not 400 <= exc.status < 500 or exc.status in (401, 408, 429):
                raise
            needs = (
                f"{FORBIDDEN} If they are, the organisation may lack the list. "
                if exc.status == 403
                else ""
            )
            raise NotListed(
                f"{exc} {needs}Without the list of connections, which is a preview that not every organisation has,"
                f" nothing tells whether {name!r} exists, and creating it could make a second one. Ways out: give"
                " connection_id, which needs no list; or give a registry, which remembers the ids of names",
                exc,
            ) from exc


@dataclass(frozen=True)
class Observation:
    """What Datadog and the registry know of the connection that a task means.

    :ivar connection: None if there is none.
    :ivar known_as: the name under which the registry has an entry of it, C(stored), or would have.
    :ivar named: the registry's entry of the name that the connection is to have.
    :ivar entry: what of C(stored) can be relied on.
    :ivar former: what an interrupted replacement has left to delete.
    :ivar is_listed: whether Datadog offers the list, as far as that was asked.
    :ivar warnings: what the user should know.
    """

    connection: Observed | None
    known_as: str
    stored: Entry | None
    named: Entry | None
    entry: Entry = Entry()
    former: Observed | None = None
    is_listed: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def drifted(self) -> bool:
        """Whether somebody changed the connection after the registry saw it last."""
        seen = self.entry.last_updated
        now = self.connection.last_updated if self.connection else None
        return bool(seen and now and seen != now)

    @property
    def to_delete(self) -> list[Observed]:
        """What is there, in the order in which to delete it."""
        return [each for each in (self.connection, self.former) if each]


class ActionConnection(Resource):
    """One action connection, brought to what a task says."""

    forbidden_hint = FORBIDDEN

    def __init__(self, client: Client, params: t.Mapping[str, t.Any]) -> None:
        super().__init__()
        self.desired = Desired.of(params)
        self._client = client
        self._directory = Directory(client)
        self._registry = open_registry(
            params["registry"], site_of(client.base_url), client.longest_call + LONGEST_WAIT
        )

    def observe(self) -> Observation:
        desired = self.desired
        doing = f"find {desired.title}"
        if desired.connection_id:
            return self._observe_id(desired.connection_id, doing)
        name = desired.name
        stored = self._settled_entry(name)
        if stored and stored.creating:
            return self._observe_interrupted(name, stored, doing)
        warnings: list[str] = []
        if stored:
            connection = self._directory.get(stored.connection_id, doing)
            if connection:
                return self._observe_known(connection, name, stored, stored, doing)
            former = self._directory.get(stored.replaces, doing) if stored.replaces else None
            if former:
                return Observation(former, name, stored, stored)
            warnings.append(
                f"The connection {stored.connection_id}, which the {self._registry.title} knows as {name!r}, is gone; it"
                " was deleted elsewhere."
            )
        try:
            found = self._find(name, doing)
        except NotListed as exc:
            if not self._registry.is_kept:
                raise
            warnings.append(
                f"Datadog does not list the organisation's connections, and the {self._registry.title} knows no"
                f" {name!r} that exists, so it was taken not to exist. If it does, give its connection_id once: the"
                f" registry remembers it. ({exc.cause})"
            )
            return Observation(
                None, name, stored, stored, is_listed=False, warnings=tuple(warnings)
            )
        return Observation(found, name, stored, stored, warnings=tuple(warnings))

    def _settled_entry(self, name: str) -> Entry | None:
        """The registry's entry. If it says that a connection is being created, the run that is at it has ended."""
        entry = self._registry.entry(name)
        if entry and entry.creating:
            # A run that is at it holds the lock; one that was killed does not.
            with self._registry.creating(name):
                entry = self._registry.entry(name)
        return entry

    def _observe_known(
        self,
        connection: Observed,
        known_as: str,
        stored: Entry,
        named: Entry | None,
        doing: str,
    ) -> Observation:
        """Complete what is known of a connection that the registry has an entry of."""
        former = None
        if stored.replaces not in ("", connection.connection_id):
            former = self._directory.get(stored.replaces, doing)
        entry = replace(stored, creating="", replaces="")
        recalled = connection.recalling(entry)
        return Observation(recalled, known_as, stored, named, entry, former)

    def _observe_id(self, connection_id: str, doing: str) -> Observation:
        desired = self.desired
        known_as, stored = self._registry.entry_of(connection_id) or ("", None)
        connection = self._directory.get(connection_id, doing)
        if connection is None or not (desired.configuration or stored):
            return Observation(connection, known_as, stored, None)
        if stored and not desired.configuration:
            return self._observe_known(connection, known_as, stored, stored, doing)
        name = desired.name or connection.name
        named = self._settled_entry(name)
        if named and named.creating and named.replaces == connection_id:
            return self._observe_interrupted(name, named, doing)
        is_other = named and named.connection_id not in ("", connection_id)
        if named and is_other and self._directory.get(named.connection_id, doing):
            # Recording this one would lose the other's id.
            raise Refusal(
                f"The {self._registry.title} knows {name!r} as {named.connection_id}, which exists beside"
                f" {connection_id}, and it holds one connection of a name. Ways out: choose another name for one of them;"
                " delete one; or leave registry out of this task"
            )
        if stored:
            return self._observe_known(connection, known_as, stored, named, doing)
        return Observation(connection, name, None, named)

    def _observe_interrupted(self, name: str, stored: Entry, doing: str) -> Observation:
        """Find what came of a run that was killed, or lost an answer, while it created a connection."""
        former = self._directory.get(stored.replaces, doing) if stored.replaces else None
        try:
            created = self._find(name, doing, but=stored.replaces)
        except NotListed as exc:
            raise Refusal(f"A run was interrupted. {self._unknown_creation(name, stored)}") from exc
        if former and created:
            raise Refusal(
                f"A run was interrupted while it replaced {former.connection_id} ({former.kind}) by a new action"
                f" connection {name!r} ({stored.creating}). There is another one of that name,"
                f" {created.connection_id} ({created.kind}), and nothing tells whether it is the new one. Ways out: if it"
                f" is, delete {former.connection_id}; if it is not, delete or rename it; then run the task again"
            )
        entry = Entry()
        if former and stored.connection_id == former.connection_id:
            entry = replace(stored, creating="", replaces="")
        return Observation(created or former, name, stored, stored, entry)

    def _unknown_creation(self, name: str, stored: Entry) -> str:
        """What to say, without a full stop, where nothing tells what came of a create."""
        where, but = f"entry {name!r} of the {self._registry.title}", ""
        way = f"if there is one, run the task once with its connection_id; if there is none, remove the {where}"
        if stored.replaces:
            but = f" other than {stored.replaces}"
            way = f"if there is one, delete it; then remove creating and replaces from the {where}"
        return (
            f"An action connection {name!r} ({stored.creating}) may have been created, and the {self._registry.title} does"
            f" not know its id, nor does Datadog list the organisation's connections. Way out: look for a connection"
            f" {name!r}{but} in Datadog; {way}"
        )

    def _find(self, name: str, doing: str, but: str = "") -> Observed | None:
        """Find a connection by its name in Datadog's list.

        :param but: the id of a connection that is not meant.
        :raises Refusal: where several have the name, or the registry knows it as another one's.
        :raises NotListed: where Datadog does not offer the list.
        """
        matches: list[Observed] = []
        for patience in (*SETTLING_PAUSES, None):
            named = self._directory.named(name, doing)
            matches = [match for match in named if match.connection_id != but]
            if len(matches) < 2:
                break
            if patience is None or not all(match.created_at for match in matches):
                raise Refusal(_ambiguous(name, matches))
            # Two runs may have created them just now, of which one is about to delete its own.
            time.sleep(patience)
        if not matches:
            return None
        [match] = matches
        known = self._registry.entry_of(match.connection_id)
        if known and known[0] != name:
            raise Refusal(
                f"The action connection {name!r} in Datadog is {match.connection_id}, which the {self._registry.title}"
                f" knows as {known[0]!r}: it was renamed elsewhere. Ways out: run the task that keeps {known[0]!r}, which"
                f" names it so again; or, if {name!r} is what it is to be called, give connection_id once"
            )
        return match if match.tells_kind else self._directory.get(match.connection_id, doing)

    def plan(self, observed: Observation) -> Plan:
        wanted = self.desired.configuration
        plan = self._plan_absent(observed) if wanted is None else self._plan(wanted, observed)
        plan.warnings[:0] = observed.warnings
        return plan

    @staticmethod
    def _plan_absent(observed: Observation) -> Plan:
        if observed.to_delete:
            return Plan("delete", observed.to_delete[0].shown(), {})
        return Plan("none", {}, {}, remember=observed.stored is not None)

    def _plan(self, wanted: Configuration, observed: Observation) -> Plan:
        desired, connection = self.desired, observed.connection
        if connection is None:
            if desired.connection_id:
                raise Refusal(
                    f"There is no action connection {desired.connection_id}, and Datadog chooses"
                    " the ids of new ones. Ways out: correct connection_id, or leave it out to have"
                    " the connection found or created by name"
                )
            return self._plan_create("create", wanted, desired.name, {})
        if not connection.tells_kind:
            raise Refusal(
                f"Datadog's answer does not tell which integration {desired.title}"
                f" ({connection.connection_id}) has, so it cannot be compared. Ways out: run the task"
                " again, or look at the connection in Datadog"
            )
        if connection.kind != wanted.kind:
            return self._plan_replace(wanted, connection)
        return self._plan_update(wanted, connection, observed)

    def _plan_create(
        self, operation: str, wanted: Configuration, name: str, before: dict[str, t.Any]
    ) -> Plan:
        _require(wanted.missing(None))
        send, _nothing, after = wanted.compare(None, lambda path, value: True)
        body = _body({"name": name, "integration": send})
        return Plan(operation, before, {"name": name, **after}, body, _advice(wanted))

    def _plan_replace(self, wanted: Configuration, connection: Observed) -> Plan:
        desired = self.desired
        if not desired.allow_replace:
            raise Refusal(
                f"The {desired.title} exists as {connection.kind} ({connection.connection_id}), and"
                f" Datadog cannot turn it into {wanted.kind}. Ways out: choose another name; or set"
                " allow_replace, which creates a new connection, with a new id, and then deletes"
                " this one, so that workflows and apps that use its id need the new one"
            )
        name = desired.name or connection.name
        plan = self._plan_create("replace", wanted, name, connection.shown())
        if desired.connection_id:
            plan.warnings.append(
                f"Replacing {desired.connection_id} gives the connection a new id; the task's"
                " connection_id has to follow."
            )
        return plan

    def _plan_update(
        self, wanted: Configuration, connection: Observed, observed: Observation
    ) -> Plan:
        _require(wanted.missing(connection.values))
        send, before, after = wanted.compare(
            connection.values, self._secrets_policy(wanted, observed.entry)
        )
        name = self.desired.name or connection.name
        attributes: dict[str, t.Any] = {}
        if name != connection.name:
            attributes["name"] = name
        if send:
            attributes["integration"] = send
        plan = Plan(
            "update" if attributes else "none",
            {"name": connection.name, **before},
            {"name": name, **after},
            _body(attributes) if attributes else {},
            [*self._warnings(wanted, connection, observed), *_advice(wanted)],
        )
        if observed.former:
            if not self.desired.allow_replace:
                raise Refusal(
                    f"The {self._registry.title} says that {connection.connection_id} takes the place of"
                    f" {observed.former.connection_id}, which is still there: a replacement was interrupted. Ways out: set"
                    " allow_replace, to have that one deleted; or remove replaces from the entry"
                    f" {observed.known_as!r}"
                )
            plan.operation, plan.before = "replace", observed.former.shown()
        recorded = _entry_of(connection, observed.entry)
        plan.remember = self._registry.is_kept and (observed.known_as, observed.stored) != (
            name,
            recorded,
        )
        return plan

    def _warnings(
        self, wanted: Configuration, connection: Observed, observed: Observation
    ) -> list[str]:
        """What cannot be compared is said, not guessed."""
        title, registry = self.desired.title, self._registry
        compares = self.desired.update_secrets == "on_change" and wanted.has_secrets()
        warnings = []
        if compares and not registry.is_kept:
            warnings.append(
                f"Datadog never returns secrets, so those of {title} could not be compared and were not sent. Ways out:"
                " give a registry, which keeps fingerprints of them; or set update_secrets, to 'always' to send them with"
                " every run, or to 'on_create' if they need no comparison."
            )
        if observed.drifted:
            secrets = (
                " Nothing tells whether its secrets are still those of the task; run it once with update_secrets 'always'"
                " to be sure."
                if compares
                else ""
            )
            warnings.append(
                f"{title[0].upper()}{title[1:]} was changed elsewhere: Datadog says that it was updated at"
                f" {connection.last_updated}, and the {registry.title} knows of {observed.entry.last_updated}. Somebody"
                f" edited it, or a run was interrupted.{secrets}"
            )
        for path in wanted.hidden(connection.values):
            warnings.append(
                f"Datadog's answer leaves {path} out, so nothing tells which of them {title} has. Those of the task were"
                " taken to be there, and none was removed. With update_secrets 'always' those of the task are sent;"
                " others go only if the connection is deleted and created again. A registry remembers those that were"
                " sent."
            )
        return warnings

    def _secrets_policy(self, wanted: Configuration, entry: Entry) -> SendsSecret:
        """What decides whether a secret goes to a connection that has one already."""
        update_secrets = self.desired.update_secrets
        if update_secrets == "on_change" and self._registry.is_kept:
            start = len(wanted.kind) + 1
            return lambda path, value: not entry.knows(path[start:], value)
        return lambda path, value: update_secrets == "always"

    def foretell(self, plan: Plan, observed: Observation) -> dict[str, t.Any]:
        wanted = self.desired.configuration
        if wanted is None or not plan.changed:
            return self._result(observed, gone=plan.operation == "delete")
        kept = observed.connection
        if kept and kept.kind != wanted.kind:
            kept = None
        known = kept.result() if kept else _UNKNOWN
        connection = {
            **known,
            "name": plan.after["name"],
            wanted.integration.key: wanted.foretold(plan.after, kept.values if kept else None),
        }
        return {
            "connection": connection,
            "connection_id": known["connection_id"],
            "drifted": observed.drifted,
        }

    def _result(
        self, observed: Observation, connection: Observed | None = None, gone: bool = False
    ) -> dict[str, t.Any]:
        """:param connection: what has become of the one that was observed."""
        result = self.result(connection or observed.connection or observed.former, gone)
        return {**result, "drifted": observed.drifted}

    def apply(self, plan: Plan, observed: Observation) -> dict[str, t.Any]:
        wanted, connection = self.desired.configuration, observed.connection
        if wanted is None:
            self._remove(observed)
            return self._result(observed, gone=True)
        former = observed.former
        if connection is None or connection.kind != wanted.kind:
            if former:
                # Two replacements ago; the registry has room for one.
                self._delete(former.connection_id)
            written, entry = self._create(plan, observed)
            former = connection
        else:
            written, entry = self._update(plan, observed, connection)
        if former:
            self._delete(former.connection_id)
        name = self.desired.name or written.name
        if observed.stored and observed.known_as != name:
            self._registry.remove(observed.known_as)
        self._registry.put(name, _entry_of(written, entry))
        return self._result(observed, written.recalling(entry))

    def _remove(self, observed: Observation) -> None:
        if observed.to_delete and observed.stored:
            # What cannot be recorded must not be done.
            self._registry.put(observed.known_as, observed.stored)
        for connection in observed.to_delete:
            self._delete(connection.connection_id)
        if observed.stored and observed.stored.creating and self.desired.connection_id:
            # Another connection of the name may have been created; this one is gone.
            self._registry.put(
                observed.known_as, replace(observed.stored, connection_id="", replaces="")
            )
        elif observed.stored:
            self._registry.remove(observed.known_as)

    def _delete(self, connection_id: str) -> None:
        doing = f"delete action connection {connection_id}"
        try:
            self._client.delete(f"{PATH}/{connection_id}", doing)
        except DatadogError as exc:
            if exc.status != 404:
                raise
        self.progress.append(f"deleted action connection {connection_id}")

    def _update(
        self, plan: Plan, observed: Observation, connection: Observed
    ) -> tuple[Observed, Entry]:
        """Change the connection, if there is something to change.

        :returns: it, and what to remember of it.
        """
        sent = self._sent(plan)
        if plan.changed:
            # A run that ends here has sent something else than what the registry would take for sent.
            former_id = observed.former.connection_id if observed.former else ""
            started = replace(
                observed.entry.without(sent),
                connection_id=connection.connection_id,
                integration=connection.kind,
                replaces=former_id,
            )
            self._registry.put(observed.known_as, started)
        if not plan.body:
            return connection, observed.entry
        doing = f"update {self.desired.title} ({connection.connection_id})"
        entry = observed.entry.with_secrets(sent)
        try:
            answer = self._client.patch(f"{PATH}/{connection.connection_id}", doing, plan.body)
        except DatadogError as exc:
            if exc.status == 404:
                raise LookAgain(exc, effect=False) from exc
            raise
        self.progress.append(f"updated action connection {connection.connection_id}")
        return self._read_back(plan, Observed.of(answer)), entry

    def _sent(self, plan: Plan) -> dict[str, str | None]:
        """The secrets in the body of a plan, by their paths, if there is a registry to remember them."""
        wanted = self.desired.configuration
        if not self._registry.is_kept or wanted is None or not plan.body:
            return {}
        integration = plan.body["data"]["attributes"].get("integration", {})
        return wanted.credentials.secrets(integration.get("credentials", {}))

    def _read_back(self, plan: Plan, written: Observed) -> Observed:
        """Complete the answer to a write, which lacks what Datadog adds later."""
        if written.last_updated:
            return written
        doing = f"read action connection {written.connection_id} again"
        try:
            return self._directory.get(written.connection_id, doing) or written
        except DatadogError as exc:
            plan.warnings.append(f"The connection was written. {exc}")
            return written

    def _create(self, plan: Plan, observed: Observation) -> tuple[Observed, Entry]:
        """:returns: the new connection, and what to remember of it."""
        name = plan.body["data"]["attributes"]["name"]
        kind = self.desired.configuration.kind if self.desired.configuration else ""
        replaced = observed.connection
        # Takes its time, so before the request: between that and the record there is to be nothing.
        entry = Entry(
            integration=kind, replaces=replaced.connection_id if replaced else ""
        ).with_secrets(self._sent(plan))
        with self._registry.creating(name):
            stored = self._claim(name, kind, replaced, observed)
            try:
                created = self._post(plan, name, replaced)
            except DatadogError as exc:
                if not exc.ambiguous:
                    self._restore(name, stored)
                raise
            self.progress.append(f"created action connection {created.connection_id}")
            entry = replace(entry, connection_id=created.connection_id)
            self._registry.put(name, entry)
        if self.desired.connection_id or not observed.is_listed:
            # It is not its name that tells this connection from others, or nothing can be seen of others.
            return self._read_back(plan, created), entry
        try:
            return self._settle(plan, created, replaced), entry
        except LookAgain:
            # The other run's is the one to be known.
            self._restore(name, stored)
            raise

    def _claim(
        self, name: str, kind: str, replaced: Observed | None, observed: Observation
    ) -> Entry | None:
        """Record that a connection is about to be created.

        :returns: what was recorded until now.
        :raises LookAgain: where another run has been faster.
        """
        named = self._registry.entry(name)
        doing = f"create action connection {name!r}"
        now = named.connection_id if named else ""
        then = observed.named.connection_id if observed.named else ""
        if now != then:
            raise LookAgain(DatadogError(doing, f"another run has recorded {now}"), effect=False)
        if named and named.creating:
            # Whoever was at it has ended since, maybe after the list was read.
            try:
                found = self._find(name, f"find action connection {name!r}", but=named.replaces)
            except NotListed as exc:
                raise Refusal(
                    f"A run was interrupted. {self._unknown_creation(name, named)}"
                ) from exc
            if found:
                reason = f"another run has created {found.connection_id}"
                raise LookAgain(DatadogError(doing, reason), effect=False)
        claimed = replace(
            named or Entry(),
            creating=kind,
            replaces=replaced.connection_id if replaced else "",
        )
        self._registry.put(name, claimed)
        return named

    def _restore(self, name: str, stored: Entry | None) -> None:
        """Record what was there before a connection was to be created."""
        if stored:
            self._registry.put(name, stored)
        else:
            self._registry.remove(name)

    def _post(self, plan: Plan, name: str, replaced: Observed | None) -> Observed:
        try:
            doing = f"create action connection {name!r}"
            return Observed.of(self._client.post(PATH, doing, plan.body))
        except DatadogError as exc:
            if not exc.ambiguous:
                raise
            return self._look_for(name, replaced, exc)

    def _look_for(self, name: str, replaced: Observed | None, error: DatadogError) -> Observed:
        """Find what a POST without a readable answer has made.

        :returns: the replacement of an existing connection.
        :raises LookAgain: where planning anew goes on safely: the connection is there, or surely is not.
        :raises DatadogError: where nothing tells.
        """
        in_doubt = DatadogError(
            error.doing,
            f"{error.reason}. It may have been created all the same. Look for {name!r} among the connections in"
            " Datadog, and delete it there if there is one too many; then run the task again",
            error.status,
            error.errors,
            ambiguous=True,
        )
        if self.desired.connection_id:
            raise in_doubt
        self._client.pause(error)
        try:
            matches = self._directory.named(name, f"find action connection {name!r}")
        except NotListed as exc:
            claimed = self._registry.entry(name)
            if not claimed:
                raise in_doubt from exc
            raise Refusal(f"{error} {self._unknown_creation(name, claimed)}") from error
        except DatadogError as exc:
            raise in_doubt from exc
        if replaced:
            matches = [m for m in matches if m.connection_id != replaced.connection_id]
        if not matches and error.unfinished:
            raise in_doubt
        if not matches or not replaced:
            raise LookAgain(error)
        wanted = self.desired.configuration
        if len(matches) > 1 or wanted is None or matches[0].kind != wanted.kind:
            raise Refusal(_ambiguous(name, [replaced, *matches])) from error
        return matches[0]

    def _settle(self, plan: Plan, created: Observed, replaced: Observed | None) -> Observed:
        """Read the new connection back, and see whether another run created one of its name at the same time.

        Datadog has no unique names. Of two runs at least the one that posted later sees both connections; the
        connection that was created first stays, and each run deletes none but its own.
        """
        try:
            matches = self._directory.named(created.name, f"read {self.desired.title} again")
        except (DatadogError, NotListed) as exc:
            plan.warnings.append(
                f"Created {created.connection_id}, but could not see whether another run created one"
                f" of the same name at the same time. {exc}"
            )
            return self._read_back(plan, created)
        mine = next((m for m in matches if m.connection_id == created.connection_id), created)
        known = {created.connection_id, replaced.connection_id if replaced else None}
        rivals = [match for match in matches if match.connection_id not in known]
        if not rivals:
            return mine
        if not all(match.created_at for match in [mine, *rivals]):
            raise Refusal(_ambiguous(created.name, [mine, *rivals]))
        first = min(
            [mine, *rivals], key=lambda match: (match.created_at or "", match.connection_id)
        )
        if first is mine:
            plan.warnings.append(
                f"Another action connection {created.name!r} was created at the same time:"
                f" {', '.join(rival.connection_id for rival in rivals)}. The earlier one,"
                f" {mine.connection_id}, was kept; a run of this module that made the other one"
                " deletes it."
            )
            return mine
        self._delete(created.connection_id)
        faster = DatadogError(
            f"create action connection {created.name!r}",
            f"another run created {first.connection_id} at the same time",
        )
        raise LookAgain(faster, effect=False)


_UNKNOWN: dict[str, t.Any] = {
    "connection_id": None,
    "name": None,
    "created_at": None,
    "last_updated": None,
    "created_by": None,
}


def _entry_of(connection: Observed, entry: Entry) -> Entry:
    """What to remember of a connection that is done with.

    :param entry: what is known of its secrets.
    """
    return Entry(
        connection_id=connection.connection_id,
        integration=connection.kind,
        last_updated=connection.last_updated,
        secrets=entry.without(connection.lost_secrets(entry)).secrets,
    )


def _advice(wanted: Configuration) -> list[str]:
    """Warnings about what a task gives."""
    return [
        f"{path} seems to carry a credential in clear text: Datadog shows it to everybody who may see the connection. Put"
        " it into tokens, and refer to the token by !unsafe '{{ name }}'."
        for path in wanted.literal_credentials()
    ]


def _require(missing: t.Iterable[tuple[str, str]]) -> None:
    problems = list(missing)
    if problems:
        raise OptionError(*problems)


def _body(attributes: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"data": {"type": "action_connection", "attributes": attributes}}


def _ambiguous(name: str, matches: t.Sequence[Observed]) -> str:
    listed = ", ".join(f"{match.connection_id} ({match.kind})" for match in matches)
    return (
        f"{len(matches)} action connections are called {name!r}: {listed}. Nothing tells which one is meant. Ways out: give"
        " connection_id, or delete or rename all but one"
    )
