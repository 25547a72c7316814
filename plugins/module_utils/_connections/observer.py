# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which connection a task means, what exists of it, and which of its secrets differ. Reads, and never writes."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Client
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import TaskError
from ansible_collections.tidyops.datadog.plugins.module_utils._reconcile import Notice
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.backends import open_registry
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import Entry
from ansible_collections.tidyops.datadog.plugins.module_utils._restriction_policy import (
    Policy,
    WantedPolicy,
    read_policy,
)

from .finder import ConnectionFinder, NotListed
from .model import Connection, Desired

if t.TYPE_CHECKING:
    from ansible_collections.tidyops.datadog.plugins.module_utils._principals import Principals

#: Seconds between two looks at another run's claim: the first and the longest pause.
PAUSES = 0.2, 2


class Context:
    """What all connections of a task share. :ivar principals: those in C(access)."""

    def __init__(self, client: Client, registry: str | None) -> None:
        self.client = client
        self.registry = open_registry(registry, client)
        self.finder = ConnectionFinder(client)
        self.principals: Principals | None = None


@dataclass(frozen=True)
class Observation:
    """What Datadog and the registry know of the connection that a task means.

    :ivar known_as: the name under which the registry knows it, or will know it, and C(entry) what it knows.
    :ivar named: the registry's entry of the name that the connection will have.
    :ivar replaced: what the connection was created to replace, and still exists.
    :ivar kept: the connection, if an update can make it what the task wants.
    :ivar to_send: the paths of secrets.
    :ivar drifted: whether it was changed elsewhere since the last record.
    :ivar wanted: the policy of the task; C(policy): the one that exists, if it was read.
    """

    connection: Connection | None
    known_as: str = ""
    entry: Entry | None = None
    named: Entry | None = None
    replaced: Connection | None = None
    kept: Connection | None = None
    to_send: frozenset[str] = frozenset()
    drifted: bool = False
    notices: tuple[Notice, ...] = ()
    wanted: WantedPolicy | None = None
    policy: Policy | None = None

    @property
    def known_id(self) -> str:
        return self.entry.connection_id if self.entry else ""


