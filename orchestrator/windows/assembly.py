"""What is known of one region and window, assembled from whatever source keeps it.

The scheduler and the planner see the same of a region whether its telemetry and
forecasts lie in the database or in files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np

from core.aliases import FloatArray
from core.carbon import CarbonSignalKind
from core.conformal import check_limits
from core.conformity import Calibration
from core.days import WINDOW_H, window_end
from core.errors import CalibrationInsufficient
from core.footprints import RegionSignals, SignalBasis, without_carbon
from core.forecasts import HourlyForecast, InputMode, Refusal, Target
from core.outcomes import ReasonCode
from core.outlooks import Problem, RegionOutlook
from core.plausibility import PlainBound, load_problem
from core.policies import Policy
from core.price_outlook import price_outlook_usd_mwh
from core.regions import Region
from core.shift import net_rise_c
from core.telemetry import HOUR, Quantity, TelemetryFrame
from core.weather_runs import WeatherRuns
from core.wording import listed
from orchestrator.windows.published import Published, published_hours

PRICE_DAYS = 7
PRICE_BASIS = "the median of the same hour of the seven days before"
"""Which prices coming hours are given; see `core.price_outlook`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedForecast:
    """A forecast or its refusal, and the end of the newest telemetry behind it.

    Attributes
    ----------
    plain : PlainBound | None
        What the portal's own plain model says of the same window.
    """

    answer: HourlyForecast | Refusal
    telemetry_watermark_utc: datetime | None
    plain: PlainBound | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChange:
    """Change of a region's load by live recorded decisions, MW, shape (n_hours,).

    Attributes
    ----------
    standing_mw : ndarray
        By all that stand.
    in_effect_mw : ndarray
        By those of them that are in effect: it is part of the load as it is now.
    """

    standing_mw: FloatArray
    in_effect_mw: FloatArray


class Source(Protocol):
    """What is kept of one region and issue; asked for no more than is needed."""

    @property
    def region(self) -> Region:
        """The region."""

    @property
    def policy(self) -> Policy:
        """The policy in force for it."""

    @property
    def auctioned_h(self) -> int:
        """Hours of the window whose price an auction had set by the issue."""

    def forecasts(self) -> Mapping[Target, IssuedForecast]:
        """What was issued for the window, as far as anything was."""

    def calibration(self) -> Calibration:
        """What the scores that the temperature forecast saw lead to.

        Raises
        ------
        CalibrationInsufficient
            When they are too few for a bound.
        """

    def telemetry(self, start_utc: datetime, end_utc: datetime) -> TelemetryFrame:
        """What has become known of these hours."""

    def carbon_kinds(
        self, start_utc: datetime, end_utc: datetime
    ) -> frozenset[CarbonSignalKind | None]:
        """What the carbon intensity of these hours counts; None for not known."""

    def published_runs(self) -> WeatherRuns | None:
        """Published prices and forecasts of carbon and load; each says when known."""

    def model_problem(self) -> Problem | None:
        """Why the temperature model cannot be used now; asked of live windows only."""

    def recorded_change(self) -> RecordedChange:
        """Change of the load by recorded decisions; asked of live windows only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A region over [issued_at_utc, + 24 h), as decisions, plans and pages need it.

    Attributes
    ----------
    outlook : RegionOutlook
        With what is recorded: what a further shift or plan starts from.
    outlook_now : RegionOutlook
        As load is now: with what is in effect; the same object where all is.
    is_simulation : bool
        A window judged as of its issue time, which is past; it never binds.
    signals : RegionSignals
        What an impact rests on: actual values once the whole window is over, before
        that forecasts, NaN where there is none.
    expected : RegionSignals
        What a plan may rest on: what was known at the issue, with the same hours of
        the day before where there is no forecast.
    telemetry : TelemetryFrame
        What has become known of the window's hours, NaN for the rest.
    carbon_note : str | None
        Why the signals have no carbon intensity, where its hours are of several kinds
        or of an unknown one: such hours are not added.
    priced_h : int
        Hours whose price was published or set by an auction by the issue.
    published_notes : tuple of str
        Which hours of `expected` are as others published them by the issue.
    retired_note : str | None
        That `expected` is without forecasts that were deleted, and since when.
    """

    issued_at_utc: datetime
    is_simulation: bool
    outlook: RegionOutlook
    outlook_now: RegionOutlook
    signals: RegionSignals
    expected: RegionSignals
    telemetry: TelemetryFrame
    carbon_note: str | None = None
    priced_h: int = 0
    published_notes: tuple[str, ...] = ()
    retired_note: str | None = None

    @property
    def region(self) -> Region:
        """The region."""
        return self.outlook.region

    @property
    def policy(self) -> Policy:
        """The policy that the outlook is judged by."""
        return self.outlook.policy

    @property
    def hours_utc(self) -> tuple[datetime, ...]:
        """Starts of the window's hours."""
        return tuple(self.issued_at_utc + i * HOUR for i in range(WINDOW_H))


