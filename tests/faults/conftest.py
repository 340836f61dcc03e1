"""Data folders at several stages, made once and copied, and portals on them."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.portal_process import ADMIN_PASSWORD, PortalProcess, gfo

StartPortal = Callable[..., PortalProcess]


@pytest.fixture(scope="session")
def stage_dir(testrun_uid: str) -> Iterator[Path]:
    """Where the data folders of this test run lie: short, and open to pass.

    All processes of a run share it; the last one that uses it takes it away.
    """
    folder = Path(tempfile.gettempdir()) / f"gfo-faults-{testrun_uid[:8]}"
    folder.mkdir(mode=0o755, exist_ok=True)
    with (folder / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield folder
        with suppress(BlockingIOError):  # somebody else uses it still
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def _stage(folder: Path, make: Callable[[Path], None]) -> Path:
    """A data folder that the first process of a run makes, and the others wait for."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            fresh = folder.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)  # of a process that was killed
            fresh.mkdir(mode=0o755)
            make(fresh)
            fresh.rename(folder)
    return folder


@pytest.fixture(scope="session")
def migrated_stage(stage_dir: Path) -> Path:
    """A data folder with a migrated database in which nobody is yet."""

    def make(folder: Path) -> None:
        done = gfo(folder, "db", "upgrade")
        assert done.returncode == 0, done.stderr

    return _stage(stage_dir / "migrated", make)


@pytest.fixture(scope="session")
def installed_stage(migrated_stage: Path, stage_dir: Path) -> Path:
    """A data folder after a first start, whose admin has ADMIN_PASSWORD."""

    def make(folder: Path) -> None:
        copy(migrated_stage, folder)
        portal = PortalProcess.start(
            folder, settings={"GFO_ADMIN_PASSWORD": ADMIN_PASSWORD}
        )
        try:
            portal.wait_ready().stop()
        finally:
            portal.clean_up()

    return _stage(stage_dir / "installed", make)


@pytest.fixture(scope="session")
def demo_stage(installed_stage: Path, stage_dir: Path) -> Path:
    """A data folder with a small demo fleet up to the present hour."""

    def make(folder: Path) -> None:
        copy(installed_stage, folder)
        done = gfo(folder, "demo", "--regions", "1", "--days", "400")
        assert done.returncode == 0, done.stderr

    return _stage(stage_dir / "demo", make)


@pytest.fixture
def empty_dir(stage_dir: Path) -> Iterator[Path]:
    """A data folder of this test's own, with nothing in it."""
    yield from own_folder(stage_dir)


@pytest.fixture
def migrated_dir(stage_dir: Path, migrated_stage: Path) -> Iterator[Path]:
    """A data folder of this test's own: migrated, nobody in it."""
    yield from own_folder(stage_dir, migrated_stage)


@pytest.fixture
def installed_dir(stage_dir: Path, installed_stage: Path) -> Iterator[Path]:
    """A data folder of this test's own: installed, admin with ADMIN_PASSWORD."""
    yield from own_folder(stage_dir, installed_stage)


@pytest.fixture
def demo_dir(stage_dir: Path, demo_stage: Path) -> Iterator[Path]:
    """A data folder of this test's own with a small demo fleet."""
    yield from own_folder(stage_dir, demo_stage)


@pytest.fixture
def start_portal() -> Iterator[StartPortal]:
    """Starts portals and makes sure that none is left."""
    started: list[PortalProcess] = []

    def start(data_dir: Path, **options: object) -> PortalProcess:
        portal = PortalProcess.start(data_dir, **options)  # type: ignore[arg-type]
        started.append(portal)
        return portal

    yield start
    for portal in started:
        portal.clean_up()


def own_folder(stage_dir: Path, template: Path | None = None) -> Iterator[Path]:
    """A folder that goes when the iteration ends; a copy of a stage, or empty."""
    folder = Path(tempfile.mkdtemp(prefix="d", dir=stage_dir))
    folder.chmod(0o755)
    if template is not None:
        copy(template, folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def copy(template: Path, folder: Path) -> None:
    """Fill a folder with what is in another one.

    Owners count: as root, the cluster belongs to the server's own user.
    """
    subprocess.run(["/bin/cp", "-a", f"{template}/.", folder], check=True)
