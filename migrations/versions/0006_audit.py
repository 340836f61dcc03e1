"""The hash chain of audit events, its checks, and the requests that were answered.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect, require_consent_to_discard

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: None = None
depends_on: None = None

TABLES = """
create table audit_head (
    id integer constraint pk_audit_head primary key,
    installation_id uuid not null,
    seq bigint not null,
    hash bytea not null,
    constraint ck_audit_head_single_row check (id = 1)
);

create table audit_event (
    seq bigint constraint pk_audit_event primary key,
    format_version smallint not null,
    previous_hash bytea not null,
    hash bytea not null,
    payload text not null,
    occurred_at_utc timestamptz not null,
    actor_id integer constraint fk_audit_event_actor_id references app_user,
    actor_name text not null,
    action text not null,
    object_type text,
    object_id text,
    request_id text,
    constraint ck_audit_event_hash_length check (octet_length(hash) = 32),
    constraint ck_audit_event_previous_length check (octet_length(previous_hash) = 32),
    constraint ck_audit_event_seq_positive check (seq > 0)
);
create index ix_audit_event_action on audit_event (action, seq);
create index ix_audit_event_actor on audit_event (actor_name, seq);
create index ix_audit_event_actor_action on audit_event (actor_name, action, seq);
create index ix_audit_event_object on audit_event (object_type, object_id);
create index ix_audit_event_request on audit_event (request_id);
create index ix_audit_event_time on audit_event (occurred_at_utc, seq);

create table chain_check (
    id bigint generated always as identity constraint pk_chain_check primary key,
    scope text not null,
    event_count bigint not null,
    anchored_seq bigint,
    first_bad_seq bigint,
    reason text,
    duration_s double precision not null,
    checked_at_utc timestamptz not null default now(),
    constraint ck_chain_check_scope check (scope in ('whole', 'tail')),
    constraint ck_chain_check_broken_has_reason
        check ((first_bad_seq is null) = (reason is null))
);
create index ix_chain_check_scope on chain_check (scope, id);

create table handled_request (
    request_id uuid constraint pk_handled_request primary key,
    actor_id integer not null
        constraint fk_handled_request_actor_id references app_user,
    operation text not null,
    body_sha256 text not null,
    answer text not null,
    created_at_utc timestamptz not null default now(),
    constraint ck_handled_request_body_sha256_length check (length(body_sha256) = 64)
)
"""

# The planner assumes that both are independent; 500 values hold every pair.
PAIRS = """
create statistics st_audit_event_actor_action (mcv)
    on actor_name, action from audit_event;
alter statistics st_audit_event_actor_action set statistics 500
"""

# The first previous hash is the hash of the installation's id, so that events of two
# installations can never form one chain.
SEED_HEAD = """
insert into audit_head (id, installation_id, seq, hash)
select 1, id, 0, sha256(convert_to(id::text, 'UTF8')) from gen_random_uuid() as id
"""

# The lock on the head row serialises writers until they commit. The function runs as
# the owner, because the application may not change the head.
# hash = SHA-256(version u8 | previous hash 32 bytes | seq u64 big-endian | payload)
LINK_EVENT = """
create function link_audit_event() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
    head public.audit_head%rowtype;
begin
    select * into strict head from public.audit_head where id = 1 for update;
    new.format_version := 1;
    new.seq := head.seq + 1;
    new.previous_hash := head.hash;
    new.hash := sha256(
        '\\x01'::bytea || new.previous_hash || int8send(new.seq)
        || convert_to(new.payload, 'UTF8'));
    update public.audit_head set seq = new.seq, hash = new.hash where id = 1;
    return new;
end
$$;
revoke all on function link_audit_event() from public;
create trigger link_event before insert on audit_event
for each row execute function link_audit_event()
"""

# The head changes only inside the trigger that links an event.
KEEP_HEAD = """
create function refuse_loose_head() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'UPDATE' and pg_trigger_depth() > 1 and new.seq = old.seq + 1
        and new.installation_id = old.installation_id then
        return new;
    end if;
    raise exception 'audit_head moves only with an event: % is refused.', lower(tg_op)
        using errcode = 'insufficient_privilege';
end
$$;
create trigger keep_head before insert or update or delete on audit_head
for each row execute function refuse_loose_head();
create trigger refuse_truncate before truncate on audit_head
for each statement execute function refuse_change()
"""


def upgrade() -> None:
    """Create the tables, and the triggers that link events and protect the head."""
    op.execute(TABLES)
    op.execute(PAIRS)
    op.execute(SEED_HEAD)
    op.execute(LINK_EVENT)
    op.execute(KEEP_HEAD)
    protect("audit_event", "chain_check", "handled_request")


def downgrade() -> None:
    """Drop the tables; with events in the chain only after consent."""
    require_consent_to_discard("audit_event")
    op.execute("drop table handled_request, chain_check, audit_event, audit_head")
    op.execute("drop function link_audit_event()")
    op.execute("drop function refuse_loose_head()")
