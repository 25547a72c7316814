# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of the guide to AWX: the objects that they create, and jobs that ansible-runner runs, as AWX does."""

from __future__ import annotations

import copy
import json
import os
import re
import shlex
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_commands import (
    CANARY,
    COLLECTION,
    EXAMPLE,
    Backend,
    DatastoreBackend,
    Emulator,
    FileBackend,
    ended,
    leaks,
    running_emulator,
    started,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

FOLDER = EXAMPLE.parent / "awx"
GUIDE = COLLECTION / "docs" / "docsite" / "rst" / "guide_awx.rst"
API = "/api/v2/actions/connections"
DATASTORE = "datastore:"
TOKEN = f"{CANARY}-{{{{ no_template }}}}"
KEYS = {"datadog_api_key": f"{CANARY}-api-key", "datadog_app_key": f"{CANARY}-app-key"}
#: Options that modules of awx.awx 24.6.1 have, with their types; those that the playbook uses.
AWX_OPTIONS: dict[str, dict[str, str]] = {
    "credential": {"organization": "str", "credential_type": "str", "inputs": "dict"},
    "credential_type": {"kind": "str", "inputs": "dict", "injectors": "dict"},
    "execution_environment": {"organization": "str", "image": "str"},
    "host": {"inventory": "str", "variables": "dict"},
    "inventory": {"organization": "str"},
    "job_template": {
        "organization": "str",
        "project": "str",
        "playbook": "str",
        "inventory": "str",
        "credentials": "list",
        "execution_environment": "str",
        "job_type": "str",
        "job_slice_count": "int",
        "ask_job_type_on_launch": "bool",
        "ask_diff_mode_on_launch": "bool",
        "ask_limit_on_launch": "bool",
        "survey_enabled": "bool",
        "survey_spec": "dict",
    },
    "project": {
        "organization": "str",
        "scm_type": "str",
        "scm_url": "str",
        "scm_update_on_launch": "bool",
    },
    "schedule": {
        "unified_job_template": "str",
        "rrule": "str",
        "job_type": "str",
        "diff_mode": "bool",
        "extra_data": "dict",
    },
}
#: Replaces a module of awx.awx, and records its options.
STAND_IN = """#!/usr/bin/python
import json, os
from ansible.module_utils.basic import AnsibleModule

options = {options!r}
spec = {{name: {{"type": kind}} for name, kind in options.items()}}
module = AnsibleModule(argument_spec={{"name": {{"required": True}}, **spec}})
with open(os.environ["AWX_OBJECTS"], "a", encoding="utf-8") as file:
    file.write(json.dumps([{module!r}, module.params]) + chr(10))
module.exit_json(changed=True)
"""

#: What AWX knows: the options of each object, by its module and its name.
Objects = dict[str, dict[str, dict[str, t.Any]]]


def commands_of_the_guide(program: str) -> list[list[str]]:
    """The commands of a program in the guide."""
    lines = re.findall(r"^ +\$ (.*)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    commands = [shlex.split(line) for line in lines]
    assert {each[0] for each in commands} == {"ansible-builder", "ansible-playbook"}
    return [each for each in commands if each[0] == program]


def in_checkout(folder: Path) -> Path:
    """Create a folder like the user's checkout."""
    (folder / "docs").symlink_to(COLLECTION / "docs")
    return folder


@pytest.fixture(scope="module", name="objects")
def objects_of_the_playbook(tmp_path_factory: pytest.TempPathFactory) -> Objects:
    """What objects.yml creates."""
    folder = tmp_path_factory.mktemp("awx")
    modules = folder / "ansible_collections" / "awx" / "awx" / "plugins" / "modules"
    modules.mkdir(parents=True)
    for module, options in AWX_OPTIONS.items():
        source = STAND_IN.format(options=options, module=module)
        (modules / f"{module}.py").write_text(source, encoding="utf-8")
    (folder / "vault.yml").write_text(yaml.safe_dump(KEYS), encoding="utf-8")
    created = folder / "objects.jsonl"
    paths = [str(folder), os.environ["ANSIBLE_COLLECTIONS_PATH"]]
    variables = {
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(paths),
        "AWX_OBJECTS": str(created),
    }
    command = commands_of_the_guide("ansible-playbook")[-1]
    ended(started(variables, *command, cwd=in_checkout(folder)))
    objects: Objects = {}
    for line in created.read_text(encoding="utf-8").splitlines():
        module, options = json.loads(line)
        objects.setdefault(module, {})[options.pop("name")] = options
    return objects


@pytest.fixture(name="datadog")
def emulated_datadog() -> t.Iterator[Emulator]:
    """An organization without connections, and without the list of them."""
    with running_emulator() as emulator:
        yield emulator


class _Extra(str):
    """An answer to a survey, which AWX marks as C(!unsafe)."""


class _ExtraDumper(yaml.SafeDumper):
    """Writes extra variables as AWX does."""


_ExtraDumper.add_representer(_Extra, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text)))


