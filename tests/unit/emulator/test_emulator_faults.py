# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every kind of fault, as a client sees it on the wire."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    CREDENTIALS,
    Emulator,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    CONNECTIONS,
    TEAM_CONNECTIONS,
    TEAMS,
    connection,
    create,
    create_team,
    link,
)

# How long a test waits for what must not come, and for what must.
A_MOMENT = 0.3
PATIENCE = 30


def count(emulator: Emulator) -> int:
    return int(emulator.state()["counts"]["action_connections"])


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def open_request(emulator: Emulator, method: str, path: str, body: Any = None) -> socket.socket:
    """Send a request and return the socket on which its answer arrives."""
    raw = b"" if body is None else json.dumps(body).encode()
    headers = {**CREDENTIALS, "Host": "emulator", "Content-Length": str(len(raw))}
    if raw:
        headers["Content-Type"] = "application/json"
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    parts = urlsplit(emulator.url)
    client = socket.create_connection((str(parts.hostname), parts.port or 0), timeout=PATIENCE)
    client.sendall("\r\n".join([*lines, "", ""]).encode() + raw)
    return client


def read_all(client: socket.socket) -> bytes:
    """Return what arrives until the server ends the connection."""
    received = b""
    while chunk := client.recv(65536):
        received += chunk
    return received


def fault_of(emulator: Emulator) -> tuple[Any, Any]:
    """Return fault and status of the latest request in the log."""
    entry = emulator.requests()[-1]
    return entry["fault"], entry["status"]


@pytest.mark.parametrize(("when", "done"), [("before", 0), ("after", 1)])
def test_status(emulator: Emulator, when: str, done: int) -> None:
    emulator.add_fault("status", status=502, when=when, headers={"Retry-After": "7"})
    reply = emulator.call("POST", CONNECTIONS, connection())
    assert reply.status == 502
    assert reply.headers["retry-after"] == "7"
    assert reply.headers["content-type"] == "application/vnd.api+json"
    assert reply.body["errors"][0]["status"] == "502"
    assert count(emulator) == done
    assert fault_of(emulator) == ("status", 502)
    assert emulator.call("POST", CONNECTIONS, connection()).status == 201
    assert fault_of(emulator) == (None, 201)


def test_status_bodies(emulator: Emulator) -> None:
    for body, content_type in (
        ("json", "application/vnd.api+json"),
        ("strings", "application/vnd.api+json"),
        ("html", "text/html; charset=utf-8"),
    ):
        emulator.add_fault("status", body=body)
        reply = emulator.call("GET", TEAMS)
        assert reply.status == 503
        assert reply.headers.get("content-type") == content_type
        if body == "html":
            assert reply.body.startswith(b"<html>")
        else:
            error = reply.body["errors"][0]
            assert isinstance(error, str if body == "strings" else dict)
    for status, body in ((204, "json"), (304, "json"), (500, "empty")):
        emulator.add_fault("status", status=status, body=body)
        reply = emulator.call("GET", TEAMS)
        assert (reply.status, reply.body) == (status, None)


@pytest.mark.parametrize(("when", "done"), [("before", 0), ("after", 1)])
def test_reset(emulator: Emulator, when: str, done: int) -> None:
    emulator.add_fault("reset", when=when)
    client = open_request(emulator, "POST", CONNECTIONS, connection())
    # An end without RST would be an empty answer.
    with client, pytest.raises(ConnectionResetError):
        client.recv(1)
    wait_for(lambda: fault_of(emulator) == ("reset", None))
    assert count(emulator) == done


