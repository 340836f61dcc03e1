"""Queries on the scores of finished windows, from which bounds are calibrated."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, CursorResult, Row, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from core.conformity import SCORE_WINDOW, Calibration, ScoreTracker
from core.days import WINDOW_H, local_issue_hour
from core.forecasts import InputMode
from core.late_hours import forecast_late
from core.rescoring import CalibrationWindows, WindowHours
from db.forecasts import StoredForecast
from db.schema import WindowScoreRow


@dataclass(frozen=True, slots=True, kw_only=True)
class NewScore:
    """The score of a finished window with its hours, or why it has none.

    Attributes
    ----------
    log_error_ratio : float | None
        Of `core.model_watch.log_error_ratios`; None where nothing was compared.
    """

    region_id: int
    model_version_id: int
    issued_at_utc: datetime
    local_issue_hour: int
    day_max_c: float | None
    score: float | None
    unscored_reason: str | None
    hours: bytes | None
    input_mode: InputMode = InputMode.TELEMETRY
    revision: int = 0
    log_error_ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredScore:
    """The score of a finished window.

    Attributes
    ----------
    replaced_by_id : int | None
        The row of the same window that counts in its place since it was stored.
    """

    score_id: int
    issued_at_utc: datetime
    local_issue_hour: int
    score: float
    input_mode: InputMode = InputMode.TELEMETRY
    replaced_by_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredWindow:
    """The newest score of a window, and the means and scales that it is scored by."""

    score: NewScore
    forecast_hours: WindowHours


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreHistory:
    """Scores of one region, model, local issue hour and mode, oldest first.

    Attributes
    ----------
    windows : CalibrationWindows | None
        Hours of the last scores, which can calibrate a bound; None where they were not
        asked for, or a window was scored by a release that did not keep them.
    """

    scores: tuple[float, ...]
    windows: CalibrationWindows | None
    watermark_id: int | None

    def calibration(self, alpha: Decimal, *, with_hours: bool = True) -> Calibration:
        """What these scores lead to, with the hours of their windows or not.

        Raises
        ------
        CalibrationInsufficient
            When there are too few scores for a bound.
        """
        windows = self.windows if with_hours else None
        return ScoreTracker(alpha, self.scores).calibration(windows)


_INSERT_SCORES = text(
    """
    insert into window_score (region_id, model_version_id, issued_at_utc,
        local_issue_hour, day_max_c, score, unscored_reason, hours, input_mode,
        revision, log_error_ratio)
    select * from unnest(
        cast(:region_id as integer[]), cast(:model_version_id as integer[]),
        cast(:issued_at_utc as timestamptz[]), cast(:local_issue_hour as smallint[]),
        cast(:day_max_c as double precision[]), cast(:score as double precision[]),
        cast(:unscored_reason as text[]), cast(:hours as bytea[]),
        cast(:input_mode as text[]), cast(:revision as integer[]),
        cast(:log_error_ratio as double precision[]))
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePlace:
    """Which scores calibrate a bound: of finished windows of one hour of issue.

    Attributes
    ----------
    watermark_id : int | None
        Limits them to the rows that a forecast used, so that its bound can be
        recomputed later: of a window that was scored again, the newest of these.
    lag_h : int
        Of forecasts that were made without so many newest hours (`core.late_hours`).
    """

    region_id: int
    model_version_id: int
    local_issue_hour: int
    finished_by_utc: datetime
    input_mode: InputMode = InputMode.TELEMETRY
    watermark_id: int | None = None
    lag_h: int = 0


def score_histories(
    session: Session, places: Collection[ScorePlace], *, with_hours: bool = True
) -> dict[ScorePlace, ScoreHistory]:
    """All scores of each place whose window ended by its instant, oldest first.

    A bound without a rise does without the hours.
    """
    on_time = [place for place in places if not place.lag_h]
    found = _histories(session, on_time, with_hours=with_hours) if on_time else {}
    late = {
        place: _late_history(session, place)
        for place in places
        if place.lag_h  # rare: telemetry of one region that did not come
    }
    return {**found, **late}


