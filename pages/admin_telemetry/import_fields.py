"""What the import form says of a file: its fields, and their names in refusals."""

from __future__ import annotations

import re

from orchestrator.telemetry.readers.formats import TelemetryFormat
from pages.form_fields import Field
from pages.list_controls import ANY

FORMAT = Field(
    name="format",
    label="Format",
    kind="choice",
    choices={one.value: one.shape.words for one in TelemetryFormat},
)
FIRST_FIELDS = (
    Field(
        name="time_zone",
        label="Time zone",
        kind="text",
        hint="Of times without an offset, such as America/Chicago.",
        longest=64,
    ),
    Field(
        name="carbon_kind",
        label="Carbon intensity",
        kind="choice",
        choices={
            ANY: "As the file says; life-cycle if it does not",
            "life-cycle average": "Life-cycle",
            "direct average": "Direct",
            "direct marginal": "Marginal, direct",
            "life-cycle marginal": "Marginal, life-cycle",
            "life-cycle average market-based": "Life-cycle, market-based",
        },
    ),
)
MORE_FIELDS = (
    Field(
        name="stamp",
        label="Stamps",
        kind="choice",
        choices={ANY: "Begin, unless the format says", "begin": "Begin", "end": "End"},
    ),
    Field(
        name="dates",
        label="Dates",
        kind="choice",
        choices={
            ANY: "Found from the file",
            "day-first": "Day first",
            "month-first": "Month first",
            "excel": "Serials of Excel",
        },
    ),
    Field(
        name="decimal",
        label="Decimals",
        kind="choice",
        choices={ANY: "Found from the file", "point": "Point", "comma": "Comma"},
    ),
    Field(
        name="bind_place",
        label="Zone",
        kind="choice",
        hint="A region takes files of the zone that its first import was about.",
        choices={
            ANY: "As the region is bound",
            "anew": "Bind the region to the file's",
        },
    ),
    Field(
        name="place",
        label="Place",
        kind="text",
        hint="Zone, node or station of a file with several.",
        longest=100,
    ),
    Field(
        name="model",
        label="Weather model",
        kind="text",
        hint="Of a file with several.",
        longest=100,
    ),
    Field(
        name="columns",
        label="Columns",
        kind="lines",
        hint="What each column means, one a line.",
        example="Time=timestamp\nLoad (kW)=it_load_mw",
    ),
    Field(
        name="units",
        label="Units",
        kind="lines",
        hint="Of columns whose names carry none.",
        example="price_usd_mwh=EUR/kWh",
    ),
    Field(
        name="rates",
        label="Rates",
        kind="lines",
        hint="USD for one of a currency.",
        example="EUR=1.08",
    ),
)
_OPTIONS = {
    # An option is given once for each line of its field.
    f"--{one.name.removesuffix('s') if one.kind == 'lines' else one.name}": one.label
    for one in MORE_FIELDS
}
_LABELS = {"--timezone": "Time zone", **_OPTIONS, "--bind-place": "Zone"}
"""Labels of the form's fields, by the option of the command that says the same."""


def in_form_words(text: str) -> str:
    """What a reader of files says, with the form's fields in place of options.

    Examples
    --------
    >>> in_form_words("It has no time zone; give --timezone.")
    'It has no time zone; give “Time zone”.'
    """
    labels = {option: f"“{label}”" for option, label in _LABELS.items()}
    return re.sub(r"--[a-z-]+", lambda found: labels.get(found[0], found[0]), text)


AS_IT_SAYS = {
    "format": TelemetryFormat.AUTO.value,
    **{one.name: ANY for one in (*FIRST_FIELDS, *MORE_FIELDS) if one.choices},
}
"""What is chosen until somebody says more: everything as the file says it."""
