"""Whether a place lies where its time zone says."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tzfpy import get_tzs

from core.errors import InvalidInput
from core.regions import require_time_zone

_SAME_CLOCK_H = 1.0
"""Clocks this close agree: a border, or a neighbour without summer time."""

_COAST_DEG = 0.5
"""At sea the land this near counts: the map's coasts are simplified."""

_WITHOUT_PLACE = ("Etc/", "UTC", "GMT", "Zulu", "UCT", "Universal")


def require_place_in_zone(
    latitude_deg: float, longitude_deg: float, time_zone: str, *, now_utc: datetime
) -> None:
    """Refuse a place whose clocks differ from those of its time zone.

    Offsets from UTC are compared in January and July of the present year, with the
    zones that the time zone boundaries (tzfpy's copy of those of OpenStreetMap) give
    for the place. A zone that names no place, like UTC, goes with every place.

    Parameters
    ----------
    latitude_deg, longitude_deg : float
        Degrees north and east.

    Raises
    ------
    InvalidInput
        When they differ; the sentence names the mistake that would explain it.
    """
    zone = require_time_zone(time_zone)
    if time_zone.startswith(_WITHOUT_PLACE):
        return

    def goes_with(latitude: float, longitude: float) -> bool:
        return any(
            _apart_h(zone, ZoneInfo(name), now_utc.year) <= _SAME_CLOCK_H
            for name in _zones_on_land(latitude, longitude)
        )

    if goes_with(latitude_deg, longitude_deg):
        return
    zones = sorted(_zones_on_land(latitude_deg, longitude_deg))
    where = f"keeps the time of {' or '.join(zones)}" if zones else "lies at sea"
    message = (
        f"The place {latitude_deg:g}, {longitude_deg:g} (degrees north, east) {where},"
        f" not in {time_zone}."
    )
    mistakes = (
        ("latitude and longitude exchanged", longitude_deg, latitude_deg),
        (
            "a longitude west of Greenwich without its minus",
            latitude_deg,
            -longitude_deg,
        ),
        ("a latitude with the wrong sign", -latitude_deg, longitude_deg),
    )
    for mistake, latitude, longitude in mistakes:
        if abs(latitude) <= 90.0 and goes_with(latitude, longitude):
            message += f" Is it {mistake}?"
            break
    raise InvalidInput(message)


def _zones_on_land(latitude_deg: float, longitude_deg: float) -> set[str]:
    def zones(north_deg: float, east_deg: float) -> set[str]:
        latitude = min(max(latitude_deg + north_deg, -90.0), 90.0)
        longitude = (longitude_deg + east_deg + 180.0) % 360.0 - 180.0
        names = get_tzs(longitude, latitude)
        return {name for name in names if not name.startswith("Etc/")}

    steps = (-_COAST_DEG, 0.0, _COAST_DEG)
    return zones(0.0, 0.0) or {
        name for north in steps for east in steps for name in zones(north, east)
    }


def _apart_h(zone: ZoneInfo, other: ZoneInfo, year: int) -> float:
    moments = (datetime(year, month, 1) for month in (1, 7))  # noqa: DTZ001 -- local
    return max(abs(_offset_h(zone, at) - _offset_h(other, at)) for at in moments)


def _offset_h(zone: ZoneInfo, at: datetime) -> float:
    offset = at.replace(tzinfo=zone).utcoffset() or timedelta()
    return offset / timedelta(hours=1)
