# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Datadog's HTTP API: authentication, retries, paging and errors. Nothing of Ansible is in here."""

from __future__ import annotations

import json
import re
import ssl
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
    from urllib3.exceptions import (
        ConnectTimeoutError,
        InsecureRequestWarning,
        MaxRetryError,
        NewConnectionError,
        ResponseError,
    )
    from urllib3.util.retry import Retry
except ImportError:
    REQUESTS_IMPORT_ERROR = traceback.format_exc()
    # The classes below need something to inherit from; no client is ever made without requests.
    AuthBase = Retry = object  # type: ignore
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
LONGEST_DETAIL = 500


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
    ) -> None:
        super().__init__(f"Could not {doing}: {reason}.")
        self.doing = doing
        self.reason = reason
        self.status = status
        self.errors = list(errors)
        self.ambiguous = ambiguous
        self.unfinished = unfinished
        self.retry_after = retry_after


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


class DatadogRetry(Retry):
    """Retries what surely had no effect or may be done twice, and waits as long as Datadog says.

    Connections that could not be made are retried for every method. An answer 429 says that nothing was
    done, so it is retried for every method too; 408, 5xx and lost answers for every method but POST.
    """

    IDEMPOTENT = frozenset(["GET", "PUT", "PATCH", "DELETE"])
    brake: Brake
    #: How many answers 429 are not counted.
    lenience = 0

    @classmethod
    def of(cls, retries: int, brake: Brake, threads: int) -> DatadogRetry:
        """Make one for a request.

        :param retries: how often it is repeated at the most.
        :param brake: what 429 is to apply.
        :param threads: how many share the rate limit. When it resets, all of them try again, and one of them may be late
            every time.
        """
        retry = cls(
            total=retries,
            # "Other" errors are those of TLS; a certificate does not become valid by asking again.
            other=0,
            allowed_methods=cls.IDEMPOTENT,
            backoff_factor=0.5,
            raise_on_status=False,
        )
        retry.brake = brake
        retry.lenience = retries * (threads - 1)
        return retry

    def new(self, **kwargs: t.Any) -> DatadogRetry:
        """What urllib3 makes of it for the next attempt."""
        retry = super().new(**kwargs)  # pylint: disable=no-member # see increment()
        retry.brake = self.brake
        retry.lenience = self.lenience
        return retry

    def sleep(self, response: t.Any = None) -> None:
        """Wait before the next attempt. The rate limit is everybody's, so the wait for it is too."""
        wait = response is not None and self.get_retry_after(response)
        wait = wait or self.get_backoff_time()  # pylint: disable=no-member
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
        if response is not None and response.status == 429 and self.lenience > 0:
            # pylint sees the stand-in, object; so it does below.
            lenient = self.new(total=(self.total or 0) + 1)  # pylint: disable=no-member
            lenient.lenience = 0
            counted = lenient.increment(method, url, response, error, _pool, _stacktrace)
            counted.lenience = self.lenience - 1
            return counted
        return super().increment(  # pylint: disable=no-member
            method, url, response, error, _pool, _stacktrace
        )


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
    :param timeout: seconds for each request: to connect, and between two pieces of an answer.
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
        adapter = HTTPAdapter(
            pool_maxsize=connections,
            max_retries=DatadogRetry.of(retries, self._brake, connections),
        )
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        if verify is False:
            # The user said so; a warning for each request on stderr would tell nothing new.
            warnings.simplefilter("ignore", InsecureRequestWarning)

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
        self._call("DELETE", path, doing, lambda content: None, body=body)

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

        def wanted(content: dict[str, t.Any]) -> tuple[list[dict[str, t.Any]], t.Any]:
            return _objects(content), total(as_object(content.get("meta")))

        found: dict[str, dict[str, t.Any]] = {}
        number = attempt = total_before = 0
        while True:
            page = {**(params or {}), "page[size]": PAGE_SIZE, "page[number]": number}
            rows, expected = self._call("GET", path, doing, wanted, params=page)
            if number == 0 and _is_more(expected, most_pages):
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
                    raise DatadogError(doing, reason)
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
        wanted: t.Callable[[dict[str, t.Any]], t.Any],
        params: t.Mapping[str, t.Any] | None = None,
        body: t.Mapping[str, t.Any] | None = None,
    ) -> t.Any:
        """:param wanted: takes what is wanted out of the answer's JSON; raises ValueError if it is not there."""
        deadline = time.monotonic() + self.longest_call
        attempt = 0
        while True:
            try:
                response = self._send(method, path, doing, params, body)
                return self._read(response, method, path, doing, wanted)
            except _Unreadable as exc:
                # urllib3 has no part in this: the answer began well and ended badly.
                attempt += 1
                given_up = attempt > self.retries or time.monotonic() > deadline
                if method not in DatadogRetry.IDEMPOTENT or given_up:
                    raise exc.error from exc
                time.sleep(min(0.5 * 2**attempt, 8))

    def _send(
        self,
        method: str,
        path: str,
        doing: str,
        params: t.Mapping[str, t.Any] | None,
        body: t.Mapping[str, t.Any] | None,
    ) -> t.Any:
        host = urlsplit(self.base_url).netloc
        is_post = method == "POST"
        self._brake.wait()
        try:
            return self._session.request(
                method,
                self.base_url + path,
                params=params,
                data=None if body is None else json.dumps(body).encode("utf-8"),
                headers={} if body is None else {"Content-Type": "application/json"},
                timeout=self._timeout,
                # Redirects are never followed: requests would carry DD-API-KEY to another host.
                allow_redirects=False,
                # Given here and not to the session, where REQUESTS_CA_BUNDLE would beat it.
                verify=self._verify,
                proxies=self._proxies(),
            )
        except requests.exceptions.SSLError as exc:
            if isinstance(_root(exc), ssl.SSLCertVerificationError):
                reason = (
                    f"the certificate of {host} was not accepted ({_cause(exc)}). A private CA is made known by"
                    " ca_path or by the environment variable REQUESTS_CA_BUNDLE"
                )
                raise DatadogError(doing, reason) from exc
            reason = f"the TLS connection to {host} failed ({_cause(exc)})"
            raise DatadogError(doing, reason, ambiguous=is_post) from exc
        except requests.exceptions.ProxyError as exc:
            reason = (
                f"the proxy on the way to {host} failed ({_cause(exc)}). It comes from the environment variables"
                " HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
            )
            raise DatadogError(doing, reason) from exc
        except requests.exceptions.ConnectTimeout as exc:
            raise DatadogError(
                doing, f"no connection to {host} within {self._timeout:g} s"
            ) from exc
        except requests.exceptions.ReadTimeout as exc:
            reason = f"no answer from {host} within {self._timeout:g} s"
            raise DatadogError(doing, reason, ambiguous=is_post, unfinished=is_post) from exc
        except requests.exceptions.ConnectionError as exc:
            given_up = exc.args[0] if exc.args else None
            sent = not (
                isinstance(given_up, MaxRetryError)
                and isinstance(given_up.reason, (NewConnectionError, ConnectTimeoutError))
            )
            reason = f"the connection to {host} {'broke' if sent else 'could not be made'} ({_cause(exc)})"
            raise DatadogError(doing, reason, ambiguous=is_post and sent) from exc
        except (
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ) as exc:
            reason = f"the answer from {host} broke off ({_cause(exc)})"
            raise _Unreadable(DatadogError(doing, reason, ambiguous=is_post)) from exc
        except requests.exceptions.RequestException as exc:
            reason = f"the request to {host} failed ({_cause(exc)})"
            raise DatadogError(doing, reason, ambiguous=is_post) from exc
        except (OSError, ValueError) as exc:
            # Seen where REQUESTS_CA_BUNDLE names a file that is not there.
            raise DatadogError(doing, f"the request could not be made ({_cause(exc)})") from exc

    def _proxies(self) -> dict[str, t.Any]:
        """What beats the proxies of the environment: None for no proxy."""
        return {"http": None, "all": None} if self._direct else {}

    def _read(
        self,
        response: t.Any,
        method: str,
        path: str,
        doing: str,
        wanted: t.Callable[[dict[str, t.Any]], t.Any],
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
                return wanted(content)
            except ValueError as exc:
                what = "is not the JSON that it should be" if response.content else "is empty"
                reason = f"Datadog's answer to {call} (HTTP {status}) {what}"
                raise _Unreadable(DatadogError(doing, reason, status, ambiguous=is_post)) from exc
        if 300 <= status < 400:
            reason = (
                f"{urlsplit(self.base_url).netloc} redirects (HTTP {status}) to {_target(response)}, which is not"
                " followed because it would carry the credentials there. Correct site or api_url"
            )
            raise DatadogError(doing, reason, status)
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
        raise DatadogError(doing, reason, status, errors, ambiguous=ambiguous, retry_after=wait)


def _is_more(rows: t.Any, most_pages: int | None) -> bool:
    """Whether so many rows, if it is a number, need more pages than are worth reading."""
    return most_pages is not None and isinstance(rows, int) and rows > most_pages * PAGE_SIZE


def as_object(value: t.Any) -> dict[str, t.Any]:
    """What should be a JSON object; an empty one if it is not."""
    return value if isinstance(value, dict) else {}


def _object(content: dict[str, t.Any]) -> dict[str, t.Any]:
    """The one object of an answer. :raises ValueError: if there is none, or it has no id."""
    return _identified(content.get("data"))


def _objects(content: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The objects of an answer, maybe none. :raises ValueError: if it has no list of them."""
    rows = content.get("data")
    if not isinstance(rows, list):
        raise ValueError("no list")
    return [_identified(row) for row in rows]


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
