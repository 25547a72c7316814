# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all modules share: options, credentials, check mode, and what Ansible shows of them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import typing as t
from collections.abc import Mapping
from urllib.parse import urlsplit

from ansible.module_utils.ansible_release import __version__ as ANSIBLE_VERSION
from ansible.module_utils.basic import AnsibleFallbackNotFound, AnsibleModule, missing_required_lib

from ._client import REQUESTS_IMPORT_ERROR, SITES, Client, Json
from ._errors import FAILURES, OptionError, Problem, answer_of
from ._input import problems_of

#: Hiding shorter texts than this would make results unreadable and keep nothing secret.
SHORTEST_SECRET = 4
#: The environment variables of an option; the first one that is not empty counts.
ENVIRONMENT: dict[str, list[str]] = {
    "api_key": ["DD_API_KEY", "DATADOG_API_KEY"],
    "app_key": ["DD_APP_KEY", "DATADOG_APP_KEY"],
    "access_token": ["DD_ACCESS_TOKEN", "DD_BEARER_TOKEN"],
    "site": ["DD_SITE"],
    "api_url": ["DD_HOST", "DATADOG_HOST"],
    "registry": ["DD_CONNECTION_REGISTRY"],
}
CREDENTIALS = ("api_key", "app_key", "access_token")
EXCLUSIVE = (("api_key", "access_token"), ("app_key", "access_token"), ("site", "api_url"))
RANGES = {"timeout": (0.001, 3600, " seconds"), "retries": (0, 20, ""), "concurrency": (1, 32, "")}


def first_set(*variables: str) -> str:
    """The first of several environment variables that is not empty, as the fallback of an option."""
    for variable in variables:
        if os.environ.get(variable):
            return os.environ[variable]
    raise AnsibleFallbackNotFound


def _from_environment(option: str, **spec: t.Any) -> Json:
    return {option: {"type": "str", **spec, "fallback": (first_set, ENVIRONMENT[option])}}


REGISTRY_OPTION = _from_environment("registry", type="path")
ARGUMENT_SPEC: Json = {
    **_from_environment("api_key", no_log=True),
    **_from_environment("app_key", no_log=True),
    **_from_environment("access_token", no_log=True),
    "site": {"type": "str", "choices": list(SITES)},
    **_from_environment("api_url"),
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "float", "default": 30},
    "retries": {"type": "int", "default": 5},
}


