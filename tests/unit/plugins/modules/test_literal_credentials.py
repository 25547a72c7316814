# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials in the headers and URL parameters of HTTP connections."""

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY, example
from ansible_collections.tidyops.datadog.tests.unit.keeper import Keeper

HTTP = example("http.token_auth")


class TestLiteralCredentials:
    @staticmethod
    def task(name: str, value: str, where: str = "headers") -> dict[str, t.Any]:
        task = copy.deepcopy(HTTP)
        task["http"]["token_auth"][where] = [{"name": name, "value": value}]
        return task

    @pytest.mark.parametrize(
        "name, value, where",
        [
            ("Authorization", f"Bearer {CANARY}", "headers"),
            ("authorization", CANARY, "headers"),
            ("X-Api-Key", CANARY, "headers"),
            ("PRIVATE-TOKEN", CANARY, "headers"),
            ("Cookie", f"session={CANARY}", "headers"),
            ("X-Whatever", f"Basic {CANARY}", "headers"),
            ("apiKey", CANARY, "url_parameters"),
            ("sig", CANARY, "url_parameters"),
        ],
    )
    def test_are_warned_of_and_hidden(
        self, keeper: Keeper, name: str, value: str, where: str
    ) -> None:
        task = self.task(name, value, where)
        # Every run is searched for the canary: result, diff, invocation and log.
        results = [keeper.foretold_and_run(**task), keeper.run(**task)]
        changed = self.task(name, f"{value}-changed", where)
        results.append(keeper.foretold_and_run(**changed))
        for result in results:
            [warning] = result["warnings"]
            assert f"http.token_auth.{where}.{name}" in warning and "tokens" in warning
            assert result["connection"]["http"]["token_auth"][where] == [{"name": name}]
        assert [result["operation"] for result in results] == ["create", "none", "update"]
        shown = [
            results[2]["diff"][side]["http"]["token_auth"][where] for side in ("before", "after")
        ]
        assert shown[0] != shown[1]
        assert results[2]["invocation"]["module_args"]["name"] == task["name"]
        # Nor does a task tell it that does not give it.
        left_out = {"name": task["name"], "http": {"token_auth": {}}}
        assert not keeper.run(**left_out)["warnings"]
        kept = keeper.run(**{**task, "http": {"token_auth": {where: []}}}, check_mode=True)
        assert kept["operation"] == "update"
        assert keeper.run(name=task["name"], state="absent")["operation"] == "delete"

    @pytest.mark.parametrize("kind", ["unsupported", "refused"])
    def test_are_hidden_in_errors(self, keeper: Keeper, kind: str) -> None:
        task = self.task("Authorization", f"Bearer {CANARY}")
        if kind == "unsupported":
            task["http"]["token_auth"]["unknown"] = "x"
        else:
            keeper.datadog.emulator.add_fault("status", method="POST", status=400)
        assert keeper.run(**task)["failed"]

    @pytest.mark.parametrize(
        "name, value",
        [
            ("Authorization", "Bearer {{ accessToken }}"),
            ("X-Api-Key", "{{signature}}"),
            ("Accept", "application/json"),
            ("X-Client", "ansible"),
            ("X-Author", "somebody"),
        ],
    )
    def test_others_are_shown(self, keeper: Keeper, name: str, value: str) -> None:
        result = keeper.run(**self.task(name, value))
        assert not result["warnings"]
        headers = result["connection"]["http"]["token_auth"]["headers"]
        assert headers == [{"name": name, "value": value}]
