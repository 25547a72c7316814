# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe, decide, apply. Check mode is not to apply; nothing else knows it."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ._client import Json
from ._errors import FAILURES, Skipped

Observed = t.TypeVar("Observed")
Managed = t.TypeVar("Managed", bound="Resource[t.Any]")


class Notice(t.NamedTuple):
    """A warning, with C(%s) for the subject. The same text is shown once, with all its subjects."""

    text: str
    subject: str = ""


@dataclass(frozen=True)
class Plan:
    """A decision. What exists and what will exist are as a diff shows them, without secrets."""

    #: C(none), C(create), C(update), C(replace) or C(delete).
    operation: str
    before: Json
    after: Json
    #: What is sent, secrets included.
    body: Json = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    #: Whether there is something to do though nothing changes, like recording it.
    is_due: bool = False
    #: That of the module, if the plan is not applied or has nothing to apply.
    result: Json = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return self.operation != "none"


class Resource(t.Generic[Observed]):
    """One thing in Datadog, as a task wants it, and what became of it.

    :ivar option_path: like C(connections[3]); empty where the task is about this one alone.
    :ivar result: what a module returns beside C(operation) and C(diff).
    :ivar done: what was written, each without a full stop.
    """

    observed: Observed
    plan = Plan("none", {}, {})
    operation = "none"
    error: Exception | None = None

    def __init__(self, option_path: str = "") -> None:
        self.option_path = option_path
        self.result: Json = {}
        self.done: list[str] = []
        self.notices: list[Notice] = []

    @property
    def names(self) -> Json:
        """What identifies it among the results of a set."""
        return {}

    @property
    def changed(self) -> bool:
        return bool(self.done) if self.error else self.operation != "none"

    def observe(self) -> None:
        """Read what exists, and set C(observed)."""

    def decide(self) -> Plan:
        """Plan for what was observed, without a request."""
        raise NotImplementedError

    def apply(self) -> None:
        """Write and record, and set C(result) and C(done)."""


AnyResource = Resource[t.Any]


class ResourceSet(t.Generic[Managed]):
    """What a task is about: one resource, or several of a kind."""

    #: Whether what the task does not list is deleted before the rest is created.
    purges_first = False

    def __init__(self, resources: t.Iterable[Managed], workers: int = 1) -> None:
        self.resources, self.workers = list(resources), workers

    def observe(self, resources: t.Sequence[Managed]) -> None:
        """Raises what concerns all of them."""
        self.each(resources, lambda resource: resource.observe())

    def check(self, resources: t.Sequence[Managed]) -> None:
        """Set C(error) of those that are the same as another one."""

    def unlisted(self, resources: t.Sequence[Managed]) -> list[Managed]:
        """What the task purges."""
        return []

    def apply(self, resources: t.Sequence[Managed]) -> None:
        self.each(resources, lambda resource: resource.apply())

    def each(self, resources: t.Sequence[Managed], do: t.Callable[[Managed], None]) -> None:
        """Do something with several at a time. What it raises becomes the resource's error."""
        is_over = fails_for_all(resources)

        def attempt(resource: Managed) -> None:
            nonlocal is_over
            try:
                if is_over:
                    raise Skipped()
                do(resource)
            except (*FAILURES, Skipped) as exc:
                resource.error = exc
                is_over = is_over or fails_for_all([resource])

        with ThreadPoolExecutor(self.workers) as pool:
            # An exception that nobody expects is raised here.
            list(pool.map(attempt, resources))


def fails_for_all(resources: t.Iterable[AnyResource]) -> bool:
    """Whether a resource failed in a way in which the others would, too."""
    return any(getattr(each.error, "affects_all", False) for each in resources)


def reconcile(managed: ResourceSet[Managed], check_mode: bool) -> list[Managed]:
    """Nothing is written unless all was observed and planned. :returns: the task's resources, then those that are purged."""
    desired, purged = managed.resources, list[Managed]()
    _plan(managed, desired)
    if not _have_failed(desired):
        managed.check(desired)
    if not _have_failed(desired):
        purged = managed.unlisted(desired)
        _plan(managed, purged)
    resources = desired + purged
    if _have_failed(resources):
        _skip(resources)
    elif not check_mode:
        for part in (purged, desired) if managed.purges_first else (desired, purged):
            due = [each for each in part if each.plan.changed or each.plan.is_due]
            if _have_failed(resources):
                _skip(due)
            elif due:
                managed.apply(due)
    for each in resources:
        if not each.error:
            each.result = each.result or each.plan.result
    return resources


def _plan(managed: ResourceSet[Managed], resources: list[Managed]) -> None:
    def decide(resource: Managed) -> None:
        resource.plan = resource.decide()
        resource.operation = resource.plan.operation

    if resources:
        managed.observe(resources)
        managed.each([each for each in resources if not each.error], decide)


def _have_failed(resources: t.Iterable[AnyResource]) -> bool:
    return any(each.error for each in resources)


def _skip(resources: t.Iterable[AnyResource]) -> None:
    for each in resources:
        each.error = each.error or Skipped()
