"""Queries on alarms: how each stands, what happened to it, notes of shifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, case, func, not_, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from core.access import Role
from core.alarm_figures import Raised
from core.alarm_kinds import DEFINITIONS, AlarmKind, AlarmPriority
from core.alarms import AlarmChange, AlarmKey, AlarmState
from core.errors import NotFound
from db.schema import (
    AlarmChangeRow,
    AlarmLookRow,
    AlarmRow,
    ShiftNoteRow,
    UserRow,
)

LONGEST_LIST = 500
_LOCK_KEY = 0x67666F03


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAlarm:
    """An alarm with who did what last.

    Attributes
    ----------
    acknowledged_by : str | None
        Whoever acknowledged it since it was raised last.
    """

    alarm_id: int
    state: AlarmState
    acknowledged_at_utc: datetime | None
    acknowledged_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmEvent:
    """Something that happened to an alarm; by rule where nobody is named."""

    alarm_id: int
    change: AlarmChange
    at_utc: datetime
    actor_name: str | None
    sentence: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFilter:
    """Which alarms are asked for; None leaves everything.

    Attributes
    ----------
    is_open : bool | None
        Active, or cleared and not acknowledged yet.
    """

    is_open: bool | None = None
    is_active: bool | None = None
    is_acknowledged: bool | None = None
    is_silenced: bool | None = None
    is_explained: bool | None = None
    kinds: frozenset[AlarmKind] | None = None
    region_slug: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmMark:
    """That an alarm was raised, and what it said."""

    alarm_id: int
    title: str
    sentence: str | None
    at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftNote:
    """A hand-over note.

    Attributes
    ----------
    alarms : tuple of str
        Sentences of the alarms that stood when it was written.
    decision_ids : tuple of int
        Decisions recorded in the shift.
    """

    note_id: int
    actor_name: str
    start_utc: datetime
    end_utc: datetime
    note: str
    alarms: tuple[str, ...]
    decision_ids: tuple[int, ...]


OPEN = AlarmFilter(is_open=True, is_silenced=False, is_explained=False)
"""What stands or waits to be acknowledged."""


def try_to_lock_evaluation(session: Session) -> bool:
    """Whether nobody else evaluates; the lock ends with the transaction."""
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK_KEY))))


def looked_at(session: Session) -> datetime | None:
    """When the worker last looked; None before the first look."""
    return session.scalar(select(AlarmLookRow.looked_at_utc))


def note_look(session: Session, now: datetime) -> None:
    """Keep that the worker looked now."""
    values = {"looked_at_utc": now}
    session.execute(
        insert(AlarmLookRow)
        .values(id=1, **values)
        .on_conflict_do_update(index_elements=["id"], set_=values)
    )


def states_to_evaluate(session: Session) -> dict[AlarmKey, AlarmState]:
    """Alarms that are active or silenced, locked until commit."""
    rows = session.scalars(
        select(AlarmRow)
        .where(or_(_IS_ACTIVE, _IS_SILENCED))
        .order_by(AlarmRow.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {state.key: state for state in map(_state, rows)}


def store_states(session: Session, states: Sequence[AlarmState]) -> dict[AlarmKey, int]:
    """Store alarms as they stand, in one statement; their ids by key."""
    if not states:
        return {}
    new = insert(AlarmRow).values([_values(state) for state in states])
    rows = session.execute(
        new.on_conflict_do_update(
            index_elements=["kind", "cause"],
            set_={
                name: getattr(new.excluded, name)
                for name in _values(states[0])
                if name not in {"kind", "cause"}
            },
        ).returning(AlarmRow.kind, AlarmRow.cause, AlarmRow.id)
    )
    return {(AlarmKind(kind), cause): id_ for kind, cause, id_ in rows}


def insert_changes(
    session: Session,
    changes: Sequence[tuple[int, AlarmChange, str | None]],
    *,
    at_utc: datetime,
    actor_id: int | None,
) -> None:
    """Keep what happened to alarms, with a sentence each; by rule without an actor."""
    if not changes:
        return
    session.execute(
        insert(AlarmChangeRow).values(
            [
                {
                    "alarm_id": alarm_id,
                    "change": change.value,
                    "at_utc": at_utc,
                    "actor_id": actor_id,
                    "sentence": sentence,
                }
                for alarm_id, change, sentence in changes
            ]
        )
    )


def mark_acknowledged(
    session: Session, alarm_ids: Sequence[int], *, actor_id: int, at_utc: datetime
) -> None:
    """Keep who acknowledged alarms."""
    session.execute(
        update(AlarmRow)
        .where(AlarmRow.id.in_(alarm_ids))
        .values(acknowledged_by_id=actor_id, acknowledged_at_utc=at_utc)
    )


def find_alarms(
    session: Session, alarm_ids: Sequence[int], *, locked: bool = False
) -> dict[int, StoredAlarm]:
    """Alarms by id, in order, locked until commit if asked."""
    query = _stored().where(AlarmRow.id.in_(alarm_ids)).order_by(AlarmRow.id)
    if locked:
        query = query.with_for_update(of=AlarmRow)
    return {one.alarm_id: one for one in _read(session, query)}


def find_alarm(session: Session, alarm_id: int, *, locked: bool = False) -> StoredAlarm:
    """An alarm by id; raises NotFound without one."""
    found = find_alarms(session, [alarm_id], locked=locked)
    if alarm_id not in found:
        message = f"There is no alarm {alarm_id}."
        raise NotFound(message)
    return found[alarm_id]


def list_alarms(
    session: Session, wanted: AlarmFilter, *, limit: int = LONGEST_LIST
) -> list[StoredAlarm]:
    """Alarms as filtered: by priority, what waits for somebody first, newest first."""
    query = (
        _stored()
        .where(*_conditions(wanted))
        .order_by(
            AlarmRow.is_acknowledged,
            _RANK,
            AlarmRow.raised_at_utc.desc(),
            AlarmRow.id.desc(),
        )
        .limit(min(limit, LONGEST_LIST))
    )
    return _read(session, query)


def active_counts(session: Session) -> dict[AlarmKind, int]:
    """How many alarms of each kind stand."""
    rows = session.execute(
        select(AlarmRow.kind, func.count())
        .where(_IS_ACTIVE, not_(_IS_SILENCED), AlarmRow.explained_by_kind.is_(None))
        .group_by(AlarmRow.kind)
    )
    return {AlarmKind(kind): int(count) for kind, count in rows}


def events_of(session: Session, alarm_id: int, *, limit: int = 100) -> list[AlarmEvent]:
    """What happened to an alarm, newest first."""
    rows = session.execute(
        select(AlarmChangeRow, UserRow.name)
        .outerjoin(UserRow, UserRow.id == AlarmChangeRow.actor_id)
        .where(AlarmChangeRow.alarm_id == alarm_id)
        .order_by(AlarmChangeRow.id.desc())
        .limit(limit)
    )
    return [
        AlarmEvent(
            alarm_id=row.alarm_id,
            change=AlarmChange(row.change),
            at_utc=row.at_utc,
            actor_name=name,
            sentence=row.sentence,
        )
        for row, name in rows
    ]


def raised_between(
    session: Session, start_utc: datetime, end_utc: datetime
) -> list[Raised]:
    """What was raised in [start, end), in order of time."""
    rows = session.execute(
        select(AlarmRow.kind, AlarmRow.cause, AlarmChangeRow.at_utc)
        .join(AlarmRow, AlarmRow.id == AlarmChangeRow.alarm_id)
        .where(
            AlarmChangeRow.change == AlarmChange.RAISED.value,
            AlarmChangeRow.at_utc >= start_utc,
            AlarmChangeRow.at_utc < end_utc,
        )
        .order_by(AlarmChangeRow.at_utc, AlarmChangeRow.id)
    )
    return [
        Raised(
            alarm=f"{DEFINITIONS[AlarmKind(kind)].title}, {cause}",
            priority=DEFINITIONS[AlarmKind(kind)].priority,
            at_utc=at_utc,
        )
        for kind, cause, at_utc in rows
    ]


def raised_marks(
    session: Session,
    start_utc: datetime,
    end_utc: datetime,
    *,
    region_slug: str | None,
    limit: int,
) -> list[AlarmMark]:
    """What was raised in [start, end), newest first; about one region, or any."""
    query = (
        select(
            AlarmRow.id, AlarmRow.kind, AlarmChangeRow.sentence, AlarmChangeRow.at_utc
        )
        .join(AlarmRow, AlarmRow.id == AlarmChangeRow.alarm_id)
        .where(
            AlarmChangeRow.change == AlarmChange.RAISED.value,
            AlarmChangeRow.at_utc >= start_utc,
            AlarmChangeRow.at_utc < end_utc,
        )
        .order_by(AlarmChangeRow.at_utc.desc(), AlarmChangeRow.id.desc())
        .limit(limit)
    )
    if region_slug is not None:
        query = query.where(AlarmRow.region_slugs.contains([region_slug]))
    return [_mark(*row) for row in session.execute(query)]


def active_at(session: Session, at_utc: datetime, *, limit: int) -> list[AlarmMark]:
    """What had been raised by an instant and not cleared, newest first."""
    newest = (
        select(
            AlarmChangeRow.alarm_id,
            AlarmChangeRow.change,
            AlarmChangeRow.sentence,
            AlarmChangeRow.at_utc,
        )
        .ext(distinct_on(AlarmChangeRow.alarm_id))
        .where(
            AlarmChangeRow.change.in_([AlarmChange.RAISED, AlarmChange.CLEARED]),
            AlarmChangeRow.at_utc <= at_utc,
        )
        .order_by(AlarmChangeRow.alarm_id, AlarmChangeRow.id.desc())
        .subquery()
    )
    rows = session.execute(
        select(newest.c.alarm_id, AlarmRow.kind, newest.c.sentence, newest.c.at_utc)
        .join(AlarmRow, AlarmRow.id == newest.c.alarm_id)
        .where(newest.c.change == AlarmChange.RAISED.value)
        .order_by(newest.c.at_utc.desc(), newest.c.alarm_id.desc())
        .limit(limit)
    )
    return [_mark(*row) for row in rows]


def _mark(
    alarm_id: int, kind: str, sentence: str | None, at_utc: datetime
) -> AlarmMark:
    title = DEFINITIONS[AlarmKind(kind)].title
    return AlarmMark(alarm_id=alarm_id, title=title, sentence=sentence, at_utc=at_utc)


def active_since(session: Session) -> list[datetime]:
    """When the alarms that are active now were raised."""
    return list(session.scalars(select(AlarmRow.raised_at_utc).where(_IS_ACTIVE)))


def count_operators(session: Session) -> int:
    """People who can log in as operators."""
    query = select(func.count()).where(
        UserRow.is_active, ~UserRow.is_system, UserRow.role == Role.OPERATOR.value
    )
    return session.scalar(query) or 0


def insert_shift_note(
    session: Session,
    *,
    actor_id: int,
    start_utc: datetime,
    end_utc: datetime,
    note: str,
    alarms: Sequence[str],
    decision_ids: Sequence[int],
) -> int:
    """Store a hand-over note; its id."""
    row = ShiftNoteRow(
        actor_id=actor_id,
        start_utc=start_utc,
        end_utc=end_utc,
        note=note,
        alarms=list(alarms),
        decision_ids=list(decision_ids),
    )
    session.add(row)
    session.flush()
    return row.id


def list_shift_notes(session: Session, *, limit: int = 20) -> list[ShiftNote]:
    """The newest notes, newest first."""
    rows = session.execute(
        select(ShiftNoteRow, UserRow.name)
        .join(UserRow, UserRow.id == ShiftNoteRow.actor_id)
        .order_by(ShiftNoteRow.id.desc())
        .limit(limit)
    )
    return [
        ShiftNote(
            note_id=row.id,
            actor_name=name,
            start_utc=row.start_utc,
            end_utc=row.end_utc,
            note=row.note,
            alarms=tuple(row.alarms),
            decision_ids=tuple(row.decision_ids),
        )
        for row, name in rows
    ]


_IS_ACTIVE = AlarmRow.cleared_at_utc.is_(None)
_IS_SILENCED = or_(AlarmRow.is_out_of_service, AlarmRow.shelved_until_utc.is_not(None))
_PRIORITIES = list(AlarmPriority)
_RANK = case(
    {
        kind.value: _PRIORITIES.index(definition.priority)
        for kind, definition in DEFINITIONS.items()
    },
    value=AlarmRow.kind,
)


def _conditions(wanted: AlarmFilter) -> list[ColumnElement[bool]]:
    asked: tuple[tuple[bool | None, ColumnElement[bool]], ...] = (
        (wanted.is_open, or_(_IS_ACTIVE, not_(AlarmRow.is_acknowledged))),
        (wanted.is_active, _IS_ACTIVE),
        (wanted.is_acknowledged, AlarmRow.is_acknowledged.is_(True)),
        (wanted.is_silenced, _IS_SILENCED),
        (wanted.is_explained, AlarmRow.explained_by_kind.is_not(None)),
    )
    found: list[ColumnElement[bool]] = [
        condition if value else not_(condition)
        for value, condition in asked
        if value is not None
    ]
    if wanted.kinds is not None:
        found.append(AlarmRow.kind.in_(sorted(kind.value for kind in wanted.kinds)))
    if wanted.region_slug is not None:
        found.append(AlarmRow.region_slugs.contains([wanted.region_slug]))
    return found


def _stored() -> Select[AlarmRow, str]:
    return (
        select(AlarmRow, UserRow.name)
        .outerjoin(UserRow, UserRow.id == AlarmRow.acknowledged_by_id)
        .execution_options(populate_existing=True)
    )


def _read(session: Session, query: Select[AlarmRow, str]) -> list[StoredAlarm]:
    return [
        StoredAlarm(
            alarm_id=row.id,
            state=_state(row),
            acknowledged_at_utc=row.acknowledged_at_utc
            if row.is_acknowledged
            else None,
            acknowledged_by=name if row.is_acknowledged else None,
        )
        for row, name in session.execute(query)
    ]


def _state(row: AlarmRow) -> AlarmState:
    explained_by = None
    if row.explained_by_kind is not None and row.explained_by_cause is not None:
        explained_by = AlarmKind(row.explained_by_kind), row.explained_by_cause
    return AlarmState(
        kind=AlarmKind(row.kind),
        cause=row.cause,
        text=row.sentence,
        since_utc=row.since_utc,
        raised_at_utc=row.raised_at_utc,
        cleared_at_utc=row.cleared_at_utc,
        region_slugs=tuple(row.region_slugs),
        is_acknowledged=row.is_acknowledged,
        ended_at_utc=row.ended_at_utc,
        shelved_until_utc=row.shelved_until_utc,
        is_out_of_service=row.is_out_of_service,
        explained_by=explained_by,
        n_explained=row.n_explained,
    )


def _values(state: AlarmState) -> dict[str, object]:
    by = state.explained_by
    return {
        "kind": state.kind.value,
        "cause": state.cause,
        "sentence": state.text,
        "region_slugs": list(state.region_slugs),
        "since_utc": state.since_utc,
        "raised_at_utc": state.raised_at_utc,
        "cleared_at_utc": state.cleared_at_utc,
        "ended_at_utc": state.ended_at_utc,
        "is_acknowledged": state.is_acknowledged,
        "shelved_until_utc": state.shelved_until_utc,
        "is_out_of_service": state.is_out_of_service,
        "explained_by_kind": None if by is None else by[0].value,
        "explained_by_cause": None if by is None else by[1],
        "n_explained": state.n_explained,
    }
