# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong between a module and Datadog, and what a module can be doing meanwhile."""

from __future__ import annotations

import contextlib
import socket
import typing as t
from pathlib import Path

from ansible_collections.tidyops.datadog.tests.emulator.datadog_emulator.testing import (
    Emulator,
    app_key_id,
)
from ansible_collections.tidyops.datadog.tests.unit import wire
from ansible_collections.tidyops.datadog.tests.unit.examples import example
from ansible_collections.tidyops.datadog.tests.unit.wire import Authority, Break, Proxy, Wire

Options = dict[str, t.Any]

CONNECTIONS = "/api/v2/actions/connections"
TEAMS = "/api/v2/team"
TEAM_CONNECTIONS = "/api/v2/team/connections"
REGISTRATIONS = "/api/v2/actions/app_key_registrations"


class Scene:
    """An organisation in which a module does something while something goes wrong.

    :ivar emulator: where the organisation is; it is empty.
    :ivar folder: for files.
    :ivar methods: of the requests that are struck, as a regular expression.
    :ivar times: how many of these requests are struck; None for all.
    :ivar running: what ends with the scene.
    :ivar ways: all that were made.
    :ivar surplus: what is there to be deleted while a module reads: paths and bodies of requests.
    """

    def __init__(self, emulator: Emulator, folder: Path, methods: str, times: int | None) -> None:
        self.emulator = emulator
        self.folder = folder
        self.methods = methods
        self.times = times
        self.running = contextlib.ExitStack()
        self.ways: list[Wire] = []
        self.surplus: list[list[tuple[str, Options]]] = []

    def wire(self, authority: Authority | None = None, **certificate: t.Any) -> Wire:
        """A way to the emulator, over TLS if there is an authority."""
        tls = authority.server(**certificate) if authority else None
        way: Wire = self.running.enter_context(Wire(self.emulator.url, tls))
        self.ways.append(way)
        return way

    def mend(self) -> None:
        """Let nothing go wrong any more."""
        self.emulator.clear_faults()
        for way in self.ways:
            way.mend()

    def struck(self) -> int:
        """How often it went wrong, where that is counted."""
        fired = sum(rule["fired"] for rule in self.emulator.faults())
        return fired + sum(way.broken for way in self.ways)

    def authority(self) -> Authority:
        return Authority(str(self.folder / "authority.pem"))

    def seed(self, path: str, kind: str, **content: t.Any) -> str:
        """Make something before the module comes, and return its id."""
        data: t.Any = {"type": kind, **content}
        is_bulk = path == TEAM_CONNECTIONS
        answer = self.emulator.call("POST", path, {"data": [data] if is_bulk else data})
        assert answer.status == 201, answer.body
        made = answer.body["data"]
        return str((made[0] if is_bulk else made)["id"])


class Ends(t.NamedTuple):
    """How an operation ends: C(done), C(error), or C(unknown), the error that a connection may have been created.

    :ivar once: if one request is struck.
    :ivar for_good: if all of them are.
    """

    once: str
    for_good: str


VERBS = ("read", "create", "create blindly", "connect", "register", "update", "delete")
_RETRIED = dict.fromkeys(VERBS, Ends("done", "error"))
_UNKNOWN = Ends("unknown", "unknown")
_DONE = Ends("done", "done")
#: An error at once: nothing is repeated.
REFUSED = dict.fromkeys(VERBS, Ends("error", "error"))
#: Datadog has done nothing, and says so: everything is repeated.
LIMITED = _RETRIED
#: Datadog may have done something: what must not be done twice is looked for first, if there is a list.
DOUBTFUL = {**_RETRIED, "create blindly": _UNKNOWN}
#: Datadog did what it was asked for, but nobody hears of it.
LOST = {**DOUBTFUL, "create": _DONE, "connect": _DONE}
HARMLESS = dict.fromkeys(VERBS, _DONE)


