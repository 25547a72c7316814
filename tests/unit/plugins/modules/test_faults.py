# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every kind of request against every fault: how it ends, that nothing is there twice, and that the next run finishes."""

from __future__ import annotations

import itertools
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

pytestmark = pytest.mark.slow

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
        self.times = times
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
        said = self._failure(result) if result.get("failed") else "done"
        self._scene.mend()
        self._ends_well(result)
        self._scene.running.close()
        return said

    def _failure(self, result: dict[str, t.Any]) -> str:
        assert "Could not" in result["msg"] and REMEDY.search(result["msg"]), result["msg"]
        return "unknown" if "may have been created" in result["msg"] else "error"

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


@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.title) for fault in FAULTS])
def test_every_operation(fault: Fault, emulators: list[Emulator], tmp_path: Path) -> None:
    operations = READ if fault.strikes != "requests" else READ + WRITE
    durations = [FOR_GOOD] if fault.strikes == "connections" else [ONCE, FOR_GOOD]
    cells = [
        Cell(emulator, tmp_path / f"{number}", fault, operation, times)
        for number, (emulator, (operation, times)) in enumerate(
            zip(emulators, itertools.product(operations, durations))
        )
    ]
    assert len(cells) == len(operations) * len(durations)
    ends = [(cell, cell.end()) for cell in cells]
    unexpected = [
        f"{cell.operation.module} ({cell.operation.verb}), struck {cell.times or 'each time'}: {end}"
        for cell, end in ends
        if end != fault.ends[cell.operation.verb][cell.times is FOR_GOOD]
    ]
    assert unexpected == []
