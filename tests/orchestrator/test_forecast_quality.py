"""How good forecasts have been, counted anew from what is stored."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from core.access import Actor, Role
from core.conformal import check_limit
from core.conformity import ScoreTracker
from core.days import issue_at_local_midnight
from core.forecasts import Target
from core.telemetry import HOUR, Quantity
from db import forecasts, model_versions, telemetry, window_scores
from db.regions import list_regions
from db.window_scores import NewScore
from orchestrator.forecasts.quality_page import drifts, fleet_quality_view, quality_view
from orchestrator.forecasts.views import QualityRow, QualityView
from tests.asking import asking
from tests.fleet import Fleet

DAY = date(2025, 7, 20)
ZONE = "America/Phoenix"


def _quality(fleet: Fleet, day: date | None = DAY) -> QualityView:
    with fleet.runtime.transaction() as session:
        return quality_view(
            asking(session, fleet.actor(session)), region_slug="arizona", local_day=day
        )


def test_coverage_and_room_are_those_of_stored_bounds_and_telemetry(
    fleet: Fleet,
) -> None:
    view = _quality(fleet)
    before = issue_at_local_midnight(ZONE, DAY)
    held, margins, widths = [], [], []
    with fleet.runtime.transaction() as session:
        region = next(
            item for item in list_regions(session) if item.region.slug == "arizona"
        )
        for back in range(1, 31):
            issue = before - timedelta(days=back)
            stored = forecasts.forecast_at(
                session,
                region_id=region.region_id,
                target=Target.TEMPERATURE_C,
                issued_at_utc=issue,
            )
            assert stored is not None
            assert stored.day_bound_c is not None
            measured = telemetry.load_frame(
                session, "arizona", issue, issue + 24 * HOUR
            ).column(Quantity.TEMPERATURE_C)
            held.append(measured.max() <= stored.day_bound_c)
            margins.append(stored.day_bound_c - measured.max())
            widths.append(
                np.mean(np.array(stored.upper, float) - np.array(stored.lower, float))
            )
    row = view.rows[0]
    assert row.days == row.scored_days == 30
    assert row.coverage_frac == pytest.approx(np.mean(held))
    assert row.mean_margin_c == pytest.approx(np.mean(margins))
    assert row.mean_width_c == pytest.approx(np.mean(widths))
    year = view.rows[-1]
    assert sum(step.scored_days for step in view.steps) == year.scored_days
    assert sum(step.coverage_frac * step.scored_days for step in view.steps) == (
        pytest.approx((year.coverage_frac or 0.0) * year.scored_days)
    )
    assert {step.first_day.day for step in view.steps} == {1}
    assert view.steps[-1].first_day == date(2025, 7, 1)
    assert view.steps[-1].scored_days == 19


def test_chances_are_those_that_the_stored_scores_give(fleet: Fleet) -> None:
    """Each day's chance replayed alone, from the scores its forecast names."""
    view = _quality(fleet)
    before = issue_at_local_midnight(ZONE, DAY)
    chances = []
    with fleet.runtime.transaction() as session:
        region = next(
            item for item in list_regions(session) if item.region.slug == "arizona"
        )
        for back in range(1, 366):
            stored = forecasts.forecast_at(
                session,
                region_id=region.region_id,
                target=Target.TEMPERATURE_C,
                issued_at_utc=before - timedelta(days=back),
            )
            if stored is None or stored.day_bound_c is None:
                continue
            assert stored.model_version_id is not None
            history = window_scores.score_history(
                session,
                region_id=region.region_id,
                model_version_id=stored.model_version_id,
                local_issue_hour=0,
                finished_by_utc=stored.issued_at_utc,
                watermark_id=stored.score_watermark_id,
            )
            alpha = 1 - (stored.confidence or 0)
            calibration = ScoreTracker(alpha, history.scores).calibration()
            assert calibration.quantile == stored.score_quantile
            chances.append(
                check_limit(
                    np.array(stored.mean),
                    np.array(stored.scale),
                    calibration,
                    limit=view.thermal_limit_c,
                ).exceedance_probability
            )
    assert len(chances) > 60
    assert sum(item.n_days for item in view.bins) == len(chances)
    stated = sum(item.n_days * item.mean_probability for item in view.bins)
    assert stated == pytest.approx(sum(chances))
    for item in view.bins:
        inside = [
            c for c in chances if item.low <= c < item.high or c == item.high == 1
        ]
        assert item.n_days == len(inside)


def test_only_days_that_ended_before_the_window_count(fleet: Fleet) -> None:
    earlier = _quality(fleet, DAY - timedelta(days=25))
    later = _quality(fleet)
    assert earlier.rows[2].scored_days == later.rows[2].scored_days - 25


def test_the_live_window_is_judged_by_the_days_before_it(fleet: Fleet) -> None:
    view = _quality(fleet, None)
    assert view.rows[0].scored_days >= 29
    assert view.region.slug == "arizona"


def test_the_fleet_table_is_the_same_for_everybody(fleet: Fleet) -> None:
    operator = Actor(user_id=1, name="olga", role=Role.OPERATOR)
    auditor = Actor(user_id=1, name="anna", role=Role.AUDITOR)
    with fleet.runtime.transaction() as session:
        everything = fleet_quality_view(asking(session, fleet.actor(session)))
        for actor in (operator, auditor):
            assert fleet_quality_view(asking(session, actor)) == everything
        n_regions = len(list_regions(session))
    assert len(everything.regions) == n_regions


@pytest.mark.parametrize(
    ("coverage_frac", "scored_days", "is_drifting"),
    [(0.95, 90, False), (0.89, 90, False), (0.80, 90, True), (None, 0, False)],
)
def test_a_bound_that_holds_too_seldom_for_chance_is_called_drift(
    coverage_frac: float | None, scored_days: int, is_drifting: bool
) -> None:
    row = QualityRow(
        days=90,
        scored_days=scored_days,
        coverage_frac=coverage_frac,
        mean_margin_c=1.0,
        mean_width_c=5.0,
    )
    assert drifts([row], 0.95) is is_drifting


def test_a_score_that_came_late_changes_no_chance_stated_before_it(
    fleet: Fleet,
) -> None:
    before = _quality(fleet)
    with fleet.runtime.transaction() as session:
        region = next(
            item for item in list_regions(session) if item.region.slug == "arizona"
        )
        active = model_versions.active_model(session, Target.TEMPERATURE_C)
        assert active is not None
        version_id = active.version.version_id
        known = window_scores.all_scores(
            session, region_id=region.region_id, model_version_id=version_id
        )
        first = min(row.issued_at_utc for row in known if row.local_issue_hour == 0)
        late = [
            NewScore(
                region_id=region.region_id,
                model_version_id=version_id,
                issued_at_utc=first - timedelta(days=back),
                local_issue_hour=0,
                day_max_c=20.0,
                score=-50.0,
                unscored_reason=None,
                hours=None,
            )
            for back in range(1, 41)
        ]
        assert window_scores.insert_scores(session, late) == len(late)
    assert _quality(fleet).bins == before.bins
