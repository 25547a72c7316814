# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Datadog's HTTP API: authentication, retries, paging and answers. Nothing of Ansible is in here."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
import traceback
import typing as t
import warnings
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from urllib.parse import urljoin, urlsplit

from ._errors import (
    DatadogError,
    ErrorDetail,
)

REQUESTS_IMPORT_ERROR: str | None
try:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.exceptions import (
        ConnectTimeoutError,
        HTTPError,
        InsecureRequestWarning,
        NewConnectionError,
    )
except ImportError:
    REQUESTS_IMPORT_ERROR = traceback.format_exc()
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
#: Seconds between two attempts where the answer does not say how long to wait.
LONGEST_BACKOFF = 30
#: Seconds beyond the timeout after which a request is abandoned, whatever it is waiting for.
GRACE = 1
#: Bytes. A page of a list has some hundred thousand.
LARGEST_ANSWER = 100 * 2**20
LONGEST_DETAIL = 500
#: A key may be refused here for some seconds after its registration.
ACTIONS = "/api/v2/actions/connections"

#: What to check where Datadog answers 403, by the beginning of the path.
PERMISSIONS = {
    ACTIONS: "that the application key is registered for the Actions API (tidyops.datadog.app_key_registration), and that it has"
    " the permissions connections_read and connections_write",
    "/api/v2/actions/app_key_registrations": "that they have the permission org_app_keys_read; to register a key, they also need"
    " user_access_manage, user_app_keys or service_account_write",
    "/api/v2/actions-datastores": "that they have the permissions apps_datastore_read and apps_datastore_write, and access to the"
    " datastore as contributor or manager",
    "/api/v2/team": "that they have the permissions teams_read and teams_manage",
    "/api/v2/roles": "that they have the permission user_access_read",
    "/api/v2/users": "that they have the permission user_access_read",
    "/api/v2/restriction_policy": "that they have the permission user_access_manage, or may edit the resource",
}

CHECK_ADDRESS = "Check site or api_url, and DNS, proxy and firewall."
TRY_AGAIN = "Run the task again later, or set a higher retries."
TRY_LONGER = "Run the task again later, or set a higher timeout."

Json = dict[str, t.Any]


class TooManyPages(Exception):
    """A list has more pages than are worth reading."""


class _Request(t.NamedTuple):
    """A request. :ivar may_repeat: whether it does no harm to send it twice."""

    method: str
    path: str
    doing: str
    params: t.Mapping[str, t.Any] | None
    body: Json | None
    may_repeat: bool


class _Response(t.NamedTuple):
    """An answer that was read to its end."""

    status: int
    headers: t.Mapping[str, str]
    content: bytes
    url: str


def site_of(base_url: str) -> str:
    """:returns: the site (C(datadoghq.eu)) where an address is that of a site, else the address without its scheme."""
    address = base_url.split("://", 1)[1].lower()
    site = re.sub(r"^api\.|:443$", "", address)
    return site if site in SITES else address


