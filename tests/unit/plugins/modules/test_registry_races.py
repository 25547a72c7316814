# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that share a registry, and one of which has read before the other one writes."""

from __future__ import annotations

import contextlib
import copy
import time
import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY, example
from ansible_collections.tidyops.datadog.tests.unit.keeper import Keeper, rotated, secrets_of
from ansible_collections.tidyops.datadog.tests.unit.module_runner import Run

pytestmark = pytest.mark.slow

AWS = example("aws.assume_role")
GITLAB = example("gitlab.api_key")
HTTP = example("http.token_auth")
REPLACING = {**AWS, "name": "GitLab", "allow_replace": True}


def begun(keeper: Keeper, task: dict[str, t.Any], method: str = "GET", seconds: float = 2) -> Run:
    """Start a task that waits for the answer to its first request of a method, which Datadog has worked on."""
    keeper.add_fault("hang", method=method, when="after", seconds=seconds)
    run = keeper.start(task)
    keeper.datadog.emulator.wait_for_fault()
    return run


@contextlib.contextmanager
def overtaken(keeper: Keeper, task: dict[str, t.Any]) -> t.Iterator[None]:
    """While this lasts, the task waits for the answer to its first reading; then it goes on, and ends well."""
    run = begun(keeper, task)
    yield
    result = run.result()
    assert not result.get("failed"), result["msg"]


@pytest.fixture(autouse=True)
def without_list(keeper: Keeper) -> None:
    """An organisation in which a lost id is lost for good."""
    keeper.datadog.emulator.settings(no_list=404)


@pytest.fixture(name="old")
def connection_id(keeper: Keeper) -> str:
    """The id of a connection that the registry knows as GitLab."""
    return str(keeper.run(**GITLAB)["connection_id"])


def test_present_while_another_run_deletes(keeper: Keeper, old: str) -> None:
    deleting = begun(keeper, {"name": "GitLab", "state": "absent"}, "DELETE")
    created = keeper.run(**GITLAB)["connection_id"]
    assert not deleting.result().get("failed") and created != old
    assert keeper.home.ids() == {"GitLab": created}
    keeper.is_silent(**GITLAB)


def test_rotated_while_deleted_elsewhere_and_created(keeper: Keeper, old: str) -> None:
    task = rotated(GITLAB, "gitlab.api_key")
    with overtaken(keeper, task):
        keeper.delete(old)
        created = keeper.run(**task)["connection_id"]
    assert keeper.there() == [created] == list(keeper.home.ids().values())
    keeper.is_silent(**task)


def test_rotated_while_replaced(keeper: Keeper, old: str) -> None:
    run = begun(keeper, rotated(GITLAB, "gitlab.api_key"))
    created = keeper.run(**REPLACING)["connection_id"]
    result = run.result()
    assert result["failed"] and "allow_replace" in result["msg"]
    assert keeper.there() == [created]
    keeper.is_silent(**REPLACING)


def test_deleted_by_its_id_while_replaced(keeper: Keeper, old: str) -> None:
    with overtaken(keeper, {"connection_id": old, "state": "absent"}):
        created = keeper.run(**REPLACING)["connection_id"]
    assert keeper.there() == [created]
    keeper.is_silent(**REPLACING)


def test_a_claim_is_not_overwritten(keeper: Keeper, old: str) -> None:
    run = begun(keeper, rotated(GITLAB, "gitlab.api_key"))
    keeper.delete(old)
    creating = begun(keeper, GITLAB, "POST", seconds=20)
    creating.kill()
    result = run.result()
    assert result["failed"] and "may have been created" in result["msg"]
    assert len(keeper.there()) == 1
    assert keeper.home.entries()["GitLab"]["creating"] == "gitlab.api_key"


def test_updated_while_renamed(keeper: Keeper, old: str) -> None:
    renamed = {"name": "Renamed", "connection_id": old, "gitlab": {"api_key": {}}}
    run = begun(keeper, {**GITLAB, "update_secrets": "always"})
    keeper.run(**renamed)
    # By its former name nothing is known, so that is another connection.
    created = run.result()["connection_id"]
    assert keeper.home.ids() == {"Renamed": old, "GitLab": created}
    assert sorted(keeper.there()) == sorted([old, created])


