# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong, and how it is told. Nothing of Ansible is in here."""

from __future__ import annotations

import re
import typing as t

#: An option's path (C(aws.assume_role.account_id), C(connections[0].name)), and what is wrong with it and would be right.
Problem = tuple[str, str]


class ErrorDetail(t.NamedTuple):
    """One entry of the C(errors) of an answer, in whichever of Datadog's two shapes it came."""

    title: str
    detail: str
    pointer: str

    def __str__(self) -> str:
        # "Generic Error" is what every error of the Actions API is called.
        title = "" if self.title == "Generic Error" and self.detail else self.title
        text = ": ".join(part for part in (title, self.detail) if part)
        return f"{text} (at {self.pointer})" if self.pointer else text


class DatadogError(Exception):
    """A request that failed.

    :ivar doing: what was being done, to complete the sentence "Could not ...".
    :ivar reason: what went wrong, without a full stop.
    :ivar status: the HTTP status, or None where no answer came.
    :ivar is_transient: whether the same request may succeed later.
    :ivar is_ambiguous: whether the request may have had its effect all the same.
    :ivar retry_after: seconds that the answer asked to wait, or None.
    :ivar remedy: what to do about it, in sentences; may be empty.
    """

    def __init__(
        self,
        doing: str,
        reason: str,
        status: int | None = None,
        errors: t.Sequence[ErrorDetail] = (),
        is_transient: bool = False,
        is_ambiguous: bool = False,
        retry_after: float | None = None,
        remedy: str = "",
    ) -> None:
        super().__init__(doing, reason)
        self.doing = doing
        self.reason = reason
        self.status = status
        self.errors = list(errors)
        self.is_transient = is_transient
        self.is_ambiguous = is_ambiguous
        self.retry_after = retry_after
        self.remedy = remedy

    def __str__(self) -> str:
        return f"Could not {self.doing}: {self.reason}. {self.remedy}".rstrip()

    @property
    def is_gone(self) -> bool:
        """Whether Datadog itself says that there is no such thing. A gateway's 404 carries no C(errors)."""
        return self.status in (404, 410) and bool(self.errors)

    @property
    def affects_all(self) -> bool:
        """Whether other requests of the same task would fail likewise."""
        return self.status in (None, 401, 403, 408, 429) or (self.status or 0) >= 500


class OptionError(Exception):
    """Bad input, found before anything was written."""

    affects_all = False

    def __init__(self, *problems: Problem) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        told = "; ".join(f"{path} {problem}" for path, problem in self.problems)
        super().__init__(told if told.endswith("?") else f"{told}.")

    def within(self, path: str, options: t.Container[str]) -> OptionError:
        """The same error for an entry of a list of options. :param path: the entry's path, like C(connections[3])."""
        # What does not name an option of the entry is about the entry as a whole.
        return OptionError(
            *(
                (f"{path}{'.' if re.split(r'[.[]', inner)[0] in options else ': '}{inner}", problem)
                for inner, problem in self.problems
            )
        )


class TaskError(Exception):
    """The task cannot be done or decided: what, why, and what to do, in sentences.

    :ivar affects_all: whether other resources of the same task would fail likewise.
    """

    def __init__(self, message: str, affects_all: bool = False) -> None:
        super().__init__(message)
        self.affects_all = affects_all


class ConcurrentChange(TaskError):
    """Another run changed the same thing meanwhile. Nothing is lost; running the task again decides anew."""


class Skipped(Exception):
    """Not begun, since something else of the same task failed before."""

    affects_all = False

    def __init__(self) -> None:
        super().__init__("It was not begun.")
