"""Hourly telemetry: quantities, valid ranges, and a gap-aware frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput

if TYPE_CHECKING:  # runs are built of quantities and hours
    from core.weather_runs import WeatherRuns

HOUR = timedelta(hours=1)


class Quantity(StrEnum):
    """What an hour of telemetry may carry; values name columns everywhere.

    To add one: a member here, its line in `DEFINITIONS`, and a migration that adds its
    column and that of its import to `telemetry` and `telemetry_revision`, and its CHECK
    to `telemetry`.
    """

    TEMPERATURE_C = "temperature_c"
    RELATIVE_HUMIDITY_PCT = "relative_humidity_pct"
    WET_BULB_C = "wet_bulb_c"
    IT_LOAD_MW = "it_load_mw"
    CARBON_INTENSITY_GCO2_KWH = "carbon_intensity_gco2_kwh"
    WATER_USAGE_L = "water_usage_l"
    PRICE_USD_MWH = "price_usd_mwh"
    WIND_SPEED_KMH = "wind_speed_kmh"
    CLOUD_COVER_PCT = "cloud_cover_pct"
    TEMPERATURE_MAX_C = "temperature_max_c"


class HourlyValue(StrEnum):
    """What the value of an hour is when its samples are finer."""

    MEAN = "mean"
    SUM = "sum"
    MAXIMUM = "maximum"


@dataclass(frozen=True, slots=True)
class ValidRange:
    """Closed range of plausible values, in the quantity's unit."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """True when `value` is finite and inside; NaN is never inside."""
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True, slots=True)
class QuantityDefinition:
    """Unit and ranges of a quantity.

    Attributes
    ----------
    valid : ValidRange
        What an import accepts, unless the settings say otherwise.
    storable : ValidRange | None
        What the database accepts where the settings may widen `valid`.
    hourly : HourlyValue
        How finer samples make an hour.
    """

    unit: str
    valid: ValidRange
    storable: ValidRange | None = None
    hourly: HourlyValue = HourlyValue.MEAN


DEFINITIONS: Mapping[Quantity, QuantityDefinition] = {
    Quantity.TEMPERATURE_C: QuantityDefinition(
        "degC", ValidRange(-50.0, 60.0), storable=ValidRange(-100.0, 100.0)
    ),
    Quantity.RELATIVE_HUMIDITY_PCT: QuantityDefinition("%", ValidRange(0.0, 100.0)),
    Quantity.WET_BULB_C: QuantityDefinition("degC", ValidRange(-50.0, 60.0)),
    Quantity.IT_LOAD_MW: QuantityDefinition(
        "MW", ValidRange(0.0, 500.0), storable=ValidRange(0.0, 100_000.0)
    ),
    Quantity.CARBON_INTENSITY_GCO2_KWH: QuantityDefinition(
        "gCO2eq/kWh", ValidRange(0.0, 2_000.0)
    ),
    Quantity.WATER_USAGE_L: QuantityDefinition(
        "L", ValidRange(0.0, 1e9), hourly=HourlyValue.SUM
    ),
    Quantity.PRICE_USD_MWH: QuantityDefinition(
        "USD/MWh", ValidRange(-5_000.0, 20_000.0)
    ),
    Quantity.WIND_SPEED_KMH: QuantityDefinition("km/h", ValidRange(0.0, 500.0)),
    Quantity.CLOUD_COVER_PCT: QuantityDefinition("%", ValidRange(0.0, 100.0)),
    # The warmest sample of the hour, known where samples are finer than hourly.
    Quantity.TEMPERATURE_MAX_C: QuantityDefinition(
        "degC",
        ValidRange(-50.0, 60.0),
        storable=ValidRange(-100.0, 100.0),
        hourly=HourlyValue.MAXIMUM,
    ),
}
"""Temperature, load and carbon from the product's requirements; the rest assumed,
wide enough for every record of the real data (prices to 9,000 USD/MWh)."""

