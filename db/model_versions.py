"""Queries on models: versions with their bytes, and the append-only activation log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.errors import Conflict, NotFound
from core.forecasts import Target
from db.schema import ModelActivationRow, ModelVersionRow, UserRow

NORMALISES_SCALE = "normalises_scale"
"""Metric of uploaded models; see `models.normalised`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewModelVersion:
    """A model to be stored; the same bytes for the same target are the same version."""

    target: Target
    family: str
    onnx_sha256: str
    onnx_bytes: bytes
    contract_version: int
    feature_names: tuple[str, ...]
    region_slugs: tuple[str, ...]
    horizon_h: int
    trained_from_utc: datetime
    trained_until_utc: datetime
    metrics: dict[str, Any]
    state: str
    code_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A stored model without its bytes."""

    version_id: int
    target: Target
    family: str
    onnx_sha256: str
    feature_names: tuple[str, ...]
    region_slugs: tuple[str, ...]
    horizon_h: int
    trained_from_utc: datetime
    trained_until_utc: datetime
    metrics: dict[str, Any]
    state: str
    rejected_reason: str | None
    size_bytes: int
    created_by: str
    created_at_utc: datetime
    is_active: bool

    @property
    def label(self) -> str:
        """Label for people: number, family and the start of its hash."""
        return _label(self.version_id, self.family, self.onnx_sha256)

    @property
    def normalises_scale(self) -> bool:
        """Whether its scale is normalised; models of former releases keep theirs."""
        return bool(self.metrics.get(NORMALISES_SCALE, False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """Which model serves a target, by the newest entry of the log."""

    activation_id: int
    version: ModelVersion
    since_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationLine:
    """An entry of the activation log."""

    activation_id: int
    target: Target
    version_id: int
    label: str
    reason: str
    actor_name: str
    created_at_utc: datetime


def _label(version_id: int, family: str, sha256: str) -> str:
    return f"model {version_id} ({family}, {sha256[:8]})"


def insert_model_version(
    session: Session, model: NewModelVersion, *, actor_id: int
) -> tuple[int, bool]:
    """Store a model; returns its id and whether it is new."""
    values = {name: getattr(model, name) for name in NewModelVersion.__slots__}
    values |= {
        "target": model.target.value,
        "feature_names": list(model.feature_names),
        "region_slugs": list(model.region_slugs),
        "created_by_id": actor_id,
    }
    new_id = session.scalar(
        insert(ModelVersionRow)
        .values(**values)
        .on_conflict_do_nothing(index_elements=["target", "onnx_sha256"])
        .returning(ModelVersionRow.id)
    )
    if new_id is not None:
        return new_id, True
    known_id = session.scalars(
        select(ModelVersionRow.id).where(
            ModelVersionRow.target == model.target.value,
            ModelVersionRow.onnx_sha256 == model.onnx_sha256,
        )
    ).one()
    return known_id, False


def model_bytes(session: Session, version_id: int) -> bytes:
    """The ONNX bytes of a version."""
    stored = session.scalar(
        select(ModelVersionRow.onnx_bytes).where(ModelVersionRow.id == version_id)
    )
    if stored is None:
        message = f"There is no model version {version_id}."
        raise NotFound(message)
    return stored


def stored_sha256(session: Session, version_id: int) -> str:
    """The hash of the bytes as they are now, computed by the database."""
    digest = func.encode(func.sha256(ModelVersionRow.onnx_bytes), "hex")
    found = session.scalar(select(digest).where(ModelVersionRow.id == version_id))
    return str(found)


def has_registered_bytes(session: Session, version_id: int) -> bool:
    """Whether the bytes as they are now have the hash of their registration."""
    digest = func.encode(func.sha256(ModelVersionRow.onnx_bytes), "hex")
    is_sound = select(digest == ModelVersionRow.onnx_sha256).where(
        ModelVersionRow.id == version_id
    )
    return bool(session.scalar(is_sound))


def model_version(session: Session, version_id: int) -> ModelVersion:
    """A version by its id.

    Raises
    ------
    NotFound
        When there is none.
    """
    for version in list_model_versions(session, version_id=version_id):
        return version
    message = f"There is no model version {version_id}."
    raise NotFound(message)


def list_model_versions(
    session: Session,
    *,
    version_id: int | None = None,
    limit: int | None = None,
) -> list[ModelVersion]:
    """Versions, newest first; the newest `limit` of them when it is given."""
    query = _versions().order_by(ModelVersionRow.id.desc()).limit(limit)
    if version_id is not None:
        query = query.where(ModelVersionRow.id == version_id)
    active_ids = {row.model_version_id for row in _newest_activations(session)}
    return [
        _version(row, created_by, size_bytes, is_active=row.id in active_ids)
        for row, created_by, size_bytes in session.execute(query)
    ]


def _versions() -> Select[ModelVersionRow, str, int]:
    """Versions with who added them and their size, in bytes."""
    return select(
        ModelVersionRow, UserRow.name, func.octet_length(ModelVersionRow.onnx_bytes)
    ).join(UserRow, UserRow.id == ModelVersionRow.created_by_id)


def count_model_versions(session: Session) -> int:
    """How many versions there are."""
    return session.scalar(select(func.count()).select_from(ModelVersionRow)) or 0


def model_labels(session: Session) -> dict[int, str]:
    """Label of each version, newest first."""
    rows = session.execute(
        select(
            ModelVersionRow.id, ModelVersionRow.family, ModelVersionRow.onnx_sha256
        ).order_by(ModelVersionRow.id.desc())
    )
    return {version_id: _label(version_id, *rest) for version_id, *rest in rows}


def active_model(session: Session, target: Target) -> Activation | None:
    """The model that serves `target`; None when none was activated."""
    return active_models(session).get(target)


def active_models(session: Session) -> dict[Target, Activation]:
    """The models that serve, by their targets."""
    newest = {row.model_version_id: row for row in _newest_activations(session)}
    rows = session.execute(_versions().where(ModelVersionRow.id.in_(newest)))
    return {
        Target(newest[row.id].target): Activation(
            activation_id=newest[row.id].id,
            version=_version(row, created_by, size_bytes, is_active=True),
            since_utc=newest[row.id].created_at_utc,
        )
        for row, created_by, size_bytes in rows
    }


def former_version_id(session: Session, target: Target) -> int | None:
    """The version that served before the active one; None when there was no other."""
    served = (
        select(ModelActivationRow.model_version_id)
        .where(ModelActivationRow.target == target.value)
        .order_by(ModelActivationRow.id.desc())
        .limit(1)
    )
    active_id = served.correlate(None).scalar_subquery()
    return session.scalar(
        served.where(ModelActivationRow.model_version_id != active_id)
    )


def activation_log(
    session: Session, *, target: Target | None = None
) -> list[ActivationLine]:
    """Entries of the activation log, newest first."""
    query = (
        select(ModelActivationRow, ModelVersionRow, UserRow.name)
        .join(
            ModelVersionRow, ModelVersionRow.id == ModelActivationRow.model_version_id
        )
        .join(UserRow, UserRow.id == ModelActivationRow.actor_id)
        .order_by(ModelActivationRow.id.desc())
    )
    if target is not None:
        query = query.where(ModelActivationRow.target == target.value)
    return [
        ActivationLine(
            activation_id=line.id,
            target=Target(line.target),
            version_id=model.id,
            label=_label(model.id, model.family, model.onnx_sha256),
            reason=line.reason,
            actor_name=actor_name,
            created_at_utc=line.created_at_utc,
        )
        for line, model, actor_name in session.execute(query)
    ]


def model_pieces(
    session: Session, version_id: int, piece_bytes: int
) -> Iterator[bytes]:
    """The ONNX bytes of a version in pieces, never all of them in memory."""
    start = 1
    while True:
        piece = session.scalar(
            select(
                func.substring(ModelVersionRow.onnx_bytes, start, piece_bytes)
            ).where(ModelVersionRow.id == version_id)
        )
        if not piece:
            return
        yield piece
        start += piece_bytes


def has_served(session: Session, version_id: int) -> bool:
    """Whether a version serves or has served."""
    line = select(ModelActivationRow.id).where(
        ModelActivationRow.model_version_id == version_id
    )
    return bool(session.scalar(select(line.exists())))


def set_state(
    session: Session, version_id: int, *, state: str, rejected_reason: str | None = None
) -> None:
    """Set the state of a version."""
    row = session.get_one(ModelVersionRow, version_id, with_for_update=True)
    row.state, row.rejected_reason = state, rejected_reason
    session.flush()


def insert_activation(
    session: Session,
    *,
    target: Target,
    version_id: int,
    expected_previous_id: int | None,
    actor_id: int,
    reason: str,
) -> int:
    """Log that a version serves from now on; compare-and-swap on the previous entry.

    Raises
    ------
    Conflict
        When somebody else activated a model meanwhile.
    """
    row = ModelActivationRow(
        target=target.value,
        model_version_id=version_id,
        previous_id=expected_previous_id,
        actor_id=actor_id,
        reason=reason,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as exc:
        message = f"Another model was activated for {target} meanwhile; try again."
        raise Conflict(message) from exc
    return row.id


def _newest_activations(session: Session) -> list[ModelActivationRow]:
    return list(
        session.scalars(
            select(ModelActivationRow)
            .ext(distinct_on(ModelActivationRow.target))
            .order_by(ModelActivationRow.target, ModelActivationRow.id.desc())
        )
    )


def _version(
    row: ModelVersionRow, created_by: str, size_bytes: int, *, is_active: bool
) -> ModelVersion:
    return ModelVersion(
        version_id=row.id,
        target=Target(row.target),
        family=row.family,
        onnx_sha256=row.onnx_sha256,
        feature_names=tuple(row.feature_names),
        region_slugs=tuple(row.region_slugs),
        horizon_h=row.horizon_h,
        trained_from_utc=row.trained_from_utc,
        trained_until_utc=row.trained_until_utc,
        metrics=row.metrics,
        state=row.state,
        rejected_reason=row.rejected_reason,
        size_bytes=size_bytes,
        created_by=created_by,
        created_at_utc=row.created_at_utc,
        is_active=is_active,
    )
