"""The heartbeat is given while cycle, database and chain are sound, and only then."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from core.audit import AuditAction
from core.audit_chain import ChainReport
from db import audit, chain_checks
from db.chain_checks import NewChainCheck
from db.engine import make_engine
from orchestrator.audit.chain_status import report_broken_chain
from orchestrator.deliveries.heartbeat import Heartbeat, why_unsound
from tests.deliveries.portals import Portal, Receiver, webhook


def _heartbeat(
    portal: Portal, receiver: Receiver, cycle_age: timedelta | None, **changes: Any
) -> Heartbeat:
    settings = portal.runtime.settings.model_copy(
        update={
            "heartbeat_url": SecretStr(f"{receiver.address}/ping/secret"),
            "heartbeat_private_hosts": frozenset({"localhost"}),
            **changes,
        }
    )
    runtime = replace(portal.runtime, settings=settings)
    now = datetime.now(UTC)
    ended = None if cycle_age is None else now - cycle_age
    return Heartbeat(runtime, threading.Event(), lambda _: ended)


def _check(portal: Portal, reason: str | None) -> None:
    """What a check of the chain found."""
    check = NewChainCheck(
        scope="whole",
        event_count=7,
        anchored_seq=None,
        first_bad_seq=3 if reason else None,
        reason=reason,
        duration_s=0.1,
    )
    with portal.runtime.transaction() as session:
        chain_checks.insert_check(session, check)


def test_it_is_given_while_everything_is_sound(
    portal: Portal, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    receiver.answering = lambda _: receiver.reply({})
    assert _heartbeat(portal, receiver, timedelta(minutes=70)).beat()
    (asked,) = receiver.asked
    assert asked.path == "/ping/secret"
    assert not _heartbeat(portal, receiver, None).beat()
    assert not _heartbeat(portal, receiver, timedelta(hours=3)).beat()
    hosts: dict[str, Any] = {"heartbeat_private_hosts": frozenset()}
    assert not _heartbeat(portal, receiver, timedelta(), **hosts).beat()
    assert len(receiver.asked) == 1
    assert "/ping/secret" not in capfd.readouterr().out


def test_without_an_address_or_a_database_nothing_is_given(
    portal: Portal, receiver: Receiver, tmp_path: Path
) -> None:
    silent = _heartbeat(portal, receiver, timedelta(), heartbeat_url=None)
    assert silent.start() is None
    assert not silent.beat()
    nowhere = make_engine(f"postgresql://gfo_app@/gfo?host={tmp_path}", pool_size=1)
    beating = _heartbeat(portal, receiver, timedelta())
    beating._runtime = replace(beating._runtime, engine=nowhere)
    assert not beating.beat()
    assert receiver.asked == []


def test_a_broken_chain_ends_it_and_is_an_event_once(
    portal: Portal, receiver: Receiver
) -> None:
    portal.add(webhook(receiver.hook, kinds=["chain.broken"]))
    for reason in ("event 3 was changed", "event 3 was changed", None):
        _check(portal, reason)
        with portal.runtime.request_as("worker") as request:
            report_broken_chain(request)
            why = why_unsound(request.session, request.now, request.now)
        assert (why is None) is (reason is None)
    with portal.runtime.transaction() as session:
        (event,) = audit.list_events(session, action=AuditAction.CHAIN_BROKEN)
        report: ChainReport = audit.verify(session)
    assert report.is_sound
    assert event.after == {"first_bad_seq": 3, "scope": "whole"}
    portal.deliver()
    (payload,) = receiver.taken
    assert payload["data"]["first_bad_seq"] == 3
    assert payload["data"]["reason"] == "event 3 was changed"
