"""One exchange with a web source.

It retries what may pass (a lost connection, a time-out, a busy server), waits as long
as the server asks where that is short, and says in words why it gave up.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
)

from core.version import CODE_VERSION
from orchestrator.feeds.host_rules import HostRefused, endpoint_of, parse_web_address
from orchestrator.feeds.web_client import FeedFailed, WebAnswer, WebClient, WebReply
from orchestrator.telemetry.readers.documents import member

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOST_REDIRECTS = 3
_LARGEST_ERROR_BYTES = 4096
_MOST_QUOTA_LEFT = 2**31 - 1
_LONGEST_RETRY_AFTER = timedelta(days=1)
_NO_ANSWER = (OSError, httpx.TransportError, httpx.InvalidURL)
_CONDITIONS = frozenset({"if-none-match", "if-modified-since"})


class _Passing(FeedFailed):
    """A failure that may pass within seconds."""


def exchange(
    client: WebClient,
    url: str,
    params: Mapping[str, str] | None,
    headers: Mapping[str, str] | None,
    login: tuple[str, str] | None,
    media: str,
) -> WebAnswer:
    """The answer to one question; see `WebClient.get`."""
    parts = parse_web_address(url, client.private_hosts)
    full = str(httpx.URL(url, params=params)) if params else url
    given = dict(headers or {})
    if login is not None:
        pair = ":".join(login).encode()
        given["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    question = _Question(client=client, first_host=parts.hostname or "", media=media)
    return asyncio.run(question.answer(full, given))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A question to one host, and to those to which it redirects."""

    client: WebClient
    first_host: str
    media: str

    async def answer(self, url: str, headers: Mapping[str, str]) -> WebAnswer:
        """The answer, within the limits."""
        limits = self.client.limits
        try:
            async with asyncio.timeout(limits.total_s):
                retrying = AsyncRetrying(
                    retry=retry_if_exception_type(_Passing),
                    stop=stop_after_attempt(limits.tries),
                    wait=self._wait_s,
                    reraise=True,
                )
                answer: WebAnswer = await retrying(self._follow, url, headers)
                return answer
        except TimeoutError as exc:
            message = (
                f"{self.first_host} did not answer completely within"
                f" {limits.total_s:g} s."
            )
            raise FeedFailed(message) from exc

    def _wait_s(self, state: RetryCallState) -> float:
        """Doubling, by chance between none and all of it, at least as asked for."""
        limits = self.client.limits
        cap = limits.first_wait_s * 2 ** (state.attempt_number - 1)
        drawn = random.uniform(0.0, min(cap, limits.longest_wait_s))  # noqa: S311 -- spreads tries, guards nothing
        failed = state.outcome.exception() if state.outcome else None
        until = failed.not_before_utc if isinstance(failed, FeedFailed) else None
        asked_s = (until - datetime.now(UTC)).total_seconds() if until else 0.0
        return max(drawn, asked_s)

    async def _follow(self, url: str, headers: Mapping[str, str]) -> WebAnswer:
        """One try: the request, and those to which it is redirected."""
        timeout = httpx.Timeout(
            self.client.limits.read_s, connect=self.client.limits.connect_s
        )
        async with httpx.AsyncClient(
            timeout=timeout, trust_env=False, verify=_authorities()
        ) as http:
            for _ in range(_MOST_REDIRECTS + 1):
                answer = await self._once(http, url, headers)
                if isinstance(answer, WebAnswer):
                    return answer
                url, headers = self._redirected(url, answer, headers)
        message = f"{self.first_host} redirects more than {_MOST_REDIRECTS} times."
        raise FeedFailed(message)

    def _redirected(
        self, url: str, location: str, headers: Mapping[str, str]
    ) -> tuple[str, Mapping[str, str]]:
        try:
            target = urljoin(url, location)
            parts = parse_web_address(target, self.client.private_hosts)
        except ValueError as exc:
            message = f"{self.first_host} redirects to what is no address."
            raise FeedFailed(message) from exc
        host = (parts.hostname or "").lower()
        if host != self.first_host.lower() and host not in self.client.private_hosts:
            message = (
                f"{self.first_host} redirects to {host}, which the feed does not allow."
            )
            raise HostRefused(message)
        if urlsplit(url).scheme == "https" and parts.scheme != "https":
            message = f"{self.first_host} redirects from https to plain http."
            raise HostRefused(message)
        same = _origin(parts) == _origin(urlsplit(url))
        return target, headers if same else {}

    async def _once(
        self,
        http: httpx.AsyncClient,
        url: str,
        headers: Mapping[str, str],
    ) -> WebAnswer | str:
        """An answer, or the place to which it redirects."""
        if (
            self.client.most_requests is not None
            and self.client.use.requests >= self.client.most_requests
        ):
            message = "The feed's own limit of requests a day is used up."
            raise FeedFailed(message, _next_day(datetime.now(UTC)))
        host = urlsplit(url).hostname or ""
        try:
            response = await _send(self.client, http, "GET", url, headers)
            try:
                is_conditional = not _CONDITIONS.isdisjoint(map(str.lower, headers))
                return await self._read(response, host, is_conditional=is_conditional)
            finally:
                await response.aclose()
        except _NO_ANSWER as exc:
            raise _Passing(_no_answer(host, exc)) from exc

    async def _read(
        self, response: httpx.Response, host: str, *, is_conditional: bool
    ) -> WebAnswer | str:
        left = response.headers.get("x-ratelimit-remaining", "")
        if left.isascii() and left.isdigit():
            # As much as the database keeps, whatever a source states.
            self.client.use.quota_left = (
                int(left) if len(left) < 10 else _MOST_QUOTA_LEFT
            )
        status = response.status_code
        if status in _REDIRECTS:
            return response.headers.get("location") or "/"
        if status == httpx.codes.NOT_MODIFIED and is_conditional:
            return WebAnswer(content=b"", is_unchanged=True)
        if status != httpx.codes.OK:
            self._refuse(response, host, await _said(response))
        kind = response.headers.get("content-type", "")
        if self.media not in kind.lower():
            message = (
                f"{host} answered with {kind[:60] or 'no type'}, not {self.media}."
            )
            raise FeedFailed(message)
        if response.headers.get("content-encoding", "identity") != "identity":
            message = f"{host} sent a packed answer, which was not asked for."
            raise FeedFailed(message)
        content = bytearray()
        async for chunk in response.aiter_raw():
            content += chunk
            self.client.use.received_bytes += len(chunk)
            if len(content) > self.client.limits.largest_bytes:
                message = (
                    f"The answer of {host} is larger than"
                    f" {self.client.limits.largest_bytes:,} bytes."
                )
                raise FeedFailed(message)
        return WebAnswer(
            content=bytes(content),
            etag=_short(response.headers.get("etag")),
            last_modified=_short(response.headers.get("last-modified")),
        )

    def _refuse(self, response: httpx.Response, host: str, reason: str) -> None:
        """Say in words why a status is no answer."""
        status = response.status_code
        if status in {401, 403}:
            message = (
                f"{host} refused the secret of this feed ({status}): it is missing,"
                " wrong, run out, or has no right to this."
            )
            raise FeedFailed(message)
        if status in _PASSING:
            now = datetime.now(UTC)
            until = retry_after(response.headers.get("retry-after"), now)
            said = "asks to wait" if status == 429 else "has a fault of its own"
            message = f"{host} {said} ({status})."
            soon = now + timedelta(seconds=self.client.limits.longest_wait_s)
            if until is not None and until > soon:
                message = f"{message[:-1]} until {until:%H:%M} UTC."
                raise FeedFailed(message, until)
            raise _Passing(message, until)
        message = f"{host} answered with status {status}{reason}."
        raise FeedFailed(message)


