# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module against every fault: how it ends, and that docs/docsite/rst/guide_faults.rst says so."""

from __future__ import annotations

import os
import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import Emulator
from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY
from ansible_collections.tidyops.datadog.tests.unit.faults import (
    FAULTS,
    READ,
    WRITE,
    Fault,
    Operation,
    Options,
    Scene,
)
from ansible_collections.tidyops.datadog.tests.unit.module_runner import Run

GUIDE = Path(__file__).parents[4] / "docs" / "docsite" / "rst" / "guide_faults.rst"
#: The guide whose table is to be written instead of compared; "make fault-table" does that.
WRITTEN = os.environ.get("FAULT_TABLE")
#: What a row of the table begins with that is not one more of the same fault.
ROW = "    * - "
TIMEOUT, RETRIES = 1, 1
#: Seconds after which a module hangs, rather than being slow: ten times what timeout, retries and waits add up to.
HANG_GUARD = 120
ONCE, FOR_GOOD = 1, None
REMEDY = re.compile(
    "Run the task again|Check |Correct |Ways? out|Look for|is made known by|permission|fault on order"
)


class Cell:
    """A module at its work while something goes wrong.

    :param times: ONCE or FOR_GOOD.
    """

    def __init__(
        self,
        emulator: Emulator,
        folder: Path,
        fault: Fault,
        operation: Operation,
        times: int | None,
    ) -> None:
        emulator.reset()
        folder.mkdir()
        self.operation = operation
        self._datadog = Datadog(emulator)
        self._scene = Scene(emulator, folder, operation.methods, times)
        self._options = {**operation.options, **operation.prepare(self._scene)}
        emulator.clear()
        self._way = fault.arrange(self._scene)
        self._is_way_lost = fault.strikes == "connections"
        self._run = self._start(timeout=TIMEOUT, retries=RETRIES, **self._way)

    def _start(self, **options: t.Any) -> Run:
        return self._datadog.start(self.operation.module, **{**self._options, **options})

    def end(self) -> str:
        """Wait for the end, check what holds for every one of them, and say how it ended."""
        result = self._run.result(within=HANG_GUARD)
        assert "Traceback" not in result["raw"] + result["logged"]
        for secret in [*Datadog.KEYS.values(), CANARY]:
            assert secret not in result["raw"] + result["logged"]
        assert self._scene.struck() or self._is_way_lost
        said = self._failure(result) if result.get("failed") else self._success()
        self._scene.mend()
        self._ends_well(result)
        self._scene.running.close()
        return said

    def _failure(self, result: dict[str, t.Any]) -> str:
        assert "Could not" in result["msg"] and REMEDY.search(result["msg"]), result["msg"]
        if "may have been created" in result["msg"]:
            return "Error: it may have been created. How to find out, and what to do then, is said."
        return f"Error: {_reason(result['msg'])}"

    def _success(self) -> str:
        requests = [
            (request["method"], request["path"], str(request["query"]))
            for request in self._scene.emulator.requests()
        ]
        struck = [each for each in requests if re.fullmatch(self.operation.methods, each[0])]
        if len(set(struck)) == len(struck):
            return "Done."
        first = requests.index(struck[0])
        has_looked = self.operation.methods == "POST" and requests[first + 1] != struck[0]
        looked = "looking whether it was there, and " if has_looked else ""
        return f"Done, after {looked}a repetition."

    def _made(self) -> int:
        """How many connections and registrations there are, apart from those that are there to be deleted."""
        counts = self._scene.emulator.state()["counts"]
        return (
            sum(counts.values()) - counts["teams"] - sum(len(each) for each in self._scene.surplus)
        )

    def _ends_well(self, first: dict[str, t.Any]) -> None:
        """Nothing is there twice; and without the fault the task, or what its error says, leads to the desired state."""
        assert self._made() <= 1
        if not first.get("failed"):
            assert self._made() == self.operation.made
            return
        options: Options = {} if self._is_way_lost else self._way
        if "run the task once with its connection_id" in first["msg"]:
            options = {**options, **self._as_told()}
        result = self._start(**options).result()
        assert not result.get("failed"), (first["msg"], result["msg"])
        assert self._made() == self.operation.made

    def _as_told(self) -> Options:
        """Do what an error says where a connection may have been created and Datadog does not list it."""
        there = self._scene.emulator.state()["action_connections"]
        if not there:
            (self._scene.folder / "connections.json").unlink()
            return {}
        identity = {"connection_id": there[0]["id"]}
        if "connections" in self._options:
            return {"connections": [{**self._options["connections"][0], **identity}]}
        return identity


