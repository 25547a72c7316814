# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Team connections: batches, conflicts, filters, pages; and how teams are found."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    Emulator,
    Reply,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    NOWHERE,
    TEAM_CONNECTIONS,
    TEAMS,
    create_team,
    link,
    unlink,
)


@pytest.fixture(name="team")
def fixture_team(emulator: Emulator) -> str:
    return create_team(emulator, "platform")


def post(emulator: Emulator, *links: dict[str, Any]) -> Reply:
    return emulator.call("POST", TEAM_CONNECTIONS, {"data": list(links)})


def listed(emulator: Emulator, query: str = "") -> list[dict[str, Any]]:
    reply = emulator.call("GET", TEAM_CONNECTIONS + query)
    assert reply.status == 200, reply.body
    found: list[dict[str, Any]] = reply.body["data"]
    return found


def connected(rows: list[dict[str, Any]]) -> list[str]:
    return [row["relationships"]["connected_team"]["data"]["id"] for row in rows]


def refused(reply: Reply, status: int, title: str, detail: str) -> None:
    assert reply.status == status
    assert reply.body == {"errors": [{"status": str(status), "title": title, "detail": detail}]}


CONFLICT = "failed to add team connections: one or more team attributes already exist"


def test_one_link_per_team(emulator: Emulator, team: str) -> None:
    emulator.settings(one_link_per_team=True)
    other = create_team(emulator, "other")
    refused(post(emulator, link(team, "@Org/a"), link(team, "@Org/b")), 409, "Conflict", CONFLICT)
    assert post(emulator, link(team, "@Org/a"), link(other, "@Org/a")).status == 201
    refused(post(emulator, link(team, "@Org/b")), 409, "Conflict", CONFLICT)


def test_partial_batches(emulator: Emulator, team: str) -> None:
    emulator.settings(partial_batches=True)
    assert post(emulator, link(team, "@Org/a")).status == 201
    reply = post(emulator, link(team, "@Org/b"), link(team, "@Org/a"), link(team, "@Org/b"))
    refused(reply, 409, "Conflict", CONFLICT)
    assert sorted(connected(listed(emulator))) == ["@Org/a", "@Org/b"]


def test_filters(emulator: Emulator, team: str) -> None:
    other = create_team(emulator, "other")
    first, second = post(emulator, link(team, "@Org/a"), link(team, "@Org/b")).body["data"]
    (third,) = post(emulator, link(other, "@Org/a", source="scim")).body["data"]

    def found(*filters: str) -> set[str]:
        return {str(row["id"]) for row in listed(emulator, "?" + "&".join(filters))}

    one, two, three = (row["id"] for row in (first, second, third))
    assert found("filter[sources]=github") == {one, two}
    assert found("filter[sources]=github,scim") == {one, two, three}
    assert found(f"filter[team_ids]={other}") == {three}
    assert found(f"filter[team_ids]={other},{team.upper()}") == {one, two, three}
    assert found(f"filter[connected_team_ids]={quote('@Org/a')}") == {one, three}
    assert found("filter[connected_team_ids]=@Org/b,@Org/c") == {two}
    assert found("filter[connected_team_ids]=@org/a") == set()
    assert found(f"filter[connection_ids]={one},{three}") == {one, three}
    assert found("filter[sources]=github", "filter[connected_team_ids]=@Org/a") == {one}


@pytest.mark.parametrize(
    "query",
    [
        "filter[team_ids]=platform",
        f"filter[team_ids]={NOWHERE}&filter[team_ids]={NOWHERE}",
        f"filter[connection_ids]={NOWHERE},",
        "filter[connection_ids]=",
        "filter[sources]=",
        "filter[connected_team_ids]=@Org/a,,@Org/b",
        "filter[source]=github",
        "page[size]=101",
        "page[size]=0",
    ],
)
def test_queries_that_are_refused(emulator: Emulator, query: str) -> None:
    reply = emulator.call("GET", f"{TEAM_CONNECTIONS}?{query}")
    assert reply.status == 400
    (error,) = reply.body["errors"]
    assert error["status"] == "400"
    assert error["title"] == "Bad Request"


