"""Decisions need their audit event; model bytes and the chain's head keep still.

Revision ID: 0020
Revises: 0030
"""

from __future__ import annotations

from alembic import op

revision: str = "0020"
down_revision: str | None = "0030"
branch_labels: None = None
depends_on: None = None

# At commit, so that the event can be the last thing written: from it on every other
# writer waits.
REQUIRE_EVENT = """
create function require_decision_event() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
    if not exists (
        select 1 from public.audit_event
        where object_type = 'decision' and object_id = new.id::text
    ) then
        raise exception 'Decision % has no audit event.', new.id
            using errcode = 'integrity_constraint_violation';
    end if;
    return null;
end
$$;
revoke all on function require_decision_event() from public;
create constraint trigger has_audit_event after insert on decision
deferrable initially deferred
for each row execute function require_decision_event()
"""

# A decision replays only on the bytes that it cites.
KEEP_MODEL = """
create trigger keep_model before update on model_version for each row
when (old.target is distinct from new.target
    or old.onnx_sha256 is distinct from new.onnx_sha256
    or old.onnx_bytes is distinct from new.onnx_bytes)
execute function refuse_change()
"""

# The head moves only together with an event, inside the trigger that links it.
KEEP_HEAD = """
create function refuse_loose_head() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'UPDATE' and pg_trigger_depth() > 1 and new.seq = old.seq + 1
        and new.installation_id = old.installation_id then
        return new;
    end if;
    raise exception 'audit_head moves only with an event: % is refused.', lower(tg_op)
        using errcode = 'insufficient_privilege';
end
$$;
create trigger keep_head before insert or update or delete on audit_head
for each row execute function refuse_loose_head();
create trigger refuse_truncate before truncate on audit_head
for each statement execute function refuse_change()
"""


def upgrade() -> None:
    """Add the guards; what is stored stays as it is."""
    op.execute(REQUIRE_EVENT)
    op.execute(KEEP_MODEL)
    op.execute(KEEP_HEAD)


def downgrade() -> None:
    """Drop the guards."""
    op.execute("drop trigger has_audit_event on decision")
    op.execute("drop function require_decision_event()")
    op.execute("drop trigger keep_model on model_version")
    op.execute("drop trigger keep_head on audit_head")
    op.execute("drop trigger refuse_truncate on audit_head")
    op.execute("drop function refuse_loose_head()")
