"""What fills a decision's page: its whole story, its replay, two side by side."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from core.decision_states import DecisionState
from orchestrator.audit.views import DecisionProof
from orchestrator.decisions.details import CARRIES_OUT
from orchestrator.decisions.evidence import EvidenceEnd, EvidenceHours, EvidenceValue
from orchestrator.decisions.views import (
    DecisionChart,
    DecisionDetail,
    NamedValue,
    RecordOutcome,
    Replay,
)
from pages import addresses
from pages.audit.content import chain_lines
from pages.audit.figures import bound_label, decision_chart
from pages.components import (
    Child,
    chart,
    data_table,
    disclosure,
    facts,
    link,
    notice,
    panel,
)
from pages.theme import celsius, local_labels, number, short_number, zone_label
from pages.verdicts import card_window, impact_table, verdict_card
from pages.words import (
    KIND_WORDS,
    STATE_WORDS,
    bound,
    code_words,
    counted,
    degrees,
    exact_time,
    local_time,
    probability,
    route,
    share,
    shift_words,
    typeset,
)

_CHART_HEIGHT_PX = 340


def decision_page(detail: DecisionDetail) -> list[Component | None]:
    """What a decision says, what has become of it, and what it rests on in short."""
    card = detail.card
    kind = KIND_WORDS.get(card.kind, card.kind)
    return [
        html.Div(
            [
                html.H1(f"Decision {card.decision_id}"),
                html.Button(
                    "Print its story",
                    type="button",
                    className="gfo-button gfo-print",
                ),
            ],
            className="gfo-heading-row",
        ),
        html.P(
            f"{kind}, kept as it was taken; nothing here is computed again.",
            className="gfo-muted",
        ),
        _alarm(detail),
        _succession(detail),
        _standing(detail),
        html.Div(
            [
                panel(
                    "Verdict", verdict_card(card), _comment(detail), id="decision-card"
                ),
                panel(
                    "What it rests on",
                    facts(_facts(detail)),
                    *_plan_links(detail),
                    id="decision-facts",
                ),
            ],
            className="gfo-columns gfo-columns-2",
        ),
    ]


def decision_evidence(
    detail: DecisionDetail, proof: DecisionProof | None, zone: str
) -> list[Component | None]:
    """Forecasts then and since, impact, inputs as tables, and the place in the chain.

    `proof` is None for those who may not see events; `zone` is theirs without a region.
    """
    return [
        html.Div(_charts(detail), className="gfo-columns gfo-columns-2"),
        panel("Impact", impact_table(detail.card), id="decision-impact"),
        panel(
            "Inputs",
            html.Div(
                [_evidence_values(end) for end in detail.evidence],
                className="gfo-columns gfo-columns-2",
            ),
            *(_evidence_hours(end) for end in detail.evidence),
            facts([NamedValue(label="SHA-256 of inputs", value=detail.inputs_sha256)]),
            html.Div(
                disclosure(
                    "The stored text, exactly as it was hashed",
                    html.Pre(detail.inputs_text, className="gfo-pre", tabIndex="0"),
                ),
                className="gfo-screen-only",
            ),
            id="decision-inputs",
            hint="As they were known when it was taken.",
        ),
        None if proof is None else _proof(proof, zone),
    ]


def _evidence_values(end: EvidenceEnd) -> Component:
    return html.Div(
        [
            html.H3(end.region.name),
            facts(
                [
                    NamedValue(label=one.label, value=_value_words(one))
                    for one in end.values
                ]
            ),
        ]
    )


def _value_words(one: EvidenceValue) -> str:
    if isinstance(one.value, str):
        return one.value
    return f"{short_number(one.value)} {one.unit}".rstrip()


def _evidence_hours(end: EvidenceEnd) -> Component:
    """The hourly quantities of one end as a table, folded on a screen."""
    labels = local_labels(end.hours_utc, end.region.time_zone)
    rows = [
        [label, *(_hour_words(one, place) for one in end.hours)]
        for place, label in enumerate(labels)
    ]
    name = end.region.slug
    return disclosure(
        f"Each hour: {end.region.name}"
        f" ({zone_label(end.hours_utc, end.region.time_zone)})",
        data_table(
            f"Hours of {end.region.name}",
            ("Hour", *(f"{one.label}, {one.unit}" for one in end.hours)),
            rows,
            id=f"decision-hours-{name}",
            download=True,
        ),
    )


def _hour_words(one: EvidenceHours, place: int) -> str:
    value = one.values[place] if place < len(one.values) else None
    return number(value, _HOUR_DIGITS.get(one.unit, 1))


_HOUR_DIGITS = {"gCO2/kWh": 0, "°C": 2}


def _proof(proof: DecisionProof, zone: str) -> Component:
    """Its events in the audit chain, whether each fits, and how the chain stands."""
    anchored_seq = proof.status.anchored_seq or 0
    rows: list[list[Child]] = [
        [
            link(str(one.event.seq), addresses.event_href(one.event.seq)),
            exact_time(one.event.occurred_at_utc, zone),
            one.event.actor_name,
            code_words(one.event.action),
            "fits" if one.hash_is_right else "DOES NOT FIT",
            "yes" if one.event.seq <= anchored_seq else "not yet",
            html.Span(one.event.hash_hex, className="gfo-mono gfo-wrap"),
        ]
        for one in proof.events
    ]
    return panel(
        "Proof: its events in the audit chain",
        data_table(
            "Events of this decision",
            ("No.", "Time", "Who", "What", "Hash", "Anchored", "Hash of the event"),
            rows,
            numeric_from=99,
            cards=True,
            id="decision-proof-events",
        ),
        *chain_lines(proof.status, zone),
        id="decision-proof",
        hint="Each hash covers its event and the hash before it. An export of the"
        " events verifies without the portal.",
    )


def comments(detail: DecisionDetail) -> Component:
    """What was written about it after it was taken, oldest first."""
    if not detail.comments:
        return html.P("Nothing written yet.", className="gfo-muted")
    zone = detail.card.source.time_zone
    return html.Ol(
        [
            html.Li(
                [
                    html.Span(
                        f"{one.actor_name}, {local_time(one.written_at_utc, zone)}",
                        className="gfo-muted",
                    ),
                    html.Blockquote(one.text, className="gfo-comment"),
                ]
            )
            for one in detail.comments
        ],
        className="gfo-comments",
    )


def _alarm(detail: DecisionDetail) -> Component | None:
    if detail.is_as_recorded:
        return None
    return notice(
        "This row is not the one that was recorded",
        "It differs from what was hashed into its audit event: it was changed past the"
        " portal."
        " Verify the chain and compare with an export.",
        kind="alarm",
    )


def _standing(detail: DecisionDetail) -> Component | None:
    """What has become of it, and who said so when."""
    standing, card = detail.standing, detail.card
    if standing is None:
        return None
    zone = card.source.time_zone
    said = [
        html.Li(
            f"{STATE_WORDS[item.state].capitalize()}: {item.actor_name},"
            f" {local_time(item.stated_at_utc, zone)}"
            + (f": {item.reason}" if item.reason else "")
        )
        for item in standing.stated
    ]
    return html.Section(
        [
            html.P(
                [
                    html.Strong(f"State: {STATE_WORDS[standing.state]}."),
                    f" {_STATE_MEANS[standing.state]}",
                    f" For the {card_window(card)}{_until(detail)}.",
                ]
            ),
            html.Ul(said) if said else None,
        ],
        className="gfo-card gfo-verdict-block",
        id="decision-standing",
    )


def _until(detail: DecisionDetail) -> str:
    """Where a decision does not end with its window, when it does."""
    standing, card = detail.standing, detail.card
    if standing is None or standing.end_utc == card.window_end_utc:
        return ""
    if standing.end_utc is None:
        return ", repeated each day until it is taken back"
    until = local_time(standing.end_utc, card.source.time_zone)
    if standing.end_utc < card.window_end_utc:
        return f", until {until}"
    return f", repeated each day until {until}"


_STATE_MEANS = {
    DecisionState.RECORDED: "Nobody has said yet that it was seen or done.",
    DecisionState.ACKNOWLEDGED: "It was seen; nobody has said yet that it is done.",
    DecisionState.IN_EFFECT: "It is part of the load as it is now.",
    DecisionState.REFUSED: "It is not done, and what it would move no longer counts.",
    DecisionState.EXPIRED: "Its window has ended.",
    DecisionState.SUPERSEDED: "Another decision stands in its place.",
}


def _succession(detail: DecisionDetail) -> Component | None:
    parts: list[Child] = []
    if detail.supersedes_id is not None:
        parts += [
            "It superseded ",
            link(
                f"decision {detail.supersedes_id}",
                addresses.decision_href(detail.supersedes_id),
            ),
            ". ",
        ]
    successor = detail.superseded_by
    if successor is not None:
        when = local_time(successor.created_at_utc, detail.card.source.time_zone)
        parts += [
            "It was superseded by ",
            link(
                f"decision {successor.decision_id}",
                addresses.decision_href(successor.decision_id),
            ),
            f", recorded by {successor.actor_name}, {when}; it no longer binds.",
        ]
    return html.P(parts, id="decision-succession") if parts else None


def _charts(detail: DecisionDetail) -> list[Component]:
    return [
        panel(
            f"The forecast as it was: {view.region.name}",
            chart(
                f"decision-chart-{place}",
                decision_chart(view),
                chart_summary(view),
                height_px=_CHART_HEIGHT_PX,
            ),
            id=f"decision-forecast-{place}",
        )
        for place, view in enumerate(detail.charts)
    ]


def chart_summary(view: DecisionChart) -> str:
    """The chart in a sentence; bounds are rounded up, as everywhere."""
    known = [value for value in view.actual_c if value is not None]
    after = (
        ""
        if view.bound_after_c is None
        else f", {bound(view.bound_after_c)} after the shift"
    )
    came = f" Measured since: at most {celsius(max(known))}." if known else ""
    return (
        f"{view.region.name}: {bound_label(view)} {bound(view.bound_before_c)}{after};"
        f" limit {degrees(view.thermal_limit_c)}.{came}"
    )


def _comment(detail: DecisionDetail) -> Component | None:
    if not detail.comment:
        return None
    return html.Blockquote(detail.comment, className="gfo-comment")


def _plan_links(detail: DecisionDetail) -> list[Component]:
    """The way to the plan that the decision carries out, if it does."""
    plans = [fact.value for fact in detail.facts if fact.label == CARRIES_OUT]
    return [
        html.P(
            link(
                f"Open plan {plan}",
                addresses.with_query(addresses.PLAN, {"plan": plan}),
            )
        )
        for plan in plans
    ]


def _facts(detail: DecisionDetail) -> list[NamedValue]:
    card = detail.card
    zone = card.source.time_zone
    window = (
        f"{local_time(card.window_start_utc, zone)} to"
        f" {local_time(card.window_end_utc, zone)}"
    )
    row = "the row is as recorded" if detail.is_as_recorded else "THE ROW WAS CHANGED"
    audited = (
        [
            NamedValue(label="Audit event", value=f"{detail.audit_seq}, {row}"),
            NamedValue(label="Audit hash", value=detail.audit_hash or ""),
        ]
        if detail.audit_seq is not None
        else []
    )
    known = detail.telemetry_watermark_utc
    until = local_time(known, zone) if known else "not at all"
    return [
        NamedValue(label="Window", value=window),
        NamedValue(label="Telemetry known until", value=until),
        *detail.facts,
        *audited,
    ]


def replayed(view: Replay) -> Component:
    """What a replay gave: the same, or what differs."""
    hint = html.P(
        [
            *[f"{typeset(note)} " for note in view.notes],
            "The model itself is run again by ",
            html.Code(f"gfo decision replay {view.decision_id}"),
            ".",
        ],
        className="gfo-muted gfo-hint",
    )
    if not view.differences:
        return panel(
            "Replay: the same",
            html.P(
                "The stored inputs, scores and rules gave the same codes, and every"
                " number within 1e-5."
            ),
            hint,
            id="replay-result",
        )
    count = len(view.differences)
    return panel(
        f"Replay: {count} difference{'s' * (count != 1)}",
        data_table(
            "What does not come out as it was stored",
            ("Field", "Stored", "Replayed"),
            [[item.field, item.stored, item.replayed] for item in view.differences],
            numeric_from=99,
        ),
        hint,
        id="replay-result",
    )


def superseded(outcome: RecordOutcome) -> Component:
    """The answer to a request to replace a decision."""
    if outcome.card is not None:
        number = outcome.card.decision_id
        return notice(
            "Recorded in its place.",
            html.Span(
                [link(f"Decision {number}", addresses.decision_href(number)), "."]
            ),
        )
    changed = outcome.changed
    text = changed.reason_text if changed else ""
    return notice(
        "The verdict changed meanwhile; nothing was recorded.",
        f"{text} Judge again.",
        kind="warn",
    )


def comparison(left: DecisionDetail, right: DecisionDetail) -> list[Component]:
    """Two decisions side by side, with what differs marked."""
    names = [f"Decision {item.card.decision_id}" for item in (left, right)]
    rows: list[list[Child]] = [
        [
            label,
            _cell(first, same=first == second),
            _cell(second, same=first == second),
        ]
        for label, first, second in _pairs(left, right)
    ]
    differing = sum(first != second for _, first, second in _pairs(left, right))
    return [
        html.H1(f"{names[0]} and {names[1]}"),
        html.P(f"{differing} of {len(rows)} lines differ.", className="gfo-muted"),
        html.P(
            [
                link(names[0], addresses.decision_href(left.card.decision_id)),
                " · ",
                link(names[1], addresses.decision_href(right.card.decision_id)),
            ]
        ),
        data_table(
            "Two decisions side by side",
            ("Line", *names),
            rows,
            numeric_from=99,
            cards=True,
            id="compare-rows",
        ),
    ]


def _pairs(
    left: DecisionDetail, right: DecisionDetail
) -> Sequence[tuple[str, str, str]]:
    sides = [{item.label: item.value for item in _lines(d)} for d in (left, right)]
    labels = list(dict.fromkeys([*sides[0], *sides[1]]))
    return [(name, sides[0].get(name, "–"), sides[1].get(name, "–")) for name in labels]


def _lines(detail: DecisionDetail) -> list[NamedValue]:
    card = detail.card
    zone = card.source.time_zone
    least, most = card.minimum_shift_pct, card.maximum_safe_shift_pct
    values = [
        ("Taken", local_time(card.created_at_utc, zone)),
        ("By", card.actor_name),
        ("Kind", KIND_WORDS.get(card.kind, card.kind)),
        ("Simulation", "yes" if card.is_simulated else "no"),
        ("Regions", route(card.source, card.target)),
        ("Window", card_window(card)),
        ("Shift", shift_words(card.shift_pct, card.hours_of_day)),
        ("Verdict", card.verdict.outcome.value),
        ("Reason", card.verdict.reason_text),
        ("Risk", card.verdict.risk_level.value),
        (
            "Chance of exceeding",
            probability(card.exceedance_probability, card.allowed_probability),
        ),
        ("Thermal limit", degrees(card.thermal_limit_c)),
        ("Source bound before", bound(card.source_bound_before_c)),
        ("Source bound after", bound(card.source_bound_after_c)),
        ("Target bound before", bound(card.target_bound_before_c)),
        ("Target bound after", bound(card.target_bound_after_c)),
        ("Least shift that clears", share(least)),
        ("Most that is safe", share(most)),
        ("Comment", detail.comment or "–"),
        ("Written about it", counted(len(detail.comments), "comment")),
    ]
    return [
        *(NamedValue(label=label, value=value) for label, value in values),
        *_facts(detail),
        NamedValue(label="SHA-256 of inputs", value=detail.inputs_sha256),
    ]


def _cell(text: str, *, same: bool) -> Component:
    if same:
        return html.Span(text, className="gfo-wrap gfo-same")
    return html.Span(f"≠ {text}", className="gfo-wrap gfo-differs")
