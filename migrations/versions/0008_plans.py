"""Plans for the fleet, as they were found.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect, require_consent_to_discard

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: None = None
depends_on: None = None

TABLES = """
create table plan (
    id bigint generated always as identity constraint pk_plan primary key,
    request_id uuid not null,
    actor_id integer not null constraint fk_plan_actor_id references app_user,
    anchor_region_id integer not null
        constraint fk_plan_anchor_region_id references region,
    local_day date not null,
    window_start_utc timestamptz not null,
    window_end_utc timestamptz not null,
    is_simulated boolean not null,
    result jsonb not null,
    inputs_text text not null,
    inputs_sha256 text not null,
    code_version text not null,
    created_at_utc timestamptz not null default now(),
    constraint uq_plan_request_id unique (request_id),
    constraint ck_plan_window check (window_start_utc < window_end_utc),
    constraint ck_plan_inputs_sha256_length check (length(inputs_sha256) = 64)
);
create unique index uq_plan_inputs on plan (actor_id, inputs_sha256)
"""


def upgrade() -> None:
    """Make the table; a plan is never changed."""
    op.execute(TABLES)
    protect("plan")


def downgrade() -> None:
    """Drop the table; with plans in it only after consent."""
    require_consent_to_discard("plan")
    op.execute("drop table plan")
