# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry in a JSON file."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import stat
import threading
import time
import typing as t

from .base import VERSION, Entry, Registry

FORMAT = "tidyops.datadog connection registry"
#: Seconds between two tries to lock, and that another run may take to read and replace the file.
LOCK_PAUSE, LONGEST_REPLACEMENT = 0.02, 60
NO_LINKS = os.O_CLOEXEC | os.O_NOFOLLOW

Entries = dict[str, Entry]


class FileRegistry(Registry):
    """A registry in a JSON file. May be used by several threads.

    It is replaced as a whole, so that readers need no lock. Writers lock a file beside it while they read and replace it, never
    during a request.
    """

    is_kept = True

    def __init__(self, path: str, site: str) -> None:
        self.title = f"registry {path}"
        self._path = path
        self._site = site
        self._known: Entries | None = None
        # Locks of files do not hold between the threads of a process.
        self._mutex = threading.Lock()

    def exists(self) -> bool:
        return os.path.exists(self._target())

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

    def add(self, entries: t.Mapping[str, Entry]) -> None:
        with self._changing() as known:
            for name, entry in entries.items():
                if known.setdefault(name, entry) != entry:
                    raise self.changed(name)

    @contextlib.contextmanager
    def _changing(self) -> t.Iterator[Entries]:
        """The entries, to be changed. Where that raises, nothing is written."""
        with self._mutex, self._locked():
            target = self._target()
            before = self._read(target)
            entries = dict(before)
            yield entries
            if entries != before:
                self.check_ids(entries)
                self._write(target, entries)
            self._known = entries

    @contextlib.contextmanager
    def _usable(self, problem: str) -> t.Iterator[None]:
        try:
            yield
        except UnicodeEncodeError as exc:
            raise self.error("has a path that this locale cannot encode; set a UTF-8 locale") from exc
        except OSError as exc:
            raise self.error(f"{problem} ({exc.strerror or exc})") from exc

    def _target(self) -> str:
        """Where the file is or will be. Symbolic links of other users, but not of root, are refused."""
        path = self._path
        with self._usable("cannot be read"):
            for _link in range(20):
                # Only the folder: ".." after a link to a folder is not the folder before it.
                folder, name = os.path.split(path)
                path = os.path.join(os.path.realpath(folder or os.curdir), name)
                try:
                    status = os.lstat(path)
                except FileNotFoundError:
                    return path
                if stat.S_ISREG(status.st_mode):
                    return path
                if not stat.S_ISLNK(status.st_mode):
                    break
                if status.st_uid not in (os.geteuid(), 0):
                    raise self.error("is a symbolic link of another user, which is not followed")
                path = os.path.join(os.path.dirname(path), os.readlink(path))
        raise self.error("is not a regular file")

    def _read(self, target: str) -> Entries:
        with self._usable("cannot be read"):
            try:
                with os.fdopen(os.open(target, os.O_RDONLY | NO_LINKS), "rb") as file:
                    text = file.read()
            except FileNotFoundError:
                folder = os.path.dirname(target)
                if not os.path.isdir(folder):
                    raise self.error(f"cannot be created: there is no folder {folder}") from None
                return {}
        if not text.strip():
            raise self.error("is broken: it is empty. If it is to be a new one, delete the file")
        repeated: list[str] = []

        def no_repetition(pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
            # Of several equal keys Python lets the last one win.
            keys = [key for key, _value in pairs]
            repeated.extend(key for index, key in enumerate(keys) if key in keys[:index])
            return dict(pairs)

        try:
            content = json.loads(text, object_pairs_hook=no_repetition)
        except json.JSONDecodeError as exc:
            # Only its position: this may be any file.
            conflict = " (it has conflicts of a merge)" if b"\n<<<<<<< " in b"\n" + text else ""
            raise self.error(f"is broken: line {exc.lineno} is not JSON{conflict}") from exc
        except (RecursionError, ValueError) as exc:
            raise self.error("is broken: it is not JSON in UTF-8") from exc
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise self.error(f"is not a registry: its format must be {FORMAT!r}")
        if repeated:
            raise self.error(f"is broken: the key {repeated[0]!r} occurs twice")
        return self._entries_of(content)

    def _entries_of(self, content: dict[str, t.Any]) -> Entries:
        self.check(content.get("version"), content.get("site"), self._site)
        written = content.get("connections")
        if not isinstance(written, dict):
            raise self.error("is broken: connections must be an object")
        self.organization = self.organization or str(content.get("organization") or "")
        entries: Entries = {}
        for name, value in written.items():
            try:
                entries[name] = Entry.of(value)
            except ValueError as exc:
                raise self.error(f"is broken: its entry {name!r} {exc}") from exc
        self.check_ids(entries)
        return entries

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
                raise OSError(errno.EACCES, "the file is read-only")
            with contextlib.suppress(FileNotFoundError):
                # What a run left that was killed. The lock says that nobody is writing it.
                os.unlink(draft)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINKS, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    _protect(descriptor, target)
                    # Half a surrogate pair becomes \udXXX, which is how JSON writes it, too.
                    file.write(text.encode("utf-8", "backslashreplace"))
                    file.flush()
                    os.fsync(descriptor)
                os.replace(draft, target)
            except OSError:
                os.unlink(draft)
                raise
            _sync_folder(os.path.dirname(target))

    @contextlib.contextmanager
    def _locked(self) -> t.Iterator[None]:
        target = self._target()
        path = _beside(target, "lock")
        deadline = time.monotonic() + LONGEST_REPLACEMENT
        with self._usable(f"cannot be written, since {path} cannot be locked"):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINKS, 0o600)
            # Closing it ends the lock, too.
            with os.fdopen(descriptor):
                if os.fstat(descriptor).st_uid == os.geteuid():
                    _protect(descriptor, target)
                while True:
                    try:
                        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        break
                    except (BlockingIOError, PermissionError) as exc:
                        if time.monotonic() > deadline:
                            problem = f"has been locked by another run for {LONGEST_REPLACEMENT} s"
                            raise self.error(f"{problem}. Check what that run does, and try again") from exc
                    time.sleep(LOCK_PAUSE)
                yield


def _beside(target: str, suffix: str) -> str:
    folder, name = os.path.split(target)
    return os.path.join(folder, f".{name}.{suffix}")


def _protect(descriptor: int, target: str) -> None:
    """Let only the owner read a file, whatever the umask is. What root writes remains the property of the former owner."""
    os.fchmod(descriptor, 0o600)
    if os.geteuid() == 0 and os.path.exists(target):
        owner = os.stat(target)
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _sync_folder(folder: str) -> None:
    # Not every file system can, and a folder may be writable but not readable.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
