#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: action_connection
short_description: Manage Datadog action connections
version_added: 0.1.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Creates, updates and deletes one action connection, which contains the credentials with which Datadog Workflow Automation and
    App Builder access another system. For many connections, use M(tidyops.datadog.action_connections).
  - The options of the connection are O(state), O(name), O(tags), O(access) and one integration, for example O(aws). What a task
    does not specify is not changed. With O(registry), the module finds the connection again.
  - The notes list the types of credentials of each integration, and their fields.
extends_documentation_fragment:
  - tidyops.datadog.action_connection
  - tidyops.datadog.integrations
  - tidyops.datadog.attributes
  - tidyops.datadog.attributes.actiongroup_registry
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.registry
  - tidyops.datadog.api
seealso:
  - module: tidyops.datadog.action_connections
"""

EXAMPLES = r"""
- name: Let Datadog assume an IAM role, and let others use the connection
  tidyops.datadog.action_connection:
    name: Production AWS
    registry: "{{ playbook_dir }}/datadog-connections.json"
    tags: [env:prod]
    access:
      editor: [team:platform]
      resolver: ["role:Datadog Standard Role"]
      viewer: [org]
    aws:
      assume_role:
        account_id: "123456789012"
        role: DatadogActions
  register: aws

- name: Rename it without changing its credentials
  tidyops.datadog.action_connection:
    connection_id: "{{ aws.connection_id }}"
    name: Production AWS (Frankfurt)
    registry: "{{ playbook_dir }}/datadog-connections.json"
    aws:
      assume_role: {}
  when: aws.connection_id is not none

- name: Connect to an HTTP API with a token in a header
  tidyops.datadog.action_connection:
    name: Ticket system
    registry: "{{ playbook_dir }}/datadog-connections.json"
    http:
      base_url: https://tickets.example.com/api
      token_auth:
        tokens:
          - name: accessToken
            value: "{{ tickets_access_token }}"
        headers:
          - name: Authorization
            value: !unsafe "Bearer {{ accessToken }}"

- name: Replace a connection to use an API token, and send the token on every run
  tidyops.datadog.action_connection:
    name: Cloudflare
    registry: "{{ playbook_dir }}/datadog-connections.json"
    allow_replace: true
    update_secrets: always
    cloudflare:
      api_token:
        api_token: "{{ cloudflare_token }}"

- name: Delete a connection
  tidyops.datadog.action_connection:
    name: Ticket system
    registry: "{{ playbook_dir }}/datadog-connections.json"
    state: absent
"""

RETURN = r"""
connection:
  description: The connection in the shape of the options, without secrets. V(none) if it does not exist.
  returned: success, and failure after the connection was written
  type: dict
  contains:
    connection_id:
      description: The UUID. V(none) in check mode if it would be created.
      type: str
      sample: 3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04
    name:
      description: The name.
      type: str
      sample: Production AWS
    tags:
      description: The tags.
      type: list
      elements: str
      sample: [env:prod]
    access:
      description: The restriction policy of the task.
      returned: if O(access) is specified
      type: dict
      sample: {editor: [team:platform], resolver: [role:Datadog Standard Role], viewer: [org]}
    aws:
      description: The integration, under the name of its option, including the fields that Datadog generates.
      returned: depends on the integration
      type: dict
      sample:
        assume_role: {account_id: "123456789012", role: DatadogActions, external_id: 33a1011635c44b38, principal_id: "464622532012"}
    created_at:
      description: When it was created. V(none) if unknown.
      type: str
      sample: "2026-07-13T13:25:37.434600Z"
    last_updated:
      description: When it was last updated. V(none) if unknown.
      type: str
      sample: "2026-07-13T13:25:37.434600Z"
    created_by:
      description: The UUID of the user who created it. V(none) if unknown.
      type: str
      sample: 7a1ba5e7-6a3c-4e3a-9f2e-0f1f8a2d3c4b
connection_id:
  description: The UUID of the connection, even if it was deleted. V(none) if there is none.
  returned: success, and failure after the connection was written
  type: str
  sample: 3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04
drifted:
  description: Whether it was changed elsewhere since the module last wrote to O(registry). V(false) if unknown.
  returned: success, and failure after the connection was written
  type: bool
  sample: false
operation:
  description: What the module did, or would do in check mode.
  returned: success
  type: str
  choices: [none, create, update, replace, delete]
  sample: update
diff:
  description: The connection before and after, in the shape of the options. Empty if it does not exist.
  returned: success
  type: dict
  sample: {before: {}, after: {name: GitLab, gitlab: {api_key: {api_token: (secret)}}}}
http_status:
  description: The HTTP status of Datadog's response. V(none) if there was none.
  returned: failure of a request
  type: int
  sample: 403
errors:
  description: The errors in Datadog's response. C(pointer) names the part of the request that is wrong.
  returned: failure of a request
  type: list
  elements: dict
  sample: [{title: Forbidden, detail: Forbidden, pointer: ""}]
"""

from ansible_collections.tidyops.datadog.plugins.module_utils._connections.options import ARGUMENT_SPEC
from ansible_collections.tidyops.datadog.plugins.module_utils._connections.resource import ActionConnections
from ansible_collections.tidyops.datadog.plugins.module_utils._report import run


def main() -> None:
    run(ARGUMENT_SPEC, ActionConnections.one)


if __name__ == "__main__":
    main()
