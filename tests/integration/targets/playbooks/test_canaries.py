# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever Ansible prints, logs, caches and leaves behind, there is no secret in it and no key."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_commands import (
    CANARY,
    EXAMPLE,
    KEYS,
    KINDS,
    MODULES,
    Emulator,
    changed,
    ended,
    environment_of,
    example,
    found,
    running_emulator,
    started,
    telling_files,
)

#: Arguments of a task that is wrong: misspelt, of a wrong type, or with a secret where none belongs.
WRONG_TASKS: dict[str, dict[str, t.Any]] = {
    "a misspelt option": {"gitlab": {"api_key": {"api_tokn": f"{CANARY}-1"}}},
    "a text for credentials": {"gitlab": {"api_key": f"{CANARY}-2="}},
    "a list for a text": {"gitlab": {"api_key": {"api_token": [f"{CANARY}-3"]}}},
    "a secret for the name of a token": {
        "http": {"token_auth": {"tokens": [{"name": f"{CANARY}-4"}]}}
    },
    "a password in an address": {
        "http": {"base_url": f"https://me:{CANARY}-5@example.com", "token_auth": {}}
    },
    "a credential in a header": {
        "http": {
            "base_url": "no address",
            "token_auth": {"headers": [{"name": "Cookie", "value": f"session={CANARY}-6"}]},
        }
    },
}
#: A list without anything in it.
NOTHING = json.dumps({"data": [], "meta": {"total": 0, "total_filtered": 0}})
#: What ansible-core itself prints when ANSIBLE_DEBUG is set.
ARGUMENTS_OF_A_MODULE = re.compile(
    r" *\d+ \d+\.\d+: done with _execute_module \(tidyops\.datadog\.\w+, \{.*\}\)"
)


class _VariablesDumper(yaml.SafeDumper):
    """Writes texts in which Ansible would see Jinja as C(!unsafe)."""


