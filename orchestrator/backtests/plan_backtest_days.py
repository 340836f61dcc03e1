"""One region on one day of a backtest: what was known at its issue, and what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from core.conformal import MINIMUM_SCORES, Calibration, ScoreTracker
from core.days import WINDOW_H
from core.errors import CalibrationInsufficient
from core.footprints import RegionSignals, SignalBasis
from core.forecasts import HourlyForecast, Refusal, Target
from core.outcomes import ReasonCode
from core.outlooks import Problem, RegionOutlook
from core.placement import PlanRegion
from core.policies import Policy
from core.price_outlook import price_outlook_usd_mwh
from core.regions import Region
from core.telemetry import HOUR, Quantity, TelemetryFrame

FloatArray = NDArray[np.float64]
Forecasts = Mapping[tuple[str, Target], Sequence[HourlyForecast | Refusal]]
"""By region and target, one answer for each issue instant."""

PRICE_DAYS = 7

_CERTAIN = Calibration(
    ordered_scores=(0.0,) * MINIMUM_SCORES, offset=0.0, alpha=Decimal("0.5")
)
"""Of a forecast that is the truth: its bound is its maximum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestRegion:
    """A region with its limit, and its telemetry before and after every issue.

    `auctioned_h` is how many hours of the window have a known price at the issue.
    """

    region: Region
    frame: TelemetryFrame
    limit_c: float
    auctioned_h: int = 0


class KnownDay:
    """One region on one day: as known at the issue, and as it came.

    Parameters
    ----------
    answers : Mapping of Target to HourlyForecast | Refusal
        Issued for this day.
    tracker : ScoreTracker
        Scores of the days that had ended by the issue.
    """

    def __init__(
        self,
        item: BacktestRegion,
        answers: Mapping[Target, HourlyForecast | Refusal],
        issued_at_utc: datetime,
        tracker: ScoreTracker,
        policy: Policy,
    ) -> None:
        self.item = item
        self._answers, self._policy = answers, policy
        self._past = item.frame.window(
            issued_at_utc - PRICE_DAYS * WINDOW_H * HOUR, issued_at_utc
        )
        self.came = item.frame.window(issued_at_utc, issued_at_utc + WINDOW_H * HOUR)
        self._calibration = _calibration(tracker)

    def as_forecast(self) -> PlanRegion:
        """The region as a plan may see it."""
        dry_bulb = self._expected(Target.TEMPERATURE_C)
        signals = RegionSignals(
            region=self.item.region,
            it_load_mw=np.maximum(self._expected(Target.IT_LOAD_MW), 0.0),
            dry_bulb_c=dry_bulb,
            wet_bulb_c=np.minimum(self._expected(Target.WET_BULB_C), dry_bulb),
            carbon_intensity_gco2_kwh=np.maximum(
                self._expected(Target.CARBON_INTENSITY_GCO2_KWH), 0.0
            ),
            price_usd_mwh=self._expected_price(),
            basis=SignalBasis.FORECAST,
            counts_hydro_water=self._policy.counts_hydro_water,
        )
        return PlanRegion(outlook=self._outlook(signals.it_load_mw), signals=signals)

    def as_it_came(self, *, heat_is_known: bool = False) -> PlanRegion:
        """The same with the true values; its bound rests on the forecast still.

        With `heat_is_known` the bound is the day's true maximum.
        """
        signals = true_signals(
            self.item.region,
            self.came,
            counts_hydro_water=self._policy.counts_hydro_water,
        )
        outlook = self._outlook(signals.it_load_mw)
        if heat_is_known:
            outlook = _certain(outlook, signals.dry_bulb_c)
        return PlanRegion(outlook=outlook, signals=signals)

    def _expected(self, target: Target) -> FloatArray:
        answer = self._answers[target]
        if isinstance(answer, HourlyForecast):
            return answer.mean
        # As the portal does where no forecast is stored: the day before.
        return self._past.column(target.quantity)[-WINDOW_H:]

    def _expected_price(self) -> FloatArray:
        past = price_outlook_usd_mwh(self._past.column(Quantity.PRICE_USD_MWH))
        auction = self.came.column(Quantity.PRICE_USD_MWH)
        is_set = np.arange(WINDOW_H) < self.item.auctioned_h
        return np.where(is_set & np.isfinite(auction), auction, past)

    def _outlook(self, it_load_mw: FloatArray) -> RegionOutlook:
        answer, calibration = self._answers[Target.TEMPERATURE_C], self._calibration
        problem: Problem | None = None
        if isinstance(answer, Refusal):
            problem = Problem(code=ReasonCode(answer.code.value), text=answer.text)
        elif isinstance(calibration, Problem):
            problem = calibration
        is_judged = problem is None
        return RegionOutlook(
            region=self.item.region,
            policy=self._policy,
            forecast=answer
            if is_judged and isinstance(answer, HourlyForecast)
            else None,
            calibration=calibration
            if is_judged and isinstance(calibration, Calibration)
            else None,
            it_load_mw=it_load_mw,
            prior_rise_c=np.zeros(WINDOW_H),
            problem=problem,
        )


def true_signals(
    region: Region, frame: TelemetryFrame, *, counts_hydro_water: bool
) -> RegionSignals:
    """What really came in the hours of `frame`, NaN where it is not known."""
    dry_bulb = frame.column(Quantity.TEMPERATURE_C)
    return RegionSignals(
        region=region,
        it_load_mw=frame.column(Quantity.IT_LOAD_MW),
        dry_bulb_c=dry_bulb,
        wet_bulb_c=np.minimum(frame.column(Quantity.WET_BULB_C), dry_bulb),
        carbon_intensity_gco2_kwh=frame.column(Quantity.CARBON_INTENSITY_GCO2_KWH),
        price_usd_mwh=frame.column(Quantity.PRICE_USD_MWH),
        basis=SignalBasis.ACTUAL,
        counts_hydro_water=counts_hydro_water,
    )


def _certain(outlook: RegionOutlook, temperature_c: FloatArray) -> RegionOutlook:
    """The outlook of somebody who knows the temperatures already."""
    if outlook.forecast is None or not np.isfinite(temperature_c).all():
        return outlook
    return replace(
        outlook,
        policy=replace(outlook.policy, confidence=1 - _CERTAIN.alpha),
        forecast=replace(outlook.forecast, mean=temperature_c, scale=np.ones(WINDOW_H)),
        calibration=_CERTAIN,
    )


def _calibration(tracker: ScoreTracker) -> Calibration | Problem:
    try:
        return tracker.calibration()
    except CalibrationInsufficient as exc:
        return Problem(code=ReasonCode.CALIBRATION_INSUFFICIENT, text=exc.message)