def test_half(emulator: Emulator) -> None:
    emulator.add_fault("half")
    with open_request(emulator, "POST", CONNECTIONS, connection()) as client:
        head, _empty, half = read_all(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201 ")
    (announced,) = (
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    assert len(half) == announced // 2 > 0
    assert half.startswith(b'{"data":')
    assert count(emulator) == 1
    assert fault_of(emulator) == ("half", 201)
    with pytest.raises(http.client.IncompleteRead):
        emulator.add_fault("half")
        emulator.call("GET", TEAMS)


@pytest.mark.parametrize(("when", "done"), [("before", 0), ("after", 1)])
def test_hang_until_the_client_gives_up(emulator: Emulator, when: str, done: int) -> None:
    emulator.add_fault("hang", when=when)
    with open_request(emulator, "POST", CONNECTIONS, connection()) as client:
        client.settimeout(A_MOMENT)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert count(emulator) == done
    wait_for(lambda: fault_of(emulator) == ("hang", None))
    assert emulator.call("GET", TEAMS).status == 200
    assert count(emulator) == done


def test_late_work_is_done_although_nobody_waits(emulator: Emulator) -> None:
    emulator.add_fault("hang", when="before", seconds=A_MOMENT)
    open_request(emulator, "POST", CONNECTIONS, connection()).close()
    wait_for(lambda: count(emulator) == 1)
    wait_for(lambda: bool(emulator.requests()) and fault_of(emulator) == ("hang", None))


def test_trickle(emulator: Emulator) -> None:
    emulator.add_fault("trickle", interval=0)
    body = connection(name="x")
    reply = emulator.call("POST", CONNECTIONS, body)
    assert reply.status == 201
    assert reply.body["data"]["attributes"]["name"] == "x"
    assert fault_of(emulator) == ("trickle", 201)

    emulator.add_fault("trickle", interval=3600)
    with open_request(emulator, "GET", TEAMS) as client:
        received = b""
        while not received.endswith(b"\r\n\r\n{"):
            received += client.recv(65536)
        client.settimeout(A_MOMENT)
        with pytest.raises(TimeoutError):
            client.recv(1)


@pytest.mark.parametrize(("when", "done"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(
    ("kind", "expected"),
    [("not_json", b"upstream is busy, try later"), ("empty", None), ("no_data", {"meta": {}})],
)
def test_nonsense(emulator: Emulator, kind: str, expected: Any, when: str, done: int) -> None:
    emulator.add_fault(kind, when=when)
    reply = emulator.call("POST", CONNECTIONS, connection())
    assert reply[::2] == (200, expected)
    assert reply.headers["content-type"] == "application/vnd.api+json"
    assert count(emulator) == done


def test_endless_pages(emulator: Emulator) -> None:
    team = create_team(emulator, "platform")
    emulator.call("POST", TEAM_CONNECTIONS, {"data": [link(team)]})
    emulator.add_fault("endless_pages", times=None)
    for path, name in ((TEAM_CONNECTIONS, "page"), (TEAMS, "pagination")):
        for number, rows in ((0, 1), (7, 0)):
            body = emulator.call("GET", f"{path}?page[size]=10&page[number]={number}").body
            assert len(body["data"]) == rows
            assert body["meta"][name]["next_number"] == number + 1
            assert body["meta"][name]["total"] == 1
        assert emulator.call("GET", path).body["meta"][name]["next_offset"] == 100
    emulator.settings(list=True)
    assert "next_number" not in json.dumps(emulator.call("GET", CONNECTIONS).body)
    assert emulator.call("GET", "/nowhere").status == 404
    assert emulator.call("DELETE", f"{TEAMS}/{team}").status == 204


def test_omit(emulator: Emulator) -> None:
    path = f"{CONNECTIONS}/{create(emulator)}"
    pointer = "/data/attributes/integration/type"
    emulator.add_fault("omit", method="GET", pointer=pointer, times=None)
    attributes = emulator.call("GET", path).body["data"]["attributes"]
    assert set(attributes["integration"]) == {"credentials"}
    assert emulator.call("GET", f"{CONNECTIONS}/x").status == 400
    emulator.settings(list=True)
    assert len(emulator.call("GET", CONNECTIONS).body["data"]) == 1
    emulator.clear_faults()
    emulator.add_fault("omit", pointer="/data/0/attributes/name")
    (row,) = emulator.call("GET", CONNECTIONS).body["data"]
    assert "name" not in row["attributes"]


def test_which_requests_are_struck(emulator: Emulator) -> None:
    emulator.add_fault("status", status=500, method="POST", path="/connections$", skip=1, times=2)
    emulator.add_fault("status", status=501, path="^/api/v2/team$")

    def post() -> int:
        return emulator.call("POST", CONNECTIONS, connection()).status

    emulator.settings(list=True)
    assert [emulator.call("GET", CONNECTIONS).status for _number in range(3)] == [200] * 3
    assert [post() for _number in range(5)] == [201, 500, 500, 201, 201]
    assert [emulator.call("GET", TEAMS).status for _number in range(2)] == [501, 200]
    assert [rule["fired"] for rule in emulator.faults()] == [2, 1]


def test_the_first_rule_that_fires_decides(emulator: Emulator) -> None:
    emulator.add_fault("status", status=500)
    emulator.add_fault("status", status=501, times=None)
    assert [emulator.call("GET", TEAMS).status for _number in range(3)] == [500, 501, 501]
    emulator.clear_faults()
    assert emulator.faults() == []
    assert emulator.call("GET", TEAMS).status == 200


@pytest.mark.parametrize(
    "rule",
    [
        None,
        {},
        {"fault": {"kind": "nonsense"}},
        {"fault": {"kind": "reset", "status": 500}},
        {"fault": {"kind": "reset", "when": "now"}},
        {"fault": {"kind": "status", "status": 101}},
        {"fault": {"kind": "status", "status": True}},
        {"fault": {"kind": "status", "body": "xml"}},
        {"fault": {"kind": "status", "headers": {"X": "a\r\nb: c"}}},
        {"fault": {"kind": "status", "headers": {"a b": "x"}}},
        {"fault": {"kind": "trickle", "interval": None}},
        {"fault": {"kind": "redirect", "location": "a\nb"}},
        {"fault": {"kind": "omit", "pointer": "data"}},
        {"fault": {"kind": "reset"}, "times": -1},
        {"fault": {"kind": "reset"}, "path": "("},
        {"fault": {"kind": "reset"}, "method": 1},
        {"fault": {"kind": "reset"}, "fired": 1},
    ],
    ids=str,
)
def test_rules_that_are_refused(emulator: Emulator, rule: Any) -> None:
    good = {"fault": {"kind": "reset"}}
    for given in (rule, [good, rule]):
        reply = emulator.call("POST", "/_emulator/faults", json.dumps(given).encode(), headers={})
        assert reply.status == 400
        assert reply.body["error"]
    assert emulator.faults() == []
    assert emulator.call("GET", TEAMS).status == 200


def test_clients_that_leave_early(emulator: Emulator) -> None:
    """In the middle of a body: no request, and no complaint (which the fixture would find)."""
    parts = urlsplit(emulator.url)
    head = f"POST {CONNECTIONS} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{{".encode()
    for _number in range(3):
        client = socket.create_connection((str(parts.hostname), parts.port or 0))
        client.sendall(head)
        client.close()
    assert emulator.call("GET", TEAMS).status == 200
    assert [entry["path"] for entry in emulator.requests()] == [TEAMS]


def test_redirect_and_wrong_type(emulator: Emulator) -> None:
    emulator.add_fault("redirect", status=307, location="http://elsewhere.example/x")
    reply = emulator.call("POST", CONNECTIONS, connection())
    assert (reply.status, reply.headers["location"]) == (307, "http://elsewhere.example/x")
    assert count(emulator) == 0
    emulator.add_fault("wrong_type")
    reply = emulator.call("POST", CONNECTIONS, connection(name="x"))
    assert (reply.status, reply.headers["content-type"]) == (201, "text/html")
    assert reply.body["data"]["attributes"]["name"] == "x"
