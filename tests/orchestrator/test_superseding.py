"""Recorded decisions are replaced, never changed; each request is carried out once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from core.access import Actor, Role
from core.errors import Conflict, FleetError, Forbidden, InvalidInput, RequestReused
from db import audit, decisions
from db.engine import make_engine
from db.users import insert_user
from orchestrator.decisions import recording
from orchestrator.decisions.model_replay import replay_with_model
from orchestrator.decisions.views import DecisionCard, RecordOutcome
from orchestrator.runtime import Runtime
from tests.asking import asking
from tests.fleet import Fleet

ROUNDS = 1_000 if os.environ.get("GFO_TEST_FULL") else 10


def counted(fleet: Fleet, table: str) -> int:
    with fleet.runtime.transaction() as session:
        return int(
            session.scalar(text(f"select count(*) from {table}"))  # noqa: S608
            or 0
        )


def user(fleet: Fleet, name: str) -> Actor:
    with fleet.runtime.transaction() as session:
        added = insert_user(
            session,
            name=name,
            role=Role.OPERATOR,
            password_hash="x",
            must_change_password=False,
        )
        return Actor(user_id=added.user_id, name=name, role=Role.OPERATOR)


def recorded(fleet: Fleet, actor: Actor, shift_pct: float = 20.0) -> DecisionCard:
    now = fleet.runtime.clock()
    with fleet.runtime.transaction() as session:
        card = recording.evaluate(
            asking(session, actor, now=now, request_id=uuid4()),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            shift_pct=shift_pct,
        )
        outcome = recording.record(
            asking(session, actor, now=now, request_id=uuid4()),
            what_if_id=card.decision_id,
            comment="seen",
        )
    assert outcome.card is not None
    return outcome.card


def judged(
    fleet: Fleet, actor: Actor, decision_id: int, shift_pct: float
) -> DecisionCard:
    with fleet.runtime.transaction() as session:
        return recording.evaluate_instead(
            asking(session, actor, now=fleet.runtime.clock(), request_id=uuid4()),
            decision_id=decision_id,
            target_slug=None,
            shift_pct=shift_pct,
        )


def replace_by(
    fleet: Fleet,
    actor: Actor,
    card: DecisionCard,
    *,
    reason: str = "Less is enough.",
    request_id: UUID | None = None,
    runtime: Runtime | None = None,
) -> RecordOutcome:
    with (runtime or fleet.runtime).transaction() as session:
        return recording.record(
            asking(
                session,
                actor,
                now=fleet.runtime.clock(),
                request_id=request_id or uuid4(),
            ),
            what_if_id=card.decision_id,
            comment=reason,
        )


def moved_mw(
    fleet: Fleet, card: DecisionCard, without: DecisionCard | None = None
) -> float:
    """Load that live decisions move out of the source in the window's first hour."""
    with fleet.runtime.transaction() as session:
        stored = decisions.decision_by_id(session, card.decision_id)
        (net,) = decisions.net_loads(
            session,
            [stored.facts.source_region_id],
            start_utc=card.window_start_utc,
            n_hours=1,
            without_ids=[without.decision_id] if without else [],
        ).values()
    return float(net.moved_out_mw[0])


def own_mw(fleet: Fleet, card: DecisionCard, mover: DecisionCard) -> float:
    """What one decision moves of that."""
    return moved_mw(fleet, card) - moved_mw(fleet, card, without=mover)


