# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is to have access to action connections. Imported only where a task says so."""

from __future__ import annotations

import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Client
from ansible_collections.tidyops.datadog.plugins.module_utils._principals import Principals
from ansible_collections.tidyops.datadog.plugins.module_utils._restriction_policy import (
    Policy,
    WantedPolicy,
    read_policy,
)

from .model import Desired


class Access:
    """The principals that a task names, looked up together, and the policies of connections."""

    def __init__(self, client: Client, connections: t.Iterable[Desired], workers: int) -> None:
        self._client = client
        self._principals = Principals(client)
        named = [p for each in connections for ps in (each.access or {}).values() for p in ps]
        self._principals.load(named, workers)

    def wanted(self, desired: Desired) -> WantedPolicy | None:
        """Who is to have access; None if the task does not say. :raises OptionError: for unknown principals."""
        if desired.access is None:
            return None
        paths = {relation: f"access.{relation}" for relation in desired.access}
        return WantedPolicy.of(desired.access, paths, self._principals)

    def policy(self, connection_id: str) -> Policy:
        """Who has access."""
        return read_policy(self._client, f"connection:{connection_id}")
