"""Find a plan, keep it, record it: the services on a real database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import text

from core.access import Actor, Role
from core.errors import Conflict, Forbidden, InvalidInput, NotFound, RequestReused
from core.scheduler import Outcome, ReasonCode
from db import audit, decisions, policies, regions
from orchestrator.decisions.details import decision_detail
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.plans import planning
from orchestrator.plans.terms import PlanSplit, PlanTerms
from orchestrator.plans.views import PlanRecordOutcome, PlanView
from tests.asking import asking
from tests.fleet import NOW, Fleet

MILD_DAY = date(2025, 5, 20)


def _find(
    fleet: Fleet,
    *,
    terms: PlanTerms | None = None,
    day: date | None = None,
    request_id: UUID | None = None,
) -> PlanView:
    with fleet.runtime.transaction() as session:
        return planning.find_plan(
            asking(session, fleet.actor(session), request_id=request_id or uuid4()),
            terms=terms or PlanTerms(),
            anchor_slug="arizona",
            local_day=day,
        )


def _record(
    fleet: Fleet, plan_id: int, request_id: UUID | None = None, comment: str = "agreed"
) -> PlanRecordOutcome:
    with fleet.runtime.transaction() as session:
        return planning.record_plan(
            asking(session, fleet.actor(session), request_id=request_id or uuid4()),
            plan_id=plan_id,
            comment=comment,
        )


def _change(fleet: Fleet, slug: str | None, **values: object) -> None:
    with fleet.runtime.transaction() as session:
        region_id = regions.region_by_slug(session, slug).region_id if slug else None
        current = policies.effective_policy(
            session, region_id or regions.region_by_slug(session, "arizona").region_id
        )
        complete = {} if slug else {
            name: getattr(current, name) for name in policies.OVERRIDABLE
        }  # fmt: skip
        policies.insert_policy(
            session,
            region_id=region_id,
            values=complete | values,
            actor_id=fleet.actor(session).user_id,
            reason="test",
        )


def _live_bound(fleet: Fleet, slug: str) -> float:
    with fleet.runtime.transaction() as session:
        view = fleet_view(asking(session, fleet.actor(session)))
    (row,) = [row for row in view.rows if row.region.slug == slug]
    assert row.day_bound_c is not None
    return row.day_bound_c


def _loads(view: PlanView) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.array([region.load_before_mw for region in view.regions], dtype=float),
        np.array([region.load_after_mw for region in view.regions], dtype=float),
    )


def test_a_live_plan_clears_what_it_can_and_conserves_load(fleet: Fleet) -> None:
    _change(fleet, "arizona", thermal_limit_c=_live_bound(fleet, "arizona") - 1.0)

    view = _find(fleet)

    assert view.infeasible_text is None
    assert not view.is_simulation
    assert view.notes[0].endswith(
        "prices are the median of the same hour of the seven days before."
    )
    assert view.transfers
    assert view.blocked == ()
    before, after = _loads(view)
    assert after.sum(axis=0) == pytest.approx(before.sum(axis=0), abs=1e-9)
    arizona = view.regions[0]
    assert arizona.bound_before_c is not None
    assert arizona.bound_after_c is not None
    assert arizona.bound_before_c > arizona.thermal_limit_c >= arizona.bound_after_c
    assert [row.key for row in view.comparison] == ["nothing", "greedy", "plan"]
    assert view.comparison[0].blocked_regions == 1
    assert view.comparison[2].blocked_regions == 0
    assert len(view.pareto) >= 12


def test_a_past_day_is_compared_with_the_oracle(fleet: Fleet) -> None:
    view = _find(fleet, day=MILD_DAY)

    assert view.is_simulation
    assert view.is_compared_with_truth
    by_key = {row.key: row for row in view.comparison}
    assert set(by_key) == {"nothing", "greedy", "plan", "oracle"}
    assert by_key["oracle"].objective_usd <= by_key["nothing"].objective_usd
    assert by_key["oracle"].saving_usd >= by_key["plan"].saving_usd
    assert view.oracle_gap_usd is not None
    assert view.oracle_gap_usd >= 0.0
    expected = {row.key: row for row in view.expected}
    assert set(expected) == {"nothing", "greedy", "plan"}
    for point in view.pareto:
        if expected["plan"].carbon_t <= point.carbon_t:
            assert expected["plan"].water_m3 >= point.water_m3 * (1 - 1e-6)


def test_the_same_question_is_kept_once_and_opens_again(fleet: Fleet) -> None:
    first, again = _find(fleet), _find(fleet)
    other = _find(fleet, terms=PlanTerms(carbon_usd_per_t=200.0))
    with fleet.runtime.transaction() as session:
        opened = planning.stored_plan(
            asking(session, fleet.actor(session)), first.plan_id
        )

    assert first.plan_id == again.plan_id != other.plan_id
    assert opened == first


def test_a_request_id_means_one_plan(fleet: Fleet) -> None:
    request_id = uuid4()
    first = _find(fleet, request_id=request_id)
    _change(fleet, "ireland", thermal_limit_c=30.0)
    assert _find(fleet, request_id=request_id) == first, "sent again, kept once"

    with pytest.raises(RequestReused, match="already used"):
        _find(fleet, request_id=request_id, terms=PlanTerms(carbon_usd_per_t=900.0))


def test_finding_and_recording_leave_audit_events(fleet: Fleet) -> None:
    view = _find(fleet)
    outcome = _record(fleet, view.plan_id)

    with fleet.runtime.transaction() as session:
        found = audit.event_for_object(
            session, object_type="plan", object_id=str(view.plan_id)
        )
        decided = [
            audit.event_for_object(
                session, object_type="decision", object_id=str(card.decision_id)
            )
            for card in outcome.cards
        ]
    assert found is not None
    assert all(event and event.action == "decision_recorded" for event in decided)


def test_a_recorded_plan_binds_and_the_next_one_starts_from_it(fleet: Fleet) -> None:
    _change(fleet, "arizona", thermal_limit_c=_live_bound(fleet, "arizona") + 1.0)
    view = _find(fleet)
    outcome = _record(fleet, view.plan_id)

    assert outcome.changed == ()
    assert len(outcome.cards) == len(view.transfers)
    assert {card.verdict.outcome for card in outcome.cards} == {Outcome.APPROVED}
    _, after = _loads(view)
    following = _find(fleet)
    before_next, _ = _loads(following)
    assert before_next == pytest.approx(after, abs=1e-9)
    gained = (
        following.comparison[0].objective_usd - following.comparison[2].objective_usd
    )
    assert gained <= 0.01 * view.comparison[2].saving_usd
    with fleet.runtime.transaction() as session:
        opened = planning.stored_plan(
            asking(session, fleet.actor(session)), view.plan_id
        )
        detail = decision_detail(
            asking(session, fleet.actor(session)), outcome.cards[0].decision_id
        )
    assert opened.recorded_decision_ids == tuple(c.decision_id for c in outcome.cards)
    assert ("Carries out plan", str(view.plan_id)) in {
        (fact.label, fact.value) for fact in detail.facts
    }


def test_recording_twice_with_one_request_records_once(fleet: Fleet) -> None:
    view = _find(fleet)
    request_id = uuid4()
    first = _record(fleet, view.plan_id, request_id)
    again = _record(fleet, view.plan_id, request_id)

    assert first.cards == again.cards
    with pytest.raises(Conflict, match="recorded already"):
        _record(fleet, view.plan_id)


def test_two_operators_record_one_plan_at_once_and_it_counts_once(
    fleet: Fleet,
) -> None:
    view = _find(fleet)

    def attempt(_: int) -> bool:
        try:
            return bool(_record(fleet, view.plan_id).cards)
        except Conflict:
            return False

    with ThreadPoolExecutor(2) as pool:
        recorded = list(pool.map(attempt, range(2)))

    assert sorted(recorded) == [False, True]
    before, after = _loads(_find(fleet))
    assert before == pytest.approx(_loads(view)[1], abs=1e-9)
    _ = after


def test_a_plan_that_no_longer_fits_is_not_recorded(fleet: Fleet) -> None:
    view = _find(fleet)
    takers = {transfer.target.slug for transfer in view.transfers}
    for slug in takers:
        _change(fleet, slug, thermal_limit_c=_live_bound(fleet, slug) - 0.5)

    outcome = _record(fleet, view.plan_id)

    assert outcome.cards == ()
    assert outcome.changed
    with fleet.runtime.transaction() as session:
        assert decisions.decisions_of_plan(session, view.plan_id) == []


def test_a_plan_of_a_past_day_binds_nothing(fleet: Fleet) -> None:
    view = _find(fleet, day=MILD_DAY)
    assert view.transfers
    outcome = _record(fleet, view.plan_id)

    assert all(card.is_simulated for card in outcome.cards)
    with fleet.runtime.transaction() as session:
        assert session.scalar(text("select count(*) from decision_transfer")) == 0


def test_a_region_that_cannot_be_cleared_is_named_and_the_rest_planned(
    fleet: Fleet,
) -> None:
    _change(fleet, "arizona", thermal_limit_c=_live_bound(fleet, "arizona") - 30.0)

    view = _find(fleet)

    (sentence,) = view.blocked
    assert sentence.startswith("Arizona stays BLOCKED by ")
    arizona = view.regions[0]
    assert arizona.blocked_by_c is not None
    assert arizona.blocked_by_c > 0
    assert all(transfer.target.slug != "arizona" for transfer in view.transfers)
    outcome = _record(fleet, view.plan_id)
    by_source = {card.source.slug: card.verdict.outcome for card in outcome.cards}
    assert by_source["arizona"] is Outcome.BLOCKED
    before, _ = _loads(_find(fleet))
    assert before == pytest.approx(_loads(view)[1], abs=1e-9)


def test_a_region_without_a_bound_keeps_its_load(fleet: Fleet) -> None:
    _change(fleet, "ireland", telemetry_max_age_h=0.1)
    later = NOW + timedelta(minutes=30)
    with fleet.runtime.transaction() as session:
        view = planning.find_plan(
            asking(session, fleet.actor(session), now=later, request_id=uuid4()),
            terms=PlanTerms(),
            anchor_slug="arizona",
            local_day=None,
        )
    assert any(text.startswith("Ireland stays BLOCKED:") for text in view.blocked)
    before, after = _loads(view)
    assert after[1] == pytest.approx(before[1])


def test_impossible_terms_are_explained_not_planned(fleet: Fleet) -> None:
    view = _find(fleet, terms=PlanTerms(carbon_cap_t=1.0))

    assert view.infeasible_text is not None
    assert "carbon budget of 1 t" in view.infeasible_text
    assert view.transfers == ()
    with pytest.raises(InvalidInput, match="moves nothing"):
        _record(fleet, view.plan_id)


def test_migration_energy_is_drawn_and_stays_with_the_target(fleet: Fleet) -> None:
    _change(fleet, None, migration_energy_frac=0.02)

    view = _find(fleet)

    before, after = _loads(view)
    moved = sum(transfer.moved_mwh for transfer in view.transfers)
    assert after.sum() - before.sum() == pytest.approx(0.02 * moved)
    _record(fleet, view.plan_id)
    assert _loads(_find(fleet))[0] == pytest.approx(after, abs=1e-9)


def test_who_may_find_record_and_look(fleet: Fleet) -> None:
    view = _find(fleet)
    auditor = Actor(user_id=1, name="eve", role=Role.AUDITOR)
    with fleet.runtime.transaction() as session:
        planning.stored_plan(asking(session, auditor), view.plan_id)
        with pytest.raises(Forbidden):
            planning.record_plan(
                asking(session, auditor, request_id=uuid4()),
                plan_id=view.plan_id,
                comment="",
            )
        with pytest.raises(Forbidden):
            planning.find_plan(
                asking(session, auditor, request_id=uuid4()),
                terms=PlanTerms(),
                anchor_slug=None,
                local_day=None,
            )
        with pytest.raises(NotFound, match="no plan 4711"):
            planning.stored_plan(asking(session, auditor), 4711)


def _split(shift_pct: float, **shares: float) -> PlanTerms:
    return PlanTerms(split=PlanSplit(shift_pct=shift_pct, shares=tuple(shares.items())))


def test_a_shift_to_several_targets_is_judged_kept_and_recorded(fleet: Fleet) -> None:
    _change(fleet, "arizona", thermal_limit_c=_live_bound(fleet, "arizona") - 0.5)
    view = _find(fleet, terms=_split(20.0, ireland=0.6, wyoming=0.4))

    assert [t.target.slug for t in view.transfers] == ["ireland", "wyoming"]
    assert [t.share_pct for t in view.transfers] == pytest.approx([12.0, 8.0])
    assert {t.outcome for t in view.transfers} == {Outcome.APPROVED}
    assert view.comparison[2].label == "The shift as asked for"
    assert view.pareto == ()
    before, after = _loads(view)
    assert after.sum(axis=0) == pytest.approx(before.sum(axis=0), abs=1e-9)
    assert after[0] == pytest.approx(0.8 * before[0])
    outcome = _record(fleet, view.plan_id)
    assert [card.target.slug for card in outcome.cards if card.target] == [
        "ireland",
        "wyoming",
    ]
    assert _loads(_find(fleet))[0] == pytest.approx(after, abs=1e-9)


def test_a_split_that_a_target_cannot_take_is_not_recorded(fleet: Fleet) -> None:
    _change(fleet, "ireland", thermal_limit_c=_live_bound(fleet, "ireland") + 0.1)
    view = _find(fleet, terms=_split(40.0, ireland=0.9, wyoming=0.1))

    assert view.transfers[0].reason_code is ReasonCode.TARGET_OVER_LIMIT
    with pytest.raises(InvalidInput, match="cannot be recorded: Ireland would reach"):
        _record(fleet, view.plan_id)
    with fleet.runtime.transaction() as session:
        assert decisions.decisions_of_plan(session, view.plan_id) == []


def test_the_same_shares_of_another_region_are_another_plan(fleet: Fleet) -> None:
    terms = _split(10.0, ireland=1.0)
    first = _find(fleet, terms=terms)
    with fleet.runtime.transaction() as session:
        other = planning.find_plan(
            asking(session, fleet.actor(session), request_id=uuid4()),
            terms=terms,
            anchor_slug="wyoming",
            local_day=None,
        )
    assert first.transfers[0].source.slug == "arizona"
    assert other.transfers[0].source.slug == "wyoming"


def test_impossible_splits_are_refused(fleet: Fleet) -> None:
    for terms, error, sentence in (
        (_split(20.0, ireland=0.6), InvalidInput, "sum to 0.6"),
        (_split(120.0, ireland=1.0), InvalidInput, "outside 0 to 100"),
        (_split(20.0, atlantis=1.0), NotFound, "atlantis"),
        (_split(20.0, arizona=1.0), InvalidInput, "to itself"),
        (_split(float("nan"), ireland=1.0), InvalidInput, "outside 0 to 100"),
    ):
        with pytest.raises(error, match=sentence):
            _find(fleet, terms=terms)
