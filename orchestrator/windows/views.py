"""Hourly series and verdicts, as pages draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from core.decision_states import DecisionState
from core.outlooks import RegionOutlook
from core.risk import RiskLevel
from core.scheduler import Outcome, Verdict, decide
from db.decision_standing import StandingDecision

Series = tuple[float | None, ...]
"""Hourly values in order; None where missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictView:
    """A verdict in words.

    `reason_code` is a `ReasonCode`, or one of another release that stored it.
    `data_problem` is true when it is BLOCKED for want of data or model, which is an
    alarm; BLOCKED by rule is a safe, normal result.
    """

    outcome: Outcome
    reason_code: str
    reason_text: str
    data_problem: bool
    risk_level: RiskLevel
    margin_c: float | None
    recommendations: tuple[str, ...]


class Ground(StrEnum):
    """Which load a verdict, a bound and a chart stand on."""

    NOW = "now"
    RECORDED = "recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """The verdict on one ground, with its bound."""

    verdict: VerdictView
    day_bound_c: float | None
    exceedance_probability: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingView:
    """A recorded decision that moves load in the window.

    Attributes
    ----------
    stated : DecisionState
        Recorded, acknowledged or in effect.
    end_utc : datetime | None
        When the last hour in which it moves load ends; None until it is taken back.
    """

    decision_id: int
    source_name: str
    target_name: str
    shift_pct: float
    hours_of_day: str | None
    stated: DecisionState
    end_utc: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedView:
    """What a region is promised: its verdict once all that is recorded is in effect.

    Attributes
    ----------
    decisions : tuple of StandingView
        What it rests on, in effect or not.
    """

    bounded: Bounded
    decisions: tuple[StandingView, ...]


def bounded(outlook: RegionOutlook) -> Bounded:
    """The verdict on an outlook without a further shift."""
    check = outlook.check()
    return Bounded(
        verdict=verdict_view(decide(outlook)),
        day_bound_c=check.bound if check else None,
        exceedance_probability=check.exceedance_probability if check else None,
    )


def standing_view(item: StandingDecision) -> StandingView:
    """A standing decision as pages show it."""
    return StandingView(
        decision_id=item.decision_id,
        source_name=item.source_name,
        target_name=item.target_name,
        shift_pct=item.shift_pct,
        hours_of_day=item.hours_of_day,
        stated=item.stated or DecisionState.RECORDED,
        end_utc=item.end_utc,
    )


def raised(
    values: Sequence[float | None], rise_c: Sequence[float] | np.ndarray
) -> Series:
    """Hours of a forecast after a rise of each; None where either is not known."""
    return tuple(
        value + float(rise) if value is not None and np.isfinite(rise) else None
        for value, rise in zip(values, rise_c, strict=False)
    )


def verdict_view(verdict: Verdict) -> VerdictView:
    """A fresh verdict in words."""
    return VerdictView(
        outcome=verdict.outcome,
        reason_code=verdict.reason_code,
        reason_text=verdict.reason_text,
        data_problem=verdict.reason_code.is_data_problem,
        risk_level=verdict.risk.level,
        margin_c=verdict.risk.margin_c,
        recommendations=verdict.risk.recommendations,
    )


def finite_series(values: Sequence[float] | np.ndarray) -> Series:
    """Values for a view: None where not finite."""
    return tuple(float(v) if np.isfinite(v) else None for v in values)
