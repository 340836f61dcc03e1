"""Anchors: signed, appended, due in time, and never for a chain that was changed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from core.access import Actor, Role
from core.anchors import Anchor
from core.audit import AuditAction
from core.errors import InvalidInput
from db import audit, chain_checks
from db.audit_append import append_event
from db.engine import DatabaseUrls, make_engine
from orchestrator.audit import anchor_files, verify_export
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.anchor_keeper import AnchorKeeper
from orchestrator.audit.anchoring import Anchoring, anchor_chain
from orchestrator.audit.chain_status import chain_status, check_whole_chain
from orchestrator.audit.known_anchors import known_anchors
from orchestrator.cli.main import app
from orchestrator.runtime import Runtime
from orchestrator.settings import Settings
from tests.asking import asking

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ADA = Actor(user_id=1, name="ada", role=Role.ADMIN)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runtime(database_urls: DatabaseUrls, tmp_path: Path, clock: Clock) -> Runtime:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    return Runtime(
        settings=settings, engine=make_engine(database_urls.app), clock=clock
    )


def places(runtime: Runtime) -> AnchorPlaces:
    return AnchorPlaces.of(runtime.settings)


def write(runtime: Runtime, count: int) -> None:
    for number in range(count):
        with runtime.transaction() as session:
            append_event(
                session,
                actor=ADA,
                action=AuditAction.POLICY_CHANGED,
                object_type="policy",
                object_id=str(number),
                after={"thermal_limit_c": 35.0},
            )


def anchor(runtime: Runtime, *, only_if_due: bool = False) -> Anchoring:
    with runtime.request_as("worker") as request:
        return anchor_chain(request, places(runtime), only_if_due=only_if_due)


def anchors_of(runtime: Runtime) -> tuple[Anchor, ...]:
    with runtime.transaction() as session:
        return known_anchors(session, places(runtime))


def tamper(urls: DatabaseUrls, statement: str) -> None:
    engine = make_engine(urls.owner, pool_size=1)
    with engine.begin() as connection:
        for table in ("audit_event", "audit_head"):
            connection.execute(text(f"alter table {table} disable trigger user"))
        connection.execute(text(statement))
        for table in ("audit_event", "audit_head"):
            connection.execute(text(f"alter table {table} enable trigger user"))
    engine.dispose()


def test_an_anchor_names_the_newest_event_and_is_signed(runtime: Runtime) -> None:
    write(runtime, 3)

    done = anchor(runtime)

    assert done.is_new
    assert done.anchor is not None
    with runtime.transaction() as session:
        head = audit.chain_head(session)
        (anchored, begun) = audit.list_events(session, after_seq=2, oldest_first=True)
    assert (done.anchor.seq, done.anchor.head) == (3, anchored.hash)
    assert begun.action == AuditAction.ANCHORING_BEGUN
    assert begun.object_id == done.anchor.key_hex
    assert done.anchor.installation_id == head.installation_id
    assert anchors_of(runtime) == (done.anchor,)


def test_nothing_new_is_anchored_once(runtime: Runtime) -> None:
    assert anchor(runtime).anchor is None
    write(runtime, 1)
    anchor(runtime)
    first = anchor(runtime)  # the event of the beginning

    again = anchor(runtime)

    assert again.anchor == first.anchor
    assert not again.is_new
    assert len(places(runtime).anchor_file.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("added", "minutes", "due"),
    [(0, 60, False), (1, 14, False), (1, 15, True), (99, 1, False), (100, 0, True)],
)
def test_an_anchor_is_due_after_15_minutes_or_100_events(
    runtime: Runtime, clock: Clock, added: int, minutes: int, due: bool
) -> None:
    write(runtime, 1)
    anchor(runtime)
    anchor(runtime)  # the event of the beginning
    write(runtime, added)
    clock.now += timedelta(minutes=minutes)

    assert anchor(runtime, only_if_due=True).is_new is due


def test_key_and_anchors_lie_where_the_settings_say(
    runtime: Runtime, tmp_path: Path
) -> None:
    elsewhere = runtime.settings.model_copy(
        update={"anchor_dir": tmp_path / "worm", "anchor_key_file": tmp_path / "k.pem"}
    )
    moved = replace(runtime, settings=elsewhere)
    write(moved, 1)
    anchor(moved)

    assert (tmp_path / "worm" / "anchors.jsonl").is_file()
    assert (tmp_path / "k.pem").stat().st_mode & 0o777 == 0o600


BACK_TO_2 = (
    "update audit_head set seq = 2, hash = (select hash from audit_event where seq = 2)"
)


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_event set actor_name = 'eve' where seq = 4",
        "update audit_event set payload = payload || ' ' where seq = 4",
        "delete from audit_event where seq = 4",
        "update audit_event set hash = sha256('x') where seq = 2",
        BACK_TO_2,
        f"delete from audit_event where seq > 1; {BACK_TO_2.replace('2', '1')}",  # noqa: S608
    ],
)
def test_a_changed_chain_is_not_anchored(
    runtime: Runtime, database_urls: DatabaseUrls, statement: str
) -> None:
    write(runtime, 2)
    first = anchor(runtime).anchor
    write(runtime, 3)
    tamper(database_urls, statement)

    done = anchor(runtime)

    assert done.broken is not None
    assert done.anchor == first
    assert anchors_of(runtime) == (first,)
    with runtime.transaction() as session:
        kept = chain_checks.newest_check(session)
        status = chain_status(asking(session, ADA), places(runtime))
    assert kept is not None
    assert kept.found.first_bad_seq == done.broken.first_bad_seq
    assert status.is_broken


def test_half_a_line_left_by_a_power_cut_is_dropped(runtime: Runtime) -> None:
    write(runtime, 1)
    first = anchor(runtime).anchor
    file = places(runtime).anchor_file
    with file.open("a") as stream:
        stream.write('{"format":1,"head":"00')
    write(runtime, 1)

    second = anchor(runtime).anchor

    assert anchors_of(runtime) == (first, second)


def test_many_at_once_anchor_an_event_once(runtime: Runtime) -> None:
    write(runtime, 5)
    threads = [threading.Thread(target=anchor, args=(runtime,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    seqs = [item.seq for item in anchors_of(runtime)]
    assert seqs in ([5], [5, 6])  # the beginning is an event, too


def _lose_key(place: AnchorPlaces) -> None:
    place.key_file.unlink()


def _replace_key(place: AnchorPlaces) -> None:
    place.key_file.unlink()
    anchor_files.load_or_make_key(place.key_file)


def _lose_anchors(place: AnchorPlaces) -> None:
    place.anchor_file.unlink()


def _empty_anchors(place: AnchorPlaces) -> None:
    place.anchor_file.write_text("")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_lose_key, "is lost"),
        (_replace_key, "is not the one"),
        (_lose_anchors, "holds no anchor"),
        (_empty_anchors, "holds no anchor"),
    ],
)
def test_lost_keys_and_anchors_are_faults_and_not_replaced(
    runtime: Runtime,
    database_urls: DatabaseUrls,
    tmp_path: Path,
    clock: Clock,
    harm: Callable[[AnchorPlaces], None],
    said: str,
) -> None:
    write(runtime, 1)
    anchor(runtime)
    harm(places(runtime))
    write(runtime, 200)
    clock.now += timedelta(days=2)

    with pytest.raises(InvalidInput, match=said):
        anchor(runtime)
    with pytest.raises(InvalidInput, match=said):
        anchors_of(runtime)
    AnchorKeeper(runtime, threading.Event()).look()
    code, output = command(database_urls, tmp_path, "verify")
    assert code == 2
    assert said in " ".join(output.split())
    assert command(database_urls, tmp_path, "verify", "--without-anchor")[0] == 0
    with runtime.transaction() as session:
        status = chain_status(asking(session, ADA), places(runtime))
    assert said in (status.anchor_problem or "")


def test_anchoring_begins_anew_with_a_reason_in_the_chain(
    runtime: Runtime, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    write(runtime, 1)
    anchor(runtime)
    _lose_key(places(runtime))
    _lose_anchors(places(runtime))

    assert command(database_urls, tmp_path, "begin-anchors", "--reason", " ")[0] == 2
    why = ("--reason", "The disk of the keys died.")
    assert command(database_urls, tmp_path, "begin-anchors", *why)[0] == 0

    assert command(database_urls, tmp_path, "verify")[0] == 0
    with runtime.transaction() as session:
        (event, _) = audit.list_events(session, action=AuditAction.ANCHORING_BEGUN)
    assert "The disk of the keys died." in event.payload
    assert anchor(runtime).is_new


def test_a_changed_anchor_loses_its_signature(runtime: Runtime) -> None:
    write(runtime, 1)
    anchor(runtime)
    file = places(runtime).anchor_file
    record = json.loads(file.read_text())
    record["seq"] = 2
    file.write_text(json.dumps(record, sort_keys=True, separators=(",", ":")) + "\n")

    with pytest.raises(InvalidInput, match="signature"):
        anchors_of(runtime)


def test_the_keeper_anchors_checks_daily_and_pauses_after_a_fault(
    runtime: Runtime, database_urls: DatabaseUrls, clock: Clock
) -> None:
    keeper = AnchorKeeper(runtime, threading.Event())
    write(runtime, 2)
    keeper.look()
    assert [item.seq for item in anchors_of(runtime)] == [2]
    assert count_checks(runtime, "whole") == 1
    keeper.look()
    assert count_checks(runtime, "whole") == 1

    clock.now = datetime.now(UTC) + timedelta(hours=25)
    keeper.look()
    assert count_checks(runtime, "whole") == 2

    write(runtime, 1)
    tamper(database_urls, "update audit_event set actor_name = 'eve' where seq = 3")
    clock.now += timedelta(minutes=20)
    keeper.look()
    found = count_checks(runtime, "tail")
    keeper.look()
    assert count_checks(runtime, "tail") == found


def count_checks(runtime: Runtime, scope: str) -> int:
    with runtime.transaction() as session:
        return int(
            session.scalar(
                text("select count(*) from chain_check where scope = :scope"),
                {"scope": scope},
            )
            or 0
        )


def test_a_keeper_without_a_place_to_write_says_so_and_goes_on(
    runtime: Runtime, tmp_path: Path
) -> None:
    (tmp_path / "anchors").write_text("a file where the folder should be")
    write(runtime, 1)

    AnchorKeeper(runtime, threading.Event()).look()


def test_the_status_tells_of_anchors_and_checks(runtime: Runtime) -> None:
    write(runtime, 3)
    anchor(runtime)
    write(runtime, 2)
    with runtime.request_as("worker") as request:
        check_whole_chain(request, places(runtime))
    with runtime.transaction() as session:
        status = chain_status(asking(session, ADA), places(runtime))

    assert (status.event_count, status.anchored_seq) == (6, 3)
    assert status.anchored_at_utc == NOW
    assert status.whole_check is not None
    assert status.whole_check.event_count == 6
    assert not status.is_broken


def command(urls: DatabaseUrls, folder: Path, *arguments: str) -> tuple[int, str]:
    environment = {
        "DATABASE_URL": urls.app,
        "DATABASE_OWNER_URL": urls.owner,
        "DATABASE_AUDITOR_URL": urls.auditor,
        "GFO_DATA_DIR": str(folder),
    }
    outcome = CliRunner().invoke(app, ["audit", *arguments], env=environment)
    return outcome.exit_code, outcome.output


def test_commands_anchor_verify_and_say_what_is_promised(
    runtime: Runtime, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    write(runtime, 3)
    assert command(database_urls, tmp_path, "verify")[0] == 0
    assert "No anchor was used" in command(database_urls, tmp_path, "verify")[1]

    assert command(database_urls, tmp_path, "anchor")[0] == 0
    write(runtime, 1)
    code, said = command(database_urls, tmp_path, "verify")
    assert code == 0
    assert "event 3 and all before it; 2 later events are outside" in said

    key = command(database_urls, tmp_path, "key")[1].strip()
    file = str(places(runtime).anchor_file)
    named = ("--anchor", file, "--public-key", key, "--json")
    report = json.loads(command(database_urls, tmp_path, "verify", *named)[1])
    assert (report["anchored_seq"], report["later_count"]) == (3, 2)

    tamper(database_urls, "update audit_event set actor_name = 'eve' where seq = 2")
    code, said = command(database_urls, tmp_path, "verify")
    assert code == 1
    assert "broken at event 2" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("--anchor", "nowhere.jsonl"),
        ("--public-key", "abc"),
        ("--public-key", "ab" * 32),
    ],
)
def test_verification_that_could_not_run_is_2(
    runtime: Runtime,
    database_urls: DatabaseUrls,
    tmp_path: Path,
    arguments: tuple[str, ...],
) -> None:
    write(runtime, 1)
    anchor(runtime)

    assert command(database_urls, tmp_path, "verify", *arguments)[0] == 2


def test_a_lost_anchor_file_is_not_passed_over(
    runtime: Runtime, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    write(runtime, 1)
    anchor(runtime)
    os.unlink(places(runtime).anchor_file)  # noqa: PTH108 -- as somebody else would

    assert command(database_urls, tmp_path, "verify")[0] == 2
    assert command(database_urls, tmp_path, "verify", "--without-anchor")[0] == 0


def test_a_database_that_does_not_answer_is_2(
    database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    lost = replace(database_urls, app="postgresql://nobody@127.0.0.1:9/none")

    assert command(lost, tmp_path, "verify")[0] == 2


def test_the_last_anchor_of_a_long_file_is_read_from_its_end(
    runtime: Runtime, session: Session
) -> None:
    key = anchor_files.load_or_make_key(places(runtime).key_file)
    head = audit.chain_head(session)
    anchors = [
        key.sign(head.installation_id, head.position._replace(seq=seq), NOW)
        for seq in range(1, 41)
    ]
    with anchor_files.locked(places(runtime).anchor_file) as descriptor:
        for item in anchors:
            anchor_files.append(descriptor, item)

    last = anchor_files.last_anchor(places(runtime).anchor_file, [key.public_hex])

    assert last == anchors[-1]


def test_an_export_appears_whole_or_not_at_all(
    runtime: Runtime, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    write(runtime, 3)
    file = tmp_path / "audit.zip"

    assert command(database_urls, tmp_path, "export", str(file), "--from", "9")[0] == 2
    assert list(tmp_path.glob("*audit.zip*")) == []
    code, said = command(database_urls, tmp_path, "export", str(file))
    assert code == 0, said
    assert verify_export.main([str(file)]) == 0
    assert command(database_urls, tmp_path, "export", str(file))[0] == 2
    assert command(database_urls, tmp_path, "export", "/nowhere/a.zip")[0] == 2
