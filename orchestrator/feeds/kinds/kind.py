"""What a kind of feed is: how its source is asked, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from core.carbon import CarbonSignalKind
from core.errors import InvalidInput
from core.regions import Region
from core.telemetry import Quantity
from db.feeds import FeedFacts
from orchestrator.feeds.web_client import FeedFailed, WebClient
from orchestrator.telemetry.readers.forecast_answers import (
    PublishedFile,
    tidy_forecasts,
)
from orchestrator.telemetry.readers.formats import TelemetryFormat, format_named
from orchestrator.telemetry.readers.options import (
    ReadOptions,
    parse_rates,
    parse_units,
)

EVERY_QUANTITY = frozenset(Quantity)
CARBON = frozenset({Quantity.CARBON_INTENSITY_GCO2_KWH})


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAnswer:
    """An answer of a source, and how it is read.

    Attributes
    ----------
    content : bytes
        As it came; kept by its hash.
    label : str
        Names it to people, after the feed's name.
    telemetry_format : TelemetryFormat | None
        None for runs of a weather model.
    region_slug : str | None
        The region that it is about; None where it names regions itself.
    file : bytes | None
        What the reader is given where it reads another shape than `content`.
    source_name : str
        The source of weather runs.
    """

    content: bytes
    label: str
    telemetry_format: TelemetryFormat | None
    region_slug: str | None = None
    file: bytes | None = None
    options: ReadOptions = field(default_factory=ReadOptions)
    time_zone: str | None = None
    carbon_kind: CarbonSignalKind | None = None
    source_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a run asks of a source: hours of a region, or of all of them.

    Attributes
    ----------
    regions : Mapping of str to str
        What the source calls each region; one of them for kinds that are asked by
        region.
    region : Region | None
        The region, for such kinds.
    start_utc, end_utc : datetime
        Full hours; the end is not after the present.
    known : Mapping
        What the last run learned of this question; `learned` replaces it.
    folder : Path
        Where watched folders lie.
    """

    facts: FeedFacts
    regions: Mapping[str, str]
    region: Region | None
    start_utc: datetime
    end_utc: datetime
    now: datetime
    secret: str | None
    client: WebClient
    known: Mapping[str, Any]
    folder: Path
    learned: dict[str, Any] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """The region that is asked for."""
        (slug,) = self.regions
        return slug

    @property
    def place(self) -> str:
        """What the source calls the region."""
        return self.regions[self.slug]

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What the feed is for."""
        return tuple(Quantity(name) for name in self.facts.quantities)

    def option(self, name: str, default: str = "") -> str:
        """An option of the feed."""
        return self.facts.options.get(name, default)

    def required_secret(self) -> str:
        """The secret; raises FeedFailed without one."""
        if self.secret is None:
            message = "This kind of feed needs a secret."
            raise FeedFailed(message)
        return self.secret

    def get(
        self,
        path: str = "",
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        media: str = "json",
    ) -> bytes | None:
        """The answer to a question; None when it is the one of the last run still."""
        url = self.facts.address.rstrip("/") + path
        question = sha256(
            json.dumps([url, sorted((params or {}).items())]).encode()
        ).hexdigest()
        given = dict(headers or {})
        if self.known.get("question") == question:
            for header, name in (
                ("If-None-Match", "etag"),
                ("If-Modified-Since", "last_modified"),
            ):
                if self.known.get(name):
                    given[header] = self.known[name]
        answer = self.client.get(url, params=params, headers=given, media=media)
        if answer.is_unchanged:
            self.learned.update(self.known)
            return None
        self.learned.update(
            question=question, etag=answer.etag, last_modified=answer.last_modified
        )
        return answer.content


Fetch = Callable[[Ask], Sequence[SourceAnswer]]
"""Asks the source; nothing when it has nothing new.

Raises FeedFailed, or InvalidInput, in words that hold no secret.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedKind:
    """One kind of source.

    Attributes
    ----------
    name : str
        Stored with each feed, so it is never renamed.
    words : str
        What people read.
    address : str
        The usual address, or an example of one.
    quantities : frozenset of Quantity
        What it can give.
    credential : str
        What its secret is; empty where it takes none.
    needs_credential : bool
    place_words : str
        What the source calls a region; empty where it needs no word of its own.
    needs_place : bool
        Whether each region needs such a word.
    options : Mapping of str to str
        Its options, each with what it is for; a name that ends in a point is the begin
        of several.
    is_by_region : bool
        Asked once for each region; else once for all of them.
    longest_h : int
        The most hours that one question may ask for.
    is_web : bool
        Asked over http.
    has_hours : bool
        Asked for hours; else it gives what is new.
    makes_runs : bool
        Gives runs of weather models, not telemetry.
    check : callable
        Judges what is particular to it; raises InvalidInput.
    """

    name: str
    words: str
    address: str
    fetch: Fetch
    quantities: frozenset[Quantity] = EVERY_QUANTITY
    credential: str = ""
    needs_credential: bool = False
    place_words: str = ""
    needs_place: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    is_by_region: bool = True
    longest_h: int = 24 * 7
    is_web: bool = True
    has_hours: bool = True
    makes_runs: bool = False
    check: Callable[[FeedFacts], None] = lambda _: None

    def takes_option(self, name: str) -> bool:
        """Whether it has this option."""
        return any(
            name == known or (known.endswith(".") and name.startswith(known))
            for known in self.options
        )


