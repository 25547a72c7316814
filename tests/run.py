# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run nox's sessions two at a time, say in a line how each went, and show the failed ones' output.

Arguments name the sessions; without any it is all, with the unit tests on the oldest and on the
newest Python. The last line is ``N passed, N failed``: the tests that the sessions report, and as
one each the sessions that report none. Everything they say is in ``.cache/logs``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / ".cache" / "logs"
NOX = [sys.executable, "-m", "nox", "--noxfile", str(ROOT / "noxfile.py")]
AT_A_TIME = 2


@dataclass
class Outcome:
    """How a session went: the numbers of its tests, and what it said."""

    session: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    log: Path

    def __str__(self) -> str:
        verdict = "FAILED" if self.failed else "ok"
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return (
            f"{verdict:7}{self.seconds:5.0f} s  {self.session:22}"
            f"{self.passed} passed, {self.failed} failed{skipped}"
        )


def default_sessions() -> list[str]:
    """Return the sessions that nox runs by default, those that take longest first."""
    listing = subprocess.run(
        [*NOX, "--list", "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    names = [session["session"] for session in json.loads(listing.stdout)]
    units = [name for name in names if name.startswith("units-")]
    # "lint" is but a name for some of the others.
    left_out = {"lint", *units[1:-1]}
    return [name for name in reversed(names) if name not in left_out]


def reported(session: str) -> tuple[int, int, int]:
    """Return how many tests ansible-test reports as passed, failed and skipped."""
    output = (
        ROOT / ".cache" / "trees" / session / "ansible_collections/tidyops/datadog/tests/output"
    )
    passed = failed = skipped = 0
    # The targets of integration tests: those that failed are not in it.
    for file in output.glob("data/integration-*.json"):
        passed += len(json.loads(file.read_text(encoding="utf-8"))["targets"])
        return passed, failed, skipped
    for file in output.glob("junit/*.xml"):
        for test in ElementTree.parse(file).iter("testcase"):
            kinds = {child.tag for child in test}
            if kinds & {"error", "failure"}:
                failed += 1
            elif "skipped" in kinds:
                skipped += 1
            else:
                passed += 1
    return passed, failed, skipped


def run(session: str) -> Outcome:
    """Run one session of nox. ``CI`` lets the formatters complain instead of rewriting files."""
    log = LOGS / f"{session}.log"
    started = time.monotonic()
    with log.open("wb") as output:
        status = subprocess.run(
            [*NOX, "--session", session, "--non-interactive"],
            check=False,
            env={**os.environ, "CI": "true"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ).returncode
    passed, failed, skipped = reported(session)
    if status and not failed:
        # ansible-test names the integration targets that failed after such a sentence.
        said = re.search(r"The (\d+) integration test", log.read_text("utf-8", "replace"))
        failed = int(said[1]) if said else 1
    elif not status and not passed:
        passed = 1
    return Outcome(session, passed, failed, skipped, time.monotonic() - started, log)


def main() -> int:
    """Run the sessions; return 1 if anything failed, else 0."""
    LOGS.mkdir(parents=True, exist_ok=True)
    failures = []
    passed = failed = 0
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        runs = [pool.submit(run, session) for session in sys.argv[1:] or default_sessions()]
        for finished in as_completed(runs):
            outcome = finished.result()
            print(outcome, flush=True)
            passed += outcome.passed
            failed += outcome.failed
            if outcome.failed:
                failures.append(outcome)
    for outcome in failures:
        print(f"\n----- {outcome.session}\n{outcome.log.read_text('utf-8', 'replace')}", end="")
    if failures:
        print("\nFailed:")
    for outcome in failures:
        print(f"  {outcome.session}: run it alone with: .venv/bin/nox -s {outcome.session}")
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
