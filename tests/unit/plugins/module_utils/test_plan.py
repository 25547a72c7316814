# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The loop that all modules share, with steps that end as told: races of this kind cannot be had at will."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.tidyops.datadog.plugins.module_utils._client import DatadogError
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import (
    LookAgain,
    Overtaken,
    Plan,
    Resource,
    Resources,
    Step,
    converge,
)

ERROR = DatadogError("write", "something happened")


class Scripted(Resource):
    """A resource whose plans, and the exceptions of applying them, are given; the last plan stays."""

    names: dict[str, t.Any] = {}

    def __init__(self, *script: tuple[Plan, Exception | None]) -> None:
        super().__init__()
        self.script = list(script)
        self.applied = 0

    def plan(self, observed: t.Any) -> Plan:
        return self.script[0][0]

    def foretell(self, plan: Plan, observed: t.Any) -> dict[str, t.Any]:
        return {}

    def apply(self, step: Step) -> None:
        self.applied += 1
        error = self.script[0][1]
        if len(self.script) > 1:
            self.script.pop(0)
        if error:
            raise error


class Set(Resources):
    """Resources with nothing behind them."""

    def observe(self, steps: t.Sequence[Step]) -> None:
        pass

    def apply(self, steps: t.Sequence[Step]) -> None:
        self.each(steps, lambda step: step.resource.apply(step))


UPDATE = Plan("update", {}, {})
NONE = Plan("none", {}, {})
RECORD = Plan("none", {}, {}, remember=True)


def converged(resource: Scripted, check_mode: bool = False, attempts: int = 0) -> Step:
    [step] = converge(Set([resource]), check_mode, attempts)
    return step


def test_what_had_an_effect_is_told_whatever_comes_after() -> None:
    resource = Scripted(
        (UPDATE, Overtaken(ERROR, effect=True)),
        (UPDATE, Overtaken(ERROR, effect=False)),
        (NONE, None),
    )
    assert converged(resource).done.operation == "update"


def test_what_had_none_is_not_told() -> None:
    resource = Scripted((UPDATE, Overtaken(ERROR, effect=False)), (NONE, None))
    assert converged(resource).done.operation == "none"


@pytest.mark.parametrize("plan", [UPDATE, RECORD])
@pytest.mark.parametrize("error", [Overtaken(ERROR, effect=False), LookAgain(ERROR)])
def test_it_ends(plan: Plan, error: Exception) -> None:
    assert converged(Scripted((plan, error)), attempts=3).error is ERROR


def test_check_mode_applies_nothing() -> None:
    for plan in (UPDATE, RECORD):
        resource = Scripted((plan, None))
        converged(resource, check_mode=True, attempts=3)
        assert resource.applied == 0
