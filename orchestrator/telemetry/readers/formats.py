"""The formats of telemetry files, how one is recognised, and how it is opened."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.telemetry.readers.contents import JsonContent, open_content
from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.pipeline import Reading, make_file
from orchestrator.telemetry.readers.rows import BadFile, TelemetryFile
from orchestrator.telemetry.readers.shapes import (
    aemo,
    caiso,
    carbon_aware_sdk,
    eia_930,
    electricity_maps,
    entsoe,
    ercot,
    ieso,
    mapped_table,
    open_meteo,
    prometheus_series,
    stations,
    tidy_csv,
    typical_years,
    uk_carbon_intensity,
    watttime,
)
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.sources import HashedBytes
from orchestrator.telemetry.readers.table_rows import open_table
from orchestrator.telemetry.readers.tables import TableHead, read_head

_AUTO = Format(name="auto", words="Found from the file")


class TelemetryFormat(StrEnum):
    """Formats that can be imported; a file is asked in this order whether it is one."""

    shape: Format

    def __new__(cls, shape: Format) -> TelemetryFormat:
        """A member whose value is the name of the format."""
        member = str.__new__(cls, shape.name)
        member._value_ = shape.name
        member.shape = shape
        return member

    AUTO = _AUTO
    ELECTRICITY_MAPS = electricity_maps.FORMAT
    OPEN_METEO = open_meteo.FORMAT
    WATTTIME = watttime.FORMAT
    UK_CARBON_INTENSITY = uk_carbon_intensity.FORMAT
    CARBON_AWARE_SDK = carbon_aware_sdk.FORMAT
    ENTSOE = entsoe.FORMAT
    ERCOT = ercot.FORMAT
    CAISO = caiso.FORMAT
    IESO = ieso.FORMAT
    AEMO = aemo.FORMAT
    EIA_930 = eia_930.FORMAT
    METEOSTAT = stations.METEOSTAT
    METAR = stations.METAR
    LCD = stations.LCD
    ISD = stations.ISD
    EPW = typical_years.EPW
    TMY3 = typical_years.TMY3
    NSRDB = typical_years.NSRDB
    PVGIS = typical_years.PVGIS
    PROMETHEUS = prometheus_series.FORMAT
    CSV = tidy_csv.FORMAT
    TABLE = mapped_table.FORMAT


def format_named(name: str) -> TelemetryFormat:
    """The format of this name; raises ValueError for another word."""
    return TelemetryFormat(name)  # type: ignore[arg-type]  # its value is its name


def open_telemetry_file(
    telemetry_format: TelemetryFormat, content: HashedBytes, rules: ReadRules
) -> TelemetryFile:
    """Open `content` as a file of the given format; `AUTO` finds the format.

    Raises
    ------
    BadFile
        When it is not one.
    """
    return make_file(open_reading(telemetry_format, content, rules), rules)


def open_reading(
    telemetry_format: TelemetryFormat, content: HashedBytes, rules: ReadRules
) -> Reading:
    """As `open_telemetry_file`, before its samples become hours.

    Raises
    ------
    BadFile
        When it is no file of the format.
    """
    opened = open_content(content)
    if isinstance(opened, JsonContent):
        return _open_json(telemetry_format, opened.document, rules)
    head, lines = read_head(opened)
    shape = _table_shape(telemetry_format, head, rules)
    if shape.layout is None:
        message = f"The file is a table, and {shape.words} is read from JSON only."
        raise BadFile(message)
    return open_table(shape.name, shape.layout(head, rules), head, lines, rules)


def _open_json(
    telemetry_format: TelemetryFormat, document: object, rules: ReadRules
) -> Reading:
    shape = telemetry_format.shape
    if telemetry_format is TelemetryFormat.AUTO:
        claiming = [
            one.shape for one in TelemetryFormat if one.shape.claims_json(document)
        ]
        if not claiming:
            message = (
                "The file is JSON of no known API; known are answers of"
                f" {', '.join(_json_names())}."
            )
            raise BadFile(message)
        shape = claiming[0]
    if shape.open_json is None:
        message = f"The file is JSON; {shape.words} is read from a table only."
        raise BadFile(message)
    return shape.open_json(document, rules)


def _table_shape(
    telemetry_format: TelemetryFormat, head: TableHead, rules: ReadRules
) -> Format:
    if telemetry_format is not TelemetryFormat.AUTO:
        shape = telemetry_format.shape
    else:
        claiming = (
            one.shape for one in TelemetryFormat if one.shape.claims_table(head)
        )
        # The tidy table says what it needs when nothing is recognised.
        shape = next(claiming, tidy_csv.FORMAT)
    if rules.options.columns and not shape.takes_columns:
        return mapped_table.FORMAT
    return shape


def _json_names() -> list[str]:
    return [one.value for one in TelemetryFormat if one.shape.open_json is not None]
