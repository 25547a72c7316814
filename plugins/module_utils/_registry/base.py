# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry: which connection has a name, and what is needed to see that it changed. It holds no secret.

An entry is nothing, a claim (a create was begun), an id, an id with a claim (a replacement was begun), or an id with
C(replaces) (the old connection has still to be deleted).
"""

# pylint: disable=cyclic-import,import-outside-toplevel

from __future__ import annotations

import calendar
import secrets as random
import time
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.tidyops.datadog.plugins.module_utils._client import UUID, Client, Json, site_of
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import ConcurrentChange, OptionError, TaskError

from .fingerprint import fingerprint, is_fingerprint, matches

DATASTORE = "datastore:"
EXAMPLE = f"{DATASTORE}3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"
#: The version of what is written. Versions 1 and 2 had C(creating) for C(claim), and no organization.
VERSION = 3
#: How many names are claimed together. A run that is killed leaves as many claims at most.
ROWS_AT_ONCE = 16
#: Seconds after a write in which a 404 is not believed at once; clocks differ, too.
RECENT = 300


@dataclass(frozen=True)
class Entry:
    """What a registry knows of one name."""

    connection_id: str = ""
    #: Like C(aws.assume_role).
    integration: str = ""
    #: Datadog's time, in ISO 8601, when it was recorded. None for a connection as it was created.
    last_updated: str | None = None
    #: Fingerprints of what was sent, by their path inside the credentials (C(tokens.accessToken)).
    secrets: t.Mapping[str, str] = field(default_factory=dict)
    #: Who is creating a connection of the name, and since when.
    claim: str = ""
    #: The id of the connection that this one replaces, and which has still to be deleted.
    replaces: str = ""

    def is_recent(self) -> bool:
        """Whether the connection was created or changed so lately that Datadog may not return it yet."""
        seen = _seconds(self.last_updated)
        return seen is None or abs(time.time() - seen) < RECENT

    def may_be_for(self, connection_id: str, created_at: str | None) -> bool:
        """Whether the claim may be for a connection of its name: not the one to replace, or another one that is older."""
        since, created = _seconds(self.claim.partition(" ")[2]), _seconds(created_at)
        is_older = since is not None and created is not None and created <= since - RECENT
        return connection_id != self.connection_id and not is_older

    def claimed(self, integration: str) -> Entry:
        """A copy with a claim that no other run can make."""
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return replace(self, claim=f"{integration} {since} {random.token_hex(8)}")

    def differing(self, given: t.Mapping[str, str]) -> frozenset[str]:
        """The paths of those secrets that are not the ones that were sent last. Takes 5 ms for each, as with_secrets()."""
        return frozenset(path for path, secret in given.items() if not matches(self.secrets.get(path, ""), secret))

    def with_secrets(self, sent: t.Mapping[str, str], there: t.Container[str] | None) -> Entry:
        """A copy that knows what was sent. :param there: the paths of all that the connection has now; None if unknown."""
        kept = {path: text for path, text in self.secrets.items() if there is None or path in there}
        return replace(self, secrets={**kept, **{path: fingerprint(secret) for path, secret in sent.items()}})

    def written(self) -> Json:
        optional = {"claim": self.claim, "replaces": self.replaces, "secrets": dict(sorted(self.secrets.items()))}
        return {
            "id": self.connection_id or None,
            "integration": self.integration,
            "last_updated": self.last_updated,
            **{key: value for key, value in optional.items() if value},
        }

    @classmethod
    def of(cls, content: t.Any) -> Entry:
        """Read what written() returned, also in version 1.x. :raises ValueError: what is wrong with it."""
        if not isinstance(content, dict):
            raise ValueError("is not an object")
        keys = ("id", "integration", "last_updated", "replaces", "claim", "creating", "secrets")
        given = {key: value for key, value in content.items() if value}
        for key in set(content) - set(keys):
            raise ValueError(f"has an unknown key: {key}")
        secrets = given.pop("secrets", {})
        if not isinstance(secrets, dict) or not all(is_fingerprint(text) for text in secrets.values() if text):
            raise ValueError("has wrong secrets: they must be fingerprints")
        for key, value in given.items():
            if not isinstance(value, str):
                raise ValueError(f"has a wrong {key}: it must be a string")
            if key in ("id", "replaces") and not UUID.fullmatch(value):
                raise ValueError(f"has a wrong {key}: it must be a UUID")
        connection_id, replaces = given.get("id", "").lower(), given.get("replaces", "").lower()
        claim = given.get("claim") or given.get("creating", "")
        if not connection_id and not claim:
            raise ValueError("has no id")
        if claim and replaces not in ("", connection_id):
            raise ValueError(
                f"was left by an interrupted run of version 1, which replaced {replaces}. Delete the connection of this name that is"
                " not needed, and remove the entry"
            )
        return cls(
            connection_id,
            given.get("integration", ""),
            given.get("last_updated"),
            {path: text for path, text in secrets.items() if text},
            claim,
            "" if replaces == connection_id else replaces,
        )


def _seconds(text: str | None) -> float | None:
    """A time in ISO 8601, since 1970; None for others."""
    try:
        return calendar.timegm(time.strptime((text or "")[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return None


class Registry:
    """This one is used where a task names no registry: it knows nothing. All may be used by several threads."""

    #: Whether the next run will know what is saved here.
    is_kept = False
    #: Whether keys of another organization cannot reach it anyway.
    is_in_datadog = False
    #: How messages call it.
    title = "registry"
    #: The UUID of the organization that it belongs to, where that is known.
    organization = ""

    def exists(self) -> bool:
        """Whether it is there. One that is not is created when something is saved."""
        return True

    def load(self, names: t.Collection[str]) -> None:
        """Read what is known of several names, if that takes fewer requests than find()."""

    def find(self, name: str, is_fresh: bool = False) -> Entry | None:
        """What is known of a name. :param is_fresh: whether to read it anew."""
        return self.all().get(name)

    def all(self) -> dict[str, Entry]:
        return {}

    def claim(self, claims: t.Mapping[str, Entry]) -> set[str]:
        """Claim names of which nothing is known, with entries without an id, so that no other run creates such connections.

        :returns: the names that were claimed. The others are known by now.
        """
        return set(claims)

    def save(self, name: str, entry: Entry, expected: Entry | None, former_name: str = "") -> None:
        """Record an entry. :raises ConcurrentChange: where what is known of the name is not what was expected.

        :param former_name: another name of the same connection, which is forgotten.
        """

    def forget(self, name: str, expected: Entry) -> None:
        """Remove an entry, unless another run has changed it."""

    def find_id(self, connection_id: str, name: str = "") -> tuple[str, Entry | None]:
        """The name under which a connection is known, and its entry. :param name: where to look first."""
        likely = self.find(name) if name else None
        if likely and likely.connection_id == connection_id:
            return name, likely
        return next((pair for pair in self.all().items() if pair[1].connection_id == connection_id), ("", None))

    def changed(self, name: str) -> ConcurrentChange:
        return ConcurrentChange(
            f"Another run changed the entry {name!r} of the {self.title} while this task was running. Run the task again."
        )

    def error(self, problem: str) -> TaskError:
        return TaskError(f"The {self.title} {problem}.", affects_all=True)

    def check_ids(self, entries: t.Mapping[str, Entry]) -> None:
        """:raises TaskError: where two entries have the same id."""
        names = {entry.connection_id: name for name, entry in entries.items()}
        for name, entry in entries.items():
            other = names[entry.connection_id]
            if entry.connection_id and other != name:
                raise self.error(
                    f"is broken: {name!r} and {other!r} have the same id, as an interrupted rename leaves them. Remove the entry of"
                    " the former name; do not run state=absent for it, which would delete the connection"
                )

    def check(self, written: Json, own_site: str, problem: str) -> None:
        """:raises TaskError: where a later release, a task for another site, or something else (the problem) has written it."""
        version, site = written.get("version"), written.get("site")
        if not isinstance(version, int) or version < 1 or not isinstance(site, str):
            raise self.error(problem)
        if version > VERSION:
            raise self.error(
                f"has version {version} of its format, and this release knows {VERSION}. Update tidyops.datadog"
            )
        if site != own_site:
            raise self.error(
                f"belongs to {site}, and this task goes to {own_site}. Correct site or api_url, or give each site a registry of its own"
            )


def open_registry(given: str | None, client: Client, option: str = "registry") -> Registry:
    """The registry that a task names, of which nothing is read yet. Only its backend is imported."""
    if given is None:
        return Registry()
    site, last = site_of(client.base_url), given.rsplit("/", 1)[-1].strip()
    if given.strip().lower().startswith(DATASTORE):
        # A slip is not taken for the name of a file.
        datastore_id = given[len(DATASTORE) :] if given.startswith(DATASTORE) else ""
        if not UUID.fullmatch(datastore_id):
            raise OptionError((option, f"must name a datastore by its UUID, like {EXAMPLE}"))
        from .datastore import DatastoreRegistry

        return DatastoreRegistry(datastore_id.lower(), client, site)
    if UUID.fullmatch(last):
        raise OptionError((option, f"is a UUID; write {DATASTORE}{last} for a datastore"))
    if not last or "\0" in given or last.lower() in ("true", "false", "yes", "no"):
        raise OptionError((option, f"must be the path of a file, or a datastore like {EXAMPLE}"))
    from .file import FileRegistry

    return FileRegistry(given, site)


def check_organization(registry: Registry, client: Client) -> None:
    """Check that the keys are of the organization of the registry. A new one will belong to theirs.

    Keys of another organization find nothing, so that everything would be created a second time.
    """
    organization = client.organization()
    if registry.organization and organization and organization != registry.organization:
        raise registry.error(
            f"belongs to the organization {registry.organization}, and the keys to {organization}. Correct the keys, or give each"
            " organization a registry of its own"
        )
    registry.organization = registry.organization or organization
