# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry that moves: what one backend knows, copied to another one."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import (
    DATASTORE,
    ROWS_AT_ONCE,
    Entry,
    check_organization,
    open_registry,
)

from ._client import Client, Json
from ._errors import OptionError, Problem, TaskError
from ._reconcile import Notice, Plan, Resource
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
        return {name: entry for name, entry in sorted(self.src.items()) if name not in self.dest}

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
    """A registry that is to know what another one knows. :raises OptionError: for bad input."""

    def __init__(self, client: Client, params: Json) -> None:
        super().__init__()
        self._client = client
        opened = []
        problems: list[Problem] = []
        for option in ("src", "dest"):
            try:
                opened.append(open_registry(params[option], client, option))
            except OptionError as exc:
                problems.extend(exc.problems)
        if not problems and _place(params["src"]) == _place(params["dest"]):
            problems.append(("dest", "must be another registry than src"))
        if problems:
            raise OptionError(*problems)
        self._src, self._dest = opened[0], opened[1]

    def observe(self) -> None:
        src, dest = self._src, self._dest
        if not src.exists():
            raise TaskError(f"There is no {src.title}, so nothing can be copied from it. Correct src.")
        self.observed = Contents(src.all(), dest.all())
        if src.is_in_datadog and not dest.is_in_datadog:
            check_organization(dest, self._client)
        for one, other in ((src, dest), (dest, src)):
            if one.organization and one.organization != other.organization:
                other.organization = other.organization or one.organization
                check_organization(other, self._client)

    def decide(self) -> Plan:
        src, dest = self.observed
        conflicts = list(self.observed.conflicts())
        if conflicts:
            raise TaskError(
                f"Nothing was copied, since the {self._src.title} and the {self._dest.title} contradict each other:"
                f" {few(conflicts, '; ')}. Remove the entry that is wrong, or copy to an empty registry."
            )
        missing = self.observed.missing()
        claimed = [repr(name) for name, entry in missing.items() if entry.claim]
        text = (
            f"A run is creating {few(claimed)}, or was interrupted: their claims were copied, too. Make sure that no run uses src any"
            " more; the next run with dest settles the claims."
        )
        notices = (Notice(text),) if claimed else ()
        operation, result = "update" if missing else "none", {"copied": list(missing)}
        return Plan(operation, _shown(dest), _shown({**src, **dest}), notices=notices, result=result)

    def apply(self) -> None:
        missing = self.observed.missing()
        names = list(missing)
        for start in range(0, len(names), ROWS_AT_ONCE):
            batch = {name: missing[name] for name in names[start : start + ROWS_AT_ONCE]}
            for name in set(batch) - self._dest.claim(batch):
                if self._dest.find(name, is_fresh=True) != batch[name]:
                    raise self._dest.changed(name)
            self.done = [f"recorded {start + len(batch)} connections in the {self._dest.title}"]


def _place(given: str) -> str:
    """What tells whether two registries are the same."""
    return given.lower() if given.startswith(DATASTORE) else os.path.realpath(given)


def _shown(entries: t.Mapping[str, Entry]) -> Json:
    """What stands in a diff."""
    shown = {
        name: {"id": entry.connection_id or None, "integration": entry.integration or entry.claim}
        for name, entry in sorted(entries.items())
    }
    return {"connections": shown}
