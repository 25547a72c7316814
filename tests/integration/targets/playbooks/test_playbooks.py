# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbooks of the documentation, run by ansible-playbook against the emulator."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_commands import (
    CANARY,
    COLLECTION,
    EXAMPLE,
    MODULES,
    Emulator,
    changed,
    ended,
    environment_of,
    running_emulator,
    secrets_file,
    started,
    write_variables,
)

#: The modules that write, in a task of each of which something is to be changed.
WRITERS = [module for module in MODULES if not module.endswith("_info")]
#: How many of a module's examples change nothing.
UNCHANGED = {
    "action_connection_info": 2,
    "app_key_registration_info": 1,
    "restriction_policy_info": 1,
    "team_connection": 1,
    "team_connection_info": 2,
}


@pytest.fixture(name="datadog")
def emulated_datadog() -> t.Iterator[Emulator]:
    """An organization without connections, without the list of them, and with two teams."""
    with running_emulator("--team", "platform", "--team", "sre") as emulator:
        yield emulator


def play(
    datadog: Emulator,
    playbook: Path,
    *arguments: str,
    cwd: Path | None = None,
    registry: Path | None = None,
) -> str:
    """Run a playbook and return its output, which must not contain a secret."""
    environment = environment_of(datadog)
    if registry:
        environment["DD_CONNECTION_REGISTRY"] = str(registry)
    return ended(started(environment, "ansible-playbook", str(playbook), *arguments, cwd=cwd))


def writes(datadog: Emulator) -> list[str]:
    """The methods of the writes since the last call."""
    methods = [request["method"] for request in datadog.requests()]
    datadog.clear()
    return [method for method in methods if method != "GET"]


def created_ids(datadog: Emulator) -> dict[str, str]:
    """The ids of the action connections by name."""
    return {each["name"]: each["id"] for each in datadog.state()["action_connections"]}


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_the_documentation(datadog: Emulator, tmp_path: Path, module: str) -> None:
    """The examples of each module can be run one after the other."""
    source = (COLLECTION / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
    [examples] = re.findall(r'^EXAMPLES = r"""\n(.*?)^"""', source, re.DOTALL | re.MULTILINE)
    names = set(re.findall(r"{{ (\w+) }}", re.sub(r"!unsafe .*", "", examples)))
    defined = {"playbook_dir", *re.findall(r"register: (\w+)", examples)}
    head = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {name: f"{CANARY}-{name}" for name in sorted(names - defined)},
    }
    indented = "".join(f"    {line}" if line.strip() else line for line in examples.splitlines(keepends=True))
    playbook = tmp_path / "examples.yml"
    front = "".join(f"  {line}" for line in yaml.safe_dump(head).splitlines(keepends=True)).lstrip()
    playbook.write_text(f"- {front}  tasks:\n{indented}", encoding="utf-8")
    if module == "registry_copy":
        create_registries(datadog, tmp_path, examples)
    output = play(datadog, playbook, "--diff", cwd=tmp_path)
    tasks = len(re.findall(rf"tidyops\.datadog\.{module}:", examples))
    assert changed(output) == tasks - UNCHANGED.get(module, 0)


def create_registries(datadog: Emulator, folder: Path, examples: str) -> None:
    """Create the datastore and the file that examples name."""
    [store] = set(re.findall(r"datastore:(\S+)", examples))
    attributes = {"name": "Connections", "primary_column_name": "id"}
    body = {"data": {"id": store, "type": "datastores", "attributes": attributes}}
    assert datadog.call("POST", "/api/v2/actions-datastores", body).status == 200
    play(datadog, EXAMPLE, "--tags", "aws", registry=folder / "datadog-connections.json")


