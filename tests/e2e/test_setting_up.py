"""From an empty portal to the first verdict, without a shell.

Only what the worker does between two clicks is done by the test, by the worker's own
functions: train, and score past days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.days import full_hour
from core.forecasts import Target
from orchestrator.operations import setup_jobs
from orchestrator.regions.policies import ensure_first_policy
from orchestrator.telemetry.demo_regions import demo_profile
from orchestrator.telemetry.generated_files import write_generated_csv
from tests.asking import NOW
from tests.conftest import PostgresForTests
from tests.e2e.people import PASSWORD, add_people
from tests.e2e.portal_browser import PortalBrowser
from tests.e2e.serving import Portal, serve
from tests.e2e.visitor import Visitor
from tests.fleet import SEED, runtime_on

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

N_DAYS = 200
SLUG = "site"


@pytest.fixture
def empty_portal(
    postgres: PostgresForTests, tmp_path: Path, free_port: int
) -> Iterator[Portal]:
    """A portal with a policy and people, and nothing else."""
    urls = postgres.urls(postgres.create(prefix="setup"))
    runtime = runtime_on(urls)
    with runtime.request_as("worker") as request:
        ensure_first_policy(request, runtime.settings.first_policy())
    add_people(urls)
    with serve(runtime, urls, tmp_path, port=free_port) as portal:
        yield portal
    runtime.engine.dispose()


@pytest.fixture
def admin(dash_br: PortalBrowser, empty_portal: Portal) -> Iterator[Visitor]:
    yield Visitor(browser=dash_br, portal=empty_portal)
    dash_br.forget_everything(empty_portal.url)


def site_file(folder: Path) -> Path:
    """Hours of a site that lies where a demo region does, under its own name."""
    profile = demo_profile("ireland")
    region = replace(profile.region, slug=SLUG, is_synthetic=False)
    path = folder / "site.csv"
    write_generated_csv(
        path,
        [replace(profile, region=region)],
        start_utc=full_hour(NOW) - timedelta(days=N_DAYS),
        end_utc=full_hour(NOW),
        seed=SEED,
    )
    return path


def test_an_empty_portal_comes_to_its_first_forecast_by_its_pages_alone(
    admin: Visitor, empty_portal: Portal, tmp_path: Path
) -> None:
    admin.come_in("ada")
    admin.sees("#setup-steps", "Add a region", "Invite people")
    admin.follow("Add a region", "#setup-steps")
    admin.holds("#region-it-capacity-mw", "100")
    for field, value in (
        ("slug", SLUG),
        ("name", "Our site"),
        ("time-zone", "Europe/Dublin"),
        ("latitude-deg", "53.3"),
        ("longitude-deg", "-6.3"),
    ):
        admin.type_into(f"#region-{field}", value)
    admin.click("#regions-save")
    admin.sees("#regions-list", "Our site")

    admin.open(f"/regions/{SLUG}")
    admin.sees("#region-steps", "telemetry")
    admin.follow("Import a file", "#region-steps")
    admin.browser.wait_for_element("#telemetry-file").send_keys(
        str(site_file(tmp_path))
    )
    admin.choose("#telemetry-form [name=carbon_kind]", "life-cycle average")
    admin.click("#telemetry-look")
    admin.sees("#telemetry-preview", "hourly", "temperature_c")
    admin.click("#telemetry-send")
    admin.sees("#telemetry-import", "site.csv", f"{24 * N_DAYS:,} new", timeout_s=60)

    admin.open(f"/regions/{SLUG}")
    admin.sees("#region-steps", "model")
    admin.type_into("#region-password", PASSWORD)
    admin.click("#region-train")
    admin.sees("#region-tasks", "Training models", "waits for the worker")
    setup_jobs.train_next(
        empty_portal.runtime, list(Target).index(Target.TEMPERATURE_C)
    )
    admin.open("/admin/models")
    admin.sees("#models-serving", "Temperature model 1")
    admin.sees("#models-versions", "validated")

    admin.open(f"/regions/{SLUG}")
    admin.waits_for_enabled("#region-hindcast")
    admin.type_into("#region-password", PASSWORD)
    admin.click("#region-hindcast")
    admin.sees("#region-tasks", "waits for the worker")
    setup_jobs.hindcast_one(empty_portal.runtime, SLUG)
    admin.sees("#region-steps", "First forecast (done) issued")
    # With the step, and not with the page's next minute.
    admin.sees("#region-now", "APPROVED", "Our site")
    admin.follow("Forecast", "#region-now")
    admin.sees("#forecast-sentence", "Chance that Our site exceeds", "APPROVED")
    admin.open("/")
    admin.sees("#fleet-headline", "No trouble: all 1 regions are APPROVED.")
    assert admin.browser.console_errors() == []
