"""The What-if page: try moving load between two regions."""

from __future__ import annotations

import math
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from core.access import Permission
from core.conformal import LimitChecks
from core.safe_shifts import checks_by_step, safe_intervals
from core.scheduler import Verdict, decide, scenarios
from core.shares import HoursOfDay, hours_in_words
from core.shift_rules import (
    flexible_pct,
    given_by_hour_pct,
    left_by_hour_pct,
    rises_per_pct_c,
    used_by_hour_pct,
)
from core.telemetry import HOUR
from core.wording import listed
from db.decision_standing import standing_decisions
from orchestrator.decisions.cards import impact_rows
from orchestrator.decisions.questions import ShiftQuestion, ask_shift
from orchestrator.decisions.views import ImpactRow, ScenarioRow, ShiftEnd, WhatIfView
from orchestrator.regions.region_choice import (
    region_choice,
    region_choices,
)
from orchestrator.use_cases import Request, query
from orchestrator.windows.choice import day_choices, request_comparison
from orchestrator.windows.database_source import RegionWindow
from orchestrator.windows.views import (
    Series,
    StandingView,
    finite_series,
    raised,
    standing_view,
    verdict_view,
)


@query(Permission.VIEW_FLEET)
def what_if_view(
    request: Request,
    *,
    source_slug: str | None,
    target_slug: str | None,
    local_day: date | None,
    issued_at_utc: datetime | None = None,
    shift_pct: float = 0.0,
    hours_of_day: HoursOfDay | None = None,
) -> WhatIfView:
    """All that the page needs to draw and to follow the slider; stores nothing.

    An issue other than the newest can be looked at, but nothing is decided on it.
    """
    question = ask_shift(
        request.session,
        source_slug=source_slug,
        target_slug=target_slug,
        local_day=local_day,
        issued_at_utc=issued_at_utc if local_day is None else None,
        now=request.now,
        hours_of_day=hours_of_day,
    )
    source, target = question.source, question.target
    target_outlook = target.outlook if target else None
    verdicts = scenarios(source.outlook, target_outlook)
    baseline = verdicts[0]  # of 0 %
    fall_c, rise_c = rises_per_pct_c(source.outlook, target_outlook) or (None, None)
    left_pct = left_by_hour_pct(source.outlook)
    steps = checks_by_step(source.outlook, target_outlook)
    intervals = safe_intervals(source.outlook, target_outlook)
    impact, notes = _impact(question, shift_pct)
    days = day_choices(request.session, question.source_region)
    return WhatIfView(
        regions=region_choices(
            request.session, source.region.slug, target.region.slug if target else None
        ),
        as_of_utc=request.now,
        source=_end(source, fall_c, steps.source),
        target=_end(target, rise_c, steps.target) if target else None,
        local_day=question.choice.local_day,
        issued_at_utc=source.stored.issued_at_utc if source.stored else None,
        newer_issue_utc=question.choice.newer_issue_utc,
        is_simulation=source.is_simulation,
        hours_utc=source.hours_utc,
        hours_of_day=str(hours_of_day) if hours_of_day else None,
        hours_text=_hours_text(question, left_pct, shift_pct),
        flexible_pct=flexible_pct(source.outlook),
        given_pct=finite_series(given_by_hour_pct(source.outlook, shift_pct)),
        left_pct=finite_series(left_pct),
        used_pct=finite_series(used_by_hour_pct(source.outlook)),
        safe_intervals_pct=intervals,
        allowed_probability=float(source.policy.alpha),
        baseline=verdict_view(baseline),
        now=verdict_view(decide(source.outlook_now)),
        standing=_standing(question),
        minimum_shift_pct=baseline.minimum_shift_pct,
        maximum_safe_shift_pct=baseline.maximum_safe_shift_pct,
        safe_interval_text=_safe_interval_text(baseline, question, intervals),
        shift_pct=shift_pct,
        impact=impact,
        impact_notes=notes,
        scenarios=tuple(map(_scenario, verdicts)),
        inputs_basis=source.signals.basis.value,
        first_day=days.first_day,
        last_day=days.last_day,
        missing_days=days.missing_days,
        notice=_notice(request, question),
        late_text=_late_text(source, target),
    )


def _standing(question: ShiftQuestion) -> tuple[StandingView, ...]:
    """The recorded decisions that the question starts from."""
    if question.source.is_simulation:
        return ()
    ends = [question.source, *([question.target] if question.target else [])]
    hours_utc = question.source.hours_utc
    found = standing_decisions(
        question.session,
        region_ids=[end.region_id for end in ends],
        start_utc=hours_utc[0],
        end_utc=hours_utc[-1] + HOUR,
    )
    return tuple(standing_view(item) for item in found)


def _impact(
    question: ShiftQuestion, shift_pct: float
) -> tuple[tuple[ImpactRow, ...], tuple[str, ...]]:
    """What a shift would do, with its notes; nothing where nothing moves."""
    if shift_pct <= 0.0:
        return (), ()
    impact = question.judge(shift_pct).impact
    return (impact_rows(impact), impact.notes) if impact else ((), ())


