"""Open-Meteo: answers of the weather API, and the CSV that the site exports."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from core.regions import SAME_PLACE_DEG, degrees_apart
from core.telemetry import Quantity
from orchestrator.telemetry.readers.documents import (
    JsonRow,
    fixed_offset,
    json_reading,
    number_of,
    require_region,
)
from orchestrator.telemetry.readers.numbers import ValueColumn
from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.pipeline import Reading
from orchestrator.telemetry.readers.rows import BadFile
from orchestrator.telemetry.readers.shapes.format import Format
from orchestrator.telemetry.readers.tables import (
    Header,
    Layout,
    TableHead,
    value_column,
)
from orchestrator.telemetry.readers.units import split_unit

# Present and former names of the API.
VARIABLES = {
    "temperature_2m": Quantity.TEMPERATURE_C,
    "relative_humidity_2m": Quantity.RELATIVE_HUMIDITY_PCT,
    "relativehumidity_2m": Quantity.RELATIVE_HUMIDITY_PCT,
    "cloud_cover": Quantity.CLOUD_COVER_PCT,
    "cloudcover": Quantity.CLOUD_COVER_PCT,
    "wind_speed_10m": Quantity.WIND_SPEED_KMH,
    "windspeed_10m": Quantity.WIND_SPEED_KMH,
    "wet_bulb_temperature_2m": Quantity.WET_BULB_C,
}
_STATED_UNITS = ("°C", "°F", "%", "km/h", "m/s", "mp/h", "kn")
_OF_RUN = re.compile(r"_previous_day[0-9]+")


def claims_json(document: object) -> bool:
    """Whether it is an answer, or several of several places, or an error."""
    first = document[0] if isinstance(document, list) and document else document
    if not isinstance(first, dict):
        return False
    return (
        "hourly" in first
        or "hourly_units" in first
        or "minutely_15" in first
        or (first.get("error") is True and "reason" in first)
    )


def open_json(document: object, rules: ReadRules) -> Reading:
    """The hours of the place nearest to the region.

    Times carry no offset and are all at `utc_offset_seconds`, in winter and summer,
    whatever `timezone` says: the file has no daylight-saving change.

    Raises
    ------
    InvalidInput, BadFile
        When no region is given; when the content is not such an answer.
    """
    require_region(rules, "An Open-Meteo file")
    answer = _nearest(document, rules)
    if answer.get("error"):
        message = f"The file holds an error of Open-Meteo: {answer.get('reason')}."
        raise BadFile(message)
    is_finer = "hourly" not in answer and "minutely_15" in answer
    block = "minutely_15" if is_finer else "hourly"
    hourly = _require_object(answer, block)
    units = _require_object(answer, f"{block}_units")
    times = _require_list(hourly, "time")
    offset = fixed_offset(answer.get("utc_offset_seconds"))
    if offset is None:
        message = "The file does not say its offset (utc_offset_seconds)."
        raise BadFile(message)
    names = [name for name in hourly if name != "time"]
    chosen = _chosen(names, rules)
    columns = tuple(
        _json_column(index, name, quantity, units, rules)
        for index, (name, quantity) in enumerate(chosen.items())
    )
    lists = [_values(hourly, name, len(times)) for name in chosen]
    is_forecast = _reaches_ahead(times, lists, offset, rules)
    return json_reading(
        FORMAT.name,
        _rows(times, lists, is_forecast=is_forecast),
        columns,
        rules,
        zone=offset,
        ignored_columns=tuple(name for name in names if name not in chosen),
        location_deg=_location(answer),
        derives_wet_bulb=True,
    )


def _rows(
    times: list[object], lists: list[list[object]], *, is_forecast: bool
) -> Iterator[JsonRow]:
    for index, time in enumerate(times):
        values = [values[index] for values in lists]
        yield JsonRow(time, values, is_forecast=is_forecast)


def _nearest(document: object, rules: ReadRules) -> Mapping[str, object]:
    """The answer about the place of the region, of one or several answers."""
    if isinstance(document, dict):
        return document
    answers = (
        [a for a in document if isinstance(a, dict)]
        if isinstance(document, list)
        else []
    )
    if not answers:
        message = "The file is no answer of Open-Meteo: it must be a JSON object."
        raise BadFile(message)
    if len(answers) == 1:
        return answers[0]
    places = [_location(answer) for answer in answers]
    if rules.region_deg is not None:
        away = {
            index: degrees_apart(place, rules.region_deg)
            for index, place in enumerate(places)
            if place is not None
        }
        near = [index for index, degrees in away.items() if degrees <= SAME_PLACE_DEG]
        if near:
            return answers[min(near, key=away.__getitem__)]
    shown = "; ".join(f"{p[0]:.2f}, {p[1]:.2f}" for p in places[:6] if p)
    message = (
        f"The file holds {len(answers)} places ({shown}) and none near the region;"
        " request one place."
    )
    raise BadFile(message)


def _require_object(parent: Mapping[str, object], name: str) -> dict[str, object]:
    child = parent.get(name)
    if not isinstance(child, dict):
        message = f"The file is no hourly answer of Open-Meteo: it has no {name!r}."
        raise BadFile(message)
    return child


def _require_list(hourly: dict[str, object], name: str) -> list[object]:
    values = hourly.get(name)
    if not isinstance(values, list):
        message = f"The file is no hourly answer of Open-Meteo: {name!r} is no list."
        raise BadFile(message)
    return values


def _values(hourly: dict[str, object], name: str, n_hours: int) -> list[object]:
    values = _require_list(hourly, name)
    if len(values) != n_hours:
        message = f"{name} has {len(values)} values for {n_hours} hours."
        raise BadFile(message)
    return values


def _chosen(names: list[str], rules: ReadRules) -> dict[str, Quantity]:
    """Which variables are read: of one model, each quantity once.

    Raises
    ------
    BadFile
        When several models are there and none is chosen; when there is no variable.
    """
    plain = {name: VARIABLES[name] for name in names if name in VARIABLES}
    models: dict[str, dict[str, Quantity]] = {}
    for name in names:
        for variable, quantity in VARIABLES.items():
            model = name.removeprefix(f"{variable}_")
            if model != name and not _OF_RUN.fullmatch(f"_{model}"):
                models.setdefault(model, {})[name] = quantity
    wanted = rules.options.model
    if wanted is not None:
        if wanted not in models:
            message = f"The file has no model {wanted!r}; it has {_listed(models)}."
            raise BadFile(message)
        plain = models[wanted]
    elif not plain and len(models) == 1:
        plain = next(iter(models.values()))
    elif not plain and models:
        message = (
            f"The file holds {len(models)} models ({_listed(models)}); say which with"
            " --model."
        )
        raise BadFile(message)
    if not plain:
        message = f"The file carries none of {', '.join(VARIABLES)}."
        raise BadFile(message)
    quantity, count = Counter(plain.values()).most_common(1)[0]
    if count > 1:
        both = [name for name, of in plain.items() if of is quantity]
        message = f"{both[0]} and {both[1]} both carry {quantity}."
        raise BadFile(message)
    return plain


def _listed(models: Mapping[str, object]) -> str:
    return ", ".join(sorted(models)) or "none"


def _json_column(
    index: int,
    name: str,
    quantity: Quantity,
    units: dict[str, object],
    rules: ReadRules,
) -> ValueColumn:
    unit = units.get(name)
    if not isinstance(unit, str):
        known = ", ".join(_STATED_UNITS)
        message = f"{name} is in {unit!r}; known units are {known}."
        raise BadFile(message)
    try:
        return value_column(name, index, quantity, rules, unit)
    except BadFile as exc:
        message = f"{name} is in {unit!r}; known units are {', '.join(_STATED_UNITS)}."
        raise BadFile(message) from exc


def _reaches_ahead(
    times: list[object], lists: list[list[object]], offset: tzinfo, rules: ReadRules
) -> bool:
    """Whether values are given for hours to come: then all of it is a forecast."""
    if not times or not any(values[-1] is not None for values in lists):
        return False
    last = times[-1]
    if isinstance(last, int | float) and not isinstance(last, bool):
        return last > rules.now_utc.timestamp()
    try:
        stamp = datetime.fromisoformat(str(last))
        instant = stamp if stamp.tzinfo else stamp.replace(tzinfo=offset)
        return instant.astimezone(UTC) > rules.now_utc
    except (ValueError, OverflowError):
        return False


def _location(answer: Mapping[str, object]) -> tuple[float, float] | None:
    latitude = number_of(answer.get("latitude"))
    longitude = number_of(answer.get("longitude"))
    if latitude is None or longitude is None:
        return None
    return latitude, longitude


def _block(head: TableHead) -> tuple[Header, Header] | None:
    """The header of the places, and that of the hours below it."""
    places = head.find("latitude", "longitude", "utc_offset_seconds")
    if places is None:
        return None
    for place in range(places.place + 1, len(head.cells)):
        cells = head.cells[place]
        names = {split_unit(cell)[0] for cell in cells}
        if "time" in names and len(names) > 1:
            return places, head.header(place)
    return None


def claims_table(head: TableHead) -> bool:
    """Whether it begins with the block of the place."""
    return _block(head) is not None


def layout(head: TableHead, rules: ReadRules) -> Layout:
    """The CSV of the site: a block about the place, then hours at its offset.

    Raises
    ------
    BadFile
        When it is no such file, or holds several places.
    """
    blocks = _block(head)
    if blocks is None:
        message = (
            "The file is no hourly CSV of Open-Meteo: it has no line with latitude,"
            " longitude and utc_offset_seconds above its hours."
        )
        raise BadFile(message)
    require_region(rules, "An Open-Meteo file")
    places, header = blocks
    rows = [head.cells[i] for i in range(places.place + 1, header.place)]
    rows = [row for row in rows if len(row) >= len(places.names)]
    location_index = header.find("location_id")
    if len(rows) != 1 or location_index is not None:
        message = (
            f"The file holds {len(rows)} places; request one place, or the JSON, of"
            " which the place nearest to the region is taken."
        )
        raise BadFile(message)
    facts = dict(zip(places.plain, rows[0], strict=False))
    names = [split_unit(name)[0].strip() for name in header.names]
    chosen = _chosen(names, rules)
    return Layout(
        header=header,
        values=tuple(
            value_column(
                name,
                names.index(name),
                quantity,
                rules,
                split_unit(header.names[names.index(name)])[1],
            )
            for name, quantity in chosen.items()
        ),
        stamp_index=names.index("time"),
        ignored_columns=tuple(
            name for name in names if name != "time" and name not in chosen
        ),
        zone=_csv_offset(facts.get("utc_offset_seconds", "")),
        location_deg=_csv_location(facts),
        derives_wet_bulb=True,
        future_is_forecast=True,
    )


def _csv_offset(text: str) -> tzinfo:
    try:
        return timezone(timedelta(seconds=int(text)))
    except (ValueError, OverflowError) as exc:
        message = "The file does not say its offset (utc_offset_seconds)."
        raise BadFile(message) from exc


def _csv_location(facts: Mapping[str, str]) -> tuple[float, float] | None:
    try:
        return float(facts["latitude"]), float(facts["longitude"])
    except (KeyError, ValueError):
        return None


FORMAT = Format(
    name="open-meteo",
    words="Open-Meteo (weather): JSON or CSV",
    claims_table=claims_table,
    layout=layout,
    claims_json=claims_json,
    open_json=open_json,
)
