"""Every change commits with its audit event.

Each registered change is called here on a database that refuses a commit without the
event (`tests.audit_watch`).
"""

from __future__ import annotations

import io
import json
import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.access import Actor, Role, Scope
from core.ashrae import AshraeClass
from core.days import full_hour
from core.decision_states import DecisionState
from core.errors import ModelUnavailable, NeedsSecondPerson, ServiceUnavailable
from core.forecasts import Target
from core.model_watch import Evidence
from core.telemetry import HOUR, Quantity
from db import (
    audit,
    deliveries,
    ingest,
    model_evaluations,
    model_uploads,
    model_versions,
    model_watch,
    regions,
    users,
)
from db.audit import EventFilter
from db.engine import parse_url
from db.feeds import find_feed
from db.rejects import RejectFilter
from db.users import system_actor
from models.metadata import Family
from orchestrator.accounts import (
    administration,
    api_tokens,
    denials,
    federation,
    logins,
    own_password,
    passkeys,
    provider_checks,
    second_factors,
)
from orchestrator.accounts.federation import FederatedPerson
from orchestrator.accounts.identity_provider import LogoutToken, Renewed
from orchestrator.accounts.logins import Login, RefusedLogin
from orchestrator.accounts.passkeys import Ceremony, Place
from orchestrator.accounts.retention import purge_records
from orchestrator.accounts.second_factors import FactorKey
from orchestrator.accounts.tries import Client
from orchestrator.alarms import handling as alarm_handling
from orchestrator.alarms.alarm_lists import standing_alarms
from orchestrator.alarms.alarm_rules import evaluate_alarms
from orchestrator.alarms.handover import hand_over
from orchestrator.approvals import requests as approvals
from orchestrator.approvals.rules import set_change_rules
from orchestrator.audit import anchoring
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.chain_export import export_chain, export_newest
from orchestrator.audit.chain_status import (
    ask_for_check,
    check_whole_chain,
    report_broken_chain,
)
from orchestrator.audit.event_list import events_csv
from orchestrator.cycle.issuance import issue_live
from orchestrator.cycle.worker_jobs import WorkerJobs
from orchestrator.decisions import recording
from orchestrator.decisions.comments import comment_decision
from orchestrator.decisions.judging_again import judge_again
from orchestrator.decisions.lists import DecisionFilter, decisions_csv
from orchestrator.decisions.states import state_decision
from orchestrator.decisions.taking_back import take_back_decisions
from orchestrator.deliveries.delivery_list import forget_old_deliveries
from orchestrator.deliveries.digests import queue_digests
from orchestrator.deliveries.sending import (
    begin_turn,
    end_turn,
    lease_due,
    store_outcome,
)
from orchestrator.deliveries.subscriptions import (
    add_subscription,
    change_subscription,
    pause_subscription,
    remove_subscription,
    replay,
    rotate_secret,
    send_test,
)
from orchestrator.deliveries.webhooks import TryResult
from orchestrator.feeds.configuration import (
    add_feed,
    change_feed,
    pause_feed,
    remove_feed,
    run_feed_soon,
)
from orchestrator.feeds.runs import forget_old_answers, queue_due_feeds, run_feed
from orchestrator.forecasts.hindcasts import hindcast_regions
from orchestrator.forecasts.model_cache import ModelCache, ServingModel
from orchestrator.forecasts.model_health import end_outages, find_outages
from orchestrator.forecasts.model_watch import raise_alarms, watch_skill
from orchestrator.forecasts.retired import retire_forecasts
from orchestrator.forecasts.scoring import score_finished_windows
from orchestrator.operations import backups, installation, setup_requests
from orchestrator.operations.drills import Drill, record_drill
from orchestrator.operations.health_and_jobs import retry_job
from orchestrator.overview.own_views import remove_view, save_view
from orchestrator.plans import planning
from orchestrator.plans.replacing import change_plan, undo_plan
from orchestrator.plans.terms import PlanTerms
from orchestrator.regions import policies as region_policies
from orchestrator.regions.changes import (
    RegionDraft,
    add_region,
    add_regions_from_csv,
    set_region,
)
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry import (
    activation,
    evaluation_steps,
    signatures,
    upload_checks,
)
from orchestrator.registry.coverage_alarms import clear_alarm, fall_back
from orchestrator.registry.evaluation_requests import start_evaluation
from orchestrator.registry.model_files import GivenFile, export_model, receive_model
from orchestrator.registry.training import train_models
from orchestrator.runtime import Runtime
from orchestrator.settings import load_settings
from orchestrator.telemetry.demo_regions import demo_profile
from orchestrator.telemetry.import_pages import refused_csv
from orchestrator.telemetry.imports import (
    FileToImport,
    generate_telemetry,
    import_telemetry,
)
from orchestrator.telemetry.readers.forecast_answers import PublishedFile
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.suspect_hours import (
    accept_suspect_hours,
    judge_stored_hours,
)
from orchestrator.telemetry.uploads import import_upload
from orchestrator.telemetry.weather_forecast_imports import (
    import_published,
    import_weather_forecasts,
)
from orchestrator.telemetry.withdrawals import withdraw_import
from orchestrator.use_cases import USE_CASES, Done, Request, _finish
from tests.alarm_looks import TERMS
from tests.asking import asking
from tests.audit_watch import (
    AUDITED_BY,
    UNAUDITED,
    UNAUDITED_COLUMNS,
    WatchedTables,
    watch,
)
from tests.conftest import PostgresForTests
from tests.deliveries.portals import webhook
from tests.feeds.asking_kinds import facts_of
from tests.fleet import NOW, TRAINED_UNTIL, Fleet, run_cycle, runtime_on
from tests.models.foreign import day_before
from tests.webapp.authenticator import Authenticator

