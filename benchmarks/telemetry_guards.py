"""Faults injected into real telemetry: unsafe approvals with and without the guards.

    .venv/bin/python benchmarks/telemetry_guards.py TELEMETRY REGIONS [TRIALS [OUT]]

Trains the ridge on 2021, scores every issue of 2022 and 2023, and draws TRIALS issues
of 2023 (seeded), half of them from windows that came to exceed the limit. Each gets one
fault that lasts up to the issue. Beside it stands the same issue on clean telemetry.
Then every hour of 2022 and 2023 without a fault: how many issues the guards refuse.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

from core.aliases import BoolArray, FloatArray
from core.conformity import ScoreTracker
from core.days import local_issue_hour
from core.errors import CalibrationInsufficient
from core.forecasts import Target
from core.quality import LOOK_BACK_H, rule_of
from core.quality_checks import judge_telemetry, judged_frame
from core.telemetry import HOUR, Quantity, TelemetryFrame, hours_between
from models.backtest import own_limit_c, training_end
from models.export import export_onnx
from models.features import feature_matrix
from models.fleet_telemetry import RegionTelemetry
from models.metadata import Family
from models.onnx_model import OnnxModel
from models.train import train_model
from orchestrator.telemetry.readers.frames import read_fleet

T = Quantity.TEMPERATURE_C
WEATHER = (
    T,
    Quantity.WET_BULB_C,
    Quantity.RELATIVE_HUMIDITY_PCT,
    Quantity.WIND_SPEED_KMH,
    Quantity.CLOUD_COVER_PCT,
)
TRAIN_UNTIL, TEST_FROM = date(2022, 1, 1), datetime(2023, 1, 1, tzinfo=UTC)
FIRST, LAST = datetime(2022, 1, 2, tzinfo=UTC), datetime(2023, 12, 30, tzinfo=UTC)
ALPHA = Decimal("0.05")
FEATURES_H = 400
LONGEST_FAULT_H = 240
NEAR_FINDING_H = 73
SEED = 7
FOREIGN = "foreign place"
"""The values of a place that the fleet does not hold."""

Columns = dict[Quantity, FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issues:
    """Every issue of one region: what happened, and the bound on clean telemetry."""

    frame: TelemetryFrame
    time_zone: str
    limit_c: float
    instants: Sequence[datetime]
    day_max_c: FloatArray
    quantile: FloatArray
    bound_c: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What `last` hours become; `whole_file` breaks every weather column alike."""

    kind: str
    hours: int
    size: float = 0.0
    whole_file: bool = False

    @property
    def name(self) -> str:
        size = f" {self.size:g}" if self.size else ""
        return f"{self.kind}{size}, {self.hours} h"


def faults() -> list[Fault]:
    """Every kind with several lengths and sizes."""
    made = [Fault(kind="zeros", hours=h) for h in (1, 3, 6, 24)]
    made += [Fault(kind="freeze", hours=h) for h in (2, 3, 4, 6, 12, 24, 72)]
    made += [Fault(kind="frozen at 20", hours=h) for h in (1, 3, 6, 24)]
    made += [Fault(kind="spike", hours=1, size=s) for s in (-20.0, -10.0, 10.0, 20.0)]
    made += [Fault(kind="degF", hours=h) for h in (1, 6, 24, 72)]
    made += [Fault(kind="tenths", hours=h) for h in (1, 6, 24, 72)]
    made += [Fault(kind="wet bulb", hours=h) for h in (1, 3, 6, 24, 72)]
    made += [
        Fault(kind="hour shift", hours=h, size=s, whole_file=True)
        for s in (1.0, -1.0, 3.0, -3.0, 6.0, 12.0)
        for h in (24, 72, 240)
    ]
    made += [
        Fault(kind=kind, hours=h, whole_file=True)
        for kind in ("swapped region", FOREIGN)
        for h in (6, 24, 72, 240)
    ]
    made += [Fault(kind="offset", hours=24, size=s) for s in (-3.0, -5.0, -8.0)]
    made += [
        Fault(kind="drift", hours=h, size=s)
        for s, h in ((-0.05, 72), (-0.1, 48), (-0.25, 24), (-0.5, 12))
    ]
    return made


