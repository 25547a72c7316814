# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that share a registry in a datastore: who holds a lock keeps it, and nobody waits in vain."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.tidyops.datadog.plugins.module_utils import _datastore_registry
from ansible_collections.tidyops.datadog.tests.unit.examples import example
from ansible_collections.tidyops.datadog.tests.unit.keeper import (
    DATASTORES,
    DatastoreHome,
    Keeper,
)
from ansible_collections.tidyops.datadog.tests.unit.module_runner import Run

pytestmark = pytest.mark.slow

GITLAB = example("gitlab.api_key")
#: Seconds. Much longer than LEASE is here, and much shorter than runs wait for each other.
SOON = 30


@pytest.fixture
def home(datastore_home: DatastoreHome, monkeypatch: pytest.MonkeyPatch) -> DatastoreHome:
    monkeypatch.setattr(_datastore_registry, "LEASE", 2)
    return datastore_home


def all_end_well(runs: t.Iterable[Run]) -> None:
    for run in runs:
        result = run.result(within=SOON)
        assert not result.get("failed"), result["msg"]


def test_two_adoptions_at_once(keeper: Keeper) -> None:
    """One sends a secret, and has the name before it has the id; the other one only records what it has found."""
    keeper.datadog.connection(**GITLAB)
    keeper.datadog.emulator.add_fault("hang", method="POST", path=DATASTORES, skip=1, seconds=2)
    sending = keeper.start(GITLAB)
    keeper.datadog.emulator.wait_for_fault()
    recording = keeper.start({"name": "GitLab", "gitlab": {"api_key": {}}})
    all_end_well([sending, recording])
    keeper.is_silent(**GITLAB)


class TestSlowHolder:
    """Where the list is not offered, a holder that is taken for dead leaves the other run without a way."""

    @pytest.fixture(autouse=True)
    def without_list(self, keeper: Keeper) -> None:
        keeper.datadog.emulator.settings(no_list=404)

    @staticmethod
    def another_waits(keeper: Keeper, creating: Run) -> None:
        all_end_well([keeper.start(GITLAB), creating])
        assert len(keeper.there()) == 1

    def test_it_is_told_to_wait(self, keeper: Keeper) -> None:
        """What Datadog limits are the requests for connections."""
        headers = {"X-RateLimit-Reset": "4"}
        keeper.add_fault("status", status=429, method="POST", headers=headers)
        creating = keeper.start(GITLAB)
        keeper.datadog.emulator.wait_for_fault()
        self.another_waits(keeper, creating)

    def test_a_sign_of_life_gets_no_answer(self, keeper: Keeper) -> None:
        keeper.add_fault("hang", method="POST", seconds=4)
        creating = keeper.start(GITLAB)
        keeper.datadog.emulator.wait_for_fault()
        keeper.datadog.emulator.add_fault("hang", method="PATCH", path=DATASTORES, seconds=None)
        self.another_waits(keeper, creating)

    def test_both_are_told_to_wait(self, keeper: Keeper) -> None:
        keeper.add_fault("hang", method="POST", seconds=6)
        creating = keeper.start(GITLAB)
        keeper.datadog.emulator.wait_for_fault()
        headers = {"X-RateLimit-Reset": "2"}
        for method, skip in ("GET", 4), ("PATCH", 0):
            keeper.datadog.emulator.add_fault(
                "status", status=429, method=method, path=DATASTORES, headers=headers, skip=skip
            )
        self.another_waits(keeper, creating)
