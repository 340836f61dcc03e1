"""What rests on an older issue can be looked at; only the newest can be recorded."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import pytest
from sqlalchemy import text

from core.days import full_hour
from core.errors import Conflict
from core.outcomes import Outcome, ReasonCode
from core.telemetry import HOUR
from db import policies, regions
from orchestrator.cycle.issuance import issue_live
from orchestrator.decisions import recording
from orchestrator.decisions.views import DecisionCard, RecordOutcome, WhatIfView
from orchestrator.decisions.what_if import what_if_view
from orchestrator.forecasts.day_page import day_view
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.plans import planning
from orchestrator.plans.terms import PlanTerms
from orchestrator.plans.views import PlanView
from orchestrator.regions.region_choice import active_regions
from orchestrator.telemetry.demo_regions import first_demo_profiles
from orchestrator.telemetry.imports import generate_telemetry
from tests.asking import NOW, asking
from tests.fleet import SEED, Fleet

FIRST_UTC = full_hour(NOW)
LATER = NOW + HOUR
SECOND_UTC = full_hour(LATER)


def issue_again(fleet: Fleet, *slugs: str) -> None:
    """The next hour's telemetry and issue; of all regions, or of some."""
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session, "worker"), now=LATER)
        generate_telemetry(
            request,
            first_demo_profiles(3),
            start_utc=FIRST_UTC,
            end_utc=SECOND_UTC,
            seed=SEED,
        )
        found = [
            item
            for item in active_regions(session)
            if not slugs or item.region.slug in slugs
        ]
        issue_live(
            request, ModelCache(), issued_at_utc=SECOND_UTC, stored_regions=found
        )


def set_limit(fleet: Fleet, slug: str, limit_c: float) -> None:
    with fleet.runtime.transaction() as session:
        policies.insert_policy(
            session,
            region_id=regions.region_by_slug(session, slug).region_id,
            values={"thermal_limit_c": limit_c},
            actor_id=fleet.actor(session).user_id,
            reason="test",
        )


def evaluated(fleet: Fleet, now: datetime = NOW) -> DecisionCard:
    with fleet.runtime.transaction() as session:
        return recording.evaluate(
            asking(session, fleet.actor(session), now=now, request_id=uuid4()),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            shift_pct=20.0,
        )


def recorded(fleet: Fleet, card: DecisionCard, now: datetime) -> RecordOutcome:
    with fleet.runtime.transaction() as session:
        return recording.record(
            asking(session, fleet.actor(session), now=now, request_id=uuid4()),
            what_if_id=card.decision_id,
            comment="seen",
        )


def looked_at(fleet: Fleet, issued_at_utc: datetime | None) -> WhatIfView:
    with fleet.runtime.transaction() as session:
        return what_if_view(
            asking(session, fleet.actor(session), now=LATER),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            issued_at_utc=issued_at_utc,
        )


def transfer_hours(fleet: Fleet) -> set[datetime]:
    with fleet.runtime.transaction() as session:
        return set(session.scalars(text("select hour_utc from decision_transfer")))


@pytest.fixture
def cool(fleet: Fleet) -> Fleet:
    """Nobody is near a limit."""
    for slug in ("arizona", "wyoming", "ireland"):
        set_limit(fleet, slug, 80.0)
    return fleet


def test_a_what_if_of_an_older_issue_is_recorded_as_judged_on_the_newest(
    cool: Fleet,
) -> None:
    card = evaluated(cool)
    issue_again(cool)

    outcome = recorded(cool, card, LATER)

    assert outcome.card is not None
    assert (card.window_start_utc, outcome.card.window_start_utc) == (
        FIRST_UTC,
        SECOND_UTC,
    )
    assert outcome.newer_issue_utc == SECOND_UTC
    assert transfer_hours(cool) == {SECOND_UTC + i * HOUR for i in range(24)}


def test_what_the_newest_issue_blocks_is_not_recorded(cool: Fleet) -> None:
    card = evaluated(cool)
    assert card.verdict.outcome is Outcome.APPROVED
    issue_again(cool)
    newest = looked_at(cool, None)
    assert newest.target is not None
    bound_c = newest.target.bound_by_step_c[0]
    assert bound_c is not None
    set_limit(cool, "ireland", bound_c + 0.01)

    outcome = recorded(cool, card, LATER)

    assert outcome.card is None
    assert outcome.changed is not None
    assert outcome.changed.outcome is Outcome.BLOCKED
    assert outcome.newer_issue_utc == SECOND_UTC
    assert transfer_hours(cool) == set()


def test_a_shift_is_judged_where_neither_end_has_a_newer_issue(cool: Fleet) -> None:
    issue_again(cool, "ireland")

    card = evaluated(cool, LATER)

    assert card.window_start_utc == SECOND_UTC
    assert card.verdict.reason_code == ReasonCode.FORECAST_MISSING


def test_an_older_issue_is_looked_at_and_the_newest_is_offered(cool: Fleet) -> None:
    issue_again(cool)
    old, newest = looked_at(cool, FIRST_UTC), looked_at(cool, SECOND_UTC)
    assert (old.hours_utc[0], old.newer_issue_utc) == (FIRST_UTC, SECOND_UTC)
    assert not old.can_be_decided
    assert (newest.hours_utc[0], newest.newer_issue_utc) == (SECOND_UTC, None)
    assert newest.can_be_decided
    with cool.runtime.transaction() as session:
        view = day_view(
            asking(session, cool.actor(session), now=LATER),
            region_slug="arizona",
            local_day=None,
            issued_at_utc=FIRST_UTC,
        )
    assert (view.window_start_utc, view.newer_issue_utc) == (FIRST_UTC, SECOND_UTC)


def test_a_plan_of_an_older_issue_is_refused_by_a_sentence_that_names_the_newer(
    fleet: Fleet,
) -> None:
    set_limit(fleet, "arizona", 42.0)
    plan = found_plan(fleet)
    assert plan.can_be_recorded
    issue_again(fleet)

    with fleet.runtime.transaction() as session:
        seen = planning.stored_plan(
            asking(session, fleet.actor(session), now=LATER), plan.plan_id
        )
    assert seen.newer_issue_utc == SECOND_UTC
    assert not seen.can_be_recorded
    with fleet.runtime.transaction() as session, pytest.raises(Conflict) as refused:
        planning.record_plan(
            asking(session, fleet.actor(session), now=LATER, request_id=uuid4()),
            plan_id=plan.plan_id,
            comment="seen",
        )
    assert f"{SECOND_UTC:%-d %b %Y, %H:%M} UTC" in refused.value.message
    assert transfer_hours(fleet) == set()


def found_plan(fleet: Fleet) -> PlanView:
    with fleet.runtime.transaction() as session:
        return planning.find_plan(
            asking(session, fleet.actor(session), request_id=uuid4()),
            terms=PlanTerms(),
            anchor_slug="arizona",
            local_day=None,
        )