STRONG = "correct horse battery staple"
STRONGER = "seventeen purple lanterns drifting"
CLIENT = Client(address="192.0.2.7", user_agent=None)

DRILLED = Drill(
    file="gfo.backup",
    size_bytes=1,
    until_utc=NOW,
    events=1,
    anchors=0,
    broken=None,
    replayed=1,
    differing=(),
    restore_s=1.0,
    verify_s=1.0,
    replay_s=1.0,
)


class HangingModels(ModelCache):
    """No model answers."""

    def serving(self, _session: Session, target: Target) -> ServingModel | None:
        message = f"The model of {target} did not answer."
        raise ModelUnavailable(message)


ELSEWHERE = {
    "operations.record_backup": "test_backups_and_restores_are_audited",
    "regions.ensure_first_policy": "test_the_first_start_is_audited",
}
"""Changes that another test of this module calls."""


@pytest.fixture
def tables(postgres: PostgresForTests, fleet: Fleet) -> WatchedTables:
    """The fleet's database is watched from here on."""
    database = parse_url(fleet.urls.app).database
    url = parse_url(postgres.server.superuser_url).set(
        database=database, drivername="postgresql"
    )
    return watch(url.render_as_string(hide_password=False))


@dataclass(frozen=True, slots=True)
class Portal:
    """What the steps of the story share."""

    runtime: Runtime
    folder: Path

    def actor(self, session: Session, name: str = "cli") -> Actor:
        """A system user."""
        return system_actor(session, name)

    @contextmanager
    def ask(
        self, caller: Actor | None = None, after: timedelta = timedelta()
    ) -> Iterator[Request]:
        """A request of somebody, else of the system user for commands."""
        with self.runtime.transaction() as session:
            yield asking(session, caller or self.actor(session), now=NOW + after)

    def log_in(self, name: str, password: str) -> Login:
        """Somebody comes in."""
        login = self.try_to_log_in(name, password)
        assert isinstance(login, Login)
        return login

    def try_to_log_in(self, name: str, password: str) -> Login | RefusedLogin:
        """Somebody may come in."""
        with self.runtime.transaction() as session:
            attempt = logins.begin_login(
                asking(session, None), name=name, client=CLIENT
            )
        if isinstance(attempt, RefusedLogin):
            return attempt
        with self.runtime.transaction() as session:
            return logins.log_in(asking(session, None), attempt, password=password)


def people(portal: Portal) -> None:
    """Accounts, passwords, logins and their ends."""

    ask = portal.ask
    with ask() as request:
        first = administration.ensure_first_admin(request, "ada", None)
    assert first is not None
    login = portal.log_in("ada", first)
    with ask(login.actor) as request:
        changed = own_password.change_password(
            request, current=first, new=STRONG, client=CLIENT
        )
    assert isinstance(changed, Login)
    with ask() as request:
        made = administration.add_user(request, "olga", Role.OPERATOR)
    assert made.password is not None
    olga = portal.log_in("olga", made.password)
    portal.log_in("olga", made.password)
    with ask() as request:
        found = logins.find_login(request, olga.token)
        assert found is not None
    with ask(olga.actor, timedelta(minutes=2)) as request:
        logins.touch(request, found)
    with ask(olga.actor) as request:
        assert logins.end_other_logins(request, found) == 1
    with ask(olga.actor) as request:
        logins.end_own_login(request, found.session_id)
    olga = portal.log_in("olga", made.password)
    with ask(olga.actor) as request:
        found = logins.find_login(request, olga.token)
        assert found is not None
        logins.log_out(request, found)
    portal.log_in("olga", made.password)
    with ask() as request:
        assert administration.end_logins(request, "olga")
    for _ in range(6):
        assert isinstance(portal.try_to_log_in("olga", "x"), RefusedLogin)
    with ask() as request:
        administration.reset_password(request, "olga")
    with ask() as request:
        administration.change_role(request, "olga", Role.AUDITOR)
    with ask() as request:
        administration.disable_user(request, "olga")
    with ask() as request:
        administration.enable_user(request, "olga")
    for password in (STRONG, "wrong"):
        with ask(changed.actor) as request:
            own_password.confirm(request, password)
    factors(portal, changed)
    with ask(after=logins.IDLE_LIMIT) as request:
        assert logins.end_run_out_login(request, changed.token)
    portal.log_in("ada", STRONG)
    with ask(after=logins.IDLE_LIMIT) as request:
        assert logins.end_run_out_logins(request)
    with ask(after=timedelta(days=91)) as request:
        assert purge_records(request)


