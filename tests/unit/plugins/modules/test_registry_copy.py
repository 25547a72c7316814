# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registries that are copied from one home to another."""

from __future__ import annotations

import json
import os
import typing as t
import uuid
from pathlib import Path

import pytest

from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.examples import example
from ansible_collections.tidyops.datadog.tests.unit.keeper import (
    DATASTORES,
    DatastoreHome,
    FileHome,
    Home,
    Keeper,
)
from ansible_collections.tidyops.datadog.tests.unit.module_runner import Run

AWS = example("aws.assume_role")
GITLAB = example("gitlab.api_key")
HTTP = example("http.token_auth")
NAMES = sorted(task["name"] for task in (AWS, GITLAB, HTTP))
ID = "00000000-0000-4000-8000-000000000001"
OTHER_ID = "00000000-0000-4000-8000-000000000002"
CLAIM = {"id": None, "integration": "", "last_updated": None, "creating": "gitlab.api_key"}
DIRECTIONS = [("file", "datastore"), ("datastore", "file"), ("file", "file")]


def entry(connection_id: str = ID, **more: t.Any) -> dict[str, t.Any]:
    return {
        "id": connection_id,
        "integration": "gitlab.api_key",
        "last_updated": "2026-11-22T05:20:26.659765Z",
        **more,
    }


def entries(count: int) -> dict[str, dict[str, t.Any]]:
    return {f"Connection {number:04}": entry(str(uuid.uuid4())) for number in range(count)}


class Copier:
    """A registry, and another one that it is copied to."""

    def __init__(self, datadog: Datadog, src: t.Any, dest: t.Any) -> None:
        self.datadog = datadog
        self.src = src
        self.dest = dest

    def backwards(self, dest: Home) -> Copier:
        """The same from here to another one."""
        return Copier(self.datadog, self.dest, dest)

    def fill(self, home: Home, content: t.Mapping[str, t.Any]) -> None:
        """Make a registry that has these entries."""
        if not home.raw():
            Keeper(self.datadog, home).run(**AWS)
        home.write(content)
        self.datadog.emulator.clear()

    def start(self, **params: t.Any) -> Run:
        params = {"src": self.src.registry, "dest": self.dest.registry, **params}
        return self.datadog.start("registry_copy", **params)

    def run(self, **params: t.Any) -> dict[str, t.Any]:
        params = {"src": self.src.registry, "dest": self.dest.registry, **params}
        result = self.datadog.run("registry_copy", **params)
        assert "$scrypt$" not in result["raw"] + result["logged"]
        return result

    def foretold_and_run(self) -> dict[str, t.Any]:
        """Run in check mode, in earnest and once more. The source stays as it is, and only one of the runs writes."""
        src, before = self.src.raw(), (self.dest.raw(), self.writes())
        foretold = self.run(check_mode=True)
        assert (self.dest.raw(), self.writes()) == before
        result = self.run()
        for key in ("changed", "operation", "copied", "diff", "warnings"):
            assert result[key] == foretold[key]
        after = self.dest.raw(), self.writes()
        again = self.run()
        assert (again["changed"], again["operation"]) == (False, "none")
        assert (again["copied"], again["warnings"]) == ([], [])
        assert again["diff"] == {side: result["diff"]["after"] for side in ("before", "after")}
        assert (self.src.raw(), self.dest.raw(), self.writes()) == (src, *after)
        return result

    def refused(self, *words: str) -> None:
        """Run, which fails before anything is written."""
        before = self.src.raw(), self.dest.raw(), self.writes()
        result = self.run()
        assert result["failed"]
        for word in words:
            assert word in result["msg"]
        assert (self.src.raw(), self.dest.raw(), self.writes()) == before

    def writes(self) -> int:
        """How many requests there were so far that write to a datastore."""
        methods = self.datadog.registry_requests()
        return len(methods) - methods.count("GET")


@pytest.fixture
def second_file(tmp_path: Path) -> FileHome:
    folder = tmp_path / "second"
    folder.mkdir()
    return FileHome(folder)


@pytest.fixture(params=DIRECTIONS, ids="-to-".join)
def copier(
    request: pytest.FixtureRequest,
    datadog: Datadog,
    file_home: FileHome,
    second_file: FileHome,
    datastore_home: DatastoreHome,
) -> Copier:
    """A source and a destination, neither of which knows anything."""
    homes = {"file": file_home, "datastore": datastore_home}
    src, dest = request.param
    return Copier(datadog, homes[src], second_file if src == dest else homes[dest])


@pytest.fixture
def to_datastore(datadog: Datadog, file_home: FileHome, datastore_home: DatastoreHome) -> Copier:
    return Copier(datadog, file_home, datastore_home)


