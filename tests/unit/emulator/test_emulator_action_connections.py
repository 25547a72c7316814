# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action connections: what is created, read, changed, deleted and listed."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.action_connections import (
    ActionConnection,
    timestamp,
)
from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.catalogue import (
    CATALOGUE,
)
from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import Emulator
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    CONNECTIONS,
    NOWHERE,
    change,
    change_http,
    connection,
    create,
    credentials_of,
    integration,
    kind,
)


@pytest.mark.parametrize(
    ("microsecond", "text"),
    [
        (434600, "2026-07-13 13:25:30.4346 +0000 UTC"),
        (0, "2026-07-13 13:25:30 +0000 UTC"),
        (7, "2026-07-13 13:25:30.000007 +0000 UTC"),
    ],
)
def test_times_as_go_prints_them(microsecond: int, text: str) -> None:
    moment = datetime(2026, 7, 13, 13, 25, 30, microsecond, timezone.utc)
    assert timestamp(moment) == text


def test_every_touch_moves_last_updated() -> None:
    """Also where the clock does not: here it is behind."""
    ahead = datetime(2999, 1, 1, tzinfo=timezone.utc)
    sample = ActionConnection("x", integration(kind("OktaAPIToken")), None, "me", created_at=ahead)
    sample.touch()
    assert sample.last_updated > sample.created_at == ahead


def test_ids_in_upper_case(emulator: Emulator) -> None:
    connection_id = create(emulator, "CloudflareGlobalAPIToken")
    path = f"{CONNECTIONS}/{connection_id.upper()}"
    assert emulator.call("GET", path).body["data"]["id"] == connection_id
    body = change(integration={"type": "Cloudflare"})
    assert emulator.call("PATCH", path, body).status == 200
    assert emulator.call("DELETE", path).status == 204


def test_names_are_not_unique(emulator: Emulator) -> None:
    assert create(emulator, name="same") != create(emulator, name="same")


def test_a_change_of_nothing_moves_last_updated(emulator: Emulator) -> None:
    path = f"{CONNECTIONS}/{create(emulator)}"
    before = emulator.call("GET", path).body["data"]["attributes"]
    assert emulator.call("PATCH", path, change()).status == 200
    after = emulator.call("GET", path).body["data"]["attributes"]
    assert after["last_updated"] != before["last_updated"]
    assert {**after, "last_updated": 0} == {**before, "last_updated": 0}


def test_types_cannot_be_changed(emulator: Emulator) -> None:
    for credentials_type, other in (
        ("AWSAssumeRole", "OktaAPIToken"),
        ("CloudflareAPIToken", "CloudflareGlobalAPIToken"),
    ):
        connection_id = create(emulator, credentials_type)
        body = change(integration=integration(kind(other)))
        path = f"{CONNECTIONS}/{connection_id}"
        before = emulator.call("GET", path).body
        assert emulator.call("PATCH", path, body).status == 400
        assert emulator.call("PATCH", path, change(integration={"type": "Asana"})).status == 400
        assert emulator.call("GET", path).body == before


def test_http_lists_merge_by_name(emulator: Emulator) -> None:
    connection_id = create(emulator, "HTTPTokenAuth")
    path = f"{CONNECTIONS}/{connection_id}"
    token = {"type": "SECRET", "value": "new"}
    body = change_http(
        headers=[
            {"name": "X-Env", "value": "prod"},
            {"name": "X-New", "value": "1"},
            {"name": "X-Team", "deleted": True},
        ],
        tokens=[
            {"name": "second", "type": "SECRET", "value": "", "deleted": True},
            {"name": "third", **token},
        ],
        url_parameters=[{"name": "size", "value": "2", "deleted": False}],
    )
    assert emulator.call("PATCH", path, body).status == 200
    found = credentials_of(emulator, connection_id)
    assert found["headers"] == [{"name": "X-Env", "value": "prod"}, {"name": "X-New", "value": "1"}]
    assert found["http_tokens"] == [
        {"name": "first", "type": "SECRET", "value": ""},
        {"name": "third", "type": "SECRET", "value": ""},
    ]
    assert found["url_parameters"] == [
        {"name": "page", "value": "1"},
        {"name": "size", "value": "2"},
    ]
    assert emulator.holds_secret(connection_id, "tokens.first", "secret-first")
    assert emulator.holds_secret(connection_id, "tokens.third", "new")
    assert not emulator.holds_secret(connection_id, "tokens.second", "secret-second")

    assert emulator.call("PATCH", path, change_http(tokens=[{"name": "first", **token}])).status == 200
    assert emulator.holds_secret(connection_id, "tokens.first", "new")


