#!/usr/bin/env bash
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

set -euo pipefail
# A short path, since Ansible creates sockets below it.
exec python -m pytest -p no:cacheprovider --color no -v -n 4 --basetemp="$(mktemp -d)"
