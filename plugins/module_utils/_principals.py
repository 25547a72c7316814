# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Principals of restriction policies: the organization, teams, roles and users, as people name them."""

from __future__ import annotations

import re
import typing as t
from concurrent.futures import ThreadPoolExecutor

from ._client import UUID, Client, as_object
from ._errors import OptionError, Problem
from ._restriction_policy import WantedPolicy

PRINCIPAL = re.compile(rf"org(:{UUID.pattern})?|(team|role|user):\S(.*\S)?", re.DOTALL)
FORMS = (
    "org, or team:, role: or user: followed by a UUID, or by the team's handle, the role's name or the user's e-mail"
)
#: Where each kind is found: a path, a filter, which matches parts of texts, where the list counts its rows, the attributes of which
#: one must be as the task says, and what that is called.
KINDS = {
    "team": ("team", "filter[keyword]", "pagination.total", ("handle",), "handle"),
    "role": ("roles", "filter", "page.total_filtered_count", ("name",), "name"),
    "user": ("users", "filter", "page.total_filtered_count", ("email", "handle"), "e-mail"),
}


def principal_problems(path: str, principals: t.Sequence[str]) -> t.Iterator[Problem]:
    """What is wrong with the principals of a relation, as far as can be said without Datadog."""
    for index, principal in enumerate(principals):
        if not PRINCIPAL.fullmatch(principal):
            yield f"{path}[{index}]", f"must be {FORMS}"
        elif principal in principals[:index]:
            yield f"{path}[{index}]", f"is the same as {path}[{principals.index(principal)}]; remove one"


class Principals:
    """Principals with UUIDs, each looked up once, several at a time."""

    def __init__(self, client: Client, principals: t.Iterable[str], workers: int = 1) -> None:
        self._client = client
        names = list(dict.fromkeys(principals))
        with ThreadPoolExecutor(workers) as pool:
            self._found = dict(zip(names, pool.map(self._look_up, names)))

    def _look_up(self, principal: str) -> tuple[str, str]:
        """A principal with its UUID, or else what is wrong with it."""
        kind, _colon, name = principal.partition(":")
        if UUID.fullmatch(name):
            return principal.lower(), ""
        if kind == "org":
            organization = self._client.organization().lower()
            problem = "cannot be resolved: Datadog does not return the organization of the keys. Give org: and its UUID"
            return f"org:{organization}", "" if organization else problem
        path, query, total, keys, word = KINDS[kind]
        keyword = name.lstrip("@") if kind == "team" else name
        rows = self._client.pages(f"/api/v2/{path}", f"look up the {kind} {name!r}", {query: keyword}, total)
        attributes = {f"{kind}:{row['id'].lower()}": as_object(row.get("attributes")) for row in rows}
        same = [each for each in attributes if name in map(attributes[each].get, keys)]
        found = [each for each in same if not attributes[each].get("disabled")] or same
        if len(found) == 1:
            return found[0], ""
        if found:
            return "", f"is ambiguous: {', '.join(found)} have this {word}. Give one of these instead"
        problem = f"does not exist: Datadog has no {kind} with exactly this {word}"
        handles = [
            each.get("handle") for each in attributes.values() if keyword in (each.get("handle"), each.get("name"))
        ]
        if kind == "team" and len(handles) == 1 and handles[0]:
            problem += f"; did you mean team:{handles[0]}?"
        return "", problem

    def wanted(self, bindings: t.Iterable[tuple[str, str, t.Sequence[str]]]) -> WantedPolicy:
        """:param bindings: the path of the option, the relation, and its principals.

        :raises OptionError: for principals that do not exist, or are the same.
        """
        wanted = WantedPolicy({}, {})
        problems: list[Problem] = []
        for path, relation, principals in bindings:
            words: dict[str, str] = {}
            for index, principal in enumerate(principals):
                found, problem = self._found[principal]
                if not problem and words.setdefault(found, principal) != principal:
                    problem = f"is the same principal as {words[found]}; remove one"
                if problem:
                    problems.append((f"{path}[{index}]", problem))
            wanted.policy[relation] = frozenset(words)
            wanted.words.update(words)
        if problems:
            raise OptionError(*problems)
        return wanted