def test_what_was_known_is_known_afterwards(copier: Copier) -> None:
    datadog, registry = copier.datadog, copier.src.registry
    datadog.connections(AWS, GITLAB, HTTP, registry=registry)
    datadog.emulator.clear()
    result = copier.foretold_and_run()
    assert (result["changed"], result["operation"]) == (True, "update")
    assert result["copied"] == NAMES and result["warnings"] == []
    known = copier.src.entries()
    told = {
        name: {"id": each["id"], "integration": each["integration"]} for name, each in known.items()
    }
    assert result["diff"] == {"before": {"connections": {}}, "after": {"connections": told}}
    assert copier.dest.entries() == known
    for task in (AWS, GITLAB, HTTP):
        Keeper(datadog, copier.dest).is_silent(**task)
    # Connections are not asked for.
    datadog.emulator.clear()
    copier.run()
    assert datadog.requests() == []


def test_there_and_back_it_is_the_same_file(to_datastore: Copier, second_file: FileHome) -> None:
    datadog, src = to_datastore.datadog, to_datastore.src
    for pair in ("ab", "bc", "cd"):
        tasks = [{**GITLAB, "name": name} for name in pair]
        datadog.connections(*tasks, registry=src.registry)
    keys = list(json.loads(src.raw())["sets"])
    # Datadog sorts the keys of an object, and the oldest set goes first.
    assert len(keys) == 3 and keys != sorted(keys)
    to_datastore.run()
    to_datastore.backwards(second_file).run()
    assert second_file.raw() == src.raw()


def test_what_dest_knows_beside_it_stays(copier: Copier) -> None:
    both = {"Same": entry(), "Claimed": CLAIM}
    copier.fill(copier.src, {**both, "From src": entry(OTHER_ID)})
    copier.fill(copier.dest, {**both, "Own": entry(str(uuid.uuid4()))})
    own = copier.dest.entries()
    result = copier.foretold_and_run()
    assert result["copied"] == ["From src"]
    assert copier.dest.entries() == {**own, "From src": entry(OTHER_ID)}
    assert sorted(result["diff"]["before"]["connections"]) == sorted(own)


@pytest.mark.parametrize(
    "src, dest, words",
    [
        ({"x": entry()}, {"x": entry(OTHER_ID)}, "'x' is not the same in both"),
        (
            {"x": entry()},
            {"x": entry(last_updated="2026-11-22T06:00:00.000000Z")},
            "'x' is not the same in both",
        ),
        ({"x": CLAIM}, {"x": entry()}, "'x' is not the same in both"),
        ({"new": entry()}, {"old": entry()}, "'new' and 'old' have the same id"),
        (
            {"x": entry(OTHER_ID)},
            {"y": entry(replaces=OTHER_ID)},
            f"'y' replaces {OTHER_ID}, which is to be deleted, and 'x' has this id",
        ),
        (
            {"y": entry(replaces=OTHER_ID)},
            {"x": entry(OTHER_ID)},
            f"'y' replaces {OTHER_ID}, which is to be deleted, and 'x' has this id",
        ),
    ],
)
def test_what_contradicts_is_refused(
    copier: Copier, src: dict[str, t.Any], dest: dict[str, t.Any], words: str
) -> None:
    copier.fill(copier.src, {**src, "free": entry(str(uuid.uuid4()))})
    copier.fill(copier.dest, dest)
    copier.refused(words, "Nothing was copied", "Ways out", copier.src.registry)


def test_few_of_many_contradictions_are_named(to_datastore: Copier) -> None:
    to_datastore.fill(to_datastore.src, entries(7))
    to_datastore.fill(to_datastore.dest, entries(7))
    to_datastore.refused("'Connection 0004' is not the same in both, and 2 more.")


def test_a_datastore_that_contradicts_itself(to_datastore: Copier, second_file: FileHome) -> None:
    backwards = to_datastore.backwards(second_file)
    backwards.fill(backwards.src, {"x": entry(), "y": entry()})
    backwards.refused("'x' and 'y' have the same id")


def test_a_row_that_a_renaming_has_left(
    to_datastore: Copier, datastore_home: DatastoreHome
) -> None:
    """The name is free, though there is a row of it."""
    to_datastore.fill(to_datastore.dest, {"old": entry(), "new": entry()})
    [old, new] = sorted(datastore_home.rows(), key=lambda row: row["id"], reverse=True)
    datastore_home.restore([{**old, "moved_to": "new"}])
    to_datastore.fill(to_datastore.src, {"old": entry(OTHER_ID), "x": entry(str(uuid.uuid4()))})
    assert to_datastore.foretold_and_run()["copied"] == ["old", "x"]
    assert datastore_home.ids()["old"] == OTHER_ID
    assert datastore_home.ids()["new"] == new["connection_id"]


