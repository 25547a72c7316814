# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry in a JSON file."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
import typing as t

from .base import VERSION, Entry, Registry

FORMAT = "tidyops.datadog connection registry"
#: Seconds between two tries to lock, and that another run may take to read and replace the file.
LOCK_PAUSE, LONGEST_REPLACEMENT = 0.02, 60

Entries = dict[str, Entry]


class FileRegistry(Registry):
    """It is replaced as a whole, so that readers need no lock. Writers lock a file beside it, never during a request."""

    is_kept = True

    def __init__(self, path: str, site: str) -> None:
        self.title = f"registry {path}"
        self._path = path
        self._site = site
        self._known: Entries | None = None
        # Locks of files do not hold between the threads of a process.
        self._mutex = threading.Lock()

    def exists(self) -> bool:
        return os.path.exists(self._path)

    def find(self, name: str, is_fresh: bool = False) -> Entry | None:
        if is_fresh:
            self._known = None
        return self.all().get(name)

    def all(self) -> Entries:
        known = self._known
        if known is None:
            self._known = known = self._read(self._target())
        return known

    def claim(self, claims: t.Mapping[str, Entry]) -> set[str]:
        with self._changing() as entries:
            free = set(claims) - set(entries)
            entries.update((name, claims[name]) for name in free)
        return free

    def save(self, name: str, entry: Entry, expected: Entry | None, former_name: str = "") -> None:
        with self._changing() as entries:
            if entries.get(name) != expected:
                raise self.changed(name)
            entries[name] = entry
            if former_name != name:
                entries.pop(former_name, None)

    def forget(self, name: str, expected: Entry) -> None:
        with self._changing() as entries:
            if entries.get(name) == expected:
                del entries[name]

    @contextlib.contextmanager
    def _changing(self) -> t.Iterator[Entries]:
        """The entries, to be changed. Where that raises, nothing is written."""
        target = self._target()
        path = _beside(target, "lock")
        problem = f"cannot be written, since {path} cannot be locked"
        # Closing it ends the lock, too.
        with self._mutex, self._usable(problem), open(path, "ab", opener=_private) as lock:
            self._wait_for(lock)
            before = self._read(target)
            entries = dict(before)
            yield entries
            if entries != before:
                self.check_ids(entries)
                self._write(target, entries)
            self._known = entries

    def _wait_for(self, lock: t.IO[bytes]) -> None:
        deadline = time.monotonic() + LONGEST_REPLACEMENT
        while True:
            try:
                return fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError) as exc:
                if time.monotonic() > deadline:
                    problem = f"has been locked by another run for {LONGEST_REPLACEMENT} s"
                    raise self.error(f"{problem}. Check what that run does, and try again") from exc
            time.sleep(LOCK_PAUSE)

    @contextlib.contextmanager
    def _usable(self, problem: str) -> t.Iterator[None]:
        try:
            yield
        except (OSError, UnicodeEncodeError) as exc:
            raise self.error(f"{problem} ({getattr(exc, 'strerror', None) or exc})") from exc

    def _target(self) -> str:
        """Where the file is or will be; a symbolic link stays one."""
        with self._usable("cannot be read"):
            target = os.path.realpath(self._path)
            if os.path.lexists(target) and not os.path.isfile(target):
                raise self.error("is not a regular file")
        return target

    def _read(self, target: str) -> Entries:
        with self._usable("cannot be read"):
            try:
                with open(target, "rb") as file:
                    text = file.read()
            except FileNotFoundError:
                folder = os.path.dirname(target)
                if not os.path.isdir(folder):
                    raise self.error(f"cannot be created: there is no folder {folder}") from None
                return {}
        if not text.strip():
            raise self.error("is broken: it is empty. If it is to be a new one, delete the file")
        try:
            content = json.loads(text, object_pairs_hook=self._object)
        except json.JSONDecodeError as exc:
            # Only its position: this may be any file.
            conflict = " (it has conflicts of a merge)" if b"\n<<<<<<< " in b"\n" + text else ""
            raise self.error(f"is broken: line {exc.lineno} is not JSON{conflict}") from exc
        except (RecursionError, ValueError) as exc:
            raise self.error("is broken: it is not JSON in UTF-8") from exc
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise self.error(f"is not a registry: its format must be {FORMAT!r}")
        self.check(content, self._site, "is broken: it must have a version, which is a number, and a site")
        connections = content.get("connections")
        if not isinstance(connections, dict):
            raise self.error("is broken: connections must be an object")
        self.organization = self.organization or str(content.get("organization") or "")
        entries: Entries = {}
        for name, value in connections.items():
            try:
                entries[name] = Entry.of(value)
            except ValueError as exc:
                raise self.error(f"is broken: its entry {name!r} {exc}") from exc
        self.check_ids(entries)
        return entries

    def _object(self, pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
        """An object of the file. Of several equal keys Python would let the last one win."""
        found: dict[str, t.Any] = {}
        for key, value in pairs:
            if key in found:
                raise self.error(f"is broken: the key {key!r} occurs twice")
            found[key] = value
        return found

    def _write(self, target: str, entries: Entries) -> None:
        """Replace the file: a reader, or a crash, finds the former one or the new one, never a part."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "site": self._site,
            **({"organization": self.organization} if self.organization else {}),
            "connections": {name: entries[name].written() for name in sorted(entries)},
        }
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        draft = _beside(target, "new")
        with self._usable("cannot be written"):
            # A file that is read-only could be replaced, but somebody has made it read-only.
            if os.path.exists(target) and not (os.stat(target).st_mode & 0o222 and os.access(target, os.W_OK)):
                raise self.error("cannot be written (the file is read-only)")
            with contextlib.suppress(FileNotFoundError):
                # What a run left that was killed. The lock says that nobody is writing it.
                os.unlink(draft)
            with open(draft, "xb", opener=_private) as file:
                # Half a surrogate pair becomes \udXXX, which is how JSON writes it, too.
                file.write(text.encode("utf-8", "backslashreplace"))
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, target)
            with contextlib.suppress(OSError):
                # Not every file system can do this.
                folder = os.open(os.path.dirname(target), os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)


def _beside(target: str, suffix: str) -> str:
    folder, name = os.path.split(target)
    return os.path.join(folder, f".{name}.{suffix}")


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner may read, whatever the umask is."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor
