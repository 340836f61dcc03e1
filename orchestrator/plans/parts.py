"""The transfers of a plan as decisions: judged again, and those that still stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from uuid import uuid4, uuid5

import numpy as np
from sqlalchemy.orm import Session

from core.errors import Conflict, InvalidInput
from core.outcomes import Outcome
from core.plans import PlanTransfer, judge_plan
from core.wording import listed
from db import decisions
from db.decisions import StoredDecision
from db.plans import StoredPlan
from db.regions import StoredRegion
from orchestrator.decisions.cards import decision_card
from orchestrator.decisions.judgements import Judgement, PlanMove
from orchestrator.decisions.storing import store
from orchestrator.jobs import CHUNK_REGIONS
from orchestrator.plans.records import PlanRecord, TransferRecord, read_record
from orchestrator.plans.views import PlanRecordOutcome
from orchestrator.regions.region_choice import active_regions
from orchestrator.use_cases import Event, Request
from orchestrator.windows.choice import WindowChoice, newer_issue
from orchestrator.windows.database_source import RegionWindow, load_windows


def standing_parts(
    session: Session, plan_id: int, now: datetime
) -> list[StoredDecision]:
    """The decisions of a recorded plan that still move load.

    Raises
    ------
    Conflict
        When there are none any more.
    """
    parts = decisions.decisions_of_plan(session, plan_id)
    standing = [part for part in parts if part.stands(now)]
    if not standing:
        message = f"No transfer of plan {plan_id} stands any more."
        raise Conflict(message)
    return standing


def judge_parts(
    session: Session,
    stored: StoredPlan,
    now: datetime,
    replaced_ids: tuple[int, ...] = (),
) -> list[Judgement] | tuple[str, ...]:
    """The judgements of a plan that may be recorded now, or what is no longer so.

    Whoever records in one of its regions waits until this transaction ends.
    """
    record = read_record(stored.facts.result)
    _require_safe(record)
    found = {item.slug: item for item in active_regions(session)}
    decisions.lock_regions(session, [item.region_id for item in found.values()])
    known = decisions.decisions_of_plan(session, stored.plan_id)
    if known:
        ids = listed(str(item.decision_id) for item in known)
        message = f"This plan was recorded already, as decisions {ids}."
        raise Conflict(message)
    _require_newest(stored, newer_issue_of(session, stored, found.values(), now), now)
    return _judge_again(session, stored, record, found, now, replaced_ids)


def store_parts(
    request: Request,
    record: PlanRecord,
    judged: Sequence[Judgement],
    *,
    comment: str | None,
    superseded: Mapping[tuple[str, str | None], int] = MappingProxyType({}),
) -> list[tuple[StoredDecision, Event]]:
    """Record the transfers of a plan, each with its event.

    `superseded` names the decision that a transfer from one slug to another replaces.
    """
    request_id = request.request_id or uuid4()
    return [
        store(
            request.session,
            request.actor,
            judgement,
            kind="recorded",
            # One for each decision, so that the whole request is idempotent.
            request_id=uuid5(request_id, f"{transfer.source}>{transfer.target}"),
            comment=comment,
            supersedes_id=superseded.get((transfer.source, transfer.target)),
        )
        for transfer, judgement in zip(record.transfers, judged, strict=True)
    ]


def recorded_outcome(
    session: Session, parts: Iterable[StoredDecision]
) -> PlanRecordOutcome:
    """The answer of whoever recorded these decisions."""
    cards = tuple(decision_card(session, part) for part in parts)
    return PlanRecordOutcome(cards=cards, changed=())


def same_parts(request: Request, kept: str) -> PlanRecordOutcome:
    """The answer of a repeated request that recorded a plan."""
    session = request.session
    return recorded_outcome(session, decisions.decisions_of_plan(session, int(kept)))


def newer_issue_of(
    session: Session,
    stored: StoredPlan,
    found: Iterable[StoredRegion],
    now: datetime,
) -> datetime | None:
    """The newest issue of the fleet, where a live plan rests on an older one."""
    if stored.facts.is_simulated:
        return None
    return newer_issue(
        session,
        list(found),
        issued_at_utc=stored.facts.window_start_utc,
        now=now,
    )


def plan_windows(
    session: Session,
    stored_regions: Sequence[StoredRegion],
    choice: WindowChoice,
    now: datetime,
    replaced_ids: tuple[int, ...],
) -> list[RegionWindow]:
    """Regions as a plan sees them, without the load of what it is to replace."""
    windows = []
    # What a window is assembled from is far larger than what stays of it.
    for first in range(0, len(stored_regions), CHUNK_REGIONS):
        windows += load_windows(
            session,
            stored_regions[first : first + CHUNK_REGIONS],
            issued_at_utc=choice.issued_at_utc,
            now=now,
            is_simulation=choice.is_simulation,
            without_decision_ids=replaced_ids,
            known_at_utc=choice.known_at_utc,
        )
    return windows


def _judge_again(
    session: Session,
    stored: StoredPlan,
    record: PlanRecord,
    found: dict[str, StoredRegion],
    now: datetime,
    replaced_ids: tuple[int, ...],
) -> list[Judgement] | tuple[str, ...]:
    """The judgements to store, or sentences on what is no longer as it was."""
    facts = stored.facts
    touched = sorted({end for x in record.transfers for end in (x.source, x.target)})
    gone = [slug for slug in touched if slug not in found]
    if gone:
        return tuple(f"Region {slug} is no longer active." for slug in gone)
    choice = WindowChoice(
        local_day=facts.local_day if facts.is_simulated else None,
        decision_day=facts.local_day,
        issued_at_utc=facts.window_start_utc,
        is_simulation=facts.is_simulated,
    )
    loaded = plan_windows(
        session, [found[slug] for slug in touched], choice, now, replaced_ids
    )
    windows = dict(zip(touched, loaded, strict=True))
    unknown = [slug for slug in touched if not windows[slug].outlook.load_is_known]
    if unknown:
        return tuple(f"The load of {slug} is no longer known." for slug in unknown)
    judgement = judge_plan(
        [window.outlook for window in windows.values()],
        [_move(transfer) for transfer in record.transfers],
        migration_energy_frac=record.migration_energy_frac,
    )
    changed = tuple(
        part.reason_text
        for part, transfer in zip(judgement.parts, record.transfers, strict=True)
        if (part.outcome, part.reason_code) != (transfer.outcome, transfer.reason_code)
    )
    if changed:
        return tuple(dict.fromkeys(changed))
    changes = {change.outlook.region.slug: change for change in judgement.changes}
    return [
        Judgement(
            source=windows[part.transfer.source],
            target=windows[part.transfer.target],
            local_day=facts.local_day,
            verdict=part.verdict,
            plan_move=PlanMove(
                plan_id=stored.plan_id,
                source_change_mw=changes[part.transfer.source].change_mw,
                target_change_mw=changes[part.transfer.target].change_mw,
            ),
        )
        for part in judgement.parts
    ]


def _move(transfer: TransferRecord) -> PlanTransfer:
    return PlanTransfer(
        source=transfer.source,
        target=transfer.target,
        moved_mw=np.array(transfer.moved_mw, dtype=np.float64),
    )


def _require_safe(record: PlanRecord) -> None:
    """A shift that somebody split by hand may ask for what its targets cannot take."""
    for transfer in record.transfers:
        is_safe = (
            transfer.outcome is Outcome.APPROVED
            or transfer.reason_code.is_heat_of_source
        )
        if not is_safe:
            message = f"This cannot be recorded: {transfer.reason_text}"
            raise InvalidInput(message)


def _require_newest(
    stored: StoredPlan, newer_utc: datetime | None, now: datetime
) -> None:
    """The hours of a plan are those of its issue: on a newer one it is another plan."""
    start_utc = stored.facts.window_start_utc
    if start_utc > now:
        message = (
            f"Plan {stored.plan_id} is of a day that begins"
            f" {start_utc:%-d %b %Y, %H:%M} UTC. It can be recorded once the forecasts"
            " of that hour are issued."
        )
        raise Conflict(message)
    if newer_utc is not None:
        message = (
            f"Plan {stored.plan_id} rests on the forecasts issued at"
            f" {stored.facts.window_start_utc:%-d %b %Y, %H:%M} UTC; newer ones were"
            f" issued at {newer_utc:%-d %b %Y, %H:%M} UTC. Find the plan again on them."
        )
        raise Conflict(message)
