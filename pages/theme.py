"""How figures look: ink, template, local time axis, and the typography of numbers.

Figures are transparent and drawn in inks that stand out on both themes (contrast of 3:1
or more on white and on the dark surface). Text, axes and hover boxes take the theme's
colours from `webapp/assets/pages.css`, so changing the theme redraws nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from plotly import graph_objects as go

THIN_SPACE = "\u202f"
"""Narrow no-break space: stands between a number and its unit."""
MINUS = "\u2212"
MISSING = "\u2013"


class Ink(StrEnum):
    """Okabe and Ito's colours, told apart in all three colour-blindnesses."""

    FORECAST = "#0072B2"
    AFTER_SHIFT = "#009E73"
    BOUND = "#CC79A7"
    LIMIT = "#D55E00"
    MEASURED = "#70777E"


TEXT_SIZE_PX = 13
_GRID = "rgba(128, 136, 144, 0.25)"
_CLEAR = "rgba(0, 0, 0, 0)"

_AXIS = {
    "gridcolor": _GRID,
    # Whole numbers with separators, as on the pages: 60,000 and never 60k.
    "exponentformat": "none",
    "separatethousands": True,
    "zeroline": False,
    "automargin": True,
    "ticks": "outside",
    "ticklen": 5,
    "tickcolor": _CLEAR,
    "tickfont": {"size": 11},
    "title": {"font": {"size": 12}, "standoff": 8},
}

TEMPLATE = go.layout.Template(
    layout={
        "paper_bgcolor": _CLEAR,
        "plot_bgcolor": _CLEAR,
        "font": {
            "family": 'system-ui, "Segoe UI", Roboto, sans-serif',
            "size": TEXT_SIZE_PX,
            "color": Ink.MEASURED.value,
        },
        "margin": {"l": 60, "r": 12, "t": 12, "b": 12},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "bgcolor": _CLEAR,
            "traceorder": "normal",
        },
        "dragmode": False,
        "hovermode": "closest",
        "hoverdistance": -1,
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    }
).to_plotly_json()


class Figure(dict[str, Any]):
    """A figure in the portal's template, as Plotly's JSON.

    Plotly's own objects check and copy every value, which was most of what a chart
    cost; the tests read each figure through them. Methods are named as theirs.
    """

    def __init__(self) -> None:
        super().__init__(data=[], layout={"template": TEMPLATE})

    def add_scatter(self, **trace: object) -> None:
        """Add a trace; what is None is left out."""
        given = {name: value for name, value in trace.items() if value is not None}
        self["data"].append({"type": "scatter", **given})

    def add_hline(self, *, y: float, line: Mapping[str, object]) -> None:
        """Draw a line across at a height."""
        across = {"type": "line", "xref": "x domain", "x0": 0, "x1": 1}
        shape = {**across, "yref": "y", "y0": y, "y1": y, "line": line}
        self["layout"].setdefault("shapes", []).append(shape)

    def update_layout(self, **values: object) -> None:
        """Set properties of the layout."""
        self["layout"].update(values)

    def update_xaxes(self, *, title: str | None = None, **values: object) -> None:
        """Set properties of the x axis."""
        self._update_axis("xaxis", title, values)

    def update_yaxes(self, *, title: str | None = None, **values: object) -> None:
        """Set properties of the y axis."""
        self._update_axis("yaxis", title, values)

    def _update_axis(
        self, name: str, title: str | None, values: Mapping[str, object]
    ) -> None:
        text = {} if title is None else {"title": {"text": title}}
        axis = self["layout"].get(name, {})
        self["layout"][name] = {**axis, **text, **values}

    def over_time(self, axis: Mapping[str, Any]) -> None:
        """Give it an axis of time; drawn across, it zooms; a double click ends it.

        `webapp/assets/charts.js` moves the other charts of the page along. A refresh of
        the same hours keeps what was zoomed in.
        """
        self.update_xaxes(**axis)
        self.update_yaxes(fixedrange=True)
        self.update_layout(dragmode="zoom", uirevision=str(axis.get("tickvals")))


