# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation says that modules return is what they return."""

from __future__ import annotations

import importlib
import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import DatastoreBackend

KEY_ID = "0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d"
PACKAGE = "ansible_collections.tidyops.datadog.plugins.modules"
MODULES = sorted(path.stem for path in (pathlib.Path(__file__).parents[4] / "plugins" / "modules").glob("*.py"))
PAIR = {"team": "platform", "connected_team": "@acme/platform"}


def aws(role: str, **more: t.Any) -> dict[str, t.Any]:
    credentials = {"account_id": "123456789012", "role": role}
    shared = {"name": "Production AWS", "tags": ["env:prod"]}
    return {**shared, "aws": {"assume_role": credentials}, **more}


EDITOR = {"editor": ["team:platform"]}
RESOLVER = {"resolver": ["role:Datadog Standard Role"]}
ACCESS = {**EDITOR, **RESOLVER, "viewer": ["org"]}
POLICY = {
    "resource_id": "dashboard:abc-def-ghi",
    "bindings": [{"relation": relation, "principals": ACCESS[relation]} for relation in ("editor", "viewer")],
}
DATASTORE = f"datastore:{DatastoreBackend.ID}"
#: What leads to what the samples show: modules and their options, the last one is what returns it.
STEPS: dict[str, list[tuple[str, dict[str, t.Any]]]] = {
    "action_connection": [("action_connection", aws("A", access=ACCESS))],
    "action_connection_info": [
        ("action_connection", aws("A", access=EDITOR)),
        ("action_connection_info", {"access": True}),
    ],
    "action_connections": [("action_connections", {"connections": [aws("A", access={**EDITOR, **RESOLVER})]})],
    "app_key_registration": [("app_key_registration", {"app_key_id": KEY_ID})],
    "app_key_registration_info": [
        ("app_key_registration", {"app_key_id": KEY_ID}),
        ("app_key_registration_info", {}),
    ],
    "registry_copy": [
        ("action_connection", {**aws("A"), "registry": DATASTORE}),
        ("registry_copy", {"src": DATASTORE, "dest": "connections.json"}),
    ],
    "restriction_policy": [("restriction_policy", POLICY)],
    "restriction_policy_info": [
        ("restriction_policy", POLICY),
        ("restriction_policy_info", {"resource_ids": [POLICY["resource_id"]]}),
    ],
    "team_connection": [("team_connection", {**PAIR, "managed_by": "ansible"})],
    "team_connection_info": [
        ("team_connection", PAIR),
        ("team_connection_info", {"teams": [PAIR["team"]]}),
    ],
    "team_connections": [("team_connections", {"connections": [PAIR], "managed_by": "ansible"})],
}


@pytest.fixture(autouse=True)
def organization(
    datadog: Datadog,
    datastore_backend: DatastoreBackend,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A datastore, a folder for files, and a team that the keys' user is a member of."""
    datadog.emulator.add_member(team="platform", app_key=datadog.KEYS["app_key"])
    monkeypatch.chdir(tmp_path)


def shape(value: t.Any) -> t.Any:
    """A value without its texts and numbers; of a diff, that it has two sides."""
    if isinstance(value, dict):
        return {key: type(item).__name__ if key in ("before", "after") else shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value).__name__


def documented(module: str) -> dict[str, t.Any]:
    """What stands in C(RETURN)."""
    found: dict[str, t.Any] = yaml.safe_load(importlib.import_module(f"{PACKAGE}.{module}").RETURN)
    return found


def sample_of(entry: t.Mapping[str, t.Any]) -> t.Any:
    """The sample of a value, or those of its parts."""
    if "sample" in entry:
        return entry["sample"]
    return {name: sample_of(part) for name, part in entry["contains"].items()}


def samples(module: str, when: str) -> dict[str, t.Any]:
    """The samples of what is returned after success or failure."""
    return {
        name: sample_of(entry)
        for name, entry in documented(module).items()
        if (entry["returned"] == "failure of a request") == (when == "failure")
    }


@pytest.mark.parametrize("module", MODULES)
def test_success(datadog: Datadog, module: str) -> None:
    for name, params in STEPS[module]:
        result = datadog.run(name, **params)
        assert not result.get("failed"), result["msg"]
    expected = samples(module, "success")
    assert {name: shape(result[name]) for name in expected} == {
        name: shape(sample) for name, sample in expected.items()
    }
    ansible_adds = {"changed", "invocation", "warnings", "deprecations", "raw", "logged"}
    assert set(result) - ansible_adds == set(expected)


@pytest.mark.parametrize("module", MODULES)
def test_failure(datadog: Datadog, module: str) -> None:
    datadog.emulator.add_fault("status", status=403, times=None)
    name, params = STEPS[module][-1]
    result = datadog.run(name, **params)
    assert result["failed"]
    expected = samples(module, "failure")
    assert {name: shape(result[name]) for name in expected} == {
        name: shape(sample) for name, sample in expected.items()
    }


@pytest.mark.parametrize("module", MODULES)
def test_what_a_sample_holds_is_described(module: str) -> None:
    for name, entry in documented(module).items():
        sample = sample_of(entry)
        first = sample[0] if isinstance(sample, list) and sample else sample
        if isinstance(first, dict) and "contains" in entry:
            # An integration stands for all of them.
            assert set(first) - {"aws"} <= set(entry["contains"]), name
