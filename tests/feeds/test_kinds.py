"""Every kind asks its source as the source wants, and the reader reads the answer."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import InvalidInput
from core.telemetry import HOUR, Quantity
from orchestrator.feeds.kinds import from_folder
from orchestrator.feeds.kinds.from_entsoe import price_table
from orchestrator.feeds.kinds.kind import Ask, SourceAnswer
from orchestrator.feeds.kinds.known_kinds import KINDS, kind_named
from orchestrator.feeds.web_client import FeedFailed
from orchestrator.telemetry.readers.forecast_files import (
    ForecastFile,
    read_weather_forecasts,
)
from orchestrator.telemetry.readers.formats import format_named
from orchestrator.telemetry.readers.rows import BadFile
from tests.feeds.asking_kinds import (
    END,
    HOURS,
    NOW,
    START,
    answer_of,
    ask_of,
    facts_of,
    stamp,
)
from tests.feeds.local_source import LocalSource, Reply, document
from tests.reading import Read, read_file


def read(answer: SourceAnswer) -> Read:
    """An answer as the reader of its format reads it."""
    assert answer.telemetry_format is not None
    return read_file(
        answer.content if answer.file is None else answer.file,
        answer.region_slug,
        answer.telemetry_format,
        timezone=answer.time_zone,
        carbon_kind=answer.carbon_kind,
        now_utc=NOW,
        columns=answer.options.columns,
        units=answer.options.units,
        rates_usd=answer.options.rates_usd,
    )


def values(answer: SourceAnswer, quantity: Quantity) -> list[float]:
    """The hours of one quantity in order."""
    return [
        round(value, 2) for _, value in sorted(read(answer).series(quantity).items())
    ]


def test_every_kind_says_what_it_needs_and_has_an_address() -> None:
    assert list(KINDS)[:4] == [
        "folder", "open-meteo", "open-meteo-runs", "electricity-maps"
    ]  # fmt: skip
    for name, kind in KINDS.items():
        assert name == kind.name
        assert kind.words
        assert kind.address
        assert kind.quantities
        assert not kind.needs_credential or kind.credential
        assert not kind.needs_place or kind.place_words
    with pytest.raises(InvalidInput, match="known are folder"):
        kind_named("mqtt")


def test_electricity_maps_is_asked_for_hours_of_a_zone_with_a_token(
    source: LocalSource,
) -> None:
    rows = [
        {
            "zone": "GB",
            "carbonIntensity": 200 + index,
            "datetime": stamp(hour) + ":00.000Z",
            "updatedAt": stamp(hour) + ":59.000Z",
            "emissionFactorType": "lifecycle",
            "isEstimated": index == 5,
        }
        for index, hour in enumerate(HOURS)
    ]
    source.replies(document({"zone": "GB", "data": rows}))
    facts = facts_of("electricity-maps", source.address, "GB")
    answer = answer_of(ask_of(facts, secret="t0ken"))
    assert values(answer, Quantity.CARBON_INTENSITY_GCO2_KWH) == [
        200, 201, 202, 203, 204, 205
    ]  # fmt: skip
    assert read(answer).file.place == "GB"
    (asked,) = source.asked
    assert asked.path == "/v3/carbon-intensity/past-range"
    assert asked.query == {
        "zone": "GB",
        "start": "2026-01-15T06:00Z",
        "end": "2026-01-15T12:00Z",
        "emissionFactorType": "lifecycle",
    }
    assert asked.headers["auth-token"] == "t0ken"


def test_watttime_logs_in_then_asks_with_its_token(source: LocalSource) -> None:
    points = [
        {"point_time": f"{stamp(START + 5 * i * HOUR / 60)}:00+00:00", "value": 1000.0}
        for i in range(72)
    ]
    meta = {
        "region": "CAISO_NORTH",
        "signal_type": "co2_moer",
        "units": "lbs_co2_per_mwh",
        "data_point_period_seconds": 300,
    }
    source.replies(document({"token": "abc"}), document({"data": points, "meta": meta}))
    facts = facts_of("watttime", source.address, "CAISO_NORTH")
    answer = answer_of(ask_of(facts, secret=":".join(("me", "pass", "word"))))
    assert values(answer, Quantity.CARBON_INTENSITY_GCO2_KWH) == [453.59] * 6
    login, asked = source.asked
    assert login.headers["authorization"] == "Basic bWU6cGFzczp3b3Jk"
    assert (asked.path, asked.headers["authorization"]) == (
        "/v3/historical", "Bearer abc",
    )  # fmt: skip
    source.replies(document({"detail": "no"}))
    with pytest.raises(FeedFailed, match="gave no token"):
        answer_of(ask_of(facts, secret=":".join(("me", "word"))))
    with pytest.raises(FeedFailed, match="USER:PASSWORD"):
        answer_of(ask_of(facts, secret="".join(("wo", "rd"))))


@pytest.mark.parametrize("seconds", ["1" + "0" * 400, "1e400", "NaN"])
def test_a_period_that_is_no_number_is_as_one_that_is_not_said(seconds: str) -> None:
    content = (
        '{"data": [{"point_time": "2026-01-15T06:00Z", "value": 1000}], "meta":'
        ' {"signal_type": "co2_moer", "units": "lbs_co2_per_mwh",'
        f' "data_point_period_seconds": {seconds}}}}}'
    )
    found = read_file(content.encode(), "here", format_named("watttime"))
    assert list(found.series(Quantity.CARBON_INTENSITY_GCO2_KWH)) == [stamp(START)]


def test_the_british_grid_gives_half_hours_of_a_region(source: LocalSource) -> None:
    half = timedelta(minutes=30)
    rows = [
        {
            "from": stamp(START + index * half) + "Z",
            "to": stamp(START + (index + 1) * half) + "Z",
            "intensity": {"forecast": 99, "actual": 100 + index, "index": "low"},
        }
        for index in range(12)
    ]
    source.replies(document({"data": rows}))
    facts = facts_of("uk-carbon-intensity", source.address)
    found = values(answer_of(ask_of(facts)), Quantity.CARBON_INTENSITY_GCO2_KWH)
    assert found == [100.5, 102.5, 104.5, 106.5, 108.5, 110.5]
    assert source.asked[0].path == "/intensity/2026-01-15T06:00Z/2026-01-15T12:00Z"
    source.replies(document({"data": []}))
    assert KINDS["uk-carbon-intensity"].fetch(ask_of(facts)) == []
    check = KINDS["uk-carbon-intensity"].check
    check(facts_of("uk-carbon-intensity", "x", "18"))
    for place in ("99", "0", "0180", "-1", "٣"):
        with pytest.raises(InvalidInput, match="from 1 to 18"):
            check(facts_of("uk-carbon-intensity", "x", place))


@pytest.mark.parametrize("text", ["14", "3601", "00036000", "9" * 5_000, "-20", "20.5"])
def test_an_option_outside_its_range_is_refused(text: str) -> None:
    facts = facts_of("prometheus", "x", "up", quantities=["it_load_mw"])
    check = KINDS["prometheus"].check
    check(replace(facts, options={"step_s": "3600"}))
    with pytest.raises(InvalidInput, match="whole number from 15 to 3600"):
        check(replace(facts, options={"step_s": text}))


ENTSOE = """<?xml version="1.0" encoding="UTF-8"?>
<Publication_MarketDocument xmlns="urn:iec62325.351:publicationdocument:7:3">
  <TimeSeries>
    <SEQUENCE>1</SEQUENCE>
    <currency_Unit.name>EUR</currency_Unit.name>
    <price_Measure_Unit.name>MWH</price_Measure_Unit.name>
    <Period>
      <timeInterval>
        <start>2026-01-14T23:00Z</start><end>2026-01-15T23:00Z</end>
      </timeInterval>
      <resolution>PT60M</resolution>
      <Point><position>1</position><price.amount>10</price.amount></Point>
      <Point><position>8</position><price.amount>50</price.amount></Point>
      <Point><position>12</position><price.amount>-5.5</price.amount></Point>
    </Period>
  </TimeSeries>
  <TimeSeries>
    <SEQUENCE>2</SEQUENCE>
    <currency_Unit.name>EUR</currency_Unit.name>
    <price_Measure_Unit.name>MWH</price_Measure_Unit.name>
    <Period>
      <timeInterval>
        <start>2026-01-14T23:00Z</start><end>2026-01-15T23:00Z</end>
      </timeInterval>
      <resolution>PT15M</resolution>
      <Point><position>1</position><price.amount>77</price.amount></Point>
    </Period>
  </TimeSeries>
