"""Telemetry queries and the bulk upsert, on real partitions."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.errors import Conflict
from core.telemetry import HOUR, Quantity
from db.engine import DatabaseUrls, make_engine
from db.ingest import NewBatch, RowCounts, insert_batch
from db.regions import StoredRegion, insert_region
from db.telemetry import first_and_last_hour, load_frame, measured_until
from db.telemetry_merge import SettledRows, settle_staged, write_settled
from db.telemetry_revisions import RevisedHours, revised_since
from db.telemetry_staging import open_staging, stage_rows
from db.users import system_actor
from orchestrator.telemetry.demo_regions import DEMO_REGIONS, demo_profile

START = datetime(2023, 6, 30, 22, tzinfo=UTC)
QUANTITIES = tuple(Quantity)

Values = dict[Quantity, float]
T, LOAD = Quantity.TEMPERATURE_C, Quantity.IT_LOAD_MW


@pytest.fixture
def arizona(session: Session) -> StoredRegion:
    return insert_region(session, DEMO_REGIONS[0].region)


def write(
    session: Session,
    region: StoredRegion,
    hours: Sequence[tuple[datetime, Values]],
    *,
    is_estimated: bool = False,
) -> SettledRows:
    """Upsert hours of a region as one batch."""
    open_staging(session)
    stage_rows(
        session,
        [
            (
                n,
                region.region_id,
                hour,
                *(values.get(q) for q in QUANTITIES),
                is_estimated,
                "raw",
            )
            for n, (hour, values) in enumerate(hours, start=1)
        ],
    )
    settled = settle_staged(session, conflict_code="conflicting_duplicate")
    write_settled(session, settled, _batch(session, region))
    return settled


def _batch(session: Session, region: StoredRegion) -> NewBatch:
    return NewBatch(
        source_label="test",
        format="csv",
        content_sha256="0" * 64,
        origin="measured",
        carbon_kind=None,
        time_zone=None,
        region_slugs=[region.slug],
        quantities=["temperature_c"],
        actor_id=system_actor(session, "cli").user_id,
    )


def counted(counts: RowCounts) -> tuple[int, int, int]:
    return counts.rows_inserted, counts.rows_updated, counts.rows_unchanged


def test_a_frame_spans_partitions_and_shows_gaps_as_nan(
    session: Session, arizona: StoredRegion
) -> None:
    write(session, arizona, [(START, {T: 40.0}), (START + 3 * HOUR, {T: 39.5})])

    frame = load_frame(session, "arizona", START - HOUR, START + 4 * HOUR)

    assert frame.start_utc == START - HOUR
    np.testing.assert_array_equal(frame.column(T), [np.nan, 40.0, np.nan, np.nan, 39.5])
    assert np.isnan(frame.column(LOAD)).all()


def test_a_frame_of_nothing_is_all_nan(session: Session, arizona: StoredRegion) -> None:
    del arizona
    frame = load_frame(session, "arizona", START, START + 2 * HOUR)
    assert np.isnan(frame.column(T)).all()
    assert load_frame(session, "arizona", START, START).n_hours == 0


def test_hours_that_somebody_else_writes_meanwhile_are_a_conflict(
    session: Session, arizona: StoredRegion
) -> None:
    session.execute(
        text("select ensure_telemetry_partitions(:hour, :hour)"), {"hour": START + HOUR}
    )
    batch = _batch(session, arizona)
    open_staging(session)
    values = (40.0 if q is T else None for q in QUANTITIES)
    stage_rows(session, [(1, arizona.region_id, START, *values, False, "raw")])
    settled = settle_staged(session, conflict_code="conflicting_duplicate")
    batch_id = insert_batch(session, batch, settled.counts)
    session.execute(
        text(
            "insert into telemetry (region_id, hour_utc, batch_id) values (:r, :h, :b)"
        ),
        {"r": arizona.region_id, "h": START, "b": batch_id},
    )

    with pytest.raises(Conflict, match="import the file again"):
        write_settled(session, settled, batch)


def test_an_upsert_counts_exactly_and_null_overwrites_nothing(
    session: Session, arizona: StoredRegion
) -> None:
    hours = [START + n * HOUR for n in range(4)]
    write(session, arizona, [(hour, {T: 30.0, LOAD: 50.0}) for hour in hours[:3]])

    settled = write(
        session,
        arizona,
        [
            (hours[0], {T: 30.0}),
            (hours[1], {T: 31.0}),
            (hours[2], {LOAD: 50.0, Quantity.PRICE_USD_MWH: 9.0}),
            (hours[3], {T: 33.0}),
        ],
    )

    assert counted(settled.counts) == (1, 2, 1)
    frame = load_frame(session, "arizona", START, START + 4 * HOUR)
    np.testing.assert_array_equal(frame.column(T), [30.0, 31.0, 30.0, 33.0])
    np.testing.assert_array_equal(frame.column(LOAD), [50.0, 50.0, 50.0, np.nan])


def test_estimates_fill_gaps_and_are_no_measurements(
    session: Session, arizona: StoredRegion
) -> None:
    hours = [START + n * HOUR for n in range(3)]
    write(session, arizona, [(hours[0], {T: 30.0}), (hours[1], {LOAD: 50.0})])

    estimates = [(hour, {T: 99.0}) for hour in hours]
    settled = write(session, arizona, estimates, is_estimated=True)

    assert counted(settled.counts) == (1, 1, 1)
    shown = session.scalars(text("select temperature_c from telemetry order by 1"))
    assert shown.all() == [30.0, 99.0, 99.0]
    used = load_frame(session, "arizona", START, START + 3 * HOUR)
    np.testing.assert_array_equal(used.column(T), [30.0, np.nan, np.nan])
    np.testing.assert_array_equal(used.column(LOAD), [np.nan, 50.0, np.nan])
    assert measured_until(session, "arizona", T) == hours[1]
    assert measured_until(session, "arizona", LOAD) == hours[2]
    assert measured_until(session, "arizona", Quantity.PRICE_USD_MWH) is None


def test_a_measured_value_replaces_an_estimate_even_where_both_agree(
    session: Session, arizona: StoredRegion
) -> None:
    hours = [START, START + HOUR]
    write(
        session,
        arizona,
        [(hour, {T: 30.0, LOAD: 5.0}) for hour in hours],
        is_estimated=True,
    )

    settled = write(session, arizona, [(hours[0], {T: 30.0}), (hours[1], {T: 31.0})])

    assert counted(settled.counts) == (0, 2, 0)
    used = load_frame(session, "arizona", START, START + 2 * HOUR)
    assert used.column(T).tolist() == [30.0, 31.0]
    assert np.isnan(used.column(LOAD)).all()
    kept = session.execute(
        text("select temperature_c, estimated from telemetry_revision order by id")
    ).all()
    assert kept == [(30.0, ["temperature_c", "it_load_mw"])] * 2
    again = write(session, arizona, [(hours[0], {T: 29.0})], is_estimated=True)
    assert counted(again.counts) == (0, 0, 1)


def test_every_value_names_its_import(session: Session, arizona: StoredRegion) -> None:
    write(session, arizona, [(START, {T: 30.0, LOAD: 5.0})])
    write(session, arizona, [(START, {T: 31.0, LOAD: 5.0})])

    first, second = session.scalars(text("select id from ingest_batch order by 1"))
    stored = session.execute(
        text(
            "select batch_id, temperature_c_batch_id, it_load_mw_batch_id,"
            " price_usd_mwh_batch_id from telemetry"
        )
    ).one()
    assert stored == (second, second, first, None)


def test_values_survive_bit_for_bit(session: Session, arizona: StoredRegion) -> None:
    awkward = [0.1 + 0.2, 1e-300, 59.99999999999999, -1 / 3]
    write(
        session,
        arizona,
        [(START + n * HOUR, {T: value}) for n, value in enumerate(awkward)],
    )
    frame = load_frame(session, "arizona", START, START + 4 * HOUR)
    assert frame.column(T).tolist() == awkward


def test_partitions_are_made_for_months_with_rows_only(
    session: Session, arizona: StoredRegion
) -> None:
    hours = [datetime(year, 1, 1, tzinfo=UTC) for year in (2003, 2012)]
    write(session, arizona, [(hour, {T: 10.0}) for hour in hours])
    made = session.scalars(
        text(
            "select relname from pg_class where relispartition and relkind = 'r'"
            " and relname between 'telemetry_2003' and 'telemetry_2013' order by 1"
        )
    ).all()
    assert made == ["telemetry_2003_01", "telemetry_2012_01"]


def test_first_and_last_hour(session: Session, arizona: StoredRegion) -> None:
    assert first_and_last_hour(session, "arizona") is None
    write(session, arizona, [(START + n * HOUR, {T: 40.0}) for n in (7, 0, 3)])
    assert first_and_last_hour(session, "arizona") == (START, START + 7 * HOUR)


def import_at_once(
    urls: DatabaseUrls, slugs: tuple[str, str], hours: Sequence[datetime]
) -> list[tuple[int, int, int]]:
    """Two writers that start together, and what each of them counted."""
    engine = make_engine(urls.app, pool_size=3)
    outcomes: list[tuple[int, int, int]] = []
    barrier = threading.Barrier(2, timeout=30)
    with Session(engine) as session, session.begin():
        regions = {
            slug: insert_region(session, demo_profile(slug).region)
            for slug in set(slugs)
        }

    def import_rows(region: StoredRegion) -> None:
        with Session(engine) as session, session.begin():
            barrier.wait()
            rows = [(hour, {T: 40.0}) for hour in hours]
            outcomes.append(counted(write(session, region, rows).counts))

    threads = [
        threading.Thread(target=import_rows, args=(regions[slug],)) for slug in slugs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    engine.dispose()
    return sorted(outcomes)


def test_writers_of_a_region_wait_for_each_other_and_count_right(
    database_urls: DatabaseUrls,
) -> None:
    """Of two imports of the same hours at once, one inserts and one changes nothing."""
    hours = [START + n * HOUR for n in range(100)]
    outcomes = import_at_once(database_urls, ("arizona", "arizona"), hours)
    assert outcomes == [(0, 0, 100), (100, 0, 0)]


def test_writers_of_different_regions_that_both_need_partitions_both_finish(
    database_urls: DatabaseUrls,
) -> None:
    hours = [datetime(2001 + n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in range(48)]
    outcomes = import_at_once(database_urls, ("arizona", "ireland"), hours)
    assert outcomes == [(48, 0, 0), (48, 0, 0)]


def test_what_was_replaced_since_a_time_is_found_with_its_imports(
    database_urls: DatabaseUrls,
) -> None:
    engine = make_engine(database_urls.app, pool_size=1)

    def committed(*hours: tuple[datetime, Values]) -> datetime:
        """Write the hours; return a time after that."""
        with Session(engine) as session, session.begin():
            write(session, region, hours)
        with Session(engine) as session:
            found = session.scalar(text("select clock_timestamp()"))
            assert isinstance(found, datetime)
            return found

    def since(known_at_utc: datetime, end_utc: datetime) -> RevisedHours | None:
        with Session(engine) as session:
            return revised_since(
                session,
                ["arizona"],
                start_utc=START,
                end_utc=end_utc,
                known_at_utc=known_at_utc,
            )

    with Session(engine) as session, session.begin():
        region = insert_region(session, demo_profile("arizona").region)
    end_utc = START + 3 * HOUR
    known = committed((START, {T: 30.0}), (START + HOUR, {T: 30.0}))
    later = committed((START + HOUR, {LOAD: 50.0}), (START + 2 * HOUR, {T: 31.0}))
    assert since(known, end_utc) is None  # a gap filled, a new hour
    committed((START + HOUR, {T: 32.0}), (START + 2 * HOUR, {T: 33.0}))
    last = committed((START + HOUR, {T: 34.0}))

    assert since(known, end_utc) == RevisedHours(hour_count=1, batch_ids=(3,))
    assert since(later, end_utc) == RevisedHours(hour_count=2, batch_ids=(3, 4))
    assert since(later, START + HOUR) is None
    assert since(last, end_utc) is None
    engine.dispose()
