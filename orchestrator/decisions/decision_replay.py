"""Replay a decision from its stored inputs: scores, rules and impact; no model runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.conformal import Calibration, ScoreTracker
from core.days import local_issue_hour
from core.errors import FleetError, InvalidInput
from core.forecasts import HourlyForecast, Target
from core.outlooks import RegionOutlook
from core.plans import transfer_shift
from core.regions import Region
from core.scheduler import Verdict, decide, decide_transfer
from core.shift import LoadShift
from db import forecasts, regions, window_scores
from db.decisions import StoredDecision
from db.forecasts import StoredForecast
from orchestrator.decisions.input_codec import (
    DecisionInputs,
    EndInputs,
    inputs_sha256,
    problem_of,
    read_inputs,
    scores_sha256,
)
from orchestrator.decisions.row_hashes import decision_record
from orchestrator.decisions.storing import impact_rows, signals_impact

TOLERANCE = 1e-5
_RELATIVE = 1e-9
"""For sums of millions, where 1e-5 is below the last digit of a double."""

_GONE = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field that does not come out as it was stored."""

    field: str
    stored: str
    replayed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What replaying a decision gave.

    Attributes
    ----------
    notes : tuple of str
        What could not be replayed, and why; not a difference.
    """

    decision_id: int
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether everything came out as it was stored."""
        return not self.differences


def replay_rules(session: Session, stored: StoredDecision) -> Replay:
    """Judge the stored inputs again and hold the outcome against what was stored.

    Also compared: the row with its audit event, the inputs with their hash, forecasts
    and calibration scores with the stored ones that the inputs name.
    """
    facts = stored.facts
    differences = list(_integrity(session, stored))
    try:
        inputs = read_inputs(facts.inputs_text)
    except InvalidInput as exc:
        unread = Difference(field="inputs", stored="readable", replayed=exc.message)
        return Replay(
            decision_id=stored.decision_id, differences=(*differences, unread)
        )
    try:
        differences += _judge_again(session, stored, inputs)
    except FleetError as exc:
        judged = Difference(field="verdict", stored="judged", replayed=exc.message)
        differences.append(judged)
    notes: tuple[str, ...] = ()
    if inputs.format < 3 and facts.impact:
        notes = ("Its format did not keep what the impact was computed from.",)
    return Replay(
        decision_id=stored.decision_id, differences=tuple(differences), notes=notes
    )


def _judge_again(
    session: Session, stored: StoredDecision, inputs: DecisionInputs
) -> list[Difference]:
    differences: list[Difference] = []
    ends = [("source", inputs.source)]
    ends += [("target", inputs.target)] if inputs.target else []
    outlooks = []
    for name, end in ends:
        outlook, found = _outlook(session, name, end, inputs, stored.facts.reason_text)
        outlooks.append(outlook)
        differences += found
    source, *others = outlooks
    target = others[0] if others else None
    if inputs.plan is not None and target is not None:
        verdict = decide_transfer(source, target, _plan_shift(source, target, inputs))
    else:
        verdict = decide(source, target, inputs.shift_pct)
    differences += _verdict_differences(stored, verdict)
    differences += _impact_differences(stored, inputs)
    return differences


def _plan_shift(
    source: RegionOutlook, target: RegionOutlook, inputs: DecisionInputs
) -> LoadShift:
    plan = inputs.plan
    if plan is None:
        message = "This decision carries out no plan."
        raise InvalidInput(message)
    return transfer_shift(
        source,
        target,
        moved_mw=plan.moved_mw,
        arrived_mw=plan.arrived_mw,
        source_change_mw=plan.source_change_mw,
        target_change_mw=plan.target_change_mw,
    )


def _integrity(session: Session, stored: StoredDecision) -> Iterator[Difference]:
    facts = stored.facts
    found = inputs_sha256(facts.inputs_text)
    if found != facts.inputs_sha256:
        yield Difference(
            field="inputs_sha256", stored=facts.inputs_sha256, replayed=found
        )
    record = decision_record(session, stored)
    if record is None or not record.is_unchanged:
        yield Difference(
            field="record",
            stored="another row than its audit event tells of",
            replayed="no audit event" if record is None else f"event {record.seq}",
        )


