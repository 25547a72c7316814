# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registries that are copied from one backend to another one."""

from __future__ import annotations

import json
import os
import typing as t
import uuid
from pathlib import Path

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import Emulator
from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.examples import example
from ansible_collections.tidyops.datadog.tests.unit.module_runner import Run
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    DATASTORES,
    Backend,
    DatastoreBackend,
    FileBackend,
    RegistryRunner,
)

AWS = example("aws.assume_role")
GITLAB = example("gitlab.api_key")
HTTP = example("http.token_auth")
NAMES = sorted(task["name"] for task in (AWS, GITLAB, HTTP))
ID = "00000000-0000-4000-8000-000000000001"
OTHER_ID = "00000000-0000-4000-8000-000000000002"
CLAIM = {
    "id": None,
    "integration": "",
    "last_updated": None,
    "claim": "gitlab.api_key 2026-11-22T05:20:26Z 00",
}
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

    def backwards(self, dest: Backend) -> Copier:
        """The same from here to another one."""
        return Copier(self.datadog, self.dest, dest)

    def fill(self, backend: Backend, content: t.Mapping[str, t.Any]) -> None:
        """Make a registry that has these entries."""
        if not backend.raw():
            RegistryRunner(self.datadog, backend).run(**AWS)
        backend.write(content)
        self.datadog.emulator.clear()

    def start(self, **params: t.Any) -> Run:
        params = {"src": self.src.registry, "dest": self.dest.registry, **params}
        return self.datadog.start("registry_copy", **params)

    def run(self, **params: t.Any) -> dict[str, t.Any]:
        params = {"src": self.src.registry, "dest": self.dest.registry, **params}
        result = self.datadog.run("registry_copy", **params)
        assert "$scrypt$" not in result["raw"] + result["logged"]
        return result

    def predict_and_run(self) -> dict[str, t.Any]:
        """Run in check mode, in earnest and once more. The source stays as it is, and only one of the runs writes."""
        src, before = self.src.raw(), (self.dest.raw(), self.writes())
        predicted = self.run(check_mode=True)
        assert (self.dest.raw(), self.writes()) == before
        result = self.run()
        for key in ("changed", "operation", "copied", "diff", "warnings"):
            assert result[key] == predicted[key]
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
def second_file(tmp_path: Path, emulator: Emulator) -> FileBackend:
    folder = tmp_path / "second"
    folder.mkdir()
    return FileBackend(folder, emulator.url)


@pytest.fixture(params=DIRECTIONS, ids="-to-".join)
def copier(
    request: pytest.FixtureRequest,
    datadog: Datadog,
    file_backend: FileBackend,
    second_file: FileBackend,
    datastore_backend: DatastoreBackend,
) -> Copier:
    """A source and a destination, neither of which knows anything."""
    backends = {"file": file_backend, "datastore": datastore_backend}
    src, dest = request.param
    return Copier(datadog, backends[src], second_file if src == dest else backends[dest])


@pytest.fixture
def to_datastore(datadog: Datadog, file_backend: FileBackend, datastore_backend: DatastoreBackend) -> Copier:
    return Copier(datadog, file_backend, datastore_backend)


def test_what_was_known_is_known_afterwards(copier: Copier) -> None:
    datadog, registry = copier.datadog, copier.src.registry
    datadog.connections(AWS, GITLAB, HTTP, registry=registry)
    datadog.emulator.clear()
    result = copier.predict_and_run()
    assert (result["changed"], result["operation"]) == (True, "update")
    assert result["copied"] == NAMES and result["warnings"] == []
    known = copier.src.entries()
    shown = {name: {"id": each["id"], "integration": each["integration"]} for name, each in known.items()}
    assert result["diff"] == {"before": {"connections": {}}, "after": {"connections": shown}}
    assert copier.dest.entries() == known
    for task in (AWS, GITLAB, HTTP):
        RegistryRunner(datadog, copier.dest).run_unchanged(**task)
    # Connections are not asked for.
    datadog.emulator.clear()
    copier.run()
    assert not any("connections" in request["path"] for request in datadog.requests())


def test_what_dest_knows_beside_it_stays(copier: Copier) -> None:
    both = {"Same": entry(), "Claimed": CLAIM}
    copier.fill(copier.src, {**both, "From src": entry(OTHER_ID)})
    copier.fill(copier.dest, {**both, "Own": entry(str(uuid.uuid4()))})
    own = copier.dest.entries()
    result = copier.predict_and_run()
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
        ({"new": entry()}, {"old": entry()}, "'new' has the id that 'old' has"),
    ],
)
def test_what_contradicts_is_refused(copier: Copier, src: dict[str, t.Any], dest: dict[str, t.Any], words: str) -> None:
    copier.fill(copier.src, {**src, "free": entry(str(uuid.uuid4()))})
    copier.fill(copier.dest, dest)
    copier.refused(words, "Nothing was copied", copier.src.registry, copier.dest.registry)


def test_few_of_many_contradictions_are_named(to_datastore: Copier) -> None:
    to_datastore.fill(to_datastore.src, entries(7))
    to_datastore.fill(to_datastore.dest, entries(7))
    to_datastore.refused("'Connection 0004'", "2 more")


