"""Passkeys (WebAuthn): add one, and log in with one in a single step.

The authenticator verifies the person itself, by PIN or body, so a passkey proves two
factors, and nobody can guess it: what others try at a password makes no passkey wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import webauthn
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.parse_authentication_credential_json import (
    parse_authentication_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from core.access import Permission
from core.audit import AuditAction
from core.errors import Conflict, InvalidInput
from db import federated_identities, second_factors, users
from db.second_factors import NewPasskey, Passkey
from db.sessions import LoginSession
from orchestrator.accounts import denials
from orchestrator.accounts.logins import (
    Factor,
    Login,
    RefusedLogin,
    login_events,
    may_log_in,
    open_login_of_device,
)
from orchestrator.accounts.second_factors import (
    end_other_logins_of,
    factor_event,
    new_recovery_codes,
    require_own_factors,
)
from orchestrator.accounts.tries import Client
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Event, Request, change, query

log = get_logger(__name__)

CEREMONY_LIFE = timedelta(minutes=5)
LABEL_LENGTH = 80
MOST_PASSKEYS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The host that passkeys are made for, and the origin that asks for them."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceremony:
    """A challenge that a browser was given, and when."""

    challenge: bytes
    begun_at_utc: datetime
    place: Place


@query(Permission.KEEP_OWN_ACCOUNT)
def passkey_options(
    request: Request, place: Place, *, rp_name: str
) -> tuple[str, bytes]:
    """What the browser needs to make a passkey, as JSON, and the challenge in it."""
    actor = request.actor
    known = second_factors.list_passkeys(request.session, actor.user_id)
    options = webauthn.generate_registration_options(
        rp_id=place.rp_id,
        rp_name=rp_name,
        user_name=actor.name,
        user_id=str(actor.user_id).encode(),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=passkey.facts.credential_id)
            for passkey in known
        ],
    )
    return webauthn.options_to_json(options), options.challenge


@query(None)
def login_options(_request: Request, place: Place) -> tuple[str, bytes]:
    """What the browser needs to log in with a passkey, and the challenge in it."""
    options = webauthn.generate_authentication_options(
        rp_id=place.rp_id, user_verification=UserVerificationRequirement.REQUIRED
    )
    return webauthn.options_to_json(options), options.challenge


@change(
    Permission.KEEP_OWN_ACCOUNT,
    AuditAction.SECOND_FACTOR_ADDED,
    AuditAction.RECOVERY_CODES_MADE,
    repeat=None,
    confirmed=True,
)
def add_passkey(
    request: Request,
    login: LoginSession,
    ceremony: Ceremony,
    *,
    credential: str,
    label: str,
) -> Done[tuple[str, ...]]:
    """Store the passkey that the browser made; ends the caller's other logins.

    Returns recovery codes to be shown once; none when there are some already.

    Raises
    ------
    InvalidInput, Conflict
        When the browser's answer cannot be verified, or the passkey is known.
    """
    require_own_factors(request.actor, request.session)
    session, user_id = request.session, request.actor.user_id
    name = " ".join(label.split())[:LABEL_LENGTH] or "Passkey"
    if not name.isprintable():
        message = "Name the passkey with printable characters."
        raise InvalidInput(message)
    _require_fresh(ceremony, request.now)
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=ceremony.challenge,
            expected_rp_id=ceremony.place.rp_id,
            expected_origin=ceremony.place.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError) as exc:
        log.info("passkey_refused", reason=type(exc).__name__)
        message = "The browser's answer could not be verified; try again."
        raise InvalidInput(message) from exc
    if second_factors.passkey_by_credential(session, made.credential_id) is not None:
        message = "This passkey was added before."
        raise Conflict(message)
    if len(second_factors.list_passkeys(session, user_id)) >= MOST_PASSKEYS:
        message = f"There are {MOST_PASSKEYS} passkeys already; remove one first."
        raise Conflict(message)
    second_factors.insert_passkey(
        session,
        NewPasskey(
            user_id=user_id,
            label=name,
            rp_id=ceremony.place.rp_id,
            credential_id=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            created_at_utc=request.now,
        ),
    )
    end_other_logins_of(session, login, request.now)
    added = factor_event(AuditAction.SECOND_FACTOR_ADDED, request, kind="passkey")
    if second_factors.count_recovery_codes(session, user_id):
        return Done(answer=(), events=(added,))
    codes = new_recovery_codes(session, user_id)
    told = factor_event(AuditAction.RECOVERY_CODES_MADE, request, count=len(codes))
    return Done(answer=codes, events=(added, told))


@change(
    None,
    AuditAction.LOGIN_SUCCEEDED,
    AuditAction.LOGIN_FAILED,
    AuditAction.ACCESS_DENIED,
    repeat=None,
)
def log_in_with_passkey(
    request: Request, ceremony: Ceremony, *, credential: str, client: Client
) -> Done[Login | RefusedLogin]:
    """Verify a passkey's answer to the challenge, and start a new login."""
    session, now = request.session, request.now
    passkey = _verified(request, ceremony, credential)
    user = users.find_user(session, passkey.facts.user_id) if passkey else None
    # One added by an account that its provider proves would outlast a lost group.
    is_elsewhere = user is not None and federated_identities.is_federated(
        session, user.user_id
    )
    if user is None or is_elsewhere or not may_log_in(user, now):
        denials.count_failed_login(session, client.address, "passkey", now)
        log.info("login_failed", address=client.address, reason="passkey")
        events = denials.finished_minutes(session, now)
        return Done(answer=RefusedLogin(), events=events)
    login = open_login_of_device(session, user, client, now)
    minutes: tuple[Event, ...] = denials.finished_minutes(session, now)
    return Done(answer=login, events=(*login_events(login, Factor.PASSKEY), *minutes))


def _verified(request: Request, ceremony: Ceremony, credential: str) -> Passkey | None:
    """The passkey that answered the challenge; None when none did."""
    session = request.session
    try:
        _require_fresh(ceremony, request.now)
        parsed = parse_authentication_credential_json(credential)
        passkey = second_factors.passkey_by_credential(session, parsed.raw_id)
        if passkey is None or not _may_answer(passkey, ceremony):
            return None
        answer = webauthn.verify_authentication_response(
            credential=parsed,
            expected_challenge=ceremony.challenge,
            expected_rp_id=ceremony.place.rp_id,
            expected_origin=ceremony.place.origin,
            credential_public_key=passkey.facts.public_key,
            credential_current_sign_count=passkey.facts.sign_count,
            require_user_verification=True,
        )
    except (InvalidInput, WebAuthnException, ValueError, TypeError, KeyError) as exc:
        log.info("passkey_refused", reason=type(exc).__name__)
        return None
    second_factors.note_passkey_use(
        session,
        passkey.passkey_id,
        sign_count=answer.new_sign_count,
        now_utc=request.now,
    )
    return passkey


def _may_answer(passkey: Passkey, ceremony: Ceremony) -> bool:
    """Made for this host, and not used since the challenge: none is answered twice."""
    used = passkey.last_used_at_utc
    is_unanswered = used is None or ceremony.begun_at_utc > used
    return passkey.facts.rp_id == ceremony.place.rp_id and is_unanswered


def _require_fresh(ceremony: Ceremony, now: datetime) -> None:
    if not timedelta(0) <= now - ceremony.begun_at_utc <= CEREMONY_LIFE:
        message = "That took too long; try again."
        raise InvalidInput(message)
