# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module for a set returns."""

from __future__ import annotations

import typing as t
from collections import Counter

from ._client import Json
from ._errors import Skipped, answer_of
from ._report import MOST_NAMED, AnyItem, problem_of, returned

#: What a plan says, and the word for it when it is done.
OPERATIONS = {
    "none": "unchanged",
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
}


def set_result_of(items: t.Sequence[AnyItem]) -> Json:
    """What a module for a set returns; with C(msg) if anything failed."""
    failed = [item for item in items if _end(item) == "failed"]
    counts = Counter(map(_end, items))
    result: Json = {
        "changed": any(item.changed for item in items),
        "connections": [_row(item) for item in items],
        "diff": [_titled_diff(item) for item in items if not item.error and item.changed],
        "counts": {end: counts[end] for end in (*OPERATIONS, "failed", "skipped")},
    }
    if failed:
        problems = [problem_of(item) for item in failed[:MOST_NAMED]]
        if len(failed) > MOST_NAMED:
            problems.append(f"{len(failed) - MOST_NAMED} more failed; see connections in the result.")
        ends = {**OPERATIONS, "skipped": "not started"}
        others = ", ".join(f"{counts[end]} {word}" for end, word in ends.items() if counts[end])
        rest = [f"Of the others: {others}."] if others else []
        texts = [f"{len(failed)} of {len(items)} connections failed.", *problems, *rest]
        result.update(msg=" ".join(texts), **answer_of(failed[0].error))
    return result


def _end(item: AnyItem) -> str:
    if item.error:
        return "skipped" if isinstance(item.error, Skipped) else "failed"
    return item.operation


def _row(item: AnyItem) -> Json:
    """What is returned of one resource of a set."""
    row = {**item.resource.names, **returned(item)}
    if not item.changed or item.error:
        # A large set would be returned three times.
        del row["diff"]
    if item.error:
        nothing = {"operation": "none", "connection": None, "connection_id": None}
        row = {**row, **nothing, **item.result, _end(item): True, "msg": problem_of(item)}
    return row


def _titled_diff(item: AnyItem) -> Json:
    names = [str(name) for name in item.resource.names.values() if name]
    header = f"{' '.join(names) or item.result.get('connection_id')} ({item.operation})"
    return {"before_header": header, "after_header": header, **returned(item)["diff"]}
