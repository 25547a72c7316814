# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conversations as recorded traffic has them: every answer to the last key.

Ids and times are compared by their form. What Datadog does beyond these is in the other files.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    Emulator,
    Reply,
    app_key_id,
    user_id,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    CONNECTIONS,
    DATASTORES,
    NOWHERE,
    REGISTRATIONS,
    TEAM_CONNECTIONS,
    TEAMS,
    change,
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

JSON_API = "application/vnd.api+json"


class Like:
    """Equal to every string of a form."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(self.pattern, other) is not None

    def __repr__(self) -> str:
        return f"<{self.pattern}>"


UUID = Like("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# As Go prints it, and in ISO 8601: without trailing zeros.
GO_TIME = Like(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{0,5}[1-9])? \+0000 UTC")
ISO_TIME = Like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?Z")
TEAM_TIME = Like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00")


def answered(reply: Reply, status: int, body: Any, content_type: str | None = JSON_API) -> None:
    assert (reply.status, reply.body) == (status, body)
    assert reply.headers.get("content-type") == content_type


def refused(reply: Reply, status: int, *errors: Any) -> None:
    answered(reply, status, {"errors": list(errors)})


def generic(detail: str) -> dict[str, str]:
    return {"title": "Generic Error", "detail": detail}


def titled(status: int, title: str, detail: str) -> dict[str, str]:
    return {"status": str(status), "title": title, "detail": detail}


def test_life_of_a_connection(emulator: Emulator) -> None:
    """The POST has neither times nor creator, the PATCH has both, and whoever wrote may not resolve."""
    sent = connection(name="one", tags=["env:test", "team:platform"])
    made: dict[str, Any] = {
        "credentials": {
            "account_id": "123456789012",
            "external_id": Like("[0-9a-f]{32}"),
            "principal_id": "464622532012",
            "role": "role",
            "type": "AWSAssumeRole",
        },
        "type": "AWS",
    }
    attributes: dict[str, Any] = {
        "acting_user_can_resolve": False,
        "external_secrets_manager": None,
        "integration": made,
        "is_favorite": False,
        "name": "one",
        "tags": ["env:test", "team:platform"],
    }
    data = {"id": UUID, "type": "action_connection", "attributes": attributes}
    created = emulator.call("POST", CONNECTIONS, sent)
    answered(created, 201, {"data": data})
    path = f"{CONNECTIONS}/{created.body['data']['id']}"

    got = emulator.call("GET", path)
    times = {"created_at": GO_TIME, "last_updated": GO_TIME}
    creator = {"data": {"id": user_id(), "type": "created_by"}}
    read = {
        **data,
        "attributes": {**attributes, **times, "acting_user_can_resolve": True},
        "relationships": {"created_by": creator},
    }
    answered(got, 200, {"data": read})
    at_first = got.body["data"]["attributes"]
    assert at_first["created_at"] == at_first["last_updated"]
    assert emulator.call("GET", path).body == got.body

    changed = emulator.call("PATCH", path, change(name="two", tags=["env:prod"]))
    attributes.update(times, name="two", tags=["env:prod"])
    answered(changed, 200, {"data": {**read, "attributes": attributes}})
    moved = changed.body["data"]["attributes"]
    assert moved["created_at"] == at_first["created_at"] < moved["last_updated"]
    assert moved["integration"] == at_first["integration"]
    moved["acting_user_can_resolve"] = True
    assert emulator.call("GET", path).body == changed.body

    answered(emulator.call("DELETE", path), 204, None, None)
    text = "error {} connection: rpc error: code = NotFound desc = connection not found"
    refused(emulator.call("GET", path), 404, generic(text.format("getting")))
    refused(emulator.call("DELETE", path), 404, generic(text.format("deleting")))
    patched = emulator.call("PATCH", path, change(name="x"))
    refused(patched, 404, generic(text.format("creating")))


@pytest.mark.parametrize("older", [False, True])
def test_tokens(emulator: Emulator, older: bool) -> None:
    """They are sent as ``tokens``, and since 2025 they come back under another name."""
    if older:
        emulator.settings(tokens_as="tokens", plain_attributes=True)
    sent = integration(kind("HTTPTokenAuth"))
    credentials = dict(sent["credentials"])
    tokens = [{**token, "value": ""} for token in credentials.pop("tokens")]
    credentials["tokens" if older else "http_tokens"] = tokens
    created = emulator.call("POST", CONNECTIONS, connection(sent, name="one"))
    got = emulator.call("GET", f"{CONNECTIONS}/{created.body['data']['id']}")
    for reply in (created, got):
        attributes = reply.body["data"]["attributes"]
        assert attributes["integration"] == {**sent, "credentials": credentials}
    if older:
        assert set(got.body["data"]) == {"id", "type", "attributes"}
        assert set(attributes) == {"integration", "name"}
        assert created.body == got.body


def test_bad_account_id(emulator: Emulator) -> None:
    sample = integration(kind("AWSAssumeRole"))
    sample["credentials"]["account_id"] = "1"
    path = f"{CONNECTIONS}/{create(emulator)}"
    for reply, steps in (
        (
            emulator.call("POST", CONNECTIONS, connection(sample)),
            "CreateCustomConnectionRequest.Data|CustomConnectionData.Aws|"
            "CustomConnectionData_AwsAuthData.AssumeRole|"
            "CustomConnectionData_AwsAuthData_AssumeRole.AccountId",
        ),
        (
            emulator.call("PATCH", path, change(integration=sample)),
            "UpdateCustomConnectionRequest.DataUpdate|CustomConnectionDataUpdate.Aws|"
            "CustomConnectionDataUpdate_AwsAuth.AssumeRole|"
            "CustomConnectionDataUpdate_AwsAuth_AssumeRole.AccountId",
        ),
    ):
        causes = steps.replace("|", ": embedded message failed validation | caused by: invalid ")
        detail = (
            "error creating connection: rpc error: code = InvalidArgument desc = multiple errors: "
            f"1 error occurred:\n\t* [error_code=8]: invalid {causes}: "
            'value does not match regex pattern "^\\\\d{12}$"\n\n'
        )
        refused(reply, 400, generic(detail))


def test_ids_that_are_none(emulator: Emulator) -> None:
    for method, body in (("GET", None), ("PATCH", change(name="x")), ("DELETE", None)):
        reply = emulator.call(method, f"{CONNECTIONS}/bad%20format", body)
        refused(reply, 400, generic("error connectionId not a valid UUID"))
    detail = 'invalid parameter "appKeyId" in "path"; expected type "uuid"'
    for method in ("GET", "PUT", "DELETE"):
        reply = emulator.call(method, f"{REGISTRATIONS}/not_valid_app_key_id")
        refused(reply, 400, titled(400, "Invalid Parameter", detail))
    for method in ("GET", "DELETE"):
        reply = emulator.call(method, f"{TEAMS}/REPLACE.ME")
        refused(reply, 404, "REPLACE.ME is not a valid UUID not found")


def test_registrations(emulator: Emulator) -> None:
    """A key may be registered twice; one that does not exist is no 404."""
    path, row = f"{REGISTRATIONS}/{NOWHERE}", {"id": NOWHERE, "type": "app_key_registration"}
    gone = {"detail": "app key not found"}
    refused(emulator.call("GET", path), 404, gone)
    for _time in range(2):
        answered(emulator.call("PUT", path), 201, {"data": row})
    answered(emulator.call("GET", path), 200, {"data": row})
    listed = emulator.call("GET", f"{REGISTRATIONS}?page[size]=10&page[number]=0")
    answered(listed, 200, {"data": [row], "meta": {"total": 1, "total_filtered": 1}})
    answered(emulator.call("DELETE", path), 204, None, None)
    refused(emulator.call("DELETE", path), 404, gone)
    emulator.settings(unknown_app_key=[NOWHERE])
    unknown = {"detail": "unexpected app key registration error"}
    refused(emulator.call("PUT", path), 500, unknown)
    emulator.settings(unknown_app_key=[], app_key=["app"])
    refused(emulator.call("PUT", path), 500, unknown)
    assert emulator.call("PUT", f"{REGISTRATIONS}/{app_key_id('app')}").status == 201


def test_teams(emulator: Emulator) -> None:
    """A GET leaves out what the POST still shows, and lists have links."""
    sent = {"handle": "sre", "name": "SRE", "description": "all of it"}
    attributes: dict[str, Any] = {
        **sent,
        "created_at": TEAM_TIME,
        "is_managed": False,
        "link_count": 0,
        "modified_at": TEAM_TIME,
        "summary": "all of it",
        "user_count": 0,
    }
    created = emulator.call("POST", TEAMS, {"data": {"type": "team", "attributes": sent}})
    team = created.body["data"]["id"]
    links = {
        "team_links": {"data": [], "links": {"related": f"{TEAMS}/{team}/links"}},
        "user_team_permissions": {
            "data": None,
            "links": {"related": f"{TEAMS}/{team}/permission-settings"},
        },
    }
    row = {"id": UUID, "type": "team", "attributes": attributes, "relationships": links}
    more = {"avatar": None, "banner": 1, "hidden_modules": None, "visible_modules": None}
    answered(created, 201, {"data": {**row, "attributes": {**attributes, **more}}})
    path = f"{TEAMS}/{team}"
    answered(emulator.call("GET", path), 200, {"data": row})

    query = f"{TEAMS}?filter[keyword]=sre&page[number]={{}}&page[size]=100"
    paged = emulator.call("GET", query.format(0))
    page = {
        "number": 0,
        "first_number": 0,
        "prev_number": 0,
        # Past the last page.
        "next_number": 1,
        "last_number": 0,
        "size": 100,
        "type": "number_size",
        "total": 1,
    }
    around = {"self": 0, "last": None, "next": 1, "prev": None, "first": 0}
    addresses = {
        name: None if number is None else emulator.url + query.format(number) for name, number in around.items()
    }
    meta = {"pagination": page}
    answered(paged, 200, {"data": [row], "meta": meta, "links": addresses})
    unpaged = emulator.call("GET", TEAMS).body
    assert unpaged["meta"]["pagination"] == {
        "offset": 0,
        "first_offset": 0,
        "prev_offset": 0,
        "next_offset": 100,
        "last_offset": 0,
        "limit": 100,
        "type": "offset_limit",
        "total": 1,
    }
    assert unpaged["links"]["next"] == f"{emulator.url}{TEAMS}?page[limit]=100&page[offset]=100"
    again = emulator.call("POST", TEAMS, {"data": {"type": "team", "attributes": sent}})
    refused(again, 409, "Team name and handle must be unique")
    answered(emulator.call("DELETE", path), 204, None, None)
    refused(emulator.call("GET", path), 404, f"{team} not found")


def test_team_connections(emulator: Emulator) -> None:
    """Many at once; the meta has two shapes; what a team had goes with it."""
    team, other = create_team(emulator, "one"), create_team(emulator, "two")
    links = [
        link(team, "@Org/a", managed_by="datadog"),
        link(other, "@Org/a"),
        link(team, "@Org/b"),
    ]
    created = emulator.call("POST", TEAM_CONNECTIONS, {"data": links})
    for row in links[1:]:
        # Left out, it became the user who asked.
        row["attributes"]["managed_by"] = user_id()
    answered(created, 201, {"data": [{"id": UUID, **row} for row in links]})
    ids = [row["id"] for row in created.body["data"]]

    one = emulator.call("GET", f"{TEAM_CONNECTIONS}?filter[connection_ids]={ids[0]}")
    page: dict[str, Any] = {
        "type": "offset_limit",
        "offset": 0,
        "limit": 100,
        "total": 1,
        "first_offset": 0,
        "prev_offset": None,
        "next_offset": None,
        "last_offset": 0,
    }
    answered(one, 200, {"data": created.body["data"][:1], "meta": {"page": page}})
    paged = emulator.call("GET", f"{TEAM_CONNECTIONS}?filter[sources]=github,scim&page[size]=10")
    assert sorted(row["id"] for row in paged.body["data"]) == sorted(ids)
    assert paged.body["meta"]["page"] == {
        "type": "number_size",
        "number": 0,
        "size": 10,
        "total": 3,
        "first_number": 0,
        "prev_number": None,
        "next_number": None,
        "last_number": 0,
    }
    conflict = "failed to add team connections: one or more team attributes already exist"
    again = emulator.call("POST", TEAM_CONNECTIONS, {"data": links[:1]})
    refused(again, 409, titled(409, "Conflict", conflict))

    answered(emulator.call("DELETE", TEAM_CONNECTIONS, unlink(ids[0])), 204, None, None)
    none = emulator.call("GET", f"{TEAM_CONNECTIONS}?filter[connection_ids]={ids[0]}")
    answered(none, 200, {"data": [], "meta": {"page": {**page, "total": 0}}})
    assert emulator.call("DELETE", f"{TEAMS}/{team}").status == 204
    left = emulator.call("GET", TEAM_CONNECTIONS).body["data"]
    assert [row["id"] for row in left] == [ids[1]]


def test_bad_requests_of_team_connections(emulator: Emulator) -> None:
    team = create_team(emulator, "one")
    nothing = 'attribute "data" at least one team connection must be provided'
    unknown = 'attribute "id" one or more team connection ids are not present'
    source = 'attribute "source" "{}" is not a supported external team type, must be one of [github scim servicenow]'
    missing = link(team)
    del missing["attributes"]["source"]
    for method, body, detail in (
        ("POST", {"data": []}, nothing),
        ("DELETE", {"data": []}, nothing),
        ("DELETE", unlink(""), unknown),
        ("DELETE", unlink(NOWHERE), unknown),
        ("POST", {"data": [missing]}, source.format("")),
        ("POST", {"data": [link(team, source="gitlab")]}, source.format("gitlab")),
    ):
        reply = emulator.call(method, TEAM_CONNECTIONS, body)
        refused(reply, 400, titled(400, "Bad Request", detail))
    for name in ("github", "scim", "servicenow"):
        reply = emulator.call("POST", TEAM_CONNECTIONS, {"data": [link(team, source=name)]})
        assert reply.status == 201


def test_life_of_a_datastore(emulator: Emulator) -> None:
    """Every answer is 200, also the second DELETE: an empty one, with a content type."""
    created = emulator.call("POST", DATASTORES, datastore(name="one", org_access="contributor"))
    reference = {"id": UUID, "type": "datastores"}
    answered(created, 200, {"data": reference})
    path = f"{DATASTORES}/{created.body['data']['id']}"
    got = emulator.call("GET", path)
    number = got.body["data"]["attributes"].pop("creator_user_id")
    assert isinstance(number, int)
    attributes = {
        "created_at": ISO_TIME,
        "creator_user_uuid": user_id(),
        "description": "",
        "modified_at": ISO_TIME,
        "name": "one",
        "org_id": 100001,
        "primary_column_name": "id",
        "primary_key_generation_strategy": "none",
    }
    answered(got, 200, {"data": {**reference, "attributes": attributes}})
    body = {"data": {"type": "datastores", "attributes": {"name": "two"}}}
    changed = emulator.call("PATCH", path, body)
    assert changed.body["data"]["attributes"]["name"] == "two"
    listed = emulator.call("GET", DATASTORES)
    answered(listed, 200, {"data": [changed.body["data"]]})
    # Names are not unique.
    create_datastore(emulator, name="two")
    answered(emulator.call("DELETE", path), 200, {"data": reference})
    answered(emulator.call("DELETE", path), 200, None)


def test_life_of_a_row(emulator: Emulator) -> None:
    store = create_datastore(emulator)
    one, bulk, reference = f"{store}/items", f"{store}/items/bulk", {"id": UUID, "type": "items"}
    written = emulator.call("POST", bulk, rows({"id": "a", "x": {"y": [1]}}))
    answered(written, 200, {"data": [reference]})
    attributes = {
        "created_at": ISO_TIME,
        "modified_at": ISO_TIME,
        "org_id": 100001,
        "primary_column_name": "id",
        "signature": Like(".*"),
        "store_id": store.rpartition("/")[2],
        "value": {"id": "a", "x": {"y": [1]}},
    }
    fields = [{"name": "id", "type": "STRING"}, {"name": "x", "type": "JSON"}]
    meta = {
        "page": {"totalCount": 1, "totalFilteredCount": 1, "hasMore": False},
        "schema": {"primary_key": "id", "fields": fields},
    }
    got = emulator.call("GET", f"{one}?item_key=a")
    answered(got, 200, {"data": [{**reference, "attributes": attributes}], "meta": meta})
    body = items(item_key="a", item_changes={"ops_set": {"x": "new", "n": None}})
    attributes["value"] = {"id": "a", "x": "new", "n": None}
    changed = emulator.call("PATCH", one, body)
    answered(changed, 200, {"data": {**reference, "attributes": attributes}})
    before, after = got.body["data"][0]["attributes"], changed.body["data"]["attributes"]
    assert before["created_at"] == after["created_at"] < after["modified_at"]
    assert before["signature"] != after["signature"]
    answered(emulator.call("DELETE", one, items(item_key="a")), 200, {"data": reference})
    emulator.call("POST", bulk, rows({"id": "b"}))
    answered(emulator.call("DELETE", bulk, items(item_keys=["b"])), 200, {"data": [reference]})


def test_errors_of_datastores(emulator: Emulator) -> None:
    store = create_datastore(emulator)
    no_key, no_column = items(item_keys=[]), datastore(primary_column_name="0x")
    change_b = items(item_key="b", item_changes={})
    no_uuid = {"source": {"parameter": "datastoreId"}}
    for method, path, body, status, title, detail, more in (
        ("GET", NOWHERE, None, 404, "datastore not found", "", {}),
        ("GET", f"{NOWHERE}/items", None, 404, "datastore not found", "", {}),
        ("POST", f"{NOWHERE}/items/bulk", rows({"id": "a"}), 404, "datastore not found", "", {}),
        (
            "GET",
            "invalid-uuid",
            None,
            400,
            "invalid path parameter",
            "invalid datastoreId format in path",
            no_uuid,
        ),
        (
            "POST",
            f"{store}/items/bulk",
            rows({"x": "a"}),
            400,
            "item key missing or invalid",
            'primary column "id" is missing',
            {},
        ),
        (
            "DELETE",
            f"{store}/items/bulk",
            no_key,
            400,
            "missing required field",
            "at least one item key is required",
            {},
        ),
        (
            "PATCH",
            f"{store}/items",
            change_b,
            404,
            "item changes invalid",
            "failed to find item with key b",
            {},
        ),
        (
            "POST",
            "",
            no_column,
            400,
            "datastore configuration invalid",
            "column name '0x' does not start with a letter or an underscore",
            {},
        ),
    ):
        address = path if path.startswith("/") else f"{DATASTORES}/{path}".rstrip("/")
        error = {"status": str(status), "id": UUID, "title": title, **more}
        if detail:
            error["detail"] = detail
        refused(emulator.call(method, address, body), status, error)
