# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a command with its output in a file, and prints its peak resident set in KiB.

A process of its own, and a small one: on Linux the peak of a child begins at that of its parent.
"""

from __future__ import annotations

import os
import subprocess
import sys


def main() -> None:
    output, *command = sys.argv[1:]
    with open(output, "wb") as file:
        # wait4 returns what the process used.
        process = subprocess.Popen(command, stdout=file)  # pylint: disable=consider-using-with
        _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    print(usage.ru_maxrss)
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
