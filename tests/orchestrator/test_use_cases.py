"""Use cases declare permission, events and idempotency, and cannot do without."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

import orchestrator
from core.access import Actor, Permission, Role
from core.audit import ANONYMOUS, AuditAction
from core.errors import Forbidden, InvalidInput, NotConfirmed, RequestReused
from db import audit
from db.users import system_actor
from orchestrator.use_cases import USE_CASES, Done, Event, Request, change, query
from tests.asking import asking

OPERATOR = Actor(user_id=1, name="olga", role=Role.OPERATOR)
NOTED = Event(action=AuditAction.BACKUP_MADE, object_type="note", object_id=7)
made: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_made() -> None:
    made.clear()


def _note(request: Request, text: str, *, secret: str = "") -> Done[str]:
    assert secret not in text or not secret
    made.append(text)
    if text == "undeclared":
        event = Event(action=AuditAction.BACKUP_RESTORED)
        return Done(answer=text, events=(event,), kept=text)
    if text == "stranger":
        return Done(answer=text, events=(replace(NOTED, is_belated=True),))
    if text == "unchanged":
        return Done(answer=text)
    return Done(answer=f"{text} by {request.actor.name}", events=(NOTED,), kept=text)


def _body(text: str, *, secret: str = "") -> Mapping[str, object]:  # noqa: ARG001
    return {"text": text}


note = change(
    Permission.MANAGE_MODELS,
    AuditAction.BACKUP_MADE,
    repeat=lambda _request, kept: f"{kept}, as before",
    body=_body,
)(_note)


@query(Permission.DECIDE)
def look(request: Request, what: str) -> str:
    return f"{what} for {request.actor.name}"


def _ask(session: Session, request_id: UUID | None = None) -> Request:
    return asking(session, system_actor(session, "cli"), request_id=request_id)


def _events(session: Session) -> list[tuple[str, str | None, str | None]]:
    return [
        (event.action, event.object_id, event.request_id)
        for event in audit.list_events(session, action=AuditAction.BACKUP_MADE)
    ]


def test_a_role_without_the_permission_is_refused_before_anything_happens(
    session: Session,
) -> None:
    with pytest.raises(Forbidden, match="manage models"):
        note(asking(session, OPERATOR), "x")
    assert look(asking(session, OPERATOR), "fleet") == "fleet for olga"
    assert made == []


def test_a_stranger_may_call_only_what_is_open(session: Session) -> None:
    with pytest.raises(Forbidden, match="Log in"):
        look(asking(session, None), "fleet")


def test_a_change_appends_its_event_with_the_request_id(session: Session) -> None:
    request_id = uuid4()
    assert note(_ask(session, request_id), "x") == "x by cli"
    assert _events(session) == [("backup_made", "7", str(request_id))]


def test_the_same_request_again_gets_the_kept_answer(session: Session) -> None:
    request_id = uuid4()
    note(_ask(session, request_id), "x", secret="one")
    again = note(_ask(session, request_id), "x", secret="two")
    assert (again, made) == ("x, as before", ["x"])
    assert len(_events(session)) == 1


def test_another_body_or_person_under_the_same_id_is_refused(session: Session) -> None:
    request_id = uuid4()
    note(_ask(session, request_id), "x")
    with pytest.raises(RequestReused):
        note(_ask(session, request_id), "y")
    worker = system_actor(session, "worker")
    with pytest.raises(RequestReused):
        note(asking(session, worker, request_id=request_id), "x")
    assert made == ["x"]


def test_without_an_id_every_call_is_new(session: Session) -> None:
    note(_ask(session), "x")
    note(_ask(session), "x")
    assert made == ["x", "x"]


def test_what_changed_nothing_is_carried_out_again(session: Session) -> None:
    request_id = uuid4()
    for _ in range(2):
        assert note(_ask(session, request_id), "unchanged") == "unchanged"
    assert made == ["unchanged", "unchanged"]


def test_an_event_that_was_not_declared_is_a_fault(session: Session) -> None:
    with pytest.raises(TypeError, match="not an event"):
        note(_ask(session), "undeclared")


def test_arguments_that_have_no_text_need_a_body(session: Session) -> None:
    unnamed = change(
        Permission.DECIDE, AuditAction.BACKUP_MADE, repeat=lambda _, kept: kept
    )

    def keep(_request: Request, _stream: object) -> Done[str]:
        return Done(answer="kept", kept="kept", events=(NOTED,))

    with pytest.raises(InvalidInput, match="no canonical form"):
        unnamed(keep)(_ask(session, uuid4()), object())


def test_what_strangers_did_names_neither_caller_nor_request(session: Session) -> None:
    note(_ask(session, uuid4()), "stranger")
    (event,) = audit.list_events(session, action=AuditAction.BACKUP_MADE)
    assert (event.actor_name, event.request_id) == (ANONYMOUS, None)


def test_a_change_needs_its_events_or_a_reason_to_have_none() -> None:
    with pytest.raises(TypeError, match="event"):
        change(Permission.DECIDE, repeat=None)
    with pytest.raises(TypeError, match="event"):
        change(
            Permission.DECIDE, AuditAction.BACKUP_MADE, repeat=None, unaudited="seen"
        )


def test_why_a_change_has_no_event_is_registered(session: Session) -> None:
    def count(_request: Request) -> Done[int]:
        return Done(answer=1)

    counted = change(Permission.DECIDE, repeat=None, unaudited="only counted")(count)
    assert counted(asking(session, OPERATOR)) == 1
    registered = USE_CASES.values()
    assert [item.name for item in registered if item.unaudited == "only counted"]


def test_a_name_is_registered_once() -> None:
    with pytest.raises(TypeError, match="two use cases"):
        query(Permission.DECIDE)(look)


CONFIRMED = {
    "accounts.add_user", "accounts.change_role", "accounts.disable_user",
    "accounts.enable_user", "accounts.end_logins", "accounts.ensure_first_admin",
    "accounts.reset_password", "accounts.reset_factors",
    "accounts.add_app", "accounts.add_passkey", "accounts.remove_factor",
    "accounts.make_recovery_codes", "audit.begin_anew",
    "accounts.add_service_account", "accounts.make_token", "accounts.make_own_token",
    "accounts.revoke_token",
    "feeds.add_feed", "feeds.change_feed", "feeds.remove_feed",
    "deliveries.add_subscription", "deliveries.change_subscription",
    "deliveries.remove_subscription", "deliveries.rotate_secret",
    "regions.change_policy", "regions.change_terms", "regions.limit_by_class",
    "registry.activate_model", "registry.override_gate", "registry.receive_model",
    "registry.roll_back_model", "registry.train_models", "registry.clear_alarm",
    "registry.pin_signing_key", "registry.unpin_signing_key", "registry.add_signature",
    "approvals.approve", "approvals.ask_second_person", "approvals.refuse",
    "approvals.set_change_rules",
    "operations.ask_for_training", "operations.retire_demo",
}  # fmt: skip
"""Written out: the declarations must agree with what was decided."""


TWO_PEOPLE = {
    "approvals.set_change_rules", "registry.activate_model", "registry.override_gate",
    "registry.roll_back_model", "registry.pin_signing_key",
    "registry.unpin_signing_key", "regions.change_policy", "regions.change_terms",
    "regions.limit_by_class",
}  # fmt: skip


def _all_modules() -> list[ModuleType]:
    """Every module of the orchestrator, so that all use cases are registered."""
    return [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(orchestrator.__path__, "orchestrator.")
        if found.name != "orchestrator.__main__"
    ]


def test_accounts_limits_and_models_need_a_confirmed_request() -> None:
    _all_modules()
    declared = {name for name, item in USE_CASES.items() if item.is_confirmed}
    assert {name for name in declared if not name.startswith("tests.")} == CONFIRMED


def test_models_limits_and_their_rules_need_two_people_where_the_rules_say_so() -> None:
    _all_modules()
    declared = {name for name, item in USE_CASES.items() if item.needs_two_people}
    assert declared == TWO_PEOPLE


def test_an_unconfirmed_request_changes_nothing(session: Session) -> None:
    sure = change(
        Permission.DECIDE, AuditAction.BACKUP_MADE, repeat=None, confirmed=True
    )

    def be_sure(_request: Request, text: str) -> Done[str]:
        made.append(text)
        return Done(answer=text, events=(NOTED,))

    call = sure(be_sure)
    caller = system_actor(session, "cli")
    with pytest.raises(NotConfirmed, match="nothing was changed"):
        call(asking(session, caller, is_confirmed=False), "x")
    with pytest.raises(Forbidden, match="Log in"):
        call(asking(session, None, is_confirmed=True), "x")
    assert made == []
    assert call(asking(session, caller), "x") == "x"


def test_whatever_takes_a_request_is_registered_or_part_of_a_change() -> None:
    """A public function that takes a request is a use case, returns the events of one,
    or answers its repeats.
    """
    modules = _all_modules()
    registered = {id(item.function) for item in USE_CASES.values()}
    unregistered = []
    for module in modules:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ != module.__name__ or name.startswith("_"):
                continue
            names = inspect.signature(function).parameters
            first = next(iter(names.values()), None)
            returns = str(inspect.signature(function).return_annotation)
            if (
                first is not None
                and list(names)[1:] != ["kept"]
                and first.annotation in ("Request", Request)
                and id(function) not in registered
                and not any(word in returns for word in ("Done", "Event"))
            ):
                unregistered.append(f"{module.__name__}.{name}")
    assert unregistered == []
