# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done about an action connection. Makes no request."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Json
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import OptionError, TaskError
from ansible_collections.tidyops.datadog.plugins.module_utils._reconcile import Notice, Plan
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import Entry, Registry
from ansible_collections.tidyops.datadog.plugins.module_utils._restriction_policy import Policy, WantedPolicy

from .model import Connection, Desired


@dataclass(frozen=True)
class Observation:
    """What Datadog and the registry know of the connection that a task means.

    :ivar known_as: the name under which the registry knows it, or will know it, and C(entry) what it knows.
    :ivar named: the registry's entry of the name that the connection will have.
    :ivar old_id: of what the connection was created to replace; C(replaced): that, if it exists.
    :ivar kept: the connection, if an update can make it what the task wants.
    :ivar to_send: the paths of secrets.
    :ivar drifted: whether it was changed elsewhere since the last record.
    :ivar wanted: the policy of the task; C(policy): the one that exists, if it was read.
    """

    connection: Connection | None
    known_as: str = ""
    entry: Entry | None = None
    named: Entry | None = None
    old_id: str = ""
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

    def access(self) -> tuple[Json, Json]:
        """What a diff shows of it, before and after."""
        if self.wanted is None:
            return {}, {}
        return {"access": self.wanted.shown(self.policy or {})}, {"access": self.wanted.shown(self.wanted.policy)}

    def result(self, connection: Connection | None) -> Json:
        """What a module returns. :param connection: what exists in the end; None if nothing does."""
        found = connection or self.connection
        return {
            "connection": {**connection.result(), **self.access()[1]} if connection else None,
            "connection_id": (found.connection_id if found else self.known_id) or None,
            "drifted": self.drifted,
        }


def plan(desired: Desired, observed: Observation, registry: Registry) -> Plan:
    """Of the registry only the title matters, and whether it is kept."""
    connection, kept, old = observed.connection, observed.kept, observed.replaced
    if not desired.is_present:
        return _plan_absent(desired, observed)
    _check(desired, observed)
    name = desired.name or (connection.name if connection else "")
    if connection and not kept and desired.tags is None:
        # What the task leaves out is the same after a replacement.
        desired = desired._replace(tags=connection.tags)
    body, before, after = desired.compare(kept, name, observed.to_send)
    access_before, access_after = observed.access()
    operation = "update" if body or access_before != access_after else "none"
    shown_before = before.shown(access_before)
    if connection is None:
        operation, shown_before = "create", {}
    elif kept is None or old:
        operation = "replace"
        shown_before = old.options({}) if old else connection.options(access_before)
    is_recorded = kept and (observed.known_as, observed.entry) == (name, entry_of(kept, observed.entry))
    return Plan(
        operation,
        shown_before,
        after.shown(access_after),
        body,
        (*observed.notices, *_notices(desired, observed, registry)),
        is_due=registry.is_kept and not is_recorded,
        result=observed.result(after if operation != "none" else connection),
    )


def _plan_absent(desired: Desired, observed: Observation) -> Plan:
    connection, old, notices = observed.connection, observed.replaced, observed.notices
    if connection is None:
        # What is known may exist nevertheless: Datadog returns some things late.
        is_due = bool(observed.entry or desired.connection_id)
        return Plan("none", {}, {}, notices=notices, is_due=is_due, result=observed.result(None))
    if old:
        text = f"{old.connection_id} ({old.path}), which {connection.connection_id} was to replace, is deleted as well."
        notices = (*notices, Notice(text))
    return Plan("delete", connection.options({}), {}, notices=notices, result=observed.result(None))


def _check(desired: Desired, observed: Observation) -> None:
    """Raise what is in the way of a present connection."""
    connection, old = observed.connection, observed.replaced
    if connection is None and desired.connection_id:
        raise TaskError(
            f"There is no action connection {desired.connection_id}. Correct connection_id, or leave it out to have the connection"
            " found or created by name."
        )
    if connection and not (all(connection.types) and (desired.name or connection.name)):
        raise TaskError(
            f"Datadog does not return all of {desired.title} ({connection.connection_id}), so it cannot be compared."
            " Run the task again, or look at the connection in Datadog."
        )
    if connection and old and not (observed.kept and desired.allow_replace):
        how = f"Set allow_replace to have {old.connection_id} deleted, or delete" if observed.kept else "Delete"
        raise TaskError(
            f"{connection.connection_id} ({connection.path}) was created to replace {old.connection_id} ({old.path}), which still"
            f" exists: a run is still at work, or was interrupted. {how} one of them."
        )
    if connection and not observed.kept and not desired.allow_replace:
        raise TaskError(
            f"The {desired.title} exists as {connection.path} ({connection.connection_id}), which cannot be turned into"
            f" {desired.kind.path}. Choose another name, or set allow_replace to create a new connection and then delete this one."
            " Workflows and apps that use its id need the new one."
        )
    problems = list(desired.missing(observed.kept))
    if problems:
        # Why a connection is to be created may be news.
        news = [f"{notice.text} ".replace("%s", notice.subject, 1) for notice in observed.notices]
        raise TaskError("".join(news) + str(OptionError(*problems))) if news else OptionError(*problems)


def _notices(desired: Desired, observed: Observation, registry: Registry) -> t.Iterator[Notice]:
    kept, known = observed.kept, observed.entry
    if kept and desired.update_secrets == "on_change" and not registry.is_kept and desired.secrets():
        yield Notice(
            "Datadog never returns secrets, so those of %s could not be compared and were not sent. Set registry, which keeps"
            " fingerprints of them; or set update_secrets to always (sends them in every run) or on_create.",
            desired.title,
        )
    if kept and observed.drifted and known:
        since = known.last_updated or kept.created_at
        text = f"A{desired.title[1:]} was changed elsewhere: at {kept.last_updated}, while the {registry.title} knows {since}."
        sent = " Its secrets are sent again, since they may have been changed, too." if observed.to_send else ""
        yield Notice(text + sent)
    for name in kept.unlisted if kept else ():
        if name in desired.given:
            yield Notice(
                f"Datadog does not return {desired.kind.path}.{name}, so the module cannot determine which of them %s has. Those of"
                " the task are assumed to exist, and none is removed.",
                desired.title,
            )
    if desired.connection_id and not kept:
        yield Notice(
            f"Replacing {desired.connection_id} gives the connection a new id; update connection_id in the task."
        )
    yield from map(Notice, desired.advice(kept))


def entry_of(connection: Connection, known: Entry | None) -> Entry:
    """What to record of a connection that nothing was sent to."""
    if known is None or known.connection_id != connection.connection_id:
        # Nothing is recorded yet; None would say that it is as it was created.
        known = Entry(last_updated="")
    is_moved = connection.moved_since(known.last_updated)
    last_updated = connection.last_updated if is_moved or known.last_updated == "" else known.last_updated
    # Nothing proves that it still has the secrets.
    entry = Entry(connection.connection_id, connection.path, last_updated, {} if is_moved else known.secrets)
    return entry.with_secrets({}, connection.known_paths)
