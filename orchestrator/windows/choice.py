"""Which window a page or a command means: a past local day, or the next 24 hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from core.days import WINDOW_H, full_hour, issue_at_local_midnight, local_day_of
from core.errors import InvalidInput
from core.forecasts import Target
from core.telemetry import HOUR
from db import forecasts, model_versions, regions
from db.regions import StoredRegion
from orchestrator.jobs import queue_hindcast

LIVE_CHOICES_H = 48
"""How far back live issues are offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowChoice:
    """An issue instant, and whether the window only simulates a past decision.

    Attributes
    ----------
    local_day : date | None
        The day asked for; None for the next 24 hours.
    decision_day : date
        Local day on which the window begins.
    is_usual_issue : bool
        The newest live issue, or the one at a day's local midnight; False for another.
    newer_issue_utc : datetime | None
        The newest live issue, when the next 24 hours after an older one are asked for.
    known_at_utc : datetime | None
        The issue that a coming day is judged on, before its own forecasts are issued.
    """

    local_day: date | None
    decision_day: date
    issued_at_utc: datetime
    is_simulation: bool
    is_usual_issue: bool = True
    newer_issue_utc: datetime | None = None
    known_at_utc: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayChoices:
    """Days that have a forecast issued at their local midnight."""

    first_day: date | None
    last_day: date | None
    missing_days: tuple[date, ...]


def choose_window(
    session: Session,
    stored_region: StoredRegion,
    *,
    local_day: date | None,
    now: datetime,
    issued_at_utc: datetime | None = None,
) -> WindowChoice:
    """The window of a region for a day, or its newest live issue without a day.

    A given day is always a simulation: it is judged by what was known at its local
    midnight. With `issued_at_utc` it is the window of that issue, and a simulation
    unless the issue is the newest. Only the next 24 hours can bind.

    Raises
    ------
    InvalidInput
        When a day is given that the issue is not of.
    """
    usual = _usual_window(session, stored_region, local_day=local_day, now=now)
    if issued_at_utc is None or issued_at_utc == usual.issued_at_utc:
        return usual
    return _choose_issue(stored_region, usual, issued_at_utc)


def choose_plan_window(
    session: Session,
    stored_region: StoredRegion,
    *,
    local_day: date | None,
    now: datetime,
) -> WindowChoice:
    """The window of a plan: as `choose_window`, and the coming day of the region.

    Tomorrow is live, though its own forecasts are not issued yet: it is judged on the
    region's newest issue, moved on to its midnight.

    Raises
    ------
    InvalidInput
        For a day after tomorrow, and for tomorrow without an issue of the last day.
    """
    time_zone = stored_region.region.time_zone
    ahead = 0 if local_day is None else (local_day - local_day_of(time_zone, now)).days
    if local_day is None or ahead <= 0:
        return choose_window(session, stored_region, local_day=local_day, now=now)
    if ahead > 1:
        message = f"{local_day} is after tomorrow: nothing is known of it yet."
        raise InvalidInput(message)
    midnight_utc = issue_at_local_midnight(time_zone, local_day)
    newest_utc = forecasts.newest_live_issue(
        session, region_id=stored_region.region_id, until_utc=now
    )
    if newest_utc is None or newest_utc < midnight_utc - WINDOW_H * HOUR:
        message = (
            f"{local_day} cannot be planned yet: {stored_region.region.name} has no"
            " forecast that reaches into it. It is planned once one is issued."
        )
        raise InvalidInput(message)
    return WindowChoice(
        local_day=local_day,
        decision_day=local_day,
        issued_at_utc=midnight_utc,
        is_simulation=False,
        known_at_utc=newest_utc,
    )


def newer_issue(
    session: Session,
    stored_regions: Sequence[StoredRegion],
    *,
    issued_at_utc: datetime,
    now: datetime,
) -> datetime | None:
    """The newest live issue of any of the regions, if it is newer than this one."""
    region_ids = [item.region_id for item in stored_regions]
    found = forecasts.newest_live_issues(session, region_ids, now)
    newest = max(found.values(), default=None)
    return newest if newest is not None and newest > issued_at_utc else None