VALID_RANGES: Mapping[Quantity, ValidRange] = {
    quantity: DEFINITIONS[quantity].valid for quantity in Quantity
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryFrame:
    """Consecutive hours of one region; what is missing is NaN.

    Attributes
    ----------
    start_utc : datetime
        First hour, a full UTC hour; hour i is [start + i h, start + (i + 1) h).
    n_hours : int
        Number of hours, >= 0.
    values : Mapping[Quantity, ndarray of float64, shape (n_hours,)]
        Present quantities only; `column` gives NaN for the others.
    runs : WeatherRuns | None
        Weather forecasts issued for the region, of any time: each says itself when it
        was known. None where nobody asked for them or there are none.
    findings : Mapping[Quantity, ndarray of int8, shape (n_hours,)]
        Code of the quality rule that an hour failed, 0 for none; see `core.quality`.

    Raises
    ------
    InvalidInput
        When the start is not an aware full hour, or a column has another length.
    """

    region_slug: str
    start_utc: datetime
    n_hours: int
    values: Mapping[Quantity, NDArray[np.float64]] = field(repr=False)
    runs: WeatherRuns | None = field(default=None, repr=False)
    findings: Mapping[Quantity, NDArray[np.int8]] = field(
        default_factory=dict, repr=False
    )

    def __post_init__(self) -> None:
        require_full_utc_hour(self.start_utc)
        if self.n_hours < 0:
            message = f"A frame cannot have {self.n_hours} hours."
            raise InvalidInput(message)
        shapes = [(quantity, one.shape) for quantity, one in self.values.items()]
        shapes += [(quantity, one.shape) for quantity, one in self.findings.items()]
        for quantity, shape in shapes:
            if shape != (self.n_hours,):
                message = f"{quantity} has shape {shape}, not ({self.n_hours},)."
                raise InvalidInput(message)

    @property
    def end_utc(self) -> datetime:
        """Instant at which the last hour ends."""
        return self.start_utc.astimezone(UTC) + self.n_hours * HOUR

    def column(self, quantity: Quantity) -> NDArray[np.float64]:
        """Values of `quantity`, shape (n_hours,), NaN where missing."""
        column = self.values.get(quantity)
        return np.full(self.n_hours, np.nan) if column is None else column

    def finding_codes(self, quantity: Quantity) -> NDArray[np.int8]:
        """Codes of the findings on `quantity`, shape (n_hours,), 0 for none."""
        codes = self.findings.get(quantity)
        return np.zeros(self.n_hours, dtype=np.int8) if codes is None else codes

    def trusted(self) -> TelemetryFrame:
        """The frame with the values that have a finding missing."""
        return replace(
            self,
            values={
                quantity: np.where(self.findings[quantity] == 0, column, np.nan)
                if quantity in self.findings
                else column
                for quantity, column in self.values.items()
            },
        )

    def window(self, start_utc: datetime, end_utc: datetime) -> TelemetryFrame:
        """The hours of [start_utc, end_utc), padded with NaN outside this frame.

        Raises
        ------
        InvalidInput
            When one of the two is not an aware full hour.
        """
        require_full_utc_hour(start_utc)
        require_full_utc_hour(end_utc)
        offset = hours_between(self.start_utc, start_utc)
        n_hours = max(hours_between(start_utc, end_utc), 0)
        low, high = max(offset, 0), min(offset + n_hours, self.n_hours)
        values: dict[Quantity, NDArray[np.float64]] = {}
        for quantity, column in self.values.items():
            padded = np.full(n_hours, np.nan)
            if high > low:
                padded[low - offset : high - offset] = column[low:high]
            values[quantity] = padded
        findings: dict[Quantity, NDArray[np.int8]] = {}
        for quantity, codes in self.findings.items():
            findings[quantity] = np.zeros(n_hours, dtype=np.int8)
            if high > low:
                findings[quantity][low - offset : high - offset] = codes[low:high]
        return TelemetryFrame(
            region_slug=self.region_slug,
            start_utc=start_utc,
            n_hours=n_hours,
            values=values,
            runs=self.runs,
            findings=findings,
        )


def require_aware(instant: datetime) -> None:
    """Raise InvalidInput unless `instant` has a time zone.

    Python would read a naive one in the time zone of the machine.
    """
    if instant.utcoffset() is None:
        message = f"{instant.isoformat()} has no time zone; add one, as in +00:00."
        raise InvalidInput(message)


def require_full_utc_hour(instant: datetime) -> None:
    """Raise InvalidInput unless `instant` is an aware, full UTC hour."""
    require_aware(instant)
    utc = instant.astimezone(UTC)
    if utc != utc.replace(minute=0, second=0, microsecond=0):
        message = f"{instant.isoformat()} is not a full hour."
        raise InvalidInput(message)


def hours_between(start_utc: datetime, end_utc: datetime) -> int:
    """Whole hours from `start_utc` to `end_utc`, negative when it comes before.

    Examples
    --------
    >>> new_year = datetime(2023, 1, 1, tzinfo=UTC)
    >>> hours_between(new_year, new_year + timedelta(days=2))
    48
    """
    # In UTC: two instants in one local zone would be subtracted by the wall clock.
    return int((end_utc.astimezone(UTC) - start_utc.astimezone(UTC)) // HOUR)
