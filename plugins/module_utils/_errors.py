# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong. Nothing of Ansible is in here."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

#: An option's path (C(aws.assume_role.account_id), C(connections[0].name)), and what is wrong with it and would be right.
Problem = tuple[str, str]


class ErrorDetail(t.NamedTuple):
    """One of the C(errors) of an answer."""

    title: str
    detail: str
    pointer: str

    def __str__(self) -> str:
        # Every error of the Actions API has the same title.
        parts = [self.detail] if self.detail and self.title == "Generic Error" else [self.title, self.detail]
        text = ": ".join(filter(None, parts))
        return f"{text} (at {self.pointer})" if self.pointer else text


@dataclass(eq=False)
class DatadogError(Exception):
    """A request that failed."""

    reason: str
    #: What to do about it, in sentences.
    remedy: str = ""
    #: None where no answer came.
    status: int | None = None
    errors: t.Sequence[ErrorDetail] = ()
    #: Seconds that the answer asked to wait.
    retry_after: float | None = None
    #: Whether the same request may succeed later, and whether it may have had its effect.
    is_transient: bool = False
    is_ambiguous: bool = False
    #: Completes the sentence "Could not ..."; the client sets it.
    doing: str = ""

    def __str__(self) -> str:
        return f"Could not {self.doing}: {self.reason}. {self.remedy}".rstrip()

    @property
    def is_gone(self) -> bool:
        """Whether Datadog itself says that it does not exist; a gateway's answer has no C(errors)."""
        return self.status in (404, 410) and bool(self.errors)

    @property
    def affects_all(self) -> bool:
        """Whether the task's other requests would fail, too."""
        return self.status in (None, 401, 403, 408, 429) or (self.status or 0) >= 500


class OptionError(Exception):
    """Bad input, found before anything was written."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        text = "; ".join(f"{path} {problem}" for path, problem in self.problems)
        super().__init__(text if text.endswith("?") else f"{text}.")


class TaskError(Exception):
    """What cannot be done or decided, why, and what to do, in sentences."""

    def __init__(self, message: str, affects_all: bool = False) -> None:
        super().__init__(message)
        self.affects_all = affects_all


class ConcurrentChange(TaskError):
    """Another run changed the same thing. Nothing is lost, and the next run decides anew."""


class Skipped(Exception):
    """Something else in the task failed before."""

    def __init__(self) -> None:
        super().__init__("It was not started.")


#: What a resource of a task may fail with.
FAILURES = (DatadogError, OptionError, TaskError)


def answer_of(error: BaseException | None) -> dict[str, t.Any]:
    """What a module returns of the answer that led to an error."""
    for each in (error, error and error.__cause__):
        if isinstance(each, DatadogError):
            return {"http_status": each.status, "errors": [detail._asdict() for detail in each.errors]}
    return {}
