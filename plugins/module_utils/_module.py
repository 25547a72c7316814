# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What all modules share: the options to reach Datadog, the way through, and what is said when it fails."""

from __future__ import annotations

import json
import os
import re
import time
import typing as t
from collections.abc import Mapping

from ansible.module_utils import basic
from ansible.module_utils.ansible_release import __version__ as ANSIBLE_VERSION
from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import NoLogError, UnsupportedError

from ansible_collections.tidyops.datadog.plugins.module_utils._client import (
    REQUESTS_IMPORT_ERROR,
    SITES,
    Authentication,
    Client,
    DatadogError,
    check_address,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._plan import (
    OptionError,
    Refusal,
    Resources,
    converge,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._report import (
    answered,
    counted,
    explained,
    of_one,
    of_set,
    warnings_of,
)
from ansible_collections.tidyops.datadog.plugins.module_utils._secrets import (
    is_literal_credential,
    literal_parts,
    looks_like_key,
)

DEFAULT_SITE = "datadoghq.com"
#: What stands in a failed task's invocation for a secret, or for the value of an option that does not exist.
HIDDEN = "VALUE_HIDDEN"
#: Hiding shorter texts than this would make messages unreadable and keep nothing secret.
SHORTEST_SECRET = 4

#: What Ansible makes of a text in a result that is, or holds, a secret of the task.
MASKED = r"\*{8}|VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

#: The environment variables of an option, the first one set wins. Ansible's own env_fallback will not do: it cannot
#: tell an option of the task from a variable, but an option of the task has to beat every variable.
ENVIRONMENT: dict[str, tuple[str, ...]] = {
    "api_key": ("DD_API_KEY", "DATADOG_API_KEY"),
    "app_key": ("DD_APP_KEY", "DATADOG_APP_KEY"),
    "access_token": ("DD_ACCESS_TOKEN", "DD_BEARER_TOKEN"),
    "site": ("DD_SITE",),
    "api_url": ("DD_HOST", "DATADOG_HOST"),
    "registry": ("DD_CONNECTION_REGISTRY",),
}

#: The options that name a registry.
REGISTRIES = ("registry", "src", "dest")
EXCLUSIVE = (("api_key", "access_token"), ("app_key", "access_token"), ("site", "api_url"))
ARGUMENT_SPEC: dict[str, t.Any] = {
    "api_key": {"type": "str", "no_log": True},
    "app_key": {"type": "str", "no_log": True},
    "access_token": {"type": "str", "no_log": True},
    "site": {"type": "str", "choices": list(SITES)},
    "api_url": {"type": "str"},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "float", "default": 30},
    "retries": {"type": "int", "default": 5},
}


class DatadogModule(AnsibleModule):
    """An Ansible module with the collection's shared options, and check mode.

    :param argument_spec: the module's own options.
    """

    def __init__(self, argument_spec: dict[str, t.Any]) -> None:
        started_in = _current_directory()
        super().__init__(
            argument_spec={**ARGUMENT_SPEC, **argument_spec},
            supports_check_mode=True,
        )
        if REQUESTS_IMPORT_ERROR:
            self.fail_json(msg=missing_required_lib("requests"), exception=REQUESTS_IMPORT_ERROR)
        problems = list(_misunderstood(self.argument_spec, _given_params()))
        if problems:
            self.fail_json(msg=str(OptionError(*problems)))
        if "registry" in argument_spec and self.params["registry"] is None:
            _variable, path = _from_environment("registry", os.environ)
            self.params["registry"] = path and os.path.expanduser(os.path.expandvars(path))
        for option in REGISTRIES:
            if _is_relative(self.params.get(option)) and _current_directory() != started_in:
                # Ansible goes elsewhere then, maybe to a temporary directory.
                problem = "must be an absolute path, since the directory that the task runs in cannot be read"
                self.fail_json(msg=str(OptionError((option, problem))))

    def _log_invocation(self) -> None:
        # Ansible's own logs nested options as Python writes them, where it does not recognise a secret that has a line
        # break or a quote in it, and breaks off at a text that cannot be encoded.
        shown, _hidden = _shown(self.argument_spec, _given_params())
        self.log(f"Invoked with {json.dumps(shown, default=str)}")

    def _hide(self, secrets: t.Iterable[str]) -> None:
        """Keep texts out of everything that is returned or logged, however they are written."""
        for secret in secrets:
            self.no_log_values.update(_written_forms(secret))

    def _let_short_texts_be(self) -> None:
        """Hide them no longer: a result holds no secret, and an id with asterisks in it is of no use to the next task.

        They have been hidden in what Datadog says.
        """
        short = [text for text in self.no_log_values if len(text) < SHORTEST_SECRET]
        self.no_log_values.difference_update(short)

    def exit_json(self, **kwargs: t.Any) -> None:
        # Ansible's own would show what is secret without its options being so: a credential in a header.
        shown, _hidden = _shown(self.argument_spec, self.params)
        self._let_short_texts_be()
        super().exit_json(invocation={"module_args": shown}, **kwargs)

    def fail_json(self, msg: str, **kwargs: t.Any) -> None:
        # Ansible returns the invocation with every failure. It hides what it knows to be secret in it, which is not
        # enough: a secret may stand under a misspelt name or have the wrong type, and where the type is wrong, Ansible
        # gives up looking for the others.
        shown, hidden = _shown(self.argument_spec, _given_params())
        self._hide(text for text in hidden if len(text) >= SHORTEST_SECRET)
        self._let_short_texts_be()
        told = "; ".join(dict.fromkeys([*self._located_errors(), msg, *self._further_errors()]))
        super().fail_json(
            msg=_without(told, self.no_log_values),
            invocation={"module_args": shown},
            **kwargs,
        )

    def _further_errors(self) -> t.Iterator[str]:
        """What else is wrong with the parameters: Ansible stops at the first error that it finds.

        The one that helps may be among the others: of a misspelt option, Ansible first says that the right one is
        missing.
        """
        validation = getattr(self, "validation_result", None)
        if not validation or not validation.error_messages:
            return
        for error in validation.errors[1:]:
            yield _worded(error)
        for path, problem in _misunderstood(self.argument_spec, _given_params()):
            yield f"{path} {problem}"

    def _located_errors(self) -> t.Iterator[str]:
        """What is wrong with the entries of a list of options: Ansible does not say in which one it is."""
        validation = getattr(self, "validation_result", None)
        given = _given_params()
        for name, option in self.argument_spec.items():
            entries = given.get(name)
            is_invalid = validation and validation.error_messages
            has_options = option.get("elements") and option.get("options")
            if not is_invalid or not has_options or not isinstance(entries, list):
                continue
            for index, entry in enumerate(entries):
                if not isinstance(entry, Mapping):
                    yield f"{name}[{index}] must be a dictionary"
                    continue
                for error in ArgumentSpecValidator(option["options"]).validate(entry).errors:
                    if not isinstance(error, NoLogError):
                        yield f"{name}[{index}]: {_worded(error)}"

    def client(self) -> Client:
        """:raises OptionError: for bad input."""
        options = Access.of(self.params, os.environ)
        # Those of the environment are not known to Ansible yet.
        self._hide(secret for secret in options.secrets if secret)
        # Hidden in what Datadog says only: in a result, a header's value may be a part of something ordinary.
        _shown_params, hidden = _shown(self.argument_spec, self.params)
        written = {
            form for text in hidden for form in _written_forms(text) if len(form) >= SHORTEST_SECRET
        }
        return Client(
            options.base_url,
            options.authentication(),
            verify=options.verify,
            timeout=self.params["timeout"],
            retries=self.params["retries"],
            connections=self.params.get("concurrency", 1),
            hide=lambda text: _without(text, self.no_log_values | written),
            user_agent=f"ansible-collection-tidyops.datadog (ansible-core {ANSIBLE_VERSION})",
        )


class Access(t.NamedTuple):
    """Where Datadog is and how to log in. Of keys and token, what is not used is empty."""

    base_url: str
    api_key: str
    app_key: str
    access_token: str
    verify: bool | str

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.api_key, self.app_key, self.access_token

    def authentication(self) -> Authentication:
        if self.access_token:
            return Authentication.with_access_token(self.access_token)
        return Authentication.with_keys(self.api_key, self.app_key)

    @classmethod
    def of(cls, params: Mapping[str, t.Any], environ: Mapping[str, str]) -> Access:
        """Settle options against environment variables.

        An option beats all variables: a key in the task beats an access token of the environment, and a site in
        the task beats an address of the environment. Of the variables, an access token beats keys, since it is
        sent alone, and an address beats a site.

        :raises OptionError: for all that is wrong.
        """
        # Not left to Ansible, which takes an option without a value for given.
        problems = [
            (f"{one} and {other}", "are mutually exclusive")
            for one, other in EXCLUSIVE
            if params[one] is not None and params[other] is not None
        ]
        where: dict[str, str] = {}
        values: dict[str, str | None] = {}
        for option in ("api_key", "app_key", "access_token", "site", "api_url"):
            where[option], values[option] = option, params[option]
            if values[option] is None:
                variable, value = _from_environment(option, environ)
                if value:
                    where[option] = f"The environment variable {variable}"
                    values[option] = value
        if params["access_token"] is not None:
            values["api_key"] = values["app_key"] = None
        elif params["api_key"] is not None or params["app_key"] is not None:
            values["access_token"] = None
        elif values["access_token"]:
            values["api_key"] = values["app_key"] = None
        if params["site"] is not None:
            values["api_url"] = None

        if values["access_token"] is None:
            for option in ("api_key", "app_key"):
                if values[option] is None:
                    names = " or ".join(ENVIRONMENT[option])
                    problems.append(
                        (
                            option,
                            f"is required (or the environment variable {names}), or else access_token",
                        )
                    )
        for option in ("api_key", "app_key", "access_token"):
            value = values[option]
            if value == "":
                problems.append((where[option], "must not be empty"))
            elif value is not None and not re.fullmatch(r"[\x21-\x7e]+", value):
                problems.append(
                    (
                        where[option],
                        "must not contain spaces, line breaks or characters other than ASCII's",
                    )
                )

        base_url = ""
        if values["api_url"] is not None:
            try:
                base_url = check_address(values["api_url"])
            except ValueError as exc:
                problems.append((where["api_url"], str(exc)))
        else:
            site = values["site"] or DEFAULT_SITE
            if site not in SITES:
                problems.append((where["site"], f"must be one of {', '.join(SITES)}"))
            base_url = f"https://api.{site}"

        if not 0 < params["timeout"] <= 3600:
            problems.append(("timeout", "must be more than 0 and at most 3600 seconds"))
        if not 0 <= params["retries"] <= 20:
            problems.append(("retries", "must be from 0 to 20"))
        if not 1 <= params.get("concurrency", 1) <= 32:
            problems.append(("concurrency", "must be from 1 to 32"))
        verify: bool | str = params["validate_certs"]
        if params["ca_path"] is not None:
            if not os.path.exists(params["ca_path"]):
                problems.append(
                    ("ca_path", "must be an existing file or folder of CA certificates")
                )
            verify = verify and params["ca_path"]
        if problems:
            raise OptionError(*problems)
        return cls(
            base_url,
            values["api_key"] or "",
            values["app_key"] or "",
            values["access_token"] or "",
            verify,
        )


def run(
    argument_spec: dict[str, t.Any],
    resources: t.Callable[[Client, dict[str, t.Any]], Resources],
) -> None:
    """The whole of a module: params, desired, observe, plan, apply, result.

    :param resources: makes what is to be kept of the client and the module's parameters, or raises OptionError.
    """
    started = time.monotonic()
    module = DatadogModule(argument_spec)
    hint = ""
    try:
        client = module.client()
        kept = resources(client, module.params)
        hint = kept.forbidden_hint
        steps = converge(kept, module.check_mode, client.retries)
    except (DatadogError, OptionError, Refusal) as exc:
        module.fail_json(msg=explained(exc, hint), **answered(exc))
        return
    if "connections" not in argument_spec:
        result = of_one(steps[0], kept.forbidden_hint)
    else:
        result = of_set(steps, kept.forbidden_hint)
        if module._verbosity:
            result.update(counts=counted(steps), seconds=round(time.monotonic() - started, 2))
    for warning in warnings_of(steps):
        module.warn(warning)
    if "msg" in result:
        module.fail_json(**result)
    module.exit_json(**result)


def inform(
    argument_spec: dict[str, t.Any],
    read: t.Callable[[Client, dict[str, t.Any]], dict[str, t.Any]],
    forbidden_hint: str,
) -> None:
    """The whole of a module that only reads.

    :param read: makes the result, and C(warnings) in it, of the client and the module's parameters.
    """
    module = DatadogModule(argument_spec)
    try:
        result = read(module.client(), module.params)
    except (DatadogError, OptionError, Refusal) as exc:
        module.fail_json(msg=explained(exc, forbidden_hint), **answered(exc))
        return
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(changed=False, **result)


def _worded(error: t.Any) -> str:
    """One of the errors of Ansible's validation."""
    return f"{'unsupported parameters: ' if isinstance(error, UnsupportedError) else ''}{error.msg}"


def _from_environment(option: str, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """:returns: the first environment variable of an option that is not empty, and its value; else None as value."""
    variables = ENVIRONMENT[option]
    variable = next((name for name in variables if environ.get(name)), variables[0])
    return variable, environ.get(variable) or None


def _is_relative(registry: str | None) -> bool:
    """Whether a registry is in a file that is looked for where the module runs."""
    if not registry or registry.startswith("datastore:"):
        return False
    return not os.path.isabs(registry)


def _current_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def _given_params() -> dict[str, t.Any]:
    """What the task says, as it is before Ansible makes texts of everything."""
    return dict(basic._load_params())


def _shown(spec: Mapping[str, t.Any], params: t.Any) -> tuple[t.Any, list[str]]:
    """What may be shown of parameters that need not be valid.

    :returns: a copy with HIDDEN in the place of secrets and of what the argument spec does not declare, and the texts
        that stood there.
    """
    if not isinstance(params, Mapping):
        # Ansible takes a text for key=value pairs, and names the keys in its error: of a secret that ends in =, all.
        texts = list(_texts(params))
        pieces = [piece for text in texts for piece in re.split(r"[\s,=]+", text)]
        return HIDDEN, texts + [piece for piece in pieces if piece not in spec]
    shown: dict[str, t.Any] = {}
    hidden: list[str] = []
    for name, value in params.items():
        option = spec.get(name)
        if str(name).startswith("_ansible_"):
            # Not the user's: Ansible passes them to every module.
            continue
        if value is None:
            shown[name] = None
        elif (
            option is None
            or option.get("no_log")
            or _is_misplaced(option, value)
            or _is_key(name, value)
        ):
            shown[name] = HIDDEN
            hidden += _texts(value)
        elif option.get("options") is None:
            # An address may hold a password; it is refused, but must not be shown either.
            shown[name] = (
                re.sub(r"//.*@.*", f"//{HIDDEN}", str(value), flags=re.DOTALL)
                if option.get("type") == "str"
                else value
            )
        else:
            is_list = isinstance(value, list) and option["type"] == "list"
            parts = [_shown(option["options"], entry) for entry in (value if is_list else [value])]
            entries = [entry for entry, _texts_of_entry in parts]
            shown[name] = entries if is_list else entries[0]
            for _entry, texts in parts:
                hidden += texts
    if {"name", "value"} <= set(spec):
        name, value = params.get("name"), params.get("value")
        # What Datadog allows as the name of a token, or else of a header.
        allowed = r"[A-Za-z][A-Za-z\d]*" if spec["value"].get("no_log") else r"[A-Za-z][\w-]*"
        if not isinstance(name, str) or not re.fullmatch(allowed, name, re.ASCII):
            # Nothing tells what the value is, nor whether it is the name.
            given = [each for each in ("name", "value") if params.get(each) is not None]
            shown.update(dict.fromkeys(given, HIDDEN))
            hidden += _texts([name, value])
        elif value is not None and is_literal_credential(name, str(value)):
            shown["value"] = HIDDEN
            hidden += literal_parts(str(value))
    return shown, hidden


def _is_key(name: str, value: t.Any) -> bool:
    """Whether an application key stands where its id should be. It is refused, but must not be shown either."""
    return name.startswith("app_key_id") and any(map(looks_like_key, _texts(value)))


def _is_misplaced(option: Mapping[str, t.Any], value: t.Any) -> bool:
    """Whether a structure stands where a text, a number or a flag should be."""
    return option["type"] not in ("dict", "list") and isinstance(value, (Mapping, list))


def _is_no_text(value: t.Any, exactly: bool) -> bool:
    """Whether the text that was meant is lost. An integer may have had leading zeros."""
    return isinstance(value, (bool, float)) or (exactly and isinstance(value, int))


def _unusable(name: str, value: t.Any, path: str) -> t.Iterator[tuple[str, str]]:
    """What is a text, but not one that can be meant."""
    if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
        # Datadog would make another text of it.
        yield path, "must not contain surrogates (halves of characters), which are no text in UTF-8"
    elif name == "name" and isinstance(value, str) and re.search(MASKED, value):
        problem = "holds what Ansible shows in the place of a secret. Give the name itself, not that of a result"
        yield path, problem


def _misunderstood(
    spec: Mapping[str, t.Any], params: t.Any, inside: str = ""
) -> t.Iterator[tuple[str, str]]:
    """What Ansible accepts and makes something else of, as pairs of a path and a problem.

    It takes a structure, and what YAML makes of C(yes) or C(1.10), for the text that Python writes for it, and an empty
    key for one with a value.
    """
    for name, value in params.items() if isinstance(params, Mapping) else ():
        option = spec.get(name)
        path = f"{inside}{name}"
        if option is None:
            continue
        if value is None and option.get("required"):
            yield path, "is required"
        elif _is_misplaced(option, value):
            kind = "list" if isinstance(value, list) else "dictionary"
            yield path, f"must be a single value, not a {kind}"
        elif option["type"] == "str" and _is_no_text(value, exactly=option.get("no_log", False)):
            yield path, "must be a text; quote it, since YAML takes it for something else"
        elif option["type"] in ("str", "path"):
            yield from _unusable(name, value, path)
        elif option.get("elements") == "str" and isinstance(value, list):
            for index, entry in enumerate(value):
                yield from _unusable(name, entry, f"{path}[{index}]")
        elif option.get("options") is not None and isinstance(value, list):
            for index, entry in enumerate(value):
                yield from _misunderstood(option["options"], entry, f"{path}[{index}].")
        elif option.get("options") is not None:
            yield from _misunderstood(option["options"], value, f"{path}.")


def _without(text: str, secrets: t.Iterable[str]) -> str:
    """A text with asterisks in the place of secrets.

    Ansible's own remove_values() will not do: before ansible-core 2.19 it may replace a secret that another one begins with,
    and leave the rest of that.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "*" * 8)
    return text


def _written_forms(secret: str) -> t.Iterator[str]:
    """A secret as it is, as Python and JSON write it, and each of its lines."""
    yield secret
    yield repr(secret)[1:-1]
    yield json.dumps(secret)[1:-1]
    for line in secret.splitlines():
        if len(line) >= SHORTEST_SECRET:
            yield line


def _texts(value: t.Any) -> t.Iterator[str]:
    """Every text in a structure, numbers included."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
