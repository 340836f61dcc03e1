"""Forecasts in half the space: hours as float32, inputs beside a base, fewer indexes.

Revision ID: 0031
Revises: 0030
"""

from __future__ import annotations

import zlib

import sqlalchemy as sa
from alembic import op

revision: str = "0031"
down_revision: str | None = "0030"
branch_labels: None = None
depends_on: None = None

_BATCH = 10_000

# What is no float32 number is kept beside, so that not a bit is lost.
KEEP_EXACT = """
alter table {table} disable trigger user;
alter table {table} add column exact_hours double precision[];
update {table} set exact_hours = mean || scale
where mean <> mean::real[]::double precision[]
    or scale <> scale::real[]::double precision[]
"""

NARROW = """
alter table {table}
    alter column mean type real[] using mean::real[],
    alter column scale type real[] using scale::real[];
alter table {table} add constraint ck_{table}_exact_hours
    check (cardinality(exact_hours) = 48 and exact_hours::real[] = mean || scale);
alter table {table} enable trigger user
"""

WIDEN = """
alter table {table} disable trigger user;
alter table {table} drop constraint ck_{table}_exact_hours;
alter table {table}
    alter column mean type double precision[]
        using coalesce(exact_hours[1:24], mean::double precision[]),
    alter column scale type double precision[]
        using coalesce(exact_hours[25:48], scale::double precision[]),
    drop column exact_hours;
alter table {table} enable trigger user
"""

# The checks name the type of their column.
DROP_CHECKS = """
alter table forecast drop constraint ck_forecast_hours,
    drop constraint ck_forecast_mean_finite,
    drop constraint ck_forecast_scale_positive
"""
CHECKS = """
alter table forecast add constraint ck_forecast_hours
    check (cardinality(mean) = 24 and cardinality(scale) = 24
        and array_position(mean, null) is null
        and array_position(scale, null) is null);
alter table forecast add constraint ck_forecast_mean_finite
    check ('-Infinity' < all (mean) and 'Infinity' > all (mean));
alter table forecast add constraint ck_forecast_scale_positive
    check (0 < all (scale) and 'Infinity' > all (scale))
"""

ONE_INDEX = """
drop index ix_forecast_latest;
drop index uq_forecast_issued;
create unique index uq_forecast_issued on forecast (region_id, target, issued_at_utc,
    model_version_id, revision, (id * (refusal_code is not null)::integer))
"""
TWO_INDEXES = """
drop index uq_forecast_issued;
create unique index uq_forecast_issued on forecast (region_id, target, issued_at_utc,
    model_version_id, revision) where status = 'issued';
create index ix_forecast_latest on forecast (region_id, target, issued_at_utc, id)
"""

BASES = """
alter table forecast_input add column base_id bigint
    constraint fk_forecast_input_base_id references forecast_input;
alter table forecast_input drop constraint ck_forecast_input_features_float32;
alter table forecast_input add constraint ck_forecast_input_features_float32
    check (octet_length(features) > 0
        and (base_id is not null or octet_length(features) % 4 = 0));
alter table forecast_input add constraint ck_forecast_input_base_is_older
    check (base_id < forecast_id)
"""
NO_BASES = """
alter table forecast_input drop constraint ck_forecast_input_base_is_older,
    drop constraint ck_forecast_input_features_float32,
    drop column base_id;
alter table forecast_input add constraint ck_forecast_input_features_float32
    check (octet_length(features) > 0 and octet_length(features) % 4 = 0);
alter table forecast_input enable trigger user
"""

COMPRESSED = sa.text(
    """
    select i.forecast_id, i.features, b.features
    from forecast_input i join forecast_input b on b.forecast_id = i.base_id
    where i.forecast_id > :after order by i.forecast_id limit :most
    """
)
STORE_WHOLE = sa.text(
    "update forecast_input set features = :features, base_id = null"
    " where forecast_id = :forecast_id"
)

BY_TARGET = """
drop index ix_decision_target_window;
drop index ix_decision_target_kind;
drop index ix_decision_target;
create index ix_decision_target_window on decision
    (target_region_id, window_start_utc, id) {where};
create index ix_decision_target_kind on decision
    (target_region_id, kind, reason_code, created_at_utc, id)
    include (source_region_id, outcome, model_version_id, is_simulated, actor_id,
        window_start_utc, exceedance_probability) {where};
create index ix_decision_target on decision (target_region_id, created_at_utc, id)
    include (kind, source_region_id, actor_id, outcome, reason_code, model_version_id,
        is_simulated) {where}
"""


def upgrade() -> None:
    """Narrow the hours; one index finds what two did; none holds what is null."""
    op.execute(DROP_CHECKS)
    for table in ("forecast", "forecast_mode"):
        op.execute(KEEP_EXACT.format(table=table))
        op.execute(NARROW.format(table=table))
    op.execute(CHECKS)
    op.execute(ONE_INDEX)
    op.execute(BASES)
    op.execute(BY_TARGET.format(where="where target_region_id is not null"))


def downgrade() -> None:
    """Hours as doubles and every input whole again, to the bit."""
    op.execute(BY_TARGET.format(where=""))
    op.execute("alter table forecast_input disable trigger user")
    _store_whole()
    op.execute(NO_BASES)
    op.execute(TWO_INDEXES)
    op.execute(DROP_CHECKS)
    for table in ("forecast", "forecast_mode"):
        op.execute(WIDEN.format(table=table))
    op.execute(CHECKS)


def _store_whole() -> None:
    connection, after = op.get_bind(), 0
    while True:
        given = {"after": after, "most": _BATCH}
        rows = connection.execute(COMPRESSED, given).all()
        if not rows:
            return
        connection.execute(
            STORE_WHOLE,
            [
                {
                    "forecast_id": row[0],
                    "features": zlib.decompressobj(
                        -zlib.MAX_WBITS, zdict=row[2]
                    ).decompress(row[1]),
                }
                for row in rows
            ],
        )
        after = rows[-1][0]
