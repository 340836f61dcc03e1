"""Long work takes the head of the audit chain last: people log in meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO

import pytest
from sqlalchemy import text

from core.forecasts import Target
from core.telemetry import VALID_RANGES
from models.metadata import Family
from orchestrator.accounts import administration, logins
from orchestrator.accounts.logins import Login, RefusedLogin
from orchestrator.accounts.tries import Client
from orchestrator.forecasts.hindcasts import hindcast_regions
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.regions.changes import RegionDraft, add_region
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.training import train_models
from orchestrator.telemetry.imports import FileToImport, import_telemetry
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.use_cases import Request
from tests.asking import NOW, asking
from tests.fleet import TRAINED_UNTIL, Fleet

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Ada:
    """Somebody who logs in as often as long work says how far it is."""

    fleet: Fleet
    password: str
    logins: list[Login]

    def log_in(self, *_progress: object) -> None:
        """Come in at once; waiting for a lock fails."""
        with self.fleet.runtime.transaction() as session:
            session.execute(text("set local lock_timeout = '1s'"))
            attempt = logins.begin_login(
                asking(session, None),
                name="ada",
                client=Client(address="192.0.2.1", user_agent=None),
            )
        assert not isinstance(attempt, RefusedLogin)
        with self.fleet.runtime.transaction() as session:
            session.execute(text("set local lock_timeout = '1s'"))
            login = logins.log_in(
                asking(session, None), attempt, password=self.password
            )
        assert isinstance(login, Login)
        self.logins.append(login)


@pytest.fixture
def ada(fleet: Fleet) -> Ada:
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        password = administration.ensure_first_admin(request, "ada", None)
    assert password is not None
    return Ada(fleet, password, [])


def _import(request: Request, ada: Ada) -> None:
    draft = RegionDraft(
        slug="dublin",
        name="Dublin",
        time_zone="Europe/Dublin",
        latitude_deg=53.3,
        longitude_deg=-6.3,
    )
    with ada.fleet.runtime.transaction() as session:
        add_region(asking(session, ada.fleet.actor(session)), draft)
    lines = [
        f"{NOW - timedelta(hours=hours):%Y-%m-%dT%H}:00:00Z,dublin,{10 + hours % 5}"
        for hours in range(2_000, 1, -1)
    ]
    content = "\n".join(["timestamp,region,temperature_c", *lines])
    file = FileToImport(
        source=BytesIO(content.encode()),
        label="dublin.csv",
        telemetry_format=TelemetryFormat.CSV,
    )
    import_telemetry(request, file, ranges=VALID_RANGES, on_progress=ada.log_in)


def _train(request: Request, ada: Ada) -> None:
    train_models(
        request,
        targets=[Target.WET_BULB_C, Target.IT_LOAD_MW],
        until_day=TRAINED_UNTIL - timedelta(days=1),
        seed=7,
        family=Family.RIDGE,
        activate=False,
        on_progress=ada.log_in,
    )


def _hindcast(request: Request, ada: Ada) -> None:
    found = active_regions(request.session)
    hindcast_regions(
        request,
        ModelCache(),
        stored_regions=found[:2],
        compared_with=found[:2],
        from_day=TRAINED_UNTIL + timedelta(days=1),
        until_day=TRAINED_UNTIL + timedelta(days=3),
        on_progress=ada.log_in,
    )


@pytest.mark.parametrize("work", [_import, _train, _hindcast])
def test_people_log_in_while_long_work_goes_on(ada: Ada, work: object) -> None:
    assert callable(work)
    with ada.fleet.runtime.transaction() as session:
        work(asking(session, ada.fleet.actor(session)), ada)
    assert len(ada.logins) >= 2
