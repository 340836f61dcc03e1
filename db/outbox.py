"""The outbox: events become deliveries in the transaction that appends them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, exists, select, text
from sqlalchemy.orm import Session

from core.audit import canonical_json
from core.public_events import PublicEvent, PublicKind
from db.schema import DeliverySubscriptionRow

TEST_LINE = "#test"
"""Order key of tests: no region is named like it, and none waits for another."""

# A region's former verdict is the newest one before; what is issued late for an hour
# before that changes nothing that holds now.
_CHANGED_VERDICTS = text(
    """
    select d.id::text, f.id as former_id, f.outcome as former_outcome
    from decision d
    left join lateral (
        select id, outcome, window_start_utc from decision
        where source_region_id = d.source_region_id and kind = 'automatic'
          and not is_simulated and id < d.id
        order by window_start_utc desc, id desc limit 1
    ) f on true
    where d.id = any(cast(:ids as bigint[])) and (
        f.id is null
        or f.outcome <> d.outcome and f.window_start_utc <= d.window_start_utc)
    """
)

_WRITE = text(
    f"""
    insert into delivery (subscription_id, event_seq, kind, order_key, detail,
        waiting_since_utc, due_at_utc)
    select s.id, e.event_seq, e.kind,
        case when e.only_name is null then coalesce(e.regions[1], '')
            else '{TEST_LINE}' end,
        e.detail, clock_timestamp(), clock_timestamp()
    from jsonb_to_recordset(cast(:events as jsonb)) as e(place int, event_seq bigint,
        kind text, regions text[], only_name text, detail jsonb)
    join delivery_subscription s
      on s.removed_at_utc is null and s.stopped_reason is null
      and case when e.only_name is null
        then e.kind = any(s.kinds)
            and (s.regions = '{{}}' or e.regions = '{{}}' or s.regions && e.regions)
        else s.name = e.only_name end
    order by e.place, s.id
    """  # noqa: S608 -- our own constant
)

HAS_SUBSCRIPTIONS: Select[tuple[bool]] = select(
    exists().where(
        DeliverySubscriptionRow.removed_at_utc.is_(None),
        DeliverySubscriptionRow.stopped_reason.is_(None),
    )
)
"""Asked along with another question, so that it costs nothing without any."""


def write(
    session: Session, events: Sequence[tuple[int, str | None, PublicEvent]]
) -> None:
    """Store a delivery of each event for each subscription that chose it.

    Parameters
    ----------
    events : sequence of (int, str or None, PublicEvent)
        Each with its place in the audit chain, and what it is about; of a verdict the
        decision.
    """
    verdicts = [
        object_id
        for _, object_id, event in events
        if event.kind is PublicKind.VERDICT_CHANGED
    ]
    former = {}
    if verdicts:
        found = session.execute(_CHANGED_VERDICTS, {"ids": verdicts})
        former = {row.id: row for row in found}
    rows: list[dict[str, object]] = []
    for place, (seq, object_id, event) in enumerate(events):
        detail: dict[str, object] = {}
        if event.kind is PublicKind.VERDICT_CHANGED:
            before = former.get(object_id)
            if before is None:
                continue
            detail = {
                "former_decision_id": before.former_id,
                "former_outcome": before.former_outcome,
            }
        rows.append(
            {
                "place": place,
                "event_seq": seq,
                "kind": event.kind.value,
                "regions": event.regions,
                "only_name": event.only_subscription,
                "detail": detail,
            }
        )
    if rows:
        session.execute(_WRITE, {"events": canonical_json(rows)})
