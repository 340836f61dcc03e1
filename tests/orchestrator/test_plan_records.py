"""Stored plans are records: views, their words and codes may change around them."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from core.errors import InvalidInput
from core.outcomes import ReasonCode
from db import plans
from orchestrator.plans import planning, records, views
from orchestrator.plans.records import read_record, record_values
from orchestrator.plans.terms import PlanTerms
from tests.asking import asking
from tests.fleet import Fleet
from tests.orchestrator.test_decision_replay import replay_one

WAY = {
    "key": "plan",
    "objective_usd": 900.5,
    "cost_usd": 700.0,
    "carbon_t": 3.5,
    "water_m3": 12.0,
    "moved_mwh": 25.0,
    "blocked_regions": 0,
}
FORMAT_1: dict[str, Any] = {
    "format": 1,
    "terms": {
        "carbon_usd_per_t": 50.0,
        "water_usd_per_m3": 2.0,
        "energy_price_weight": 1.0,
        "migration_usd_per_mwh": None,
        "carbon_cap_t": None,
        "water_cap_m3": 9000.0,
        "cost_cap_usd": None,
        "ramp_mw_per_h": None,
        "split": {"shift_pct": 20.0, "shares": [["wyoming", 0.75], ["ireland", 0.25]]},
    },
    "migration_energy_frac": 0.02,
    "infeasible_text": None,
    "transfers": [
        {
            "source": "arizona",
            "target": "ireland",
            "moved_mw": [12.5, 12.5],
            "share_pct": 20.0,
            "outcome": "APPROVED",
            "reason_code": "shift_resolves",
            "reason_text": "Shifting 20 % is enough.",
        }
    ],
    "regions": [
        {
            "slug": "arizona",
            "thermal_limit_c": 35.0,
            "it_capacity_mw": 100.0,
            "bound_before_c": 35.5,
            "bound_after_c": 34.5,
            "blocked_by_c": 0.0,
            "load_before_mw": [62.5, None],
            "load_after_mw": [50.0, None],
            "blocked_text": None,
        }
    ],
    "is_compared_with_truth": True,
    "ways": [WAY | {"key": "nothing", "moved_mwh": 0.0}, WAY],
    "expected": [WAY | {"blocked_regions": None}],
    "front": [
        {
            "carbon_t": 3.5,
            "water_m3": 12.0,
            "cost_usd": 700.0,
            "moved_mwh": 25.0,
            "litres_per_t": None,
            "text": "Least carbon: no plan emits less.",
        }
    ],
    "shadow_prices": [
        {
            "limit": "thermal_limit",
            "slug": "arizona",
            "value_usd": 12.5,
            "unit": "°C",
            "text": "A limit 1 °C higher at Arizona would save 12.50 USD.",
        }
    ],
    "notes": ["Loads, weather and carbon are forecasts."],
}
"""As plans of this format lie in databases; never changed."""


ALONE = {"instead_of_plan_id": None, "least_objective_usd": None}


def _written_again(values: dict[str, Any]) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(json.dumps(record_values(read_record(values))))
    return written


def test_a_stored_plan_of_format_1_is_read_with_its_smallest_transfers() -> None:
    record = read_record(FORMAT_1)
    assert record.transfers[0].reason_code is ReasonCode.SHIFT_RESOLVES
    terms = FORMAT_1["terms"] | {"minimum_transfer_mwh": 0.0}
    now = {"format": 4, "terms": terms, "blocked_chance_pct": 0.0} | ALONE
    assert _written_again(FORMAT_1) == FORMAT_1 | now


def test_a_stored_plan_of_format_2_keeps_the_chance_that_was_its_term() -> None:
    terms = FORMAT_1["terms"] | {"minimum_transfer_mwh": 7.5}
    format_2 = FORMAT_1 | {"format": 2, "terms": terms | {"blocked_chance_pct": 2.5}}
    assert read_record(format_2).terms.minimum_transfer_mwh == 7.5
    now = {"format": 4, "terms": terms, "blocked_chance_pct": 2.5} | ALONE
    assert _written_again(format_2) == format_2 | now


def test_a_stored_plan_of_format_3_has_no_bound_of_its_objective() -> None:
    terms = FORMAT_1["terms"] | {"minimum_transfer_mwh": 7.5}
    new = {"blocked_chance_pct": 1.0, "instead_of_plan_id": 7}
    format_3 = FORMAT_1 | {"format": 3, "terms": terms} | new
    now = {"format": 4, "least_objective_usd": None}
    assert _written_again(format_3) == format_3 | now


def test_a_stored_plan_of_format_4_is_read_and_would_be_written_the_same() -> None:
    terms = FORMAT_1["terms"] | {"minimum_transfer_mwh": 7.5}
    new = {"blocked_chance_pct": 1.0, "instead_of_plan_id": 7}
    bound = {"least_objective_usd": 41.5}
    format_4 = FORMAT_1 | {"format": 4, "terms": terms} | new | bound
    assert _written_again(format_4) == format_4


@pytest.mark.parametrize(
    "values",
    [
        FORMAT_1 | {"format": 5},
        {key: value for key, value in FORMAT_1.items() if key != "transfers"},
        FORMAT_1 | {"ways": [{"key": "plan"}]},
        FORMAT_1 | {"terms": None},
        {},
    ],
)
def test_another_format_is_refused_in_words(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="its format is unknown here"):
        read_record(values)


def _find(fleet: Fleet) -> int:
    with fleet.runtime.transaction() as session:
        return planning.find_plan(
            asking(session, fleet.actor(session), request_id=uuid4()),
            terms=PlanTerms(),
            anchor_slug="arizona",
            local_day=None,
        ).plan_id


def _stored(fleet: Fleet, plan_id: int) -> tuple[dict[str, Any], str, str]:
    with fleet.runtime.transaction() as session:
        facts = plans.plan_by_id(session, plan_id).facts
    return facts.result, facts.inputs_text, facts.inputs_sha256


def _rename_a_field_of_a_view(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        views,
        "_transfer",
        lambda record, _choices: SimpleNamespace(energy_mwh=sum(record.moved_mw)),
    )


def _show_one_more_row(patch: pytest.MonkeyPatch) -> None:
    shown = views._comparison

    def with_another(*given: Any) -> tuple[views.PlanComparison, ...]:
        rows = shown(*given)
        return (*rows, *(replace(row, key="other", label="Other") for row in rows[:1]))

    patch.setattr(views, "_comparison", with_another)


class _Coded(StrEnum):
    """What a set of reason codes has besides its members."""

    @property
    def is_heat_of_source(self) -> bool:
        return ReasonCode(self.value).is_heat_of_source


def _add_a_reason_code(patch: pytest.MonkeyPatch) -> None:
    codes = {code.name: code.value for code in ReasonCode}
    patch.setattr(
        records, "ReasonCode", _Coded("Codes", codes | {"TOO_NOISY": "too_noisy"})
    )


@pytest.mark.parametrize(
    "change", [_rename_a_field_of_a_view, _show_one_more_row, _add_a_reason_code]
)
def test_a_plan_stored_before_a_change_opens_is_recorded_and_replays(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    plan_id = _find(fleet)
    before = _stored(fleet, plan_id)
    change(monkeypatch)

    with fleet.runtime.transaction() as session:
        asked = asking(session, fleet.actor(session), request_id=uuid4())
        opened = planning.stored_plan(asked, plan_id)
        outcome = planning.record_plan(asked, plan_id=plan_id, comment="agreed")

    assert opened.transfers
    assert len(outcome.cards) == len(before[0]["transfers"])
    assert all(replay_one(fleet, card.decision_id).is_same for card in outcome.cards)
    assert _stored(fleet, plan_id) == before
    assert _written_again(before[0]) == before[0]


def test_the_same_question_is_recognised_after_a_change_of_views(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_id = _find(fleet)
    _rename_a_field_of_a_view(monkeypatch)
    assert _find(fleet) == plan_id
