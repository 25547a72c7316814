# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random scenarios: runs that meet faults, alone or two at once, and are killed now and then."""

from __future__ import annotations

import contextlib
import json
import random
import time
import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY, LOST_ANSWERS

if t.TYPE_CHECKING:
    from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
    from ansible_collections.tidyops.datadog.tests.unit.module_runner import Run

Params = dict[str, t.Any]
Result = dict[str, t.Any]

#: Seconds. Short, since many requests get no answer.
TIMEOUT = 1
#: Seconds after which a request is worked on that nobody waits for any longer.
LATE = 1.5
#: Seconds that a task waits, for answers and for claims, where there are no faults.
PATIENCE = 3
#: Seconds. No run may take as long, whatever happens to its requests.
HANG_GUARD = 150

#: None of them claims that something was done that was not, or that something was deleted that exists: what comes of such
#: answers cannot be demanded of a client.
FAULTS: list[dict[str, t.Any]] = [
    *LOST_ANSWERS,
    {"kind": "status", "status": 400},
    {"kind": "status", "status": 403, "body": "strings"},
    {"kind": "status", "status": 404, "body": "html"},
    {"kind": "status", "status": 404, "body": "empty"},
    {"kind": "status", "status": 408},
    {"kind": "status", "status": 409},
    {"kind": "status", "status": 429, "headers": {"X-RateLimit-Reset": "1"}},
    {"kind": "status", "status": 429, "body": "empty"},
    {"kind": "status", "status": 500, "body": "empty", "when": "after"},
    {"kind": "status", "status": 503, "headers": {"Retry-After": "1"}},
    {"kind": "status", "status": 504, "body": "strings", "when": "after"},
    {"kind": "hang"},
    {"kind": "hang", "when": "after"},
    {"kind": "hang", "seconds": TIMEOUT / 2},
    {"kind": "hang", "seconds": LATE},
    {"kind": "hang", "seconds": LATE, "when": "after"},
    {"kind": "trickle", "interval": 0},
    {"kind": "not_json"},
    {"kind": "no_data"},
    {"kind": "redirect"},
    {"kind": "wrong_type"},
    {"kind": "endless_pages"},
]


class Task(t.NamedTuple):
    """A module and its options; C(check_mode) is one of them."""

    module: str
    params: Params

    def __str__(self) -> str:
        shown = dict(self.params)
        if "connections" in shown:
            shown["connections"] = [_shown(each) for each in shown["connections"]]
        options = " ".join(key if isinstance(value, dict) else f"{key}={value}" for key, value in shown.items())
        return f"{self.module} {options}"


def _shown(connection: t.Mapping[str, t.Any]) -> str:
    """Its names, and of its credentials no more than what they are for."""
    return " ".join(value if isinstance(value, str) else key for key, value in connection.items())


