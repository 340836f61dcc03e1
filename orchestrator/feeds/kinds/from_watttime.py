"""WattTime v3: marginal carbon intensity; a login gives a token for half an hour."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.feeds.kinds.kind import (
    CARBON,
    Ask,
    FeedKind,
    SourceAnswer,
    has_rows,
    parse_document,
)
from orchestrator.feeds.web_client import FeedFailed
from orchestrator.telemetry.readers.documents import member, text_of
from orchestrator.telemetry.readers.formats import format_named


def fetch(ask: Ask) -> Sequence[SourceAnswer]:
    """Log in, then the points asked for."""
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
    params = {
        "region": ask.place,
        "start": f"{ask.start_utc:%Y-%m-%dT%H:%MZ}",
        "end": f"{ask.end_utc:%Y-%m-%dT%H:%MZ}",
        "signal_type": ask.option("signal", "co2_moer"),
    }
    headers = {"Authorization": f"Bearer {token}"}
    content = ask.get("/v3/historical", params=params, headers=headers)
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
