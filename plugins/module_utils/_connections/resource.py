# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action connections that a task is about: which one it means, and what exists of it."""

# pylint: disable=import-outside-toplevel

from __future__ import annotations

import time
import typing as t
from dataclasses import replace

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Client, Json
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import TaskError
from ansible_collections.tidyops.datadog.plugins.module_utils._module import DatadogModule
from ansible_collections.tidyops.datadog.plugins.module_utils._reconcile import Notice, Plan, Resource, ResourceSet
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import (
    Entry,
    check_organization,
    open_registry,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._restriction_policy import read_policy

from . import planner
from .finder import ConnectionFinder, NotListed
from .model import Connection, Desired
from .options import desired_of
from .planner import Observation

if t.TYPE_CHECKING:
    from ansible_collections.tidyops.datadog.plugins.module_utils._principals import Principals

#: Seconds between two looks at another run's claim: the first and the longest pause.
PAUSES = 0.2, 2


class ActionConnection(Resource[Observation]):
    """One action connection, as a task wants it."""

    def __init__(self, desired: Desired, task: ActionConnections) -> None:
        super().__init__(desired.option_path)
        self.desired = desired
        self.client, self.registry, self.finder = task.client, task.registry, task.finder
        self._task = task
        self._doing = f"find {desired.title}"

    @property
    def names(self) -> Json:
        return {"name": self.desired.name or None}

    def decide(self) -> Plan:
        return planner.plan(self.desired, self.observed, self.registry)

    def observe(self) -> None:
        desired, principals = self.desired, self._task.principals
        wanted = None
        if principals and desired.access is not None:
            access = desired.access.items()
            wanted = principals.wanted((desired.at(f"access.{key}"), key, names) for key, names in access)
        found = self._by_id(desired.connection_id) if desired.connection_id else self._by_name(desired.name)
        connection = found.connection
        if (
            connection
            and desired.is_present
            and self.finder.is_row(connection)
            and self._is_due(connection, found.known_id)
        ):
            connection = self.finder.read(connection.connection_id, self._doing) or connection
            found = replace(found, connection=connection)
        if connection and not desired.is_present and connection.name != found.known_as:
            # Raises where two names have this id, as an interrupted rename leaves them.
            self.registry.all()
        policy = read_policy(self.client, connection.policy_id) if wanted and connection else None
        kept = connection if connection and connection.path == desired.kind.path else None
        to_send = self._differing_secrets(kept.connection_id, found) if kept else frozenset()
        self.observed = replace(found, wanted=wanted, policy=policy, kept=kept, to_send=to_send)

    def _is_due(self, row: Connection, known_id: str) -> bool:
        """Whether something is to be changed or recorded."""
        desired = self.desired
        if row.path != desired.kind.path or (self.registry.is_kept and row.connection_id != known_id):
            return True
        return bool(desired.compare(row, desired.name or row.name, ())[0])

    def by_entry(self, name: str, entry: Entry, connection: Connection | None = None) -> Observation:
        """What an entry leads to. :param connection: that of its id, if it was read."""
        connection = connection or self._get(entry.connection_id, entry)
        old_id = self._old_id(entry)
        replaced = self._get(old_id)
        if connection is None:
            # Without the new one, the old one is what there is.
            return Observation(replaced, name, entry, entry, old_id)
        drifted = connection.moved_since(entry.last_updated)
        return Observation(connection, name, entry, entry, old_id, replaced, drifted=drifted)

    def _old_id(self, entry: Entry | None) -> str:
        """The id of what is still to be deleted, unless it has got a name of its own meanwhile."""
        old_id = entry.replaces if entry else ""
        return "" if old_id and self.registry.find_id(old_id)[0] else old_id

    def _get(self, connection_id: str, entry: Entry | None = None) -> Connection | None:
        return self.finder.get(connection_id, self._doing, entry) if connection_id else None

    def _by_id(self, connection_id: str) -> Observation:
        known_as, entry = self.registry.find_id(connection_id, self.desired.name)
        if entry and entry.claim:
            entry = self._settled(known_as)
        if entry and entry.connection_id != connection_id:
            # Another run has replaced it while this one waited.
            entry = None
        connection = self._get(connection_id, entry)
        if connection is None or not self.desired.is_present:
            # To delete one by its id is to delete no other.
            return Observation(connection, known_as, entry, entry, self._old_id(entry))
        if entry and entry.claim and connection.path != self.desired.kind.path:
            # The new one may exist already.
            return self._interrupted(known_as, entry)
        name = self.desired.name or connection.name
        named = entry if entry and name == known_as else self._settled(name)
        if named and named.replaces == connection_id:
            return self.by_entry(name, named)
        other = self._get(named.connection_id, named) if named and named.connection_id != connection_id else None
        if named and named.claim and entry and name != known_as:
            raise TaskError(
                f"Another run is creating action connection {name!r}, or was interrupted: the {self.registry.title} has its claim"
                f" ({named.claim}). Choose another name, or run a task for {name!r} first, which says how to settle the claim."
            )
        if other and named and not named.claim:
            # Recording this one would lose the other's id.
            raise TaskError(
                f"The {self.registry.title} knows {name!r} as {other.connection_id}, which exists beside {connection_id}. Delete"
                " one of them, give one another name, or run this task without registry."
            )
        if entry is None:
            # Of an interrupted replacement this is the new one, as the task says.
            return Observation(connection, name, named, named, other.connection_id if other else "", other)
        return replace(self.by_entry(known_as, entry, connection), named=named)

    def _by_name(self, name: str) -> Observation:
        title = self.registry.title
        notices: tuple[Notice, ...] = ()
        entry = self._settled(name)
        if entry and entry.claim:
            return self._interrupted(name, entry)
        if entry:
            known = self.by_entry(name, entry)
            if known.connection:
                return known
            text = f"The connection {entry.connection_id}, which the {title} knows as {name!r}, was deleted elsewhere."
            notices = (Notice(text),)
        try:
            connection = self._named(name)
        except NotListed:
            if not self.registry.is_kept:
                raise
            connection = None
            if not entry:
                what = "created" if self.desired.is_present else "not deleted"
                text = f"Datadog does not offer the list of connections, so those that the {title} does not know are {what}: %s."
                notices = (Notice(f"{text} If one exists, set connection_id for one run.", repr(name)),)
        other = self.registry.find_id(connection.connection_id)[0] if connection else ""
        if connection and other not in ("", name):
            raise TaskError(
                f"The action connection {name!r} is {connection.connection_id}, which the {title} knows as {other!r}: it was"
                f" renamed elsewhere. Run the task for {other!r} to rename it back, or set connection_id once if {name!r} is right."
            )
        return Observation(connection, name, entry, entry, self._old_id(entry), notices=notices)

    def _settled(self, name: str) -> Entry | None:
        """The registry's entry. Where another run has claimed it, wait for that run, up to C(timeout)."""
        entry = self.registry.find(name)
        claim, pause = (entry.claim if entry else ""), PAUSES[0]
        deadline = time.monotonic() + self.client.timeout
        while claim and entry and entry.claim == claim and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(pause * 1.5, PAUSES[1])
            entry = self.registry.find(name, is_fresh=True)
        if claim:
            self.finder.forget_list()
        return entry

    def _interrupted(self, name: str, entry: Entry) -> Observation:
        """What became of a run that has claimed the name, and does not end or was interrupted."""
        old, created, unlisted = self._get(entry.connection_id), None, None
        try:
            created = self._named(name, entry if entry.connection_id else None)
        except NotListed as exc:
            unlisted = exc
        if created or not (unlisted or self.desired.is_present):
            return Observation(created or old, name, entry, entry, entry.connection_id, old if created else None)
        title = self.registry.title
        settle = f"remove the entry {name!r} from the {title}" if unlisted else "run a task for it with state=absent"
        todo = f"delete each one with connection_id and state=absent, then {settle}"
        if self.desired.is_present:
            settle = f"run a task with connection_id {old.connection_id} and {old.path}" if old else settle
            todo = f"if there is a new one, set connection_id to its id for one run; if there is none, {settle}"
        raise TaskError(
            f"Another run is creating action connection {name!r}, or was interrupted: the {title} has its claim ({entry.claim})."
            f" If that run has ended, look for {name!r} in Datadog: {todo}."
        ) from unlisted

    def _named(self, name: str, replaced: Entry | None = None) -> Connection | None:
        """The only connection of that name in the list. :raises NotListed: where Datadog does not offer it.

        :param replaced: leave this one out, and what is older than its claim.
        """
        matches = self.finder.named(name, self._doing)
        if replaced:
            matches = [each for each in matches if replaced.may_be_for(each.connection_id, each.created_at)]
        if len(matches) > 1:
            listed = ", ".join(f"{match.connection_id} ({match.path})" for match in matches)
            text = f"{len(matches)} action connections have the name {name!r}: {listed}."
            raise TaskError(f"{text} Set connection_id, or delete or rename all but one.")
        return matches[0] if matches else None

    def _differing_secrets(self, connection_id: str, found: Observation) -> frozenset[str]:
        given, update_secrets = self.desired.secrets(), self.desired.update_secrets
        is_compared = update_secrets == "on_change" and self.registry.is_kept
        if found.entry and found.known_id == connection_id and is_compared and not found.drifted:
            return found.entry.differing(given)
        # Otherwise nothing proves that the connection has them.
        return frozenset(given if is_compared or update_secrets == "always" else ())


class ActionConnections(ResourceSet[ActionConnection]):
    """What a task is about. :ivar principals: those in C(access)."""

    principals: Principals | None = None

    def __init__(
        self,
        client: Client,
        desired: t.Sequence[Desired],
        registry: str | None,
        workers: int = 1,
        deletes: bool = False,
    ) -> None:
        self.client = client
        self.registry = open_registry(registry, client)
        self.finder = ConnectionFinder(client)
        if (deletes or not all(each.is_present for each in desired)) and not self.registry.exists():
            client.notes.append(
                f"The {self.registry.title} does not exist, so no connection that it may have known is deleted. Check the"
                " path; without the file, delete connections by connection_id."
            )
        super().__init__((ActionConnection(each, self) for each in desired), workers)

    @classmethod
    def one(cls, client: Client, module: DatadogModule) -> ActionConnections:
        """:raises OptionError: for bad input."""
        params = module.params
        return cls(client, [desired_of(params, module.given)], params["registry"])

    # Most tasks need neither of what is imported here.

    def observe(self, resources: t.Sequence[ActionConnection]) -> None:
        access = [each.desired.access for each in resources if each.desired.access is not None]
        if access:
            from ansible_collections.tidyops.datadog.plugins.module_utils._principals import Principals

            named = [each for relations in access for principals in relations.values() for each in principals]
            self.principals = Principals(self.client, named, self.workers)
        super().observe(resources)
        is_checked = self.registry.is_kept and not self.registry.is_in_datadog
        if is_checked and any(map(_is_doubtful, resources)):
            check_organization(self.registry, self.client)

    def apply(self, resources: t.Sequence[ActionConnection]) -> None:
        from .writer import apply_all

        apply_all(resources, self.each)


def _is_doubtful(resource: ActionConnection) -> bool:
    """Whether it is not what the registry knows, maybe because the keys are of another organization."""
    if resource.error:
        return isinstance(resource.error, TaskError) and not resource.error.affects_all
    connection = resource.observed.connection
    return connection is None or connection.connection_id != resource.observed.known_id