_HISTORIES = text(
    """
    with place as (
        select * from unnest(
            cast(:region_id as integer[]), cast(:model_version_id as integer[]),
            cast(:local_issue_hour as smallint[]), cast(:until as timestamptz[]),
            cast(:input_mode as text[]), cast(:watermark_id as bigint[])
        ) with ordinality as place (region_id, model_version_id, local_issue_hour,
            until, input_mode, watermark_id, number)
    ),
    newest as (
        select distinct on (place.number, score.issued_at_utc)
            place.number, score.id, score.issued_at_utc, score.revision, score.score,
            score.day_max_c, score.hours
        from place join window_score score
          on score.region_id = place.region_id
         and score.model_version_id = place.model_version_id
         and score.local_issue_hour = place.local_issue_hour
         and score.input_mode = place.input_mode
         and score.issued_at_utc <= place.until
         and score.id <= coalesce(place.watermark_id, score.id)
        order by place.number, score.issued_at_utc, score.revision desc
    ),
    ranked as (
        select newest.*, row_number() over (
            partition by number, score is not null order by issued_at_utc desc) as rank
        from newest
    )
    select number,
        -- Below the watermark lies also what took scores away.
        max(id) filter (where score is not null or revision > 0) as watermark_id,
        string_agg(float8send(score), '' order by issued_at_utc)
            filter (where score is not null) as scores,
        string_agg(float8send(day_max_c), '' order by issued_at_utc)
            filter (where :with_hours and score is not null and rank <= :n_hours)
            as maxima,
        string_agg(int4send(coalesce(octet_length(hours), 0)), ''
            order by issued_at_utc)
            filter (where :with_hours and score is not null and rank <= :n_hours)
            as lengths,
        string_agg(hours, '' order by issued_at_utc)
            filter (where :with_hours and score is not null and rank <= :n_hours)
            as hours
    from ranked group by number
    """
)
"""Each history as a few strings of bytes: a row per window costs Python far more."""


def _histories(
    session: Session, places: Sequence[ScorePlace], *, with_hours: bool
) -> dict[ScorePlace, ScoreHistory]:
    window = timedelta(hours=WINDOW_H)
    columns = {
        "region_id": [place.region_id for place in places],
        "model_version_id": [place.model_version_id for place in places],
        "local_issue_hour": [place.local_issue_hour for place in places],
        "until": [place.finished_by_utc - window for place in places],
        "input_mode": [place.input_mode.value for place in places],
        "watermark_id": [place.watermark_id for place in places],
    }
    rows = session.execute(
        _HISTORIES, {**columns, "with_hours": with_hours, "n_hours": SCORE_WINDOW}
    )
    empty = ScoreHistory(scores=(), windows=None, watermark_id=None)
    found = dict.fromkeys(places, empty)
    for number, watermark_id, scores, maxima, lengths, hours in rows:
        found[places[number - 1]] = ScoreHistory(
            scores=tuple(np.frombuffer(scores or b"", ">f8").tolist()),
            windows=_windows(maxima, lengths, hours),
            watermark_id=watermark_id,
        )
    return found


def _windows(
    maxima: bytes | None, lengths: bytes | None, hours: bytes | None
) -> CalibrationWindows | None:
    """The windows from the strings of `_HISTORIES`; None where some have no hours."""
    each = np.frombuffer(lengths or b"", ">i4")
    if not each.size or not each.all() or hours is None:
        return None
    return CalibrationWindows.from_bytes(
        np.frombuffer(maxima or b"", ">f8").astype(np.float64), hours
    )


def _late_history(session: Session, place: ScorePlace) -> ScoreHistory:
    """The windows, each with the forecast made `lag_h` before it began."""
    of_model = (
        WindowScoreRow.region_id == place.region_id,
        WindowScoreRow.model_version_id == place.model_version_id,
        WindowScoreRow.input_mode == place.input_mode.value,
    )
    until = place.finished_by_utc - timedelta(hours=WINDOW_H)
    rows = _newest_rows(
        session,
        *of_model,
        WindowScoreRow.local_issue_hour == place.local_issue_hour,
        WindowScoreRow.issued_at_utc <= until,
        watermark_id=place.watermark_id,
    )
    scored = [row for row in rows if row.score is not None]
    lag = timedelta(hours=place.lag_h)
    earlier = _newest_rows(
        session,
        *of_model,
        WindowScoreRow.issued_at_utc.in_([row.issued_at_utc - lag for row in scored]),
        watermark_id=place.watermark_id,
    )
    by_issue = {row.issued_at_utc + lag: row for row in earlier}
    return _moved_history(scored, by_issue, place.lag_h)


