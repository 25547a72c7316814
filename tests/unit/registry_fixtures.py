# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registries of both backends, and tasks that use them."""

from __future__ import annotations

import copy
import json
import re
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
Entries = t.Mapping[str, t.Mapping[str, t.Any]]


class Backend:
    """A registry that does not exist yet, or is empty.

    :ivar registry: the option.
    :ivar reads: the methods of the requests with which an unchanged task reads it.
    """

    registry: str
    reads: list[str] = []

    def raw(self) -> bytes:
        """All that is stored, to be searched and compared."""
        raise NotImplementedError

    def entries(self) -> dict[str, dict[str, t.Any]]:
        """The entries by name, as a file has them."""
        raise NotImplementedError

    def write(self, entries: Entries) -> None:
        """Replace all entries."""
        raise NotImplementedError

    def reset(self) -> None:
        """Restore the state at the start, also after the emulator was reset."""
        raise NotImplementedError

    def forbid_writing(self) -> None:
        """Make it read-only."""
        raise NotImplementedError

    def allow_writing(self) -> None:
        """Take that back."""
        raise NotImplementedError

    def ids(self) -> dict[str, str | None]:
        """The ids by name."""
        return {name: entry["id"] for name, entry in self.entries().items()}

    def remember(self, name: str, **fields: t.Any) -> None:
        """Change an entry, as another run or a person may."""
        entries = self.entries()
        self.write({**entries, name: {**entries.get(name, {}), **fields}})