</Publication_MarketDocument>""".replace(
    "SEQUENCE", "classificationSequence_AttributeInstanceComponent.position"
)


def test_entsoe_repeats_prices_that_it_leaves_out(source: LocalSource) -> None:
    source.replies(Reply(body=ENTSOE.encode(), kind="text/xml"))
    facts = facts_of(
        "entsoe", source.address, "10Y1001A1001A92E", options={"rate.EUR": "2"}
    )
    answer = answer_of(ask_of(facts, secret="t0ken"))
    assert values(answer, Quantity.PRICE_USD_MWH) == [100, 100, 100, 100, -11, -11]
    assert source.asked[0].query["securityToken"] == "t0ken"
    assert source.asked[0].query["periodStart"] == "202601150600"


def test_what_entsoe_may_answer_instead() -> None:
    nothing = (
        "<Acknowledgement_MarketDocument xmlns='urn:x'><Reason><code>999</code>"
        "<text>No matching data found</text></Reason></Acknowledgement_MarketDocument>"
    )
    assert price_table(nothing.encode(), "x", START, END) is None
    for content, words in (
        (nothing.replace("999", "101"), "ENTSO-E answered: No matching"),
        (ENTSOE[:700], "may be cut"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "document type"),
        ("<a/>", "no prices in one currency"),
        (ENTSOE.replace("PT60M", "P1Y"), "no known resolution"),
        (ENTSOE.replace("2026-01-15T23:00Z", "9026-01-15T23:00Z"), "longer than"),
    ):
        with pytest.raises(FeedFailed, match=words):
            price_table(content.encode(), "x", START, END)


def test_eia_names_each_hour_by_its_end(source: LocalSource) -> None:
    rows = [
        {
            "period": f"{hour + HOUR:%Y-%m-%dT%H}",
            "respondent": "ERCO",
            "type": "D",
            "value": str(100 + index),
            "value-units": "megawatthours",
        }
        for index, hour in enumerate(HOURS)
    ]
    source.replies(document({"response": {"total": "6", "data": rows}}))
    facts = facts_of("eia-930", source.address, "ERCO", quantities=["it_load_mw"])
    answer = answer_of(ask_of(facts, secret="k"))
    assert read(answer).series(Quantity.IT_LOAD_MW) == {
        stamp(hour): 100.0 + index for index, hour in enumerate(HOURS)
    }
    assert source.asked[0].query["facets[respondent][]"] == "ERCO"


def test_prometheus_is_asked_for_one_series_with_the_quantity_as_its_name(
    source: LocalSource,
) -> None:
    stamps = [START.timestamp() + 300 * index for index in range(72)]
    series = {
        "metric": {"__name__": "it_load_mw", "site": "a"},
        "values": [[moment, "42000"] for moment in stamps],
    }
    data = {"resultType": "matrix", "result": [series]}
    source.replies(document({"status": "success", "data": data}))
    facts = facts_of(
        "prometheus",
        source.address,
        'sum(power{site="a"})',
        quantities=["it_load_mw"],
        options={"unit.it_load_mw": "kW"},
    )
    answer = answer_of(ask_of(facts, secret="bearer"))
    assert values(answer, Quantity.IT_LOAD_MW) == [42.0] * 6
    (asked,) = source.asked
    assert asked.path == "/api/v1/query_range"
    assert asked.query["query"] == (
        'label_replace(sum(power{site="a"}), "__name__", "it_load_mw", "", "")'
    )
    assert float(asked.query["end"]) < END.timestamp()
    data["result"] = [series, series]
    source.replies(document({"status": "success", "data": data}))
    with pytest.raises(BadFile, match="one series"):
        read(answer_of(ask_of(facts)))


def open_meteo(hours: list[datetime], **columns: list[float | None]) -> Reply:
    """An answer about London with columns in the units that it gives by default."""
    names = {
        "temperature_2m": "°C",
        "cloud_cover": "%",
        "wind_speed_10m": "km/h",
    }
    units = {
        name: next(u for known, u in names.items() if name.startswith(known))
        for name in columns
    }
    return document(
        {
            "latitude": 51.49,
            "longitude": -0.12,
            "utc_offset_seconds": 0,
            "hourly_units": {"time": "iso8601", **units},
            "hourly": {"time": [stamp(hour) for hour in hours], **columns},
        }
    )


def test_open_meteo_is_asked_for_hours_that_ended(source: LocalSource) -> None:
    source.replies(open_meteo(HOURS, temperature_2m=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    for path, names in (
        (
            "/v1/forecast",
            {"start_hour": "2026-01-15T06:00", "end_hour": stamp(HOURS[-1])},
        ),
        ("/v1/archive", {"start_date": "2026-01-15", "end_date": "2026-01-15"}),
    ):
        source.asked.clear()
        facts = facts_of(
            "open-meteo", source.address + path, quantities=["temperature_c"]
        )
        answer = answer_of(ask_of(facts))
        assert values(answer, Quantity.TEMPERATURE_C) == [1, 2, 3, 4, 5, 6]
        (asked,) = source.asked
        assert asked.query == {
            "latitude": "51.5000",
            "longitude": "-0.1000",
            "timezone": "GMT",
            "hourly": "temperature_2m",
            **names,
        }


def runs(ask: Ask) -> list[ForecastFile]:
    """The runs that a feed brings."""
    return [
        read_weather_forecasts(io.BytesIO(answer.file or b""), ["here"])
        for answer in kind_named(ask.facts.kind).fetch(ask)
    ]


def test_a_forecast_that_names_no_run_is_issued_when_it_was_fetched(
    source: LocalSource,
) -> None:
    hours = [END - HOUR + index * HOUR for index in range(4)]
    source.replies(open_meteo(hours, temperature_2m=[0.0, 1.0, None, 3.0]))
    facts = facts_of(
        "open-meteo-runs",
        source.address,
        quantities=["temperature_c"],
        options={"model": "gfs_seamless"},
    )
    now = NOW + timedelta(microseconds=5)
    (file,) = runs(ask_of(facts, now=now))
    (run,) = file.runs["here"]
    assert (run.issued_at_utc, run.known_at_utc) == (END, now)
    assert (run.model, run.first_lead_h) == ("gfs_seamless", 0)
    assert [str(v) for v in run.values[Quantity.TEMPERATURE_C]] == ["1.0", "nan", "3.0"]
    assert source.asked[0].query["models"] == "gfs_seamless"
    assert "run" not in source.asked[0].query


def test_runs_are_asked_for_by_name_and_one_that_is_not_there_yet_again(
    source: LocalSource,
) -> None:
    def answering(asked: object) -> Reply:
        run = asked.query["run"]  # type: ignore[attr-defined]
        if run == "2026-01-15T06:00":
            return Reply(status=404)
        issue = datetime.fromisoformat(run).replace(tzinfo=UTC)
        return open_meteo([issue, issue + HOUR], temperature_2m=[1.0, 2.0])

    source.answering = answering
    facts = facts_of(
        "open-meteo-runs",
        source.address,
        quantities=["temperature_c"],
        options={"run_every_h": "6", "run_delay_h": "5"},
    )
    since = NOW.replace(hour=12, minute=0) - timedelta(days=1)
    files = runs(ask_of(facts, start_utc=since))
    issues = [run.issued_at_utc for file in files for run in file.runs["here"]]
    assert [f"{issue:%d %H}" for issue in issues] == ["14 18", "15 00"]
    assert [asked.query["run"][-5:] for asked in source.asked] == [
        "18:00", "00:00", "06:00"
    ]  # fmt: skip
    with pytest.raises(FeedFailed, match="404"):
        runs(ask_of(facts, start_utc=NOW.replace(hour=0, minute=0)))


def test_members_are_kept_apart_and_previous_runs_prove_no_time(
    source: LocalSource,
) -> None:
    hours = [END, END + HOUR]
    source.replies(
        open_meteo(
            hours,
            temperature_2m=[1.0, 2.0],
            temperature_2m_member01=[3.0, 4.0],
            temperature_2m_previous_day1=[5.0, 6.0],
        )
    )
    facts = facts_of(
        "open-meteo-runs",
        source.address,
        quantities=["temperature_c"],
        options={"previous_days": "1"},
    )
    (file,) = runs(ask_of(facts))
    found = {(r.member, r.issued_at_utc, r.known_at_utc) for r in file.runs["here"]}
    assert found == {
        ("", END, NOW),
        ("01", END, NOW),
        ("", END - timedelta(days=1), None),
        ("", END - timedelta(hours=23), None),
    }
    assert source.asked[0].query["hourly"] == (
        "temperature_2m,temperature_2m_previous_day1"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"latitude": 40.0}, "is about 40.00"),
        ({"utc_offset_seconds": None}, "does not say its offset"),
        ({"hourly_units": {"temperature_2m": "m/s"}}, "m/s"),
        ({"hourly": {"time": [stamp(END)], "temperature_2m": []}}, "cut"),
        (
            {"hourly": {"time": ["soon"], "temperature_2m": [1.0]}},
            "is not an instant",
        ),
        ({"hourly": None, "reason": "No data"}, "No data"),
        (
            {"hourly": {"time": [stamp(START)], "temperature_2m": [1]}},
            "no value of a coming hour",
        ),
    ],
)
def test_what_is_no_run_is_refused(
    source: LocalSource, change: dict[str, object], words: str
) -> None:
    good: dict[str, object] = {
        "latitude": 51.5,
        "longitude": -0.1,
        "utc_offset_seconds": 0,
        "hourly_units": {"temperature_2m": "°C"},
        "hourly": {"time": [stamp(END)], "temperature_2m": [1.0]},
    }
    source.replies(document({**good, **change}))
    facts = facts_of("open-meteo-runs", source.address, quantities=["temperature_c"])
    with pytest.raises(BadFile, match=words):
        runs(ask_of(facts))


def test_the_same_question_is_asked_on_condition_and_another_is_not(
    source: LocalSource,
) -> None:
    body = document({"data": [{"zone": "GB"}]}).body
    source.replies(Reply(body=body, headers={"ETag": '"e1"'}))
    facts = facts_of("electricity-maps", source.address, "GB")
    first = ask_of(facts, secret="t")
    assert len(kind_named(facts.kind).fetch(first)) == 1
    source.replies(Reply(status=304, body=b""))
    again = ask_of(facts, secret="t", known=first.learned)
    assert kind_named(facts.kind).fetch(again) == []
    assert again.learned == first.learned
    assert source.asked[-1].headers["if-none-match"] == '"e1"'
    source.replies(Reply(body=body))
    other = ask_of(facts, secret="t", known=first.learned, start_utc=START + HOUR)
    assert len(kind_named(facts.kind).fetch(other)) == 1
    assert "if-none-match" not in source.asked[-1].headers


def test_a_folder_gives_new_and_changed_files_once(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    rows = "timestamp,it_load_mw\n2026-01-15T06:00Z,41\n"
    for name in ("b.csv", "a.csv", ".hidden", "new.csv"):
        (folder / name).write_text(rows)
        age_s = 1 if name == "new.csv" else 60 if name == "a.csv" else 90
        at = NOW.timestamp() - age_s
        os.utime(folder / name, (at, at))
    (tmp_path / "secret.csv").write_text(rows)
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    facts = facts_of("folder", "site", quantities=["it_load_mw"])
    fetch = kind_named("folder").fetch
    first = ask_of(facts, folder=tmp_path)
    assert [answer.label for answer in fetch(first)] == ["b.csv", "a.csv"]
    again = ask_of(facts, folder=tmp_path, known=first.learned)
    assert fetch(again) == []
    (folder / "a.csv").write_text(rows + "2026-01-15T07:00Z,42\n")
    os.utime(folder / "a.csv", (NOW.timestamp() - 30,) * 2)
    (folder / "b.csv").unlink()
    later = ask_of(facts, folder=tmp_path, known=again.learned)
    (answer,) = fetch(later)
    assert values(answer, Quantity.IT_LOAD_MW) == [41, 42]
    assert sorted(later.learned) == ["a.csv"]


def test_the_name_of_a_file_can_be_stored_whatever_its_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    path = folder / os.fsdecode(b"z\xfcrich.csv")
    path.write_text("timestamp,it_load_mw\n2026-01-15T06:00Z,41\n")
    os.utime(path, (0, 0))
    facts = facts_of("folder", "site", quantities=["it_load_mw"])
    first = ask_of(facts, folder=tmp_path)
    answer_of(first)
    (name,) = first.learned
    assert name.encode().isascii()
    again = ask_of(facts, folder=tmp_path, known=first.learned)
    assert kind_named("folder").fetch(again) == []


def test_a_run_holds_one_large_file_at_a_time_and_the_next_takes_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_folder, "LARGEST_BYTES", 100)
    folder = tmp_path / "site"
    folder.mkdir()
    for index, size in enumerate((60, 40, 1, 100)):
        (folder / f"{index}.csv").write_bytes(b"x" * size)
        os.utime(folder / f"{index}.csv", (index, index))
    facts = facts_of("folder", "site", quantities=["it_load_mw"])
    taken, known = [], {}
    for _ in range(4):
        ask = ask_of(facts, folder=tmp_path, known=known)
        taken.append([answer.label[0] for answer in kind_named("folder").fetch(ask)])
        known = ask.learned
    assert taken == [["0", "1"], ["2"], ["3"], []]


def test_a_folder_stays_within_the_folder_of_feeds(tmp_path: Path) -> None:
    check = kind_named("folder").check
    for name in ("/etc", "../x", "a/../../x", ""):
        with pytest.raises(InvalidInput, match="GFO_FEEDS_DIR"):
            check(facts_of("folder", name))
    (tmp_path / "out").symlink_to("/etc")
    with pytest.raises(FeedFailed, match="leads out"):
        kind_named("folder").fetch(ask_of(facts_of("folder", "out"), folder=tmp_path))
    with pytest.raises(FeedFailed, match="cannot be read"):
        kind_named("folder").fetch(ask_of(facts_of("folder", "no"), folder=tmp_path))


def test_a_database_is_addressed_without_password_and_verified() -> None:
    check = kind_named("postgresql").check
    query = {"query": "select 1 where now() > %(start)s"}
    good = "postgresql://reader@db.example.org/plant"
    check(facts_of("postgresql", good, options=query))
    check(facts_of("postgresql", good.replace("db.example.org", "localhost")
                   + "?sslmode=disable", options=query))  # fmt: skip
    for address, words in (
        (good.replace("reader@", "reader:word@"), "no password"),
        ("mysql://a@b/c", "is like"),
        ("postgresql:///plant", "is like"),
        (good + "?sslmode=disable", "does not verify"),
        (good + "?options=-c%20x", "sslmode and nothing else"),
    ):
        with pytest.raises(InvalidInput, match=words):
            check(facts_of("postgresql", address, options=query))
    with pytest.raises(InvalidInput, match="option query"):
        check(facts_of("postgresql", good))


COMING = [END + index * HOUR for index in range(3)]


@pytest.mark.parametrize(
    ("kind", "place", "secret", "answers", "path", "hours"),
    [
        pytest.param(
            "electricity-maps-forecast",
            "GB",
            "t0ken",
            [
                {
                    "zone": "GB",
                    "updatedAt": "2026-01-15T12:10:00.000Z",
                    "forecast": [
                        {"datetime": f"{stamp(hour)}:00.000Z", "carbonIntensity": 90.0}
                        for hour in COMING
                    ],
                }
            ],
            "/v3/carbon-intensity/forecast",
            [90.0, 90.0],
            id="electricity-maps",
        ),
        pytest.param(
            "uk-carbon-forecast",
            "13",
            None,
            [
                {
                    "data": {
                        "regionid": 13,
                        "shortname": "London",
                        "data": [
                            {
                                "from": f"{stamp(hour + half)}Z",
                                "to": f"{stamp(hour + half + HOUR / 2)}Z",
                                "intensity": {"forecast": 70 + 10 * (half > 0 * HOUR)},
                            }
                            for hour in COMING
                            for half in (0 * HOUR, HOUR / 2)
                        ],
                    }
                }
            ],
            "/regional/intensity/2026-01-15T12:00Z/fw48h/regionid/13",
            [75.0, 75.0],
            id="uk",
        ),
        pytest.param(
            "watttime-forecast",
            "CAISO_NORTH",
            ":".join(("me", "word")),
            [
                {"token": "abc"},
                {
                    "data": [
                        {"point_time": f"{stamp(hour)}:00+00:00", "value": 1000.0}
                        for hour in COMING
                    ],
                    "meta": {
                        "region": "CAISO_NORTH",
                        "signal_type": "co2_moer",
                        "units": "lbs_co2_per_mwh",
                        "data_point_period_seconds": 3600,
                        "generated_at": "2026-01-15T12:10:00+00:00",
                    },
                },
            ],
            "/v3/forecast",
            [453.59, 453.59],
            id="watttime",
        ),
    ],
)
def test_a_published_forecast_is_a_run(
    source: LocalSource,
    kind: str,
    place: str,
    secret: str | None,
    answers: list[dict[str, object]],
    path: str,
    hours: list[float],
) -> None:
    source.replies(*map(document, answers))
    (answer,) = kind_named(kind).fetch(
        ask_of(facts_of(kind, source.address, place), secret=secret)
    )
    assert source.asked[-1].path == path
    file = read_weather_forecasts(io.BytesIO(answer.file or b""), ["here"])
    (run,) = file.runs["here"]
    # The running hour had begun when it was made.
    assert run.issued_at_utc > END
    assert run.known_at_utc == NOW
    assert run.values[Quantity.CARBON_INTENSITY_GCO2_KWH].tolist() == pytest.approx(
        hours, abs=0.01
    )
    assert answer.carbon_kind is not None


def test_prices_of_the_coming_hours_are_a_run_in_dollars(source: LocalSource) -> None:
    source.replies(Reply(body=ENTSOE.encode(), kind="text/xml"))
    place = "10Y1001A1001A92E"
    facts = facts_of(
        "entsoe-day-ahead", source.address, place, options={"rate.EUR": "2"}
    )
    (answer,) = kind_named("entsoe-day-ahead").fetch(
        ask_of(facts, secret="".join(("t0", "ken")))
    )
    assert source.asked[0].query["periodStart"] == "202601151200"
    assert source.asked[0].query["periodEnd"] == "202601171200"
    assert answer.content == ENTSOE.encode()
    file = read_weather_forecasts(io.BytesIO(answer.file or b""), ["here"])
    (run,) = file.runs["here"]
    # From 13:00, as the running hour had begun, to midnight in Brussels.
    assert run.values[Quantity.PRICE_USD_MWH].tolist() == [-11.0] * 10
    source.replies(Reply(body=ENTSOE.encode(), kind="text/xml"))
    bare = facts_of("entsoe-day-ahead", source.address, place)
    with pytest.raises(InvalidInput, match="EUR"):
        answer_of(ask_of(bare, secret="".join(("t0", "ken"))))