def actual_signals(
    region: Region,
    came: TelemetryFrame,
    *,
    carbon_kind: CarbonSignalKind | None,
    counts_hydro_water: bool,
) -> RegionSignals:
    """What came in the hours of `came`, NaN where it is not known."""
    dry_bulb_c = came.column(Quantity.TEMPERATURE_C)
    return RegionSignals(
        region=region,
        it_load_mw=came.column(Quantity.IT_LOAD_MW),
        dry_bulb_c=dry_bulb_c,
        wet_bulb_c=np.minimum(came.column(Quantity.WET_BULB_C), dry_bulb_c),
        carbon_intensity_gco2_kwh=came.column(Quantity.CARBON_INTENSITY_GCO2_KWH),
        price_usd_mwh=came.column(Quantity.PRICE_USD_MWH),
        basis=SignalBasis.ACTUAL,
        carbon_kind=carbon_kind,
        counts_hydro_water=counts_hydro_water,
    )


def assemble(
    source: Source, *, issued_at_utc: datetime, now: datetime, is_simulation: bool
) -> Window:
    """All that the scheduler and the planner know of a region and window.

    The verdict rests on what was known at the issue, the load included. Prices are not
    forecast by a model: those of coming hours are as published by the issue, else the
    median of the days before.
    """
    end_utc = window_end(issued_at_utc)
    frame = source.telemetry(issued_at_utc - PRICE_DAYS * WINDOW_H * HOUR, end_utc)
    before = frame.window(frame.start_utc, issued_at_utc)
    came = frame.window(issued_at_utc, end_utc)
    issued = source.forecasts()
    kinds = source.carbon_kinds(frame.start_utc, issued_at_utc)
    published = _served_published(
        published_hours(source.published_runs(), source.telemetry, issued_at_utc),
        issued,
    )
    known_usd_mwh = published.instead_of(
        Quantity.PRICE_USD_MWH, _auctioned_usd_mwh(source, came)
    )
    forecast = _forecast_signals(source, issued, before, published, known_usd_mwh)
    expected = _of_one_kind(_with_day_before(forecast, before), kinds)
    is_past = end_utc <= now
    signals = _of_one_kind(forecast, kinds)
    if is_past:
        kinds = source.carbon_kinds(issued_at_utc, end_utc)
        actual = actual_signals(
            source.region,
            came,
            carbon_kind=None,
            counts_hydro_water=forecast.counts_hydro_water,
        )
        signals = _of_one_kind(actual, kinds)
    unmoved = _outlook(
        source,
        issued.get(Target.TEMPERATURE_C),
        expected.it_load_mw if is_simulation else signals.it_load_mw,
        as_of=issued_at_utc if is_simulation else now,
        is_simulation=is_simulation,
        load_problem_text=None
        if is_simulation or Quantity.IT_LOAD_MW in published.hours
        else load_problem(forecast.it_load_mw, before.column(Quantity.IT_LOAD_MW)),
    )
    outlook = outlook_now = unmoved
    if not is_simulation:
        change = source.recorded_change()
        outlook = _after(unmoved, change.standing_mw)
        is_done = np.allclose(change.standing_mw, change.in_effect_mw, atol=1e-9)
        outlook_now = outlook if is_done else _after(unmoved, change.in_effect_mw)
    load_mw = outlook.it_load_mw
    return Window(
        issued_at_utc=issued_at_utc,
        is_simulation=is_simulation,
        outlook=outlook,
        outlook_now=outlook_now,
        signals=signals if is_past else replace(signals, it_load_mw=load_mw),
        expected=replace(expected, it_load_mw=load_mw),
        telemetry=came,
        carbon_note=_carbon_note(source.region, kinds),
        priced_h=int(np.isfinite(known_usd_mwh).sum()),
        published_notes=tuple(
            published.note(quantity, source.region.name, issued_at_utc)
            for quantity in published.hours
        ),
    )


