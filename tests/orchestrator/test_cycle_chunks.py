"""A chunk of regions gets what each of them would get alone, bit by bit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from core.days import full_hour
from core.telemetry import HOUR
from db.engine import libpq_url
from db.users import system_actor
from orchestrator.cycle.issuance import issue_live
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.scoring import score_finished_windows
from orchestrator.jobs import CHUNK_REGIONS
from orchestrator.regions.region_choice import active_regions
from tests.asking import NOW, asking
from tests.conftest import PostgresForTests
from tests.e2e.real_fleet import make_real_fleet
from tests.fleet import runtime_on

STORED = """
select to_jsonb(t) - 'created_at_utc' from forecast t order by id;
select to_jsonb(t) from forecast_input t order by forecast_id;
select to_jsonb(t) from forecast_mode t order by forecast_id, input_mode;
select to_jsonb(t) - 'id' - 'created_at_utc' from window_score t
order by region_id, model_version_id, issued_at_utc, input_mode, revision;
select to_jsonb(t) from model_watch t
order by region_id, model_version_id, local_issue_hour;
select to_jsonb(t) - 'created_at_utc' from decision t order by id;
select (payload::jsonb - 'occurred_at_utc') #- '{after,record_sha256}'
from audit_event order by seq
"""
"""Decisions with the canonical text of their inputs, reasons and bounds."""


def cycle_in_chunks(
    postgres: PostgresForTests, template: str, instants: Sequence[datetime], size: int
) -> list[list[object]]:
    """All that cycles at these clocks leave in a copy, with chunks of this size."""
    name = postgres.create(prefix="chunks", template=template)
    cache = ModelCache()
    for now in instants:
        runtime = runtime_on(postgres.urls(name), now)
        with runtime.transaction() as session:
            request = asking(session, system_actor(session, "worker"), now=now)
            found = active_regions(session)
            chunks = [found[i : i + size] for i in range(0, len(found), size)]
            for chunk in chunks:
                score_finished_windows(request, stored_regions=chunk)
            for chunk in chunks:
                issue_live(
                    request, cache, issued_at_utc=full_hour(now), stored_regions=chunk
                )
        with runtime.transaction() as session:
            stored = [list(session.scalars(text(query))) for query in STORED.split(";")]
        runtime.engine.dispose()
    cache.close()
    postgres.drop(name)
    return stored


def require_alike(
    postgres: PostgresForTests, template: str, instants: Sequence[datetime]
) -> list[list[object]]:
    alone = cycle_in_chunks(postgres, template, instants, 1)
    together = cycle_in_chunks(postgres, template, instants, CHUNK_REGIONS)
    for rows, others in zip(alone, together, strict=True):
        assert rows == others
    return together


@pytest.mark.slow
def test_a_chunk_stores_what_its_regions_would_alone(
    postgres: PostgresForTests,
    _fleet_template: str,  # noqa: PT019 -- the name of a database
) -> None:
    """One region's newest hours are late, another's came too late for a forecast."""
    spoilt = postgres.create(prefix="spoilt", template=_fleet_template)
    with psycopg.connect(libpq_url(postgres.urls(spoilt).owner)) as connection:
        late = "delete from telemetry where hour_utc >= %s and region_id = %s"
        connection.execute(late, [full_hour(NOW) - 3 * HOUR, 1])
        connection.execute(late, [full_hour(NOW) - 20 * HOUR, 2])
    day = timedelta(days=1)
    clocks = [NOW - day - HOUR, NOW - 2 * HOUR, NOW - HOUR, NOW - HOUR]
    forecasts, *_, decisions, events = require_alike(postgres, spoilt, clocks)
    postgres.drop(spoilt)
    assert len(forecasts) > len(clocks)
    assert len(decisions) < len(events)


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.skipif(
    os.environ.get("GFO_TEST_FULL") != "1", reason="minutes: ./test --full"
)
def test_real_regions_together_get_what_they_get_alone(
    postgres: PostgresForTests, real_data: Path
) -> None:
    name = postgres.create(prefix="real")
    make_real_fleet(postgres.urls(name), real_data).engine.dispose()
    first = datetime(2023, 9, 4, 20, 10, tzinfo=UTC)
    clocks = [first + n_hours * HOUR for n_hours in (0, 1, 24, 25, 26, 49)]
    forecasts, *_, decisions, _ = require_alike(postgres, name, clocks)
    postgres.drop(name)
    assert len(forecasts) >= len(clocks)
    assert len(decisions) == 2 * len(clocks)
