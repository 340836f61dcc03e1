"""What monitoring asks of an installation: whether it can work, and its counts."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.alarm_kinds import AlarmKind
from core.audit import AuditAction
from core.errors import ServiceUnavailable
from core.forecasts import Target
from core.model_watch import combined
from core.telemetry import Quantity
from db import telemetry
from db.audit import list_events
from db.bound_alarms import readings_above_bound
from db.chain_checks import newest_check
from db.engine import make_engine
from db.job_queue import QueueDepth, queue_depth, worker_silences_s
from db.migrate import is_behind, revision_of
from db.model_versions import active_model
from db.model_watch import region_evidence, skill_evidence_of
from db.monitoring import (
    Counts,
    count_everything,
    damaged_targets,
    newest_live_issues,
    require_writable_chain,
    server_facts,
)
from db.regions import list_regions
from orchestrator.accounts.logins import IDLE_LIMIT
from orchestrator.alarms.alarm_lists import active_by_kind
from orchestrator.feeds.feed_list import feed_views
from orchestrator.feeds.views import FeedHealth
from orchestrator.logs import get_logger
from orchestrator.runtime import Runtime

log = get_logger(__name__)

RECENT = timedelta(minutes=10)
"""Refusals of so long show in the metrics."""

FRESH_S = 10.0
"""Every open page asks every few seconds; the dear questions are asked this often."""


PROBE_CONNECTIONS = 2
"""Of one process, beside those of its pages."""

_PROBE_STATEMENT_S = 3.0
_PROBE_CONNECT_S = 2


LEAST_FREE_BYTES = 64 * 2**20
"""Four segments of PostgreSQL's log: with less, the next commits may fail."""


def free_bytes(folder: Path) -> int:
    """Space left to this user where a folder is, or would be made."""
    place = folder.resolve()
    there = next(path for path in (place, *place.parents) if path.exists())
    return shutil.disk_usage(there).free


