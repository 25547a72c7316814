# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Datadog's HTTP API: authentication, retries, paging and answers. Nothing of Ansible is in here."""

from __future__ import annotations

import contextlib
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

from ._errors import DatadogError, ErrorDetail

REQUESTS_IMPORT_ERROR: str | None
try:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.exceptions import ConnectTimeoutError, HTTPError, InsecureRequestWarning, NewConnectionError
except ImportError:
    REQUESTS_IMPORT_ERROR = traceback.format_exc()
else:
    REQUESTS_IMPORT_ERROR = None

#: The first one is the default.
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
#: Seconds: in all that answers ask to wait, between two attempts otherwise, and beyond the timeout.
LONGEST_WAIT, LONGEST_BACKOFF, GRACE = 300, 30, 1
#: Bytes. A page of a list has some hundred thousand.
LARGEST_ANSWER = 100 * 2**20
LONGEST_DETAIL = 500
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
    "/api/v2/restriction_policy": "that they have the permission user_access_manage, or may edit the resource",
    "/api/v2/current_user": "their permissions",
    "/api/v2/": "that they have the permission user_access_read",
}
CHECK_ADDRESS = "Check site or api_url, and DNS, proxy and firewall."
CHECK_PROXY = "Check the environment variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY."
CHECK_CERTIFICATE = (
    "If a private CA has signed it, name that in ca_path or in the environment variable REQUESTS_CA_BUNDLE; otherwise check"
    " site or api_url, the proxy, and the clock of this host."
)
TRY_AGAIN = "Run the task again later, or increase retries."
REFUSED_AT_FIRST = (
    "Datadog refused the keys at first, as it does for some seconds after the registration of an application key."
)
TRY_LONGER = "Run the task again later, or increase timeout."

Json = dict[str, t.Any]
Read = t.Callable[[Json], t.Any]
T = t.TypeVar("T")


class TooManyPages(Exception):
    """A list has more pages than are worth reading."""


class _Request(t.NamedTuple):
    """A request. :ivar may_repeat: whether it does no harm to send it twice."""

    method: str
    path: str
    doing: str
    body: Json | None = None
    params: t.Mapping[str, t.Any] | None = None
    may_repeat: bool = True

    def failure(self, reason: str, remedy: str, status: int | None = None) -> DatadogError:
        """What to raise where the same request may succeed later, and a POST may have had its effect."""
        return DatadogError(self.doing, reason, status, (), True, not self.may_repeat, remedy=remedy)