def factors(portal: Portal, login: Login) -> None:
    """Second factors come, log in and go."""
    ask, key = portal.ask, FactorKey("a key of this test")
    with ask(login.actor) as request:
        mine = logins.find_login(request, login.token)
        pending = second_factors.propose_app(request, key, issuer="portal")
    assert mine is not None
    with ask(login.actor) as request:
        code = pyotp.TOTP(pending.secret).at(request.now)
        codes = second_factors.add_app(
            request, key, mine, token=pending.token, code=code
        )
    with ask(login.actor, timedelta(minutes=2)) as request:
        code = pyotp.TOTP(pending.secret).at(request.now)
        assert own_password.confirm(request, code, key) is None
    with ask(login.actor) as request:
        assert second_factors.make_recovery_codes(request) != codes
    place = Place(rp_id="localhost", origin="http://localhost")
    authenticator = Authenticator()
    with ask(login.actor) as request:
        options, challenge = passkeys.passkey_options(request, place, rp_name="portal")
        ceremony = Ceremony(challenge=challenge, begun_at_utc=request.now, place=place)
        passkeys.add_passkey(
            request,
            mine,
            ceremony,
            credential=authenticator.made(json.loads(options)),
            label="key",
        )
    with ask() as request:
        options, challenge = passkeys.login_options(request, place)
        answered = replace(ceremony, challenge=challenge)
        credential = authenticator.used(json.loads(options))
        for outcome in (Login, RefusedLogin):
            found = passkeys.log_in_with_passkey(
                request, answered, credential=credential, client=CLIENT
            )
            assert isinstance(found, outcome)
    with ask(login.actor) as request:
        second_factors.remove_factor(request, mine, None)
    with ask() as request:
        administration.add_user(request, "paul", Role.OPERATOR)
        administration.reset_factors(request, "paul")
    with ask(login.actor) as request:
        (passkey,) = second_factors.own_factors(request).passkeys
        second_factors.remove_factor(request, mine, passkey.passkey_id)


def tokens(portal: Portal) -> None:
    """API tokens are made, used, revoked, and end with the role of their account."""
    ask, scopes = portal.ask, [Scope.READ]
    with ask() as request:
        api_tokens.add_service_account(request, "historian", Role.OPERATOR)
        administration.add_user(request, "tom", Role.OPERATOR)
        tom = users.find_user_by_name(request.session, "tom")
    assert tom is not None
    with ask() as request:
        made = api_tokens.make_token(
            request, owner="historian", name="push", scopes=scopes
        )
    with ask(tom.as_actor()) as request:
        own = api_tokens.make_own_token(request, name="mine", scopes=scopes)
    for secret in (made.secret, "wrong"):
        with ask() as request:
            api_tokens.use_token(request, secret or "", address="192.0.2.7")
    with ask(tom.as_actor()) as request:
        api_tokens.revoke_own_token(request, own.token.token_id)
    with ask() as request:
        api_tokens.revoke_token(request, made.token.token_id)
    with ask() as request:
        api_tokens.make_token(request, owner="tom", name="again", scopes=scopes)
    with ask(after=timedelta(days=api_tokens.MOST_DAYS)) as request:
        assert api_tokens.end_expired(request) == 1
    with ask() as request:
        administration.change_role(request, "tom", Role.AUDITOR)


def federated(portal: Portal) -> None:
    """People of an identity provider come with a role, another one, and none."""
    with portal.ask() as request:
        assert federation.begin_exchange(request, CLIENT) is None
        federation.refuse_exchange(request, CLIENT)
    groups = {"admins": Role.ADMIN, "operators": Role.OPERATOR}
    person = FederatedPerson(
        issuer="https://id.example",
        subject="17",
        name="rosa",
        groups=frozenset({"admins"}),
        proved_at_utc=NOW,
    )
    for group, outcome in (
        ("admins", Login),
        ("operators", Login),
        ("guests", federation.RefusedPerson),
    ):
        known = replace(person, groups=frozenset({group}))
        with portal.runtime.transaction() as session:
            found = federation.log_in_federated(
                asking(session, None), known, roles=groups, client=CLIENT
            )
        assert isinstance(found, outcome)
    _checked_by_provider(portal, replace(person, sid="s", refresh_token="r"), groups)


def _checked_by_provider(
    portal: Portal, person: FederatedPerson, groups: dict[str, Role]
) -> None:
    """A login goes on, gets another role, and is ended by the provider."""
    key = FactorKey("a key of this test")
    for gone_to, after in (("operators", "operators"), ("admins", "guests")):
        with portal.runtime.transaction() as session:
            federation.log_in_federated(
                asking(session, None), person, roles=groups, client=CLIENT, key=key
            )
        with portal.ask(portal_worker(portal), after=timedelta(minutes=1)) as request:
            assert provider_checks.keys_are_old(request, person.issuer)
            (login,) = provider_checks.logins_to_check(request)
        for group in ("admins", gone_to, after):
            told = replace(person, groups=frozenset({group}))
            with portal.ask(portal_worker(portal)) as request:
                provider_checks.note_answer(
                    request,
                    login,
                    Renewed(person=told, refresh_token="s"),
                    roles=groups,
                    key=key,
                )
    with portal.runtime.transaction() as session:
        federation.log_in_federated(
            asking(session, None), person, roles=groups, client=CLIENT, key=key
        )
    token = LogoutToken(subject=None, sid="s", jti="j", expires_at_utc=NOW + HOUR)
    with portal.runtime.transaction() as session:
        asked = asking(session, None)
        assert provider_checks.log_out_by_provider(asked, person.issuer, token) == 1


def portal_worker(portal: Portal) -> Actor:
    with portal.runtime.transaction() as session:
        return portal.actor(session, "worker")


def strangers(portal: Portal) -> None:
    """Who is refused."""
    with portal.ask() as request:
        denials.record_denial(request, "/x")
    with portal.ask() as request:
        denials.record_refused_stranger(request, "192.0.2.9")
    with portal.ask(after=timedelta(minutes=5)) as request:
        denials.report_finished_minutes(request)