class Observer:
    def __init__(self, context: Context, desired: Desired) -> None:
        self._context = context
        self._registry = context.registry
        self._desired = desired
        self._doing = f"find {desired.title}"

    def observe(self) -> Observation:
        """:raises TaskError: where it cannot be determined."""
        desired, principals = self._desired, self._context.principals
        wanted = None
        if principals and desired.access is not None:
            access = desired.access.items()
            wanted = principals.wanted((f"access.{relation}", relation, names) for relation, names in access)
        found = self._by_id(desired.connection_id) if desired.connection_id else self._by_name(desired.name)
        connection = found.connection
        if connection and not desired.is_present and connection.name != found.known_as:
            # Raises where two names have this id, as an interrupted rename leaves them.
            self._registry.all()
        policy = read_policy(self._context.client, connection.policy_id) if wanted and connection else None
        kept = connection if connection and connection.path == desired.kind.path else None
        to_send = self._differing_secrets(found) if kept else frozenset()
        return replace(found, wanted=wanted, policy=policy, kept=kept, to_send=to_send)

    def by_entry(self, name: str, entry: Entry, connection: Connection | None = None) -> Observation:
        connection = connection or self._get(entry.connection_id, entry)
        replaced = self._get(entry.replaces)
        if connection is None:
            # Without the new one, the old one is what there is.
            return Observation(replaced, name, entry, entry)
        drifted = not entry.claim and connection.moved_since(entry.last_updated)
        return Observation(connection, name, entry, entry, replaced, drifted=drifted)

    def _get(self, connection_id: str, entry: Entry | None = None) -> Connection | None:
        return self._context.finder.get(connection_id, self._doing, entry) if connection_id else None

    def _by_id(self, connection_id: str) -> Observation:
        known_as, entry = self._registry.find_id(connection_id, self._desired.name)
        if entry and entry.claim:
            entry = self._settled(known_as)
        if entry and entry.connection_id != connection_id:
            # Another run has replaced it while this one waited.
            entry = None
        if entry and not self._desired.is_present:
            return self.by_entry(known_as, entry)
        connection = self._get(connection_id, entry)
        if connection is None or not self._desired.is_present:
            # To delete one by its id is to delete no other.
            return Observation(connection)
        name = self._desired.name or connection.name
        named = entry if entry and name == known_as else self._settled(name)
        other = self._get(named.connection_id, named) if named and named.connection_id != connection_id else None
        if other and named and not named.claim:
            # Recording this one would lose the other's id.
            raise TaskError(
                f"The {self._registry.title} knows {name!r} as {other.connection_id}, which exists beside {connection_id}. Delete"
                " one of them, give one another name, or run this task without registry."
            )
        if entry is None:
            # Of an interrupted replacement this is the new one, as the task says.
            return Observation(connection, name, named, named, other)
        return replace(self.by_entry(known_as, entry, connection), named=named)

    def _by_name(self, name: str) -> Observation:
        title = self._registry.title
        notices: tuple[Notice, ...] = ()
        entry = self._settled(name)
        if entry and entry.claim:
            return self._interrupted(name, entry)
        if entry:
            known = self.by_entry(name, entry)
            if known.connection:
                return known
            deleted = (
                f"The connection {entry.connection_id}, which the {title} knows as {name!r}, was deleted elsewhere."
            )
            notices = (Notice(deleted),)
        try:
            connection = self._named(name)
        except NotListed:
            if not self._registry.is_kept:
                raise
            connection = None
            if not entry:
                what = "is created" if self._desired.is_present else "was not deleted"
                unknown = (
                    f"Datadog does not offer the list of connections, and the {title} does not know %s, which {what}."
                )
                notices = (Notice(f"{unknown} If it exists, set connection_id for one run.", repr(name)),)
        other = self._registry.find_id(connection.connection_id)[0] if connection else ""
        if connection and other not in ("", name):
            raise TaskError(
                f"The action connection {name!r} is {connection.connection_id}, which the {title} knows as {other!r}: it was"
                f" renamed elsewhere. Run the task for {other!r} to rename it back, or set connection_id once if {name!r} is right."
            )
        return Observation(connection, name, entry, entry, notices=notices)

    def _settled(self, name: str) -> Entry | None:
        """The registry's entry. Where another run has claimed it, wait for that run, up to C(timeout)."""
        entry = self._registry.find(name)
        claim, pause = (entry.claim if entry else ""), PAUSES[0]
        deadline = time.monotonic() + self._context.client.timeout
        while claim and entry and entry.claim == claim and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(pause * 1.5, PAUSES[1])
            entry = self._registry.find(name, is_fresh=True)
        if claim:
            self._context.finder.forget_list()
        return entry

    def _interrupted(self, name: str, entry: Entry) -> Observation:
        """What became of a run that has claimed the name, and does not end or was interrupted."""
        old, created, unlisted = self._get(entry.connection_id), None, None
        try:
            created = self._named(name, entry.connection_id)
        except NotListed as exc:
            unlisted = exc
        if created or not (unlisted or self._desired.is_present):
            return Observation(created or old, name, entry, entry, old if created else None)
        title = self._registry.title
        settle = f"remove the entry {name!r} from the {title}"
        todo = f"delete each one with connection_id and state=absent, then {settle}"
        if self._desired.is_present:
            settle = f"set connection_id to {old.connection_id} for one run" if old else settle
            todo = f"if there is a new one, set connection_id to its id for one run; if there is none, {settle}"
        raise TaskError(
            f"Another run is creating action connection {name!r}, or was interrupted: the {title} has its claim ({entry.claim})."
            f" If that run has ended, look for {name!r} in Datadog: {todo}."
        ) from unlisted

    def _named(self, name: str, except_id: str = "") -> Connection | None:
        """The only connection of that name in the list. :raises NotListed: where Datadog does not offer it."""
        matches = [each for each in self._context.finder.named(name, self._doing) if each.connection_id != except_id]
        if len(matches) > 1:
            listed = ", ".join(f"{match.connection_id} ({match.path})" for match in matches)
            text = f"{len(matches)} action connections have the name {name!r}: {listed}."
            raise TaskError(f"{text} Set connection_id, or delete or rename all but one.")
        return matches[0] if matches else None

    def _differing_secrets(self, found: Observation) -> frozenset[str]:
        desired, entry = self._desired, found.entry
        given = desired.secrets()
        is_compared = desired.update_secrets == "on_change" and self._registry.is_kept
        if (
            is_compared
            and entry
            and found.connection
            and entry.connection_id == found.connection.connection_id
            and not found.drifted
        ):
            return entry.differing(given)
        # Otherwise nothing proves that the connection has them.
        return frozenset(given if is_compared or desired.update_secrets == "always" else ())