class Scenario:
    """An organization in which random things happen, as a seed decides.

    What processes that run at once make of it is not the same every time.

    :ivar lines: what happened so far.
    :ivar messages: the errors and warnings so far.
    :ivar is_whole: whether every run so far has come to its end.
    :ivar is_alone: whether no two runs so far were under way at the same time.
    """

    def __init__(self, datadog: Datadog, seed: int) -> None:
        self.datadog = datadog
        self.emulator = datadog.emulator
        self.seed = seed
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.messages: list[str] = []
        self.is_whole = True
        self.is_alone = True

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def begin(self) -> None:
        """Create what exists before anything goes wrong."""
        raise NotImplementedError

    def random_task(self) -> Task:
        """A task that somebody may run."""
        raise NotImplementedError

    def end(self) -> None:
        """Run one last task, until it succeeds, and see that nothing else has happened."""
        raise NotImplementedError

    def play(self, output: pytest.CaptureFixture[str]) -> None:
        """Run all of it."""
        with self.reported():
            self.begin()
            self.run_with_faults()
            self.end()
            assert output.readouterr().err == ""

    @contextlib.contextmanager
    def reported(self) -> t.Iterator[None]:
        """Add what happened to an error."""
        try:
            yield
        except Exception as exc:
            lines = "\n".join(f"  {line}" for line in self.lines)
            again = f"make random-runs RUNS=1 SEED={self.seed}"
            raise AssertionError(f"{exc}\n\nThe scenario of seed {self.seed}:\n{lines}\nAgain: {again}") from exc

    def set_up(self, **settings: t.Any) -> None:
        """Choose what the organization is like, and how fast."""
        chosen = {
            "latency": self.random.choice([0, 0, 0.01, 0.04]),
            "rate_limit": self.random.choice([None, None, None, "20/1"]),
            **settings,
        }
        self.emulator.settings(**chosen)
        self.lines.append(f"settings {chosen}")

    def run_with_faults(self) -> None:
        """One to three rounds of runs; when they are over, so are all faults."""
        if self.chance(0.6):
            self.run(self.random_task())
        for _round in range(self.random.randint(1, 3)):
            for _fault in range(self.random.randint(0, 3)):
                self._order_fault()
            tasks = [self.random_task() for _run in range(self.random.randint(1, 2))]
            self._run_at_once(tasks)
            self._end_faults()
        self.emulator.settings(latency=0, rate_limit=None)

    def _order_fault(self) -> None:
        fault = {
            **self.random.choice(FAULTS),
            "method": self.random.choice([None, "GET", "POST", "PATCH", "DELETE"]),
            "skip": self.random.choice([0, 0, 1, 2, 3, 5, 8]),
            "times": self.random.choice([1, 1, 2, 5]),
        }
        self.lines.append(f"fault {fault}")
        self.emulator.add_fault(**fault)

    def _run_at_once(self, tasks: list[Task]) -> None:
        is_killed = self.chance(0.35)
        self.is_alone = self.is_alone and len(tasks) == 1
        retries = self.random.choice([0, 0, 2])
        runs = [(task, self._start(task, retries)) for task in tasks]
        if is_killed:
            # Anywhere in the middle: most of that time is spent on waiting for answers.
            time.sleep(self.random.uniform(0.02, 0.5))
            task, run = runs.pop(self.random.randrange(len(runs)))
            run.kill()
            self.is_whole = False
            self.lines.append(f"{task}\n    -> killed")
        for task, run in runs:
            self._end(task, run)

    def _end_faults(self) -> None:
        delays = [rule["fault"].get("seconds") or 0 for rule in self.emulator.faults() if rule["fired"]]
        self.emulator.clear_faults()
        # What nobody waits for any longer is done all the same, and a user looks when all is over.
        time.sleep(max(delays, default=0))

    def run(self, task: Task) -> Result:
        """Run a task while there are no faults."""
        return self._end(task, self.datadog.start(task.module, **task.params, timeout=PATIENCE))

    def _start(self, task: Task, retries: int) -> Run:
        return self.datadog.start(task.module, **task.params, timeout=TIMEOUT, retries=retries)

    def _end(self, task: Task, run: Run) -> Result:
        try:
            result = run.result(within=HANG_GUARD)
        except Exception:
            self.lines.append(f"{task}\n    -> no result")
            raise
        said = [result.get("msg", f"changed={result.get('changed')}"), *result["warnings"]]
        self.lines.append(f"{task}\n    -> {' '.join(said)}")
        self.messages += said
        for kind in ("raw", "logged"):
            assert "Traceback" not in result[kind]
            self.check_no_secret(result[kind])
        return result

    def predict_and_run(self, task: Task) -> Result:
        """Run a task in check mode, which writes nothing, then without; both return the same."""
        writes = self.writes()
        predicted = self.run(Task(task.module, {**task.params, "check_mode": True}))
        assert self.writes() == writes
        result = self.run(task)
        for key in ("failed", "changed", "diff"):
            assert result.get(key) == predicted.get(key), key
        assert _operations(result) == _operations(predicted)
        return result

    def check_unchanged(self, task: Task) -> Result:
        """Run a task that makes no changes."""
        before = self.writes()
        result = self.run(task)
        assert (result.get("failed", False), result["changed"]) == (False, False)
        assert self.writes() == before
        return result

    def writes(self) -> list[int]:
        """The numbers of the requests that wrote."""
        return [each["number"] for each in self.datadog.writes()]

    def check_log(self) -> None:
        self.check_no_secret(json.dumps(self.emulator.requests()))

    def check_no_secret(self, text: str) -> None:
        for secret in [*self.datadog.KEYS.values(), CANARY]:
            assert secret not in text


def _operations(result: t.Mapping[str, t.Any]) -> list[str]:
    return [row["operation"] for row in result.get("connections", [])]
