"""Plain values of the Fleet and Forecast pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.scheduler import Outcome
from orchestrator.regions.views import RegionChoice, RegionChoices, RegionPart
from orchestrator.windows.views import (
    Bounded,
    Ground,
    RecordedView,
    Series,
    StandingView,
    VerdictView,
)

WORTH_DAYS = 90
"""Days over which the worth of weather forecasts is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRow:
    """One region on the Fleet page: its last 24 hours and its next.

    Attributes
    ----------
    history_c : Series
        Measured temperature of the 24 hours before now.
    forecast_hours_utc : tuple of datetime
        Starts of the hours of `forecast_mean_c`.
    telemetry_age_h : float | None
        Of the temperature, on which the verdict rests; carbon and load have their own.
    verdict, day_bound_c, exceedance_probability
        As load is now.
    recorded : RecordedView | None
        The same with what is recorded, where that is not all in effect.
    hour_bound_c : Series
        What each hour adds to the day's bound; the greatest is the bound.
    """

    region: RegionChoice
    colour: str
    cooling_type: str
    thermal_limit_c: float
    temperature_c: float | None
    temperature_at_utc: datetime | None
    telemetry_age_h: float | None
    telemetry_is_stale: bool
    telemetry_max_age_h: float
    history_c: Series
    forecast_hours_utc: tuple[datetime, ...]
    forecast_mean_c: Series
    issued_at_utc: datetime | None
    day_bound_c: float | None
    exceedance_probability: float | None
    allowed_probability: float
    verdict: VerdictView
    recorded: RecordedView | None
    carbon_intensity_gco2_kwh: float | None
    carbon_age_h: float | None
    water_l_last_24h: float | None
    it_load_mw: float | None
    it_load_age_h: float | None
    hour_bound_c: Series = ()


