"""Lists of decisions: filtered, sorted and paged in the database, by keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Double,
    Select,
    TextClause,
    cast,
    false,
    func,
    literal,
    literal_column,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from core.errors import InvalidInput
from db.decisions import StoredDecision, decisions_by_ids
from db.schema import DecisionRow, RegionRow, UserRow

LONGEST_PAGE = 501

RARE = 50_000
"""Words that at most so many decisions contain are looked up in the text index."""

COMMON_SQUARED = 500
"""Words are common when n of N decisions contain them and n^2 > 500 N. Scanning the
sort order then fills a page sooner than the text index: the scan reads 50 N / n rows,
each at ten times the cost of one of the n rows that the text index returns."""

FEW_SQUARED = 12
"""Matches are few when n^2 <= 12 N. Collecting and sorting all of them is then faster
than scanning the sort order for a page: the same estimate as above, but the scan stays
in its index, where an entry costs a quarter of a row."""


class DecisionOrder(StrEnum):
    """Sort order of decisions; the id breaks ties, so that every position is unique."""

    NEWEST = "newest"
    OLDEST = "oldest"
    WINDOW = "window"
    CHANCE = "chance"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFilter:
    """Which decisions to list; what is None is left open.

    Attributes
    ----------
    from_utc, until_utc : datetime | None
        Taken in [from, until).
    region_slug : str | None
        Source or target.
    without_automatic : bool
        What people and plans decided or tried, not what the scheduler did each hour.
    words : str | None
        To be found in reason or comment, as a search engine reads them.
    """

    decision_id: int | None = None
    kind: str | None = None
    region_slug: str | None = None
    actor_name: str | None = None
    outcome: str | None = None
    reason_code: str | None = None
    model_version_id: int | None = None
    from_utc: datetime | None = None
    until_utc: datetime | None = None
    words: str | None = None
    live_only: bool = False
    without_automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPlace:
    """The last row of a page, after which the next page begins."""

    key: datetime | float
    decision_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRows:
    """A page of decisions and the place after it; None when it is the last."""

    rows: list[StoredDecision]
    next_place: DecisionPlace | None


# Both expressions must equal those of the indexes, or PostgreSQL ignores the indexes.
_CHANCE: ColumnElement[float] = literal_column(
    "coalesce(decision.exceedance_probability, -1)", Double
)
_HOLDS_WORDS = (
    "to_tsvector('english', decision.reason_text || ' ' || coalesce(decision.comment,"
    " '')) @@ websearch_to_tsquery('english', :words)"
)
_KEYS: dict[DecisionOrder, ColumnElement[Any]] = {
    DecisionOrder.NEWEST: DecisionRow.created_at_utc.expression,
    DecisionOrder.OLDEST: DecisionRow.created_at_utc.expression,
    DecisionOrder.WINDOW: DecisionRow.window_start_utc.expression,
    DecisionOrder.CHANCE: _CHANCE,
}


def list_decisions(
    session: Session,
    chosen: DecisionFilter,
    *,
    order: DecisionOrder = DecisionOrder.NEWEST,
    after: DecisionPlace | None = None,
    limit: int = 50,
) -> DecisionRows:
    """One page of decisions.

    Each page begins after the last row of the one before, even if rows were added
    meanwhile; its cost does not depend on its depth.
    """
    if not 1 <= limit < LONGEST_PAGE:
        message = f"A page has 1 to {LONGEST_PAGE - 1} decisions."
        raise InvalidInput(message)
    places = session.execute(_places(session, chosen, order, after, limit + 1)).all()
    ids = [place.id for place in places[:limit]]
    found = decisions_by_ids(session, ids)
    last = places[limit - 1] if len(places) > limit else None
    return DecisionRows(
        rows=[found[decision_id] for decision_id in ids],
        next_place=DecisionPlace(key=last.key, decision_id=last.id) if last else None,
    )


_WITHOUT_TARGET = "automatic"

_Places = Select[Any, int]
Condition = ColumnElement[bool] | TextClause


def _places(
    session: Session,
    chosen: DecisionFilter,
    order: DecisionOrder,
    after: DecisionPlace | None,
    limit: int,
) -> _Places:
    conditions = _conditions(session, chosen)
    if after is not None:
        conditions.append(_beyond(order, after))
    if order is DecisionOrder.WINDOW and chosen.until_utc is not None:
        # The scan begins here and not at the newest window.
        latest = chosen.until_utc + _greatest_lateness(session)
        conditions.append(DecisionRow.window_start_utc <= latest)
    if chosen.region_slug is None:
        return _ordered(session, conditions, order, limit)
    region_id = session.scalar(
        select(RegionRow.id).where(RegionRow.slug == chosen.region_slug)
    )
    if region_id is None:
        return _walk([false()], order, limit)
    at_source = DecisionRow.source_region_id == region_id
    if chosen.kind == _WITHOUT_TARGET:
        return _ordered(session, [*conditions, at_source], order, limit)
    # One scan for each end: no index serves "source or target" in order.
    at_target = DecisionRow.target_region_id == region_id
    ends = union_all(
        *(
            _ordered(session, [*conditions, end], order, limit)
            for end in (at_source, at_target)
        )
    ).subquery()
    columns = (ends.c.key, ends.c.id)
    return (
        select(*columns)
        .order_by(*(_directed(order, column) for column in columns))
        .limit(limit)
    )


def _greatest_lateness(session: Session) -> timedelta:
    """Longest time from a decision to the start of its window, read from an index."""
    lateness = DecisionRow.window_start_utc - DecisionRow.created_at_utc
    return session.scalar(select(func.max(lateness))) or timedelta()


def _ordered(
    session: Session,
    conditions: Sequence[Condition],
    order: DecisionOrder,
    limit: int,
) -> _Places:
    """The first matches: by a scan in sort order, or by sorting all of them.

    By itself the planner scans, because it assumes that matches are evenly spread. For
    rare matches, or matches at the far end, it would read a whole index.
    """
    matching = select(_KEYS[order].label("key"), DecisionRow.id).where(*conditions)
    if not conditions or not _is_few(session, matching):
        return _walk(conditions, order, limit)
    # OFFSET 0 keeps the planner from merging the two selects into one scan.
    found = matching.offset(0).subquery()
    columns = (found.c.key, found.c.id)
    return (
        select(*columns)
        .order_by(*(_directed(order, column) for column in columns))
        .limit(limit)
    )


def _is_few(session: Session, matching: _Places) -> bool:
    every = _decision_count(session)
    return _estimated_rows(session, matching) ** 2 <= FEW_SQUARED * every


def _walk(conditions: Sequence[Condition], order: DecisionOrder, limit: int) -> _Places:
    key = _KEYS[order]
    return (
        select(key.label("key"), DecisionRow.id)
        .where(*conditions)
        .order_by(_directed(order, key), _directed(order, DecisionRow.id.expression))
        .limit(limit)
    )


def _directed(order: DecisionOrder, column: ColumnElement[Any]) -> ColumnElement[Any]:
    return column.asc() if order is DecisionOrder.OLDEST else column.desc()


def _beyond(order: DecisionOrder, after: DecisionPlace) -> ColumnElement[bool]:
    place = tuple_(_KEYS[order], DecisionRow.id)
    last = tuple_(literal(after.key), literal(after.decision_id))
    return place > last if order is DecisionOrder.OLDEST else place < last


def _conditions(session: Session, chosen: DecisionFilter) -> list[Condition]:
    conditions: list[Condition] = [
        column == value
        for column, value in (
            (DecisionRow.id, chosen.decision_id),
            (DecisionRow.kind, chosen.kind),
            (DecisionRow.outcome, chosen.outcome),
            (DecisionRow.reason_code, chosen.reason_code),
            (DecisionRow.model_version_id, chosen.model_version_id),
        )
        if value is not None
    ]
    if chosen.actor_name is not None:
        actor_id = session.scalar(
            select(UserRow.id).where(
                func.lower(UserRow.name) == chosen.actor_name.lower()
            )
        )
        is_theirs = DecisionRow.actor_id == actor_id
        conditions.append(false() if actor_id is None else is_theirs)
    if chosen.without_automatic:
        conditions.append(DecisionRow.kind != _WITHOUT_TARGET)
    if chosen.live_only:
        conditions.append(DecisionRow.is_simulated.is_(False))
    if chosen.from_utc is not None:
        conditions.append(DecisionRow.created_at_utc >= chosen.from_utc)
    if chosen.until_utc is not None:
        conditions.append(DecisionRow.created_at_utc < chosen.until_utc)
    if chosen.words is not None:
        conditions.append(_holding(session, chosen.words))
    return conditions


def _holding(session: Session, words: str) -> Condition:
    """Look up rare words in the text index first; filter common ones during the scan.

    By itself the planner assumes that unknown words are common and scans millions of
    rows for them. Words that its statistics know to be common are not looked up: the
    text index would return millions of rows.
    """
    holds = text(_HOLDS_WORDS).bindparams(words=words)
    every = _decision_count(session)
    holding = _estimated_rows(session, select(DecisionRow.id).where(holds))
    if holding**2 > COMMON_SQUARED * every:
        return holds
    ids = session.scalars(select(DecisionRow.id).where(holds).limit(RARE + 1)).all()
    if len(ids) > RARE:
        return holds
    return DecisionRow.id == func.any(cast(list(ids), ARRAY(BigInteger)))


def _decision_count(session: Session) -> float:
    """Approximate number of decisions, from the planner's statistics."""
    count = session.scalar(
        text("select reltuples from pg_class where oid = 'decision'::regclass")
    )
    return max(float(count or 0), 0.0)


def _estimated_rows(session: Session, query: Select[Any, int] | Select[int]) -> int:
    """How many rows the planner expects; the query is not executed."""
    compiled = query.compile(session.connection())
    plan = session.connection().exec_driver_sql(
        f"explain (format json) {compiled}",
        dict(compiled.params),
    )
    return int(plan.scalar_one()[0]["Plan"]["Plan Rows"])
