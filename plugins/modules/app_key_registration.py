#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_key_registration
short_description: Register an application key for Datadog's Actions API
version_added: 0.4.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Registers an application key for the Actions API, or removes its registration. Without it, Datadog answers HTTP status 403 to
    everything that the modules for action connections ask with this key.
  - It does what the button I(Enable Actions API Access) does on the key's page in Datadog.
extends_documentation_fragment:
  - tidyops.datadog.attributes
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
options:
  state:
    description:
      - Whether the key is to be registered.
    type: str
    choices:
      - present
      - absent
    default: present
    version_added: 0.4.0
  app_key_id:
    description:
      - The id of the application key, which is a UUID and no secret. Datadog shows it as I(Key ID) with the key. It is not the key.
    type: str
    required: true
    version_added: 0.4.0
notes:
  - A key can be registered with itself, or with another one.
seealso:
  - module: tidyops.datadog.app_key_registration_info
  - module: tidyops.datadog.action_connection
  - name: Action connections in Datadog's API reference
    description: The API that this module drives.
    link: https://docs.datadoghq.com/api/latest/action-connection/
"""

EXAMPLES = r"""
- name: Register the application key before the first action connection
  tidyops.datadog.app_key_registration:
    app_key_id: 0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d

- name: Remove the registration
  tidyops.datadog.app_key_registration:
    app_key_id: 0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d
    state: absent
"""

RETURN = r"""
app_key_registration:
  description: The registration. V(none) if there is none in the end.
  returned: success
  type: dict
  contains:
    app_key_id:
      description: The id of the application key.
      type: str
  sample:
    app_key_id: 0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d
operation:
  description:
    - What was done, or would be done in check mode.
  returned: success
  type: str
  choices:
    - none
    - create
    - delete
  sample: create
diff:
  description:
    - The registration before and after. Empty where it does not exist.
  returned: success
  type: dict
  contains:
    before:
      description: What was there.
      type: dict
    after:
      description: What is there now.
      type: dict
  sample:
    before: {}
    after:
      app_key_id: 0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d
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
    ARGUMENT_SPEC,
    AppKeyRegistrations,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._module import run


def main() -> None:
    run(ARGUMENT_SPEC, AppKeyRegistrations.one)


if __name__ == "__main__":
    main()
