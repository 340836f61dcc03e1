"""How good forecasts have been: plain values for the pages that show it."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.regions.views import RegionChoice


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
    """

    region: RegionChoice
    thermal_limit_c: float
    confidence_frac: float
    rows: tuple[QualityRow, ...]
    bins: tuple[ReliabilityBin, ...]
    is_drifting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetQualityView:
    """The same of every region, for whoever keeps the models."""

    regions: tuple[QualityView, ...]
