# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application: every request passes log, rate limit, faults and latency, then its endpoint."""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from itertools import chain
from typing import Any, cast

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from . import (
    accounts,
    action_connections,
    app_key_registrations,
    control,
    datastore_items,
    datastores,
    restriction_policies,
    team_connections,
    teams,
)
from .answers import Answer, Refusal, plain_error
from .auth import authorize
from .endpoint import Call, Endpoint, check_query, read_body
from .fault_kinds import KINDS
from .state import State

# A further API is a module with endpoints() of its own, listed here.
# Team connections come before teams: their path would pass for that of a team.
APIS = (
    action_connections,
    app_key_registrations,
    datastores,
    datastore_items,
    team_connections,
    teams,
    accounts,
    restriction_policies,
)
MAX_BODY = 5 * 1024 * 1024


def build_app(state: State) -> web.Application:
    """Return the application that serves a state."""
    app = web.Application(middlewares=[_middleware(state)], client_max_size=MAX_BODY)
    control.add_control(app, state)
    for endpoint in chain.from_iterable(api.endpoints() for api in APIS):
        app.router.add_route(endpoint.method, endpoint.path, _served(endpoint, state))
    return app


def _served(endpoint: Endpoint, state: State) -> Handler:
    async def serve(request: web.Request) -> web.Response:
        # Read already, and kept, by the middleware: nothing is waited for from here on.
        raw = await request.read()
        try:
            actor = authorize(endpoint, request.headers, state)
            check_query(endpoint, request.query)
            encoding = request.headers.get("Content-Encoding", "identity")
            body = read_body(endpoint, request.content_type, encoding, raw)
            call = Call(request.match_info, request.query, body, actor, str(request.url.origin()))
            answer = endpoint.handler(state, call)
            if endpoint.method == "DELETE" and answer.status == 204:
                answer.status = state.settings.delete_status
        except Refusal as refusal:
            answer = refusal.answer
            # A path without variables is that of a list: it is not gone, but not offered.
            if answer.status == 404 and "{" in endpoint.path:
                answer.status = state.settings.gone_status
        answer.content_type = endpoint.content_type
        return answer.response()

    return serve


def _middleware(state: State) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(control.PREFIX + "/"):
            return await _routed(request, handler)
        raw = b""
        response: web.StreamResponse | None = None
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            response = _plain(413)
        except web.RequestPayloadError:
            response = _plain(400)
        except ConnectionError:
            # Gone in the middle of its body: nobody to answer, and nothing was asked.
            return web.Response()
        entry = state.log.arrived(request.method, request.path, request.query, request.headers, raw)
        if response is None:
            # A client that leaves in the middle of its answer has got none.
            with contextlib.suppress(ConnectionError):
                response = await _answered(request, handler, entry, state)
        if response is not None:
            entry["status"] = response.status
        state.log.answered(entry)
        # aiohttp wants an answer even where the connection is gone.
        return web.Response() if response is None else response

    return middleware


async def _answered(
    request: web.Request, handler: Handler, entry: dict[str, Any], state: State
) -> web.StreamResponse | None:
    """Return the answer, or None when none is to be sent."""
    latency = state.settings.latency
    headers: dict[str, str] = {}
    if state.settings.rate_limit:
        headers, exceeded = state.rate_window.use(state.settings.rate_limit)
        if exceeded:
            await asyncio.sleep(latency)
            return exceeded.response()

    resets = state.resets

    async def work() -> web.Response:
        if state.resets != resets:
            # What a fault held back belongs to a test that has ended.
            return _plain(503)
        response = await _routed(request, handler)
        response.headers.update(headers)
        # Afterwards: a client that does not wait cannot know whether the work was done.
        if latency:
            await asyncio.sleep(latency)
        return response

    fault = state.faults.strike(request.method, request.path)
    if fault is None:
        return await work()
    entry["fault"] = fault["kind"]
    if fault.get("when") == "before":
        await asyncio.sleep(latency)
    return await KINDS[fault["kind"]].effect(request, work, fault)


async def _routed(request: web.Request, handler: Handler) -> web.Response:
    try:
        # Whatever is routed here, returns one.
        return cast(web.Response, await handler(request))
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed, web.HTTPRequestEntityTooLarge) as error:
        return _plain(error.status)


def _plain(status: int) -> web.Response:
    return Answer(status, {"errors": [plain_error(status, HTTPStatus(status).phrase)]}).response()
