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
import sys
import time
from datetime import UTC, datetime, timedelta

import numpy as np

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
