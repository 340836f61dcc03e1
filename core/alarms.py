"""The life of an alarm: raised, acknowledged, shelved, out of service, cleared.

An alarm is active or cleared, acknowledged or not. Shelved and out of service it is not
raised. `evaluate` advances all alarms by what holds now; it groups what has one cause,
and counts consequences under it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from core.alarm_kinds import DEFINITIONS, AlarmDefinition, AlarmKind
from core.errors import Conflict, InvalidInput
from core.wording import listed

ALL = "all"
"""The cause of an alarm that is about most of all regions or feeds."""

INSTALLATION = "installation"
"""The cause of alarms of which there is one."""

LEAST_GROUP = 3
"""Members from which a group can be one alarm."""

GROUP_FRAC, GROUP_ENDS_FRAC = 0.5, 0.25
"""Shares of a group from which it is one alarm, and below which it is none again."""

LONGEST_SHELVING_H = 8

AlarmKey: TypeAlias = tuple[AlarmKind, str]


class AlarmChange(StrEnum):
    """What can happen to an alarm."""

    RAISED = "raised"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    OUT_OF_SERVICE = "out_of_service"
    BACK_IN_SERVICE = "back_in_service"
    COMMENTED = "commented"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCondition:
    """Something that holds now and deserves an alarm once it lasts.

    Attributes
    ----------
    cause : str
        What the alarm is about, such as `region:arizona` or `feed:weather`.
    since_utc : datetime
        From when it holds, by the facts.
    is_held : bool
        Neither on nor over: within the deadband, or not known. An active alarm stays.
    region_slugs : tuple of str
        Regions concerned.
    groups : tuple of str
        Causes that it shares with others, the narrowest first.
    explained_by : tuple of AlarmKey
        Alarms that would explain it, beside those of the whole installation.
    """

    kind: AlarmKind
    cause: str
    text: str
    since_utc: datetime
    is_held: bool = False
    region_slugs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    explained_by: tuple[AlarmKey, ...] = ()

    @property
    def key(self) -> AlarmKey:
        """What makes two conditions one alarm."""
        return self.kind, self.cause


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmState:
    """How an alarm stands.

    Attributes
    ----------
    since_utc : datetime
        When the condition that raised it last began.
    raised_at_utc : datetime
        When it was raised last.
    cleared_at_utc : datetime | None
        When it was cleared; None while it is active.
    ended_at_utc : datetime | None
        Since when the condition of an active alarm is over.
    explained_by : AlarmKey | None
        The alarm of which this is a consequence now.
    n_explained : int
        Consequences counted under it.
    """

    kind: AlarmKind
    cause: str
    text: str
    since_utc: datetime
    raised_at_utc: datetime
    cleared_at_utc: datetime | None = None
    region_slugs: tuple[str, ...] = ()
    is_acknowledged: bool = False
    ended_at_utc: datetime | None = None
    shelved_until_utc: datetime | None = None
    is_out_of_service: bool = False
    explained_by: AlarmKey | None = None
    n_explained: int = 0

    @property
    def key(self) -> AlarmKey:
        """What makes two conditions one alarm."""
        return self.kind, self.cause

    @property
    def is_active(self) -> bool:
        """Whether it was raised and not cleared since."""
        return self.cleared_at_utc is None

    @property
    def definition(self) -> AlarmDefinition:
        """What is written of its kind."""
        return DEFINITIONS[self.kind]

    @property
    def is_silenced(self) -> bool:
        """Whether somebody shelved it or took it out of service."""
        return self.is_out_of_service or self.shelved_until_utc is not None

    @property
    def is_standing(self) -> bool:
        """Whether it counts: active, not silenced, no consequence of another."""
        return self.is_active and not self.is_silenced and self.explained_by is None

    @property
    def needs_acknowledging(self) -> bool:
        """Whether it waits for somebody, active or cleared meanwhile."""
        return (
            not self.is_acknowledged
            and not self.is_silenced
            and self.explained_by is None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What an evaluation changed.

    Attributes
    ----------
    states : tuple of AlarmState
        Those that differ from before, new ones among them.
    changes : tuple of (AlarmState, AlarmChange)
        By rule, in order; the state is that after the evaluation.
    """

    states: tuple[AlarmState, ...]
    changes: tuple[tuple[AlarmState, AlarmChange], ...]


