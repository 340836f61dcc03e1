"""Stored decisions stay as they are when views, impacts and reasons change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, make_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text

from core import scheduler
from core.carbon import CarbonScope, CarbonSignalKind
from core.errors import InvalidInput
from core.footprints import RegionSignals, SignalBasis
from core.forecasts import InputMode
from core.outcomes import Outcome, ReasonCode
from core.policies import Policy
from core.regions import CoolingParameters, CoolingType, Region
from core.shares import HoursOfDay, ShareRule
from db import decisions
from db.decisions import NewDecision, StoredDecision, Transfer
from orchestrator.decisions import cards, records
from orchestrator.decisions.details import decision_detail, replay_decision
from orchestrator.decisions.lists import decision_page
from orchestrator.decisions.recording import evaluate
from orchestrator.decisions.records import (
    RECORDED_FIELDS,
    CalibrationInputs,
    DecisionInputs,
    EndInputs,
    ImpactRecord,
    TransferInputs,
    impact_values,
    inputs_text,
    read_impact,
    read_inputs,
    record_text,
    text_sha256,
)
from orchestrator.decisions.views import DecisionCard
from tests.asking import asking
from tests.fleet import Fleet


@pytest.fixture
def ids(decided: Fleet) -> list[int]:
    """The decisions of the history."""
    with decided.runtime.transaction() as session:
        return list(session.scalars(text("select id from decision order by id")))


def evaluated(fleet: Fleet, shift_pct: float) -> DecisionCard:
    """A new what-if from Arizona to Ireland."""
    with fleet.runtime.transaction() as session:
        return evaluate(
            asking(session, fleet.actor(session), now=fleet.runtime.clock()),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            shift_pct=shift_pct,
        )


def stored(fleet: Fleet, decision_id: int) -> NewDecision:
    with fleet.runtime.transaction() as session:
        return decisions.decision_by_id(session, decision_id).facts


def seen(fleet: Fleet, decision_id: int) -> tuple[str, object]:
    """Text, hash, card and replay of a decision; both of the last hold."""
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        decision = decisions.decision_by_id(session, decision_id)
        moved = decisions.transfers_of(session, [decision_id]).get(decision_id, [])
        detail = decision_detail(request, decision_id)
        replay = replay_decision(request, decision_id)
    assert detail.is_as_recorded
    assert (replay.differences, replay.notes) == ((), ())
    return record_text(decision, moved), detail.card


def test_a_renamed_field_of_a_view_leaves_history_and_what_is_stored(
    decided: Fleet, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [seen(decided, decision_id)[0] for decision_id in ids]
    kept = stored(decided, evaluated(decided, 10.0).decision_id).impact
    renamed = make_dataclass("ImpactRow", ("title", "measured_in", "figures"))
    monkeypatch.setattr(
        cards,
        "ImpactRow",
        lambda label, unit, **figures: renamed(label, unit, figures),
    )

    new = evaluated(decided, 11.0)

    assert new.impact[0].title == "Facility energy"  # type: ignore[attr-defined]
    assert [seen(decided, decision_id)[0] for decision_id in ids] == before
    impact = stored(decided, new.decision_id).impact
    assert kept is not None
    assert impact is not None
    assert shape(impact) == shape(kept)
    assert "title" not in json.dumps(impact)
    assert "Facility energy" not in json.dumps(impact)
    seen(decided, new.decision_id)


def shape(value: object) -> object:
    """The names in a stored value, without its numbers."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    return type(value)


