# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's commands as a user starts them, and the secrets that their output must not contain."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml

# ansible-test runs this in a copy of the target; the collection itself is where Ansible finds it.
COLLECTION = (
    Path(os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0]) / "ansible_collections" / "tidyops" / "datadog"
)
# Neither the emulator nor the collection is a package of this environment; hence E402 below.
sys.path[:0] = [str(COLLECTION / "tests" / "emulator"), str(COLLECTION.parents[2])]
from ansible_collections.tidyops.datadog.tests.unit.examples import (  # noqa: E402
    CANARY,
    KINDS,
    example,
    secret,
)
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (  # noqa: E402
    Backend,
    DatastoreBackend,
    FileBackend,
    rotated,
)
from datadog_emulator.testing import Emulator, running_emulator  # noqa: E402

__all__ = [
    "CANARY",
    "COLLECTION",
    "EXAMPLE",
    "KEYS",
    "KINDS",
    "MODULES",
    "Backend",
    "DatastoreBackend",
    "Emulator",
    "FileBackend",
    "changed",
    "ended",
    "environment_of",
    "example",
    "files_with",
    "leaks",
    "rotated",
    "running_emulator",
    "secrets_file",
    "started",
    "write_variables",
]

EXAMPLE = COLLECTION / "docs" / "examples" / "all_connections.yml"
MODULES = sorted(path.stem for path in (COLLECTION / "plugins" / "modules").glob("*.py"))
KEYS = {"DD_API_KEY": f"{CANARY}-api-key", "DD_APP_KEY": f"{CANARY}-app-key"}


def environment_of(datadog: Emulator) -> dict[str, str]:
    """The environment variables with which the modules reach an emulated Datadog."""
    return {"DD_HOST": datadog.url, **KEYS}


def started(variables: t.Mapping[str, str], *command: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    """Start one of Ansible's commands, with additional environment variables."""
    environment = {
        **os.environ,
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        **variables,
    }
    return subprocess.Popen(
        command,
        env=environment,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(command: subprocess.Popen[str], *statuses: int) -> str:
    """Wait for a command, which must end with one of these statuses, or 0 if none is given.

    :returns: its output, which must not contain a canary.
    """
    output, _errors = command.communicate()
    assert CANARY not in output
    assert command.returncode in (statuses or (0,)), output
    return output


class _VariablesDumper(yaml.SafeDumper):
    """Writes strings in which Ansible would see Jinja as C(!unsafe)."""

    def ignore_aliases(self, data: t.Any) -> bool:
        return True


def _variable(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    tag = "!unsafe" if "{{" in text else "tag:yaml.org,2002:str"
    return dumper.represent_scalar(tag, text)


_VariablesDumper.add_representer(str, _variable)


def write_variables(path: Path, **variables: t.Any) -> tuple[str, str]:
    """Write a file of variables, and return the arguments that load it."""
    path.write_text(yaml.dump(variables, Dumper=_VariablesDumper), encoding="utf-8")
    return "-e", f"@{path}"


def secrets_file(path: Path) -> tuple[str, str]:
    """Write a canary for each secret of the example playbook, and return the arguments that load them."""
    known = yaml.safe_load((EXAMPLE.parent / "secrets.yml").read_text(encoding="utf-8"))["secrets"]
    return write_variables(path, secrets={name: secret(name) for name in known})


def changed(output: str) -> int:
    """The number of changed tasks, from the recap."""
    [number] = re.findall(r"changed=(\d+)", output)
    return int(number)


def leaks(folder: Path) -> list[Path]:
    """The files with a canary in them."""
    return files_with(folder, CANARY)


def files_with(folder: Path, text: str) -> list[Path]:
    """The files with a text in them. The folder may be a file itself."""
    paths = [path for path in (folder, *folder.rglob("*")) if path.is_file()]
    assert paths
    return [path for path in paths if text.encode() in path.read_bytes()]
