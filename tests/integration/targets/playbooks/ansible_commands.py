# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's commands as a user starts them, and the secrets that must not come out of them."""

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
    Path(os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0])
    / "ansible_collections"
    / "tidyops"
    / "datadog"
)
# Neither the emulator nor the collection is a package of this environment; hence E402 below.
sys.path[:0] = [str(COLLECTION / "tests" / "emulator"), str(COLLECTION.parents[2])]
from ansible_collections.tidyops.datadog.tests.unit.examples import (  # noqa: E402
    CANARY,
    KINDS,
    example,
)
from ansible_collections.tidyops.datadog.tests.unit.keeper import (  # noqa: E402
    DatastoreHome,
    FileHome,
    Home,
)
from datadog_emulator.testing import Emulator, running_emulator  # noqa: E402

__all__ = [
    "CANARY",
    "COLLECTION",
    "EXAMPLE",
    "KEYS",
    "KINDS",
    "MODULES",
    "DatastoreHome",
    "Emulator",
    "FileHome",
    "Home",
    "changed",
    "ended",
    "environment_of",
    "example",
    "found",
    "running_emulator",
    "secrets_file",
    "started",
    "telling_files",
]

EXAMPLE = COLLECTION / "docs" / "examples" / "all_connections.yml"
MODULES = sorted(path.stem for path in (COLLECTION / "plugins" / "modules").glob("*.py"))
KEYS = {"DD_API_KEY": f"{CANARY}-api-key", "DD_APP_KEY": f"{CANARY}-app-key"}


def environment_of(datadog: Emulator) -> dict[str, str]:
    """What tells the modules where an emulated Datadog is."""
    return {"DD_HOST": datadog.url, **KEYS}


def started(
    variables: t.Mapping[str, str], *command: str, cwd: Path | None = None
) -> subprocess.Popen[str]:
    """Start one of Ansible's commands, with more variables in its environment."""
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


def ended(command: subprocess.Popen[str], status: int = 0) -> str:
    """Wait for the end of a command, which has to have this status, and return all that it prints."""
    output, _errors = command.communicate()
    assert CANARY not in output
    assert command.returncode == status, output
    return output


def secrets_file(path: Path, suffix: str = "") -> tuple[str, str]:
    """Write a file with a canary for each secret of the example, and return the arguments that load it."""
    known = yaml.safe_load((EXAMPLE.parent / "secrets.yml").read_text(encoding="utf-8"))["secrets"]
    secrets = {name: secret(name) + suffix for name in known}
    path.write_text(yaml.safe_dump({"secrets": secrets}), encoding="utf-8")
    return "-e", f"@{path}"


def secret(name: str) -> str:
    """A secret to search for, in which there is what may be written differently from what it is."""
    lines = f"\n{CANARY}\n{CANARY}\n" if name.startswith("gcp") else ""
    return f"{CANARY}-{name}'{CANARY}\"{CANARY}\\{CANARY}{lines}"


def changed(output: str) -> int:
    """The number of changed tasks, from the recap."""
    [number] = re.findall(r"changed=(\d+)", output)
    return int(number)


def telling_files(folder: Path) -> list[Path]:
    """The files with a canary in them."""
    return found(folder, CANARY)


def found(folder: Path, text: str) -> list[Path]:
    """The files with a text in them; also of what is a file itself."""
    paths = [path for path in (folder, *folder.rglob("*")) if path.is_file()]
    assert paths
    return [path for path in paths if text.encode() in path.read_bytes()]
