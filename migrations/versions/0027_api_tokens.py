"""API tokens, and service accounts that only tokens act for.

Revision ID: 0027
Revises: 0026
"""

from __future__ import annotations

from alembic import op

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: None = None
depends_on: None = None

TABLES = """
alter table app_user
    add column is_service boolean not null default false,
    add constraint ck_app_user_service_is_system check (is_system or not is_service);

create table api_token (
    id integer generated always as identity constraint pk_api_token primary key,
    name varchar(80) not null,
    token_sha256 text not null constraint uq_api_token_token_sha256 unique,
    user_id integer not null constraint fk_api_token_user_id references app_user,
    scopes text[] not null,
    created_by_id integer not null
        constraint fk_api_token_created_by_id references app_user,
    created_at_utc timestamptz not null,
    expires_at_utc timestamptz not null,
    last_used_at_utc timestamptz,
    minute_utc timestamptz,
    minute_count integer not null default 0,
    revoked_at_utc timestamptz,
    constraint ck_api_token_token_sha256_length check (length(token_sha256) = 64),
    constraint ck_api_token_name_trimmed check (name = btrim(name) and name <> ''),
    constraint ck_api_token_scopes check (
        cardinality(scopes) > 0 and scopes <@ array[
            'read', 'decide', 'telemetry', 'models', 'audit', 'admin'
        ]
    ),
    constraint ck_api_token_expires_later check (expires_at_utc > created_at_utc)
);
create index ix_api_token_user_id on api_token (user_id)
"""


def upgrade() -> None:
    """Make the table; every account that exists is of a person or a process."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop the tokens; service accounts stay, disabled, as the history names them."""
    op.execute("update app_user set is_active = false where is_service")
    op.execute("drop table api_token")
    op.execute(
        "alter table app_user drop constraint ck_app_user_service_is_system,"
        " drop column is_service"
    )
