"""The portal needs no root: a start as an ordinary user who owns a data folder."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.faults.conftest import StartPortal
from tests.faults.portal_process import Browser, environment, processes_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.getuid() != 0, reason="every other test runs so already"),
]

ORDINARY_USER = "nobody"

CAN_RUN = """
import subprocess, sys
import gunicorn, orchestrator
subprocess.run([sys.executable, "-c", ""], check=True)
"""


def _as_ordinary_user(*command: str) -> list[str]:
    program = shutil.which("setpriv")
    if program is None:
        pytest.skip("setpriv (util-linux) is not here")
    user = pwd.getpwnam(ORDINARY_USER)
    return [
        program, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
        "--", *command,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def python() -> str:
    """A Python of this version that the ordinary user can run."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for candidate in (
        sys.executable,
        f"/usr/bin/{version}",
        f"/usr/local/bin/{version}",
    ):
        imports = _as_ordinary_user(candidate, "-c", CAN_RUN)
        try:
            outcome = subprocess.run(
                imports, env=_environment(Path("/")), check=False, capture_output=True
            )
        except OSError:
            continue
        if outcome.returncode == 0:
            return candidate
    pytest.skip("no Python with our packages can be run by an ordinary user")


def _environment(data_dir: Path) -> dict[str, str]:
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    python_path = f"{REPOSITORY}{os.pathsep}{packages}"
    return environment(data_dir, PYTHONPATH=python_path, HOME="/nonexistent")


def test_an_ordinary_user_gets_a_usable_login(
    empty_dir: Path, python: str, start_portal: StartPortal
) -> None:
    user = pwd.getpwnam(ORDINARY_USER)
    os.chown(empty_dir, user.pw_uid, user.pw_gid)
    portal = start_portal(
        empty_dir,
        command=_as_ordinary_user(python, "-m", "orchestrator", "run"),
        settings=_environment(empty_dir),
    ).wait_ready()

    path = empty_dir / "first_admin_password"
    owners = {
        Path(f"/proc/{number}").stat().st_uid for number in processes_of(empty_dir)
    }
    assert owners == {user.pw_uid}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Browser(portal.url).log_in("admin", path.read_text().strip()).status == 303
    portal.stop()
    assert not processes_of(empty_dir)


def test_a_folder_that_the_user_may_not_write_is_one_sentence(
    empty_dir: Path, python: str
) -> None:
    outcome = subprocess.run(
        _as_ordinary_user(python, "-m", "orchestrator", "run"),
        env=_environment(empty_dir),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert outcome.returncode == 2
    assert outcome.stderr == (
        f"gfo: The data folder {empty_dir} cannot be written (Permission denied); set"
        " GFO_DATA_DIR to a folder that can.\n"
    )


def test_the_folder_of_another_user_is_one_sentence(
    installed_dir: Path, python: str
) -> None:
    # Root made it; the ordinary user may write it but not read its passwords.
    installed_dir.chmod(0o777)
    outcome = subprocess.run(
        _as_ordinary_user(python, "-m", "orchestrator", "run"),
        env=_environment(installed_dir),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert outcome.returncode == 1
    (sentence,) = outcome.stderr.splitlines()
    assert sentence.startswith("gfo: ")