READING_OPTIONS: Mapping[str, str] = {
    "time_zone": "of times without an offset",
    "carbon": "what carbon intensity means, such as direct average",
    "column.": "column.NAME=QUANTITY says what a column means",
    "unit.": "unit.QUANTITY=UNIT of a column whose name carries none",
    "rate.": "rate.CURRENCY=USD for one of it",
}


def reading_options(options: Mapping[str, str]) -> ReadOptions:
    """What the options of a feed say about reading its answers.

    Raises
    ------
    InvalidInput
        When a unit, a rate or a quantity is none.
    """

    def named(prefix: str) -> dict[str, str]:
        return {
            name.removeprefix(prefix): value
            for name, value in options.items()
            if name.startswith(prefix)
        }

    def pairs(prefix: str) -> list[str]:
        return [f"{name}={value}" for name, value in named(prefix).items()]

    return ReadOptions(
        columns=named("column."),
        units=parse_units(pairs("unit.")),
        rates_usd=parse_rates(pairs("rate.")),
        model=options.get("model"),
    )


def carbon_kind(options: Mapping[str, str]) -> CarbonSignalKind | None:
    """What the options of a feed say that carbon intensity means."""
    text = options.get("carbon")
    return CarbonSignalKind.parse(text) if text else None


def answer_as_described(
    ask: Ask, content: bytes, label: str, telemetry_format: TelemetryFormat
) -> SourceAnswer:
    """An answer that is read as the `READING_OPTIONS` of its feed say."""
    options = ask.facts.options
    return SourceAnswer(
        content=content,
        label=label,
        telemetry_format=telemetry_format,
        # Of one region it need not name it.
        region_slug=ask.slug if len(ask.regions) == 1 else None,
        options=reading_options(options),
        time_zone=options.get("time_zone"),
        carbon_kind=carbon_kind(options),
    )


def answer_with_runs(
    ask: Ask, published: PublishedFile, source_name: str
) -> SourceAnswer:
    """What was published of coming hours, as runs of this source."""
    tidy = tidy_forecasts(published)
    return SourceAnswer(
        content=published.content,
        label=ask.slug,
        telemetry_format=None,
        region_slug=published.region_slug,
        file=tidy.file,
        carbon_kind=tidy.carbon_kind,
        source_name=source_name,
    )


def published_answer(ask: Ask, content: bytes, format_name: str) -> SourceAnswer:
    """Coming hours of an answer of this format, issued in the hour of asking.

    Raises BadFile when it has none.
    """
    options = ask.facts.options
    published = PublishedFile(
        content=content,
        region_slug=ask.slug,
        known_at_utc=ask.now,
        telemetry_format=format_named(format_name),
        options=reading_options(options),
        carbon_kind=carbon_kind(options),
    )
    return answer_with_runs(ask, published, format_name)


def parse_document(content: bytes, who: str) -> object:
    """A JSON document; raises FeedFailed when it is cut or none."""
    try:
        document: object = json.loads(content)
    except (ValueError, RecursionError) as exc:
        message = f"The answer of {who} is no JSON; it may be cut."
        raise FeedFailed(message) from exc
    return document


def has_rows(content: bytes, name: str, who: str) -> bool:
    """Whether the list `name` of a JSON answer has an item; True when there is no list.

    An empty one is an answer: the source has nothing for these hours.
    """
    document = parse_document(content, who)
    rows = document.get(name) if isinstance(document, dict) else None
    return rows != []


def is_whole_number(text: str, low: int, high: int) -> bool:
    """Whether a text is a whole number from `low` to `high`, at most 9 digits long."""
    is_number = text.isascii() and text.isdigit() and len(text) <= 9
    return is_number and low <= int(text) <= high


def whole_number(facts: FeedFacts, name: str, low: int, high: int) -> int | None:
    """An option that is a whole number; raises InvalidInput outside its range."""
    text = facts.options.get(name)
    if text is None:
        return None
    if not is_whole_number(text, low, high):
        message = f"The option {name} is a whole number from {low} to {high}."
        raise InvalidInput(message)
    return int(text)
