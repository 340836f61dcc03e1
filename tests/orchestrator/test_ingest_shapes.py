"""Every format, from a small retyped file: recognised, and read with its habits."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from core.carbon import CarbonSignalKind
from core.errors import InvalidInput
from core.telemetry import Quantity
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.readers.options import DateOrder, DecimalMark, StampAt
from orchestrator.telemetry.readers.rows import BadFile, ParsedRow
from tests.reading import read_file
from tests.telemetry_files import FILES, OPEN_METEO, PROMETHEUS, UK

CARBON, PRICE = Quantity.CARBON_INTENSITY_GCO2_KWH, Quantity.PRICE_USD_MWH
DRY_BULB, LOAD = Quantity.TEMPERATURE_C, Quantity.IT_LOAD_MW
RATES = {"EUR": 2.0, "CAD": 0.5, "AUD": 0.5}

# Hour and value of the first and the last hour, and what has to be said.
EXPECTED: dict[str, tuple[str, Quantity, dict[str, float], dict[str, Any]]] = {
    "csv": ("csv", DRY_BULB, {"2025-03-01T00:00": 0.5, "2025-03-01T05:00": 5.5}, {}),
    "electricity-maps": (
        "electricity-maps",
        CARBON,
        {"2025-03-01T00:00": 100.0, "2025-03-01T05:00": 105.0},
        {},
    ),
    "electricity-maps-archive": (
        "electricity-maps",
        CARBON,
        {"2025-03-01T00:00": 100.5, "2025-03-01T05:00": 105.5},
        {},
    ),
    "electricity-maps-api": (
        "electricity-maps",
        CARBON,
        {"2025-03-01T00:00": 100.0, "2025-03-01T05:00": 105.0},
        {},
    ),
    "open-meteo": (
        "open-meteo",
        DRY_BULB,
        {"2025-03-01T00:00": 0.0, "2025-03-01T23:00": 23.0},
        {},
    ),
    "open-meteo-csv": (
        "open-meteo",
        DRY_BULB,
        {"2025-03-01T00:00": 10.0, "2025-03-01T05:00": 10.0},
        {},
    ),
    "watttime": (
        "watttime",
        CARBON,
        {"2025-03-01T00:00": 453.59237, "2025-03-01T02:00": 454.499555},
        {},
    ),
    "uk-carbon-intensity": (
        "uk-carbon-intensity",
        CARBON,
        {"2025-03-01T00:00": 100.5, "2025-03-01T03:00": 200.0},
        {},
    ),
    "carbon-aware-sdk": (
        "carbon-aware-sdk",
        CARBON,
        {"2025-03-01T00:00": 90.0, "2025-03-01T05:00": 95.0},
        {},
    ),
    "prometheus": (
        "prometheus",
        LOAD,
        {"2025-03-01T00:00": 41.5, "2025-03-01T01:00": 45.5},
        {},
    ),
    "entsoe": (
        "entsoe",
        PRICE,
        {"2025-09-30T22:00": 50.0, "2025-10-01T03:00": 60.0},
        {},
    ),
    "entsoe-former": (
        "entsoe",
        PRICE,
        {"2023-03-01T00:00": 100.5, "2023-03-01T05:00": 110.5},
        {},
    ),
    "ercot": (
        "ercot",
        PRICE,
        {"2025-03-01T06:00": 20.5, "2025-03-01T11:00": 25.5},
        {},
    ),
    "ercot-real-time": (
        "ercot",
        PRICE,
        {"2025-03-01T06:00": 25.0, "2025-03-01T11:00": 25.0},
        {},
    ),
    "caiso": ("caiso", PRICE, {"2025-03-01T00:00": 30.5, "2025-03-01T05:00": 35.5}, {}),
    "ieso": ("ieso", PRICE, {"2025-03-01T05:00": 10.25, "2025-03-01T10:00": 12.75}, {}),
    "aemo": ("aemo", PRICE, {"2025-02-28T14:00": 25.0, "2025-02-28T19:00": 27.5}, {}),
    "aemo-archive": (
        "aemo",
        PRICE,
        {"2025-02-28T14:00": 25.0, "2025-02-28T19:00": 27.5},
        {},
    ),
    "meteostat": (
        "meteostat",
        DRY_BULB,
        {"2025-03-01T00:00": 10.5, "2025-03-01T05:00": 15.5},
        {},
    ),
    "meteostat-bulk": (
        "meteostat",
        DRY_BULB,
        {"2025-03-01T00:00": 10.5, "2025-03-01T05:00": 15.5},
        {},
    ),
    "meteostat-parts": (
        "meteostat",
        DRY_BULB,
        {"2025-03-01T00:00": 10.5, "2025-03-01T05:00": 15.5},
        {},
    ),
    "metar": (
        "metar",
        DRY_BULB,
        {"2025-03-01T01:00": 10.0, "2025-03-01T05:00": 10.0},
        {},
    ),
    "lcd": (
        "lcd",
        DRY_BULB,
        {"2025-03-01T08:00": 10.0, "2025-03-01T12:00": 10.0},
        {
            "units": {DRY_BULB: "F", Quantity.WIND_SPEED_KMH: "mph"},
            "timezone": "-07:00",
        },
    ),
    "isd": (
        "isd",
        Quantity.WIND_SPEED_KMH,
        {"2025-03-01T01:00": 10.8, "2025-03-01T05:00": 10.8},
        {},
    ),
    "epw": ("epw", DRY_BULB, {"2014-01-01T07:00": 9.4, "2014-01-01T12:00": 9.4}, {}),
    "nsrdb": (
        "nsrdb",
        DRY_BULB,
        {"2023-01-01T05:00": 4.0, "2023-01-01T10:00": 4.5},
        {},
    ),
    "pvgis": (
        "pvgis",
        DRY_BULB,
        {"2005-01-01T00:00": 3.0, "2005-01-01T05:00": 3.5},
        {},
    ),
    "eia-930": (
        "eia-930",
        LOAD,
        {"2025-03-01T00:00": 20.0, "2025-03-01T05:00": 25.0},
        {"columns": {"Demand (MW)": "it_load_mw"}},
    ),
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_file_is_recognised_and_read(name: str) -> None:
    words, quantity, hours, said = EXPECTED[name]
    region = None if name in {"csv", "electricity-maps-archive"} else "GB"
    read = read_file(FILES[name], region, rates_usd=RATES, **said)
    assert read.file.format == words
    series = read.series(quantity)
    assert series == pytest.approx(series | hours)
    assert (min(series), max(series)) == (min(hours), max(hours))


def test_every_format_has_a_file_here() -> None:
    with_files = {words for words, *_ in EXPECTED.values()} | {"tmy3"}
    assert with_files | {"auto", "table"} == {str(one) for one in TelemetryFormat}


def test_tmy3_is_typical_and_too_early_to_store() -> None:
    read = read_file(FILES["tmy3"], "GB")
    assert read.file.is_typical_year
    assert {code for _, code in read.refused} == {"too_early"}


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("electricity-maps", "GB"),
        ("watttime", "CAISO_NORTH"),
        ("carbon-aware-sdk", "westus"),
        ("entsoe", "BZN|GB"),
        ("entsoe-former", "BZN|GB"),
        ("ercot", "HB_NORTH"),
        ("caiso", "TH_NP15"),
        ("aemo", "NSW1"),
        ("metar", "PHX"),
        ("isd", "72278023183"),
        ("epw", "Some City"),
    ],
)
def test_the_place_of_a_file_is_named(name: str, place: str) -> None:
    assert read_file(FILES[name], "GB", rates_usd=RATES).file.place == place


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("electricity-maps", "life-cycle average"),
        ("watttime", "direct marginal"),
        ("uk-carbon-intensity", "direct average"),
        ("csv", "None"),
    ],
)
def test_the_kind_of_carbon_intensity_is_that_of_the_file(name: str, kind: str) -> None:
    assert str(read_file(FILES[name], "GB").file.carbon_kind) == kind


def test_a_kind_that_the_file_contradicts_is_refused() -> None:
    for name in ("watttime", "electricity-maps-api"):
        with pytest.raises(BadFile, match="not direct average"):
            read_file(FILES[name], "GB", carbon_kind=CarbonSignalKind.parse("direct"))
    marginal = CarbonSignalKind.parse("marginal")
    with pytest.raises(BadFile, match="average carbon intensity, not direct marginal"):
        read_file(FILES["electricity-maps"], "GB", carbon_kind=marginal)


def marks(name: str, mark: Callable[[ParsedRow], bool]) -> list[int]:
    rows = read_file(FILES[name], "GB", rates_usd=RATES).rows
    hours = [row for row in rows if isinstance(row, ParsedRow)]
    return [row.hour_utc.hour for row in hours if mark(row)]


def test_estimated_and_forecast_hours_are_marked() -> None:
    assert marks("electricity-maps-api", lambda row: row.is_estimated) == [2]
    assert marks("watttime", lambda row: row.is_estimated) == [1]
    assert marks("uk-carbon-intensity", lambda row: row.is_forecast) == [3]
    text = FILES["electricity-maps"].replace(
        "01 03:00:00,Great Britain,GB,GB,90,103,elexon.co.uk,false",
        "01 03:00:00,Great Britain,GB,GB,90,103,elexon.co.uk,true",
    )
    rows = read_file(text).rows
    estimated = [r for r in rows if isinstance(r, ParsedRow) and r.is_estimated]
    assert [row.hour_utc.hour for row in estimated] == [3]
    forecast = FILES["electricity-maps-api"].replace('"history"', '"forecast"')
    assert all(
        isinstance(row, ParsedRow) and row.is_forecast
        for row in read_file(forecast, "GB").rows
    )


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("ercot", "01/2025,02:00,HB_NORTH", "01/2025,02:00,LZ_WEST"),
        ("caiso", "2025-02-28,2,TH_NP15", "2025-02-28,2,TH_SP15"),
        ("aemo", "NSW1,2025/03/01 02", "VIC1,2025/03/01 02"),
    ],
)
def test_a_second_node_is_never_chosen_silently(
    name: str, before: str, after: str
) -> None:
    text = FILES[name].replace(before, after)
    with pytest.raises(BadFile, match="--place"):
        read_file(text, "GB", rates_usd=RATES)
    place = after.rsplit(",", maxsplit=1)[-1] if name != "aemo" else "VIC1"
    read = read_file(text, "GB", rates_usd=RATES, place=place)
    assert read.passed_over > 0
    assert read.file.place == place


@pytest.mark.parametrize("name", ["ercot", "caiso", "open-meteo", "epw", "watttime"])
def test_a_file_that_names_no_region_needs_one(name: str) -> None:
    with pytest.raises(InvalidInput, match="--region"):
        read_file(FILES[name])


class TestOpenMeteo:
    def read(self, region_deg: tuple[float, float] | None = None, **said: Any) -> Any:
        changes = said.pop("answer", {})
        text = json.dumps({**OPEN_METEO, **changes})
        return read_file(text, "GB", region_deg=region_deg, **said)

    @pytest.mark.parametrize("as_float", [False, True])
    def test_unix_times_are_utc(self, *, as_float: bool) -> None:
        times = [1740787200 + 3600 * hour for hour in range(24)]
        hourly = {
            "time": [float(time) for time in times] if as_float else times,
            "temperature_2m": [20.0] * 24,
        }
        units = {"time": "unixtime", "temperature_2m": "°C"}
        read = self.read(
            answer={
                "hourly": hourly,
                "hourly_units": units,
                "utc_offset_seconds": 19_800,
            }
        )
        assert min(read.hours) == "2025-03-01T00:00"

    def test_several_models_are_named_and_one_is_chosen(self) -> None:
        hourly = {
            "time": OPEN_METEO["hourly"]["time"],  # type: ignore[index]
            "temperature_2m_gfs_seamless": [1.0] * 24,
            "temperature_2m_icon_seamless": [2.0] * 24,
        }
        units = dict.fromkeys(hourly, "°C")
        answer = {"hourly": hourly, "hourly_units": units}
        with pytest.raises(BadFile, match=r"2 models .gfs_seamless, icon_seamless"):
            self.read(answer=answer)
        read = self.read(answer=answer, model="icon_seamless")
        assert set(read.series(DRY_BULB).values()) == {2.0}
        with pytest.raises(BadFile, match="no model 'era5'"):
            self.read(answer=answer, model="era5")

    def test_quarters_are_averaged(self) -> None:
        times = [f"2025-03-01T00:{minute:02}" for minute in (0, 15, 30, 45)]
        answer = {key: value for key, value in OPEN_METEO.items() if key[0] != "h"}
        answer["minutely_15"] = {"time": times, "temperature_2m": [1.0, 2.0, 3.0, 6.0]}
        answer["minutely_15_units"] = {"temperature_2m": "°C"}
        read = read_file(json.dumps(answer), "GB")
        assert read.series(DRY_BULB) == {"2025-03-01T00:00": 3.0}
        assert read.series(Quantity.TEMPERATURE_MAX_C) == {"2025-03-01T00:00": 6.0}

    def test_a_csv_that_reaches_into_the_future_is_a_forecast(self) -> None:
        text = FILES["open-meteo-csv"].replace("2025-03-01T05", "2026-12-24T05")
        with pytest.raises(BadFile, match="it is a forecast"):
            read_file(text, "GB")

    def test_runs_of_former_days_are_not_read(self) -> None:
        hourly = {
            "time": OPEN_METEO["hourly"]["time"],  # type: ignore[index]
            "temperature_2m_previous_day1": [1.0] * 24,
        }
        with pytest.raises(BadFile, match="carries none"):
            self.read(answer={"hourly": hourly})

    def test_several_places_without_one_near_are_refused(self) -> None:
        text = json.dumps([OPEN_METEO, {**OPEN_METEO, "latitude": 1.3}])
        with pytest.raises(BadFile, match="2 places"):
            read_file(text, "GB", region_deg=(35.0, 139.0))
        assert read_file(text, "GB", region_deg=(51.0, 0.0)).file.location_deg == (
            51.5,
            -0.1,
        )


class TestPrometheus:
    def test_a_metric_is_mapped_by_its_name(self) -> None:
        read = read_file(
            json.dumps(PROMETHEUS), "GB", columns={"node_temp": "temperature_c"}
        )
        assert set(read.series(DRY_BULB).values()) == {21.5}
        assert read.series(LOAD)["2025-03-01T00:00"] == 41.5

    def test_an_instant_query_is_refused_by_name(self) -> None:
        text = json.dumps(PROMETHEUS).replace("matrix", "vector")
        with pytest.raises(BadFile, match="query_range"):
            read_file(text, "GB")

    def test_two_series_of_a_quantity_are_refused(self) -> None:
        with pytest.raises(BadFile, match="one series"):
            read_file(json.dumps(PROMETHEUS), "GB", columns={"node_temp": "it_load_mw"})


class TestColumnMap:
    TEXT = (
        "exported by a tool\n"
        "Time;Load (kW);Inlet (°F);Note\n"
        "01/06/2025 00:00;41.200;50;a\n"
        "13/06/2025 01:00;41.100;59;b\n"
    )
    COLUMNS: ClassVar = {
        "Time": "timestamp",
        "Load (kW)": "it_load_mw",
        "Inlet (°F)": "temperature_c",
    }

    def test_units_of_headers_are_converted(self) -> None:
        read = read_file(
            self.TEXT,
            "GB",
            timezone="UTC",
            columns=self.COLUMNS,
            decimal_mark=DecimalMark.POINT,
        )
        assert read.series(DRY_BULB) == {
            "2025-06-01T00:00": 10.0,
            "2025-06-13T01:00": 15.0,
        }
        assert read.series(LOAD)["2025-06-01T00:00"] == pytest.approx(0.0412)
        assert read.file.ignored_columns == ("Note",)

    def test_what_is_ambiguous_is_asked_for_by_its_option(self) -> None:
        with pytest.raises(BadFile, match=r"41.200.*--decimal"):
            read_file(self.TEXT, "GB", timezone="UTC", columns=self.COLUMNS)
        short = "Time;Load (kW)\n01/06/2025 00:00;41.2\n02/06/2025 01:00;41.1\n"
        columns = {"Time": "timestamp", "Load (kW)": "it_load_mw"}
        with pytest.raises(BadFile, match="--dates day-first"):
            read_file(short, "GB", timezone="UTC", columns=columns)
        read = read_file(
            short,
            "GB",
            timezone="UTC",
            columns=columns,
            date_order=DateOrder.MONTH_FIRST,
        )
        assert min(read.hours) == "2025-01-06T00:00"

    @pytest.mark.parametrize(
        ("columns", "said"),
        [
            ({"Clock": "timestamp"}, "no column 'clock'"),
            ({"Load (kW)": "it_load_mw"}, "--column NAME=timestamp"),
            ({"Time": "timestamp", "Note": "comment"}, "cannot mean 'comment'"),
            ({"Time": "timestamp"}, "carries none of"),
        ],
    )
    def test_a_wrong_map_is_said_so(self, columns: dict[str, str], said: str) -> None:
        with pytest.raises(BadFile, match=said):
            read_file(self.TEXT, "GB", timezone="UTC", columns=columns)

    def test_day_and_hour_in_two_columns(self) -> None:
        text = "date,hour,zone,ci\n" + "".join(
            f"{day}/06/2025,{hour},x,{hour}\n" for day in (12, 13) for hour in range(24)
        )
        columns = {"date": "date", "hour": "hour", "ci": "carbon_intensity_gco2_kwh"}
        read = read_file(text, "GB", timezone="+02:00", columns=columns)
        assert read.series(CARBON)["2025-06-12T03:00"] == 5.0
        assert len(read.hours) == 48
        assert read.file.ignored_columns == ("zone",)
        ending = text.replace(",0,x", ",24,x")
        read = read_file(
            ending, "GB", timezone="UTC", columns=columns, stamp_at=StampAt.END
        )
        assert read.series(CARBON)["2025-06-12T23:00"] == 0.0

    def test_dates_and_hours_in_stamps_that_end(self) -> None:
        text = "t,load\n2025-06-01 24:00,5\n2025-06-02 01:00,6\n2025-06-02 02:00,7\n"
        columns = {"t": "timestamp", "load": "it_load_mw"}
        read = read_file(
            text, "GB", timezone="UTC", columns=columns, stamp_at=StampAt.END
        )
        assert read.series(LOAD)["2025-06-01T23:00"] == 5.0


class TestTypedTables:
    ROWS = (
        ("timestamp", "region", "temperature_c", "it_load_mw"),
        ("2025-06-01T00:00:00Z", "GB", 12.345, 50),
        ("2025-06-01T01:00:00Z", "GB", None, 51),
    )

    def expect(self, content: bytes) -> None:
        read = read_file(content)
        assert read.file.format == "csv"
        assert list(read.series(LOAD).values()) == [50.0, 51.0]
        assert read.series(DRY_BULB) == {"2025-06-01T00:00": 12.345}

    def test_parquet(self) -> None:
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        names, *rows = self.ROWS
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        stream = io.BytesIO()
        parquet.write_table(pyarrow.table(columns), stream)
        self.expect(stream.getvalue())
        with pytest.raises(BadFile, match="parquet file cannot be read"):
            read_file(stream.getvalue()[:60] + b"PAR1")

    def test_a_workbook(self) -> None:
        pytest.importorskip("python_calamine")
        self.expect(workbook(self.ROWS))

    def test_a_damaged_workbook_and_other_archives_are_named(self) -> None:
        with pytest.raises(BadFile, match="damaged zip archive or workbook"):
            read_file(workbook(self.ROWS)[:200])
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("prices.csv", "a,b\n")
        with pytest.raises(BadFile, match=r"zip archive \(prices.csv\); unpack it"):
            read_file(stream.getvalue())

    def test_a_format_whose_extra_is_absent_is_named(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
        monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
        with pytest.raises(BadFile, match=r"Excel workbook. Save the sheet as CSV"):
            read_file(workbook(self.ROWS))
        with pytest.raises(BadFile, match=r"is parquet. Save it as CSV"):
            read_file(b"PAR1" + b"\x00" * 100)


def workbook(rows: tuple[tuple[object, ...], ...]) -> bytes:
    """The smallest workbook that holds these rows."""
    cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship'
        f' Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="one" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet"'
        ' Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}'
        "</sheetData></worksheet>",
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return stream.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<!DOCTYPE html><html><body>502</body></html>", "a web page"),
        ("<?xml version='1.0'?><a/>", "XML"),
        ("", "The file is empty"),
        ('{"a": 1}', "JSON of no known API"),
        ('{"a": ', "no JSON"),
        ('{"error": true, "reason": "Minutely limit"}', "Minutely limit"),
    ],
)
def test_what_is_no_telemetry_is_named(content: str, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        read_file(content, "GB")


def test_a_typical_year_of_nsrdb_is_refused_when_its_years_show() -> None:
    text = FILES["nsrdb"] + "1999,2,1,0,0,5.0,3\n"
    with pytest.raises(BadFile, match="typical year"):
        read_file(text, "GB")
    assert len(read_file(text, "GB", accepts_typical_years=True).hours) == 6


def test_lcd_asks_for_the_units_and_the_offset_that_it_does_not_say() -> None:
    with pytest.raises(BadFile, match="--unit temperature_c=F"):
        read_file(FILES["lcd"], "GB")
    with pytest.raises(BadFile, match="--timezone -06:00"):
        read_file(FILES["lcd"], "GB", units={DRY_BULB: "F"}, timezone="America/Denver")


def test_eia_930_asks_what_a_column_stands_for() -> None:
    with pytest.raises(BadFile, match="--column 'Demand"):
        read_file(FILES["eia-930"], "GB")


def test_a_forecast_of_half_hours_is_an_average_of_both() -> None:
    assert UK["data"][5]["intensity"]["actual"] == 105  # type: ignore[index]
    read = read_file(FILES["uk-carbon-intensity"], "GB")
    assert read.series(CARBON)["2025-03-01T02:00"] == 104.5
