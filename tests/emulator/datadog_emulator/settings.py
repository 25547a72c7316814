# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The switches of the emulator: of the command line at start, of ``/_emulator/settings`` later."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Callable

from .endpoint import is_uuid

# How the tokens of HTTP connections come back: as today, as until 2025, not at all.
TOKEN_FORMS = ("http_tokens", "tokens", "none")
# Keys of another site are refused in one of these ways.
OTHER_SITE = (401, 403)
# What says that a DELETE was taken, and that something is gone.
DELETED, GONE = (204, 202), (404, 410)
PERMISSIONS = (
    "connections_read",
    "connections_write",
    "org_app_keys_read",
    "user_access_manage",
    "user_app_keys",
    "service_account_write",
    "teams_read",
    "teams_manage",
    "apps_datastore_read",
    "apps_datastore_write",
    "apps_datastore_manage",
    "user_access_read",
)


@dataclass(frozen=True)
class RateLimit:
    """So many requests in so many seconds."""

    requests: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.requests}/{self.seconds:g}"


@dataclass(frozen=True)
class Settings:
    """How this Datadog behaves. Every name is that of a switch; README.md explains them."""

    latency: float = 0.0
    lag: float = 0.0
    list: bool = False
    no_list: int = 404
    brief_list: bool = False
    tokens_as: str = "http_tokens"
    plain_attributes: bool = False
    api_key: tuple[str, ...] = ()
    app_key: tuple[str, ...] = ()
    unknown_app_key: tuple[str, ...] = ()
    access_token: tuple[str, ...] = ()
    other_site: int | None = None
    require_registration: bool = False
    registration_lag: float = 0.0
    deny: tuple[str, ...] = ()
    delete_status: int = 204
    gone_status: int = 404
    hidden_rows: int = 0
    trim_names: bool = False
    lower_case_teams: bool = False
    one_link_per_team: bool = False
    partial_batches: bool = False
    datastore_rows: int = 5000
    datastore_conflict: int = 400
    team: tuple[str, ...] = ()
    org: str | None = None
    rate_limit: RateLimit | None = None

    def changed(self, values: Any) -> Settings:
        """Return the settings with the given JSON values; ValueError says what is wrong."""
        if not isinstance(values, dict):
            raise ValueError("settings must be a JSON object")
        unknown = sorted(set(values) - set(_CHECKS))
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(unknown)}")
        checked = {}
        for name, value in values.items():
            try:
                checked[name] = _CHECKS[name](value)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return dataclasses.replace(self, **checked)

    def shown(self) -> dict[str, Any]:
        """Return the settings as JSON values, without the accepted credentials themselves."""
        values = {
            name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(self).items()
        }
        values["rate_limit"] = str(self.rate_limit) if self.rate_limit else None
        for name in ("api_key", "app_key", "access_token"):
            values[name] = ["<secret>"] * len(values[name])
        return values


def seconds(value: Any) -> float:
    """Return a duration; it must be a finite number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("must be a number of seconds")
    if not 0 <= value <= 86400:
        raise ValueError("must be between 0 and 86400 seconds")
    return float(value)


def client_error(value: Any) -> int:
    """Return a status that says that the client is wrong."""
    if isinstance(value, bool) or not isinstance(value, int) or not 400 <= value <= 499:
        raise ValueError("must be a status from 400 to 499")
    return value


def count(value: Any) -> int:
    """Return a number of things."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("must be a number that is not negative")
    return value


def rate_limit(value: Any) -> RateLimit | None:
    """Return a rate limit written as REQUESTS/SECONDS; null means no limit."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be written REQUESTS/SECONDS")
    count, _slash, period = value.partition("/")
    try:
        limit = RateLimit(int(count), seconds(float(period)))
    except ValueError:
        raise ValueError("must be written REQUESTS/SECONDS") from None
    if limit.requests < 1 or limit.seconds <= 0:
        raise ValueError("requests and seconds must be greater than zero")
    return limit


def flag(value: Any) -> bool:
    """Return a JSON boolean."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def one_of(*allowed: Any) -> Callable[[Any], Any]:
    """Return a check for values of which each is allowed, and of its own type."""

    def check(value: Any) -> Any:
        if not any(value == item and type(value) is type(item) for item in allowed):
            raise ValueError(f"must be one of {', '.join(map(str, allowed))}")
        return value

    return check


def ids(value: Any) -> tuple[str, ...]:
    """Return a list of UUIDs, in lower case."""
    found = texts(value)
    if not all(is_uuid(item) for item in found):
        raise ValueError("must be a list of UUIDs")
    return tuple(item.lower() for item in found)


def organization(value: Any) -> str | None:
    """Return the UUID of an organization; null is the one from the start."""
    return None if value is None else ids([value])[0]


def texts(value: Any) -> tuple[str, ...]:
    """Return a list of strings that are not empty."""
    if not isinstance(value, (list, tuple)):
        raise ValueError("must be a list of strings")
    if not all(isinstance(item, str) and item for item in value):
        raise ValueError("must be a list of strings that are not empty")
    return tuple(value)


def permissions(value: Any) -> tuple[str, ...]:
    """Return a list of permission names that the emulator knows."""
    names = texts(value)
    if not set(names) <= set(PERMISSIONS):
        raise ValueError(f"must be among {', '.join(PERMISSIONS)}")
    return names


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "latency": seconds,
    "lag": seconds,
    "list": flag,
    "no_list": client_error,
    "brief_list": flag,
    "tokens_as": one_of(*TOKEN_FORMS),
    "plain_attributes": flag,
    "api_key": texts,
    "app_key": texts,
    "unknown_app_key": ids,
    "access_token": texts,
    "other_site": one_of(None, *OTHER_SITE),
    "require_registration": flag,
    "registration_lag": seconds,
    "deny": permissions,
    "delete_status": one_of(*DELETED),
    "gone_status": one_of(*GONE),
    "hidden_rows": count,
    "trim_names": flag,
    "lower_case_teams": flag,
    "one_link_per_team": flag,
    "partial_batches": flag,
    "datastore_rows": count,
    "datastore_conflict": client_error,
    "team": texts,
    "org": organization,
    "rate_limit": rate_limit,
}
