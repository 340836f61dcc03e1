"""Faults in telemetry that is held against weather runs, and the clean hours refused.

    .venv/bin/python benchmarks/weather_run_guard.py TELEMETRY REGIONS RUNS [ELSEWHERE]

One region with the runs issued for it. Every fault is put at the end of the same seeded
hours of warm days; a fault is found when the newest temperature is suspect, which
refuses the next forecast. Beside it stand the other checks, without runs. ELSEWHERE
is telemetry of other regions, whose values stand for the file of another place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from core.aliases import BoolArray, FloatArray
from core.psychrometrics import estimate_wet_bulb
from core.quality import LOOK_BACK_H, rule_of
from core.quality_checks import judge_telemetry
from core.telemetry import HOUR, Quantity, TelemetryFrame, hours_between
from orchestrator.telemetry.readers.forecast_files import read_weather_forecasts
from orchestrator.telemetry.readers.frames import read_fleet

T, HUMIDITY = Quantity.TEMPERATURE_C, Quantity.RELATIVE_HUMIDITY_PCT
SEED, N_HOURS_TRIED, WARM_QUANTILE = 7, 60, 0.75
FIRST_H = LOOK_BACK_H + 28 * 24

Change = Callable[[FloatArray, int], FloatArray]
"""Values up to the issue, and its position: what the last of them become."""


def faults(truth: TelemetryFrame, elsewhere: Sequence[FloatArray]) -> dict[str, Change]:
    """Kinds of faults by name; each changes the last hours of what it is given."""
    wet_c = estimate_wet_bulb(
        truth.column(T), truth.column(HUMIDITY), clamp_humidity=True
    )

    def ending(hours: int, change: Callable[[FloatArray, int], FloatArray]) -> Change:
        def broken(values: FloatArray, position: int) -> FloatArray:
            last = change(values[-hours:], position)
            return np.concatenate((values[:-hours], np.round(last, 1)))

        return broken

    def drift(per_hour: float, hours: int) -> Change:
        return ending(hours, lambda last, _: last + per_hour * np.arange(1, hours + 1))

    def offset(by_c: float, hours: int) -> Change:
        return ending(hours, lambda last, _: last + by_c)

    def wet_bulb(hours: int) -> Change:
        return ending(hours, lambda _, at: wet_c[at - hours : at])

    def shifted(by_h: int, hours: int) -> Change:
        column = truth.column(T)
        return ending(hours, lambda _, at: column[at - hours - by_h : at - by_h])

    def elsewhere_of(hours: int) -> Change:
        return ending(
            hours, lambda _, at: elsewhere[at % len(elsewhere)][at - hours : at]
        )

    def frozen(hours: int) -> Change:
        return ending(hours, lambda last, _: np.full(hours, last[0]))

    made = {
        f"drift of {s:g} degC/h, {h} h": drift(s, h)
        for s, h in ((-0.05, 72), (-0.1, 48), (-0.25, 24), (-0.5, 12))
    }
    made |= {f"offset of {s:g} degC, 24 h": offset(s, 24) for s in (-3.0, -5.0, -8.0)}
    made |= {f"wet bulb in the column, {h} h": wet_bulb(h) for h in (6, 24, 72)}
    made |= {
        f"hour shift of {s} h, {h} h": shifted(s, h)
        for s in (3, 6, 12)
        for h in (24, 72)
    }
    if elsewhere:
        made |= {f"another place, {h} h": elsewhere_of(h) for h in (6, 24, 72, 240)}
    return made | {f"frozen, {h} h": frozen(h) for h in (6, 24)}


def found_share(
    frame: TelemetryFrame, change: Change, positions: Sequence[int]
) -> tuple[float, float]:
    """Share of faults whose newest hour is suspect, with runs and without."""
    found = np.zeros((len(positions), 2), dtype=np.bool_)
    for row, position in enumerate(positions):
        begin = position - FIRST_H
        values = change(frame.column(T)[begin:position], position)
        broken = TelemetryFrame(
            region_slug=frame.region_slug,
            start_utc=frame.start_utc + begin * HOUR,
            n_hours=FIRST_H,
            values={T: values},
            runs=frame.runs,
        )
        for column, tried in enumerate((broken, replace(broken, runs=None))):
            codes = judge_telemetry(tried, first=LOOK_BACK_H)[T].rule_codes
            found[row, column] = codes[-1] > 0
    with_runs, without = found.mean(axis=0).tolist()
    return with_runs, without


def clean_findings(frame: TelemetryFrame) -> str:
    """How many clean hours are a finding, with their runs."""
    verdicts = judge_telemetry(frame)
    n_days = (frame.n_hours - LOOK_BACK_H) / 24
    parts = []
    for quantity in (T, HUMIDITY):
        codes = verdicts[quantity].rule_codes
        names = [str(rule_of(int(code))) for code in codes[codes > 0]]
        counts = {name: names.count(name) for name in sorted(set(names))}
        days = len({hour // 24 for hour in np.flatnonzero(codes)})
        parts.append(f"{quantity}: {counts}, {days} of {n_days:.0f} days")
    return "; ".join(parts)


def warm_hours(frame: TelemetryFrame) -> BoolArray:
    """Hours after which a warm day follows."""
    windows = np.lib.stride_tricks.sliding_window_view(frame.column(T), 24)
    highest = np.nanmax(windows, axis=1)
    warm: BoolArray = highest >= np.nanquantile(highest, WARM_QUANTILE)
    return warm


def read_elsewhere(path: Path, frame: TelemetryFrame) -> list[FloatArray]:
    """Temperatures of other regions at the same hours of an earlier year."""
    table = path.parent / "regions.csv"
    found = read_fleet(path, table, datetime.now(UTC), print).frames
    columns = []
    for other, _ in found.values():
        hours = hours_between(other.start_utc, frame.start_utc) + np.arange(
            frame.n_hours
        )
        columns.append(other.column(T)[hours % (other.n_hours // 8760 * 8760)])
    return columns


def main(arguments: Sequence[str]) -> None:
    """Read, try and print."""
    telemetry, table, run_file = (Path(text) for text in arguments[:3])
    frames: Mapping[str, tuple[TelemetryFrame, str]] = read_fleet(
        telemetry, table, datetime.now(UTC), print
    ).frames
    zones = {slug: time_zone for slug, (_, time_zone) in frames.items()}
    runs = read_weather_forecasts(run_file, zones, default_source="file")
    ((frame, _),) = runs.with_frames(frames, None).values()
    print(clean_findings(frame))
    elsewhere = read_elsewhere(Path(arguments[3]), frame) if arguments[3:] else []
    rng = np.random.default_rng(SEED)
    candidates = np.flatnonzero(warm_hours(frame))
    candidates = candidates[candidates >= FIRST_H]
    positions = rng.choice(candidates, N_HOURS_TRIED, replace=False).tolist()
    print(f"| fault | found with runs, % of {N_HOURS_TRIED} | without, % |")
    print("|---|---|---|")
    for name, change in faults(frame, elsewhere).items():
        with_runs, without = found_share(frame, change, positions)
        print(f"| {name} | {100 * with_runs:.0f} | {100 * without:.0f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
