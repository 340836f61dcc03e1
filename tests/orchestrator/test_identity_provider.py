"""What a hostile provider, or somebody between, may answer: all of it is refused."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from pydantic import SecretStr

from core.access import Role
from core.errors import InvalidInput, ServiceUnavailable
from db.engine import DatabaseUrls
from orchestrator.accounts.federation import FederatedPerson, log_in_federated
from orchestrator.accounts.identity_provider import (
    LARGEST_ANSWER_BYTES,
    Flow,
    IdentityProvider,
    LogoutToken,
    RefusedAnswerError,
    Renewed,
)
from orchestrator.accounts.logins import Login, find_login
from orchestrator.accounts.provider_checks import check_logins
from orchestrator.accounts.second_factors import FactorKey
from orchestrator.runtime import Runtime, utc_now
from orchestrator.settings import Settings
from tests.asking import CLIENT, asking
from tests.fleet import runtime_on

BACK = "http://localhost/login/oidc/callback"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
CURVE = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})


@dataclass
class Hostile:
    """A provider that answers whatever a test wants."""

    issuer: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(
        default_factory=lambda: {"alg": "RS256", "kid": "one"}
    )
    claims: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: KEY)
    id_token: str | None = None
    token_status: int = 200
    errors: dict[str, str] = field(default_factory=dict)
    seen: dict[str, list[str]] = field(default_factory=dict)
    flow: Flow | None = None

    def answer(self, path: str, body: str) -> tuple[int, dict[str, Any]]:
        if path.endswith("openid-configuration"):
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"],
                **self.metadata,
            }
        if path.endswith("jwks"):
            return 200, KeySet([KEY, CURVE]).as_dict(private=False)
        self.seen = parse_qs(body)
        error = self.errors.get(self.seen.get("refresh_token", [""])[0])
        if error is not None:
            return 400, {"error": error}
        return self.token_status, {
            "access_token": "a",
            "token_type": "Bearer",
            "id_token": self.id_token or self.signed(),
        }

    def signed(self) -> str:
        assert self.flow is not None
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": "portal",
            "sub": "ada",
            "preferred_username": "ada",
            "groups": ["gfo-admins"],
            "iat": now,
            "exp": now + 300,
            "nonce": self.flow.nonce,
            **self.claims,
        }
        wanted = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(
            self.header,
            wanted,
            self.key,
            algorithms=["RS256", "HS256", "ES256", "none"],
        )


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    made = Hostile()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send("")

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            self._send(self.rfile.read(length).decode())

        def _send(self, body: str) -> None:
            status, answer = made.answer(self.path, body)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{made.issuer}/elsewhere")
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_arguments: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.issuer = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


def client_of(hostile: Hostile, **changes: object) -> IdentityProvider:
    settings = Settings(
        _env_file=None,
        oidc_issuer=hostile.issuer,
        oidc_client_id="portal",
        oidc_client_secret=SecretStr("shared with the provider"),
        oidc_roles={"gfo-admins": Role.ADMIN},
    )
    return IdentityProvider(settings.model_copy(update=changes))


def finish(
    hostile: Hostile, *, is_confirming: bool = False, **changes: str
) -> tuple[str, frozenset[str]]:
    client = client_of(hostile)
    _, flow = client.begin(BACK, is_confirming=is_confirming)
    hostile.flow = flow
    answer = {"state": flow.state, "code": "c", **changes}
    person = client.finish(answer, flow, BACK, utc_now())
    return person.subject, person.groups


def test_an_honest_answer_names_the_person(hostile: Hostile) -> None:
    assert finish(hostile) == ("ada", frozenset({"gfo-admins"}))
    assert hostile.flow is not None
    assert hostile.seen["code_verifier"] == [hostile.flow.verifier]


def test_the_way_there_carries_challenge_state_and_nonce(hostile: Hostile) -> None:
    address, flow = client_of(hostile).begin(BACK, is_confirming=True)
    query = parse_qs(urlsplit(address).query)
    assert query["state"] == [flow.state]
    assert query["nonce"] == [flow.nonce]
    assert query["code_challenge_method"] == ["S256"]
    assert flow.verifier not in address
    assert (query["prompt"], query["max_age"]) == (["login"], ["0"])


def _unsigned(hostile: Hostile) -> None:
    hostile.header, hostile.key = {"alg": "none"}, None
    hostile.id_token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ."


def _shared_secret(hostile: Hostile) -> None:
    hostile.header = {"alg": "HS256", "kid": "one"}
    hostile.key = OctKey.import_key("shared with the provider")


def _public_key_as_secret(hostile: Hostile) -> None:
    """Made by hand: the library signs nothing like that."""
    signed = hostile.signed

    hostile.signed = (  # type: ignore[method-assign]
        lambda: _signed_with_public_key(signed())
    )


def _signed_with_public_key(token: str) -> str:
    head = _base64(json.dumps({"alg": "HS256", "kid": "one"}).encode())
    text = f"{head}.{token.split('.')[1]}"
    secret = KEY.as_pem(private=False)
    return f"{text}.{_base64(hmac.digest(secret, text.encode(), 'sha256'))}"


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _other_key(hostile: Hostile) -> None:
    hostile.key = OTHER


def _unknown_key(hostile: Hostile) -> None:
    hostile.header, hostile.key = {"alg": "RS256", "kid": "three"}, OTHER


def _swapped_kind_of_key(hostile: Hostile) -> None:
    hostile.header, hostile.key = {"alg": "ES256", "kid": "one"}, CURVE


def _own_key_in_header(hostile: Hostile) -> None:
    hostile.header = {"alg": "RS256", "jwk": OTHER.as_dict(private=False)}
    hostile.key = OTHER


def _with(**claims: object) -> Callable[[Hostile], None]:
    def change(hostile: Hostile) -> None:
        hostile.claims = claims

    return change


def _text(text: str) -> Callable[[Hostile], None]:
    def change(hostile: Hostile) -> None:
        hostile.id_token = text

    return change


LONG_AGO = int(time.time()) - 86_400


@pytest.mark.parametrize(
    "lie",
    [
        _unsigned,
        _shared_secret,
        _public_key_as_secret,
        _other_key,
        _unknown_key,
        _swapped_kind_of_key,
        _own_key_in_header,
        _with(aud="another client"),
        _with(aud=["another client"], azp="portal"),
        _with(aud=["portal", "another client"], azp="another client"),
        _with(aud=None),
        _with(iss="https://evil.example"),
        _with(iss=None),
        _with(nonce="of another flow"),
        _with(nonce=None),
        _with(nonce=None, nonce_supported=False),
        _with(exp=LONG_AGO),
        _with(exp=None),
        _with(iat=int(time.time()) + 86_400),
        _with(nbf=int(time.time()) + 86_400),
        _with(sub=None),
        _with(sub=""),
        _with(sub=7),
        _with(preferred_username=None),
        _with(preferred_username=["ada"]),
        _with(groups={"gfo-admins": True}),
        _with(at_hash="wrong"),
        _text(""),
        _text("not a token"),
        _text("a.b.c"),
        _text("a.b.c.d.e"),
    ],
)
def test_a_token_that_lies_is_refused(
    hostile: Hostile, lie: Callable[[Hostile], None]
) -> None:
    lie(hostile)
    if hostile.id_token == "":
        hostile.id_token = "."
    with pytest.raises(RefusedAnswerError):
        finish(hostile)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "another"},
        {"state": ""},
        {"code": ""},
        {"error": "access_denied"},
        {"iss": "https://evil.example"},
    ],
)
def test_an_answer_to_another_question_is_refused(
    hostile: Hostile, changes: dict[str, str]
) -> None:
    with pytest.raises(RefusedAnswerError):
        finish(hostile, **changes)
    assert hostile.seen == {}  # the code was given to nobody


def test_a_provider_that_names_itself_has_to(hostile: Hostile) -> None:
    hostile.metadata = {"authorization_response_iss_parameter_supported": True}
    with pytest.raises(RefusedAnswerError):
        finish(hostile)
    assert finish(hostile, iss=hostile.issuer)[0] == "ada"


@pytest.mark.parametrize(
    "auth_time",
    [None, LONG_AGO, "now", 1e12, 1e17],
    ids=["none", "long ago", "a word", "no year", "no instant"],
)
def test_a_confirmation_needs_a_login_of_now(
    hostile: Hostile, auth_time: object
) -> None:
    hostile.claims = {"auth_time": auth_time}
    with pytest.raises(RefusedAnswerError):
        finish(hostile, is_confirming=True)
    hostile.claims = {"auth_time": int(time.time())}
    assert finish(hostile, is_confirming=True)[0] == "ada"


@pytest.mark.parametrize("status", [302, 400, 500])
def test_a_refused_code_or_a_redirect_is_no_login(
    hostile: Hostile, status: int
) -> None:
    hostile.token_status = status
    hostile.id_token = "x"
    with pytest.raises((RefusedAnswerError, ServiceUnavailable)):
        finish(hostile)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": None},
        {"jwks_uri": "http://evil.example/jwks"},
        {"token_endpoint": "http://evil.example/token"},
        {"padding": "x" * (LARGEST_ANSWER_BYTES + 1)},
    ],
)
def test_a_description_that_leads_astray_is_refused(
    hostile: Hostile, metadata: dict[str, object]
) -> None:
    hostile.metadata = metadata
    with pytest.raises((ServiceUnavailable, InvalidInput)):
        finish(hostile)


@pytest.mark.parametrize("issuer", ["http://id.example", "ftp://id.example", "id"])
def test_an_issuer_has_to_be_https(issuer: str) -> None:
    settings = Settings(
        _env_file=None,
        oidc_issuer=issuer,
        oidc_client_id="portal",
        oidc_roles={"gfo-admins": Role.ADMIN},
    )
    with pytest.raises(InvalidInput, match="begin with https"):
        IdentityProvider(settings)


def test_an_issuer_alone_is_not_enough() -> None:
    with pytest.raises(InvalidInput, match="GFO_OIDC_CLIENT_ID and GFO_OIDC_ROLES"):
        IdentityProvider(Settings(_env_file=None, oidc_issuer="https://id.example"))


EVENT = "http://schemas.openid.net/event/backchannel-logout"


def logout_token(
    header: dict[str, Any] | None = None, key: Any = KEY, **changes: object
) -> str:
    now = int(time.time())
    claims = {
        "iss": "https://id.example",
        "aud": "portal",
        "iat": now,
        "exp": now + 120,
        "jti": "one",
        "sub": "ada",
        "sid": "s",
        "events": {EVENT: {}},
        **changes,
    }
    wanted = {name: value for name, value in claims.items() if value is not None}
    head = {"alg": "RS256", "kid": "one", "typ": "logout+jwt", **(header or {})}
    return jwt.encode(head, wanted, key, algorithms=["RS256"])


def verified(token: str) -> LogoutToken:
    client = client_of(Hostile(issuer="https://id.example"))
    keys = KeySet([KEY, CURVE]).as_dict(private=False)
    return client.verified_logout(token, dict(keys), utc_now())


@pytest.mark.parametrize(
    "changes", [{}, {"sub": None}, {"sid": None}, {"aud": ["other", "portal"]}]
)
def test_an_honest_logout_token_names_whom_it_ends(changes: dict[str, object]) -> None:
    found = verified(logout_token(**changes))
    expected = {"sub": "ada", "sid": "s", **changes}
    assert (found.subject, found.sid) == (expected["sub"], expected["sid"])


HOUR_S = 3600
FORGED_LOGOUTS: dict[str, Callable[[], str]] = {
    "no events": lambda: logout_token(events=None),
    "another event": lambda: logout_token(events={"https://other": {}}),
    "an event that is no object": lambda: logout_token(events={EVENT: "x"}),
    "events that are no object": lambda: logout_token(events=[EVENT]),
    "an ID token": lambda: logout_token(events=None, nonce="n", sid=None),
    "a nonce": lambda: logout_token(nonce="n"),
    "nobody": lambda: logout_token(sub=None, sid=None),
    "a number as subject": lambda: logout_token(sub=7),
    "an empty session": lambda: logout_token(sid=""),
    "no jti": lambda: logout_token(jti=None),
    "a long jti": lambda: logout_token(jti="x" * 300),
    "another issuer": lambda: logout_token(iss="https://other.example"),
    "no issuer": lambda: logout_token(iss=None),
    "another audience": lambda: logout_token(aud="other"),
    "no audience": lambda: logout_token(aud=None),
    "long ago": lambda: logout_token(iat=int(time.time()) - HOUR_S),
    "the future": lambda: logout_token(iat=int(time.time()) + HOUR_S),
    "expired": lambda: logout_token(exp=int(time.time()) - HOUR_S),
    "no expiry": lambda: logout_token(exp=None),
    "no date": lambda: logout_token(iat=None),
    "a date as text": lambda: logout_token(iat="now"),
    "a date without end": lambda: logout_token(iat=1e300),
    "a date that is no instant": lambda: logout_token(iat=1e17),
    "the type of an ID token": lambda: logout_token(header={"typ": "JWT"}),
    "another type": lambda: logout_token(header={"typ": "at+jwt"}),
    "another key": lambda: logout_token(key=OTHER),
    "no signature": lambda: f"eyJhbGciOiJub25lIn0.{logout_token().split('.')[1]}.",
    "the public key as a secret": lambda: _signed_with_public_key(logout_token()),
    "an unknown key": lambda: logout_token(header={"kid": "three"}),
    "nothing": lambda: "",
    "rubbish": lambda: "a.b.c",
}


@pytest.mark.parametrize("forged", FORGED_LOGOUTS)
def test_a_forged_logout_token_is_refused(forged: str) -> None:
    with pytest.raises(RefusedAnswerError):
        verified(FORGED_LOGOUTS[forged]())


def renewed(hostile: Hostile, subject: str = "ada") -> Renewed | None:
    hostile.flow = Flow(state="s", nonce="n", verifier="v", is_confirming=False)
    return client_of(hostile).renew("r", subject, utc_now())


def test_a_renewed_login_names_its_person_and_groups(hostile: Hostile) -> None:
    found = renewed(hostile)
    assert found is not None
    assert found.person is not None
    assert found.person.groups == frozenset({"gfo-admins"})
    assert hostile.seen["grant_type"] == ["refresh_token"]
    assert renewed(hostile, "somebody else") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"aud": "other"},
        {"exp": 1},
        {"sub": 7},
        {"auth_time": 1e17},
    ],
)
def test_a_renewal_that_cannot_be_verified_does_not_hold(
    hostile: Hostile, changes: dict[str, object]
) -> None:
    hostile.claims = changes
    assert renewed(hostile) is None


def test_a_renewal_signed_by_another_does_not_hold(hostile: Hostile) -> None:
    hostile.key = OTHER
    assert renewed(hostile) is None


def test_a_provider_in_trouble_ends_no_login(hostile: Hostile) -> None:
    hostile.token_status = 503
    with pytest.raises(ServiceUnavailable):
        renewed(hostile)


@pytest.fixture
def runtime(database_urls: DatabaseUrls) -> Iterator[Runtime]:
    made = replace(runtime_on(database_urls), clock=utc_now)
    yield made
    made.engine.dispose()


def test_a_login_that_the_provider_says_nothing_of_keeps_no_other_from_being_asked(
    hostile: Hostile, runtime: Runtime
) -> None:
    provider, key = client_of(hostile), FactorKey("a key of this test")
    tokens = {}
    for minutes, name in ((5, "bob"), (4, "ada")):  # bob is asked about first
        now = utc_now() - timedelta(minutes=minutes)
        person = FederatedPerson(
            issuer=hostile.issuer,
            subject=name,
            name=name,
            groups=frozenset({"gfo-admins"}),
            proved_at_utc=None,
            refresh_token=f"of {name}",
        )
        with runtime.transaction() as session:
            login = log_in_federated(
                asking(session, None, now=now),
                person,
                roles=provider.roles,
                client=CLIENT,
                key=key,
            )
        assert isinstance(login, Login)
        tokens[name] = login.token
    hostile.errors = {"of bob": "interaction_required"}
    hostile.flow = Flow(state="s", nonce="n", verifier="v", is_confirming=False)
    hostile.claims = {"groups": []}

    check_logins(runtime, provider, key)

    with runtime.transaction() as session:
        request = asking(session, None, now=utc_now())
        live = {name for name, token in tokens.items() if find_login(request, token)}
    assert live == {"bob"}
