"""The colours of the stylesheet can be read in both themes (WCAG 2.2 AA)."""

from __future__ import annotations

import re

import pytest

from webapp.portal import ASSETS

BODY_TEXT, LARGE_OR_CONTROL = 4.5, 3.0
READ_ON = ("--gfo-bg", "--gfo-surface", "--gfo-surface-raised")
TEXT = (
    "--gfo-text",
    "--gfo-muted",
    "--gfo-accent",
    "--gfo-ok",
    "--gfo-stale",
    "--gfo-alarm",
    "--gfo-warn",
)
PAIRS = [
    *((text, ground, BODY_TEXT) for text in TEXT for ground in READ_ON),
    ("--gfo-alarm", "--gfo-alarm-soft", BODY_TEXT),
    ("--gfo-warn", "--gfo-warn-soft", BODY_TEXT),
    ("--gfo-text", "--gfo-alarm-soft", BODY_TEXT),
    ("--gfo-text", "--gfo-warn-soft", BODY_TEXT),
    ("--gfo-text", "--gfo-accent-soft", BODY_TEXT),
    ("--gfo-on-accent", "--gfo-accent", BODY_TEXT),
    ("--gfo-on-accent", "--gfo-accent-hover", BODY_TEXT),
    ("--gfo-border-strong", "--gfo-surface", LARGE_OR_CONTROL),
    ("--gfo-border-strong", "--gfo-bg", LARGE_OR_CONTROL),
    ("--gfo-focus", "--gfo-surface", LARGE_OR_CONTROL),
    ("--gfo-focus", "--gfo-bg", LARGE_OR_CONTROL),
]

_TOKEN = re.compile(r"(--gfo-[\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")


def _tokens() -> dict[str, tuple[str, str]]:
    text = (ASSETS / "gfo.css").read_text()
    return {name: (light, dark) for name, light, dark in _TOKEN.findall(text)}


def _luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2, 1.4.3."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colours_that_meet_can_be_told_apart(theme: int) -> None:
    tokens = _tokens()
    faint = []
    for upper, ground, least in PAIRS:
        lights = sorted(_luminance(tokens[name][theme]) for name in (upper, ground))
        contrast = (lights[1] + 0.05) / (lights[0] + 0.05)
        if contrast < least:
            faint.append((upper, ground, round(contrast, 2)))
    assert faint == []


def test_stylesheets_ask_no_other_host() -> None:
    for file in ASSETS.glob("*.css"):
        assert "://" not in file.read_text(), file.name
        assert "@import" not in file.read_text(), file.name
