"""Plain values of regions and their limits, as pages draw them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionChoice:
    """A region as a choice in a list."""

    slug: str
    name: str
    time_zone: str
    is_synthetic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionChoices:
    """The first of the regions to choose from, with those that are chosen.

    Attributes
    ----------
    count : int
        How many there are to choose from.
    """

    shown: tuple[RegionChoice, ...]
    count: int

    @property
    def left_out(self) -> int:
        """How many are not shown; a search finds them."""
        return max(self.count - len(self.shown), 0)

    def without(self, slug: str) -> RegionChoices:
        """The choices without one region."""
        kept = tuple(region for region in self.shown if region.slug != slug)
        return RegionChoices(shown=kept, count=self.count - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionQuestion:
    """Which part of a long list of regions is asked for.

    Attributes
    ----------
    search : str
        Part of a name or slug, or a country.
    page : int
        From 1; beyond the last page nothing is found.
    """

    search: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPart:
    """Which part of a list of regions is shown.

    Attributes
    ----------
    n_found : int
        Regions that the search leaves.
    first : int
        Place of the first one shown, from 1.
    """

    n_found: int
    first: int
    n_shown: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.n_shown == self.n_found


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFacts:
    """The policy in force somewhere, and which of its values are that place's own."""

    thermal_limit_c: float
    confidence: float
    cooling_factor_c_per_pct: float
    telemetry_max_age_h: float
    overridden: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetTerms:
    """What moving load costs and plans keep free, as `core.policies.Policy` says."""

    migration_energy_frac: float
    migration_usd_per_mwh: float
    counts_hydro_water: bool
    plan_blocked_chance_pct: float
    falls_back_on_alarm: bool
    forecasts_kept_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionFacts:
    """A region as an admin edits it.

    Attributes
    ----------
    facts : Mapping
        Values by the names of `Region` and `CoolingParameters`.
    """

    choice: RegionChoice
    is_active: bool
    cooling_type: str
    facts: Mapping[str, str | float | bool]
    policy: PolicyFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionsView:
    """A page of regions, active or not, the one to edit, and the fleet's policy."""

    regions: tuple[RegionFacts, ...]
    part: RegionPart
    chosen: RegionFacts | None
    fleet_policy: PolicyFacts
    fleet_terms: FleetTerms
