"""The jobs of a worker; of the hourly cycle each step is a transaction of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.days import WINDOW_H, full_hour
from core.errors import Conflict, FleetError, ServiceUnavailable
from core.telemetry import HOUR, Quantity
from db import decisions, forecasts, ingest, telemetry
from db.import_withdrawals import recorded_resting_on
from db.ingest import StoredBatch
from db.job_queue import lock_cycle_of
from db.model_health import outages
from db.regions import StoredRegion, list_regions
from orchestrator.cycle.issuance import issue_live
from orchestrator.decisions.judging_again import judge_again
from orchestrator.feeds import demo_feed
from orchestrator.forecasts.hindcasts import hindcast_regions
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.model_health import end_outages, find_outages
from orchestrator.forecasts.model_watch import watch_skill
from orchestrator.forecasts.retired import retire_all
from orchestrator.forecasts.scoring import rescore_windows, score_finished_windows
from orchestrator.jobs import (
    CHUNK_REGIONS,
    CycleChunk,
    cycle_chunks,
    queue_cycle,
    queue_forecasts_of,
)
from orchestrator.logs import get_logger
from orchestrator.registry.coverage_alarms import fall_back
from orchestrator.registry.evaluation_steps import evaluate_next_region, fail_evaluation
from orchestrator.registry.upload_checks import check_upload
from orchestrator.runtime import Runtime
from orchestrator.telemetry.demo_regions import demo_profile
from orchestrator.telemetry.imports import generate_telemetry
from orchestrator.use_cases import WORKER_USER, Request

log = get_logger(__name__)

_LOCK_WAIT = "60s"

LogFields = dict[str, object]
Work = Callable[[Sequence[StoredRegion], Request], LogFields]
"""A step's work for a chunk; what it returns is logged once it is committed."""


