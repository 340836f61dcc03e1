"""What fills the Trade-offs page: the window, the efficiency table, hourly numbers."""

from __future__ import annotations

from datetime import datetime

from dash import html
from dash.development.base_component import Component

from core.shares import HoursOfDay, hours_in_words
from orchestrator.trade_offs.views import (
    EfficiencyRow,
    GroundSums,
    TradeOffView,
    WaterScope,
)
from orchestrator.windows.views import Ground
from pages import addresses
from pages.attributes import aria
from pages.components import Child, data_table, disclosure, link, notice, simulation_tag
from pages.refreshing import older_issue
from pages.standing import AS_LOAD_IS_NOW, WITH_RECORDED
from pages.theme import MISSING, local_labels, number, zone_label
from pages.trade_offs.figures import LITRES_PER_M3, moves_anything
from pages.words import local_time, share, typeset, window_name


def window_notice(view: TradeOffView) -> list[Component | None]:
    """Which window and shift this is, and what is missing in it."""
    moved: list[Child] = ["No load is moved."]
    if moves_anything(view) and view.target is not None:
        amount, names = share(view.shift_pct), (view.source.name, view.target.name)
        if view.hours_of_day is not None:
            hours = hours_in_words(HoursOfDay.parse(view.hours_of_day))
            amount = f"From {hours}, {amount}"
        moved = [
            f"{amount} of the load of {names[0]} moves to {names[1]}. ",
            link("Judge it in What-if", _what_if(view)),
        ]
    over = (
        notice(
            "More than may be moved",
            f"At most {share(view.flexible_pct)} of the load of {view.source.name} can"
            " be moved; the page shows the shift all the same.",
            kind="warn",
        )
        if moves_anything(view) and view.shift_pct > view.flexible_pct
        else None
    )
    n_shown = len(view.shown)
    lines = [
        f"Window: {shown_window(view)}, {view.inputs_basis} values. ",
        f"Source, target and others, {n_shown} of {number(view.n_regions)} regions, are"
        " shown; sums are theirs. "
        if n_shown < view.n_regions
        else None,
        *moved,
        simulation_tag(is_simulated=view.is_simulation),
    ]
    gaps = (
        notice("Some sums are missing.", typeset(" ".join(view.notes)), kind="warn")
        if view.notes
        else None
    )
    newest = addresses.with_query(
        addresses.TRADE_OFFS, _shown_values(view, view.newer_issue_utc)
    )
    older = older_issue(
        view.hours_utc[0], view.newer_issue_utc, view.source.time_zone, newest
    )
    return [older, html.P(lines, className="gfo-muted"), _grounds(view), over, gaps]


GROUND_WORDS = {Ground.NOW: AS_LOAD_IS_NOW, Ground.RECORDED: WITH_RECORDED}


def _grounds(view: TradeOffView) -> Component | None:
    """What the fleet draws on both grounds, where what is recorded is not in effect."""
    if not view.grounds:
        return None
    return html.Div(
        [html.Div(_ground_parts(view, sums)) for sums in view.grounds],
        className="gfo-grounds",
        id="trade-offs-grounds",
    )


def _ground_parts(view: TradeOffView, sums: GroundSums) -> list[Child]:
    words, issue = GROUND_WORDS[sums.ground], view.hours_utc[0]
    href = addresses.with_query(
        addresses.TRADE_OFFS,
        _shown_values(view, issue if view.is_issued else None)
        | {"ground": sums.ground.value},
    )
    emissions_t = _scaled(sums.emissions_kgco2e, 1000.0)
    water_m3 = _scaled(sums.water_l, LITRES_PER_M3)
    energy = number(sums.facility_energy_mwh)
    drawn = f"{energy} MWh, {number(emissions_t, 1)} t CO₂e, {number(water_m3)} m³"
    if sums.facility_energy_mwh is None:
        drawn = "not known for every region"
    return [
        f"{words}, without a shift: {drawn}. ",
        "(shown)" if sums.ground is view.ground else link("Show it", href, label=words),
    ]


def shown_window(view: TradeOffView) -> str:
    """The window, in the time of its source."""
    return window_name(view.local_day, view.hours_utc[0], view.source.time_zone)


def _what_if(view: TradeOffView) -> str:
    issue = view.hours_utc[0] if view.is_issued else None
    return addresses.with_query(addresses.WHAT_IF, _shown_values(view, issue))


