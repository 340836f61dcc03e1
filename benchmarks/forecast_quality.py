"""The figures and plots of docs/forecast-quality.md, in one run.

    .venv/bin/python benchmarks/forecast_quality.py TELEMETRY REGIONS OUT_FOLDER

Trains on 2021, calibrates on 2022, tests on 2023 (or the three days given as further
arguments), and writes figures.json, comparison.md and three PNGs.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import matplotlib as mpl
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
mpl.use("Agg")
from baselines import (
    climatology,
    persistence,
    plain_ridge,
    pointwise_decisions,
    predecessor,
)
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from core.forecasts import InputMode, Target
from models.backtest import (
    BacktestSetup,
    issues_of,
    judge_days,
    own_limit_c,
    training_end,
)
from models.backtest_figures import Figures, RolledDays, pooled_figures
from models.export import export_onnx
from models.fleet_telemetry import RegionTelemetry
from models.metadata import Family
from models.onnx_model import OnnxModel
from models.rolling import RegionDays, forecast_days
from models.train import train_model
from orchestrator.telemetry.readers.frames import read_fleet

Frames = Mapping[str, RegionTelemetry]
Rolled = Mapping[str, RolledDays]

INKS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#808890", "#E69F00")


def main(arguments: Sequence[str]) -> None:
    """Run everything and write it."""
    telemetry, regions, out = (Path(text) for text in arguments[:3])
    days = [date.fromisoformat(text) for text in arguments[3:6]]
    train, calibrate, test = days or [
        date(2022, 1, 1),
        date(2023, 1, 1),
        date(2024, 1, 1),
    ]
    frames = read_fleet(telemetry, regions, datetime.now(UTC), print).frames
    setup = BacktestSetup(
        train_until=train,
        calibrate_until=calibrate,
        test_until=test,
        targets=(Target.TEMPERATURE_C,),
    )
    out.mkdir(parents=True, exist_ok=True)
    limits_c = {
        slug: own_limit_c(frames[slug], setup.train_until) for slug in sorted(frames)
    }
    methods, seconds = _methods(frames, setup, limits_c)
    figures = {
        name: pooled_figures(list(rolled.values()), setup.confidence)
        for name, rolled in methods.items()
    }
    document = {
        "figures": {name: asdict(item) for name, item in figures.items()},
        "seconds": seconds,
        "limits_c": limits_c,
    }
    (out / "figures.json").write_text(json.dumps(document, indent=1) + "\n")
    (out / "comparison.md").write_text(_table(figures) + "\n")
    print(_table(figures))
    for name in ("predecessor", "predecessor, regions reversed"):
        print(name, {s: round(_bound_coverage(r), 3) for s, r in methods[name].items()})
    _plot_methods(figures, out / "methods.png")
    _plot_horizons(figures, out / "coverage-by-horizon.png")
    _plot_runs(methods[Family.BOOSTING], out / "bound-over-the-year.png")


def _methods(
    frames: Frames, setup: BacktestSetup, limits_c: Mapping[str, float]
) -> tuple[dict[str, Rolled], dict[str, float]]:
    methods: dict[str, Rolled] = {}
    seconds: dict[str, float] = {}
    simple: dict[str, Callable[[RegionTelemetry, BacktestSetup], RegionDays]] = {
        "persistence": persistence,
        "climatology": climatology,
        "plain ridge": plain_ridge,
    }
    for name, make in simple.items():
        started = time.monotonic()
        methods[name] = _judged(
            {slug: make(region, setup) for slug, region in frames.items()},
            frames,
            setup,
            limits_c,
        )
        seconds[name] = time.monotonic() - started
    for family in Family:
        started = time.monotonic()
        forecasts = _forecasts(frames, setup, family)
        methods[family] = _judged(forecasts, frames, setup, limits_c)
        seconds[family] = time.monotonic() - started
    for name, one_sided in (("two-sided", False), ("one-sided", True)):
        methods[f"{Family.BOOSTING}, hourly bounds, {name}"] = {
            slug: pointwise_decisions(days, setup, limits_c[slug], one_sided=one_sided)
            for slug, days in forecasts.items()
        }
    order = sorted(frames)
    methods["predecessor"] = predecessor(frames, setup, limits_c, order)
    methods["predecessor, regions reversed"] = predecessor(
        frames, setup, limits_c, order[::-1]
    )
    return methods, seconds


def _judged(
    days: Mapping[str, RegionDays],
    frames: Frames,
    setup: BacktestSetup,
    limits_c: Mapping[str, float],
) -> Rolled:
    return {
        slug: judge_days(
            {InputMode.TELEMETRY: item}, frames[slug][1], setup, limits_c[slug]
        )
        for slug, item in days.items()
    }


def _forecasts(
    frames: Frames, setup: BacktestSetup, family: Family
) -> dict[str, RegionDays]:
    until_utc = training_end(frames, setup.train_until)
    trained = train_model(
        frames, Target.TEMPERATURE_C, until_utc, family=family, seed=setup.seed
    )
    content = export_onnx(trained)
    model = OnnxModel(content, hashlib.sha256(content).hexdigest())
    return {
        slug: forecast_days(
            model, frame, zone, issues_of(zone, setup.train_until, setup.test_until)
        )
        for slug, (frame, zone) in frames.items()
    }


def _bound_coverage(rolled: RolledDays) -> float:
    figures = pooled_figures([rolled], Decimal("0.95"))
    return figures.day_bound.coverage if figures.day_bound else float("nan")


def _table(figures: Mapping[str, Figures]) -> str:
    head = (
        "method", "RMSE, degC", "skill", "hours covered", "width, degC",
        "Winkler, degC", "days covered", "margin, degC", "worst 90 d",
        "unsafe approvals", "safe days blocked",
    )  # fmt: skip
    rows = [head, ("---",) * len(head)]
    rows += [_cells(name, item) for name, item in figures.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(name: str, item: Figures) -> tuple[str, ...]:
    hours, bound, decided = item.pointwise, item.day_bound, item.decisions
    if hours is None or bound is None or decided is None:
        return (name, *("-",) * 10)
    unsafe = decided.approved_exceedance_days / max(decided.exceedance_days, 1)
    blocked = decided.blocked_safe_days / max(decided.safe_days, 1)
    return (
        name,
        f"{item.rmse:.2f}",
        f"{100 * (item.skill_frac or 0):.1f} %",
        f"{100 * hours.coverage:.1f} %",
        f"{hours.mean_width:.2f}",
        f"{hours.winkler:.2f}",
        f"{100 * bound.coverage:.1f} %",
        f"{bound.mean_margin_c:.2f}",
        f"{100 * (bound.worst_90d or 0):.0f} %",
        f"{100 * unsafe:.1f} %",
        f"{100 * blocked:.1f} %",
    )


def _save(figure: Figure, path: Path) -> None:
    """Save a plot in a palette of 48 colours, which makes it a third of the size."""
    figure.savefig(path, dpi=130)
    plt.close(figure)
    picture = Image.open(path).convert("RGB")
    palette = picture.quantize(48, kmeans=2, dither=Image.Dither.NONE)
    palette.save(path, optimize=True)


def _plot_methods(figures: Mapping[str, Figures], path: Path) -> None:
    names = ["persistence", "climatology", "plain ridge", *Family, "predecessor"]
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), constrained_layout=True)
    panels = (
        ("RMSE (°C)", [figures[n].rmse for n in names]),
        ("Winkler score of hours (°C)", [figures[n].pointwise.winkler for n in names]),
        (
            "Days within the day bound (%)",
            [100 * figures[n].day_bound.coverage for n in names],
        ),
    )
    for axis, (title, values) in zip(axes, panels, strict=True):
        axis.barh(names[::-1], values[::-1], color=INKS[0])
        axis.set_title(title, fontsize=10)
        axis.grid(axis="x", alpha=0.3)
    axes[2].set_xlim(80, 100)
    axes[2].axvline(95, color=INKS[1], linewidth=1.5)
    for axis in axes[1:]:
        axis.set_yticklabels([])
    _save(figure, path)


def _plot_horizons(figures: Mapping[str, Figures], path: Path) -> None:
    figure, axis = plt.subplots(figsize=(7, 3.4), constrained_layout=True)
    for ink, name in zip(INKS, ("plain ridge", *Family), strict=False):
        coverage = figures[name].pointwise.coverage_by_horizon
        axis.plot(
            range(1, 25), 100 * np.array(coverage), color=ink, label=name, marker="."
        )
    axis.axhspan(93, 97, color="#808890", alpha=0.15)
    axis.axhline(95, color="#808890", linewidth=1)
    axis.set_xlabel("Hour after issue at local midnight")
    axis.set_ylabel("Hours inside the 95 % interval (%)")
    axis.legend(frameon=False)
    _save(figure, path)


def _plot_runs(rolled: Rolled, path: Path, run: int = 90) -> None:
    figure, axis = plt.subplots(figsize=(7, 3.4), constrained_layout=True)
    for ink, (slug, item) in zip(INKS, rolled.items(), strict=False):
        scored = np.flatnonzero(item.days.is_scored)
        held = [
            item.judged.checks[day].bound >= item.days.day_max[day]
            for day in scored
            if item.judged.checks[day] is not None
        ]
        runs = np.convolve(np.array(held, float), np.ones(run) / run, "valid")
        axis.plot(np.arange(run, run + len(runs)), 100 * runs, color=ink, label=slug)
    axis.axhline(95, color="#808890", linewidth=1)
    axis.axhline(85, color="#808890", linewidth=1, linestyle="--")
    axis.set_xlabel("Day of the test year")
    axis.set_ylabel(f"Last {run} days within the day bound (%)")
    axis.set_ylim(80, 101)
    axis.legend(frameon=False, ncols=3, fontsize=8)
    _save(figure, path)


if __name__ == "__main__":
    main(sys.argv[1:])
