"""Decisions, and the load that live ones move.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect, require_consent_to_discard

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: None = None
depends_on: None = None

TABLES = """
create table decision (
    id bigint generated always as identity constraint pk_decision primary key,
    kind text not null,
    request_id uuid not null,
    actor_id integer not null constraint fk_decision_actor_id references app_user,
    source_region_id integer not null
        constraint fk_decision_source_region_id references region,
    target_region_id integer constraint fk_decision_target_region_id references region,
    shift_pct double precision not null,
    local_day date not null,
    window_start_utc timestamptz not null,
    window_end_utc timestamptz not null,
    is_simulated boolean not null,
    outcome text not null,
    reason_code text not null,
    reason_text text not null,
    risk_level text not null,
    recommendations text[] not null,
    thermal_limit_c double precision not null,
    confidence numeric(6, 5) not null,
    exceedance_probability double precision,
    source_bound_before_c double precision,
    source_bound_after_c double precision,
    target_bound_before_c double precision,
    target_bound_after_c double precision,
    minimum_shift_pct double precision,
    maximum_safe_shift_pct double precision,
    fleet_policy_id integer constraint fk_decision_fleet_policy_id references policy,
    region_policy_id integer constraint fk_decision_region_policy_id references policy,
    model_version_id integer
        constraint fk_decision_model_version_id references model_version,
    source_forecast_id bigint
        constraint fk_decision_source_forecast_id references forecast,
    target_forecast_id bigint
        constraint fk_decision_target_forecast_id references forecast,
    impact jsonb,
    inputs_text text not null,
    inputs_sha256 text not null,
    code_version text not null,
    comment varchar(2000),
    what_if_id bigint constraint fk_decision_what_if_id references decision,
    supersedes_id bigint constraint fk_decision_supersedes_id references decision,
    plan_id bigint constraint fk_decision_plan_id references plan,
    created_at_utc timestamptz not null default now(),
    constraint uq_decision_supersedes_id unique (supersedes_id),
    constraint uq_decision_request_id unique (request_id),
    constraint ck_decision_kind check (kind in ('automatic', 'what_if', 'recorded')),
    constraint ck_decision_outcome check (outcome in ('APPROVED', 'BLOCKED')),
    constraint ck_decision_shift_pct check (shift_pct between 0 and 100),
    constraint ck_decision_window check (window_start_utc < window_end_utc),
    constraint ck_decision_target_differs
        check (target_region_id is null or target_region_id <> source_region_id),
    constraint ck_decision_shift_has_target
        check (shift_pct = 0 or target_region_id is not null),
    constraint ck_decision_approved_within_limit
        check (outcome = 'BLOCKED' or coalesce(source_bound_after_c < 'Infinity' and
            source_bound_after_c > '-Infinity' and source_bound_after_c <=
            thermal_limit_c, false)),
    constraint ck_decision_inputs_sha256_length check (length(inputs_sha256) = 64),
    constraint ck_decision_only_recorded_supersede
        check (kind = 'recorded' or supersedes_id is null),
    constraint ck_decision_automatic_has_no_target
        check (kind <> 'automatic' or target_region_id is null),
    constraint ck_decision_only_recorded_cite_a_plan
        check (kind = 'recorded' or plan_id is null)
);

create table decision_transfer (
    decision_id bigint not null
        constraint fk_decision_transfer_decision_id references decision,
    hour_utc timestamptz not null,
    source_region_id integer not null
        constraint fk_decision_transfer_source_region_id references region,
    target_region_id integer not null
        constraint fk_decision_transfer_target_region_id references region,
    moved_mw double precision not null,
    arrived_mw double precision,
    constraint pk_decision_transfer primary key (decision_id, hour_utc),
    constraint ck_decision_transfer_moved
        check (moved_mw >= 0 and moved_mw < 'Infinity'),
    constraint ck_decision_transfer_arrived
        check (arrived_mw >= moved_mw and arrived_mw < 'Infinity'),
    constraint ck_decision_transfer_regions_differ
        check (source_region_id <> target_region_id)
);
create index ix_decision_transfer_source
    on decision_transfer (source_region_id, hour_utc);
create index ix_decision_transfer_target
    on decision_transfer (target_region_id, hour_utc)
"""

UNIQUE = """
create unique index uq_decision_automatic
    on decision (source_forecast_id, inputs_sha256) where kind = 'automatic';
create unique index uq_decision_what_if
    on decision (actor_id, inputs_sha256) where kind = 'what_if';
