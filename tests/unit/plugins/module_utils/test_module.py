# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Datadog is reached: credentials, addresses, and what goes over the wire, seen through a module."""

from __future__ import annotations

import json
import pathlib
import socket
import subprocess
import sys
import typing as t

import pytest

import ansible_collections
from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog, Server
from ansible_collections.tidyops.datadog.tests.unit.wire import (
    Authority,
    Proxy,
    Wire,
    hang_up,
    huge_body,
)

TASK = {"name": "x", "aws": {"assume_role": {"account_id": "123456789012", "role": "r"}}}
EMPTY_LIST = (200, {"data": [], "meta": {"total": 0, "total_filtered": 0}})
NO_KEYS: dict[str, t.Any] = {"api_key": None, "app_key": None}


@pytest.fixture
def recorder(datadog: Datadog, server: Server) -> t.Callable[..., dict[str, str]]:
    """Run a task in check mode against a server, and return the headers that arrived there."""
    server.answers["GET"] = EMPTY_LIST

    def record(environ: dict[str, str] | None = None, **params: t.Any) -> dict[str, str]:
        options = {**TASK, "api_url": server.url, **params}
        result = datadog.connection(**options, check_mode=True, environ=environ)
        assert result.get("operation") == "create", result
        return server.seen[-1][2]

    return record


class TestCredentials:
    def test_keys(self, recorder: t.Callable[..., dict[str, str]]) -> None:
        headers = recorder(api_key="one", app_key="two")
        assert (headers["DD-API-KEY"], headers["DD-APPLICATION-KEY"]) == ("one", "two")
        assert "Authorization" not in headers

    @pytest.mark.parametrize("token", ["ddpat_example", "ddsat_example"])
    def test_a_token_is_sent_alone(self, recorder: t.Callable[..., dict[str, str]], token: str) -> None:
        environ = {"DD_API_KEY": "one", "DD_APP_KEY": "two"}
        headers = recorder(environ, **NO_KEYS, access_token=token)
        assert headers["Authorization"] == f"Bearer {token}"
        assert not {"DD-API-KEY", "DD-APPLICATION-KEY"} & set(headers)

    @pytest.mark.parametrize("api_key", ["DD_API_KEY", "DATADOG_API_KEY"])
    @pytest.mark.parametrize("app_key", ["DD_APP_KEY", "DATADOG_APP_KEY"])
    def test_keys_of_the_environment(
        self, recorder: t.Callable[..., dict[str, str]], api_key: str, app_key: str
    ) -> None:
        headers = recorder({api_key: "one", app_key: "two"}, **NO_KEYS)
        assert (headers["DD-API-KEY"], headers["DD-APPLICATION-KEY"]) == ("one", "two")

    @pytest.mark.parametrize("variable", ["DD_ACCESS_TOKEN", "DD_BEARER_TOKEN"])
    def test_a_token_of_the_environment(self, recorder: t.Callable[..., dict[str, str]], variable: str) -> None:
        headers = recorder({variable: "three", "DD_API_KEY": "one"}, **NO_KEYS)
        assert headers["Authorization"] == "Bearer three"

    def test_the_task_takes_precedence_over_the_environment(self, recorder: t.Callable[..., dict[str, str]]) -> None:
        environ = {"DD_API_KEY": "env", "DD_APP_KEY": "env", "DD_ACCESS_TOKEN": "env"}
        headers = recorder(environ, api_key="one", app_key=None)
        assert (headers["DD-API-KEY"], headers["DD-APPLICATION-KEY"]) == ("one", "env")
        assert "Authorization" not in headers

    def test_one_key_alone_names_the_other(self, datadog: Datadog) -> None:
        result = datadog.connection(**TASK, app_key=None)
        assert result["failed"] and "app_key is required" in result["msg"] and "DD_APP_KEY" in result["msg"]

    def test_nothing_at_all_names_the_ways(self, datadog: Datadog) -> None:
        message = datadog.connection(**TASK, **NO_KEYS)["msg"]
        for way in ("api_key", "app_key", "DD_API_KEY", "DD_APP_KEY", "access_token"):
            assert way in message

    def test_keys_and_token_exclude_each_other(self, datadog: Datadog) -> None:
        result = datadog.connection(**TASK, access_token="three")
        assert result["failed"] and "api_key and access_token" in result["msg"]
        assert datadog.requests() == []

    @pytest.mark.parametrize("value", ["", "a b", "a\n", "a\r\nX-Injected: 1", "schlüssel"])
    @pytest.mark.parametrize("option", ["api_key", "app_key"])
    def test_what_no_key_looks_like(self, datadog: Datadog, option: str, value: str) -> None:
        result = datadog.connection(**TASK, **{option: value})
        assert result["failed"] and result["msg"].startswith(f"{option} ")
        assert datadog.requests() == []

    def test_a_bad_variable_is_named_and_not_shown(self, datadog: Datadog) -> None:
        result = datadog.connection(**TASK, api_key=None, environ={"DD_API_KEY": "c4n4ry with spaces"})
        assert result["failed"] and "DD_API_KEY" in result["msg"]
        assert "c4n4ry" not in result["raw"]

    def test_keys_of_the_environment_are_hidden(self, datadog: Datadog, server: Server) -> None:
        environ = {"DD_API_KEY": "c4n4ry-api", "DD_APP_KEY": "c4n4ry-app"}
        server.answers["GET"] = (401, {"errors": ["no such key: c4n4ry-api, c4n4ry-app"]})
        result = datadog.connection(**TASK, **NO_KEYS, api_url=server.url, environ=environ)
        assert result["failed"] and "no such key" in result["msg"]
        assert "c4n4ry" not in result["raw"]


