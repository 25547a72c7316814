# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The registry: which connection is meant by a name, and what is needed to see that it changed.

A registry holds no secret. It is a file; C(Registry) is what another home has to offer.
"""

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
from dataclasses import dataclass, field, replace

from ansible_collections.tidyops.datadog.plugins.module_utils._client import UUID
from ansible_collections.tidyops.datadog.plugins.module_utils._fingerprints import (
    fingerprint,
    is_fingerprint,
    matches,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import OptionError, Refusal

#: Tells a registry from other JSON files.
FORMAT = "tidyops.datadog connection registry"
VERSION = 1
#: The same of one with fingerprints of sets.
VERSION_WITH_SETS = 2
#: How many fingerprints of sets are kept; the oldest goes first.
MOST_SETS = 16
#: Seconds between two tries to lock.
LOCK_PAUSE = 0.02
#: Seconds that another run may take to read and replace the file.
LONGEST_REPLACEMENT = 60


class RegistryError(Refusal):
    """The registry cannot be used."""

    concerns_all = True


class Occupied(RegistryError):
    """Another run is at a connection, and does not come to an end."""

    concerns_all = False


@dataclass(frozen=True)
class Entry:
    """What a registry remembers of one connection.

    :ivar connection_id: empty as long as the first connection of the name is being created.
    :ivar integration: the path of its options, like C(aws.assume_role).
    :ivar last_updated: the time in ISO 8601 that Datadog gave when a run was done with it, or None where it gives none.
    :ivar secrets: fingerprints of the secrets that were sent, by their path inside the credentials (C(api_token),
        C(tokens.accessToken)). None for one that is there, but was not sent.
    :ivar creating: the C(integration) of a connection that is being created; empty otherwise. A run that was killed leaves
        it. Until it is created, the other fields tell what was there before.
    :ivar replaces: the id of the connection whose place is or was taken, and which has still to be deleted; else empty.
    """

    connection_id: str = ""
    integration: str = ""
    last_updated: str | None = None
    secrets: t.Mapping[str, str | None] = field(default_factory=dict)
    creating: str = ""
    replaces: str = ""

    def without(self, paths: t.Iterable[str]) -> Entry:
        """A copy that knows nothing of some secrets."""
        left_out = set(paths)
        return replace(
            self,
            secrets={path: text for path, text in self.secrets.items() if path not in left_out},
        )

    def with_secrets(self, sent: t.Mapping[str, str | None]) -> Entry:
        """A copy that knows secrets that were sent, by their paths. None for one that was removed."""
        taken = {
            # Where it is the same, so is its fingerprint: a registry in git changes with secrets only.
            path: self.secrets[path] if self.knows(path, value) else fingerprint(value)
            for path, value in sent.items()
            if value is not None
        }
        return replace(self, secrets={**self.without(sent).secrets, **taken})

    def with_unsent(self, paths: t.Iterable[str]) -> Entry:
        """A copy that knows that secrets are there."""
        return replace(self, secrets={**dict.fromkeys(paths), **self.secrets})

    def knows(self, path: str, secret: str) -> bool:
        """Whether this very secret is the one that was sent last. Takes some 20 ms."""
        known = self.secrets.get(path)
        return known is not None and matches(known, secret)

    def written(self) -> dict[str, t.Any]:
        """The JSON object."""
        optional = {
            "creating": self.creating,
            "replaces": self.replaces,
            "secrets": dict(sorted(self.secrets.items())),
        }
        return {
            "id": self.connection_id or None,
            "integration": self.integration,
            "last_updated": self.last_updated,
            **{key: value for key, value in optional.items() if value},
        }

    @classmethod
    def of(cls, content: t.Any) -> Entry:
        """Read what written() made. :raises ValueError: what is wrong with it."""
        if not isinstance(content, dict):
            raise ValueError("is no object")
        texts = {key: content.get(key, "") for key in ("integration", "creating", "replaces")}
        connection_id, last_updated = content.get("id"), content.get("last_updated")
        secrets = content.get("secrets", {})
        unknown = set(content) - set(texts) - {"id", "last_updated", "secrets"}
        if unknown:
            raise ValueError(f"has a key that is not known here: {sorted(unknown)[0]}")
        shown = {**texts, "last_updated": "" if last_updated is None else last_updated}
        for key, value in shown.items():
            if not isinstance(value, str):
                raise ValueError(f"has no text as {key}")
        for key, value in (("id", connection_id), ("replaces", texts["replaces"] or None)):
            if value is not None and not (isinstance(value, str) and UUID.fullmatch(value)):
                raise ValueError(f"has no UUID as {key}")
        if connection_id is None and not texts["creating"]:
            raise ValueError("has no id")
        if not isinstance(secrets, dict) or not all(
            value is None or is_fingerprint(value) for value in secrets.values()
        ):
            raise ValueError("has something else than fingerprints as secrets")
        texts["replaces"] = texts["replaces"].lower()
        found = cls(
            (connection_id or "").lower(), last_updated=last_updated, secrets=secrets, **texts
        )
        if found.connection_id and found.replaces == found.connection_id and not found.creating:
            raise ValueError("replaces itself")
        return found


class Registry:
    """A home of entries.

    :ivar is_kept: whether what is recorded here will be known to the next run.
    :ivar title: how messages call it.
    """

    is_kept = True
    title = "registry"

    def entries(self) -> t.Mapping[str, Entry]:
        """All that is known, by name. :raises RegistryError: also from all others."""
        raise NotImplementedError

    def entry(self, name: str) -> Entry | None:
        """What is known of a name."""
        raise NotImplementedError

    def entry_of(self, connection_id: str) -> tuple[str, Entry] | None:
        """The name under which a connection is known, and what is known of it, or of the one that takes its place."""
        raise NotImplementedError

    def set_fingerprint(self, key: str) -> str | None:
        """The fingerprint of all secrets of a set together."""
        raise NotImplementedError

    def put_set_fingerprint(self, key: str, fingerprint_of_set: str) -> None:
        """Record it. It has to tell by itself what it is about: entries may change without it."""
        raise NotImplementedError

    def put(self, name: str, entry: Entry) -> None:
        """Record an entry for good, and forget other names of the same connection and of the one that it replaces."""
        raise NotImplementedError

    def change(
        self, name: str, entry: Entry | None, expected: t.Mapping[str, Entry | None]
    ) -> bool:
        """Do the same, or forget the name, if no other run has been faster.

        Writes even where nothing is new: whoever is about to write to Datadog has to know that put() will not fail for
        want of permission.

        :param entry: what to record; None to forget the name.
        :param expected: what is known until now of the name, and of other names that the connection has.
        :returns: False where something else is known by now; it was left as it is.
        """
        raise NotImplementedError

    def writing(self, name: str) -> t.ContextManager[None]:
        """While this lasts, no other run that uses the registry creates or changes the connection of the name.

        It ends with the process, however that ends. Waits for other runs that are at it.
        """
        raise NotImplementedError

    def wait(self, name: str) -> None:
        """Wait until no other run creates or changes the connection of the name. Writes nothing."""
        raise NotImplementedError


class NoRegistry(Registry):
    """What stands in where a task names no registry: it keeps nothing, and so knows nothing."""

    is_kept = False

    def entries(self) -> t.Mapping[str, Entry]:
        return {}

    def entry(self, name: str) -> Entry | None:
        return self.entries().get(name)

    def entry_of(self, connection_id: str) -> tuple[str, Entry] | None:
        return next(iter(self.entries().items()), None)

    def set_fingerprint(self, key: str) -> str | None:
        return None

    def put_set_fingerprint(self, key: str, fingerprint_of_set: str) -> None:
        pass

    def put(self, name: str, entry: Entry) -> None:
        pass

    def change(
        self, name: str, entry: Entry | None, expected: t.Mapping[str, Entry | None]
    ) -> bool:
        return True

    def writing(self, name: str) -> t.ContextManager[None]:
        return contextlib.nullcontext()

    def wait(self, name: str) -> None:
        pass


def open_registry(option: str | None, site: str, patience: float) -> Registry:
    """The registry that a task names.

    :param option: its path; None for no registry.
    :param site: the Datadog site that the task goes to.
    :param patience: how many seconds to wait at the most while another run writes a connection of the same name.
    :raises OptionError: where it names none. Nothing is read yet.
    """
    if option is None:
        return NoRegistry()
    if not option.strip() or "\0" in option or option.endswith("/"):
        raise OptionError(("registry", "must be the path of a file"))
    if option.startswith("datastore:"):
        raise OptionError(
            ("registry", "must be the path of a file; datastores are not supported yet")
        )
    return FileRegistry(option, site, patience)


class _Content(t.NamedTuple):
    """What a file holds.

    :ivar sets: fingerprints of sets by their keys, the oldest first.
    """

    entries: dict[str, Entry]
    sets: dict[str, str]


class _Change(t.NamedTuple):
    """A change that waits to be written, and what came of it."""

    apply: t.Callable[[_Content], bool]
    recorded: Future[bool]


class _Known(t.NamedTuple):
    """What was read from a file or written to it.

    :ivar file: keeps it open: as long as it is, no other file has its number.
    """

    file: t.BinaryIO
    status: tuple[int, ...]
    content: _Content


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

    is_kept = True

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

    def entries(self) -> t.Mapping[str, Entry]:
        return self._read(self._target()).entries

    def set_fingerprint(self, key: str) -> str | None:
        return self._read(self._target()).sets.get(key)

    def put_set_fingerprint(self, key: str, fingerprint_of_set: str) -> None:
        def put(content: _Content) -> bool:
            content.sets.pop(key, None)
            content.sets[key] = fingerprint_of_set
            for oldest in list(content.sets)[:-MOST_SETS]:
                del content.sets[oldest]
            return True

        self._record(put)

    def entry(self, name: str) -> Entry | None:
        return self.entries().get(name)

    def entry_of(self, connection_id: str) -> tuple[str, Entry] | None:
        entries = self.entries().items()
        known = [(name, entry) for name, entry in entries if entry.connection_id == connection_id]
        taken = [(name, entry) for name, entry in entries if entry.replaces == connection_id]
        return next(iter(known + taken), None)

    def put(self, name: str, entry: Entry) -> None:
        def put(content: _Content) -> bool:
            self._put(content.entries, name, entry)
            return True

        self._record(put)

    def change(
        self, name: str, entry: Entry | None, expected: t.Mapping[str, Entry | None]
    ) -> bool:
        def change(content: _Content) -> bool:
            entries = content.entries
            is_expected = entries.get(name) == expected[name] and all(
                known == expected.get(other)
                for other, known in entries.items()
                if entry and entry.connection_id and known.connection_id == entry.connection_id
            )
            if is_expected and entry:
                self._put(entries, name, entry)
            elif is_expected:
                entries.pop(name, None)
            return is_expected

        return self._record(change)

    def _put(self, entries: dict[str, Entry], name: str, entry: Entry) -> None:
        try:
            Entry.of(entry.written())
        except ValueError as exc:
            # It would be refused when it is read.
            raise self._error(f"cannot take {name!r} ({entry.connection_id}): it {exc}") from exc
        gone = {entry.connection_id}
        if not entry.creating:
            gone.add(entry.replaces)
        for other, known in list(entries.items()):
            if known.connection_id and known.connection_id in gone:
                del entries[other]
            elif known.replaces and known.replaces == entry.connection_id and not known.creating:
                # It has a place of its own now, and is not to be deleted any more.
                entries[other] = replace(known, replaces="")
        entries[name] = entry

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

    def _record(self, change: t.Callable[[_Content], bool]) -> bool:
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
                content = _Content(dict(known.entries), dict(known.sets))
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

    def _read(self, target: str) -> _Content:
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
            return _Content({}, {})
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

    def _checked(self, content: t.Any, twice: list[str]) -> _Content:
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
            raise self._error(
                f"belongs to {site}, and this task goes to {self._site}. Ways out: correct site or api_url; or give each"
                " site a registry of its own"
            )
        entries: dict[str, Entry] = {}
        names: dict[str, str] = {}
        for name, value in written.items():
            try:
                entries[name] = entry = Entry.of(value)
            except ValueError as exc:
                raise self._error(f"is broken: its entry {name!r} {exc}") from exc
            if entry.connection_id in names:
                raise self._error(
                    f"is broken: {names[entry.connection_id]!r} and {name!r} have the same id. Remove the one that is"
                    " wrong"
                )
            if entry.connection_id:
                names[entry.connection_id] = name
        for name, entry in entries.items():
            if entry.replaces in names and not entry.creating and names[entry.replaces] != name:
                raise self._error(
                    f"is broken: {name!r} replaces {entry.replaces}, which is to be deleted, and {names[entry.replaces]!r}"
                    " has this id. Remove the one that is wrong"
                )
        return _Content(entries, sets)

    def _write(self, target: str, content: _Content) -> None:
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
                    raise occupied(
                        f"The {self.title} has been locked for {patience:g} s by another run, to {doing}. See what that run"
                        " does, and try again"
                    ) from exc
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
