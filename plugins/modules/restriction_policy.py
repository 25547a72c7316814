#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: restriction_policy
short_description: Manage Datadog restriction policies
version_added: 2.0.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Sets or deletes the restriction policy of a Datadog resource, which determines who can do what with the resource.
  - For an action connection, you can instead use O(tidyops.datadog.action_connection#module:access), which manages the connection
    and its policy in one task.
extends_documentation_fragment:
  - tidyops.datadog.attributes
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
attributes:
  diff_mode:
    details:
      - The diff contains the principals of each relation, as the task specifies them.
options:
  resource_id:
    description:
      - The type and the ID of the resource, separated by a colon, for example V(dashboard:abc-def-ghi) or
        V(connection:3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04).
      - Any type that Datadog supports can be used, among them V(app-builder-app), V(connection), V(connection-group),
        V(dashboard), V(monitor), V(notebook), V(on-call-schedule), V(slo), V(synthetics-test) and V(workflow). Datadog's API
        reference lists them all.
    type: str
    required: true
  bindings:
    description:
      - The relations and their principals. This is the complete policy. What is not in it is removed.
      - Required if O(state=present).
    type: list
    elements: dict
    suboptions:
      relation:
        description:
          - What the principals can do with the resource. Each type of resource has its own relations.
          - Most types have V(viewer) and V(editor). Connections also have V(resolver), workflows V(runner).
          - Each relation must be unique in the list.
        type: str
        required: true
      principals:
        description:
          - Who can do this.
          - A principal is V(org), which is everybody in the organization; or C(team:), C(role:) or C(user:) followed by a UUID, by
            the handle of the team, the name of the role, or the email address of the user. Names must match exactly.
        type: list
        elements: str
        required: true
  state:
    description:
      - V(present) sets the policy.
      - V(absent) deletes the policy. Datadog's default for the type of resource applies then.
    type: str
    choices:
      - present
      - absent
    default: present
  allow_self_lockout:
    description:
      - Whether the policy can prevent the user of the keys from editing the resource. If V(false), Datadog refuses such a policy.
    type: bool
    default: false
notes:
  - The user of the keys must be able to edit the resource, or have the permission C(user_access_manage).
  - If principals are specified by name, the application key must also have the permission C(teams_read) to look up teams, and
    C(user_access_read) to look up roles and users.
seealso:
  - module: tidyops.datadog.restriction_policy_info
  - module: tidyops.datadog.action_connection
  - name: Restriction policies in Datadog's API reference
    description: The API that this module uses, with all types of resources and their relations.
    link: https://docs.datadoghq.com/api/latest/restriction-policies/
"""

EXAMPLES = r"""
- name: Let a team edit a dashboard, and everybody else see it
  tidyops.datadog.restriction_policy:
    resource_id: dashboard:abc-def-ghi
    bindings:
      - relation: editor
        principals:
          - team:platform
      - relation: viewer
        principals:
          - org

- name: Let a role run a workflow
  tidyops.datadog.restriction_policy:
    resource_id: workflow:5c1f3d2a-8b7e-4f6d-9a0c-1e2d3c4b5a69
    bindings:
      - relation: editor
        principals:
          - team:platform
      - relation: runner
        principals:
          - role:Datadog Standard Role

- name: Delete a policy
  tidyops.datadog.restriction_policy:
    resource_id: dashboard:abc-def-ghi
    state: absent
"""

RETURN = r"""
restriction_policy:
  description: The policy. In check mode, the policy as it would be.
  returned: success
  type: dict
  contains:
    resource_id:
      description: The type and the ID of the resource.
      type: str
    bindings:
      description: The relations and their principals, as the task specifies them. Empty if the resource has no policy.
      type: list
      elements: dict
      contains:
        relation:
          description: The relation.
          type: str
        principals:
          description: The principals.
          type: list
          elements: str
  sample:
    resource_id: dashboard:abc-def-ghi
    bindings:
      - relation: editor
        principals:
          - team:platform
      - relation: viewer
        principals:
          - org
operation:
  description: What the module did, or would do in check mode.
  returned: success
  type: str
  choices: [none, create, update, delete]
  sample: update
diff:
  description:
    - The policy before and after. Principals that the task does not contain are shown with their UUIDs.
  returned: success
  type: dict
  contains:
    before:
      description: The policy before.
      type: dict
      sample:
        bindings:
          editor:
            - user:7a1ba5e7-6a3c-4e3a-9f2e-0f1f8a2d3c4b
    after:
      description: The policy after.
      type: dict
      sample:
        bindings:
          editor:
            - team:platform
          viewer:
            - org
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

from ansible_collections.tidyops.datadog.plugins.module_utils._report import run_one
from ansible_collections.tidyops.datadog.plugins.module_utils._restriction_policies import (
    ARGUMENT_SPEC,
    RestrictionPolicy,
)


def main() -> None:
    run_one(ARGUMENT_SPEC, RestrictionPolicy)


if __name__ == "__main__":
    main()
