"""What makes a demo fleet worth looking at in any season.

A limit follows a region's own history, so that it is over its limit today and a shift
clears it. People of the demo decided on some past days, one of which came as close to
its bound as any of the season, wrote about it, and recorded a plan. All of it is stored
as what it is: the limit's reason names how it was found, people are called
demo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from core.access import Actor, Role
from core.aliases import Progress
from core.days import WINDOW_H, full_hour, local_day_of
from core.errors import FleetError
from core.scheduler import Outcome
from core.telemetry import HOUR, Quantity
from db import policies, telemetry, users
from db.forecast_quality import FinishedForecast, finished_forecasts
from db.regions import StoredRegion
from orchestrator.accounts.administration import add_user, disable_user
from orchestrator.decisions.comments import comment_decision
from orchestrator.decisions.recording import evaluate, record
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.forecasts.views import FleetRow
from orchestrator.logs import get_logger
from orchestrator.plans.planning import find_plan, record_plan
from orchestrator.plans.terms import PlanTerms
from orchestrator.regions.policies import change_policy
from orchestrator.regions.region_choice import active_regions
from orchestrator.runtime import Runtime
from orchestrator.use_cases import WORKER_USER, Request

log = get_logger(__name__)

SEASON_DAYS = 60
"""Days whose warmest hours say what is usual now."""

QUANTILES_PCT = (99, 95, 90, 80, 70, 60, 50, 40)
WANTED_EXCESS_C = 1.2
"""How far the bound shall lie over the limit: a shift of a quarter clears it, with the
cooling factor of the first policy."""
MOST_EXCESS_C = 2.8

PEOPLE = ("Anna (demo)", "Ben (demo)", "Chiara (demo)")
COMMENTS = (
    "Warm afternoon ahead; moving early keeps the bound under the limit.",
    "Room at the target all day, and its grid is cleaner.",
    "Agreed with the site; back to normal tomorrow.",
    "Maintenance on a chiller, so less load until the evening.",
)
SEEN = "Seen: this shift does not help; the site prepares other measures."
SHIFTS_PCT = (20.0, 12.5, 30.0, 8.0)


def tighten_limits(runtime: Runtime, _report: Progress) -> None:
    """Give one region a limit under its bound, from its own last days; see the module.

    Nothing is done where a region is over its limit anyway, and a shift can clear it.
    """
    with runtime.request_as(WORKER_USER) as request:
        view = fleet_view(request)
        rows = [row for row in view.rows if row.day_bound_c is not None]
        if len(rows) < 2 or any(0 < _excess_c(row) <= MOST_EXCESS_C for row in rows):
            return
        stored = {item.slug: item for item in active_regions(request.session)}
        found = [
            (
                abs((row.day_bound_c or 0.0) - limit_c - WANTED_EXCESS_C),
                row,
                pct,
                limit_c,
            )
            for row in rows
            for pct, limit_c in _season_limits(request, stored[row.region.slug])
            if 0.3 < (row.day_bound_c or 0.0) - limit_c <= MOST_EXCESS_C
        ]
        if not found:
            return
        _, row, pct, limit_c = min(found, key=lambda item: item[0])
        change_policy(
            request,
            region_slug=row.region.slug,
            values={"thermal_limit_c": limit_c},
            reason=f"Demo: the {pct} % quantile of the daily maxima of its own last"
            f" {SEASON_DAYS} days, tight for the season, so that there is something to"
            " decide.",
        )


def _excess_c(row: FleetRow) -> float:
    return (row.day_bound_c or 0.0) - row.thermal_limit_c


def _season_limits(request: Request, stored: StoredRegion) -> list[tuple[int, float]]:
    """Quantiles of the daily maxima of the last days, degC, to half a degree."""
    end_utc = full_hour(request.now)
    frame = telemetry.load_frame(
        request.session, stored.slug, end_utc - SEASON_DAYS * WINDOW_H * HOUR, end_utc
    )
    hours = frame.column(Quantity.TEMPERATURE_C).reshape(SEASON_DAYS, WINDOW_H)
    whole = hours[np.isfinite(hours).all(axis=1)]
    if len(whole) < SEASON_DAYS // 2:
        return []
    maxima_c = whole.max(axis=1)
    return [
        (pct, round(2.0 * float(np.percentile(maxima_c, pct))) / 2.0)
        for pct in QUANTILES_PCT
    ]


def tell_story(runtime: Runtime, _report: Progress) -> None:
    """Decisions of some past days by several people, and a recorded plan.

    Days that are past are simulations: they show how deciding looks, and bind nothing.
    """
    with runtime.request_as(WORKER_USER) as request:
        found = active_regions(request.session)
        if len(found) < 2 or users.find_user_by_name(request.session, PEOPLE[0]):
            return
        for name in PEOPLE:
            add_user(request, name, Role.OPERATOR)
    _plan(runtime, found)
    for days_ago in range(4, 0, -1):
        _decide(runtime, found, days_ago)
    _close_call(runtime, found)
    with runtime.request_as(WORKER_USER) as request:
        for name in PEOPLE:
            disable_user(request, name)


def _person(request: Request, place: int) -> Actor:
    user = users.find_user_by_name(request.session, PEOPLE[place % len(PEOPLE)])
    return request.actor if user is None else user.as_actor()


def _decide(runtime: Runtime, found: Sequence[StoredRegion], days_ago: int) -> None:
    source, target = found[days_ago % len(found)], found[(days_ago + 1) % len(found)]
    try:
        with runtime.request_as(WORKER_USER) as request:
            person = replace(request, caller=_person(request, days_ago))
            card = evaluate(
                person,
                source_slug=source.slug,
                target_slug=target.slug,
                local_day=_local_day(request, source, days_ago),
                shift_pct=SHIFTS_PCT[days_ago % len(SHIFTS_PCT)],
            )
            is_safe = card.verdict.outcome is Outcome.APPROVED
            comment = COMMENTS[days_ago % len(COMMENTS)] if is_safe else SEEN
            record(person, what_if_id=card.decision_id, comment=comment)
    except FleetError as exc:
        log.warning("demo_decision_left_out", reason=exc.message)


def _plan(runtime: Runtime, found: Sequence[StoredRegion]) -> None:
    try:
        with runtime.request_as(WORKER_USER) as request:
            person = replace(request, caller=_person(request, 1))
            plan = find_plan(
                person,
                terms=PlanTerms(),
                anchor_slug=found[0].slug,
                local_day=_local_day(request, found[0], 1),
            )
            record_plan(
                person,
                plan_id=plan.plan_id,
                comment="The cheapest safe placement of that day, for comparison.",
            )
    except FleetError as exc:
        log.warning("demo_plan_left_out", reason=exc.message)


def _close_call(runtime: Runtime, found: Sequence[StoredRegion]) -> None:
    """Record the past day whose bound held by the least; a second person says so."""
    try:
        with runtime.request_as(WORKER_USER) as request:
            days = [(one, day) for one in found for day in _held(request, one)]
            if not days:
                return
            region, day = min(days, key=lambda item: _margin_c(item[1]))
            card = evaluate(
                replace(request, caller=_person(request, 2)),
                source_slug=region.slug,
                target_slug=None,
                local_day=local_day_of(region.region.time_zone, day.issued_at_utc),
                shift_pct=0.0,
            )
            outcome = record(
                replace(request, caller=_person(request, 2)),
                what_if_id=card.decision_id,
                comment="Close, but within the limit: no shift.",
            )
            if outcome.card is None:
                return
            comment_decision(
                replace(request, caller=_person(request, 0)),
                decision_id=outcome.card.decision_id,
                comment="The bound held at the last moment: the day reached"
                f" {day.day_max_c:.1f} °C, {_margin_c(day):.2f} °C below it.",
            )
    except FleetError as exc:
        log.warning("demo_close_call_left_out", reason=exc.message)


def _held(request: Request, stored: StoredRegion) -> list[FinishedForecast]:
    """Past days of a region whose bound was within its limit, and held."""
    limit_c = policies.effective_policy(
        request.session, stored.region_id
    ).thermal_limit_c
    finished = finished_forecasts(
        request.session,
        region_id=stored.region_id,
        local_issue_hour=0,
        from_utc=request.now - SEASON_DAYS * WINDOW_H * HOUR,
        until_utc=full_hour(request.now),
    )
    return [
        day
        for day in finished
        if day.day_bound_c is not None and day.day_max_c <= day.day_bound_c <= limit_c
    ]


def _margin_c(day: FinishedForecast) -> float:
    return (day.day_bound_c or 0.0) - day.day_max_c


def _local_day(request: Request, stored: StoredRegion, days_ago: int) -> date:
    today = local_day_of(stored.region.time_zone, request.now)
    return today - timedelta(days=days_ago)
