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
