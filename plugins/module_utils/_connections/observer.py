# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which connection a task means, what exists of it, and which of its secrets differ. Reads, and never writes."""

from __future__ import annotations

import threading
import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Client
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import TaskError
from ansible_collections.tidyops.datadog.plugins.module_utils._reconcile import Notice
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import Entry, Registry, check_organization

from .finder import ConnectionFinder, NotListed
from .model import Connection, Desired

if t.TYPE_CHECKING:
    from ansible_collections.tidyops.datadog.plugins.module_utils._restriction_policy import Policy, WantedPolicy

    from .access import Access

#: Seconds between two looks at another run's claim: the first and the longest pause.
PAUSES = 0.2, 2


@dataclass(frozen=True)
class Observation:
    """What Datadog and the registry know of the connection that a task means.

    :ivar known_as: the name under which the registry knows it, or will know it, and C(entry) what it knows.
    :ivar named: the registry's entry of the name that the connection will have.
    :ivar replaced: what the connection was created to replace, and still exists.
    :ivar to_send: the paths of the secrets that have to be sent.
    :ivar drifted: whether it was changed elsewhere since the last record.
    :ivar wanted: the policy of the task, None if it has none; C(policy): the one that exists, None if it was not read.
    """

    connection: Connection | None
    known_as: str = ""
    entry: Entry | None = None
    named: Entry | None = None
    replaced: Connection | None = None
    to_send: frozenset[str] = frozenset()
    drifted: bool = False
    notices: tuple[Notice, ...] = ()
    wanted: WantedPolicy | None = None
    policy: Policy | None = None

    @property
    def known_id(self) -> str:
        """The id in the registry; empty if there is none."""
        return self.entry.connection_id if self.entry else ""


