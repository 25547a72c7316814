# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module against every fault of unit/faults.py: it ends as the table says, nothing is lost, and nothing exists twice."""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import Emulator
from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY
from ansible_collections.tidyops.datadog.tests.unit.faults import (
    DONE,
    FAILED,
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
ONCE, ALWAYS = 1, None


class Case:
    """A module at its work while something goes wrong.

    :param times: ONCE or ALWAYS.
    :param running: gets what is to end with the test.
    """

    def __init__(
        self,
        emulator: Emulator,
        folder: Path,
        fault: Fault,
        operation: Operation,
        times: int | None,
        running: contextlib.ExitStack,
    ) -> None:
        emulator.reset()
        folder.mkdir()
        self.title = f"{operation.module} {operation.title} {operation.methods} {times or 'always'}"
        self.expected = operation.ends(fault, times == ONCE)
        self._fault = fault
        self._operation = operation
        self._datadog = Datadog(emulator)
        self._scene = Scene(emulator, folder, operation.methods, times, running)
        self._options = {**operation.options, **operation.prepare(self._scene)}
        emulator.clear()
        self._where = fault.arrange(self._scene)
        self._run = self._start(timeout=TIMEOUT, retries=RETRIES, **self._where)

    def _start(self, **options: t.Any) -> Run:
        return self._datadog.start(self._operation.module, **{**self._options, **options})

    def problems(self) -> t.Iterator[str]:
        """Wait for the end, and for that of a run without the fault. :returns: what is not as it should be."""
        result = self._run.result(within=HANG_GUARD)
        output = result["raw"] + result["logged"]
        if "Traceback" in output or any(s in output for s in (*Datadog.KEYS.values(), CANARY)):
            yield "tells a secret, or has a traceback"
        if not self._fault.is_transport and not self._scene.failures():
            yield "did not meet the fault"
        if (FAILED if result.get("failed") else DONE) != self.expected:
            yield f"is not {self.expected}: {result.get('msg')}"
        elif result.get("failed") and self._fault.says not in result["msg"]:
            yield f"does not say {self._fault.says!r}: {result['msg']}"
        self._scene.mend()
        yield from self._problems_later(result)

    def _existing(self) -> int:
        """How many connections, registrations and policies there are."""
        counts = self._scene.emulator.state()["counts"]
        kinds = ("action_connections", "app_key_registrations", "team_connections", "policies")
        return sum(counts[kind] for kind in kinds)

    def _problems_later(self, first: dict[str, t.Any]) -> t.Iterator[str]:
        """Without the fault the task, or what its error says, leads to the desired state."""
        for _run in range(3):
            if self._existing() > max(self._operation.existing, 1):
                yield "exists twice"
            if not first.get("failed"):
                break
            options: Options = {} if self._fault.is_transport else self._where
            # A claim is waited for as long as for an answer.
            first = self._start(timeout=2, **options, **self._advice(first["msg"])).result()
        else:
            yield f"does not end well: {first['msg']}"
        if self._existing() != self._operation.existing:
            yield f"leads to {self._existing()}"

    def _advice(self, message: str) -> Options:
        """What an error says that is to be done about a connection that may have been created."""
        there = self._scene.emulator.state()["action_connections"]
        if "connection_id" in message and there and "name" in str(self._operation.options):
            identity = {"connection_id": there[0]["id"]}
            if "connections" in self._options:
                return {"connections": [{**self._options["connections"][0], **identity}]}
            return identity
        if "state=absent" in message or "remove the entry" in message:
            # No such connection exists, so the claim goes.
            (self._scene.folder / "connections.json").unlink()
        return {}


@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.title) for fault in FAULTS])
def test_every_module(fault: Fault, emulators: list[Emulator], tmp_path: Path) -> None:
    operations = READ if fault.is_transport else READ + WRITE
    durations = [ALWAYS] if fault.is_transport else [ONCE, ALWAYS]
    cases = [(operation, times) for operation in operations for times in durations]
    problems = []
    for start in range(0, len(cases), len(emulators)):
        with contextlib.ExitStack() as running:
            begun = [
                Case(emulator, tmp_path / f"{start + number}", fault, *case, running)
                for number, (emulator, case) in enumerate(zip(emulators, cases[start:]))
            ]
            problems += [f"{case.title}: {each}" for case in begun for each in case.problems()]
    assert problems == []
