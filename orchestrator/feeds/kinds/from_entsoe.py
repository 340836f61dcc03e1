"""ENTSO-E transparency platform: day-ahead prices of a bidding zone, from its XML."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

from core.days import full_hour
from core.telemetry import Quantity
from orchestrator.feeds.kinds.kind import (
    Ask,
    FeedKind,
    SourceAnswer,
    published_answer,
    reading_options,
)
from orchestrator.feeds.web_client import FeedFailed
from orchestrator.telemetry.readers.formats import format_named

_STEPS = {"PT15M": 15, "PT30M": 30, "PT60M": 60, "PT1H": 60}
_LONGEST_PERIOD = timedelta(days=366)
"""Of a document; a longer one would keep the worker from other work."""

_AHEAD = timedelta(hours=48)
"""The auction of a day is known from noon of the day before."""

_NOTHING = "999"
"""The code of an answer without data."""


def fetch(ask: Ask) -> Sequence[SourceAnswer]:
    """The market time units asked for, as the table that the site exports."""
    found = _prices(ask, ask.start_utc, ask.end_utc)
    if found is None:
        return []
    content, file = found
    return [
        SourceAnswer(
            content=content,
            label=f"{ask.slug}, zone {ask.place}",
            telemetry_format=format_named("entsoe"),
            region_slug=ask.slug,
            file=file,
            options=reading_options(ask.facts.options),
        )
    ]


def fetch_day_ahead(ask: Ask) -> Sequence[SourceAnswer]:
    """The prices of the coming hours that the market has set by now."""
    start_utc = full_hour(ask.now)
    found = _prices(ask, start_utc, start_utc + _AHEAD)
    if found is None:
        return []
    content, file = found
    answer = published_answer(ask, file, "entsoe")
    return [replace(answer, content=content)]


def _prices(
    ask: Ask, start_utc: datetime, end_utc: datetime
) -> tuple[bytes, bytes] | None:
    """The answer and its table; None without a new answer or a price."""
    params = {
        "securityToken": ask.required_secret(),
        "documentType": "A44",
        "in_Domain": ask.place,
        "out_Domain": ask.place,
        "periodStart": f"{start_utc:%Y%m%d%H%M}",
        "periodEnd": f"{end_utc:%Y%m%d%H%M}",
    }
    content = ask.get(params=params, media="xml")
    if content is None:
        return None
    file = price_table(content, ask.place, start_utc, end_utc)
    return None if file is None else (content, file)


def price_table(
    content: bytes, zone: str, start_utc: datetime, end_utc: datetime
) -> bytes | None:
    """The prices of a document as CSV; None when it says that there are none.

    Whole days come whatever was asked for; units outside [start, end) are left out. A
    unit without a point of its own has the price of the one before it.

    Raises
    ------
    FeedFailed
        When it is no such document.
    """
    root = _parsed(content)
    if _plain(root.tag) == "Acknowledgement_MarketDocument":
        codes = {_text(reason, "code") for reason in _all(root, "Reason")}
        if codes == {_NOTHING}:
            return None
        texts = [_text(reason, "text") for reason in _all(root, "Reason")]
        message = f"ENTSO-E answered: {'; '.join(texts)[:200]}."
        raise FeedFailed(message)
    series = [one for one in _all(root, "TimeSeries") if _is_first_sequence(one)]
    units = {
        (_text(one, "currency_Unit.name"), _text(one, "price_Measure_Unit.name"))
        for one in series
    }
    if len(units) != 1:
        message = "The document of ENTSO-E holds no prices in one currency."
        raise FeedFailed(message)
    ((currency, per),) = units
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["MTU (UTC)", "Area", f"Day-ahead Price ({currency}/{_per(per)})"])
    count = 0
    for one in series:
        for begin, end, price in _points(one):
            if start_utc <= begin and end <= end_utc:
                writer.writerow([f"{_stamp(begin)} - {_stamp(end)}", zone, price])
                count += 1
    return text.getvalue().encode() if count else None


def _points(series: ET.Element) -> Iterator[tuple[datetime, datetime, str]]:
    for period in _all(series, "Period"):
        step = _STEPS.get(_text(period, "resolution"))
        interval = next(iter(_all(period, "timeInterval")), None)
        if step is None or interval is None:
            message = "A period of ENTSO-E has no known resolution or interval."
            raise FeedFailed(message)
        start, end = (_instant(_text(interval, name)) for name in ("start", "end"))
        if end - start > _LONGEST_PERIOD:
            message = f"A period of ENTSO-E is longer than {_LONGEST_PERIOD.days} days."
            raise FeedFailed(message)
        width = timedelta(minutes=step)
        prices: dict[int, str] = {}
        for point in _all(period, "Point"):
            position = _text(point, "position")
            if position.isascii() and position.isdigit():
                prices[int(position[:6])] = _text(point, "price.amount")
        price = ""
        for index in range((end - start) // width):
            price = prices.get(index + 1, price)
            begin = start + index * width
            yield begin, begin + width, price


def _parsed(content: bytes) -> ET.Element:
    # Entities, the way to make much of little, need a document type.
    if b"<!" in content.replace(b"<!--", b""):
        message = "The answer of ENTSO-E holds a document type, which none of its has."
        raise FeedFailed(message)
    try:
        root: ET.Element = ET.fromstring(content)  # noqa: S314 -- has no document type, see above
    except ET.ParseError as exc:
        message = "The answer of ENTSO-E is no XML; it may be cut."
        raise FeedFailed(message) from exc
    return root


def _is_first_sequence(series: ET.Element) -> bool:
    name = "classificationSequence_AttributeInstanceComponent.position"
    return _text(series, name) in {"", "1"}


def _all(parent: ET.Element, name: str) -> list[ET.Element]:
    return [child for child in parent if _plain(child.tag) == name]


def _text(parent: ET.Element, name: str) -> str:
    found = next(iter(_all(parent, name)), None)
    return "" if found is None or found.text is None else found.text.strip()


def _plain(tag: str) -> str:
    return tag.rpartition("}")[2]


def _per(unit: str) -> str:
    return {"MWH": "MWh", "KWH": "kWh"}.get(unit.upper(), unit)


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as exc:
        message = "A period of ENTSO-E has a time that is none."
        raise FeedFailed(message) from exc


def _stamp(instant: datetime) -> str:
    return f"{instant:%d/%m/%Y %H:%M}"


KIND = FeedKind(
    name="entsoe",
    words="ENTSO-E, day-ahead prices",
    address="https://web-api.tp.entsoe.eu/api",
    fetch=fetch,
    quantities=frozenset({Quantity.PRICE_USD_MWH}),
    needs_credential=True,
    credential="the security token",
    place_words="EIC code of the bidding zone, such as 10YFR-RTE------C",
    needs_place=True,
    options={"rate.": "rate.EUR=USD for one euro"},
    longest_h=24 * 30,
)
DAY_AHEAD = replace(
    KIND,
    name="entsoe-day-ahead",
    words="ENTSO-E, prices of the coming hours",
    fetch=fetch_day_ahead,
    makes_runs=True,
)
