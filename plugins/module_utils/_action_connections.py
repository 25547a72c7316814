# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Action connections: which one is meant, what differs, and how it is written."""

from __future__ import annotations

import re
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.tidyops.datadog.plugins.module_utils._client import (
    CONTROL_CHARACTERS,
    UUID,
    Client,
    DatadogError,
    as_object,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._integrations import (
    BY_KEY,
    BY_TYPE,
    Configuration,
    ReadOnly,
    integration_options,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import (
    LookAgain,
    OptionError,
    Plan,
    Refusal,
    Resource,
)

PATH = "/api/v2/actions/connections"
#: Seconds between the looks at two connections of one name, before they are taken to be there for good.
SETTLING_PAUSES = (0.5, 1, 2)
EXAMPLE_UUID = "3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"
FORBIDDEN = (
    "The application key must be registered for the Actions API first (PUT /api/v2/actions/app_key_registrations/<id of"
    " the application key>, or Enable Actions API Access on the key's page in Datadog), and its permissions must include"
    " connections_read and connections_write."
)

ARGUMENT_SPEC: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str"},
    "connection_id": {"type": "str"},
    "update_secrets": {
        "type": "str",
        "choices": ["on_change", "always", "on_create"],
        "default": "on_change",
        "no_log": False,
    },
    "allow_replace": {"type": "bool", "default": False},
    **integration_options(),
}


@dataclass(frozen=True)
class Desired:
    """What a task says of one connection.

    :ivar name: empty if only the id is given.
    :ivar connection_id: empty if only the name is given.
    :ivar configuration: None if no such connection is to be.
    """

    name: str
    connection_id: str
    update_secrets: str
    allow_replace: bool
    configuration: Configuration | None

    @property
    def title(self) -> str:
        """How messages call it."""
        names = [repr(self.name)] if self.name else []
        return " ".join(["action connection", *names, *filter(None, [self.connection_id])])

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> Desired:
        """:raises OptionError: for all that is wrong with the options and can be known without Datadog."""
        problems: list[tuple[str, str]] = []
        name, connection_id = params["name"], params["connection_id"]
        if name is None and connection_id is None:
            problems.append(
                ("name", "or connection_id is required, to tell which connection is meant")
            )
        if name is not None and not name.strip():
            problems.append(("name", "must not be empty"))
        elif name is not None and CONTROL_CHARACTERS.search(name):
            problems.append(("name", "must not contain control characters"))
        if connection_id is not None and not UUID.fullmatch(connection_id):
            problems.append(
                ("connection_id", f"must be the UUID of a connection, like {EXAMPLE_UUID}")
            )
        present = params["state"] == "present"
        given = [key for key in BY_KEY if params[key] is not None]
        configuration = None
        if len(given) > 1:
            problems.append(
                (", ".join(given), "are mutually exclusive; a connection has one integration")
            )
        elif given:
            integration = BY_KEY[given[0]]
            configuration = Configuration.of(integration, params[given[0]])
            if configuration:
                problems.extend(configuration.problems())
            else:
                keys = " or ".join(variant.key for variant in integration.credentials)
                problems.append((given[0], f"must hold {keys}"))
        elif present:
            keys = ", ".join(BY_KEY)
            problems.append(("state", f"is present, so one integration is required: one of {keys}"))
        if problems:
            raise OptionError(*problems)
        return cls(
            name or "",
            (connection_id or "").lower(),
            params["update_secrets"],
            params["allow_replace"],
            configuration if present else None,
        )


@dataclass(frozen=True)
class Observed:
    """A connection as Datadog returns it, secrets excepted.

    :ivar integration_type: empty, like C(credentials_type), if the answer does not tell.
    :ivar values: the integration in the shape of its option, read-only fields included; empty for an integration
        that this collection does not know.
    :ivar created_at: ISO 8601 or None; last_updated likewise.
    """

    connection_id: str
    name: str
    integration_type: str
    credentials_type: str
    values: dict[str, t.Any]
    created_at: str | None
    last_updated: str | None
    created_by: str | None

    @property
    def tells_kind(self) -> bool:
        """Whether the answer told which integration and credentials these are."""
        return bool(self.integration_type and self.credentials_type)

    @property
    def kind(self) -> str:
        """The paths of the options, or the API's types where the collection does not know them."""
        integration = BY_TYPE.get(self.integration_type)
        credentials = integration and integration.variant(self.credentials_type)
        if integration and credentials:
            return f"{integration.key}.{credentials.key}"
        return f"{self.integration_type}/{self.credentials_type}"

    @classmethod
    def of(cls, data: t.Mapping[str, t.Any]) -> Observed:
        """Read the C(data) of an answer, or a row of the list, whatever it holds beside its id."""
        attributes = as_object(data.get("attributes"))
        answer = as_object(attributes.get("integration"))
        secrets = as_object(answer.get("credentials"))
        integration = BY_TYPE.get(_text(answer.get("type")))
        credentials = integration and integration.variant(_text(secrets.get("type")))
        values: dict[str, t.Any] = {}
        if integration and credentials:
            values = {
                field.name: field.read(answer.get(field.name)) for field in integration.fields
            }
            values[credentials.key] = {
                field.name: field.read(secrets.get(field.name)) for field in credentials.fields
            }
        creator = as_object(
            as_object(as_object(data.get("relationships")).get("created_by")).get("data")
        )
        return cls(
            connection_id=data["id"],
            name=_text(attributes.get("name")),
            integration_type=_text(answer.get("type")),
            credentials_type=_text(secrets.get("type")),
            values=values,
            created_at=iso8601(attributes.get("created_at")),
            last_updated=iso8601(attributes.get("last_updated")),
            created_by=_text(creator.get("id")) or None,
        )

    def result(self) -> dict[str, t.Any]:
        """What modules return as C(connection)."""
        integration = BY_TYPE.get(self.integration_type)
        return {
            "connection_id": self.connection_id,
            "name": self.name,
            **({integration.key: _pruned(self.values)} if integration and self.values else {}),
            "created_at": self.created_at,
            "last_updated": self.last_updated,
            "created_by": self.created_by,
        }

    def shown(self) -> dict[str, t.Any]:
        """What the diff shows when the connection goes away."""
        result = self.result()
        integration = BY_TYPE.get(self.integration_type)
        credentials = integration and integration.variant(self.credentials_type)
        if integration and credentials:
            values = result[integration.key]
            for field in credentials.fields:
                if isinstance(field, ReadOnly):
                    values[credentials.key].pop(field.name, None)
        return {key: value for key, value in result.items() if key == "name" or key in BY_KEY}


def _text(value: t.Any) -> str:
    return value if isinstance(value, str) else ""


def _pruned(values: dict[str, t.Any]) -> dict[str, t.Any]:
    """A copy without what is None or an empty list, inside as well."""
    return {
        key: _pruned(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None and value != []
    }


def iso8601(written: t.Any) -> str | None:
    """Datadog writes C(2026-07-13 13:25:37.4346 +0000 UTC).

    :returns: ISO 8601 with microseconds (C(2026-07-13T13:25:37.434600Z)), or None for anything else.
    """
    match = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d+))? ?(?:Z|([+-]\d\d):?(\d\d))(?: [A-Z]+)?",
        str(written),
    )
    if not match:
        return None
    date, clock, fraction, hours, minutes = match.groups()
    offset = "Z" if hours is None or (int(hours), minutes) == (0, "00") else f"{hours}:{minutes}"
    return f"{date}T{clock}.{(fraction or '').ljust(6, '0')[:6]}{offset}"


