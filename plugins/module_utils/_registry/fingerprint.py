# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fingerprints of secrets: salted and slow, they show whether a secret is still the same, and nothing else.

Written as U(https://github.com/P-H-C/phc-string-format) says: C($scrypt$ln=12,r=8,p=1$<salt>$<hash>).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import typing as t

#: Measured: 4 to 6 ms and 2 MiB for scrypt, 10 ms for PBKDF2. Stronger ones are accepted up to some ten times that.
SCRYPT, HIGHEST_SCRYPT = (11, 8, 1), (15, 8, 3)
PBKDF2, HIGHEST_PBKDF2 = 30_000, 600_000

_WRITTEN = re.compile(
    r"\$(?:scrypt\$ln=(\d{1,2}),r=(\d),p=(\d)|pbkdf2-sha256\$i=(\d{1,6}))"
    r"\$([A-Za-z0-9+/]{22,86})\$([A-Za-z0-9+/]{43})",
    re.ASCII,
)


def fingerprint(secret: str) -> str:
    """:returns: the fingerprint of a secret, with a new salt."""
    salt = secrets.token_bytes(16)
    try:
        ln, r, p = SCRYPT
        kind, found = f"scrypt$ln={ln},r={r},p={p}", _scrypt(secret, salt, ln, r, p)
    except (AttributeError, ValueError):
        # FIPS mode forbids scrypt, and some Pythons were built without it.
        kind, found = f"pbkdf2-sha256$i={PBKDF2}", _pbkdf2(secret, salt, PBKDF2)
    texts = [base64.b64encode(part).decode("ascii").rstrip("=") for part in (salt, found)]
    return f"${kind}${texts[0]}${texts[1]}"


def is_fingerprint(text: t.Any) -> bool:
    return isinstance(text, str) and _WRITTEN.fullmatch(text) is not None


def matches(text: str, secret: str) -> bool:
    """Whether a fingerprint is that of a secret. False also where this host cannot compute it."""
    match = _WRITTEN.fullmatch(text)
    if not match:
        return False
    *costs, iterations, salt, expected = match.groups()
    try:
        if iterations:
            found = _pbkdf2(secret, _decoded(salt), min(int(iterations), HIGHEST_PBKDF2))
        else:
            found = _scrypt(secret, _decoded(salt), *map(min, map(int, costs), HIGHEST_SCRYPT))
        return hmac.compare_digest(found, _decoded(expected))
    except (AttributeError, ValueError):
        return False


def _scrypt(secret: str, salt: bytes, ln: int, r: int, p: int) -> bytes:
    # What the algorithm takes, and some for OpenSSL, which otherwise stops at 32 MiB.
    maxmem = 129 * r * (2**ln + p + 2)
    return hashlib.scrypt(_encoded(secret), salt=salt, n=2**ln, r=r, p=p, maxmem=maxmem, dklen=32)


def _pbkdf2(secret: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", _encoded(secret), salt, iterations, 32)


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _encoded(secret: str) -> bytes:
    # The final line break of a PEM makes no other secret. Ansible passes bytes that are not UTF-8 as lone surrogates.
    return secret.rstrip("\r\n").encode("utf-8", "surrogatepass")
