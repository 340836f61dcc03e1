"""Which window a page or a command means: a past local day, or the next 24 hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from core.days import full_hour, issue_at_local_midnight, local_day_of
from core.errors import NotFound
from core.regions import Region
from db import forecasts, regions
from db.regions import StoredRegion
from orchestrator.views import RegionChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowChoice:
    """An issue instant, and whether the window only simulates a past decision.

    Attributes
    ----------
    local_day : date | None
        The day asked for; None for the next 24 hours.
    decision_day : date
        Local day on which the window begins.
    """

    local_day: date | None
    decision_day: date
    issued_at_utc: datetime
    is_simulation: bool


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
) -> WindowChoice:
    """The window of a region for a day, or its newest live issue without a day.

    A given day is always a simulation: it is judged by what was known at its local
    midnight. Only the next 24 hours can bind.
    """
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


def active_regions(session: Session) -> list[StoredRegion]:
    """Regions in their fixed order.

    Raises
    ------
    NotFound
        When there is none yet, with the next step.
    """
    found = regions.list_regions(session, active_only=True)
    if not found:
        message = "There is no region yet. Add one with `gfo region add`."
        raise NotFound(message)
    return found


def pick_region(found: list[StoredRegion], slug: str | None) -> StoredRegion:
    """The region called `slug`, or the first without one."""
    if slug is None:
        return found[0]
    for stored in found:
        if stored.region.slug == slug:
            return stored
    known = ", ".join(stored.region.slug for stored in found)
    message = f"There is no active region {slug!r}. Known: {known}."
    raise NotFound(message)


def region_choice(region: Region) -> RegionChoice:
    """A region as a choice in a list."""
    return RegionChoice(
        slug=region.slug,
        name=region.name,
        time_zone=region.time_zone,
        is_synthetic=region.is_synthetic,
    )
