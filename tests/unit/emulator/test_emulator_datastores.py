# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions datastores and their rows: every call, its answers and its errors."""

from __future__ import annotations

import datetime
import http.client
import json
import re
import threading
import uuid
from typing import Any
from urllib.parse import quote

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.datastores import (
    now_after,
    timestamp,
)
from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    CREDENTIALS,
    Emulator,
    Reply,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    DATASTORES,
    NOWHERE,
    create_datastore,
    datastore,
    items,
    rows,
)

OTHER_USER = {**CREDENTIALS, "DD-APPLICATION-KEY": "other"}
NOT_FOUND = {"status": "404", "title": "datastore not found"}
NO_UUID = {
    "status": "400",
    "title": "invalid path parameter",
    "detail": "invalid datastoreId format in path",
    "source": {"parameter": "datastoreId"},
}
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


def moment(text: str) -> datetime.datetime:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?Z", text)
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S" + (".%fZ" if "." in text else "Z"))


def test_life_of_a_datastore(emulator: Emulator) -> None:
    created = emulator.call("POST", DATASTORES, datastore(name="one", org_access="viewer"))
    store_id = created.body["data"]["id"]
    reference = {"data": {"id": store_id, "type": "datastores"}}
    assert created[::2] == (200, reference)
    assert created.headers["content-type"] == "application/vnd.api+json"
    path = f"{DATASTORES}/{store_id}"
    got = emulator.call("GET", path)
    attributes = got.body["data"].pop("attributes")
    assert got[::2] == (200, reference)
    uuid.UUID(attributes.pop("creator_user_uuid"))
    for name in ("creator_user_id", "org_id"):
        assert isinstance(attributes.pop(name), int)
    at_start = moment(attributes.pop("created_at"))
    assert moment(attributes.pop("modified_at")) == at_start
    assert attributes == {
        "name": "one",
        "description": "",
        "primary_column_name": "id",
        "primary_key_generation_strategy": "none",
    }

    change = {"data": {"type": "datastores", "attributes": {"name": "two"}}}
    changed = emulator.call("PATCH", path.upper().replace(DATASTORES.upper(), DATASTORES), change)
    assert changed.status == 200
    assert changed.body == emulator.call("GET", path).body
    attributes = changed.body["data"]["attributes"]
    assert attributes["name"] == "two"
    assert moment(attributes["created_at"]) == at_start < moment(attributes["modified_at"])
    change["data"]["attributes"] = {"description": "d"}
    attributes = emulator.call("PATCH", path, change).body["data"]["attributes"]
    assert (attributes["name"], attributes["description"]) == ("two", "d")

    write_all(emulator, path, {"id": "a"})
    assert emulator.call("DELETE", path)[::2] == (200, reference)
    second = emulator.call("DELETE", path)
    assert second[::2] == (200, None)
    assert second.headers["content-type"] == "application/vnd.api+json"
    assert error_of(emulator.call("GET", path)) == NOT_FOUND
    assert set(emulator.state()["counts"].values()) == {0}


def test_times() -> None:
    """As Datadog writes them, and never the same twice."""
    for microsecond, text in ((372994, ".372994Z"), (54070, ".05407Z"), (0, "Z"), (500000, ".5Z")):
        moment_in_2025 = datetime.datetime(2025, 8, 8, 20, 31, 0, microsecond)
        assert timestamp(moment_in_2025) == f"2025-08-08T20:31:00{text}"
    ahead = datetime.datetime(9999, 1, 1, tzinfo=datetime.timezone.utc)
    assert now_after(ahead) > ahead


def test_list_of_datastores(emulator: Emulator) -> None:
    assert emulator.call("GET", DATASTORES)[::2] == (200, {"data": []})
    # Names need not be unique.
    paths = sorted(create_datastore(emulator) for _number in range(50))
    body = emulator.call("GET", DATASTORES).body
    assert body == {"data": [emulator.call("GET", path).body["data"] for path in paths]}
    full = emulator.call("POST", DATASTORES, datastore())
    assert error_of(full)["title"] == "datastore limit exceeded"
    assert full.status == 400
    emulator.call("DELETE", paths[0])
    assert emulator.call("POST", DATASTORES, datastore()).status == 200


def test_id_of_ones_own(emulator: Emulator) -> None:
    body = datastore()
    body["data"]["id"] = NOWHERE.upper()
    assert emulator.call("POST", DATASTORES, body).body["data"]["id"] == NOWHERE
    assert emulator.call("POST", DATASTORES, body).status == 400
    body["data"]["id"] = "nonsense"
    assert emulator.call("POST", DATASTORES, body).status == 400
    assert emulator.state()["counts"]["datastores"] == 1


