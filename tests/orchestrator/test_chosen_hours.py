"""Shifts for chosen hours, and shares that count against the load before them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest

from core.audit import canonical_json
from core.decision_states import DecisionState
from core.errors import InvalidInput
from core.outcomes import Outcome
from core.outlooks import RegionOutlook
from core.shares import HoursOfDay, ShareRule
from core.telemetry import HOUR
from db import decisions
from db.decision_lists import DecisionFilter
from orchestrator.decisions import judgements, recording
from orchestrator.decisions.judging_again import judge_again
from orchestrator.decisions.lists import decisions_csv
from orchestrator.decisions.records import DecisionInputs, inputs_text
from orchestrator.decisions.replay import replay_rules
from orchestrator.decisions.views import DecisionCard
from orchestrator.decisions.what_if import what_if_view
from orchestrator.windows import assembly
from orchestrator.windows.recorded import ending_soon
from tests.asking import NOW, asking
from tests.fleet import Fleet
from tests.orchestrator.test_older_issues import FIRST_UTC, set_limit

AFTERNOON = HoursOfDay.parse("12-18")
# 18:00 UTC is 11:00 in Arizona: the afternoon is the second to the seventh hour.
CHOSEN = np.isin(np.arange(24), np.arange(1, 7))
END_UTC = FIRST_UTC + 7 * HOUR


@pytest.fixture
def cool(fleet: Fleet) -> Fleet:
    """Nobody is near a limit."""
    for slug in ("arizona", "wyoming", "ireland"):
        set_limit(fleet, slug, 80.0)
    return fleet


def evaluated(
    fleet: Fleet, shift_pct: float, hours: HoursOfDay | None = None
) -> DecisionCard:
    with fleet.runtime.transaction() as session:
        return recording.evaluate(
            asking(session, fleet.actor(session), request_id=uuid4()),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            shift_pct=shift_pct,
            hours_of_day=hours,
        )


def recorded(
    fleet: Fleet, card: DecisionCard, lasts_h: int | None = 24
) -> DecisionCard:
    with fleet.runtime.transaction() as session:
        outcome = recording.record(
            asking(session, fleet.actor(session), request_id=uuid4()),
            what_if_id=card.decision_id,
            comment="seen",
            lasts_h=lasts_h,
        )
    assert outcome.card is not None
    return outcome.card


def moved_mw(fleet: Fleet, start_utc: datetime = FIRST_UTC) -> np.ndarray:
    with fleet.runtime.transaction() as session:
        region_id = decisions_region(fleet)
        loads = decisions.net_loads(
            session, [region_id], start_utc=start_utc, n_hours=24
        )
        return loads[region_id].moved_out_mw


def decisions_region(fleet: Fleet) -> int:
    with fleet.runtime.transaction() as session:
        card = decisions.decisions_by_ids(session, [1])
        return card[1].facts.source_region_id


def state(fleet: Fleet, card: DecisionCard, now: datetime) -> DecisionState | None:
    with fleet.runtime.transaction() as session:
        return decisions.decision_by_id(session, card.decision_id).state(now)


def replays(fleet: Fleet, card: DecisionCard) -> bool:
    with fleet.runtime.transaction() as session:
        stored = decisions.decision_by_id(session, card.decision_id)
        return replay_rules(session, stored).is_same


def test_a_shift_for_six_hours_moves_those_and_ends_with_them(cool: Fleet) -> None:
    card = recorded(cool, evaluated(cool, 20.0, AFTERNOON))

    assert (card.verdict.outcome, card.hours_of_day) == (Outcome.APPROVED, "12-18")
    assert ((moved_mw(cool) > 0.0) == CHOSEN).all()
    assert not moved_mw(cool, END_UTC).any()
    assert state(cool, card, END_UTC - timedelta(minutes=1)) is DecisionState.RECORDED
    assert state(cool, card, END_UTC) is DecisionState.EXPIRED
    with cool.runtime.transaction() as session:
        assert ending_soon(session, NOW) == ()
        (soon,) = ending_soon(session, END_UTC - 2 * HOUR)
        assert (soon.hours_of_day, soon.end_utc) == ("12-18", END_UTC)
        request = asking(session, cool.actor(session))
        export = "".join(decisions_csv(request, DecisionFilter()).text)
    assert ",12-18," in export
    assert replays(cool, card)


def test_chosen_hours_come_back_each_day_until_taken_back(cool: Fleet) -> None:
    card = recorded(cool, evaluated(cool, 20.0, AFTERNOON), lasts_h=None)
    tomorrow = moved_mw(cool, FIRST_UTC + 24 * HOUR)
    assert ((tomorrow > 0.0) == CHOSEN).all()
    assert state(cool, card, END_UTC + 48 * HOUR) is DecisionState.RECORDED


def test_hours_that_are_used_up_give_no_more_and_block_no_others(cool: Fleet) -> None:
    with cool.runtime.transaction() as session:
        flexible_pct = what_if_view(
            asking(session, cool.actor(session)),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
        ).flexible_pct
    first = evaluated(cool, flexible_pct, AFTERNOON)
    assert first.verdict.outcome is Outcome.APPROVED, first.verdict.reason_text
    recorded(cool, first)
    before_mw = moved_mw(cool)

    second = recorded(cool, evaluated(cool, 10.0))

    assert second.verdict.outcome is Outcome.APPROVED
    added_mw = moved_mw(cool) - before_mw
    assert added_mw[CHOSEN] == pytest.approx(0.0, abs=1e-6)
    assert (added_mw[~CHOSEN] > 0.0).all()
    assert replays(cool, second)
    with cool.runtime.transaction() as session:
        view = what_if_view(
            asking(session, cool.actor(session)),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            shift_pct=5.0,
        )
    assert view.flexible_pct == pytest.approx(flexible_pct - 10.0)
    assert view.hours_text == (
        "In 6 of the 24 hours less than the share moves: earlier decisions took what"
        " may leave."
    )


def test_what_was_decided_by_shares_of_the_load_left_replays_so(
    cool: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decision of a release that wrote inputs of format 2, after an earlier one."""
    recorded(cool, evaluated(cool, 20.0, AFTERNOON))
    after = assembly._after

    def after_by_the_old_rule(
        before: RegionOutlook, change_mw: np.ndarray
    ) -> RegionOutlook:
        outlook = after(before, change_mw)
        object.__setattr__(outlook, "shares", ShareRule(is_of_load_left=True))
        return outlook

    def text_of_format_2(inputs: DecisionInputs) -> str:
        values = json.loads(inputs_text(inputs))
        del values["hours_of_day"], values["without_decision_ids"]
        return canonical_json(values | {"format": 2, "without_decision_id": None})

    monkeypatch.setattr(assembly, "_after", after_by_the_old_rule)
    monkeypatch.setattr(judgements, "inputs_text", text_of_format_2)
    old = evaluated(cool, 15.0)
    monkeypatch.undo()

    new = evaluated(cool, 15.0)
    assert old.decision_id != new.decision_id
    assert old.impact != new.impact, "the rules differ here"
    assert replays(cool, old)
    assert replays(cool, new)


@pytest.mark.parametrize(
    "words", ["12", "12-12", "0-24", "24-3", "1-25", "a-b", "-3-4"]
)
def test_what_are_no_hours_of_a_day_is_refused(words: str) -> None:
    with pytest.raises(InvalidInput, match="write them like 12-18"):
        HoursOfDay.parse(words)


def test_a_shift_for_six_hours_is_judged_again_for_those(cool: Fleet) -> None:
    card = recorded(cool, evaluated(cool, 20.0, AFTERNOON))
    with cool.runtime.transaction() as session:
        what_if = judge_again(
            asking(session, cool.actor(session), request_id=uuid4()),
            decision_id=card.decision_id,
            withdrawal_id=1,
        )
    assert what_if is not None
    assert (what_if.facts.hours_of_day, what_if.facts.shift_pct) == ("12-18", 20.0)
