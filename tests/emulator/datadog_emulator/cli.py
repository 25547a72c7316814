# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line, and the life of the server: from its one line of output to its end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import ssl
import sys
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from .app import build_app
from .log import RequestLog
from .settings import DELETED, GONE, OTHER_SITE, PERMISSIONS, TOKEN_FORMS, Settings
from .state import State

HOST = "127.0.0.1"
# For people who try things out. Tests start without it.
DEFAULT_TEAM = "platform"
TEAM_NOTE = f"It has a team, {DEFAULT_TEAM}; --team HANDLE has another in its place, --no-team none."
# Requests that a fault keeps hanging must not keep the server alive.
SHUTDOWN_SECONDS = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal or the end of the lifetime; return the exit code."""
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    ports, lifetime, log = (options.pop(name) for name in ("port", "lifetime", "log"))
    tls_cert, tls_key = options.pop("tls_cert"), options.pop("tls_key")
    default_team = not options.pop("no_team") and options["team"] is None
    options["team"] = [DEFAULT_TEAM] if default_team else options["team"] or []
    if bool(tls_cert) != bool(tls_key):
        parser.error("--tls-cert and --tls-key are given together")
    try:
        settings = Settings().changed(options)
    except ValueError as error:
        parser.error(str(error))
    try:
        tls = _tls_context(tls_cert, tls_key) if tls_cert else None
        states = [(port, State(settings, RequestLog(log), number)) for number, port in enumerate(ports or [0])]
        asyncio.run(_serve(states, tls, lifetime, TEAM_NOTE if default_team else ""))
    except OSError as error:
        print(f"emulator: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="emulator", description="A Datadog for tests.")
    add = parser.add_argument
    add(
        "--port",
        action="append",
        type=_port,
        metavar="N",
        help="port on loopback; 0 takes a free one; given again: of another organization",
    )
    add("--latency", type=float, default=0.0, metavar="SECONDS", help="delay of every answer")
    add("--lag", type=float, default=0.0, metavar="SECONDS", help="what is created is seen later")
    add("--list", action="store_true", help="the list of action connections is offered")
    add(
        "--no-list",
        type=int,
        default=404,
        metavar="STATUS",
        help="the answer where the list is not offered",
    )
    add("--brief-list", action="store_true", help="the rows of the list have no tags")
    add(
        "--tokens-as",
        choices=TOKEN_FORMS,
        default=TOKEN_FORMS[0],
        help="the name under which tokens of HTTP connections come back",
    )
    add("--plain-attributes", action="store_true", help="an older organization: no extra attributes")
    for name in ("api-key", "app-key", "access-token"):
        add(f"--{name}", action="append", default=[], metavar="VALUE", help="accept only these")
    add(
        "--unknown-app-key",
        action="append",
        default=[],
        metavar="ID",
        help="an application key that does not exist",
    )
    add(
        "--other-site",
        type=int,
        choices=OTHER_SITE,
        help="refuse all keys, as those of another site",
    )
    add("--require-registration", action="store_true", help="application keys must be registered")
    add(
        "--registration-lag",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="a key is refused so long after its registration",
    )
    add(
        "--deny",
        action="append",
        default=[],
        choices=PERMISSIONS,
        help="refuse what needs this permission",
    )
    add("--delete-status", type=int, choices=DELETED, default=204, help="the answer to a DELETE")
    add("--gone-status", type=int, choices=GONE, default=404, help="the answer for what is gone")
    add("--hidden-rows", type=int, default=0, metavar="N", help="lists count rows that never come")
    add("--trim-names", action="store_true", help="blanks around names are not kept")
    add("--lower-case-teams", action="store_true", help="connected teams are kept in lower case")
    add("--one-link-per-team", action="store_true", help="one connection for each Datadog team")
    add("--partial-batches", action="store_true", help="a conflict stops nothing but itself")
    add("--datastore-rows", type=int, default=5000, metavar="N", help="rows that fill a datastore")
    add(
        "--datastore-conflict",
        type=int,
        default=400,
        metavar="STATUS",
        help="the answer when a row exists that must not",
    )
    add(
        "--team",
        action="append",
        metavar="HANDLE",
        help=f"a team that exists at start; {DEFAULT_TEAM} unless given",
    )
    add("--no-team", action="store_true", help="no team exists at start, unless --team is given")
    add("--org", metavar="ID", help="the UUID of the organization")
    add("--rate-limit", metavar="N/SECONDS", help="answer 429 when it is exceeded")
    add("--tls-cert", metavar="FILE", help="serve https with this certificate")
    add("--tls-key", metavar="FILE", help="the key of the certificate")
    add("--lifetime", type=float, metavar="SECONDS", help="end after this time")
    add("--log", metavar="FILE", help="append the request log to a file, as JSON lines")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port


def _tls_context(cert: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


async def _serve(states: Sequence[tuple[int, State]], tls: Any, lifetime: float | None, note: str) -> None:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    if lifetime is not None:
        loop.call_later(lifetime, end.set)
    scheme = "https" if tls else "http"
    async with contextlib.AsyncExitStack() as running:
        for port, state in states:
            runner = web.AppRunner(
                build_app(state),
                access_log=None,
                shutdown_timeout=SHUTDOWN_SECONDS,
                # Compressed bodies are refused, and not looked into.
                auto_decompress=False,
            )
            await runner.setup()
            running.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, HOST, port, ssl_context=tls)
            await site.start()
            print(f"{scheme}://{HOST}:{runner.addresses[0][1]}", flush=True)
        if note:
            print(note, file=sys.stderr, flush=True)
        await end.wait()