@pytest.mark.slow
class TestInterrupted:
    """Connections that src tells to be being created."""

    def test_are_copied_as_they_are_with_a_warning(self, copier: Copier) -> None:
        copier.fill(copier.src, {**{f"c{number}": CLAIM for number in range(7)}, "x": entry()})
        [warning] = copier.foretold_and_run()["warnings"]
        assert "'c0', 'c1', 'c2', 'c3', 'c4', and 2 more" in warning
        assert copier.dest.entries() == copier.src.entries()

    def test_are_finished_by_the_next_run(self, copier: Copier) -> None:
        datadog, src = copier.datadog, Keeper(copier.datadog, copier.src)
        src.add_fault("hang", method="POST", when="after", seconds=20)
        run = src.start(GITLAB)
        datadog.emulator.wait_for_fault()
        run.kill()
        assert copier.run()["copied"] == [GITLAB["name"]]
        dest = Keeper(datadog, copier.dest)
        dest.run(**GITLAB)
        assert dest.there() == list(copier.dest.ids().values())
        dest.is_silent(**GITLAB)

    def test_are_waited_for(self, copier: Copier) -> None:
        src = Keeper(copier.datadog, copier.src)
        src.add_fault("hang", method="POST", when="after", seconds=1)
        creating = src.start(GITLAB)
        copier.datadog.emulator.wait_for_fault()
        result = copier.run()
        created = creating.result()["connection_id"]
        assert (result["copied"], result["warnings"]) == ([GITLAB["name"]], [])
        assert copier.dest.ids() == {GITLAB["name"]: created}


@pytest.mark.slow
class TestMany:
    def test_requests(self, to_datastore: Copier, second_file: FileHome) -> None:
        known = entries(250)
        to_datastore.fill(to_datastore.src, known)
        assert to_datastore.run()["copied"] == list(known)
        # One page that is empty, and a batch for every 100.
        assert to_datastore.datadog.registry_requests() == ["GET", "POST", "POST", "POST"]
        to_datastore.datadog.emulator.clear()
        assert to_datastore.run()["changed"] is False
        to_datastore.backwards(second_file).run()
        # Rows of a batch change their places, so that three pages may not be enough.
        assert set(to_datastore.datadog.registry_requests()) == {"GET"}
        assert second_file.entries() == known

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("batch", [0, 1, 2])
    def test_killed(self, to_datastore: Copier, batch: int, when: str) -> None:
        emulator = to_datastore.datadog.emulator
        to_datastore.fill(to_datastore.src, entries(250))
        emulator.add_fault(
            "hang", method="POST", path=DATASTORES, skip=batch, when=when, seconds=None
        )
        run = to_datastore.start(timeout=30)
        emulator.wait_for_fault()
        run.kill()
        written = min(250, 100 * (batch + (when == "after")))
        assert len(to_datastore.dest.entries()) == written
        assert len(to_datastore.foretold_and_run()["copied"]) == 250 - written
        assert to_datastore.dest.entries() == to_datastore.src.entries()

    @pytest.mark.parametrize("kind", ["reset", "half"])
    def test_a_lost_answer(self, to_datastore: Copier, kind: str) -> None:
        to_datastore.fill(to_datastore.src, entries(120))
        emulator = to_datastore.datadog.emulator
        emulator.add_fault(kind, method="POST", path=DATASTORES)
        assert len(to_datastore.run()["copied"]) == 120
        assert to_datastore.dest.entries() == to_datastore.src.entries()

    def test_a_datastore_that_is_full(self, to_datastore: Copier) -> None:
        emulator = to_datastore.datadog.emulator
        to_datastore.fill(to_datastore.src, entries(150))
        emulator.settings(datastore_rows=120)
        result = to_datastore.run()
        assert result["failed"] and "It may be full" in result["msg"]
        assert result["http_status"] == 400
        # It is refused once.
        assert to_datastore.datadog.registry_requests().count("POST") == 2
        emulator.settings(datastore_rows=5000)
        to_datastore.foretold_and_run()
        assert to_datastore.dest.entries() == to_datastore.src.entries()

    def test_no_fingerprint_of_a_set_is_pushed_out(
        self, to_datastore: Copier, second_file: FileHome
    ) -> None:
        datadog = to_datastore.datadog
        datadog.connections(GITLAB, HTTP, registry=to_datastore.src.registry)
        [text] = json.loads(to_datastore.src.raw())["sets"].values()
        own, others = ([f"{half}{number}" for number in range(10)] for half in ("own", "other"))
        for home, keys in ((to_datastore.src, others), (second_file, own)):
            content = json.loads(to_datastore.src.raw())
            sets = dict.fromkeys(keys, text)
            home.path.write_text(json.dumps({**content, "sets": sets}), encoding="utf-8")
        Copier(datadog, to_datastore.src, second_file).foretold_and_run()
        assert list(json.loads(second_file.raw())["sets"]) == own + others[-6:]


