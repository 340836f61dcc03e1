"""The scheduler: APPROVED or BLOCKED, why, and which shifts would be safe.

A region is approved only if a finite, calibrated bound is at most its limit and, when
load moves, the target can take it. Whatever is missing, stale or not finite is BLOCKED
with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.conformal import LimitCheck
from core.errors import InvalidInput, OutOfRange
from core.outcomes import Outcome, ReasonCode
from core.outlooks import Problem, RegionOutlook
from core.reasons import ShiftFacts, judge, shift_obstacle
from core.risk import RiskAssessment, assess_risk
from core.safe_shifts import (
    COMFORT_MARGIN_C,
    SafeShifts,
    maximum_safe_shift_pct,
    minimum_shift_pct,
)
from core.shift import LoadShift
from core.shift_rules import hourly_shift, is_flexible

__all__ = [
    "COMFORT_MARGIN_C",
    "Outcome",
    "Problem",
    "ReasonCode",
    "RegionOutlook",
    "Verdict",
    "decide",
    "decide_transfer",
    "maximum_safe_shift_pct",
    "minimum_shift_pct",
    "scenarios",
    "transfer_facts",
    "verdict_of",
]


EndChecks = tuple[LimitCheck | None, LimitCheck | None]
"""Of one end, before and after a shift; None where there is no finite bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A decision with its reasons; nothing needs recomputing to explain it.

    Attributes
    ----------
    risk : RiskAssessment
        Of the source as it would be after the shift, whether or not the shift can be
        made; its recommendations state when it cannot.
    source_before, source_after, target_before, target_after : LimitCheck | None
        None where there is no finite bound, or no target.
    minimum_shift_pct : float | None
        Smallest shift that clears the source: 0 when none is needed, None when even
        100 % does not.
    maximum_safe_shift_pct : float | None
        Largest shift that the target can take and the source may give; None without
        a target, a known load or a bound of the target.
    shift : LoadShift | None
        Hourly loads and rises of this shift, when it could be computed.
    """

    outcome: Outcome
    reason_code: ReasonCode
    reason_text: str
    risk: RiskAssessment
    shift_pct: float
    source_before: LimitCheck | None
    source_after: LimitCheck | None
    target_before: LimitCheck | None
    target_after: LimitCheck | None
    minimum_shift_pct: float | None
    maximum_safe_shift_pct: float | None
    shift: LoadShift | None

    @property
    def is_approved(self) -> bool:
        """True only for APPROVED."""
        return self.outcome is Outcome.APPROVED


def decide(
    source: RegionOutlook, target: RegionOutlook | None = None, shift_pct: float = 0.0
) -> Verdict:
    """Judge the source region's window, with `shift_pct` of its load moved to `target`.

    Parameters
    ----------
    source, target : RegionOutlook
        Both for the same window; the target is required when `shift_pct` > 0.
    shift_pct : float
        Percent of the source's load in every hour, [0, 100].

    Raises
    ------
    InvalidInput
        When the shift is outside [0, 100], has no target, or the target is the source,
        or has other hours or another issue instant.
    """
    _require_sound(source, target, shift_pct)
    return _decide(source, target, shift_pct, SafeShifts(source=source, target=target))


def decide_transfer(
    source: RegionOutlook, target: RegionOutlook, shift: LoadShift
) -> Verdict:
    """Judge one part of a plan by the rules that judge a single shift.

    Parameters
    ----------
    shift : LoadShift
        `moved_mw` of this part; loads and rises that the whole plan leaves at both
        ends. Its share is that of the source's energy over the window.

    Raises
    ------
    InvalidInput
        As `decide` does.
    """
    return verdict_of(
        transfer_facts(
            source,
            target,
            shift,
            source_checks=(source.check(), source.check(shift.source_rise_c)),
            target_checks=(target.check(), target.check(shift.target_rise_c)),
        )
    )


def transfer_facts(
    source: RegionOutlook,
    target: RegionOutlook,
    shift: LoadShift,
    *,
    source_checks: EndChecks,
    target_checks: EndChecks,
) -> ShiftFacts:
    """What `decide_transfer` judges, with the checks of both ends made already.

    Raises
    ------
    InvalidInput
        As `decide` does.
    """
    _require_sound(source, target, shift.shift_pct)
    return ShiftFacts(
        source=source,
        target=target,
        safe=SafeShifts(source=source, target=target),
        source_before=source_checks[0],
        target_before=target_checks[0],
        shift_pct=shift.shift_pct,
        shift=shift,
        source_after=source_checks[1],
        target_after=target_checks[1],
    )


def scenarios(
    source: RegionOutlook,
    target: RegionOutlook | None,
    shifts_pct: Sequence[float] = tuple(range(0, 101, 10)),
) -> tuple[Verdict, ...]:
    """Verdicts at 0, 10, …, 100 %, for the table of scenarios.

    Without a target nothing can move, and the one scenario is a shift of 0 %.

    Raises
    ------
    InvalidInput
        As `decide` does.
    """
    shifts = [float(shift) for shift in shifts_pct] if target else [0.0]
    for shift_pct in shifts:
        _require_sound(source, target, shift_pct)
    safe = SafeShifts(source=source, target=target)
    return tuple(_decide(source, target, shift_pct, safe) for shift_pct in shifts)


def _decide(
    source: RegionOutlook,
    target: RegionOutlook | None,
    shift_pct: float,
    safe: SafeShifts,
) -> Verdict:
    return verdict_of(_facts(source, target, shift_pct, safe))


def verdict_of(facts: ShiftFacts) -> Verdict:
    """The verdict on a shift, with what would be safe."""
    outcome, code, text = judge(facts)
    safe = facts.safe
    return Verdict(
        outcome=outcome,
        reason_code=code,
        reason_text=text,
        risk=_risk(facts),
        shift_pct=facts.shift_pct,
        source_before=facts.source_before,
        source_after=facts.source_after,
        target_before=facts.target_before,
        target_after=facts.target_after,
        minimum_shift_pct=safe.minimum_pct,
        maximum_safe_shift_pct=safe.maximum_pct,
        shift=facts.shift,
    )


def _facts(
    source: RegionOutlook,
    target: RegionOutlook | None,
    shift_pct: float,
    safe: SafeShifts,
) -> ShiftFacts:
    shift = hourly_shift(source, target, shift_pct)
    source_before = source.check()
    target_before = target.check() if target else None
    if shift_pct == 0:
        source_after, target_after = source_before, target_before
    else:
        source_after = source.check(shift.source_rise_c) if shift else None
        target_after = target.check(shift.target_rise_c) if target and shift else None
    return ShiftFacts(
        source=source,
        target=target,
        safe=safe,
        source_before=source_before,
        target_before=target_before,
        shift_pct=shift_pct,
        shift=shift,
        source_after=source_after,
        target_after=target_after,
    )


def _risk(facts: ShiftFacts) -> RiskAssessment:
    after, safe = facts.source_after, facts.safe
    return assess_risk(
        bound_c=after.bound if after else None,
        limit_c=facts.source.policy.thermal_limit_c,
        shift_pct=facts.shift_pct,
        shift_for_margin_pct=_if_flexible(facts.source, safe.for_margin_pct),
        shift_to_clear_pct=_if_flexible(facts.source, safe.minimum_pct),
        is_shift_possible=shift_obstacle(facts) is None,
    )


def _if_flexible(source: RegionOutlook, shift_pct: float | None) -> float | None:
    """A shift to recommend; None where the source may not give that much."""
    if shift_pct is None or not is_flexible(source, shift_pct):
        return None
    return shift_pct


def _require_sound(
    source: RegionOutlook, target: RegionOutlook | None, shift_pct: float
) -> None:
    if not 0.0 <= shift_pct <= 100.0:
        message = f"A shift of {shift_pct} % is outside 0 to 100 %."
        raise OutOfRange(message)
    if target is None:
        if shift_pct > 0:
            message = "A shift needs a target region."
            raise InvalidInput(message)
        return
    if target.region.slug == source.region.slug:
        message = "Source and target must be different regions."
        raise InvalidInput(message)
    if target.it_load_mw.shape != source.it_load_mw.shape:
        message = "Source and target must cover the same hours."
        raise InvalidInput(message)
    if (
        source.forecast
        and target.forecast
        and source.forecast.issued_at_utc != target.forecast.issued_at_utc
    ):
        message = "Source and target must be forecast from the same issue instant."
        raise InvalidInput(message)
