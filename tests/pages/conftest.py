"""Hand-made views: one hot region, one cool one, one without any data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.decision_states import DecisionState
from core.risk import RiskLevel, assess_risk
from core.scheduler import Outcome, ReasonCode
from db.decision_comments import DecisionComment
from orchestrator.audit.views import AuditEventPage, AuditEventView
from orchestrator.decisions.evidence import EvidenceEnd, EvidenceHours, EvidenceValue
from orchestrator.decisions.views import (
    DecisionCard,
    DecisionChart,
    DecisionDetail,
    DecisionPage,
    DecisionSummary,
    ImpactRow,
    ListChoices,
    NamedValue,
    ScenarioRow,
    ShiftEnd,
    WhatIfView,
)
from orchestrator.forecasts.views import FleetRow, FleetView, ForecastDayView
from orchestrator.regions.views import RegionChoice, RegionChoices
from orchestrator.windows.views import Bounded, Ground, VerdictView
from pages.still import Still

ISSUED_UTC = datetime(2023, 7, 14, 7, tzinfo=UTC)
HOURS_UTC = tuple(ISSUED_UTC + timedelta(hours=h) for h in range(24))
ARIZONA = RegionChoice(
    slug="arizona", name="Arizona", time_zone="America/Phoenix", is_synthetic=True
)
IRELAND = RegionChoice(
    slug="ireland", name="Ireland", time_zone="Europe/Dublin", is_synthetic=False
)
WYOMING = RegionChoice(
    slug="wyoming", name="Wyoming", time_zone="America/Denver", is_synthetic=True
)
REGIONS = (ARIZONA, IRELAND, WYOMING)
LIMIT_C = 35.0
PLACE = "2023-07-14T05:00:00+00:00~410"

Make = Callable[..., Any]


def day_curve(mean_c: float, swing_c: float, peak_hour: int) -> tuple[float, ...]:
    """A day's temperatures, warmest at `peak_hour` of the window."""
    return tuple(
        round(mean_c + swing_c * math.cos(2 * math.pi * (h - peak_hour) / 24), 2)
        for h in range(24)
    )


def verdict(
    outcome: Outcome, code: ReasonCode, text: str, bound_c: float | None
) -> VerdictView:
    risk = assess_risk(bound_c=bound_c, limit_c=LIMIT_C, shift_to_clear_pct=24.0)
    return VerdictView(
        outcome=outcome,
        reason_code=code,
        reason_text=text,
        data_problem=code.is_data_problem,
        risk_level=risk.level,
        margin_c=risk.margin_c,
        recommendations=risk.recommendations,
    )


BLOCKED = verdict(
    Outcome.BLOCKED,
    ReasonCode.OVER_LIMIT,
    "The bound for Arizona, 36.2 °C, is above the limit of 35 °C. Shift about 24 %.",
    36.2,
)
APPROVED = verdict(
    Outcome.APPROVED,
    ReasonCode.WITHIN_ENVELOPE,
    "The bound for Ireland, 21.4 °C, is within the limit of 35 °C.",
    21.4,
)
NO_DATA = verdict(
    Outcome.BLOCKED,
    ReasonCode.TELEMETRY_STALE,
    "Wyoming: the newest telemetry is 9 h old; at most 3 h is allowed.",
    None,
)


def fleet_row(region: RegionChoice, **changes: object) -> FleetRow:
    values: dict[str, Any] = {
        "region": region,
        "colour": "#0072B2",
        "cooling_type": "evaporative",
        "thermal_limit_c": LIMIT_C,
        "temperature_c": 31.4,
        "temperature_at_utc": ISSUED_UTC,
        "telemetry_age_h": 0.4,
        "telemetry_is_stale": False,
        "telemetry_max_age_h": 3.0,
        "carbon_age_h": 0.4,
        "it_load_age_h": 0.4,
        "history_c": day_curve(28.5, 5.0, 15),
        "forecast_hours_utc": HOURS_UTC,
        "forecast_mean_c": day_curve(29.0, 5.2, 15),
        "issued_at_utc": ISSUED_UTC,
        "day_bound_c": 36.2,
        "exceedance_probability": 0.0712,
        "allowed_probability": 0.05,
        "verdict": BLOCKED,
        "recorded": None,
        "carbon_intensity_gco2_kwh": 412.0,
        "water_l_last_24h": 1_843_200.0,
        "it_load_mw": 61.3,
    }
    return FleetRow(**{**values, **changes})


