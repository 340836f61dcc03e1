"""Comments on decisions, and many taken back at once: all of them, or none."""

from __future__ import annotations

import csv
import io
from uuid import uuid4

import pytest

from core.access import Actor, Role
from core.audit import AuditAction
from core.decision_states import DecisionState
from core.errors import Conflict, Forbidden, InvalidInput, NotFound, RequestReused
from db import audit, decisions, policies, regions
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.event_list import decision_proof
from orchestrator.decisions.comments import comment_decision
from orchestrator.decisions.details import decision_detail
from orchestrator.decisions.lists import DecisionFilter, decision_page, decisions_csv
from orchestrator.decisions.states import state_decision
from orchestrator.decisions.taking_back import take_back_decisions
from orchestrator.overview.first_page import overview
from orchestrator.use_cases import Request
from tests.asking import NOW, asking
from tests.fleet import Fleet
from tests.orchestrator.test_superseding import moved_mw, recorded, user

LIMIT_C = 43.4
"""Arizona's bound is 43.5 °C; 5 % less load brings it below."""


@pytest.fixture
def olga(fleet: Fleet) -> Actor:
    """An operator, and Arizona BLOCKED unless load leaves it."""
    with fleet.runtime.transaction() as session:
        policies.insert_policy(
            session,
            region_id=regions.region_by_slug(session, "arizona").region_id,
            values={"thermal_limit_c": LIMIT_C},
            actor_id=fleet.actor(session).user_id,
            reason="test",
        )
    return user(fleet, "olga")


def actions(request: Request, decision_id: int) -> list[str]:
    found = audit.list_events(
        request.session,
        chosen=audit.EventFilter(object_type="decision", object_id=str(decision_id)),
    )
    return [event.action for event in found]


def test_a_comment_is_kept_audited_listed_and_exported(
    fleet: Fleet, olga: Actor
) -> None:
    card = recorded(fleet, olga)
    number = card.decision_id
    ben = user(fleet, "ben")
    first = uuid4()
    for _again in range(2):
        with fleet.runtime.transaction() as session:
            comment_decision(
                asking(session, ben, request_id=first),
                decision_id=number,
                comment="  Agreed by phone. ",
            )
    with fleet.runtime.transaction() as session:
        ask = asking(session, olga, request_id=uuid4())
        written = comment_decision(ask, decision_id=number, comment="=1+1")
        assert [(one.actor_name, one.text) for one in written] == [
            ("ben", "Agreed by phone."),
            ("olga", "=1+1"),
        ]
    with fleet.runtime.transaction() as session:
        admin = asking(session, fleet.actor(session))
        assert decision_detail(admin, number).comments == written
        assert decision_detail(admin, number).is_as_recorded
        assert actions(admin, number).count(AuditAction.DECISION_COMMENTED) == 2
        (row,) = decision_page(admin, DecisionFilter(words=str(number))).rows
        assert (row.comment, row.n_comments) == ("seen", 2)
        text = decisions_csv(admin, DecisionFilter(decision_id=number)).text
    (exported,) = csv.DictReader(io.StringIO(text))
    assert "ben: Agreed by phone. | " in exported["comments"]
    assert "olga: =1+1" in exported["comments"]


def test_a_comment_needs_words_a_decision_and_the_right(
    fleet: Fleet, olga: Actor
) -> None:
    number = recorded(fleet, olga).decision_id
    auditor = Actor(user_id=olga.user_id, name="aud", role=Role.AUDITOR)
    for caller, decision_id, words, error in (
        (olga, number, "  ", InvalidInput),
        (olga, number, "x" * 2_001, InvalidInput),
        (olga, 999_999, "x", NotFound),
        (auditor, number, "x", Forbidden),
    ):
        with (
            pytest.raises(error),
            fleet.runtime.transaction() as session,
        ):
            comment_decision(
                asking(session, caller), decision_id=decision_id, comment=words
            )


