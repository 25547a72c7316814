# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Headers and URL parameters that carry a credential in clear text."""

from __future__ import annotations

import re
import typing as t

#: Names of HTTP headers and URL parameters that carry credentials: words that say so anywhere in a name, those that do if
#: they are a whole part of it, and those that do if they are all of it.
_TELLING_NAME = re.compile(
    r"authorization|cookie|token|secret|password|passphrase|passwd|credential|signature|jwt|hmac|api-?key"
    r"|(^|[-_])(auth|key|pass|pwd|sig|session)([-_]|$)"
    r"|^(appid|code)$",
    re.IGNORECASE,
)
#: Values that are credentials under any name: the schemes of U(https://www.iana.org/assignments/http-authschemes/) and some
#: that are not registered, and addresses with a password.
_TELLING_VALUE = re.compile(
    r"\s*(basic|bearer|digest|dpop|gnap|hoba|negotiate|oauth|token|apikey|aws4-hmac-sha256|geniekey|splunk|ssws)\s+\S"
    r"|.*//[^/\s]*:[^/\s]*@",
    re.IGNORECASE,
)
#: What Datadog replaces by the value of a token of the connection.
_REFERENCE = re.compile(r"{{\s*[A-Za-z][A-Za-z0-9]*\s*}}")
#: What may stand beside references without being a credential: a scheme, and names of parameters.
_AROUND_REFERENCES = re.compile(r"^\s*[A-Za-z][A-Za-z0-9-]*\s+|[A-Za-z0-9_.-]+=")


def is_literal_credential(name: str, value: t.Any) -> bool:
    """Whether an HTTP header or URL parameter seems to carry a credential itself, instead of a reference to a token."""
    if not isinstance(value, str) or not value.strip():
        return False
    # appKey as app-key
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)
    if not _TELLING_NAME.search(words) and not _TELLING_VALUE.match(value):
        return False
    rest, references = _REFERENCE.subn("", value)
    if not references:
        return True
    return bool(re.search(r"\w{4}", _AROUND_REFERENCES.sub("", rest)))
