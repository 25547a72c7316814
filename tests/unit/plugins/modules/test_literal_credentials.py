# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials in the headers and URL parameters of HTTP connections."""

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.conftest import Server
from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY, example
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    FileBackend,
    RegistryRunner,
)

HTTP = example("http.token_auth")


@pytest.fixture
def backend(file_backend: FileBackend) -> FileBackend:
    return file_backend


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
            ("code", CANARY, "url_parameters"),
            ("appKey", CANARY, "url_parameters"),
            ("sessionId", CANARY, "url_parameters"),
            ("X-ApplicationKey", CANARY, "headers"),
            ("OK-ACCESS-PASSPHRASE", CANARY, "headers"),
            ("Authorization", f"Bearer {{{{ accessToken }}}}{CANARY}", "headers"),
            ("Cookie", f"a={{{{ accessToken }}}}; session={CANARY}", "headers"),
        ],
    )
    def test_are_warned_of_and_hidden(self, runner: RegistryRunner, name: str, value: str, where: str) -> None:
        task = self.task(name, value, where)
        # Every run is searched for the canary: result, diff, invocation and log.
        results = [runner.predict_and_run(**task), runner.run(**task)]
        changed = self.task(name, f"{value}-changed", where)
        results.append(runner.predict_and_run(**changed))
        for result in results:
            [warning] = result["warnings"]
            assert f"http.token_auth.{where}.{name}" in warning and "tokens" in warning
            assert result["connection"]["http"]["token_auth"][where] == [{"name": name}]
        assert [result["operation"] for result in results] == ["create", "none", "update"]
        shown = [results[2]["diff"][side]["http"]["token_auth"][where] for side in ("before", "after")]
        assert shown[0] != shown[1]
        assert results[2]["invocation"]["module_args"]["name"] == task["name"]
        # Nor does a task tell it that does not give it.
        left_out = {"name": task["name"], "http": {"token_auth": {}}}
        assert not runner.run(**left_out)["warnings"]
        kept = runner.run(**{**task, "http": {"token_auth": {where: []}}}, check_mode=True)
        assert kept["operation"] == "update"
        assert runner.run(name=task["name"], state="absent")["operation"] == "delete"

    @pytest.mark.parametrize("kind", ["unsupported", "refused"])
    def test_are_hidden_in_errors(self, runner: RegistryRunner, kind: str) -> None:
        task = self.task("Authorization", f"Bearer {CANARY}")
        if kind == "unsupported":
            task["http"]["token_auth"]["unknown"] = "x"
        else:
            runner.datadog.emulator.add_fault("status", method="POST", status=400)
        assert runner.run(**task)["failed"]

    @pytest.mark.parametrize(
        "name, value",
        [
            ("Authorization", "Bearer {{ accessToken }}"),
            ("X-Api-Key", "{{signature}}"),
            ("Accept", "application/json"),
            ("X-Client", "ansible"),
            ("X-Author", "somebody"),
            ("X-Country-Code", "NL"),
            ("Authorization", "SSWS {{ accessToken }}"),
            ("Authorization", 'Signature keyId="{{ accessToken }}",signature="{{ signature }}"'),
            ("Cookie", "session={{ accessToken }}; theme={{ signature }}"),
        ],
    )
    def test_others_are_shown(self, runner: RegistryRunner, name: str, value: str) -> None:
        result = runner.run(**self.task(name, value))
        assert not result["warnings"]
        headers = result["connection"]["http"]["token_auth"]["headers"]
        assert headers == [{"name": name, "value": value}]

    @pytest.mark.parametrize(
        "entry",
        [
            {"nmae": "Authorization", "value": f"Bearer {CANARY}"},
            {"name": None, "value": f"Bearer {CANARY}"},
            {"name": ["Authorization"], "value": CANARY},
            {"name": f"Authorization: Bearer {CANARY}", "value": "x"},
            {"value": CANARY},
        ],
    )
    def test_are_hidden_where_the_name_is_wrong(self, runner: RegistryRunner, entry: dict[str, t.Any]) -> None:
        task = copy.deepcopy(HTTP)
        task["http"]["token_auth"]["headers"] = [entry]
        assert runner.run(**task)["failed"]
        assert runner.datadog.requests() == []

    def test_are_hidden_in_what_datadog_says(self, runner: RegistryRunner, server: Server) -> None:
        server.answers["GET"] = (200, {"data": [], "meta": {"total_filtered": 0}})
        for echo in (f"Bearer {CANARY}", CANARY):
            server.answers["POST"] = (400, {"errors": [f"a bad header, {echo}, was given"]})
            task = self.task("Authorization", f"Bearer {CANARY}")
            result = runner.datadog.connection(**task, api_url=server.url)
            assert result["failed"] and "a bad header" in result["msg"]

    def test_an_address_may_not_hold_them(self, runner: RegistryRunner) -> None:
        task = copy.deepcopy(HTTP)
        task["http"]["base_url"] = f"https://user:{CANARY}@example.com/api"
        result = runner.run(**task)
        assert result["failed"] and "http.base_url" in result["msg"] and "tokens" in result["msg"]
        assert runner.datadog.requests() == []
