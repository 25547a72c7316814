# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The restriction policies that tasks are about: of a resource of any type."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ._client import Client, Json
from ._errors import OptionError, Problem
from ._module import DatadogModule
from ._principals import (
    Principals,
    principal_problems,
)
from ._reconcile import (
    Item,
    Plan,
    Resource,
    ResourceSet,
)
from ._restriction_policy import (
    Policy,
    WantedPolicy,
    read_policy,
    write_policy,
)

RESOURCE_ID = re.compile(r"[^\s:/?#]+:[^\s/?#]+")
ARGUMENT_SPEC: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "resource_id": {"type": "str", "required": True},
    "bindings": {
        "type": "list",
        "elements": "dict",
        "options": {
            "relation": {"type": "str", "required": True},
            "principals": {"type": "list", "elements": "str", "required": True},
        },
    },
    "allow_self_lockout": {"type": "bool", "default": False},
}
INFO_ARGUMENT_SPEC: dict[str, t.Any] = {
    "resource_ids": {"type": "list", "elements": "str", "required": True},
}


@dataclass(frozen=True)
class Observation:
    """The policy that exists, and the one that is wanted."""

    policy: Policy
    wanted: WantedPolicy


class RestrictionPolicy(Resource[Observation]):
    """The policy of one resource. :ivar bindings: principals by relation, as the task has them; empty for no policy."""

    def __init__(self, resource_id: str, bindings: t.Mapping[str, t.Sequence[str]]) -> None:
        super().__init__()
        self.resource_id = resource_id
        self.bindings = bindings

    @property
    def names(self) -> Json:
        return {"resource_id": self.resource_id}

    def plan(self, observed: Observation) -> Plan:
        before, after = observed.policy, observed.wanted.policy
        operation = "none"
        if before != after:
            operation = "update" if before and after else "create" if after else "delete"
        shown = observed.wanted.shown
        return Plan(operation, {"bindings": shown(before)}, {"bindings": shown(after)})

    def predict_result(self, plan: Plan, observed: Observation) -> Json:
        return {"restriction_policy": policy_result(self.resource_id, plan.after["bindings"])}


class RestrictionPolicies(ResourceSet[RestrictionPolicy, Observation]):
    """The policy that a task is about."""

    def __init__(self, client: Client, policy: RestrictionPolicy, allow_self_lockout: bool) -> None:
        super().__init__([policy])
        self._client = client
        self._allow_self_lockout = allow_self_lockout

    @classmethod
    def one(cls, client: Client, module: DatadogModule) -> RestrictionPolicies:
        """:raises OptionError: for bad input."""
        params = module.params
        problems = list(_id_problems("resource_id", params["resource_id"]))
        is_present = params["state"] == "present"
        if is_present and not params["bindings"]:
            problem = "must hold at least one relation; state=absent deletes the policy"
            problems.append(("bindings", problem))
        bindings: dict[str, list[str]] = {}
        for index, binding in enumerate(params["bindings"] or []):
            path, relation = f"bindings[{index}]", binding["relation"]
            problems.extend(principal_problems(f"{path}.principals", binding["principals"]))
            if relation in bindings:
                first = list(bindings).index(relation)
                problem = f"is the same as bindings[{first}].relation; put the principals together"
                problems.append((f"{path}.relation", problem))
            if not binding["principals"]:
                problem = "must not be empty; leave the relation out instead"
                problems.append((f"{path}.principals", problem))
            bindings[relation] = binding["principals"]
        if problems:
            raise OptionError(*problems)
        policy = RestrictionPolicy(params["resource_id"], bindings if is_present else {})
        return cls(client, policy, params["allow_self_lockout"])

    def observe(self, items: t.Sequence[Item[RestrictionPolicy, Observation]]) -> None:
        for item in items:
            bindings = item.resource.bindings
            principals = Principals(self._client)
            principals.load(p for written in bindings.values() for p in written)
            paths = {relation: f"bindings[{n}].principals" for n, relation in enumerate(bindings)}
            wanted = WantedPolicy.of(bindings, paths, principals)
            item.observed = Observation(read_policy(self._client, item.resource.resource_id), wanted)

    def apply(self, items: t.Sequence[Item[RestrictionPolicy, Observation]]) -> None:
        self.each(items, self._apply)

    def _apply(self, item: Item[RestrictionPolicy, Observation]) -> None:
        resource_id = item.resource.resource_id
        policy = item.seen.wanted.policy
        write_policy(self._client, resource_id, policy, self._allow_self_lockout)
        item.done.append(f"set the restriction policy of {resource_id}")


def restriction_policies(client: Client, module: DatadogModule) -> Json:
    """What the info module returns. :raises OptionError: for bad input."""
    ids = list(dict.fromkeys(module.params["resource_ids"]))
    problems = [p for n, each in enumerate(ids) for p in _id_problems(f"resource_ids[{n}]", each)]
    if problems:
        raise OptionError(*problems)
    nobody = WantedPolicy({})
    found = [policy_result(each, nobody.shown(read_policy(client, each))) for each in ids]
    return {"restriction_policies": found}


def policy_result(resource_id: str, bindings: t.Mapping[str, t.Sequence[str]]) -> Json:
    """A policy, in the shape of the options."""
    listed = [{"relation": r, "principals": list(p)} for r, p in bindings.items()]
    return {"resource_id": resource_id, "bindings": listed}


def _id_problems(path: str, resource_id: str) -> t.Iterator[Problem]:
    if not RESOURCE_ID.fullmatch(resource_id):
        example = "connection:3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"
        yield path, f"must be the type and the id of a resource, like {example}"
