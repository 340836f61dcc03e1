"""Refused people and strangers in the audit chain."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from core.audit import ANONYMOUS, AuditAction
from db.audit import list_events
from db.users import system_actor
from orchestrator.accounts import denials
from orchestrator.accounts.denials import address_key
from tests.asking import asking

NOW = datetime(2026, 3, 2, 8, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("address", [None, "", "not an address", "\x00"])
def test_whatever_has_no_address_is_counted_together(address: str | None) -> None:
    assert address_key(address) == "unknown"


def test_finished_minutes_become_one_event_each(session: Session) -> None:
    for _ in range(7):
        denials.count_failed_login(session, "203.0.113.7", "name:17", NOW)
    worker, later = system_actor(session, "worker"), NOW + timedelta(minutes=1)
    denials.record_refused_stranger(asking(session, None, now=NOW), "203.0.113.7")
    assert denials.report_finished_minutes(asking(session, worker, now=NOW)) == 0
    assert denials.report_finished_minutes(asking(session, worker, now=later)) == 2
    events = list_events(session)
    assert {event.action for event in events} == {
        AuditAction.LOGIN_FAILED,
        AuditAction.ACCESS_DENIED,
    }
    assert all(event.object_id == "203.0.113.7" for event in events)
    assert any('"count":7' in event.payload for event in events)
    assert {event.actor_name for event in events} == {ANONYMOUS}
    assert denials.report_finished_minutes(asking(session, worker, now=later)) == 0


def test_an_accounts_failures_in_a_minute_are_one_event_that_names_it(
    session: Session,
) -> None:
    for number in range(9):
        denials.count_failed_login(session, f"203.0.113.{number}", "user:7", NOW)
    worker, later = system_actor(session, "worker"), NOW + timedelta(minutes=1)
    denials.report_finished_minutes(asking(session, worker, now=later))
    (event,) = [e for e in list_events(session) if e.object_type == "user"]
    assert (event.action, event.object_id) == (AuditAction.LOGIN_FAILED, "7")
    assert '"count":9' in event.payload


def test_a_hundred_refusals_of_a_person_are_one_event(session: Session) -> None:
    cli = replace(system_actor(session, "cli"), address="203.0.113.7")
    for number in range(100):
        wanted = "/users" if number % 4 else "/models"
        denials.record_denial(asking(session, cli, now=NOW), wanted)
    assert list_events(session) == []
    later = NOW + timedelta(minutes=1)
    denials.record_denial(asking(session, cli, now=later), "/later")
    (event,) = list_events(session)
    assert (event.actor_name, event.object_id) == ("cli", "/users")
    assert '"count":100' in event.payload
    assert '"wanted":{"/models":25,"/users":75}' in event.payload
    assert '"address":"203.0.113.7"' in event.payload
