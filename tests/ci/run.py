# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run nox, and end with ``N passed, N failed``: tests, and as one each the sessions that report no tests.

Without arguments, nox's default sessions run. Arguments are tags of further sessions. Unit tests run beside everything
else. What they print comes after the rest.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

CACHE = Path(__file__).resolve().parents[2] / ".cache"
JUNIT = CACHE / "junit"
UNITS_LOG = CACHE / "units.log"
NOX = [sys.executable, "-m", "nox", "--non-interactive"]
# Formatters complain instead of rewriting files.
ENVIRONMENT = {**os.environ, "CI": "true"}


def listed(*selection: str) -> list[str]:
    """Return the names of sessions; ``lint`` only starts others."""
    command = [*NOX, "--list", "--json", *selection]
    listing = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    names = [session["session"] for session in json.loads(listing.stdout)]
    return [name for name in names if name != "lint"]


def nox(names: list[str], output: t.IO[bytes] | None = None) -> list[dict[str, t.Any]]:
    """Run sessions and return what nox reports of each."""
    report = CACHE / f"{names[0]}.json"
    report.unlink(missing_ok=True)
    command = [*NOX, "--report", str(report), "--session", *names]
    subprocess.run(command, check=False, env=ENVIRONMENT, stdout=output, stderr=output and subprocess.STDOUT)
    if report.exists():
        return list(json.loads(report.read_text(encoding="utf-8"))["sessions"])
    return [{"name": name, "signatures": [], "result": "failed"} for name in names]


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
    names = [*listed(), *(name for tag in sys.argv[1:] for name in listed("--tags", tag))]
    units = [name for name in names if name.startswith("units")]
    with ThreadPoolExecutor() as pool, UNITS_LOG.open("wb") as log:
        beside = pool.submit(nox, units, log)
        sessions = nox([name for name in names if name not in units]) + beside.result()
    print(UNITS_LOG.read_text(encoding="utf-8", errors="replace"))
    passed = failed = 0
    for session in sessions:
        name = (session["signatures"] or [session["name"]])[0]
        succeeded, broken = tests(name)
        if session["result"] not in ("success", "skipped"):
            broken = broken or 1
            print(f"Failed: .venv/bin/nox -s '{name}'")
        else:
            # Playbooks that tests want to fail are reported as failures, too.
            broken = 0
        if session["result"] == "success":
            succeeded = succeeded or 1
        passed += succeeded
        failed += broken
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
