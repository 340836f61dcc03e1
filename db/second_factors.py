"""Queries on second factors: authenticator apps, passkeys, recovery codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from db.schema import FederatedIdentityRow, PasskeyRow, RecoveryCodeRow, TotpSecretRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpSecret:
    """The secret of an authenticator app.

    Attributes
    ----------
    last_step : int
        Time step of the last code that was accepted: no code is accepted twice.
    """

    user_id: int
    encrypted_secret: str = field(repr=False)
    last_step: int
    created_at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPasskey:
    """A passkey to be stored; the names are the table's columns."""

    user_id: int
    label: str
    rp_id: str
    credential_id: bytes
    public_key: bytes
    sign_count: int
    created_at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A stored passkey."""

    passkey_id: int
    facts: NewPasskey
    last_used_at_utc: datetime | None


def totp_secret(
    session: Session, user_id: int, *, lock: bool = False
) -> TotpSecret | None:
    """The person's authenticator app; `lock` holds its row to the transaction's end."""
    statement = select(TotpSecretRow).where(TotpSecretRow.user_id == user_id)
    if lock:
        statement = statement.with_for_update()
    row = session.scalar(statement, execution_options={"populate_existing": True})
    if row is None:
        return None
    return TotpSecret(**{name: getattr(row, name) for name in TotpSecret.__slots__})


def replace_totp_secret(session: Session, secret: TotpSecret) -> None:
    """Store the person's authenticator app instead of the one before."""
    remove_totp_secret(session, secret.user_id)
    values = {name: getattr(secret, name) for name in TotpSecret.__slots__}
    session.execute(insert(TotpSecretRow).values(**values))


def set_last_step(session: Session, user_id: int, last_step: int) -> None:
    """Store the time step of a code that was accepted."""
    session.execute(
        update(TotpSecretRow)
        .where(TotpSecretRow.user_id == user_id)
        .values(last_step=last_step)
    )


def remove_totp_secret(session: Session, user_id: int) -> bool:
    """Delete the person's authenticator app; False when there is none."""
    gone = session.scalars(
        delete(TotpSecretRow)
        .where(TotpSecretRow.user_id == user_id)
        .returning(TotpSecretRow.user_id)
    ).all()
    return bool(gone)


def insert_passkey(session: Session, passkey: NewPasskey) -> int:
    """Store a passkey; returns its id."""
    values = {name: getattr(passkey, name) for name in NewPasskey.__slots__}
    statement = insert(PasskeyRow).values(**values).returning(PasskeyRow.id)
    return session.execute(statement).scalar_one()


def list_passkeys(session: Session, user_id: int) -> list[Passkey]:
    """The person's passkeys, oldest first."""
    rows = session.scalars(
        select(PasskeyRow).where(PasskeyRow.user_id == user_id).order_by(PasskeyRow.id)
    )
    return [_passkey(row) for row in rows]


def passkey_by_credential(session: Session, credential_id: bytes) -> Passkey | None:
    """The passkey of this credential, its row locked until the transaction ends."""
    row = session.scalar(
        select(PasskeyRow)
        .where(PasskeyRow.credential_id == credential_id)
        .with_for_update(),
        execution_options={"populate_existing": True},
    )
    return None if row is None else _passkey(row)


def note_passkey_use(
    session: Session, passkey_id: int, *, sign_count: int, now_utc: datetime
) -> None:
    """Store the authenticator's counter and when it was used."""
    session.execute(
        update(PasskeyRow)
        .where(PasskeyRow.id == passkey_id)
        .values(sign_count=sign_count, last_used_at_utc=now_utc)
    )


def remove_passkey(session: Session, user_id: int, passkey_id: int) -> bool:
    """Delete a passkey of this person; False when they have no such."""
    gone = session.scalars(
        delete(PasskeyRow)
        .where(PasskeyRow.id == passkey_id, PasskeyRow.user_id == user_id)
        .returning(PasskeyRow.id)
    ).all()
    return bool(gone)


def replace_recovery_codes(
    session: Session, user_id: int, hashes: Sequence[str]
) -> None:
    """Store recovery codes instead of those before."""
    session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.user_id == user_id))
    if hashes:
        rows = [{"user_id": user_id, "code_sha256": text} for text in hashes]
        session.execute(insert(RecoveryCodeRow), rows)


def use_recovery_code(session: Session, user_id: int, code_sha256: str) -> bool:
    """Delete a recovery code, which works once; False when it is none."""
    gone = session.scalars(
        delete(RecoveryCodeRow)
        .where(
            RecoveryCodeRow.user_id == user_id,
            RecoveryCodeRow.code_sha256 == code_sha256,
        )
        .returning(RecoveryCodeRow.user_id)
    ).all()
    return bool(gone)


def count_recovery_codes(session: Session, user_id: int) -> int:
    """How many recovery codes are left."""
    statement = select(func.count()).where(RecoveryCodeRow.user_id == user_id)
    return session.scalar(statement) or 0


def has_factor(session: Session, user_id: int) -> bool:
    """Whether the person has an authenticator app or a passkey."""
    app = select(TotpSecretRow.user_id).where(TotpSecretRow.user_id == user_id)
    key = select(PasskeyRow.user_id).where(PasskeyRow.user_id == user_id)
    return session.scalar(app.union_all(key).limit(1)) is not None


def factor_kinds(session: Session) -> dict[int, set[str]]:
    """What each account has besides a password, or instead of one, by user id."""
    kinds: dict[int, set[str]] = {}
    for kind, column in (
        ("app", TotpSecretRow.user_id),
        ("passkey", PasskeyRow.user_id),
        ("identity provider", FederatedIdentityRow.user_id),
    ):
        for user_id in session.scalars(select(column).distinct()):
            kinds.setdefault(user_id, set()).add(kind)
    return kinds


def remove_all_factors(session: Session, user_id: int) -> None:
    """Delete authenticator app, passkeys and recovery codes of this person."""
    for row in (TotpSecretRow, PasskeyRow, RecoveryCodeRow):
        session.execute(delete(row).where(row.user_id == user_id))


def _passkey(row: PasskeyRow) -> Passkey:
    return Passkey(
        passkey_id=row.id,
        facts=NewPasskey(**{name: getattr(row, name) for name in NewPasskey.__slots__}),
        last_used_at_utc=row.last_used_at_utc,
    )
