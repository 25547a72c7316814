# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry in a file: what becomes of the file, and which files are refused."""

from __future__ import annotations

import json
import os
import resource
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.tidyops.datadog.tests.unit.conftest import Server
from ansible_collections.tidyops.datadog.tests.unit.examples import example
from ansible_collections.tidyops.datadog.tests.unit.keeper import FileHome, Keeper, rotated

AWS = example("aws.assume_role")
GITLAB = example("gitlab.api_key")
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
OTHER_ID = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def home(file_home: FileHome) -> FileHome:
    return file_home


class TestFile:
    def test_modes(self, keeper: Keeper) -> None:
        for umask in (0, 0o777):
            former = os.umask(umask)
            try:
                run = keeper.start(GITLAB)
            finally:
                os.umask(former)
            assert not run.result().get("failed")
            for path in keeper.home.path.parent.iterdir():
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
            keeper.run(name="GitLab", state="absent")
            keeper.home.path.chmod(0o644)

    def test_can_be_kept_in_git(self, keeper: Keeper) -> None:
        names = ["b", "Ünïcode ☃", "a"]
        for name in names:
            keeper.run(**{**AWS, "name": name})
        text = keeper.home.raw().decode()
        assert list(keeper.home.entries()) == sorted(names)
        assert "Ünïcode ☃" in text and text.endswith("}\n")
        longest = max(len(line) for line in text.splitlines())
        assert longest < 120 and text.count("\n") < 8 * len(names)
        keeper.run(**{**AWS, "name": "c"})
        keeper.run(name="c", state="absent")
        assert keeper.home.raw().decode() == text

    def test_it_has_a_later_version_only_with_fingerprints_of_sets(self, keeper: Keeper) -> None:
        for tasks, version in ([GITLAB], 1), ([GITLAB, example("http.token_auth")], 2):
            keeper.datadog.connections(*tasks, registry=keeper.home.registry)
            assert json.loads(keeper.home.raw())["version"] == version

    def test_nothing_is_left_beside_it_but_the_lock(self, keeper: Keeper) -> None:
        keeper.run(**GITLAB)
        names = {path.name for path in keeper.home.path.parent.iterdir()}
        assert names == {"connections.json", ".connections.json.lock"}

    @pytest.mark.parametrize(
        "content, words",
        [
            (b"", "empty"),
            (b"{", "line 1 is not JSON"),
            (b'{\n"a": 1,\n<<<<<<< HEAD\n', "line 3 is not JSON (it has conflicts of a merge)"),
            (b"\xff\xfe\x00", "not UTF-8"),
            (b"[]", "something else"),
            (b'{"api_key": "c4n4ry"}', "something else"),
            (b'"c4n4ry"', "something else"),
            (b"[" * 100_000, "is broken"),
            ({"version": 3}, "version 3"),
            ({"version": "1"}, "its version is no number"),
            ({"site": None}, "site must be a text"),
            ({"connections": []}, "connections an object"),
            ({"more": 1}, "must have format, version, site and connections"),
            ({"connections": {"x": 1}}, "'x' is no object"),
            ({"connections": {"x": {"id": "7"}}}, "'x' has no UUID as id"),
            ({"connections": {"x": {"id": None}}}, "'x' has no id"),
            (
                {"connections": {"x": {"id": UNKNOWN_ID, "integration": 1}}},
                "no text as integration",
            ),
            (
                {"connections": {"x": {"id": UNKNOWN_ID, "secrets": {"a": "c4n4ry"}}}},
                "something else than fingerprints",
            ),
            (
                {"connections": {"x": {"id": UNKNOWN_ID}, "y": {"id": UNKNOWN_ID}}},
                "'x' and 'y' have the same id",
            ),
            (
                {
                    "connections": {
                        "x": {"id": UNKNOWN_ID},
                        "y": {"id": OTHER_ID, "replaces": UNKNOWN_ID},
                    }
                },
                "'y' replaces 00000000-0000-4000-8000-000000000000, which is to be deleted",
            ),
            ({"connections": {"x": {"id": UNKNOWN_ID, "color": "red"}}}, "not known here: color"),
            ({"version": 2, "sets": []}, "sets must hold fingerprints"),
            ({"version": 2, "sets": {"x": "y"}}, "sets must hold fingerprints"),
            ({"version": 2, "sets": {"x": None}}, "sets must hold fingerprints"),
        ],
    )
    def test_what_is_no_registry_is_refused(
        self, keeper: Keeper, content: bytes | dict[str, t.Any], words: str
    ) -> None:
        site = keeper.datadog.emulator.url.split("//")[1]
        if isinstance(content, dict):
            whole = {
                "format": "tidyops.datadog connection registry",
                "version": 1,
                "site": site,
                "connections": {},
            }
            content = json.dumps({**whole, **content}).encode()
        keeper.home.path.write_bytes(content)
        for check_mode in (True, False):
            for identity in ({}, {"connection_id": UNKNOWN_ID}):
                result = keeper.datadog.connection(
                    **GITLAB, **identity, registry=keeper.home.registry, check_mode=check_mode
                )
                assert result["failed"] and words in result["msg"]
                assert keeper.home.registry in result["msg"]
        assert keeper.home.raw() == content
        assert keeper.datadog.requests() == []

    def test_a_name_that_is_there_twice(self, keeper: Keeper) -> None:
        keeper.run(**GITLAB)
        text = keeper.home.raw().decode()
        entry = text[text.index('    "GitLab"') : text.rindex("  }")].rstrip()
        keeper.home.path.write_text(text.replace(entry, f"{entry},\n{entry}"))
        result = keeper.run(**GITLAB)
        assert result["failed"] and "'GitLab' twice" in result["msg"]

    def test_a_folder_a_pipe_and_a_missing_folder(self, keeper: Keeper) -> None:
        folder = keeper.home.path.parent
        os.mkfifo(folder / "pipe")
        for path in (folder, folder / "pipe", folder / "missing" / "file"):
            for check_mode in (True, False):
                result = keeper.run(**GITLAB, registry=str(path), check_mode=check_mode)
                assert result["failed"] and str(path) in result["msg"]
        assert keeper.datadog.requests() == []

    def test_a_link_of_ones_own_is_followed(self, keeper: Keeper) -> None:
        folder = keeper.home.path.parent
        (folder / "elsewhere").mkdir()
        link = folder / "link.json"
        link.symlink_to(Path("elsewhere") / "target.json")
        keeper.run(**GITLAB, registry=str(link))
        assert link.is_symlink() and (folder / "elsewhere" / "target.json").exists()
        keeper.home.path = folder / "elsewhere" / "target.json"
        keeper.is_silent(**GITLAB, registry=str(link))

    def test_links_are_followed_as_the_system_does(self, keeper: Keeper) -> None:
        folder = keeper.home.path.parent
        for name in ("releases/42", "releases/shared", "project"):
            (folder / name).mkdir(parents=True)
        (folder / "project" / "current").symlink_to("../releases/42")
        link = folder / "releases" / "42" / "link.json"
        link.symlink_to("../shared/target.json")
        keeper.home.path = folder / "releases" / "shared" / "target.json"
        keeper.run(**GITLAB, registry=str(folder / "project" / "current" / "link.json"))
        assert set(keeper.home.entries()) == {"GitLab"}
        keeper.is_silent(**GITLAB, registry=str(link))
        keeper.is_silent(**GITLAB, registry=str(folder / "project/current/../shared/target.json"))

    def test_a_relative_path(self, keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(keeper.home.path.parent)
        keeper.run(**GITLAB, registry="connections.json")
        keeper.is_silent(**GITLAB, registry="./connections.json")

    def test_a_relative_path_in_a_folder_that_is_gone(
        self, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone = keeper.home.path.parent / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        result = keeper.run(**GITLAB, registry="connections.json")
        assert result["failed"] and "registry must be an absolute path" in result["msg"]
        assert keeper.datadog.requests() == []

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root writes others' files")
    def test_root_leaves_it_to_its_owner(self, keeper: Keeper) -> None:
        keeper.run(**GITLAB)
        os.chown(keeper.home.path, 12345, 12345)
        keeper.run(**AWS)
        status = keeper.home.path.stat()
        assert (status.st_uid, status.st_gid) == (12345, 12345)

    def test_an_answer_that_it_could_not_hold(self, keeper: Keeper, server: Server) -> None:
        keeper.run(**GITLAB)
        site = keeper.datadog.emulator.url.split("//")[1]
        before = keeper.home.path.read_text()
        keeper.home.path.write_text(before.replace(site, server.url.split("//")[1]))
        server.answers["GET"] = (200, {"data": [], "meta": {"total_filtered": 0}})
        row = {"id": "no-uuid", "type": "action_connection", "attributes": {"name": AWS["name"]}}
        server.answers["POST"] = (201, {"data": row})
        result = keeper.run(**AWS, api_url=server.url)
        assert result["failed"] and "no-uuid" in result["msg"] and "no UUID" in result["msg"]
        keeper.home.path.write_text(before)
        keeper.is_silent(**GITLAB)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can make links of another user")
    def test_a_link_of_somebody_else_is_not(self, keeper: Keeper) -> None:
        link = keeper.home.path.parent / "link.json"
        link.symlink_to(keeper.home.path)
        os.lchown(link, 12345, 12345)
        result = keeper.run(**GITLAB, registry=str(link))
        assert result["failed"] and "symbolic link of another user" in result["msg"]
        assert keeper.datadog.requests() == []

    def test_links_that_never_end(self, keeper: Keeper) -> None:
        keeper.home.path.symlink_to(keeper.home.path)
        assert keeper.datadog.connection(**GITLAB, registry=keeper.home.registry)["failed"]
        assert keeper.datadog.requests() == []

    def test_read_only(self, keeper: Keeper) -> None:
        keeper.run(**GITLAB)
        keeper.home.path.chmod(0o444)
        before = keeper.home.raw()
        # Who only reads needs no more.
        keeper.is_silent(**GITLAB)
        created = keeper.there()
        for task in (AWS, rotated(GITLAB, "gitlab.api_key"), {"name": "GitLab", "state": "absent"}):
            keeper.datadog.emulator.clear()
            assert not keeper.run(**task, check_mode=True).get("failed")
            result = keeper.run(**task)
            assert result["failed"] and "read-only" in result["msg"]
            assert keeper.datadog.writes() == []
        assert (keeper.home.raw(), keeper.there()) == (before, created)

    def test_read_only_and_nothing_to_do_but_to_record(self, keeper: Keeper) -> None:
        created = keeper.run(**GITLAB)["connection_id"]
        keeper.edit(created, name="GitLab")
        keeper.home.path.chmod(0o444)
        result = keeper.run(**GITLAB)
        assert (result["changed"], result["drifted"]) == (False, True)
        assert any("read-only" in warning for warning in result["warnings"])
        # What is not known yet would be lost.
        adopted = keeper.datadog.connection(**AWS)["connection_id"]
        assert keeper.run(**AWS, connection_id=adopted)["failed"]

    def test_check_mode_makes_no_file(self, keeper: Keeper) -> None:
        keeper.datadog.emulator.add_fault("reset", method="POST", when="after")
        keeper.datadog.emulator.settings(no_list=404)
        assert keeper.run(**GITLAB)["failed"]
        lock = keeper.home.path.parent / ".connections.json.lock"
        lock.unlink()
        assert "may have been created" in keeper.run(**GITLAB, check_mode=True)["msg"]
        assert not lock.exists()

    def test_a_refused_create_is_told_even_if_the_disk_is_full(
        self, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keeper.datadog.emulator.add_fault("status", method="POST", status=400)
        monkeypatch.setattr(os, "replace", fails_from(2, os.replace))
        result = keeper.run(**GITLAB)
        assert result["failed"] and result["http_status"] == 400

    def test_a_read_only_folder(self, keeper: Keeper) -> None:
        folder = keeper.home.path.parent
        folder.chmod(0o555)
        if os.access(folder, os.W_OK):
            # Nothing stops root there.
            folder = Path("/sys/kernel")
        result = keeper.run(**GITLAB, registry=str(folder / "connections.json"))
        keeper.home.path.parent.chmod(0o755)
        assert result["failed"] and "cannot be written" in result["msg"]
        assert keeper.datadog.writes() == []

    @pytest.mark.parametrize("room", [0, 10, 500])
    def test_a_full_disk_loses_nothing(self, keeper: Keeper, room: int) -> None:
        for number in range(4):
            keeper.run(**{**AWS, "name": f"connection {number}"})
        before, names = keeper.home.raw(), set(keeper.home.entries())
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            run = keeper.start(GITLAB)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        result = run.result()
        assert result["failed"] and "cannot be written" in result["msg"]
        assert keeper.home.raw() == before
        assert len(keeper.there()) == 4
        keeper.run(**GITLAB)
        assert set(keeper.home.entries()) == names | {"GitLab"}

    def test_a_record_that_fails_tells_the_id(
        self, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # What fills the disk between the proof and the record cannot be had otherwise.
        monkeypatch.setattr(os, "replace", fails_from(2, os.replace))
        result = keeper.run(**GITLAB)
        monkeypatch.undo()
        [made] = keeper.there()
        assert result["failed"] and f"created action connection {made}" in result["msg"]
        assert "No space left" in result["msg"]
        assert keeper.run(**GITLAB)["connection_id"] == made
        keeper.is_silent(**GITLAB)

    def test_a_lock_that_is_never_released(
        self, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module = "ansible_collections.tidyops.datadog.plugins.module_utils._registry_homes"
        monkeypatch.setattr(f"{module}.LONGEST_WAIT", 0)
        keeper.datadog.emulator.add_fault("hang", method="POST", seconds=20)
        first = keeper.start(GITLAB)
        keeper.datadog.emulator.wait_for_fault()
        result = keeper.run(**GITLAB, timeout=0.5, retries=0)
        first.kill()
        assert result["failed"] and "locked" in result["msg"] and "another run" in result["msg"]


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


class TestOption:
    def test_from_the_environment(self, keeper: Keeper) -> None:
        environ = {"DD_CONNECTION_REGISTRY": keeper.home.registry}
        keeper.datadog.connection(**GITLAB, environ=environ)
        assert set(keeper.home.entries()) == {"GitLab"}
        other = keeper.home.path.parent / "other.json"
        keeper.datadog.connection(**GITLAB, environ=environ, registry=str(other))
        assert other.exists()
        home = {"HOME": str(other.parent), "DD_CONNECTION_REGISTRY": "~/third.json"}
        keeper.datadog.connection(**AWS, environ=home)
        assert (other.parent / "third.json").exists()
        result = keeper.datadog.connection(**GITLAB, environ={"DD_CONNECTION_REGISTRY": ""})
        assert "could not be compared" in result["warnings"][0]

    @pytest.mark.parametrize(
        "registry",
        [
            "",
            "  ",
            "folder/",
            "datastore:",
            "datastore:registry",
            f"Datastore:{UNKNOWN_ID}",
            f" datastore:{UNKNOWN_ID}",
        ],
    )
    def test_what_is_no_path(self, keeper: Keeper, registry: str) -> None:
        result = keeper.run(**GITLAB, registry=registry)
        words = "by its UUID" if "datastore" in registry.lower() else "must be the path of a file"
        assert result["failed"] and words in result["msg"]
        assert keeper.datadog.requests() == []
