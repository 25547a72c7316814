#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: restriction_policy_info
short_description: Retrieve information on Datadog restriction policies
version_added: 2.0.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Returns the restriction policies of Datadog resources, which determine who can do what with a resource.
extends_documentation_fragment:
  - tidyops.datadog.attributes.info_module
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
options:
  resource_ids:
    description:
      - The types and the IDs of the resources, each separated by a colon, for example V(dashboard:abc-def-ghi). See
        O(tidyops.datadog.restriction_policy#module:resource_id).
    type: list
    elements: str
    required: true
seealso:
  - module: tidyops.datadog.restriction_policy
  - module: tidyops.datadog.action_connection_info
  - name: Restriction policies in Datadog's API reference
    description: The API that this module uses, with all types of resources and their relations.
    link: https://docs.datadoghq.com/api/latest/restriction-policies/
"""

EXAMPLES = r"""
- name: Retrieve the restriction policies of a dashboard and a connection
  tidyops.datadog.restriction_policy_info:
    resource_ids:
      - dashboard:abc-def-ghi
      - connection:3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04
  register: policies

- name: Show the resources that have no policy
  ansible.builtin.debug:
    msg: "{{ policies.restriction_policies | rejectattr('bindings') | map(attribute='resource_id') }}"
"""

RETURN = r"""
restriction_policies:
  description: The policies, in the order of O(resource_ids).
  returned: success
  type: list
  elements: dict
  contains:
    resource_id:
      description: The type and the ID of the resource.
      type: str
    bindings:
      description:
        - The relations and their principals, in the form of O(tidyops.datadog.restriction_policy#module:bindings). Empty if the
          resource has no policy.
      type: list
      elements: dict
      contains:
        relation:
          description: The relation.
          type: str
        principals:
          description: The principals with their UUIDs.
          type: list
          elements: str
  sample:
    - resource_id: dashboard:abc-def-ghi
      bindings:
        - relation: editor
          principals:
            - team:87654321-4321-8765-dcba-210987654321
        - relation: viewer
          principals:
            - org:5b2c7a1e-9d3f-4c8a-8e6b-7f0a1d2c3e4f
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

from ansible_collections.tidyops.datadog.plugins.module_utils._module import run_module
from ansible_collections.tidyops.datadog.plugins.module_utils._restriction_policies import (
    INFO_ARGUMENT_SPEC,
    restriction_policies,
)


def main() -> None:
    run_module(INFO_ARGUMENT_SPEC, restriction_policies)


if __name__ == "__main__":
    main()
