"""Long chains and histories for measurements, written past the triggers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from core.audit import FORMAT_VERSION, canonical_json, event_hash, genesis_hash

START = datetime(2025, 1, 1, tzinfo=UTC)
COLUMNS = (
    "seq", "format_version", "previous_hash", "hash", "payload", "occurred_at_utc",
    "actor_id", "actor_name", "action", "object_type", "object_id", "request_id",
)  # fmt: skip
_ACTORS = (
    ("worker", "telemetry_imported"),
    ("olga", "access_denied"),
    ("olga", "session_ended"),
    ("ada", "login_succeeded"),
)


def fill_chain(superuser_url: str, count: int) -> None:
    """Give the chain `count` events like those of a busy fleet, in place of its own."""
    with psycopg.connect(superuser_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("truncate audit_event")
        row = connection.execute("select installation_id from audit_head").fetchone()
        assert row is not None  # noqa: S101
        last = b""
        statement = f"copy audit_event ({', '.join(COLUMNS)}) from stdin"
        with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for event in _events(row[0], count):
                copy.write_row(event)
                last = event[3]
        connection.execute("update audit_head set seq = %s, hash = %s", (count, last))
        connection.commit()
        connection.autocommit = True
        connection.execute("vacuum analyze audit_event")


def _events(installation_id: UUID, count: int) -> Iterator[tuple[object, ...]]:
    previous = genesis_hash(installation_id)
    for seq in range(1, count + 1):
        name, action = _ACTORS[seq % len(_ACTORS)]
        moment = START + timedelta(seconds=7 * seq, microseconds=seq % 1_000_000)
        columns = {
            "occurred_at_utc": moment,
            "actor_id": None,
            "actor_name": name,
            "action": action,
            "object_type": "decision",
            "object_id": str(seq),
            "request_id": f"6f0e4c1a-5a0b-4d52-9f0e-{seq:012d}",
        }
        payload = canonical_json(columns | _context(seq))
        link = event_hash(FORMAT_VERSION, previous, seq, payload)
        yield (seq, FORMAT_VERSION, previous, link, payload, *columns.values())
        previous = link


def _context(seq: int) -> dict[str, object]:
    return {
        "role": "operator",
        "session_sha256": "ab" * 32,
        "address": "192.0.2.7",
        "before": None,
        "after": {
            "kind": "what_if",
            "source": "arizona",
            "target": "ireland",
            "shift_pct": float(seq % 100),
            "window_start_utc": "2025-07-20T18:00:00+00:00",
            "is_simulated": False,
            "outcome": "APPROVED",
            "reason_code": "within_envelope",
            "source_bound_after_c": 33.128476511 + seq % 7,
            "exceedance_probability": 0.0136612,
            "thermal_limit_c": 35.0,
            "confidence": "0.95000",
            "model_version_id": 1,
            "telemetry_watermark_utc": "2025-07-20T18:00:00+00:00",
            "inputs_sha256": f"{seq:064x}",
            "code_version": "0.1.0",
        },
        "reason": "Heat wave; Ireland has room.",
    }
