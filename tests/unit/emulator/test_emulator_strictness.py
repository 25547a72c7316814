# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the emulator refuses: every change of a good body that Datadog's schema does not allow."""

from __future__ import annotations

import contextlib
import copy
import gzip
import json
from collections.abc import Collection, Iterator
from typing import Any

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.catalogue import (
    CATALOGUE,
    Credentials,
)
from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    CREDENTIALS,
    Emulator,
    user_id,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    CONNECTIONS,
    DATASTORES,
    ENDPOINTS,
    NOWHERE,
    REGISTRATIONS,
    TEAM_CONNECTIONS,
    TEAMS,
    change,
    change_http,
    connection,
    create,
    create_datastore,
    create_team,
    datastore,
    integration,
    items,
    kind,
    link,
    policy,
    rows,
    unlink,
)

Path = tuple[object, ...]
WRONG: tuple[Any, ...] = (None, True, 7, 1.5, "x", [], ["x"], {}, {"x": "y"})
# The kinds between which the schema differs: a pattern, lists and a body, a plain one.
KINDS = ("AWSAssumeRole", "HTTPTokenAuth", "OktaAPIToken")


def nodes(value: Any, free: Collection[object], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Return every value inside a JSON value with the way to it, but nothing inside ``free`` ones."""
    yield path, value
    children: Any = ()
    if path[-1:] and path[-1] in free:
        return
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for key, item in children:
        yield from nodes(item, free, (*path, key))


def replaced(body: Any, path: Path, value: Any) -> Any:
    """Return a copy of a body with another value in one place."""
    if not path:
        return value
    body = copy.deepcopy(body)
    place = body
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return body


def without(body: Any, path: Path) -> Any:
    """Return a copy of a body in which one place is missing."""
    place = body = copy.deepcopy(body)
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return body


def changes(
    body: Any,
    optional: Collection[object],
    may_be_empty: Collection[object],
    nullable: Collection[object],
    free: Collection[object],
) -> Iterator[Any]:
    """Return the body with each of its places wrong: its type, its emptiness, its absence, its like."""
    for path, value in nodes(body, free):
        last = path[-1] if path else None
        for wrong in WRONG:
            if type(wrong) is not type(value) and not (wrong is None and last in nullable):
                yield replaced(body, path, wrong)
        if isinstance(value, dict) and last not in free:
            yield replaced(body, path, {**value, "unknown": "x"})
        if isinstance(value, str) and value and last not in may_be_empty:
            yield replaced(body, path, "")
        if path and last not in optional and not isinstance(last, int):
            yield without(body, path)


def refuse_all(emulator: Emulator, method: str, path: str, bodies: Iterator[Any]) -> int:
    """Send bodies that must all be refused and return how many there were."""
    before = emulator.state()
    headers = {**CREDENTIALS, "Content-Type": "application/json"}
    count = 0
    # One connection for all of them, since there are thousands.
    with contextlib.closing(emulator.connection()) as connected:
        for body in bodies:
            connected.request(method, path, json.dumps(body), headers)
            response = connected.getresponse()
            answer = response.read()
            assert response.status == 400, (body, answer)
            assert json.loads(answer)["errors"]
            count += 1
    assert emulator.state() == before
    return count


def only_this(
    emulator: Emulator,
    method: str,
    path: str,
    body: Any,
    *,
    optional: Collection[object] = (),
    may_be_empty: Collection[object] = (),
    nullable: Collection[object] = (),
    free: Collection[object] = (),
) -> None:
    """A body is taken, also without what is optional, and refused with anything else wrong in it."""
    bodies = changes(body, optional, may_be_empty, nullable, free)
    assert refuse_all(emulator, method, path, bodies) > 20
    shorter = body
    for way, _value in reversed(list(nodes(body, free))):
        if way and way[-1] in optional:
            shorter = without(shorter, way)
    for taken in [shorter, body] if method != "DELETE" else [body]:
        reply = emulator.call(method, path, taken)
        assert reply.status in (200, 201, 204), reply.body
        if method == "POST" and reply.status == 201 and path != CONNECTIONS:
            emulator.reset()


@pytest.mark.parametrize("credentials_type", KINDS)
def test_connections(emulator: Emulator, credentials_type: str) -> None:
    entry = kind(credentials_type)
    fields = {field.name: field for field in entry.fields}
    optional = {name for name, field in fields.items() if not field.required} | {"tags"}
    free = {"content", "content_type"}
    body = connection(integration(entry), tags=["a:b"])
    values = ("headers", "url_parameters")
    empty = {*free, *("value" for name in values if name in fields)}
    for name in values:
        # Of these a value may be empty, of tokens not: below.
        body["data"]["attributes"]["integration"]["credentials"].pop(name, None)
    only_this(emulator, "POST", CONNECTIONS, body, optional={*optional, *free}, may_be_empty=free)
    body = change(name="x", tags=["a:b"], integration=integration(entry))
    places = {name for name in fields if name != "type"} | {"name", "value", "credentials"}
    path = f"{CONNECTIONS}/{create(emulator, entry.type)}"
    found = changes(body, {*optional, *places, *free, "integration"}, empty, (), ())
    assert refuse_all(emulator, "PATCH", path, found) > 40
    # Nothing but the discriminators is required.
    only = {"type": entry.integration, "credentials": {"type": entry.type}}
    assert emulator.call("PATCH", path, change(integration=only)).status == 200
    assert emulator.call("PATCH", path, change()).status == 200


def test_items_of_http_lists(emulator: Emulator) -> None:
    """On create each needs name and value; none may be marked as deleted."""
    body = connection(integration(kind("HTTPTokenAuth")))
    credentials: Path = ("data", "attributes", "integration", "credentials")
    bodies = []
    for name in ("headers", "tokens", "url_parameters"):
        item = (*credentials, name, 0)
        bodies += [without(body, (*item, key)) for key in ("name", "value")]
        bodies += [replaced(body, (*item, key), 7) for key in ("name", "value")]
        bodies += [replaced(body, (*item, "deleted"), False), replaced(body, (*item, "x"), "y")]
    bodies += [without(body, (*credentials, "tokens", 0, "type"))]
    bodies += [replaced(body, (*credentials, "tokens", 0, "type"), "PUBLIC")]
    bodies += [replaced(body, (*credentials, "tokens", 0, "value"), "")]
    assert refuse_all(emulator, "POST", CONNECTIONS, iter(bodies)) == 21
    assert emulator.call("POST", CONNECTIONS, body).status == 201


@pytest.mark.parametrize("first", CATALOGUE, ids=lambda entry: entry.type)
def test_wrong_combinations(emulator: Emulator, first: Credentials) -> None:
    """Credentials of another integration, with the fields of either."""

    def bodies() -> Iterator[Any]:
        for second in map(kind, KINDS):
            if second.integration != first.integration:
                yield connection({**integration(second), "type": first.integration})
                credentials = {**integration(first)["credentials"], "type": second.type}
                yield connection({**integration(first), "credentials": credentials})

    assert refuse_all(emulator, "POST", CONNECTIONS, bodies()) >= 4


def test_read_only_and_update_only_fields(emulator: Emulator) -> None:
    body = connection()
    credentials: Path = ("data", "attributes", "integration", "credentials")
    read_only = [(*credentials, name) for name in ("external_id", "principal_id")]
    read_only += [("data", "id"), ("data", "attributes", "created_at"), ("data", "relationships")]
    bodies = [replaced(body, path, "x") for path in read_only]
    path = f"{CONNECTIONS}/{create(emulator)}"
    refuse_all(emulator, "PATCH", path, iter(bodies))
    bodies.append(replaced(body, (*credentials, "generate_new_external_id"), True))
    bodies.append(replaced(body, ("data", "attributes", "integration", "type"), "aws"))
    refuse_all(emulator, "POST", CONNECTIONS, iter(bodies))


@pytest.mark.parametrize(
    ("field", "wrong", "right"),
    [
        ("tokens", ["1a", "a-b", "a b", "é", "a\n"], ["a", "aB2c"]),
        ("url_parameters", ["1a", "a_b", "a b", "é", "a\n"], ["a", "aB2c"]),
        ("headers", ["1a", "_a", "a b", "a:b", "é", "a\n"], ["a", "X-A_b-1"]),
        ("account_id", ["1", "1234567890123", " 123456789012", "123456789012\n", "１" * 12], []),
    ],
)
def test_patterns(emulator: Emulator, field: str, wrong: list[str], right: list[str]) -> None:
    item = {"value": "x", **({"type": "SECRET"} if field == "tokens" else {})}
    http = {"type": "HTTP", "base_url": "https://service.example"}
    path = f"{CONNECTIONS}/{create(emulator, 'HTTPTokenAuth')}"
    for names, created, changed in ((wrong, 400, 400), (right, 201, 200)):
        for name in names:
            if field == "account_id":
                sample = integration(kind("AWSAssumeRole"))
                sample["credentials"]["account_id"] = name
                body, patch = connection(sample), change(integration=sample)
            else:
                credentials = {"type": "HTTPTokenAuth", field: [{"name": name, **item}]}
                body = connection({**http, "credentials": credentials})
                patch = change_http(**{field: [{"name": name, **item}]})
            reply = emulator.call("POST", CONNECTIONS, body)
            assert reply.status == created, name
            if created == 400:
                assert "value does not match regex" in reply.body["errors"][0]["detail"]
            assert emulator.call("PATCH", path, patch).status == changed, name


def test_errors_have_pointers_and_no_values(emulator: Emulator) -> None:
    sample = integration(kind("OktaAPIToken"))
    sample["credentials"].update(api_token=["top-secret"], domain={"top-secret": "x"}, other="top-secret")
    reply = emulator.call("POST", CONNECTIONS, connection(sample))
    assert reply.status == 400
    assert "top-secret" not in json.dumps(reply.body)
    base = "/data/attributes/integration/credentials"
    pointers = [error["source"]["pointer"] for error in reply.body["errors"]]
    assert pointers == [f"{base}/{name}" for name in ("api_token", "domain", "other")]
    for error in reply.body["errors"]:
        assert set(error) == {"title", "detail", "source"}


def test_teams(emulator: Emulator) -> None:
    modules = {"hidden_modules": ["m"], "visible_modules": ["m"]}
    attributes = {"name": "n", "handle": "h", "avatar": "a", "banner": 2, "description": "d"}
    users = {"users": {"data": [{"type": "users", "id": "u"}]}}
    data = {"type": "team", "attributes": {**attributes, **modules}, "relationships": users}
    optional = {"avatar", "banner", "description", "relationships", *modules}
    refused = changes(
        {"data": data},
        {*optional, "users", "data"},
        {"avatar", "description", 0},
        {"avatar", "banner"},
        (),
    )
    assert refuse_all(emulator, "POST", TEAMS, refused) > 100
    for name, length in (("name", 201), ("handle", 196)):
        too_long = {"data": replaced(data, ("attributes", name), "x" * length)}
        refuse_all(emulator, "POST", TEAMS, iter([too_long]))
    assert emulator.call("POST", TEAMS, {"data": data}).status == 201


def test_team_connections(emulator: Emulator) -> None:
    body = {"data": [link(create_team(emulator, "platform"), managed_by="x")]}
    refused = changes(body, {"managed_by"}, (), (), ())
    assert refuse_all(emulator, "POST", TEAM_CONNECTIONS, refused) > 60
    assert emulator.call("POST", TEAM_CONNECTIONS, body).status == 201
    refused = changes(unlink(NOWHERE), (), (), (), ())
    assert refuse_all(emulator, "DELETE", TEAM_CONNECTIONS, refused) > 20


def test_datastores(emulator: Emulator) -> None:
    settings = {
        "description": "d",
        "org_access": "viewer",
        "primary_key_generation_strategy": "none",
    }
    body = datastore(**settings)
    only_this(emulator, "POST", DATASTORES, body, optional=settings, may_be_empty={"description"})
    path = create_datastore(emulator)
    data = {"type": "datastores", "id": NOWHERE, "attributes": {"name": "n", "description": "d"}}
    optional, empty = {"id", "name", "description"}, {"id", "description"}
    only_this(emulator, "PATCH", path, {"data": data}, optional=optional, may_be_empty=empty)


def test_rows(emulator: Emulator) -> None:
    store = create_datastore(emulator)
    one, bulk = f"{store}/items", f"{store}/items/bulk"
    # A row has any columns.
    body = rows({"id": "a"}, mode="overwrite_on_conflict")
    only_this(emulator, "POST", bulk, body, optional={"conflict_mode"}, free={0})
    body = items(item_key="a", item_changes={"ops_set": {}}, id="x")
    optional = {"id", "ops_set"}
    only_this(emulator, "PATCH", one, body, optional=optional, may_be_empty={"id"}, free={"ops_set"})
    body = items(item_key="a", id="x")
    only_this(emulator, "DELETE", one, body, optional={"id"}, may_be_empty={"id"})
    emulator.call("POST", bulk, rows({"id": "a"}))
    only_this(emulator, "DELETE", bulk, items(item_keys=["a"]))


def test_policies(emulator: Emulator) -> None:
    emulator.call("GET", "/api/v2/current_user")
    body = policy("dashboard:x", editor=[f"user:{user_id()}"])
    only_this(emulator, "POST", "/api/v2/restriction_policy/dashboard:x", body)


NOT_JSON = [
    b" ",
    b"{",
    b"nonsense",
    b'{"data": NaN}',
    b'{"data": 1,}',
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b"1" * 100_000,
    b'{"data": 1} {}',
    # JSON, but deeper than any request.
    b"[" * 51 + b"]" * 51,
]
STRANGE = [
    b"null",
    b"[]",
    b"1e999",
    b"{}",
    b'{"data": null}',
    b'{"data": "\\ud800"}',
    b'{"data": {"\\u0000": {}}}',
    b"[" * 50 + b"]" * 50,
]


@pytest.mark.parametrize(("method", "path", "body"), [call[:3] for call in ENDPOINTS])
def test_what_every_endpoint_refuses(emulator: Emulator, method: str, path: str, body: Any) -> None:
    for query in ("unknown=1", "page[offset]=0&unknown=1", "filter[x]", "x[]=1&x[]=2"):
        reply = emulator.call(method, f"{path}?{query}", body)
        assert reply.status == 400
        assert "unknown query parameter" in json.dumps(reply.body)
    headers = {**CREDENTIALS, "Content-Type": "text/plain"}
    assert emulator.call(method, path, b"{}", headers).status == 415
    if body is None:
        assert emulator.call(method, path, {}).status == 400
        return
    for raw in [b"", *NOT_JSON, *STRANGE]:
        reply = emulator.call(method, path, raw)
        assert reply.status == 400, raw[:50]
        assert ("not valid JSON" in str(reply.body)) is (raw in NOT_JSON), raw[:50]


def test_how_bodies_are_sent(emulator: Emulator) -> None:
    headers = {**CREDENTIALS, "Content-Type": "application/json; charset=utf-8"}
    assert emulator.call("POST", CONNECTIONS, connection(), headers).status == 201
    large = connection(name="x" * (6 * 1024 * 1024))
    assert emulator.call("POST", CONNECTIONS, large).status == 413
    for encoding, status in (("gzip", 415), ("identity", 201)):
        headers["Content-Encoding"] = encoding
        raw = json.dumps(connection()).encode()
        packed = gzip.compress(raw) if encoding == "gzip" else raw
        assert emulator.call("POST", CONNECTIONS, packed, headers).status == status
    assert emulator.state()["counts"]["action_connections"] == 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", f"{CONNECTIONS}/", 404),
        ("GET", f"/{CONNECTIONS}", 404),
        ("HEAD", CONNECTIONS, 405),
        ("PUT", f"{CONNECTIONS}/{NOWHERE}", 405),
        ("POST", f"{REGISTRATIONS}/{NOWHERE}", 405),
        ("PATCH", TEAM_CONNECTIONS, 405),
        ("GET", f"{TEAM_CONNECTIONS}/{NOWHERE}", 404),
        ("GET", f"{DATASTORES}/{NOWHERE}/items/bulk", 405),
        ("PUT", "/api/v2/restriction_policy/dashboard:x", 405),
    ],
)
def test_unknown_paths_and_methods(emulator: Emulator, method: str, path: str, status: int) -> None:
    reply = emulator.call(method, path)
    assert reply.status == status
    if method != "HEAD":
        assert list(reply.body) == ["errors"]
