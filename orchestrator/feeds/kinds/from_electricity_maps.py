"""Electricity Maps v3: carbon intensity of a zone, hour by hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.carbon import CarbonScope
from orchestrator.feeds.kinds.kind import (
    CARBON,
    Ask,
    FeedKind,
    SourceAnswer,
    carbon_kind,
    has_rows,
    published_answer,
)
from orchestrator.telemetry.readers.formats import format_named


def fetch(ask: Ask) -> Sequence[SourceAnswer]:
    """The hours asked for, estimates marked as such by the source."""
    params = {
        "zone": ask.place,
        "start": f"{ask.start_utc:%Y-%m-%dT%H:%MZ}",
        "end": f"{ask.end_utc:%Y-%m-%dT%H:%MZ}",
    } | _factors(ask)
    headers = {"auth-token": ask.required_secret()}
    content = ask.get("/v3/carbon-intensity/past-range", params=params, headers=headers)
    if content is None or not has_rows(content, "data", "Electricity Maps"):
        return []
    return [
        SourceAnswer(
            content=content,
            label=f"{ask.slug}, zone {ask.place}",
            telemetry_format=format_named("electricity-maps"),
            region_slug=ask.slug,
            carbon_kind=carbon_kind(ask.facts.options),
        )
    ]


def fetch_forecast(ask: Ask) -> Sequence[SourceAnswer]:
    """The forecast of the coming days as it stands now."""
    content = ask.get(
        "/v3/carbon-intensity/forecast",
        params={"zone": ask.place} | _factors(ask),
        headers={"auth-token": ask.required_secret()},
    )
    if content is None or not has_rows(content, "forecast", "Electricity Maps"):
        return []
    return [published_answer(ask, content, "electricity-maps")]


def _factors(ask: Ask) -> dict[str, str]:
    kind = carbon_kind(ask.facts.options)
    is_direct = kind is not None and kind.scope is CarbonScope.DIRECT
    return {"emissionFactorType": "direct" if is_direct else "lifecycle"}


KIND = FeedKind(
    name="electricity-maps",
    words="Electricity Maps v3, carbon intensity",
    address="https://api.electricitymaps.com",
    fetch=fetch,
    quantities=CARBON,
    needs_credential=True,
    credential="the auth-token",
    place_words="zone, such as US-TEX-ERCO",
    needs_place=True,
    options={"carbon": "life-cycle average (default) or direct average"},
    longest_h=24 * 10,
)
FORECAST = replace(
    KIND,
    name="electricity-maps-forecast",
    words="Electricity Maps v3, forecast of carbon intensity",
    fetch=fetch_forecast,
    makes_runs=True,
)
