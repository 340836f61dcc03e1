"""A second person approves a change; nobody gets around that alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.ashrae import AshraeClass
from core.audit import AuditAction
from core.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NeedsSecondPerson,
    NotConfirmed,
)
from core.policies import Policy
from db import policies, users
from db.approvals import ChangeRules
from db.audit import list_events
from db.users import system_actor
from orchestrator.accounts import administration
from orchestrator.approvals import requests
from orchestrator.approvals.requests import (
    REQUEST_LIFE,
    SETTLING,
    ApprovalView,
    approve,
    ask_second_person,
    list_requests,
    refuse,
)
from orchestrator.approvals.rules import rules_in_force, set_change_rules
from orchestrator.regions.changes import RegionDraft, add_region
from orchestrator.regions.policies import (
    change_policy,
    change_terms,
    ensure_first_policy,
    limit_by_class,
)
from orchestrator.registry.signatures import pin_signing_key, signing_keys
from orchestrator.use_cases import USE_CASES
from tests.asking import NOW, asking

WARMER = {"migration_usd_per_mwh": 7.0}


@pytest.fixture
def people(session: Session) -> tuple[Actor, Actor]:
    """Two admins of long ago; the rules want both."""
    cli = system_actor(session, "cli")
    ensure_first_policy(asking(session, cli), Policy())
    admins = [
        users.insert_user(
            session,
            name=name,
            role=Role.ADMIN,
            password_hash="x",
            must_change_password=False,
        ).as_actor()
        for name in ("ada", "bob")
    ]
    assert set_change_rules(
        asking(session, admins[0]), two_people=True, reason="Two of us."
    )
    return admins[0], admins[1]


def ask(
    session: Session,
    actor: Actor,
    change: Callable[[], object] | None = None,
    now: datetime = NOW,
) -> ApprovalView:
    """What a page does with a change that needs a second person."""
    with pytest.raises(NeedsSecondPerson) as held:
        (change or (lambda: warmer(session, actor)))()
    act = held.value
    return ask_second_person(
        asking(session, actor, now=now), act.act, act.arguments, act.effects
    )


def warmer(session: Session, actor: Actor) -> bool:
    return change_terms(asking(session, actor), changes=WARMER, reason="Prices rose.")


def price(session: Session) -> float:
    return policies.fleet_policy(session).migration_usd_per_mwh


def actions(session: Session) -> list[tuple[str, str]]:
    return [(event.action, event.actor_name) for event in list_events(session, limit=3)]


def test_one_person_changes_nothing_and_a_second_carries_it_out(
    session: Session, people: tuple[Actor, Actor]
) -> None:
    ada, bob = people
    before = price(session)
    asked = ask(session, ada)
    assert price(session) == before
    assert asked.state == "waiting"
    (effect,) = asked.effects
    assert (effect.before, effect.after) == (
        {"migration_usd_per_mwh": str(before)},
        {"migration_usd_per_mwh": "7.0"},
    )
    done = approve(asking(session, bob, request_id=uuid4()), asked.approval_id)
    assert (done.state, done.answered_by) == ("approved", "bob")
    assert price(session) == 7.0
    assert actions(session) == [
        (AuditAction.APPROVAL_GIVEN, "bob"),
        (AuditAction.POLICY_CHANGED, "ada"),
        (AuditAction.APPROVAL_ASKED, "ada"),
    ]
    given, changed, _ = list_events(session, limit=3)
    assert given.request_id == changed.request_id


def test_nobody_approves_what_they_asked_for(
    session: Session, people: tuple[Actor, Actor]
) -> None:
    ada, _ = people
    asked = ask(session, ada)
    with pytest.raises(Forbidden, match="another person"):
        approve(asking(session, ada), asked.approval_id)
    assert [view.is_own for view in list_requests(asking(session, ada))] == [True]
    with pytest.raises(NotConfirmed):
        approve(asking(session, people[1], is_confirmed=False), asked.approval_id)
    with pytest.raises(Forbidden, match="logged in to the portal"):
        approve(asking(session, system_actor(session, "cli")), asked.approval_id)
    olga = replace(people[1], role=Role.OPERATOR)
    with pytest.raises(Forbidden, match="role"):
        approve(asking(session, olga), asked.approval_id)
    assert requests.list_requests(asking(session, ada))[0].state == "waiting"


@pytest.mark.parametrize("way", ["made", "reset"])
def test_nobody_gets_a_second_person_by_making_one(
    session: Session, people: tuple[Actor, Actor], way: str
) -> None:
    ada, _ = people
    if way == "made":
        administration.add_user(asking(session, ada), "eve", Role.ADMIN)
    else:
        administration.reset_password(asking(session, ada), "bob")
    changed_at = list_events(session, limit=1)[0].occurred_at_utc
    found = users.find_user_by_name(session, "eve" if way == "made" else "bob")
    assert found is not None
    for after, may in ((timedelta(days=6), False), (SETTLING, True)):
        now = changed_at + after + timedelta(minutes=1)
        asked = ask(session, ada, now=now)
        if may:
            assert approve(
                asking(session, found.as_actor(), now=now), asked.approval_id
            )
            continue
        with pytest.raises(Forbidden, match="approves nothing before"):
            approve(asking(session, found.as_actor(), now=now), asked.approval_id)


def test_a_request_is_answered_once_and_expires(
    session: Session, people: tuple[Actor, Actor]
) -> None:
    ada, bob = people
    asked = ask(session, ada)
    again = uuid4()
    for _ in range(2):  # the same click again
        approve(asking(session, bob, request_id=again), asked.approval_id)
    for answer in (approve, refuse):
        with pytest.raises(Conflict, match="is approved"):
            answer(asking(session, bob), asked.approval_id)
    later = ask(
        session,
        ada,
        lambda: change_terms(
            asking(session, ada), changes={"migration_usd_per_mwh": 8.0}, reason="x"
        ),
    )
    with pytest.raises(Conflict, match="expired"):
        approve(asking(session, bob, now=NOW + REQUEST_LIFE), later.approval_id)
    assert price(session) == 7.0


def test_a_refused_request_stays_refused_and_can_be_taken_back(
    session: Session, people: tuple[Actor, Actor]
) -> None:
    ada, bob = people
    for person in (ada, bob):
        asked = ask(session, ada)
        assert refuse(asking(session, person), asked.approval_id).state == "refused"
        with pytest.raises(Conflict, match="refused"):
            approve(asking(session, bob), asked.approval_id)


def test_what_would_do_something_else_by_now_has_to_be_asked_for_again(
    session: Session, people: tuple[Actor, Actor]
) -> None:
    ada, bob = people
    asked = ask(session, ada)
    other = ask(
        session,
        bob,
        lambda: change_terms(
            asking(session, bob), changes={"migration_usd_per_mwh": 3.0}, reason="x"
        ),
    )
    approve(asking(session, ada), other.approval_id)
    with pytest.raises(Conflict, match="something else"), session.begin_nested():
        approve(asking(session, bob), asked.approval_id)
    assert price(session) == 3.0


def test_what_changes_nothing_or_cannot_be_needs_nobody(
    session: Session, people: tuple[Actor, Actor]
) -> None:
    ada, _ = people
    now = {"migration_usd_per_mwh": price(session)}
    assert not change_terms(asking(session, ada), changes=now, reason="x")
    with pytest.raises(InvalidInput, match="reason"):
        change_terms(asking(session, ada), changes=WARMER, reason=" ")
    assert list_requests(asking(session, ada)) == ()


def test_members_of_enumerations_come_back_as_such(
    session: Session, people: tuple[Actor, Actor]
) -> None:
    ada, bob = people
    draft = RegionDraft(
        slug="CA-ON",
        name="Toronto",
        time_zone="America/Toronto",
        latitude_deg=43.7,
        longitude_deg=-79.4,
    )
    add_region(asking(session, ada), draft)
    asked = ask(
        session,
        ada,
        lambda: limit_by_class(
            asking(session, ada),
            region_slug="CA-ON",
            equipment=AshraeClass.A1,
            approach_c=5.0,
            reason="New racks.",
        ),
    )
    approve(asking(session, bob), asked.approval_id)
    own = ask(
        session,
        bob,
        lambda: change_policy(
            asking(session, bob),
            region_slug="CA-ON",
            values={"thermal_limit_c": 25.0, "confidence": 0.9},
            reason="Cautious.",
        ),
    )
    assert own.effects[0].before["thermal_limit_c"] is not None
    approve(asking(session, ada), own.approval_id)


def test_a_signing_key_is_pinned_by_two(
    session: Session, people: tuple[Actor, Actor]
) -> None:
    ada, bob = people
    asked = ask(
        session,
        ada,
        lambda: pin_signing_key(
            asking(session, ada), name="Release", public_key="A" * 43 + "="
        ),
    )
    assert signing_keys(asking(session, ada)) == ()
    approve(asking(session, bob), asked.approval_id)
    (key,) = signing_keys(asking(session, ada))
    assert (key.name, key.pinned_by) == ("Release", "ada")


def test_two_people_cannot_be_switched_off_by_one(
    session: Session, people: tuple[Actor, Actor]
) -> None:
    ada, bob = people
    for actor in (ada, system_actor(session, "cli")):
        with pytest.raises(NeedsSecondPerson):
            set_change_rules(asking(session, actor), two_people=False, reason="Slow.")
    asked = ask(
        session,
        ada,
        lambda: set_change_rules(
            asking(session, ada), two_people=False, reason="We are one now."
        ),
    )
    approve(asking(session, bob), asked.approval_id)
    assert rules_in_force(asking(session, ada)) == ChangeRules()
    assert warmer(session, ada)


def test_one_admin_alone_cannot_require_two(session: Session) -> None:
    cli = system_actor(session, "cli")
    with pytest.raises(Conflict, match="one admin only"):
        set_change_rules(asking(session, cli), two_people=True, reason="Safe.")


def test_a_stored_act_must_be_one_that_two_people_make(
    session: Session, people: tuple[Actor, Actor]
) -> None:
    ada, _ = people
    assert not USE_CASES["accounts.add_user"].needs_two_people
    for act in ("accounts.add_user", "os.system"):
        with pytest.raises(Conflict, match="No change"):
            ask_second_person(asking(session, ada), act, {}, "[]")
