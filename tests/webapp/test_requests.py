"""One request id, one request: over HTTP, as a browser asks again."""

from __future__ import annotations

from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, event, text
from werkzeug.test import TestResponse

from core.access import Role
from db.users import insert_user
from orchestrator.accounts.passwords import hash_password
from orchestrator.runtime import Runtime
from pages.navigation import register_pages
from pages.serving import FAILED_HEADER
from tests.fleet import Fleet
from tests.webapp.conftest import PASSWORD, Browser
from webapp.app import create_app

pytestmark = pytest.mark.slow

OUTPUTS = ("what-if-verdict.children", "what-if-impact.children", "what-if-stored.data")


@pytest.fixture
def olga(decided: Fleet) -> Browser:
    """An operator, logged in to the real pages over a history."""
    settings = decided.runtime.settings.model_copy(
        update={"secret_key": SecretStr("b7c2f1d09a8e4635-17f0cc2d5be94a6f")}
    )
    runtime = Runtime(
        settings=settings, engine=decided.runtime.engine, clock=decided.runtime.clock
    )
    with runtime.transaction() as session:
        insert_user(
            session,
            name="olga",
            role=Role.OPERATOR,
            password_hash=hash_password(PASSWORD),
            must_change_password=False,
        )
    app = create_app(runtime, register_pages)
    browser = Browser(client=app.server.test_client())
    assert browser.log_in("olga").status_code == 303
    browser.get("/")
    return browser


def evaluate(browser: Browser, request_id: str, shift_pct: float) -> TestResponse:
    outputs = [
        {"id": name.split(".")[0], "property": name.split(".")[1]} for name in OUTPUTS
    ]
    asked = {
        "source": "arizona",
        "target": "ireland",
        "day": None,
        "shift_pct": shift_pct,
        "request_id": request_id,
    }
    return browser.post_callback(
        {
            "output": f"..{'...'.join(OUTPUTS)}..",
            "outputs": outputs,
            "inputs": [{"id": "what-if-request", "property": "data", "value": asked}],
            "state": [],
            "changedPropIds": ["what-if-request.data"],
        }
    )


def count(decided: Fleet) -> int:
    with decided.runtime.transaction() as session:
        return int(session.scalar(text("select count(*) from decision")) or 0)


def test_the_same_post_again_gets_the_same_answer(
    olga: Browser, decided: Fleet
) -> None:
    request_id = str(uuid4())

    first, again = (evaluate(olga, request_id, 11.0) for _ in range(2))

    assert first.status_code == again.status_code == 200
    assert first.get_json()["response"] == again.get_json()["response"]
    before = count(decided)
    evaluate(olga, request_id, 11.0)
    assert count(decided) == before


def test_the_same_id_with_another_body_is_422_and_changes_nothing(
    olga: Browser, decided: Fleet
) -> None:
    request_id = str(uuid4())
    evaluate(olga, request_id, 11.0)
    before = count(decided)

    refused = evaluate(olga, request_id, 12.0)

    assert refused.status_code == 422
    assert "already used" in refused.get_json()["error"]
    assert count(decided) == before


def test_a_failure_is_marked_so_that_the_browser_keeps_its_id(olga: Browser) -> None:
    refused = evaluate(olga, str(uuid4()), 1_000.0)
    assert refused.status_code == 200
    assert refused.headers[FAILED_HEADER] == "1"
    assert FAILED_HEADER not in evaluate(olga, str(uuid4()), 11.0).headers


def test_a_commit_whose_answer_is_lost_is_told_as_failed_and_made_once(
    olga: Browser, decided: Fleet
) -> None:
    request_id, before = str(uuid4()), count(decided)

    def lose(connection: Connection) -> None:
        """Commit what makes the decision, and cut the line before the answer."""
        driver = connection.connection.driver_connection
        made = driver.execute("select count(*) from decision").fetchone()
        if made[0] > before:
            driver.commit()
            driver.close()

    event.listen(decided.runtime.engine, "commit", lose)
    lost = evaluate(olga, request_id, 13.0)
    event.remove(decided.runtime.engine, "commit", lose)

    assert lost.status_code == 200
    assert "does not answer" in lost.get_data(as_text=True)
    assert lost.headers[FAILED_HEADER] == "1"
    assert count(decided) == before + 1
    again = evaluate(olga, request_id, 13.0)
    assert FAILED_HEADER not in again.headers
    assert count(decided) == before + 1
