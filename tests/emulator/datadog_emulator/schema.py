# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

r"""JSON Schemas of the request bodies, and what they refuse, without ever quoting a value.

The messages are the emulator's own: the values under complaint may be secrets, and the messages
of the ``jsonschema`` library quote them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from .catalogue import BY_TYPES, CATALOGUE, INTEGRATIONS, Credentials

TEXT = {"type": "string", "minLength": 1}
ACCOUNT_ID = r"^\d{12}$"
WORD_NAME = r"^[A-Za-z][A-Za-z\d]*$"
HEADER_NAME = r"^[A-Za-z][A-Za-z\d\-_]*$"


@dataclass(frozen=True)
class Violation:
    """One thing wrong with a body: where, what, and whether it is a value that fails a pattern."""

    pointer: str
    problem: str
    pattern: bool = False


def closed_object(required: tuple[str, ...], properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has these properties and no others."""
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    }


def matching(pattern: str) -> dict[str, Any]:
    r"""Return the schema of a string for a pattern in Datadog's notation.

    Datadog matches with Go: ``\d`` is ASCII only and ``$`` does not match before a line feed.
    """
    python = pattern.replace(r"\d", "0-9" if "[" in pattern else "[0-9]")
    return {"type": "string", "pattern": python[:-1] + r"\Z", "x-pattern": pattern}


def _named(pattern: str, required: tuple[str, ...], **more: Any) -> dict[str, Any]:
    item = closed_object(("name",) + required, {"name": matching(pattern), **more})
    return {"type": "array", "items": item}


# As the documentation has it: one colon, and "default" for neither half.
_TAG = {
    **matching(r"^[A-Za-z][A-Za-z\d_/-]*:[A-Za-z\d_/-]+$"),
    "maxLength": 200,
    "not": {"pattern": r"^default:|:default\Z"},
}
_ANY_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_SECRET_TYPE = {"enum": ["SECRET"]}
_BODY = closed_object((), {"content": _ANY_TEXT, "content_type": _ANY_TEXT})

# Every other field of the catalogue is a non-empty string.
_CREATE_FIELDS = {
    "account_id": matching(ACCOUNT_ID),
    "body": _BODY,
    "headers": _named(HEADER_NAME, ("value",), value=_ANY_TEXT),
    "tokens": _named(WORD_NAME, ("type", "value"), type=_SECRET_TYPE, value=TEXT),
    "url_parameters": _named(WORD_NAME, ("value",), value=_ANY_TEXT),
}
_UPDATE_FIELDS = {
    "account_id": matching(ACCOUNT_ID),
    "body": _BODY,
    "generate_new_external_id": _FLAG,
    "headers": _named(HEADER_NAME, (), value=_ANY_TEXT, deleted=_FLAG),
    # An empty value is right for a token that is being deleted: checked where they are merged.
    "tokens": _named(WORD_NAME, ("type", "value"), type=_SECRET_TYPE, value=_ANY_TEXT, deleted=_FLAG),
    "url_parameters": _named(WORD_NAME, (), value=_ANY_TEXT, deleted=_FLAG),
}


def integration_schema(entry: Credentials, update: bool) -> dict[str, Any]:
    """Return the schema of ``integration`` in a POST body, or with ``update`` in a PATCH body."""
    special = _UPDATE_FIELDS if update else _CREATE_FIELDS
    allowed = [field for field in entry.fields if not field.read_only and (update or not field.update_only)]
    required = [field for field in allowed if field.required and not update]

    def names(fields: list[Any], beside: bool) -> tuple[str, ...]:
        return tuple(field.name for field in fields if field.beside is beside)

    def properties(beside: bool) -> dict[str, Any]:
        return {name: special.get(name, TEXT) for name in names(allowed, beside)}

    credentials = closed_object(
        ("type",) + names(required, False), {"type": {"enum": [entry.type]}, **properties(False)}
    )
    return closed_object(
        ("type",) + (() if update else ("credentials",)) + names(required, True),
        {"type": {"enum": [entry.integration]}, "credentials": credentials, **properties(True)},
    )


