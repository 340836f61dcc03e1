"""Forwarding headers count only as far as proxies of ours are configured."""

from __future__ import annotations

from flask import Flask, request

from webapp.proxies import trust_proxies


def _seen(proxy_count: int, **headers: str) -> tuple[str | None, str, str]:
    server = Flask(__name__)
    seen: list[tuple[str | None, str, str]] = []

    @server.get("/")
    def view() -> str:
        seen.append((request.remote_addr, request.scheme, request.host))
        return ""

    trust_proxies(server, proxy_count)
    server.test_client().get(
        "/", headers=headers, environ_overrides={"REMOTE_ADDR": "10.0.0.1"}
    )
    return seen[0]


FORGED = {
    "X-Forwarded-For": "6.6.6.6, 203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
}


def test_without_a_proxy_the_headers_change_nothing() -> None:
    assert _seen(0, **FORGED) == ("10.0.0.1", "http", "localhost")


def test_behind_one_proxy_its_own_entry_counts_and_the_host_never() -> None:
    assert _seen(1, **FORGED) == ("203.0.113.7", "https", "localhost")
