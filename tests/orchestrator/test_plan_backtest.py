"""The backtest of plans: only the past plans, only what came counts."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from core.conformity import ScoreTracker
from core.errors import InvalidInput
from core.forecasts import HourlyForecast, InputMode, Refusal, RefusalCode, Target
from core.placement import PlanPrices, PlanRules
from core.policies import Policy
from core.telemetry import HOUR, Quantity, TelemetryFrame
from core.weather_runs import IssuedRun, weather_runs
from orchestrator.backtests.file_source import FileSource
from orchestrator.backtests.plan_backtest import (
    WAYS,
    BacktestRegion,
    Forecasts,
    PlanBacktestResult,
    PlanBacktestSetup,
    run_plan_backtest,
)
from orchestrator.backtests.plan_report import plan_backtest_document
from orchestrator.backtests.plants import (
    PLANTS,
    REGION_COLUMNS,
    assumed_region,
    plant_of,
)
from orchestrator.cli.backtests import backtest_plan
from orchestrator.plans.problem import plan_problems
from orchestrator.telemetry.readers.frames import read_fleet
from orchestrator.windows.assembly import Window

START = datetime(2023, 1, 1, tzinfo=UTC)
N_DAYS, N_CALIBRATION = 100, 92
PRICES = PlanPrices(carbon_usd_per_t=50.0, water_usd_per_m3=2.0)
ISSUES = [START + timedelta(days=8 + day) for day in range(N_DAYS)]


def _frame(slug: str, seed: int) -> TelemetryFrame:
    random = np.random.default_rng(seed)
    n_hours = (8 + N_DAYS) * 24
    hours = np.arange(n_hours)

    def wave(mean: float, amplitude: float, noise: float) -> np.ndarray:
        phase = random.uniform(0, 6)
        daily = amplitude * np.sin(2 * np.pi * hours / 24 + phase)
        return mean + daily + random.normal(0, noise, n_hours)

    temperature = wave(20.0 + 5 * seed, 6.0, 1.0)
    return TelemetryFrame(
        region_slug=slug,
        start_utc=START,
        n_hours=n_hours,
        values={
            Quantity.TEMPERATURE_C: temperature,
            Quantity.WET_BULB_C: temperature - 6.0,
            Quantity.IT_LOAD_MW: wave(45.0, 10.0, 1.0),
            Quantity.CARBON_INTENSITY_GCO2_KWH: wave(300.0, 80.0, 10.0),
            Quantity.PRICE_USD_MWH: wave(60.0, 25.0, 8.0),
        },
    )


def _region(slug: str, seed: int) -> BacktestRegion:
    return BacktestRegion(
        region=assumed_region(
            {
                "slug": slug,
                "name": slug,
                "time_zone": "UTC",
                "latitude": "0",
                "longitude": "0",
            }
        ),
        frame=_frame(slug, seed),
        limit_c=33.0,
    )


@pytest.fixture(scope="module")
def regions() -> list[BacktestRegion]:
    return [_region("US-TEX-ERCO", 1), _region("CA-ON", 0), _region("elsewhere", 0)]


def _forecasts(
    regions: Sequence[BacktestRegion], *, noise: float = 0.0
) -> dict[tuple[str, Target], list[HourlyForecast | Refusal]]:
    """Forecasts that are the truth, off by a share of `noise` if asked for."""
    random = np.random.default_rng(9)
    answers: dict[tuple[str, Target], list[HourlyForecast | Refusal]] = {}
    for item in regions:
        for target in Target:
            answers[item.region.slug, target] = []
            for issue in ISSUES:
                came = item.frame.window(issue, issue + 24 * HOUR)
                truth = came.column(target.quantity)
                wrong = 1.0 + noise * random.normal(0, 1, 24)
                answers[item.region.slug, target].append(
                    HourlyForecast(
                        region_slug=item.region.slug,
                        target=target,
                        issued_at_utc=issue,
                        mean=truth * wrong,
                        scale=np.ones(24),
                    )
                )
    return answers


def _with_published(
    frame: TelemetryFrame, issue: datetime, *, plants_later_run: bool = False
) -> TelemetryFrame:
    """A frame with published hours of its window, the first 20 of them known by then.

    A later run may be there too: issued before the window, known a minute after.
    """

    def run(known: datetime, value: float, n_hours: int) -> IssuedRun:
        hours = np.full(n_hours, value)
        return IssuedRun(
            source="market",
            model="",
            member="",
            issued_at_utc=issue - 12 * HOUR,
            known_at_utc=known,
            first_lead_h=12,
            values={
                Quantity.PRICE_USD_MWH: hours,
                Quantity.CARBON_INTENSITY_GCO2_KWH: 2 * hours,
                Quantity.IT_LOAD_MW: hours / 2,
            },
        )

    found = [run(issue - 11 * HOUR, 80.0, 20)]
    if plants_later_run:
        found.append(run(issue + timedelta(minutes=1), 400.0, 24))
    return replace(frame, runs=weather_runs(found))


def test_published_hours_are_used_and_named_and_a_later_run_is_not(
    regions: list[BacktestRegion],
) -> None:
    item, issue = regions[0], ISSUES[-1]
    answers = {
        target: rows[-1]
        for (slug, target), rows in _forecasts(regions).items()
        if slug == item.region.slug
    }

    def window(frame: TelemetryFrame, served: InputMode | None) -> Window:
        own = {
            target: replace(answer, input_mode=served)
            for target, answer in answers.items()
            if served is not None and isinstance(answer, HourlyForecast)
        }
        return FileSource(
            region=item.region,
            policy=Policy(thermal_limit_c=40.0),
            frame=frame,
            auctioned_h=0,
            issued_at_utc=issue,
            answers=own,
            tracker=ScoreTracker(Policy().alpha, np.linspace(-1.0, 1.0, 70)),
        ).window()

    frame = _with_published(item.frame, issue, plants_later_run=True)
    bare = window(item.frame, InputMode.TELEMETRY).expected
    found = window(frame, InputMode.TELEMETRY)
    signals = found.expected
    assert np.array_equal(signals.price_usd_mwh[:20], np.full(20, 80.0))
    assert np.array_equal(signals.price_usd_mwh[20:], bare.price_usd_mwh[20:])
    assert np.array_equal(signals.carbon_intensity_gco2_kwh[:20], np.full(20, 160.0))
    assert np.array_equal(signals.it_load_mw[20:], bare.it_load_mw[20:])
    assert np.array_equal(signals.it_load_mw[:20], np.full(20, 40.0))
    spans = f"from {issue:%Y-%m-%d %H:%M} to {issue + 20 * HOUR:%Y-%m-%d %H:%M} UTC."
    assert found.published_notes[0].startswith("Prices of US-TEX-ERCO are those")
    assert all(
        "by market before the issue" in note and note.endswith(spans)
        for note in found.published_notes
    )
    # Without a model the other hours are those of the day before.
    before = item.frame.window(issue - 24 * HOUR, issue).column(Quantity.IT_LOAD_MW)
    mixed = window(frame, None).expected.it_load_mw
    assert np.array_equal(mixed, np.concatenate([np.full(20, 40.0), before[20:]]))
    # A model that has used a published forecast is not overruled by it.
    used = window(frame, InputMode.RUN_12H)
    assert np.array_equal(used.expected.it_load_mw, bare.it_load_mw)
    assert len(used.published_notes) == 1


def _run(
    regions: Sequence[BacktestRegion],
    forecasts: Forecasts,
    rules: PlanRules | None = None,
) -> PlanBacktestResult:
    setup = PlanBacktestSetup(
        issues=ISSUES,
        n_calibration=N_CALIBRATION,
        prices=PRICES,
        rules=rules or PlanRules(),
    )
    return run_plan_backtest(regions, forecasts, setup)


def _saving(result: PlanBacktestResult, way: str) -> float:
    return sum(
        day.totals["nothing"].objective_usd(PRICES)
        - day.totals[way].objective_usd(PRICES)
        for day in result.days
    )


def test_with_perfect_forecasts_the_plan_is_the_oracle_s(
    regions: list[BacktestRegion],
) -> None:
    known = [replace(item, auctioned_h=24) for item in regions]
    result = _run(known, _forecasts(known))

    assert len(result.days) == N_DAYS - N_CALIBRATION
    assert _saving(result, "plan") == pytest.approx(_saving(result, "oracle"), rel=1e-6)
    assert _saving(result, "greedy") <= _saving(result, "plan") + 1e-6
    assert _saving(result, "clairvoyant") >= _saving(result, "oracle") - 1e-6


def test_worse_forecasts_save_less_and_never_more_than_the_oracle(
    regions: list[BacktestRegion],
) -> None:
    cool = [replace(item, limit_c=60.0) for item in regions]
    good = _run(cool, _forecasts(cool, noise=0.02))
    bad = _run(cool, _forecasts(cool, noise=0.2))
    assert _saving(bad, "plan") < _saving(good, "plan")
    for result in (good, bad):
        for day in result.days:
            plan, oracle = (
                day.totals[way].objective_usd(PRICES) for way in ("plan", "oracle")
            )
            assert oracle <= plan + 1e-6


def test_load_is_conserved_and_everything_is_measured_on_the_truth(
    regions: list[BacktestRegion],
) -> None:
    result = _run(regions, _forecasts(regions, noise=0.1))
    assert {way for day in result.days for way in day.totals} == set(WAYS)
    rates = result.rates["CA-ON"]
    first = next(item for item in regions if item.region.slug == "CA-ON")
    window = first.frame.window(ISSUES[N_CALIBRATION], ISSUES[-1] + 24 * HOUR)
    assert rates.it_energy_mwh == pytest.approx(
        window.column(Quantity.IT_LOAD_MW).sum()
    )
    assert rates.water_on_site_l_per_mwh == pytest.approx(50.0)


def test_what_a_plan_sees_does_not_change_with_the_future(
    regions: list[BacktestRegion],
) -> None:
    """Everything after the issue is replaced; the plan's problem stays the same."""
    item, issue = regions[0], ISSUES[-1]
    answers = {
        target: rows[-1]
        for (slug, target), rows in _forecasts(regions).items()
        if slug == item.region.slug
    }
    later = int((issue - START) / HOUR)
    spoiled = {
        quantity: np.concatenate([column[:later], column[later:] * 3.0 + 7.0])
        for quantity, column in item.frame.values.items()
    }
    other = replace(item, frame=replace(item.frame, values=spoiled))

    def problem(region: BacktestRegion, *, auctioned_h: int) -> np.ndarray:
        source = FileSource(
            region=region.region,
            policy=Policy(thermal_limit_c=40.0),
            frame=region.frame,
            auctioned_h=auctioned_h,
            issued_at_utc=issue,
            answers=answers,
            tracker=ScoreTracker(Policy().alpha, np.linspace(-1.0, 1.0, 70)),
        )
        made = plan_problems([source.window()]).known
        return np.vstack([made.load_mw, made.room_mw, made.rates.priced(PRICES)])

    assert np.array_equal(problem(item, auctioned_h=0), problem(other, auctioned_h=0))
    published = replace(item, frame=_with_published(item.frame, issue))
    priced = problem(published, auctioned_h=0)
    assert not np.array_equal(priced, problem(item, auctioned_h=0))
    later_runs = _with_published(item.frame, issue, plants_later_run=True)
    assert np.array_equal(
        priced, problem(replace(item, frame=later_runs), auctioned_h=0)
    )
    half = problem(item, auctioned_h=12), problem(other, auctioned_h=12)
    differs = (half[0] != half[1]).any(axis=0)
    assert differs[:12].all(), "a price that the auction set is known"
    assert not differs[12:].any()