class FileBackend(Backend):
    """A registry in a file. :param url: the address that tasks use."""

    def __init__(self, folder: Path, url: str) -> None:
        self.path = folder / "connections.json"
        self.registry = str(self.path)
        self.site = url.split("//")[1]

    def raw(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    def content(self) -> dict[str, t.Any]:
        """The whole file."""
        empty = {
            "format": "tidyops.datadog connection registry",
            "version": 3,
            "site": self.site,
            "connections": {},
        }
        return {**empty, **json.loads(self.raw() or b"{}")}

    def entries(self) -> dict[str, dict[str, t.Any]]:
        return dict(self.content()["connections"])

    def write(self, entries: Entries) -> None:
        self.edit(connections=entries)

    def edit(self, **content: t.Any) -> None:
        """Change keys of the whole file."""
        self.path.write_text(json.dumps({**self.content(), **content}), encoding="utf-8")

    def reset(self) -> None:
        for path in self.path.parent.iterdir():
            path.unlink()

    def forbid_writing(self) -> None:
        self.path.chmod(0o444)

    def allow_writing(self) -> None:
        self.path.chmod(0o600)


class DatastoreBackend(Backend):
    """A registry in an Actions datastore."""

    ID = "6d0b1c1e-7a55-4b0e-9d5e-0c2f6f0c9a11"
    reads = ["GET"]

    def __init__(self, emulator: Emulator, datastore_id: str = ID) -> None:
        self._emulator = emulator
        self._path = f"{DATASTORES}/{datastore_id}/items"
        self._id = datastore_id
        self.registry = f"datastore:{datastore_id}"
        self.reset()

    def reset(self) -> None:
        attributes = {"name": "Connections", "primary_column_name": "id"}
        body = {"data": {"id": self._id, "type": "datastores", "attributes": attributes}}
        assert self._emulator.call("POST", DATASTORES, body).status == 200
        self._emulator.clear()

    def rows(self) -> list[dict[str, t.Any]]:
        """All rows."""
        rows: list[dict[str, t.Any]] = []
        has_more = True
        while has_more:
            query = f"page[limit]=100&page[offset]={len(rows)}&sort=id"
            answer = self._emulator.call("GET", f"{self._path}?{query}")
            rows += [row["attributes"]["value"] for row in answer.body["data"]]
            has_more = answer.body["meta"]["page"]["hasMore"]
        return rows

    def raw(self) -> bytes:
        return json.dumps(self.rows()).encode()

    def entries(self) -> dict[str, dict[str, t.Any]]:
        rows = [row for row in self.rows() if "connection_id" in row]
        return {row.get("name") or row["id"]: self._entry(row) for row in rows}

    @staticmethod
    def _entry(row: dict[str, t.Any]) -> dict[str, t.Any]:
        optional = {key: row.get(key) for key in ("claim", "replaces", "secrets")}
        return {
            "id": row["connection_id"] or None,
            "integration": row["integration"],
            "last_updated": row["last_updated"] or None,
            **{key: value for key, value in optional.items() if value},
        }

    def write(self, entries: Entries) -> None:
        self.add(entries)
        self.delete(name for name in self.entries() if name not in entries)

    def add(self, entries: Entries) -> None:
        """Write entries beside those that exist."""
        texts = ("integration", "last_updated", "claim", "replaces")
        rows = [
            {
                "version": 3,
                "site": self._emulator.url.split("//")[1],
                "id": name,
                "connection_id": entry.get("id") or "",
                "secrets": entry.get("secrets", {}),
                **{key: entry.get(key) or "" for key in texts},
            }
            for name, entry in entries.items()
        ]
        self.put(*rows)

    def add_others(self, count: int) -> None:
        """Add entries of connections that no task names, one after the other, so that their order lasts."""
        for number in range(count):
            connection_id = f"00000000-0000-4000-8000-{number:012}"
            self.add({f"Other {connection_id}": {"id": connection_id}})

    def put(self, *rows: t.Mapping[str, t.Any]) -> None:
        """Write rows as they are."""
        for start in range(0, len(rows), 100):
            values = rows[start : start + 100]
            self._change("POST", {"conflict_mode": "overwrite_on_conflict", "values": values})

    def edit(self, key: str, **columns: t.Any) -> None:
        """Change columns of a row, as a person may in Datadog's pages."""
        attributes = {"item_key": key, "item_changes": {"ops_set": columns}}
        self._change("PATCH", attributes, "")

    def delete(self, keys: t.Iterable[str]) -> None:
        """Delete rows."""
        listed = list(keys)
        if listed:
            self._change("DELETE", {"item_keys": listed})

    def _change(self, method: str, attributes: dict[str, t.Any], place: str = "/bulk") -> None:
        body = {"data": {"type": "items", "attributes": attributes}}
        assert self._emulator.call(method, self._path + place, body).status == 200

    def forbid_writing(self) -> None:
        self._emulator.settings(deny=["apps_datastore_write"])

    def allow_writing(self) -> None:
        self._emulator.settings(deny=[])


class RegistryRunner:
    """An organization, and tasks that use a registry there."""

    def __init__(self, datadog: Datadog, backend: t.Any) -> None:
        self.datadog = datadog
        self.backend = backend

    def add_fault(self, kind: str, **details: t.Any) -> None:
        """Order a fault of the requests for connections. Those for a registry are left alone."""
        self.datadog.emulator.add_fault(kind, path=CONNECTIONS, **details)

    def run(self, **params: t.Any) -> dict[str, t.Any]:
        result = self.datadog.connection(**{"registry": self.backend.registry, **params})
        assert CANARY.encode() not in self.backend.raw()
        return result

    def predict_and_run(self, **params: t.Any) -> dict[str, t.Any]:
        """Run in check mode, which writes nothing, then without; both return the same."""
        before, writes = self.backend.raw(), self.writes()
        predicted = self.run(**params, check_mode=True)
        assert (self.backend.raw(), self.writes()) == (before, writes)
        result = self.run(**params)
        for key in ("changed", "operation", "diff", "drifted", "warnings"):
            assert result[key] == predicted[key]
        return result

    def run_unchanged(self, **params: t.Any) -> dict[str, t.Any]:
        """One GET, and one to read a datastore; no change, no warning, and the registry stays as it is."""
        before = self.backend.raw()
        self.datadog.emulator.clear()
        result = self.run(**params)
        found = result.get("msg"), result["changed"], result.get("operation"), result["warnings"]
        assert found == (None, False, "none", []), found
        assert result["drifted"] is False
        assert [request["method"] for request in self.datadog.requests()] == ["GET"]
        assert self.datadog.registry_requests() == self.backend.reads
        assert self.backend.raw() == before
        return result

    def writes(self) -> tuple[list[dict[str, t.Any]], int]:
        """The writes of connections so far, and how many there were of a registry in a datastore."""
        registry = [method for method in self.datadog.registry_requests() if method != "GET"]
        return self.datadog.writes(), len(registry)

    def existing(self) -> list[str]:
        """The ids of the connections in Datadog."""
        return [each["id"] for each in self.datadog.emulator.state()["action_connections"]]

    def edit(self, connection_id: str, **attributes: t.Any) -> None:
        """Change a connection, as a person may in Datadog's pages."""
        body = {"data": {"type": "action_connection", "attributes": attributes}}
        path = f"{CONNECTIONS}/{connection_id}"
        assert self.datadog.emulator.call("PATCH", path, body).status == 200

    def delete(self, connection_id: str) -> None:
        path = f"{CONNECTIONS}/{connection_id}"
        assert self.datadog.emulator.call("DELETE", path).status == 204

    def start(self, task: t.Mapping[str, t.Any], check_mode: bool = False, **params: t.Any) -> Run:
        """Start a task that is one of several, or that is to be killed."""
        more = {"registry": self.backend.registry, "timeout": 30, **params}
        return self.datadog.start("action_connection", check_mode, **{**task, **more})

    def start_and_hang(
        self, task: t.Mapping[str, t.Any], method: str, seconds: float | None, when: str = "after"
    ) -> Run:
        """Start a task that waits for the answer to its first request of a method."""
        self.add_fault("hang", method=method, when=when, seconds=seconds)
        run = self.start(task)
        self.datadog.emulator.wait_for_fault()
        return run

    def settle(self, task: t.Mapping[str, t.Any], **params: t.Any) -> dict[str, t.Any]:
        """Run a task until it succeeds, and do in between what its errors say. :returns: its result."""
        for _run in range(5):
            result = self.run(**task, timeout=1, **params)
            if not result.get("failed"):
                return result
            self._heed(task, result["msg"])
        raise AssertionError(result["msg"])

    def _heed(self, task: t.Mapping[str, t.Any], message: str) -> None:
        """Do what the error of a task says about a claim: look for what was created, or give the claim up."""
        name, existing = task["name"], self.existing()
        old = self.backend.entries().get(name, {}).get("id")
        known = self.backend.ids().values()
        new = [each for each in existing if each not in known]
        once = {key: value for key, value in task.items() if key not in ("connection_id", "state")}
        if "connection_id" in message and new:
            result = self.run(**once, connection_id=new[0], timeout=1)
            assert not result.get("failed"), result["msg"]
        elif "connection_id" in message and old in existing:
            result = self.run(**as_advised(name, old, message), timeout=1)
            assert not result.get("failed"), result["msg"]
        elif "state=absent" in message:
            result = self.run(name=name, state="absent", timeout=1)
            assert not result.get("failed"), result["msg"]
        elif f"remove the entry {name!r}" in message:
            entries = self.backend.entries()
            del entries[name]
            self.backend.write(entries)
        else:
            assert "Run the task again" in message or "run again" in message.lower(), message

    def holds(self, connection_id: str, task: t.Mapping[str, t.Any], kind: str) -> bool:
        """Whether a connection has all secrets of a task."""
        secrets = secrets_of(task, kind).items()
        holds_secret = self.datadog.emulator.holds_secret
        return all(holds_secret(connection_id, path, value) for path, value in secrets)


def as_advised(name: str, old: str, message: str) -> dict[str, t.Any]:
    """The task that an error advises if there is no new connection: one that leaves the old one as it is."""
    found = re.search(rf"run a task with connection_id {old} and (\w+)\.(\w+)", message)
    assert found, message
    return {"name": name, "connection_id": old, found[1]: {found[2]: {}}}


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
    """The secrets of a task by their paths inside the credentials."""
    credentials = credentials_of(task, kind)
    found = {name: value for name, value in credentials.items() if CANARY in str(value)}
    found.pop("tokens", None)
    tokens = credentials.get("tokens", [])
    return {**found, **{f"tokens.{token['name']}": token["value"] for token in tokens}}
