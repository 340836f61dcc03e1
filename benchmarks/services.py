"""Median times of what a page or a slider release asks for, on a running database.

    GFO_DATA_DIR=var .venv/bin/python benchmarks/services.py [REGION TARGET DAY]

Reads and evaluates only what is there; prints one JSON object. Compare the figures as
ratios within one run: machines differ and are noisy.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date

from core.scheduler import decide, scenarios
from orchestrator.decisions.what_if import what_if_view
from orchestrator.forecasts.day_page import day_view
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.processes.connect import connected_runtime, system_actor
from orchestrator.regions.region_choice import active_regions, choose_region
from orchestrator.use_cases import Request
from orchestrator.windows.choice import choose_window
from orchestrator.windows.database_source import load_region_window

REPEATS = 30


def median_ms(work: Callable[[], object]) -> float:
    """Median duration of `work`, milliseconds, after one call that is not counted."""
    work()
    durations = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        durations.append(1000 * (time.perf_counter() - started))
    return round(statistics.median(durations), 2)


def main() -> None:
    """Measure and print."""
    given = sys.argv[1:4]
    with connected_runtime() as runtime, runtime.transaction() as session:
        actor, now = system_actor(session, "cli"), runtime.clock()
        found = active_regions(session)
        slugs = given[:2] or [found[0].region.slug, found[1].region.slug]
        source, target = (choose_region(session, slug) for slug in slugs)
        day = date.fromisoformat(given[2]) if len(given) > 2 else None
        choice = choose_window(session, source, local_day=day, now=now)
        windows = [
            load_region_window(
                session,
                region,
                issued_at_utc=choice.issued_at_utc,
                now=now,
                is_simulation=choice.is_simulation,
            ).outlook
            for region in (source, target)
        ]
        figures = {
            "fleet_view_ms": lambda: fleet_view(
                Request(session=session, caller=actor, now=now)
            ),
            "day_view_ms": lambda: day_view(
                Request(session=session, caller=actor, now=now),
                region_slug=slugs[0],
                local_day=day,
            ),
            "what_if_view_ms": lambda: what_if_view(
                Request(session=session, caller=actor, now=now),
                source_slug=slugs[0],
                target_slug=slugs[1],
                local_day=day,
            ),
            "decide_ms": lambda: decide(windows[0], windows[1], 20.0),
            "scenarios_ms": lambda: scenarios(windows[0], windows[1]),
        }
        print(json.dumps({name: median_ms(work) for name, work in figures.items()}))


if __name__ == "__main__":
    main()