class WorkerJobs:
    """The work of one worker process.

    A step that fails is logged and does not keep the others from running: what it
    leaves undone shows as stale telemetry or a missing forecast, and both block. Steps
    that share regions wait for one another, whoever carries them out; others run side
    by side.

    Parameters
    ----------
    stopping : threading.Event
        Once set, the steps that are left are not begun.
    """

    def __init__(
        self,
        runtime: Runtime,
        stopping: threading.Event | None = None,
        *,
        cache: ModelCache | None = None,
    ) -> None:
        self._runtime = runtime
        self._stopping = stopping or threading.Event()
        self._cache = cache or ModelCache()
        # Apart, so that an unproven model takes no serving one with it when it hangs.
        self._shadow_cache = ModelCache()

    def queue_cycle(self) -> None:
        """Queue the cycle of the present hour, a job for each chunk of regions."""
        chunks = self.present_chunks()
        with self._runtime.transaction() as session:
            queued = queue_cycle(session, chunks)
        log.info("cycle_queued", chunks=len(chunks), queued=queued)

    def present_chunks(self) -> list[CycleChunk]:
        """The chunks of active regions at the present hour."""
        return self._chunks(full_hour(self._runtime.clock()))

    def _chunks(self, issued_at_utc: datetime) -> list[CycleChunk]:
        return cycle_chunks(issued_at_utc, [item.region_id for item in self._regions()])

    def cycle_chunk(self, chunk: CycleChunk) -> None:
        """Synthetic telemetry up to now, scores, forecasts and decisions of a chunk.

        Raises
        ------
        ServiceUnavailable
            When the database is lost: the steps that are left would fail alike.
        """
        regions = self._regions(chunk)
        catch_up = partial(_catch_up, self._runtime)
        for stored_region in regions:
            if stored_region.region.is_synthetic:
                self._step("synthetic_telemetry", [stored_region], catch_up)
        self._step("windows_scored", regions, _score)
        self._watch_fleet()
        self._issue(chunk.issued_at_utc, regions)

    def issue(self, issued_at_utc: datetime) -> None:
        """Forecasts and decisions of every region at one instant."""
        for chunk in self._chunks(issued_at_utc):
            self.issue_chunk(chunk)

    def share_issue(self, issued_at_utc: datetime) -> None:
        """As `issue`; more than one chunk are queued, for all workers to take."""
        chunks = self._chunks(issued_at_utc)
        if len(chunks) <= 1:
            self.issue(issued_at_utc)
            return
        with self._runtime.transaction() as session:
            queue_forecasts_of(session, chunks)

    def issue_chunk(self, chunk: CycleChunk) -> None:
        """Forecasts and decisions of a chunk's regions."""
        self._issue(chunk.issued_at_utc, self._regions(chunk))

    def _issue(self, issued_at_utc: datetime, regions: Sequence[StoredRegion]) -> None:
        issue = partial(_issue, self._cache, issued_at_utc)
        self._step("forecasts_issued", regions, issue)

    def issue_again(self, batch_id: int) -> None:
        """What an import made possible, or changed, for its regions.

        Windows that ended are scored again; then the newest instant is issued, and
        those of the last day that were too early. Recorded decisions that rested on
        what was withdrawn are judged again.
        """
        issued_at_utc = full_hour(self._runtime.clock())
        with self._runtime.transaction() as session:
            batch = ingest.find_batch(session, batch_id)
        slugs = set(batch.facts.region_slugs)
        regions = [item for item in self._regions() if item.slug in slugs]
        for start in range(0, len(regions), CHUNK_REGIONS):
            chunk = regions[start : start + CHUNK_REGIONS]
            self._step("windows_rescored", chunk, partial(_rescore, batch))
            issue = partial(_issue_late, self._cache, issued_at_utc)
            self._step("forecasts_issued", chunk, issue)
        self._judge_again(batch)

    def _judge_again(self, batch: StoredBatch) -> None:
        """Judge the recorded decisions that rested on a withdrawn import."""
        by_slug = {item.slug: item for item in self._regions()}
        with self._runtime.transaction() as session:
            resting = [
                decisions.decision_by_id(session, decision_id)
                for decision_id in recorded_resting_on(session, batch)
            ]
        for stored in resting:
            source = by_slug.get(stored.source_slug)
            if source is not None:
                judge = partial(_judge_decision, stored.decision_id, batch.batch_id)
                self._step("decision_judged_again", [source], judge)

    def hindcast(self, local_day: date) -> None:
        """What the model would have said about every region on a day that is past."""
        found = self._regions()
        for stored_region in found:
            hindcast = partial(_hindcast, self._cache, found, local_day)
            self._step("hindcasts_made", [stored_region], hindcast)

    def retire_forecasts(self) -> None:
        """Delete forecasts that are kept no longer, in bounded batches."""
        retired = retire_all(self._runtime, WORKER_USER, self._stopping)
        if retired:
            log.info("forecasts_retired", forecasts=retired)

    def watch_models(self) -> None:
        """Find models that cannot be used; issue again once one answers again.

        In a fleet of several chunks all workers issue; the outage ends with the first
        watch that finds no region refused any more.
        """
        issued_at_utc = full_hour(self._runtime.clock())
        try:
            with self._request() as request:
                lasting = find_outages(request, self._cache)
                known = set(outages(request.session))
            if known - lasting:
                self.share_issue(issued_at_utc)
                with self._request() as request:
                    end_outages(request, lasting=lasting, issued_at_utc=issued_at_utc)
        except FleetError as exc:
            log.warning("models_not_watched", reason=exc.message)

    def _watch_fleet(self) -> None:
        try:
            with self._request() as request:
                watch_skill(request)
            with self._request() as request:
                fall_back(request)
        except ServiceUnavailable:
            raise
        except FleetError as exc:
            log.warning("fleet_not_watched", reason=exc.message)

    def check_model(self, upload_id: int) -> None:
        """The sandboxed check of a file in quarantine."""
        check_upload(self._runtime, WORKER_USER, upload_id)

    def evaluate_model(self, evaluation_id: int, lane: int = 0) -> None:
        """One more region of a shadow evaluation; the next is queued behind it.

        Raises
        ------
        ServiceUnavailable
            When the database is lost: the queue tries the region again.
        """
        try:
            with self._request() as request:
                goes_on = evaluate_next_region(
                    request, self._shadow_cache, evaluation_id, lane=lane
                )
            if goes_on:
                return
        except ServiceUnavailable:
            raise
        except Conflict as exc:  # a command is at it; if it dies, this goes on
            raise ServiceUnavailable(exc.message) from exc
        except FleetError as exc:
            self._fail_evaluation(evaluation_id, exc.message)
        except Exception:
            log.exception("evaluation_failed", evaluation_id=evaluation_id)
            self._fail_evaluation(evaluation_id, "an error of the portal; see its log.")
        self._shadow_cache.close()

    def _fail_evaluation(self, evaluation_id: int, reason: str) -> None:
        with self._request() as request:
            fail_evaluation(request, evaluation_id, reason)

    def close(self) -> None:
        """End the processes that run models."""
        self._cache.close()
        self._shadow_cache.close()

    def _request(self) -> AbstractContextManager[Request]:
        return self._runtime.request_as(WORKER_USER)

    def _regions(self, chunk: CycleChunk | None = None) -> list[StoredRegion]:
        """The active regions, or those of a chunk."""
        id_span = (
            None if chunk is None else (chunk.first_region_id, chunk.last_region_id)
        )
        with self._runtime.transaction() as session:
            return list_regions(session, id_span=id_span)

    def _step(self, name: str, chunk: Sequence[StoredRegion], work: Work) -> None:
        """Carry out a step for a chunk; where it fails, for each region alone."""
        if self._stopping.is_set() or not chunk:
            return
        place = _place(chunk)
        try:
            with self._request() as request:
                _wait_for_other_steps(request.session, chunk)
                fields = work(chunk, request)
        except ServiceUnavailable:
            raise
        except Exception as exc:
            if len(chunk) > 1:
                log.warning("chunk_split", step=name, error=type(exc).__name__, **place)
            elif isinstance(exc, FleetError):
                log.warning("step_refused", step=name, reason=exc.message, **place)
            else:
                # A bug in one step; the others must go on.
                log.exception("step_failed", step=name, **place)
        else:
            if fields:
                log.info(name, **place, **fields)
            return
        if len(chunk) > 1:  # one region must not take the others along
            for stored_region in chunk:
                self._step(name, [stored_region], work)


