"""What an hourly issue costs: statements, and telemetry read once for each region."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from core.days import full_hour
from core.forecasts import InputMode, Target
from core.telemetry import HOUR
from db import forecasts, plain_fits, policies, telemetry
from db.engine import make_engine
from models.plain_model import HISTORY_H
from orchestrator.cycle.issuance import issue_live
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.plain_bounds import past_plain_bounds
from orchestrator.forecasts.scoring import score_finished_windows
from orchestrator.jobs import CHUNK_REGIONS
from orchestrator.regions.region_choice import active_regions
from orchestrator.windows.database_source import load_model_frame
from tests.asking import NOW, asking
from tests.fleet import Fleet
from tests.long_fleet import copied_columns, lengthen

ISSUE = full_hour(NOW) - 3 * HOUR
MOST_PER_CHUNK = 30
"""So that a chunk of a hundred regions costs less than one statement a region."""
N_COPIES = 150  # of each of three regions
SPAN = 10 * 24 * HOUR
READ_BY_SCAN = """
select sum(seq_tup_read) from pg_stat_xact_user_tables where relname ~ '^telemetry_2'
"""


@contextmanager
def recorded() -> Iterator[list[str]]:
    """The statements sent meanwhile; COPY is not among them."""
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(" ".join(str(arguments[2]).split()))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_a_chunk_costs_few_statements_however_many_regions(fleet: Fleet) -> None:
    cache = ModelCache()
    with fleet.runtime.transaction() as session:
        worker = asking(session, fleet.actor(session, "worker"))
        found = active_regions(session)
        # The first issue of a week makes its fits.
        issue_live(worker, cache, issued_at_utc=ISSUE, stored_regions=found)
        before = set(session.scalars(text("select count(*) from plain_fit")))
        with recorded() as statements:
            summary = issue_live(
                worker, cache, issued_at_utc=ISSUE + HOUR, stored_regions=found
            )
        with recorded() as of_one:
            issue_live(
                worker, cache, issued_at_utc=ISSUE + 2 * HOUR, stored_regions=found[:1]
            )
        after = set(session.scalars(text("select count(*) from plain_fit")))
    cache.close()
    assert summary.issued == 4 * len(found)
    assert summary.decided == len(found)
    assert before == after == {24 * len(found)}
    assert len(statements) == len(of_one) <= MOST_PER_CHUNK
    of_hours = [s for s in statements if "FROM telemetry JOIN region" in s]
    assert len(of_hours) == 2  # their values once, and the kinds of their carbon


def test_scores_of_a_chunk_cost_few_statements_however_many_regions(
    fleet: Fleet,
) -> None:
    with fleet.runtime.transaction() as session:
        # So late that the windows of the fleet's issue do not wait for telemetry.
        worker = asking(
            session, fleet.actor(session, "worker"), now=NOW + 4 * 24 * HOUR
        )
        one, *others = active_regions(session)
        with recorded() as of_one:
            assert score_finished_windows(worker, stored_regions=[one]) == 1
        with recorded() as of_others:
            n_scored = score_finished_windows(worker, stored_regions=others)
    assert n_scored == len(others) > 1
    assert len(of_one) == len(of_others) <= MOST_PER_CHUNK // 2


def test_a_chunk_reads_the_hours_of_its_own_regions_only(fleet: Fleet) -> None:
    """A planner that joins by slug reads those of a fleet of some hundred regions."""
    lengthen(fleet.urls, N_COPIES)
    engine = make_engine(fleet.urls.owner)
    with engine.begin() as connection:
        kept, values = copied_columns(connection, "telemetry", {"region_id": "c.id"})
        connection.execute(
            text(
                f"insert into telemetry ({kept}) select {values} from telemetry t"  # noqa: S608 -- columns
                " join region o on o.id = t.region_id"
                " join region c on c.slug like 'copy-%-' || o.slug"
                " where t.hour_utc >= :since"
            ),
            {"since": ISSUE - SPAN},
        )
        connection.execute(text("analyze region, telemetry"))
    engine.dispose()
    with fleet.runtime.transaction() as session:
        session.execute(text("set local max_parallel_workers_per_gather = 0"))
        slugs = [item.slug for item in active_regions(session)][-CHUNK_REGIONS:]
        before = session.scalar(text(READ_BY_SCAN))
        telemetry.load_frames(session, slugs, ISSUE - SPAN, ISSUE)
        telemetry.carbon_kinds(session, slugs, ISSUE - SPAN, ISSUE)
        assert session.scalar(text(READ_BY_SCAN)) == before


def test_a_live_bound_is_the_one_that_two_years_give(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        for stored in active_regions(session):
            policy = policies.effective_policy(session, stored.region_id)
            issued = forecasts.forecast_at(
                session,
                region_id=stored.region_id,
                target=Target.TEMPERATURE_C,
                issued_at_utc=full_hour(NOW),
            )
            assert issued is not None
            assert issued.plain is not None
            instant = issued.issued_at_utc
            frame = load_model_frame(
                session, stored.slug, instant - HISTORY_H * HOUR, instant
            )
            (whole,) = past_plain_bounds(frame, [instant], policy, [issued.input_mode])
            assert whole is not None
            assert issued.plain.bound_c == whole.bound_c
            assert issued.plain.error_c == whole.error_c
            assert issued.input_mode is InputMode.TELEMETRY


def test_hours_that_change_later_make_the_fits_anew(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        (stored, *others) = active_regions(session)
        count = text("select count(*) from plain_fit where region_id = :id")
        for days, kept in ((1, 24), (30, 0)):
            plain_fits.forget_fits(
                session, [stored.region_id], full_hour(NOW) - days * 24 * HOUR
            )
            assert session.scalar(count, {"id": stored.region_id}) == kept
        assert session.scalar(count, {"id": others[0].region_id}) == 24


def test_no_fit_is_kept_while_hours_change(fleet: Fleet) -> None:
    """It would be made from the hours of before, and stay."""
    with fleet.runtime.transaction() as session:
        stored, *others = active_regions(session)
        plain_fits.forget_fits(session, [stored.region_id], full_hour(NOW))
        with fleet.runtime.transaction() as other:
            assert not plain_fits.may_keep_fits(other, stored.region_id)
            assert plain_fits.may_keep_fits(other, others[0].region_id)