class TestAddress:
    @pytest.mark.parametrize("variable", ["DD_HOST", "DATADOG_HOST"])
    def test_of_the_environment(self, datadog: Datadog, server: Server, variable: str) -> None:
        server.answers["GET"] = EMPTY_LIST
        environ = {variable: server.url, "DD_SITE": "datadoghq.eu"}
        result = datadog.connection(**TASK, api_url=None, environ=environ, check_mode=True)
        assert result["operation"] == "create"
        assert len(server.seen) == 1

    @pytest.mark.parametrize(
        "site, environ, host",
        [
            (None, {}, "api.datadoghq.com"),
            ("us2.ddog-gov.com", {}, "api.us2.ddog-gov.com"),
            (None, {"DD_SITE": "datadoghq.eu"}, "api.datadoghq.eu"),
            ("ap1.datadoghq.com", {"DD_SITE": "datadoghq.eu"}, "api.ap1.datadoghq.com"),
            ("ap1.datadoghq.com", {"DD_HOST": "http://127.0.0.1:9"}, "api.ap1.datadoghq.com"),
        ],
    )
    def test_site(self, datadog: Datadog, site: str | None, environ: dict[str, str], host: str) -> None:
        # A proxy that is not there keeps the request on this machine.
        environ = {**environ, "HTTPS_PROXY": "http://user:c4n4ry@127.0.0.1:9"}
        result = datadog.connection(**TASK, api_url=None, site=site, environ=environ, retries=0)
        assert result["failed"] and host in result["msg"] and "proxy" in result["msg"]
        assert "c4n4ry" not in result["raw"]

    def test_unknown_sites(self, datadog: Datadog) -> None:
        result = datadog.connection(**TASK, api_url=None, site="datadoghq.de")
        assert result["failed"] and "site " in result["msg"] and "datadoghq.eu" in result["msg"]
        environ = {"DD_SITE": "app.us5.datadoghq.com"}
        result = datadog.connection(**TASK, api_url=None, environ=environ)
        assert result["failed"] and "DD_SITE" in result["msg"]
        assert "did you mean us5.datadoghq.com" in result["msg"]
        # Where the task says where to go, the variable does not count.
        assert datadog.connection(**TASK, environ=environ)["operation"] == "create"

    @pytest.mark.parametrize(
        "url",
        [
            "http://api.datadoghq.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "api.datadoghq.com",
            "ftp://api.datadoghq.com",
            "https://",
            "https://user:c4n4ry@api.datadoghq.com",
            "https://api.datadoghq.com/?x=1",
            "https://api.datadoghq.com:port",
            "https://user:c4n4ry/x@api.datadoghq.com",
            "https://api.datadoghq.com/\r\nX-Injected: 1",
        ],
    )
    def test_where_credentials_are_not_sent(self, datadog: Datadog, url: str) -> None:
        for result, source in (
            (datadog.connection(**TASK, api_url=url), "api_url "),
            (datadog.connection(**TASK, api_url=None, environ={"DD_HOST": url}), "DD_HOST "),
        ):
            assert result["failed"] and source in result["msg"]
            assert not result["msg"].startswith("Could not")

    def test_site_and_address_exclude_each_other(self, datadog: Datadog) -> None:
        result = datadog.connection(**TASK, site="datadoghq.eu")
        assert result["failed"] and "site and api_url" in result["msg"]

    @pytest.mark.parametrize(
        "params",
        [
            {"timeout": 0},
            {"timeout": "inf"},
            {"retries": -1},
            {"retries": 21},
            {"ca_path": "/nowhere"},
        ],
    )
    def test_out_of_range(self, datadog: Datadog, params: dict[str, t.Any]) -> None:
        result = datadog.connection(**{**TASK, **params})
        assert result["failed"] and next(iter(params)) in result["msg"]
        assert datadog.requests() == []


