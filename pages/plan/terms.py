"""What an operator asks the optimiser for: fields, labels, and how to read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import InvalidInput
from orchestrator.plans.terms import PlanTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class TermField:
    """One number of the terms; `is_optional` when it may be left empty."""

    name: str
    label: str
    is_optional: bool = False

    @property
    def control_id(self) -> str:
        """The id of its control."""
        return f"plan-{self.name.replace('_', '-')}"

    def read(self, value: object) -> float | None:
        """What somebody entered, or None where nothing was."""
        text = "" if value is None else str(value).strip()
        if not text:
            if self.is_optional:
                return None
            message = f"{self.label} is empty."
            raise InvalidInput(message)
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or number < 0:
            message = f"{self.label}: {text[:20]!r} is not a number of 0 or more."
            raise InvalidInput(message)
        return number


PRICES = (
    TermField(name="carbon_usd_per_t", label="Carbon, USD per t"),
    TermField(name="water_usd_per_m3", label="Water, USD per m³"),
    TermField(name="energy_price_weight", label="Weight of energy prices"),
)
CAPS = (
    TermField(
        name="migration_usd_per_mwh", label="Moving load, USD per MWh", is_optional=True
    ),
    TermField(name="carbon_cap_t", label="Carbon at most, t", is_optional=True),
    TermField(name="water_cap_m3", label="Water at most, m³", is_optional=True),
    TermField(name="cost_cap_usd", label="Energy bill at most, USD", is_optional=True),
    TermField(
        name="ramp_mw_per_h", label="Steepest change, MW per hour", is_optional=True
    ),
    TermField(name="minimum_transfer_mwh", label="Least transfer, MWh"),
)
FIELDS = (*PRICES, *CAPS)


def read_terms(values: Mapping[str, object]) -> PlanTerms:
    """The terms from values by name."""
    read = {item.name: item.read(values.get(item.name)) for item in FIELDS}
    return PlanTerms(**read)  # type: ignore[arg-type]  # required ones are there
