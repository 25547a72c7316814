# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module returns, and what it warns of."""

from __future__ import annotations

import typing as t

from ._client import Json
from ._errors import OptionError, Skipped, answer_of
from ._reconcile import Item

AnyItem = Item[t.Any, t.Any]
#: How many failures, and how many resources with the same warning, are named.
MOST_NAMED = 5


def result_of(items: t.Sequence[AnyItem]) -> Json:
    """What a module for one resource returns; with C(msg) if it failed."""
    [item] = items
    if item.error:
        # The id of what was written is not lost.
        return {**item.result, "changed": item.changed, "msg": problem_of(item), **answer_of(item.error)}
    return {"changed": item.changed, **returned(item)}


def returned(item: AnyItem) -> Json:
    """What is returned of a resource, whether alone or in a set."""
    diff = {"before": item.plan.before, "after": item.plan.after}
    return {"operation": item.operation, "diff": diff, **item.result}


def problem_of(item: AnyItem) -> str:
    """Why an item failed, and what was done before."""
    error = item.error or Skipped()
    # An OptionError names the place by itself.
    message = str(error) if isinstance(error, OptionError) else _located(item, str(error))
    return f"{message} Done before that: {'; '.join(item.done)}." if item.done else message


def warnings_of(items: t.Iterable[AnyItem]) -> list[str]:
    """The warnings; one that several resources share is given once."""
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


def _located(item: AnyItem, text: str) -> str:
    path = item.resource.option_path
    return f"{path}: {text}" if path else text
