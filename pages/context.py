"""What the web application gives to every page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid5

from core.access import Actor, Permission
from core.errors import NeedsSecondPerson, NotConfirmed, WaitsForSecondPerson
from orchestrator.accounts.own_password import confirm
from orchestrator.accounts.second_factors import FactorKey
from orchestrator.approvals.requests import ask_second_person
from orchestrator.runtime import Runtime
from orchestrator.use_cases import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """What the web application gives to every page at registration.

    Attributes
    ----------
    current_actor : callable
        The actor of this request; raises Forbidden when nobody is logged in.
    request_id : callable
        The id that the browser gave to this change: the same when it sends it again.
    callback_permission : callable
        A page declares each server callback's permission by its output id
        (`"what-if-verdict.children"`); a callback without one stops the start.
    factor_key : FactorKey | None
        Reads the secrets of authenticator apps; without it none confirms anything.
    """

    runtime: Runtime
    current_actor: Callable[[], Actor]
    request_id: Callable[[], UUID]
    callback_permission: Callable[[str, Permission], None]
    factor_key: FactorKey | None = None

    @contextmanager
    def request(
        self, request_id: UUID | None = None, *, is_confirmed: bool = False
    ) -> Iterator[Request]:
        """A request of the person at the browser; commits when the block ends.

        Its id is the one that the browser sent with the callback, unless the page has
        an id of its own for what it asks.
        """
        actor = self.current_actor()
        with self.runtime.transaction() as session:
            yield Request(
                session=session,
                caller=actor,
                now=self.runtime.clock(),
                request_id=request_id or self.request_id(),
                is_confirmed=is_confirmed,
            )

    @contextmanager
    def confirmed_request(
        self, proof: object, request_id: UUID | None = None
    ) -> Iterator[Request]:
        """A request that the person confirmed, with password or code.

        An unattended page must not change limits, models or accounts. A repeated
        request needs a proof as well.

        Raises
        ------
        NotConfirmed
            When the proof is wrong; the try is stored.
        WaitsForSecondPerson
            When a second person has to approve it; the request is stored.
        """
        with self.request(request_id) as request:
            refused = confirm(
                request, proof if isinstance(proof, str) else "", self.factor_key
            )
        if refused is not None:
            raise NotConfirmed(refused.sentence)
        try:
            with self.request(request_id, is_confirmed=True) as request:
                yield request
        except NeedsSecondPerson as exc:
            # Another change than the one that has the browser's id.
            ask_id = uuid5(request_id or self.request_id(), "second person")
            with self.request(ask_id, is_confirmed=True) as request:
                asked = ask_second_person(request, exc.act, exc.arguments, exc.effects)
            message = (
                f"It waits as request {asked.approval_id} for a second person, until"
                f" {asked.expires_at_utc:%Y-%m-%d %H:%M} UTC. Nothing has changed yet."
            )
            raise WaitsForSecondPerson(message) from exc
