"""What a decision rests on, as tables: its stored inputs, read and named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from core.aliases import FloatArray
from core.telemetry import HOUR
from orchestrator.decisions.records import DecisionInputs, EndInputs, TransferInputs
from orchestrator.regions.views import RegionChoice
from orchestrator.windows.views import Series, finite_series


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceValue:
    """A number or text with its name; `unit` is empty for text."""

    label: str
    value: float | str
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceHours:
    """A quantity of each hour of the window."""

    label: str
    unit: str
    values: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceEnd:
    """One end of a decision as it was known.

    Attributes
    ----------
    hours_utc : tuple of datetime
        Of the hourly quantities; each begins then.
    """

    region: RegionChoice
    values: tuple[EvidenceValue, ...]
    hours_utc: tuple[datetime, ...]
    hours: tuple[EvidenceHours, ...]


def evidence_of(
    inputs: DecisionInputs, regions: Mapping[str, RegionChoice]
) -> tuple[EvidenceEnd, ...]:
    """The source and, where there is one, the target; `regions` by slug."""
    ends = [("source", inputs.source), ("target", inputs.target)]
    return tuple(
        _end(inputs, end, regions[end.region.slug], which=which)
        for which, end in ends
        if end is not None
    )


def _end(
    inputs: DecisionInputs, end: EndInputs, region: RegionChoice, *, which: str
) -> EvidenceEnd:
    hours = tuple(_hours(end, inputs.plan, which=which))
    n_hours = max((len(one.values) for one in hours), default=0)
    start_utc = inputs.window_start_utc
    return EvidenceEnd(
        region=region,
        values=tuple(_values(end)),
        hours_utc=tuple(start_utc + hour * HOUR for hour in range(n_hours)),
        hours=hours,
    )


def _values(end: EndInputs) -> Iterator[EvidenceValue]:
    policy, region, cooling = end.policy, end.region, end.region.cooling
    if end.problem_text is not None:
        yield EvidenceValue(label="Could not be judged", value=end.problem_text)
    for label, number, unit in (
        ("Thermal limit", policy.thermal_limit_c, "°C"),
        ("Confidence", 100.0 * float(policy.confidence), "%"),
        ("Rise per 1 % of load", policy.cooling_factor_c_per_pct, "°C"),
        ("Telemetry at most old", policy.telemetry_max_age_h, "h"),
        ("Energy of moving load", 100.0 * policy.migration_energy_frac, "%"),
        ("Price of moving load", policy.migration_usd_per_mwh, "USD/MWh"),
        ("Capacity", region.it_capacity_mw, "MW"),
        ("Flexible share", 100.0 * region.flexible_load_frac, "%"),
        ("Water of the grid", region.grid_water_l_per_kwh, "L/kWh"),
        ("Overhead of the site", 100.0 * cooling.overhead_frac, "%"),
        ("Efficiency of the chiller (COP)", cooling.chiller_cop, ""),
    ):
        yield EvidenceValue(label=label, value=float(number), unit=unit)
    yield EvidenceValue(label="Cooling", value=region.cooling_type.value)
    if end.calibration is not None:
        found = end.calibration
        yield EvidenceValue(label="Scores of past days", value=float(found.score_count))
        yield EvidenceValue(label="Quantile of the scores", value=found.quantile)
        yield EvidenceValue(label="Offset of the tracking", value=found.offset)
    signals = end.signals
    if signals is not None:
        yield EvidenceValue(label="Loads and prices are", value=signals.basis.value)
        if signals.carbon_kind is not None:
            kind = signals.carbon_kind
            words = f"{kind.scope.value}, {kind.method.value}, {kind.basis.value}"
            yield EvidenceValue(label="Carbon intensity is", value=words)


def _hours(
    end: EndInputs, plan: TransferInputs | None, *, which: str
) -> Iterator[EvidenceHours]:
    given: list[tuple[str, str, FloatArray | None]] = [
        ("Forecast", "°C", end.mean),
        ("Spread", "°C", end.scale),
        ("Rise by others", "°C", end.prior_rise_c),
        ("Load before decisions", "MW", end.reference_load_mw),
        ("Load", "MW", end.it_load_mw),
    ]
    if end.signals is not None:
        given += [
            ("Dry bulb", "°C", end.signals.dry_bulb_c),
            ("Wet bulb", "°C", end.signals.wet_bulb_c),
            ("Carbon", "gCO2/kWh", end.signals.carbon_intensity_gco2_kwh),
            ("Price", "USD/MWh", end.signals.price_usd_mwh),
        ]
    if plan is not None:
        change = plan.source_change_mw if which == "source" else plan.target_change_mw
        given.append((f"Change by plan {plan.plan_id}", "MW", change))
    for label, unit, values in given:
        if values is not None and np.isfinite(values).any():
            yield EvidenceHours(label=label, unit=unit, values=finite_series(values))