def post(
    client: WebClient, url: str, content: bytes, headers: Mapping[str, str]
) -> WebReply:
    """What a host says to a document that is sent once; see `WebClient.post`."""
    parts = parse_web_address(url, client.private_hosts)
    return asyncio.run(_post(client, url, parts.hostname or "", content, headers))


async def _post(
    client: WebClient, url: str, host: str, content: bytes, headers: Mapping[str, str]
) -> WebReply:
    limits = client.limits
    timeout = httpx.Timeout(limits.read_s, connect=limits.connect_s)
    try:
        async with (
            asyncio.timeout(limits.total_s),
            httpx.AsyncClient(
                timeout=timeout, trust_env=False, verify=_authorities()
            ) as http,
        ):
            response = await _send(client, http, "POST", url, headers, content)
            try:
                said = "" if response.is_success else await _said_at_all(response)
            finally:
                await response.aclose()
    except TimeoutError as exc:
        message = f"{host} did not answer completely within {limits.total_s:g} s."
        raise FeedFailed(message) from exc
    except _NO_ANSWER as exc:
        raise FeedFailed(_no_answer(host, exc)) from exc
    return WebReply(
        status=response.status_code,
        said=said,
        not_before_utc=retry_after(
            response.headers.get("retry-after"), datetime.now(UTC)
        ),
    )


