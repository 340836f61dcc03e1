"""Queries on forecasts: store what was issued or refused, and read it back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import numpy as np
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Integer,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from core.days import WINDOW_H
from core.forecasts import HourlyForecast, InputMode, RefusalCode, Target
from core.plausibility import PlainBound
from db.copying import copy_rows, copy_with_ids
from db.schema import (
    ForecastModeRow,
    ForecastRow,
    IntervalCalibrationRow,
    ModelActivationRow,
    RegionRow,
    WindowScoreRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewForecast:
    """A forecast, or the refusal of one, to be stored.

    Attributes
    ----------
    revision : int
        0 for the first of an instant; more once telemetry behind it was corrected.
    lag_h : int
        Newest hours before the instant that had not come in; see `core.late_hours`.
    runs_known_by_utc : datetime | None
        Weather forecasts known by then were used, later than the issue; None for those
        known by the issue alone.
    """

    region_id: int
    target: Target
    issued_at_utc: datetime
    kind: str
    model_version_id: int | None
    telemetry_watermark_utc: datetime | None
    forecast: HourlyForecast | None = None
    refusal_code: RefusalCode | None = None
    refusal_text: str | None = None
    confidence: Decimal | None = None
    score_count: int | None = None
    score_watermark_id: int | None = None
    score_quantile: float | None = None
    tracking_offset: float | None = None
    day_bound_c: float | None = None
    interval_calibration_id: int | None = None
    revision: int = 0
    lag_h: int = 0
    plain: PlainBound | None = None
    input_mode: InputMode = InputMode.TELEMETRY
    run_issued_at_utc: datetime | None = None
    runs_known_by_utc: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredForecast:
    """A forecast as issued, with its hours; or a refusal, without."""

    forecast_id: int
    region_id: int
    target: Target
    issued_at_utc: datetime
    created_at_utc: datetime
    kind: str
    model_version_id: int | None
    revision: int
    lag_h: int
    telemetry_watermark_utc: datetime | None
    refusal_code: RefusalCode | None
    refusal_text: str | None
    confidence: Decimal | None
    score_count: int | None
    score_watermark_id: int | None
    score_quantile: float | None
    tracking_offset: float | None
    day_bound_c: float | None
    plain: PlainBound | None
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    lower: tuple[float | None, ...]
    upper: tuple[float | None, ...]
    input_mode: InputMode = InputMode.TELEMETRY
    run_issued_at_utc: datetime | None = None
    runs_known_by_utc: datetime | None = None

    def hourly(self, region_slug: str) -> HourlyForecast | None:
        """The forecast as a value; None for a refusal."""
        if not self.mean:
            return None
        return HourlyForecast(
            region_slug=region_slug,
            target=self.target,
            issued_at_utc=self.issued_at_utc,
            mean=np.array(self.mean),
            scale=np.array(self.scale),
            input_mode=self.input_mode,
            run_issued_at_utc=self.run_issued_at_utc,
        )


def insert_modes(
    session: Session, answers: Iterable[tuple[int, HourlyForecast]]
) -> None:
    """Keep what the models of forecasts, by id, say in modes that were not served.

    The served one is the forecast itself.
    """
    copy_rows(
        session,
        ForecastModeRow.__tablename__,
        ("forecast_id", "input_mode", "mean", "scale", "exact_hours"),
        (
            (forecast_id, answer.input_mode.value, *stored_hours(answer))
            for forecast_id, answer in answers
        ),
    )


def modes_of(
    session: Session, stored: Mapping[str, Sequence[StoredForecast]]
) -> dict[int, list[HourlyForecast]]:
    """What the models of forecasts, by region, said: as served, then in other modes.

    By the forecast's id; nothing of a refusal.
    """
    by_id = {
        item.forecast_id: (slug, item) for slug, of in stored.items() for item in of
    }
    found: dict[int, list[HourlyForecast]] = {
        forecast_id: [hourly for hourly in [item.hourly(slug)] if hourly is not None]
        for forecast_id, (slug, item) in by_id.items()
    }
    rows = session.scalars(
        select(ForecastModeRow)
        .where(ForecastModeRow.forecast_id.in_(by_id))
        .order_by(ForecastModeRow.forecast_id, ForecastModeRow.input_mode)
    )
    for row in rows:
        slug, item = by_id[row.forecast_id]
        mean, scale = exact_hours(row.mean, row.scale, row.exact_hours)
        hourly = HourlyForecast(
            region_slug=slug,
            target=item.target,
            issued_at_utc=item.issued_at_utc,
            mean=np.array(mean),
            scale=np.array(scale),
            input_mode=InputMode(row.input_mode),
        )
        found[row.forecast_id].append(hourly)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeMean:
    """Means of one window as served with weather forecasts, and on telemetry alone."""

    issued_at_utc: datetime
    served: tuple[float, ...]
    without: tuple[float, ...]


def mode_means(
    session: Session,
    *,
    region_id: int,
    time_zone: str,
    from_utc: datetime,
    until_utc: datetime,
) -> list[ModeMean]:
    """Temperatures issued at local midnights in [from, until], in order of issue.

    Of several for one instant the one stored first. Only those that used weather
    forecasts and whose other modes were kept.
    """
    local_hour = func.extract(
        "hour", func.timezone(time_zone, ForecastRow.issued_at_utc)
    )
    rows = session.execute(
        select(ForecastRow.issued_at_utc, ForecastRow, ForecastModeRow)
        .join(
            ForecastModeRow,
            (ForecastModeRow.forecast_id == ForecastRow.id)
            & (ForecastModeRow.input_mode == InputMode.TELEMETRY.value),
        )
        .where(
            ForecastRow.region_id == region_id,
            ForecastRow.target == Target.TEMPERATURE_C.value,
            ForecastRow.input_mode != InputMode.TELEMETRY.value,
            ForecastRow.issued_at_utc >= from_utc,
            ForecastRow.issued_at_utc <= until_utc,
            local_hour == 0,
        )
        .order_by(ForecastRow.issued_at_utc, ForecastRow.id.desc())
    )
    found = {
        issue: (
            exact_hours(served.mean, served.scale, served.exact_hours)[0],
            exact_hours(without.mean, without.scale, without.exact_hours)[0],
        )
        for issue, served, without in rows
    }
    return [
        ModeMean(issued_at_utc=issue, served=mean, without=other)
        for issue, (mean, other) in found.items()
    ]


_Hours = tuple[float, ...]


def stored_hours(
    hourly: HourlyForecast,
) -> tuple[list[float], list[float], list[float] | None]:
    """Means and scales in float32, and both as they are where that is not the same.

    Models answer in float32, so that it is, unless a scale was normalised.
    """
    hours = np.stack([hourly.mean, hourly.scale])
    singles = hours.astype(np.float32).astype(np.float64)
    is_exact = np.array_equal(singles, hours)
    return (
        singles[0].tolist(),
        singles[1].tolist(),
        None if is_exact else hours.ravel().tolist(),
    )


def exact_hours(
    mean: Sequence[float] | None,
    scale: Sequence[float] | None,
    exact: Sequence[float] | None,
) -> tuple[_Hours, _Hours]:
    """Means and scales as they were issued, from what is stored of them."""
    if exact is not None:
        return tuple(exact[:WINDOW_H]), tuple(exact[WINDOW_H:])
    return tuple(mean or ()), tuple(scale or ())


def insert_forecasts(session: Session, forecasts: Sequence[NewForecast]) -> list[int]:
    """Store forecasts with their hours; returns their ids in order."""
    if not forecasts:
        return []
    rows = [_columns(item) for item in forecasts]
    return copy_with_ids(
        session,
        ForecastRow.__tablename__,
        tuple(rows[0]),
        [tuple(row.values()) for row in rows],
    )


def _columns(item: NewForecast) -> dict[str, object]:
    excluded = {"forecast", "plain"}
    columns: dict[str, object] = {
        name: getattr(item, name)
        for name in NewForecast.__slots__
        if name not in excluded
    }
    columns["target"] = item.target.value
    columns["refusal_code"] = item.refusal_code.value if item.refusal_code else None
    columns["input_mode"] = item.input_mode.value
    hourly, plain = item.forecast, item.plain
    columns["status"] = "refused" if hourly is None else "issued"
    hours = (None, None, None) if hourly is None else stored_hours(hourly)
    columns["mean"], columns["scale"], columns["exact_hours"] = hours
    columns["plain_bound_c"] = plain.bound_c if plain else None
    columns["plain_error_c"] = plain.error_c if plain else None
    columns["allowed_gap_c"] = plain.allowed_gap_c if plain else None
    columns["plain_hour_excess_c"] = plain.hour_excess_c if plain else None
    columns["plain_hours"] = list(plain.hours_c) or None if plain else None
    return columns


def forecasts_at(
    session: Session,
    *,
    region_id: int,
    issued_at_utc: datetime,
    targets: Sequence[Target] = tuple(Target),
    of_versions: Mapping[Target, int] = MappingProxyType({}),
    serving_first: bool = False,
) -> dict[Target, StoredForecast]:
    """The forecasts of one region issued at an instant; see `forecasts_in`."""
    found = forecasts_in(
        session,
        [region_id],
        issued_at_utc=issued_at_utc,
        targets=targets,
        of_versions=of_versions,
        serving_first=serving_first,
    )
    return found[region_id]


def forecasts_in(
    session: Session,
    region_ids: Collection[int],
    *,
    issued_at_utc: datetime,
    targets: Sequence[Target] = tuple(Target),
    of_versions: Mapping[Target, int] = MappingProxyType({}),
    serving_first: bool = False,
) -> dict[int, dict[Target, StoredForecast]]:
    """By region, each target's forecast of an instant; targets may be missing.

    An issued forecast takes precedence over a refusal, then the newest. Of a target in
    `of_versions` only forecasts of that version count; else a live forecast takes
    precedence over a hindcast, so that a later model never replaces what was known at
    the time. With `serving_first` the newest answer for the serving model takes
    precedence, be it a refusal: after a rollback its forecast is the older one, and a
    correction may leave the issue without a forecast.
    """
    query = select(ForecastRow).where(
        ForecastRow.region_id.in_(region_ids),
        ForecastRow.target.in_([target.value for target in targets]),
        ForecastRow.issued_at_utc == issued_at_utc,
    )
    if of_versions:
        query = query.where(
            or_(
                ForecastRow.model_version_id.in_(of_versions.values()),
                ForecastRow.target.not_in([target.value for target in of_versions]),
            )
        )
    is_live = case((ForecastRow.kind == "live", 0), else_=1)
    order: list[ColumnElement[Any]] = [ForecastRow.status.asc(), is_live]
    if serving_first:
        serves = ForecastRow.model_version_id == _serving_version_id()
        order = [is_live, case((serves, 0), else_=1)]
    place = (ForecastRow.region_id, ForecastRow.target)
    rows = session.scalars(
        query.ext(distinct_on(*place)).order_by(*place, *order, ForecastRow.id.desc())
    )
    found: dict[int, dict[Target, StoredForecast]] = {
        region_id: {} for region_id in region_ids
    }
    for item in _with_hours(session, rows.all()):
        found[item.region_id][item.target] = item
    return found


def forecast_at(
    session: Session,
    *,
    region_id: int,
    target: Target,
    issued_at_utc: datetime,
    model_version_id: int | None = None,
) -> StoredForecast | None:
    """One target's forecast issued at an instant; see `forecasts_at`."""
    found = forecasts_at(
        session,
        region_id=region_id,
        issued_at_utc=issued_at_utc,
        targets=(target,),
        of_versions={} if model_version_id is None else {target: model_version_id},
    )
    return found.get(target)