def evaluate(
    before: Mapping[AlarmKey, AlarmState],
    conditions: Iterable[AlarmCondition],
    *,
    populations: Mapping[tuple[AlarmKind, str], int],
    now: datetime,
) -> Evaluation:
    """Advance every alarm by what holds now.

    Parameters
    ----------
    before : mapping
        Alarms that are active or silenced; others may be left out.
    conditions : iterable of AlarmCondition
        What holds, or is held, now. What is not named is over.
    populations : mapping
        How many members each group has that a condition names, by kind.
    """
    single = {item.key: item for item in conditions}
    explained = _by_other_kinds(single.values(), _explaining(before, single))
    own = [item for key, item in single.items() if key not in explained]
    found = single | {item.key: item for item in _groups(own, before, populations)}
    causes = _explaining(before, found)
    explained = {
        **_by_their_groups(found.values(), causes),
        **_by_other_kinds(found.values(), causes),
    }
    counts = Counter(
        _root(key, explained)
        for key in explained
        if key in single and not single[key].is_held
    )
    states: list[AlarmState] = []
    changes: list[tuple[AlarmState, AlarmChange]] = []
    for key in sorted({*before, *found}):
        state, made = advance(
            before.get(key), found.get(key), explained.get(key), now=now
        )
        if state is None:
            continue
        if counts[key] != state.n_explained:
            state = replace(state, n_explained=counts[key])
        if state != before.get(key):
            states.append(state)
        changes += [(state, one) for one in made]
    return Evaluation(states=tuple(states), changes=tuple(changes))


def advance(
    state: AlarmState | None,
    condition: AlarmCondition | None,
    explained_by: AlarmKey | None = None,
    *,
    now: datetime,
) -> tuple[AlarmState | None, tuple[AlarmChange, ...]]:
    """An alarm after one more look, and what happened to it.

    Parameters
    ----------
    state : AlarmState | None
        None for one that was never raised.
    condition : AlarmCondition | None
        None where nothing holds.
    explained_by : AlarmKey | None
        The alarm of which the condition is a consequence.
    """
    made: tuple[AlarmChange, ...] = ()
    if state is not None and _shelving_is_over(state, now):
        state, made = unshelve(state), (AlarmChange.UNSHELVED,)
    if condition is None:
        if state is None or not state.is_active:
            return state, made
        return _after_end(state, made, now)
    if state is not None and state.is_active:
        return _still_active(state, condition, explained_by), made
    if (
        condition.is_held
        or explained_by is not None
        or (state is not None and state.is_silenced)
        # Clocks of the database and of the worker may differ a little.
        or max(now - condition.since_utc, timedelta())
        < DEFINITIONS[condition.kind].delay_on
    ):
        return state, made
    raised = AlarmState(
        kind=condition.kind,
        cause=condition.cause,
        text=condition.text,
        since_utc=condition.since_utc,
        raised_at_utc=now,
        region_slugs=condition.region_slugs,
    )
    return raised, (*made, AlarmChange.RAISED)


def acknowledge(state: AlarmState) -> AlarmState:
    """The alarm as somebody has seen it; raises Conflict when that was done."""
    if state.is_acknowledged:
        message = "It is acknowledged already."
        raise Conflict(message)
    return replace(state, is_acknowledged=True)


def shelve(state: AlarmState, *, hours: float, now: datetime) -> AlarmState:
    """The alarm silent for a while.

    Raises
    ------
    InvalidInput
        When that is no time, or longer than `LONGEST_SHELVING_H`.
    Conflict
        When it is out of service.
    """
    if not 0 < hours <= LONGEST_SHELVING_H:
        message = f"An alarm is shelved for at most {LONGEST_SHELVING_H} h."
        raise InvalidInput(message)
    if state.is_out_of_service:
        message = "It is out of service."
        raise Conflict(message)
    return replace(state, shelved_until_utc=now + timedelta(hours=hours))


def unshelve(state: AlarmState) -> AlarmState:
    """The alarm in view again; if it is active, it has to be acknowledged again."""
    if state.shelved_until_utc is None:
        message = "It is not shelved."
        raise Conflict(message)
    return replace(
        state,
        shelved_until_utc=None,
        is_acknowledged=state.is_acknowledged and not state.is_active,
    )


def take_out_of_service(state: AlarmState) -> AlarmState:
    """The alarm silent until somebody puts it back."""
    if state.is_out_of_service:
        message = "It is out of service already."
        raise Conflict(message)
    return replace(state, is_out_of_service=True, shelved_until_utc=None)


def put_back_in_service(state: AlarmState) -> AlarmState:
    """The alarm in view again; if it is active, it has to be acknowledged again."""
    if not state.is_out_of_service:
        message = "It is not out of service."
        raise Conflict(message)
    return replace(
        state,
        is_out_of_service=False,
        is_acknowledged=state.is_acknowledged and not state.is_active,
    )


