"""Which hosts a feed may call."""

from __future__ import annotations

import ipaddress

import pytest

from core.errors import InvalidInput, ServiceUnavailable
from orchestrator.feeds.host_rules import (
    HostRefused,
    endpoint_of,
    is_allowed,
    parse_web_address,
)
from orchestrator.feeds.secret_references import check_reference, read_secret

NEVER = (
    *("169.254.169.254", "169.254.1.1", "100.100.100.200", "fd00:ec2::254", "fe80::1"),
    *("0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:169.254.169.254"),  # noqa: S104
    *("64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
)
NAMED_ONLY = (
    *("127.0.0.1", "127.9.9.9", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
    *("fd12::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1"),
)
PUBLIC = ("93.184.215.14", "2606:2800:220:1::1")


def test_addresses_by_their_kind() -> None:
    for text in NEVER:
        ip = ipaddress.ip_address(text)
        assert not is_allowed(ip, named=False), text
        assert not is_allowed(ip, named=True), text
    for text in NAMED_ONLY:
        ip = ipaddress.ip_address(text)
        assert not is_allowed(ip, named=False), text
        assert is_allowed(ip, named=True), text
    for text in PUBLIC:
        assert is_allowed(ipaddress.ip_address(text), named=False), text


def test_one_private_address_among_public_ones_refuses_the_host() -> None:
    with pytest.raises(HostRefused, match=r"10\.0\.0\.1"):
        endpoint_of("a.example", 443, (), resolve=lambda *_: [PUBLIC[0], "10.0.0.1"])
    found = endpoint_of("A.Example", 443, (), resolve=lambda *_: [PUBLIC[0]])
    assert (found.host, found.ip) == ("a.example", PUBLIC[0])


@pytest.mark.parametrize("text", ["localhost", "ftp://a.example", "https://", "x" * 9])
def test_what_is_no_web_address(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_web_address(text, ())


def test_a_number_as_a_host_is_judged_by_what_it_resolves_to() -> None:
    with pytest.raises(HostRefused):
        endpoint_of("2130706433", 443, (), resolve=lambda *_: ["127.0.0.1"])


def test_a_secret_is_named_and_only_those_of_feeds_can_be() -> None:
    for text in (
        *("env:DATABASE_URL", "env:GFO_SECRET_KEY", "file:../gfo_feed_x", "s3cret"),
        *("file:gfo_secret_key", "env:GFO_FEED_", "env:GFO_FEED_a"),
    ):
        with pytest.raises(InvalidInput, match="env:GFO_FEED_NAME"):
            check_reference(text)
    value = read_secret("env:GFO_FEED_EM", {"GFO_FEED_EM": " word\n"}, None)
    assert value == "word"
    with pytest.raises(ServiceUnavailable, match="GFO_FEED_EM is not set"):
        read_secret("env:GFO_FEED_EM", {"GFO_FEED_EM": " "}, None)
    with pytest.raises(ServiceUnavailable, match="GFO_SECRETS_DIR is not set"):
        read_secret("file:gfo_feed_em", {}, None)