class Job:
    """A job that AWX starts.

    :ivar folder: the input of ansible-runner, and its output in C(artifacts).
    """

    def __init__(self, awx: Awx, folder: Path, job_slice: tuple[int, int], **launched: t.Any):
        self.awx = awx
        self.folder = folder
        playbook = (FOLDER / awx.template["playbook"]).read_text(encoding="utf-8")
        answers = {**awx.survey_defaults(), **launched.get("extra_data", {})}
        options = {
            "--check": launched.get("job_type", awx.template["job_type"]) == "check",
            "--diff": launched.get("diff_mode", False),
        }
        self.inputs = {
            f"project/{awx.template['playbook']}": playbook,
            "env/envvars": yaml.safe_dump(awx.environment()),
            "env/extravars": yaml.dump({name: _Extra(value) for name, value in answers.items()}, Dumper=_ExtraDumper),
            "env/cmdline": " ".join(name for name, is_set in options.items() if is_set) + " -vvvv",
            "inventory/hosts": f"#!{sys.executable}\nprint({json.dumps(awx.inventory(*job_slice))!r})\n",
        }
        for name, content in self.inputs.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8")
        (folder / "inventory" / "hosts").chmod(0o700)
        command = (sys.executable, "-m", "ansible_runner", "run", str(folder))
        arguments = ("-p", awx.template["playbook"], "--ident", "1", "--omit-env-files")
        self.command = started({}, *command, *arguments)
        self.output = ""

    def end(self, *statuses: int) -> Job:
        """Wait for it. What AWX keeps of a job contains no secret."""
        self.output = ended(self.command, *statuses)
        for name in self.inputs:
            (self.folder / name).unlink()
        assert not any(CANARY.encode() in content for content in self.awx.stored())
        # The one artifact with the environment; AWX has its own copy, without secrets.
        [command] = leaks(self.folder)
        assert command == self.folder / "artifacts" / "1" / "command"
        environment = json.loads(command.read_text(encoding="utf-8"))["env"]
        leaking = {name for name, value in environment.items() if CANARY in value}
        assert leaking == {"DD_API_KEY", "DD_APP_KEY"}
        return self

    def events(self, kind: str) -> list[dict[str, t.Any]]:
        """The data of the events of a kind, in order."""
        files = (self.folder / "artifacts" / "1" / "job_events").glob("*.json")
        events = [json.loads(file.read_text(encoding="utf-8")) for file in files]
        events.sort(key=lambda event: int(event["counter"]))
        return [event["event_data"] for event in events if event["event"] == kind]

    def counts(self, kind: str) -> dict[str, int]:
        """How many tasks of each host were C(changed), or are C(failures)."""
        [stats] = self.events("playbook_on_stats")
        found: dict[str, int] = stats[kind]
        return found


