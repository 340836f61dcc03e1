"""Progress of long setup work, and the setup hints that a person closed.

Revision ID: 0030
Revises: 0029
"""

from __future__ import annotations

from alembic import op

revision: str = "0030"
down_revision: str | None = "0029"
branch_labels: None = None
depends_on: None = None

ADD = """
create table setup_task (
    name text constraint pk_setup_task primary key,
    state text not null,
    step text not null,
    done_s double precision not null,
    total_s double precision not null,
    problem text,
    started_at_utc timestamptz not null,
    updated_at_utc timestamptz not null,
    constraint ck_setup_task_state
        check (state in ('waiting', 'running', 'done', 'failed')),
    constraint ck_setup_task_share check (done_s >= 0 and total_s >= done_s),
    constraint ck_setup_task_problem check ((state = 'failed') = (problem is not null))
);
create table closed_hint (
    user_id integer not null
        constraint fk_closed_hint_user_id references app_user,
    name text not null,
    constraint pk_closed_hint primary key (user_id, name)
)
"""
DROP = "drop table closed_hint; drop table setup_task"


def upgrade() -> None:
    """Add the tables; work that runs fills them."""
    op.execute(ADD)


def downgrade() -> None:
    """Drop them; an older release shows no progress and no checklist."""
    op.execute(DROP)