def cool_row(region: RegionChoice = IRELAND) -> FleetRow:
    return fleet_row(
        region,
        cooling_type="air",
        temperature_c=14.8,
        forecast_mean_c=day_curve(14.0, 3.4, 14),
        day_bound_c=21.4,
        exceedance_probability=0.0027,
        verdict=APPROVED,
        carbon_intensity_gco2_kwh=288.0,
        water_l_last_24h=0.0,
        it_load_mw=70.1,
    )


def dead_row(region: RegionChoice = WYOMING) -> FleetRow:
    return fleet_row(
        region,
        cooling_type="hybrid",
        telemetry_age_h=9.2,
        telemetry_is_stale=True,
        history_c=(None,) * 24,
        forecast_hours_utc=(),
        forecast_mean_c=(),
        issued_at_utc=None,
        day_bound_c=None,
        exceedance_probability=None,
        verdict=NO_DATA,
        water_l_last_24h=None,
        carbon_intensity_gco2_kwh=None,
    )


@pytest.fixture
def fleet() -> FleetView:
    return FleetView(
        as_of_utc=ISSUED_UTC + timedelta(minutes=24),
        rows=(fleet_row(ARIZONA), cool_row(), dead_row()),
    )


def forecast_day(**changes: object) -> ForecastDayView:
    mean_c = day_curve(29.0, 5.2, 15)
    values: dict[str, Any] = {
        "region": ARIZONA,
        "regions": REGIONS,
        "as_of_utc": ISSUED_UTC + timedelta(days=400),
        "local_day": date(2023, 7, 14),
        "issued_at_utc": ISSUED_UTC,
        "is_usual_issue": True,
        "newer_issue_utc": None,
        "issues_utc": (ISSUED_UTC,),
        "is_simulation": True,
        "hours_utc": HOURS_UTC,
        "mean_c": mean_c,
        "lower_c": tuple(value - 1.9 for value in mean_c),
        "upper_c": tuple(value + 1.9 for value in mean_c),
        "actual_c": tuple(value + 0.6 for value in mean_c),
        "actual_max_c": max(mean_c) + 0.6,
        "history_hours_utc": tuple(
            ISSUED_UTC - timedelta(hours=48 - h) for h in range(48)
        ),
        "history_c": day_curve(28.0, 5.0, 15) + day_curve(28.6, 5.1, 15),
        "suspect_hours_utc": (),
        "suspect_text": None,
        "thermal_limit_c": LIMIT_C,
        "allowed_probability": 0.05,
        "day_bound_c": 36.2,
        "exceedance_probability": 0.0712,
        "verdict": BLOCKED,
        "ground": Ground.NOW,
        "now": Bounded(
            verdict=BLOCKED, day_bound_c=36.2, exceedance_probability=0.0712
        ),
        "recorded": None,
        "day_max_dots_c": tuple(32.6 + 0.09 * i + 0.0005 * i * i for i in range(40)),
        "model_label": "ridge · temperature_c · 3f9a2c",
        "score_count": 365,
        "tracking_offset": -0.05,
        "telemetry_watermark_utc": ISSUED_UTC,
        "first_day": date(2023, 1, 1),
        "last_day": date(2023, 12, 30),
        "missing_days": (date(2023, 3, 3),),
        "notice": None,
        "late_text": None,
    }
    return ForecastDayView(**{**values, **changes})


