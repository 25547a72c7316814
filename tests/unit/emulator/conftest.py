# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One emulator for these tests, as new for each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    Emulator,
    running_emulator,
)


@pytest.fixture(scope="session", name="_process")
def fixture_process() -> Iterator[Emulator]:
    with running_emulator() as process:
        yield process


@pytest.fixture(name="emulator")
def fixture_emulator(_process: Emulator) -> Iterator[Emulator]:
    """An emulator without anything in it; what it complains about fails the test."""
    _process.reset()
    before = _process.errors()
    yield _process
    assert _process.errors() == before
