"""Rules for changes, requests to a second person, signed models, provider's logins.

Revision ID: 0024
Revises: 0023
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: None = None
depends_on: None = None

TABLES = """
create table change_rules (
    id integer generated always as identity constraint pk_change_rules primary key,
    two_people boolean not null,
    signed_models_only boolean not null,
    reason text not null,
    created_by_id integer not null
        constraint fk_change_rules_created_by_id references app_user,
    created_at_utc timestamptz not null default now()
);

create table approval_request (
    id integer generated always as identity constraint pk_approval_request primary key,
    act text not null,
    arguments jsonb not null,
    effects text not null,
    asked_by_id integer not null
        constraint fk_approval_request_asked_by_id references app_user,
    asked_at_utc timestamptz not null,
    expires_at_utc timestamptz not null,
    constraint ck_approval_request_expires_later check (expires_at_utc > asked_at_utc)
);

create table approval_answer (
    approval_id integer constraint pk_approval_answer primary key
        constraint fk_approval_answer_approval_id references approval_request,
    is_approved boolean not null,
    answered_by_id integer not null
        constraint fk_approval_answer_answered_by_id references app_user,
    answered_at_utc timestamptz not null
);

create table signing_key (
    id integer generated always as identity constraint pk_signing_key primary key,
    name varchar(80) not null,
    public_key bytea not null,
    pinned_by_id integer not null
        constraint fk_signing_key_pinned_by_id references app_user,
    pinned_at_utc timestamptz not null,
    unpinned_at_utc timestamptz,
    constraint ck_signing_key_length check (length(public_key) = 32),
    constraint ck_signing_key_unpinned_later
        check (unpinned_at_utc is null or unpinned_at_utc >= pinned_at_utc)
);
create unique index uq_signing_key_pinned
    on signing_key (public_key) where unpinned_at_utc is null;

create table model_signature (
    content_sha256 text not null,
    signing_key_id integer not null
        constraint fk_model_signature_signing_key_id references signing_key,
    signature bytea not null,
    given_by_id integer not null
        constraint fk_model_signature_given_by_id references app_user,
    given_at_utc timestamptz not null,
    constraint pk_model_signature primary key (content_sha256, signing_key_id),
    constraint ck_model_signature_content_sha256_length
        check (length(content_sha256) = 64),
    constraint ck_model_signature_length check (length(signature) = 64)
);

alter table user_session
    add column provider_sid text,
    add column refresh_token text,
    add column checked_at_utc timestamptz;

create table provider_keys (
    issuer text constraint pk_provider_keys primary key,
    jwks jsonb not null,
    fetched_at_utc timestamptz not null
);

create table logout_token (
    issuer text not null,
    jti text not null,
    expires_at_utc timestamptz not null,
    constraint pk_logout_token primary key (issuer, jti)
)
"""


def upgrade() -> None:
    """Make the tables; rules, requests, answers and signatures are never changed."""
    op.execute(TABLES)
    protect("change_rules", "approval_request", "approval_answer", "model_signature")


def downgrade() -> None:
    """Drop them: one person changes everything again, and no model is signed."""
    op.execute(
        "alter table user_session drop column provider_sid,"
        " drop column refresh_token, drop column checked_at_utc"
    )
    op.execute(
        "drop table provider_keys, logout_token, model_signature, signing_key,"
        " approval_answer, approval_request, change_rules"
    )
