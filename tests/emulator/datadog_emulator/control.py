# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control endpoints under ``/_emulator/``: not Datadog's, and without credentials."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Callable

from aiohttp import web

from .endpoint import parse_json
from .state import State

PREFIX = "/_emulator"


def add_control(app: web.Application, state: State) -> None:
    """Add the control endpoints to the application."""

    def add(method: str, path: str, handler: Callable[[State, Any], Any]) -> None:
        app.router.add_route(method, PREFIX + path, _served(handler, state))

    add("GET", "/requests", _requests)
    add("DELETE", "/requests", _forget_requests)
    add("GET", "/settings", _settings)
    add("PUT", "/settings", _change_settings)
    add("GET", "/faults", _faults)
    add("POST", "/faults", _add_faults)
    add("DELETE", "/faults", _remove_faults)
    add("POST", "/secret", _compare_secret)
    add("POST", "/reset", _reset)
    add("GET", "/state", _state)


def _served(
    handler: Callable[[State, Any], Any], state: State
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(request: web.Request) -> web.Response:
        raw = await request.read()
        try:
            return web.json_response(handler(state, parse_json(raw) if raw else None))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        except LookupError as error:
            return web.json_response({"error": str(error.args[0])}, status=404)

    return serve


def _requests(state: State, body: Any) -> Any:
    return {"requests": list(state.log.entries)}


def _forget_requests(state: State, body: Any) -> Any:
    state.log.clear()
    return _requests(state, body)


def _settings(state: State, body: Any) -> Any:
    return state.settings.shown()


def _change_settings(state: State, body: Any) -> Any:
    state.change_settings(body)
    return state.settings.shown()


def _faults(state: State, body: Any) -> Any:
    return {"faults": [rule.shown() for rule in state.faults.rules]}


def _add_faults(state: State, body: Any) -> Any:
    state.faults.add(body)
    return _faults(state, body)


def _remove_faults(state: State, body: Any) -> Any:
    state.faults.rules.clear()
    return _faults(state, body)


def _compare_secret(state: State, body: Any) -> Any:
    names = ("connection_id", "path", "value")
    if not isinstance(body, dict) or set(body) != set(names):
        raise ValueError(f"the body must be an object with {', '.join(names)}")
    if not all(isinstance(body[name], str) for name in names):
        raise ValueError(f"{', '.join(names)} must be strings")
    connection = state.action_connections.get(body["connection_id"])
    if connection is None:
        raise LookupError("there is no such connection")
    return {"matches": connection.secret_values().get(body["path"]) == body["value"]}


def _reset(state: State, body: Any) -> Any:
    state.reset()
    return _state(state, body)


def _state(state: State, body: Any) -> Any:
    return {
        "counts": {
            "action_connections": len(state.action_connections),
            "app_key_registrations": len(state.app_key_registrations),
            "datastores": len(state.datastores),
            "datastore_rows": sum(len(store.rows) for store in state.datastores.values()),
            "teams": len(state.teams),
            "team_connections": len(state.team_connections),
        },
        "action_connections": [
            {
                "id": connection.id,
                "name": connection.name,
                "integration": connection.integration["type"],
                "secrets": sorted(connection.secret_values()),
            }
            for connection in state.action_connections.values()
        ],
    }
