# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the option that modules with a registry share."""

    # Where the ids of connections and the fingerprints of secrets are kept
    DOCUMENTATION = r"""
options:
  registry:
    description:
      - What remembers the connections by their names, with fingerprints of the secrets that were sent. It holds no secret.
      - The path of a file, which is made when there is something to remember. A relative path begins where the module runs, so
        prefer an absolute one.
      - Or C(datastore:) and the UUID of one of Datadog's Actions datastores, which has to exist. Choose that where files do
        not last, as in containers, or where several hosts share a registry. It needs the permissions C(apps_datastore_read)
        and C(apps_datastore_write). Since 1.1.0.
      - With it a connection is found by its name without Datadog's list, which is a preview that not every organisation has; a
        secret that changed is sent, once; and a connection that somebody changed elsewhere is noticed.
      - In an organisation without that list, a connection whose name the registry does not know is taken not to exist, with a
        warning. So keep a file where it lasts.
      - Without it, the environment variable E(DD_CONNECTION_REGISTRY) of the host that runs the module is looked at.
      - A registry belongs to one Datadog site, and should belong to one organisation. It can be used by several runs at once,
        and a file can be kept in git. See R(the guide, ansible_collections.tidyops.datadog.docsite.guide_registry).
    type: path
    version_added: 0.2.0
"""
