#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: action_connections
short_description: Manage many Datadog action connections
version_added: 0.3.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Creates, updates and deletes many action connections in one task, including their tags and restriction policies.
  - With O(purge), the module also deletes the connections that O(registry) contains and the task does not list.
  - The module reads and compares all connections before it writes the first one. If this fails for one of them, it writes none.
  - If writing a connection fails, the module continues with the others, unless these would fail for the same reason. What was
    done is recorded and returned. Run the task again to do the rest.
  - See M(tidyops.datadog.action_connection) for more examples.
extends_documentation_fragment:
  - tidyops.datadog.action_connection
  - tidyops.datadog.integrations.connections
  - tidyops.datadog.attributes
  - tidyops.datadog.attributes.actiongroup_registry
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.registry
  - tidyops.datadog.api
options:
  purge:
    description:
      - Whether to delete the connections that O(registry) contains and O(connections) does not list. Other connections are never
        deleted.
      - They are deleted last, and only if nothing failed before.
      - Requires O(registry) and O(state=present).
    type: bool
    default: false
  allow_empty:
    description:
      - Whether O(connections) can be empty if O(purge=true), which deletes all connections that O(registry) contains. If V(false),
        the module fails in this case.
    type: bool
    default: false
    version_added: 2.0.0
  concurrency:
    description:
      - How many connections to read or write at the same time, from V(1) to V(32).
    type: int
    default: 8
notes:
  - The results contain no secrets, so the task does not need C(no_log).
seealso:
  - module: tidyops.datadog.action_connection
"""

EXAMPLES = r"""
- name: Manage the connections of a team, and delete those that are no longer listed
  tidyops.datadog.action_connections:
    registry: "{{ playbook_dir }}/datadog-connections.json"
    purge: true
    connections:
      - name: Production AWS
        tags:
          - env:prod
        access:
          editor:
            - team:platform
          resolver:
            - org
        aws:
          assume_role:
            account_id: "123456789012"
            role: DatadogActions
      - name: GitLab
        gitlab:
          api_key:
            api_token: "{{ gitlab_token }}"
      - name: Ticket system
        http:
          base_url: https://tickets.example.com/api
          token_auth:
            tokens:
              - name: accessToken
                value: "{{ tickets_access_token }}"
            headers:
              - name: Authorization
                value: !unsafe "Bearer {{ accessToken }}"

- name: Show what would change
  tidyops.datadog.action_connections:
    registry: "{{ playbook_dir }}/datadog-connections.json"
    connections:
      - name: Production AWS
        aws:
          assume_role:
            account_id: "123456789012"
            role: DatadogAutomation
  check_mode: true
  diff: true
  register: prediction

- name: Show which connections were changed elsewhere
  ansible.builtin.debug:
    msg: "{{ prediction.connections | selectattr('drifted') | map(attribute='name') }}"

- name: Delete connections by name
  tidyops.datadog.action_connections:
    registry: "{{ playbook_dir }}/datadog-connections.json"
    state: absent
    connections:
      - name: GitLab
      - name: Ticket system

- name: Delete all connections that the registry contains
  tidyops.datadog.action_connections:
    registry: "{{ playbook_dir }}/datadog-connections.json"
    connections: []
    purge: true
    allow_empty: true
"""

RETURN = r"""
connections:
  description:
    - What the module did with each connection, or would do in check mode. The connections of the task come first, in its order,
      followed by those that O(purge) deletes.
  returned: success, and failure of single connections
  type: list
  elements: dict
  contains:
    name:
      description: The name of the connection in the task. V(none) if the task specifies only its ID.
      type: str
    operation:
      description: What the module did, or would do in check mode. V(none) if the connection failed or was skipped.
      type: str
      choices: [none, create, update, replace, delete]
    connection_id:
      description: The UUID of the connection. V(none) if there is none, or in check mode if the connection would be created.
      type: str
    connection:
      description:
        - The connection, see RV(tidyops.datadog.action_connection#module:connection). V(none) if it does not exist or was deleted.
      type: dict
    drifted:
      description: Whether the connection was changed elsewhere since the module last wrote to O(registry).
      returned: unless the connection failed before it was written, or was skipped
      type: bool
    diff:
      description: The connection before and after, see RV(tidyops.datadog.action_connection#module:diff).
      returned: if the connection changed and did not fail
      type: dict
    failed:
      description: Always V(true).
      returned: if the connection failed
      type: bool
    skipped:
      description: Always V(true).
      returned: if the connection was skipped because another one failed
      type: bool
    msg:
      description: Why the connection failed or was skipped.
      returned: if the connection failed or was skipped
      type: str
  sample:
    - name: Production AWS
      operation: create
      connection_id: 3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04
      connection:
        connection_id: 3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04
        name: Production AWS
        tags:
          - env:prod
        aws:
          assume_role:
            account_id: "123456789012"
            role: DatadogActions
            external_id: 33a1011635c44b38a064cf14e82e1d8f
            principal_id: "464622532012"
        created_at: "2026-07-13T13:25:37.434600Z"
        last_updated: "2026-07-13T13:25:37.434600Z"
        created_by: 7a1ba5e7-6a3c-4e3a-9f2e-0f1f8a2d3c4b
        access:
          editor:
            - team:platform
          resolver:
            - org
      drifted: false
      diff:
        before: {}
        after:
          name: Production AWS
          tags:
            - env:prod
          access:
            editor:
              - team:platform
            resolver:
              - org
          aws:
            assume_role:
              account_id: "123456789012"
              role: DatadogActions
counts:
  description: The number of connections for each operation, and of those that failed or were skipped.
  returned: success, and failure of single connections
  type: dict
  sample:
    none: 97
    create: 1
    update: 2
    replace: 0
    delete: 0
    failed: 0
    skipped: 0
diff:
  description: The connections that changed and did not fail, before and after, in the shape of the options.
  returned: success, and failure of single connections
  type: list
  elements: dict
  contains:
    before_header:
      description: The name of the connection and the operation.
      type: str
    after_header:
      description: The name of the connection and the operation.
      type: str
    before:
      description: The connection before. Empty if it did not exist.
      type: dict
    after:
      description: The connection after. Empty if it does not exist.
      type: dict
  sample:
    - before_header: Production AWS (create)
      after_header: Production AWS (create)
      before: {}
      after:
        name: Production AWS
        aws:
          assume_role:
            account_id: "123456789012"
            role: DatadogActions
http_status:
  description: The HTTP status of Datadog's response for the first connection that failed. V(none) if there was none.
  returned: failure of a request
  type: int
  sample: 403
errors:
  description: The errors in Datadog's response for the first connection that failed, with the C(pointer) to the part of the request that is wrong.
  returned: failure of a request
  type: list
  elements: dict
  sample:
    - title: Generic Error
      detail: "error getting connection: rpc error: code = NotFound desc = connection not found"
      pointer: ""
"""

from ansible_collections.tidyops.datadog.plugins.module_utils._connections.set import (
    ActionConnectionSet,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._connections.set_options import (
    SET_ARGUMENT_SPEC,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._report import run
from ansible_collections.tidyops.datadog.plugins.module_utils._set_report import set_result_of


def main() -> None:
    run(SET_ARGUMENT_SPEC, ActionConnectionSet, set_result_of)


if __name__ == "__main__":
    main()
