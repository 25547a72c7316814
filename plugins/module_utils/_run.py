# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module that manages something, from its options to its report."""

from __future__ import annotations

import typing as t

from ._client import Client, Json
from ._errors import FAILURES
from ._module import DatadogModule
from ._reconcile import ResourceSet, reconcile
from ._report import AnyResource, result_of, warnings_of


def run(
    argument_spec: Json,
    managed: t.Callable[[Client, DatadogModule], ResourceSet[t.Any]],
    report: t.Callable[[t.Sequence[AnyResource]], Json] = result_of,
) -> None:
    """The whole of a module: options, desired, observed, plan, apply, report."""
    module = DatadogModule(argument_spec)
    try:
        client = module.client()
        resources = reconcile(managed(client, module), module.check_mode)
    except FAILURES as exc:
        module.fail(exc)
        return
    for warning in [*client.notes, *warnings_of(resources)]:
        module.warn(warning)
    result = report(resources)
    (module.fail_json if "msg" in result else module.exit_json)(**result)
