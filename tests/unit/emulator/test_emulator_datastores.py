# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions datastores: conflicts, limits, access, and how rows are found."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import quote

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    CREDENTIALS,
    Emulator,
    Reply,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    DATASTORES,
    create_datastore,
    datastore,
    items,
    rows,
)

OTHER_USER = {**CREDENTIALS, "DD-APPLICATION-KEY": "other"}
# Every call on a datastore, with a body that is right where there is a row of the key "a".
CALLS: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("PATCH", "", {"data": {"type": "datastores", "attributes": {"name": "new"}}}),
    ("GET", "/items", None),
    ("PATCH", "/items", items(item_key="a", item_changes={})),
    ("POST", "/items/bulk", rows({"id": "new"})),
    ("DELETE", "/items", items(item_key="a")),
    ("DELETE", "/items/bulk", items(item_keys=["a"])),
]


@pytest.fixture(name="store")
def fixture_store(emulator: Emulator) -> str:
    """The path of an empty datastore."""
    return create_datastore(emulator)


def error_of(reply: Reply) -> dict[str, Any]:
    """Return the one error of an answer, without its id."""
    assert reply.headers["content-type"] == "application/vnd.api+json"
    assert list(reply.body) == ["errors"]
    (error,) = reply.body["errors"]
    assert error["status"] == str(reply.status)
    uuid.UUID(error.pop("id"))
    found: dict[str, Any] = error
    return found


def write(emulator: Emulator, store: str, *values: dict[str, Any], **mode: str) -> Reply:
    return emulator.call("POST", f"{store}/items/bulk", rows(*values, **mode))


def write_all(emulator: Emulator, store: str, *values: dict[str, Any]) -> list[str]:
    """Write rows that must be accepted, and return their ids."""
    reply = write(emulator, store, *values)
    assert reply.status == 200, reply.body
    return [row["id"] for row in reply.body["data"]]


def read(emulator: Emulator, store: str, query: str = "") -> Any:
    reply = emulator.call("GET", f"{store}/items?{query}")
    assert reply.status == 200, reply.body
    return reply.body


def values(emulator: Emulator, store: str, query: str = "") -> list[dict[str, Any]]:
    return [row["attributes"]["value"] for row in read(emulator, store, query)["data"]]


def keys(emulator: Emulator, store: str, query: str = "") -> list[str]:
    return [value["id"] for value in values(emulator, store, query)]


def test_overwriting(emulator: Emulator, store: str) -> None:
    (row_id,) = write_all(emulator, store, {"id": "a", "old": 1})
    (before,) = read(emulator, store)["data"]
    reply = write(emulator, store, {"id": "b"}, {"id": "a", "new": 2}, mode="overwrite_on_conflict")
    assert [row["id"] == row_id for row in reply.body["data"]] == [False, True]
    (after,) = read(emulator, store, "item_key=a")["data"]
    assert after["attributes"]["value"] == {"id": "a", "new": 2}
    assert after["attributes"]["created_at"] == before["attributes"]["created_at"]
    # So it does without a mode.
    body = items(values=[{"id": "a", "newer": 3}])
    assert emulator.call("POST", f"{store}/items/bulk", body).status == 200
    assert values(emulator, store, "item_key=a") == [{"id": "a", "newer": 3}]
    twice = [{"id": "c", "x": 1}, {"id": "c", "x": 2}]
    for mode in ("overwrite_on_conflict", "fail_on_conflict"):
        assert write(emulator, store, *twice, mode=mode).status == 400
    assert sorted(keys(emulator, store)) == ["a", "b"]


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("status", [400, 409])
def test_conflicts(emulator: Emulator, store: str, status: int, partial: bool) -> None:
    emulator.settings(datastore_conflict=status, partial_batches=partial)
    write_all(emulator, store, {"id": "a", "x": 1})
    reply = write(emulator, store, {"id": "b"}, {"id": "a", "x": 2}, {"id": "c"})
    error = error_of(reply)
    assert reply.status == status
    assert error["title"] == "item already exists"
    assert error["detail"].endswith(": a")
    assert values(emulator, store, "item_key=a") == [{"id": "a", "x": 1}]
    assert sorted(keys(emulator, store)) == (["a", "b", "c"] if partial else ["a"])