def _end(
    window: RegionWindow,
    rise_c: NDArray[np.float64] | None,
    steps: LimitChecks | None,
) -> ShiftEnd:
    """One end, with its rise for 1 % and its bound after each step of the slider."""
    outlook, stored = window.outlook, window.stored
    prior = outlook.prior_rise_c
    finite_rise = rise_c if rise_c is not None and np.isfinite(rise_c).all() else None
    region = outlook.region
    return ShiftEnd(
        region=region_choice(region),
        colour=region.colour,
        mean_c=raised(stored.mean if stored else (), prior),
        lower_c=raised(stored.lower if stored else (), prior),
        upper_c=raised(stored.upper if stored else (), prior),
        actual_c=finite_series(
            window.telemetry.column(window.stored.target.quantity)
            if window.stored
            else np.array([])
        ),
        thermal_limit_c=window.policy.thermal_limit_c,
        allowed_probability=float(window.policy.alpha),
        bound_by_step_c=_by_step(steps.bound) if steps else (None,),
        exceedance_probability_by_step=_by_step(steps.exceedance_probability)
        if steps
        else (None,),
        rise_by_hour_c_per_pct=()
        if finite_rise is None
        else finite_series(finite_rise),
        it_load_mw=finite_series(outlook.it_load_mw),
    )


def _by_step(values: NDArray[np.float64]) -> Series:
    return tuple(None if math.isnan(value) else value for value in values.tolist())


def _scenario(verdict: Verdict) -> ScenarioRow:
    return ScenarioRow(
        shift_pct=verdict.shift_pct,
        outcome=verdict.outcome,
        reason_code=verdict.reason_code,
        risk_level=verdict.risk.level,
        source_bound_c=verdict.source_after.bound if verdict.source_after else None,
        target_bound_c=verdict.target_after.bound if verdict.target_after else None,
    )


def _hours_text(
    question: ShiftQuestion, left_pct: NDArray[np.float64], shift_pct: float
) -> str | None:
    """Which hours move load, where not all do, and which give less than the share."""
    outlook = question.source.outlook
    name, chosen = outlook.region.name, outlook.shares.hours
    sentences = []
    if question.hours_of_day is not None and chosen is not None:
        sentences.append(
            f"Load moves in {int(chosen.sum())} of the 24 hours:"
            f" {hours_in_words(question.hours_of_day)} on the clock of {name}."
        )
        left_pct = left_pct[chosen]
    n_short = int((left_pct < min(shift_pct, flexible_pct(outlook)) - 1e-9).sum())
    if n_short:
        among = "them" if sentences else "the 24 hours"
        sentences.append(
            f"In {n_short} of {among} less than the share moves: earlier decisions took"
            " what may leave."
        )
    return " ".join(sentences) or None


def _safe_interval_text(
    baseline: Verdict,
    question: ShiftQuestion,
    intervals: tuple[tuple[float, float], ...],
) -> str:
    least, most = baseline.minimum_shift_pct, baseline.maximum_safe_shift_pct
    if question.source.outlook.problem is not None:
        return "No shift can be called safe: the source has no bound."
    if question.target is None:
        return "Choose a target region to see the safe interval."
    name = question.target.outlook.region.name
    if most is None:
        ends = [question.source.outlook, question.target.outlook]
        unknown = [end.region.name for end in ends if not end.load_is_known]
        missing = f"the load of {listed(unknown)} is not known"
        if not unknown:
            missing = f"{name} has no bound"
        return f"No shift can be called safe: {missing}."
    if least is None:
        return f"No shift clears the source; up to {most:g} % could move to {name}."
    if least > most:
        return (
            f"The safe interval is empty: {least:g} % is needed and at most {most:g} %"
            f" can move to {name}."
        )
    shares = listed(f"{first:g} % to {last:g} %" for first, last in intervals)
    many = "; between them a bound passes its limit" if len(intervals) > 1 else ""
    return f"Safe {'shares' if many else 'interval'}: {shares}{many}."


def _late_text(source: RegionWindow, target: RegionWindow | None) -> str | None:
    texts = [end.late_text for end in (source, target) if end and end.late_text]
    return " ".join(texts) or None


def _notice(request: Request, question: ShiftQuestion) -> str | None:
    source, target = question.source, question.target
    if source.outlook.problem is not None:
        return f"{source.region.name}: {source.outlook.problem.text}"
    if target is None:
        return "A shift needs a second region; add one first."
    if target.stored is None:
        is_requested = request_comparison(
            request.session,
            question.choice,
            now=request.now,
            asked_by_id=request.actor.user_id,
        )
        if is_requested:
            return (
                f"No forecast of {target.region.name} is stored for this window. It has"
                " been requested; look again in a minute."
            )
    return None
