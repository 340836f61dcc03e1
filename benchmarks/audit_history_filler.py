"""Millions of decisions for measurements, written past the triggers."""

from __future__ import annotations

import psycopg

REGIONS, ACTORS = 14, 8
RETIRED_REGION, NEW_REGION, LEFT_ACTOR = "region-13", "region-14", "operator-7"
"""One that had decisions in the first year alone, one that has a few hundred, and
somebody who left after half a year."""

_REGION = """
insert into region (slug, name, time_zone, latitude_deg, longitude_deg, cooling_type,
    overhead_frac, chiller_cop, economiser_full_c, economiser_none_c,
    wue_air_l_per_kwh, adiabatic_switch_c, it_capacity_mw, flexible_load_frac,
    grid_water_l_per_kwh, colour)
select 'region-' || n, 'Region ' || n, 'UTC', 0, 0, 'air', 0.1, 4, 10, 20, 0, 25, 100,
    0.4, 1.5, '#1f77b4' from generate_series(1, %s) n on conflict do nothing
"""
_ACTOR = """
insert into app_user (name, role, password_hash)
select 'operator-' || n, 'operator', 'x' from generate_series(1, %s) n
on conflict do nothing
"""
# As a busy fleet decides: the worker automatically and without a target, operators the
# rest; four in five approved; a new model every 300,000; one comment in a thousand has
# a rare word. What depends on what is what makes lists slow, so it is here too.
_DECISIONS = """
insert into decision (kind, request_id, actor_id, source_region_id, target_region_id,
    shift_pct, local_day, window_start_utc, window_end_utc, is_simulated, outcome,
    reason_code, reason_text, risk_level, recommendations, thermal_limit_c, confidence,
    exceedance_probability, source_bound_before_c, source_bound_after_c, inputs_text,
    inputs_sha256, code_version, comment, created_at_utc, model_version_id)
select
    k.kind, gen_random_uuid(),
    (select id from app_user where name = case
        when k.kind = 'automatic' then 'worker'
        when n < 250000 and n %% 7 = 0 then 'operator-7'
        else 'operator-' || 1 + (hashint8(n) & 3) end),
    (select id from region where slug = 'region-' || k.source),
    (select id from region where slug = 'region-' || k.target
        and k.kind <> 'automatic'),
    case when k.kind = 'automatic' then 0 else n %% 100 end,
    date '2015-01-01' + (n / 1500)::int,
    date_trunc('hour', t.taken) - case when t.is_simulated
        then (hashint8(n + 11) & 255) * interval '1 day' else interval '0' end,
    date_trunc('hour', t.taken) + interval '24 hours',
    t.is_simulated, case when r.code = 'within_envelope' then 'APPROVED'
        else 'BLOCKED' end,
    r.code,
    'The bound for Region ' || k.source || ', ' || 30 + n %% 90 / 10.0
        || ' °C, is ' || case when r.code = 'within_envelope' then 'within' else
        'above' end || ' the limit of 35 °C. Shift about ' || n %% 100 || ' %%.',
    'HIGH', '{{}}', 35, 0.95,
    case when r.code <> 'telemetry_stale' then (hashint8(n + 5) & 1023) / 1024.0 end,
    36, 34, '{{}}', lpad(n::text, 64, '0'), '0.1.0',
    case when k.kind = 'recorded' then 'Agreed with the partners'
        || case when n %% 25000 = 0 then ', heron on the roof' else '.' end end,
    t.taken, 1 + n / 300000
from generate_series({first}, {last}) n,
    lateral (select (array['automatic', 'automatic', 'automatic', 'what_if'])
        [1 + (hashint8(n + 13) & 3)] as kind0) g,
    lateral (select case when n %% 25 = 0 then 'recorded' else g.kind0 end as kind,
        case when n < 500000 and n %% 11 = 0 then 13
             when n %% 9973 = 0 then 14
             else 1 + (hashint8(n + 7) & 7) end as source,
        9 + (hashint8(n + 9) & 3) as target) k,
    lateral (select timestamptz '2015-01-01Z' + n * interval '60 seconds' as taken,
        n %% 4 = 0 and k.kind <> 'automatic' as is_simulated) t,
    lateral (select (array['within_envelope', 'within_envelope', 'within_envelope',
        'within_envelope', 'within_envelope', 'within_envelope', 'over_limit',
        case when n %% 3 = 0 then 'not_resolvable' else 'telemetry_stale' end])
        [1 + (hashint8(n + 3) & 7)] as code) r
"""


def fill_decisions(superuser_url: str, *, first: int, last: int) -> None:
    """Add the decisions numbered `first` to `last`; their indexes are made anew."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("set maintenance_work_mem = '512MB'")
        connection.execute(_REGION, (REGIONS,))
        connection.execute(_ACTOR, (ACTORS,))
        indexes = connection.execute(
            "select indexname, indexdef from pg_indexes where tablename = 'decision'"
            " and indexname like 'ix_%'"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"drop index {name}".encode())
        text = _DECISIONS.format(first=first, last=last).replace("%%", "%")
        connection.execute(text.encode())
        for _, definition in indexes:
            connection.execute(definition.encode())
        connection.execute("vacuum analyze decision")
