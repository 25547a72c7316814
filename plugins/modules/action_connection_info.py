#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: action_connection_info
short_description: Retrieve information on Datadog action connections
version_added: 0.4.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Returns action connections by ID, by name, those that a registry contains, or all connections of the organization.
  - Each connection contains C(options), with which M(tidyops.datadog.action_connection) manages it as it is.
extends_documentation_fragment:
  - tidyops.datadog.attributes.info_module
  - tidyops.datadog.attributes.actiongroup_registry
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.registry
  - tidyops.datadog.api
options:
  connection_ids:
    description:
      - Return the connections with these UUIDs, in addition to those of O(names).
    type: list
    elements: str
  names:
    description:
      - Return the connections with these names, which must match exactly.
      - The module looks up each name in O(registry), and then in Datadog's list of connections, if Datadog offers it.
    type: list
    elements: str
  integrations:
    description:
      - Return only connections of these integrations.
    type: list
    elements: str
    choices: [anthropic, asana, aws, azure, circleci, clickup, cloudflare, configcat, datadog, fastly, freshservice, gcp,
              gemini, gitlab, greynoise, http, launchdarkly, notion, okta, openai, servicenow, split, statsig, virustotal]
  tags:
    description:
      - Return only connections that have all of these tags, for example V(env:prod).
    type: list
    elements: str
    version_added: 2.0.0
  access:
    description:
      - Whether to read and return the restriction policy of each connection. This takes one more request per connection.
    type: bool
    default: false
    version_added: 2.0.0
  registry:
    description:
      - The registry to read, see O(tidyops.datadog.action_connection#module:registry).
      - If neither O(connection_ids) nor O(names) is specified, the module returns the connections in the registry. Without a
        registry, it returns all connections of the organization, or fails if Datadog does not offer its list.
      - If not specified, the module falls back to the environment variable E(DD_CONNECTION_REGISTRY).
notes:
  - The application key must be registered for the Actions API, see M(tidyops.datadog.app_key_registration), and have the permission
    C(connections_read).
  - Datadog never returns secrets, so C(options) has none. A task with these options does not change the secrets of the connection.
  - A header or URL parameter that seems to contain a credential in clear text is returned without its C(value). Add the value
    before you use C(options) in a task.
seealso:
  - module: tidyops.datadog.action_connection
  - module: tidyops.datadog.action_connections
  - module: tidyops.datadog.restriction_policy_info
"""

EXAMPLES = r"""
- name: Retrieve the AWS and GCP connections in the registry, with their restriction policies
  tidyops.datadog.action_connection_info:
    registry: "{{ playbook_dir }}/datadog-connections.json"
    integrations: [aws, gcp]
    access: true
  register: cloud

- name: Retrieve a connection by name
  tidyops.datadog.action_connection_info:
    registry: "{{ playbook_dir }}/datadog-connections.json"
    names: [Production AWS]
  register: production

- name: Show whether the connection exists
  ansible.builtin.debug:
    msg: "{{ 'It does not exist.' if production.missing else production.connections[0].connection_id }}"

- name: Manage the connections as they are
  tidyops.datadog.action_connections:
    registry: "{{ playbook_dir }}/datadog-connections.json"
    connections: "{{ cloud.connections | map(attribute='options') | select }}"
"""

RETURN = r"""
connections:
  description: The connections. Those requested by ID or name are in the order of the task, others are sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    connection_id:
      description: The UUID.
      type: str
    name:
      description: The name.
      type: str
    tags:
      description: The tags.
      type: list
      elements: str
    access:
      description: The restriction policy, with the UUIDs of the principals. Empty if the connection has none.
      returned: if O(access=true)
      type: dict
    aws:
      description: The integration, under the name of its option, including the fields that Datadog generates.
      returned: depends on the integration
      type: dict
    created_at:
      description: When it was created. V(none) if unknown.
      type: str
    last_updated:
      description: When it was last updated. V(none) if unknown.
      type: str
    created_by:
      description: The UUID of the user who created it. V(none) if unknown.
      type: str
    options:
      description:
        - The options for M(tidyops.datadog.action_connection). V(none) if the collection does not support the integration.
        - They contain C(connection_id) if several of the returned connections have the same name.
      type: dict
  sample:
    - connection_id: 3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04
      name: Production AWS
      tags: [env:prod]
      access: {editor: [team:87654321-4321-8765-dcba-210987654321]}
      aws:
        assume_role: {account_id: "123456789012", role: DatadogActions, external_id: 33a1011635c44b38, principal_id: "464622532012"}
      created_at: "2026-07-13T13:25:37.434600Z"
      last_updated: "2026-07-13T13:25:37.434600Z"
      created_by: 7a1ba5e7-6a3c-4e3a-9f2e-0f1f8a2d3c4b
      options:
        name: Production AWS
        tags: [env:prod]
        access: {editor: [team:87654321-4321-8765-dcba-210987654321]}
        aws: {assume_role: {account_id: "123456789012", role: DatadogActions}}
missing:
  description: The requested IDs and names that do not exist.
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

from ansible_collections.tidyops.datadog.plugins.module_utils._connections.info import ARGUMENT_SPEC, action_connections
from ansible_collections.tidyops.datadog.plugins.module_utils._module import run_module


def main() -> None:
    run_module(ARGUMENT_SPEC, action_connections)


if __name__ == "__main__":
    main()
