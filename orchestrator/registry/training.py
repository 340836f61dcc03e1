"""Train models on stored telemetry, prove their export, register them.

Imports scikit-learn: for the command line and the worker, never for the web process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.days import full_hour
from core.errors import InvalidInput, ModelRejected
from core.forecasts import Target
from core.telemetry import TelemetryFrame
from db import model_versions, telemetry
from db.regions import StoredRegion
from models.export import export_onnx
from models.family import DEFAULT_FAMILY, Family
from models.parity import ParityReport, validate_parity
from models.parity_rows import comparison_rows
from models.sandbox import check_in_sandbox
from models.train import TrainedModel, train_model
from orchestrator.forecasts.serving import ModelCache
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.activation import activate_model, register_model
from orchestrator.registry.shadow_evaluations import evaluate_now
from orchestrator.registry.upload_checks import new_version

Progress = Callable[[str], None]


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


def train_models(
    session: Session,
    actor: Actor,
    *,
    targets: Sequence[Target],
    until_day: date | None,
    seed: int,
    activate: bool,
    now: datetime,
    family: Family = DEFAULT_FAMILY,
    on_progress: Progress | None = None,
) -> list[TrainingSummary]:
    """Train one model per target on all telemetry before `until_day` (UTC).

    A model is registered only when its ONNX export says the same as scikit-learn on
    real rows. It is a candidate, and passes through the same evaluation and gate as an
    uploaded one. Validated, it is activated when `activate`, or when no model serves
    its target. Without a day the newer part of telemetry is left for the evaluation.

    Raises
    ------
    InvalidInput
        When there is too little telemetry.
    ModelRejected
        When the export differs from what was trained.
    """
    actor.require(Permission.MANAGE_MODELS)
    report = on_progress or (lambda _message: None)
    found = active_regions(session)
    last_day = until_day or _default_until(session, found, now)
    until_utc = datetime.combine(last_day, datetime.min.time(), tzinfo=UTC)
    frames = stored_frames(session, found, until_utc)
    summaries = []
    for target in targets:
        report(f"Training {target} ({family}) on {len(frames)} regions …")
        trained = _train_one(
            session,
            actor,
            frames,
            target=target,
            until_utc=until_utc,
            family=family,
            seed=seed,
        )
        version_id = trained.version_id
        findings = _evaluate(session, actor, version_id, now=now, report=report)
        is_active = _activate(session, actor, target, version_id, activate=activate)
        version = model_versions.model_version(session, version_id)
        summaries.append(
            replace(
                trained, findings=findings, is_active=is_active, state=version.state
            )
        )
    return summaries


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


RegionFrames = dict[str, tuple[TelemetryFrame, str]]


def stored_frames(
    session: Session, found: Sequence[StoredRegion], until_utc: datetime
) -> RegionFrames:
    """Stored telemetry of these regions before an instant, with their time zones.

    Raises
    ------
    InvalidInput
        When there is none.
    """
    frames: RegionFrames = {}
    for stored in found:
        span = telemetry.first_and_last_hour(session, stored.region.slug)
        if span is None or span[0] >= until_utc:
            continue
        frames[stored.region.slug] = (
            telemetry.load_frame(session, stored.region.slug, span[0], until_utc),
            stored.region.time_zone,
        )
    if not frames:
        message = (
            f"No region has telemetry before {until_utc:%Y-%m-%d}; import some with"
            " `gfo telemetry import`, or generate it."
        )
        raise InvalidInput(message)
    return frames


def _train_one(
    session: Session,
    actor: Actor,
    frames: RegionFrames,
    *,
    target: Target,
    until_utc: datetime,
    family: Family,
    seed: int,
) -> TrainingSummary:
    started = time.monotonic()
    trained = train_model(frames, target, until_utc, family=family, seed=seed)
    onnx_bytes = export_onnx(trained)
    # The same door as a stranger's file.
    contract = check_in_sandbox(onnx_bytes)
    parity = _require_parity(trained, onnx_bytes, frames)
    digest = sha256(onnx_bytes).hexdigest()
    metrics = {
        "parity_max_abs_difference": parity.max_abs_difference,
        "parity_rows": parity.n_rows,
    }
    new = replace(new_version(contract, onnx_bytes, digest), metrics=metrics)
    version_id, is_new = register_model(session, actor, new)
    return TrainingSummary(
        target=target,
        version_id=version_id,
        is_new=is_new,
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


def _evaluate(
    session: Session,
    actor: Actor,
    version_id: int,
    *,
    now: datetime,
    report: Progress,
) -> tuple[str, ...]:
    """What the gate found; nothing new for a model that is known."""
    version = model_versions.model_version(session, version_id)
    if version.state != "candidate":
        return () if version.rejected_reason is None else (version.rejected_reason,)
    cache = ModelCache()
    try:
        evaluation = evaluate_now(
            session, actor, cache, version_id, now=now, on_progress=report
        )
    finally:
        cache.close()
    return evaluation.findings


def _activate(
    session: Session,
    actor: Actor,
    target: Target,
    version_id: int,
    *,
    activate: bool,
) -> bool:
    serving = model_versions.active_model(session, target)
    if serving is not None and serving.version.version_id == version_id:
        return True
    version = model_versions.model_version(session, version_id)
    if version.state == "validated" and (activate or serving is None):
        reason = "trained and asked to serve" if activate else "first model"
        activate_model(session, actor, version_id, reason=reason)
        return True
    return False


def _require_parity(
    trained: TrainedModel, onnx_bytes: bytes, frames: RegionFrames
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
