# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the emulator refuses: every change of a good body that Datadog's schema does not allow."""

from __future__ import annotations

import contextlib
import copy
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.catalogue import (
    CATALOGUE,
    Credentials,
)
from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    CREDENTIALS,
    Emulator,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    CONNECTIONS,
    DATASTORES,
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
    rows,
    unlink,
)

Path = tuple[object, ...]
WRONG: tuple[Any, ...] = (None, True, 7, 1.5, "x", [], ["x"], {}, {"x": "y"})
# What may be null: of a team.
NULLABLE = (("avatar",), ("banner",))
# Strings that may be empty.
MAY_BE_EMPTY = {"content", "content_type"}


def nodes(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Return every value inside a JSON value, with the way to it."""
    yield path, value
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield from nodes(item, (*path, key))


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


def wrong_types(body: Any) -> Iterator[Any]:
    """Return the body with each of its values replaced by values of other types."""
    for path, value in nodes(body):
        for wrong in WRONG:
            right = wrong is None and path[-1:] in NULLABLE
            if type(wrong) is not type(value) and not right:
                yield replaced(body, path, wrong)


def with_unknown_fields(body: Any) -> Iterator[Any]:
    """Return the body with an unknown field in each of its objects."""
    for path, value in nodes(body):
        if isinstance(value, dict):
            yield replaced(body, path, {**value, "unknown": "x"})


def with_empty_strings(body: Any, may_be_empty: set[str]) -> Iterator[Any]:
    """Return the body with each string empty that must not be."""
    for path, value in nodes(body):
        if isinstance(value, str) and path[-1] not in may_be_empty:
            yield replaced(body, path, "")


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
            assert response.headers["content-type"] == "application/vnd.api+json"
            assert json.loads(answer)["errors"]
            count += 1
    assert emulator.state() == before
    return count


def create_body(entry: Credentials) -> dict[str, Any]:
    return connection(integration(entry), tags=["a:b"])


def an_empty_value_is_right(body: Any) -> Any:
    """Return an HTTP body without the values that may be empty: those of headers and parameters."""
    credentials = body["data"]["attributes"]["integration"]["credentials"]
    for name in ("headers", "url_parameters"):
        credentials.pop(name, None)
    return body


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.type)
def test_create(emulator: Emulator, entry: Credentials) -> None:
    body = create_body(entry)
    assert refuse_all(emulator, "POST", CONNECTIONS, wrong_types(body)) > 60
    assert refuse_all(emulator, "POST", CONNECTIONS, with_unknown_fields(body)) > 4
    shorter = an_empty_value_is_right(create_body(entry))
    assert refuse_all(emulator, "POST", CONNECTIONS, with_empty_strings(shorter, MAY_BE_EMPTY)) > 4


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.type)
def test_required_on_create(emulator: Emulator, entry: Credentials) -> None:
    body = create_body(entry)
    data: Path = ("data",)
    inner: Path = (*data, "attributes", "integration")
    required = [data, (*data, "type"), (*data, "attributes"), inner]
    required += [(*data, "attributes", "name"), (*inner, "type"), (*inner, "credentials")]
    required += [(*inner, "credentials", "type")]
    optional: list[Path] = []
    for field in entry.fields:
        if not field.read_only and not field.update_only:
            path = (*inner, field.name) if field.beside else (*inner, "credentials", field.name)
            (required if field.required else optional).append(path)
    for name in ("tokens", "headers", "url_parameters"):
        for number, item in enumerate(integration(entry)["credentials"].get(name, [])):
            required += [(*inner, "credentials", name, number, key) for key in item]
    refuse_all(emulator, "POST", CONNECTIONS, (without(body, path) for path in required))
    for path in [*optional, (*data, "attributes", "tags")]:
        assert emulator.call("POST", CONNECTIONS, without(body, path)).status == 201


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.type)
def test_update(emulator: Emulator, entry: Credentials) -> None:
    path = f"{CONNECTIONS}/{create(emulator, entry.type)}"
    body = change(integration=integration(entry), name="x", tags=["a:b"])
    assert refuse_all(emulator, "PATCH", path, wrong_types(body)) > 60
    assert refuse_all(emulator, "PATCH", path, with_unknown_fields(body)) > 4
    shorter = an_empty_value_is_right(copy.deepcopy(body))
    assert refuse_all(emulator, "PATCH", path, with_empty_strings(shorter, MAY_BE_EMPTY)) > 4


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.type)
def test_required_on_update(emulator: Emulator, entry: Credentials) -> None:
    """Nothing but the discriminators."""
    path = f"{CONNECTIONS}/{create(emulator, entry.type)}"
    only = {"type": entry.integration, "credentials": {"type": entry.type}}
    assert emulator.call("PATCH", path, change(integration=only)).status == 200
    body = change(integration=integration(entry))
    inner: Path = ("data", "attributes", "integration")
    required = [(*inner, "type"), (*inner, "credentials", "type")]
    required += [("data",), ("data", "type"), ("data", "attributes")]
    refuse_all(emulator, "PATCH", path, (without(body, path) for path in required))
    for field in entry.fields:
        if not field.read_only and not field.update_only:
            place = inner if field.beside else (*inner, "credentials")
            assert emulator.call("PATCH", path, without(body, (*place, field.name))).status == 200


@pytest.mark.parametrize("first", CATALOGUE, ids=lambda entry: entry.type)
def test_wrong_combinations(emulator: Emulator, first: Credentials) -> None:
    """Credentials of another integration, with the fields of either."""

    def bodies() -> Iterator[Any]:
        for second in CATALOGUE:
            if second.integration != first.integration:
                mixed = {**integration(second), "type": first.integration}
                yield connection(mixed)
                credentials = {**integration(first)["credentials"], "type": second.type}
                yield connection({**integration(first), "credentials": credentials})

    assert refuse_all(emulator, "POST", CONNECTIONS, bodies()) >= 46


def test_discriminators_in_another_case(emulator: Emulator) -> None:
    body = create_body(kind("CircleCIAPIKey"))
    inner: Path = ("data", "attributes", "integration")
    wrong = (
        replaced(body, (*inner, "type"), "circleci"),
        replaced(body, (*inner, "credentials", "type"), "CircleCiAPIKey"),
        replaced(body, ("data", "type"), "action_connections"),
        replaced(body, ("data", "type"), "Action_Connection"),
    )
    refuse_all(emulator, "POST", CONNECTIONS, iter(wrong))


def test_read_only_and_update_only_fields(emulator: Emulator) -> None:
    body = create_body(kind("AWSAssumeRole"))
    credentials: Path = ("data", "attributes", "integration", "credentials")
    read_only = [(*credentials, name) for name in ("external_id", "principal_id")]
    read_only += [("data", "id"), ("data", "attributes", "created_at"), ("data", "relationships")]
    update_only = (*credentials, "generate_new_external_id")
    bodies = [replaced(body, path, "x") for path in read_only]
    refuse_all(emulator, "POST", CONNECTIONS, iter([*bodies, replaced(body, update_only, True)]))
    path = f"{CONNECTIONS}/{create(emulator)}"
    refuse_all(emulator, "PATCH", path, (replaced(body, way, "x") for way in read_only))
    http = connection(integration(kind("HTTPTokenAuth")))
    for name in ("headers", "tokens", "url_parameters"):
        deleted = replaced(http, (*credentials, name, 0, "deleted"), False)
        refuse_all(emulator, "POST", CONNECTIONS, iter([deleted]))


@pytest.mark.parametrize(
    "account_id",
    [
        "1",
        "1234567890123",
        "12345678901a",
        " 123456789012",
        "123456789012\n",
        "１２３４５６７８９０１２",
    ],
)
def test_account_id(emulator: Emulator, account_id: str) -> None:
    body = create_body(kind("AWSAssumeRole"))
    way: Path = ("data", "attributes", "integration", "credentials", "account_id")
    reply = emulator.call("POST", CONNECTIONS, replaced(body, way, account_id))
    assert reply.status == 400
    assert "does not match regex pattern" in reply.body["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("field", "wrong", "right"),
    [
        ("tokens", ["1a", "a-b", "a_b", "a b", "é", "a\n", "-"], ["a", "A1", "aB2c"]),
        ("url_parameters", ["1a", "a-b", "a_b", "a b", "é", "a\n"], ["a", "A1", "aB2c"]),
        ("headers", ["1a", "-a", "_a", "a b", "a:b", "é", "a\n"], ["a", "X-A_b-1", "A-"]),
    ],
)
def test_names(emulator: Emulator, field: str, wrong: list[str], right: list[str]) -> None:
    item = {"value": "x", **({"type": "SECRET"} if field == "tokens" else {})}
    http = {"type": "HTTP", "base_url": "https://service.example"}
    path = f"{CONNECTIONS}/{create(emulator, 'HTTPTokenAuth')}"
    for names, created, changed in ((wrong, 400, 400), (right, 201, 200)):
        for name in names:
            credentials = {"type": "HTTPTokenAuth", field: [{"name": name, **item}]}
            body = connection({**http, "credentials": credentials})
            reply = emulator.call("POST", CONNECTIONS, body)
            assert reply.status == created, name
            if created == 400:
                text = 'value does not match regex pattern "^[A-Za-z][A-Za-z\\\\d'
                assert text in reply.body["errors"][0]["detail"]
            body = change_http(**{field: [{"name": name, **item}]})
            assert emulator.call("PATCH", path, body).status == changed, name


def test_errors_have_pointers_and_no_values(emulator: Emulator) -> None:
    sample = integration(kind("OktaAPIToken"))
    sample["credentials"].update(
        api_token=["top-secret"], domain={"top-secret": "x"}, other="top-secret"
    )
    reply = emulator.call("POST", CONNECTIONS, connection(sample))
    assert reply.status == 400
    assert "top-secret" not in json.dumps(reply.body)
    base = "/data/attributes/integration/credentials"
    pointers = [error["source"]["pointer"] for error in reply.body["errors"]]
    assert pointers == [f"{base}/{name}" for name in ("api_token", "domain", "other")]
    for error in reply.body["errors"]:
        assert set(error) == {"title", "detail", "source"}
        assert error["title"] == "Generic Error"


def test_several_values_that_fail_their_pattern(emulator: Emulator) -> None:
    sample = integration(kind("HTTPTokenAuth"))
    for name in ("headers", "url_parameters"):
        sample["credentials"][name][0]["name"] = "not right"
    (error,) = emulator.call("POST", CONNECTIONS, connection(sample)).body["errors"]
    assert "desc = multiple errors: 2 errors occurred:\n\t* [error_code=8]: " in error["detail"]
    assert error["detail"].count("value does not match regex pattern") == 2


ENDPOINTS_WITH_BODY = [
    ("POST", CONNECTIONS),
    ("PATCH", f"{CONNECTIONS}/{NOWHERE}"),
    ("POST", TEAM_CONNECTIONS),
    ("DELETE", TEAM_CONNECTIONS),
    ("POST", TEAMS),
    ("POST", DATASTORES),
    ("PATCH", f"{DATASTORES}/{NOWHERE}"),
    ("PATCH", f"{DATASTORES}/{NOWHERE}/items"),
    ("DELETE", f"{DATASTORES}/{NOWHERE}/items"),
    ("POST", f"{DATASTORES}/{NOWHERE}/items/bulk"),
    ("DELETE", f"{DATASTORES}/{NOWHERE}/items/bulk"),
]
ENDPOINTS_WITHOUT_BODY = [
    ("GET", CONNECTIONS),
    ("GET", f"{CONNECTIONS}/{NOWHERE}"),
    ("DELETE", f"{CONNECTIONS}/{NOWHERE}"),
    ("GET", REGISTRATIONS),
    ("GET", f"{REGISTRATIONS}/{NOWHERE}"),
    ("PUT", f"{REGISTRATIONS}/{NOWHERE}"),
    ("DELETE", f"{REGISTRATIONS}/{NOWHERE}"),
    ("GET", TEAM_CONNECTIONS),
    ("GET", TEAMS),
    ("GET", f"{TEAMS}/{NOWHERE}"),
    ("DELETE", f"{TEAMS}/{NOWHERE}"),
    ("GET", DATASTORES),
    ("GET", f"{DATASTORES}/{NOWHERE}"),
    ("DELETE", f"{DATASTORES}/{NOWHERE}"),
]
NOT_JSON = [
    b" ",
    b"{",
    b"nonsense",
    b'{"data": NaN}',
    b'{"data": Infinity}',
    b'{"data": 1,}',
    b"\xff\xfe",
    b'{"data": "\xe9"}',
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b'{"data":' * 100_000,
    b"1" * 100_000,
    b'{"data": 1} {}',
    # JSON, but deeper than any request.
    b"[" * 51 + b"]" * 51,
    b'{"data":' * 500 + b"{}" + b"}" * 500,
]
STRANGE = [
    b"null",
    b"[]",
    b'"x"',
    b"1e999",
    b"{}",
    b'{"data": null}',
    b'{"data": "\\ud800"}',
    b'{"data": {"type": "action_connection", "attributes": {"\\ud800": 1}}}',
    b'{"data": {"\\u0000": {}}}',
    b"[" * 50 + b"]" * 50,
]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS_WITH_BODY)
def test_bodies_that_are_no_documents(emulator: Emulator, method: str, path: str) -> None:
    for raw in [b"", *NOT_JSON, *STRANGE]:
        reply = emulator.call(method, path, raw)
        assert reply.status == 400, raw[:50]
        assert reply.body["errors"]
        assert ("not valid JSON" in str(reply.body)) is (raw in NOT_JSON), raw[:50]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS_WITH_BODY)
@pytest.mark.parametrize(
    "content_type",
    ["application/vnd.api+json", "text/plain", "application/x-www-form-urlencoded", "nonsense", ""],
)
def test_content_type(emulator: Emulator, method: str, path: str, content_type: str) -> None:
    headers = {**CREDENTIALS, "Content-Type": content_type}
    assert emulator.call(method, path, b"{}", headers).status == 415


def test_content_type_with_charset(emulator: Emulator) -> None:
    headers = {**CREDENTIALS, "Content-Type": "application/json; charset=utf-8"}
    assert emulator.call("POST", CONNECTIONS, connection(), headers).status == 201


@pytest.mark.parametrize(("method", "path"), ENDPOINTS_WITHOUT_BODY)
def test_endpoints_that_take_no_body(emulator: Emulator, method: str, path: str) -> None:
    assert emulator.call(method, path, {}).status == 400
    headers = {**CREDENTIALS, "Content-Type": "text/plain"}
    assert emulator.call(method, path, b"x", headers).status == 415
    assert emulator.state()["counts"]["app_key_registrations"] == 0


@pytest.mark.parametrize(("method", "path"), [*ENDPOINTS_WITH_BODY, *ENDPOINTS_WITHOUT_BODY])
def test_unknown_query_parameters(emulator: Emulator, method: str, path: str) -> None:
    body: Any = {} if (method, path) in ENDPOINTS_WITH_BODY else None
    for query in ("unknown=1", "page[offset]=0", "filter", "=", "x[]=1&x[]=2"):
        reply = emulator.call(method, f"{path}?{query}", body)
        assert reply.status == 400
        assert "unknown query parameter" in json.dumps(reply.body)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api/v2", 404),
        ("GET", f"{CONNECTIONS}/", 404),
        ("GET", f"{CONNECTIONS}/{NOWHERE}/", 404),
        ("GET", f"/{CONNECTIONS}", 404),
        ("POST", "/api/v2/teams", 404),
        ("HEAD", CONNECTIONS, 405),
        ("PUT", CONNECTIONS, 405),
        ("PUT", f"{CONNECTIONS}/{NOWHERE}", 405),
        ("POST", f"{REGISTRATIONS}/{NOWHERE}", 405),
        ("PATCH", TEAM_CONNECTIONS, 405),
        ("PUT", f"{DATASTORES}/{NOWHERE}", 405),
        ("POST", f"{DATASTORES}/{NOWHERE}/items", 405),
        ("GET", f"{DATASTORES}/{NOWHERE}/items/bulk", 405),
        ("GET", f"{DATASTORES}/{NOWHERE}/items/{NOWHERE}", 404),
        ("PATCH", f"{TEAMS}/{NOWHERE}", 405),
    ],
)
def test_unknown_paths_and_methods(emulator: Emulator, method: str, path: str, status: int) -> None:
    reply = emulator.call(method, path)
    assert reply.status == status
    if method != "HEAD":
        assert list(reply.body) == ["errors"]


def test_body_too_large(emulator: Emulator) -> None:
    body = connection(name="x" * (6 * 1024 * 1024))
    assert emulator.call("POST", CONNECTIONS, body).status == 413
    assert emulator.state()["counts"]["action_connections"] == 0


def test_compressed_bodies(emulator: Emulator) -> None:
    headers = {**CREDENTIALS, "Content-Type": "application/json", "Content-Encoding": "gzip"}
    packed = gzip.compress(json.dumps(connection()).encode())
    for raw in (packed, b"not gzip"):
        assert emulator.call("POST", CONNECTIONS, raw, headers).status == 415
    headers["Content-Encoding"] = "identity"
    assert emulator.call("POST", CONNECTIONS, connection(), headers).status == 201


def test_teams(emulator: Emulator) -> None:
    users = [{"type": "users", "id": "u"}]
    attributes = {
        "name": "n",
        "handle": "h",
        "avatar": "a",
        "banner": 2,
        "description": "d",
        "hidden_modules": ["m"],
        "visible_modules": ["m"],
    }
    data = {"type": "team", "attributes": attributes, "relationships": {"users": {"data": users}}}
    body = {"data": data}
    may_be_empty = {"avatar", "description", 0}
    assert refuse_all(emulator, "POST", TEAMS, wrong_types(body)) > 100
    refuse_all(emulator, "POST", TEAMS, with_unknown_fields(body))
    refuse_all(emulator, "POST", TEAMS, with_empty_strings(body, may_be_empty))  # type: ignore[arg-type]
    missing: list[Path] = [("data",), ("data", "type"), ("data", "attributes")]
    missing += [("data", "attributes", name) for name in ("name", "handle")]
    refuse_all(emulator, "POST", TEAMS, (without(body, path) for path in missing))
    for name, length in (("name", 201), ("handle", 196)):
        too_long = replaced(body, ("data", "attributes", name), "x" * length)
        refuse_all(emulator, "POST", TEAMS, iter([too_long]))
    assert emulator.call("POST", TEAMS, body).status == 201


def test_team_connections(emulator: Emulator) -> None:
    team = create_team(emulator, "platform")
    body = {"data": [link(team, managed_by="x")]}
    assert refuse_all(emulator, "POST", TEAM_CONNECTIONS, wrong_types(body)) > 60
    refuse_all(emulator, "POST", TEAM_CONNECTIONS, with_unknown_fields(body))
    refuse_all(emulator, "POST", TEAM_CONNECTIONS, with_empty_strings(body, set()))
    optional: list[Path] = [("data", 0, "attributes", "managed_by")]
    ways = [path for path, _value in nodes(body) if path and path not in optional]
    refuse_all(emulator, "POST", TEAM_CONNECTIONS, (without(body, path) for path in ways))
    assert emulator.call("POST", TEAM_CONNECTIONS, without(body, optional[0])).status == 201

    delete = unlink(NOWHERE)
    refuse_all(emulator, "DELETE", TEAM_CONNECTIONS, wrong_types(delete))
    refuse_all(emulator, "DELETE", TEAM_CONNECTIONS, with_unknown_fields(delete))
    ways = [path for path, _value in nodes(delete) if path]
    refuse_all(emulator, "DELETE", TEAM_CONNECTIONS, (without(delete, path) for path in ways))


def test_datastores(emulator: Emulator) -> None:
    body = datastore(description="d", org_access="viewer", primary_key_generation_strategy="none")
    body["data"]["id"] = NOWHERE
    refuse_all(emulator, "POST", DATASTORES, wrong_types(body))
    refuse_all(emulator, "POST", DATASTORES, with_unknown_fields(body))
    refuse_all(emulator, "POST", DATASTORES, with_empty_strings(body, {"description"}))
    required: list[Path] = [("data",), ("data", "type"), ("data", "attributes")]
    required += [("data", "attributes", name) for name in ("name", "primary_column_name")]
    refuse_all(emulator, "POST", DATASTORES, (without(body, path) for path in required))
    names = ("0id", "-id", "i d", "i-d", "id\n", "é", "idé", "i" * 64)
    wrong = (replaced(body, ("data", "attributes", "primary_column_name"), name) for name in names)
    assert refuse_all(emulator, "POST", DATASTORES, wrong) == len(names)
    assert emulator.call("POST", DATASTORES, body).status == 200

    path = f"{DATASTORES}/{NOWHERE}"
    attributes = {"name": "n", "description": "d"}
    change_body = {"data": {"type": "datastores", "id": NOWHERE, "attributes": attributes}}
    refuse_all(emulator, "PATCH", path, wrong_types(change_body))
    refuse_all(emulator, "PATCH", path, with_unknown_fields(change_body))
    may_be_empty = {"description", "id"}
    refuse_all(emulator, "PATCH", path, with_empty_strings(change_body, may_be_empty))
    refuse_all(emulator, "PATCH", path, (without(change_body, way) for way in required[:3]))
    assert emulator.call("PATCH", path, change_body).status == 200


def test_rows(emulator: Emulator) -> None:
    store = create_datastore(emulator)
    attributes: Path = ("data", "attributes")
    body = rows({"id": "a"})
    bulk = f"{store}/items/bulk"
    refuse_all(emulator, "POST", bulk, wrong_types(body))
    outer = (
        body
        for body in with_unknown_fields(body)
        if body["data"]["attributes"]["values"] == [{"id": "a"}]
    )
    assert refuse_all(emulator, "POST", bulk, outer) == 3
    refuse_all(emulator, "POST", bulk, with_empty_strings(body, set()))
    required: list[Path] = [("data",), ("data", "type"), attributes]
    ways = [*required, (*attributes, "values"), (*attributes, "values", 0, "id")]
    refuse_all(emulator, "POST", bulk, (without(body, way) for way in ways))
    assert emulator.call("POST", bulk, body).status == 200

    one = f"{store}/items"
    body = items(item_key="a", item_changes={"ops_set": {}}, id="x")
    body["data"]["id"] = "x"
    refuse_all(emulator, "PATCH", one, wrong_types(body))
    outer = (
        body
        for body in with_unknown_fields(body)
        if not body["data"]["attributes"]["item_changes"]["ops_set"]
    )
    assert refuse_all(emulator, "PATCH", one, outer) == 4
    refuse_all(emulator, "PATCH", one, with_empty_strings(body, {"id"}))
    ways = [*required, (*attributes, "item_key"), (*attributes, "item_changes")]
    refuse_all(emulator, "PATCH", one, (without(body, way) for way in ways))
    for way in [(*attributes, "id"), ("data", "id"), (*attributes, "item_changes", "ops_set")]:
        assert emulator.call("PATCH", one, without(body, way)).status == 200

    body = items(item_key="a", id="x")
    ways = [*required, (*attributes, "item_key")]
    refuse_all(emulator, "DELETE", one, wrong_types(body))
    refuse_all(emulator, "DELETE", one, with_unknown_fields(body))
    refuse_all(emulator, "DELETE", one, with_empty_strings(body, {"id"}))
    refuse_all(emulator, "DELETE", one, (without(body, way) for way in ways))

    body = items(item_keys=["a"])
    body["data"]["id"] = "x"
    ways = [*required, (*attributes, "item_keys"), (*attributes, "item_keys", 0)]
    refuse_all(emulator, "DELETE", bulk, wrong_types(body))
    refuse_all(emulator, "DELETE", bulk, with_unknown_fields(body))
    refuse_all(emulator, "DELETE", bulk, with_empty_strings(body, {"id"}))
    refuse_all(emulator, "DELETE", bulk, (without(body, way) for way in ways))
    assert emulator.state()["counts"]["datastore_rows"] == 1
    assert emulator.call("DELETE", bulk, body).status == 200
