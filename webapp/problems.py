"""Errors of the API as RFC 9457 problems, with codes that do not change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus

from flask import Response, make_response, request
from pydantic import TypeAdapter, ValidationError

from core.errors import FleetError
from webapp.request_context import request_id

API_PREFIX = "/api/"
PROBLEM_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class BadField:
    """A field of a request that cannot be read, and why."""

    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiProblem:
    """An error (RFC 9457).

    Attributes
    ----------
    type : str
        Where the code is explained.
    code : str
        Names the kind of error; programs decide by it.
    detail : str
        For people; may be worded differently in any release.
    reference : str
        Finds the request in the log.
    errors : tuple of BadField
        For a request that does not have the documented shape.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    reference: str
    errors: tuple[BadField, ...] = ()


_PROBLEM = TypeAdapter(ApiProblem)


def is_api() -> bool:
    """Whether this request is for the API, whatever answers it."""
    return request.path.startswith(API_PREFIX)


def code_of(error: FleetError) -> str:
    """The code of an error: the name of its class in lower case, with underscores."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()


def problem(
    status: int,
    detail: str,
    code: str | None = None,
    errors: tuple[BadField, ...] = (),
) -> Response:
    """The answer for an error; the code is that of the status unless it is given."""
    known = HTTPStatus(status)
    code = code or known.name.lower()
    body = ApiProblem(
        type=f"/api/v1/docs#{code}",
        title=known.phrase,
        status=status,
        code=code,
        detail=detail,
        reference=request_id(),
        errors=errors,
    )
    return make_response(
        _PROBLEM.dump_json(body), status, {"Content-Type": PROBLEM_TYPE}
    )


def invalid_request(error: ValidationError) -> Response:
    """The answer to a request that does not have the documented shape."""
    errors = tuple(
        BadField(
            field=".".join(map(str, item["loc"])) or "body", message=str(item["msg"])
        )
        for item in error.errors(include_url=False, include_context=False)
    )
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The request does not have the documented shape.",
        "invalid_request",
        errors,
    )
