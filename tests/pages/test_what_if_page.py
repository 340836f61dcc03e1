"""What-if: figures, safe interval, and what the browser is given to follow."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from plotly import graph_objects as go
from plotly.utils import PlotlyJSONEncoder

from core.errors import InvalidInput
from orchestrator.decisions.views import RecordOutcome
from pages.addresses import parse_comment, parse_judged_id
from pages.theme import MISSING
from pages.verdicts import impact_table, verdict_card
from pages.what_if import content
from pages.what_if.figures import (
    BOUND_AFTER,
    LOWER_AFTER,
    MEAN_AFTER,
    UPPER_AFTER,
    bound_after_c,
    moved,
    shift_chart,
)
from pages.what_if.layout import layout
from pages.what_if.preview import preview_data
from pages.words import bound, probability

A, B = "✓ APPROVED", "■ BLOCKED: "
STEPS = range(1001)

Text = Callable[[object], str]
Walk = Callable[[object], list[Any]]
Make = Callable[..., Any]


def by_meta(figure: go.Figure) -> dict[str, Any]:
    return {trace.meta: trace for trace in figure.data if trace.meta}


def chart(view: Any, shift_pct: float) -> go.Figure:
    """The source's chart at a shift that takes the same of every hour."""
    given_pct = (shift_pct,) * len(view.hours_utc)
    return shift_chart(
        view.source, view.hours_utc, shift_pct=shift_pct, given_pct=given_pct
    )


def test_the_chart_moves_mean_range_and_bound_by_the_shift(make_what_if: Make) -> None:
    view = make_what_if()
    after = by_meta(chart(view, 30.0))
    assert set(after) == {MEAN_AFTER, LOWER_AFTER, UPPER_AFTER, BOUND_AFTER}
    assert after[MEAN_AFTER].y[0] == pytest.approx(view.source.mean_c[0] - 1.5)
    assert list(after[BOUND_AFTER].y) == pytest.approx([34.7, 34.7])


def test_the_forecast_before_the_shift_stays(make_what_if: Make) -> None:
    view = make_what_if()
    figure = chart(view, 30.0)
    before = next(trace for trace in figure.data if trace.name == "Forecast before")
    assert list(before.y) == list(view.source.mean_c)


def test_no_shift_changes_nothing_even_where_its_effect_is_unknown() -> None:
    assert moved((30.0, None), (), (0.0, 0.0)) == [30.0, None]


def test_a_shift_of_unknown_effect_has_no_value() -> None:
    assert moved((30.0, 31.0), (-0.05,), (10.0, 10.0)) == [29.5, None]


def test_a_bound_that_only_no_shift_has_is_unknown_after_one(
    make_what_if: Make,
) -> None:
    unknown = replace(make_what_if().source, bound_by_step_c=(36.2,))
    assert bound_after_c(unknown, 0.0) == 36.2
    assert bound_after_c(unknown, 1.0) is None


def test_the_axis_stands_still_whatever_the_shift(make_what_if: Make) -> None:
    view = make_what_if()
    ranges = {tuple(chart(view, x).layout.yaxis.range) for x in (0.0, 40.0, 100.0)}
    assert len(ranges) == 1


@pytest.mark.parametrize("shift_pct", [0.0, 0.1, 0.3, 57.9, 99.9, 100.0])
def test_the_bound_is_that_of_the_step(make_what_if: Make, shift_pct: float) -> None:
    bound_c = bound_after_c(make_what_if().source, shift_pct)
    assert bound_c == pytest.approx(36.2 - 0.05 * shift_pct)


def test_each_end_is_drawn_in_its_own_local_time(make_what_if: Make) -> None:
    view = make_what_if()
    figure = shift_chart(
        view.target, view.hours_utc, shift_pct=0.0, given_pct=(0.0,) * 24
    )
    assert figure.layout.xaxis.title.text == "Time (Europe/Dublin, UTC+1)"


def test_the_browser_gets_numbers_that_json_can_carry(make_what_if: Make) -> None:
    data = preview_data(make_what_if(shift_pct=12.5), may_decide=True)
    carried = json.loads(json.dumps(data, cls=PlotlyJSONEncoder, allow_nan=False))
    assert carried["shift_pct"] == 12.5
    drawn_c = carried["source"]["bound_by_pct_c"]
    assert drawn_c == pytest.approx([36.2 - 0.05 * pct for pct in range(101)])
    metas = [trace.get("meta") for trace in carried["target"]["figure"]["data"]]
    assert MEAN_AFTER in metas


def test_without_a_target_the_browser_gets_none(make_what_if: Make) -> None:
    data = preview_data(make_what_if(target=None), may_decide=True)
    assert data["target"] is None


