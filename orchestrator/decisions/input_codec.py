"""The stored inputs of a decision: written once as canonical text, read for replay.

Format 3 holds all that determines verdict and impact. Format 2 held the region's slug
instead of its facts, the code of a problem without its sentence, and no signals; format
1 had in addition no load before recorded decisions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.audit import canonical_json
from core.carbon import CarbonBasis, CarbonKind, CarbonMethod, CarbonScope
from core.errors import InvalidInput
from core.footprints import RegionSignals, SignalBasis
from core.outcomes import ReasonCode
from core.outlooks import Problem
from core.policies import Policy
from core.regions import CoolingParameters, CoolingType, Region
from orchestrator.windows.region_windows import RegionWindow

INPUTS_FORMAT = 3
READABLE_FORMATS = (1, 2, 3)

_HOURLY_SIGNALS = (
    "it_load_mw",
    "dry_bulb_c",
    "wet_bulb_c",
    "carbon_intensity_gco2_kwh",
    "price_usd_mwh",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationInputs:
    """Which scores calibrated a bound, and what they gave."""

    score_count: int
    score_watermark_id: int | None
    scores_sha256: str
    offset: float
    quantile: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndInputs:
    """One end of a stored decision, as it was known.

    Attributes
    ----------
    region : Region | None
        None in formats 1 and 2, which held only its slug.
    problem_text : str | None
        None without a problem, and in those formats.
    reference_load_mw : ndarray | None
        Load before recorded decisions; None where there were none.
    """

    slug: str
    region: Region | None
    it_capacity_mw: float
    flexible_load_frac: float
    policy: Policy
    forecast_id: int | None
    model_version_id: int | None
    telemetry_watermark_utc: datetime | None
    mean: NDArray[np.float64] | None
    scale: NDArray[np.float64] | None
    calibration: CalibrationInputs | None
    problem_code: ReasonCode | None
    problem_text: str | None
    it_load_mw: NDArray[np.float64]
    prior_rise_c: NDArray[np.float64]
    reference_load_mw: NDArray[np.float64] | None
    signals: RegionSignals | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """The transfer of a plan that a decision carries out, shape (n_hours,) each."""

    plan_id: int
    moved_mw: NDArray[np.float64]
    arrived_mw: NDArray[np.float64]
    source_change_mw: NDArray[np.float64]
    target_change_mw: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionInputs:
    """The inputs of a stored decision.

    Attributes
    ----------
    without_decision_id : int | None
        The recorded decision that it is to supersede, whose moved load is not counted.
    """

    format: int
    source: EndInputs
    target: EndInputs | None
    shift_pct: float
    window_start_utc: datetime
    is_simulated: bool
    without_decision_id: int | None
    plan: PlanInputs | None


def inputs_text(
    source: RegionWindow,
    target: RegionWindow | None,
    shift_pct: float,
    plan: Mapping[str, object] | None = None,
) -> str:
    """Canonical text of everything that determines verdict and impact."""
    return canonical_json(
        {
            "format": INPUTS_FORMAT,
            "source": inputs_of(source, with_signals=target is not None),
            "target": inputs_of(target, with_signals=True) if target else None,
            "shift_pct": shift_pct,
            "window_start_utc": source.issued_at_utc.isoformat(),
            "is_simulated": source.is_simulation,
            "without_decision_id": source.without_decision_id,
            "plan": plan,
        }
    )


def inputs_sha256(text: str) -> str:
    """SHA-256 of the inputs' text, hexadecimal."""
    return sha256(text.encode()).hexdigest()


def scores_sha256(ordered_scores: tuple[float, ...]) -> str:
    """SHA-256 of calibration scores, ascending, as little-endian doubles."""
    return sha256(np.array(ordered_scores, dtype="<f8").tobytes()).hexdigest()


def inputs_of(window: RegionWindow, *, with_signals: bool = False) -> dict[str, object]:
    """All that a verdict rests on at one end, as plain values."""
    outlook, stored = window.outlook, window.stored
    calibration, problem = outlook.calibration, outlook.problem
    watermark = stored.telemetry_watermark_utc if stored else None
    return {
        "region": asdict(outlook.region),
        "policy": asdict(outlook.policy),
        "forecast_id": stored.forecast_id if stored else None,
        "model_version_id": stored.model_version_id if stored else None,
        "telemetry_watermark_utc": watermark.isoformat() if watermark else None,
        "mean": outlook.forecast.mean.tolist() if outlook.forecast else None,
        "scale": outlook.forecast.scale.tolist() if outlook.forecast else None,
        "calibration": {
            "score_count": calibration.n_scores,
            "score_watermark_id": stored.score_watermark_id if stored else None,
            "scores_sha256": scores_sha256(calibration.ordered_scores),
            "offset": calibration.offset,
            "quantile": calibration.quantile,
        }
        if calibration
        else None,
        "problem": {"code": problem.code.value, "text": problem.text}
        if problem
        else None,
        "it_load_mw": outlook.it_load_mw.tolist(),
        "reference_load_mw": outlook.rise_load_mw.tolist(),
        "prior_rise_c": outlook.prior_rise_c.tolist(),
        "signals": _written_signals(window.signals) if with_signals else None,
    }


