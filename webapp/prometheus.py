"""Prometheus metrics of all web processes and of the installation behind them."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue

from core.alarm_kinds import DEFINITIONS
from core.errors import ServiceUnavailable
from core.version import CODE_VERSION
from orchestrator.jobs import STALLED_AFTER_S
from orchestrator.logs import get_logger
from orchestrator.operations.doctor import overview
from orchestrator.operations.fleet_measurements import (
    FleetMeasurements,
    measure_fleet,
)
from orchestrator.operations.monitoring import (
    Measurements,
    ModelState,
    ReadinessProbe,
    measure,
)
from orchestrator.runtime import Runtime
from webapp.fleet_metrics import fleet_families

if TYPE_CHECKING:
    from prometheus_client import Metric

log = get_logger(__name__)

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Where web processes share their counters; set before the client is imported."""

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


def metrics_folder(data_dir: Path, port: int) -> Path:
    """Where the web processes of one portal share their counters: in memory.

    They write through mapped files, and a full disk kills who writes to one of its own.
    """
    memory = Path("/dev/shm")  # noqa: S108 -- the name is not secret, the folder ours
    parent = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    portal = sha256(f"{data_dir.resolve()}:{port}".encode()).hexdigest()[:12]
    return parent / f"gfo_web_metrics_{os.getuid()}_{portal}"


