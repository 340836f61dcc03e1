"""From "where is trouble?" to an auditor's question months later, in one go."""

from __future__ import annotations

import re

import pytest

from tests.e2e.serving import Portal
from tests.e2e.test_what_if import set_arizonas_limit
from tests.e2e.visitor import Visitor, fleet_row

pytestmark = pytest.mark.e2e

SAFE = re.compile(r"Safe interval: ([\d.]+) % to ([\d.]+) %")
RECORDED = re.compile(r"Recorded as decision (\d+): APPROVED")
COMMENT = "The heat wave lasts until Friday; Ireland has room."


def test_trouble_is_seen_resolved_recorded_and_found_again(
    visitor: Visitor, portal: Portal
) -> None:
    set_arizonas_limit(portal, 42.5, "The hall was rebuilt.")
    visitor.come_in("olga")
    visitor.sees("#fleet-headline", "BLOCKED: Arizona.")
    visitor.sees(fleet_row("arizona"), "■ BLOCKED", "limit 42.5 °C")
    visitor.follow("Forecast", fleet_row("arizona"))
    visitor.sees("#forecast-sentence", "Chance that Arizona exceeds 42.5 °C", "BLOCKED")
    visitor.follow("Try a shift")
    visitor.sees("#what-if-preview", "Preview at 0 %: ■ BLOCKED")
    least = float(visitor.sees_match("#what-if-safe", SAFE)[1])

    visitor.type_into("#what-if-number", f"{least - 1:g}")
    visitor.sees("#what-if-verdict", "■ BLOCKED", "still above the limit")
    visitor.type_into("#what-if-number", f"{least + 5:g}")
    visitor.sees("#what-if-preview", "✓ APPROVED")
    visitor.sees("#what-if-verdict", "✓ APPROVED", f"shift {least + 5:g} %")
    visitor.sees("#impact-table", "Source before", "Fleet change")
    visitor.click("#what-if-record")
    visitor.type_into("#what-if-comment", COMMENT)
    visitor.click("#what-if-record-confirm")
    number = visitor.sees_match("#what-if-recorded", RECORDED)[1]
    visitor.log_out()

    visitor.come_in("anton", "/audit?kind=recorded")
    visitor.sees("main", "Arizona", "olga", "APPROVED")
    visitor.open(f"/decisions/{number}")
    visitor.sees("main", "✓ APPROVED", COMMENT, "olga", "Arizona → Ireland")
    visitor.open("/what-if?source=arizona&target=ireland")
    visitor.sees("#what-if-read-only", "Your role can look, not decide.")
    assert not visitor.visible("#what-if-record")
