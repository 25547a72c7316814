#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: team_connection
short_description: Keep the connection of a Datadog team with a GitHub team
version_added: 0.1.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Connects a team in Datadog with a team in GitHub, or removes such a connection.
  - A connection is told by its team, its connected team and its source. Datadog cannot change a connection, so one whose
    O(managed_by) differs is replaced.
extends_documentation_fragment:
  - tidyops.datadog.attributes
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
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
  team:
    description:
      - The Datadog team, by its UUID or its exact handle.
      - Required, unless a connection is removed by O(connection_id).
    type: str
    version_added: 0.1.0
  connected_team:
    description:
      - The external team, in the form C(@organization/team).
      - Required, unless a connection is removed by O(connection_id).
    type: str
    version_added: 0.1.0
  connected_team_type:
    description:
      - What kind of team the external team is.
    type: str
    choices:
      - github_team
    default: github_team
    version_added: 0.1.0
  source:
    description:
      - Where the external team comes from.
    type: str
    choices:
      - github
    default: github
    version_added: 0.1.0
  managed_by:
    description:
      - Who manages the connection, as free text, like V(ansible).
      - If it is given and differs, the connection is deleted and created again. If it is left out, it is left alone, and
        Datadog chooses it for a new connection.
    type: str
    version_added: 0.1.0
  connection_id:
    description:
      - The UUID of a connection to remove, with O(state=absent) and instead of O(team) and O(connected_team).
    type: str
    version_added: 0.1.0
notes:
  - The application key needs the permissions C(teams_read) and C(teams_manage).
  - Datadog offers this API as a preview.
  - Deleting a Datadog team removes its connections. A connection of a team that does not exist is absent.
seealso:
  - module: tidyops.datadog.action_connection
  - name: Teams in Datadog's API reference
    description: The API that this module drives.
    link: https://docs.datadoghq.com/api/latest/teams/
"""

EXAMPLES = r"""
- name: Connect a team with the GitHub team of the same name
  tidyops.datadog.team_connection:
    team: platform
    connected_team: "@acme/platform"

- name: The same, and mark who manages it
  tidyops.datadog.team_connection:
    team: platform
    connected_team: "@acme/platform"
    managed_by: ansible
  register: platform

- name: Remove a connection by its id
  tidyops.datadog.team_connection:
    connection_id: "{{ platform.connection_id }}"
    state: absent

- name: Remove a connection, whether it exists or not
  tidyops.datadog.team_connection:
    team: platform
    connected_team: "@acme/platform"
    state: absent
"""

RETURN = r"""
connection:
  description:
    - The connection. V(none) after it was deleted. In check mode, the connection as it would be.
  returned: success
  type: dict
  contains:
    connection_id:
      description: The connection's UUID. V(none) if check mode foretells that it would be created.
      type: str
      sample: 12345678-1234-5678-9abc-123456789012
    team:
      description: The UUID of the Datadog team.
      type: str
      sample: 87654321-4321-8765-dcba-210987654321
    connected_team:
      description: The external team.
      type: str
      sample: "@acme/platform"
    connected_team_type:
      description: What kind of team the external team is.
      type: str
      sample: github_team
    source:
      description: Where the external team comes from.
      type: str
      sample: github
    managed_by:
      description: Who manages the connection. V(none) if check mode foretells a connection for which Datadog would choose it.
      type: str
      sample: ansible
connection_id:
  description: The UUID of the connection that the task is about, also if it was deleted. V(none) if there is none.
  returned: success
  type: str
  sample: 12345678-1234-5678-9abc-123456789012
operation:
  description:
    - What was done, or would be done in check mode.
  returned: success
  type: str
  choices:
    - none
    - create
    - replace
    - delete
  sample: create
diff:
  description:
    - The connection before and after. Empty where it does not exist.
  returned: success
  type: dict
  contains:
    before:
      description: What was there.
      type: dict
      sample: {}
    after:
      description: What is there now.
      type: dict
      sample:
        team: 87654321-4321-8765-dcba-210987654321
        connected_team: "@acme/platform"
        connected_team_type: github_team
        source: github
        managed_by: ansible
http_status:
  description: The HTTP status of the answer that made the module fail, or V(none) if there was no answer.
  returned: failure of a request
  type: int
  sample: 409
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
    - title: Conflict
      detail: "failed to add team connections: one or more team attributes already exist"
      pointer: ""
"""

from ansible_collections.tidyops.datadog.plugins.module_utils._module import run
from ansible_collections.tidyops.datadog.plugins.module_utils._team_connections import (
    ARGUMENT_SPEC,
    TeamConnections,
)


def main() -> None:
    run(ARGUMENT_SPEC, TeamConnections.one)


if __name__ == "__main__":
    main()
