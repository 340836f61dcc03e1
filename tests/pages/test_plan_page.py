"""Plan: terms are read strictly, the sentence tells saving from cost, shapes differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from core.errors import InvalidInput
from core.scheduler import Outcome, ReasonCode
from orchestrator.plans.terms import PlanTerms
from orchestrator.plans.views import (
    ParetoPointView,
    PlanComparison,
    PlanRecordOutcome,
    PlanTransferView,
    PlanView,
    PlanWindowView,
    ShadowPriceView,
)
from pages.plan import content
from pages.plan.figures import FRONT_NAME, front_summary, pareto_front
from pages.plan.terms import read_terms
from tests.pages.conftest import ARIZONA, HOURS_UTC, IRELAND, ISSUED_UTC

Text = Callable[[object], str]
GOOD = {
    "carbon_usd_per_t": 80,
    "water_usd_per_m3": "1.5",
    "energy_price_weight": 0,
    "water_cap_m3": 9000,
    "minimum_transfer_mwh": 3,
}


def way(key: str, **values: Any) -> PlanComparison:
    facts: dict[str, Any] = {
        "key": key,
        "label": key.capitalize(),
        "objective_usd": 1000.0,
        "saving_usd": 120.0,
        "cost_usd": 800.0,
        "carbon_t": 4_800.0,
        "water_m3": 15_000.0,
        "moved_mwh": 132.2,
        "blocked_regions": 0,
    }
    return PlanComparison(**{**facts, **values})


@pytest.fixture
def view() -> PlanView:
    transfer = PlanTransferView(
        source=ARIZONA,
        target=IRELAND,
        moved_mwh=132.2,
        peak_mw=50.6,
        share_pct=9.969578702,
        moved_mw=(5.5,) * 24,
        outcome=Outcome.APPROVED,
        reason_code=ReasonCode.SHIFT_RESOLVES,
        verdict_text="Shifting 9.969578702 % is enough.",
    )
    points = tuple(
        ParetoPointView(
            carbon_t=4_000.0 + 100 * step,
            water_m3=15_000.0 - 900 * step,
            cost_usd=800.0,
            moved_mwh=100.0,
            litres_per_t=9_000.0,
            text="1 t less carbon costs 9 m³.",
        )
        for step in range(3)
    )
    price = ShadowPriceView(
        limit="thermal",
        region=ARIZONA,
        value_usd=-7_879.26,
        unit="degC",
        text="A limit 1 °C higher at Arizona would save 7,879.26 USD.",
    )
    return PlanView(
        plan_id=7,
        created_at_utc=ISSUED_UTC,
        actor_name="olga",
        anchor=ARIZONA,
        local_day=date(2023, 7, 14),
        window_start_utc=ISSUED_UTC,
        window_end_utc=ISSUED_UTC + timedelta(hours=24),
        hours_utc=HOURS_UTC,
        newer_issue_utc=None,
        revised_text=None,
        is_simulation=True,
        is_compared_with_truth=True,
        terms=PlanTerms(),
        instead_of_plan_id=None,
        migration_energy_frac=0.0,
        infeasible_text=None,
        transfers=(transfer,),
        regions=(),
        comparison=(way("nothing", saving_usd=0.0), way("plan"), way("oracle")),
        expected=(),
        gap_usd=2_500.0,
        gap_pct=0.8,
        oracle_gap_usd=11.0,
        pareto=points,
        shadow_prices=(price,),
        blocked=(),
        notes=("Prices are the median of the days before.",),
        standing_decision_ids=(),
        recorded_decision_ids=(),
    )


def page_of(view: PlanView) -> list[Any]:
    """All that the page says of a plan."""
    return [*content.head(view), *content.result(view)]


def test_what_is_left_empty_takes_its_default_only_where_it_may() -> None:
    terms = read_terms(GOOD)
    assert (terms.carbon_usd_per_t, terms.water_usd_per_m3) == (80.0, 1.5)
    assert (terms.water_cap_m3, terms.carbon_cap_t) == (9000.0, None)
    assert terms.minimum_transfer_mwh == 3.0
    with pytest.raises(InvalidInput, match="Carbon, USD per t is empty"):
        read_terms({**GOOD, "carbon_usd_per_t": None})


@pytest.mark.parametrize("value", ["lots", "-1", "nan", "inf", [], {}])
def test_what_is_no_amount_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="not a number of 0 or more"):
        read_terms({**GOOD, "carbon_cap_t": value})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "24 hours from 14 Jul 2023, 00:00 (UTC−7), on the forecasts issued 14"),
        (
            {"local_day": date(2023, 7, 14), "is_simulation": True},
            "14 July 2023, a simulation, on the forecasts issued 14 Jul 2023, 00:00",
        ),
        (
            {
                "local_day": date(2023, 7, 14),
                "known_at_utc": ISSUED_UTC - timedelta(hours=10),
            },
            "14 July 2023, not begun; on the forecasts issued 13 Jul 2023, 14:00",
        ),
    ],
)
def test_before_a_plan_the_page_names_its_window_and_issue(
    text_of: Text, changes: dict[str, Any], said: str
) -> None:
    values: dict[str, Any] = {
        "region": ARIZONA,
        "regions": (ARIZONA, IRELAND),
        "local_day": None,
        "first_day": date(2023, 1, 1),
        "last_day": date(2023, 7, 15),
        "missing_days": (),
        "window_start_utc": ISSUED_UTC,
        "known_at_utc": None,
        "is_simulation": False,
    }
    window = PlanWindowView(**values | changes)
    assert f"Window of a new plan: {said}" in text_of(
        content.window_notice(window, None)
    ).replace("\u202f", " ")


def test_a_plan_that_replaces_another_names_it(view: PlanView, text_of: Text) -> None:
    text = text_of(page_of(replace(view, instead_of_plan_id=3)))
    assert "plan 3 : recording it supersedes" in text
    assert "Made to replace" not in text_of(page_of(view))


def test_a_plan_of_a_day_that_has_not_begun_cannot_be_recorded(view: PlanView) -> None:
    assert view.can_be_recorded
    assert not replace(view, has_begun=False).can_be_recorded


def test_the_sentence_says_what_moves_and_what_it_saves(view: PlanView) -> None:
    said = content.sentence(view, view.comparison[1]).replace("\u202f", " ")
    assert said == (
        "14 July 2023: move 132 MWh in 1 transfer; saves 120 USD against doing"
        " nothing. Regions BLOCKED then: 0."
    )
    dear = content.sentence(view, way("plan", saving_usd=-50.0))
    assert "costs 50" in dear
    nothing = content.sentence(replace(view, transfers=()), view.comparison[1])
    assert "nothing is worth moving" in nothing


def test_the_page_shows_transfers_prices_and_the_oracle(
    view: PlanView, text_of: Text
) -> None:
    text = text_of(page_of(view))
    for shown in ("132.2", "10 %", "✓ APPROVED", "7,879.26", "11 USD more"):
        assert shown in text, shown
    assert "9.969578702" not in text


def test_a_plan_that_cannot_be_says_why_and_draws_nothing(
    view: PlanView, text_of: Text
) -> None:
    none = replace(view, infeasible_text="No plan keeps carbon below 10 t.")
    text = text_of(page_of(none))
    assert "No plan keeps carbon below 10 t." in text
    assert "Transfers" not in text


def test_the_front_and_each_way_have_a_shape_of_their_own(view: PlanView) -> None:
    live = replace(view, is_compared_with_truth=False)
    front, *ways = pareto_front(live).data
    assert front.name == FRONT_NAME
    assert list(front.x) == [4_000.0, 4_100.0, 4_200.0]
    shapes = [trace.marker.symbol for trace in ways]
    assert len(set(shapes)) == len(shapes) == 3
    assert "4,000.0 t" in front_summary(view).replace("\u202f", " ")
    assert front_summary(replace(view, pareto=())) == "There is no front to draw."


def test_marks_stand_on_the_ground_of_the_front(view: PlanView) -> None:
    """What came is no point of a chart of what was expected."""
    assert len(pareto_front(view).data) == 1
    expected = replace(view, expected=(way("plan"),))
    assert [trace.name for trace in pareto_front(expected).data][1:] == ["Plan"]


def test_a_transfer_of_a_trace_is_not_called_nothing(
    view: PlanView, text_of: Text
) -> None:
    trace = replace(view.transfers[0], share_pct=0.01)
    text = text_of(page_of(replace(view, transfers=(trace,))))
    assert "< 0.1 %" in text.replace("\u202f", " ")


def test_a_change_meanwhile_is_told_and_nothing_claimed(text_of: Text) -> None:
    told = PlanRecordOutcome(cards=(), changed=("Arizona is now BLOCKED.",))
    text = text_of(content.recorded(told))
    assert "Nothing was recorded" in text
    assert "Arizona is now BLOCKED." in text


def test_the_schedule_says_what_to_move_in_each_hour(
    view: PlanView, text_of: Text
) -> None:
    moved_mw = (0.0, 2.5, *(0.0,) * 22)
    transfer = replace(view.transfers[0], moved_mw=moved_mw)
    text = text_of(page_of(replace(view, transfers=(transfer,))))
    schedule = text.partition("Hour by hour")[2].partition("Compared")[0]
    assert "14 Jul 2023, 01:00 (UTC−7) Arizona Ireland 2.500" in schedule
    assert "00:00 (UTC−7) Arizona" not in schedule, "an hour without load is left out"


def test_a_plan_of_an_older_issue_offers_the_newest_and_no_recording(
    view: PlanView, text_of: Text
) -> None:
    newer = ISSUED_UTC + timedelta(hours=1)
    live = replace(view, is_simulation=False, recorded_decision_ids=())
    assert live.can_be_recorded
    older = replace(live, newer_issue_utc=newer)
    assert not older.can_be_recorded
    assert "This is an older forecast." in text_of(page_of(older))
    done = replace(older, recorded_decision_ids=(7,))
    assert "older forecast" not in text_of(page_of(done))


def test_a_plan_says_that_its_telemetry_was_replaced_since(
    view: PlanView, text_of: Callable[[object], str]
) -> None:
    said = "3 h that it may rest on, by imports 7 and 9"
    assert "Telemetry changed since" not in text_of(page_of(view))
    assert said in text_of(page_of(replace(view, revised_text=said)))


def test_the_page_says_how_far_the_plan_may_be_from_the_best(
    view: PlanView, text_of: Text
) -> None:
    said = (
        "The best plan costs at most 2,500 USD less than this one, 0.8 % of what it"
        " saves."
    )
    assert said in text_of(page_of(view))
    exact = replace(view, gap_usd=0.0, gap_pct=0.01)
    assert "0 USD less than this one, < 0.1 % of" in text_of(page_of(exact))
    split = replace(view, gap_usd=None, gap_pct=None)
    assert "The best plan costs" not in text_of(page_of(split))


def test_of_thousands_of_transfers_the_page_draws_the_largest(
    view: PlanView, text_of: Text, components_of: Callable[[object], list[Any]]
) -> None:
    transfers = tuple(
        replace(view.transfers[0], moved_mwh=float(number), peak_mw=1.0)
        for number in range(3_000)
    )
    many = replace(
        view,
        transfers=transfers,
        shadow_prices=view.shadow_prices * 900,
        blocked=("Arizona stays BLOCKED by 1 degC.",) * 500,
        notes=view.notes * 300,
    )
    tree = page_of(many)
    text = text_of(tree)
    assert "in 3,000 transfers" in text
    assert "2,999.0" in text
    assert "2,800.0" in text
    assert "2,799.0" not in text
    for rest in (
        "2,800 smaller transfers",
        "700 lower prices",
        "300 more regions that stay BLOCKED",
        "100 more notes",
    ):
        assert f"Not shown here: {rest}. The API answers with all." in text
    assert len(components_of(tree)) < 60_000
    assert "Not shown here" not in text_of(page_of(view))
