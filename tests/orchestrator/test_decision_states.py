"""Recorded is not done: what a decision moves counts as load of now once in effect."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from core.access import Actor, Role
from core.decision_states import DecisionState
from core.errors import Conflict, Forbidden, InvalidInput
from core.outcomes import Outcome
from core.telemetry import HOUR
from db import audit, decisions, policies, regions
from orchestrator.decisions import recording
from orchestrator.decisions.details import decision_detail
from orchestrator.decisions.lists import DecisionFilter, decision_page
from orchestrator.decisions.states import state_decision
from orchestrator.decisions.views import DecisionCard, DecisionStanding, WhatIfView
from orchestrator.decisions.what_if import what_if_view
from orchestrator.forecasts.day_page import day_view
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.forecasts.views import FleetRow, ForecastDayView
from orchestrator.windows.views import Ground
from tests.asking import NOW, asking
from tests.fleet import Fleet
from tests.orchestrator.test_older_issues import LATER as ISSUED_LATER
from tests.orchestrator.test_older_issues import issue_again

LIMIT_C, SHIFT_PCT = 42.5, 40.0
"""Arizona's live bound is 43.6 °C; 40 % lowers it by 2 °C."""
ACKNOWLEDGED, IN_EFFECT, REFUSED = (
    DecisionState.ACKNOWLEDGED,
    DecisionState.IN_EFFECT,
    DecisionState.REFUSED,
)


@pytest.fixture
def hot(fleet: Fleet) -> Fleet:
    """Arizona is BLOCKED unless load leaves it."""
    with fleet.runtime.transaction() as session:
        policies.insert_policy(
            session,
            region_id=regions.region_by_slug(session, "arizona").region_id,
            values={"thermal_limit_c": LIMIT_C},
            actor_id=fleet.actor(session).user_id,
            reason="test",
        )
    return fleet


def recorded(
    fleet: Fleet, shift_pct: float = SHIFT_PCT, lasts_h: int | None = 24
) -> DecisionCard:
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        card = recording.evaluate(
            asking(session, actor, request_id=uuid4()),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            shift_pct=shift_pct,
        )
        outcome = recording.record(
            asking(session, actor, request_id=uuid4()),
            what_if_id=card.decision_id,
            comment="seen",
            lasts_h=lasts_h,
        )
    assert outcome.card is not None
    return outcome.card


def said(
    fleet: Fleet,
    card: DecisionCard,
    state: DecisionState,
    reason: str = "",
    now: datetime = NOW,
    caller: Actor | None = None,
) -> DecisionStanding:
    with fleet.runtime.transaction() as session:
        return state_decision(
            asking(session, caller or fleet.actor(session), now=now),
            decision_id=card.decision_id,
            state=state,
            reason=reason,
        )


def fleet_row(fleet: Fleet, slug: str) -> FleetRow:
    with fleet.runtime.transaction() as session:
        rows = fleet_view(asking(session, fleet.actor(session))).rows
    (row,) = [row for row in rows if row.region.slug == slug]
    return row


def forecast(fleet: Fleet, ground: Ground = Ground.NOW) -> ForecastDayView:
    with fleet.runtime.transaction() as session:
        return day_view(
            asking(session, fleet.actor(session)),
            region_slug="arizona",
            local_day=None,
            ground=ground,
        )


def what_if(fleet: Fleet) -> WhatIfView:
    with fleet.runtime.transaction() as session:
        return what_if_view(
            asking(session, fleet.actor(session)),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
        )


def verdicts(fleet: Fleet) -> tuple[Outcome, Outcome | None]:
    """Of Arizona: as load is now, and with what is recorded where that differs."""
    row = fleet_row(fleet, "arizona")
    promised = row.recorded.bounded.verdict.outcome if row.recorded else None
    return row.verdict.outcome, promised


def test_a_recorded_shift_is_shown_beside_the_load_of_now_and_never_as_it(
    hot: Fleet,
) -> None:
    before = fleet_row(hot, "arizona")
    card = recorded(hot)

    assert verdicts(hot) == (Outcome.BLOCKED, Outcome.APPROVED)
    row = fleet_row(hot, "arizona")
    assert row.day_bound_c == before.day_bound_c, "the load is what it was"
    assert row.forecast_mean_c == before.forecast_mean_c
    assert row.recorded is not None
    (standing,) = row.recorded.decisions
    assert (standing.decision_id, standing.stated) == (
        card.decision_id,
        DecisionState.RECORDED,
    )
    assert standing.end_utc == card.window_end_utc
    tried = what_if(hot)
    assert (tried.now.outcome, tried.baseline.outcome) == verdicts(hot)
    assert [item.decision_id for item in tried.standing] == [card.decision_id]
    target = fleet_row(hot, "ireland")
    assert target.recorded is not None
    assert target.day_bound_c is not None
    assert target.recorded.bounded.day_bound_c is not None
    assert target.recorded.bounded.day_bound_c > target.day_bound_c


