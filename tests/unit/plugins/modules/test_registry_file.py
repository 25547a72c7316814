# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry in a file: what the file is like, and which files are refused."""

from __future__ import annotations

import fcntl
import os
import resource
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.tidyops.datadog.plugins.module_utils._registry import file
from ansible_collections.tidyops.datadog.tests.unit.conftest import Server
from ansible_collections.tidyops.datadog.tests.unit.examples import example
from ansible_collections.tidyops.datadog.tests.unit.registry_fixtures import (
    FileBackend,
    RegistryRunner,
    rotated,
)

AWS = example("aws.assume_role")
GITLAB = example("gitlab.api_key")
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def backend(file_backend: FileBackend) -> FileBackend:
    return file_backend


@pytest.fixture
def folder(backend: FileBackend) -> Path:
    return backend.path.parent


class TestContent:
    def test_modes(self, runner: RegistryRunner, folder: Path) -> None:
        for umask in (0, 0o777):
            former = os.umask(umask)
            try:
                run = runner.start(GITLAB)
            finally:
                os.umask(former)
            assert not run.result().get("failed")
            names = {path.name for path in folder.iterdir()}
            assert names == {"connections.json", ".connections.json.lock"}
            for path in folder.iterdir():
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
            runner.run(name="GitLab", state="absent")
            runner.backend.path.chmod(0o644)

    def test_it_fits_git(self, runner: RegistryRunner) -> None:
        """Sorted, a line for each value, readable, and the same again after a change was taken back."""
        names = ["b", "Ünïcode ☃", "a"]
        for name in names:
            runner.run(**{**AWS, "name": name})
        text = runner.backend.raw().decode()
        assert list(runner.backend.entries()) == sorted(names)
        assert "Ünïcode ☃" in text and text.endswith("}\n")
        assert max(map(len, text.splitlines())) < 120
        runner.run(**{**AWS, "name": "c"})
        runner.run(name="c", state="absent")
        assert runner.backend.raw().decode() == text


def conflict(before: str) -> bytes:
    """What git leaves in a file. :param before: what comes before it."""
    return f'{before}<<<<<<< HEAD\n"b": 1\n=======\n"b": 2\n>>>>>>> other\n}}\n'.encode()


class TestRefused:
    """All of them before any request, in check mode too; the file stays as it is."""

    @pytest.mark.parametrize(
        "content, words",
        [
            (b"", "empty"),
            (b"{", "line 1"),
            (conflict('{\n"a": 1,\n'), "line 3 is not JSON (it has conflicts of a merge)"),
            (conflict(""), "line 1 is not JSON (it has conflicts of a merge)"),
            (b"\xff\xfe\x00", "UTF-8"),
            (b"[]", "not a registry"),
            pytest.param(b'{"api_key": "c4n4ry"}', "not a registry", id="other"),
            pytest.param(b'"c4n4ry"', "not a registry", id="text"),
            (b"[" * 100_000, "broken"),
            ({"version": 4}, "version 4"),
            ({"version": "1"}, "version"),
            ({"site": None}, "site"),
            ({"connections": []}, "connections"),
            ({"connections": {"x": 1}}, "'x'"),
            ({"connections": {"x": {"id": "7"}}}, "wrong id: it must be a UUID"),
            ({"connections": {"x": {"id": UNKNOWN_ID, "replaces": "7"}}}, "wrong replaces: it must be a UUID"),
            ({"connections": {"x": {"id": None}}}, "'x' has no id"),
            ({"connections": {"x": {"id": UNKNOWN_ID, "integration": 1}}}, "integration"),
            (
                {"connections": {"x": {"id": UNKNOWN_ID, "secrets": {"a": "c4n4ry"}}}},
                "wrong secrets",
            ),
            (
                {"connections": {"x": {"id": UNKNOWN_ID}, "y": {"id": UNKNOWN_ID}}},
                "'x' and 'y' have the same id",
            ),
            ({"connections": {"x": {"id": UNKNOWN_ID, "color": "red"}}}, "color"),
        ],
    )
    def test_content(self, runner: RegistryRunner, content: bytes | dict[str, t.Any], words: str) -> None:
        if isinstance(content, dict):
            runner.backend.edit(**content)
        else:
            runner.backend.path.write_bytes(content)
        self.refused(runner, runner.backend.path, words)

    def refused(self, runner: RegistryRunner, path: Path, words: str) -> None:
        """See that it is an error with these words, and left as it is."""
        before = path.read_bytes() if path.is_file() else b""
        for check_mode in (True, False):
            for identity in ({}, {"connection_id": UNKNOWN_ID}):
                result = runner.datadog.connection(**GITLAB, **identity, registry=str(path), check_mode=check_mode)
                assert result["failed"] and words in result["msg"]
                assert str(path) in result["msg"]
        assert (path.read_bytes() if path.is_file() else b"") == before
        assert runner.datadog.requests() == []

    def test_a_name_that_is_there_twice(self, runner: RegistryRunner) -> None:
        runner.run(**GITLAB)
        text = runner.backend.raw().decode()
        entry = text[text.index('    "GitLab"') : text.rindex("  }")].rstrip()
        runner.backend.path.write_text(text.replace(entry, f"{entry},\n{entry}"))
        runner.datadog.emulator.clear()
        self.refused(runner, runner.backend.path, "'GitLab' occurs twice")

    @pytest.mark.parametrize("name", ["", "pipe", "missing/file", "loop"])
    def test_what_is_no_file(self, runner: RegistryRunner, folder: Path, name: str) -> None:
        os.mkfifo(folder / "pipe")
        (folder / "loop").symlink_to("loop")
        words = "no folder" if "missing" in name else "not a regular file"
        self.refused(runner, folder / name, words)

    @pytest.mark.parametrize(
        "registry, words",
        [
            ("", "path of a file"),
            ("  ", "path of a file"),
            ("folder/", "path of a file"),
            ("true", "path of a file"),
            ("/somewhere/True", "path of a file"),
            (UNKNOWN_ID, f"datastore:{UNKNOWN_ID}"),
            (f"/playbooks/{UNKNOWN_ID}", f"datastore:{UNKNOWN_ID}"),
            ("datastore:", "UUID"),
            ("datastore:registry", "UUID"),
            (f"Datastore:{UNKNOWN_ID}", "UUID"),
            (f" datastore:{UNKNOWN_ID}", "UUID"),
        ],
    )
    def test_options(self, runner: RegistryRunner, registry: str, words: str) -> None:
        result = runner.run(**GITLAB, registry=registry)
        assert result["failed"] and words in result["msg"] and "registry" in result["msg"]
        assert runner.datadog.requests() == []

    def test_a_boolean(self, runner: RegistryRunner) -> None:
        result = runner.run(**GITLAB, registry=True)
        assert result["failed"] and "registry" in result["msg"]
        assert runner.datadog.requests() == []


