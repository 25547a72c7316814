# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""A registry in a file."""

from __future__ import annotations

import collections
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import stat
import threading
import time
import typing as t
from concurrent.futures import Future

from ansible_collections.tidyops.datadog.plugins.module_utils._fingerprints import is_fingerprint
from ansible_collections.tidyops.datadog.plugins.module_utils._registry import (
    Content,
    Entry,
    Occupied,
    Registry,
    RegistryError,
    allows,
    contradictions,
    effects,
)

#: Tells a registry from other JSON files.
FORMAT = "tidyops.datadog connection registry"
VERSION = 1
#: The same of one with fingerprints of sets.
VERSION_WITH_SETS = 2
#: Seconds between two tries to lock.
LOCK_PAUSE = 0.02
#: Seconds that another run may take to read and replace the file.
LONGEST_REPLACEMENT = 60


class _Change(t.NamedTuple):
    """A change that waits to be written, and what came of it."""

    apply: t.Callable[[Content], bool]
    recorded: Future[bool]


class _Known(t.NamedTuple):
    """What was read from a file or written to it.

    :ivar file: keeps it open: as long as it is, no other file has its number.
    """

    file: t.BinaryIO
    status: tuple[int, ...]
    content: Content


def _status(status: os.stat_result) -> tuple[int, ...]:
    """What differs between two files, and between two states of a file that somebody edits."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


class FileRegistry(Registry):
    """A registry in a JSON file. May be used by several threads.

    It is replaced as a whole, so that a reader finds the former state or the next one, and needs no lock. Those who write lock
    a file beside it: its first byte for as long as it takes to read and replace the registry, another byte, which depends
    on the name, for as long as a connection is being created or changed. Locks of bytes end with their process, work over
    NFS, and are all in one file.
    """

    def __init__(self, path: str, site: str, patience: float) -> None:
        self.title = f"registry {path}"
        self._path = path
        self._site = site
        self._patience = patience
        self._lock_file: int | None = None
        # Locks of bytes do not hold between the threads of a process.
        self._mutex = threading.Lock()
        self._waiting: collections.deque[_Change] = collections.deque()
        self._known: _Known | None = None

    def exists(self) -> bool:
        return os.path.exists(self._target())

    def content(self) -> Content:
        return self._read(self._target())

    def put_set_fingerprint(self, key: str, fingerprint_of_set: str) -> None:
        def put(content: Content) -> bool:
            content.put_set(key, fingerprint_of_set)
            return True

        self._record(put)

    def put(self, name: str, entry: Entry, claimed: Entry) -> bool:
        return self.change(name, entry, {name: claimed})

    def change(
        self, name: str, entry: Entry | None, expected: t.Mapping[str, Entry | None]
    ) -> bool:
        def change(content: Content) -> bool:
            entries = content.entries
            is_expected = allows(entries, name, entry, expected)
            if is_expected and entry:
                changes = {**effects(entries, name, entry), name: self.checked(name, entry)}
                for each, changed in changes.items():
                    if changed:
                        entries[each] = changed
                    else:
                        del entries[each]
            elif is_expected:
                entries.pop(name, None)
            return is_expected

        return self._record(change)

    def add(self, content: Content) -> None:
        def add(known: Content) -> bool:
            # Another run may have recorded some of them: then they are the same.
            entries = {**content.entries, **known.entries}
            is_free = content.entries.items() <= entries.items() and not any(
                contradictions(entries)
            )
            if is_free:
                known.entries.update(entries)
                for key, fingerprint_of_set in content.sets.items():
                    known.put_set(key, fingerprint_of_set)
            return is_free

        if not self._record(add):
            raise self.changed_meanwhile()

    @contextlib.contextmanager
    def writing(self, name: str) -> t.Iterator[None]:
        with self._name_locked(name, make=True):
            yield

    def wait(self, name: str) -> None:
        with self._name_locked(name, make=False):
            pass

    @contextlib.contextmanager
    def _name_locked(self, name: str, make: bool) -> t.Iterator[None]:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
        byte = 1 + int.from_bytes(digest[:6], "big")
        doing = f"write action connection {name!r}"
        with self._locked(byte, self._patience, doing, make, Occupied):
            yield

    def _record(self, change: t.Callable[[Content], bool]) -> bool:
        """Change the file. What several threads want to change at the same time is written at once.

        :param change: changes the content; where it raises, it has changed nothing.
        :returns: what it returned, when that is written.
        """
        mine = _Change(change, Future())
        self._waiting.append(mine)
        with self._mutex:
            # Else whoever had the lock before has found it here.
            if not mine.recorded.done():
                self._record_all([self._waiting.popleft() for _each in range(len(self._waiting))])
        return mine.recorded.result()

    def _record_all(self, changes: t.Sequence[_Change]) -> None:
        results: list[tuple[Future[bool], bool]] = []
        try:
            with self._locked(0, LONGEST_REPLACEMENT, "record a connection"):
                target = self._target()
                known = self._read(target)
                content = Content(dict(known.entries), dict(known.sets))
                for change, recorded in changes:
                    try:
                        results.append((recorded, change(content)))
                    except RegistryError as exc:
                        recorded.set_exception(exc)
                self._write(target, content)
        except BaseException as exc:  # pylint: disable=broad-exception-caught # others wait for it
            for _change, recorded in changes:
                if not recorded.done():
                    recorded.set_exception(exc)
            if not isinstance(exc, RegistryError):
                raise
        else:
            for recorded, result in results:
                recorded.set_result(result)

    def _target(self) -> str:
        """Where the file is or is to be, its own symbolic links followed."""
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
                if status.st_uid != os.geteuid():
                    raise self._error(
                        "is reached by a symbolic link of another user, which is not followed"
                    )
                path = os.path.join(os.path.dirname(path), os.readlink(path))
            except FileNotFoundError:
                return path
            except OSError as exc:
                raise self._error("cannot be read", exc) from exc
        raise self._error("is no file")

    def _read(self, target: str) -> Content:
        """What the file holds; not to be changed. While it is the same, it is not read again."""
        try:
            known = self._known
            if known and _status(os.lstat(target)) == known.status:
                return known.content
            descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            # Kept open; see _Known.
            file = os.fdopen(descriptor, "rb")  # pylint: disable=consider-using-with
            status = _status(os.fstat(descriptor))
            text = file.read().decode("utf-8-sig")
        except FileNotFoundError:
            folder = os.path.dirname(target)
            if not os.path.isdir(folder):
                raise self._error(f"cannot be made: there is no folder {folder}") from None
            return Content({}, {})
        except OSError as exc:
            raise self._error("cannot be read", exc) from exc
        except ValueError as exc:
            raise self._error("is broken: it is not UTF-8") from exc
        if not text.strip():
            raise self._error("is broken: it is empty. If it is to be a new one, delete the file")
        twice: list[str] = []
        try:
            content = json.loads(text, object_pairs_hook=lambda pairs: _object(pairs, twice))
        except json.JSONDecodeError as exc:
            # Its position only: whatever file this is, nothing of it is told.
            conflict = " (it has conflicts of a merge)" if "\n<<<<<<< " in text else ""
            raise self._error(f"is broken: line {exc.lineno} is not JSON{conflict}") from exc
        except (RecursionError, ValueError) as exc:
            raise self._error("is broken: it is not the JSON of a registry") from exc
        self._known = _Known(file, status, self._checked(content, twice))
        return self._known.content

    def _checked(self, content: t.Any, twice: list[str]) -> Content:
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise self._error(f"is something else: a registry says {FORMAT!r} as its format")
        if twice:
            raise self._error(f"is broken: it says {twice[0]!r} twice")
        version = content.get("version")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise self._error("is broken: its version is no number")
        if version > VERSION_WITH_SETS:
            raise self._error(
                f"has version {version} of its format, and this release of tidyops.datadog knows {VERSION_WITH_SETS}. Update the"
                " collection"
            )
        site, written = content.get("site"), content.get("connections")
        sets = content.get("sets", {})
        if set(content) - {"sets"} != {"format", "version", "site", "connections"}:
            raise self._error("is broken: it must have format, version, site and connections")
        if not isinstance(sets, dict) or not all(map(is_fingerprint, sets.values())):
            raise self._error("is broken: sets must hold fingerprints")
        if not isinstance(site, str) or not isinstance(written, dict):
            raise self._error("is broken: site must be a text, and connections an object")
        if site != self._site:
            raise self.foreign(site, self._site)
        entries: dict[str, Entry] = {}
        for name, value in written.items():
            try:
                entries[name] = Entry.of(value)
            except ValueError as exc:
                raise self._error(f"is broken: its entry {name!r} {exc}") from exc
        for contradiction in contradictions(entries):
            raise self._error(f"is broken: {contradiction}. Remove the one that is wrong")
        return Content(entries, sets)

    def _write(self, target: str, content: Content) -> None:
        """Replace the file: a reader, or a crash, finds the former one or the new one, never a part."""
        entries, sets = content
        written = {
            "format": FORMAT,
            "version": VERSION_WITH_SETS if sets else VERSION,
            "site": self._site,
            "connections": {name: entries[name].written() for name in sorted(entries)},
            **({"sets": sets} if sets else {}),
        }
        text = json.dumps(written, indent=2, ensure_ascii=False) + "\n"
        folder, name = os.path.split(target)
        draft = os.path.join(folder, f".{name}.new")
        try:
            owner = None
            if os.path.exists(target):
                self._check_writable(target)
                owner = os.stat(target)
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
                    kept = os.dup(file.fileno())
                os.replace(draft, target)
                self._known = _Known(os.fdopen(kept, "rb"), _status(os.fstat(kept)), content)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(draft)
                raise
            _sync_folder(folder)
        except OSError as exc:
            raise self._error("cannot be written", exc) from exc

    @staticmethod
    def _check_writable(target: str) -> None:
        """A file that is read-only could be replaced all the same; but somebody has made it read-only."""
        if not os.stat(target).st_mode & 0o222 or not os.access(target, os.W_OK):
            raise OSError(errno.EACCES, "the file is read-only")

    @contextlib.contextmanager
    def _locked(
        self,
        byte: int,
        patience: float,
        doing: str,
        make: bool = True,
        occupied: type[RegistryError] = RegistryError,
    ) -> t.Iterator[None]:
        """Hold a lock.

        :param make: whether to make the file of locks; if not, nobody has locked anything as long as it is not there.
        :param occupied: what to raise where another run does not let go of it.
        """
        descriptor = self._open_lock_file(make)
        if descriptor is None:
            yield
            return
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
                break
            except OSError as exc:
                if exc.errno not in (errno.EACCES, errno.EAGAIN):
                    raise self._error("cannot be locked", exc) from exc
                if time.monotonic() > deadline:
                    raise occupied(self.occupied(patience, doing)) from exc
            time.sleep(LOCK_PAUSE)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, byte)

    def _open_lock_file(self, make: bool) -> int | None:
        if self._lock_file is None:
            target = self._target()
            folder, name = os.path.split(target)
            path = os.path.join(folder, f".{name}.lock")
            flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if make else 0)
            try:
                # Never closed: closing any descriptor of the file would end all locks of the process.
                self._lock_file = os.open(path, flags, 0o600)
                if make and os.fstat(self._lock_file).st_uid == os.geteuid():
                    os.fchmod(self._lock_file, 0o600)
                    _keep_owner(
                        self._lock_file, os.stat(target) if os.path.exists(target) else None
                    )
            except OSError as exc:
                if not make:
                    return None
                raise self._error(f"cannot be written, since {path} cannot be locked", exc) from exc
        return self._lock_file

    def _error(self, problem: str, cause: OSError | None = None) -> RegistryError:
        reason = f" ({cause.strerror or cause})" if cause else ""
        return RegistryError(f"The {self.title} {problem}{reason}")


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
