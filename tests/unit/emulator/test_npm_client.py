# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Datadog's client for Node.js drives the emulator, and understands every answer."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.catalogue import (
    CATALOGUE,
    Credentials,
)
from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    Emulator,
    user_id,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    NOWHERE,
    change,
    connection,
    datastore,
    integration,
    items,
    link,
    policy,
    rows,
    unlink,
)

pytestmark = pytest.mark.slow

PACKAGE = "@datadog/datadog-api-client"
CACHE = Path(__file__).resolve().parents[3] / ".cache"
BRIDGE = Path(__file__).with_name("npm_client.js")
PATIENCE = 300


@pytest.fixture(name="package", scope="session")
def fixture_package() -> Path:
    """The directory of the package, which is installed the first time."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node.js and npm are needed")
    folder = CACHE / "npm-client"
    folder.mkdir(parents=True, exist_ok=True)
    complete = folder / "complete"
    # Workers that run beside each other wait here for the first.
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            _install(folder)
            complete.touch()
    return folder / "node_modules" / PACKAGE


def _install(folder: Path) -> None:
    options = ["--no-audit", "--no-fund", "--fetch-retries", "1", "--prefix", str(folder)]
    command = ["npm", "install", *options, PACKAGE]
    environment = {**os.environ, "npm_config_cache": str(CACHE / "npm")}
    try:
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, timeout=PATIENCE)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"{PACKAGE} cannot be installed: {error}")


class Client:
    """The client in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def _answer(self, name: str, body: Any, model: str, parameters: Any) -> dict[str, Any]:
        api, method = name.split(".")
        asked = {"api": api, "method": method, "parameters": parameters or None}
        if model:
            asked.update(model=model, body=body, parameters=parameters)
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or "{}")
        return answer

    def call(self, name: str, body: Any = None, model: str = "", **parameters: Any) -> Any:
        """Return what a call gives; the client must know all of it."""
        answer = self._answer(name, body, model, parameters)
        assert answer.get("unparsed") == [], answer
        return answer["value"]

    def refused(self, name: str, status: int, body: Any = None, model: str = "", **more: Any) -> Any:
        """Return the errors of a call that must be refused."""
        answer = self._answer(name, body, model, more)
        assert answer.get("status") == status, answer
        return answer["body"]["errors"]


