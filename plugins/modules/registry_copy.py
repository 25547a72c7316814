#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_copy
short_description: Copy a registry of action connections to another backend
version_added: 1.1.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Copies the entries of one registry to another one, for example from a file to a Datadog Actions datastore. See
    O(tidyops.datadog.action_connection#module:registry) for a description of registries.
  - The entries are added to those that O(dest) already contains. No entries are overwritten or removed, and the connections are
    neither read nor changed.
  - If the entries of a connection differ, or if O(dest) contains the ID of a connection under another name, the module fails and
    copies nothing.
extends_documentation_fragment:
  - tidyops.datadog.attributes
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
attributes:
  diff_mode:
    details:
      - The diff contains the names and IDs of the connections in O(dest), but no fingerprints.
options:
  src:
    description:
      - The registry to copy, as the path of a file, or as C(datastore:) followed by the UUID of a datastore. It must exist.
    type: path
    required: true
  dest:
    description:
      - The registry to copy to, as the path of a file, or as C(datastore:) followed by the UUID of a datastore.
      - A file is created if it does not exist. Its directory, or the datastore, must exist.
    type: path
    required: true
notes:
  - Do not use the registries in other runs at the same time. Afterwards use only O(dest), and delete O(src).
  - If a run is creating a connection, or was interrupted, its entry is copied too, and the module warns.
  - Both registries must belong to the site of the task, and to the same organization.
  - A datastore as O(src) requires the permission C(apps_datastore_read), and as O(dest) also C(apps_datastore_write).
seealso:
  - module: tidyops.datadog.action_connection
  - module: tidyops.datadog.action_connections
"""

EXAMPLES = r"""
- name: Copy a registry from a file to a datastore
  tidyops.datadog.registry_copy:
    src: "{{ playbook_dir }}/datadog-connections.json"
    dest: datastore:6d0b1c1e-7a55-4b0e-9d5e-0c2f6f0c9a11

- name: Copy a registry from a datastore to a file
  tidyops.datadog.registry_copy:
    src: datastore:6d0b1c1e-7a55-4b0e-9d5e-0c2f6f0c9a11
    dest: "{{ playbook_dir }}/datadog-connections-from-datastore.json"
"""

RETURN = r"""
copied:
  description: The names of the connections whose entries were copied, or would be copied in check mode.
  returned: success
  type: list
  elements: str
  sample:
    - Production AWS
operation:
  description: What the module did, or would do in check mode.
  returned: success
  type: str
  choices: [none, update]
  sample: update
diff:
  description: The entries in O(dest) before and after, without fingerprints.
  returned: success
  type: dict
  contains:
    before:
      description: The entries before.
      type: dict
    after:
      description: The entries after.
      type: dict
  sample:
    before:
      connections: {}
    after:
      connections:
        Production AWS:
          id: 3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04
          integration: aws.assume_role
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

from ansible_collections.tidyops.datadog.plugins.module_utils._registry_copy import ARGUMENT_SPEC, RegistryCopy
from ansible_collections.tidyops.datadog.plugins.module_utils._report import run_one


def main() -> None:
    run_one(ARGUMENT_SPEC, RegistryCopy)


if __name__ == "__main__":
    main()
