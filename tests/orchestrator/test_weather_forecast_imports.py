"""Weather forecasts kept as issued in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.audit import AuditAction
from core.carbon import CarbonScope, CarbonSignalKind
from core.days import full_hour
from core.errors import Forbidden, InvalidInput
from core.telemetry import VALID_RANGES, Quantity
from core.weather_runs import hours_since_1970
from db import plain_fits
from db.audit import list_events
from db.regions import region_by_slug
from db.users import system_actor
from db.weather_forecasts import load_runs
from orchestrator.jobs import ISSUE_FORECASTS
from orchestrator.regions.changes import RegionDraft, add_region
from orchestrator.telemetry.imports import FileToImport, import_telemetry
from orchestrator.telemetry.readers.forecast_answers import PublishedFile
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.weather_forecast_imports import (
    ForecastImport,
    import_published,
    import_weather_forecasts,
)
from tests.asking import asking

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ISSUED = datetime(2024, 5, 1, tzinfo=UTC)
HEAD = (
    "region,issued_at_utc,known_at_utc,valid_at_utc,model,temperature_c_forecast,"
    "cloud_cover_pct_forecast"
)


@pytest.fixture
def actor(session: Session) -> Actor:
    return system_actor(session, "cli")


@pytest.fixture(autouse=True)
def texas(session: Session, actor: Actor) -> str:
    draft = RegionDraft(
        slug="texas",
        name="Texas",
        time_zone="America/Chicago",
        latitude_deg=32.8,
        longitude_deg=-96.8,
    )
    add_region(asking(session, actor, now=NOW), draft)
    return "texas"


def _row(
    issued: datetime,
    known: datetime | None,
    lead_h: int,
    value: float,
    model: str = "gfs",
) -> str:
    valid = issued + timedelta(hours=lead_h)
    known_text = known.isoformat() if known else ""
    times = f"{issued.isoformat()},{known_text},{valid.isoformat()}"
    return f"texas,{times},{model},{value},40"


def _import(session: Session, actor: Actor, *rows: str) -> ForecastImport:
    content = BytesIO("\n".join([HEAD, *rows]).encode())
    return import_weather_forecasts(
        asking(session, actor, now=NOW), content, label="forecasts.csv"
    )


def test_runs_come_back_as_issued_and_the_same_file_changes_nothing(
    session: Session, actor: Actor
) -> None:
    known = ISSUED + timedelta(minutes=17)
    rows = [_row(ISSUED, known, lead_h, 10.0 + lead_h) for lead_h in (1, 2, 5)]
    first = _import(session, actor, *rows)
    again = _import(session, actor, *rows)
    assert (first.runs, first.columns_new) == (1, 2)
    assert (again.runs, again.columns_new) == (1, 0)
    actions = [event.action for event in list_events(session, limit=10)]
    assert actions.count(AuditAction.WEATHER_FORECASTS_IMPORTED) == 1
    found = load_runs(session, "texas", ISSUED, ISSUED + timedelta(days=1))
    assert found is not None
    (stream,) = found.streams
    assert stream.model == "file/gfs"
    assert stream.known_hours.tolist() == [hours_since_1970(known)]
    # The hole of two hours is bridged when the run is used, not when it is stored.
    assert stream.values[Quantity.TEMPERATURE_C][0, 1:].tolist() == [11, 12, 13, 14, 15]
    stored = session.scalar(
        text(
            "select hourly_values from weather_forecast"
            " where quantity = 'temperature_c'"
        )
    )
    assert stored == [11, 12, None, None, 15]


def test_only_new_runs_of_the_past_make_the_plain_fits_anew(
    session: Session, actor: Actor
) -> None:
    region_id = region_by_slug(session, "texas").region_id
    week_utc = ISSUED + timedelta(days=30)
    place = {"region_id": region_id, "week_start_utc": week_utc, "issue_hour_utc": 0}
    row = _row(ISSUED, ISSUED, 1, 11.0)
    _import(session, actor, row)
    plain_fits.keep_fits(session, region_id, week_utc, {(0, False): (b"fit", b"hours")})
    _import(session, actor, row)
    assert plain_fits.fits_at(session, **place) == {False: (b"fit", b"hours")}
    _import(session, actor, _row(ISSUED - timedelta(hours=6), ISSUED, 1, 11.0))
    assert plain_fits.fits_at(session, **place) == {}


def test_only_what_was_known_by_then_is_read_and_nothing_unproved(
    session: Session, actor: Actor
) -> None:
    done = _import(
        session,
        actor,
        _row(ISSUED, ISSUED + timedelta(hours=3), 1, 11.0, "known_later"),
        _row(ISSUED, None, 1, 12.0, "unproved"),
        _row(ISSUED + timedelta(hours=6), ISSUED + timedelta(hours=6), 1, 9.0, "later"),
        _row(ISSUED, ISSUED, 1, 13.0, "known"),
    )
    assert done.runs_unproved == 1
    found = load_runs(session, "texas", ISSUED, ISSUED + timedelta(hours=2))
    assert found is not None
    assert [stream.model for stream in found.streams] == ["file/known"]
    assert load_runs(session, "texas", ISSUED, ISSUED - timedelta(hours=1)) is None


def test_a_changed_value_of_a_stored_run_does_not_replace_it(
    session: Session, actor: Actor
) -> None:
    _import(session, actor, _row(ISSUED, ISSUED, 1, 11.0))
    _import(session, actor, _row(ISSUED, ISSUED, 1, 30.0))
    found = load_runs(session, "texas", ISSUED, ISSUED)
    assert found is not None
    assert np.nanmax(found.streams[0].values[Quantity.TEMPERATURE_C]) == 11.0


def test_runs_of_the_future_are_refused(session: Session, actor: Actor) -> None:
    done = _import(
        session,
        actor,
        _row(NOW + timedelta(hours=1), None, 1, 11.0),
        _row(NOW, NOW + timedelta(hours=1), 1, 11.0),
        _row(NOW, NOW, 1, 11.0),
    )
    assert (done.runs, done.refused) == (1, {"issued_in_the_future": 2})


def test_stored_runs_cannot_be_changed(session: Session, actor: Actor) -> None:
    _import(session, actor, _row(ISSUED, ISSUED, 1, 11.0))
    with pytest.raises(DBAPIError, match=r"append-only|permission denied"):
        session.execute(text("update weather_forecast set known_at_utc = null"))


def test_an_operator_may_not_import_and_a_source_needs_a_name(
    session: Session, actor: Actor
) -> None:
    operator = Actor(user_id=actor.user_id, name="v", role=Role.OPERATOR)
    with pytest.raises(Forbidden):
        _import(session, operator, _row(ISSUED, ISSUED, 1, 11.0))
    with pytest.raises(InvalidInput, match="1 to 60"):
        import_weather_forecasts(
            asking(session, actor, now=NOW), BytesIO(b""), label="x", source_name=" "
        )


def test_a_daily_maximum_and_hourly_values_of_one_run_are_both_kept(
    session: Session, actor: Actor
) -> None:
    _import(session, actor, _row(ISSUED, ISSUED, 6, 11.0, model=""))
    daily = (
        "region,issued_at_utc,known_at_utc,valid_day,temperature_day_max_c_forecast\n"
        f"texas,{ISSUED.isoformat()},{ISSUED.isoformat()},2024-05-01,31\n"
    )
    done = import_weather_forecasts(
        asking(session, actor, now=NOW), BytesIO(daily.encode()), label="daily.csv"
    )
    assert done.columns_new == 1
    found = load_runs(session, "texas", ISSUED, ISSUED)
    assert found is not None
    hourly, day_max = found.streams
    assert (hourly.is_day_max, day_max.is_day_max) == (False, True)
    assert day_max.values[Quantity.TEMPERATURE_C][0, 5:29].tolist() == [31.0] * 24
    assert found.has_day_max


def test_a_run_that_came_after_an_issue_counts_for_it_only_when_asked_for(
    session: Session, actor: Actor
) -> None:
    _import(session, actor, _row(ISSUED, ISSUED + timedelta(minutes=20), 1, 11.0))
    assert load_runs(session, "texas", ISSUED, ISSUED) is None
    late = ISSUED + timedelta(minutes=30)
    found = load_runs(session, "texas", ISSUED, ISSUED, known_by_utc=late)
    assert found is not None
    assert found.streams[0].known_hours.tolist() == [hours_since_1970(ISSUED)]


@pytest.mark.parametrize(("age_h", "is_asked"), [(3, True), (60, False)])
def test_forecasts_are_made_again_where_a_run_is_new_enough(
    session: Session, actor: Actor, age_h: int, is_asked: bool
) -> None:
    issued = NOW - timedelta(hours=age_h)
    _import(session, actor, _row(issued, issued, 1, 11.0))
    jobs = text("select args from procrastinate_jobs where task_name = :task")
    found = session.scalars(jobs, {"task": ISSUE_FORECASTS}).all()
    assert found == [{"issued_at_utc": NOW.isoformat()}] * is_asked


def test_published_carbon_of_another_kind_than_the_telemetry_is_refused(
    session: Session, actor: Actor
) -> None:
    hour = full_hour(NOW)
    telemetry = FileToImport(
        source=BytesIO(
            b"timestamp,carbon_intensity_gco2_kwh\n"
            + f"{hour - timedelta(hours=3):%Y-%m-%dT%H:%MZ},300\n".encode()
        ),
        label="carbon.csv",
        telemetry_format=TelemetryFormat.CSV,
        region_slug="texas",
        carbon_kind=CarbonSignalKind(scope=CarbonScope.LIFE_CYCLE),
    )
    request = asking(session, actor, now=NOW)
    import_telemetry(request, telemetry, ranges=VALID_RANGES)
    published = PublishedFile(
        content=(
            '{"forecast": [{"carbonIntensity": 1, "emissionFactorType": "direct",'
            f' "datetime": "{hour + timedelta(hours=2):%Y-%m-%dT%H:%MZ}"}}]}}'
        ).encode(),
        region_slug="texas",
        known_at_utc=NOW,
    )
    sentence = "direct average carbon intensity; the telemetry of texas holds life-"
    with pytest.raises(InvalidInput, match=sentence):
        import_published(request, published, source_name="grid")
    of_same_kind = replace(
        published, content=published.content.replace(b"direct", b"lifecycle")
    )
    done = import_published(request, of_same_kind, source_name="grid")
    assert done.columns_new == 1