@pytest.mark.parametrize(
    "credentials",
    [
        {"headers": [{"name": "X-Unknown", "deleted": True}]},
        {"tokens": [{"name": "unknown", "type": "SECRET", "value": "", "deleted": True}]},
        {"headers": [{"name": "X-Team"}]},
        {"tokens": [{"name": "first", "type": "SECRET"}]},
        {"tokens": [{"name": "first", "value": "x"}]},
        {"tokens": [{"name": "first", "type": "SECRET", "value": ""}]},
        {"headers": [{"name": "X-A", "value": "1"}, {"name": "X-A", "value": "2"}]},
    ],
    ids=str,
)
def test_http_changes_that_are_refused(emulator: Emulator, credentials: dict[str, Any]) -> None:
    """Each comes with a change that would be right, and that must not be made either."""
    connection_id = create(emulator, "HTTPTokenAuth")
    path = f"{CONNECTIONS}/{connection_id}"
    before = emulator.call("GET", path).body
    body = change_http(body={"content": "other"}, **credentials)
    body["data"]["attributes"]["name"] = "other"
    assert emulator.call("PATCH", path, body).status == 400
    assert emulator.call("GET", path).body == before


@pytest.mark.parametrize("form", ["http_tokens", "tokens", "none"])
def test_forms_of_tokens(emulator: Emulator, form: str) -> None:
    emulator.settings(tokens_as=form, list=True)
    path = f"{CONNECTIONS}/{create(emulator, 'HTTPTokenAuth')}"
    for data in (
        emulator.call("GET", path).body["data"],
        emulator.call("PATCH", path, change(name="x")).body["data"],
        *emulator.call("GET", CONNECTIONS).body["data"],
    ):
        found = data["attributes"]["integration"]["credentials"]
        assert found.keys() & {"tokens", "http_tokens"} == {form} - {"none"}
    body = change_http(http_tokens=[{"name": "first", "type": "SECRET", "value": "x"}])
    assert emulator.call("PATCH", path, body).status == 400


def test_tags(emulator: Emulator) -> None:
    connection_id = create(emulator, tags=["env:prod", "account_id:123456789012"])
    path = f"{CONNECTIONS}/{connection_id}"

    def tags() -> Any:
        return emulator.call("GET", path).body["data"]["attributes"].get("tags")

    assert tags() == ["env:prod", "account_id:123456789012"]
    assert emulator.call("PATCH", path, change(name="x")).status == 200
    assert tags() == ["env:prod", "account_id:123456789012"]
    reply = emulator.call("PATCH", path, change(tags=["env:dev"]))
    assert reply.body["data"]["attributes"]["tags"] == tags() == ["env:dev"]
    for tag in ("env", "env:", ":x", "1:x", "a b:c", "a:b:c", "a:b.c", "default:x", "x:default"):
        assert emulator.call("PATCH", path, change(tags=[tag])).status == 400, tag
    for wrong in ("env:prod", [1], ["a:b", "a:b"], ["a:" + 199 * "b"]):
        assert emulator.call("PATCH", path, change(tags=wrong)).status == 400
    assert tags() == ["env:dev"]
    reply = emulator.call("PATCH", path, change(tags=[]))
    assert "tags" not in reply.body["data"]["attributes"]
    assert tags() is None


def listed(emulator: Emulator, query: str = "") -> list[str]:
    emulator.settings(list=True)
    reply = emulator.call("GET", CONNECTIONS + query)
    assert reply.status == 200, reply.body
    return [row["attributes"]["name"] for row in reply.body["data"]]


def test_list_rows(emulator: Emulator) -> None:
    """As in the proposal: ISO times, and the creator among the attributes."""
    emulator.settings(list=True)
    for entry in CATALOGUE:
        create(emulator, entry.type, name=entry.type)
    reply = emulator.call("GET", CONNECTIONS)
    assert reply.status == 200
    assert reply.body["meta"]["total"] == reply.body["meta"]["total_filtered"] == 25
    counts = reply.body["meta"]["integration_counts"]
    cloudflare = {"integration_type": "Cloudflare", "total_count": 2, "filtered_count": 2}
    assert cloudflare in counts
    assert sum(count["total_count"] for count in counts) == 25
    filtered = emulator.call("GET", f"{CONNECTIONS}?filter[integration]=AWS").body["meta"]
    assert sum(count["filtered_count"] for count in filtered["integration_counts"]) == 1
    second = emulator.call("GET", f"{CONNECTIONS}?page[number]=1").body["meta"]
    assert second["integration_counts"] is None
    for row in reply.body["data"]:
        data = emulator.call("GET", f"{CONNECTIONS}/{row['id']}").body["data"]
        data["attributes"]["created_by"] = {"id": data.pop("relationships")["created_by"]["data"]["id"]}
        for name in ("created_at", "last_updated"):
            assert re.fullmatch(r"[\d-]{10}T[\d:.]+Z", row["attributes"][name])
            day, time, _zone, _name = data["attributes"][name].split()
            data["attributes"][name] = f"{day}T{time}Z"
        assert data == row
    emulator.settings(plain_attributes=True)
    for row in emulator.call("GET", CONNECTIONS).body["data"]:
        assert set(row["attributes"]) == {"name", "integration"}
    emulator.reset()
    emulator.settings(list=True, brief_list=True)
    created = create(emulator, tags=["env:prod"])
    [row] = emulator.call("GET", CONNECTIONS).body["data"]
    assert "tags" not in row["attributes"]
    assert emulator.call("GET", f"{CONNECTIONS}/{created}").body["data"]["attributes"]["tags"] == ["env:prod"]


