"""What was measured in a period, against what is stored; views that people save."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import numpy as np
import pytest

from core.access import Actor, Role
from core.audit import AuditAction
from core.days import issue_at_local_midnight
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.forecasts import Target
from core.telemetry import HOUR, Quantity
from db import forecasts, telemetry
from db.audit import list_events
from db.regions import region_by_slug
from orchestrator.overview import own_views as saved
from orchestrator.overview.history import (
    MOST_REGION_DAYS,
    fleet_history,
    local_today,
    region_history,
)
from tests.asking import asking
from tests.fleet import Fleet

FIRST, LAST = date(2025, 7, 1), date(2025, 7, 10)
ZONE = "America/Phoenix"


def test_days_of_a_region_are_its_own_and_carry_their_bounds(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        asked = asking(session, fleet.actor(session))
        view = region_history(asked, "arizona", FIRST, LAST, compare_days=7)
        earlier = region_history(
            asked, "arizona", FIRST - timedelta(days=7), LAST - timedelta(days=7)
        )
        start = issue_at_local_midnight(ZONE, FIRST)
        frame = telemetry.load_frame(session, "arizona", start, start + 24 * HOUR)
        stored = forecasts.forecast_at(
            session,
            region_id=region_by_slug(session, "arizona").region_id,
            target=Target.TEMPERATURE_C,
            issued_at_utc=start,
        )
        assert local_today(asked, "arizona") == date(2025, 7, 20)
    assert not view.is_hourly
    assert view.instants_utc[0] == start
    assert len(view.instants_utc) == 10
    temperature, load, *_ = view.series
    day = frame.column(Quantity.TEMPERATURE_C)
    assert temperature.values[0] == pytest.approx(day.max())
    assert load.values[0] == pytest.approx(frame.column(Quantity.IT_LOAD_MW).mean())
    assert stored is not None
    assert temperature.bounds[0] == stored.day_bound_c
    assert temperature.limit == 35.0
    assert temperature.compared == earlier.series[0].values


def test_a_few_days_are_shown_by_hour(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        asked = asking(session, fleet.actor(session))
        region = region_history(asked, "arizona", FIRST, FIRST)
        whole = fleet_history(asked, FIRST, FIRST, n_regions=3)
        frames = telemetry.load_frames(
            session,
            ["arizona", "ireland", "wyoming"],
            whole.instants_utc[0],
            whole.instants_utc[0] + 24 * HOUR,
        )
    assert region.is_hourly
    assert len(region.instants_utc) == 24
    loads = np.sum(
        [frame.column(Quantity.IT_LOAD_MW) for frame in frames.values()], axis=0
    )
    assert whole.series[0].values == pytest.approx(tuple(loads))
    assert whole.region is None


def test_a_period_that_is_too_long_is_refused(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        asked = asking(session, fleet.actor(session))
        with pytest.raises(InvalidInput, match="366"):
            region_history(asked, "arizona", date(2024, 1, 1), LAST)
        with pytest.raises(InvalidInput, match="at most 4 days"):
            fleet_history(asked, FIRST, LAST, n_regions=MOST_REGION_DAYS // 4)
        with pytest.raises(NotFound):
            region_history(asked, "atlantis", FIRST, LAST)


def test_views_are_each_persons_own_and_audited(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved, "MOST_VIEWS", 2)
    with fleet.runtime.transaction() as session:
        actor, other = fleet.actor(session), fleet.actor(session, "worker")
        asked = asking(session, actor, request_id=uuid4())
        assert saved.save_view(asked, name="  Hot   days ", address="/?span=7") == (
            "Hot days"
        )
        assert saved.save_view(asked, name="  Hot   days ", address="/?span=7") == (
            "Hot days"
        )
        asked = asking(session, actor)
        saved.save_view(asked, name="Hot days", address="/?span=30")
        saved.save_view(asked, name="Audit", address="/audit?kind=recorded")
        assert saved.own_views(asked) == {
            "Audit": "/audit?kind=recorded",
            "Hot days": "/?span=30",
        }
        assert saved.own_views(asking(session, other)) == {}
        with pytest.raises(Conflict):
            saved.save_view(asked, name="One more", address="/")
        with pytest.raises(NotFound):
            saved.remove_view(asking(session, other), name="Audit")
        saved.remove_view(asked, name="Audit")
        assert list(saved.own_views(asked)) == ["Hot days"]
        events = [
            event.action
            for event in list_events(session, limit=500)
            if event.action.startswith("view_")
        ]
    assert sorted(events) == sorted(
        [AuditAction.VIEW_SAVED] * 3 + [AuditAction.VIEW_REMOVED]
    )


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("", "/"),
        ("x" * 61, "/"),
        ("a\x00b", "/"),
        ("x", "https://elsewhere.test/"),
        ("x", "//elsewhere.test/"),
        ("x", "/\\elsewhere.test/"),
        ("x", "/" + "a" * 600),
        ("x", ""),
    ],
)
def test_only_pages_of_the_portal_are_views(
    fleet: Fleet, name: str, address: str
) -> None:
    with fleet.runtime.transaction() as session:
        asked = asking(session, fleet.actor(session))
        with pytest.raises(InvalidInput):
            saved.save_view(asked, name=name, address=address)


def test_a_token_saves_no_views(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        token = Actor(
            user_id=fleet.actor(session).user_id,
            name="cli",
            role=Role.ADMIN,
            token_id=1,
            scopes=frozenset(),
        )
        with pytest.raises(Forbidden):
            saved.save_view(asking(session, token), name="x", address="/")