def places(portal: Portal) -> None:
    """Regions, limits and telemetry."""
    run = portal.runtime.transaction
    with run() as session:
        draft = RegionDraft(
            slug="texas",
            name="Texas",
            time_zone="UTC",
            latitude_deg=31.0,
            longitude_deg=-97.0,
        )
        add_region(asking(session, portal.actor(session), request_id=uuid4()), draft)
    with run() as session:
        set_region(
            asking(session, portal.actor(session)), "texas", {"it_capacity_mw": 90.0}
        )
    listed = portal.folder / "regions.csv"
    listed.write_text("slug,name,time_zone,latitude,longitude\nutah,Utah,UTC,39,-111\n")
    with run() as session:
        add_regions_from_csv(asking(session, portal.actor(session)), listed)
    with run() as session:
        region_policies.change_policy(
            asking(session, portal.actor(session)),
            region_slug="texas",
            values={"thermal_limit_c": 33.0},
            reason="test",
        )
    with run() as session:
        region_policies.change_terms(
            asking(session, portal.actor(session)),
            changes={"migration_usd_per_mwh": 1.0},
            reason="test",
        )
    with run() as session:
        region_policies.limit_by_class(
            asking(session, portal.actor(session)),
            region_slug="texas",
            equipment=AshraeClass.A2,
            approach_c=5.0,
            reason="test",
        )
    for value in ("30", "31", "999"):  # new, corrected, refused
        content = io.BytesIO(
            f"timestamp,region,temperature_c\n2025-07-01T00:00Z,texas,{value}\n".encode()
        )
        with run() as session:
            import_upload(
                asking(session, portal.actor(session), request_id=uuid4()),
                content,
                FileToImport(
                    source=content, label="t", telemetry_format=TelemetryFormat.CSV
                ),
                ranges=load_settings(None).valid_ranges(),
            )
    content = io.BytesIO(
        b"timestamp,region,temperature_c\n2025-07-01T01:00Z,texas,30\n"
    )
    with run() as session:
        import_telemetry(
            asking(session, portal.actor(session)),
            FileToImport(
                source=content, label="t", telemetry_format=TelemetryFormat.CSV
            ),
            ranges=load_settings(None).valid_ranges(),
        )
    content = io.BytesIO(b"timestamp,region,temperature_c\n2025-07-01T02:00Z,texas,0\n")
    with run() as session:
        import_telemetry(
            asking(session, portal.actor(session)),
            FileToImport(
                source=content, label="t", telemetry_format=TelemetryFormat.CSV
            ),
            ranges=load_settings(None).valid_ranges(),
        )
    with run() as session:
        session.execute(text("delete from telemetry_finding"))
        judge_stored_hours(
            asking(session, portal.actor(session)),
            region_slug="texas",
            start_utc=datetime(2025, 7, 1, 1, tzinfo=UTC),
            end_utc=datetime(2025, 7, 1, 4, tzinfo=UTC),
            ranges=load_settings(None).valid_ranges(),
        )
    with run() as session:
        accept_suspect_hours(
            asking(session, portal.actor(session)),
            region_slug="texas",
            quantity=Quantity.TEMPERATURE_C,
            start_utc=datetime(2025, 7, 1, 2, tzinfo=UTC),
            end_utc=datetime(2025, 7, 1, 3, tzinfo=UTC),
            reason="test",
            ranges=load_settings(None).valid_ranges(),
        )
    with run() as session:
        import_weather_forecasts(
            asking(session, portal.actor(session)),
            io.BytesIO(
                b"region,issued_at_utc,known_at_utc,lead_h,temperature_c_forecast\n"
                b"texas,2025-07-01T00:00Z,2025-07-01T00:20Z,1,30\n"
            ),
            label="t",
        )
    with run() as session:
        import_published(
            asking(session, portal.actor(session)),
            PublishedFile(
                content=b'{"forecast": [{"datetime": "2025-07-01T01:00Z",'
                b' "carbonIntensity": 9}]}',
                region_slug="texas",
                known_at_utc=NOW.replace(month=7, day=1, hour=0),
            ),
            source_name="grid",
        )
    with run() as session:
        withdraw_import(
            asking(session, portal.actor(session)),
            2,
            reason="test",
            ranges=load_settings(None).valid_ranges(),
        )
    with run() as session:
        generate_telemetry(
            asking(session, portal.actor(session, "worker"), now=NOW + 2 * HOUR),
            [demo_profile("arizona"), demo_profile("frankfurt")],
            start_utc=full_hour(NOW),
            end_utc=full_hour(NOW) + 2 * HOUR,
            seed=7,
        )
    with run() as session:
        for slug in ("texas", "utah", "frankfurt"):
            set_region(
                asking(session, portal.actor(session)), slug, {"is_active": False}
            )


def sources(portal: Portal) -> None:
    """A feed is added, run, changed, paused and removed; another takes its place."""
    settings = portal.runtime.settings.model_copy(update={"feeds_dir": portal.folder})
    runtime = replace(portal.runtime, settings=settings)
    (portal.folder / "site").mkdir()
    file = portal.folder / "site" / "load.csv"
    file.write_text("timestamp,it_load_mw\n2025-07-01T03:00Z,41\n")
    os.utime(file, (0, 0))
    feed = facts_of("folder", "site", regions={"texas": ""}, quantities=["it_load_mw"])
    with portal.ask() as request:
        add_feed(request, feed)
        feed_id = find_feed(request.session, feed.name).feed_id
    run_feed(runtime, feed_id, {})
    with portal.ask() as request:
        change_feed(request, replace(feed, address="nowhere"))
    run_feed(runtime, feed_id, {})
    with portal.ask() as request:
        pause_feed(request, feed.name, is_paused=True)
        remove_feed(request, feed.name)
        run_feed_soon(request, add_feed(request, replace(feed, name="second")))
        queue_due_feeds(request)
        forget_old_answers(request)


