"""Plain values of the first page and of what was measured in a period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from orchestrator.decisions.views import DecisionSummary
from orchestrator.regions.views import RegionChoice
from orchestrator.windows.views import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalView:
    """A sum over the fleet in the newest hour, and a day before.

    Attributes
    ----------
    change_frac : float | None
        Of the sum a day before; None where there is none.
    """

    name: str
    value: float | None
    unit: str
    change_frac: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewView:
    """What the first page shows beside the regions.

    Attributes
    ----------
    hour_utc : datetime
        Start of the hour that the totals are of.
    n_measured, n_regions : int
        Regions with telemetry of that hour and a day before, and all active ones.
    decisions : tuple of DecisionSummary
        What people recorded last.
    feeds : mapping of str to int
        How many feeds are in each state.
    """

    hour_utc: datetime
    totals: tuple[TotalView, ...]
    n_measured: int
    n_regions: int
    decisions: tuple[DecisionSummary, ...]
    feeds: Mapping[str, int]


class MarkKind(StrEnum):
    """What is marked on a chart of hours or days."""

    DECISION = "decision"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeMark:
    """A decision that was recorded or an alarm that was raised.

    Attributes
    ----------
    key : int
        The number of the decision or of the alarm.
    """

    kind: MarkKind
    key: int
    at_utc: datetime
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySeries:
    """One quantity over a period.

    Attributes
    ----------
    key : str
        The quantity's name in ids.
    summary : str
        What a day's value is of its hours, such as "maximum".
    values, compared, bounds : tuple of float or None, as long as the period's instants
        As measured; so many days before, empty without a comparison; bounds on the
        maximum of the day, empty where there is none.
    limit : float | None
    """

    key: str
    name: str
    unit: str
    summary: str
    values: Series
    compared: Series = ()
    bounds: Series = ()
    limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryView:
    """What was measured in a period, by hour or by day, with what was decided then.

    Attributes
    ----------
    region : RegionChoice | None
        None for sums over the fleet.
    time_zone : str
        Of its days.
    instants_utc : tuple of datetime
        Starts of the hours or of the days.
    marks : tuple of TimeMark
        Newest first.
    """

    region: RegionChoice | None
    time_zone: str
    first_day: date
    last_day: date
    is_hourly: bool
    compare_days: int | None
    instants_utc: tuple[datetime, ...]
    series: tuple[HistorySeries, ...]
    marks: tuple[TimeMark, ...]
