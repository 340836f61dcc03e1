"""Forwarding headers: ignored, unless proxies of ours set them."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix


def trust_proxies(server: Flask, proxy_count: int) -> None:
    """Take address and scheme from the last `proxy_count` proxies, else from none.

    The host stays what the request says: a proxy passes it on unchanged.
    """
    if proxy_count:
        server.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            server.wsgi_app, x_for=proxy_count, x_proto=proxy_count
        )
