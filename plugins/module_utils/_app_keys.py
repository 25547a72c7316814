# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registration of application keys for the Actions API."""

from __future__ import annotations

import re
import typing as t

from ._client import UUID, Client, Json
from ._errors import DatadogError, OptionError
from ._module import DatadogModule
from ._reconcile import Plan, Resource

PATH = "/api/v2/actions/app_key_registrations"

ARGUMENT_SPEC: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "app_key_id": {"type": "str", "required": True, "no_log": False},
}
INFO_ARGUMENT_SPEC: dict[str, t.Any] = {"app_key_ids": {"type": "list", "elements": "str", "no_log": False}}


class AppKeyRegistration(Resource[bool]):
    """The registration of one application key. What is observed is whether it exists. :raises OptionError: for bad input."""

    def __init__(self, client: Client, params: Json) -> None:
        super().__init__()
        self._client = client
        self._key_id = _checked_id("app_key_id", params["app_key_id"])
        self._is_wanted: bool = params["state"] == "present"

    def observe(self) -> None:
        self.observed = _is_registered(self._client, self._key_id)

    def decide(self) -> Plan:
        shown = {"app_key_id": self._key_id}
        operation = "none" if self.observed == self._is_wanted else "create" if self._is_wanted else "delete"
        after = shown if self._is_wanted else {}
        return Plan(operation, shown if self.observed else {}, after, result={"app_key_registration": after or None})

    def apply(self) -> None:
        key_id, is_wanted = self._key_id, self._is_wanted
        path = f"{PATH}/{key_id}"
        try:
            if is_wanted:
                # For a key that does not exist Datadog answers 500, so more retries would only take time.
                self._client.call(
                    "PUT", path, f"register the application key {key_id}", retries=min(self._client.retries, 1)
                )
            else:
                self._client.delete(path, f"remove the registration of the application key {key_id}")
        except DatadogError as exc:
            if exc.status == 500 and is_wanted:
                exc.remedy = f"Check that there is an application key {key_id} in this organization."
            # What is refused may have been done already, by the first of two attempts or by another run.
            is_refused = exc.status is not None and 400 <= exc.status < 500
            if not is_refused or _is_registered(self._client, key_id) != is_wanted:
                raise
        self.done.append(f"{'registered' if is_wanted else 'removed'} {key_id}")


def app_key_registrations(client: Client, module: DatadogModule) -> Json:
    """What the info module returns. :raises OptionError: for bad input."""
    wanted, missing = module.params["app_key_ids"], []
    if wanted is None:
        doing = "list the registrations of application keys"
        rows = client.pages(PATH, doing, {}, "total_filtered")
        found = sorted(row["id"].lower() for row in rows)
    else:
        ids = list(dict.fromkeys(_checked_id(f"app_key_ids[{index}]", each) for index, each in enumerate(wanted)))
        found = [each for each in ids if _is_registered(client, each)]
        missing = [each for each in ids if each not in found]
    return {"app_key_registrations": [{"app_key_id": each} for each in found], "missing": missing}


def _checked_id(path: str, app_key_id: str) -> str:
    if UUID.fullmatch(app_key_id):
        return app_key_id.lower()
    problem = "must be the id of an application key, a UUID like 0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d"
    if re.fullmatch(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|dd[a-z]+_\S+", app_key_id):
        problem += (
            "; the value looks like the key itself, which is a secret. Find the Key ID in Datadog, under Organization"
            " Settings, Application Keys"
        )
    raise OptionError((path, problem))


def _is_registered(client: Client, app_key_id: str) -> bool:
    doing = f"look up the registration of the application key {app_key_id}"
    return client.find(f"{PATH}/{app_key_id}", doing) is not None
