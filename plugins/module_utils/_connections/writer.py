# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes action connections to Datadog, and to the registry. Imported only when there is something to write."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import replace

from ansible_collections.tidyops.datadog.plugins.module_utils._client import Client, Json
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import (
    ConcurrentChange,
    DatadogError,
    Skipped,
    TaskError,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._reconcile import Item, Notice
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import (
    ROWS_AT_ONCE,
    Entry,
    Registry,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._restriction_policy import (
    read_policy,
    write_policy,
)

from .finder import (
    ConnectionFinder,
    NotListed,
)
from .model import (
    PATH,
    Configuration,
    Connection,
    Desired,
)
from .observer import (
    Observation,
)
from .planner import (
    entry_of,
    result_of,
)

ConnectionItem = Item[t.Any, Observation]
Each = t.Callable[[t.Sequence[ConnectionItem], t.Callable[[ConnectionItem], None]], None]


class Writer:
    """Applies plans. May be used by several threads."""

    def __init__(self, client: Client, finder: ConnectionFinder, registry: Registry) -> None:
        self._client = client
        self._finder = finder
        self._registry = registry

    def apply_all(self, items: t.Sequence[ConnectionItem], each: Each) -> None:
        """Apply the plans of items. :param each: does something with each item, and sets its error."""
        creates = [item for item in items if _is_new(item)]
        each([item for item in items if not _is_new(item)], self._apply)
        for start in range(0, len(creates), ROWS_AT_ONCE):
            batch = creates[start : start + ROWS_AT_ONCE]
            if any(getattr(item.error, "affects_all", False) for item in items):
                for item in batch:
                    item.error = Skipped()
                continue
            claims: dict[ConnectionItem, Entry] = {}
            self._claim_new([item for item in batch if _is_unknown(item)], claims)
            each(
                [item for item in batch if not _is_unknown(item)],
                lambda item, claims=claims: self._claim_known(item, claims),  # type: ignore[misc]
            )
            each(list(claims), lambda item, claims=claims: self._create(item, claims[item]))  # type: ignore[misc]
            for item, claim in claims.items():
                if isinstance(item.error, Skipped):
                    self._release(item, claim)

    def _apply(self, item: ConnectionItem) -> None:
        desired: Desired = item.resource.desired
        if desired.configuration is None:
            self._delete(item, desired, item.seen)
        elif item.seen.connection:
            self._update(item, desired.configuration, item.seen, item.seen.connection)

    def _delete(self, item: ConnectionItem, desired: Desired, observed: Observation) -> None:
        """Delete the connection, and forget it. A known id is deleted also where Datadog did not return it."""
        entry, known_id = observed.entry, desired.connection_id or observed.known_id
        found = [each.connection_id for each in (observed.connection, observed.replaced) if each]
        for connection_id in dict.fromkeys([*found, *filter(None, [known_id])]):
            if self._delete_id(item, connection_id):
                item.operation = "delete"
        item.result = result_of(observed, None)
        if entry and entry.claim and desired.connection_id:
            # Whether there is another connection of the name is still to be settled.
            left = Entry(integration=entry.integration, claim=entry.claim)
            self._registry.save(observed.known_as, left, entry)
        elif entry and desired.connection_id in ("", entry.connection_id):
            self._registry.forget(observed.known_as, entry)

    def _delete_id(self, item: ConnectionItem, connection_id: str) -> bool:
        """:returns: whether it existed."""
        doing = f"delete action connection {connection_id}"
        is_deleted = self._client.delete(f"{PATH}/{connection_id}", doing)
        if is_deleted:
            item.done.append(f"deleted action connection {connection_id}")
        return is_deleted

    def _update(
        self,
        item: ConnectionItem,
        wanted: Configuration,
        observed: Observation,
        connection: Connection,
    ) -> None:
        """Change a connection, record it, and delete what it replaces, if that still exists."""
        name = item.plan.after["name"]
        written, entry = connection, entry_of(wanted, connection, observed.entry)
        if item.plan.body:
            written = self._patch(item, wanted, connection)
            secrets = wanted.secrets()
            sent = {path: secrets[path] for path in observed.to_send}
            entry = replace(entry, last_updated=written.last_updated)
            if self._registry.is_kept:
                entry = entry.with_secrets(sent, wanted.secret_paths(written.values))
        item.result = result_of(replace(observed, wanted=None), written)
        expected = observed.entry if name == observed.known_as else observed.named
        old = observed.replaced
        if old:
            if expected and expected.claim:
                # The id first: an entry must not lead to what is deleted.
                unfinished = replace(entry, replaces=old.connection_id)
                self._registry.save(name, unfinished, expected, former_name=observed.known_as)
                expected = unfinished
            self._keep_access(observed, old, written)
            self._set_access(item, written)
            self._delete_id(item, old.connection_id)
        try:
            if item.plan.is_due or item.plan.body or observed.replaced:
                self._registry.save(name, entry, expected, former_name=observed.known_as)
        except TaskError as exc:
            # The id is recorded already, so only warn.
            if item.plan.changed or not observed.known_id or isinstance(exc, ConcurrentChange):
                raise
            item.notices.append(Notice(f"{exc} What is new about {name!r} was not recorded."))
        if not old:
            self._set_access(item, written)
        item.result = result_of(observed, written)

    def _patch(self, item: ConnectionItem, wanted: Configuration, connection: Connection) -> Connection:
        path = f"{PATH}/{connection.connection_id}"
        doing = f"update action connection {connection.name!r} ({connection.connection_id})"
        try:
            written = Connection.of(self._client.patch(path, doing, _body(item.plan.body)))
        except DatadogError as exc:
            if exc.is_gone:
                raise ConcurrentChange(f"{exc} It was deleted meanwhile. Run the task again.") from exc
            raise
        item.done.append(f"updated action connection {connection.connection_id}")
        left = wanted.compare(written.values, ()).send
        if any(e.get("deleted") for e in left.get("credentials", {}).get("headers", [])):
            # Datadog took a name in another case for another name, and has both now.
            written = Connection.of(self._client.patch(path, doing, _body({"integration": left})))
        if written.last_updated is None:
            # The answers of some organizations have no times.
            written = self._finder.read(connection.connection_id, doing) or written
        return written

    def _set_access(self, item: ConnectionItem, connection: Connection) -> None:
        """Write the policy, if the task says who is to have access, and others have. The next run finishes what fails."""
        wanted, policy = item.seen.wanted, {} if _is_new(item) else item.seen.policy
        if wanted and wanted.policy != policy:
            write_policy(self._client, f"connection:{connection.connection_id}", wanted.policy)
            item.done.append(f"set the restriction policy of {connection.connection_id}")
        item.result = result_of(item.seen, connection)

    def _keep_access(self, observed: Observation, old: Connection, new: Connection) -> None:
        """Give those who may use a connection the same for the one that replaces it, unless the task says who may."""
        if observed.wanted is None:
            policy = read_policy(self._client, f"connection:{old.connection_id}")
            if policy and not read_policy(self._client, f"connection:{new.connection_id}"):
                write_policy(self._client, f"connection:{new.connection_id}", policy)

    def _claim_new(self, items: t.Sequence[ConnectionItem], claims: dict[ConnectionItem, Entry]) -> None:
        """Claim the names of connections that nothing is known of, all together. Sets the error of the others.

        :param claims: gets the entries of those that were claimed.
        """
        wanted = {item.plan.after["name"]: item for item in items}
        entries = {name: Entry().claimed(_kind(item)) for name, item in wanted.items()}
        try:
            claimed = self._registry.claim(entries) if entries else set()
        except TaskError as exc:
            for item in items:
                item.error = exc if item is items[0] else Skipped()
            return
        for name, item in wanted.items():
            if name in claimed:
                claims[item] = entries[name]
            else:
                item.error = self._registry.changed(name)

    def _claim_known(self, item: ConnectionItem, claims: dict[ConnectionItem, Entry]) -> None:
        """Claim a name for a connection that replaces what exists, or what was deleted elsewhere."""
        name, known, old = item.plan.after["name"], item.seen.entry, item.seen.connection
        if old and not (known and known.connection_id == old.connection_id):
            entry = Entry(old.connection_id, old.kind, old.last_updated)
        else:
            # A person has settled a former claim by giving the connection's id.
            entry = replace(known or Entry(), claim="", replaces="")
        if entry != item.seen.named:
            self._registry.save(name, entry, item.seen.named, item.seen.known_as)
        claim = entry.claimed(_kind(item))
        self._registry.save(name, claim, entry)
        claims[item] = claim

    def _release(self, item: ConnectionItem, claim: Entry) -> None:
        """Give up a claim under which nothing was created. Whatever went wrong is what has to be told."""
        name, known_as = item.plan.after["name"], item.seen.known_as
        entry = replace(claim, claim="")
        with contextlib.suppress(TaskError):
            if not claim.connection_id:
                self._registry.forget(name, claim)
                return
            self._registry.save(name, entry, claim)
            if known_as not in ("", name):
                self._registry.save(known_as, entry, None, former_name=name)

    def _create(self, item: ConnectionItem, claim: Entry) -> None:
        """Create a connection, record its id, and delete the one that it replaces, if there is one."""
        wanted: Configuration = item.resource.desired.configuration
        observed, name = item.seen, item.plan.after["name"]
        old = observed.connection
        entry = Entry(integration=wanted.kind, replaces=old.connection_id if old else "")
        if self._registry.is_kept:
            # Before the request: between that and the record there is to be nothing that takes time.
            entry = entry.with_secrets(wanted.secrets(), None)
        created = self._post(item, wanted, claim)
        entry = replace(entry, connection_id=created.connection_id)
        item.done.append(f"created action connection {created.connection_id}")
        item.result = result_of(replace(observed, wanted=None), created)
        self._record(item, name, entry, claim)
        created = self._read_back(item, created)
        if old:
            self._keep_access(observed, old, created)
        item.result = result_of(replace(observed, wanted=None), created)
        self._set_access(item, created)
        if old:
            self._delete_id(item, old.connection_id)
            self._registry.save(name, replace(entry, replaces=""), entry, observed.known_as)

    def _record(self, item: ConnectionItem, name: str, entry: Entry, claim: Entry) -> None:
        """Record the id of a new connection. :raises TaskError: where that fails; then it is deleted, or named."""
        try:
            self._registry.save(name, entry, claim)
        except ConcurrentChange as exc:
            now = self._registry.find(name, is_fresh=True)
            if now and entry.connection_id in (now.connection_id, now.replaces):
                # Another run has found this one, and goes on with it.
                raise
            # Somebody has settled the claim meanwhile: the name belongs to another connection.
            if not self._delete_id(item, entry.connection_id):
                text = f"{exc} {entry.connection_id}, which this run created, may still exist: look for it in Datadog."
                raise ConcurrentChange(text) from exc
            raise
        except TaskError as exc:
            raise TaskError(
                f"{exc} The action connection {name!r} was created as {entry.connection_id}; run the task once with this"
                " connection_id to record it.",
                affects_all=True,
            ) from exc

    def _post(self, item: ConnectionItem, wanted: Configuration, claim: Entry) -> Connection:
        doing = f"create action connection {item.plan.after['name']!r}"
        try:
            return Connection.of(self._client.post(PATH, doing, _body(item.plan.body)))
        except DatadogError as exc:
            if not exc.is_ambiguous:
                self._release(item, claim)
                raise
            return self._look_for(item, wanted, exc)

    def _look_for(self, item: ConnectionItem, wanted: Configuration, error: DatadogError) -> Connection:
        """Find, once, what a POST without a readable answer has created. :raises TaskError: where it is not found."""
        name, old, registry = item.plan.after["name"], item.seen.connection, self._registry
        how = f"Look for {name!r} in Datadog before you run the task again."
        if registry.is_kept:
            how = "The next run looks for it again."
        self._client.pause(error)
        self._finder.forget_list()
        matches: list[Connection] = []
        try:
            matches = self._finder.named(name, f"find action connection {name!r}")
        except NotListed:
            none = f"remove the entry {name!r} from the {registry.title}" if registry.is_kept else "run it again"
            how = (
                f"Datadog does not list connections, so look there for {name!r}: if it exists, run the task once with its"
                f" connection_id; if it does not, {none}."
            )
        except (DatadogError, TaskError):
            pass
        new = [m for m in matches if not (old and m.connection_id == old.connection_id)]
        if len(new) == 1 and new[0].kind == wanted.kind:
            text = f"{error} It was created all the same: {new[0].connection_id}."
            item.notices.append(Notice(text))
            return new[0]
        if len(new) > 1:
            ids = ", ".join(match.connection_id for match in new)
            how = f"There are several of that name: {ids}. Delete all but one."
        raise TaskError(
            f"Could not {error.doing}: {error.reason}. It may have been created all the same. {how}",
            affects_all=error.affects_all,
        ) from error

    def _read_back(self, item: ConnectionItem, created: Connection) -> Connection:
        """Complete the answer to a POST, which has no times, and see that others can read the connection."""
        doing, problem = f"read action connection {created.connection_id} again", ""
        try:
            found = self._finder.await_(created.connection_id, doing)
        except DatadogError as exc:
            found, problem = None, str(exc)
        if found is None:
            text = f"The action connection {created.connection_id} was created. {problem or 'Datadog does not return it yet.'}"
            item.notices.append(Notice(text))
        return found or created


def _is_new(item: ConnectionItem) -> bool:
    """Whether a connection is to be created."""
    wanted, connection = item.resource.desired.configuration, item.seen.connection
    return bool(wanted and (connection is None or connection.kind != wanted.kind))


def _is_unknown(item: ConnectionItem) -> bool:
    """Whether neither Datadog nor the registry knows a connection of the name."""
    return item.seen.connection is None and item.seen.named is None


def _kind(item: ConnectionItem) -> str:
    """The kind of the connection that is to be created."""
    return str(item.resource.desired.configuration.kind)


def _body(attributes: Json) -> Json:
    return {"data": {"type": "action_connection", "attributes": attributes}}
