"""Replay a decision from its stored inputs: scores, rules and impact; no model runs.

Codes and numbers are compared. Sentences are stored and shown as they were said; one
that is worded differently now is a note, not a difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.conformity import Calibration, ScoreTracker
from core.errors import FleetError, InvalidInput
from core.forecasts import HourlyForecast, Target
from core.outcomes import ReasonCode
from core.outlooks import Problem, RegionOutlook
from core.plans import transfer_shift
from core.scheduler import Verdict, decide, decide_transfer
from db import forecasts, window_scores
from db.decisions import NewDecision, StoredDecision
from db.forecasts import StoredForecast
from orchestrator.decisions.judgements import impact_share, signals_impact
from orchestrator.decisions.records import (
    IMPACT_ENDS,
    DecisionInputs,
    EndInputs,
    impact_quantities,
    read_impact,
    read_inputs,
    scores_sha256,
    text_sha256,
)
from orchestrator.decisions.row_hashes import decision_record
from orchestrator.decisions.views import Difference, Replay

TOLERANCE = 1e-5
_RELATIVE = 1e-9
"""For sums of millions, where 1e-5 is below the last digit of a double."""

_GONE = "missing"


def replay_rules(session: Session, stored: StoredDecision) -> Replay:
    """Judge the stored inputs again and compare the outcome with what was stored.

    Also compared: the row with its audit event, the inputs with their hash, forecasts
    and calibration scores with the stored ones that the inputs name.
    """
    facts = stored.facts
    differences = list(_integrity(session, stored))
    notes: tuple[str, ...] = ()
    try:
        inputs = read_inputs(facts.inputs_text)
    except InvalidInput as exc:
        differences.append(
            Difference(field="inputs", stored="readable", replayed=exc.message)
        )
        return Replay(decision_id=stored.decision_id, differences=tuple(differences))
    try:
        verdict, found = _judge_again(session, inputs)
        differences += [
            *found,
            *_verdict_differences(facts, verdict),
            *_impact_differences(facts, inputs, verdict),
        ]
        notes = tuple(_rewordings(facts, verdict))
    except FleetError as exc:
        differences.append(
            Difference(field="verdict", stored="judged", replayed=exc.message)
        )
    return Replay(
        decision_id=stored.decision_id,
        differences=tuple(differences),
        notes=notes,
    )


def _integrity(session: Session, stored: StoredDecision) -> Iterator[Difference]:
    facts = stored.facts
    found = text_sha256(facts.inputs_text)
    if found != facts.inputs_sha256:
        yield Difference(
            field="inputs_sha256", stored=facts.inputs_sha256, replayed=found
        )
    record = decision_record(session, stored)
    if record is None or not record.is_unchanged:
        yield Difference(
            field="record",
            stored="another row than the one hashed into its audit event",
            replayed="no audit event" if record is None else f"event {record.seq}",
        )


def _judge_again(
    session: Session, inputs: DecisionInputs
) -> tuple[Verdict, list[Difference]]:
    """The verdict by today's rules, and what it rests on that is not as stored."""
    source, differences = _outlook(session, "source", inputs.source, inputs)
    source = replace(source, shares=inputs.shares)
    target = None
    if inputs.target is not None:
        target, found = _outlook(session, "target", inputs.target, inputs)
        differences += found
    plan = inputs.plan
    if plan is None or target is None:
        return decide(source, target, inputs.shift_pct), differences
    shift = transfer_shift(
        source,
        target,
        moved_mw=plan.moved_mw,
        arrived_mw=plan.arrived_mw,
        source_change_mw=plan.source_change_mw,
        target_change_mw=plan.target_change_mw,
    )
    return decide_transfer(source, target, shift), differences


def _outlook(
    session: Session, name: str, end: EndInputs, inputs: DecisionInputs
) -> tuple[RegionOutlook, list[Difference]]:
    """An end as the scheduler saw it, and what about it is not as stored."""
    differences: list[Difference] = []
    problem = _problem(end)
    forecast, calibration = None, None
    if problem is None and end.mean is not None and end.scale is not None:
        issued = None
        if end.forecast_id is not None:
            issued = forecasts.forecast_by_id(session, end.forecast_id)
        differences += _forecast_differences(name, end, issued)
        differences += _plausibility_differences(name, issued)
        calibration, found = _calibration(session, name, end, issued)
        differences += found
        forecast = HourlyForecast(
            region_slug=end.region.slug,
            target=Target.TEMPERATURE_C,
            issued_at_utc=issued.issued_at_utc if issued else inputs.window_start_utc,
            mean=end.mean,
            scale=end.scale,
        )
    outlook = RegionOutlook(
        region=end.region,
        policy=end.policy,
        forecast=forecast,
        calibration=calibration,
        it_load_mw=end.it_load_mw,
        prior_rise_c=end.prior_rise_c,
        problem=problem,
        reference_load_mw=end.reference_load_mw,
    )
    return outlook, differences


def _problem(end: EndInputs) -> Problem | None:
    if end.problem_code is None:
        return None
    try:
        code = ReasonCode(end.problem_code)
    except ValueError as exc:
        message = f"The reason {end.problem_code} is unknown to this release."
        raise InvalidInput(message) from exc
    return Problem(code=code, text=end.problem_text or "")


