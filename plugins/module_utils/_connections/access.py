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
    """The policies that a task wants for connections, and those that exist."""

    def __init__(self, client: Client, connections: t.Iterable[Desired], workers: int) -> None:
        self._client = client
        named = [each for desired in connections for ps in (desired.access or {}).values() for each in ps]
        self._principals = Principals(client, named, workers)

    def wanted(self, desired: Desired) -> WantedPolicy | None:
        """:raises OptionError: for principals that do not exist."""
        if desired.access is None:
            return None
        bindings = [(f"access.{relation}", relation, names) for relation, names in desired.access.items()]
        return self._principals.wanted(bindings)

    def policy(self, connection_id: str) -> Policy:
        return read_policy(self._client, f"connection:{connection_id}")
