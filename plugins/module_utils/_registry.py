# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The registry: which connection is meant by a name, and what is needed to see that it changed.

A registry holds no secret. C(Registry) is what a home of one has to offer; the homes are in modules of their own.
"""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.tidyops.datadog.plugins.module_utils._client import UUID
from ansible_collections.tidyops.datadog.plugins.module_utils._fingerprints import (
    fingerprint,
    is_fingerprint,
    matches,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import Refusal

#: What the option begins with that names a datastore.
DATASTORE = "datastore:"
#: How many fingerprints of sets are kept; the oldest goes first.
MOST_SETS = 16


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


class Content(t.NamedTuple):
    """All that a registry holds.

    :ivar entries: by the names of connections.
    :ivar sets: fingerprints of sets by their keys, the oldest first.
    """

    entries: dict[str, Entry]
    sets: dict[str, str]

    def put_set(self, key: str, fingerprint_of_set: str) -> None:
        """Take a fingerprint of a set as the newest one."""
        self.sets.pop(key, None)
        self.sets[key] = fingerprint_of_set
        for oldest in list(self.sets)[:-MOST_SETS]:
            del self.sets[oldest]


def allows(
    entries: t.Mapping[str, Entry],
    name: str,
    entry: Entry | None,
    expected: t.Mapping[str, Entry | None],
) -> bool:
    """Whether what is known of a name, and of others that the connection has, is what was expected."""
    return entries.get(name) == expected[name] and all(
        known == expected.get(other)
        for other, known in entries.items()
        if entry and entry.connection_id and known.connection_id == entry.connection_id
    )


def effects(entries: t.Mapping[str, Entry], name: str, entry: Entry) -> dict[str, Entry | None]:
    """What becomes of other entries when one is recorded: None for one that is forgotten.

    These are other names of the same connection, and of the one whose place it has taken.
    """
    gone = {entry.connection_id}
    if not entry.creating:
        gone.add(entry.replaces)
    changes: dict[str, Entry | None] = {}
    for other, known in entries.items():
        if other == name:
            continue
        if known.connection_id and known.connection_id in gone:
            changes[other] = None
        elif known.replaces and known.replaces == entry.connection_id and not known.creating:
            # It has a place of its own now, and is not to be deleted any more.
            changes[other] = replace(known, replaces="")
    return changes


def contradictions(entries: t.Mapping[str, Entry]) -> t.Iterator[str]:
    """What cannot be true of entries that are in one registry, without a full stop each."""
    names: dict[str, str] = {}
    for name, entry in entries.items():
        first = names.setdefault(entry.connection_id, name)
        if entry.connection_id and first != name:
            yield f"{first!r} and {name!r} have the same id"
    for name, entry in entries.items():
        other = names.get(entry.replaces, name)
        if entry.replaces and not entry.creating and other != name:
            yield f"{name!r} replaces {entry.replaces}, which is to be deleted, and {other!r} has this id"


class Registry:
    """A home of entries. May be used by several threads.

    :ivar is_kept: whether what is recorded here will be known to the next run.
    :ivar title: how messages call it.
    """

    is_kept = True
    title = "registry"

    def exists(self) -> bool:
        """Whether it is there: one that is not yet knows nothing, and is made when something is recorded.

        :raises RegistryError: like all others.
        """
        return True

    def content(self) -> Content:
        """All that is known; not to be changed."""
        raise NotImplementedError

    def entry(self, name: str) -> Entry | None:
        """What is known of a name."""
        return self.content().entries.get(name)

    def entry_of(self, connection_id: str, name: str = "") -> tuple[str, Entry] | None:
        """The name under which a connection is known, and what is known of it, or of the one that takes its place.

        :param name: where to look first.
        """
        likely = self.entry(name) if name else None
        if likely and likely.connection_id == connection_id:
            return name, likely
        entries = self.content().entries.items()
        known = [(name, entry) for name, entry in entries if entry.connection_id == connection_id]
        taken = [(name, entry) for name, entry in entries if entry.replaces == connection_id]
        return next(iter(known + taken), None)

    def set_fingerprint(self, key: str) -> str | None:
        """The fingerprint of all secrets of a set together."""
        return self.content().sets.get(key)

    def put_set_fingerprint(self, key: str, fingerprint_of_set: str) -> None:
        """Record it. It has to tell by itself what it is about: entries may change without it."""
        raise NotImplementedError

    def read_ahead(self, names: t.Collection[str]) -> None:
        """Read what is known of several names, if that takes fewer requests than reading one after the other."""

    def renew(self) -> None:
        """Take nothing for granted that was read before."""

    def put(self, name: str, entry: Entry, claimed: Entry) -> bool:
        """Record a connection that was created just now, so that no other name can be known to have it.

        :param claimed: what is known of the name until now.
        :returns: as change() does.
        """
        raise NotImplementedError

    def change(
        self, name: str, entry: Entry | None, expected: t.Mapping[str, Entry | None]
    ) -> bool:
        """Record an entry, or forget the name, if no other run has been faster. Forget also what effects() says.

        Writes even where nothing is new: whoever is about to write to Datadog has to know that put() will not fail for
        want of permission.

        :param entry: what to record; None to forget the name.
        :param expected: what is known until now of the name, and of other names that the connection has.
        :returns: False where something else is known by now; it was left as it is.
        """
        raise NotImplementedError

    def add(self, content: Content) -> None:
        """Record entries of names that are not known yet, and fingerprints of sets.

        :raises RegistryError: also where something else is known of one of them by now.
        """
        raise NotImplementedError

    def writing(self, name: str) -> t.ContextManager[None]:
        """While this lasts, no other run that uses the registry creates or changes the connection of the name.

        It ends with the process, or soon after it, however that ends. Waits for other runs that are at it.
        """
        raise NotImplementedError

    def wait(self, name: str) -> None:
        """Wait until no other run creates or changes the connection of the name; then what is known of it is read anew."""
        raise NotImplementedError

    def checked(self, name: str, entry: Entry) -> Entry:
        """:returns: the entry. :raises RegistryError: if it would be refused when it is read."""
        try:
            Entry.of(entry.written())
        except ValueError as exc:
            raise RegistryError(
                f"The {self.title} cannot take {name!r} ({entry.connection_id}): it {exc}"
            ) from exc
        return entry

    def occupied(self, patience: float, doing: str) -> str:
        """What to say, without a full stop, where another run does not come to an end."""
        return (
            f"The {self.title} has been locked for {patience:g} s by another run, to {doing}. See what that run does, and"
            " try again"
        )

    def changed_meanwhile(self) -> RegistryError:
        """What to raise where another run was faster."""
        return RegistryError(
            f"The {self.title} has been changed by another run meanwhile. Run the task again"
        )

    def foreign(self, site: str, own_site: str) -> RegistryError:
        """What to raise where it is another site's."""
        return RegistryError(
            f"The {self.title} belongs to {site}, and this task goes to {own_site}. Ways out: correct site or api_url; or"
            " give each site a registry of its own"
        )


class NoRegistry(Registry):
    """What stands in where a task names no registry: it keeps nothing, and so knows nothing."""

    is_kept = False

    def content(self) -> Content:
        return Content({}, {})

    def put_set_fingerprint(self, key: str, fingerprint_of_set: str) -> None:
        pass

    def put(self, name: str, entry: Entry, claimed: Entry) -> bool:
        return True

    def change(
        self, name: str, entry: Entry | None, expected: t.Mapping[str, Entry | None]
    ) -> bool:
        return True

    def add(self, content: Content) -> None:
        pass

    def writing(self, name: str) -> t.ContextManager[None]:
        return contextlib.nullcontext()

    def wait(self, name: str) -> None:
        pass