def test_a_fingerprint_is_not_put_back(keeper: Keeper) -> None:
    created = keeper.run(**HTTP)["connection_id"]
    task = rotated(HTTP, "http.token_auth")
    keeper.add_fault("hang", method="GET", when="before", seconds=2)
    reading = keeper.start({"name": HTTP["name"], "http": {"token_auth": {}}})
    keeper.datadog.emulator.wait_for_fault()
    keeper.run(**task)
    assert not reading.result().get("failed")
    keeper.is_silent(**task)
    keeper.run(**HTTP)
    for path, value in secrets_of(HTTP, "http.token_auth").items():
        assert keeper.datadog.emulator.holds_secret(created, path, value)


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_change_by_another_run_is_no_drift(keeper: Keeper, old: str, check_mode: bool) -> None:
    """Whether that run has recorded it by now or not."""
    task = rotated(GITLAB, "gitlab.api_key")
    keeper.add_fault("hang", method="GET", when="before", seconds=2)
    reading = keeper.start({**task, "update_secrets": "on_create"}, check_mode)
    keeper.datadog.emulator.wait_for_fault()
    keeper.add_fault("hang", method="PATCH", when="after", seconds=3)
    changing = keeper.start(task)
    result = reading.result()
    assert changing.result()["operation"] == "update"
    assert (result["drifted"], result["warnings"]) == (False, [])


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_create_is_waited_for(keeper: Keeper, check_mode: bool) -> None:
    creating = begun(keeper, GITLAB, "POST")
    result = keeper.run(**GITLAB, check_mode=check_mode)
    assert not result.get("failed"), result["msg"]
    assert (result["changed"], result["warnings"]) == (False, [])
    assert keeper.there() == [result["connection_id"]] == [creating.result()["connection_id"]]


def test_the_lock_goes_while_a_connection_is_created(keeper: Keeper) -> None:
    creating = begun(keeper, GITLAB, "POST")
    keeper.home.unlock()
    # Nothing tells the other run from one that was interrupted.
    assert "may have been created" in keeper.run(**GITLAB)["msg"]
    assert keeper.there() == [creating.result()["connection_id"]]
    keeper.is_silent(**GITLAB)


def test_two_rotations_and_a_kill(keeper: Keeper, old: str) -> None:
    first = rotated(GITLAB, "gitlab.api_key")
    sending = begun(keeper, first, "PATCH")
    killed = keeper.start(rotated(first, "gitlab.api_key"))
    time.sleep(1)
    killed.kill()
    assert not sending.result().get("failed")
    # Which of two secrets came last nobody could tell, so they do not go out at the same time.
    assert len(keeper.datadog.requests("PATCH")) == 1
    keeper.is_silent(**first)
    held = secrets_of(first, "gitlab.api_key")["api_token"]
    assert keeper.datadog.emulator.holds_secret(old, "api_token", held)


def test_renamed_while_rotated_by_the_former_name(keeper: Keeper, old: str) -> None:
    task = rotated(GITLAB, "gitlab.api_key")
    keeper.edit(old, name="New")
    with overtaken(keeper, {"name": "New", "connection_id": old, "gitlab": {"api_key": {}}}):
        keeper.run(**task)
    assert keeper.home.ids() == {"New": old}
    keeper.is_silent(**{**task, "name": "New"})
    held = secrets_of(task, "gitlab.api_key")["api_token"]
    assert keeper.datadog.emulator.holds_secret(old, "api_token", held)


def remember(keeper: Keeper, **entries: dict[str, t.Any]) -> None:
    """Write entries into the registry, as an interrupted run may leave them."""
    known = keeper.home.entries()
    for name, entry in entries.items():
        known[name] = {**known.get(name, {"id": None, "integration": ""}), **entry}
    keeper.home.write(known)


def test_a_replacement_by_id_is_not_taken_up_by_name(keeper: Keeper, old: str) -> None:
    keeper.datadog.emulator.settings(no_list=None)
    remember(keeper, Renamed={"creating": "aws.assume_role", "replaces": old})
    assert keeper.run(name="Renamed", state="absent")["changed"] is False
    assert keeper.there() == [old]
    remember(keeper, Renamed={"creating": "aws.assume_role", "replaces": old})
    assert keeper.run(**{**GITLAB, "name": "Renamed"})["operation"] == "create"
    keeper.is_silent(**GITLAB)


def test_another_kind_after_an_interrupted_create(keeper: Keeper) -> None:
    keeper.datadog.emulator.settings(no_list=None)
    begun(keeper, GITLAB, "POST", seconds=20).kill()
    assert keeper.foretold_and_run(**REPLACING)["operation"] == "replace"
    assert len(keeper.there()) == 1
    keeper.is_silent(**REPLACING)


@pytest.mark.parametrize("no_list", [None, 404])
def test_renamed_to_what_is_being_created(keeper: Keeper, old: str, no_list: int | None) -> None:
    begun(keeper, {**GITLAB, "name": "Renamed"}, "POST", seconds=20).kill()
    keeper.datadog.emulator.settings(no_list=no_list)
    before = keeper.home.raw()
    result = keeper.run(name="Renamed", connection_id=old, gitlab={"api_key": {}})
    assert result["failed"] and "'Renamed'" in result["msg"]
    assert keeper.home.raw() == before