class _Response(t.NamedTuple):
    """A complete answer."""

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
    """Sends a request once, over one pooled session."""

    def __init__(self, base_url: str, verify: bool | str, timeout: float, connections: int) -> None:
        self.host = urlsplit(base_url).netloc
        self.session = requests.Session()
        self._base_url, self._verify, self._timeout = base_url, verify, timeout
        # Plain HTTP is for loopback, and loopback is not reached through a proxy.
        self._proxies = {"http": None, "all": None} if base_url.startswith("http://") else {}
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, HTTPAdapter(pool_maxsize=connections))
        if verify is False:
            # The user said so; a warning for each request on stderr would say nothing new.
            warnings.simplefilter("ignore", InsecureRequestWarning)

    def exchange(self, request: _Request) -> _Response:
        """Send a request, and read the answer to its end.

        In a thread that is abandoned after the timeout: that of a socket begins anew with each byte that comes.
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
        # Older releases of requests let some errors of urllib3 pass.
        except (FutureTimeout, HTTPError, OSError, ValueError) as exc:
            raise self._failure(exc, request) from exc

    def _send(self, request: _Request) -> _Response:
        deadline = time.monotonic() + self._timeout
        body = request.body
        with self.session.request(
            request.method,
            self._base_url + request.path,
            params=request.params,
            data=None if body is None else json.dumps(body).encode("utf-8"),
            headers={} if body is None else {"Content-Type": "application/json"},
            timeout=self._timeout,
            # requests would carry DD-API-KEY to another host.
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
            # Before its release 2 urllib3 does not check that.
            size = response.headers.get("Content-Length", "")
            if size.isdigit() and response.raw.tell() < int(size):
                raise requests.exceptions.ConnectionError("it ended early")
            return _Response(response.status_code, response.headers, bytes(content), response.url)

    def _failure(self, exc: Exception, request: _Request) -> DatadogError:
        errors, host, timeout = requests.exceptions, self.host, f"{self._timeout:g} s"
        causes = list(_causes(exc))
        cause = _words(causes[-1])

        def has(*kinds: type[BaseException]) -> bool:
            return any(isinstance(each, kinds) for each in causes)

        is_unsent = has(NewConnectionError, ConnectTimeoutError)
        if isinstance(exc, (errors.Timeout, FutureTimeout)) and not is_unsent:
            return request.failure(f"no complete answer from {host} within {timeout}", TRY_LONGER)
        # OSError: of a missing file of CA certificates; ValueError: of the address of a proxy.
        is_local = isinstance(exc, ValueError) or not isinstance(exc, (errors.RequestException, HTTPError))
        for applies, reason, remedy in (
            (has(ssl.SSLCertVerificationError), f"the certificate of {host} was not accepted", CHECK_CERTIFICATE),
            (isinstance(exc, errors.ProxyError), f"the proxy failed to connect to {host}", CHECK_PROXY),
            (is_unsent, f"cannot connect to {host}", CHECK_ADDRESS),
            (is_local, "the request could not be sent", ""),
        ):
            if applies:
                return DatadogError(request.doing, f"{reason} ({cause})", is_transient=is_unsent, remedy=remedy)
        remedy = CHECK_ADDRESS if has(ssl.SSLError) else TRY_AGAIN
        return request.failure(f"the connection to {host} broke ({cause})", remedy)


class Client:
    """One Datadog organization. May be used by several threads. All requests raise DatadogError.

    :param base_url: scheme and host, maybe port and path; without a slash at the end.
    :param credentials: the headers C(DD-API-KEY) and C(DD-APPLICATION-KEY), or C(Authorization).
    :param verify: True, False, or the path of a file or folder of CA certificates.
    :param timeout: seconds for a connection, and for a complete answer.
    :param connections: how many are kept open.
    :param hide: takes secrets out of what Datadog says in errors.
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
        self.base_url, self.timeout, self.retries = base_url, timeout, retries
        self.notes: list[str] = []
        self._hide = hide
        # When a rate limit ends, and whether a refusal of the keys was waited for already.
        self._resume_at, self._is_refused = 0.0, False
        self._transport = _Transport(base_url, verify, timeout, connections)
        session = self._transport.session
        # The last one as Datadog's own tools for infrastructure as code do.
        headers = {"Accept": "application/json", "User-Agent": user_agent, "X-Datadog-Managed-By": "iac"}
        session.headers.update(headers)

        def authenticate(request: t.Any) -> t.Any:
            request.headers.update(credentials)
            return request

        # With an authentication of its own requests does not read .netrc.
        session.auth = authenticate

    def get(self, path: str, doing: str) -> Json:
        """:returns: the answer's C(data), which has an C(id)."""
        return self._call(_object, _Request("GET", path, doing))

    def find(self, path: str, doing: str) -> Json | None:
        """Like get(), but :returns: None where Datadog itself answers that it does not exist."""
        try:
            return self.get(path, doing)
        except DatadogError as exc:
            if exc.is_gone:
                return None
            raise

    def post(self, path: str, doing: str, body: Json, may_repeat: bool = False) -> Json:
        """Like get(). Repeated only where it surely had no effect, or that does no harm."""
        return self._call(_object, _Request("POST", path, doing, body, None, may_repeat))

    def post_all(self, path: str, doing: str, body: Json, may_repeat: bool = False) -> list[Json]:
        """Like post(), for an answer with one object or more."""
        return self._call(_some_objects, _Request("POST", path, doing, body, None, may_repeat))

    def patch(self, path: str, doing: str, body: Json) -> Json:
        """Like get()."""
        return self._call(_object, _Request("PATCH", path, doing, body))

    def put(self, path: str, doing: str, retries: int) -> Json:
        """Like get(), with a request that has no body. :param retries: in the place of the client's."""
        return self._call(_object, _Request("PUT", path, doing), retries)

    def delete(self, path: str, doing: str, body: Json | None = None) -> bool:
        """:returns: False where Datadog itself answers that it did not exist."""
        try:
            self._call(None, _Request("DELETE", path, doing, body))
        except DatadogError as exc:
            if exc.is_gone:
                return False
            raise
        return True

    def page(self, path: str, doing: str, params: t.Mapping[str, t.Any]) -> tuple[list[Json], Json]:
        """:returns: the objects of an answer, and its C(meta)."""
        return self._call(_objects_and_meta, _Request("GET", path, doing, None, params))

    def pages(
        self,
        path: str,
        doing: str,
        params: t.Mapping[str, t.Any] | None = None,
        total: Read = lambda meta: None,
        most_pages: int | None = None,
    ) -> list[Json]:
        """All rows of a list, over all its pages, each id once.

        C(next_number) is ignored; it was seen pointing past the last page. Where fewer rows come than the list counts, or the
        count changes from page to page, the list is read once more.

        :param total: finds the number of all rows in the answer's C(meta).
        :raises TooManyPages: where that is more than most_pages hold.
        """
        found: dict[str, Json] = {}
        for _attempt in range(2):
            seen: set[str] = set()
            counts: set[t.Any] = set()
            is_last, number = False, 0
            while not is_last:
                page = {**(params or {}), "page[size]": PAGE_SIZE, "page[number]": number}
                rows, meta = self.page(path, doing, page)
                count, ids = total(meta), {row["id"]: row for row in rows}
                is_counted = isinstance(count, int)
                if most_pages and is_counted and count > most_pages * PAGE_SIZE:
                    raise TooManyPages()
                counts.add(count)
                # A server may have smaller pages than it was asked for, or always return the same one.
                is_last = seen.issuperset(ids)
                seen.update(ids)
                found.update(ids)
                is_last = is_last or (len(seen) >= count if is_counted else len(rows) < PAGE_SIZE)
                number += 1
            if len(counts) == 1 and (not is_counted or len(seen) >= count):
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

    def wait_for(self, read: t.Callable[[], T | None]) -> T | None:
        """Read again, as often and with the same pauses as for a failed request, until there is something."""
        for attempt in range(self.retries + 1):
            time.sleep(_backoff(attempt))
            found = read()
            if found is not None:
                return found
        return None

    def _call(self, read: Read | None, request: _Request, retries: int | None = None) -> t.Any:
        """Send a request until it succeeds or there is no point in sending it again. The only place that repeats one.

        A rate limit makes all threads wait, and does not count as one of C(retries). A registered application key may be refused
        for some seconds, so that refusals are waited for, too, once a task.

        :param read: takes what is wanted out of the answer's JSON; raises ValueError if it is not there. None: nothing.
        """
        retries = self.retries if retries is None else retries
        failures, limited, was_refused = 0, 0.0, False
        while True:
            time.sleep(max(0.0, self._resume_at - time.monotonic()))
            if self._resume_at > time.monotonic():
                continue
            try:
                answer = self._read(self._transport.exchange(request), request, read)
            except DatadogError as exc:
                wait, is_transient = exc.retry_after, exc.is_transient
                if exc.status == 403 and exc.errors and request.path.startswith(ACTIONS):
                    was_refused, is_transient = True, not self._is_refused
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
                    self._note_refusal(was_refused, exc.status)
                    raise
            else:
                self._note_refusal(was_refused, None)
                return answer
            time.sleep(_backoff(failures) if wait is None else wait)

    def _note_refusal(self, was_refused: bool, last_status: int | None) -> None:
        self._is_refused = self._is_refused or was_refused
        if was_refused and last_status != 403 and REFUSED_AT_FIRST not in self.notes:
            self.notes.append(REFUSED_AT_FIRST)

    def _read(self, response: _Response, request: _Request, read: Read | None) -> t.Any:
        status, call = response.status, f"{request.method} {request.path}"
        try:
            content = json.loads(response.content) if response.content else {}
        except (ValueError, RecursionError):
            content = None
        if 200 <= status < 300:
            # A page to log in also has status 200, and deletes nothing.
            is_foreign = not read and status == 200 and "json" not in response.headers.get("Content-Type", "")
            with contextlib.suppress(ValueError):
                if not is_foreign:
                    return read(as_object(content)) if read else None
            what = "is not the expected JSON" if response.content else "is empty"
            raise request.failure(f"Datadog's answer to {call} (HTTP {status}) {what}", CHECK_ADDRESS, status)
        errors, wait = _errors(content, self._hide), _stated_wait(response.headers)
        reason, remedy = f"Datadog answered HTTP {status} to {call}", _remedy(status, request.path)
        # Without Datadog's own words it may be a load balancer's, and another one may answer the next time.
        is_gateway = not errors and status in (403, 404, 410)
        if 300 <= status < 400:
            reason = f"{self._transport.host} redirects (HTTP {status}) to {_target(response)}, which is not followed, because it would"
            reason += " carry the credentials there"
            remedy = "Correct site or api_url."
        elif errors:
            reason += ": " + "; ".join(map(str, errors)).rstrip(".")
        elif response.content:
            reason += ", without an explanation in JSON; a proxy or gateway may have answered in its place"
        if status == 429:
            reason += ". The rate limit is exceeded" + (f"; it resets in {wait:g} s" if wait else "")
        # A POST that was answered so may have had its effect before something failed.
        is_failure = status == 408 or status >= 500
        is_transient = status == 429 or is_failure or (is_gateway and request.may_repeat)
        remedy = CHECK_ADDRESS if is_gateway or not (remedy or errors) else remedy
        is_ambiguous = is_failure and not request.may_repeat
        raise DatadogError(request.doing, reason, status, errors, is_transient, is_ambiguous, wait, remedy)


