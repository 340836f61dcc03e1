"""Countries by the time zones of their regions, from the time zone database."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


def zones_of_country(text: str) -> frozenset[str]:
    """IANA zones of every country whose name has `text` in it, or whose code it is.

    Examples
    --------
    >>> sorted(zones_of_country("ireland")), zones_of_country("")
    (['Europe/Dublin'], frozenset())
    """
    wanted = text.strip().casefold()
    if not wanted:
        return frozenset()
    codes = {
        code
        for code, name in _rows("iso3166.tab")
        if wanted in name.casefold() or wanted == code.casefold()
    }
    return frozenset(zone for code, _, zone, *_ in _rows("zone.tab") if code in codes)


@cache
def _rows(name: str) -> tuple[tuple[str, ...], ...]:
    table = (files("tzdata") / "zoneinfo" / name).read_text("utf-8")
    lines = (line for line in table.splitlines() if not line.startswith("#"))
    return tuple(tuple(line.split("\t")) for line in lines)