class TestAfterAnInterruptedReplacement:
    @pytest.fixture(name="new")
    def successor(self, keeper: Keeper, old: str) -> str:
        """The id of the connection that takes the place of the old one, which could not be deleted."""
        keeper.add_fault("status", method="DELETE", status=403)
        assert keeper.run(**REPLACING)["failed"]
        return str(keeper.home.ids()["GitLab"])

    def test_an_id_deletes_no_other(self, keeper: Keeper, old: str, new: str) -> None:
        assert keeper.foretold_and_run(connection_id=new, state="absent")["operation"] == "delete"
        assert keeper.there() == [old]
        assert keeper.home.ids() == {"GitLab": old}
        assert keeper.run(**GITLAB)["connection_id"] == old
        keeper.is_silent(**GITLAB)

    def test_the_former_is_deleted_by_its_id(self, keeper: Keeper, old: str, new: str) -> None:
        assert keeper.foretold_and_run(connection_id=old, state="absent")["operation"] == "delete"
        assert keeper.there() == [new]
        assert keeper.run(**REPLACING)["changed"] is False
        keeper.is_silent(**REPLACING)

    def test_absent_tells_that_both_go(self, keeper: Keeper, old: str, new: str) -> None:
        result = keeper.foretold_and_run(name="GitLab", state="absent")
        assert any(old in warning for warning in result["warnings"])
        assert keeper.there() == [] and keeper.home.entries() == {}

    @pytest.mark.parametrize("named", [True, False])
    def test_the_task_by_the_former_id_ends_it(
        self, keeper: Keeper, old: str, new: str, named: bool
    ) -> None:
        task = dict(REPLACING) if named else {k: v for k, v in REPLACING.items() if k != "name"}
        result = keeper.foretold_and_run(**task, connection_id=old)
        assert (result["operation"], result["connection_id"]) == ("replace", new)
        assert keeper.there() == [new]
        keeper.is_silent(**REPLACING)

    def test_the_former_id_leads_to_the_new_one(self, keeper: Keeper, old: str, new: str) -> None:
        keeper.delete(old)
        result = keeper.run(**REPLACING, connection_id=old)
        assert result["failed"] and f"{new} has taken its place" in result["msg"]

    def test_the_former_gets_a_name_of_its_own(self, keeper: Keeper, old: str, new: str) -> None:
        keeper.delete(new)
        task = {**GITLAB, "name": "Another"}
        keeper.run(**task, connection_id=old)
        keeper.is_silent(**task)
        assert keeper.run(name="GitLab", state="absent")["changed"] is False
        assert keeper.there() == [old]
        keeper.is_silent(**task)

    def test_the_former_gets_the_name_of_another_one(
        self, keeper: Keeper, old: str, new: str
    ) -> None:
        keeper.delete(new)
        task = {**GITLAB, "name": "Another"}
        other = keeper.run(**task)["connection_id"]
        result = keeper.run(**task, connection_id=old)
        assert result["failed"] and other in result["msg"]
        assert keeper.home.ids()["Another"] == other

    def test_nothing_goes_that_cannot_be_recorded(self, keeper: Keeper, old: str, new: str) -> None:
        keeper.home.forbid_writing()
        assert keeper.run(**{**HTTP, "name": "GitLab", "allow_replace": True})["failed"]
        assert set(keeper.there()) == {old, new}

    def test_another_kind_by_the_former_id(self, keeper: Keeper, old: str, new: str) -> None:
        keeper.edit(new, name="Renamed elsewhere")
        task = {"http": HTTP["http"], "allow_replace": True, "connection_id": old}
        result = keeper.foretold_and_run(**task)
        assert keeper.there() == [result["connection_id"]]

    def test_another_kind_once_more(self, keeper: Keeper, old: str, new: str) -> None:
        task = {**HTTP, "name": "GitLab", "allow_replace": True}
        result = keeper.foretold_and_run(**task)
        assert keeper.there() == [result["connection_id"]]
        keeper.is_silent(**task)


class TestAfterALostAnswerToAReplacement:
    @pytest.fixture(autouse=True)
    def lost_answer(self, keeper: Keeper, old: str) -> None:
        keeper.add_fault("reset", method="POST", when="after")
        assert "may have been created" in keeper.run(**REPLACING)["msg"]

    def test_a_renaming_does_not_forget_it(self, keeper: Keeper, old: str) -> None:
        before = keeper.home.raw()
        result = keeper.run(name="Renamed", connection_id=old, gitlab={"api_key": {}})
        assert result["failed"] and "may have been created" in result["msg"]
        assert keeper.home.raw() == before

    def test_deleting_the_former_by_its_id_does_not_either(self, keeper: Keeper, old: str) -> None:
        assert keeper.run(connection_id=old, state="absent")["operation"] == "delete"
        assert keeper.home.entries()["GitLab"]["creating"] == "aws.assume_role"
        [new] = keeper.there()
        assert "may have been created" in keeper.run(**REPLACING)["msg"]
        assert keeper.run(**REPLACING, connection_id=new)["changed"] is False
        keeper.is_silent(**REPLACING)


