"""The chain in PostgreSQL: no fork, no gap, and no change that goes unseen."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.audit import AuditAction
from core.errors import InvalidInput
from db.audit import EventFilter, event_for_object, list_events, verify
from db.audit_append import append_event
from db.chain_checks import NewChainCheck, insert_check, newest_check
from db.engine import DatabaseUrls, libpq_url, make_engine
from db.schema import AuditEventRow, AuditHeadRow

ADA = Actor(
    user_id=1, name="ada", role=Role.OPERATOR, address="10.0.0.7", session_sha256="ab"
)


def append(session: Session, number: int = 0, actor: Actor | None = ADA) -> int:
    return append_event(
        session,
        actor=actor,
        action=AuditAction.DECISION_RECORDED,
        object_type="decision",
        object_id=str(number),
        after={"bound_c": 35.1, "number": number},
        reason="seen",
        request_id=f"request-{number}",
    )


def write_events(urls: DatabaseUrls, count: int) -> None:
    engine = make_engine(urls.app, pool_size=1)
    for number in range(count):
        with Session(engine) as session, session.begin():
            append(session, number)
    engine.dispose()


def test_sequences_start_at_one_and_have_no_gap(session: Session) -> None:
    assert [append(session, number) for number in range(3)] == [1, 2, 3]


def test_the_first_event_continues_the_installation_id(session: Session) -> None:
    head_before = session.execute(select(AuditHeadRow.hash)).scalar_one()
    append(session)

    first = list_events(session)[0]
    assert first.previous_hash == head_before
    assert verify(session).is_sound


def test_an_event_holds_who_what_when_and_why(session: Session) -> None:
    append(session, 9)

    event = list_events(session)[0]
    payload = json.loads(event.payload)
    assert payload["actor_name"] == event.actor_name == "ada"
    assert payload["role"] == "operator"
    assert payload["session_sha256"] == "ab"
    assert payload["address"] == "10.0.0.7"
    assert payload["after"] == {"bound_c": "35.1", "number": 9}
    assert payload["before"] is None
    assert payload["reason"] == "seen"
    assert payload["request_id"] == event.request_id == "request-9"
    assert abs(datetime.now(UTC) - event.occurred_at_utc) < timedelta(minutes=1)


def test_a_stranger_is_recorded_without_a_user(session: Session) -> None:
    append_event(session, actor=None, action=AuditAction.LOGIN_FAILED)

    event = list_events(session)[0]
    assert (event.actor_id, event.actor_name) == (None, "anonymous")
    assert verify(session).is_sound


def test_a_rolled_back_event_leaves_no_gap(database_urls: DatabaseUrls) -> None:
    engine = make_engine(database_urls.app, pool_size=1)
    with Session(engine) as session:
        append(session)
        session.rollback()
        assert append(session) == 1
        session.commit()
        assert verify(session).event_count == 1
    engine.dispose()


def test_the_writer_cannot_choose_sequence_or_hash(session: Session) -> None:
    session.execute(
        text(
            "insert into audit_event (seq, format_version, previous_hash, hash,"
            " payload, occurred_at_utc, actor_name, action)"
            " values (99, 7, '\\x00', '\\x00', '{}', now(), 'eve', 'x')"
        )
    )

    event = list_events(session)[0]
    assert (event.seq, event.format_version) == (1, 1)
    assert len(event.hash) == 32


def test_eight_writers_make_one_chain_without_fork_or_gap(
    database_urls: DatabaseUrls,
) -> None:
    writers, each = 8, 40
    engine = make_engine(database_urls.app, pool_size=writers)

    def write(_writer: int) -> list[int]:
        seqs = []
        for number in range(each):
            with Session(engine) as session, session.begin():
                seqs.append(append(session, number))
        return seqs

    with ThreadPoolExecutor(writers) as pool:
        results = list(pool.map(write, range(writers)))

    assert sorted(seq for seqs in results for seq in seqs) == [
        *range(1, writers * each + 1)
    ]
    assert all(seqs == sorted(seqs) for seqs in results)
    with Session(engine) as session:
        report = verify(session)
    engine.dispose()
    assert report.is_sound
    assert report.event_count == writers * each


def test_pages_follow_each_other_without_overlap(session: Session) -> None:
    for number in range(5):
        append(session, number)

    first = list_events(session, limit=2)
    second = list_events(session, limit=2, before_seq=first[-1].seq)

    assert [event.seq for event in (*first, *second)] == [5, 4, 3, 2]


def test_events_are_filtered_by_action_and_actor(session: Session) -> None:
    append(session, 1)
    append_event(session, actor=None, action=AuditAction.LOGIN_FAILED)

    by_action = list_events(session, action=AuditAction.LOGIN_FAILED)
    by_actor = list_events(session, chosen=EventFilter(actor_name="ada"))

    assert [event.seq for event in by_action] == [2]
    assert [event.seq for event in by_actor] == [1]


def test_the_event_of_an_object_is_its_first(session: Session) -> None:
    append(session, 4)
    append(session, 4)

    found = event_for_object(session, object_type="decision", object_id="4")

    assert found is not None
    assert found.seq == 1
    assert event_for_object(session, object_type="decision", object_id="5") is None


@pytest.mark.parametrize("limit", [0, 502])
def test_a_page_has_a_limit(session: Session, limit: int) -> None:
    with pytest.raises(InvalidInput):
        list_events(session, limit=limit)


REWRITE = (
    "update audit_event set payload = replace(payload, '35.1', '34.9') where seq = 4"
)
SLIP_IN = (
    "insert into audit_event select 7, format_version, hash, previous_hash, payload,"
    " occurred_at_utc, actor_id, actor_name, action, object_type, object_id, request_id"
    " from audit_event where seq = 6"
)
# Whoever also mends the hash breaks the next link.
MEND = (
    "update audit_event set hash = sha256('\\x01'::bytea || previous_hash"
    " || int8send(seq) || convert_to(payload, 'UTF8')) where seq = 4"
)


@pytest.mark.parametrize(
    ("tampering", "first_bad_seq"),
    [
        (REWRITE, 4),
        (f"{REWRITE}; {MEND}", 5),
        ("update audit_event set actor_name = 'eve' where seq = 4", 4),
        ("update audit_event set action = 'decision_refused' where seq = 4", 4),
        ("update audit_event set occurred_at_utc = now() where seq = 4", 4),
        ("update audit_event set hash = sha256('x') where seq = 4", 4),
        ("delete from audit_event where seq = 4", 4),
        ("delete from audit_event where seq = 1", 1),
        ("delete from audit_event where seq = 6", 6),
        ("delete from audit_event", 1),
        ("update audit_event set seq = seq + 1000 where seq = 4", 4),
        ("update audit_event set occurred_at_utc = 'infinity' where seq = 4", 4),
        ("update audit_event set request_id = null where seq = 4", 4),
        (SLIP_IN, 7),
        ("update audit_event set seq = 0 where seq = 4", 0),
        ("update audit_head set hash = sha256('x')", 7),
        ("update audit_head set installation_id = gen_random_uuid()", 1),
    ],
)
def test_tampering_by_the_owner_is_found_at_its_place(
    database_urls: DatabaseUrls, tampering: str, first_bad_seq: int
) -> None:
    write_events(database_urls, 6)
    with psycopg.connect(libpq_url(database_urls.owner)) as owner:
        for table in ("audit_event", "audit_head"):
            owner.execute(f"alter table {table} disable trigger user".encode())
        owner.execute(
            "alter table audit_event drop constraint ck_audit_event_seq_positive"
        )
        assert owner.execute(tampering.encode()).rowcount > 0
        for table in ("audit_event", "audit_head"):
            owner.execute(f"alter table {table} enable trigger user".encode())

    engine = make_engine(database_urls.auditor, pool_size=1)
    with Session(engine) as session:
        report = verify(session)
    engine.dispose()

    assert report.first_bad_seq == first_bad_seq
    assert report.reason


def test_no_event_is_written_when_its_transaction_fails(
    database_urls: DatabaseUrls,
) -> None:
    engine = make_engine(database_urls.app, pool_size=1)
    with Session(engine) as session:
        append(session)
        with pytest.raises(InvalidInput):
            append_event(
                session, actor=ADA, action=AuditAction.LOGGED_OUT, after={"x": object()}
            )
    with Session(engine) as session:
        assert session.scalars(select(AuditEventRow.seq)).all() == []
    engine.dispose()


def test_events_are_filtered_by_time_object_and_request(session: Session) -> None:
    for number in range(4):
        append(session, number)
    second = list_events(session, chosen=EventFilter(object_id="1"))[0]
    third = list_events(session, chosen=EventFilter(request_id="request-2"))[0]

    since = EventFilter(from_utc=second.occurred_at_utc, object_type="decision")
    until = EventFilter(until_utc=third.occurred_at_utc)

    assert [event.seq for event in list_events(session, chosen=since)] == [4, 3, 2]
    assert [event.seq for event in list_events(session, chosen=until)] == [2, 1]


def test_a_time_filter_finds_an_event_that_waited_for_its_place(
    owner_session: Session,
) -> None:
    """Stamped before an event that came first into the chain."""
    for number in range(3):
        append(owner_session, number)
    owner_session.execute(text("alter table audit_event disable trigger user"))
    noon = datetime(2025, 7, 1, 12, tzinfo=UTC)
    for seq, minutes in ((1, 2), (2, 0), (3, 3)):
        owner_session.execute(
            text("update audit_event set occurred_at_utc = :at where seq = :seq"),
            {"at": noon + timedelta(minutes=minutes), "seq": seq},
        )

    found = list_events(
        owner_session, chosen=EventFilter(from_utc=noon + timedelta(minutes=1))
    )
    earlier = list_events(
        owner_session, chosen=EventFilter(until_utc=noon + timedelta(minutes=1))
    )

    assert [event.seq for event in found] == [3, 1]
    assert [event.seq for event in earlier] == [2]


def test_oldest_first_goes_on_after_a_sequence(session: Session) -> None:
    for number in range(5):
        append(session, number)

    page = list_events(session, oldest_first=True, after_seq=2, limit=2)

    assert [event.seq for event in page] == [3, 4]


def test_what_was_found_broken_early_can_be_kept_in_the_same_transaction(
    database_urls: DatabaseUrls,
) -> None:
    """The walk ends with megabytes still to come; that must not end the transaction."""
    engine = make_engine(database_urls.app, pool_size=1)
    with Session(engine) as session, session.begin():
        for number in range(40):
            append_event(
                session,
                actor=ADA,
                action=AuditAction.POLICY_CHANGED,
                object_type="policy",
                object_id=str(number),
                reason="x" * 300_000,
            )
    owner = make_engine(database_urls.owner, pool_size=1)
    with owner.begin() as connection:
        connection.execute(text("alter table audit_event disable trigger user"))
        connection.execute(
            text("update audit_event set actor_name = 'eve' where seq = 2")
        )
    owner.dispose()

    with Session(engine) as session, session.begin():
        report = verify(session)
        insert_check(
            session,
            NewChainCheck(
                scope="whole",
                event_count=report.event_count,
                anchored_seq=None,
                first_bad_seq=report.first_bad_seq,
                reason=report.reason,
                duration_s=0.1,
            ),
        )
    with Session(engine) as session:
        kept = newest_check(session)
    engine.dispose()

    assert kept is not None
    assert kept.found.first_bad_seq == 2