def test_a_region_that_is_not_fully_known_sits_the_day_out(
    regions: list[BacktestRegion],
) -> None:
    values = {q: c.copy() for q, c in regions[1].frame.values.items()}
    values[Quantity.PRICE_USD_MWH][-5] = np.nan
    gap = replace(regions[1], frame=replace(regions[1].frame, values=values))
    result = _run([regions[0], gap, regions[2]], _forecasts(regions))
    assert [set(day.left_out) for day in result.days[:-1]] == [set()] * 7
    assert set(result.days[-1].left_out) == {"CA-ON"}


def test_a_refused_temperature_keeps_the_region_where_it_is(
    regions: list[BacktestRegion],
) -> None:
    forecasts = _forecasts(regions)
    refusal = Refusal(code=RefusalCode.TELEMETRY_STALE, text="too old.")
    forecasts["CA-ON", Target.TEMPERATURE_C][-1] = refusal
    result = _run(regions, forecasts)
    assert result.days[-1].heat.judged == 2
    assert result.days[-2].heat.judged == 3


def test_a_day_that_no_plan_can_keep_is_told_and_not_counted(
    regions: list[BacktestRegion],
) -> None:
    full = [
        replace(item, region=replace(item.region, it_capacity_mw=30.0))
        for item in regions
    ]
    result = _run(full, _forecasts(full))
    assert result.days == ()
    assert set(result.infeasible) == set(ISSUES[N_CALIBRATION:])
    assert "more than its capacity of 30 MW" in result.infeasible[ISSUES[-1]]
    document = plan_backtest_document(result, PRICES, setup={}, timings_s={})
    assert document["share_of_oracle_frac"] == {"greedy": None, "plan": None}


