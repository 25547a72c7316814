#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_key_registration_info
short_description: Retrieve information on registrations of Datadog application keys for the Actions API
version_added: 0.4.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Returns which application keys are registered for the Actions API.
extends_documentation_fragment:
  - tidyops.datadog.attributes.info_module
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
options:
  app_key_ids:
    description:
      - The IDs of application keys, which are UUIDs and not secret. If not specified, all registrations are returned.
    type: list
    elements: str
notes:
  - The key that the module uses must have the permission C(org_app_keys_read).
seealso:
  - module: tidyops.datadog.app_key_registration
"""

EXAMPLES = r"""
- name: Retrieve the registration of an application key
  tidyops.datadog.app_key_registration_info:
    app_key_ids:
      - 0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d
  register: registrations

- name: Show which keys are not registered
  ansible.builtin.debug:
    var: registrations.missing
"""

RETURN = r"""
app_key_registrations:
  description: The registrations.
  returned: success
  type: list
  elements: dict
  contains:
    app_key_id:
      description: The ID of the application key.
      type: str
  sample:
    - app_key_id: 0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d
missing:
  description: The requested IDs that are not registered.
  returned: success
  type: list
  elements: str
  sample: []
http_status:
  description: The HTTP status of Datadog's response. V(none) if there was none.
  returned: failure of a request
  type: int
  sample: 403
errors:
  description: The errors in Datadog's response, with the C(pointer) to the part of the request that is wrong.
  returned: failure of a request
  type: list
  elements: dict
  sample: [{title: Forbidden, detail: Forbidden, pointer: ""}]
"""

from ansible_collections.tidyops.datadog.plugins.module_utils._app_keys import (
    INFO_ARGUMENT_SPEC,
    app_key_registrations,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._module import run_module


def main() -> None:
    run_module(INFO_ARGUMENT_SPEC, app_key_registrations)


if __name__ == "__main__":
    main()
