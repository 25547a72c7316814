# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module that manages something, from its options to its report."""

from __future__ import annotations

import typing as t

from ._client import Client, Json
from ._module import DatadogModule, run_module
from ._reconcile import ResourceSet, reconcile
from ._report import AnyResource, result_of, warnings_of


def run(
    argument_spec: Json,
    managed: t.Callable[[Client, DatadogModule], ResourceSet[t.Any]],
    report: t.Callable[[t.Sequence[AnyResource]], Json] = result_of,
) -> None:
    """The whole of a module: options, desired, observed, plan, apply, report."""

    def work(client: Client, module: DatadogModule) -> Json:
        resources = reconcile(managed(client, module), module.check_mode)
        return {**report(resources), "warnings": warnings_of(resources)}

    run_module(argument_spec, work)


def run_one(argument_spec: Json, resource: t.Callable[[Client, Json], AnyResource]) -> None:
    """The same for a module about one resource. :param resource: takes the options."""
    run(argument_spec, lambda client, module: ResourceSet([resource(client, module.params)]))
