# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The action connections that a task is about: one, or a set."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import typing as t
from dataclasses import replace

from ansible_collections.tidyops.datadog.plugins.module_utils._action_connection import (
    ActionConnection,
    Finish,
    Observation,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._client import Client
from ansible_collections.tidyops.datadog.plugins.module_utils._connection_tasks import (
    Desired,
    desired_set,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._directory import (
    FORBIDDEN,
    Directory,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._fingerprints import (
    fingerprint,
    is_granted,
    matches,
    take_for_granted,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import (
    Refusal,
    Resource,
    Resources,
    Step,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._registry import (
    Entry,
    RegistryError,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._registry_homes import open_registry

#: By the names of connections: path, fingerprint and value of each secret.
Secrets = dict[str, list[tuple[str, str, str]]]


class SurplusConnection(ActionConnection):
    """A connection that the registry knows and a set does not list: it is to go.

    :ivar listed: the ids of those that the set lists. Whatever the registry says, they stay.
    """

    listed: t.Container[str] = ()

    def observe(self) -> Observation:
        name = self.desired.name
        doing = f"find {self.desired.title}"
        stored = self._registry.entry(name)
        if stored and stored.creating:
            left = (
                f"{self.desired.title[0].upper()}{self.desired.title[1:]}, which the task does not list, was not purged: the"
                f" {self._registry.title} says that a run creates it, or was interrupted, so its id is not known. Ways out:"
                " run the task that keeps it; or remove it by name."
            )
            return Observation(None, name, None, None, warnings=(left,))
        known = self._observe_stored(name, stored, doing) if stored else None
        if known and known.connection and known.connection.connection_id in self.listed:
            return Observation(None, name, stored, stored)
        if known and known.former and known.former.connection_id in self.listed:
            return replace(known, former=None)
        return known or Observation(None, name, stored, stored)


class ActionConnections(Resources):
    """What a task says of action connections: of one, or of a set.

    :param desired: what it says of each, by its place.
    :param registry: the option.
    """

    forbidden_hint = FORBIDDEN

    def __init__(
        self,
        client: Client,
        desired: t.Mapping[str, Desired],
        registry: str | None,
        workers: int = 1,
        purge: bool = False,
    ) -> None:
        self._client = client
        self._directory = Directory(client)
        self._registry = open_registry(registry, client)
        self._purge = purge
        super().__init__(
            (
                ActionConnection(each, client, self._directory, self._registry, place)
                for place, each in desired.items()
            ),
            workers,
        )

    @classmethod
    def one(cls, client: Client, params: t.Mapping[str, t.Any]) -> ActionConnections:
        """:raises OptionError: for bad input; so does of_set()."""
        return cls(client, {"": Desired.of(params)}, params["registry"])

    @classmethod
    def of_set(cls, client: Client, params: t.Mapping[str, t.Any]) -> ActionConnections:
        """What the options of a module for sets say."""
        return cls(
            client,
            desired_set(params),
            params["registry"],
            params["concurrency"],
            params["purge"],
        )

    def observe(self, steps: t.Sequence[Step]) -> None:
        if len(steps) > 1:
            self._registry.read_ahead([step.resource.desired.name for step in steps])
        # While Datadog is waited for, the processor has nothing else to do.
        comparing = threading.Thread(target=self._compare_secrets, args=[steps])
        comparing.start()
        try:
            self._observe(steps)
        finally:
            comparing.join()

    def _observe(self, steps: t.Sequence[Step]) -> None:
        if len(steps) > 1:
            ids = [step.resource.known_id() for step in steps]
            # The list takes fewer requests than reading each connection, or is needed to find some.
            most_pages = len(ids) - 1 if all(ids) else None
            self._directory.read_ahead(f"find {len(ids)} action connections", most_pages)

        def observe(step: Step) -> None:
            step.observed = step.resource.observe()

        self.each(steps, observe)

    def _compare_secrets(self, steps: t.Sequence[Step]) -> None:
        """Compare the secrets with those that were sent last, as far as that takes one slow computation.

        If those of a set are not all the same, each is compared by itself later. So is what cannot be compared yet.
        """
        with contextlib.suppress(RegistryError):
            secrets = self._secrets(
                (*known, step) for step in steps for known in [step.resource.known()] if known
            )
            recorded = self._registry.set_fingerprint(_key(secrets)) if len(secrets) > 1 else None
            pairs = [(text, secret) for each in secrets.values() for _path, text, secret in each]
            if len(secrets) == 1:
                matches(*pairs[0])
            elif recorded and matches(recorded, _together(secrets)):
                for text, secret in pairs:
                    take_for_granted(text, secret)

    def conclude(self, steps: t.Sequence[Step]) -> None:
        """Record the fingerprint of the set, if the registry had to be written anyway."""
        # It only saves time, so that whatever hinders it is no failure.
        with contextlib.suppress(RegistryError):
            kept = {
                step.plan.after["name"]: step
                for step in steps
                if step.resource.desired.compared_secrets()
            }
            if len(kept) < 2:
                return
            self._registry.read_ahead(kept)
            secrets = self._secrets(
                (name, entry, step)
                for name, step in kept.items()
                for entry in [self._registry.entry(name)]
                if entry
            )
            are_known = all(
                is_granted(text, secret)
                for pairs in secrets.values()
                for _path, text, secret in pairs
            )
            if len(secrets) > 1 and are_known:
                self._registry.put_set_fingerprint(_key(secrets), fingerprint(_together(secrets)))

    @staticmethod
    def _secrets(known: t.Iterable[tuple[str, Entry, Step]]) -> Secrets:
        """The secrets that a task gives, and the registry has fingerprints of.

        :param known: names and entries of the registry, each with what the task says of it.
        """
        found: Secrets = {}
        for name, entry, step in known:
            pairs = [
                (path, text, secret)
                for path, secret in sorted(step.resource.desired.compared_secrets().items())
                for text in [entry.secrets.get(path)]
                if text is not None
            ]
            if pairs:
                found[name] = pairs
        return found

    def check(self, steps: t.Sequence[Step]) -> None:
        known: dict[str, Step] = {}
        for step in steps:
            connection = step.observed.connection
            if not connection:
                continue
            other = known.setdefault(connection.connection_id, step)
            if other is not step:
                step.error = Refusal(
                    f"{other.resource.place} and {step.resource.place} mean the same action connection,"
                    f" {connection.connection_id} ({connection.name!r}). Way out: leave one of them out"
                )

    def surplus(self, steps: t.Sequence[Step]) -> list[Resource]:
        if not self._purge:
            return []
        names, ids = set(), {""}
        for step in steps:
            observed, desired = step.observed, step.resource.desired
            names |= {desired.name, observed.known_as}
            ids.add(desired.connection_id)
            ids |= {each.connection_id for each in (observed.connection, observed.former) if each}
        surplus: list[Resource] = []
        for name, entry in self._registry.content().entries.items():
            if name in names or (entry.connection_id in ids and not entry.creating):
                continue
            desired = Desired(name, "", "on_create", False, None)
            connection = SurplusConnection(desired, self._client, self._directory, self._registry)
            connection.listed = ids
            surplus.append(connection)
        return surplus

    def apply(self, steps: t.Sequence[Step]) -> None:
        finishes: dict[Step, Finish] = {}

        def write(step: Step) -> None:
            finish = step.resource.write(step.plan, step.observed)
            if step.plan.operation == "replace":
                # A run that is killed here leaves one connection too many, and not one of each replacement.
                self._directory.renew()
                step.result = finish()
            else:
                finishes[step] = finish

        def end(step: Step) -> None:
            step.result = finishes[step]()

        self._directory.renew()
        self.each(steps, write)
        # One look at the list serves all.
        self._directory.renew()
        self.each(list(finishes), end, regardless=True)
        self._directory.renew()
        self._registry.renew()


def _key(secrets: Secrets) -> str:
    """What tells a set from other sets: its names."""
    return hashlib.sha256(_canonical(sorted(secrets))).hexdigest()[:16]


def _together(secrets: Secrets) -> str:
    """What the fingerprint of a set is made of. With their fingerprints in it, it holds as long as these do."""
    return hashlib.sha256(_canonical(sorted(secrets.items()))).hexdigest()


def _canonical(value: t.Any) -> bytes:
    return json.dumps(value).encode("ascii")
