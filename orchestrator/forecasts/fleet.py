"""The Fleet page: where is trouble in the next 24 hours?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from core.access import Permission
from core.days import WINDOW_H, full_hour
from core.outcomes import ReasonCode
from core.telemetry import HOUR, Quantity, TelemetryFrame
from db import telemetry
from db.bound_alarms import readings_above_bound
from db.model_health import outages
from db.regions import StoredRegion
from orchestrator.forecasts.views import FleetAlarm, FleetRow, FleetView
from orchestrator.regions.region_choice import active_regions, region_choice
from orchestrator.use_cases import Request, query
from orchestrator.windows.choice import choose_window
from orchestrator.windows.database_source import RegionWindow, load_region_window
from orchestrator.windows.recorded import ending_soon, recorded_view
from orchestrator.windows.views import RecordedView, bounded, finite_series, raised

RECENT_H = 48


_MODEL_ALARMS = {
    ReasonCode.MODEL_IMPLAUSIBLE: "Model implausible",
    ReasonCode.MODEL_COVERAGE_LOST: "Model lost its coverage",
}


@query(Permission.VIEW_FLEET)
def fleet_view(request: Request) -> FleetView:
    """Every active region with its newest live forecast; stores nothing."""
    found = active_regions(request.session)
    rows = tuple(_row(request.session, item, request.now) for item in found)
    return FleetView(
        as_of_utc=request.now,
        rows=rows,
        ending=ending_soon(request.session, request.now),
        alarms=_alarms(request.session, rows, request.now),
    )


def _alarms(
    session: Session, rows: Sequence[FleetRow], now: datetime
) -> tuple[FleetAlarm, ...]:
    unavailable = [
        FleetAlarm(
            title="Model unavailable",
            text=f"The {outage.target} model cannot be used since"
            f" {outage.since_utc:%Y-%m-%d %H:%M} UTC: {outage.reason}",
        )
        for outage in outages(session).values()
    ]
    implausible = [
        FleetAlarm(title=_MODEL_ALARMS[code], text=row.verdict.reason_text)
        for row in rows
        for code in _MODEL_ALARMS
        if row.verdict.reason_code == code
    ]
    above = [
        FleetAlarm(title="Above the bound", text=reading.sentence)
        for reading in readings_above_bound(session, now)
    ]
    return (*unavailable, *implausible, *above)


def _row(session: Session, stored_region: StoredRegion, now: datetime) -> FleetRow:
    choice = choose_window(session, stored_region, local_day=None, now=now)
    window = load_region_window(
        session,
        stored_region,
        issued_at_utc=choice.issued_at_utc,
        now=now,
        is_simulation=False,
    )
    end_utc = full_hour(now) + HOUR
    recent = telemetry.load_frame(
        session, stored_region.region.slug, end_utc - RECENT_H * HOUR, end_utc
    )
    return _fleet_row(
        stored_region, window, recorded_view(session, window), recent, now
    )


def _fleet_row(
    stored_region: StoredRegion,
    window: RegionWindow,
    recorded: RecordedView | None,
    recent: TelemetryFrame,
    now: datetime,
) -> FleetRow:
    region, policy = stored_region.region, window.policy
    outlook = window.outlook_now
    is_now = bounded(outlook)
    temperature_c, known_until_utc = _newest(recent, Quantity.TEMPERATURE_C)
    age_h = _age_h(known_until_utc, now)
    is_fresh = age_h is not None and age_h <= policy.telemetry_max_age_h
    carbon, carbon_until_utc = _newest(recent, Quantity.CARBON_INTENSITY_GCO2_KWH)
    load_mw, load_until_utc = _newest(recent, Quantity.IT_LOAD_MW)
    last_day = recent.window(recent.end_utc - WINDOW_H * HOUR, recent.end_utc)
    water_l = last_day.column(Quantity.WATER_USAGE_L)
    return FleetRow(
        region=region_choice(region),
        colour=region.colour,
        cooling_type=region.cooling_type.value,
        thermal_limit_c=policy.thermal_limit_c,
        temperature_c=temperature_c,
        temperature_at_utc=known_until_utc,
        telemetry_age_h=age_h,
        telemetry_is_stale=not is_fresh,
        telemetry_max_age_h=policy.telemetry_max_age_h,
        history_c=finite_series(last_day.column(Quantity.TEMPERATURE_C)),
        forecast_hours_utc=window.hours_utc if window.stored else (),
        forecast_mean_c=raised(window.stored.mean, outlook.prior_rise_c)
        if window.stored
        else (),
        issued_at_utc=window.stored.issued_at_utc if window.stored else None,
        day_bound_c=is_now.day_bound_c,
        exceedance_probability=is_now.exceedance_probability,
        allowed_probability=float(policy.alpha),
        verdict=is_now.verdict,
        recorded=recorded,
        carbon_intensity_gco2_kwh=carbon,
        carbon_age_h=_age_h(carbon_until_utc, now),
        water_l_last_24h=float(np.nansum(water_l))
        if np.isfinite(water_l).any()
        else None,
        it_load_mw=load_mw,
        it_load_age_h=_age_h(load_until_utc, now),
    )


def _age_h(known_until_utc: datetime | None, now: datetime) -> float | None:
    return None if known_until_utc is None else max((now - known_until_utc) / HOUR, 0.0)


def _newest(
    frame: TelemetryFrame, quantity: Quantity
) -> tuple[float | None, datetime | None]:
    """The newest known value and the end of its hour."""
    known = np.flatnonzero(np.isfinite(frame.column(quantity)))
    if known.size == 0:
        return None, None
    last = int(known[-1])
    return (
        float(frame.column(quantity)[last]),
        frame.start_utc + (last + 1) * HOUR,
    )
