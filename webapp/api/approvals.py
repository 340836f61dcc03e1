"""Endpoints of changes that need two people, and of the rules that say so."""

from __future__ import annotations

from dataclasses import dataclass

from core.access import Permission
from db.approvals import ChangeRules
from orchestrator.approvals.requests import (
    ApprovalView,
    approve,
    list_requests,
    refuse,
)
from orchestrator.approvals.rules import rules_in_force, set_change_rules
from orchestrator.use_cases import Request
from webapp.api.endpoints import Api
from webapp.api.matching import etag, require_match

APPROVE, POLICY = Permission.APPROVE_CHANGES, Permission.MANAGE_POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRules:
    """Rules for changes; None leaves one as it is."""

    two_people: bool | None = None
    signed_models_only: bool | None = None


def add_approvals(api: Api) -> None:
    """See what waits, approve or refuse it; see and set the rules."""

    @api.get("/approvals", APPROVE)
    def list_approvals(asked: Request) -> tuple[ApprovalView, ...]:
        """The newest changes that a second person answers, those that wait first."""
        return list_requests(asked)

    @api.post("/approvals/<approval_id>/approve", APPROVE)
    def approve_change(asked: Request, approval_id: int) -> ApprovalView:
        """Have a change carried out that another person asked for.

        The token also needs the scope of the change itself.
        """
        return approve(asked, approval_id)

    @api.post("/approvals/<approval_id>/refuse", APPROVE)
    def refuse_change(asked: Request, approval_id: int) -> ApprovalView:
        """Refuse a change for good, or take back what one asked for."""
        return refuse(asked, approval_id)

    @api.get("/change-rules", POLICY, tagged=etag)
    def get_change_rules(asked: Request) -> ChangeRules:
        """By which rules models and limits change now."""
        return rules_in_force(asked)

    @api.patch("/change-rules", POLICY, tagged=etag, two_people=True)
    def change_change_rules(
        asked: Request, rules: WantedRules, reason: str
    ) -> ChangeRules:
        """Set the rules that are named."""
        require_match(asked, "change-rules", lambda: rules_in_force(asked))
        set_change_rules(
            asked,
            two_people=rules.two_people,
            signed_models_only=rules.signed_models_only,
            reason=reason,
        )
        return rules_in_force(asked)
