# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections of every kind for tests: those of the example playbook, with secrets that are marked."""

from __future__ import annotations

import copy
import pathlib
import re
import typing as t

import yaml

PLAYBOOK = pathlib.Path(__file__).parents[2] / "docs" / "examples" / "all_connections.yml"
CANARY = "c4n4ry"
#: Failures after which it is unknown whether a request had its effect.
LOST_ANSWERS: list[dict[str, t.Any]] = [
    {"kind": "reset", "when": "after"},
    {"kind": "reset", "when": "before"},
    {"kind": "half"},
    {"kind": "empty"},
    {"kind": "status", "status": 502, "body": "html", "when": "after"},
]


class _Loader(yaml.SafeLoader):
    """Reads Ansible's C(!unsafe) as a plain text."""


def _plain_text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_constructor("!unsafe", _plain_text)


def secret(name: str) -> str:
    """A text that tests can search for, with all that may be written differently from what it is."""
    quoted = f"{CANARY}-{name} '{CANARY}' \"{CANARY}\"  \\ {CANARY} ü {CANARY}"
    if not name.startswith(("gcp", "tickets")):
        return quoted
    # Other beginnings of a key get a warning.
    head = "-----BEGIN PRIVATE KEY-----\n" if name.startswith("gcp") else ""
    return f"{head}{quoted}\n{CANARY}-line\n\t{CANARY}\n"


def _filled(value: t.Any) -> t.Any:
    """Fill in the playbook's variables: a text of its own for each secret, which tests can search for."""
    if isinstance(value, dict):
        return {key: _filled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item) for item in value]
    if isinstance(value, str):
        match = re.fullmatch(r"{{ secrets\.(\w+) }}", value)
        if match:
            return secret(match.group(1))
        return value.replace("{{ aws_role }}", "DatadogActions")
    return value


def _examples() -> dict[str, dict[str, t.Any]]:
    play = yaml.load(PLAYBOOK.read_text(), Loader=_Loader)[0]
    module = "tidyops.datadog.action_connection"
    tasks = [_filled(task[module]) for task in play["tasks"] if module in task]
    found = {}
    for task in tasks:
        del task["state"]
        integration = next(key for key in task if key != "name")
        credentials = next(key for key, value in task[integration].items() if isinstance(value, dict))
        found[f"{integration}.{credentials}"] = task
    return found


_EXAMPLES = _examples()
#: The path of every kind of credentials, like C(aws.assume_role).
KINDS = sorted(_EXAMPLES)


def example(kind: str) -> dict[str, t.Any]:
    """The options of a task that manages a connection of a kind, as a copy."""
    return copy.deepcopy(_EXAMPLES[kind])


def credentials_of(task: t.Mapping[str, t.Any], kind: str) -> dict[str, t.Any]:
    integration, credentials = kind.split(".")
    return task[integration][credentials]
