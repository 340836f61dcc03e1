"""Everything known of one region for one window: its outlook and its signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.carbon import CarbonKind
from core.conformal import Calibration, ScoreTracker
from core.days import WINDOW_H, local_issue_hour, window_end
from core.errors import CalibrationInsufficient
from core.footprints import RegionSignals, SignalBasis
from core.forecasts import HourlyForecast, Target
from core.policies import Policy
from core.scheduler import Problem, ReasonCode, RegionOutlook
from core.shift import net_rise_c
from core.telemetry import HOUR, Quantity, TelemetryFrame
from db import (
    decisions,
    forecasts,
    ingest,
    model_health,
    policies,
    telemetry,
    window_scores,
)
from db.forecasts import StoredForecast
from db.regions import StoredRegion

LOOK_BACK_H = 24 * 30
"""Enough for every lag and for the means that stand in for short gaps."""

Forecasts = Mapping[Target, StoredForecast]
"""What is stored of one region and issue, by target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionWindow:
    """A region over [issued_at_utc, + 24 h), as decisions and pages need it.

    Attributes
    ----------
    is_simulation : bool
        A window judged as of its issue time, which is past; it never binds.
    telemetry : TelemetryFrame
        What has become known of the window's hours, NaN for the rest.
    without_decision_id : int | None
        A recorded decision whose moved load is not counted: it is to be superseded.
    """

    region_id: int
    issued_at_utc: datetime
    is_simulation: bool
    policy: Policy
    stored: StoredForecast | None
    outlook: RegionOutlook
    signals: RegionSignals
    telemetry: TelemetryFrame
    without_decision_id: int | None = None

    @property
    def hours_utc(self) -> tuple[datetime, ...]:
        """Starts of the window's hours."""
        return tuple(self.issued_at_utc + i * HOUR for i in range(WINDOW_H))


def load_region_window(
    session: Session,
    stored_region: StoredRegion,
    *,
    issued_at_utc: datetime,
    now: datetime,
    is_simulation: bool,
    without_decision_id: int | None = None,
) -> RegionWindow:
    """Read what the scheduler needs of one region.

    The verdict rests on what was known at the issue, the load included. The impact
    (`signals`) rests on actual values once the whole window is known, and on forecasts
    before. The price of coming hours is that of the same hour a day before, since
    prices are not forecast.
    """
    region = stored_region.region
    policy = policies.effective_policy(session, stored_region.region_id)
    known = _known(
        session, stored_region, issued_at_utc, serving_first=not is_simulation
    )
    stored = known.get(Target.TEMPERATURE_C)
    frame = telemetry.load_frame(
        session, region.slug, issued_at_utc - WINDOW_H * HOUR, window_end(issued_at_utc)
    )
    window_frame = frame.window(issued_at_utc, window_end(issued_at_utc))
    is_past = window_end(issued_at_utc) <= now
    signals = _signals(
        session,
        stored_region,
        policy,
        issued_at_utc,
        frame,
        is_past=is_past,
        serving=None if is_simulation else known,
    )
    outlook = _outlook(
        session,
        stored_region,
        policy,
        stored,
        _load_known_at_issue(known, stored_region, issued_at_utc, frame)
        if is_simulation
        else signals.it_load_mw,
        as_of=issued_at_utc if is_simulation else now,
        issued_at_utc=issued_at_utc,
        is_simulation=is_simulation,
        without_decision_id=without_decision_id,
    )
    return RegionWindow(
        region_id=stored_region.region_id,
        issued_at_utc=issued_at_utc,
        is_simulation=is_simulation,
        policy=policy,
        stored=stored,
        outlook=outlook,
        signals=signals if is_past else replace(signals, it_load_mw=outlook.it_load_mw),
        telemetry=window_frame,
        without_decision_id=without_decision_id,
    )


