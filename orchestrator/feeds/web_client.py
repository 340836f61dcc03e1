"""The only client of web sources and webhooks: bounded in time, size, hosts, tries."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from core.errors import ServiceUnavailable
from orchestrator.feeds.host_rules import Resolve, resolve_host


class FeedFailed(ServiceUnavailable):
    """A source gave no answer that can be used.

    Attributes
    ----------
    not_before_utc : datetime | None
        When the source wants to be asked again, if it said so.
    """

    def __init__(self, message: str, not_before_utc: datetime | None = None) -> None:
        super().__init__(message)
        self.not_before_utc = not_before_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class WebLimits:
    """What one exchange may take.

    Attributes
    ----------
    total_s : float
        For everything: every try, redirect and wait between them.
    first_wait_s, longest_wait_s : float
        Bounds of the wait before another try, which doubles and is drawn by chance.
    """

    connect_s: float = 5.0
    read_s: float = 15.0
    total_s: float = 45.0
    largest_bytes: int = 12 * 1024 * 1024
    tries: int = 3
    first_wait_s: float = 0.5
    longest_wait_s: float = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAnswer:
    """A whole answer; empty, with `is_unchanged`, when the source has nothing newer."""

    content: bytes
    is_unchanged: bool = False
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebReply:
    """What a host said to a document that was sent to it.

    Attributes
    ----------
    said : str
        The reason that an error gives, after a colon; empty without one.
    not_before_utc : datetime | None
        When the host wants to be asked again, if it said so.
    """

    status: int
    said: str = ""
    not_before_utc: datetime | None = None


@dataclass(slots=True)
class WebUse:
    """What was used of a source, retries included; counts against its quota."""

    requests: int = 0
    received_bytes: int = 0
    quota_left: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebClient:
    """Asks the hosts of one feed, or sends to that of one webhook.

    Attributes
    ----------
    private_hosts : collection of str
        Hosts named by an admin, whose private and loopback addresses are allowed, and
        to which redirects may lead.
    most_requests : int | None
        Requests that the feed's quota still allows.
    """

    private_hosts: Collection[str] = ()
    limits: WebLimits = field(default_factory=WebLimits)
    most_requests: int | None = None
    resolve: Resolve = resolve_host
    use: WebUse = field(default_factory=WebUse)

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        login: tuple[str, str] | None = None,
        media: str = "json",
    ) -> WebAnswer:
        """The answer to one question.

        Parameters
        ----------
        params : Mapping of str to str
            Of the query; never shown in a message, because some sources take their
            secret there.
        headers : Mapping of str to str
            Among them secrets: they go to the host of `url` alone.
        login : (user, password), optional
        media : str
            What the type of the answer must contain.

        Raises
        ------
        FeedFailed
            When there is no usable answer; in words, without query or secret.
        InvalidInput
            When the address is not allowed.
        """
        # Here, because pages read what kinds of feeds there are, and call nobody.
        from orchestrator.feeds.web_exchange import exchange  # noqa: PLC0415

        return exchange(self, url, params, headers, login, media)

    def post(self, url: str, content: bytes, *, headers: Mapping[str, str]) -> WebReply:
        """Send a document once and return what the host says, whatever the status.

        A redirect is not followed, and of the answer only a reason is read.

        Raises
        ------
        FeedFailed
            When there is no answer; in words, without the path of the address.
        InvalidInput
            When the address is not allowed.
        """
        from orchestrator.feeds.web_exchange import post  # noqa: PLC0415 -- as above

        return post(self, url, content, headers)
