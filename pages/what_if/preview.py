"""What the browser needs to follow the slider without asking the server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from orchestrator.decisions.views import ShiftEnd, WhatIfView
from pages.what_if.figures import shift_chart
from pages.words import window_name


def preview_data(view: WhatIfView, *, may_decide: bool) -> dict[str, Any]:
    """Figures, arrays and limits of both ends, for `webapp/assets/what_if.js`."""
    target, shift_pct = view.target, view.shift_pct
    names = [end.region.name for end in (view.source, target) if end is not None]
    return {
        "title": f"{' → '.join(names)}, {window_name(view.local_day)}",
        "source": _end(view.source, view.hours_utc, shift_pct),
        "target": None if target is None else _end(target, view.hours_utc, shift_pct),
        "day": view.local_day.isoformat() if view.local_day else None,
        "shift_pct": shift_pct,
        "flexible_pct": view.flexible_pct,
        "may_decide": may_decide,
    }


def _end(
    end: ShiftEnd, hours_utc: Sequence[datetime], shift_pct: float
) -> dict[str, Any]:
    return {
        "slug": end.region.slug,
        "name": end.region.name,
        "mean_c": end.mean_c,
        "lower_c": end.lower_c,
        "upper_c": end.upper_c,
        "limit_c": end.thermal_limit_c,
        "bound_c": end.bound_c,
        "day_maxima_c": end.day_maxima_c,
        "allowed_probability": end.allowed_probability,
        "prior_rise_c": end.prior_rise_c,
        "rise_by_hour_c_per_pct": end.rise_by_hour_c_per_pct,
        "it_load_mw": end.it_load_mw,
        "load_mw_per_pct": end.load_mw_per_pct,
        "it_capacity_mw": end.it_capacity_mw,
        "figure": shift_chart(end, hours_utc, shift_pct=shift_pct),
    }
