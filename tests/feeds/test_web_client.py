"""The client of web sources against a real server that misbehaves."""

from __future__ import annotations

import ssl
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.errors import InvalidInput
from orchestrator.feeds.host_rules import HostRefused
from orchestrator.feeds.web_client import FeedFailed, WebClient, WebLimits
from orchestrator.feeds.web_exchange import retry_after
from tests.feeds.certificates import self_signed_certificate
from tests.feeds.local_source import LocalSource, Reply

QUICK = WebLimits(
    connect_s=1.0,
    read_s=0.3,
    total_s=2.0,
    largest_bytes=10_000,
    tries=3,
    first_wait_s=0.01,
    longest_wait_s=1.5,
)


def client(**changes: object) -> WebClient:
    """A client that may call this machine by name."""
    given = {"private_hosts": {"localhost"}, "limits": QUICK, **changes}
    return WebClient(**given)  # type: ignore[arg-type]


def failure(source: LocalSource, *replies: Reply) -> FeedFailed:
    """Why there is no answer."""
    source.replies(*replies)
    with pytest.raises(FeedFailed) as caught:
        client().get(source.address + "/v1", params={"token": "s3cret"})
    assert "s3cret" not in caught.value.message
    return caught.value


def test_an_answer_comes_with_its_validators_and_what_it_cost(
    source: LocalSource,
) -> None:
    source.replies(
        Reply(body=b'{"a": 1}', headers={"ETag": '"x"', "X-RateLimit-Remaining": "7"})
    )
    asking = client()
    answer = asking.get(source.address + "/v1", params={"zone": "DE LU&x"})
    assert (answer.content, answer.etag) == (b'{"a": 1}', '"x"')
    (asked,) = source.asked
    assert asked.query == {"zone": "DE LU&x"}
    assert asked.headers["host"] == f"localhost:{source.port}"
    assert asking.use.requests == 1
    assert (asking.use.received_bytes, asking.use.quota_left) == (8, 7)


@pytest.mark.parametrize(
    ("text", "left"), [("9" * 12, 2**31 - 1), ("9" * 5_000, 2**31 - 1), ("-1", None)]
)
def test_a_quota_left_can_be_stored_whatever_the_source_states(
    source: LocalSource, text: str, left: int | None
) -> None:
    source.replies(Reply(headers={"X-RateLimit-Remaining": text}))
    asking = client()
    asking.get(source.address)
    assert asking.use.quota_left == left


def test_an_unchanged_answer_says_so(source: LocalSource) -> None:
    source.replies(Reply(status=304, body=b""))
    answer = client().get(source.address, headers={"If-None-Match": '"x"'})
    assert answer.is_unchanged
    assert source.asked[0].headers["if-none-match"] == '"x"'


def test_a_fault_that_passes_is_tried_again(source: LocalSource) -> None:
    for first in (
        Reply(status=500),
        Reply(status=503),
        Reply(body=b"x" * 100, cut_at=20),
        Reply(wait_s=0.6),
    ):
        source.asked.clear()
        source.replies(first, Reply(body=b"{}"))
        assert client().get(source.address).content == b"{}"
        assert len(source.asked) == 2


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(status=500), r"fault of its own \(500\)"),
        (Reply(status=401), r"refused the secret of this feed \(401\)"),
        (Reply(status=403), "refused the secret"),
        (Reply(status=404, body=b"<p>no</p>"), r"answered with status 404\."),
        (Reply(status=400, body=b'{"reason": "No run."}'), "status 400: No run."),
        (Reply(body=b"x" * 100, cut_at=20), "cut within the answer"),
        (Reply(kind="text/html", body=b"<html>"), "answered with text/html, not json"),
        (Reply(headers={"Content-Encoding": "gzip"}), "packed answer"),
        (Reply(body=b"x" * 10_001), "larger than 10,000 bytes"),
        (Reply(wait_s=0.6), "did not answer in time"),
        (Reply(status=500, body=b"[" * 4000), r"fault of its own \(500\)"),
        (Reply(status=304, body=b""), r"answered with status 304"),
        (
            Reply(status=302, headers={"Location": "javascript:alert(1)"}),
            "redirects to what is no address",
        ),
        (
            Reply(status=503, headers={"Retry-After": f"1 Jan {'9' * 20} 00:00 GMT"}),
            r"fault of its own \(503\)",
        ),
    ],
)
def test_why_there_is_no_answer_is_said_in_words(
    source: LocalSource, reply: Reply, words: str
) -> None:
    failed = failure(source, reply)
    assert failed.not_before_utc is None
    with pytest.raises(FeedFailed, match=words):
        raise failed


def test_what_cannot_pass_is_asked_once_and_what_may_three_times(
    source: LocalSource,
) -> None:
    failure(source, Reply(status=401))
    assert len(source.asked) == 1
    source.asked.clear()
    failure(source, Reply(status=502))
    assert len(source.asked) == 3


def test_a_body_that_drips_ends_at_the_limit_of_the_whole(source: LocalSource) -> None:
    began = time.monotonic()
    failed = failure(source, Reply(body=b"x" * 1000, drip_s=0.05))
    assert "completely within 2 s" in failed.message
    assert time.monotonic() - began < 3.0


def test_a_short_wait_is_waited_and_a_long_one_is_left_to_the_schedule(
    source: LocalSource,
) -> None:
    began = time.monotonic()
    source.replies(Reply(status=429, headers={"Retry-After": "1"}), Reply())
    client().get(source.address)
    assert 0.9 < time.monotonic() - began < 2.0
    source.asked.clear()
    failed = failure(source, Reply(status=429, headers={"Retry-After": "600"}))
    assert len(source.asked) == 1
    assert failed.not_before_utc is not None
    wait = failed.not_before_utc - datetime.now(UTC)
    assert timedelta(minutes=9) < wait <= timedelta(minutes=10)
    assert "asks to wait (429) until" in failed.message