def signals_known_at_issue(
    session: Session,
    stored_region: StoredRegion,
    *,
    issued_at_utc: datetime,
    policy: Policy,
    it_load_mw: NDArray[np.float64],
) -> RegionSignals:
    """What a plan may rest on: forecasts, or the same hours of the day before.

    Windows of the past have a stored forecast of the temperature alone; of the rest
    the day before stands in, as it does for prices.
    """
    frame = telemetry.load_frame(
        session,
        stored_region.region.slug,
        issued_at_utc - WINDOW_H * HOUR,
        window_end(issued_at_utc),
    )
    signals = _signals(
        session, stored_region, policy, issued_at_utc, frame, is_past=False
    )
    day_before = frame.window(issued_at_utc - WINDOW_H * HOUR, issued_at_utc)

    def filled(hours: NDArray[np.float64], quantity: Quantity) -> NDArray[np.float64]:
        return day_before.column(quantity) if np.isnan(hours).all() else hours

    dry_bulb_c = filled(signals.dry_bulb_c, Quantity.TEMPERATURE_C)
    return replace(
        signals,
        it_load_mw=it_load_mw,
        dry_bulb_c=dry_bulb_c,
        wet_bulb_c=np.minimum(
            filled(signals.wet_bulb_c, Quantity.WET_BULB_C), dry_bulb_c
        ),
        carbon_intensity_gco2_kwh=filled(
            signals.carbon_intensity_gco2_kwh, Quantity.CARBON_INTENSITY_GCO2_KWH
        ),
    )


def calibration_of(
    session: Session, stored: StoredForecast, *, time_zone: str, policy: Policy
) -> Calibration | Problem:
    """The calibration a forecast was issued with, at the policy's confidence.

    Recomputed from the scores that the forecast saw, so it is the same months later.
    """
    scores: tuple[float, ...] = ()
    if stored.model_version_id is not None and stored.score_watermark_id is not None:
        scores = window_scores.score_history(
            session,
            region_id=stored.region_id,
            model_version_id=stored.model_version_id,
            local_issue_hour=local_issue_hour(time_zone, stored.issued_at_utc),
            finished_by_utc=stored.issued_at_utc,
            watermark_id=stored.score_watermark_id,
        ).scores
    try:
        return ScoreTracker(policy.alpha, scores).calibration()
    except CalibrationInsufficient as exc:
        return Problem(code=ReasonCode.CALIBRATION_INSUFFICIENT, text=exc.message)


def _outlook(
    session: Session,
    stored_region: StoredRegion,
    policy: Policy,
    stored: StoredForecast | None,
    base_load_mw: NDArray[np.float64],
    *,
    as_of: datetime,
    issued_at_utc: datetime,
    is_simulation: bool,
    without_decision_id: int | None,
) -> RegionOutlook:
    region = stored_region.region
    problem = (None if is_simulation else _model_problem(session)) or _data_problem(
        stored, policy, as_of
    )
    calibration: Calibration | None = None
    if problem is None and stored is not None:
        answer = calibration_of(
            session, stored, time_zone=region.time_zone, policy=policy
        )
        if isinstance(answer, Problem):
            problem = answer
        else:
            calibration = answer
    load_mw, prior_rise_c, reference_mw = base_load_mw, np.zeros(WINDOW_H), None
    if not is_simulation:
        load_mw, prior_rise_c, reference_mw = _after_recorded(
            session,
            stored_region.region_id,
            policy,
            base_load_mw,
            issued_at_utc,
            without_decision_id,
        )
    usable = problem is None and stored is not None
    return RegionOutlook(
        region=region,
        policy=policy,
        forecast=stored.hourly(region.slug) if usable and stored else None,
        calibration=calibration,
        it_load_mw=load_mw,
        prior_rise_c=prior_rise_c,
        problem=problem,
        reference_load_mw=reference_mw,
    )


def _model_problem(session: Session) -> Problem | None:
    """A live verdict rests on a model that can be verified now, not only at issue."""
    trouble = model_health.model_troubles(session).get(Target.TEMPERATURE_C)
    if trouble is None:
        return None
    return Problem(
        code=ReasonCode.MODEL_UNAVAILABLE,
        text=(
            f"the temperature model cannot be used since"
            f" {trouble.since_utc:%Y-%m-%d %H:%M} UTC: {trouble.reason}"
        ),
    )


def _data_problem(
    stored: StoredForecast | None, policy: Policy, as_of: datetime
) -> Problem | None:
    if stored is None:
        return Problem(
            code=ReasonCode.FORECAST_MISSING,
            text="no forecast is stored for this window.",
        )
    if stored.refusal_code is not None:
        return Problem(
            code=ReasonCode(stored.refusal_code.value),
            text=stored.refusal_text or "no forecast could be issued.",
        )
    watermark = stored.telemetry_watermark_utc
    age = None if watermark is None else as_of - watermark
    if age is None or not age <= timedelta(hours=policy.telemetry_max_age_h):
        shown = "of unknown age" if age is None else f"{age / HOUR:.1f} h old"
        return Problem(
            code=ReasonCode.TELEMETRY_STALE,
            text=(
                f"the newest telemetry behind the forecast is {shown};"
                f" at most {policy.telemetry_max_age_h:g} h is allowed."
            ),
        )
    return None


