# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules return: of one resource, or of a set."""

from __future__ import annotations

import typing as t
from collections import Counter

from ._errors import (
    DatadogError,
    OptionError,
    Skipped,
)
from ._reconcile import Item, Json

AnyItem = Item[t.Any, t.Any]
#: What a plan says, and how it is told when it is done.
OPERATIONS = {
    "none": "unchanged",
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
}
#: How many failures, and how many resources with the same warning, are named.
MOST_NAMED = 5
#: What the client says where it does not know better than the module.
PERMISSION = "the permission that this takes"


def result_of(items: t.Sequence[AnyItem], is_set: bool, hint: str) -> Json:
    """What a module returns; with C(msg) if anything failed.

    :param is_set: whether the task is about a set.
    :param hint: what to say of HTTP status 403.
    """
    if is_set:
        return _of_set(items, hint)
    [item] = items
    if item.error:
        # The id of what was written is not lost.
        failure = {"msg": _problem(item, hint), **answer_of(item.error)}
        return {**item.result, "changed": item.changed, **failure}
    return {"changed": item.changed, **_returned(item)}


def warnings_of(items: t.Iterable[AnyItem]) -> list[str]:
    """The warnings; what several resources have alike is told once."""
    subjects: dict[str, list[str]] = {}
    for item in items:
        for text, subject in () if item.error else (*item.plan.notices, *item.notices):
            named = subjects.setdefault(text if subject else _located(item, text), [])
            if subject and subject not in named:
                named.append(subject)
    return [text.replace("%s", few(named), 1) if named else text for text, named in subjects.items()]


def few(texts: t.Sequence[str], separator: str = ", ") -> str:
    """The first of several texts, and how many there are beside them."""
    more = len(texts) - MOST_NAMED
    return separator.join(texts[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def explained(error: Exception, hint: str) -> str:
    """What to say of an error."""
    is_refused = isinstance(error, DatadogError) and error.status == 403 and error.errors
    if isinstance(error, DatadogError) and is_refused and hint and PERMISSION in error.remedy:
        return f"Could not {error.doing}: {error.reason}. {hint}"
    return str(error)


def answer_of(error: BaseException | None) -> Json:
    """What Datadog answered, if that is what an error is about."""
    found = error if isinstance(error, DatadogError) or error is None else error.__cause__
    if not isinstance(found, DatadogError):
        return {}
    return {"http_status": found.status, "errors": [detail._asdict() for detail in found.errors]}


def _of_set(items: t.Sequence[AnyItem], hint: str) -> Json:
    failed = [item for item in items if _end(item) == "failed"]
    counts = Counter(map(_end, items))
    result: Json = {
        "changed": any(item.changed for item in items),
        "connections": [_row(item, hint) for item in items],
        "diff": [_titled_diff(item) for item in items if not item.error and item.changed],
        "counts": {end: counts[end] for end in (*OPERATIONS, "failed", "skipped")},
    }
    if failed:
        problems = [_problem(item, hint) for item in failed[:MOST_NAMED]]
        if len(failed) > MOST_NAMED:
            problems.append(f"{len(failed) - MOST_NAMED} more failed; see connections in the result.")
        ends = {**OPERATIONS, "skipped": "not begun"}
        others = ", ".join(f"{counts[end]} {word}" for end, word in ends.items() if counts[end])
        rest = [f"Of the others: {others}."] if others else []
        told = [f"{len(failed)} of {len(items)} connections failed.", *problems, *rest]
        result.update(msg=" ".join(told), **answer_of(failed[0].error))
    return result


def _end(item: AnyItem) -> str:
    if item.error:
        return "skipped" if isinstance(item.error, Skipped) else "failed"
    return item.operation


def _returned(item: AnyItem) -> Json:
    diff = {"before": item.plan.before, "after": item.plan.after}
    return {"operation": item.operation, "diff": diff, **item.result}


def _row(item: AnyItem, hint: str) -> Json:
    """What is returned of one resource of a set."""
    row = {**item.resource.names, **_returned(item)}
    if not item.changed or item.error:
        # A large set would be returned three times.
        del row["diff"]
    if item.error:
        nothing = {"operation": "none", "connection": None, "connection_id": None}
        row = {**row, **nothing, **item.result, _end(item): True, "msg": _problem(item, hint)}
    return row


def _titled_diff(item: AnyItem) -> Json:
    names = [str(name) for name in item.resource.names.values() if name]
    header = f"{' '.join(names) or item.result.get('connection_id')} ({item.operation})"
    return {"before_header": header, "after_header": header, **_returned(item)["diff"]}


def _problem(item: AnyItem, hint: str) -> str:
    """Why an item failed, and what was done before."""
    error = item.error or Skipped()
    text = explained(error, hint)
    # An OptionError names the place by itself.
    message = text if isinstance(error, OptionError) else _located(item, text)
    return f"{message} Done before that: {'; '.join(item.done)}." if item.done else message


def _located(item: AnyItem, text: str) -> str:
    """A text, after the place in the task that it is about."""
    path = item.resource.option_path
    return f"{path}: {text}" if path else text
