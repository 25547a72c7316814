# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers, and the shapes in which Datadog writes its errors."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Callable

from aiohttp import web

CONTENT_TYPE = "application/vnd.api+json"
# What the older endpoints say.
JSON = "application/json"

# An error as it stands in the list "errors": of a status, a text and a JSON pointer, if any.
ErrorStyle = Callable[[int, str, str], Any]


@dataclass
class Answer:
    """A status and a JSON document; no document means an empty body."""

    status: int
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = CONTENT_TYPE

    def response(self) -> web.Response:
        """Return the answer as aiohttp sends it."""
        if self.document is None:
            return web.Response(status=self.status, headers=self.headers)
        return web.Response(
            status=self.status,
            body=json.dumps(self.document, separators=(",", ":")).encode(),
            content_type=self.content_type,
            headers=self.headers,
        )


class Refusal(Exception):
    """A request that Datadog would refuse. Nothing has been changed when it is raised."""

    def __init__(self, status: int, *errors: Any) -> None:
        super().__init__(status)
        self.answer = Answer(status, {"errors": list(errors)})


def generic_error(status: int, detail: str, pointer: str = "") -> dict[str, Any]:
    """Return an error as action connections write it: always this title, never a status."""
    del status
    error: dict[str, Any] = {"title": "Generic Error", "detail": detail}
    if pointer:
        error["source"] = {"pointer": pointer}
    return error


def titled_error(status: int, detail: str, pointer: str = "") -> dict[str, Any]:
    """Return an error as team connections and registrations write it."""
    error: dict[str, Any] = {
        "status": str(status),
        "title": HTTPStatus(status).phrase,
        "detail": detail,
    }
    if pointer:
        error["source"] = {"pointer": pointer}
    return error


def plain_error(status: int, detail: str, pointer: str = "") -> str:
    """Return an error as teams and Datadog's front door write it: a string."""
    del status
    return f"{pointer}: {detail}" if pointer else detail
