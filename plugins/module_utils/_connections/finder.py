# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where action connections are found: by their ids, and in the list, where Datadog offers it."""

from __future__ import annotations

import contextlib
import threading
import uuid

from ansible_collections.tidyops.datadog.plugins.module_utils._client import (
    Client,
    Json,
    TooManyPages,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import (
    DatadogError,
    TaskError,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import Entry

from .model import (
    PATH,
    Connection,
)


class NotListed(TaskError):
    """Datadog does not offer the list of connections to this organization."""


class ConnectionFinder:
    """The connections of an organization, as far as Datadog lets them be found. May be used by several threads.

    What was read of the list holds until forget_list() is called.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reading = threading.Lock()
        self._listed: list[Connection] | None = None
        self._refusal: DatadogError | None = None
        # Whether a read by id was answered as the Actions API answers.
        self._is_actions_api = False

    def get(self, connection_id: str, doing: str, entry: Entry | None = None) -> Connection | None:
        """Find a connection by its id. :returns: None where there is none.

        A row of the list is believed where it is as the registry knows the connection. One that was created or changed a
        moment ago may not be readable yet, so that it is asked for again before it is believed not to exist.

        :param entry: what the registry knows of it.
        """
        for row in self._listed or []:
            is_whole = row.name and all(row.types) and row.last_updated
            is_known = entry and row.connection_id == connection_id
            if entry and is_known and is_whole and not row.moved_since(entry.last_updated):
                return row
        found = self.read(connection_id, doing)
        return found or (self.await_(connection_id, doing) if entry and entry.is_recent() else None)

    def read(self, connection_id: str, doing: str) -> Connection | None:
        """The same, as it is now."""
        found = self._client.find(f"{PATH}/{connection_id}", doing)
        self._is_actions_api = True
        return Connection.of(found) if found else None

    def await_(self, connection_id: str, doing: str) -> Connection | None:
        """The same, asked for again for as long as it cannot be read."""
        found: list[Connection | None] = [None]

        def is_there() -> bool:
            found[0] = self.read(connection_id, doing)
            return found[0] is not None

        self._client.wait_until(is_there)
        return found[0]

    def named(self, name: str, doing: str) -> list[Connection]:
        """Every connection of exactly that name. :raises NotListed: where Datadog does not offer the list."""
        found = [self._whole(row, doing) for row in self._list(doing) if row.name in (name, "")]
        return [row for row in found if row.name == name]

    def filtered(self, doing: str, filters: Json) -> list[Connection]:
        """All connections that pass Datadog's own filters. :raises NotListed: likewise."""
        found = [Connection.of(row) for row in self._pages(doing, filters, None)]
        return [self._whole(row, doing) for row in found]

    def load_list(self, doing: str, most_pages: int) -> None:
        """Read the list, if that takes fewer requests than reading connections one by one. Otherwise nothing is known."""
        # Whatever is wrong, reading connections by their ids tells it better.
        with contextlib.suppress(DatadogError, TaskError, TooManyPages):
            self._list(doing, most_pages)

    def forget_list(self) -> None:
        """Rely on nothing that was read of the list before."""
        self._listed = None

    def _whole(self, row: Connection, doing: str) -> Connection:
        """A connection that is listed, read by its id if its row does not tell all."""
        if row.name and all(row.types):
            return row
        connection = self.read(row.connection_id, doing)
        if connection is None or not connection.name:
            what = "does not say its name" if connection else "answers that it does not exist"
            problem = f"Datadog lists {row.connection_id}, and {what}"
            raise TaskError(f"Could not {doing}: {problem}. Run the task again.")
        return connection

    def _list(self, doing: str, most_pages: int | None = None) -> list[Connection]:
        """The list, which is read whole, because what C(filter[search]) matches is not documented.

        Threads that want it at the same time wait for one of them to read it.
        """
        with self._reading:
            if self._listed is None:
                self._listed = [Connection.of(row) for row in self._pages(doing, {}, most_pages)]
            return self._listed

    def _pages(self, doing: str, filters: Json, most_pages: int | None) -> list[Json]:
        if self._refusal is None:
            try:
                return self._client.pages(PATH, doing, filters, lambda meta: meta.get("total_filtered"), most_pages)
            except DatadogError as exc:
                # Datadog does not document how it refuses the list. 401 and 403 speak of the keys.
                status = exc.status or 0
                is_refusal = 400 <= status < 500 and status not in (401, 403, 408, 429)
                if not is_refusal or not (exc.errors or status == 405):
                    raise
                self._refusal = exc
        if most_pages is None and not self._is_actions_api:
            # A gateway, or another address, refuses the list as well. Nobody has this id; what counts is that it is
            # Datadog that says so.
            self.read(str(uuid.uuid4()), doing)
        raise NotListed(
            f"Could not {doing}: Datadog does not list the connections of this organization ({self._refusal.reason}). Give"
            " connection_id, or a registry, which remembers the ids of names."
        ) from self._refusal