def test_curve_range_bound_and_dots_stand_on_one_ground(hot: Fleet) -> None:
    plain = forecast(hot)
    recorded(hot)
    now, promised = forecast(hot), forecast(hot, Ground.RECORDED)

    for name in ("mean_c", "lower_c", "upper_c", "day_bound_c", "day_max_dots_c"):
        assert getattr(now, name) == getattr(plain, name), name
    falls = [
        before - after
        for name in ("mean_c", "lower_c", "upper_c", "day_max_dots_c")
        for before, after in zip(
            getattr(now, name), getattr(promised, name), strict=True
        )
    ]
    assert now.day_bound_c is not None
    assert promised.day_bound_c is not None
    fall_c = now.day_bound_c - promised.day_bound_c
    assert fall_c == pytest.approx(2.0, abs=0.01)
    assert falls == pytest.approx([fall_c] * len(falls), abs=1e-6)
    assert (now.verdict.outcome, promised.verdict.outcome) == (
        Outcome.BLOCKED,
        Outcome.APPROVED,
    )
    assert promised.ground is Ground.RECORDED
    assert forecast(hot).recorded == promised.recorded, "both show both"


def test_what_is_in_effect_is_the_load_of_now(hot: Fleet) -> None:
    card = recorded(hot)
    assert said(hot, card, ACKNOWLEDGED).state is ACKNOWLEDGED
    assert verdicts(hot) == (Outcome.BLOCKED, Outcome.APPROVED)

    standing = said(hot, card, IN_EFFECT)

    assert standing.state is IN_EFFECT
    assert [item.state for item in standing.stated] == [ACKNOWLEDGED, IN_EFFECT]
    assert verdicts(hot) == (Outcome.APPROVED, None)
    assert forecast(hot, Ground.RECORDED).ground is Ground.NOW, "there is one"


def test_what_is_refused_no_longer_counts(hot: Fleet) -> None:
    card = recorded(hot)
    with pytest.raises(InvalidInput, match="Write the reason"):
        said(hot, card, REFUSED)

    standing = said(hot, card, REFUSED, "The link to Ireland is down.")

    assert verdicts(hot) == (Outcome.BLOCKED, None)
    assert standing.stated[-1].reason == "The link to Ireland is down."
    assert recorded(hot).verdict.outcome is Outcome.APPROVED, "its room is free"


def test_only_what_stands_can_be_said_anything_of(hot: Fleet) -> None:
    card = recorded(hot)
    said(hot, card, IN_EFFECT)
    for state in (ACKNOWLEDGED, IN_EFFECT, REFUSED):
        with pytest.raises(Conflict, match=f"Decision {card.decision_id} is in effect"):
            said(hot, card, state, "reason")
    late = card.window_end_utc + timedelta(minutes=1)
    other = recorded(hot, 5.0)
    with pytest.raises(Conflict, match="is expired; its last hour ended"):
        said(hot, other, ACKNOWLEDGED, now=late)


def test_an_auditor_says_nothing(hot: Fleet) -> None:
    card = recorded(hot)
    auditor = Actor(user_id=1, name="anton", role=Role.AUDITOR)
    with pytest.raises(Forbidden):
        said(hot, card, ACKNOWLEDGED, caller=auditor)


def test_a_what_if_has_no_state(hot: Fleet) -> None:
    card = recorded(hot)
    with hot.runtime.transaction() as session:
        what_if_id = (
            decision_page(
                asking(session, hot.actor(session)), DecisionFilter(kind="what_if")
            )
            .rows[0]
            .decision_id
        )
        with pytest.raises(InvalidInput, match="has no state"):
            state_decision(
                asking(session, hot.actor(session)),
                decision_id=what_if_id,
                state=ACKNOWLEDGED,
                reason="",
            )
    assert card.decision_id != what_if_id


@pytest.mark.parametrize("state", [DecisionState.RECORDED, ACKNOWLEDGED, REFUSED])
def test_lists_and_pages_show_the_state_and_the_row_stays_as_recorded(
    hot: Fleet, state: DecisionState
) -> None:
    card = recorded(hot)
    if state is not DecisionState.RECORDED:
        said(hot, card, state, "Seen.")
    with hot.runtime.transaction() as session:
        request = asking(session, hot.actor(session))
        (row,) = decision_page(request, DecisionFilter(kind="recorded")).rows
        detail = decision_detail(request, card.decision_id)
        late = decision_detail(
            asking(session, hot.actor(session), now=card.window_end_utc),
            card.decision_id,
        )
    assert row.state is state
    assert detail.standing is not None
    assert detail.standing.state is state
    assert detail.is_as_recorded
    assert late.standing is not None
    expired = REFUSED if state is REFUSED else DecisionState.EXPIRED
    assert late.standing.state is expired


