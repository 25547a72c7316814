# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Datadog's HTTP API: authentication, retries, paging and answers. Nothing of Ansible is in here."""

from __future__ import annotations

import contextlib
import itertools
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
from urllib.parse import urlsplit

from ._errors import DatadogError, ErrorDetail

REQUESTS_IMPORT_ERROR: str | None
try:
    import requests
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
#: Bytes, and characters.
LARGEST_ANSWER, LONGEST_DETAIL = 100 * 2**20, 500
#: What a gateway may answer by itself, then without Datadog's errors in JSON.
GATEWAY = (403, 404, 410)
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
CHECK_CERTIFICATE = (
    "If a private CA has signed it, name that in ca_path or in the environment variable REQUESTS_CA_BUNDLE; otherwise check"
    " site or api_url, the proxy, and the clock of this host."
)
TRY_AGAIN = "Run the task again later, or increase retries."
REFUSED_AT_FIRST = (
    "Datadog refused the keys at first, as it does for some seconds after the registration of an application key."
)

Json = dict[str, t.Any]
#: Takes what is wanted out of an answer's JSON, or raises ValueError.
Read = t.Callable[[t.Any], t.Any]
T = t.TypeVar("T")


class TooManyPages(Exception):
    """A list has more pages than are worth reading."""


def site_of(base_url: str) -> str:
    """The site (C(datadoghq.eu)) that an address belongs to, or else the address without its scheme."""
    address = base_url.split("://", 1)[1].lower()
    site = re.sub(r"^api\.|:443$", "", address)
    return site if site in SITES else address


def as_object(value: t.Any) -> Json:
    """A JSON object; an empty one in the place of anything else."""
    return value if isinstance(value, dict) else {}


def value_at(content: t.Any, path: str) -> t.Any:
    """What an answer has at a path like C(meta.page.total), or None."""
    for key in path.split("."):
        content = as_object(content).get(key)
    return content


def _object(content: t.Any) -> Json:
    found = as_object(value_at(content, "data"))
    if not found.get("id") or not isinstance(found["id"], str):
        raise ValueError("no object with an id")
    return found


def objects_and_meta(content: t.Any) -> tuple[list[Json], Json]:
    rows = value_at(content, "data")
    if not isinstance(rows, list):
        raise ValueError("no list")
    return [_object({"data": row}) for row in rows], as_object(content.get("meta"))


def objects(content: t.Any) -> list[Json]:
    rows, _meta = objects_and_meta(content)
    if not rows:
        raise ValueError("an empty list")
    return rows


