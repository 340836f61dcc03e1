"""The feed of the demo: a watched folder that the worker fills hours late.

It shows what a feed that is behind looks like: on Feeds, in the alarms and in the
verdict of its region.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from core.carbon import CarbonScope, CarbonSignalKind
from core.synthetic import RegionProfile, generate
from core.telemetry import HOUR, Quantity
from db import feeds
from db.feeds import FeedFacts, StoredFeed
from orchestrator.feeds.configuration import (
    DEFAULT_BACKFILL_H,
    DEFAULT_PRIORITY,
    DEFAULT_STALE_AFTER_H,
    add_feed,
    removal,
)
from orchestrator.feeds.runs import feeds_folder
from orchestrator.runtime import Runtime
from orchestrator.telemetry.generated_files import write_generated_csv
from orchestrator.use_cases import Event, Request

DEMO_FEED = "demo-late"
_FOLDER = "demo"
_FIRST_HOURS = 24


def add_demo_feed(
    runtime: Runtime, request: Request, profile: RegionProfile, end_utc: datetime
) -> None:
    """Add the feed of a late region, with hours until `end_utc` in its folder."""
    if _find(request.session) is not None:
        return
    start_utc = end_utc - _FIRST_HOURS * HOUR
    fill_demo_feed(runtime, profile, start_utc, end_utc)
    made = generate(profile, start_utc, _FIRST_HOURS, runtime.settings.demo_seed)
    add_feed(
        request,
        FeedFacts(
            name=DEMO_FEED,
            kind="folder",
            address=_FOLDER,
            regions={profile.region.slug: ""},
            options={"carbon": str(CarbonSignalKind(scope=CarbonScope.LIFE_CYCLE))},
            quantities=[q.value for q in Quantity if np.isfinite(made.column(q)).any()],
            secret_reference=None,
            private_hosts=[],
            every_min=15,
            priority=DEFAULT_PRIORITY,
            stale_after_h=DEFAULT_STALE_AFTER_H,
            backfill_h=DEFAULT_BACKFILL_H,
            requests_a_day=None,
            is_paused=False,
        ),
    )


def brings(session: Session, slug: str) -> bool:
    """Whether the hours of this region come by the feed of the demo."""
    feed = _find(session)
    return feed is not None and slug in feed.facts.regions and not feed.facts.is_paused


def fill_demo_feed(
    runtime: Runtime, profile: RegionProfile, start_utc: datetime, end_utc: datetime
) -> None:
    """Write [start_utc, end_utc) into the folder; what was there has been read."""
    folder = feeds_folder(runtime) / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    write_generated_csv(
        folder / "hours.csv",
        [profile],
        start_utc=start_utc,
        end_utc=end_utc,
        seed=runtime.settings.demo_seed,
    )


def remove_demo_feed(request: Request) -> tuple[Event, ...]:
    """Remove it as its region leaves the fleet; returns the event of that, if any."""
    feed = _find(request.session)
    return () if feed is None else (removal(request, feed),)


def _find(session: Session) -> StoredFeed | None:
    found = (feed for feed in feeds.list_feeds(session) if feed.facts.name == DEMO_FEED)
    return next(found, None)