class TestPath:
    def test_from_the_environment(self, runner: RegistryRunner, folder: Path) -> None:
        environ = {"DD_CONNECTION_REGISTRY": runner.backend.registry}
        runner.datadog.connection(**GITLAB, environ=environ)
        assert set(runner.backend.entries()) == {"GitLab"}
        other = folder / "other.json"
        runner.datadog.connection(**AWS, environ=environ, registry=str(other))
        assert other.exists() and set(runner.backend.entries()) == {"GitLab"}
        home = {"HOME": str(folder), "DD_CONNECTION_REGISTRY": "~/third.json"}
        runner.datadog.connection(**AWS, environ=home)
        assert (folder / "third.json").exists()

    def test_relative(self, runner: RegistryRunner, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(runner.backend.path.parent)
        runner.run(**GITLAB, registry="connections.json")
        runner.run_unchanged(**GITLAB, registry="./connections.json")

    def test_relative_to_a_folder_that_was_deleted(
        self, runner: RegistryRunner, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "deleted").mkdir()
        monkeypatch.chdir(folder / "deleted")
        monkeypatch.setenv("PWD", str(folder / "deleted"))
        (folder / "deleted").rmdir()
        result = runner.run(**GITLAB, registry="connections.json")
        assert result["failed"] and str(folder / "deleted" / "connections.json") in result["msg"]
        assert runner.datadog.requests() == []

    def test_links_are_followed_as_the_system_does(self, runner: RegistryRunner, folder: Path) -> None:
        for name in ("releases/42", "releases/shared", "project"):
            (folder / name).mkdir(parents=True)
        (folder / "project" / "current").symlink_to("../releases/42")
        link = folder / "releases" / "42" / "link.json"
        link.symlink_to("../shared/target.json")
        runner.backend.path = folder / "releases" / "shared" / "target.json"
        runner.run(**GITLAB, registry=str(folder / "project" / "current" / "link.json"))
        assert link.is_symlink() and set(runner.backend.entries()) == {"GitLab"}
        runner.run_unchanged(**GITLAB, registry=str(link))
        runner.run_unchanged(**GITLAB, registry=str(folder / "project/current/../shared/target.json"))


class TestReadOnly:
    def test_unchanged_tasks_need_no_more(self, runner: RegistryRunner) -> None:
        runner.run(**GITLAB)
        runner.backend.forbid_writing()
        before, existing = runner.backend.raw(), runner.existing()
        runner.run_unchanged(**GITLAB)
        for task in (AWS, {**AWS, "name": "GitLab", "allow_replace": True}):
            runner.datadog.emulator.clear()
            assert not runner.run(**task, check_mode=True).get("failed")
            result = runner.run(**task)
            assert result["failed"] and not result["changed"] and "read-only" in result["msg"]
            assert runner.datadog.writes() == []
        assert (runner.backend.raw(), runner.existing()) == (before, existing)

    def test_what_was_written_before_is_told(self, runner: RegistryRunner) -> None:
        runner.run(**GITLAB)
        runner.backend.forbid_writing()
        result = runner.run(**rotated(GITLAB, "gitlab.api_key"))
        assert result["failed"] and result["changed"] and "read-only" in result["msg"]
        runner.backend.allow_writing()
        # What was sent was not recorded, so that it is sent again.
        result = runner.run(**rotated(GITLAB, "gitlab.api_key"))
        assert (result["operation"], result["drifted"]) == ("update", True)
        runner.run_unchanged(**rotated(GITLAB, "gitlab.api_key"))

    def test_what_can_be_read_again_is_a_warning(self, runner: RegistryRunner) -> None:
        created = runner.run(**AWS)["connection_id"]
        runner.edit(created, name=AWS["name"])
        imported = runner.datadog.connection(**GITLAB)["connection_id"]
        runner.backend.forbid_writing()
        result = runner.run(**AWS)
        assert (result["changed"], result["drifted"]) == (False, True)
        assert any("read-only" in warning for warning in result["warnings"])
        # An id that is not known yet would be lost.
        assert runner.run(**GITLAB, connection_id=imported)["failed"]

    def test_a_folder(self, runner: RegistryRunner, folder: Path) -> None:
        folder.chmod(0o555)
        # Nothing stops root there.
        place = Path("/sys/kernel") if os.access(folder, os.W_OK) else folder
        result = runner.run(**GITLAB, registry=str(place / "connections.json"))
        folder.chmod(0o755)
        assert result["failed"] and "cannot be written" in result["msg"]
        assert runner.datadog.writes() == []


class TestFullDisk:
    @pytest.mark.parametrize("room", [0, 10, 500])
    def test_nothing_is_lost(self, runner: RegistryRunner, room: int) -> None:
        tasks = [{**AWS, "name": f"connection {number}"} for number in range(4)]
        runner.datadog.connections(*tasks, registry=runner.backend.registry)
        before, names = runner.backend.raw(), set(runner.backend.entries())
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            run = runner.start(GITLAB)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        result = run.result()
        assert result["failed"] and "cannot be written" in result["msg"]
        assert runner.backend.raw() == before and len(runner.existing()) == 4
        runner.run(**GITLAB)
        assert set(runner.backend.entries()) == names | {"GitLab"}

    def test_between_the_claim_and_the_id(self, runner: RegistryRunner, monkeypatch: pytest.MonkeyPatch) -> None:
        runner.datadog.emulator.settings(list=False)
        monkeypatch.setattr(os, "replace", fails_from(2, os.replace))
        result = runner.run(**GITLAB)
        monkeypatch.undo()
        [created] = runner.existing()
        assert result["failed"] and result["changed"]
        assert result["connection_id"] == created and created in result["msg"]
        assert "No space left" in result["msg"] and "connection_id" in result["msg"]
        assert runner.run(**GITLAB, connection_id=created, timeout=1)["connection_id"] == created
        runner.run_unchanged(**GITLAB)

    def test_a_refused_create_is_what_is_told(self, runner: RegistryRunner, monkeypatch: pytest.MonkeyPatch) -> None:
        runner.add_fault("status", method="POST", status=400)
        monkeypatch.setattr(os, "replace", fails_from(2, os.replace))
        result = runner.run(**GITLAB)
        assert result["failed"] and result["http_status"] == 400


def fails_from(count: int, function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """A function that works before its n-th call, and from then on finds the disk full."""
    calls = 0

    def failing(*args: t.Any) -> t.Any:
        nonlocal calls
        calls += 1
        if calls >= count:
            raise OSError(28, "No space left on device")
        return function(*args)

    return failing


def test_what_a_killed_run_left_is_not_in_the_way(runner: RegistryRunner, folder: Path) -> None:
    (folder / ".connections.json.new").write_text("half a fi")
    runner.run(**GITLAB)
    assert not (folder / ".connections.json.new").exists()
    runner.run_unchanged(**GITLAB)


def test_check_mode_creates_no_file(runner: RegistryRunner, folder: Path) -> None:
    assert runner.run(**GITLAB, check_mode=True)["operation"] == "create"
    assert not list(folder.iterdir())


def test_an_id_that_it_could_not_hold(runner: RegistryRunner, server: Server) -> None:
    runner.run(**GITLAB)
    before = runner.backend.path.read_text()
    site = server.url.split("//")[1]
    runner.backend.path.write_text(before.replace(runner.backend.site, site))
    row = {"id": "no-uuid", "type": "action_connection", "attributes": {"name": AWS["name"]}}
    server.answers["GET"] = (200, {"data": [], "meta": {"total_filtered": 0}})
    server.answers["POST"] = (201, {"data": row})
    result = runner.run(**AWS, api_url=server.url)
    assert result["failed"]
    runner.backend.path.write_text(before)
    runner.run_unchanged(**GITLAB)


def test_a_lock_that_is_never_released(runner: RegistryRunner, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "LONGEST_REPLACEMENT", 0.1)
    with open(folder / ".connections.json.lock", "w", encoding="utf-8") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        result = runner.run(**GITLAB)
    assert result["failed"] and "locked" in result["msg"] and "another run" in result["msg"]
    assert runner.existing() == []
