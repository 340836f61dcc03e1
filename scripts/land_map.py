"""Draw the land of the world as dots, from the zones that tzfpy ships.

    .venv/bin/python scripts/land_map.py

Writes `webapp/assets/land.svg`: an equirectangular map, one dot for each place of a
grid whose time zone is not one of the open sea. Zones reach some kilometres over the
coast, which is less than a dot. The data are those of timezone-boundary-builder (ODbL,
from OpenStreetMap); a test draws the file again and compares it.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import tzfpy

WEST_DEG, EAST_DEG, SOUTH_DEG, NORTH_DEG = -170.0, 190.0, -56.0, 76.0
STEP_DEG = 2.0
OUT = Path(__file__).parents[1] / "webapp" / "assets" / "land.svg"


def is_land(longitude_deg: float, latitude_deg: float) -> bool:
    """Whether a place has a zone of its own and not one of the open sea."""
    wrapped = (longitude_deg + 180.0) % 360.0 - 180.0
    return not tzfpy.get_tz(wrapped, latitude_deg).startswith("Etc/")


def land_svg() -> str:
    """The map; a unit is a degree, x from `WEST_DEG`, y down from `NORTH_DEG`."""
    columns = int((EAST_DEG - WEST_DEG) / STEP_DEG)
    rows = int((NORTH_DEG - SOUTH_DEG) / STEP_DEG)
    path = []
    for row in range(rows):
        y = (row + 0.5) * STEP_DEG
        land = [
            is_land(WEST_DEG + (column + 0.5) * STEP_DEG, NORTH_DEG - y)
            for column in range(columns)
        ]
        at = 0
        for here, run in groupby(land):
            length = len(list(run))
            if here:  # one dot at each step: dashes of no length, with round ends
                path.append(f"M{at * 2 + 1} {y:g}h{(length - 1) * 2 + 0.1:g}")
            at += length
    width, height = EAST_DEG - WEST_DEG, NORTH_DEG - SOUTH_DEG
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}">'
        f'<path d="{"".join(path)}" fill="none" stroke="#000" stroke-width="1.3"'
        ' stroke-linecap="round" stroke-dasharray="0 2"/></svg>\n'
    )


def main() -> None:
    """Write the map."""
    OUT.write_text(land_svg(), "utf-8")
    print(f"{OUT}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
