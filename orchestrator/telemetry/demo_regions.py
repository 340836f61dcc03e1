"""The demo fleet: regions whose telemetry the generator makes, from a file of data."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from core.errors import InvalidInput
from core.pue import PRESETS
from core.regions import CoolingType, Region
from core.synthetic import Climate, Grid, LoadShape, RegionProfile


def _load() -> tuple[RegionProfile, ...]:
    text = files(__package__).joinpath("demo_regions.toml").read_text("utf-8")
    data = tomllib.loads(text)
    flexible_load_frac = data["flexible_load_frac"]
    return tuple(_profile(item, flexible_load_frac) for item in data["regions"])


def _profile(item: dict[str, Any], flexible_load_frac: float) -> RegionProfile:
    cooling_type = CoolingType(item.pop("cooling_type"))
    holidays = tuple((month, day) for month, day in item.pop("holidays"))
    return RegionProfile(
        climate=Climate(**item.pop("climate")),
        grid=Grid(**item.pop("grid")),
        load=LoadShape(holidays=holidays),
        late_h=item.pop("late_h", 0),
        region=Region(
            **item,
            cooling_type=cooling_type,
            cooling=PRESETS[cooling_type],
            flexible_load_frac=flexible_load_frac,
            is_synthetic=True,
        ),
    )


DEMO_REGIONS = _load()


def demo_profile(slug: str) -> RegionProfile:
    """The demo region called `slug`.

    Raises
    ------
    InvalidInput
        When there is no such demo region; the sentence names those that exist.
    """
    for profile in DEMO_REGIONS:
        if profile.region.slug == slug:
            return profile
    known = ", ".join(profile.region.slug for profile in DEMO_REGIONS)
    message = f"{slug!r} is not a demo region; there are {known}."
    raise InvalidInput(message)


def first_demo_profiles(n_regions: int) -> tuple[RegionProfile, ...]:
    """The first `n_regions` of the demo fleet.

    Raises
    ------
    InvalidInput
        When fewer than one or more than there are were asked for.
    """
    if not 1 <= n_regions <= len(DEMO_REGIONS):
        message = (
            f"The demo fleet has 1 to {len(DEMO_REGIONS)} regions, not {n_regions}."
        )
        raise InvalidInput(message)
    return DEMO_REGIONS[:n_regions]
