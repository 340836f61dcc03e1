"""Asks a kind of feed as a run does, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core.pue import PRESETS
from core.regions import CoolingType, Region
from core.telemetry import HOUR
from db.feeds import FeedFacts
from orchestrator.feeds.kinds.kind import Ask, SourceAnswer
from orchestrator.feeds.kinds.known_kinds import kind_named
from orchestrator.feeds.web_client import WebClient, WebLimits

NOW = datetime(2026, 1, 15, 12, 20, tzinfo=UTC)
START, END = NOW.replace(hour=6, minute=0), NOW.replace(minute=0)
HOURS = [START + index * HOUR for index in range(6)]
LIMITS = WebLimits(
    connect_s=1.0, read_s=1.0, total_s=3.0, first_wait_s=0.01, longest_wait_s=0.1
)


def facts_of(kind: str, address: str, place: str = "", **changes: Any) -> FeedFacts:
    """A feed of region `here`."""
    given: dict[str, Any] = {
        "name": "feed",
        "kind": kind,
        "address": address,
        "regions": {"here": place},
        "options": {},
        "quantities": sorted(q.value for q in kind_named(kind).quantities)[:1],
        "secret_reference": None,
        "private_hosts": ["localhost"],
        "every_min": 60,
        "priority": 1,
        "stale_after_h": 3.0,
        "backfill_h": 72,
        "requests_a_day": None,
        "is_paused": False,
    }
    return FeedFacts(**{**given, **changes})


def region_here() -> Region:
    """A region near London."""
    return Region(
        slug="here",
        name="Here",
        time_zone="Europe/London",
        latitude_deg=51.5,
        longitude_deg=-0.1,
        cooling_type=CoolingType.EVAPORATIVE,
        cooling=PRESETS[CoolingType.EVAPORATIVE],
        it_capacity_mw=100.0,
        flexible_load_frac=0.5,
        grid_water_l_per_kwh=1.0,
        colour="#0072b2",
    )


def ask_of(
    facts: FeedFacts,
    *,
    secret: str | None = None,
    known: dict[str, Any] | None = None,
    folder: Path = Path("unused"),
    start_utc: datetime = START,
    now: datetime = NOW,
    largest_bytes: int = 10_000_000,
) -> Ask:
    """A question about the hours from `START` to `END`."""
    limits = LIMITS
    if largest_bytes != limits.largest_bytes:
        limits = WebLimits(
            total_s=3.0, first_wait_s=0.01, tries=1, largest_bytes=largest_bytes
        )
    return Ask(
        facts=facts,
        regions=facts.regions,
        region=region_here(),
        start_utc=start_utc,
        end_utc=END,
        now=now,
        secret=secret,
        client=WebClient(private_hosts=facts.private_hosts, limits=limits),
        known=known or {},
        folder=folder,
    )


def answer_of(ask: Ask) -> SourceAnswer:
    """The one answer to a question."""
    (answer,) = kind_named(ask.facts.kind).fetch(ask)
    return answer


def stamp(instant: datetime) -> str:
    """An instant as APIs write it."""
    return f"{instant:%Y-%m-%dT%H:%M}"


DAY = timedelta(days=1)