def broken(
    fault: Fault,
    region: Issues,
    source: Issues,
    position: int,
) -> Columns:
    """Columns of the look-back before the fault, with the fault up to `position`.

    `source` is the place whose values a swapped region has.
    """
    begin = position - LOOK_BACK_H - fault.hours
    columns = {q: region.frame.column(q)[begin:position].copy() for q in WEATHER}
    last, before = slice(-fault.hours, None), position - fault.hours
    value = columns[T]
    changes: Mapping[str, Callable[[], object]] = {
        "zeros": lambda: 0.0,
        "freeze": lambda: value[-fault.hours - 1],
        "frozen at 20": lambda: 20.0,
        "spike": lambda: value[last] + fault.size,
        "degF": lambda: value[last] * 1.8 + 32.0,
        "tenths": lambda: value[last] / 10.0,
        "wet bulb": lambda: columns[Quantity.WET_BULB_C][last],
        "offset": lambda: value[last] + fault.size,
        "drift": lambda: value[last] + fault.size * np.arange(1, fault.hours + 1),
    }
    if not fault.whole_file:
        value[last] = np.round(np.asarray(changes[fault.kind]()), 1)
        # An import refuses what is out of range.
        value[(value < -50.0) | (value > 60.0)] = np.nan
        return columns
    if fault.kind == "hour shift":
        source = region
    offset = int(fault.size)
    for quantity, column in columns.items():
        column[last] = source.frame.column(quantity)[
            before - offset : position - offset
        ]
    return columns


def prepare(
    model: OnnxModel, slug: str, region: RegionTelemetry, limit_c: float
) -> Issues:
    """Bounds of every hourly issue, calibrated by local hour of issue."""
    frame, time_zone = region
    instants = [FIRST + h * HOUR for h in range(hours_between(FIRST, LAST))]
    inputs = feature_matrix(
        frame,
        time_zone,
        instants,
        model.contract.feature_names,
        target=Target.TEMPERATURE_C,
    )
    mean = np.full((len(instants), 24), np.nan)
    scale = mean.copy()
    mean[inputs.usable], scale[inputs.usable] = _predict(
        model, slug, inputs.features[inputs.usable]
    )
    first = hours_between(frame.start_utc, FIRST)
    column = frame.column(T)
    windows = np.lib.stride_tricks.sliding_window_view(column, 24)
    day_max_c = windows[first : first + len(instants)].max(axis=1)
    scores = ((day_max_c[:, None] - mean) / scale).min(axis=1)
    quantile = np.full(len(instants), np.nan)
    for hour in range(24):
        tracker = ScoreTracker(ALPHA)
        for issue in range(hour + 24, len(instants), 24):
            if np.isfinite(scores[issue - 24]):
                tracker.add(float(scores[issue - 24]))
            try:
                quantile[issue] = tracker.calibration().quantile
            except CalibrationInsufficient:
                continue
    return Issues(
        frame=frame,
        time_zone=time_zone,
        limit_c=limit_c,
        instants=instants,
        day_max_c=day_max_c,
        quantile=quantile,
        bound_c=(mean + quantile[:, None] * scale).max(axis=1),
    )


def _predict(
    model: OnnxModel, slug: str, features: np.ndarray
) -> tuple[FloatArray, FloatArray]:
    index = np.full(len(features), model.contract.region_index(slug), dtype=np.int64)
    return model.predict(features, index)


