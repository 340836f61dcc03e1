"""Queries on shadow evaluations: one row each, and one per region."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.errors import Conflict, NotFound
from db.schema import ModelEvaluationRegionRow, ModelEvaluationRow, UserRow

RUNNING, DONE, FAILED = "running", "done", "failed"
_LOCK, _REGION_LOCK = 0x67666F10, 0x67666F11


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEvaluation:
    """A shadow evaluation and its progress."""

    evaluation_id: int
    model_version_id: int
    compared_version_id: int | None
    from_utc: datetime
    until_utc: datetime
    region_slugs: tuple[str, ...]
    state: str
    gate_passed: bool | None
    findings: tuple[str, ...]
    failed_reason: str | None
    requested_by: str
    requested_by_id: int
    created_at_utc: datetime
    finished_at_utc: datetime | None


def insert_evaluation(
    session: Session,
    *,
    model_version_id: int,
    compared_version_id: int | None,
    from_utc: datetime,
    until_utc: datetime,
    region_slugs: Sequence[str],
    requested_by_id: int,
) -> int:
    """Begin an evaluation; a model has at most one that runs.

    Raises
    ------
    Conflict
        When one runs already.
    """
    row = ModelEvaluationRow(
        model_version_id=model_version_id,
        compared_version_id=compared_version_id,
        from_utc=from_utc,
        until_utc=until_utc,
        region_slugs=list(region_slugs),
        state=RUNNING,
        findings=[],
        requested_by_id=requested_by_id,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as exc:
        message = f"Model version {model_version_id} is being evaluated already."
        raise Conflict(message) from exc
    return row.id


def lock_evaluation(session: Session, evaluation_id: int) -> ModelEvaluation:
    """An evaluation for this transaction alone, until it ends.

    Raises
    ------
    Conflict
        When another process works on it at this moment.
    NotFound
        When there is none.
    """
    return _taken(session, evaluation_id, func.pg_try_advisory_xact_lock)


def share_evaluation(session: Session, evaluation_id: int) -> ModelEvaluation:
    """An evaluation of which others may evaluate other regions meanwhile.

    Raises
    ------
    Conflict
        When a process has it for itself.
    NotFound
        When there is none.
    """
    return _taken(session, evaluation_id, func.pg_try_advisory_xact_lock_shared)


def take_region(session: Session, evaluation: ModelEvaluation) -> str | None:
    """A region without figures that nobody else is at, until the transaction ends."""
    known = evaluated_slugs(session, evaluation.evaluation_id)
    for slug in evaluation.region_slugs:
        key = func.hashtextextended(f"{evaluation.evaluation_id} {slug}", _REGION_LOCK)
        if slug not in known and session.scalar(
            select(func.pg_try_advisory_xact_lock(key))
        ):
            return slug
    return None


def wait_for_end(session: Session, evaluation_id: int) -> ModelEvaluation:
    """An evaluation as it is when nobody else is about to close it."""
    # Regions that refer to it keep the key of its row: those are not waited for.
    session.execute(
        select(ModelEvaluationRow.id)
        .where(ModelEvaluationRow.id == evaluation_id)
        .with_for_update(key_share=True)
    )
    return evaluation(session, evaluation_id)


def _taken(
    session: Session, evaluation_id: int, lock: Callable[..., ColumnElement[bool]]
) -> ModelEvaluation:
    found = evaluation(session, evaluation_id)
    if not session.scalar(select(lock(_LOCK, evaluation_id))):
        message = f"Model version {found.model_version_id} is being evaluated already."
        raise Conflict(message)
    return evaluation(session, evaluation_id)


def insert_region_figures(
    session: Session, evaluation_id: int, region_slug: str, figures: dict[str, Any]
) -> None:
    """Store the figures of one region; the first ones stay."""
    session.execute(
        insert(ModelEvaluationRegionRow)
        .values(evaluation_id=evaluation_id, region_slug=region_slug, figures=figures)
        .on_conflict_do_nothing()
    )


def region_figures(session: Session, evaluation_id: int) -> dict[str, dict[str, Any]]:
    """The figures stored so far, by region."""
    rows = session.execute(
        select(
            ModelEvaluationRegionRow.region_slug, ModelEvaluationRegionRow.figures
        ).where(ModelEvaluationRegionRow.evaluation_id == evaluation_id)
    )
    return {slug: figures for slug, figures in rows}  # noqa: C416 -- rows are no pairs


def evaluated_slugs(session: Session, evaluation_id: int) -> set[str]:
    """The regions whose figures are stored: reading these costs far more."""
    row = ModelEvaluationRegionRow
    query = select(row.region_slug).where(row.evaluation_id == evaluation_id)
    return set(session.scalars(query))


def finish_evaluation(
    session: Session, evaluation_id: int, *, gate_passed: bool, findings: Sequence[str]
) -> None:
    """Close an evaluation with the verdict of its gate."""
    row = session.get_one(ModelEvaluationRow, evaluation_id)
    row.state, row.gate_passed, row.findings = DONE, gate_passed, list(findings)
    row.finished_at_utc = session.scalar(select(func.now()))
    session.flush()


def fail_evaluation(session: Session, evaluation_id: int, reason: str) -> None:
    """Close an evaluation that failed."""
    row = session.get_one(ModelEvaluationRow, evaluation_id)
    row.state, row.failed_reason = FAILED, reason
    row.finished_at_utc = session.scalar(select(func.now()))
    session.flush()


def evaluation(session: Session, evaluation_id: int) -> ModelEvaluation:
    """An evaluation by its id.

    Raises
    ------
    NotFound
        When there is none.
    """
    found = _first(session, ModelEvaluationRow.id == evaluation_id)
    if found is None:
        message = f"There is no evaluation {evaluation_id}."
        raise NotFound(message)
    return found


def newest_evaluation(
    session: Session, model_version_id: int
) -> ModelEvaluation | None:
    """The newest evaluation of a model."""
    return _first(session, ModelEvaluationRow.model_version_id == model_version_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningEvaluation:
    """How many of its regions an evaluation has finished."""

    model_version_id: int
    done: int
    total: int
    created_at_utc: datetime


def running_evaluations(session: Session) -> list[RunningEvaluation]:
    """Evaluations that run, oldest first."""
    done = (
        select(func.count())
        .where(ModelEvaluationRegionRow.evaluation_id == ModelEvaluationRow.id)
        .scalar_subquery()
    )
    rows = session.execute(
        select(ModelEvaluationRow, done)
        .where(ModelEvaluationRow.state == RUNNING)
        .order_by(ModelEvaluationRow.id)
    )
    return [
        RunningEvaluation(
            model_version_id=row.model_version_id,
            done=count,
            total=len(row.region_slugs),
            created_at_utc=row.created_at_utc,
        )
        for row, count in rows
    ]


def _first(session: Session, condition: ColumnElement[bool]) -> ModelEvaluation | None:
    row = session.execute(
        select(ModelEvaluationRow, UserRow.name)
        .join(UserRow, UserRow.id == ModelEvaluationRow.requested_by_id)
        .where(condition)
        .order_by(ModelEvaluationRow.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).first()
    return None if row is None else _evaluation(*row)


def _evaluation(row: ModelEvaluationRow, requested_by: str) -> ModelEvaluation:
    return ModelEvaluation(
        evaluation_id=row.id,
        model_version_id=row.model_version_id,
        compared_version_id=row.compared_version_id,
        from_utc=row.from_utc,
        until_utc=row.until_utc,
        region_slugs=tuple(row.region_slugs),
        state=row.state,
        gate_passed=row.gate_passed,
        findings=tuple(row.findings),
        failed_reason=row.failed_reason,
        requested_by=requested_by,
        requested_by_id=row.requested_by_id,
        created_at_utc=row.created_at_utc,
        finished_at_utc=row.finished_at_utc,
    )