def _remedy(status: int, path: str) -> str:
    if status == 401:
        return "Check that the keys or the token are right, and belong to this site."
    if status == 403:
        needed = next(text for start, text in PERMISSIONS.items() if path.startswith(start))
        return f"Check that the keys belong to this site and organization; and {needed}."
    return TRY_AGAIN if status in (408, 429) or status >= 500 else ""


def _backoff(failures: int) -> float:
    """:returns: seconds to wait after so many failures: 0 after the first one, then 1, 2, 4 and so on."""
    return min(2 ** (failures - 2), LONGEST_BACKOFF) if failures > 1 else 0


def _stated_wait(headers: t.Mapping[str, str]) -> float | None:
    """:returns: the seconds that an answer asks to wait, or None if it does not say."""
    for name in ("Retry-After", "X-RateLimit-Reset"):
        if re.fullmatch(r"\s*\d{1,9}(\.\d{1,9})?\s*", headers.get(name) or ""):
            return float(headers[name])
    return None


def as_object(value: t.Any) -> Json:
    """What should be a JSON object; an empty one if it is not."""
    return value if isinstance(value, dict) else {}


def _object(content: Json) -> Json:
    found = as_object(content.get("data"))
    if not found.get("id") or not isinstance(found["id"], str):
        raise ValueError("no object with an id")
    return found


