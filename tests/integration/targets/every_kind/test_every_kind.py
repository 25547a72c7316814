# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One playbook with every kind of credentials, run by ansible-playbook against the emulator."""

from __future__ import annotations

from pathlib import Path

from ansible_commands import (
    CANARY,
    EXAMPLE,
    Emulator,
    changed,
    ended,
    environment_of,
    running_emulator,
    secrets_file,
    started,
)


def play(datadog: Emulator, *arguments: str) -> str:
    """Run the playbook and return all that it prints, which must not contain a secret."""
    variables = {**environment_of(datadog), "ANSIBLE_PIPELINING": "True"}
    return ended(started(variables, "ansible-playbook", str(EXAMPLE), *arguments))


def writes(datadog: Emulator) -> list[str]:
    """Return the methods of the writes since the last call."""
    methods = [request["method"] for request in datadog.requests()]
    datadog.clear()
    return [method for method in methods if method != "GET"]


def test_every_kind_of_connection(tmp_path: Path) -> None:
    """Create, unchanged, check mode, change, delete: 25 action connections and a team connection."""
    registry = tmp_path / "connections.json"
    given = (*secrets_file(tmp_path / "canaries.yml"), "-e", f"registry={registry}")
    other = (
        *("-e", "aws_role=Another", "-e", "managed_by=somebody", "--diff"),
        *secrets_file(tmp_path / "rotated.yml", "-rotated"),
    )
    with running_emulator("--team", "platform") as datadog:
        assert changed(play(datadog, *given, "-vvvv")) == 26
        assert writes(datadog) == ["POST"] * 26
        assert changed(play(datadog, *given)) == 0
        assert writes(datadog) == []

        predicted = play(datadog, *given, *other, "--check")
        assert changed(predicted) == 26
        assert writes(datadog) == []
        done = play(datadog, *given, *other)
        assert done == predicted
        assert sorted(writes(datadog)) == ["DELETE"] + ["PATCH"] * 25 + ["POST"]
        assert "WARNING" not in done
        assert CANARY not in registry.read_text(encoding="utf-8")

        assert changed(play(datadog, *given, "-e", "state=absent")) == 26
        assert writes(datadog) == ["DELETE"] * 26
        counts = datadog.state()["counts"]
        assert (counts["action_connections"], counts["team_connections"]) == (0, 0)
