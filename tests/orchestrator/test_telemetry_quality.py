"""Suspect telemetry on a real database: kept, shown, used by nothing, accepted."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.audit import AuditAction
from core.days import full_hour
from core.errors import Forbidden, InvalidInput
from core.forecasts import HourlyForecast, RefusalCode, Target
from core.outcomes import Outcome
from core.telemetry import HOUR, VALID_RANGES, Quantity
from db import forecasts, telemetry
from db.audit import list_events
from db.regions import region_by_slug
from db.telemetry import load_frame
from db.users import system_actor
from orchestrator.cycle.issuance import issue_live
from orchestrator.decisions.lists import DecisionFilter, decision_page
from orchestrator.forecasts.day_page import day_view
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.scoring import score_windows
from orchestrator.regions.changes import RegionDraft, add_region
from orchestrator.regions.region_choice import active_regions
from orchestrator.telemetry.batches import ImportSummary, Origin
from orchestrator.telemetry.imports import FileToImport, import_telemetry
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.suspect_hours import (
    accept_suspect_hours,
    judge_stored_hours,
    suspect_hours,
)
from orchestrator.telemetry.weather_forecast_imports import import_weather_forecasts
from tests.asking import NOW, asking
from tests.fleet import Fleet

START = datetime(2023, 6, 1, tzinfo=UTC)
N_DAYS = 70
T = Quantity.TEMPERATURE_C

Import = Callable[[datetime, Sequence[float]], ImportSummary]


def csv_of(slug: str, start_utc: datetime, values: Sequence[float]) -> io.BytesIO:
    lines = ["timestamp,region,temperature_c"]
    lines += [
        f"{start_utc + i * HOUR:%Y-%m-%dT%H:%M:%SZ},{slug},{value}"
        for i, value in enumerate(values)
    ]
    return io.BytesIO(("\n".join(lines) + "\n").encode())


def file_of(content: io.BytesIO, origin: Origin = Origin.MEASURED) -> FileToImport:
    return FileToImport(
        source=content,
        label="test.csv",
        telemetry_format=TelemetryFormat.CSV,
        origin=origin,
    )


@pytest.fixture
def actor(session: Session) -> Actor:
    return system_actor(session, "cli")


@pytest.fixture
def hours(session: Session, actor: Actor) -> Import:
    """Import temperatures of Texas, which has ten ordinary weeks."""
    draft = RegionDraft(
        slug="texas",
        name="Texas",
        time_zone="America/Chicago",
        latitude_deg=32.8,
        longitude_deg=-96.8,
    )
    add_region(asking(session, actor), draft)

    def run(start_utc: datetime, values: Sequence[float]) -> ImportSummary:
        return import_telemetry(
            asking(session, actor),
            file_of(csv_of("texas", start_utc, values)),
            ranges=VALID_RANGES,
        )

    rng = np.random.default_rng(3)
    clock = np.arange(N_DAYS * 24)
    course = 28.0 + 6.0 * np.sin(2 * np.pi * (clock - 15) / 24)
    summary = run(START, np.round(course + rng.normal(0, 0.5, len(clock)), 1).tolist())
    assert not summary.notes
    return run


END = START + timedelta(days=N_DAYS)


def test_suspect_hours_are_kept_and_not_used(session: Session, hours: Import) -> None:
    summary = hours(END, [0.0] * 3)

    frame = load_frame(session, "texas", END, END + 3 * HOUR)
    shown = load_frame(session, "texas", END, END + 3 * HOUR, with_suspect=True)
    assert np.isnan(frame.column(T)).all()
    assert shown.column(T).tolist() == [0.0] * 3
    assert (frame.finding_codes(T) > 0).all()
    assert summary.notes[-1].startswith("3 h of temperature_c of texas are suspect")


def test_a_stuck_sensor_marks_hours_of_earlier_imports(
    session: Session, hours: Import, actor: Actor
) -> None:
    for hour in range(8):
        hours(END + hour * HOUR, [25.0])

    found = suspect_hours(asking(session, actor), region_slug="texas")
    assert {END + hour * HOUR for hour in range(8)} <= {one.hour_utc for one in found}
    assert {one.rule for one in found[:3]} == {"flat line"}


def test_a_corrected_hour_is_judged_again(session: Session, hours: Import) -> None:
    hours(END, [0.0] * 3)
    good = load_frame(session, "texas", END - 24 * HOUR, END - 21 * HOUR).column(T)
    hours(END, (good + 0.3).round(1).tolist())

    frame = load_frame(session, "texas", END, END + 3 * HOUR)
    assert np.isfinite(frame.column(T)).all()
    assert not frame.finding_codes(T).any()


def test_accepted_hours_are_used_until_they_are_corrected(
    session: Session, hours: Import, actor: Actor
) -> None:
    hours(END, [12.0, 12.4, 12.1])

    count = accept_suspect_hours(
        asking(session, actor),
        region_slug="texas",
        quantity=T,
        start_utc=END,
        end_utc=END + 3 * HOUR,
        reason="a front, seen by the next station too",
        ranges=VALID_RANGES,
    )

    assert count == 3
    frame = load_frame(session, "texas", END, END + 3 * HOUR)
    assert frame.column(T).tolist() == [12.0, 12.4, 12.1]
    event = list_events(session, action=AuditAction.TELEMETRY_ACCEPTED)[0]
    assert "a front, seen by the next station too" in event.payload
    hours(END, [0.0])
    assert np.isnan(load_frame(session, "texas", END, END + HOUR).column(T)).all()


def test_acceptance_needs_a_reason_a_finding_and_the_right(
    session: Session, hours: Import, actor: Actor
) -> None:
    hours(END, [0.0])
    auditor = Actor(user_id=actor.user_id, name="ada", role=Role.AUDITOR)
    for caller, reason, start_utc, error in (
        (actor, "  ", END, InvalidInput),
        (actor, "seen", END - 24 * HOUR, InvalidInput),
        (auditor, "seen", END, Forbidden),
    ):
        with pytest.raises(error):
            accept_suspect_hours(
                asking(session, caller),
                region_slug="texas",
                quantity=T,
                start_utc=start_utc,
                end_utc=start_utc + HOUR,
                reason=reason,
                ranges=VALID_RANGES,
            )


def test_a_sensor_is_held_against_the_stored_runs(
    session: Session, hours: Import, actor: Actor
) -> None:
    frame = load_frame(session, "texas", START, END)
    usual = frame.column(T)[-24:]
    lines = ["region,issued_at_utc,known_at_utc,lead_h,temperature_c_forecast"]
    for day in range(N_DAYS + 1):
        issued = START + day * 24 * HOUR
        known = issued + HOUR / 2
        lines += [
            f"texas,{issued:%Y-%m-%dT%H:%MZ},{known:%Y-%m-%dT%H:%MZ},{lead}"
            f",{usual[lead % 24] + 1.0 + day % 3:.1f}"
            for lead in range(48)
        ]
    import_weather_forecasts(
        asking(session, actor), io.BytesIO("\n".join(lines).encode()), label="runs.csv"
    )
    drifting = usual - 0.2 * np.arange(1, 25)
    summary = hours(END, drifting.round(1).tolist())

    assert summary.notes[-1].endswith("see `gfo telemetry quality`.")
    (newest, *_) = suspect_hours(asking(session, actor), region_slug="texas")
    assert newest.hour_utc == END + 23 * HOUR
    assert newest.rule == "weather run"
    assert f"weather run file of {END:%Y-%m-%d %H:%M} UTC (" in newest.text


def test_the_file_of_another_region_of_the_fleet_is_suspect(
    session: Session, hours: Import, actor: Actor
) -> None:
    draft = RegionDraft(
        slug="ohio",
        name="Ohio",
        time_zone="America/New_York",
        latitude_deg=40.0,
        longitude_deg=-83.0,
    )
    add_region(asking(session, actor), draft)
    usual = load_frame(session, "texas", START, END).column(T)
    theirs = (usual - 1.3).round(1).tolist()
    file = file_of(csv_of("ohio", START, [*theirs, *theirs[-24:-12]]))
    import_telemetry(asking(session, actor), file, ranges=VALID_RANGES)

    hours(END, theirs[-24:-12])

    found = suspect_hours(asking(session, actor), region_slug="texas")
    assert [one.hour_utc for one in found] == [END + i * HOUR for i in range(12)][::-1]
    assert {one.rule for one in found} == {"other region"}
    assert "the values of region ohio" in found[0].text


def test_hours_stored_before_a_check_existed_are_judged_by_command(
    session: Session, hours: Import, actor: Actor
) -> None:
    hours(END, [0.0] * 3)
    session.execute(text("delete from telemetry_finding"))

    def judged() -> tuple[int, int]:
        answer = judge_stored_hours(
            asking(session, actor),
            region_slug="texas",
            start_utc=START,
            end_utc=END + 3 * HOUR,
            ranges=VALID_RANGES,
        )
        return answer.suspect, answer.changed

    assert judged() == (3, 3)
    assert judged() == (3, 0)
    (event,) = list_events(session, action=AuditAction.TELEMETRY_JUDGED)
    assert event.after["changed"] == 3
    auditor = Actor(user_id=actor.user_id, name="ada", role=Role.AUDITOR)
    with pytest.raises(Forbidden):
        judge_stored_hours(
            asking(session, auditor),
            region_slug="texas",
            start_utc=START,
            end_utc=END,
            ranges=VALID_RANGES,
        )


def test_a_window_whose_truth_is_suspect_has_no_score(
    session: Session, hours: Import
) -> None:
    hours(END, [0.0] * 24)
    issued = HourlyForecast(
        region_slug="texas",
        target=Target.TEMPERATURE_C,
        issued_at_utc=END,
        mean=np.full(24, 30.0),
        scale=np.ones(24),
    )
    frame = load_frame(session, "texas", END, END + 24 * HOUR)
    (score,) = score_windows(
        [issued], frame, region_by_slug(session, "texas"), model_version_id=1
    )
    assert score.score is None
    assert score.unscored_reason is not None
    assert "24 of them are suspect" in score.unscored_reason


def test_a_forecast_from_suspect_hours_is_refused_blocked_shown_and_accepted(
    fleet: Fleet,
) -> None:
    newest = full_hour(NOW)
    issue = newest + HOUR
    start_utc = newest - 5 * HOUR

    def issued(session: Session) -> tuple[int, int]:
        summary = issue_live(
            asking(session, fleet.actor(session, "worker"), now=issue),
            ModelCache(),
            issued_at_utc=issue,
            stored_regions=[r for r in active_regions(session) if r.slug == "arizona"],
        )
        return summary.issued, summary.refused

    with fleet.runtime.transaction() as session:
        import_telemetry(
            asking(session, fleet.actor(session), now=issue),
            file_of(csv_of("arizona", start_utc, [0.0] * 6), Origin.SYNTHETIC),
            ranges=VALID_RANGES,
        )
        issued(session)
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session), now=issue)
        stored = forecasts.forecast_at(
            session,
            region_id=region_by_slug(session, "arizona").region_id,
            target=Target.TEMPERATURE_C,
            issued_at_utc=issue,
            model_version_id=None,
        )
        decided = decision_page(request, DecisionFilter(kind="automatic")).rows[0]
        shown = day_view(request, region_slug="arizona", local_day=None)
        card = next(
            row for row in fleet_view(request).rows if row.region.slug == "arizona"
        )
    assert stored is None or stored.refusal_code is RefusalCode.TELEMETRY_SUSPECT
    assert (decided.outcome, decided.reason_code) == (
        Outcome.BLOCKED,
        "telemetry_suspect",
    )
    assert card.verdict.reason_code == "telemetry_suspect"
    assert card.verdict.data_problem
    assert "temperature_c is suspect in 6 of the 48 h" in (card.verdict.reason_text)
    assert shown.suspect_hours_utc == tuple(start_utc + i * HOUR for i in range(6))
    assert shown.suspect_text is not None

    with fleet.runtime.transaction() as session:
        accept_suspect_hours(
            asking(session, fleet.actor(session), now=issue),
            region_slug="arizona",
            quantity=T,
            start_utc=start_utc,
            end_utc=issue,
            reason="test",
            ranges=VALID_RANGES,
        )
        assert issued(session)[0] >= 1
        frame = telemetry.load_frame(session, "arizona", start_utc, issue)
        assert not frame.finding_codes(T).any()
