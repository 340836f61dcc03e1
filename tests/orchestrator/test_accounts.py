"""Accounts: the first admin, roles, one-time passwords, and who may change them."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.audit import AuditAction
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from db.audit import list_events
from db.engine import DatabaseUrls, make_engine
from db.users import find_user_by_name, system_actor
from orchestrator.accounts import administration, logins, own_password, passwords
from orchestrator.accounts.logins import Login, RefusedLogin
from orchestrator.accounts.tries import Client
from tests.asking import CLIENT, NOW, asking, log_in

STRONG = "quartz lantern seven rivers"


def _first_admin(session: Session, name: str, password: str | None) -> str | None:
    installing = asking(session, system_actor(session, "worker"))
    return administration.ensure_first_admin(installing, name, password)


@pytest.fixture
def cli(session: Session) -> Actor:
    return system_actor(session, "cli")


def _log_in(session: Session, name: str, password: str) -> Login | RefusedLogin:
    return log_in(session, name, password)


def test_the_first_admin_gets_a_one_time_password(session: Session) -> None:
    printed = _first_admin(session, "root", None)
    assert printed is not None
    login = _log_in(session, "root", printed)
    assert isinstance(login, Login)
    assert login.must_change_password
    assert login.actor.role is Role.ADMIN


def test_the_operator_may_choose_the_first_password(session: Session) -> None:
    assert _first_admin(session, "root", STRONG) is None
    login = _log_in(session, "root", STRONG)
    assert isinstance(login, Login)
    assert not login.must_change_password


@pytest.mark.parametrize("weak", ["", "short", "password12345", "rootrootrootroot"])
def test_a_weak_first_password_is_one_clear_sentence(
    session: Session, weak: str
) -> None:
    with pytest.raises(InvalidInput, match="GFO_ADMIN_PASSWORD cannot be used"):
        _first_admin(session, "root", weak)
    assert find_user_by_name(session, "root") is None


def test_an_installation_with_people_keeps_them(session: Session) -> None:
    _first_admin(session, "root", STRONG)
    assert _first_admin(session, "other", None) is None
    assert find_user_by_name(session, "other") is None


def test_an_added_user_logs_in_once_and_must_change(
    session: Session, cli: Actor
) -> None:
    made = administration.add_user(
        asking(session, cli), name=" ada ", role=Role.AUDITOR
    )
    assert made.account.name == "ada"
    assert made.password not in repr(made)
    login = _log_in(session, "ada", made.password)
    assert isinstance(login, Login)
    assert login.must_change_password
    event = next(e for e in list_events(session) if e.action == AuditAction.USER_ADDED)
    assert event.actor_name == "cli"
    assert made.password not in event.payload


@pytest.mark.parametrize("name", ["", "   ", "a" * 81, "a\x00b", "a\nb"])
def test_names_are_short_and_printable(session: Session, cli: Actor, name: str) -> None:
    with pytest.raises(InvalidInput):
        administration.add_user(asking(session, cli), name=name, role=Role.AUDITOR)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.OPERATOR])
def test_only_admins_manage_accounts(session: Session, cli: Actor, role: Role) -> None:
    _first_admin(session, "root", STRONG)
    actor = Actor(user_id=cli.user_id, name="x", role=role)
    with pytest.raises(Forbidden):
        administration.add_user(asking(session, actor), name="eve", role=Role.ADMIN)
    with pytest.raises(Forbidden):
        administration.list_accounts(asking(session, actor))
    with pytest.raises(Forbidden):
        administration.disable_user(asking(session, actor), "root")
    with pytest.raises(Forbidden):
        administration.change_role(asking(session, actor), "root", Role.AUDITOR)
    with pytest.raises(Forbidden):
        administration.reset_password(asking(session, actor), "root")


def test_system_users_cannot_be_changed_or_log_in(session: Session, cli: Actor) -> None:
    with pytest.raises(NotFound):
        administration.reset_password(asking(session, cli), "worker")
    with pytest.raises(NotFound):
        administration.disable_user(asking(session, cli), "cli")
    assert isinstance(_log_in(session, "worker", ""), RefusedLogin)


def test_the_last_admin_stays(session: Session, cli: Actor) -> None:
    _first_admin(session, "root", STRONG)
    with pytest.raises(Conflict, match="only admin left"):
        administration.disable_user(asking(session, cli), "root")
    with pytest.raises(Conflict, match="only admin left"):
        administration.change_role(asking(session, cli), "root", Role.OPERATOR)
    administration.add_user(asking(session, cli), name="second", role=Role.ADMIN)
    assert not administration.disable_user(asking(session, cli), "root").is_active


def test_two_admins_who_disable_each_other_leave_one(
    database_urls: DatabaseUrls,
) -> None:
    engine = make_engine(database_urls.app)
    with Session(engine) as session, session.begin():
        cli = system_actor(session, "cli")
        for name in ("anna", "berta"):
            administration.add_user(asking(session, cli), name=name, role=Role.ADMIN)
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def disable(name: str) -> None:
        with Session(engine) as session, session.begin():
            barrier.wait()
            administration.disable_user(asking(session, cli), name)
        outcomes.append(name)

    def attempt(name: str) -> None:
        try:
            disable(name)
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=attempt, args=[n]) for n in ("anna", "berta")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    engine.dispose()
    assert len(outcomes) == 2
    assert outcomes.count("conflict") == 1


def test_a_changed_role_is_audited_with_both_values(
    session: Session, cli: Actor
) -> None:
    administration.add_user(asking(session, cli), name="ada", role=Role.AUDITOR)
    administration.change_role(asking(session, cli), "ada", Role.OPERATOR)
    event = list_events(session, action=AuditAction.USER_ROLE_CHANGED)[0]
    assert '"before":{"is_active":true,"name":"ada","role":"auditor"}' in event.payload
    assert '"role":"operator"' in event.payload


def test_a_login_renews_a_hash_of_older_parameters(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    _first_admin(session, "root", STRONG)
    before = find_user_by_name(session, "root")
    stronger = passwords.PasswordHasher(time_cost=3, memory_cost=20 * 1024)
    monkeypatch.setattr(passwords, "_HASHER", stronger)
    assert isinstance(_log_in(session, "root", STRONG), Login)
    after = find_user_by_name(session, "root")
    assert before is not None
    assert after is not None
    assert before.password_hash != after.password_hash
    assert "t=3" in (after.password_hash or "")
    assert isinstance(_log_in(session, "root", STRONG), Login)


def _made(
    session: Session, cli: Actor, name: str = "ada"
) -> administration.NewPassword:
    return administration.add_user(asking(session, cli), name=name, role=Role.OPERATOR)


def test_a_one_time_password_runs_out(session: Session, cli: Actor) -> None:
    made = _made(session, cli)
    assert made.until_utc == NOW + administration.ONE_TIME_LIFE
    for late, works in ((timedelta(hours=71), True), (timedelta(hours=72), False)):
        outcome = log_in(session, "ada", made.password, now=NOW + late)
        assert isinstance(outcome, Login) is works


def test_a_password_of_ones_own_does_not_run_out(session: Session, cli: Actor) -> None:
    made = _made(session, cli)
    login = _log_in(session, "ada", made.password)
    assert isinstance(login, Login)
    own_password.change_password(
        asking(session, login.actor), current=made.password, new=STRONG, client=CLIENT
    )
    later = NOW + timedelta(days=400)
    assert isinstance(
        log_in(session, "ada", STRONG, now=later),
        Login,
    )


def test_enabling_lets_a_person_in_with_a_new_password_only(
    session: Session, cli: Actor
) -> None:
    made = _made(session, cli)
    with pytest.raises(Conflict, match="not disabled"):
        administration.enable_user(asking(session, cli), "ada")
    administration.disable_user(asking(session, cli), "ada")
    again = administration.enable_user(asking(session, cli), "ada")
    assert isinstance(_log_in(session, "ada", made.password), RefusedLogin)
    assert isinstance(_log_in(session, "ada", again.password), Login)
    assert AuditAction.USER_ENABLED in {e.action for e in list_events(session)}


def test_an_admin_ends_somebodys_logins(session: Session, cli: Actor) -> None:
    made = _made(session, cli)
    for _ in range(2):
        assert isinstance(_log_in(session, "ada", made.password), Login)
    (ada,) = [
        account
        for account in administration.list_accounts(asking(session, cli))
        if account.name == "ada"
    ]
    assert ada.live_login_count == 2
    assert administration.end_logins(asking(session, cli), "ada") == 2
    assert administration.end_logins(asking(session, cli), "ada") == 0


def test_nobody_resets_their_own_password(session: Session) -> None:
    _first_admin(session, "root", STRONG)
    login = _log_in(session, "root", STRONG)
    assert isinstance(login, Login)
    with pytest.raises(Conflict, match="page of your account"):
        administration.reset_password(asking(session, login.actor), "root")


def test_confirming_with_the_own_password_is_slowed_like_a_login(
    session: Session,
) -> None:
    _first_admin(session, "root", STRONG)
    login = _log_in(session, "root", STRONG)
    assert isinstance(login, Login)

    def refused(password: str) -> bool:
        return own_password.confirm(asking(session, login.actor), password) is not None

    assert not refused(STRONG)
    assert all(refused("wrong") for _ in range(5))
    assert refused(STRONG)


def test_a_system_user_confirms_nothing(session: Session, cli: Actor) -> None:
    with pytest.raises(Forbidden):
        own_password.confirm(asking(session, cli), "")


def test_a_stranger_elsewhere_makes_nobody_wait(session: Session) -> None:
    _first_admin(session, "root", STRONG)
    inside = _log_in(session, "root", STRONG)
    assert isinstance(inside, Login)
    for number in range(60):
        client = Client(address=f"198.51.100.{number % 12}", user_agent=None)
        log_in(session, "root", "wrong", client)
    assert isinstance(log_in(session, "root", STRONG), Login)
    # Nor does who is logged in already wait with confirming an action.
    assert own_password.confirm(asking(session, inside.actor), STRONG) is None


def test_a_known_device_gets_in_whatever_others_try(session: Session) -> None:
    _first_admin(session, "root", STRONG)
    login = _log_in(session, "root", STRONG)
    assert isinstance(login, Login)
    known = replace(CLIENT, device_token=login.device_token)
    for number in range(300):
        stranger = Client(address=f"2001:db8:0:{number:x}::1", user_agent=None)
        attempt = logins.begin_login(
            asking(session, None), name="root", client=stranger
        )
    assert attempt == RefusedLogin(retry_after=timedelta(minutes=1))
    for _ in range(25):  # somebody behind the same address
        logins.begin_login(asking(session, None), name="nobody", client=CLIENT)
    assert isinstance(_log_in(session, "root", STRONG), RefusedLogin)
    again = log_in(session, "root", STRONG, known)
    assert isinstance(again, Login)
    assert again.device_token == login.device_token


def test_a_device_is_known_for_the_people_who_logged_in_with_it(
    session: Session, cli: Actor
) -> None:
    _first_admin(session, "root", STRONG)
    made = _made(session, cli)
    login = _log_in(session, "root", STRONG)
    assert isinstance(login, Login)
    known = replace(CLIENT, device_token=login.device_token)
    for _ in range(6):  # its own tries are limited as well, and others' are not free
        log_in(session, "ada", "wrong", known)
    assert isinstance(log_in(session, "ada", made.password, known), RefusedLogin)
    for _ in range(5):
        log_in(session, "root", "wrong", known)
    assert isinstance(log_in(session, "root", STRONG, known), RefusedLogin)


def test_a_made_up_device_is_a_stranger(session: Session) -> None:
    _first_admin(session, "root", STRONG)
    made_up = replace(CLIENT, device_token="made-up")
    login = log_in(session, "root", STRONG, made_up)
    assert isinstance(login, Login)
    assert login.device_token not in {None, "made-up"}
    for _ in range(5):
        log_in(session, "root", "wrong", made_up)
    assert isinstance(_log_in(session, "root", STRONG), RefusedLogin)


def test_a_password_that_an_admin_hands_out_ends_waits_and_trust(
    session: Session, cli: Actor
) -> None:
    made = _made(session, cli)
    login = _log_in(session, "ada", made.password)
    assert isinstance(login, Login)
    for _ in range(6):
        _log_in(session, "ada", "wrong")
    fresh = administration.reset_password(asking(session, cli), "ada").password
    assert isinstance(_log_in(session, "ada", fresh), Login)
    attempt = logins.begin_login(
        asking(session, None),
        name="ada",
        client=replace(CLIENT, device_token=login.device_token),
    )
    assert not attempt.is_known_device


def test_names_that_nobody_has_wait_alike_and_are_not_stored(session: Session) -> None:
    for _ in range(6):
        outcome = _log_in(session, "my secret typed as a name", "x")
    assert outcome == RefusedLogin(retry_after=timedelta(seconds=15))
    stored = session.execute(text("select subject from login_limit")).scalars()
    assert all(re.fullmatch(r"(name:\d{1,5})?", subject) for subject in stored)


def test_one_address_gets_twenty_tries_and_then_one_every_half_minute(
    session: Session,
) -> None:
    def evaluated(name: str, second: int) -> bool:
        outcome = log_in(session, name, "wrong", now=NOW + timedelta(seconds=second))
        return outcome == RefusedLogin()

    assert sum(evaluated(f"guess{number}", 0) for number in range(40)) == 20
    assert [evaluated(f"more{second}", second) for second in range(0, 91, 10)] == [
        second > 0 and second % 30 == 0 for second in range(0, 91, 10)
    ]


def test_logins_that_ran_out_end_for_good(session: Session, cli: Actor) -> None:
    _first_admin(session, "root", STRONG)
    seen = _log_in(session, "root", STRONG)
    unseen = _log_in(session, "root", STRONG)
    assert isinstance(seen, Login)
    assert isinstance(unseen, Login)
    late = NOW + logins.IDLE_LIMIT
    assert logins.end_run_out_login(asking(session, None, now=late), seen.token)
    assert logins.find_login(asking(session, None), seen.token) is None
    assert logins.find_login(asking(session, None), unseen.token) is not None
    assert logins.end_run_out_logins(asking(session, cli, now=late)) == 1
    assert logins.find_login(asking(session, None), unseen.token) is None
    assert not logins.end_run_out_login(asking(session, None, now=late), "made-up")
    reasons = [
        event.payload
        for event in list_events(session, action=AuditAction.SESSION_ENDED)
    ]
    assert len(reasons) == 2
    assert all("run_out" in payload for payload in reasons)