def test_list_pages(emulator: Emulator) -> None:
    names = [f"n{number:03}" for number in range(103)]
    for name in names:
        create(emulator, name=name)
    assert len(listed(emulator)) == 50
    pages = [listed(emulator, f"?page[size]=40&page[number]={number}") for number in range(4)]
    assert [len(page) for page in pages] == [40, 40, 23, 0]
    together = [name for page in pages for name in page]
    assert sorted(together) == names != together, "the list must not be in order of creation"
    for wrong in ("size]=0", "size]=101", "size]=x", "number]=-1", "size]=%2B5"):
        assert emulator.call("GET", f"{CONNECTIONS}?page[{wrong}").status == 400


def test_list_filters(emulator: Emulator) -> None:
    one = create(emulator, name="One", tags=["env:prod", "team:a"])
    two = create(emulator, "HTTPTokenAuth", name="Two", tags=["env:dev"])
    create(emulator, "OktaAPIToken", name="One more")
    headers = {"DD-API-KEY": "x", "DD-APPLICATION-KEY": "another"}
    other = emulator.call("POST", CONNECTIONS, connection(name="Other"), headers).body["data"]["id"]
    creator = emulator.call("GET", f"{CONNECTIONS}/{other}").body["data"]["relationships"]
    creator_id = creator["created_by"]["data"]["id"]

    def found(*filters: str) -> set[str]:
        return set(listed(emulator, "?" + "&".join(filters)))

    assert found("filter[integration]=AWS") == {"One", "Other"}
    assert found("filter[integration]=AWS", "filter[integration]=HTTP") == {"One", "Two", "Other"}
    assert found(f"filter[connection_ids]={one}") == {"One"}
    assert found(f"filter[connection_ids]={one}", f"filter[connection_ids]={two.upper()}") == {
        "One",
        "Two",
    }
    assert found(f"filter[connection_ids]={NOWHERE}") == set()
    assert found("filter[tags]=env:dev", "filter[tags]=team:a") == {"One", "Two"}
    assert found("filter[tags]=env") == set()
    assert found(f"filter[creator_ids]={creator_id}") == {"Other"}
    assert found("filter[search]=one") == {"One", "One more"}
    assert found("filter[search]=http") == {"Two"}
    assert found("filter[environment]=prod") == set()
    assert found("filter[integration]=AWS", "filter[search]=oth") == {"Other"}
    meta = emulator.call("GET", f"{CONNECTIONS}?filter[search]=two").body["meta"]
    assert (meta["total"], meta["total_filtered"]) == (4, 1)

    for wrong in (
        "filter[integration]=AWS,HTTP",
        "filter[integration]=aws",
        f"filter[connection_ids]={one},{two}",
        "filter[connection_ids]=",
        "filter[creator_ids]=me",
        "filter[tags]=env:dev,team:a",
        "filter[search]=a&filter[search]=b",
        "filter[name]=One",
        "sort=age",
        "page[limit]=1",
    ):
        reply = emulator.call("GET", f"{CONNECTIONS}?{wrong}")
        assert reply.status == 400, wrong
        assert reply.body["errors"][0]["title"] == "Generic Error"


def test_list_sorted(emulator: Emulator) -> None:
    for name in ("b", "a", "c"):
        create(emulator, name=name)
    assert listed(emulator, "?sort=name") == ["a", "b", "c"]
    assert listed(emulator, "?sort=-name") == ["c", "b", "a"]
    assert listed(emulator, "?sort=created_at") == ["b", "a", "c"]
    assert listed(emulator, "?sort=-last_updated") == ["c", "a", "b"]
    create(emulator, name="a")
    by_time = [row["id"] for row in emulator.call("GET", f"{CONNECTIONS}?sort=created_at").body["data"]]
    rows = emulator.call("GET", f"{CONNECTIONS}?sort=name&sort=-created_at").body["data"]
    assert [row["id"] for row in rows] == [by_time[place] for place in (3, 1, 0, 2)]


def test_list_not_offered(emulator: Emulator) -> None:
    connection_id = create(emulator)
    assert emulator.call("GET", CONNECTIONS).status == 404
    for status in (403, 400):
        emulator.settings(no_list=status)
        assert emulator.call("GET", CONNECTIONS).status == status
        assert emulator.call("GET", f"{CONNECTIONS}/{connection_id}").status == 200
    emulator.settings(list=True)
    assert emulator.call("GET", CONNECTIONS).status == 200
