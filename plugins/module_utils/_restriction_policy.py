# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restriction policies: who may do what with a resource."""

from __future__ import annotations

import typing as t
from urllib.parse import quote

from ._client import Client, as_object, value_at

PATH = "/api/v2/restriction_policy/"

#: Principals with UUIDs, by relation.
Policy = dict[str, frozenset[str]]


class WantedPolicy(t.NamedTuple):
    """A policy as a task wants it."""

    policy: Policy
    #: How the task writes each principal.
    words: dict[str, str]

    def shown(self, policy: Policy) -> dict[str, list[str]]:
        """A policy with principals as the task writes them, others as Datadog does."""
        return {
            relation: sorted(self.words.get(each, each) for each in ids) for relation, ids in sorted(policy.items())
        }


def read_policy(client: Client, resource_id: str) -> Policy:
    """The policy of a resource like C(connection:UUID); empty where it has none."""
    doing = f"read the restriction policy of {resource_id}"
    bindings = value_at(client.find(PATH + quote(resource_id, ":"), doing), "attributes.bindings")
    policy: Policy = {}
    for binding in map(as_object, bindings if isinstance(bindings, list) else []):
        relation, principals = str(binding.get("relation")), binding.get("principals")
        if principals and isinstance(principals, list):
            policy[relation] = policy.get(relation, frozenset()) | frozenset(map(str, principals))
    return policy


def write_policy(client: Client, resource_id: str, policy: Policy, allow_self_lockout: bool = False) -> None:
    """Set the whole policy of a resource; an empty one is deleted."""
    path = PATH + quote(resource_id, ":")
    if not policy:
        client.delete(path, f"delete the restriction policy of {resource_id}")
        return
    bindings = [{"relation": relation, "principals": sorted(ids)} for relation, ids in sorted(policy.items())]
    data = {"type": "restriction_policy", "id": resource_id, "attributes": {"bindings": bindings}}
    path += "?allow_self_lockout=true" if allow_self_lockout else ""
    client.post(path, f"set the restriction policy of {resource_id}", {"data": data}, may_repeat=True)
