"""What training a ridge costs, on synthetic weather.

    python benchmarks/training.py REGIONS DAYS

Prints processor seconds of the training of one temperature model, the largest memory of
the process and the size of the file, for as many regions and days of hourly telemetry.
Two lengths tell the cost of a row from that of a region. There is no database: the
weather of a region is made when it is asked for, in seconds that are printed apart.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import log
from pathlib import Path

import numpy as np

from benchmarks.figures import ROUNDS, Figure
from core.forecasts import Target
from core.telemetry import Quantity, TelemetryFrame
from models.export import export_onnx
from models.fleet_ridge import train_fleet_ridge
from models.fleet_telemetry import RegionTelemetry, TelemetryOnRequest

START = datetime(2024, 1, 1, tzinfo=UTC)
_SPREADS = {
    Quantity.TEMPERATURE_C: (15.0, 3.0),
    Quantity.RELATIVE_HUMIDITY_PCT: (60.0, 8.0),
    Quantity.WIND_SPEED_KMH: (15.0, 4.0),
    Quantity.CLOUD_COVER_PCT: (50.0, 15.0),
}


def weather(number: int, n_hours: int) -> TelemetryFrame:
    """Days and years of a region, with noise that fades over a day."""
    random = np.random.default_rng(number)
    hours = np.arange(n_hours)
    course = np.sin(2 * np.pi * hours / 24) + np.sin(2 * np.pi * hours / 8_766)
    fading = 0.9 ** np.arange(72)
    values = {}
    for quantity, (mean, spread) in _SPREADS.items():
        noise = np.convolve(random.normal(size=n_hours), fading)[:n_hours]
        values[quantity] = mean + spread * (course + 0.4 * noise)
    return TelemetryFrame(
        region_slug=f"region-{number}", start_utc=START, n_hours=n_hours, values=values
    )


FLEETS = ((6, 120), (24, 120))
"""Regions and days. Two sizes tell how training grows with regions."""
GOAL_S, GOAL_REGIONS, GOAL_DAYS = 600.0, 10_000, 730


def training(_folder: Path) -> Iterator[Figure]:
    """A ridge of the temperature on synthetic weather, one thread.

    Each in a process of its own, beside the goal's share: 10 minutes for 10,000
    regions of two years. So few keep all their weights, which 10,000 do not, so
    that their share is exceeded.
    """
    spent = {}
    for n_regions, n_days in FLEETS:
        command = [sys.executable, __file__, str(n_regions), str(n_days)]
        rounds = [
            json.loads(
                subprocess.run(  # noqa: S603 -- our own program
                    command, check=True, capture_output=True
                ).stdout
            )
            for _ in range(ROUNDS)
        ]
        spent[n_regions] = statistics.median(item["cpu_s"] for item in rounds)
        yield Figure(
            name=f"ridge of {n_regions} regions x {n_days} days",
            spent=spent[n_regions],
            limit="the goal's share",
            limited=GOAL_S * n_regions * n_days / (GOAL_REGIONS * GOAL_DAYS),
            goal="10 min for 10,000 regions x 2 years",
        )
    (few, least_s), (many, most_s) = spent.items()
    yield Figure(
        name="growth of training with regions: exponent",
        spent=log(most_s / least_s) / log(many / few),
        limit="the goal",
        limited=1.05,
        goal="1.05",
        unit="",
    )
    yield Figure(
        name=f"largest memory of it, {many} regions",
        spent=rounds[-1]["peak_mib"],
        limit="the goal",
        limited=6144,
        goal="6 GB for 10,000",
        unit="MiB",
    )


def main() -> None:
    """Measure and print."""
    n_regions, n_days = int(sys.argv[1]), int(sys.argv[2])
    made_s = 0.0

    def read(slug: str) -> RegionTelemetry:
        nonlocal made_s
        started = time.process_time()
        frame = weather(int(slug.removeprefix("region-")), 24 * n_days)
        made_s += time.process_time() - started
        return frame, "Europe/Berlin"

    frames = TelemetryOnRequest(
        spans={f"region-{i}": (START, 24 * n_days) for i in range(n_regions)},
        read=read,
    )
    until_utc = START + timedelta(days=n_days)
    started = time.process_time()
    trained = train_fleet_ridge(frames, Target.TEMPERATURE_C, until_utc)
    trained_s = time.process_time() - started - made_s
    started = time.process_time()
    content = export_onnx(trained)
    figures = {
        "regions": len(trained.contract.region_slugs),
        "days": n_days,
        "cpu_s": round(trained_s, 2),
        "making_weather_cpu_s": round(made_s, 2),
        "export_cpu_s": round(time.process_time() - started, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "file_bytes": len(content),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
