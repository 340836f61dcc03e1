"""Prometheus: a range query whose one series is a quantity of a region."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from core.errors import InvalidInput
from db.feeds import FeedFacts
from orchestrator.feeds.kinds.kind import (
    Ask,
    FeedKind,
    SourceAnswer,
    parse_document,
    reading_options,
    whole_number,
)
from orchestrator.telemetry.readers.documents import member
from orchestrator.telemetry.readers.formats import format_named


def fetch(ask: Ask) -> Sequence[SourceAnswer]:
    """The samples of the hours asked for, which the reader averages to hours.

    The query names no quantity; its series gets the quantity's name here, so that the
    reader knows it and refuses two of them.
    """
    (quantity,) = ask.quantities
    step_s = whole_number(ask.facts, "step_s", 15, 3600) or 300
    # The sample at an hour's end belongs to the next hour.
    last_utc = ask.end_utc - timedelta(seconds=step_s)
    params = {
        "query": f'label_replace({ask.place}, "__name__", "{quantity}", "", "")',
        "start": f"{ask.start_utc.timestamp():.0f}",
        "end": f"{last_utc.timestamp():.0f}",
        "step": str(step_s),
    }
    headers = {"Authorization": f"Bearer {ask.secret}"} if ask.secret else {}
    content = ask.get("/api/v1/query_range", params=params, headers=headers)
    if content is None:
        return []
    data = member(parse_document(content, "Prometheus"), "data")
    if member(data, "result") == []:
        return []
    return [
        SourceAnswer(
            content=content,
            label=f"{ask.slug}, {quantity}",
            telemetry_format=format_named("prometheus"),
            region_slug=ask.slug,
            options=reading_options(ask.facts.options),
        )
    ]


def _check(facts: FeedFacts) -> None:
    whole_number(facts, "step_s", 15, 3600)
    if len(facts.quantities) != 1:
        message = "A feed of Prometheus gives one quantity; make one for each."
        raise InvalidInput(message)


KIND = FeedKind(
    name="prometheus",
    words="Prometheus, a range query",
    address="https://prometheus.example.org",
    fetch=fetch,
    credential="a bearer token",
    place_words='query, such as sum(it_power_watts{site="a"})',
    needs_place=True,
    options={
        "step_s": "seconds between samples; 300 by default",
        "unit.": "unit.QUANTITY=UNIT of the query's values",
    },
    longest_h=24 * 7,
    check=_check,
)