class TestInterrupted:
    """Entries with a claim."""

    def test_are_copied_with_a_warning(self, copier: Copier) -> None:
        replacing = {"y": entry(OTHER_ID, claim="aws.assume_role 2026-11-22T05:20:26Z 01")}
        copier.fill(copier.src, {**{f"c{number}": CLAIM for number in range(7)}, "x": entry(), **replacing})
        [warning] = copier.predict_and_run()["warnings"]
        assert "'c0', 'c1', 'c2', 'c3', 'c4' and 3 more" in warning
        assert copier.dest.entries() == copier.src.entries()

    @pytest.mark.slow
    @pytest.mark.parametrize("replaces", [False, True], ids=["create", "replace"])
    def test_are_finished_by_the_next_run(self, copier: Copier, replaces: bool) -> None:
        src = RegistryRunner(copier.datadog, copier.src)
        task = {**AWS, "name": GITLAB["name"], "allow_replace": True}
        if replaces:
            src.run(**GITLAB)
        src.start_and_hang(task, "POST", None).kill()
        assert copier.run()["copied"] == [GITLAB["name"]]
        dest = RegistryRunner(copier.datadog, copier.dest)
        dest.run(**task, timeout=1)
        assert dest.existing() == list(copier.dest.ids().values())
        dest.run_unchanged(**task)


class TestOrganization:
    OTHER = "11111111-2222-4333-8444-555555555555"

    def test_is_copied(self, to_datastore: Copier, second_file: FileBackend) -> None:
        to_datastore.datadog.connections(GITLAB, registry=to_datastore.src.registry)
        copier = Copier(to_datastore.datadog, to_datastore.src, second_file)
        copier.predict_and_run()
        assert second_file.content() == to_datastore.src.content()

    def test_that_of_a_datastore_is_recorded(self, to_datastore: Copier, second_file: FileBackend) -> None:
        to_datastore.dest.write({"y": entry(OTHER_ID)})
        Copier(to_datastore.datadog, to_datastore.dest, second_file).predict_and_run()
        answer = to_datastore.datadog.emulator.call("GET", "/api/v2/current_user").body
        assert second_file.content()["organization"] == answer["data"]["relationships"]["org"]["data"]["id"]

    @pytest.mark.parametrize("is_src", [True, False])
    def test_another_one_is_refused(self, to_datastore: Copier, second_file: FileBackend, is_src: bool) -> None:
        """A datastore belongs to the organization of the keys."""
        file, store = to_datastore.src, to_datastore.dest
        file.edit(organization=self.OTHER, connections={"x": entry()})
        store.write({"y": entry(OTHER_ID)})
        second_file.edit(organization=OTHER_ID, connections={"z": entry(str(uuid.uuid4()))})
        for other in (store, second_file):
            src, dest = (file, other) if is_src else (other, file)
            Copier(to_datastore.datadog, src, dest).refused("organization")


class TestMany:
    def test_requests(self, to_datastore: Copier, second_file: FileBackend) -> None:
        known = entries(250)
        to_datastore.fill(to_datastore.src, known)
        assert to_datastore.run()["copied"] == list(known)
        # One page that is empty, and a batch for every 16.
        assert to_datastore.datadog.registry_requests() == ["GET", *["POST"] * 16]
        to_datastore.datadog.emulator.clear()
        assert to_datastore.run()["changed"] is False
        to_datastore.backwards(second_file).run()
        assert set(to_datastore.datadog.registry_requests()) == {"GET"}
        assert second_file.entries() == known

    @pytest.mark.slow
    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("batch", [0, 2])
    def test_killed(self, to_datastore: Copier, batch: int, when: str) -> None:
        emulator = to_datastore.datadog.emulator
        to_datastore.fill(to_datastore.src, entries(40))
        emulator.add_fault("hang", method="POST", path=DATASTORES, skip=batch, when=when, seconds=None)
        run = to_datastore.start(timeout=30)
        emulator.wait_for_fault()
        run.kill()
        written = min(40, 16 * (batch + (when == "after")))
        assert len(to_datastore.dest.entries()) == written
        assert len(to_datastore.predict_and_run()["copied"]) == 40 - written
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
        to_datastore.fill(to_datastore.src, entries(40))
        emulator.settings(datastore_rows=35)
        result = to_datastore.run()
        assert result["failed"] and "full" in result["msg"] and result["http_status"] == 400
        # Of the batch that does not fit, nothing is left.
        assert len(to_datastore.dest.entries()) == 32
        emulator.settings(datastore_rows=5000)
        to_datastore.predict_and_run()
        assert to_datastore.dest.entries() == to_datastore.src.entries()