class Directory:
    """The connections of an organisation, as far as Datadog lets them be found."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get(self, connection_id: str, doing: str) -> Observed | None:
        """:returns: None where there is none of that id."""
        found = self._client.find(f"{PATH}/{connection_id}", doing)
        return Observed.of(found) if found else None

    def named(self, name: str, doing: str) -> list[Observed]:
        """Every connection of exactly that name.

        The list is read whole, because what C(filter[search]) matches is not documented.

        :raises Refusal: where Datadog does not offer the list.
        """
        rows = self._client.pages(PATH, doing, total=lambda meta: meta.get("total_filtered"))
        try:
            return [
                Observed.of(row)
                for row in rows
                if as_object(row.get("attributes")).get("name") == name
            ]
        except DatadogError as exc:
            # The list is a preview; an organisation without it gets a 4xx that Datadog does not document.
            if exc.status is None or not 400 <= exc.status < 500 or exc.status in (401, 408, 429):
                raise
            needs = (
                f"{FORBIDDEN} If they are, the organisation may lack the list. "
                if exc.status == 403
                else ""
            )
            raise Refusal(
                f"{exc} {needs}Without the list of connections, which is a preview that not every organisation has,"
                f" nothing tells whether {name!r} exists, and creating it could make a second one. Ways out: give"
                " connection_id, which needs no list; or ask Datadog's support to enable the list"
            ) from exc


class ActionConnection(Resource):
    """One action connection, brought to what a task says."""

    forbidden_hint = FORBIDDEN

    def __init__(self, client: Client, params: t.Mapping[str, t.Any]) -> None:
        super().__init__()
        self.desired = Desired.of(params)
        self._client = client
        self._directory = Directory(client)

    def observe(self) -> Observed | None:
        desired = self.desired
        doing = f"find {desired.title}"
        if desired.connection_id:
            return self._directory.get(desired.connection_id, doing)
        for patience in (*SETTLING_PAUSES, None):
            matches = self._directory.named(desired.name, doing)
            if not matches:
                return None
            if len(matches) == 1:
                [match] = matches
                return (
                    match if match.tells_kind else self._directory.get(match.connection_id, doing)
                )
            if patience is None or not all(match.created_at for match in matches):
                break
            # Two runs may have created them just now, of which one is about to delete its own.
            time.sleep(patience)
        raise Refusal(_ambiguous(desired.name, matches))

    def plan(self, observed: Observed | None) -> Plan:
        desired = self.desired
        wanted = desired.configuration
        if wanted is None:
            return Plan("delete", observed.shown(), {}) if observed else Plan("none", {}, {})
        if observed is None:
            if desired.connection_id:
                raise Refusal(
                    f"There is no action connection {desired.connection_id}, and Datadog chooses"
                    " the ids of new ones. Ways out: correct connection_id, or leave it out to have"
                    " the connection found or created by name"
                )
            return self._plan_create("create", wanted, desired.name, {})
        if not observed.tells_kind:
            raise Refusal(
                f"Datadog's answer does not tell which integration {desired.title}"
                f" ({observed.connection_id}) has, so it cannot be compared. Ways out: run the task"
                " again, or look at the connection in Datadog"
            )
        if observed.kind != wanted.kind:
            return self._plan_replace(wanted, observed)
        return self._plan_update(wanted, observed)

    def _plan_create(
        self, operation: str, wanted: Configuration, name: str, before: dict[str, t.Any]
    ) -> Plan:
        _require(wanted.missing(None))
        send, _nothing, after = wanted.compare(None, self._sends_secret)
        body = _body({"name": name, "integration": send})
        return Plan(operation, before, {"name": name, **after}, body)

    def _plan_replace(self, wanted: Configuration, observed: Observed) -> Plan:
        desired = self.desired
        if not desired.allow_replace:
            raise Refusal(
                f"The {desired.title} exists as {observed.kind} ({observed.connection_id}), and"
                f" Datadog cannot turn it into {wanted.kind}. Ways out: choose another name; or set"
                " allow_replace, which creates a new connection, with a new id, and then deletes"
                " this one, so that workflows and apps that use its id need the new one"
            )
        name = desired.name or observed.name
        plan = self._plan_create("replace", wanted, name, observed.shown())
        if desired.connection_id:
            plan.warnings.append(
                f"Replacing {desired.connection_id} gives the connection a new id; the task's"
                " connection_id has to follow."
            )
        return plan

    def _plan_update(self, wanted: Configuration, observed: Observed) -> Plan:
        _require(wanted.missing(observed.values))
        send, before, after = wanted.compare(observed.values, self._sends_secret)
        name = self.desired.name or observed.name
        attributes: dict[str, t.Any] = {}
        if name != observed.name:
            attributes["name"] = name
        if send:
            attributes["integration"] = send
        return Plan(
            "update" if attributes else "none",
            {"name": observed.name, **before},
            {"name": name, **after},
            _body(attributes),
            self._warnings(wanted, observed),
        )

    def _warnings(self, wanted: Configuration, observed: Observed) -> list[str]:
        """What cannot be compared is said, not guessed."""
        desired = self.desired
        warnings = []
        if desired.update_secrets == "on_change" and wanted.has_secrets():
            warnings.append(
                f"Datadog never returns secrets, so those of {desired.title} could not be compared and"
                " were not sent. Set update_secrets to 'always' to send them with every run, or to"
                " 'on_create' if they need no comparison."
            )
        for path in wanted.hidden(observed.values):
            warnings.append(
                f"Datadog's answer leaves {path} out, so nothing tells which of them {desired.title}"
                " has. Those of the task were taken to be there, and none was removed. With"
                " update_secrets 'always' those of the task are sent; others go only if the"
                " connection is deleted and created again."
            )
        return warnings

    def _sends_secret(self, path: str, value: str) -> bool:
        """Whether a secret goes to a connection that has one already."""
        return self.desired.update_secrets == "always"

    def foretell(self, plan: Plan, observed: Observed | None) -> dict[str, t.Any]:
        wanted = self.desired.configuration
        if wanted is None or not plan.changed:
            return self.result(observed, gone=plan.operation == "delete")
        updated = observed if plan.operation == "update" else None
        known = updated.result() if updated else _UNKNOWN
        connection = {
            **known,
            "name": plan.after["name"],
            wanted.integration.key: wanted.foretold(
                plan.after, updated.values if updated else None
            ),
        }
        return {"connection": connection, "connection_id": known["connection_id"]}

    def apply(self, plan: Plan, observed: Observed | None) -> dict[str, t.Any]:
        if observed is None:
            return self.result(self._create(plan, None))
        if plan.operation == "delete":
            self._delete(observed.connection_id)
            return self.result(observed, gone=True)
        if plan.operation == "update":
            return self.result(self._update(plan, observed))
        created = self._create(plan, observed)
        self._delete(observed.connection_id)
        return self.result(created)

    def _delete(self, connection_id: str) -> None:
        doing = f"delete action connection {connection_id}"
        try:
            self._client.delete(f"{PATH}/{connection_id}", doing)
        except DatadogError as exc:
            if exc.status != 404:
                raise
        self.progress.append(f"deleted action connection {connection_id}")

    def _update(self, plan: Plan, observed: Observed) -> Observed:
        doing = f"update {self.desired.title} ({observed.connection_id})"
        try:
            answer = self._client.patch(f"{PATH}/{observed.connection_id}", doing, plan.body)
        except DatadogError as exc:
            if exc.status == 404:
                raise LookAgain(exc, effect=False) from exc
            raise
        return self._read_back(plan, Observed.of(answer))

    def _read_back(self, plan: Plan, written: Observed) -> Observed:
        """Complete the answer to a write, which lacks what Datadog adds later."""
        if written.last_updated:
            return written
        doing = f"read action connection {written.connection_id} again"
        try:
            return self._directory.get(written.connection_id, doing) or written
        except DatadogError as exc:
            plan.warnings.append(f"The connection was written. {exc}")
            return written

    def _create(self, plan: Plan, replaced: Observed | None) -> Observed:
        name = plan.body["data"]["attributes"]["name"]
        doing = f"create action connection {name!r}"
        try:
            created = Observed.of(self._client.post(PATH, doing, plan.body))
        except DatadogError as exc:
            if not exc.ambiguous:
                raise
            created = self._look_for(name, replaced, exc)
        self.progress.append(f"created action connection {created.connection_id}")
        if self.desired.connection_id:
            # It is not its name that tells this connection from others.
            return self._read_back(plan, created)
        return self._settle(plan, created, replaced)

    def _look_for(self, name: str, replaced: Observed | None, error: DatadogError) -> Observed:
        """Find what a POST without a readable answer has made.

        :returns: the replacement of an existing connection.
        :raises LookAgain: where planning anew goes on safely: the connection is there, or surely is not.
        :raises DatadogError: where nothing tells.
        """
        in_doubt = DatadogError(
            error.doing,
            f"{error.reason}. It may have been created all the same. Look for {name!r} among the connections in"
            " Datadog, and delete it there if there is one too many; then run the task again",
            error.status,
            error.errors,
        )
        if self.desired.connection_id:
            raise in_doubt
        self._client.pause(error)
        try:
            matches = self._directory.named(name, f"find action connection {name!r}")
        except (DatadogError, Refusal) as exc:
            raise in_doubt from exc
        if replaced:
            matches = [m for m in matches if m.connection_id != replaced.connection_id]
        if not matches and error.unfinished:
            raise in_doubt
        if not matches or not replaced:
            raise LookAgain(error)
        wanted = self.desired.configuration
        if len(matches) > 1 or wanted is None or matches[0].kind != wanted.kind:
            raise Refusal(_ambiguous(name, [replaced, *matches])) from error
        return matches[0]

    def _settle(self, plan: Plan, created: Observed, replaced: Observed | None) -> Observed:
        """Read the new connection back, and see whether another run created one of its name at the same time.

        Datadog has no unique names. Of two runs at least the one that posted later sees both connections; the
        connection that was created first stays, and each run deletes none but its own.
        """
        try:
            matches = self._directory.named(created.name, f"read {self.desired.title} again")
        except (DatadogError, Refusal) as exc:
            plan.warnings.append(
                f"Created {created.connection_id}, but could not see whether another run created one"
                f" of the same name at the same time. {exc}"
            )
            return created
        mine = next((m for m in matches if m.connection_id == created.connection_id), created)
        known = {created.connection_id, replaced.connection_id if replaced else None}
        rivals = [match for match in matches if match.connection_id not in known]
        if not rivals:
            return mine
        if not all(match.created_at for match in [mine, *rivals]):
            raise Refusal(_ambiguous(created.name, [mine, *rivals]))
        first = min(
            [mine, *rivals], key=lambda match: (match.created_at or "", match.connection_id)
        )
        if first is mine:
            plan.warnings.append(
                f"Another action connection {created.name!r} was created at the same time:"
                f" {', '.join(rival.connection_id for rival in rivals)}. The earlier one,"
                f" {mine.connection_id}, was kept; a run of this module that made the other one"
                " deletes it."
            )
            return mine
        self._delete(created.connection_id)
        faster = DatadogError(
            f"create action connection {created.name!r}",
            f"another run created {first.connection_id} at the same time",
        )
        raise LookAgain(faster, effect=False)


_UNKNOWN: dict[str, t.Any] = {
    "connection_id": None,
    "name": None,
    "created_at": None,
    "last_updated": None,
    "created_by": None,
}


def _require(missing: t.Iterable[tuple[str, str]]) -> None:
    problems = list(missing)
    if problems:
        raise OptionError(*problems)


def _body(attributes: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"data": {"type": "action_connection", "attributes": attributes}}


def _ambiguous(name: str, matches: t.Sequence[Observed]) -> str:
    listed = ", ".join(f"{match.connection_id} ({match.kind})" for match in matches)
    return (
        f"{len(matches)} action connections are called {name!r}: {listed}. Nothing tells which one is meant. Ways out: give"
        " connection_id, or delete or rename all but one"
    )