create unique index uq_decision_plan_part
    on decision (plan_id, source_region_id, target_region_id)
    where plan_id is not null
"""

# One for each sort order of a list, and for the most frequent filters.
INDEXES = {
    "actor_kind": "(actor_id, kind, created_at_utc, id)",
    "actor_window": "(actor_id, window_start_utc, id)",
    "kind_created": "(kind, created_at_utc, id)",
    "lateness": "((window_start_utc - created_at_utc))",
    "model_window": "(model_version_id, window_start_utc, id)",
    "outcome": "(outcome, created_at_utc, id)",
    "outcome_reason": "(outcome, reason_code, created_at_utc, id)",
    "reason": "(reason_code, created_at_utc, id)",
    "target_window": "(target_region_id, window_start_utc, id)",
    "window": "(source_region_id, window_start_utc, id)",
}
WORDS = """
create index ix_decision_words on decision
    using gin (to_tsvector('english', reason_text || ' ' || coalesce(comment, '')))
"""

# Each includes the filter columns of lists, so that filtering reads the index only. An
# index-only scan of an expression needs the expression's columns in the index, too.
FILTERED = (
    "kind",
    "source_region_id",
    "target_region_id",
    "actor_id",
    "outcome",
    "reason_code",
    "model_version_id",
    "is_simulated",
)
FILTERED_WITHIN = {
    "actor": ("actor_id, created_at_utc, id", ()),
    "chance": (
        "coalesce(exceedance_probability, -1), id",
        ("created_at_utc", "exceedance_probability"),
    ),
    "created": ("created_at_utc, id", ()),
    "model": ("model_version_id, created_at_utc, id", ()),
    "source": ("source_region_id, created_at_utc, id", ()),
    "target": ("target_region_id, created_at_utc, id", ()),
    "window_start": ("window_start_utc, id", ("created_at_utc",)),
}
REGION_BY_KIND = """
create index ix_decision_{end}_kind
    on decision ({end}_region_id, kind, reason_code, created_at_utc, id)
    include ({other}_region_id, outcome, model_version_id, is_simulated, actor_id,
        window_start_utc, exceedance_probability)
"""

# Correlated columns: the planner assumes independence, and would scan a whole index
# for a pair that does not occur. 500 values hold every pair that is not rare.
PAIRS = {
    "kind_actor": "kind, actor_id",
    "kind_target": "kind, target_region_id",
    "outcome_reason": "outcome, reason_code",
    "source_actor": "source_region_id, actor_id",
    "target_actor": "target_region_id, actor_id",
    "source_model": "source_region_id, model_version_id",
    "target_model": "target_region_id, model_version_id",
    "actor_model": "actor_id, model_version_id",
}

# Deferred to the commit, because the event is written last: other writers wait for it.
REQUIRE_EVENT = """
create function require_decision_event() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
    if not exists (
        select 1 from public.audit_event
        where object_type = 'decision' and object_id = new.id::text
    ) then
        raise exception 'Decision % has no audit event.', new.id
            using errcode = 'integrity_constraint_violation';
    end if;
    return null;
end
$$;
revoke all on function require_decision_event() from public;
create constraint trigger has_audit_event after insert on decision
deferrable initially deferred
for each row execute function require_decision_event()
"""


def upgrade() -> None:
    """Make the tables; a decision is never changed, only superseded."""
    op.execute(TABLES)
    op.execute(UNIQUE)
    _create_list_indexes()
    for name, columns in PAIRS.items():
        op.execute(
            f"create statistics st_decision_{name} (mcv) on {columns} from decision"
        )
        op.execute(f"alter statistics st_decision_{name} set statistics 500")
    op.execute(REQUIRE_EVENT)
    protect("decision", "decision_transfer")


def downgrade() -> None:
    """Drop the tables; with decisions in them only after consent."""
    require_consent_to_discard("decision")
    op.execute("drop table decision_transfer, decision")
    op.execute("drop function require_decision_event()")


def _create_list_indexes() -> None:
    for name, columns in INDEXES.items():
        op.execute(f"create index ix_decision_{name} on decision {columns}")
    for name, (keys, extra) in FILTERED_WITHIN.items():
        included = [c for c in (*FILTERED, *extra) if c not in keys.split(", ")]
        op.execute(
            f"create index ix_decision_{name} on decision ({keys})"
            f" include ({', '.join(included)})"
        )
    for end, other in (("source", "target"), ("target", "source")):
        op.execute(REGION_BY_KIND.format(end=end, other=other))
    op.execute(WORDS)
