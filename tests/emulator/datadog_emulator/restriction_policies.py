# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may use what: ``/api/v2/restriction_policy/{type}:{id}``."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from .answers import JSON, Answer, Refusal, plain_error
from .endpoint import Call, Endpoint, is_uuid
from .schema import TEXT, closed_object, violations

if TYPE_CHECKING:
    from .state import State

PATH = "/api/v2/restriction_policy/{resource_id:[^/]+}"
# The relations of each type, from the least to the most that one may do.
_TABLE = """
app-builder-app             viewer editor
case-management-project     viewer contributor manager
connection                  viewer resolver editor
connection-group            viewer editor
cross-org-connection        viewer editor
dashboard                   viewer editor
feature-flag                viewer contributor editor
integration-service         viewer editor
integration-webhook         viewer editor
logs-pipeline               viewer processors_editor editor
monitor                     viewer editor
monitor-notification-rule   viewer editor
network-path-config         viewer editor
notebook                    viewer editor
on-call-escalation-policy   viewer editor
on-call-schedule            viewer overrider editor
on-call-team-routing-rules  viewer editor
powerpack                   viewer editor
reference-table             viewer editor
rum-application             viewer editor
security-rule               viewer editor
slo                         viewer editor
spreadsheet                 viewer editor
status-page                 viewer responder manager
synthetics-global-variable  viewer editor
synthetics-private-location viewer editor
synthetics-test             viewer editor
workflow                    viewer runner editor
"""
RELATIONS = {name: relations for name, *relations in map(str.split, _TABLE.strip().splitlines())}
KINDS = ("org", "role", "team", "user")

# The relation, and the principals that have it: "role:UUID".
Policy = dict[str, set[str]]

_BINDING = closed_object(
    ("relation", "principals"),
    {"relation": TEXT, "principals": {"type": "array", "items": TEXT, "minItems": 1}},
)
_DATA = {
    "type": {"enum": ["restriction_policy"]},
    "id": TEXT,
    "attributes": closed_object(("bindings",), {"bindings": {"type": "array", "items": _BINDING}}),
}
_UPDATE = Draft202012Validator(closed_object(("data",), {"data": closed_object(tuple(_DATA), _DATA)}))


def get(state: State, call: Call) -> Answer:
    """Return a policy. Where there is none, it has no bindings; no resource need exist."""
    return _answer(state, _resource_id(call))


def update(state: State, call: Call) -> Answer:
    """Set the whole policy of a resource."""
    resource_id = _resource_id(call)
    found = violations(_UPDATE, call.body)
    if found:
        raise Refusal(400, *(plain_error(400, item.problem, item.pointer) for item in found))
    data = call.body["data"]
    if data["id"] != resource_id:
        raise _invalid("the id of the body is not that of the path")
    if call.query.get("allow_self_lockout", "false") not in ("true", "false"):
        raise _invalid("allow_self_lockout must be true or false")
    policy = _policy(state, resource_id, data["attributes"]["bindings"])
    relations = RELATIONS[resource_id.partition(":")[0]]
    locked_out = not policy.get(relations[-1], set()) & _principals_of(state, call.actor)
    if locked_out and call.query.get("allow_self_lockout") != "true":
        # So says the documentation; neither status nor words have been seen. A policy without
        # bindings gives nobody anything here: what it means in Datadog is not known.
        raise _invalid(f"[SelfLockout] the policy leaves you no {relations[-1]} of {resource_id}")
    state.policies[resource_id] = policy
    return _answer(state, resource_id)


def delete(state: State, call: Call) -> Answer:
    """Delete a policy. That there is none is no error."""
    state.policies.pop(_resource_id(call), None)
    return Answer(204, headers={"Content-Type": JSON})


def may_resolve(state: State, connection_id: str, creator: str, user: str) -> bool:
    """Tell whether a user may use a connection; without a policy its creator alone may."""
    policy = state.policies.get(f"connection:{connection_id}")
    if policy is None:
        return user == creator
    allowed = policy.get("resolver", set()) | policy.get("editor", set())
    return bool(allowed & _principals_of(state, user))


