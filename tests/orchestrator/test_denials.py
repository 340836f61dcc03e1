"""Strangers in the audit chain and in the per-address limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from core.audit import ANONYMOUS, AuditAction
from db.audit import list_events
from db.users import system_actor
from orchestrator.accounts import denials
from orchestrator.accounts.denials import LOGIN_LIMIT, address_key
from tests.asking import asking

NOW = datetime(2026, 3, 2, 8, 0, 30, tzinfo=UTC)


def test_an_address_waits_after_the_limit_and_others_do_not(session: Session) -> None:
    for _ in range(LOGIN_LIMIT):
        assert denials.wait_before_login(session, "203.0.113.7", NOW) is None
        denials.record_failed_login(session, "203.0.113.7", NOW)
    assert denials.wait_before_login(session, "203.0.113.7", NOW) is not None
    assert denials.wait_before_login(session, "203.0.113.8", NOW) is None
    later = NOW + timedelta(minutes=11)
    assert denials.wait_before_login(session, "203.0.113.7", later) is None


def test_one_ipv6_network_is_one_address(session: Session) -> None:
    for number in range(LOGIN_LIMIT):
        denials.record_failed_login(session, f"2001:db8::{number:x}", NOW)
    assert denials.wait_before_login(session, "2001:db8::ffff", NOW) is not None
    assert denials.wait_before_login(session, "2001:db8:0:1::1", NOW) is None


@pytest.mark.parametrize("address", [None, "", "not an address", "\x00"])
def test_whatever_has_no_address_is_counted_together(address: str | None) -> None:
    assert address_key(address) == "unknown"


def test_finished_minutes_become_one_event_each(session: Session) -> None:
    for _ in range(7):
        denials.record_failed_login(session, "203.0.113.7", NOW)
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
