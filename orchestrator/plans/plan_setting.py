"""All that determines a plan: windows, signals, terms; and the problem they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import numpy as np

from core.footprints import RegionSignals, SignalBasis
from core.placement import (
    LeftOut,
    Placement,
    PlanPrices,
    PlanRegion,
    PlanRules,
    placement,
)
from orchestrator.decisions.judgements import end_inputs
from orchestrator.decisions.records import end_values
from orchestrator.plans.views import PlanTerms
from orchestrator.regions.views import RegionChoice
from orchestrator.windows.region_windows import RegionWindow
from orchestrator.windows.window_choice import WindowChoice

LEAST_MIGRATION_USD_PER_MWH = 0.1
"""Without any price, hours of negative prices breed flows that save nothing."""

INPUTS_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSetting:
    """All that determines a plan.

    Attributes
    ----------
    windows : tuple of RegionWindow
        Every active region in the order of the fleet.
    known_signals : tuple of RegionSignals
        For the same regions, what was known at the issue.
    """

    anchor: RegionChoice
    choice: WindowChoice
    windows: tuple[RegionWindow, ...]
    known_signals: tuple[RegionSignals, ...]
    terms: PlanTerms
    made_at_utc: datetime

    @property
    def migration_energy_frac(self) -> float:
        """The anchor's policy; a plan has one."""
        return self._anchor_window.policy.migration_energy_frac

    @property
    def prices(self) -> PlanPrices:
        """Prices of the objective."""
        given = self.terms.migration_usd_per_mwh
        policy_usd = self._anchor_window.policy.migration_usd_per_mwh
        return PlanPrices(
            energy_price_weight=self.terms.energy_price_weight,
            carbon_usd_per_t=self.terms.carbon_usd_per_t,
            water_usd_per_m3=self.terms.water_usd_per_m3,
            migration_usd_per_mwh=max(policy_usd, LEAST_MIGRATION_USD_PER_MWH)
            if given is None
            else given,
        )

    @property
    def rules(self) -> PlanRules:
        """Budgets, ramps and the energy of migrations."""
        return PlanRules(
            carbon_cap_t=self.terms.carbon_cap_t,
            water_cap_m3=self.terms.water_cap_m3,
            cost_cap_usd=self.terms.cost_cap_usd,
            ramp_mw_per_h=self.terms.ramp_mw_per_h,
            migration_energy_frac=self.migration_energy_frac,
        )

    @property
    def is_past(self) -> bool:
        """Whether the true values of the window are there to compare with."""
        return all(w.signals.basis is SignalBasis.ACTUAL for w in self.windows)

    @property
    def _anchor_window(self) -> RegionWindow:
        return next(
            window
            for window in self.windows
            if window.outlook.region.slug == self.anchor.slug
        )

    def inputs(self) -> dict[str, object]:
        """Everything that determines the plan, for its fingerprint."""
        return {
            "format": INPUTS_FORMAT,
            "terms": asdict(self.terms),
            "prices": asdict(self.prices),
            "rules": asdict(self.rules),
            "window_start_utc": self.choice.issued_at_utc,
            "is_simulated": self.choice.is_simulation,
            "regions": [
                end_values(end_inputs(window, with_signals=False))
                | {"signals": _signal_inputs(known)}
                for window, known in zip(self.windows, self.known_signals, strict=True)
            ],
            "truth": [_signal_inputs(window.signals) for window in self.windows]
            if self.is_past
            else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanProblems:
    """The problem as known at the issue, and as it came (None for coming days)."""

    known: Placement
    truth: Placement | None


def plan_problems(setting: PlanSetting) -> PlanProblems:
    """The problem as known at the issue, and as it came, of the same regions."""
    regions = [
        PlanRegion(outlook=window.outlook, signals=signals)
        for window, signals in zip(setting.windows, setting.known_signals, strict=True)
    ]
    known = placement(regions)
    if not setting.is_past:
        return PlanProblems(known=known, truth=None)
    true_regions = [
        PlanRegion(
            outlook=replace(
                window.outlook,
                it_load_mw=window.signals.it_load_mw,
                prior_rise_c=np.zeros_like(window.signals.it_load_mw),
                reference_load_mw=None,
            ),
            signals=window.signals,
        )
        for window in setting.windows
    ]
    truth = placement(true_regions)
    common = set(known.slugs) & set(truth.slugs)
    if not common:
        return PlanProblems(known=known, truth=None)
    if set(known.slugs) != common or set(truth.slugs) != common:
        # What is known on one side only cannot be compared: it is left out of both.
        known = _only(regions, common, (*known.left_out, *truth.left_out))
        truth = _only(true_regions, common, known.left_out)
    return PlanProblems(known=known, truth=truth)


def _only(
    regions: Sequence[PlanRegion], slugs: set[str], left_out: Sequence[LeftOut]
) -> Placement:
    inside = placement([region for region in regions if region.slug in slugs])
    seen = {item.slug: item for item in left_out}
    return replace(inside, left_out=tuple(seen.values()))


def _signal_inputs(signals: RegionSignals) -> dict[str, object]:
    return {
        "basis": signals.basis.value,
        "it_load_mw": signals.it_load_mw.tolist(),
        "dry_bulb_c": signals.dry_bulb_c.tolist(),
        "wet_bulb_c": signals.wet_bulb_c.tolist(),
        "carbon_intensity_gco2_kwh": signals.carbon_intensity_gco2_kwh.tolist(),
        "price_usd_mwh": signals.price_usd_mwh.tolist(),
        "grid_water_l_per_kwh": signals.grid_water_l_per_kwh,
        "cooling_type": signals.region.cooling_type.value,
        "cooling": asdict(signals.region.cooling),
    }
