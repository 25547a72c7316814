#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: team_connection_info
short_description: Read connections of Datadog teams with external teams
version_added: 0.4.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Returns team connections, all of them or those that pass every filter that is given.
extends_documentation_fragment:
  - tidyops.datadog.attributes.info_module
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
options:
  teams:
    description:
      - Datadog teams, by their UUIDs or exact handles.
    type: list
    elements: str
    version_added: 0.4.0
  connected_teams:
    description:
      - External teams, in the form C(@organization/team).
    type: list
    elements: str
    version_added: 0.4.0
  sources:
    description:
      - Where the external teams come from.
    type: list
    elements: str
    choices:
      - github
      - scim
      - servicenow
    version_added: 0.4.0
  connection_ids:
    description:
      - UUIDs of connections.
    type: list
    elements: str
    version_added: 0.4.0
notes:
  - The application key needs the permission C(teams_read).
  - Datadog offers this API as a preview.
seealso:
  - module: tidyops.datadog.team_connection
  - module: tidyops.datadog.team_connections
"""

EXAMPLES = r"""
- name: See which external teams a team is connected with
  tidyops.datadog.team_connection_info:
    teams:
      - platform
  register: platform

- name: Read all connections with GitHub
  tidyops.datadog.team_connection_info:
    sources:
      - github
"""

RETURN = r"""
connections:
  description: The connections, by their external teams.
  returned: success
  type: list
  elements: dict
  contains:
    connection_id:
      description: The connection's UUID.
      type: str
    team:
      description: The UUID of the Datadog team.
      type: str
    connected_team:
      description: The external team.
      type: str
    connected_team_type:
      description: What kind of team the external team is.
      type: str
    source:
      description: Where the external team comes from.
      type: str
    managed_by:
      description: Who manages the connection.
      type: str
  sample:
    - connection_id: 12345678-1234-5678-9abc-123456789012
      team: 87654321-4321-8765-dcba-210987654321
      connected_team: "@acme/platform"
      connected_team_type: github_team
      source: github
      managed_by: ansible
missing:
  description: The teams, external teams and ids that were asked for, and have none of the connections that are returned.
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
      detail: "this action requires the teams_read permission"
      pointer: ""
"""

from ansible_collections.tidyops.datadog.plugins.module_utils._module import inform
from ansible_collections.tidyops.datadog.plugins.module_utils._team_connection_info import (
    ARGUMENT_SPEC,
    team_connections,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._team_connections import FORBIDDEN


def main() -> None:
    inform(ARGUMENT_SPEC, team_connections, FORBIDDEN)


if __name__ == "__main__":
    main()