def test_heat_is_counted_by_what_was_said_and_what_came(
    regions: list[BacktestRegion],
) -> None:
    hot = [replace(item, limit_c=27.0) for item in regions]
    heat = _run(hot, _forecasts(hot)).days[0].heat
    assert heat.judged == 3
    assert heat.blocked_before >= 1
    assert heat.exceeded_before >= 1
    assert heat.missed_before == 0
    assert heat.blocked_after <= heat.blocked_before


def test_impossible_questions_are_refused(regions: list[BacktestRegion]) -> None:
    with pytest.raises(InvalidInput, match="no region"):
        _run([], {})
    short = {key: rows[:-1] for key, rows in _forecasts(regions).items()}
    with pytest.raises(InvalidInput, match="are of other days"):
        _run(regions, short)
    with pytest.raises(InvalidInput, match="no day left"):
        PlanBacktestSetup(issues=ISSUES, n_calibration=N_DAYS, prices=PRICES)


def test_the_document_adds_up(regions: list[BacktestRegion]) -> None:
    result = _run(regions, _forecasts(regions, noise=0.1))
    document = plan_backtest_document(result, PRICES, setup={}, timings_s={})
    text = json.loads(json.dumps(document, allow_nan=False))

    for way in WAYS:
        from_days = sum(day["objective_usd"][way] for day in text["days"])
        assert text["ways"][way]["objective_usd"] == pytest.approx(from_days)
    saving = text["ways"]["plan"]["saving_usd"] / text["ways"]["oracle"]["saving_usd"]
    assert text["share_of_oracle_frac"]["plan"] == pytest.approx(saving)