async def _send(
    client: WebClient,
    http: httpx.AsyncClient,
    method: str,
    url: str,
    headers: Mapping[str, str],
    content: bytes | None = None,
) -> httpx.Response:
    """Send a request to a checked address of its host; the answer is still to be read.

    Raises
    ------
    HostRefused
        When an address of the host is not allowed.
    OSError, httpx.TransportError, httpx.InvalidURL
        When the name does not resolve; when no answer begins; when it redirects to what
        is no address.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    endpoint = await asyncio.to_thread(
        endpoint_of,
        parts.hostname or "",
        port,
        client.private_hosts,
        resolve=client.resolve,
    )
    ip = f"[{endpoint.ip}]" if ":" in endpoint.ip else endpoint.ip
    request = http.build_request(
        method,
        parts._replace(netloc=f"{ip}:{port}").geturl(),
        content=content,
        headers={
            "Accept-Encoding": "identity",  # sizes are what comes over the wire
            "User-Agent": f"global-fleet-orchestrator/{CODE_VERSION}",
            **headers,
            "Host": parts.netloc,
        },
        # TLS is verified against the name, though the connection goes to the
        # address that was checked.
        extensions={"sni_hostname": endpoint.host},
    )
    client.use.requests += 1
    return await http.send(request, stream=True)


def _no_answer(
    host: str, error: OSError | httpx.TransportError | httpx.InvalidURL
) -> str:
    """Why there is no answer, without the address, which may hold a secret."""
    if isinstance(error, httpx.InvalidURL):  # httpx reads redirects, followed or not
        return f"{host} redirects to what is no address."
    if isinstance(error, httpx.TimeoutException):
        return f"{host} did not answer in time."
    if isinstance(error, httpx.TransportError):
        return f"{host} could not be read: {_reason(error)}."
    return f"{host} is not known: its name does not resolve."


async def _said_at_all(response: httpx.Response) -> str:
    """The reason that an error gives, where it can be read; the status stands."""
    try:
        return await _said(response)
    except httpx.TransportError:
        return ""


@cache
def _authorities() -> ssl.SSLContext:
    """Whose certificates are believed; read once, which takes longer than a request."""
    return httpx.create_ssl_context(trust_env=False)


def retry_after(text: str | None, now: datetime) -> datetime | None:
    """When a server wants to be asked again: seconds or an HTTP date, a day at most."""
    if not text:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        until = now + timedelta(seconds=min(int(text[:9]), 86_400))
    else:
        try:
            until = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(until, now), now + _LONGEST_RETRY_AFTER)


async def _said(response: httpx.Response) -> str:
    """The reason that an error gives, where it is a short JSON that has one."""
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > _LARGEST_ERROR_BYTES:
            return ""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    found = (
        member(document, name) for name in ("reason", "message", "detail", "error")
    )
    text = next((one for one in found if isinstance(one, str)), "")
    return f": {text[:150].rstrip('. ')}" if text.isprintable() and text else ""


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    return parts.scheme, (parts.hostname or "").lower(), parts.port


def _next_day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def _short(text: str | None) -> str | None:
    return text if text and len(text) <= 200 else None


def _reason(error: httpx.TransportError) -> str:
    """A failure of the transport without the address, which may hold a secret."""
    if isinstance(error, httpx.ConnectError):
        return "no connection, or its certificate is not valid for this name"
    if isinstance(error, httpx.RemoteProtocolError):
        return "the connection was cut within the answer"
    return "the connection was lost"