def delivered(portal: Portal) -> None:
    """A subscription is added, used and removed; its receiver is gone at the end."""
    key, facts = FactorKey("a key of this test"), webhook("https://example.com/hook")
    with portal.ask() as request:
        add_subscription(request, facts, key)
        change_subscription(request, replace(facts, kinds=["plan.found"]))
        pause_subscription(request, facts.name, is_paused=True)
        pause_subscription(request, facts.name, is_paused=False)
        rotate_secret(request, facts.name, key)
        send_test(request, facts.name)
    worker = portal_worker(portal)
    with portal.ask(worker) as request:
        found = deliveries.find_subscription(request.session, facts.name)
        until_utc = request.now + timedelta(days=9000)
        later = replace(request, now=until_utc)
        assert lease_due(later, until_utc=until_utc) == [found.subscription_id]
        (test,) = begin_turn(later, found.subscription_id).due
        gone = TryResult(is_delivered=False, words="Gone.", status=410, is_gone=True)
        store_outcome(request, test, gone, took_ms=1)
        end_turn(request, found.subscription_id, rest=timedelta(seconds=1))
    with portal.ask() as request:
        assert replay(request, facts.name, test.id) == 1
        remove_subscription(request, facts.name)
    with portal.ask(worker) as request:
        forget_old_deliveries(request)
        queue_digests(request)
        assert not report_broken_chain(request)


def decisions(portal: Portal) -> None:
    """What-ifs, recorded decisions, their replacement, plans, forecasts."""
    run = portal.runtime.transaction

    def recorded(what_if_id: int) -> int:
        with run() as session:
            outcome = recording.record(
                asking(session, portal.actor(session), request_id=uuid4()),
                what_if_id=what_if_id,
                comment="test",
            )
        assert outcome.card is not None
        return outcome.card.decision_id

    with run() as session:
        card = recording.evaluate(
            asking(session, portal.actor(session), request_id=uuid4()),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            shift_pct=10.0,
        )
    decision_id = recorded(card.decision_id)
    with run() as session:
        instead = recording.evaluate_instead(
            asking(session, portal.actor(session), request_id=uuid4()),
            decision_id=decision_id,
            target_slug=None,
            shift_pct=5.0,
        )
    standing_id = recorded(instead.decision_id)
    with run() as session:
        assert judge_again(
            asking(session, portal.actor(session, "worker")),
            decision_id=standing_id,
            withdrawal_id=1,
        )
    with run() as session:
        comment_decision(
            asking(session, portal.actor(session), request_id=uuid4()),
            decision_id=standing_id,
            comment="test",
        )
    with run() as session:
        (taken,) = take_back_decisions(
            asking(session, portal.actor(session), request_id=uuid4()),
            decision_ids=[standing_id],
            reason="test",
        )
        standing_id = taken.decision_id
    for state in (DecisionState.ACKNOWLEDGED, DecisionState.REFUSED):
        with run() as session:
            state_decision(
                asking(session, portal.actor(session), request_id=uuid4()),
                decision_id=standing_id,
                state=state,
                reason="test",
            )
    with run() as session:
        plan = planning.find_plan(
            asking(session, portal.actor(session), request_id=uuid4()),
            terms=PlanTerms(),
            anchor_slug="arizona",
            local_day=None,
        )
    with run() as session:
        assert plan.transfers
        outcome = planning.record_plan(
            asking(session, portal.actor(session), request_id=uuid4()),
            plan_id=plan.plan_id,
            comment="test",
        )
        assert outcome.cards
    with run() as session:
        other = planning.find_plan(
            asking(session, portal.actor(session), request_id=uuid4()),
            terms=PlanTerms(carbon_usd_per_t=500.0),
            anchor_slug="arizona",
            local_day=None,
            instead_of=plan.plan_id,
        )
    for change in (change_plan, undo_plan):
        with run() as session:
            change(
                asking(session, portal.actor(session), request_id=uuid4()),
                plan_id=other.plan_id,
                reason="test",
            )
    later = NOW + HOUR
    with run() as session:
        issue_live(
            asking(session, portal.actor(session, "worker"), now=later),
            ModelCache(),
            issued_at_utc=full_hour(later),
            stored_regions=active_regions(session),
        )
    with run() as session:
        found = active_regions(session)
        hindcast_regions(
            asking(session, portal.actor(session, "worker")),
            ModelCache(),
            stored_regions=found[:1],
            from_day=date(2025, 3, 1),
            until_day=date(2025, 3, 2),
        )
    retirement(portal)
    with run() as session:
        late = NOW + timedelta(days=5)
        assert score_finished_windows(
            asking(session, portal.actor(session), now=late),
            stored_regions=active_regions(session),
        )


def retirement(portal: Portal) -> None:
    """Forecasts of an hour that nothing rests on are deleted."""
    with portal.ask() as request:
        issue_live(
            request,
            ModelCache(),
            issued_at_utc=full_hour(NOW) - 72 * HOUR,
            stored_regions=(found := active_regions(request.session)[:1]),
        )
    with portal.ask() as request:
        kept = {"forecasts_kept_days": 30.0}
        assert region_policies.change_terms(request, changes=kept, reason="test")
    with portal.ask() as request:
        assert retire_forecasts(request, region_ids=[found[0].region_id])


