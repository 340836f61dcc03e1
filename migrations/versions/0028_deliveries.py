"""Deliveries: who subscribed to which events, what waits to be sent, and each try.

Revision ID: 0028
Revises: 0027
"""

from __future__ import annotations

from alembic import op

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: None = None
depends_on: None = None

TABLES = """
create table delivery_subscription (
    id integer generated always as identity constraint pk_delivery_subscription
        primary key,
    name text not null,
    channel text not null,
    address text,
    recipients text[] not null,
    kinds text[] not null,
    regions text[] not null,
    private_hosts text[] not null,
    is_paused boolean not null default false,
    secret text,
    former_secret text,
    former_until_utc timestamptz,
    stopped_reason text,
    removed_at_utc timestamptz,
    created_at_utc timestamptz not null default now(),
    leased_until_utc timestamptz,
    rest_until_utc timestamptz,
    failures_in_a_row integer not null default 0,
    last_tried_at_utc timestamptz,
    last_delivered_at_utc timestamptz,
    last_answer text,
    constraint ck_delivery_subscription_name_trimmed
        check (name = btrim(name) and name <> ''),
    constraint ck_delivery_subscription_channel check (channel in ('webhook', 'mail')),
    constraint ck_delivery_subscription_webhook
        check ((channel = 'webhook') = (address is not null and secret is not null)),
    constraint ck_delivery_subscription_former
        check ((former_secret is null) = (former_until_utc is null))
);
create unique index uq_delivery_subscription_name
    on delivery_subscription (name) where removed_at_utc is null;

create table delivery (
    id bigint generated always as identity constraint pk_delivery primary key,
    subscription_id integer not null constraint fk_delivery_subscription_id
        references delivery_subscription,
    message_id uuid not null default gen_random_uuid()
        constraint uq_delivery_message_id unique,
    event_seq bigint constraint fk_delivery_event_seq references audit_event,
    digest_day date,
    kind text not null,
    order_key text not null,
    detail jsonb not null default '{}',
    state text not null default 'waiting',
    tries smallint not null default 0,
    created_at_utc timestamptz not null default now(),
    waiting_since_utc timestamptz not null,
    due_at_utc timestamptz not null,
    ended_at_utc timestamptz,
    constraint ck_delivery_state check (state in ('waiting', 'delivered', 'dead')),
    constraint ck_delivery_ended check ((state = 'waiting') = (ended_at_utc is null)),
    constraint ck_delivery_cause check ((event_seq is null) <> (digest_day is null)),
    constraint uq_delivery_digest unique (subscription_id, digest_day)
);
create index ix_delivery_waiting on delivery (subscription_id, order_key, id)
    where state = 'waiting';
create index ix_delivery_dead on delivery (subscription_id, id) where state = 'dead';
create index ix_delivery_subscription_id_id on delivery (subscription_id, id);
create index ix_delivery_ended_at_utc on delivery (ended_at_utc);

create table delivery_attempt (
    id bigint generated always as identity constraint pk_delivery_attempt primary key,
    delivery_id bigint not null constraint fk_delivery_attempt_delivery_id
        references delivery on delete cascade,
    at_utc timestamptz not null,
    duration_ms integer not null,
    is_delivered boolean not null,
    status smallint,
    answer text not null
);
create index ix_delivery_attempt_delivery_id on delivery_attempt (delivery_id, id)
"""


def upgrade() -> None:
    """Make the tables; nothing is sent until an admin adds a subscription."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them; the events that were delivered stay in the audit chain."""
    for table in ("delivery_attempt", "delivery", "delivery_subscription"):
        op.execute(f"drop table {table}")
