"""The hash chain of audit events, linked by the database.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.append_only import protect, require_consent_to_discard

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: None = None
depends_on: None = None

# The first previous hash is that of the installation's id, so the first event carries
# it and the chains of two installations never fit together.
SEED_HEAD = """
insert into audit_head (id, installation_id, seq, hash)
select 1, id, 0, sha256(convert_to(id::text, 'UTF8')) from gen_random_uuid() as id
"""

# The head row orders all writers: it is locked from here until they commit. The
# function runs as the owner because the application may not change the head itself.
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


def upgrade() -> None:
    """Make the chain: its head, its events and the trigger that links them."""
    _create_audit_head()
    _create_audit_event()
    op.execute(SEED_HEAD)
    op.execute(LINK_EVENT)
    protect("audit_event")


def downgrade() -> None:
    """Drop the chain; with events in it only after consent."""
    require_consent_to_discard("audit_event")
    op.drop_table("audit_event")
    op.drop_table("audit_head")
    op.execute("drop function link_audit_event()")


def _create_audit_head() -> None:
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("installation_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )


def _create_audit_event() -> None:
    op.create_table(
        "audit_event",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("format_version", sa.SmallInteger(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("occurred_at_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=True),
        sa.Column("object_id", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "octet_length(hash) = 32", name=op.f("ck_audit_event_hash_length")
        ),
        sa.CheckConstraint(
            "octet_length(previous_hash) = 32",
            name=op.f("ck_audit_event_previous_length"),
        ),
        sa.CheckConstraint("seq > 0", name=op.f("ck_audit_event_seq_positive")),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["app_user.id"], name=op.f("fk_audit_event_actor_id")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_event")),
    )
    op.create_index("ix_audit_event_action", "audit_event", ["action", "seq"])
    op.create_index(
        "ix_audit_event_object", "audit_event", ["object_type", "object_id"]
    )
