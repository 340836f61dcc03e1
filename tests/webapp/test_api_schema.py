"""The API against its own description: requests made from it, answers held to it.

By schemathesis, over HTTP, with what the description allows and with what it does not.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core.access import Role
from orchestrator.accounts import api_tokens
from tests.e2e.serving import Portal, serve
from tests.fleet import Fleet
from tests.webapp.api_caller import GIVEN_SCOPES

IS_FULL = os.environ.get("GFO_TEST_FULL") == "1"
N_EXAMPLES = 20 if IS_FULL else 2
"""Of a batch of one operation, allowed requests or others."""
RUN_S = 60.0 * float(os.environ.get("GFO_TEST_SCHEMA_MINUTES", "30")) if IS_FULL else 0
"""How long batches are repeated; each operation has one without it."""
PATIENCE_S = 120.0
"""For one answer, on a machine that does other things too."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(RUN_S + 600)]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
)


@pytest.fixture
def portal(fleet: Fleet, tmp_path: Path) -> Iterator[Portal]:
    # The clock stands still: all requests of a run are in one minute.
    unlimited = {"api_requests_per_minute": 1_000_000}
    settings = fleet.runtime.settings.model_copy(update=unlimited)
    runtime = replace(fleet.runtime, settings=settings)
    with serve(runtime, fleet.urls, tmp_path) as portal:
        yield portal


def _admin_token(portal: Portal) -> str:
    with portal.runtime.request_as("cli") as request:
        api_tokens.add_service_account(request, "schema", Role.ADMIN)
        made = api_tokens.make_token(
            request, owner="schema", name="schema", scopes=GIVEN_SCOPES
        )
    return made.secret or ""


def test_no_answer_is_an_error_of_the_portal_or_undocumented(portal: Portal) -> None:
    headers = {"Authorization": f"Bearer {_admin_token(portal)}"}
    schema = schemathesis.openapi.from_url(
        f"{portal.url}/api/v1/openapi.json", headers=headers
    )
    operations = [
        found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)
    ]
    tries = [(mode, operation) for mode in MODES for operation in operations]
    problems, statuses = [], Counter[int]()
    ends_at = time.monotonic() + RUN_S
    for n_done, (mode, operation) in enumerate(tries):
        now = time.monotonic()
        share_ends_at = now + (ends_at - now) / (len(tries) - n_done)
        try:
            _try(operation, mode, headers, statuses, share_ends_at)
        except FailureGroup as exc:
            problems.append(f"{mode} {operation.label}: {exc.exceptions}")
            print(problems[-1], flush=True)  # noqa: T201 -- a full run is long
    print(f"{len(operations)} operations, {dict(statuses)}")  # noqa: T201 -- as above
    assert len(operations) > 90
    assert problems == []
    # Both kinds of requests were made, or nothing was shown.
    assert statuses[200] >= 10, statuses
    assert statuses[422] >= 10, statuses
    # Wrong requests may lack the token, and are turned away; others never are.
    assert statuses[429] < statuses.total() / 4, statuses


def _holds_one(value: object) -> bool:
    return isinstance(value, list) and len(value) == 1


def _try(
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    headers: dict[str, str],
    statuses: Counter[int],
    ends_at: float,
) -> None:
    """Requests of one operation: a batch, and more of them until `ends_at`.

    Hypothesis cannot be stopped between two examples, so batches are short.
    """
    strategy = operation.as_strategy(generation_mode=mode)

    @settings(
        max_examples=N_EXAMPLES,
        deadline=None,
        database=None,
        derandomize=not IS_FULL,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def ask(case: schemathesis.Case[Any]) -> None:
        # In an address an array of one value is that value, which may be allowed.
        assume(not any(_holds_one(value) for value in (case.query or {}).values()))
        answer = case.call_and_validate(
            headers=headers, checks=list(CHECKS), timeout=PATIENCE_S
        )
        statuses[answer.status_code] += 1

    while True:
        n_before = statuses.total()
        try:
            ask()
        except Exception as exc:
            # An operation that takes nothing cannot be asked wrongly.
            if type(exc).__name__ not in {"Unsatisfiable", "SkipTest"}:
                raise
        if statuses.total() == n_before or time.monotonic() >= ends_at:
            return
