"""The plain pages around the portal: login, logout, the account and its password."""

from __future__ import annotations

import importlib.util
from contextlib import AbstractContextManager
from functools import cache, partial
from importlib.metadata import version
from math import ceil
from pathlib import Path

from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    send_from_directory,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import login_required

from core.errors import ServiceUnavailable
from core.wording import wait_words
from orchestrator.accounts import logins, own_password, second_factors
from orchestrator.accounts.browser_names import browser_name
from orchestrator.accounts.logins import Login, RefusedLogin
from orchestrator.accounts.own_password import RefusedPassword
from orchestrator.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from orchestrator.operations.secret_key import factor_key
from orchestrator.runtime import Runtime
from orchestrator.use_cases import Request
from pages.times import chosen_times
from pages.words import local_time
from webapp.auth import PortalUser, client, current_actor, logged_in_user
from webapp.cookies import forget_login_token, set_device_token, set_login_token
from webapp.next_path import HOME, safe_next
from webapp.permissions import Access, add_route
from webapp.request_context import exchange

ASSETS = Path(__file__).parent / "assets"
STYLESHEET = "gfo.css"
SCRIPT = "passkeys.js"

_WRONG = (
    "The name or the password is not right, or a code that the account needs."
    " After five wrong tries every further one has to wait, up to 15 minutes."
)


def make_portal(runtime: Runtime) -> Blueprint:
    """The routes of the plain pages."""
    portal = Blueprint("portal", __name__)
    pages = PlainPages(runtime)
    logged_in = Access.LOGGED_IN
    add_route(
        portal, "/login", pages.login, access=Access.ANYBODY, methods=("GET", "POST")
    )
    add_route(portal, "/logout", pages.logout, access=logged_in, methods=("POST",))
    add_route(portal, "/account", pages.account, access=logged_in)
    add_route(
        portal,
        "/account/password",
        pages.password,
        access=logged_in,
        methods=("GET", "POST"),
    )
    add_route(
        portal,
        "/account/logins/<int:login_id>/end",
        pages.end_login,
        access=logged_in,
        methods=("POST",),
    )
    add_route(
        portal,
        "/account/logins/end-others",
        pages.end_other_logins,
        access=logged_in,
        methods=("POST",),
    )
    add_route(portal, f"/portal/{STYLESHEET}", stylesheet, access=Access.ANYBODY)
    add_route(portal, f"/portal/{SCRIPT}", passkey_script, access=Access.ANYBODY)
    add_route(portal, "/portal/icon.svg", icon, access=Access.ANYBODY)
    add_route(portal, "/portal/bootstrap.css", bootstrap, access=logged_in)
    return portal


class PlainPages:
    """Views that need the database."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._key = factor_key(runtime.settings)

    def login(self) -> ResponseReturnValue:
        """Ask for name and password, and start a login."""
        wanted = safe_next(request.values.get("next"))
        user = logged_in_user()
        if request.method != "POST":  # HEAD is a GET without its body
            return redirect(wanted) if user else _login_page(wanted)
        with exchange(self._runtime, None) as asked:
            name = request.form.get("name", "")
            attempt = logins.begin_login(asked, name=name, client=client())
        if isinstance(attempt, RefusedLogin):
            return refused_login(attempt, wanted)
        with exchange(self._runtime, user.actor if user else None) as asked:
            password = request.form.get("password", "")
            outcome = logins.log_in(
                asked,
                attempt,
                password=password,
                code=request.form.get("code", ""),
                key=self._key,
            )
            if isinstance(outcome, Login) and user is not None:
                logins.log_out(asked, user.login)
        if isinstance(outcome, RefusedLogin):
            return refused_login(outcome, wanted)
        return answer_with_login(
            outcome,
            url_for("portal.password") if outcome.must_change_password else wanted,
        )

    @login_required  # type: ignore[untyped-decorator]
    def logout(self) -> ResponseReturnValue:
        """End this login."""
        with self._asked() as asked:
            logins.log_out(asked, this_user().login)
        session.clear()
        response = redirect(url_for("portal.login"), code=303)
        forget_login_token(response)
        return response

    @login_required  # type: ignore[untyped-decorator]
    def account(self) -> ResponseReturnValue:
        """Who I am, and where I am logged in."""
        with self._asked() as asked:
            own_logins = logins.list_logins(asked)
            factors = second_factors.own_factors(asked)
        return render_template(
            "account.html",
            title="Your account",
            actor=current_actor(),
            logins=own_logins,
            is_federated=factors.is_federated,
            this_login_id=this_user().login.session_id,
            browser_name=browser_name,
            shown=partial(local_time, time_zone=chosen_times().zone_without_region),
        )

    @login_required  # type: ignore[untyped-decorator]
    def password(self) -> ResponseReturnValue:
        """Change my password; with a one-time password nothing else is reachable."""
        if request.method != "POST":  # HEAD is a GET without its body
            return _password_page()
        new = request.form.get("new", "")
        if new != request.form.get("repeated", ""):
            return _password_page("The two new passwords differ."), 422
        with self._asked() as asked:
            outcome = own_password.change_password(
                asked,
                current=request.form.get("current", ""),
                new=new,
                client=client(),
            )
        if isinstance(outcome, RefusedPassword):
            return _password_page(outcome.sentence), 422
        return answer_with_login(outcome, HOME)

    @login_required  # type: ignore[untyped-decorator]
    def end_login(self, login_id: int) -> ResponseReturnValue:
        """End another login of mine, on a machine that I left."""
        with self._asked() as asked:
            logins.end_own_login(asked, login_id)
        return redirect(url_for("portal.account"), code=303)

    @login_required  # type: ignore[untyped-decorator]
    def end_other_logins(self) -> ResponseReturnValue:
        """End every other login of mine, when I do not know where they are."""
        with self._asked() as asked:
            logins.end_other_logins(asked, this_user().login)
        return redirect(url_for("portal.account"), code=303)

    def _asked(self) -> AbstractContextManager[Request]:
        return exchange(self._runtime, current_actor())


def stylesheet() -> Response:
    """The one file that the login page needs."""
    return send_from_directory(ASSETS, STYLESHEET)


def passkey_script() -> Response:
    """What the plain pages need for passkeys; all else of them works without."""
    return send_from_directory(ASSETS, SCRIPT)


def icon() -> Response:
    """The mark in the browser's tab."""
    return send_from_directory(ASSETS, "icon.svg")