class ModelState(StrEnum):
    """What is known of the active models' bytes."""

    ACTIVE = "active"
    NONE = "none"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What a load balancer and an operator want to know.

    Attributes
    ----------
    free_bytes : int
        Left to this user where the data folder is.
    """

    is_migrated: bool
    models: ModelState
    is_chain_writable: bool
    free_bytes: int

    @property
    def has_space(self) -> bool:
        """Whether the embedded database and the anchors can still be written."""
        return self.free_bytes >= LEAST_FREE_BYTES

    @property
    def is_ready(self) -> bool:
        """Whether work can be done here; without any model an admin still has some."""
        return (
            self.is_migrated
            and self.is_chain_writable
            and self.has_space
            and self.models is not ModelState.DAMAGED
        )


class ReadinessProbe:
    """Asks the database, and remembers for a moment what is dear to find out.

    It has connections of its own with short timeouts: its answer waits neither for
    what pages ask nor long for a server that hangs.
    """

    def __init__(self, runtime: Runtime) -> None:
        engine = make_engine(
            runtime.engine.url.render_as_string(hide_password=False),
            pool_size=PROBE_CONNECTIONS,
            statement_timeout_s=_PROBE_STATEMENT_S,
            answer_timeout_s=_PROBE_STATEMENT_S + 1,
            connect_timeout_s=_PROBE_CONNECT_S,
            application_name="gfo-probe",
        )
        self._runtime = replace(runtime, engine=engine)
        self._models: tuple[float, ModelState] | None = None
        self._writable_at: float | None = None
        self._asking = threading.Lock()
        self._answer: tuple[float, Readiness | ServiceUnavailable] | None = None

    def read(self) -> Readiness:
        """The state now; raises ServiceUnavailable when the database is gone.

        Those who ask meanwhile share the answer: while a migration holds a table they
        would wait for each other's connections instead.
        """
        came_at = time.monotonic()
        with self._asking:
            if self._answer is None or self._answer[0] <= came_at:
                answer = self._ask()
                self._answer = (time.monotonic(), answer)
            _, answer = self._answer
        if isinstance(answer, ServiceUnavailable):
            raise ServiceUnavailable(answer.message) from answer
        return answer

    def _ask(self) -> Readiness | ServiceUnavailable:
        try:
            return self._read()
        except ServiceUnavailable as exc:
            return exc

    def _read(self) -> Readiness:
        with self._runtime.transaction() as session:
            is_migrated = not is_behind(revision_of(session.connection()))
            models = self._read_models(session) if is_migrated else ModelState.NONE
        return Readiness(
            is_migrated=is_migrated,
            models=models,
            is_chain_writable=is_migrated and self._is_chain_writable(),
            free_bytes=free_bytes(self._runtime.settings.data_dir),
        )

    def _read_models(self, session: Session) -> ModelState:
        # A damaged model is asked for again each time: the good news must not wait.
        if self._models is None or _is_old(self._models[0]):
            state = _model_state(session)
            is_damaged = state is ModelState.DAMAGED
            self._models = None if is_damaged else (time.monotonic(), state)
            return state
        return self._models[1]

    def _is_chain_writable(self) -> bool:
        if self._writable_at is not None and not _is_old(self._writable_at):
            return True
        self._writable_at = None
        try:
            with self._runtime.transaction() as session:
                require_writable_chain(session)
        except (DBAPIError, ServiceUnavailable) as exc:
            cause = exc.orig if isinstance(exc, DBAPIError) else exc.__cause__
            log.warning("audit_chain_not_writable", reason=type(cause).__name__)
            return False
        self._writable_at = time.monotonic()
        return True


def _model_state(session: Session) -> ModelState:
    damaged = damaged_targets(session)
    if damaged:
        log.error("active_model_damaged", targets=[str(target) for target in damaged])
        return ModelState.DAMAGED
    has_model = active_model(session, Target.TEMPERATURE_C) is not None
    return ModelState.ACTIVE if has_model else ModelState.NONE


def _is_old(asked_at: float) -> bool:
    return time.monotonic() - asked_at > FRESH_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """Counts, and the age of what decisions rest on, in seconds by region.

    Attributes
    ----------
    backup_age_s, drill_age_s, chain_check_age_s : float | None
        Of the newest dump, restore drill and check of the chain; None before the first.
    worker_silences_s : Sequence of float
        How long each registered worker has said nothing, shortest first.
    hours_above_bound : Mapping of str to int
        Readings of the last 24 hours above the bound, by region; 0 for none.
    feed_lag_s : Mapping of (str, str) to float
        From the newest good hour of a feed to now, by feed and region.
    feeds_failing : Mapping of str to bool
        Whether the last run failed, by feed.
    lost_coverage_evidence : Mapping of str to float
        Against the temperature model, by region; see `core.model_watch`.
    lost_skill_evidence : float
        The same over the fleet.
    active_alarms : Mapping of AlarmKind to int
        Alarms that stand, by kind; 0 for none.
    """

    counts: Counts
    queue: QueueDepth
    database_bytes: int
    backup_age_s: float | None
    drill_age_s: float | None
    chain_check_age_s: float | None
    worker_silences_s: Sequence[float]
    telemetry_age_s: Mapping[str, float]
    forecast_age_s: Mapping[str, float]
    hours_above_bound: Mapping[str, int]
    feed_lag_s: Mapping[tuple[str, str], float]
    feeds_failing: Mapping[str, bool]
    lost_coverage_evidence: Mapping[str, float]
    lost_skill_evidence: float
    active_alarms: Mapping[AlarmKind, int]


MOST_SHOWN_REGIONS = 100
"""A longer fleet has no metrics of single regions, but those of the whole fleet."""


def measure(session: Session, now: datetime) -> Measurements:
    """Read everything; a region without telemetry or forecasts has no age.

    Of a fleet of more than `MOST_SHOWN_REGIONS` nothing is read by region.
    """
    active = active_model(session, Target.TEMPERATURE_C)
    ages_s: dict[str, float] = {}
    above: dict[str, int] = {}
    found = list_regions(session, active_only=True)
    shown = found if len(found) <= MOST_SHOWN_REGIONS else []
    slugs = {stored.slug for stored in shown}
    for stored in shown:
        until = telemetry.measured_until(session, stored.slug, Quantity.TEMPERATURE_C)
        above[stored.slug] = 0
        if until is not None:
            ages_s[stored.slug] = (now - until).total_seconds()
    for reading in readings_above_bound(session, now) if shown else ():
        above[reading.region_slug] = reading.hour_count
    views = feed_views(session, now)
    checked = newest_check(session)
    return Measurements(
        counts=count_everything(
            session,
            now_utc=now,
            seen_since_utc=now - IDLE_LIMIT,
            denied_since_utc=now - RECENT,
        ),
        queue=queue_depth(session),
        database_bytes=server_facts(session).size_bytes,
        backup_age_s=_event_age_s(session, AuditAction.BACKUP_MADE, now),
        drill_age_s=_event_age_s(session, AuditAction.RESTORE_DRILLED, now),
        chain_check_age_s=None
        if checked is None
        else (now - checked.checked_at_utc).total_seconds(),
        worker_silences_s=worker_silences_s(session),
        telemetry_age_s=ages_s,
        forecast_age_s={
            slug: (now - issued_at_utc).total_seconds()
            for slug, issued_at_utc in newest_live_issues(session).items()
        }
        if shown
        else {},
        hours_above_bound=above,
        feed_lag_s={
            (view.facts.name, place.region_slug): place.lag_h * 3600
            for view in views
            for place in view.places
            if place.lag_h is not None and place.region_slug in slugs
        },
        active_alarms=active_by_kind(session),
        feeds_failing={
            view.facts.name: view.health is FeedHealth.FAILING for view in views
        },
        lost_coverage_evidence={}
        if active is None
        else {
            slug: combined([evidence])
            for slug, evidence in region_evidence(
                session, active.version.version_id
            ).items()
            if slug in slugs
        },
        lost_skill_evidence=0.0
        if active is None
        else skill_evidence_of(session, active.version.version_id),
    )


def _event_age_s(session: Session, action: AuditAction, now: datetime) -> float | None:
    found = list_events(session, action=action, limit=1)
    return (now - found[0].occurred_at_utc).total_seconds() if found else None
