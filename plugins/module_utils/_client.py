# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Datadog's HTTP API: authentication, retries, paging and errors. Nothing of Ansible is in here."""

from __future__ import annotations

import http.client
import io
import json
import re
import socket
import ssl
import threading
import time
import traceback
import typing as t
import warnings
from urllib.parse import urljoin, urlsplit

REQUESTS_IMPORT_ERROR: str | None
try:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.auth import AuthBase
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.exceptions import (
        ConnectTimeoutError,
        HTTPError,
        InsecureRequestWarning,
        MaxRetryError,
        NewConnectionError,
        ProtocolError,
        ReadTimeoutError,
        ResponseError,
    )
    from urllib3.util.retry import Retry
    from urllib3.util.timeout import Timeout
except ImportError:
    REQUESTS_IMPORT_ERROR = traceback.format_exc()
    # The classes below need something to inherit from; no client is ever made without requests.
    AuthBase = HTTPAdapter = Retry = object  # type: ignore
else:
    REQUESTS_IMPORT_ERROR = None

SITES = (
    "datadoghq.com",
    "us3.datadoghq.com",
    "us5.datadoghq.com",
    "ap1.datadoghq.com",
    "ap2.datadoghq.com",
    "uk1.datadoghq.com",
    "datadoghq.eu",
    "ddog-gov.com",
    "us2.ddog-gov.com",
)
PAGE_SIZE = 100
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")
#: Seconds. A server that asks for more patience than this gets an error instead of a silent wait.
LONGEST_WAIT = 300
#: Seconds between two repetitions where nothing says how long to wait.
LONGEST_BACKOFF = 30
#: Bytes. A page of a list has some hundred thousand.
LARGEST_ANSWER = 100 * 2**20
LONGEST_DETAIL = 500


CHECK_ADDRESS = "Check site or api_url, and the way from here to there."
TRY_AGAIN = "Run the task again later, or allow more retries."
TRY_LONGER = "Run the task again later, or allow more time by timeout."


class ErrorDetail(t.NamedTuple):
    """One entry of the C(errors) of an answer, in whichever of Datadog's two shapes it came."""

    title: str
    detail: str
    pointer: str

    def __str__(self) -> str:
        # "Generic Error" is what every error of the Actions API is called.
        title = "" if self.title == "Generic Error" and self.detail else self.title
        text = ": ".join(part for part in (title, self.detail) if part)
        return f"{text} (at {self.pointer})" if self.pointer else text


class DatadogError(Exception):
    """A request that did not end as it should.

    :ivar doing: what was being done, to complete the sentence "Could not ...".
    :ivar reason: what went wrong, one sentence without a full stop.
    :ivar status: the HTTP status, or None where no answer came.
    :ivar errors: list of ErrorDetail, empty where Datadog gave none.
    :ivar ambiguous: True for a POST that may have had its effect all the same.
    :ivar unfinished: True where, on top of that, Datadog may still be working on it.
    :ivar retry_after: seconds that the answer asked to wait, or None.
    :ivar remedy: what to do about it, in sentences; empty where Datadog's own words have to do.
    """

    def __init__(
        self,
        doing: str,
        reason: str,
        status: int | None = None,
        errors: t.Sequence[ErrorDetail] = (),
        ambiguous: bool = False,
        unfinished: bool = False,
        retry_after: float | None = None,
        remedy: str = "",
    ) -> None:
        super().__init__(f"Could not {doing}: {reason}.")
        self.doing = doing
        self.reason = reason
        self.status = status
        self.errors = list(errors)
        self.ambiguous = ambiguous
        self.unfinished = unfinished
        self.retry_after = retry_after
        self.remedy = remedy


class TooLong(Exception):
    """A list has more pages than are worth reading."""


class Authentication(AuthBase):
    """The headers that authenticate a request.

    Being a C(requests) authentication it also keeps C(requests) from reading C(.netrc), which it does
    where a session has none.

    :param headers: either C(DD-API-KEY) and C(DD-APPLICATION-KEY), or C(Authorization).
    """

    def __init__(self, headers: t.Mapping[str, str]) -> None:
        self._headers = dict(headers)

    @classmethod
    def with_keys(cls, api_key: str, app_key: str) -> Authentication:
        return cls({"DD-API-KEY": api_key, "DD-APPLICATION-KEY": app_key})

    @classmethod
    def with_access_token(cls, access_token: str) -> Authentication:
        return cls({"Authorization": f"Bearer {access_token}"})

    def __call__(self, request: t.Any) -> t.Any:
        request.headers.update(self._headers)
        return request


