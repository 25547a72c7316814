# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A text that a request is made of is refused, or stays in its place, whatever it holds."""

from __future__ import annotations

import json
import re
import socketserver
import typing as t
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.strategies import examples
from ansible_collections.tidyops.datadog.tests.unit.wire import Loopback

AN_ID = "3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"
PATHS = re.compile(
    rf"/api/v2/(actions/connections|actions/app_key_registrations|team|team/connections|roles|users)(/{AN_ID})?"
)
PARAMETERS = {
    "page[size]",
    "page[number]",
    "filter",
    "filter[tags]",
    "filter[keyword]",
    "filter[sources]",
    "filter[team_ids]",
    "filter[connected_team_ids]",
    "filter[connection_ids]",
}
#: In the others, Datadog takes a comma to separate values.
FREE_PARAMETERS = {"filter[keyword]", "filter", "filter[tags]"}
HEADERS = {
    "host",
    "user-agent",
    "accept-encoding",
    "accept",
    "connection",
    "x-datadog-managed-by",
}
BODY_HEADERS = {"content-length", "content-type"}
KEY_HEADERS = {"dd-api-key", "dd-application-key"}


class Request(t.NamedTuple):
    """A request as it came over the wire."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes


class RawServer(Loopback):
    """A server that keeps requests as they come, and knows nothing but one id."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            """Reads one request, however it is made."""

            def handle(self) -> None:
                lines = [line.decode("latin-1") for line in iter(self._line, b"")]
                method, target, _version = lines[0].split(" ", 2)
                parted = [line.partition(": ") for line in lines[1:]]
                headers = [(name, value) for name, _colon, value in parted]
                lengths = [value for name, value in headers if name == "Content-Length"]
                body = self.rfile.read(int(lengths[0]) if lengths else 0)
                outer.requests.append(Request(method, target, headers, body))
                self.wfile.write(outer.answer(outer.requests[-1]))

            def _line(self) -> bytes:
                return self.rfile.readline().rstrip(b"\r\n")

        super().__init__(Handler)
        self.url = f"http://127.0.0.1:{self.port}"

    @staticmethod
    def answer(request: Request) -> bytes:
        """An empty list, the one object, or a refusal to write."""
        status = "200 OK" if request.method == "GET" else "400 Bad Request"
        data = {"id": AN_ID} if request.target.endswith(AN_ID) else []
        body = json.dumps({"data": data}).encode()
        head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body


pytestmark = pytest.mark.slow


@pytest.fixture(name="raw_server")
def fixture_raw_server() -> t.Iterator[RawServer]:
    with RawServer() as running:
        yield running


class Place(t.NamedTuple):
    """Where a text is given.

    :ivar option: how the error calls it.
    :ivar start: what makes it look right.
    :ivar params: the rest of the task, of which TEXT is replaced.
    """

    module: str
    option: str
    start: str
    params: dict[str, t.Any]

    def filled(self, text: str) -> dict[str, t.Any]:
        return {name: _filled(value, text) for name, value in self.params.items()}


TEXT = object()


def _filled(value: t.Any, text: str) -> t.Any:
    if isinstance(value, list):
        return [_filled(item, text) for item in value]
    if isinstance(value, dict):
        return {name: _filled(item, text) for name, item in value.items()}
    return text if value is TEXT else value


GITLAB = {"gitlab": {"api_key": {"api_token": "t0ken"}}}
PAIR = {"team": AN_ID, "connected_team": "@acme/platform"}
PLACES = [
    Place("team_connection_info", "api_key", "k3y", {"api_key": TEXT}),
    Place("team_connection_info", "app_key", "k3y", {"app_key": TEXT}),
    Place(
        "team_connection_info",
        "access_token",
        "ddpat_",
        {"access_token": TEXT, "api_key": None, "app_key": None},
    ),
    Place("team_connection_info", "teams", "platform", {"teams": [TEXT]}),
    Place("team_connection_info", "teams", AN_ID, {"teams": [AN_ID, TEXT]}),
    Place("team_connection_info", "connected_teams", "@acme/", {"connected_teams": [TEXT]}),
    Place("team_connection_info", "connection_ids", AN_ID, {"connection_ids": [TEXT]}),
    Place("action_connection_info", "connection_ids", AN_ID, {"connection_ids": [TEXT]}),
    Place("action_connection_info", "names", "GitLab", {"names": [TEXT]}),
    Place("action_connection", "name", "GitLab", {"name": TEXT, **GITLAB}),
    Place("action_connection", "connection_id", AN_ID, {"connection_id": TEXT, **GITLAB}),
    Place("action_connection", "connection_id", AN_ID, {"connection_id": TEXT, "state": "absent"}),
    Place("action_connections", "name", "GitLab", {"connections": [{"name": TEXT, **GITLAB}]}),
    Place(
        "action_connections",
        "connection_id",
        AN_ID,
        {"connections": [{"connection_id": TEXT, **GITLAB}]},
    ),
    Place("action_connection", "tags", "env:prod", {"name": "GitLab", **GITLAB, "tags": [TEXT]}),
    Place("action_connection_info", "tags", "env:prod", {"tags": [TEXT]}),
    *(
        Place(
            "action_connection",
            "access.editor",
            f"{kind}:platform",
            {"name": "GitLab", **GITLAB, "access": {"editor": [TEXT]}},
        )
        for kind in ("team", "role", "user")
    ),
    Place("restriction_policy_info", "resource_ids", "dashboard:x", {"resource_ids": [TEXT]}),
    Place("team_connection", "team", "platform", {**PAIR, "team": TEXT}),
    Place("team_connection", "team", AN_ID, {**PAIR, "team": TEXT}),
    Place("team_connection", "connected_team", "@acme/", {**PAIR, "connected_team": TEXT}),
    Place("team_connection", "managed_by", "terraform", {**PAIR, "managed_by": TEXT}),
    Place("team_connection", "connection_id", AN_ID, {"connection_id": TEXT, "state": "absent"}),
    Place("team_connections", "team", "platform", {"connections": [{**PAIR, "team": TEXT}]}),
    Place(
        "team_connections",
        "connected_team",
        "@acme/",
        {"connections": [{**PAIR, "connected_team": TEXT}]},
    ),
    Place("team_connections", "managed_by", "x", {"connections": [PAIR], "managed_by": TEXT}),
    Place("app_key_registration", "app_key_id", AN_ID, {"app_key_id": TEXT}),
    Place("app_key_registration_info", "app_key_ids", AN_ID, {"app_key_ids": [TEXT]}),
]
#: What else requests carry.
KNOWN = {
    *Datadog.KEYS.values(),
    *("0", "100"),
    *(AN_ID, PAIR["connected_team"]),
    *("github", "github_team", "team", "team_connection"),
    *("action_connection", "GitLab", "Gitlab", "GitlabAPIKey", "t0ken"),
}
INJECTIONS = (
    "\r\nX-Injected: yes",
    "\r\n\r\nDELETE /api/v2/team HTTP/1.1\r\nHost: x\r\n\r\n",
    "/../../v1/validate",
    "%2F..%2F%0d%0a",
    "?a=b&page[size]=1#c;d,e",
    "\x00\x1b\x85\u2028",
    "\udcff\ud800",
    "ü+ %20",
    "x" * 5000,
)
TEXTS = st.lists(st.one_of(st.text(st.characters(), max_size=5), st.sampled_from(INJECTIONS)), max_size=3).map("".join)


def texts_of(request: Request) -> set[str]:
    """Everything in a request that comes from a task, wherever it stands."""
    assert re.fullmatch(r"[!-~]+", request.target)
    path, _mark, query = request.target.partition("?")
    policy = re.fullmatch(r"/api/v2/restriction_policy/([^/]+)", path)
    assert policy or PATHS.fullmatch(path)
    parameters = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    assert {name for name, _value in parameters} <= PARAMETERS
    values = {part for name, value in parameters for part in ([value] if name in FREE_PARAMETERS else value.split(","))}
    body = json.loads(request.body) if request.body else None
    resource = {unquote(policy[1])} if policy else set()
    return values | resource | _credentials(request) | set(_leaves(body))


def _credentials(request: Request) -> set[str]:
    names = sorted(name.lower() for name, _value in request.headers)
    values = {name.lower(): value for name, value in request.headers}
    access = {"authorization"} if "authorization" in names else KEY_HEADERS
    body = BODY_HEADERS if request.body else {"content-length"} & set(names)
    assert names == sorted(HEADERS | access | body)
    return {re.sub("^Bearer ", "", values[name]) for name in access}


def _leaves(value: t.Any) -> t.Iterator[str]:
    """The texts in what was read of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)


