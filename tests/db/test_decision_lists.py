"""Lists of decisions: every filter, every order, and pages that hold each row once."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.errors import InvalidInput
from db.decision_lists import (
    DecisionFilter,
    DecisionOrder,
    DecisionPlace,
    list_decisions,
)
from db.decisions import StoredDecision

START = datetime(2025, 7, 1, tzinfo=UTC)
COUNT = 60
KINDS = ("automatic", "what_if", "recorded")
REASONS = ("over_limit", "within_envelope", "telemetry_stale")

REGION = """
insert into region (slug, name, time_zone, latitude_deg, longitude_deg, cooling_type,
    overhead_frac, chiller_cop, economiser_full_c, economiser_none_c,
    wue_air_l_per_kwh, adiabatic_switch_c, it_capacity_mw, flexible_load_frac,
    grid_water_l_per_kwh, colour)
values (:slug, :slug, 'UTC', 0, 0, 'air', 0.1, 4, 10, 20, 0, 25, 100, 0.4, 1.5,
    '#1f77b4') returning id
"""
DECISION = """
insert into decision (kind, request_id, actor_id, source_region_id, target_region_id,
    shift_pct, local_day, window_start_utc, window_end_utc, is_simulated, outcome,
    reason_code, reason_text, risk_level, recommendations, thermal_limit_c, confidence,
    exceedance_probability, inputs_text, inputs_sha256, code_version, comment,
    created_at_utc)
values (:kind, gen_random_uuid(), :actor, :source, :target, 0, '2025-07-01', :window,
    cast(:window as timestamptz) + interval '1 day', :simulated, 'BLOCKED', :reason,
    :words, 'HIGH', '{}', 35, 0.95, :chance, '{}', lpad(cast(:number as text), 64, '0'),
    '0.1.0', :comment, :taken)
