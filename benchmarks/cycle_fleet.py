"""A synthetic fleet for measurements of the cycle: copies of a small one.

Each copy has the last weeks of telemetry, a year of scores of one local hour of issue,
and the week's fits of the plain model: what a cycle reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
from sqlalchemy import Connection, text

from core.days import full_hour
from core.telemetry import HOUR
from core.version import CODE_VERSION
from db.engine import DatabaseUrls, libpq_url, make_engine
from db.local_roles import create_database, tighten_database
from db.local_server import LocalServer
from db.migrate import upgrade
from models.plain_model import week_start
from orchestrator.logs import configure_logging
from tests.asking import NOW
from tests.fleet import make_fleet
from tests.long_fleet import copied_columns

CYCLE_AT = NOW - HOUR
"""The clock of the cycle that is measured; its telemetry is there."""

DAY_BEFORE = CYCLE_AT - 24 * HOUR
"""The clock of the cycle whose windows it scores."""

_KEPT_H = 24 * 42
_SCORE_COPIES = 3
_DAYS_OF_SCORES = 140


def log_errors_only() -> None:
    """Keep what the measured work says out of the figures."""
    configure_logging(
        level="ERROR", log_format="text", app_name="gfo", app_version=CODE_VERSION
    )


@contextmanager
def measured_fleet(folder: Path, n_regions: int) -> Iterator[tuple[DatabaseUrls, str]]:
    """A new copy of the fleet in the folder's server, and the superuser's address.

    The fleet itself is made once, and stays in the folder.
    """
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    with LocalServer.own(folder, settings={"shared_buffers": "256MB"}) as server:
        upgrade(server.urls)
        make_long_fleet(server.urls, n_regions)
        superuser = libpq_url(server.superuser_url)
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("drop database if exists measured with (force)")
            create_database(connection, "measured", template="gfo")
            tighten_database(connection, "measured")
        yield server.home.urls("measured"), superuser


def make_long_fleet(urls: DatabaseUrls, n_regions: int) -> None:
    """Fill a migrated database with about so many regions."""
    engine = make_engine(urls.owner)
    with engine.connect() as connection:
        is_made = connection.scalar(text("select exists (select from forecast)"))
        is_long = connection.scalar(
            text("select exists (select from region where slug like 'copy-%')")
        )
    if not is_made:
        make_fleet(urls)
    if is_long:
        engine.dispose()
        return
    with engine.begin() as connection:
        originals = connection.scalars(text("select count(*) from region")).one()
        _copy_regions(connection, n_regions // originals - 1)
        _copy_rows(connection, "telemetry", f"t.hour_utc >= '{_since()}'")
        _copy_rows(connection, "interval_calibration", "true")
        _copy_scores(connection)
        _copy_fits(connection)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))
    engine.dispose()


def _since() -> str:
    return (full_hour(DAY_BEFORE) - _KEPT_H * HOUR).isoformat()


def _copy_regions(connection: Connection, n_copies: int) -> None:
    kept, values = copied_columns(
        connection,
        "region",
        {
            "slug": "'copy-' || c || '-' || t.slug",
            "name": "t.name || ' ' || c",
            "is_synthetic": "false",
        },
    )
    connection.execute(
        text(
            f"insert into region ({kept}) select {values} from region t"  # noqa: S608 -- columns
            " cross join generate_series(1, :n) c"
        ),
        {"n": n_copies},
    )
    connection.execute(text("update region set is_synthetic = false"))
    connection.execute(
        text(
            "create temporary table copied on commit drop as"
            " select c.id, o.id as of_id from region c join region o"
            " on c.slug like 'copy-%-' || o.slug"
        )
    )


def _copy_rows(connection: Connection, table: str, chosen: str) -> None:
    kept, values = copied_columns(connection, table, {"region_id": "c.id"})
    connection.execute(
        text(
            f"insert into {table} ({kept}) select {values} from {table} t"  # noqa: S608
            f" join copied c on c.of_id = t.region_id where {chosen}"
        )
    )


def _copy_scores(connection: Connection) -> None:
    """A year of one hour of issue, from the weeks that there are."""
    own = {"region_id": "r.id", "issued_at_utc": "t.issued_at_utc - k * :days"}
    kept, values = copied_columns(connection, "window_score", own)
    connection.execute(
        text(
            f"insert into window_score ({kept}) select {values} from window_score t"  # noqa: S608
            " cross join generate_series(0, :n) k join (select id, of_id from copied"
            " union all select id, id from region where slug not like 'copy-%') r"
            " on r.of_id = t.region_id and (k > 0 or r.id <> r.of_id)"
            " where extract(hour from t.issued_at_utc at time zone 'UTC') = :hour"
            " and t.issued_at_utc > :since and t.issued_at_utc < :until"
            " on conflict do nothing"
        ),
        {
            "n": _SCORE_COPIES - 1,
            "days": timedelta(days=_DAYS_OF_SCORES),
            "hour": full_hour(CYCLE_AT).hour,
            "since": full_hour(CYCLE_AT) - timedelta(days=_DAYS_OF_SCORES),
            "until": full_hour(DAY_BEFORE),
        },
    )


def _copy_fits(connection: Connection) -> None:
    """Those of the weeks of both cycles would differ: the fit of both is the same."""
    rows = connection.execute(
        text(
            "select c.id, r.slug, c.of_id from copied c join region r on r.id = c.id"
            " union all select id, slug, id from region where slug not like 'copy-%'"
        )
    ).all()
    kept, values = copied_columns(
        connection, "plain_fit", {"region_id": ":id", "week_start_utc": ":week"}
    )
    for region_id, slug, of_id in rows:
        connection.execute(
            text(
                f"insert into plain_fit ({kept}) select {values} from plain_fit t"  # noqa: S608
                " where region_id = :of_id and (issue_hour_utc = :hour or :id = :of_id)"
                " on conflict (region_id, issue_hour_utc, uses_runs)"
                " do update set week_start_utc = excluded.week_start_utc"
            ),
            {
                "id": region_id,
                "of_id": of_id,
                "week": week_start(slug, full_hour(CYCLE_AT)),
                "hour": full_hour(CYCLE_AT).hour,
            },
        )