def test_column_name(emulator: Emulator) -> None:
    reply = emulator.call("POST", DATASTORES, datastore(primary_column_name="0invalid_key"))
    assert error_of(reply) == {
        "status": "400",
        "title": "datastore configuration invalid",
        "detail": "column name '0invalid_key' does not start with a letter or an underscore",
    }
    store = create_datastore(emulator, primary_column_name="_Key0" + "x" * 58)
    assert error_of(write(emulator, store, {"id": "a"})) == {
        "status": "400",
        "title": "item key missing or invalid",
        "detail": f'primary column "_Key0{"x" * 58}" is missing',
    }


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_no_such_datastore(emulator: Emulator, method: str, path: str, body: Any) -> None:
    for wrong in ("invalid-uuid", NOWHERE[1:], f"{NOWHERE}0"):
        # What else is wrong, comes later.
        bodies: list[Any] = [body, {} if body else None]
        for anything in bodies:
            reply = emulator.call(method, f"{DATASTORES}/{wrong}{path}", anything)
            assert error_of(reply) == NO_UUID
    assert error_of(emulator.call(method, f"{DATASTORES}/{NOWHERE}{path}", body)) == NOT_FOUND


def test_life_of_a_row(emulator: Emulator, store: str) -> None:
    (row_id,) = write_all(emulator, store, {"id": "a", "zone": [1, {"z": None, "b": 1.5}], "B": ""})
    body = read(emulator, store)
    assert body["meta"] == {
        "page": {"totalCount": 1, "totalFilteredCount": 1, "hasMore": False},
        "schema": {
            "primary_key": "id",
            "fields": [
                {"name": "id", "type": "STRING"},
                {"name": "B", "type": "JSON"},
                {"name": "zone", "type": "JSON"},
            ],
        },
    }
    (row,) = body["data"]
    assert (row["id"], row["type"]) == (row_id, "items")
    attributes = row["attributes"]
    created_at, signature = moment(attributes["created_at"]), attributes["signature"]
    assert moment(attributes["modified_at"]) == created_at
    assert isinstance(signature, str)
    assert attributes["store_id"] == store.rpartition("/")[2]
    assert attributes["primary_column_name"] == "id"
    # The columns come back in alphabetical order, and so does what is inside.
    assert json.dumps(attributes["value"]) == (
        '{"B": "", "id": "a", "zone": [1, {"b": 1.5, "z": null}]}'
    )

    changes = {"ops_set": {"B": 7, "id": "a", "new": None}}
    body = items(item_key="a", item_changes=changes, id=row_id)
    changed = emulator.call("PATCH", f"{store}/items", body)
    assert changed[::2] == (200, {"data": read(emulator, store)["data"][0]})
    attributes = changed.body["data"]["attributes"]
    assert attributes["value"] == {
        "id": "a",
        "zone": [1, {"z": None, "b": 1.5}],
        "B": 7,
        "new": None,
    }
    assert moment(attributes["created_at"]) == created_at < moment(attributes["modified_at"])
    assert attributes["signature"] != signature
    # No changes at all move the time too.
    again = emulator.call("PATCH", f"{store}/items", items(item_key="a", item_changes={}))
    assert again.status == 200
    assert again.body["data"]["attributes"]["value"] == attributes["value"]
    assert again.body["data"]["attributes"]["modified_at"] != attributes["modified_at"]

    deleted = emulator.call("DELETE", f"{store}/items", items(item_key="a", id=row_id))
    assert deleted[::2] == (200, {"data": {"id": row_id, "type": "items"}})
    gone = emulator.call("DELETE", f"{store}/items", items(item_key="a"))
    assert error_of(gone)["title"] == "item not found"
    assert gone.status == 404
    missing = emulator.call("PATCH", f"{store}/items", items(item_key="a", item_changes={}))
    assert error_of(missing) == {
        "status": "404",
        "title": "item changes invalid",
        "detail": "failed to find item with key a",
    }
    assert keys(emulator, store) == []


