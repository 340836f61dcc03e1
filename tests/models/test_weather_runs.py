"""Weather forecasts as issued: what was known, what models make of it, and without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256

import numpy as np
import pytest

from core.errors import InvalidInput
from core.forecasts import HourlyForecast, InputMode, Target
from core.telemetry import HOUR, Quantity, TelemetryFrame
from core.weather_runs import (
    IssuedRun,
    RunStream,
    WeatherRuns,
    hours_since_1970,
    weather_runs,
)
from models.catalogue import (
    RunStatistic,
    default_feature_names,
    lag_name,
    run_feature_names,
    run_names,
)
from models.check import check_model
from models.contract import read_contract
from models.export import export_onnx
from models.features import FeatureRows, feature_matrix
from models.forecasting import forecast_modes, forecast_windows
from models.metadata import Family, ModelContract
from models.onnx_model import OnnxModel
from models.parity import validate_parity
from models.parity_rows import comparison_rows
from models.probes import probe_rows
from models.rolling import RegionDays, mode_days, served_modes
from models.smallest import smallest_model
from models.train import train_model
from models.with_runs import TrainedWithRuns

MakeFrame = Callable[..., TelemetryFrame]

N_HOURS = 150 * 24
TRAINED_H = 100 * 24
DELAY = timedelta(minutes=50)
TEMPERATURE = Quantity.TEMPERATURE_C


def _runs(
    frame: TelemetryFrame,
    *,
    every_h: int = 6,
    leads: range = range(1, 49),
    model: str = "a",
    bias_c: float = -1.0,
    seed: int = 3,
    known: bool = True,
) -> list[IssuedRun]:
    """Runs whose error grows with the lead, and that are too cold."""
    random = np.random.default_rng(seed)
    truth = frame.column(TEMPERATURE)
    found = []
    for hour in range(0, frame.n_hours, every_h):
        places = hour + np.array(leads)
        places = places[places < frame.n_hours]
        if not len(places):
            continue
        noise = np.cumsum(random.normal(0, 0.08, len(places)))
        issued = frame.start_utc + hour * HOUR
        found.append(
            IssuedRun(
                source="test",
                model=model,
                member="",
                issued_at_utc=issued,
                known_at_utc=issued + DELAY if known else None,
                first_lead_h=leads[0],
                values={
                    TEMPERATURE: truth[places] + noise + bias_c,
                    Quantity.CLOUD_COVER_PCT: np.full(len(places), 40.0),
                },
            )
        )
    return found


@pytest.fixture(scope="module")
def frame(make_frame: MakeFrame) -> TelemetryFrame:
    made = make_frame(n_hours=N_HOURS, seed=11)
    return replace(made, runs=weather_runs(_runs(made)))


@pytest.fixture(scope="module")
def until_utc(frame: TelemetryFrame) -> datetime:
    return frame.start_utc + TRAINED_H * HOUR


@pytest.fixture(scope="module", params=list(Family))
def trained(
    frame: TelemetryFrame, until_utc: datetime, request: pytest.FixtureRequest
) -> TrainedWithRuns:
    made = train_model(
        {"aa": (frame, "UTC")}, Target.TEMPERATURE_C, until_utc, family=request.param
    )
    assert isinstance(made, TrainedWithRuns)
    return made


@pytest.fixture(scope="module")
def model(trained: TrainedWithRuns) -> OnnxModel:
    onnx_bytes = export_onnx(trained)
    return OnnxModel(onnx_bytes, sha256(onnx_bytes).hexdigest())


def _names() -> tuple[str, ...]:
    base = default_feature_names(Target.TEMPERATURE_C, with_season=False)
    quantities = (TEMPERATURE, Quantity.CLOUD_COVER_PCT)
    return (*base, *run_feature_names(Target.TEMPERATURE_C, quantities))


def _rows(
    frame: TelemetryFrame, issues: list[datetime], youngest_run_h: int | None = 0
) -> FeatureRows:
    return feature_matrix(
        frame,
        "UTC",
        issues,
        _names(),
        target=Target.TEMPERATURE_C,
        youngest_run_h=youngest_run_h,
    )


def _column(rows: FeatureRows, statistic: RunStatistic) -> np.ndarray:
    places = [_names().index(name) for name in run_names(TEMPERATURE, statistic)]
    return rows.features[:, places]


def test_a_run_that_was_not_known_at_the_issue_is_not_used(
    frame: TelemetryFrame, until_utc: datetime
) -> None:
    issue = until_utc + 6 * HOUR
    later = [
        IssuedRun(
            source="test",
            model="a",
            member="",
            issued_at_utc=issued,
            known_at_utc=known,
            first_lead_h=0,
            values={TEMPERATURE: np.full(60, 99.0)},
        )
        for issued, known in (
            # Named after the issue; named before but known after, by a minute.
            (issue + HOUR, issue + HOUR),
            (issue, issue + timedelta(minutes=1)),
            (issue - 5 * HOUR, issue + timedelta(minutes=1)),
        )
    ]
    planted = replace(frame, runs=weather_runs([*_runs(frame), *later]))
    assert np.array_equal(
        _rows(frame, [issue]).features, _rows(planted, [issue]).features
    )
    seen = _rows(planted, [issue + 2 * HOUR])
    assert _column(seen, RunStatistic.CORRECTED).max() > 90


def test_what_comes_after_the_issue_changes_no_input(
    frame: TelemetryFrame, until_utc: datetime
) -> None:
    column = frame.column(TEMPERATURE).copy()
    column[TRAINED_H:] += 40.0
    other = replace(frame, values={**frame.values, TEMPERATURE: column})
    assert np.array_equal(
        _rows(frame, [until_utc]).features, _rows(other, [until_utc]).features
    )


def test_one_issue_gives_the_row_that_many_give(
    frame: TelemetryFrame, until_utc: datetime
) -> None:
    issues = [until_utc + i * HOUR for i in range(30)]
    many = _rows(frame, issues).features
    live = frame.window(issues[17] - 30 * 24 * HOUR, issues[17])
    assert np.array_equal(many[17], _rows(live, [issues[17]]).features[0])


def test_the_bias_of_a_run_is_learned_from_the_days_before(
    frame: TelemetryFrame, until_utc: datetime
) -> None:
    bias = _column(_rows(frame, [until_utc]), RunStatistic.BIAS)
    assert bias.mean() == pytest.approx(1.0 * 28 / 31, abs=0.15)


def test_modes_say_how_old_the_runs_are(
    frame: TelemetryFrame, until_utc: datetime
) -> None:
    modes = [
        _rows(frame, [until_utc], youngest_run_h=age).modes[0]
        for age in (0, 13, 24, 25, None)
    ]
    assert modes == [
        InputMode.RUN_12H,
        InputMode.RUN_24H,
        InputMode.RUN_24H,
        InputMode.RUN_PARTIAL,
        InputMode.TELEMETRY,
    ]


def test_a_run_with_holes_is_bridged_or_filled_by_an_older_one(
    frame: TelemetryFrame, until_utc: datetime
) -> None:
    runs = _runs(frame)
    newest = max(
        (run for run in runs if run.issued_at_utc + DELAY <= until_utc),
        key=lambda run: run.issued_at_utc,
    )
    for hole, mode_age in ((slice(10, 14), 6), (slice(10, 20), 12)):
        values = {q: column.copy() for q, column in newest.values.items()}
        values[TEMPERATURE][hole] = np.nan
        others = [run for run in runs if run is not newest]
        holed = replace(
            frame, runs=weather_runs([*others, replace(newest, values=values)])
        )
        rows = _rows(holed, [until_utc])
        assert rows.modes == [InputMode.RUN_12H]
        assert _column(rows, RunStatistic.AGE)[0, 0] == mode_age


def test_sparse_leads_and_several_models_make_one_forecast(
    make_frame: MakeFrame,
) -> None:
    made = make_frame(n_hours=80 * 24, seed=5)
    sparse = [
        run
        for number in range(5)
        for run in _runs(
            made,
            every_h=1,
            leads=range(24, 25),
            model=f"m{number}",
            bias_c=number - 2.0,
            seed=number,
            known=False,
        )
    ]
    assert weather_runs(sparse) is None
    frame = replace(made, runs=weather_runs(sparse, unproved_delay_h=0.0))
    issues = [frame.start_utc + (60 * 24 + i) * HOUR for i in range(48)]
    rows = _rows(frame, issues)
    assert set(rows.modes) == {InputMode.RUN_24H}
    # The models differ by whole degrees; corrected, they agree.
    assert _column(rows, RunStatistic.SPREAD).max() < 0.7
    late = replace(made, runs=weather_runs(sparse, unproved_delay_h=6.0))
    assert set(_rows(late, issues).modes) == {InputMode.RUN_PARTIAL}


def test_a_model_that_is_long_out_does_not_age_the_others(
    frame: TelemetryFrame, until_utc: datetime
) -> None:
    stopped = [
        run
        for run in _runs(frame, model="b", bias_c=30.0, leads=range(1, 97))
        if run.issued_at_utc < until_utc - 24 * HOUR
    ]
    both = replace(frame, runs=weather_runs([*_runs(frame), *stopped]))
    assert np.allclose(
        _column(_rows(both, [until_utc]), RunStatistic.CORRECTED),
        _column(_rows(frame, [until_utc]), RunStatistic.CORRECTED),
    )


def test_onnx_equals_training_with_whole_partial_and_no_runs(
    trained: TrainedWithRuns, frame: TelemetryFrame
) -> None:
    onnx_bytes = export_onnx(trained)
    assert read_contract(onnx_bytes) == trained.contract
    rows = comparison_rows(trained, {"aa": (frame, "UTC")})
    features = rows.features.copy()
    features[::3, trained.known_columns[15:]] = 0.0
    features[1::3, trained.known_columns[0] : trained.known_columns[-1] + 1] = 0.0
    report = validate_parity(trained, onnx_bytes, features, rows.region_index)
    assert report.holds


def test_runs_halve_the_error_and_without_them_it_is_that_of_telemetry(
    model: OnnxModel,
    trained: TrainedWithRuns,
    frame: TelemetryFrame,
    until_utc: datetime,
) -> None:
    issues = [until_utc + i * 24 * HOUR for i in range(45)]
    by_mode = mode_days(model, frame, "UTC", issues)
    error = {
        mode: float(np.sqrt(np.nanmean((days.mean - days.observed) ** 2)))
        for mode, days in by_mode.items()
    }
    assert error[InputMode.RUN_12H] < 0.5 * error[InputMode.TELEMETRY]
    assert error[InputMode.RUN_12H] < error[InputMode.RUN_24H]
    assert next(iter(by_mode)) is InputMode.RUN_12H
    without = replace(frame, runs=None)
    alone = forecast_windows(model, without, "UTC", issues)
    features = feature_matrix(
        without,
        "UTC",
        issues,
        trained.without.contract.feature_names,
        target=Target.TEMPERATURE_C,
    ).features
    mean, _ = trained.without.predict(features, np.ones(len(issues), np.int64))
    for answer, expected in zip(alone, mean, strict=True):
        assert isinstance(answer, HourlyForecast)
        assert answer.input_mode is InputMode.TELEMETRY
        assert answer.run_issued_at_utc is None
        assert np.allclose(answer.mean, expected, atol=1e-4)


def test_each_day_is_served_in_the_best_mode_that_is_calibrated(
    model: OnnxModel, frame: TelemetryFrame, until_utc: datetime
) -> None:
    issues = [until_utc + i * 24 * HOUR for i in range(49)]
    by_mode = mode_days(model, frame, "UTC", issues)
    alpha = Decimal("0.05")
    # Fewer than 60 scored days: no mode is calibrated, the best one is shown.
    assert set(served_modes(by_mode, alpha)) == {InputMode.RUN_12H}
    few = by_mode[InputMode.RUN_12H]
    rare = replace(few, mean=few.mean.copy())
    rare.mean[:45] = np.nan
    dated = {
        InputMode.RUN_12H: _repeated(rare),
        InputMode.TELEMETRY: _repeated(by_mode[InputMode.TELEMETRY]),
    }
    served = served_modes(dated, alpha)
    assert served[-1] is InputMode.TELEMETRY


def _repeated(days: RegionDays) -> RegionDays:
    """The same days twice, the first time earlier: 98 of them."""
    span = len(days.issues) * 24 * HOUR
    return replace(
        days,
        issues=[*(issue - span for issue in days.issues), *days.issues],
        mean=np.concatenate((days.mean, days.mean)),
        scale=np.concatenate((days.scale, days.scale)),
        observed=np.concatenate((days.observed, days.observed)),
        persistence=np.concatenate((days.persistence, days.persistence)),
        refused=[*days.refused, *days.refused],
    )


def test_daily_maxima_serve_where_no_hourly_run_has_the_hour_in_a_mode_of_their_own(
    frame: TelemetryFrame, model: OnnxModel
) -> None:
    truth = frame.column(TEMPERATURE).reshape(-1, 24)
    daily = [
        IssuedRun(
            source="bulletin",
            model="",
            member="",
            issued_at_utc=frame.start_utc + (24 * day - 4) * HOUR,
            known_at_utc=frame.start_utc + (24 * day - 4) * HOUR + DELAY,
            first_lead_h=4,
            values={TEMPERATURE: np.full(24, truth[day].max() + 0.5)},
            is_day_max=True,
        )
        for day in range(1, len(truth))
    ]
    issues = [frame.start_utc + 24 * day * HOUR for day in range(110, 140)]
    both = replace(frame, runs=weather_runs([*_runs(frame), *daily]))
    alone = replace(frame, runs=weather_runs(daily))
    ended = frame.start_utc + (24 * 110 - 60) * HOUR
    late = [run for run in _runs(frame) if run.issued_at_utc < ended]
    stale = replace(frame, runs=weather_runs([*late, *daily]))
    # Of runs of more than 24 h the last hours are missing: the maximum has them.
    hourly_modes = {InputMode.RUN_12H, InputMode.RUN_24H}
    for given, expected in (
        (both, {*hourly_modes, InputMode.RUN_DAY_MAX, InputMode.TELEMETRY}),
        (alone, {InputMode.RUN_DAY_MAX, InputMode.TELEMETRY}),
        (stale, {InputMode.RUN_DAY_MAX, InputMode.TELEMETRY}),
    ):
        for answer in forecast_modes(model, given, "UTC", issues):
            assert isinstance(answer, dict)
            assert set(answer) == expected
            assert next(iter(answer)) is min(expected, key=list(InputMode).index)
    # Hourly runs are as they were: a maximum adds nothing to the hours that they have.
    for left, right in zip(
        forecast_windows(model, both, "UTC", issues),
        forecast_windows(model, frame, "UTC", issues),
        strict=True,
    ):
        assert isinstance(left, HourlyForecast)
        assert isinstance(right, HourlyForecast)
        assert np.array_equal(left.mean, right.mean)
    # The course of past days gives the hours: far closer than the maximum itself.
    assert alone.runs is not None
    instants = np.array([round(hours_since_1970(issue)) for issue in issues])
    found = alone.runs.around(
        TEMPERATURE,
        alone.column(TEMPERATURE),
        round(hours_since_1970(alone.start_utc)),
        instants,
        horizon_h=24,
    )
    assert found.is_day_max.all()
    came = truth[110:140]
    missed = np.abs(found.mean + found.bias - came).mean()
    assert missed < 0.5 * np.abs(found.mean - came).mean()


def test_the_change_of_a_run_is_what_an_older_one_said_less(
    frame: TelemetryFrame,
) -> None:
    issue = frame.start_utc + 100 * 24 * HOUR
    names = run_names(TEMPERATURE, RunStatistic.CHANGE)
    corrected = run_names(TEMPERATURE, RunStatistic.CORRECTED)
    size = run_names(TEMPERATURE, RunStatistic.CHANGE_SIZE)

    def row(youngest_run_h: int | None) -> np.ndarray:
        rows = feature_matrix(
            frame,
            "UTC",
            [issue],
            [*names, *corrected, *size],
            target=Target.TEMPERATURE_C,
            youngest_run_h=youngest_run_h,
        )
        return rows.features[0].astype(np.float64)

    newest, older = row(0), row(12)
    assert np.abs(newest[:24]).max() > 0
    assert newest[:24] == pytest.approx(newest[24:48] - older[24:48], abs=1e-5)
    assert newest[48] == pytest.approx(np.abs(newest[:24]).mean())
    assert not row(None)[[*range(24), 48]].any()


@pytest.mark.slow
def test_bounds_widen_where_members_are_apart(
    frame: TelemetryFrame, until_utc: datetime
) -> None:
    """Members three times as far apart on some days, and as wrong as they are apart."""
    random = np.random.default_rng(5)
    apart = {day: random.choice((0.5, 1.5)) for day in range(N_HOURS // 24)}
    runs = []
    for member in range(4):
        for run in _runs(frame, every_h=24, bias_c=0.0):
            wrong_c = apart[(run.issued_at_utc - frame.start_utc).days]
            column = run.values[TEMPERATURE]
            moved = column + wrong_c * random.normal(size=len(column))
            runs.append(replace(run, member=str(member), values={TEMPERATURE: moved}))
    given = replace(frame, runs=weather_runs(runs))
    made = train_model(
        {"aa": (given, "UTC")}, Target.TEMPERATURE_C, until_utc, family=Family.RIDGE
    )
    onnx_bytes = export_onnx(made)
    model = OnnxModel(onnx_bytes, sha256(onnx_bytes).hexdigest())
    days = range(TRAINED_H // 24 + 1, N_HOURS // 24 - 1)
    issues = [frame.start_utc + (24 * day + 1) * HOUR for day in days]
    scale: dict[float, list[float]] = {0.5: [], 1.5: []}
    for day, answer in zip(
        days, forecast_windows(model, given, "UTC", issues), strict=True
    ):
        assert isinstance(answer, HourlyForecast)
        scale[apart[day]].append(float(answer.scale.mean()))
    assert np.mean(scale[1.5]) > 1.25 * np.mean(scale[0.5])


def test_the_forecast_names_the_newest_run(
    model: OnnxModel, frame: TelemetryFrame, until_utc: datetime
) -> None:
    issue = until_utc + 3 * HOUR
    (by_mode,) = forecast_modes(model, frame, "UTC", [issue])
    assert isinstance(by_mode, dict)
    assert by_mode[InputMode.RUN_12H].run_issued_at_utc == until_utc
    assert by_mode[InputMode.TELEMETRY].run_issued_at_utc is None


def test_regions_without_runs_are_forecast_as_before(
    frame: TelemetryFrame, until_utc: datetime, make_frame: MakeFrame
) -> None:
    other = make_frame("bb", n_hours=N_HOURS, seed=12)
    frames = {"aa": (frame, "UTC"), "bb": (other, "UTC")}
    alone = {slug: (replace(f, runs=None), zone) for slug, (f, zone) in frames.items()}
    with_runs, plain = (
        train_model(given, Target.TEMPERATURE_C, until_utc, family=Family.RIDGE)
        for given in (frames, alone)
    )
    assert with_runs.contract.region_slugs == plain.contract.region_slugs
    issues = [until_utc + i * HOUR for i in range(24)]
    answers = []
    for trained in (with_runs, plain):
        onnx_bytes = export_onnx(trained)
        model = OnnxModel(onnx_bytes, sha256(onnx_bytes).hexdigest())
        answers.append(forecast_windows(model, other, "UTC", issues))
    for one, two in zip(*answers, strict=True):
        assert isinstance(one, HourlyForecast)
        assert isinstance(two, HourlyForecast)
        assert np.array_equal(one.mean, two.mean)
        assert np.array_equal(one.scale, two.scale)


def test_without_runs_a_model_keeps_contract_1(
    frame: TelemetryFrame, until_utc: datetime
) -> None:
    plain = {"aa": (replace(frame, runs=None), "UTC")}
    trained = train_model(plain, Target.TEMPERATURE_C, until_utc, family=Family.RIDGE)
    assert trained.contract.contract_version == 1


def test_a_file_of_contract_1_goes_on_serving(
    frame: TelemetryFrame, until_utc: datetime
) -> None:
    onnx_bytes = smallest_model()
    model = OnnxModel(onnx_bytes, sha256(onnx_bytes).hexdigest())
    assert model.contract.contract_version == 1
    (answer,) = forecast_windows(model, frame, "UTC", [until_utc])
    assert isinstance(answer, HourlyForecast)
    assert answer.input_mode is InputMode.TELEMETRY
    assert answer.mean[0] == np.float32(frame.column(TEMPERATURE)[TRAINED_H - 1])


def test_features_of_runs_need_contract_2(trained: TrainedWithRuns) -> None:
    assert trained.contract.contract_version == 2
    with pytest.raises(InvalidInput, match="contract version 2"):
        replace(trained.contract, contract_version=1)
    with pytest.raises(InvalidInput, match="version 3 is not served"):
        replace(trained.contract, contract_version=3)


def test_a_model_of_telemetry_may_say_contract_2() -> None:
    contract = ModelContract(
        target=Target.TEMPERATURE_C,
        feature_names=(lag_name(TEMPERATURE, 1),),
        region_slugs=(),
        horizon_h=24,
        trained_from_utc=datetime.fromisoformat("2021-01-01T00:00Z"),
        trained_until_utc=datetime.fromisoformat("2022-01-01T00:00Z"),
        family="other",
        code_version="1",
        seed=0,
        contract_version=2,
    )
    assert contract.guiding_quantity is None


def test_runs_out_of_order_or_known_too_early_are_refused() -> None:
    issue_hours, nothing = np.array([6, 0]), {TEMPERATURE: np.zeros((2, 3))}
    with pytest.raises(InvalidInput, match="in order of issue"):
        RunStream(
            model="a",
            member="",
            issue_hours=issue_hours,
            known_hours=issue_hours + 1.0,
            values=nothing,
        )
    with pytest.raises(InvalidInput, match="before it was issued"):
        RunStream(
            model="a",
            member="",
            issue_hours=issue_hours[::-1],
            known_hours=np.array([0.0, 5.0]),
            values=nothing,
        )


def test_nothing_known_gives_finite_inputs() -> None:
    start = datetime.fromisoformat("2024-01-01T00:00Z")
    frame = TelemetryFrame(
        region_slug="aa",
        start_utc=start,
        n_hours=72,
        values={TEMPERATURE: np.full(72, 10.0)},
        runs=WeatherRuns(streams=()),
    )
    rows = _rows(frame, [start + 72 * HOUR])
    assert rows.modes == [InputMode.TELEMETRY]
    assert np.isfinite(rows.features).all()


def test_the_check_of_a_file_probes_it_with_and_without_runs(
    trained: TrainedWithRuns,
) -> None:
    onnx_bytes = export_onnx(trained)
    assert check_model(onnx_bytes, sha256(onnx_bytes).hexdigest()) == trained.contract
    features, _ = probe_rows(trained.contract)
    known = features[:, trained.known_columns].sum(axis=1)
    assert (known == 0).any()
    assert (known == 24).any()
    assert ((known > 0) & (known < 24)).any()