class DatadogModule(AnsibleModule):
    """An Ansible module with the collection's shared options.

    :ivar given: the options of the task, as they were before Ansible converted them; no environment variables.
    """

    params: Json
    no_log_values: set[str]

    def __init__(self, argument_spec: Json) -> None:
        self.given: Json = {}
        self._problems: list[Problem] = []
        self._started_in = ""
        super().__init__({**ARGUMENT_SPEC, **argument_spec}, supports_check_mode=True)
        if REQUESTS_IMPORT_ERROR:
            self.fail_json(msg=missing_required_lib("requests"), exception=REQUESTS_IMPORT_ERROR)
        if self._problems:
            self.fail_json(msg="")
        for option in ("registry", "src", "dest"):
            path = self.params.get(option)
            if path and not path.strip().lower().startswith("datastore:"):
                # Ansible may have left the directory, if it cannot be read.
                self.params[option] = os.path.join(self._started_in, path)

    def _load_params(self) -> None:
        # Ansible keeps this method so that modules can read their parameters themselves.
        super()._load_params()
        self._started_in = os.environ.get("PWD", "")
        with contextlib.suppress(OSError):
            self._started_in = os.getcwd()
        # An empty key was left out: then an environment variable counts.
        self.given = {
            name: value
            for name, value in self.params.items()
            if not name.startswith("_ansible_") and (value is not None or name not in ENVIRONMENT)
        }
        self.params = {name: value for name, value in self.params.items() if value is not None}
        self._problems = list(problems_of(self.argument_spec, self.given))
        # Ansible's own log does not recognize a secret that has a line break or a quote in it.
        self.params["_ansible_no_log"] = True

    def exit_json(self, **kwargs: t.Any) -> None:
        shown = {
            name: value
            for name, value in self.params.items()
            if not (self.argument_spec[name].get("no_log") or "options" in self.argument_spec[name])
            and not isinstance(value, Mapping)
        }
        self._reveal()
        super().exit_json(invocation={"module_args": shown}, **kwargs)

    def fail_json(self, msg: str, **kwargs: t.Any) -> None:
        """:param msg: ignored if the options of the task are wrong; then that is the message."""
        if self._problems:
            msg = str(OptionError(*self._problems))
        self._reveal()
        # What a task gives is not returned: a secret may stand under a wrong name, or in the wrong place.
        super().fail_json(msg=msg, invocation={}, **kwargs)

    def _reveal(self) -> None:
        """Keep Ansible from masking short texts and names of options in results. What Datadog says was masked before."""

        def names_of(spec: Json) -> Json:
            return {name: names_of(option.get("options", {})) for name, option in spec.items()}

        names = json.dumps(names_of(self.argument_spec)) + str(self._name)
        self.no_log_values = {each for each in self.no_log_values if len(each) >= SHORTEST_SECRET and each not in names}

    def fail(self, error: Exception) -> None:
        """Fail with one of the errors of this collection."""
        self._problems = list(error.problems) if isinstance(error, OptionError) else []
        self.fail_json(msg=str(error), **answer_of(error))

    def client(self) -> Client:
        """:raises OptionError: for bad input."""
        params = self._effective()
        problems = list(self._connection_problems(params))
        base_url = f"https://api.{params['site']}"
        if params["api_url"] is not None:
            try:
                base_url = _checked_url(params["api_url"])
            except ValueError as exc:
                problems.append((self._source("api_url"), str(exc)))
        if problems:
            raise OptionError(*problems)
        credentials = {"DD-API-KEY": params["api_key"], "DD-APPLICATION-KEY": params["app_key"]}
        if params["access_token"] is not None:
            credentials = {"Authorization": f"Bearer {params['access_token']}"}
        return Client(
            base_url,
            credentials,
            verify=self.params["validate_certs"] and (self.params["ca_path"] or True),
            timeout=self.params["timeout"],
            retries=self.params["retries"],
            connections=self.params.get("concurrency", 1),
            hide=self._without_secrets,
            user_agent=f"ansible-collection-tidyops.datadog (ansible-core {ANSIBLE_VERSION})",
        )

    def _effective(self) -> Json:
        """Let options of the task take precedence over all variables, then a token over keys, and an address over a site."""
        params = {name: self.params[name] for name in (*CREDENTIALS, "site", "api_url")}
        if "access_token" not in self.given and ("api_key" in self.given or "app_key" in self.given):
            params["access_token"] = None
        if params["access_token"] is not None:
            params.update(api_key=None, app_key=None)
        if "site" in self.given:
            params["api_url"] = None
        # Not by a fallback: where an address is used instead, the variable may hold anything.
        params["site"] = params["site"] or os.environ.get("DD_SITE") or SITES[0]
        return params

    def _source(self, option: str) -> str:
        """Where a value came from: the option, or an environment variable."""
        if option in self.given:
            return option
        variable = next((name for name in ENVIRONMENT[option] if os.environ.get(name)), option)
        return f"The environment variable {variable}"

    def _connection_problems(self, params: Json) -> t.Iterator[Problem]:
        for one, other in EXCLUSIVE:
            if one in self.given and other in self.given:
                yield f"{one} and {other}", "are mutually exclusive"
        for option in CREDENTIALS:
            value = params[option]
            if value is None and option != "access_token" and params["access_token"] is None:
                names = " or ".join(ENVIRONMENT[option])
                yield option, f"is required (or the environment variable {names}), or access_token"
            elif value == "":
                yield self._source(option), "must not be empty"
            elif value is not None and not re.fullmatch(r"[\x21-\x7e]+", value):
                yield self._source(option), "must not contain spaces, line breaks or non-ASCII characters"
        if params["api_url"] is None:
            for _path, problem in problems_of({"site": ARGUMENT_SPEC["site"]}, {"site": params["site"]}):
                yield self._source("site"), problem
        for option, (lowest, highest, unit) in RANGES.items():
            if option in self.params and not lowest <= self.params[option] <= highest:
                yield option, f"must be from {lowest:g} to {highest:g}{unit}"
        ca_path = self.params["ca_path"]
        if ca_path is not None and not os.path.exists(ca_path):
            yield "ca_path", "must be an existing file or folder of CA certificates"

    def _without_secrets(self, text: str) -> str:
        # Values of headers are no options with no_log, but may well be secret.
        secrets = self.no_log_values | set(_values_beside_names(self.params))
        forms = {form for secret in secrets for form in _written_forms(secret) if form}
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, "*" * 8)
        return text


def run_info(argument_spec: Json, read: t.Callable[[Client, DatadogModule], Json]) -> None:
    """The whole of a module that only reads. :param read: returns the result, with C(warnings) in it."""
    module = DatadogModule(argument_spec)
    try:
        client = module.client()
        result = read(client, module)
    except FAILURES as exc:
        module.fail(exc)
        return
    for warning in [*client.notes, *result.pop("warnings", [])]:
        module.warn(warning)
    module.exit_json(changed=False, **result)


def _checked_url(url: str) -> str:
    """Check where credentials are about to be sent. :raises ValueError: what would be right."""
    form = "must be an address of the form https://host[:port][/path]"
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        # Its words may quote a password.
        raise ValueError(form) from None
    if parts.scheme not in ("https", "http") or not host or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise ValueError(form)
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must not contain user names, passwords, a query or a fragment")
    if parts.scheme == "http" and not re.fullmatch(r"localhost|::1|127(\.\d+){3}", host):
        raise ValueError("must begin with https://, since credentials are sent there; http:// is for loopback only")
    checked = url.rstrip("/")
    match = re.search(r"/api(/v[12](/.*)?)?$", checked)
    if match:
        # Every request would be answered as if nothing existed.
        right = checked[: match.start()]
        raise ValueError(f"must not end in {match[0]}; the modules add the path of the API. Use {right}")
    return checked


def _values_beside_names(params: t.Any) -> t.Iterator[str]:
    """The C(value) of everything that has a C(name), like a header."""
    if isinstance(params, Mapping):
        if "name" in params and isinstance(params.get("value"), str):
            value = params["value"]
            yield from (part for part in (value, *value.split()[1:]) if len(part) >= SHORTEST_SECRET)
        params = list(params.values())
    for value in params if isinstance(params, list) else ():
        yield from _values_beside_names(value)


def _written_forms(secret: str) -> t.Iterator[str]:
    """A secret as it is, as Python and JSON write it, and each of its lines."""
    yield from (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1])
    yield from (line for line in secret.splitlines() if len(line) >= SHORTEST_SECRET)
