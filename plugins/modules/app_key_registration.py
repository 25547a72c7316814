#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_key_registration
short_description: Manage registrations of Datadog application keys for the Actions API
version_added: 0.4.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Registers an application key for the Actions API, or removes its registration.
  - To manage action connections, a key must be registered. Otherwise Datadog responds with HTTP status 403.
  - The web interface of Datadog calls this I(Enable Actions API Access).
extends_documentation_fragment:
  - tidyops.datadog.attributes
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
options:
  app_key_id:
    description:
      - The ID of the application key, a UUID. This is not the key itself, and it is not secret. Datadog shows it as I(Key ID).
    type: str
    required: true
  state:
    description:
      - V(present) registers the key.
      - V(absent) removes the registration.
    type: str
    choices:
      - present
      - absent
    default: present
notes:
  - The key that the module uses must have the permission C(org_app_keys_read). To change a registration it must also have one of
    C(user_access_manage), C(user_app_keys) and C(service_account_write).
  - A key can register itself. Datadog may refuse it for some seconds after that, so the other modules repeat their requests.
seealso:
  - module: tidyops.datadog.app_key_registration_info
  - module: tidyops.datadog.action_connection
  - name: Action connections in Datadog's API reference
    description: The API that this module uses.
    link: https://docs.datadoghq.com/api/latest/action-connection/
"""

EXAMPLES = r"""
- name: Register an application key
  tidyops.datadog.app_key_registration:
    app_key_id: 0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d

- name: Remove the registration
  tidyops.datadog.app_key_registration:
    app_key_id: 0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d
    state: absent
"""

RETURN = r"""
app_key_registration:
  description: The registration. V(none) if it does not exist or was removed.
  returned: success
  type: dict
  contains:
    app_key_id:
      description: The ID of the application key.
      type: str
  sample:
    app_key_id: 0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d
operation:
  description: What the module did, or would do in check mode.
  returned: success
  type: str
  choices: [none, create, delete]
  sample: create
diff:
  description: The registration before and after. Empty if it does not exist.
  returned: success
  type: dict
  contains:
    before:
      description: The registration before.
      type: dict
    after:
      description: The registration after.
      type: dict
  sample:
    before: {}
    after:
      app_key_id: 0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d
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

from ansible_collections.tidyops.datadog.plugins.module_utils._app_keys import ARGUMENT_SPEC, AppKeyRegistration
from ansible_collections.tidyops.datadog.plugins.module_utils._report import run_one


def main() -> None:
    run_one(ARGUMENT_SPEC, AppKeyRegistration)


if __name__ == "__main__":
    main()