class TestWire:
    def test_a_redirect_is_not_followed(self, datadog: Datadog, server: Server) -> None:
        with Server() as elsewhere:
            for location in (f"{elsewhere.url}/api", "https://other.example.com/"):
                server.answers["GET"] = (302, {}, {"Location": location})
                result = datadog.connection(**TASK, api_url=server.url)
                assert result["failed"] and result["http_status"] == 302
                assert location.removesuffix("/api").rstrip("/").rsplit(":", 1)[0] in result["msg"]
                assert "api_url" in result["msg"]
            assert not elsewhere.seen

    @pytest.mark.parametrize("headers", [{}, {"Location": "/login"}, {"Location": "http://[::1"}])
    def test_odd_redirects(self, datadog: Datadog, server: Server, headers: dict[str, str]) -> None:
        server.answers["GET"] = (302, {}, headers)
        result = datadog.connection(**TASK, api_url=server.url)
        assert result["failed"] and "action connection 'x'" in result["msg"]
        assert len(server.seen) == 1

    def test_loopback_is_not_reached_through_a_proxy(self, datadog: Datadog, server: Server) -> None:
        environ = {"HTTP_PROXY": server.url, "http_proxy": server.url, "ALL_PROXY": server.url}
        result = datadog.connection(**TASK, environ=environ)
        assert result["operation"] == "create"
        assert not server.seen

    def test_ca_certificates_that_are_not_there(self, datadog: Datadog) -> None:
        environ = {"REQUESTS_CA_BUNDLE": "/nowhere/ca.pem"}
        url = "https://127.0.0.1:9"
        result = datadog.connection(**TASK, api_url=url, environ=environ, retries=0)
        assert result["failed"] and "/nowhere/ca.pem" in result["msg"]

    def test_netrc_is_not_read(
        self, datadog: Datadog, recorder: t.Callable[..., dict[str, str]], tmp_path: pathlib.Path
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password c4n4ry\n")
        headers = recorder({"NETRC": str(netrc)})
        assert "Authorization" not in headers

    def test_nobody_there(self, datadog: Datadog) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            result = datadog.connection(**TASK, api_url=url, retries=1)
        assert result["failed"] and url[7:] in result["msg"]

    def test_an_answer_that_is_no_json(self, datadog: Datadog, server: Server) -> None:
        server.answers["GET"] = (200, b"<html>Please log in</html>")
        result = datadog.connection(**TASK, api_url=server.url, retries=1)
        assert result["failed"] and result["http_status"] == 200 and "JSON" in result["msg"]
        assert len(server.seen) == 2

    @pytest.mark.parametrize(
        "errors, shown",
        [
            (["Bad Request"], "Bad Request"),
            ([{"title": "Generic Error", "detail": "no good"}], ": no good."),
            (
                [{"title": "Invalid Parameter", "detail": "x", "status": "400"}],
                "Invalid Parameter: x.",
            ),
            ([{"detail": "y", "source": {"pointer": "/data/id"}}], "y (at /data/id)"),
            ("nonsense", "HTTP 400"),
        ],
    )
    def test_every_shape_of_errors(self, datadog: Datadog, server: Server, errors: t.Any, shown: str) -> None:
        server.answers["GET"] = EMPTY_LIST
        server.answers["POST"] = (400, {"errors": errors})
        result = datadog.connection(**TASK, api_url=server.url)
        assert result["failed"] and result["http_status"] == 400
        assert "action connection 'x'" in result["msg"]
        assert shown in result["msg"]

    def test_waiting_longer_than_anybody_would_is_an_error(self, datadog: Datadog, server: Server) -> None:
        server.answers["GET"] = (
            429,
            {"errors": ["Too many requests"]},
            {"X-RateLimit-Reset": "3600"},
        )
        result = datadog.connection(**TASK, api_url=server.url)
        assert result["failed"] and "3600 s" in result["msg"]
        assert len(server.seen) == 1

    def test_retries_end(self, datadog: Datadog, server: Server) -> None:
        server.answers["GET"] = (503, b"", {"Retry-After": "0"})
        result = datadog.connection(**TASK, api_url=server.url, retries=3)
        assert result["failed"] and result["http_status"] == 503
        assert len(server.seen) == 4

    def test_when_a_rate_limit_resets_does_not_matter_to_a_failure(self, datadog: Datadog, server: Server) -> None:
        server.answers["GET"] = (503, b"", {"X-RateLimit-Reset": "3600"})
        assert datadog.connection(**TASK, api_url=server.url, retries=1)["http_status"] == 503
        assert len(server.seen) == 2

    def test_an_answer_that_no_memory_would_hold(self, datadog: Datadog) -> None:
        with Wire(datadog.emulator.url) as way:
            way.break_on("GET", huge_body, times=None)
            result = datadog.connection(**TASK, api_url=way.url, retries=0, timeout=300)
        assert result["failed"] and "more than 104857600 bytes" in result["msg"]

    def test_a_list_whose_pages_never_end(self, datadog: Datadog, server: Server) -> None:
        row = {"type": "action_connection", "attributes": {"name": "other"}}
        server.answers["GET"] = (
            200,
            {"data": [{**row, "id": str(n)} for n in range(100)], "meta": {}},
        )
        result = datadog.connection(**TASK, api_url=server.url, check_mode=True)
        assert result["operation"] == "create"
        assert len(server.seen) == 2


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> Authority:
    return Authority(str(tmp_path / "authority.pem"))


@pytest.fixture
def tls(datadog: Datadog, authority: Authority) -> t.Iterator[Wire]:
    """The emulator over HTTPS, with a certificate of that authority."""
    with Wire(datadog.emulator.url, authority.server()) as way:
        yield way


class TestTls:
    def test_an_authority_of_the_task(self, datadog: Datadog, tls: Wire, authority: Authority) -> None:
        result = datadog.connection(**TASK, api_url=tls.url, ca_path=authority.path)
        assert result["operation"] == "create"

    @pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_an_authority_of_the_environment(
        self, datadog: Datadog, tls: Wire, authority: Authority, variable: str
    ) -> None:
        environ = {"REQUESTS_CA_BUNDLE": "", variable: authority.path}
        result = datadog.connection(**TASK, api_url=tls.url, environ=environ)
        assert result["operation"] == "create"

    def test_the_authority_of_the_task_takes_precedence(
        self, datadog: Datadog, tls: Wire, authority: Authority, tmp_path: pathlib.Path
    ) -> None:
        other = Authority(str(tmp_path / "other.pem"))
        environ = {"REQUESTS_CA_BUNDLE": authority.path}
        result = datadog.connection(**TASK, api_url=tls.url, environ=environ, ca_path=other.path)
        assert result["failed"] and "certificate" in result["msg"]

    def test_certificates_that_are_not_validated(self, datadog: Datadog, tls: Wire) -> None:
        result = datadog.connection(**TASK, api_url=tls.url, validate_certs=False)
        assert result["operation"] == "create" and result["warnings"] == []

    def test_a_proxy_learns_no_more_than_the_address(self, datadog: Datadog, tls: Wire, authority: Authority) -> None:
        with Proxy() as proxy:
            environ = {"HTTPS_PROXY": proxy.url}
            options = {**TASK, "api_url": tls.url, "ca_path": authority.path}
            assert datadog.connection(**options, environ=environ)["operation"] == "create"
            assert proxy.seen and all(f"127.0.0.1:{tls.port}" in seen for seen in proxy.seen)
            assert not any(key in seen for seen in proxy.seen for key in Datadog.KEYS.values())
            proxy.seen.clear()
            environ["NO_PROXY"] = "127.0.0.1"
            assert datadog.connection(**options, environ=environ)["operation"] == "none"
            assert not proxy.seen

    def test_tls_that_ends_instead_of_an_answer(self, datadog: Datadog, tls: Wire, authority: Authority) -> None:
        """An answer that is lost is no reason to create a second one."""
        tls.break_on("POST", hang_up, times=1)
        result = datadog.connection(**TASK, api_url=tls.url, ca_path=authority.path)
        assert result["operation"] == "create"
        assert len(datadog.requests("POST")) == 1


CONNECTION = {"id": "1", "type": "action_connection", "attributes": {"name": "x"}}


@pytest.mark.parametrize(
    "listed, operation",
    [
        ({"data": None}, None),
        ({"data": {}}, None),
        ({"data": [None]}, None),
        ({"data": [{"id": {}}]}, None),
        ({"data": [{"id": None}]}, None),
        ([], None),
        ("text", None),
        ({"data": [], "meta": []}, "create"),
        ({"data": [], "meta": {"total_filtered": "many"}}, "create"),
        # Whatever has no name may be the one, so that it is read by its id.
        ({"data": [{"id": "1", "attributes": None}]}, None),
        ({"data": [{"id": "1", "attributes": {"name": None}}]}, None),
        ({"data": [{"id": "1", "attributes": [], "relationships": "x"}]}, None),
        ({"data": [CONNECTION]}, None),
        ({"data": [{**CONNECTION, "attributes": {"name": "x", "integration": []}}]}, None),
    ],
)
def test_answers_that_are_not_what_they_should_be(
    datadog: Datadog, server: Server, listed: t.Any, operation: str | None
) -> None:
    server.answers["GET"] = (200, listed)
    task = {**TASK, "allow_replace": True, "api_url": server.url, "retries": 0}
    result = datadog.connection(**task, check_mode=True)
    assert result.get("operation") == operation, result
    team = {"team": UUID, "connected_team": "@acme/x", "api_url": server.url, "retries": 0}
    result = datadog.team_connection(**team, state="absent", check_mode=True)
    assert result.get("failed") or result["operation"] == "none"


@pytest.mark.parametrize("answer", [{"data": []}, {"data": [1]}, {"data": {}}, {"data": [{}]}, {}])
def test_answers_to_a_create_that_are_not_what_they_should_be(datadog: Datadog, server: Server, answer: t.Any) -> None:
    server.answers["GET"] = EMPTY_LIST
    server.answers["POST"] = (201, answer)
    result = datadog.connection(**TASK, api_url=server.url, retries=0)
    assert result["failed"] and "action connection 'x'" in result["msg"]
    # It may have been created, and is looked for once.
    assert [method for method, _path, _headers in server.seen] == ["GET", "POST", "GET"]


def test_a_server_with_smaller_pages(datadog: Datadog, server: Server) -> None:
    """Whoever stops on the first short page would create what is there already."""
    integration = {"type": "Gitlab", "credentials": {"type": "GitlabAPIKey"}}
    rows = [{"id": str(n), "attributes": {"name": f"n{n}", "integration": integration}} for n in range(120)]
    meta = {"total": 120, "total_filtered": 120}
    pages = [(200, {"data": rows[first : first + 50], "meta": meta}) for first in (0, 50, 100)]
    server.answers["GET"] = pages
    result = datadog.connection(name="n119", state="absent", api_url=server.url, check_mode=True)
    assert result["operation"] == "delete"


UUID = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    "created",
    [
        (201, {"data": {"id": UUID}}, {"Content-Length": "2, 3"}),
        (302, b"", {"Location": "http://[::1"}),
        (201, {"data": {"id": "12345", "attributes": {"name": "x"}}}),
    ],
    ids=["header", "location", "id"],
)
def test_an_odd_answer_to_a_create_leaves_the_claim(
    datadog: Datadog, server: Server, tmp_path: pathlib.Path, created: t.Any
) -> None:
    """The connection may exist, so that the next run must not create another one."""
    gone = (404, {"errors": [{"title": "Generic Error", "detail": "not found"}]})
    user = {"data": {"id": UUID, "relationships": {"org": {"data": {"id": UUID}}}}}
    server.answers = {"GET": [gone, gone, (200, user)], "POST": created}
    registry = tmp_path / "connections.json"
    result = datadog.connection(**TASK, api_url=server.url, registry=str(registry), retries=0)
    assert result["failed"] and "may have been created" in result["msg"] and "remove the entry" in result["msg"]
    [entry] = json.loads(registry.read_text())["connections"].values()
    assert entry["claim"] and not entry["id"]


def test_requests_is_missing() -> None:
    """A process of its own, since the modules of this one have been imported with requests."""
    program = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
sys.modules["requests"] = None
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": {"name": "x", "state": "absent"}}).encode()
basic._ANSIBLE_PROFILE = "legacy"
from ansible_collections.tidyops.datadog.plugins.modules.action_connection import main
main()
"""
    command = [sys.executable, "-c", program, json.dumps(import_path())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    result = json.loads(done.stdout)
    assert result["failed"] and "requests" in result["msg"] and done.returncode == 1


def import_path() -> list[str]:
    """Where this process finds its modules, and the folder that has C(ansible_collections)."""
    return [*sys.path, *(str(pathlib.Path(path).parent) for path in ansible_collections.__path__)]
