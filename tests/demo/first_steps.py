# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The README's quick start, typed by a newcomer: every command as it stands there, in an empty home.

Only the repository's address is replaced, by that of the checkout given as the argument, and the
emulator's port, by a free one. The runs have to change, change and find unchanged.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "https://github.com/tidyops/ansible-collection-datadog.git"
PORT = "9126"
# Where packages come from is not the README's business.
KEPT = re.compile(r"PATH|LANG|.*_proxy|.*_PROXY|(PIP|SSL|UV|CURL|REQUESTS|GIT)_.*")


def quick_start() -> str:
    """Return the README's section."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.split(r"^## ", readme.partition("## Quick start\n")[2], flags=re.MULTILINE)[0]


def script_of(section: str, repository: str, port: int) -> str:
    """Return a shell script of its commands, in which the emulator has a terminal of its own."""
    lines = ["set -euo pipefail"]
    for command in re.findall(r"^\$ (.*)$", section, re.MULTILINE):
        typed = command.replace(ADDRESS, repository).replace(PORT, str(port))
        lines.append(f"echo {shlex.quote('$ ' + typed)}")
        if " emulator " in typed:
            lines += [
                f"({typed}) & emulator=$!",
                "trap 'pkill -P $emulator; kill $emulator' EXIT",
                f"until (: < /dev/tcp/127.0.0.1/{port}) 2>/dev/null; do kill -0 $emulator; sleep 0.2; done",
            ]
        else:
            lines.append(typed)
    return "\n".join(lines)


def free_port() -> int:
    """Return a port on loopback that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def main() -> None:
    """Type it, and say how long it took."""
    section = quick_start()
    [playbook] = re.findall(r"^```yaml\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    environ = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as elsewhere:
        # A clone is named after what it comes from.
        repository = Path(elsewhere) / ADDRESS.rpartition("/")[2]
        clone = ["git", "clone", "--quiet", "--bare", sys.argv[1], str(repository)]
        subprocess.run(clone, check=True)
        script = script_of(section, f"file://{repository}", free_port())
        (Path(home) / "connections.yml").write_text(playbook, encoding="utf-8")
        started = time.monotonic()
        output = subprocess.run(
            ["bash", "-c", script],
            check=False,
            cwd=home,
            env={**environ, "HOME": home},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    print(output.stdout, end="")
    changes = re.findall(r"changed=(\d+) .*failed=0", output.stdout)
    if output.returncode or changes != ["1", "1", "0"]:
        sys.exit(f"Status {output.returncode}, changed: {changes}")
    print(f"\nFrom nothing to a connection that is as it should be: {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
