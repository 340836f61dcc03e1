"""Another model serves: every process of a running portal follows as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.faults.conftest import StartPortal
from tests.faults.portal_process import (
    ADMIN_PASSWORD,
    TWO_WEBS,
    Browser,
    PortalProcess,
    children_of,
    database,
    gfo,
    wait_until,
)

pytestmark = pytest.mark.slow

ASKED = 12
"""More than the web workers, so that each of them answers."""


def train_another(data_dir: Path) -> int:
    """A second temperature model, allowed to serve but not serving."""
    done = gfo(
        data_dir,
        "train",
        "--target",
        "temperature_c",
        "--family",
        "ridge",
        "--seed",
        "8",
    )
    assert done.returncode == 0, done.stderr
    found = re.search(r"model (\d+)", done.stdout)
    assert found is not None, done.stdout
    if "refused" in done.stdout:
        forced = gfo(data_dir, "model", "override", found[1], "--reason", "A test.")
        assert forced.returncode == 0, forced.stderr
    return int(found[1])


def newest_forecaster(data_dir: Path) -> set[int]:
    """Models behind the newest live temperature forecast of each region."""
    with database(data_dir) as session:
        rows = session.execute(
            text(
                "select distinct on (region_id) model_version_id from forecast"
                " where kind = 'live' and target = 'temperature_c'"
                " order by region_id, id desc"
            )
        )
        return {row[0] for row in rows}


def model_shown(portal: PortalProcess) -> set[str]:
    """What the web workers' Forecast pages name as their model."""
    browser = Browser(portal.url)
    assert browser.log_in("admin", ADMIN_PASSWORD).status == 303
    assert browser.get("/forecast").status == 200  # brings the form's token
    answers = [
        browser.post_callback("forecast-panel.children", {"forecast-url.search": ""})
        for _ in range(ASKED)
    ]
    assert {answer.status for answer in answers} == {200}
    return {found for item in answers for found in re.findall(r"model \d+", item.text)}


def test_activation_and_rollback_reach_every_process_without_a_restart(
    demo_dir: Path, start_portal: StartPortal
) -> None:
    portal = start_portal(demo_dir, settings=TWO_WEBS).wait_ready()
    wait_until(lambda: len(newest_forecaster(demo_dir)) == 1)
    (first,) = newest_forecaster(demo_dir)
    assert model_shown(portal) == {f"model {first}"}
    second = train_another(demo_dir)
    running = set(children_of(portal.process.pid))
    web = set(children_of(portal.child("gunicorn")))
    assert len(web) == 2

    done = gfo(demo_dir, "model", "activate", str(second), "--reason", "A better one.")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: newest_forecaster(demo_dir) == {second})
    assert model_shown(portal) == {f"model {second}"}

    done = gfo(
        demo_dir, "model", "rollback", "--target", "temperature_c", "--reason", "No."
    )
    assert done.returncode == 0, done.stderr
    assert model_shown(portal) == {f"model {first}"}

    assert set(children_of(portal.process.pid)) == running
    assert set(children_of(portal.child("gunicorn"))) == web