class Metrics:
    """Counts requests, and answers the scrape."""

    def __init__(self, runtime: Runtime, probe: ReadinessProbe) -> None:
        # Imported here: the client looks for the shared folder when it is imported, and
        # gunicorn's master imports this module before it has made one.
        import prometheus_client  # noqa: PLC0415
        from prometheus_client import core, multiprocess  # noqa: PLC0415

        self._client = prometheus_client
        self._gauge = core.GaugeMetricFamily
        self._runtime = runtime
        self._probe = probe
        counted = prometheus_client.CollectorRegistry()
        self._requests = prometheus_client.Counter(
            "gfo_http_requests_total",
            "Requests answered, by route and status.",
            ("method", "route", "status"),
            registry=counted,
        )
        self._durations_s = prometheus_client.Histogram(
            "gfo_http_request_duration_seconds",
            "Time to answer, by route.",
            ("route",),
            registry=counted,
            buckets=_BUCKETS_S,
        )
        self._registry = prometheus_client.CollectorRegistry()
        if FOLDER_VARIABLE in os.environ:
            multiprocess.MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]
        else:
            self._registry.register(counted)
        self._registry.register(self)

    def install(self, server: Flask) -> None:
        """Count every answer."""
        server.after_request(self.count)

    def count(self, response: Response) -> Response:
        """Add one answer; labels come from our own lists, never from the request."""
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in _METHODS else "other"
        self._requests.labels(method, route, str(response.status_code)).inc()
        began = g.get("started_s")
        if began is not None:
            self._durations_s.labels(route).observe(time.perf_counter() - began)
        return response

    def metrics(self) -> ResponseReturnValue:
        """All metrics in the text format; the gate has checked who asks."""
        body = self._client.generate_latest(self._registry)
        return Response(body, content_type=self._client.CONTENT_TYPE_PLAIN_0_0_4)

    def collect(self) -> Iterator[Metric]:
        """Metrics from the database; the client calls this at every scrape."""
        gauge = self._gauge
        build = gauge(
            "gfo_build_info", "The release that answers.", labels=("version",)
        )
        build.add_metric((CODE_VERSION,), 1)
        yield build
        try:
            state = self._probe.read()
            measured = self._measured() if state.is_migrated else None
        except ServiceUnavailable:
            yield gauge("gfo_database_up", "Whether the database answers.", 0)
            return
        yield gauge("gfo_database_up", "Whether the database answers.", 1)
        yield gauge("gfo_ready", "Whether decisions can be made.", state.is_ready)
        yield gauge(
            "gfo_models_sound",
            "Whether the active models are the bytes that were activated.",
            state.models is not ModelState.DAMAGED,
        )
        yield gauge(
            "gfo_audit_chain_writable",
            "Whether the audit chain takes events.",
            state.is_chain_writable,
        )
        yield gauge(
            "gfo_data_folder_free_bytes",
            "Space left where the data folder is; without 64 MiB nothing is decided.",
            state.free_bytes,
        )
        if measured is not None:
            yield from self._families(measured)
            yield from fleet_families(self._gauge, self._fleet_measured())
            yield self._soundness()

    def _measured(self) -> Measurements:
        with self._runtime.transaction() as session:
            return measure(session, self._runtime.clock())

    def _fleet_measured(self) -> FleetMeasurements:
        with self._runtime.transaction() as session:
            return measure_fleet(session, self._runtime.clock())

    def _soundness(self) -> Metric:
        """What the Health page shows; of several findings on a topic the worst."""
        sound: dict[str, bool] = {}
        with self._runtime.transaction() as session:
            for finding in overview(
                self._runtime.settings, session, self._runtime.clock()
            ):
                before = sound.get(finding.topic, True)
                sound[finding.topic] = before and finding.is_sound
        family = self._gauge(
            "gfo_finding_sound",
            "Whether what the Health page shows is sound, by runbook topic.",
            labels=("topic",),
        )
        for topic, is_sound in sound.items():
            family.add_metric((topic,), is_sound)
        return family

    def _families(self, measured: Measurements) -> Iterator[Metric]:
        gauge = self._gauge
        counts = measured.counts
        yield gauge("gfo_audit_events", "Events in the chain.", counts.audit_events)
        silences_s = measured.worker_silences_s
        alive = sum(seconds <= STALLED_AFTER_S for seconds in silences_s)
        yield gauge("gfo_workers_alive", "Workers that spoke within 30 s.", alive)
        yield gauge(
            "gfo_worker_silence_seconds",
            "Time since a registered worker spoke last; 0 without one.",
            min(silences_s, default=0),
        )
        yield gauge(
            "gfo_oldest_job_wait_seconds",
            "How long the oldest job has waited that could begin; 0 without one.",
            measured.queue.oldest_wait_s,
        )
        yield gauge(
            "gfo_database_size_bytes", "Of this database.", measured.database_bytes
        )
        for name, text, age_s in (
            ("gfo_backup_age_seconds", "Since the newest dump.", measured.backup_age_s),
            (
                "gfo_restore_drill_age_seconds",
                "Since the newest restore drill, passed or not.",
                measured.drill_age_s,
            ),
            (
                "gfo_chain_check_age_seconds",
                "Since the audit chain was checked.",
                measured.chain_check_age_s,
            ),
        ):
            if age_s is not None:
                yield gauge(name, text, age_s)
        yield gauge(
            "gfo_lost_skill_evidence",
            "Evidence that the model lost skill over the fleet; alarm at 3650.",
            measured.lost_skill_evidence,
        )
        yield gauge("gfo_live_logins", "Logins that are alive.", counts.live_logins)
        yield gauge(
            "gfo_recent_denials",
            "Failed logins and refused strangers of the last ten minutes.",
            counts.recent_denials,
        )
        for name, text, label, values in (
            ("gfo_jobs", "Jobs in the queue.", "status", counts.jobs),
            (
                "gfo_telemetry_age_seconds",
                "Time since the newest hour with a measured temperature ended.",
                "region",
                measured.telemetry_age_s,
            ),
            (
                "gfo_forecast_age_seconds",
                "Time since the newest live forecast was issued.",
                "region",
                measured.forecast_age_s,
            ),
            (
                "gfo_hours_above_bound",
                "Readings of the last 24 hours above the bound then in force.",
                "region",
                measured.hours_above_bound,
            ),
            (
                "gfo_feed_failing",
                "Whether the last run of a feed failed.",
                "feed",
                measured.feeds_failing,
            ),
            (
                "gfo_lost_coverage_evidence",
                "Evidence that the temperature model lost its coverage; alarm at 3650.",
                "region",
                measured.lost_coverage_evidence,
            ),
        ):
            family = gauge(name, text, labels=(label,))
            for value, number in values.items():
                family.add_metric((value,), number)
            yield family
        lag = gauge(
            "gfo_feed_lag_seconds",
            "Time since the newest good hour of a feed ended.",
            labels=("feed", "region"),
        )
        for place, seconds in measured.feed_lag_s.items():
            lag.add_metric(place, seconds)
        yield lag
        alarms = gauge(
            "gfo_alarms_active",
            "Alarms that stand: neither shelved, out of service nor a consequence.",
            labels=("kind", "priority"),
        )
        for kind, count in measured.active_alarms.items():
            alarms.add_metric((kind, DEFINITIONS[kind].priority), count)
        yield alarms
