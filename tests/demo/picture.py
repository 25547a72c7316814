# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The README's picture: its playbook run against an emulated Datadog, and what ansible-playbook printed.

``picture.py`` draws it anew, ``picture.py --check`` fails if another run prints something else.
C(ANSIBLE_COLLECTIONS_PATH) says which installed collection runs; without it, it is that of the checkout.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "images" / "check-and-change.svg"
# The picture has that of this file.
LICENSE = "\n".join(line[2:] for line in Path(__file__).read_text("utf-8").splitlines()[:3])
COMMANDS = [
    "sed -i s/DatadogActions/DatadogAutomation/ connections.yml",
    "ansible-playbook connections.yml --check --diff",
    "ansible-playbook connections.yml",
    "ansible-playbook connections.yml",
]

# Ansible fills its lines up to here, whatever the terminal.
COLUMNS = 80
FONT_SIZE = 14
# No monospaced font that a browser may take is wider.
COLUMN_WIDTH = FONT_SIZE * 0.62
LINE_HEIGHT = 19
MARGIN = 18
#: Ansible's colors, as they look on the dark ground that the picture brings along.
COLORS = {"31": "#ff7b72", "32": "#56d364", "33": "#e3b341", "36": "#56d4dd"}
# Renderers agree on keeping this one, even at the start of a line.
NO_BREAK_SPACE = "\u00a0"
COLORED = re.compile(r"\x1b\[([\d;]*)m")

# The emulator is no package of this environment; hence E402 below.
sys.path.insert(0, str(ROOT / "tests" / "emulator"))
from datadog_emulator.testing import running_emulator  # noqa: E402


def first_playbook(readme: Path) -> str:
    """Return the first playbook of a Markdown file."""
    found = re.search(r"^```yaml\n(.*?)^```$", readme.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    if not found:
        raise ValueError(f"There is no playbook in {readme}.")
    return found[1]


def shown(output: str) -> list[str]:
    """Return the lines from the first task to the recap, without the empty ones at the end."""
    lines = output.splitlines()
    plain = [COLORED.sub("", line) for line in lines]
    first = next(number for number, line in enumerate(plain) if line.startswith("TASK "))
    last = next(number for number, line in enumerate(plain) if line.startswith("PLAY RECAP"))
    return [line.rstrip() for line in lines[first : last - 1]]


def run(place: Path, environ: t.Mapping[str, str]) -> list[str]:
    """Run the playbook once, then the commands, and return what a terminal shows of these, colors included."""
    (place / "connections.yml").write_text(first_playbook(ROOT / "README.md"), encoding="utf-8")
    lines = []
    for command in ["ansible-playbook connections.yml", *COMMANDS]:
        done = subprocess.run(
            shlex.split(command),
            check=False,
            cwd=place,
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{done.stdout}\n{command} ended with status {done.returncode}.")
        lines.append(f"\x1b[1m$ {command}\x1b[0m")
        if done.stdout:
            lines.extend([*shown(done.stdout), ""])
    second = next(number for number, line in enumerate(lines) if COMMANDS[0] in line)
    return lines[second:-1]


def recorded() -> list[str]:
    """Return the lines of such a run, in an empty place of its own."""
    with tempfile.TemporaryDirectory() as name, running_emulator() as datadog:
        place = Path(name)
        here = place / "collections" / "ansible_collections" / "tidyops"
        here.mkdir(parents=True)
        (here / "datadog").symlink_to(ROOT)
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ANSIBLE_", "DD_", "DATADOG_")) and name != "NO_COLOR"
        }
        collections = os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(place / "collections"))
        environ = {
            **kept,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")]),
            "ANSIBLE_COLLECTIONS_PATH": collections,
            "ANSIBLE_HOME": str(place / "home"),
            "ANSIBLE_FORCE_COLOR": "True",
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
            "DD_HOST": datadog.url,
            "DD_API_KEY": "any",
            "DD_APP_KEY": "any",
        }
        return run(place, environ)


def spans(line: str) -> str:
    """Return a line as SVG, with Ansible's colors."""
    text, color, bold = "", "", False
    parts = COLORED.split(line)
    for codes, part in zip(["0", *parts[1::2]], parts[::2]):
        for code in codes.split(";"):
            color = COLORS.get(code, "" if code == "0" else color)
            bold = code == "1" or (bold and code != "0")
        look = f' fill="{color}"' if color else ' font-weight="bold"' if bold else ""
        if part:
            text += f"<tspan{look}>{escape(part.replace(' ', NO_BREAK_SPACE))}</tspan>"
    return text


def drawn(lines: t.Sequence[str]) -> str:
    """Return the picture as SVG. It loads nothing, and takes whatever monospaced font there is."""
    width = round(COLUMNS * COLUMN_WIDTH) + 2 * MARGIN
    height = len(lines) * LINE_HEIGHT + 2 * MARGIN
    text = "\n".join(
        f'    <text x="{MARGIN}" y="{MARGIN + LINE_HEIGHT * number + FONT_SIZE}">{spans(line)}</text>'
        for number, line in enumerate(lines)
        if line
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!--
{LICENSE}
Drawn by tests/demo/picture.py: "make picture".
-->
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
  <title>ansible-playbook in check mode with a diff, then for real, then again</title>
  <rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" fill="#0d1117" stroke="#6e7681"/>
  <g fill="#e6edf3" font-size="{FONT_SIZE}"
     font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', 'DejaVu Sans Mono', monospace">
{text}
  </g>
</svg>
"""


def text_of(picture: str) -> list[str]:
    """Return the lines that a picture shows, without the empty ones."""
    namespace = "{http://www.w3.org/2000/svg}"
    return ["".join(line.itertext()) for line in ElementTree.fromstring(picture).iter(f"{namespace}text")]


def main() -> None:
    """Draw the picture, or compare it."""
    lines = recorded()
    if sys.argv[1:] != ["--check"]:
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        PICTURE.write_text(drawn(lines), encoding="utf-8")
        print(f"Drawn: {PICTURE.relative_to(ROOT)}")
    elif text_of(PICTURE.read_text(encoding="utf-8")) != text_of(drawn(lines)):
        sys.exit("\n".join([*lines, "", "The picture shows something else: make picture draws it anew."]))


if __name__ == "__main__":
    main()