class Fault(t.NamedTuple):
    """Something that goes wrong.

    :ivar title: what it is called.
    :ivar arrange: makes it go wrong in a scene, and returns the options that lead there.
    :ivar strikes: C(requests), of one method, once or for good; C(reads) alone; or C(connections), whatever is sent over them.
    :ivar ends: how an operation ends, by its verb.
    """

    title: str
    arrange: t.Callable[[Scene], Options]
    ends: t.Mapping[str, Ends]
    strikes: str = "requests"


class Operation(t.NamedTuple):
    """Something that a module does.

    :ivar verb: one of VERBS.
    :ivar methods: of the requests that it is about, as a regular expression.
    :ivar prepare: what is there before; returns further options.
    :ivar made: how many connections or registrations there are in the end.
    """

    module: str
    verb: str
    methods: str
    options: Options
    prepare: t.Callable[[Scene], Options]
    made: int


def _emulated(kind: str, **details: t.Any) -> t.Callable[[Scene], Options]:
    def arrange(scene: Scene) -> Options:
        for method in scene.methods.split("|"):
            scene.emulator.add_fault(kind, method=method, times=scene.times, **details)
        return {}

    return arrange


def _broken(break_it: Break, after: bool = True) -> t.Callable[[Scene], Options]:
    def arrange(scene: Scene) -> Options:
        way = scene.wire()
        way.break_on(scene.methods, break_it, scene.times, after)
        return {"api_url": way.url}

    return arrange


def _broken_tls(break_it: Break) -> t.Callable[[Scene], Options]:
    def arrange(scene: Scene) -> Options:
        authority = scene.authority()
        way = scene.wire(authority)
        way.break_on(scene.methods, break_it, scene.times)
        return {"api_url": way.url, "ca_path": authority.path}

    return arrange


def _nobody_listens(scene: Scene) -> Options:
    unused = scene.running.enter_context(socket.socket())
    unused.bind(("127.0.0.1", 0))
    return {"api_url": f"http://127.0.0.1:{unused.getsockname()[1]}"}


def _certificate(known: bool, **certificate: t.Any) -> t.Callable[[Scene], Options]:
    def arrange(scene: Scene) -> Options:
        authority = scene.authority()
        options = {"ca_path": authority.path} if known else {}
        return {"api_url": scene.wire(authority, **certificate).url, **options}

    return arrange


def _no_tls(scene: Scene) -> Options:
    return {"api_url": scene.wire().url.replace("http:", "https:")}


def _proxy(status: int | None) -> t.Callable[[Scene], Options]:
    def arrange(scene: Scene) -> Options:
        address = (
            _nobody_listens(scene)["api_url"]
            if status is None
            else scene.running.enter_context(Proxy(status)).url
        )
        options = _certificate(known=True)(scene)
        return {**options, "environ": {"HTTPS_PROXY": address}}

    return arrange


def _redirect_to_http(scene: Scene) -> Options:
    authority = scene.authority()
    way = scene.wire(authority)
    scene.emulator.add_fault("redirect", times=None, location=scene.emulator.url + "/elsewhere")
    return {"api_url": way.url, "ca_path": authority.path}


def _shrinking(scene: Scene) -> Options:
    """Fill more than a page of each list, and delete from the first page when it has been read."""
    team = scene.seed(TEAMS, "team", attributes={"name": "Surplus", "handle": "surplus"})
    for number in range(101):
        attributes = {"name": f"Surplus {number}", "integration": INTEGRATION}
        connection = scene.seed(CONNECTIONS, "action_connection", attributes=attributes)
        registration = f"{REGISTRATIONS}/{app_key_id(str(number))}"
        assert scene.emulator.call("PUT", registration).status == 201
        linked = _link(scene, team, f"@acme/surplus-{number}")
        scene.surplus.append(
            [
                (f"{CONNECTIONS}/{connection}", {}),
                (registration, {}),
                (TEAM_CONNECTIONS, {"data": [{"type": "team_connection", "id": linked}]}),
            ]
        )
    way = scene.wire()

    def shrink(connection: socket.socket, answer: bytes) -> None:
        for path, body in scene.surplus.pop(0):
            assert scene.emulator.call("DELETE", path, body or None).status == 204
        connection.sendall(answer)

    way.break_on(scene.methods, shrink, scene.times)
    return {"api_url": way.url}


