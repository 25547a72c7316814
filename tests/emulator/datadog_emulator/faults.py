# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that order faults: which requests they strike, and with what."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Callable

from .fault_kinds import BODIES, KINDS
from .settings import seconds


@dataclass
class Rule:
    """Which requests are struck: after ``skip`` matching ones, ``times`` of them (None: all)."""

    method: str | None
    path: str | None
    skip: int
    times: int | None
    fault: dict[str, Any]
    seen: int = field(default=0, init=False)
    fired: int = field(default=0, init=False)

    def fires(self, method: str, path: str) -> bool:
        """Count a request; tell whether the rule strikes it."""
        if self.method not in (None, method):
            return False
        if self.path is not None and not re.search(self.path, path):
            return False
        self.seen += 1
        if self.seen <= self.skip or (self.times is not None and self.fired >= self.times):
            return False
        self.fired += 1
        return True

    def shown(self) -> dict[str, Any]:
        """Return the rule as it was given, and how often it fired."""
        names = ("method", "path", "skip", "times", "fault", "fired")
        return {name: getattr(self, name) for name in names}


class Faults:
    """The rules, in the order in which they were given. The first one that fires decides."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def add(self, given: Any) -> None:
        """Add one rule or a list of them; ValueError says what is wrong."""
        rules = given if isinstance(given, list) else [given]
        self.rules += [_rule(rule) for rule in rules]

    def strike(self, method: str, path: str) -> dict[str, Any] | None:
        """Return the fault for a request, if there is one."""
        return next((rule.fault for rule in self.rules if rule.fires(method, path)), None)


def _rule(given: Any) -> Rule:
    if not isinstance(given, dict):
        raise ValueError("a rule must be a JSON object")
    given = {"method": None, "path": None, "skip": 0, "times": 1, **given}
    _check_names("rule", given, {"method", "path", "skip", "times", "fault"})
    for name in ("method", "path"):
        if given[name] is not None and not isinstance(given[name], str):
            raise ValueError(f"{name} must be a string or null")
    _check_count("skip", given["skip"])
    if given["times"] is not None:
        _check_count("times", given["times"])
    try:
        re.compile(given["path"] or "")
    except re.error as error:
        raise ValueError(f"path is not a regular expression: {error}") from None
    return Rule(**{**given, "fault": _fault(given.get("fault"))})


def _fault(given: Any) -> dict[str, Any]:
    """Return a fault with all its details; ValueError says what is wrong."""
    if not isinstance(given, dict) or given.get("kind") not in tuple(KINDS):
        raise ValueError(f"fault must be an object with a kind among {', '.join(KINDS)}")
    kind = KINDS[given["kind"]]
    _check_names("fault", given, {"kind", *kind.details})
    fault = {**kind.details, **given}
    for name, value in fault.items():
        if name != "kind":
            _CHECKS[name](name, value)
    return fault


def _check_names(what: str, given: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise ValueError(f"a {what} has no {', '.join(unknown)}")


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} must be a number that is not negative")


def _check_status(name: str, value: Any) -> None:
    _check_count(name, value)
    if value not in {status.value for status in HTTPStatus if status >= 200}:
        raise ValueError(f"{name} must be an HTTP status from 200 on")


def _check_when(name: str, value: Any) -> None:
    if value not in ("before", "after"):
        raise ValueError(f'{name} must be "before" or "after" (the work is done)')


def _check_body(name: str, value: Any) -> None:
    if value not in BODIES:
        raise ValueError(f"{name} must be one of {', '.join(BODIES)}")


def _check_seconds(name: str, value: Any) -> None:
    if value is not None or name != "seconds":
        seconds(value)


def _check_headers(name: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object")
    for header, text in value.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", header):
            raise ValueError(f"{name}: a header cannot have this name")
        _check_line(header, text)


def _check_line(name: str, value: Any) -> None:
    if not isinstance(value, str) or not re.fullmatch("[\x20-\x7e]*", value):
        raise ValueError(f"{name} must be a line of printable ASCII characters")


def _check_pointer(name: str, value: Any) -> None:
    if not isinstance(value, str) or not value.startswith("/"):
        raise ValueError(f"{name} must be a JSON pointer")


_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "status": _check_status,
    "headers": _check_headers,
    "body": _check_body,
    "when": _check_when,
    "seconds": _check_seconds,
    "interval": _check_seconds,
    "location": _check_line,
    "pointer": _check_pointer,
}