class Group(StrEnum):
    """Which regions of a fleet are shown, by their newest verdict."""

    OVER = "over"
    UNJUDGED = "unjudged"
    APPROVED = "approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPart:
    """Which part of a fleet is shown that is longer than a page, worst first.

    Attributes
    ----------
    counts : mapping of Group to int
        Of the whole fleet, as each region's newest issue was judged.
    worst : tuple of str
        Names of the regions that need somebody most.
    n_found : int
        Regions that the search and the group leave.
    first : int
        Place of the first row shown, from 1.
    """

    counts: Mapping[Group, int]
    worst: tuple[str, ...]
    n_found: int
    first: int

    @property
    def n_regions(self) -> int:
        """Regions of the whole fleet."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlace:
    """Where regions are on the map; of a long fleet, those of a cell of some degrees.

    Attributes
    ----------
    slug : str | None
        None where there are several.
    group : Group
        The worst of them.
    """

    name: str
    slug: str | None
    n_regions: int
    group: Group
    latitude_deg: float
    longitude_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetView:
    """The Fleet page: every active region in fixed places, or one page of many.

    Attributes
    ----------
    part : FleetPart | None
        Which part of the fleet the rows are; None where they are all of it.
    ending : tuple of StandingView
        Decisions whose last hour is near: they end unless they are renewed.
    places : tuple of FleetPlace
        Of the whole fleet.
    """

    as_of_utc: datetime
    rows: tuple[FleetRow, ...]
    part: FleetPart | None = None
    ending: tuple[StandingView, ...] = ()
    places: tuple[FleetPlace, ...] = ()

    @property
    def counts(self) -> Mapping[Group, int]:
        """Regions of the whole fleet by their verdict."""
        if self.part is not None:
            return self.part.counts
        groups = [group_of(row) for row in self.rows]
        return {group: groups.count(group) for group in Group}


def group_of(row: FleetRow) -> Group:
    """Which group a row that was judged just now belongs to."""
    if row.verdict.data_problem:
        return Group.UNJUDGED
    if row.verdict.outcome is Outcome.BLOCKED:
        return Group.OVER
    return Group.APPROVED


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWorth:
    """What weather forecasts have been worth at a region's local midnights.

    Attributes
    ----------
    n_days : int
        Finished windows that were forecast with and without them.
    rmse_c, rmse_without_c : float
        Of the mean as issued, and of the same model on telemetry alone, degC.
    rmse_raw_c : float | None
        Of the weather forecasts themselves on the same hours; None when unknown.
    """

    n_days: int
    rmse_c: float
    rmse_without_c: float
    rmse_raw_c: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """The weather forecasts behind a forecast.

    Attributes
    ----------
    mode : str
        In words: what the forecast rests on beside telemetry.
    issued_at_utc : datetime | None
        Issue of the newest run used; None without any.
    age_h : float | None
        From there to the issue of the forecast.
    raw_c : Series
        The mean over the models as known at the issue, uncorrected.
    worth : RunWorth | None
        Of the last 90 days; None without any finished day.
    """

    mode: str
    issued_at_utc: datetime | None
    age_h: float | None
    raw_c: Series
    worth: RunWorth | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastDayView:
    """The Forecast page for one region and window.

    Attributes
    ----------
    local_day : date | None
        The chosen day; None for "the next 24 hours" (the newest live issue).
    is_usual_issue : bool
        The day's local midnight or the newest live issue, not another chosen one.
    newer_issue_utc : datetime | None
        The newest live issue, when an older one is shown.
    issues_utc : tuple of datetime
        Issues that can be chosen, newest first.
    is_simulation : bool
        A past window, judged by what was known at its issue time.
    hours_utc : tuple of datetime
        Starts of the 24 hours; `mean_c`, `lower_c`, `upper_c`, `actual_c` go with it.
    ground : Ground
        What curve, range, bound, chance, verdict and dots stand on.
    now : Bounded
        As load is now.
    recorded : RecordedView | None
        With what is recorded, where that is not all in effect.
    history_hours_utc, history_c
        The 48 hours before the issue.
    suspect_hours_utc, suspect_text
        Hours of either whose measured temperature no model or score uses, and why.
    day_max_dots_c : tuple of float
        Equally likely values of the day's maximum, ascending; empty without a bound.
    first_day, last_day, missing_days
        Days that can be picked: first to last, less the missing ones.
    revised_text : str | None
        What was replaced since of the telemetry that the forecast rests on.
    notice : str | None
        Why there is nothing to draw, and the next step.
    run : RunView | None
        None for a region without weather forecasts.
    """

    region: RegionChoice
    regions: RegionChoices
    as_of_utc: datetime
    local_day: date | None
    issued_at_utc: datetime | None
    is_usual_issue: bool
    newer_issue_utc: datetime | None
    issues_utc: tuple[datetime, ...]
    is_simulation: bool
    hours_utc: tuple[datetime, ...]
    mean_c: Series
    lower_c: Series
    upper_c: Series
    actual_c: Series
    actual_max_c: float | None
    history_hours_utc: tuple[datetime, ...]
    history_c: Series
    suspect_hours_utc: tuple[datetime, ...]
    suspect_text: str | None
    thermal_limit_c: float
    allowed_probability: float
    day_bound_c: float | None
    exceedance_probability: float | None
    verdict: VerdictView
    ground: Ground
    now: Bounded
    recorded: RecordedView | None
    day_max_dots_c: tuple[float, ...]
    model_label: str | None
    score_count: int | None
    tracking_offset: float | None
    telemetry_watermark_utc: datetime | None
    first_day: date | None
    last_day: date | None
    missing_days: tuple[date, ...]
    notice: str | None
    late_text: str | None = None
    revised_text: str | None = None
    run: RunView | None = None

    @property
    def window_start_utc(self) -> datetime:
        """The chosen issue, whether or not a forecast of it is stored."""
        return self.hours_utc[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityRow:
    """The bound of the last so many days held against what happened.

    Attributes
    ----------
    coverage_frac : float | None
        Share of scored days whose maximum was at most the bound.
    mean_margin_c : float | None
        Bound less maximum.
    mean_width_c : float | None
        Of the displayed range of single hours.
    """

    days: int
    scored_days: int
    coverage_frac: float | None
    mean_margin_c: float | None
    mean_width_c: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Days on which the stated chance of exceeding the limit lay in [low, high).

    Attributes
    ----------
    mean_probability : float
        The mean of what was stated.
    exceeded_days : int
        On how many of the days it came to pass.
    """

    low: float
    high: float
    n_days: int
    mean_probability: float
    exceeded_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityStep:
    """The scored days of a week (from Monday) or of a month.

    Attributes
    ----------
    first_day : date
        Of the week or month, whether it was scored or not.
    coverage_frac : float
        Share of days whose maximum was at most the bound.
    mean_error_c : float
        Mean absolute difference of the day's forecast and measured maximum.
    """

    first_day: date
    scored_days: int
    coverage_frac: float
    mean_error_c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityView:
    """How good the forecasts of one region were before a window.

    Attributes
    ----------
    confidence_frac : float
        Share of days on which a bound that keeps its promise holds.
    bins : tuple of ReliabilityBin
        Those that have days, ascending; of the longest span in `rows`.
    is_drifting : bool
        Coverage has left what a well calibrated bound would show by chance.
    run_worth : RunWorth | None
        Errors with and without weather forecasts; None without any.
    rescored_days : int
        Days of the longest span in `rows` that were scored again, because their
        telemetry was replaced.
    alarm : str | None
        The watch's sentence on the model that serves now; None without an alarm.
    steps : tuple of QualityStep
        Of the longest span in `rows`, those that have scored days.
    """

    region: RegionChoice
    thermal_limit_c: float
    confidence_frac: float
    rows: tuple[QualityRow, ...]
    bins: tuple[ReliabilityBin, ...]
    is_drifting: bool
    run_worth: RunWorth | None = None
    rescored_days: int = 0
    alarm: str | None = None
    steps: tuple[QualityStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetQualityView:
    """The quality of the forecasts of a page of regions, for admins."""

    regions: tuple[QualityView, ...]
    part: RegionPart
