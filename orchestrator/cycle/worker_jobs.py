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
from core.errors import Conflict, FleetError, NotFound, ServiceUnavailable
from core.telemetry import HOUR, Quantity
from db import decisions, forecasts, ingest, telemetry
from db.import_withdrawals import recorded_resting_on
from db.ingest import StoredBatch
from db.model_evaluations import RUNNING
from db.model_health import outages
from db.regions import StoredRegion
from orchestrator.cycle.issuance import issue_live
from orchestrator.decisions.judging_again import judge_again
from orchestrator.forecasts.hindcasts import hindcast_regions
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.model_health import end_outages, find_outages
from orchestrator.forecasts.scoring import rescore_windows, score_finished_windows
from orchestrator.logs import get_logger
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.coverage_alarms import fall_back
from orchestrator.registry.evaluation_steps import evaluate_next_region, fail_evaluation
from orchestrator.registry.upload_checks import check_upload
from orchestrator.runtime import Runtime
from orchestrator.telemetry.demo_regions import demo_profile
from orchestrator.telemetry.imports import generate_telemetry
from orchestrator.use_cases import WORKER_USER, Request

log = get_logger(__name__)

_LOCK_KEY = 0x67666F01
_LOCK_WAIT = "60s"

LogFields = dict[str, object]
Work = Callable[[Request], LogFields]
"""A step's work; what it returns is logged once it is committed."""


