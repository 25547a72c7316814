# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where action connections are found: by their ids, and in the list, where Datadog offers it."""

from __future__ import annotations

import threading
import uuid

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Client, Json
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import DatadogError, TaskError
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import Entry

from .model import PATH, Connection


class NotListed(TaskError):
    """Datadog does not offer the list of connections to this organization."""


class ConnectionFinder:
    """May be used by several threads. What was read of the list holds until forget_list() is called."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reading = threading.Lock()
        self._listed: list[Connection] | None = None
        self._refusal: DatadogError | None = None
        # Whether a read by id was answered as the Actions API answers.
        self._is_actions_api = False

    def get(self, connection_id: str, doing: str, entry: Entry | None = None) -> Connection | None:
        """:param entry: what the registry knows of it; a row of the list that matches it is enough."""
        for row in self._listed or []:
            is_complete = row.connection_id == connection_id and row.name and all(row.types) and row.last_updated
            if entry and is_complete and not row.moved_since(entry.last_updated):
                return row
        found = self.read(connection_id, doing)
        # What was created or changed a moment ago may not be readable yet.
        return found or (self.await_(connection_id, doing) if entry and entry.is_recent() else None)

    def is_row(self, connection: Connection) -> bool:
        """Whether it is a row of the list, and maybe not all of the connection."""
        return any(connection is row for row in self._listed or [])

    def read(self, connection_id: str, doing: str) -> Connection | None:
        found = self._client.find(f"{PATH}/{connection_id}", doing)
        self._is_actions_api = True
        return Connection.of(found) if found else None

    def await_(self, connection_id: str, doing: str) -> Connection | None:
        """Like read(), again and again as long as there is none."""
        return self._client.wait_for(lambda: self.read(connection_id, doing))

    def named(self, name: str, doing: str) -> list[Connection]:
        """Every connection of exactly that name. :raises NotListed:"""
        # The complete list, since what filter[search] matches is not documented.
        found = [self._complete(row, doing) for row in self.load_list(doing) if row.name in (name, "")]
        return [row for row in found if row.name == name]

    def filtered(self, doing: str, filters: Json) -> list[Connection]:
        """All connections that pass Datadog's own filters. :raises NotListed:"""
        return [self._complete(row, doing) for row in self._read_list(doing, filters)]

    def load_list(self, doing: str, most_pages: int | None = None) -> list[Connection]:
        """:raises TooManyPages: where it has more pages than are worth reading. :raises NotListed:"""
        # One thread reads it for all.
        with self._reading:
            if self._listed is None:
                self._listed = self._read_list(doing, {}, most_pages)
            return self._listed

    def forget_list(self) -> None:
        self._listed = None

    def _complete(self, row: Connection, doing: str) -> Connection:
        found = row if row.name and all(row.types) else self.read(row.connection_id, doing)
        if found and found.name:
            return found
        raise TaskError(f"Could not {doing}: Datadog lists {row.connection_id} without its name. Run the task again.")

    def _read_list(self, doing: str, filters: Json, most_pages: int | None = None) -> list[Connection]:
        if self._refusal is None:
            try:
                rows = self._client.pages(PATH, doing, filters, "total_filtered", most_pages)
                return [Connection.of(row) for row in rows]
            except DatadogError as exc:
                # Datadog does not document how it refuses the list. 401 and 403 are about the keys.
                is_refusal = 400 <= (exc.status or 0) < 500 and exc.status not in (401, 403, 408, 429)
                if not is_refusal or not (exc.errors or exc.status == 405):
                    raise
                self._refusal = exc
        if most_pages is None and not self._is_actions_api:
            # A gateway refuses the list as well. No connection has this id; what counts is that Datadog answers.
            self.read(str(uuid.uuid4()), doing)
        raise NotListed(
            f"Could not {doing}: Datadog does not offer the list of connections to this organization ({self._refusal.reason})."
            " Set connection_id, or a registry, which remembers the ids of names."
        ) from self._refusal
