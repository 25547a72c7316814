# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing that Ansible prints, logs, caches or leaves behind contains a secret or a key."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
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
    files_with,
    leaks,
    running_emulator,
    started,
    write_variables,
)

#: The options of wrong tasks: misspelt, of a wrong type, or with a secret where none belongs.
WRONG_TASKS: dict[str, dict[str, t.Any]] = {
    "a misspelt option": {"gitlab": {"api_key": {"api_tokn": f"{CANARY}-1"}}},
    "a string for credentials": {"gitlab": {"api_key": f"{CANARY}-2="}},
    "a list for a string": {"gitlab": {"api_key": {"api_token": [f"{CANARY}-3"]}}},
    "a secret for the name of a token": {"http": {"token_auth": {"tokens": [{"name": f"{CANARY}-4"}]}}},
    "a password in an address": {"http": {"base_url": f"https://me:{CANARY}-5@example.com", "token_auth": {}}},
    "a credential in a header": {
        "http": {
            "base_url": "no address",
            "token_auth": {"headers": [{"name": "Cookie", "value": f"session={CANARY}-6"}]},
        }
    },
    "a secret for a tag": {"tags": [f"{CANARY}-7"]},
    "a secret for a principal": {"access": {"editor": [f"{CANARY}-8"]}},
    "credentials in access": {"access": {"api_key": {"api_token": f"{CANARY}-9"}}},
}
#: Answers of an organization without connections, by the last part of the path.
READS: dict[str, t.Any] = {
    "connections": {"data": [], "meta": {"total": 0, "total_filtered": 0}},
    "current_user": {"data": {"id": "0", "type": "users"}},
}
#: What ansible-core itself prints when ANSIBLE_DEBUG is set.
ARGUMENTS_OF_A_MODULE = re.compile(r" *\d+ \d+\.\d+: done with _execute_module \(tidyops\.datadog\.\w+, \{.*\}\)")


class Control:
    """A controller that reads from one folder and writes to another.

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

    def variables_file(self, **variables: t.Any) -> tuple[str, str]:
        """Write variables that playbooks load. Return the arguments for that."""
        return write_variables(self.given / "variables.yml", **variables)

    def start(self, variables: t.Mapping[str, str], playbook: str, *arguments: str) -> subprocess.Popen[str]:
        command = ("ansible-playbook", playbook, *arguments)
        return started({**self.variables, **variables}, *command)

    def run(self, variables: t.Mapping[str, str], playbook: str, *arguments: str, status: int = 0) -> str:
        """Run a playbook, and search for canaries in its output and in everything that was written."""
        output = ended(self.start(variables, playbook, *arguments), status)
        assert (self.written / "log").stat().st_size
        assert leaks(self.written) == []
        return output

    def playbook(self, *tasks: t.Mapping[str, t.Any], **keywords: t.Any) -> str:
        """Write a playbook. Strings in it may be Jinja."""
        head = {"hosts": "localhost", "connection": "local", "gather_facts": False}
        path = self.given / "playbook.yml"
        play = {**head, "tasks": list(tasks), **keywords}
        path.write_text(yaml.safe_dump([play]), encoding="utf-8")
        return str(path)

    def every_kind(self, **more: t.Any) -> tuple[str, ...]:
        """A playbook that manages a connection of each kind and shows the result, and its arguments.

        :param more: options for each connection.
        """
        options = {"connections": "{{ connections }}", "retries": 0}
        managed = {"tidyops.datadog.action_connections": options, "register": "result"}
        uses = [
            {"ansible.builtin.debug": {"var": "result"}},
            {"ansible.builtin.set_fact": {"cached": "{{ result }}", "cacheable": True}},
        ]
        connections = [{**example(kind), **more} for kind in KINDS]
        arguments = self.variables_file(connections=connections)
        return self.playbook({"block": [managed], "always": uses}), *arguments

    def every_module(self, address: str) -> tuple[str, ...]:
        """The example with every module, which continues after failures here, and its arguments."""
        [play] = yaml.safe_load((EXAMPLE.parent / "all_modules.yml").read_text(encoding="utf-8"))
        play["module_defaults"]["group/tidyops.datadog.datadog"]["retries"] = 0
        arguments = self.variables_file(
            datadog_api_key=KEYS["DD_API_KEY"],
            datadog_app_key=KEYS["DD_APP_KEY"],
            datadog_api_url=address,
            registry=str(self.registry),
        )
        return self.playbook(**play, ignore_errors=True), *arguments

    def last_result(self) -> dict[str, t.Any]:
        """The result that the playbook of every_kind() has cached, from the file of its last task."""
        text = (self.written / "tree" / "localhost").read_text(encoding="utf-8")
        result: dict[str, t.Any] = json.loads(text)["ansible_facts"]["cached"]
        return result


def kill_all(command: subprocess.Popen[str]) -> None:
    """Kill a command and everything that it started, as when its container is removed."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True)
    pairs = [tuple(map(int, line.split())) for line in listing.stdout.splitlines()]
    doomed = [command.pid]
    for pid in doomed:
        doomed += [child for child, parent in pairs if parent == pid]
    for pid in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(name="control")