def _served_published(
    published: Published, issued: Mapping[Target, IssuedForecast]
) -> Published:
    """Without what a model has used already: its forecast is the better one."""
    used = {
        target.quantity
        for target, item in issued.items()
        if isinstance(item.answer, HourlyForecast)
        and item.answer.input_mode is not InputMode.TELEMETRY
    }
    return replace(
        published,
        hours={q: hours for q, hours in published.hours.items() if q not in used},
    )


def _of_one_kind(
    signals: RegionSignals, kinds: frozenset[CarbonSignalKind | None]
) -> RegionSignals:
    """The signals with the kind of their carbon; without carbon where they have none.

    Hours of two kinds, or of an unknown one, are not to be added.
    """
    if len(kinds) == 1 and None not in kinds:
        return replace(signals, carbon_kind=next(iter(kinds)))
    return without_carbon(signals)


def _carbon_note(
    region: Region, kinds: frozenset[CarbonSignalKind | None]
) -> str | None:
    if not kinds or (len(kinds) == 1 and None not in kinds):
        return None
    names = listed(sorted(str(kind or "of unknown kind") for kind in kinds))
    return (
        f"Carbon intensity of {region.name} is {names} in the hours that this rests on:"
        " its emissions are not added up. Import one kind for all hours."
    )


def _forecast_signals(
    source: Source,
    issued: Mapping[Target, IssuedForecast],
    before: TelemetryFrame,
    published: Published,
    known_usd_mwh: FloatArray,
) -> RegionSignals:
    def mean(target: Target) -> FloatArray:
        forecast = issued.get(target)
        own = np.full(WINDOW_H, np.nan)
        if forecast is not None and not isinstance(forecast.answer, Refusal):
            own = forecast.answer.mean
        return published.instead_of(target.quantity, own)

    dry_bulb_c = mean(Target.TEMPERATURE_C)
    return RegionSignals(
        region=source.region,
        it_load_mw=np.maximum(mean(Target.IT_LOAD_MW), 0.0),
        dry_bulb_c=dry_bulb_c,
        # Two forecasts are made apart; a wet bulb above the dry bulb is not physical.
        wet_bulb_c=np.minimum(mean(Target.WET_BULB_C), dry_bulb_c),
        carbon_intensity_gco2_kwh=np.maximum(
            mean(Target.CARBON_INTENSITY_GCO2_KWH), 0.0
        ),
        price_usd_mwh=np.where(
            np.isnan(known_usd_mwh),
            price_outlook_usd_mwh(before.column(Quantity.PRICE_USD_MWH)),
            known_usd_mwh,
        ),
        basis=SignalBasis.FORECAST,
        counts_hydro_water=source.policy.counts_hydro_water,
    )


def _auctioned_usd_mwh(source: Source, came: TelemetryFrame) -> FloatArray:
    """Prices that an auction had set by the issue, NaN where it had not."""
    is_set = np.arange(WINDOW_H) < source.auctioned_h
    return np.where(is_set, came.column(Quantity.PRICE_USD_MWH), np.nan)


def _with_day_before(forecast: RegionSignals, before: TelemetryFrame) -> RegionSignals:
    """The signals with the day before in place of hours that have no forecast."""

    def filled(hours: FloatArray, quantity: Quantity) -> FloatArray:
        return np.where(np.isnan(hours), before.column(quantity)[-WINDOW_H:], hours)

    dry_bulb_c = filled(forecast.dry_bulb_c, Quantity.TEMPERATURE_C)
    return replace(
        forecast,
        it_load_mw=filled(forecast.it_load_mw, Quantity.IT_LOAD_MW),
        dry_bulb_c=dry_bulb_c,
        wet_bulb_c=np.minimum(
            filled(forecast.wet_bulb_c, Quantity.WET_BULB_C), dry_bulb_c
        ),
        carbon_intensity_gco2_kwh=filled(
            forecast.carbon_intensity_gco2_kwh, Quantity.CARBON_INTENSITY_GCO2_KWH
        ),
    )


