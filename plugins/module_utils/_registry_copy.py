# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""A registry that moves: what one home of it knows, copied to another one."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Client
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import (
    OptionError,
    Plan,
    Refusal,
    Resource,
    Resources,
    Step,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._registry import (
    DATASTORE,
    MOST_SETS,
    Content,
    Entry,
    Registry,
    RegistryError,
    contradictions,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._registry_homes import open_registry
from ansible_collections.tidyops.datadog.plugins.module_utils._report import MOST_NAMED

ARGUMENT_SPEC: dict[str, t.Any] = {
    "src": {"type": "path", "required": True},
    "dest": {"type": "path", "required": True},
}


class Homes(t.NamedTuple):
    """What both registries know."""

    src: Content
    dest: Content

    def missing(self) -> Content:
        """What is to be copied. A fingerprint of a set only saves time, so none is pushed out by another one."""
        sets = [(key, text) for key, text in self.src.sets.items() if key not in self.dest.sets]
        room = MOST_SETS - len(self.dest.sets)
        entries = self.src.entries.items()
        return Content(
            {name: entry for name, entry in entries if name not in self.dest.entries},
            dict(sets[max(0, len(sets) - room) :]),
        )

    def together(self) -> dict[str, Entry]:
        """The entries that dest has in the end."""
        return {**self.src.entries, **self.dest.entries}

    def conflicts(self) -> list[str]:
        """Why they cannot be together, without a full stop each."""
        dest = self.dest.entries
        differing = [
            f"{name!r} is not the same in both"
            for name, entry in sorted(self.src.entries.items())
            if dest.get(name, entry) != entry
        ]
        return [*differing, *contradictions(self.together())]


class RegistryCopy(Resource):
    """The registry that is to know what another one knows.

    What is observed is Homes.
    """

    def __init__(self, src: Registry, dest: Registry) -> None:
        super().__init__()
        self.src = src
        self.dest = dest

    @property
    def names(self) -> dict[str, t.Any]:
        return {"src": self.src.title, "dest": self.dest.title}

    def plan(self, observed: Homes) -> Plan:
        conflicts = observed.conflicts()
        if conflicts:
            raise Refusal(
                f"Nothing was copied, since the {self.src.title} and the {self.dest.title} contradict each other:"
                f" {_few(conflicts, '; ')}. Ways out: see which entry is right, and remove the other one; or copy to an empty"
                " registry"
            )
        missing = observed.missing()
        return Plan(
            "update" if any(missing) else "none",
            _shown(observed.dest.entries),
            _shown(observed.together()),
            warnings=list(self._warnings(missing)),
        )

    @staticmethod
    def _warnings(missing: Content) -> t.Iterator[str]:
        begun = [repr(name) for name, entry in sorted(missing.entries.items()) if entry.creating]
        if begun:
            yield (
                f"Copied as it was left while the connection was being created: {_few(begun, ', ')}. That run was interrupted,"
                " or is not done. Make sure that no run uses src any more; the next run with dest will go on from there."
            )

    def foretell(self, plan: Plan, observed: Homes) -> dict[str, t.Any]:
        return {"copied": sorted(observed.missing().entries)}


class RegistryCopies(Resources):
    """The copy that a task is about."""

    @classmethod
    def one(cls, client: Client, params: t.Mapping[str, t.Any]) -> RegistryCopies:
        """:raises OptionError: for bad input."""
        homes: dict[str, Registry] = {}
        problems: list[tuple[str, str]] = []
        for option in ("src", "dest"):
            try:
                homes[option] = open_registry(params[option], client, option)
            except OptionError as exc:
                problems.extend(exc.problems)
        if not problems and _place(params["src"]) == _place(params["dest"]):
            problems.append(("dest", "must be another registry than src"))
        if problems:
            raise OptionError(*problems)
        return cls([RegistryCopy(**homes)])

    def observe(self, steps: t.Sequence[Step]) -> None:
        for step in steps:
            src = _settled(step.resource.src)
            step.observed = Homes(src, step.resource.dest.content())

    def apply(self, steps: t.Sequence[Step]) -> None:
        self.each(steps, self._apply)

    def _apply(self, step: Step) -> None:
        step.resource.dest.add(step.observed.missing())
        step.result = step.resource.foretell(step.plan, step.observed)


def _place(given: str) -> str:
    """What tells whether two registries are the same."""
    return given.lower() if given.startswith(DATASTORE) else os.path.realpath(given)


def _settled(src: Registry) -> Content:
    """What is known when those runs have ended that are creating a connection."""
    if not src.exists():
        raise RegistryError(
            f"There is no {src.title}, so nothing can be copied from it. Correct src"
        )
    content = src.content()
    begun = [name for name, entry in content.entries.items() if entry.creating]
    for name in begun:
        src.wait(name)
    if begun:
        src.renew()
        content = src.content()
    return content


def _shown(entries: t.Mapping[str, Entry]) -> dict[str, t.Any]:
    """What stands in a diff."""
    return {
        "connections": {
            name: {
                "id": entry.connection_id or None,
                "integration": entry.integration or entry.creating,
            }
            for name, entry in sorted(entries.items())
        }
    }


def _few(texts: t.Sequence[str], separator: str) -> str:
    """The first of several texts, and how many there are beside them."""
    more = len(texts) - MOST_NAMED
    return separator.join(texts[:MOST_NAMED]) + (f", and {more} more" if more > 0 else "")