def _outlook(
    session: Session,
    name: str,
    end: EndInputs,
    inputs: DecisionInputs,
    reason_text: str,
) -> tuple[RegionOutlook, list[Difference]]:
    """An end as the scheduler saw it, and what about it is not as stored."""
    region = end.region or _region_of_old(session, end)
    differences: list[Difference] = []
    problem = problem_of(end, reason_text)
    forecast, calibration = None, None
    if problem is None and end.mean is not None and end.scale is not None:
        issued = None
        if end.forecast_id is not None:
            issued = forecasts.forecast_by_id(session, end.forecast_id)
        differences += _forecast_differences(name, end, issued)
        calibration, found = _calibration(session, name, end, region, issued)
        differences += found
        forecast = HourlyForecast(
            region_slug=region.slug,
            target=Target.TEMPERATURE_C,
            issued_at_utc=issued.issued_at_utc if issued else inputs.window_start_utc,
            mean=end.mean,
            scale=end.scale,
        )
    outlook = RegionOutlook(
        region=region,
        policy=end.policy,
        forecast=forecast if calibration else None,
        calibration=calibration,
        it_load_mw=end.it_load_mw,
        prior_rise_c=end.prior_rise_c,
        problem=problem,
        reference_load_mw=end.reference_load_mw,
    )
    return outlook, differences


def _region_of_old(session: Session, end: EndInputs) -> Region:
    """Format 1 kept only what the rules compute with; the name is today's."""
    return replace(
        regions.region_by_slug(session, end.slug).region,
        it_capacity_mw=end.it_capacity_mw,
        flexible_load_frac=end.flexible_load_frac,
    )


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


def _calibration(
    session: Session,
    name: str,
    end: EndInputs,
    region: Region,
    issued: StoredForecast | None,
) -> tuple[Calibration, list[Difference]]:
    """The calibration from the scores that the forecast saw, held against the inputs.

    Raises
    ------
    CalibrationInsufficient
        When the scores are gone.
    """
    known = end.calibration
    scores: tuple[float, ...] = ()
    if issued and issued.model_version_id is not None and known:
        scores = window_scores.score_history(
            session,
            region_id=issued.region_id,
            model_version_id=issued.model_version_id,
            local_issue_hour=local_issue_hour(region.time_zone, issued.issued_at_utc),
            finished_by_utc=issued.issued_at_utc,
            watermark_id=known.score_watermark_id,
        ).scores
    calibration = ScoreTracker(end.policy.alpha, scores).calibration()
    if known is None:
        return calibration, []
    pairs: tuple[tuple[str, object, object], ...] = (
        ("score count", known.score_count, calibration.n_scores),
        (
            "scores sha256",
            known.scores_sha256,
            scores_sha256(calibration.ordered_scores),
        ),
        ("tracking offset", known.offset, calibration.offset),
        ("quantile", known.quantile, calibration.quantile),
    )
    return calibration, list(_differences(pairs, prefix=f"{name} calibration "))


def _verdict_differences(
    stored: StoredDecision, verdict: Verdict
) -> Iterator[Difference]:
    facts = stored.facts
    after = verdict.source_after
    pairs: tuple[tuple[str, object, object], ...] = (
        ("outcome", facts.outcome, verdict.outcome.value),
        ("reason_code", facts.reason_code, verdict.reason_code.value),
        ("reason_text", facts.reason_text, verdict.reason_text),
        ("risk_level", facts.risk_level, verdict.risk.level.value),
        (
            "recommendations",
            list(facts.recommendations),
            list(verdict.risk.recommendations),
        ),
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
    stored: StoredDecision, inputs: DecisionInputs
) -> Iterator[Difference]:
    source = inputs.source.signals
    target = inputs.target.signals if inputs.target else None
    if source is None or target is None or not stored.facts.impact:
        return
    share_frac = _share_by_hour(inputs)
    impact = signals_impact(source, target, share_frac, inputs.source.policy)
    if impact is None:
        yield Difference(field="impact", stored="computed", replayed=_GONE)
        return
    rows = impact_rows(impact)
    for kept, again in zip(stored.facts.impact["rows"], rows, strict=True):
        pairs = [(name, value, getattr(again, name)) for name, value in kept.items()]
        yield from _differences(pairs, prefix=f"impact {again.label}: ")


def _share_by_hour(inputs: DecisionInputs) -> float | NDArray[np.float64]:
    if inputs.plan is None:
        return inputs.shift_pct / 100.0
    load_mw = inputs.source.it_load_mw
    return np.divide(
        inputs.plan.moved_mw, load_mw, out=np.zeros_like(load_mw), where=load_mw > 0.0
    )


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
