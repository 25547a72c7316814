# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Teams, as far as team connections need them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    Emulator,
    running_emulator,
)
from ansible_collections.tidyops.datadog.tests.unit.emulator.samples import (
    NOWHERE,
    TEAM_CONNECTIONS,
    TEAMS,
    create_team,
    link,
)


def test_life_of_a_team(emulator: Emulator) -> None:
    attributes = {"handle": "platform", "name": "Platform", "description": "all of it"}
    created = emulator.call("POST", TEAMS, {"data": {"type": "team", "attributes": attributes}})
    assert created.status == 201
    data = created.body["data"]
    assert data["type"] == "team"
    assert data["attributes"].items() >= attributes.items()
    path = f"{TEAMS}/{data['id']}"
    # What a GET leaves out since 2026.
    for name in ("avatar", "banner", "hidden_modules", "visible_modules"):
        del data["attributes"][name]
    assert data["attributes"]["summary"] == attributes["description"]
    assert emulator.call("GET", path)[::2] == (200, created.body)
    assert emulator.call("GET", TEAMS).body["data"] == [data]
    assert emulator.call("GET", f"{TEAMS}/{data['id'].upper()}").status == 200
    assert emulator.call("DELETE", path)[::2] == (204, None)
    gone = {"errors": [f"{data['id']} not found"]}
    assert emulator.call("DELETE", path)[::2] == (404, gone)
    assert emulator.call("GET", path)[::2] == (404, gone)


def test_not_a_uuid(emulator: Emulator) -> None:
    """A 404, in these words, as recorded."""
    expected = {"errors": ["REPLACE.ME is not a valid UUID not found"]}
    for method in ("GET", "DELETE"):
        assert emulator.call(method, f"{TEAMS}/REPLACE.ME")[::2] == (404, expected)


def test_name_and_handle_are_unique(emulator: Emulator) -> None:
    create_team(emulator, "one", name="First")
    for attributes in ({"handle": "one", "name": "Other"}, {"handle": "other", "name": "First"}):
        reply = emulator.call("POST", TEAMS, {"data": {"type": "team", "attributes": attributes}})
        assert reply[::2] == (409, {"errors": ["Team name and handle must be unique"]})
    assert emulator.state()["counts"]["teams"] == 1


def test_deleting_a_team_removes_its_connections(emulator: Emulator) -> None:
    one, two = create_team(emulator, "one"), create_team(emulator, "two")
    body = {"data": [link(one, "@Org/a"), link(one, "@Org/b"), link(two, "@Org/a")]}
    assert emulator.call("POST", TEAM_CONNECTIONS, body).status == 201
    assert emulator.call("DELETE", f"{TEAMS}/{one}").status == 204
    (left,) = emulator.call("GET", TEAM_CONNECTIONS).body["data"]
    assert left["relationships"]["team"]["data"]["id"] == two
    assert emulator.call("GET", f"{TEAMS}/{two}").status == 200


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


def numbered(number: int, size: int, total: int, last: int) -> dict[str, Any]:
    return {
        "pagination": {
            "number": number,
            "first_number": 0,
            "prev_number": max(0, number - 1),
            "next_number": number + 1,
            "last_number": last,
            "size": size,
            "type": "number_size",
            "total": total,
        }
    }


def test_pages(emulator: Emulator) -> None:
    """``next_number`` points past the last page, as recorded."""
    emulator.settings(team=["a", "b", "c"])
    for number, expected in ((0, ["a", "b"]), (1, ["c"]), (2, [])):
        reply = emulator.call("GET", f"{TEAMS}?page[size]=2&page[number]={number}")
        assert [row["attributes"]["handle"] for row in reply.body["data"]] == expected
        assert reply.body["meta"] == numbered(number, 2, 3, 1)
        address = f"{emulator.url}{TEAMS}?page[number]={{}}&page[size]=2"
        assert reply.body["links"] == {
            "self": address.format(number),
            "last": None,
            "next": address.format(number + 1),
            "prev": address.format(number - 1) if number else None,
            "first": address.format(0),
        }
    assert emulator.call("GET", f"{TEAMS}?page[number]=0").body["meta"] == numbered(0, 10, 3, 0)
    for wrong in (
        "page[size]=101",
        "page[size]=0",
        "page[number]=x",
        "sort=handle",
        "filter[me]=1",
    ):
        reply = emulator.call("GET", f"{TEAMS}?{wrong}")
        assert reply.status == 400
        assert isinstance(reply.body["errors"][0], str)


def test_without_paging(emulator: Emulator) -> None:
    emulator.settings(team=[f"team{number:03}" for number in range(101)])
    reply = emulator.call("GET", TEAMS)
    assert len(reply.body["data"]) == 100
    assert reply.body["meta"] == {
        "pagination": {
            "offset": 0,
            "first_offset": 0,
            "prev_offset": 0,
            "next_offset": 100,
            "last_offset": 100,
            "limit": 100,
            "type": "offset_limit",
            "total": 101,
        }
    }
    address = emulator.url + TEAMS
    assert reply.body["links"] == {
        "self": address,
        "last": None,
        "next": f"{address}?page[limit]=100&page[offset]=100",
        "prev": None,
        "first": f"{address}?page[limit]=100&page[offset]=0",
    }


def test_sort_fields_and_me(emulator: Emulator) -> None:
    emulator.settings(team=["b", "a", "c"])
    assert handles(emulator, "sort=name") == ["a", "b", "c"]
    assert handles(emulator, "sort=-name") == ["c", "b", "a"]
    assert handles(emulator, "sort=user_count") == ["a", "b", "c"]
    assert handles(emulator, "filter[me]=true") == []
    assert handles(emulator, "filter[me]=false") == ["a", "b", "c"]
    row, *_others = emulator.call("GET", f"{TEAMS}?fields[team]=id,name,handle").body["data"]
    assert row["attributes"] == {"name": "a", "handle": "a"}
    assert emulator.call("GET", f"{TEAMS}?fields[team]=id,nonsense").status == 400
    both = "include=team_links&include=user_team_permissions"
    assert emulator.call("GET", f"{TEAMS}?{both}").body["included"] == []
    assert emulator.call("GET", f"{TEAMS}?include=team_links,user_team_permissions").status == 400


def test_teams_from_the_start() -> None:
    with running_emulator("--team", "platform", "--team", "web", "--team", "web") as emulator:
        before = emulator.call("GET", TEAMS).body["data"]
        assert [row["attributes"]["handle"] for row in before] == ["platform", "web"]
        emulator.call("DELETE", f"{TEAMS}/{before[0]['id']}")
        create_team(emulator, "other")
        emulator.reset()
        after = emulator.call("GET", TEAMS).body["data"]
        assert [row["attributes"]["handle"] for row in after] == ["platform", "web"]
        assert emulator.call("GET", f"{TEAMS}/{before[1]['id']}").status == 404
        assert emulator.call("GET", f"{TEAMS}/{NOWHERE}").status == 404
