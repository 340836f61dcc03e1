"""Simulated weather forecasts for regions that have none: what came, plus real errors.

The errors are those of forecasts as issued at another place, taken from other days of
the year for each region and scaled by how much its temperature changes from day to day.
Use the file with `--weather-forecasts` to see what forecasts of that quality are worth;
it says nothing of forecasts at these places.

    python benchmarks/simulated_runs.py TELEMETRY REGIONS ISSUED OBSERVED \
        OBSERVED_REGIONS OUT.csv.gz
"""

from __future__ import annotations

import gzip
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from core.aliases import FloatArray
from core.telemetry import HOUR, Quantity, TelemetryFrame, hours_between
from orchestrator.runtime import utc_now
from orchestrator.telemetry.readers.forecast_files import read_weather_forecasts
from orchestrator.telemetry.readers.frames import read_fleet

QUANTITIES = {
    Quantity.TEMPERATURE_C: (-60.0, 60.0),
    Quantity.WIND_SPEED_KMH: (0.0, 200.0),
    Quantity.CLOUD_COVER_PCT: (0.0, 100.0),
    Quantity.RELATIVE_HUMIDITY_PCT: (1.0, 100.0),
}
EVERY_H, N_LEADS, YEAR_ISSUES = 12, 48, 728
"""Two runs a day; the errors of 364 days repeat."""


def errors(
    frame: TelemetryFrame, issued: Path, zone: str
) -> dict[Quantity, FloatArray]:
    """Forecast less measured by issue of 00 and 12 UTC and lead, NaN where missing."""
    first = datetime(2023, 11, 1, tzinfo=UTC)
    found = {
        quantity: np.full((YEAR_ISSUES, N_LEADS), np.nan) for quantity in QUANTITIES
    }
    runs = read_weather_forecasts(issued, {frame.region_slug: zone}).runs
    for run in runs[frame.region_slug]:
        row, rest = divmod(hours_between(first, run.issued_at_utc), EVERY_H)
        if rest or not 0 <= row < YEAR_ISSUES:
            continue
        for quantity, table in found.items():
            for place, value in enumerate(run.values.get(quantity, ())):
                lead = run.first_lead_h + place
                hour = hours_between(frame.start_utc, run.issued_at_utc) + lead
                if 1 <= lead <= N_LEADS and 0 <= hour < frame.n_hours:
                    table[row, lead - 1] = value - frame.column(quantity)[hour]
    return found


def day_to_day_c(frame: TelemetryFrame) -> float:
    """Standard deviation of the change of temperature within 24 hours, degC."""
    column = frame.column(Quantity.TEMPERATURE_C)
    return float(np.nanstd(column[24:] - column[:-24]))


def main() -> None:
    """Write the file."""
    telemetry, regions, issued, observed, observed_regions, out = map(
        Path, sys.argv[1:]
    )
    ((place, zone),) = read_fleet(
        observed, observed_regions, utc_now(), print
    ).frames.values()
    by_issue = errors(place, issued, zone)
    head = ",".join(f"{quantity}_forecast" for quantity in QUANTITIES)
    with gzip.open(out, "wt", compresslevel=1) as file:
        file.write(f"region,issued_at_utc,known_at_utc,lead_h,{head}\n")
        fleet = read_fleet(telemetry, regions, utc_now(), print).frames
        for number, (slug, (frame, _)) in enumerate(sorted(fleet.items())):
            factor = day_to_day_c(frame) / day_to_day_c(place)
            first = -frame.start_utc.hour % EVERY_H
            for hour in range(first, frame.n_hours - N_LEADS, EVERY_H):
                row = (hour // EVERY_H + 97 * number) % YEAR_ISSUES
                said = [
                    np.clip(
                        frame.column(quantity)[hour + 1 : hour + N_LEADS + 1]
                        + table[row]
                        * (factor if quantity is Quantity.TEMPERATURE_C else 1.0),
                        *QUANTITIES[quantity],
                    )
                    for quantity, table in by_issue.items()
                ]
                run = frame.start_utc + hour * HOUR
                times = f"{slug},{run:%Y-%m-%dT%H:%MZ},{run:%Y-%m-%dT%H}:20Z"
                for lead in range(N_LEADS):
                    cells = (column[lead] for column in said)
                    text = ",".join("" if np.isnan(v) else f"{v:.1f}" for v in cells)
                    file.write(f"{times},{lead + 1},{text}\n")


if __name__ == "__main__":
    main()