def test_a_new_decision_takes_the_place_of_the_old_one(decided: Fleet) -> None:
    olga = user(decided, "olga")
    old = recorded(decided, olga, 20.0)
    moved_before = own_mw(decided, old, old)

    new = replace_by(decided, olga, judged(decided, olga, old.decision_id, 5.0)).card

    assert new is not None
    # Judged without the load that the old one moved: a quarter of it moves now.
    assert own_mw(decided, old, new) == pytest.approx(moved_before / 4)
    assert moved_mw(decided, old) == pytest.approx(
        moved_mw(decided, old, without=new) + moved_before / 4
    )
    with decided.runtime.transaction() as session:
        before = decisions.decision_by_id(session, old.decision_id)
        after = decisions.decision_by_id(session, new.decision_id)
        event = audit.event_for_object(
            session, object_type="decision", object_id=str(new.decision_id)
        )
        replays = [
            replay_with_model(asking(session, decided.actor(session)), item.decision_id)
            for item in (before, after)
        ]
    assert before.is_superseded
    assert not after.is_superseded
    assert after.facts.supersedes_id == old.decision_id
    assert event is not None
    assert f'"supersedes_id":{old.decision_id}' in event.payload
    assert '"reason":"Less is enough."' in event.payload
    assert [item.differences for item in replays] == [(), ()]


def test_a_shift_of_nothing_takes_a_decision_back(decided: Fleet) -> None:
    olga = user(decided, "olga")
    old = recorded(decided, olga, 20.0)

    new = replace_by(decided, olga, judged(decided, olga, old.decision_id, 0.0)).card

    assert new is not None
    assert own_mw(decided, old, new) == 0.0


def test_replacing_needs_a_reason(decided: Fleet) -> None:
    olga = user(decided, "olga")
    old = recorded(decided, olga)
    card = judged(decided, olga, old.decision_id, 5.0)

    with pytest.raises(InvalidInput, match="reason"):
        replace_by(decided, olga, card, reason="  ")


def test_who_comes_second_is_told_who_was_first_and_when(decided: Fleet) -> None:
    olga, oskar = user(decided, "olga"), user(decided, "oskar")
    old = recorded(decided, olga)
    hers = judged(decided, olga, old.decision_id, 5.0)
    his = judged(decided, oskar, old.decision_id, 6.0)
    first = replace_by(decided, olga, hers).card
    assert first is not None

    with pytest.raises(Conflict) as told:
        replace_by(decided, oskar, his)
    with pytest.raises(Conflict):
        judged(decided, oskar, old.decision_id, 7.0)

    assert f"by decision {first.decision_id}, recorded by olga at" in told.value.message
    assert f"{first.created_at_utc:%d %b %Y, %H:%M:%S}" in told.value.message


def test_of_two_at_once_exactly_one_wins(decided: Fleet) -> None:
    people = [user(decided, "olga"), user(decided, "oskar")]
    engine = make_engine(decided.urls.app, pool_size=2)
    runtime = replace(decided.runtime, engine=engine)
    standing = recorded(decided, people[0])
    with ThreadPoolExecutor(2) as pool:
        for number in range(ROUNDS):
            cards = [
                judged(decided, actor, standing.decision_id, 1.0 + place + number % 7)
                for place, actor in enumerate(people)
            ]
            results = list(
                pool.map(
                    lambda pair: attempt(decided, pair[0], pair[1], runtime),
                    zip(people, cards, strict=True),
                )
            )
            winners = [item for item in results if isinstance(item, DecisionCard)]
            told = [item for item in results if isinstance(item, Conflict)]
            assert (len(winners), len(told)) == (1, 1), results
            assert f"recorded by {winners[0].actor_name}" in told[0].message
            standing = winners[0]
    engine.dispose()
    with decided.runtime.transaction() as session:
        chain = audit.verify(session)
    assert chain.is_sound
    assert counted(decided, "decision where supersedes_id is not null") == ROUNDS


def attempt(
    fleet: Fleet, actor: Actor, card: DecisionCard, runtime: Runtime
) -> DecisionCard | FleetError:
    try:
        outcome = replace_by(fleet, actor, card, runtime=runtime)
    except FleetError as exc:
        return exc
    assert outcome.card is not None
    return outcome.card