def models(portal: Portal) -> None:
    """Uploads, checks, evaluations, activation and back, a model that fails."""
    run = portal.runtime.transaction
    with run() as session:
        active = model_versions.active_model(session, Target.TEMPERATURE_C)
        assert active is not None
        served_id = active.version.version_id
        known = model_versions.model_bytes(session, served_id)
    stranger = day_before(f"{TRAINED_UNTIL}T00:00:00Z")
    uploaded = {}
    for name, content in (("bad", b"x"), ("known", known), ("new", stranger)):
        with run() as session:
            upload, _ = receive_model(
                asking(session, portal.actor(session)),
                GivenFile.read(io.BytesIO(content), name),
            )
        uploaded[name] = upload_checks.check_upload(
            portal.runtime, "cli", upload.upload_id
        )
    assert [uploaded[name].state for name in ("bad", "known", "new")] == [
        "rejected",
        "accepted",
        "accepted",
    ]
    with run() as session:
        bad = uploaded["bad"].upload_id
        model_uploads.set_problem(session, bad, "the sandbox was not there")
    version_id = uploaded["new"].model_version_id
    assert version_id is not None
    with run() as session:
        found = model_evaluations.newest_evaluation(session, version_id)
        assert found is not None
    cache = ModelCache()
    for _ in found.region_slugs:
        with run() as session:
            evaluation_steps.evaluate_next_region(
                asking(session, portal.actor(session)),
                cache,
                found.evaluation_id,
                lane=0,
            )
    with run() as session:
        again = start_evaluation(asking(session, portal.actor(session)), version_id)
    with run() as session:
        evaluation_steps.fail_evaluation(
            asking(session, portal.actor(session)), again, "its process died"
        )
    with run() as session:
        activation.override_gate(
            asking(session, portal.actor(session)),
            version_id,
            reason="only to see it serve",
        )
    with run() as session:
        activation.activate_model(
            asking(session, portal.actor(session)), version_id, reason="test"
        )
    with run() as session:
        activation.roll_back_model(
            asking(session, portal.actor(session)),
            Target.TEMPERATURE_C,
            reason="test",
        )
    with run() as session:
        request = asking(session, portal.actor(session, "worker"))
        assert find_outages(request, cache) == set()
        assert find_outages(request, HangingModels()) == set(Target)
    with run() as session:
        ended = end_outages(
            asking(session, portal.actor(session, "worker")),
            lasting=set(),
            issued_at_utc=full_hour(NOW),
        )
        assert ended == set(Target)
    with run() as session:
        export_model(asking(session, portal.actor(session)), version_id)
    with run() as session:
        (trained,) = train_models(
            asking(session, portal.actor(session)),
            targets=[Target.WET_BULB_C],
            until_day=TRAINED_UNTIL - timedelta(days=1),
            seed=7,
            family=Family.RIDGE,
            activate=False,
        )
    with run() as session:
        evaluation_steps.evaluate_now(
            asking(session, portal.actor(session)),
            cache,
            trained.version_id,
            on_progress=lambda _: None,
        )
    cache.close()


def signed(portal: Portal) -> None:
    """A key, and its signature of the model that serves."""
    private = Ed25519PrivateKey.generate()
    raw = private.public_key().public_bytes_raw()
    with portal.ask() as request:
        key = signatures.pin_signing_key(
            request, name="Release", public_key=b64encode(raw).decode()
        )
    with portal.ask() as request:
        active = model_versions.active_model(request.session, Target.TEMPERATURE_C)
        assert active is not None
        version_id = active.version.version_id
        content = model_versions.model_bytes(request.session, version_id)
        signatures.add_signature(
            request, version_id, signature=b64encode(private.sign(content)).decode()
        )
    with portal.ask() as request:
        signatures.unpin_signing_key(request, key.key_id)


def second_person(portal: Portal) -> None:
    """Rules for changes, and what two people are needed for."""
    admins = []
    with portal.ask() as request:
        for name in ("first", "second"):
            made = administration.add_user(request, name, Role.ADMIN)
            user = users.find_user(request.session, made.account.user_id)
            assert user is not None
            admins.append(user.as_actor())
    settled = timedelta(days=3000)  # accounts are made by the database's clock
    with portal.ask(admins[0]) as request:
        set_change_rules(request, two_people=True, reason="test")
    for answer in (approvals.refuse, approvals.approve):
        with portal.ask(admins[0], after=settled) as request:
            with pytest.raises(NeedsSecondPerson) as held:
                set_change_rules(request, two_people=False, reason="test")
            asked = approvals.ask_second_person(
                request, held.value.act, held.value.arguments, held.value.effects
            )
        with portal.ask(admins[1], after=settled) as request:
            answer(request, asked.approval_id)


