"""From the facts of a shift to its verdict, with the sentence that explains it.

What is not shown to be safe is BLOCKED, with the first reason that applies. The limits
and their test are those of `core.shift_rules`; this module turns them into words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.conformal import LimitCheck
from core.outcomes import Outcome, ReasonCode
from core.outlooks import RegionOutlook
from core.safe_shifts import SafeShifts
from core.shift import LoadShift
from core.shift_rules import Obstacle, flexible_pct, is_flexible, keeps_limit, obstacle
from core.wording import percent, rounded_up, setting

CodedReason = tuple[ReasonCode, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftFacts:
    """All that a verdict on one shift rests on.

    Attributes
    ----------
    shift : LoadShift | None
        None without a target or a known load.
    source_before, source_after, target_before, target_after : LimitCheck | None
        None where there is no finite bound, or no target.
    """

    source: RegionOutlook
    target: RegionOutlook | None
    safe: SafeShifts
    source_before: LimitCheck | None
    target_before: LimitCheck | None
    shift_pct: float
    shift: LoadShift | None
    source_after: LimitCheck | None
    target_after: LimitCheck | None


def judge(facts: ShiftFacts) -> tuple[Outcome, ReasonCode, str]:
    """APPROVED or BLOCKED, the code of the reason, and its sentence."""
    before, after = facts.source_before, facts.source_after
    if before is None:
        return Outcome.BLOCKED, *_unjudged(facts.source)
    found = shift_obstacle(facts)
    if found is not None:
        return Outcome.BLOCKED, *_obstacle_reason(facts, found)
    if after is None:
        return Outcome.BLOCKED, *_load_unknown(facts)
    if keeps_limit(after):
        return Outcome.APPROVED, *_approval(facts, before, after)
    return Outcome.BLOCKED, *_over_limit(facts, before, after)


def shift_obstacle(facts: ShiftFacts) -> Obstacle | None:
    """Why the shift cannot be made, regardless of the source's bound after it."""
    return obstacle(
        facts.source, facts.target, facts.shift_pct, facts.shift, facts.target_after
    )


def _obstacle_reason(facts: ShiftFacts, found: Obstacle) -> CodedReason:
    name, target = facts.source.region.name, facts.target
    # Without a target there is only the flexible share to test.
    if target is None or found is Obstacle.FLEXIBLE_SHARE:
        text = (
            f"Only {percent(flexible_pct(facts.source))} of the load of {name} can be"
            f" moved; {percent(facts.shift_pct)} was requested."
        )
        return ReasonCode.SHIFT_EXCEEDS_FLEXIBLE, text
    if found is Obstacle.PRIOR_DECISIONS:
        text = f"More load would leave {name} in some hour than may be moved."
        return ReasonCode.SHIFT_EXCEEDS_FLEXIBLE, text
    if found is Obstacle.TARGET_UNJUDGED:
        return _unjudged(target)
    return _target_reason(facts, target, found)


def _target_reason(
    facts: ShiftFacts, target: RegionOutlook, found: Obstacle
) -> CodedReason:
    name, shift, after = target.region.name, facts.shift, facts.target_after
    if found is Obstacle.TARGET_CAPACITY and shift is not None:
        capacity_mw = target.region.it_capacity_mw
        peak_mw = float(np.max(shift.target_load_after_mw))
        text = (
            f"{name} would carry {rounded_up(peak_mw, capacity_mw, is_above=True)} MW,"
            f" above its capacity of {setting(capacity_mw)} MW.{_room(facts)}"
        )
        return ReasonCode.TARGET_OVER_CAPACITY, text
    if after is None:
        text = (
            f"{name} carries no load, or next to none, in some hour, so the rise that"
            f" moved load would cause there has no bound.{_room(facts)}"
        )
        return ReasonCode.TARGET_OVER_LIMIT, text
    text = (
        f"{name} would reach {_bound(after, target)}, above its limit of"
        f" {_limit(target)}.{_room(facts)}"
    )
    return ReasonCode.TARGET_OVER_LIMIT, text


def _unjudged(end: RegionOutlook) -> CodedReason:
    problem = end.why_unjudged()
    return problem.code, f"{end.region.name}: {problem.text}"


def _load_unknown(facts: ShiftFacts) -> CodedReason:
    unknown = " and ".join(
        end.region.name
        for end in (facts.source, facts.target)
        if end is not None and not end.load_is_known
    )
    text = f"The load of {unknown} is not known for every hour; nothing can be moved."
    return ReasonCode.LOAD_UNKNOWN, text


def _over_limit(
    facts: ShiftFacts, before: LimitCheck, after: LimitCheck
) -> CodedReason:
    source = facts.source
    name, bound, limit = source.region.name, _bound(after, source), _limit(source)
    if after.bound < before.bound:
        change = f"lowers the bound for {name} from {_bound(before, source)} to {bound}"
        if _bound(before, source) == bound:
            change = f"hardly lowers the bound for {name}, {bound}"
        text = (
            f"Shifting {percent(facts.shift_pct)} {change}, still above the limit of"
            f" {limit}. {_needed(facts)}"
        )
        return ReasonCode.SHIFT_REDUCES_BUT_OVER, text
    code = (
        ReasonCode.NOT_RESOLVABLE
        if facts.safe.minimum_pct is None
        else ReasonCode.OVER_LIMIT
    )
    text = (
        f"The bound for {name}, {bound}, is above the limit of {limit}."
        f" {_needed(facts)}"
    )
    return code, text


def _approval(facts: ShiftFacts, before: LimitCheck, after: LimitCheck) -> CodedReason:
    source = facts.source
    name, bound, limit = source.region.name, _bound(after, source), _limit(source)
    if before.is_exceeded:
        text = (
            f"Shifting {percent(facts.shift_pct)} lowers the bound for {name} from"
            f" {_bound(before, source)} to {bound}, within the limit of {limit}."
        )
        return ReasonCode.SHIFT_RESOLVES, text
    text = f"The bound for {name}, {bound}, is within the limit of {limit}."
    return ReasonCode.WITHIN_ENVELOPE, text


def _needed(facts: ShiftFacts) -> str:
    needed_pct, room_pct = facts.safe.minimum_pct, facts.safe.maximum_pct
    if needed_pct is None:
        return "Not resolvable by shifting alone."
    needed = f"About {percent(needed_pct)} would have to be shifted"
    if not is_flexible(facts.source, needed_pct):
        return f"{needed}; only {percent(flexible_pct(facts.source))} can be moved."
    if facts.target and room_pct is not None and needed_pct > room_pct:
        return f"{needed}; {facts.target.region.name} can take {_most(room_pct)}."
    if not facts.source.load_is_known:
        return f"{needed}, but its load is not known for every hour."
    return f"Shift about {percent(needed_pct)}."


def _room(facts: ShiftFacts) -> str:
    room_pct = facts.safe.maximum_pct
    return "" if room_pct is None else f" It can take {_most(room_pct)}."


def _most(room_pct: float) -> str:
    return f"at most {percent(room_pct)}" if room_pct > 0 else "no load"


def _bound(check: LimitCheck, end: RegionOutlook) -> str:
    limit_c = end.policy.thermal_limit_c
    return f"{rounded_up(check.bound, limit_c, is_above=check.is_exceeded)} °C"


def _limit(end: RegionOutlook) -> str:
    return f"{setting(end.policy.thermal_limit_c)} °C"
