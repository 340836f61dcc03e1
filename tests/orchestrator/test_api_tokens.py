"""API tokens: what they may, when they end, and what they leave in the history."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.access import Actor, Permission, Role, Scope
from core.audit import AuditAction
from core.errors import Conflict, Forbidden, InvalidInput, NotConfirmed, NotFound
from db import audit, users
from db.users import User, system_actor
from orchestrator.accounts import administration, api_tokens
from orchestrator.accounts.api_tokens import NewToken, RefusedToken, TokenUse
from orchestrator.accounts.logins import RefusedLogin
from orchestrator.regions.changes import RegionDraft, add_region
from orchestrator.use_cases import Request
from tests.asking import NOW, asking, log_in


def _ask(session: Session, caller: Actor | None = None) -> Request:
    return asking(session, caller or system_actor(session, "cli"))


@pytest.fixture
def olga(session: Session) -> User:
    administration.add_user(_ask(session), "olga", Role.OPERATOR)
    found = users.find_user_by_name(session, "olga")
    assert found is not None
    return found


def _make(session: Session, owner: str = "olga", *scopes: Scope) -> NewToken:
    return api_tokens.make_token(
        _ask(session), owner=owner, name="a script", scopes=scopes or [Scope.DECIDE]
    )


def _use(
    session: Session, secret: str | None, after: timedelta = timedelta()
) -> TokenUse | RefusedToken:
    request = asking(session, None, now=NOW + after)
    return api_tokens.use_token(request, secret or "", address="192.0.2.7")


def _used(session: Session, secret: str | None) -> Actor:
    found = _use(session, secret)
    assert isinstance(found, TokenUse)
    return found.actor


def test_a_token_acts_for_its_account_within_its_scopes(
    session: Session, olga: User
) -> None:
    made = _make(session)
    actor = _used(session, made.secret)
    assert (actor.user_id, actor.role) == (olga.user_id, Role.OPERATOR)
    assert (actor.token_id, actor.address) == (made.token.token_id, "192.0.2.7")
    assert actor.may(Permission.DECIDE)
    assert not actor.may(Permission.KEEP_OWN_ACCOUNT)
    assert not actor.may(Permission.VIEW_AUDIT_EVENTS)


@pytest.mark.usefixtures("olga")
def test_the_secret_is_shown_once_and_stored_hashed(session: Session) -> None:
    secret = _make(session).secret
    assert secret is not None
    assert secret.startswith("gfo_")
    stored = session.scalar(text("select to_jsonb(t)::text from api_token t"))
    assert secret[4:] not in str(stored)
    assert not any(secret in event.payload for event in audit.list_events(session))


def test_a_repeated_making_makes_one_token_and_shows_no_secret_again(
    session: Session, olga: User
) -> None:
    request_id, caller = uuid4(), system_actor(session, "cli")
    made = [
        api_tokens.make_token(
            asking(session, caller, request_id=request_id),
            owner="olga",
            name="x",
            scopes=[Scope.READ],
        )
        for _ in range(2)
    ]
    assert made[0].token == made[1].token
    assert made[0].secret is not None
    assert made[1].secret is None
    assert len(api_tokens.own_tokens(_ask(session, olga.as_actor()))) == 1


def test_making_needs_a_confirmation(session: Session, olga: User) -> None:
    unconfirmed = asking(session, olga.as_actor(), is_confirmed=False)
    with pytest.raises(NotConfirmed):
        api_tokens.make_own_token(unconfirmed, name="x", scopes=[Scope.READ])


ENDS: dict[str, Callable[[Request, int], object]] = {
    "disabled": lambda asked, _: administration.disable_user(asked, "olga"),
    "another role": lambda asked, _: administration.change_role(
        asked, "olga", Role.ADMIN
    ),
    "one-time password": lambda asked, _: administration.reset_password(asked, "olga"),
    "revoked": api_tokens.revoke_token,
}


@pytest.mark.usefixtures("olga")
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_token_ends_with_the_next_request(
    session: Session, end: Callable[[Request, int], object]
) -> None:
    made = _make(session)
    _used(session, made.secret)
    end(_ask(session), made.token.token_id)
    assert isinstance(_use(session, made.secret), RefusedToken)


@pytest.mark.usefixtures("olga")
def test_enabling_again_revives_no_token(session: Session) -> None:
    made = _make(session)
    administration.disable_user(_ask(session), "olga")
    administration.enable_user(_ask(session), "olga")
    assert isinstance(_use(session, made.secret), RefusedToken)


def test_a_token_expires(session: Session, olga: User) -> None:
    made = _make(session)
    life, moment = timedelta(days=api_tokens.DEFAULT_DAYS), timedelta(seconds=1)
    assert isinstance(_use(session, made.secret, life - moment), TokenUse)
    assert isinstance(_use(session, made.secret, life), RefusedToken)
    # A clock set back revives none.
    assert isinstance(_use(session, made.secret), RefusedToken)
    (view,) = api_tokens.own_tokens(_ask(session, olga.as_actor()))
    assert view.state == "expired"


def test_the_worker_ends_expired_tokens_so_that_no_clock_revives_them(
    session: Session, olga: User
) -> None:
    made = _make(session)
    late = NOW + timedelta(days=api_tokens.DEFAULT_DAYS)
    cli = system_actor(session, "cli")
    assert api_tokens.end_expired(asking(session, cli, now=late)) == 1
    assert api_tokens.end_expired(asking(session, cli, now=late)) == 0
    assert isinstance(_use(session, made.secret), RefusedToken)
    newest = audit.list_events(session)[0]
    assert newest.action == AuditAction.API_TOKEN_REVOKED
    assert '"reason":"expired"' in newest.payload
    (view,) = api_tokens.own_tokens(_ask(session, olga.as_actor()))
    assert view.state == "expired"


@pytest.mark.usefixtures("olga")
def test_requests_are_counted_by_the_minute(session: Session) -> None:
    made = _make(session)
    counts = []
    for after_s in (0, 1, 60):
        found = _use(session, made.secret, timedelta(seconds=after_s))
        assert isinstance(found, TokenUse)
        counts.append(found.minute_count)
    assert counts == [1, 2, 1]
    (listed,) = api_tokens.list_tokens(_ask(session))
    assert listed.last_used_at_utc == NOW + timedelta(minutes=1)


@pytest.mark.usefixtures("olga")
def test_wrong_tokens_wait_and_become_one_event_a_minute(session: Session) -> None:
    made = _make(session)
    waits = [_use(session, "gfo_guess") for _ in range(30)]
    assert waits[0] == RefusedToken(wait=None)
    assert isinstance(waits[-1], RefusedToken)
    assert waits[-1].wait is not None
    _used(session, made.secret)  # the same address, with a token that is live
    _use(session, "gfo_guess", timedelta(minutes=1))
    (event,) = audit.list_events(session, action=AuditAction.ACCESS_DENIED)
    assert event.object_id == "192.0.2.7"
    assert event.after["count"] == 30


@pytest.mark.usefixtures("olga")
def test_what_a_token_does_names_it_beside_the_account(session: Session) -> None:
    administration.change_role(_ask(session), "olga", Role.ADMIN)
    made = _make(session, "olga", Scope.ADMIN)
    draft = RegionDraft(
        slug="oslo",
        name="Oslo",
        time_zone="Europe/Oslo",
        latitude_deg=59.9,
        longitude_deg=10.7,
    )
    add_region(_ask(session, _used(session, made.secret)), draft)
    (event,) = audit.list_events(session, action=AuditAction.REGION_ADDED, limit=1)
    payload = json.loads(event.payload)
    assert payload["token_id"] == made.token.token_id
    assert payload["actor_name"] == "olga"
    assert payload["session_sha256"] is None


def test_nobody_logs_in_as_a_service_account(session: Session) -> None:
    api_tokens.add_service_account(_ask(session), "historian", Role.ADMIN)
    made = _make(session, "historian", Scope.TELEMETRY)
    assert _used(session, made.secret).may(Permission.MANAGE_TELEMETRY)
    assert isinstance(log_in(session, "historian", ""), RefusedLogin)
    for act in (administration.reset_password, administration.reset_factors):
        with pytest.raises(Conflict, match="service account"):
            act(_ask(session), "historian")
    with pytest.raises(NotFound):
        system_actor(session, "historian")
    administration.disable_user(_ask(session), "historian")
    assert isinstance(_use(session, made.secret), RefusedToken)
    assert administration.enable_user(_ask(session), "historian").password is None


def test_a_service_account_is_not_the_admin_that_must_be_left(session: Session) -> None:
    administration.add_user(_ask(session), "ada", Role.ADMIN)
    api_tokens.add_service_account(_ask(session), "robot", Role.ADMIN)
    with pytest.raises(Conflict, match="only admin left"):
        administration.disable_user(_ask(session), "ada")


@pytest.mark.usefixtures("olga")
@pytest.mark.parametrize(
    ("owner", "name", "scopes", "days", "error"),
    [
        ("nobody", "x", [Scope.READ], 1, NotFound),
        ("worker", "x", [Scope.READ], 1, NotFound),
        ("olga", " ", [Scope.READ], 1, InvalidInput),
        ("olga", "x", [], 1, InvalidInput),
        ("olga", "x", [Scope.READ], 0, InvalidInput),
        ("olga", "x", [Scope.READ], 367, InvalidInput),
        ("olga", "x", [Scope.MODELS], 1, InvalidInput),
        ("olga", "x", [Scope.READ, Scope.AUDIT], 1, InvalidInput),
    ],
)
def test_tokens_that_cannot_be_are_refused(
    session: Session,
    owner: str,
    name: str,
    scopes: list[Scope],
    days: int,
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        api_tokens.make_token(
            _ask(session), owner=owner, name=name, scopes=scopes, days=days
        )


def test_people_end_their_own_tokens_only(session: Session, olga: User) -> None:
    administration.add_user(_ask(session), "paul", Role.OPERATOR)
    paul = users.find_user_by_name(session, "paul")
    assert paul is not None
    token_id = _make(session, "paul", Scope.READ).token.token_id
    with pytest.raises(NotFound):
        api_tokens.revoke_own_token(_ask(session, olga.as_actor()), token_id)
    with pytest.raises(Forbidden):
        api_tokens.list_tokens(_ask(session, olga.as_actor()))
    ended = api_tokens.revoke_own_token(_ask(session, paul.as_actor()), token_id)
    assert ended.state == "revoked"
    with pytest.raises(Conflict):
        api_tokens.revoke_own_token(_ask(session, paul.as_actor()), token_id)