def test_many_are_taken_back_at_once_each_with_its_event(
    fleet: Fleet, olga: Actor
) -> None:
    cards = [recorded(fleet, olga, share) for share in (5.0, 10.0)]
    numbers = [card.decision_id for card in cards]
    assert moved_mw(fleet, cards[0]) > 0
    with fleet.runtime.transaction() as session:
        against = overview(asking(session, olga), 3).against_nothing
        assert (against.n_decisions, against.n_of_plans) == (2, 0)
    request_id = uuid4()

    def take(reason: str = "The site is back.") -> list[int]:
        with fleet.runtime.transaction() as session:
            made = take_back_decisions(
                asking(session, olga, request_id=request_id),
                decision_ids=numbers,
                reason=reason,
            )
        return [card.decision_id for card in made]

    first = take()
    assert take() == first, "the same request again is answered, not done again"
    with pytest.raises(RequestReused):
        take("Another reason.")
    assert moved_mw(fleet, cards[0]) == 0.0
    with fleet.runtime.transaction() as session:
        admin = asking(session, fleet.actor(session))
        for number, successor_id in zip(numbers, first, strict=True):
            successor = decisions.decision_by_id(session, successor_id)
            assert successor.facts.supersedes_id == number
            assert successor.facts.shift_pct == 0.0
            assert successor.facts.comment == "The site is back."
            assert actions(admin, successor_id) == [AuditAction.DECISION_RECORDED]


def test_nothing_is_taken_back_when_one_no_longer_stands(
    fleet: Fleet, olga: Actor
) -> None:
    cards = [recorded(fleet, olga, share) for share in (5.0, 10.0)]
    numbers = [card.decision_id for card in cards]
    with fleet.runtime.transaction() as session:
        state_decision(
            asking(session, olga),
            decision_id=numbers[1],
            state=DecisionState.REFUSED,
            reason="No link.",
        )
    before = moved_mw(fleet, cards[0])
    for ids, reason, error, match in (
        (numbers, "x", Conflict, f"Decision {numbers[1]} is refused"),
        ([cards[0].decision_id - 1], "x", Conflict, "binds nothing"),
        (numbers, " ", InvalidInput, "Write a reason"),
        ([], "x", InvalidInput, "1 to 100"),
        (list(range(1, 200)), "x", InvalidInput, "1 to 100"),
    ):
        with (
            pytest.raises(error, match=match),
            fleet.runtime.transaction() as session,
        ):
            take_back_decisions(asking(session, olga), decision_ids=ids, reason=reason)
    assert moved_mw(fleet, cards[0]) == before > 0


def test_words_find_a_number_and_a_person(fleet: Fleet, olga: Actor) -> None:
    number = recorded(fleet, olga).decision_id
    with fleet.runtime.transaction() as session:
        ask = asking(session, olga)

        def found(words: str) -> set[int]:
            chosen = DecisionFilter(words=words, kind="recorded")
            return {row.decision_id for row in decision_page(ask, chosen).rows}

        assert found(f"#{number}") == found(f"Decision {number}") == {number}
        assert found("OLGA") == {number}
        assert found("999999") == set()
        assert found("seen") == {number}, "and what was written"


def test_a_story_holds_its_evidence_and_its_place_in_the_chain(
    fleet: Fleet, olga: Actor
) -> None:
    number = recorded(fleet, olga).decision_id
    with fleet.runtime.transaction() as session:
        admin = asking(session, fleet.actor(session))
        detail = decision_detail(admin, number)
        places = AnchorPlaces.of(fleet.runtime.settings)
        proof = decision_proof(admin, number, places)
    source, target = detail.evidence
    assert (source.region.slug, target.region.slug) == ("arizona", "ireland")
    labels = {one.label for one in source.values}
    assert {"Thermal limit", "Scores of past days", "Capacity"} <= labels
    assert len(source.hours_utc) == 24
    assert all(len(one.values) == 24 for one in source.hours)
    assert source.hours_utc[0] == detail.card.window_start_utc
    (event,) = proof.events
    assert event.hash_is_right
    assert event.event.seq == detail.audit_seq
    assert proof.status.event_count >= event.event.seq
    assert detail.card.window_start_utc <= NOW