def _after_recorded(
    session: Session,
    region_id: int,
    policy: Policy,
    base_load_mw: NDArray[np.float64],
    issued_at_utc: datetime,
    without_decision_id: int | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
    """Load and rise that live recorded decisions leave behind, and the load before.

    Heat follows the load itself, whatever the steps that led to it, so every rise, of
    earlier decisions and of a further one, is measured on the load before them all.
    """
    net = decisions.net_load(
        session,
        region_id=region_id,
        start_utc=issued_at_utc,
        n_hours=WINDOW_H,
        without_id=without_decision_id,
    )
    change_mw = net.moved_in_mw - net.moved_out_mw
    if not change_mw.any():
        return base_load_mw, np.zeros(WINDOW_H), None
    rise_c = net_rise_c(
        change_mw,
        reference_mw=base_load_mw,
        factor_c_per_pct=policy.cooling_factor_c_per_pct,
    )
    # Of an unknown load neither the rest nor the rise is known.
    rise_c = np.where(np.isfinite(base_load_mw) | (change_mw == 0), rise_c, np.nan)
    return np.maximum(base_load_mw + change_mw, 0.0), rise_c, base_load_mw


def _signals(
    session: Session,
    stored_region: StoredRegion,
    policy: Policy,
    issued_at_utc: datetime,
    frame: TelemetryFrame,
    *,
    is_past: bool,
    serving: Forecasts | None = None,
) -> RegionSignals:
    """Actual values of a past window; else forecasts, of the models that serve now."""
    if serving is None and not is_past:
        serving = _known(session, stored_region, issued_at_utc, serving_first=True)
    window = frame.window(issued_at_utc, window_end(issued_at_utc))
    day_before = frame.window(issued_at_utc - WINDOW_H * HOUR, issued_at_utc)

    def values(quantity: Quantity, target: Target) -> NDArray[np.float64]:
        if is_past:
            return window.column(quantity)
        hourly = _hourly(serving or {}, target, stored_region)
        return np.full(WINDOW_H, np.nan) if hourly is None else hourly.mean

    dry_bulb_c = values(Quantity.TEMPERATURE_C, Target.TEMPERATURE_C)
    return RegionSignals(
        region=stored_region.region,
        it_load_mw=values(Quantity.IT_LOAD_MW, Target.IT_LOAD_MW),
        dry_bulb_c=dry_bulb_c,
        # Two forecasts are made apart; a wet bulb above the dry bulb is not physical.
        wet_bulb_c=np.minimum(
            values(Quantity.WET_BULB_C, Target.WET_BULB_C), dry_bulb_c
        ),
        carbon_intensity_gco2_kwh=values(
            Quantity.CARBON_INTENSITY_GCO2_KWH, Target.CARBON_INTENSITY_GCO2_KWH
        ),
        price_usd_mwh=(window if is_past else day_before).column(
            Quantity.PRICE_USD_MWH
        ),
        basis=SignalBasis.ACTUAL if is_past else SignalBasis.FORECAST,
        carbon_kind=_carbon_kind(session, stored_region.region.slug),
        counts_hydro_water=policy.counts_hydro_water,
    )


def _carbon_kind(session: Session, slug: str) -> CarbonKind | None:
    """What the region's carbon intensity counts; None unless all imports agree."""
    kinds = ingest.carbon_kinds(session, slug)
    return CarbonKind.parse(kinds[0]) if len(kinds) == 1 else None


def _load_known_at_issue(
    known: Forecasts,
    stored_region: StoredRegion,
    issued_at_utc: datetime,
    frame: TelemetryFrame,
) -> NDArray[np.float64]:
    """The load forecast of the window, or the load of the same hours a day before."""
    hourly = _hourly(known, Target.IT_LOAD_MW, stored_region)
    if hourly is not None:
        return hourly.mean
    return frame.window(issued_at_utc - WINDOW_H * HOUR, issued_at_utc).column(
        Quantity.IT_LOAD_MW
    )


def _known(
    session: Session,
    stored_region: StoredRegion,
    issued_at_utc: datetime,
    *,
    serving_first: bool,
) -> Forecasts:
    return forecasts.forecasts_at(
        session,
        region_id=stored_region.region_id,
        issued_at_utc=issued_at_utc,
        serving_first=serving_first,
    )


def _hourly(
    known: Forecasts, target: Target, stored_region: StoredRegion
) -> HourlyForecast | None:
    stored = known.get(target)
    return stored.hourly(stored_region.region.slug) if stored else None