class Observer:
    """Finds connections. May be used by several threads. :ivar access: set where the task specifies access."""

    def __init__(self, client: Client, finder: ConnectionFinder, registry: Registry) -> None:
        self._client = client
        self._finder = finder
        self._registry = registry
        self.access: Access | None = None
        self._checking = threading.Lock()
        self._is_checked = registry.is_in_datadog or not registry.is_kept

    def observe(self, desired: Desired) -> Observation:
        """Find the connection that a task means, or raise where that cannot be determined."""
        wanted = self.access.wanted(desired) if self.access else None
        doing = f"find {desired.title}"
        found = (self._by_id if desired.connection_id else self._by_name)(desired, doing)
        connection = found.connection
        if not (connection and found.known_id):
            # It is about to be created, recorded or forgotten.
            self.check_organization()
        if connection and not desired.configuration and connection.name != found.known_as:
            # Raises where two names have this id, as an interrupted rename leaves them: then the former name must not delete it.
            self._registry.all()
        policy = self.access.policy(connection.connection_id) if self.access and wanted and connection else None
        return replace(found, wanted=wanted, policy=policy, to_send=self._differing_secrets(desired, found))

    def by_entry(self, name: str, entry: Entry, doing: str, found: Connection | None = None) -> Observation:
        """Find what the registry knows. :param found: the connection, where it was read already."""
        connection = found or self._finder.get(entry.connection_id, doing, entry)
        replaced = self._finder.get(entry.replaces, doing) if entry.replaces else None
        if connection is None:
            # If the new one was deleted elsewhere before the old one was, the old one is what there is.
            return Observation(replaced, name, entry, entry)
        drifted = not entry.claim and connection.moved_since(entry.last_updated)
        return Observation(connection, name, entry, entry, replaced, drifted=drifted)

    def check_organization(self) -> None:
        """Check, once, that the keys are of the organization of the registry."""
        with self._checking:
            if not self._is_checked:
                check_organization(self._registry, self._client)
                self._is_checked = True

    def _by_id(self, desired: Desired, doing: str) -> Observation:
        connection_id, registry = desired.connection_id, self._registry
        known_as, entry = registry.find_id(connection_id, desired.name) or ("", None)
        if entry and entry.claim:
            entry = self._settled(known_as)
        if entry and entry.connection_id != connection_id:
            # Another run has replaced it while this one waited.
            entry = None
        if entry and not desired.configuration:
            return self.by_entry(known_as, entry, doing)
        connection = self._finder.get(connection_id, doing, entry)
        if connection is None or not desired.configuration:
            # To delete one by its id is to delete no other.
            return Observation(connection)
        name = desired.name or connection.name
        named = entry if entry and name == known_as else self._settled(name)
        other_id = named.connection_id if named else ""
        other = self._finder.get(other_id, doing, named) if other_id not in ("", connection_id) else None
        if other and named and not named.claim:
            # Recording this one would lose the other's id.
            raise TaskError(
                f"The {registry.title} knows {name!r} as {other_id}, which exists beside {connection_id}. Delete one of them,"
                " give one another name, or run this task without registry."
            )
        if entry is None:
            # Of an interrupted replacement this is the new one, as the task says, and the other one is the old one.
            return Observation(connection, name, named, named, other)
        return replace(self.by_entry(known_as, entry, doing, connection), named=named)

    def _by_name(self, desired: Desired, doing: str) -> Observation:
        name, title = desired.name, self._registry.title
        entry = self._settled(name)
        if entry and entry.claim:
            return self._interrupted(desired, entry, doing)
        notices: tuple[Notice, ...] = ()
        if entry:
            known = self.by_entry(name, entry, doing)
            if known.connection:
                return known
            text = f"The connection {entry.connection_id}, which the {title} knows as {name!r}, was deleted elsewhere."
            notices = (Notice(text),)
        try:
            connection = self._only(name, self._finder.named(name, doing))
        except NotListed:
            if not self._registry.is_kept:
                raise
            connection = None
            if not entry:
                text = f"Datadog does not offer the list of connections, and the {title} does not know %s, so "
                if desired.configuration:
                    text += "it is treated as new. If it already exists, set connection_id once to import it."
                else:
                    text += "nothing was deleted. If it exists, delete it by connection_id."
                notices = (Notice(text, repr(name)),)
        known_as = self._registry.find_id(connection.connection_id) if connection else None
        if connection and known_as and known_as[0] != name:
            raise TaskError(
                f"The action connection {name!r} is {connection.connection_id}, which the {title} knows as {known_as[0]!r}: it"
                f" was renamed elsewhere. Run the task for {known_as[0]!r}, which renames it back, or set connection_id once if"
                f" {name!r} is right."
            )
        return Observation(connection, name, entry, entry, notices=notices)

    def _settled(self, name: str) -> Entry | None:
        """The registry's entry. If another run has claimed it, wait for that run, as long as for an answer."""
        entry = self._registry.find(name)
        claim, pause = (entry.claim if entry else ""), PAUSES[0]
        deadline = time.monotonic() + self._client.timeout
        while claim and entry and entry.claim == claim and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(pause * 1.5, PAUSES[1])
            entry = self._registry.find(name, is_fresh=True)
        if claim:
            self._finder.forget_list()
        return entry

    def _interrupted(self, desired: Desired, entry: Entry, doing: str) -> Observation:
        """Find what became of a run that has claimed the name, and does not end or was interrupted."""
        name, old_id, title = desired.name, entry.connection_id, self._registry.title
        old = self._finder.get(old_id, doing) if old_id else None
        claimed = f"Another run is creating action connection {name!r}, or was interrupted: the {title} has its claim ({entry.claim})."
        try:
            matches = [match for match in self._finder.named(name, doing) if match.connection_id != old_id]
        except NotListed as exc:
            todo = (
                f"delete each one with connection_id and state=absent, then remove the entry {name!r} from the {title}"
            )
            if desired.configuration:
                settle = (
                    f"set connection_id to {old_id} for one run"
                    if old
                    else f"remove the entry {name!r} from the {title}"
                )
                todo = f"if there is a new one, set connection_id to its id for one run; if there is none, {settle}"
            text = f"{claimed} Datadog does not offer the list of connections, so look there for {name!r}: {todo}."
            raise TaskError(text) from exc
        created = self._only(name, matches)
        if not created and desired.configuration:
            settle = (
                f"set connection_id to {old_id} for one run" if old else "run a task with this name and state=absent"
            )
            raise TaskError(
                f"{claimed} Datadog lists no new {name!r}. If that run has ended, {settle}, which removes the claim."
            )
        return Observation(created or old, name, entry, entry, old if created else None)

    def _only(self, name: str, matches: t.Sequence[Connection]) -> Connection | None:
        if len(matches) > 1:
            listed = ", ".join(f"{match.connection_id} ({match.kind})" for match in matches)
            raise TaskError(
                f"{len(matches)} action connections have the name {name!r}: {listed}. Set connection_id, or delete or rename all"
                " but one."
            )
        return matches[0] if matches else None

    def _differing_secrets(self, desired: Desired, found: Observation) -> frozenset[str]:
        wanted, connection, entry = desired.configuration, found.connection, found.entry
        if wanted is None or connection is None or connection.kind != wanted.kind:
            return frozenset()
        given = wanted.secrets()
        is_compared = desired.update_secrets == "on_change" and self._registry.is_kept
        if is_compared and entry and entry.connection_id == connection.connection_id and not found.drifted:
            return entry.differing(given)
        # Otherwise nothing proves that the connection has them.
        return frozenset(given if is_compared or desired.update_secrets == "always" else ())
