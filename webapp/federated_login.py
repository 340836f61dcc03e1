"""The login at an identity provider: to it, and back."""

from __future__ import annotations

from dataclasses import asdict

from flask import (
    Blueprint,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from core.errors import NotFound
from orchestrator.accounts import federation, logins
from orchestrator.accounts.federation import RefusedPerson
from orchestrator.accounts.identity_provider import (
    Flow,
    IdentityProvider,
    RefusedAnswerError,
)
from orchestrator.logs import get_logger
from orchestrator.operations.secret_key import factor_key
from orchestrator.runtime import Runtime
from webapp.auth import client, logged_in_user
from webapp.next_path import safe_next
from webapp.permissions import Access, add_route
from webapp.portal import answer_with_login, refused_login
from webapp.request_context import exchange

log = get_logger(__name__)

_FLOW, _NEXT = "oidc", "oidc_next"


def make_federated_login(runtime: Runtime) -> Blueprint:
    """The routes; nobody is called until somebody opens the first."""
    blueprint = Blueprint("federation", __name__)
    has_provider = runtime.settings.oidc_issuer is not None
    provider = IdentityProvider(runtime.settings) if has_provider else None
    key = factor_key(runtime.settings) if has_provider else None

    def begin() -> ResponseReturnValue:
        """To the provider; with `confirm` the person has to log in there anew."""
        known = _require(provider)
        address, flow = known.begin(
            _callback_address(), is_confirming="confirm" in request.args
        )
        session[_FLOW] = asdict(flow)
        session[_NEXT] = safe_next(request.args.get("next"))
        return redirect(address)

    def finish() -> ResponseReturnValue:
        """Back from the provider; each flow ends with its first answer."""
        known = _require(provider)
        kept, wanted = session.pop(_FLOW, None), session.pop(_NEXT, "/")
        with exchange(runtime, None) as asked:
            waiting = federation.begin_exchange(asked, client())
        if waiting is not None:
            return refused_login(waiting, wanted)
        try:
            flow = Flow(**(kept or {}))
            now = runtime.clock()
            person = known.finish(request.args, flow, _callback_address(), now)
        except (RefusedAnswerError, TypeError) as exc:  # also of no flow at all
            log.warning(
                "provider_answer_refused", cause=repr(exc.__cause__ or exc)[:200]
            )
            with exchange(runtime, None) as asked:
                federation.refuse_exchange(asked, client())
            said = "The identity provider's answer was refused. Log in again."
            return _refused(said, wanted)
        user = logged_in_user()
        with exchange(runtime, user.actor if user else None) as asked:
            outcome = federation.log_in_federated(
                asked, person, roles=known.roles, client=client(), key=key
            )
            if not isinstance(outcome, RefusedPerson) and user is not None:
                logins.log_out(asked, user.login)
        if isinstance(outcome, RefusedPerson):
            return _refused(outcome.sentence, wanted)
        return answer_with_login(outcome, wanted)

    add_route(blueprint, "/login/oidc", begin, access=Access.ANYBODY)
    add_route(blueprint, "/login/oidc/callback", finish, access=Access.ANYBODY)
    return blueprint


def _require(provider: IdentityProvider | None) -> IdentityProvider:
    if provider is None:
        message = "This portal has no identity provider."
        raise NotFound(message)
    return provider


def _callback_address() -> str:
    return url_for("federation.finish", _external=True)


def _refused(sentence: str, wanted: str) -> ResponseReturnValue:
    page = render_template(
        "login.html", title="Log in", next=wanted, problem=sentence, name=""
    )
    return make_response(page, 403)