def watched_models(portal: Portal) -> None:
    """A model loses its coverage: the one before serves, the alarm is cleared."""
    run = portal.runtime.transaction
    with run() as session:
        active = model_versions.active_model(session, Target.TEMPERATURE_C)
        assert active is not None
        served_id = active.version.version_id
        watched = {
            "region_id": active_regions(session)[0].region_id,
            "model_version_id": served_id,
        }
        known = model_watch.KnownEvidence(
            last_issued_at_utc=NOW, evidence=Evidence(scores=1e5, misses=1e5)
        )
        place = model_watch.WatchPlace(**watched, local_issue_hour=3)
        model_watch.keep_evidence(session, {place: known})
        region_policies.change_terms(
            asking(session, portal.actor(session)),
            changes={"falls_back_on_alarm": True},
            reason="test",
        )
    with run() as session:
        day_utc = NOW.replace(hour=0, minute=0) - timedelta(days=9)
        model_watch.skill_watch_of(session, served_id, first_day_utc=day_utc)
        lost = model_watch.SkillWatch(next_day_utc=day_utc, evidence=1e5)
        model_watch.keep_skill_watch(session, served_id, lost)
    with run() as session:
        assert watch_skill(asking(session, portal.actor(session, "worker")))
    with run() as session:
        assert fall_back(asking(session, portal.actor(session, "worker")))
    with run() as session:
        (alarm,) = raise_alarms(session, active_regions(session)[:1], [served_id])
        _finish(
            "forecasts.score_finished_windows",
            asking(session, portal.actor(session, "worker")),
            Done(answer=None, events=(alarm,)),
        )
    with run() as session:
        clear_alarm(
            asking(session, portal.actor(session)),
            region_slug=active_regions(session)[0].slug,
            model_version_id=served_id,
            reason="a sensor was moved",
        )


def setup(portal: Portal) -> None:
    """The demo, training and past days are asked for; the demo's regions leave."""
    with portal.ask() as request:
        assert not setup_requests.ask_for_demo(request)
        setup_requests.close_checklist(request, is_closed=True)
    with portal.ask() as request:
        setup_requests.ask_for_training(request)
    with portal.ask() as request:
        setup_requests.ask_for_hindcasts(request, "arizona")
    with portal.ask() as request:
        assert setup_requests.retire_demo(request)


def chain(portal: Portal) -> None:
    """Checks and anchors."""
    run = portal.runtime.transaction
    anchors = AnchorPlaces(
        anchor_file=portal.folder / "anchors.jsonl", key_file=portal.folder / "key.pem"
    )
    with run() as session:
        worker = asking(session, portal.actor(session, "worker"))
        anchoring.anchor_chain(worker, anchors, only_if_due=False)
    with run() as session:
        worker = asking(session, portal.actor(session, "worker"))
        assert anchoring.begin_anew(worker, anchors, reason="A new place.").is_new
    with run() as session:
        worker = asking(session, portal.actor(session, "worker"))
        assert check_whole_chain(worker, anchors).is_sound
    with run() as session:
        ask_for_check(asking(session, portal.actor(session), request_id=uuid4()))
    with run() as session:
        record_drill(asking(session, portal.actor(session)), DRILLED)
    with run() as session:
        failed = session.scalar(
            text(
                "update procrastinate_jobs set status = 'doing'"
                " where id = (select min(id) from procrastinate_jobs) returning id"
            )
        )
        session.execute(
            text("select procrastinate_finish_job_v1(:id, 'failed', false)"),
            {"id": failed},
        )
        retry_job(asking(session, portal.actor(session), request_id=uuid4()), failed)


def alarmed(portal: Portal) -> None:
    """An alarm is raised and goes through everything that can happen to it."""
    nine_hours = timedelta(hours=9)  # telemetry is stale by then
    with portal.ask(portal_worker(portal), after=nine_hours) as request:
        assert evaluate_alarms(request, TERMS)
    with portal.ask() as request:
        (alarm, *_) = standing_alarms(request)
    assert alarm.alarm_id is not None
    number = alarm.alarm_id
    for act in (
        lambda asked: alarm_handling.acknowledge_alarms(asked, [number]),
        lambda asked: alarm_handling.comment_alarm(asked, alarm_id=number, comment="x"),
        lambda asked: alarm_handling.shelve_alarm(
            asked, alarm_id=number, hours=1, reason="x"
        ),
        lambda asked: alarm_handling.unshelve_alarm(asked, alarm_id=number),
        lambda asked: alarm_handling.take_alarm_out(asked, alarm_id=number, reason="x"),
        lambda asked: alarm_handling.put_alarm_back(asked, alarm_id=number),
        lambda asked: hand_over(asked, note="x"),
        lambda asked: save_view(asked, name="x", address="/?span=7"),
        lambda asked: save_view(asked, name="x", address="/?span=30"),
        lambda asked: remove_view(asked, name="x"),
    ):
        with portal.ask() as request:
            act(request)


def exports(portal: Portal) -> None:
    """Lists as CSV, and the chain with its proof."""
    run = portal.runtime.transaction
    anchors = AnchorPlaces(
        anchor_file=portal.folder / "anchors.jsonl", key_file=portal.folder / "key.pem"
    )
    with run() as session:
        asked = asking(session, portal.actor(session))
        (newest, *_) = ingest.list_batches(session, limit=1)
        assert decisions_csv(asked, DecisionFilter()).row_count
        assert events_csv(asked, EventFilter()).row_count
        refused_csv(asked, newest.batch_id, RejectFilter())
    with run() as session:
        asked = asking(session, portal.actor(session))
        export_chain(asked, portal.folder / "all.zip", anchors)
        export_newest(
            asked, portal.folder / "new.zip", anchors, first_seq=None, last_seq=None
        )