def _shown_values(
    view: TradeOffView, issued_at_utc: datetime | None
) -> dict[str, str | None]:
    is_day = view.local_day is not None
    return {
        "source": view.source.slug,
        "target": view.target.slug if view.target else None,
        "day": view.local_day.isoformat() if view.local_day else None,
        "shift": f"{view.shift_pct:g}",
        "hours": view.hours_of_day,
        "ground": Ground.NOW.value if view.ground is Ground.NOW else None,
        "issued": None
        if is_day or issued_at_utc is None
        else addresses.instant_text(issued_at_utc),
    }


def caption(view: TradeOffView) -> str:
    """What the figure rests on, for whoever gets it without the page."""
    zone = view.source.time_zone
    return (
        f"{view.inputs_basis.capitalize()} values, {shown_window(view)}"
        f"{_ground_shown(view)};"
        f" as of {local_time(view.as_of_utc, zone)};"
        f" times in {zone_label(view.hours_utc, zone)}."
    )


def _ground_shown(view: TradeOffView) -> str:
    """On which load the figure stands, where there are two."""
    words = GROUND_WORDS[view.ground]
    return f", {words[0].lower()}{words[1:]}" if view.grounds else ""


def efficiency_table(view: TradeOffView) -> Component:
    """Water, carbon, load and temperature of each region, and the fleet's sums."""
    moves = moves_anything(view)
    head = [
        "Region",
        "Temperature, mean, °C",
        "Carbon intensity, mean, g/kWh",
        "IT load, mean, MW",
        "Energy, MWh",
        "Emissions, t CO₂e",
        "Water, m³",
        "Water per energy, L/kWh",
    ]
    rows = [_cells(row, moves=moves) for row in (*view.efficiency, view.sums)]
    return html.Div(
        [
            data_table(
                "Efficiency of each region over the window",
                head,
                rows,
                id="trade-offs-efficiency-table",
                cards=True,
                download=True,
            ),
            html.P(
                "Water is that of the plant and of its electricity. Energy is the"
                " facility’s, cooling included."
                + (" Where a shift changes a value: before → after." if moves else ""),
                className="gfo-muted gfo-hint",
            ),
        ]
    )


def _cells(row: EfficiencyRow, *, moves: bool) -> list[Child]:
    def change(before: float | None, after: float | None, digits: int) -> Child:
        one, other = number(before, digits), number(after, digits)
        if not moves or one == other:
            return one
        arrow = html.Span(" → ", **aria(hidden="true"))
        word = html.Span(" to ", className="visually-hidden")
        return html.Span([one, arrow, word, html.Strong(other)])

    return [
        row.name,
        number(row.mean_temperature_c, 1),
        number(row.mean_carbon_intensity_gco2_kwh),
        change(row.mean_it_load_before_mw, row.mean_it_load_after_mw, 1),
        change(row.facility_energy_before_mwh, row.facility_energy_after_mwh, 0),
        change(
            _scaled(row.emissions_before_kgco2e, 1000.0),
            _scaled(row.emissions_after_kgco2e, 1000.0),
            1,
        ),
        change(
            _scaled(row.water_before_l, LITRES_PER_M3),
            _scaled(row.water_after_l, LITRES_PER_M3),
            0,
        ),
        _per_kwh(row.water_after_l, row.facility_energy_after_mwh),
    ]


def _scaled(value: float | None, divisor: float) -> float | None:
    return None if value is None else value / divisor


def _per_kwh(water_l: float | None, energy_mwh: float | None) -> str:
    if water_l is None or not energy_mwh:
        return MISSING
    return number(water_l / energy_mwh / 1000.0, 2)


def hourly_numbers(view: TradeOffView, scope: WaterScope) -> Component:
    """The animation as a table: one row an hour, two columns a region."""
    zone = view.source.time_zone
    labels = local_labels(view.hours_utc, zone)
    head = [f"Hour ({zone})"]
    for item in view.shown:
        head += [f"{item.region.name}, g/kWh", f"{item.region.name}, m³"]
    rows: list[list[Child]] = []
    for hour, label in enumerate(labels):
        cells: list[Child] = [label]
        for item in view.shown:
            water = item.water_after_l.of(scope)[hour]
            cells += [
                number(item.carbon_intensity_gco2_kwh[hour]),
                number(_scaled(water, LITRES_PER_M3), 1),
            ]
        rows.append(cells)
    return disclosure(
        "The numbers of this chart",
        data_table(
            "Carbon intensity and water of each region by hour, after the shift",
            head,
            rows,
            id="trade-offs-hours-table",
            download=True,
        ),
    )
