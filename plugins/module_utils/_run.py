# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module that manages something, from its options to its report."""

from __future__ import annotations

import typing as t

from ._client import Client, Json
from ._errors import Failures
from ._module import DatadogModule
from ._reconcile import ResourceSet, reconcile
from ._report import AnyItem, result_of, warnings_of


def run(
    argument_spec: Json,
    resources: t.Callable[[Client, DatadogModule], ResourceSet[t.Any, t.Any]],
    report: t.Callable[[t.Sequence[AnyItem]], Json] = result_of,
) -> None:
    """The whole of a module: options, desired, observed, plan, apply, report.

    :param resources: what is to be managed, as the client and the module say, or raises OptionError.
    :param report: what the module returns; with C(msg) if anything failed.
    """
    module = DatadogModule(argument_spec)
    try:
        client = module.client()
        items = reconcile(resources(client, module), module.check_mode)
    except Failures as exc:
        module.fail(exc)
        return
    for warning in [*client.notes, *warnings_of(items)]:
        module.warn(warning)
    result = report(items)
    (module.fail_json if "msg" in result else module.exit_json)(**result)
