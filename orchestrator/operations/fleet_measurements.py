"""What metrics say of verdicts, bounds, load, feeds and deliveries of the fleet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.days import WINDOW_H
from core.telemetry import HOUR
from db.deliveries import DeliveryCounts
from db.fleet_standing import RegionStanding, fleet_standing, newest_loads_mw
from orchestrator.deliveries.delivery_list import subscription_views
from orchestrator.deliveries.views import SubscriptionHealth
from orchestrator.feeds.feed_list import feed_views
from orchestrator.forecasts.fleet import verdict_groups
from orchestrator.forecasts.views import Group
from orchestrator.operations.monitoring import MOST_SHOWN_REGIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetMeasurements:
    """Of the fleet; by region only where it has at most `MOST_SHOWN_REGIONS`.

    Attributes
    ----------
    groups : Mapping of Group to int
        Regions by their newest verdict, every group.
    standing : tuple of RegionStanding
        Regions shown one by one.
    loads_mw : Mapping of str to float
        Newest measured load of the last day, of regions shown one by one.
    smallest_margin_c : float | None
        From a bound to its limit, of the region that is nearest or furthest above.
    oldest_known_s, cycle_age_s : float | None
        Since the telemetry behind the oldest verdict ended; since the newest issue.
    feed_lag_s : Mapping of str to float
        Of the region that is furthest back, by feed.
    subscriptions_failing : Mapping of str to bool
        By subscription.
    """

    groups: Mapping[Group, int]
    standing: tuple[RegionStanding, ...]
    loads_mw: Mapping[str, float]
    total_load_mw: float
    smallest_margin_c: float | None
    oldest_known_s: float | None
    cycle_age_s: float | None
    feed_lag_s: Mapping[str, float]
    deliveries: DeliveryCounts
    oldest_delivery_s: float
    subscriptions_failing: Mapping[str, bool]


def measure_fleet(session: Session, now: datetime) -> FleetMeasurements:
    """Read all of it in a handful of statements, however many regions there are."""
    standing = fleet_standing(session, now)
    counts = Counter(verdict_groups(session, standing, now).values())
    loads_mw = newest_loads_mw(session, now - WINDOW_H * HOUR)
    is_shown = len(standing) <= MOST_SHOWN_REGIONS
    margins_c = [
        item.limit_c - item.bound_c
        for item in standing
        if item.bound_c is not None and item.limit_c is not None
    ]
    known_utc = [s.known_until_utc for s in standing if s.known_until_utc]
    issued_utc = [s.issued_at_utc for s in standing if s.issued_at_utc]
    subscriptions = subscription_views(session, now)
    waiting = [view.counts.oldest_waiting_utc for view in subscriptions]
    return FleetMeasurements(
        groups={group: counts[group] for group in Group},
        standing=tuple(standing) if is_shown else (),
        loads_mw=loads_mw if is_shown else {},
        total_load_mw=sum(loads_mw.values()),
        smallest_margin_c=min(margins_c, default=None),
        oldest_known_s=_age_s(now, min(known_utc, default=None)),
        cycle_age_s=_age_s(now, max(issued_utc, default=None)),
        feed_lag_s={
            view.facts.name: view.lag_h * 3600
            for view in feed_views(session, now)
            if view.lag_h is not None
        },
        deliveries=DeliveryCounts(
            waiting=sum(view.counts.waiting for view in subscriptions),
            retrying=sum(view.counts.retrying for view in subscriptions),
            dead=sum(view.counts.dead for view in subscriptions),
        ),
        oldest_delivery_s=_age_s(now, min(filter(None, waiting), default=None)) or 0.0,
        subscriptions_failing={
            view.facts.name: view.health
            in {SubscriptionHealth.FAILING, SubscriptionHealth.STOPPED}
            for view in subscriptions
        },
    )


def _age_s(now: datetime, since: datetime | None) -> float | None:
    return None if since is None else max(now - since, timedelta()).total_seconds()