def _serving_version_id() -> ColumnElement[int]:
    """The model that serves the forecast's own target."""
    newest = (
        select(ModelActivationRow.model_version_id)
        .where(ModelActivationRow.target == ForecastRow.target)
        .order_by(ModelActivationRow.id.desc())
        .limit(1)
    )
    return newest.scalar_subquery()


def newest_live_issue(
    session: Session, *, region_id: int, until_utc: datetime
) -> datetime | None:
    """Issue instant of the newest live temperature forecast or refusal."""
    return newest_live_issues(session, [region_id], until_utc).get(region_id)


def newest_live_issues(
    session: Session, region_ids: Sequence[int], until_utc: datetime
) -> dict[int, datetime]:
    """As `newest_live_issue`, by region; nothing of regions without one."""
    newest = (
        select(func.max(ForecastRow.issued_at_utc))
        .where(
            ForecastRow.region_id == RegionRow.id,
            *_live_temperature(),
            ForecastRow.issued_at_utc <= until_utc,
        )
        .scalar_subquery()
    )
    rows = session.execute(
        select(RegionRow.id, newest).where(RegionRow.id.in_(region_ids))
    )
    return {region_id: issue for region_id, issue in rows if issue is not None}


def late_instants(
    session: Session,
    *,
    region_ids: Collection[int],
    since_utc: datetime,
    until_utc: datetime,
) -> dict[datetime, set[int]]:
    """Issues of temperature in [since, until] that came too early, with the regions.

    Each was refused, or made without the newest hours.
    """
    is_whole = func.bool_or(
        and_(ForecastRow.status == "issued", ForecastRow.lag_h == 0)
    )
    rows = session.execute(
        select(ForecastRow.issued_at_utc, ForecastRow.region_id)
        .where(
            ForecastRow.region_id.in_(region_ids),
            *_live_temperature(),
            ForecastRow.issued_at_utc.between(since_utc, until_utc),
        )
        .group_by(ForecastRow.issued_at_utc, ForecastRow.region_id)
        .having(~is_whole)
    )
    late: dict[datetime, set[int]] = {}
    for issued_at_utc, region_id in rows:
        late.setdefault(issued_at_utc, set()).add(region_id)
    return late


