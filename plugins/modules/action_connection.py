#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: action_connection
short_description: Keep an action connection of Datadog
version_added: 0.1.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Creates, updates and deletes one action connection, which is a set of credentials with which Datadog's Workflow
    Automation and App Builder reach another system.
  - A task has one key for the integration, inside it one key for the kind of credentials, and inside that their fields.
  - What a task leaves out is left alone. A list that it gives (tokens, headers, URL parameters) is the whole list.
extends_documentation_fragment:
  - tidyops.datadog.attributes
  - tidyops.datadog.attributes.actiongroup_registry
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
  - tidyops.datadog.registry
  - tidyops.datadog.integrations
attributes:
  idempotent:
    support: partial
    details:
      - With O(update_secrets=always) and with O(aws.assume_role.generate_new_external_id=true) every run changes something,
        as asked.
options:
  state:
    description:
      - Whether the connection is to exist.
    type: str
    choices:
      - present
      - absent
    default: present
    version_added: 0.1.0
  name:
    description:
      - The name of the connection. Without O(connection_id) it tells which connection is meant, and must match exactly. It is
        looked up in O(registry) first, and then in Datadog's list of the organisation's connections.
      - Datadog does not keep names unique. If several connections have the name, and O(registry) does not know which one is
        meant, the module fails and names their ids.
      - With O(connection_id) it is the name that the connection is to have.
      - One of O(name) and O(connection_id) is required.
    type: str
    version_added: 0.1.0
  connection_id:
    description:
      - The UUID of an existing connection. It beats what O(registry) knows of O(name), and is recorded there.
      - This or O(registry) is required where Datadog does not list the organisation's connections, because that list is a
        preview. Without either, nothing tells whether a connection of O(name) exists, so that none is created.
    type: str
    version_added: 0.1.0
  update_secrets:
    description:
      - What happens to the secrets of a connection that exists. Datadog never returns them.
      - V(on_change) sends the secrets that differ from those last sent, according to the fingerprints in O(registry). For a
        connection that is new to the registry it sends all of them. Without a registry it sends none, and a warning says that
        they could not be compared.
      - V(always) sends them with every run, and every run reports a change.
      - V(on_create) sends them to a new connection only, without a warning.
    type: str
    choices:
      - on_change
      - always
      - on_create
    default: on_change
    version_added: 0.1.0
  allow_replace:
    description:
      - Datadog cannot change the integration or the kind of credentials of a connection. If they differ, the module fails,
        or, with this option, creates a new connection and then deletes the former one.
      - The new connection has a new id, and for AWS a new external ID. Workflows, apps and trust policies that use the
        former ones need the new ones.
    type: bool
    default: false
    version_added: 0.1.0
notes:
  - The application key must be registered for the Actions API, and needs the permissions C(connections_read) and
    C(connections_write).
  - In headers, URL parameters and the body of an HTTP connection, C({{ name }}) refers to a token of the connection. In a
    playbook the same braces are Jinja, so mark such texts with YAML's tag C(!unsafe).
  - Headers and URL parameters of an HTTP connection are stored and returned by Datadog in clear text. If one of them seems to
    carry a credential, because of its name or its scheme and without a reference to a token, the module warns, and leaves
    its value out of everything that it returns.
  - After a connection was created, the module looks whether another run created one of the same name at the same time. Of
    two, the earlier one is kept, and the other one is deleted by the run that made it.
seealso:
  - name: The registry
    description: A guide. What its fingerprints reveal, and how to adopt existing connections.
    link: https://github.com/tidyops/ansible-collection-datadog/blob/main/docs/docsite/rst/guide_registry.rst
  - module: tidyops.datadog.team_connection
  - name: Action connections in Datadog's API reference
    description: The API that this module drives.
    link: https://docs.datadoghq.com/api/latest/action-connection/
  - name: Connections in Datadog's documentation
    description: What connections are for, and who may use them.
    link: https://docs.datadoghq.com/actions/connections/
"""

EXAMPLES = r"""
- name: Let Datadog assume a role in AWS
  tidyops.datadog.action_connection:
    name: Production AWS
    aws:
      assume_role:
        account_id: "123456789012"
        role: DatadogActions
  register: aws_connection

- name: Show what the trust policy of the role needs
  ansible.builtin.debug:
    msg: "The external ID is {{ aws_connection.connection.aws.assume_role.external_id }}"