def fixture_control() -> t.Iterator[Control]:
    # The names of sockets below TMPDIR must be short, and those of tmp_path are long.
    with tempfile.TemporaryDirectory() as folder:
        yield Control(Path(folder))


@pytest.fixture(name="datadog")
def emulated_datadog(control: Control) -> t.Iterator[Emulator]:
    """An organization without connections and without the list of them, whose log is searched, too."""
    log = str(control.written / "requests.jsonl")
    with running_emulator("--team", "platform", "--log", log) as emulator:
        yield emulator


@contextlib.contextmanager
def echoing_server(status: int, html: bool = False, answers_reads: bool = False) -> t.Iterator[str]:
    """A server that repeats what it was sent, keys and secrets included; yields its address.

    :param html: whether as a proxy's HTML, or as one of Datadog's errors.
    :param answers_reads: whether it answers GET as READS says.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        """Takes every request."""

        def answer(self) -> None:
            """For every method alike."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            error = f"you said {self.headers}{body}"
            answer = f"<html>{error}</html>" if html else json.dumps({"errors": [error]})
            read = READS.get(self.path.partition("?")[0].rpartition("/")[2])
            is_read = answers_reads and self.command == "GET" and read
            content = (json.dumps(read) if is_read else answer).encode()
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
    # Nothing copies the registry, and what only reads changes nothing.
    writers = [module for module in MODULES if not module.endswith("_info")]
    assert changed(output) == len(writers) - 1
    assert CANARY not in json.dumps(datadog.requests())


def test_every_kind(datadog: Emulator, control: Control) -> None:
    """No canary at all, and no part of the invocation that could hold one."""
    access = {"editor": ["team:platform"], "viewer": ["org"]}
    playbook = control.every_kind(tags=["env:test"], access=access)
    for result_format, argument in (("json", "--check"), ("yaml", "-vvvv")):
        variables = {"ANSIBLE_CALLBACK_RESULT_FORMAT": result_format, **environment_of(datadog)}
        assert "Freshservice" in control.run(variables, *playbook, argument, "--diff")
    for place in ("facts", "registry", "tree", "requests.jsonl"):
        assert files_with(control.written / place, "Freshservice")
    assert files_with(control.written / "junit", "action_connections")
    # Not every release of ansible-core registers the invocation.
    module_args = control.last_result().get("invocation", {}).get("module_args", {})
    assert module_args.get("retries", 0) == 0
    assert not {"connections", *KEYS, "api_key", "app_key"} & set(module_args)


def test_a_registry_in_a_datastore(datadog: Emulator, control: Control) -> None:
    attributes = {"name": "Connections", "primary_column_name": "id"}
    body = {"data": {"type": "datastores", "attributes": attributes}}
    created = datadog.call("POST", "/api/v2/actions-datastores", body).body["data"]["id"]
    variables = {"DD_CONNECTION_REGISTRY": f"datastore:{created}", **environment_of(datadog)}
    assert changed(control.run(variables, *control.every_kind(), "-vvvv", "--diff")) == 1
    # The emulator's log shows rows as they were sent.
    assert files_with(control.written / "requests.jsonl", "$scrypt$")
    assert changed(control.run(variables, *control.every_kind(), "-vvvv", "--diff")) == 0


def test_servers_that_repeat_keys(control: Control) -> None:
    with echoing_server(403) as address:
        output = control.run({}, *control.every_module(address), "-vvvv")
    # A registry in a file is copied without a request.
    assert output.count("you said") >= len(MODULES) - 1


