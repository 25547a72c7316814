# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action connections that a task is about."""

# pylint: disable=import-outside-toplevel

from __future__ import annotations

import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Client, Json
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import OptionError
from ansible_collections.tidyops.datadog.plugins.module_utils._module import DatadogModule
from ansible_collections.tidyops.datadog.plugins.module_utils._reconcile import Plan, Resource, ResourceSet
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import check_organization

from . import planner
from .model import Desired
from .observer import Context, Observation, Observer
from .options import CONNECTION_OPTIONS, desired_of

Done = t.TypeVar("Done")


class ActionConnection(Resource[Observation]):
    def __init__(self, desired: Desired, context: Context, option_path: str = "") -> None:
        super().__init__(option_path)
        self.desired = desired
        self.context = context

    @property
    def names(self) -> Json:
        return {"name": self.desired.name or None}

    def observe(self) -> None:
        self.observed = self._located(Observer(self.context, self.desired).observe)

    def decide(self) -> Plan:
        return self._located(lambda: planner.plan(self.desired, self.observed, self.context.registry))

    def predict_result(self) -> Json:
        return planner.predict_result(self.desired, self.plan, self.observed)

    def _located(self, step: t.Callable[[], Done]) -> Done:
        try:
            return step()
        except OptionError as exc:
            raise exc.within(self.option_path, CONNECTION_OPTIONS) from exc


class ActionConnections(ResourceSet[ActionConnection]):
    """:param desired: by option paths. :param deletes: whether the task deletes others, too."""

    def __init__(
        self,
        client: Client,
        desired: t.Mapping[str, Desired],
        registry: str | None,
        workers: int = 1,
        deletes: bool = False,
    ) -> None:
        self.context = Context(client, registry)
        deletes = deletes or any(not each.is_present for each in desired.values())
        if deletes and not self.context.registry.exists():
            client.notes.append(
                f"The {self.context.registry.title} does not exist, so no connection that it may have known is deleted. Check the"
                " path; without the file, delete connections by connection_id."
            )
        super().__init__((ActionConnection(each, self.context, path) for path, each in desired.items()), workers)

    @classmethod
    def one(cls, client: Client, module: DatadogModule) -> ActionConnections:
        """:raises OptionError: for bad input."""
        params = module.params
        return cls(client, {"": desired_of(params, module.given)}, params["registry"])

    # Most tasks need neither of what is imported here.

    def observe(self, resources: t.Sequence[ActionConnection]) -> None:
        access = [each.desired.access for each in resources if each.desired.access is not None]
        if access:
            from ansible_collections.tidyops.datadog.plugins.module_utils._principals import Principals

            named = [each for relations in access for principals in relations.values() for each in principals]
            self.context.principals = Principals(self.context.client, named, self.workers)
        super().observe(resources)
        registry, observed = self.context.registry, [each.observed for each in resources if not each.error]
        is_checked = registry.is_kept and not registry.is_in_datadog
        if is_checked and not all(each.connection and each.known_id for each in observed):
            # Something is about to be created, recorded or forgotten.
            check_organization(registry, self.context.client)

    def apply(self, resources: t.Sequence[ActionConnection]) -> None:
        from .writer import apply_all

        apply_all(resources, self.each)
