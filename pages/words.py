"""What values are called: verdicts, risks, probabilities, days and ages in words."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

from core.conformity import SCORE_WINDOW
from core.decision_states import DecisionState
from core.event_words import quantity_words
from core.risk import RiskLevel
from core.scheduler import Outcome, ReasonCode
from core.shares import HoursOfDay, hours_in_words
from core.telemetry import Quantity
from orchestrator.regions.views import RegionChoice
from orchestrator.windows.views import VerdictView
from pages.theme import (
    MINUS,
    MISSING,
    THIN_SPACE,
    celsius,
    number,
    short_number,
    utc_offset,
)

RISK_STEPS: dict[RiskLevel, int] = {
    RiskLevel.UNKNOWN: 0,
    RiskLevel.LOW: 1,
    RiskLevel.MODERATE: 2,
    RiskLevel.HIGH: 3,
    RiskLevel.CRITICAL: 4,
}

STATE_WORDS = {
    DecisionState.RECORDED: "recorded",
    DecisionState.ACKNOWLEDGED: "acknowledged",
    DecisionState.IN_EFFECT: "in effect",
    DecisionState.REFUSED: "refused",
    DecisionState.EXPIRED: "expired",
    DecisionState.SUPERSEDED: "superseded",
}

KIND_WORDS = {
    "automatic": "Automatic",
    "what_if": "What-if",
    "recorded": "Recorded",
}

_PLAIN_REASONS = {
    ReasonCode.WITHIN_ENVELOPE: "Within the limit",
    ReasonCode.SHIFT_REDUCES_BUT_OVER: "Still over the limit",
    ReasonCode.NOT_RESOLVABLE: "No shift clears it",
    ReasonCode.SHIFT_EXCEEDS_FLEXIBLE: "More than may move",
}

_FLOOR_BELOW_FRAC = 1.5 / (SCORE_WINDOW + 1)
"""Between the chances that one and two of the most scores give."""

_HYPHEN_AS_MINUS = re.compile(r"(?<![\w.-])-(?=\d)")
_INSTANT = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d\b")
_QUANTITY = re.compile(r"\b(" + "|".join(q.value for q in Quantity) + r")\b")
_PERCENTAGE = re.compile(r"\d+(?:\.\d+)?(?= %)")
_LONG_PERCENTAGE = re.compile(r"\d+\.\d{3,}(?= %)")
_SPACE_BEFORE_UNIT = re.compile(r"(?<=\d) (?=%|°C|MW|h\b)")


def code_words(code: str) -> str:
    """A code as a person reads it."""
    return code.replace("_", " ").capitalize()


REASON_WORDS = {
    code: _PLAIN_REASONS.get(code) or code_words(code.value) for code in ReasonCode
}
"""Why a verdict is what it is, in a cell of a table."""


def verdict_shape(outcome: Outcome, *, data_problem: bool) -> str:
    """The shape that goes with a verdict, so that colour never speaks alone."""
    if outcome is Outcome.APPROVED:
        return "✓"
    return "▲" if data_problem else "■"


def risk_steps(level: RiskLevel) -> str:
    """One to four filled steps of four; none while the risk is not known."""
    filled = RISK_STEPS[level]
    return "●" * filled + "○" * (4 - filled)


def verdict_word(verdict: VerdictView) -> str:
    """The verdict, and when it is one for want of data, that too."""
    if verdict.data_problem:
        return f"{verdict.outcome.value}: no data"
    return verdict.outcome.value


def typeset(text: str) -> str:
    """A stored sentence as a page says it: `typographic`, and in words.

    Stored sentences name instants and quantities as files do.

    Examples
    --------
    >>> typeset("The newest temperature_c is of 2026-11-30 07:00 UTC.")
    'The newest temperature is of 30 Nov 2026, 07:00 UTC.'
    """
    text = _INSTANT.sub(_instant_words, text)
    return typographic(_QUANTITY.sub(lambda found: quantity_words(found[0]), text))


def typographic(text: str) -> str:
    """A text with thin spaces before its units and true minus signs.

    Percentages get two decimals at most, unless two that differ would become the same.

    Examples
    --------
    >>> typographic("Shifting 2.926648764 % clears it.").replace(THIN_SPACE, " ")
    'Shifting 2.93 % clears it.'
    >>> typographic("Only 28.9999 % can; 29.0001 % was asked.").replace(THIN_SPACE, " ")
    'Only 28.9999 % can; 29.0001 % was asked.'
    """
    short = _LONG_PERCENTAGE.sub(lambda found: f"{float(found[0]):.2f}", text)
    kept = short if _n_percentages(short) == _n_percentages(text) else text
    return _HYPHEN_AS_MINUS.sub(MINUS, _SPACE_BEFORE_UNIT.sub(THIN_SPACE, kept))


def _instant_words(found: re.Match[str]) -> str:
    try:
        instant = datetime.strptime(found[0], "%Y-%m-%d %H:%M")  # noqa: DTZ007 -- a text
    except ValueError:
        return found[0]
    return f"{instant:%-d %b %Y, %H:%M}"


def _n_percentages(text: str) -> int:
    """How many different ones there are."""
    return len({float(found) for found in _PERCENTAGE.findall(text)})


def percent(value_pct: float | None, digits: int = 0) -> str:
    """A percentage with its thin space."""
    text = number(value_pct, digits)
    return text if text == MISSING else f"{text}{THIN_SPACE}%"


def share(value_pct: float | None) -> str:
    """A percentage with no more digits than it needs, such as a shift."""
    if value_pct is None or not math.isfinite(value_pct):
        return MISSING
    return f"{short_number(value_pct)}{THIN_SPACE}%"


def shift_words(shift_pct: float, hours_of_day: str | None) -> str:
    """A shift, with the hours of the source's day that it is for, if not all."""
    shown = share(round(shift_pct, 1))
    if hours_of_day is None:
        return shown
    return f"{shown}, {hours_in_words(HoursOfDay.parse(hours_of_day))}"


