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
POLICIES = "/api/v2/restriction_policy"


class Scene:
    """An organization in which a module does something while something goes wrong.

    :ivar emulator: where the organization is; it is empty.
    :ivar folder: for files.
    :ivar methods: of the requests that fail, as a regular expression.
    :ivar times: how many of these requests fail; None for all.
    :ivar running: what ends with the test.
    """

    def __init__(
        self,
        emulator: Emulator,
        folder: Path,
        methods: str,
        times: int | None,
        running: contextlib.ExitStack,
    ) -> None:
        self.emulator = emulator
        self.folder = folder
        self.methods = methods
        self.times = times
        self.running = running
        self._wires: list[Wire] = []

    def wire(self, authority: Authority | None = None, **certificate: t.Any) -> Wire:
        """Something between the module and the emulator, with TLS if there is an authority."""
        tls = authority.server(**certificate) if authority else None
        between: Wire = self.running.enter_context(Wire(self.emulator.url, tls))
        self._wires.append(between)
        return between

    def mend(self) -> None:
        """Let nothing go wrong any more."""
        self.emulator.clear_faults()
        for each in self._wires:
            each.mend()

    def failures(self) -> int:
        """How often it went wrong, where that is counted."""
        fired = sum(rule["fired"] for rule in self.emulator.faults())
        return fired + sum(each.broken for each in self._wires)

    def authority(self) -> Authority:
        return Authority(str(self.folder / "authority.pem"))

    def seed(self, path: str, kind: str, **content: t.Any) -> str:
        """Create something before the module comes, and return its id."""
        data: t.Any = {"type": kind, **content}
        is_bulk = path == TEAM_CONNECTIONS
        answer = self.emulator.call("POST", path, {"data": [data] if is_bulk else data})
        assert answer.status == 201, answer.body
        created = answer.body["data"]
        return str((created[0] if is_bulk else created)["id"])


#: How a task ends.
DONE, FAILED = "done", "failed"


class Fault(t.NamedTuple):
    """Something that goes wrong.

    :ivar title: what the test is called.
    :ivar arrange: lets it go wrong in a scene, and returns the options that lead there.
    :ivar says: what an error must contain.
    :ivar once: how a task ends if one request fails that may be repeated.
    :ivar post: how it ends if one POST fails that creates something; None where that depends on whether the list is offered.
    :ivar delete: how it ends if every DELETE fails.
    :ivar always: how it ends if every other request fails.
    :ivar is_transport: whether it concerns all connections, whatever is sent over them.
    """

    title: str
    arrange: t.Callable[[Scene], Options]
    says: str
    once: str = DONE
    post: str | None = FAILED
    delete: str = FAILED
    always: str = FAILED
    is_transport: bool = False


class Operation(t.NamedTuple):
    """Something that a module does.

    :ivar methods: of the requests that fail, as a regular expression.
    :ivar prepare: what exists before; returns further options.
    :ivar existing: how many connections, registrations and policies there are in the end.
    :ivar is_found: whether a POST whose answer is lost can be looked for; None where it may be repeated.
    """

    module: str
    title: str
    methods: str
    options: Options
    prepare: t.Callable[[Scene], Options]
    existing: int
    is_found: bool | None = None

    def ends(self, fault: Fault, is_once: bool) -> str:
        """How it ends with a fault."""
        if fault.is_transport:
            return FAILED
        if self.methods == "POST" and self.is_found is not None:
            if fault.post is None:
                return DONE if self.is_found else FAILED
            return fault.post if is_once else fault.always
        if is_once:
            return fault.once
        return fault.delete if self.methods == "DELETE" else fault.always


def _emulated(kind: str, **details: t.Any) -> t.Callable[[Scene], Options]:
    def arrange(scene: Scene) -> Options:
        for method in scene.methods.split("|"):
            scene.emulator.add_fault(kind, method=method, times=scene.times, **details)
        return {}

    return arrange


def _broken(break_it: Break) -> t.Callable[[Scene], Options]:
    def arrange(scene: Scene) -> Options:
        between = scene.wire()
        between.break_on(scene.methods, break_it, scene.times)
        return {"api_url": between.url}

    return arrange


def _broken_tls(break_it: Break) -> t.Callable[[Scene], Options]:
    def arrange(scene: Scene) -> Options:
        authority = scene.authority()
        between = scene.wire(authority)
        between.break_on(scene.methods, break_it, scene.times)
        return {"api_url": between.url, "ca_path": authority.path}

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
            _nobody_listens(scene)["api_url"] if status is None else scene.running.enter_context(Proxy(status)).url
        )
        options = _certificate(known=True)(scene)
        return {**options, "environ": {"HTTPS_PROXY": address}}

    return arrange


