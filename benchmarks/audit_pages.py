"""Times of the Audit lists on 10^4 to 5 x 10^6 decisions and events.

    .venv/bin/python benchmarks/audit_pages.py FOLDER [ROWS ...]

Starts a server of its own in FOLDER, fills it step by step, and prints one JSON object
a size: median and 95th percentile of each list, milliseconds, over its first, second
and a deep page. Needs about 4 kB of disk a row.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from audit_chain_filler import fill_chain
from audit_history_filler import LEFT_ACTOR, NEW_REGION, RETIRED_REGION, fill_decisions
from sqlalchemy.orm import Session

from core.audit import AuditAction
from db.engine import libpq_url, make_engine, parse_url
from db.local_server import LocalServer
from db.migrate import upgrade
from db.users import system_actor
from orchestrator.audit.event_list import EventFilter, list_audit_events
from orchestrator.decisions.lists import DecisionFilter, DecisionOrder, decision_page
from orchestrator.use_cases import Request

SIZES = (10_000, 100_000, 1_000_000, 5_000_000)
REPEATS = 20

LONG_AGO = datetime(2015, 2, 1, tzinfo=UTC)
MONTH = {"from_utc": LONG_AGO, "until_utc": LONG_AGO.replace(month=3)}

# The newest first, unless the name says otherwise.
DECISIONS: dict[str, tuple[DecisionFilter, DecisionOrder]] = {
    "all": (DecisionFilter(), DecisionOrder.NEWEST),
    "kind": (DecisionFilter(kind="recorded"), DecisionOrder.NEWEST),
    "region": (DecisionFilter(region_slug="region-9"), DecisionOrder.NEWEST),
    "a retired region": (
        DecisionFilter(region_slug=RETIRED_REGION),
        DecisionOrder.NEWEST,
    ),
    "a new region": (DecisionFilter(region_slug=NEW_REGION), DecisionOrder.NEWEST),
    "actor": (DecisionFilter(actor_name="operator-1"), DecisionOrder.NEWEST),
    "somebody who left": (DecisionFilter(actor_name=LEFT_ACTOR), DecisionOrder.NEWEST),
    "somebody without any": (
        DecisionFilter(actor_name="operator-8"),
        DecisionOrder.NEWEST,
    ),
    "outcome": (DecisionFilter(outcome="BLOCKED"), DecisionOrder.NEWEST),
    "reason": (DecisionFilter(reason_code="not_resolvable"), DecisionOrder.NEWEST),
    "the first model": (DecisionFilter(model_version_id=1), DecisionOrder.NEWEST),
    "live": (DecisionFilter(live_only=True), DecisionOrder.NEWEST),
    "a month long ago": (DecisionFilter(**MONTH), DecisionOrder.NEWEST),
    "common words": (DecisionFilter(words="above the limit"), DecisionOrder.NEWEST),
    "rare words": (DecisionFilter(words="heron"), DecisionOrder.NEWEST),
    "no such words": (DecisionFilter(words="albatross"), DecisionOrder.NEWEST),
    "kind, region, reason": (
        DecisionFilter(
            kind="recorded", region_slug="region-2", reason_code="over_limit"
        ),
        DecisionOrder.NEWEST,
    ),
    "recorded by the worker (none)": (
        DecisionFilter(kind="recorded", actor_name="worker"),
        DecisionOrder.NEWEST,
    ),
    "automatic by an operator (none)": (
        DecisionFilter(kind="automatic", actor_name="operator-1"),
        DecisionOrder.NEWEST,
    ),
    "approved over the limit (none)": (
        DecisionFilter(outcome="APPROVED", reason_code="over_limit"),
        DecisionOrder.NEWEST,
    ),
    "automatic into a region (none)": (
        DecisionFilter(kind="automatic", region_slug="region-9"),
        DecisionOrder.NEWEST,
    ),
}
DECISIONS |= {
    f"{name}, {order}": (chosen, order)
    for name, (chosen, _) in list(DECISIONS.items())
    for order in DecisionOrder
    if order is not DecisionOrder.NEWEST
}
EVENTS = {
    "all": EventFilter(),
    "actor": EventFilter(actor_name="ada"),
    "action": EventFilter(action=AuditAction.ACCESS_DENIED),
    "object": EventFilter(object_type="decision", object_id="77"),
    "request": EventFilter(request_id="6f0e4c1a-5a0b-4d52-9f0e-000000000077"),
    "an early hour": EventFilter(
        from_utc=datetime(2025, 1, 1, 3, tzinfo=UTC),
        until_utc=datetime(2025, 1, 1, 4, tzinfo=UTC),
    ),
    "actor and action without any": EventFilter(
        actor_name="ada", action=AuditAction.ACCESS_DENIED
    ),
}


def timed_ms(work: Callable[[], object]) -> float:
    """Duration of one call, milliseconds."""
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def measure(url: str) -> dict[str, dict[str, float]]:
    """Median and 95th percentile of every list."""
    engine = make_engine(url, pool_size=1)
    figures: dict[str, dict[str, float]] = {}
    with Session(engine) as session:
        actor = system_actor(session, "cli")
        request = Request(session=session, caller=actor, now=datetime.now(UTC))
        for name, (chosen, order) in DECISIONS.items():
            afters = [None, *_following(request, chosen, order)]
            page = partial(decision_page, request, chosen, order=order)
            figures[f"decisions: {name}"] = _summary(
                [timed_ms(partial(page, after=a)) for a in afters * REPEATS]
            )
        request = Request(session=session, caller=actor, now=datetime.now(UTC))
        for name, wanted in EVENTS.items():
            figures[f"events: {name}"] = _summary(
                [
                    timed_ms(lambda w=wanted: list_audit_events(request, w))
                    for _ in range(REPEATS)
                ]
            )
    engine.dispose()
    return figures


def _following(
    request: Request, chosen: DecisionFilter, order: DecisionOrder
) -> list[str]:
    """The place of the second page, and of one twenty full pages further."""
    after, places = None, []
    for number in range(20):
        page = decision_page(
            request,
            chosen,
            order=order,
            after=after,
            limit=200 if number else 50,
        )
        after = page.next_after
        if after is None:
            break
        places.append(after)
    return [places[0], places[-1]] if places else []


def _summary(durations_ms: list[float]) -> dict[str, float]:
    ranked = sorted(durations_ms)
    return {
        "p50_ms": round(statistics.median(ranked), 1),
        "p95_ms": round(ranked[int(0.95 * (len(ranked) - 1))], 1),
    }


def main() -> None:
    """Fill and measure."""
    folder = Path(sys.argv[1])
    sizes = [int(text) for text in sys.argv[2:]] or list(SIZES)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    settings = {"fsync": "off", "shared_buffers": "512MB", "max_wal_size": "4GB"}
    with LocalServer.own(folder, settings=settings) as server:
        upgrade(server.urls)
        database = parse_url(server.urls.app).database
        url = parse_url(server.superuser_url).set(database=database)
        superuser = libpq_url(url.render_as_string(hide_password=False))
        first = 1
        for size in sizes:
            fill_decisions(superuser, first=first, last=size)
            fill_chain(superuser, size)
            first = size + 1
            print(json.dumps({"rows": size, "lists": measure(server.urls.app)}))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
