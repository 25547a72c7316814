# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What modules return: of one resource, or of a set."""

from __future__ import annotations

import typing as t
from collections import Counter

from ansible_collections.tidyops.datadog.plugins.module_utils._client import DatadogError
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import (
    CommonWarning,
    NotBegun,
    OptionError,
    Step,
)

#: What a plan says, and how it is told when it is done.
OPERATIONS = {
    "none": "unchanged",
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
}
#: How many failures, and how many connections with the same warning, are named.
MOST_NAMED = 5


def of_one(step: Step, forbidden_hint: str) -> dict[str, t.Any]:
    """What a module returns of its only resource; with C(msg) if it failed."""
    if step.error:
        return {"msg": _problem(step, forbidden_hint), **answered(step.error)}
    return {"changed": step.done.changed, **_returned(step)}


def of_set(steps: t.Sequence[Step], forbidden_hint: str) -> dict[str, t.Any]:
    """What a module returns of a set; with C(msg) if anything of it failed."""
    failed = [step for step in steps if step.error and not _is_left(step)]
    result: dict[str, t.Any] = {
        "changed": any(step.done.changed for step in steps if not step.error)
        or any(step.resource.progress for step in failed),
        "connections": [_row(step, forbidden_hint) for step in steps],
        "diff": [_titled_diff(step) for step in steps if not step.error and step.done.changed],
    }
    if failed:
        result.update(msg=_summary(failed, steps, forbidden_hint), **answered(failed[0].error))
    return result


def counted(steps: t.Sequence[Step]) -> dict[str, int]:
    """How many steps ended in which way."""
    counts = Counter(_end(step) for step in steps)
    return {end: counts[end] for end in (*OPERATIONS, "failed", "skipped")}


def warnings_of(steps: t.Iterable[Step]) -> list[str]:
    """The warnings of steps without an error; those that several have alike are told once."""
    told: dict[t.Hashable, list[tuple[Step, str]]] = {}
    for step in steps:
        for warning in [] if step.error else step.warnings:
            told.setdefault(_alike(step, warning), []).append((step, warning))
    return [_told(about) for about in told.values()]


def _alike(step: Step, warning: str) -> t.Hashable:
    """What is the same for warnings that are to be told once."""
    return warning.around if isinstance(warning, CommonWarning) else _placed(step, warning)


def explained(exc: Exception | None, forbidden_hint: str) -> str:
    """What to say of an error."""
    if not isinstance(exc, DatadogError):
        return str(exc)
    remedy = forbidden_hint if exc.status == 403 and forbidden_hint else exc.remedy
    return f"{exc} {remedy}".rstrip()


def answered(exc: Exception | None) -> dict[str, t.Any]:
    """What Datadog answered, if that is what an error is about."""
    error = exc if isinstance(exc, DatadogError) or exc is None else exc.__cause__
    if not isinstance(error, DatadogError):
        return {}
    return {
        "http_status": error.status,
        "errors": [detail._asdict() for detail in error.errors],
    }


def _told(about: t.Sequence[tuple[Step, str]]) -> str:
    step, warning = about[0]
    if not isinstance(warning, CommonWarning):
        return _placed(step, warning)
    subjects = [warning.subject for _step, warning in about if isinstance(warning, CommonWarning)]
    more = len(subjects) - MOST_NAMED
    named = ", ".join(subjects[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return named.join(warning.around)


def _placed(step: Step, text: str) -> str:
    """A text about a step, after the place in the task that it is about."""
    place = step.resource.place
    return f"{place}: {text}" if place else text


def _is_left(step: Step) -> bool:
    return isinstance(step.error, NotBegun)


def _end(step: Step) -> str:
    if step.error:
        return "skipped" if _is_left(step) else "failed"
    return step.done.operation


def _returned(step: Step) -> dict[str, t.Any]:
    plan = step.done
    return {
        "operation": plan.operation,
        "diff": {"before": plan.before, "after": plan.after},
        **step.result,
    }


def _row(step: Step, forbidden_hint: str) -> dict[str, t.Any]:
    """What is returned of one resource of a set."""
    if not step.error:
        row = {**step.resource.names, **_returned(step)}
        if not step.done.changed:
            # A large set would be returned three times.
            del row["diff"]
        return row
    return {
        **step.resource.names,
        "operation": "none",
        "connection": None,
        "connection_id": None,
        _end(step): True,
        "msg": _problem(step, forbidden_hint),
    }


def _titled_diff(step: Step) -> dict[str, t.Any]:
    names = [str(name) for name in step.resource.names.values() if name]
    title = " ".join(names) or step.result["connection_id"]
    header = f"{title} ({step.done.operation})"
    return {"before_header": header, "after_header": header, **_returned(step)["diff"]}


def _problem(step: Step, forbidden_hint: str) -> str:
    """Why a step failed, and what was done before."""
    error = step.error
    # An OptionError names the place by itself.
    text = explained(error, forbidden_hint)
    message = [text if isinstance(error, OptionError) else _placed(step, text)]
    if step.resource.progress:
        message.append(f"Done before that: {'; '.join(step.resource.progress)}.")
    return " ".join(message)


def _summary(failed: t.Sequence[Step], steps: t.Sequence[Step], forbidden_hint: str) -> str:
    """What went wrong with a set, and what became of the rest."""
    problems = [_problem(step, forbidden_hint) for step in failed[:MOST_NAMED]]
    if len(failed) > MOST_NAMED:
        problems.append(f"{len(failed) - MOST_NAMED} more failed, and are marked so in the result.")
    counts = Counter(_end(step) for step in steps)
    others = {**OPERATIONS, "skipped": "not begun"}
    told = [f"{counts[end]} {word}" for end, word in others.items() if counts[end]]
    count = f"{len(failed)} of {len(steps)} connections failed."
    rest = [f"Of the others: {', '.join(told)}."] if told else []
    return " ".join([count, *problems, *rest])