def stays_in_its_place(
    datadog: Datadog,
    raw_server: RawServer,
    text: str,
    place: Place,
    environ: t.Mapping[str, str] | None = None,
) -> None:
    """Run a task: if requests are made, the text is in none of their parts but as a whole."""
    raw_server.requests.clear()
    options: dict[str, t.Any] = {"api_url": raw_server.url, "retries": 0, **place.filled(text)}
    result = datadog.start(place.module, environ=environ, **options).result()
    if not raw_server.requests:
        assert result["failed"]
        assert re.search(rf"\b{re.escape(place.option)}\b", result["msg"])
    # Of a principal, what follows its kind is looked up.
    allowed = {text, text.partition(":")[2], *KNOWN}
    for request in raw_server.requests:
        assert texts_of(request) <= allowed


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.module}.{place.option}")
@examples(6)
@given(rest=TEXTS, looks_right=st.booleans())
@example(rest=INJECTIONS[0], looks_right=True)
@example(rest=INJECTIONS[2], looks_right=True)
@example(rest=INJECTIONS[4], looks_right=True)
@example(rest=INJECTIONS[6], looks_right=True)
@example(rest="", looks_right=True)
def test_an_option(datadog: Datadog, raw_server: RawServer, place: Place, rest: str, looks_right: bool) -> None:
    text = place.start + rest if looks_right else rest
    stays_in_its_place(datadog, raw_server, text, place)


@pytest.mark.parametrize(
    ("variable", "unused"),
    [
        ("DD_API_KEY", ["api_key"]),
        ("DD_APP_KEY", ["app_key"]),
        ("DD_ACCESS_TOKEN", ["api_key", "app_key"]),
    ],
)
@examples(6)
@given(rest=TEXTS)
@example(rest=INJECTIONS[0])
@example(rest="\udcff")
@example(rest="")
def test_a_variable(datadog: Datadog, raw_server: RawServer, variable: str, unused: list[str], rest: str) -> None:
    # No variable holds another text; bytes that are no UTF-8 come as surrogates.
    assume("\0" not in rest and not re.search("[\ud800-\udc7f\udd00-\udfff]", rest))
    text = f"k3y{rest}"
    place = Place("team_connection_info", variable, "", dict.fromkeys(unused))
    stays_in_its_place(datadog, raw_server, text, place, {variable: text})


def test_a_registry_that_no_file_can_be(datadog: Datadog, raw_server: RawServer) -> None:
    for text in ("/\ud800", "/\0"):
        params: dict[str, t.Any] = {"api_url": raw_server.url, "registry": text}
        result = datadog.start("action_connection_info", **params).result()
        assert result["msg"].startswith("registry must ")
    assert not raw_server.requests
