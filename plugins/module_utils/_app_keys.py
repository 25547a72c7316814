# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Application keys, and their registration for the Actions API."""

from __future__ import annotations

import typing as t

from ansible_collections.tidyops.datadog.plugins.module_utils._client import (
    UUID,
    Client,
    DatadogError,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import (
    OptionError,
    Plan,
    Resource,
    Resources,
    Step,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._secrets import looks_like_key

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
    """:param path: of the option. :raises OptionError: where it is no id of a key."""
    if UUID.fullmatch(app_key_id):
        return app_key_id.lower()
    if looks_like_key(app_key_id):
        problem = (
            "must be the id of an application key, a UUID; what was given looks like a key itself, which is a secret. Datadog"
            " shows the id as Key ID where it shows the key's name, under Organization Settings, Application Keys"
        )
    else:
        problem = f"must be the id of an application key, a UUID like {EXAMPLE_UUID}"
    raise OptionError((path, problem))


class AppKeyRegistration(Resource):
    """The registration of one application key.

    What is observed is whether it is there.
    """

    def __init__(self, app_key_id: str, state: str) -> None:
        super().__init__()
        self.app_key_id = app_key_id
        self.is_wanted = state == "present"

    @property
    def names(self) -> dict[str, t.Any]:
        return self._shown(True)

    def plan(self, observed: bool) -> Plan:
        operations = {(False, True): "create", (True, False): "delete"}
        return Plan(
            operations.get((observed, self.is_wanted), "none"),
            self._shown(observed),
            self._shown(self.is_wanted),
        )

    def foretell(self, plan: Plan, observed: bool) -> dict[str, t.Any]:
        return {"app_key_registration": self._shown(self.is_wanted) or None}

    def _shown(self, exists: bool) -> dict[str, t.Any]:
        return {"app_key_id": self.app_key_id} if exists else {}


class AppKeyRegistrations(Resources):
    """The registration that a task is about."""

    def __init__(self, client: Client, registration: AppKeyRegistration) -> None:
        super().__init__([registration])
        self._client = client

    @classmethod
    def one(cls, client: Client, params: t.Mapping[str, t.Any]) -> AppKeyRegistrations:
        """:raises OptionError: for bad input."""
        app_key_id = checked_id("app_key_id", params["app_key_id"])
        return cls(client, AppKeyRegistration(app_key_id, params["state"]))

    def observe(self, steps: t.Sequence[Step]) -> None:
        for step in steps:
            step.observed = is_registered(self._client, step.resource.app_key_id)

    def apply(self, steps: t.Sequence[Step]) -> None:
        self.each(steps, self._apply)

    def _apply(self, step: Step) -> None:
        registration = step.resource
        path = f"{PATH}/{registration.app_key_id}"
        try:
            if registration.is_wanted:
                self._client.put(path, f"register the application key {registration.app_key_id}")
            else:
                self._client.delete(
                    path,
                    f"remove the registration of the application key {registration.app_key_id}",
                )
        except DatadogError as exc:
            # The first of two attempts may have done it; so may somebody else.
            is_refused = exc.status is not None and 400 <= exc.status < 500
            if (
                not is_refused
                or is_registered(self._client, registration.app_key_id) != registration.is_wanted
            ):
                raise
        step.result = registration.foretell(step.plan, step.observed)


def is_registered(client: Client, app_key_id: str) -> bool:
    """Whether an application key may be used for the Actions API."""
    doing = f"look up the registration of the application key {app_key_id}"
    return client.find(f"{PATH}/{app_key_id}", doing) is not None


def app_key_registrations(client: Client, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What the info module returns. :raises OptionError: for bad input."""
    wanted = params["app_key_ids"]
    if wanted is None:
        rows = client.pages(
            PATH,
            "list the registrations of application keys",
            total=lambda meta: meta.get("total_filtered"),
        )
        found, missing = sorted(row["id"].lower() for row in rows), []
    else:
        ids = dict.fromkeys(
            checked_id(f"app_key_ids[{index}]", app_key_id)
            for index, app_key_id in enumerate(wanted)
        )
        registered = {app_key_id: is_registered(client, app_key_id) for app_key_id in ids}
        found = [app_key_id for app_key_id, exists in registered.items() if exists]
        missing = [app_key_id for app_key_id, exists in registered.items() if not exists]
    return {
        "app_key_registrations": [{"app_key_id": app_key_id} for app_key_id in found],
        "missing": missing,
    }