def _status(status: int, **details: t.Any) -> t.Callable[[Scene], Options]:
    return _emulated("status", status=status, **details)


FAULTS = [
    Fault("HTTP 400", _status(400), REFUSED),
    Fault("HTTP 401", _status(401), REFUSED),
    Fault("HTTP 403", _status(403), REFUSED),
    Fault("HTTP 408, before anything was done", _status(408), DOUBTFUL),
    Fault(
        "HTTP 429 with ``X-RateLimit-Reset``",
        _status(429, headers={"X-RateLimit-Reset": "1"}),
        LIMITED,
    ),
    Fault("HTTP 429 without a word on when", _status(429), LIMITED),
    Fault("HTTP 500, before anything was done", _status(500), DOUBTFUL),
    Fault("HTTP 500, after the work was done", _status(500, when="after"), LOST),
    Fault("HTTP 502 with HTML", _status(502, body="html"), DOUBTFUL),
    Fault(
        "HTTP 503 with ``Retry-After``",
        _status(503, headers={"Retry-After": "1"}, body="empty"),
        DOUBTFUL,
    ),
    Fault("Connection reset before the work", _emulated("reset", when="before"), DOUBTFUL),
    Fault("Connection reset after the work", _emulated("reset", when="after"), LOST),
    Fault(
        "No answer, and no work", _emulated("hang", when="before"), {**DOUBTFUL, "create": _UNKNOWN}
    ),
    Fault("No answer, though the work was done", _emulated("hang", when="after"), LOST),
    Fault("Half an answer", _emulated("half"), LOST),
    Fault(
        "Half of the headers",
        _broken(wire.half_a_head),
        {**LOST, "delete": _DONE, "register": _DONE},
    ),
    Fault("An answer that comes byte by byte", _broken(wire.trickle), LOST),
    Fault("A wrong content type", _emulated("wrong_type"), HARMLESS),
    Fault("HTTP 200 without a body", _emulated("empty"), LOST),
    Fault("HTTP 200 with what is no JSON", _emulated("not_json"), LOST),
    Fault("HTTP 200 with JSON without ``data``", _emulated("no_data"), LOST),
    Fault("An answer that is not HTTP", _broken(wire.no_http), LOST),
    Fault("HTTP 100, again and again", _broken(wire.continue_for_ever), LOST),
    Fault("Headers without end", _broken(wire.headers_for_ever), LOST),
    Fault("A body without end", _broken(wire.body_for_ever), LOST),
    Fault("A broken chunk", _broken(wire.broken_chunk), LOST),
    Fault("Broken compression", _broken(wire.broken_compression), {**LOST, "delete": _DONE}),
    Fault("TLS ends after the work, without an answer", _broken_tls(wire.hang_up), LOST),
    Fault("A list that becomes shorter from page to page", _shrinking, HARMLESS, "reads"),
    Fault("A ``next_number`` that never ends", _emulated("endless_pages"), HARMLESS, "reads"),
    Fault(
        "A redirect to another host", _emulated("redirect", location="https://192.0.2.1/"), REFUSED
    ),
    Fault("A redirect from HTTPS to HTTP", _redirect_to_http, REFUSED, "connections"),
    Fault("Nobody listens", _nobody_listens, REFUSED, "connections"),
    Fault("A server without TLS", _no_tls, REFUSED, "connections"),
    Fault(
        "A certificate of an unknown authority", _certificate(known=False), REFUSED, "connections"
    ),
    Fault("An expired certificate", _certificate(known=True, expired=True), REFUSED, "connections"),
    Fault(
        "A certificate of another name",
        _certificate(known=True, name="datadog.example.com"),
        REFUSED,
        "connections",
    ),
    Fault("A proxy where nobody listens", _proxy(None), REFUSED, "connections"),
    Fault("A proxy that wants a password", _proxy(407), REFUSED, "connections"),
    Fault("A proxy that answers HTTP 502", _proxy(502), REFUSED, "connections"),
]

