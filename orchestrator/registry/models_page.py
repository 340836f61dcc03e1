"""The Models pages: which versions there are, what serves, and one version's story."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from core.access import Permission
from core.forecasts import Target
from core.model_gate import pooled
from core.wording import listed
from db import (
    model_evaluations,
    model_health,
    model_signatures,
    model_uploads,
    model_versions,
    model_watch,
    regions,
)
from db.model_evaluations import RUNNING, ModelEvaluation
from db.model_health import Outage
from db.model_signatures import ModelOrigin
from db.model_uploads import QUARANTINED
from db.model_versions import ActivationLine, ModelVersion
from orchestrator.decisions.views import NamedValue
from orchestrator.registry.records import EvaluatedRegion, decode
from orchestrator.registry.views import (
    BoundDay,
    BoundsOverTime,
    ComparedRegion,
    ErrorsByHour,
    EvaluationProgress,
    EvaluationView,
    HistoryRow,
    ModelDetail,
    ModelsPage,
    ServingRow,
    UploadRow,
    VersionRow,
)
from orchestrator.use_cases import Request, query

MOST_VERSIONS = 50
"""Figures of an evaluation are read for each version on the list."""

UNITS: Mapping[str, str] = {
    Target.TEMPERATURE_C: "°C",
    Target.WET_BULB_C: "°C",
    Target.CARBON_INTENSITY_GCO2_KWH: "g/kWh",
    Target.IT_LOAD_MW: "MW",
}


@query(Permission.MANAGE_MODELS)
def models_page(request: Request) -> ModelsPage:
    """Everything on the list."""
    session = request.session
    signed = model_signatures.signed_hashes(session)
    versions = [
        _version_row(session, version, signed)
        for version in model_versions.list_model_versions(session, limit=MOST_VERSIONS)
    ]
    uploads = [
        UploadRow(
            upload_id=item.upload_id,
            file_label=item.file_label,
            size_bytes=item.size_bytes,
            content_sha256=item.content_sha256,
            state=item.state,
            reason=item.rejected_reason or item.problem,
            version_id=item.model_version_id,
            uploaded_by=item.uploaded_by,
            created_at_utc=item.created_at_utc,
        )
        for item in model_uploads.list_model_uploads(session)
    ]
    is_evaluating = any(
        row.progress and row.progress.state == RUNNING for row in versions
    )
    outages = model_health.outages(session)
    return ModelsPage(
        serving=tuple(
            _serving(session, target, outages.get(target)) for target in Target
        ),
        uploads=tuple(uploads),
        versions=tuple(versions),
        version_count=model_versions.count_model_versions(session),
        history=_history(session, None),
        is_busy=is_evaluating or any(row.state == QUARANTINED for row in uploads),
    )


@query(Permission.MANAGE_MODELS)
def model_detail(
    request: Request, version_id: int, *, region_slug: str | None
) -> ModelDetail:
    """One version, with the bounds of one region over time.

    Raises
    ------
    NotFound
        When there is no such version.
    """
    session = request.session
    version = model_versions.model_version(session, version_id)
    active = model_versions.active_model(session, version.target)
    found = model_evaluations.newest_evaluation(session, version_id)
    return ModelDetail(
        version_id=version_id,
        label=version.label,
        target=version.target.value,
        state=version.state,
        is_active=version.is_active,
        rejected_reason=version.rejected_reason,
        contract=_contract(version),
        origin=_origin(model_signatures.model_origin(session, version_id)),
        trained_from_utc=version.trained_from_utc,
        trained_until_utc=version.trained_until_utc,
        created_at_utc=version.created_at_utc,
        feature_names=version.feature_names,
        evaluation=None
        if found is None
        else _evaluation(session, found, version, region_slug),
        history=_history(session, version.target),
        seen_active_id=active.version.version_id if active else 0,
        active_label=active.version.label if active else None,
        former_version_id=model_versions.former_version_id(session, version.target),
    )


def _version_row(
    session: Session, version: ModelVersion, signed: frozenset[str]
) -> VersionRow:
    found = model_evaluations.newest_evaluation(session, version.version_id)
    records = {} if found is None else _records(session, found)
    return VersionRow(
        version_id=version.version_id,
        target=version.target.value,
        family=version.family,
        sha256=version.onnx_sha256,
        state=version.state,
        is_active=version.is_active,
        created_by=version.created_by,
        created_at_utc=version.created_at_utc,
        trained_until_utc=version.trained_until_utc,
        size_bytes=version.size_bytes,
        figures=pooled(r.comparison.new for r in records.values()) if records else None,
        progress=None if found is None else _progress(found, records),
        is_signed=version.onnx_sha256 in signed,
    )


def _records(session: Session, found: ModelEvaluation) -> dict[str, EvaluatedRegion]:
    stored: dict[str, dict[str, Any]] = model_evaluations.region_figures(
        session, found.evaluation_id
    )
    return {slug: decode(slug, stored[slug]) for slug in sorted(stored)}


def _progress(
    found: ModelEvaluation, records: Mapping[str, EvaluatedRegion]
) -> EvaluationProgress:
    return EvaluationProgress(
        evaluation_id=found.evaluation_id,
        state=found.state,
        regions_done=len(records),
        regions_total=len(found.region_slugs),
        failed_reason=found.failed_reason,
    )


def _serving(session: Session, target: Target, outage: Outage | None) -> ServingRow:
    active = model_versions.active_model(session, target)
    version_id = active.version.version_id if active else None
    alarms = []
    if version_id is not None and target is Target.TEMPERATURE_C:
        alarms = model_watch.standing_alarms(session, model_version_id=version_id)
    return ServingRow(
        target=target.value,
        version_id=version_id,
        label=active.version.label if active else "none",
        since_utc=active.since_utc if active else None,
        outage=outage.reason if outage else None,
        alarms=tuple(alarm.sentence for alarm in alarms),
        former_version_id=model_versions.former_version_id(session, target),
    )


def _history(session: Session, target: Target | None) -> tuple[HistoryRow, ...]:
    lines: list[ActivationLine] = model_versions.activation_log(session, target=target)
    return tuple(
        HistoryRow(
            activation_id=line.activation_id,
            target=line.target.value,
            version_id=line.version_id,
            label=line.label,
            reason=line.reason,
            actor_name=line.actor_name,
            created_at_utc=line.created_at_utc,
        )
        for line in lines
    )


def _contract(version: ModelVersion) -> tuple[NamedValue, ...]:
    values = (
        ("Target", version.target.value),
        ("Horizon", f"{version.horizon_h} h"),
        ("Family", version.family),
        ("Features", str(len(version.feature_names))),
        (
            "Regions named",
            listed(version.region_slugs)
            if version.region_slugs
            else "none, pooled only",
        ),
        ("File", f"{version.size_bytes / 1e3:,.1f} kB"),
    )
    return tuple(NamedValue(label=label, value=value) for label, value in values)


def _origin(origin: ModelOrigin) -> tuple[NamedValue, ...]:
    made = (
        "here, on stored telemetry"
        if origin.file_label is None
        else f"elsewhere; uploaded as {origin.file_label}"
    )
    signatures = [
        f"{item.key.name} ({item.key.fingerprint}), added by {item.given_by}"
        + ("" if item.is_trusted else "; its key is no longer trusted")
        for item in origin.signatures
    ]
    values = (
        ("Trained", made),
        ("Brought in by", origin.brought_by),
        ("SHA-256 of the file", origin.onnx_sha256),
        ("Signed by", listed(signatures) if signatures else "nobody"),
    )
    return tuple(NamedValue(label=label, value=value) for label, value in values)


def _evaluation(
    session: Session,
    found: ModelEvaluation,
    version: ModelVersion,
    region_slug: str | None,
) -> EvaluationView:
    records = _records(session, found)
    names = {
        stored.region.slug: stored.region.name
        for stored in regions.list_regions(session, active_only=False)
    }
    active = model_versions.active_model(session, version.target)
    active_id = active.version.version_id if active else None
    compared = (
        None
        if found.compared_version_id is None
        else model_versions.model_version(session, found.compared_version_id).label
    )
    shown = region_slug if region_slug in records else next(iter(records), None)
    return EvaluationView(
        progress=_progress(found, records),
        compared_label=compared,
        is_outdated=found.compared_version_id != active_id and not version.is_active,
        from_utc=found.from_utc,
        until_utc=found.until_utc,
        gate_passed=found.gate_passed,
        findings=found.findings,
        regions=tuple(
            ComparedRegion(
                slug=slug,
                name=names.get(slug, slug),
                new=record.comparison.new,
                active=record.comparison.active,
                changed=record.comparison.changed,
            )
            for slug, record in records.items()
        ),
        pooled=_pooled(records) if records else None,
        errors=_errors(version, records) if records else None,
        bounds=_bounds(shown, names, records[shown]) if shown else None,
        has_bound=version.target is Target.TEMPERATURE_C,
    )


def _pooled(records: Mapping[str, EvaluatedRegion]) -> ComparedRegion:
    actives = [record.comparison.active for record in records.values()]
    return ComparedRegion(
        slug=None,
        name="All regions",
        new=pooled(record.comparison.new for record in records.values()),
        active=None
        if any(active is None for active in actives)
        else pooled(active for active in actives if active is not None),
    )


def _errors(
    version: ModelVersion, records: Mapping[str, EvaluatedRegion]
) -> ErrorsByHour:
    return ErrorsByHour(
        unit=UNITS[version.target],
        new=_mean_by_hour([record.new_rmse_by_hour for record in records.values()]),
        active=_mean_by_hour(
            [record.active_rmse_by_hour for record in records.values()]
        ),
    )


def _mean_by_hour(
    series: list[tuple[float | None, ...]],
) -> tuple[float | None, ...]:
    """Root of the mean square over regions, hour by hour, where all are known."""
    filled = [item for item in series if item]
    if not filled:
        return ()
    means: list[float | None] = []
    for hour in zip(*filled, strict=True):
        known = [value for value in hour if value is not None]
        means.append(
            math.sqrt(sum(value**2 for value in known) / len(known)) if known else None
        )
    return tuple(means)


def _bounds(
    slug: str, names: Mapping[str, str], record: EvaluatedRegion
) -> BoundsOverTime | None:
    if not record.days:
        return None
    return BoundsOverTime(
        region_slug=slug,
        region_name=names.get(slug, slug),
        limit_c=record.comparison.limit_c,
        days=tuple(
            BoundDay(
                local_day=day.local_day,
                new_bound_c=day.new_bound_c,
                active_bound_c=day.active_bound_c,
                day_max_c=day.day_max_c,
            )
            for day in record.days
        ),
    )
