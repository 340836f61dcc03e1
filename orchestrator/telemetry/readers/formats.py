"""The formats of telemetry files, and the reader of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from orchestrator.telemetry.readers.electricity_maps import open_electricity_maps
from orchestrator.telemetry.readers.open_meteo import open_open_meteo
from orchestrator.telemetry.readers.rows import ReadRules, TelemetryFile
from orchestrator.telemetry.readers.sources import HashedBytes
from orchestrator.telemetry.readers.tidy_csv import open_tidy_csv


class TelemetryFormat(StrEnum):
    """Formats that can be imported; the values are stored with each batch."""

    CSV = "csv"
    OPEN_METEO = "open-meteo"
    ELECTRICITY_MAPS = "electricity-maps"


_READERS: Mapping[TelemetryFormat, Callable[[HashedBytes, ReadRules], TelemetryFile]]
_READERS = {
    TelemetryFormat.CSV: open_tidy_csv,
    TelemetryFormat.OPEN_METEO: open_open_meteo,
    TelemetryFormat.ELECTRICITY_MAPS: open_electricity_maps,
}


def open_telemetry_file(
    telemetry_format: TelemetryFormat, content: HashedBytes, rules: ReadRules
) -> TelemetryFile:
    """Open `content` as a file of the given format.

    Raises
    ------
    BadFile
        When it is not one.
    """
    return _READERS[telemetry_format](content, rules)
