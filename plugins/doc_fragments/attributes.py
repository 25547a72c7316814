# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of what modules can do."""

    # What modules that keep a resource can do
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what would change, without changing anything.
    support: full
  diff_mode:
    description: Returns what is there before and after, in the shape of the options. Secrets are shown as C((secret)).
    support: full
  idempotent:
    description: When run twice in a row outside C(check_mode) with the same arguments, the second run changes nothing.
    support: full
"""

    # For modules that only read
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what would change, without changing anything.
    support: full
    details:
      - It changes nothing in any case.
  diff_mode:
    description: Returns what is there before and after.
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    description: When run twice in a row outside C(check_mode) with the same arguments, the second run changes nothing.
    support: full
    details:
      - It changes nothing in any case.
"""

    ACTIONGROUP_DATADOG = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/tidyops.datadog.datadog) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - tidyops.datadog.datadog
"""

    # For modules with a registry; to be listed before ACTIONGROUP_DATADOG
    ACTIONGROUP_REGISTRY = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/tidyops.datadog.datadog) or C(group/tidyops.datadog.registry) in C(module_defaults) to set defaults for
        this module.
    support: full
    membership:
      - tidyops.datadog.datadog
      - tidyops.datadog.registry
"""