class _Transport:
    """Sends a request once, over one pooled session. The parameters are those of Client."""

    def __init__(
        self,
        base_url: str,
        credentials: t.Mapping[str, str],
        verify: bool | str,
        timeout: float,
        user_agent: str,
        connections: int,
    ) -> None:
        self._base_url = base_url
        self.host = urlsplit(base_url).netloc
        self._timeout = timeout
        self._credentials = dict(credentials)
        self._verify = verify
        # Plain HTTP is for loopback, and loopback is not reached through a proxy.
        self._proxies = {"http": None, "all": None} if base_url.startswith("http://") else {}
        self._session = requests.Session()
        # With an authentication of its own requests does not read .netrc.
        self._session.auth = self._authenticate
        # The last one as Datadog's own tools for infrastructure as code do.
        headers = {
            "Accept": "application/json",
            "User-Agent": user_agent,
            "X-Datadog-Managed-By": "iac",
        }
        self._session.headers.update(headers)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections))
        if verify is False:
            # The user said so; a warning for each request on stderr would tell nothing new.
            warnings.simplefilter("ignore", InsecureRequestWarning)

    def _authenticate(self, request: t.Any) -> t.Any:
        request.headers.update(self._credentials)
        return request

    def exchange(self, request: _Request) -> _Response:
        """Send a request, and read the answer to its end.

        In a thread of its own, which is abandoned in the end: the timeout of a socket begins anew with each byte that
        comes, so that a slow answer could last forever.

        :raises DatadogError: where no answer came, or no whole one.
        """
        future: Future[_Response] = Future()

        def work() -> None:
            try:
                future.set_result(self._send(request))
            # It is raised below.
            except BaseException as exc:  # pylint: disable=broad-exception-caught
                future.set_exception(exc)

        threading.Thread(target=work, daemon=True).start()
        try:
            return future.result(self._timeout + GRACE)
        except FutureTimeout as exc:
            raise self._slow(request) from exc
        except (requests.exceptions.RequestException, HTTPError) as exc:
            # Older releases of requests let some errors of urllib3 pass.
            raise self._failure(exc, request) from exc
        except (OSError, ValueError) as exc:
            # Seen where REQUESTS_CA_BUNDLE names a file that does not exist.
            reason = f"the request could not be sent ({_cause(exc)})"
            raise DatadogError(request.doing, reason) from exc

    def _send(self, request: _Request) -> _Response:
        deadline = time.monotonic() + self._timeout
        body = request.body
        with self._session.request(
            request.method,
            self._base_url + request.path,
            params=request.params,
            data=None if body is None else json.dumps(body).encode("utf-8"),
            headers={} if body is None else {"Content-Type": "application/json"},
            timeout=self._timeout,
            # Redirects are never followed: requests would carry DD-API-KEY to another host.
            allow_redirects=False,
            # Given here and not to the session, where REQUESTS_CA_BUNDLE takes precedence.
            verify=self._verify,
            proxies=self._proxies,  # type: ignore[arg-type]
            stream=True,
        ) as response:
            content = bytearray()
            for chunk in response.iter_content(2**16):
                content += chunk
                if len(content) > LARGEST_ANSWER:
                    raise requests.exceptions.ConnectionError(f"more than {LARGEST_ANSWER} bytes")
                if time.monotonic() > deadline:
                    raise requests.exceptions.ReadTimeout("the answer is too slow")
            # Before its release 2 urllib3 does not look at that.
            size = response.headers.get("Content-Length", "")
            if size.isdigit() and response.raw.tell() < int(size):
                raise requests.exceptions.ConnectionError("it ended early")
            return _Response(response.status_code, response.headers, bytes(content), response.url)

    def _slow(self, request: _Request) -> DatadogError:
        reason = f"no whole answer from {self.host} within {self._timeout:g} s"
        return _transient(request, reason, TRY_LONGER)

    def _failure(self, exc: Exception, request: _Request) -> DatadogError:
        """What to raise where no answer came, or no whole one."""
        errors, host, doing = requests.exceptions, self.host, request.doing
        causes, cause = list(_causes(exc)), _cause(exc)

        def is_any(*kinds: type[BaseException]) -> bool:
            return any(isinstance(each, kinds) for each in causes)

        is_unsent = is_any(NewConnectionError, ConnectTimeoutError)
        if is_any(ssl.SSLCertVerificationError):
            remedy = "Name a private CA in ca_path or in the environment variable REQUESTS_CA_BUNDLE."
            return DatadogError(doing, f"the certificate of {host} was not accepted ({cause})", remedy=remedy)
        if isinstance(exc, errors.ProxyError):
            remedy = "Check the environment variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY, which name it."
            reason = f"the proxy on the way to {host} failed ({cause})"
            return DatadogError(doing, reason, is_transient=is_unsent, remedy=remedy)
        if is_unsent:
            reason = f"cannot connect to {host} ({cause})"
            if isinstance(exc, errors.ConnectTimeout):
                reason = f"no connection to {host} within {self._timeout:g} s"
            return DatadogError(doing, reason, is_transient=True, remedy=CHECK_ADDRESS)
        if isinstance(exc, ValueError):
            # Seen where a proxy's address is not one.
            return DatadogError(doing, f"the request could not be sent ({cause})")
        if isinstance(exc, errors.Timeout):
            return self._slow(request)
        # These are what TLS says where the other side closed the connection.
        is_closed = is_any(ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
        if isinstance(exc, errors.SSLError) and not is_closed:
            return DatadogError(
                doing,
                f"the TLS connection to {host} failed ({cause})",
                is_ambiguous=not request.may_repeat,
                remedy=CHECK_ADDRESS,
            )
        return _transient(request, f"the connection to {host} broke ({cause})", TRY_AGAIN)


class Client:
    """One Datadog organization over one pooled session. May be used by several threads.

    :param base_url: scheme and host, maybe port and path; without a slash at the end.
    :param credentials: the headers C(DD-API-KEY) and C(DD-APPLICATION-KEY), or C(Authorization).
    :param verify: True, False, or the path of a file or folder of CA certificates.
    :param timeout: seconds for a connection, and for an answer.
    :param retries: how often a failed request is repeated at most.
    :param connections: how many connections are kept open.
    :param hide: takes secrets out of what Datadog says in errors, before it is shortened.
    :ivar notes: what the user should know about requests that succeeded in the end.
    """

    def __init__(
        self,
        base_url: str,
        credentials: t.Mapping[str, str],
        verify: bool | str = True,
        timeout: float = 30,
        retries: int = 5,
        user_agent: str = "ansible-collection-tidyops.datadog",
        connections: int = 1,
        hide: t.Callable[[str], str] = str,
    ) -> None:
        self.base_url = base_url
        self.timeout = timeout
        self.retries = retries
        self.notes: list[str] = []
        self._hide = hide
        self._resume_at = 0.0
        self._is_refused = self._is_accepted = False
        self._transport = _Transport(base_url, credentials, verify, timeout, user_agent, connections)

    def get(self, path: str, doing: str) -> Json:
        """:returns: the answer's C(data), which has an C(id). :raises DatadogError: when there is none."""
        return self._call(_object, "GET", path, doing)

    def find(self, path: str, doing: str) -> Json | None:
        """Like get(), but :returns: None where Datadog itself answers that there is no such thing."""
        try:
            return self.get(path, doing)
        except DatadogError as exc:
            if exc.is_gone:
                return None
            raise

    def post(self, path: str, doing: str, body: Json, may_repeat: bool = False) -> Json:
        """Like get(). Repeated only where it surely had no effect, or that does no harm."""
        return self._call(_object, "POST", path, doing, body, may_repeat=may_repeat)

    def post_all(self, path: str, doing: str, body: Json, may_repeat: bool = False) -> list[Json]:
        """Like post(), for an answer with one object or more."""
        return self._call(_some_objects, "POST", path, doing, body, may_repeat=may_repeat)

    def patch(self, path: str, doing: str, body: Json) -> Json:
        """Like get()."""
        return self._call(_object, "PATCH", path, doing, body)

    def put(self, path: str, doing: str, retries: int) -> Json:
        """Like get(), with a request that has no body. :param retries: in the place of the client's."""
        return self._call(_object, "PUT", path, doing, retries=retries)

    def delete(self, path: str, doing: str, body: Json | None = None) -> bool:
        """:returns: False where Datadog itself says that it did not exist. :raises DatadogError: else."""
        try:
            self._call(None, "DELETE", path, doing, body)
        except DatadogError as exc:
            if exc.is_gone:
                return False
            raise
        return True

    def page(self, path: str, doing: str, params: t.Mapping[str, t.Any]) -> tuple[list[Json], Json]:
        """:returns: the objects of an answer, and its C(meta)."""
        return self._call(_objects_and_meta, "GET", path, doing, params=params)

    def pages(
        self,
        path: str,
        doing: str,
        params: t.Mapping[str, t.Any] | None = None,
        total: t.Callable[[Json], t.Any] = lambda meta: None,
        most_pages: int | None = None,
    ) -> list[Json]:
        """All rows of a list, over all its pages, each id once.

        C(next_number) is not looked at; it was seen pointing past the last page. Where fewer rows come than the list says, it
        is read once more: it may have changed meanwhile, or count rows that these keys may not see. So it is where the number
        changes from page to page: what one row leaves free another one fills, which is on no page then.

        :param total: finds the number of all rows in the answer's C(meta).
        :param most_pages: how many are worth reading.
        :raises TooManyPages: where the first page shows that there are more.
        """
        found: dict[str, Json] = {}
        for _look in range(2):
            number = 0
            here: set[str] = set()
            totals: set[t.Any] = set()
            while True:
                page = {**(params or {}), "page[size]": PAGE_SIZE, "page[number]": number}
                rows, meta = self.page(path, doing, page)
                expected = total(meta)
                totals.add(expected)
                if most_pages and isinstance(expected, int) and expected > most_pages * PAGE_SIZE:
                    raise TooManyPages()
                is_fresh = any(row["id"] not in here for row in rows)
                here.update(row["id"] for row in rows)
                found.update((row["id"], row) for row in rows)
                number += 1
                # A server may have smaller pages than it was asked for.
                is_last = len(rows) < PAGE_SIZE
                if isinstance(expected, int):
                    is_last = len(here) >= expected
                if is_last or not is_fresh:
                    break
            if len(totals) == 1 and (not isinstance(expected, int) or len(here) >= expected):
                break
        return list(found.values())

    def organization(self) -> str:
        """:returns: the UUID of the organization of the keys; empty where the answer has none."""
        user = self.get("/api/v2/current_user", "look up the organization of the keys")
        related = as_object(as_object(user.get("relationships")).get("org"))
        return str(as_object(related.get("data")).get("id") or "")

    def pause(self, error: DatadogError) -> None:
        """Wait before looking for what a failed request may have done: as long as its answer asked, within reason."""
        time.sleep(min(error.retry_after or 1, 8))

    def wait_until(self, is_done: t.Callable[[], bool]) -> bool:
        """Ask again, as often and with the same pauses as for a failed request. :returns: whether it came true."""
        for attempt in range(self.retries + 1):
            time.sleep(_backoff(attempt))
            if is_done():
                return True
        return False

    def _call(
        self,
        read: t.Callable[[Json], t.Any] | None,
        method: str,
        path: str,
        doing: str,
        body: Json | None = None,
        params: t.Mapping[str, t.Any] | None = None,
        may_repeat: bool = True,
        retries: int | None = None,
    ) -> t.Any:
        """Send a request until it succeeds or there is no point in sending it again. The only place that repeats one.

        A rate limit says for how long it holds: all threads wait for it, and that does not count as one of C(retries).

        :param read: takes what is wanted out of the answer's JSON; raises ValueError if it is not there. None: nothing.
        :raises DatadogError: otherwise.
        """
        request = _Request(method, path, doing, params, body, may_repeat)
        retries = self.retries if retries is None else retries
        failures, limited, refused_since = 0, 0.0, 0.0
        while True:
            time.sleep(max(0.0, self._resume_at - time.monotonic()))
            if self._resume_at > time.monotonic():
                continue
            try:
                answer = self._read(self._transport.exchange(request), request, read)
            except DatadogError as exc:
                wait, is_transient = exc.retry_after, exc.is_transient
                if exc.status == 403 and exc.errors and path.startswith(ACTIONS):
                    refused_since = refused_since or time.monotonic()
                    is_transient = not self._is_refused
                elif exc.errors and not is_transient:
                    refused_since = self._note_acceptance(refused_since)
                if exc.status == 429 and wait:
                    limited += max(wait, 1)
                    is_over = limited > LONGEST_WAIT or not retries
                    if not is_over:
                        self._resume_at = max(self._resume_at, time.monotonic() + wait)
                    wait = 0
                else:
                    failures += 1
                    is_over = failures > retries or (wait or 0) > LONGEST_WAIT
                if is_over or not is_transient or exc.is_ambiguous:
                    # Once is enough for all requests.
                    self._is_refused = self._is_refused or bool(refused_since)
                    raise
            else:
                self._note_acceptance(refused_since)
                return answer
            time.sleep(_backoff(failures) if wait is None else wait)

    def _note_acceptance(self, refused_since: float) -> float:
        """Tell that the keys were refused at first, once. :returns: 0, for not being refused."""
        if refused_since and not self._is_accepted:
            self._is_accepted = True
            seconds = time.monotonic() - refused_since
            self.notes.append(
                f"Datadog refused the keys for {seconds:.0f} s, and then accepted them, as it does after the registration of an"
                " application key."
            )
        return 0

    def _read(self, response: _Response, request: _Request, read: t.Callable[[Json], t.Any] | None) -> t.Any:
        """Take out of an answer what is wanted. :raises DatadogError: where it is not there."""
        status, call = response.status, f"{request.method} {request.path}"
        try:
            content = json.loads(response.content) if response.content else {}
        except (ValueError, RecursionError):
            content = None
        if 200 <= status < 300:
            try:
                # A page to log in also has status 200, and deletes nothing.
                if not read and status == 200 and "json" not in response.headers.get("Content-Type", ""):
                    raise ValueError("not Datadog's")
                return read(as_object(content)) if read else None
            except ValueError as exc:
                what = "is not the JSON that it should be" if response.content else "is empty"
                reason = f"Datadog's answer to {call} (HTTP {status}) {what}"
                raise _transient(request, reason, CHECK_ADDRESS, status) from exc
        if 300 <= status < 400:
            raise DatadogError(
                request.doing,
                f"{self._transport.host} redirects (HTTP {status}) to {_target(response)}, which is not followed, because it would carry"
                " the credentials there",
                status,
                remedy="Correct site or api_url.",
            )
        errors = _errors(content, self._hide)
        wait = stated_wait(response.headers)
        reason = f"Datadog answered HTTP {status} to {call}"
        if errors:
            reason += ": " + "; ".join(str(error) for error in errors).rstrip(".")
        elif response.content:
            reason += ", without an explanation in JSON; a proxy or gateway may have answered in its place"
        if status == 429:
            reason += ". The rate limit is used up" + (f"; it resets in {wait:g} s" if wait else "")
        # Without Datadog's own words it may be a load balancer's, and another one may answer the next time.
        is_gateway = not errors and status in (403, 404, 410)
        # A POST that was answered so may have had its effect before something failed.
        is_failure = status == 408 or status >= 500
        raise DatadogError(
            request.doing,
            reason,
            status,
            errors,
            is_transient=status == 429 or is_failure or (is_gateway and request.may_repeat),
            is_ambiguous=is_failure and not request.may_repeat,
            retry_after=wait,
            remedy=(not is_gateway and _remedy(status, request.path)) or ("" if errors else CHECK_ADDRESS),
        )


def _transient(request: _Request, reason: str, remedy: str, status: int | None = None) -> DatadogError:
    """What to raise where the same request may succeed later, and a POST may have had its effect."""
    return DatadogError(
        request.doing,
        reason,
        status,
        is_transient=True,
        is_ambiguous=not request.may_repeat,
        remedy=remedy,
    )


def _remedy(status: int, path: str) -> str:
    """What to do about an answer."""
    if status == 401:
        return "Check that the keys or the token are right, and of this site."
    if status == 403:
        needed = next((text for start, text in PERMISSIONS.items() if path.startswith(start)), "their permissions")
        return f"Check that the keys are of this site and organization; and {needed}."
    return TRY_AGAIN if status in (408, 429) or status >= 500 else ""


def _backoff(failures: int) -> float:
    """:returns: seconds to wait after so many failures: 0 after the first one, then 1, 2, 4 and so on."""
    return min(2 ** (failures - 2), LONGEST_BACKOFF) if failures > 1 else 0


def stated_wait(headers: t.Mapping[str, str]) -> float | None:
    """:returns: the seconds that an answer asks to wait before the next request, or None if it does not say."""
    for name in ("Retry-After", "X-RateLimit-Reset"):
        value = headers.get(name)
        if value is not None and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value.strip()):
            return float(value)
    return None


