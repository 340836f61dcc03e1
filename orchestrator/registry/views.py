"""Plain values of the Models pages: files, versions, evaluations, history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from core.model_gate import ChangedDecision, ModelFigures
from orchestrator.decisions.views import NamedValue

MOST_ROWS = 50
"""Of each list: only the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRow:
    """A file that was given, and its verdict."""

    upload_id: int
    file_label: str
    size_bytes: int
    content_sha256: str
    state: str
    reason: str | None
    version_id: int | None
    uploaded_by: str
    created_at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeyView:
    """A key whose signatures are trusted, or were."""

    key_id: int
    name: str
    fingerprint: str
    pinned_by: str
    pinned_at_utc: datetime
    unpinned_at_utc: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationProgress:
    """How far an evaluation has come."""

    evaluation_id: int
    state: str
    regions_done: int
    regions_total: int
    failed_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """A version in the list.

    Attributes
    ----------
    figures : ModelFigures | None
        Of all regions together, from its newest finished evaluation.
    """

    version_id: int
    target: str
    family: str
    sha256: str
    state: str
    is_active: bool
    created_by: str
    created_at_utc: datetime
    trained_until_utc: datetime
    size_bytes: int
    figures: ModelFigures | None
    progress: EvaluationProgress | None
    is_signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingRow:
    """What serves a target, and what served before it.

    Attributes
    ----------
    alarms : tuple of str
        Sentences of the watch: where the model has lost its coverage.
    """

    target: str
    version_id: int | None
    label: str
    since_utc: datetime | None
    outage: str | None
    former_version_id: int | None
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """A line of the activation log."""

    activation_id: int
    target: str
    version_id: int
    label: str
    reason: str
    actor_name: str
    created_at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsPage:
    """The list of models; `is_busy` while something is being checked or evaluated.

    Attributes
    ----------
    version_count : int
        How many there are; `versions` has the newest.
    """

    serving: tuple[ServingRow, ...]
    uploads: tuple[UploadRow, ...]
    versions: tuple[VersionRow, ...]
    version_count: int
    history: tuple[HistoryRow, ...]
    is_busy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRegion:
    """One region of an evaluation, or all of them together, without a slug."""

    slug: str | None
    name: str
    new: ModelFigures
    active: ModelFigures | None
    changed: tuple[ChangedDecision, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundDay:
    """One judged day of a region."""

    local_day: date
    new_bound_c: float | None
    active_bound_c: float | None
    day_max_c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundsOverTime:
    """The series of one region, for the figure."""

    region_slug: str
    region_name: str
    limit_c: float
    days: tuple[BoundDay, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorsByHour:
    """Errors by hour ahead, over all regions."""

    unit: str
    new: tuple[float | None, ...]
    active: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationView:
    """A shadow evaluation beside the model that served when it was begun."""

    progress: EvaluationProgress
    compared_label: str | None
    is_outdated: bool
    from_utc: datetime
    until_utc: datetime
    gate_passed: bool | None
    findings: tuple[str, ...]
    regions: tuple[ComparedRegion, ...]
    pooled: ComparedRegion | None
    errors: ErrorsByHour | None
    bounds: BoundsOverTime | None
    has_bound: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDetail:
    """One version: contract, evaluation, and what may be done with it.

    Attributes
    ----------
    seen_active_id : int
        The version that serves its target now; 0 for none.
    """

    version_id: int
    label: str
    target: str
    state: str
    is_active: bool
    rejected_reason: str | None
    contract: tuple[NamedValue, ...]
    origin: tuple[NamedValue, ...]
    trained_from_utc: datetime
    trained_until_utc: datetime
    created_at_utc: datetime
    feature_names: tuple[str, ...]
    evaluation: EvaluationView | None
    history: tuple[HistoryRow, ...]
    seen_active_id: int
    active_label: str | None
    former_version_id: int | None
