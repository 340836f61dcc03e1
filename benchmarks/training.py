"""What training a ridge costs, on synthetic weather.

    python benchmarks/training.py REGIONS DAYS

Prints processor seconds of the training of one temperature model, the largest memory of
the process and the size of the file, for as many regions and days of hourly telemetry.
Two lengths tell the cost of a row from that of a region.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from datetime import UTC, datetime

import numpy as np

from core.forecasts import Target
from core.telemetry import Quantity, TelemetryFrame
from models.export import export_onnx
from models.ridge_training import train_ridge

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
    made = (weather(number, 24 * n_days) for number in range(n_regions))
    frames = {frame.region_slug: (frame, "Europe/Berlin") for frame in made}
    until_utc = next(iter(frames.values()))[0].end_utc
    started = time.process_time()
    trained = train_ridge(frames, Target.TEMPERATURE_C, until_utc)
    trained_s = time.process_time() - started
    content = export_onnx(trained)
    figures = {
        "regions": n_regions,
        "days": n_days,
        "cpu_s": round(trained_s, 2),
        "export_cpu_s": round(time.process_time() - started - trained_s, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "file_bytes": len(content),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
