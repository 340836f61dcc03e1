"""Events become deliveries in the transaction that appends them, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from core.audit import AuditAction
from db.audit_append import append_event
from tests.deliveries.portals import Portal, webhook

HOOK = "http://localhost:9/hook"


@contextmanager
def _statements(session: Session) -> Iterator[list[str]]:
    found: list[str] = []
    connection = session.connection()

    def note(*given: object) -> None:
        found.append(str(given[2]))

    event.listen(connection, "before_cursor_execute", note)
    yield found
    event.remove(connection, "before_cursor_execute", note)


def _append(session: Session, action: AuditAction, **facts: object) -> None:
    append_event(session, actor=None, action=action, **facts)  # type: ignore[arg-type]


def test_without_a_subscription_an_event_costs_no_statement_more(
    portal: Portal,
) -> None:
    changed = {"object_type": "policy", "object_id": "here"}
    counts = []
    for _ in range(2):
        for action in (AuditAction.LOGIN_FAILED, AuditAction.POLICY_CHANGED):
            with portal.runtime.transaction() as session:
                with _statements(session) as found:
                    _append(session, action, **changed)
                counts.append(len(found))
        if len(counts) == 2:
            portal.add(webhook(HOOK))
    assert counts == [2, 2, 2, 3]


def test_it_is_written_with_the_event_or_rolled_back_with_it(portal: Portal) -> None:
    portal.add(webhook(HOOK))
    with pytest.raises(ZeroDivisionError):
        _fail_after_an_event(portal)
    assert portal.deliveries() == []
    portal.happen("here")
    (delivery,) = portal.deliveries()
    newest = portal.rows("select max(seq) from audit_event")
    assert [(delivery.event_seq,)] == newest


def _fail_after_an_event(portal: Portal) -> None:
    with portal.runtime.transaction() as session:
        _append(session, AuditAction.POLICY_CHANGED, object_id="here")
        raise ZeroDivisionError


def test_kinds_and_regions_choose(portal: Portal) -> None:
    portal.add(webhook(HOOK, name="here", regions=["here"]))
    portal.add(webhook(HOOK, name="plans", kinds=["plan.found"]))
    for region in ("here", "there", "fleet"):
        portal.happen(region)
    chosen = portal.deliveries("here")
    assert [item.order_key for item in chosen] == ["here", ""]
    assert portal.deliveries("plans") == []


def test_a_verdict_is_delivered_when_it_differs_from_the_former_one(
    portal: Portal,
) -> None:
    portal.add(webhook(HOOK, kinds=["verdict.changed"], regions=["here"]))
    for hour, outcome in (
        (1, "BLOCKED"),
        (2, "BLOCKED"),
        (3, "APPROVED"),
        (1, "BLOCKED"),  # issued late, for an hour that is over
        (4, "BLOCKED"),
        (4, "BLOCKED"),
    ):
        _decide(portal, hour, outcome)
    found = portal.deliveries()
    assert [item.detail["former_outcome"] for item in found] == [
        None,
        "BLOCKED",
        "APPROVED",
    ]


def _decide(portal: Portal, hour: int, outcome: str) -> None:
    """An automatic decision, and its event."""
    with portal.runtime.transaction() as session:
        values = {
            "start": f"2026-01-01T{hour:02}:00Z",
            "end": f"2026-01-02T{hour:02}:00Z",
            "outcome": outcome,
        }
        decision_id = session.execute(_DECISION, values).scalar_one()
        _append(
            session,
            AuditAction.DECISION_AUTOMATIC,
            object_type="decision",
            object_id=str(decision_id),
            after={"source": "here", "is_simulated": False, "outcome": outcome},
        )


_DECISION = text(
    """
    insert into decision (kind, request_id, actor_id, source_region_id, shift_pct,
        local_day, window_start_utc, window_end_utc, is_simulated, outcome, reason_code,
        reason_text, risk_level, recommendations, thermal_limit_c, confidence,
        inputs_text, inputs_sha256, code_version, source_bound_after_c)
    values ('automatic', gen_random_uuid(), 1,
        (select id from region where slug = 'here'), 0,
        '2026-01-01', cast(:start as timestamptz), cast(:end as timestamptz), false,
        :outcome, 'over_limit', 'x', 'high', '{}', 35, 0.95, '{}', repeat('0', 64),
        'test', 30)
    returning id
    """
)