@pytest.mark.slow
class TestAtOnce:
    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("partial_batches", [True, False])
    def test_the_same_to_a_datastore(self, to_datastore: Copier, when: str, partial_batches: bool) -> None:
        emulator = to_datastore.datadog.emulator
        emulator.settings(partial_batches=partial_batches)
        to_datastore.fill(to_datastore.src, entries(40))
        emulator.add_fault("hang", method="POST", path=DATASTORES, when=when, seconds=1)
        run = to_datastore.start(timeout=30)
        emulator.wait_for_fault()
        assert not to_datastore.run().get("failed")
        result = run.result()
        assert not result.get("failed"), result["msg"]
        assert to_datastore.dest.entries() == to_datastore.src.entries()

    def test_the_same_to_a_file(self, to_datastore: Copier, second_file: FileBackend) -> None:
        copier = Copier(to_datastore.datadog, to_datastore.src, second_file)
        copier.fill(copier.src, entries(40))
        for run in [copier.start() for _number in range(8)]:
            result = run.result()
            assert not result.get("failed"), result["msg"]
        assert copier.dest.entries() == copier.src.entries()

    @pytest.mark.parametrize("others", [{"x": entry(OTHER_ID)}, {"other": entry()}], ids=["name", "id"])
    def test_what_contradicts_is_not_overwritten_in_a_file(
        self,
        to_datastore: Copier,
        second_file: FileBackend,
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
        assert result["failed"] and "'x'" in result["msg"]
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
        assert result["failed"] and "'x'" in result["msg"]
        assert to_datastore.dest.ids() == {"x": OTHER_ID}
        to_datastore.refused("Nothing was copied")


class TestBackends:
    def test_an_empty_datastore_is_copied(self, to_datastore: Copier, second_file: FileBackend) -> None:
        result = to_datastore.backwards(second_file).run()
        assert (result["changed"], result["copied"]) == (False, [])
        assert not second_file.path.exists()

    def test_a_missing_file_is_not_an_empty_one(self, to_datastore: Copier) -> None:
        assert not to_datastore.src.path.exists()
        to_datastore.refused(f"There is no registry {to_datastore.src.registry}", "Correct src")
        to_datastore.src.path.symlink_to("nowhere")
        result = to_datastore.run()
        assert result["failed"] and "There is no registry" in result["msg"]

    @pytest.mark.parametrize("option", ["src", "dest"])
    def test_an_unknown_datastore(self, to_datastore: Copier, option: str) -> None:
        to_datastore.fill(to_datastore.src, {"x": entry()})
        result = to_datastore.run(**{option: f"datastore:{ID}"})
        assert result["failed"] and result["http_status"] == 404
        assert f"datastore:{ID}" in result["msg"]

    def test_a_missing_folder(self, to_datastore: Copier, tmp_path: Path) -> None:
        to_datastore.fill(to_datastore.src, {"x": entry()})
        for check_mode in (True, False):
            dest = tmp_path / "missing" / "connections.json"
            result = to_datastore.run(dest=str(dest), check_mode=check_mode)
            assert result["failed"] and str(dest.parent) in result["msg"]

    def test_those_of_another_site(self, copier: Copier) -> None:
        copier.fill(copier.src, {"x": entry()})
        copier.fill(copier.dest, {"y": entry(OTHER_ID)})
        other = copier.datadog.emulator.url.replace("127.0.0.1", "localhost")
        for own, other_site in ((copier.src, copier.dest), (copier.dest, copier.src)):
            backends = {"src": own.registry, "dest": other_site.registry}
            result = copier.run(**backends, api_url=other)
            assert result["failed"] and "belongs to" in result["msg"]

    def test_those_that_are_something_else(self, copier: Copier) -> None:
        for backend in (copier.src, copier.dest):
            copier.fill(backend, {"x": entry()})
        spoil(copier.dest)
        copier.refused("is not a registry")
        spoil(copier.src)
        copier.refused("is not a registry")

    def test_one_that_is_read_only(self, copier: Copier) -> None:
        copier.fill(copier.src, {"x": entry()})
        copier.fill(copier.dest, {"y": entry(OTHER_ID)})
        copier.dest.forbid_writing()
        result = copier.run()
        words = "read-only" if isinstance(copier.dest, FileBackend) else "apps_datastore_write"
        assert result["failed"] and words in result["msg"]
        assert copier.dest.ids() == {"y": OTHER_ID}


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
            assert result["failed"] and "dest" in result["msg"] and "src" in result["msg"]
        assert to_datastore.datadog.registry_requests() == []

    def test_all_problems_are_named(self, to_datastore: Copier) -> None:
        result = to_datastore.run(src="folder/", dest="datastore:Connections")
        assert result["failed"] and "src" in result["msg"] and "dest" in result["msg"]

    @pytest.mark.parametrize("option", ["src", "dest"])
    def test_both_are_required(self, to_datastore: Copier, option: str) -> None:
        environ = {"DD_CONNECTION_REGISTRY": to_datastore.src.registry}
        result = to_datastore.run(**{option: None}, environ=environ)
        assert result["failed"] and option in result["msg"]


def spoil(backend: t.Any) -> None:
    """Turn a registry into something else."""
    if isinstance(backend, FileBackend):
        backend.path.write_text('{"a": 1}', encoding="utf-8")
    else:
        backend.put({"id": "a row of something else"})