def test_every_change_commits_with_its_event(
    fleet: Fleet,
    tables: WatchedTables,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    portal, carried_out, finish = Portal(fleet.runtime, tmp_path), set(), _finish

    def note(name: str, request: Request, done: Done[object]) -> object:
        carried_out.add(name)
        return finish(name, request, done)

    monkeypatch.setattr("orchestrator.use_cases._finish", note)
    for story in (
        people, tokens, federated, strangers, places, sources, delivered, decisions,
        models, watched_models, signed, second_person, alarmed, chain, exports, setup,
    ):  # fmt: skip
        story(portal)

    assert "telemetry" in tables.watched
    changes = {
        name
        for name, item in USE_CASES.items()
        if item.events and item.function.__module__.startswith("orchestrator.")
    }
    assert changes - carried_out == set(ELSEWHERE), "call these here as well"
    with fleet.runtime.transaction() as session:
        assert audit.verify(session).is_sound


def test_every_table_is_watched_or_left_out_with_a_reason(
    tables: WatchedTables,
) -> None:
    assert tables.watched == set(AUDITED_BY)
    assert {n for n in tables.left_out if not n.startswith("procrastinate_")} == set(
        UNAUDITED
    )
    assert set(UNAUDITED_COLUMNS) <= tables.watched


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    "statement",
    [
        "update region set name = 'elsewhere'",
        "update app_user set is_active = false where name = 'cli'",
        (
            "insert into policy (version, thermal_limit_c, confidence,"
            " cooling_factor_c_per_pct, telemetry_max_age_h, created_by_id)"
            " values (9, 50, 0.5, 0, 168, 1)"
        ),
        (
            "update telemetry set temperature_c = 0 where hour_utc ="
            " (select max(hour_utc) from telemetry)"
        ),
        "update model_version set state = 'rejected', rejected_reason = 'x'",
    ],
)
def test_a_change_without_its_event_is_refused_at_commit(
    fleet: Fleet, statement: str
) -> None:
    with (
        pytest.raises(IntegrityError, match="unaudited"),
        fleet.runtime.transaction() as session,
    ):
        session.execute(text(statement))


@pytest.mark.usefixtures("tables")
def test_an_event_of_another_kind_does_not_count(fleet: Fleet) -> None:
    def change() -> None:
        with fleet.runtime.transaction() as session:
            session.execute(text("update region set name = 'elsewhere'"))
            actor = fleet.actor(session)
            denials.record_denial(asking(session, actor), "/x")

    with pytest.raises(IntegrityError, match="unaudited"):
        change()


@pytest.mark.usefixtures("tables")
def test_a_change_that_loses_its_event_is_refused(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "orchestrator.use_cases.append_events", lambda *_given, **_facts: []
    )
    with (
        pytest.raises(IntegrityError, match="unaudited: update of region"),
        fleet.runtime.transaction() as session,
    ):
        set_region(
            asking(session, fleet.actor(session)), "arizona", {"it_capacity_mw": 90.0}
        )


@pytest.mark.usefixtures("tables")
def test_the_hourly_cycle_and_jobs_are_audited(fleet: Fleet) -> None:
    """The worker logs a step that failed and goes on: so its log is read."""
    later = runtime_on(fleet.urls, NOW + HOUR)
    worker = WorkerJobs(later)
    with pytest.MonkeyPatch.context() as patch:
        failed: list[object] = []
        patch.setattr(
            "orchestrator.cycle.worker_jobs.log.exception",
            lambda *given, **facts: failed.append((given, facts)),
        )
        run_cycle(worker)
        worker.hindcast(NOW.date() - timedelta(days=2))
        worker.watch_models()
    worker.close()
    later.engine.dispose()
    assert failed == []


def test_backups_and_restores_are_audited(
    postgres: PostgresForTests, fleet: Fleet, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.backup"
    size_bytes = backups.make_backup(fleet.urls, file)
    restored = postgres.create(prefix="restored", template="template1")
    backups.restore_backup(postgres.urls(restored), file)

    runtime = runtime_on(postgres.urls(restored))
    with fleet.runtime.transaction() as session, runtime.transaction() as other:
        (made,) = audit.list_events(session, limit=1)
        (put_back,) = audit.list_events(other, limit=1)
        assert audit.verify(other).is_sound
    runtime.engine.dispose()
    postgres.drop(restored)
    assert (made.action, put_back.action) == ("backup_made", "backup_restored")
    assert f'"size_bytes":{size_bytes}' in made.payload
    assert '"machine_user":' in made.payload


def test_a_backup_that_cannot_be_audited_is_not_kept(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object, **_facts: object) -> int:
        raise ServiceUnavailable

    monkeypatch.setattr("orchestrator.use_cases.append_events", fail)
    file = tmp_path / "fleet.backup"
    with pytest.raises(ServiceUnavailable):
        backups.make_backup(fleet.urls, file)
    assert not file.exists()


def test_the_first_start_is_audited(postgres: PostgresForTests, tmp_path: Path) -> None:
    name = postgres.create(prefix="first")
    url = parse_url(postgres.server.superuser_url).set(
        database=name, drivername="postgresql"
    )
    watch(url.render_as_string(hide_password=False))
    settings = load_settings(None).model_copy(update={"data_dir": tmp_path})
    assert installation.install(settings, postgres.urls(name)) is not None
    runtime = runtime_on(postgres.urls(name))
    with runtime.transaction() as session:
        assert {e.action for e in audit.list_events(session)} == {
            "policy_changed",
            "user_added",
        }
        assert regions.list_regions(session) == []
        assert users.has_people(session)
    runtime.engine.dispose()
    postgres.drop(name)
