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
    from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
    from ansible_collections.tidyops.datadog.tests.unit.module_runner import Run


class FileHome:
    """A registry in a file, and what tests have to know of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "connections.json"
        #: The option.
        self.registry = str(self.path)

    def raw(self) -> bytes:
        """All that is stored, to be searched and compared."""
        return self.path.read_bytes() if self.path.exists() else b""

    def entries(self) -> dict[str, t.Any]:
        content = self.raw()
        return json.loads(content)["connections"] if content else {}

    def ids(self) -> dict[str, str]:
        return {name: entry["id"] for name, entry in self.entries().items()}


class Keeper:
    """An organisation, and tasks that are run with a registry."""

    def __init__(self, datadog: Datadog, home: FileHome) -> None:
        self.datadog = datadog
        self.home = home

    def run(self, **params: t.Any) -> dict[str, t.Any]:
        result = self.datadog.connection(**{"registry": self.home.registry, **params})
        assert CANARY.encode() not in self.home.raw()
        return result

    def foretold_and_run(self, **params: t.Any) -> dict[str, t.Any]:
        """Run in check mode and in earnest: what is foretold comes true, and foretelling writes nothing."""
        before, writes = self.home.raw(), self.datadog.writes()
        foretold = self.run(**params, check_mode=True)
        assert (self.home.raw(), self.datadog.writes()) == (before, writes)
        result = self.run(**params)
        for key in ("changed", "operation", "diff", "drifted", "warnings"):
            assert result[key] == foretold[key]
        return result

    def is_silent(self, **params: t.Any) -> dict[str, t.Any]:
        """One GET, no write, no change, no warning, and the registry stays as it is."""
        before = self.home.raw()
        self.datadog.emulator.clear()
        result = self.run(**params)
        assert (result["changed"], result["operation"], result["warnings"]) == (False, "none", [])
        assert result["drifted"] is False
        assert [request["method"] for request in self.datadog.requests()] == ["GET"]
        assert self.home.raw() == before
        return result

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

    def start(self, task: t.Mapping[str, t.Any]) -> Run:
        """Start a task that is one of several, or that is to be killed."""
        return self.datadog.start(
            "action_connection", **task, registry=self.home.registry, timeout=30
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
