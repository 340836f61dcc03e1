"""Queries that pair each finished window with its forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from core.forecasts import InputMode, Target
from db.forecasts import exact_hours
from db.schema import ForecastRow, IntervalCalibrationRow, WindowScoreRow
from db.window_scores import is_newest_score

WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedForecast:
    """A temperature forecast of a window that has ended, and what was measured.

    Attributes
    ----------
    mean, scale : tuple of float, length H
        degC.
    mean_width_c : float | None
        Of the displayed interval; None when it had none.
    score_watermark_id : int | None
        The newest score that its bound rests on.
    day_max_c : float
        Largest hour measured in the window.
    score_revision : int
        How often the window was scored again, because its telemetry was replaced.
    """

    model_version_id: int
    issued_at_utc: datetime
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    mean_width_c: float | None
    score_watermark_id: int | None
    day_bound_c: float | None
    day_max_c: float
    score_revision: int
    input_mode: InputMode = InputMode.TELEMETRY


def finished_forecasts(
    session: Session,
    *,
    region_id: int,
    local_issue_hour: int,
    from_utc: datetime,
    until_utc: datetime,
) -> list[FinishedForecast]:
    """Forecasts of windows inside [from_utc, until_utc), oldest first.

    Of several for one instant (live, hindcast, another model) the one stored first:
    what was really known then is not replaced by what a later model would have said.
    """
    first = (
        select(func.min(ForecastRow.id))
        .where(
            ForecastRow.region_id == region_id,
            ForecastRow.target == Target.TEMPERATURE_C.value,
            ForecastRow.status == "issued",
            ForecastRow.issued_at_utc >= from_utc,
            ForecastRow.issued_at_utc <= until_utc - WINDOW,
        )
        .group_by(ForecastRow.issued_at_utc)
    )
    rows = session.execute(
        select(
            ForecastRow.model_version_id,
            ForecastRow.issued_at_utc,
            ForecastRow.mean,
            ForecastRow.scale,
            ForecastRow.exact_hours,
            IntervalCalibrationRow.quantile,
            ForecastRow.score_watermark_id,
            ForecastRow.day_bound_c,
            WindowScoreRow.day_max_c,
            WindowScoreRow.revision,
            ForecastRow.input_mode,
        )
        .outerjoin(
            IntervalCalibrationRow,
            IntervalCalibrationRow.id == ForecastRow.interval_calibration_id,
        )
        .join(
            WindowScoreRow,
            and_(
                WindowScoreRow.region_id == ForecastRow.region_id,
                WindowScoreRow.model_version_id == ForecastRow.model_version_id,
                WindowScoreRow.issued_at_utc == ForecastRow.issued_at_utc,
                WindowScoreRow.input_mode == ForecastRow.input_mode,
                is_newest_score(WindowScoreRow),
            ),
        )
        .where(
            ForecastRow.id.in_(first),
            WindowScoreRow.local_issue_hour == local_issue_hour,
            WindowScoreRow.day_max_c.is_not(None),
        )
        .order_by(ForecastRow.issued_at_utc)
    )
    return [
        FinishedForecast(
            model_version_id=model_version_id,
            issued_at_utc=issued_at_utc,
            mean=hours[0],
            scale=hours[1],
            mean_width_c=None
            if quantile is None
            else 2.0 * quantile * sum(hours[1]) / len(hours[1]),
            score_watermark_id=watermark_id,
            day_bound_c=bound_c,
            day_max_c=day_max_c,
            score_revision=revision,
            input_mode=InputMode(input_mode),
        )
        for (
            model_version_id,
            issued_at_utc,
            mean,
            scale,
            exact,
            quantile,
            watermark_id,
            bound_c,
            day_max_c,
            revision,
            input_mode,
        ) in rows
        if model_version_id is not None and day_max_c is not None
        if all(hours := exact_hours(mean, scale, exact))
    ]