class Client:
    """One Datadog organization, for any number of threads. All requests raise DatadogError.

    :param verify: whether to check certificates, or the path of CA certificates.
    :param timeout: seconds for a connection, and for a complete answer.
    :param hide: takes secrets out of what Datadog says in errors.
    :ivar notes: what the user should know about requests that succeeded in the end.
    """

    def __init__(
        self,
        base_url: str,
        credentials: t.Mapping[str, str],
        verify: bool | str,
        timeout: float,
        retries: int,
        user_agent: str,
        connections: int,
        hide: t.Callable[[str], str],
    ) -> None:
        self.base_url, self.timeout, self.retries = base_url, timeout, retries
        self.notes: list[str] = []
        self._host, self._verify, self._hide = urlsplit(base_url).netloc, verify, hide
        # When a rate limit ends, and whether refused keys were waited for in vain.
        self._resume_at, self._is_refused = 0.0, False
        self._session = session = requests.Session()
        session.mount(base_url, requests.adapters.HTTPAdapter(pool_maxsize=connections))
        # The last one as Datadog's own tools for infrastructure as code do.
        headers = {"Accept": "application/json", "User-Agent": user_agent, "X-Datadog-Managed-By": "iac"}
        session.headers.update({**headers, **credentials})
        # With an authentication of its own requests does not read .netrc.
        session.auth = lambda request: request
        # Plain HTTP is for loopback, which is not reached through a proxy.
        session.trust_env = base_url.startswith("https://")
        if verify is False:
            # The user said so; a warning for each request would say nothing new.
            warnings.simplefilter("ignore", InsecureRequestWarning)

    def find(self, path: str, doing: str) -> Json | None:
        """:returns: the answer's C(data), which has an C(id); None where Datadog itself answers that it does not exist."""
        return self.call("GET", path, doing, may_be_gone=True)

    def post(self, path: str, doing: str, body: Json, may_repeat: bool = False) -> Json:
        """Repeated only where it surely had no effect, or that does no harm."""
        return self.call("POST", path, doing, may_repeat=may_repeat, json=body)

    def patch(self, path: str, doing: str, body: Json) -> Json:
        return self.call("PATCH", path, doing, json=body)

    def delete(self, path: str, doing: str, body: Json | None = None) -> bool:
        """:returns: False where Datadog itself answers that it did not exist."""
        return self.call("DELETE", path, doing, as_object, may_be_gone=True, json=body) is not None

    def pages(
        self, path: str, doing: str, params: t.Mapping[str, t.Any], total: str, most_pages: int | None = None
    ) -> list[Json]:
        """All rows of a list, each id once. It is read again where rows are missing, or their count changes meanwhile.

        C(next_number) is ignored; it was seen pointing past the last page.

        :param total: where the answer's C(meta) counts all rows, like C(page.total).
        :raises TooManyPages: where these are more than most_pages hold.
        """
        found: dict[str, Json] = {}
        for _attempt in range(2):
            seen: set[str] = set()
            counts: set[int | None] = set()
            for number in itertools.count():
                query = {**params, "page[size]": PAGE_SIZE, "page[number]": number}
                rows, meta = self.call("GET", path, doing, objects_and_meta, params=query)
                count = value_at(meta, total)
                count = count if isinstance(count, int) else None
                if most_pages and (count or 0) > most_pages * PAGE_SIZE:
                    raise TooManyPages()
                counts.add(count)
                page = {row["id"]: row for row in rows}
                # A server may have smaller pages than it was asked for, or always return the same one.
                is_repeated = seen.issuperset(page)
                seen.update(page)
                found.update(page)
                if is_repeated or (len(rows) < PAGE_SIZE if count is None else len(seen) >= count):
                    break
            if len(counts) == 1 and len(seen) >= (count or 0):
                break
        return list(found.values())

    def organization(self) -> str:
        """:returns: the UUID of the organization of the keys; empty where the answer has none."""
        user = self.call("GET", "/api/v2/current_user", "look up the organization of the keys")
        return str(value_at(user, "relationships.org.data.id") or "")

    def pause(self, error: DatadogError) -> None:
        """Wait before looking for what a failed request may have done."""
        time.sleep(min(error.retry_after or 1, 8))

    def wait_for(self, read: t.Callable[[], T | None]) -> T | None:
        """Read again, as often and with the same pauses as for a failed request, until there is something."""
        for attempt in range(self.retries + 1):
            time.sleep(_backoff(attempt))
            found = read()
            if found is not None:
                return found
        return None

    def call(
        self,
        method: str,
        path: str,
        doing: str,
        read: Read = _object,
        may_repeat: bool | None = None,
        may_be_gone: bool = False,
        retries: int | None = None,
        **content: t.Any,
    ) -> t.Any:
        """Send a request until it succeeds or there is no point in sending it again. The only place that repeats one.

        A rate limit makes all threads wait, and does not count as one of C(retries). A registered application key may be refused
        for some seconds, so that refusals are waited for, too, until that was in vain.

        :param read: takes what is returned out of the answer's JSON, or raises ValueError.
        :param may_repeat: whether it does no harm to send it twice. A POST may only if that is said.
        :param may_be_gone: whether to return None where Datadog itself answers that it does not exist.
        :param retries: in the place of the client's.
        """
        retries = self.retries if retries is None else retries
        may_repeat = method != "POST" if may_repeat is None else may_repeat
        failures, limited, was_refused = 0, 0.0, False
        while True:
            # Another thread may prolong it meanwhile.
            while (rest := self._resume_at - time.monotonic()) > 0:
                time.sleep(rest)
            try:
                answer = self._read(*self._exchange(method, path, content), method, path, read)
                break
            except DatadogError as exc:
                if may_be_gone and exc.is_gone:
                    answer = None
                    break
                exc.doing, exc.is_ambiguous = doing, exc.is_ambiguous and not may_repeat
                wait, is_transient = exc.retry_after, exc.is_transient and (may_repeat or exc.status not in GATEWAY)
                if exc.status == 403 and exc.errors and path.startswith(ACTIONS):
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
                    self._note(was_refused and exc.status != 403)
                    self._is_refused = self._is_refused or was_refused
                    raise
            time.sleep(_backoff(failures) if wait is None else wait)
        self._note(was_refused)
        return answer

    def _note(self, was_refused: bool) -> None:
        if was_refused and REFUSED_AT_FIRST not in self.notes:
            self.notes.append(REFUSED_AT_FIRST)

    def _exchange(self, method: str, path: str, content: Json) -> tuple[requests.Response, bytes]:
        """Send a request once, in a thread that is abandoned after the timeout: a socket's begins anew with each byte."""
        future: Future[tuple[requests.Response, bytes]] = Future()

        def work() -> None:
            try:
                future.set_result(self._send(method, path, content))
            except BaseException as exc:  # pylint: disable=broad-exception-caught
                future.set_exception(exc)

        threading.Thread(target=work, daemon=True).start()
        try:
            return future.result(self.timeout + GRACE)
        # Older releases of requests let some errors of urllib3 pass.
        except (FutureTimeout, HTTPError, OSError, ValueError) as exc:
            raise self._failure(exc) from exc

    def _send(self, method: str, path: str, content: Json) -> tuple[requests.Response, bytes]:
        with self._session.request(
            method,
            self.base_url + path,
            timeout=self.timeout,
            # requests would carry DD-API-KEY to another host.
            allow_redirects=False,
            # Given here and not to the session, where REQUESTS_CA_BUNDLE takes precedence.
            verify=self._verify,
            stream=True,
            **content,
        ) as response:
            body = bytearray()
            for chunk in response.iter_content(2**16):
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise requests.exceptions.ConnectionError(f"more than {LARGEST_ANSWER} bytes")
            # Before its release 2 urllib3 does not check that.
            size = response.headers.get("Content-Length", "")
            if size.isdigit() and response.raw.tell() < int(size):
                raise requests.exceptions.ConnectionError("it ended early")
            return response, bytes(body)

    def _read(self, response: requests.Response, body: bytes, method: str, path: str, read: Read) -> t.Any:
        status, call, headers = response.status_code, f"{method} {path}", response.headers
        try:
            content = json.loads(body) if body else {}
        except (ValueError, RecursionError):
            content = None
        if 200 <= status < 300:
            # A page to log in also has status 200, and deletes nothing.
            is_page = method == "DELETE" and status == 200 and "json" not in headers.get("Content-Type", "")
            with contextlib.suppress(ValueError):
                if not is_page:
                    return read(content)
            what = "is not the expected JSON" if body else "is empty"
            reason = f"Datadog's answer to {call} (HTTP {status}) {what}"
            raise DatadogError(reason, CHECK_ADDRESS, status, is_transient=True, is_ambiguous=True)
        errors, reason, remedy = self._errors(content), f"Datadog answered HTTP {status} to {call}", ""
        # A POST that was answered so may have had its effect before something failed.
        is_failure = status == 408 or status >= 500
        stated = [headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "") if status == 429 else ""]
        wait = next((float(each) for each in stated if re.fullmatch(r"\s*\d{1,9}(\.\d{1,9})?\s*", each)), None)
        if errors:
            reason += ": " + "; ".join(map(str, errors)).rstrip(".")
        elif body:
            reason += ", without an explanation in JSON; a proxy or gateway may have answered in its place"
        if 300 <= status < 400:
            # Without what might be secret in it.
            target = re.match(r"https?://[^/?#@]+(?![^/?#])", headers.get("Location", ""))
            reason = f"{self._host} redirects (HTTP {status}) to {target[0] if target else 'another address'}"
            reason += ", which is not followed, because it would carry the credentials there"
            remedy = "Correct site or api_url."
        elif status == 401:
            remedy = "Check that the keys or the token are right, and belong to this site."
        elif status == 403 and errors:
            needed = next(text for start, text in PERMISSIONS.items() if path.startswith(start))
            remedy = f"Check that the keys belong to this site and organization; and {needed}."
        elif status == 429:
            reason += ". The rate limit is exceeded" + (f"; it resets in {wait:g} s" if wait else "")
            remedy = TRY_AGAIN
        elif is_failure:
            remedy = TRY_AGAIN
        elif not errors:
            remedy = CHECK_ADDRESS
        # Another load balancer may answer the next time.
        is_transient = status == 429 or is_failure or (not errors and status in GATEWAY)
        raise DatadogError(reason, remedy, status, errors, wait, is_transient, is_failure)

    def _failure(self, exc: Exception) -> DatadogError:
        """What to raise where no answer came."""
        causes, inner = [], t.cast("BaseException | None", exc)
        while inner:
            causes.append(inner)
            inner = inner.__cause__ or (None if inner.__suppress_context__ else inner.__context__)

        def has(*kinds: type[BaseException]) -> bool:
            return any(isinstance(each, kinds) for each in causes)

        # Without the credentials of a proxy.
        cause = self._clean(re.sub(r"(?<=//)[^/@\s]*@", "", str(causes[-1]) or type(causes[-1]).__name__))
        errors, host = requests.exceptions, self._host
        is_unsent, is_broken, may_be_done = has(NewConnectionError, ConnectTimeoutError), False, False
        if has(ssl.SSLCertVerificationError):
            reason, remedy, is_unsent = f"the certificate of {host} was not accepted", CHECK_CERTIFICATE, False
        elif isinstance(exc, errors.ProxyError):
            reason = f"the proxy failed to connect to {host}"
            remedy = "Check the environment variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY."
        elif is_unsent:
            reason, remedy = f"cannot connect to {host}", CHECK_ADDRESS
        elif isinstance(exc, (errors.Timeout, FutureTimeout)):
            is_broken, cause = True, f"{self.timeout:g} s"
            reason = f"no complete answer from {host} within the timeout"
            remedy = "Run the task again later, or increase timeout."
        elif isinstance(exc, ValueError) or not isinstance(exc, (errors.RequestException, HTTPError)):
            # The address of a proxy, a missing file of CA certificates, or a header of the answer: it may have had its effect.
            reason, remedy, may_be_done = "the request failed", CHECK_ADDRESS, True
        else:
            is_broken, reason = True, f"the connection to {host} broke"
            remedy = CHECK_ADDRESS if has(ssl.SSLError) else TRY_AGAIN
        is_transient, may_be_done = is_unsent or is_broken, is_broken or may_be_done
        return DatadogError(f"{reason} ({cause})", remedy, is_transient=is_transient, is_ambiguous=may_be_done)

    def _errors(self, content: t.Any) -> list[ErrorDetail]:
        """Read C({"errors": [{"title", "detail", "source"}]}) and C({"errors": ["text"]})."""
        entries = value_at(content, "errors")
        details = []
        for entry in entries if isinstance(entries, list) else []:
            found = entry if isinstance(entry, dict) else {"detail": entry}
            texts = [self._clean(value_at(found, key)) for key in ("title", "detail", "source.pointer")]
            # What has neither is not Datadog's.
            if any(texts[:2]):
                details.append(ErrorDetail(*texts))
        return details

    def _clean(self, text: t.Any) -> str:
        # First hidden, then folded and cut: half a secret would not be recognized any more.
        one_line = " ".join(self._hide(str(text or "")).split())
        return one_line if len(one_line) <= LONGEST_DETAIL else one_line[:LONGEST_DETAIL] + "..."


def _backoff(failures: int) -> float:
    """Seconds to wait after so many failures: 0 after the first one, then 1, 2, 4 and so on."""
    return min(2 ** (failures - 2), LONGEST_BACKOFF) if failures > 1 else 0
