"""Timestamps of telemetry files: the texts of common tools, read one way or refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from core.errors import InvalidInput
from core.regions import require_time_zone
from orchestrator.telemetry.readers.numbers import Undecided
from orchestrator.telemetry.readers.options import DateOrder, StampAt
from orchestrator.telemetry.readers.rows import Reason, RowRefused

_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?!24)[0-9]{2}:[0-9]{2}"
    r"(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_FIXED_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")
_NUMBER = re.compile(r"[0-9]{5,19}(?:\.[0-9]{0,15})?(?:[eE]\+?[0-9]{1,2})?")
_EXPONENT = re.compile(r"[0-9](?:\.[0-9]{1,18})?[eE]\+?(?:0?9|1[0-8])")
_DOT_NET = re.compile(r"\\?/Date\((-?[0-9]{9,14})(?:[+-][0-9]{4})?\)\\?/")

_YMD = re.compile(
    r"(?P<y>[0-9]{4})(?P<mark>[-/.])(?P<m>[0-9]{1,2})(?P=mark)"
    r"(?P<d>[0-9]{1,2})"
)
_COMPACT = re.compile(r"(?P<y>(?:19|20)[0-9]{2})(?P<m>[0-9]{2})(?P<d>[0-9]{2})")
_DOTTED = re.compile(r"(?P<d>[0-9]{1,2})\.(?P<m>[0-9]{1,2})\.(?P<y>[0-9]{4}|[0-9]{2})")
_EITHER = re.compile(
    r"(?P<one>[0-9]{1,2})(?P<mark>[/-])(?P<two>[0-9]{1,2})(?P=mark)"
    r"(?P<y>[0-9]{4}|[0-9]{2})"
)
_WEEKDAY = r"(?:[A-Za-z]{3,9}\.?,?\s+)?"
_NAMED_DAY_FIRST = re.compile(
    rf"{_WEEKDAY}(?P<d>[0-9]{{1,2}})[\s-](?P<name>[A-Za-z]{{3,9}})\.?[\s-]"
    r"(?P<y>[0-9]{4})"
)
_NAMED_MONTH_FIRST = re.compile(
    rf"{_WEEKDAY}(?P<name>[A-Za-z]{{3,9}})\.?\s+(?P<d>[0-9]{{1,2}}),?\s+(?P<y>[0-9]{{4}})"
)
_DATES = (_YMD, _DOTTED, _EITHER, _NAMED_DAY_FIRST, _NAMED_MONTH_FIRST, _COMPACT)
_MONTHS = {
    name: number
    for number, name in enumerate(
        [
            "jan",
            "feb",
            "mar",
            "apr",
            "may",
            "jun",
            "jul",
            "aug",
            "sep",
            "oct",
            "nov",
            "dec",
        ],
        start=1,
    )
}

_TIME = re.compile(
    r"(?:[Tt_:]|,?\s+)?(?P<h>[0-9]{1,2})(?P<early>[ABab](?![Mm.]))?"
    r"(?:[:.h]?(?P<min>[0-9]{2})(?:[:.]?(?P<s>[0-9]{2})(?:[.,](?P<part>[0-9]{1,9}))?)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?(?P<late>[ABab](?![A-Za-z]))?\s*(?P<tail>.*)",
    re.DOTALL,
)
_OFFSET = re.compile(
    r"(?:UTC|GMT)?\s*(?P<sign>[+-])(?P<h>[0-9]{2})(?::?(?P<m>[0-9]{2}))?(?:\s*(?:UTC|GMT))?"
)

ABBREVIATIONS: dict[str, float] = {
    "CET": 1,
    "CEST": 2,
    "MEZ": 1,
    "MESZ": 2,
    "WET": 0,
    "WEST": 1,
    "EET": 2,
    "EEST": 3,
    "EST": -5,
    "EDT": -4,
    "CDT": -5,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "AEST": 10,
    "AEDT": 11,
    "ACST": 9.5,
    "ACDT": 10.5,
    "AWST": 8,
    "NZST": 12,
    "NZDT": 13,
    "JST": 9,
    "KST": 9,
    "SGT": 8,
    "HKT": 8,
    "SAST": 2,
    "NST": -3.5,
    "NDT": -2.5,
    "NPT": 5.75,
    "AKST": -9,
    "AKDT": -8,
    "HST": -10,
}
"""Names of offsets that mean one thing, hours. CST, IST, BST and MST do not."""

_PLAIN = str.maketrans({"−": "-", "\u00a0": " ", "\u202f": " "})
_EPOCH_START, _EPOCH_END = (
    datetime(2000, 1, 1, tzinfo=UTC),
    datetime(2100, 1, 1, tzinfo=UTC),
)
_EXCEL_START = datetime(1899, 12, 30, tzinfo=UTC).replace(tzinfo=None)


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


def offset_text(offset: timedelta) -> str:
    """An offset as `parse_zone` reads it.

    Examples
    --------
    >>> offset_text(timedelta(hours=-3, minutes=-30))
    '-03:30'
    """
    minutes = round(abs(offset).total_seconds() / 60)
    sign = "-" if offset < timedelta(0) else "+"
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"


class StampReader:
    """Reads the timestamps of one file, all with the same order of day and month.

    Parameters
    ----------
    zone : tzinfo | None
        Resolves marks like CEST, A and B; other stamps without offset stay as they are.
    order : DateOrder | None
        None finds it: the first date with a number above 12 decides for the file.
    """

    def __init__(
        self, zone: tzinfo | None, order: DateOrder | None, stamp_at: StampAt | None
    ) -> None:
        self.order = order
        self._zone = zone
        self._stamp_at = stamp_at

    def learn(self, text: str) -> None:
        """Look at a stamp for the order of day and month, without judging it."""
        match = _EITHER.match(text.strip())
        if self.order is None and match:
            self.order = _shown_order(int(match["one"]), int(match["two"]))

    def read(self, text: str) -> datetime:
        """The instant that `text` names; without an offset it is a local time.

        Raises
        ------
        RowRefused
            When it names none.
        Undecided
            When day and month could be either, and no date decided yet.
        """
        # The usual form first: its pattern takes longer than reading it.
        is_usual = len(text) == 20 and text[10] == "T" and text[11:13] != "24"
        if (is_usual and text[19] == "Z") or _ISO.fullmatch(text):
            try:
                return datetime.fromisoformat(text)
            except ValueError as exc:
                raise unreadable(text) from exc
        stripped = text.translate(_PLAIN).strip()
        if not stripped.isascii():
            raise unreadable(text)
        instant = self._read_number(stripped)
        return instant if instant is not None else self._read_words(stripped)

    def _read_number(self, text: str) -> datetime | None:
        """An epoch, or a serial of Excel when dates are said to be that."""
        match = _DOT_NET.fullmatch(text)
        if match:
            return _epoch(float(match[1]) / 1e3, text)
        if not (_NUMBER.fullmatch(text) or _EXPONENT.fullmatch(text)):
            return None
        value = float(text)
        if self.order is DateOrder.EXCEL:
            if not 36_526 <= value < 73_051:
                raise unreadable(text)
            seconds = round(value * 86_400)
            return _EXCEL_START + timedelta(seconds=seconds)
        if 36_526 <= value < 73_051:
            message = (
                f"{text[:40]!r} may be a date of Excel; say so with --dates excel."
            )
            raise RowRefused(Reason.BAD_TIMESTAMP, message)
        if _COMPACT.match(text) and len(text) in {8, 12, 14}:
            return None
        for scale in (1.0, 1e3, 1e6, 1e9):
            if 9.4e8 <= value / scale < 4.2e9:
                return _epoch(value / scale, text)
        raise unreadable(text)

    def _read_words(self, text: str) -> datetime:
        for pattern in _DATES:
            match = pattern.match(text)
            if match:
                year, month, day = self._date(match, text)
                return self._with_time(text, year, month, day, text[match.end() :])
        raise unreadable(text)

    def _date(self, match: re.Match[str], text: str) -> tuple[int, int, int]:
        parts = match.groupdict()
        year = int(parts["y"]) + (2000 if len(parts["y"]) == 2 else 0)
        if "name" in parts:
            month = _MONTHS.get(parts["name"][:3].lower())
            if month is None:
                raise unreadable(text)
            return year, month, int(parts["d"])
        if "one" not in parts:
            return year, int(parts["m"]), int(parts["d"])
        one, two = int(parts["one"]), int(parts["two"])
        if self.order is None:
            self.order = _shown_order(one, two)
        if self.order is DateOrder.DAY_FIRST:
            return year, two, one
        if self.order is DateOrder.MONTH_FIRST:
            return year, one, two
        if one == two:
            return year, one, two
        if self.order is DateOrder.EXCEL:
            raise unreadable(text)
        raise Undecided(text, is_date=True)

    def _with_time(
        self, text: str, year: int, month: int, day: int, rest: str
    ) -> datetime:
        if not rest.strip():
            raise DateWithoutTime(text)
        match = _TIME.fullmatch(rest)
        if match is None:
            raise unreadable(text)
        hour, minute = int(match["h"]), int(match["min"] or 0)
        if match["half"]:
            if not 1 <= hour <= 12:
                raise unreadable(text)
            hour = hour % 12 + (12 if match["half"][0] in "Pp" else 0)
        is_end_of_day = hour == 24 and minute == 0 and not int(match["s"] or 0)
        if is_end_of_day and self._stamp_at is not StampAt.END:
            message = (
                f"{text[:60]} has hour 24, which some read as the end of the day and"
                " some as its start; say --stamp end if stamps end their hours, or"
                " write 00:00 of the day that is meant."
            )
            raise RowRefused(Reason.HOUR_24, message)
        micro = int((match["part"] or "0")[:6].ljust(6, "0"))
        try:
            local = datetime(  # noqa: DTZ001 -- a local time; its zone comes next
                year,
                month,
                day,
                0 if is_end_of_day else hour,
                minute,
                int(match["s"] or 0),
                micro,
            )
            if is_end_of_day:
                local += timedelta(days=1)
        except (ValueError, OverflowError) as exc:
            raise unreadable(text) from exc
        mark = (match["early"] or match["late"] or "").upper()
        return self._with_zone(local, mark, match["tail"], text)

    def _with_zone(self, local: datetime, mark: str, tail: str, text: str) -> datetime:
        """`local` at the offset or mark that stands behind it."""
        if "[" in tail:
            # Java adds the name of the zone to the offset.
            tail, _, zone_name = tail.partition("[")
            tail = tail or zone_name.rstrip("]")
        tail = tail.strip().strip("()").strip()
        if mark and not tail:
            return self._marked(local, 0 if mark == "A" else 1, text)
        if mark:
            raise unreadable(text)
        if not tail:
            return local
        if tail.upper() in {"Z", "UTC", "GMT", "ETC/UTC", "UT", "ZULU"}:
            return local.replace(tzinfo=UTC)
        match = _OFFSET.fullmatch(tail)
        if match:
            minutes = int(match["h"]) * 60 + int(match["m"] or 0)
            if minutes > 14 * 60 or int(match["m"] or 0) > 59:
                raise unreadable(text)
            signed = -minutes if match["sign"] == "-" else minutes
            return local.replace(tzinfo=timezone(timedelta(minutes=signed)))
        return self._named_offset(local, tail.upper(), text)

    def _marked(self, local: datetime, fold: int, text: str) -> datetime:
        """The first (A) or the second (B) of the hours that the clock repeats."""
        if not isinstance(self._zone, ZoneInfo):
            message = (
                f"{text[:60]} marks a repeated hour; say in which zone it repeats with"
                " --timezone and an IANA name."
            )
            raise RowRefused(Reason.NAIVE_TIMESTAMP, message)
        return local.replace(tzinfo=self._zone, fold=fold)

    def _named_offset(self, local: datetime, name: str, text: str) -> datetime:
        """`local` at a named offset; the zone given settles what the name means."""
        if isinstance(self._zone, ZoneInfo):
            for fold in (0, 1):
                candidate = local.replace(tzinfo=self._zone, fold=fold)
                if candidate.tzname() == name:
                    return candidate
        if name in ABBREVIATIONS:
            hours = timedelta(hours=ABBREVIATIONS[name])
            return local.replace(tzinfo=timezone(hours))
        if re.fullmatch(r"[A-Z]{2,5}", name):
            message = (
                f"{text[:60]} is at {name}, which means several offsets; say the zone"
                " with --timezone and an IANA name."
            )
            raise RowRefused(Reason.NAIVE_TIMESTAMP, message)
        raise unreadable(text)


class DateWithoutTime(RowRefused):
    """A day without a time of day: a file of these holds daily values."""

    def __init__(self, text: str) -> None:
        message = f"{text[:60]!r} names a day without a time of day."
        super().__init__(Reason.BAD_TIMESTAMP, message)


def unreadable(text: str) -> RowRefused:
    """The refusal of a text that names no time."""
    message = f"{text[:60]!r} is no timestamp like 2023-08-01T14:00:00Z."
    return RowRefused(Reason.BAD_TIMESTAMP, message)


def _shown_order(one: int, two: int) -> DateOrder | None:
    if one > 12 >= two:
        return DateOrder.DAY_FIRST
    if two > 12 >= one:
        return DateOrder.MONTH_FIRST
    return None


def _epoch(seconds: float, text: str) -> datetime:
    try:
        instant = datetime.fromtimestamp(round(seconds, 3), UTC)
    except (OverflowError, ValueError, OSError) as exc:
        raise unreadable(text) from exc
    if not _EPOCH_START <= instant < _EPOCH_END:
        raise unreadable(text)
    return instant
