# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe, plan, apply. The only place that knows check mode, which is not to apply.

A plan is made without a request, from what is desired and what was observed, and does not change afterwards.
"""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ._client import Json
from ._errors import Failures, Skipped

#: What was observed of a resource, and the resource as a task wants it.
Observed = t.TypeVar("Observed")
Managed = t.TypeVar("Managed", bound="Resource[t.Any]")


class Notice(t.NamedTuple):
    """A warning, with C(%s) where the subject belongs. One that several resources share is given once for all subjects."""

    text: str
    subject: str = ""


@dataclass(frozen=True)
class Plan:
    """A decision.

    :ivar operation: C(none), C(create), C(update), C(replace) or C(delete).
    :ivar before: what exists, in the shape of the options; empty if nothing does. Holds no secret.
    :ivar after: what will exist.
    :ivar body: what is sent to create or update it, secrets included.
    :ivar is_due: whether there is something to do though nothing changes, like recording it.
    """

    operation: str
    before: Json
    after: Json
    body: Json = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    is_due: bool = False

    @property
    def changed(self) -> bool:
        return self.operation != "none"


class Resource(t.Generic[Observed]):
    """One thing in Datadog, as a task wants it.

    :ivar option_path: where in the task, like C(connections[3]); empty where the task is about this one alone.
    """

    def __init__(self, option_path: str = "") -> None:
        self.option_path = option_path

    @property
    def names(self) -> Json:
        """What identifies it in the result of a set."""
        raise NotImplementedError

    def plan(self, observed: Observed) -> Plan:
        """Decide. Makes no request. :raises OptionError, TaskError: where it cannot be decided."""
        raise NotImplementedError

    def predict_result(self, plan: Plan, observed: Observed) -> Json:
        """The result of a plan that is not applied, or has nothing to apply."""
        raise NotImplementedError


class Item(t.Generic[Managed, Observed]):
    """A resource in progress.

    :ivar operation: what was done, or would be done in check mode.
    :ivar result: what a module returns beside C(operation) and C(diff).
    :ivar done: what was written, without a full stop each.
    :ivar notices: warnings that came up while it was applied.
    :ivar error: why there is no result.
    """

    def __init__(self, resource: Managed) -> None:
        self.resource = resource
        self.observed: Observed | None = None
        self.plan = Plan("none", {}, {})
        self.operation = "none"
        self.result: Json = {}
        self.done: list[str] = []
        self.notices: list[Notice] = []
        self.error: Exception | None = None

    @property
    def seen(self) -> Observed:
        """What was observed, of an item without an error."""
        if self.observed is None:
            raise LookupError("not observed yet")
        return self.observed

    @property
    def changed(self) -> bool:
        """Whether anything was written, or would be written in check mode."""
        return bool(self.done) if self.error else self.operation != "none"

    def decide(self) -> None:
        """Plan for what was observed."""
        self.plan = self.resource.plan(self.seen)
        self.operation = self.plan.operation


class ResourceSet(t.Generic[Managed, Observed]):
    """The things in Datadog that a task is about: one, or a set of one kind, in the order of the task.

    :cvar purges_first: whether what the task does not list has to be deleted before the rest is created.
    """

    purges_first = False

    def __init__(self, resources: t.Iterable[Managed], workers: int = 1) -> None:
        self.resources = list(resources)
        self.workers = workers

    def observe(self, items: t.Sequence[Item[Managed, Observed]]) -> None:
        """Read what exists, and set C(observed) or C(error) of each item. Raises what concerns all of them."""
        raise NotImplementedError

    def check(self, items: t.Sequence[Item[Managed, Observed]]) -> None:
        """Set C(error) of an item that is the same thing as another one."""

    def unlisted(self, items: t.Sequence[Item[Managed, Observed]]) -> list[Managed]:
        """What exists beside the set, if the task purges that."""
        return []

    def apply(self, items: t.Sequence[Item[Managed, Observed]]) -> None:
        """Write and record. Sets C(result) or C(error) of each item."""
        raise NotImplementedError

    def each(self, items: t.Sequence[Item[Managed, Observed]], do: t.Callable[[Item[Managed, Observed]], None]) -> None:
        """Do something with each item, several at a time. What it raises becomes the item's error.

        Where the others would fail likewise, they are not started.
        """

        def attempt(item: Item[Managed, Observed]) -> None:
            if affects_all(items):
                item.error = Skipped()
                return
            try:
                do(item)
            except Failures as exc:
                item.error = exc

        if len(items) == 1:
            attempt(items[0])
        elif items:
            with ThreadPoolExecutor(min(self.workers, len(items))) as pool:
                # An exception that nobody expects is raised here.
                list(pool.map(attempt, items))


def affects_all(items: t.Iterable[Item[t.Any, t.Any]]) -> bool:
    """Whether one of the items failed in a way in which the others would, too."""
    return any(getattr(item.error, "affects_all", False) for item in items)


def reconcile(managed: ResourceSet[Managed, Observed], check_mode: bool) -> list[Item[Managed, Observed]]:
    """Bring resources to their desired state, or predict it.

    Nothing is written before everything was observed and planned, and only if nothing failed until then.

    :returns: an item for each resource in the order of the task, then for each that is purged.
    :raises DatadogError, OptionError, TaskError: what concerns the task as a whole, before anything was written.
    """

    def planned(resources: t.Sequence[Managed]) -> list[Item[Managed, Observed]]:
        items: list[Item[Managed, Observed]] = [Item(resource) for resource in resources]
        if items:
            managed.observe(items)
            managed.each([item for item in items if not item.error], Item.decide)
        return items

    def has_failed(items: t.Iterable[Item[Managed, Observed]]) -> bool:
        return any(item.error for item in items)

    def skip(items: t.Iterable[Item[Managed, Observed]]) -> None:
        for item in items:
            item.error = item.error or Skipped()

    desired = planned(managed.resources)
    if not has_failed(desired):
        managed.check(desired)
    purged = [] if has_failed(desired) else planned(managed.unlisted(desired))
    items = desired + purged
    if has_failed(items):
        skip(items)
    elif not check_mode:
        for part in (purged, desired) if managed.purges_first else (desired, purged):
            due = [item for item in part if item.plan.changed or item.plan.is_due]
            if has_failed(items):
                skip(due)
            elif due:
                managed.apply(due)
    for item in items:
        if not item.error and not item.result:
            item.result = item.resource.predict_result(item.plan, item.seen)
    return items
