# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Fingerprints of secrets: they tell whether a secret is still the same, and nothing else.

A fingerprint is written as U(https://github.com/P-H-C/phc-string-format) says, with its own salt and its parameters beside
it: C($scrypt$ln=13,r=8,p=1$<salt>$<hash>).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import threading
import typing as t
from concurrent.futures import Future

#: What a new fingerprint costs. Measured: 20 to 30 ms each, and 8 MiB for scrypt.
SCRYPT = {"ln": 13, "r": 8, "p": 1}
PBKDF2 = {"i": 50_000}
#: What is accepted from a registry: some ten times as much.
HIGHEST = {"ln": 15, "r": 8, "p": 3, "i": 600_000}

_WRITTEN = re.compile(
    r"\$(?P<scheme>scrypt|pbkdf2-sha256)\$(?P<parameters>[a-z]+=[0-9]{1,9}(?:,[a-z]+=[0-9]{1,9})*)"
    r"\$(?P<salt>[A-Za-z0-9+/]{22,86})\$(?P<hash>[A-Za-z0-9+/]{43})"
)


class CannotCompute(Exception):
    """This host cannot compute that kind of fingerprint."""


#: What matches() has found out, is finding out, or need not find out.
_known: dict[tuple[str, str], Future[bool]] = {}
#: As many as there are processors: more at a time take more memory, and no less time.
_computing = threading.BoundedSemaphore(min(os.cpu_count() or 1, 4))


def fingerprint(secret: str) -> str:
    """:returns: the fingerprint of a secret, with a new salt."""
    salt = secrets.token_bytes(16)
    try:
        text = _written("scrypt", SCRYPT, salt, _scrypt(secret, salt, SCRYPT))
    except CannotCompute:
        text = _written("pbkdf2-sha256", PBKDF2, salt, _pbkdf2(secret, salt, PBKDF2))
    take_for_granted(text, secret)
    return text


def take_for_granted(text: str, secret: str) -> None:
    """Let matches() believe that a fingerprint is that of a secret."""
    granted: Future[bool] = Future()
    granted.set_result(True)
    _known[text, secret] = granted


def is_granted(text: str, secret: str) -> bool:
    """Whether it is known without computing anything that a fingerprint is that of a secret."""
    return (text, secret) in _known and matches(text, secret)


def is_fingerprint(text: t.Any) -> bool:
    """Whether a text is a fingerprint that matches() takes."""
    return isinstance(text, str) and _read(text) is not None


def matches(text: str, secret: str) -> bool:
    """Whether a fingerprint is that of a secret. Computed once, whichever threads ask.

    :returns: also False where this host cannot tell, because FIPS mode forbids what the fingerprint was made with.
    """
    mine: Future[bool] = Future()
    known = _known.setdefault((text, secret), mine)
    if known is mine:
        mine.set_result(_matches(text, secret))
    return known.result()


def _matches(text: str, secret: str) -> bool:
    read = _read(text)
    if read is None:
        return False
    scheme, parameters, salt, expected = read
    try:
        found = (_scrypt if scheme == "scrypt" else _pbkdf2)(secret, salt, parameters)
    except CannotCompute:
        return False
    return hmac.compare_digest(found, expected)


def _read(text: str) -> tuple[str, dict[str, int], bytes, bytes] | None:
    match = _WRITTEN.fullmatch(text)
    if not match:
        return None
    pairs = [pair.split("=") for pair in match["parameters"].split(",")]
    parameters = {name: int(value) for name, value in pairs}
    wanted = SCRYPT if match["scheme"] == "scrypt" else PBKDF2
    if set(parameters) != set(wanted):
        return None
    if not all(1 <= value <= HIGHEST[name] for name, value in parameters.items()):
        return None
    try:
        return match["scheme"], parameters, _decoded(match["salt"]), _decoded(match["hash"])
    except ValueError:
        return None


def _scrypt(secret: str, salt: bytes, parameters: t.Mapping[str, int]) -> bytes:
    """:raises CannotCompute: in FIPS mode, and where Python was built without it."""
    try:
        with _computing:
            return hashlib.scrypt(
                _encoded(secret),
                salt=salt,
                n=2 ** parameters["ln"],
                r=parameters["r"],
                p=parameters["p"],
                # What the algorithm takes, and some for OpenSSL, which else stops at 32 MiB.
                maxmem=129 * parameters["r"] * (2 ** parameters["ln"] + parameters["p"] + 2),
                dklen=32,
            )
    except (AttributeError, ValueError) as exc:
        raise CannotCompute(str(exc)) from exc


def _pbkdf2(secret: str, salt: bytes, parameters: t.Mapping[str, int]) -> bytes:
    try:
        return hashlib.pbkdf2_hmac("sha256", _encoded(secret), salt, parameters["i"], 32)
    except ValueError as exc:
        raise CannotCompute(str(exc)) from exc


def _written(scheme: str, parameters: t.Mapping[str, int], salt: bytes, found: bytes) -> str:
    listed = ",".join(f"{name}={value}" for name, value in parameters.items())
    texts = [base64.b64encode(part).decode("ascii").rstrip("=") for part in (salt, found)]
    return f"${scheme}${listed}${texts[0]}${texts[1]}"


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _encoded(secret: str) -> bytes:
    # Ansible passes bytes that are no UTF-8 as lone surrogates.
    return secret.encode("utf-8", "surrogatepass")