class Brake:
    """Makes all threads wait when Datadog asks one of them to."""

    def __init__(self) -> None:
        self._until = 0.0

    def apply(self, seconds: float) -> None:
        """Let nobody send a request for some seconds."""
        # Of two threads that do this at once, either may win: both were told by the same limit.
        self._until = max(self._until, time.monotonic() + seconds)

    def wait(self) -> None:
        """Wait until requests may be sent."""
        while True:
            seconds = self._until - time.monotonic()
            if seconds <= 0:
                return
            time.sleep(seconds)


class Allowance(threading.local):
    """How often the request that a thread is making may still be repeated.

    :param retries: how often at the most.
    :param threads: how many share the rate limit. When it resets, all of them try again, and one of them may be late every
        time. So many more waits for it are not counted.
    """

    def __init__(self, retries: int, threads: int) -> None:
        super().__init__()
        self._all = retries, retries * (threads - 1)
        self._left, self._lenience = self._all

    def begin(self) -> None:
        """Allow the repetitions of another request."""
        self._left, self._lenience = self._all

    def spend(self, is_told_to_wait: bool = False) -> bool:
        """:param is_told_to_wait: whether the answer was 429 and said for how long. :returns: whether it may be repeated."""
        if is_told_to_wait and self._lenience > 0:
            self._lenience -= 1
        else:
            self._left -= 1
        return self._left >= 0


class DatadogRetry(Retry):
    """Retries what surely had no effect or may be done twice, and waits as long as Datadog says.

    Connections that could not be made are retried for every method. An answer 429 says that nothing was
    done, so it is retried for every method too; 408, 5xx and lost answers for every method but POST.
    """

    IDEMPOTENT = frozenset(["GET", "PUT", "PATCH", "DELETE"])
    allowance: Allowance
    brake: Brake

    @classmethod
    def of(cls, allowance: Allowance, brake: Brake) -> DatadogRetry:
        """Make one for all requests.

        :param allowance: what tells how often a request is repeated.
        :param brake: what 429 is to apply.
        """
        retry = cls(
            total=None,
            # "Other" errors are those of TLS; a certificate does not become valid by asking again.
            other=0,
            allowed_methods=cls.IDEMPOTENT,
            raise_on_status=False,
        )
        retry.allowance, retry.brake = allowance, brake
        return retry

    def new(self, **kwargs: t.Any) -> DatadogRetry:
        """What urllib3 makes of it for the next attempt."""
        # pylint sees the stand-in, object; so it does below.
        retry = super().new(**kwargs)  # pylint: disable=no-member
        retry.allowance, retry.brake = self.allowance, self.brake
        return retry

    def get_backoff_time(self) -> float:
        return _backoff(len(self.history))

    def sleep(self, response: t.Any = None) -> None:
        """Wait before the next attempt. The rate limit is everybody's, so the wait for it is too."""
        wait = response is not None and self.get_retry_after(response)
        wait = wait or self.get_backoff_time()
        if response is not None and response.status == 429:
            self.brake.apply(wait)
        else:
            time.sleep(wait)
        self.brake.wait()

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        if status_code == 429:
            return True
        return method in self.IDEMPOTENT and (status_code == 408 or status_code >= 500)

    def get_retry_after(self, response: t.Any) -> float | None:
        """:returns: seconds from C(Retry-After) or C(X-RateLimit-Reset), or None."""
        return stated_wait(response.headers)

    def increment(
        self,
        method: t.Any = None,
        url: t.Any = None,
        response: t.Any = None,
        error: t.Any = None,
        _pool: t.Any = None,
        _stacktrace: t.Any = None,
    ) -> t.Any:
        if response is not None and (self.get_retry_after(response) or 0) > LONGEST_WAIT:
            raise MaxRetryError(_pool, url, ResponseError("asked to wait too long"))
        if error is not None and isinstance(_root(error), BROKEN_TLS):
            error = ProtocolError("Connection broken", _root(error))
        # Raises what must not be repeated.
        following = super().increment(  # pylint: disable=no-member
            method, url, response, error, _pool, _stacktrace
        )
        is_told_to_wait = (
            response is not None and response.status == 429 and self.get_retry_after(response)
        )
        if not self.allowance.spend(bool(is_told_to_wait)):
            raise MaxRetryError(_pool, url, error or ResponseError("too many repetitions"))
        return following


