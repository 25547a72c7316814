#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: action_connection_info
short_description: Read action connections of Datadog
version_added: 0.4.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Returns action connections by their ids, by their names, those that a registry knows, or all of the organisation.
  - Each of them has C(options) beside it, which is what M(tidyops.datadog.action_connection) and
    M(tidyops.datadog.action_connections) take to keep it as it is. So what exists can be turned into a playbook.
extends_documentation_fragment:
  - tidyops.datadog.attributes.info_module
  - tidyops.datadog.attributes.actiongroup_registry
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
  - tidyops.datadog.registry
options:
  connection_ids:
    description:
      - UUIDs of connections. This works in every organisation.
    type: list
    elements: str
    version_added: 0.4.0
  names:
    description:
      - Names of connections, which must match exactly. A name that O(registry) knows means the connection that it knows; every
        other one means all connections of that name, which Datadog does not keep unique.
      - Together with O(connection_ids), connections of either are returned.
      - Names that O(registry) does not know are found where Datadog lists the organisation's connections, which is a preview.
    type: list
    elements: str
    version_added: 0.4.0
  integrations:
    description:
      - Return only connections of these integrations, by the types that Datadog gives them.
    type: list
    elements: str
    choices:
      - AWS
      - Anthropic
      - Asana
      - Azure
      - CircleCI
      - Clickup
      - Cloudflare
      - ConfigCat
      - Datadog
      - Fastly
      - Freshservice
      - GCP
      - Gemini
      - Gitlab
      - GreyNoise
      - HTTP
      - LaunchDarkly
      - Notion
      - Okta
      - OpenAI
      - ServiceNow
      - Split
      - Statsig
      - VirusTotal
    version_added: 0.4.0
  registry:
    description:
      - Without O(connection_ids) and O(names), the connections that it knows are returned. Without it, all connections of the
        organisation are, where Datadog lists them.
notes:
  - The application key must be registered for the Actions API, and needs the permission C(connections_read).
  - Datadog never returns secrets. A token without C(value), and credentials without their secrets, mean to a task that those of
    the connection are kept.
  - Headers and URL parameters that seem to carry a credential in clear text have no C(value) either. A task wants one.
seealso:
  - module: tidyops.datadog.action_connection
  - module: tidyops.datadog.action_connections
"""

EXAMPLES = r"""
- name: Read all connections to AWS and GCP
  tidyops.datadog.action_connection_info:
    integrations:
      - AWS
      - GCP
  register: cloud

- name: Read one by its name
  tidyops.datadog.action_connection_info:
    names:
      - Production AWS
  register: production

- name: Say whether it is there
  ansible.builtin.debug:
    msg: "{{ 'It is missing.' if production.missing else production.connections[0].aws.assume_role.external_id }}"

- name: Give all of them back to a task, which finds them as they are
  tidyops.datadog.action_connections:
    connections: "{{ cloud.connections | map(attribute='options') }}"
"""

RETURN = r"""
connections:
  description:
    - The connections. Those that were asked for by id or name come in that order, others by their names.
  returned: success
  type: list
  elements: dict
  contains:
    connection_id:
      description: The connection's UUID.
      type: str
    name:
      description: The connection's name.
      type: str
    created_at:
      description: When the connection was created, in ISO 8601, or V(none) where Datadog does not tell.
      type: str
    last_updated:
      description: When the connection was changed last, in ISO 8601, or V(none) where Datadog does not tell.
      type: str
    created_by:
      description: The UUID of the user who created the connection, or V(none) where Datadog does not tell.
      type: str
    options:
      description:
        - What a task would be given to get this connection. V(none) for an integration that this collection does not know.
        - With its C(connection_id) where several of the connections that are returned have its name.
      type: dict
  sample:
    - connection_id: 3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04
      name: Production AWS
      aws:
        assume_role:
          account_id: "123456789012"
          role: DatadogActions
          external_id: 33a1011635c44b38a064cf14e82e1d8f
          principal_id: "464622532012"
      created_at: "2026-07-13T13:25:37.434600Z"
      last_updated: "2026-07-13T13:25:37.434600Z"
      created_by: 7a1ba5e7-6a3c-4e3a-9f2e-0f1f8a2d3c4b
      options:
        name: Production AWS
        aws:
          assume_role:
            account_id: "123456789012"
            role: DatadogActions
missing:
  description: The ids and names that were asked for and do not exist.
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
      detail: "this action requires the connections_read permission"
      pointer: ""
"""

from ansible_collections.tidyops.datadog.plugins.module_utils._action_connection_info import (
    ARGUMENT_SPEC,
    action_connections,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._directory import FORBIDDEN
from ansible_collections.tidyops.datadog.plugins.module_utils._module import inform


def main() -> None:
    inform(ARGUMENT_SPEC, action_connections, FORBIDDEN)


if __name__ == "__main__":
    main()
