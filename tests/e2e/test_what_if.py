"""The slider: free to drag, stored when let go, recorded with a comment."""

from __future__ import annotations

import re

import pytest

from db.policies import insert_policy
from db.regions import region_by_slug
from db.users import system_actor
from orchestrator.decisions.what_if import what_if_view
from tests.asking import asking
from tests.e2e.serving import Portal
from tests.e2e.slider_drag import held_slider
from tests.e2e.visitor import Visitor, fleet_row

pytestmark = pytest.mark.e2e

BOUNDS = re.compile(r"day bound (\S+ °C → \S+ °C),")
CHANCE_AFTER = re.compile(r"exceeding it [^→]+ → (\S+ %) \(allowed 5 %\)")
PREVIEW = re.compile(r"Preview at ([\d.]+) %: . (BLOCKED|APPROVED)")
DECISION = re.compile(r"decision (\d+)")
REACHABLE_LIMIT_C = 42.5
"""Arizona's live bound is 43.6 °C; shifts lower it by 0.05 °C per percent."""


def set_arizonas_limit(portal: Portal, limit_c: float, reason: str) -> None:
    with portal.runtime.transaction() as session:
        insert_policy(
            session,
            region_id=region_by_slug(session, "arizona").region_id,
            values={"thermal_limit_c": limit_c},
            actor_id=system_actor(session, "cli").user_id,
            reason=reason,
        )


@pytest.fixture
def reachable_limit(portal: Portal) -> tuple[float, float]:
    """A limit for Arizona that shifts can reach now; returns the safe interval."""
    set_arizonas_limit(portal, REACHABLE_LIMIT_C, "The hall was rebuilt.")
    least, most = safe_interval(portal)
    assert 10 < least < most - 20
    return least, most


def safe_interval(portal: Portal) -> tuple[float, float]:
    """Least and most that can move from Arizona to Ireland now, percent."""
    with portal.runtime.transaction() as session:
        view = what_if_view(
            asking(session, system_actor(session, "cli"), now=portal.runtime.clock()),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
        )
    assert view.minimum_shift_pct is not None
    assert view.maximum_safe_shift_pct is not None
    return view.minimum_shift_pct, view.maximum_safe_shift_pct


def preview_near(visitor: Visitor, shift_pct: float) -> str:
    """The previewed verdict, once it is that of a shift near `shift_pct`."""

    def shown() -> re.Match[str] | None:
        return PREVIEW.search(visitor.text("#what-if-preview"))

    visitor.waits_until(
        lambda: (found := shown()) and abs(float(found[1]) - shift_pct) < 2,
        lambda: f"{visitor.text('#what-if-preview')} is not near {shift_pct} %",
    )
    found = shown()
    assert found is not None
    return found[2]


def drawn_bound_c(visitor: Visitor) -> float:
    return visitor.drawn_bound_c("#what-if-source-chart")


def drawn_bound_below_c(visitor: Visitor, above_c: float) -> float:
    """Where the chart draws the bound, once it is lower than it was."""
    visitor.waits_until(
        lambda: drawn_bound_c(visitor) < above_c - 0.1,
        lambda: f"the chart still draws {above_c} °C",
    )
    return drawn_bound_c(visitor)


def test_dragging_redraws_and_asks_nothing_until_it_is_let_go(
    visitor: Visitor, reachable_limit: tuple[float, float]
) -> None:
    least, most = reachable_limit
    visitor.come_in("olga")
    visitor.follow("What-if", fleet_row("arizona"))
    visitor.sees("#what-if-preview", "Preview at 0 %: ■ BLOCKED")
    visitor.rest()
    visitor.callbacks_posted()

    middle = (least + most) / 2
    previews, bounds_c = [], [drawn_bound_c(visitor)]
    with held_slider(
        visitor.browser.driver, "#what-if-slider", from_pct=0, until_pct=middle
    ) as slider:
        for shift_pct in (least / 2, middle):
            slider.move_to(shift_pct)
            previews.append(preview_near(visitor, shift_pct))
            bounds_c.append(drawn_bound_below_c(visitor, bounds_c[-1]))
        visitor.pause(0.8)  # longer than any delay of the slider, which is still held
        asked_while_dragging = visitor.callbacks_posted()
    assert previews == ["BLOCKED", "APPROVED"]
    assert bounds_c[1] > REACHABLE_LIMIT_C >= bounds_c[2]
    assert asked_while_dragging == []
    visitor.sees("#what-if-verdict", "✓ APPROVED", "What-if decision")
    visitor.pause(0.6)  # a second one would have followed by now
    posted = visitor.callbacks_posted()
    assert len(posted) == 1
    assert "what-if-verdict.children" in posted[0]
    assert re.search(r"[?&]shift=\d", visitor.address)


