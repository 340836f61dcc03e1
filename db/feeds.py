"""Queries on feeds: their configuration, progress, runs, answers and switches."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from core.errors import Conflict, NotFound
from core.telemetry import HOUR, Quantity
from db.row_parts import columns_of, part_of
from db.schema import (
    FeedAnswerRow,
    FeedProgressRow,
    FeedRow,
    FeedRunRow,
    FeedSwitchRow,
    TelemetryFindingRow,
)
from db.telemetry_staging import STAGED

LONGEST_LIST = 1_000
_CHOICE_LOCK = 0x67666F02
_IN_USE = FeedRow.removed_at_utc.is_(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFacts:
    """A feed as an admin wrote it; see `orchestrator.feeds.configuration`."""

    name: str
    kind: str
    address: str
    regions: dict[str, str]
    options: dict[str, str]
    quantities: list[str]
    secret_reference: str | None
    private_hosts: list[str]
    every_min: int
    priority: int
    stale_after_h: float
    backfill_h: int
    requests_a_day: int | None
    is_paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """What the last runs of a feed left.

    Attributes
    ----------
    run_count : int
        Grows with every run: two runs of the same state cannot both be stored.
    known_answers : dict
        Of each question: its mark, and the validators of its last answer.
    """

    next_run_at_utc: datetime
    run_count: int
    failures_in_a_row: int
    last_run_at_utc: datetime | None
    last_success_at_utc: datetime | None
    last_problem: str | None
    request_day: date | None
    requests_that_day: int
    quota_left: int | None
    known_answers: dict[str, Any]

    def requests_on(self, day: date) -> int:
        """Requests made on a day; 0 when the last ones were made on an earlier day."""
        return self.requests_that_day if self.request_day == day else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFeed:
    """A feed with the state that its last run left."""

    feed_id: int
    facts: FeedFacts
    state: FeedState

    def source_of(
        self, region_id: int, switches: Mapping[tuple[int, str], Switch]
    ) -> tuple[str, ...]:
        """The quantities that it is the source of in a region."""
        return tuple(
            name
            for name in self.facts.quantities
            if (found := switches.get((region_id, name))) is not None
            and found.feed_id == self.feed_id
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedProgress:
    """How far a feed came in a region.

    Attributes
    ----------
    good_until_utc : datetime | None
        End of the newest hour with good values of all its quantities; of weather runs
        the issue of the newest one.
    good_since_utc : datetime | None
        Since when it has been fresh without a failure.
    asked_until_utc : datetime | None
        End of the hours that were answered, whatever they held.
    """

    good_until_utc: datetime | None = None
    good_since_utc: datetime | None = None
    asked_until_utc: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRun:
    """One run of a feed."""

    feed_id: int
    started_at_utc: datetime
    ended_at_utc: datetime
    outcome: str
    problem: str | None
    asked_from_utc: datetime | None
    asked_until_utc: datetime | None
    requests: int
    received_bytes: int
    hours_stored: int
    batch_ids: list[int]
    answer_sha256s: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """The feed that is the source of a quantity in a region, since when and why."""

    region_id: int
    quantity: str
    feed_id: int
    at_utc: datetime
    reason: str


def insert_feed(
    session: Session, facts: FeedFacts, *, next_run_at_utc: datetime
) -> int:
    """Store a feed; raises Conflict when its name is taken."""
    new = insert(FeedRow).values(**columns_of(facts), next_run_at_utc=next_run_at_utc)
    feed_id: int | None = session.scalar(
        new.on_conflict_do_nothing(index_elements=["name"]).returning(FeedRow.id)
    )
    if feed_id is None:
        message = f"There is a feed {facts.name} already."
        raise Conflict(message)
    return feed_id


def update_feed(session: Session, feed_id: int, facts: FeedFacts) -> None:
    """Replace what an admin wrote of a feed."""
    session.execute(
        update(FeedRow).where(FeedRow.id == feed_id).values(**columns_of(facts))
    )


def remove_feed(session: Session, feed_id: int, now: datetime) -> None:
    """Pause a feed, take it from all lists, and free its name."""
    session.execute(
        update(FeedRow)
        .where(FeedRow.id == feed_id)
        .values(
            name=func.concat(FeedRow.name, f" (removed {feed_id})"),
            is_paused=True,
            removed_at_utc=now,
        )
    )


def update_state(session: Session, feed_id: int, values: Mapping[str, object]) -> None:
    """Replace some of what the last run left, by the names of `FeedState`."""
    session.execute(update(FeedRow).where(FeedRow.id == feed_id).values(**values))


def find_feed(session: Session, name: str, *, locked: bool = False) -> StoredFeed:
    """The feed of this name, locked until commit if asked; raises NotFound."""
    statement = select(FeedRow).where(FeedRow.name == name, _IN_USE)
    if locked:
        statement = statement.with_for_update()
    row = session.scalar(statement.execution_options(populate_existing=True))
    if row is None:
        message = f"There is no feed {name[:60]}."
        raise NotFound(message)
    return _stored(row)


def feed_by_id(session: Session, feed_id: int, *, locked: bool = False) -> StoredFeed:
    """The feed with this id, locked until commit if asked; raises NotFound."""
    row = session.get(
        FeedRow, feed_id, populate_existing=True, with_for_update=locked or None
    )
    if row is None:
        message = f"There is no feed {feed_id}."
        raise NotFound(message)
    return _stored(row)


def list_feeds(session: Session) -> list[StoredFeed]:
    """All feeds by name, without the removed ones."""
    statement = (
        select(FeedRow).where(_IN_USE).order_by(FeedRow.name).limit(LONGEST_LIST)
    )
    rows = session.scalars(statement.execution_options(populate_existing=True))
    return [_stored(row) for row in rows]


def due_feed_ids(session: Session, now: datetime) -> list[int]:
    """Feeds whose next run is due, the one that waits longest first."""
    statement = (
        select(FeedRow.id)
        .where(FeedRow.next_run_at_utc <= now, ~FeedRow.is_paused)
        .order_by(FeedRow.next_run_at_utc, FeedRow.id)
        .limit(LONGEST_LIST)
    )
    return list(session.scalars(statement))


def progress_of(session: Session) -> dict[tuple[int, int], FeedProgress]:
    """How far every feed came, by feed and region."""
    statement = select(FeedProgressRow).execution_options(populate_existing=True)
    rows = session.scalars(statement)
    return {(row.feed_id, row.region_id): part_of(row, FeedProgress) for row in rows}


def store_progress(
    session: Session, feed_id: int, region_id: int, progress: FeedProgress
) -> None:
    """Keep how far a feed came in a region."""
    values = columns_of(progress)
    session.execute(
        insert(FeedProgressRow)
        .values(feed_id=feed_id, region_id=region_id, **values)
        .on_conflict_do_update(index_elements=["feed_id", "region_id"], set_=values)
    )


def insert_run(session: Session, run: FeedRun) -> None:
    """Store a run."""
    session.add(FeedRunRow(**columns_of(run)))
    session.flush()


def list_runs(session: Session, feed_id: int, *, limit: int = 50) -> list[FeedRun]:
    """The newest runs of a feed, newest first."""
    rows = session.scalars(
        select(FeedRunRow)
        .where(FeedRunRow.feed_id == feed_id)
        .order_by(FeedRunRow.id.desc())
        .limit(min(limit, LONGEST_LIST))
    )
    return [part_of(row, FeedRun) for row in rows]


def keep_answer(session: Session, content: bytes, now: datetime) -> str:
    """Keep an answer as it came and return its SHA-256; the same one only once."""
    digest = sha256(content).hexdigest()
    new = insert(FeedAnswerRow).values(
        sha256=digest,
        packed=gzip.compress(content, mtime=0),
        size_bytes=len(content),
        last_seen_at_utc=now,
    )
    seen = {"last_seen_at_utc": new.excluded.last_seen_at_utc}
    session.execute(new.on_conflict_do_update(index_elements=["sha256"], set_=seen))
    return digest


def kept_answer(session: Session, digest: str) -> bytes:
    """An answer as it came; raises NotFound when it is not kept any more."""
    packed = session.scalar(
        select(FeedAnswerRow.packed).where(FeedAnswerRow.sha256 == digest)
    )
    if packed is None:
        message = f"The answer {digest[:12]} is not kept any more."
        raise NotFound(message)
    return gzip.decompress(packed)


def forget_answers(session: Session, *, before_utc: datetime) -> None:
    """Remove answers that were last seen before an instant, and runs that old."""
    session.execute(
        delete(FeedAnswerRow).where(FeedAnswerRow.last_seen_at_utc < before_utc)
    )
    session.execute(delete(FeedRunRow).where(FeedRunRow.ended_at_utc < before_utc))


def lock_choice(session: Session) -> None:
    """One choice of sources at a time, until commit."""
    session.execute(select(func.pg_advisory_xact_lock(_CHOICE_LOCK)))


def newest_switches(session: Session) -> dict[tuple[int, str], Switch]:
    """The feed in use of each quantity in each region."""
    place = FeedSwitchRow.region_id, FeedSwitchRow.quantity
    rows = session.scalars(
        select(FeedSwitchRow)
        .ext(distinct_on(*place))
        .order_by(*place, FeedSwitchRow.id.desc())
    )
    return {(row.region_id, row.quantity): part_of(row, Switch) for row in rows}


def list_switches(session: Session, feed_id: int, *, limit: int = 20) -> list[Switch]:
    """The newest switches to a feed, newest first."""
    rows = session.scalars(
        select(FeedSwitchRow)
        .where(FeedSwitchRow.feed_id == feed_id)
        .order_by(FeedSwitchRow.id.desc())
        .limit(limit)
    )
    return [part_of(row, Switch) for row in rows]


def insert_switch(session: Session, switch: Switch) -> None:
    """Make a feed the source of a quantity in a region."""
    session.add(FeedSwitchRow(**columns_of(switch)))
    session.flush()


def good_until_of_import(
    session: Session, region_id: int, quantities: Iterable[Quantity]
) -> datetime | None:
    """End of the newest hour that the staged import gave good values for.

    Good are hours in which every one of the quantities was measured and is not suspect;
    called after the import was judged, in its transaction.
    """
    names = [quantity.value for quantity in quantities]
    suspect = (
        select(TelemetryFindingRow.hour_utc)
        .where(
            TelemetryFindingRow.region_id == STAGED.c.region_id,
            TelemetryFindingRow.hour_utc == STAGED.c.hour_utc,
            TelemetryFindingRow.quantity.in_(names),
        )
        .exists()
    )
    newest = session.scalar(
        select(STAGED.c.hour_utc)
        .where(STAGED.c.region_id == region_id, ~suspect, ~STAGED.c.is_estimated)
        .group_by(STAGED.c.hour_utc)
        .having(and_(*[func.count(STAGED.c[name]) > 0 for name in names]))
        .order_by(STAGED.c.hour_utc.desc())
        .limit(1)
    )
    return None if newest is None else newest + HOUR


def _stored(row: FeedRow) -> StoredFeed:
    return StoredFeed(
        feed_id=row.id,
        facts=part_of(row, FeedFacts),
        state=part_of(row, FeedState),
    )
