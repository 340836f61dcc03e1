"""How long forecasts are kept that nothing rests on: as long as the policy says."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from core.access import Permission
from core.audit import AuditAction
from db import forecasts, regions
from orchestrator.jobs import CHUNK_REGIONS
from orchestrator.runtime import Runtime
from orchestrator.use_cases import Done, Event, Request, change

MOST_RETIRED = 20_000
"""Forecasts that one transaction deletes: some seconds of one connection."""


@change(Permission.RUN_CYCLE, AuditAction.RECORDS_PURGED, repeat=None)
def retire_forecasts(
    request: Request, *, region_ids: Sequence[int], most: int = MOST_RETIRED
) -> Done[int]:
    """Delete forecasts of regions that are older than they are kept; returns how many.

    At most `most`; as many again may be left. The database has the rule, and deletes
    nothing else for anybody: forecasts of other targets than the temperature, of half
    days that no plan and no decision of a person rests on.
    """
    retired = forecasts.retire_forecasts(request.session, region_ids, most=most)
    if not retired:
        return Done(answer=0)
    since_utc = forecasts.kept_since(request.session)
    event = Event(
        action=AuditAction.RECORDS_PURGED,
        object_type="forecast",
        after={
            "forecast": retired,
            "issued_before_utc": since_utc,
            "first_region_id": min(region_ids),
            "last_region_id": max(region_ids),
        },
    )
    return Done(answer=retired, events=(event,))


def retire_all(
    runtime: Runtime, system_user: str, stopping: threading.Event | None = None
) -> int:
    """Retire forecasts of every region, a batch a transaction; returns how many."""
    with runtime.transaction() as session:
        found = regions.list_regions(session, active_only=False)
    ids = [stored.region_id for stored in found]
    chunks = [ids[i : i + CHUNK_REGIONS] for i in range(0, len(ids), CHUNK_REGIONS)]
    total = 0
    while chunks and not (stopping and stopping.is_set()):
        with runtime.request_as(system_user) as request:
            retired = retire_forecasts(request, region_ids=chunks[0])
        total += retired
        if retired < MOST_RETIRED:
            del chunks[0]
    return total
