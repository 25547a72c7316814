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
from ._teams import Teams

PRINCIPAL = re.compile(rf"org(:{UUID.pattern})?|(team|role|user):\S(.*\S)?", re.DOTALL)
FORMS = (
    "org, or team:, role: or user: followed by a UUID, or by the team's handle, the role's name or the user's e-mail"
)


def principal_problems(path: str, principals: t.Sequence[str]) -> t.Iterator[Problem]:
    """What is wrong with the principals of a relation, as far as it can be known without Datadog."""
    for index, principal in enumerate(principals):
        if not PRINCIPAL.fullmatch(principal):
            yield f"{path}[{index}]", f"must be {FORMS}"
        elif principal in principals[:index]:
            yield f"{path}[{index}]", f"is the same as {path}[{principals.index(principal)}]; remove one"


class Principals:
    """Principals with UUIDs, each looked up once, several at a time."""

    def __init__(self, client: Client, principals: t.Iterable[str], workers: int = 1) -> None:
        self._client = client
        self._teams = Teams(client)
        wanted = dict.fromkeys(principals)
        teams = self._teams.find(each[len("team:") :] for each in wanted if each.startswith("team:"))
        #: All that Datadog has for a principal of the task, with UUIDs.
        self._found = {f"team:{name}": [f"team:{team.team_id}"] if team else [] for name, team in teams.items()}
        others = [each for each in wanted if each not in self._found]
        with ThreadPoolExecutor(workers) as pool:
            self._found.update(zip(others, pool.map(self._look_up, others)))

    def _look_up(self, principal: str) -> list[str]:
        kind, _colon, name = principal.partition(":")
        if UUID.fullmatch(name):
            return [principal.lower()]
        if kind == "org":
            return [f"org:{each.lower()}" for each in [self._client.organization()] if each]
        # Datadog's filter matches parts of names.
        rows = self._client.pages(
            f"/api/v2/{kind}s",
            f"look up the {kind} {name!r}",
            {"filter": name},
            lambda meta: as_object(meta.get("page")).get("total_filtered_count"),
        )
        attributes = {f"{kind}:{row['id'].lower()}": as_object(row.get("attributes")) for row in rows}
        names = ("name",) if kind == "role" else ("email", "handle")
        found = [each for each in attributes if name in map(attributes[each].get, names)]
        return [each for each in found if not attributes[each].get("disabled")] or found

    def wanted(self, bindings: t.Iterable[tuple[str, str, t.Sequence[str]]]) -> WantedPolicy:
        """:param bindings: the path of the option, the relation, and its principals.

        :raises OptionError: for principals that do not exist, or are the same.
        """
        wanted = WantedPolicy({}, {})
        problems: list[Problem] = []
        for path, relation, principals in bindings:
            words: dict[str, str] = {}
            for index, principal in enumerate(principals):
                found = self._found[principal]
                first = words.setdefault(found[0], principal) if len(found) == 1 else None
                if first != principal:
                    problem = f"is the same principal as {first}; remove one" if first else self._problem(principal)
                    problems.append((f"{path}[{index}]", problem))
            wanted.policy[relation] = frozenset(words)
            wanted.words.update(words)
        if problems:
            raise OptionError(*problems)
        return wanted

    def _problem(self, principal: str) -> str:
        kind, _colon, name = principal.partition(":")
        word = {"team": "handle", "user": "e-mail"}.get(kind, "name")
        if self._found[principal]:
            return f"is ambiguous: {', '.join(self._found[principal])} have this {word}. Give one of these instead"
        hint = f"; did you mean team:{self._teams.hints[name]}?" if kind == "team" and name in self._teams.hints else ""
        return f"does not exist: Datadog has no {kind} with exactly this {word}{hint}"