MOVE_AND_LOOK = """
const done = arguments[arguments.length - 1];
const slider = document.getElementById("what-if-slider");
// As the browser itself moves it: before Dash hears of it, which waits for a rest.
Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")
  .set.call(slider, "37");
slider.dispatchEvent(new Event("input", { bubbles: true }));
requestAnimationFrame(() => requestAnimationFrame(() =>
  done(document.getElementById("what-if-preview").textContent)));
"""


def test_a_movement_is_shown_by_the_next_frame(visitor: Visitor) -> None:
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland")
    visitor.sees("#what-if-preview", "Preview at 0 %")
    visitor.browser.wait_for_element("#what-if-target-chart .xtick")
    visitor.rest()
    shown = visitor.browser.driver.execute_async_script(MOVE_AND_LOOK)
    assert "Preview at 37" in shown


def test_what_the_preview_says_is_what_the_server_stores(
    visitor: Visitor, reachable_limit: tuple[float, float]
) -> None:
    least, most = reachable_limit
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland")
    visitor.sees("#what-if-safe", f"Safe interval: {least:g} % to {most:g} %")
    for shift_pct in (round(least - 0.1, 1), least, most, round(most + 0.1, 1)):
        visitor.type_into("#what-if-number", f"{shift_pct:.1f}")
        visitor.sees("#what-if-preview", f"Preview at {shift_pct:g} %")
        preview = visitor.sees_match("#what-if-preview", PREVIEW)
        visitor.sees("#what-if-verdict", f"shift {shift_pct:g} %", preview[2])
        chance = visitor.sees_match("#what-if-preview-source", CHANCE_AFTER)[1]
        visitor.sees("#what-if-verdict", f"{chance} (allowed 5 %)")
        is_safe = least <= shift_pct <= most
        assert preview[2] == ("APPROVED" if is_safe else "BLOCKED")


def test_the_preview_is_exact_on_top_of_a_recorded_shift(
    visitor: Visitor, portal: Portal, reachable_limit: tuple[float, float]
) -> None:
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland")
    visitor.sees("#what-if-preview", "Preview at 0 %")
    visitor.type_into("#what-if-number", f"{reachable_limit[0] + 1:.1f}")
    visitor.sees("#what-if-verdict", "✓ APPROVED", "by olga")
    visitor.click("#what-if-record")
    visitor.type_into("#what-if-comment", "A first step.")
    visitor.click("#what-if-record-confirm")
    visitor.sees("#what-if-recorded", "Recorded as decision")
    _, most = safe_interval(portal)
    assert 10 < most < reachable_limit[1]
    visitor.open("/what-if?source=arizona&target=ireland")
    for shift_pct in (5.0, most, round(most + 0.1, 1)):
        visitor.type_into("#what-if-number", f"{shift_pct:.1f}")
        visitor.sees("#what-if-preview", f"Preview at {shift_pct:g} %")
        preview = visitor.sees_match("#what-if-preview", PREVIEW)
        bounds = [
            visitor.sees_match(f"#what-if-preview-{end}", BOUNDS)[1]
            for end in ("source", "target")
        ]
        visitor.sees("#what-if-verdict", f"shift {shift_pct:g} %", preview[2], *bounds)


