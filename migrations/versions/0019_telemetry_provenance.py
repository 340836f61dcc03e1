"""The import and mark of each value, places of regions, withdrawals, scores again.

A value that is stored already names its import where only one import of its region can
have brought it; else it stays unknown which did.

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: None = None
depends_on: None = None

QUANTITIES = (
    "temperature_c",
    "relative_humidity_pct",
    "wet_bulb_c",
    "it_load_mw",
    "carbon_intensity_gco2_kwh",
    "water_usage_l",
    "price_usd_mwh",
    "wind_speed_kmh",
    "cloud_cover_pct",
    "temperature_max_c",
)
"""As of this revision."""

TABLES = """
create table region_place (
    region_id integer not null
        constraint fk_region_place_region_id references region,
    format text not null,
    place text not null,
    batch_id bigint not null
        constraint fk_region_place_batch_id references ingest_batch,
    constraint pk_region_place primary key (region_id, format)
);
alter table ingest_batch
    add column withdrawn_by_batch_id bigint
        constraint fk_ingest_batch_withdrawn_by_batch_id references ingest_batch,
    add constraint ck_ingest_batch_withdrawn_later check (withdrawn_by_batch_id > id);
alter table window_score
    add column revision integer not null default 0,
    add constraint ck_window_score_revision check (revision >= 0),
    drop constraint uq_window_score_window_mode,
    add constraint uq_window_score_window_mode
        unique (region_id, model_version_id, issued_at_utc, input_mode, revision)
"""

# A change of the mark alone comes with a change of the value's import: comparing the
# marks would keep a revision where an estimate fills a gap.
KEEP_REVISION = """
create or replace function keep_telemetry_revision() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
set extra_float_digits = 1
as $$
declare
    former jsonb := to_jsonb(old);
begin
    if not to_jsonb(new) @> (jsonb_strip_nulls(former) - array[{ignored}]) then
        insert into public.telemetry_revision overriding user value
        select * from jsonb_populate_record(
            null::public.telemetry_revision,
            former || jsonb_build_object(
                'replaced_by_batch_id', new.batch_id, 'replaced_at_utc', now()));
    end if;
    return null;
end
$$
"""


ONE_SCORE = """
alter table window_score disable trigger user;
delete from window_score s using window_score later
where later.region_id = s.region_id and later.model_version_id = s.model_version_id
  and later.issued_at_utc = s.issued_at_utc and later.input_mode = s.input_mode
  and later.revision > s.revision;
alter table window_score enable trigger user;
alter table window_score
    drop constraint uq_window_score_window_mode,
    drop column revision,
    add constraint uq_window_score_window_mode
        unique (region_id, model_version_id, issued_at_utc, input_mode)
"""


def _only_import(quantity: str) -> str:
    """SQL of the one import among `b` that carries the quantity; null for several."""
    carries = f"filter (where '{quantity}' = any(b.quantities))"
    return f"case when count(*) {carries} = 1 then min(b.id) {carries} end"


def _name_imports() -> str:
    sets = ", ".join(
        f"{q}_batch_id = case when t.{q} is not null then s.{q} end" for q in QUANTITIES
    )
    found = ", ".join(f"{_only_import(q)} as {q}" for q in QUANTITIES)
    return f"""
        update telemetry t set {sets}
        from telemetry k join region r on r.id = k.region_id
        cross join lateral (
            select {found} from ingest_batch b
            where r.slug = any(b.region_slugs)
              and k.hour_utc between b.first_hour_utc and b.last_hour_utc
        ) s
        where k.region_id = t.region_id and k.hour_utc = t.hour_utc
    """  # noqa: S608 -- names of this file


def upgrade() -> None:
    """Add the columns and the table; find the import of each value."""
    op.execute(TABLES)
    columns = [f"add column {quantity}_batch_id bigint" for quantity in QUANTITIES]
    added = ", ".join([*columns, "add column estimated text[]"])
    op.execute(f"alter table telemetry {added}")
    op.execute(f"alter table telemetry_revision {added}")
    op.execute(KEEP_REVISION.format(ignored="'batch_id', 'estimated'"))
    op.execute(_name_imports())


def downgrade() -> None:
    """Drop them; estimates count as measured, and withdrawn imports stay out.

    Of windows that were scored again, the last score stays.
    """
    op.execute(ONE_SCORE)
    op.execute(KEEP_REVISION.format(ignored="'batch_id'"))
    names = [f"{quantity}_batch_id" for quantity in QUANTITIES]
    dropped = ", ".join(f"drop column {name}" for name in [*names, "estimated"])
    op.execute(f"alter table telemetry {dropped}")
    op.execute(f"alter table telemetry_revision {dropped}")
    op.execute("alter table ingest_batch drop column withdrawn_by_batch_id")
    op.execute("drop table region_place")
