"""Kept answers: given again only while nothing changed, and never across roles."""

from __future__ import annotations

import json
import random
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from core.access import Actor, Permission, Role
from core.errors import Forbidden
from core.policies import Policy
from db.users import system_actor
from orchestrator.freshness import KeptAnswers
from orchestrator.regions.policies import change_policy, ensure_first_policy
from orchestrator.use_cases import Request
from tests.asking import asking

NOW = datetime(2025, 7, 20, 18, 25, 30, tzinfo=UTC)
OPERATOR = Actor(user_id=1, name="olga", role=Role.OPERATOR)


PACKED_BYTES = len(zlib.compress(b"1", 1))
"""Of each answer of one digit."""


class Counting:
    """Makes another answer each time it is asked."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, _request: Request) -> int:
        self.made += 1
        return self.made


@pytest.fixture
def ask(session: Session) -> Callable[..., int]:
    kept, make = KeptAnswers(json.dumps, most_bytes=2 * PACKED_BYTES), Counting()

    def ask(
        question: str = "fleet",
        actor: Actor = OPERATOR,
        now: datetime = NOW,
        *,
        keep: bool = True,
    ) -> int:
        return kept.get(
            asking(session, actor, now=now), question, make, keep_if=lambda _: keep
        )

    return ask


def test_the_same_question_is_answered_once(ask: Callable[..., int]) -> None:
    assert [ask(), ask(), ask("other"), ask()] == [1, 1, 2, 1]


def test_a_change_of_anything_asks_again(
    ask: Callable[..., int], session: Session
) -> None:
    actor = system_actor(session, "cli")
    ensure_first_policy(asking(session, actor), Policy())
    assert (ask(), ask()) == (1, 1)
    change_policy(
        asking(session, actor),
        region_slug=None,
        values={
            "thermal_limit_c": 30.0,
            "confidence": 0.95,
            "cooling_factor_c_per_pct": 0.05,
            "telemetry_max_age_h": 3.0,
        },
        reason="Delicate servers.",
    )
    assert ask() == 2


def test_a_new_minute_asks_again_because_ages_grow(ask: Callable[..., int]) -> None:
    assert ask() == ask(now=NOW + timedelta(seconds=20)) == 1
    assert ask(now=NOW + timedelta(seconds=40)) == 2


def test_what_was_made_for_one_role_is_not_given_to_another(
    ask: Callable[..., int],
) -> None:
    assert ask() == 1
    assert ask(actor=Actor(user_id=2, name="anton", role=Role.AUDITOR)) == 2
    assert ask() == 1


def test_a_refusal_is_not_kept(session: Session) -> None:
    kept = KeptAnswers(json.dumps)
    auditor = Actor(user_id=2, name="anton", role=Role.AUDITOR)

    def make(_request: Request) -> int:
        auditor.require(Permission.DECIDE)
        return 1

    for _ in range(2):
        with pytest.raises(Forbidden):
            kept.get(asking(session, auditor), "decide", make)


def test_what_should_not_be_kept_is_made_each_time(ask: Callable[..., int]) -> None:
    assert [ask(keep=False), ask(keep=False)] == [1, 2]


def test_old_answers_make_room(ask: Callable[..., int]) -> None:
    assert [ask("a"), ask("b"), ask("c"), ask("b"), ask("a")] == [1, 2, 3, 2, 4]


def test_of_those_who_ask_at_once_one_has_the_answer_made(session: Session) -> None:
    kept = KeptAnswers(json.dumps)
    began, may_end = threading.Event(), threading.Event()
    made: list[int] = []

    def make(_request: Request) -> int:
        made.append(len(made))
        began.set()
        assert may_end.wait(10)
        return 7

    engine = session.connection().engine

    def ask() -> int:
        with Session(engine) as own:
            return kept.get(asking(own, OPERATOR, now=NOW), "fleet", make)

    with ThreadPoolExecutor(5) as people:
        first = people.submit(ask)
        assert began.wait(10)
        others = [people.submit(ask) for _ in range(4)]
        may_end.set()
        assert {item.result(10) for item in (first, *others)} == {7}
    assert made == [0]


def test_answers_of_another_minute_take_no_memory(session: Session) -> None:
    kept = KeptAnswers(json.dumps)
    for question in ("a", "b"):
        kept.get(asking(session, OPERATOR, now=NOW), question, lambda _: "long" * 99)
    held = kept._held_bytes
    assert held > 0
    later = NOW + timedelta(minutes=1)
    kept.get(asking(session, OPERATOR, now=later), "a", lambda _: "long" * 99)
    assert kept._held_bytes == held / 2


def test_what_is_kept_is_bounded_by_bytes_and_comes_again_whole(
    session: Session,
) -> None:
    kept = KeptAnswers(json.dumps, most_bytes=20_000)
    draw = random.Random(7)  # noqa: S311 -- does not compress, so its size is known
    texts = [draw.randbytes(4_000).hex() for _ in range(40)]
    for question, text in enumerate(texts):
        made = {"text": [text, None, 1.5]}
        for _ in range(2):
            request = asking(session, OPERATOR, now=NOW)
            assert kept.get(request, question, lambda _, made=made: made) == made
        assert kept._held_bytes <= 20_000
    too_long = draw.randbytes(40_000).hex()
    request = asking(session, OPERATOR, now=NOW)
    assert kept.get(request, "long", lambda _: too_long) == too_long
    assert kept._held_bytes == 0