def _live_temperature() -> tuple[ColumnElement[bool], ...]:
    return (
        ForecastRow.target == Target.TEMPERATURE_C.value,
        ForecastRow.kind == "live",
    )


def issues_between(
    session: Session,
    *,
    region_id: int,
    start_utc: datetime,
    end_utc: datetime,
    live_only: bool,
) -> tuple[datetime, ...]:
    """Issues of temperatures in [start, end), refused ones too, newest first."""
    query = (
        select(ForecastRow.issued_at_utc)
        .distinct()
        .where(
            ForecastRow.region_id == region_id,
            ForecastRow.target == Target.TEMPERATURE_C.value,
            ForecastRow.issued_at_utc >= start_utc,
            ForecastRow.issued_at_utc < end_utc,
        )
    )
    if live_only:
        query = query.where(ForecastRow.kind == "live")
    return tuple(session.scalars(query.order_by(ForecastRow.issued_at_utc.desc())))


def newest_forecasts(
    session: Session, places: Collection[tuple[int, Target]], *, kind: str
) -> dict[tuple[int, Target], StoredForecast]:
    """The forecast or refusal stored last, by region and target."""
    if not places:
        return {}
    rows = session.scalars(
        select(ForecastRow)
        .where(
            tuple_(ForecastRow.region_id, ForecastRow.target).in_(
                [(region_id, target.value) for region_id, target in places]
            ),
            ForecastRow.kind == kind,
        )
        .ext(distinct_on(ForecastRow.region_id, ForecastRow.target))
        .order_by(
            ForecastRow.region_id,
            ForecastRow.target,
            ForecastRow.issued_at_utc.desc(),
            ForecastRow.id.desc(),
        )
    ).all()
    return {(item.region_id, item.target): item for item in _with_hours(session, rows)}