def _reason(message: str) -> str:
    """What a message says whatever it is about, and in whichever words Python and its libraries put it."""
    said = re.search("Could not [^:]*: (.*)", message)
    reason = said[1] if said else message
    reason = re.sub(r"(?:GET|POST|PUT|PATCH|DELETE) /api\S*?(?=[:,. ]|$)", "REQUEST", reason)
    reason = re.sub(r" \((?:[^()]|\([^()]*\))*\)", "", reason)
    return re.sub(r"127\.0\.0\.1(:\d+)?", "HOST", reason)


def _ends(fault: Fault, emulators: list[Emulator], folder: Path) -> list[tuple[str, ...]]:
    """How each operation ends: if it is struck once, if that makes a difference, and for good."""
    operations = READ if fault.strikes != "requests" else READ + WRITE
    durations = [FOR_GOOD] if fault.strikes == "connections" else [ONCE, FOR_GOOD]
    cells = [(operation, times) for operation in operations for times in durations]
    ends = []
    for first in range(0, len(cells), len(emulators)):
        running = [
            Cell(emulator, folder / f"{first + number}", fault, *cell)
            for number, (emulator, cell) in enumerate(zip(emulators, cells[first:]))
        ]
        ends += [cell.end() for cell in running]
    size = len(durations)
    return [tuple(ends[first : first + size]) for first in range(0, len(ends), size)]


def _rows(fault: Fault, ends: list[tuple[str, ...]]) -> str:
    """A fault's part of the table. Operations that end alike share a row."""
    operations = READ if fault.strikes != "requests" else READ + WRITE
    rows: list[str] = []
    for end in dict.fromkeys(ends):
        alike = [operation for operation, its_end in zip(operations, ends) if its_end == end]
        cells = ["" if rows else fault.title, _named(alike, operations), end[0]]
        cells.append("The same." if end[-1] == end[0] else end[-1])
        rows.append("    * - " + "\n      - ".join(cells) + "\n")
    return "".join(rows).replace("* - \n", "* -\n")


def _named(alike: list[Operation], operations: list[Operation]) -> str:
    """What to call operations, of which others may have ended otherwise."""
    names = []
    for verb in dict.fromkeys(operation.verb for operation in alike):
        all_of_it = [operation.module for operation in operations if operation.verb == verb]
        modules = [operation.module for operation in alike if operation.verb == verb]
        listed = "" if modules == all_of_it else f" ({', '.join(modules)})"
        names.append(verb + listed)
    return "; ".join(names)


def _table(guide: Path) -> tuple[str, dict[str, str]]:
    """What stands in a guide before the rows of its table, and each fault's rows."""
    text = guide.read_text(encoding="utf-8")
    head, *faults = text.split(ROW)
    # The first row holds the titles of the columns.
    return head + ROW + faults[0], {each.split("\n")[0]: ROW + each for each in faults[1:]}


def _write(guide: Path, fault: Fault, rows: str) -> None:
    head, written = _table(guide)
    written[fault.title] = rows
    known = [each.title for each in FAULTS if each.title in written]
    guide.write_text(head + "".join(written[title] for title in known), encoding="utf-8")


@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.title) for fault in FAULTS])
def test_every_module(fault: Fault, emulators: list[Emulator], tmp_path: Path) -> None:
    """If this fails, look whether what has changed is right; then "make fault-table" writes the table anew."""
    rows = _rows(fault, _ends(fault, emulators, tmp_path))
    if WRITTEN:
        _write(Path(WRITTEN), fault, rows)
    assert _table(Path(WRITTEN or GUIDE))[1].get(fault.title) == rows


def test_the_guide_has_every_fault() -> None:
    assert list(_table(GUIDE)[1]) == [fault.title for fault in FAULTS]
