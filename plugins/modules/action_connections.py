#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: action_connections
short_description: Keep a set of action connections of Datadog
version_added: 0.3.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Does for many action connections in one task what M(tidyops.datadog.action_connection) does for one. The connections are
    read and written several at a time, and where Datadog lists the organisation's connections, all are read with the few
    requests that the list takes.
  - Nothing is written before all connections were read and compared, and only if none of them is refused.
  - If something fails after that, what was done is recorded and returned, and the error names what failed. The others are
    done all the same, unless they would meet the same, like an API key that is not accepted. The next run does the rest.
extends_documentation_fragment:
  - tidyops.datadog.attributes
  - tidyops.datadog.attributes.actiongroup_registry
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
  - tidyops.datadog.registry
  - tidyops.datadog.integrations.connections
attributes:
  idempotent:
    support: partial
    details:
      - With O(update_secrets=always) and with O(connections[].aws.assume_role.generate_new_external_id=true) every run changes
        something, as asked.
options:
  state:
    description:
      - Whether the connections are to exist.
    type: str
    choices:
      - present
      - absent
    default: present
    version_added: 0.3.0
  update_secrets:
    description:
      - What happens to the secrets of connections that exist. Datadog never returns them.
      - V(on_change) sends the secrets that differ from those last sent, according to the fingerprints in O(registry). For a
        connection that is new to the registry it sends all of them. Without a registry it sends none, and a warning says that
        they could not be compared.
      - V(always) sends them with every run, and every run reports a change.
      - V(on_create) sends them to new connections only, without a warning.
    type: str
    choices:
      - on_change
      - always
      - on_create
    default: on_change
    version_added: 0.3.0
  allow_replace:
    description:
      - Whether a connection whose integration or kind of credentials differs is replaced by a new one, with a new id.
        Otherwise the task fails before anything is written.
    type: bool
    default: false
    version_added: 0.3.0
  purge:
    description:
      - Whether connections that O(registry) knows and the task does not list are deleted.
      - A connection that the registry does not know is never deleted, whatever its name is. Nor is one that is listed under
        another name, by its id.
      - It is done last, and only if nothing has failed before.
      - Requires O(registry), and O(state=present). With an empty list, everything that the registry knows is deleted.
    type: bool
    default: false
    version_added: 0.3.0
  concurrency:
    description:
      - How many connections are read or written at the same time, from 1 to 32.
      - If Datadog's rate limit is used up, all of them wait until it resets.
    type: int
    default: 8
    version_added: 0.3.0
notes:
  - The application key must be registered for the Actions API, and needs the permissions C(connections_read) and
    C(connections_write).
  - With C(no_log) on a task that loops, a failure cannot be read. A set needs neither the loop nor C(no_log), because the module
    returns no secret.
  - All that M(tidyops.datadog.action_connection) says about names, registry, secrets, HTTP connections and other runs at the
    same time holds here, too.
seealso:
  - module: tidyops.datadog.action_connection
  - name: The registry
    description: A guide. What its fingerprints reveal, and how to adopt existing connections.
    link: https://github.com/tidyops/ansible-collection-datadog/blob/main/docs/docsite/rst/guide_registry.rst
  - name: Action connections in Datadog's API reference
    description: The API that this module drives.
    link: https://docs.datadoghq.com/api/latest/action-connection/
"""

EXAMPLES = r"""
- name: Keep what the team needs, and nothing else that was kept before
  tidyops.datadog.action_connections:
    registry: "{{ playbook_dir }}/datadog-connections.json"
    purge: true
    connections:
      - name: Production AWS
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

- name: Look what would change, and what was changed elsewhere
  tidyops.datadog.action_connections:
    registry: "{{ playbook_dir }}/datadog-connections.json"
    connections:
      - name: Production AWS
        aws:
          assume_role:
            role: DatadogAutomation
      - name: GitLab
        gitlab:
          api_key: {}
  check_mode: true
  diff: true
  register: foretold

- name: Name what was changed elsewhere
  ansible.builtin.debug:
    msg: "{{ foretold.connections | selectattr('drifted') | map(attribute='name') }}"

- name: Remove some, by name
  tidyops.datadog.action_connections:
    registry: "{{ playbook_dir }}/datadog-connections.json"
    state: absent
    connections:
      - name: GitLab
      - name: Ticket system
"""

RETURN = r"""
connections:
  description:
    - What was done with each connection, or would be done in check mode. Those of the task in its order, then those that were
      purged.
    - Returned by a task that failed, too, unless what failed concerns the task as a whole and nothing was written.
  returned: success, and failure of some connections
  type: list
  elements: dict
  contains:
    name:
      description: The name that the task has for it. V(none) if it has only an id.
      type: str
    operation:
      description: What was done, or would be done in check mode. V(none) also for one that failed or was not begun.
      type: str
      choices:
        - none
        - create
        - update
        - replace
        - delete
    connection_id:
      description: The UUID. V(none) if check mode foretells that it would be created, or if there is none.
      type: str
    connection:
      description:
        - The connection, as RV(tidyops.datadog.action_connection#module:connection). V(none) after it was deleted.
      type: dict
    drifted:
      description: Whether somebody changed the connection elsewhere since O(registry) saw it last.
      returned: if it did not fail
      type: bool
    diff:
      description: The connection C(before) and C(after), as RV(tidyops.datadog.action_connection#module:diff).
      returned: if it changes
      type: dict
    failed:
      description: V(true) if it failed.
      returned: if it failed
      type: bool
    skipped:
      description: V(true) if it was not begun, since another one failed.
      returned: if it was not begun
      type: bool
    msg:
      description: Why it failed or was not begun.
      returned: if it failed or was not begun
      type: str
  sample:
    - name: Production AWS
      operation: create
      connection_id: 3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04
      connection:
        connection_id: 3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04
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
      drifted: false
      diff:
        before: {}
        after:
          name: Production AWS
          aws:
            assume_role:
              account_id: "123456789012"
              role: DatadogActions
diff:
  description:
    - The connections that change, before and after, in the shape of the options. Empty where one does not exist.
  returned: success, and failure after something was done
  type: list
  elements: dict
  contains:
    before_header:
      description: The name of the connection and what is done with it.
      type: str
    after_header:
      description: The same.
      type: str
    before:
      description: What was there.
      type: dict
    after:
      description: What is there now.
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
counts:
  description: How many connections ended in which way. C(skipped) are those that were not begun because others failed.
  returned: with C(-v) and above
  type: dict
  sample:
    none: 97
    create: 1
    update: 2
    replace: 0
    delete: 0
    failed: 0
    skipped: 0
seconds:
  description: How long the module has run.
  returned: with C(-v) and above
  type: float
  sample: 1.52
http_status:
  description: The HTTP status of the answer that made the first connection fail, or V(none) if there was no answer.
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
    SET_ARGUMENT_SPEC,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._module import run


def main() -> None:
    run(SET_ARGUMENT_SPEC, ActionConnections.of_set)


if __name__ == "__main__":
    main()
