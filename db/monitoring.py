"""What readiness checks, metrics and caches read of the whole database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Select, Text, cast, column, func, select, table, text
from sqlalchemy.orm import Session

from core.audit import AuditAction
from core.forecasts import Target
from db.audit_append import append_event
from db.denials import DenialKind
from db.model_versions import active_model, has_registered_bytes
from db.schema import (
    AuditHeadRow,
    DenialCountRow,
    ForecastRow,
    ModelHealthRow,
    RegionRow,
    SessionRow,
)

_JOBS = table("procrastinate_jobs", column("status"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Numbers of the whole installation at one instant."""

    audit_events: int
    live_logins: int
    recent_denials: int
    jobs: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """The database server, as it sees itself.

    Attributes
    ----------
    durability : Mapping of str to str
        Settings by which an acknowledged commit is on disk.
    is_read_only : bool
        True of a standby, and of a server that was told to take no changes.
    """

    version: str
    clock_utc: datetime
    size_bytes: int
    durability: Mapping[str, str]
    is_read_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFacts:
    """The archive of the server's log; `last_at_utc` is None without one."""

    last_at_utc: datetime | None
    is_failing: bool


_CHAIN_LOCK_WAIT = "2500ms"
"""Longer than a migration waits for a lock, while everybody else waits behind it."""

_DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")
_SERVER = text(
    "select current_setting('server_version') as version,"
    " clock_timestamp() as clock_utc,"
    " pg_database_size(current_database()) as size_bytes,"
    " pg_is_in_recovery() or current_setting('transaction_read_only') = 'on'"
    " as is_read_only"
)
_ARCHIVE = text(
    "select last_archived_time as last_at_utc, coalesce(last_failed_time >"
    " coalesce(last_archived_time, '-infinity'), false) as is_failing"
    " from pg_stat_archiver"
)


def server_facts(session: Session) -> ServerFacts:
    """Version, clock, size and durability of the server."""
    row = session.execute(_SERVER).one()
    settings = session.execute(
        text("select name, setting from pg_settings where name = any(:names)"),
        {"names": list(_DURABILITY)},
    )
    return ServerFacts(
        **row._mapping, durability={item.name: item.setting for item in settings}
    )


def archive_facts(session: Session) -> ArchiveFacts:
    """Whether the server archives its log, and whether that fails now."""
    return ArchiveFacts(**session.execute(_ARCHIVE).one()._mapping)


def require_writable_chain(session: Session) -> None:
    """Add an event and roll it back; raises the database's error when that fails."""
    session.execute(text(f"set local lock_timeout = '{_CHAIN_LOCK_WAIT}'"))
    with session.begin_nested() as savepoint:
        append_event(session, actor=None, action=AuditAction.ACCESS_DENIED)
        savepoint.rollback()


def damaged_targets(session: Session) -> list[Target]:
    """Targets whose active model's bytes are not those that were activated."""
    damaged = []
    for target in Target:
        active = active_model(session, target)
        if active is None:
            continue
        if not has_registered_bytes(session, active.version.version_id):
            damaged.append(target)
    return damaged


def count_everything(
    session: Session,
    *,
    now_utc: datetime,
    seen_since_utc: datetime,
    denied_since_utc: datetime,
) -> Counts:
    """Current counts of the installation."""
    logins = select(func.count()).where(
        SessionRow.ended_at_utc.is_(None),
        SessionRow.expires_at_utc > now_utc,
        SessionRow.last_seen_at_utc >= seen_since_utc,
    )
    denials = select(func.coalesce(func.sum(DenialCountRow.count), 0)).where(
        DenialCountRow.minute_utc >= denied_since_utc,
        # Each login is counted for its address as well.
        DenialCountRow.kind != DenialKind.ACCOUNT.value,
    )
    status = cast(_JOBS.c.status, Text).label("status")
    jobs = select(status, func.count()).group_by(_JOBS.c.status)
    return Counts(
        audit_events=session.scalar(select(AuditHeadRow.seq)) or 0,
        live_logins=session.scalar(logins) or 0,
        recent_denials=int(session.scalar(denials) or 0),
        jobs={row.status: row[1] for row in session.execute(jobs)},
    )


def newest_cycle(session: Session) -> datetime | None:
    """Instant of the newest live forecast or refusal; None before the first."""
    return session.scalar(
        select(func.max(ForecastRow.issued_at_utc)).where(ForecastRow.kind == "live")
    )


def newest_live_issues(session: Session) -> dict[str, datetime]:
    """Instant of each region's newest live temperature forecast, by slug."""
    rows = session.execute(
        select(RegionRow.slug, func.max(ForecastRow.issued_at_utc))
        .join(ForecastRow, ForecastRow.region_id == RegionRow.id)
        .where(
            RegionRow.is_active,
            ForecastRow.kind == "live",
            ForecastRow.status == "issued",
            ForecastRow.target == Target.TEMPERATURE_C.value,
        )
        .group_by(RegionRow.slug)
    )
    return {row.slug: row[1] for row in rows}


def state_stamp(session: Session) -> tuple[int, int, str]:
    """A value that changes whenever something that pages show is committed.

    Every state change has its audit event. Forecasts are added, because a batch of them
    shares one event, and model health, because its changes have none.
    """
    seq, forecast_id, health = session.execute(_stamp()).one()
    return int(seq), int(forecast_id), str(health)


@cache  # for every request: what it is built of takes as long as to run it
def _stamp() -> Select[int, int, datetime | None]:
    return select(
        select(func.coalesce(func.max(AuditHeadRow.seq), 0)).scalar_subquery(),
        select(func.coalesce(func.max(ForecastRow.id), 0)).scalar_subquery(),
        select(func.max(ModelHealthRow.changed_at_utc)).scalar_subquery(),
    )
