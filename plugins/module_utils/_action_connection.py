# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""An action connection: which one is meant, what differs, and how it is written."""

from __future__ import annotations

import contextlib
import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Client, DatadogError
from ansible_collections.tidyops.datadog.plugins.module_utils._connection_tasks import (
    CONNECTION_OPTIONS,
    Desired,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._directory import (
    PATH,
    Directory,
    NotListed,
    Observed,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._integrations import (
    Configuration,
    SendsSecret,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import (
    CommonWarning,
    LookAgain,
    OptionError,
    Overtaken,
    Plan,
    Refusal,
    Resource,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._registry import (
    Entry,
    Registry,
    RegistryError,
)

#: Ends what was begun, and returns the result.
Finish = t.Callable[[], dict[str, t.Any]]
#: Seconds between the looks at two connections of one name, before they are taken to be there for good.
SETTLING_PAUSES = (0.5, 1, 2)


@dataclass(frozen=True)
class Observation:
    """What Datadog and the registry know of the connection that a task means.

    :ivar connection: None if there is none.
    :ivar known_as: the name under which the registry knows it, or is to know it.
    :ivar stored: the registry's entry of that name.
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
    def is_known(self) -> bool:
        """Whether it was the registry that told which connection is meant, and not its name."""
        stored, connection = self.stored, self.connection
        return bool(stored and connection and stored.connection_id == connection.connection_id)


class ActionConnection(Resource):
    """One action connection, brought to what a task says."""

    def __init__(
        self,
        desired: Desired,
        client: Client,
        directory: Directory,
        registry: Registry,
        place: str = "",
    ) -> None:
        super().__init__(place)
        self.desired = desired
        self._client = client
        self._directory = directory
        self._registry = registry

    @property
    def names(self) -> dict[str, t.Any]:
        return {"name": self.desired.name or None}

    def known(self) -> tuple[str, Entry] | None:
        """What the registry knows of it: its name and entry."""
        if self.desired.connection_id:
            return self._registry.entry_of(self.desired.connection_id, self.desired.name)
        entry = self._registry.entry(self.desired.name)
        return (self.desired.name, entry) if entry else None

    def known_id(self) -> str:
        """The id of the connection as far as it is known without Datadog; else empty."""
        known = None if self.desired.connection_id else self.known()
        return self.desired.connection_id or (known[1].connection_id if known else "")

    def observe(self) -> Observation:
        """Read what is there. :raises DatadogError, Refusal: where that cannot be known."""
        desired = self.desired
        doing = f"find {desired.title}"
        if desired.connection_id:
            return self._observe_id(desired.connection_id, doing)
        name = desired.name
        stored = self._settled_entry(name)
        if stored and stored.creating:
            return self._observe_interrupted(name, stored, stored, doing)
        warnings: list[str] = []
        if stored:
            known = self._observe_stored(name, stored, doing)
            if known:
                return known
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
                CommonWarning(
                    f"Datadog does not list the organisation's connections, and the {self._registry.title} knows of none that"
                    " exists as ",
                    repr(name),
                    ", which was taken not to exist. If it does, give its connection_id once: the registry remembers it."
                    f" ({exc.cause})",
                )
            )
            return Observation(
                None, name, stored, stored, is_listed=False, warnings=tuple(warnings)
            )
        return Observation(found, name, stored, stored, warnings=tuple(warnings))

    def _settled_entry(self, name: str) -> Entry | None:
        """The registry's entry. If it says that a connection is being created, the run that is at it has ended."""
        entry = self._registry.entry(name)
        if entry and entry.creating:
            self._registry.wait(name)
            entry = self._registry.entry(name)
            self._directory.renew()
        return entry

    def _observe_stored(self, name: str, stored: Entry, doing: str) -> Observation | None:
        """What the registry knows by a name, or what that was to replace; None if it is gone."""
        connection = self._directory.get(stored.connection_id, doing, stored)
        if connection and stored.last_updated not in (None, connection.last_updated):
            # Somebody has edited it; or another run changes it, or has since the registry was read.
            self._registry.wait(name)
            if self._registry.entry(name) != stored:
                return self.observe()
        if connection:
            return self._observe_known(connection, name, stored, stored, doing)
        former = self._directory.get(stored.replaces, doing) if stored.replaces else None
        return Observation(former, name, stored, stored) if former else None

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
        known_as, stored = self._registry.entry_of(connection_id, self.desired.name) or ("", None)
        connection = self._directory.get(connection_id, doing, stored)
        if connection is None or not self.desired.configuration:
            # To delete one by its id is to delete no other.
            return Observation(connection, known_as, stored, None)
        name = self.desired.name or connection.name
        named = self._settled_entry(name)
        if named and named.creating and named.replaces == connection_id:
            return self._observe_interrupted(name, named, named, doing)
        if stored and stored.creating and known_as != name:
            stored = self._settled_entry(known_as)
            if not stored or not stored.creating:
                return self._observe_id(connection_id, doing)
            return self._observe_interrupted(known_as, stored, named, doing)
        if stored and stored.connection_id not in ("", connection_id):
            successor = self._directory.get(stored.connection_id, doing)
            if successor:
                if not self.desired.name:
                    named = self._settled_entry(successor.name)
                return self._observe_known(successor, known_as, stored, named, doing)
        if named and named.creating and stored and known_as != name:
            raise Refusal(
                f"A run was interrupted while it created action connection {name!r} ({named.creating}), and {connection_id}"
                f" cannot take that name before it is known what came of it. Way out: run the task that keeps {name!r}"
                " first, without connection_id"
            )
        if self._holds_another(named, connection_id, doing):
            # Recording this one would lose the other's id.
            raise Refusal(
                f"The {self._registry.title} knows {name!r} as {named.connection_id if named else ''}, which exists beside"
                f" {connection_id}, and it holds one connection of a name. Ways out: choose another name for one of"
                " them; delete one; or leave registry out of this task"
            )
        if stored and stored.connection_id == connection_id:
            return self._observe_known(connection, known_as, stored, named, doing)
        return Observation(connection, name, named, named)

    def _holds_another(self, entry: Entry | None, connection_id: str, doing: str) -> bool:
        """Whether an entry is that of another connection, which exists."""
        if entry is None or entry.connection_id in ("", connection_id):
            return False
        return self._directory.get(entry.connection_id, doing) is not None

    def _observe_interrupted(
        self, name: str, stored: Entry, named: Entry | None, doing: str
    ) -> Observation:
        """Find what came of a run that was killed, or lost an answer, while it created a connection."""
        former = self._directory.get(stored.replaces, doing) if stored.replaces else None
        known = self._registry.entry_of(stored.replaces) if former else None
        if known and known[0] != name and not self.desired.connection_id:
            # It was meant by its id. By this name it is not meant.
            former = None
        created = self._find_created(name, stored, doing, but=stored.replaces)
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
        return Observation(created or former, name, stored, named, entry)

    def _find_created(self, name: str, stored: Entry, doing: str, but: str) -> Observed | None:
        """Like _find(), for what an interrupted run may have created. :raises Refusal: where nothing tells."""
        try:
            return self._find(name, doing, but)
        except NotListed as exc:
            raise Refusal(f"A run was interrupted. {self._unknown_creation(name, stored)}") from exc

    def _unknown_creation(self, name: str, stored: Entry) -> str:
        """What to say, without a full stop, where nothing tells what came of a create."""
        where, but = f"entry {name!r} of the {self._registry.title}", ""
        way = f"if there is one, run the task once with its connection_id; if there is none, remove the {where}"
        if stored.replaces:
            but = f" other than {stored.replaces}"
            what = "creating and replaces from the" if stored.connection_id else "the"
            way = f"if there is one, delete it; then remove {what} {where}"
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
            self._directory.renew()
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
        try:
            plan = self._plan_absent(observed) if wanted is None else self._plan(wanted, observed)
        except OptionError as exc:
            problem = exc.inside(self.place, CONNECTION_OPTIONS) if self.place else exc
            if not observed.warnings:
                raise problem from exc
            # Why a connection is to be created may be news.
            raise Refusal(" ".join([*observed.warnings, str(problem)]).rstrip(".")) from exc
        plan.warnings[:0] = observed.warnings
        return plan

    @staticmethod
    def _plan_absent(observed: Observation) -> Plan:
        connection, former = observed.connection, observed.former
        if connection is None:
            return Plan("none", {}, {}, remember=observed.stored is not None)
        warnings = []
        if former:
            warnings.append(
                f"{former.connection_id} ({former.kind}) goes as well: {connection.connection_id} was to take its place,"
                " and a run that replaced it was interrupted."
            )
        return Plan("delete", connection.shown(), {}, warnings=warnings)

    def _plan(self, wanted: Configuration, observed: Observation) -> Plan:
        desired, connection = self.desired, observed.connection
        if connection is None:
            if desired.connection_id:
                successor = observed.stored.connection_id if observed.stored else ""
                known = (
                    f" The {self._registry.title} knows that {successor} has taken its place."
                    if successor not in ("", desired.connection_id)
                    else ""
                )
                raise Refusal(
                    f"There is no action connection {desired.connection_id}, and Datadog chooses"
                    f" the ids of new ones.{known} Ways out: correct connection_id, or leave it out to have"
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
        recorded = _entry_of(wanted, connection, observed.entry)
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
        warnings: list[str] = []
        if compares and not registry.is_kept:
            warnings.append(
                CommonWarning(
                    "Datadog never returns secrets, so those of ",
                    title,
                    " could not be compared and were not sent. Ways out: give a registry, which keeps fingerprints of them; or"
                    " set update_secrets, to 'always' to send them with every run, or to 'on_create' if they need no"
                    " comparison.",
                )
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
                CommonWarning(
                    f"Datadog's answer leaves {path} out, so nothing tells which of them ",
                    title,
                    " has. Those of the task were"
                    " taken to be there, and none was removed. With update_secrets 'always' those of the task are sent;"
                    " others go only if the connection is deleted and created again. A registry remembers those that were"
                    " sent.",
                )
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

    def write(self, plan: Plan, observed: Observation) -> Finish:
        """Write to Datadog, and record what must not be lost.

        :returns: what is left to do when everything else of a set is written; it returns the result.
        :raises DatadogError, LookAgain, Refusal: as the rest may, too.
        """
        wanted, connection = self.desired.configuration, observed.connection
        if wanted is None:
            self._remove(observed)
            return lambda: self._result(observed, gone=True)
        if connection is None or connection.kind != wanted.kind:
            created, entry = self._replace(plan, wanted, observed)
            return lambda: self._finish(plan, wanted, observed, created, entry)
        if plan.changed:
            # Of two that send different secrets at the same time, nobody could tell which one came last.
            with contextlib.ExitStack() as stack:
                # In one order, so that two runs do not wait for each other.
                for name in sorted({observed.known_as, plan.after["name"]}):
                    stack.enter_context(self._registry.writing(name))
                written, final = self._update(plan, wanted, observed, connection)
        else:
            written, final = connection, _entry_of(wanted, connection, observed.entry)
            self._record(plan, observed, final, observed.stored)
        return lambda: self._result(observed, written.recalling(final))

    def _replace(
        self, plan: Plan, wanted: Configuration, observed: Observation
    ) -> tuple[Observed, Entry]:
        """Create a connection, maybe one that takes the place of another one.

        :returns: the new one, and what is recorded of it by now.
        """
        if observed.former:
            # Two replacements ago; the registry has room for one.
            self._prove(observed.known_as, observed.stored)
            self._delete(observed.former.connection_id)
        return self._create(plan, wanted, observed)

    def _finish(
        self,
        plan: Plan,
        wanted: Configuration,
        observed: Observation,
        created: Observed,
        entry: Entry,
    ) -> dict[str, t.Any]:
        """See that a new connection is the only one, and delete the one whose place it takes, if there is one.

        :param entry: what is recorded of it by now.
        """
        name = plan.after["name"]
        if self.desired.connection_id or observed.is_known or not observed.is_listed:
            # It is not its name that tells this connection from others, or nothing can be seen of others.
            written = self._read_back(plan, created)
        else:
            try:
                written = self._settle(plan, created, observed.connection)
            except Overtaken:
                # The other run's is the one to be known.
                self._restore(name, entry, observed.named)
                raise
        if observed.connection:
            self._delete(observed.connection.connection_id)
        final = _entry_of(wanted, written, entry)
        self._record(plan, observed, final, observed.stored, entry)
        return self._result(observed, written.recalling(final))

    def _prove(self, name: str, stored: Entry | None) -> None:
        """See that the registry can be written, and still says what it said.

        :raises Overtaken: where it does not.
        """
        if not self._registry.change(name, stored, {name: stored}):
            raise _overtaken(f"write {self.desired.title}")

    def _record(
        self,
        plan: Plan,
        observed: Observation,
        final: Entry,
        recorded: Entry | None,
        created: Entry | None = None,
    ) -> None:
        """Record what the task is done with.

        :param recorded: what is recorded by now under the name by which the connection was known.
        :param created: what is recorded by now under its new name, if it is a new one.
        :raises Overtaken: where something else is recorded, since another run has written since.
        """
        name = plan.after["name"]
        expected = {name: observed.named, observed.known_as: recorded}
        if created:
            expected[name] = created
        try:
            if self._registry.change(name, final, expected):
                return
        except RegistryError as exc:
            if plan.changed or not observed.is_known or name != observed.known_as:
                raise
            # What the registry has to know it knows.
            plan.warnings.append(f"{exc} What is new about {self.desired.title} was not recorded.")
            return
        doing = f"record {self.desired.title} ({final.connection_id})"
        raise _overtaken(doing, effect=plan.changed)

    def _remove(self, observed: Observation) -> None:
        """Delete the connection, if it is there, and forget it."""
        stored, connection, former = observed.stored, observed.connection, observed.former
        name = observed.known_as
        if connection and stored:
            self._prove(name, stored)
        for each in filter(None, (connection, former)):
            self._delete(each.connection_id)
        if stored:
            left = _without_id(stored, self.desired.connection_id)
            # Where another run has recorded another connection since, that one stays known.
            is_forgotten = self._registry.change(name, left, {name: stored})
            if not is_forgotten and not connection:
                raise _overtaken(f"forget {self.desired.title}")

    def _delete(self, connection_id: str) -> None:
        doing = f"delete action connection {connection_id}"
        try:
            self._client.delete(f"{PATH}/{connection_id}", doing)
        except DatadogError as exc:
            if exc.status != 404:
                raise
        self.progress.append(f"deleted action connection {connection_id}")

    def _update(
        self, plan: Plan, wanted: Configuration, observed: Observation, connection: Observed
    ) -> tuple[Observed, Entry]:
        """Change the connection, and delete the one whose place it takes, if that is still there.

        :returns: it, and what is recorded of it.
        """
        name, former = observed.known_as, observed.former
        known = self._with_sent(plan, wanted, observed.entry)
        # A run that ends here has sent something else than what the registry would take for sent.
        started = replace(
            observed.entry.without(self._sent(plan, wanted)),
            connection_id=connection.connection_id,
            integration=connection.kind,
            replaces=former.connection_id if former else "",
        )
        doing = f"update {self.desired.title} ({connection.connection_id})"
        if not self._registry.change(name, started, {name: observed.stored}):
            raise _overtaken(doing)
        written = connection
        if plan.body:
            try:
                answer = self._client.patch(f"{PATH}/{connection.connection_id}", doing, plan.body)
            except DatadogError as exc:
                if exc.status == 404:
                    raise LookAgain(exc, effect=False) from exc
                raise
            self.progress.append(f"updated action connection {connection.connection_id}")
            written = self._read_back(plan, Observed.of(answer))
        if former:
            self._delete(former.connection_id)
        final = _entry_of(wanted, written, known)
        self._record(plan, observed, final, started)
        return written, final

    @staticmethod
    def _sent(plan: Plan, wanted: Configuration) -> dict[str, str | None]:
        """The secrets in the body of a plan, by their paths."""
        if not plan.body:
            return {}
        integration = plan.body["data"]["attributes"].get("integration", {})
        return wanted.credentials.secrets(integration.get("credentials", {}))

    def _with_sent(self, plan: Plan, wanted: Configuration, entry: Entry) -> Entry:
        """The entry, with fingerprints of what was sent; these take their time."""
        return entry.with_secrets(self._sent(plan, wanted)) if self._registry.is_kept else entry

    def _read_back(self, plan: Plan, written: Observed) -> Observed:
        """Complete the answer to a write, which lacks what Datadog adds later."""
        if written.last_updated:
            return written
        doing = f"read action connection {written.connection_id} again"
        try:
            return self._directory.read(written.connection_id, doing) or written
        except DatadogError as exc:
            plan.warnings.append(f"The connection was written. {exc}")
            return written

    def _create(
        self, plan: Plan, wanted: Configuration, observed: Observation
    ) -> tuple[Observed, Entry]:
        """:returns: the new connection, and what is recorded of it by now."""
        name = plan.body["data"]["attributes"]["name"]
        replaced = observed.connection
        replaced_id = replaced.connection_id if replaced else ""
        # Before the request: between that and the record there is to be nothing that takes time.
        entry = self._with_sent(plan, wanted, Entry(integration=wanted.kind, replaces=replaced_id))
        with self._registry.writing(name):
            claimed = self._claim(name, wanted.kind, observed)
            try:
                created = self._post(plan, name, observed)
            except DatadogError as exc:
                if not exc.ambiguous:
                    self._restore(name, claimed, observed.named)
                raise
            self.progress.append(f"created action connection {created.connection_id}")
            entry = replace(entry, connection_id=created.connection_id)
            if not self._registry.put(name, entry, claimed):
                # Another run took this one for dead, and the name for its own; maybe with what was created here.
                recorded = self._registry.entry(name)
                if not recorded or recorded.connection_id != created.connection_id:
                    self._delete(created.connection_id)
                raise _overtaken(f"create action connection {name!r}")
        return created, entry

    def _claim(self, name: str, kind: str, observed: Observation) -> Entry:
        """Record that a connection is about to be created.

        :returns: what was recorded.
        :raises Overtaken: where another run has been faster.
        """
        named = observed.named
        replaced_id = observed.connection.connection_id if observed.connection else ""
        doing = f"create action connection {name!r}"
        if named and named.creating:
            # Whoever was at it has ended, but maybe after the list was read.
            self._directory.renew()
            but = replaced_id or named.replaces
            if self._has_created(name, named, doing, but):
                raise _overtaken(doing)
        claimed = replace(named or Entry(), creating=kind, replaces=replaced_id)
        if not self._registry.change(name, claimed, {name: named}):
            raise _overtaken(doing)
        return claimed

    def _has_created(self, name: str, stored: Entry, doing: str, but: str) -> bool:
        """Whether an interrupted run has created a connection. :raises Refusal: where nothing tells."""
        if self.desired.connection_id not in ("", stored.replaces):
            try:
                return self._find(name, doing, but) is not None
            except NotListed:
                # The user has looked, and says by connection_id which one it is.
                return False
        return self._find_created(name, stored, doing, but) is not None

    def _restore(self, name: str, recorded: Entry, former: Entry | None) -> None:
        """Record what was there before a connection was to be created.

        Whatever went wrong with that is what has to be told. An entry of a connection that is not there does no harm.
        """
        with contextlib.suppress(RegistryError):
            self._registry.change(name, former, {name: recorded})

    def _post(self, plan: Plan, name: str, observed: Observation) -> Observed:
        try:
            doing = f"create action connection {name!r}"
            return Observed.of(self._client.post(PATH, doing, plan.body))
        except DatadogError as exc:
            if not exc.ambiguous:
                raise
            return self._look_for(name, observed, exc)

    def _look_for(self, name: str, observed: Observation, error: DatadogError) -> Observed:
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
        replaced = observed.connection
        if self.desired.connection_id:
            raise in_doubt
        self._client.pause(error)
        self._directory.renew()
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
        if not matches or not replaced or observed.is_known:
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
            if isinstance(exc, DatadogError) or not self._registry.is_kept:
                plan.warnings.append(
                    CommonWarning(
                        "Created ",
                        created.connection_id,
                        ", but could not see whether another run created one of the same name at the same time."
                        f" {exc}",
                    )
                )
            return self._read_back(plan, created)
        mine = next((m for m in matches if m.connection_id == created.connection_id), created)
        known = {created.connection_id, replaced.connection_id if replaced else None}
        rivals = [match for match in matches if match.connection_id not in known]
        if not rivals:
            return mine if mine.tells_kind else self._read_back(plan, created)
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
        raise Overtaken(faster, effect=False)


_UNKNOWN: dict[str, t.Any] = {
    "connection_id": None,
    "name": None,
    "created_at": None,
    "last_updated": None,
    "created_by": None,
}


def _overtaken(doing: str, effect: bool = False) -> Overtaken:
    """What to raise where the registry says something else than it said."""
    reason = "other runs keep changing what the registry says of it"
    return Overtaken(DatadogError(doing, reason), effect)


def _entry_of(wanted: Configuration, connection: Observed, entry: Entry) -> Entry:
    """What to remember of a connection that is done with.

    :param entry: what is known of its secrets.
    """
    known = entry.without(connection.lost_secrets(entry))
    if any(wanted.hidden(connection.values)):
        # Tokens that the task keeps are taken to be there, now and in the next run.
        given = wanted.credentials.secrets(wanted.values[wanted.credentials.key])
        known = known.with_unsent(path for path, value in given.items() if value is None)
    return Entry(
        connection_id=connection.connection_id,
        integration=connection.kind,
        last_updated=connection.last_updated,
        secrets=known.secrets,
    )


def _without_id(entry: Entry, connection_id: str) -> Entry | None:
    """What is left to remember when a connection is gone.

    :param connection_id: its id, if it is only this one that is gone; else empty.
    """
    if not connection_id:
        return None
    recorded, replaces = (
        "" if known == connection_id else known for known in (entry.connection_id, entry.replaces)
    )
    if entry.creating:
        # Another connection of the name may have been created.
        return Entry(recorded, creating=entry.creating, replaces=replaces)
    if recorded:
        return replace(entry, replaces=replaces)
    return Entry(replaces) if replaces else None


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
