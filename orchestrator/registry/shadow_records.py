"""What an evaluation keeps of one region: figures for the gate, series for the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from core.model_gate import ChangedDecision, ModelFigures, RegionComparison

MOST_CHANGED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBounds:
    """One judged day: both bounds, where there were any, and the real maximum."""

    local_day: date
    new_bound_c: float | None
    active_bound_c: float | None
    day_max_c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRecord:
    """One region of an evaluation.

    Attributes
    ----------
    alpha : Decimal
        Allowed risk under which its days were judged.
    new_rmse_by_hour, active_rmse_by_hour : tuple of float | None
        By hour ahead; the second is empty when no model serves.
    """

    comparison: RegionComparison
    alpha: Decimal
    new_rmse_by_hour: tuple[float | None, ...]
    active_rmse_by_hour: tuple[float | None, ...]
    days: tuple[DayBounds, ...]


def to_record(item: ShadowRecord) -> dict[str, Any]:
    """The record as JSON can hold it: no NaN, days as text."""
    comparison = item.comparison
    return {
        "new": comparison.new.as_record(),
        "active": None if comparison.active is None else comparison.active.as_record(),
        "common_days": comparison.common_days,
        "common_unsafe_new": comparison.common_unsafe_new,
        "common_unsafe_active": comparison.common_unsafe_active,
        "complete_days": comparison.complete_days,
        "limit_c": finite(comparison.limit_c),
        "alpha": str(item.alpha),
        "changed": [
            asdict(change) | {"local_day": change.local_day.isoformat()}
            for change in comparison.changed[:MOST_CHANGED]
        ],
        "new_rmse_by_hour": list(item.new_rmse_by_hour),
        "active_rmse_by_hour": list(item.active_rmse_by_hour),
        "days": [asdict(d) | {"local_day": d.local_day.isoformat()} for d in item.days],
    }


def from_record(slug: str, record: dict[str, Any]) -> ShadowRecord:
    """What `to_record` kept of a region."""
    active = record["active"]
    limit_c = record["limit_c"]
    return ShadowRecord(
        comparison=RegionComparison(
            region_slug=slug,
            new=ModelFigures.from_record(record["new"]),
            active=None if active is None else ModelFigures.from_record(active),
            common_days=record["common_days"],
            common_unsafe_new=record["common_unsafe_new"],
            common_unsafe_active=record["common_unsafe_active"],
            complete_days=record["complete_days"],
            limit_c=math.nan if limit_c is None else limit_c,
            changed=tuple(
                ChangedDecision(**_with_day(change)) for change in record["changed"]
            ),
        ),
        alpha=Decimal(record["alpha"]),
        new_rmse_by_hour=tuple(record["new_rmse_by_hour"]),
        active_rmse_by_hour=tuple(record["active_rmse_by_hour"]),
        days=tuple(DayBounds(**_with_day(day)) for day in record["days"]),
    )


def finite(value: float) -> float | None:
    """The value, or None for what JSON cannot hold."""
    return value if math.isfinite(value) else None


def finite_all(values: Sequence[float]) -> tuple[float | None, ...]:
    """`finite` of each."""
    return tuple(finite(float(value)) for value in values)


def _with_day(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"local_day": date.fromisoformat(record["local_day"])}