def at_step(table: list[tuple[int, str]], step: int) -> str:
    """What the browser finds in a table at a step."""
    return next(words for first, words in reversed(table) if first <= step)


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        (
            24.0,
            80.0,
            {
                0: B + "at least 24 % is needed",
                239: B + "at least 24 % is needed",
                240: A,
                800: A,
                801: B + "at most 80 % can be called safe",
            },
        ),
        (0.0, 80.0, {0: A, 800: A, 801: B + "at most 80 % can be called safe"}),
        (0.0, 100.0, {0: A, 1000: A}),
        (0.0, 0.0, {0: A, 1: B + "no shift can be called safe"}),
        (0.0, None, {0: A, 1: B + "no shift can be called safe"}),
        (
            50.0,
            20.0,
            {
                200: B + "at least 50 % is needed",
                201: B + "at most 20 % can be called safe",
                500: B + "at most 20 % can be called safe",
            },
        ),
        (
            50.0,
            None,
            {0: B + "at least 50 % is needed", 500: B + "no shift can be called safe"},
        ),
        (
            None,
            80.0,
            {
                0: B + "no shift clears the source",
                500: B + "no shift clears the source",
            },
        ),
    ],
)
def test_the_preview_is_approved_in_the_safe_interval_alone(
    make_what_if: Make, least: float | None, most: float | None, said: dict[int, str]
) -> None:
    view = make_what_if(**interval(least, most))
    table = preview_data(view, may_decide=True)["verdicts"]
    found = {step: at_step(table, step).replace("\u202f", " ") for step in said}
    assert found == said


def interval(least: float | None, most: float | None) -> dict[str, Any]:
    """A view's safe interval from its ends, where it is not empty."""
    is_safe = least is not None and least <= (most or 0.0)
    return {
        "minimum_shift_pct": least,
        "maximum_safe_shift_pct": most,
        "safe_intervals_pct": ((least, most or 0.0),) if is_safe else (),
    }


def test_between_safe_intervals_the_preview_names_the_next_share_that_passes(
    make_what_if: Make, components_of: Walk
) -> None:
    view = make_what_if(
        **interval(10.0, 20.0) | {"safe_intervals_pct": ((10.0, 20.0), (35.5, 60.0))}
    )
    table = preview_data(view, may_decide=True)["verdicts"]
    found = [(first, words.replace("\u202f", " ")) for first, words in table]
    assert found == [
        (0, f"{B}at least 10 % is needed"),
        (100, "✓ APPROVED"),
        (201, f"{B}the next share that passes is 35.5 %"),
        (355, "✓ APPROVED"),
        (601, f"{B}at most 60 % can be called safe"),
    ]
    assert len(bars(components_of(content.safe_strip(view)))) == 2


def test_a_source_without_a_bound_is_blocked_for_want_of_data(
    make_what_if: Make,
) -> None:
    baseline = replace(make_what_if().baseline, data_problem=True)
    view = make_what_if(baseline=baseline, minimum_shift_pct=None)
    table = preview_data(view, may_decide=True)["verdicts"]
    assert table == [(0, "▲ BLOCKED: the source has no bound")]


def test_the_browser_finds_the_words_of_the_server_at_every_step(
    make_what_if: Make,
) -> None:
    view = make_what_if()
    data = preview_data(view, may_decide=True)
    for name, end in (("source", view.source), ("target", view.target)):
        for step in STEPS:
            chance = end.exceedance_probability_by_step[step]
            assert at_step(data[name]["bounds"], step) == bound(
                end.bound_by_step_c[step]
            )
            assert at_step(data[name]["chances"], step) == probability(chance, 0.05)


def test_where_no_shift_can_be_computed_only_no_shift_has_words(
    make_what_if: Make,
) -> None:
    end = replace(
        make_what_if().source,
        bound_by_step_c=(36.2,),
        exceedance_probability_by_step=(0.04,),
    )
    data = preview_data(make_what_if(source=end), may_decide=True)["source"]
    assert data["bounds"] == [(0, bound(36.2)), (1, MISSING)]
    assert data["chances"] == [(0, probability(0.04, 0.05)), (1, MISSING)]


def test_the_safe_interval_is_drawn_where_it_lies(
    make_what_if: Make, components_of: Walk
) -> None:
    (bar,) = bars(components_of(content.safe_strip(make_what_if())))
    assert bar.style == {"left": "24.0%", "width": "56.0%"}


