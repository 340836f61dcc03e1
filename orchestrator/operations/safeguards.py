"""The security lines of `gfo doctor`: settings, secret files, connection, people."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from core.access import Role
from core.wording import listed
from db import users
from db.protections import is_connection_protected
from orchestrator.operations.installation import PASSWORD_FILE
from orchestrator.operations.production import weaknesses
from orchestrator.settings import Settings

_PRIVATE_FILES = ("web_secret_key", PASSWORD_FILE, "postgres/credentials.json")
_SECRET_NAMES = (
    "DATABASE_",
    "GFO_ADMIN_PASSWORD",
    "GFO_FEED_",
    "GFO_HEARTBEAT_URL",
    "GFO_METRICS_TOKEN",
    "GFO_OIDC_CLIENT_SECRET",
    "GFO_SECRET_KEY",
    "GFO_SMTP_PASSWORD",
    "GFO_WEBHOOK_",
)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
ENV_FILE = Path(".env")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    topic : str
        Its heading in the runbooks of docs/operations.md; by default its name.
    """

    name: str
    is_sound: bool
    text: str
    topic: str = ""

    def __post_init__(self) -> None:
        if not self.topic:
            object.__setattr__(self, "topic", self.name)


def examine_safeguards(
    settings: Settings, session: Session, environ: Mapping[str, str]
) -> list[Finding]:
    """Look at what keeps strangers out."""
    return [
        *_settings(settings, environ),
        _private_files(settings.data_dir),
        _connection(session),
        _admins(session),
    ]


def _settings(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Weak settings are a fault in production and a note in development."""
    is_production = settings.environment == "production"
    found = [
        Finding(
            name="production settings",
            is_sound=not is_production,
            text=text if is_production else f"{text} Development allows it.",
        )
        for text in weaknesses(settings, environ)
    ]
    sound = Finding(name="production settings", is_sound=True, text="nothing is weak")
    return found or [sound]


def _private_files(data_dir: Path) -> Finding:
    files = [data_dir / name for name in _PRIVATE_FILES]
    if _holds_a_secret(ENV_FILE):
        files.append(ENV_FILE)
    open_files = [str(file) for file in files if _is_open_to_others(file)]
    return Finding(
        name="secret files",
        is_sound=not open_files,
        text=f"others can read {', '.join(open_files)}; chmod 600 closes them"
        if open_files
        else "only their owner can read them",
    )


def _holds_a_secret(env_file: Path) -> bool:
    try:
        text = env_file.read_text("utf-8", errors="replace")
    except OSError:
        return False
    return any(
        line.startswith(_SECRET_NAMES) and line.partition("=")[2].strip()
        for line in text.splitlines()
    )


def _is_open_to_others(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & _OTHERS)
    except OSError:
        return False


def _connection(session: Session) -> Finding:
    is_protected = is_connection_protected(session.connection())
    return Finding(
        name="database connection",
        is_sound=is_protected,
        text="encrypted, or does not leave this machine"
        if is_protected
        else "crosses the network unencrypted; add ?sslmode=verify-full to its address",
    )


def _admins(session: Session) -> Finding:
    people = [user for user in users.list_users(session) if not user.is_system]
    admins = [
        user.name for user in people if user.is_active and user.role is Role.ADMIN
    ]
    waiting = [
        user.name for user in people if user.is_active and user.must_change_password
    ]
    text = f"admins: {listed(admins)}"
    if waiting:
        text += f"; still with a one-time password: {listed(waiting)}"
    return Finding(name="accounts", is_sound=bool(admins), text=text)
