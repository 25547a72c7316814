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
    objects,
    objects_and_meta,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import DatadogError, TaskError

from .base import DATASTORE, ROWS_AT_ONCE, VERSION, Entry, Registry

#: The primary column, which holds the keys of rows, and Datadog's limit for them.
KEY, LONGEST_KEY = "id", 256
#: What keys begin with that are not names of connections.
OWN = "tidyops.datadog/"
#: Seconds in which a claim of this run is not compared again.
TRUSTED = 5
#: How often all rows are read at most, where they change at the same time.
PASSES = 5
NO_DATASTORE = (
    "There is no such datastore in this organization. Correct the UUID, or create a datastore for the registry."
)
UNFIT = (
    "Run the task again, since another run may have removed what was in the way."
    f" Otherwise, it may be full, or its primary column is not {KEY!r} and it was not created for a registry. Delete rows that nobody"
    " needs, or create another datastore, as the guide to registries says."
)


def key_of(name: str) -> str:
    """The key of a connection's row: its name, if that can be one."""
    if len(name) <= LONGEST_KEY and not name.startswith(OWN):
        return name
    return f"{OWN}name/{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _claim_key(entry: Entry) -> str:
    """The key of the row of a replacement's claim. What is left of one is never in the way of another."""
    return f"{OWN}claim/{entry.connection_id}"


def _items(**attributes: t.Any) -> Json:
    """The body of a request that writes rows."""
    return {"data": {"type": "items", "attributes": attributes}}


