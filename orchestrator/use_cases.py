"""Use cases: each declares permission, confirmation, audit events and idempotency.

`@query` marks what only reads, `@change` what changes something. Both check the
permission before anything else; a change that is declared `confirmed` also needs a
person who has just proven again who they are. One that needs `two_people` is only tried
while the rules want a second person, to say what it would do. A change is carried out
once for a request id: the same request again gets the answer that was kept, another
body under the same id is refused. Its events are appended last, in the same
transaction. Whoever calls a use case owns that transaction and commits it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass, replace
from datetime import datetime
from functools import wraps
from hashlib import sha256
from inspect import signature
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast
from uuid import UUID

from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from core.access import Actor, Permission
from core.audit import AuditAction, canonical_json
from core.errors import (
    Conflict,
    Forbidden,
    NeedsSecondPerson,
    NotConfirmed,
    RequestReused,
)
from db import approvals, handled_requests
from db.audit_append import NewEvent, append_events
from db.handled_requests import HandledRequest

WORKER_USER = "worker"
"""System user of the worker and of an installation."""

P = ParamSpec("P")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who asks, when, under which id, and in which transaction.

    Attributes
    ----------
    caller : Actor | None
        None for a stranger, who may call only what is open to anybody.
    request_id : UUID | None
        The same when a caller sends a change again. Without one every call is new:
        commands are not repeated by a browser.
    reference : str | None
        Names a single exchange in logs and audit events that have no request id.
    is_confirmed : bool
        Whether the caller has just proven again who they are, for this request. True
        for processes: whoever starts them holds the machine.
    """

    session: Session
    caller: Actor | None
    now: datetime
    request_id: UUID | None = None
    reference: str | None = None
    is_confirmed: bool = False

    @property
    def actor(self) -> Actor:
        """The caller.

        Raises
        ------
        Forbidden
            When a stranger calls.
        """
        if self.caller is None:
            message = "Log in first."
            raise Forbidden(message)
        return self.caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a change adds to the audit chain.

    Attributes
    ----------
    actor : Actor | None
        Where it is not the caller.
    is_belated : bool
        True for what others did earlier: names neither this caller nor this request.
    request_id : UUID | None
        Where it is not the request's: one request may make several decisions.
    """

    action: AuditAction
    object_type: str | None = None
    object_id: str | int | None = None
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
    reason: str | None = None
    actor: Actor | None = None
    is_belated: bool = False
    request_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Generic[Answer]):
    """What a change did.

    Attributes
    ----------
    answer : Answer
        Returned to the caller.
    events : tuple of Event
        In order; empty only when nothing was changed.
    kept : str | int | None
        What the same request is answered from when it comes again; None when nothing
        happened that must not happen twice.
    """

    answer: Answer
    events: tuple[Event, ...] = ()
    kept: str | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCase:
    """A registered use case, as the permission table and the API list it.

    Attributes
    ----------
    permission : Permission | None
        None when anybody may call it, logged in or not.
    events : tuple of AuditAction
        What it may add to the audit chain; empty for a query.
    is_confirmed : bool
        Whether the caller must have just proven again who they are.
    is_idempotent : bool
        Whether a repeated request id is answered instead of carried out again.
    needs_two_people : bool
        Whether a second person has to approve it where the rules say so.
    unaudited : str | None
        Why a change has no event of its own.
    """

    name: str
    permission: Permission | None
    events: tuple[AuditAction, ...]
    is_confirmed: bool
    is_idempotent: bool
    needs_two_people: bool
    unaudited: str | None
    function: Callable[..., object]


USE_CASES: dict[str, UseCase] = {}
"""Every use case by its name: the subject and the function, `decisions.record`."""


def query(
    permission: Permission | None,
) -> Callable[
    [Callable[Concatenate[Request, P], Answer]],
    Callable[Concatenate[Request, P], Answer],
]:
    """Declare a use case that changes nothing."""

    def declare(
        function: Callable[Concatenate[Request, P], Answer],
    ) -> Callable[Concatenate[Request, P], Answer]:
        @wraps(function)
        def call(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
            _authorise(request, permission)
            return function(request, *args, **kwargs)

        _register(call, permission)
        return call

    return declare


def change(
    permission: Permission | None,
    *events: AuditAction,
    repeat: Callable[[Request, str], Any] | None,
    body: Callable[..., Mapping[str, object]] | None = None,
    confirmed: bool = False,
    two_people: bool = False,
    unaudited: str | None = None,
) -> Callable[
    [Callable[Concatenate[Request, P], Done[Answer]]],
    Callable[Concatenate[Request, P], Answer],
]:
    """Declare a use case that changes something.

    Parameters
    ----------
    events : AuditAction
        What it may add to the audit chain.
    repeat : callable or None
        Makes the answer of a repeated request from what was kept; None for a change
        that may be made again without harm.
    body : callable, optional
        What makes two requests the same; by default all arguments. Needed where one
        of them is secret or a stream.
    confirmed : bool
        Whether the caller must have just proven again who they are: for limits, models
        and accounts, which an open login at an unattended desk must not change.
    two_people : bool
        Whether a second person has to approve it where the rules for changes say so.
        Its arguments must be plain values or members of enumerations.
    unaudited : str, optional
        Why it has no audit event: required of a change that declares none.
    """
    if bool(events) == bool(unaudited):
        message = "A change needs an audit event, or the reason why it has none."
        raise TypeError(message)

    def declare(
        function: Callable[Concatenate[Request, P], Done[Answer]],
    ) -> Callable[Concatenate[Request, P], Answer]:
        described = signature(function)

        def by_name(*args: P.args, **kwargs: P.kwargs) -> dict[str, object]:
            bound = described.bind(None, *args, **kwargs)
            bound.apply_defaults()
            return dict(list(bound.arguments.items())[1:])

        @wraps(function)
        def call(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
            _authorise(request, permission)
            if confirmed and not request.is_confirmed:
                raise NotConfirmed
            arguments = by_name(*args, **kwargs)
            if repeat is None or request.request_id is None:
                done = _carry_out(name, request, function, arguments)
                return _finish(name, request, done)
            handled = HandledRequest(
                request_id=request.request_id,
                actor_id=request.actor.user_id,
                operation=name,
                body_sha256=sha256_of(body(*args, **kwargs) if body else arguments),
                answer="",
            )
            kept = _kept_answer(request.session, handled)
            if kept is not None:
                answer: Answer = repeat(request, kept)
                return answer
            done = _carry_out(name, request, function, arguments)
            if done.kept is not None:
                handled_requests.insert_handled_request(
                    request.session, replace(handled, answer=str(done.kept))
                )
            return _finish(name, request, done)

        name = _register(
            call,
            permission,
            events,
            is_confirmed=confirmed,
            is_idempotent=repeat is not None,
            needs_two_people=two_people,
            unaudited=unaudited,
        )
        return call

    return declare


def carry_out_approved(
    name: str, request: Request, arguments: Mapping[str, object], *, effects: str
) -> None:
    """Carry out a registered change that a second person approved.

    Raises
    ------
    Forbidden
        When the caller no longer has its permission.
    Conflict
        When its effects are not those that were approved; then roll back.
    """
    use_case = USE_CASES[name]
    _authorise(request, use_case.permission)
    done: Done[object] = cast(Any, use_case.function).__wrapped__(request, **arguments)
    if _effects_of(done) != effects:
        message = "It would do something else than when it was asked for; ask again."
        raise Conflict(message)
    _finish(name, request, done)


def _carry_out(
    name: str,
    request: Request,
    function: Callable[..., Done[Answer]],
    arguments: Mapping[str, object],
) -> Done[Answer]:
    """Carry a change out, or only try it where a second person has to approve it.

    Raises
    ------
    NeedsSecondPerson
        When the tried change would change anything.
    """
    if (
        not USE_CASES[name].needs_two_people
        or not approvals.change_rules(request.session).two_people
    ):
        return function(request, **arguments)
    with bound_contextvars(is_trial=True):
        savepoint = request.session.begin_nested()
        try:
            tried = function(request, **arguments)
        finally:
            savepoint.rollback()
    if not tried.events:
        return tried
    plain = {name: _plain(value) for name, value in arguments.items()}
    raise NeedsSecondPerson(name, plain, _effects_of(tried))


def _effects_of(done: Done[Any]) -> str:
    """Canonical text of what a change adds to the audit chain, but for who did it."""
    return canonical_json(
        [
            {
                "action": event.action.value,
                "object_type": event.object_type,
                "object_id": None if event.object_id is None else str(event.object_id),
                "before": event.before,
                "after": event.after,
                "reason": event.reason,
            }
            for event in done.events
        ]
    )


def _register(
    function: Callable[..., object],
    permission: Permission | None,
    events: tuple[AuditAction, ...] = (),
    *,
    is_confirmed: bool = False,
    is_idempotent: bool = False,
    needs_two_people: bool = False,
    unaudited: str | None = None,
) -> str:
    subject = function.__module__.removeprefix("orchestrator.").partition(".")[0]
    name = f"{subject}.{function.__name__}"
    if name in USE_CASES:
        message = f"There are two use cases called {name}."
        raise TypeError(message)
    USE_CASES[name] = UseCase(
        name=name,
        permission=permission,
        events=events,
        is_confirmed=is_confirmed,
        is_idempotent=is_idempotent,
        needs_two_people=needs_two_people,
        unaudited=unaudited,
        function=function,
    )
    return name


def _authorise(request: Request, permission: Permission | None) -> None:
    if permission is not None:
        request.actor.require(permission)


def _kept_answer(session: Session, handled: HandledRequest) -> str | None:
    """The answer that this request got; None when it is new.

    Of the same request sent several times at once, the others wait here for the first
    to commit.
    """
    handled_requests.lock_request(session, handled.request_id)
    known = handled_requests.handled_request(session, handled.request_id)
    if known is None:
        return None
    if known != replace(handled, answer=known.answer):
        raise RequestReused
    return known.answer


def _finish(name: str, request: Request, done: Done[Answer]) -> Answer:
    """Append the events; last, because they hold the chain's head until the commit."""
    for event in done.events:
        if event.action not in USE_CASES[name].events:
            message = f"{event.action} is not an event that {name} declares."
            raise TypeError(message)
    new_events = [
        NewEvent(
            actor=event.actor or (None if event.is_belated else request.caller),
            action=event.action,
            object_type=event.object_type,
            object_id=None if event.object_id is None else str(event.object_id),
            before=event.before,
            after=event.after,
            reason=event.reason,
            request_id=_id_text(request, event),
        )
        for event in done.events
    ]
    append_events(request.session, new_events)
    return done.answer


def _id_text(request: Request, event: Event) -> str | None:
    if event.is_belated:
        return None
    given = event.request_id or request.request_id
    return request.reference if given is None else str(given)


def sha256_of(given: Mapping[str, object]) -> str:
    """SHA-256 of the canonical text of values, dataclasses and collections."""
    return sha256(canonical_json(_plain(given)).encode()).hexdigest()


def _plain(value: object) -> object:
    """Arguments as plain values, so that they have a canonical text."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [_plain(item) for item in value]
        return items if isinstance(value, list | tuple) else sorted(items, key=str)
    return value
