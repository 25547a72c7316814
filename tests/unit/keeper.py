# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks that are run with a registry, and what has to hold of all of them."""

from __future__ import annotations

import copy
import json
import typing as t
from pathlib import Path

from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY, credentials_of

if t.TYPE_CHECKING:
    from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
        Emulator,
    )
    from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
    from ansible_collections.tidyops.datadog.tests.unit.module_runner import Run


CONNECTIONS = "/api/v2/actions/connections"
DATASTORES = "/api/v2/actions-datastores"


class Home:
    """A registry that does not exist yet, or is empty, and what tests have to know of it.

    :ivar registry: the option.
    :ivar reads: the requests that a task about one connection makes to know what the registry knows.
    """

    registry: str
    reads: list[str] = []

    def raw(self) -> bytes:
        """All that is stored, to be searched and compared."""
        raise NotImplementedError

    def entries(self) -> dict[str, t.Any]:
        """What is known, by names, as a file has it."""
        raise NotImplementedError

    def write(self, entries: t.Mapping[str, t.Any]) -> None:
        """Put others in their place."""
        raise NotImplementedError

    def remember(self, name: str, **fields: t.Any) -> None:
        """Write what another run, or somebody who edits the registry, may have written of a name."""
        entries = self.entries()
        self.write({**entries, name: {**entries.get(name, {}), **fields}})

    def sets(self) -> dict[str, str]:
        """The fingerprints of sets, by their keys."""
        raise NotImplementedError

    def reset(self) -> None:
        """Make it what it was at the start, also if the emulator was reset."""
        raise NotImplementedError

    def forbid_writing(self) -> None:
        """Leave it to be read only."""
        raise NotImplementedError

    def allow_writing(self) -> None:
        """Take that back."""
        raise NotImplementedError

    def unlock(self) -> None:
        """Take away all locks, as somebody might who does not know what they are for."""
        raise NotImplementedError

    def ids(self) -> dict[str, str]:
        return {name: entry["id"] for name, entry in self.entries().items()}


