# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opens registries. A task imports only the backend that it uses."""

# pylint: disable=import-outside-toplevel

from __future__ import annotations

from ansible_collections.tidyops.datadog.plugins.module_utils._client import UUID, Client, site_of
from ansible_collections.tidyops.datadog.plugins.module_utils._errors import OptionError

from .base import DATASTORE, Registry

EXAMPLE = "datastore:3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"


def open_registry(given: str | None, client: Client, option: str = "registry") -> Registry:
    """The registry that a task names. Nothing is read yet."""
    if given is None:
        return Registry()
    site, last = site_of(client.base_url), given.rsplit("/", 1)[-1].strip()
    if given.strip().lower().startswith(DATASTORE):
        # A slip is not taken for the name of a file.
        datastore_id = given[len(DATASTORE) :] if given.startswith(DATASTORE) else ""
        if not UUID.fullmatch(datastore_id):
            raise OptionError((option, f"must name a datastore by its UUID, like {EXAMPLE}"))
        from .datastore import DatastoreRegistry

        return DatastoreRegistry(datastore_id.lower(), client, site)
    if UUID.fullmatch(last):
        raise OptionError((option, f"is a UUID; write {DATASTORE}{last} for a datastore"))
    if not last or "\0" in given or last.lower() in ("true", "false", "yes", "no"):
        raise OptionError((option, f"must be the path of a file, or a datastore like {EXAMPLE}"))
    from .file import FileRegistry

    return FileRegistry(given, site)
