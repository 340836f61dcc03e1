"""Migrations make the schema, and go down and up with data in every table."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import migrations
from core.errors import Conflict, InvalidInput
from db import migrate
from db.engine import DatabaseUrls, make_engine
from db.forecast_inputs import (
    ForecastInput,
    forecast_inputs,
    insert_forecast_inputs,
)
from db.schema import Base

# Read from the files: every step down from the newest revision to an empty database.
_SCRIPTS = ScriptDirectory(str(Path(migrations.__file__).parent))
REVISIONS = tuple(
    script.down_revision or "base" for script in _SCRIPTS.walk_revisions()
)

_CONSTRAINTS = text(
    """
    select conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    from pg_constraint
    where connamespace = 'public'::regnamespace and contype <> 't'
      and conrelid::regclass::text = any(:tables)
    order by 1, 2
    """
)
_COLUMNS = text(
    """
    select table_name, column_name, udt_name, is_nullable, column_default,
           is_identity, identity_generation, character_maximum_length, numeric_scale
    from information_schema.columns
    where table_schema = 'public' and table_name = any(:tables)
    order by 1, 2
    """
)
_INDEXES = text(
    """
    select tablename, indexname, indexdef from pg_indexes
    where schemaname = 'public' and tablename = any(:tables) order by 1, 2
    """
)


def scalar(url: str, statement: str) -> object:
    engine = make_engine(url, pool_size=1)
    try:
        with engine.connect() as connection:
            return connection.scalar(text(statement))
    finally:
        engine.dispose()


def row_counts(url: str) -> dict[str, int]:
    engine = make_engine(url, pool_size=1)
    with engine.connect() as connection:
        tables = connection.scalars(
            text("select tablename from pg_tables where schemaname = 'public'")
        ).all()
        counts = {
            table: connection.scalar(text(f"select count(*) from {table}"))  # noqa: S608
            for table in tables
        }
    engine.dispose()
    return counts


def described(connection: Connection) -> list[list[tuple[object, ...]]]:
    names = sorted(Base.metadata.tables)
    return [
        [tuple(row) for row in connection.execute(query, {"tables": names})]
        for query in (_CONSTRAINTS, _COLUMNS, _INDEXES)
    ]


def test_migrations_leave_nothing_for_alembic_to_add(
    database_urls: DatabaseUrls,
) -> None:
    migrate.check(database_urls)


def test_migrations_run_in_the_order_of_their_names() -> None:
    scripts = list(_SCRIPTS.walk_revisions())[::-1]
    names = [Path(script.path).name for script in scripts]

    assert [script.revision for script in scripts] == [name[:4] for name in names]
    assert names == sorted(names)


def test_check_finds_a_difference(database_urls: DatabaseUrls) -> None:
    engine = make_engine(database_urls.owner, pool_size=1)
    with engine.begin() as connection:
        connection.execute(text("alter table region add column extra text"))
    engine.dispose()

    with pytest.raises(Conflict, match="extra"):
        migrate.check(database_urls)


def test_check_finds_a_database_behind(empty_database_urls: DatabaseUrls) -> None:
    migrate.upgrade(empty_database_urls, "0003")

    with pytest.raises(Conflict, match="newest"):
        migrate.check(empty_database_urls)


def test_migrated_tables_equal_the_declared_ones_to_every_constraint(
    database_urls: DatabaseUrls, empty_database_urls: DatabaseUrls
) -> None:
    migrated = make_engine(database_urls.owner, pool_size=1)
    declared = make_engine(empty_database_urls.owner, pool_size=1)
    Base.metadata.create_all(declared)
    with migrated.connect() as left, declared.connect() as right:
        for found, expected in zip(described(left), described(right), strict=True):
            assert expected
            assert found == expected
    migrated.dispose()
    declared.dispose()


@pytest.mark.parametrize("revision", REVISIONS)
def test_down_and_up_again_with_rows_in_every_table(
    filled_urls: DatabaseUrls, revision: str
) -> None:
    before = row_counts(filled_urls.owner)
    assert all(before[table] for table in Base.metadata.tables), before

    migrate.downgrade(filled_urls, revision, discard_history=True)
    kept = row_counts(filled_urls.owner)
    migrate.upgrade(filled_urls)
    after = row_counts(filled_urls.owner)

    migrate.check(filled_urls)
    kept.pop("alembic_version", None)
    kept.pop("forecast_hour", None)  # its rows are arrays of `forecast` again
    kept.pop("forecast_mode", None)  # the served mode is that of `forecast` again
    assert {table: after[table] for table in kept} == kept
    assert set(after) | {"telemetry_2023_08"} == set(before)


@pytest.mark.parametrize(
    ("with_consent_to", "revision", "table", "stops_at"),
    [
        ("head", "0033", "decision_comment", "0034"),
        ("0033", "0013", "weather_forecast", "0015"),
        ("0013", "0009", "decision_state", "0013"),
        ("0011", "0010", "telemetry_acceptance", "0011"),
        ("0010", "0008", "decision", "0009"),
        ("0008", "0007", "plan", "0008"),
        ("0007", "0005", "audit_event", "0006"),
    ],
)
def test_history_is_not_dropped_without_consent(
    filled_urls: DatabaseUrls,
    with_consent_to: str,
    revision: str,
    table: str,
    stops_at: str,
) -> None:
    migrate.downgrade(filled_urls, with_consent_to, discard_history=True)

    with pytest.raises(Conflict, match=f"would drop {table} with 1 rows"):
        migrate.downgrade(filled_urls, revision)

    assert row_counts(filled_urls.owner)[table] == 1
    assert migrate.current_revision(filled_urls.app) == stops_at


def test_hours_of_windows_are_not_dropped_without_consent(
    filled_urls: DatabaseUrls,
) -> None:
    hours = "select hours from window_score"
    assert scalar(filled_urls.owner, hours)
    migrate.downgrade(filled_urls, "0012", discard_history=True)

    with pytest.raises(Conflict, match="drop the hours of 1 scored windows"):
        migrate.downgrade(filled_urls, "0011")

    assert scalar(filled_urls.owner, hours)
    migrate.downgrade(filled_urls, "0011", discard_history=True)
    migrate.upgrade(filled_urls)
    assert scalar(filled_urls.owner, hours) is None
    assert scalar(filled_urls.owner, "select score from window_score") == 0.5


def test_the_served_mode_is_stored_beside_the_others_below_and_the_same(
    filled_urls: DatabaseUrls,
) -> None:
    modes = "select array_agg(input_mode order by input_mode)::text from forecast_mode"
    assert scalar(filled_urls.owner, modes) == "{run_12h}"
    migrate.downgrade(filled_urls, "0035", discard_history=True)
    assert scalar(filled_urls.owner, modes) == "{run_12h,telemetry}"
    assert scalar(
        filled_urls.owner,
        "select (m.mean, m.scale, m.exact_hours) = (f.mean, f.scale, f.exact_hours)"
        " from forecast f join forecast_mode m on m.forecast_id = f.id"
        " and m.input_mode = f.input_mode",
    )
    migrate.upgrade(filled_urls)
    assert scalar(filled_urls.owner, modes) == "{run_12h}"


def test_hours_of_a_forecast_move_between_rows_and_arrays(
    filled_urls: DatabaseUrls,
) -> None:
    arrays = "select (mean, scale, exact_hours)::text from forecast where id = 1"
    before = scalar(filled_urls.owner, arrays)
    migrate.downgrade(filled_urls, "0025", discard_history=True)
    hours = "select (count(*), min(lower), max(upper))::text from forecast_hour"
    low, high = 30.1 - 1.5 * 0.3, 30.1 + 1.5 * 0.3
    assert scalar(filled_urls.owner, hours) == f"(24,{low!r},{high!r})"
    migrate.upgrade(filled_urls)
    assert scalar(filled_urls.owner, arrays) == before


def test_an_input_beside_its_base_is_whole_below_and_the_same(
    filled_urls: DatabaseUrls,
) -> None:
    numbers = np.arange(90, dtype="<f4") / 7
    base, later = numbers.tobytes(), np.roll(numbers, 1).tobytes()
    engine = make_engine(filled_urls.owner, pool_size=1)
    with Session(engine) as session, session.begin():
        session.execute(
            text(
                "insert into forecast (region_id, target, issued_at_utc, kind, status,"
                " model_version_id, mean, scale) select region_id, target, t, kind,"
                " status, model_version_id, mean, scale from forecast, unnest(array["
                " '2023-08-02 00:00Z', '2023-08-02 11:00Z']::timestamptz[]) t"
            )
        )
        first, second = session.scalars(
            text("select id from forecast where id > 1 order by issued_at_utc")
        )
        for forecast_id, stored in ((first, base), (second, later)):
            features = np.frombuffer(stored, "<f4")
            given = ForecastInput(region_index=0, features=features)
            insert_forecast_inputs(session, {forecast_id: given})
    sizes = "select array_agg(octet_length(features) order by forecast_id) from {}"
    inputs = "forecast_input where forecast_id > 1"
    whole, compressed = cast(list[int], scalar(filled_urls.owner, sizes.format(inputs)))
    assert whole == 360
    assert compressed < 40

    migrate.downgrade(filled_urls, "0030", discard_history=True)

    found = "select array_agg(features order by forecast_id) from {}"
    assert scalar(filled_urls.owner, found.format(inputs)) == [base, later]
    migrate.upgrade(filled_urls)
    with Session(engine) as session:
        again = forecast_inputs(session, [first, second])
    assert [again[i].features.tobytes() for i in (first, second)] == [base, later]
    engine.dispose()


def test_an_interval_that_would_be_lost_stops_the_move(
    filled_urls: DatabaseUrls, execute: Callable[[str, str], object]
) -> None:
    migrate.downgrade(filled_urls, "0025", discard_history=True)
    execute(filled_urls.owner, "alter table forecast_hour disable trigger user")
    spoil = "update forecast_hour set lower = 0 where hour_index = 3"
    execute(filled_urls.owner, spoil)
    with pytest.raises(DBAPIError, match="would be lost"):
        migrate.upgrade(filled_urls)


def test_later_revisions_of_a_forecast_stay_below_and_are_numbered_again(
    filled_urls: DatabaseUrls, execute: Callable[[str, str], object]
) -> None:
    execute(
        filled_urls.owner,
        "insert into forecast (region_id, target, issued_at_utc, kind, status,"
        " model_version_id, revision, mean, scale, exact_hours)"
        " select region_id, target, issued_at_utc, kind, status, model_version_id, 1,"
        " mean, scale, exact_hours"
        " from forecast where status = 'issued' limit 1",
    )
    revisions = "select array_agg(revision order by id) from forecast"
    before = scalar(filled_urls.owner, revisions)

    migrate.downgrade(filled_urls, "0016", discard_history=True)
    migrate.upgrade(filled_urls)

    migrate.check(filled_urls)
    assert scalar(filled_urls.owner, revisions) == before
    assert 1 in before


def test_an_empty_history_needs_no_consent(empty_database_urls: DatabaseUrls) -> None:
    migrate.upgrade(empty_database_urls)

    migrate.downgrade(empty_database_urls, "base")

    assert migrate.current_revision(empty_database_urls.owner) is None


def test_system_users_are_there_and_cannot_log_in(database_urls: DatabaseUrls) -> None:
    names = scalar(
        database_urls.app,
        "select array_agg(name order by name) from app_user"
        " where is_system and password_hash is null and role = 'admin'",
    )

    assert names == ["cli", "worker"]


def test_a_table_in_use_stops_a_migration_within_seconds(
    filled_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that is in use for a moment does not."""
    monkeypatch.setattr(migrate, "_TRIES", 2)
    engine = make_engine(filled_urls.app, pool_size=1)
    with engine.connect() as reader:
        reader.execute(text("select count(*) from audit_event"))
        with pytest.raises(Conflict, match="locks in time"):
            migrate.downgrade(filled_urls, "0005", discard_history=True)

    # The newest migration that touches the table changed nothing.
    assert migrate.current_revision(filled_urls.app) == "0028"
    assert row_counts(filled_urls.owner)["audit_event"] == 1

    with engine.connect() as reader, ThreadPoolExecutor(1) as migrator:
        reader.execute(text("select count(*) from audit_event"))
        began = time.monotonic()
        done = migrator.submit(
            migrate.downgrade, filled_urls, "0005", discard_history=True
        )
        time.sleep(2.5)  # longer than the first try
        reader.rollback()
        done.result()
    assert time.monotonic() - began > 2.5
    assert migrate.current_revision(filled_urls.app) == "0005"
    engine.dispose()


