"""People and system users, their logins, and counts of refused requests.

Revision ID: 0001
Revises: nothing
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import CREATE_REFUSE_CHANGE, DROP_REFUSE_CHANGE

revision: str = "0001"
down_revision: str | None = None
branch_labels: None = None
depends_on: None = None

TABLES = """
create table app_user (
    id integer generated always as identity constraint pk_app_user primary key,
    name varchar(80) not null,
    role text not null,
    password_hash text,
    is_system boolean not null default false,
    is_active boolean not null default true,
    must_change_password boolean not null default false,
    failed_login_count integer not null default 0,
    last_failed_login_at_utc timestamptz,
    created_at_utc timestamptz not null default now(),
    one_time_until_utc timestamptz,
    constraint ck_app_user_role check (role in ('auditor', 'operator', 'admin')),
    constraint ck_app_user_system_has_no_password
        check ((password_hash is null) = is_system),
    constraint ck_app_user_name_trimmed check (name = btrim(name) and name <> '')
);
create unique index uq_app_user_name_lower on app_user (lower(name));

create table user_session (
    id bigint generated always as identity constraint pk_user_session primary key,
    token_sha256 text not null,
    user_id integer not null constraint fk_user_session_user_id references app_user,
    created_at_utc timestamptz not null default now(),
    last_seen_at_utc timestamptz not null default now(),
    expires_at_utc timestamptz not null,
    ended_at_utc timestamptz,
    end_reason text,
    address text,
    user_agent varchar(300),
    constraint uq_user_session_token_sha256 unique (token_sha256),
    constraint ck_user_session_token_sha256_length check (length(token_sha256) = 64),
    constraint ck_user_session_expires_later check (expires_at_utc > created_at_utc)
);
create index ix_user_session_user_id on user_session (user_id);

create table denial_count (
    address text not null,
    minute_utc timestamptz not null,
    kind text not null,
    count integer not null,
    is_reported boolean not null default false,
    constraint pk_denial_count primary key (address, minute_utc, kind),
    constraint ck_denial_count_kind check (kind in ('login', 'access')),
    constraint ck_denial_count_count_positive check (count > 0)
)
"""

# Processes act as these; they have no password.
SYSTEM_USERS = """
insert into app_user (name, role, is_system)
values ('worker', 'admin', true), ('cli', 'admin', true)
"""


def upgrade() -> None:
    """Create the tables, the system users and the trigger function of `append_only`."""
    op.execute(CREATE_REFUSE_CHANGE)
    op.execute(TABLES)
    op.execute(SYSTEM_USERS)


def downgrade() -> None:
    """Drop them."""
    op.execute("drop table denial_count, user_session, app_user")
    op.execute(DROP_REFUSE_CHANGE)