@pytest.mark.parametrize(
    "server, shown",
    [
        ({"status": 400, "answers_reads": True}, "you said"),
        ({"status": 401}, "you said"),
        ({"status": 500, "html": True}, "HTTP 500"),
    ],
)
def test_servers_that_repeat_secrets(control: Control, server: dict[str, t.Any], shown: str) -> None:
    with echoing_server(**server) as address:
        variables = {"DD_HOST": address, **KEYS}
        output = control.run(variables, *control.every_kind(), "-vvvv", "--diff", status=2)
    assert shown in output
    assert files_with(control.written / "retry", "localhost")


def test_nobody_there(control: Control) -> None:
    with echoing_server(403) as address:
        variables = {"DD_HOST": address, **KEYS}
    output = control.run(variables, *control.every_kind(), "-vvvv", status=2)
    assert "api_url" in output


def test_wrong_tasks(datadog: Emulator, control: Control) -> None:
    """They fail before the first request, and return no invocation."""
    module = "tidyops.datadog.action_connection"
    tasks: list[dict[str, t.Any]] = []
    for title, options in WRONG_TASKS.items():
        given = {option: f"{{{{ wrong['{title}']['{option}'] }}}}" for option in options}
        task = {module: {"name": "Wrong", **given}, "register": "result"}
        tasks += [
            {"name": f"Give {title}", "ignore_errors": True, **task},
            {"ansible.builtin.assert": {"that": "not result.invocation | default({})"}},
        ]
    arguments = control.variables_file(wrong=WRONG_TASKS)
    variables = environment_of(datadog)
    output = control.run(variables, control.playbook(*tasks), *arguments, "-vvvv")
    assert f"ignored={len(WRONG_TASKS)} " in output
    assert datadog.requests() == []


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_run_that_is_killed(datadog: Emulator, control: Control, pipelining: bool) -> None:
    """Without pipelining, ansible-core leaves the script that it made of the module and its arguments."""
    datadog.add_fault("hang", method="POST", times=None, seconds=None)
    variables = {"ANSIBLE_PIPELINING": str(pipelining), **environment_of(datadog)}
    command = control.start(variables, *control.every_kind(), "-vvvv")
    datadog.wait_for_fault()
    kill_all(command)
    assert CANARY not in command.communicate()[0]
    assert '"claim"' in control.registry.read_text(encoding="utf-8")
    left = leaks(control.written)
    if pipelining:
        assert left == []
    else:
        [script] = left
        assert script.name == "AnsiballZ_action_connections.py"
        assert control.written / "remote" in script.parents
        assert not any(key in script.read_text(encoding="utf-8") for key in KEYS.values())


@pytest.mark.parametrize("no_log", [False, True])
def test_debugging_of_ansible_itself(datadog: Emulator, control: Control, no_log: bool) -> None:
    """ansible-core prints the arguments of modules, even with C(no_log), but nothing of the environment."""
    variables = {"ANSIBLE_DEBUG": "True", **environment_of(datadog)}
    playbook, *secrets = control.every_kind()
    if no_log:
        [play] = yaml.safe_load(Path(playbook).read_text(encoding="utf-8"))
        playbook = control.playbook(**play, no_log=True)
    output, _errors = control.start(variables, playbook, *secrets, "-vvvv").communicate()
    lines = [line for line in output.splitlines() if CANARY in line]
    assert lines and all(ARGUMENTS_OF_A_MODULE.fullmatch(line) for line in lines)
    assert not any(key in output for key in KEYS.values())
    assert leaks(control.written) == []


@pytest.mark.parametrize("succeeds", [True, False])
def test_jobs_of_ansible_runner(datadog: Emulator, control: Control, succeeds: bool) -> None:
    """Runner writes a job's environment to the artifact C(command), and its inputs nowhere else."""
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
    [artifact] = leaks(control.written)
    assert artifact == folder / "artifacts" / "1" / "command"
    content = json.loads(artifact.read_text(encoding="utf-8"))
    assert CANARY not in json.dumps([content["command"], content["cwd"]])
    assert {name for name, value in content["env"].items() if CANARY in value} == set(KEYS)
    assert files_with(folder / "artifacts" / "1" / "job_events", "Freshservice")
