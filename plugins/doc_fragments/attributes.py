# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the attributes of modules."""

    # For modules that manage a resource
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: full
    details:
      - The diff has the shape of the options. Secrets are shown as V((secret\)).
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
notes:
  - If the module fails after it changed something, it returns C(changed=true), and the error message says what was done.
"""

    # For modules that only read
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - This module does not modify state.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: N/A
    details:
      - This module does not modify state.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
    details:
      - This module does not modify state.
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
