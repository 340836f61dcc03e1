"""The plain pages of second factors, and the login with a passkey."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

import segno
from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    session,
)
from flask.typing import ResponseReturnValue

from core.errors import FleetError, InvalidInput, NotConfirmed
from orchestrator.accounts import passkeys, second_factors
from orchestrator.accounts.logins import RefusedLogin
from orchestrator.accounts.own_password import confirm
from orchestrator.accounts.passkeys import Ceremony, Place
from orchestrator.operations.secret_key import factor_key
from orchestrator.runtime import Runtime
from orchestrator.use_cases import Request
from pages.times import chosen_times
from pages.words import local_time
from webapp.auth import client, current_actor
from webapp.next_path import safe_next
from webapp.permissions import Access, add_route
from webapp.portal import answer_with_login, refused_login, this_user
from webapp.request_context import exchange

_CEREMONY = "passkey"
_PATH = "/account/factors"

Codes = tuple[str, ...]


def make_second_factors(runtime: Runtime) -> Blueprint:
    """The routes of second factors."""
    factors = Blueprint("factors", __name__)
    pages = FactorPages(runtime)
    post, mine, anybody = ("POST",), Access.LOGGED_IN, Access.ANYBODY
    add_route(factors, _PATH, pages.show, access=mine)
    for rule, view, access in (
        (f"{_PATH}/app", pages.add_app, mine),
        (f"{_PATH}/remove", pages.remove, mine),
        (f"{_PATH}/recovery-codes", pages.make_codes, mine),
        (f"{_PATH}/passkeys/options", pages.passkey_options, mine),
        (f"{_PATH}/passkeys", pages.add_passkey, mine),
        ("/login/passkey/options", pages.login_options, anybody),
        ("/login/passkey", pages.log_in, anybody),
    ):
        add_route(factors, rule, view, access=access, methods=post)
    return factors


class FactorPages:
    """Views of second factors."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._key = factor_key(runtime.settings)

    def show(self) -> ResponseReturnValue:
        """What I have besides my password."""
        return self._page()

    def add_app(self) -> ResponseReturnValue:
        """Add my authenticator app."""
        return self._changed(
            lambda asked: second_factors.add_app(
                asked,
                self._key,
                this_user().login,
                token=request.form.get("token", ""),
                code=request.form.get("code", ""),
            )
        )

    def remove(self) -> ResponseReturnValue:
        """Remove my app, or one of my passkeys."""
        passkey_id = request.form.get("passkey", type=int)

        def change(asked: Request) -> Codes:
            second_factors.remove_factor(asked, this_user().login, passkey_id)
            return ()

        return self._changed(change)

    def make_codes(self) -> ResponseReturnValue:
        """New recovery codes."""
        return self._changed(second_factors.make_recovery_codes)

    def passkey_options(self) -> ResponseReturnValue:
        """A challenge for a new passkey."""
        with exchange(self._runtime, current_actor()) as asked:
            options, challenge = passkeys.passkey_options(
                asked, _place(), rp_name=self._runtime.settings.app_name
            )
        return self._begun(options, challenge)

    def add_passkey(self) -> ResponseReturnValue:
        """Add a passkey of mine."""
        return self._changed(
            lambda asked: passkeys.add_passkey(
                asked,
                this_user().login,
                _ceremony(),
                credential=request.form.get("credential", ""),
                label=request.form.get("label", ""),
            )
        )

    def login_options(self) -> ResponseReturnValue:
        """A challenge for whoever wants to log in with a passkey."""
        with exchange(self._runtime, None) as asked:
            options, challenge = passkeys.login_options(asked, _place())
        return self._begun(options, challenge)

    def log_in(self) -> ResponseReturnValue:
        """Log in with a passkey."""
        wanted = safe_next(request.form.get("next"))
        try:
            ceremony = _ceremony()
        except InvalidInput:
            return refused_login(RefusedLogin(), wanted)
        with exchange(self._runtime, None) as asked:
            outcome = passkeys.log_in_with_passkey(
                asked,
                ceremony,
                credential=request.form.get("credential", ""),
                client=client(),
            )
        if isinstance(outcome, RefusedLogin):
            return refused_login(outcome, wanted)
        return answer_with_login(outcome, wanted)

    def _begun(self, options: str, challenge: bytes) -> Response:
        session[_CEREMONY] = [
            base64.b64encode(challenge).decode(),
            self._runtime.clock().isoformat(),
        ]
        response = make_response(options)
        response.mimetype = "application/json"
        return response

    def _changed(self, change: Callable[[Request], Codes]) -> ResponseReturnValue:
        """Carry out a change that I confirmed; shows new recovery codes once."""
        try:
            with self._confirmed() as asked:
                codes = change(asked)
        except FleetError as exc:
            return self._page(exc.message), 422
        return self._page(codes=codes) if codes else redirect(_PATH, code=303)

    @contextmanager
    def _confirmed(self) -> Iterator[Request]:
        actor = current_actor()
        with exchange(self._runtime, actor) as asked:
            refused = confirm(asked, request.form.get("proof", ""), self._key)
        if refused is not None:
            raise NotConfirmed(refused.sentence)
        with exchange(self._runtime, actor, is_confirmed=True) as asked:
            yield asked

    def _page(self, problem: str | None = None, codes: Codes = ()) -> str:
        actor, settings = current_actor(), self._runtime.settings
        with exchange(self._runtime, actor) as asked:
            factors = second_factors.own_factors(asked)
            pending = second_factors.propose_app(
                asked,
                self._key,
                issuer=settings.app_name,
                token=request.form.get("token", ""),
            )
        return render_template(
            "factors.html",
            title="Second factor",
            factors=factors,
            pending=pending,
            qr=segno.make_qr(pending.uri).svg_data_uri(scale=4, light="#fff"),
            codes=codes,
            problem=problem,
            is_required=actor.role in settings.second_factor_roles,
            shown=partial(local_time, time_zone=chosen_times().zone_without_region),
        )


def _place() -> Place:
    """This host, as the browser and the proxies in front name it."""
    host = urlsplit(f"//{request.host}").hostname or ""
    return Place(rp_id=host, origin=f"{request.scheme}://{request.host}")


def _ceremony() -> Ceremony:
    """The challenge that this browser was given; it is used up now.

    Raises InvalidInput when there is none.
    """
    try:
        challenge, begun_at = session.pop(_CEREMONY)
        return Ceremony(
            challenge=base64.b64decode(challenge),
            begun_at_utc=datetime.fromisoformat(begun_at),
            place=_place(),
        )
    except (KeyError, ValueError, TypeError) as exc:
        message = "Begin again: the portal asked this browser for no passkey."
        raise InvalidInput(message) from exc