def score_history(
    session: Session,
    *,
    region_id: int,
    model_version_id: int,
    local_issue_hour: int,
    finished_by_utc: datetime,
    input_mode: InputMode = InputMode.TELEMETRY,
    watermark_id: int | None = None,
    lag_h: int = 0,
    with_hours: bool = True,
) -> ScoreHistory:
    """The scores of one place; see `score_histories`."""
    place = ScorePlace(
        region_id=region_id,
        model_version_id=model_version_id,
        local_issue_hour=local_issue_hour,
        finished_by_utc=finished_by_utc,
        input_mode=input_mode,
        watermark_id=watermark_id,
        lag_h=lag_h,
    )
    return score_histories(session, [place], with_hours=with_hours)[place]


def history_of_forecast(
    session: Session,
    stored: StoredForecast,
    *,
    time_zone: str,
    watermark_id: int | None,
    with_hours: bool = True,
) -> ScoreHistory | None:
    """The scores that a stored forecast saw, the same months later.

    None where no model made it.
    """
    place = place_of_forecast(stored, time_zone=time_zone, watermark_id=watermark_id)
    if place is None:
        return None
    return score_histories(session, [place], with_hours=with_hours)[place]


def place_of_forecast(
    stored: StoredForecast,
    *,
    time_zone: str,
    watermark_id: int | None,
    lead_h: int = 0,
) -> ScorePlace | None:
    """Which scores a stored forecast saw; None where no model made it.

    With `lead_h` those of windows that begin at the local hour so long after its issue,
    each forecast as long before.
    """
    if stored.model_version_id is None:
        return None
    return ScorePlace(
        region_id=stored.region_id,
        model_version_id=stored.model_version_id,
        local_issue_hour=local_issue_hour(
            time_zone, stored.issued_at_utc + timedelta(hours=lead_h)
        ),
        finished_by_utc=stored.issued_at_utc,
        input_mode=stored.input_mode,
        # Rolled twice is rolled by the sum; see `core.late_hours`.
        watermark_id=None if lead_h else watermark_id,
        lag_h=stored.lag_h + lead_h,
    )