def _forecast_differences(
    name: str, end: EndInputs, issued: StoredForecast | None
) -> Iterator[Difference]:
    for field, given in (("mean", end.mean), ("scale", end.scale)):
        kept = getattr(issued, field) if issued else ()
        if given is None or list(kept) != given.tolist():
            yield Difference(
                field=f"{name} forecast {field}",
                stored=_hours_text(given),
                replayed=_hours_text(np.array(kept)) if issued else _GONE,
            )
    if end.run_issued_at_utc is not None and issued is not None:
        yield from _differences(
            [
                ("input mode", end.input_mode.value, issued.input_mode.value),
                ("run", end.run_issued_at_utc, issued.run_issued_at_utc),
            ],
            prefix=f"{name} forecast ",
        )


def _plausibility_differences(
    name: str, issued: StoredForecast | None
) -> Iterator[Difference]:
    """A forecast that was judged although the plain model calls it implausible."""
    if issued is None or issued.plain is None or issued.day_bound_c is None:
        return
    found = issued.plain.problem_of(issued.day_bound_c)
    if found is not None:
        yield Difference(
            field=f"{name} plausibility", stored="plausible", replayed=found
        )


def _calibration(
    session: Session, name: str, end: EndInputs, issued: StoredForecast | None
) -> tuple[Calibration, list[Difference]]:
    """The calibration from the scores that the forecast saw, compared with the inputs.

    Raises
    ------
    CalibrationInsufficient
        When the scores are gone.
    """
    known = end.calibration
    history = (
        window_scores.history_of_forecast(
            session,
            issued,
            time_zone=end.region.time_zone,
            watermark_id=known.score_watermark_id,
        )
        if issued and known
        else None
    )
    if history is None or known is None:
        return ScoreTracker(end.policy.alpha).calibration(), []
    calibration = history.calibration(
        end.policy.alpha, with_hours=known.windows_sha256 is not None
    )
    pairs: tuple[tuple[str, object, object], ...] = (
        ("score count", known.score_count, calibration.n_scores),
        (
            "scores sha256",
            known.scores_sha256,
            scores_sha256(calibration.ordered_scores),
        ),
        (
            "windows sha256",
            known.windows_sha256,
            calibration.windows.digest if calibration.windows else None,
        ),
        ("tracking offset", known.offset, calibration.offset),
        ("quantile", known.quantile, calibration.quantile),
    )
    return calibration, list(_differences(pairs, prefix=f"{name} calibration "))


def _verdict_differences(facts: NewDecision, verdict: Verdict) -> Iterator[Difference]:
    after = verdict.source_after
    pairs: tuple[tuple[str, object, object], ...] = (
        ("outcome", facts.outcome, verdict.outcome.value),
        ("reason_code", facts.reason_code, verdict.reason_code.value),
        ("risk_level", facts.risk_level, verdict.risk.level.value),
        ("shift_pct", facts.shift_pct, verdict.shift_pct),
        (
            "exceedance_probability",
            facts.exceedance_probability,
            after.exceedance_probability if after else None,
        ),
        ("minimum_shift_pct", facts.minimum_shift_pct, verdict.minimum_shift_pct),
        (
            "maximum_safe_shift_pct",
            facts.maximum_safe_shift_pct,
            verdict.maximum_safe_shift_pct,
        ),
    )
    yield from _differences(pairs)
    for end in ("source_before", "source_after", "target_before", "target_after"):
        check = getattr(verdict, end)
        place, moment = end.split("_")
        name = f"{place}_bound_{moment}_c"
        bound = check.bound if check else None
        yield from _differences([(name, getattr(facts, name), bound)])


def _impact_differences(
    facts: NewDecision, inputs: DecisionInputs, verdict: Verdict
) -> Iterator[Difference]:
    """Of the quantities that were stored; one that is computed since is no difference.

    Raises
    ------
    InvalidInput
        When the stored impact cannot be read.
    """
    source = inputs.source.signals
    target = inputs.target.signals if inputs.target else None
    if source is None or target is None or not facts.impact:
        return
    share_frac = impact_share(inputs.shares, verdict)
    impact = signals_impact(source, target, share_frac, inputs.source.policy)
    if impact is None:
        yield Difference(field="impact", stored="computed", replayed=_GONE)
        return
    again = impact_quantities(impact)
    for name, ends in read_impact(facts.impact).quantities.items():
        replayed = again.get(name, {})
        pairs = [(end, ends[end], replayed.get(end, _GONE)) for end in IMPACT_ENDS]
        yield from _differences(pairs, prefix=f"impact {name}: ")


def _rewordings(facts: NewDecision, verdict: Verdict) -> Iterator[str]:
    """Sentences that are said in other words now, of the same code or level."""
    text, advice = verdict.reason_text, list(verdict.risk.recommendations)
    if facts.reason_code == verdict.reason_code and facts.reason_text != text:
        yield f"The reason is worded differently now: {text}"
    if facts.risk_level == verdict.risk.level and facts.recommendations != advice:
        yield f"The recommendations are worded differently now: {' '.join(advice)}"


def _differences(
    pairs: Sequence[tuple[str, object, object]], prefix: str = ""
) -> Iterator[Difference]:
    for name, stored, replayed in pairs:
        if not is_same_value(stored, replayed):
            yield Difference(
                field=prefix + name, stored=str(stored), replayed=str(replayed)
            )


def is_same_value(stored: object, replayed: object) -> bool:
    """Equal, or numbers that differ by at most 1e-5."""
    both = (stored, replayed)
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in both):
        first, second = (float(str(value)) for value in both)
        return math.isclose(first, second, rel_tol=_RELATIVE, abs_tol=TOLERANCE)
    return stored == replayed


def _hours_text(values: NDArray[np.float64] | None) -> str:
    if values is None or not len(values):
        return _GONE
    return f"{len(values)} h, {values.min():.6g} to {values.max():.6g}"