def _variable(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    tag = "!unsafe" if "{{" in text else "tag:yaml.org,2002:str"
    return dumper.represent_scalar(tag, text)


_VariablesDumper.add_representer(str, _variable)


class Control:
    """A controller with everything that it writes in one folder, and what it is given in another.

    :ivar written: the folder with temporary files, log, caches, results and registry.
    """

    def __init__(self, folder: Path) -> None:
        self.given = folder / "given"
        self.written = folder / "written"
        self.registry = self.written / "registry" / "connections.json"
        for each in (self.given, self.registry.parent, self.written / "tmp"):
            each.mkdir(parents=True)
        self.variables = {
            "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.written / "facts"),
            "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit,ansible.builtin.tree",
            "ANSIBLE_CALLBACK_TREE_DIR": str(self.written / "tree"),
            "ANSIBLE_HOME": str(self.written / "home"),
            # As older releases of ansible-core do in any case.
            "ANSIBLE_INJECT_INVOCATION": "True",
            "ANSIBLE_LOCAL_TEMP": str(self.written / "local"),
            "ANSIBLE_LOG_PATH": str(self.written / "log"),
            "ANSIBLE_REMOTE_TEMP": str(self.written / "remote"),
            "ANSIBLE_RETRY_FILES_ENABLED": "True",
            "ANSIBLE_RETRY_FILES_SAVE_PATH": str(self.written / "retry"),
            "DD_CONNECTION_REGISTRY": str(self.registry),
            "JUNIT_OUTPUT_DIR": str(self.written / "junit"),
            "TMPDIR": str(self.written / "tmp"),
        }

    def given_file(self, name: str, content: t.Any) -> str:
        """Write what Ansible is to read."""
        path = self.given / name
        path.write_text(yaml.dump(content, Dumper=_VariablesDumper), encoding="utf-8")
        return str(path)

    def start(
        self, variables: t.Mapping[str, str], playbook: str, *arguments: str
    ) -> subprocess.Popen[str]:
        command = ("ansible-playbook", playbook, *arguments)
        return started({**self.variables, **variables}, *command)

    def run(
        self, variables: t.Mapping[str, str], playbook: str, *arguments: str, status: int = 0
    ) -> str:
        """Run a playbook to its end, and search for canaries in all that comes of it."""
        output = ended(self.start(variables, playbook, *arguments), status)
        assert (self.written / "log").stat().st_size
        assert telling_files(self.written) == []
        return output

    def playbook(self, *tasks: t.Mapping[str, t.Any], **keywords: t.Any) -> str:
        """Write a playbook. Jinja in it is meant."""
        head = {"hosts": "localhost", "connection": "local", "gather_facts": False}
        path = self.given / "playbook.yml"
        play = {**head, "tasks": list(tasks), **keywords}
        path.write_text(yaml.safe_dump([play]), encoding="utf-8")
        return str(path)

    def every_kind(self) -> tuple[str, ...]:
        """A playbook that keeps a connection of each kind and shows the result, and the arguments that it needs."""
        options = {"connections": "{{ connections }}", "retries": 0}
        kept = {"tidyops.datadog.action_connections": options, "register": "kept"}
        uses = [
            {"ansible.builtin.debug": {"var": "kept"}},
            {"ansible.builtin.set_fact": {"cached": "{{ kept }}", "cacheable": True}},
        ]
        connections = [example(kind) for kind in KINDS]
        secrets = self.given_file("connections.yml", {"connections": connections})
        return self.playbook({"block": [kept], "always": uses}), "-e", f"@{secrets}"

    def every_module(self, address: str) -> tuple[str, ...]:
        """The example with every module, which goes on after failures here, and the keys as variables."""
        [play] = yaml.safe_load((EXAMPLE.parent / "all_modules.yml").read_text(encoding="utf-8"))
        play["module_defaults"]["group/tidyops.datadog.datadog"]["retries"] = 0
        given = {
            "datadog_api_key": KEYS["DD_API_KEY"],
            "datadog_app_key": KEYS["DD_APP_KEY"],
            "datadog_api_url": address,
            "registry": str(self.registry),
        }
        playbook = self.playbook(**play, ignore_errors=True)
        return playbook, "-e", f"@{self.given_file('keys.yml', given)}"


def kill_all(command: subprocess.Popen[str]) -> None:
    """Kill a command and all that it has started, as when its container is removed."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True
    )
    pairs = [tuple(map(int, line.split())) for line in listing.stdout.splitlines()]
    doomed = [command.pid]
    for pid in doomed:
        doomed += [child for child, parent in pairs if parent == pid]
    for pid in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(name="control")
def fixture_control(tmp_path: Path) -> Control:
    return Control(tmp_path)


@pytest.fixture(name="datadog")
def emulated_datadog(control: Control) -> t.Iterator[Emulator]:
    """An organisation without connections and with a team; its log is searched, too."""
    log = str(control.written / "requests.jsonl")
    with running_emulator("--team", "platform", "--log", log) as emulator:
        yield emulator


@contextlib.contextmanager
def echoing_server(status: int, html: bool = False, answers_reads: bool = False) -> t.Iterator[str]:
    """A server that says back all that it is told, keys and secrets; yields its address.

    :param html: whether in HTML, as a proxy does, or in an error of Datadog's.
    :param answers_reads: whether a GET is answered as by an organisation without connections.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        """Takes every request."""

        def answer(self) -> None:
            """For every method alike."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            error = f"you said {self.headers}{body}"
            told = f"<html>{error}</html>" if html else json.dumps({"errors": [error]})
            is_read = answers_reads and self.command == "GET"
            content = (NOTHING if is_read else told).encode()
            self.send_response(200 if is_read else status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *args: t.Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_every_module(datadog: Emulator, control: Control) -> None:
    output = control.run({}, *control.every_module(datadog.url), "-vvvv", "--diff")
    assert changed(output) == 5
    assert CANARY not in json.dumps(datadog.requests())


def test_every_kind(datadog: Emulator, control: Control) -> None:
    playbook = control.every_kind()
    for result_format, argument in (("json", "--check"), ("yaml", "-vvvv")):
        variables = {"ANSIBLE_CALLBACK_RESULT_FORMAT": result_format, **environment_of(datadog)}
        assert "Freshservice" in control.run(variables, *playbook, argument, "--diff")
    for place in ("facts", "registry", "tree", "requests.jsonl"):
        assert found(control.written / place, "Freshservice")
    assert found(control.written / "junit", "action_connections")


def test_a_registry_in_a_datastore(datadog: Emulator, control: Control) -> None:
    attributes = {"name": "Connections", "primary_column_name": "id"}
    body = {"data": {"type": "datastores", "attributes": attributes}}
    made = datadog.call("POST", "/api/v2/actions-datastores", body).body["data"]["id"]
    variables = {"DD_CONNECTION_REGISTRY": f"datastore:{made}", **environment_of(datadog)}
    assert changed(control.run(variables, *control.every_kind(), "-vvvv", "--diff")) == 1
    # The emulator's log shows rows as they came.
    assert found(control.written / "requests.jsonl", "$scrypt$")
    assert changed(control.run(variables, *control.every_kind(), "-vvvv", "--diff")) == 0


def test_servers_that_tell_keys(control: Control) -> None:
    with echoing_server(403) as address:
        output = control.run({}, *control.every_module(address), "-vvvv")
    # Registries that are files are copied without a request.
    assert output.count("you said") >= len(MODULES) - 1


@pytest.mark.parametrize(
    "server, told",
    [
        ({"status": 400, "answers_reads": True}, "you said"),
        ({"status": 401}, "you said"),
        ({"status": 500, "html": True}, "HTTP 500"),
    ],
)
def test_servers_that_tell_secrets(control: Control, server: dict[str, t.Any], told: str) -> None:
    with echoing_server(**server) as address:
        variables = {"DD_HOST": address, **KEYS}
        output = control.run(variables, *control.every_kind(), "-vvvv", "--diff", status=2)
    assert told in output
    assert found(control.written / "retry", "localhost")


def test_nobody_there(control: Control) -> None:
    with echoing_server(403) as address:
        variables = {"DD_HOST": address, **KEYS}
    output = control.run(variables, *control.every_kind(), "-vvvv", status=2)
    assert "could not be made" in output


def test_wrong_tasks(datadog: Emulator, control: Control) -> None:
    module, given = "tidyops.datadog.action_connection", {"wrong": WRONG_TASKS}
    tasks: list[dict[str, t.Any]] = [
        {
            "name": f"Give {title}",
            module: {"name": "Wrong", integration: f"{{{{ wrong['{title}']['{integration}'] }}}}"},
        }
        for title, options in WRONG_TASKS.items()
        for integration in options
    ]
    playbook = control.playbook(*tasks, ignore_errors=True)
    arguments = ("-e", f"@{control.given_file('wrong.yml', given)}", "-vvvv")
    output = control.run(environment_of(datadog), playbook, *arguments)
    assert f"ignored={len(tasks)} " in output
    assert datadog.requests() == []


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_run_that_is_killed(datadog: Emulator, control: Control, pipelining: bool) -> None:
    """What ansible-core leaves then is the script that it has made of module and arguments, unless it needs no file."""
    datadog.add_fault("hang", method="POST", times=None, seconds=None)
    variables = {"ANSIBLE_PIPELINING": str(pipelining), **environment_of(datadog)}
    command = control.start(variables, *control.every_kind(), "-vvvv")
    datadog.wait_for_fault()
    kill_all(command)
    assert CANARY not in command.communicate()[0]
    assert '"creating"' in control.registry.read_text(encoding="utf-8")
    left = telling_files(control.written)
    if pipelining:
        assert left == []
    else:
        [script] = left
        assert script.name == "AnsiballZ_action_connections.py"
        assert control.written / "remote" in script.parents
        assert not any(key in script.read_text(encoding="utf-8") for key in KEYS.values())


@pytest.mark.parametrize("no_log", [False, True])
def test_debugging_of_ansible_itself(datadog: Emulator, control: Control, no_log: bool) -> None:
    """It prints the arguments of modules, even with C(no_log), but nothing of the environment."""
    variables = {"ANSIBLE_DEBUG": "True", **environment_of(datadog)}
    playbook, *secrets = control.every_kind()
    if no_log:
        [play] = yaml.safe_load(Path(playbook).read_text(encoding="utf-8"))
        playbook = control.playbook(**play, no_log=True)
    output, _errors = control.start(variables, playbook, *secrets, "-vvvv").communicate()
    telling = [line for line in output.splitlines() if CANARY in line]
    assert telling and all(ARGUMENTS_OF_A_MODULE.fullmatch(line) for line in telling)
    assert not any(key in output for key in KEYS.values())
    assert telling_files(control.written) == []


@pytest.mark.parametrize("succeeds", [True, False])
def test_jobs_of_ansible_runner(datadog: Emulator, control: Control, succeeds: bool) -> None:
    """Runner itself writes the environment of a job into the artefact C(command), and its own inputs nowhere else."""
    if not succeeds:
        datadog.add_fault("status", status=400, method="POST", times=None)
    playbook, _option, secrets = control.every_kind()
    folder = control.written / "job"
    inputs = {
        "project/playbook.yml": Path(playbook).read_text(encoding="utf-8"),
        "env/envvars": yaml.safe_dump({**control.variables, **environment_of(datadog)}),
        "env/extravars": Path(secrets.lstrip("@")).read_text(encoding="utf-8"),
        "env/cmdline": "-vvvv --diff",
        "inventory/hosts": "localhost ansible_python_interpreter='{{ ansible_playbook_python }}'",
    }
    for name, content in inputs.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    command = (sys.executable, "-m", "ansible_runner", "run", str(folder), "-p", "playbook.yml")
    output = ended(started({}, *command, "--ident", "1", "--omit-env-files"), 0 if succeeds else 2)
    assert "Freshservice" in output
    for name in inputs:
        (folder / name).unlink()
    [kept] = telling_files(control.written)
    assert kept == folder / "artifacts" / "1" / "command"
    told = json.loads(kept.read_text(encoding="utf-8"))
    assert CANARY not in json.dumps([told["command"], told["cwd"]])
    assert {name for name, value in told["env"].items() if CANARY in value} == set(KEYS)
    assert found(folder / "artifacts" / "1" / "job_events", "Freshservice")
