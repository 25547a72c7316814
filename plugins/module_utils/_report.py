# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module returns and warns of; and a module that manages something, from its options to that."""

from __future__ import annotations

import typing as t

from ._client import Client, Json
from ._errors import OptionError, Skipped, answer_of
from ._module import DatadogModule, run_module
from ._reconcile import AnyResource, ResourceSet, reconcile

#: How many failures are named, and how many resources with the same warning.
MOST_NAMED = 5


def result_of(resources: t.Sequence[AnyResource]) -> Json:
    """What a module for one resource returns; with C(msg) if it failed."""
    [resource] = resources
    shown = returned(resource)
    if resource.error:
        # The id of what was written is not lost.
        shown = {**resource.result, "msg": problem_of(resource), **answer_of(resource.error)}
    return {"changed": resource.changed, **shown}


def returned(resource: AnyResource) -> Json:
    diff = {"before": resource.plan.before, "after": resource.plan.after}
    return {"operation": resource.operation, "diff": diff, **resource.result}


def problem_of(resource: AnyResource) -> str:
    """Why a resource failed, and what was done before."""
    error = resource.error or Skipped()
    # An OptionError names the place by itself.
    message = str(error) if isinstance(error, OptionError) else _located(resource, str(error))
    return f"{message} Done before that: {'; '.join(resource.done)}." if resource.done else message


def warnings_of(resources: t.Iterable[AnyResource]) -> list[str]:
    subjects: dict[str, list[str]] = {}
    for resource in resources:
        for text, subject in () if resource.error else (*resource.plan.notices, *resource.notices):
            named = subjects.setdefault(text if subject else _located(resource, text), [])
            if subject and subject not in named:
                named.append(subject)
    return [text.replace("%s", few(named), 1) if named else text for text, named in subjects.items()]


def few(texts: t.Sequence[str], separator: str = ", ") -> str:
    """The first of several texts, and how many there are beside them."""
    more = len(texts) - MOST_NAMED
    return separator.join(texts[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _located(resource: AnyResource, text: str) -> str:
    return f"{resource.option_path}: {text}" if resource.option_path else text


def run(
    argument_spec: Json,
    managed: t.Callable[[Client, DatadogModule], ResourceSet[t.Any]],
    report: t.Callable[[t.Sequence[AnyResource]], Json] = result_of,
) -> None:
    """The whole of a module: options, desired, observed, plan, apply, report."""

    def work(client: Client, module: DatadogModule) -> Json:
        resources = reconcile(managed(client, module), module.check_mode)
        return {**report(resources), "warnings": warnings_of(resources)}

    run_module(argument_spec, work)


def run_one(argument_spec: Json, resource: t.Callable[[Client, Json], AnyResource]) -> None:
    """The same for a module about one resource. :param resource: takes the options."""
    run(argument_spec, lambda client, module: ResourceSet([resource(client, module.params)]))
