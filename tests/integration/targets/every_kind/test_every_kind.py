# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every kind of credentials, managed by ansible-playbook, with a registry, as most organizations have it: without the list."""

from __future__ import annotations

from pathlib import Path

from ansible_commands import (
    CANARY,
    EXAMPLE,
    KINDS,
    Emulator,
    changed,
    ended,
    environment_of,
    example,
    rotated,
    running_emulator,
    secrets_file,
    started,
    write_variables,
)

SETS = Path(__file__).with_name("sets.yml")


def play(datadog: Emulator, registry: Path, playbook: Path, *arguments: str) -> tuple[str, list[str]]:
    """Run a playbook. Return its output and the methods of the writes."""
    variables = {
        **environment_of(datadog),
        "ANSIBLE_PIPELINING": "True",
        "DD_CONNECTION_REGISTRY": str(registry),
    }
    datadog.clear()
    output = ended(started(variables, "ansible-playbook", str(playbook), *arguments))
    methods = [request["method"] for request in datadog.requests()]
    return output, [method for method in methods if method != "GET"]


def test_every_kind(tmp_path: Path) -> None:
    """Created one by one; then unchanged, predicted, changed and deleted as sets."""
    registry = tmp_path / "connections.json"
    secrets = secrets_file(tmp_path / "secrets.yml")
    same = write_variables(tmp_path / "same.yml", connections=[example(kind) for kind in KINDS])
    others = [rotated(example(kind), kind) for kind in KINDS]
    others[KINDS.index("aws.assume_role")]["aws"]["assume_role"]["role"] = "Another"
    other = write_variables(tmp_path / "other.yml", connections=others, managed_by="somebody")

    with running_emulator("--team", "platform") as datadog:
        output, writes = play(datadog, registry, EXAMPLE, *secrets, "-vvvv")
        assert (changed(output), writes) == (26, ["POST"] * 26)

        output, writes = play(datadog, registry, SETS, *same)
        assert (changed(output), writes) == (0, [])
        assert "WARNING" not in output

        predicted, writes = play(datadog, registry, SETS, *other, "--diff", "--check")
        assert (changed(predicted), writes) == (2, [])
        output, writes = play(datadog, registry, SETS, *other, "--diff")
        assert output == predicted
        assert sorted(writes) == ["DELETE"] + ["PATCH"] * 25 + ["POST"]
        assert "WARNING" not in output

        assert CANARY not in registry.read_text(encoding="utf-8")
        output, writes = play(datadog, registry, SETS, *other, "-e", "state=absent")
        assert (changed(output), writes) == (2, ["DELETE"] * 26)
        counts = datadog.state()["counts"]
        assert (counts["action_connections"], counts["team_connections"]) == (0, 0)
