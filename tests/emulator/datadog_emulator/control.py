# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control endpoints under ``/_emulator/``: not Datadog's, and without credentials."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Callable

from aiohttp import web

from .endpoint import parse_json
from .restriction_policies import shown
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
    add("POST", "/roles", _add_role)
    add("POST", "/users", _add_user)
    add("POST", "/members", _add_member)
    add("GET", "/policies", _policies)
    add("POST", "/reset", _reset)
    add("GET", "/state", _state)


def _served(handler: Callable[[State, Any], Any], state: State) -> Callable[[web.Request], Awaitable[web.Response]]:
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


def _add_role(state: State, body: Any) -> Any:
    values = _checked(body, {"name": str})
    return {"id": state.accounts.add_role(values["name"]).id}


def _add_user(state: State, body: Any) -> Any:
    given: dict[str, Any] = {"name": None, "disabled": False, "service_account": False, "roles": []}
    values = _checked(
        {**given, **body} if isinstance(body, dict) else body,
        {
            "email": str,
            "name": (str, type(None)),
            "disabled": bool,
            "service_account": bool,
            "roles": list,
        },
    )
    roles = {_role(state, role) for role in values.pop("roles")}
    return {"id": state.accounts.add_user(**values, roles=roles).id}


def _add_member(state: State, body: Any) -> Any:
    """Put a user, or the one of an application key, into a role or a team."""
    kinds = ({"user", "app_key"}, {"role", "team"})
    if not isinstance(body, dict) or any(len(kind & set(body)) != 1 for kind in kinds):
        raise ValueError("the body must be an object with user or app_key, and role or team")
    _checked(body, dict.fromkeys(body, str))
    user = state.accounts.caller(body["app_key"]) if "app_key" in body else body.get("user", "")
    if user not in state.accounts.users:
        raise LookupError("there is no such user")
    if "role" in body:
        state.accounts.users[user].roles.add(_role(state, body["role"]))
    else:
        teams = [team for team in state.teams.values() if body["team"] in (team.id, team.handle)]
        if not teams:
            raise LookupError("there is no such team")
        teams[0].members.add(user)
    return {"user": user}


def _role(state: State, wanted: Any) -> str:
    """Return the id of a role that is given by id or name."""
    for role in state.accounts.roles.values():
        if wanted in (role.id, role.name):
            return role.id
    raise LookupError("there is no such role")


def _checked(body: Any, types: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(body, dict) or set(body) != set(types):
        raise ValueError(f"the body must be an object with {', '.join(types)}")
    for name, kind in types.items():
        if not isinstance(body[name], kind) or body[name] == "":
            raise ValueError(f"{name} has not the right type, or is empty")
    return body


def _policies(state: State, body: Any) -> Any:
    return {"policies": {name: shown(policy) for name, policy in state.policies.items()}}


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
            "policies": len(state.policies),
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
