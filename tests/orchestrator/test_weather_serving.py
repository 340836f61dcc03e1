"""Weather forecasts in service: training, hindcasts, live forecasts and scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from io import BytesIO

import numpy as np
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.days import full_hour
from core.forecasts import InputMode, Target
from core.telemetry import HOUR, Quantity
from db import decisions, forecasts, telemetry
from db.engine import libpq_url
from db.forecast_inputs import forecast_input
from db.forecasts import StoredForecast
from db.regions import StoredRegion
from db.users import system_actor
from models.metadata import Family
from orchestrator.cycle.issuance import issue_live
from orchestrator.decisions.model_replay import replay_all
from orchestrator.decisions.records import read_inputs
from orchestrator.forecasts.hindcasts import hindcast_regions
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.run_views import run_view
from orchestrator.forecasts.scoring import score_finished_windows
from orchestrator.regions.policies import ensure_first_policy
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.training import train_models
from orchestrator.runtime import Runtime
from orchestrator.telemetry.demo_regions import first_demo_profiles
from orchestrator.telemetry.imports import generate_telemetry
from orchestrator.telemetry.weather_forecast_imports import import_weather_forecasts
from orchestrator.windows.database_source import load_region_window
from tests.asking import NOW, asking
from tests.conftest import PostgresForTests
from tests.fleet import SEED, runtime_on
from tests.stored_bounds import recomputed_bounds

pytestmark = pytest.mark.slow

N_DAYS = 260
END = full_hour(NOW)
FRESH = END - 72 * HOUR
"""The last issue with runs; none came in the three days after it."""

TEMPERATURE = Quantity.TEMPERATURE_C


def _runs_file(session: Session, slug: str) -> bytes:
    """Runs every six hours until `FRESH`, a degree too cold, errors growing with lead.

    And one of absurd heat, named before it but known a minute later.
    """
    start = END - timedelta(days=N_DAYS)
    truth = telemetry.load_frame(session, slug, start, END).column(TEMPERATURE)
    random = np.random.default_rng(8)
    lines = ["region,issued_at_utc,known_at_utc,lead_h,temperature_c_forecast"]
    for hour in range(0, N_DAYS * 24, 6):
        issued = start + hour * HOUR
        known = issued + timedelta(minutes=20)
        if known > FRESH:
            break
        error = np.cumsum(random.normal(0, 0.08, 48)) - 1.0
        for lead_h in range(1, min(49, len(truth) - hour)):
            value = truth[hour + lead_h] + error[lead_h - 1]
            lines.append(
                f"{slug},{issued.isoformat()},{known.isoformat()},{lead_h},{value:.2f}"
            )
    late = (FRESH + timedelta(minutes=1)).isoformat()
    issued_text = (FRESH - HOUR).isoformat()
    lines += [f"{slug},{issued_text},{late},{lead_h},59" for lead_h in range(1, 30)]
    return "\n".join(lines).encode()


def _require_free_chain(owner_url: str, _message: str) -> None:
    """While a model is trained and evaluated, logins and decisions are recorded."""
    with psycopg.connect(libpq_url(owner_url)) as connection:
        connection.execute("select seq from audit_head for update nowait")


@pytest.fixture(scope="module")
def served(postgres: PostgresForTests) -> Iterator[Runtime]:
    """One region with runs; a model that uses them, hindcasts and two live issues."""
    name = postgres.create()
    runtime = runtime_on(postgres.urls(name))
    with runtime.transaction() as session:
        request = asking(session, system_actor(session, "worker"))
        ensure_first_policy(request, runtime.settings.first_policy())
        generate_telemetry(
            request,
            first_demo_profiles(1),
            start_utc=END - timedelta(days=N_DAYS),
            end_utc=END,
            seed=SEED,
        )
    with runtime.transaction() as session:
        request = asking(session, system_actor(session, "cli"))
        found = active_regions(session)
        content = _runs_file(session, found[0].region.slug)
        import_weather_forecasts(request, BytesIO(content), label="runs.csv")
    with runtime.transaction() as session:
        request = asking(session, system_actor(session, "cli"))
        (trained,) = train_models(
            request,
            targets=[Target.TEMPERATURE_C],
            until_day=(END - timedelta(days=150)).date(),
            seed=SEED,
            family=Family.RIDGE,
            activate=False,
            on_progress=partial(_require_free_chain, postgres.urls(name).owner),
        )
        assert trained.state == "validated", trained.findings
        hindcast_regions(
            request,
            ModelCache(),
            stored_regions=found,
            compared_with=found,
            from_day=(END - timedelta(days=149)).date(),
            until_day=NOW.date() + timedelta(days=1),
        )
        for issue in (FRESH, END):
            issue_live(request, ModelCache(), issued_at_utc=issue, stored_regions=found)
    yield runtime
    runtime.engine.dispose()
    postgres.drop(name)


def _live(session: Session, hours_ago: int) -> tuple[StoredRegion, StoredForecast]:
    (region,) = active_regions(session)
    stored = forecasts.forecast_at(
        session,
        region_id=region.region_id,
        target=Target.TEMPERATURE_C,
        issued_at_utc=END - hours_ago * HOUR,
    )
    assert stored is not None
    assert stored.kind == "live"
    return region, stored


def test_a_live_forecast_says_which_run_it_rests_on(served: Runtime) -> None:
    with served.transaction() as session:
        region, stored = _live(session, 72)
        assert stored.input_mode is InputMode.RUN_12H
        assert stored.run_issued_at_utc is not None
        assert FRESH - 7 * HOUR < stored.run_issued_at_utc <= FRESH
        assert stored.day_bound_c is not None
        truth = telemetry.load_frame(
            session, region.region.slug, FRESH, FRESH + 24 * HOUR
        ).column(TEMPERATURE)
        # Neither the run of 59 degC nor a bare correction of the day before.
        assert np.abs(np.array(stored.mean) - truth).max() < 3.0


def test_after_an_outage_telemetry_alone_serves_calibrated_by_its_own_scores(
    served: Runtime,
) -> None:
    with served.transaction() as session:
        region, stored = _live(session, 0)
        assert stored.input_mode is InputMode.TELEMETRY
        assert stored.run_issued_at_utc is None
        assert stored.day_bound_c is not None
        _, fresh = _live(session, 72)
        margin = stored.day_bound_c - max(stored.mean)
        assert fresh.day_bound_c is not None
        assert margin > fresh.day_bound_c - max(fresh.mean)
        window = load_region_window(
            session, region, issued_at_utc=END, now=NOW, is_simulation=False
        )
        check = window.outlook.check()
        assert check is not None
        assert check.bound == stored.day_bound_c


def test_stored_bounds_are_those_of_their_own_mode(served: Runtime) -> None:
    with served.transaction() as session:
        (region,) = active_regions(session)
        assert recomputed_bounds(session, region.region.slug) > 20
        modes = session.scalars(
            text("select distinct input_mode from forecast where kind = 'hindcast'")
        ).all()
        assert {"run_12h", "telemetry"} <= set(modes)


def test_the_kept_input_gives_the_forecast_again(served: Runtime) -> None:
    with served.transaction() as session:
        for hours_ago in (0, 72):
            _, stored = _live(session, hours_ago)
            cache = ModelCache()
            serving = cache.serving(session, Target.TEMPERATURE_C)
            assert serving is not None
            assert serving.runtime.contract.contract_version == 2
            given = forecast_input(session, stored.forecast_id)
            assert given is not None
            mean, scale = serving.runtime.predict(
                given.features[None, :], np.array([given.region_index])
            )
            cache.close()
            assert mean[0].tolist() == list(stored.mean)
            assert scale[0].tolist() == list(stored.scale)


def test_a_finished_window_is_scored_in_every_mode(served: Runtime) -> None:
    with served.transaction() as session:
        region, stored = _live(session, 72)
        score_finished_windows(
            asking(session, system_actor(session, "worker")), stored_regions=[region]
        )
        said = forecasts.modes_of(session, {region.slug: [stored]})
        kept = {item.input_mode for item in said[stored.forecast_id]}
        assert len(kept) == len(said[stored.forecast_id])
        assert said[stored.forecast_id][0].input_mode is stored.input_mode
        stored_beside = session.scalars(
            text("select input_mode from forecast_mode where forecast_id = :id"),
            {"id": stored.forecast_id},
        ).all()
        assert set(stored_beside) == {mode.value for mode in kept - {stored.input_mode}}
        scored = session.scalars(
            text(
                "select input_mode from window_score where issued_at_utc = :issue"
                " and score is not null"
            ),
            {"issue": FRESH},
        ).all()
        assert {InputMode.RUN_12H, InputMode.RUN_24H, InputMode.TELEMETRY} <= kept
        assert set(scored) == {mode.value for mode in kept}


def test_the_page_shows_the_run_its_age_raw_values_and_worth(served: Runtime) -> None:
    with served.transaction() as session:
        region, stored = _live(session, 72)
        run = run_view(session, region, stored, issued_at_utc=FRESH, now=NOW)
        assert run is not None
        assert run.issued_at_utc == stored.run_issued_at_utc
        assert run.age_h is not None
        assert 0 <= run.age_h <= 7
        assert len(run.raw_c) == 24
        # The raw run is a degree too cold, and none of it is the run of 59 degC.
        assert all(value is not None and value < 58 for value in run.raw_c)
        assert run.worth is not None
        assert run.worth.n_days > 20
        assert run.worth.rmse_c < 0.7 * run.worth.rmse_without_c
        assert run.worth.rmse_raw_c is not None
        assert run.worth.rmse_c < run.worth.rmse_raw_c


def test_the_page_says_when_telemetry_alone_served(served: Runtime) -> None:
    with served.transaction() as session:
        region, stored = _live(session, 0)
        run = run_view(session, region, stored, issued_at_utc=END, now=NOW)
        assert run is not None
        assert run.issued_at_utc is None
        assert "Telemetry alone" in run.mode
        assert set(run.raw_c) == {None}


def test_decisions_name_the_run_they_rest_on_and_replay_with_it(
    served: Runtime,
) -> None:
    with served.transaction() as session:
        request = asking(session, system_actor(session, "cli"))
        rested = {}
        for replay in replay_all(request):
            assert replay.differences == ()
            stored = decisions.decision_by_id(session, replay.decision_id)
            inputs = read_inputs(stored.facts.inputs_text)
            rested[inputs.window_start_utc] = inputs.source
        assert rested[FRESH].input_mode is InputMode.RUN_12H
        assert rested[FRESH].run_issued_at_utc is not None
        assert rested[END].input_mode is InputMode.TELEMETRY
        assert rested[END].run_issued_at_utc is None


def test_a_run_that_comes_within_the_hour_of_an_issue_is_used_at_once(
    served: Runtime,
) -> None:
    """Last: it brings a run."""
    within = END + timedelta(minutes=25)
    with served.transaction() as session:
        region, before = _live(session, 0)
        issued = END - 3 * HOUR
        lines = ["region,issued_at_utc,known_at_utc,lead_h,temperature_c_forecast"]
        lines += [
            f"{region.slug},{issued.isoformat()},{within.isoformat()},{lead_h},20"
            for lead_h in range(48)
        ]
        request = replace(
            asking(session, system_actor(session, "cli")), now=within + HOUR / 60
        )
        import_weather_forecasts(
            request, BytesIO("\n".join(lines).encode()), label="new.csv"
        )

        def issue(now: datetime) -> StoredForecast:
            issue_live(
                replace(request, now=now),
                ModelCache(),
                issued_at_utc=END,
                stored_regions=[region],
            )
            return _live(session, 0)[1]

        assert issue(END + timedelta(minutes=20)).revision == before.revision
        found = issue(request.now)
        assert found.revision == before.revision + 1
        assert found.input_mode is InputMode.RUN_12H
        assert found.run_issued_at_utc == issued
        assert found.runs_known_by_utc == request.now
        # The same again changes nothing; nor does a later look at the same issue.
        for later in (request.now + HOUR / 4, END + 2 * HOUR):
            assert issue(later).forecast_id == found.forecast_id