def test_a_link_shows_the_impact_that_evaluating_stores(visitor: Visitor) -> None:
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland&shift=30")
    visitor.sees("#what-if-impact-preview", "At 30 %, as previewed", "Carbon, t CO₂e")
    promised = visitor.text("#what-if-previewed-impact")
    visitor.type_into("#what-if-number", "20")
    visitor.sees("#what-if-impact", "Carbon, t CO₂e")
    visitor.sees_no("#what-if-impact-preview")
    assert visitor.text("#impact-table") != promised
    visitor.type_into("#what-if-number", "30")
    visitor.sees("#what-if-verdict", "shift 30 %")
    assert visitor.text("#impact-table") == promised


def test_raised_until_approved_then_recorded_and_found_again(
    visitor: Visitor, reachable_limit: tuple[float, float]
) -> None:
    least, _ = reachable_limit
    comment = "Heat wave until Tuesday; Ireland has room."
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland")
    visitor.sees("#what-if-baseline", "Without a shift", "■ BLOCKED")
    assert not visitor.enabled("#what-if-record")
    visitor.type_into("#what-if-number", f"{least - 5:.1f}")
    visitor.sees("#what-if-verdict", "■ BLOCKED")
    visitor.type_into("#what-if-number", f"{least + 5:.1f}")
    visitor.sees("#what-if-verdict", "✓ APPROVED", "by olga")
    visitor.sees("#what-if-impact", "Carbon", "Energy cost")

    visitor.click("#what-if-record")
    visitor.click("#what-if-record-confirm")
    visitor.sees("#what-if-record-status", "Write a comment")
    visitor.type_into("#what-if-comment", comment)
    visitor.click("#what-if-record-confirm")
    said = visitor.sees("#what-if-recorded", "Recorded as decision", "APPROVED")
    visitor.sees_no("#what-if-record-modal")
    decision_id = DECISION.findall(said)[0]

    visitor.follow("Audit", "nav")
    newest = "#audit-decisions-table .ag-row[row-index='0']"
    visitor.sees(newest, "Recorded", "Arizona → Ireland", f"{least + 5:g} %", "olga")
    visitor.follow(decision_id, newest)
    visitor.is_at(f"/decisions/{decision_id}")
    visitor.sees("#decision-card", comment, "✓ APPROVED", "by olga")
    visitor.sees("#decision-facts", "Audit event")
    visitor.follow("Overview", "nav")
    visitor.sees(fleet_row("arizona"), "✓ APPROVED")


def test_a_verdict_that_changed_meanwhile_is_shown_and_not_recorded(
    visitor: Visitor, reachable_limit: tuple[float, float], portal: Portal
) -> None:
    least, _ = reachable_limit
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland")
    visitor.type_into("#what-if-number", f"{least + 5:.1f}")
    visitor.sees("#what-if-verdict", "✓ APPROVED")
    set_arizonas_limit(portal, 20.0, "A chiller failed.")
    visitor.click("#what-if-record")
    visitor.type_into("#what-if-comment", "Room in Ireland.")
    visitor.click("#what-if-record-confirm")
    visitor.sees(
        "#what-if-recorded", "Nothing was recorded: the verdict is now BLOCKED"
    )
    visitor.open("/audit?kind=recorded")
    visitor.sees("#audit-decisions", "No decision matches.")


def test_the_same_shift_is_stored_once_however_often_it_is_evaluated(
    visitor: Visitor, reachable_limit: tuple[float, float]
) -> None:
    least, _ = reachable_limit
    visitor.come_in("olga", f"/what-if?source=arizona&target=ireland&shift={least:.1f}")
    visitor.sees("#what-if-preview", "Preview at")
    stored = []
    for _ in range(2):
        visitor.rest()
        visitor.callbacks_posted()
        visitor.click("#what-if-evaluate")
        visitor.waits_until(visitor.callbacks_posted, lambda: "nothing was posted")
        visitor.sees_match("#what-if-verdict", DECISION)
        visitor.rest()
        stored.append(visitor.sees_match("#what-if-verdict", DECISION)[1])
    assert stored[0] == stored[1]
    visitor.open("/audit?kind=what_if")
    table = visitor.sees("#audit-decisions-table", "What-if")
    assert table.count("Arizona → Ireland") == 1
