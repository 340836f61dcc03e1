"""Alarms: how each stands, what happened to it, and notes of shifts.

Revision ID: 0029
Revises: 0028
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: None = None
depends_on: None = None

TABLES = """
create table alarm (
    id bigint generated always as identity constraint pk_alarm primary key,
    kind text not null,
    cause text not null,
    sentence text not null,
    region_slugs text[] not null,
    since_utc timestamptz not null,
    raised_at_utc timestamptz not null,
    ended_at_utc timestamptz,
    cleared_at_utc timestamptz,
    is_acknowledged boolean not null default false,
    acknowledged_at_utc timestamptz,
    acknowledged_by_id integer
        constraint fk_alarm_acknowledged_by_id references app_user,
    shelved_until_utc timestamptz,
    is_out_of_service boolean not null default false,
    explained_by_kind text,
    explained_by_cause text,
    n_explained integer not null default 0,
    constraint uq_alarm_kind_cause unique (kind, cause),
    constraint ck_alarm_one_silence
        check (not (is_out_of_service and shelved_until_utc is not null)),
    constraint ck_alarm_explained
        check ((explained_by_kind is null) = (explained_by_cause is null))
);
create index ix_alarm_open on alarm (id)
    where cleared_at_utc is null or not is_acknowledged or is_out_of_service
        or shelved_until_utc is not null;

create table alarm_change (
    id bigint generated always as identity constraint pk_alarm_change primary key,
    alarm_id bigint not null constraint fk_alarm_change_alarm_id references alarm,
    change text not null,
    at_utc timestamptz not null,
    actor_id integer constraint fk_alarm_change_actor_id references app_user,
    sentence text,
    constraint ck_alarm_change_change check (change in (
        'raised', 'cleared', 'acknowledged', 'shelved', 'unshelved', 'out_of_service',
        'back_in_service', 'commented')),
    constraint ck_alarm_change_sentence check (length(sentence) <= 2000)
);
create index ix_alarm_change_alarm_id_id on alarm_change (alarm_id, id);
create index ix_alarm_change_change_at_utc on alarm_change (change, at_utc);

create table alarm_look (
    id smallint not null constraint pk_alarm_look primary key,
    looked_at_utc timestamptz not null,
    constraint ck_alarm_look_single_row check (id = 1)
);

create table shift_note (
    id bigint generated always as identity constraint pk_shift_note primary key,
    actor_id integer not null constraint fk_shift_note_actor_id references app_user,
    start_utc timestamptz not null,
    end_utc timestamptz not null,
    note text not null,
    alarms jsonb not null,
    decision_ids bigint[] not null,
    constraint ck_shift_note_note check (length(note) between 1 and 4000),
    constraint ck_shift_note_shift check (start_utc < end_utc)
)
"""


def upgrade() -> None:
    """Make the tables; the worker raises the first alarms within a minute."""
    op.execute(TABLES)
    protect("alarm_change", "shift_note")


def downgrade() -> None:
    """Drop them: every change and every note is in the audit chain as well."""
    for table in ("shift_note", "alarm_look", "alarm_change", "alarm"):
        op.execute(f"drop table {table}")