def refused_day() -> ForecastDayView:
    """A window whose forecast was refused: hours are there, values are not."""
    return forecast_day(
        mean_c=(),
        lower_c=(),
        upper_c=(),
        actual_c=(None,) * 24,
        actual_max_c=None,
        day_bound_c=None,
        exceedance_probability=None,
        verdict=NO_DATA,
        day_max_dots_c=(),
        model_label=None,
        notice="The newest telemetry is 9 h old; at most 3 h is allowed.",
    )


STEPS = range(1001)
"""Of the slider, 0.1 % each."""


def shift_end(region: RegionChoice, **changes: object) -> ShiftEnd:
    mean_c = day_curve(29.0, 5.2, 15)
    values: dict[str, Any] = {
        "region": region,
        "colour": "#D55E00",
        "mean_c": mean_c,
        "lower_c": tuple(value - 1.9 for value in mean_c),
        "upper_c": tuple(value + 1.9 for value in mean_c),
        "actual_c": (None,) * 24,
        "thermal_limit_c": LIMIT_C,
        "allowed_probability": 0.05,
        "bound_by_step_c": tuple(36.2 - 0.005 * step for step in STEPS),
        "exceedance_probability_by_step": tuple(0.3 - step / 4000 for step in STEPS),
        "rise_by_hour_c_per_pct": (-0.05,) * 24,
        "it_load_mw": (60.0,) * 24,
    }
    return ShiftEnd(**{**values, **changes})


def what_if(**changes: object) -> WhatIfView:
    cool_c = day_curve(14.0, 3.4, 14)
    target = shift_end(
        IRELAND,
        colour="#009E73",
        mean_c=cool_c,
        lower_c=tuple(value - 1.4 for value in cool_c),
        upper_c=tuple(value + 1.4 for value in cool_c),
        bound_by_step_c=tuple(21.4 + 0.0043 * step for step in STEPS),
        exceedance_probability_by_step=(0.01,) * len(STEPS),
        rise_by_hour_c_per_pct=(0.043,) * 24,
        it_load_mw=(70.0,) * 24,
    )
    values: dict[str, Any] = {
        "regions": REGIONS,
        "as_of_utc": ISSUED_UTC,
        "source": shift_end(ARIZONA),
        "target": target,
        "local_day": date(2023, 7, 14),
        "issued_at_utc": ISSUED_UTC,
        "newer_issue_utc": None,
        "is_simulation": True,
        "hours_utc": HOURS_UTC,
        "hours_of_day": None,
        "hours_text": None,
        "flexible_pct": 80.0,
        "given_pct": (0.0,) * 24,
        "left_pct": (80.0,) * 24,
        "used_pct": (0.0,) * 24,
        "safe_intervals_pct": ((24.0, 80.0),),
        "allowed_probability": 0.05,
        "baseline": BLOCKED,
        "now": BLOCKED,
        "standing": (),
        "minimum_shift_pct": 24.0,
        "maximum_safe_shift_pct": 80.0,
        "safe_interval_text": "Safe interval: 24 % to 80 %.",
        "shift_pct": 0.0,
        "impact": (),
        "impact_notes": (),
        "scenarios": tuple(
            ScenarioRow(
                shift_pct=float(shift),
                outcome=Outcome.APPROVED if 24 <= shift <= 80 else Outcome.BLOCKED,
                reason_code=ReasonCode.OVER_LIMIT,
                risk_level=RiskLevel.HIGH if shift >= 24 else RiskLevel.CRITICAL,
                source_bound_c=36.2 - 0.05 * shift,
                target_bound_c=21.4 + 0.043 * shift,
            )
            for shift in range(0, 101, 10)
        ),
        "inputs_basis": "actual",
        "first_day": date(2023, 1, 1),
        "last_day": date(2023, 12, 30),
        "missing_days": (),
        "notice": None,
        "late_text": None,
    }
    return WhatIfView(**{**values, **changes})


