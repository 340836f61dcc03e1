"""Metrics: what they say, and who may read them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import text
from werkzeug.test import TestResponse

from core.audit import AuditAction
from db.engine import make_engine
from db.job_queue import worker_silences_s
from db.regions import list_regions
from orchestrator.forecasts.views import Group
from orchestrator.jobs import STALLED_AFTER_S
from orchestrator.operations.doctor import worker_of
from orchestrator.runtime import Runtime
from tests.fleet import Fleet
from tests.webapp.conftest import Portal, register_test_pages
from webapp.app import create_app

TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0aa55"
HERE = {"REMOTE_ADDR": "127.0.0.1"}


def _ask(
    runtime: Runtime, address: str = "127.0.0.1", **options: object
) -> TestResponse:
    client = create_app(runtime, register_test_pages).server.test_client()
    environ = {"REMOTE_ADDR": address}
    return client.get("/metrics", environ_overrides=environ, **options)


def _with(runtime: Runtime, **changes: object) -> Runtime:
    return replace(runtime, settings=runtime.settings.model_copy(update=changes))


def _samples(response: TestResponse) -> dict[tuple[str, ...], float]:
    assert response.status_code == 200, response.get_data(as_text=True)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.get_data(as_text=True))
        for sample in family.samples
    }


def test_requests_are_counted_by_route_and_never_by_what_was_typed(
    portal: Portal,
) -> None:
    client = portal.app.server.test_client()
    for path in ("/healthz", "/healthz", "/typed/by/a/stranger?x=whispered"):
        client.get(path)
    client.open("/healthz", method="BREW")
    text = client.get("/metrics", environ_overrides=HERE).get_data(as_text=True)
    assert 'method="GET",route="/healthz",status="200"} 2.0' in text
    assert 'route="/<path:path>",status="302"} 1.0' in text
    assert 'method="other",route="none",status="302"} 1.0' in text
    for typed in ("typed", "whispered", "BREW"):
        assert typed not in text


def test_the_installation_behind_it_is_measured(fleet: Fleet, tmp_path: Path) -> None:
    changes = {"data_dir": tmp_path, "secret_key": SecretStr(TOKEN)}
    samples = _samples(_ask(_with(fleet.runtime, **changes)))
    assert samples["gfo_database_up",] == 1
    assert samples["gfo_ready",] == 1
    assert samples["gfo_models_sound",] == 1
    assert samples["gfo_audit_chain_writable",] == 1
    assert samples["gfo_data_folder_free_bytes",] > 0
    assert samples["gfo_telemetry_age_seconds", "arizona"] == 25 * 60
    assert samples["gfo_forecast_age_seconds", "ireland"] == 25 * 60
    assert samples["gfo_audit_events",] > 0
    assert samples["gfo_oldest_job_wait_seconds",] == 0
    assert samples["gfo_database_size_bytes",] > 10**6
    assert ("gfo_backup_age_seconds",) not in samples  # none was made
    sound = {
        labels[0]: value
        for (name, *labels), value in samples.items()
        if name == "gfo_finding_sound"
    }
    assert (sound["migrations"], sound["jobs"]) == (1, 1)
    assert sound["clock"] == 0  # the fleet lives in another year
    assert samples["gfo_live_logins",] == 0
    with fleet.runtime.transaction() as session:
        n_regions = len(list_regions(session, active_only=True))
    judged = [samples["gfo_regions", group.value] for group in Group]
    assert sum(judged) == n_regions
    assert samples["gfo_fleet_it_load_megawatts",] > 0
    assert samples["gfo_it_load_megawatts", "arizona"] > 0
    assert samples["gfo_deliveries", "waiting"] == 0


def test_a_long_fleet_has_no_metrics_of_single_regions(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("monitoring", "fleet_measurements"):
        monkeypatch.setattr(f"orchestrator.operations.{module}.MOST_SHOWN_REGIONS", 1)
    changes = {"data_dir": tmp_path, "secret_key": SecretStr(TOKEN)}
    samples = _samples(_ask(_with(fleet.runtime, **changes)))
    assert [key for key in samples if "arizona" in key] == []
    assert samples["gfo_fleet_it_load_megawatts",] > 0


def test_a_worker_that_falls_silent_shows(portal: Portal) -> None:
    client = portal.app.server.test_client()

    def shown() -> tuple[float, float, bool]:
        samples = _samples(client.get("/metrics", environ_overrides=HERE))
        with portal.runtime.transaction() as session:
            finding = worker_of(worker_silences_s(session))
        silence_s = samples["gfo_worker_silence_seconds",]
        return samples["gfo_workers_alive",], silence_s, finding.is_sound

    assert shown() == (0, 0, True)  # none is registered
    register = "insert into procrastinate_workers (last_heartbeat) values "
    with portal.runtime.transaction() as session:
        session.execute(text(f"{register} (now() - interval '45 seconds')"))
    alive, silence_s, is_sound = shown()
    assert (alive, is_sound) == (0, False)
    assert 45 <= silence_s < 300
    # Another took its place; the dead one is still in the list.
    with portal.runtime.transaction() as session:
        session.execute(text(f"{register} (now())"))
    alive, silence_s, is_sound = shown()
    assert (alive, is_sound) == (1, True)
    assert silence_s < STALLED_AFTER_S


def test_failed_logins_and_live_logins_show(portal: Portal) -> None:
    portal.logged_in("operator")
    portal.browser().log_in("operator", "wrong")
    client = portal.app.server.test_client()
    samples = _samples(client.get("/metrics", environ_overrides=HERE))
    assert samples["gfo_live_logins",] == 1
    assert samples["gfo_recent_denials",] == 1


def test_without_a_database_the_rest_is_still_said(
    runtime: Runtime, tmp_path: Path
) -> None:
    nowhere = make_engine(f"postgresql://gfo_app@/gfo?host={tmp_path}", pool_size=1)
    samples = _samples(_ask(replace(runtime, engine=nowhere)))
    assert samples["gfo_database_up",] == 0
    assert ("gfo_audit_events",) not in samples


def test_this_machine_may_ask_and_no_session_is_made(runtime: Runtime) -> None:
    for address in ("127.0.0.1", "::1"):
        response = _ask(runtime, address)
        assert response.status_code == 200
        assert "Set-Cookie" not in response.headers
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("address", "options"),
    [
        ("198.51.100.7", {}),
        ("127.0.0.1", {"headers": {"X-Forwarded-For": "198.51.100.7"}}),
        ("127.0.0.1", {"headers": {"Forwarded": "for=198.51.100.7"}}),
        ("127.0.0.1", {"headers": {"Via": "1.1 proxy"}}),
        ("127.0.0.1", {"base_url": "https://gfo.example"}),
        ("127.0.0.1", {"base_url": "http://gfo.example"}),
        ("198.51.100.7", {"headers": {"X-Forwarded-For": "127.0.0.1"}}),
        ("198.51.100.7", {"headers": {"Authorization": f"Bearer {TOKEN}"}}),
    ],
)
def test_nobody_else_may_without_a_token(
    runtime: Runtime, address: str, options: dict[str, object]
) -> None:
    response = _ask(runtime, address, **options)
    assert response.status_code == 401
    assert "gfo_" not in response.get_data(as_text=True)


def test_behind_a_proxy_this_machine_is_nobody(runtime: Runtime) -> None:
    assert _ask(_with(runtime, trusted_proxy_count=1)).status_code == 401


def test_with_a_token_only_the_token_counts(runtime: Runtime) -> None:
    guarded = _with(runtime, metrics_token=SecretStr(TOKEN), trusted_proxy_count=1)
    for given in ("", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer ☃"):
        headers = {"Authorization": given.encode().decode("latin-1")}
        assert _ask(guarded, headers=headers).status_code == 401, given
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert _ask(guarded, "198.51.100.7", headers=headers).status_code == 200


def test_refused_strangers_are_counted(portal: Portal) -> None:
    browser = portal.browser()
    browser.get("/metrics")
    portal.runtime.clock.advance(minutes=1)
    browser.get("/metrics")
    (event,) = portal.events()
    assert (event.action, event.object_id) == (
        AuditAction.ACCESS_DENIED,
        browser.address,
    )
