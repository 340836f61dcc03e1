"""The quality checks on the real regions, and on inputs from the field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from core.aliases import FloatArray
from core.quality import LOOK_BACK_H, rule_of
from core.quality_checks import judge_telemetry, judged_frame
from core.telemetry import HOUR, Quantity, TelemetryFrame, hours_between
from models.gaps import LookBack
from orchestrator.telemetry.readers.frames import read_fleet
from tests.reading import read_file

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

T = Quantity.TEMPERATURE_C
CARBON, PRICE = Quantity.CARBON_INTENSITY_GCO2_KWH, Quantity.PRICE_USD_MWH

Frames = Mapping[str, TelemetryFrame]


@pytest.fixture(scope="module")
def frames(real_data: Path) -> Frames:
    fleet = read_fleet(
        real_data / "telemetry_real.csv.gz",
        real_data / "regions.csv",
        datetime(2026, 1, 1, tzinfo=UTC),
        lambda _text: None,
    )
    return {
        slug: judged_frame(frame, judge_telemetry(frame))
        for slug, (frame, _) in fleet.frames.items()
    }


def rules_after(
    frames: Frames, slug: str, start_utc: datetime, quantity: Quantity, new: FloatArray
) -> list[str]:
    """Findings on `new` hours of a quantity after the region's own history."""
    history = frames[slug].window(start_utc - LOOK_BACK_H * HOUR, start_utc)
    frame = TelemetryFrame(
        region_slug=slug,
        start_utc=history.start_utc,
        n_hours=LOOK_BACK_H + len(new),
        values={quantity: np.concatenate((history.column(quantity), new))},
    )
    codes = judge_telemetry(frame, first=LOOK_BACK_H)[quantity].rule_codes
    return [str(rule_of(int(code))) if code else "" for code in codes[LOOK_BACK_H:]]


@pytest.mark.parametrize(
    ("slug", "first", "last"),
    [
        ("US-TEX-ERCO", (2021, 2, 8), (2021, 2, 22)),
        ("US-TEX-ERCO", (2023, 6, 15), (2023, 8, 31)),
        ("DE-LU", (2022, 7, 12), (2022, 7, 27)),
        ("CA-ON", (2022, 12, 20), (2022, 12, 28)),
        ("US-CAL-CISO", (2022, 8, 31), (2022, 9, 7)),
    ],
)
def test_real_extremes_are_good(
    frames: Frames, slug: str, first: tuple[int, int, int], last: tuple[int, int, int]
) -> None:
    frame = frames[slug].window(
        datetime(*first, tzinfo=UTC), datetime(*last, tzinfo=UTC)
    )
    for quantity in (T, PRICE, CARBON):
        assert not frame.finding_codes(quantity).any()


def test_clean_issues_of_no_region_are_refused_more_than_1_in_300(
    frames: Frames,
) -> None:
    for slug, frame in frames.items():
        measured = frame.window(datetime(2022, 1, 1, tzinfo=UTC), frame.end_utc)
        positions = np.arange(48, measured.n_hours)
        known = LookBack.over(
            TelemetryFrame(
                region_slug=measured.region_slug,
                start_utc=measured.start_utc,
                n_hours=measured.n_hours,
                values={T: measured.column(T)},
            ),
            T,
            48,
        ).accepted(positions)
        kept = LookBack.over(measured.trusted(), T, 48).accepted(positions)
        refused = np.count_nonzero(known & ~kept)
        assert refused / np.count_nonzero(known) < 1 / 300, slug


def column(path: Path, quantity: Quantity, **options: object) -> FloatArray:
    return np.array(list(read_file(path, **options).series(quantity).values()))  # type: ignore[arg-type]


def test_11_degrees_fahrenheit_in_winter(frames: Frames, field_cases: Path) -> None:
    values = column(field_cases / "11-fahrenheit-winter.csv", T)
    start_utc = datetime(2023, 1, 10, tzinfo=UTC)
    assert all(rules_after(frames, "DE-LU", start_utc, T, values))


def test_13_a_price_per_kwh_that_is_not_stated(
    frames: Frames, field_cases: Path
) -> None:
    values = np.resize(column(field_cases / "13-price-per-kwh.csv", PRICE), 24)
    start_utc = datetime(2023, 1, 17, tzinfo=UTC)
    assert rules_after(frames, "DE-LU", start_utc, PRICE, values) == ["unit"] * 24


def test_19_zeros_of_an_outage(frames: Frames, field_cases: Path) -> None:
    values = column(field_cases / "19-zero-outage-temperature.csv", T)
    start_utc = datetime(2022, 7, 10, 14, tzinfo=UTC)
    found = rules_after(frames, "US-TEX-ERCO", start_utc, T, values)
    assert [bool(rule) for rule in found] == [False, True, True, True, False]


def test_20_a_stuck_sensor_without_history(field_cases: Path) -> None:
    values = column(field_cases / "20-flatline.csv", T)
    frame = TelemetryFrame(
        region_slug="GB",
        start_utc=datetime(2025, 1, 22, tzinfo=UTC),
        n_hours=len(values),
        values={T: values},
    )
    codes = judge_telemetry(frame)[T].rule_codes
    assert {str(rule_of(int(code))) for code in codes} == {"flat_line"}


def test_49_a_grid_at_zero(frames: Frames, field_cases: Path) -> None:
    values = column(field_cases / "49-zero-carbon-lags.csv", CARBON)
    start_utc = datetime(2023, 11, 28, 16, tzinfo=UTC)
    found = rules_after(frames, "SG", start_utc, CARBON, values)
    assert found == ["zero_outage"] * len(values)


def test_the_hours_of_another_region_are_found_within_three_days(
    frames: Frames,
) -> None:
    start_utc = datetime(2023, 7, 1, tzinfo=UTC)
    for slug, other in (("US-TEX-ERCO", "AU-NSW"), ("DE-LU", "SG")):
        first = hours_between(frames[other].start_utc, start_utc)
        values = frames[other].column(T)[first : first + 72]
        assert any(rules_after(frames, slug, start_utc, T, values))
