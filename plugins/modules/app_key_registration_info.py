#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_key_registration_info
short_description: See which application keys are registered for Datadog's Actions API
version_added: 0.4.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Returns the registrations of application keys for the Actions API, all of them or those of some keys.
extends_documentation_fragment:
  - tidyops.datadog.attributes.info_module
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
options:
  app_key_ids:
    description:
      - The ids of application keys, which are UUIDs and no secrets. Without them, all registrations are returned.
    type: list
    elements: str
    version_added: 0.4.0
seealso:
  - module: tidyops.datadog.app_key_registration
"""

EXAMPLES = r"""
- name: See whether a key is registered
  tidyops.datadog.app_key_registration_info:
    app_key_ids:
      - 0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d
  register: registrations

- name: Say so if it is not
  ansible.builtin.debug:
    msg: "These keys are not registered: {{ registrations.missing | join(', ') }}"
  when: registrations.missing | length > 0
"""

RETURN = r"""
app_key_registrations:
  description: The registrations.
  returned: success
  type: list
  elements: dict
  contains:
    app_key_id:
      description: The id of the application key.
      type: str
  sample:
    - app_key_id: 0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d
missing:
  description: The ids that were asked for and are not registered.
  returned: success
  type: list
  elements: str
  sample: []
http_status:
  description: The HTTP status of the answer that made the module fail, or V(none) if there was no answer.
  returned: failure of a request
  type: int
  sample: 403
errors:
  description: What Datadog gave as reasons.
  returned: failure of a request
  type: list
  elements: dict
  contains:
    title:
      description: A title.
      type: str
    detail:
      description: The explanation.
      type: str
    pointer:
      description: Where in the request the reason lies.
      type: str
  sample:
    - title: Forbidden
      detail: "Forbidden"
      pointer: ""
"""

from ansible_collections.tidyops.datadog.plugins.module_utils._app_keys import (
    INFO_ARGUMENT_SPEC,
    app_key_registrations,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._module import inform


def main() -> None:
    inform(INFO_ARGUMENT_SPEC, app_key_registrations, "")


if __name__ == "__main__":
    main()
