#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_copy
short_description: Copy a registry of action connections from one home to another
version_added: 1.1.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Copies what one registry knows to another one, from a file to one of Datadog's Actions datastores, back, or between two of a
    kind. A registry is what O(tidyops.datadog.action_connection#module:registry) names.
  - O(dest) gets every entry that it does not have, with the fingerprints of secrets. What it has beside them stays. Nothing is
    removed from O(src), and the connections themselves are neither read nor changed.
  - Nothing is overwritten. If both have an entry of one name and the two differ, or if a connection would be in O(dest) under
    two names, the module fails before it writes anything, and names them.
extends_documentation_fragment:
  - tidyops.datadog.attributes
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
attributes:
  diff_mode:
    description: Returns the connections that O(dest) knows before and after, with their ids. Fingerprints are left out.
    support: full
options:
  src:
    description:
      - The registry to copy, which has to exist. The path of a file, or C(datastore:) and the UUID of a datastore.
    type: path
    required: true
    version_added: 1.1.0
  dest:
    description:
      - The registry to copy to. The path of a file, or C(datastore:) and the UUID of a datastore.
      - A file is made if it does not exist, but not its folder. A datastore has to exist; see R(the guide,
        ansible_collections.tidyops.datadog.docsite.guide_registry).
    type: path
    required: true
    version_added: 1.1.0
notes:
  - Let no other run use either registry meanwhile. Afterwards name O(dest) wherever O(src) was named, and delete O(src), so that
    nobody uses it any more. Each of two registries that are both in use does not know what the other one records.
  - If the module is interrupted, run it again. It copies what is still missing.
  - If a connection is being created according to O(src), the module waits for the run that does so. The entry of a run that was
    interrupted is copied as it is, with a warning.
  - Both registries have to belong to the site of the task, also if both are files. Credentials are needed even then, but only
    datastores are asked for with them.
  - A datastore as O(src) needs the permission C(apps_datastore_read), and as O(dest) C(apps_datastore_write) as well.
seealso:
  - module: tidyops.datadog.action_connection
  - module: tidyops.datadog.action_connections
"""

EXAMPLES = r"""
- name: Copy the registry from a file to a datastore
  tidyops.datadog.registry_copy:
    src: datadog-connections.json
    dest: datastore:6d0b1c1e-7a55-4b0e-9d5e-0c2f6f0c9a11

- name: Copy it back to a new file
  tidyops.datadog.registry_copy:
    src: datastore:6d0b1c1e-7a55-4b0e-9d5e-0c2f6f0c9a11
    dest: datadog-connections-from-datastore.json
"""

RETURN = r"""
copied:
  description: The names of the connections whose entries were copied.
  returned: success
  type: list
  elements: str
  sample:
    - Production AWS
operation:
  description:
    - What was done, or would be done in check mode.
  returned: success
  type: str
  choices:
    - none
    - update
  sample: update
diff:
  description:
    - What O(dest) knows before and after, without fingerprints.
  returned: success
  type: dict
  contains:
    before:
      description: What it knew.
      type: dict
    after:
      description: What it knows now.
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

from ansible_collections.tidyops.datadog.plugins.module_utils._module import run
from ansible_collections.tidyops.datadog.plugins.module_utils._registry_copy import (
    ARGUMENT_SPEC,
    RegistryCopies,
)


def main() -> None:
    run(ARGUMENT_SPEC, RegistryCopies.one)


if __name__ == "__main__":
    main()
