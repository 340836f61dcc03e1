"""Endpoints of alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from core.access import Permission
from core.alarm_kinds import DEFINITIONS, AlarmDefinition, AlarmKind
from orchestrator.alarms.alarm_lists import (
    AlarmQuestion,
    StateFilter,
    alarm_detail,
    alarm_review,
    list_alarms,
)
from orchestrator.alarms.handling import (
    acknowledge_alarms,
    comment_alarm,
    put_alarm_back,
    shelve_alarm,
    take_alarm_out,
    unshelve_alarm,
)
from orchestrator.alarms.handover import SHIFT_H, hand_over
from orchestrator.alarms.views import AlarmDetail, AlarmList, AlarmReview, AlarmView
from orchestrator.use_cases import Request
from webapp.api.endpoints import Api, Slug

VIEW, HANDLE = Permission.VIEW_FLEET, Permission.HANDLE_ALARMS
AlarmId = Annotated[int, Field(ge=1, le=2**62)]
Written = Annotated[str, Field(min_length=1, max_length=2_000)]
ShelvedHours = Annotated[float, Field(gt=0, le=8)]
ShiftHours = Annotated[float, Field(gt=0, le=24)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """How many alarms were not acknowledged before."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """A hand-over note by its number."""

    note_id: int


def add_alarms(api: Api) -> None:
    """See alarms, acknowledge, shelve and comment them, hand a shift over."""

    @api.get("/alarms", VIEW)
    def list_open_alarms(
        asked: Request,
        state: StateFilter = StateFilter.OPEN,
        kind: AlarmKind | None = None,
        region_slug: Slug | None = None,
    ) -> AlarmList:
        """Alarms by how they stand, what waits for somebody first."""
        kinds = None if kind is None else frozenset({kind})
        question = AlarmQuestion(state=state, kinds=kinds, region_slug=region_slug)
        return list_alarms(asked, question)

    @api.get("/alarms/kinds", VIEW)
    def list_alarm_kinds(asked: Request) -> dict[AlarmKind, AlarmDefinition]:  # noqa: ARG001
        """Cause, consequence, action, priority and delays of every kind."""
        return dict(DEFINITIONS)

    @api.get("/alarms/figures", VIEW)
    def get_alarm_figures(asked: Request) -> AlarmReview:
        """Figures of the last 30 days, and the newest hand-over notes."""
        return alarm_review(asked)

    @api.get("/alarms/<alarm_id>", VIEW)
    def get_alarm(asked: Request, alarm_id: AlarmId) -> AlarmDetail:
        """One alarm with its history, newest first."""
        return alarm_detail(asked, alarm_id)

    _add_handling(api)


def _add_handling(api: Api) -> None:
    @api.post("/alarms/acknowledgements", HANDLE)
    def acknowledge(asked: Request, alarm_ids: list[AlarmId]) -> Acknowledged:
        """Acknowledge alarms."""
        return Acknowledged(count=acknowledge_alarms(asked, alarm_ids))

    @api.post("/alarms/<alarm_id>/shelve", HANDLE)
    def shelve(
        asked: Request, alarm_id: AlarmId, hours: ShelvedHours, reason: Written
    ) -> AlarmView:
        """Silence an alarm for at most eight hours."""
        return shelve_alarm(asked, alarm_id=alarm_id, hours=hours, reason=reason)

    @api.post("/alarms/<alarm_id>/unshelve", HANDLE)
    def unshelve(asked: Request, alarm_id: AlarmId) -> AlarmView:
        """Bring a shelved alarm back."""
        return unshelve_alarm(asked, alarm_id=alarm_id)

    @api.post("/alarms/<alarm_id>/comments", HANDLE)
    def comment(asked: Request, alarm_id: AlarmId, comment: Written) -> AlarmView:
        """Write something to an alarm; it stays in its history."""
        return comment_alarm(asked, alarm_id=alarm_id, comment=comment)

    @api.post("/alarms/<alarm_id>/out-of-service", Permission.DISABLE_ALARMS)
    def take_out(asked: Request, alarm_id: AlarmId, reason: Written) -> AlarmView:
        """Take an alarm out of service until somebody puts it back."""
        return take_alarm_out(asked, alarm_id=alarm_id, reason=reason)

    @api.post("/alarms/<alarm_id>/back-in-service", Permission.DISABLE_ALARMS)
    def put_back(asked: Request, alarm_id: AlarmId) -> AlarmView:
        """Put an alarm back in service."""
        return put_alarm_back(asked, alarm_id=alarm_id)

    @api.post("/alarms/shift-notes", HANDLE)
    def write_shift_note(
        asked: Request, note: Written, hours: ShiftHours = SHIFT_H
    ) -> HandedOver:
        """Hand a shift over, with what stands and was decided in it."""
        return HandedOver(note_id=hand_over(asked, note=note, hours=hours))