@pytest.fixture(name="client")
def fixture_client(emulator: Emulator, package: Path) -> Iterator[Client]:
    """The client, started and ended."""
    command = ["node", str(BRIDGE), str(package), emulator.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Client(process)
        assert process.stdin
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def life_of(client: Client, entry: Credentials) -> None:
    """Create, read, change and delete a connection of a kind."""
    api = "ActionConnectionApi"
    body = connection(integration(entry), name="one", tags=["a:b"])
    created = client.call(f"{api}.createActionConnection", body, "CreateActionConnectionRequest")["data"]
    got = client.call(f"{api}.getActionConnection", connectionId=created["id"])["data"]
    assert got["attributes"]["tags"] == ["a:b"]
    assert got["attributes"]["integration"] == created["attributes"]["integration"]
    assert got["attributes"]["integration"]["credentials"]["type"] == entry.type
    body = change(name="two", integration=integration(entry), tags=[])
    updated = client.call(
        f"{api}.updateActionConnection",
        body,
        "UpdateActionConnectionRequest",
        connectionId=created["id"],
    )["data"]
    assert updated["attributes"]["name"] == "two"
    assert "tags" not in updated["attributes"]
    client.call(f"{api}.deleteActionConnection", connectionId=created["id"])
    (error,) = client.refused(f"{api}.getActionConnection", 404, connectionId=created["id"])
    assert error["title"] == "Generic Error"


def test_action_connections(client: Client) -> None:
    for entry in CATALOGUE:
        life_of(client, entry)


def test_registrations(emulator: Emulator, client: Client) -> None:
    api = "ActionConnectionApi"
    document = {"data": {"id": NOWHERE, "type": "app_key_registration"}}
    for _time in range(2):
        assert client.call(f"{api}.registerAppKey", appKeyId=NOWHERE) == document
    assert client.call(f"{api}.getAppKeyRegistration", appKeyId=NOWHERE) == document
    listed = client.call(f"{api}.listAppKeyRegistrations", pageSize=10, pageNumber=0)
    assert listed == {"data": [document["data"]], "meta": {"total": 1, "totalFiltered": 1}}
    client.call(f"{api}.unregisterAppKey", appKeyId=NOWHERE)
    client.refused(f"{api}.unregisterAppKey", 404, appKeyId=NOWHERE)


def test_access(emulator: Emulator, client: Client) -> None:
    role, robot = emulator.add_role("Robots"), emulator.add_user("r@example.com", roles=["Robots"])
    found = client.call("RolesApi.listRoles", filter="robots", pageSize=100, pageNumber=0)
    assert [row["id"] for row in found["data"]] == [role]
    assert client.call("RolesApi.getRole", roleId=role)["data"] == found["data"][0]
    found = client.call("UsersApi.listUsers", filter="r@example", filterStatus="Active")
    assert [row["id"] for row in found["data"]] == [robot]
    assert client.call("UsersApi.getUser", userId=robot)["data"]["id"] == robot
    me = client.call("UsersApi.getCurrentUser")["data"]
    assert me["id"] == user_id()
    organization = me["relationships"]["org"]["data"]["id"]

    api, resource = "RestrictionPoliciesApi", f"connection:{NOWHERE}"
    editors, model = [f"org:{organization}"], "RestrictionPolicyUpdateRequest"
    body = policy(resource, editor=editors, resolver=[f"role:{role}"])
    client.call(f"{api}.updateRestrictionPolicy", body, model, resourceId=resource)
    got = client.call(f"{api}.getRestrictionPolicy", resourceId=resource)["data"]
    assert {row["relation"] for row in got["attributes"]["bindings"]} == {"editor", "resolver"}
    body = policy(resource, editor=[f"role:{role}"])
    client.refused(f"{api}.updateRestrictionPolicy", 400, body, model, resourceId=resource)
    client.call(f"{api}.updateRestrictionPolicy", body, model, resourceId=resource, allowSelfLockout=True)
    assert emulator.policy(resource) == {"editor": [f"role:{role}"]}
    client.call(f"{api}.deleteRestrictionPolicy", resourceId=resource)


def test_teams(client: Client) -> None:
    attributes = {"handle": "sre", "name": "SRE"}
    body: dict[str, Any] = {"data": {"type": "team", "attributes": attributes}}
    team = client.call("TeamsApi.createTeam", body, "TeamCreateRequest")["data"]["id"]
    found = client.call("TeamsApi.listTeams", filterKeyword="sre", pageSize=100, pageNumber=0)
    assert [row["attributes"]["handle"] for row in found["data"]] == ["sre"]
    assert client.call("TeamsApi.getTeam", teamId=team)["data"]["id"] == team
    names = [f"@Org/{number}" for number in range(3)]
    body = {"data": [link(team, name) for name in names]}
    made = client.call("TeamsApi.createTeamConnections", body, "TeamConnectionCreateRequest")
    found = client.call(
        "TeamsApi.listTeamConnections",
        filterTeamIds=[team],
        filterConnectedTeamIds=names[:2],
        filterSources=["github"],
        pageSize=1,
        pageNumber=1,
    )
    assert (len(found["data"]), found["meta"]["page"]["total"]) == (1, 2)
    client.refused("TeamsApi.createTeamConnections", 409, body, "TeamConnectionCreateRequest")
    body = unlink(*(row["id"] for row in made["data"]))
    client.call("TeamsApi.deleteTeamConnections", body, "TeamConnectionDeleteRequest")
    client.call("TeamsApi.deleteTeam", teamId=team)
    client.refused("TeamsApi.getTeam", 404, teamId=team)


def test_datastores(client: Client) -> None:
    api = "ActionsDatastoresApi"

    def call(name: str, body: Any = None, model: str = "", **parameters: Any) -> Any:
        return client.call(f"{api}.{name}", body, model, **parameters)

    made = call("createDatastore", datastore(), "CreateAppsDatastoreRequest")
    one = {"datastoreId": made["data"]["id"]}
    changes = {"data": {"type": "datastores", "attributes": {"name": "two"}}}
    call("updateDatastore", changes, "UpdateAppsDatastoreRequest", **one)
    assert call("getDatastore", **one)["data"]["attributes"]["name"] == "two"
    assert len(call("listDatastores")["data"]) == 1
    body = rows({"id": "a"}, {"id": "b"})
    call("bulkWriteDatastoreItems", body, "BulkPutAppsDatastoreItemsRequest", **one)
    body = items(item_key="a", item_changes={"ops_set": {"x": [1]}})
    call("updateDatastoreItem", body, "UpdateAppsDatastoreItemRequest", **one)
    found = call("listDatastoreItems", itemKey="a", **one)
    assert found["data"][0]["attributes"]["value"] == {"id": "a", "x": [1]}
    assert found["meta"]["page"] == {"totalCount": 2, "totalFilteredCount": 1, "hasMore": False}
    call("deleteDatastoreItem", items(item_key="a"), "DeleteAppsDatastoreItemRequest", **one)
    body = items(item_keys=["b"])
    call("bulkDeleteDatastoreItems", body, "BulkDeleteAppsDatastoreItemsRequest", **one)
    call("deleteDatastore", **one)
    call("deleteDatastore", **one)
    client.refused(f"{api}.getDatastore", 404, **one)
