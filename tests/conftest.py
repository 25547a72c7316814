# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for all tests that pytest runs."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Let tests share a process, and with it the fixtures of a session.

    ansible-test runs every test in a fork of its own, which starts an emulator of its own and ends
    without ending it.
    """
    config.pluginmanager.set_blocked("ansible_forked")
