"""The map of the first page is what the script draws."""

from __future__ import annotations

import pytest

from scripts.land_map import OUT, is_land, land_svg


def test_the_map_is_drawn_from_the_zones_of_the_package() -> None:
    assert OUT.read_text("utf-8") == land_svg()


@pytest.mark.parametrize(
    ("longitude_deg", "latitude_deg", "expected"),
    [(-104.8, 41.1, True), (-30.0, 30.0, False), (185.0, -17.0, False)],
)
def test_land_is_where_a_zone_is_not_of_the_sea(
    longitude_deg: float, latitude_deg: float, expected: bool
) -> None:
    assert is_land(longitude_deg, latitude_deg) is expected
