# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process: its one line of output, where it listens, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    EMULATOR,
    Emulator,
    running_emulator,
    running_emulators,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import TEAMS

PATIENCE = 60


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the emulator to its end."""
    command = [sys.executable, str(EMULATOR), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_one_line_and_a_clean_end(tmp_path: Path, end: signal.Signals) -> None:
    """From any working directory, with output that is no terminal."""
    command = [sys.executable, os.path.relpath(EMULATOR, tmp_path), "--lifetime", str(PATIENCE)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9][0-9]*\n", line)
        process.send_signal(end)
        more, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, more) == (0, "")
    assert re.fullmatch("It has a team, platform; .*\n", errors)


def test_lifetime_and_teams() -> None:
    for switches in (["--no-team"], ["--team", "x"], ["--team", "x", "--no-team"]):
        ended = run("--lifetime", "0.2", *switches)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert len(ended.stdout.splitlines()) == 1


def test_the_team_for_people() -> None:
    command = [sys.executable, str(EMULATOR), "--lifetime", str(PATIENCE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with tempfile.TemporaryFile("w+") as errors:
            emulator = Emulator(url, process, errors)
            for _time in range(2):
                (team,) = emulator.call("GET", TEAMS).body["data"]
                assert team["attributes"]["handle"] == "platform"
                emulator.reset()
            assert emulator.stop() == 0
    with running_emulator() as emulator:
        assert emulator.call("GET", TEAMS).body["data"] == []


def test_ends_although_requests_hang() -> None:
    with running_emulator() as emulator:
        emulator.add_fault("hang")
        client = emulator.connection()
        client.request("GET", TEAMS)
        assert emulator.stop() == 0
        client.close()


def test_given_port_and_a_port_that_is_taken() -> None:
    with running_emulator() as emulator:
        port = urlsplit(emulator.url).port
        taken = run("--port", str(port))
        assert (taken.returncode, taken.stdout) == (1, "")
        assert taken.stderr.startswith("emulator: ")
        assert len(taken.stderr.splitlines()) == 1
    with running_emulator(port=port or 0) as emulator:
        assert emulator.url == f"http://127.0.0.1:{port}"
        assert emulator.call("GET", TEAMS).status == 200


def test_listens_on_loopback_only() -> None:
    with running_emulator() as emulator:
        port = urlsplit(emulator.url).port or 0
        # All of 127.0.0.0/8 is loopback, but only one address of it was bound.
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--host", "0.0.0.0"],  # noqa: S104 (there is no such switch)
        ["--port", "65536"],
        ["--latency", "-1"],
        ["--no-list", "200"],
        ["--deny", "everything"],
        ["--rate-limit", "5"],
        ["--app-key", ""],
        ["--tls-cert", "x"],
    ],
    ids=" ".join,
)
def test_wrong_switches(arguments: list[str]) -> None:
    ended = run("--lifetime", "0", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("usage: emulator")


def test_several_organizations() -> None:
    with running_emulators(2, "--team", "platform") as [one, other]:
        assert one.url != other.url
        team = {"data": {"type": "team", "attributes": {"name": "SRE", "handle": "sre"}}}
        assert one.call("POST", TEAMS, team).status == 201
        assert [each.state()["counts"]["teams"] for each in (one, other)] == [2, 1]


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for the loopback address, and its key."""
    certificate = trustme.CA().issue_cert("127.0.0.1")
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(str(cert_file))
    certificate.private_key_pem.write_to_path(str(key_file))
    return cert_file, key_file


def test_https(tmp_path: Path) -> None:
    cert_file, key_file = write_certificate(tmp_path)
    with running_emulator("--tls-cert", str(cert_file), "--tls-key", str(key_file)) as emulator:
        assert emulator.url.startswith("https://127.0.0.1:")
        assert emulator.call("GET", TEAMS).status == 200
        address = ("127.0.0.1", urlsplit(emulator.url).port or 0)
        with socket.create_connection(address, timeout=PATIENCE) as plain:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            with context.wrap_socket(plain) as client:
                served = client.getpeercert(binary_form=True)
        assert served == ssl.PEM_cert_to_DER_cert(cert_file.read_text())
        emulator.add_fault("reset")
        with pytest.raises(ConnectionResetError):
            emulator.call("GET", TEAMS)
