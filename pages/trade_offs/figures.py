"""Carbon intensity against water, one bubble per region, one frame per hour.

The water axis is logarithmic, and a logarithm has no zero: hours without any water
stand on a line of their own below the axis, which says 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from plotly import graph_objects as go

from orchestrator.trade_offs.views import (
    ShiftRole,
    TradeOffRegion,
    TradeOffView,
    WaterScope,
)
from orchestrator.windows.views import Series
from pages.theme import TEMPLATE, Ink, local_labels, number, plain_text, quantity

LITRES_PER_M3 = 1000.0
LARGEST_BUBBLE_PX = 64
SMALLEST_BUBBLE_PX = 8
BEFORE_NAME = "Before the shift"
AFTER_NAME = "After the shift"
STANDING_NAME = "Region, sized by IT load"
HOLLOW = "circle-open"
"""Bubbles of before the shift."""

_ZERO_GAP = 0.6
"""How far the line of zeros stands below the smallest amount, in decades."""
_LEAST_DECADES = 0.6
_LABEL_ROOM = 0.22
"""Beyond the outermost amounts, of their distance: half a bubble and its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterAxis:
    """Where an amount of water stands: its logarithm, or below all for zero."""

    low: float
    high: float
    zero_at: float | None

    def place(self, water_m3: float | None) -> float | None:
        """Position of an amount, in decades; None where it is not known."""
        if water_m3 is None:
            return None
        return math.log10(water_m3) if water_m3 > 0 else self.zero_at

    def layout(self, title: str) -> dict[str, object]:
        """The axis with its ticks, zero included where it occurs."""
        ticks = _round_amounts(self.low, self.high)
        positions = [math.log10(value) for value in ticks]
        texts = [number(value, 0 if value >= 1 else 2) for value in ticks]
        bottom = self.low
        if self.zero_at is not None:
            positions, texts = [self.zero_at, *positions], ["0", *texts]
            bottom = self.zero_at
        room = _LABEL_ROOM * (self.high - bottom)
        return {
            "title": title,
            "tickmode": "array",
            "tickvals": positions,
            "ticktext": texts,
            "range": [bottom - room, self.high + room],
        }


def water_axis(amounts_m3: Sequence[float]) -> WaterAxis:
    """An axis that holds all amounts; zero gets a place only if there is one."""
    logs = [math.log10(value) for value in amounts_m3 if value > 0]
    low, high = (min(logs), max(logs)) if logs else (0.0, 1.0)
    if high - low < _LEAST_DECADES:
        middle = (low + high) / 2
        low, high = middle - _LEAST_DECADES / 2, middle + _LEAST_DECADES / 2
    has_zero = len(logs) < len(amounts_m3)
    return WaterAxis(low=low, high=high, zero_at=low - _ZERO_GAP if has_zero else None)


def trade_off_scatter(view: TradeOffView, scope: WaterScope) -> dict[str, Any]:
    """The first hour, with a frame for each hour; axes stand still over all of them.

    As Plotly's JSON: its objects check every value of 24 frames, half of the page's
    time. The tests read the figure back through them.
    """
    axis = water_axis(_all_amounts(view, scope))
    scale = _bubble_scale(view)
    frames = [_frame(view, scope, hour, axis) for hour in range(len(view.hours_utc))]
    figure = go.Figure()
    figure.update_layout(template=TEMPLATE)
    figure.update_xaxes(
        title="Carbon intensity of the grid (g CO₂e/kWh)",
        range=[0, _most_carbon(view) * 1.12],
    )
    where = "on site" if scope is WaterScope.ON_SITE else "on site and for electricity"
    figure.update_yaxes(axis.layout(f"Water {where} (m³ in the hour)"))
    if axis.zero_at is not None:
        figure.add_hline(
            y=axis.zero_at + _ZERO_GAP / 2,
            line={"color": Ink.MEASURED.value, "width": 1, "dash": "dot"},
        )
    first = [_styled(trace, scale) for trace in frames[0]["data"]] if frames else []
    return {
        "data": first,
        "layout": figure.layout.to_plotly_json(),
        "frames": frames,
    }


def moves_anything(view: TradeOffView) -> bool:
    """Whether before and after differ at all."""
    return view.target is not None and view.shift_pct > 0


def scatter_summary(view: TradeOffView, scope: WaterScope) -> str:
    """The animation in words: each region's range over the hours."""
    parts = []
    for item in view.shown:
        carbon = _known(item.carbon_intensity_gco2_kwh)
        water = [
            value / LITRES_PER_M3 for value in _known(item.water_after_l.of(scope))
        ]
        if carbon and water:
            parts.append(
                f"{item.region.name}: {number(min(carbon))} to"
                f" {quantity(max(carbon), 'g/kWh')}, {_amount(min(water))} to"
                f" {_amount(max(water))} m³ an hour."
            )
        else:
            parts.append(f"{item.region.name}: not known.")
    return " ".join(parts)


