"""Addresses of pages: what a link says, parsed from hostile text and built again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from core.errors import InvalidInput, NotFound
from core.shares import HoursOfDay
from core.wording import listed

FLEET = "/"
FORECAST = "/forecast"
WHAT_IF = "/what-if"
TRADE_OFFS = "/trade-offs"
PLAN = "/plan"
ALARMS = "/alarms"
AUDIT = "/audit"
AUDIT_EVENTS = "/audit/events"
AUDIT_EVENT = "/audit/event/"
AUDIT_COMPARE = "/audit/compare"
DECISIONS = "/decisions/"
REGION = "/regions/"
ADMIN_REGIONS = "/admin/regions"
ADMIN_TELEMETRY = "/admin/telemetry"
ADMIN_FEEDS = "/admin/feeds"
ADMIN_DELIVERIES = "/admin/deliveries"
ADMIN_MODELS = "/admin/models"
MODELS = "/admin/models/"
FORECAST_QUALITY = "/quality"
ADMIN_USERS = "/admin/users"
ADMIN_HEALTH = "/admin/health"
ADMIN_JOBS = "/admin/jobs"
WORDS = "/words"

_LONGEST_VALUE = 64
_EARLIEST_YEAR, _LATEST_YEAR = 1900, 2200
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The query string of a page's address."""

    values: dict[str, str]

    @classmethod
    def parse(cls, search: object) -> Query:
        """Read `?name=value&…`; the last of a repeated name counts."""
        if not isinstance(search, str):
            return cls(values={})
        try:
            pairs = parse_qs(search.removeprefix("?"), max_num_fields=20)
        except ValueError as exc:
            message = "The address has too many parameters."
            raise InvalidInput(message) from exc
        return cls(values={name: found[-1].strip() for name, found in pairs.items()})

    def text(self, name: str) -> str | None:
        """A short text, or None when it is absent."""
        value = self.values.get(name) or None
        if value is not None and len(value) > _LONGEST_VALUE:
            message = f"{name} in the address is too long."
            raise InvalidInput(message)
        # PostgreSQL holds no NUL, and nothing that is meant holds other controls.
        if value is not None and not value.isprintable():
            message = f"{name} in the address holds characters that cannot be shown."
            raise InvalidInput(message)
        return value

    def day(self, name: str) -> date | None:
        """A calendar day written YYYY-MM-DD, or None when it is absent."""
        return parse_day(self.text(name))

    def instant(self, name: str) -> datetime | None:
        """An instant written 2023-08-14T06:00Z, or None when it is absent."""
        return parse_instant(self.text(name))

    def shift_pct(self, name: str) -> float:
        """A shift in percent, 0 when it is absent."""
        value = self.text(name)
        return 0.0 if value is None else parse_shift_pct(value)

    def hours_of_day(self, name: str) -> HoursOfDay | None:
        """Hours of the day written 12-18, or None when it is absent."""
        return parse_hours_of_day(self.text(name))

    def one_of(
        self, name: str, known: Iterable[str], what: str | None = None
    ) -> str | None:
        """One of some words, or None when it is absent."""
        return require_one_of(self.text(name), known, what or name)

    def given(self, names: Iterable[str]) -> dict[str, str | None]:
        """Values as they stand, to be kept in the addresses of other pages."""
        return {name: self.values.get(name) or None for name in names}

    def words(self, name: str) -> str | None:
        """A longer text, such as a search; whoever uses it says how long it may be."""
        return self.values.get(name) or None

    def day_start_utc(self, name: str, *, days_later: int = 0) -> datetime | None:
        """Midnight, UTC, of a day, or of one some days later; None when absent."""
        day = self.day(name)
        if day is None:
            return None
        return datetime.combine(day + timedelta(days=days_later), time(), UTC)

    def identifier(self, name: str) -> int | None:
        """A positive whole number, or None when it is absent."""
        value = self.text(name)
        return None if value is None else _positive(value, name)


def require_one_of(value: str | None, known: Iterable[str], what: str) -> str | None:
    """A word that must be a known one, if there is any."""
    names = [str(name) for name in known]
    if value is not None and value not in names:
        message = f"There is no {what} {value!r}. Known: {listed(names)}."
        raise InvalidInput(message)
    return value


def parse_day(value: object) -> date | None:
    """A calendar day written YYYY-MM-DD; None stays None."""
    if value is None:
        return None
    try:
        day = date.fromisoformat(str(value))
    except ValueError as exc:
        message = f"The day {str(value)[:20]!r} is not a date; write it as 2023-08-14."
        raise InvalidInput(message) from exc
    _require_near(day)
    return day


def parse_instant(value: object) -> datetime | None:
    """An instant written 2023-08-14T06:00Z, in UTC; None stays None."""
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        message = (
            f"The instant {str(value)[:30]!r} is not a time in UTC; write it as"
            " 2023-08-14T06:00Z."
        )
        raise InvalidInput(message)
    _require_near(instant.date())
    return instant.astimezone(UTC)


def instant_text(instant: datetime) -> str:
    """An instant as addresses write it."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def _require_near(day: date) -> None:
    """Days next to the ends of the calendar have no windows around them."""
    if not _EARLIEST_YEAR <= day.year <= _LATEST_YEAR:
        message = f"The year {day.year} is not from {_EARLIEST_YEAR} to {_LATEST_YEAR}."
        raise InvalidInput(message)


def parse_shift_pct(value: object) -> float:
    """A shift from 0 to 100 %, rounded to the slider's steps of 0.1 %."""
    try:
        shift_pct = round(float(str(value)), 1)
    except ValueError:
        shift_pct = math.nan
    if not 0.0 <= shift_pct <= 100.0:
        message = f"The shift {str(value)[:20]!r} is not a number from 0 to 100."
        raise InvalidInput(message)
    return shift_pct


