"""An admin adds a feed, sees why it fails, mends it, and pauses it."""

from __future__ import annotations

import pytest

from db.feeds import find_feed
from orchestrator.feeds.runs import run_feed
from orchestrator.regions.changes import RegionDraft, add_region
from tests.e2e.people import PASSWORD
from tests.e2e.serving import Portal
from tests.e2e.test_accessibility import grave_findings
from tests.e2e.visitor import Visitor
from tests.feeds.local_source import LocalSource, Reply
from tests.feeds.portals import QUICK, Weather

pytestmark = pytest.mark.e2e


def test_a_feed_is_added_mended_run_and_paused(
    visitor: Visitor, portal: Portal
) -> None:
    with portal.runtime.request_as("cli") as request:
        draft = RegionDraft(
            slug="here",
            name="Here",
            time_zone="Europe/London",
            latitude_deg=51.5,
            longitude_deg=-0.1,
        )
        add_region(request, draft)
    with LocalSource().running() as source:
        weather = Weather(source)
        visitor.come_in("ada", "/admin/feeds")
        visitor.sees("#feeds-table", "There is no feed yet")
        visitor.follow("Add a feed")
        visitor.holds("#feed-every-min", "60")
        visitor.choose("#feed-kind", "open-meteo")
        for field, text in (
            ("name", "weather"),
            ("address", f"{source.address}/v1/forecast"),
            ("regions", "here"),
            ("quantities", "temperature_c"),
        ):
            visitor.type_into(f"#feed-{field}", text)
        visitor.type_into("#feeds-password", PASSWORD)
        visitor.click("#feeds-save")
        visitor.sees("#feeds-form", "localhost is addressed without TLS")
        visitor.type_into("#feed-private-hosts", "localhost")
        visitor.type_into("#feeds-password", "wrong")
        visitor.click("#feeds-save")
        visitor.sees("#feeds-form", "Nothing was changed")
        visitor.type_into("#feeds-password", PASSWORD)
        visitor.click("#feeds-save")
        visitor.sees("#feeds-list", "weather", "waiting for its first hour")

        weather.reply = Reply(status=401)
        _run(portal)
        visitor.open("/admin/feeds?feed=weather")
        visitor.sees("#feeds-state", "The last run failed.", "refused the secret")
        visitor.sees("#feeds-list", "failing")
        weather.reply = None
        visitor.click("#feeds-run")
        visitor.sees("#feeds-acted-status", "Queued.")
        _run(portal)
        visitor.click("#feeds-pause")
        visitor.sees("#feeds-acted-status", "Paused.")
        visitor.sees("#feed-runs", "stored", "failed", "72")
        visitor.sees("#feed-switches", "temperature, °C", "first of the order")
        visitor.sees("#feeds-list", "paused")
        assert visitor.enabled("#feeds-resume")
        assert not visitor.enabled("#feeds-pause")
        visitor.click("#feeds-one summary")
        visitor.type_into("#feeds-act-password", PASSWORD)
        visitor.click("#feeds-remove")
        visitor.sees("#feeds-confirmed-status", "Removed.")
        visitor.sees("#feeds-table", "There is no feed yet.")
        assert visitor.browser.console_errors() == []
        assert grave_findings(visitor) == []


def _run(portal: Portal) -> None:
    """As the worker does."""
    with portal.runtime.transaction() as session:
        feed_id = find_feed(session, "weather").feed_id
    assert run_feed(portal.runtime, feed_id, {}, limits=QUICK) is not None
