# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run nox, and end with ``N passed, N failed``: tests, and as one each the sessions that report no tests.

Without arguments, nox's default sessions run. Arguments are tags of further sessions.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path
from xml.etree import ElementTree

CACHE = Path(__file__).resolve().parents[2] / ".cache"
JUNIT = CACHE / "junit"
REPORT = CACHE / "nox.json"


def nox(*selection: str) -> list[dict[str, t.Any]]:
    """Run sessions of nox and return what it reports of each. ``CI`` lets formatters complain instead of rewriting files."""
    REPORT.unlink(missing_ok=True)
    command = [sys.executable, "-m", "nox", "--non-interactive", "--report", str(REPORT)]
    environment = {**os.environ, "CI": "true"}
    status = subprocess.run([*command, *selection], check=False, env=environment).returncode
    if not REPORT.exists():
        return [{"name": "nox", "signatures": [], "result": "failed" if status else "success"}]
    return list(json.loads(REPORT.read_text(encoding="utf-8"))["sessions"])


def tests(session: str) -> tuple[int, int]:
    """Return how many tests of a session passed and failed."""
    passed = failed = 0
    for file in (JUNIT / session).glob("*.xml"):
        for test in ElementTree.parse(file).iter("testcase"):
            kinds = {child.tag for child in test}
            failed += bool(kinds & {"error", "failure"})
            passed += not kinds & {"error", "failure", "skipped"}
    return passed, failed


def main() -> int:
    """Run everything that is selected; return 1 if anything failed."""
    shutil.rmtree(JUNIT, ignore_errors=True)
    CACHE.mkdir(exist_ok=True)
    sessions = nox()
    for tag in sys.argv[1:]:
        sessions += nox("--tags", tag)
    passed = failed = 0
    print()
    for session in sessions:
        name = (session["signatures"] or [session["name"]])[0]
        succeeded, broken = tests(name)
        if session["result"] == "failed":
            broken = broken or 1
            print(f"Failed: .venv/bin/nox -s '{name}'")
        elif session["result"] == "success":
            succeeded = succeeded or 1
        passed += succeeded
        failed += broken
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
