"""Quarantine of uploaded models, and their shadow evaluations.

Revision ID: 0040
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.append_only import protect

revision: str = "0040"
down_revision: str | None = "0011"
branch_labels: None = None
depends_on: None = None

NOW = sa.text("now()")

TABLES = (
    "model_upload",
    "model_upload_chunk",
    "model_evaluation",
    "model_evaluation_region",
)


def upgrade() -> None:
    """Make the tables; what an evaluation found is never changed."""
    _create_model_upload()
    _create_model_upload_chunk()
    _create_model_evaluation()
    _create_model_evaluation_region()
    protect("model_evaluation_region")


def downgrade() -> None:
    """Drop the tables; models that were accepted stay in the registry."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _created_at() -> sa.Column[object]:
    return sa.Column(
        "created_at_utc",
        sa.DateTime(timezone=True),
        server_default=NOW,
        nullable=False,
    )


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [target], name=op.f(f"fk_{table}_{column}")
    )


def _create_model_upload() -> None:
    table = "model_upload"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("file_label", sa.String(length=200), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rejected_reason", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("model_version_id", sa.Integer(), nullable=True),
        sa.Column("checked_by_version", sa.Text(), nullable=True),
        sa.Column("uploaded_by_id", sa.Integer(), nullable=False),
        _created_at(),
        sa.Column("checked_at_utc", sa.DateTime(timezone=True), nullable=True),
        _check(table, "content_sha256_length", "length(content_sha256) = 64"),
        _check(table, "size", "size_bytes between 0 and 67108864"),
        _check(table, "state", "state in ('quarantined', 'rejected', 'accepted')"),
        _check(
            table,
            "rejected_has_reason",
            "(state = 'rejected') = (rejected_reason is not null)",
        ),
        _check(
            table,
            "accepted_has_version",
            "(state = 'accepted') = (model_version_id is not null)",
        ),
        _reference(table, "model_version_id", "model_version.id"),
        _reference(table, "uploaded_by_id", "app_user.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_upload")),
        sa.UniqueConstraint(
            "content_sha256", name=op.f("uq_model_upload_content_sha256")
        ),
    )


def _create_model_upload_chunk() -> None:
    table = "model_upload_chunk"
    op.create_table(
        table,
        sa.Column("upload_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        _reference(table, "upload_id", "model_upload.id"),
        sa.PrimaryKeyConstraint(
            "upload_id", "position", name=op.f("pk_model_upload_chunk")
        ),
    )
    # Weights do not compress; trying would only cost time.
    op.execute(f"alter table {table} alter column content set storage external")


def _create_model_evaluation() -> None:
    table = "model_evaluation"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("compared_version_id", sa.Integer(), nullable=True),
        sa.Column("from_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("region_slugs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("gate_passed", sa.Boolean(), nullable=True),
        sa.Column("findings", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("failed_reason", sa.Text(), nullable=True),
        sa.Column("requested_by_id", sa.Integer(), nullable=False),
        _created_at(),
        sa.Column("finished_at_utc", sa.DateTime(timezone=True), nullable=True),
        _check(table, "state", "state in ('running', 'done', 'failed')"),
        _check(table, "window", "from_utc <= until_utc"),
        _check(table, "done_has_gate", "(state = 'done') = (gate_passed is not null)"),
        _check(
            table,
            "failed_has_reason",
            "(state = 'failed') = (failed_reason is not null)",
        ),
        _reference(table, "model_version_id", "model_version.id"),
        _reference(table, "compared_version_id", "model_version.id"),
        _reference(table, "requested_by_id", "app_user.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_evaluation")),
    )
    op.create_index("ix_model_evaluation_version", table, ["model_version_id", "id"])
    op.create_index(
        "uq_model_evaluation_running",
        table,
        ["model_version_id"],
        unique=True,
        postgresql_where=sa.text("state = 'running'"),
    )


def _create_model_evaluation_region() -> None:
    table = "model_evaluation_region"
    op.create_table(
        table,
        sa.Column("evaluation_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("region_slug", sa.Text(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        _created_at(),
        _reference(table, "evaluation_id", "model_evaluation.id"),
        sa.PrimaryKeyConstraint(
            "evaluation_id", "region_slug", name=op.f("pk_model_evaluation_region")
        ),
    )
