"""The plain pages of API tokens: a person's own, and for admins those of everybody."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from core.access import PERSONAL_SCOPES, Permission, Role, Scope, usable_scopes
from core.errors import FleetError, InvalidInput, NotConfirmed
from orchestrator.accounts import api_tokens, second_factors
from orchestrator.accounts.api_tokens import NewToken
from orchestrator.accounts.own_password import confirm
from orchestrator.operations.secret_key import factor_key
from orchestrator.runtime import Runtime
from orchestrator.use_cases import Request
from pages.times import chosen_times
from pages.words import local_time
from webapp.auth import current_actor
from webapp.permissions import Access, add_route
from webapp.request_context import exchange

_OWN, _ALL = "/account/tokens", "/admin/tokens"

Changed = TypeVar("Changed")


def make_token_pages(runtime: Runtime) -> Blueprint:
    """The routes of tokens."""
    blueprint = Blueprint("tokens", __name__)
    pages = TokenPages(runtime)
    mine, everybody = Access.LOGGED_IN, Permission.MANAGE_USERS
    add_route(blueprint, _OWN, pages.show_own, access=mine)
    add_route(blueprint, _ALL, pages.show_all, access=everybody)
    for rule, view, access in (
        (f"{_OWN}/make", pages.make_own, mine),
        (f"{_OWN}/<int:token_id>/revoke", pages.revoke_own, mine),
        (f"{_ALL}/make", pages.make, everybody),
        (f"{_ALL}/revoke", pages.revoke, everybody),
        (f"{_ALL}/service-accounts", pages.add_service_account, everybody),
    ):
        add_route(blueprint, rule, view, access=access, methods=("POST",))
    return blueprint


class TokenPages:
    """Views of tokens."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._key = factor_key(runtime.settings)

    def show_own(self) -> ResponseReturnValue:
        """Tokens that act for me."""
        return self._page(for_all=False)

    def show_all(self) -> ResponseReturnValue:
        """Tokens of everybody."""
        return self._page(for_all=True)

    def make_own(self) -> ResponseReturnValue:
        """Make a token for me; its secret is shown in this answer and never again."""
        return self._shown(
            lambda asked: api_tokens.make_own_token(
                asked, name=_text("name"), scopes=_scopes(), days=_number("days")
            ),
            for_all=False,
        )

    def revoke_own(self, token_id: int) -> ResponseReturnValue:
        """End one of mine."""
        with exchange(self._runtime, current_actor()) as asked:
            api_tokens.revoke_own_token(asked, token_id)
        return redirect(_OWN, code=303)

    def make(self) -> ResponseReturnValue:
        """Make a token for a person or a service account."""
        return self._shown(
            lambda asked: api_tokens.make_token(
                asked,
                owner=_text("owner"),
                name=_text("name"),
                scopes=_scopes(),
                days=_number("days"),
            ),
            for_all=True,
        )

    def revoke(self) -> ResponseReturnValue:
        """End anybody's token."""
        return self._shown(
            lambda asked: api_tokens.revoke_token(asked, _number("token")),
            for_all=True,
        )

    def add_service_account(self) -> ResponseReturnValue:
        """Add an account that only tokens act for."""
        return self._shown(
            lambda asked: api_tokens.add_service_account(asked, _text("name"), _role()),
            for_all=True,
        )

    def _shown(
        self, change: Callable[[Request], object], *, for_all: bool
    ) -> ResponseReturnValue:
        """Carry out a change that I confirmed; show a new secret once."""
        try:
            done = self._confirmed(change)
        except FleetError as exc:
            return self._page(for_all=for_all, problem=exc.message), 422
        secret = done.secret if isinstance(done, NewToken) else None
        if secret is None:
            return redirect(_ALL if for_all else _OWN, code=303)
        return self._page(for_all=for_all, secret=secret)

    def _confirmed(self, change: Callable[[Request], Changed]) -> Changed:
        actor = current_actor()
        with exchange(self._runtime, actor) as asked:
            refused = confirm(asked, request.form.get("proof", ""), self._key)
        if refused is not None:
            raise NotConfirmed(refused.sentence)
        with exchange(self._runtime, actor, is_confirmed=True) as asked:
            return change(asked)

    def _page(
        self, *, for_all: bool, problem: str | None = None, secret: str | None = None
    ) -> str:
        actor = current_actor()
        with exchange(self._runtime, actor) as asked:
            found = (api_tokens.list_tokens if for_all else api_tokens.own_tokens)(
                asked
            )
            factors = second_factors.own_factors(asked)
        return render_template(
            "tokens.html",
            title="API tokens",
            for_all=for_all,
            may_see_all=actor.may(Permission.MANAGE_USERS),
            tokens=found,
            factors=factors,
            scopes=[scope for scope in Scope if scope not in PERSONAL_SCOPES]
            if for_all
            else usable_scopes(actor.role),
            roles=list(Role),
            days=api_tokens.DEFAULT_DAYS,
            most_days=api_tokens.MOST_DAYS,
            problem=problem,
            secret=secret,
            shown=partial(local_time, time_zone=chosen_times().zone_without_region),
        )


def _text(name: str) -> str:
    return request.form.get(name, "")


def _number(name: str) -> int:
    found = request.form.get(name, type=int)
    if found is None or not 0 <= found < 2**31:
        message = f"Write a number into the field {name}."
        raise InvalidInput(message)
    return found


def _scopes() -> list[Scope]:
    return [scope for scope in Scope if scope.value in request.form.getlist("scope")]


def _role() -> Role:
    try:
        return Role(_text("role"))
    except ValueError as exc:
        message = "Choose a role."
        raise InvalidInput(message) from exc
