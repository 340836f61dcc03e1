"""What others had published of a window by its issue: prices, carbon and load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import numpy as np

from core.aliases import BoolArray, FloatArray
from core.days import WINDOW_H
from core.telemetry import HOUR, Quantity, TelemetryFrame
from core.weather_runs import BIAS_DAYS, WeatherRuns, hours_since_1970
from core.wording import listed

PUBLISHED = (
    Quantity.PRICE_USD_MWH,
    Quantity.CARBON_INTENSITY_GCO2_KWH,
    Quantity.IT_LOAD_MW,
)
"""Quantities whose published hours a window takes as they are; weather is the input of
a model instead."""

_WORDS: Mapping[Quantity, str] = {
    Quantity.PRICE_USD_MWH: "Prices",
    Quantity.CARBON_INTENSITY_GCO2_KWH: "Carbon intensity",
    Quantity.IT_LOAD_MW: "Load",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Hours of a window as published by its issue.

    Attributes
    ----------
    hours : Mapping of Quantity to ndarray, shape (WINDOW_H,)
        NaN where nothing was published.
    sources : Mapping of Quantity to str
        Who published them.
    """

    hours: Mapping[Quantity, FloatArray] = field(default_factory=dict)
    sources: Mapping[Quantity, str] = field(default_factory=dict)

    def instead_of(self, quantity: Quantity, otherwise: FloatArray) -> FloatArray:
        """The published hours, and `otherwise` in those that were not published."""
        found = self.hours.get(quantity)
        return (
            otherwise if found is None else np.where(np.isnan(found), otherwise, found)
        )

    def note(self, quantity: Quantity, name: str, issued_at_utc: datetime) -> str:
        """Which hours of a region were published, by whom."""
        known = np.isfinite(self.hours[quantity])
        when = "in all 24 hours" if known.all() else _spans(known, issued_at_utc)
        how = (
            "are those published"
            if quantity is Quantity.PRICE_USD_MWH
            else "is the forecast published"
        )
        return (
            f"{_WORDS[quantity]} of {name} {how} by {self.sources[quantity]} before the"
            f" issue, {when}."
        )


def published_hours(
    runs: WeatherRuns | None,
    measured: Callable[[datetime, datetime], TelemetryFrame],
    issued_at_utc: datetime,
) -> Published:
    """What was known at the issue of a window's published prices, carbon and load.

    A price that was published is the price. A forecast of carbon or load is corrected
    by its own errors at the same hour of the 28 days before, as far as known.

    Parameters
    ----------
    measured : callable
        Telemetry of [start, end); asked only where a forecast is to be corrected.
    """
    hours: dict[Quantity, FloatArray] = {}
    sources: dict[Quantity, str] = {}
    for quantity in PUBLISHED if runs is not None else ():
        assert runs is not None  # noqa: S101 -- no quantity is asked for otherwise
        if not runs.sources(quantity):
            continue
        start_utc = issued_at_utc - (BIAS_DAYS + 1) * WINDOW_H * HOUR
        is_price = quantity is Quantity.PRICE_USD_MWH
        column = (
            np.empty(0)
            if is_price
            else measured(start_utc, issued_at_utc).column(quantity)
        )
        found = runs.around(
            quantity,
            column,
            round(hours_since_1970(start_utc)),
            np.array([round(hours_since_1970(issued_at_utc))], np.int64),
            horizon_h=WINDOW_H,
        )
        value = found.mean[0] + (0.0 if is_price else found.bias[0])
        if np.isfinite(value).any():
            hours[quantity] = value if is_price else np.maximum(value, 0.0)
            sources[quantity] = listed(runs.sources(quantity))
    return Published(hours=hours, sources=sources)


def _spans(known: BoolArray, issued_at_utc: datetime) -> str:
    """Stretches of known hours.

    Examples
    --------
    >>> _spans(np.array([False, True, True]), datetime(2024, 5, 1, 22))
    'from 2024-05-01 23:00 to 2024-05-02 01:00 UTC'
    """
    texts = []
    for is_known, places in groupby(range(len(known)), key=lambda place: known[place]):
        inside = list(places)
        if is_known:
            first = issued_at_utc + inside[0] * HOUR
            end = issued_at_utc + (inside[-1] + 1) * HOUR
            texts.append(f"from {first:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC")
    return listed(texts, separator=" and ")
