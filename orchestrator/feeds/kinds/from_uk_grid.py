"""Carbon Intensity API of Great Britain: half hours of the country or a region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.days import full_hour
from core.errors import InvalidInput
from db.feeds import FeedFacts
from orchestrator.feeds.kinds.kind import (
    CARBON,
    Ask,
    FeedKind,
    SourceAnswer,
    has_rows,
    is_whole_number,
    published_answer,
)
from orchestrator.telemetry.readers.formats import format_named


def fetch(ask: Ask) -> Sequence[SourceAnswer]:
    """The half hours asked for; the first half hour of an answer ends at its start."""
    begin, end = (f"{t:%Y-%m-%dT%H:%MZ}" for t in (ask.start_utc, ask.end_utc))
    path = f"/intensity/{begin}/{end}"
    if ask.place:
        path = f"/regional{path}/regionid/{ask.place}"
    content = ask.get(path)
    if content is None or not has_rows(content, "data", "the Carbon Intensity API"):
        return []
    return [
        SourceAnswer(
            content=content,
            label=ask.slug,
            telemetry_format=format_named("uk-carbon-intensity"),
            region_slug=ask.slug,
        )
    ]


def fetch_forecast(ask: Ask) -> Sequence[SourceAnswer]:
    """The forecast of the coming 48 hours as it stands now."""
    path = f"/intensity/{full_hour(ask.now):%Y-%m-%dT%H:%MZ}/fw48h"
    if ask.place:
        path = f"/regional{path}/regionid/{ask.place}"
    content = ask.get(path)
    if content is None or not has_rows(content, "data", "the Carbon Intensity API"):
        return []
    return [published_answer(ask, content, "uk-carbon-intensity")]


def _check(facts: FeedFacts) -> None:
    for place in facts.regions.values():
        if place and not is_whole_number(place, 1, 18):
            message = "A region of Great Britain's grid is a number from 1 to 18."
            raise InvalidInput(message)


KIND = FeedKind(
    name="uk-carbon-intensity",
    words="Carbon Intensity API of Great Britain",
    address="https://api.carbonintensity.org.uk",
    fetch=fetch,
    quantities=CARBON,
    place_words="number of a grid region, or nothing for the country",
    longest_h=24 * 13,
    check=_check,
)
FORECAST = replace(
    KIND,
    name="uk-carbon-forecast",
    words="Carbon Intensity API of Great Britain, forecast",
    fetch=fetch_forecast,
    makes_runs=True,
)
