# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry in one of Datadog's Actions datastores, which is a table: a row for each connection.

The API changes one row at a time and compares nothing. The only thing that one of two runs cannot do is to insert a row
that exists (C(fail_on_conflict)), so that is what a claim is.
"""

from __future__ import annotations

import hashlib
import threading
import time
import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._client import (
    PAGE_SIZE,
    TRY_AGAIN,
    Client,
    Json,
    as_object,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import DatadogError, TaskError

from .base import DATASTORE, ROWS_AT_ONCE, VERSION, Entry, Registry

#: The primary column, which holds the keys of rows, and Datadog's limit for them.
KEY, LONGEST_KEY = "id", 256
#: What keys begin with that are not names of connections.
OWN = "tidyops.datadog/"
#: How often all rows are read at most, where they change at the same time.
PASSES = 5


def key_of(name: str) -> str:
    """:returns: the key of a connection's row: its name, if that can be one."""
    if len(name) <= LONGEST_KEY and not name.startswith(OWN):
        return name
    return f"{OWN}name/{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _items(**attributes: t.Any) -> Json:
    """The body of a request that writes rows."""
    return {"data": {"type": "items", "attributes": attributes}}


class DatastoreRegistry(Registry):
    """A registry in an Actions datastore. May be used by several threads."""

    is_kept = is_in_datadog = True

    def __init__(self, datastore_id: str, client: Client, site: str) -> None:
        self.title = f"registry {DATASTORE}{datastore_id}"
        self._client = client
        self._path = f"/api/v2/actions-datastores/{datastore_id}/items"
        self._writing = f"write the {self.title}"
        self._site = site
        self._known: dict[str, Entry | None] = {}
        self._is_complete = False
        # The claims that this run has made, and when.
        self._own: dict[str, float] = {}
        self._reading = threading.RLock()

    def load(self, names: t.Collection[str]) -> None:
        with self._reading:
            if len(names) > 1 and not self._is_complete:
                self._read_all(most_pages=len(names))

    def find(self, name: str, is_fresh: bool = False) -> Entry | None:
        with self._reading:
            if is_fresh or (name not in self._known and not self._is_complete):
                row = self._row(key_of(name))
                self._known[name] = self._parsed(row)[1] if row else None
            return self._known.get(name)

    def all(self) -> dict[str, Entry]:
        with self._reading:
            if not self._is_complete:
                self._read_all()
            return {name: entry for name, entry in sorted(self._known.items()) if entry}

    def claim(self, claims: t.Mapping[str, Entry]) -> set[str]:
        begun = time.monotonic()
        claimed = self._insert({name: self._value(name, entry) for name, entry in claims.items()})
        self._known.update((name, claims[name]) for name in claimed)
        self._own.update((claims[name].claim, begun) for name in claimed)
        return claimed

    def save(self, name: str, entry: Entry, expected: Entry | None, former_name: str = "") -> None:
        if entry.claim and entry.connection_id:
            # The row exists, so that another one is what only one run can insert.
            begun = time.monotonic()
            if not self._insert({name: {KEY: _claim_key(entry), **self._columns(), "claim": entry.claim}}):
                if self.find(name, is_fresh=True) == expected:
                    # The other run may have been killed before it could record its claim in the entry's row.
                    self._patch(key_of(name), {"claim": entry.claim})
                raise self.changed(name)
            self._own[entry.claim] = begun
        elif not self._is_own_claim(expected) and self.find(name, is_fresh=True) != expected:
            raise self.changed(name)
        value = self._value(name, entry)
        if not (self._patch(key_of(name), value) if expected else self._insert({name: value})):
            raise self.changed(name)
        if expected and not entry.claim:
            self._remove_claim(expected)
        if former_name not in ("", name):
            self._remove(key_of(former_name))
            self._known[former_name] = None
        self._known[name] = entry

    def forget(self, name: str, expected: Entry) -> None:
        if not self._is_own_claim(expected) and self.find(name, is_fresh=True) != expected:
            return
        self._remove(key_of(name))
        self._remove_claim(expected)
        self._known[name] = None

    def add(self, entries: t.Mapping[str, Entry]) -> None:
        names = sorted(entries)
        for start in range(0, len(names), ROWS_AT_ONCE):
            batch = names[start : start + ROWS_AT_ONCE]
            added = self._insert({name: self._value(name, entries[name]) for name in batch})
            for name in set(batch) - added:
                raise self.changed(name)
        self._is_complete = False

    def _is_own_claim(self, entry: Entry | None) -> bool:
        """Whether this run made a claim so lately that nobody has given it up: others wait for it first."""
        made = self._own.get(entry.claim) if entry else None
        return made is not None and time.monotonic() - made < self._client.timeout

    def _insert(self, values: t.Mapping[str, Json]) -> set[str]:
        """Insert rows that do not exist yet, in one request if none of them does.

        :returns: the names whose row is in the datastore now.
        """
        body = _items(conflict_mode="fail_on_conflict", values=list(values.values()))
        try:
            # A repetition does no harm: it fails, and the rows are those that were to be inserted.
            self._client.post_all(f"{self._path}/bulk", self._writing, body, may_repeat=True)
            return set(values)
        except DatadogError as exc:
            if exc.is_transient or exc.status in (None, 401, 403, 404):
                raise self._failed(exc) from exc
            error = exc
        if len(values) > 1:
            return self._insert_each(values)
        # It is not known which status a conflict has. The rows of two runs differ, so look.
        [(name, value)] = values.items()
        row = self._row(value[KEY])
        if row is None:
            remedy = (
                f"It may be full, or its primary column is not {KEY!r} and it was not created for a registry. Delete rows that nobody"
                " needs, or create another datastore, as the guide to registries says."
            )
            raise self._failed(error, remedy if error.status == 400 else "") from error
        # Empty cells may be left out.
        return {name} if all(row.get(column) == cell for column, cell in value.items() if cell) else set()

    def _insert_each(self, values: t.Mapping[str, Json]) -> set[str]:
        """The same, one after the other, and none of them where one fails."""
        inserted: set[str] = set()
        try:
            for name, value in values.items():
                inserted |= self._insert({name: value})
        except TaskError:
            for name in inserted:
                self._remove(values[name][KEY])
            raise
        return inserted

    def _patch(self, key: str, value: Json) -> bool:
        """Set columns of a row. :returns: False where there is no such row."""
        columns = {column: cell for column, cell in value.items() if column != KEY}
        try:
            self._client.patch(self._path, self._writing, _items(item_key=key, item_changes={"ops_set": columns}))
        except DatadogError as exc:
            if exc.is_gone:
                return False
            raise self._failed(exc) from exc
        return True

    def _remove(self, key: str) -> None:
        """Delete a row, if it exists."""
        try:
            self._client.delete(self._path, self._writing, _items(item_key=key))
        except DatadogError as exc:
            raise self._failed(exc) from exc

    def _remove_claim(self, entry: Entry) -> None:
        if entry.claim and entry.connection_id:
            self._remove(_claim_key(entry))

    def _row(self, key: str) -> Json | None:
        return next((row for row in self._page({"item_key": key})[0] if row.get(KEY) == key), None)

    def _read_all(self, most_pages: int | None = None) -> None:
        """Read all rows, unless they have more pages than are worth reading.

        They come in the order in which they were created, but for those that a request inserted together: these have none.
        So each page repeats as many of the one before. If it lacks the last one, rows were deleted, and others may have been
        left out. Then all are read again.
        """
        for _pass in range(PASSES):
            rows: dict[t.Any, Json] = {}
            is_complete, offset, last = True, 0, None
            while True:
                page, meta = self._page({"sort": "created_at", "page[limit]": PAGE_SIZE, "page[offset]": offset})
                total = meta.get("totalCount")
                if most_pages and isinstance(total, int) and total > most_pages * PAGE_SIZE:
                    return
                keys = [row.get(KEY) for row in page]
                is_complete = is_complete and last in (None, *keys)
                rows.update(zip(keys, page))
                if len(page) < PAGE_SIZE or meta.get("hasMore") is False:
                    break
                offset += len(page) - ROWS_AT_ONCE
                last = keys[-1]
            if is_complete and not (isinstance(total, int) and len(rows) < total):
                entries = dict(self._parsed(row) for row in rows.values() if self._is_connection(row))
                self.check_ids(entries)
                self._known, self._is_complete = dict(entries), True
                return
        raise TaskError(f"Could not read the {self.title}: its rows keep changing. {TRY_AGAIN}", affects_all=True)

    def _page(self, query: Json) -> tuple[list[Json], Json]:
        try:
            rows, meta = self._client.page(self._path, f"read the {self.title}", query)
        except DatadogError as exc:
            raise self._failed(exc) from exc
        values = [as_object(as_object(row.get("attributes")).get("value")) for row in rows]
        # Whether a column that only other rows have is left out or null is not known.
        present = [{column: cell for column, cell in value.items() if cell is not None} for value in values]
        return present, as_object(meta.get("page"))

    def _is_connection(self, value: Json) -> bool:
        """Whether a row is that of a connection, not that of a claim. Version 1 left other rows, too."""
        self._check_ours(value)
        key = str(value.get(KEY))
        return not key.startswith(OWN) or key.startswith(f"{OWN}name/")

    def _parsed(self, value: Json) -> tuple[str, Entry]:
        self._check_ours(value)
        key = value.get(KEY)
        name = value.get("name") or key
        columns = ("integration", "last_updated", "claim", "creating", "replaces", "secrets")
        try:
            if not isinstance(name, str) or key != key_of(name):
                raise ValueError("has another name than its key")
            if value.get("moved_to"):
                raise ValueError(
                    f"was left by an interrupted run of version 1, which renamed it to {value['moved_to']!r}. Delete the row if"
                    " there is one of that name, else empty its column moved_to"
                )
            content = {column: value[column] for column in columns if column in value}
            return name, Entry.of({**content, "id": value.get("connection_id")})
        except ValueError as exc:
            raise self.error(f"is broken: its row {key!r} {exc}") from exc

    def _check_ours(self, value: Json) -> None:
        version, site = value.get("version"), value.get("site")
        if not isinstance(version, int) or not isinstance(site, str):
            raise self.error(
                f"is not a registry: its row {value.get(KEY)!r} is something else. Create a datastore for the registry alone, as the"
                " guide to registries says"
            )
        self.check(version, site, self._site)

    def _columns(self) -> Json:
        return {"version": VERSION, "site": self._site}

    def _value(self, name: str, entry: Entry) -> Json:
        """The row of an entry. It has every column, since one that is left out of a change stays as it was."""
        key = key_of(name)
        return {
            KEY: key,
            **({} if key == name else {"name": name}),
            **self._columns(),
            "connection_id": entry.connection_id,
            "integration": entry.integration,
            "last_updated": entry.last_updated or "",
            "claim": entry.claim,
            "creating": "",
            "replaces": entry.replaces,
            "secrets": dict(sorted(entry.secrets.items())),
        }

    @staticmethod
    def _failed(exc: DatadogError, remedy: str = "") -> TaskError:
        if exc.is_gone:
            remedy = "There is no such datastore in this organization. Correct the UUID, or create a datastore for the registry."
        text = f"Could not {exc.doing}: {exc.reason}. {remedy or exc.remedy}"
        return TaskError(text.strip(), affects_all=True)


def _claim_key(entry: Entry) -> str:
    """The key of the row of a replacement's claim. What is left of one is never in the way of another."""
    return f"{OWN}claim/{entry.connection_id}"
