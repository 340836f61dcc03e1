"""Queries on the scores of finished windows, from which bounds are calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import CursorResult, func, select, text
from sqlalchemy.orm import Session

from core.days import WINDOW_H
from core.forecasts import InputMode
from db.schema import WindowScoreRow


@dataclass(frozen=True, slots=True, kw_only=True)
class NewScore:
    """The score of a finished window, or why it has none."""

    region_id: int
    model_version_id: int
    issued_at_utc: datetime
    local_issue_hour: int
    day_max_c: float | None
    score: float | None
    unscored_reason: str | None
    input_mode: InputMode = InputMode.TELEMETRY


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredScore:
    """The score of a finished window."""

    score_id: int
    issued_at_utc: datetime
    local_issue_hour: int
    score: float
    input_mode: InputMode = InputMode.TELEMETRY


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreHistory:
    """Scores of one region, model, local issue hour and mode, oldest first."""

    scores: tuple[float, ...]
    watermark_id: int | None


_INSERT_SCORES = text(
    """
    insert into window_score (region_id, model_version_id, issued_at_utc,
        local_issue_hour, day_max_c, score, unscored_reason, input_mode)
    select * from unnest(
        cast(:region_id as integer[]), cast(:model_version_id as integer[]),
        cast(:issued_at_utc as timestamptz[]), cast(:local_issue_hour as smallint[]),
        cast(:day_max_c as double precision[]), cast(:score as double precision[]),
        cast(:unscored_reason as text[]), cast(:input_mode as text[]))
    on conflict do nothing
    """
)
"""Columns as arrays: one statement per row, or per thousand rows, is far slower."""


def insert_scores(session: Session, scores: Sequence[NewScore]) -> int:
    """Store scores of finished windows; existing ones are kept."""
    columns = {
        name: [getattr(item, name) for item in scores] for name in NewScore.__slots__
    }
    result = session.execute(_INSERT_SCORES, columns)
    return result.rowcount if isinstance(result, CursorResult) else 0


def score_history(
    session: Session,
    *,
    region_id: int,
    model_version_id: int,
    local_issue_hour: int,
    finished_by_utc: datetime,
    input_mode: InputMode = InputMode.TELEMETRY,
    watermark_id: int | None = None,
) -> ScoreHistory:
    """All scores whose window ended by an instant, oldest first.

    `watermark_id` limits them to the rows that a forecast used, so that its bound can
    be recomputed later.
    """
    query = (
        select(WindowScoreRow.id, WindowScoreRow.score)
        .where(
            WindowScoreRow.region_id == region_id,
            WindowScoreRow.model_version_id == model_version_id,
            WindowScoreRow.local_issue_hour == local_issue_hour,
            WindowScoreRow.input_mode == input_mode.value,
            WindowScoreRow.issued_at_utc <= finished_by_utc - timedelta(hours=WINDOW_H),
            WindowScoreRow.score.is_not(None),
        )
        .order_by(WindowScoreRow.issued_at_utc)
    )
    if watermark_id is not None:
        query = query.where(WindowScoreRow.id <= watermark_id)
    rows = session.execute(query).all()
    return ScoreHistory(
        scores=tuple(score for _, score in rows if score is not None),
        watermark_id=max((row_id for row_id, _ in rows), default=None),
    )


def all_scores(
    session: Session, *, region_id: int, model_version_id: int
) -> list[StoredScore]:
    """Every score of a region and a model, oldest window first."""
    rows = session.execute(
        select(
            WindowScoreRow.id,
            WindowScoreRow.issued_at_utc,
            WindowScoreRow.local_issue_hour,
            WindowScoreRow.score,
            WindowScoreRow.input_mode,
        )
        .where(
            WindowScoreRow.region_id == region_id,
            WindowScoreRow.model_version_id == model_version_id,
            WindowScoreRow.score.is_not(None),
        )
        .order_by(WindowScoreRow.issued_at_utc)
    )
    return [
        StoredScore(
            score_id=score_id,
            issued_at_utc=issued_at_utc,
            local_issue_hour=local_issue_hour,
            score=score,
            input_mode=InputMode(input_mode),
        )
        for score_id, issued_at_utc, local_issue_hour, score, input_mode in rows
        if score is not None
    ]


def score_counts(
    session: Session, *, model_version_id: int
) -> dict[tuple[int, int], int]:
    """Number of scores of a model, by region and local hour of issue.

    Of the mode without weather forecasts, which every window has.
    """
    place = (WindowScoreRow.region_id, WindowScoreRow.local_issue_hour)
    rows = session.execute(
        select(*place, func.count())
        .where(
            WindowScoreRow.model_version_id == model_version_id,
            WindowScoreRow.input_mode == InputMode.TELEMETRY.value,
            WindowScoreRow.score.is_not(None),
        )
        .group_by(*place)
    )
    return {(region_id, hour): count for region_id, hour, count in rows}


def scored_windows(
    session: Session, *, region_id: int, model_version_id: int
) -> set[tuple[datetime, InputMode]]:
    """Issue instants and modes that have a row in `window_score`."""
    rows = session.execute(
        select(WindowScoreRow.issued_at_utc, WindowScoreRow.input_mode).where(
            WindowScoreRow.region_id == region_id,
            WindowScoreRow.model_version_id == model_version_id,
        )
    )
    return {(issued_at_utc, InputMode(mode)) for issued_at_utc, mode in rows}