def test_from_existing_connections_to_a_playbook(datadog: Emulator, tmp_path: Path) -> None:
    """Create everything, read it by id, write a playbook, run it with a new registry: no change."""
    given = secrets_file(tmp_path / "secrets.yml")
    play(datadog, EXAMPLE, *given, registry=tmp_path / "connections.json")
    datadog.clear()
    playbook = tmp_path / "written.yml"
    writer = EXAMPLE.parent / "write_playbook.yml"
    ids = json.dumps({"connection_ids": list(created_ids(datadog).values())})
    arguments = ("-e", f"playbook={playbook}", "-e", ids)
    assert changed(play(datadog, writer, *arguments)) == 1
    registry = tmp_path / "new.json"
    for _run in range(2):
        output = play(datadog, playbook, registry=registry)
        assert changed(output) == 0 and "WARNING" not in output
    assert writes(datadog) == []
    entries = json.loads(registry.read_text(encoding="utf-8"))["connections"]
    assert {name: entry["id"] for name, entry in entries.items()} == created_ids(datadog)
    # Written again, it is the same.
    assert changed(play(datadog, writer, *arguments)) == 0


def test_every_module_with_credentials_given_once(datadog: Emulator, tmp_path: Path) -> None:
    arguments = write_variables(
        tmp_path / "given.yml",
        datadog_api_key=f"{CANARY}-one",
        datadog_app_key=f"{CANARY}-two",
        datadog_api_url=datadog.url,
        registry=str(tmp_path / "connections.json"),
        other_registry=str(tmp_path / "copy.json"),
    )
    playbook = EXAMPLE.parent / "all_modules.yml"
    modules = re.findall(r"^ +tidyops\.datadog\.(\w+):$", playbook.read_text("utf-8"), re.MULTILINE)
    assert sorted(modules) == MODULES
    first = ended(started({}, "ansible-playbook", str(playbook), *arguments))
    assert changed(first) == len(WRITERS)
    assert "Production AWS, Sandbox AWS, Staging AWS" in first
    assert "@acme/platform, @acme/platform-leads, @acme/platform-on-call" in first
    assert changed(ended(started({}, "ansible-playbook", str(playbook), *arguments))) == 0


def test_import_from_terraform(datadog: Emulator, tmp_path: Path) -> None:
    """The registry knows the connections of a Terraform state afterwards, and nothing was sent."""
    folder = EXAMPLE.parent
    state = json.loads((folder / "terraform_state.json").read_text(encoding="utf-8"))
    root = state["values"]["root_module"]
    known = root["resources"] + root["child_modules"][0]["resources"]
    play(datadog, EXAMPLE, "--tags", "aws,http", registry=tmp_path / "other.json")
    created = created_ids(datadog)
    connections = [each for each in known if each["type"] == "datadog_action_connection"]
    assert len(connections) == len(created) == 2
    for connection, name in zip(connections, ("Production AWS", "Ticket system")):
        connection["values"].update(id=created[name], name=name)
    (tmp_path / "state.json").write_text(json.dumps(state), encoding="utf-8")
    datadog.clear()

    registry = tmp_path / "connections.json"
    given = ("-e", f"terraform_state={tmp_path / 'state.json'}", "-e", f"registry={registry}")
    assert changed(play(datadog, folder / "adopt_from_terraform.yml", *given)) == 0
    assert writes(datadog) == []
    entries = json.loads(registry.read_text(encoding="utf-8"))["connections"]
    assert {name: entry["id"] for name, entry in entries.items()} == created


def test_several_ad_hoc_commands_on_one_registry(datadog: Emulator, tmp_path: Path) -> None:
    """Three create the same connection, the others one each, without duplicates. The registry knows all of them."""
    registry = tmp_path / "connections.json"
    role = '"aws": {"assume_role": {"account_id": "123456789012", "role": "r"}}'
    names = ["same", "same", "same", "one", "another"]
    commands = [
        started(
            environment_of(datadog),
            "ansible",
            "localhost",
            "-m",
            "tidyops.datadog.action_connection",
            "-a",
            f'{{"name": "{name}", "registry": "{registry}", {role}}}',
        )
        for name in names
    ]
    outputs = [ended(command, 0, 2) for command in commands]
    assert sum("CHANGED" in output for output in outputs) == len(set(names))
    # What loses a race fails, and finds the connection when it runs again.
    assert all("again" in output for output in outputs if "FAILED" in output)
    created = created_ids(datadog)
    entries = json.loads(registry.read_text(encoding="utf-8"))["connections"]
    assert {name: entry["id"] for name, entry in entries.items()} == created
    assert set(created) == set(names) and writes(datadog) == ["POST"] * len(created)