def test_only_recorded_decisions_of_open_windows_are_replaced(decided: Fleet) -> None:
    olga = user(decided, "olga")
    old = recorded(decided, olga)
    hypothetical = judged(decided, olga, old.decision_id, 5.0)

    with pytest.raises(InvalidInput, match="was not recorded"):
        judged(decided, olga, hypothetical.decision_id, 5.0)
    with decided.runtime.transaction() as session:
        with pytest.raises(InvalidInput, match="has ended"):
            recording.evaluate_instead(
                asking(
                    session,
                    olga,
                    now=old.window_end_utc + timedelta(seconds=1),
                    request_id=uuid4(),
                ),
                decision_id=old.decision_id,
                target_slug=None,
                shift_pct=5.0,
            )
        form = recording.supersede_form(
            asking(session, olga, now=old.window_end_utc), old.decision_id
        )
        closed = recording.supersede_form(
            asking(session, olga, now=decided.runtime.clock()), hypothetical.decision_id
        )
    assert not form.is_open
    assert not closed.is_open


def test_an_auditor_replaces_nothing(decided: Fleet) -> None:
    auditor = Actor(user_id=1, name="anna", role=Role.AUDITOR)
    with decided.runtime.transaction() as session, pytest.raises(Forbidden):
        recording.evaluate_instead(
            asking(session, auditor, now=decided.runtime.clock(), request_id=uuid4()),
            decision_id=1,
            target_slug=None,
            shift_pct=0.0,
        )


def test_twenty_posts_of_one_request_make_one_decision(decided: Fleet) -> None:
    olga = user(decided, "olga")
    old = recorded(decided, olga)
    card = judged(decided, olga, old.decision_id, 5.0)
    request_id = uuid4()
    engine = make_engine(decided.urls.app, pool_size=8, pool_timeout_s=60)
    runtime = replace(decided.runtime, engine=engine)
    before = counted(decided, "decision")

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(
            pool.map(
                lambda _: replace_by(
                    decided, olga, card, request_id=request_id, runtime=runtime
                ),
                range(20),
            )
        )
    engine.dispose()

    assert len({outcome.card.decision_id for outcome in outcomes if outcome.card}) == 1
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert counted(decided, "decision") == before + 1


def evaluated(
    fleet: Fleet,
    actor: Actor,
    request_id: UUID,
    *,
    target_slug: str | None = "ireland",
    shift_pct: float = 12.0,
    later: timedelta = timedelta(),
) -> DecisionCard:
    with fleet.runtime.transaction() as session:
        return recording.evaluate(
            asking(
                session, actor, now=fleet.runtime.clock() + later, request_id=request_id
            ),
            source_slug="arizona",
            target_slug=target_slug,
            local_day=None,
            shift_pct=shift_pct,
        )


def test_an_answer_that_was_lost_is_given_again_an_hour_later(decided: Fleet) -> None:
    """The same request after the window moved on: what was recorded, not a conflict."""
    olga = user(decided, "olga")
    request_id = uuid4()

    first = evaluated(decided, olga, request_id)
    again = evaluated(decided, olga, request_id, later=timedelta(hours=1))

    assert again == first


@pytest.mark.parametrize(
    "other", [{"shift_pct": 13.0}, {"target_slug": None}, {"actor": "oskar"}]
)
def test_one_request_id_for_another_body_or_person_is_refused(
    decided: Fleet, other: dict[str, Any]
) -> None:
    people = {name: user(decided, name) for name in ("olga", "oskar")}
    request_id, asked = uuid4(), dict(other)
    actor = people[asked.pop("actor", "olga")]
    evaluated(decided, people["olga"], request_id)
    before = counted(decided, "audit_event")

    with pytest.raises(RequestReused):
        evaluated(decided, actor, request_id, **asked)

    assert counted(decided, "audit_event") == before


def test_an_id_used_for_evaluating_cannot_record(decided: Fleet) -> None:
    olga = user(decided, "olga")
    request_id = uuid4()
    card = evaluated(decided, olga, request_id)
    with pytest.raises(RequestReused):
        replace_by(decided, olga, card, request_id=request_id)