#: What TLS says where the other side went away.
BROKEN_TLS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


class _Incoming(io.RawIOBase):
    """What comes from a socket, within the socket's timeout for all of it.

    A socket itself waits that long for each piece.
    """

    def __init__(self, raw: io.RawIOBase, sock: t.Any) -> None:
        super().__init__()
        self._raw = raw
        self._socket = sock
        self._timeout = sock.gettimeout()
        self._until = time.monotonic() + self._timeout
        self._size = 0

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: t.Any) -> int | None:
        """Read what is there, or wait for the first of it."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        self._socket.settimeout(left)
        try:
            size = self._raw.readinto(buffer)
        finally:
            self._socket.settimeout(self._timeout)
        self._size += size or 0
        if self._size > LARGEST_ANSWER:
            raise OSError(f"more than {LARGEST_ANSWER} bytes")
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer that has to come, from its first line to its last, within the timeout of its socket."""

    def __init__(self, sock: t.Any, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Incoming(self.fp.detach(), sock))


class _Adapter(HTTPAdapter):
    """Reads answers as _Answer, directly and through proxies."""

    def init_poolmanager(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().init_poolmanager(*args, **kwargs)  # pylint: disable=no-member
        self.poolmanager.pool_classes_by_scheme = self._pools()

    def proxy_manager_for(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """As that of HTTPAdapter."""
        manager = super().proxy_manager_for(*args, **kwargs)  # pylint: disable=no-member
        manager.pool_classes_by_scheme = self._pools()
        return manager

    @staticmethod
    def _pools() -> dict[str, t.Any]:
        return {
            "http": _pool_of_answers(HTTPConnectionPool),
            "https": _pool_of_answers(HTTPSConnectionPool),
        }


def _pool_of_answers(pool: t.Any) -> t.Any:
    connection = type("Connection", (pool.ConnectionCls,), {"response_class": _Answer})
    return type("ConnectionPool", (pool,), {"ConnectionCls": connection})


def _backoff(repetition: int) -> float:
    """:returns: seconds to wait before a repetition: 0 before the first one, then 1, 2, 4 and so on."""
    return min(2 ** (repetition - 2), LONGEST_BACKOFF) if repetition > 1 else 0


def stated_wait(headers: t.Mapping[str, str]) -> float | None:
    """:returns: the seconds that an answer asks to wait before the next request, or None if it does not say."""
    for name in ("Retry-After", "X-RateLimit-Reset"):
        value = headers.get(name)
        if value is not None and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value.strip()):
            return float(value)
    return None


def site_of(base_url: str) -> str:
    """:returns: the site (C(datadoghq.eu)) where an address is that of a site, else the address without its scheme."""
    address = base_url.split("://", 1)[1].lower()
    site = re.sub(r"^api\.|:443$", "", address)
    return site if site in SITES else address


def check_address(url: str) -> str:
    """Check where credentials are about to be sent.

    :param url: an address with scheme and host, maybe a port and a path.
    :returns: the address without a trailing slash.
    :raises ValueError: what would be right.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        # Its words may quote a password.
        raise ValueError("must be an address of the form https://host[:port][/path]") from None
    if parts.scheme not in ("https", "http") or not host or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise ValueError("must be an address of the form https://host[:port][/path]")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must not contain user names, passwords, a query or a fragment")
    if parts.scheme == "http" and not (
        host in ("localhost", "::1") or re.fullmatch(r"127(\.\d+){3}", host)
    ):
        raise ValueError(
            "must begin with https://, since credentials are sent there; http:// is for loopback only"
        )
    return url.rstrip("/")


class Client:
    """One Datadog organisation over one pooled session. May be used by several threads.

    :param base_url: what check_address() returned.
    :param authentication: Authentication.
    :param verify: True, False, or the path of a file or folder of CA certificates.
    :param timeout: seconds for each request, from the connection to the last byte of the answer.
    :param retries: how often a request is repeated at the most.
    :param user_agent: the User-Agent header.
    :param connections: how many connections are kept open.
    :param hide: takes secrets out of what Datadog says in errors, before it is shortened.
    """

    def __init__(
        self,
        base_url: str,
        authentication: Authentication,
        verify: bool | str = True,
        timeout: float = 30,
        retries: int = 5,
        user_agent: str = "ansible-collection-datadog",
        connections: int = 1,
        hide: t.Callable[[str], str] = str,
    ) -> None:
        self.base_url = base_url
        self._authentication = authentication
        self._hide = hide
        # Plain HTTP is for loopback, and loopback is not reached through another host.
        self._direct = base_url.startswith("http://")
        self.retries = retries
        self._timeout = timeout
        self._verify = verify
        self._session = requests.Session()
        self._session.auth = authentication
        self._session.headers.update({"Accept": "application/json", "User-Agent": user_agent})
        self._brake = Brake()
        self._allowance = Allowance(retries, connections)
        adapter = _Adapter(
            pool_maxsize=connections,
            max_retries=DatadogRetry.of(self._allowance, self._brake),
        )
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        if verify is False:
            # The user said so; a warning for each request on stderr would tell nothing new.
            warnings.simplefilter("ignore", InsecureRequestWarning)

    def apart(self, timeout: float) -> Client:
        """A client of the same organisation. It repeats nothing, and does not wait when this one is told to."""
        user_agent = str(self._session.headers["User-Agent"])
        return Client(
            self.base_url,
            self._authentication,
            self._verify,
            timeout,
            retries=0,
            user_agent=user_agent,
            hide=self._hide,
        )

    @property
    def longest_call(self) -> float:
        """Seconds that a request may take with all its repetitions, waits that Datadog asks for apart."""
        return self._timeout * (self.retries + 1)

    def get(self, path: str, doing: str) -> dict[str, t.Any]:
        """:returns: the answer's C(data), which has an C(id). :raises DatadogError: when there is none."""
        return self._call("GET", path, doing, _object)

    def find(self, path: str, doing: str) -> dict[str, t.Any] | None:
        """Like get(), but :returns: None where Datadog answers that there is no such thing."""
        try:
            return self.get(path, doing)
        except DatadogError as exc:
            if exc.status == 404:
                return None
            raise

    def post(self, path: str, doing: str, body: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Like get(). Repeated only where it surely had no effect; see DatadogError.ambiguous."""
        return self._call("POST", path, doing, _object, body=body)

    def post_all(
        self, path: str, doing: str, body: t.Mapping[str, t.Any]
    ) -> list[dict[str, t.Any]]:
        """Like post(), for an answer with one object or more."""
        return self._call("POST", path, doing, _some_objects, body=body)

    def patch(self, path: str, doing: str, body: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Like get()."""
        return self._call("PATCH", path, doing, _object, body=body)

    def put(self, path: str, doing: str) -> dict[str, t.Any]:
        """Like get(), with a request that has no body."""
        return self._call("PUT", path, doing, _object)

    def delete(self, path: str, doing: str, body: t.Mapping[str, t.Any] | None = None) -> None:
        """:raises DatadogError: with status 404 where it is gone already."""
        self._call("DELETE", path, doing, None, body=body)

    def remove(self, path: str, doing: str, body: t.Mapping[str, t.Any]) -> None:
        """Like delete(), where Datadog answers what it was."""
        self._call("DELETE", path, doing, _object, body=body)

    def page(
        self, path: str, doing: str, params: t.Mapping[str, t.Any]
    ) -> tuple[list[dict[str, t.Any]], dict[str, t.Any]]:
        """:returns: the objects of an answer, and its C(meta)."""
        rows, meta = self._call("GET", path, doing, _objects_and_meta, params=params)
        return rows, meta

    def pages(
        self,
        path: str,
        doing: str,
        params: t.Mapping[str, t.Any] | None = None,
        total: t.Callable[[dict[str, t.Any]], t.Any] = lambda meta: None,
        most_pages: int | None = None,
    ) -> t.Iterator[dict[str, t.Any]]:
        """All rows of a list, over all its pages, each id once.

        C(next_number) is not looked at; it was seen pointing past the last page.

        :param total: finds the number of all rows in the answer's C(meta).
        :param most_pages: how many are worth reading.
        :raises DatadogError: also where the list ends before that number.
        :raises TooLong: where the first page tells that there are more than C(most_pages).
        """
        found: dict[str, dict[str, t.Any]] = {}
        number = attempt = total_before = 0
        while True:
            page = {**(params or {}), "page[size]": PAGE_SIZE, "page[number]": number}
            rows, meta = self.page(path, doing, page)
            expected = total(meta)
            if number == 0 and is_more(expected, most_pages):
                raise TooLong()
            fresh = {row["id"]: row for row in rows if row["id"] not in found}
            found.update(fresh)
            number += 1
            if not isinstance(expected, int):
                if len(rows) < PAGE_SIZE or not fresh:
                    break
                continue
            has_shrunk = number > 1 and expected < total_before
            total_before = expected
            if has_shrunk or (not fresh and len(found) < expected):
                # What was deleted from a page that was read has moved something from the next page to it.
                if attempt >= self.retries:
                    reason = f"the list has {expected} entries, of which {len(found)} came; it may have changed meanwhile"
                    raise DatadogError(doing, reason, remedy=TRY_AGAIN)
                attempt += 1
                found.clear()
                number = 0
            elif len(found) >= expected:
                break
        yield from found.values()

    @staticmethod
    def pause(error: DatadogError) -> None:
        """Wait before looking again after an error: as long as its answer asked, within reason."""
        time.sleep(min(error.retry_after or 1, 8))

    def _call(
        self,
        method: str,
        path: str,
        doing: str,
        wanted: t.Callable[[dict[str, t.Any]], t.Any] | None,
        params: t.Mapping[str, t.Any] | None = None,
        body: t.Mapping[str, t.Any] | None = None,
    ) -> t.Any:
        """:param wanted: takes what is wanted out of the answer's JSON; raises ValueError if it is not there. None: no content."""
        self._allowance.begin()
        repetition = 0
        while True:
            try:
                response = self._send(method, path, doing, params, body)
                return self._read(response, method, path, doing, wanted)
            except _Unreadable as exc:
                # urllib3 has no part in this: the answer began well and ended badly.
                if method not in DatadogRetry.IDEMPOTENT or not self._allowance.spend():
                    raise exc.error from exc
                repetition += 1
                time.sleep(_backoff(repetition))

    def _send(
        self,
        method: str,
        path: str,
        doing: str,
        params: t.Mapping[str, t.Any] | None,
        body: t.Mapping[str, t.Any] | None,
    ) -> t.Any:
        self._brake.wait()
        try:
            response = self._session.request(
                method,
                self.base_url + path,
                params=params,
                data=None if body is None else json.dumps(body).encode("utf-8"),
                headers={} if body is None else {"Content-Type": "application/json"},
                # requests hands it on as it is, which its types do not say.
                timeout=Timeout(total=self._timeout),  # type: ignore[arg-type]
                # Redirects are never followed: requests would carry DD-API-KEY to another host.
                allow_redirects=False,
                # Given here and not to the session, where REQUESTS_CA_BUNDLE would beat it.
                verify=self._verify,
                proxies=self._proxies(),
            )
        except (requests.exceptions.RequestException, HTTPError) as exc:
            # Older releases of requests let some errors of urllib3 pass.
            raise self._failure(exc, doing, method == "POST") from exc
        except (OSError, ValueError) as exc:
            # Seen where REQUESTS_CA_BUNDLE names a file that is not there.
            raise self._unmade(exc, doing) from exc
        if _is_cut_off(response):
            raise _Unreadable(self._broken("it ended early", doing, method == "POST"))
        return response

    def _failure(self, exc: Exception, doing: str, is_post: bool) -> Exception:
        """What to raise where no answer came, or no whole one: DatadogError, or _Unreadable."""
        host = urlsplit(self.base_url).netloc
        if isinstance(exc, ValueError):
            # Seen where a proxy's address is none.
            return self._unmade(exc, doing)
        raised = exc.args[0] if exc.args else None
        given_up = raised if isinstance(raised, MaxRetryError) else None
        reason = given_up.reason if given_up else raised
        if isinstance(_root(exc), ssl.SSLCertVerificationError):
            return DatadogError(
                doing,
                f"the certificate of {host} was not accepted ({_cause(exc)})",
                remedy="A private CA is made known by ca_path or by the environment variable REQUESTS_CA_BUNDLE.",
            )
        if isinstance(exc, requests.exceptions.ProxyError):
            return DatadogError(
                doing,
                f"the proxy on the way to {host} failed ({_cause(exc)})",
                remedy="Check the environment variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY, which name it.",
            )
        if isinstance(reason, (NewConnectionError, ConnectTimeoutError)):
            cause = (
                f"no connection to {host} within {self._timeout:g} s"
                if isinstance(exc, requests.exceptions.ConnectTimeout)
                else f"the connection to {host} could not be made ({_cause(exc)})"
            )
            return DatadogError(doing, cause, remedy=CHECK_ADDRESS)
        if isinstance(reason, ReadTimeoutError):
            failure = DatadogError(
                doing,
                f"no whole answer from {host} within {self._timeout:g} s",
                ambiguous=is_post,
                unfinished=is_post,
                remedy=TRY_LONGER,
            )
        elif isinstance(exc, requests.exceptions.SSLError):
            failure = DatadogError(
                doing,
                f"the TLS connection to {host} failed ({_cause(exc)})",
                ambiguous=is_post,
                remedy=CHECK_ADDRESS,
            )
        else:
            failure = self._broken(_cause(exc), doing, is_post)
        # What urllib3 has repeated, or a POST, is at its end. The rest broke off while requests read the answer.
        return failure if given_up else _Unreadable(failure)

    def _broken(self, cause: str, doing: str, is_post: bool) -> DatadogError:
        reason = f"the connection to {urlsplit(self.base_url).netloc} broke ({cause})"
        return DatadogError(doing, reason, ambiguous=is_post, remedy=TRY_AGAIN)

    @staticmethod
    def _unmade(exc: Exception, doing: str) -> DatadogError:
        return DatadogError(doing, f"the request could not be made ({_cause(exc)})")

    def _proxies(self) -> dict[str, t.Any]:
        """What beats the proxies of the environment: None for no proxy."""
        return {"http": None, "all": None} if self._direct else {}

    def _read(
        self,
        response: t.Any,
        method: str,
        path: str,
        doing: str,
        wanted: t.Callable[[dict[str, t.Any]], t.Any] | None,
    ) -> t.Any:
        status = response.status_code
        call = f"{method} {path}"
        is_post = method == "POST"
        try:
            content = as_object(json.loads(response.content)) if response.content else {}
        except (ValueError, RecursionError):
            content = {}
        if 200 <= status < 300:
            try:
                return wanted(content) if wanted else _nothing(status)
            except ValueError as exc:
                what = "is not the JSON that it should be" if response.content else "is empty"
                if not wanted:
                    what = "is not the 204 that it should be"
                reason = f"Datadog's answer to {call} (HTTP {status}) {what}"
                raise _Unreadable(
                    DatadogError(doing, reason, status, ambiguous=is_post, remedy=CHECK_ADDRESS)
                ) from exc
        if 300 <= status < 400:
            reason = (
                f"{urlsplit(self.base_url).netloc} redirects (HTTP {status}) to {_target(response)}, which is not"
                " followed because it would carry the credentials there"
            )
            raise DatadogError(doing, reason, status, remedy="Correct site or api_url.")
        errors = _errors(content, self._hide)
        wait = stated_wait(response.headers)
        reason = f"Datadog answered HTTP {status} to {call}"
        if errors:
            reason += ": " + "; ".join(str(error) for error in errors).rstrip(".")
        elif response.content:
            reason += ", without an explanation in JSON; something between here and Datadog may have answered"
        if status == 429:
            resets = f"; it resets in {wait:g} s" if wait else ""
            reason += f". The rate limit is used up{resets}"
        # A POST that was answered with 408 or 5xx may have had its effect before something failed.
        ambiguous = is_post and (status == 408 or status >= 500)
        raise DatadogError(
            doing,
            reason,
            status,
            errors,
            ambiguous=ambiguous,
            retry_after=wait,
            remedy=_remedy(status),
        )


def _remedy(status: int) -> str:
    """What to do about an answer."""
    if status == 401:
        return "Check the keys or the token, and whether they are of this site."
    if status == 403:
        return "The keys lack a permission for this, which Datadog's API reference names."
    return TRY_AGAIN if status in (408, 429) or status >= 500 else ""


def _is_cut_off(response: t.Any) -> bool:
    """Whether an answer is shorter than it says. Before its release 2 urllib3 does not look at that."""
    size = response.headers.get("Content-Length", "")
    return size.isdigit() and response.raw.tell() < int(size)


def is_more(rows: t.Any, most_pages: int | None) -> bool:
    """Whether so many rows, if it is a number, need more pages than are worth reading."""
    return most_pages is not None and isinstance(rows, int) and rows > most_pages * PAGE_SIZE


def as_object(value: t.Any) -> dict[str, t.Any]:
    """What should be a JSON object; an empty one if it is not."""
    return value if isinstance(value, dict) else {}


def _nothing(status: int) -> None:
    """:raises ValueError: for what may be a page to log in, which deletes nothing."""
    if status != 204:
        raise ValueError("not 204")


def _object(content: dict[str, t.Any]) -> dict[str, t.Any]:
    """The one object of an answer. :raises ValueError: if there is none, or it has no id."""
    return _identified(content.get("data"))


def _objects(content: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The objects of an answer, maybe none. :raises ValueError: if it has no list of them."""
    rows = content.get("data")
    if not isinstance(rows, list):
        raise ValueError("no list")
    return [_identified(row) for row in rows]


def _objects_and_meta(
    content: dict[str, t.Any],
) -> tuple[list[dict[str, t.Any]], dict[str, t.Any]]:
    return _objects(content), as_object(content.get("meta"))


def _some_objects(content: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    rows = _objects(content)
    if not rows:
        raise ValueError("an empty list")
    return rows


def _identified(value: t.Any) -> dict[str, t.Any]:
    identified = as_object(value)
    if not identified.get("id") or not isinstance(identified["id"], str):
        raise ValueError("no object with an id")
    return identified


def _target(response: t.Any) -> str:
    """Where a redirect points, without what might be secret in it."""
    try:
        target = urlsplit(urljoin(response.url, response.headers.get("Location", "")))
        return f"{target.scheme}://{target.hostname}"
    except ValueError:
        return "another address"


class _Unreadable(Exception):
    """An answer that broke off or is not what it should be: worth another request if that does no harm."""

    def __init__(self, error: DatadogError) -> None:
        super().__init__(str(error))
        self.error = error


def _errors(content: dict[str, t.Any], hide: t.Callable[[str], str]) -> list[ErrorDetail]:
    """Read C({"errors": [{"title", "detail", "source"}]}) and C({"errors": ["text"]})."""
    entries = content.get("errors")
    details = []
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            pointer = as_object(entry.get("source")).get("pointer")
            texts = [entry.get("title"), entry.get("detail"), pointer]
        else:
            texts = [None, entry, None]
        details.append(ErrorDetail(*(_clean(text, hide) for text in texts)))
    return details


def _clean(text: t.Any, hide: t.Callable[[str], str] = str) -> str:
    if text is None:
        return ""
    # First hidden, then folded and cut: half a secret would not be recognised any more.
    one_line = re.sub(r"\s+", " ", hide(str(text))).strip()
    return one_line if len(one_line) <= LONGEST_DETAIL else one_line[:LONGEST_DETAIL] + "..."


def _root(exc: BaseException) -> BaseException:
    """The exception that others were made of."""
    while True:
        inner = getattr(exc, "reason", None) or getattr(exc, "original_error", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in exc.args if isinstance(arg, BaseException)), None)
        if inner is None:
            return exc
        exc = inner


def _cause(exc: BaseException) -> str:
    """The words of the root, without Python's object names and without credentials of a proxy."""
    root = _root(exc)
    text = re.sub(r"^(<[^>]*>|\w+\([^)]*\)): ", "", str(root)) or type(root).__name__
    return _clean(re.sub(r"//[^/@\s]*@", "//", text))