class WorkerJobs:
    """The work of one worker process.

    A step that fails is logged and does not keep the others from running: what it
    leaves undone shows as stale telemetry or a missing forecast, and both block. Steps
    of several workers, or of a job and the cycle, wait for one another.

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

    def hourly_cycle(self) -> None:
        """Synthetic telemetry up to now, scores, forecasts and decisions.

        Raises
        ------
        ServiceUnavailable
            When the database is lost: the steps that are left would fail alike.
        """
        issued_at_utc = full_hour(self._runtime.clock())
        found = self._regions()
        for stored_region in found:
            if stored_region.region.is_synthetic:
                seed = self._runtime.settings.demo_seed
                catch_up = partial(_catch_up, stored_region, seed)
                self._step("synthetic_telemetry", stored_region, catch_up)
        for stored_region in found:
            self._step("windows_scored", stored_region, partial(_score, stored_region))
        self._fall_back()
        self.issue(issued_at_utc)

    def issue(self, issued_at_utc: datetime) -> None:
        """Forecasts and decisions of every region at one instant."""
        for stored_region in self._regions():
            issue = partial(_issue, self._cache, stored_region, issued_at_utc)
            self._step("forecasts_issued", stored_region, issue)

    def issue_again(self, batch_id: int) -> None:
        """What an import made possible, or changed, for its regions.

        Windows that ended are scored again; then the newest instant is issued, and
        those of the last day that were too early. Recorded decisions that rested on
        what was withdrawn are judged again.
        """
        issued_at_utc = full_hour(self._runtime.clock())
        with self._runtime.transaction() as session:
            batch = ingest.find_batch(session, batch_id)
        for stored_region in self._regions():
            if stored_region.slug in batch.facts.region_slugs:
                rescore = partial(_rescore, stored_region, batch)
                self._step("windows_rescored", stored_region, rescore)
                issue = partial(_issue_late, self._cache, stored_region, issued_at_utc)
                self._step("forecasts_issued", stored_region, issue)
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
                self._step("decision_judged_again", source, judge)

    def hindcast(self, local_day: date) -> None:
        """What the model would have said about every region on a day that is past."""
        found = self._regions()
        for stored_region in found:
            hindcast = partial(_hindcast, self._cache, stored_region, found, local_day)
            self._step("hindcasts_made", stored_region, hindcast)

    def watch_models(self) -> None:
        """Find models that cannot be used; issue again once one answers again."""
        issued_at_utc = full_hour(self._runtime.clock())
        try:
            with self._request() as request:
                lasting = find_outages(request, self._cache)
                known = set(outages(request.session))
            if known - lasting:
                self.issue(issued_at_utc)
                with self._request() as request:
                    end_outages(request, lasting=lasting, issued_at_utc=issued_at_utc)
        except FleetError as exc:
            log.warning("models_not_watched", reason=exc.message)

    def _fall_back(self) -> None:
        try:
            with self._request() as request:
                fall_back(request)
        except ServiceUnavailable:
            raise
        except FleetError as exc:
            log.warning("no_fall_back", reason=exc.message)

    def check_model(self, upload_id: int) -> None:
        """The sandboxed check of a file in quarantine."""
        check_upload(self._runtime, WORKER_USER, upload_id)

    def evaluate_model(self, evaluation_id: int) -> None:
        """One more region of a shadow evaluation; the next is queued behind it.

        Raises
        ------
        ServiceUnavailable
            When the database is lost: the queue tries the region again.
        """
        try:
            with self._request() as request:
                evaluation = evaluate_next_region(
                    request, self._shadow_cache, evaluation_id, queue_next=True
                )
            if evaluation.state == RUNNING:
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

    def _regions(self) -> list[StoredRegion]:
        try:
            with self._runtime.transaction() as session:
                return active_regions(session)
        except NotFound:
            return []

    def _step(self, name: str, stored_region: StoredRegion, work: Work) -> None:
        if self._stopping.is_set():
            return
        slug = stored_region.region.slug
        try:
            with self._request() as request:
                _wait_for_other_steps(request.session)
                fields = work(request)
        except ServiceUnavailable:
            raise
        except FleetError as exc:
            log.warning("step_refused", step=name, region=slug, reason=exc.message)
        except Exception:
            # A bug in one step; the others must go on.
            log.exception("step_failed", step=name, region=slug)
        else:
            if fields:
                log.info(name, region=slug, **fields)


def _wait_for_other_steps(session: Session) -> None:
    """One step at a time among all workers; the lock ends with the transaction."""
    session.execute(text(f"set local lock_timeout = '{_LOCK_WAIT}'"))
    session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})


def _catch_up(stored_region: StoredRegion, seed: int, request: Request) -> LogFields:
    """Generate the hours that ended since the last one, also after a pause."""
    slug = stored_region.region.slug
    profile = demo_profile(slug)
    span = telemetry.first_and_last_hour(request.session, slug)
    end_utc = full_hour(request.now) - profile.late_h * HOUR
    if span is None or span[1] + HOUR >= end_utc:
        return {}
    generate_telemetry(
        request,
        [profile],
        start_utc=span[1] + HOUR,
        end_utc=end_utc,
        seed=seed,
    )
    return {}  # the import itself logs what it made


def _score(stored_region: StoredRegion, request: Request) -> LogFields:
    scored = score_finished_windows(request, stored_regions=[stored_region])
    return {"windows": scored} if scored else {}


def _rescore(
    stored_region: StoredRegion, batch: StoredBatch, request: Request
) -> LogFields:
    first_utc, last_utc = batch.counts.first_hour_utc, batch.counts.last_hour_utc
    if first_utc is None or last_utc is None:
        return {}
    if Quantity.TEMPERATURE_C not in batch.facts.quantities:
        return {}
    rescored = rescore_windows(
        request, stored_region, first_utc=first_utc, last_utc=last_utc
    )
    return {"windows": rescored} if rescored else {}


def _judge_decision(
    decision_id: int, withdrawal_id: int, request: Request
) -> LogFields:
    what_if = judge_again(request, decision_id=decision_id, withdrawal_id=withdrawal_id)
    if what_if is None:
        return {}
    return {"decision_id": decision_id, "outcome": what_if.facts.outcome}


def _issue(
    cache: ModelCache,
    stored_region: StoredRegion,
    issued_at_utc: datetime,
    request: Request,
) -> LogFields:
    summary = issue_live(
        request, cache, issued_at_utc=issued_at_utc, stored_regions=[stored_region]
    )
    return {"issued_at_utc": issued_at_utc.isoformat(), **asdict(summary)}


def _issue_late(
    cache: ModelCache,
    stored_region: StoredRegion,
    newest_utc: datetime,
    request: Request,
) -> LogFields:
    late = forecasts.late_instants(
        request.session,
        region_id=stored_region.region_id,
        since_utc=newest_utc - WINDOW_H * HOUR,
        until_utc=newest_utc,
    )
    summaries = [
        issue_live(
            request, cache, issued_at_utc=instant, stored_regions=[stored_region]
        )
        for instant in sorted({*late, newest_utc})
    ]
    return {"instants": len(summaries), "issued": sum(s.issued for s in summaries)}


def _hindcast(
    cache: ModelCache,
    stored_region: StoredRegion,
    found: Sequence[StoredRegion],
    local_day: date,
    request: Request,
) -> LogFields:
    (summary,) = hindcast_regions(
        request,
        cache,
        stored_regions=[stored_region],
        all_regions=found,
        from_day=local_day,
        until_day=local_day + timedelta(days=1),
    )
    return {"local_day": local_day.isoformat(), "stored": summary.forecasts_stored}
