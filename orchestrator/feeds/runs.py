"""One run of a feed: it asks without a transaction and stores in one.

Everything that a run stores is stored in one transaction with how far the feed came. A
run that dies leaves nothing, and is made again from where the last one ended; of two
runs of the same state one is stored.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from core.days import full_hour
from core.errors import FleetError, InvalidInput, ServiceUnavailable
from core.telemetry import Quantity, ValidRange
from db import feeds
from db.feeds import FeedProgress, FeedRun, StoredFeed
from orchestrator.feeds.asking import (
    ALL_REGIONS,
    OWN_ERROR,
    Asked,
    BegunRun,
    RunPart,
    ask_source,
    begin_run,
)
from orchestrator.feeds.host_rules import Resolve, resolve_host
from orchestrator.feeds.kinds.kind import SourceAnswer
from orchestrator.feeds.source_choices import choose_sources
from orchestrator.feeds.web_client import WebClient, WebLimits, WebUse
from orchestrator.jobs import queue_feed_run
from orchestrator.logs import get_logger
from orchestrator.runtime import Runtime
from orchestrator.telemetry.batches import Origin
from orchestrator.telemetry.imports import FileToImport, read_and_store
from orchestrator.telemetry.weather_forecast_imports import read_and_store_runs
from orchestrator.use_cases import WORKER_USER, Done, Event, Request, change

log = get_logger(__name__)

_LARGEST_BYTES = 64 * 1024 * 1024
_LONGEST_PROBLEM = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOutcome:
    """What a run did.

    Attributes
    ----------
    outcome : str
        `stored`, `nothing_new`, `standing_by` or `failed`.
    """

    outcome: str
    problem: str | None
    hours_stored: int
    requests: int
    next_run_at_utc: datetime


def run_feed(
    runtime: Runtime,
    feed_id: int,
    environ: Mapping[str, str],
    *,
    system_user: str = WORKER_USER,
    limits: WebLimits | None = None,
    resolve: Resolve = resolve_host,
) -> FeedOutcome | None:
    """Run a feed once; None when it is paused or another run was stored meanwhile."""
    with runtime.request_as(system_user) as request:
        # A feed that was just added or changed is the source of nothing before.
        choose_sources(request)
        begun = begin_run(request, feed_id)
    if begun is None:
        return None
    client = WebClient(
        private_hosts=frozenset(begun.feed.facts.private_hosts),
        limits=limits or WebLimits(),
        most_requests=begun.requests_left,
        resolve=resolve,
    )
    asked = ask_source(
        begun,
        client,
        environ,
        secrets_dir=runtime.settings.secrets_dir,
        folder=feeds_folder(runtime),
    )
    with runtime.request_as(system_user) as request:
        return store_run(
            request,
            begun,
            asked,
            client.use,
            ranges=runtime.settings.valid_ranges(),
        )


def feeds_folder(runtime: Runtime) -> Path:
    """Where watched folders lie."""
    return runtime.settings.feeds_dir or runtime.settings.data_dir / "feeds"


@change(
    Permission.MANAGE_TELEMETRY,
    AuditAction.TELEMETRY_IMPORTED,
    AuditAction.WEATHER_FORECASTS_IMPORTED,
    AuditAction.FEED_FAILING,
    AuditAction.FEED_RECOVERED,
    repeat=None,
)
def store_run(
    request: Request,
    begun: BegunRun,
    asked: Sequence[Asked],
    use: WebUse,
    *,
    ranges: Mapping[Quantity, ValidRange],
) -> Done[FeedOutcome | None]:
    """Store what came, through the same reader and import as a file, and how far.

    None, and nothing stored, when the feed was changed or run meanwhile.
    """
    session, feed = request.session, begun.feed
    now_stored = feeds.feed_by_id(session, feed.feed_id, locked=True)
    if (
        now_stored.facts != feed.facts
        or now_stored.state.run_count != feed.state.run_count
    ):
        return Done(answer=None)
    tally = _Tally(request=request, begun=begun, ranges=ranges)
    for one in asked:
        tally.take(one)
    problem = tally.problem
    outcome = tally.outcome
    next_run_utc = _next_run(begun, asked, request.now)
    goes_on = problem is None and tally.has_more
    if goes_on:
        next_run_utc = request.now
        queue_feed_run(session, feed_id=feed.feed_id)
    if begun.parts:
        feeds.insert_run(session, _new_run(tally, outcome, use, request.now))
    feeds.update_state(
        session, feed.feed_id, _new_state(tally, use, request.now, next_run_utc)
    )
    answer = FeedOutcome(
        outcome=outcome,
        problem=problem,
        hours_stored=tally.hours_stored,
        requests=use.requests,
        next_run_at_utc=next_run_utc,
    )
    say = log.warning if problem else log.info
    say(
        "feed_run",
        feed=feed.facts.name,
        outcome=outcome,
        problem=problem,
        hours=tally.hours_stored,
        requests=use.requests,
    )
    return Done(answer=answer, events=(*tally.events, *_health(feed, problem)))


class _Tally:
    """What came of the questions of a run, as it is stored one by one."""

    def __init__(
        self,
        *,
        request: Request,
        begun: BegunRun,
        ranges: Mapping[Quantity, ValidRange],
    ) -> None:
        self._request = request
        self._session: Session = request.session
        self._ranges = ranges
        self.begun = begun
        self.events: list[Event] = []
        self.problems: list[str] = []
        self.batch_ids: list[int] = []
        self.answer_sha256s: list[str] = []
        self.known = dict(begun.feed.state.known_answers)
        self.hours_stored = 0
        self.has_more = False
        self.was_asked = False

    @property
    def problem(self) -> str | None:
        """Everything that went wrong, in words that can be stored."""
        said = " ".join(dict.fromkeys(self.problems))
        said = "".join(char if char.isprintable() else " " for char in said)
        return said[:_LONGEST_PROBLEM] or None

    @property
    def outcome(self) -> str:
        """The run in a word."""
        if self.hours_stored:
            return "stored"
        if self.problems:
            return "failed"
        parts = self.begun.parts
        if parts and not any(self._takes(part) for part in parts):
            return "standing_by"
        return "nothing_new"

    def _takes(self, part: RunPart) -> bool:
        return bool(part.takes) or self.begun.kind.makes_runs

    def take(self, one: Asked) -> None:
        """Store what came of one question."""
        self.was_asked = True
        good: dict[str, datetime] = {}
        problems = [one.problem] if one.problem else []
        for answer in one.answers:
            digest = feeds.keep_answer(self._session, answer.content, self._request.now)
            self.answer_sha256s.append(digest)
            try:
                found = self._import(answer, one.parts)
            except (ServiceUnavailable, SQLAlchemyError):
                raise
            except FleetError as exc:
                problems.append(exc.message)
                continue
            except Exception:
                # As when it was asked for; else it would be asked for each minute.
                name = self.begun.feed.facts.name
                log.exception("feed_failed", feed=name, part=one.key)
                problems.append(OWN_ERROR)
                continue
            for slug, until in found.items():
                good[slug] = max(until, good.get(slug, until))
        self.problems += [
            text
            if one.key == ALL_REGIONS or len(self.begun.parts) == 1
            else f"{one.key}: {text}"
            for text in problems
        ]
        for part in one.parts:
            self._advance(
                part,
                good.get(part.slug),
                asked_end_utc=min(part.end_utc, one.end_utc),
                is_failed=bool(problems),
            )
        stands_by = not any(self._takes(part) for part in one.parts)
        if one.problem is None and not stands_by:
            # What stood by was stored nowhere, and a bad answer is asked for again; a
            # bad file of a folder is not read again until it changes.
            if not problems or not self.begun.kind.has_hours:
                self.known[one.key] = dict(one.learned)
            if not self.begun.kind.has_hours and one.answers:
                self.has_more = True

    def _import(
        self, answer: SourceAnswer, parts: Sequence[RunPart]
    ) -> dict[str, datetime]:
        """Import an answer; returns until when each region is good now."""
        content = io.BytesIO(answer.content if answer.file is None else answer.file)
        label = f"feed {self.begun.feed.facts.name}: {answer.label}"
        if answer.telemetry_format is None:
            return self._import_runs(answer, content, label)
        stands_by = not any(part.takes for part in parts)
        every = frozenset(Quantity(name) for name in self.begun.feed.facts.quantities)
        takes = {part.slug: every if stands_by else part.takes for part in parts}
        is_generated = all(part.stored.region.is_synthetic for part in parts)
        origin = Origin.SYNTHETIC if is_generated else Origin.MEASURED
        file = FileToImport(
            source=content,
            label=label,
            telemetry_format=answer.telemetry_format,
            region_slug=answer.region_slug,
            time_zone=answer.time_zone,
            carbon_kind=answer.carbon_kind,
            origin=origin,
            options=answer.options,
            largest_bytes=_LARGEST_BYTES,
            takes=takes,
        )
        mark = {"standing_by": True} if stands_by else {}
        with (
            structlog.contextvars.bound_contextvars(**mark),
            self._session.begin_nested() as savepoint,
        ):
            done = read_and_store(self._request, file, ranges=self._ranges)
            good = {
                part.slug: until
                for part in parts
                if takes[part.slug]
                and (
                    until := feeds.good_until_of_import(
                        self._session, part.stored.region_id, takes[part.slug]
                    )
                )
                is not None
            }
            if stands_by:
                # Judged as if it were the source, and taken back.
                savepoint.rollback()
        if stands_by:
            return good
        self.events += done.events
        counts = done.answer.counts
        if not done.answer.is_repeat:
            self.batch_ids.append(done.answer.batch_id)
            self.hours_stored += counts.rows_inserted + counts.rows_updated
        if done.answer.is_wholly_refused and done.answer.top_refusals:
            raise InvalidInput(done.answer.top_refusals[0].example)
        return good

    def _import_runs(
        self, answer: SourceAnswer, content: io.BytesIO, label: str
    ) -> dict[str, datetime]:
        with self._session.begin_nested():
            done = read_and_store_runs(
                self._request,
                content,
                label=label,
                source_name=answer.source_name,
                carbon_kind=answer.carbon_kind,
            )
        self.events += done.events
        self.hours_stored += done.answer.columns_new
        last = done.answer.last_issue_utc
        return {slug: last for slug in done.answer.regions if last is not None}

    def _advance(
        self,
        part: RunPart,
        until: datetime | None,
        *,
        asked_end_utc: datetime,
        is_failed: bool,
    ) -> None:
        before = part.progress
        known = [t for t in (before.good_until_utc, until) if t is not None]
        good_until = max(known) if known else None
        now, facts = self._request.now, self.begun.feed.facts
        stale_after = timedelta(hours=facts.stale_after_h)
        is_fresh = good_until is not None and now - good_until <= stale_after
        since = before.good_since_utc if before.good_since_utc is not None else now
        asked_until = before.asked_until_utc
        if not is_failed and self.begun.kind.has_hours:
            asked_until = max(asked_end_utc, asked_until or asked_end_utc)
            # A step of back-filling; where a source has a gap the next one follows too.
            behind = asked_end_utc < full_hour(self.begun.started_at_utc)
            self.has_more |= behind and bool(part.takes)
        feeds.store_progress(
            self._session,
            self.begun.feed.feed_id,
            part.stored.region_id,
            FeedProgress(
                good_until_utc=good_until,
                good_since_utc=since if is_fresh and not is_failed else None,
                asked_until_utc=asked_until,
            ),
        )


def _next_run(begun: BegunRun, asked: Sequence[Asked], now: datetime) -> datetime:
    """The next instant of the schedule, or later where the source asks to wait."""
    facts = begun.feed.facts
    minutes = int(now.timestamp()) // 60
    step = facts.every_min
    # Feeds of one schedule do not all begin in the same minute.
    offset = begun.feed.feed_id % max(1, min(step // 4, 5))
    since = (minutes - offset) // step * step + step + offset
    planned = now.replace(second=0, microsecond=0) + timedelta(minutes=since - minutes)
    waits = [one.not_before_utc for one in asked if one.not_before_utc is not None]
    return max([planned, *waits])


def _new_run(tally: _Tally, outcome: str, use: WebUse, now: datetime) -> FeedRun:
    begun = tally.begun
    has_hours = begun.kind.has_hours
    return FeedRun(
        feed_id=begun.feed.feed_id,
        started_at_utc=begun.started_at_utc,
        ended_at_utc=now,
        outcome=outcome,
        problem=tally.problem,
        asked_from_utc=min(p.start_utc for p in begun.parts) if has_hours else None,
        asked_until_utc=max(p.end_utc for p in begun.parts) if has_hours else None,
        requests=use.requests,
        received_bytes=use.received_bytes,
        hours_stored=tally.hours_stored,
        batch_ids=tally.batch_ids,
        answer_sha256s=tally.answer_sha256s,
    )


def _new_state(
    tally: _Tally, use: WebUse, now: datetime, next_run_utc: datetime
) -> dict[str, object]:
    facts, before = tally.begun.feed.facts, tally.begun.feed.state
    today = now.date()
    used = before.requests_on(today) + use.requests
    left = use.quota_left
    if left is None and facts.requests_a_day is not None:
        left = max(facts.requests_a_day - used, 0)
    state: dict[str, object] = {
        "next_run_at_utc": next_run_utc,
        "run_count": before.run_count + 1,
        "request_day": today,
        "requests_that_day": used,
        "quota_left": left,
        "known_answers": tally.known,
    }
    if tally.was_asked:
        problem = tally.problem
        state |= {
            "last_run_at_utc": now,
            "failures_in_a_row": before.failures_in_a_row + 1 if problem else 0,
            "last_problem": problem,
        }
        if problem is None:
            state["last_success_at_utc"] = now
    return state


def _health(feed: StoredFeed, problem: str | None) -> tuple[Event, ...]:
    """The event of a feed that begins to fail, or recovers."""
    was_failing = feed.state.failures_in_a_row > 0
    if was_failing == (problem is not None):
        return ()
    action = AuditAction.FEED_FAILING if problem else AuditAction.FEED_RECOVERED
    return (
        Event(
            action=action,
            object_type="feed",
            object_id=feed.facts.name,
            after={
                "problem": problem,
                "failures": feed.state.failures_in_a_row,
                "regions": sorted(feed.facts.regions),
            },
        ),
    )


KEPT_DAYS = 90
"""How long answers as they came, and the history of runs, are kept."""


@change(
    Permission.MANAGE_TELEMETRY,
    repeat=None,
    unaudited="removes old copies of answers; what was imported of them stays",
)
def forget_old_answers(request: Request) -> Done[None]:
    """Remove answers and runs that are older than they are kept."""
    before = request.now - timedelta(days=KEPT_DAYS)
    feeds.forget_answers(request.session, before_utc=before)
    return Done(answer=None)


@change(
    Permission.MANAGE_TELEMETRY,
    repeat=None,
    unaudited="queues the runs that are due; what a run imports is audited",
)
def queue_due_feeds(request: Request) -> Done[int]:
    """Queue a run of each feed that is due; returns how many are."""
    due = feeds.due_feed_ids(request.session, request.now)
    for feed_id in due:
        queue_feed_run(request.session, feed_id=feed_id)
    return Done(answer=len(due))
