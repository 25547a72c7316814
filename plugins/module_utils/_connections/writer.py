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
from ansible_collections.tidyops.datadog.plugins.module_utils._reconcile import Notice, fails_for_all
from ansible_collections.tidyops.datadog.plugins.module_utils._registry.base import ROWS_AT_ONCE, Entry, Registry
from ansible_collections.tidyops.datadog.plugins.module_utils._restriction_policy import read_policy, write_policy

from .finder import ConnectionFinder, NotListed
from .model import PATH, Configuration, Connection
from .planner import entry_of, result_of

if t.TYPE_CHECKING:
    from .resource import ActionConnection

    Each = t.Callable[[t.Sequence[ActionConnection], t.Callable[[ActionConnection], None]], None]


class Writer:
    """Applies plans. May be used by several threads."""

    def __init__(self, client: Client, finder: ConnectionFinder, registry: Registry) -> None:
        self._client = client
        self._finder = finder
        self._registry = registry
        # The entries under which this run creates connections.
        self._claims: dict[ActionConnection, Entry] = {}

    def apply_all(self, resources: t.Sequence[ActionConnection], each: Each) -> None:
        """Apply plans. :param each: does something with each resource, and sets its error."""
        creates = [resource for resource in resources if _is_new(resource)]
        each([resource for resource in resources if not _is_new(resource)], self._apply)
        for start in range(0, len(creates), ROWS_AT_ONCE):
            batch = creates[start : start + ROWS_AT_ONCE]
            if fails_for_all(resources):
                for resource in batch:
                    resource.error = Skipped()
                continue
            known = [resource for resource in batch if resource.observed.connection or resource.observed.named]
            self._claim_new([resource for resource in batch if resource not in known])
            each(known, self._claim_known)
            claimed = [resource for resource in batch if resource in self._claims]
            each(claimed, self._create)
            for resource in claimed:
                if isinstance(resource.error, Skipped):
                    self._release(resource)

    def _apply(self, resource: ActionConnection) -> None:
        wanted, connection = resource.desired.configuration, resource.observed.connection
        if wanted is None:
            self._delete(resource)
        elif connection:
            self._update(resource, wanted, connection)

    def _delete(self, resource: ActionConnection) -> None:
        # A known id is deleted also where Datadog did not return it.
        observed, given_id = resource.observed, resource.desired.connection_id
        entry, known_id = observed.entry, given_id or observed.known_id
        found = [each.connection_id for each in (observed.connection, observed.replaced) if each]
        for connection_id in dict.fromkeys([*found, *filter(None, [known_id])]):
            if self._delete_id(resource, connection_id):
                resource.operation = "delete"
        resource.result = result_of(observed, None)
        if entry and entry.claim and given_id:
            # Whether there is another connection of the name is still to be settled.
            left = Entry(integration=entry.integration, claim=entry.claim)
            self._registry.save(observed.known_as, left, entry)
        elif entry and given_id in ("", entry.connection_id):
            self._registry.forget(observed.known_as, entry)

    def _delete_id(self, resource: ActionConnection, connection_id: str) -> bool:
        doing = f"delete action connection {connection_id}"
        is_deleted = self._client.delete(f"{PATH}/{connection_id}", doing)
        if is_deleted:
            resource.done.append(f"deleted action connection {connection_id}")
        return is_deleted

    def _update(self, resource: ActionConnection, wanted: Configuration, connection: Connection) -> None:
        """Change a connection, record it, and delete what it replaces, if that still exists."""
        observed, plan = resource.observed, resource.plan
        name, old = plan.after["name"], observed.replaced
        written, entry = connection, entry_of(wanted, connection, observed.entry)
        if plan.body:
            written = self._patch(resource, wanted, connection)
            secrets = wanted.secrets()
            sent = {path: secrets[path] for path in observed.to_send}
            entry = replace(entry, last_updated=written.last_updated)
            if self._registry.is_kept:
                entry = entry.with_secrets(sent, wanted.secret_paths(written.values))
        resource.result = result_of(replace(observed, wanted=None), written)
        expected = observed.entry if name == observed.known_as else observed.named
        if old:
            if expected and expected.claim:
                # The id first: an entry must not lead to what is deleted.
                unfinished = replace(entry, replaces=old.connection_id)
                self._registry.save(name, unfinished, expected, former_name=observed.known_as)
                expected = unfinished
            self._keep_access(resource, old, written)
            self._set_access(resource, written)
            self._delete_id(resource, old.connection_id)
        try:
            if plan.is_due or plan.body or old:
                self._registry.save(name, entry, expected, former_name=observed.known_as)
        except TaskError as exc:
            # The id is recorded already, so only warn.
            if plan.changed or not observed.known_id or isinstance(exc, ConcurrentChange):
                raise
            resource.notices.append(Notice(f"{exc} What is new about {name!r} was not recorded."))
        if not old:
            self._set_access(resource, written)

    def _patch(self, resource: ActionConnection, wanted: Configuration, connection: Connection) -> Connection:
        path = f"{PATH}/{connection.connection_id}"
        doing = f"update action connection {connection.name!r} ({connection.connection_id})"
        try:
            written = Connection.of(self._client.patch(path, doing, _body(resource.plan.body)))
        except DatadogError as exc:
            if exc.is_gone:
                raise ConcurrentChange(
                    f"{exc} It was deleted while this task was running. Run the task again."
                ) from exc
            raise
        resource.done.append(f"updated action connection {connection.connection_id}")
        left = wanted.compare(written.values, ()).send
        if any(header.get("deleted") for header in left.get("credentials", {}).get("headers", [])):
            # Datadog took a name in another case for another name, and has both now.
            written = Connection.of(self._client.patch(path, doing, _body({"integration": left})))
        if written.last_updated is None:
            # The answers of some organizations have no times.
            written = self._finder.read(connection.connection_id, doing) or written
        return written

    def _set_access(self, resource: ActionConnection, connection: Connection) -> None:
        """Write the policy, if the task specifies another one. The next run finishes what fails."""
        wanted, policy = resource.observed.wanted, {} if _is_new(resource) else resource.observed.policy
        if wanted and wanted.policy != policy:
            write_policy(self._client, f"connection:{connection.connection_id}", wanted.policy)
            resource.done.append(f"set the restriction policy of {connection.connection_id}")
        resource.result = result_of(resource.observed, connection)

    def _keep_access(self, resource: ActionConnection, old: Connection, new: Connection) -> None:
        # What the task does not specify is left as it was.
        if resource.observed.wanted is None:
            policy = read_policy(self._client, f"connection:{old.connection_id}")
            if policy and not read_policy(self._client, f"connection:{new.connection_id}"):
                write_policy(self._client, f"connection:{new.connection_id}", policy)

    def _claim_new(self, resources: t.Sequence[ActionConnection]) -> None:
        """Claim the names of connections that nothing is known of, all together."""
        wanted = {resource.plan.after["name"]: resource for resource in resources}
        entries = {name: Entry().claimed(_kind(resource)) for name, resource in wanted.items()}
        try:
            claimed = self._registry.claim(entries) if entries else set()
        except TaskError as exc:
            for resource in resources:
                resource.error = exc if resource is resources[0] else Skipped()
            return
        for name, resource in wanted.items():
            if name in claimed:
                self._claims[resource] = entries[name]
            else:
                resource.error = self._registry.changed(name)

    def _claim_known(self, resource: ActionConnection) -> None:
        """Claim a name for a connection that replaces what exists, or what was deleted elsewhere."""
        observed, name = resource.observed, resource.plan.after["name"]
        known, old = observed.entry, observed.connection
        if old and not (known and known.connection_id == old.connection_id):
            entry = Entry(old.connection_id, old.kind, old.last_updated)
        else:
            # A person has settled a former claim by giving the connection's id.
            entry = replace(known or Entry(), claim="", replaces="")
        if entry != observed.named:
            self._registry.save(name, entry, observed.named, observed.known_as)
        claim = entry.claimed(_kind(resource))
        self._registry.save(name, claim, entry)
        self._claims[resource] = claim

    def _release(self, resource: ActionConnection) -> None:
        """Give up a claim under which nothing was created. What went wrong before is what has to be reported."""
        name, known_as, claim = resource.plan.after["name"], resource.observed.known_as, self._claims[resource]
        entry = replace(claim, claim="")
        with contextlib.suppress(TaskError):
            if not claim.connection_id:
                self._registry.forget(name, claim)
                return
            self._registry.save(name, entry, claim)
            if known_as not in ("", name):
                self._registry.save(known_as, entry, None, former_name=name)

    def _create(self, resource: ActionConnection) -> None:
        """Create a connection, record its id, and delete the one that it replaces, if there is one."""
        wanted, observed, name = resource.desired.configuration, resource.observed, resource.plan.after["name"]
        old = observed.connection
        entry = Entry(integration=_kind(resource), replaces=old.connection_id if old else "")
        if wanted and self._registry.is_kept:
            # Before the request: nothing that takes time may come between that and the record.
            entry = entry.with_secrets(wanted.secrets(), None)
        created = self._post(resource)
        entry = replace(entry, connection_id=created.connection_id)
        resource.done.append(f"created action connection {created.connection_id}")
        resource.result = result_of(replace(observed, wanted=None), created)
        self._record(resource, name, entry)
        created = self._read_back(resource, created)
        if old:
            self._keep_access(resource, old, created)
        resource.result = result_of(replace(observed, wanted=None), created)
        self._set_access(resource, created)
        if old:
            self._delete_id(resource, old.connection_id)
            self._registry.save(name, replace(entry, replaces=""), entry, observed.known_as)

    def _record(self, resource: ActionConnection, name: str, entry: Entry) -> None:
        """Record the id of a new connection. Where that fails, delete it, or name it."""
        connection_id = entry.connection_id
        try:
            self._registry.save(name, entry, self._claims[resource])
        except ConcurrentChange as exc:
            now = self._registry.find(name, is_fresh=True)
            if now and connection_id in (now.connection_id, now.replaces):
                # Another run has found this one, and goes on with it.
                raise
            # The name belongs to another connection now.
            is_deleted = self._delete_id(resource, connection_id)
            fate = "was deleted" if is_deleted else "may still exist: look for it in Datadog"
            raise ConcurrentChange(f"{exc} The connection {connection_id}, which this run created, {fate}.") from exc
        except TaskError as exc:
            text = f"{exc} The action connection {name!r} was created as {connection_id}; set this connection_id once to record it."
            raise TaskError(text, affects_all=True) from exc

    def _post(self, resource: ActionConnection) -> Connection:
        doing = f"create action connection {resource.plan.after['name']!r}"
        try:
            return Connection.of(self._client.post(PATH, doing, _body(resource.plan.body)))
        except DatadogError as exc:
            if not exc.is_ambiguous:
                self._release(resource)
                raise
            return self._look_for(resource, exc)

    def _look_for(self, resource: ActionConnection, error: DatadogError) -> Connection:
        """Find, once, what a POST without a readable answer has created."""
        name, old, registry = resource.plan.after["name"], resource.observed.connection, self._registry
        how = (
            "The next run looks for it again."
            if registry.is_kept
            else "Look for it in Datadog before you run the task again."
        )
        self._client.pause(error)
        self._finder.forget_list()
        matches: list[Connection] = []
        try:
            matches = self._finder.named(name, f"find action connection {name!r}")
        except NotListed:
            none = f"remove the entry {name!r} from the {registry.title}" if registry.is_kept else "run the task again"
            how = (
                f"Datadog does not offer the list of connections, so look there for {name!r}: if it exists, set connection_id to its"
                f" id for one run; if it does not, {none}."
            )
        except (DatadogError, TaskError):
            pass
        new = [match for match in matches if not (old and match.connection_id == old.connection_id)]
        if len(new) == 1 and new[0].kind == _kind(resource):
            resource.notices.append(Notice(f"{error} It was created anyway, as {new[0].connection_id}."))
            return new[0]
        if len(new) > 1:
            how = f"Several have that name: {', '.join(match.connection_id for match in new)}. Delete all but one."
        text = f"Could not {error.doing}: {error.reason}. It may have been created anyway. {how}"
        raise TaskError(text, affects_all=error.affects_all) from error

    def _read_back(self, resource: ActionConnection, created: Connection) -> Connection:
        """Complete the answer to a POST, which has no times, and see that others can read the connection."""
        problem = "Datadog does not return it yet."
        try:
            found = self._finder.await_(created.connection_id, f"read action connection {created.connection_id} again")
        except DatadogError as exc:
            found, problem = None, str(exc)
        if found is None:
            resource.notices.append(Notice(f"The action connection {created.connection_id} was created. {problem}"))
        return found or created


def _is_new(resource: ActionConnection) -> bool:
    wanted, connection = resource.desired.configuration, resource.observed.connection
    return bool(wanted and (connection is None or connection.kind != wanted.kind))


def _kind(resource: ActionConnection) -> str:
    wanted = resource.desired.configuration
    return wanted.kind if wanted else ""


def _body(attributes: Json) -> Json:
    return {"data": {"type": "action_connection", "attributes": attributes}}
