"""Exports of the audit chain: events with their proof, decisions, and a verifier."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction, instant_text
from core.audit_chain import ChainLink
from core.errors import InvalidInput
from core.version import CODE_VERSION
from db import audit
from orchestrator.audit import verify_export
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.known_anchors import known_anchors
from orchestrator.decisions.row_hashes import decision_records
from orchestrator.list_exports import neutral
from orchestrator.use_cases import Done, Event, Request, change

EXPORT_FORMAT = 1
CSV_HEAD = (
    "seq", "occurred_at_utc", "actor_name", "role", "address", "action",
    "object_type", "object_id", "reason", "request_id", "hash",
)  # fmt: skip

MAXIMUM_PAGE_EVENTS = 20_000

_LINES_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportManifest:
    """What an export holds.

    Attributes
    ----------
    first_previous_hash : str
        That the first event continues; proven only when the first is event 1 or an
        anchor lies within the export.
    head_seq : int
        Newest event when the export was made.
    files : dict
        SHA-256 and size of each file, by name.
    """

    format: int = EXPORT_FORMAT
    installation_id: str
    first_seq: int
    last_seq: int
    head_seq: int
    first_previous_hash: str
    last_hash: str
    exported_at_utc: str
    exported_by: str
    code_version: str = CODE_VERSION
    files: dict[str, dict[str, object]] = field(default_factory=dict)


@change(Permission.VIEW_AUDIT_EVENTS, AuditAction.AUDIT_EXPORTED, repeat=None)
def export_chain(
    request: Request,
    file: Path,
    places: AnchorPlaces,
    *,
    first_seq: int = 1,
    last_seq: int | None = None,
) -> Done[ExportManifest]:
    """Write a part of the chain into a new zip file; the export itself is audited.

    Raises
    ------
    InvalidInput
        When there are no such events.
    """
    if last_seq is None:
        last_seq = audit.chain_head(request.session).position.seq
    return _export(request, file, places, first_seq, last_seq)


@change(Permission.VIEW_AUDIT_EVENTS, AuditAction.AUDIT_EXPORTED, repeat=None)
def export_newest(
    request: Request,
    file: Path,
    places: AnchorPlaces,
    *,
    first_seq: int | None,
    last_seq: int | None,
) -> Done[ExportManifest]:
    """An export of a size that a page can send: a named part, or the newest events.

    Raises
    ------
    InvalidInput
        When there are no such events, or too many.
    """
    last = last_seq or audit.chain_head(request.session).position.seq
    first = first_seq or max(last - MAXIMUM_PAGE_EVENTS + 1, 1)
    if last - first >= MAXIMUM_PAGE_EVENTS:
        message = (
            f"A page sends at most {MAXIMUM_PAGE_EVENTS} events; name a smaller part or"
            " use `gfo audit export` for all."
        )
        raise InvalidInput(message)
    return _export(request, file, places, first, last)


def _export(
    request: Request, file: Path, places: AnchorPlaces, first_seq: int, last_seq: int
) -> Done[ExportManifest]:
    session = request.session
    session.execute(text("set local statement_timeout = 0"))
    manifest = _begin_manifest(request, first_seq, last_seq)
    with zipfile.ZipFile(file, "x", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, lines in (
            ("events.jsonl", _event_lines(session, first_seq, last_seq)),
            ("events.csv", _csv_lines(session, first_seq, last_seq)),
            ("decisions.jsonl", _decision_lines(session, first_seq, last_seq)),
            ("anchors.jsonl", _anchor_lines(session, places)),
            ("verify_export.py", iter([Path(verify_export.__file__).read_text()])),
        ):
            with archive.open(name, "w", force_zip64=True) as member:
                manifest.files[name] = _write(member, lines)
        manifest_text = json.dumps(asdict(manifest), indent=2, sort_keys=True)
        archive.writestr("manifest.json", manifest_text)
    event = Event(
        action=AuditAction.AUDIT_EXPORTED,
        object_type="audit_event",
        object_id=f"{first_seq}-{last_seq}",
        after={
            "first_seq": first_seq,
            "last_seq": last_seq,
            "manifest_sha256": sha256(manifest_text.encode()).hexdigest(),
        },
    )
    return Done(answer=manifest, events=(event,))


def _begin_manifest(request: Request, first_seq: int, last_seq: int) -> ExportManifest:
    head = audit.chain_head(request.session)
    first = audit.event_by_seq(request.session, first_seq)
    last = audit.event_by_seq(request.session, last_seq)
    if first is None or last is None or first_seq > last_seq:
        message = (
            f"There are no events {first_seq} to {last_seq}; the newest is"
            f" {head.position.seq}."
        )
        raise InvalidInput(message)
    return ExportManifest(
        installation_id=str(head.installation_id),
        first_seq=first_seq,
        last_seq=last_seq,
        head_seq=head.position.seq,
        first_previous_hash=first.previous_hash.hex(),
        last_hash=last.hash_hex,
        exported_at_utc=instant_text(request.now),
        exported_by=request.actor.name,
    )


def _write(member: IO[bytes], lines: Iterable[str]) -> dict[str, object]:
    digest, size = sha256(), 0
    for line in lines:
        data = line.encode()
        digest.update(data)
        size += len(data)
        member.write(data)
    return {"sha256": digest.hexdigest(), "bytes": size}


def _links(session: Session, first: int, last: int) -> Iterator[ChainLink]:
    stream = audit.stream_links(session, after_seq=first - 1, until_seq=last)
    with closing(stream):
        yield from stream


def _event_lines(session: Session, first: int, last: int) -> Iterator[str]:
    """One event a line: its place, its hashes, and the payload as hashed."""
    for link in _links(session, first, last):
        record = {
            "seq": link.seq,
            "version": link.format_version,
            "previous_hash": link.previous_hash.hex(),
            "hash": link.hash.hex(),
            "payload": link.payload,
        }
        yield json.dumps(record, separators=(",", ":")) + "\n"


def _csv_lines(session: Session, first: int, last: int) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(CSV_HEAD)
    for number, link in enumerate(_links(session, first, last), 1):
        payload = json.loads(link.payload)
        row = payload | {"seq": link.seq, "hash": link.hash.hex()}
        writer.writerow([neutral(row.get(name)) for name in CSV_HEAD])
        if number % _LINES_AT_ONCE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _decision_lines(session: Session, first: int, last: int) -> Iterator[str]:
    """The record of each decision, in the order of the events about it."""
    for record in decision_records(session, first_seq=first, last_seq=last):
        yield record.text + "\n"


def _anchor_lines(session: Session, places: AnchorPlaces) -> Iterator[str]:
    for anchor in known_anchors(session, places):
        yield anchor.line() + "\n"