class FileHome(Home):
    """A registry in a file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "connections.json"
        self.registry = str(self.path)

    def raw(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    def entries(self) -> dict[str, t.Any]:
        content = self.raw()
        return json.loads(content)["connections"] if content else {}

    def write(self, entries: t.Mapping[str, t.Any]) -> None:
        content = {**json.loads(self.raw()), "connections": entries}
        self.path.write_text(json.dumps(content), encoding="utf-8")

    def sets(self) -> dict[str, str]:
        content = self.raw()
        found: dict[str, str] = json.loads(content).get("sets", {}) if content else {}
        return found

    def reset(self) -> None:
        for path in self.path.parent.iterdir():
            path.unlink()

    def forbid_writing(self) -> None:
        self.path.chmod(0o444)

    def allow_writing(self) -> None:
        self.path.chmod(0o600)

    def unlock(self) -> None:
        (self.path.parent / ".connections.json.lock").unlink()


class DatastoreHome(Home):
    """A registry in an Actions datastore."""

    ID = "6d0b1c1e-7a55-4b0e-9d5e-0c2f6f0c9a11"
    reads = ["GET"]

    def __init__(self, emulator: Emulator, datastore_id: str = ID) -> None:
        self._emulator = emulator
        self._id = datastore_id
        self.registry = f"datastore:{datastore_id}"
        self.reset()

    def reset(self) -> None:
        attributes = {"name": "Connections", "primary_column_name": "id"}
        body = {"data": {"id": self._id, "type": "datastores", "attributes": attributes}}
        assert self._emulator.call("POST", DATASTORES, body).status == 200
        self._emulator.clear()

    def add_others(self, count: int) -> None:
        """Add entries of connections that no task names, one after the other, so that their order lasts."""
        for number in range(count):
            connection_id = f"00000000-0000-4000-8000-{number:012}"
            self.add({f"Other {connection_id}": {"id": connection_id}})

    def rows(self) -> list[dict[str, t.Any]]:
        """Every row."""
        rows: list[dict[str, t.Any]] = []
        has_more = True
        while has_more:
            query = f"page[limit]=100&page[offset]={len(rows)}&sort=id"
            path = f"{DATASTORES}/{self._id}/items?{query}"
            answer = self._emulator.call("GET", path)
            rows += [row["attributes"]["value"] for row in answer.body["data"]]
            has_more = answer.body["meta"]["page"]["hasMore"]
        return rows

    def raw(self) -> bytes:
        """Locks apart, which the next run takes over."""
        return json.dumps([row for row in self.rows() if "holder" not in row]).encode()

    def entries(self) -> dict[str, t.Any]:
        rows = {row["id"]: row for row in json.loads(self.raw()) if "secrets" in row}
        return {
            name: self._entry(row) for name, row in rows.items() if not self._is_left(row, rows)
        }

    @staticmethod
    def _is_left(row: dict[str, t.Any], rows: dict[str, t.Any]) -> bool:
        """Whether the connection of a row is recorded by another name already, and the row has only to go."""
        return bool(row["moved_to"]) and any(
            row["connection_id"] in (other["connection_id"], other["replaces"])
            for other in rows.values()
            if other is not row and (other["id"] == row["moved_to"] or not other["moved_to"])
        )

    @staticmethod
    def _entry(row: dict[str, t.Any]) -> dict[str, t.Any]:
        optional = {
            "creating": row["creating"],
            "replaces": row["replaces"],
            "secrets": {path: text or None for path, text in row["secrets"].items()},
        }
        return {
            "id": row["connection_id"] or None,
            "integration": row["integration"],
            "last_updated": row["last_updated"] or None,
            **{key: value for key, value in optional.items() if value},
        }

    def write(self, entries: t.Mapping[str, t.Any]) -> None:
        self.add(entries)
        self.delete(name for name in self.entries() if name not in entries)

    def add(self, entries: t.Mapping[str, t.Any]) -> None:
        """Write entries beside those that are there."""
        common = {"version": 1, "site": self._emulator.url.split("//")[1], "moved_to": ""}
        rows = [
            {
                **common,
                "id": name,
                "connection_id": entry.get("id") or "",
                "integration": entry.get("integration", ""),
                "last_updated": entry.get("last_updated") or "",
                "creating": entry.get("creating", ""),
                "replaces": entry.get("replaces", ""),
                "secrets": {key: text or "" for key, text in entry.get("secrets", {}).items()},
            }
            for name, entry in entries.items()
        ]
        self.restore(rows)

    def restore(self, rows: t.Sequence[t.Mapping[str, t.Any]]) -> None:
        """Write rows as they are."""
        for start in range(0, len(rows), 100):
            values = rows[start : start + 100]
            self._change("POST", {"conflict_mode": "overwrite_on_conflict", "values": values})

    def sets(self) -> dict[str, str]:
        return dict(next((row["sets"] for row in self.rows() if "sets" in row), []))

    def delete(self, keys: t.Iterable[str]) -> None:
        """Delete rows."""
        listed = list(keys)
        if listed:
            self._change("DELETE", {"item_keys": listed})

    def unlock(self) -> None:
        self.delete(row["id"] for row in self.rows() if "holder" in row)

    def _change(self, method: str, attributes: dict[str, t.Any]) -> None:
        body = {"data": {"type": "items", "attributes": attributes}}
        path = f"{DATASTORES}/{self._id}/items/bulk"
        assert self._emulator.call(method, path, body).status == 200

    def forbid_writing(self) -> None:
        self._emulator.settings(deny=["apps_datastore_write"])

    def allow_writing(self) -> None:
        self._emulator.settings(deny=[])


class Keeper:
    """An organisation, and tasks that are run with a registry."""

    def __init__(self, datadog: Datadog, home: t.Any) -> None:
        self.datadog = datadog
        self.home = home

    def add_fault(self, kind: str, **details: t.Any) -> None:
        """Order a fault of the requests for connections. Those for a registry are left alone."""
        self.datadog.emulator.add_fault(kind, path=CONNECTIONS, **details)

    def run(self, **params: t.Any) -> dict[str, t.Any]:
        result = self.datadog.connection(**{"registry": self.home.registry, **params})
        assert CANARY.encode() not in self.home.raw()
        return result

    def foretold_and_run(self, **params: t.Any) -> dict[str, t.Any]:
        """Run in check mode and in earnest: what is foretold comes true, and foretelling writes nothing."""
        before, writes = self.home.raw(), self.writes()
        foretold = self.run(**params, check_mode=True)
        assert (self.home.raw(), self.writes()) == (before, writes)
        result = self.run(**params)
        for key in ("changed", "operation", "diff", "drifted", "warnings"):
            assert result[key] == foretold[key]
        return result

    def is_silent(self, **params: t.Any) -> dict[str, t.Any]:
        """One GET for each home, no write, no change, no warning, and the registry stays as it is."""
        before = self.home.raw()
        self.datadog.emulator.clear()
        result = self.run(**params)
        assert (result["changed"], result["operation"], result["warnings"]) == (False, "none", [])
        assert result["drifted"] is False
        assert [request["method"] for request in self.datadog.requests()] == ["GET"]
        assert self.datadog.registry_requests() == self.home.reads
        assert self.home.raw() == before
        return result

    def writes(self) -> tuple[list[dict[str, t.Any]], int]:
        """The writes of connections so far, and how many there were of a registry in a datastore."""
        registry = [method for method in self.datadog.registry_requests() if method != "GET"]
        return self.datadog.writes(), len(registry)

    def there(self) -> list[str]:
        """The ids of the connections that exist."""
        return [each["id"] for each in self.datadog.emulator.state()["action_connections"]]

    def edit(self, connection_id: str, **attributes: t.Any) -> None:
        """Do what somebody might do in Datadog's pages."""
        body = {"data": {"type": "action_connection", "attributes": attributes}}
        path = f"/api/v2/actions/connections/{connection_id}"
        assert self.datadog.emulator.call("PATCH", path, body).status == 200

    def delete(self, connection_id: str) -> None:
        path = f"/api/v2/actions/connections/{connection_id}"
        assert self.datadog.emulator.call("DELETE", path).status == 204

    def start(self, task: t.Mapping[str, t.Any], check_mode: bool = False) -> Run:
        """Start a task that is one of several, or that is to be killed."""
        return self.datadog.start(
            "action_connection", check_mode, **task, registry=self.home.registry, timeout=30
        )


def rotated(task: t.Mapping[str, t.Any], kind: str) -> dict[str, t.Any]:
    """The same task, with another value for each of its secrets."""
    changed = copy.deepcopy(dict(task))
    credentials = credentials_of(changed, kind)
    for name, value in credentials.items():
        if CANARY in str(value) and isinstance(value, str):
            credentials[name] = f"{value}-rotated"
    for token in credentials.get("tokens", []):
        token["value"] += "-rotated"
    return changed


def secrets_of(task: t.Mapping[str, t.Any], kind: str) -> dict[str, str]:
    credentials = credentials_of(task, kind)
    found = {name: value for name, value in credentials.items() if CANARY in str(value)}
    found.pop("tokens", None)
    tokens = credentials.get("tokens", [])
    return {**found, **{f"tokens.{token['name']}": token["value"] for token in tokens}}