def newest_forecast(
    session: Session, *, region_id: int, target: Target, kind: str
) -> StoredForecast | None:
    """The forecast or refusal of one region and target stored last."""
    place = (region_id, target)
    return newest_forecasts(session, [place], kind=kind).get(place)


def newest_distances(
    session: Session,
    *,
    region_ids: Collection[int],
    model_version_id: int,
    since_utc: datetime,
    before_utc: datetime,
    limit: int,
) -> dict[int, list[float]]:
    """How far a model's newest live bounds lay below the plain ones, in its errors.

    By region, the newest first; at most `limit` of each.
    """
    distance = (
        ForecastRow.plain_bound_c - ForecastRow.day_bound_c
    ) / ForecastRow.plain_error_c
    found: dict[int, list[float]] = {region_id: [] for region_id in region_ids}
    rows = session.execute(
        select(ForecastRow.region_id, distance)
        .where(
            ForecastRow.region_id.in_(region_ids),
            ForecastRow.target == Target.TEMPERATURE_C.value,
            ForecastRow.kind == "live",
            ForecastRow.model_version_id == model_version_id,
            ForecastRow.issued_at_utc >= since_utc,
            ForecastRow.issued_at_utc < before_utc,
            distance.is_not(None),
        )
        .order_by(ForecastRow.region_id, ForecastRow.issued_at_utc.desc())
    )
    for region_id, value in rows:
        if value is not None and len(found[region_id]) < limit:
            found[region_id].append(float(value))
    return found


