"""Contrasts of both themes, and whether colours stay apart for the colour-blind."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.regions.changes import PALETTE
from pages.theme import Ink
from webapp.portal import ASSETS

Colour = NDArray[np.float64]

TEXT, MARK = 4.5, 3.0
"""Least contrast of text and of marks: WCAG 2.2, criteria 1.4.3 and 1.4.11."""

THEMES = ("light", "dark")
TEXTS = {
    "text": ("bg", "surface", "surface-raised", "accent-soft"),
    "muted": ("bg", "surface", "surface-raised"),
    "accent": ("bg", "surface", "surface-raised"),
    "on-accent": ("accent", "accent-hover"),
    "ok": ("surface", "surface-raised"),
    "alarm": ("surface", "alarm-soft", "bg"),
    "warn": ("surface", "warn-soft"),
    "stale": ("surface", "surface-raised"),
}
"""Each text colour with the grounds that it is written on."""
MARKS = {
    "border-strong": ("surface", "bg"),
    "focus": ("surface", "bg", "surface-raised"),
    "accent": ("border",),
}

# Machado, Oliveira & Fernandes (2009), IEEE TVCG 15, 1291, severity 1.0, linear RGB.
DEFICIENCIES = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
LEAST_DISTANCE = 10.0
"""CIE76; about four times what is just noticeable side by side."""


def tokens(theme: str) -> dict[str, str]:
    """The colours of one theme as the stylesheet has them."""
    css = (ASSETS / "gfo.css").read_text(encoding="utf-8")
    pairs = re.findall(
        r"--gfo-([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", css
    )
    assert len(pairs) >= 18
    return {name: (light, dark)[THEMES.index(theme)] for name, light, dark in pairs}


def linear(colour: str) -> Colour:
    srgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ np.array([0.2126, 0.7152, 0.0722]))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: Colour) -> Colour:
    """CIE L*a*b* under D65 of linear sRGB."""
    to_xyz = np.array(
        [
            [0.4124, 0.3576, 0.1805],
            [0.2126, 0.7152, 0.0722],
            [0.0193, 0.1192, 0.9505],
        ]
    )
    ratio = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one: str, other: str, deficiency: str) -> float:
    seen = np.array(DEFICIENCIES[deficiency])
    return float(np.linalg.norm(lab(seen @ linear(one)) - lab(seen @ linear(other))))


def pairs_of(table: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str, str]]:
    for theme, (ink, grounds) in itertools.product(THEMES, table.items()):
        for ground in grounds:
            yield theme, ink, ground


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("theme", "ink", "ground"), pairs_of(TEXTS))
def test_text_can_be_read(theme: str, ink: str, ground: str) -> None:
    found = tokens(theme)
    assert contrast(found[ink], found[ground]) >= TEXT


@pytest.mark.parametrize(("theme", "ink", "ground"), pairs_of(MARKS))
def test_marks_can_be_seen(theme: str, ink: str, ground: str) -> None:
    found = tokens(theme)
    assert contrast(found[ink], found[ground]) >= MARK


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ink", list(Ink))
def test_the_inks_of_charts_stand_out_on_both_themes(theme: str, ink: Ink) -> None:
    assert contrast(ink.value, tokens(theme)["surface"]) >= MARK


@pytest.mark.parametrize("deficiency", list(DEFICIENCIES))
def test_inks_that_share_a_chart_stay_apart(deficiency: str) -> None:
    near = {
        (one.name, other.name): round(distance(one.value, other.value, deficiency), 1)
        for one, other in itertools.combinations(Ink, 2)
        if distance(one.value, other.value, deficiency) < LEAST_DISTANCE
    }
    assert near == {}


@pytest.mark.parametrize("deficiency", list(DEFICIENCIES))
@pytest.mark.parametrize("theme", THEMES)
def test_statuses_stay_apart(theme: str, deficiency: str) -> None:
    """Words and shapes carry a status; its colour still must not deny it."""
    found = tokens(theme)
    for one, other in itertools.combinations(("ok", "alarm", "warn"), 2):
        assert distance(found[one], found[other], deficiency) >= LEAST_DISTANCE


@pytest.mark.parametrize("deficiency", list(DEFICIENCIES))
def test_the_first_regions_get_colours_that_stay_apart(deficiency: str) -> None:
    for one, other in itertools.combinations(PALETTE[:6], 2):
        assert distance(one, other, deficiency) >= LEAST_DISTANCE, (one, other)
