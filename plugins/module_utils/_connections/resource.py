# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action connections that a task is about."""

from __future__ import annotations

import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Client, Json
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import OptionError
from ansible_collections.tidyops.datadog.plugins.module_utils._module import DatadogModule
from ansible_collections.tidyops.datadog.plugins.module_utils._reconcile import Plan, Resource, ResourceSet
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.backends import open_registry

from . import planner
from .finder import ConnectionFinder
from .model import Desired
from .observer import Observation, Observer
from .options import CONNECTION_OPTIONS, desired_of


class Context:
    """What all connections of a task share."""

    def __init__(self, client: Client, registry: str | None) -> None:
        self.client = client
        self.registry = open_registry(registry, client)
        self.finder = ConnectionFinder(client)
        self.observer = Observer(client, self.finder, self.registry)


class ActionConnection(Resource[Observation]):
    """One action connection, as a task wants it."""

    def __init__(self, desired: Desired, context: Context, option_path: str = "") -> None:
        super().__init__(option_path)
        self.desired = desired
        self.context = context

    @property
    def names(self) -> Json:
        return {"name": self.desired.name or None}

    def observe(self) -> None:
        try:
            self.observed = self.context.observer.observe(self.desired)
        except OptionError as exc:
            raise exc.within(self.option_path, CONNECTION_OPTIONS) from exc

    def decide(self) -> Plan:
        try:
            return planner.plan(self.desired, self.observed, self.context.registry)
        except OptionError as exc:
            raise exc.within(self.option_path, CONNECTION_OPTIONS) from exc

    def predict_result(self) -> Json:
        return planner.predict_result(self.desired, self.plan, self.observed)


class ActionConnections(ResourceSet[ActionConnection]):
    """What a task says of action connections, by their paths. :param deletes: whether it deletes others, too."""

    def __init__(
        self,
        client: Client,
        desired: t.Mapping[str, Desired],
        registry: str | None,
        workers: int = 1,
        deletes: bool = False,
    ) -> None:
        self.context = Context(client, registry)
        deletes = deletes or any(each.configuration is None for each in desired.values())
        if deletes and not self.context.registry.exists():
            text = (
                f"The {self.context.registry.title} does not exist, so no connection that it may have known is deleted. Check the"
                " path; without the file, delete connections by connection_id."
            )
            client.notes.append(text)
        super().__init__((ActionConnection(each, self.context, path) for path, each in desired.items()), workers)

    @classmethod
    def one(cls, client: Client, module: DatadogModule) -> ActionConnections:
        """:raises OptionError: for bad input."""
        params = module.params
        return cls(client, {"": desired_of(params, module.given)}, params["registry"])

    def observe(self, resources: t.Sequence[ActionConnection]) -> None:
        desired = [each.desired for each in resources]
        if any(each.access is not None for each in desired):
            # pylint: disable-next=import-outside-toplevel
            from .access import Access

            self.context.observer.access = Access(self.context.client, desired, self.workers)
        super().observe(resources)

    def apply(self, resources: t.Sequence[ActionConnection]) -> None:
        # Imported here: most tasks find everything as it should be, and an import takes its time.
        # pylint: disable-next=import-outside-toplevel
        from .writer import Writer

        context = self.context
        Writer(context.client, context.finder, context.registry).apply_all(resources, self.each)