def _written_signals(signals: RegionSignals) -> dict[str, object]:
    kind = signals.carbon_kind
    return {
        **{name: getattr(signals, name).tolist() for name in _HOURLY_SIGNALS},
        "basis": signals.basis.value,
        "carbon_kind": _kind_record(kind) if kind else None,
        "counts_hydro_water": signals.counts_hydro_water,
    }


def read_inputs(text: str) -> DecisionInputs:
    """The inputs of a decision from their text.

    Raises
    ------
    InvalidInput
        When the text is of a format unknown here, or not what that format says.
    """
    try:
        record = json.loads(text)
        if record["format"] not in READABLE_FORMATS:
            raise ValueError(record["format"])  # noqa: TRY301 -- one message for all
        return DecisionInputs(
            format=record["format"],
            source=_end(record["source"]),
            target=_end(record["target"]) if record["target"] else None,
            shift_pct=float(record["shift_pct"]),
            window_start_utc=datetime.fromisoformat(record["window_start_utc"]),
            is_simulated=record["is_simulated"],
            without_decision_id=record.get("without_decision_id"),
            plan=_plan(record.get("plan")),
        )
    except (ValueError, TypeError, LookupError, AttributeError) as exc:
        message = "The stored inputs cannot be read: they are of a form unknown here."
        raise InvalidInput(message) from exc


def _end(record: Mapping[str, Any]) -> EndInputs:
    is_old = isinstance(record["region"], str)
    region = None if is_old else _region(record["region"])
    problem = record["problem"]
    if is_old and problem is not None:
        problem = {"code": problem, "text": None}
    calibration, watermark = record["calibration"], record["telemetry_watermark_utc"]
    signals = record.get("signals")
    return EndInputs(
        slug=region.slug if region else record["region"],
        region=region,
        it_capacity_mw=(
            region.it_capacity_mw if region else float(record["it_capacity_mw"])
        ),
        flexible_load_frac=(
            region.flexible_load_frac if region else float(record["flexible_load_frac"])
        ),
        policy=_policy(record["policy"]),
        forecast_id=record["forecast_id"],
        model_version_id=record["model_version_id"],
        telemetry_watermark_utc=(
            datetime.fromisoformat(watermark) if watermark else None
        ),
        mean=_hours(record["mean"]),
        scale=_hours(record["scale"]),
        calibration=_calibration(calibration) if calibration else None,
        problem_code=ReasonCode(problem["code"]) if problem else None,
        problem_text=problem["text"] if problem else None,
        it_load_mw=np.array(record["it_load_mw"], dtype=np.float64),
        prior_rise_c=np.array(record["prior_rise_c"], dtype=np.float64),
        reference_load_mw=_hours(record.get("reference_load_mw")),
        signals=_signals(signals, region) if signals and region else None,
    )


def problem_of(end: EndInputs, reason_text: str) -> Problem | None:
    """The problem of an end; format 1 kept its sentence only in the verdict's."""
    if end.problem_code is None:
        return None
    text = end.problem_text
    if text is None:
        text = reason_text.partition(": ")[2] or reason_text
    return Problem(code=end.problem_code, text=text)


def _plan(record: Mapping[str, Any] | None) -> PlanInputs | None:
    if record is None:
        return None
    hours = {
        name: np.array(values, dtype=np.float64)
        for name, values in record.items()
        if name != "plan_id"
    }
    return PlanInputs(plan_id=record["plan_id"], **hours)


def _hours(values: list[str] | None) -> NDArray[np.float64] | None:
    return None if values is None else np.array(values, dtype=np.float64)


def _floats(record: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    """Values of a record for a dataclass; numbers were written as text."""
    return {
        item.name: float(record[item.name])
        if item.type == "float"
        else record[item.name]
        for item in fields(kind)
        if item.name in record
    }


def _region(record: Mapping[str, Any]) -> Region:
    return Region(
        **_floats(record, Region)
        | {
            "cooling_type": CoolingType(record["cooling_type"]),
            "cooling": CoolingParameters(
                **_floats(record["cooling"], CoolingParameters)
            ),
        }
    )


def _kind_record(kind: CarbonKind) -> dict[str, str]:
    """The kind; its basis only where it is not that of nearly every source."""
    record = {"scope": kind.scope.value, "method": kind.method.value}
    if kind.basis is not CarbonBasis.LOCATION:
        record["basis"] = kind.basis.value
    return record


def _policy(record: Mapping[str, Any]) -> Policy:
    confidence = Decimal(record["confidence"])
    return Policy(**_floats(record, Policy) | {"confidence": confidence})


def _calibration(record: Mapping[str, Any]) -> CalibrationInputs:
    return CalibrationInputs(**_floats(record, CalibrationInputs))


def _signals(record: Mapping[str, Any], region: Region) -> RegionSignals:
    kind = record["carbon_kind"]
    return RegionSignals(
        region=region,
        **{name: np.array(record[name], dtype=np.float64) for name in _HOURLY_SIGNALS},
        basis=SignalBasis(record["basis"]),
        carbon_kind=CarbonKind(
            scope=CarbonScope(kind["scope"]),
            method=CarbonMethod(kind["method"]),
            basis=CarbonBasis(kind.get("basis", CarbonBasis.LOCATION)),
        )
        if kind
        else None,
        counts_hydro_water=record["counts_hydro_water"],
    )
