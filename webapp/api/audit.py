"""Endpoints of the audit chain."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import Field

from core.access import Permission
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.chain_export import export_newest
from orchestrator.audit.chain_status import ask_for_check, chain_status
from orchestrator.audit.event_list import (
    EventFilter,
    decision_proof,
    event_detail,
    events_csv,
    list_audit_events,
)
from orchestrator.audit.views import (
    AuditEventDetail,
    AuditEventPage,
    ChainStatus,
    DecisionProof,
)
from orchestrator.use_cases import Request
from webapp.api.endpoints import Api, PageSize

VIEW = Permission.VIEW_AUDIT_EVENTS
Seq = Annotated[int, Field(ge=1, le=2**62)]


def add_audit(api: Api) -> None:
    """Events, the state of the chain, and exports with their proof."""
    places = AnchorPlaces.of(api.runtime.settings)

    @api.get("/audit/events", VIEW)
    def list_events(
        asked: Request,
        chosen: EventFilter,
        oldest_first: bool = False,
        from_seq: Seq | None = None,
        limit: PageSize = 50,
    ) -> AuditEventPage:
        """One page of events; `from_seq` is the `next_seq` of the page before."""
        return list_audit_events(
            asked, chosen, from_seq=from_seq, oldest_first=oldest_first, limit=limit
        )

    @api.get("/audit/events/<seq>", VIEW)
    def get_event(asked: Request, seq: Seq) -> AuditEventDetail:
        """One event with its payload as hashed and its place in the chain."""
        return event_detail(asked, seq)

    @api.get("/decisions/<decision_id>/proof", VIEW)
    def get_decision_proof(asked: Request, decision_id: int) -> DecisionProof:
        """The events of a decision with their place in the chain."""
        return decision_proof(asked, decision_id, places)

    @api.get("/audit/chain", VIEW)
    def get_chain_status(asked: Request) -> ChainStatus:
        """How long the chain is, how far it is anchored, what checks have found."""
        return chain_status(asked, places)

    @api.post("/audit/checks", VIEW)
    def check_chain(asked: Request) -> ChainStatus:
        """Have the worker verify the whole chain."""
        ask_for_check(asked)
        return chain_status(asked, places)

    @api.post("/audit/events/exports", VIEW, gives="text/csv")
    def export_event_list(
        asked: Request, chosen: EventFilter, oldest_first: bool = False
    ) -> bytes:
        """The list as CSV, without proof. The export is audited."""
        return events_csv(asked, chosen, oldest_first=oldest_first).text.encode()

    @api.post("/audit/exports", VIEW, gives="application/zip")
    def export_events(
        asked: Request, first_seq: Seq | None = None, last_seq: Seq | None = None
    ) -> bytes:
        """A part of the chain with proof, manifest and verifier; the newest events
        without one. The export is audited.
        """
        with tempfile.TemporaryDirectory(prefix="gfo-export-") as folder:
            file = Path(folder) / "audit.zip"
            export_newest(asked, file, places, first_seq=first_seq, last_seq=last_seq)
            return file.read_bytes()
