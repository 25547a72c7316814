# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the option that modules with a registry share."""

    # Where the IDs of connections and the fingerprints of secrets are recorded
    DOCUMENTATION = r"""
options:
  registry:
    description:
      - Where the module records the ID of each connection under its name, with fingerprints of the secrets that it sent. A
        registry contains no secrets.
      - This is either the path of a JSON file, or C(datastore:) followed by the UUID of a Datadog Actions datastore.
      - A file is created when there is something to record. Its directory must exist. Prefer an absolute path. The file can be
        committed to git.
      - A datastore must exist. Use one in ephemeral execution environments, such as those of AWX, or when several hosts share
        the registry. It requires the permissions C(apps_datastore_read) and C(apps_datastore_write). Datastores are supported
        since tidyops.datadog 1.1.0.
      - With a registry, the module finds connections by name, sends secrets when they have changed, and detects changes that
        were made elsewhere. Without one, finding a connection by name requires Datadog's list of connections, which is not part
        of Datadog's released API specification and not available to every organization.
      - A connection that neither the registry nor the list contains is assumed not to exist. If there is no list, a warning says
        so.
      - A registry belongs to one Datadog site and one organization. The module fails if the task uses another site. With a file, it
        also fails if the keys belong to another organization. It checks this before it creates a connection, before it records
        one that the registry does not contain, and before it concludes that one was deleted.
      - Several runs can use a registry at the same time. If another run is creating the connection, the module waits for up to
        O(timeout) seconds. If another run has changed the entry in the meantime, the module fails. In this case, run the task
        again.
      - If not specified, the module falls back to the environment variable E(DD_CONNECTION_REGISTRY).
      - See R(the guide to the registry, ansible_collections.tidyops.datadog.docsite.guide_registry).
    type: path
"""
