"""Open-Meteo: hours that were, as telemetry; and runs of weather models, as issued."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.days import full_hour
from core.errors import InvalidInput
from core.telemetry import HOUR, Quantity
from db.feeds import FeedFacts
from orchestrator.feeds.kinds.kind import (
    Ask,
    FeedKind,
    SourceAnswer,
    answer_with_runs,
    whole_number,
)
from orchestrator.feeds.web_client import FeedFailed
from orchestrator.telemetry.readers.forecast_answers import PublishedFile
from orchestrator.telemetry.readers.formats import format_named
from orchestrator.telemetry.readers.shapes.open_meteo import VARIABLES

_SOURCE = "open-meteo"
_RUN_DAYS = 3
_NAMES = {quantity: name for name, quantity in reversed(VARIABLES.items())}
"""What the API calls each quantity now; it knows older names as well."""


def fetch_hours(ask: Ask) -> Sequence[SourceAnswer]:
    """The hours asked for; of an archive its whole days, of which the rest is null."""
    assert ask.region is not None  # noqa: S101 -- asked by region
    params = _place(ask) | {"hourly": ",".join(_variables(ask))}
    last_utc = ask.end_utc - HOUR
    if "archive" in ask.facts.address:
        params |= {
            "start_date": f"{ask.start_utc:%Y-%m-%d}",
            "end_date": f"{last_utc:%Y-%m-%d}",
        }
    else:
        params |= {
            "start_hour": f"{ask.start_utc:%Y-%m-%dT%H:%M}",
            "end_hour": f"{last_utc:%Y-%m-%dT%H:%M}",
        }
    content = ask.get(params=params)
    if content is None:
        return []
    return [
        SourceAnswer(
            content=content,
            label=ask.slug,
            telemetry_format=format_named("open-meteo"),
            region_slug=ask.slug,
        )
    ]


def fetch_runs(ask: Ask) -> Sequence[SourceAnswer]:
    """The newest answer, or each run that was not kept yet.

    With the option `run_every_h` the source is asked for runs by name, one after the
    other; a run that it does not have yet is asked for again next time. Without it the
    answer names no run and counts as issued when it was fetched.
    """
    region = ask.region
    assert region is not None  # noqa: S101 -- asked by region
    params = _place(ask) | {
        "hourly": ",".join(_variables(ask) + _previous(ask)),
        "forecast_days": str(_RUN_DAYS),
    }
    every_h = whole_number(ask.facts, "run_every_h", 1, 24)
    issues: list[datetime | None] = [None]
    if every_h is not None:
        issues = list(_due_runs(ask, every_h))
    answers: list[SourceAnswer] = []
    for issued_at_utc in issues:
        named = {}
        if issued_at_utc is not None:
            named = {"run": f"{issued_at_utc:%Y-%m-%dT%H:%M}"}
        try:
            content = ask.get(params=params | named)
        except FeedFailed:
            if not answers:
                raise
            break  # what came before is kept; this run is asked for again
        if content is None:
            continue
        published = PublishedFile(
            content=content,
            region_slug=region.slug,
            region_deg=(region.latitude_deg, region.longitude_deg),
            model=ask.option("model", "best_match"),
            issued_at_utc=issued_at_utc or full_hour(ask.now),
            known_at_utc=ask.now,
        )
        answers.append(answer_with_runs(ask, published, _SOURCE))
    return answers


def _due_runs(ask: Ask, every_h: int) -> list[datetime]:
    """Runs that were issued in the span and had time to be published, oldest first."""
    delay_h = whole_number(ask.facts, "run_delay_h", 0, 24)
    ready_utc = ask.now - (delay_h if delay_h is not None else 5) * HOUR
    first = ask.start_utc.replace(hour=0)
    count = 1 + (ask.end_utc - first) // timedelta(hours=every_h)
    steps = (first + index * every_h * HOUR for index in range(count))
    return [step for step in steps if ask.start_utc < step <= ready_utc]


def _place(ask: Ask) -> dict[str, str]:
    assert ask.region is not None  # noqa: S101 -- asked by region
    given = {
        "latitude": f"{ask.region.latitude_deg:.4f}",
        "longitude": f"{ask.region.longitude_deg:.4f}",
        "timezone": "GMT",
    }
    if ask.option("model"):
        given["models"] = ask.option("model")
    if ask.secret is not None:
        given["apikey"] = ask.secret
    return given


def _variables(ask: Ask) -> list[str]:
    return [_NAMES[quantity] for quantity in ask.quantities]


def _previous(ask: Ask) -> list[str]:
    """Variables of earlier runs, which an archive of previous runs holds."""
    days = whole_number(ask.facts, "previous_days", 1, 7) or 0
    return [
        f"{name}_previous_day{day}"
        for name in _variables(ask)
        for day in range(1, days + 1)
    ]


def _check(facts: FeedFacts) -> None:
    whole_number(facts, "run_every_h", 1, 24)
    whole_number(facts, "run_delay_h", 0, 24)
    whole_number(facts, "previous_days", 1, 7)
    if "," in facts.options.get("model", ""):
        message = "Make one feed for each model."
        raise InvalidInput(message)


_QUANTITIES = frozenset(_NAMES)
_KEY_WORDS = "the key of a paid plan"
_MODEL = {"model": "a model of Open-Meteo, such as gfs_seamless or icon_seamless"}

HISTORY = FeedKind(
    name="open-meteo",
    words="Open-Meteo, weather that was",
    address="https://api.open-meteo.com/v1/forecast",
    fetch=fetch_hours,
    quantities=_QUANTITIES,
    credential=_KEY_WORDS,
    options=_MODEL,
    longest_h=24 * 14,
    check=_check,
)
RUNS = FeedKind(
    name="open-meteo-runs",
    words="Open-Meteo, runs of weather models as issued",
    address="https://single-runs-api.open-meteo.com/v1/forecast",
    fetch=fetch_runs,
    quantities=_QUANTITIES - {Quantity.TEMPERATURE_MAX_C},
    credential=_KEY_WORDS,
    options={
        **_MODEL,
        "run_every_h": "hours between runs of a source that is asked by run",
        "run_delay_h": "hours until such a run is published; 5 by default",
        "previous_days": "earlier runs of an archive, up to so many days; unproved",
    },
    longest_h=48,
    makes_runs=True,
    check=_check,
)
