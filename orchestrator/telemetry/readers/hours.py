"""Timestamps of telemetry files: an ISO 8601 text to a full UTC hour, or a reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from core.errors import InvalidInput
from core.regions import require_time_zone
from orchestrator.telemetry.readers.rows import Reason, RowRefused

EARLIEST_UTC = datetime(2000, 1, 1, tzinfo=UTC)
"""Every month with data gets a partition; a mistyped century must not make hundreds."""

_STAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([0-9]{2}):[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_FIXED_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")


def parse_zone(name: str) -> tzinfo:
    """An IANA zone or a fixed offset like `-05:00`.

    Raises
    ------
    InvalidInput
        When it is neither.
    """
    if name in {"UTC", "Z"}:
        return UTC
    match = _FIXED_OFFSET.fullmatch(name)
    if not match:
        return require_time_zone(name)
    sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    if int(minutes) > 59 or offset > timedelta(hours=14):
        message = f"Offset {name!r} is not between -14:00 and +14:00."
        raise InvalidInput(message)
    return timezone(-offset if sign == "-" else offset)


@dataclass(frozen=True, slots=True)
class HourReader:
    """Reads timestamps; those without an offset are times in `zone`.

    Attributes
    ----------
    zone : tzinfo | None
        None refuses timestamps without an offset.
    now_utc : datetime
        Hours that begin later are refused.
    """

    zone: tzinfo | None
    now_utc: datetime

    def read(self, text: str) -> datetime:
        """The full UTC hour that `text` names.

        Raises
        ------
        RowRefused
            When it names none, or one that cannot be taken.
        """
        instant = _parse(text)
        if instant.tzinfo is None:
            instant = self._localise(instant, text)
        return self.check(instant, text)

    def check(self, instant: datetime, text: object) -> datetime:
        """`instant` in UTC if it is a full hour, not too early and not to come."""
        try:
            hour_utc = instant.astimezone(UTC)
        except OverflowError as exc:
            raise _unreadable(str(text)) from exc
        if hour_utc.minute or hour_utc.second or hour_utc.microsecond:
            message = f"{text} is not a full UTC hour ({hour_utc:%H:%M:%S} UTC)."
            raise RowRefused(Reason.NOT_FULL_HOUR, message)
        if hour_utc > self.now_utc:
            message = f"{text} lies in the future."
            raise RowRefused(Reason.FUTURE_HOUR, message)
        if hour_utc < EARLIEST_UTC:
            message = f"{text} is before {EARLIEST_UTC:%Y-%m-%d}."
            raise RowRefused(Reason.TOO_EARLY, message)
        return hour_utc

    def _localise(self, naive: datetime, text: str) -> datetime:
        if self.zone is None:
            message = (
                f"{text} has no time zone; give --timezone with an IANA name or an"
                " offset like -05:00."
            )
            raise RowRefused(Reason.NAIVE_TIMESTAMP, message)
        local = naive.replace(tzinfo=self.zone)
        if isinstance(self.zone, ZoneInfo):
            _require_unique(local, text)
        return local


def _parse(text: str) -> datetime:
    match = _STAMP.fullmatch(text)
    if match is None:
        raise _unreadable(text)
    if match.group(1) == "24":
        message = (
            f"{text} has hour 24, which some read as the end of the day and some as"
            " its start; write 00:00 of the day that is meant."
        )
        raise RowRefused(Reason.HOUR_24, message)
    try:
        return datetime.fromisoformat(text)
    except ValueError as exc:
        raise _unreadable(text) from exc


def _require_unique(local: datetime, text: str) -> None:
    """Refuse local times that daylight saving repeats or leaves out.

    `fold` picks the offset before or after a change: at a repeated hour the earlier
    offset is the larger one, at a skipped hour the smaller.
    """
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    if before is None or after is None or before == after:
        return
    if before > after:
        message = f"{text} happens twice in {local.tzinfo}; write it with its offset."
        raise RowRefused(Reason.AMBIGUOUS_HOUR, message)
    message = f"{text} does not exist in {local.tzinfo}: the clock skips it."
    raise RowRefused(Reason.NONEXISTENT_HOUR, message)


def _unreadable(text: str) -> RowRefused:
    shown = text[:60]
    message = f"{shown!r} is no timestamp like 2023-08-01T14:00:00Z."
    return RowRefused(Reason.BAD_TIMESTAMP, message)