def moved_mw(fleet: Fleet, slug: str, start_utc: datetime) -> NDArray[np.float64]:
    """Change of a region's load by what stands, in 24 hours from then on."""
    with fleet.runtime.transaction() as session:
        region_id = regions.region_by_slug(session, slug).region_id
        (net,) = decisions.net_loads(
            session, [region_id], start_utc=start_utc, n_hours=24
        ).values()
    return net.moved_in_mw - net.moved_out_mw


def test_the_next_issue_judges_a_shift_of_its_window_without_the_newest_hour(
    hot: Fleet,
) -> None:
    card = recorded(hot)
    change = moved_mw(hot, "arizona", card.window_start_utc + HOUR)
    assert change[-1] == 0.0
    assert (change[:-1] < 0.0).all()


def test_a_shift_until_it_is_taken_back_counts_in_every_window(hot: Fleet) -> None:
    card = recorded(hot, lasts_h=None)
    start_utc = card.window_start_utc
    first = moved_mw(hot, "arizona", start_utc)
    assert (first < 0.0).all()
    for later_h in (1, 23, 24, 25, 24 * 30 + 7):
        later = moved_mw(hot, "arizona", start_utc + later_h * HOUR)
        assert later == pytest.approx(np.roll(first, -later_h))
        arrived = moved_mw(hot, "ireland", start_utc + later_h * HOUR)
        assert arrived == pytest.approx(-later)
    assert (moved_mw(hot, "arizona", start_utc - 24 * HOUR) == 0.0).all()

    with hot.runtime.transaction() as session:
        instead = recording.evaluate_instead(
            asking(session, hot.actor(session), request_id=uuid4()),
            decision_id=card.decision_id,
            target_slug=None,
            shift_pct=0.0,
        )
        recording.record(
            asking(session, hot.actor(session), request_id=uuid4()),
            what_if_id=instead.decision_id,
            comment="The heat is over.",
        )
    assert (moved_mw(hot, "arizona", start_utc + 24 * HOUR) == 0.0).all()


def test_a_shift_for_chosen_hours_ends_with_them(hot: Fleet) -> None:
    card = recorded(hot, lasts_h=30)
    start_utc = card.window_start_utc
    change = moved_mw(hot, "arizona", start_utc + 24 * HOUR)
    assert (change[:6] < 0.0).all()
    assert (change[6:] == 0.0).all()
    assert (moved_mw(hot, "arizona", start_utc + 30 * HOUR) == 0.0).all()
    with pytest.raises(InvalidInput, match="24 to 168 h"):
        recorded(hot, lasts_h=6)


def test_a_rolling_issue_keeps_the_verdict_of_a_shift_that_lasts(hot: Fleet) -> None:
    """Judged for its window alone, the shift does not cover the newest hour."""
    recorded(hot, lasts_h=None)
    promised = fleet_row(hot, "arizona").recorded
    assert promised is not None
    issue_again(hot)

    with hot.runtime.transaction() as session:
        view = day_view(
            asking(session, hot.actor(session), now=ISSUED_LATER),
            region_slug="arizona",
            local_day=None,
            ground=Ground.RECORDED,
        )

    assert view.ground is Ground.RECORDED
    assert view.verdict.outcome is Outcome.APPROVED
    assert view.now.day_bound_c is not None
    assert view.day_bound_c is not None
    assert view.now.day_bound_c - view.day_bound_c > 1.5, "in the newest hour too"


@pytest.mark.parametrize(
    ("lasts_h", "before_h", "is_told"),
    [(24, 2, True), (24, 4, False), (48, 2, False), (None, 2, False), (24, 0, False)],
)
def test_the_operator_is_told_shortly_before_a_shift_ends(
    hot: Fleet, lasts_h: int | None, before_h: int, is_told: bool
) -> None:
    card = recorded(hot, lasts_h=lasts_h)
    now = card.window_end_utc - before_h * HOUR
    with hot.runtime.transaction() as session:
        request = asking(session, hot.actor(session), now=now)
        told = [fleet_view(request).ending, decision_page(request).ending]
    expected = [card.decision_id] if is_told else []
    assert [[item.decision_id for item in items] for items in told] == [expected] * 2


def test_how_long_a_shift_lasts_is_in_its_event(hot: Fleet) -> None:
    card = recorded(hot, lasts_h=None)
    with hot.runtime.transaction() as session:
        event = audit.event_for_object(
            session, object_type="decision", object_id=str(card.decision_id)
        )
    assert event is not None
    assert '"ends_at_utc":null' in event.payload