def test_retry_after_is_seconds_or_a_date_and_never_above_a_day() -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    hour = timedelta(hours=1)
    assert retry_after("3600", now) == now + hour
    assert retry_after(format_datetime(now + hour, usegmt=True), now) == now + hour
    assert retry_after("99999999999", now) == now + timedelta(days=1)
    assert retry_after("-5", now) is None
    assert retry_after(format_datetime(now - hour), now) == now
    assert retry_after(None, now) is None


def test_the_quota_of_a_day_counts_every_try(source: LocalSource) -> None:
    asking = client(most_requests=2)
    source.replies(Reply(status=500))
    with pytest.raises(FeedFailed, match="limit of requests a day") as caught:
        asking.get(source.address)
    assert asking.use.requests == len(source.asked) == 2
    assert caught.value.not_before_utc is not None


def test_redirects_lead_to_allowed_hosts_only_and_take_no_secret_along(
    source: LocalSource,
) -> None:
    with LocalSource().running() as other:
        other.replies(Reply(body=b'{"other": 1}'))
        location = f"http://127.0.0.1:{other.port}/x"
        source.replies(Reply(status=302, headers={"Location": location}))
        secret = {"Authorization": "Bearer s3cret"}
        with pytest.raises(InvalidInput, match=r"127\.0\.0\.1"):
            client().get(source.address, headers=secret)
        assert other.asked == []
        named = client(private_hosts={"localhost", "127.0.0.1"})
        assert named.get(source.address, headers=secret).content == b'{"other": 1}'
        assert "authorization" not in other.asked[0].headers


def test_redirects_within_a_host_keep_the_secret_and_end(source: LocalSource) -> None:
    source.replies(
        Reply(status=301, headers={"Location": "/there"}), Reply(body=b'{"there": 1}')
    )
    answer = client().get(source.address, headers={"auth-token": "s"})
    assert answer.content == b'{"there": 1}'
    assert [asked.path for asked in source.asked] == ["/", "/there"]
    assert source.asked[1].headers["auth-token"] == "s"
    source.replies(Reply(status=302, headers={"Location": "/again"}))
    with pytest.raises(FeedFailed, match="redirects more than 3 times"):
        client().get(source.address)


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://10.0.0.7/",
        "https://[::1]/",
        "file:///etc/passwd",
        "gopher://localhost/",
        "https://user" + ":word@localhost/",
        "http://[broken",
    ],
)
def test_redirects_to_private_places_are_refused(
    source: LocalSource, location: str
) -> None:
    source.replies(Reply(status=302, headers={"Location": location}))
    with pytest.raises((InvalidInput, FeedFailed)):
        client().get(source.address)
    assert len(source.asked) == 1


def test_a_name_that_changes_its_address_reaches_only_the_one_that_was_judged(
    source: LocalSource,
) -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    asking = client(resolve=lambda *_: next(answers))
    asking.get(source.address)
    with pytest.raises(HostRefused, match=r"169\.254\.169\.254"):
        asking.get(source.address)
    assert len(source.asked) == 1


def test_a_name_that_does_not_resolve_is_tried_again_and_said() -> None:
    def resolve(*_: object) -> list[str]:
        tried.append(1)
        raise OSError

    tried: list[int] = []
    with pytest.raises(FeedFailed, match="does not resolve"):
        client(resolve=resolve).get("https://nowhere.example/x")
    assert len(tried) == 3


def test_plain_http_needs_a_host_that_is_named() -> None:
    with pytest.raises(InvalidInput, match="without TLS"):
        WebClient().get("http://api.example.org/")
    with pytest.raises(InvalidInput, match="no user, password"):
        WebClient().get("https://me" + ":word@api.example.org/")


@pytest.fixture
def self_signed(tmp_path: Path) -> int:
    """The port of a TLS server whose certificate nobody signed."""
    both = self_signed_certificate(tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])


def test_a_certificate_that_nobody_signed_is_refused(self_signed: int) -> None:
    with pytest.raises(FeedFailed, match="certificate is not valid"):
        client().get(f"https://localhost:{self_signed}/")


@pytest.mark.parametrize("host", ["a..b", "a" * 70 + ".example"])
def test_a_name_that_no_host_can_have_is_not_known(host: str) -> None:
    asking = WebClient(limits=replace(QUICK, tries=1))
    with pytest.raises(FeedFailed, match="its name does not resolve"):
        asking.get(f"https://{host}/v1")
    with pytest.raises(FeedFailed, match="its name does not resolve"):
        asking.post(f"https://{host}/v1", b"{}", headers={})


def test_a_receiver_that_redirects_to_no_address_fails_in_words(
    source: LocalSource,
) -> None:
    source.replies(Reply(status=302, headers={"Location": "javascript:alert(1)"}))
    with pytest.raises(FeedFailed, match="redirects to what is no address"):
        client().post(source.address, b"{}", headers={})


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500, body=b"[" * 4000),
        Reply(status=500, headers={"Retry-After": f"1 Jan {'9' * 20} 00:00 GMT"}),
    ],
)
def test_nonsense_beside_the_status_of_a_receiver_says_nothing(
    source: LocalSource, reply: Reply
) -> None:
    source.replies(reply)
    said = client().post(source.address, b"{}", headers={})
    assert (said.status, said.said, said.not_before_utc) == (500, "", None)