def as_object(value: t.Any) -> Json:
    """What should be a JSON object; an empty one if it is not."""
    return value if isinstance(value, dict) else {}


def _object(content: Json) -> Json:
    """The one object of an answer. :raises ValueError: if there is none, or it has no id."""
    found = as_object(content.get("data"))
    if not found.get("id") or not isinstance(found["id"], str):
        raise ValueError("no object with an id")
    return found


def _objects_and_meta(content: Json) -> tuple[list[Json], Json]:
    """The objects of an answer, maybe none. :raises ValueError: if it has no list of them."""
    rows = content.get("data")
    if not isinstance(rows, list):
        raise ValueError("no list")
    return [_object({"data": row}) for row in rows], as_object(content.get("meta"))


def _some_objects(content: Json) -> list[Json]:
    rows, _meta = _objects_and_meta(content)
    if not rows:
        raise ValueError("an empty list")
    return rows


def _target(response: _Response) -> str:
    """Where a redirect points, without what might be secret in it."""
    try:
        target = urlsplit(urljoin(response.url, response.headers.get("Location", "")))
        return f"{target.scheme}://{target.hostname}"
    except ValueError:
        return "another address"


def _errors(content: t.Any, hide: t.Callable[[str], str]) -> list[ErrorDetail]:
    """Read C({"errors": [{"title", "detail", "source"}]}) and C({"errors": ["text"]})."""
    entries = as_object(content).get("errors")
    details = []
    for entry in entries if isinstance(entries, list) else []:
        found = entry if isinstance(entry, dict) else {"detail": entry}
        pointer = as_object(found.get("source")).get("pointer")
        texts = (found.get("title"), found.get("detail"), pointer)
        # What has neither is not Datadog's.
        if any(texts[:2]):
            details.append(ErrorDetail(*(_clean(text, hide) for text in texts)))
    return details


def _clean(text: t.Any, hide: t.Callable[[str], str] = str) -> str:
    # First hidden, then folded and cut: half a secret would not be recognized any more.
    one_line = re.sub(r"\s+", " ", hide("" if text is None else str(text))).strip()
    return one_line if len(one_line) <= LONGEST_DETAIL else one_line[:LONGEST_DETAIL] + "..."


def _causes(exc: BaseException) -> t.Iterator[BaseException]:
    """An exception, and those that it was made of."""
    inner: BaseException | None = exc
    while inner is not None:
        yield inner
        parts = (
            getattr(inner, "reason", None),
            getattr(inner, "original_error", None),
            *inner.args,
        )
        inner = next((part for part in parts if isinstance(part, BaseException)), None)


def _cause(exc: BaseException) -> str:
    """The words of the root, without Python's object names and without credentials of a proxy."""
    *_outer, root = _causes(exc)
    text = re.sub(r"^(<[^>]*>|\w+\([^)]*\)): ", "", str(root)) or type(root).__name__
    return _clean(re.sub(r"//[^/@\s]*@", "//", text))
