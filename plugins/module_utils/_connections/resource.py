# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action connections that a task is about: one, or a set."""

from __future__ import annotations

import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Client, Json
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import (
    OptionError,
    TaskError,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._module import DatadogModule
from ansible_collections.tidyops.datadog.plugins.module_utils._reconcile import (
    Item,
    Plan,
    Resource,
    ResourceSet,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.backends import (
    open_registry,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import (
    Registry,
)

from . import planner
from .finder import (
    ConnectionFinder,
)
from .model import Desired
from .observer import (
    Observation,
    Observer,
)
from .options import CONNECTION_OPTIONS, desired_of
from .set_options import desired_set


class ActionConnection(Resource[Observation]):
    """One action connection, as a task wants it.

    :ivar is_unlisted: whether the task does not list it, and it is to be purged.
    """

    def __init__(self, desired: Desired, registry: Registry, option_path: str = "", is_unlisted: bool = False) -> None:
        super().__init__(option_path)
        self.desired = desired
        self.is_unlisted = is_unlisted
        self._registry = registry

    @property
    def names(self) -> Json:
        return {"name": self.desired.name or None}

    def plan(self, observed: Observation) -> Plan:
        try:
            return planner.plan(self.desired, observed, self._registry)
        except OptionError as exc:
            path = self.option_path
            raise (exc.within(path, CONNECTION_OPTIONS) if path else exc) from exc

    def predict_result(self, plan: Plan, observed: Observation) -> Json:
        return planner.predict_result(self.desired, plan, observed)


ConnectionItem = Item[ActionConnection, Observation]


class ActionConnections(ResourceSet[ActionConnection, Observation]):
    """What a task says of action connections: of one, or of a set.

    :param desired: what it says of each, by its path.
    :param registry: the option.
    """

    def __init__(
        self,
        client: Client,
        desired: t.Mapping[str, Desired],
        registry: str | None,
        workers: int = 1,
        purge: bool = False,
    ) -> None:
        self._client = client
        self._registry = open_registry(registry, client)
        self._finder = ConnectionFinder(client)
        self._observer = Observer(client, self._finder, self._registry)
        self._purge = purge
        self._listed: set[str] = set()
        deletes = purge or any(each.configuration is None for each in desired.values())
        if deletes and not self._registry.exists():
            text = f"The {self._registry.title} does not exist, so nothing is known of the connections to delete."
            client.notes.append(text)
        super().__init__(
            (ActionConnection(each, self._registry, path) for path, each in desired.items()),
            workers,
        )

    @classmethod
    def one(cls, client: Client, module: DatadogModule) -> ActionConnections:
        """:raises OptionError: for bad input; so does of_set()."""
        params = module.params
        return cls(client, {"": desired_of(params, module.given)}, params["registry"])

    @classmethod
    def of_set(cls, client: Client, module: DatadogModule) -> ActionConnections:
        """What the options of a module for sets say."""
        params = module.params
        desired = desired_set(params, module.given)
        return cls(client, desired, params["registry"], params["concurrency"], params["purge"])

    def observe(self, items: t.Sequence[ConnectionItem]) -> None:
        desired = [item.resource.desired for item in items]
        if any(each.access is not None for each in desired):
            # pylint: disable-next=import-outside-toplevel
            from .access import (
                Access,
            )

            self._observer.access = Access(self._client, desired, self.workers)
        if len(items) > 1:
            self._load([each.name for each in desired if each.name])
        self.each(items, self._observe)

    def _load(self, names: t.Sequence[str]) -> None:
        """Read ahead what would be read for each connection by itself."""
        self._registry.load(names)
        known = [entry for entry in map(self._registry.find, names) if entry and entry.connection_id]
        if len(known) > 2:
            # The list takes a request for each hundred connections.
            self._finder.load_list(f"find {len(known)} action connections", len(known) // 2)

    def _observe(self, item: ConnectionItem) -> None:
        desired, path = item.resource.desired, item.resource.option_path
        if item.resource.is_unlisted:
            item.observed = self._observer.observe_unlisted(desired.name, self._listed)
            return
        try:
            item.observed = self._observer.observe(desired)
        except OptionError as exc:
            raise (exc.within(path, CONNECTION_OPTIONS) if path else exc) from exc

    def check(self, items: t.Sequence[ConnectionItem]) -> None:
        known: dict[str, ConnectionItem] = {}
        for item in items:
            connection = item.seen.connection
            if not connection:
                continue
            other = known.setdefault(connection.connection_id, item)
            if other is not item:
                item.error = TaskError(
                    f"{other.resource.option_path} and {item.resource.option_path} are the same action connection,"
                    f" {connection.connection_id} ({connection.name!r}). Leave one of them out."
                )

    def unlisted(self, items: t.Sequence[ConnectionItem]) -> list[ActionConnection]:
        if not self._purge:
            return []
        names, ids = {""}, {""}
        for item in items:
            observed, desired = item.seen, item.resource.desired
            names |= {desired.name, observed.known_as}
            ids.add(desired.connection_id)
            ids |= {each.connection_id for each in (observed.connection, observed.replaced) if each}
        self._listed = ids - {""}
        return [
            ActionConnection(Desired(name, ""), self._registry, is_unlisted=True)
            for name, entry in self._registry.all().items()
            if name not in names and (not entry.connection_id or entry.connection_id not in ids)
        ]

    def apply(self, items: t.Sequence[ConnectionItem]) -> None:
        # Imported here: most tasks find everything as it should be, and an import takes its time.
        # pylint: disable-next=import-outside-toplevel
        from .writer import (
            Writer,
        )

        self._finder.forget_list()
        Writer(self._client, self._finder, self._registry).apply_all(items, self.each)