def _outlook(
    source: Source,
    issued: IssuedForecast | None,
    base_load_mw: FloatArray,
    *,
    as_of: datetime,
    is_simulation: bool,
    load_problem_text: str | None,
) -> RegionOutlook:
    policy = source.policy
    problem = (None if is_simulation else source.model_problem()) or _data_problem(
        issued, policy, as_of
    )
    calibration: Calibration | None = None
    if problem is None and load_problem_text is not None:
        problem = Problem(code=ReasonCode.MODEL_IMPLAUSIBLE, text=load_problem_text)
    if problem is None:
        try:
            calibration = source.calibration()
        except CalibrationInsufficient as exc:
            problem = Problem(
                code=ReasonCode.CALIBRATION_INSUFFICIENT, text=exc.message
            )
    if issued is not None and calibration is not None:
        problem = _implausibility(
            issued, calibration, policy, is_live=not is_simulation
        )
        calibration = calibration if problem is None else None
    answer = issued.answer if issued else None
    return RegionOutlook(
        region=source.region,
        policy=policy,
        forecast=answer
        if calibration is not None and isinstance(answer, HourlyForecast)
        else None,
        calibration=calibration,
        it_load_mw=base_load_mw,
        prior_rise_c=np.zeros(WINDOW_H),
        problem=problem,
    )


def _after(before: RegionOutlook, change_mw: FloatArray) -> RegionOutlook:
    """The outlook once recorded decisions changed its load."""
    if not change_mw.any():
        return before
    base_load_mw = before.it_load_mw
    return replace(
        before,
        it_load_mw=np.maximum(base_load_mw + change_mw, 0.0),
        prior_rise_c=_rise_c(change_mw, base_load_mw, before.policy),
        reference_load_mw=base_load_mw,
    )


def _implausibility(
    issued: IssuedForecast, calibration: Calibration, policy: Policy, *, is_live: bool
) -> Problem | None:
    """Why the model's bound may not be relied on: the one place that all verdicts pass.

    Shifts and plans start from this bound. A live window without a plain bound is not
    verified; a past day may be of a release that had none.
    """
    plain, answer = issued.plain, issued.answer
    if isinstance(answer, Refusal) or (plain is None and not is_live):
        return None
    if plain is None:
        return Problem(
            code=ReasonCode.CALIBRATION_INSUFFICIENT,
            text=(
                "the portal's own plain model has too few finished days to verify the"
                " forecast."
            ),
        )
    check = check_limits(
        answer.mean,
        answer.scale,
        calibration,
        limit=policy.thermal_limit_c,
        rises_by_hour=np.zeros((1, len(answer.mean))),
    ).check(0)
    text = None if check is None else plain.problem_of(check.bound)
    if text is None:
        return None
    return Problem(code=ReasonCode.MODEL_IMPLAUSIBLE, text=text)


def _data_problem(
    issued: IssuedForecast | None, policy: Policy, as_of: datetime
) -> Problem | None:
    if issued is None:
        return Problem(
            code=ReasonCode.FORECAST_MISSING,
            text="no forecast is stored for this window.",
        )
    if isinstance(issued.answer, Refusal):
        return Problem(
            code=ReasonCode(issued.answer.code.value), text=issued.answer.text
        )
    watermark = issued.telemetry_watermark_utc
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


def _rise_c(
    change_mw: FloatArray, base_load_mw: FloatArray, policy: Policy
) -> FloatArray:
    """Rise that live recorded decisions cause, measured on the load before them all.

    Heat follows the load itself, whatever the steps that led to it.
    """
    rise_c = net_rise_c(
        change_mw,
        reference_mw=base_load_mw,
        factor_c_per_pct=policy.cooling_factor_c_per_pct,
    )
    # Of an unknown load neither the rest nor the rise is known.
    return np.where(np.isfinite(base_load_mw) | (change_mw == 0), rise_c, np.nan)
