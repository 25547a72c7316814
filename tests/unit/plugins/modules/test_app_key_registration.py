# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registrations of application keys: managed, read, and not mistaken for the keys themselves."""

from __future__ import annotations

import typing as t
import uuid

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import app_key_id
from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.examples import LOST_ANSWERS, example

KEY_ID = "0a4b1c2d-5e6f-4a7b-8c9d-0e1f2a3b4c5d"


def manage(datadog: Datadog, **params: t.Any) -> dict[str, t.Any]:
    return datadog.run("app_key_registration", **{"app_key_id": KEY_ID, **params})


def registered(datadog: Datadog) -> list[str]:
    result = datadog.run("app_key_registration_info")
    assert result["missing"] == [] and result["changed"] is False
    return [each["app_key_id"] for each in result["app_key_registrations"]]


def test_life_cycle(datadog: Datadog) -> None:
    there = {"app_key_id": KEY_ID}
    for state, operation, before, after in (
        ("present", "create", {}, there),
        ("absent", "delete", there, {}),
    ):
        predicted = manage(datadog, state=state, check_mode=True)
        assert registered(datadog) == list(before.values())
        result = manage(datadog, state=state, app_key_id=KEY_ID.upper())
        for each in (predicted, result):
            assert (each["changed"], each["operation"]) == (True, operation)
            assert each["diff"] == {"before": before, "after": after}
            assert each["app_key_registration"] == (after or None)
        assert registered(datadog) == list(after.values())
        writes = datadog.writes()
        unchanged = manage(datadog, state=state)
        assert (unchanged["changed"], unchanged["operation"]) == (False, "none")
        assert datadog.writes() == writes


def test_the_precondition_of_action_connections(datadog: Datadog) -> None:
    datadog.emulator.settings(require_registration=True)
    assert datadog.connection(**example("aws.assume_role"))["http_status"] == 403
    manage(datadog, app_key_id=app_key_id(datadog.KEYS["app_key"]))
    assert datadog.connection(**example("aws.assume_role"))["operation"] == "create"


def test_reading(datadog: Datadog) -> None:
    ids = [str(uuid.uuid4()) for _number in range(120)]
    for each in ids:
        path = f"/api/v2/actions/app_key_registrations/{each}"
        assert datadog.emulator.call("PUT", path).status == 201
    assert registered(datadog) == sorted(ids)
    wanted = [ids[3].upper(), KEY_ID, ids[1], KEY_ID]
    result = datadog.run("app_key_registration_info", app_key_ids=wanted)
    assert result["app_key_registrations"] == [{"app_key_id": ids[3]}, {"app_key_id": ids[1]}]
    assert result["missing"] == [KEY_ID]


@pytest.mark.slow
@pytest.mark.parametrize("fault", LOST_ANSWERS)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_lost_answers(datadog: Datadog, state: str, fault: dict[str, t.Any]) -> None:
    if state == "absent":
        manage(datadog)
    method = "PUT" if state == "present" else "DELETE"
    datadog.emulator.add_fault(**fault, method=method)
    result = manage(datadog, state=state)
    assert not result.get("failed"), result["msg"]
    assert result["changed"] and registered(datadog) == ([KEY_ID] if state == "present" else [])


@pytest.mark.parametrize("retries", [0, 5])
def test_a_key_that_does_not_exist(datadog: Datadog, retries: int) -> None:
    datadog.emulator.settings(unknown_app_key=[KEY_ID])
    assert manage(datadog, check_mode=True)["operation"] == "create"
    result = manage(datadog, retries=retries)
    assert result["failed"] and result["http_status"] == 500 and not result["changed"]
    assert "unexpected app key registration error" in result["msg"]
    assert KEY_ID in result["msg"].split("registration error")[1]
    # It may be an error that passes, but not one to be waited for.
    assert len(datadog.writes()) == min(retries, 1) + 1
    assert manage(datadog, state="absent")["changed"] is False


def test_another_run_was_faster(datadog: Datadog) -> None:
    for state, other in (("present", "PUT"), ("absent", "DELETE")):
        datadog.emulator.add_fault("hang", method="GET", when="after", seconds=1)
        run = datadog.start("app_key_registration", app_key_id=KEY_ID, state=state)
        datadog.emulator.wait_for_fault()
        path = f"/api/v2/actions/app_key_registrations/{KEY_ID}"
        assert datadog.emulator.call(other, path).status in (201, 204)
        result = run.result()
        # Datadog answers a PUT as if it had been the first one.
        assert not result.get("failed"), result["msg"]
        assert registered(datadog) == ([KEY_ID] if state == "present" else [])


@pytest.mark.parametrize(
    "key", ["0123456789abcdef" * 2 + "01234567", "0123456789ABCDEF" * 2, "ddapp_c4n4ryc4n4ryc4n4ry"]
)
def test_the_key_itself_is_recognized_and_not_shown(datadog: Datadog, key: str) -> None:
    for result in (
        manage(datadog, app_key_id=key),
        datadog.run("app_key_registration_info", app_key_ids=[KEY_ID, key]),
    ):
        assert result["failed"] and "looks like the key itself" in result["msg"]
        assert "app_key_id" in result["msg"] and "Key ID" in result["msg"]
        assert key not in result["raw"] and key not in result["logged"]
    assert datadog.requests() == []


@pytest.mark.parametrize("key_id", ["", "42", f"{KEY_ID}\n", f"../{KEY_ID}"])
def test_bad_input(datadog: Datadog, key_id: str) -> None:
    result = manage(datadog, app_key_id=key_id)
    assert result["failed"] and result["msg"].startswith("app_key_id ")
    assert datadog.requests() == []
