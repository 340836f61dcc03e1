"""A portal with one measured region, whose clock a test moves, and a weather source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import sin
from pathlib import Path
from typing import Any

from sqlalchemy import text

from core.telemetry import HOUR
from db import feeds
from db.engine import DatabaseUrls, make_engine
from db.feeds import FeedFacts, StoredFeed
from orchestrator.feeds.configuration import add_feed
from orchestrator.feeds.runs import FeedOutcome, run_feed
from orchestrator.feeds.source_choices import choose_sources
from orchestrator.feeds.web_client import WebLimits
from orchestrator.regions.changes import RegionDraft, add_region
from orchestrator.runtime import Runtime
from orchestrator.settings import load_settings
from tests.feeds.asking_kinds import NOW, facts_of, stamp
from tests.feeds.local_source import Asked, LocalSource, Reply, document

QUICK = WebLimits(connect_s=1.0, read_s=2.0, total_s=4.0, tries=1, first_wait_s=0.01)


@dataclass
class Portal:
    """A runtime on a database of its own; `now` is what its clock shows."""

    urls: DatabaseUrls
    folder: Path
    now: datetime = NOW
    runtime: Runtime = field(init=False)

    def __post_init__(self) -> None:
        settings = load_settings(None).model_copy(update={"data_dir": self.folder})
        self.runtime = Runtime(
            settings=settings, engine=make_engine(self.urls.app), clock=lambda: self.now
        )
        with self.runtime.request_as("cli") as request:
            draft = RegionDraft(
                slug="here",
                name="Here",
                time_zone="Europe/London",
                latitude_deg=51.5,
                longitude_deg=-0.1,
            )
            add_region(request, draft)

    def add(self, facts: FeedFacts) -> int:
        """Add a feed and return its id."""
        with self.runtime.request_as("cli") as request:
            add_feed(request, facts)
            return feeds.find_feed(request.session, facts.name).feed_id

    def run(self, feed_id: int, **environ: str) -> FeedOutcome | None:
        """Run a feed as the worker does."""
        return run_feed(self.runtime, feed_id, environ, limits=QUICK)

    def choose(self) -> int:
        """Choose the sources as the worker does each minute."""
        with self.runtime.request_as("worker") as request:
            return choose_sources(request)

    def feed(self, feed_id: int) -> StoredFeed:
        """A feed as it is stored."""
        with self.runtime.transaction() as session:
            return feeds.feed_by_id(session, feed_id)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.runtime.transaction() as session:
            return [tuple(row) for row in session.execute(text(statement))]

    def hours(self, quantity: str = "temperature_c") -> dict[datetime, float]:
        """The stored hours of a quantity."""
        query = f"select hour_utc, {quantity} from telemetry order by 1"  # noqa: S608
        return {row[0]: row[1] for row in self.rows(query) if row[1] is not None}

    def used(self) -> list[tuple[str, str]]:
        """Of each stored hour: the hour, and the feed whose import gave it."""
        found = self.rows(
            "select to_char(hour_utc at time zone 'utc', 'DD HH24'), b.source_label"
            " from telemetry t join ingest_batch b on b.id = t.temperature_c_batch_id"
            " order by hour_utc"
        )
        return [(hour, label.split()[1].rstrip(":")) for hour, label in found]

    def actions(self) -> list[str]:
        """The events of feeds, in order."""
        query = "select action from audit_event where action like 'feed%' order by seq"
        return [row[0] for row in self.rows(query)]

    def jobs(self) -> int:
        """Queued runs of feeds."""
        query = "select count(*) from procrastinate_jobs where task_name = 'run_feed'"
        return int(self.rows(query)[0][0])


class Weather:
    """A source that answers like Open-Meteo for every hour until `until_utc`."""

    def __init__(self, source: LocalSource) -> None:
        self.source = source
        self.until_utc = NOW + timedelta(days=9)
        self.value: Callable[[datetime], float] = temperature
        self.reply: Reply | None = None
        source.answering = self.answer

    def answer(self, asked: Asked) -> Reply:
        """The hours that were asked for."""
        if self.reply is not None:
            return self.reply
        first, last = (instant(asked.query[f"{n}_hour"]) for n in ("start", "end"))
        hours = [first + i * HOUR for i in range((last - first) // HOUR + 1)]
        values = [self.value(hour) if hour < self.until_utc else None for hour in hours]
        return document(
            {
                "latitude": 51.5,
                "longitude": -0.1,
                "utc_offset_seconds": 0,
                "hourly_units": {"temperature_2m": "°C"},
                "hourly": {
                    "time": [stamp(hour) for hour in hours],
                    "temperature_2m": values,
                },
            }
        )

    @property
    def spans(self) -> list[tuple[str, str]]:
        """First and last hour of each question."""
        return [
            (asked.query["start_hour"][8:13], asked.query["end_hour"][8:13])
            for asked in self.source.asked
        ]


def temperature(hour: datetime) -> float:
    """A smooth course, 2 to 10 °C, that repeats on no day."""
    return round(6.0 + 3.0 * sin(hour.timestamp() / 13750) + sin(hour.day), 2)


def weather_feed(source: LocalSource, name: str = "first", **changes: Any) -> FeedFacts:
    """A feed of temperature from such a source."""
    given: Mapping[str, Any] = {
        "name": name, "quantities": ["temperature_c"], "backfill_h": 24, **changes
    }  # fmt: skip
    return facts_of("open-meteo", source.address + "/v1/forecast", **given)


def instant(text_of_hour: str) -> datetime:
    """An hour as the question writes it."""
    return datetime.fromisoformat(text_of_hour).replace(tzinfo=UTC)
