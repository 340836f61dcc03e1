"""Endpoints of what-ifs and decisions."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field

from core.access import Permission
from core.decision_states import DecisionState
from core.shares import HoursOfDay
from db.decision_comments import DecisionComment
from orchestrator.decisions.comments import comment_decision
from orchestrator.decisions.details import decision_detail, replay_decision
from orchestrator.decisions.lists import (
    DecisionFilter,
    DecisionOrder,
    decision_page,
    decisions_csv,
)
from orchestrator.decisions.recording import evaluate, evaluate_instead, record
from orchestrator.decisions.states import state_decision
from orchestrator.decisions.taking_back import take_back_decisions
from orchestrator.decisions.views import (
    MAXIMUM_COMMENT_CHARS,
    DecisionCard,
    DecisionDetail,
    DecisionPage,
    DecisionStanding,
    RecordOutcome,
    Replay,
    WhatIfView,
)
from orchestrator.decisions.what_if import what_if_view
from orchestrator.trade_offs.page import trade_off_view
from orchestrator.trade_offs.views import TradeOffView
from orchestrator.use_cases import Request
from orchestrator.windows.views import Ground
from webapp.api.endpoints import Api, PageSize, Slug

Share = Annotated[float, Field(ge=0, le=100)]
HoursText = Annotated[str, Field(pattern=r"^\d{1,2}-\d{1,2}$")]
Comment = Annotated[str, Field(min_length=1, max_length=MAXIMUM_COMMENT_CHARS)]
Term = Annotated[int, Field(ge=1, le=1_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftOfLoad:
    """How much load moves where; each hour of the day unless some are named."""

    target_slug: Slug | None = None
    shift_pct: Share
    hours_of_day: HoursText | None = None

    def named(self) -> dict[str, Any]:
        """As the use cases take it."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        hours = self.hours_of_day
        return {**named, "hours_of_day": HoursOfDay.parse(hours) if hours else None}


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedShift(ShiftOfLoad):
    """A shift in a window, which is the next 24 hours without a day."""

    source_slug: Slug
    local_day: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownShift(AskedShift):
    """A shift to look at, also on an issue that is not the newest."""

    shift_pct: Share = 0.0
    issued_at_utc: datetime | None = None


def add_decisions(api: Api) -> None:
    """Try a shift, record it, and see what was decided."""
    _add_trials(api)
    _add_decisions(api)


def _add_trials(api: Api) -> None:

    @api.get("/what-if", Permission.VIEW_FLEET, is_kept=True)
    def get_what_if(asked: Request, shift: ShownShift) -> WhatIfView:
        """What a shift would do, and every shift beside it; stores nothing."""
        return what_if_view(asked, **shift.named())

    @api.get("/trade-offs", Permission.VIEW_FLEET, is_kept=True)
    def get_trade_offs(
        asked: Request, shift: ShownShift, ground: Ground = Ground.RECORDED
    ) -> TradeOffView:
        """Carbon, water and cost of every region before and after a shift."""
        return trade_off_view(asked, ground=ground, **shift.named())

    @api.post("/what-ifs", Permission.DECIDE)
    def evaluate_what_if(asked: Request, shift: AskedShift) -> DecisionCard:
        """Judge a shift and keep it as a what-if, which can be recorded."""
        return evaluate(asked, **shift.named())


def _add_decisions(api: Api) -> None:
    @api.post("/decisions", Permission.DECIDE)
    def record_decision(
        asked: Request,
        what_if_id: int,
        comment: str = "",
        lasts_h: Term | None = 24,
    ) -> RecordOutcome:
        """Record a what-if so that it binds.

        When its verdict changed meanwhile nothing is recorded: `card` is null and
        `changed` says what it is now. With `lasts_h` null it lasts until taken back.
        """
        return record(asked, what_if_id=what_if_id, comment=comment, lasts_h=lasts_h)

    @api.get("/decisions", Permission.VIEW_FLEET, is_kept=True)
    def list_decisions(
        asked: Request,
        chosen: DecisionFilter,
        order: DecisionOrder = DecisionOrder.NEWEST,
        after: str | None = None,
        limit: PageSize = 50,
    ) -> DecisionPage:
        """One page of decisions; `after` is the `next_after` of the page before."""
        return decision_page(asked, chosen, order=order, after=after, limit=limit)

    @api.post("/decisions/exports", Permission.VIEW_AUDIT_EVENTS, gives="text/csv")
    def export_decision_list(
        asked: Request,
        chosen: DecisionFilter,
        order: DecisionOrder = DecisionOrder.NEWEST,
    ) -> bytes:
        """The list as CSV. The export is audited."""
        return decisions_csv(asked, chosen, order=order).text.encode()

    _add_recorded(api)


def _add_recorded(api: Api) -> None:
    @api.get("/decisions/<decision_id>", Permission.VIEW_FLEET)
    def get_decision(asked: Request, decision_id: int) -> DecisionDetail:
        """The whole story of a decision."""
        return decision_detail(asked, decision_id)

    @api.post("/decisions/<decision_id>/what-ifs", Permission.DECIDE)
    def evaluate_instead_of_decision(
        asked: Request, decision_id: int, shift: ShiftOfLoad
    ) -> DecisionCard:
        """Judge what is to supersede a recorded decision; record its what-if then."""
        return evaluate_instead(asked, decision_id=decision_id, **shift.named())

    @api.post("/decisions/<decision_id>/states", Permission.DECIDE)
    def say_decision_state(
        asked: Request, decision_id: int, state: DecisionState, reason: str = ""
    ) -> DecisionStanding:
        """Say that a recorded decision is acknowledged, in effect or refused."""
        return state_decision(
            asked, decision_id=decision_id, state=state, reason=reason
        )

    @api.post("/decisions/<decision_id>/comments", Permission.DECIDE)
    def write_decision_comment(
        asked: Request, decision_id: int, comment: Comment
    ) -> tuple[DecisionComment, ...]:
        """Write something about a decision; all that was written about it."""
        return comment_decision(asked, decision_id=decision_id, comment=comment)

    @api.post("/decisions/taken-back", Permission.DECIDE)
    def take_decisions_back(
        asked: Request, decision_ids: list[int], reason: Comment
    ) -> tuple[DecisionCard, ...]:
        """Supersede recorded decisions by no shift, all of them or none."""
        return take_back_decisions(asked, decision_ids=decision_ids, reason=reason)

    @api.get("/decisions/<decision_id>/replay", Permission.VIEW_AUDIT_EVENTS)
    def get_decision_replay(asked: Request, decision_id: int) -> Replay:
        """Judge the stored inputs again, and list what does not come out as stored."""
        return replay_decision(asked, decision_id)
