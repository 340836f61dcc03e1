"""A verdict with the windows it was made from: its inputs and its impact as records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.footprints import (
    Footprint,
    RegionSignals,
    SignalBasis,
    has_one_carbon_kind,
    without_carbon,
)
from core.forecasts import InputMode
from core.policies import Policy
from core.scheduler import Verdict
from core.shares import HoursOfDay, ShareRule
from core.shift import ShiftImpact, shift_impact
from orchestrator.decisions.records import (
    CalibrationInputs,
    DecisionInputs,
    EndInputs,
    ImpactRecord,
    TransferInputs,
    impact_quantities,
    inputs_text,
    scores_sha256,
    text_sha256,
)
from orchestrator.windows.assembly import PRICE_BASIS
from orchestrator.windows.database_source import RegionWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMove:
    """The transfer of a plan that a decision carries out.

    Attributes
    ----------
    source_change_mw, target_change_mw : ndarray, shape (n_hours,)
        What the whole plan does to the load of both ends.
    """

    plan_id: int
    source_change_mw: NDArray[np.float64]
    target_change_mw: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict together with the windows it was made from."""

    source: RegionWindow
    target: RegionWindow | None
    local_day: date
    verdict: Verdict
    hours_of_day: HoursOfDay | None = None
    plan_move: PlanMove | None = None

    @property
    def impact(self) -> ImpactRecord | None:
        """What the shift does to both regions; None without a target or a load.

        The same share of the load that the signals hold: of the actual load for a past
        window, although its verdict rests on the load that was known at the issue.
        """
        if self.target is None:
            return None
        impact = signals_impact(
            self.source.signals,
            self.target.signals,
            impact_share(self.source.outlook.shares, self.verdict),
            self.source.policy,
        )
        if impact is None:
            return None
        return ImpactRecord(
            quantities=impact_quantities(impact),
            notes=_notes(self.source, self.target, impact),
        )

    @cached_property
    def inputs_text(self) -> str:
        """Canonical text of everything that determines verdict and impact."""
        has_target = self.target is not None
        inputs = DecisionInputs(
            source=end_inputs(self.source, with_signals=has_target),
            target=end_inputs(self.target) if self.target else None,
            shift_pct=self.verdict.shift_pct,
            window_start_utc=self.source.issued_at_utc,
            is_simulated=self.source.is_simulation,
            without_decision_ids=self.source.without_decision_ids,
            plan=self._transfer_inputs(),
            hours_of_day=self.hours_of_day,
        )
        return inputs_text(inputs)

    def _transfer_inputs(self) -> TransferInputs | None:
        move, shift = self.plan_move, self.verdict.shift
        if move is None or shift is None:
            return None
        return TransferInputs(
            plan_id=move.plan_id,
            moved_mw=shift.moved_mw,
            arrived_mw=shift.arrived_mw,
            source_change_mw=move.source_change_mw,
            target_change_mw=move.target_change_mw,
        )

    @cached_property
    def inputs_sha256(self) -> str:
        """SHA-256 of the inputs' text, hexadecimal."""
        return text_sha256(self.inputs_text)


def end_inputs(window: RegionWindow, *, with_signals: bool = True) -> EndInputs:
    """All that a verdict rests on at one end."""
    outlook, stored = window.outlook, window.stored
    calibration, problem = outlook.calibration, outlook.problem
    return EndInputs(
        region=outlook.region,
        policy=outlook.policy,
        forecast_id=stored.forecast_id if stored else None,
        model_version_id=stored.model_version_id if stored else None,
        telemetry_watermark_utc=stored.telemetry_watermark_utc if stored else None,
        mean=outlook.forecast.mean if outlook.forecast else None,
        scale=outlook.forecast.scale if outlook.forecast else None,
        calibration=CalibrationInputs(
            score_count=calibration.n_scores,
            score_watermark_id=stored.score_watermark_id if stored else None,
            scores_sha256=scores_sha256(calibration.ordered_scores),
            windows_sha256=calibration.windows.digest if calibration.windows else None,
            offset=calibration.offset,
            quantile=calibration.quantile,
        )
        if calibration
        else None,
        problem_code=problem.code.value if problem else None,
        problem_text=problem.text if problem else None,
        it_load_mw=outlook.it_load_mw,
        prior_rise_c=outlook.prior_rise_c,
        reference_load_mw=outlook.rise_load_mw,
        signals=window.signals if with_signals else None,
        input_mode=stored.input_mode if stored else InputMode.TELEMETRY,
        run_issued_at_utc=stored.run_issued_at_utc if stored else None,
    )


