"""The scheduler's verdicts and the codes of its reasons."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The scheduler's verdict."""

    APPROVED = "APPROVED"
    BLOCKED = "BLOCKED"


class ReasonCode(StrEnum):
    """Why: one code for each kind of sentence.

    NOT_RESOLVABLE means that not even 100 % would clear the source. A shift that does
    not lower the bound has the code of no shift: OVER_LIMIT or NOT_RESOLVABLE.
    """

    WITHIN_ENVELOPE = "within_envelope"
    SHIFT_RESOLVES = "shift_resolves"
    SHIFT_REDUCES_BUT_OVER = "shift_reduces_but_over"
    OVER_LIMIT = "over_limit"
    NOT_RESOLVABLE = "not_resolvable"
    SHIFT_EXCEEDS_FLEXIBLE = "shift_exceeds_flexible"
    LOAD_UNKNOWN = "load_unknown"
    TARGET_OVER_LIMIT = "target_over_limit"
    TARGET_OVER_CAPACITY = "target_over_capacity"
    FORECAST_MISSING = "forecast_missing"
    FORECAST_NOT_FINITE = "forecast_not_finite"
    MODEL_UNAVAILABLE = "model_unavailable"
    TELEMETRY_MISSING = "telemetry_missing"
    TELEMETRY_STALE = "telemetry_stale"
    TELEMETRY_GAP = "telemetry_gap"
    TELEMETRY_SUSPECT = "telemetry_suspect"
    CALIBRATION_INSUFFICIENT = "calibration_insufficient"
    MODEL_IMPLAUSIBLE = "model_implausible"
    MODEL_COVERAGE_LOST = "model_coverage_lost"

    @property
    def is_data_problem(self) -> bool:
        """True when the verdict rests on missing data, not on heat or capacity."""
        return self in _DATA_PROBLEMS

    @property
    def is_heat_of_source(self) -> bool:
        """True when only the source's own heat blocks: what moves can move safely."""
        return self in _HEAT_OF_SOURCE


_HEAT_OF_SOURCE = frozenset(
    {
        ReasonCode.SHIFT_REDUCES_BUT_OVER,
        ReasonCode.OVER_LIMIT,
        ReasonCode.NOT_RESOLVABLE,
    }
)
_DATA_PROBLEMS = frozenset(
    {
        ReasonCode.LOAD_UNKNOWN,
        ReasonCode.FORECAST_MISSING,
        ReasonCode.FORECAST_NOT_FINITE,
        ReasonCode.MODEL_UNAVAILABLE,
        ReasonCode.TELEMETRY_MISSING,
        ReasonCode.TELEMETRY_STALE,
        ReasonCode.TELEMETRY_GAP,
        ReasonCode.TELEMETRY_SUSPECT,
        ReasonCode.CALIBRATION_INSUFFICIENT,
        ReasonCode.MODEL_IMPLAUSIBLE,
        ReasonCode.MODEL_COVERAGE_LOST,
    }
)