def _connection_schema(update: bool) -> dict[str, Any]:
    attributes = {
        "name": TEXT,
        "tags": {"type": "array", "items": _TAG, "uniqueItems": True},
        "integration": {"type": "object"},
    }
    data = {
        "type": {"enum": ["action_connection"]},
        "attributes": closed_object(() if update else ("name", "integration"), attributes),
    }
    return closed_object(("data",), {"data": closed_object(("type", "attributes"), data)})


_CONNECTION = {update: Draft202012Validator(_connection_schema(update)) for update in (False, True)}
_INTEGRATION = {
    (entry, update): Draft202012Validator(integration_schema(entry, update))
    for entry in CATALOGUE
    for update in (False, True)
}


def connection_violations(body: Any, update: bool) -> list[Violation]:
    """Return what is wrong with the body of a POST or (``update``) PATCH of an action connection."""
    found = violations(_CONNECTION[update], body)
    if found or "integration" not in body["data"]["attributes"]:
        return found
    integration = body["data"]["attributes"]["integration"]
    base = "/data/attributes/integration"
    wrong = _wrong_discriminator(integration, update)
    if wrong:
        return [Violation(base + wrong[0], wrong[1])]
    if "credentials" in integration:
        entry = BY_TYPES[integration["type"], integration["credentials"]["type"]]
    else:
        # A PATCH without credentials: what stands beside them is the same for all their types.
        entry = next(entry for entry in CATALOGUE if entry.integration == integration["type"])
    return violations(_INTEGRATION[entry, update], integration, base)


def _wrong_discriminator(integration: dict[str, Any], update: bool) -> tuple[str, str] | None:
    if "type" not in integration:
        return "/type", "is required"
    if integration["type"] not in INTEGRATIONS:
        return "/type", "is not a known integration type"
    if "credentials" not in integration:
        return None if update else ("/credentials", "is required")
    credentials = integration["credentials"]
    if not isinstance(credentials, dict):
        return "/credentials", "must be an object"
    if "type" not in credentials:
        return "/credentials/type", "is required"
    kind = credentials["type"]
    if not isinstance(kind, str) or (integration["type"], kind) not in BY_TYPES:
        return "/credentials/type", "is not a credentials type of this integration"
    return None


def violations(validator: Draft202012Validator, body: Any, base: str = "") -> list[Violation]:
    """Return what a JSON Schema finds wrong with a body, in a stable order."""
    found = {violation for error in validator.iter_errors(body) for violation in _violations_of(error, base)}
    return sorted(found, key=lambda violation: (violation.pointer, violation.problem))


def _violations_of(error: Any, base: str) -> Iterator[Violation]:
    pointer = base + "".join("/" + _escaped(str(part)) for part in error.absolute_path)
    rule, wanted = error.validator, error.validator_value
    if rule == "required":
        for name in wanted:
            if name not in error.instance:
                yield Violation(f"{pointer}/{name}", "is required")
    elif rule == "additionalProperties":
        for name in error.instance:
            if name not in error.schema["properties"]:
                yield Violation(f"{pointer}/{_escaped(name)}", "is unknown or read-only")
    elif rule == "pattern":
        # Datadog quotes the pattern as Go does, with each backslash doubled.
        pattern = error.schema["x-pattern"].replace("\\", "\\\\")
        yield Violation(pointer, f'value does not match regex pattern "{pattern}"', True)
    else:
        yield Violation(pointer, _PROBLEMS[rule].format(wanted))


_PROBLEMS = {
    "type": "must be of type {}",
    "enum": "must be one of {}",
    "minLength": "must not be empty",
    "maxLength": "must not be longer than {}",
    "minItems": "must have at least {} items",
    "maxItems": "must not have more than {} items",
    "not": "has a part that is reserved",
    "uniqueItems": "must not hold anything twice",
}


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