def test_every_assumed_mix_is_whole() -> None:
    for slug, plant in PLANTS.items():
        assert sum(plant.mix.values()) == pytest.approx(1.0, abs=1e-9), slug
    assert plant_of("nowhere").auctioned_h == 0


APP = typer.Typer(pretty_exceptions_enable=False)
APP.command("backtest-plan")(backtest_plan)


@pytest.fixture
def files(tmp_path: Path, regions: list[BacktestRegion]) -> tuple[Path, Path]:
    """The synthetic fleet as the two files that the command reads."""
    telemetry, table = tmp_path / "telemetry.csv", tmp_path / "regions.csv"
    names = [
        Quantity.TEMPERATURE_C, Quantity.WET_BULB_C, Quantity.IT_LOAD_MW,
        Quantity.CARBON_INTENSITY_GCO2_KWH, Quantity.PRICE_USD_MWH,
    ]  # fmt: skip
    with telemetry.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["timestamp", "region", *[name.value for name in names]])
        for item in regions:
            for hour in range(item.frame.n_hours):
                stamp = (item.frame.start_utc + hour * HOUR).isoformat()
                cells = [round(float(item.frame.values[n][hour]), 3) for n in names]
                writer.writerow([stamp, item.region.slug, *cells])
    table.write_text(
        "slug,name,time_zone,latitude,longitude\n"
        "US-TEX-ERCO,Texas,America/Chicago,32.8,-96.8\n"
        "CA-ON,Ontario,America/Toronto,43.7,-79.4\n"
        "elsewhere,Elsewhere,UTC,1,2\nabsent,Absent,UTC,1,2\n"
    )
    return telemetry, table


def _command(files: tuple[Path, Path], *more: str) -> Result:
    return CliRunner().invoke(
        APP,
        ["--telemetry", str(files[0]), "--regions", str(files[1]), *more],
    )


DAYS = (
    "--train-until", "2023-02-08",
    "--calibrate-until", "2023-04-10",
    "--test-until", "2023-04-12",
    "--family", "ridge",
)  # fmt: skip