def _objects_and_meta(content: Json) -> tuple[list[Json], Json]:
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
    # Where a redirect points, without what might be secret in it.
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
        texts = (found.get("title"), found.get("detail"), as_object(found.get("source")).get("pointer"))
        # What has neither is not Datadog's.
        if any(texts[:2]):
            details.append(ErrorDetail(*(_clean(text, hide) for text in texts)))
    return details


def _clean(text: t.Any, hide: t.Callable[[str], str] = str) -> str:
    # First hidden, then folded and cut: half a secret would not be recognized any more.
    one_line = re.sub(r"\s+", " ", hide("" if text is None else str(text))).strip()
    return one_line if len(one_line) <= LONGEST_DETAIL else one_line[:LONGEST_DETAIL] + "..."


def _causes(exc: BaseException) -> t.Iterator[BaseException]:
    inner: BaseException | None = exc
    while inner is not None:
        yield inner
        parts = (getattr(inner, "reason", None), getattr(inner, "original_error", None), *inner.args)
        inner = next((part for part in parts if isinstance(part, BaseException)), None)


def _words(exc: BaseException) -> str:
    # Without Python's object names and without credentials of a proxy.
    text = re.sub(r"^(<[^>]*>|\w+\([^)]*\)): ", "", str(exc)) or type(exc).__name__
    return _clean(re.sub(r"//[^/@\s]*@", "//", text))
