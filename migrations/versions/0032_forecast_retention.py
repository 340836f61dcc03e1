"""Forecasts that nothing rests on are deleted once they are older than the policy says.

Revision ID: 0032
Revises: 0031
"""

from __future__ import annotations

from alembic import op

revision: str = "0032"
down_revision: str | None = "0031"
branch_labels: None = None
depends_on: None = None

ADD = """
alter table policy
    add column forecasts_kept_days double precision,
    add constraint ck_policy_forecasts_kept
        check (forecasts_kept_days between 30 and 36500);

-- A deleted row is looked for in what may rest on it.
create index ix_decision_source_forecast_id on decision (source_forecast_id)
    where source_forecast_id is not null;
create index ix_decision_target_forecast_id on decision (target_forecast_id)
    where target_forecast_id is not null;
create index ix_forecast_input_base_id on forecast_input (base_id)
    where base_id is not null;
create index ix_plan_window_start_utc on plan (window_start_utc);

-- Whole half days, so that a base goes with the inputs that are stored beside it.
create function forecasts_kept_since() returns timestamptz
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select date_bin('12 hours', now() - coalesce((
        select forecasts_kept_days from public.policy
        where region_id is null order by version desc limit 1
    ), 36500) * interval '1 day', 'epoch')
$$;

-- Temperatures carry a verdict, a score or a bound. The other targets enter the impact
-- of a shift and the programs of plans, whose windows begin within a day of the issue.
create function is_forecast_retired(target text, region_id integer,
    issued_at_utc timestamptz) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select $1 <> 'temperature_c' and $3 < public.forecasts_kept_since()
        and not exists (
            select from public.plan p
            where p.window_start_utc >= date_bin('12 hours', $3, 'epoch')
                and p.window_start_utc <= date_bin('12 hours', $3, 'epoch')
                    + interval '36 hours')
        and not exists (
            select from public.decision d
            where d.source_region_id = $2 and d.kind <> 'automatic'
                and d.window_start_utc >= date_bin('12 hours', $3, 'epoch')
                and d.window_start_utc <= date_bin('12 hours', $3, 'epoch')
                    + interval '36 hours')
        and not exists (
            select from public.decision d
            where d.target_region_id = $2
                and d.window_start_utc >= date_bin('12 hours', $3, 'epoch')
                and d.window_start_utc <= date_bin('12 hours', $3, 'epoch')
                    + interval '36 hours')
$$;

create function refuse_kept_forecast() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'DELETE' and tg_table_name = 'forecast' then
        if public.is_forecast_retired(old.target, old.region_id, old.issued_at_utc) then
            return old;
        end if;
    elsif tg_op = 'DELETE' then
        if (select public.is_forecast_retired(f.target, f.region_id, f.issued_at_utc)
            from public.forecast f where f.id = old.forecast_id) then
            return old;
        end if;
    end if;
    raise exception '% is append-only: % is refused.', tg_table_name, lower(tg_op)
        using errcode = 'insufficient_privilege';
end
$$;

drop trigger refuse_change on forecast;
create trigger refuse_change before update or delete on forecast
for each row execute function refuse_kept_forecast();
drop trigger refuse_change on forecast_input;
create trigger refuse_change before update or delete on forecast_input
for each row execute function refuse_kept_forecast();

-- The newest first: what is stored beside a base goes no later than it.
create function retire_forecasts(of_regions integer[], most integer) returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    of_region integer;
    chosen bigint[];
    retired integer := 0;
begin
    foreach of_region in array of_regions loop
        select array_agg(id) into chosen from (
            select f.id from public.forecast f
            where f.region_id = of_region
                and f.target <> 'temperature_c'
                and f.issued_at_utc < public.forecasts_kept_since()
                and public.is_forecast_retired(f.target, f.region_id, f.issued_at_utc)
            order by f.id desc limit most - retired
        ) newest;
        delete from public.forecast_input where forecast_id = any(chosen);
        delete from public.forecast where id = any(chosen);
        retired := retired + coalesce(cardinality(chosen), 0);
        exit when retired >= most;
    end loop;
    return retired;
end
$$
"""

DROP = """
drop function retire_forecasts(integer[], integer);
drop trigger refuse_change on forecast_input;
create trigger refuse_change before update or delete on forecast_input
for each row execute function refuse_change();
drop trigger refuse_change on forecast;
create trigger refuse_change before update or delete on forecast
for each row execute function refuse_change();
drop function refuse_kept_forecast();
drop function is_forecast_retired(text, integer, timestamptz);
drop function forecasts_kept_since();
drop index ix_plan_window_start_utc;
drop index ix_forecast_input_base_id;
drop index ix_decision_target_forecast_id;
drop index ix_decision_source_forecast_id;
alter table policy drop column forecasts_kept_days
"""


def upgrade() -> None:
    """Add the policy's term; without one, everything is kept as before."""
    op.execute(ADD)


def downgrade() -> None:
    """Nothing is deleted any more; what was is gone."""
    op.execute(DROP)
