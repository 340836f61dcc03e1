"""Calendar of the fleet: local days, issue instants and the 24 h decision window."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from core.errors import OutOfRange
from core.regions import require_time_zone
from core.telemetry import HOUR, require_aware, require_full_utc_hour

WINDOW_H = 24


def issue_at_local_midnight(time_zone: str, local_day: date) -> datetime:
    """First full UTC hour at or after local midnight of `local_day`.

    The day view of a region is issued then. Zones with half-hour offsets get the
    next full hour; a midnight skipped by daylight saving gets the first instant after,
    and of a midnight that comes twice it is the first.

    Raises
    ------
    InvalidInput
        When there is no such time zone.
    OutOfRange
        When the day is in the first or last year that dates can express.

    Examples
    --------
    >>> issue_at_local_midnight("America/Chicago", date(2023, 8, 1)).isoformat()
    '2023-08-01T05:00:00+00:00'
    >>> issue_at_local_midnight("Asia/Kolkata", date(2023, 8, 1)).isoformat()
    '2023-07-31T19:00:00+00:00'
    """
    zone = require_time_zone(time_zone)
    if not date.min.year < local_day.year < date.max.year:
        message = f"{local_day} is at the end of the calendar; choose another day."
        raise OutOfRange(message)
    midnight = datetime.combine(local_day, time(), tzinfo=zone).astimezone(UTC)
    floor = midnight.replace(minute=0, second=0, microsecond=0)
    return floor if floor == midnight else floor + HOUR


def local_issue_hour(time_zone: str, issued_at_utc: datetime) -> int:
    """Hour of the local day, 0 to 23, at which a forecast was issued.

    Raises
    ------
    InvalidInput
        When there is no such time zone, or the instant is not an aware full hour.

    Examples
    --------
    >>> local_issue_hour("America/Chicago", datetime(2023, 8, 1, 5, tzinfo=UTC))
    0
    """
    require_full_utc_hour(issued_at_utc)
    return issued_at_utc.astimezone(require_time_zone(time_zone)).hour


def local_day_of(time_zone: str, instant_utc: datetime) -> date:
    """Calendar day of the region at `instant_utc`, which must be aware."""
    require_aware(instant_utc)
    return instant_utc.astimezone(require_time_zone(time_zone)).date()


def window_end(issued_at_utc: datetime) -> datetime:
    """End of the decision window that begins at `issued_at_utc`: 24 h later, always.

    A day of 25 hours keeps its last hour outside it.
    """
    require_full_utc_hour(issued_at_utc)
    # In UTC: a local instant plus a day would be moved by the wall clock.
    return issued_at_utc.astimezone(UTC) + timedelta(hours=WINDOW_H)


def full_hour(instant: datetime) -> datetime:
    """The last full UTC hour at or before `instant`, which must be aware."""
    require_aware(instant)
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def next_full_hour(instant: datetime) -> datetime:
    """The first full UTC hour at or after `instant`, which must be aware.

    Examples
    --------
    >>> next_full_hour(datetime(2023, 8, 1, 5, 0, 1, tzinfo=UTC)).hour
    6
    """
    floor = full_hour(instant)
    return floor if floor == instant else floor + HOUR
