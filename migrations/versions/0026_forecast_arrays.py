"""The hours of a forecast are arrays of its own row.

Revision ID: 0026
Revises: 0025
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: None = None
depends_on: None = None

COLUMNS = """
alter table forecast add column mean double precision[];
alter table forecast add column scale double precision[]
"""

# What is not stored any more follows from the interval's quantile, to the bit.
REFUSE_OTHERS = """
do $$
begin
    if exists (
        select from forecast_hour h
        join forecast f on f.id = h.forecast_id
        left join interval_calibration c on c.id = f.interval_calibration_id
        where (h.lower, h.upper) is distinct from
            (h.mean - c.quantile * h.scale, h.mean + c.quantile * h.scale)
    ) then
        raise exception
            'A stored interval is not that of its calibration; it would be lost.';
    end if;
end
$$
"""

MOVE = """
alter table forecast disable trigger user;
update forecast set mean = hours.mean, scale = hours.scale
from (
    select forecast_id, array_agg(mean order by hour_index) as mean,
        array_agg(scale order by hour_index) as scale
    from forecast_hour group by forecast_id
) as hours
where hours.forecast_id = forecast.id;
alter table forecast enable trigger user;
drop table forecast_hour
"""

CHECKS = """
alter table forecast add constraint ck_forecast_has_hours
    check ((status = 'issued') = (mean is not null)
        and (mean is null) = (scale is null));
alter table forecast add constraint ck_forecast_hours
    check (cardinality(mean) = 24 and cardinality(scale) = 24
        and array_position(mean, null) is null
        and array_position(scale, null) is null);
alter table forecast add constraint ck_forecast_mean_finite
    check ('-Infinity' < all (mean) and 'Infinity' > all (mean));
alter table forecast add constraint ck_forecast_scale_positive
    check (0 < all (scale) and 'Infinity' > all (scale))
"""

TABLE = """
create table forecast_hour (
    forecast_id bigint not null
        constraint fk_forecast_hour_forecast_id references forecast,
    hour_index smallint not null,
    mean double precision not null,
    scale double precision not null,
    lower double precision,
    upper double precision,
    constraint pk_forecast_hour primary key (forecast_id, hour_index),
    constraint ck_forecast_hour_hour_index check (hour_index between 0 and 23),
    constraint ck_forecast_hour_mean_finite
        check (mean > '-Infinity' and mean < 'Infinity'),
    constraint ck_forecast_hour_scale_positive check (scale > 0 and scale < 'Infinity'),
    constraint ck_forecast_hour_both_bounds check ((lower is null) = (upper is null)),
    constraint ck_forecast_hour_bounds_order check (lower <= mean and mean <= upper)
)
"""

MOVE_BACK = """
insert into forecast_hour (forecast_id, hour_index, mean, scale, lower, upper)
select f.id, hour.number - 1, hour.mean, hour.scale,
    hour.mean - c.quantile * hour.scale, hour.mean + c.quantile * hour.scale
from forecast f
left join interval_calibration c on c.id = f.interval_calibration_id
cross join unnest(f.mean, f.scale) with ordinality as hour (mean, scale, number)
"""


def upgrade() -> None:
    """One row a forecast instead of 25; lower and upper follow from the quantile."""
    op.execute(COLUMNS)
    op.execute(REFUSE_OTHERS)
    op.execute(MOVE)
    op.execute(CHECKS)


def downgrade() -> None:
    """A row an hour again, with its interval."""
    op.execute(TABLE)
    op.execute(MOVE_BACK)
    op.execute(
        "alter table forecast drop constraint ck_forecast_has_hours,"
        " drop constraint ck_forecast_hours,"
        " drop constraint ck_forecast_mean_finite,"
        " drop constraint ck_forecast_scale_positive,"
        " drop column mean, drop column scale"
    )
    protect("forecast_hour")
