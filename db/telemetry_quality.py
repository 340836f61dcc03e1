"""Queries on the findings of the quality checks, and on accepted hours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, func, select, text, true
from sqlalchemy.orm import Session, aliased

from core.errors import InvalidInput
from core.quality import COPY_HOURS, Quality, QualityRule
from core.telemetry import Quantity
from db.copying import copy_rows
from db.ingest import LONGEST_PAGE
from db.schema import (
    BATCH_COLUMNS,
    RegionRow,
    TelemetryAcceptanceRow,
    TelemetryFindingRow,
    TelemetryRow,
)

_TEMPERATURE = Quantity.TEMPERATURE_C.value
_HUMIDITY = Quantity.RELATIVE_HUMIDITY_PCT.value


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryFinding:
    """Why one value is suspect or bad; its figures as in `QualityVerdicts`."""

    region_slug: str
    quantity: Quantity
    hour_utc: datetime
    quality: Quality
    rule: QualityRule
    value: float
    expected: float | None
    allowed: float | None
    against: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedHours:
    """Hours of a region that an import inserted or updated, from first to last."""

    region_id: int
    region_slug: str
    it_capacity_mw: float
    first_utc: datetime
    last_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Hours of a quantity that an operator accepted.

    Attributes
    ----------
    newest_batch_id : int
        It covers values of imports up to this one.
    """

    quantity: Quantity
    start_utc: datetime
    end_utc: datetime
    newest_batch_id: int


def replace_findings(
    session: Session,
    region_id: int,
    *,
    start_utc: datetime,
    end_utc: datetime,
    judged_at_utc: datetime,
    findings: Iterable[TelemetryFinding],
) -> None:
    """Store the findings of [start_utc, end_utc) in place of the former ones."""
    session.execute(
        delete(TelemetryFindingRow).where(
            TelemetryFindingRow.region_id == region_id,
            TelemetryFindingRow.hour_utc >= start_utc,
            TelemetryFindingRow.hour_utc < end_utc,
        )
    )
    copy_rows(
        session,
        TelemetryFindingRow.__tablename__,
        (
            "region_id",
            "hour_utc",
            "quantity",
            "quality",
            "rule",
            "value",
            "expected",
            "allowed",
            "against",
            "judged_at_utc",
        ),
        (
            (
                region_id,
                one.hour_utc,
                one.quantity.value,
                one.quality.value,
                one.rule.value,
                one.value,
                one.expected,
                one.allowed,
                one.against,
                judged_at_utc,
            )
            for one in findings
        ),
    )


def list_findings(
    session: Session,
    *,
    region_slug: str | None = None,
    start_utc: datetime | None = None,
    end_utc: datetime | None = None,
    limit: int = 100,
) -> list[TelemetryFinding]:
    """Findings, newest hour first.

    Raises
    ------
    InvalidInput
        When the limit is out of range.
    """
    if not 1 <= limit <= LONGEST_PAGE:
        message = f"A page has 1 to {LONGEST_PAGE:,} rows, not {limit:,}."
        raise InvalidInput(message)
    wanted: list[ColumnElement[bool]] = []
    if region_slug is not None:
        wanted.append(RegionRow.slug == region_slug)
    if start_utc is not None:
        wanted.append(TelemetryFindingRow.hour_utc >= start_utc)
    if end_utc is not None:
        wanted.append(TelemetryFindingRow.hour_utc < end_utc)
    rows = session.execute(
        select(TelemetryFindingRow, RegionRow.slug)
        .join(RegionRow, RegionRow.id == TelemetryFindingRow.region_id)
        .where(*wanted)
        .order_by(
            TelemetryFindingRow.hour_utc.desc(),
            RegionRow.slug,
            TelemetryFindingRow.quantity,
        )
        .limit(limit)
    )
    return [
        TelemetryFinding(
            region_slug=slug,
            quantity=Quantity(row.quantity),
            hour_utc=row.hour_utc,
            quality=Quality(row.quality),
            rule=QualityRule(row.rule),
            value=row.value,
            expected=row.expected,
            allowed=row.allowed,
            against=row.against,
        )
        for row, slug in rows
    ]


