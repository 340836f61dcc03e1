"""PostgreSQL servers as an operator runs them, and the document's commands on them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from db.engine import DatabaseUrls
from db.local_binaries import ServerUser, binaries_for
from db.local_cluster import child_command, make_private

REPOSITORY = Path(__file__).resolve().parents[2]
OPERATIONS = REPOSITORY / "docs" / "operations.md"
PROGRAMS_VARIABLE = "GFO_POSTGRES_BIN"
"""A folder of PostgreSQL's programs to test with instead of the wheel's."""

_PATIENCE_S = 120


def shell_blocks(heading: str) -> list[str]:
    """The shell blocks of a section of docs/operations.md, in order."""
    section = OPERATIONS.read_text("utf-8").split(f"\n## {heading}\n")[1]
    return re.findall(r"```sh\n(.*?)```", section.split("\n## ")[0], re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHost:
    """A folder of servers, and the user and programs that run them."""

    folder: Path
    user: ServerUser
    programs: Path

    def run(self, script: str, variables: Mapping[str, str]) -> str:
        """Run shell commands as the server's user; what they printed."""
        given = {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "PGHOST": "127.0.0.1",
            "PGUSER": "postgres",
            "PGDATABASE": "postgres",
            **variables,
        }
        exports = "".join(
            f"export {name}={shlex.quote(value)}\n" for name, value in given.items()
        )
        done = subprocess.run(
            child_command(
                self.user, Path("/bin/bash"), "-euo", "pipefail", "-c", exports + script
            ),
            stdin=subprocess.DEVNULL,
            # A server that the script starts keeps what it inherits open.
            stdout=(out := tempfile.TemporaryFile()),  # noqa: SIM115
            stderr=subprocess.STDOUT,
            check=False,
            timeout=_PATIENCE_S,
        )
        out.seek(0)
        printed = out.read().decode(errors="replace")
        out.close()
        assert done.returncode == 0, f"{script}\n{printed}"
        return printed

    def new_server(self, name: str, port: int) -> Path:
        """A new server's data folder; it listens on loopback alone, and trusts it."""
        data = self.folder / name
        settings = (
            f"port = {port}\nlisten_addresses = '127.0.0.1'\n"
            f"unix_socket_directories = '{self.folder}'\nshared_buffers = '32MB'\n"
            # The machine stays up in these tests; only its processes are killed.
            "fsync = off\n"
        )
        self.run(
            'initdb --pgdata "$DATA" --username postgres --encoding UTF8 --locale C'
            " --auth trust --no-sync > /dev/null\n"
            'printf "%s" "$SETTINGS" >> "$DATA/postgresql.conf"\n'
            'pg_ctl --pgdata "$DATA" --log "$DATA/start.log" --wait start',
            {"DATA": str(data), "SETTINGS": settings},
        )
        return data

    def stop(self, data: Path, how: str = "immediate") -> None:
        """Stop a server; nothing happens when none runs there."""
        if (data / "postmaster.pid").exists():
            self.run(f'pg_ctl --pgdata "$DATA" --mode {how} stop', {"DATA": str(data)})


@contextmanager
def server_host() -> Iterator[ServerHost]:
    """A folder for servers; every server in it is stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="gfo-pg-"))
    folder.chmod(0o755)
    user = ServerUser.for_new_cluster()
    given = os.environ.get(PROGRAMS_VARIABLE)
    programs = Path(given) if given else binaries_for(user, lambda _said: None)
    own = folder / "s"
    make_private(own, user)
    host = ServerHost(folder=own, user=user, programs=programs)
    try:
        yield host
    finally:
        for data in own.iterdir():
            if (data / "postmaster.pid").exists():
                host.stop(data)
        shutil.rmtree(folder, ignore_errors=True)


def portal_urls(
    *ports: int, query: str = "", address: str = "127.0.0.1"
) -> DatabaseUrls:
    """Addresses of the portal's database on these ports, of loopback by default."""
    places = ",".join(f"{address}:{port}" for port in ports)

    def url(role: str) -> str:
        return f"postgresql://{role}:{role}@{places}/gfo{query}"

    return DatabaseUrls(
        owner=url("gfo_owner"), app=url("gfo_app"), auditor=url("gfo_auditor")
    )