def _usual_window(
    session: Session,
    stored_region: StoredRegion,
    *,
    local_day: date | None,
    now: datetime,
) -> WindowChoice:
    region = stored_region.region
    if local_day is not None:
        return WindowChoice(
            local_day=local_day,
            decision_day=local_day,
            issued_at_utc=issue_at_local_midnight(region.time_zone, local_day),
            is_simulation=True,
        )
    issued_at_utc = forecasts.newest_live_issue(
        session, region_id=stored_region.region_id, until_utc=now
    ) or full_hour(now)
    return WindowChoice(
        local_day=None,
        decision_day=local_day_of(region.time_zone, issued_at_utc),
        issued_at_utc=issued_at_utc,
        is_simulation=False,
    )


def _choose_issue(
    stored_region: StoredRegion, usual: WindowChoice, issued_at_utc: datetime
) -> WindowChoice:
    time_zone = stored_region.region.time_zone
    decision_day = local_day_of(time_zone, issued_at_utc)
    if usual.local_day not in {None, decision_day}:
        message = (
            f"The issue {issued_at_utc:%Y-%m-%dT%H:%MZ} is of {decision_day} in"
            f" {time_zone}, not of {usual.local_day}; leave out the day or the issue."
        )
        raise InvalidInput(message)
    is_older = usual.local_day is None and issued_at_utc < usual.issued_at_utc
    return WindowChoice(
        local_day=usual.local_day,
        decision_day=decision_day,
        issued_at_utc=issued_at_utc,
        is_simulation=True,
        is_usual_issue=False,
        newer_issue_utc=usual.issued_at_utc if is_older else None,
    )


def issue_choices(
    session: Session,
    stored_region: StoredRegion,
    *,
    local_day: date | None,
    now: datetime,
) -> tuple[datetime, ...]:
    """Issues to choose from, newest first: a day's, or the live ones of two days."""
    if local_day is None:
        start_utc, end_utc = now - timedelta(hours=LIVE_CHOICES_H), now + HOUR
    else:
        time_zone = stored_region.region.time_zone
        start_utc = issue_at_local_midnight(time_zone, local_day)
        end_utc = issue_at_local_midnight(time_zone, local_day + timedelta(days=1))
    return forecasts.issues_between(
        session,
        region_id=stored_region.region_id,
        start_utc=start_utc,
        end_utc=end_utc,
        live_only=local_day is None,
    )


def request_comparison(
    session: Session, choice: WindowChoice, *, now: datetime, asked_by_id: int
) -> bool:
    """Ask for a past day's hindcasts of active regions whose midnight is another.

    Only where none of them has one: then nobody has compared the day yet. False where
    nothing was asked for.
    """
    day, issued_at_utc = choice.local_day, choice.issued_at_utc
    if day is None or not choice.is_simulation or issued_at_utc > now:
        return False
    others = {
        zone
        for zone in regions.active_time_zones(session)
        if issue_at_local_midnight(zone, day) != issued_at_utc
    }
    active = model_versions.active_model(session, Target.TEMPERATURE_C)
    if not others or active is None or issued_at_utc < active.version.trained_until_utc:
        return False
    if forecasts.has_forecast(session, others, issued_at_utc=issued_at_utc):
        return False
    return queue_hindcast(session, local_day=day, asked_by_id=asked_by_id)


def day_choices(session: Session, stored_region: StoredRegion) -> DayChoices:
    """The days of a region that can be picked."""
    time_zone = stored_region.region.time_zone
    instants = forecasts.issued_about_midnight(
        session, region_id=stored_region.region_id, time_zone=time_zone
    )
    days = {
        day
        for instant in instants
        if issue_at_local_midnight(time_zone, day := local_day_of(time_zone, instant))
        == instant
    }
    if not days:
        return DayChoices(first_day=None, last_day=None, missing_days=())
    first, last = min(days), max(days)
    span = (first + timedelta(days=i) for i in range((last - first).days + 1))
    return DayChoices(
        first_day=first,
        last_day=last,
        missing_days=tuple(day for day in span if day not in days),
    )