class Awx:
    """AWX and its objects."""

    def __init__(self, objects: Objects, datadog: Emulator, folder: Path) -> None:
        self.objects = copy.deepcopy(objects)
        self.datadog = datadog
        self.folder = folder
        self.registries: dict[str, Backend] = {
            name: DatastoreBackend(datadog, host["variables"]["registry"].removeprefix(DATASTORE))
            for name, host in objects["host"].items()
        }
        [self.template] = objects["job_template"].values()
        self._jobs = 0

    def environment(self) -> dict[str, str]:
        """The environment that the credential type injects, and the address of the emulator."""
        [name] = self.template["credentials"]
        credential = self.objects["credential"][name]
        kind = self.objects["credential_type"][credential["credential_type"]]
        assert set(kind["inputs"]["required"]) == set(credential["inputs"])
        sandbox = ImmutableSandboxedEnvironment()
        injected = {
            variable: sandbox.from_string(template).render(**credential["inputs"])
            for variable, template in kind["injectors"]["env"].items()
        }
        return {**injected, "DD_HOST": self.datadog.url}

    def inventory(self, number: int, count: int) -> dict[str, t.Any]:
        """The inventory of a slice: every count-th host, sorted by name."""
        hosts = self.objects["host"]
        names = sorted(hosts)[number - 1 :: count]
        variables = {name: hosts[name]["variables"] for name in names}
        return {"all": {"hosts": names}, "_meta": {"hostvars": variables}}

    def survey_defaults(self) -> dict[str, str]:
        """The default answers."""
        questions = self.template["survey_spec"]["spec"]
        return {each["variable"]: each["default"] for each in questions if "default" in each}

    def start(self, job_slice: tuple[int, int] = (1, 1), **launched: t.Any) -> Job:
        """Launch the job template. :param launched: what a schedule or a user adds."""
        questions = {each["variable"] for each in self.template["survey_spec"]["spec"]}
        assert set(launched.get("extra_data", {})) <= questions
        self._jobs += 1
        return Job(self, self.folder / f"job-{self._jobs}", job_slice, **launched)

    def scheduled(self) -> dict[str, t.Any]:
        """What the schedule adds to the job template."""
        [schedule] = self.objects["schedule"].values()
        assert schedule["unified_job_template"] in self.objects["job_template"]
        # Otherwise AWX does not let a schedule set these.
        assert self.template["ask_job_type_on_launch"] and self.template["ask_diff_mode_on_launch"]
        return {name: schedule[name] for name in ("job_type", "diff_mode", "extra_data")}

    def connections(self) -> dict[str, str]:
        """The ids of all connections by name. Each name exists once."""
        found = self.datadog.state()["action_connections"]
        ids = {each["name"]: each["id"] for each in found}
        assert len(ids) == len(found)
        return ids

    def writes(self) -> list[str]:
        """The methods of the writes of connections since the last call."""
        requests = [each for each in self.datadog.requests() if each["path"].startswith(API)]
        self.datadog.clear()
        return [each["method"] for each in requests if each["method"] != "GET"]

    def known(self, host: str) -> dict[str, str | None]:
        """The ids in the registry of a host, by name."""
        return self.registries[host].ids()

    def mount_volume(self) -> None:
        """Use files as registries."""
        for name, host in self.objects["host"].items():
            folder = self.folder / "volume" / name
            folder.mkdir(parents=True)
            self.registries[name] = FileBackend(folder, self.datadog.url)
            host["variables"]["registry"] = self.registries[name].registry

    def stored(self) -> list[bytes]:
        """The content of the registries."""
        return [registry.raw() for registry in self.registries.values()]

    def move(self, name: str, host: str, other: str) -> None:
        """Move a connection to another set, as the guide says."""
        entries = self.registries[host].entries()
        moved_id = entries.pop(name)["id"]
        self.registries[host].write(entries)
        sets = {each: self.objects["host"][each]["variables"]["action_connections"] for each in (host, other)}
        [moved] = [each for each in sets[host] if each["name"] == name]
        sets[host].remove(moved)
        sets[other].append({"connection_id": moved_id, **moved})


@pytest.fixture(name="awx")
def fixture_awx(objects: Objects, datadog: Emulator, tmp_path: Path) -> Awx:
    return Awx(objects, datadog, tmp_path)


