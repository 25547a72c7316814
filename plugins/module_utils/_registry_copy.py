# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry that moves: what one backend knows, copied to another one."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._registry.backends import (
    open_registry,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import (
    DATASTORE,
    Entry,
    Registry,
    check_organization,
)

from ._client import Client, Json
from ._errors import (
    OptionError,
    Problem,
    TaskError,
)
from ._module import DatadogModule
from ._reconcile import (
    Item,
    Notice,
    Plan,
    Resource,
    ResourceSet,
)
from ._report import few

ARGUMENT_SPEC: dict[str, t.Any] = {
    "src": {"type": "path", "required": True},
    "dest": {"type": "path", "required": True},
}


class Contents(t.NamedTuple):
    """What both registries know, by the names of connections."""

    src: dict[str, Entry]
    dest: dict[str, Entry]

    def missing(self) -> dict[str, Entry]:
        """What is to be copied."""
        return {name: entry for name, entry in self.src.items() if name not in self.dest}

    def conflicts(self) -> t.Iterator[str]:
        """Why they cannot be together, without a full stop each."""
        names = {entry.connection_id: name for name, entry in self.dest.items()}
        for name, entry in sorted(self.src.items()):
            other = names.get(entry.connection_id, name)
            if self.dest.get(name, entry) != entry:
                yield f"{name!r} is not the same in both"
            elif entry.connection_id and other != name:
                yield f"{name!r} has the id that {other!r} has in dest"


class RegistryCopy(Resource[Contents]):
    """The registry that is to know what another one knows."""

    def __init__(self, src: Registry, dest: Registry) -> None:
        super().__init__()
        self.src = src
        self.dest = dest

    @property
    def names(self) -> Json:
        return {"src": self.src.title, "dest": self.dest.title}

    def plan(self, observed: Contents) -> Plan:
        conflicts = list(observed.conflicts())
        if conflicts:
            raise TaskError(
                f"Nothing was copied, since the {self.src.title} and the {self.dest.title} contradict each other:"
                f" {few(conflicts, '; ')}. Remove the entry that is wrong, or copy to an empty registry."
            )
        missing = observed.missing()
        claimed = [repr(name) for name, entry in sorted(missing.items()) if entry.claim]
        notices = []
        if claimed:
            text = (
                f"Copied with the claim of a run that is creating it, or was interrupted: {few(claimed)}. Make sure that no run"
                " uses src any more; the next run with dest settles the claim."
            )
            notices.append(Notice(text))
        return Plan(
            "update" if missing else "none",
            _shown(observed.dest),
            _shown({**observed.src, **observed.dest}),
            notices=tuple(notices),
        )

    def predict_result(self, plan: Plan, observed: Contents) -> Json:
        return {"copied": sorted(observed.missing())}


class RegistryCopies(ResourceSet[RegistryCopy, Contents]):
    """The copy that a task is about."""

    def __init__(self, client: Client, copy: RegistryCopy) -> None:
        super().__init__([copy])
        self._client = client

    @classmethod
    def one(cls, client: Client, module: DatadogModule) -> RegistryCopies:
        """:raises OptionError: for bad input."""
        opened: list[Registry] = []
        problems: list[Problem] = []
        for option in ("src", "dest"):
            try:
                opened.append(open_registry(module.params[option], client, option))
            except OptionError as exc:
                problems.extend(exc.problems)
        if not problems and _place(module.params["src"]) == _place(module.params["dest"]):
            problems.append(("dest", "must be another registry than src"))
        if problems:
            raise OptionError(*problems)
        return cls(client, RegistryCopy(opened[0], opened[1]))

    def observe(self, items: t.Sequence[Item[RegistryCopy, Contents]]) -> None:
        for item in items:
            src, dest = item.resource.src, item.resource.dest
            if not src.exists():
                raise TaskError(f"There is no {src.title}, so nothing can be copied from it. Correct src.")
            item.observed = Contents(src.all(), dest.all())
            for one, other in ((src, dest), (dest, src)):
                if one.organization and one.organization != other.organization:
                    other.organization = other.organization or one.organization
                    check_organization(other, self._client)

    def apply(self, items: t.Sequence[Item[RegistryCopy, Contents]]) -> None:
        self.each(items, self._apply)

    def _apply(self, item: Item[RegistryCopy, Contents]) -> None:
        item.resource.dest.add(item.seen.missing())
        item.done.append(f"recorded {len(item.seen.missing())} connections in the {item.resource.dest.title}")


def _place(given: str) -> str:
    """What tells whether two registries are the same."""
    return given.lower() if given.startswith(DATASTORE) else os.path.realpath(given)


def _shown(entries: t.Mapping[str, Entry]) -> Json:
    """What stands in a diff."""
    return {
        "connections": {
            name: {
                "id": entry.connection_id or None,
                "integration": entry.integration or entry.claim,
            }
            for name, entry in sorted(entries.items())
        }
    }
