"""How far long setup work has come, and which hints a person closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.schema import ClosedHintRow, SetupTaskRow


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupTask:
    """Long setup work.

    Attributes
    ----------
    state : str
        One of waiting, running, done and failed.
    step : str
        What is being done, in words.
    done_s, total_s : float
        How long what is done, and all of it, usually takes.
    """

    name: str
    state: str
    step: str
    done_s: float
    total_s: float
    problem: str | None
    started_at_utc: datetime
    updated_at_utc: datetime

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in {"waiting", "running"}


def store_task(session: Session, task: SetupTask) -> None:
    """Keep how far a task has come, in place of what was kept of it before."""
    values = {
        "name": task.name,
        "state": task.state,
        "step": task.step,
        "done_s": task.done_s,
        "total_s": task.total_s,
        "problem": task.problem,
        "started_at_utc": task.started_at_utc,
        "updated_at_utc": task.updated_at_utc,
    }
    others = {name: value for name, value in values.items() if name != "name"}
    session.execute(
        insert(SetupTaskRow)
        .values(values)
        .on_conflict_do_update(index_elements=["name"], set_=others)
    )


def setup_task(session: Session, name: str) -> SetupTask | None:
    """A task by its name; None when it was never asked for."""
    row = session.get(SetupTaskRow, name, populate_existing=True)
    return None if row is None else _task(row)


def setup_tasks(session: Session) -> list[SetupTask]:
    """The newest hundred tasks, the one that changed last first."""
    statement = (
        select(SetupTaskRow).order_by(SetupTaskRow.updated_at_utc.desc()).limit(100)
    )
    return [_task(row) for row in session.scalars(statement)]


def close_hint(session: Session, user_id: int, name: str) -> None:
    """Keep that a person closed a hint."""
    session.execute(
        insert(ClosedHintRow)
        .values(user_id=user_id, name=name)
        .on_conflict_do_nothing()
    )


def open_hint(session: Session, user_id: int, name: str) -> None:
    """Show a hint to a person again."""
    session.execute(
        delete(ClosedHintRow).where(
            ClosedHintRow.user_id == user_id, ClosedHintRow.name == name
        )
    )


def has_closed_hint(session: Session, user_id: int, name: str) -> bool:
    """Whether a person closed a hint."""
    return session.get(ClosedHintRow, (user_id, name)) is not None


def _task(row: SetupTaskRow) -> SetupTask:
    return SetupTask(
        name=row.name,
        state=row.state,
        step=row.step,
        done_s=row.done_s,
        total_s=row.total_s,
        problem=row.problem,
        started_at_utc=row.started_at_utc,
        updated_at_utc=row.updated_at_utc,
    )
