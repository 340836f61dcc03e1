"""`./run` before Python: what it refuses, and whose folder it means."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow

OLD_PYTHON = """#!/bin/sh
# Answers as a Python 3.9 would: the version check of the script fails.
case "$*" in *version_info*) exit 1 ;; *) echo "Python 3.9.18" ;; esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The scripts of a fresh clone, in a folder whose name has a space."""
    folder = tmp_path / "a clone"
    (folder / "scripts").mkdir(parents=True)
    for name in ("run", "scripts/environment.sh", "pyproject.toml"):
        shutil.copy2(REPOSITORY / name, folder / name)
    # Nothing is ever installed from here.
    (folder / "requirements").mkdir()
    (folder / "requirements" / "runtime.txt").write_text("no such thing at all\n")
    return folder


def _run(
    clone: Path, *arguments: str, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GFO_")}
    return subprocess.run(
        [str(clone / "run"), *arguments],
        env={**kept, **variables},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("argument", ["--help", "serve", "--port=1"])
def test_arguments_are_refused_with_where_settings_come_from(
    clone: Path, argument: str
) -> None:
    outcome = _run(clone, argument)

    assert outcome.returncode != 0
    (line,) = outcome.stderr.splitlines()
    assert line.startswith("run: takes no arguments; settings come from the environm")
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize("program", ["/bin/false", "/bin/true", "/bin/echo", "old"])
def test_a_wrong_python_is_one_sentence(
    clone: Path, tmp_path: Path, program: str
) -> None:
    if program == "old":
        script = tmp_path / "python3.9"
        script.write_text(OLD_PYTHON)
        script.chmod(0o755)
        program = str(script)

    outcome = _run(clone, GFO_PYTHON=program)

    assert outcome.returncode != 0
    (line,) = outcome.stderr.splitlines()
    assert line == (
        "run: Python 3.11 or newer is needed, and none was found at"
        f" GFO_PYTHON={program}; install it or set GFO_PYTHON to one."
    )
    assert not (clone / ".venv").exists()


def _with_environment(clone: Path) -> None:
    """As after an installation: a stamped `.venv` whose Python tells what it got."""
    programs = clone / ".venv" / "bin"
    programs.mkdir(parents=True)
    python = programs / "python"
    python.write_text(
        "#!/bin/sh\n"
        'case "$*" in *version_info*) echo True ;;'
        " *hashlib*) cat >/dev/null; echo stamp ;;"
        ' *orchestrator*) echo "$@" ;'
        ' echo "$GFO_DATA_DIR" ; pwd ;; esac\n'
    )
    python.chmod(0o755)
    (clone / ".venv" / ".installed").write_text("runtime:stamp\n")


def test_an_installed_environment_goes_straight_to_the_supervisor(clone: Path) -> None:
    _with_environment(clone)

    outcome = _run(clone)

    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout.splitlines() == ["-m orchestrator run", "", str(clone)]


def test_a_relative_data_folder_is_that_of_the_caller(
    clone: Path, tmp_path: Path
) -> None:
    _with_environment(clone)

    outcome = _run(clone, cwd=tmp_path, GFO_DATA_DIR="state", CDPATH="/usr")

    assert outcome.stdout.splitlines()[1:] == [str(tmp_path / "state"), str(clone)]


def test_an_environment_of_an_older_python_is_made_anew(clone: Path) -> None:
    programs = clone / ".venv" / "bin"
    programs.mkdir(parents=True)
    python = programs / "python"
    python.write_text(OLD_PYTHON)
    python.chmod(0o755)

    outcome = _run(clone)

    assert "run: the locked packages could not be installed" in outcome.stderr
    assert "Making the environment" in outcome.stderr
    assert python.is_symlink()
