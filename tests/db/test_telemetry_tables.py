"""Telemetry's partitions and the revisions that corrections leave."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.telemetry import Quantity
from db.engine import DatabaseUrls, make_engine

_PARTITIONS = text(
    """
    select inhrelid::regclass::text, pg_get_expr(c.relpartbound, c.oid)
    from pg_inherits join pg_class c on c.oid = inhrelid
    where inhparent = 'telemetry'::regclass order by 1
    """
)
_UPSERT = text(
    """
    insert into telemetry (region_id, hour_utc, batch_id, temperature_c, it_load_mw)
    values (1, '2023-08-01 05:00Z', 2, :temperature_c, :it_load_mw)
    on conflict (region_id, hour_utc) do update set batch_id = excluded.batch_id,
        temperature_c = excluded.temperature_c, it_load_mw = excluded.it_load_mw
    """
)


def ensure(session: Session, first: str, until: str) -> int:
    made = session.scalar(
        text("select ensure_telemetry_partitions(:first, :until)"),
        {"first": first, "until": until},
    )
    return int(made or 0)


def test_makes_exactly_the_months_of_the_span(session: Session) -> None:
    made = ensure(session, "2023-11-30 23:00Z", "2024-02-01 00:00Z")

    names = [name for name, _ in session.execute(_PARTITIONS)]
    assert names == ["telemetry_2023_11", "telemetry_2023_12", "telemetry_2024_01"]
    assert made == 3


def test_a_month_begins_and_ends_in_utc_wherever_the_session_is(
    session: Session,
) -> None:
    session.execute(text("set local timezone = 'Asia/Kolkata'"))
    ensure(session, "2024-02-29 12:00Z", "2024-02-29 13:00Z")
    session.execute(text("set local timezone = 'UTC'"))

    assert [tuple(row) for row in session.execute(_PARTITIONS)] == [
        (
            "telemetry_2024_02",
            "FOR VALUES FROM ('2024-02-01 00:00:00+00') TO ('2024-03-01 00:00:00+00')",
        )
    ]


def test_asking_again_makes_nothing(session: Session) -> None:
    assert ensure(session, "2024-01-01Z", "2024-03-01Z") == 2
    assert ensure(session, "2024-01-15Z", "2024-03-01Z") == 0


@pytest.mark.parametrize(
    ("first", "until"),
    [
        ("1899-12-31Z", "1900-02-01Z"),
        ("2200-01-01Z", "2201-01-02Z"),
        ("-infinity", "2024-01-01Z"),
        ("2024-01-01Z", "infinity"),
    ],
)
def test_refuses_spans_that_only_an_error_would_ask_for(
    session: Session, first: str, until: str
) -> None:
    with pytest.raises(DBAPIError, match="1900 to 2200"):
        ensure(session, first, until)


def test_two_imports_at_once_make_each_month_once(database_urls: DatabaseUrls) -> None:
    engine = make_engine(database_urls.app, pool_size=4)

    def import_year(_: int) -> int:
        with Session(engine) as session, session.begin():
            return ensure(session, "2021-01-01Z", "2022-01-01Z")

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(import_year, range(4)))
    engine.dispose()

    assert sorted(made) == [0, 0, 0, 12]


def test_readers_go_on_while_a_partition_is_being_made(
    filled_urls: DatabaseUrls,
) -> None:
    engine = make_engine(filled_urls.app, pool_size=2, statement_timeout_s=1)
    with Session(engine) as maker, Session(engine) as reader:
        assert ensure(maker, "2025-01-01Z", "2025-02-01Z") == 1  # not committed
        assert reader.scalar(text("select count(*) from telemetry")) == 1
    engine.dispose()


def test_a_partition_keeps_the_rules_of_the_table(filled_urls: DatabaseUrls) -> None:
    engine = make_engine(filled_urls.app, pool_size=1)
    for values in (
        "(1, '2023-08-01 06:30Z', 1, 30)",
        "(1, '2023-08-01 06:00Z', 1, 'NaN')",
        "(1, '2023-08-01 06:00Z', 1, 1e308)",
        "(99, '2023-08-01 06:00Z', 1, 30)",
        "(1, '2023-08-01 06:00Z', 99, 30)",
        "(1, '2023-08-01 05:00Z', 1, 30)",
        "(1, '2023-09-01 00:00Z', 1, 30)",
    ):
        columns = "region_id, hour_utc, batch_id, temperature_c"
        statement = f"insert into telemetry ({columns}) values {values}"  # noqa: S608
        with engine.connect() as connection, pytest.raises(DBAPIError):
            connection.execute(text(statement))
    engine.dispose()


@pytest.fixture
def filled(filled_urls: DatabaseUrls) -> DatabaseUrls:
    """One hour with 31 degC (30 before its correction) and no load; a second batch."""
    engine = make_engine(filled_urls.app, pool_size=1)
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into ingest_batch (source_label, format, content_sha256,"
                " origin, region_slugs, quantities, rows_read, rows_inserted,"
                " rows_updated, rows_unchanged, rows_refused, actor_id)"
                " select source_label, format, content_sha256, origin, region_slugs,"
                " quantities, 0, 0, 0, 0, 0, 1 from ingest_batch"
            )
        )
    engine.dispose()
    return filled_urls


@pytest.mark.parametrize(
    ("temperature_c", "it_load_mw", "kept"),
    [
        (32.0, None, True),  # a value changes
        (None, None, True),  # a value goes away
        (31.0, 50.0, False),  # a gap is filled
        (31.0, None, False),  # nothing changes but the batch
    ],
)
def test_a_correction_keeps_what_it_replaced(
    filled: DatabaseUrls,
    temperature_c: float | None,
    it_load_mw: float | None,
    kept: bool,
) -> None:
    engine = make_engine(filled.app, pool_size=1)
    with engine.begin() as connection:
        connection.execute(
            _UPSERT, {"temperature_c": temperature_c, "it_load_mw": it_load_mw}
        )
        rows = connection.execute(
            text(
                "select temperature_c, it_load_mw, batch_id, replaced_by_batch_id"
                " from telemetry_revision order by id"
            )
        ).all()
    engine.dispose()

    assert rows[0] == (30.0, None, 1, 1)
    assert rows[1:] == ([(31.0, None, 1, 2)] if kept else [])


def test_a_correction_keeps_every_digit_of_every_quantity(
    filled: DatabaseUrls,
) -> None:
    values = {quantity.value: 10 + n / 3 for n, quantity in enumerate(Quantity)}
    sets = ", ".join(f"{name} = :{name}" for name in values)
    update = text(f"update telemetry set batch_id = :batch_id, {sets}")  # noqa: S608
    columns = ", ".join(values)
    read = text(f"select {columns} from telemetry_revision order by id desc limit 1")  # noqa: S608
    engine = make_engine(filled.app, pool_size=1)
    with engine.begin() as connection:
        connection.execute(text("set local extra_float_digits = -15"))
        connection.execute(update, {"batch_id": 1, **values})
        connection.execute(update, {"batch_id": 2, **dict.fromkeys(values, 1.0)})
    with engine.connect() as connection:
        assert tuple(connection.execute(read).one()) == tuple(values.values())
    engine.dispose()


def test_a_correction_keeps_a_quantity_that_came_later(filled: DatabaseUrls) -> None:
    engine = make_engine(filled.owner, pool_size=1)
    with engine.begin() as connection:
        for table in ("telemetry", "telemetry_revision"):
            connection.execute(text(f"alter table {table} add inlet_c float8"))
        connection.execute(text("update telemetry set batch_id = 1, inlet_c = 24.5"))
        connection.execute(text("update telemetry set batch_id = 2, inlet_c = 25.0"))
        kept = connection.scalars(
            text("select inlet_c from telemetry_revision order by id")
        ).all()
    engine.dispose()

    assert kept == [None, 24.5]
