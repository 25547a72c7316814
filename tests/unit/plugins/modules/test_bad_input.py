# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be meant is refused before the first request; what is merely unlikely gets a warning."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.tidyops.datadog.tests.unit.conftest import Datadog
from ansible_collections.tidyops.datadog.tests.unit.examples import CANARY, example
from ansible_collections.tidyops.datadog.tests.unit.module_runner import Run

AN_ID = "3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"
#: A value that no message may show: it may be a secret in the wrong place.
SECRET = f"{CANARY}-bad-input"
#: What Ansible and AWX show in the place of a secret.
MASKS = ("********", "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "$encrypted$")
MASK = MASKS[0]
#: Characters that cannot be seen: a byte order mark, a space of no width, one of another kind, a change of direction.
INVISIBLE = ("\ufeff", "\u200b", "\u00a0", "\u202e", "\u2028")
ROLE = {"account_id": "123456789012", "role": "R"}
AWS: dict[str, t.Any] = {"name": "x", "aws": {"assume_role": ROLE}}
NEITHER = {"api_url": None}

Params = dict[str, t.Any]
Case = tuple[str, Params, tuple[str, ...]]


def aws(**fields: t.Any) -> Params:
    return {"name": "x", "aws": {"assume_role": {**ROLE, **fields}}}


def gitlab(api_token: t.Any) -> Params:
    return {"name": "x", "gitlab": {"api_key": {"api_token": api_token}}}


def http(**changes: t.Any) -> Params:
    task = example("http.token_auth")
    task["http"]["token_auth"].update(changes)
    return task


def one(params: Params, *told: str) -> Case:
    """A task about one action connection, and what its error must have."""
    return "action_connection", params, told


def several(connections: t.Any, *told: str, **params: t.Any) -> Case:
    """A task about a set of them."""
    return "action_connections", {"connections": connections, **params}, told


MASKED: list[Case] = [
    *(one(gitlab(f"x{mask}"), "gitlab.api_key.api_token") for mask in MASKS),
    one({**AWS, "name": MASK}, "name "),
    one({**AWS, "connection_id": MASK}, "connection_id"),
    one({**AWS, "registry": f"/tmp/{MASK}"}, "registry"),
    one({**AWS, "update_secrets": MASK}, "update_secrets"),
    one({**AWS, "api_key": MASK}, "api_key"),
    one({**AWS, "tags": ["env:prod", f"team:{MASK}"]}, "tags[1]"),
    one({**AWS, "tags": f"env:prod,team:{MASK}"}, "tags[1]"),
    one({**AWS, "access": {"editor": [f"team:{MASK}"]}}, "access.editor[0]"),
    one(http(tokens=[{"name": "a", "value": MASK}]), "http.token_auth.tokens[0].value"),
    one(http(headers=[{"name": "A", "value": f"Bearer {MASK}"}]), "headers[0].value"),
    one(http(body={"content": f"<{MASK}>"}), "http.token_auth.body.content"),
    several([AWS, {**gitlab(MASK), "name": "y"}], "connections[1].gitlab.api_key.api_token"),
    ("team_connection", {"team": "platform", "connected_team": f"@a/{MASK}"}, ("connected_team",)),
    ("action_connection_info", {"names": ["a", MASK]}, ("names[1]",)),
]
#: YAML makes numbers and booleans of 0123, 12:30, 0x1F, 1.10, yes and no.
NOT_STRINGS: list[Case] = [
    one({**AWS, "name": 83}, "name ", "quote"),
    one({**AWS, "name": False}, "name ", "quote"),
    one(aws(role=True), "aws.assume_role.role", "quote"),
    one(aws(account_id=True), "aws.assume_role.account_id", "quote"),
    one(aws(account_id=12345678901), "aws.assume_role.account_id", "twelve digits", "quote"),
    one(gitlab(1.1), "gitlab.api_key.api_token", "quote"),
    one(http(tokens=[{"name": "x", "value": 7}]), "http.token_auth.tokens[0].value", "quote"),
    one(http(headers=[{"name": "X", "value": 750}]), "http.token_auth.headers[0].value", "quote"),
    one({**AWS, "tags": ["env:prod", 5]}, "tags[1]", "quote"),
    one({**AWS, "access": {"editor": [5]}}, "access.editor[0]", "quote"),
    several([AWS, {**AWS, "name": True}], "connections[1].name", "quote"),
    ("team_connection", {"team": 7, "connected_team": "@a/b"}, ("team ", "quote")),
]
BLANKS: list[Case] = [
    *(one({**AWS, "name": name}, "name ") for name in (" x", "x ", "x\n", "", " ", "a\tb")),
    *(one({**AWS, "name": f"a{character}b"}, "name ", f"U+{ord(character):04X}") for character in INVISIBLE),
    one({**AWS, "name": "a\ud800"}, "name "),
    one(gitlab(f"{SECRET}\n"), "gitlab.api_key.api_token"),
    one(gitlab(f"\ufeff{SECRET}"), "gitlab.api_key.api_token", "U+FEFF"),
    one(gitlab("  "), "gitlab.api_key.api_token", "leave it out"),
    one(aws(role=""), "aws.assume_role.role", "leave it out"),
    one(aws(role="a\nb"), "aws.assume_role.role"),
    one(aws(account_id="123456789012\n"), "aws.assume_role.account_id"),
    one(http(tokens=[{"name": "x", "value": ""}]), "http.token_auth.tokens[0].value", "leave it"),
    one(http(tokens=[{"name": "x", "value": f"{SECRET} "}]), "http.token_auth.tokens[0].value"),
    one(http(headers=[{"name": "X", "value": "a\r\nb"}]), "http.token_auth.headers[0].value"),
    one(http(body={"content": ""}), "http.token_auth.body.content", "leave it out"),
    one({**AWS, "access": {"editor": ["team:a\u200b"]}}, "access.editor[0]", "U+200B"),
    several([AWS, {**AWS, "name": "y "}], "connections[1].name"),
    ("action_connection_info", {"names": ["a", " b"]}, ("names[1]",)),
    ("action_connection_info", {"names": "a, b"}, ("names[1]",)),
]
STRUCTURES: list[Case] = [
    one({**AWS, "name": {"a": SECRET}}, "name ", "dictionary"),
    one({**AWS, "name": [SECRET]}, "name ", "list"),
    one({**AWS, "retries": [1]}, "retries"),
    one({**AWS, "tags": {"env": "prod"}}, "tags ", "list"),
    one({**AWS, "tags": [["env:prod"]]}, "tags[0]"),
    one({**AWS, "access": ["team:platform"]}, "access ", "dictionary"),
    one({**AWS, "access": {"editor": {"team": "platform"}}}, "access.editor ", "list"),
    one(gitlab([SECRET]), "gitlab.api_key.api_token", "list"),
    one(gitlab({"data": {"token": SECRET}}), "gitlab.api_key.api_token", "dictionary"),
    one({"name": "x", "gitlab": f"{SECRET}=abc"}, "gitlab ", "api_key"),
    one({"name": "x", "gitlab": [SECRET]}, "gitlab ", "api_key"),
    one({"name": "x", "gitlab": {"api_key": SECRET}}, "gitlab.api_key ", "api_token"),
    one({"name": "x", "gitlab": None}, "gitlab ", "api_key"),
    one({"name": "x", "gitlab": {}}, "gitlab.api_key"),
    one({"name": "x", "gitlab": {"api_key": None}}, "gitlab.api_key ", "api_token"),
    one({"name": "x", "cloudflare": None}, "cloudflare ", "api_token", "global_api_token"),
    one({"name": "x", "cloudflare": {}}, "cloudflare ", "api_token", "global_api_token"),
    one(http(headers={"name": "a", "value": SECRET}), "http.token_auth.headers ", "list", "name"),
    one(http(headers=[f"a: {SECRET}"]), "http.token_auth.headers[0]", "dictionary"),
    one(http(tokens=SECRET), "http.token_auth.tokens ", "list"),
    one(http(tokens=[{"name": "x", "value": [SECRET]}]), "http.token_auth.tokens[0].value"),
    several({"x": AWS}, "connections ", "list", "name"),
    several("x", "connections ", "list"),
    several(None, "connections "),
    several([AWS, None], "connections[1]", "dictionary"),
    several([AWS, f"name=y gitlab={SECRET}"], "connections[1]", "dictionary"),
    several([AWS, {"name": "y", "gitlab": None}], "connections[1].gitlab ", "api_key"),
    several([AWS, {"name": "y", "gitlab": SECRET}], "connections[1].gitlab ", "api_key"),
    several([AWS, {"name": "y", "cloudflare": {}}], "connections[1].cloudflare ", "api_token"),
]
MISSPELT: list[Case] = [
    one({"nmae": "x", **aws()}, "nmae", "name"),
    one({**AWS, "update_secret": "always"}, "update_secret ", "update_secrets"),
    one({"name": "x", "GitLab": {"api_key": {"api_token": SECRET}}}, "GitLab", "gitlab"),
    one({"name": "x", "gitlab_token": SECRET}),
    one({"name": "x", SECRET: "y", **aws()}),
    one({"name": "x", "gitlab": {"apikey": {"api_token": SECRET}}}, "gitlab.apikey", "api_key"),
    one(
        {"name": "x", "gitlab": {"api_key": {"api_tokn": SECRET}}},
        "gitlab.api_key.api_tokn",
        "api_token",
    ),
    # A level is left out.
    one({"name": "x", "gitlab": {"api_token": SECRET}}, "gitlab.api_token", "gitlab.api_key"),
    one({"name": "x", "http": {"tokens": []}}, "http.tokens", "http.token_auth"),
    one(http(tokens=[{"name": "x", "valeu": SECRET}]), "http.token_auth.tokens[0].valeu", "value"),
    one(aws(external_id="x"), "aws.assume_role", "generate_new_external_id"),
    one({**AWS, "state": "Present"}, "state ", "present"),
    one({**AWS, **NEITHER, "site": "https://app.datadoghq.eu/"}, "site ", "mean datadoghq.eu"),
    one({**AWS, **NEITHER, "site": "app.us5.datadoghq.com"}, "site ", "mean us5.datadoghq.com"),
    several([AWS, {"nam": "y", **aws()}], "connections[1].nam ", "name"),
    several(
        [AWS, {"name": "y", "aws": {"assume_role": {"rolle": "R"}}}],
        "connections[1].aws.assume_role.rolle",
        "role",
    ),
    ("action_connection_info", {"integrations": ["AWS"]}, ("integrations[0]", "mean aws")),
    ("action_connection_info", {"name": "x"}, ("name ", "names")),
]
CONTRADICTIONS: list[Case] = [
    one({"name": "x"}, "state", "gitlab"),
    one({**AWS, **gitlab(SECRET)}, "aws, gitlab"),
    one(
        {"name": "x", "cloudflare": {"api_token": {}, "global_api_token": {}}},
        "cloudflare ",
        "global_api_token",
    ),
    one(aws() | {"name": None}, "name ", "connection_id"),
    one({**AWS, "connection_id": "42"}, "connection_id", "UUID"),
    one(aws(account_id="12345678901x"), "aws.assume_role.account_id", "twelve digits"),
    one(http(tokens=[{"name": "x-y", "value": SECRET}]), "http.token_auth.tokens[0].name"),
    one(http(tokens=[{"value": SECRET}]), "http.token_auth.tokens[0].name"),
    one(http(headers=[{"name": "Über", "value": "y"}]), "http.token_auth.headers[0].name"),
    one(http(headers=[{"name": "X"}]), "http.token_auth.headers[0].value"),
    one(http(url_parameters=[{"name": "a_b", "value": ""}]), "http.token_auth.url_parameters[0]"),
    one(
        http(headers=[{"name": "accept", "value": "a"}, {"name": "Accept", "value": "b"}]),
        "http.token_auth.headers[1].name",
        "http.token_auth.headers[0]",
    ),
    one(
        http(tokens=[{"name": "x", "value": SECRET}, {"name": "x", "value": SECRET}]),
        "http.token_auth.tokens[1].name",
        "http.token_auth.tokens[0]",
    ),
    one({"name": "x", "http": {"base_url": "example.com", "token_auth": {}}}, "http.base_url"),
    several([AWS, aws() | {"name": "y"}, AWS], "connections[2].name", "connections[0]"),
    several(
        [{**AWS, "connection_id": AN_ID}, {**AWS, "name": "y", "connection_id": AN_ID.upper()}],
        "connections[1].connection_id",
        "connections[0]",
    ),
    several([AWS, {"name": "y"}], "connections[1]", "gitlab"),
    several([AWS, aws() | {"name": None}], "connections[1].name", "connection_id"),
    several([AWS, {**AWS, **gitlab(SECRET), "name": "y"}], "connections[1]", "aws, gitlab"),
    several(
        [AWS, {"name": "y", "cloudflare": {"api_token": {}, "global_api_token": {}}}],
        "connections[1].cloudflare ",
        "global_api_token",
    ),
    several([AWS], "purge ", "registry", purge=True),
    several([AWS], "purge ", "state", purge=True, state="absent"),
    several([], "connections ", "allow_empty", purge=True, registry="/nowhere/registry.json"),
    several([AWS], "concurrency ", "1", "32", concurrency=33),
    ("team_connections", {"connections": [], "purge": True}, ("connections ", "allow_empty")),
    ("action_connection_info", {"connection_ids": [AN_ID, "42"]}, ("connection_ids[1]", "UUID")),
]
CASES = [*MASKED, *NOT_STRINGS, *BLANKS, *STRUCTURES, *MISSPELT, *CONTRADICTIONS]


@pytest.mark.parametrize("module, params, told", CASES)
def test_bad_input(datadog: Datadog, module: str, params: Params, told: tuple[str, ...]) -> None:
    # Not Datadog.run(), which leaves out what has no value.
    options = {"api_url": datadog.emulator.url, **datadog.KEYS, **params}
    result = Run(module, options).result()
    assert result["failed"] and not result.get("invocation")
    assert "Traceback" not in result["msg"]
    for text in told:
        assert text in result["msg"]
    problems = result["msg"].split("; ")
    assert len(set(problems)) == len(problems)
    # Nor anything else that is secret: what is wrong may be that a value is in the wrong place.
    for secret in (CANARY, *datadog.KEYS.values()):
        assert secret not in result["raw"] + result["logged"]
    assert datadog.emulator.requests() == []


def test_everything_that_is_wrong_is_told_at_once(datadog: Datadog) -> None:
    bad = {**aws(account_id="12", role=" R"), "name": "a\nb", "tags": ["a"], "connection_id": "42"}
    # What is wrong with values as they are written comes first.
    for params, paths in (
        (bad, ["aws.assume_role.role "]),
        ({**bad, **aws(account_id="12")}, ["aws.assume_role.account_id ", "tags[0] "]),
    ):
        params["name"] = "x"
        for check_mode in (True, False):
            result = datadog.connection(**params, check_mode=check_mode)
            assert result["failed"] and all(path in result["msg"] for path in paths)
    assert "connection_id " in result["msg"]
    assert datadog.requests() == []


def test_a_key_file_in_the_place_of_a_key(datadog: Datadog) -> None:
    """What GCP calls a key is a file with the key in it, whose other values are no secrets."""
    key_file = {"type": "service_account", "project_id": "p", "private_key": SECRET}
    email = "a@p.iam.gserviceaccount.com"
    task = {"service_account_email": email, "private_key": key_file}
    for result, path in (
        (datadog.connection(name="SA", gcp={"service_account": task}), ""),
        (datadog.connections({"name": "SA", "gcp": {"service_account": task}}), "connections[0]."),
    ):
        # Ansible would hide the words of the file everywhere: "service_account", "private_key", the module's name.
        assert f"{path}gcp.service_account.private_key must" in result["msg"]
        assert "from_json" in result["msg"] and "*" not in result["msg"]
    assert datadog.requests() == []


@pytest.mark.parametrize("token", ["service_account", "app_key", "datadog", "connections"])
def test_a_secret_that_is_part_of_a_name(datadog: Datadog, token: str) -> None:
    """Paths of options and the names of modules stay readable."""
    message = datadog.connection(**gitlab(token), gcp={"service_account": {}}, tags=["a"])["msg"]
    assert "gcp, gitlab" in message and "*" not in message
    datadog.emulator.settings(require_registration=True)
    message = datadog.connection(**gitlab(token))["msg"]
    assert "tidyops.datadog.app_key_registration" in message


PEM = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


def gcp(private_key: str) -> Params:
    credentials = {"private_key": private_key, "service_account_email": "a@example.com"}
    return {"name": "x", "gcp": {"service_account": credentials}}


def okta(domain: str) -> Params:
    return {"name": "x", "okta": {"api_token": {"api_token": SECRET, "domain": domain}}}


def servicenow(instance: str) -> Params:
    credentials = {"instance": instance, "username": "u", "password": SECRET}
    return {"name": "x", "servicenow": {"basic_auth": credentials}}


def datacenter(text: str) -> Params:
    credentials = {"api_key": SECRET, "app_key": SECRET, "datacenter": text}
    return {"name": "x", "datadog": {"api_key": credentials}}


@pytest.mark.parametrize(
    "likely, unlikely, path",
    [
        (aws(), aws(role="arn:aws:iam::123456789012:role/R"), "aws.assume_role.role"),
        (okta("acme.okta.com"), okta("https://acme.okta.com"), "okta.api_token.domain"),
        (
            servicenow("dev1"),
            servicenow("https://dev1.service-now.com"),
            "servicenow.basic_auth.instance",
        ),
        (
            servicenow("dev1"),
            servicenow("dev1.service-now.com"),
            "servicenow.basic_auth.instance",
        ),
        (datacenter("us1"), datacenter("datadoghq.eu"), "datadog.api_key.datacenter"),
        (gcp(PEM), gcp(PEM.replace("\n", "\\n")), "gcp.service_account.private_key"),
        (gcp(PEM), gcp(SECRET), "gcp.service_account.private_key"),
        (
            http(headers=[{"name": "X", "value": "{{ signature }}"}]),
            http(headers=[{"name": "X", "value": "{{ signatur }}"}]),
            "http.token_auth.headers.X",
        ),
        (
            http(body={"content": "{{signature}}"}),
            http(body={"content": "{{signatur}}"}),
            "http.token_auth.body.content",
        ),
    ],
)
def test_unlikely_input_gets_a_warning(datadog: Datadog, likely: Params, unlikely: Params, path: str) -> None:
    shared = {"update_secrets": "on_create"}
    assert datadog.connection(**likely, **shared, check_mode=True)["warnings"] == []
    # To create it, and where nothing changes.
    for operation in ("create", "none"):
        result = datadog.connection(**unlikely, **shared)
        assert result["operation"] == operation
        [warning] = result["warnings"]
        assert path in warning
    [warning] = datadog.connections(unlikely, **shared)["warnings"]
    assert f"connections[0]: {path}" in warning


def test_tokens_that_exist_need_not_be_in_the_task(datadog: Datadog) -> None:
    datadog.connection(**http())
    task = {"name": http()["name"], "update_secrets": "on_create"}
    for name, count in (("signature", 0), ("unknown", 1)):
        headers = [{"name": "X", "value": f"{{{{ {name} }}}}"}]
        result = datadog.connection(**task, http={"token_auth": {"headers": headers}})
        assert result["operation"] == "update" and len(result["warnings"]) == count
