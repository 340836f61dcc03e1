"""What an evaluation keeps of one region: figures for the gate, series for the page.

Stored as JSON, by names that are written here and nowhere else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from core.errors import InvalidInput
from core.model_gate import (
    ChangedDecision,
    HourComparison,
    ModelFigures,
    RegionComparison,
)

FORMAT = 1
MOST_CHANGED = 200

_ADDED_FIGURES = ("common_new", "common_active", "plain")
"""Absent in evaluations of before, and where there is no such model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedDay:
    """One judged day: both bounds, where there were any, and the real maximum."""

    local_day: date
    new_bound_c: float | None
    active_bound_c: float | None
    day_max_c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedRegion:
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
    days: tuple[EvaluatedDay, ...]


def encode(region: EvaluatedRegion) -> dict[str, Any]:
    """The record as JSON can hold it: no NaN, days as text.

    What is absent is left out, so that a field added by a later release changes no
    record of before.
    """
    found = region.comparison
    added = {
        "by_hour": [_encode_hour(item) for item in found.by_hour],
        **{
            name: _encode_figures(figures)
            for name in _ADDED_FIGURES
            if (figures := getattr(found, name)) is not None
        },
        "implausible_days": found.implausible_days,
    }
    return {name: value for name, value in added.items() if value} | {
        "format": FORMAT,
        "new": _encode_figures(found.new),
        "active": None if found.active is None else _encode_figures(found.active),
        "common_days": found.common_days,
        "common_unsafe_new": found.common_unsafe_new,
        "common_unsafe_active": found.common_unsafe_active,
        "complete_days": found.complete_days,
        "limit_c": None if math.isnan(found.limit_c) else found.limit_c,
        "alpha": str(region.alpha),
        "changed": [_encode_change(item) for item in found.changed[:MOST_CHANGED]],
        "new_rmse_by_hour": list(region.new_rmse_by_hour),
        "active_rmse_by_hour": list(region.active_rmse_by_hour),
        "days": [
            {
                "local_day": day.local_day.isoformat(),
                "new_bound_c": day.new_bound_c,
                "active_bound_c": day.active_bound_c,
                "day_max_c": day.day_max_c,
            }
            for day in region.days
        ],
    }


def decode(region_slug: str, stored: dict[str, Any]) -> EvaluatedRegion:
    """What `encode` kept of a region.

    Raises
    ------
    InvalidInput
        When it is of another format.
    """
    if stored.get("format") != FORMAT:
        message = f"The evaluation of {region_slug} is of a format that is not known."
        raise InvalidInput(message)
    active, limit_c = stored["active"], stored["limit_c"]
    return EvaluatedRegion(
        comparison=RegionComparison(
            region_slug=region_slug,
            new=_decode_figures(stored["new"]),
            active=None if active is None else _decode_figures(active),
            common_days=stored["common_days"],
            common_unsafe_new=stored["common_unsafe_new"],
            common_unsafe_active=stored["common_unsafe_active"],
            complete_days=stored["complete_days"],
            limit_c=math.nan if limit_c is None else limit_c,
            changed=tuple(_decode_change(item) for item in stored["changed"]),
            # Evaluations of before judged local midnights alone.
            by_hour=tuple(HourComparison(**item) for item in stored.get("by_hour", [])),
            **{
                name: _decode_figures(stored[name])
                for name in _ADDED_FIGURES
                if name in stored
            },
            implausible_days=stored.get("implausible_days", 0),
        ),
        alpha=Decimal(stored["alpha"]),
        new_rmse_by_hour=tuple(stored["new_rmse_by_hour"]),
        active_rmse_by_hour=tuple(stored["active_rmse_by_hour"]),
        days=tuple(
            EvaluatedDay(
                local_day=date.fromisoformat(day["local_day"]),
                new_bound_c=day["new_bound_c"],
                active_bound_c=day["active_bound_c"],
                day_max_c=day["day_max_c"],
            )
            for day in stored["days"]
        ),
    )


def _encode_figures(figures: ModelFigures) -> dict[str, float]:
    return {
        "n_windows": figures.n_windows,
        "n_hours": figures.n_hours,
        "squared_error_sum": figures.squared_error_sum,
        "absolute_error_sum": figures.absolute_error_sum,
        "persistence_squared_sum": figures.persistence_squared_sum,
        "bound_days": figures.bound_days,
        "covered_days": figures.covered_days,
        "margin_sum_c": figures.margin_sum_c,
        "exceedance_days": figures.exceedance_days,
        "approved_exceedance_days": figures.approved_exceedance_days,
        "blocked_safe_days": figures.blocked_safe_days,
        "unanswered_windows": figures.unanswered_windows,
    }


def _decode_figures(stored: dict[str, Any]) -> ModelFigures:
    return ModelFigures(
        n_windows=stored["n_windows"],
        n_hours=stored["n_hours"],
        squared_error_sum=stored["squared_error_sum"],
        absolute_error_sum=stored["absolute_error_sum"],
        persistence_squared_sum=stored["persistence_squared_sum"],
        bound_days=stored["bound_days"],
        covered_days=stored["covered_days"],
        margin_sum_c=stored["margin_sum_c"],
        exceedance_days=stored["exceedance_days"],
        approved_exceedance_days=stored["approved_exceedance_days"],
        blocked_safe_days=stored["blocked_safe_days"],
        unanswered_windows=stored["unanswered_windows"],
    )


def _encode_hour(hour: HourComparison) -> dict[str, int]:
    return {
        "local_hour": hour.local_hour,
        "bound_days": hour.bound_days,
        "covered_days": hour.covered_days,
        "common_unsafe_new": hour.common_unsafe_new,
        "common_unsafe_active": hour.common_unsafe_active,
    }


def _encode_change(change: ChangedDecision) -> dict[str, object]:
    return {
        "local_day": change.local_day.isoformat(),
        "becomes_approved": change.becomes_approved,
        "active_bound_c": change.active_bound_c,
        "new_bound_c": change.new_bound_c,
        "day_max_c": change.day_max_c,
    }


def _decode_change(stored: dict[str, Any]) -> ChangedDecision:
    return ChangedDecision(
        local_day=date.fromisoformat(stored["local_day"]),
        becomes_approved=stored["becomes_approved"],
        active_bound_c=stored["active_bound_c"],
        new_bound_c=stored["new_bound_c"],
        day_max_c=stored["day_max_c"],
    )
