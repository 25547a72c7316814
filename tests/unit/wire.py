# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What breaks answers, TLS and proxies byte by byte, as no web framework lets it be done."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import http.server
import multiprocessing
import os
import re
import select
import socket
import socketserver
import ssl
import threading
import time
import typing as t
from urllib.parse import urlsplit

import trustme

#: Sends an answer, which is given whole, or something else. The connection is closed afterwards.
Break = t.Callable[[socket.socket, bytes], None]


class Loopback:
    """A server on a free port of loopback, with a thread for each connection."""

    def __init__(self, handler: type[socketserver.StreamRequestHandler]) -> None:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.port = self._server.server_port

    def __enter__(self) -> t.Any:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: t.Any) -> None:
        self._server.shutdown()
        self._server.server_close()


class _TLS:
    """What speaks TLS with clients, for a server that does not.

    In a process of its own: modules run in forks of the test's process, and a fork that is made while a thread is inside
    OpenSSL waits for OpenSSL's locks for ever.
    """

    def __init__(self, context: ssl.SSLContext, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        # So that it notices, and ends, when the test was killed.
        self._listener.settimeout(1)
        self.port = self._listener.getsockname()[1]
        self._process = multiprocessing.get_context("fork").Process(
            target=self._serve, args=(context, port, os.getpid()), daemon=True
        )

    def start(self) -> None:
        self._process.start()

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._listener.close()

    def _serve(self, context: ssl.SSLContext, port: int, parent: int) -> None:
        while os.getppid() == parent:
            with contextlib.suppress(TimeoutError, socket.timeout):
                client = self._listener.accept()[0]
                threading.Thread(target=self._connect, args=(context, client, port)).start()

    @staticmethod
    def _connect(context: ssl.SSLContext, client: socket.socket, port: int) -> None:
        client.settimeout(None)
        # Clients refuse certificates, or close the connection in the middle: that is what is tested.
        with contextlib.suppress(OSError):
            secure = context.wrap_socket(client, server_side=True)
            with secure, socket.create_connection(("127.0.0.1", port)) as server:
                _relay(secure, server)


class Wire(Loopback):
    """Forwards requests to an emulator, and its answers back, except where it is told to break.

    :param upstream: the emulator's address.
    :param tls: what makes it a server of HTTPS.
    """

    def __init__(self, upstream: str, tls: ssl.SSLContext | None = None) -> None:
        outer = self
        self._upstream = urlsplit(upstream).netloc
        self._rule: tuple[str, Break] | None = None
        self._times = 0
        #: How often it broke.
        self.broken = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            """Serves one request."""

            def serve(self) -> None:
                """For every method alike."""
                self.close_connection = True
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                rule = outer._next_break(self.command)
                answer = outer._forward(self.command, self.path, body, dict(self.headers))
                if rule is None:
                    self.connection.sendall(answer)
                else:
                    rule[1](self.connection, answer)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

            def log_message(self, *args: t.Any) -> None:
                pass

        super().__init__(Handler)
        # Clients close the connection in the middle of an answer.
        self._server.handle_error = lambda *_args: None  # type: ignore[method-assign]
        self._tls = _TLS(tls, self.port) if tls else None
        if self._tls:
            self.port = self._tls.port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> t.Any:
        super().__enter__()
        if self._tls:
            self._tls.start()
        return self

    def __exit__(self, *exc: t.Any) -> None:
        if self._tls:
            self._tls.stop()
        super().__exit__(*exc)

    def break_on(self, method: str, break_it: Break, times: int | None) -> None:
        """Order what is to break.

        :param method: a regular expression for the methods.
        :param times: how often; None for always.
        """
        self._rule = method, break_it
        self._times = -1 if times is None else times

    def mend(self) -> None:
        """Break nothing any more."""
        self._rule = None

    def _next_break(self, method: str) -> tuple[str, Break] | None:
        if self._rule is None or not self._times or not re.fullmatch(self._rule[0], method):
            return None
        self._times -= 1
        self.broken += 1
        return self._rule

    def _forward(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        connection = http.client.HTTPConnection(self._upstream, timeout=60)
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        content = response.read()
        lines = [f"HTTP/1.1 {response.status} {response.reason}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in response.getheaders()]
        connection.close()
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def trickle(connection: socket.socket, answer: bytes) -> None:
    """Send the head, too, byte by byte."""
    for byte in answer:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def half_a_head(connection: socket.socket, answer: bytes) -> None:
    """End in the middle of the second line."""
    connection.sendall(answer[: answer.index(b"\r\n") + 8])


def no_http(connection: socket.socket, answer: bytes) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")


def continue_for_ever(connection: socket.socket, answer: bytes) -> None:
    """Tell to go on, which is what a server may say before it answers."""
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


def headers_for_ever(connection: socket.socket, answer: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Header: value\r\n")


def body_for_ever(connection: socket.socket, answer: bytes) -> None:
    """Send some megabytes each second."""
    for _chunk in _chunks(connection):
        time.sleep(0.01)


def huge_body(connection: socket.socket, answer: bytes) -> None:
    """Send as much as the other side takes."""
    for _chunk in _chunks(connection):
        pass


def _chunks(connection: socket.socket) -> t.Iterator[None]:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
        yield


def broken_chunk(connection: socket.socket, answer: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n")


def broken_compression(connection: socket.socket, answer: bytes) -> None:
    head, _end, body = answer.partition(b"\r\n\r\n")
    connection.sendall(head + b"\r\nContent-Encoding: gzip\r\n\r\n" + body)


def hang_up(connection: socket.socket, answer: bytes) -> None:
    """Close without an answer; over TLS also without the alert that announces it."""


class Authority:
    """An unknown certificate authority, and its certificates.

    :ivar path: a file with its own certificate, for clients that are to trust it.
    """

    def __init__(self, path: str) -> None:
        self._authority = trustme.CA()
        self._authority.cert_pem.write_to_path(path)
        self.path = path

    def server(self, name: str = "127.0.0.1", expired: bool = False) -> ssl.SSLContext:
        """:returns: what a server of this name needs for TLS."""
        now = datetime.datetime.now(datetime.timezone.utc)
        end = now - datetime.timedelta(days=1) if expired else None
        certificate = self._authority.issue_cert(name, not_before=now - datetime.timedelta(days=2), not_after=end)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context


class Proxy(Loopback):
    """A proxy for HTTPS.

    :param status: what it answers to everything; None lets it do its work.
    :ivar seen: all that it could read: where it was asked to connect to, and the headers.
    """

    def __init__(self, status: int | None = None) -> None:
        self.seen: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Makes one connection."""

            def do_CONNECT(self) -> None:  # pylint: disable=invalid-name # the standard library's
                """Connect, and relay what comes from either side."""
                outer.seen.append(f"{self.path}\n{self.headers}")
                self.close_connection = True
                if status is not None:
                    self.send_error(status)
                    return
                host, port = self.path.rsplit(":", 1)
                with socket.create_connection((host, int(port))) as server:
                    self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    _relay(self.connection, server)

            def log_message(self, *args: t.Any) -> None:
                pass

        super().__init__(Handler)
        self.url = f"http://127.0.0.1:{self.port}"


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Relay what comes from either side, until one of them ends."""
    while True:
        for ready in select.select([one, other], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            (other if ready is one else one).sendall(data)
