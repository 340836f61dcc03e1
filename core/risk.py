"""Risk level of a day from its margin, with what to do about it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from core.wording import percent


class RiskLevel(StrEnum):
    """LOW > 5 degC of margin, MODERATE > 2, HIGH >= 0, CRITICAL < 0."""

    LOW = "LOW"
    MODERATE = "MODERATE"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskAssessment:
    """Risk of one region-day.

    Attributes
    ----------
    margin_c : float | None
        Limit minus day bound, degC; None without a finite bound.
    """

    level: RiskLevel
    margin_c: float | None
    recommendations: tuple[str, ...]


def risk_level(margin_c: float | None) -> RiskLevel:
    """Level of a margin in degC; UNKNOWN unless it is a finite number.

    Examples
    --------
    >>> [risk_level(m).value for m in (5.1, 5.0, 2.0, 0.0, -0.1, None)]
    ['LOW', 'MODERATE', 'HIGH', 'HIGH', 'CRITICAL', 'UNKNOWN']
    """
    if margin_c is None or not math.isfinite(margin_c):
        return RiskLevel.UNKNOWN
    if margin_c > 5.0:
        return RiskLevel.LOW
    if margin_c > 2.0:
        return RiskLevel.MODERATE
    if margin_c >= 0.0:
        return RiskLevel.HIGH
    return RiskLevel.CRITICAL


def assess_risk(
    *,
    bound_c: float | None,
    limit_c: float,
    shift_pct: float = 0.0,
    shift_for_margin_pct: float | None = None,
    shift_to_clear_pct: float | None = None,
    is_shift_possible: bool = True,
) -> RiskAssessment:
    """Level and recommendations for a day bound.

    Parameters
    ----------
    bound_c : float | None
        Bound on the day's maximum after the shift, degC; None when there is none.
    limit_c : float
        Thermal limit, degC.
    shift_pct : float
        The shift in effect, percent of the source's load.
    shift_for_margin_pct : float | None
        Shift that would leave a margin of 2 degC, when one can be made.
    shift_to_clear_pct : float | None
        Smallest shift that clears the limit; None when none that can be made does.
    is_shift_possible : bool
        False when `shift_pct` cannot be made, so that its effect is not described.
    """
    margin_c = None if bound_c is None else limit_c - bound_c
    level = risk_level(margin_c)
    if is_shift_possible:
        advice = _advice(level, shift_pct, shift_for_margin_pct, shift_to_clear_pct)
    else:
        advice = _advice_without_the_shift(level)
    return RiskAssessment(
        level=level,
        margin_c=margin_c if level is not RiskLevel.UNKNOWN else None,
        recommendations=advice,
    )


def _advice(
    level: RiskLevel,
    shift_pct: float,
    shift_for_margin_pct: float | None,
    shift_to_clear_pct: float | None,
) -> tuple[str, ...]:
    match level:
        case RiskLevel.LOW:
            effective = f"The current shift of {percent(shift_pct)} is effective."
            return (
                "Within the safe envelope.",
                *([effective] if shift_pct > 0 else []),
            )
        case RiskLevel.MODERATE:
            return ("Monitor the region.", "Prepare a migration plan.")
        case RiskLevel.HIGH:
            return ("Reduce load where you can.", _for_margin(shift_for_margin_pct))
        case RiskLevel.CRITICAL:
            shift = (
                f"Shift {percent(shift_to_clear_pct)} of the load to a region that can"
                " take it."
                if shift_to_clear_pct is not None
                else "Not resolvable by shifting alone: plan other measures."
            )
            return ("Block new load.", shift, "Prepare emergency cooling.")
        case RiskLevel.UNKNOWN:
            return ("No finite bound: treat the region as at risk and find the cause.",)


def _for_margin(shift_for_margin_pct: float | None) -> str:
    if shift_for_margin_pct is None:
        return "No shift alone gives a margin of 2 °C."
    if shift_for_margin_pct == 0:
        # A margin of exactly 2 degC is still HIGH.
        return "The margin is 2 °C and no more: prepare a shift."
    return f"Consider a shift of {percent(shift_for_margin_pct)} for a margin of 2 °C."


def _advice_without_the_shift(level: RiskLevel) -> tuple[str, ...]:
    cannot = "This shift cannot be made: choose a smaller one or another target."
    if level is RiskLevel.CRITICAL:
        return ("Block new load.", cannot, "Prepare emergency cooling.")
    return (cannot,)
