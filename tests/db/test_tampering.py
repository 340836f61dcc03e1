"""Random tampering by a database superuser: what verification finds, and what not.

Each is done for real, in a transaction that is rolled back, with every trigger off.
`./test --full` does a thousand; docs/audit.md states what is found.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.anchors import Anchor
from core.audit import AuditAction, event_hash, genesis_hash, instant_text
from core.audit_chain import ChainReport
from core.errors import InvalidInput
from db import audit
from db.audit_append import append_event
from db.engine import make_engine, parse_url
from tests.conftest import PostgresForTests

TAMPERINGS = 1_000 if os.environ.get("GFO_TEST_FULL") else 78
EVENTS, ANCHORED = 60, (20, 40, 48)
ADA = Actor(user_id=1, name="ada", role=Role.ADMIN, address="192.0.2.7")
COLUMNS = (
    "seq", "format_version", "previous_hash", "hash", "payload", "occurred_at_utc",
    "actor_id", "actor_name", "action", "object_type", "object_id", "request_id",
)  # fmt: skip

Row = dict[str, object]


@dataclass
class Chain:
    """The chain as a superuser sees it, and its anchors."""

    connection: Connection
    anchors: tuple[Anchor, ...]
    random: random.Random

    def rows(self) -> list[Row]:
        found = self.connection.execute(text("select * from audit_event order by seq"))
        return [dict(row._mapping) for row in found]

    def write(self, rows: list[Row]) -> None:
        """Put these rows in place of all."""
        self.connection.execute(text("delete from audit_event"))
        names = ", ".join(COLUMNS)
        values = ", ".join(f":{name}" for name in COLUMNS)
        self.connection.execute(
            text(f"insert into audit_event ({names}) values ({values})"),  # noqa: S608
            rows,
        )

    def set_head(self, row: Row) -> None:
        self.connection.execute(
            text("update audit_head set seq = :seq, hash = :hash"), row
        )

    def any_seq(self, first: int = 1, last: int = EVENTS) -> int:
        return self.random.randint(first, last)


def recompute(rows: list[Row], installation_id: UUID) -> list[Row]:
    """Sequences and hashes as an honest chain of these payloads would have them."""
    previous = genesis_hash(installation_id)
    for seq, row in enumerate(rows, 1):
        payload = str(row["payload"])
        link = event_hash(1, previous, seq, payload)
        row.update(seq=seq, previous_hash=previous, hash=link)
        previous = link
    return rows


def installation(chain: Chain) -> UUID:
    found = chain.connection.scalar(text("select installation_id from audit_head"))
    assert isinstance(found, UUID)
    return found


def edit_a_field(chain: Chain) -> int:
    seq = chain.any_seq()
    before = chain.rows()[seq - 1]
    changes = {
        "format_version": "2", "previous_hash": "sha256('x')", "hash": "sha256('y')",
        "payload": "overlay(payload placing 'Z' from :at)",
        "occurred_at_utc": "occurred_at_utc + interval '1 microsecond'",
        "actor_id": "null", "actor_name": "actor_name || ' '",
        "action": "'login_succeeded'", "object_type": "null",
        "object_id": "object_id || '0'", "request_id": "null",
    }  # fmt: skip
    name = chain.random.choice(list(changes))
    at = chain.random.randint(1, len(str(before["payload"])))
    chain.connection.execute(
        text(f"update audit_event set {name} = {changes[name]} where seq = :seq"),  # noqa: S608
        {"seq": seq} | ({"at": at} if name == "payload" else {}),
    )
    return seq


def delete_events(chain: Chain) -> int:
    seqs = sorted({chain.any_seq() for _ in range(chain.random.randint(1, 3))})
    chain.connection.execute(
        text("delete from audit_event where seq = any(:seqs)"), {"seqs": seqs}
    )
    return seqs[0]


def swap_two(chain: Chain) -> int:
    first, second = sorted(chain.random.sample(range(1, EVENTS + 1), 2))
    for old, new in ((first, -1), (second, first), (-1, second)):
        chain.connection.execute(
            text("update audit_event set seq = :new where seq = :old"),
            {"old": old, "new": new},
        )
    return first


def insert_one(chain: Chain) -> int:
    rows = chain.rows()
    place = chain.any_seq()
    rows.insert(place - 1, dict(rows[place - 1]))
    for seq, row in enumerate(rows, 1):
        row["seq"] = seq
    chain.write(rows)
    return place + 1


def append_one_behind_the_head(chain: Chain) -> int:
    rows = chain.rows()
    chain.write([*rows, {**rows[-1], "seq": EVENTS + 1}])
    return EVENTS + 1


def cut_the_end(chain: Chain) -> int:
    last = chain.any_seq(0, EVENTS - 1)
    chain.connection.execute(
        text("delete from audit_event where seq > :last"), {"last": last}
    )
    return last + 1


def change_the_head(chain: Chain) -> int:
    changes = {
        "seq = seq + 1": EVENTS + 1,
        "hash = sha256('x')": EVENTS + 1,
        "installation_id = gen_random_uuid()": 1,
    }
    change = chain.random.choice(list(changes))
    chain.connection.execute(text(f"update audit_head set {change}"))  # noqa: S608
    return changes[change]


def rewrite_from_an_event_on(chain: Chain) -> int:
    rows, seq = chain.rows(), chain.any_seq()
    rows[seq - 1]["payload"] = str(rows[seq - 1]["payload"]).replace('"35.0"', '"39.0"')
    chain.write(recompute(rows, installation(chain)))
    chain.set_head(chain.rows()[-1])
    return seq


def rewrite_without_an_event(chain: Chain) -> int:
    rows, seq = chain.rows(), chain.any_seq()
    del rows[seq - 1]
    chain.write(recompute(rows, installation(chain)))
    chain.set_head(chain.rows()[-1])
    return seq


def rewrite_with_an_event_more(chain: Chain) -> int:
    rows, seq = chain.rows(), chain.any_seq()
    rows.insert(seq - 1, dict(chain.random.choice(rows)))
    chain.write(recompute(rows, installation(chain)))
    chain.set_head(chain.rows()[-1])
    return seq


def cut_the_end_and_move_the_head(chain: Chain) -> int:
    seq = cut_the_end(chain)
    if seq == 1:
        first = {"seq": 0, "hash": genesis_hash(installation(chain))}
        chain.set_head(first)
    else:
        chain.set_head(chain.rows()[-1])
    return seq


def restore_an_old_backup_and_go_on(chain: Chain) -> int:
    """The state at an earlier event, and then another life, longer than the first."""
    rows, last = chain.rows(), chain.any_seq(1, EVENTS - 1)
    others = [dict(chain.random.choice(rows)) for _ in range(EVENTS)]
    for row in others:
        row["payload"] = str(row["payload"]).replace('"35.0"', '"39.0"')
    chain.write(recompute([*rows[:last], *others], installation(chain)))
    chain.set_head(chain.rows()[-1])
    return last + 1


def begin_another_chain(chain: Chain) -> int:
    rows, stranger = chain.rows(), uuid4()
    chain.write(recompute(rows, stranger))
    chain.connection.execute(
        text("update audit_head set installation_id = :id"), {"id": stranger}
    )
    chain.set_head(chain.rows()[-1])
    return 1


Tampering = Callable[[Chain], int]
"""Does it, and returns the first event that is not as it was."""

FOUND_WITHOUT_ANCHOR: tuple[Tampering, ...] = (
    edit_a_field,
    delete_events,
    swap_two,
    insert_one,
    append_one_behind_the_head,
    cut_the_end,
    change_the_head,
)
NOT_FOUND_WITHOUT_ANCHOR: tuple[Tampering, ...] = (
    rewrite_from_an_event_on,
    rewrite_without_an_event,
    rewrite_with_an_event_more,
    cut_the_end_and_move_the_head,
    restore_an_old_backup_and_go_on,
    begin_another_chain,
)
ALL = FOUND_WITHOUT_ANCHOR + NOT_FOUND_WITHOUT_ANCHOR


@pytest.fixture(scope="module")
def chain(postgres: PostgresForTests) -> Iterator[Chain]:
    name = postgres.create(prefix="tampered")
    anchors = write_chain(postgres.urls(name).app)
    url = parse_url(postgres.server.superuser_url).set(database=name)
    engine = create_engine(url, connect_args={"options": "-c timezone=UTC"})
    with engine.connect() as connection:
        # No trigger runs: the strongest that the database itself has to offer.
        connection.execute(text("set session_replication_role = replica"))
        connection.execute(
            text("alter table audit_event drop constraint ck_audit_event_seq_positive")
        )
        connection.commit()
        yield Chain(connection=connection, anchors=anchors, random=random.Random(7))  # noqa: S311
    engine.dispose()
    postgres.drop(name)


def write_chain(url: str) -> tuple[Anchor, ...]:
    engine = make_engine(url, pool_size=1)
    anchors = []
    with Session(engine) as session:
        for number in range(1, EVENTS + 1):
            append_event(
                session,
                actor=ADA,
                action=AuditAction.POLICY_CHANGED,
                object_type="policy",
                object_id=str(number),
                after={"thermal_limit_c": 35.0},
                reason="a reason",
                request_id=str(uuid4()),
            )
            session.commit()
            if number in ANCHORED:
                head = audit.chain_head(session)
                event = audit.event_by_seq(session, number)
                assert event is not None
                anchors.append(
                    Anchor(
                        installation_id=head.installation_id,
                        seq=number,
                        head=head.position.hash,
                        time_text=instant_text(
                            event.occurred_at_utc + timedelta(seconds=1)
                        ),
                        key_hex="ab" * 32,
                    )
                )
    engine.dispose()
    return tuple(anchors)


def judge(chain: Chain, anchors: tuple[Anchor, ...]) -> ChainReport | None:
    """What verification says; None when it refuses to compare two installations."""
    with Session(chain.connection) as session:
        if anchors and installation(chain) != anchors[0].installation_id:
            return None
        return audit.verify(session, anchors)


def test_the_untouched_chain_is_sound_with_its_anchors(chain: Chain) -> None:
    report = judge(chain, chain.anchors)

    assert report is not None
    assert report.is_sound
    assert (report.event_count, report.anchored_seq) == (EVENTS, ANCHORED[-1])
    assert report.later_count == EVENTS - ANCHORED[-1]
    chain.connection.rollback()


def test_every_change_that_was_anchored_is_found(chain: Chain) -> None:
    done: Counter[str] = Counter()
    for number in range(TAMPERINGS):
        tampering = ALL[number % len(ALL)]
        touched = tampering(chain)
        report = judge(chain, chain.anchors)
        alone = judge(chain, ())
        chain.connection.rollback()
        said = f"{tampering.__name__} at {touched}: {report}, alone {alone}"

        if touched <= ANCHORED[-1]:
            assert report is None or not report.is_sound, said
        if report is not None and not report.is_sound:
            # Nothing before the change is called broken without need: at the worst
            # the walk goes back to the anchor before it.
            first_bad = report.first_bad_seq or 0
            before = max((seq for seq in ANCHORED if seq < touched), default=0)
            assert before < first_bad <= touched + 1 or first_bad < 1, said
        elif report is not None:
            assert report.anchored_seq == ANCHORED[-1], said
            assert report.later_count == report.event_count - ANCHORED[-1], said
        assert alone is not None
        expected = tampering in FOUND_WITHOUT_ANCHOR
        assert (not alone.is_sound) == expected, said
        done[tampering.__name__] += 1
    assert set(done) == {tampering.__name__ for tampering in ALL}


def test_another_installations_anchors_are_refused(chain: Chain) -> None:
    begin_another_chain(chain)
    with (
        Session(chain.connection) as session,
        pytest.raises(InvalidInput, match="another installation"),
    ):
        audit.verify(session, chain.anchors)
    chain.connection.rollback()