def test_batches(emulator: Emulator, store: str) -> None:
    hundred = [{"id": f"k{number}"} for number in range(101)]
    assert write(emulator, store, *hundred).status == 400
    assert keys(emulator, store) == []
    ids = write_all(emulator, store, *hundred[:100])
    assert len(set(ids)) == 100
    assert set(keys(emulator, store, "page[limit]=100")) == {row["id"] for row in hundred[:100]}
    found = read(emulator, store, "item_key=k7")["data"]
    assert [row["id"] for row in found] == [ids[7]]

    bulk = f"{store}/items/bulk"
    missing = emulator.call("DELETE", bulk, items(item_keys=["k1", "gone"]))
    assert error_of(missing)["title"] == "item not found"
    assert missing.status == 404
    for nothing in (items(item_keys=[]), items()):
        assert error_of(emulator.call("DELETE", bulk, nothing)) == {
            "status": "400",
            "title": "missing required field",
            "detail": "at least one item key is required",
        }
    every = [row["id"] for row in hundred]
    for wrong in (every, ["k1", "k1"]):
        assert emulator.call("DELETE", bulk, items(item_keys=wrong)).status == 400
    assert emulator.state()["counts"]["datastore_rows"] == 100
    deleted = emulator.call("DELETE", bulk, items(item_keys=every[98:100]))
    references = [{"id": row_id, "type": "items"} for row_id in ids[98:]]
    assert deleted[::2] == (200, {"data": references})
    assert emulator.state()["counts"]["datastore_rows"] == 98


def test_overwriting(emulator: Emulator, store: str) -> None:
    (row_id,) = write_all(emulator, store, {"id": "a", "old": 1})
    (before,) = read(emulator, store)["data"]
    reply = write(emulator, store, {"id": "b"}, {"id": "a", "new": 2}, mode="overwrite_on_conflict")
    assert [row["id"] == row_id for row in reply.body["data"]] == [False, True]
    (after,) = read(emulator, store, "item_key=a")["data"]
    assert after["attributes"]["value"] == {"id": "a", "new": 2}
    assert after["attributes"]["created_at"] == before["attributes"]["created_at"]
    changed_at, written_at = (moment(row["attributes"]["modified_at"]) for row in (after, before))
    assert changed_at > written_at
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


