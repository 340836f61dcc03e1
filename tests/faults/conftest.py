"""Data folders at several stages, made once and copied, and portals on them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.portal_process import ADMIN_PASSWORD, PortalProcess, gfo

StartPortal = Callable[..., PortalProcess]


@pytest.fixture(scope="session")
def stage_dir() -> Iterator[Path]:
    """Where the data folders of this test process lie: short, and open to pass."""
    folder = Path(tempfile.mkdtemp(prefix="gfo-faults-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_stage(stage_dir: Path) -> Path:
    """A data folder with a migrated database in which nobody is yet."""
    folder = stage_dir / "migrated"
    folder.mkdir()
    done = gfo(folder, "db", "upgrade")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def installed_stage(migrated_stage: Path, stage_dir: Path) -> Path:
    """A data folder after a first start, whose admin has ADMIN_PASSWORD."""
    folder = _copy(migrated_stage, stage_dir / "installed")
    portal = PortalProcess.start(
        folder, settings={"GFO_ADMIN_PASSWORD": ADMIN_PASSWORD}
    )
    try:
        portal.wait_ready().stop()
    finally:
        portal.clean_up()
    return folder


@pytest.fixture(scope="session")
def demo_stage(installed_stage: Path, stage_dir: Path) -> Path:
    """A data folder with a small demo fleet up to the present hour."""
    folder = _copy(installed_stage, stage_dir / "demo")
    done = gfo(folder, "demo", "--regions", "2", "--days", "400")
    assert done.returncode == 0, done.stderr
    return folder


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
        _copy(template, folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _copy(template: Path, folder: Path) -> Path:
    # Owners count: as root, the cluster belongs to the server's own user.
    folder.mkdir(exist_ok=True)
    subprocess.run(["/bin/cp", "-a", f"{template}/.", folder], check=True)
    return folder