- name: An HTTP API with two tokens, a header and a body that refer to them
  tidyops.datadog.action_connection:
    name: Ticket system
    http:
      base_url: https://tickets.example.com/api
      token_auth:
        tokens:
          - name: accessToken
            value: "{{ tickets_access_token }}"
          - name: signature
            value: "{{ tickets_signature }}"
        headers:
          - name: Authorization
            value: !unsafe "Bearer {{ accessToken }}"
        body:
          content: !unsafe '{"signature": "{{ signature }}"}'
          content_type: application/json

- name: With a registry, send a token when it has changed
  tidyops.datadog.action_connection:
    name: GitLab
    registry: "{{ playbook_dir }}/datadog-connections.json"
    gitlab:
      api_key:
        api_token: "{{ gitlab_token }}"

- name: Without a registry, send it when the task is run
  tidyops.datadog.action_connection:
    name: GitLab
    update_secrets: always
    gitlab:
      api_key:
        api_token: "{{ new_gitlab_token }}"

- name: Rename a connection, and leave its credentials alone
  tidyops.datadog.action_connection:
    connection_id: "{{ aws_connection.connection_id }}"
    name: Production AWS (Frankfurt)
    aws:
      assume_role: {}

- name: Move a connection from a global API key to an API token
  tidyops.datadog.action_connection:
    name: Cloudflare
    allow_replace: true
    cloudflare:
      api_token:
        api_token: "{{ cloudflare_api_token }}"

- name: Remove a connection
  tidyops.datadog.action_connection:
    name: Ticket system
    state: absent
"""

RETURN = r"""
connection:
  description:
    - The connection, in the shape of the options, with the fields that Datadog makes where Datadog has them. It holds no
      secrets. Tokens have no C(value).
    - V(none) after it was deleted. In check mode, the connection as it would be.
  returned: success
  type: dict
  contains:
    connection_id:
      description: The connection's UUID. V(none) if check mode foretells that it would be created.
      type: str
      sample: 3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04
    name:
      description: The connection's name.
      type: str
      sample: Production AWS
    created_at:
      description: When the connection was created, in ISO 8601, or V(none) where Datadog does not tell.
      type: str
      sample: "2026-07-13T13:25:37.434600Z"
    last_updated:
      description: When the connection was changed last, in ISO 8601, or V(none) where Datadog does not tell.
      type: str
      sample: "2026-07-13T13:25:37.434600Z"
    created_by:
      description: The UUID of the user who created the connection, or V(none) where Datadog does not tell.
      type: str
      sample: 7a1ba5e7-6a3c-4e3a-9f2e-0f1f8a2d3c4b
    aws:
      description: The integration, under the key that a task has for it. Here that of the sample.
      returned: when this is the connection's integration
      type: dict
      sample:
        assume_role:
          account_id: "123456789012"
          role: DatadogActions
          external_id: 33a1011635c44b38a064cf14e82e1d8f
          principal_id: "464622532012"
connection_id:
  description: The UUID of the connection that the task is about, also if it was deleted. V(none) if there is none.
  returned: success
  type: str
  sample: 3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04
drifted:
  description:
    - Whether somebody changed the connection elsewhere since O(registry) saw it last, as its C(last_updated) tells. A warning
      says so too. V(false) where that cannot be known.
  returned: success
  type: bool
  sample: false
operation:
  description:
    - What was done, or would be done in check mode.
  returned: success
  type: str
  choices:
    - none
    - create
    - update
    - replace
    - delete
  sample: update
diff:
  description:
    - The connection before and after, in the shape of the options. Empty where it does not exist.
  returned: success
  type: dict
  contains:
    before:
      description: What was there.
      type: dict
      sample:
        name: Production AWS
        aws:
          assume_role:
            account_id: "123456789012"
            role: DatadogActions
    after:
      description: What is there now.
      type: dict
      sample:
        name: Production AWS
        aws:
          assume_role:
            account_id: "123456789012"
            role: DatadogAutomation
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
    - title: Generic Error
      detail: "error getting connection: rpc error: code = NotFound desc = connection not found"
      pointer: ""
"""

from ansible_collections.tidyops.datadog.plugins.module_utils._action_connections import (
    ActionConnections,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._connection_tasks import (
    ARGUMENT_SPEC,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._module import run


def main() -> None:
    run(ARGUMENT_SPEC, ActionConnections.one)


if __name__ == "__main__":
    main()
