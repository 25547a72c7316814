# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Where registries are: in files, and in datastores."""

from __future__ import annotations

from ansible_collections.tidyops.datadog.plugins.module_utils._client import (
    LONGEST_WAIT,
    UUID,
    Client,
    site_of,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import OptionError
from ansible_collections.tidyops.datadog.plugins.module_utils._registry import (
    DATASTORE,
    NoRegistry,
    Registry,
)


def open_registry(given: str | None, client: Client, option: str = "registry") -> Registry:
    """The registry that a task names.

    The homes are imported here: a task has one of them, and an import takes its time.

    :param given: the path of a file, or C(datastore:) and the UUID of a datastore; None for no registry.
    :param option: what gives it.
    :raises OptionError: where it names none. Nothing is read yet.
    """
    if given is None:
        return NoRegistry()
    site = site_of(client.base_url)
    # As long as another run may write a connection of the same name.
    patience = client.longest_call + LONGEST_WAIT
    if given.strip().lower().startswith(DATASTORE):
        # A slip is not taken for the name of a file.
        datastore_id = given[len(DATASTORE) :] if given.startswith(DATASTORE) else ""
        if not UUID.fullmatch(datastore_id):
            raise OptionError(
                (
                    option,
                    "must name a datastore by its UUID, like datastore:3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04; names of"
                    " datastores are not unique",
                )
            )
        # pylint: disable-next=import-outside-toplevel
        from ansible_collections.tidyops.datadog.plugins.module_utils._datastore_registry import (
            DatastoreRegistry,
        )

        return DatastoreRegistry(datastore_id.lower(), client, site, patience)
    if not given.strip() or "\0" in given or given.endswith("/"):
        raise OptionError(
            (option, "must be the path of a file, or datastore: and the UUID of a datastore")
        )
    # pylint: disable-next=import-outside-toplevel
    from ansible_collections.tidyops.datadog.plugins.module_utils._file_registry import (
        FileRegistry,
    )

    return FileRegistry(given, site, patience)
