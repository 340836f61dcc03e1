"""Which conditions hold, by what was read: pure rules with their deadbands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.alarm_kinds import DEFINITIONS, AlarmKind
from core.alarms import ALL, AlarmCondition, AlarmKey
from core.days import WINDOW_H
from core.outcomes import ReasonCode
from core.telemetry import HOUR

LIKELY_FRAC = 0.5
"""From this chance on a breach is expected rather than merely not ruled out."""

NEAR_CAPACITY_FRAC = 0.95

FAILURES_IN_A_ROW = 2
"""Failed runs of a feed from which it fails rather than missed one run."""

_MISSING = {ReasonCode.TELEMETRY_MISSING, ReasonCode.TELEMETRY_GAP}
_BY_REGION = (
    AlarmKind.TELEMETRY_STALE,
    AlarmKind.TELEMETRY_MISSING,
    AlarmKind.TELEMETRY_SUSPECT,
    AlarmKind.MODEL_IMPLAUSIBLE,
    AlarmKind.MODEL_DRIFTING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionReading:
    """What is known of a region now.

    Attributes
    ----------
    max_age_h : float
        Age of telemetry that the policy allows.
    temperature_c, known_until_utc
        Newest measured temperature that is not suspect, and the end of its hour; None
        where none came within the time that is looked back.
    issued_at_utc, reason_code, reason_text, chance
        Of the newest automatic verdict, on the load as it was; `chance` is that of
        exceeding the limit, [0, 1], None where there was no bound.
    temperature_feed : str | None
        The feed that is the source of the temperature.
    is_drifting : bool
        Whether the watch has an alarm of the serving model here.
    above_bound_text : str | None
        The newest reading above its bound; None without one.
    """

    slug: str
    name: str
    limit_c: float
    max_age_h: float
    it_capacity_mw: float
    created_at_utc: datetime
    temperature_c: float | None = None
    known_until_utc: datetime | None = None
    it_load_mw: float | None = None
    issued_at_utc: datetime | None = None
    reason_code: ReasonCode | None = None
    reason_text: str = ""
    chance: float | None = None
    model_version_id: int | None = None
    temperature_feed: str | None = None
    is_drifting: bool = False
    above_bound_text: str | None = None
    above_bound_since_utc: datetime | None = None

    @property
    def cause(self) -> str:
        """What alarms of this region are about."""
        return f"region:{self.slug}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReading:
    """What is known of a feed that is not paused.

    Attributes
    ----------
    failing_since_utc : datetime
        End of its last run that did not fail, or when it was added.
    """

    name: str
    failures_in_a_row: int
    failing_since_utc: datetime
    problem: str | None = None


def region_conditions(
    reading: RegionReading, now: datetime
) -> Iterator[AlarmCondition]:
    """Conditions of a region that hold, or are held, now."""
    makers = (
        _breach_now,
        _breach_predicted,
        _telemetry_stale,
        _of_verdict,
        _drifting,
        _above_bound,
        _capacity,
    )
    for make in makers:
        found = make(reading, now)
        if found is not None:
            yield found


def feed_condition(reading: FeedReading) -> AlarmCondition | None:
    """Whether a feed fails; one failure is held, as a run may miss its source."""
    if not reading.failures_in_a_row:
        return None
    problem = f": {reading.problem}" if reading.problem else "."
    return AlarmCondition(
        kind=AlarmKind.FEED_FAILING,
        cause=f"feed:{reading.name}",
        text=f"Feed {reading.name} failed {reading.failures_in_a_row} times{problem}",
        since_utc=reading.failing_since_utc,
        is_held=reading.failures_in_a_row < FAILURES_IN_A_ROW,
        groups=(ALL,),
    )


def populations_of(
    regions: Collection[RegionReading], feeds: Collection[FeedReading]
) -> dict[tuple[AlarmKind, str], int]:
    """How many regions or feeds each group has, by kind of alarm."""
    causes = Counter(
        cause
        for reading in regions
        for cause in {*_telemetry_groups(reading), *_model_groups(reading)}
    )
    made = {(kind, cause): n for kind in _BY_REGION for cause, n in causes.items()}
    return made | {(AlarmKind.FEED_FAILING, ALL): len(feeds)}


def _breach_now(reading: RegionReading, now: datetime) -> AlarmCondition | None:
    if reading.temperature_c is None or reading.known_until_utc is None:
        return None
    excess_c = reading.temperature_c - reading.limit_c
    is_known = now - reading.known_until_utc <= reading.max_age_h * HOUR
    if is_known and excess_c <= -DEFINITIONS[AlarmKind.BREACH_NOW].deadband:
        return None
    return AlarmCondition(
        kind=AlarmKind.BREACH_NOW,
        cause=reading.cause,
        text=f"{reading.name} was at {reading.temperature_c:.1f} °C in the hour until"
        f" {reading.known_until_utc:%Y-%m-%d %H:%M} UTC; its limit is"
        f" {reading.limit_c:g} °C.",
        since_utc=reading.known_until_utc,
        is_held=not (is_known and excess_c > 0),
        region_slugs=(reading.slug,),
    )


def _breach_predicted(reading: RegionReading, now: datetime) -> AlarmCondition | None:
    if reading.issued_at_utc is None or now - reading.issued_at_utc > WINDOW_H * HOUR:
        return None
    chance = reading.chance
    least = LIKELY_FRAC - DEFINITIONS[AlarmKind.BREACH_PREDICTED].deadband
    if chance is not None and chance < least:
        return None
    return AlarmCondition(
        kind=AlarmKind.BREACH_PREDICTED,
        cause=reading.cause,
        text=f"{reading.name} exceeds {reading.limit_c:g} °C within 24 h with a chance"
        f" of {100 * (chance or 0):.0f} %. {reading.reason_text}",
        since_utc=reading.issued_at_utc,
        is_held=chance is None or chance < LIKELY_FRAC,
        region_slugs=(reading.slug,),
        explained_by=((AlarmKind.BREACH_NOW, reading.cause),),
    )


def _telemetry_stale(reading: RegionReading, now: datetime) -> AlarmCondition | None:
    if reading.known_until_utc is None:
        return AlarmCondition(
            kind=AlarmKind.TELEMETRY_MISSING,
            cause=reading.cause,
            text=f"{reading.name} has no measured temperature of the last days.",
            since_utc=reading.created_at_utc,
            region_slugs=(reading.slug,),
            groups=_telemetry_groups(reading),
            explained_by=_failing_feed(reading),
        )
    age_h = (now - reading.known_until_utc) / HOUR
    deadband = DEFINITIONS[AlarmKind.TELEMETRY_STALE].deadband
    if age_h <= reading.max_age_h * (1 - deadband):
        return None
    return AlarmCondition(
        kind=AlarmKind.TELEMETRY_STALE,
        cause=reading.cause,
        text=f"{reading.name}: the newest measured temperature is of the hour until"
        f" {reading.known_until_utc:%Y-%m-%d %H:%M} UTC; {reading.max_age_h:g} h are"
        " allowed.",
        since_utc=reading.known_until_utc + timedelta(hours=reading.max_age_h),
        is_held=age_h <= reading.max_age_h,
        region_slugs=(reading.slug,),
        groups=_telemetry_groups(reading),
        explained_by=_failing_feed(reading),
    )


def _of_verdict(reading: RegionReading, now: datetime) -> AlarmCondition | None:
    """What the newest verdict says of telemetry and model."""
    if reading.issued_at_utc is None or now - reading.issued_at_utc > WINDOW_H * HOUR:
        return None
    code = reading.reason_code
    is_stale = (
        reading.known_until_utc is None
        or now - reading.known_until_utc > reading.max_age_h * HOUR
    )
    if code is ReasonCode.MODEL_IMPLAUSIBLE:
        kind, groups = AlarmKind.MODEL_IMPLAUSIBLE, _model_groups(reading)
        explained = _keys(AlarmKind.MODEL_DRIFTING, reading.cause, groups)
    elif code is ReasonCode.TELEMETRY_SUSPECT:
        kind, groups = AlarmKind.TELEMETRY_SUSPECT, _telemetry_groups(reading)
        explained = _keys(AlarmKind.TELEMETRY_STALE, reading.cause, groups)
    elif code in _MISSING and not is_stale:
        # Without any hour this is said already, and of old ones they are stale.
        kind, groups = AlarmKind.TELEMETRY_MISSING, _telemetry_groups(reading)
        explained = (
            *_failing_feed(reading),
            *_keys(AlarmKind.TELEMETRY_STALE, reading.cause, groups),
        )
    else:
        return None
    return AlarmCondition(
        kind=kind,
        cause=reading.cause,
        text=f"{reading.name}: {reading.reason_text}",
        since_utc=reading.issued_at_utc,
        region_slugs=(reading.slug,),
        groups=groups,
        explained_by=explained,
    )


def _drifting(reading: RegionReading, now: datetime) -> AlarmCondition | None:
    if not reading.is_drifting:
        return None
    return AlarmCondition(
        kind=AlarmKind.MODEL_DRIFTING,
        cause=reading.cause,
        text=f"{reading.name}: model {reading.model_version_id} has lost its coverage.",
        since_utc=now,
        region_slugs=(reading.slug,),
        groups=_model_groups(reading),
    )


def _above_bound(reading: RegionReading, now: datetime) -> AlarmCondition | None:
    if reading.above_bound_text is None:
        return None
    return AlarmCondition(
        kind=AlarmKind.BOUND_EXCEEDED,
        cause=reading.cause,
        text=reading.above_bound_text,
        since_utc=reading.above_bound_since_utc or now,
        region_slugs=(reading.slug,),
        explained_by=(
            (AlarmKind.BREACH_NOW, reading.cause),
            *_keys(AlarmKind.MODEL_DRIFTING, reading.cause, _model_groups(reading)),
        ),
    )


def _capacity(reading: RegionReading, now: datetime) -> AlarmCondition | None:
    if reading.it_load_mw is None or reading.known_until_utc is None:
        return None
    frac = reading.it_load_mw / reading.it_capacity_mw
    deadband = DEFINITIONS[AlarmKind.CAPACITY_NEAR].deadband
    if frac < NEAR_CAPACITY_FRAC - deadband:
        return None
    return AlarmCondition(
        kind=AlarmKind.CAPACITY_NEAR,
        cause=reading.cause,
        text=f"{reading.name} carries {reading.it_load_mw:.1f} MW of"
        f" {reading.it_capacity_mw:g} MW.",
        # From the begin of the hour that was measured, not from its end.
        since_utc=min(reading.known_until_utc, now) - HOUR,
        is_held=frac < NEAR_CAPACITY_FRAC,
        region_slugs=(reading.slug,),
    )


def _telemetry_groups(reading: RegionReading) -> tuple[str, ...]:
    feed = reading.temperature_feed
    return (ALL,) if feed is None else (f"feed:{feed}", ALL)


def _model_groups(reading: RegionReading) -> tuple[str, ...]:
    version_id = reading.model_version_id
    return () if version_id is None else (f"model:{version_id}",)


def _failing_feed(reading: RegionReading) -> tuple[AlarmKey, ...]:
    feed = reading.temperature_feed
    if feed is None:
        return ()
    return _keys(AlarmKind.FEED_FAILING, f"feed:{feed}", (ALL,))


def _keys(kind: AlarmKind, cause: str, groups: Iterable[str]) -> tuple[AlarmKey, ...]:
    """An alarm and those of its groups."""
    return (kind, cause), *((kind, group) for group in groups)
