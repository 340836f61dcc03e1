"""What is stored of a plan for good, and how it is written and read.

The fields of these classes are the stored names, apart from those of views, terms and
rules. A release that stores something else raises the format and keeps the reader of
the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import InvalidInput
from core.outcomes import Outcome, ReasonCode
from orchestrator.plans.terms import PlanSplit, PlanTerms

FORMAT = 4
_FORMATS = (1, 2, 3, FORMAT)
"""Format 1 names no least transfer and no chance: all were made, nothing kept free. In
format 2 the chance is a term of the plan, not the policy's. Format 3 has no bound of
the objective."""

_TERMS = (
    "carbon_usd_per_t", "water_usd_per_m3", "energy_price_weight",
    "migration_usd_per_mwh", "carbon_cap_t", "water_cap_m3", "cost_cap_usd",
    "ramp_mw_per_h", "minimum_transfer_mwh",
)  # fmt: skip

HourlyValues = tuple[float | None, ...]
"""Hourly values in order; None where not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRecord:
    """Load that one region sends another, with the verdict on its source.

    Attributes
    ----------
    source, target : str
        Slugs.
    share_pct : float
        Of the source's energy over the window.
    """

    source: str
    target: str
    moved_mw: tuple[float, ...]
    share_pct: float
    outcome: Outcome
    reason_code: ReasonCode
    reason_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRecord:
    """One region before and after a plan.

    Attributes
    ----------
    blocked_by_c : float | None
        Degrees above the limit that stay; 0 when none do, None without a bound.
    blocked_text : str | None
        Why it stays BLOCKED; None when it does not.
    """

    slug: str
    thermal_limit_c: float
    it_capacity_mw: float
    bound_before_c: float | None
    bound_after_c: float | None
    blocked_by_c: float | None
    load_before_mw: HourlyValues
    load_after_mw: HourlyValues
    blocked_text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WayRecord:
    """What one way to run the fleet costs: nothing, greedy, plan or oracle.

    Attributes
    ----------
    blocked_regions : int | None
        Regions above their limit; None where that is not judged (the oracle).
    """

    key: str
    objective_usd: float
    cost_usd: float
    carbon_t: float
    water_m3: float
    moved_mwh: float
    blocked_regions: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontRecord:
    """A point of the Pareto front, with its sentence."""

    carbon_t: float
    water_m3: float
    cost_usd: float
    moved_mwh: float
    litres_per_t: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowPriceRecord:
    """What one unit of a limit is worth; `slug` is None for a budget of the fleet."""

    limit: str
    slug: str | None
    value_usd: float
    unit: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """A plan as it was found, with the sentences that were said of it.

    Attributes
    ----------
    blocked_chance_pct : float
        Of the policy: how many of the regions that it fills may turn BLOCKED, %.
    instead_of_plan_id : int | None
        The recorded plan that it is to replace: what that moves is not counted.
    infeasible_text : str | None
        Why there is no plan; then there are no transfers, ways, front or prices.
    is_compared_with_truth : bool
        Whether `ways` rest on actual values.
    ways, expected : tuple of WayRecord
        As it came, or as known at the issue while nothing came yet; and, beside the
        former, what was known at the issue.
    least_objective_usd : float | None
        Which no plan undercuts, as known at the issue; see `core.optimizer.Plan`. None
        where nothing was optimised, and in formats before it.
    notes : tuple of str
        What the figures rest on, and what is missing or suspect in them.
    """

    terms: PlanTerms
    migration_energy_frac: float
    blocked_chance_pct: float
    instead_of_plan_id: int | None
    infeasible_text: str | None
    transfers: tuple[TransferRecord, ...]
    regions: tuple[RegionRecord, ...]
    is_compared_with_truth: bool
    ways: tuple[WayRecord, ...]
    expected: tuple[WayRecord, ...]
    least_objective_usd: float | None
    front: tuple[FrontRecord, ...]
    shadow_prices: tuple[ShadowPriceRecord, ...]
    notes: tuple[str, ...]

    @property
    def blocked_texts(self) -> tuple[str, ...]:
        """A sentence for each region that stays BLOCKED."""
        return tuple(item.blocked_text for item in self.regions if item.blocked_text)


def record_values(record: PlanRecord) -> dict[str, Any]:
    """A plan as plain values, ready for JSON."""
    return {
        "format": FORMAT,
        **asdict(record),
        "terms": term_values(record.terms),
    }


def term_values(terms: PlanTerms) -> dict[str, Any]:
    """The terms of a plan as plain values."""
    split = terms.split
    return {
        **{name: getattr(terms, name) for name in _TERMS},
        "split": {
            "shift_pct": split.shift_pct,
            "shares": [list(share) for share in split.shares],
        }
        if split
        else None,
    }


def read_record(values: Mapping[str, Any]) -> PlanRecord:
    """A plan from its plain values.

    Raises
    ------
    InvalidInput
        When they are of a format unknown here, or not what that format says.
    """
    try:
        if values["format"] not in _FORMATS:
            raise ValueError(values["format"])  # noqa: TRY301 -- one message for all
        return PlanRecord(
            terms=_read_terms(values["terms"]),
            migration_energy_frac=values["migration_energy_frac"],
            blocked_chance_pct=values.get(
                "blocked_chance_pct", values["terms"].get("blocked_chance_pct", 0.0)
            ),
            instead_of_plan_id=values.get("instead_of_plan_id"),
            infeasible_text=values["infeasible_text"],
            transfers=tuple(map(_read_transfer, values["transfers"])),
            regions=tuple(map(_read_region, values["regions"])),
            is_compared_with_truth=values["is_compared_with_truth"],
            ways=tuple(WayRecord(**item) for item in values["ways"]),
            expected=tuple(WayRecord(**item) for item in values["expected"]),
            least_objective_usd=values.get("least_objective_usd"),
            front=tuple(FrontRecord(**item) for item in values["front"]),
            shadow_prices=tuple(
                ShadowPriceRecord(**item) for item in values["shadow_prices"]
            ),
            notes=tuple(values["notes"]),
        )
    except (ValueError, TypeError, LookupError, AttributeError) as exc:
        message = "The stored plan cannot be read: its format is unknown here."
        raise InvalidInput(message) from exc


def _read_terms(values: Mapping[str, Any]) -> PlanTerms:
    split = values["split"]
    named = {"minimum_transfer_mwh": 0.0, **values}
    return PlanTerms(
        **{name: named[name] for name in _TERMS},
        split=PlanSplit(
            shift_pct=split["shift_pct"],
            shares=tuple((slug, share) for slug, share in split["shares"]),
        )
        if split
        else None,
    )


def _read_transfer(values: Mapping[str, Any]) -> TransferRecord:
    read = {
        "moved_mw": tuple(values["moved_mw"]),
        "outcome": Outcome(values["outcome"]),
        "reason_code": ReasonCode(values["reason_code"]),
    }
    return TransferRecord(**{**values, **read})


def _read_region(values: Mapping[str, Any]) -> RegionRecord:
    loads = ("load_before_mw", "load_after_mw")
    return RegionRecord(**{**values, **{name: tuple(values[name]) for name in loads}})
