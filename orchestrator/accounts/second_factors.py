"""Second factors of an account: the codes of an authenticator app, recovery codes.

Passkeys are in `orchestrator.accounts.passkeys`.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditAction
from core.errors import Conflict, InvalidInput, NotFound
from db import federated_identities, second_factors, sessions
from db.second_factors import TotpSecret
from db.sessions import EndReason, LoginSession
from orchestrator.accounts.passwords import one_time_password
from orchestrator.accounts.tries import digest
from orchestrator.accounts.user_events import user_event
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Event, Request, change, query

log = get_logger(__name__)

STEP_S = 30
DRIFT_STEPS = 1
"""RFC 6238, section 5.2: a step either way for clocks that differ and slow typists."""

DIGITS = 6
RECOVERY_CODES = 10
PENDING_LIFE = timedelta(minutes=15)
"""Between showing a new secret and the first code of the app."""


class FactorKey:
    """Encrypts the secrets of authenticator apps; derived from the portal's key."""

    def __init__(self, secret_key: str) -> None:
        derived = HKDF(SHA256(), 32, salt=None, info=b"gfo second factors")
        key = derived.derive(secret_key.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def encrypt(self, text: str, now: datetime) -> str:
        """What only this key reads."""
        return self._fernet.encrypt_at_time(text.encode(), _seconds(now)).decode()

    def decrypt(
        self, token: str, now: datetime, life: timedelta | None = None
    ) -> str | None:
        """What was encrypted, not longer ago than `life`; None when it cannot be."""
        try:
            if life is None:
                return self._fernet.decrypt(token.encode()).decode()
            return self._fernet.decrypt_at_time(
                token.encode(), round(life.total_seconds()), _seconds(now)
            ).decode()
        except (InvalidToken, UnicodeError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingApp:
    """A secret that an authenticator app is to take over.

    Attributes
    ----------
    uri : str
        For the QR code.
    token : str
        Secret and person, encrypted; comes back with the app's first code.
    """

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorsView:
    """What a person has besides the password."""

    app_since_utc: datetime | None
    passkeys: tuple[second_factors.Passkey, ...]
    recovery_code_count: int
    is_federated: bool

    @property
    def has_any(self) -> bool:
        """Whether a login needs more than the password."""
        return self.app_since_utc is not None or bool(self.passkeys)


@query(Permission.KEEP_OWN_ACCOUNT)
def own_factors(request: Request) -> FactorsView:
    """The caller's second factors."""
    session, user_id = request.session, request.actor.user_id
    app = second_factors.totp_secret(session, user_id)
    return FactorsView(
        app_since_utc=app.created_at_utc if app else None,
        passkeys=tuple(second_factors.list_passkeys(session, user_id)),
        recovery_code_count=second_factors.count_recovery_codes(session, user_id),
        is_federated=federated_identities.is_federated(session, user_id),
    )


@query(Permission.KEEP_OWN_ACCOUNT)
def propose_app(
    request: Request, key: FactorKey, *, issuer: str, token: str = ""
) -> PendingApp:
    """A new secret for the caller's authenticator app, or the one that is pending.

    Nothing is stored yet.
    """
    secret = _pending_secret(request, key, token) or pyotp.random_base32()
    totp = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S)
    text = f"{request.actor.user_id}:{secret}"
    return PendingApp(
        secret=secret,
        uri=totp.provisioning_uri(name=request.actor.name, issuer_name=issuer),
        token=key.encrypt(text, request.now),
    )


@change(
    Permission.KEEP_OWN_ACCOUNT,
    AuditAction.SECOND_FACTOR_ADDED,
    AuditAction.RECOVERY_CODES_MADE,
    repeat=None,
    confirmed=True,
)
def add_app(
    request: Request, key: FactorKey, login: LoginSession, *, token: str, code: str
) -> Done[tuple[str, ...]]:
    """Store the app's secret once the app shows the right code; ends other logins.

    Returns new recovery codes, to be shown once.

    Raises
    ------
    InvalidInput
        When the code is wrong or the secret was shown too long ago.
    Conflict
        For an account of an identity provider.
    """
    require_own_factors(request.actor, request.session)
    secret = _pending_secret(request, key, token)
    if secret is None:
        message = "The code on this page is too old; load the page again."
        raise InvalidInput(message)
    step = _matching_step(secret, _typed(code), request.now, last_step=-1)
    if step is None:
        message = "The code is wrong. Does the clock of your device go right?"
        raise InvalidInput(message)
    second_factors.replace_totp_secret(
        request.session,
        TotpSecret(
            user_id=request.actor.user_id,
            encrypted_secret=key.encrypt(secret, request.now),
            last_step=step,
            created_at_utc=request.now,
        ),
    )
    end_other_logins_of(request.session, login, request.now)
    codes = new_recovery_codes(request.session, request.actor.user_id)
    events = (
        factor_event(AuditAction.SECOND_FACTOR_ADDED, request, kind="app"),
        factor_event(AuditAction.RECOVERY_CODES_MADE, request, count=len(codes)),
    )
    return Done(answer=codes, events=events)


@change(
    Permission.KEEP_OWN_ACCOUNT,
    AuditAction.SECOND_FACTOR_REMOVED,
    repeat=None,
    confirmed=True,
)
def remove_factor(
    request: Request, login: LoginSession, passkey_id: int | None
) -> Done[None]:
    """Remove one of the caller's passkeys, or with None the app; ends other logins."""
    session, user_id = request.session, request.actor.user_id
    is_gone = (
        second_factors.remove_totp_secret(session, user_id)
        if passkey_id is None
        else second_factors.remove_passkey(session, user_id, passkey_id)
    )
    if not is_gone:
        message = "It was removed already."
        raise NotFound(message)
    if not second_factors.has_factor(session, user_id):
        second_factors.replace_recovery_codes(session, user_id, ())
    end_other_logins_of(request.session, login, request.now)
    kind = "app" if passkey_id is None else "passkey"
    event = factor_event(AuditAction.SECOND_FACTOR_REMOVED, request, kind=kind)
    return Done(answer=None, events=(event,))


@change(
    Permission.KEEP_OWN_ACCOUNT,
    AuditAction.RECOVERY_CODES_MADE,
    repeat=None,
    confirmed=True,
)
def make_recovery_codes(request: Request) -> Done[tuple[str, ...]]:
    """New recovery codes of the caller, to be shown once; those before end."""
    require_own_factors(request.actor, request.session)
    codes = new_recovery_codes(request.session, request.actor.user_id)
    event = factor_event(AuditAction.RECOVERY_CODES_MADE, request, count=len(codes))
    return Done(answer=codes, events=(event,))


def require_own_factors(actor: Actor, session: Session) -> None:
    """Refuse who logs in at an identity provider: a factor here would go around it.

    Raises Conflict.
    """
    if federated_identities.is_federated(session, actor.user_id):
        message = "Your identity provider asks for second factors; none is kept here."
        raise Conflict(message)


def has_app(session: Session, user_id: int) -> bool:
    """Whether this person confirms with codes of an app."""
    return second_factors.totp_secret(session, user_id) is not None


def is_app_code(
    session: Session, key: FactorKey | None, user_id: int, code: str, now: datetime
) -> bool:
    """Whether the person's app shows this code now; each code is accepted once."""
    stored = second_factors.totp_secret(session, user_id, lock=True)
    if stored is None or key is None:
        return False
    secret = key.decrypt(stored.encrypted_secret, now)
    if secret is None:
        log.error("second_factor_unreadable", user_id=user_id)
        return False
    step = _matching_step(secret, _typed(code), now, last_step=stored.last_step)
    if step is None:
        return False
    second_factors.set_last_step(session, user_id, step)
    return True


def is_recovery_code(session: Session, user_id: int, code: str) -> bool:
    """Whether this is one of the person's recovery codes, which is used up now."""
    return second_factors.use_recovery_code(session, user_id, digest(_typed(code)))


def new_recovery_codes(session: Session, user_id: int) -> tuple[str, ...]:
    """Replace the person's recovery codes."""
    codes = tuple(one_time_password() for _ in range(RECOVERY_CODES))
    hashes = [digest(code) for code in codes]
    second_factors.replace_recovery_codes(session, user_id, hashes)
    return codes


def end_other_logins_of(session: Session, login: LoginSession, now: datetime) -> None:
    """End the person's logins that did not prove the factors of now."""
    sessions.end_sessions_of_user(
        session,
        login.actor.user_id,
        now_utc=now,
        reason=EndReason.FACTORS_CHANGED,
        but_for=login.session_id,
    )


def factor_event(action: AuditAction, request: Request, **after: object) -> Event:
    """What people did to their own second factors."""
    return user_event(action, request.actor.user_id, after=after)


def _pending_secret(request: Request, key: FactorKey, token: str) -> str | None:
    text = key.decrypt(token, request.now, PENDING_LIFE) or ""
    owner, _, secret = text.partition(":")
    return secret if secret and owner == str(request.actor.user_id) else None


def _matching_step(
    secret: str, code: str, now: datetime, *, last_step: int
) -> int | None:
    totp = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S)
    present = _seconds(now) // STEP_S
    found = None
    for step in range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1):
        matches = hmac.compare_digest(
            totp.generate_otp(step).encode(), code.encode("utf-8", "replace")
        )
        if matches and step > last_step:
            found = step
    return found


def _typed(code: str) -> str:
    """As it is shown, without the spaces that apps and people put in."""
    return "".join(code.split()).lower()


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())
