"""One assembler: database and files tell the scheduler and the planner the same."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy.orm import Session

from core.conformity import ScoreTracker
from core.days import WINDOW_H, full_hour, issue_at_local_midnight, local_issue_hour
from core.footprints import RegionSignals, SignalBasis
from core.forecasts import HourlyForecast, Refusal, RefusalCode, Target
from core.rescoring import WindowHours
from core.telemetry import HOUR, Quantity
from db import forecasts, telemetry, window_scores
from db.regions import StoredRegion
from db.window_scores import ScoreHistory
from orchestrator.backtests.file_source import FileSource
from orchestrator.regions.region_choice import active_regions
from orchestrator.windows.assembly import Window
from orchestrator.windows.database_source import (
    LOOK_BACK_H,
    RegionWindow,
    load_region_window,
)
from tests.fleet import NOW, Fleet

MILD_DAY = date(2025, 5, 20)
HOURLY = (
    "it_load_mw",
    "dry_bulb_c",
    "wet_bulb_c",
    "carbon_intensity_gco2_kwh",
    "price_usd_mwh",
)


def _past(session: Session, stored: StoredRegion) -> RegionWindow:
    return load_region_window(
        session,
        stored,
        issued_at_utc=issue_at_local_midnight(stored.region.time_zone, MILD_DAY),
        now=NOW,
        is_simulation=True,
    )


def _from_files(session: Session, stored: StoredRegion, kept: RegionWindow) -> Window:
    """The same day from the values that the database holds, without the database."""
    issued_at_utc, region = kept.issued_at_utc, stored.region
    found = forecasts.forecasts_at(
        session, region_id=stored.region_id, issued_at_utc=issued_at_utc
    )
    unavailable = Refusal(code=RefusalCode.MODEL_UNAVAILABLE, text="none.")
    answers: dict[Target, HourlyForecast | Refusal] = {
        target: (found[target].hourly(region.slug) if target in found else None)
        or unavailable
        for target in Target
    }
    temperature = found[Target.TEMPERATURE_C]
    assert temperature.model_version_id is not None
    history = window_scores.score_history(
        session,
        region_id=stored.region_id,
        model_version_id=temperature.model_version_id,
        local_issue_hour=local_issue_hour(region.time_zone, issued_at_utc),
        finished_by_utc=issued_at_utc,
        watermark_id=temperature.score_watermark_id,
    )
    source = FileSource(
        region=region,
        policy=kept.policy,
        frame=telemetry.load_frame(
            session,
            region.slug,
            issued_at_utc - LOOK_BACK_H * HOUR,
            issued_at_utc + WINDOW_H * HOUR,
        ),
        auctioned_h=0,
        issued_at_utc=issued_at_utc,
        answers=answers,
        tracker=_tracker(history, kept.policy.alpha),
    )
    return source.window()


def _tracker(history: ScoreHistory, alpha: Decimal) -> ScoreTracker:
    """A tracker that learned the windows day after day, as a backtest does."""
    windows = history.windows
    assert windows is not None
    tracker = ScoreTracker(alpha, history.scores[: -len(windows.day_max)])
    kept = history.scores[-len(windows.day_max) :]
    for score, day_max, hours in zip(kept, windows.day_max, windows.hours, strict=True):
        tracker.add(score, WindowHours(day_max=float(day_max), hours=hours))
    return tracker


def _assert_same(first: RegionSignals, second: RegionSignals) -> None:
    for name in HOURLY:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.basis is second.basis


def test_the_database_and_files_give_the_same_window(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        for stored in active_regions(session):
            kept = _past(session, stored)
            read = _from_files(session, stored, kept)

            assert kept.outlook.problem is None
            assert kept.outlook.calibration == read.outlook.calibration
            for rise_c in (np.zeros(WINDOW_H), np.linspace(-4.0, 0.0, WINDOW_H)):
                check = kept.outlook.check(rise_c)
                assert check == read.outlook.check(rise_c)
                assert check is not None
            np.testing.assert_array_equal(
                kept.outlook.it_load_mw, read.outlook.it_load_mw
            )
            _assert_same(kept.expected, read.expected)
            _assert_same(kept.signals, read.signals)
            assert kept.signals.basis is SignalBasis.ACTUAL


def _median_prices(session: Session, slug: str, issued_at_utc: datetime) -> np.ndarray:
    week = telemetry.load_frame(
        session, slug, issued_at_utc - timedelta(days=7), issued_at_utc
    )
    return np.median(week.column(Quantity.PRICE_USD_MWH).reshape(7, 24), axis=0)


@pytest.mark.parametrize("is_simulation", [False, True], ids=["live", "a past day"])
def test_coming_prices_are_the_median_of_seven_days(
    fleet: Fleet, is_simulation: bool
) -> None:
    with fleet.runtime.transaction() as session:
        stored = active_regions(session)[0]
        window = _past(session, stored)
        if not is_simulation:
            window = load_region_window(
                session,
                stored,
                issued_at_utc=full_hour(NOW),
                now=NOW,
                is_simulation=False,
            )
        median = _median_prices(session, stored.slug, window.issued_at_utc)

    np.testing.assert_allclose(window.expected.price_usd_mwh, median)
    # An impact of a day that is over rests on the prices that came.
    is_expected = bool(np.allclose(window.signals.price_usd_mwh, median))
    assert is_expected is not is_simulation
