"""The kinds of feeds. A new one is a module and its entry here."""

from __future__ import annotations

from core.errors import InvalidInput
from core.wording import listed
from orchestrator.feeds.kinds import (
    from_database,
    from_eia,
    from_electricity_maps,
    from_entsoe,
    from_folder,
    from_open_meteo,
    from_prometheus,
    from_uk_grid,
    from_watttime,
)
from orchestrator.feeds.kinds.kind import FeedKind

KINDS: dict[str, FeedKind] = {
    kind.name: kind
    for kind in (
        from_folder.KIND,
        from_open_meteo.HISTORY,
        from_open_meteo.RUNS,
        from_electricity_maps.KIND,
        from_electricity_maps.FORECAST,
        from_watttime.KIND,
        from_watttime.FORECAST,
        from_uk_grid.KIND,
        from_uk_grid.FORECAST,
        from_entsoe.KIND,
        from_entsoe.DAY_AHEAD,
        from_eia.KIND,
        from_prometheus.KIND,
        from_database.KIND,
    )
}


def kind_named(name: str) -> FeedKind:
    """The kind of this name; raises InvalidInput without one."""
    kind = KINDS.get(name)
    if kind is None:
        message = f"There is no kind {name[:40]!r}; known are {listed(list(KINDS))}."
        raise InvalidInput(message)
    return kind
