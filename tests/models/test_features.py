"""Features: nothing from the future, nothing silent about what is missing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.errors import InvalidInput
from core.forecasts import Refusal, RefusalCode, Target
from core.telemetry import HOUR, Quantity, TelemetryFrame
from models.catalogue import STAND_INS, default_feature_names
from models.features import FeatureRows, feature_matrix

MakeFrame = Callable[..., TelemetryFrame]

START_UTC = datetime(2022, 1, 1, tzinfo=UTC)
ISSUE_UTC = START_UTC + 30 * 24 * HOUR
NAMES = default_feature_names(Target.TEMPERATURE_C, with_season=True)


def _rows(
    frame: TelemetryFrame,
    issues: list[datetime],
    names: tuple[str, ...] = NAMES,
    zone: str = "UTC",
    target: Target = Target.TEMPERATURE_C,
) -> FeatureRows:
    return feature_matrix(frame, zone, issues, names, target=target)


def _with_gap(
    make_frame: MakeFrame,
    quantity: Quantity,
    newest_h: int,
    length_h: int,
) -> TelemetryFrame:
    """A frame whose `quantity` misses the hours of lags newest_h … +length_h - 1."""
    column = make_frame().column(quantity).copy()
    position = 30 * 24
    column[position - newest_h - length_h + 1 : position - newest_h + 1] = np.nan
    return make_frame(changes={quantity: column})


def _problem(frame: TelemetryFrame) -> Refusal:
    rows = _rows(frame, [ISSUE_UTC])
    assert rows.problems[0] is not None
    assert np.isnan(rows.features).all()
    return rows.problems[0]


def test_lag_1_is_the_hour_that_ended_at_the_issue_instant(
    make_frame: MakeFrame,
) -> None:
    frame = make_frame(changes={Quantity.TEMPERATURE_C: np.arange(1440.0)})
    names = ("temperature_c_lag_1h", "temperature_c_lag_48h")
    rows = _rows(frame, [ISSUE_UTC], names)
    np.testing.assert_array_equal(rows.features, [[719.0, 672.0]])


@pytest.mark.parametrize("target", list(Target))
def test_planted_future_changes_nothing(make_frame: MakeFrame, target: Target) -> None:
    frame = make_frame()
    position = 30 * 24
    planted = {
        quantity: np.concatenate((column[:position], np.full(720, 1e6)))
        for quantity, column in frame.values.items()
    }
    names = default_feature_names(target, with_season=True)
    issues = [ISSUE_UTC - hours * HOUR for hours in range(48)]
    honest = _rows(frame, issues, names, target=target)
    tempted = _rows(make_frame(changes=planted), issues, names, target=target)
    np.testing.assert_array_equal(honest.features, tempted.features)
    assert honest.usable.all()


def test_planted_newest_ended_hour_does_change_the_row(
    make_frame: MakeFrame,
) -> None:
    column = make_frame().column(Quantity.TEMPERATURE_C).copy()
    column[30 * 24 - 1] = 44.0
    rows = _rows(make_frame(changes={Quantity.TEMPERATURE_C: column}), [ISSUE_UTC])
    assert rows.features[0, NAMES.index("temperature_c_lag_1h")] == 44.0


def test_gap_filled_for_one_issue_uses_nothing_after_an_earlier_issue(
    make_frame: MakeFrame,
) -> None:
    frame = _with_gap(make_frame, Quantity.TEMPERATURE_C, newest_h=1, length_h=2)
    issues = [ISSUE_UTC - 2 * HOUR, ISSUE_UTC, ISSUE_UTC + HOUR]
    rows = _rows(frame, issues)
    assert [problem is None for problem in rows.problems] == [True, False, True]


def test_row_does_not_depend_on_its_neighbours_in_the_batch(
    make_frame: MakeFrame,
) -> None:
    column = make_frame().column(Quantity.RELATIVE_HUMIDITY_PCT).copy()
    column[500:710] = np.nan
    frame = make_frame(changes={Quantity.RELATIVE_HUMIDITY_PCT: column})
    issues = [ISSUE_UTC + hours * HOUR for hours in (300, -100, 0, 20)]
    batch = _rows(frame, issues)
    for i, issue in enumerate(issues):
        np.testing.assert_array_equal(
            batch.features[i], _rows(frame, [issue]).features[0]
        )


def test_short_gap_is_bridged_and_accepted(
    make_frame: MakeFrame,
) -> None:
    frame = _with_gap(make_frame, Quantity.TEMPERATURE_C, newest_h=2, length_h=3)
    rows = _rows(frame, [ISSUE_UTC])
    assert rows.problems == [None]
    newest, bridge, after = (
        rows.features[0, NAMES.index(f"temperature_c_lag_{lag}h")] for lag in (1, 3, 5)
    )
    assert bridge == pytest.approx((newest + after) / 2, abs=1e-5)


def test_gap_longer_than_trained_for_is_refused_with_its_length(
    make_frame: MakeFrame,
) -> None:
    problem = _problem(
        _with_gap(make_frame, Quantity.TEMPERATURE_C, newest_h=10, length_h=4)
    )
    assert problem.code is RefusalCode.TELEMETRY_GAP
    assert "longest gap being 4 h" in problem.text
    assert "at most 3 h" in problem.text


def test_many_short_gaps_are_refused_with_their_sum(
    make_frame: MakeFrame,
) -> None:
    column = make_frame().column(Quantity.TEMPERATURE_C).copy()
    column[30 * 24 - 14 : 30 * 24 - 1 : 2] = np.nan
    problem = _problem(make_frame(changes={Quantity.TEMPERATURE_C: column}))
    assert problem.code is RefusalCode.TELEMETRY_GAP
    assert problem.text.startswith("7 of the 48 h of temperature_c before 2022")


def test_missing_newest_hours_are_stale_and_counted(
    make_frame: MakeFrame,
) -> None:
    problem = _problem(
        _with_gap(make_frame, Quantity.TEMPERATURE_C, newest_h=1, length_h=2)
    )
    assert problem.code is RefusalCode.TELEMETRY_STALE
    assert "is 2 h older" in problem.text


def test_issue_after_the_end_of_telemetry_is_stale(
    make_frame: MakeFrame,
) -> None:
    frame = make_frame()
    rows = _rows(frame, [frame.end_utc, frame.end_utc + HOUR])
    assert rows.problems[0] is None
    assert rows.problems[1] is not None
    assert rows.problems[1].code is RefusalCode.TELEMETRY_STALE


@pytest.mark.parametrize("column", [None, np.full(1440, np.nan)])
def test_telemetry_that_is_not_there_is_missing(
    make_frame: MakeFrame, column: np.ndarray | None
) -> None:
    problem = _problem(make_frame(changes={Quantity.TEMPERATURE_C: column}))
    assert problem.code is RefusalCode.TELEMETRY_MISSING
    assert "No temperature_c is known" in problem.text


def test_issue_long_after_the_end_of_telemetry_is_missing(
    make_frame: MakeFrame,
) -> None:
    rows = _rows(make_frame(), [START_UTC + 400 * 24 * HOUR])
    assert rows.problems[0] is not None
    assert rows.problems[0].code is RefusalCode.TELEMETRY_MISSING


def test_too_little_history_is_a_gap(make_frame: MakeFrame) -> None:
    rows = _rows(make_frame(), [START_UTC + 30 * HOUR, START_UTC + 48 * HOUR])
    assert rows.problems[0] is not None
    assert rows.problems[0].code is RefusalCode.TELEMETRY_GAP
    assert rows.problems[1] is None


def test_missing_optional_quantity_takes_its_stand_in(
    make_frame: MakeFrame,
) -> None:
    frame = make_frame(changes={Quantity.CLOUD_COVER_PCT: None})
    rows = _rows(frame, [ISSUE_UTC])
    stand_in = STAND_INS[Quantity.CLOUD_COVER_PCT]
    assert rows.problems == [None]
    assert rows.features[0, NAMES.index("cloud_cover_pct_lag_3h")] == stand_in


@pytest.mark.parametrize(
    ("zone", "issue", "hour", "weekday"),
    [
        ("Asia/Kolkata", datetime(2022, 1, 30, 19, tzinfo=UTC), 0.5, "mon"),
        ("Asia/Kathmandu", datetime(2022, 1, 30, 18, tzinfo=UTC), 23.75, "sun"),
        # The clock goes 01:59 -> 03:00 and 01:59 -> 01:00 in Chicago.
        ("America/Chicago", datetime(2022, 3, 13, 7, tzinfo=UTC), 1.0, "sun"),
        ("America/Chicago", datetime(2022, 3, 13, 8, tzinfo=UTC), 3.0, "sun"),
        ("America/Chicago", datetime(2022, 11, 6, 6, tzinfo=UTC), 1.0, "sun"),
        ("America/Chicago", datetime(2022, 11, 6, 7, tzinfo=UTC), 1.0, "sun"),
    ],
)
def test_calendar_follows_the_local_clock(
    make_frame: MakeFrame,
    zone: str,
    issue: datetime,
    hour: float,
    weekday: str,
) -> None:
    names = ("local_hour", "local_hour_cos_1", f"local_weekday_{weekday}")
    frame = make_frame(start_utc=issue - 100 * HOUR, n_hours=200)
    rows = _rows(frame, [issue], names, zone)
    expected = [hour, np.cos(2 * np.pi * hour / 24), 1.0]
    np.testing.assert_allclose(rows.features[0], expected, atol=1e-6)


def test_instant_that_is_not_a_full_hour_is_refused(
    make_frame: MakeFrame,
) -> None:
    with pytest.raises(InvalidInput, match="full hour"):
        _rows(make_frame(), [ISSUE_UTC + timedelta(minutes=30)])
    with pytest.raises(InvalidInput, match="time zone"):
        _rows(make_frame(), [ISSUE_UTC.replace(tzinfo=None)])


def test_no_instants_give_no_rows(make_frame: MakeFrame) -> None:
    rows = _rows(make_frame(), [])
    assert rows.features.shape == (0, len(NAMES))
    assert rows.usable.shape == (0,)


def test_a_year_of_hourly_issues_is_usable_throughout(
    make_frame: MakeFrame,
) -> None:
    frame = make_frame(n_hours=8760 + 48)
    issues = [START_UTC + (48 + hour) * HOUR for hour in range(8760)]
    assert _rows(frame, issues, zone="America/Chicago").usable.all()


def test_a_year_full_of_gaps_is_refused_throughout(
    make_frame: MakeFrame,
) -> None:
    gappy = np.where(np.arange(8808) % 9 < 4, np.nan, 10.0)
    frame = make_frame(n_hours=8808, changes={Quantity.TEMPERATURE_C: gappy})
    issues = [START_UTC + (48 + hour) * HOUR for hour in range(8760)]
    assert not _rows(frame, issues).usable.any()
