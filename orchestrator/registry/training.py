"""Train models on stored telemetry, prove their export, register them.

Imports scikit-learn: for the command line and the worker, never for the web process.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from sqlalchemy.orm import Session

from core.access import Permission
from core.aliases import Progress
from core.audit import AuditAction
from core.days import full_hour
from core.errors import InvalidInput, ModelRejected
from core.forecasts import Target
from core.telemetry import hours_between
from db import approvals, model_signatures, model_versions, policies, telemetry
from db.regions import StoredRegion
from models.export import export_onnx
from models.fleet_telemetry import (
    HELD_REGIONS,
    SAMPLE_REGIONS,
    RegionTelemetry,
    TelemetryOnRequest,
)
from models.metadata import (
    DEFAULT_FAMILY,
    MAX_REGIONS,
    Family,
    require_trained_in_past,
)
from models.parity import ParityReport, validate_parity
from models.parity_rows import comparison_rows
from models.sandbox import check_in_sandbox
from models.train import TrainedModel, train_model
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.activation import add_version, switch_to
from orchestrator.registry.evaluation_steps import carry_out_evaluation
from orchestrator.registry.upload_checks import new_version
from orchestrator.use_cases import Done, Event, Request, change
from orchestrator.windows.database_source import load_model_frame


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSummary:
    """What training one target gave."""

    target: Target
    version_id: int
    is_new: bool
    is_active: bool
    state: str
    findings: tuple[str, ...]
    onnx_sha256: str
    size_bytes: int
    trained_from_utc: datetime
    trained_until_utc: datetime
    seconds: float
    parity_max_abs_difference: float
    parity_rows: int


@change(
    Permission.MANAGE_MODELS,
    AuditAction.MODEL_REGISTERED,
    AuditAction.MODEL_EVALUATION_STARTED,
    AuditAction.MODEL_VALIDATED,
    AuditAction.MODEL_REJECTED,
    AuditAction.MODEL_ACTIVATED,
    repeat=None,
    confirmed=True,
)
def train_models(
    request: Request,
    *,
    targets: Sequence[Target],
    until_day: date | None,
    seed: int,
    activate: bool,
    family: Family = DEFAULT_FAMILY,
    on_progress: Progress | None = None,
) -> Done[list[TrainingSummary]]:
    """Train one model per target on all telemetry before `until_day` (UTC).

    A model is registered only when its ONNX export says the same as scikit-learn on
    real rows. It is a candidate, and passes through the same evaluation and gate as an
    uploaded one. Validated, it is activated when `activate`, or when no model serves
    its target, unless the rules for changes want a second person or a signature.
    Without a day the newer part of telemetry is left for the evaluation.

    Raises
    ------
    InvalidInput
        When there is too little telemetry, or there are too many regions.
    NotFound
        Without a policy, by which a model is judged.
    ModelRejected
        When the export differs from what was trained.
    """
    session = request.session
    policies.fleet_policy(session)
    report = on_progress or (lambda _message: None)
    found = active_regions(session)
    last_day = until_day or _default_until(session, found, request.now)
    until_utc = datetime.combine(last_day, datetime.min.time(), tzinfo=UTC)
    frames = _stored_telemetry(session, found, until_utc)
    if family is Family.BOOSTING and len(frames) > HELD_REGIONS:
        message = (
            f"A boosted model has no room for the weights of {len(frames):,} regions."
            " Train the ridge family: `gfo train --family ridge`."
        )
        raise InvalidInput(message)
    summaries, events = [], []
    for target in targets:
        report(f"Training {target} ({family}) on {len(frames)} regions …")
        trained, registered = _train_one(
            request,
            frames,
            target=target,
            until_utc=until_utc,
            family=family,
            seed=seed,
        )
        version_id = trained.version_id
        judged = _evaluate(request, version_id, report)
        activated = _activate(request, target, version_id, activate=activate)
        version = model_versions.model_version(session, version_id)
        summaries.append(
            replace(
                trained,
                findings=judged.answer,
                is_active=version.is_active,
                state=version.state,
            )
        )
        events += [*registered, *judged.events, *activated]
    return Done(answer=summaries, events=tuple(events))


def _default_until(
    session: Session, found: Sequence[StoredRegion], now: datetime
) -> date:
    """Leave the newer part of telemetry, or the model could not be judged."""
    spans = [
        span
        for stored in found
        if (span := telemetry.first_and_last_hour(session, stored.region.slug))
    ]
    if not spans:
        return full_hour(now).date()
    return split_day(min(first for first, _ in spans), max(last for _, last in spans))


def _stored_telemetry(
    session: Session, found: Sequence[StoredRegion], until_utc: datetime
) -> Mapping[str, RegionTelemetry]:
    """Stored telemetry of these regions before an instant, with their time zones.

    Raises
    ------
    InvalidInput
        When there is none, or of more regions than a model can name.
    """
    zones = {stored.region.slug: stored.region.time_zone for stored in found}
    firsts = {
        slug: span[0]
        for slug in zones
        if (span := telemetry.first_and_last_hour(session, slug))
        and span[0] < until_utc
    }
    if not firsts:
        message = (
            f"No region has telemetry before {until_utc:%Y-%m-%d}; import some with"
            " `gfo telemetry import`, or generate it."
        )
        raise InvalidInput(message)
    if len(firsts) > MAX_REGIONS:
        message = (
            f"A model names at most {MAX_REGIONS:,} regions, and {len(firsts):,} active"
            " ones have telemetry. Deactivate some."
        )
        raise InvalidInput(message)

    @lru_cache(maxsize=SAMPLE_REGIONS)
    def read(slug: str) -> RegionTelemetry:
        frame = load_model_frame(session, slug, firsts[slug], until_utc)
        return frame, zones[slug]

    spans = {
        slug: (first_utc, hours_between(first_utc, until_utc))
        for slug, first_utc in firsts.items()
    }
    on_request = TelemetryOnRequest(spans=spans, read=read)
    return dict(on_request) if len(firsts) <= HELD_REGIONS else on_request


def _train_one(
    request: Request,
    frames: Mapping[str, RegionTelemetry],
    *,
    target: Target,
    until_utc: datetime,
    family: Family,
    seed: int,
) -> tuple[TrainingSummary, tuple[Event, ...]]:
    started = time.monotonic()
    trained = train_model(frames, target, until_utc, family=family, seed=seed)
    onnx_bytes = export_onnx(trained)
    # The same check as of an uploaded file.
    contract = check_in_sandbox(onnx_bytes)
    require_trained_in_past(contract, request.now)
    parity = _require_parity(trained, onnx_bytes, frames)
    digest = sha256(onnx_bytes).hexdigest()
    metrics = {
        "parity_max_abs_difference": parity.max_abs_difference,
        "parity_rows": parity.n_rows,
    }
    new = replace(new_version(contract, onnx_bytes, digest), metrics=metrics)
    version_id, events = add_version(
        request.session, new, added_by_id=request.actor.user_id
    )
    summary = TrainingSummary(
        target=target,
        version_id=version_id,
        is_new=bool(events),
        is_active=False,
        state=new.state,
        findings=(),
        onnx_sha256=digest,
        size_bytes=len(onnx_bytes),
        trained_from_utc=contract.trained_from_utc,
        trained_until_utc=contract.trained_until_utc,
        seconds=time.monotonic() - started,
        parity_max_abs_difference=parity.max_abs_difference,
        parity_rows=parity.n_rows,
    )
    return summary, events


def _evaluate(
    request: Request, version_id: int, report: Progress
) -> Done[tuple[str, ...]]:
    """What the gate found; nothing new for a model that is known."""
    version = model_versions.model_version(request.session, version_id)
    if version.state != "candidate":
        reason = version.rejected_reason
        return Done(answer=() if reason is None else (reason,))
    cache = ModelCache()
    try:
        done = carry_out_evaluation(request, cache, version_id, on_progress=report)
    finally:
        cache.close()
    return Done(answer=done.answer.findings, events=done.events)


def _activate(
    request: Request, target: Target, version_id: int, *, activate: bool
) -> tuple[Event, ...]:
    session = request.session
    serving = model_versions.active_model(session, target)
    version = model_versions.model_version(session, version_id)
    may_serve = version.state == "validated" and not version.is_active
    if not may_serve or not (activate or serving is None):
        return ()
    rules = approvals.change_rules(session)
    is_signed = model_signatures.model_origin(session, version_id).is_signed
    if rules.two_people or (rules.signed_models_only and not is_signed):
        return ()  # it stays registered: to be signed, or asked for on the Models page
    reason = "trained and asked to serve" if activate else "first model"
    return switch_to(request, version_id, reason=reason).events


def _require_parity(
    trained: TrainedModel, onnx_bytes: bytes, frames: Mapping[str, RegionTelemetry]
) -> ParityReport:
    """Hold the export against scikit-learn on 10,000 rows, thresholds included."""
    rows = comparison_rows(trained, frames)
    parity = validate_parity(trained, onnx_bytes, rows.features, rows.region_index)
    if not parity.holds:
        message = (
            f"The exported {trained.contract.target} model differs from scikit-learn by"
            f" {parity.max_abs_difference:.2e} in {rows.origins[parity.worst_row]};"
            f" at most {parity.limit:.0e} is allowed."
        )
        raise ModelRejected(message)
    return parity


def split_day(first_hour_utc: datetime, last_hour_utc: datetime) -> date:
    """A day that leaves the last 500 days, at most half, for calibration."""
    span = last_hour_utc - first_hour_utc
    return (last_hour_utc - min(timedelta(days=500), span / 2)).date()