GITLAB = example("gitlab.api_key")
AWS = example("aws.assume_role")
PAIR = {"team": "platform", "connected_team": "@acme/platform"}
KEY_ID = app_key_id("4pp-k3y-of-the-tests")
INTEGRATION = {
    "type": "AWS",
    "credentials": {
        "type": "AWSAssumeRole",
        "account_id": AWS["aws"]["assume_role"]["account_id"],
        "role": "Another",
    },
}


def _nothing(scene: Scene) -> Options:
    return {}


def _team(scene: Scene) -> Options:
    scene.seed(TEAMS, "team", attributes={"name": "Platform", "handle": "platform"})
    return {}


def _team_connection(scene: Scene) -> Options:
    team = scene.seed(TEAMS, "team", attributes={"name": "Platform", "handle": "platform"})
    _link(scene, team, PAIR["connected_team"])
    return {}


def _link(scene: Scene, team: str, connected_team: str) -> str:
    return scene.seed(
        TEAM_CONNECTIONS,
        "team_connection",
        attributes={"source": "github"},
        relationships={
            "team": {"data": {"type": "team", "id": team}},
            "connected_team": {"data": {"type": "github_team", "id": connected_team}},
        },
    )


def _registry(scene: Scene) -> Options:
    return {"registry": str(scene.folder / "connections.json")}


def _registry_alone(scene: Scene) -> Options:
    scene.emulator.settings(no_list=404)
    return _registry(scene)


def _connection(scene: Scene) -> Options:
    attributes = {"name": AWS["name"], "integration": INTEGRATION}
    scene.seed(CONNECTIONS, "action_connection", attributes=attributes)
    return {}


def _connection_and_registry(scene: Scene) -> Options:
    return {**_connection(scene), **_registry(scene)}


def _registration(scene: Scene) -> Options:
    assert scene.emulator.call("PUT", f"{REGISTRATIONS}/{KEY_ID}").status == 201
    return {}


AS_THERE = {"name": AWS["name"], "aws": {"assume_role": {"role": "Another"}}}
ABSENT = {"state": "absent"}
#: Singular and plural modules share what meets faults, so each takes its turn.
READ = [
    Operation("action_connection", "read", "GET", AS_THERE, _connection, 1),
    Operation("team_connections", "read", "GET", {"connections": [PAIR]}, _team_connection, 1),
    Operation("action_connection_info", "read", "GET", {}, _connection, 1),
    Operation("team_connection_info", "read", "GET", {}, _team_connection, 1),
    Operation("app_key_registration", "read", "GET", {"app_key_id": KEY_ID}, _registration, 1),
]
WRITE = [
    Operation("action_connection", "create", "POST", GITLAB, _registry, 1),
    Operation("action_connections", "create", "POST", {"connections": [GITLAB]}, _registry, 1),
    Operation("action_connection", "create blindly", "POST", GITLAB, _registry_alone, 1),
    Operation("team_connection", "connect", "POST", PAIR, _team, 1),
    Operation("app_key_registration", "register", "PUT", {"app_key_id": KEY_ID}, _nothing, 1),
    Operation(
        "action_connections",
        "update",
        "PATCH",
        {"connections": [AWS]},
        _connection_and_registry,
        1,
    ),
    Operation(
        "action_connection",
        "delete",
        "DELETE",
        {"name": AWS["name"], **ABSENT},
        _connection_and_registry,
        0,
    ),
    Operation(
        "team_connections",
        "delete",
        "DELETE",
        {"connections": [PAIR], **ABSENT},
        _team_connection,
        0,
    ),
    Operation(
        "app_key_registration",
        "delete",
        "DELETE",
        {"app_key_id": KEY_ID, **ABSENT},
        _registration,
        0,
    ),
]
