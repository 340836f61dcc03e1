"""WattTime v3: marginal carbon intensity; a login gives a token for half an hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.feeds.kinds.kind import (
    CARBON,
    Ask,
    FeedKind,
    SourceAnswer,
    has_rows,
    parse_document,
    published_answer,
)
from orchestrator.feeds.web_client import FeedFailed
from orchestrator.telemetry.readers.documents import member, text_of
from orchestrator.telemetry.readers.formats import format_named

_FORECAST_H = 48


def fetch(ask: Ask) -> Sequence[SourceAnswer]:
    """The points asked for."""
    params = {
        "region": ask.place,
        "start": f"{ask.start_utc:%Y-%m-%dT%H:%MZ}",
        "end": f"{ask.end_utc:%Y-%m-%dT%H:%MZ}",
        "signal_type": ask.option("signal", "co2_moer"),
    }
    content = ask.get("/v3/historical", params=params, headers=_logged_in(ask))
    if content is None or not has_rows(content, "data", "WattTime"):
        return []
    return [
        SourceAnswer(
            content=content,
            label=f"{ask.slug}, region {ask.place}",
            telemetry_format=format_named("watttime"),
            region_slug=ask.slug,
        )
    ]


def fetch_forecast(ask: Ask) -> Sequence[SourceAnswer]:
    """The newest forecast, which says when it was made."""
    params = {
        "region": ask.place,
        "signal_type": ask.option("signal", "co2_moer"),
        "horizon_hours": str(_FORECAST_H),
    }
    content = ask.get("/v3/forecast", params=params, headers=_logged_in(ask))
    if content is None or not has_rows(content, "data", "WattTime"):
        return []
    return [published_answer(ask, content, "watttime")]


def _logged_in(ask: Ask) -> dict[str, str]:
    user, divider, password = ask.required_secret().partition(":")
    if not divider:
        message = "The secret of WattTime is USER:PASSWORD."
        raise FeedFailed(message)
    address = ask.facts.address.rstrip("/")
    answer = ask.client.get(f"{address}/login", login=(user, password))
    token = text_of(member(parse_document(answer.content, "WattTime"), "token"))
    if not token:
        message = "The login of WattTime gave no token."
        raise FeedFailed(message)
    return {"Authorization": f"Bearer {token}"}


KIND = FeedKind(
    name="watttime",
    words="WattTime v3, marginal carbon intensity",
    address="https://api.watttime.org",
    fetch=fetch,
    quantities=CARBON,
    needs_credential=True,
    credential="USER:PASSWORD",
    place_words="region, such as ERCOT_NORTHCENTRAL",
    needs_place=True,
    options={"signal": "co2_moer (default) or co2_aoer"},
    longest_h=24 * 30,
)
FORECAST = replace(
    KIND,
    name="watttime-forecast",
    words="WattTime v3, forecast of marginal carbon intensity",
    fetch=fetch_forecast,
    makes_runs=True,
)
