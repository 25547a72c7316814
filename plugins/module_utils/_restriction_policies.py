# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules about restriction policies, of a resource of any type."""

from __future__ import annotations

import re
import typing as t

from ._client import Client, Json
from ._errors import OptionError, Problem
from ._module import DatadogModule
from ._principals import Principals, principal_problems
from ._reconcile import Plan, Resource
from ._restriction_policy import Policy, WantedPolicy, read_policy, write_policy

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
INFO_ARGUMENT_SPEC: dict[str, t.Any] = {"resource_ids": {"type": "list", "elements": "str", "required": True}}


class RestrictionPolicy(Resource[Policy]):
    """The policy of one resource. :raises OptionError: for bad input."""

    #: Known once it was observed, since principals are looked up.
    wanted: WantedPolicy

    def __init__(self, client: Client, params: Json) -> None:
        super().__init__()
        self._client = client
        self.resource_id: str = params["resource_id"]
        self.allow_self_lockout: bool = params["allow_self_lockout"]
        #: Path, relation and principals; none where the policy is to be deleted.
        self.bindings: list[tuple[str, str, list[str]]] = []
        is_present = params["state"] == "present"
        problems = list(_id_problems("resource_id", self.resource_id))
        if is_present and not params["bindings"]:
            problems.append(("bindings", "must contain at least one relation; state=absent deletes the policy"))
        first: dict[str, str] = {}
        for index, binding in enumerate(params["bindings"] or []):
            relation, principals, inside = binding["relation"], binding["principals"], f"bindings[{index}]"
            path = f"{inside}.principals"
            problems.extend(principal_problems(path, principals))
            known = first.setdefault(relation, inside)
            if known != inside:
                problems.append((f"{inside}.relation", f"is the same as {known}.relation; merge their principals"))
            if not principals:
                problems.append((path, "must not be empty; leave the relation out instead"))
            if is_present:
                self.bindings.append((path, relation, principals))
        if problems:
            raise OptionError(*problems)

    def observe(self) -> None:
        principals = Principals(self._client, [each for *_path, names in self.bindings for each in names])
        self.wanted = principals.wanted(self.bindings)
        self.observed = read_policy(self._client, self.resource_id)

    def decide(self) -> Plan:
        before, after, shown = self.observed, self.wanted.policy, self.wanted.shown
        operation = "none"
        if before != after:
            operation = "update" if before and after else "create" if after else "delete"
        result = {"restriction_policy": _result(self.resource_id, shown(after))}
        return Plan(operation, {"bindings": shown(before)}, {"bindings": shown(after)}, result=result)

    def apply(self) -> None:
        write_policy(self._client, self.resource_id, self.wanted.policy, self.allow_self_lockout)
        self.done.append(f"set the restriction policy of {self.resource_id}")


def restriction_policies(client: Client, module: DatadogModule) -> Json:
    """What the info module returns. :raises OptionError: for bad input."""
    ids = list(dict.fromkeys(module.params["resource_ids"]))
    problems = [problem for index, each in enumerate(ids) for problem in _id_problems(f"resource_ids[{index}]", each)]
    if problems:
        raise OptionError(*problems)
    nobody = WantedPolicy({}, {})
    return {"restriction_policies": [_result(each, nobody.shown(read_policy(client, each))) for each in ids]}


def _result(resource_id: str, bindings: t.Mapping[str, t.Sequence[str]]) -> Json:
    """A policy in the shape of the options."""
    listed = [{"relation": relation, "principals": list(each)} for relation, each in bindings.items()]
    return {"resource_id": resource_id, "bindings": listed}


def _id_problems(path: str, resource_id: str) -> t.Iterator[Problem]:
    if not RESOURCE_ID.fullmatch(resource_id):
        example = "connection:3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"
        yield path, f"must be the type and the id of a resource, like {example}"
