"""Plain values of the first page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from orchestrator.decisions.views import DecisionSummary


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
class AgainstNothing:
    """What the recorded shifts that stand change, beside shifting nothing.

    Each was judged for its own 24 hours, when it was recorded.

    Attributes
    ----------
    n_of_plans : int
        Standing transfers of plans, which are not in the sums: their figures are those
        of the whole plan.
    emissions_kgco2e, water_l, cost_usd : float | None
        Negative where the shifts save; None where one of them cannot be said.
    """

    n_decisions: int
    n_of_plans: int
    emissions_kgco2e: float | None
    water_l: float | None
    cost_usd: float | None


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
    against_nothing: AgainstNothing
