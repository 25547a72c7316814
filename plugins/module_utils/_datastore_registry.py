# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""A registry in one of Datadog's Actions datastores, which is a table: a row for each connection.

The API changes one row at a time and compares nothing. The only thing that one of two runs cannot do is to insert a row
that is there (C(fail_on_conflict)), so that is what locks are made of; see C(_Locks).
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import secrets
import threading
import time
import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._client import (
    PAGE_SIZE,
    TRY_AGAIN,
    Client,
    DatadogError,
    as_object,
    is_more,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._fingerprints import is_fingerprint
from ansible_collections.tidyops.datadog.plugins.module_utils._registry import (
    DATASTORE,
    Content,
    Entry,
    Occupied,
    Registry,
    RegistryError,
    allows,
    effects,
)

PATH = "/api/v2/actions-datastores"
#: The primary column, which holds the keys of rows.
KEY = "id"
#: The version of what is in rows.
VERSION = 1
#: What keys begin with that are no names of connections.
OWN = "tidyops.datadog/"
SETS = f"{OWN}sets"
#: Datadog's limit.
LONGEST_KEY = 256
#: What it takes to write to a datastore.
WRITE_ACCESS = "apps_datastore_write, and access to it as contributor or manager"
#: Seconds between two signs of life of who holds a lock.
BEAT = 5
#: Seconds without one after which its run is taken to have ended.
LEASE = 30
#: Seconds between two looks at a lock: the first and the longest pause.
PAUSES = 0.1, 2
#: How often all rows are read at the most, where they change meanwhile.
PASSES = 10
#: How often a row that is refused, but not there, is taken to be a lock that was released just then.
RELEASES = 8

#: A row's columns, KEY among them.
Value = dict[str, t.Any]


def key_of(name: str) -> str:
    """:returns: the key of a connection's row: its name, if that can be one."""
    if len(name) > LONGEST_KEY or name.startswith(OWN):
        return f"{OWN}name/{_digest(name)}"
    return name


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _items(**attributes: t.Any) -> dict[str, t.Any]:
    """The body of a request that writes rows."""
    return {"data": {"type": "items", "attributes": attributes}}


class _Table:
    """The rows of a datastore, and what its API says of them, in the words of a registry."""

    def __init__(self, client: Client, datastore_id: str, title: str) -> None:
        self._client = client
        self._path = f"{PATH}/{datastore_id}/items"
        self._reading = f"read the {title}"
        self._writing = f"write the {title}"

    def get(self, key: str) -> Value | None:
        """:returns: a row, or None if there is none."""
        rows, _meta = self._page({"item_key": key})
        return next((row for row in rows if row.get(KEY) == key), None)

    def some(self) -> list[Value]:
        """:returns: a row, if there is any."""
        return self._page({"page[limit]": 1})[0]

    def all(self, most_pages: int | None = None) -> list[Value] | None:
        """All rows.

        They come in the order of their making, in which rows of one batch may be equal. Each page begins with the last row of
        the one before: if it does not, rows have gone or changed their places, and others may have been left out. Then all are
        read again, until that is not so, or as many rows have come as there are.

        :param most_pages: how many pages are worth reading; None for all of them.
        :returns: None if there are more.
        """
        seen: dict[t.Any, Value] = {}
        for attempt in range(PASSES):
            rows: dict[t.Any, Value] = {}
            is_whole, offset, last, total = True, 0, None, None
            while True:
                query = {"sort": "created_at", "page[limit]": PAGE_SIZE, "page[offset]": offset}
                page, meta = self._page(query)
                total = meta.get("totalCount")
                if is_more(total, most_pages):
                    return None
                keys = [row.get(KEY) for row in page]
                is_whole = is_whole and last in (None, *keys[:1])
                rows.update(zip(keys, page))
                if len(page) < PAGE_SIZE or meta.get("hasMore") is False:
                    break
                offset += len(page) - 1
                last = keys[-1]
            seen.update(rows)
            if is_whole:
                return list(rows.values())
            if attempt and isinstance(total, int) and len(seen) >= total:
                return list(seen.values())
        reason = "its rows keep changing while they are read"
        raise self._error(DatadogError(self._reading, reason, remedy=TRY_AGAIN))

    def _page(self, query: dict[str, t.Any]) -> tuple[list[Value], dict[str, t.Any]]:
        try:
            rows, meta = self._client.page(self._path, self._reading, query)
        except DatadogError as exc:
            raise self._error(exc, "apps_datastore_read") from exc
        values = [as_object(as_object(row.get("attributes")).get("value")) for row in rows]
        # Whether a column that only other rows have is left out or null is not known; nor is what somebody leaves who empties it.
        present = [
            {key: cell for key, cell in value.items() if cell is not None} for value in values
        ]
        return present, as_object(meta.get("page"))

    def insert(self, *values: Value) -> bool:
        """Insert rows, all or none of which are there.

        :returns: False where one with the same key was there; what tells rows of two runs apart is in them.
        """
        body = _items(conflict_mode="fail_on_conflict", values=list(values))
        # A lock may have been released since. Nobody releases a batch.
        releases = RELEASES if len(values) == 1 else 0
        attempt = 0
        while True:
            try:
                self._client.post_all(f"{self._path}/bulk", self._writing, body)
                return True
            except DatadogError as exc:
                if not exc.ambiguous and exc.status in (None, 401, 403, 404, 429):
                    raise self._insert_error(exc) from exc
                # It is not known which status a conflict has. Whatever it was: look.
                found = [self.get(value[KEY]) for value in values]
                if all(row and row.items() >= value.items() for row, value in zip(found, values)):
                    return True
                if any(found):
                    return False
                attempt += 1
                if attempt > (self._client.retries if exc.ambiguous else releases):
                    raise self._insert_error(exc) from exc
                if exc.ambiguous:
                    self._client.pause(exc)
                else:
                    time.sleep(PAUSES[0])

    def change(self, key: str, columns: Value) -> bool:
        """Set columns of a row. :returns: False where there is no such row."""
        others = {column: value for column, value in columns.items() if column != KEY}
        body = _items(item_key=key, item_changes={"ops_set": others})
        try:
            self._client.patch(self._path, self._writing, body)
        except DatadogError as exc:
            if exc.status == 404:
                return False
            raise self._error(exc, WRITE_ACCESS) from exc
        return True

    def remove(self, key: str) -> None:
        """Delete a row, if it is there."""
        try:
            self._client.remove(self._path, self._writing, _items(item_key=key))
        except DatadogError as exc:
            # Of a datastore that is not there nothing is said. Whether a row is answered so is not known, so look.
            if exc.status != 404 and (exc.status != 200 or self.get(key)):
                raise self._error(exc, WRITE_ACCESS) from exc

    def _insert_error(self, exc: DatadogError) -> RegistryError:
        remedy = ""
        if exc.status == 400:
            remedy = (
                f"It may be full; or its primary column is not {KEY!r}, and it was not made for a registry. Ways out: delete rows"
                " that nobody needs; or make another datastore, as the guide to registries tells"
            )
        return self._error(exc, WRITE_ACCESS, remedy)

    @staticmethod
    def _error(exc: DatadogError, needs: str = "", remedy: str = "") -> RegistryError:
        """:param needs: the permissions that are needed, to be told where they are lacking."""
        if exc.status == 403:
            remedy = f"Check that the keys have {needs}"
        elif exc.status == 404:
            remedy = (
                "Datadog knows no such datastore in this organisation. Ways out: correct the UUID; or make a datastore, as the"
                " guide to registries tells"
            )
        return RegistryError(f"{exc} {remedy or exc.remedy}".strip().rstrip("."))


class _Lock:
    """A lock that this run holds. Shows signs of life until it is released.

    :param beats: where to show them. They do not wait for anything that keeps other requests waiting.
    """

    def __init__(
        self, table: _Table, beats: _Table, keys: list[str], holder: str, since: float
    ) -> None:
        self._table = table
        self._beats = beats
        self._keys = keys
        self._holder = holder
        self._confirmed = since
        self._released = threading.Event()
        threading.Thread(target=self._live, daemon=True).start()

    def _live(self) -> None:
        while not self._released.wait(BEAT):
            # If Datadog cannot be reached, that is for others to tell.
            with contextlib.suppress(RegistryError):
                if not self._confirm(self._beats):
                    return

    def _confirm(self, table: _Table) -> bool:
        """Give a sign of life, and see that no other run has taken the lock over."""
        since = time.monotonic()
        is_mine = table.change(self._keys[-1], {"beat": secrets.token_hex(4)}) and self._is_last(
            table
        )
        # Lost is lost: what was confirmed before does not count any more.
        self._confirmed = since if is_mine else -math.inf
        return is_mine

    def _is_last(self, table: _Table) -> bool:
        row = table.get(self._keys[-1])
        is_there = row is not None and row.get("holder") == self._holder
        return is_there and table.get(_after(self._holder)) is None

    def is_held(self) -> bool:
        """Whether no other run can have taken it over; looks, if there may have been time for that."""
        return time.monotonic() - self._confirmed < LEASE / 2 or self._confirm(self._table)

    def release(self) -> None:
        """Let others have it. Where that fails, they will notice that there are no signs of life any more."""
        self._released.set()
        with contextlib.suppress(RegistryError):
            # Who has taken it over releases all of it.
            if self.is_held():
                # The first one first: as long as it is there, the others mean something.
                for key in self._keys:
                    self._table.remove(key)


def _after(holder: str) -> str:
    """The key of the row that takes a lock over from its holder."""
    return f"{OWN}after/{holder}"


class _Locks:
    """Locks that rows are.

    A lock is held by who has inserted its row. Rows do not end with the process that made them, so who holds a lock changes
    its row all the time, and who finds it unchanged for C(LEASE) seconds by its own clock takes it over: by inserting a row
    whose key is made of the former holder, so that only one can. The last of this chain holds the lock. Released is the first
    row first, with which the others lose their meaning. So two runs never hold a lock unless one of them was taken for dead,
    and came back to life: a machine that sleeps, a network that was away. That is why C(_Lock.is_held) looks again.
    """

    def __init__(self, table: _Table, beats: _Table, patience: float, columns: Value) -> None:
        self._table = table
        self._beats = beats
        self._patience = patience
        self._columns = columns
        # Which locks a thread holds by now; another thread is like another run.
        self._mine = threading.local()

    @contextlib.contextmanager
    def held(self, subject: str, give_up: t.Callable[[float], Exception]) -> t.Iterator[_Lock]:
        """Hold a lock, if the thread does not hold it already.

        :param subject: what is locked.
        :param give_up: makes of the seconds of patience what to raise when they are over.
        """
        mine: dict[str, _Lock] = self._mine.__dict__.setdefault("locks", {})
        if subject in mine:
            yield mine[subject]
            return
        lock = mine[subject] = self._take(_first(subject), give_up)
        try:
            yield lock
        finally:
            del mine[subject]
            lock.release()

    def wait(self, subject: str, give_up: t.Callable[[float], Exception]) -> None:
        """Wait until nobody holds it."""
        self._watch(_first(subject), give_up)

    def _take(self, first: str, give_up: t.Callable[[float], Exception]) -> _Lock:
        key = first
        while True:
            # Never the same one again: what was sent before may still take effect.
            holder = secrets.token_hex(8)
            since = time.monotonic()
            if self._table.insert({KEY: key, **self._columns, "holder": holder, "beat": ""}):
                chain = [key] if key == first else self._chain(first)
                if chain and chain[-1] == key:
                    return _Lock(self._table, self._beats, chain, holder, since)
                # Whoever had taken it over has released it.
                self._table.remove(key)
            key = self._watch(first, give_up)

    def _chain(self, first: str) -> list[str]:
        return [row[KEY] for row in self._rows(first)]

    def _rows(self, first: str) -> list[Value]:
        """The rows of a lock, from the first one to that of its holder."""
        rows = []
        row = self._table.get(first)
        # Whoever edits them can make a circle of them.
        while row and row not in rows:
            rows.append(row)
            row = self._table.get(_after(str(row.get("holder"))))
        return rows

    def _watch(self, first: str, give_up: t.Callable[[float], Exception]) -> str:
        """Wait until a lock can be taken. :returns: the key of the row that takes it."""
        started = since = time.monotonic()
        seen: list[Value] = []
        pause, longest = PAUSES
        while True:
            asked = time.monotonic()
            rows = self._rows(first)
            now = time.monotonic()
            if not rows:
                return first
            # Where this run was kept waiting, so may the holder have been.
            if rows != seen or now - asked > BEAT:
                seen, since = rows, now
            elif now - since > LEASE:
                return _after(str(rows[-1].get("holder")))
            if now - started > self._patience:
                raise give_up(self._patience)
            time.sleep(pause)
            pause = min(pause * 1.5, longest)


def _first(subject: str) -> str:
    return f"{OWN}lock/{_digest(subject)}"


class _Row(t.NamedTuple):
    """The row of a connection.

    :ivar moved_to: the name under which the connection is being recorded instead; empty if it is not. A run that was killed
        leaves it.
    """

    name: str
    entry: Entry
    moved_to: str

    def is_superseded(self, rows: t.Mapping[str, _Row]) -> bool:
        """Whether it has moved, and the connection is known by another name, which may be a later one than it has moved to."""
        return bool(self.moved_to) and any(
            self.entry.connection_id in (other.entry.connection_id, other.entry.replaces)
            for other in rows.values()
            if other is not self and (other.name == self.moved_to or not other.moved_to)
        )


class DatastoreRegistry(Registry):
    """A registry in an Actions datastore. May be used by several threads."""

    def __init__(self, datastore_id: str, client: Client, site: str, patience: float) -> None:
        self.title = f"registry {DATASTORE}{datastore_id}"
        self._site = site
        self._columns: Value = {"version": VERSION, "site": site}
        self._table = _Table(client, datastore_id, self.title)
        beats = _Table(client.apart(timeout=BEAT), datastore_id, self.title)
        self._locks = _Locks(self._table, beats, patience, self._columns)
        self._reading = threading.RLock()
        # What was read of single names, and of all; the names that have to be read again; and those of rows that do not count.
        self._known: dict[str, Entry | None] = {}
        self._content: Content | None = None
        self._outdated: set[str] = set()
        self._superseded: set[str] = set()
        self._is_ours = False

    def content(self) -> Content:
        with self._reading:
            if self._content is None or self._outdated:
                self._take_in(self._table.all() or [])
            content = self._content or Content({}, {})
            # Another thread may record something while this one goes through it.
            return Content(dict(content.entries), dict(content.sets))

    def read_ahead(self, names: t.Collection[str]) -> None:
        with self._reading:
            if self._content is None and len(names) > 1:
                rows = self._table.all(most_pages=len(names))
                if rows is not None:
                    self._take_in(rows)

    def entry(self, name: str) -> Entry | None:
        with self._reading:
            if self._content is not None and name not in self._outdated:
                return self._content.entries.get(name)
            if name not in self._known:
                self._known[name] = self._valid(self._row(name))
            return self._known[name]

    def renew(self) -> None:
        with self._reading:
            self._known = {}
            self._content = None
            self._outdated = set()

    def set_fingerprint(self, key: str) -> str | None:
        with self._reading:
            sets = self._content.sets if self._content else self._sets(self._table.get(SETS))
        return sets.get(key)

    def put_set_fingerprint(self, key: str, fingerprint_of_set: str) -> None:
        self._put_sets({key: fingerprint_of_set})

    def _put_sets(self, sets: t.Mapping[str, str]) -> None:
        # Two runs may do this at the same time. What is lost by that is time.
        row = self._table.get(SETS)
        content = Content({}, self._sets(row))
        for key, fingerprint_of_set in sets.items():
            content.put_set(key, fingerprint_of_set)
        # Pairs, since Datadog does not keep the order of keys.
        pairs = {"sets": [list(pair) for pair in content.sets.items()]}
        if row is None or not self._table.change(SETS, pairs):
            self._table.insert({KEY: SETS, **self._columns, **pairs})

    def put(self, name: str, entry: Entry, claimed: Entry) -> bool:
        return self._change(name, entry, {name: claimed}, new_id=entry.connection_id)

    def change(
        self, name: str, entry: Entry | None, expected: t.Mapping[str, Entry | None]
    ) -> bool:
        return self._change(name, entry, expected)

    def add(self, content: Content) -> None:
        # Rows that a killed renaming left are in the way of a batch.
        left = self._superseded & set(content.entries)
        for name in sorted(left):
            if not self.change(name, content.entries[name], {name: None}):
                raise self.changed_meanwhile()
        values = [
            self._value(name, entry)
            for name, entry in sorted(content.entries.items())
            if name not in left
        ]
        for start in range(0, len(values), PAGE_SIZE):
            if not self._table.insert(*values[start : start + PAGE_SIZE]):
                raise self.changed_meanwhile()
        if content.sets:
            self._put_sets(content.sets)
        self.renew()

    @contextlib.contextmanager
    def writing(self, name: str) -> t.Iterator[None]:
        with self._locked(name, f"write action connection {name!r}"):
            yield

    def wait(self, name: str) -> None:
        doing = f"write action connection {name!r}"
        self._locks.wait(name, lambda patience: Occupied(self.occupied(patience, doing)))
        self._forget([name])

    def _locked(self, subject: str, doing: str) -> t.ContextManager[_Lock]:
        return self._locks.held(subject, lambda patience: Occupied(self.occupied(patience, doing)))

    def _change(
        self,
        name: str,
        entry: Entry | None,
        expected: t.Mapping[str, Entry | None],
        new_id: str = "",
    ) -> bool:
        """As change(). :param new_id: an id that nothing can be known of."""
        moving = _moving(entry, expected[name]) - {new_id}
        # In one order, so that two runs do not wait for each other. An id is locked like a name, lest two names take it at once;
        # but after it, since who writes a connection has locked its names already.
        names = {each for each in expected if each}
        subjects = [*sorted(names), *sorted(moving - names)]
        doing = f"record action connection {name!r}"
        with contextlib.ExitStack() as stack:
            locks = [stack.enter_context(self._locked(subject, doing)) for subject in subjects]
            rows = self._rows_of(expected, everything=bool(moving))
            entries = self._entries(rows)
            # What was created just now has to be recorded, if nothing else was.
            is_done = allows(entries, name, entry, expected) and (
                bool(new_id) or all(lock.is_held() for lock in locks)
            )
            if is_done:
                changes: dict[str, Entry | None] = {name: entry}
                if entry:
                    changes.update(effects(entries, name, self.checked(name, entry)))
                if name in rows and name not in entries:
                    # What moves back to it would count as little as this does.
                    self._table.remove(key_of(name))
                is_done = self._write(rows, name, changes)
            if is_done and not all(lock.is_held() for lock in locks):
                is_done = self._look_again(name, entry, is_new=bool(new_id))
            if is_done:
                self._remember(changes)
            else:
                self._forget(expected)
        return is_done

    def _look_again(self, name: str, entry: Entry | None, is_new: bool) -> bool:
        """What has come of a change by a run that was taken for dead, and was not. :returns: as change() does."""
        if self._valid(self._row(name)) != entry:
            return False
        if entry is None or is_new:
            return True
        # Another run may have sent other secrets before this was written: nobody can tell any more which ones came last.
        self._table.change(key_of(name), {"secrets": {}})
        return False

    def _rows_of(self, names: t.Iterable[str], everything: bool) -> dict[str, _Row]:
        """Rows as they are now: those of some names, or of all connections, which tell what has become of one that has moved."""
        if not everything:
            found = {name: row for name in names if name for row in [self._row(name)] if row}
            if not any(row.moved_to for row in found.values()):
                return found
        return self._parsed(self._table.all() or [])

    def _write(
        self, rows: t.Mapping[str, _Row], name: str, changes: dict[str, Entry | None]
    ) -> bool:
        """Write what changes, in an order in which a run that is killed leaves nothing that is wrong.

        :param rows: those that are there.
        :param changes: entries by names; None for what is forgotten.
        :returns: False where somebody has made the row in spite of the lock.
        """
        entry = changes[name]
        others = {other: known for other, known in changes.items() if other != name}
        for other, known in others.items():
            moved_to = "" if known else name
            self._table.change(
                key_of(other), self._value(other, known or rows[other].entry, moved_to)
            )
        if entry is None:
            self._table.remove(key_of(name))
        else:
            value = self._value(name, entry)
            is_there = name in rows and self._table.change(key_of(name), value)
            if not is_there and not self._table.insert(value):
                return False
        for other, known in others.items():
            if known is None:
                self._table.remove(key_of(other))
        return True

    def _remember(self, changes: t.Mapping[str, Entry | None]) -> None:
        """Know what was written, until it is renewed."""
        with self._reading:
            self._known.update(changes)
            self._outdated -= set(changes)
            for name, entry in changes.items():
                if self._content and entry:
                    self._content.entries[name] = entry
                elif self._content:
                    self._content.entries.pop(name, None)

    def _forget(self, names: t.Iterable[str]) -> None:
        """Look again when somebody wants to know."""
        with self._reading:
            for name in names:
                self._known.pop(name, None)
                self._outdated.add(name)

    def _row(self, name: str) -> _Row | None:
        """A row as it is now."""
        value = self._table.get(key_of(name))
        if value is not None:
            return self._parsed_row(value)
        if not self._is_ours:
            # Before anything is written to it, whose is it?
            for other in self._table.some():
                self._check_ours(other)
            self._is_ours = True
        return None

    def _valid(self, row: _Row | None) -> Entry | None:
        """What a row says, if it is not superseded."""
        if row and row.moved_to:
            return self._entries(self._rows_of((), everything=True)).get(row.name)
        return row.entry if row else None

    def _take_in(self, values: list[Value]) -> None:
        sets = next((value for value in values if value.get(KEY) == SETS), None)
        rows = self._parsed(values)
        self._content = Content(self._entries(rows), self._sets(sets))
        self._superseded = set(rows) - set(self._content.entries)
        self._known = {}
        self._outdated = set()

    @staticmethod
    def _entries(rows: t.Mapping[str, _Row]) -> dict[str, Entry]:
        return {
            name: row.entry for name, row in sorted(rows.items()) if not row.is_superseded(rows)
        }

    def _parsed(self, values: list[Value]) -> dict[str, _Row]:
        rows = [self._parsed_row(value) for value in values if not self._is_own(value)]
        return {row.name: row for row in rows}

    def _is_own(self, value: Value) -> bool:
        """Whether a row is not that of a connection."""
        self._check_ours(value)
        key = str(value.get(KEY))
        return key.startswith(OWN) and not key.startswith(f"{OWN}name/")

    def _parsed_row(self, value: Value) -> _Row:
        self._check_ours(value)
        content = dict(value)
        key = content.pop(KEY, None)
        name = content.pop("name", key)
        moved_to = content.pop("moved_to", "")
        for column in self._columns:
            del content[column]
        known = content.get("secrets", {})
        if isinstance(known, dict):
            content["secrets"] = {path: text or None for path, text in known.items()}
        content.update(
            id=content.pop("connection_id", "") or None,
            last_updated=content.get("last_updated") or None,
        )
        try:
            if not isinstance(name, str) or not isinstance(moved_to, str) or key != key_of(name):
                raise ValueError("has another name than its key says")
            return _Row(name, Entry.of(content), moved_to)
        except ValueError as exc:
            raise RegistryError(f"The {self.title} is broken: its row {key!r} {exc}") from exc

    def _check_ours(self, value: Value) -> None:
        """:raises RegistryError: where a row belongs to something else than this registry."""
        version, site = value.get("version"), value.get("site")
        if not isinstance(version, int) or version < 1 or not isinstance(site, str):
            raise RegistryError(
                f"The {self.title} is something else: its row {value.get(KEY)!r} is not that of a registry. Way out: make a"
                " datastore for the registry alone, as the guide to registries tells"
            )
        if version > VERSION:
            raise RegistryError(
                f"The {self.title} has version {version} of its format, and this release of tidyops.datadog knows {VERSION}."
                " Update the collection"
            )
        if site != self._site:
            raise self.foreign(site, self._site)

    def _value(self, name: str, entry: Entry, moved_to: str = "") -> Value:
        """The row of an entry. Every column is always there, since what is left out of a change stays as it was."""
        key = key_of(name)
        return {
            KEY: key,
            **({} if key == name else {"name": name}),
            **self._columns,
            "connection_id": entry.connection_id,
            "integration": entry.integration,
            "last_updated": entry.last_updated or "",
            "creating": entry.creating,
            "replaces": entry.replaces,
            "secrets": {path: text or "" for path, text in sorted(entry.secrets.items())},
            "moved_to": moved_to,
        }

    @staticmethod
    def _sets(row: Value | None) -> dict[str, str]:
        pairs = row.get("sets") if row else None
        try:
            return {str(key): text for key, text in pairs or [] if is_fingerprint(text)}
        except (TypeError, ValueError):
            # Somebody has edited it. What is lost by that is time.
            return {}


def _moving(entry: Entry | None, stored: Entry | None) -> set[str]:
    """The ids that an entry settles and the stored one does not: other names may have them until now."""
    return _settled(entry) - _settled(stored) - {""}


def _settled(entry: Entry | None) -> set[str]:
    if entry is None:
        return set()
    return {entry.connection_id} if entry.creating else {entry.connection_id, entry.replaces}
