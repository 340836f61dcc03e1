"""Rates of the audit chain: events written, verified and exported.

    .venv/bin/python benchmarks/audit_chain.py FOLDER [EVENTS]

Starts a server of its own in FOLDER, with fsync as in use: eight writers add events for
ten seconds and the chain is checked for forks and gaps; then EVENTS (default 10^6) are
written past the triggers, verified and exported. Prints one JSON object; needs about
4 kB of disk an event.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from audit_chain_filler import fill_chain
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.audit import AuditAction
from db import audit
from db.audit_append import append_event
from db.engine import libpq_url, make_engine, parse_url
from db.local_server import LocalServer
from db.migrate import upgrade
from db.users import system_actor
from orchestrator.audit import verify_export
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.chain_export import export_chain
from orchestrator.use_cases import Request

WRITERS, WRITING_S = 8, 10.0
ADA = Actor(user_id=1, name="worker", role=Role.ADMIN, address="192.0.2.7")


def write_until(engine: Engine, deadline: float) -> int:
    """Add events one transaction each, until the deadline; how many."""
    count = 0
    while time.monotonic() < deadline:
        with Session(engine) as session, session.begin():
            append_event(
                session,
                actor=ADA,
                action=AuditAction.POLICY_CHANGED,
                object_type="policy",
                object_id=str(count),
                after={"thermal_limit_c": 35.0},
            )
        count += 1
    return count


def writing(url: str) -> dict[str, object]:
    """Events a second with eight writers, and whether they made one chain."""
    engine = make_engine(url, pool_size=WRITERS)
    deadline = time.monotonic() + WRITING_S
    with ThreadPoolExecutor(WRITERS) as pool:
        counts = list(pool.map(lambda _: write_until(engine, deadline), range(WRITERS)))
    with Session(engine) as session:
        report = audit.verify(session)
    engine.dispose()
    return {
        "writers": WRITERS,
        "events_per_s": round(sum(counts) / WRITING_S),
        "lost_or_forked": sum(counts) - report.event_count,
        "is_sound": report.is_sound,
    }


def verifying(url: str) -> dict[str, object]:
    """Seconds and memory of a walk along the whole chain, in this process."""
    engine = make_engine(url, pool_size=1)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, cpu = time.monotonic(), time.process_time()
    with Session(engine) as session:
        report = audit.verify(session)
    figures = {
        "events": report.event_count,
        "is_sound": report.is_sound,
        "wall_s": round(time.monotonic() - started, 1),
        "client_cpu_s": round(time.process_time() - cpu, 1),
        "memory_growth_mb": round(
            (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024, 1
        ),
    }
    engine.dispose()
    return figures


def exporting(url: str, folder: Path) -> dict[str, object]:
    """Seconds of an export of everything, and of its stand-alone verification."""
    engine = make_engine(url, pool_size=1)
    file = folder / "export.zip"
    places = AnchorPlaces(
        anchor_file=folder / "anchors.jsonl", key_file=folder / "key.pem"
    )
    started = time.monotonic()
    with Session(engine) as session, session.begin():
        actor = system_actor(session, "cli")
        export_chain(
            Request(session=session, caller=actor, now=datetime.now(UTC)), file, places
        )
    exported_s = time.monotonic() - started
    started = time.monotonic()
    code = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, verify_export.__file__, str(file)],
        check=False,
        stdout=subprocess.DEVNULL,
    ).returncode
    engine.dispose()
    return {
        "export_s": round(exported_s, 1),
        "export_mb": round(file.stat().st_size / 2**20),
        "stand_alone_verification_s": round(time.monotonic() - started, 1),
        "exit_code": code,
    }


def main() -> None:
    """Measure and print."""
    folder, count = Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 1_000_000
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    with LocalServer.own(folder) as server:
        upgrade(server.urls)
        database = parse_url(server.urls.app).database
        url = parse_url(server.superuser_url).set(database=database)
        figures = {"writing": writing(server.urls.app)}
        fill_chain(libpq_url(url.render_as_string(hide_password=False)), count)
        figures["verifying"] = verifying(server.urls.app)
        figures["exporting"] = exporting(server.urls.app, folder)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
