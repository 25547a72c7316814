#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: team_connections
short_description: Keep a set of connections of Datadog teams with GitHub teams
version_added: 0.3.0
author:
  - TidyOps contributors (@tidyops)
description:
  - Does for many team connections in one task what M(tidyops.datadog.team_connection) does for one. They are created and
    deleted in batches of 100, and read with as few requests as it takes, either all of them or those of the teams in question.
  - Nothing is written before all connections were read and compared, and only if none of them is refused.
  - If Datadog refuses a batch, halves of it are tried, so that only what is at fault fails. What was done is returned, and the
    error names what failed. The next run does the rest.
extends_documentation_fragment:
  - tidyops.datadog.attributes
  - tidyops.datadog.attributes.actiongroup_datadog
  - tidyops.datadog.api
options:
  connections:
    description:
      - The connections. No pair of O(connections[].team) and O(connections[].connected_team) may occur twice.
    type: list
    elements: dict
    required: true
    suboptions:
      team:
        description:
          - The Datadog team, by its UUID or its exact handle.
        type: str
        required: true
      connected_team:
        description:
          - The external team, in the form C(@organization/team).
        type: str
        required: true
    version_added: 0.3.0
  state:
    description:
      - Whether the connections are to exist.
    type: str
    choices:
      - present
      - absent
    default: present
    version_added: 0.3.0
  connected_team_type:
    description:
      - What kind of teams the external teams are.
    type: str
    choices:
      - github_team
    default: github_team
    version_added: 0.3.0
  source:
    description:
      - Where the external teams come from.
    type: str
    choices:
      - github
    default: github
    version_added: 0.3.0
  managed_by:
    description:
      - Who manages the connections, as free text, like V(ansible).
      - If it is given, connections for which it differs are deleted and created again. If it is left out, it is left alone,
        and Datadog chooses it for new connections.
    type: str
    version_added: 0.3.0
  purge:
    description:
      - Whether other connections are deleted. Only those of O(source) are, and if O(managed_by) is given, only those that are
        managed by it.
      - It is done first, because Datadog may allow a team one connection only.
      - Requires O(state=present). With an empty list, all connections of O(source) and O(managed_by) are deleted.
    type: bool
    default: false
    version_added: 0.3.0
notes:
  - The application key needs the permissions C(teams_read) and C(teams_manage).
  - Datadog offers this API as a preview.
  - Deleting a Datadog team removes its connections. A connection of a team that does not exist is absent.
seealso:
  - module: tidyops.datadog.team_connection
  - name: Teams in Datadog's API reference
    description: The API that this module drives.
    link: https://docs.datadoghq.com/api/latest/teams/
"""

EXAMPLES = r"""
- name: Connect teams with the GitHub teams of the same names
  tidyops.datadog.team_connections:
    connections:
      - team: platform
        connected_team: "@acme/platform"
      - team: sre
        connected_team: "@acme/sre"

- name: The same, from a list, and remove what this task has connected before and the list has no longer
  tidyops.datadog.team_connections:
    connections: "{{ pairs }}"
    managed_by: ansible
    purge: true
  vars:
    teams:
      - platform
      - sre
    pairs: >-
      {{ dict(teams | zip(teams | map('regex_replace', '^', '@acme/')))
         | dict2items(key_name='team', value_name='connected_team') }}
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
    team:
      description: The Datadog team, as in the task. For a connection that is purged, its UUID.
      type: str
    connected_team:
      description: The external team.
      type: str
    operation:
      description: What was done, or would be done in check mode. V(none) also for one that failed or was not begun.
      type: str
      choices:
        - none
        - create
        - replace
        - delete
    connection_id:
      description: The UUID. V(none) if check mode foretells that it would be created, or if there is none.
      type: str
    connection:
      description: The connection, as RV(tidyops.datadog.team_connection#module:connection). V(none) after it was deleted.
      type: dict
    diff:
      description: The connection C(before) and C(after), as RV(tidyops.datadog.team_connection#module:diff).
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
    - team: platform
      connected_team: "@acme/platform"
      operation: create
      connection_id: 12345678-1234-5678-9abc-123456789012
      connection:
        connection_id: 12345678-1234-5678-9abc-123456789012
        team: 87654321-4321-8765-dcba-210987654321
        connected_team: "@acme/platform"
        connected_team_type: github_team
        source: github
        managed_by: ansible
      diff:
        before: {}
        after:
          team: 87654321-4321-8765-dcba-210987654321
          connected_team: "@acme/platform"
          connected_team_type: github_team
          source: github
          managed_by: ansible
diff:
  description:
    - The connections that change, before and after. Empty where one does not exist.
  returned: success, and failure after something was done
  type: list
  elements: dict
  contains:
    before_header:
      description: The teams and what is done with their connection.
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
    - before_header: platform @acme/platform (create)
      after_header: platform @acme/platform (create)
      before: {}
      after:
        team: 87654321-4321-8765-dcba-210987654321
        connected_team: "@acme/platform"
        connected_team_type: github_team
        source: github
        managed_by: ansible
counts:
  description:
    - How many connections ended in which way. C(skipped) are those that were not begun because others failed. C(update) is for
      other modules.
  returned: with C(-v) and above
  type: dict
  sample:
    none: 1998
    create: 2
    update: 0
    replace: 0
    delete: 0
    failed: 0
    skipped: 0
seconds:
  description: How long the module has run.
  returned: with C(-v) and above
  type: float
  sample: 2.04
http_status:
  description: The HTTP status of the answer that made the first connection fail, or V(none) if there was no answer.
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
    SET_ARGUMENT_SPEC,
    TeamConnections,
)


def main() -> None:
    run(SET_ARGUMENT_SPEC, TeamConnections.of_set)


if __name__ == "__main__":
    main()