@pytest.mark.parametrize("no_list", [None, 404])
def test_replaced_beside_another_one_of_its_name(keeper: Keeper, no_list: int | None) -> None:
    keeper.datadog.emulator.settings(no_list=None)
    other = keeper.datadog.connection(**GITLAB)["connection_id"]
    mine = keeper.datadog.connection(**{**GITLAB, "name": "x"})["connection_id"]
    keeper.edit(mine, name="GitLab")
    keeper.run(**GITLAB, connection_id=mine)
    keeper.datadog.emulator.settings(no_list=no_list)
    keeper.datadog.emulator.clear()
    result = keeper.foretold_and_run(**REPLACING)
    assert (result["operation"], result["warnings"]) == ("replace", [])
    assert [each["method"] for each in keeper.datadog.writes()] == ["POST", "DELETE"]
    assert set(keeper.there()) == {other, result["connection_id"]}
    keeper.is_silent(**REPLACING)


def test_a_lost_answer_beside_another_one_of_its_name(keeper: Keeper) -> None:
    keeper.datadog.emulator.settings(no_list=None)
    mine = keeper.run(**GITLAB)["connection_id"]
    foreign = keeper.datadog.connection(**{**AWS, "name": "x"})["connection_id"]
    keeper.edit(foreign, name="GitLab")
    keeper.add_fault("status", method="POST", status=503, when="before")
    result = keeper.run(**REPLACING)
    assert result["failed"] and mine in result["msg"] and foreign in result["msg"]
    assert set(keeper.there()) == {mine, foreign}
    keeper.edit(foreign, name="Foreign")
    assert keeper.run(**REPLACING)["operation"] == "replace"
    keeper.is_silent(**REPLACING)


def test_ids_are_the_same_in_upper_case(keeper: Keeper, old: str) -> None:
    known = keeper.home.entries()
    for task in (GITLAB, {**GITLAB, "connection_id": old}):
        keeper.home.write({"GitLab": {**known["GitLab"], "id": old.upper()}})
        keeper.is_silent(**task)
    assert keeper.run(**{**GITLAB, "name": "New", "connection_id": old.upper()})["changed"] is True
    assert keeper.home.ids() == {"New": old}


def test_tokens_that_are_not_shown_and_kept_after_adoption(keeper: Keeper) -> None:
    keeper.datadog.emulator.settings(no_list=None, omit_tokens=True)
    keeper.datadog.connection(**HTTP)
    task = copy.deepcopy(HTTP)
    del task["http"]["token_auth"]["tokens"][1]["value"]
    assert keeper.run(**task)["operation"] == "update"
    keeper.is_silent(**task)
    # Its value was never sent, so it is now.
    assert keeper.run(**HTTP)["operation"] == "update"
    keeper.is_silent(**HTTP)


@pytest.mark.parametrize(
    "text",
    [
        "$scrypt$ln=16,r=8,p=1$" + "A" * 22 + "$" + "A" * 43,
        "$scrypt$ln=\u0661,r=8,p=1$" + "A" * 22 + "$" + "A" * 43,
        "$pbkdf2-sha256$i=999999999$" + "A" * 22 + "$" + "A" * 43,
        "$scrypt$ln=13,r=8$" + "A" * 22 + "$" + "A" * 43,
        "$argon2id$m=1,t=1,p=1$" + "A" * 22 + "$" + "A" * 43,
        CANARY,
    ],
)
def test_fingerprints_that_would_take_too_long_or_are_none(
    keeper: Keeper, old: str, text: str
) -> None:
    remember(keeper, GitLab={"secrets": {"api_token": text}})
    result = keeper.datadog.connection(**GITLAB, registry=keeper.home.registry)
    assert result["failed"] and "something else than fingerprints" in result["msg"]


def test_what_a_lost_answer_created_is_replaced_by_its_id(keeper: Keeper) -> None:
    keeper.add_fault("reset", method="POST", when="after")
    assert "may have been created" in keeper.run(**GITLAB)["msg"]
    [created] = keeper.there()
    result = keeper.foretold_and_run(**REPLACING, connection_id=created)
    assert result["operation"] == "replace"
    assert keeper.there() == [result["connection_id"]]
    keeper.is_silent(**REPLACING)
