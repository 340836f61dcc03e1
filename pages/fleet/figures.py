"""The sparkline of a region's next 24 hours, as an inline picture."""

from __future__ import annotations

from urllib.parse import quote

from orchestrator.views import FleetRow
from pages.theme import Ink, celsius, thermal_limit_label

WIDTH_PX = 168
HEIGHT_PX = 44
_PAD_PX = 4
_LEAST_SPAN_C = 4.0


def sparkline(row: FleetRow) -> str | None:
    """The forecast mean, the limit and the day bound as a data URI; None without one.

    Inks that stand out on both themes, so one picture serves light and dark.
    """
    known = [value for value in row.forecast_mean_c if value is not None]
    if len(known) < 2:
        return None
    marks = [
        row.thermal_limit_c,
        *([] if row.day_bound_c is None else [row.day_bound_c]),
    ]
    scale = _Scale(low_c=min(known), high_c=max(known + marks))
    parts = [_limit(row.thermal_limit_c, scale), _line(row, scale)]
    if row.day_bound_c is not None:
        parts.append(_bound(row.day_bound_c, scale))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_PX}"'
        f' height="{HEIGHT_PX}" viewBox="0 0 {WIDTH_PX} {HEIGHT_PX}">'
        f"{''.join(parts)}</svg>"
    )
    return f"data:image/svg+xml,{quote(svg)}"


def sparkline_summary(row: FleetRow) -> str:
    """What the sparkline shows, in words."""
    known = [value for value in row.forecast_mean_c if value is not None]
    limit = thermal_limit_label(row.thermal_limit_c)
    if not known:
        return f"No forecast for {row.region.name}. {limit}."
    return (
        f"{row.region.name}, forecast for the next 24 hours: {celsius(min(known))} to"
        f" {celsius(max(known))}. {limit}."
    )


class _Scale:
    """Maps temperatures to heights; never so narrow that noise looks like weather."""

    def __init__(self, *, low_c: float, high_c: float) -> None:
        span_c = max(high_c - low_c, _LEAST_SPAN_C)
        self._high_c = high_c
        self._px_per_c = (HEIGHT_PX - 2 * _PAD_PX) / span_c

    def y(self, value_c: float) -> float:
        """Pixels from the top."""
        return round(_PAD_PX + (self._high_c - value_c) * self._px_per_c, 1)


def _line(row: FleetRow, scale: _Scale) -> str:
    step = (WIDTH_PX - 2 * _PAD_PX) / max(len(row.forecast_mean_c) - 1, 1)
    points: list[str] = []
    pen = "M"
    for hour, value_c in enumerate(row.forecast_mean_c):
        if value_c is None:
            pen = "M"
            continue
        points.append(f"{pen}{_PAD_PX + hour * step:.1f} {scale.y(value_c)}")
        pen = "L"
    return (
        f'<path d="{"".join(points)}" fill="none" stroke="{Ink.FORECAST.value}"'
        ' stroke-width="2" stroke-linejoin="round"/>'
    )


def _limit(limit_c: float, scale: _Scale) -> str:
    y = scale.y(limit_c)
    return (
        f'<path d="M0 {y}H{WIDTH_PX}" stroke="{Ink.LIMIT.value}" stroke-width="1.5"'
        ' stroke-dasharray="5 3"/>'
    )


def _bound(bound_c: float, scale: _Scale) -> str:
    """A bar at the right edge, where the day's maximum is bounded."""
    y = scale.y(bound_c)
    return (
        f'<path d="M{WIDTH_PX - 22} {y}H{WIDTH_PX}" stroke="{Ink.BOUND.value}"'
        ' stroke-width="3.5"/>'
    )
