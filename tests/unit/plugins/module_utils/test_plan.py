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
    converge,
)

ERROR = DatadogError("write", "something happened")


class Steps(Resource):
    """A resource whose plans, and the exceptions of applying them, are given; the last plan stays."""

    def __init__(self, *steps: tuple[Plan, Exception | None]) -> None:
        super().__init__()
        self.steps = list(steps)
        self.applied = 0

    def observe(self) -> None:
        return None

    def plan(self, observed: t.Any) -> Plan:
        return self.steps[0][0]

    def foretell(self, plan: Plan, observed: t.Any) -> dict[str, t.Any]:
        return {}

    def apply(self, plan: Plan, observed: t.Any) -> dict[str, t.Any]:
        self.applied += 1
        error = self.steps[0][1]
        if len(self.steps) > 1:
            self.steps.pop(0)
        if error:
            raise error
        return {}


UPDATE = Plan("update", {}, {})
NONE = Plan("none", {}, {})
RECORD = Plan("none", {}, {}, remember=True)


def test_what_had_an_effect_is_told_whatever_comes_after() -> None:
    steps = Steps(
        (UPDATE, Overtaken(ERROR, effect=True)),
        (UPDATE, Overtaken(ERROR, effect=False)),
        (NONE, None),
    )
    assert converge(steps, False, 0).plan.operation == "update"


def test_what_had_none_is_not_told() -> None:
    steps = Steps((UPDATE, Overtaken(ERROR, effect=False)), (NONE, None))
    assert converge(steps, False, 0).plan.operation == "none"


@pytest.mark.parametrize("plan", [UPDATE, RECORD])
@pytest.mark.parametrize("error", [Overtaken(ERROR, effect=False), LookAgain(ERROR)])
def test_it_ends(plan: Plan, error: Exception) -> None:
    with pytest.raises(DatadogError):
        converge(Steps((plan, error)), False, 3)


def test_check_mode_applies_nothing() -> None:
    for plan in (UPDATE, RECORD):
        steps = Steps((plan, None))
        converge(steps, True, 3)
        assert steps.applied == 0
