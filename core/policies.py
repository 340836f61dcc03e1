"""The thermal policy in force: limit, confidence, cooling factor and age limit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from core.errors import OutOfRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a decision is judged by; every decision cites the versions it used.

    Attributes
    ----------
    thermal_limit_c : float
        Largest admissible day maximum, degC, [-50, 100].
    confidence : Decimal
        Confidence of the decision bound, [0.5, 0.99]; a Decimal because ranks are
        compared exactly.
    cooling_factor_c_per_pct : float
        Fall (or rise) of a region's temperature per percentage point of its load
        moved away (or in), degC, [0, 1]. Assumed and configurable.
    telemetry_max_age_h : float
        Telemetry older than this at the time of issue blocks, hours, [0.1, 168].
    migration_energy_frac : float
        Energy that moving load costs, over the energy of the load moved, [0, 1]; the
        target carries it. A shift uses the policy of its source.
    migration_usd_per_mwh : float
        Money that moving a MWh of load costs besides its energy, USD, [0, 1000].
    counts_hydro_water : bool
        Whether reservoir evaporation is charged to hydropower (studies disagree).
    plan_blocked_chance_pct : float
        How many of the regions that a plan fills may turn BLOCKED by it within six
        hours, %, [0, 50]; 0 keeps nothing free for the next issues. A plan uses the
        policy of the region that it is anchored at.
    falls_back_on_alarm : bool
        Whether the model that served before serves again when the serving one loses its
        coverage over the fleet. Its regions with an alarm are blocked in any case.
    forecasts_kept_days : float
        How long forecasts of other targets than the temperature are kept that no
        decision or plan of a person rests on, [30, 36500]; a hundred years is for good.
    fleet_policy_id, region_policy_id : int | None
        Stored versions this was composed from.

    Raises
    ------
    OutOfRange
        When a value is outside its range or not a number.
    """

    thermal_limit_c: float = 35.0
    confidence: Decimal = Decimal("0.95")
    cooling_factor_c_per_pct: float = 0.05
    telemetry_max_age_h: float = 3.0
    migration_energy_frac: float = 0.0
    migration_usd_per_mwh: float = 0.0
    counts_hydro_water: bool = False
    plan_blocked_chance_pct: float = 5.0
    falls_back_on_alarm: bool = False
    forecasts_kept_days: float = 36_500.0
    fleet_policy_id: int | None = None
    region_policy_id: int | None = None

    def __post_init__(self) -> None:
        _require("thermal_limit_c", self.thermal_limit_c, -50.0, 100.0)
        # Compared as a Decimal: a float would let 0.99 and a little more through.
        if not (
            self.confidence.is_finite()
            and Decimal("0.5") <= self.confidence <= Decimal("0.99")
        ):
            message = f"confidence is {self.confidence}, outside 0.5 to 0.99."
            raise OutOfRange(message)
        _require("cooling_factor_c_per_pct", self.cooling_factor_c_per_pct, 0.0, 1.0)
        _require("telemetry_max_age_h", self.telemetry_max_age_h, 0.1, 168.0)
        _require("migration_energy_frac", self.migration_energy_frac, 0.0, 1.0)
        _require("migration_usd_per_mwh", self.migration_usd_per_mwh, 0.0, 1_000.0)
        _require("plan_blocked_chance_pct", self.plan_blocked_chance_pct, 0.0, 50.0)
        _require("forecasts_kept_days", self.forecasts_kept_days, 30.0, 36_500.0)

    @property
    def alpha(self) -> Decimal:
        """Allowed exceedance probability, 1 - confidence, exact."""
        return 1 - self.confidence


def _require(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        message = f"{name} is {value}, outside {low:g} to {high:g}."
        raise OutOfRange(message)