def _amount(water_m3: float) -> str:
    return number(water_m3, 0 if water_m3 >= 100 or water_m3 == 0 else 1)


def _frame(
    view: TradeOffView, scope: WaterScope, hour: int, axis: WaterAxis
) -> dict[str, Any]:
    moves = moves_anything(view)
    label = local_labels([view.hours_utc[hour]], view.source.time_zone)[0]
    ends = [item for item in view.shown if item.role is not ShiftRole.OTHER]
    after = _bubbles(
        AFTER_NAME if moves else STANDING_NAME,
        view.shown,
        [item.it_load_after_mw for item in view.shown],
        [item.water_after_l.of(scope) for item in view.shown],
        hour,
        axis,
        label,
    )
    if not moves:
        return {"name": str(hour), "data": [after]}
    before = _bubbles(
        BEFORE_NAME,
        ends,
        [item.it_load_before_mw for item in ends],
        [item.water_before_l.of(scope) for item in ends],
        hour,
        axis,
        label,
    )
    del before["text"], before["textposition"]
    before["mode"] = "markers"
    before["marker"]["symbol"] = HOLLOW
    return {"name": str(hour), "data": [before, after]}


def _bubbles(
    name: str,
    items: Sequence[TradeOffRegion],
    loads_mw: Sequence[Series],
    water_l: Sequence[Series],
    hour: int,
    axis: WaterAxis,
    label: str,
) -> dict[str, Any]:
    load_mw = [_at(series, hour) for series in loads_mw]
    water_m3 = [_per_m3(_at(series, hour)) for series in water_l]
    carbon = [_at(item.carbon_intensity_gco2_kwh, hour) for item in items]
    return {
        "type": "scatter",
        "name": name,
        "x": carbon,
        "y": [axis.place(value) for value in water_m3],
        "ids": [item.region.slug for item in items],
        "mode": "markers+text",
        "text": [plain_text(item.region.name) for item in items],
        # Above and below by turns: neighbours on one line stay readable.
        "textposition": [
            ("top center", "bottom center")[index % 2] for index in range(len(items))
        ],
        "marker": {
            "size": [value or 0.0 for value in load_mw],
            "color": [item.colour for item in items],
        },
        "customdata": [
            f"<b>{plain_text(item.region.name)}</b>, {label}"
            f"<br>{quantity(grams, 'g CO₂e/kWh')}"
            f"<br>{quantity(water, 'm³', 1)}<br>{quantity(load, 'MW', 1)} IT load"
            for item, grams, water, load in zip(
                items, carbon, water_m3, load_mw, strict=True
            )
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _styled(trace: dict[str, Any], scale: float) -> dict[str, Any]:
    """What does not change from frame to frame: bubbles by area, with an edge."""
    is_hollow = trace["marker"].get("symbol") == HOLLOW
    marker = {
        **trace["marker"],
        "sizemode": "area",
        "sizeref": scale,
        "sizemin": SMALLEST_BUBBLE_PX / 2,
        "opacity": 1.0 if is_hollow else 0.85,
        "line": {"width": 3 if is_hollow else 2, "color": Ink.MEASURED.value},
    }
    return {**trace, "marker": marker}


def _bubble_scale(view: TradeOffView) -> float:
    """Plotly's reference for areas: the largest load is LARGEST_BUBBLE_PX wide."""
    loads = [
        value
        for item in view.shown
        for value in (*_known(item.it_load_before_mw), *_known(item.it_load_after_mw))
    ]
    return 2.0 * max([*loads, 1e-6]) / LARGEST_BUBBLE_PX**2


def _all_amounts(view: TradeOffView, scope: WaterScope) -> list[float]:
    return [
        value / LITRES_PER_M3
        for item in view.shown
        for water in (item.water_before_l, item.water_after_l)
        for value in _known(water.of(scope))
    ]


def _most_carbon(view: TradeOffView) -> float:
    known = [v for item in view.shown for v in _known(item.carbon_intensity_gco2_kwh)]
    return max([*known, 1.0])


def _round_amounts(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, … between two decades."""
    decades = range(math.floor(low) - 1, math.ceil(high) + 1)
    amounts = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
    return [value for value in amounts if low - 0.1 <= math.log10(value) <= high + 0.15]


def _known(series: Series) -> list[float]:
    return [value for value in series if value is not None]


def _at(series: Series, hour: int) -> float | None:
    return series[hour] if hour < len(series) else None


def _per_m3(water_l: float | None) -> float | None:
    return None if water_l is None else water_l / LITRES_PER_M3