def test_a_full_datastore(emulator: Emulator, store: str) -> None:
    emulator.settings(datastore_rows=3, partial_batches=True)
    write_all(emulator, store, {"id": "a"}, {"id": "b"})
    reply = write(emulator, store, {"id": "c"}, {"id": "d"})
    assert error_of(reply)["title"] == "datastore item limit exceeded"
    assert reply.status == 400
    assert sorted(keys(emulator, store)) == ["a", "b"]
    write_all(emulator, store, {"id": "c"})
    assert write(emulator, store, {"id": "d"}).status == 400
    # What exists can be changed and replaced.
    assert write(emulator, store, {"id": "a", "x": 1}, mode="overwrite_on_conflict").status == 200
    change = items(item_key="b", item_changes={"ops_set": {"x": 1}})
    assert emulator.call("PATCH", f"{store}/items", change).status == 200
    # Another datastore has room of its own.
    write_all(emulator, create_datastore(emulator), {"id": "a"})
    emulator.call("DELETE", f"{store}/items", items(item_key="a"))
    write_all(emulator, store, {"id": "d"})


def test_size_of_a_row(emulator: Emulator, store: str) -> None:
    frame = len('{"id": "a", "x": ""}')
    largest = {"id": "a", "x": "é" * ((100_000 - frame) // 2)}
    write_all(emulator, store, largest)
    reply = write(emulator, store, {**largest, "id": "b", "x": f"{largest['x']}x"})
    assert (reply.status, error_of(reply)["title"]) == (400, "item too large")
    change = items(item_key="a", item_changes={"ops_set": {"y": "more"}})
    assert emulator.call("PATCH", f"{store}/items", change).status == 400
    assert values(emulator, store) == [largest]


def test_paging(emulator: Emulator, store: str) -> None:
    for start in (0, 100):
        write_all(emulator, store, *({"id": str(start + number)} for number in range(70)))
    everything: list[str] = []
    for offset, count, more in ((0, 60, True), (60, 60, True), (120, 20, False), (140, 0, False)):
        body = read(emulator, store, f"page[limit]=60&page[offset]={offset}")
        assert len(body["data"]) == count
        page = {"totalCount": 140, "totalFilteredCount": 140, "hasMore": more}
        assert body["meta"]["page"] == page
        everything += [row["attributes"]["value"]["id"] for row in body["data"]]
    assert len(set(everything)) == 140
    # No order but that of random ids.
    assert everything != sorted(everything, key=int)
    assert len(read(emulator, store)["data"]) == 50
    assert read(emulator, store, "page[offset]=90")["meta"]["page"]["hasMore"] is False
    assert read(emulator, store, "page[offset]=89")["meta"]["page"]["hasMore"] is True
    assert len(read(emulator, store, "page[limit]=100")["data"]) == 100


def test_rows_of_a_batch_are_equally_old(emulator: Emulator, store: str) -> None:
    write_all(emulator, store, {"id": "first"})
    write_all(emulator, store, *({"id": str(number)} for number in range(20)))
    write_all(emulator, store, {"id": "last"})
    one, another = (keys(emulator, store, "sort=created_at") for _time in range(2))
    assert one != another and sorted(one) == sorted(another)
    assert [one[0], one[-1]] == [another[0], another[-1]] == ["first", "last"]


def test_finding(emulator: Emulator, store: str) -> None:
    write_all(
        emulator,
        store,
        {"id": "a", "site": "eu", "team": "x"},
        {"id": "b", "site": "eu", "team": "y"},
        {"id": "c", "site": "us"},
    )
    for query, expected in (
        ("item_key=a", ["a"]),
        ("item_key=A", []),
        ("item_key=eu", []),
        ("filter=site:eu", ["a", "b"]),
        ("filter=@site:eu", ["a", "b"]),
        ('filter=site:"eu"', ["a", "b"]),
        ("filter=site:eu+team:y", ["b"]),
        ("filter=id:c", ["c"]),
        ("filter=site:e", []),
        ("filter=nothing:eu", []),
        ("filter=", ["a", "b", "c"]),
    ):
        body = read(emulator, store, query)
        assert sorted(keys(emulator, store, query)) == expected, query
        page = body["meta"]["page"]
        assert (page["totalCount"], page["totalFilteredCount"]) == (3, len(expected))
    assert read(emulator, store, "filter=site:eu&page[limit]=1")["meta"]["page"]["hasMore"] is True


def test_sorting(emulator: Emulator, store: str) -> None:
    for number in (3, 1, 2):
        write_all(emulator, store, {"id": f"k{number}", "x": f"{9 - number}"})
    emulator.call("PATCH", f"{store}/items", items(item_key="k1", item_changes={}))
    for sort, expected in (
        ("id", "123"),
        ("-id", "321"),
        ("x", "321"),
        ("created_at", "312"),
        ("-created_at", "213"),
        ("modified_at", "321"),
    ):
        assert keys(emulator, store, f"sort={sort}") == [f"k{digit}" for digit in expected]


@pytest.mark.parametrize(
    "query",
    [
        "page[limit]=0",
        "page[limit]=101",
        "page[offset]=-1",
        "page[size]=1",
        "item_key=",
        f"item_key={'x' * 257}",
        "item_key=a&item_key=b",
        "item_key=a&filter=id:a",
        "sort=nonsense",
        "sort=-",
        "filter=word",
        "filter=-id:a",
        "filter=id:a+OR+id:b",
        "filter=id:*",
        "filter=(id:a)",
    ],
)
def test_queries_that_are_refused(emulator: Emulator, store: str, query: str) -> None:
    write_all(emulator, store, {"id": "a"})
    reply = emulator.call("GET", f"{store}/items?{query}")
    assert reply.status == 400
    error_of(reply)


@pytest.mark.parametrize(
    ("access", "allowed"),
    [
        ("viewer", {("GET", ""), ("GET", "/items")}),
        ("contributor", {(method, path) for method, path, _body in CALLS} - {("PATCH", "")}),
        ("manager", {(method, path) for method, path, _body in CALLS}),
    ],
)
def test_access(emulator: Emulator, access: str, allowed: set[tuple[str, str]]) -> None:
    """What other users may do; who creates a datastore may do everything."""
    for method, path, body in [*CALLS, ("DELETE", "", None)]:
        store = create_datastore(emulator, org_access=access)
        write_all(emulator, store, {"id": "a"})
        before = emulator.state(), read(emulator, store), emulator.call("GET", store).body
        reply = emulator.call(method, store + path, body, OTHER_USER)
        if (method, path) in allowed or access == "manager":
            assert reply.status == 200, (method, path)
        else:
            assert reply.status == 403, (method, path)
            assert error_of(reply)["title"] == "Forbidden"
            assert (
                emulator.state(),
                read(emulator, store),
                emulator.call("GET", store).body,
            ) == before
            assert emulator.call(method, store + path, body).status == 200


def test_limits(emulator: Emulator, store: str) -> None:
    """Of a batch, of an organization, and what is wrong with one row spoils its batch."""
    hundred = [{"id": f"k{number}"} for number in range(101)]
    assert write(emulator, store, *hundred).status == 400
    write_all(emulator, store, *hundred[:100])
    bulk, every = f"{store}/items/bulk", [row["id"] for row in hundred]
    for wrong, status in ((["k1", "gone"], 404), (every, 400), (["k1", "k1"], 400), ([], 400)):
        assert emulator.call("DELETE", bulk, items(item_keys=wrong)).status == status
    assert emulator.state()["counts"]["datastore_rows"] == 100
    for _number in range(49):
        create_datastore(emulator)
    assert error_of(emulator.call("POST", DATASTORES, datastore())) == {
        "status": "400",
        "title": "datastore limit exceeded",
        "detail": "an organization cannot have more than 50 datastores",
    }


def test_keys_and_columns_that_are_refused(emulator: Emulator, store: str) -> None:
    wrong: list[Any] = [None, True, 7, [], "", "x" * 257]
    for key in wrong:
        reply = write(emulator, store, {"id": "good"}, {"id": key})
        assert (reply.status, error_of(reply)["title"]) == (400, "item key missing or invalid")
    strange = "é /?&=%+#"
    write_all(emulator, store, {"id": "x" * 256}, {"id": strange})
    assert keys(emulator, store, f"item_key={quote(strange)}") == [strange]
    for changes in ({"id": "other"}, {"0x": 1}, {"": 1}, {"x.y": 1}, {"x" * 64: 1}):
        change = items(item_key=strange, item_changes={"ops_set": changes})
        assert emulator.call("PATCH", f"{store}/items", change).status == 400
        if "id" not in changes:
            reply = write(emulator, store, {"id": "b", **changes})
            assert (reply.status, error_of(reply)["title"]) == (400, "invalid column name")
    for value in (b"1e999", b'"\\ud800"'):
        raw = json.dumps(rows({"id": "b", "x": 0})).encode().replace(b'"x": 0', b'"x": ' + value)
        reply = emulator.call("POST", f"{store}/items/bulk", raw)
        assert error_of(reply)["title"] == "invalid item"
    assert emulator.state()["counts"]["datastore_rows"] == 2
