"""Limits of login tries, known devices, second factors, refusals, and what is purged.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: None = None
depends_on: None = None

TABLES = """
create table login_limit (
    subject text not null,
    place text not null,
    try_count integer not null,
    last_at_utc timestamptz not null,
    open_at_utc timestamptz not null,
    constraint pk_login_limit primary key (subject, place),
    constraint ck_login_limit_count_positive check (try_count >= 0)
);

create table known_device (
    token_sha256 text not null,
    user_id integer not null constraint fk_known_device_user_id references app_user,
    last_used_at_utc timestamptz not null,
    constraint pk_known_device primary key (token_sha256, user_id),
    constraint ck_known_device_token_sha256_length check (length(token_sha256) = 64)
);

create table refused_person (
    user_id integer not null constraint fk_refused_person_user_id references app_user,
    minute_utc timestamptz not null,
    wanted text not null,
    address text,
    count integer not null,
    is_reported boolean not null default false,
    constraint pk_refused_person primary key (user_id, minute_utc, wanted),
    constraint ck_refused_person_count_positive check (count > 0)
);

create table totp_secret (
    user_id integer not null constraint fk_totp_secret_user_id references app_user,
    encrypted_secret text not null,
    last_step bigint not null,
    created_at_utc timestamptz not null,
    constraint pk_totp_secret primary key (user_id)
);

create table passkey (
    id bigint generated always as identity constraint pk_passkey primary key,
    user_id integer not null constraint fk_passkey_user_id references app_user,
    label varchar(80) not null,
    rp_id text not null,
    credential_id bytea not null,
    public_key bytea not null,
    sign_count bigint not null,
    created_at_utc timestamptz not null,
    last_used_at_utc timestamptz,
    constraint uq_passkey_credential_id unique (credential_id)
);
create index ix_passkey_user_id on passkey (user_id);

create table federated_identity (
    issuer text not null,
    subject text not null,
    user_id integer not null
        constraint fk_federated_identity_user_id references app_user,
    created_at_utc timestamptz not null,
    constraint pk_federated_identity primary key (issuer, subject),
    constraint uq_federated_identity_user_id unique (user_id)
);
alter table user_session add column proved_at_utc timestamptz;

create table recovery_code (
    user_id integer not null constraint fk_recovery_code_user_id references app_user,
    code_sha256 text not null,
    constraint pk_recovery_code primary key (user_id, code_sha256),
    constraint ck_recovery_code_code_sha256_length check (length(code_sha256) = 64)
);

alter table denial_count drop constraint ck_denial_count_kind;
alter table denial_count add constraint ck_denial_count_kind
    check (kind in ('login', 'access', 'account'));

alter table app_user drop column failed_login_count;
alter table app_user drop column last_failed_login_at_utc
"""
DROP_TABLES = """
alter table app_user add column failed_login_count integer not null default 0;
alter table app_user add column last_failed_login_at_utc timestamptz;
delete from denial_count where kind = 'account';
alter table denial_count drop constraint ck_denial_count_kind;
alter table denial_count add constraint ck_denial_count_kind
    check (kind in ('login', 'access'));
alter table user_session drop column proved_at_utc;
drop table federated_identity, recovery_code, passkey, totp_secret;
drop table refused_person, known_device, login_limit
"""

# The application may not delete answers; this function deletes old ones as the owner,
# and the trigger lets old ones go.
PURGE = """
create function refuse_young_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'DELETE' and old.created_at_utc < now() - interval '30 days' then
        return old;
    end if;
    raise exception '% is append-only: % is refused.', tg_table_name, lower(tg_op)
        using errcode = 'insufficient_privilege';
end
$$;

drop trigger refuse_change on handled_request;
create trigger refuse_change before update or delete on handled_request
for each row execute function refuse_young_change();

create function purge_handled_requests() returns bigint
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
    with gone as (
        delete from public.handled_request
        where created_at_utc < now() - interval '30 days' returning 1
    )
    select count(*) from gone
$$
"""
DROP_PURGE = """
drop function purge_handled_requests();
drop trigger refuse_change on handled_request;
create trigger refuse_change before update or delete on handled_request
for each row execute function refuse_change();
drop function refuse_young_change()
"""


def upgrade() -> None:
    """Create the tables, and the rule by which answered requests are purged."""
    op.execute(TABLES)
    op.execute(PURGE)


def downgrade() -> None:
    """Drop them; second factors have to be added anew."""
    op.execute(DROP_PURGE)
    op.execute(DROP_TABLES)
