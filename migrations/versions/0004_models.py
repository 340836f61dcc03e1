"""Models: versions, activations, health, uploads in quarantine and evaluations.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: None = None
depends_on: None = None

TABLES = """
create table model_version (
    id integer generated always as identity constraint pk_model_version primary key,
    target text not null,
    family text not null,
    onnx_sha256 text not null,
    onnx_bytes bytea not null,
    contract_version integer not null,
    feature_names text[] not null,
    region_slugs text[] not null,
    horizon_h integer not null,
    trained_from_utc timestamptz not null,
    trained_until_utc timestamptz not null,
    metrics jsonb not null,
    state text not null,
    rejected_reason text,
    code_version text not null,
    created_by_id integer not null
        constraint fk_model_version_created_by_id references app_user,
    created_at_utc timestamptz not null default now(),
    constraint uq_model_version_target_onnx_sha256 unique (target, onnx_sha256),
    constraint ck_model_version_onnx_sha256_length check (length(onnx_sha256) = 64),
    constraint ck_model_version_state
        check (state in ('candidate', 'validated', 'rejected')),
    constraint ck_model_version_rejected_has_reason
        check ((state = 'rejected') = (rejected_reason is not null)),
    constraint ck_model_version_window check (trained_from_utc < trained_until_utc),
    constraint ck_model_version_horizon check (horizon_h = 24)
);

create table model_activation (
    id integer generated always as identity constraint pk_model_activation primary key,
    target text not null,
    model_version_id integer not null
        constraint fk_model_activation_model_version_id references model_version,
    previous_id integer
        constraint fk_model_activation_previous_id references model_activation,
    reason text not null,
    actor_id integer not null
        constraint fk_model_activation_actor_id references app_user,
    created_at_utc timestamptz not null default now(),
    constraint uq_model_activation_previous_id unique (previous_id)
);
create index ix_model_activation_target on model_activation (target, id);
create unique index uq_model_activation_first
    on model_activation (target)
    where previous_id is null;

create table model_health (
    target text constraint pk_model_health primary key,
    is_available boolean not null,
    reason text,
    changed_at_utc timestamptz not null default now(),
    constraint ck_model_health_unavailable_has_reason
        check (is_available = (reason is null))
);

create table model_upload (
    id integer generated always as identity constraint pk_model_upload primary key,
    content_sha256 text not null,
    size_bytes integer not null,
    file_label varchar(200) not null,
    state text not null,
    rejected_reason text,
    problem text,
    model_version_id integer
        constraint fk_model_upload_model_version_id references model_version,
    checked_by_version text,
    uploaded_by_id integer not null
        constraint fk_model_upload_uploaded_by_id references app_user,
    created_at_utc timestamptz not null default now(),
    checked_at_utc timestamptz,
    constraint uq_model_upload_content_sha256 unique (content_sha256),
    constraint ck_model_upload_content_sha256_length
        check (length(content_sha256) = 64),
    constraint ck_model_upload_size check (size_bytes between 0 and 67108864),
    constraint ck_model_upload_state
        check (state in ('quarantined', 'rejected', 'accepted')),
    constraint ck_model_upload_rejected_has_reason
        check ((state = 'rejected') = (rejected_reason is not null)),
    constraint ck_model_upload_accepted_has_version
        check ((state = 'accepted') = (model_version_id is not null))
);

create table model_upload_chunk (
    upload_id integer not null
        constraint fk_model_upload_chunk_upload_id references model_upload,
    position integer not null,
    content bytea not null,
    constraint pk_model_upload_chunk primary key (upload_id, position)
);

create table model_evaluation (
    id integer generated always as identity constraint pk_model_evaluation primary key,
    model_version_id integer not null
        constraint fk_model_evaluation_model_version_id references model_version,
    compared_version_id integer
        constraint fk_model_evaluation_compared_version_id references model_version,
    from_utc timestamptz not null,
    until_utc timestamptz not null,
    region_slugs text[] not null,
    state text not null,
    gate_passed boolean,
    findings text[] not null,
    failed_reason text,
    requested_by_id integer not null
        constraint fk_model_evaluation_requested_by_id references app_user,
    created_at_utc timestamptz not null default now(),
    finished_at_utc timestamptz,
    constraint ck_model_evaluation_state check (state in ('running', 'done', 'failed')),
    constraint ck_model_evaluation_window check (from_utc <= until_utc),
    constraint ck_model_evaluation_done_has_gate
        check ((state = 'done') = (gate_passed is not null)),
    constraint ck_model_evaluation_failed_has_reason
        check ((state = 'failed') = (failed_reason is not null))
);
create index ix_model_evaluation_version on model_evaluation (model_version_id, id);
create unique index uq_model_evaluation_running
    on model_evaluation (model_version_id)
    where state = 'running';

create table model_evaluation_region (
    evaluation_id integer not null
        constraint fk_model_evaluation_region_evaluation_id references model_evaluation,
    region_slug text not null,
    figures jsonb not null,
    created_at_utc timestamptz not null default now(),
    constraint pk_model_evaluation_region primary key (evaluation_id, region_slug)
)
"""

# Weights do not compress.
STORE_UNCOMPRESSED = """
alter table model_upload_chunk alter column content set storage external
"""

# Replay needs the bytes that a decision cites.
KEEP_MODEL = """
create trigger keep_model before update on model_version for each row
when (old.target is distinct from new.target
    or old.onnx_sha256 is distinct from new.onnx_sha256
    or old.onnx_bytes is distinct from new.onnx_bytes)
execute function refuse_change()
"""


def upgrade() -> None:
    """Make the tables; activations and results of evaluations are never changed."""
    op.execute(TABLES)
    op.execute(STORE_UNCOMPRESSED)
    op.execute(KEEP_MODEL)
    protect("model_activation", "model_evaluation_region")


def downgrade() -> None:
    """Drop the tables."""
    op.execute(
        "drop table model_evaluation_region, model_evaluation, model_upload_chunk,"
        " model_upload, model_health, model_activation, model_version"
    )
