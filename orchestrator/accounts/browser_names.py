"""What a browser calls itself, in words that a person tells apart."""

from __future__ import annotations

# The order is the point: each of these also claims to be those below it.
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_LONGEST = 40


def browser_name(user_agent: str | None) -> str:
    """Browser and system, or the beginning of what it said.

    Examples
    --------
    >>> browser_name("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0")
    'Firefox on Linux'
    >>> browser_name("curl/8.5.0"), browser_name(None)
    ('curl/8.5.0', 'unknown')
    """
    text = user_agent or "unknown"
    browser = next((name for mark, name in _BROWSERS if mark in text), None)
    if browser is None:
        return text[:_LONGEST]
    system = next((name for mark, name in _SYSTEMS if mark in text), None)
    return f"{browser} on {system}" if system else browser
