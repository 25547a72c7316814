# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all modules share: options, credentials, and what Ansible shows of them."""

from __future__ import annotations

import json
import os
import re
import typing as t
from collections.abc import Mapping

from ansible.module_utils.ansible_release import __version__ as ANSIBLE_VERSION
from ansible.module_utils.basic import AnsibleFallbackNotFound, AnsibleModule, missing_required_lib

from ._client import REQUESTS_IMPORT_ERROR, SITES, Client, Json
from ._errors import FAILURES, OptionError, Problem, answer_of
from ._input import problems_of

#: To hide shorter texts would make results unreadable and keep nothing secret.
SHORTEST_SECRET = 4
RANGES = {"timeout": (0.001, 3600), "retries": (0, 20), "concurrency": (1, 32)}
#: Credentials are sent by HTTPS, or to loopback.
ADDRESS = re.compile(
    r"(https://([\w.-]+|\[[\da-f:]+\])|http://(localhost|\[::1\]|127(\.\d+){3}))(:\d{1,5})?(/[^\s?#\x00-\x1f\x7f]*)?",
    re.I,
)


def first_set(*variables: str) -> str:
    """The first environment variable that is not empty, as the fallback of an option."""
    for variable in variables:
        if os.environ.get(variable):
            return os.environ[variable]
    raise AnsibleFallbackNotFound


def _from_environment(*variables: str, **spec: t.Any) -> Json:
    return {"type": "str", **spec, "fallback": (first_set, list(variables))}


REGISTRY_OPTION = {"registry": _from_environment("DD_CONNECTION_REGISTRY", type="path")}
ARGUMENT_SPEC: Json = {
    "api_key": _from_environment("DD_API_KEY", "DATADOG_API_KEY", no_log=True),
    "app_key": _from_environment("DD_APP_KEY", "DATADOG_APP_KEY", no_log=True),
    "access_token": _from_environment("DD_ACCESS_TOKEN", "DD_BEARER_TOKEN", no_log=True),
    "site": {"type": "str", "choices": list(SITES)},
    "api_url": _from_environment("DD_HOST", "DATADOG_HOST"),
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "float", "default": 30},
    "retries": {"type": "int", "default": 5},
}