@pytest.mark.slow
class TestAtOnce:
    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("partial_batches", [True, False])
    def test_the_same_to_a_datastore(
        self, to_datastore: Copier, when: str, partial_batches: bool
    ) -> None:
        emulator = to_datastore.datadog.emulator
        emulator.settings(partial_batches=partial_batches)
        to_datastore.fill(to_datastore.src, entries(250))
        emulator.add_fault("hang", method="POST", path=DATASTORES, when=when, seconds=1)
        run = to_datastore.start(timeout=30)
        emulator.wait_for_fault()
        assert not to_datastore.run().get("failed")
        result = run.result()
        assert not result.get("failed"), result["msg"]
        assert to_datastore.dest.entries() == to_datastore.src.entries()

    def test_the_same_to_a_file(self, to_datastore: Copier, second_file: FileHome) -> None:
        copier = Copier(to_datastore.datadog, to_datastore.src, second_file)
        copier.fill(copier.src, entries(250))
        for run in [copier.start() for _number in range(8)]:
            result = run.result()
            assert not result.get("failed"), result["msg"]
        assert copier.dest.entries() == copier.src.entries()

    @pytest.mark.parametrize(
        "others", [{"x": entry(OTHER_ID)}, {"other": entry()}], ids=["name", "id"]
    )
    def test_what_contradicts_is_not_overwritten_in_a_file(
        self,
        to_datastore: Copier,
        second_file: FileHome,
        others: dict[str, t.Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        copier = Copier(to_datastore.datadog, to_datastore.src, second_file)
        copier.fill(copier.src, {"x": entry()})
        content = {**json.loads(copier.src.raw()), "connections": others}
        # What comes between reading and writing cannot be had otherwise.
        opened = os.open

        def opens(path: t.Any, flags: int, *mode: t.Any, **more: t.Any) -> int:
            if str(path).endswith(".lock"):
                second_file.path.write_text(json.dumps(content), encoding="utf-8")
            return opened(path, flags, *mode, **more)

        monkeypatch.setattr(os, "open", opens)
        result = copier.run()
        assert result["failed"] and "changed by another run meanwhile" in result["msg"]
        assert second_file.entries() == others
        monkeypatch.undo()
        copier.refused("Nothing was copied")

    def test_what_contradicts_is_not_overwritten_in_a_datastore(self, to_datastore: Copier) -> None:
        emulator = to_datastore.datadog.emulator
        to_datastore.fill(to_datastore.src, {"x": entry()})
        emulator.add_fault("hang", method="POST", path=DATASTORES, when="before", seconds=1)
        run = to_datastore.start()
        emulator.wait_for_fault()
        to_datastore.dest.write({"x": entry(OTHER_ID)})
        result = run.result()
        assert result["failed"] and "changed by another run meanwhile" in result["msg"]
        assert to_datastore.dest.ids() == {"x": OTHER_ID}
        to_datastore.refused("Nothing was copied")


class TestHomes:
    def test_an_empty_datastore_is_copied(
        self, to_datastore: Copier, second_file: FileHome
    ) -> None:
        result = to_datastore.backwards(second_file).run()
        assert (result["changed"], result["copied"]) == (False, [])
        assert not second_file.path.exists()

    def test_a_file_that_is_not_there_is_not_empty(self, to_datastore: Copier) -> None:
        assert not to_datastore.src.path.exists()
        to_datastore.refused(f"There is no registry {to_datastore.src.registry}", "Correct src")
        to_datastore.src.path.symlink_to("nowhere")
        result = to_datastore.run()
        assert result["failed"] and "There is no registry" in result["msg"]

    @pytest.mark.parametrize("option", ["src", "dest"])
    def test_a_datastore_that_is_not_there(self, to_datastore: Copier, option: str) -> None:
        to_datastore.fill(to_datastore.src, {"x": entry()})
        result = to_datastore.run(**{option: f"datastore:{ID}"})
        assert result["failed"] and result["http_status"] == 404
        assert "knows no such datastore" in result["msg"]

    def test_a_folder_that_is_not_there(self, to_datastore: Copier, tmp_path: Path) -> None:
        to_datastore.fill(to_datastore.src, {"x": entry()})
        for check_mode in (True, False):
            dest = tmp_path / "missing" / "connections.json"
            result = to_datastore.run(dest=str(dest), check_mode=check_mode)
            assert result["failed"] and "there is no folder" in result["msg"]

    def test_a_folder_that_is_gone(
        self, to_datastore: Copier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        to_datastore.fill(to_datastore.src, {"x": entry()})
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        for option in ("src", "dest"):
            result = to_datastore.run(**{option: "connections.json"})
            assert result["failed"] and f"{option} must be an absolute path" in result["msg"]
        assert to_datastore.run()["copied"] == ["x"]

    def test_those_of_another_site(self, copier: Copier) -> None:
        copier.fill(copier.src, {"x": entry()})
        copier.fill(copier.dest, {"y": entry(OTHER_ID)})
        other = copier.datadog.emulator.url.replace("127.0.0.1", "localhost")
        for own, other_site in ((copier.src, copier.dest), (copier.dest, copier.src)):
            homes = {"src": own.registry, "dest": other_site.registry}
            result = copier.run(**homes, api_url=other)
            assert result["failed"] and "belongs to" in result["msg"]

    def test_those_that_are_something_else(self, copier: Copier) -> None:
        for home in (copier.src, copier.dest):
            copier.fill(home, {"x": entry()})
        spoil(copier.datadog, copier.dest)
        copier.refused("is something else")
        spoil(copier.datadog, copier.src)
        copier.refused("is something else")

    def test_one_that_is_read_only(self, copier: Copier) -> None:
        copier.fill(copier.src, {"x": entry()})
        copier.fill(copier.dest, {"y": entry(OTHER_ID)})
        copier.dest.forbid_writing()
        result = copier.run()
        words = "read-only" if isinstance(copier.dest, FileHome) else "apps_datastore_write"
        assert result["failed"] and words in result["msg"]
        assert copier.dest.ids() == {"y": OTHER_ID}

    def test_what_is_being_renamed_is_there_once(
        self, to_datastore: Copier, second_file: FileHome
    ) -> None:
        copier = to_datastore.backwards(second_file)
        copier.fill(copier.src, {"old": entry(), "new": entry()})
        change = {"item_key": "old", "item_changes": {"ops_set": {"moved_to": "new"}}}
        call_items(copier.datadog, "PATCH", "", change)
        assert copier.run()["copied"] == ["new"]


class TestOptions:
    def test_the_same_registry_twice(self, to_datastore: Copier, tmp_path: Path) -> None:
        to_datastore.fill(to_datastore.src, {"x": entry()})
        path, link = to_datastore.src.path, tmp_path / "link.json"
        link.symlink_to(path)
        store = to_datastore.dest.registry
        upper = f"datastore:{store[len('datastore:') :].upper()}"
        for src, dest in (
            (str(path), str(path)),
            (str(path), str(link)),
            (str(path), f"{path.parent}/./{path.name}"),
            (store, upper),
        ):
            result = to_datastore.run(src=src, dest=dest)
            assert result["failed"] and "dest must be another registry than src" in result["msg"]
        assert to_datastore.datadog.registry_requests() == []

    def test_all_that_is_wrong_is_told(self, to_datastore: Copier) -> None:
        result = to_datastore.run(src="folder/", dest="datastore:Connections")
        assert result["failed"] and "src must be the path of a file" in result["msg"]
        assert "dest must name a datastore by its UUID" in result["msg"]

    @pytest.mark.parametrize("option", ["src", "dest"])
    def test_both_are_required(self, to_datastore: Copier, option: str) -> None:
        environ = {"DD_CONNECTION_REGISTRY": to_datastore.src.registry}
        result = to_datastore.run(**{option: None}, environ=environ)
        assert result["failed"] and option in result["msg"]


def call_items(datadog: Datadog, method: str, place: str, attributes: dict[str, t.Any]) -> None:
    """Write rows past the registry."""
    body = {"data": {"type": "items", "attributes": attributes}}
    path = f"{DATASTORES}/{DatastoreHome.ID}/items{place}"
    assert datadog.emulator.call(method, path, body).status == 200
    datadog.emulator.clear()


def spoil(datadog: Datadog, home: Home) -> None:
    """Make something else of a registry."""
    if isinstance(home, FileHome):
        home.path.write_text('{"a": 1}', encoding="utf-8")
    else:
        call_items(datadog, "POST", "/bulk", {"values": [{"id": "a row of somebody else's"}]})
