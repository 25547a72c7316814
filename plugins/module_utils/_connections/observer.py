# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which connection a task means, what it looks like, and which of its secrets differ. Reads, and never writes."""

from __future__ import annotations

import threading
import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Client
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import TaskError
from ansible_collections.tidyops.datadog.plugins.module_utils._reconcile import Notice
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import (
    Entry,
    Registry,
    check_organization,
)

from .finder import (
    ConnectionFinder,
    NotListed,
)
from .model import (
    Connection,
    Desired,
)

if t.TYPE_CHECKING:
    from ansible_collections.tidyops.datadog.plugins.module_utils._restriction_policy import (
        Policy,
        WantedPolicy,
    )

    from .access import Access

#: Seconds between two looks at another run's claim: the first and the longest pause.
PAUSES = 0.2, 2


@dataclass(frozen=True)
class Observation:
    """What Datadog and the registry know of the connection that a task means.

    :ivar connection: None if there is none.
    :ivar known_as: the name under which the registry knows it, or is to know it.
    :ivar entry: the registry's entry of that name.
    :ivar named: the registry's entry of the name that the connection is to have.
    :ivar replaced: what the connection was created to replace, and still exists.
    :ivar to_send: the paths of the secrets that have to be sent to the connection.
    :ivar drifted: whether somebody changed the connection after the registry saw it last.
    :ivar wanted: who the task wants to have access; None if it does not say.
    :ivar policy: who has access; empty where that was not read.
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
    """Finds connections. May be used by several threads."""

    def __init__(self, client: Client, finder: ConnectionFinder, registry: Registry) -> None:
        self._client = client
        self._finder = finder
        self._registry = registry
        #: Set where the task says who is to have access.
        self.access: Access | None = None
        self._checking = threading.Lock()
        self._is_checked = registry.is_in_datadog or not registry.is_kept

    def observe(self, desired: Desired) -> Observation:
        """Find the connection that a task means.

        :raises DatadogError, OptionError, TaskError: where that, or who is to have access, cannot be determined.
        """
        wanted = self.access.wanted(desired) if self.access else None
        doing = f"find {desired.title}"
        found = (self._by_id if desired.connection_id else self._by_name)(desired, doing)
        connection = found.connection
        if self._registry.is_kept and not (connection and found.known_id):
            # It is about to be created, recorded or forgotten.
            self._check_organization()
        if connection and not desired.configuration and connection.name != found.known_as:
            # Two names of one connection are an error, as an interrupted renaming leaves them: it must not be deleted by the
            # former one.
            self._registry.all()
        if self.access and wanted and connection:
            found = replace(found, policy=self.access.policy(connection.connection_id))
        return replace(found, wanted=wanted, to_send=self._differing_secrets(desired, found))

    def observe_unlisted(self, name: str, listed: t.Container[str]) -> Observation:
        """Find a connection that only the registry knows.

        :param listed: the ids of those that the task lists: they stay, whatever the registry says.
        """
        entry = self._registry.find(name)
        if entry is None or entry.connection_id in listed:
            return Observation(None)
        if entry.claim:
            text = (
                f"The connection {name!r}, which the task does not list, was not purged: the {self._registry.title} says that a"
                f" run is creating it ({entry.claim}). Delete it by name when that run has ended."
            )
            return Observation(None, notices=(Notice(text),))
        found = self._by_entry(name, entry, f"find action connection {name!r}")
        if found.replaced and found.replaced.connection_id in listed:
            found = replace(found, replaced=None)
        if found.connection is None:
            self._check_organization()
        return found

    def _by_id(self, desired: Desired, doing: str) -> Observation:
        connection_id, registry = desired.connection_id, self._registry
        known_as, entry = registry.find_id(connection_id, desired.name) or ("", None)
        if entry and entry.claim:
            entry = self._settled(known_as)
        if entry and entry.connection_id != connection_id:
            # Another run has replaced it meanwhile.
            entry = None
        if entry and not desired.configuration:
            return self._by_entry(known_as, entry, doing)
        connection = self._finder.get(connection_id, doing, entry)
        if connection is None or not desired.configuration:
            # To delete one by its id is to delete no other.
            return Observation(connection)
        name = desired.name or connection.name
        named = entry if entry and name == known_as else self._settled(name)
        other_id = named.connection_id if named else ""
        is_other = other_id not in ("", connection_id)
        other = self._finder.get(other_id, doing, named) if is_other else None
        if other and named and not named.claim:
            # Recording this one would lose the other's id.
            raise TaskError(
                f"The {registry.title} knows {name!r} as {other_id}, which exists beside {connection_id}. Delete one of them, or"
                " choose another name for one, or leave registry out of this task."
            )
        if entry is None:
            # Of an interrupted replacement this is the new one, as a person says, and the other one is the old one.
            return Observation(connection, name, named, named, other)
        return replace(self._by_entry(known_as, entry, doing, connection), named=named)

    def _by_name(self, desired: Desired, doing: str) -> Observation:
        name, title = desired.name, self._registry.title
        entry = self._settled(name)
        if entry and entry.claim:
            return self._interrupted(desired, entry, doing)
        notices: tuple[Notice, ...] = ()
        if entry:
            known = self._by_entry(name, entry, doing)
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
                text = (
                    f"Datadog does not list the organization's connections, and the {title} does not know %s: assumed not to"
                    " exist. Of a connection that does exist give the connection_id once."
                )
                notices = (Notice(text, repr(name)),)
        known_as = self._registry.find_id(connection.connection_id) if connection else None
        if connection and known_as and known_as[0] != name:
            raise TaskError(
                f"The action connection {name!r} is {connection.connection_id}, which the {title} knows as {known_as[0]!r}: it"
                f" was renamed elsewhere. Run the task for {known_as[0]!r}, which renames it back, or give connection_id once"
                f" if {name!r} is right."
            )
        return Observation(connection, name, entry, entry, notices=notices)

    def _by_entry(self, name: str, entry: Entry, doing: str, found: Connection | None = None) -> Observation:
        """What the registry knows, and what that was created to replace. :param found: where it was read already."""
        connection = found or self._finder.get(entry.connection_id, doing, entry)
        replaced = self._finder.get(entry.replaces, doing) if entry.replaces else None
        if connection is None:
            # If the new one was deleted elsewhere before the old one was, the old one is what there is.
            return Observation(replaced, name, entry, entry)
        drifted = not entry.claim and connection.moved_since(entry.last_updated)
        return Observation(connection, name, entry, entry, replaced, drifted=drifted)

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
        """Find what came of a run that has claimed the name and does not end, or was killed, or lost an answer."""
        name, old_id = desired.name, entry.connection_id
        old = self._finder.get(old_id, doing) if old_id else None
        claimed = (
            f"Another run is creating action connection {name!r}, or was interrupted, as the {self._registry.title} says"
            f" ({entry.claim})."
        )
        settle = f"run the task once with connection_id {old_id}" if old else ""
        try:
            matches = [c for c in self._finder.named(name, doing) if c.connection_id != old_id]
        except NotListed as exc:
            beside = f" beside {old_id}" if old else ""
            raise TaskError(
                f"{claimed} Datadog does not list the organization's connections, so look there for a connection"
                f" {name!r}{beside}: if there is one, run the task once with its connection_id; if there is none,"
                f" {settle or f'remove the entry {name!r} from the registry'}."
            ) from exc
        created = self._only(name, matches)
        if not created and desired.configuration:
            settle = settle or "run a task with this name and state=absent once, which removes the claim"
            raise TaskError(
                f"{claimed} Datadog does not list a new connection {name!r}. If no such run is under way, {settle}; then run"
                " the task again."
            )
        return Observation(created or old, name, entry, entry, old if created else None)

    def _only(self, name: str, matches: t.Sequence[Connection]) -> Connection | None:
        if len(matches) > 1:
            listed = ", ".join(f"{match.connection_id} ({match.kind})" for match in matches)
            raise TaskError(
                f"{len(matches)} action connections have the name {name!r}: {listed}. Give connection_id, or delete or rename"
                " all but one."
            )
        return matches[0] if matches else None

    def _check_organization(self) -> None:
        with self._checking:
            if not self._is_checked:
                check_organization(self._registry, self._client)
                self._is_checked = True

    def _differing_secrets(self, desired: Desired, found: Observation) -> frozenset[str]:
        """The paths of the secrets that have to be sent. Comparing takes some 10 ms for each."""
        wanted, connection, entry = desired.configuration, found.connection, found.entry
        if wanted is None or connection is None or connection.kind != wanted.kind:
            return frozenset()
        given = wanted.secrets()
        is_compared = desired.update_secrets == "on_change" and self._registry.is_kept
        if is_compared and entry and entry.connection_id == connection.connection_id and not found.drifted:
            return entry.differing(given)
        # Otherwise nothing proves that the connection has them.
        return frozenset(given if is_compared or desired.update_secrets == "always" else ())