def test_another_quantity_of_the_impact_leaves_history(
    decided: Fleet, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [seen(decided, decision_id) for decision_id in ids]
    monkeypatch.setattr(
        records, "IMPACT_QUANTITIES", ("it_energy_mwh", *records.IMPACT_QUANTITIES)
    )
    labels = {**cards._IMPACT_LABELS, "it_energy_mwh": ("IT energy", "MWh")}
    monkeypatch.setattr(cards, "_IMPACT_LABELS", labels)

    new = evaluated(decided, 11.0)

    assert [seen(decided, decision_id) for decision_id in ids] == before
    assert [row.label for row in new.impact][-1] == "IT energy"
    assert len(new.impact) == 1 + len(before[-1][1].impact)  # type: ignore[attr-defined]
    seen(decided, new.decision_id)
    monkeypatch.undo()
    with decided.runtime.transaction() as session:
        shown = cards.decision_card(
            session, decisions.decision_by_id(session, new.decision_id)
        )
    assert shown.impact[-1].label == "it_energy_mwh", "an older release shows it too"
    assert shown.impact[-1].fleet_after == new.impact[-1].fleet_after


@contextmanager
def another_reason(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A release with one more reason code, and a rule that gives it at 33 %."""
    code = str.__new__(ReasonCode, "grid_strained")
    code._name_, code._value_ = "GRID_STRAINED", "grid_strained"
    judge = scheduler.judge

    def strict(facts: Any) -> tuple[Outcome, ReasonCode, str]:
        if facts.shift_pct == 33.0:
            return Outcome.BLOCKED, code, "The grid is strained."
        return judge(facts)

    with monkeypatch.context() as release:
        names = [*ReasonCode._member_names_, "GRID_STRAINED"]
        release.setattr(ReasonCode, "_member_names_", names)
        release.setitem(ReasonCode._member_map_, "GRID_STRAINED", code)
        release.setitem(ReasonCode._value2member_map_, "grid_strained", code)
        release.setattr(scheduler, "judge", strict)
        assert ReasonCode("grid_strained") in list(ReasonCode)
        yield


def test_another_reason_code_leaves_history_and_outlives_its_release(
    decided: Fleet, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [seen(decided, decision_id) for decision_id in ids]

    with another_reason(monkeypatch):
        new = evaluated(decided, 33.0)
        assert new.verdict.reason_code == "grid_strained"
        assert [seen(decided, decision_id) for decision_id in ids] == before
        seen(decided, new.decision_id)

    assert "grid_strained" not in list(ReasonCode)
    with decided.runtime.transaction() as session:
        request = asking(session, decided.actor(session))
        detail = decision_detail(request, new.decision_id)
        replay = replay_decision(request, new.decision_id)
        newest = decision_page(request).rows[0]
    assert detail.card == new, "shown as it was said"
    assert detail.is_as_recorded
    assert newest.reason_code == "grid_strained"
    assert {item.field for item in replay.differences} == {"outcome", "reason_code"}


def test_stored_inputs_are_read_and_written_without_loss(
    decided: Fleet, ids: list[int]
) -> None:
    texts = [stored(decided, decision_id).inputs_text for decision_id in ids]
    assert [inputs_text(read_inputs(kept)) for kept in texts] == texts


@pytest.mark.parametrize("words", ["direct marginal", "life-cycle market-based"])
def test_the_kind_of_a_carbon_intensity_is_kept_whole(words: str) -> None:
    kind = CarbonSignalKind.parse(words)
    assert SOME_END.signals is not None
    end = replace(SOME_END, signals=replace(SOME_END.signals, carbon_kind=kind))
    kept = read_inputs(inputs_text(replace(SOME_INPUTS, source=end)))
    assert kept.source.signals is not None
    assert kept.source.signals.carbon_kind == kind


def test_the_weather_forecast_behind_an_end_is_kept_and_left_out_without_one() -> None:
    rested = replace(
        SOME_END,
        input_mode=InputMode.RUN_24H,
        run_issued_at_utc=NOON - timedelta(hours=14),
    )
    text_of = inputs_text(replace(SOME_INPUTS, source=rested))
    read = read_inputs(text_of)
    assert read.source.input_mode is InputMode.RUN_24H
    assert read.source.run_issued_at_utc == rested.run_issued_at_utc
    assert read.target is not None
    assert read.target.run_issued_at_utc is None
    assert inputs_text(read) == text_of
    assert "weather_forecast" not in inputs_text(SOME_INPUTS)


@pytest.mark.parametrize(
    "change", [{"format": 4}, {"source": {}}, {"plan": {"plan_id": 1}}]
)
def test_inputs_of_another_form_are_refused(change: dict[str, object]) -> None:
    known = json.loads(inputs_text(SOME_INPUTS))
    assert read_inputs(json.dumps(known))
    with pytest.raises(InvalidInput, match="format is unknown"):
        read_inputs(json.dumps(known | change))


def _as_before_hours(number: int) -> dict[str, Any]:
    """The inputs as a release wrote them whose shares were of the load left."""
    known: dict[str, Any] = json.loads(inputs_text(SOME_INPUTS))
    known |= {"format": number, "without_decision_id": 4}
    del known["hours_of_day"], known["without_decision_ids"]
    return known


def test_inputs_of_format_2_are_read_with_the_rule_of_shares_that_they_had() -> None:
    kept = read_inputs(json.dumps(_as_before_hours(2)))
    assert kept.shares == ShareRule(is_of_load_left=True)
    assert kept.without_decision_ids == (4,)
    assert not read_inputs(inputs_text(SOME_INPUTS)).is_of_load_left


def test_the_hours_of_a_shift_are_kept_and_read_on_the_clock_of_its_source() -> None:
    hours = HoursOfDay.parse("22-6")
    kept = read_inputs(inputs_text(replace(SOME_INPUTS, hours_of_day=hours)))
    assert kept.hours_of_day == hours
    assert kept.shares.hours is not None
    # 12:00 UTC is 5:00 in Phoenix.
    assert np.flatnonzero(kept.shares.hours).tolist() == [0, *range(17, 24)]


def test_inputs_of_format_1_are_read_without_the_hours_of_windows() -> None:
    """Their bounds moved by the largest hour of a rise, and replay as they did."""
    known = _as_before_hours(1)
    for end in ("source", "target"):
        if known[end]:
            del known[end]["calibration"]["windows_sha256"]
    calibration = read_inputs(json.dumps(known)).source.calibration
    assert calibration is not None
    assert SOME_END.calibration is not None
    assert calibration == replace(SOME_END.calibration, windows_sha256=None)


@pytest.mark.parametrize(
    "change", [{"format": 2}, {"quantities": {"cost_usd": {}}}, {"notes": None}]
)
def test_an_impact_of_another_form_is_refused(change: dict[str, object]) -> None:
    known = impact_values(SOME_IMPACT)
    assert read_impact(known) == SOME_IMPACT
    with pytest.raises(InvalidInput, match="format is unknown"):
        read_impact(known | change)


def test_every_column_of_a_decision_is_hashed() -> None:
    """A column that a release adds is absent in older rows and changes no hash."""
    assert set(RECORDED_FIELDS) == {item.name for item in fields(NewDecision)}


def test_the_texts_that_are_hashed_are_those_of_their_formats() -> None:
    """Whoever changes one of these changes the hashes of stored history."""
    decision = StoredDecision(
        decision_id=7,
        created_at_utc=NOON,
        actor_name="olga",
        source_slug="arizona",
        target_slug="ireland",
        is_superseded=True,
        facts=SOME_FACTS,
    )
    moved = [Transfer(hour_utc=NOON, moved_mw=5.0, arrived_mw=5.5)]
    texts = {
        "inputs": inputs_text(SOME_INPUTS),
        "impact": json.dumps(impact_values(SOME_IMPACT), sort_keys=True),
        "row": record_text(decision, moved),
    }
    assert {name: text_sha256(value) for name, value in texts.items()} == GOLDEN


GOLDEN = {
    "inputs": "e0164f15a461bd57629546a6f021cb76f96f20274cf55c2c291330d14d600d81",
    "impact": "f73613fce89e5292271f1bb4ab0c26320d82c35e0066fce444bc7f9eaac73af0",
    "row": "32cdf9833649e85d9d713fbb226f567adbd9ff1610cbd13efc80d9081af2eaae",
}
NOON = datetime(2025, 7, 20, 12, tzinfo=UTC)
HOURS = np.array([40.0, 41.5])
REGION = Region(
    slug="arizona",
    name="Arizona",
    time_zone="America/Phoenix",
    latitude_deg=33.4,
    longitude_deg=-112.1,
    cooling_type=CoolingType.HYBRID,
    cooling=CoolingParameters(
        overhead_frac=0.1,
        chiller_cop=4.0,
        economiser_full_c=12.0,
        economiser_none_c=22.0,
        wue_air_l_per_kwh=0.2,
        adiabatic_switch_c=25.0,
    ),
    it_capacity_mw=60.0,
    flexible_load_frac=0.8,
    grid_water_l_per_kwh=2.0,
    colour="#1f77b4",
)
SOME_END = EndInputs(
    region=REGION,
    policy=Policy(fleet_policy_id=1),
    forecast_id=3,
    model_version_id=1,
    telemetry_watermark_utc=NOON,
    mean=HOURS,
    scale=HOURS / 40.0,
    calibration=CalibrationInputs(
        score_count=90,
        score_watermark_id=1234,
        scores_sha256="ab" * 32,
        windows_sha256="cd" * 32,
        offset=0.0,
        quantile=2.5,
    ),
    problem_code="telemetry_gap",
    problem_text="a gap of 9 h.",
    it_load_mw=HOURS,
    prior_rise_c=HOURS * 0.0,
    reference_load_mw=HOURS,
    signals=RegionSignals(
        region=REGION,
        it_load_mw=HOURS,
        dry_bulb_c=HOURS,
        wet_bulb_c=HOURS / 2.0,
        carbon_intensity_gco2_kwh=HOURS * 10.0,
        price_usd_mwh=np.array([30.0, np.nan]),
        basis=SignalBasis.FORECAST,
        carbon_kind=CarbonSignalKind(scope=CarbonScope.LIFE_CYCLE),
    ),
)
SOME_INPUTS = DecisionInputs(
    source=SOME_END,
    target=SOME_END,
    shift_pct=12.5,
    window_start_utc=NOON,
    is_simulated=False,
    without_decision_ids=(4,),
    plan=TransferInputs(
        plan_id=2,
        moved_mw=HOURS,
        arrived_mw=HOURS,
        source_change_mw=-HOURS,
        target_change_mw=HOURS,
    ),
)
SOME_IMPACT = ImpactRecord(
    quantities={
        name: dict.fromkeys(records.IMPACT_ENDS, 1.5)
        for name in records.IMPACT_QUANTITIES
    },
    notes=("Loads are forecasts.",),
)
SOME_FACTS = NewDecision(
    kind="recorded",
    request_id=UUID(int=1),
    actor_id=1,
    source_region_id=1,
    target_region_id=2,
    shift_pct=12.5,
    local_day=date(2025, 7, 20),
    window_start_utc=NOON,
    window_end_utc=NOON,
    is_simulated=False,
    outcome="APPROVED",
    reason_code="within_envelope",
    reason_text="It is.",
    risk_level="LOW",
    recommendations=["Within the safe envelope."],
    thermal_limit_c=44.0,
    confidence=Decimal("0.95"),
    exceedance_probability=0.01,
    source_bound_before_c=43.0,
    source_bound_after_c=42.5,
    target_bound_before_c=21.0,
    target_bound_after_c=21.5,
    minimum_shift_pct=0.0,
    maximum_safe_shift_pct=80.0,
    fleet_policy_id=1,
    region_policy_id=2,
    model_version_id=1,
    source_forecast_id=3,
    target_forecast_id=4,
    impact=impact_values(SOME_IMPACT),
    inputs_text="{}",
    inputs_sha256="ab" * 32,
    code_version="1.0.0",
    comment="Room in Ireland.",
    what_if_id=5,
    supersedes_id=4,
    plan_id=2,
)