def decision(**changes: object) -> DecisionCard:
    values: dict[str, Any] = {
        "decision_id": 412,
        "kind": "what_if",
        "created_at_utc": ISSUED_UTC + timedelta(minutes=3, seconds=11),
        "actor_name": "olga",
        "source": ARIZONA,
        "target": IRELAND,
        "local_day": date(2023, 7, 14),
        "window_start_utc": ISSUED_UTC,
        "window_end_utc": ISSUED_UTC + timedelta(hours=24),
        "shift_pct": 30.0,
        "hours_of_day": None,
        "is_simulated": True,
        "verdict": verdict(
            Outcome.APPROVED,
            ReasonCode.SHIFT_RESOLVES,
            "Shifting 30 % lowers the bound for Arizona from 36.2 °C to 34.7 °C,"
            " within the limit of 35 °C.",
            34.7,
        ),
        "thermal_limit_c": LIMIT_C,
        "allowed_probability": 0.05,
        "exceedance_probability": 0.0437,
        "source_bound_before_c": 36.2,
        "source_bound_after_c": 34.7,
        "target_bound_before_c": 21.4,
        "target_bound_after_c": 22.69,
        "minimum_shift_pct": 24.0,
        "maximum_safe_shift_pct": 80.0,
        "impact": (
            ImpactRow(
                label="Carbon",
                unit="kg CO₂e",
                source_before=610_000.0,
                source_after=427_000.0,
                target_before=510_000.0,
                target_after=641_000.0,
                fleet_before=1_120_000.0,
                fleet_after=1_068_000.0,
            ),
            ImpactRow(
                label="Energy cost",
                unit="USD",
                source_before=None,
                source_after=None,
                target_before=60_000.0,
                target_after=75_000.0,
                fleet_before=None,
                fleet_after=None,
            ),
        ),
        "impact_notes": ("Loads, weather and carbon are actual values.",),
    }
    return DecisionCard(**{**values, **changes})


def decision_detail(**changes: object) -> DecisionDetail:
    detail = DecisionDetail(
        card=decision(kind="recorded", decision_id=413),
        telemetry_watermark_utc=ISSUED_UTC,
        facts=(NamedValue(label="Code version", value="0.1.0"),),
        comment="Heat wave; Ireland has room.",
        comments=(
            DecisionComment(
                actor_name="ben", written_at_utc=ISSUED_UTC, text="Agreed by phone."
            ),
        ),
        evidence=(
            EvidenceEnd(
                region=ARIZONA,
                values=(
                    EvidenceValue(label="Thermal limit", value=35.0, unit="°C"),
                    EvidenceValue(label="Cooling", value="evaporative"),
                ),
                hours_utc=HOURS_UTC,
                hours=(
                    EvidenceHours(
                        label="Forecast", unit="°C", values=day_curve(29.0, 5.2, 15)
                    ),
                ),
            ),
        ),
        charts=(decision_chart_view(),),
        inputs_text='{"format":1,"shift_pct":30.0}',
        inputs_sha256="9f" * 32,
        audit_seq=877,
        audit_hash="ab" * 32,
        is_as_recorded=True,
        supersedes_id=None,
        superseded_by=None,
        standing=None,
    )
    return replace(detail, **changes)


def decision_chart_view(**changes: object) -> DecisionChart:
    mean_c = day_curve(29.0, 5.2, 15)
    values: dict[str, Any] = {
        "region": ARIZONA,
        "hours_utc": HOURS_UTC,
        "mean_c": mean_c,
        "lower_c": tuple(value - 1.9 for value in mean_c),
        "upper_c": tuple(value + 1.9 for value in mean_c),
        "after_c": tuple(value - 1.5 for value in mean_c),
        "actual_c": (31.0,) * 12 + (None,) * 12,
        "thermal_limit_c": LIMIT_C,
        "allowed_probability": 0.05,
        "bound_before_c": 36.2,
        "bound_after_c": 34.7,
    }
    return DecisionChart(**{**values, **changes})


