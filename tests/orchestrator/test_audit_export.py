"""Exports: complete, audited, and checked by a program that shares no code with us."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from core.access import Actor, Role
from core.audit import AuditAction
from core.errors import Forbidden, InvalidInput
from db import audit
from db.audit import EventFilter
from db.audit_append import append_event
from db.engine import make_engine
from orchestrator.audit import event_list, verify_export
from orchestrator.audit.anchor_files import AnchorPlaces, load_key
from orchestrator.audit.anchoring import anchor_chain
from orchestrator.audit.chain_export import (
    MAXIMUM_PAGE_EVENTS,
    ExportManifest,
    export_chain,
    export_newest,
)
from orchestrator.audit.event_list import events_csv
from orchestrator.decisions.lists import DecisionFilter, decisions_csv
from tests.asking import asking
from tests.fleet import Fleet

VERIFIER = Path(verify_export.__file__)


def places(folder: Path) -> AnchorPlaces:
    return AnchorPlaces(
        anchor_file=folder / "anchors.jsonl", key_file=folder / "key.pem"
    )


def anchor(fleet: Fleet, folder: Path) -> None:
    with fleet.runtime.request_as("worker") as request:
        anchor_chain(request, places(folder), only_if_due=False)


def export(
    fleet: Fleet, folder: Path, name: str = "audit.zip", **part: int
) -> ExportManifest:
    with fleet.runtime.transaction() as session:
        return export_chain(
            asking(session, fleet.actor(session)),
            folder / name,
            places(folder),
            **part,
        )


def check(file: Path, *arguments: str) -> tuple[int, str]:
    """Run the verifier as an auditor does: alone, without this project."""
    finished = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), str(file), *arguments],
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.returncode, finished.stdout + finished.stderr


def rewrite(
    source: Path, target: Path, changes: dict[str, Callable[[bytes], bytes]]
) -> None:
    """The export with some of its files changed, the manifest made to fit."""
    with zipfile.ZipFile(source) as old:
        files = {name: old.read(name) for name in old.namelist()}
    for name, change in changes.items():
        files[name] = change(files[name])
    manifest = json.loads(files["manifest.json"])
    for name in manifest["files"]:
        digest = sha256(files[name]).hexdigest()
        manifest["files"][name]["sha256"] = digest
    files["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(target, "w") as new:
        for name, content in files.items():
            new.writestr(name, content)


def test_the_verifier_is_short_and_needs_nothing_else() -> None:
    lines = VERIFIER.read_text().splitlines()
    assert len(lines) <= 150
    imported = {
        line.split()[1].split(".")[0]
        for line in lines
        if line.startswith(("import ", "from "))
    }
    assert imported <= set(sys.stdlib_module_names)


def test_an_export_is_sound_and_says_what_is_anchored(
    decided: Fleet, tmp_path: Path
) -> None:
    anchor(decided, tmp_path)
    with decided.runtime.transaction() as session:
        append_event(session, actor=None, action=AuditAction.LOGIN_FAILED)
    manifest = export(decided, tmp_path)
    key = load_key(places(tmp_path).key_file).public_hex

    code, said = check(tmp_path / "audit.zip", "--public-key", key)

    assert code == 0, said
    assert f"events 1 to {manifest.last_seq}" in said
    # Later are the event of the beginning, and the one above.
    assert f"Anchored up to event {manifest.last_seq - 2} by the key {key}" in said
    assert "2 later events are outside this promise" in said


def test_an_export_holds_events_decisions_anchors_and_the_verifier(
    decided: Fleet, tmp_path: Path
) -> None:
    anchor(decided, tmp_path)
    manifest = export(decided, tmp_path)

    with zipfile.ZipFile(tmp_path / "audit.zip") as archive:
        events = [json.loads(line) for line in archive.open("events.jsonl")]
        table = list(csv.DictReader(io.StringIO(archive.read("events.csv").decode())))
        rows = [json.loads(line) for line in archive.open("decisions.jsonl")]
        assert archive.read("verify_export.py") == VERIFIER.read_bytes()
        assert len(archive.read("anchors.jsonl").splitlines()) == 1
    with decided.runtime.transaction() as session:
        stored = session.scalar(text("select count(*) from decision"))
    assert [event["seq"] for event in events] == [*range(1, manifest.last_seq + 1)]
    assert [row["hash"] for row in table] == [event["hash"] for event in events]
    assert len(rows) == stored
    assert rows[-1]["inputs_sha256"]


def test_an_export_is_itself_audited(decided: Fleet, tmp_path: Path) -> None:
    manifest = export(decided, tmp_path)

    with decided.runtime.transaction() as session:
        event = audit.list_events(session, limit=1)[0]
        assert audit.verify(session).is_sound
    assert event.action == AuditAction.AUDIT_EXPORTED
    assert event.seq == manifest.last_seq + 1
    assert event.object_id == f"1-{manifest.last_seq}"


def test_a_part_of_the_chain_is_checked_by_itself(
    decided: Fleet, tmp_path: Path
) -> None:
    anchor(decided, tmp_path)
    export(decided, tmp_path, first_seq=5, last_seq=9)

    code, said = check(tmp_path / "audit.zip")

    assert code == 0, said
    assert "events 5 to 9" in said
    assert "No anchor lies within" in said


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {
                "events.jsonl": lambda b: b.replace(
                    b"Room in Ireland", b"Room in Iceland"
                )
            },
            "is not the one that was hashed",
        ),
        (
            {"events.jsonl": lambda b: b"".join(b.splitlines(keepends=True)[:-1])},
            "ends before event",
        ),
        (
            {"events.jsonl": lambda b: b"".join(b.splitlines(keepends=True)[1:])},
            "event 1 does not continue",
        ),
        (
            {
                "decisions.jsonl": lambda b: b.replace(
                    b'"risk_level":"', b'"risk_level":"X'
                )
            },
            "is not as recorded",
        ),
        (
            {"decisions.jsonl": lambda b: b"".join(b.splitlines(keepends=True)[:-1])},
            "is not as recorded",
        ),
        (
            {"anchors.jsonl": lambda b: b.replace(b'"time":"2025', b'"time":"2024')},
            "did not sign",
        ),
        (
            {"anchors.jsonl": lambda b: b.replace(b'"head":"', b'"head":"00')},
            "did not sign",
        ),
    ],
)
def test_a_changed_export_is_not_sound(
    decided: Fleet,
    tmp_path: Path,
    changes: dict[str, Callable[[bytes], bytes]],
    expected: str,
) -> None:
    anchor(decided, tmp_path)
    export(decided, tmp_path)
    rewrite(tmp_path / "audit.zip", tmp_path / "forged.zip", changes)

    code, said = check(tmp_path / "forged.zip")

    assert code == 1, said
    assert expected in said


def test_another_key_than_the_named_one_is_not_believed(
    decided: Fleet, tmp_path: Path
) -> None:
    anchor(decided, tmp_path)
    export(decided, tmp_path)

    code, said = check(tmp_path / "audit.zip", "--public-key", "1f" * 32)

    assert code == 1, said


def test_a_file_that_does_not_fit_its_manifest_is_not_sound(
    decided: Fleet, tmp_path: Path
) -> None:
    export(decided, tmp_path)
    with zipfile.ZipFile(tmp_path / "audit.zip") as old:
        files = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(tmp_path / "forged.zip", "w") as new:
        for name, content in files.items():
            new.writestr(name, content + b"," if name == "events.csv" else content)

    assert check(tmp_path / "forged.zip")[0] == 1


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + bytes(40)])
def test_what_is_no_export_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)

    assert check(tmp_path / "x.zip")[0] == 2
    assert check(tmp_path / "nowhere.zip")[0] == 2


def test_a_row_changed_in_the_database_shows_in_the_export(
    decided: Fleet, tmp_path: Path
) -> None:
    runtime = replace(decided.runtime, engine=make_engine(decided.urls.owner))
    with runtime.transaction() as session:
        session.execute(text("alter table decision disable trigger user"))
        session.execute(
            text(
                "update decision set risk_level = 'LOW'"
                " where id = (select max(id) from decision)"
            )
        )
    runtime.engine.dispose()
    export(decided, tmp_path)

    code, said = check(tmp_path / "audit.zip")

    assert code == 1
    assert "is not as recorded" in said


def test_nobody_exports_without_the_right(decided: Fleet, tmp_path: Path) -> None:
    operator = Actor(user_id=1, name="olga", role=Role.OPERATOR)
    with decided.runtime.transaction() as session:
        with pytest.raises(Forbidden):
            export_chain(
                asking(session, operator), tmp_path / "a.zip", places(tmp_path)
            )
        with pytest.raises(Forbidden):
            decisions_csv(asking(session, operator), DecisionFilter())
        with pytest.raises(Forbidden):
            events_csv(asking(session, operator), EventFilter())
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize(("first", "last"), [(5, 4), (1, 10**6), (10**6, None)])
def test_events_that_are_not_there_cannot_be_exported(
    decided: Fleet, tmp_path: Path, first: int, last: int | None
) -> None:
    with decided.runtime.transaction() as session, pytest.raises(InvalidInput):
        export_chain(
            asking(session, decided.actor(session)),
            tmp_path / "a.zip",
            places(tmp_path),
            first_seq=first,
            last_seq=last,
        )


def test_a_page_sends_no_more_than_it_can_hold(decided: Fleet, tmp_path: Path) -> None:
    with (
        decided.runtime.transaction() as session,
        pytest.raises(InvalidInput, match="at most"),
    ):
        export_newest(
            asking(session, decided.actor(session)),
            tmp_path / "a.zip",
            places(tmp_path),
            first_seq=1,
            last_seq=MAXIMUM_PAGE_EVENTS + 1,
        )


def test_a_list_of_decisions_goes_along_as_csv_and_is_audited(decided: Fleet) -> None:
    with decided.runtime.transaction() as session:
        chosen = DecisionFilter(kind="recorded")
        made = decisions_csv(asking(session, decided.actor(session)), chosen)
        event = audit.list_events(session, limit=1)[0]

    rows = list(csv.DictReader(io.StringIO(made.text)))
    assert len(rows) == made.row_count == 3
    assert {row["comment"] for row in rows} == {"Room in Ireland."}
    assert all(row["outcome"] in {"APPROVED", "BLOCKED"} for row in rows)
    assert made.is_complete
    assert event.action == AuditAction.AUDIT_EXPORTED
    assert '"kind":"recorded"' in event.payload


@pytest.mark.parametrize("oldest_first", [False, True])
def test_a_list_of_events_goes_along_as_csv_and_is_audited(
    decided: Fleet, monkeypatch: pytest.MonkeyPatch, *, oldest_first: bool
) -> None:
    monkeypatch.setattr(event_list, "_CSV_PAGE", 7)  # several pages of a short history
    with decided.runtime.transaction() as session:
        newest = audit.chain_head(session).position.seq
        every = events_csv(
            asking(session, decided.actor(session)),
            EventFilter(),
            oldest_first=oldest_first,
        )
        event = audit.list_events(session, limit=1)[0]
        known = audit.event_by_seq(session, 3)

    rows = list(csv.DictReader(io.StringIO(every.text)))
    numbers = [int(row["seq"]) for row in rows]
    assert numbers == sorted(range(1, newest + 1), reverse=not oldest_first)
    assert every.is_complete
    assert known is not None
    third = next(row for row in rows if row["seq"] == "3")
    assert third["hash"] == known.hash_hex
    assert third["payload"] == known.payload
    assert event.action == AuditAction.AUDIT_EXPORTED
    assert event.object_type == "event_list"


def test_a_list_of_events_says_when_it_is_not_all(
    decided: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_list, "MAXIMUM_CSV_ROWS", 5)
    with decided.runtime.transaction() as session:
        some = events_csv(asking(session, decided.actor(session)), EventFilter())
    assert (some.row_count, some.is_complete) == (5, False)