def test_a_migration_takes_as_long_as_it_takes_where_nobody_waits_for_it(
    filled_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = make_engine(filled_urls.owner, pool_size=1, application_name="gfo-migrate")
    web = make_engine(filled_urls.app, pool_size=1, application_name="gfo-web")
    with owner.connect() as connection:
        assert migrate.statement_timeout(connection) == "0"
        connection.rollback()  # one transaction sees who was there at first
        with web.connect():
            assert migrate.statement_timeout(connection) == "60s"
    owner.dispose()
    web.dispose()
    monkeypatch.setattr(migrate, "statement_timeout", lambda _connection: "1ms")
    with pytest.raises(Conflict, match=r"took too long .* once web and workers are"):
        migrate.downgrade(filled_urls, "0005", discard_history=True)


def test_two_migrators_at_once_both_succeed(empty_database_urls: DatabaseUrls) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate.upgrade(empty_database_urls)
        except BaseException as exc:  # noqa: BLE001 -- handed to the main thread
            failures.append(exc)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert migrate.current_revision(empty_database_urls.app) == migrate.head_revision()


def test_an_unknown_revision_is_named(database_urls: DatabaseUrls) -> None:
    with pytest.raises(InvalidInput, match="'9999'"):
        migrate.upgrade(database_urls, "9999")


def test_migrating_leaves_logging_as_it_was(database_urls: DatabaseUrls) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), root.disabled)
    ours = logging.getLogger("gfo.test")

    migrate.upgrade(database_urls)

    assert (root.level, list(root.handlers), root.disabled) == before
    assert not ours.disabled