def decision_page(count: int = 3, next_after: str | None = PLACE) -> DecisionPage:
    card = decision()
    return DecisionPage(
        rows=tuple(
            DecisionSummary(
                decision_id=412 - i,
                kind=("what_if", "recorded", "automatic")[i % 3],
                created_at_utc=card.created_at_utc - timedelta(hours=i),
                actor_name="olga",
                source=ARIZONA,
                target=IRELAND if i % 3 != 2 else None,
                local_day=card.local_day,
                window_start_utc=card.window_start_utc,
                hours_of_day=None,
                shift_pct=30.0 if i % 3 != 2 else 0.0,
                is_simulated=i % 2 == 0,
                outcome=Outcome.BLOCKED if i % 3 == 2 else Outcome.APPROVED,
                exceedance_probability=0.0712 if i % 3 == 2 else 0.0437,
                allowed_probability=0.05,
                reason_code="over_limit",
                reason_text=card.verdict.reason_text,
                risk_level=RiskLevel.HIGH,
                is_superseded=i == 1,
                state=DecisionState.ACKNOWLEDGED if i % 3 == 1 else None,
                comment="Agreed with the site." if i % 3 == 1 else None,
                n_comments=2 if i % 3 == 1 else 0,
            )
            for i in range(count)
        ),
        next_after=next_after,
        choices=ListChoices(
            regions=RegionChoices(shown=REGIONS, count=len(REGIONS)),
            actors=("olga", "worker"),
            models={1: "model 1 (ridge)"},
        ),
    )


def event_page(count: int = 3, next_seq: int | None = 800) -> AuditEventPage:
    return AuditEventPage(
        rows=tuple(
            AuditEventView(
                seq=900 - i,
                occurred_at_utc=ISSUED_UTC - timedelta(minutes=7 * i),
                actor_name="olga",
                action="decision_what_if",
                object_label=f"decision {412 - i}",
                decision_id=412 - i,
                summary="shift_pct 30.0, outcome APPROVED",
                hash_hex=f"{i:02x}" * 32,
            )
            for i in range(count)
        ),
        next_seq=next_seq,
        actors=("olga", "anonymous"),
    )


@pytest.fixture
def make_forecast_day() -> Make:
    return forecast_day


@pytest.fixture
def refused_forecast_day() -> ForecastDayView:
    return refused_day()


@pytest.fixture
def make_what_if() -> Make:
    return what_if


@pytest.fixture
def make_decision() -> Make:
    return decision


@pytest.fixture
def make_decision_page() -> Make:
    return decision_page


@pytest.fixture
def make_event_page() -> Make:
    return event_page


@pytest.fixture
def make_detail() -> Make:
    return decision_detail


@pytest.fixture
def make_decision_chart() -> Make:
    return decision_chart_view


@pytest.fixture
def detail() -> DecisionDetail:
    return decision_detail()


def inside(node: object) -> object:
    """The children of a component, also of a tree that is sent as one."""
    return node.source if isinstance(node, Still) else getattr(node, "children", None)


@pytest.fixture
def text_of() -> Callable[[object], str]:
    """The text that a tree of components shows, pieces joined by a space."""

    def pieces(node: object) -> list[str]:
        if node is None or isinstance(node, bool):
            return []
        if isinstance(node, list | tuple):
            return [piece for child in node for piece in pieces(child)]
        if isinstance(node, str | int | float):
            return [str(node)]
        return pieces(inside(node))

    return lambda node: " ".join(pieces(node)).replace("\u202f", " ")


@pytest.fixture
def components_of() -> Callable[[object], list[Any]]:
    """Every component of a tree, the root included."""

    def walk(node: object) -> list[Any]:
        if isinstance(node, list | tuple):
            return [found for child in node for found in walk(child)]
        if node is None or isinstance(node, str | int | float):
            return []
        return [node, *walk(inside(node))]

    return walk