def refused_targets(
    session: Session, *, issued_at_utc: datetime, code: RefusalCode
) -> set[Target]:
    """Targets that some region was refused at an instant and was not issued later."""
    issued = aliased(ForecastRow)
    was_issued = (
        select(issued.id)
        .where(
            issued.region_id == ForecastRow.region_id,
            issued.target == ForecastRow.target,
            issued.issued_at_utc == ForecastRow.issued_at_utc,
            issued.kind == "live",
            issued.status == "issued",
        )
        .exists()
    )
    found = session.scalars(
        select(ForecastRow.target)
        .join(RegionRow, RegionRow.id == ForecastRow.region_id)
        .where(
            RegionRow.is_active,
            ForecastRow.target.in_([target.value for target in Target]),
            ForecastRow.issued_at_utc == issued_at_utc,
            ForecastRow.kind == "live",
            ForecastRow.refusal_code == code.value,
            ~was_issued,
        )
        .distinct()
    )
    return {Target(target) for target in found}


def forecast_by_id(session: Session, forecast_id: int) -> StoredForecast | None:
    """A stored forecast by its id."""
    row = session.get(ForecastRow, forecast_id)
    return None if row is None else _with_hours(session, [row])[0]


def live_bounds_c(
    session: Session, *, region_id: int, from_utc: datetime, until_utc: datetime
) -> dict[datetime, float]:
    """Bounds of the live issues in [from, until), without any shift, degC.

    The newest of an issue that was made again.
    """
    rows = session.execute(
        select(ForecastRow.issued_at_utc, ForecastRow.day_bound_c)
        .where(
            ForecastRow.region_id == region_id,
            ForecastRow.target == Target.TEMPERATURE_C.value,
            ForecastRow.kind == "live",
            ForecastRow.issued_at_utc >= from_utc,
            ForecastRow.issued_at_utc < until_utc,
            ForecastRow.day_bound_c.is_not(None),
        )
        .order_by(ForecastRow.issued_at_utc, ForecastRow.id)
    )
    return {issued: bound for issued, bound in rows if bound is not None}


def issued_instants(
    session: Session,
    *,
    region_id: int,
    target: Target,
    model_version_id: int | None = None,
) -> set[datetime]:
    """Instants at which forecasts were issued, for one model or for any."""
    query = select(ForecastRow.issued_at_utc).where(
        ForecastRow.region_id == region_id,
        ForecastRow.target == target.value,
        ForecastRow.status == "issued",
    )
    if model_version_id is not None:
        query = query.where(ForecastRow.model_version_id == model_version_id)
    return set(session.scalars(query))


def issued_about_midnight(
    session: Session, *, region_id: int, time_zone: str
) -> set[datetime]:
    """Instants of temperature forecasts issued in the first two local hours of a day.

    The day view uses issues at local midnight, or at 01:00 where a clock change skips
    midnight; not reading the other hours keeps the list of days fast.
    """
    local_hour = func.extract(
        "hour", func.timezone(time_zone, ForecastRow.issued_at_utc)
    )
    return set(
        session.scalars(
            select(ForecastRow.issued_at_utc).where(
                ForecastRow.region_id == region_id,
                ForecastRow.target == Target.TEMPERATURE_C.value,
                ForecastRow.status == "issued",
                local_hour <= 1,
            )
        )
    )


