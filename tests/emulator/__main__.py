# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts the emulator: ``python tests/emulator --port N``."""

from __future__ import annotations

import sys

from datadog_emulator.cli import main

if __name__ == "__main__":
    sys.exit(main())