@pytest.mark.parametrize(("least", "most"), [(None, 80.0), (24.0, None), (50.0, 20.0)])
def test_an_empty_safe_interval_is_not_drawn(
    make_what_if: Make, components_of: Walk, least: float | None, most: float | None
) -> None:
    view = make_what_if(**interval(least, most))
    assert bars(components_of(content.safe_strip(view))) == []


def bars(components: list[Any]) -> list[Any]:
    return [c for c in components if getattr(c, "className", "") == "gfo-safe-bar"]


def test_scenarios_show_the_verdict_at_every_step(
    make_what_if: Make, text_of: Text
) -> None:
    text = text_of(content.scenarios(make_what_if()))
    assert "0 %  try this shift ■ BLOCKED Over limit ●●●●" in text
    assert "30 %  try this shift ✓ APPROVED  ●●●○ HIGH 34.7 °C 22.7 °C" in text


def test_a_window_that_cannot_be_judged_says_why(
    make_what_if: Make, text_of: Text
) -> None:
    view = make_what_if(notice="Wyoming: the newest telemetry is 9 h old.")
    assert "9 h old" in text_of(content.window_notice(view))


@pytest.mark.parametrize("may_decide", [True, False])
def test_every_control_has_a_label(components_of: Walk, *, may_decide: bool) -> None:
    components = components_of(layout(may_decide=may_decide))
    labelled = {getattr(c, "htmlFor", None) for c in components}
    controls = {
        "what-if-source",
        "what-if-target",
        "what-if-day",
        "what-if-slider",
        "what-if-number",
    }
    assert controls <= labelled


def test_who_may_not_decide_is_told_so(components_of: Walk) -> None:
    def ids(*, may_decide: bool) -> set[Any]:
        tree = layout(may_decide=may_decide)
        return {getattr(c, "id", None) for c in components_of(tree)}

    assert "what-if-read-only" in ids(may_decide=False)
    assert "what-if-read-only" not in ids(may_decide=True)


def test_the_verdict_is_read_aloud_when_it_changes(components_of: Walk) -> None:
    (verdict,) = [
        c
        for c in components_of(layout(may_decide=True))
        if getattr(c, "id", None) == "what-if-verdict"
    ]
    assert verdict.to_plotly_json()["props"]["aria-live"] == "polite"


def test_the_card_shows_id_bounds_and_chance(
    make_decision: Make, text_of: Text, components_of: Walk
) -> None:
    card = verdict_card(make_decision())
    text = text_of(card)
    for part in ("decision 412", "36.2 °C → 34.7 °C", "4 % (allowed 5 %)", "olga"):
        assert part in text
    assert "/decisions/412" in {getattr(c, "href", None) for c in components_of(card)}


def test_the_impact_shows_the_change_of_the_fleet(
    make_decision: Make, text_of: Text
) -> None:
    text = text_of(impact_table(make_decision()))
    assert "Carbon, t CO₂e 610.0 427.0 510.0 641.0 1,120.0 1,068.0 −52.0" in text
    assert "Energy cost, USD – – 60,000 75,000 – – –" in text


def test_a_changed_verdict_says_that_nothing_was_recorded(
    make_decision: Make, text_of: Text
) -> None:
    verdict = make_decision().verdict
    text = text_of(content.recorded(RecordOutcome(card=None, changed=verdict)))
    assert text.startswith("Nothing was recorded: the verdict is now APPROVED.")


def test_a_recorded_decision_names_its_number(
    make_decision: Make, text_of: Text
) -> None:
    card = make_decision(decision_id=413, kind="recorded")
    text = text_of(content.recorded(RecordOutcome(card=card, changed=None)))
    assert "Recorded as decision 413" in text


@pytest.mark.parametrize(
    "stored", [None, [], {}, {"decision_id": "1"}, {"decision_id": True}]
)
def test_only_a_stored_verdict_can_be_recorded(stored: object) -> None:
    with pytest.raises(InvalidInput):
        parse_judged_id(stored)


@pytest.mark.parametrize("comment", [None, "", "   ", 7])
def test_a_record_needs_a_reason(comment: object) -> None:
    with pytest.raises(InvalidInput, match="comment"):
        parse_comment(comment)


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        (24.0, 80.0, "Safe interval 24 % to 80 %"),
        (None, 80.0, "empty: no shift clears the source (target: at most 80 %)"),
        (50.0, 20.0, "empty: 50 % needed, at most 20 % possible"),
        (24.0, None, "not known"),
    ],
)
def test_the_card_says_when_no_shift_is_safe(
    make_decision: Make,
    text_of: Text,
    least: float | None,
    most: float | None,
    said: str,
) -> None:
    card = make_decision(minimum_shift_pct=least, maximum_safe_shift_pct=most)
    assert said in text_of(verdict_card(card))
