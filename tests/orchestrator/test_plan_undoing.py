"""A recorded plan is taken back as one act, with one event and its parts."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import numpy as np
import pytest

from core.audit import AuditAction
from core.decision_states import DecisionState
from core.errors import Conflict, InvalidInput
from db import audit, decisions, regions
from orchestrator.decisions.states import state_decision
from orchestrator.plans import planning
from orchestrator.plans.replacing import undo_plan
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
        loads = [
            decisions.net_load(
                session, region_id=item.region_id, start_utc=FIRST_UTC, n_hours=24
            )
            for item in regions.list_regions(session)
        ]
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
