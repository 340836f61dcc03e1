"""A synthetic fleet for measurements of the cycle: copies of a small one.

Each copy has the last weeks of telemetry, a year of scores of one local hour of issue,
and the week's fits of the plain model: what a cycle reads.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.engine import Engine

from benchmarks.figures import process_cpu_s
from core.days import full_hour
from core.telemetry import HOUR
from core.version import CODE_VERSION
from db.engine import DatabaseUrls, libpq_url, make_engine
from db.local_roles import create_database, tighten_database
from db.local_server import LocalServer
from db.migrate import upgrade
from db.users import system_actor
from models.plain_model import week_start
from orchestrator.cycle.issuance import issue_live
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.scoring import score_finished_windows
from orchestrator.jobs import CHUNK_REGIONS
from orchestrator.logs import configure_logging
from orchestrator.regions.region_choice import active_regions
from tests.asking import NOW, asking
from tests.fleet import make_fleet, runtime_on
from tests.long_fleet import copied_columns

CYCLE_AT = NOW - HOUR
"""The clock of the cycle that is measured; its telemetry is there."""

DAY_BEFORE = CYCLE_AT - 24 * HOUR
"""The clock of the cycle whose windows it scores."""

_SETTINGS = {"shared_buffers": "256MB", "max_parallel_workers_per_gather": "0"}
"""So that a connection's server does all of its work, and its time is counted."""

_KEPT_H = 24 * 42
_SCORE_COPIES = 3
_DAYS_OF_SCORES = 140


def log_errors_only() -> None:
    """Keep what the measured work says out of the figures."""
    configure_logging(
        level="ERROR", log_format="text", app_name="gfo", app_version=CODE_VERSION
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredFleet:
    """A server with a long fleet, whose cycle of `DAY_BEFORE` is carried out."""

    server: LocalServer
    n_regions: int

    @property
    def superuser(self) -> str:
        """The superuser's address."""
        return libpq_url(self.server.superuser_url)

    def copied(self) -> DatabaseUrls:
        """A new copy of the fleet's database, in place of the one before."""
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            connection.execute("drop database if exists measured with (force)")
            create_database(connection, "measured", template="gfo")
            tighten_database(connection, "measured")
        return self.server.home.urls("measured")


@contextmanager
def measured_fleet(folder: Path, n_regions: int) -> Iterator[MeasuredFleet]:
    """The fleet of the folder's server, about so long: made once, and kept there."""
    log_errors_only()
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    with LocalServer.own(folder, settings=_SETTINGS) as server:
        upgrade(server.urls)
        yield MeasuredFleet(
            server=server, n_regions=make_long_fleet(server.urls, n_regions)
        )


def make_long_fleet(urls: DatabaseUrls, n_regions: int) -> int:
    """Fill a migrated database with about so many regions; goes on where it stopped."""
    engine, day_before = make_engine(urls.owner), full_hour(DAY_BEFORE)
    with engine.connect() as connection:
        is_made, is_long, is_scored = (
            connection.scalar(text(f"select exists (select from {where})"))  # noqa: S608
            for where in (
                "forecast",
                "region where slug like 'copy-%'",
                f"forecast where kind = 'live' and issued_at_utc = '{day_before}'",
            )
        )
    if not is_made:
        make_fleet(urls)
    if not is_long:
        with engine.begin() as connection:
            originals = connection.scalars(text("select count(*) from region")).one()
            _copy_regions(connection, n_regions // originals - 1)
            _copy_rows(connection, "telemetry", f"t.hour_utc >= '{_since()}'")
            _copy_rows(connection, "interval_calibration", "true")
            _copy_scores(connection)
            _copy_fits(connection)
        analyze(engine)
    if not is_scored:
        carry_out(urls, DAY_BEFORE)
        analyze(engine)
    with engine.connect() as connection:
        n_made: int = connection.scalars(text("select count(*) from region")).one()
    engine.dispose()
    return n_made


def analyze(engine: Engine) -> None:
    """Vacuum all tables and count their values for the planner."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a cycle took.

    Attributes
    ----------
    python_s, postgres_s, models_s : float
        Processor seconds of this process, of its connections' servers, and of the
        process that runs models, its start included.
    began_s, ended_s : float
        By the clock that all processes of the machine share.
    """

    python_s: float
    postgres_s: float
    models_s: float
    began_s: float
    ended_s: float


def carry_out(
    urls: DatabaseUrls, at_utc: datetime, share: int = 0, n_shares: int = 1
) -> Spent:
    """Every so manieth chunk of the cycle at a clock."""
    runtime, cache = runtime_on(urls, at_utc), ModelCache()
    with runtime.transaction() as session:
        found = active_regions(session)
    chunks = [found[i : i + CHUNK_REGIONS] for i in range(0, len(found), CHUNK_REGIONS)]
    own_s, began_s, postgres_s = time.process_time(), time.monotonic(), 0.0
    for chunk in chunks[share::n_shares]:
        for work in ("score", "issue"):
            with runtime.transaction() as session:
                backend = session.scalar(text("select pg_backend_pid()")) or 0
                before_s = process_cpu_s(backend)
                request = asking(session, system_actor(session, "worker"), now=at_utc)
                if work == "score":
                    score_finished_windows(request, stored_regions=chunk)
                else:
                    issue_live(
                        request,
                        cache,
                        issued_at_utc=full_hour(at_utc),
                        stored_regions=chunk,
                    )
            postgres_s += process_cpu_s(backend) - before_s  # its commit included
    ended_s, own_s = time.monotonic(), time.process_time() - own_s
    of_others_s = _children_s()
    cache.close()
    runtime.engine.dispose()
    return Spent(
        python_s=own_s,
        postgres_s=postgres_s,
        models_s=_children_s() - of_others_s,
        began_s=began_s,
        ended_s=ended_s,
    )


def _children_s() -> float:
    """Processor seconds of children that ended and were waited for."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


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
