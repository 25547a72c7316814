# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong. Nothing of Ansible is in here."""

from __future__ import annotations

import typing as t

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


class DatadogError(Exception):
    """A request that failed.

    :ivar remedy: what to do about it, in sentences; may be empty.
    :ivar status: of HTTP; None where no answer came.
    :ivar retry_after: seconds that the answer asked to wait.
    :ivar is_transient: whether the same request may succeed later.
    :ivar is_ambiguous: whether the request may have had its effect.
    """

    #: Completes the sentence "Could not ..."; the client sets it.
    doing = ""

    def __init__(
        self,
        reason: str,
        remedy: str = "",
        status: int | None = None,
        errors: t.Sequence[ErrorDetail] = (),
        retry_after: float | None = None,
        is_transient: bool = False,
        is_ambiguous: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason, self.remedy, self.status, self.errors = reason, remedy, status, errors
        self.retry_after, self.is_transient, self.is_ambiguous = retry_after, is_transient, is_ambiguous

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
    """What a module returns of the answer that an error is about."""
    found = error if isinstance(error, DatadogError) or error is None else error.__cause__
    if not isinstance(found, DatadogError):
        return {}
    return {"http_status": found.status, "errors": [detail._asdict() for detail in found.errors]}
