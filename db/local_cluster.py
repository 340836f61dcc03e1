"""Files of the embedded database: folders, lock, passwords, creation."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from core.errors import ServiceUnavailable
from db.engine import DatabaseUrls, normalise_url
from db.local_binaries import POSTGRES_MAJOR, SYSTEM_DIR, ServerUser, make_system_dir

DATABASE = "gfo"
SUPERUSER = "postgres"
OWNER_ROLE = "gfo_owner"
APP_ROLE = "gfo_app"
AUDITOR_ROLE = "gfo_auditor"
ROLES = (OWNER_ROLE, APP_ROLE, AUDITOR_ROLE)

_PORT = 5432  # names the socket file; nothing listens on the network
_LONGEST_SOCKET_PATH = 100  # the kernel takes 107 bytes on Linux, 103 on macOS
_CHILD_SCRIPT = Path(__file__).with_name("local_child.py")


@dataclass(frozen=True, slots=True)
class ClusterHome:
    """The folder of a cluster, its socket, lock and passwords."""

    folder: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's own data folder."""
        return self.folder / "cluster"

    @property
    def start_log(self) -> Path:
        """Output of the server before its log collector ran."""
        return self.folder / "start.log"

    @property
    def socket_dir(self) -> Path:
        """Folder of the Unix socket: here when short enough, else a known short one."""
        inside = self.folder / "socket"
        if len(os.fsencode(inside / f".s.PGSQL.{_PORT}")) <= _LONGEST_SOCKET_PATH:
            return inside
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"gfo-{digest}"

    @property
    def credentials(self) -> Path:
        """The file of the roles' passwords."""
        return self.folder / "credentials.json"

    @property
    def has_passwords(self) -> bool:
        """Whether `write_passwords` has run, as far as this user may see."""
        return self.credentials.exists()

    def passwords(self) -> dict[str, str]:
        """Passwords of the roles, made by `write_passwords`."""
        path = self.credentials
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            return {role: str(stored[role]) for role in (SUPERUSER, *ROLES)}
        except PermissionError as exc:
            message = (
                f"The database in {self.folder} belongs to another user: run this as"
                " the user that started the portal."
            )
            raise ServiceUnavailable(message) from exc
        except (OSError, ValueError, KeyError, TypeError) as exc:
            message = f"The database's password file {path} is missing or damaged."
            raise ServiceUnavailable(message) from exc

    def write_passwords(self) -> None:
        """Make random passwords once, in a file that only this user can read."""
        path = self.credentials
        if path.exists():
            return
        passwords = {role: secrets.token_urlsafe(24) for role in (SUPERUSER, *ROLES)}
        fresh = path.with_suffix(f".{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(passwords, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def url(self, role: str, database: str = DATABASE) -> str:
        """Address of `database` for `role`, through the socket."""
        address = URL.create(
            "postgresql",
            username=role,
            password=self.passwords()[role],
            database=database,
            query={"host": str(self.socket_dir), "port": str(_PORT)},
        )
        return normalise_url(address.render_as_string(hide_password=False))

    def urls(self, database: str = DATABASE) -> DatabaseUrls:
        """Addresses of `database` for the three roles."""
        return DatabaseUrls(
            owner=self.url(OWNER_ROLE, database),
            app=self.url(APP_ROLE, database),
            auditor=self.url(AUDITOR_ROLE, database),
        )


def locate_home(data_dir: Path) -> ClusterHome:
    """The cluster's folder for this data folder, made when there is none yet.

    It lies in the data folder. When this is root and the server's user cannot reach
    that, it lies under SYSTEM_DIR and a file in the data folder names it.
    """
    pointer = data_dir / "postgres-location"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        inside = data_dir.resolve() / "postgres"
        if pointer.exists():
            return ClusterHome(Path(pointer.read_text(encoding="utf-8").strip()))
        user = ServerUser.for_new_cluster()
        if inside.exists() or user.can_reach(data_dir):
            inside.mkdir(mode=0o711 if user.must_drop else 0o700, exist_ok=True)
            return ClusterHome(inside)
        return ClusterHome(_make_outside(pointer))
    except OSError as exc:
        message = (
            f"The data folder {data_dir} cannot be used ({exc.strerror}): make it"
            " writable or set GFO_DATA_DIR to another folder."
        )
        raise ServiceUnavailable(message) from exc


def _make_outside(pointer: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(pointer.resolve())).hexdigest()[:12]
    # A data folder that was deleted and created again must get an empty database, so
    # the name holds more than the path.
    home = SYSTEM_DIR / f"{digest}-{secrets.token_hex(3)}"
    make_system_dir()
    home.mkdir(mode=0o711)
    fresh = pointer.with_name(f"{pointer.name}.{secrets.token_hex(4)}")
    fresh.write_text(f"{home}\n", encoding="utf-8")
    try:
        os.link(fresh, pointer)  # fails when another first start was faster
    except FileExistsError:
        home.rmdir()
        return Path(pointer.read_text(encoding="utf-8").strip())
    finally:
        fresh.unlink()
    return home


class ClusterLock:
    """Ownership of a cluster, by an exclusive flock on a file in its folder.

    Processes forked from the owner share the flock, so it is released explicitly rather
    than by closing the file: children may keep the file open for longer.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def try_acquire(cls, home: ClusterHome) -> ClusterLock | None:
        """The lock, or None while another process holds it."""
        path = home.folder / "lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            message = (
                f"The folder {home.folder} cannot be used ({exc.strerror}): make it"
                " writable or set GFO_DATA_DIR to another folder."
            )
            raise ServiceUnavailable(message) from exc
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def release(self) -> None:
        """Release the cluster; may be called twice."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = None


def child_command(user: ServerUser, program: Path, *arguments: str) -> list[str]:
    """Command line that runs `program` as `user` and ends with this process."""
    user_id, group_id = (user.user_id, user.group_id) if user.must_drop else (-1, -1)
    script = [sys.executable, "-I", "-S", str(_CHILD_SCRIPT)]
    return [
        *script, str(os.getpid()), str(user_id), str(group_id), str(program), *arguments
    ]  # fmt: skip


def prepare_cluster(home: ClusterHome, binaries: Path, user: ServerUser) -> None:
    """Make the cluster when there is none, and check that these programs can run it."""
    home.write_passwords()
    if not home.data.exists():
        _create(home, binaries, user)
    version = (home.data / "PG_VERSION").read_text(encoding="ascii").strip()
    if version != str(POSTGRES_MAJOR):
        message = (
            f"The database in {home.data} was made by PostgreSQL {version}, this"
            f" release runs {POSTGRES_MAJOR}: back it up with the release that made it"
            " and restore it here."
        )
        raise ServiceUnavailable(message)


def _create(home: ClusterHome, binaries: Path, user: ServerUser) -> None:
    """Run initdb in a temporary folder and rename it: all of a cluster or none."""
    fresh = home.folder / "cluster.new"
    shutil.rmtree(fresh, ignore_errors=True)
    password_file = home.folder / "superuser-password"
    make_private(fresh, user)
    password_file.touch(mode=0o600)
    try:
        password_file.write_text(home.passwords()[SUPERUSER], encoding="utf-8")
        os.chown(password_file, user.user_id, user.group_id)
        options = [
            f"--pgdata={fresh}", f"--username={SUPERUSER}", f"--pwfile={password_file}",
            "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", "--auth=scram-sha-256", "--data-checksums",
            "--no-instructions",
        ]  # fmt: skip
        outcome = subprocess.run(  # noqa: S603 -- our own program, fixed arguments
            child_command(user, binaries / "initdb", *options),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        password_file.unlink()
    if outcome.returncode != 0:
        lines = (outcome.stderr or outcome.stdout).strip().splitlines()
        message = f"The database could not be created: {lines[-1] if lines else '?'}"
        raise ServiceUnavailable(message)
    fresh.rename(home.data)


def make_private(folder: Path, user: ServerUser) -> None:
    """A folder that only `user` can enter; refuses one that another user owns."""
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if folder.is_symlink() or facts.st_uid not in {os.getuid(), user.user_id}:
        message = f"{folder} belongs to somebody else: remove it or ask them to."
        raise ServiceUnavailable(message)
    if user.must_drop:
        os.chown(folder, user.user_id, user.group_id)
    folder.chmod(0o700)
