"""Speed and memory of a what-if, of plans and of the Pareto sweep.

    .venv/bin/python benchmarks/placement.py

Prints one JSON object: medians in ms, and the peak memory of the process. The fleets
are random but plausible. Compare figures as ratios within one run: machines differ.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from core.greedy import greedy_plan
from core.optimizer import best_plan, pareto
from core.outlooks import RegionOutlook
from core.placement import PlanPrices, PlanRules, placement
from core.safe_shifts import SafeShifts, checks_by_step
from core.scheduler import decide
from core.shift import shift_impact
from tests.core.placement_cases import a_fleet, a_tight_fleet

PRICES = PlanPrices(carbon_usd_per_t=50.0, water_usd_per_m3=2.0)
RAMPED = PlanRules(ramp_mw_per_h=5.0)


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """Median duration of `work`, milliseconds, after one call that is not counted."""
    work()
    durations = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        durations.append(1000.0 * (time.perf_counter() - started))
    return round(statistics.median(durations), 3)


def safe_shifts(source: RegionOutlook, target: RegionOutlook) -> tuple[object, ...]:
    """Every figure of the safe interval."""
    safe = SafeShifts(source=source, target=target)
    return safe.minimum_pct, safe.for_margin_pct, safe.maximum_pct


def main() -> None:
    """Measure and print."""
    pair = a_fleet(2, seed=4, hot_frac=0.0)
    source, target = pair[0], pair[1]
    moved = 0.1 * source.outlook.it_load_mw
    figures: dict[str, float] = {
        "what_if_verdict": median_ms(
            lambda: decide(source.outlook, target.outlook, 10.0), 300
        ),
        "what_if_verdict_and_impact": median_ms(
            lambda: (
                decide(source.outlook, target.outlook, 10.0),
                shift_impact(source.signals, target.signals, moved),
            ),
            300,
        ),
    }
    hot, cool = (r.outlook for r in a_tight_fleet(2, 8, hot_frac=0.0, n_days=365))
    fallen = replace(hot, prior_rise_c=np.where(np.arange(24) < 23, -4.0, 0.0))
    figures |= {
        "safe_shifts": median_ms(lambda: safe_shifts(hot, cool), 100),
        "safe_shifts_after_a_fall": median_ms(lambda: safe_shifts(fallen, cool), 100),
        "bounds_of_every_step": median_ms(lambda: checks_by_step(hot, cool), 30),
        "check_after_a_rise": median_ms(fallen.check, 300),
    }
    tight = placement(a_tight_fleet(16, 8, n_days=365))
    figures["plan_16x24_by_hours"] = median_ms(lambda: best_plan(tight, PRICES), 5)
    for n_regions in (5, 16, 50):
        fleet = a_fleet(n_regions)
        problem = placement(fleet)
        figures |= {
            f"placement_{n_regions}x24": median_ms(lambda f=fleet: placement(f), 10),
            f"plan_{n_regions}x24": median_ms(
                lambda p=problem: best_plan(p, PRICES), 10
            ),
            f"plan_with_ramps_{n_regions}x24": median_ms(
                lambda p=problem: best_plan(p, PRICES, RAMPED), 10
            ),
            f"greedy_{n_regions}x24": median_ms(
                lambda p=problem: greedy_plan(p, PRICES), 5
            ),
            f"pareto_12_points_{n_regions}x24": median_ms(
                lambda p=problem: pareto(p), 5
            ),
        }
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    print(json.dumps({"ms": figures, "peak_mb": round(peak_mb, 1)}, indent=2))


if __name__ == "__main__":
    main()