def test_objects(objects: Objects) -> None:
    """An object is created after those that it refers to."""
    assert set(objects) == set(AWX_OPTIONS)
    [template] = objects["job_template"].values()
    for module in ("project", "inventory", "execution_environment"):
        assert template[module] in objects[module]
    assert set(template["credentials"]) == set(objects["credential"])
    [credential] = objects["credential"].values()
    [kind] = objects["credential_type"].values()
    secrets = {field["id"] for field in kind["inputs"]["fields"] if field.get("secret")}
    assert secrets == {name for name, value in credential["inputs"].items() if CANARY in value}


def test_excerpts_of_the_guide() -> None:
    """Each one is part of a file, apart from the indentation."""
    files = ["\n".join(stripped(file.read_text("utf-8"))) for file in sorted(FOLDER.iterdir())]
    guide = GUIDE.read_text(encoding="utf-8")
    excerpts = re.findall(r"^\.\. code-block:: yaml.*\n\n((?:(?:  .*)?\n)+)", guide, re.MULTILINE)
    assert len(excerpts) == guide.count("code-block:: yaml") > 0
    for excerpt in excerpts:
        assert any("\n".join(stripped(excerpt)) in file for file in files), excerpt


def stripped(text: str) -> list[str]:
    """The lines that are not empty, without indentation."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_registries_that_the_guide_creates(awx: Awx) -> None:
    """Jobs write to them with the keys that created them. Other keys cannot."""
    checkout = in_checkout(awx.folder)
    *commands, _objects = commands_of_the_guide("ansible-playbook")
    assert len(commands) == len(awx.objects["host"])
    for host, command in zip(sorted(awx.objects["host"]), commands):
        output = ended(started(awx.environment(), *command, cwd=checkout))
        [registry] = re.findall(r"registry: (datastore:[-0-9a-f]+)", output)
        awx.objects["host"][host]["variables"]["registry"] = registry
        body = {"data": {"type": "items", "attributes": {"values": [{"id": "Somebody else's"}]}}}
        path = f"/api/v2/actions-datastores/{registry.removeprefix(DATASTORE)}/items/bulk"
        assert awx.datadog.call("POST", path, body).status == 403
    awx.start(extra_data={"gitlab_token": TOKEN}).end()
    assert awx.start(extra_data={"gitlab_token": TOKEN}).end().counts("changed") == {}
    assert [backend.ids() for backend in awx.registries.values()] == [{}, {}]


def test_jobs_with_answers_to_the_survey(awx: Awx) -> None:
    """Create, find unchanged without any secret, rotate, send all again."""
    answers = {"gitlab_token": TOKEN}
    assert awx.start(extra_data=answers).end().counts("changed") == {"production": 1, "staging": 1}
    assert awx.writes() == ["POST"] * 3
    token = awx.connections()["GitLab"]
    assert awx.datadog.holds_secret(token, "api_token", TOKEN)
    for extra_data in (answers, {"gitlab_token": ""}):
        assert awx.start(extra_data=extra_data).end().counts("changed") == {}
        assert awx.writes() == []

    rotated = awx.start(extra_data={"gitlab_token": f"{TOKEN}-rotated"}).end()
    assert rotated.counts("changed") == {"production": 1}
    assert awx.writes() == ["PATCH"]
    assert awx.datadog.holds_secret(token, "api_token", f"{TOKEN}-rotated")
    always = {"gitlab_token": f"{TOKEN}-rotated", "update_secrets": "always"}
    assert awx.start(extra_data=always).end().counts("changed") == {"production": 1}
    assert awx.writes() == ["PATCH"]


def test_a_job_without_the_token_that_it_needs(awx: Awx) -> None:
    job = awx.start().end(2)
    assert job.counts("failures") == {"production": 1}
    [failure] = job.events("runner_on_failed")
    assert "gitlab.api_key.api_token" in failure["res"]["msg"]
    # Nothing of this set was created; the other set was.
    assert set(awx.connections()) == {"Staging AWS"}


def test_drift_that_the_schedule_reports(awx: Awx) -> None:
    awx.start(extra_data={"gitlab_token": TOKEN}).end()
    awx.start(**awx.scheduled()).end()
    before = awx.stored()
    ids = awx.connections()
    role = {"type": "AWSAssumeRole", "role": "SomebodyElses", "account_id": "210987654321"}
    edits = {
        "Staging AWS": {"integration": {"type": "AWS", "credentials": role}},
        # As by a new token, which cannot be read.
        "GitLab": {"name": "GitLab"},
    }
    for name, attributes in edits.items():
        body = {"data": {"type": "action_connection", "attributes": attributes}}
        assert awx.datadog.call("PATCH", f"{API}/{ids[name]}", body).status == 200
    awx.datadog.clear()

    job = awx.start(**awx.scheduled()).end(2)
    assert job.counts("failures") == {"production": 1, "staging": 1}
    messages = {each["host"]: each["res"]["msg"] for each in job.events("runner_on_failed")}
    assert messages == {
        "production": "To be changed: nothing. Changed elsewhere: GitLab.",
        "staging": "To be changed: Staging AWS. Changed elsewhere: Staging AWS.",
    }
    assert "SomebodyElses" in job.output
    # It changed nothing, so it reports the same until a job of type run.
    assert awx.writes() == []
    assert before == awx.stored()
    assert awx.start(job_type="check").end().counts("changed") == {"staging": 1}
    assert awx.start().end().counts("changed") == {"staging": 1}
    assert awx.writes() == ["PATCH"]
    awx.start(**awx.scheduled()).end()


@pytest.mark.parametrize("place", ["datastores", "a volume"])
def test_two_jobs_at_once(awx: Awx, place: str) -> None:
    """They share registries and create the same connections, without duplicates. The one that loses a race says so."""
    if place == "a volume":
        awx.mount_volume()
    jobs = [awx.start(extra_data={"gitlab_token": TOKEN}) for _each in range(2)]
    for job in jobs:
        job.end(0, 2)
        lost = [each["res"]["msg"] for each in job.events("runner_on_failed")]
        assert all("again" in message for message in lost)
    # Completes a set that lost a race with its first connection.
    awx.start(extra_data={"gitlab_token": TOKEN}).end()
    assert awx.writes() == ["POST"] * 3
    known = {**awx.known("production"), **awx.known("staging")}
    assert known == awx.connections()
    assert awx.start().end().counts("changed") == {}


def test_slices(awx: Awx) -> None:
    """Each one purges in its own set only."""
    extra_data = {"gitlab_token": TOKEN, "purge": "true"}
    count = 2
    slices = [awx.start((number, count), extra_data=extra_data) for number in range(1, count + 1)]
    changed = [job.end().counts("changed") for job in slices]
    assert changed == [{"production": 1}, {"staging": 1}]
    assert awx.writes() == ["POST"] * 3
    assert set(awx.known("production")) == {"Production AWS", "GitLab"}
    assert set(awx.known("staging")) == {"Staging AWS"}

    # A connection moves to another set.
    ids = awx.connections()
    awx.move("GitLab", "production", "staging")
    awx.objects["host"]["production"]["variables"]["action_connections"].clear()
    purged = awx.start(extra_data={"purge": "true"}).end()
    assert purged.counts("changed") == {"production": 1}
    assert awx.writes() == ["DELETE"]
    del ids["Production AWS"]
    assert awx.connections() == ids == awx.known("staging")


def test_execution_environment(tmp_path: Path) -> None:
    """ansible-builder accepts the file, and finds the requirements in the collection."""
    [[builder, *arguments]] = commands_of_the_guide("ansible-builder")
    ended(started({}, builder, *arguments, cwd=in_checkout(tmp_path)))
    context = tmp_path / "context"
    requirements = context / "_build" / "requirements.yml"
    [collection] = yaml.safe_load(requirements.read_text(encoding="utf-8"))["collections"]
    galaxy = yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))
    assert collection["name"] == f"{galaxy['repository']}.git"
    steps = (context / "Containerfile").read_text(encoding="utf-8")
    assert "git-core" in steps[: steps.index("ansible-galaxy collection install")]
    found = subprocess.run(
        [builder, "introspect", str(COLLECTION.parents[2])],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "requests >= 2.25.1" in found and "urllib3 >= 1.26.0" in found
