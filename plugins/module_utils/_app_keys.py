# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registration of application keys for the Actions API."""

from __future__ import annotations

import re
import typing as t

from ._client import UUID, Client, Json
from ._errors import DatadogError, OptionError
from ._module import DatadogModule
from ._reconcile import Item, Plan, Resource, ResourceSet

PATH = "/api/v2/actions/app_key_registrations"

ARGUMENT_SPEC: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "app_key_id": {"type": "str", "required": True, "no_log": False},
}
INFO_ARGUMENT_SPEC: dict[str, t.Any] = {"app_key_ids": {"type": "list", "elements": "str", "no_log": False}}


class AppKeyRegistration(Resource[bool]):
    """The registration of one application key. What is observed is whether it exists."""

    def __init__(self, app_key_id: str, is_wanted: bool) -> None:
        super().__init__()
        self.app_key_id = app_key_id
        self.is_wanted = is_wanted

    @property
    def names(self) -> Json:
        return {"app_key_id": self.app_key_id}

    def plan(self, observed: bool) -> Plan:
        operation = "none" if observed == self.is_wanted else "create" if self.is_wanted else "delete"
        return Plan(operation, self.names if observed else {}, self.names if self.is_wanted else {})

    def predict_result(self, plan: Plan, observed: bool) -> Json:
        return {"app_key_registration": plan.after or None}


RegistrationItem = Item[AppKeyRegistration, bool]


class AppKeyRegistrations(ResourceSet[AppKeyRegistration, bool]):
    """The one registration that a task is about."""

    def __init__(self, client: Client, registration: AppKeyRegistration) -> None:
        super().__init__([registration])
        self._client = client

    @classmethod
    def one(cls, client: Client, module: DatadogModule) -> AppKeyRegistrations:
        """:raises OptionError: for bad input."""
        app_key_id = _checked_id("app_key_id", module.params["app_key_id"])
        return cls(client, AppKeyRegistration(app_key_id, module.params["state"] == "present"))

    def observe(self, items: t.Sequence[RegistrationItem]) -> None:
        for item in items:
            item.observed = _is_registered(self._client, item.resource.app_key_id)

    def apply(self, items: t.Sequence[RegistrationItem]) -> None:
        self.each(items, self._apply)

    def _apply(self, item: RegistrationItem) -> None:
        key_id, is_wanted = item.resource.app_key_id, item.resource.is_wanted
        path = f"{PATH}/{key_id}"
        try:
            if is_wanted:
                # For a key that does not exist Datadog answers 500, so more retries would only take time.
                self._client.put(path, f"register the application key {key_id}", min(self._client.retries, 1))
            else:
                self._client.delete(path, f"remove the registration of the application key {key_id}")
        except DatadogError as exc:
            if exc.status == 500 and is_wanted:
                exc.remedy = f"Check that there is an application key {key_id} in this organization."
            # What is refused may have been done already, by the first of two attempts or by another run.
            is_refused = exc.status is not None and 400 <= exc.status < 500
            if not is_refused or _is_registered(self._client, key_id) != is_wanted:
                raise
        item.done.append(f"{'registered' if is_wanted else 'removed'} {key_id}")


def app_key_registrations(client: Client, module: DatadogModule) -> Json:
    """What the info module returns. :raises OptionError: for bad input."""
    wanted, missing = module.params["app_key_ids"], []
    if wanted is None:
        doing = "list the registrations of application keys"
        rows = client.pages(PATH, doing, total=lambda meta: meta.get("total_filtered"))
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