def _place(chunk: Sequence[StoredRegion]) -> LogFields:
    if len(chunk) == 1:
        return {"region": chunk[0].slug}
    return {"regions": len(chunk), "first": chunk[0].slug, "last": chunk[-1].slug}


def _wait_for_other_steps(session: Session, chunk: Sequence[StoredRegion]) -> None:
    """One step at a time for each region; the locks end with the transaction."""
    session.execute(text(f"set local lock_timeout = '{_LOCK_WAIT}'"))
    lock_cycle_of(session, [item.region_id for item in chunk])


def _catch_up(
    runtime: Runtime, chunk: Sequence[StoredRegion], request: Request
) -> LogFields:
    """Generate the hours that ended since the last one, also after a pause.

    Those of a region that has the demo's feed are left for it to read.
    """
    now_utc = full_hour(request.now)
    for stored_region in chunk:
        profile = demo_profile(stored_region.slug)
        end_utc = now_utc - profile.late_h * HOUR
        span = telemetry.first_and_last_hour(request.session, stored_region.slug)
        if span is None or span[1] + HOUR >= end_utc:
            continue
        start_utc = span[1] + HOUR
        if demo_feed.brings(request.session, stored_region.slug):
            demo_feed.fill_demo_feed(runtime, profile, start_utc, end_utc)
            continue
        generate_telemetry(
            request,
            [profile],
            start_utc=start_utc,
            end_utc=end_utc,
            seed=runtime.settings.demo_seed,
        )
    return {}  # the import itself logs what it made


def _score(chunk: Sequence[StoredRegion], request: Request) -> LogFields:
    scored = score_finished_windows(request, stored_regions=chunk)
    return {"windows": scored} if scored else {}


def _rescore(
    batch: StoredBatch, chunk: Sequence[StoredRegion], request: Request
) -> LogFields:
    first_utc, last_utc = batch.counts.first_hour_utc, batch.counts.last_hour_utc
    if first_utc is None or last_utc is None:
        return {}
    if Quantity.TEMPERATURE_C not in batch.facts.quantities:
        return {}
    rescored = sum(
        rescore_windows(request, stored_region, first_utc=first_utc, last_utc=last_utc)
        for stored_region in chunk
    )
    return {"windows": rescored} if rescored else {}


def _judge_decision(
    decision_id: int,
    withdrawal_id: int,
    _chunk: Sequence[StoredRegion],
    request: Request,
) -> LogFields:
    what_if = judge_again(request, decision_id=decision_id, withdrawal_id=withdrawal_id)
    if what_if is None:
        return {}
    return {"decision_id": decision_id, "outcome": what_if.facts.outcome}


def _issue(
    cache: ModelCache,
    issued_at_utc: datetime,
    chunk: Sequence[StoredRegion],
    request: Request,
) -> LogFields:
    summary = issue_live(
        request, cache, issued_at_utc=issued_at_utc, stored_regions=chunk
    )
    return {"issued_at_utc": issued_at_utc.isoformat(), **asdict(summary)}


def _issue_late(
    cache: ModelCache,
    newest_utc: datetime,
    chunk: Sequence[StoredRegion],
    request: Request,
) -> LogFields:
    region_ids = {stored_region.region_id for stored_region in chunk}
    late = forecasts.late_instants(
        request.session,
        region_ids=region_ids,
        since_utc=newest_utc - WINDOW_H * HOUR,
        until_utc=newest_utc,
    )
    summaries = [
        issue_live(
            request,
            cache,
            issued_at_utc=instant,
            stored_regions=[item for item in chunk if item.region_id in of_regions],
        )
        for instant, of_regions in sorted({**late, newest_utc: region_ids}.items())
    ]
    return {"instants": len(summaries), "issued": sum(s.issued for s in summaries)}


def _hindcast(
    cache: ModelCache,
    found: Sequence[StoredRegion],
    local_day: date,
    chunk: Sequence[StoredRegion],
    request: Request,
) -> LogFields:
    summaries = hindcast_regions(
        request,
        cache,
        stored_regions=chunk,
        compared_with=found,
        from_day=local_day,
        until_day=local_day + timedelta(days=1),
    )
    stored = sum(summary.forecasts_stored for summary in summaries)
    return {"local_day": local_day.isoformat(), "stored": stored}
