"""Talks to the configured identity provider (OpenID Connect): the one outgoing call.

Authorization code with PKCE, state and nonce. The provider's documents come from its
issuer's address alone, over https except on loopback; redirects are not followed.
Only while somebody logs in is anybody called.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from core.access import Role
from core.errors import InvalidInput, ServiceUnavailable
from orchestrator.accounts.federation import FederatedPerson
from orchestrator.settings import Settings

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""Signatures by a key of the provider's: never `none`, never a shared secret."""

TIMEOUT_S = 5.0
CLOCK_DRIFT_S = 60
METADATA_LIFE_S = 3600.0
LARGEST_ANSWER_BYTES = 1024 * 1024
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class RefusedAnswerError(InvalidInput):
    """The identity provider's answer was refused."""


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


class IdentityProvider:
    """One provider, and this portal as its client."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.oidc_issuer or ""
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
        _require_safe(self._issuer)
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
        if (must_name or named is not None) and named != self._issuer:
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
        return self._person(claims, flow, now)

    def _verified(
        self, token: Mapping[str, Any], flow: Flow, now: datetime
    ) -> CodeIDToken:
        text = token["id_token"]
        try:
            decoded = self._decoded(text)
        except InvalidKeyIdError:  # the provider may have new keys
            self._keys = None
            decoded = self._decoded(text)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": self._issuer},
                "aud": {"essential": True, "value": self._client_id},
                "sub": {"essential": True},
                "nonce": {"essential": True, "value": flow.nonce},
            },
            params={
                "nonce": flow.nonce,
                "client_id": self._client_id,
                "access_token": token.get("access_token"),
                "max_age": 1 if flow.is_confirming else None,
            },
        )
        claims.validate(now=int(now.timestamp()), leeway=CLOCK_DRIFT_S)
        return claims

    def _decoded(self, text: str) -> jwt.Token:
        if self._keys is None:
            found = self._get_json(self._endpoint("jwks_uri"))
            self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]
        return jwt.decode(text, self._keys, algorithms=list(ALGORITHMS))

    def _person(
        self, claims: CodeIDToken, flow: Flow, now: datetime
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
        proved_at_utc = None if seen is None else datetime.fromtimestamp(seen, UTC)
        if flow.is_confirming and (
            proved_at_utc is None
            or abs((now - proved_at_utc).total_seconds()) > 2 * CLOCK_DRIFT_S
        ):
            message = "The identity provider did not ask you to log in anew."
            raise RefusedAnswerError(message)
        return FederatedPerson(
            issuer=self._issuer,
            subject=subject,
            name=name,
            groups=frozenset(item for item in groups if isinstance(item, str)),
            proved_at_utc=proved_at_utc,
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
            f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        )
        if found.get("issuer") != self._issuer:
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
        except (requests.RequestException, ValueError) as exc:
            message = "The identity provider does not answer. Try again in a moment."
            raise ServiceUnavailable(message) from exc
        if not isinstance(found, dict):
            message = "The identity provider's answer is not what it has to be."
            raise ServiceUnavailable(message)
        return found


def _require_safe(address: str) -> None:
    """Refuse an address whose answers somebody on the way could change."""
    parts = urlsplit(address)
    is_here = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not is_here:
        message = (
            f"The identity provider's address {address!r} has to begin with https."
        )
        raise InvalidInput(message)