"""


@pytest.fixture
def listed(owner_session: Session) -> Session:
    """Sixty decisions with ties in every key; the event each needs is left out."""
    session, dice = owner_session, random.Random(7)  # noqa: S311
    session.execute(text("alter table decision disable trigger has_audit_event"))
    regions = [
        session.scalar(text(REGION), {"slug": slug}) for slug in ("one", "two", "three")
    ]
    for number in range(COUNT):
        source, target = dice.sample(regions, 2)
        session.execute(
            text(DECISION),
            {
                "number": number,
                "kind": KINDS[number % 3],
                "actor": 1 + number % 2,
                "source": source,
                # An automatic decision moves nothing.
                "target": dice.choice((target, None)) if number % 3 else None,
                "window": START + timedelta(hours=dice.randrange(10)),
                "simulated": number % 4 == 0,
                "reason": dice.choice(REASONS),
                "words": f"The bound for region {number % 5}, 36 °C, is above.",
                "chance": dice.choice((None, 0.01, 0.05, 0.2)),
                "comment": "Shifting was refused by the partners."
                if number == 7
                else None,
                "taken": START + timedelta(hours=number // 3),
            },
        )
    return session


def everything(
    session: Session, chosen: DecisionFilter, order: DecisionOrder, limit: int = 7
) -> list[StoredDecision]:
    rows: list[StoredDecision] = []
    after: DecisionPlace | None = None
    while True:
        page = list_decisions(session, chosen, order=order, after=after, limit=limit)
        assert len(page.rows) <= limit
        rows += page.rows
        after = page.next_place
        if after is None:
            return rows


KEYS: dict[DecisionOrder, Callable[[StoredDecision], object]] = {
    DecisionOrder.NEWEST: lambda d: (d.created_at_utc, d.decision_id),
    DecisionOrder.OLDEST: lambda d: (d.created_at_utc, d.decision_id),
    DecisionOrder.WINDOW: lambda d: (d.facts.window_start_utc, d.decision_id),
    DecisionOrder.CHANCE: lambda d: (
        -1
        if d.facts.exceedance_probability is None
        else d.facts.exceedance_probability,
        d.decision_id,
    ),
}
FILTERS: dict[str, tuple[DecisionFilter, Callable[[StoredDecision], bool]]] = {
    "nothing": (DecisionFilter(), lambda _: True),
    "kind": (
        DecisionFilter(kind="recorded"),
        lambda d: d.facts.kind == "recorded",
    ),
    "region": (
        DecisionFilter(region_slug="two"),
        lambda d: "two" in {d.source_slug, d.target_slug},
    ),
    "actor": (DecisionFilter(actor_name="CLI"), lambda d: d.actor_name == "cli"),
    "outcome": (DecisionFilter(outcome="APPROVED"), lambda _: False),
    "reason": (
        DecisionFilter(reason_code="telemetry_stale"),
        lambda d: d.facts.reason_code == "telemetry_stale",
    ),
    "model": (DecisionFilter(model_version_id=3), lambda _: False),
    "time": (
        DecisionFilter(
            from_utc=START + timedelta(hours=5), until_utc=START + timedelta(hours=9)
        ),
        lambda d: timedelta(hours=5) <= d.created_at_utc - START < timedelta(hours=9),
    ),
    "live": (DecisionFilter(live_only=True), lambda d: not d.facts.is_simulated),
    "words of a reason": (
        DecisionFilter(words='bounds "region 3"'),
        lambda d: "region 3" in d.facts.reason_text,
    ),
    "words of a comment": (
        DecisionFilter(words="refuse partner"),
        lambda d: d.facts.comment is not None,
    ),
    "no such region": (DecisionFilter(region_slug="four"), lambda _: False),
    "no such actor": (DecisionFilter(actor_name="eve"), lambda _: False),
    "region, automatic": (
        DecisionFilter(region_slug="two", kind="automatic"),
        lambda d: d.source_slug == "two" and d.facts.kind == "automatic",
    ),
    "region, early": (
        DecisionFilter(region_slug="two", until_utc=START + timedelta(hours=4)),
        lambda d: (
            "two" in {d.source_slug, d.target_slug}
            and d.created_at_utc < START + timedelta(hours=4)
        ),
    ),
    "several": (
        DecisionFilter(region_slug="one", kind="what_if", live_only=True),
        lambda d: (
            "one" in {d.source_slug, d.target_slug}
            and d.facts.kind == "what_if"
            and not d.facts.is_simulated
        ),
    ),
}


@pytest.mark.parametrize("order", list(DecisionOrder))
@pytest.mark.parametrize("name", list(FILTERS))
def test_pages_hold_every_matching_decision_once_and_in_order(
    listed: Session, order: DecisionOrder, name: str
) -> None:
    chosen, matches = FILTERS[name]
    all_rows = everything(listed, DecisionFilter(), DecisionOrder.NEWEST, limit=50)
    expected = sorted(
        (row for row in all_rows if matches(row)),
        key=KEYS[order],  # type: ignore[arg-type]
        reverse=order is not DecisionOrder.OLDEST,
    )

    found = everything(listed, chosen, order)

    assert len(all_rows) == COUNT
    assert [row.decision_id for row in found] == [row.decision_id for row in expected]


def test_a_page_goes_on_where_it_ended_though_rows_were_added(listed: Session) -> None:
    first = list_decisions(listed, DecisionFilter(), limit=10)
    listed.execute(
        text(
            "insert into decision (kind, request_id, actor_id, source_region_id,"
            " shift_pct, local_day, window_start_utc, window_end_utc, is_simulated,"
            " outcome, reason_code, reason_text, risk_level, recommendations,"
            " thermal_limit_c, confidence, inputs_text, inputs_sha256, code_version)"
            " select kind, gen_random_uuid(), actor_id, source_region_id, shift_pct,"
            " local_day, window_start_utc, window_end_utc, is_simulated, outcome,"
            " reason_code, reason_text, risk_level, recommendations, thermal_limit_c,"
            " confidence, inputs_text, inputs_sha256, code_version"
            " from decision where kind = 'recorded'"
        )
    )

    second = list_decisions(listed, DecisionFilter(), after=first.next_place, limit=10)

    ids = [row.decision_id for row in (*first.rows, *second.rows)]
    assert len(set(ids)) == 20
    assert ids == sorted(ids, reverse=True)


def test_a_window_far_after_its_decision_is_listed_with_the_others(
    listed: Session,
) -> None:
    """A day that nobody can forecast yet is BLOCKED, and kept like any other."""
    last = everything(listed, DecisionFilter(), DecisionOrder.OLDEST)[-1]
    listed.execute(text("alter table decision disable trigger user"))
    listed.execute(
        text(
            "update decision set window_start_utc = '2030-01-01',"
            " window_end_utc = '2030-01-02' where id = :id"
        ),
        {"id": last.decision_id},
    )
    chosen = DecisionFilter(until_utc=START + timedelta(days=2))

    found = everything(listed, chosen, DecisionOrder.WINDOW)

    assert len(found) == COUNT
    assert found[0].decision_id == last.decision_id


@pytest.mark.parametrize("words", ["'", "a & | !", '"', "\\", "or or -", "%_", ":*"])
def test_any_words_can_be_searched_for(listed: Session, words: str) -> None:
    list_decisions(listed, DecisionFilter(words=words))


@pytest.mark.parametrize("limit", [0, 501])
def test_a_page_has_a_limit(listed: Session, limit: int) -> None:
    with pytest.raises(InvalidInput):
        list_decisions(listed, DecisionFilter(), limit=limit)


INDEXED: dict[str, tuple[DecisionFilter, DecisionOrder, str]] = {
    "newest": (DecisionFilter(), DecisionOrder.NEWEST, "ix_decision_created"),
    "kind": (
        DecisionFilter(kind="recorded"),
        DecisionOrder.NEWEST,
        "ix_decision_kind_created",
    ),
    "reason": (
        DecisionFilter(reason_code="over_limit"),
        DecisionOrder.OLDEST,
        "ix_decision_reason",
    ),
    "window": (DecisionFilter(), DecisionOrder.WINDOW, "ix_decision_window_start"),
    "chance": (DecisionFilter(), DecisionOrder.CHANCE, "ix_decision_chance"),
}


@pytest.mark.parametrize("name", list(INDEXED))
def test_a_list_is_read_along_its_index(
    listed: Session, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With other ways forbidden, the planner finds the index that was made for it."""
    from db import decision_lists  # noqa: PLC0415

    chosen, order, index = INDEXED[name]
    for setting in ("enable_seqscan", "enable_sort"):
        listed.execute(text(f"set local {setting} = off"))
    seen: list[str] = []
    places = decision_lists._places

    def explained(session: Session, *arguments: object) -> object:
        query = places(session, *arguments)  # type: ignore[arg-type]
        compiled = query.compile(
            session.connection(), compile_kwargs={"literal_binds": True}
        )
        plan = session.execute(text(f"explain {compiled}".replace(":", "\\:")))
        seen.extend(str(row[0]) for row in plan)
        return query

    monkeypatch.setattr(decision_lists, "_places", explained)
    list_decisions(listed, chosen, order=order)

    assert any(index in line for line in seen), seen


def test_words_are_looked_up_in_their_index(listed: Session) -> None:
    listed.execute(text("set local enable_seqscan = off"))
    plan = listed.scalars(
        text(
            "explain select id from decision where to_tsvector('english', reason_text"
            " || ' ' || coalesce(comment, '')) @@ to_tsquery('english', 'heron')"
        )
    ).all()

    assert any("ix_decision_words" in line for line in plan), plan


@pytest.mark.parametrize(
    ("rare", "common"), [(0, 10**9), (1, 10**9), (50_000, 10**9), (50_000, -1)]
)
def test_common_and_rare_words_find_the_same(
    listed: Session, rare: int, common: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.decision_lists.RARE", rare)
    monkeypatch.setattr("db.decision_lists.COMMON_SQUARED", common)
    for name in ("words of a reason", "words of a comment"):
        chosen, matches = FILTERS[name]
        found = everything(listed, chosen, DecisionOrder.NEWEST)
        every = everything(listed, DecisionFilter(), DecisionOrder.NEWEST)
        assert [d.decision_id for d in found] == [
            d.decision_id for d in every if matches(d)
        ]
