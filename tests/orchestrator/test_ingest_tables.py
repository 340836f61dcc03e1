"""Column layouts: the product's own CSV and the CSV of Electricity Maps."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.carbon import CarbonSignalKind
from core.errors import InvalidInput
from core.telemetry import VALID_RANGES, Quantity, ValidRange
from orchestrator.telemetry.readers.formats import TelemetryFormat, open_telemetry_file
from orchestrator.telemetry.readers.options import ReadOptions, ReadRules
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    BadFile,
    ParsedRow,
    RefusedRow,
    RegionGate,
    TelemetryFile,
)
from orchestrator.telemetry.readers.sources import open_source
from orchestrator.telemetry.readers.stamps import parse_zone

HOUR_UTC = datetime(2023, 8, 1, tzinfo=UTC)
RULES = ReadRules(
    gate=RegionGate({"texas", "DE-LU", "DE"}),
    region_slug=None,
    zone=None,
    now_utc=datetime(2026, 1, 1, tzinfo=UTC),
    ranges=VALID_RANGES,
)

Rows = list[ParsedRow | RefusedRow | None]


def read(
    telemetry_format: TelemetryFormat, text: str, rules: ReadRules = RULES
) -> tuple[TelemetryFile, Rows]:
    with open_source(io.BytesIO(text.encode())) as content:
        opened = open_telemetry_file(telemetry_format, content, rules)
        return opened, list(opened.rows)


def values(row: ParsedRow | RefusedRow | None) -> dict[Quantity, float]:
    assert isinstance(row, ParsedRow), row
    pairs = zip(QUANTITIES, row.values, strict=True)
    return {quantity: value for quantity, value in pairs if value is not None}


def code(row: ParsedRow | RefusedRow | None) -> str:
    assert isinstance(row, RefusedRow), row
    return row.code.value


class TestTidyCsv:
    def read(self, text: str, rules: ReadRules = RULES) -> tuple[TelemetryFile, Rows]:
        return read(TelemetryFormat.CSV, text, rules)

    def test_any_subset_of_columns_in_any_order(self) -> None:
        opened, rows = self.read(
            "it_load_mw,Timestamp,price_usd_mwh, REGION\n"
            "50,2023-08-01T00:00:00Z,-4.5,texas\n"
        )
        assert opened.quantities == (Quantity.IT_LOAD_MW, Quantity.PRICE_USD_MWH)
        assert values(rows[0]) == {
            Quantity.IT_LOAD_MW: 50.0,
            Quantity.PRICE_USD_MWH: -4.5,
        }
        assert isinstance(rows[0], ParsedRow)
        assert rows[0].hour_utc == HOUR_UTC

    def test_columns_of_the_former_dashboard(self) -> None:
        _, rows = self.read(
            "timestamp,region,temperature_c,it_load_mw,carbon_intensity_gco2,"
            "water_usage_l\n2023-08-01T00:00:00Z,texas,36.5,50,400,90000\n"
        )
        assert values(rows[0]) == {
            Quantity.TEMPERATURE_C: 36.5,
            Quantity.IT_LOAD_MW: 50.0,
            Quantity.CARBON_INTENSITY_GCO2_KWH: 400.0,
            Quantity.WATER_USAGE_L: 90_000.0,
        }

    def test_unknown_columns_are_named_and_left_out(self) -> None:
        opened, rows = self.read(
            "timestamp,region,temperature_c,Comment,pue\n"
            "2023-08-01T00:00:00Z,texas,36.5,hot,nan\n"
        )
        assert opened.ignored_columns == ("Comment", "pue")
        assert values(rows[0]) == {Quantity.TEMPERATURE_C: 36.5}

    def test_a_file_without_a_region_column_is_about_the_region_given(self) -> None:
        text = "timestamp,temperature_c\n2023-08-01T00:00:00Z,36.5\n"
        _, rows = self.read(text, replace(RULES, region_slug="texas"))
        assert isinstance(rows[0], ParsedRow)
        assert rows[0].region_slug == "texas"
        with pytest.raises(InvalidInput, match="--region"):
            self.read(text)

    def test_rows_of_other_regions_are_passed_over_not_refused(self) -> None:
        _, rows = self.read(
            "timestamp,region,temperature_c\n"
            "2023-08-01T00:00:00Z,DE,20\n2023-08-01T00:00:00Z,texas,36.5\n",
            replace(RULES, region_slug="texas"),
        )
        assert rows[0] is None
        assert values(rows[1]) == {Quantity.TEMPERATURE_C: 36.5}

    def test_one_bad_cell_refuses_the_row_and_no_other(self) -> None:
        _, rows = self.read(
            "timestamp,region,temperature_c,it_load_mw\n"
            "2023-08-01T00:00:00Z,texas,36.5,fifty\n"
            "2023-08-01T01:00:00Z,texas,36.5,50\n"
        )
        assert code(rows[0]) == "bad_number"
        assert len(values(rows[1])) == 2

    def test_ranges_are_those_given(self) -> None:
        text = "timestamp,region,temperature_c\n2023-08-01T00:00:00Z,texas,45\n"
        narrow = {**VALID_RANGES, Quantity.TEMPERATURE_C: ValidRange(-10.0, 40.0)}
        _, rows = self.read(text, replace(RULES, ranges=narrow))
        assert code(rows[0]) == "out_of_range"
        _, rows = self.read(text)
        assert values(rows[0]) == {Quantity.TEMPERATURE_C: 45.0}

    def test_naive_times_are_read_in_the_zone_given(self) -> None:
        text = "timestamp,region,temperature_c\n2023-07-31 19:00:00,texas,36.5\n"
        rules = replace(RULES, zone=parse_zone("America/Chicago"))
        _, rows = self.read(text, rules)
        assert isinstance(rows[0], ParsedRow)
        assert rows[0].hour_utc == HOUR_UTC
        _, rows = self.read(text)
        assert code(rows[0]) == "naive_timestamp"

    @pytest.mark.parametrize(
        ("header", "sentence"),
        [
            ("time,region,temperature_c", "no column 'timestamp'"),
            ("timestamp,region", "carries none of"),
            ("timestamp,region,temperature_c,temperature_c", "twice"),
            (
                "timestamp,region,carbon_intensity_gco2,carbon_intensity_gco2_kwh",
                "Two columns",
            ),
            ('timestamp,"region', "header cannot be read"),
        ],
    )
    def test_a_header_that_is_not_understood_is_a_bad_file(
        self, header: str, sentence: str
    ) -> None:
        with pytest.raises(BadFile, match=sentence):
            self.read(f"{header}\n2023-08-01T00:00:00Z,texas,1,2\n")


class TestElectricityMaps:
    HEADER = (
        "Datetime (UTC),Country,Zone Name,Zone Id,"
        "Carbon Intensity gCO₂eq/kWh (direct),Carbon Intensity gCO₂eq/kWh (LCA),"
        "Data Source\r\n"
    )
    ROW = "2023-08-01 00:00:00,Germany,Germany,DE,163.46,213.79,entsoe.eu\r\n"

    def read(self, text: str, **facts: object) -> tuple[TelemetryFile, Rows]:
        rules = replace(RULES, **facts)  # type: ignore[arg-type]
        return read(TelemetryFormat.ELECTRICITY_MAPS, text, rules)

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (CarbonSignalKind.parse("life-cycle"), 213.79),
            (CarbonSignalKind.parse("direct"), 163.46),
        ],
    )
    def test_the_kind_asked_for_is_read(
        self, kind: CarbonSignalKind, value: float
    ) -> None:
        opened, rows = self.read(self.HEADER + self.ROW, carbon_kind=kind)
        assert opened.quantities == (Quantity.CARBON_INTENSITY_GCO2_KWH,)
        assert values(rows[0]) == {Quantity.CARBON_INTENSITY_GCO2_KWH: value}
        assert len(opened.ignored_columns) == 4

    def test_newer_column_names_and_a_byte_order_mark(self) -> None:
        header = self.HEADER.replace("Carbon Intensity", "Carbon intensity")
        header = header.replace("(LCA)", "(Life cycle)")
        _, rows = self.read("\ufeff" + header + self.ROW)
        assert values(rows[0]) == {Quantity.CARBON_INTENSITY_GCO2_KWH: 213.79}

    def test_times_are_utc_whatever_zone_is_given(self) -> None:
        _, rows = self.read(self.HEADER + self.ROW, zone=parse_zone("Europe/Berlin"))
        assert isinstance(rows[0], ParsedRow)
        assert rows[0].hour_utc == HOUR_UTC

    def test_the_zone_is_the_region_unless_one_is_given(self) -> None:
        _, rows = self.read(self.HEADER + self.ROW)
        assert isinstance(rows[0], ParsedRow)
        assert rows[0].region_slug == "DE"
        _, rows = self.read(self.HEADER + self.ROW, region_slug="DE-LU")
        assert isinstance(rows[0], ParsedRow)
        assert rows[0].region_slug == "DE-LU"

    def test_an_unknown_zone_is_refused(self) -> None:
        _, rows = self.read(self.HEADER + self.ROW.replace(",DE,", ",FR,"))
        assert code(rows[0]) == "unknown_region"

    def test_a_second_zone_cannot_stand_for_the_same_region(self) -> None:
        text = self.HEADER + self.ROW + self.ROW.replace(",DE,", ",FR,")
        with pytest.raises(BadFile, match="'DE' and 'FR'; say with --place"):
            self.read(text, region_slug="DE-LU")
        options = ReadOptions(place="FR")
        _, rows = self.read(text, region_slug="DE-LU", options=options)
        assert rows[0] is None
        assert values(rows[1]) == {Quantity.CARBON_INTENSITY_GCO2_KWH: 213.79}

    def test_another_csv_is_a_bad_file(self) -> None:
        with pytest.raises(BadFile, match="Electricity Maps"):
            self.read("timestamp,region,temperature_c\n")
        without = self.HEADER.replace("(direct)", "(marginal)")
        with pytest.raises(BadFile, match=r"\(direct\)"):
            self.read(without + self.ROW, carbon_kind=CarbonSignalKind.parse("direct"))
