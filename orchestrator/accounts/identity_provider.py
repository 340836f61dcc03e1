"""Talks to the configured identity provider (OpenID Connect): the one outgoing call.

Authorization code with PKCE, state and nonce. The provider's documents come from its
issuer's address alone, over https except on loopback; redirects are not followed.
The web process calls it only while somebody logs in; the worker asks it again about
logins that run, and for its keys. A logout token is verified with the stored keys.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from core.access import Role
from core.errors import InvalidInput, ServiceUnavailable
from orchestrator.accounts.federation import FederatedPerson
from orchestrator.logs import get_logger
from orchestrator.settings import Settings

log = get_logger(__name__)

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""Signatures by a key of the provider's: never `none`, never a shared secret."""

TIMEOUT_S = 5.0
CLOCK_DRIFT_S = 60
METADATA_LIFE_S = 3600.0
LARGEST_ANSWER_BYTES = 1024 * 1024
LOGOUT_TOKEN_LIFE = timedelta(minutes=10)
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_LOGOUT_TYPE = "logout+jwt"
_LONGEST_CLAIM = 255
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class RefusedAnswerError(InvalidInput):
    """The identity provider's answer was refused."""


class NotRenewedError(ServiceUnavailable):
    """The identity provider does not say whether a login holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What a browser keeps while its person is at the provider.

    Attributes
    ----------
    is_confirming : bool
        Whether the person has to log in there anew, to confirm an action here.
    """

    state: str
    nonce: str
    verifier: str = field(repr=False)
    is_confirming: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """What the provider said when it was asked again.

    Attributes
    ----------
    person : FederatedPerson | None
        None when it sent no ID token: then only that the login holds.
    refresh_token : str
        For the next time.
    """

    person: FederatedPerson | None
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutToken:
    """Whom the provider logged out: a person, one of its sessions, or both."""

    subject: str | None
    sid: str | None
    jti: str
    expires_at_utc: datetime


