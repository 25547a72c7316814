# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done about an action connection. Makes no request."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Json
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import OptionError, TaskError
from ansible_collections.tidyops.datadog.plugins.module_utils._reconcile import Notice, Plan
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import Entry, Registry

from .model import Connection, Desired, shown_tags
from .observer import Observation


def plan(desired: Desired, observed: Observation, registry: Registry) -> Plan:
    """Decide what to do about a connection. Of the registry only the title matters, and whether it is kept."""
    connection = observed.connection
    if not desired.is_present:
        return _plan_absent(desired, observed)
    if connection is None:
        if desired.connection_id:
            raise TaskError(
                f"There is no action connection {desired.connection_id}, and Datadog chooses the ids of new ones. Correct"
                " connection_id, or leave it out to have the connection found or created by name."
            )
        return _plan_create("create", desired, observed, {})
    if not all(connection.types):
        raise TaskError(
            f"Datadog does not return the integration of {desired.title} ({connection.connection_id}), so it cannot be compared."
            " Run the task again, or look at the connection in Datadog."
        )
    if connection.path != desired.kind.path:
        return _plan_replace(desired, connection, observed)
    return _plan_update(desired, connection, observed, registry)


def _plan_absent(desired: Desired, observed: Observation) -> Plan:
    connection, old, notices = observed.connection, observed.replaced, observed.notices
    if connection is None:
        # What is known may exist nevertheless: Datadog returns some things late.
        return Plan("none", {}, {}, notices=notices, is_due=bool(observed.entry or desired.connection_id))
    if old:
        text = f"{old.connection_id} ({old.path}), which {connection.connection_id} was to replace, is deleted as well."
        notices = (*notices, Notice(text))
    return Plan("delete", connection.options(), {}, notices=notices)


def _plan_create(operation: str, desired: Desired, observed: Observation, before: Json) -> Plan:
    _require(desired, None, observed)
    send, _before, compared = desired.compare(None, ())
    name = desired.name or (observed.connection.name if observed.connection else "")
    named = {"name": name, **shown_tags(desired.tags or ())}
    return Plan(
        operation,
        before,
        {**named, **_access(observed)[1], **compared},
        {**named, "integration": send},
        (*observed.notices, *map(Notice, desired.advice(None))),
    )


def _plan_replace(desired: Desired, connection: Connection, observed: Observation) -> Plan:
    old, connection_id = observed.replaced, connection.connection_id
    if not desired.allow_replace:
        raise TaskError(
            f"The {desired.title} exists as {connection.path} ({connection_id}), which cannot be turned into {desired.kind.path}."
            " Choose another name, or set allow_replace to create a new connection and then delete this one. Workflows and apps"
            " that use its id need the new one."
        )
    if old:
        raise TaskError(
            f"{connection_id} ({connection.path}) was to replace {old.connection_id}, which still exists, and is itself to be"
            f" replaced by {desired.kind.path}. Delete {old.connection_id}, and run the task again."
        )
    if desired.connection_id:
        text = f"Replacing {connection_id} gives the connection a new id; update connection_id in the task."
        observed = replace(observed, notices=(*observed.notices, Notice(text)))
    # A new connection has no policy, so that all of it is to be written.
    return _plan_create("replace", desired, observed, {**connection.options(), **_access(observed)[0]})


def _plan_update(desired: Desired, connection: Connection, observed: Observation, registry: Registry) -> Plan:
    _require(desired, connection, observed)
    (send, compared_before, compared_after), access = desired.compare(connection, observed.to_send), _access(observed)
    name, tags, old = desired.name or connection.name, connection.tags, observed.replaced
    body: Json = {} if name == connection.name else {"name": name}
    if desired.tags is not None and set(desired.tags) != set(tags):
        tags = desired.tags
        body["tags"] = list(tags)
    if send:
        body["integration"] = send
    operation = "update" if body or access[0] != access[1] else "none"
    before = {"name": connection.name, **shown_tags(connection.tags), **access[0], **compared_before}
    if old:
        if not desired.allow_replace:
            raise TaskError(
                f"{connection.connection_id} was created to replace {old.connection_id}, which still exists: the run that did it"
                f" was interrupted. Set allow_replace to have {old.connection_id} deleted, or delete one of them."
            )
        operation, before = "replace", old.options()
    after = {"name": name, **shown_tags(tags), **access[1], **compared_after}
    notices = _update_notices(desired, connection, observed, registry)
    entry = entry_of(connection, observed.entry)
    is_due = registry.is_kept and (observed.known_as, observed.entry) != (name, entry)
    return Plan(operation, before, after, body, (*observed.notices, *notices), is_due)


