"""Feeds: what is asked on a schedule, how far each came, and what it answered.

Revision ID: 0025
Revises: 0024
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: None = None
depends_on: None = None

TABLES = """
create table feed (
    id integer generated always as identity constraint pk_feed primary key,
    name text not null constraint uq_feed_name unique,
    kind text not null,
    address text not null,
    regions jsonb not null,
    options jsonb not null,
    quantities text[] not null,
    secret_reference text,
    private_hosts text[] not null,
    every_min integer not null,
    priority smallint not null,
    stale_after_h double precision not null,
    backfill_h integer not null,
    requests_a_day integer,
    is_paused boolean not null default false,
    created_at_utc timestamptz not null default now(),
    next_run_at_utc timestamptz not null,
    run_count bigint not null default 0,
    failures_in_a_row integer not null default 0,
    last_run_at_utc timestamptz,
    last_success_at_utc timestamptz,
    last_problem text,
    request_day date,
    requests_that_day integer not null default 0,
    quota_left integer,
    known_answers jsonb not null default '{}',
    constraint ck_feed_name_trimmed check (name = btrim(name) and name <> ''),
    constraint ck_feed_every_min check (every_min between 1 and 1440),
    constraint ck_feed_priority check (priority between 1 and 99),
    constraint ck_feed_stale_after check (stale_after_h > 0),
    constraint ck_feed_backfill check (backfill_h between 1 and 744)
);

create table feed_progress (
    feed_id integer not null constraint fk_feed_progress_feed_id references feed,
    region_id integer not null constraint fk_feed_progress_region_id references region,
    good_until_utc timestamptz,
    good_since_utc timestamptz,
    asked_until_utc timestamptz,
    constraint pk_feed_progress primary key (feed_id, region_id)
);

create table feed_run (
    id bigint generated always as identity constraint pk_feed_run primary key,
    feed_id integer not null constraint fk_feed_run_feed_id references feed,
    started_at_utc timestamptz not null,
    ended_at_utc timestamptz not null,
    outcome text not null,
    problem text,
    asked_from_utc timestamptz,
    asked_until_utc timestamptz,
    requests integer not null,
    received_bytes bigint not null,
    hours_stored integer not null,
    batch_ids bigint[] not null,
    answer_sha256s text[] not null,
    constraint ck_feed_run_outcome
        check (outcome in ('stored', 'nothing_new', 'standing_by', 'failed')),
    constraint ck_feed_run_problem check ((outcome = 'failed') <= (problem is not null))
);
create index ix_feed_run_feed_id_id on feed_run (feed_id, id);

create table feed_answer (
    sha256 text not null constraint pk_feed_answer primary key,
    packed bytea not null,
    size_bytes integer not null,
    last_seen_at_utc timestamptz not null,
    constraint ck_feed_answer_sha256_length check (length(sha256) = 64)
);
create index ix_feed_answer_last_seen_at_utc on feed_answer (last_seen_at_utc);

create table feed_switch (
    id bigint generated always as identity constraint pk_feed_switch primary key,
    region_id integer not null constraint fk_feed_switch_region_id references region,
    quantity text not null,
    feed_id integer not null constraint fk_feed_switch_feed_id references feed,
    at_utc timestamptz not null,
    reason text not null
);
create index ix_feed_switch_region_id_quantity_id
    on feed_switch (region_id, quantity, id)
"""


def upgrade() -> None:
    """Make the tables; nothing is asked until an admin adds a feed."""
    op.execute(TABLES)
    protect("feed_switch")


def downgrade() -> None:
    """Drop them; imports stay, and events say which feed was the source and why."""
    for table in ("feed_switch", "feed_answer", "feed_run", "feed_progress", "feed"):
        op.execute(f"drop table {table}")
