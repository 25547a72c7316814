# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole playbooks, run by ansible-playbook against the emulator, and all that they print."""

from __future__ import annotations

import json
import re
import shlex
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
)


@pytest.fixture(name="datadog")
def emulated_datadog() -> t.Iterator[Emulator]:
    """An organisation without connections and with two teams."""
    with running_emulator("--team", "platform", "--team", "sre") as emulator:
        yield emulator


def play(datadog: Emulator, playbook: Path, *arguments: str, cwd: Path | None = None) -> str:
    """Run a playbook and return all that it prints, in which no secret may be."""
    environment = environment_of(datadog)
    return ended(started(environment, "ansible-playbook", str(playbook), *arguments, cwd=cwd))


def writes(datadog: Emulator) -> list[str]:
    """The methods of the writes since the last time."""
    methods = [request["method"] for request in datadog.requests()]
    datadog.clear()
    return [method for method in methods if method != "GET"]


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_the_documentation(datadog: Emulator, tmp_path: Path, module: str) -> None:
    """The examples of each module run from top to bottom, and what they leave is there in the end."""
    source = (COLLECTION / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
    [examples] = re.findall(r'^EXAMPLES = r"""\n(.*?)^"""', source, re.DOTALL | re.MULTILINE)
    names = sorted(set(re.findall(r"{{ (\w+) }}", re.sub(r"!unsafe .*", "", examples))))
    registered = re.findall(r"register: (\w+)", examples)
    head = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {name: f"{CANARY}-{name}" for name in names if name not in registered},
    }
    indented = "".join(
        f"    {line}" if line.strip() else line for line in examples.splitlines(keepends=True)
    )
    playbook = tmp_path / "examples.yml"
    front = "".join(f"  {line}" for line in yaml.safe_dump(head).splitlines(keepends=True)).lstrip()
    playbook.write_text(f"- {front}  tasks:\n{indented}", encoding="utf-8")
    if module == "registry_copy":
        make_registries(datadog, tmp_path, examples)
    output = play(datadog, playbook, "--diff", cwd=tmp_path)
    assert changed(output) == len(
        re.findall(rf"tidyops\.datadog\.{module}:", examples)
    ) - UNCHANGED.get(module, 0)


def make_registries(datadog: Emulator, folder: Path, examples: str) -> None:
    """Make the datastore that examples name, and the file."""
    [store] = set(re.findall(r"datastore:(\S+)", examples))
    attributes = {"name": "Connections", "primary_column_name": "id"}
    body = {"data": {"id": store, "type": "datastores", "attributes": attributes}}
    assert datadog.call("POST", "/api/v2/actions-datastores", body).status == 200
    registry = folder / "datadog-connections.json"
    play(datadog, EXAMPLE, "--tags", "aws", "-e", f"registry={registry}")


#: How many of a module's examples find things as they are, or only read.
UNCHANGED = {
    "action_connection_info": 2,
    "app_key_registration_info": 1,
    "team_connection": 1,
    "team_connection_info": 2,
}


def test_from_what_exists_to_a_playbook(datadog: Emulator, tmp_path: Path) -> None:
    """Create everything, read it, write a playbook, run that: no change."""
    given = secrets_file(tmp_path / "canaries.yml")
    play(datadog, EXAMPLE, *given, "-e", f"registry={tmp_path / 'registry.json'}")
    datadog.clear()
    playbook = tmp_path / "written.yml"
    writer = EXAMPLE.parent / "write_playbook.yml"
    assert changed(play(datadog, writer, "-e", f"playbook={playbook}")) == 1
    assert writes(datadog) == []
    for arguments in ((), ("-e", f"registry={tmp_path / 'new.json'}")):
        output = play(datadog, playbook, *arguments)
        assert changed(output) == 0 and "WARNING" not in output
    assert writes(datadog) == []
    assert playbook.read_text(encoding="utf-8").count("  - name: ") == 25 + 1
    # Written again, it is the same.
    assert changed(play(datadog, writer, "-e", f"playbook={playbook}")) == 0


def test_every_module_with_credentials_said_once(datadog: Emulator, tmp_path: Path) -> None:
    given = {
        "datadog_api_key": f"{CANARY}-one",
        "datadog_app_key": f"{CANARY}-two",
        "datadog_api_url": datadog.url,
        "registry": str(tmp_path / "connections.json"),
        "other_registry": str(tmp_path / "copy.json"),
    }
    (tmp_path / "given.yml").write_text(yaml.safe_dump(given), encoding="utf-8")
    playbook = EXAMPLE.parent / "all_modules.yml"
    modules = re.findall(r"^ +tidyops\.datadog\.(\w+):$", playbook.read_text("utf-8"), re.MULTILINE)
    assert sorted(modules) == MODULES
    arguments = ("-e", f"@{tmp_path / 'given.yml'}")
    first = ended(started({}, "ansible-playbook", str(playbook), *arguments))
    assert changed(first) == 6
    assert "Production AWS, Sandbox AWS, Staging AWS" in first
    assert "@acme/platform, @acme/platform-leads, @acme/platform-on-call" in first
    assert changed(ended(started({}, "ansible-playbook", str(playbook), *arguments))) == 0


def test_ad_hoc_commands_of_the_readme(datadog: Emulator) -> None:
    """Each line of the README that begins with $ ansible localhost."""
    readme = (COLLECTION / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ (ansible localhost .*)$", readme, re.MULTILINE)
    assert len(commands) > 1
    for command in commands:
        assert "SUCCESS" in ended(started(environment_of(datadog), *shlex.split(command)))


def test_adoption_from_terraform(datadog: Emulator, tmp_path: Path) -> None:
    """The connections of a Terraform state are known to the registry afterwards, and nothing was sent."""
    folder = EXAMPLE.parent
    state = json.loads((folder / "terraform_state.json").read_text(encoding="utf-8"))
    root = state["values"]["root_module"]
    known = root["resources"] + root["child_modules"][0]["resources"]
    play(datadog, EXAMPLE, "--tags", "aws,http", "-e", f"registry={tmp_path / 'other.json'}")
    made = {each["name"]: each["id"] for each in datadog.state()["action_connections"]}
    connections = [each for each in known if each["type"] == "datadog_action_connection"]
    assert len(connections) == len(made) == 2
    for connection, name in zip(connections, ("Production AWS", "Ticket system")):
        connection["values"].update(id=made[name], name=name)
    (tmp_path / "state.json").write_text(json.dumps(state), encoding="utf-8")
    datadog.clear()

    registry = tmp_path / "connections.json"
    given = ("-e", f"terraform_state={tmp_path / 'state.json'}", "-e", f"registry={registry}")
    assert changed(play(datadog, folder / "adopt_from_terraform.yml", *given)) == 0
    assert writes(datadog) == []
    entries = json.loads(registry.read_text(encoding="utf-8"))["connections"]
    assert {name: entry["id"] for name, entry in entries.items()} == made


def test_several_ad_hoc_commands_on_one_registry(datadog: Emulator, tmp_path: Path) -> None:
    """Some create the same connection, the others one each; all are known afterwards, and none is there twice."""
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
    outputs = [ended(command) for command in commands]
    assert sum("CHANGED" in output for output in outputs) == len(set(names))
    made = {each["name"]: each["id"] for each in datadog.state()["action_connections"]}
    entries = json.loads(registry.read_text(encoding="utf-8"))["connections"]
    assert {name: entry["id"] for name, entry in entries.items()} == made
    assert set(made) == set(names) and writes(datadog) == ["POST"] * len(made)
