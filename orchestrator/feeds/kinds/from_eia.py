"""EIA-930 by the API, version 2: one series of a balancing authority."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime

from core.errors import InvalidInput
from db.feeds import FeedFacts
from orchestrator.feeds.kinds.kind import Ask, FeedKind, SourceAnswer, parse_document
from orchestrator.feeds.web_client import FeedFailed
from orchestrator.telemetry.readers.documents import member
from orchestrator.telemetry.readers.formats import format_named
from orchestrator.telemetry.readers.options import ReadOptions

_VALUE = "Value (MW)"
_MOST_ROWS = 5_000


def fetch(ask: Ask) -> Sequence[SourceAnswer]:
    """The hours asked for; the API names each hour by its end in UTC."""
    (quantity,) = ask.quantities
    params = {
        "api_key": ask.required_secret(),
        "frequency": "hourly",
        "data[0]": "value",
        "facets[respondent][]": ask.place,
        "facets[type][]": ask.option("type", "D"),
        "start": f"{ask.start_utc:%Y-%m-%dT%H}",
        "end": f"{ask.end_utc:%Y-%m-%dT%H}",
        "length": str(_MOST_ROWS),
    }
    content = ask.get("/v2/electricity/rto/region-data/data/", params=params)
    if content is None:
        return []
    file = _table(content)
    if file is None:
        return []
    return [
        SourceAnswer(
            content=content,
            label=f"{ask.slug}, {ask.place}",
            telemetry_format=format_named("eia-930"),
            region_slug=ask.slug,
            file=file,
            options=ReadOptions(columns={_VALUE: quantity.value}),
        )
    ]


def _table(content: bytes) -> bytes | None:
    """The rows as the table of the grid monitor; None without any."""
    rows = member(member(parse_document(content, "EIA"), "response"), "data")
    if not isinstance(rows, list):
        message = "The answer of EIA holds no rows."
        raise FeedFailed(message)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["UTC time at end of hour", "Balancing Authority", _VALUE])
    for row in rows:
        if member(row, "value-units") != "megawatthours":
            message = f"EIA answers in {str(member(row, 'value-units'))[:30]}, not MWh."
            raise FeedFailed(message)
        try:
            end = datetime.strptime(str(member(row, "period")), "%Y-%m-%dT%H")  # noqa: DTZ007 -- the column says UTC
        except ValueError as exc:
            message = "The answer of EIA holds a period that is no hour."
            raise FeedFailed(message) from exc
        stamp = f"{end:%m/%d/%Y %H:%M}"
        writer.writerow([stamp, member(row, "respondent"), member(row, "value")])
    return text.getvalue().encode() if rows else None


def _check(facts: FeedFacts) -> None:
    if len(facts.quantities) != 1:
        message = (
            "A feed of EIA-930 gives one quantity: say which its series stands for."
        )
        raise InvalidInput(message)


KIND = FeedKind(
    name="eia-930",
    words="EIA-930, a series of a balancing authority",
    address="https://api.eia.gov",
    fetch=fetch,
    needs_credential=True,
    credential="the API key",
    place_words="balancing authority, such as ERCO",
    needs_place=True,
    options={"type": "series: D demand (default), NG net generation, TI interchange"},
    longest_h=24 * 30,
    check=_check,
)
