"""Where to go after logging in: a path of ours or the home page."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import current_app
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from webapp.dash_internals import page_at
from webapp.permissions import is_page_endpoint

HOME = "/"
_LONGEST = 2_000
_ENDPOINTS = frozenset({"portal.account", "portal.password"})


def safe_next(wanted: str | None) -> str:
    """`wanted` when it is a page of ours, else the home page.

    Browsers drop tabs and line breaks and read a backslash as a slash, so a path that
    holds one could leave for another host.
    """
    if not wanted or len(wanted) > _LONGEST:
        return HOME
    if not wanted.startswith("/") or wanted.startswith("//"):
        return HOME
    if "\\" in wanted or any(not character.isprintable() for character in wanted):
        return HOME
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or not _is_ours(parts.path):
        return HOME
    return wanted


def _is_ours(path: str) -> bool:
    router = current_app.url_map.bind("localhost")
    try:
        endpoint, _ = router.match(path, method="GET")
    except (HTTPException, RequestRedirect):
        return False
    if is_page_endpoint(endpoint):
        return page_at(path) is not None
    return endpoint in _ENDPOINTS
