# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an endpoint is, and how a request is read for it: parameters, body, paging."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from .answers import CONTENT_TYPE, Answer, ErrorStyle, Refusal

if TYPE_CHECKING:
    from multidict import MultiMapping

    from .state import State

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
PAGING = frozenset({"page[size]", "page[number]"})
MAX_PAGE_SIZE = 100
MAX_DEPTH = 50


@dataclass(frozen=True)
class Call:
    """A request that was found to be in order: path variables, query, JSON body, who asks, where."""

    path: Mapping[str, str]
    query: MultiMapping[str]
    body: Any
    actor: str
    origin: str


@dataclass(frozen=True)
class Endpoint:
    """One method of one path.

    ``parameters`` may stand in the query once, ``repeated`` ones any number of times, and no
    others. ``permission`` may name several, of which one is enough: ``one or another``. Handlers
    never wait: what one of them does is done before the next request is read.
    """

    method: str
    path: str
    handler: Callable[[State, Call], Answer]
    style: ErrorStyle
    permission: str = ""
    parameters: frozenset[str] = frozenset()
    repeated: frozenset[str] = frozenset()
    takes_body: bool = False
    needs_registration: bool = False
    content_type: str = CONTENT_TYPE

    def refuse(self, status: int, detail: str) -> Refusal:
        """Return a refusal in the shape of this endpoint."""
        return Refusal(status, self.style(status, detail, ""))


def check_query(endpoint: Endpoint, query: MultiMapping[str]) -> None:
    """Refuse parameters that the endpoint does not have, and single ones given twice."""
    for name in sorted(set(query)):
        if name in endpoint.repeated:
            continue
        if name not in endpoint.parameters:
            raise endpoint.refuse(400, f'unknown query parameter "{name}"')
        if len(query.getall(name)) > 1:
            raise endpoint.refuse(400, f'query parameter "{name}" is given more than once')


def read_body(endpoint: Endpoint, content_type: str, encoding: str, raw: bytes) -> Any:
    """Return the JSON body, None for an endpoint without one; refuse what is not JSON."""
    if not raw:
        if endpoint.takes_body:
            raise endpoint.refuse(400, "a request body is required")
        return None
    if content_type != "application/json":
        raise endpoint.refuse(415, "the content type of a request must be application/json")
    if encoding.lower() != "identity":
        # Whether these endpoints take compressed bodies is not known.
        raise endpoint.refuse(415, "the request body must not be compressed")
    if not endpoint.takes_body:
        # Whether Datadog ignores such a body is not known: refusing it is harsher.
        raise endpoint.refuse(400, "this endpoint takes no request body")
    try:
        return parse_json(raw)
    except ValueError:
        raise endpoint.refuse(400, "the request body is not valid JSON") from None


def parse_json(raw: bytes) -> Any:
    """Return the value of a JSON text; ValueError for all that RFC 8259 does not know.

    What is nested deeper than any request is no better: it would exhaust the stack later.
    """
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        level = [value]
        for _depth in range(MAX_DEPTH):
            level = [item for outer in level for item in _items(outer)]
        if level:
            raise ValueError("nested too deeply")
    return value


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _no_constant(name: str) -> None:
    raise ValueError(name)


def page_number(call: Call, name: str, default: int, lowest: int, style: ErrorStyle) -> int:
    """Return a paging parameter; refuse what is no number or out of range."""
    text = call.query.get(name)
    if text is None:
        return default
    highest = MAX_PAGE_SIZE if name in ("page[size]", "page[limit]") else 10**9
    if not re.fullmatch("[0-9]{1,10}", text) or not lowest <= int(text) <= highest:
        detail = f'query parameter "{name}" must be a number from {lowest} to {highest}'
        raise Refusal(400, style(400, detail, ""))
    return int(text)


def page(call: Call, default_size: int, style: ErrorStyle) -> tuple[int, int]:
    """Return page number and page size."""
    number = page_number(call, "page[number]", 0, 0, style)
    return number, page_number(call, "page[size]", default_size, 1, style)


def is_uuid(text: Any) -> bool:
    """Tell whether a value is a UUID in its canonical form, in either case."""
    return isinstance(text, str) and UUID.fullmatch(text) is not None
