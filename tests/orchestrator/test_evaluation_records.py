"""What evaluations keep: a format of its own, whatever pages call their values."""

from __future__ import annotations

import inspect
import json
import math
from dataclasses import fields, is_dataclass, make_dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from core.errors import InvalidInput
from core.model_gate import (
    ChangedDecision,
    HourComparison,
    ModelFigures,
    RegionComparison,
)
from orchestrator.registry import models_page, records, region_evaluation, views
from orchestrator.registry.records import EvaluatedDay, EvaluatedRegion, decode, encode

FIGURES = ModelFigures(
    n_windows=365,
    n_hours=8760,
    squared_error_sum=35040.0,
    absolute_error_sum=13140.0,
    persistence_squared_sum=78840.5,
    bound_days=364,
    covered_days=347,
    margin_sum_c=1277.5,
    exceedance_days=40,
    approved_exceedance_days=2,
    blocked_safe_days=7,
    unanswered_windows=1,
)
DAY = EvaluatedDay(
    local_day=date(2025, 7, 1), new_bound_c=36.5, active_bound_c=None, day_max_c=35.25
)
REGION = EvaluatedRegion(
    comparison=RegionComparison(
        region_slug="arizona",
        new=FIGURES,
        active=None,
        common_days=300,
        common_unsafe_new=1,
        common_unsafe_active=3,
        complete_days=710,
        limit_c=35.0,
        changed=(
            ChangedDecision(
                local_day=date(2025, 7, 2),
                becomes_approved=True,
                active_bound_c=35.5,
                new_bound_c=34.5,
                day_max_c=33.75,
            ),
        ),
    ),
    alpha=Decimal("0.05"),
    new_rmse_by_hour=(1.5, None),
    active_rmse_by_hour=(),
    days=(DAY,),
)

STORED: dict[str, Any] = {
    "format": 1,
    "new": {
        "n_windows": 365,
        "n_hours": 8760,
        "squared_error_sum": 35040.0,
        "absolute_error_sum": 13140.0,
        "persistence_squared_sum": 78840.5,
        "bound_days": 364,
        "covered_days": 347,
        "margin_sum_c": 1277.5,
        "exceedance_days": 40,
        "approved_exceedance_days": 2,
        "blocked_safe_days": 7,
        "unanswered_windows": 1,
    },
    "active": None,
    "common_days": 300,
    "common_unsafe_new": 1,
    "common_unsafe_active": 3,
    "complete_days": 710,
    "limit_c": 35.0,
    "alpha": "0.05",
    "changed": [
        {
            "local_day": "2025-07-02",
            "becomes_approved": True,
            "active_bound_c": 35.5,
            "new_bound_c": 34.5,
            "day_max_c": 33.75,
        }
    ],
    "new_rmse_by_hour": [1.5, None],
    "active_rmse_by_hour": [],
    "days": [
        {
            "local_day": "2025-07-01",
            "new_bound_c": 36.5,
            "active_bound_c": None,
            "day_max_c": 35.25,
        }
    ],
}


def test_a_record_is_stored_under_these_names_and_read_back_as_it_was() -> None:
    assert encode(REGION) == STORED
    assert decode("arizona", json.loads(json.dumps(STORED))) == REGION


def test_hours_of_issue_are_kept_and_a_record_without_them_stays_readable() -> None:
    hour = HourComparison(
        local_hour=15,
        bound_days=360,
        covered_days=341,
        common_unsafe_new=2,
        common_unsafe_active=1,
    )
    comparison = replace(REGION.comparison, by_hour=(hour,))
    stored = encode(replace(REGION, comparison=comparison))
    assert stored["by_hour"] == [
        {
            "local_hour": 15,
            "bound_days": 360,
            "covered_days": 341,
            "common_unsafe_new": 2,
            "common_unsafe_active": 1,
        }
    ]
    assert decode("arizona", json.loads(json.dumps(stored))).comparison == comparison


def test_the_figures_of_the_model_that_serves_and_no_limit_are_kept_as_well() -> None:
    comparison = replace(REGION.comparison, active=FIGURES, limit_c=math.nan)
    stored = encode(replace(REGION, comparison=comparison))
    read = decode("arizona", json.loads(json.dumps(stored, allow_nan=False)))
    assert read.comparison.active == FIGURES
    assert math.isnan(read.comparison.limit_c)


def test_another_format_is_refused() -> None:
    for found in (2, None):
        with pytest.raises(InvalidInput, match="format"):
            decode("arizona", STORED | {"format": found})


def _with_renamed_fields(view: type) -> type:
    named = [(f"renamed_{field.name}", field.type) for field in fields(view)]
    return make_dataclass(view.__name__, named, frozen=True, kw_only=True)


def test_views_with_renamed_fields_leave_what_is_stored_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    renamed = 0
    for name, view in inspect.getmembers(views, is_dataclass):
        if view.__module__ != views.__name__:
            continue
        for module in (views, records, region_evaluation, models_page):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, _with_renamed_fields(view))
                renamed += 1
    assert renamed > 20
    assert encode(REGION) == STORED
    assert decode("arizona", STORED) == REGION
