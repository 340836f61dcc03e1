"""What people do with alarms: acknowledge, shelve, comment, take out of service."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.access import Permission
from core.alarms import (
    AlarmChange,
    AlarmState,
    acknowledge,
    put_back_in_service,
    shelve,
    take_out_of_service,
    unshelve,
)
from core.audit import AuditAction
from core.errors import InvalidInput
from db import alarms
from orchestrator.alarms.events import alarm_event
from orchestrator.alarms.views import AlarmView, alarm_view
from orchestrator.decisions.storing import written
from orchestrator.use_cases import Done, Request, change

MOST_AT_ONCE = 500


def _as_it_stands(request: Request, kept: str) -> AlarmView:
    return alarm_view(alarms.find_alarm(request.session, int(kept)))


@change(
    Permission.HANDLE_ALARMS,
    AuditAction.ALARM_ACKNOWLEDGED,
    repeat=lambda _request, kept: int(kept),
)
def acknowledge_alarms(request: Request, alarm_ids: Sequence[int]) -> Done[int]:
    """Acknowledge alarms; how many were not before.

    Raises
    ------
    NotFound, InvalidInput
        When one does not exist, or they are too many at once.
    """
    if not 0 < len(alarm_ids) <= MOST_AT_ONCE:
        message = f"One acknowledges 1 to {MOST_AT_ONCE} alarms at once."
        raise InvalidInput(message)
    session = request.session
    found = alarms.find_alarms(session, sorted(set(alarm_ids)), locked=True)
    for alarm_id in alarm_ids:
        if alarm_id not in found:
            alarms.find_alarm(session, alarm_id)
    after = {
        alarm_id: acknowledge(one.state)
        for alarm_id, one in found.items()
        if not one.state.is_acknowledged
    }
    alarms.store_states(session, list(after.values()))
    alarms.mark_acknowledged(
        session, list(after), actor_id=request.actor.user_id, at_utc=request.now
    )
    _keep(request, [(alarm_id, AlarmChange.ACKNOWLEDGED, None) for alarm_id in after])
    return Done(
        answer=len(after),
        events=tuple(
            alarm_event(AlarmChange.ACKNOWLEDGED, alarm_id, state)
            for alarm_id, state in after.items()
        ),
        kept=len(after) or None,
    )


@change(Permission.HANDLE_ALARMS, AuditAction.ALARM_SHELVED, repeat=_as_it_stands)
def shelve_alarm(
    request: Request, *, alarm_id: int, hours: float, reason: str
) -> Done[AlarmView]:
    """Silence an alarm for at most eight hours.

    Raises
    ------
    NotFound, InvalidInput, Conflict
        When there is no such alarm, no reason or too long a time, or it is out of
        service.
    """
    return _changed(
        request,
        alarm_id,
        AlarmChange.SHELVED,
        lambda state: shelve(state, hours=hours, now=request.now),
        written(reason, "reason", kept_with="alarm"),
    )


@change(Permission.HANDLE_ALARMS, AuditAction.ALARM_UNSHELVED, repeat=_as_it_stands)
def unshelve_alarm(request: Request, *, alarm_id: int) -> Done[AlarmView]:
    """Bring a shelved alarm back; an active one has to be acknowledged again.

    Raises
    ------
    NotFound, Conflict
        When there is no such alarm, or it is not shelved.
    """
    return _changed(request, alarm_id, AlarmChange.UNSHELVED, unshelve, None)


@change(Permission.HANDLE_ALARMS, AuditAction.ALARM_COMMENTED, repeat=_as_it_stands)
def comment_alarm(request: Request, *, alarm_id: int, comment: str) -> Done[AlarmView]:
    """Write something to an alarm; it stays in its history.

    Raises
    ------
    NotFound, InvalidInput
        When there is no such alarm, or nothing is written.
    """
    return _changed(
        request,
        alarm_id,
        AlarmChange.COMMENTED,
        lambda state: state,
        written(comment, "comment", kept_with="alarm"),
    )


@change(
    Permission.DISABLE_ALARMS, AuditAction.ALARM_OUT_OF_SERVICE, repeat=_as_it_stands
)
def take_alarm_out(request: Request, *, alarm_id: int, reason: str) -> Done[AlarmView]:
    """Take an alarm out of service until somebody puts it back.

    Raises
    ------
    NotFound, InvalidInput, Conflict
        When there is no such alarm, no reason, or it is out already.
    """
    return _changed(
        request,
        alarm_id,
        AlarmChange.OUT_OF_SERVICE,
        take_out_of_service,
        written(reason, "reason", kept_with="alarm"),
    )


@change(
    Permission.DISABLE_ALARMS, AuditAction.ALARM_BACK_IN_SERVICE, repeat=_as_it_stands
)
def put_alarm_back(request: Request, *, alarm_id: int) -> Done[AlarmView]:
    """Put an alarm back in service; an active one has to be acknowledged again.

    Raises
    ------
    NotFound, Conflict
        When there is no such alarm, or it is in service.
    """
    return _changed(
        request, alarm_id, AlarmChange.BACK_IN_SERVICE, put_back_in_service, None
    )


def _changed(
    request: Request,
    alarm_id: int,
    made: AlarmChange,
    act: Callable[[AlarmState], AlarmState],
    text: str | None,
) -> Done[AlarmView]:
    session = request.session
    after = act(alarms.find_alarm(session, alarm_id, locked=True).state)
    alarms.store_states(session, [after])
    _keep(request, [(alarm_id, made, text)])
    return Done(
        answer=alarm_view(alarms.find_alarm(session, alarm_id)),
        events=(alarm_event(made, alarm_id, after, text),),
        kept=alarm_id,
    )


def _keep(
    request: Request, changes: Sequence[tuple[int, AlarmChange, str | None]]
) -> None:
    alarms.insert_changes(
        request.session,
        changes,
        at_utc=request.now,
        actor_id=request.actor.user_id,
    )
