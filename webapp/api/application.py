"""The API put together: its subjects, its description, and a page to read that."""

from __future__ import annotations

import json
from typing import Any, TypedDict

from flask import Blueprint, Response, current_app, render_template
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from pydantic import BaseModel

from core.version import CODE_VERSION
from orchestrator.runtime import Runtime
from webapp.api.alarms import add_alarms
from webapp.api.approvals import add_approvals
from webapp.api.audit import add_audit
from webapp.api.decisions import add_decisions
from webapp.api.deliveries import add_deliveries
from webapp.api.endpoints import SECURITY, Api, Changing
from webapp.api.feeds import add_feeds
from webapp.api.fleet import add_fleet
from webapp.api.models import add_models
from webapp.api.operations import add_operations
from webapp.api.plans import add_plans
from webapp.api.regions import add_regions
from webapp.api.telemetry import add_telemetry
from webapp.permissions import Access, add_route
from webapp.problems import DOCUMENTS, invalid_request

SUBJECTS = (
    add_fleet,
    add_decisions,
    add_plans,
    add_telemetry,
    add_feeds,
    add_regions,
    add_models,
    add_audit,
    add_alarms,
    add_deliveries,
    add_approvals,
    add_operations,
)
"""To add an endpoint, add a function to one of them; to add a subject, a line here."""

_DESCRIPTION = """Reads and changes what the portal's pages do, by the same use cases.

Send `Authorization: Bearer TOKEN`. What a token may is limited by its scopes and by the
role of its account. What changes something needs an `Idempotency-Key`.

Version 1 only grows: fields, parameters that can be left out, endpoints and codes of
problems may be added. Programs ignore what they do not know. What would break one gets
another address. Instants are RFC 3339 in UTC; names end in their unit.
"""


class OpenApiOptions(TypedDict):
    """What the application is told of the API."""

    info: Info
    security_schemes: dict[str, Any]
    doc_ui: bool
    validation_error_status: int
    validation_error_model: type[BaseModel]
    validation_error_callback: Any


OPENAPI_OPTIONS = OpenApiOptions(
    info=Info(
        title="Global Fleet Orchestrator",
        version=f"1 ({CODE_VERSION})",
        description=_DESCRIPTION,
    ),
    security_schemes={SECURITY: {"type": "http", "scheme": "bearer"}},
    doc_ui=False,
    validation_error_status=422,
    validation_error_model=Changing,  # every endpoint declares its own 422
    validation_error_callback=invalid_request,
)


def make_api(runtime: Runtime) -> APIBlueprint:
    """The endpoints of every subject."""
    api = Api(runtime)
    for add_subject in SUBJECTS:
        add_subject(api)
    return api.blueprint


def make_api_documents() -> Blueprint:
    """The description of the API, for programs and for people."""
    blueprint = Blueprint(DOCUMENTS, __name__)

    def openapi() -> Response:
        return Response(json.dumps(_document()), mimetype="application/json")

    def docs() -> str:
        return render_template(
            "api.html", title="API", document=_document(), codes=_CODES
        )

    for rule, view in (("/api/v1/openapi.json", openapi), ("/api/v1/docs", docs)):
        add_route(blueprint, rule, view, access=Access.LOGGED_IN)
    return blueprint


def _document() -> dict[str, Any]:
    found: dict[str, Any] = current_app.api_doc  # type: ignore[attr-defined]
    return found


_CODES = {
    "invalid_request": "The request does not have the documented shape.",
    "invalid_input": "The values cannot be, in the words of `detail`.",
    "out_of_range": "A value lies outside the range for which the formula is valid.",
    "unauthorized": "No live token was sent.",
    "forbidden": "Role or scopes do not allow it.",
    "needs_second_person": "A second person has to approve it; scope approve asks one.",
    "not_found": "There is no such thing, or no such address.",
    "method_not_allowed": "The address has other methods.",
    "conflict": "Somebody else changed it meanwhile.",
    "request_reused": "The Idempotency-Key was used for another request.",
    "precondition_failed": "It changed since its ETag was read.",
    "precondition_required": "If-Match is missing.",
    "length_required": "The body has no Content-Length.",
    "request_entity_too_large": "The body is larger than the endpoint takes.",
    "too_many_requests": "Wait as long as Retry-After says.",
    "plan_infeasible": "No plan keeps every limit that was set.",
    "model_rejected": "The model does not keep the contract.",
    "model_unavailable": "No verified model can serve this forecast.",
    "calibration_insufficient": "There are too few scored days for a bound.",
    "internal_server_error": "A bug; its reference finds it in the log.",
    "service_unavailable": "The database does not answer; try again.",
}
"""Codes of problems."""
