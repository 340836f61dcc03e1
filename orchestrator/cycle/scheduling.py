"""What the worker does every hour, step by step, each in its own transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.access import Actor
from core.days import full_hour
from core.errors import Conflict, FleetError, NotFound, ServiceUnavailable
from core.telemetry import HOUR
from db import telemetry
from db.model_evaluations import region_figures
from db.model_health import model_troubles
from db.regions import StoredRegion
from db.users import system_actor
from orchestrator.cycle.issuance import issue_live
from orchestrator.forecasts.hindcasts import hindcast_regions, score_finished_windows
from orchestrator.forecasts.model_watch import clear_troubles, find_troubles
from orchestrator.forecasts.serving import ModelCache
from orchestrator.jobs import queue_evaluation_step
from orchestrator.logs import get_logger
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.shadow_evaluations import evaluate_next_region
from orchestrator.registry.shadow_evaluations import fail as fail_evaluation
from orchestrator.registry.upload_checks import check_upload
from orchestrator.runtime import Runtime
from orchestrator.telemetry.demo_regions import demo_profile
from orchestrator.telemetry.imports import generate_telemetry
from orchestrator.use_cases import Request

log = get_logger(__name__)

WORKER_USER = "worker"

_LOCK_KEY = 0x67666F01
_LOCK_WAIT = "60s"

Facts = dict[str, object]
Work = Callable[[Session, Actor], Facts]
"""A step's work; what it returns is logged once it is committed."""


class Scheduler:
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
        now = self._runtime.clock()
        found = self._regions()
        for stored_region in found:
            if stored_region.region.is_synthetic:
                catch_up = partial(_catch_up, self._runtime, stored_region, now)
                self._step("synthetic_telemetry", stored_region, catch_up)
        for stored_region in found:
            score = partial(_score, stored_region, now)
            self._step("windows_scored", stored_region, score)
        self.issue(full_hour(now))

    def issue(self, issued_at_utc: datetime) -> None:
        """Forecasts and decisions of every region at one instant."""
        now = self._runtime.clock()
        for stored_region in self._regions():
            issue = partial(_issue, self._cache, stored_region, issued_at_utc, now)
            self._step("forecasts_issued", stored_region, issue)

    def hindcast(self, local_day: date) -> None:
        """What the model would have said about every region on a day that is past."""
        now = self._runtime.clock()
        found = self._regions()
        for stored_region in found:
            hindcast = partial(
                _hindcast, self._cache, stored_region, found, local_day, now
            )
            self._step("hindcasts_made", stored_region, hindcast)

    def watch_models(self) -> None:
        """Find models that cannot be used; issue again once one answers again."""
        issued_at_utc = full_hour(self._runtime.clock())
        try:
            with self._runtime.transaction() as session:
                troubled = find_troubles(session, self._actor(session), self._cache)
                known = set(model_troubles(session))
            if known - troubled:
                self.issue(issued_at_utc)
                with self._runtime.transaction() as session:
                    clear_troubles(
                        session,
                        self._actor(session),
                        still_troubled=troubled,
                        issued_at_utc=issued_at_utc,
                    )
        except FleetError as exc:
            log.warning("models_not_watched", reason=exc.message)

    def check_model(self, upload_id: int) -> None:
        """The sandboxed check of a file in quarantine."""
        check_upload(self._runtime, self._actor, upload_id, queue_evaluation=True)

    def evaluate_model(self, evaluation_id: int) -> None:
        """One more region of a shadow evaluation; the next is queued behind it.

        Raises
        ------
        ServiceUnavailable
            When the database is lost: the queue tries the region again.
        """
        try:
            with self._runtime.transaction() as session:
                actor = self._actor(session)
                evaluation = evaluate_next_region(
                    session,
                    actor,
                    self._shadow_cache,
                    evaluation_id,
                    now=self._runtime.clock(),
                )
                if evaluation.state == "running":
                    done = len(region_figures(session, evaluation_id))
                    queue_evaluation_step(
                        session, evaluation_id=evaluation_id, done=done
                    )
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
        with self._runtime.transaction() as session:
            fail_evaluation(session, self._actor(session), evaluation_id, reason)

    def _actor(self, session: Session) -> Actor:
        return system_actor(session, WORKER_USER)

    def close(self) -> None:
        """End the processes that run models."""
        self._cache.close()
        self._shadow_cache.close()

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
            with self._runtime.transaction() as session:
                _wait_for_other_steps(session)
                facts = work(session, system_actor(session, WORKER_USER))
        except ServiceUnavailable:
            raise
        except FleetError as exc:
            log.warning("step_refused", step=name, region=slug, reason=exc.message)
        except Exception:
            # A bug in one step; the others must go on.
            log.exception("step_failed", step=name, region=slug)
        else:
            if facts:
                log.info(name, region=slug, **facts)


def _wait_for_other_steps(session: Session) -> None:
    """One step at a time among all workers; the lock ends with the transaction."""
    session.execute(text(f"set local lock_timeout = '{_LOCK_WAIT}'"))
    session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})


def _catch_up(
    runtime: Runtime,
    stored_region: StoredRegion,
    now: datetime,
    session: Session,
    actor: Actor,
) -> Facts:
    """Generate the hours that ended since the last one, also after a pause."""
    slug = stored_region.region.slug
    span = telemetry.first_and_last_hour(session, slug)
    end_utc = full_hour(now)
    if span is None or span[1] + HOUR >= end_utc:
        return {}
    generate_telemetry(
        Request(session=session, caller=actor, now=now),
        [demo_profile(slug)],
        start_utc=span[1] + HOUR,
        end_utc=end_utc,
        seed=runtime.settings.demo_seed,
    )
    return {}  # the import itself logs what it made


def _score(
    stored_region: StoredRegion,
    now: datetime,
    session: Session,
    _actor: Actor,
) -> Facts:
    scored = score_finished_windows(session, stored_regions=[stored_region], now=now)
    return {"windows": scored} if scored else {}


def _issue(
    cache: ModelCache,
    stored_region: StoredRegion,
    issued_at_utc: datetime,
    now: datetime,
    session: Session,
    actor: Actor,
) -> Facts:
    summary = issue_live(
        session,
        actor,
        cache,
        issued_at_utc=issued_at_utc,
        stored_regions=[stored_region],
        now=now,
    )
    return {"issued_at_utc": issued_at_utc.isoformat(), **asdict(summary)}


def _hindcast(
    cache: ModelCache,
    stored_region: StoredRegion,
    found: Sequence[StoredRegion],
    local_day: date,
    now: datetime,
    session: Session,
    actor: Actor,
) -> Facts:
    (summary,) = hindcast_regions(
        session,
        actor,
        cache,
        stored_regions=[stored_region],
        all_regions=found,
        from_day=local_day,
        until_day=local_day + timedelta(days=1),
        now=now,
    )
    return {"local_day": local_day.isoformat(), "stored": summary.forecasts_stored}