def impact_share(shares: ShareRule, verdict: Verdict) -> float | NDArray[np.float64]:
    """The share of each hour's load that moves, 0 where there is no load.

    The share that was asked for, in its hours, where the load is not known.
    """
    shift = verdict.shift
    if shift is None:
        share = verdict.shift_pct / 100.0
        return share if shares.hours is None else np.where(shares.hours, share, 0.0)
    load_mw = shift.source_load_before_mw
    return np.divide(
        shift.moved_mw, load_mw, out=np.zeros_like(load_mw), where=load_mw > 0.0
    )


def signals_impact(
    source: RegionSignals,
    target: RegionSignals,
    share_frac: float | NDArray[np.float64],
    policy: Policy,
) -> ShiftImpact | None:
    """What moving a share of the source's load does; None while its load is unknown."""
    moved_mw = share_frac * source.it_load_mw
    if not np.isfinite(moved_mw).all():
        return None
    if not has_one_carbon_kind(source, target):
        source, target = without_carbon(source), without_carbon(target)
    return shift_impact(
        source,
        target,
        moved_mw,
        migration_energy_frac=policy.migration_energy_frac,
        migration_usd_per_mwh=policy.migration_usd_per_mwh,
    )


def _notes(
    source: RegionWindow, target: RegionWindow, impact: ShiftImpact
) -> tuple[str, ...]:
    """What the impact rests on, and what is missing or suspect in it."""
    notes = [
        "Loads, weather, carbon and prices are actual values; the verdict rests on"
        " what was known at the issue."
        if source.signals.basis is SignalBasis.ACTUAL
        else f"Loads, weather and carbon are forecasts; prices are {PRICE_BASIS}."
    ]
    if source.signals.basis is SignalBasis.FORECAST:
        notes += [*source.published_notes, *target.published_notes]
    notes += [end.retired_note for end in (source, target) if end.retired_note]
    notes += _term_notes(source, target)
    for footprint in (impact.source_before, impact.target_before):
        notes += _footprint_notes(footprint)
    return tuple(dict.fromkeys(notes))


def _term_notes(source: RegionWindow, target: RegionWindow) -> list[str]:
    """What the terms of the policy add to the figures, where they do."""
    notes = [end.carbon_note for end in (source, target) if end.carbon_note]
    policy = source.policy
    if not has_one_carbon_kind(source.signals, target.signals):
        notes.append(
            f"Carbon intensity is {source.signals.carbon_kind} in"
            f" {source.outlook.region.name} and {target.signals.carbon_kind} in"
            f" {target.outlook.region.name}: emissions are not compared."
        )
    if policy.migration_energy_frac > 0.0:
        notes.append(
            f"Moving takes {100.0 * policy.migration_energy_frac:g} % of the energy"
            " moved; the target draws it."
        )
    if policy.migration_usd_per_mwh > 0.0:
        notes.append(
            f"The cost includes {policy.migration_usd_per_mwh:g} USD for each MWh"
            " moved, paid by the source."
        )
    if any(end.outlook.region.grid_hydro_frac > 0.0 for end in (source, target)):
        counted = "is" if policy.counts_hydro_water else "is not"
        notes.append(
            f"Evaporation from hydropower's reservoirs {counted} counted as water."
        )
    return notes


def _footprint_notes(footprint: Footprint) -> list[str]:
    missing = ", ".join(quantity.value for quantity in footprint.missing)
    return [f"Missing: {missing}."] * bool(missing) + list(footprint.suspect)