def run_trials(
    model: OnnxModel, regions: Mapping[str, Issues], n_trials: int, *, alone: bool
) -> list[dict[str, object]]:
    """One row per trial: the fault and the verdict clean, unguarded and guarded."""
    rng = np.random.default_rng(SEED)
    every = faults()
    rows: list[dict[str, object]] = []
    pending: dict[str, list[tuple[np.ndarray | None, float]]] = defaultdict(list)
    for trial in range(n_trials):
        slug = sorted(regions)[int(rng.integers(len(regions)))]
        region, fault = regions[slug], every[trial % len(every)]
        is_tested = np.isfinite(region.bound_c) & np.isfinite(region.day_max_c)
        is_tested &= np.arange(len(is_tested)) >= hours_between(FIRST, TEST_FROM)
        if (trial // len(every)) % 2:
            is_tested &= region.day_max_c > region.limit_c
        issue = int(rng.choice(np.flatnonzero(is_tested)))
        others = [other for other in sorted(regions) if other != slug]
        source = others[int(rng.integers(len(others)))]
        if fault.kind == FOREIGN:
            others.remove(source)
        instant = region.instants[issue]
        position = hours_between(region.frame.start_utc, instant)
        columns = broken(fault, region, regions[source], position)
        if alone:
            columns = {T: columns[T]}
        faulty = TelemetryFrame(
            region_slug=slug,
            start_utc=instant - len(columns[T]) * HOUR,
            n_hours=len(columns[T]),
            values=columns,
        )
        copies = {other: _equal(faulty, regions[other]) for other in others}
        judged = judge_telemetry(faulty, first=LOOK_BACK_H, copies=copies)
        for frame in (faulty, judged_frame(faulty, judged).trusted()):
            features = _features(model, region, frame, instant)
            pending[slug].append((features, float(region.quantile[issue])))
        found = np.unique(judged[T].rule_codes[LOOK_BACK_H:])
        rows.append(
            {
                "region": slug,
                "fault": fault.name,
                "kind": fault.kind,
                "season_month": instant.month,
                "is_dangerous": bool(region.day_max_c[issue] > region.limit_c),
                "clean": bool(region.bound_c[issue] <= region.limit_c),
                "rules": [
                    str(rule_of(int(code))) for code in np.unique(found[found > 0])
                ],
            }
        )
    for slug, inputs in pending.items():
        approved = _approved(model, slug, inputs, regions[slug].limit_c)
        own = [row for row in rows if row["region"] == slug]
        for number, row in enumerate(own):
            row["unguarded"] = bool(approved[2 * number])
            row["guarded"] = bool(approved[2 * number + 1])
    return rows


def _equal(frame: TelemetryFrame, other: Issues) -> BoolArray:
    """Hours in which another region has the same weather."""
    theirs = other.frame.window(frame.start_utc, frame.end_utc)
    equal = frame.column(T) == theirs.column(T)
    humidity = Quantity.RELATIVE_HUMIDITY_PCT
    own, their = frame.column(humidity), theirs.column(humidity)
    return equal & ((own == their) | np.isnan(own) | np.isnan(their))


def _features(
    model: OnnxModel, region: Issues, frame: TelemetryFrame, instant: datetime
) -> np.ndarray | None:
    start = instant - FEATURES_H * HOUR
    # What the fault leaves alone is as it was measured.
    values = {
        **region.frame.window(start, instant).values,
        **frame.window(start, instant).values,
    }
    inputs = feature_matrix(
        TelemetryFrame(
            region_slug=frame.region_slug,
            start_utc=start,
            n_hours=FEATURES_H,
            values=values,
        ),
        region.time_zone,
        [instant],
        model.contract.feature_names,
        target=Target.TEMPERATURE_C,
    )
    return inputs.features[0] if inputs.usable[0] else None


def _approved(
    model: OnnxModel,
    slug: str,
    inputs: Sequence[tuple[np.ndarray | None, float]],
    limit_c: float,
) -> BoolArray:
    known = np.array([features is not None for features, _ in inputs])
    quantile = np.array([quantile for _, quantile in inputs])
    bound_c = np.full(len(inputs), np.inf)
    stacked = np.stack([features for features, _ in inputs if features is not None])
    mean, scale = _predict(model, slug, stacked)
    bound_c[known] = (mean + quantile[known][:, None] * scale).max(axis=1)
    return np.asarray(bound_c <= limit_c)


def clean_refusals(
    model: OnnxModel, regions: Mapping[str, Issues]
) -> dict[str, dict[str, object]]:
    """Issues of 2022 and 2023, without a fault, that the guards refuse.

    Near a finding, each issue is judged from what was known then.
    """
    answer: dict[str, dict[str, object]] = {}
    for slug, region in regions.items():
        judged = judge_telemetry(region.frame)
        codes = judged[T].rule_codes
        usable = feature_matrix(
            region.frame,
            region.time_zone,
            region.instants,
            model.contract.feature_names,
            target=Target.TEMPERATURE_C,
        ).usable
        first = hours_between(region.frame.start_utc, FIRST) - 1
        near = np.convolve(codes > 0, np.ones(NEAR_FINDING_H)) > 0
        refused = usable & near[first : first + len(usable)]
        for issue in np.flatnonzero(refused).tolist():
            refused[issue] = _is_refused(model, region, region.instants[issue])
        zone_hour = np.array(
            [local_issue_hour(region.time_zone, t) for t in region.instants]
        )
        answer[slug] = {
            "issues": int(usable.sum()),
            "refused_per_300": 300.0 * float(refused.sum() / usable.sum()),
            "midnights_refused": int(refused[zone_hour == 0].sum()),
            "midnights": int((usable & (zone_hour == 0)).sum()),
            "flagged_hours": {
                str(rule_of(int(code))): int((codes == code).sum())
                for code in np.unique(codes[codes > 0])
            },
        }
    return answer


def _is_refused(model: OnnxModel, region: Issues, instant: datetime) -> bool:
    frame = region.frame.window(
        instant - (LOOK_BACK_H + LONGEST_FAULT_H) * HOUR, instant
    )
    judged = judge_telemetry(frame, first=LOOK_BACK_H)
    trusted = judged_frame(frame, judged).trusted()
    return _features(model, region, trusted, instant) is None


def table(rows: Sequence[Mapping[str, object]], key: str) -> str:
    """Shares of unsafe approvals, %, of windows of all days and of dangerous ones."""
    lines = [
        f"| {key} " + 2 * "| windows | clean | unguarded | guarded " + "|",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    groups = {str(row[key]): [r for r in rows if r[key] == row[key]] for row in rows}
    for name, group in {**groups, "all": list(rows)}.items():
        dangerous = [row for row in group if row["is_dangerous"]]
        # Windows of all days: the half that was not drawn for its danger.
        cells = [name]
        for chosen in ([row for row in group if row["is_uniform"]], dangerous):
            cells.append(str(len(chosen)))
            for verdict in ("clean", "unguarded", "guarded"):
                unsafe = sum(
                    bool(r[verdict]) and bool(r["is_dangerous"]) for r in chosen
                )
                cells.append(f"{100.0 * unsafe / max(len(chosen), 1):.1f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Train, prepare, run and print."""
    telemetry, table_path = (Path(text) for text in arguments[:2])
    n_trials = int(arguments[2]) if len(arguments) > 2 else 10_000
    frames = read_fleet(telemetry, table_path, datetime.now(UTC), print).frames
    started = time.monotonic()
    trained = train_model(
        frames,
        Target.TEMPERATURE_C,
        training_end(frames, TRAIN_UNTIL),
        family=Family.RIDGE,
    )
    onnx_bytes = export_onnx(trained)
    model = OnnxModel(onnx_bytes, hashlib.sha256(onnx_bytes).hexdigest())
    regions = {
        slug: prepare(model, slug, frames[slug], own_limit_c(frames[slug], TRAIN_UNTIL))
        for slug in sorted(frames)
    }
    print(f"prepared in {time.monotonic() - started:.0f} s")
    document: dict[str, object] = {"clean": clean_refusals(model, regions)}
    print(json.dumps(document["clean"], indent=1))
    for name, alone in (("with humidity and wet bulb", False), ("alone", True)):
        started = time.monotonic()
        rows = run_trials(model, regions, n_trials, alone=alone)
        for trial, row in enumerate(rows):
            row["is_uniform"] = (trial // len(faults())) % 2 == 0
        document[name] = rows
        seconds = time.monotonic() - started
        print(f"\ntemperature {name}: {n_trials} trials, {seconds:.0f} s")
        for key in ("kind", "fault", "region"):
            print(table(rows, key), "\n")
    if len(arguments) > 3:
        Path(arguments[3]).write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
