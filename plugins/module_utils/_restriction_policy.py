# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restriction policies: who may do what with a resource. Compared, read and written."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from urllib.parse import quote

from ._client import (
    Client,
    Json,
    as_object,
)
from ._errors import OptionError, Problem
from ._principals import Principals

#: Principals with UUIDs, by relation.
Policy = dict[str, frozenset[str]]


@dataclass(frozen=True)
class WantedPolicy:
    """A policy as a task wants it. :ivar names: by relation and principal with a UUID, how the task writes that."""

    names: t.Mapping[str, t.Mapping[str, str]]

    @classmethod
    def of(
        cls,
        bindings: t.Mapping[str, t.Sequence[str]],
        paths: t.Mapping[str, str],
        principals: Principals,
    ) -> WantedPolicy:
        """:param bindings: principals by relation, as the task has them, all of them loaded.

        :param paths: those of the options, by relation.
        :raises OptionError: for principals that do not exist, or are the same.
        """
        names: dict[str, dict[str, str]] = {}
        problems: list[Problem] = []
        for relation, written in bindings.items():
            known = names.setdefault(relation, {})
            for index, principal in enumerate(written):
                try:
                    first = known.setdefault(principals.id_of(principal), principal)
                    problem = f"is the same principal as {first}; leave one out"
                except LookupError as exc:
                    first, problem = "", str(exc)
                if first != principal:
                    problems.append((f"{paths[relation]}[{index}]", problem))
        if problems:
            raise OptionError(*problems)
        return cls(names)

    @property
    def policy(self) -> Policy:
        return {relation: frozenset(ids) for relation, ids in self.names.items()}

    def shown(self, policy: Policy) -> dict[str, list[str]]:
        """A policy in the words of the task, where it has one for a principal."""
        words = {k: v for names in self.names.values() for k, v in names.items()}
        return {r: sorted(words.get(each, each) for each in ids) for r, ids in sorted(policy.items())}


def read_policy(client: Client, resource_id: str) -> Policy:
    """:returns: the policy of a resource (C(connection:UUID)); empty where it has none."""
    found = client.find(_path(resource_id), f"read the restriction policy of {resource_id}") or {}
    bindings = as_object(found.get("attributes")).get("bindings")
    policy: dict[str, set[str]] = {}
    for binding in bindings if isinstance(bindings, list) else []:
        ids = as_object(binding).get("principals")
        relation = str(as_object(binding).get("relation"))
        policy.setdefault(relation, set()).update(map(str, ids if isinstance(ids, list) else []))
    return {relation: frozenset(ids) for relation, ids in policy.items() if ids}


def write_policy(client: Client, resource_id: str, policy: Policy, allow_self_lockout: bool = False) -> None:
    """Set the whole policy of a resource; an empty one is deleted."""
    if not policy:
        client.delete(_path(resource_id), f"delete the restriction policy of {resource_id}")
        return
    bindings = [{"relation": r, "principals": sorted(ids)} for r, ids in sorted(policy.items())]
    data: Json = {
        "type": "restriction_policy",
        "id": resource_id,
        "attributes": {"bindings": bindings},
    }
    query = "?allow_self_lockout=true" if allow_self_lockout else ""
    doing = f"set the restriction policy of {resource_id}"
    client.post(f"{_path(resource_id)}{query}", doing, {"data": data}, may_repeat=True)


def _path(resource_id: str) -> str:
    return f"/api/v2/restriction_policy/{quote(resource_id, safe=':')}"
