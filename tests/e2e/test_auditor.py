"""An auditor reads everything and decides nothing."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from db.users import system_actor
from orchestrator.accounts.denials import report_finished_minutes
from tests.asking import asking
from tests.e2e.serving import Portal
from tests.e2e.slider_drag import held_slider
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

Callback = tuple[list[dict[str, object]], ...]
"""Outputs, inputs and state, as Dash posts them."""

LINK = "/what-if?source=arizona&target=ireland&day=2025-07-13&shift=30"

# What the page would send, sent by hand from the auditor's own logged-in browser.
FORGE = """
const [outputs, inputs, state, done] = arguments;
const cookie = document.cookie.match(/(?:^|; )_csrf_token=([^;]*)/);
fetch("/_dash-update-component", {
  method: "POST",
  headers: {
    "Content-Type": "application/json",
    "X-CSRFToken": decodeURIComponent(cookie[1]),
  },
  body: JSON.stringify({
    output: ".." + outputs.map((o) => o.id + "." + o.property).join("...") + "..",
    outputs, inputs, state,
    changedPropIds: inputs.map((i) => i.id + "." + i.property),
  }),
}).then(async (answer) => done([answer.status, await answer.text()]));
"""


def prop(component_id: str, name: str, value: object = None) -> dict[str, object]:
    """One property of a component as Dash posts it."""
    given = {} if value is None else {"value": value}
    return {"id": component_id, "property": name, **given}


REQUEST_ID = "6f0e4c1a-5a0b-4d52-9f0e-0d8a4f3d9b11"
EVALUATE: Callback = (
    [
        prop("what-if-verdict", "children"),
        prop("what-if-impact", "children"),
        prop("what-if-stored", "data"),
    ],
    [
        prop(
            "what-if-request",
            "data",
            {
                "source": "arizona",
                "target": "ireland",
                "day": "2025-07-13",
                "shift_pct": 30.0,
                "request_id": REQUEST_ID,
            },
        )
    ],
    [],
)
RECORD: Callback = (
    [
        prop("what-if-record-status", "children"),
        prop("what-if-recorded", "children"),
        prop("what-if-record-modal", "is_open"),
    ],
    [prop("what-if-record-confirm", "n_clicks", 1)],
    [
        prop("what-if-stored", "data", {"decision_id": 4}),
        prop("what-if-comment", "value", "Forged."),
        prop("what-if-record-request", "data", REQUEST_ID),
    ],
)


def forge(visitor: Visitor, callback: Callback) -> tuple[int, str]:
    """Post a callback by hand; status and body of the answer."""
    visitor.rest()
    status, body = visitor.browser.driver.execute_async_script(FORGE, *callback)
    return status, body


def count_decisions(portal: Portal) -> int:
    with portal.runtime.transaction() as session:
        return int(session.execute(text("select count(*) from decision")).scalar_one())


def test_an_auditor_sees_the_permalink_that_an_operator_made(visitor: Visitor) -> None:
    visitor.come_in("olga", LINK)
    visitor.click("#what-if-evaluate")
    visitor.sees("#what-if-verdict", "by olga")
    visitor.follow("decision ", "#what-if-verdict")
    operators_card = visitor.sees("#decision-card", "shift 30 %", "13 July 2025")
    permalink = visitor.address
    visitor.log_out()
    visitor.come_in("anton", permalink)
    assert visitor.sees("#decision-card", "by olga") == operators_card
    visitor.follow("Audit", ".gfo-crumbs")
    visitor.sees("#audit-decisions-table", "What-if", "olga")
    visitor.follow("Events", ".gfo-tabs")
    visitor.sees("#audit-events-table", "Decision what if", "Login succeeded", "olga")


def test_an_operator_has_no_audit_events(visitor: Visitor) -> None:
    visitor.come_in("olga", "/audit?kind=all")
    visitor.sees("#audit-decisions-table", "Arizona")
    assert "Events" not in visitor.text("#main")
    visitor.open("/audit/events")
    visitor.sees("main", "Your role does not allow this")


def test_an_auditor_can_look_at_a_shift_but_not_decide(
    visitor: Visitor, portal: Portal
) -> None:
    before = count_decisions(portal)
    visitor.come_in("anton", LINK)
    visitor.sees("#what-if-read-only", "Your role can look, not decide.")
    visitor.sees("#what-if-preview", "Preview at 30 %")
    visitor.rest()
    visitor.callbacks_posted()
    with held_slider(
        visitor.browser.driver, "#what-if-slider", from_pct=30, until_pct=60
    ) as slider:
        slider.move_to(60)
    visitor.sees_match("#what-if-preview", re.compile("Preview at (59|60)"))
    visitor.pause(1.0)
    assert visitor.callbacks_posted() == []
    for button in ("#what-if-evaluate", "#what-if-record"):
        assert not visitor.visible(button)
        assert not visitor.enabled(button)
    assert count_decisions(portal) == before


@pytest.mark.parametrize("callback", [EVALUATE, RECORD], ids=["evaluate", "record"])
def test_a_forged_decision_of_an_auditor_is_refused_and_kept_in_the_audit(
    visitor: Visitor, portal: Portal, callback: Callback
) -> None:
    before = count_decisions(portal)
    visitor.come_in("anton", LINK)
    status, body = forge(visitor, callback)
    assert status == 403
    assert "does not allow" in body
    assert count_decisions(portal) == before
    a_minute_later = portal.runtime.clock() + timedelta(minutes=1)
    with portal.runtime.transaction() as session:
        worker = system_actor(session, "worker")
        report_finished_minutes(asking(session, worker, now=a_minute_later))
    visitor.open("/audit/events")
    visitor.sees("#audit-events-table .ag-row[row-index='0']", "anton", "Access denied")


def test_the_same_post_by_an_operator_is_a_decision(
    visitor: Visitor, portal: Portal
) -> None:
    """Proves that the forged post above is one that only the role stops."""
    before = count_decisions(portal)
    visitor.come_in("olga", LINK)
    status, body = forge(visitor, EVALUATE)
    assert status == 200
    assert "BLOCKED" in body
    assert count_decisions(portal) == before + 1
