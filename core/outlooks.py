"""What the scheduler knows of one region for one window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.conformal import (
    LimitCheck,
    LimitChecks,
    are_exceeded,
    bound_by_hour,
    check_limits,
    day_max_quantiles,
    errors_quantile,
)
from core.conformity import Calibration
from core.errors import InvalidInput
from core.forecasts import HourlyForecast, Target
from core.outcomes import ReasonCode
from core.policies import Policy
from core.regions import Region
from core.shares import EVERY_HOUR, ShareRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why an end of the shift cannot be judged; it blocks."""

    code: ReasonCode
    text: str


@dataclass(frozen=True, kw_only=True)
class RegionOutlook:
    """What the scheduler knows of one region for one window.

    Attributes
    ----------
    policy : Policy
        In force for this region.
    forecast, calibration : HourlyForecast, Calibration | None
        Of the region's temperature; both present, or `problem` is set.
    it_load_mw : ndarray, shape (n_hours,)
        Load after all live recorded decisions of the window; NaN where unknown.
    reference_load_mw : ndarray, shape (n_hours,) | None
        Load before any of those decisions, of which heat takes its percentages; None
        when there were none.
    prior_rise_c : ndarray, shape (n_hours,)
        Temperature rise that those decisions already cause (negative: fall); not
        finite where the load they moved cannot be compared with a known load.
    problem : Problem | None
        Set when there is no usable forecast or calibration.
    shares : ShareRule
        How a share of its load is counted where it gives load.

    Raises
    ------
    InvalidInput
        When these contradict each other, or the hours, region, quantity or confidence
        they are for.
    """

    region: Region
    policy: Policy
    forecast: HourlyForecast | None
    calibration: Calibration | None
    it_load_mw: NDArray[np.float64]
    prior_rise_c: NDArray[np.float64]
    problem: Problem | None = None
    reference_load_mw: NDArray[np.float64] | None = None
    shares: ShareRule = EVERY_HOUR

    def __post_init__(self) -> None:
        judged = self.forecast is not None and self.calibration is not None
        if judged == (self.problem is not None):
            message = "An outlook has either a calibrated forecast or a problem."
            raise InvalidInput(message)
        if self.it_load_mw.shape != self.prior_rise_c.shape:
            message = "Loads and prior rises must cover the same hours."
            raise InvalidInput(message)
        if self.rise_load_mw.shape != self.it_load_mw.shape:
            message = "Loads before and after recorded decisions cover other hours."
            raise InvalidInput(message)
        if self.forecast is not None:
            self._require_own(self.forecast)
        if self.calibration and self.calibration.alpha != self.policy.alpha:
            message = "The calibration is not at the policy's confidence."
            raise InvalidInput(message)

    @property
    def rise_load_mw(self) -> NDArray[np.float64]:
        """The load of which a rise takes its percentages, MW."""
        before = self.reference_load_mw
        return self.it_load_mw if before is None else before

    @cached_property
    def load_is_known(self) -> bool:
        """Whether the load of every hour is a finite number >= 0."""
        return all(
            bool(((hours >= 0) & (hours < np.inf)).all())
            for hours in (self.it_load_mw, self.rise_load_mw)
        )

    def check(self, rise_c: NDArray[np.float64] | None = None) -> LimitCheck | None:
        """Compare the limit with the bound after a further rise; None if unjudged.

        An infinite rise (load moved into a region that has none) is None too, and so
        is a bound that overflows.
        """
        if rise_c is None:
            return self._unshifted_check
        checks = self.checks(rise_c[np.newaxis])
        return None if checks is None else checks.check(0)

    @cached_property
    def _unshifted_check(self) -> LimitCheck | None:
        return self.check(np.zeros_like(self.prior_rise_c))

    def checks(self, rises_c: NDArray[np.float64]) -> LimitChecks | None:
        """Compare the limit with the bound after each of several further rises.

        Parameters
        ----------
        rises_c : ndarray, shape (n_rises, n_hours)
            On top of the prior rise, degC.

        Returns
        -------
        LimitChecks | None
            None without a calibrated forecast.
        """
        if self.forecast is None or self.calibration is None:
            return None
        return check_limits(
            self.forecast.mean,
            self.forecast.scale,
            self.calibration,
            limit=self.policy.thermal_limit_c,
            rises_by_hour=self._with_prior_rise_c(rises_c),
        )

    def keeps_limit(self, rises_c: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether the limit is kept after each of several further rises.

        As `checks` says, but faster for many; never without a calibrated forecast.
        """
        if self.forecast is None or self.calibration is None:
            return np.zeros(len(rises_c), dtype=np.bool_)
        return ~are_exceeded(
            self.forecast.mean,
            self.forecast.scale,
            self.calibration,
            limit=self.policy.thermal_limit_c,
            rises_by_hour=self._with_prior_rise_c(rises_c),
        )

    def bound_by_hour_c(self, quantile: float) -> NDArray[np.float64] | None:
        """What each hour adds to the bound at a quantile; None if unjudged.

        See `core.conformal.bound_by_hour`.
        """
        if self.forecast is None or self.calibration is None:
            return None
        return bound_by_hour(
            self.forecast.mean,
            self.forecast.scale,
            self.calibration,
            rise_by_hour=self.prior_rise_c,
            quantile=quantile,
        )

    def errors_quantile(self, rise_c: NDArray[np.float64]) -> float | None:
        """See `core.conformal.errors_quantile`; None if unjudged."""
        if self.forecast is None or self.calibration is None:
            return None
        return errors_quantile(
            self.forecast.mean,
            self.forecast.scale,
            self.calibration,
            rise_by_hour=self._with_prior_rise_c(rise_c),
        )

    def _with_prior_rise_c(self, rises_c: NDArray[np.float64]) -> NDArray[np.float64]:
        # Opposite infinities add up to NaN, which is refused as they are.
        with np.errstate(over="ignore", invalid="ignore"):
            return self.prior_rise_c + rises_c

    def day_max_dots_c(self, n_dots: int) -> tuple[float, ...]:
        """Equally likely values of the day's maximum, degC; none if unjudged."""
        if self.check() is None or self.forecast is None or self.calibration is None:
            return ()
        dots_c = day_max_quantiles(
            self.forecast.mean,
            self.forecast.scale,
            self.calibration,
            n_dots,
            rise_by_hour=self.prior_rise_c,
        )
        return tuple(dots_c)

    def why_unjudged(self) -> Problem:
        """Why `check` gives no bound even before a further rise."""
        if self.problem is not None:
            return self.problem
        if not np.isfinite(self.prior_rise_c).all():
            return Problem(
                code=ReasonCode.LOAD_UNKNOWN,
                text=(
                    "what recorded shifts do to its temperature is not known, because"
                    " its load is not known, or 0, in some hour."
                ),
            )
        return Problem(
            code=ReasonCode.FORECAST_NOT_FINITE,
            text="the bound of its forecast is not a finite number.",
        )

    def _require_own(self, forecast: HourlyForecast) -> None:
        if forecast.mean.shape != self.it_load_mw.shape:
            message = "Forecast and loads must cover the same hours."
            raise InvalidInput(message)
        if forecast.target is not Target.TEMPERATURE_C:
            message = f"A limit is held against temperature, not {forecast.target}."
            raise InvalidInput(message)
        if forecast.region_slug != self.region.slug:
            message = (
                f"The forecast is of {forecast.region_slug}, not of {self.region.slug}."
            )
            raise InvalidInput(message)