def test_pages(emulator: Emulator, team: str) -> None:
    """In no order of creation, and without paging no more than a page."""
    names = [f"@Org/{number:03}" for number in range(101)]
    post(emulator, *(link(team, name) for name in names[:100]))
    post(emulator, link(team, names[100]))
    seen = []
    for number, rows, around in (
        (0, 40, (None, 1)),
        (1, 40, (0, 2)),
        (2, 21, (1, None)),
        (3, 0, (2, None)),
    ):
        reply = emulator.call("GET", f"{TEAM_CONNECTIONS}?page[size]=40&page[number]={number}")
        meta = reply.body["meta"]["page"]
        seen += connected(reply.body["data"])
        assert len(reply.body["data"]) == rows
        assert (meta["prev_number"], meta["next_number"], meta["last_number"]) == (*around, 2)
    assert sorted(seen) == names != seen
    reply = emulator.call("GET", TEAM_CONNECTIONS)
    meta = reply.body["meta"]["page"]
    assert len(reply.body["data"]) == 100
    assert (meta["total"], meta["next_offset"], meta["last_offset"]) == (101, 100, 100)
    assert len(listed(emulator, "?page[number]=1")) == 1


def handles(emulator: Emulator, query: str) -> list[str]:
    reply = emulator.call("GET", f"{TEAMS}?{query}")
    assert reply.status == 200, reply.body
    return [row["attributes"]["handle"] for row in reply.body["data"]]


def test_keyword_matches_parts(emulator: Emulator) -> None:
    """Name and handle, in either case; never the exact handle alone."""
    create_team(emulator, "sre", name="Reliability")
    create_team(emulator, "sre-emea", name="Reliability Europe")
    create_team(emulator, "platform", name="The SRE Platform")
    create_team(emulator, "web", name="Front end")
    member = emulator.add_user("sre@example.com")
    users = {"users": {"data": [{"type": "users", "id": member}]}}
    attributes = {"handle": "guests", "name": "Guests"}
    data = {"type": "team", "attributes": attributes, "relationships": users}
    assert emulator.call("POST", TEAMS, {"data": data}).status == 201

    paging = "page[number]=0&page[size]=100"
    assert set(handles(emulator, f"filter[keyword]=sre&{paging}")) == {
        "sre",
        "sre-emea",
        "platform",
        "guests",
    }
    assert handles(emulator, f"filter[keyword]=EMEA&{paging}") == ["sre-emea"]
    assert handles(emulator, f"filter[keyword]={quote('front end')}") == ["web"]
    assert handles(emulator, "filter[keyword]=nobody") == []


def test_sort_fields_and_me(emulator: Emulator) -> None:
    emulator.settings(team=["b", "a", "c"])
    assert handles(emulator, "sort=-name") == ["c", "b", "a"]
    assert handles(emulator, "filter[me]=true") == []
    row, *_others = emulator.call("GET", f"{TEAMS}?fields[team]=id,name,handle").body["data"]
    assert row["attributes"] == {"name": "a", "handle": "a"}
    both = "include=team_links&include=user_team_permissions"
    assert emulator.call("GET", f"{TEAMS}?{both}").body["included"] == []
    for wrong in (
        "fields[team]=nonsense",
        "include=team_links,user_team_permissions",
        "sort=handle",
    ):
        assert emulator.call("GET", f"{TEAMS}?{wrong}").status == 400


def test_refused_as_a_whole(emulator: Emulator, team: str) -> None:
    """A batch in which one is wrong, of creations as of deletions."""
    reply = post(emulator, link(team), link(NOWHERE, "@Org/b"))
    refused(reply, 404, "Not Found", f"team {NOWHERE} not found")
    assert post(emulator, link("platform")).status == 400
    assert post(emulator, *(link(team, f"@Org/{number}") for number in range(101))).status == 400
    refused(post(emulator, link(team), link(team.upper())), 409, "Conflict", CONFLICT)
    assert listed(emulator) == []
    (row,) = post(emulator, link(team)).body["data"]
    refused(post(emulator, link(team, "@Org/b"), link(team)), 409, "Conflict", CONFLICT)
    for ids in ([row["id"], NOWHERE], [row["id"], row["id"]]):
        assert emulator.call("DELETE", TEAM_CONNECTIONS, unlink(*ids)).status == 400
    assert listed(emulator) == [row]
    assert emulator.call("DELETE", TEAM_CONNECTIONS, unlink(row["id"].upper())).status == 204
