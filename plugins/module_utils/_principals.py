# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Principals of restriction policies: the organization, teams, roles and users, in terms that people know."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

from ._client import (
    UUID,
    Client,
    Json,
    as_object,
)
from ._errors import Problem
from ._teams import Teams

#: What stands before the colon, and what a name behind it is.
KINDS = {"team": "handle", "role": "name", "user": "e-mail"}
FORMS = (
    "org, or team:, role: or user: followed by a UUID, or by the team's handle, the role's name or the user's e-mail"
)


def principal_problems(path: str, principals: t.Sequence[str]) -> t.Iterator[Problem]:
    """What is wrong with the principals of a relation, as far as it can be known without Datadog."""
    for index, principal in enumerate(principals):
        kind, colon, name = principal.partition(":")
        is_org = principal == "org" or (kind == "org" and UUID.fullmatch(name))
        if not is_org and not (kind in KINDS and colon and name.strip() == name != ""):
            yield f"{path}[{index}]", f"must be {FORMS}"
        elif principal in principals[:index]:
            first = principals.index(principal)
            yield f"{path}[{index}]", f"is the same as {path}[{first}]; leave one out"


class Principals:
    """The ids of principals. Each is looked up once. May be used by several threads after load()."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._teams = Teams(client)
        self._ids: dict[str, str] = {}
        self._problems: dict[str, str] = {}

    def load(self, principals: t.Iterable[str], workers: int = 1) -> None:
        """Look up the principals, several at a time."""
        wanted = list(dict.fromkeys(principals))
        handles = [p[len("team:") :] for p in wanted if p.startswith("team:")]
        teams = self._teams.find(handle for handle in handles if not UUID.fullmatch(handle))
        for handle, team in teams.items():
            hint = self._teams.hints.get(handle)
            near = f"; did you mean team:{hint}?" if hint else ""
            self._note(f"team:{handle}", [team.team_id] if team else [], near)
        others = [each for each in wanted if each not in self._ids and each not in self._problems]
        if others:
            with ThreadPoolExecutor(min(workers, len(others))) as pool:
                list(pool.map(self._look_up, others))

    def id_of(self, principal: str) -> str:
        """:returns: the principal with a UUID, like C(team:3f6e...). :raises LookupError: what would be right."""
        if principal in self._problems:
            raise LookupError(self._problems[principal])
        return self._ids[principal]

    def _look_up(self, principal: str) -> None:
        kind, _colon, name = principal.partition(":")
        if UUID.fullmatch(name):
            self._note(principal, [name.lower()])
        elif kind == "org":
            organization = self._client.organization()
            self._note(principal, [organization] if organization else [])
        elif kind == "role":
            self._note(principal, [row["id"] for row in self._rows("roles", name, ("name",))])
        else:
            rows = self._rows("users", name, ("email", "handle"))
            enabled = [row for row in rows if not as_object(row.get("attributes")).get("disabled")]
            self._note(principal, [row["id"] for row in enabled or rows])

    def _note(self, principal: str, ids: t.Sequence[str], hint: str = "") -> None:
        kind = principal.partition(":")[0]
        if len(ids) == 1:
            self._ids[principal] = f"{kind}:{ids[0].lower()}"
        elif ids:
            problem = f"is ambiguous: {', '.join(ids)} have this {KINDS[kind]}. Give {kind}: and one of these UUIDs"
            self._problems[principal] = problem
        else:
            what = f"no {kind} with exactly this {KINDS[kind]}" if kind in KINDS else "no organization"
            self._problems[principal] = f"does not exist: Datadog has {what}{hint}"

    def _rows(self, kind: str, name: str, attributes: t.Sequence[str]) -> list[Json]:
        """Those of which one of the attributes is the name. The filter matches parts of names."""
        rows = self._client.pages(
            f"/api/v2/{kind}",
            f"look up the {kind[:-1]} {name!r}",
            {"filter": name},
            total=lambda meta: as_object(meta.get("page")).get("total_filtered_count"),
        )
        return [row for row in rows if name in [as_object(row.get("attributes")).get(each) for each in attributes]]
