"""Models: times on the chosen clock, and verdicts that would change, the first ten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.access import Role
from core.model_gate import ChangedDecision, ModelFigures
from orchestrator.accounts.administration import AccountView
from orchestrator.registry.views import (
    ComparedRegion,
    HistoryRow,
    ModelsPage,
    ServingRow,
    UploadRow,
    VersionRow,
)
from pages.admin_models.beside_serving import changed_table
from pages.admin_models.content import (
    history_table,
    serving_table,
    uploads_table,
    versions_table,
)
from pages.admin_users.content import users_table
from pages.times import Clock, Times

Text = Callable[[object], str]
Walk = Callable[[object], list[Any]]

AT = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
DUBLIN = Times(clock=Clock.BROWSER, browser_zone="Europe/Dublin")


def models() -> ModelsPage:
    """One model of each list, the clock change in Dublin between their instants."""
    later = AT + timedelta(hours=1)
    return ModelsPage(
        serving=(
            ServingRow(
                target="temperature_c",
                version_id=1,
                label="model 1 (ridge)",
                since_utc=AT,
                outage=None,
                former_version_id=None,
            ),
        ),
        uploads=(
            UploadRow(
                upload_id=1,
                file_label="m.onnx",
                size_bytes=900,
                content_sha256="ab" * 32,
                state="rejected",
                reason="Operator Loop is not allowed.",
                version_id=None,
                uploaded_by="ada",
                created_at_utc=later,
            ),
        ),
        versions=(
            VersionRow(
                version_id=1,
                target="temperature_c",
                family="ridge",
                sha256="cd" * 32,
                state="validated",
                is_active=True,
                created_by="ada",
                created_at_utc=AT,
                trained_until_utc=later,
                size_bytes=900,
                figures=None,
                progress=None,
                is_signed=True,
            ),
        ),
        version_count=1,
        history=(
            HistoryRow(
                activation_id=1,
                target="temperature_c",
                version_id=1,
                label="model 1 (ridge)",
                reason="first model",
                actor_name="ada",
                created_at_utc=later,
            ),
        ),
        is_busy=False,
    )


FIRST, SECOND = "25 Oct 2026, 01:30 (UTC+1)", "25 Oct 2026, 01:30 (UTC+0)"


def test_every_list_of_models_tells_the_hour_that_comes_twice_apart(
    text_of: Text,
) -> None:
    page = models()
    assert FIRST in text_of(serving_table(page, DUBLIN))
    assert SECOND in text_of(uploads_table(page, DUBLIN))
    versions = text_of(versions_table(page, DUBLIN))
    assert FIRST in versions
    assert SECOND in versions
    assert SECOND in text_of(history_table(page.history, DUBLIN))
    assert "25 Oct 2026, 00:30 UTC" in text_of(serving_table(page, Times()))


def test_downloads_of_a_table_take_times_in_utc(components_of: Walk) -> None:
    times = [
        component
        for component in components_of(versions_table(models(), DUBLIN))
        if type(component).__name__ == "Time"
    ]
    assert [time.dateTime for time in times] == [
        "2026-10-25T01:30:00+00:00",
        "2026-10-25T00:30:00+00:00",
    ]


def test_a_list_of_versions_that_is_cut_says_so(text_of: Text) -> None:
    page = models()

    assert "gfo model list" not in text_of(versions_table(page, DUBLIN))
    assert "Versions, newest first: 1 of 2,130, all with gfo model list" in text_of(
        versions_table(replace(page, version_count=2_130), DUBLIN)
    )


def test_users_are_shown_on_the_chosen_clock(text_of: Text) -> None:
    account = AccountView(
        user_id=1,
        name="olga",
        role=Role.OPERATOR,
        is_system=False,
        is_active=True,
        must_change_password=False,
        created_at_utc=AT,
        live_login_count=2,
        is_service=False,
    )
    assert "olga operator active none 25 Oct 2026, 01:30 (UTC+1) 2" in text_of(
        users_table([account], "Europe/Dublin")
    )


def compared(n_changed: int) -> list[ComparedRegion]:
    changed = tuple(
        ChangedDecision(
            local_day=date(2026, 1, 1) + timedelta(days=number),
            becomes_approved=number % 2 == 0,
            active_bound_c=35.5,
            new_bound_c=34.5,
            day_max_c=30.0,
        )
        for number in range(n_changed)
    )
    region = ComparedRegion(
        slug="arizona",
        name="Arizona",
        new=ModelFigures(),
        active=ModelFigures(),
        changed=changed,
    )
    return [region]


@pytest.mark.parametrize(
    ("n_changed", "in_first", "said"),
    [(3, 3, None), (10, 10, None), (25, 10, "All 25"), (130, 10, "The first 100 of")],
)
def test_the_most_dangerous_changes_are_shown_and_the_others_on_demand(
    text_of: Text,
    components_of: Walk,
    n_changed: int,
    in_first: int,
    said: str | None,
) -> None:
    tree = changed_table(compared(n_changed))
    tables = [c for c in components_of(tree) if type(c).__name__ == "Table"]
    bodies = [text_of(table.children[2]) for table in tables]
    assert bodies[0].count("Arizona") == in_first
    opened = (n_changed + 1) // 2
    assert bodies[0].count("BLOCKED → APPROVED") == min(in_first, opened)
    summaries = [
        text_of(c) for c in components_of(tree) if type(c).__name__ == "Summary"
    ]
    summaries.remove("Download")
    assert bool(summaries) == (said is not None)
    if said is not None:
        assert said in summaries[0]
        assert bodies[1].count("Arizona") == min(n_changed, 100)
