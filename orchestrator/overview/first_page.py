"""The first page: what the fleet does now, what was decided last, how feeds are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.access import Permission
from core.days import full_hour
from core.telemetry import HOUR
from db.decision_lists import DecisionFilter
from db.decision_standing import standing_decisions
from db.decisions import decisions_by_ids
from db.fleet_totals import HourTotals, fleet_totals
from orchestrator.decisions.lists import decision_page
from orchestrator.decisions.records import read_impact
from orchestrator.feeds.feed_list import feed_views
from orchestrator.overview.views import AgainstNothing, OverviewView, TotalView
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
        against_nothing=_against_nothing(session, request.now),
    )


def _against_nothing(session: Session, now: datetime) -> AgainstNothing:
    standing = standing_decisions(session, start_utc=now, end_utc=now + _DAY)
    alone = [item.decision_id for item in standing if item.plan_id is None]
    stored = decisions_by_ids(session, alone)
    impacts = [
        read_impact(one.facts.impact).quantities if one.facts.impact else {}
        for one in stored.values()
    ]
    return AgainstNothing(
        n_decisions=len(alone),
        n_of_plans=len(standing) - len(alone),
        emissions_kgco2e=_sum_of_changes(impacts, "emissions_kgco2e"),
        water_l=_sum_of_changes(impacts, "water_on_site_l", "water_off_site_l"),
        cost_usd=_sum_of_changes(impacts, "cost_usd"),
    )


def _sum_of_changes(
    impacts: Sequence[Mapping[str, Mapping[str, float | None]]], *names: str
) -> float | None:
    total = 0.0
    for quantities in impacts:
        for name in names:
            ends = quantities.get(name, {})
            before, after = ends.get("fleet_before"), ends.get("fleet_after")
            if before is None or after is None:
                return None
            total += after - before
    return total


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
