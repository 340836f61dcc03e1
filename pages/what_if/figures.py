"""Before and after a shift, for one end of it.

Traces that move with the slider carry a `meta` that `webapp/assets/what_if.js` finds
them by. There and here an hour moves by what it gives times its rise, and the bound is
looked up in the table of `ShiftEnd`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from orchestrator.decisions.views import ShiftEnd
from orchestrator.windows.views import Series
from pages.theme import (
    Figure,
    Ink,
    chart_instants,
    local_labels,
    local_time_axis,
    thermal_limit_label,
    tint,
)

MEAN_AFTER = "mean_after"
LOWER_AFTER = "lower_after"
UPPER_AFTER = "upper_after"
BOUND_AFTER = "bound_after"


def shift_chart(
    end: ShiftEnd,
    hours_utc: Sequence[datetime],
    *,
    shift_pct: float,
    given_pct: Series,
    ends: Sequence[ShiftEnd] = (),
) -> Figure:
    """The forecast of one end with its range and day bound, before and after.

    `ends` are those whose charts stand side by side and share an axis of degrees.
    `given_pct` is what each hour of the source gives at the shift.
    """
    figure = Figure()
    x = chart_instants(hours_utc)
    labels = local_labels(hours_utc, end.region.time_zone)
    _add_forecast(figure, end, x, labels, given_pct=None)
    _add_forecast(figure, end, x, labels, given_pct=given_pct)
    if any(value is not None for value in end.actual_c):
        figure.add_scatter(
            x=x,
            y=list(end.actual_c),
            mode="lines",
            name="Measured",
            line={"color": Ink.MEASURED.value, "width": 2, "dash": "dot"},
            customdata=labels,
            hovertemplate="%{customdata}<br>Measured %{y:.1f} °C<extra></extra>",
        )
    _add_levels(figure, end, x, shift_pct)
    figure.over_time(local_time_axis(hours_utc, end.region.time_zone, every_h=6))
    figure.update_yaxes(title="Temperature (°C)", range=reach_c(*(ends or (end,))))
    return figure


def moved(
    values: Series, rises_c_per_pct: Series, given_pct: Series
) -> list[float | None]:
    """Each hour after a shift: its value plus what it gives times its rise."""
    rises = [*rises_c_per_pct, *[None] * (len(values) - len(rises_c_per_pct))]
    return [
        _plus(value, rise, given)
        for value, rise, given in zip(values, rises, given_pct, strict=False)
    ]


def bound_after_c(end: ShiftEnd, shift_pct: float) -> float | None:
    """The end's day bound after a shift in steps of 0.1 %."""
    step = round(10 * shift_pct)
    return end.bound_by_step_c[step] if step < len(end.bound_by_step_c) else None


def reach_c(*ends: ShiftEnd) -> list[float] | None:
    """An axis that no shift can leave, so that it stands still while one drags."""
    known: list[float] = []
    for end in ends:
        rises, whole = end.rise_by_hour_c_per_pct, (100.0,) * len(end.mean_c)
        values = [
            *end.lower_c,
            *end.upper_c,
            *moved(end.lower_c, rises, whole),
            *moved(end.upper_c, rises, whole),
            end.bound_by_step_c[0],
            end.bound_by_step_c[-1],
        ]
        temperatures = [value for value in values if value is not None]
        known += [*temperatures, end.thermal_limit_c] if temperatures else []
    if not known:
        return None
    room_c = 0.05 * (max(known) - min(known))
    return [min(known) - room_c, max(known) + room_c]


def _plus(
    value_c: float | None, rise_c_per_pct: float | None, given_pct: float | None
) -> float | None:
    """Without a known rise, only no shift at all leaves a known value."""
    if value_c is None or given_pct == 0:
        return value_c
    if rise_c_per_pct is None or given_pct is None:
        return None
    return value_c + given_pct * rise_c_per_pct


def _add_forecast(
    figure: Figure,
    end: ShiftEnd,
    x: list[str],
    labels: list[str],
    *,
    given_pct: Series | None,
) -> None:
    """The forecast as it stands (`given_pct` None), or after a shift."""
    is_after = given_pct is not None
    ink = Ink.AFTER_SHIFT if is_after else Ink.FORECAST
    word = "after the shift" if is_after else "before"
    lower, mean, upper = (
        moved(values, end.rise_by_hour_c_per_pct, given_pct or (0.0,) * len(values))
        for values in (end.lower_c, end.mean_c, end.upper_c)
    )
    edge = {"x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(
        **edge,
        y=lower,
        name=f"Lower end {word}",
        showlegend=False,
        meta=LOWER_AFTER if is_after else None,
    )
    figure.add_scatter(
        **edge,
        y=upper,
        name=f"Range of each hour, {word}",
        fill="tonexty",
        fillcolor=tint(ink, 0.2),
        showlegend=False,
        meta=UPPER_AFTER if is_after else None,
    )
    figure.add_scatter(
        x=x,
        y=mean,
        mode="lines",
        name=f"Forecast {word}",
        line={
            "color": ink.value,
            "width": 2.5,
            "dash": "solid" if is_after else "dash",
        },
        customdata=labels,
        hovertemplate=f"%{{customdata}}<br>Mean {word} %{{y:.1f}} °C<extra></extra>",
        meta=MEAN_AFTER if is_after else None,
    )


def _add_levels(figure: Figure, end: ShiftEnd, x: list[str], shift_pct: float) -> None:
    edges = [x[0], x[-1]] if x else []
    levels = (
        (
            thermal_limit_label(end.thermal_limit_c),
            end.thermal_limit_c,
            Ink.LIMIT,
            "dash",
            None,
        ),
        (
            "Day bound before",
            bound_after_c(end, 0.0),
            Ink.BOUND,
            "dot",
            None,
        ),
        (
            "Day bound after the shift",
            bound_after_c(end, shift_pct),
            Ink.BOUND,
            "solid",
            BOUND_AFTER,
        ),
    )
    for name, level_c, ink, dash, meta in levels:
        if level_c is None and meta is None:
            continue
        figure.add_scatter(
            x=edges,
            y=[level_c] * len(edges),
            mode="lines",
            name=name,
            line={"color": ink.value, "width": 2.5, "dash": dash},
            hoverinfo="skip",
            meta=meta,
        )
