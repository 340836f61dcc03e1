"""Queries on the weekly fits of the portal's own plain model.

A fit is a function of telemetry, kept so that an issue need not read two years. One
that rests on hours which changed since is deleted, and made again by the next issue.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.schema import PlainFitRow
from db.telemetry_merge import LOCK_CLASS, lock_regions

FitBytes = tuple[bytes, bytes]
"""Of `models.plain_model.PlainFit.to_bytes`."""

_UNSETTLED = timedelta(hours=48)
"""A fit counts no day that ended less than this before its week."""


def fits_at(
    session: Session, region_id: int, week_start_utc: datetime, issue_hour_utc: int
) -> dict[bool, FitBytes]:
    """The fits of a region's week and hour; see `fits_of`."""
    return fits_of(session, {region_id: week_start_utc}, issue_hour_utc)[region_id]


def fits_of(
    session: Session, week_starts_utc: Mapping[int, datetime], issue_hour_utc: int
) -> dict[int, dict[bool, FitBytes]]:
    """The fits of each region's week, by whether they use weather forecasts.

    One that an earlier release kept has no weights of hours and is not used.
    """
    rows = session.scalars(
        select(PlainFitRow).where(
            PlainFitRow.region_id.in_(week_starts_utc),
            PlainFitRow.issue_hour_utc == issue_hour_utc,
        )
    )
    found: dict[int, dict[bool, FitBytes]] = {
        region_id: {} for region_id in week_starts_utc
    }
    for row in rows:
        is_of_week = row.week_start_utc == week_starts_utc[row.region_id]
        if is_of_week and row.hour_weights is not None:
            found[row.region_id][row.uses_runs] = row.content, row.hour_weights
    return found


def may_keep_fits(session: Session, region_id: int) -> bool:
    """Whether nobody is changing what fits of the region rest on; who must wait now.

    A fit that is read before a change commits, and kept after, would be of the past.
    """
    return bool(
        session.scalar(select(func.pg_try_advisory_xact_lock(LOCK_CLASS, region_id)))
    )


def keep_fits(
    session: Session,
    region_id: int,
    week_start_utc: datetime,
    fits: Mapping[tuple[int, bool], FitBytes],
) -> None:
    """Keep the fits of a week by UTC hour and use of runs; a later week's stay."""
    statement = insert(PlainFitRow).values(
        [
            {
                "region_id": region_id,
                "issue_hour_utc": hour,
                "uses_runs": uses_runs,
                "week_start_utc": week_start_utc,
                "content": content,
                "hour_weights": hour_weights,
            }
            for (hour, uses_runs), (content, hour_weights) in fits.items()
        ]
    )
    new = statement.excluded
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["region_id", "issue_hour_utc", "uses_runs"],
            set_={
                "week_start_utc": new.week_start_utc,
                "content": new.content,
                "hour_weights": new.hour_weights,
            },
            where=PlainFitRow.week_start_utc <= new.week_start_utc,
        )
    )


def forget_fits(
    session: Session, region_ids: Collection[int], first_utc: datetime
) -> None:
    """Delete the fits that count hours from `first_utc` on; none is kept until commit.

    Waits for those that are being made: they rest on the hours of before.
    """
    lock_regions(session, region_ids)
    session.execute(
        delete(PlainFitRow).where(
            PlainFitRow.region_id.in_(region_ids),
            PlainFitRow.week_start_utc > first_utc + _UNSETTLED,
        )
    )