def counted(count: int, noun: str) -> str:
    """A number of things, one of them without the s.

    Examples
    --------
    >>> counted(1, "decision"), counted(1200, "decision")
    ('1 decision', '1,200 decisions')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def allowed(allowed_frac: float) -> str:
    """The allowed probability of exceeding the limit."""
    return share(round(allowed_frac * 100, 6))


def probability(chance_frac: float | None, allowed_frac: float) -> str:
    """A chance with just enough digits to be told from the allowed one.

    Examples
    --------
    One that no score exceeds is a floor, 1 / (n + 1) of n scores, and is said as such:
    with as many scores as count, nothing else is below two of them.

    >>> [probability(p, 0.05).replace(THIN_SPACE, " ") for p in (0.071, 0.0519, 0.0027)]
    ['7 %', '5.2 %', '< 0.3 %']
    """
    if chance_frac is None or not math.isfinite(chance_frac):
        return MISSING
    if chance_frac < _FLOOR_BELOW_FRAC and chance_frac < allowed_frac:
        return f"<{THIN_SPACE}{percent(math.ceil(1000 * chance_frac) / 10, 1)}"
    chance_pct, allowed_pct = chance_frac * 100, allowed_frac * 100
    for digits in range(5):
        shown = round(chance_pct, digits)
        looks_allowed = shown <= allowed_pct
        if shown > 0 and looks_allowed == (chance_frac <= allowed_frac):
            return percent(chance_pct, digits)
    return percent(chance_pct, 5)


def bound(bound_c: float | None) -> str:
    """A bound, rounded up: never understated."""
    if bound_c is None or not math.isfinite(bound_c):
        return MISSING
    return celsius(math.ceil(bound_c * 10 - 1e-9) / 10)


def degrees(limit_c: float) -> str:
    """A limit with no more digits than it needs."""
    return f"{short_number(limit_c)}{THIN_SPACE}°C"


def day_name(local_day: date) -> str:
    """A day in full: 14 July 2023."""
    return f"{local_day.day} {local_day:%B %Y}"


def window_name(local_day: date | None, start_utc: datetime, time_zone: str) -> str:
    """The one name of a window: its calendar day, or the 24 hours from its issue."""
    if local_day is not None:
        return day_name(local_day)
    return f"24 hours from {local_time(start_utc, time_zone)}"


def local_time(instant: datetime, time_zone: str) -> str:
    """An instant on a clock in `time_zone`, its offset stated."""
    local = instant.astimezone(ZoneInfo(time_zone))
    offset = "UTC" if time_zone == "UTC" else f"({utc_offset(local)})"
    return f"{local.day} {local:%b %Y, %H:%M} {offset}"


def utc_time(instant: datetime) -> str:
    """An instant in UTC, to the second."""
    return exact_time(instant, "UTC")


def exact_time(instant: datetime, time_zone: str) -> str:
    """An instant to the second on a clock in `time_zone`, its offset stated."""
    local = instant.astimezone(ZoneInfo(time_zone))
    offset = "UTC" if time_zone == "UTC" else f"({utc_offset(local)})"
    return f"{local.day} {local:%b %Y, %H:%M:%S} {offset}"


def age(hours: float | None) -> str:
    """An age in its natural unit.

    Examples
    --------
    >>> [age(h).replace(THIN_SPACE, " ") for h in (0.2, 3.4, 73.0)]
    ['12 min', '3 h', '3 days']
    """
    if hours is None or not math.isfinite(hours):
        return MISSING
    if hours < 1:
        return f"{round(hours * 60)}{THIN_SPACE}min"
    if hours < 48:
        return f"{round(hours)}{THIN_SPACE}h"
    return f"{round(hours / 24)}{THIN_SPACE}days"


def wait_words_s(seconds: float) -> str:
    """How long something still takes, no finer than it is known.

    Examples
    --------
    >>> [wait_words_s(s).replace(THIN_SPACE, " ") for s in (8, 47, 200)]
    ['10 s', '50 s', '3 min']
    """
    if seconds < 55:
        return f"{max(10, round(seconds / 10) * 10)}{THIN_SPACE}s"
    return f"{max(1, round(seconds / 60))}{THIN_SPACE}min"


def route(source: RegionChoice, target: RegionChoice | None) -> str:
    """From where to where load moves."""
    return source.name if target is None else f"{source.name} → {target.name}"
