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

from ansible_collections.tidyops.datadog.plugins.module_utils._errors import TaskError

from .base import (
    VERSION,
    Entry,
    Registry,
)

#: Tells a registry from other JSON files.
FORMAT = "tidyops.datadog connection registry"
#: Seconds between two tries to lock, and that another run may take to read and replace the file.
LOCK_PAUSE, LONGEST_REPLACEMENT = 0.02, 60

Entries = dict[str, Entry]
T = t.TypeVar("T")


class FileRegistry(Registry):
    """A registry in a JSON file. May be used by several threads.

    It is replaced as a whole, so that a reader finds the former state or the next one, and needs no lock. Whoever changes
    it locks a file beside it for as long as it takes to read and replace the registry: never during a request.
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
        def change(entries: Entries) -> set[str]:
            free = {name for name in claims if name not in entries}
            entries.update((name, claims[name]) for name in free)
            return free

        return self._change(change)

    def save(self, name: str, entry: Entry, expected: Entry | None, former_name: str = "") -> None:
        def change(entries: Entries) -> None:
            if entries.get(name) != expected:
                raise self.changed(name)
            entries[name] = entry
            if former_name != name:
                entries.pop(former_name, None)

        self._change(change)

    def forget(self, name: str, expected: Entry) -> None:
        def change(entries: Entries) -> None:
            if entries.get(name) == expected:
                del entries[name]

        self._change(change)

    def add(self, entries: t.Mapping[str, Entry]) -> None:
        def change(known: Entries) -> None:
            for name, entry in entries.items():
                if known.setdefault(name, entry) != entry:
                    raise self.changed(name)

        self._change(change)

    def _change(self, change: t.Callable[[Entries], T]) -> T:
        """Change the file. :param change: changes the entries; where it raises, nothing is written."""
        with self._mutex, self._locked():
            target = self._target()
            before = self._read(target)
            entries = dict(before)
            result = change(entries)
            if entries != before:
                self.check_ids(entries)
                self._write(target, entries)
            self._known = entries
            return result

    def _target(self) -> str:
        """Where the file is or is to be, symbolic links followed: those of the user, of root, or of the folder's owner."""
        path = self._path
        for _link in range(20):
            # Only the folder: ".." after a link to a folder is not the folder before it.
            folder, name = os.path.split(path)
            path = os.path.join(os.path.realpath(folder or os.curdir), name)
            try:
                status = os.lstat(path)
                if stat.S_ISREG(status.st_mode):
                    return path
                if not stat.S_ISLNK(status.st_mode):
                    break
                if status.st_uid not in (os.geteuid(), 0):
                    raise self.error("is reached by a symbolic link of another user, which is not followed")
                path = os.path.join(os.path.dirname(path), os.readlink(path))
            except FileNotFoundError:
                return path
            except UnicodeEncodeError as exc:
                raise self._unusable("cannot be written in the encoding of file names; set a UTF-8 locale") from exc
            except OSError as exc:
                raise self._unusable("cannot be read", exc) from exc
        raise self.error("is not a regular file")

    def _read(self, target: str) -> Entries:
        try:
            descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            with os.fdopen(descriptor, "rb") as file:
                text = file.read().decode("utf-8-sig")
        except FileNotFoundError:
            folder = os.path.dirname(target)
            if not os.path.isdir(folder):
                raise self.error(f"cannot be created: there is no folder {folder}") from None
            return {}
        except OSError as exc:
            raise self._unusable("cannot be read", exc) from exc
        except ValueError as exc:
            raise self.error("is broken: it is not UTF-8") from exc
        if not text.strip():
            raise self.error("is broken: it is empty. If it is to be a new one, delete the file")
        twice: list[str] = []
        try:
            content = json.loads(text, object_pairs_hook=lambda pairs: _object(pairs, twice))
        except json.JSONDecodeError as exc:
            # Its position only: whatever file this is, nothing of it is told.
            conflict = " (it has conflicts of a merge)" if "\n<<<<<<< " in f"\n{text}" else ""
            raise self.error(f"is broken: line {exc.lineno} is not JSON{conflict}") from exc
        except (RecursionError, ValueError) as exc:
            raise self.error("is broken: it is not the JSON of a registry") from exc
        return self._checked(content, twice)

    def _checked(self, content: t.Any, twice: list[str]) -> Entries:
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise self.error(f"is something else: a registry has {FORMAT!r} as its format")
        if twice:
            raise self.error(f"is broken: it has {twice[0]!r} twice")
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
        folder, name = os.path.split(target)
        draft = os.path.join(folder, f".{name}.new")
        try:
            owner = os.stat(target) if os.path.exists(target) else None
            # A file that is read-only could be replaced all the same; but somebody has made it read-only.
            if owner and not (owner.st_mode & 0o222 and os.access(target, os.W_OK)):
                raise OSError(errno.EACCES, "the file is read-only")
            with contextlib.suppress(FileNotFoundError):
                # What a run left that was killed. The lock says that nobody is at it.
                os.unlink(draft)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            try:
                with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
                    # Whatever the umask is.
                    os.fchmod(file.fileno(), 0o600)
                    _keep_owner(file.fileno(), owner)
                    # Half a surrogate pair becomes \udXXX, which is how JSON writes it too.
                    file.write(text.encode("utf-8", "backslashreplace"))
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(draft, target)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(draft)
                raise
            _sync_folder(folder)
        except OSError as exc:
            raise self._unusable("cannot be written", exc) from exc

    @contextlib.contextmanager
    def _locked(self) -> t.Iterator[None]:
        target = self._target()
        folder, name = os.path.split(target)
        path = os.path.join(folder, f".{name}.lock")
        try:
            flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_CREAT
            descriptor = os.open(path, flags, 0o600)
        except OSError as exc:
            raise self._unusable(f"cannot be written, since {path} cannot be locked", exc) from exc
        deadline = time.monotonic() + LONGEST_REPLACEMENT
        try:
            if os.fstat(descriptor).st_uid == os.geteuid():
                os.fchmod(descriptor, 0o600)
                _keep_owner(descriptor, os.stat(target) if os.path.exists(target) else None)
            while True:
                try:
                    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError as exc:
                    if exc.errno not in (errno.EACCES, errno.EAGAIN):
                        raise self._unusable("cannot be locked", exc) from exc
                    if time.monotonic() > deadline:
                        problem = f"has been locked for {LONGEST_REPLACEMENT} s by another run. See what that run does"
                        raise self.error(f"{problem}, and try again") from exc
                time.sleep(LOCK_PAUSE)
            yield
        finally:
            # Ends the lock, too.
            os.close(descriptor)

    def _unusable(self, problem: str, cause: OSError | None = None) -> TaskError:
        reason = f" ({cause.strerror or cause})" if cause else ""
        return self.error(f"{problem}{reason}")


def _keep_owner(descriptor: int, owner: os.stat_result | None) -> None:
    """What root writes is still its owner's."""
    if owner and os.geteuid() == 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _object(pairs: list[tuple[str, t.Any]], twice: list[str]) -> dict[str, t.Any]:
    """An object of JSON. Of several equal keys Python lets the last one win, so they are noted."""
    content: dict[str, t.Any] = {}
    for name, value in pairs:
        if name in content:
            twice.append(name)
        content[name] = value
    return content


def _sync_folder(folder: str) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        # It can be written to, but not read.
        return
    try:
        os.fsync(descriptor)
    except OSError as exc:
        # Not every file system can.
        if exc.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
