"""The restore drill: a backup is restored elsewhere, verified and replayed."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from core.access import Permission
from core.aliases import Progress
from core.audit import AuditAction
from core.errors import InvalidInput
from db import audit, backup
from db.engine import DatabaseUrls, make_engine
from db.local_server import LocalServer
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.known_anchors import known_anchors
from orchestrator.decisions.model_replay import replay_newest
from orchestrator.runtime import Runtime
from orchestrator.settings import Settings
from orchestrator.use_cases import Done, Event, Request, change

REPLAYED = 100
"""Of the newest decisions."""

_USER = "cli"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """What a restored backup was found to be, and how long that took.

    Attributes
    ----------
    until_utc : datetime | None
        Of the newest audit event that the backup holds.
    broken : str | None
        Why the chain does not verify; None when it does.
    anchors : int
        How many anchors of this installation the chain was held against.
    """

    file: str
    size_bytes: int
    until_utc: datetime | None
    events: int
    anchors: int
    broken: str | None
    replayed: int
    differing: tuple[int, ...]
    restore_s: float
    verify_s: float
    replay_s: float

    @property
    def is_passed(self) -> bool:
        """Whether the chain verifies and every decision comes out as it was stored."""
        return self.broken is None and not self.differing and self.events > 0


def run_drill(settings: Settings, file: Path, on_progress: Progress) -> Drill:
    """Restore a backup into a server of its own, which is deleted afterwards.

    Neither the portal nor its database is asked or changed. The copy needs about as
    much space in the system's temporary folder as the database.

    Raises
    ------
    InvalidInput, ServiceUnavailable
        When there is no such file, or it cannot be restored.
    """
    if not file.is_file():
        message = f"There is no backup file {file}."
        raise InvalidInput(message)
    with tempfile.TemporaryDirectory(prefix="gfo-drill-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # root's server runs as another user, who has to pass
        with LocalServer.own(folder, on_progress=on_progress) as server:
            return _examine(settings, file, server.urls, on_progress)


def _examine(
    settings: Settings, file: Path, urls: DatabaseUrls, on_progress: Progress
) -> Drill:
    on_progress(f"Restoring {file}.")
    began = time.monotonic()
    backup.restore(urls, file)
    restored = time.monotonic()
    runtime = _runtime_on(settings, urls)
    try:
        on_progress("Verifying the chain.")
        events, until_utc, anchors, broken = _verify(runtime, settings)
        verified = time.monotonic()
        on_progress(f"Replaying up to {REPLAYED} decisions.")
        with runtime.request_as(_USER) as request:
            replays = list(replay_newest(request, REPLAYED))
        replayed = time.monotonic()
    finally:
        runtime.engine.dispose()
    return Drill(
        file=str(file.absolute()),
        size_bytes=file.stat().st_size,
        until_utc=until_utc,
        events=events,
        anchors=anchors,
        broken=broken,
        replayed=len(replays),
        differing=tuple(item.decision_id for item in replays if item.differences),
        restore_s=round(restored - began, 1),
        verify_s=round(verified - restored, 1),
        replay_s=round(replayed - verified, 1),
    )


def _runtime_on(settings: Settings, urls: DatabaseUrls) -> Runtime:
    engine = make_engine(urls.app, pool_size=1, application_name="gfo-drill")
    return Runtime(settings=settings, engine=engine)


def _verify(
    runtime: Runtime, settings: Settings
) -> tuple[int, datetime | None, int, str | None]:
    """Events, time of the newest, anchors that were used, and what is wrong."""
    with runtime.transaction() as session:
        head = audit.chain_head(session)
        newest = audit.list_events(session, limit=1)
        until_utc = newest[0].occurred_at_utc if newest else None
        try:
            anchors = [
                anchor
                for anchor in known_anchors(session, AnchorPlaces.of(settings))
                if anchor.seq <= head.position.seq  # later ones the backup cannot hold
            ]
            report = audit.verify(session, anchors)
        except InvalidInput as exc:
            return head.position.seq, until_utc, 0, exc.message
    broken = (
        None if report.is_sound else f"at event {report.first_bad_seq}: {report.reason}"
    )
    return report.event_count, until_utc, len(anchors), broken


def keep_drill(urls: DatabaseUrls, settings: Settings, drill: Drill) -> None:
    """Add the result to the audit chain of the running installation."""
    runtime = _runtime_on(settings, urls)
    try:
        with runtime.request_as(_USER) as request:
            record_drill(request, drill)
    finally:
        runtime.engine.dispose()


@change(Permission.KEEP_BACKUPS, AuditAction.RESTORE_DRILLED, repeat=None)
def record_drill(_request: Request, drill: Drill) -> Done[None]:
    """Keep what a drill found; the Health page says how long ago that was."""
    event = Event(
        action=AuditAction.RESTORE_DRILLED,
        object_type="backup",
        object_id=Path(drill.file).name,
        after={**asdict(drill), "is_passed": drill.is_passed},
    )
    return Done(answer=None, events=(event,))