def _newest_rows(
    session: Session,
    *conditions: ColumnElement[bool],
    watermark_id: int | None,
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The newest score or refusal of each window, of the rows up to a watermark."""
    query = select(
        WindowScoreRow.id,
        WindowScoreRow.issued_at_utc,
        WindowScoreRow.revision,
        WindowScoreRow.score,
        WindowScoreRow.day_max_c,
        WindowScoreRow.hours,
    ).where(*conditions)
    if watermark_id is not None:
        query = query.where(WindowScoreRow.id <= watermark_id)
    return session.execute(
        query.ext(distinct_on(WindowScoreRow.issued_at_utc)).order_by(
            WindowScoreRow.issued_at_utc, WindowScoreRow.revision.desc()
        )
    ).all()


def _moved_history(
    scored: Sequence[Row[*tuple[Any, ...]]],
    earlier: Mapping[datetime, Row[*tuple[Any, ...]]],
    lag_h: int,
) -> ScoreHistory:
    """The windows, each with the forecast made `lag_h` before it began."""
    pairs = [
        (row, earlier[row.issued_at_utc])
        for row in scored
        if row.issued_at_utc in earlier
    ]
    pairs = [pair for pair in pairs if pair[0].hours and pair[1].hours]
    late = [
        forecast_late(
            WindowHours.from_bytes(window.day_max_c, window.hours),
            WindowHours.from_bytes(before.day_max_c, before.hours),
            lag_h,
        )
        for window, before in pairs
    ]
    windows = [hours for _, hours in late][-SCORE_WINDOW:]
    return ScoreHistory(
        scores=tuple(score for score, _ in late),
        windows=CalibrationWindows.stacked(windows) if windows else None,
        watermark_id=max(
            (max(window.id, before.id) for window, before in pairs), default=None
        ),
    )


def is_newest_score(
    row: type[WindowScoreRow],
) -> ColumnElement[bool]:
    """Whether no later score of the window counts."""
    later = aliased(WindowScoreRow)
    replaced = select(later.id).where(
        later.region_id == row.region_id,
        later.model_version_id == row.model_version_id,
        later.issued_at_utc == row.issued_at_utc,
        later.input_mode == row.input_mode,
        later.revision > row.revision,
    )
    return ~replaced.exists()


def all_scores(
    session: Session,
    *,
    region_id: int,
    model_version_id: int,
    local_issue_hour: int | None = None,
    with_replaced: bool = False,
) -> list[StoredScore]:
    """Every score of a region and a model that counts, oldest window first.

    Of windows that begin at one local hour, or at any. With those that were replaced,
    the forecasts that rested on them can be told.
    """
    of_window = (WindowScoreRow.issued_at_utc, WindowScoreRow.input_mode)
    replaced_by_id = func.lead(WindowScoreRow.id).over(
        partition_by=of_window, order_by=WindowScoreRow.revision
    )
    of_hour = (
        [WindowScoreRow.local_issue_hour == local_issue_hour]
        if local_issue_hour is not None
        else []
    )
    found = (
        select(WindowScoreRow, replaced_by_id.label("replaced_by_id"))
        .where(
            WindowScoreRow.region_id == region_id,
            WindowScoreRow.model_version_id == model_version_id,
            *of_hour,
        )
        .subquery()
    )
    query = (
        select(
            found.c.id,
            found.c.issued_at_utc,
            found.c.local_issue_hour,
            found.c.score,
            found.c.input_mode,
            found.c.replaced_by_id,
        )
        .where(found.c.score.is_not(None))
        .order_by(found.c.issued_at_utc, found.c.id)
    )
    if not with_replaced:
        query = query.where(found.c.replaced_by_id.is_(None))
    return [
        StoredScore(
            score_id=row.id,
            issued_at_utc=row.issued_at_utc,
            local_issue_hour=row.local_issue_hour,
            score=row.score,
            input_mode=InputMode(row.input_mode),
            replaced_by_id=row.replaced_by_id,
        )
        for row in session.execute(query)
    ]


def newest_taken(
    session: Session, *, region_id: int, model_version_id: int
) -> dict[tuple[int, InputMode], int]:
    """The newest row that took a score away, by local hour of issue and mode."""
    rows = session.execute(
        select(
            WindowScoreRow.local_issue_hour,
            WindowScoreRow.input_mode,
            func.max(WindowScoreRow.id).label("newest_id"),
        )
        .where(
            WindowScoreRow.region_id == region_id,
            WindowScoreRow.model_version_id == model_version_id,
            WindowScoreRow.score.is_(None),
            WindowScoreRow.revision > 0,
        )
        .group_by(WindowScoreRow.local_issue_hour, WindowScoreRow.input_mode)
    )
    return {
        (row.local_issue_hour, InputMode(row.input_mode)): row.newest_id for row in rows
    }


def windows_over(
    session: Session, *, region_id: int, first_utc: datetime, last_utc: datetime
) -> list[ScoredWindow]:
    """Scored windows that hold an hour of [first_utc, last_utc], as they count now.

    Windows that never had a score are left out: what they were forecast is not kept
    with them.
    """
    with_hours = aliased(WindowScoreRow)
    of_same = (
        with_hours.region_id == WindowScoreRow.region_id,
        with_hours.model_version_id == WindowScoreRow.model_version_id,
        with_hours.issued_at_utc == WindowScoreRow.issued_at_utc,
        with_hours.input_mode == WindowScoreRow.input_mode,
        with_hours.hours.is_not(None),
    )
    kept = (
        select(with_hours.hours)
        .where(*of_same)
        .order_by(with_hours.revision.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = session.execute(
        select(WindowScoreRow, kept)
        .where(
            WindowScoreRow.region_id == region_id,
            WindowScoreRow.issued_at_utc > first_utc - timedelta(hours=WINDOW_H),
            WindowScoreRow.issued_at_utc <= last_utc,
            is_newest_score(WindowScoreRow),
        )
        .order_by(WindowScoreRow.issued_at_utc)
    ).all()
    return [
        ScoredWindow(
            score=NewScore(
                region_id=row.region_id,
                model_version_id=row.model_version_id,
                issued_at_utc=row.issued_at_utc,
                local_issue_hour=row.local_issue_hour,
                day_max_c=row.day_max_c,
                score=row.score,
                unscored_reason=row.unscored_reason,
                hours=row.hours,
                input_mode=InputMode(row.input_mode),
                revision=row.revision,
            ),
            forecast_hours=WindowHours.from_bytes(0.0, hours),
        )
        for row, hours in rows
        if hours is not None
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
            is_newest_score(WindowScoreRow),
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
