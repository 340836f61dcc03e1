"""A recorded plan is taken back or changed as one act, with one event and its parts."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID, uuid4

import numpy as np
import pytest

from core.audit import AuditAction
from core.days import issue_at_local_midnight, local_day_of
from core.decision_states import DecisionState
from core.errors import Conflict, InvalidInput
from core.telemetry import hours_between
from db import audit, decisions, regions
from orchestrator.decisions.replay import replay_rules
from orchestrator.decisions.states import state_decision
from orchestrator.plans import planning
from orchestrator.plans.replacing import change_plan, undo_plan
from orchestrator.plans.terms import PlanTerms
from orchestrator.plans.views import PlanRecordOutcome, PlanView
from tests.asking import asking
from tests.fleet import Fleet
from tests.orchestrator.test_older_issues import FIRST_UTC, found_plan, set_limit


@pytest.fixture
def plan(fleet: Fleet) -> PlanView:
    """A recorded plan of several transfers."""
    set_limit(fleet, "arizona", 42.0)
    found = found_plan(fleet)
    with fleet.runtime.transaction() as session:
        planning.record_plan(
            asking(session, fleet.actor(session), request_id=uuid4()),
            plan_id=found.plan_id,
            comment="seen",
        )
    return found


def undone(
    fleet: Fleet, plan: PlanView, reason: str, request_id: UUID | None = None
) -> PlanRecordOutcome:
    with fleet.runtime.transaction() as session:
        return undo_plan(
            asking(session, fleet.actor(session), request_id=request_id or uuid4()),
            plan_id=plan.plan_id,
            reason=reason,
        )


def moves_anything(fleet: Fleet) -> bool:
    with fleet.runtime.transaction() as session:
        ids = [item.region_id for item in regions.list_regions(session)]
        loads = decisions.net_loads(
            session, ids, start_utc=FIRST_UTC, n_hours=24
        ).values()
    return any(np.any(load.moved_out_mw + load.moved_in_mw) for load in loads)


def test_every_transfer_goes_with_one_event_that_names_them(
    fleet: Fleet, plan: PlanView
) -> None:
    assert moves_anything(fleet)
    request_id = uuid4()

    outcome = undone(fleet, plan, "The prices were wrong.", request_id)

    assert not moves_anything(fleet)
    assert len(outcome.cards) == len(plan.transfers)
    with fleet.runtime.transaction() as session:
        (event,) = audit.list_events(session, action=AuditAction.PLAN_UNDONE, limit=5)
        seen = planning.stored_plan(asking(session, fleet.actor(session)), plan.plan_id)
    made = [card.decision_id for card in outcome.cards]
    assert json.dumps({"decisions": made}, separators=(",", ":")) in event.payload
    assert seen.standing_decision_ids == ()
    assert len(seen.recorded_decision_ids) == len(made), "all stay in the history"
    again = undone(fleet, plan, "The prices were wrong.", request_id)
    assert [card.decision_id for card in again.cards] == made, "answered, not repeated"


def test_it_takes_a_reason_and_something_that_stands(
    fleet: Fleet, plan: PlanView
) -> None:
    with pytest.raises(InvalidInput, match="Write the reason"):
        undone(fleet, plan, " ")
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        ids = planning.stored_plan(request, plan.plan_id).standing_decision_ids
        assert ids
        for decision_id in ids:
            state_decision(
                request,
                decision_id=decision_id,
                state=DecisionState.REFUSED,
                reason="Not today.",
            )
    with pytest.raises(Conflict, match="stands any more"):
        undone(fleet, plan, "The prices were wrong.")


def replacement(fleet: Fleet, plan: PlanView, terms: PlanTerms) -> PlanView:
    with fleet.runtime.transaction() as session:
        return planning.find_plan(
            asking(session, fleet.actor(session), request_id=uuid4()),
            terms=terms,
            anchor_slug="arizona",
            local_day=None,
            instead_of=plan.plan_id,
        )


def changed(
    fleet: Fleet, plan: PlanView, reason: str, request_id: UUID | None = None
) -> PlanRecordOutcome:
    with fleet.runtime.transaction() as session:
        return change_plan(
            asking(session, fleet.actor(session), request_id=request_id or uuid4()),
            plan_id=plan.plan_id,
            reason=reason,
        )


def test_a_plan_is_changed_as_one_act_and_nothing_of_the_old_one_stands(
    fleet: Fleet, plan: PlanView
) -> None:
    same = replacement(fleet, plan, PlanTerms())
    assert [t.moved_mw for t in same.transfers] == [t.moved_mw for t in plan.transfers]
    new = replacement(fleet, plan, PlanTerms(carbon_usd_per_t=500.0))
    assert new.instead_of_plan_id == plan.plan_id
    request_id = uuid4()

    outcome = changed(fleet, new, "Carbon got dearer.", request_id)

    assert len(outcome.cards) == len(new.transfers)
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        (event,) = audit.list_events(session, action=AuditAction.PLAN_CHANGED, limit=5)
        old_seen = planning.stored_plan(request, plan.plan_id)
        new_seen = planning.stored_plan(request, new.plan_id)
        found = regions.list_regions(session)
        by_id = decisions.net_loads(
            session,
            [item.region_id for item in found],
            start_utc=FIRST_UTC,
            n_hours=24,
        )
        loads = {item.slug: by_id[item.region_id] for item in found}
    payload = json.loads(event.payload)
    assert payload["before"]["decisions"] == list(old_seen.recorded_decision_ids)
    assert payload["after"]["decisions"] == list(new_seen.recorded_decision_ids)
    ends = {(t.source.slug, t.target.slug) for t in plan.transfers}
    kept = ends & {(t.source.slug, t.target.slug) for t in new.transfers}
    assert len(payload["after"]["taken_back"]) == len(ends - kept)
    assert old_seen.standing_decision_ids == ()
    assert len(new_seen.standing_decision_ids) == len(new.transfers)
    for slug, load in loads.items():
        sent = sum(np.array(t.moved_mw) for t in new.transfers if t.source.slug == slug)
        assert load.moved_out_mw == pytest.approx(sent + np.zeros(24))
    again = changed(fleet, new, "Carbon got dearer.", request_id)
    assert [c.decision_id for c in again.cards] == [
        c.decision_id for c in outcome.cards
    ]
    for card in outcome.cards:
        with fleet.runtime.transaction() as session:
            stored = decisions.decision_by_id(session, card.decision_id)
            assert replay_rules(session, stored).is_same


def test_a_change_needs_its_reason_and_a_plan_made_for_it(
    fleet: Fleet, plan: PlanView
) -> None:
    new = replacement(fleet, plan, PlanTerms(carbon_usd_per_t=500.0))
    with pytest.raises(InvalidInput, match="Write the reason"):
        changed(fleet, new, " ")
    with pytest.raises(InvalidInput, match="not made to replace"):
        changed(fleet, plan, "Why not.")
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session), request_id=uuid4())
        with pytest.raises(InvalidInput, match="was made to replace plan"):
            planning.record_plan(request, plan_id=new.plan_id, comment="seen")
    undone(fleet, plan, "Taken back meanwhile.")
    with pytest.raises(Conflict, match="stands any more"):
        changed(fleet, new, "Too late.")


def test_tomorrow_is_planned_on_the_newest_issue_and_recorded_once_it_has_begun(
    fleet: Fleet,
) -> None:
    set_limit(fleet, "arizona", 42.0)
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session), request_id=uuid4())
        tomorrow = local_day_of("America/Phoenix", request.now) + timedelta(days=1)
        window = planning.plan_window(
            request, anchor_slug="arizona", local_day=tomorrow
        )
        made = planning.find_plan(
            request, terms=PlanTerms(), anchor_slug="arizona", local_day=tomorrow
        )
        bounds = {row.region.slug: row.bound_before_c for row in made.regions}
        with pytest.raises(InvalidInput, match="is after tomorrow"):
            planning.plan_window(
                request,
                anchor_slug="arizona",
                local_day=tomorrow + timedelta(days=1),
            )
    assert window.known_at_utc == FIRST_UTC
    assert made.window_start_utc == issue_at_local_midnight("America/Phoenix", tomorrow)
    assert not made.is_simulation
    assert all(bound_c is not None for bound_c in bounds.values())
    assert made.transfers
    lead_h = hours_between(FIRST_UTC, made.window_start_utc)
    (said,) = [note for note in made.notes if "not issued yet" in note]
    assert f"they reach its first {24 - lead_h} hours" in said
    assert any("are not all there" in note for note in made.notes)
    assert not made.can_be_recorded
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session), request_id=uuid4())
        with pytest.raises(Conflict, match="of a day that begins"):
            planning.record_plan(request, plan_id=made.plan_id, comment="seen")
