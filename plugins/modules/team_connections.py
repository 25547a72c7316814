#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: team_connections
short_description: Manage many Datadog team connections
version_added: 0.3.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Creates and deletes connections between many Datadog teams and GitHub teams in one task.
  - With O(purge), the module also deletes the connections that the task does not list.
  - The module reads and compares all connections before it writes the first one. If this fails for one of them, it writes none.
  - Connections are created and deleted in batches of 100. If Datadog refuses a batch, the module divides it, so that only the
    connections that Datadog refuses fail. Run the task again to do the rest.
  - See M(tidyops.datadog.team_connection) for a description of team connections.
extends_documentation_fragment:
  - tidyops.datadog.attributes
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
options:
  connections:
    description:
      - The connections. Each pair of O(connections[].team) and O(connections[].connected_team) must be unique in the list.
    type: list
    elements: dict
    required: true
    suboptions:
      team:
        description:
          - The Datadog team, as its UUID or its handle. The handle must match exactly.
        type: str
        required: true
      connected_team:
        description:
          - The GitHub team, in the form C(@organization/team). Case does not matter.
        type: str
        required: true
  state:
    description:
      - V(present) creates the connections that do not exist.
      - V(absent) deletes the connections that exist. If a team does not exist, there is nothing to
        delete.
    type: str
    choices:
      - present
      - absent
    default: present
  managed_by:
    description:
      - Who manages the connections, as free text, for example V(ansible). A connection for which this differs is deleted and
        created again.
      - If not specified, the value of existing connections is not changed, and Datadog sets the value of new connections.
    type: str
  purge:
    description:
      - Whether to delete the connections of O(source) that O(connections) does not list. If O(managed_by) is specified, only
        connections with the same value are deleted.
      - They are deleted first, because Datadog may allow only one connection per team.
      - Requires O(state=present).
    type: bool
    default: false
  allow_empty:
    description:
      - Whether O(connections) can be empty if O(purge=true), which deletes all connections of O(source) and O(managed_by). If
        V(false), the module fails in this case.
    type: bool
    default: false
    version_added: 2.0.0
  connected_team_type:
    description:
      - The type of the connected teams.
    type: str
    choices:
      - github_team
    default: github_team
  source:
    description:
      - The system that the connected teams are in.
    type: str
    choices:
      - github
    default: github
notes:
  - The application key must have the permissions C(teams_read) and C(teams_manage).
  - When a Datadog team is deleted, Datadog deletes its connections.
seealso:
  - module: tidyops.datadog.team_connection
  - module: tidyops.datadog.team_connection_info
  - name: Teams in Datadog's API reference
    description: The API that this module uses.
    link: https://docs.datadoghq.com/api/latest/teams/
"""

EXAMPLES = r"""
- name: Connect teams with GitHub teams
  tidyops.datadog.team_connections:
    connections:
      - team: platform
        connected_team: "@acme/platform"
      - team: platform
        connected_team: "@acme/platform-oncall"

- name: Use a dictionary, and delete the connections that Ansible manages and the dictionary no longer contains
  tidyops.datadog.team_connections:
    connections: "{{ github_teams | dict2items(key_name='team', value_name='connected_team') }}"
    managed_by: ansible
    purge: true
  vars:
    github_teams:
      platform: "@acme/platform"

- name: Delete connections
  tidyops.datadog.team_connections:
    connections:
      - team: platform
        connected_team: "@acme/platform-oncall"
    state: absent
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
    team:
      description: The Datadog team as in the task. The UUID of the team if O(purge) deletes the connection.
      type: str
    connected_team:
      description: The connected team.
      type: str
    operation:
      description: What the module did, or would do in check mode. V(none) if the connection failed or was skipped.
      type: str
      choices: [none, create, replace, delete]
    connection_id:
      description: The UUID of the connection. V(none) if there is none, or in check mode if the connection would be created.
      type: str
    connection:
      description:
        - The connection, see RV(tidyops.datadog.team_connection#module:connection). V(none) if it does not exist or was deleted.
      type: dict
    diff:
      description: The connection before and after, see RV(tidyops.datadog.team_connection#module:diff).
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
    - team: platform
      connected_team: "@acme/platform"
      operation: create
      connection_id: 12345678-1234-5678-9abc-123456789012
      connection:
        connection_id: 12345678-1234-5678-9abc-123456789012
        team: 87654321-4321-8765-dcba-210987654321
        team_handle: platform
        connected_team: "@acme/platform"
        connected_team_type: github_team
        source: github
        managed_by: ansible
      diff:
        before: {}
        after:
          team: platform
          connected_team: "@acme/platform"
          connected_team_type: github_team
          source: github
          managed_by: ansible
counts:
  description:
    - The number of connections for each operation, and of those that failed or were skipped. C(update) is always V(0).
  returned: success, and failure of single connections
  type: dict
  sample:
    none: 1998
    create: 2
    update: 0
    replace: 0
    delete: 0
    failed: 0
    skipped: 0
diff:
  description: The connections that changed and did not fail, before and after.
  returned: success, and failure of single connections
  type: list
  elements: dict
  contains:
    before_header:
      description: The teams and the operation.
      type: str
    after_header:
      description: The teams and the operation.
      type: str
    before:
      description: The connection before. Empty if it did not exist.
      type: dict
    after:
      description: The connection after. Empty if it does not exist.
      type: dict
  sample:
    - before_header: platform @acme/platform (create)
      after_header: platform @acme/platform (create)
      before: {}
      after:
        team: platform
        connected_team: "@acme/platform"
        connected_team_type: github_team
        source: github
        managed_by: ansible
http_status:
  description: The HTTP status of Datadog's response for the first connection that failed. V(none) if there was none.
  returned: failure of a request
  type: int
  sample: 409
errors:
  description: The errors in Datadog's response for the first connection that failed, with the C(pointer) to the part of the request that is wrong.
  returned: failure of a request
  type: list
  elements: dict
  sample:
    - title: Conflict
      detail: "failed to add team connections: one or more team attributes already exist"
      pointer: ""
"""

from ansible_collections.tidyops.datadog.plugins.module_utils._report import run
from ansible_collections.tidyops.datadog.plugins.module_utils._set_report import set_result_of
from ansible_collections.tidyops.datadog.plugins.module_utils._team_connection_sets import (
    SET_ARGUMENT_SPEC,
    TeamConnectionSet,
)


def main() -> None:
    run(SET_ARGUMENT_SPEC, TeamConnectionSet, set_result_of)


if __name__ == "__main__":
    main()
