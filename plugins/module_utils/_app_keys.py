# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Application keys, and their registration for the Actions API."""

from __future__ import annotations

import re
import typing as t

from ._client import UUID, Client, Json
from ._errors import (
    DatadogError,
    OptionError,
)
from ._module import DatadogModule
from ._reconcile import (
    Item,
    Plan,
    Resource,
    ResourceSet,
)

PATH = "/api/v2/actions/app_key_registrations"
EXAMPLE_UUID = "0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d"

ARGUMENT_SPEC: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "app_key_id": {"type": "str", "required": True, "no_log": False},
}
INFO_ARGUMENT_SPEC: dict[str, t.Any] = {
    "app_key_ids": {"type": "list", "elements": "str", "no_log": False},
}


def checked_id(path: str, app_key_id: str) -> str:
    """:param path: of the option. :raises OptionError: where it is not the id of a key."""
    if UUID.fullmatch(app_key_id):
        return app_key_id.lower()
    problem = f"must be the id of an application key, a UUID like {EXAMPLE_UUID}"
    if re.fullmatch(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|dd[a-z]+_\S+", app_key_id):
        problem += (
            "; what was given looks like the key itself, which is a secret. Datadog shows the id as Key ID under Organization"
            " Settings, Application Keys"
        )
    raise OptionError((path, problem))


class AppKeyRegistration(Resource[bool]):
    """The registration of one application key. What is observed is whether it exists."""

    def __init__(self, app_key_id: str, state: str) -> None:
        super().__init__()
        self.app_key_id = app_key_id
        self.is_wanted = state == "present"

    @property
    def names(self) -> Json:
        return self._shown(True)

    def plan(self, observed: bool) -> Plan:
        operations = {(False, True): "create", (True, False): "delete"}
        operation = operations.get((observed, self.is_wanted), "none")
        return Plan(operation, self._shown(observed), self._shown(self.is_wanted))

    def predict_result(self, plan: Plan, observed: bool) -> Json:
        return {"app_key_registration": self._shown(self.is_wanted) or None}

    def _shown(self, exists: bool) -> Json:
        return {"app_key_id": self.app_key_id} if exists else {}


RegistrationItem = Item[AppKeyRegistration, bool]


class AppKeyRegistrations(ResourceSet[AppKeyRegistration, bool]):
    """The registration that a task is about."""

    def __init__(self, client: Client, registration: AppKeyRegistration) -> None:
        super().__init__([registration])
        self._client = client

    @classmethod
    def one(cls, client: Client, module: DatadogModule) -> AppKeyRegistrations:
        """:raises OptionError: for bad input."""
        app_key_id = checked_id("app_key_id", module.params["app_key_id"])
        return cls(client, AppKeyRegistration(app_key_id, module.params["state"]))

    def observe(self, items: t.Sequence[RegistrationItem]) -> None:
        for item in items:
            item.observed = is_registered(self._client, item.resource.app_key_id)

    def apply(self, items: t.Sequence[RegistrationItem]) -> None:
        self.each(items, self._apply)

    def _apply(self, item: RegistrationItem) -> None:
        key_id, is_wanted = item.resource.app_key_id, item.resource.is_wanted
        path = f"{PATH}/{key_id}"
        try:
            if is_wanted:
                # For a key that does not exist Datadog answers 500, which is not worth waiting for.
                retries = min(self._client.retries, 1)
                self._client.put(path, f"register the application key {key_id}", retries)
            else:
                self._client.delete(path, f"remove the registration of the application key {key_id}")
        except DatadogError as exc:
            if exc.status == 500 and is_wanted:
                exc.remedy = f"Check that there is an application key {key_id} in this organization."
            # The first of two attempts may have done it; so may somebody else.
            is_refused = exc.status is not None and 400 <= exc.status < 500
            if not is_refused or is_registered(self._client, key_id) != is_wanted:
                raise
        item.done.append(f"{'registered' if is_wanted else 'removed'} {key_id}")


def is_registered(client: Client, app_key_id: str) -> bool:
    """Whether an application key may be used for the Actions API."""
    doing = f"look up the registration of the application key {app_key_id}"
    return client.find(f"{PATH}/{app_key_id}", doing) is not None


def app_key_registrations(client: Client, module: DatadogModule) -> Json:
    """What the info module returns. :raises OptionError: for bad input."""
    wanted = module.params["app_key_ids"]
    if wanted is None:
        rows = client.pages(
            PATH,
            "list the registrations of application keys",
            total=lambda meta: meta.get("total_filtered"),
        )
        found, missing = sorted(row["id"].lower() for row in rows), []
    else:
        ids = dict.fromkeys(checked_id(f"app_key_ids[{index}]", app_key_id) for index, app_key_id in enumerate(wanted))
        registered = {app_key_id: is_registered(client, app_key_id) for app_key_id in ids}
        found = [app_key_id for app_key_id, exists in registered.items() if exists]
        missing = [app_key_id for app_key_id, exists in registered.items() if not exists]
    return {
        "app_key_registrations": [{"app_key_id": app_key_id} for app_key_id in found],
        "missing": missing,
    }
