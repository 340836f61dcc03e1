"""Endpoints of plans."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

from core.access import Permission
from orchestrator.plans.planning import (
    find_plan,
    plan_window,
    record_plan,
    stored_plan,
)
from orchestrator.plans.replacing import change_plan, undo_plan
from orchestrator.plans.terms import PlanSplit, PlanTerms
from orchestrator.plans.views import PlanRecordOutcome, PlanView, PlanWindowView
from orchestrator.use_cases import Request
from webapp.api.endpoints import Api, Slug


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanShift(PlanSplit):
    """A shift to several targets as a request has it: unknown fields are refused."""

    shares: tuple[tuple[Slug, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest(PlanTerms):
    """Terms of a plan as a request has them."""

    split: PlanShift | None = None


def add_plans(api: Api) -> None:
    """Find the best plan of the fleet, record it, replace it, take it back."""

    @api.post("/plans", Permission.DECIDE)
    def find_best_plan(
        asked: Request,
        anchor_slug: Slug,
        given: PlanRequest,
        local_day: date | None = None,
        instead_of: int | None = None,
    ) -> PlanView:
        """Find the cheapest safe placement; `instead_of` is the plan it replaces."""
        return find_plan(
            asked,
            terms=_terms(given),
            anchor_slug=anchor_slug,
            local_day=local_day,
            instead_of=instead_of,
        )

    @api.get("/plans/window", Permission.VIEW_FLEET)
    def get_plan_window(
        asked: Request, anchor_slug: Slug, local_day: date | None = None
    ) -> PlanWindowView:
        """Which window a plan would be of, and which days can be planned."""
        return plan_window(asked, anchor_slug=anchor_slug, local_day=local_day)

    @api.get("/plans/<plan_id>", Permission.VIEW_FLEET)
    def get_plan(asked: Request, plan_id: int) -> PlanView:
        """A plan as it was found, and what stands of it."""
        return stored_plan(asked, plan_id)

    @api.post("/plans/<plan_id>/record", Permission.DECIDE)
    def record_found_plan(
        asked: Request, plan_id: int, comment: str = ""
    ) -> PlanRecordOutcome:
        """Record a plan, one decision for each transfer, all or none."""
        return record_plan(asked, plan_id=plan_id, comment=comment)

    @api.post("/plans/<plan_id>/undo", Permission.DECIDE)
    def undo_recorded_plan(
        asked: Request, plan_id: int, reason: str
    ) -> PlanRecordOutcome:
        """Take back every transfer of a plan that still stands."""
        return undo_plan(asked, plan_id=plan_id, reason=reason)

    @api.post("/plans/<plan_id>/change", Permission.DECIDE)
    def replace_recorded_plan(
        asked: Request, plan_id: int, reason: str
    ) -> PlanRecordOutcome:
        """Record a plan in place of the one that it was found instead of."""
        return change_plan(asked, plan_id=plan_id, reason=reason)


def _terms(given: PlanRequest) -> PlanTerms:
    """The terms as the use case has them, and as they are stored."""
    split = None
    if given.split is not None:
        split = PlanSplit(shift_pct=given.split.shift_pct, shares=given.split.shares)
    named = {field.name: getattr(given, field.name) for field in fields(PlanTerms)}
    return PlanTerms(**{**named, "split": split})