def parse_hours_of_day(value: object) -> HoursOfDay | None:
    """Hours of the day written 12-18; None stays None."""
    return None if value is None else HoursOfDay.parse(str(value)[:20])


def parse_request_id(value: object) -> UUID:
    """The identifier that the browser gave to a request."""
    try:
        return UUID(str(value))
    except ValueError as exc:
        message = "The request carries no identifier; reload the page and try again."
        raise InvalidInput(message) from exc


def parse_record(posted: object) -> Mapping[str, object]:
    """What the browser posted, as named values."""
    if not isinstance(posted, Mapping):
        message = "The request is empty; reload the page and try again."
        raise InvalidInput(message)
    return posted


def parse_judged_id(posted: object) -> int:
    """The decision that holds the verdict on a shift, before that is recorded."""
    value = posted.get("decision_id") if isinstance(posted, Mapping) else None
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or not 0 < value <= _LARGEST_ID
    ):
        message = "Have a shift judged first; only a stored verdict can be recorded."
        raise InvalidInput(message)
    return value


def parse_comment(value: object) -> str:
    """A comment that must be there."""
    comment = value.strip() if isinstance(value, str) else ""
    if not comment:
        message = "Write a comment: whoever reads this later needs the reason."
        raise InvalidInput(message)
    return comment


def parse_slug(value: object, what: str) -> str:
    """A region's slug that must be there."""
    if not isinstance(value, str) or not value or len(value) > _LONGEST_VALUE:
        message = f"Choose the {what} region."
        raise InvalidInput(message)
    return value


def parse_ids(given: object, what: str) -> list[int]:
    """Numbers that a page names, such as chosen rows; not trusted.

    Raises
    ------
    InvalidInput
        When there is none, or something else is among them.
    """
    items = [str(item) for item in given] if isinstance(given, list) else []
    if not items or not all(map(_is_id, items)):
        message = f"Choose {what}."
        raise InvalidInput(message)
    return [int(item) for item in items]


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text[:30]) <= _LARGEST_ID


def decision_id_of(pathname: object) -> int:
    """The decision that `/decisions/<id>` names."""
    return _numbered(pathname, DECISIONS, "decision")


def event_seq_of(pathname: object) -> int:
    """The event that `/audit/event/<seq>` names."""
    return _numbered(pathname, AUDIT_EVENT, "audit event")


def _numbered(pathname: object, prefix: str, what: str) -> int:
    text = str(pathname or "").removeprefix(prefix).strip("/")
    if not _is_id(text):
        message = f"There is no such {what}: its address ends with its number."
        raise NotFound(message)
    return int(text)


def version_id_of(pathname: object) -> int:
    """The model version that `/admin/models/<id>` names."""
    text = str(pathname or "").removeprefix(MODELS).strip("/")
    if not (text.isascii() and text.isdigit() and 0 < int(text[:12]) < 2**31):
        message = "There is no such model: its address ends with its number."
        raise NotFound(message)
    return int(text)


def region_href(region_slug: str) -> str:
    """Everything about one region."""
    return f"{REGION}{region_slug}"


def region_slug_of(pathname: object) -> str:
    """The region that `/regions/<slug>` names."""
    slug = str(pathname or "").removeprefix(REGION).strip("/")
    if not slug or len(slug) > _LONGEST_VALUE or not slug.isprintable():
        message = "There is no such region: its address ends with its name."
        raise NotFound(message)
    return slug


def model_href(version_id: int, region_slug: str | None = None) -> str:
    """The page of a model version."""
    return _href(f"{MODELS}{version_id}", region=region_slug)


def forecast_href(region_slug: str, *, issued_at_utc: datetime | None = None) -> str:
    """The Forecast page of a region and an issue."""
    return _href(FORECAST, region=region_slug, issued=_issued(None, issued_at_utc))


def what_if_href(
    source_slug: str,
    target_slug: str | None = None,
    local_day: date | None = None,
    shift_pct: float | None = None,
    issued_at_utc: datetime | None = None,
    hours_of_day: str | None = None,
) -> str:
    """The What-if page of a source, a target, a window, and a shift in its hours."""
    return _href(
        WHAT_IF,
        source=source_slug,
        target=target_slug,
        day=local_day,
        shift=None if shift_pct is None else f"{shift_pct:g}",
        hours=hours_of_day,
        issued=_issued(local_day, issued_at_utc),
    )


def _issued(local_day: date | None, issued_at_utc: datetime | None) -> str | None:
    """A day says by itself which window it is."""
    if local_day is not None or issued_at_utc is None:
        return None
    return instant_text(issued_at_utc)


def decision_href(decision_id: int) -> str:
    """The permalink of a decision."""
    return f"{DECISIONS}{decision_id}"


def event_href(seq: int) -> str:
    """The permalink of an audit event."""
    return f"{AUDIT_EVENT}{seq}"


def alarm_href(alarm_id: int) -> str:
    """One alarm, whatever its state, on the page of alarms."""
    return _href(ALARMS, state="all", alarm=str(alarm_id))


def with_query(path: str, values: dict[str, str | None]) -> str:
    """A path with those values that are there."""
    return _href(path, **values)


def _href(path: str, **values: str | date | None) -> str:
    query = urlencode({name: str(value) for name, value in values.items() if value})
    return f"{path}?{query}" if query else path


def _positive(value: str, name: str) -> int:
    if not (value.isascii() and value.isdigit() and 0 < int(value) <= _LARGEST_ID):
        message = f"{name} in the address is not a positive whole number."
        raise InvalidInput(message)
    return int(value)