def tint(ink: Ink, opacity: float) -> str:
    """The ink as a translucent fill.

    Examples
    --------
    >>> tint(Ink.FORECAST, 0.2)
    'rgba(0, 114, 178, 0.2)'
    """
    red, green, blue = (int(ink.value[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def number(value: float | None, digits: int = 0) -> str:
    """A number for people: grouped, with a true minus; a dash when there is none.

    Examples
    --------
    >>> number(-1234.56, 1), number(None)
    ('−1,234.6', '–')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.removeprefix("-")
    return text.replace("-", MINUS)


def quantity(value: float | None, unit: str, digits: int = 0) -> str:
    """A number with its unit, a thin space between; a bare dash when there is none."""
    text = number(value, digits)
    return text if text == MISSING else f"{text}{THIN_SPACE}{unit}"


def celsius(value_c: float | None, digits: int = 1) -> str:
    """A temperature in degC."""
    return quantity(value_c, "°C", digits)


def plain_text(text: str) -> str:
    """Text for a figure: Plotly would make links and bold letters of tags in it.

    Examples
    --------
    >>> plain_text('<a href="https://x">Ireland</a>')
    '&lt;a href="https://x">Ireland&lt;/a>'
    """
    return text.replace("<", "&lt;")


def short_number(value: float) -> str:
    """A number with no more digits than it needs, such as a limit or a share.

    Examples
    --------
    >>> short_number(35.0), short_number(35.5)
    ('35', '35.5')
    """
    return f"{value:g}".replace("-", MINUS)


def thermal_limit_label(limit_c: float) -> str:
    """The name of the limit line, everywhere it is drawn."""
    return f"Thermal limit ({short_number(limit_c)}{THIN_SPACE}°C)"


def utc_offset(instant: datetime) -> str:
    """The offset of an aware local time.

    Examples
    --------
    >>> utc_offset(datetime(2023, 8, 1, tzinfo=ZoneInfo("Asia/Kolkata")))
    'UTC+5:30'
    """
    offset = instant.utcoffset()
    minutes = 0 if offset is None else int(offset.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    sign = MINUS if minutes < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")


def chart_instants(hours_utc: Sequence[datetime]) -> list[str]:
    """Instants as a date axis takes them: UTC, so that no local hour is lost."""
    return [hour.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") for hour in hours_utc]


def local_labels(hours_utc: Sequence[datetime], time_zone: str) -> list[str]:
    """Each hour on a clock in `time_zone`, for hover boxes and tables.

    Where the clock changes between them, each says its offset: one hour comes twice.
    """
    zone = ZoneInfo(time_zone)
    local = [hour.astimezone(zone) for hour in hours_utc]
    changes = len({hour.utcoffset() for hour in local}) > 1
    return [
        f"{hour:%a} {hour.day} {hour:%b %H:%M}"
        + (f" ({utc_offset(hour)})" if changes else "")
        for hour in local
    ]


def zone_label(hours_utc: Sequence[datetime], time_zone: str) -> str:
    """The zone of a series with its offset or offsets; UTC needs none.

    Examples
    --------
    >>> zone_label([datetime(2023, 8, 1, tzinfo=UTC)], "Europe/Dublin")
    'Europe/Dublin, UTC+1'
    """
    if time_zone == "UTC":
        return "UTC"
    zone = ZoneInfo(time_zone)
    offsets = dict.fromkeys(utc_offset(hour.astimezone(zone)) for hour in hours_utc)
    return ", ".join([time_zone, *([" then ".join(offsets)] if offsets else [])])


def local_time_axis(
    hours_utc: Sequence[datetime], time_zone: str, *, every_h: int
) -> dict[str, Any]:
    """An x axis in a zone's time over instants in UTC, zone and offset stated.

    Positions stay in UTC, so a day that changes its clock keeps every hour; labels are
    what a clock in the zone shows.
    """
    zone = ZoneInfo(time_zone)
    local = [hour.astimezone(zone) for hour in hours_utc]
    ticks = [hour for hour in local if hour.hour % every_h == 0]
    return {
        "type": "date",
        "tickmode": "array",
        "tickvals": chart_instants(ticks),
        "ticktext": [_tick_text(hour) for hour in ticks],
        "title": f"Time ({zone_label(hours_utc, time_zone)})",
    }


def _tick_text(hour: datetime) -> str:
    if hour.hour == 0:
        return f"00:{hour:%M}<br>{hour.day} {hour:%b}"
    return f"{hour:%H:%M}"
