"""The first page: what the fleet does now, what was decided last, how feeds are."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from core.access import Permission
from core.days import full_hour
from core.telemetry import HOUR
from db.decision_lists import DecisionFilter
from db.fleet_totals import HourTotals, fleet_totals
from orchestrator.decisions.lists import decision_page
from orchestrator.feeds.feed_list import feed_views
from orchestrator.overview.views import OverviewView, TotalView
from orchestrator.use_cases import Request, query

DECISIONS_SHOWN = 6
_DAY = timedelta(days=1)
_LITRES_PER_M3 = 1000.0

_TOTALS = (
    ("IT load", "it_load_mw", "MW", 1.0),
    ("Carbon of the IT load", "emissions_kgco2e", "t/h", 1.0 / 1000.0),
    ("Water on site", "water_l", "m³/h", 1.0 / _LITRES_PER_M3),
    ("Power for the IT load", "cost_usd", "USD/h", 1.0),
)


@query(Permission.VIEW_FLEET)
def overview(request: Request, n_regions: int) -> OverviewView:
    """The fleet in the newest hour that has ended, of `n_regions` active regions."""
    session = request.session
    hour_utc = full_hour(request.now) - HOUR
    totals, before = fleet_totals(session, hour_utc, before=_DAY)
    page = decision_page(
        request, DecisionFilter(kind="recorded"), limit=DECISIONS_SHOWN
    )
    return OverviewView(
        hour_utc=hour_utc,
        totals=tuple(
            _total(name, field, unit, factor, totals, before)
            for name, field, unit, factor in _TOTALS
        ),
        n_measured=totals.n_regions if totals else 0,
        n_regions=n_regions,
        decisions=page.rows,
        feeds=Counter(feed.health.value for feed in feed_views(session, request.now)),
    )


def _total(
    name: str,
    field: str,
    unit: str,
    factor: float,
    totals: HourTotals | None,
    before: HourTotals | None,
) -> TotalView:
    value: float | None = getattr(totals, field, None)
    former: float | None = getattr(before, field, None)
    is_comparable = value is not None and former is not None and former > 0
    return TotalView(
        name=name,
        value=None if value is None else value * factor,
        unit=unit,
        change_frac=value / former - 1.0  # type: ignore[operator]
        if is_comparable
        else None,
    )
