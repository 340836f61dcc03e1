"""Regions: validated once, here, so that nothing below meets an impossible one."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput, OutOfRange
from core.pue import PRESETS
from core.regions import CoolingType, require_time_zone
from tests.core.outlook_cases import a_region

COOLING = PRESETS[CoolingType.AIR]


@pytest.mark.parametrize("slug", ["a", "us-east-1", "A1", "x" * 32, "a--b"])
def test_slug_of_letters_digits_and_inner_hyphens_is_accepted(slug: str) -> None:
    assert replace(a_region(), slug=slug).slug == slug


@pytest.mark.parametrize(
    "slug",
    [
        "",
        "-a",
        "a-",
        "a b",
        "a_b",
        "x" * 33,
        "dublin\n",
        "é",
        "a/b",
        "..",
        "a'b",
        "<b>",
    ],
)
def test_slug_that_an_address_or_a_file_could_trip_over_is_refused(slug: str) -> None:
    with pytest.raises(InvalidInput, match="letters, digits or hyphens"):
        replace(a_region(), slug=slug)


@given(slug=st.text(max_size=40))
def test_any_accepted_slug_is_plain_ascii_within_32_characters(slug: str) -> None:
    try:
        region = replace(a_region(), slug=slug)
    except InvalidInput:
        return
    assert region.slug.isascii()
    assert region.slug.replace("-", "").isalnum()
    assert len(region.slug) <= 32


@pytest.mark.parametrize("name", ["Texas", "São Paulo (GRU)", "x" * 80, "東京"])
def test_name_may_be_written_in_any_script(name: str) -> None:
    assert replace(a_region(), name=name).name == name


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * 81, "Texas\nAPPROVED", "a\x00b", "\t"]
)
def test_name_that_is_empty_long_or_breaks_lines_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="needs a name"):
        replace(a_region(), name=name)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("latitude_deg", -90.0, 90.0),
        ("longitude_deg", -180.0, 180.0),
        ("it_capacity_mw", 0.001, 100_000.0),
        ("flexible_load_frac", 0.0, 1.0),
        ("grid_water_l_per_kwh", 0.0, 100.0),
        ("grid_hydro_frac", 0.0, 1.0),
    ],
)
def test_numbers_of_a_region_lie_inside_their_ranges(
    name: str, low: float, high: float
) -> None:
    for value in (low, high):
        assert getattr(replace(a_region(), **{name: value}), name) == value
    beyond = math.nextafter(low, -math.inf), math.nextafter(high, math.inf)
    for value in (*beyond, math.nan, math.inf, -math.inf):
        with pytest.raises(OutOfRange, match=f"{name} is "):
            replace(a_region(), **{name: value})


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("overhead_frac", 0.0, 1.0),
        ("chiller_cop", 0.5, 50.0),
        ("wue_air_l_per_kwh", 0.0, 10.0),
        ("adiabatic_switch_c", -50.0, 60.0),
    ],
)
def test_numbers_of_a_cooling_plant_lie_inside_their_ranges(
    name: str, low: float, high: float
) -> None:
    for value in (low, high):
        assert getattr(replace(COOLING, **{name: value}), name) == value
    beyond = math.nextafter(low, -math.inf), math.nextafter(high, math.inf)
    for value in (*beyond, math.nan, math.inf, -math.inf):
        with pytest.raises(OutOfRange, match=f"{name} is "):
            replace(COOLING, **{name: value})


@pytest.mark.parametrize(
    ("full_c", "none_c"),
    [(20.0, 20.0), (21.0, 20.0), (math.nan, 20.0), (8.0, math.nan), (-50.1, 20.0)],
)
def test_economiser_carries_all_below_where_it_carries_none(
    full_c: float, none_c: float
) -> None:
    with pytest.raises(InvalidInput, match="economiser_"):
        replace(COOLING, economiser_full_c=full_c, economiser_none_c=none_c)


@pytest.mark.parametrize(
    "colour", ["1f77b4", "#1f77b", "#1f77b44", "red", "#1f77bg", ""]
)
def test_colour_must_be_six_hexadecimal_digits(colour: str) -> None:
    assert replace(a_region(), colour="#ABCdef").colour == "#ABCdef"
    with pytest.raises(InvalidInput, match="written like #1f77b4"):
        replace(a_region(), colour=colour)
    with pytest.raises(InvalidInput, match="written like #1f77b4"):
        replace(a_region(), colour="#1f77b4\n")


@pytest.mark.parametrize(
    "time_zone",
    [
        "",
        "CET/Berlin",
        "+02:00",
        "../../etc/passwd",
        "/etc/passwd",
        "Europe",
        "a" * 5000,
        "Europe/Dublin\x00",
        "tzdata.zi",
    ],
)
def test_time_zone_that_is_not_iana_is_refused(time_zone: str) -> None:
    with pytest.raises(InvalidInput, match="use an IANA name like Europe/Dublin"):
        require_time_zone(time_zone)
    with pytest.raises(InvalidInput, match="Time zone"):
        replace(a_region(), time_zone=time_zone)


def test_time_zone_is_returned_by_its_name() -> None:
    assert require_time_zone("Europe/Dublin").key == "Europe/Dublin"
