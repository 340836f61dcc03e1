"""What a run of a feed has to ask, and asking it, without a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from core.access import Permission
from core.days import full_hour
from core.errors import FleetError
from core.telemetry import HOUR, Quantity
from core.weather_runs import MAX_RUN_AGE_H
from db import feeds
from db.feeds import FeedProgress, StoredFeed
from db.regions import StoredRegion, list_regions
from orchestrator.feeds.kinds.kind import Ask, FeedKind, SourceAnswer
from orchestrator.feeds.kinds.known_kinds import kind_named
from orchestrator.feeds.secret_references import read_secret
from orchestrator.feeds.web_client import FeedFailed, WebClient
from orchestrator.logs import get_logger
from orchestrator.use_cases import Request, query

log = get_logger(__name__)

REVISIT_H = 6
"""Hours before the newest good one that are asked again: sources revise them."""

LATE_H = 72
"""Hours younger than this are asked again until they are good; older ones once."""

STAND_BY_H = 24
"""Hours that a feed is asked for while another is the source: enough to see whether it
is frozen."""

ALL_REGIONS = "*"
OWN_ERROR = "An error of the portal; see the worker's log."


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPart:
    """A region of a run.

    Attributes
    ----------
    takes : frozenset of Quantity
        Those that this feed is the source of; empty while it stands by.
    start_utc, end_utc : datetime
        Hours to ask for.
    """

    slug: str
    stored: StoredRegion
    progress: FeedProgress
    takes: frozenset[Quantity]
    start_utc: datetime
    end_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunRun:
    """What a run is going to ask; made from the state that it must find again."""

    feed: StoredFeed
    kind: FeedKind
    parts: tuple[RunPart, ...]
    started_at_utc: datetime

    @property
    def requests_left(self) -> int | None:
        """How often the source may still be asked today; None without a limit."""
        most = self.feed.facts.requests_a_day
        if most is None:
            return None
        return max(most - self.feed.state.requests_on(self.started_at_utc.date()), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of one question.

    Attributes
    ----------
    key : str
        The region, or `*` for a question about all of them.
    end_utc : datetime
        End of the hours that were asked for; of several regions perhaps before that
        of a part.
    problem : str | None
        Why there is no answer.
    """

    key: str
    parts: tuple[RunPart, ...]
    end_utc: datetime
    answers: tuple[SourceAnswer, ...] = ()
    learned: Mapping[str, object] = field(default_factory=dict)
    problem: str | None = None
    not_before_utc: datetime | None = None


@query(Permission.MANAGE_TELEMETRY)
def begin_run(request: Request, feed_id: int) -> BegunRun | None:
    """What a run of this feed has to ask now; None when it is paused."""
    session = request.session
    feed = feeds.feed_by_id(session, feed_id)
    if feed.facts.is_paused:
        return None
    kind = kind_named(feed.facts.kind)
    stored = {r.slug: r for r in list_regions(session, active_only=False)}
    progress = feeds.progress_of(session)
    switches = feeds.newest_switches(session)
    parts = []
    for slug in sorted(feed.facts.regions):
        region_id = stored[slug].region_id
        came = progress.get((feed_id, region_id), FeedProgress())
        takes = frozenset(map(Quantity, feed.source_of(region_id, switches)))
        hours = span_to_ask(kind, feed, came, request.now, stands_by=not takes)
        if hours is not None:
            parts.append(
                RunPart(
                    slug=slug,
                    stored=stored[slug],
                    progress=came,
                    takes=takes,
                    start_utc=hours[0],
                    end_utc=hours[1],
                )
            )
    return BegunRun(
        feed=feed, kind=kind, parts=tuple(parts), started_at_utc=request.now
    )


def span_to_ask(
    kind: FeedKind,
    feed: StoredFeed,
    came: FeedProgress,
    now: datetime,
    *,
    stands_by: bool,
) -> tuple[datetime, datetime] | None:
    """The hours [start, end) of the next question; None when all are there.

    Back-filling goes from the last good hour to the present in steps of the kind's
    longest question, at most as far back as the feed says.
    """
    end = full_hour(now)
    if not kind.has_hours:
        return end - HOUR, end
    if kind.makes_runs:
        start = came.good_until_utc or end - STAND_BY_H * HOUR
        return max(start, end - MAX_RUN_AGE_H * HOUR), end
    good, asked = came.good_until_utc, came.asked_until_utc
    if good is not None and asked is not None and min(good, asked) >= end:
        return None
    if stands_by:
        return end - STAND_BY_H * HOUR, end
    earliest = end - feed.facts.backfill_h * HOUR
    settled = end - LATE_H * HOUR
    start = max(good or earliest, min(asked or earliest, settled), earliest)
    if good is not None:
        start -= REVISIT_H * HOUR
    return start, min(end, start + kind.longest_h * HOUR)


def ask_source(
    begun: BegunRun,
    client: WebClient,
    environ: Mapping[str, str],
    *,
    secrets_dir: Path | None,
    folder: Path,
) -> list[Asked]:
    """Ask the source everything that the run has to ask; holds no transaction."""
    feed, kind = begun.feed, begun.kind
    groups: list[tuple[str, tuple[RunPart, ...]]] = []
    if kind.is_by_region:
        groups = [(part.slug, (part,)) for part in begun.parts]
    elif begun.parts:
        groups = [(ALL_REGIONS, begun.parts)]
    reference = feed.facts.secret_reference
    asked: list[Asked] = []
    for key, parts in groups:
        one = Asked(key=key, parts=parts, end_utc=_end_of(kind, parts))
        secret = None
        try:
            if reference is not None:
                secret = read_secret(reference, environ, secrets_dir)
            ask = Ask(
                facts=feed.facts,
                regions={part.slug: feed.facts.regions[part.slug] for part in parts},
                region=parts[0].stored.region if kind.is_by_region else None,
                start_utc=min(part.start_utc for part in parts),
                end_utc=one.end_utc,
                now=begun.started_at_utc,
                secret=secret,
                client=client,
                known=feed.state.known_answers.get(key, {}),
                folder=folder,
            )
            answers = tuple(kind.fetch(ask))
            one = replace(one, answers=answers, learned=ask.learned)
        except FleetError as exc:
            until = exc.not_before_utc if isinstance(exc, FeedFailed) else None
            said = _without(exc.message, secret)
            one = replace(one, problem=said, not_before_utc=until)
        except Exception:
            # A bug, or an answer that nobody thought of: the feed says so and goes on.
            log.exception("feed_failed", feed=feed.facts.name, part=key)
            one = replace(one, problem=OWN_ERROR)
        asked.append(one)
        if one.not_before_utc is not None:
            break  # whoever asks to wait is not asked about the next region
    return asked


def _end_of(kind: FeedKind, parts: Sequence[RunPart]) -> datetime:
    """Of several regions the question begins with the one that is furthest back."""
    start = min(part.start_utc for part in parts)
    end = max(part.end_utc for part in parts)
    return min(end, start + kind.longest_h * HOUR) if kind.has_hours else end


def _without(text: str, secret: str | None) -> str:
    return text.replace(secret, "...") if secret else text
