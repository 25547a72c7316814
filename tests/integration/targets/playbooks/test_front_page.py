# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the README shows: its first playbook, its picture, its commands, its links."""

from __future__ import annotations

import re
import shlex
import sys
import textwrap
from pathlib import Path

import pytest
from ansible_commands import COLLECTION, changed, ended, environment_of, running_emulator, started

sys.path.insert(0, str(COLLECTION / "tests" / "demo"))
import picture  # noqa: E402

README = (COLLECTION / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (COLLECTION / "CONTRIBUTING.md").read_text(encoding="utf-8")


def commands(beginning: str) -> list[str]:
    """The commands of the README that begin so."""
    return re.findall(rf"^\$ ({beginning} .*)$", README, re.MULTILINE)


def test_first_playbook(tmp_path: Path) -> None:
    """The commands below it predict the connection, create it, and find it."""
    (tmp_path / "connections.yml").write_text(picture.first_playbook(COLLECTION / "README.md"))
    with running_emulator() as datadog:
        changes = [
            changed(ended(started(environment_of(datadog), *shlex.split(command), cwd=tmp_path)))
            for command in commands("ansible-playbook")
        ]
        assert changes == [1, 1, 0]
        assert datadog.state()["counts"]["action_connections"] == 1


def test_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows what ansible-playbook prints today."""
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(COLLECTION.parents[2]))
    today = picture.drawn(picture.recorded())
    assert picture.text_of(picture.PICTURE.read_text("utf-8")) == picture.text_of(today)


def test_documentation_command() -> None:
    for command in re.findall(r"`(ansible-doc [^`]*)`", README):
        assert "EXAMPLES:" in ended(started({}, *shlex.split(command)))


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_what_is_named_exists(text: str) -> None:
    """Files that are linked to, and targets of the Makefile."""
    files = {link.partition("#")[0] for link in re.findall(r"\]\((?!https?:|#)([^)]+)\)", text)}
    assert files
    assert [file for file in sorted(files) if not (COLLECTION / file).exists()] == []
    targets = re.findall(r"^([a-z-]+):", (COLLECTION / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = re.findall(r"(?:^\$ |`)make (?:-C \S+ )?([a-z-]+)", text, re.MULTILINE)
    assert named
    assert set(named) <= set(targets)


def test_one_quick_start() -> None:
    """README and guide have the same playbook and the same commands until it has run."""
    guide = COLLECTION / "docs" / "docsite" / "rst" / "guide_quick_start.rst"
    text = guide.read_text(encoding="utf-8")
    section = README.partition("## Quick start\n")[2].partition("\n## ")[0]
    for command in re.findall(r"^\$ (.*)$", section, re.MULTILINE):
        assert f"  $ {command}\n" in text, command
    playbook = picture.first_playbook(COLLECTION / "README.md")
    assert textwrap.indent(playbook, "  ") in text


def test_length() -> None:
    """A front page of more lines is not read."""
    assert len(README.splitlines()) <= 200
