"""The small fleet with a history of decisions of every kind, an hour later."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from db.engine import DatabaseUrls
from db.policies import insert_policy
from db.regions import region_by_slug
from db.users import system_actor
from orchestrator.cycle.worker_jobs import WorkerJobs
from orchestrator.decisions.recording import evaluate, record
from tests.asking import NOW, asking
from tests.fleet import run_cycle, runtime_on

LATER = NOW + timedelta(hours=1)
STALE = NOW + timedelta(hours=9)
LIMIT_C = 44.0

Asked = tuple[date | None, float, str, str | None]

AT_ONCE: tuple[Asked, ...] = (
    (None, 0.0, "arizona", "ireland"),
    (None, 12.5, "arizona", "ireland"),
    (None, 99.0, "arizona", "ireland"),
    (date(2025, 7, 13), 30.0, "arizona", "ireland"),
    (date(2025, 7, 10), 5.0, "ireland", "arizona"),
    (date(2025, 3, 10), 0.0, "arizona", None),
    (date(2025, 7, 18), 70.0, "arizona", "ireland"),
)
RECORDED = (1, 3, 6)


def decide_often(urls: DatabaseUrls) -> None:
    """Add a dozen decisions, an hour's cycle, and a live what-if after it."""
    runtime = runtime_on(urls)
    with runtime.transaction() as session:
        for slug in ("arizona", "ireland"):
            insert_policy(
                session,
                region_id=region_by_slug(session, slug).region_id,
                values={"thermal_limit_c": LIMIT_C},
                actor_id=system_actor(session, "worker").user_id,
                reason="test",
            )
    for number, asked in enumerate(AT_ONCE):
        _decide(urls, NOW, asked, is_recorded=number in RECORDED)
    _decide(urls, STALE, AT_ONCE[1])
    runtime.engine.dispose()
    runtime = runtime_on(urls, LATER)
    run_cycle(WorkerJobs(runtime))
    runtime.engine.dispose()
    _decide(urls, LATER, (None, 20.0, "arizona", "ireland"))


def _decide(
    urls: DatabaseUrls, now: datetime, asked: Asked, *, is_recorded: bool = False
) -> None:
    local_day, shift_pct, source, target = asked
    runtime = runtime_on(urls, now)
    with runtime.transaction() as session:
        request = asking(session, system_actor(session, "cli"), now=now)
        card = evaluate(
            request,
            source_slug=source,
            target_slug=target,
            local_day=local_day,
            shift_pct=shift_pct,
        )
        if is_recorded:
            record(request, what_if_id=card.decision_id, comment="Room in Ireland.")
    runtime.engine.dispose()
