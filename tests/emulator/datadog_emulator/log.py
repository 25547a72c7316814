# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The request log: what was asked and answered, in order of arrival and without any secret."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from .catalogue import OPEN_FIELDS, SECRET_FIELDS
from .endpoint import parse_json

BLANK = "<secret>"
_CREDENTIAL_HEADERS = frozenset({"dd-api-key", "dd-application-key", "authorization", "proxy-authorization", "cookie"})
_CREDENTIAL_PARAMETERS = frozenset({"api_key", "app_key", "application_key", "access_token"})
_OPEN_TOKEN_FIELDS = frozenset({"name", "type", "deleted"})
_KEPT = 100_000


class RequestLog:
    """The latest requests, and a file that gets each of them as a JSON line, if there is one."""

    def __init__(self, path: str | None = None) -> None:
        self._file: IO[str] | None = None
        if path:
            # Open as long as the emulator runs, for which "with" has no place.
            # pylint: disable-next=consider-using-with
            self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115
        self._number = 0
        self.entries: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def arrived(self, method: str, path: str, query: Any, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Enter a request; the caller sets status and fault in what is returned."""
        self._number += 1
        entry = {
            "number": self._number,
            "method": method,
            "path": path,
            "query": {
                name: [BLANK] if name.lower() in _CREDENTIAL_PARAMETERS else query.getall(name) for name in query
            },
            "headers": _open_headers(headers),
            "body": open_body(body),
            "status": None,
            "fault": None,
        }
        self.entries.append(entry)
        return entry

    def answered(self, entry: dict[str, Any]) -> None:
        """Write a finished entry to the file."""
        if self._file:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    def clear(self) -> None:
        """Forget the entries, and count from one again. The file stays as it is."""
        self._number = 0
        self.entries.clear()


def _open_headers(headers: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers.items():
        name = name.lower()
        if name in _CREDENTIAL_HEADERS:
            value = _blanked(value)
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def open_body(raw: bytes) -> Any:
    """Return a request's JSON body with every secret blanked; null when there is none."""
    if not raw:
        return None
    try:
        body = parse_json(raw)
    except ValueError:
        return "<not JSON>"
    return _open(body) if isinstance(body, (dict, list)) else BLANK


def _open(value: Any) -> Any:
    if isinstance(value, list):
        return [_open(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _open_member(key, item) for key, item in value.items()}


def _open_member(key: str, value: Any) -> Any:
    if key == "credentials":
        return _open_credentials(value)
    if key == "tokens":
        return _open_tokens(value)
    return _blanked(value) if key in SECRET_FIELDS else _open(value)


def _open_credentials(value: Any) -> Any:
    """Blank whatever is not known to be harmless: a mistyped field name may hold a secret."""
    if not isinstance(value, dict):
        return _blanked(value)
    return {key: _open_member(key, item) if key in OPEN_FIELDS else _blanked(item) for key, item in value.items()}


def _open_tokens(value: Any) -> Any:
    if isinstance(value, list):
        return [_open_tokens(item) for item in value]
    if not isinstance(value, dict):
        return _blanked(value)
    return {key: item if key in _OPEN_TOKEN_FIELDS else _blanked(item) for key, item in value.items()}


def _blanked(value: Any) -> str:
    return "" if value == "" else BLANK