def _update_notices(
    desired: Desired, connection: Connection, observed: Observation, registry: Registry
) -> t.Iterator[Notice]:
    if desired.update_secrets == "on_change" and not registry.is_kept and desired.secrets():
        yield Notice(
            "Datadog never returns secrets, so those of %s could not be compared and were not sent. Set registry, which keeps"
            " fingerprints of them; or set update_secrets to always (sends them in every run) or on_create.",
            desired.title,
        )
    if observed.drifted and observed.entry:
        since = observed.entry.last_updated or connection.created_at
        text = f"A{desired.title[1:]} was changed elsewhere: at {connection.last_updated}, while the {registry.title} knows {since}."
        sent = " Its secrets are sent again, since they may have been changed, too." if observed.to_send else ""
        yield Notice(text + sent)
    for name in connection.unlisted:
        if desired.values[name] is not None:
            yield Notice(
                f"Datadog does not return {desired.kind.path}.{name}, so the module cannot determine which of them %s has. Those of"
                " the task are assumed to exist, and none is removed.",
                desired.title,
            )
    yield from map(Notice, desired.advice(connection))


def predict_result(desired: Desired, plan: Plan, observed: Observation) -> Json:
    """The result of a plan that is not applied, or has nothing to apply."""
    connection = observed.connection
    if not desired.is_present or not plan.changed:
        return result_of(observed, None if plan.operation == "delete" else connection)
    kept = connection if connection and connection.path == desired.kind.path else None
    unknown = dict.fromkeys(("connection_id", "name", "created_at", "last_updated", "created_by"))
    predicted = {
        **(kept.result() if kept else unknown),
        "name": plan.after["name"],
        "tags": plan.after.get("tags", []),
        **_access(observed)[1],
        desired.kind.keys[0]: desired.predicted(plan.after, kept),
    }
    return {"connection": predicted, "connection_id": predicted["connection_id"], "drifted": observed.drifted}


def result_of(observed: Observation, connection: Connection | None) -> Json:
    """What a module returns. :param connection: what exists in the end; None if nothing does."""
    found = connection or observed.connection
    return {
        "connection": {**connection.result(), **_access(observed)[1]} if connection else None,
        "connection_id": found.connection_id if found else (observed.known_id or None),
        "drifted": observed.drifted,
    }


def entry_of(connection: Connection, known: Entry | None) -> Entry:
    """What to record of a connection that nothing was sent to."""
    if known is None or known.connection_id != connection.connection_id:
        known = Entry(last_updated="")
    is_new = known.last_updated == "" or connection.moved_since(known.last_updated)
    last_updated = connection.last_updated if is_new else known.last_updated
    entry = Entry(connection.connection_id, connection.path, last_updated, known.secrets)
    return entry.with_secrets({}, connection.known_paths)


def _access(observed: Observation) -> tuple[Json, Json]:
    """What the diff shows of access, before and after; empty if the task does not specify it."""
    wanted = observed.wanted
    if wanted is None:
        return {}, {}
    return {"access": wanted.shown(observed.policy or {})}, {"access": wanted.shown(wanted.policy)}


def _require(desired: Desired, connection: Connection | None, observed: Observation) -> None:
    problems = list(desired.missing(connection))
    if problems and observed.notices:
        # Why a connection is to be created may be news.
        texts = [notice.text.replace("%s", notice.subject, 1) for notice in observed.notices]
        raise TaskError(" ".join([*texts, str(OptionError(*problems))]))
    if problems:
        raise OptionError(*problems)
