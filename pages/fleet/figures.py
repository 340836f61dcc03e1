"""The sparkline of a region: 24 hours measured, 24 to come, as an inline picture."""

from __future__ import annotations

from urllib.parse import quote

from orchestrator.forecasts.views import FleetRow
from orchestrator.windows.views import Series
from pages.theme import Ink, celsius, thermal_limit_label

WIDTH_PX = 232
HEIGHT_PX = 40
_PAD_PX = 4
_LEAST_SPAN_C = 4.0
_NOW_PX = WIDTH_PX / 2
_HALF_H = 24


def sparkline(row: FleetRow) -> str | None:
    """Measured, forecast mean, limit and day bound as a data URI; None without any.

    Inks that stand out on both themes, so one picture serves light and dark.
    """
    known = [*_known(row.history_c), *_known(row.forecast_mean_c)]
    if len(known) < 2:
        return None
    marks = [
        row.thermal_limit_c,
        *([] if row.day_bound_c is None else [row.day_bound_c]),
    ]
    scale = _Scale(low_c=min(known), high_c=max(known + marks))
    parts = [
        _now(),
        _limit(row.thermal_limit_c, scale),
        _line(row.history_c, scale, Ink.MEASURED, start_px=_PAD_PX),
        _line(row.forecast_mean_c, scale, Ink.FORECAST, start_px=_NOW_PX),
    ]
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
    limit = f"{thermal_limit_label(row.thermal_limit_c)}."
    parts = [f"{row.region.name}:"]
    for name, series in (
        ("last 24 hours", row.history_c),
        ("next 24 hours", row.forecast_mean_c),
    ):
        known = _known(series)
        reach = (
            f"{celsius(min(known))} to {celsius(max(known))}" if known else "not known"
        )
        parts.append(f"{name} {reach},")
    return f"{' '.join(parts).rstrip(',')}. {limit}"


def _known(series: Series) -> list[float]:
    return [value for value in series if value is not None]


class _Scale:
    """Maps temperatures to heights; never so narrow that noise looks like weather."""

    def __init__(self, *, low_c: float, high_c: float) -> None:
        span_c = max(high_c - low_c, _LEAST_SPAN_C)
        self._high_c = high_c
        self._px_per_c = (HEIGHT_PX - 2 * _PAD_PX) / span_c

    def y(self, value_c: float) -> float:
        """Pixels from the top."""
        return round(_PAD_PX + (self._high_c - value_c) * self._px_per_c, 1)


def _line(series: Series, scale: _Scale, ink: Ink, *, start_px: float) -> str:
    step = (_NOW_PX - _PAD_PX) / _HALF_H
    points: list[str] = []
    pen = "M"
    for hour, value_c in enumerate(series):
        if value_c is None:
            pen = "M"
            continue
        points.append(f"{pen}{start_px + hour * step:.1f} {scale.y(value_c)}")
        pen = "L"
    return (
        f'<path d="{"".join(points)}" fill="none" stroke="{ink.value}"'
        ' stroke-width="2" stroke-linejoin="round"/>'
    )


def _now() -> str:
    """Where measured hours end and forecast ones begin."""
    return (
        f'<path d="M{_NOW_PX} 0V{HEIGHT_PX}" stroke="{Ink.MEASURED.value}"'
        ' stroke-width="1" stroke-dasharray="2 2"/>'
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
