"""Telemetry of the regions that a model is trained on, held or read one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from core.telemetry import Quantity, TelemetryFrame

RegionTelemetry = tuple[TelemetryFrame, str]
"""Telemetry of a region and its IANA time zone."""

Span = tuple[datetime, int]
"""First hour of a region's telemetry, and how many there are."""

HELD_REGIONS = 2_000
"""Regions whose telemetry is read once and held, 1.4 MB each for two years; a region of
more is read when it is learned, for each target, and not kept."""

SAMPLE_REGIONS = 400
"""Regions that stand for a fleet whose telemetry is not held."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TelemetryOnRequest(Mapping[str, RegionTelemetry]):
    """Telemetry that is read when a region is asked for and not kept.

    Attributes
    ----------
    spans : Mapping of slug to Span
        What is known of each region before it is read.
    read : callable
        Reads the region of a slug.
    """

    spans: Mapping[str, Span]
    read: Callable[[str], RegionTelemetry]

    def __getitem__(self, slug: str) -> RegionTelemetry:
        return self.read(slug)

    def __iter__(self) -> Iterator[str]:
        return iter(self.spans)

    def __len__(self) -> int:
        return len(self.spans)


def spans_of(frames: Mapping[str, RegionTelemetry]) -> Mapping[str, Span]:
    """The span of each region, without reading any."""
    if isinstance(frames, TelemetryOnRequest):
        return frames.spans
    return {
        slug: (frame.start_utc, frame.n_hours) for slug, (frame, _) in frames.items()
    }


def run_quantities(frames: Mapping[str, RegionTelemetry]) -> tuple[Quantity, ...]:
    """What the weather forecasts of at least one region have; of many, of a sample."""
    held = frames if len(frames) <= HELD_REGIONS else evenly_chosen(frames)
    found = {
        quantity
        for frame, _ in held.values()
        if frame.runs is not None
        for quantity in frame.runs.quantities
    }
    return tuple(quantity for quantity in Quantity if quantity in found)


def evenly_chosen(frames: Mapping[str, RegionTelemetry]) -> dict[str, RegionTelemetry]:
    """A sample of the regions, all of a small fleet, at equal steps of their slugs."""
    slugs = sorted(frames)
    step = max(-(-len(slugs) // SAMPLE_REGIONS), 1)
    return {slug: frames[slug] for slug in slugs[::step]}
