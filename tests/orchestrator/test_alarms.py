"""Alarms on the database: raised by rule, handled by people, each step audited."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.alarm_kinds import AlarmKind, AlarmPriority
from core.audit import AuditAction
from core.decision_states import DecisionState
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.telemetry import HOUR
from db import alarms, audit
from db.chain_checks import NewChainCheck, insert_check
from db.policies import insert_policy
from db.regions import region_by_slug
from db.users import system_actor
from orchestrator.alarms.alarm_lists import (
    AlarmQuestion,
    StateFilter,
    alarm_bar,
    alarm_detail,
    alarm_review,
    list_alarms,
    standing_alarms,
)
from orchestrator.alarms.alarm_rules import (
    AlarmTerms,
    _not_carried_out,
    evaluate_alarms,
)
from orchestrator.alarms.handling import (
    acknowledge_alarms,
    comment_alarm,
    put_alarm_back,
    shelve_alarm,
    take_alarm_out,
    unshelve_alarm,
)
from orchestrator.alarms.handover import hand_over
from orchestrator.alarms.views import AlarmView
from orchestrator.decisions.states import state_decision
from orchestrator.use_cases import Request
from tests.asking import NOW, asking
from tests.fleet import Fleet
from tests.long_fleet import lengthen
from tests.orchestrator.test_cycle_cost import recorded
from tests.orchestrator.test_superseding import recorded as recorded_shift

MOST_STATEMENTS = 30
ARIZONA = "region arizona"
ACTIONS = [action for action in AuditAction if action.startswith("alarm_")]
MINUTE = timedelta(minutes=1)


def worker(session: Session, after: timedelta = timedelta()) -> Request:
    return asking(session, system_actor(session, "worker"), now=NOW + after)


def look(
    session: Session,
    fleet: Fleet,
    after: timedelta = timedelta(),
    *,
    was_silent: bool = False,
) -> int:
    """Evaluate, as the worker does each minute."""
    if not was_silent:
        alarms.note_look(session, NOW + after - MINUTE)
    terms = AlarmTerms.of(fleet.runtime.settings)
    return evaluate_alarms(worker(session, after), terms)


def limit_of(
    session: Session, slug: str, limit_c: float, *, max_age_h: float = 3.0
) -> None:
    insert_policy(
        session,
        region_id=region_by_slug(session, slug).region_id,
        values={"thermal_limit_c": limit_c, "telemetry_max_age_h": max_age_h},
        actor_id=system_actor(session, "worker").user_id,
        reason="test",
    )


def standing(session: Session, after: timedelta = timedelta()) -> list[AlarmView]:
    """Without that of Arizona, which is above its limit."""
    return [
        one for one in standing_alarms(worker(session, after)) if one.about != ARIZONA
    ]


def told(session: Session) -> list[str]:
    events = [
        event
        for action in ACTIONS
        for event in audit.list_events(session, action=action)
        if event.after["cause"] != "region:arizona"
    ]
    return [event.action for event in sorted(events, key=lambda event: event.seq)]


def test_a_region_above_its_limit_is_raised_once_and_lives(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        assert look(session, fleet) == 1, "Arizona; its forecast is a consequence"
        for slug, limit_c in (("arizona", 35.0), ("ireland", 5.0), ("wyoming", 35.0)):
            limit_of(session, slug, limit_c, max_age_h=24.0)
        assert look(session, fleet, MINUTE) == 1
        assert look(session, fleet, 2 * MINUTE) == 0, "raised once"
        (alarm,) = standing(session)
        assert (alarm.kind, alarm.priority) == (
            AlarmKind.BREACH_NOW,
            AlarmPriority.HIGH,
        )
        assert alarm.region_slugs == ("ireland",)
        assert "its limit is 5 °C" in alarm.text
        assert alarm.alarm_id is not None
        bar = alarm_bar(worker(session))
        assert bar.n_unacknowledged == 2
        assert bar.counts == {
            AlarmPriority.HIGH: 2, AlarmPriority.MEDIUM: 0, AlarmPriority.LOW: 0
        }  # fmt: skip
        assert bar.newest is not None
        assert bar.newest.alarm_id == alarm.alarm_id

        admin = worker(session)
        assert acknowledge_alarms(admin, [alarm.alarm_id]) == 1
        assert acknowledge_alarms(admin, [alarm.alarm_id]) == 0, "done already"
        assert alarm_bar(admin).n_unacknowledged == 1
        shelve_alarm(admin, alarm_id=alarm.alarm_id, hours=2, reason="Being mended.")
        assert standing(session) == []
        assert look(session, fleet, 3 * HOUR) == 0
        (back,) = standing(session)
        assert not back.is_acknowledged, "after shelving it asks again"

        limit_of(session, "ireland", 60.0, max_age_h=24.0)
        look(session, fleet, 3 * HOUR + MINUTE)
        assert standing(session)[0].ended_at_utc == NOW + 3 * HOUR + MINUTE
        look(session, fleet, 5 * HOUR + MINUTE)
        cleared = alarm_detail(admin, alarm.alarm_id)
        assert cleared.alarm.state == "cleared"
        assert [str(one.change) for one in cleared.history] == [
            "cleared", "unshelved", "shelved", "acknowledged", "raised",
        ]  # fmt: skip
        assert [one.actor_name for one in cleared.history[2:]] == [
            "worker", "worker", None,
        ]  # fmt: skip
        assert cleared.history[2].sentence == "Being mended."
        assert told(session) == [
            "alarm_raised", "alarm_acknowledged", "alarm_shelved", "alarm_unshelved",
            "alarm_cleared",
        ]  # fmt: skip
        (after,) = [
            event.after
            for event in audit.list_events(session, action=AuditAction.ALARM_RAISED)
            if event.after["cause"] == "region:ireland"
        ]
        assert (after["kind"], after["priority"]) == ("breach_now", "high")
        assert (after["cause"], after["regions"]) == ("region:ireland", ["ireland"])
        assert after["since_utc"] == "2025-07-20T18:00:00.000000Z"
        assert after["text"] == alarm.text
        assert audit.verify(session).is_sound


def test_all_regions_that_stop_are_one_alarm(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        look(session, fleet, 5 * HOUR - MINUTE)
        (alarm,) = standing(session, 5 * HOUR)
        assert alarm.kind is AlarmKind.TELEMETRY_STALE
        assert alarm.about == "all"
        assert alarm.n_explained == 3
        assert len(alarm.region_slugs) == 3
        found = list_alarms(worker(session), AlarmQuestion(region_slug="ireland"))
        assert [one.alarm_id for one in found.alarms] == [alarm.alarm_id]
        assert list_alarms(worker(session), AlarmQuestion(region_slug="x")).alarms == ()


def test_a_silence_of_the_worker_is_seen_by_readers_and_stored_after_it(
    fleet: Fleet,
) -> None:
    with fleet.runtime.transaction() as session:
        look(session, fleet)
        assert standing(session, 4 * MINUTE) == []
        (silent,) = standing(session, 10 * MINUTE)
        assert silent.alarm_id is None
        assert "since 2025-07-20 18:25 UTC" in silent.text
        assert look(session, fleet, 20 * MINUTE, was_silent=True) == 1
        (stored,) = standing(session, 20 * MINUTE)
        assert stored.text == (
            "The worker was silent from 2025-07-20 18:25 to 2025-07-20 18:45 UTC."
        )
        look(session, fleet, 21 * MINUTE)
        look(session, fleet, 31 * MINUTE)
        (left,) = standing(session, 31 * MINUTE)
        assert left.state == "cleared"


def test_out_of_service_is_for_admins_and_lasts(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        limit_of(session, "ireland", 5.0)
        look(session, fleet)
        (alarm,) = standing(session)
        assert alarm.alarm_id is not None
        admin = worker(session)
        operator = replace(admin, caller=replace(admin.actor, role=Role.OPERATOR))
        with pytest.raises(Forbidden, match="disable alarms"):
            take_alarm_out(operator, alarm_id=alarm.alarm_id, reason="x")
        with pytest.raises(InvalidInput, match="Write a reason"):
            take_alarm_out(admin, alarm_id=alarm.alarm_id, reason=" ")
        take_alarm_out(admin, alarm_id=alarm.alarm_id, reason="The hall is closed.")
        look(session, fleet, MINUTE)
        assert standing(session) == []
        out = list_alarms(admin, AlarmQuestion(state=StateFilter.SHELVED)).alarms
        assert [one.state for one in out] == ["out of service"]
        with pytest.raises(Conflict, match="out of service"):
            shelve_alarm(admin, alarm_id=alarm.alarm_id, hours=1, reason="x")
        put_alarm_back(admin, alarm_id=alarm.alarm_id)
        assert [one.is_acknowledged for one in standing(session)] == [False]


def test_auditors_read_operators_act(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        limit_of(session, "ireland", 5.0)
        look(session, fleet)
        (alarm,) = standing(session)
        assert alarm.alarm_id is not None
        me = system_actor(session, "cli")
        auditor = asking(session, replace(me, role=Role.AUDITOR))
        operator = asking(session, replace(me, role=Role.OPERATOR))
        assert list_alarms(auditor).alarms
        later = replace(auditor, now=NOW + MINUTE)
        assert alarm_review(later).figures.raised == 2
        for act in (
            lambda: acknowledge_alarms(auditor, [alarm.alarm_id or 0]),
            lambda: comment_alarm(auditor, alarm_id=alarm.alarm_id or 0, comment="x"),
            lambda: hand_over(auditor, note="x"),
        ):
            with pytest.raises(Forbidden, match="handle alarms"):
                act()
        comment_alarm(operator, alarm_id=alarm.alarm_id, comment="A truck is coming.")
        shelve_alarm(operator, alarm_id=alarm.alarm_id, hours=8, reason="Known.")
        unshelve_alarm(operator, alarm_id=alarm.alarm_id)
        history = alarm_detail(auditor, alarm.alarm_id).history
        assert history[2].sentence == "A truck is coming."
        with pytest.raises(NotFound, match="no alarm 99"):
            acknowledge_alarms(operator, [99])


def test_the_same_request_again_changes_nothing(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        limit_of(session, "ireland", 5.0)
        look(session, fleet)
        (alarm,) = standing(session)
        assert alarm.alarm_id is not None
        me: Actor = system_actor(session, "cli")
        once = asking(session, me, request_id=uuid4())
        assert acknowledge_alarms(once, [alarm.alarm_id]) == 1
        assert acknowledge_alarms(once, [alarm.alarm_id]) == 1
        noted = asking(session, me, request_id=uuid4())
        assert hand_over(noted, note="Quiet.") == hand_over(noted, note="Quiet.")
        assert told(session) == ["alarm_raised", "alarm_acknowledged"]


@pytest.mark.parametrize("hours", [0.0, 1e-85, 24.1, float("nan")])
def test_a_shift_without_length_or_too_long_is_refused(
    session: Session, hours: float
) -> None:
    request = asking(session, system_actor(session, "cli"))
    with pytest.raises(InvalidInput, match="lasts more than 0 and at most 24 h"):
        hand_over(request, note="Quiet.", hours=hours)


def test_a_hand_over_lists_what_stands_and_was_decided(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        limit_of(session, "ireland", 5.0)
        look(session, fleet)
        hand_over(worker(session), note=" Ireland is hot.\n", hours=8)
        (note,) = alarm_review(worker(session)).notes
        assert (note.note, note.actor_name) == ("Ireland is hot.", "worker")
        assert note.end_utc - note.start_utc == 8 * HOUR
        assert note.decision_ids == ()
        assert len(note.alarms) == 2
        line = max(note.alarms)
        assert line.startswith("Above the limit (active): Ireland was at")
        (event,) = audit.list_events(session, action=AuditAction.SHIFT_HANDED_OVER)
        assert event.after["note"] == "Ireland is hot."
        for wrong in ({"note": " "}, {"note": "x", "hours": 25}):
            with pytest.raises(InvalidInput):
                hand_over(worker(session), **wrong)  # type: ignore[arg-type]


def test_an_old_backup_is_an_alarm_only_where_backups_are_watched(
    fleet: Fleet,
) -> None:
    with fleet.runtime.transaction() as session:
        terms = AlarmTerms.of(fleet.runtime.settings)
        watched = replace(terms, backup_max_age_h=1.0)
        # Events carry the database's own clock, which is years after the fleet's.
        later = asking(
            session, system_actor(session, "worker"), now=NOW + timedelta(days=9999)
        )
        evaluate_alarms(later, watched)
        kinds = {one.kind for one in standing(session)}
        assert AlarmKind.BACKUP_OLD in kinds
        assert not {
            state.kind
            for state in alarms.states_to_evaluate(session).values()
            if state.kind is AlarmKind.BREACH_NOW
        }


def test_a_broken_chain_and_an_unperformed_shift_are_raised_and_cleared(
    fleet: Fleet,
) -> None:
    broken = NewChainCheck(
        scope="whole", event_count=9, anchored_seq=None, first_bad_seq=4,
        reason="Its hash is another.", duration_s=0.1,
    )  # fmt: skip
    sound = replace(broken, first_bad_seq=None, reason=None)
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        insert_check(session, broken)
        limit_of(session, "arizona", 60.0)
    number = recorded_shift(fleet, actor).decision_id
    with fleet.runtime.transaction() as session:
        # The database's own clock is years after the fleet's: a time of its own.
        look(session, fleet, timedelta())
        kinds = {one.kind: one for one in standing_alarms(worker(session))}
        assert "Event 4: Its hash" in kinds[AlarmKind.CHAIN_BROKEN].text
        waits = [
            one
            for one in _not_carried_out(session, NOW + HOUR)
            if one.cause == f"decision:{number}"
        ]
        assert f"Decision {number}, 20 % of Arizona" in waits[0].text
        assert set(waits[0].region_slugs) == {"arizona", "ireland"}

        insert_check(session, sound)
        state_decision(
            asking(session, actor),
            decision_id=number,
            state=DecisionState.IN_EFFECT,
            reason="",
        )
        assert _not_carried_out(session, NOW + HOUR) == []
        look(session, fleet, MINUTE)
        ended = {one.kind: one for one in standing_alarms(worker(session))}
        assert ended[AlarmKind.CHAIN_BROKEN].state == "cleared"


def test_the_statements_of_a_look_do_not_grow_with_the_fleet(fleet: Fleet) -> None:
    counts = []
    for n_copies in (0, 20):
        if n_copies:
            lengthen(fleet.urls, n_copies)
        with fleet.runtime.transaction() as session:
            look(session, fleet, MINUTE)
            with recorded() as statements:
                look(session, fleet, 2 * MINUTE)
        counts.append(len(statements))
    assert counts[1] == counts[0] <= MOST_STATEMENTS
