# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module for a set returns."""

from __future__ import annotations

import typing as t
from collections import Counter

from ._client import Json
from ._errors import Skipped, answer_of
from ._reconcile import AnyResource
from ._report import MOST_NAMED, problem_of, returned

#: What a plan says, and the word for it when it is done.
OPERATIONS = {"none": "unchanged", "create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}


def set_result_of(resources: t.Sequence[AnyResource]) -> Json:
    """What a module for a set returns; with C(msg) if anything failed."""
    failed = [resource for resource in resources if _end(resource) == "failed"]
    counts = Counter(map(_end, resources))
    result: Json = {
        "changed": any(resource.changed for resource in resources),
        "connections": [_row(resource) for resource in resources],
        "diff": [_titled_diff(resource) for resource in resources if not resource.error and resource.changed],
        "counts": {end: counts[end] for end in (*OPERATIONS, "failed", "skipped")},
    }
    if failed:
        problems = [problem_of(resource) for resource in failed[:MOST_NAMED]]
        if len(failed) > MOST_NAMED:
            problems.append(f"{len(failed) - MOST_NAMED} more failed; see connections in the result.")
        ends = {**OPERATIONS, "skipped": "not started"}
        others = ", ".join(f"{counts[end]} {word}" for end, word in ends.items() if counts[end])
        rest = [f"Of the others: {others}."] if others else []
        texts = [f"{len(failed)} of {len(resources)} connections failed.", *problems, *rest]
        result.update(msg=" ".join(texts), **answer_of(failed[0].error))
    return result


def _end(resource: AnyResource) -> str:
    if resource.error:
        return "skipped" if isinstance(resource.error, Skipped) else "failed"
    return resource.operation


def _row(resource: AnyResource) -> Json:
    """What is returned of one resource of a set."""
    row = {**resource.names, **returned(resource)}
    if not resource.changed or resource.error:
        # A large set would be returned three times.
        del row["diff"]
    if resource.error:
        nothing = {"operation": "none", "connection": None, "connection_id": None}
        row = {**row, **nothing, **resource.result, _end(resource): True, "msg": problem_of(resource)}
    return row


def _titled_diff(resource: AnyResource) -> Json:
    names = [str(name) for name in resource.names.values() if name]
    header = f"{' '.join(names) or resource.result.get('connection_id')} ({resource.operation})"
    return {"before_header": header, "after_header": header, **returned(resource)["diff"]}