def shown(policy: Policy) -> list[dict[str, Any]]:
    """Return the bindings, sorted."""
    return [{"relation": relation, "principals": sorted(policy[relation])} for relation in sorted(policy)]


def _answer(state: State, resource_id: str) -> Answer:
    bindings = shown(state.policies.get(resource_id, {}))
    # The order of bindings and principals means nothing, and is another one every time.
    for binding in bindings:
        random.shuffle(binding["principals"])
    random.shuffle(bindings)
    attributes = {"bindings": bindings}
    data = {"type": "restriction_policy", "id": resource_id, "attributes": attributes}
    return Answer(200, {"data": data})


def _resource_id(call: Call) -> str:
    """Return the id in the path; a colon that was sent as %3A is one here."""
    resource_id = call.path["resource_id"]
    kind, colon, name = resource_id.partition(":")
    if not (kind and colon and name):
        raise Refusal(400, plain_error(400, f"Invalid resource: '{resource_id}' is not in a valid format"))
    if kind not in RELATIONS:
        detail = f"Invalid resource type: '{kind}' does not support restriction policies"
        raise Refusal(400, plain_error(400, detail))
    return f"{kind}:{name.lower() if is_uuid(name) else name}"


def _policy(state: State, resource_id: str, bindings: list[dict[str, Any]]) -> Policy:
    """Return the policy that bindings make; of one relation there may be one."""
    kind = resource_id.partition(":")[0]
    policy: Policy = {}
    for binding in bindings:
        relation, principals = binding["relation"], binding["principals"]
        if relation not in RELATIONS[kind]:
            supported = ", ".join(RELATIONS[kind])
            raise _invalid(
                f'[RelationInvalidForResourceType] relation "{relation}" is not supported by '
                f'"{kind}", supported relations: "{supported}"'
            )
        if relation in policy:
            raise _invalid(f'relation "{relation}" is given more than once')
        found = {_principal(state, relation, text) for text in principals}
        if len(found) < len(principals):
            raise _invalid(f'a principal of relation "{relation}" is given more than once')
        policy[relation] = found
    return policy


def _principal(state: State, relation: str, text: str) -> str:
    """Return a principal, which must exist, with its id in lower case."""
    kind, _colon, name = text.partition(":")
    if kind not in KINDS:
        raise _invalid(
            f'[PrincipalTypeInvalidForRelation] principal "{text}" is not supported by '
            f'"{relation}" relation, supported types: "{", ".join(KINDS)}"'
        )
    known: dict[str, Any] = {
        "org": {state.organization},
        "role": state.accounts.roles,
        "team": state.teams,
        "user": state.accounts.users,
    }
    if name.lower() not in known[kind]:
        # Never seen how Datadog says that.
        raise _invalid(f'[PrincipalNotFound] principal "{text}" does not exist')
    return f"{kind}:{name.lower()}"


def _principals_of(state: State, user: str) -> set[str]:
    """Return all that a user is: a user, in the organization, in roles and teams."""
    roles = {f"role:{role}" for role in state.accounts.users[user].roles}
    teams = {f"team:{team.id}" for team in state.teams.values() if team.open or user in team.members}
    return {f"user:{user}", f"org:{state.organization}", *roles, *teams}


def _invalid(detail: str) -> Refusal:
    return Refusal(400, plain_error(400, f"Invalid request: {detail}"))


def endpoints() -> Iterator[Endpoint]:
    """Return the endpoints of this API."""
    yield Endpoint("GET", PATH, get, plain_error, content_type=JSON)
    yield Endpoint(
        "POST",
        PATH,
        update,
        plain_error,
        parameters=frozenset({"allow_self_lockout"}),
        takes_body=True,
        content_type=JSON,
    )
    yield Endpoint("DELETE", PATH, delete, plain_error, content_type=JSON)
