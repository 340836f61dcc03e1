"""What an hourly issue costs: statements, and telemetry read once for each region."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from core.days import full_hour
from core.forecasts import InputMode, Target
from core.telemetry import HOUR
from db import forecasts, plain_fits, policies
from models.plain_model import HISTORY_H
from orchestrator.cycle.issuance import issue_live
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.plain_bounds import past_plain_bounds
from orchestrator.regions.region_choice import active_regions
from orchestrator.windows.database_source import load_model_frame
from tests.asking import NOW, asking
from tests.fleet import Fleet

ISSUE = full_hour(NOW) - 3 * HOUR
MOST_PER_CHUNK = 30
"""So that a chunk of a hundred regions costs less than one statement a region."""


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
