"""The shape of the house: what is shipped, what is locked, what is documented."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from core.version import CODE_VERSION

ROOT = Path(__file__).parents[2]
PACKAGES = {"core", "models", "db", "orchestrator", "pages", "webapp", "migrations"}
FIXED_ENTRIES = {
    "webapp", "pages", "db", "migrations", "models", "tests", "core", "orchestrator",
    "alembic.ini", "Dockerfile", "pyproject.toml",
}  # fmt: skip
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def _tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_the_fixed_entries_stand_at_the_top() -> None:
    assert {entry for entry in FIXED_ENTRIES if not (ROOT / entry).exists()} == set()


def test_every_package_says_in_a_docstring_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.read_text("utf-8").strip()
        and not re.match(r'(#!.*\n)?[ru]?"""', path.read_text("utf-8"))
    ]
    assert silent == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty_words = {"utils", "helpers", "common", "base", "manager"}
    found = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.stem in empty_words
    ]
    assert found == []


@pytest.mark.parametrize("lock", [ROOT / "requirements" / n for n in (
    "runtime.txt", "dev.txt")], ids=lambda path: path.name)  # fmt: skip
def test_locks_pin_and_hash_everything_and_name_no_registry(lock: Path) -> None:
    text = lock.read_text("utf-8")
    requirements = re.findall(r"^([a-z0-9][^\s;]*)", text, re.MULTILINE)
    unpinned = [name for name in requirements if "==" not in name]
    assert unpinned == []
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in text
    assert "--index-url" not in text


def test_nothing_names_the_host_of_a_package_registry() -> None:
    hosts = re.compile(r"py[p]i\.org|pythonho[s]ted\.org|npm[j]s\.(org|com)")
    found = [
        str(path.relative_to(ROOT))
        for path in _tracked_files()
        if hosts.search(path.read_text("utf-8", errors="ignore"))
    ]
    assert found == []


@pytest.mark.slow
def test_the_wheel_installs_and_holds_exactly_our_packages(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for path in _tracked_files():
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    _run(
        "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        "--wheel-dir", str(tmp_path), str(source), cwd=tmp_path,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    shipped = {name for name in names if name.split("/")[0] in PACKAGES}
    expected = {
        str(path.relative_to(ROOT))
        for path in _tracked_files()
        if path.relative_to(ROOT).parts[0] in PACKAGES
    }
    assert shipped == expected
    assert {f"{package}/py.typed" for package in PACKAGES} <= shipped
    assert wheel.name.split("-")[1] == CODE_VERSION
    target = tmp_path / "installed"
    _run(
        "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target),
        str(wheel), cwd=tmp_path,
    )  # fmt: skip
    answer = _run("-m", "orchestrator", "--help", cwd=tmp_path, path=target)
    assert "forecast" in answer
    head = _run(
        "-c", "from db.migrate import head_revision; print(head_revision())",
        cwd=tmp_path, path=target,
    )  # fmt: skip
    assert head.strip()


def _run(*arguments: str, cwd: Path, path: Path | None = None) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cwd)}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    finished = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