def unscored_live_forecasts(
    session: Session, *, region_ids: Collection[int], finished_by_utc: datetime
) -> list[StoredForecast]:
    """Issued temperature forecasts whose window ended and that have no score yet.

    Of a forecast that was issued again, the newest revision. One that was made without
    the newest hours calibrates nothing.
    """
    scored = (
        select(WindowScoreRow.id)
        .where(
            WindowScoreRow.region_id == ForecastRow.region_id,
            WindowScoreRow.model_version_id == ForecastRow.model_version_id,
            WindowScoreRow.issued_at_utc == ForecastRow.issued_at_utc,
        )
        .exists()
    )
    rows = session.scalars(
        select(ForecastRow)
        .where(
            ForecastRow.region_id.in_(region_ids),
            ForecastRow.target == Target.TEMPERATURE_C.value,
            ForecastRow.status == "issued",
            ForecastRow.kind == "live",
            ForecastRow.lag_h == 0,
            ForecastRow.issued_at_utc <= finished_by_utc - timedelta(hours=WINDOW_H),
            ~scored,
        )
        .ext(
            distinct_on(
                ForecastRow.region_id,
                ForecastRow.issued_at_utc,
                ForecastRow.model_version_id,
            )
        )
        .order_by(
            ForecastRow.region_id,
            ForecastRow.issued_at_utc,
            ForecastRow.model_version_id,
            ForecastRow.revision.desc(),
        )
    ).all()
    return _with_hours(session, rows)


def has_forecast(
    session: Session, time_zones: Collection[str], *, issued_at_utc: datetime
) -> bool:
    """Whether an active region of these zones has a temperature forecast then."""
    found = select(ForecastRow.id).where(
        ForecastRow.region_id == RegionRow.id,
        RegionRow.is_active,
        RegionRow.time_zone.in_(time_zones),
        ForecastRow.target == Target.TEMPERATURE_C.value,
        ForecastRow.issued_at_utc == issued_at_utc,
        ForecastRow.status == "issued",
    )
    return session.scalars(select(found.exists())).one()


def kept_since(session: Session) -> datetime:
    """What was issued before may be gone, where nothing rests on it."""
    since = func.forecasts_kept_since(type_=DateTime(timezone=True))
    return session.scalars(select(since)).one()


def retire_forecasts(session: Session, region_ids: Sequence[int], *, most: int) -> int:
    """Delete what the database's rule no longer keeps; returns how many."""
    given = cast(list(region_ids), ARRAY(Integer))
    return session.scalar(select(func.retire_forecasts(given, most))) or 0


def _with_hours(session: Session, rows: Sequence[ForecastRow]) -> list[StoredForecast]:
    """The forecasts with the intervals of their hours."""
    ids = {row.interval_calibration_id for row in rows} - {None}
    quantiles: dict[int | None, float] = {}
    if ids:
        calibrations = session.scalars(
            select(IntervalCalibrationRow).where(IntervalCalibrationRow.id.in_(ids))
        )
        quantiles = {row.id: row.quantile for row in calibrations}
    return [_stored(row, quantiles.get(row.interval_calibration_id)) for row in rows]


def _stored(row: ForecastRow, quantile: float | None) -> StoredForecast:
    mean, scale = exact_hours(row.mean, row.scale, row.exact_hours)
    hours = list(zip(mean, scale, strict=True))
    return StoredForecast(
        forecast_id=row.id,
        region_id=row.region_id,
        target=Target(row.target),
        issued_at_utc=row.issued_at_utc,
        created_at_utc=row.created_at_utc,
        kind=row.kind,
        model_version_id=row.model_version_id,
        revision=row.revision,
        lag_h=row.lag_h,
        telemetry_watermark_utc=row.telemetry_watermark_utc,
        refusal_code=RefusalCode(row.refusal_code) if row.refusal_code else None,
        refusal_text=row.refusal_text,
        confidence=row.confidence,
        score_count=row.score_count,
        score_watermark_id=row.score_watermark_id,
        score_quantile=row.score_quantile,
        tracking_offset=row.tracking_offset,
        day_bound_c=row.day_bound_c,
        plain=_plain(row),
        mean=mean,
        scale=scale,
        lower=tuple(None if quantile is None else m - quantile * s for m, s in hours),
        upper=tuple(None if quantile is None else m + quantile * s for m, s in hours),
        input_mode=InputMode(row.input_mode),
        run_issued_at_utc=row.run_issued_at_utc,
        runs_known_by_utc=row.runs_known_by_utc,
    )


def _plain(row: ForecastRow) -> PlainBound | None:
    if (
        row.plain_bound_c is None
        or row.plain_error_c is None
        or row.allowed_gap_c is None
    ):
        return None
    return PlainBound(
        bound_c=row.plain_bound_c,
        error_c=row.plain_error_c,
        allowed_gap_c=row.allowed_gap_c,
        hour_excess_c=row.plain_hour_excess_c,
        hours_c=tuple(row.plain_hours or ()),
    )
