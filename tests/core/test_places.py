"""A place against the clocks of its time zone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.errors import InvalidInput
from core.places import require_place_in_zone

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("latitude_deg", "longitude_deg", "zone"),
    [
        (53.3, -6.2, "Europe/Dublin"),
        (33.4, -112.1, "America/Phoenix"),
        (27.7, 85.3, "Asia/Kathmandu"),
        (47.56, -52.71, "America/St_Johns"),
        (39.5, 76.0, "Asia/Shanghai"),
        (43.37, -8.4, "Europe/Madrid"),
        (49.0, 8.4, "Europe/Paris"),
        (-36.85, 174.76, "Pacific/Auckland"),
        (53.3, -6.2, "UTC"),
        (1.3, 103.9, "Etc/UTC"),
        (-16.5, 179.99, "Pacific/Fiji"),
        (64.4, -173.2, "Asia/Anadyr"),
    ],
)
def test_a_place_goes_with_the_clocks_around_it(
    latitude_deg: float, longitude_deg: float, zone: str
) -> None:
    require_place_in_zone(latitude_deg, longitude_deg, zone, now_utc=NOW)


@pytest.mark.parametrize(
    ("latitude_deg", "longitude_deg", "zone", "sentence"),
    [
        (33.4, 112.1, "America/Phoenix", "west of Greenwich without its minus"),
        (-6.2, 53.3, "Europe/Dublin", "latitude and longitude exchanged"),
        (33.9, 151.2, "Australia/Sydney", "at sea.*a latitude with the wrong sign"),
        (53.3, -6.2, "America/Phoenix", "Europe/Dublin, not in America/Phoenix"),
        (43.7, -79.4, "America/Vancouver", "America/Toronto, not in"),
    ],
)
def test_a_place_with_other_clocks_is_refused(
    latitude_deg: float, longitude_deg: float, zone: str, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        require_place_in_zone(latitude_deg, longitude_deg, zone, now_utc=NOW)
