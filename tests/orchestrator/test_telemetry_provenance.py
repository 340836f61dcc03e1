"""Where stored values come from: places, estimates, kinds of carbon, withdrawals."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.access import Actor
from core.alarm_kinds import AlarmKind
from core.audit import AuditAction
from core.carbon import CarbonSignalKind
from core.errors import Conflict, InvalidInput
from core.forecasts import HourlyForecast, InputMode, Target
from core.policies import Policy
from core.telemetry import HOUR, VALID_RANGES, Quantity
from db import window_scores
from db.audit import list_events
from db.bound_alarms import readings_above_bound
from db.ingest import NewBatch
from db.regions import list_regions
from db.telemetry import carbon_kinds, first_and_last_hour, load_frame
from db.telemetry_merge import settle_staged
from db.telemetry_staging import open_staging, stage_rows
from db.users import system_actor
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.forecasts.scoring import rescore_windows, score_windows
from orchestrator.operations.doctor import telemetry_of
from orchestrator.operations.monitoring import measure
from orchestrator.regions.changes import RegionDraft, add_region
from orchestrator.regions.policies import ensure_first_policy
from orchestrator.telemetry.batches import ImportSummary, SettledImport, finish_import
from orchestrator.telemetry.imports import FileToImport, import_telemetry
from orchestrator.telemetry.inspections import inspect_telemetry
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.withdrawals import Withdrawal, withdraw_import
from orchestrator.use_cases import Request
from tests.alarm_looks import alarms_after_look
from tests.asking import asking

START = datetime(2024, 1, 1, tzinfo=UTC)
CARBON = Quantity.CARBON_INTENSITY_GCO2_KWH
HEADER = (
    "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),"
    "Carbon Intensity gCO₂eq/kWh (LCA),Low Carbon Percentage,Renewable Percentage,"
    "Data Source,Data Estimated,Data Estimation Method\n"
)

Import = Callable[..., ImportSummary]


@pytest.fixture
def actor(session: Session) -> Actor:
    """The user of the command line, with two regions."""
    actor = system_actor(session, "cli")
    for slug in ("SG", "GB"):
        draft = RegionDraft(
            slug=slug, name=slug, time_zone="UTC", latitude_deg=1.3, longitude_deg=103.8
        )
        add_region(asking(session, actor), draft)
    ensure_first_policy(asking(session, actor), Policy())
    return actor


def zone_file(
    zone: str, *rows: tuple[float, bool], region: str | None = "SG", **facts: object
) -> FileToImport:
    """Hours of carbon intensity of a zone: values, and whether they are estimated."""
    lines = [
        f"{START + n * HOUR:%Y-%m-%d %H:%M:%S},X,Y,{zone},{value / 2},{value},1,1,z,"
        f"{str(estimated).lower()},\n"
        for n, (value, estimated) in enumerate(rows)
    ]
    facts.setdefault("label", f"{zone}.csv")
    return FileToImport(
        source=io.BytesIO((HEADER + "".join(lines)).encode()),
        telemetry_format=TelemetryFormat.AUTO,
        region_slug=region,
        **facts,  # type: ignore[arg-type]
    )


@pytest.fixture
def take(session: Session, actor: Actor) -> Import:
    """Import a file of a zone."""

    def run(zone: str, *rows: tuple[float, bool], **facts: object) -> ImportSummary:
        file = zone_file(zone, *rows, **facts)  # type: ignore[arg-type]
        return import_telemetry(asking(session, actor), file, ranges=VALID_RANGES)

    return run


def carbon(session: Session, n_hours: int = 2) -> list[float]:
    frame = load_frame(session, "SG", START, START + n_hours * HOUR)
    return frame.column(CARBON).tolist()


def last_import(session: Session) -> dict[str, object]:
    """What the newest audit event says of the import."""
    event = list_events(session, limit=1)[0]
    assert event.action == AuditAction.TELEMETRY_IMPORTED
    after: dict[str, object] = json.loads(event.payload)["after"]
    return after


def test_a_region_takes_the_zone_of_its_first_import_only(
    session: Session, actor: Actor, take: Import
) -> None:
    first = take("SG-1", (400.0, False))
    assert "Region SG is bound to SG-1 in electricity-maps files" in first.notes[-1]
    assert last_import(session)["bound"] == {"region_slug": "SG", "former_place": None}

    with pytest.raises(BadFile, match=r"SG takes electricity-maps files of SG-1.*bind"):
        take("US-TEX-ERCO", (500.0, False))
    with pytest.raises(BadFile, match="SG takes electricity-maps files of SG-1"):
        inspect_telemetry(
            asking(session, actor),
            zone_file("US-TEX-ERCO", (500.0, False)),
            ranges=VALID_RANGES,
        )
    assert carbon(session, 1) == [400.0]
    again = take("SG-1", (410.0, False))
    assert not any("is bound" in note for note in again.notes)


def test_a_zone_of_another_region_is_refused_until_it_is_bound_anew(
    session: Session, take: Import
) -> None:
    take("Z", (400.0, False), region="GB")
    with pytest.raises(BadFile, match="Z, to which GB is bound in electricity-maps"):
        take("Z", (400.0, False))
    take("SG-1", (400.0, False))

    bound = take("Z", (400.0, False), binds_place=True)

    assert "bound to Z in electricity-maps files, no longer to SG-1" in bound.notes[-1]
    said = last_import(session)["bound"]
    assert said == {"region_slug": "SG", "former_place": "SG-1"}
    with pytest.raises(BadFile, match="SG takes electricity-maps files of Z"):
        take("SG-1", (400.0, False))
    take("Z", (410.0, False), region="GB")


def test_a_zone_that_is_the_name_of_another_region_can_be_bound(take: Import) -> None:
    with pytest.raises(BadFile, match="zone GB, which is region GB, not SG"):
        take("GB", (400.0, False))
    take("GB", (400.0, False), binds_place=True)
    take("GB", (401.0, False))


def test_a_file_of_which_nothing_is_taken_binds_nothing(take: Import) -> None:
    take("US-TEX-ERCO", (5000.0, False))
    take("SG-1", (400.0, False))


def test_estimated_hours_are_stored_but_not_used_until_they_are_measured(
    session: Session, take: Import
) -> None:
    take("SG", (400.0, False), (410.0, True))
    assert [row[0] for row in rows(session)] == [400.0, 410.0]
    np.testing.assert_array_equal(carbon(session), [400.0, np.nan])

    late = take("SG", (390.0, True), (420.0, False))

    assert (late.counts.rows_updated, late.counts.rows_unchanged) == (1, 1)
    assert carbon(session) == [400.0, 420.0]


def test_each_hour_keeps_its_kind_of_carbon_intensity(
    session: Session, take: Import
) -> None:
    def kinds(n_hours: int = 2) -> frozenset[str | None]:
        found = carbon_kinds(session, ["SG"], START, START + n_hours * HOUR)
        return found["SG"]

    assert kinds() == frozenset()
    direct = CarbonSignalKind.parse("direct")
    take("SG", (400.0, False), (0.0, False))
    take("SG", (500.0, False), carbon_kind=direct)
    assert kinds() == {"direct average", "life-cycle average"}
    assert kinds(1) == {"direct average"}

    again = take("SG", (500.0, False), (0.0, False), carbon_kind=direct)

    assert (again.counts.rows_updated, again.counts.rows_unchanged) == (1, 1)
    assert kinds() == {"direct average"}


def test_an_hour_that_has_not_ended_is_stored_on_no_path(
    session: Session, actor: Actor
) -> None:
    now = START + timedelta(minutes=59)
    request = asking(session, actor, now=now)
    open_staging(session)
    region_id = session.connection().exec_driver_sql("select min(id) from region")
    values = [30.0, *[None] * (len(Quantity) - 1)]
    stage_rows(session, [(1, region_id.scalar(), START, *values, False, "")])
    settled = settle_staged(session, conflict_code="conflict")
    batch = NewBatch(
        source_label="feed",
        format="feed",
        content_sha256="0" * 64,
        origin="measured",
        carbon_kind=None,
        time_zone=None,
        region_slugs=["SG"],
        quantities=["temperature_c"],
        actor_id=actor.user_id,
    )

    with pytest.raises(InvalidInput, match="2024-01-01 00:00 UTC has not ended"):
        finish_import(
            request,
            SettledImport(batch=batch, settled=settled),
            action=AuditAction.TELEMETRY_IMPORTED,
        )


def withdraw(request: Request, batch_id: int, reason: str = "x") -> Withdrawal:
    return withdraw_import(request, batch_id, reason=reason, ranges=VALID_RANGES)


def rows(session: Session) -> list[tuple[object, ...]]:
    """Every hour: carbon intensity, its import, and what is estimated."""
    found = session.execute(
        text(
            "select carbon_intensity_gco2_kwh, carbon_intensity_gco2_kwh_batch_id,"
            " estimated from telemetry order by hour_utc"
        )
    )
    return [tuple(row) for row in found]


def test_a_withdrawn_import_gives_back_what_it_replaced(
    session: Session, actor: Actor, take: Import
) -> None:
    first = take("SG", (400.0, False), (410.0, True)).batch_id
    wrong = take("SG", (4.0, False), (4.1, False), (4.2, False)).batch_id
    request = asking(session, actor, request_id=uuid4())

    done = withdraw(request, wrong, "another grid")

    assert rows(session) == [
        (400.0, first, None),
        (410.0, first, ["carbon_intensity_gco2_kwh"]),
        (None, None, None),
    ]
    assert first_and_last_hour(session, "SG") == (START, START + HOUR)
    assert done.hours_changed == 3
    assert done.sentence.startswith(f"Import {wrong} is withdrawn: 3 hours changed.")
    kept = session.execute(
        text(
            "select carbon_intensity_gco2_kwh, replaced_by_batch_id"
            " from telemetry_revision order by id"
        )
    ).all()
    assert kept[2:] == [(n, done.withdrawal_id) for n in (4.0, 4.1, 4.2)]
    event = list_events(session, limit=1)[0]
    assert (event.action, event.object_id) == ("telemetry_withdrawn", str(wrong))
    assert '"reason":"another grid"' in event.payload
    assert withdraw(request, wrong, "another grid") == done
    for batch_id in (wrong, done.withdrawal_id):
        with pytest.raises(Conflict):
            withdraw(asking(session, actor), batch_id, "again")


def test_an_import_withdrawn_after_its_values_were_replaced_never_comes_back(
    session: Session, actor: Actor, take: Import
) -> None:
    first, second, third = (take("SG", (n, False)).batch_id for n in (1.0, 2.0, 3.0))

    assert withdraw(asking(session, actor), second, "x").hours_changed == 0
    assert rows(session) == [(3.0, third, None)]
    withdraw(asking(session, actor), third, "x")
    assert rows(session) == [(1.0, first, None)]
    again = take("SG", (3.0, False))
    assert not again.is_repeat
    assert rows(session) == [(3.0, again.batch_id, None)]


def test_a_withdrawal_frees_the_region_and_leaves_other_quantities(
    session: Session, actor: Actor, take: Import
) -> None:
    wrong = take("US-TEX-ERCO", (400.0, False)).batch_id
    csv = "timestamp,region,it_load_mw\n2024-01-01T00:00Z,SG,41\n"
    file = FileToImport(
        source=io.BytesIO(csv.encode()), label="l", telemetry_format=TelemetryFormat.CSV
    )
    import_telemetry(asking(session, actor), file, ranges=VALID_RANGES)

    withdraw(asking(session, actor), wrong, "x")

    frame = load_frame(session, "SG", START, START + HOUR)
    assert frame.column(Quantity.IT_LOAD_MW).tolist() == [41.0]
    assert np.isnan(frame.column(CARBON)).all()
    take("SG-1", (450.0, False))


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_withdrawal_needs_a_reason(
    session: Session, actor: Actor, take: Import, reason: str
) -> None:
    batch_id = take("SG", (400.0, False)).batch_id
    with pytest.raises(InvalidInput, match="reason of 1 to 500"):
        withdraw(asking(session, actor), batch_id, reason)


@pytest.fixture
def bound(session: Session, actor: Actor) -> None:
    """Live forecasts of SG at 00:00 and 02:00, with bounds of 35 and 30 degC."""
    session.execute(
        text(
            "insert into model_version (target, family, onnx_sha256, onnx_bytes,"
            " contract_version, feature_names, region_slugs, horizon_h,"
            " trained_from_utc, trained_until_utc, metrics, state, code_version,"
            " created_by_id) values ('temperature_c', 'ridge', repeat('0', 64),"
            " '\\x00', 1, '{a}', '{SG}', 24, '2021-01-01Z', '2022-01-01Z', '{}',"
            " 'validated', '0.1.0', :actor_id)"
        ),
        {"actor_id": actor.user_id},
    )
    for hour, bound_c in ((0, 35.0), (2, 30.0)):
        session.execute(
            text(
                "insert into forecast (region_id, target, issued_at_utc, kind, status,"
                " model_version_id, day_bound_c, score_quantile, mean, scale)"
                " select r.id, 'temperature_c', :issued, 'live', 'issued', m.id,"
                " :bound_c, 1, array_fill(:bound_c, array[24]),"
                " array_fill(1::double precision, array[24])"
                " from region r, model_version m where r.slug = 'SG'"
            ),
            {"issued": START + hour * HOUR, "bound_c": bound_c},
        )


def temperatures(*values: float) -> FileToImport:
    """The first hours of SG."""
    rows = [
        f"{START + n * HOUR:%Y-%m-%dT%H:%MZ},SG,{value}"
        for n, value in enumerate(values)
    ]
    content = "\n".join(["timestamp,region,temperature_c", *rows]).encode()
    return FileToImport(
        source=io.BytesIO(content), label="t", telemetry_format=TelemetryFormat.CSV
    )


@pytest.mark.usefixtures("bound")
def test_a_reading_above_the_bound_then_in_force_alarms_as_it_comes_in(
    session: Session, actor: Actor
) -> None:
    request = asking(session, actor, now=START + 6 * HOUR)

    calm = import_telemetry(request, temperatures(34.0, 34.9, 30), ranges=VALID_RANGES)
    assert calm.notes == ()
    assert readings_above_bound(session, request.now) == []

    hot = import_telemetry(request, temperatures(34.0, 35.1, 30.5), ranges=VALID_RANGES)

    (sentence,) = hot.notes
    assert sentence == (
        "SG was at 30.5 degC in the hour from 2024-01-01 02:00 UTC, 2 h in all, above"
        " the bound of 30.0 degC issued at 02:00 UTC."
    )
    above = [
        one
        for one in alarms_after_look(request)
        if one.kind is AlarmKind.BOUND_EXCEEDED
    ]
    assert [(one.about, one.text) for one in above] == [("region SG", sentence)]
    assert readings_above_bound(session, request.now + 24 * HOUR) == []


def test_ages_are_those_of_each_quantity(
    session: Session, actor: Actor, take: Import
) -> None:
    """A new hour of carbon makes a temperature of the night before no younger."""
    request = asking(session, actor, now=START + 10 * HOUR)
    import_telemetry(request, temperatures(30.0), ranges=VALID_RANGES)
    take("SG", *[(400.0 + n, False) for n in range(10)])
    found = {stored.slug: stored for stored in list_regions(session, active_only=True)}

    finding = telemetry_of(session, found["SG"], request.now)

    assert not finding.is_sound
    assert finding.text == (
        "temperature 9.0 h old; wet_bulb_c missing, it_load_mw missing"
    )
    assert measure(session, request.now).telemetry_age_s == {"SG": 9 * 3600.0}
    row = next(row for row in fleet_view(request).rows if row.region.slug == "SG")
    assert (row.telemetry_age_h, row.carbon_age_h, row.it_load_age_h) == (9, 0, None)
    assert row.telemetry_is_stale


def scores_of(
    session: Session, watermark_id: int | None = None
) -> tuple[tuple[float, ...], int | None]:
    """What calibrates a bound of SG at midnight, and its watermark."""
    (region,) = (r for r in list_regions(session, active_only=True) if r.slug == "SG")
    model_id = session.scalar(text("select max(id) from model_version"))
    assert model_id is not None
    history = window_scores.score_history(
        session,
        region_id=region.region_id,
        model_version_id=model_id,
        local_issue_hour=0,
        finished_by_utc=START + 48 * HOUR,
        watermark_id=watermark_id,
    )
    return history.scores, history.watermark_id


@pytest.mark.usefixtures("bound")
def test_revised_telemetry_scores_its_windows_again(
    session: Session, actor: Actor
) -> None:
    """A correction, a withdrawal and an import again; old watermarks stay true."""
    request = asking(session, actor, now=START + 48 * HOUR)
    day = [20.0 + 5 * np.sin(n / 4) + n / 50 for n in range(24)]
    model_id = session.scalar(text("select max(id) from model_version"))
    assert model_id is not None
    (region,) = (r for r in list_regions(session, active_only=True) if r.slug == "SG")
    forecast = HourlyForecast(
        region_slug="SG",
        target=Target.TEMPERATURE_C,
        issued_at_utc=START,
        mean=np.array(day, dtype=np.float32).astype(np.float64),
        scale=np.ones(24),
    )

    def rescored() -> int:
        last_utc = START + 23 * HOUR
        return rescore_windows(request, region, first_utc=START, last_utc=last_utc)

    import_telemetry(request, temperatures(*day), ranges=VALID_RANGES)
    frame = load_frame(session, "SG", START, START + 24 * HOUR)
    (first,) = score_windows([forecast], frame, region, model_version_id=model_id)
    window_scores.insert_scores(session, [first])
    (score,), watermark_id = scores_of(session)
    assert rescored() == 0

    warmer = [value + 1.5 for value in day]
    wrong = import_telemetry(request, temperatures(*warmer), ranges=VALID_RANGES)
    assert rescored() == 1
    (higher,), second_id = scores_of(session)
    assert higher == pytest.approx(score + 1.5)
    assert scores_of(session, watermark_id) == ((score,), watermark_id)
    assert rescored() == 0

    withdraw(request, wrong.batch_id)
    assert rescored() == 1
    assert scores_of(session)[0] == (score,)
    assert scores_of(session, second_id)[0] == (higher,)

    withdraw(request, wrong.batch_id - 1)
    assert rescored() == 1
    no_scores, taken_id = scores_of(session)
    assert no_scores == ()
    assert scores_of(session, taken_id)[0] == ()
    assert window_scores.newest_taken(
        session, region_id=region.region_id, model_version_id=model_id
    ) == {(0, InputMode.TELEMETRY): taken_id}
    import_telemetry(request, temperatures(*day), ranges=VALID_RANGES)
    assert rescored() == 1
    assert scores_of(session)[0] == (score,)
    stored = window_scores.all_scores(
        session, region_id=region.region_id, model_version_id=model_id
    )
    assert [row.score for row in stored] == [score]
    everything = window_scores.all_scores(
        session,
        region_id=region.region_id,
        model_version_id=model_id,
        with_replaced=True,
    )
    assert [row.replaced_by_id is None for row in everything] == [False] * 3 + [True]
