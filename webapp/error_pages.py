"""Errors as people and scripts see them: a sentence and a reference, nothing else."""

from __future__ import annotations

from http import HTTPStatus

from dash.exceptions import (
    DependencyException,
    InvalidResourceError,
    UnsupportedRelativePath,
)
from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from core.errors import (
    Conflict,
    FleetError,
    Forbidden,
    InvalidInput,
    NotFound,
    ServiceUnavailable,
)
from orchestrator.logs import get_logger
from webapp.csrf import ForeignOriginError
from webapp.problems import code_of, is_api, problem
from webapp.request_context import request_id

log = get_logger(__name__)

RETRY_AFTER_S = 5

_STATUS_OF = (
    (ServiceUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (InvalidInput, HTTPStatus.BAD_REQUEST),
)
_SENTENCES = {
    HTTPStatus.BAD_REQUEST: "The portal could not read this request.",
    HTTPStatus.UNAUTHORIZED: "Log in first.",
    HTTPStatus.FORBIDDEN: "Your role does not allow this.",
    HTTPStatus.NOT_FOUND: "There is no such page.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address cannot be used like that.",
    HTTPStatus.LENGTH_REQUIRED: "The portal could not read this request.",
    HTTPStatus.PRECONDITION_FAILED: "It changed since you read it. Read it again.",
    HTTPStatus.PRECONDITION_REQUIRED: "Send If-Match with the ETag that you read.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "This is larger than the portal accepts.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The portal could not read this request.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many tries from this address. Wait a little.",
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "The portal cannot reach its database. This page tries again by itself."
    ),
}
_OTHER = "Something went wrong in the portal. It has been noted."


def install_error_pages(server: Flask) -> None:
    """Answer every error in our own words. Called after Dash added its handlers."""
    server.register_error_handler(CSRFError, _form_expired)
    server.register_error_handler(ForeignOriginError, _foreign_origin)
    server.register_error_handler(HTTPException, _http_error)
    server.register_error_handler(FleetError, _fleet_error)
    server.register_error_handler(DependencyException, _no_such_file)
    server.register_error_handler(InvalidResourceError, _no_such_file)
    server.register_error_handler(UnsupportedRelativePath, _unreadable)
    server.register_error_handler(Exception, _bug)


def error_answer(
    status: int, sentence: str | None = None, code: str | None = None
) -> Response:
    """A page for people, JSON for scripts, both with the reference."""
    known = HTTPStatus(status)
    sentence = sentence or _SENTENCES.get(known, _OTHER)
    if is_api():
        response = problem(status, sentence, code)
    elif _wants_json():
        response = jsonify(error=sentence, reference=request_id())
    else:
        response = make_response(
            render_template(
                "error.html",
                status=status,
                title=known.phrase,
                sentence=sentence,
                reference=request_id(),
                retry_after_s=_retry_after_s(status),
            )
        )
    response.status_code = status
    retry_after_s = _retry_after_s(status)
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def _retry_after_s(status: int) -> int | None:
    return RETRY_AFTER_S if status == HTTPStatus.SERVICE_UNAVAILABLE else None


def _wants_json() -> bool:
    return request.path.startswith("/_") or request.is_json


def _http_error(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.response)
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if status < HTTPStatus.BAD_REQUEST:
        return make_response(error.get_response())
    answer = error_answer(status)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers.extend(
            (name, value) for name, value in error.get_headers() if name == "Allow"
        )
    return answer


def _form_expired(_error: CSRFError) -> Response:
    log.info("form_token_refused", path=request.path, address=request.remote_addr)
    return error_answer(
        HTTPStatus.BAD_REQUEST,
        "This page was open for too long. Load it again and repeat what you did.",
    )


def _foreign_origin(error: ForeignOriginError) -> Response:
    log.warning("foreign_origin_refused", address=request.remote_addr)
    return error_answer(HTTPStatus.BAD_REQUEST, error.description)


def _fleet_error(error: FleetError) -> Response:
    for kind, status in _STATUS_OF:
        if isinstance(error, kind):
            # The sentence for a database failure says what happens next.
            own_words = None if kind is ServiceUnavailable else error.message
            return error_answer(status, own_words, code_of(error))
    return error_answer(HTTPStatus.UNPROCESSABLE_ENTITY, error.message, code_of(error))


def _no_such_file(_error: Exception) -> Response:
    return error_answer(HTTPStatus.NOT_FOUND)


def _unreadable(_error: Exception) -> Response:
    return error_answer(HTTPStatus.BAD_REQUEST)


def _bug(error: Exception) -> Response:
    log.error("unhandled_exception", exc_info=error, path=request.path)
    return error_answer(HTTPStatus.INTERNAL_SERVER_ERROR)
