"""A typed client of a portal's API: its answers are the views that the portal serves.

Whoever asks from Python imports `ApiClient`; `gfo api` is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID, uuid4

import httpx
from pydantic import TypeAdapter, ValidationError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from core.errors import FleetError, InvalidInput, ServiceUnavailable
from orchestrator.decisions.views import (
    DecisionCard,
    DecisionDetail,
    DecisionPage,
    RecordOutcome,
)
from orchestrator.forecasts.views import FleetView, ForecastDayView
from orchestrator.plans.views import PlanView
from orchestrator.telemetry.uploads import UploadOutcome

Served = TypeVar("Served")

TRIES = 4
TIMEOUT_S = 60.0


class RefusedByServer(FleetError):
    """The server refused the request.

    Attributes
    ----------
    code : str
        Of the problem, as the API's documentation lists them.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ApiClient:
    """A connection to the API of one portal; use it in a `with` block.

    Parameters
    ----------
    server : str
        Address of the portal, such as https://portal.example.
    token : str
        An API token.

    Raises
    ------
    RefusedByServer, ServiceUnavailable
        From every method: when the server refuses; when it does not answer, which is
        tried again before. A change has one key for all its tries, so it is made once.
    """

    def __init__(self, server: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=f"{server.rstrip('/')}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
        )

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close its connections."""
        self._http.close()

    def fleet(self, *, page: int = 1) -> FleetView:
        """Active regions with their verdicts."""
        return self._get(FleetView, "/fleet", page=page)

    def forecast(
        self, region_slug: str, local_day: date | None = None
    ) -> ForecastDayView:
        """Forecast, bound and verdict of a region's day, or of the next 24 hours."""
        path = f"/forecasts/{region_slug}"
        return self._get(ForecastDayView, path, local_day=local_day)

    def what_if(
        self,
        source_slug: str,
        target_slug: str | None,
        shift_pct: float,
        *,
        local_day: date | None = None,
        hours_of_day: str | None = None,
        key: UUID | None = None,
    ) -> DecisionCard:
        """Judge a shift and keep it as a what-if."""
        body = {
            "source_slug": source_slug,
            "target_slug": target_slug,
            "shift_pct": shift_pct,
            "local_day": None if local_day is None else local_day.isoformat(),
            "hours_of_day": hours_of_day,
        }
        return self._post(DecisionCard, "/what-ifs", body, key)

    def record(
        self, what_if_id: int, comment: str = "", *, key: UUID | None = None
    ) -> RecordOutcome:
        """Record a what-if; without a card when its verdict changed meanwhile."""
        body = {"what_if_id": what_if_id, "comment": comment}
        return self._post(RecordOutcome, "/decisions", body, key)

    def decisions(self, *, after: str | None = None, limit: int = 50) -> DecisionPage:
        """One page of decisions, newest first."""
        return self._get(DecisionPage, "/decisions", after=after, limit=limit)

    def decision(self, decision_id: int) -> DecisionDetail:
        """The whole story of a decision."""
        return self._get(DecisionDetail, f"/decisions/{decision_id}")

    def find_plan(self, anchor_slug: str, *, key: UUID | None = None) -> PlanView:
        """The best plan of the fleet on the usual terms."""
        return self._post(PlanView, "/plans", {"anchor_slug": anchor_slug}, key)

    def push_hours(
        self, hours: list[Mapping[str, object]], *, key: UUID | None = None
    ) -> UploadOutcome:
        """Import measured hours: `region_slug`, `hour_utc`, and quantities."""
        return self._post(UploadOutcome, "/telemetry/hours", {"hours": hours}, key)

    def _get(self, kind: type[Served], path: str, **given: object) -> Served:
        query = {n: str(value) for n, value in given.items() if value is not None}
        return self._read(kind, "GET", path, params=query)

    def _post(
        self, kind: type[Served], path: str, body: object, key: UUID | None
    ) -> Served:
        headers = {"Idempotency-Key": str(key or uuid4())}
        return self._read(kind, "POST", path, json=body, headers=headers)

    def _read(self, kind: type[Served], method: str, path: str, **given: Any) -> Served:  # noqa: ANN401
        tries = Retrying(
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential_jitter(multiplier=0.2, max=5.0),
            retry=retry_if_exception_type(ServiceUnavailable),
            reraise=True,
        )
        answer = tries(self._once, method, path, **given)
        try:
            return TypeAdapter(kind).validate_json(answer.content)
        except ValidationError as exc:
            message = f"{path} answered something else; is it another release?"
            raise InvalidInput(message) from exc

    def _once(self, method: str, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401
        try:
            answer = self._http.request(method, path, **given)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            message = f"{self._http.base_url} does not answer: {exc}."
            raise ServiceUnavailable(message) from exc
        if answer.is_success:
            return answer
        code, detail = _problem(answer)
        if answer.status_code in {429, 503}:
            raise ServiceUnavailable(detail)
        raise RefusedByServer(code, detail)


def _problem(answer: httpx.Response) -> tuple[str, str]:
    """The code and the sentence of an error."""
    try:
        problem = answer.json()
        errors = [
            f"{item['field']}: {item['message']}" for item in problem.get("errors", [])
        ]
        return str(problem["code"]), "\n".join([str(problem["detail"]), *errors])
    except (ValueError, KeyError, TypeError):
        return "unknown", f"The server answered {answer.status_code}, and no problem."
