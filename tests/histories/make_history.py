"""Make a seeded history with the code at hand.

    python tests/histories/make_history.py FILE FOLDER

One is kept for each format of stored inputs, made by the last commit that wrote it. The
tests restore it, migrate it and replay all of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy.orm import Session

from core.access import Actor
from core.days import full_hour
from core.forecasts import Target
from db.backup import backup
from db.local_server import LocalServer
from db.migrate import upgrade
from db.users import system_actor
from orchestrator.cycle.issuance import issue_live
from orchestrator.decisions.what_if import evaluate, record
from orchestrator.forecasts.hindcasts import hindcast_regions
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.operations.installation import ensure_first_policy
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.training import train_models
from orchestrator.runtime import Runtime
from orchestrator.telemetry.demo_regions import first_demo_profiles
from orchestrator.telemetry.imports import generate_telemetry
from tests.asking import asking
from tests.fleet import runtime_on

NOW = datetime(2025, 7, 20, 18, 25, tzinfo=UTC)
TRAINED_UNTIL = date(2025, 5, 16)
TELEMETRY_DAYS = 165
LIMIT_C = 44.0
SEED = 7

WHAT_IFS = (
    (None, 0.0, "arizona", "ireland"),
    (None, 12.5, "arizona", "ireland"),
    (None, 99.0, "arizona", "ireland"),
    (date(2025, 7, 13), 30.0, "arizona", "ireland"),
    (date(2025, 7, 10), 5.0, "ireland", "arizona"),
    (date(2025, 6, 3), 0.0, "arizona", None),
    (date(2025, 7, 18), 70.0, "arizona", "ireland"),
)
RECORDED = (1, 3, 6)


def fill(runtime: Runtime) -> None:
    """Telemetry, models, hindcasts, one live issue and a dozen decisions."""
    end_utc = full_hour(NOW)
    with runtime.transaction() as session:
        actor = system_actor(session, "worker")
        policy = replace(runtime.settings.first_policy(), thermal_limit_c=LIMIT_C)
        ensure_first_policy(session, actor, policy)
        generate_telemetry(
            session,
            actor,
            first_demo_profiles(2),
            start_utc=end_utc - timedelta(days=TELEMETRY_DAYS),
            end_utc=end_utc,
            seed=SEED,
            now_utc=NOW,
        )
        train_models(
            asking(session, actor),
            targets=list(Target),
            until_day=TRAINED_UNTIL,
            seed=SEED,
            activate=False,
        )
        found = active_regions(session)
        hindcast_regions(
            asking(session, actor),
            ModelCache(),
            stored_regions=found,
            all_regions=found,
            from_day=TRAINED_UNTIL + timedelta(days=1),
            until_day=NOW.date() + timedelta(days=1),
        )
        issue_live(
            asking(session, actor),
            ModelCache(),
            issued_at_utc=end_utc,
            stored_regions=found,
        )
    for number in range(len(WHAT_IFS)):
        _as_cli(runtime, _decide(number, NOW))
    _as_cli(runtime, _decide(1, NOW + timedelta(hours=9)))  # stale by then


def _decide(number: int, now: datetime) -> Callable[[Session, Actor], None]:
    day, shift_pct, source, target = WHAT_IFS[number]

    def work(session: Session, actor: Actor) -> None:
        card = evaluate(
            session,
            actor,
            source_slug=source,
            target_slug=target,
            local_day=day,
            shift_pct=shift_pct,
            request_id=uuid5(NAMESPACE_URL, f"what-if {number} {now}"),
            now=now,
        )
        if number in RECORDED and now == NOW:
            record(
                session,
                actor,
                what_if_id=card.decision_id,
                comment="Room in Ireland.",
                request_id=uuid5(NAMESPACE_URL, f"record {number}"),
                now=now,
            )

    return work


def _as_cli(runtime: Runtime, work: Callable[[Session, Actor], None]) -> None:
    with runtime.transaction() as session:
        work(session, system_actor(session, "cli"))


def main() -> None:
    """Make the file."""
    file, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    with LocalServer.own(folder, settings={"fsync": "off"}) as server:
        upgrade(server.urls)
        runtime = runtime_on(server.urls, NOW)
        fill(runtime)
        runtime.engine.dispose()
        backup(server.urls, file)


if __name__ == "__main__":
    main()
