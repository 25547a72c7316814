# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A demo of the collection: built and installed as a user would, on an emulated Datadog."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".cache" / "demo"
PLAYBOOK = "docs/examples/all_connections.yml"
ACCESS = "docs/examples/access.yml"
SECRETS = ROOT / "docs" / "examples" / "secrets.yml"
BIN = Path(sys.executable).parent

# The emulator is no package of this environment; hence E402 below.
sys.path.insert(0, str(ROOT / "tests" / "emulator"))
from datadog_emulator.testing import Emulator, running_emulator  # noqa: E402


def say(title: str, text: str) -> None:
    """Announce a step."""
    print(f"\n\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n\n### {title}")
    print(textwrap.fill(" ".join(text.split()), 100), end="\n\n", flush=True)


def run(*command: str, environ: t.Mapping[str, str], quiet: bool = False) -> None:
    """Show a command as a user would type it, and run it."""
    print(f"$ {' '.join(command)}", flush=True)
    output = subprocess.DEVNULL if quiet else None
    subprocess.run([str(BIN / command[0]), *command[1:]], check=True, cwd=ROOT, env=environ, stdout=output)


def expect(datadog: Emulator, connections: int, writes: int) -> None:
    """Show what Datadog has seen since the last time, and stop the demo if it is not what was announced."""
    methods = [request["method"] for request in datadog.requests()]
    written = [method for method in methods if method != "GET"]
    counts = datadog.state()["counts"]
    there = counts["action_connections"] + counts["team_connections"]
    print(
        f"=> Datadog received {len(methods)} requests, {len(written)} of which write, and has {there} connections now."
    )
    if (there, len(written)) != (connections, writes):
        sys.exit(f"{connections} connections and {writes} writes were expected.")
    datadog.clear()


def main() -> None:
    """Run the demo; it ends with an error if anything is not as announced."""
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "DD_", "DATADOG_"))},
        "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", "")]),
        "ANSIBLE_HOME": str(PLACE / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(PLACE / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_DISPLAY_OK_HOSTS": "False",
        **({"ANSIBLE_FORCE_COLOR": "True"} if sys.stdout.isatty() else {}),
    }
    say(
        "1. Install the collection",
        """The collection is built and installed as it would be from Ansible Galaxy.""",
    )
    shutil.rmtree(PLACE, ignore_errors=True)
    package = str(PLACE.relative_to(ROOT))
    run(
        "ansible-galaxy",
        "collection",
        "build",
        "--output-path",
        package,
        environ=environ,
        quiet=True,
    )
    [tarball] = PLACE.glob("*.tar.gz")
    archive = str(tarball.relative_to(ROOT))
    run("ansible-galaxy", "collection", "install", "--offline", archive, environ=environ, quiet=True)

    registry = PLACE / "connections.json"
    playbook = ("ansible-playbook", PLAYBOOK)
    # Without the list of connections each new one would come with a warning.
    with running_emulator("--list", "--team", "platform") as datadog:
        environ.update(
            {
                "DD_HOST": datadog.url,
                "DD_API_KEY": "demo-api-key",
                "DD_APP_KEY": "demo-application-key",
                "DD_CONNECTION_REGISTRY": str(registry),
            }
        )
        say(
            "2. Create",
            f"""An emulated Datadog listens on {datadog.url}. It has a team 'platform' and no connections. DD_HOST, DD_API_KEY and
            DD_APP_KEY point the modules to it, and DD_CONNECTION_REGISTRY names the file that remembers the connections. The
            playbook has 25 action connections, one for each kind of credentials, and a team connection. All of them are new, so
            every task makes a change:""",
        )
        run(*playbook, environ=environ)
        expect(datadog, connections=26, writes=26)

        say(
            "3. Run it again",
            """Everything is as the playbook says, secrets included. Nothing changes, and nothing is written. (Unchanged tasks are
            not shown.)""",
        )
        run(*playbook, environ=environ)
        expect(datadog, connections=26, writes=0)

        say(
            "4. Show what would change",
            """Datadog should assume another role in AWS. Check mode shows the change and writes nothing:""",
        )
        changed = (
            *playbook,
            "--tags",
            "aws,http",
            "-e",
            "aws_role=DatadogAutomation",
        )
        run(*changed, "--check", "--diff", environ=environ)
        expect(datadog, connections=26, writes=0)

        say(
            "5. Change it",
            "The same command without --check makes this change, and no other.",
        )
        run(*changed, "--diff", environ=environ)
        expect(datadog, connections=26, writes=1)

        say(
            "6. Let others use it",
            """Only the creator of a connection may use it. The option access says who else may: here a team and a role, by name.
            Tags are what connection groups select by. Connection and policy are written:""",
        )
        run("ansible-playbook", ACCESS, "--diff", environ=environ)
        expect(datadog, connections=26, writes=2)

        say(
            "7. Rotate a secret",
            """Datadog never returns secrets, but the registry has a fingerprint of each. So only the secret that differs is
            sent:""",
        )
        rotated = PLACE / "rotated.yml"
        secrets = SECRETS.read_text(encoding="utf-8")
        rotated.write_text(
            secrets.replace("example-gitlab-api-token", "rotated-gitlab-api-token"),
            encoding="utf-8",
        )
        changed = (*playbook, "--tags", "gitlab,http", "-e", f"@{rotated.relative_to(ROOT)}")
        run(*changed, "--diff", environ=environ)
        expect(datadog, connections=26, writes=1)
        print("\nThe registry's entry for this connection:\n")
        shown = json.loads(registry.read_text(encoding="utf-8"))["connections"]["GitLab"]
        print(json.dumps(shown, indent=2))

        say("8. Delete everything", "The same playbook, with state=absent:")
        run(*playbook, "-e", "state=absent", environ=environ)
        expect(datadog, connections=0, writes=26)

    say(
        "Done",
        f"""Next: read {PLAYBOOK} and {ACCESS}; start an emulated Datadog of your own with `make emulator PORT=9126`; follow the
        quick start in the README.""",
    )


if __name__ == "__main__":
    main()