class IdentityProvider:
    """One provider, and this portal as its client."""

    def __init__(self, settings: Settings) -> None:
        self.issuer = settings.oidc_issuer or ""
        self._client_id = settings.oidc_client_id or ""
        secret = settings.oidc_client_secret
        self._secret = secret.get_secret_value() if secret else None
        self._scope = settings.oidc_scope
        self._name_claim = settings.oidc_name_claim
        self._role_claim = settings.oidc_role_claim
        self.roles: Mapping[str, Role] = settings.oidc_roles
        if not self._client_id or not self.roles:
            message = (
                "GFO_OIDC_ISSUER is set, so GFO_OIDC_CLIENT_ID and GFO_OIDC_ROLES are"
                " needed too."
            )
            raise InvalidInput(message)
        _require_safe(self.issuer)
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: KeySet | None = None

    def begin(self, redirect_uri: str, *, is_confirming: bool) -> tuple[str, Flow]:
        """The address to send the person to, and what their browser keeps."""
        flow = Flow(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            is_confirming=is_confirming,
        )
        extra: dict[str, str] = (
            {"prompt": "login", "max_age": "0"} if is_confirming else {}
        )
        with self._session(redirect_uri) as session:
            address, _ = session.create_authorization_url(
                self._endpoint("authorization_endpoint"),
                state=flow.state,
                nonce=flow.nonce,
                code_verifier=flow.verifier,
                **extra,
            )
        return str(address), flow

    def finish(
        self,
        answer: Mapping[str, str],
        flow: Flow,
        redirect_uri: str,
        now: datetime,
    ) -> FederatedPerson:
        """Exchange the code for an ID token and verify it.

        Raises
        ------
        RefusedAnswerError
            When state, issuer, token or any of its claims is not what it must be.
        ServiceUnavailable
            When the provider does not answer.
        """
        if not hmac.compare_digest(answer.get("state", ""), flow.state):
            raise RefusedAnswerError
        metadata = self._discovered()
        named = answer.get("iss")
        must_name = metadata.get("authorization_response_iss_parameter_supported")
        if (must_name or named is not None) and named != self.issuer:
            raise RefusedAnswerError
        code = answer.get("code")
        if not code or answer.get("error"):
            raise RefusedAnswerError
        try:
            with self._session(redirect_uri) as session:
                token = session.fetch_token(
                    self._endpoint("token_endpoint"),
                    code=code,
                    code_verifier=flow.verifier,
                    timeout=TIMEOUT_S,
                    allow_redirects=False,
                )
            claims = self._verified(token, flow, now)
        except requests.RequestException as exc:
            message = "The identity provider does not answer. Try again in a moment."
            raise ServiceUnavailable(message) from exc
        except (AuthlibBaseError, JoseError, ValueError, TypeError, KeyError) as exc:
            raise RefusedAnswerError from exc
        person = self._person(claims, flow, now)
        return replace(person, refresh_token=_text_or_none(token.get("refresh_token")))

    def renew(self, refresh_token: str, subject: str, now: datetime) -> Renewed | None:
        """Ask whether a login holds; None unless a verifiable answer says that it does.

        Raises
        ------
        ServiceUnavailable
            When the provider does not answer.
        NotRenewedError
            When it answers with an error that says nothing of this login.
        """
        try:
            with self._session("") as session:
                token = session.refresh_token(
                    self._endpoint("token_endpoint"),
                    refresh_token=refresh_token,
                    timeout=TIMEOUT_S,
                    allow_redirects=False,
                )
            renewed = _text_or_none(token.get("refresh_token")) or refresh_token
            if token.get("id_token") is None:
                return Renewed(person=None, refresh_token=renewed)
            person = self._person(self._verified(token, None, now), None, now)
        except requests.RequestException as exc:
            message = "The identity provider does not answer about a login."
            raise ServiceUnavailable(message) from exc
        except OAuthError as exc:
            if exc.error == "invalid_grant":
                return None
            message = f"The identity provider does not renew a login: {exc.error}."
            raise NotRenewedError(message) from exc
        except (
            AuthlibBaseError,
            JoseError,
            ValueError,
            TypeError,
            RefusedAnswerError,
        ) as exc:
            log.warning("renewal_refused", cause=repr(exc.__cause__ or exc)[:200])
            return None
        if person.subject != subject:
            return None
        return Renewed(person=person, refresh_token=renewed)

    def fetch_keys(self) -> dict[str, Any]:
        """The keys that the provider publishes now."""
        return self._get_json(self._endpoint("jwks_uri"))

    def verified_logout(
        self, text: str, keys: dict[str, Any], now: datetime
    ) -> LogoutToken:
        """Verify a logout token with stored keys; nobody is called.

        References: OpenID Connect Back-Channel Logout 1.0, section 2.6.

        Raises
        ------
        RefusedAnswerError
            When its signature or any claim is not what it must be.
        """
        try:
            decoded = jwt.decode(
                text,
                KeySet.import_key_set(keys),  # type: ignore[arg-type]
                algorithms=list(ALGORITHMS),
            )
            return self._logout(decoded.header, decoded.claims, now)
        except (JoseError, ValueError, TypeError, KeyError) as exc:
            raise RefusedAnswerError from exc

    def _logout(
        self, header: Mapping[str, Any], claims: Mapping[str, Any], now: datetime
    ) -> LogoutToken:
        kind, audience = header.get("typ"), claims["aud"]
        audiences = audience if isinstance(audience, list) else [audience]
        issued_at, expires_at = (_instant(claims[name]) for name in ("iat", "exp"))
        drift = timedelta(seconds=CLOCK_DRIFT_S)
        subject, sid, jti = (claims.get(name) for name in ("sub", "sid", "jti"))
        is_right = (
            isinstance(kind, str)
            and kind.lower() == _LOGOUT_TYPE
            and claims["iss"] == self.issuer
            and self._client_id in audiences
            and now - LOGOUT_TOKEN_LIFE <= issued_at <= now + drift
            and now - drift < expires_at
            and isinstance(claims["events"], dict)
            and isinstance(claims["events"].get(_LOGOUT_EVENT), dict)
            and "nonce" not in claims
            and (subject is not None or sid is not None)
            and all(_is_claim(item) for item in (subject, sid) if item is not None)
        )
        if not (is_right and _is_claim(jti)):
            raise RefusedAnswerError
        return LogoutToken(
            subject=subject,
            sid=sid,
            jti=jti,
            # A token that lives longer is refused as too old by then.
            expires_at_utc=issued_at + LOGOUT_TOKEN_LIFE + drift,
        )

    def _verified(
        self, token: Mapping[str, Any], flow: Flow | None, now: datetime
    ) -> CodeIDToken:
        """The claims of an ID token; without a flow those of a renewed login."""
        text = token["id_token"]
        try:
            decoded = self._decoded(text)
        except InvalidKeyIdError:  # the provider may have new keys
            self._keys = None
            decoded = self._decoded(text)
        nonce = {} if flow is None else {"essential": True, "value": flow.nonce}
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self._client_id},
                "sub": {"essential": True},
                "nonce": nonce,
            },
            params={
                "nonce": None if flow is None else flow.nonce,
                "client_id": self._client_id,
                "access_token": token.get("access_token"),
                "max_age": 1 if flow and flow.is_confirming else None,
            },
        )
        claims.validate(now=int(now.timestamp()), leeway=CLOCK_DRIFT_S)
        return claims

    def _decoded(self, text: str) -> jwt.Token:
        if self._keys is None:
            self._keys = KeySet.import_key_set(self.fetch_keys())  # type: ignore[arg-type]
        return jwt.decode(text, self._keys, algorithms=list(ALGORITHMS))

    def _person(
        self, claims: CodeIDToken, flow: Flow | None, now: datetime
    ) -> FederatedPerson:
        subject, name = claims.get("sub"), claims.get(self._name_claim)
        groups = claims.get(self._role_claim, [])
        if isinstance(groups, str):
            groups = [groups]
        if not (isinstance(subject, str) and subject and isinstance(name, str)):
            raise RefusedAnswerError
        if not isinstance(groups, list):
            raise RefusedAnswerError
        seen = claims.get("auth_time")
        proved_at_utc = None if seen is None else _instant(seen)
        if (
            flow
            and flow.is_confirming
            and (
                proved_at_utc is None
                or abs((now - proved_at_utc).total_seconds()) > 2 * CLOCK_DRIFT_S
            )
        ):
            message = "The identity provider did not ask you to log in anew."
            raise RefusedAnswerError(message)
        return FederatedPerson(
            issuer=self.issuer,
            subject=subject,
            name=name,
            groups=frozenset(item for item in groups if isinstance(item, str)),
            proved_at_utc=proved_at_utc,
            sid=_text_or_none(claims.get("sid")),
        )

    def _session(self, redirect_uri: str) -> OAuth2Session:
        method = "client_secret_basic" if self._secret else "none"
        session = OAuth2Session(
            self._client_id,
            self._secret,
            token_endpoint_auth_method=method,
            scope=self._scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )
        session.trust_env = False  # no proxy and no netrc that the settings do not name
        return session

    def _endpoint(self, name: str) -> str:
        address = self._discovered().get(name)
        if not isinstance(address, str):
            message = f"The identity provider names no {name}."
            raise ServiceUnavailable(message)
        _require_safe(address)
        return address

    def _discovered(self) -> dict[str, Any]:
        known = self._metadata
        if known is not None and time.monotonic() - known[0] < METADATA_LIFE_S:
            return known[1]
        found = self._get_json(
            f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        )
        if found.get("issuer") != self.issuer:
            message = "The identity provider does not call itself by GFO_OIDC_ISSUER."
            raise ServiceUnavailable(message)
        self._metadata = time.monotonic(), found
        return found

    def _get_json(self, address: str) -> dict[str, Any]:
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(
                    address, timeout=TIMEOUT_S, allow_redirects=False, stream=True
                )
                answer.raise_for_status()
                content = answer.raw.read(LARGEST_ANSWER_BYTES + 1, decode_content=True)
                if len(content) > LARGEST_ANSWER_BYTES or answer.status_code != 200:
                    raise ValueError  # noqa: TRY301 -- one message for all that can be
                found = json.loads(content)
        except (requests.RequestException, ValueError, RecursionError) as exc:
            message = "The identity provider does not answer. Try again in a moment."
            raise ServiceUnavailable(message) from exc
        if not isinstance(found, dict):
            message = "The identity provider's answer is not what it has to be."
            raise ServiceUnavailable(message)
        return found


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _instant(seconds: float) -> datetime:
    """The instant that a claim names; raises RefusedAnswerError where it names none."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, TypeError, OverflowError, OSError) as exc:
        raise RefusedAnswerError from exc


def _is_claim(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_CLAIM


def _require_safe(address: str) -> None:
    """Refuse an address whose answers somebody on the way could change."""
    parts = urlsplit(address)
    is_here = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not is_here:
        message = (
            f"The identity provider's address {address!r} has to begin with https."
        )
        raise InvalidInput(message)
