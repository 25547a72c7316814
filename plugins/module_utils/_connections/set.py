# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A set of action connections, and what else the registry knows."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import replace

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Client, TooManyPages
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import DatadogError, TaskError
from ansible_collections.tidyops.datadog.plugins.module_utils._module import DatadogModule
from ansible_collections.tidyops.datadog.plugins.module_utils._reconcile import Notice

from .model import Desired
from .planner import Observation
from .resource import ActionConnection, ActionConnections
from .set_options import desired_set


class UnlistedConnection(ActionConnection):
    """A connection that only the registry knows, and that is purged. :param listed: the ids of those that the task lists."""

    def __init__(self, name: str, task: ActionConnections, listed: t.Collection[str]) -> None:
        super().__init__(Desired(name), task)
        self._listed = listed

    def observe(self) -> None:
        name, registry = self.desired.name, self.registry
        entry = registry.find(name)
        self.observed = Observation(None)
        # Those that the task lists stay, whatever the registry says.
        if entry is None or entry.connection_id in self._listed:
            return
        if entry.claim:
            text = (
                f"The connection {name!r}, which the task does not list, was not purged: the {registry.title} has the claim of a"
                f" run that is creating it ({entry.claim}). If that run has ended, look for {name!r} in Datadog, delete it by"
                " connection_id, and remove the entry."
            )
            self.observed = Observation(None, notices=(Notice(text),))
            return
        found = self.by_entry(name, entry)
        listed = self._listed
        self.observed = replace(
            found,
            old_id="" if found.old_id in listed else found.old_id,
            connection=None if found.connection and found.connection.connection_id in listed else found.connection,
            replaced=None if found.replaced and found.replaced.connection_id in listed else found.replaced,
        )


class ActionConnectionSet(ActionConnections):
    """What a task about a set is about. :raises OptionError: for bad input."""

    def __init__(self, client: Client, module: DatadogModule) -> None:
        params = module.params
        desired = desired_set(params, module.given)
        self.purges: bool = params["purge"]
        super().__init__(client, desired, params["registry"], params["concurrency"], self.purges)

    def observe(self, resources: t.Sequence[ActionConnection]) -> None:
        """Read ahead what would be read for each connection by itself."""
        names = [each.desired.name for each in resources if each.desired.name]
        if len(resources) > 1:
            registry = self.registry
            registry.load(names)
            known = [entry for entry in map(registry.find, names) if entry and entry.connection_id]
            if len(known) > 2:
                # An error comes again where connections are read by their ids, and says more there.
                with contextlib.suppress(DatadogError, TaskError, TooManyPages):
                    # The list takes a request for each hundred connections.
                    self.finder.load_list(f"find {len(known)} action connections", len(known) // 2)
        super().observe(resources)

    def check(self, resources: t.Sequence[ActionConnection]) -> None:
        known: dict[str, ActionConnection] = {}
        for each in resources:
            for connection in (each.observed.connection, each.observed.replaced):
                other = known.setdefault(connection.connection_id, each) if connection else each
                if connection and other is not each:
                    each.error = TaskError(
                        f"{other.option_path} and {each.option_path} are about the same action connection, {connection.connection_id}"
                        f" ({connection.name!r}). Remove one of them."
                    )

    def unlisted(self, resources: t.Sequence[ActionConnection]) -> list[ActionConnection]:
        if not self.purges:
            return []
        names, ids = {""}, {""}
        for each in resources:
            observed = each.observed
            names |= {each.desired.name, observed.known_as}
            ids.add(each.desired.connection_id)
            ids |= {found.connection_id for found in (observed.connection, observed.replaced) if found}
        return [
            UnlistedConnection(name, self, ids - {""})
            for name, entry in self.registry.all().items()
            if name not in names and (not entry.connection_id or entry.connection_id not in ids)
        ]