def _shelving_is_over(state: AlarmState, now: datetime) -> bool:
    return state.shelved_until_utc is not None and state.shelved_until_utc <= now


def _still_active(
    state: AlarmState, condition: AlarmCondition, explained_by: AlarmKey | None
) -> AlarmState:
    said = state if condition.is_held else condition
    return replace(
        state,
        text=said.text,
        region_slugs=said.region_slugs,
        ended_at_utc=None,
        explained_by=explained_by,
    )


def _after_end(
    state: AlarmState, made: tuple[AlarmChange, ...], now: datetime
) -> tuple[AlarmState, tuple[AlarmChange, ...]]:
    ended_at_utc = state.ended_at_utc or now
    if now - ended_at_utc < state.definition.delay_off:
        if state.ended_at_utc is None:
            state = replace(state, ended_at_utc=ended_at_utc)
        return state, made
    # A consequence that ends with its cause asks nobody for anything.
    cleared = replace(
        state,
        cleared_at_utc=now,
        is_acknowledged=state.is_acknowledged or state.explained_by is not None,
        explained_by=None,
        ended_at_utc=ended_at_utc,
    )
    return cleared, (*made, AlarmChange.CLEARED)


def _groups(
    conditions: Iterable[AlarmCondition],
    before: Mapping[AlarmKey, AlarmState],
    populations: Mapping[tuple[AlarmKind, str], int],
) -> list[AlarmCondition]:
    """One condition for each group of which enough members have theirs."""
    members: defaultdict[AlarmKey, list[AlarmCondition]] = defaultdict(list)
    for item in conditions:
        if not item.is_held:
            for cause in item.groups:
                members[item.kind, cause].append(item)
    made = []
    for (kind, cause), items in members.items():
        population = populations.get((kind, cause), 0)
        frac = len(items) / population if population else 0.0
        was_active = (kind, cause) in before and before[kind, cause].is_active
        is_on = len(items) >= LEAST_GROUP and frac >= GROUP_FRAC
        if not is_on and not (was_active and frac >= GROUP_ENDS_FRAC):
            continue
        groups = items[0].groups
        slugs = sorted({slug for item in items for slug in item.region_slugs})
        made.append(
            AlarmCondition(
                kind=kind,
                cause=cause,
                text=_group_text(kind, cause, items, population),
                since_utc=min(item.since_utc for item in items),
                is_held=not is_on,
                region_slugs=tuple(slugs),
                groups=groups[groups.index(cause) + 1 :],
            )
        )
    return made


def _group_text(
    kind: AlarmKind, cause: str, items: list[AlarmCondition], population: int
) -> str:
    names = [item.cause.partition(":")[2] for item in items]
    place = "" if cause == ALL else f" of {cause.replace(':', ' ', 1)}"
    title = DEFINITIONS[kind].title
    return f"{title}: {len(items)} of {population}{place} at once ({listed(names)})."


def _explaining(
    before: Mapping[AlarmKey, AlarmState], found: Mapping[AlarmKey, AlarmCondition]
) -> set[AlarmKey]:
    """Alarms and conditions of which others can be consequences.

    One that is out of service explains nothing: it may be so for weeks.
    """
    active = {key for key, state in before.items() if state.is_active}
    on = {key for key, item in found.items() if not item.is_held}
    return {
        key
        for key in active | on
        if not (key in before and before[key].is_out_of_service)
    }


def _by_other_kinds(
    conditions: Iterable[AlarmCondition], causes: set[AlarmKey]
) -> dict[AlarmKey, AlarmKey]:
    """What is a consequence of an alarm of another kind, with that alarm."""
    explained = {}
    for item in conditions:
        kinds = DEFINITIONS[item.kind].explained_by
        candidates = (
            *((kind, INSTALLATION) for kind in kinds),
            *(key for key in item.explained_by if key[0] in kinds),
        )
        cause = next((key for key in candidates if key in causes), None)
        if cause is not None:
            explained[item.key] = cause
    return explained


def _by_their_groups(
    conditions: Iterable[AlarmCondition], causes: set[AlarmKey]
) -> dict[AlarmKey, AlarmKey]:
    """What is part of a group that is one alarm, with the widest such group."""
    return {
        item.key: (item.kind, cause)
        for item in conditions
        for cause in item.groups
        if (item.kind, cause) in causes
    }


def _root(key: AlarmKey, explained: Mapping[AlarmKey, AlarmKey]) -> AlarmKey:
    """The alarm at the end of a row of explanations."""
    while key in explained:
        key = explained[key]
    return key
