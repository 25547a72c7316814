#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: team_connection_info
short_description: Retrieve information on Datadog team connections
version_added: 0.4.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Returns all team connections, or those that match every filter that is specified.
  - Each connection contains C(options), the options with which M(tidyops.datadog.team_connection) manages it as it is.
extends_documentation_fragment:
  - tidyops.datadog.attributes.info_module
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
options:
  teams:
    description:
      - Return only connections of these Datadog teams, as UUIDs or handles. Handles must match exactly.
    type: list
    elements: str
  connected_teams:
    description:
      - Return only connections with these teams, in the form C(@organization/team).
    type: list
    elements: str
  sources:
    description:
      - Return only connections with teams in these systems.
    type: list
    elements: str
    choices:
      - github
      - scim
      - servicenow
  connection_ids:
    description:
      - Return only connections with these UUIDs.
    type: list
    elements: str
notes:
  - The application key must have the permission C(teams_read).
seealso:
  - module: tidyops.datadog.team_connection
  - module: tidyops.datadog.team_connections
  - name: Teams in Datadog's API reference
    description: The API that this module uses.
    link: https://docs.datadoghq.com/api/latest/teams/
"""

EXAMPLES = r"""
- name: Retrieve the connections of a team
  tidyops.datadog.team_connection_info:
    teams:
      - platform
  register: platform

- name: Show which teams are connected with it
  ansible.builtin.debug:
    msg: "{{ platform.connections | map(attribute='connected_team') }}"

- name: Retrieve all connections with GitHub teams
  tidyops.datadog.team_connection_info:
    sources:
      - github
"""

RETURN = r"""
connections:
  description: The connections, sorted by connected team.
  returned: success
  type: list
  elements: dict
  contains:
    connection_id:
      description: The UUID of the connection.
      type: str
    team:
      description: The UUID of the Datadog team.
      type: str
    team_handle:
      description: The handle of the Datadog team. V(none) unless O(teams) contains it.
      type: str
    connected_team:
      description: The connected team.
      type: str
    connected_team_type:
      description: The type of the connected team.
      type: str
    source:
      description: The system that the connected team is in.
      type: str
    managed_by:
      description: Who manages the connection. V(none) if unknown.
      type: str
    options:
      description: The options for M(tidyops.datadog.team_connection), with the handle of the team if known.
      type: dict
  sample:
    - connection_id: 12345678-1234-5678-9abc-123456789012
      team: 87654321-4321-8765-dcba-210987654321
      team_handle: platform
      connected_team: "@acme/platform"
      connected_team_type: github_team
      source: github
      managed_by: ansible
      options:
        team: platform
        connected_team: "@acme/platform"
        connected_team_type: github_team
        source: github
        managed_by: ansible
missing:
  description: The requested teams, connected teams and IDs for which no connection is returned.
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
  sample:
    - title: Forbidden
      detail: "this action requires the teams_read permission"
      pointer: ""
"""

from ansible_collections.tidyops.datadog.plugins.module_utils._module import run_module
from ansible_collections.tidyops.datadog.plugins.module_utils._team_connection_info import (
    ARGUMENT_SPEC,
    team_connections,
)


def main() -> None:
    run_module(ARGUMENT_SPEC, team_connections)


if __name__ == "__main__":
    main()
