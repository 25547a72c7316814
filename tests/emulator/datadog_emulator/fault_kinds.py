# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of faults, and what a client sees of each."""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Optional

from aiohttp import web

from .answers import CONTENT_TYPE, Answer, titled_error

BODIES = ("json", "strings", "html", "empty")
Work = Callable[[], Awaitable[web.Response]]
Answered = Optional[web.StreamResponse]
Effect = Callable[[web.Request, Work, dict[str, Any]], Awaitable[Answered]]


@dataclass(frozen=True)
class Kind:
    """What a fault does, and its details with the values that they have unless given.

    An effect gets the request, the work that would answer it, and the details; it returns the
    answer, or None when the client gets none.
    """

    effect: Effect
    details: dict[str, Any]


async def _status(request: web.Request, work: Work, fault: dict[str, Any]) -> Answered:
    await _work_if_after(work, fault)
    status = fault["status"]
    phrase = HTTPStatus(status).phrase
    if fault["body"] == "empty" or status in (204, 304):
        response = web.Response(status=status)
    elif fault["body"] == "html":
        text = f"<html><head><title>{status} {html.escape(phrase)}</title></head></html>"
        response = web.Response(status=status, text=text, content_type="text/html")
    else:
        titled = titled_error(status, "fault on order")
        error = phrase if fault["body"] == "strings" else titled
        response = Answer(status, {"errors": [error]}).response()
    response.headers.update(fault["headers"])
    return response


async def _redirect(request: web.Request, work: Work, fault: dict[str, Any]) -> Answered:
    await _work_if_after(work, fault)
    return web.Response(status=fault["status"], headers={"Location": fault["location"]})


async def _reset(request: web.Request, work: Work, fault: dict[str, Any]) -> Answered:
    await _work_if_after(work, fault)
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        # With no time to linger, closing sends RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return None


async def _half(request: web.Request, work: Work, fault: dict[str, Any]) -> Answered:
    """Announce the whole body and send half of it; without a body send nothing at all."""
    right = await work()
    body = _body_of(right)
    response = _copy(right) if body else None
    if response is not None:
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def _trickle(request: web.Request, work: Work, fault: dict[str, Any]) -> Answered:
    right = await work()
    response = _copy(right)
    await response.prepare(request)
    for byte in _body_of(right):
        await response.write(bytes([byte]))
        await asyncio.sleep(fault["interval"])
    await response.write_eof()
    return response


async def _hang(request: web.Request, work: Work, fault: dict[str, Any]) -> Answered:
    """Let the client wait. The work is done before or after, even when nobody waits any more.

    Without a number of seconds it lasts until the client gives up, and no work comes after.
    """
    response = await work() if fault["when"] == "after" else None
    if fault["seconds"] is None:
        while not _gone(request):
            await asyncio.sleep(0.05)
        return None
    await asyncio.sleep(fault["seconds"])
    if response is None:
        response = await work()
    return None if _gone(request) else response


async def _nonsense(request: web.Request, work: Work, fault: dict[str, Any]) -> Answered:
    await _work_if_after(work, fault)
    return web.Response(body=_NONSENSE[fault["kind"]], content_type=CONTENT_TYPE)


async def _wrong_type(request: web.Request, work: Work, fault: dict[str, Any]) -> Answered:
    response = await work()
    response.content_type = "text/html"
    return response


async def _endless(request: web.Request, work: Work, fault: dict[str, Any]) -> Answered:
    response = await work()
    document = json.loads(_body_of(response) or b"null")
    meta = document.get("meta") if isinstance(document, dict) else None
    if meta:
        paging = meta.get("page") or meta.get("pagination") or {}
        if paging.get("type") == "number_size":
            paging["next_number"] = paging["number"] + 1
        elif "hasMore" in paging:
            paging["hasMore"] = True
        elif paging:
            paging["next_offset"] = paging["offset"] + paging["limit"]
        response.body = json.dumps(document).encode()
    return response


async def _omit(request: web.Request, work: Work, fault: dict[str, Any]) -> Answered:
    """Leave one place out of the answer; where there is no such place, the answer is whole."""
    response = await work()
    place = document = json.loads(_body_of(response) or b"null")
    *way, last = (int(step) if step.isdigit() else step for step in fault["pointer"].split("/")[1:])
    with contextlib.suppress(LookupError, TypeError):
        for step in way:
            place = place[step]
        del place[last]
        response.body = json.dumps(document).encode()
    return response


async def _work_if_after(work: Work, fault: dict[str, Any]) -> None:
    if fault["when"] == "after":
        await work()


def _gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _body_of(response: web.Response) -> bytes:
    return bytes(response.body) if isinstance(response.body, (bytes, bytearray)) else b""


def _copy(right: web.Response) -> web.StreamResponse:
    """Return a response with the same head, whose body is written by hand."""
    response = web.StreamResponse(status=right.status, headers=right.headers)
    response.content_length = len(_body_of(right))
    return response


_NONSENSE = {"not_json": b"upstream is busy, try later", "empty": b"", "no_data": b'{"meta":{}}'}
_BEFORE, _AFTER = {"when": "before"}, {"when": "after"}

KINDS = {
    "status": Kind(_status, {"status": 503, "headers": {}, "body": "json", **_BEFORE}),
    "reset": Kind(_reset, _BEFORE),
    "half": Kind(_half, {}),
    "hang": Kind(_hang, {"seconds": None, **_BEFORE}),
    "trickle": Kind(_trickle, {"interval": 0.01}),
    "not_json": Kind(_nonsense, _AFTER),
    "empty": Kind(_nonsense, _AFTER),
    "no_data": Kind(_nonsense, _AFTER),
    "redirect": Kind(_redirect, {"status": 302, "location": "http://localhost/", **_BEFORE}),
    "wrong_type": Kind(_wrong_type, {}),
    "endless_pages": Kind(_endless, {}),
    "omit": Kind(_omit, {"pointer": "/data"}),
}