def _redirect_to_http(scene: Scene) -> Options:
    authority = scene.authority()
    between = scene.wire(authority)
    scene.emulator.add_fault("redirect", times=None, location=scene.emulator.url + "/elsewhere")
    return {"api_url": between.url, "ca_path": authority.path}


def _status(status: int, **details: t.Any) -> t.Callable[[Scene], Options]:
    return _emulated("status", status=status, **details)


def _limited(scene: Scene) -> Options:
    # What is limited for good would be waited for until that adds up to too much.
    seconds = "400" if scene.times is None else "1"
    return _status(429, headers={"X-RateLimit-Reset": seconds})(scene)


FAULTS = [
    # Refused: nothing was done, and nothing is repeated.
    Fault("400", _status(400), "400", once=FAILED),
    Fault("401", _status(401), "keys", once=FAILED),
    Fault("302", _emulated("redirect", location="https://192.0.2.1/"), "api_url", once=FAILED),
    # Somebody else's answer: repeated, unless it is a POST.
    Fault("404 with HTML", _status(404, body="html"), "gateway"),
    Fault("404 without a body", _status(404, body="empty"), "api_url"),
    Fault("410 with HTML", _status(410, body="html"), "gateway"),
    Fault("403 with HTML", _status(403, body="html"), "gateway"),
    # Not carried out.
    Fault("429 with a time", _limited, "retries", post=DONE),
    Fault("429 without one", _status(429), "retries", post=DONE),
    # Nobody knows: a POST is looked for once, and was not carried out.
    Fault("408", _status(408), "408"),
    Fault("500", _status(500), "500"),
    Fault("503 with a time", _status(503, headers={"Retry-After": "1"}, body="empty"), "503"),
    Fault("reset before the work", _emulated("reset", when="before"), "broke"),
    Fault("no answer and no work", _emulated("hang", when="before"), "within"),
    # Nobody knows: a POST is looked for once, and was carried out.
    Fault("500 after the work", _status(500, when="after"), "500", post=None),
    Fault("502 with HTML", _status(502, body="html", when="after"), "502", post=None),
    Fault("reset after the work", _emulated("reset", when="after"), "broke", post=None),
    Fault("no answer", _emulated("hang", when="after"), "within", post=None),
    Fault("half an answer", _emulated("half"), "broke", post=None),
    Fault("half of the headers", _broken(wire.half_a_head), "is empty", post=None, delete=DONE),
    Fault("byte by byte", _broken(wire.trickle), "within", post=None),
    Fault("not HTTP", _broken(wire.no_http), "broke", post=None),
    Fault("100 for ever", _broken(wire.continue_for_ever), "within", post=None),
    Fault("headers for ever", _broken(wire.headers_for_ever), "broke", post=None),
    Fault("a body for ever", _broken(wire.body_for_ever), "within", post=None),
    Fault("a broken chunk", _broken(wire.broken_chunk), "broke", post=None),
    Fault("TLS ends early", _broken_tls(wire.hang_up), "broke", post=None),
    # The same, but a DELETE has no answer that could be wrong.
    Fault("broken gzip", _broken(wire.broken_compression), "broke", post=None, delete=DONE),
    Fault("200 without a body", _emulated("empty"), "HTTP 200", post=None, delete=DONE),
    Fault("200 without JSON", _emulated("not_json"), "HTTP 200", post=None, delete=DONE),
    Fault("200 without data", _emulated("no_data"), "HTTP 200", post=None, delete=DONE),
    # Harmless.
    Fault("another type", _emulated("wrong_type"), "", post=DONE, delete=DONE, always=DONE),
    Fault("endless pages", _emulated("endless_pages"), "", post=DONE, delete=DONE, always=DONE),
    # All connections.
    Fault("nobody listens", _nobody_listens, "api_url", is_transport=True),
    Fault("a server without TLS", _no_tls, "api_url", is_transport=True),
    Fault("an unknown authority", _certificate(known=False), "ca_path", is_transport=True),
    Fault("an expired one", _certificate(known=True, expired=True), "expired", is_transport=True),
    Fault(
        "a certificate of another name",
        _certificate(known=True, name="datadog.example.com"),
        "certificate",
        is_transport=True,
    ),
    Fault("from HTTPS to HTTP", _redirect_to_http, "redirect", is_transport=True),
    Fault("no proxy listens", _proxy(None), "HTTPS_PROXY", is_transport=True),
    Fault("a proxy that wants a password", _proxy(407), "HTTPS_PROXY", is_transport=True),
    Fault("a proxy that answers 502", _proxy(502), "HTTPS_PROXY", is_transport=True),
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
RESOURCE = "dashboard:abc-def-ghi"
BINDINGS = [{"relation": "editor", "principals": ["org"]}]


def _nothing(scene: Scene) -> Options:
    return {}


def _team(scene: Scene) -> Options:
    scene.seed(TEAMS, "team", attributes={"name": "Platform", "handle": "platform"})
    return {}


def _team_connection(scene: Scene) -> Options:
    team = scene.seed(TEAMS, "team", attributes={"name": "Platform", "handle": "platform"})
    scene.seed(
        TEAM_CONNECTIONS,
        "team_connection",
        attributes={"source": "github"},
        relationships={
            "team": {"data": {"type": "team", "id": team}},
            "connected_team": {"data": {"type": "github_team", "id": PAIR["connected_team"]}},
        },
    )
    return {}


def _registry(scene: Scene) -> Options:
    return {"registry": str(scene.folder / "connections.json")}


def _listed(scene: Scene) -> Options:
    scene.emulator.settings(list=True)
    return _registry(scene)


def _connection_by_id(scene: Scene) -> Options:
    attributes = {"name": AWS["name"], "integration": INTEGRATION}
    connection_id = scene.seed(CONNECTIONS, "action_connection", attributes=attributes)
    return {"connection_id": connection_id}


def _connection(scene: Scene) -> Options:
    _connection_by_id(scene)
    return _listed(scene)


def _listed_connection(scene: Scene) -> Options:
    _connection(scene)
    return {}


def _connection_ids(scene: Scene) -> Options:
    return {"connection_ids": [_connection_by_id(scene)["connection_id"]], "access": True}


def _registration(scene: Scene) -> Options:
    assert scene.emulator.call("PUT", f"{REGISTRATIONS}/{KEY_ID}").status == 201
    return {}


def _policy(scene: Scene) -> Options:
    user = scene.emulator.call("GET", "/api/v2/current_user").body["data"]
    org = f"org:{user['relationships']['org']['data']['id']}"
    attributes = {"bindings": [{"relation": "editor", "principals": [org]}]}
    body = {"data": {"type": "restriction_policy", "id": RESOURCE, "attributes": attributes}}
    assert scene.emulator.call("POST", f"{POLICIES}/{RESOURCE}", body).status == 200
    return {}


AS_IT_IS = {"name": AWS["name"], "aws": {"assume_role": {"role": "Another"}}}
ABSENT = {"state": "absent"}
KEY = {"app_key_id": KEY_ID}
POLICY = {"resource_id": RESOURCE, "bindings": BINDINGS}
ACCESS = {**AS_IT_IS, "access": {"editor": ["org"]}}
READ = [
    Operation("action_connection", "by name", "GET", AS_IT_IS, _listed_connection, 1),
    Operation("action_connection", "by id", "GET", AS_IT_IS, _connection_by_id, 1),
    Operation("action_connections", "", "GET", {"connections": [AS_IT_IS]}, _connection, 1),
    Operation("action_connection_info", "", "GET", {}, _listed_connection, 1),
    Operation("action_connection_info", "by id", "GET", {}, _connection_ids, 1),
    Operation("team_connection", "", "GET", PAIR, _team_connection, 1),
    Operation("team_connections", "", "GET", {"connections": [PAIR]}, _team_connection, 1),
    Operation("team_connection_info", "", "GET", {}, _team_connection, 1),
    Operation("app_key_registration", "", "GET", KEY, _registration, 1),
    Operation("app_key_registration_info", "", "GET", {}, _registration, 1),
    Operation("restriction_policy", "", "GET", POLICY, _policy, 1),
    Operation("restriction_policy_info", "", "GET", {"resource_ids": [RESOURCE]}, _policy, 1),
]
_PLURAL = {"connections": [GITLAB]}
WRITE = [
    Operation("action_connection", "create", "POST", GITLAB, _listed, 1, True),
    Operation("action_connections", "create", "POST", _PLURAL, _listed, 1, True),
    Operation("action_connection", "create without the list", "POST", GITLAB, _registry, 1, False),
    Operation("action_connections", "create without the list", "POST", _PLURAL, _registry, 1, False),
    Operation("action_connection", "update", "PATCH", AWS, _connection, 1),
    Operation("action_connection", "set access", "POST", ACCESS, _connection_by_id, 2),
    Operation("action_connection", "delete", "DELETE", {"name": AWS["name"], **ABSENT}, _connection, 0),
    Operation("team_connection", "create", "POST", PAIR, _team, 1, True),
    Operation("team_connections", "create", "POST", {"connections": [PAIR]}, _team, 1, True),
    Operation("team_connection", "delete", "DELETE", {**PAIR, **ABSENT}, _team_connection, 0),
    Operation("app_key_registration", "create", "PUT", KEY, _nothing, 1),
    Operation("app_key_registration", "delete", "DELETE", {**KEY, **ABSENT}, _registration, 0),
    Operation("restriction_policy", "create", "POST", POLICY, _nothing, 1),
    Operation("restriction_policy", "delete", "DELETE", {**POLICY, **ABSENT}, _policy, 0),
]
