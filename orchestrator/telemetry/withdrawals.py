"""Imports that are taken back: what comes back, and what rested on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from core.access import Permission
from core.audit import AuditAction
from core.errors import InvalidInput
from core.telemetry import Quantity, ValidRange
from core.wording import listed
from db import import_withdrawals
from db.import_withdrawals import Resting
from db.ingest import find_batch
from orchestrator.jobs import queue_issue_again
from orchestrator.logs import get_logger
from orchestrator.telemetry.suspect_hours import judge_regions
from orchestrator.use_cases import Done, Event, Request, change

log = get_logger(__name__)

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """An import that was withdrawn, and a sentence about what rested on it."""

    batch_id: int
    withdrawal_id: int
    hours_changed: int
    sentence: str


@change(
    Permission.MANAGE_TELEMETRY,
    AuditAction.TELEMETRY_WITHDRAWN,
    repeat=lambda _request, kept: Withdrawal(**json.loads(kept)),
)
def withdraw_import(
    request: Request,
    batch_id: int,
    *,
    reason: str,
    ranges: Mapping[Quantity, ValidRange],
) -> Done[Withdrawal]:
    """Withdraw an import: values that it replaced come back, others go missing.

    The changed hours are judged and the regions issued again; what rested on the import
    is named, and recorded decisions among it are judged again once that is done.

    Raises
    ------
    Forbidden, NotFound
        Without the right to manage telemetry; when there is no such import.
    InvalidInput
        Without a reason, or when it is too long.
    Conflict
        When it was withdrawn before, or is itself a withdrawal.
    """
    session, reason = request.session, reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        message = f"Give a reason of 1 to {LONGEST_REASON} characters."
        raise InvalidInput(message)
    stored = import_withdrawals.withdraw(
        session, batch_id, actor_id=request.actor.user_id
    )
    judge_regions(session, stored.changed, now=request.now, ranges=ranges)
    batch = find_batch(session, batch_id)
    resting = import_withdrawals.resting_on(session, batch, stored.counts)
    queue_issue_again(session, batch_id=stored.batch_id)
    facts = {
        "withdrawal": stored.batch_id,
        "source": batch.facts.source_label,
        "region_slugs": batch.facts.region_slugs,
        "hours_changed": stored.counts.rows_updated,
        "first_hour_utc": stored.counts.first_hour_utc,
        "last_hour_utc": stored.counts.last_hour_utc,
        "rested_on_it": asdict(resting),
    }
    log.info("telemetry_withdrawn", batch_id=batch_id, reason=reason, **facts)
    done = Withdrawal(
        batch_id=batch_id,
        withdrawal_id=stored.batch_id,
        hours_changed=stored.counts.rows_updated,
        sentence=_sentence(batch_id, stored.counts.rows_updated, resting),
    )
    event = Event(
        action=AuditAction.TELEMETRY_WITHDRAWN,
        object_type="ingest_batch",
        object_id=batch_id,
        after=facts,
        reason=reason,
    )
    return Done(answer=done, events=(event,), kept=json.dumps(asdict(done)))


def _sentence(batch_id: int, n_hours: int, resting: Resting) -> str:
    said = f"Import {batch_id} is withdrawn: {n_hours:,} hours changed."
    made = [
        f"{count:,} {name}"
        for name, count in (
            ("forecasts", resting.forecasts),
            ("scores", resting.scores),
            ("decisions", resting.decisions),
            ("plans", resting.plans),
        )
        if count
    ]
    if made:
        said += f" Made since from these hours or windows: {listed(made)}."
    if resting.recorded_ids:
        ids = listed(str(one) for one in resting.recorded_ids)
        said += f" These recorded decisions are judged again: {ids}."
    return f"{said} The regions are issued again."