def test_the_command_takes_published_hours_and_names_their_file(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    """A price of an auction was known for every day: the plan has it in advance."""
    issue = datetime(2023, 4, 9, 11, tzinfo=UTC)
    lines = ["region,issued_at_utc,known_at_utc,lead_h,price_usd_mwh_forecast"]
    lines += [
        f"{slug},{day.isoformat()},{day.isoformat()},{lead_h},{price}"
        for slug, price in (("US-TEX-ERCO", 900), ("CA-ON", 1), ("nowhere", 1))
        for day in (issue, issue + 24 * HOUR, issue + 48 * HOUR)
        for lead_h in range(12, 38)
    ]
    published = tmp_path / "published.csv"
    published.write_text("\n".join(lines))
    report = tmp_path / "report.json"
    result = _command(
        files, *DAYS, "--weather-forecasts", str(published), "--report", str(report)
    )
    assert result.exit_code == 0, result.output
    assert "published.csv: 78 rows or values were not taken" in result.stderr
    document = json.loads(report.read_text())
    assert document["setup"]["weather_forecasts"]["rows"] == 3 * 78
    bare = tmp_path / "bare.json"
    assert _command(files, *DAYS, "--report", str(bare)).exit_code == 0
    assert document["ways"] != json.loads(bare.read_text())["ways"]


def test_the_command_reads_files_and_writes_a_report(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    result = _command(files, *DAYS, "--report", str(report))

    assert result.exit_code == 0, result.output
    assert "Share of the oracle's saving: plan" in result.stdout
    assert "Without telemetry, and so left out: absent." in result.stderr
    document = json.loads(report.read_text())
    assert document["n_days"] == 2
    assert set(document["regions"]) == {"US-TEX-ERCO", "CA-ON", "elsewhere"}
    again = tmp_path / "again.json"
    _command(files, *DAYS, "--report", str(again))
    timeless = [
        {key: value for key, value in json.loads(p.read_text()).items()
         if key != "timings_s"}
        for p in (report, again)
    ]  # fmt: skip
    assert timeless[0] == timeless[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--test-until", "2023-01-01", "--train-until", "2023-02-01"), "must end"),
        (("--limit-c", "hot"), "give degC between"),
        (("--limit-c", "nan"), "give degC between"),
        (("--report", "/nowhere/at/all.json"), "folder is not there"),
        (("--carbon-usd-per-t", "-5"), "carbon_usd_per_t is -5"),
        (("--migration-energy-pct", "200"), "migration_energy_frac is 2.0"),
    ],
)
def test_wrong_options_end_with_2(
    files: tuple[Path, Path], arguments: tuple[str, ...], sentence: str
) -> None:
    result = _command(files, *DAYS, *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.parametrize(
    ("telemetry", "regions", "sentence"),
    [
        ("", "slug\nx\n", "has no column 'name'"),
        ("", "slug,name,time_zone,latitude,longitude\n", "has no region"),
        ("", "slug,name,time_zone,latitude,longitude\nx,X,Mars/1,1,2\n", "Mars/1"),
        (
            "",
            "slug,name,time_zone,latitude,longitude\nx,X,UTC,1,2\nx,X,UTC,1,2\n",
            "appears twice",
        ),
        (
            "timestamp,region,temperature_c\n2023-08-01T00:00:00Z,mars,36.5\n",
            "slug,name,time_zone,latitude,longitude\nx,X,UTC,1,2\n",
            "No row of .*mars",
        ),
    ],
)
def test_files_that_cannot_be_used_are_named(
    tmp_path: Path, telemetry: str, regions: str, sentence: str
) -> None:
    (tmp_path / "t.csv").write_text(telemetry)
    (tmp_path / "r.csv").write_text(regions)
    with pytest.raises(InvalidInput, match=sentence):
        read_fleet(
            tmp_path / "t.csv",
            tmp_path / "r.csv",
            datetime.now(UTC),
            lambda _message: None,
            columns=REGION_COLUMNS,
        )


def test_a_place_that_is_no_number_is_named(files: tuple[Path, Path]) -> None:
    table = files[1].read_text().replace("43.7", "north")
    files[1].write_text(table)
    result = _command(files, *DAYS)
    assert result.exit_code == 2
    assert "CA-ON: latitude and longitude must be numbers" in result.stderr


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.skipif(
    os.environ.get("GFO_TEST_FULL") != "1", reason="a minute: ./test --full"
)
def test_the_real_year_reaches_nine_tenths_of_the_oracle(
    real_data: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    files = real_data / "telemetry_real.csv.gz", real_data / "regions.csv"
    asked = ("--family", "ridge", "--report", str(report))
    assert _command(files, *asked).exit_code == 0
    document = json.loads(report.read_text())
    assert document["n_days"] == 365
    assert document["share_of_oracle_frac"]["plan"] >= 0.9
    assert document["share_of_clairvoyant_frac"]["plan"] >= 0.9
    assert document["share_of_oracle_frac"]["greedy"] < 0.9