def bootstrap() -> Response:
    """Bootstrap 5 from an installed package: no other host, no copy in the source."""
    return send_from_directory(_bootstrap_folder(), "bootstrap.min.css")


def stylesheet_url() -> str:
    """Address of the stylesheet, new whenever the file is."""
    changed = int((ASSETS / STYLESHEET).stat().st_mtime)
    return f"/portal/{STYLESHEET}?m={changed}"


def passkey_script_url() -> str:
    """Address of the script for passkeys, new whenever the file is."""
    changed = int((ASSETS / SCRIPT).stat().st_mtime)
    return f"/portal/{SCRIPT}?m={changed}"


def bootstrap_url() -> str:
    """Address of Bootstrap's stylesheet, new with every release of its package."""
    return f"/portal/bootstrap.css?m={version('bootstrap-flask')}"


@cache
def _bootstrap_folder() -> Path:
    # Found, not imported: the package would bring its forms along.
    spec = importlib.util.find_spec("flask_bootstrap")
    if spec is None or spec.origin is None:
        message = "The package bootstrap-flask is not installed."
        raise ServiceUnavailable(message)
    return Path(spec.origin).parent / "static" / "bootstrap5" / "css"


def this_user() -> PortalUser:
    """The person behind a route that only people reach."""
    user = logged_in_user()
    if user is None:  # the gate let only people through
        message = "A view behind the gate was reached without a login."
        raise RuntimeError(message)
    return user


def _login_page(wanted: str, problem: str | None = None) -> str:
    return render_template(
        "login.html",
        title="Log in",
        next=wanted,
        has_ended="ended" in request.args,
        problem=problem,
        name=request.form.get("name", ""),
    )


def refused_login(refusal: RefusedLogin, wanted: str) -> Response:
    """The login page once more, with the reason."""
    if refusal.retry_after is None:
        return make_response(_login_page(wanted, _WRONG), 401)
    problem = f"Too many tries. Try again in {wait_words(refusal.retry_after)}."
    response = make_response(_login_page(wanted, problem), 429)
    response.headers["Retry-After"] = str(ceil(refusal.retry_after.total_seconds()))
    return response


def answer_with_login(login: Login, target: str) -> Response:
    """Go to `target` in a login that has begun."""
    # A form token that was known before the login is not valid after it.
    session.clear()
    response = make_response(redirect(target, code=303))
    set_login_token(response, login.token)
    if login.device_token is not None:
        set_device_token(response, login.device_token)
    return response


def _password_page(problem: str | None = None) -> str:
    return render_template(
        "password.html",
        title="Change your password",
        actor=current_actor(),
        is_forced=this_user().login.must_change_password,
        problem=problem,
        min_length=MIN_LENGTH,
        max_length=MAX_LENGTH,
    )
