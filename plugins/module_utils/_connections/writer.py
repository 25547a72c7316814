# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes action connections to Datadog, and to the registry. Imported only when there is something to write."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import replace

from ansible_collections.tidyops.datadog.plugins.module_utils._client import CHECK_ADDRESS, UUID, Json, value_at
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import (
    ConcurrentChange,
    DatadogError,
    Skipped,
    TaskError,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._reconcile import Notice, fails_for_all
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import ROWS_AT_ONCE, Entry
from ansible_collections.tidyops.datadog.plugins.module_utils._restriction_policy import read_policy, write_policy

from .finder import NotListed
from .model import PATH, Connection
from .planner import entry_of

if t.TYPE_CHECKING:
    from .resource import ActionConnection

    Each = t.Callable[[t.Sequence[ActionConnection], t.Callable[[ActionConnection], None]], None]


def apply_all(resources: t.Sequence[ActionConnection], each: Each) -> None:
    """:param each: does something with each resource, and sets its error."""
    writers = {resource: ConnectionWriter(resource) for resource in resources}
    creates = [one for one in resources if writers[one].is_new]
    each([one for one in resources if one not in creates], lambda one: writers[one].write())
    while creates:
        batch, creates = creates[:ROWS_AT_ONCE], creates[ROWS_AT_ONCE:]
        if fails_for_all(resources):
            for one in batch:
                one.error = Skipped()
            continue
        known = [one for one in batch if one.observed.connection or one.observed.named]
        _claim([writers[one] for one in batch if one not in known], each)
        each(known, lambda one: writers[one].claim_known())
        claimed = [one for one in batch if writers[one].claim]
        each(claimed, lambda one: writers[one].create())
        for one in claimed:
            if isinstance(one.error, Skipped):
                writers[one].release()


def _claim(writers: t.Sequence[ConnectionWriter], each: Each) -> None:
    """Claim names of which nothing is known, all together."""
    resources = [writer.resource for writer in writers]
    entries = {writer.name: Entry().claimed(writer.path) for writer in writers}
    claimed: set[str] = set()
    # A failure is reported once.
    each(resources[:1], lambda one: claimed.update(one.registry.claim(entries)))
    has_failed = any(one.error for one in resources)
    for writer in writers:
        if writer.name in claimed:
            writer.claim = entries[writer.name]
        elif not writer.resource.error:
            writer.resource.error = Skipped() if has_failed else writer.registry.changed(writer.name)


class ConnectionWriter:
    """Applies the plan of one connection. :ivar claim: the entry under which it creates the connection."""

    def __init__(self, resource: ActionConnection) -> None:
        self.resource = resource
        self.registry = resource.registry
        self.claim: Entry | None = None
        self._client = resource.client
        self._finder = resource.finder
        self._observed = resource.observed
        self._desired = resource.desired
        self.name: str = resource.plan.after.get("name", "")
        self.path = self._desired.kind.path
        self.is_new = self._desired.is_present and not self._observed.kept
        # What is deleted in the end.
        self._old = self._observed.connection if self.is_new else self._observed.replaced
        self._replaces = self._old.connection_id if self._old else ""

    def write(self) -> None:
        """Update or delete what exists."""
        if self._observed.kept:
            self._update(self._observed.kept)
            return
        observed, given_id = self._observed, self._desired.connection_id
        entry = observed.entry
        ids = [each.connection_id for each in (observed.connection, observed.replaced) if each]
        # A known id is deleted also where Datadog did not return it.
        ids += [given_id] if given_id else [observed.known_id, observed.old_id]
        for connection_id in dict.fromkeys(ids):
            if connection_id and self._delete(connection_id):
                self.resource.operation = "delete"
        self.resource.result = observed.result(None)
        if entry and given_id and (entry.claim or observed.old_id):
            # Whether another connection of the name was created is still to be settled; or the one that was to be replaced stays.
            left = Entry(observed.old_id, "" if observed.old_id else entry.integration, claim=entry.claim)
            self.registry.save(observed.known_as, left, entry)
        elif entry and given_id in ("", entry.connection_id):
            self.registry.forget(observed.known_as, entry)

    def _delete(self, connection_id: str) -> bool:
        is_deleted = self._client.delete(f"{PATH}/{connection_id}", f"delete action connection {connection_id}")
        if is_deleted:
            self.resource.done.append(f"deleted action connection {connection_id}")
        return is_deleted

    def _update(self, connection: Connection) -> None:
        observed, plan = self._observed, self.resource.plan
        entry = entry_of(connection, observed.entry)
        expected = observed.entry if self.name == observed.known_as else observed.named
        if plan.body and not expected and self.registry.find(self.name, is_fresh=True):
            # Another run has recorded it meanwhile, with the secrets that it sent.
            raise self.registry.changed(self.name)
        if plan.body:
            connection = self._patch(connection)
            entry = replace(entry, last_updated=connection.last_updated)
            if self.registry.is_kept:
                sent = {path: text for path, text in self._desired.secrets().items() if path in observed.to_send}
                entry = entry.with_secrets(sent, connection.known_paths)
        self._show(connection)
        # The id first: an entry must not lead to what is deleted.
        entry = replace(entry, replaces=self._replaces)
        try:
            if entry != expected or observed.known_as != self.name:
                self.registry.save(self.name, entry, expected, observed.known_as)
        except TaskError as exc:
            # The id is recorded already, so only warn.
            if plan.changed or not observed.known_id or isinstance(exc, ConcurrentChange):
                raise
            self._notice(f"{exc} What is new about {self.name!r} was not recorded.")
        self._finish(connection, entry)

    def _finish(self, written: Connection, recorded: Entry) -> None:
        """Give access, and delete what is replaced. The next run finishes what fails."""
        self._show(written)
        self._set_access(written)
        self.resource.result = self._observed.result(written)
        if self._replaces:
            self._delete(self._replaces)
            self.registry.save(self.name, replace(recorded, replaces=""), recorded)

    def _notice(self, text: str) -> None:
        self.resource.notices.append(Notice(text))

    def _set_access(self, connection: Connection) -> None:
        old, wanted = self._old, self._observed.wanted
        if wanted:
            policy, is_due = wanted.policy, wanted.policy != ({} if self.is_new else self._observed.policy)
        else:
            # What the task does not specify is left as it was.
            policy = read_policy(self._client, old.policy_id) if old else {}
            is_due = bool(policy) and not read_policy(self._client, connection.policy_id)
        if is_due:
            write_policy(self._client, connection.policy_id, policy)
            self.resource.done.append(f"set the restriction policy of {connection.connection_id}")

    def _show(self, connection: Connection) -> None:
        """Set the result as it is before the policy is written."""
        self.resource.result = replace(self._observed, wanted=None).result(connection)

    def _patch(self, connection: Connection) -> Connection:
        path = f"{PATH}/{connection.connection_id}"
        doing = f"update action connection {connection.name!r} ({connection.connection_id})"
        try:
            written = Connection.of(self._client.patch(path, doing, _body(self.resource.plan.body)))
        except DatadogError as exc:
            if exc.is_gone:
                raise ConcurrentChange(
                    f"{exc} It was deleted while this task was running. Run the task again."
                ) from exc
            raise
        self.resource.done.append(f"updated action connection {connection.connection_id}")
        left = self._desired.compare(written, written.name, ())[0].get("integration")
        if any(header.get("deleted") for header in value_at(left, "credentials.headers") or []):
            # Datadog took a name in another case for another name, and has both now.
            written = Connection.of(self._client.patch(path, doing, _body({"integration": left})))
        if written.last_updated is None:
            # The answers of some organizations have no times.
            written = self._finder.read(connection.connection_id, doing) or written
        return written

    def claim_known(self) -> None:
        """Claim the name of what exists, or was deleted elsewhere."""
        observed, old = self._observed, self._old
        known = observed.entry or Entry()
        if old and known.connection_id != self._replaces:
            known = Entry(self._replaces, old.path, old.last_updated)
        # A person may have settled a former claim by giving the connection's id.
        entry = replace(known, claim="", replaces="")
        if entry != observed.named:
            self.registry.save(self.name, entry, observed.named, observed.known_as)
        claim = entry.claimed(self.path)
        self.registry.save(self.name, claim, entry)
        self.claim = claim

    def release(self) -> None:
        """Give up a claim under which nothing was created."""
        # What went wrong before is what has to be reported.
        claim, known_as = self.claim or Entry(), self._observed.known_as
        entry = replace(claim, claim="")
        with contextlib.suppress(TaskError):
            if not claim.connection_id:
                self.registry.forget(self.name, claim)
                return
            self.registry.save(self.name, entry, claim)
            if known_as not in ("", self.name):
                # Its name in Datadog is still the former one.
                self.registry.save(known_as, entry, None, self.name)

    def create(self) -> None:
        """Create it, record its id, and delete what it replaces."""
        entry = Entry(integration=self.path, replaces=self._replaces)
        if self.registry.is_kept:
            # Before the request: nothing that takes time may come between that and the record.
            entry = entry.with_secrets(self._desired.secrets(), None)
        created = self._post()
        entry = replace(entry, connection_id=created.connection_id)
        self.resource.done.append(f"created action connection {created.connection_id}")
        self._show(created)
        self._record(entry)
        self._finish(self._read_back(created), entry)

    def _record(self, entry: Entry) -> None:
        """Record the id of a new connection. Where that fails, delete it, or name it."""
        connection_id = entry.connection_id
        try:
            self.registry.save(self.name, entry, self.claim)
        except ConcurrentChange as exc:
            now = self.registry.find(self.name, is_fresh=True)
            if now and connection_id in (now.connection_id, now.replaces):
                # Another run has found this one, and goes on with it.
                raise
            # The name belongs to another connection now.
            is_deleted = self._delete(connection_id)
            fate = "was deleted" if is_deleted else "may still exist: look for it in Datadog"
            raise ConcurrentChange(f"{exc} The connection {connection_id}, which this run created, {fate}.") from exc
        except TaskError as exc:
            text = f"{exc} The action connection {self.name!r} was created as {connection_id}; set this connection_id once to record it."
            raise TaskError(text, affects_all=True) from exc

    def _post(self) -> Connection:
        try:
            doing = f"create action connection {self.name!r}"
            created = Connection.of(self._client.post(PATH, doing, _body(self.resource.plan.body)))
            if UUID.fullmatch(created.connection_id):
                return created
            # The registry would be useless with it.
            reason = f"Datadog's answer has the id {created.connection_id!r}, which is no UUID"
            raise DatadogError(reason, CHECK_ADDRESS, is_ambiguous=True, doing=doing)
        except DatadogError as exc:
            if not exc.is_ambiguous:
                self.release()
                raise
            return self._look_for(exc)

    def _look_for(self, error: DatadogError) -> Connection:
        """Find, once, what a POST without a readable answer has created."""
        name, is_kept, is_listed = self.name, self.registry.is_kept, True
        self._client.pause(error)
        self._finder.forget_list()
        found: list[Connection] = []
        try:
            found = self._finder.named(name, f"find action connection {name!r}")
        except NotListed:
            is_listed = False
        except (DatadogError, TaskError):
            pass
        claim = self.claim or Entry()
        new = [each for each in found if claim.may_be_for(each.connection_id, each.created_at)]
        if len(new) == 1 and new[0].path == self.path:
            self._notice(f"{error} It was created anyway, as {new[0].connection_id}.")
            return new[0]
        none = f"remove the entry {name!r} from the {self.registry.title}" if is_kept else "run the task again"
        if self._old:
            none = f"run a task with connection_id {self._replaces} and {self._old.path}"
        how = f"Look for {name!r} in Datadog. If it exists, set connection_id to its id for one run; if it does not, {none}."
        if len(new) > 1:
            how = f"Several have that name: {', '.join(each.connection_id for each in new)}. Delete all but one."
        elif is_kept and is_listed:
            how = "The next run looks for it again."
        text = f"Could not {error.doing}: {error.reason}. It may have been created anyway. {how}"
        raise TaskError(text, affects_all=error.affects_all) from error

    def _read_back(self, created: Connection) -> Connection:
        """Complete the answer to a POST, which has no times, and see that others can read the connection."""
        problem = "Datadog does not return it yet."
        try:
            found = self._finder.await_(created.connection_id, f"read action connection {created.connection_id} again")
        except DatadogError as exc:
            found, problem = None, str(exc)
        if found is None:
            self._notice(f"The action connection {created.connection_id} was created. {problem}")
        return found or created


def _body(attributes: Json) -> Json:
    return {"data": {"type": "action_connection", "attributes": attributes}}
