"""Each check of telemetry on a week that follows eight ordinary ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from core.aliases import FloatArray
from core.psychrometrics import estimate_wet_bulb
from core.quality import (
    CHECKS,
    LOOK_BACK_H,
    Quality,
    QualityRule,
    finding_text,
    rule_of,
)
from core.quality_checks import judge_telemetry, judged_frame
from core.telemetry import HOUR, Quantity, TelemetryFrame, ValidRange
from core.weather_runs import IssuedRun, WeatherRuns, weather_runs

START = datetime(2023, 1, 5, tzinfo=UTC)
N_HOURS = LOOK_BACK_H + 168
T = Quantity.TEMPERATURE_C
WIDE = dict.fromkeys(Quantity, ValidRange(-1e9, 1e9))
RNG = np.random.default_rng(7)


def ordinary_c(n_hours: int = N_HOURS) -> FloatArray:
    """A course of the day of 8 degC with weather that wanders, to 0.1 degC."""
    hours = np.arange(n_hours)
    rng = np.random.default_rng(11)
    weather = np.zeros(n_hours)
    for hour in range(1, n_hours):
        weather[hour] = 0.98 * weather[hour - 1] + rng.normal(0.0, 0.45)
    return np.round(22.0 + 8.0 * np.sin(2 * np.pi * (hours - 10) / 24) + weather, 1)


def frame_of(**columns: FloatArray) -> TelemetryFrame:
    values = {Quantity(name): column for name, column in columns.items()}
    n_hours = len(next(iter(values.values())))
    return TelemetryFrame(
        region_slug="AA", start_utc=START, n_hours=n_hours, values=values
    )


def rules(
    frame: TelemetryFrame, quantity: Quantity = T, **options: object
) -> list[str]:
    """The findings from the look-back on, one per hour, '' for good hours."""
    judged = judge_telemetry(frame, first=LOOK_BACK_H, **options)[quantity]  # type: ignore[arg-type]
    return [
        str(rule_of(int(code))) if code else ""
        for code in judged.rule_codes[LOOK_BACK_H:]
    ]


def test_ordinary_hours_are_good() -> None:
    assert set(rules(frame_of(temperature_c=ordinary_c()))) == {""}


def broken(change: Callable[[FloatArray], None]) -> TelemetryFrame:
    values = ordinary_c()
    change(values)
    return frame_of(temperature_c=values)


AT = LOOK_BACK_H + 40


@pytest.mark.parametrize("hours", [1, 3, 24])
def test_zeros_in_a_warm_week_are_no_temperature(hours: int) -> None:
    def zeros(values: FloatArray) -> None:
        values[AT : AT + hours] = 0.0

    found = rules(broken(zeros))
    assert all(found[40 : 40 + hours])
    assert not any(found[:40])
    assert not any(found[40 + hours + 1 :])


@pytest.mark.parametrize("factor", [0.1, 1.8])
def test_another_unit_is_found_and_stays_found(factor: float) -> None:
    def slip(values: FloatArray) -> None:
        values[AT:] = values[AT:] * factor + (32.0 if factor > 1 else 0.0)

    assert all(rules(broken(slip))[40:])


def test_tenths_stay_found_in_the_week_after_they_began() -> None:
    values = ordinary_c()
    began = LOOK_BACK_H - 100
    values[began:] = np.round(values[began:] / 10.0, 2)
    codes = judge_telemetry(frame_of(temperature_c=values), first=began)[T].rule_codes
    assert (codes[began:] > 0).all()


def test_a_sensor_that_sticks_is_marked_from_the_first_equal_hour() -> None:
    def stick(values: FloatArray) -> None:
        values[AT : AT + 12] = values[AT - 1]

    found = rules(broken(stick))
    assert found[39:52] == ["flat_line"] * 13


def test_a_front_is_good_again_once_it_has_settled() -> None:
    def front(values: FloatArray) -> None:
        values[AT:] -= 7.0

    found = rules(broken(front))
    assert found[40]
    assert not any(found[44:])


def test_a_course_of_another_time_zone_is_found() -> None:
    def shift(values: FloatArray) -> None:
        values[LOOK_BACK_H:] = values[LOOK_BACK_H - 8 : -8].copy()

    assert "daily_course" in rules(broken(shift))[24:72]


def test_hours_are_judged_by_earlier_hours_only() -> None:
    values = ordinary_c()
    values[AT] -= 15.0
    whole = rules(frame_of(temperature_c=values))
    live = rules(frame_of(temperature_c=values[: AT + 1]))
    assert live[-1] == whole[40] == "step"
    assert live[:-1] == whole[:40]


def test_an_accepted_hour_is_good_and_what_follows_is_judged_by_it() -> None:
    def level(values: FloatArray) -> None:
        values[AT:] -= 15.0

    frame = broken(level)
    accepted = np.zeros(N_HOURS, dtype=np.bool_)
    accepted[AT] = True
    assert not any(rules(frame, accepted={T: accepted})[:44])


def test_a_distrusted_hour_judges_no_other() -> None:
    values = ordinary_c()
    values[LOOK_BACK_H - 3 : LOOK_BACK_H] = 0.0
    distrusted = np.zeros(N_HOURS, dtype=np.bool_)
    distrusted[LOOK_BACK_H - 3 : LOOK_BACK_H] = True
    frame = frame_of(temperature_c=values)
    assert rules(frame, distrusted={T: distrusted})[0] == ""
    assert rules(frame)[0] == "step"


def test_three_sensors_must_agree() -> None:
    dry, humidity = ordinary_c(), np.full(N_HOURS, 50.0)
    wet = estimate_wet_bulb(dry, humidity)
    shown = dry.copy()
    shown[AT:] = wet[AT:]
    frame = frame_of(
        temperature_c=shown, relative_humidity_pct=humidity, wet_bulb_c=wet
    )
    assert rules(frame)[40:] == ["consistency"] * 128
    assert rules(frame, Quantity.WET_BULB_C)[40:] == ["consistency"] * 128
    assert not any(rules(frame)[:40])


def test_a_load_above_capacity_and_a_load_in_kw_are_found() -> None:
    load = 50.0 + RNG.normal(0.0, 2.0, N_HOURS)
    load[AT], load[AT + 1], load[AT + 2] = 50_000.0, 0.05, 0.0
    frame = frame_of(it_load_mw=load)
    found = rules(frame, Quantity.IT_LOAD_MW, ranges=WIDE, it_capacity_mw=100.0)
    assert found[40:43] == ["capacity", "unit", "zero_outage"]
    assert found.count("") == 165


def test_a_price_per_kwh_is_found_and_zero_prices_are_not() -> None:
    price = np.abs(50.0 + RNG.normal(0.0, 20.0, N_HOURS)) + 1.0
    in_kwh, free = price.copy(), price.copy()
    in_kwh[AT : AT + 30] /= 1000.0
    free[AT : AT + 30] = 0.0
    quantity = Quantity.PRICE_USD_MWH
    assert rules(frame_of(price_usd_mwh=in_kwh), quantity)[40:70] == ["unit"] * 30
    assert not any(rules(frame_of(price_usd_mwh=free), quantity))


def test_a_grid_at_zero_is_an_outage() -> None:
    carbon = 400.0 + RNG.normal(0.0, 10.0, N_HOURS)
    carbon[AT : AT + 5] = 0.0
    found = rules(
        frame_of(carbon_intensity_gco2_kwh=carbon), Quantity.CARBON_INTENSITY_GCO2_KWH
    )
    assert found[40:45] == ["zero_outage"] * 5
    assert found.count("") == 163


def test_with_days_of_history_only_the_checks_that_need_none_apply() -> None:
    values = ordinary_c(96)
    values[50], values[60:70] = 70.0, 20.0
    values[80] -= 20.0
    judged = judge_telemetry(frame_of(temperature_c=values))[T]
    found = {hour: str(rule_of(int(judged.rule_codes[hour]))) for hour in (50, 65, 80)}
    assert found == {50: "gross_range", 65: "flat_line", 80: "step"}
    assert int((judged.rule_codes > 0).sum()) == 12


def test_a_missing_hour_is_no_finding() -> None:
    values = ordinary_c()
    values[AT : AT + 30] = np.nan
    assert not any(rules(frame_of(temperature_c=values)))


def test_trusted_frame_leaves_findings_out() -> None:
    values = ordinary_c()
    values[AT] = 0.0
    frame = frame_of(temperature_c=values)
    trusted = judged_frame(frame, judge_telemetry(frame, first=LOOK_BACK_H)).trusted()
    assert np.isnan(trusted.column(T)[AT])
    assert np.isfinite(trusted.column(T)).sum() == N_HOURS - 1


def test_every_quantity_has_its_line_and_every_rule_a_quality() -> None:
    assert set(CHECKS) == set(Quantity)
    assert {rule.quality for rule in QualityRule} == {Quality.SUSPECT, Quality.BAD}
    assert [rule_of(rule.code) for rule in QualityRule] == list(QualityRule)


def test_the_sentence_names_the_unit_that_would_fit() -> None:
    text = finding_text(T, QualityRule.STEP, 41.0, expected=5.0, allowed=6.0)
    assert text.endswith("at most 6 is usual here; it would fit as degF")


@pytest.mark.parametrize("shift_h", [3, -3, 6])
def test_a_clock_that_is_hours_off_is_found_within_days(shift_h: int) -> None:
    def shift(values: FloatArray) -> None:
        values[LOOK_BACK_H:] = np.roll(values, shift_h)[LOOK_BACK_H:]

    found = rules(broken(shift))
    assert "daily_course" in found[: 5 * 24]


def test_a_gap_does_not_hide_a_course_that_lies_elsewhere() -> None:
    def shift(values: FloatArray) -> None:
        values[LOOK_BACK_H:] = np.roll(values, 6)[LOOK_BACK_H:]
        values[LOOK_BACK_H + 30 : LOOK_BACK_H + 33] = np.nan

    assert "daily_course" in rules(broken(shift))[: 5 * 24]


def test_the_hours_of_a_real_change_are_good_once_it_is_confirmed() -> None:
    values = ordinary_c()
    values[AT:] -= 9.0
    at = AT - LOOK_BACK_H
    soon = rules(frame_of(temperature_c=values[: AT + 12]))[at:]
    later = rules(frame_of(temperature_c=values[: AT + 60]))[at:]
    assert soon[:3] == ["step"] * 3
    assert later[0] == "step"
    assert not any(later[1:])


def test_a_change_at_the_end_of_a_block_is_judged() -> None:
    values = ordinary_c(N_HOURS + 60)
    values[N_HOURS - 3 :] -= 9.0
    assert rules(frame_of(temperature_c=values))[165:168] == ["step"] * 3


def runs_of(values: FloatArray, error_c: float = 1.0) -> WeatherRuns:
    """A run every 6 hours, known 20 minutes later, off by what runs are off by."""
    rng = np.random.default_rng(5)
    found = weather_runs(
        IssuedRun(
            source="test",
            model="gfs",
            member="",
            issued_at_utc=START + first * HOUR,
            known_at_utc=START + first * HOUR + HOUR / 3,
            first_lead_h=0,
            values={T: values[first : first + 24] - 2.0 + rng.normal(0.0, error_c)},
        )
        for first in range(0, len(values) - 24, 6)
    )
    assert found is not None
    return found


def test_a_drift_is_held_against_the_run_that_was_known() -> None:
    truth = ordinary_c()
    runs = runs_of(truth)
    values = truth.copy()
    values[AT:] -= 0.15 * np.arange(1, len(values) - AT + 1)
    alone = rules(frame_of(temperature_c=values))
    frame = replace(frame_of(temperature_c=values), runs=runs)
    judged = judge_telemetry(frame, first=LOOK_BACK_H)[T]
    held = rules(frame)
    assert not any(rules(replace(frame_of(temperature_c=truth), runs=runs)))
    first = held.index("weather_run")
    assert "weather_run" not in alone
    assert first - 40 < 48
    hour = LOOK_BACK_H + first
    text = finding_text(
        T,
        QualityRule.WEATHER_RUN,
        values[hour],
        expected=judged.expected[hour],
        allowed=judged.allowed[hour],
        against=judged.against[hour],
    )
    # The newest run of which it could be known when the hour began.
    issued = START + (hour - 1) // 6 * 6 * HOUR
    assert f"weather run test/gfs of {issued:%Y-%m-%d %H:%M} UTC (-" in text
    assert text.startswith(f"{values[hour]:.4g} degC against ")
    assert abs(judged.expected[hour] - truth[hour]) < 3.0


def test_an_hour_without_a_run_is_not_held_against_the_last_one() -> None:
    truth = ordinary_c()
    ends = AT + 10
    values = truth.copy()
    values[AT - 24 :] -= 6.0
    frame = replace(frame_of(temperature_c=values), runs=runs_of(truth[:ends]))
    found = rules(frame)
    assert "weather_run" in found[: ends - LOOK_BACK_H]
    assert "weather_run" not in found[ends - LOOK_BACK_H :]


def test_a_run_is_no_judge_before_its_errors_are_known() -> None:
    truth = ordinary_c()
    late = runs_of(truth)
    stream = late.streams[0]
    begins = LOOK_BACK_H - 10 * 24
    kept = stream.issue_hours >= stream.issue_hours[0] + begins
    young = WeatherRuns(
        streams=(
            replace(
                stream,
                issue_hours=stream.issue_hours[kept],
                known_hours=stream.known_hours[kept],
                values={T: stream.values[T][kept]},
            ),
        )
    )
    values = truth.copy()
    values[AT:] -= 4.0
    frame = replace(frame_of(temperature_c=values), runs=young)
    assert "weather_run" not in rules(frame)


def test_the_values_of_another_region_are_found_unless_they_always_agree() -> None:
    values = ordinary_c()
    equal = np.zeros(N_HOURS, dtype=np.bool_)
    equal[AT : AT + 8] = True
    frame = frame_of(temperature_c=values, wind_speed_kmh=values + 20.0)
    found = rules(frame, copies={"ireland": equal})
    assert found[40:48] == ["other_region"] * 8
    assert not any(found[:40] + found[48:])
    judged = judge_telemetry(frame, first=LOOK_BACK_H, copies={"ireland": equal})[T]
    assert judged.against[AT] == "ireland"

    equal[100:150] = True
    assert not any(rules(frame, copies={"ireland": equal}))
    short = np.zeros(N_HOURS, dtype=np.bool_)
    short[AT : AT + 5] = True
    assert not any(rules(frame, copies={"ireland": short}))


def bulletins_of(values: FloatArray, first_day: int) -> WeatherRuns:
    """A daily bulletin of the maximum, from a day on."""
    found = weather_runs(
        IssuedRun(
            source="bulletin",
            model="",
            member="",
            issued_at_utc=START + (24 * day - 2) * HOUR,
            known_at_utc=START + (24 * day - 2) * HOUR + HOUR / 3,
            first_lead_h=2,
            values={T: np.full(24, values[24 * day : 24 * day + 24].max())},
            is_day_max=True,
        )
        for day in range(first_day, len(values) // 24)
    )
    assert found is not None
    return found


@pytest.mark.parametrize("hourly_ends", [N_HOURS, AT])
def test_no_hour_is_held_against_the_maximum_of_its_day(hourly_ends: int) -> None:
    """A bulletin that begins beside hourly runs, or goes on after they ended."""
    truth = ordinary_c()
    hourly = runs_of(truth[:hourly_ends])
    daily = bulletins_of(truth, LOOK_BACK_H // 24)
    frame = replace(
        frame_of(temperature_c=truth),
        runs=WeatherRuns(streams=(*hourly.streams, *daily.streams)),
    )
    assert not any(rules(frame))


def test_a_bulletin_alone_is_held_against_by_its_usual_course() -> None:
    truth = ordinary_c()
    values = truth.copy()
    values[AT:] -= 0.25 * np.arange(1, len(values) - AT + 1)
    runs = bulletins_of(truth, 1)
    assert not any(rules(replace(frame_of(temperature_c=truth), runs=runs)))
    assert "weather_run" in rules(replace(frame_of(temperature_c=values), runs=runs))


def test_a_finding_names_the_hourly_runs_of_its_quantity_alone() -> None:
    truth = ordinary_c()
    (hourly,) = runs_of(truth).streams
    prices = {Quantity.PRICE_USD_MWH: hourly.values[T]}
    market = replace(hourly, model="market/", values=prices)
    (bulletin,) = bulletins_of(truth, 1).streams
    hour = int(bulletin.issue_hours[0]) + 2
    same_hour = replace(
        bulletin,
        issue_hours=bulletin.issue_hours + 2,
        known_hours=bulletin.known_hours + 2,
    )
    runs = WeatherRuns(streams=(same_hour, hourly, market))
    assert runs.issued_by(T, hour) == "test/gfs"
    assert runs.issued_by(Quantity.PRICE_USD_MWH, hour) == "market"
