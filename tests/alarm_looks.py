"""A look for alarms in a test's own transaction, and what stands after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from db.users import system_actor
from orchestrator.alarms.alarm_lists import standing_alarms
from orchestrator.alarms.alarm_rules import AlarmTerms, evaluate_alarms
from orchestrator.alarms.views import AlarmView
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.use_cases import Request

TERMS = AlarmTerms(
    places=AnchorPlaces(anchor_file=Path("no-anchors"), key_file=Path("no-key"))
)


def alarms_after_look(request: Request) -> tuple[AlarmView, ...]:
    """What stands once the worker has looked, at the time of this request."""
    worker = system_actor(request.session, "worker")
    evaluate_alarms(replace(request, caller=worker, request_id=None), TERMS)
    return standing_alarms(request)
