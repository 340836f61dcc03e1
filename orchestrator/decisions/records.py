"""What is stored of a decision for good, and how it is written and read.

Every stored value is named here, apart from the classes of views and rules, so that
those can change while stored history, its hashes and its replay stay. A release that
stores something else raises the format and keeps the reader of the one before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import numpy as np

from core.aliases import FloatArray
from core.audit import canonical_json
from core.carbon import CarbonBasis, CarbonMethod, CarbonScope, CarbonSignalKind
from core.days import WINDOW_H
from core.errors import InvalidInput
from core.footprints import RegionSignals, SignalBasis
from core.forecasts import InputMode
from core.policies import Policy
from core.regions import CoolingParameters, CoolingType, Region
from core.shares import HoursOfDay, ShareRule
from core.shift import ShiftImpact
from db.decisions import StoredDecision, Transfer

INPUTS_FORMAT = 3
_INPUTS_FORMATS = (1, 2, INPUTS_FORMAT)
"""Format 1 names no windows: its bounds moved by the largest hour of a rise. Formats 1
and 2 name no hours: a share was of the load that earlier decisions left."""
_FIRST_WITH_HOURS = 3
IMPACT_FORMAT = 1

RECORDED_FIELDS = (
    "kind", "request_id", "actor_id", "source_region_id", "target_region_id",
    "shift_pct", "local_day", "window_start_utc", "window_end_utc", "is_simulated",
    "outcome", "reason_code", "reason_text", "risk_level", "recommendations",
    "thermal_limit_c", "confidence", "exceedance_probability", "source_bound_before_c",
    "source_bound_after_c", "target_bound_before_c", "target_bound_after_c",
    "minimum_shift_pct", "maximum_safe_shift_pct", "fleet_policy_id",
    "region_policy_id", "model_version_id", "source_forecast_id", "target_forecast_id",
    "impact", "inputs_text", "inputs_sha256", "code_version", "comment", "what_if_id",
    "supersedes_id", "plan_id", "hours_of_day",
)  # fmt: skip
"""What the hash of a decision covers, besides its id, instant and transfers."""

IMPACT_QUANTITIES = (
    "facility_energy_mwh", "emissions_kgco2e", "water_on_site_l", "water_off_site_l",
    "cost_usd",
)  # fmt: skip
IMPACT_ENDS = (
    "source_before", "source_after", "target_before", "target_after", "fleet_before",
    "fleet_after",
)  # fmt: skip

_REGION_TEXTS = ("slug", "name", "time_zone", "colour")
_REGION_NUMBERS = (
    "latitude_deg", "longitude_deg", "it_capacity_mw", "flexible_load_frac",
    "grid_water_l_per_kwh", "grid_hydro_frac",
)  # fmt: skip
_REGION_FLAGS = ("is_synthetic", "is_active")
_COOLING_NUMBERS = (
    "overhead_frac", "chiller_cop", "economiser_full_c", "economiser_none_c",
    "wue_air_l_per_kwh", "adiabatic_switch_c",
)  # fmt: skip
_POLICY_NUMBERS = (
    "thermal_limit_c", "cooling_factor_c_per_pct", "telemetry_max_age_h",
    "migration_energy_frac", "migration_usd_per_mwh",
)  # fmt: skip
"""Without what plans keep free: no verdict rests on it."""
_POLICY_OTHERS = ("counts_hydro_water", "fleet_policy_id", "region_policy_id")
_CALIBRATION_NUMBERS = ("offset", "quantile")
_CALIBRATION_KEYS = ("score_count", "score_watermark_id", "scores_sha256")
_SIGNAL_HOURS = (
    "it_load_mw", "dry_bulb_c", "wet_bulb_c", "carbon_intensity_gco2_kwh",
    "price_usd_mwh",
)  # fmt: skip
_TRANSFER_HOURS = ("moved_mw", "arrived_mw", "source_change_mw", "target_change_mw")


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationInputs:
    """Which scores calibrated a bound, and what they gave.

    Attributes
    ----------
    windows_sha256 : str | None
        Of the hours of the scored windows; None where the bound moved by the largest
        hour of a rise, because they were not kept.
    """

    score_count: int
    score_watermark_id: int | None
    scores_sha256: str
    windows_sha256: str | None
    offset: float
    quantile: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndInputs:
    """One end of a decision, as it was known.

    Attributes
    ----------
    problem_code, problem_text : str | None
        Why the end could not be judged; None where it could.
    reference_load_mw : ndarray
        Load before recorded decisions.
    signals : RegionSignals | None
        What the impact is computed from; None where nothing can move.
    input_mode, run_issued_at_utc : InputMode, datetime | None
        What the forecast rests on beside telemetry, and the issue of the newest weather
        forecast that it used; None without any.
    """

    region: Region
    policy: Policy
    forecast_id: int | None
    model_version_id: int | None
    telemetry_watermark_utc: datetime | None
    mean: FloatArray | None
    scale: FloatArray | None
    calibration: CalibrationInputs | None
    problem_code: str | None
    problem_text: str | None
    it_load_mw: FloatArray
    prior_rise_c: FloatArray
    reference_load_mw: FloatArray
    signals: RegionSignals | None
    input_mode: InputMode = InputMode.TELEMETRY
    run_issued_at_utc: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferInputs:
    """The transfer of a plan that a decision carries out, shape (n_hours,) each."""

    plan_id: int
    moved_mw: FloatArray
    arrived_mw: FloatArray
    source_change_mw: FloatArray
    target_change_mw: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionInputs:
    """Everything that determines the verdict and the impact of a decision.

    Attributes
    ----------
    without_decision_ids : tuple of int
        The recorded decisions that it, or its plan, is to supersede, whose moved load
        is not counted.
    hours_of_day : HoursOfDay | None
        In which the shift moves load, on the clock of the source; None for all.
    is_of_load_left : bool
        Whether its share is of the load that earlier decisions left.
    """

    source: EndInputs
    target: EndInputs | None
    shift_pct: float
    window_start_utc: datetime
    is_simulated: bool
    without_decision_ids: tuple[int, ...]
    plan: TransferInputs | None
    hours_of_day: HoursOfDay | None = None
    is_of_load_left: bool = False

    @property
    def shares(self) -> ShareRule:
        """How the share of the source's load is counted."""
        return share_rule(
            self.hours_of_day,
            self.source.region.time_zone,
            self.window_start_utc,
            is_of_load_left=self.is_of_load_left,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactRecord:
    """What a shift does to both regions and their sum.

    Attributes
    ----------
    quantities : mapping of str to mapping of str to float | None
        By quantity and end, as `IMPACT_QUANTITIES` and `IMPACT_ENDS` name them.
    notes : tuple of str
        Sentences on what the figures rest on, as they were said.
    """

    quantities: Mapping[str, Mapping[str, float | None]]
    notes: tuple[str, ...]


def share_rule(
    hours_of_day: HoursOfDay | None,
    time_zone: str,
    window_start_utc: datetime,
    *,
    is_of_load_left: bool = False,
) -> ShareRule:
    """The rule for the shares of a source with this clock."""
    hours = None
    if hours_of_day is not None:
        hours = hours_of_day.among(time_zone, window_start_utc, WINDOW_H)
    return ShareRule(hours=hours, is_of_load_left=is_of_load_left)


def text_sha256(text: str) -> str:
    """SHA-256 of a canonical text, hexadecimal."""
    return sha256(text.encode()).hexdigest()


def scores_sha256(ordered_scores: Sequence[float]) -> str:
    """SHA-256 of calibration scores, ascending, as little-endian doubles."""
    return sha256(np.array(ordered_scores, dtype="<f8").tobytes()).hexdigest()


def record_text(stored: StoredDecision, transfers: Sequence[Transfer]) -> str:
    """Canonical text of a decision as it is read from the database.

    What is absent is left out, so that a field added by a later release changes no
    text of before.
    """
    values = {name: getattr(stored.facts, name) for name in RECORDED_FIELDS}
    return canonical_json(
        {
            **{name: value for name, value in values.items() if value is not None},
            "id": stored.decision_id,
            "created_at_utc": stored.created_at_utc,
            "transfers": [
                [item.hour_utc, item.moved_mw, item.arrived_mw] for item in transfers
            ],
        }
    )


def impact_quantities(impact: ShiftImpact) -> dict[str, dict[str, float | None]]:
    """The figures of an impact, by quantity and end."""
    return {
        name: {end: getattr(getattr(impact, end), name) for end in IMPACT_ENDS}
        for name in IMPACT_QUANTITIES
    }


def impact_values(impact: ImpactRecord) -> dict[str, Any]:
    """An impact as plain values."""
    return {
        "format": IMPACT_FORMAT,
        "quantities": {name: dict(ends) for name, ends in impact.quantities.items()},
        "notes": list(impact.notes),
    }


def read_impact(values: Mapping[str, Any]) -> ImpactRecord:
    """An impact from its plain values.

    Raises
    ------
    InvalidInput
        When they are of a format unknown here, or not what that format says.
    """
    try:
        _require_format(values, IMPACT_FORMAT)
        quantities = {
            name: {end: ends[end] for end in IMPACT_ENDS}
            for name, ends in values["quantities"].items()
        }
        return ImpactRecord(quantities=quantities, notes=tuple(values["notes"]))
    except (ValueError, TypeError, LookupError, AttributeError) as exc:
        message = "The stored impact cannot be read: its format is unknown here."
        raise InvalidInput(message) from exc


def inputs_text(inputs: DecisionInputs) -> str:
    """The inputs of a decision as canonical text."""
    plan = inputs.plan
    return canonical_json(
        {
            "format": INPUTS_FORMAT,
            "source": end_values(inputs.source),
            "target": end_values(inputs.target) if inputs.target else None,
            "shift_pct": inputs.shift_pct,
            "window_start_utc": inputs.window_start_utc,
            "is_simulated": inputs.is_simulated,
            "without_decision_ids": list(inputs.without_decision_ids),
            "hours_of_day": str(inputs.hours_of_day) if inputs.hours_of_day else None,
            "plan": {"plan_id": plan.plan_id} | _hour_lists(plan, _TRANSFER_HOURS)
            if plan
            else None,
        }
    )


def end_values(end: EndInputs) -> dict[str, object]:
    """One end as plain values."""
    return {
        "region": {
            **_named(end.region, _REGION_TEXTS + _REGION_NUMBERS + _REGION_FLAGS),
            "cooling_type": end.region.cooling_type.value,
            "cooling": _named(end.region.cooling, _COOLING_NUMBERS),
        },
        "policy": {
            **_named(end.policy, _POLICY_NUMBERS + _POLICY_OTHERS),
            "confidence": end.policy.confidence,
        },
        "forecast_id": end.forecast_id,
        "model_version_id": end.model_version_id,
        "telemetry_watermark_utc": end.telemetry_watermark_utc,
        "mean": None if end.mean is None else end.mean.tolist(),
        "scale": None if end.scale is None else end.scale.tolist(),
        "calibration": _calibration_values(end.calibration)
        if end.calibration
        else None,
        "problem": {"code": end.problem_code, "text": end.problem_text}
        if end.problem_code
        else None,
        "it_load_mw": end.it_load_mw.tolist(),
        "reference_load_mw": end.reference_load_mw.tolist(),
        "prior_rise_c": end.prior_rise_c.tolist(),
        "signals": _signal_values(end.signals) if end.signals else None,
        **_run_values(end),
    }


def _run_values(end: EndInputs) -> dict[str, object]:
    """The weather forecast behind a forecast; nothing where it used none."""
    if end.run_issued_at_utc is None:
        return {}
    return {
        "weather_forecast": {
            "input_mode": end.input_mode.value,
            "run_issued_at_utc": end.run_issued_at_utc,
        }
    }


def _calibration_values(calibration: CalibrationInputs) -> dict[str, object]:
    values = _named(calibration, _CALIBRATION_NUMBERS + _CALIBRATION_KEYS)
    return {**values, "windows_sha256": calibration.windows_sha256}


def _signal_values(signals: RegionSignals) -> dict[str, object]:
    kind = signals.carbon_kind
    return {
        **_hour_lists(signals, _SIGNAL_HOURS),
        "basis": signals.basis.value,
        "carbon_kind": _kind_values(kind) if kind else None,
        "counts_hydro_water": signals.counts_hydro_water,
    }


def _kind_values(kind: CarbonSignalKind) -> dict[str, str]:
    """The kind; without its basis where that is the usual one."""
    values = {"scope": kind.scope.value, "method": kind.method.value}
    if kind.basis is not CarbonBasis.LOCATION:
        values["basis"] = kind.basis.value
    return values


def _named(value: object, names: Sequence[str]) -> dict[str, object]:
    return {name: getattr(value, name) for name in names}


def _hour_lists(value: object, names: Sequence[str]) -> dict[str, object]:
    return {name: getattr(value, name).tolist() for name in names}


def read_inputs(text: str) -> DecisionInputs:
    """The inputs of a decision from their text.

    Raises
    ------
    InvalidInput
        When the text is of a format unknown here, or not what that format says.
    """
    try:
        values = json.loads(text)
        _require_format(values, *_INPUTS_FORMATS)
        target, plan = values["target"], values["plan"]
        hours_of_day = values.get("hours_of_day")
        return DecisionInputs(
            source=_read_end(values["source"]),
            target=_read_end(target) if target else None,
            shift_pct=float(values["shift_pct"]),
            window_start_utc=datetime.fromisoformat(values["window_start_utc"]),
            is_simulated=values["is_simulated"],
            without_decision_ids=_read_without(values),
            plan=TransferInputs(
                plan_id=plan["plan_id"], **_read_hours(plan, _TRANSFER_HOURS)
            )
            if plan
            else None,
            hours_of_day=HoursOfDay.parse(hours_of_day) if hours_of_day else None,
            is_of_load_left=values["format"] < _FIRST_WITH_HOURS,
        )
    except (ValueError, TypeError, LookupError, AttributeError) as exc:
        message = "The stored inputs cannot be read: their format is unknown here."
        raise InvalidInput(message) from exc


def _read_without(values: Mapping[str, Any]) -> tuple[int, ...]:
    """Formats 1 and 2 knew one decision to supersede."""
    if values["format"] >= _FIRST_WITH_HOURS:
        return tuple(values["without_decision_ids"])
    superseded_id = values["without_decision_id"]
    return () if superseded_id is None else (superseded_id,)


def _require_format(values: Mapping[str, Any], *known: int) -> None:
    if values["format"] not in known:
        raise ValueError(values["format"])


def _read_end(values: Mapping[str, Any]) -> EndInputs:
    region = _read_region(values["region"])
    watermark, problem = values["telemetry_watermark_utc"], values["problem"]
    calibration, signals = values["calibration"], values["signals"]
    run = values.get("weather_forecast")
    return EndInputs(
        region=region,
        policy=Policy(
            **_read_numbers(values["policy"], _POLICY_NUMBERS),
            **{name: values["policy"][name] for name in _POLICY_OTHERS},
            confidence=Decimal(values["policy"]["confidence"]),
        ),
        forecast_id=values["forecast_id"],
        model_version_id=values["model_version_id"],
        telemetry_watermark_utc=datetime.fromisoformat(watermark)
        if watermark
        else None,
        mean=_hours(values["mean"]) if values["mean"] else None,
        scale=_hours(values["scale"]) if values["scale"] else None,
        calibration=CalibrationInputs(
            **_read_numbers(calibration, _CALIBRATION_NUMBERS),
            **{name: calibration[name] for name in _CALIBRATION_KEYS},
            windows_sha256=calibration.get("windows_sha256"),
        )
        if calibration
        else None,
        problem_code=problem["code"] if problem else None,
        problem_text=problem["text"] if problem else None,
        it_load_mw=_hours(values["it_load_mw"]),
        prior_rise_c=_hours(values["prior_rise_c"]),
        reference_load_mw=_hours(values["reference_load_mw"]),
        signals=_read_signals(signals, region) if signals else None,
        input_mode=InputMode(run["input_mode"]) if run else InputMode.TELEMETRY,
        run_issued_at_utc=datetime.fromisoformat(run["run_issued_at_utc"])
        if run
        else None,
    )


def _read_region(values: Mapping[str, Any]) -> Region:
    return Region(
        **{name: values[name] for name in _REGION_TEXTS + _REGION_FLAGS},
        **_read_numbers(values, _REGION_NUMBERS),
        cooling_type=CoolingType(values["cooling_type"]),
        cooling=CoolingParameters(**_read_numbers(values["cooling"], _COOLING_NUMBERS)),
    )


def _read_signals(values: Mapping[str, Any], region: Region) -> RegionSignals:
    kind = values["carbon_kind"]
    return RegionSignals(
        region=region,
        **_read_hours(values, _SIGNAL_HOURS),
        basis=SignalBasis(values["basis"]),
        carbon_kind=CarbonSignalKind(
            scope=CarbonScope(kind["scope"]),
            method=CarbonMethod(kind["method"]),
            basis=CarbonBasis(kind.get("basis", CarbonBasis.LOCATION)),
        )
        if kind
        else None,
        counts_hydro_water=values["counts_hydro_water"],
    )


def _read_numbers(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Numbers that are not whole were written as text."""
    return {name: float(values[name]) for name in names}


def _read_hours(
    values: Mapping[str, Any], names: Sequence[str]
) -> dict[str, FloatArray]:
    return {name: _hours(values[name]) for name in names}


def _hours(values: Sequence[str]) -> FloatArray:
    return np.array(values, dtype=np.float64)
