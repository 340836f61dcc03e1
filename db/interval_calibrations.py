"""Queries on the calibrations of displayed intervals."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from core.forecasts import InputMode
from db.schema import IntervalCalibrationRow


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalCalibration:
    """Quantile by which displayed intervals are widened."""

    calibration_id: int
    quantile: float


def insert_interval_calibration(
    session: Session,
    *,
    model_version_id: int,
    region_id: int,
    confidence: Decimal,
    quantile: float,
    score_count: int,
    first_issue_utc: datetime,
    last_issue_utc: datetime,
    input_mode: InputMode = InputMode.TELEMETRY,
) -> int:
    """Store a new quantile for displayed intervals; the newest is used."""
    row = IntervalCalibrationRow(
        model_version_id=model_version_id,
        region_id=region_id,
        confidence=confidence,
        quantile=quantile,
        score_count=score_count,
        first_issue_utc=first_issue_utc,
        last_issue_utc=last_issue_utc,
        input_mode=input_mode.value,
    )
    session.add(row)
    session.flush()
    return row.id


def interval_calibrations(
    session: Session,
    *,
    model_version_id: int,
    region_id: int,
    confidence: Decimal,
    input_mode: InputMode = InputMode.TELEMETRY,
) -> list[tuple[datetime, IntervalCalibration]]:
    """Every quantile, with the instant from which it could be known, in that order."""
    rows = session.scalars(
        select(IntervalCalibrationRow)
        .where(
            IntervalCalibrationRow.model_version_id == model_version_id,
            IntervalCalibrationRow.region_id == region_id,
            IntervalCalibrationRow.confidence == confidence,
            IntervalCalibrationRow.input_mode == input_mode.value,
        )
        .order_by(IntervalCalibrationRow.last_issue_utc)
    )
    return [
        (
            row.last_issue_utc + timedelta(hours=24),
            IntervalCalibration(calibration_id=row.id, quantile=row.quantile),
        )
        for row in rows
    ]


def calibrations_known(
    session: Session,
    *,
    model_version_ids: Collection[int],
    confidences: Mapping[int, Decimal],
    known_by_utc: datetime,
) -> dict[int, dict[tuple[int, InputMode], IntervalCalibration]]:
    """By region, the newest quantile of each version and mode.

    Only those that used finished windows alone. `confidences` is that of each region.
    """
    key = (
        IntervalCalibrationRow.region_id,
        IntervalCalibrationRow.confidence,
        IntervalCalibrationRow.model_version_id,
        IntervalCalibrationRow.input_mode,
    )
    rows = session.scalars(
        select(IntervalCalibrationRow)
        .ext(distinct_on(*key))
        .where(
            IntervalCalibrationRow.model_version_id.in_(model_version_ids),
            IntervalCalibrationRow.region_id.in_(confidences),
            IntervalCalibrationRow.confidence.in_(set(confidences.values())),
            IntervalCalibrationRow.last_issue_utc <= known_by_utc - timedelta(hours=24),
        )
        .order_by(*key, IntervalCalibrationRow.last_issue_utc.desc())
    )
    found: dict[int, dict[tuple[int, InputMode], IntervalCalibration]] = {
        region_id: {} for region_id in confidences
    }
    for row in rows:
        if row.confidence == confidences[row.region_id]:
            place = (row.model_version_id, InputMode(row.input_mode))
            found[row.region_id][place] = IntervalCalibration(
                calibration_id=row.id, quantile=row.quantile
            )
    return found
