#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: team_connection
short_description: Manage Datadog team connections
version_added: 0.1.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Creates and deletes the connection between a Datadog team and a GitHub team.
  - A connection is identified by its team, its connected team and its source. Datadog cannot update a connection. If
    O(managed_by) differs, the module deletes the connection and creates it again.
  - To manage many connections in one task, use M(tidyops.datadog.team_connections).
extends_documentation_fragment:
  - tidyops.datadog.attributes
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
options:
  team:
    description:
      - The Datadog team, as its UUID or its handle. The handle must match exactly.
      - Required, unless O(connection_id) is specified.
    type: str
  connected_team:
    description:
      - The GitHub team, in the form C(@organization/team). Case does not matter.
      - Required, unless O(connection_id) is specified.
    type: str
  state:
    description:
      - V(present) creates the connection.
      - V(absent) deletes the connection. If the team does not exist, there is nothing to delete.
    type: str
    choices:
      - present
      - absent
    default: present
  managed_by:
    description:
      - Who manages the connection, as free text, for example V(ansible).
      - If not specified, the value of an existing connection is not changed, and Datadog sets the value of a new connection.
    type: str
  connection_id:
    description:
      - The UUID of a connection to delete.
      - Requires O(state=absent). Mutually exclusive with O(team) and O(connected_team).
    type: str
  connected_team_type:
    description:
      - The type of the connected team.
    type: str
    choices:
      - github_team
    default: github_team
  source:
    description:
      - The system that the connected team is in.
    type: str
    choices:
      - github
    default: github
notes:
  - The application key must have the permissions C(teams_read) and C(teams_manage).
  - When a Datadog team is deleted, Datadog deletes its connections.
seealso:
  - module: tidyops.datadog.team_connections
  - module: tidyops.datadog.team_connection_info
  - name: Teams in Datadog's API reference
    description: The API that this module uses.
    link: https://docs.datadoghq.com/api/latest/teams/
"""

EXAMPLES = r"""
- name: Connect a team with the GitHub team of the same name
  tidyops.datadog.team_connection:
    team: platform
    connected_team: "@acme/platform"

- name: Specify who manages the connection
  tidyops.datadog.team_connection:
    team: platform
    connected_team: "@acme/platform"
    managed_by: ansible

- name: Delete a connection
  tidyops.datadog.team_connection:
    team: platform
    connected_team: "@acme/platform"
    state: absent

- name: Delete a connection by ID
  tidyops.datadog.team_connection:
    connection_id: 12345678-1234-5678-9abc-123456789012
    state: absent
"""

RETURN = r"""
connection:
  description:
    - The connection. In check mode, the connection as it would be.
    - V(none) if it does not exist or was deleted.
  returned: success, and failure after the connection was written
  type: dict
  contains:
    connection_id:
      description: The UUID of the connection. V(none) in check mode if the connection would be created.
      type: str
      sample: 12345678-1234-5678-9abc-123456789012
    team:
      description: The UUID of the Datadog team.
      type: str
      sample: 87654321-4321-8765-dcba-210987654321
    team_handle:
      description: The handle of the Datadog team. V(none) if unknown, for example if the task specifies the UUID.
      type: str
      sample: platform
    connected_team:
      description: The connected team.
      type: str
      sample: "@acme/platform"
    connected_team_type:
      description: The type of the connected team.
      type: str
      sample: github_team
    source:
      description: The system that the connected team is in.
      type: str
      sample: github
    managed_by:
      description: Who manages the connection. V(none) in check mode if Datadog would set it.
      type: str
      sample: ansible
connection_id:
  description: The UUID of the connection, even if it was deleted. V(none) if there is none.
  returned: success, and failure after the connection was written
  type: str
  sample: 12345678-1234-5678-9abc-123456789012
operation:
  description: What the module did, or would do in check mode.
  returned: success
  type: str
  choices: [none, create, replace, delete]
  sample: create
diff:
  description: The connection before and after, with the handle of the team if known. Empty if it does not exist.
  returned: success
  type: dict
  contains:
    before:
      description: The connection before.
      type: dict
      sample: {}
    after:
      description: The connection after.
      type: dict
      sample:
        team: platform
        connected_team: "@acme/platform"
        connected_team_type: github_team
        source: github
        managed_by: ansible
http_status:
  description: The HTTP status of Datadog's response. V(none) if there was none.
  returned: failure of a request
  type: int
  sample: 409
errors:
  description: The errors in Datadog's response, with the C(pointer) to the part of the request that is wrong.
  returned: failure of a request
  type: list
  elements: dict
  sample:
    - title: Conflict
      detail: "failed to add team connections: one or more team attributes already exist"
      pointer: ""
"""

from ansible_collections.tidyops.datadog.plugins.module_utils._report import run
from ansible_collections.tidyops.datadog.plugins.module_utils._team_connections import (
    ARGUMENT_SPEC,
    TeamConnections,
)


def main() -> None:
    run(ARGUMENT_SPEC, TeamConnections.one)


if __name__ == "__main__":
    main()