def regions_alike(
    session: Session,
    region_ids: Collection[int],
    *,
    from_utc: datetime,
    end_utc: datetime,
) -> dict[int, list[int]]:
    """Regions that have the weather of each in `COPY_HOURS` of [from_utc, end_utc).

    As `equal_weather` compares it. For all at once: hours are read once.
    """
    new = _agreeing(region_ids, from_utc, end_utc).subquery()
    alike: dict[int, list[int]] = defaultdict(list)
    with _joined_by_hash(session):
        for region_id, other_id in session.execute(
            select(new.c.region_id, new.c.other_id)
            .group_by(new.c.region_id, new.c.other_id)
            .having(func.count() >= COPY_HOURS)
        ):
            alike[region_id].append(other_id)
    return alike


def equal_weather(
    session: Session,
    region_id: int,
    other_ids: Collection[int],
    *,
    start_utc: datetime,
    end_utc: datetime,
) -> dict[str, list[datetime]]:
    """Hours of [start_utc, end_utc) in which each of others has the same weather.

    Temperatures are equal, and humidities where both regions have one.
    """
    found = _agreeing([region_id], start_utc, end_utc, other_ids).subquery()
    hours: dict[str, list[datetime]] = defaultdict(list)
    for slug, hour_utc in session.execute(
        select(RegionRow.slug, found.c.hour_utc).join(
            RegionRow, RegionRow.id == found.c.other_id
        )
    ):
        hours[slug].append(hour_utc)
    return hours


def _agreeing(
    region_ids: Collection[int],
    start_utc: datetime,
    end_utc: datetime,
    other_ids: Collection[int] | None = None,
) -> Select[int, int, datetime]:
    """Hours of these regions, and every other (or these) with the same weather then."""
    own, other = aliased(TelemetryRow), aliased(TelemetryRow)
    return (
        select(own.region_id, other.region_id.label("other_id"), own.hour_utc)
        .join(
            other,
            (other.hour_utc == own.hour_utc)
            & (getattr(other, _TEMPERATURE) == getattr(own, _TEMPERATURE))
            & (other.region_id != own.region_id),
        )
        .where(
            own.region_id.in_(region_ids),
            func.coalesce(getattr(other, _HUMIDITY) == getattr(own, _HUMIDITY), true()),
            # Of both sides, so that both are read from the same partitions only.
            *(
                (side.hour_utc >= start_utc) & (side.hour_utc < end_utc)
                for side in (own, other)
            ),
            true() if other_ids is None else other.region_id.in_(other_ids),
        )
    )


@contextmanager
def _joined_by_hash(session: Session) -> Iterator[None]:
    """Without nested loops, which compare every hour with every other.

    The months of an import have no statistics yet, so the planner expects few rows.
    """
    session.execute(text("set local enable_nestloop = off"))
    yield
    session.execute(text("set local enable_nestloop = on"))


def insert_acceptance(
    session: Session,
    region_id: int,
    accepted: Acceptance,
    *,
    hour_count: int,
    reason: str,
    actor_id: int,
) -> int:
    """Store that hours were accepted; return the id."""
    row = TelemetryAcceptanceRow(
        region_id=region_id,
        quantity=accepted.quantity.value,
        start_utc=accepted.start_utc,
        end_utc=accepted.end_utc,
        newest_batch_id=accepted.newest_batch_id,
        hour_count=hour_count,
        reason=reason,
        actor_id=actor_id,
    )
    session.add(row)
    session.flush()
    return row.id


def acceptances(
    session: Session, region_id: int, start_utc: datetime, end_utc: datetime
) -> list[Acceptance]:
    """What was accepted of hours in [start_utc, end_utc)."""
    rows = session.scalars(
        select(TelemetryAcceptanceRow).where(
            TelemetryAcceptanceRow.region_id == region_id,
            TelemetryAcceptanceRow.start_utc < end_utc,
            TelemetryAcceptanceRow.end_utc > start_utc,
        )
    )
    return [
        Acceptance(
            quantity=Quantity(row.quantity),
            start_utc=row.start_utc,
            end_utc=row.end_utc,
            newest_batch_id=row.newest_batch_id,
        )
        for row in rows
    ]


def batch_ids(
    session: Session,
    region_id: int,
    quantity: Quantity,
    start_utc: datetime,
    end_utc: datetime,
) -> dict[datetime, int]:
    """The import of each value of [start_utc, end_utc); the hour's last if unknown."""
    its_import = getattr(TelemetryRow, BATCH_COLUMNS[quantity])
    rows = session.execute(
        select(
            TelemetryRow.hour_utc, func.coalesce(its_import, TelemetryRow.batch_id)
        ).where(
            TelemetryRow.region_id == region_id,
            TelemetryRow.hour_utc >= start_utc,
            TelemetryRow.hour_utc < end_utc,
        )
    ).all()
    return {row[0]: row[1] for row in rows}
