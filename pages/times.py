"""In whose time instants are shown: the region's, the browser's, or UTC.

Instants are stored in UTC. A choice changes which clock a page shows them on, never
which hours it shows: a region's day stays its own.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import unquote

from flask import has_request_context, request

from core.errors import InvalidInput
from core.regions import require_time_zone
from orchestrator.regions.views import RegionChoice

COOKIE = "gfo_times"
"""Written by `webapp/assets/times.js`: `region`, `utc` or `browser:<IANA zone>`."""

UTC_ZONE = "UTC"
_LONGEST_ZONE = 64

View = TypeVar("View")


class Clock(StrEnum):
    """Whose clock."""

    REGION = "region"
    BROWSER = "browser"
    UTC = "utc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The choice of a clock, with the browser's zone when it is the browser's."""

    clock: Clock = Clock.REGION
    browser_zone: str | None = None

    def zone_for(self, region_zone: str) -> str:
        """The zone in which to show an instant of a region."""
        if self.clock is Clock.UTC:
            return UTC_ZONE
        if self.clock is Clock.BROWSER and self.browser_zone is not None:
            return self.browser_zone
        return region_zone

    @property
    def zone_without_region(self) -> str:
        """The zone in which to show an instant of no region."""
        return self.zone_for(UTC_ZONE)


def parse_times(text: str | None) -> Times:
    """Read the cookie; whatever is not a known clock and zone means the region's."""
    clock, _, zone = unquote(text or "").partition(":")
    if clock == Clock.UTC:
        return Times(clock=Clock.UTC)
    if clock != Clock.BROWSER or not 0 < len(zone) <= _LONGEST_ZONE:
        return Times()
    try:
        require_time_zone(zone)
    except InvalidInput:
        return Times()
    return Times(clock=Clock.BROWSER, browser_zone=zone)


def chosen_times() -> Times:
    """The choice that came with this request."""
    if not has_request_context():
        return Times()
    return parse_times(request.cookies.get(COOKIE))


def in_times(view: View, times: Times) -> View:
    """The same view with every region's zone replaced by the one to show it in."""
    if times.clock is Clock.REGION:
        return view
    shown: View = _shown(view, times)
    return shown


def _shown(value: Any, times: Times) -> Any:  # noqa: ANN401 -- any part of a view
    if isinstance(value, RegionChoice):
        return replace(value, time_zone=times.zone_for(value.time_zone))
    if isinstance(value, tuple):
        # Series of numbers and instants hold no region; most of a view is such series.
        has_parts = any(is_dataclass(item) for item in value[:1])
        return tuple(_shown(item, times) for item in value) if has_parts else value
    if not is_dataclass(value) or isinstance(value, type):
        return value
    parts = {item.name: getattr(value, item.name) for item in fields(value)}
    changed = {
        name: shown
        for name, part in parts.items()
        if (shown := _shown(part, times)) is not part
    }
    return replace(value, **changed) if changed else value