class DatadogModule(AnsibleModule):
    """An Ansible module with the shared options."""

    #: The options of the task, before Ansible converts them.
    given: Json
    params: Json
    no_log_values: set[str]
    _problems: t.Sequence[Problem] = ()

    def __init__(self, argument_spec: Json) -> None:
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
        # Ansible has this method so that modules can read their parameters themselves.
        super()._load_params()
        try:
            self._started_in = os.getcwd()
        except OSError:
            self._started_in = os.environ.get("PWD", "")
        self.given, self.params = self.params, {name: value for name, value in self.params.items() if value is not None}
        self._problems = list(problems_of(self.argument_spec, self.given))
        # Ansible's own log does not recognize a secret that has a line break or a quote in it.
        self.params["_ansible_no_log"] = True

    def exit_json(self, **kwargs: t.Any) -> None:
        hidden = {name for name, spec in self.argument_spec.items() if spec.get("no_log") or "options" in spec}
        shown = {name: value for name, value in self.params.items() if name not in hidden}
        self._reveal()
        super().exit_json(invocation={"module_args": shown}, **kwargs)

    def fail_json(self, msg: str, **kwargs: t.Any) -> None:
        if self._problems:
            msg = str(OptionError(*self._problems))
        self._reveal()
        # No options: a secret may stand under a wrong name, or in the wrong place.
        super().fail_json(msg=msg, invocation={}, **kwargs)

    def _reveal(self) -> None:
        """Keep Ansible from masking short texts and names of options. What Datadog says is masked already."""

        def names_in(spec: Json) -> Json:
            return {name: names_in(option.get("options", {})) for name, option in spec.items()}

        names = f"{self._name} {names_in(self.argument_spec)}"
        self.no_log_values = {each for each in self.no_log_values if len(each) >= SHORTEST_SECRET and each not in names}

    def client(self) -> Client:
        """:raises OptionError: for bad input."""
        params, given = self.params, {name for name, value in self.given.items() if value is not None}
        # Options of the task take precedence over all variables, then a token over keys, and an address over a site.
        if "access_token" not in given and ("api_key" in given or "app_key" in given):
            params["access_token"] = None
        if "site" in given:
            params["api_url"] = None
        # Not by a fallback: where an address is used instead, the variable may hold anything.
        params["site"] = params["site"] or os.environ.get("DD_SITE") or SITES[0]
        problems = list(self._connection_problems(given))
        if problems:
            raise OptionError(*problems)
        if params["access_token"] is None:
            credentials = {"DD-API-KEY": params["api_key"], "DD-APPLICATION-KEY": params["app_key"]}
        else:
            credentials = {"Authorization": f"Bearer {params['access_token']}"}
        return Client(
            (params["api_url"] or f"https://api.{params['site']}").rstrip("/"),
            credentials,
            verify=params["validate_certs"] and (params["ca_path"] or True),
            timeout=params["timeout"],
            retries=params["retries"],
            connections=params.get("concurrency", 1),
            hide=self._without_secrets,
            user_agent=f"ansible-collection-tidyops.datadog (ansible-core {ANSIBLE_VERSION})",
        )

    def _connection_problems(self, given: set[str]) -> t.Iterator[Problem]:
        params = self.params

        def source(option: str) -> str:
            variables = self.argument_spec[option]["fallback"][1]
            return option if option in given else f"The environment variable {next(filter(os.environ.get, variables))}"

        for one, other in (("api_key", "access_token"), ("app_key", "access_token"), ("site", "api_url")):
            if one in given and other in given:
                yield f"{one} and {other}", "are mutually exclusive"
        for option in ("api_key", "app_key") if params["access_token"] is None else ("access_token",):
            value = params[option]
            if value is None:
                names = " or ".join(self.argument_spec[option]["fallback"][1])
                yield option, f"is required (or the environment variable {names}), or access_token"
            elif not re.fullmatch(r"[\x21-\x7e]+", value):
                yield source(option), "must not be empty, or contain spaces, line breaks or non-ASCII characters"
        url = params["api_url"]
        if url is None:
            for _path, problem in problems_of({"site": ARGUMENT_SPEC["site"]}, {"site": params["site"]}):
                yield "The environment variable DD_SITE", problem
        elif not ADDRESS.fullmatch(url):
            problem = "must be of the form https://host[:port][/path], without a user or a query; http:// is for loopback only"
            yield source("api_url"), problem
        else:
            # Every request would be answered as if nothing existed.
            for match in re.finditer(r"/api(/v[12](/.*)?)?/*$", url):
                right = url[: match.start()]
                yield source("api_url"), f"must not end in {match[0]}; the modules add the path of the API. Use {right}"
        for option, (lowest, highest) in RANGES.items():
            if option in params and not lowest <= params[option] <= highest:
                yield option, f"must be from {lowest} to {highest}"
        if params["ca_path"] is not None and not os.path.exists(params["ca_path"]):
            yield "ca_path", "must be an existing file or folder of CA certificates"

    def _without_secrets(self, text: str) -> str:
        forms: set[str] = set()
        # Values of headers are no options with no_log, but may well be secret.
        for secret in self.no_log_values.union(_values_in(self.params)):
            lines = [line for line in (secret.strip(), *secret.splitlines()) if len(line) >= SHORTEST_SECRET]
            for each in (secret, *lines):
                # As it is, as Python writes it, and as JSON in ASCII or not, also where that is for HTML.
                written = [json.dumps(each)[1:-1], json.dumps(each, ensure_ascii=False)[1:-1]]
                html = [re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", text) for text in written]
                forms.update((each, repr(each)[1:-1], *written, *html))
        for form in sorted(filter(None, forms), key=len, reverse=True):
            text = text.replace(form, "*" * 8)
        return text


def run_module(argument_spec: Json, work: t.Callable[[Client, DatadogModule], Json]) -> None:
    """The whole of a module. :param work: returns the result, with C(msg) if it failed, and maybe C(warnings)."""
    module = DatadogModule(argument_spec)
    try:
        client = module.client()
        result = {"changed": False, **work(client, module)}
    except FAILURES as exc:
        module.fail_json(msg=str(exc), **answer_of(exc))
    else:
        for warning in [*client.notes, *result.pop("warnings", [])]:
            module.warn(warning)
        (module.fail_json if "msg" in result else module.exit_json)(**result)


def _values_in(params: t.Any) -> t.Iterator[str]:
    """Each C(value), like that of a header, and the parts of it after one like C(Bearer)."""
    if isinstance(params, Mapping):
        value = params.get("value") or ""
        yield from (part for part in (value, *value.split()[1:]) if len(part) >= SHORTEST_SECRET)
        params = list(params.values())
    for each in params if isinstance(params, list) else ():
        yield from _values_in(each)
