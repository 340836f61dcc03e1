"""Is the bound of a serving model plausible beside that of the portal's plain model?

Whatever a model file does, it cannot approve a day that the plain model's bound blocks
by more than the allowed gap: below that the verdict is BLOCKED.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import InvalidInput

ALLOWED_ERRORS = 4.0
"""Mean errors of the plain model by which a bound may lie below its own. Two honest
families stayed within 4.0 in twelve region-years of hourly issues
(docs/forecast-quality.md, *False alarms of the plain model*)."""

DRIFT_ISSUES = 72
"""Newest live issues of a model in a region over which its distances are averaged."""

DRIFT_ERRORS = 2.0
"""Mean errors by which those issues may lie below on average; honest families reached
1.4. A model beyond it gets no gap at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainBound:
    """The plain model's bound on a day's maximum, and how far below another may lie.

    Attributes
    ----------
    bound_c : float
        Of the plain model, at the policy's confidence, degC.
    error_c : float
        Mean error of the plain model for this issue, degC, > 0.
    allowed_gap_c : float
        By which another bound may lie below `bound_c`, degC, >= 0.

    Raises
    ------
    InvalidInput
        When a value is not finite or outside its range.
    """

    bound_c: float
    error_c: float
    allowed_gap_c: float

    def __post_init__(self) -> None:
        is_sound = (
            math.isfinite(self.bound_c)
            and 0.0 < self.error_c < math.inf
            and 0.0 <= self.allowed_gap_c < math.inf
        )
        if not is_sound:
            message = "A plain bound, its error and its gap must be finite numbers."
            raise InvalidInput(message)

    def distance_errors(self, bound_c: float) -> float:
        """How many mean errors a bound lies below; negative above."""
        return (self.bound_c - bound_c) / self.error_c

    def problem_of(self, bound_c: float) -> str | None:
        """Why a serving model's bound is implausible, with both figures; or None.

        Examples
        --------
        >>> plain = PlainBound(bound_c=37.4, error_c=1.5, allowed_gap_c=6.0)
        >>> plain.problem_of(31.4) is None
        True
        >>> plain.problem_of(28.1)  # doctest: +NORMALIZE_WHITESPACE
        "the model's bound, 28.1 °C, lies 9.3 °C below the 37.4 °C of the portal's own
        plain model; at most 6.0 °C is plausible."
        """
        if bound_c >= self.bound_c - self.allowed_gap_c:
            return None
        return (
            f"the model's bound, {bound_c:.1f} °C, lies {self.bound_c - bound_c:.1f} °C"
            f" below the {self.bound_c:.1f} °C of the portal's own plain model; at most"
            f" {self.allowed_gap_c:.1f} °C is plausible."
        )


def allowed_gap_c(error_c: float, recent_errors: Sequence[float]) -> float:
    """The gap that an issue is allowed, degC: 0 for a model that drifts away.

    Parameters
    ----------
    error_c : float
        Mean error of the plain model, degC.
    recent_errors : sequence of float
        `PlainBound.distance_errors` of the model's newest live issues in the region;
        fewer than `DRIFT_ISSUES` say nothing.

    Examples
    --------
    >>> allowed_gap_c(1.5, [0.3] * 72), allowed_gap_c(1.5, [2.5] * 72)
    (6.0, 0.0)
    """
    drifts = (
        len(recent_errors) >= DRIFT_ISSUES
        and not math.fsum(recent_errors) / len(recent_errors) <= DRIFT_ERRORS
    )
    return 0.0 if drifts else ALLOWED_ERRORS * error_c
