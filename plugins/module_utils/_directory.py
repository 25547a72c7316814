# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Action connections as Datadog returns them, and where they are found."""

from __future__ import annotations

import contextlib
import re
import threading
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.tidyops.datadog.plugins.module_utils._client import (
    Client,
    DatadogError,
    TooLong,
    as_object,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._integrations import (
    BY_TYPE,
    Credentials,
    Field,
    Integration,
    ReadOnly,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import Refusal
from ansible_collections.tidyops.datadog.plugins.module_utils._registry import Entry

PATH = "/api/v2/actions/connections"
FORBIDDEN = (
    "The application key must be registered for the Actions API first (PUT /api/v2/actions/app_key_registrations/<id of"
    " the application key>, or Enable Actions API Access on the key's page in Datadog), and its permissions must include"
    " connections_read and connections_write."
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
    def _known(self) -> tuple[Integration, Credentials] | None:
        return _known(self.integration_type, self.credentials_type)

    @property
    def kind(self) -> str:
        """The paths of the options, or the API's types where the collection does not know them."""
        if self._known:
            integration, credentials = self._known
            return f"{integration.key}.{credentials.key}"
        return f"{self.integration_type}/{self.credentials_type}"

    @classmethod
    def of(cls, data: t.Mapping[str, t.Any]) -> Observed:
        """Read the C(data) of an answer, or a row of the list, whatever it holds beside its id."""
        attributes = as_object(data.get("attributes"))
        answer = as_object(attributes.get("integration"))
        secrets = as_object(answer.get("credentials"))
        types = _text(answer.get("type")), _text(secrets.get("type"))
        known = _known(*types)
        creator = as_object(
            as_object(as_object(data.get("relationships")).get("created_by")).get("data")
        )
        return cls(
            connection_id=data["id"].lower(),
            name=_text(attributes.get("name")),
            integration_type=types[0],
            credentials_type=types[1],
            values=(
                known[0].each(known[1], answer, secrets, lambda part, value: part.read(value))
                if known
                else {}
            ),
            created_at=iso8601(attributes.get("created_at")),
            last_updated=iso8601(attributes.get("last_updated")),
            created_by=_text(creator.get("id")) or None,
        )

    def _each(self, do: t.Callable[[Field, t.Any], t.Any]) -> dict[str, t.Any]:
        """What came of doing something with each value, by the integration's key; empty for an unknown integration."""
        if not self._known or not self.values:
            return {}
        integration, credentials = self._known
        inside = self.values[credentials.key]
        return {integration.key: integration.each(credentials, self.values, inside, do)}

    def recalling(self, entry: Entry) -> Observed:
        """Complete it by what a registry remembers: the names of tokens, where Datadog leaves them out."""
        recalled = self._each(lambda part, value: part.recalled(value, entry.secrets))
        return replace(self, values=next(iter(recalled.values()), self.values))

    def lost_secrets(self, entry: Entry) -> list[str]:
        """The paths of those secrets in a registry that Datadog shows to be gone."""
        if not self._known:
            return []
        _integration, credentials = self._known
        values = self.values[credentials.key]
        return [
            path
            for part in credentials.fields
            for path in part.lost(values.get(part.name), entry.secrets)
        ]

    def result(self) -> dict[str, t.Any]:
        """What modules return as C(connection)."""
        return {
            "connection_id": self.connection_id,
            "name": self.name,
            **_pruned(self._each(lambda part, value: part.shown(value))),
            "created_at": self.created_at,
            "last_updated": self.last_updated,
            "created_by": self.created_by,
        }

    def options(self, by_id: bool) -> dict[str, t.Any] | None:
        """What a task would be given to get this connection; None for an integration that this collection does not know.

        :param by_id: whether its name alone does not tell which one is meant.
        """
        if not self._known:
            return None
        return {**({"connection_id": self.connection_id} if by_id else {}), **self.shown()}

    def shown(self) -> dict[str, t.Any]:
        """What the diff shows when the connection goes away."""
        writable = self._each(
            lambda part, value: None if isinstance(part, ReadOnly) else part.shown(value)
        )
        return {"name": self.name, **_pruned(writable)}


def _known(integration_type: str, credentials_type: str) -> tuple[Integration, Credentials] | None:
    """The catalogue's entries for the API's types."""
    integration = BY_TYPE.get(integration_type)
    credentials = integration and integration.variant(credentials_type)
    return (integration, credentials) if integration and credentials else None


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


class NotListed(Refusal):
    """Datadog does not offer the list of connections.

    :param cause: what it answered.
    """

    concerns_all = True

    def __init__(self, message: str, cause: DatadogError) -> None:
        super().__init__(message)
        self.cause = cause


class _Listing:
    """The list of connections as it was read.

    :param generation: that of the directory when reading began.
    :ivar refusal: what Datadog answered instead.
    """

    def __init__(
        self,
        generation: int,
        rows: t.Iterable[dict[str, t.Any]],
        refusal: DatadogError | None = None,
    ) -> None:
        self.generation = generation
        self.refusal = refusal
        self._by_id: dict[str, dict[str, t.Any]] = {}
        self._by_name: dict[str, list[dict[str, t.Any]]] = {}
        self._tells_times = False
        for row in rows:
            attributes = as_object(row.get("attributes"))
            self._by_id[row["id"].lower()] = row
            self._by_name.setdefault(_text(attributes.get("name")), []).append(row)
            self._tells_times = self._tells_times or "last_updated" in attributes

    def named(self, name: str) -> list[Observed]:
        return [Observed.of(row) for row in self._by_name.get(name, [])]

    def complete(self, connection_id: str) -> Observed | None:
        """A connection, if its row tells all that there is to know."""
        row = self._by_id.get(connection_id)
        found = Observed.of(row) if row else None
        if not found or not found.tells_kind or not found.name:
            return None
        return found if found.last_updated or not self._tells_times else None


class Directory:
    """The connections of an organisation, as far as Datadog lets them be found. May be used by several threads.

    What was read of the list holds until renew() is called.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reading = threading.Lock()
        self._generation = 0
        self._listing: _Listing | None = None

    def renew(self) -> None:
        """Take nothing for granted that was read before."""
        self._generation += 1

    def read_ahead(self, doing: str, most_pages: int | None) -> None:
        """Read the list, so that connections need not be read one by one.

        :param most_pages: how many requests that may take. None if it has to be read in any case.
        """
        with contextlib.suppress(TooLong):
            self._listed(doing, most_pages)

    def get(self, connection_id: str, doing: str, known: Entry | None = None) -> Observed | None:
        """Find a connection by its id, in the list if that was read.

        :param known: what the registry knows of it. If the list says something else, it may be the older one.
        :returns: None where there is none of that id.
        """
        listing = self._listing
        if listing and listing.generation == self._generation:
            listed = listing.complete(connection_id)
            if listed and (known is None or listed.last_updated == known.last_updated):
                return listed
        return self.read(connection_id, doing)

    def read(self, connection_id: str, doing: str) -> Observed | None:
        """The same, as it is now."""
        found = self._client.find(f"{PATH}/{connection_id}", doing)
        return Observed.of(found) if found else None

    def named(self, name: str, doing: str) -> list[Observed]:
        """Every connection of exactly that name.

        :raises NotListed: where Datadog does not offer the list.
        """
        listing = self._listed(doing)
        refusal = listing.refusal
        if not refusal:
            return listing.named(name)
        if not _is_refusal(refusal):
            raise refusal
        needs = (
            f"{FORBIDDEN} If they are, the organisation may lack the list. "
            if refusal.status == 403
            else ""
        )
        raise NotListed(
            f"{refusal} {needs}Without the list of connections, which is a preview that not every organisation has,"
            f" nothing tells whether {name!r} exists, and creating it could make a second one. Ways out: give"
            " connection_id, which needs no list; or give a registry, which remembers the ids of names",
            refusal,
        ) from refusal

    def all(self, integration_types: t.Sequence[str] | None) -> list[Observed]:
        """Every connection, or those of some integrations.

        :raises NotListed: where Datadog does not offer the list.
        """
        doing = "list the action connections"
        filters = {"filter[integration]": list(integration_types)} if integration_types else {}
        try:
            rows = self._client.pages(PATH, doing, filters, total=_total)
            return [Observed.of(row) for row in rows]
        except DatadogError as exc:
            if not _is_refusal(exc):
                raise
            raise NotListed(str(exc), exc) from exc

    def _listed(self, doing: str, most_pages: int | None = None) -> _Listing:
        """The list, which is read whole, because what C(filter[search]) matches is not documented.

        Threads that want it at the same time wait for one of them to read it.
        """
        with self._reading:
            generation = self._generation
            listing = self._listing
            if listing is None or listing.generation != generation:
                rows = self._client.pages(
                    PATH,
                    doing,
                    total=lambda meta: meta.get("total_filtered"),
                    most_pages=most_pages,
                )
                try:
                    listing = _Listing(generation, rows)
                except DatadogError as exc:
                    # Others that want it now would get the same.
                    listing = _Listing(generation, [], exc)
                self._listing = listing
            return listing


def _total(meta: t.Mapping[str, t.Any]) -> t.Any:
    return meta.get("total_filtered")


def _is_refusal(error: DatadogError) -> bool:
    """The list is a preview; an organisation without it gets a 4xx that Datadog does not document."""
    status = error.status
    return status is not None and 400 <= status < 500 and status not in (401, 408, 429)
