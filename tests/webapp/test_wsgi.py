"""The process that gunicorn starts: what it loads, what it refuses."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.errors import InvalidInput
from db.engine import DatabaseUrls
from orchestrator.operations.secret_key import secret_key
from orchestrator.settings import Settings

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
GOOD_KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0aa55"
HEAVY = (
    *("sklearn", "mapie", "skl2onnx", "pandas", "onnx", "onnxruntime"),
    *("httpx", "tenacity"),  # feeds are asked by the worker alone
    "zxcvbn",  # only where somebody sets a password
)


def _run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GFO_", "DATABASE_", "COV"))
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**inherited, **environment},
        check=False,
        timeout=120,
    )


def test_the_web_process_never_loads_the_training_libraries(
    database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    code = (
        "import sys, webapp.wsgi; webapp.wsgi.create();"
        f" print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = _run(code, DATABASE_URL=database_urls.app, GFO_DATA_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("variable", ["FLASK_DEBUG", "DASH_DEBUG", "DASH_MCP_ENABLED"])
def test_production_does_not_start_with_debugging_on(
    variable: str, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    done = _run(
        "import webapp.wsgi; webapp.wsgi.create()",
        DATABASE_URL=database_urls.app,
        GFO_DATA_DIR=str(tmp_path),
        GFO_ENVIRONMENT="production",
        GFO_SECRET_KEY=GOOD_KEY,
        **{variable: "1"},
    )
    assert done.returncode != 0
    assert f"{variable} is set" in done.stderr


def _settings(tmp_path: Path, environment: str, key: str | None) -> Settings:
    return Settings(
        _env_file=None,
        environment=environment,
        data_dir=tmp_path,
        secret_key=None if key is None else SecretStr(key),
    )


@pytest.mark.parametrize(
    "key",
    [None, "short", "a" * 64, "change-me-change-me-change-me-change-me-0123456789"],
)
def test_production_needs_a_key_that_nobody_knows(
    tmp_path: Path, key: str | None
) -> None:
    with pytest.raises(InvalidInput, match="GFO_SECRET_KEY"):
        secret_key(_settings(tmp_path, "production", key))


def test_production_takes_a_random_key(tmp_path: Path) -> None:
    assert secret_key(_settings(tmp_path, "production", GOOD_KEY)) == GOOD_KEY


def test_development_keeps_one_key_for_all_workers_in_a_private_file(
    tmp_path: Path,
) -> None:
    settings = _settings(tmp_path / "data", "development", None)
    first = secret_key(settings)
    assert secret_key(settings) == first
    (file,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