class DatastoreRegistry(Registry):
    """A row for each name, and one for each claim of a replacement."""

    is_kept = is_in_datadog = True

    def __init__(self, datastore_id: str, client: Client, site: str) -> None:
        self.title = f"registry {DATASTORE}{datastore_id}"
        self._client = client
        self._path = f"/api/v2/actions-datastores/{datastore_id}/items"
        self._ours: Json = {"version": VERSION, "site": site}
        self._known: dict[str, Entry | None] = {}
        self._is_complete = False
        # The claims that this run has made, and when.
        self._own: dict[str, float] = {}
        self._reading = threading.RLock()

    def load(self, names: t.Collection[str]) -> None:
        if len(names) > 1:
            self._read_all(most_pages=len(names))

    def find(self, name: str, is_fresh: bool = False) -> Entry | None:
        with self._reading:
            if is_fresh or (name not in self._known and not self._is_complete):
                row = self._row(key_of(name))
                self._known[name] = self._parsed(row)[1] if row else None
            return self._known.get(name)

    def all(self) -> dict[str, Entry]:
        with self._reading:
            self._read_all()
            return {name: entry for name, entry in sorted(self._known.items()) if entry}

    def claim(self, claims: t.Mapping[str, Entry]) -> set[str]:
        claimed = self._insert({name: self._row_of(name, entry) for name, entry in claims.items()})
        self._known.update((name, claims[name]) for name in claimed)
        return claimed

    def save(self, name: str, entry: Entry, expected: Entry | None, former_name: str = "") -> None:
        if entry.claim and entry.connection_id:
            # The row exists, so that another one is what only one run can insert.
            if not self._insert({name: {KEY: _claim_key(entry), **self._ours, "claim": entry.claim}}):
                if self.find(name, is_fresh=True) == expected:
                    # The run that has the claim may have been killed before it changed the entry's row. The next run settles it.
                    self._change(key_of(name), {"claim": entry.claim})
                raise self.changed(name)
        elif not self._is_as(expected, name):
            raise self.changed(name)
        row = self._row_of(name, entry)
        if not (self._change(row.pop(KEY), row) if expected else self._insert({name: row})):
            raise self.changed(name)
        if expected and not entry.claim:
            self._remove_claim(expected)
        if former_name not in ("", name):
            self._remove(key_of(former_name))
            self._known[former_name] = None
        self._known[name] = entry

    def forget(self, name: str, expected: Entry) -> None:
        if self._is_as(expected, name):
            self._remove(key_of(name))
            self._remove_claim(expected)
            self._known[name] = None

    def _is_as(self, expected: Entry | None, name: str) -> bool:
        """Whether an entry is as expected. What this run claimed lately nobody has given up: others wait for it first."""
        made = self._own.get(expected.claim) if expected else None
        is_own = made is not None and time.monotonic() - made < min(self._client.timeout, TRUSTED)
        return is_own or self.find(name, is_fresh=True) == expected

    def _insert(self, rows: t.Mapping[str, Json]) -> set[str]:
        """Insert rows that do not exist yet, in one request if none of them does.

        :returns: the names whose row is in the datastore now. Where one fails, none is left.
        """
        body = _items(conflict_mode="fail_on_conflict", values=list(rows.values()))
        for row in rows.values():
            if row["claim"]:
                # Before the request, and not again for a part of the rows: it may have been made by then.
                self._own.setdefault(row["claim"], time.monotonic())
        try:
            # A repetition does no harm: it fails, and the rows are those that were to be inserted.
            self._request("POST", "/bulk", read=objects, may_repeat=True, json=body)
        except TaskError as error:
            exc = error.__cause__
            if not isinstance(exc, DatadogError) or exc.is_transient or exc.status in (None, 401, 403, 404):
                raise
            if len(rows) > 1:
                return self._insert_each(rows)
            # It is not known which status a conflict has. The rows of two runs differ, so look.
            [(name, row)] = rows.items()
            found = self._row(row[KEY])
            if found is None:
                remedy = UNFIT if exc.status == 400 else exc.remedy
                text = f"Could not {exc.doing} for {name!r}: {exc.reason}. {remedy}".rstrip()
                raise TaskError(text, affects_all=True) from exc
            # Empty cells may be left out.
            return {name} if all(found.get(column) == cell for column, cell in row.items() if cell) else set()
        return set(rows)

    def _insert_each(self, rows: t.Mapping[str, Json]) -> set[str]:
        inserted: set[str] = set()
        try:
            for name, row in rows.items():
                inserted |= self._insert({name: row})
        except TaskError:
            for name in inserted:
                self._remove(rows[name][KEY])
            raise
        return inserted

    def _change(self, key: str, columns: Json) -> bool:
        """Set columns of a row. :returns: False where there is no such row."""
        body = _items(item_key=key, item_changes={"ops_set": columns})
        return self._request("PATCH", may_be_gone=True, json=body) is not None

    def _remove(self, key: str) -> None:
        """Delete a row, if it exists."""
        self._request("DELETE", read=as_object, may_be_gone=True, json=_items(item_key=key))

    def _remove_claim(self, entry: Entry) -> None:
        if entry.claim and entry.connection_id:
            self._remove(_claim_key(entry))

    def _row(self, key: str) -> Json | None:
        return next((row for row in self._page({"item_key": key})[0] if row.get(KEY) == key), None)

    def _read_all(self, most_pages: int | None = None) -> None:
        """Read all rows, unless that was done or they have more pages than are worth reading.

        They come in the order in which they were created, but for those that a request inserted together: these have none.
        So each page repeats as many of the one before. Where the number of rows changes, or fewer come, all are read again.
        """
        with self._reading:
            if self._is_complete:
                return
            for _pass in range(PASSES):
                rows: dict[str, Json] = {}
                counts: set[int] = set()
                offset, is_last = 0, False
                while not is_last:
                    query = {"sort": "created_at", "page[limit]": PAGE_SIZE, "page[offset]": offset}
                    page, meta = self._page(query)
                    total = meta.get("totalCount")
                    counts.add(total if isinstance(total, int) else 0)
                    if most_pages and max(counts) > most_pages * PAGE_SIZE:
                        return
                    known = len(rows)
                    rows.update((str(row.get(KEY)), row) for row in page)
                    is_last = len(page) < PAGE_SIZE or meta.get("hasMore") is False or len(rows) == known
                    offset += PAGE_SIZE - ROWS_AT_ONCE
                if len(counts) == 1 and len(rows) >= max(counts):
                    entries = {name: entry for name, entry in map(self._parsed, rows.values()) if entry}
                    self.check_ids(entries)
                    self._known, self._is_complete = {**entries}, True
                    return
        raise TaskError(f"Could not read the {self.title}: its rows keep changing. {TRY_AGAIN}", affects_all=True)

    def _page(self, query: Json) -> tuple[list[Json], Json]:
        """Rows, without null in cells of columns that only others have, and what the answer says of the page."""
        rows, meta = self._request("GET", read=objects_and_meta, params=query)
        values = [as_object(as_object(row.get("attributes")).get("value")) for row in rows]
        present = [{column: cell for column, cell in value.items() if cell is not None} for value in values]
        return present, as_object(meta.get("page"))

    def _parsed(self, row: Json) -> tuple[str, Entry | None]:
        """The name and the entry of a row. Claims of replacements have none, nor have other rows that version 1 left."""
        key = row.get(KEY)
        problem = f"is not a registry: its row {key!r} is something else. Create a datastore for the registry alone"
        self.check(row, self._ours["site"], f"{problem}, as the guide to registries says")
        name = row.get("name") or key
        if str(key).startswith(OWN) and not str(key).startswith(f"{OWN}name/"):
            return str(key), None
        try:
            if not isinstance(name, str) or key != key_of(name):
                raise ValueError("has another name than its key")
            if row.get("moved_to"):
                raise ValueError(
                    f"was renamed to {row['moved_to']!r} by an interrupted run of version 1. Delete the row if there is one of that"
                    " name, else empty its column moved_to"
                )
            columns = ("integration", "last_updated", "claim", "creating", "replaces", "secrets")
            return name, Entry.of({"id": row.get("connection_id"), **{column: row.get(column) for column in columns}})
        except ValueError as exc:
            raise self.error(f"is broken: its row {key!r} {exc}") from exc

    def _row_of(self, name: str, entry: Entry) -> Json:
        """The row of an entry. It has every column, since one that is left out of a change stays as it was."""
        key = key_of(name)
        return {
            KEY: key,
            **({} if key == name else {"name": name}),
            **self._ours,
            **vars(entry),
            "last_updated": entry.last_updated or "",
            "creating": "",
        }

    def _request(self, method: str, path: str = "", **details: t.Any) -> t.Any:
        doing = f"{'read' if method == 'GET' else 'write'} the {self.title}"
        try:
            return self._client.call(method, self._path + path, doing, **details)
        except DatadogError as exc:
            remedy = NO_DATASTORE if exc.is_gone else exc.remedy
            raise TaskError(f"Could not {exc.doing}: {exc.reason}. {remedy}".rstrip(), affects_all=True) from exc
