"""The plain page of a person's own API tokens."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from core.access import Scope, usable_scopes
from core.errors import FleetError, InvalidInput, NotConfirmed
from orchestrator.accounts import api_tokens, second_factors
from orchestrator.accounts.own_password import confirm
from orchestrator.operations.secret_key import factor_key
from orchestrator.runtime import Runtime
from pages.times import chosen_times
from pages.words import local_time
from webapp.auth import current_actor
from webapp.permissions import Access, add_route
from webapp.request_context import exchange

_PATH = "/account/tokens"


def make_own_tokens(runtime: Runtime) -> Blueprint:
    """The routes of a person's own tokens."""
    blueprint = Blueprint("tokens", __name__)
    pages = TokenPages(runtime)
    mine, post = Access.LOGGED_IN, ("POST",)
    add_route(blueprint, _PATH, pages.show, access=mine)
    add_route(blueprint, f"{_PATH}/make", pages.make, access=mine, methods=post)
    add_route(
        blueprint,
        f"{_PATH}/<int:token_id>/revoke",
        pages.revoke,
        access=mine,
        methods=post,
    )
    return blueprint


class TokenPages:
    """Views of a person's own tokens."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._key = factor_key(runtime.settings)

    def show(self) -> ResponseReturnValue:
        """What I have."""
        return self._page()

    def make(self) -> ResponseReturnValue:
        """Make a token; its secret is shown in this answer and never again."""
        try:
            secret = self._made()
        except FleetError as exc:
            return self._page(problem=exc.message), 422
        return self._page(secret=secret)

    def revoke(self, token_id: int) -> ResponseReturnValue:
        """End one of mine."""
        with exchange(self._runtime, current_actor()) as asked:
            api_tokens.revoke_own_token(asked, token_id)
        return redirect(_PATH, code=303)

    def _made(self) -> str | None:
        actor, form = current_actor(), request.form
        scopes = [scope for scope in Scope if scope.value in form.getlist("scope")]
        days = form.get("days", type=int)
        if days is None:
            message = "Say for how many days the token is to last."
            raise InvalidInput(message)
        with exchange(self._runtime, actor) as asked:
            refused = confirm(asked, form.get("proof", ""), self._key)
        if refused is not None:
            raise NotConfirmed(refused.sentence)
        with exchange(self._runtime, actor, is_confirmed=True) as asked:
            made = api_tokens.make_own_token(
                asked, name=form.get("name", ""), scopes=scopes, days=days
            )
        return made.secret

    def _page(self, problem: str | None = None, secret: str | None = None) -> str:
        actor = current_actor()
        with exchange(self._runtime, actor) as asked:
            tokens = api_tokens.own_tokens(asked)
            factors = second_factors.own_factors(asked)
        return render_template(
            "tokens.html",
            title="API tokens",
            tokens=tokens,
            factors=factors,
            scopes=usable_scopes(actor.role),
            days=api_tokens.DEFAULT_DAYS,
            most_days=api_tokens.MOST_DAYS,
            problem=problem,
            secret=secret,
            shown=partial(local_time, time_zone=chosen_times().zone_without_region),
        )
