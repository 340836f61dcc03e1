"""Hourly series and verdicts, as pages draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.risk import RiskLevel
from core.scheduler import Outcome, Verdict

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
