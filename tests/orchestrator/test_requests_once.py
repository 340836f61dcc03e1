"""Each change that a page asks for is made once for a request id, by whoever asks."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.ashrae import AshraeClass
from core.audit import AuditAction
from core.errors import RequestReused
from core.forecasts import Target
from db import model_evaluations, model_versions
from db.engine import make_engine
from db.users import insert_user
from orchestrator.accounts import administration
from orchestrator.accounts.administration import NewPassword
from orchestrator.accounts.passwords import hash_password
from orchestrator.audit.chain_status import ask_for_check
from orchestrator.plans import planning
from orchestrator.plans.terms import PlanTerms
from orchestrator.regions import changes
from orchestrator.regions.changes import RegionDraft
from orchestrator.regions.policies import change_policy, change_terms, limit_by_class
from orchestrator.registry.activation import (
    activate_model,
    override_gate,
    roll_back_model,
)
from orchestrator.registry.evaluation_requests import start_evaluation
from orchestrator.registry.model_files import GivenFile, receive_model
from orchestrator.runtime import Runtime
from orchestrator.settings import load_settings
from orchestrator.telemetry.imports import FileToImport
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.uploads import import_upload
from tests.asking import asking, log_in
from tests.fleet import TRAINED_UNTIL, Fleet
from tests.models.foreign import day_before
from tests.orchestrator.test_serving import put_into_service

pytestmark = pytest.mark.slow

POSTS = 20
PASSWORD = "correct horse battery staple"
ROWS = "timestamp,region,temperature_c\n2025-07-01T00:00:00Z,texas,{}\n"
LIMITS = {
    "thermal_limit_c": 35.0,
    "confidence": 0.95,
    "cooling_factor_c_per_pct": 0.05,
    "telemetry_max_age_h": 3.0,
}

Ask = Callable[[Session, Actor, UUID, bool], object]
"""Asks for the change; with True for another change, that the id does not belong to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One kind of post: how it is made ready, and the event that it leaves once."""

    ready: Callable[[Session, Actor], Ask]
    action: AuditAction


def draft(slug: str) -> RegionDraft:
    return RegionDraft(
        slug=slug, name=slug, time_zone="UTC", latitude_deg=30.0, longitude_deg=1.0
    )


def add_region(_session: Session, _actor: Actor) -> Ask:
    return lambda session, actor, request_id, other: (
        changes.add_region(
            asking(session, actor, request_id=request_id),
            draft("utah" if other else "texas"),
        ).slug
    )


def set_region(_session: Session, _actor: Actor) -> Ask:
    return lambda session, actor, request_id, other: (
        changes.set_region(
            asking(session, actor, request_id=request_id),
            "arizona",
            {"it_capacity_mw": 90.0 if other else 110.0},
        ).region.it_capacity_mw
    )


def set_policy(_session: Session, _actor: Actor) -> Ask:
    return lambda session, actor, request_id, other: change_policy(
        asking(session, actor, request_id=request_id),
        region_slug=None,
        values=LIMITS | {"thermal_limit_c": 33.0 if other else 34.0},
        reason="test",
    )


def set_terms(_session: Session, _actor: Actor) -> Ask:
    return lambda session, actor, request_id, other: change_terms(
        asking(session, actor, request_id=request_id),
        changes={"migration_usd_per_mwh": 3.0 if other else 2.0},
        reason="test",
    )


def limit_of_class(_session: Session, _actor: Actor) -> Ask:
    return lambda session, actor, request_id, other: limit_by_class(
        asking(session, actor, request_id=request_id),
        region_slug="ireland",
        equipment=AshraeClass.A2,
        approach_c=5.0 if other else 4.0,
        reason="test",
    )


def add_account(_session: Session, _actor: Actor) -> Ask:
    return lambda session, actor, request_id, other: (
        # The password is not repeated: see its own test.
        administration.add_user(
            asking(session, actor, request_id=request_id),
            "eve" if other else "olga",
            Role.OPERATOR,
        ).account
    )


def end_logins(session: Session, _actor: Actor) -> Ask:
    for name in ("olga", "eve"):
        insert_user(
            session,
            name=name,
            role=Role.OPERATOR,
            password_hash=hash_password(PASSWORD),
            must_change_password=False,
        )
    log_in(session, "olga", PASSWORD)
    return lambda session, actor, request_id, other: administration.end_logins(
        asking(session, actor, request_id=request_id), "eve" if other else "olga"
    )


def find_plan(_session: Session, _actor: Actor) -> Ask:
    return lambda session, actor, request_id, other: (
        planning.find_plan(
            asking(session, actor, request_id=request_id),
            terms=PlanTerms(carbon_usd_per_t=80.0 if other else 70.0),
            anchor_slug="arizona",
            local_day=None,
        ).plan_id
    )


def record_plan(session: Session, actor: Actor) -> Ask:
    plan_id = find_plan(session, actor)(session, actor, uuid4(), False)
    assert isinstance(plan_id, int)
    return lambda session, actor, request_id, other: (
        planning.record_plan(
            asking(session, actor, request_id=request_id),
            plan_id=plan_id,
            comment="other" if other else "agreed",
        ).cards
    )


def import_file(session: Session, actor: Actor) -> Ask:
    changes.add_region(asking(session, actor), draft("texas"))

    def ask(session: Session, actor: Actor, request_id: UUID, other: bool) -> object:
        content = io.BytesIO(ROWS.format(31 if other else 30).encode())
        asked = FileToImport(
            source=content, label="t.csv", telemetry_format=TelemetryFormat.CSV
        )
        return import_upload(
            asking(session, actor, request_id=request_id),
            content,
            asked,
            ranges=load_settings(None).valid_ranges(),
        )

    return ask


def upload_model(_session: Session, _actor: Actor) -> Ask:
    return lambda session, actor, request_id, other: receive_model(
        asking(session, actor, request_id=request_id),
        GivenFile.read(io.BytesIO(b"other" if other else b"bytes"), "m.onnx"),
    )


def _two_models(session: Session) -> tuple[int, int]:
    """The model that served, and another one that serves now."""
    active = model_versions.active_model(session, Target.TEMPERATURE_C)
    assert active is not None
    until = f"{TRAINED_UNTIL}T00:00:00Z"
    return active.version.version_id, put_into_service(session, day_before(until))


def activate(session: Session, _actor: Actor) -> Ask:
    first, _ = _two_models(session)
    return lambda session, actor, request_id, other: (
        activate_model(
            asking(session, actor, request_id=request_id),
            first,
            reason="other" if other else "better",
        ).version_id
    )


def roll_back(session: Session, _actor: Actor) -> Ask:
    _two_models(session)
    return lambda session, actor, request_id, other: (
        roll_back_model(
            asking(session, actor, request_id=request_id),
            Target.TEMPERATURE_C,
            reason="other" if other else "worse",
        ).version_id
    )


def override(session: Session, _actor: Actor) -> Ask:
    first, _ = _two_models(session)
    model_versions.set_state(
        session, first, state="rejected", rejected_reason="its gate"
    )
    return lambda session, actor, request_id, other: (
        override_gate(
            asking(session, actor, request_id=request_id),
            first,
            reason="an entirely other reason" if other else "we know this model",
        ).version_id
    )


def evaluate(session: Session, _actor: Actor) -> Ask:
    first, second = _two_models(session)

    def ask(session: Session, actor: Actor, request_id: UUID, other: bool) -> object:
        return start_evaluation(
            asking(session, actor, request_id=request_id),
            second if other else first,
        )

    return ask


def check_chain(_session: Session, _actor: Actor) -> Ask:
    # It has no body; the id belongs to this operation all the same.
    return lambda session, actor, request_id, other: (
        set_policy(session, actor)(session, actor, request_id, True)
        if other
        else ask_for_check(asking(session, actor, request_id=request_id))
    )


KINDS = {
    "add a region": Post(ready=add_region, action=AuditAction.REGION_ADDED),
    "change a region": Post(ready=set_region, action=AuditAction.REGION_CHANGED),
    "change limits": Post(ready=set_policy, action=AuditAction.POLICY_CHANGED),
    "change terms": Post(ready=set_terms, action=AuditAction.POLICY_CHANGED),
    "limit by class": Post(ready=limit_of_class, action=AuditAction.POLICY_CHANGED),
    "add an account": Post(ready=add_account, action=AuditAction.USER_ADDED),
    "end logins": Post(ready=end_logins, action=AuditAction.SESSION_ENDED),
    "find a plan": Post(ready=find_plan, action=AuditAction.PLAN_FOUND),
    "record a plan": Post(ready=record_plan, action=AuditAction.PLAN_RECORDED),
    "import": Post(ready=import_file, action=AuditAction.TELEMETRY_IMPORTED),
    "upload a model": Post(ready=upload_model, action=AuditAction.MODEL_UPLOADED),
    "activate": Post(ready=activate, action=AuditAction.MODEL_ACTIVATED),
    "roll back": Post(ready=roll_back, action=AuditAction.MODEL_ACTIVATED),
    "override": Post(ready=override, action=AuditAction.MODEL_GATE_OVERRIDDEN),
    "evaluate": Post(ready=evaluate, action=AuditAction.MODEL_EVALUATION_STARTED),
    "check the chain": Post(ready=check_chain, action=AuditAction.CHAIN_CHECK_ASKED),
}


@pytest.fixture
def crowd(fleet: Fleet) -> Iterator[Runtime]:
    """A runtime with a connection for each of the posts."""
    engine = make_engine(fleet.urls.app, pool_size=POSTS, pool_timeout_s=30)
    yield replace(fleet.runtime, engine=engine)
    engine.dispose()


def admin(runtime: Runtime, name: str) -> Actor:
    with runtime.transaction() as session:
        user = insert_user(
            session,
            name=name,
            role=Role.ADMIN,
            password_hash=hash_password(PASSWORD),
            must_change_password=False,
        )
    return Actor(user_id=user.user_id, name=name, role=Role.ADMIN)


def state(runtime: Runtime) -> tuple[int, int, int]:
    """Counts that any change moves: events, answers kept, jobs queued."""
    with runtime.transaction() as session:
        row = session.execute(
            text(
                "select (select count(*) from audit_event),"
                " (select count(*) from handled_request),"
                " (select count(*) from procrastinate_jobs)"
            )
        ).one()
    return row[0], row[1], row[2]


def events(runtime: Runtime, action: AuditAction, request_id: UUID) -> int:
    with runtime.transaction() as session:
        found = session.scalar(
            text(
                "select count(*) from audit_event"
                " where action = :action and request_id = :request_id"
            ),
            {"action": action.value, "request_id": str(request_id)},
        )
    return int(found or 0)


@pytest.mark.parametrize("kind", KINDS)
def test_twenty_posts_of_one_request_are_one_change_with_one_answer(
    crowd: Runtime, kind: str
) -> None:
    post, request_id = KINDS[kind], uuid4()
    ada, eva = admin(crowd, "ada"), admin(crowd, "eva")
    with crowd.transaction() as session:
        ask = post.ready(session, ada)

    def send(_number: int) -> object:
        with crowd.transaction() as session:
            return ask(session, ada, request_id, False)

    with ThreadPoolExecutor(POSTS) as pool:
        answers = list(pool.map(send, range(POSTS)))

    assert all(answer == answers[0] for answer in answers)
    assert events(crowd, post.action, request_id) == 1
    before = state(crowd)
    assert send(POSTS) == answers[0], "sent again later"
    with crowd.transaction() as session, pytest.raises(RequestReused):
        ask(session, ada, request_id, True)
    with crowd.transaction() as session, pytest.raises(RequestReused):
        ask(session, eva, request_id, False)
    assert state(crowd) == before


def test_a_repeated_request_tells_no_one_time_password_and_keeps_none(
    crowd: Runtime,
) -> None:
    ada, request_id = admin(crowd, "ada"), uuid4()

    def ask() -> NewPassword:
        with crowd.transaction() as session:
            request = asking(session, ada, request_id=request_id)
            return administration.add_user(request, "olga", Role.OPERATOR)

    first, again = ask(), ask()

    assert first.password is not None
    assert again == replace(first, password=None)
    with crowd.transaction() as session:
        kept = session.scalars(
            text(
                "select answer from handled_request union all"
                " select payload from audit_event"
            )
        ).all()
    assert kept
    assert not [line for line in kept if first.password in line]


def test_an_evaluation_that_is_asked_for_twice_runs_once(crowd: Runtime) -> None:
    ada = admin(crowd, "ada")
    with crowd.transaction() as session:
        ask = evaluate(session, ada)
        first, again = (ask(session, ada, uuid4(), False) for _ in range(2))
        assert first == again
        assert isinstance(first, int)
        assert model_evaluations.evaluation(session, first).state == "running"