def test_of_two_inserts_one_wins(emulator: Emulator, store: str) -> None:
    """The claim on which a registry rests."""
    emulator.settings(latency=0.2)
    together = threading.Barrier(8)
    answers: dict[int, int] = {}

    def insert(number: int) -> None:
        together.wait()
        answers[number] = write(emulator, store, {"id": "a", "by": number}).status

    runners = [threading.Thread(target=insert, args=(number,)) for number in range(8)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    emulator.settings(latency=0)
    assert sorted(answers.values()) == [200] + [400] * 7
    (row,) = values(emulator, store)
    assert answers[row["by"]] == 200


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


def test_5000_rows(emulator: Emulator, store: str) -> None:
    for start in range(0, 5000, 100):
        write_all(emulator, store, *({"id": str(start + number)} for number in range(100)))
    assert write(emulator, store, {"id": "5000"}).status == 400
    assert read(emulator, store, "page[offset]=4999")["meta"]["page"]["totalCount"] == 5000


def test_size_of_a_row(emulator: Emulator, store: str) -> None:
    frame = len('{"id": "a", "x": ""}')
    largest = {"id": "a", "x": "é" * ((100_000 - frame) // 2)}
    write_all(emulator, store, largest)
    for wrong in (
        {**largest, "id": "bb", "x": f"{largest['x']}x"},
        {"id": "b", "x": {"y": ["x" * 100_000]}},
    ):
        reply = write(emulator, store, wrong)
        assert error_of(reply)["title"] == "item too large"
        assert reply.status == 400
    change = items(item_key="a", item_changes={"ops_set": {"y": "more"}})
    assert emulator.call("PATCH", f"{store}/items", change).status == 400
    assert values(emulator, store) == [largest]


def test_keys_that_are_refused(emulator: Emulator, store: str) -> None:
    wrong: list[Any] = [None, True, 7, 1.5, [], {}, "", "x" * 257]
    for key in wrong:
        reply = write(emulator, store, {"id": "good"}, {"id": key})
        assert error_of(reply)["title"] == "item key missing or invalid"
        assert reply.status == 400
    write_all(emulator, store, {"id": "x" * 256}, {"id": "é /?&=%+#"})
    assert keys(emulator, store, f"item_key={'x' * 256}") == ["x" * 256]
    assert keys(emulator, store, f"item_key={quote('é /?&=%+#')}") == ["é /?&=%+#"]
    change = items(item_key="x" * 256, item_changes={"ops_set": {"id": "other"}})
    reply = emulator.call("PATCH", f"{store}/items", change)
    assert error_of(reply)["title"] == "item changes invalid"
    assert reply.status == 400


def test_columns_that_are_refused(emulator: Emulator, store: str) -> None:
    write_all(emulator, store, {"id": "a"})
    for name in ("0x", "", "x y", "x.y", "é", "x" * 64, "x\n"):
        reply = write(emulator, store, {"id": "b", name: 1})
        assert error_of(reply)["title"] == "invalid column name"
        assert reply.status == 400
        change = items(item_key="a", item_changes={"ops_set": {name: 1}})
        assert emulator.call("PATCH", f"{store}/items", change).status == 400
    for value in (b"1e999", b'"\\ud800"', b'{"\\ud800": 1}'):
        raw = json.dumps(rows({"id": "b", "x": 0})).encode().replace(b'"x": 0', b'"x": ' + value)
        reply = emulator.call("POST", f"{store}/items/bulk", raw)
        assert error_of(reply)["title"] == "invalid item"
    assert values(emulator, store) == [{"id": "a"}]


def test_generated_keys(emulator: Emulator) -> None:
    store = create_datastore(emulator, primary_key_generation_strategy="uuid")
    write_all(emulator, store, {"x": 1}, {"x": 1})
    first, second = keys(emulator, store)
    assert uuid.UUID(first) != uuid.UUID(second)
    wrong: list[Any] = [NOWHERE, 7, {}]
    for key in wrong:
        assert (
            error_of(write(emulator, store, {"id": key}))["title"] == "item key missing or invalid"
        )
    assert write(emulator, store, {"id": first}).status == 400
    assert write(emulator, store, {"id": first}, mode="overwrite_on_conflict").status == 200
    assert values(emulator, store, f"item_key={first}") == [{"id": first}]
    assert emulator.state()["counts"]["datastore_rows"] == 2


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
        "page[limit]=x",
        "page[offset]=-1",
        "page[size]=1",
        "page[number]=1",
        "itemKey=a",
        "item_key=",
        f"item_key={'x' * 257}",
        "item_key=a&item_key=b",
        "item_key=a&filter=id:a",
        "sort=nonsense",
        "sort=",
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


def test_reading_rows_takes_no_body(emulator: Emulator, store: str) -> None:
    assert emulator.call("GET", f"{store}/items", {}).status == 400


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


def test_others_contribute_by_default(emulator: Emulator, store: str) -> None:
    bulk = f"{store}/items/bulk"
    assert emulator.call("POST", bulk, rows({"id": "a"}), OTHER_USER).status == 200
    assert emulator.call("DELETE", store, headers=OTHER_USER).status == 403


def test_no_registration_is_needed(emulator: Emulator) -> None:
    emulator.settings(require_registration=True)
    store = create_datastore(emulator)
    write_all(emulator, store, {"id": "a"})
    # The last of them deletes what the one before has deleted already.
    for method, path, body in CALLS[:-1]:
        assert emulator.call(method, store + path, body).status == 200
    method, path, body = CALLS[-1]
    assert emulator.call(method, store + path, body).status == 404


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
@pytest.mark.parametrize(
    ("kind", "details", "broken"),
    [("reset", {"when": "after"}, ConnectionResetError), ("half", {}, http.client.IncompleteRead)],
    ids=["reset", "half"],
)
def test_faults_strike(
    emulator: Emulator,
    store: str,
    kind: str,
    details: dict[str, Any],
    broken: type[Exception],
    method: str,
    path: str,
    body: Any,
) -> None:
    """Before the work is done, or after it."""

    def everything() -> Any:
        return emulator.call("GET", store).body, read(emulator, store)

    write_all(emulator, store, {"id": "a"})
    before = everything()
    emulator.add_fault("status", status=503, path=DATASTORES)
    assert emulator.call(method, store + path, body).status == 503
    assert everything() == before
    emulator.add_fault(kind, path=DATASTORES, **details)
    with pytest.raises(broken):
        emulator.call(method, store + path, body)
    assert (everything() == before) is (method == "GET")


def test_a_lost_answer_to_an_insert(emulator: Emulator, store: str) -> None:
    """Who asks again is told that the row exists, and finds that it is its own."""
    faults: dict[str, dict[str, Any]] = {
        "reset": {"when": "after"},
        "half": {},
        "status": {"when": "after"},
    }
    for kind, details in faults.items():
        row = {"id": kind, "by": "me"}
        emulator.add_fault(kind, method="POST", **details)
        try:
            assert write(emulator, store, row).status == 503
        except (ConnectionResetError, http.client.IncompleteRead):
            assert kind != "status"
        assert error_of(write(emulator, store, row))["title"] == "item already exists"
        assert values(emulator, store, f"item_key={kind}") == [row]


def test_endless_pages(emulator: Emulator, store: str) -> None:
    emulator.add_fault("endless_pages", times=None)
    page = {"totalCount": 0, "totalFilteredCount": 0, "hasMore": True}
    assert read(emulator, store, "page[offset]=7")["meta"]["page"] == page
    assert emulator.call("GET", store).status == 200
