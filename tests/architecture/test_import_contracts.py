"""The import contracts bite: each is broken once on purpose and must say so."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("core", "models", "db", "orchestrator", "pages", "webapp", "migrations")
VIOLATIONS = [
    ("Imports point one way", "core/planted.py", "import db.engine"),
    ("Imports point one way", "db/planted.py", "import orchestrator.settings"),
    ("Imports point one way", "models/planted.py", "import db.engine"),
    ("Imports point one way", "orchestrator/planted.py", "import pages.theme"),
    ("Imports point one way", "pages/planted.py", "import webapp.app"),
    ("core is pure", "core/planted.py", "import sqlalchemy"),
    ("core is pure", "core/planted.py", "import logging"),
    ("core is pure", "core/planted.py", "import pandas"),
    ("HiGHS belongs to the optimiser", "core/planted.py", "import highspy"),
    ("HiGHS belongs to the optimiser", "orchestrator/planted.py", "import highspy"),
    ("models know no database", "models/planted.py", "import sqlalchemy"),
    ("pages ask services", "pages/planted.py", "import db.regions"),
    ("pages ask services", "pages/planted.py", "import models.accuracy"),
    ("figures draw views", "pages/fleet/figures.py", "import pages.components"),
    (
        "figures draw views",
        "pages/fleet/figures.py",
        "import orchestrator.forecasts.fleet",
    ),
    ("dash, plotly and flask stay", "orchestrator/planted.py", "import dash"),
    ("dash, plotly and flask stay", "db/planted.py", "import flask"),
    ("the schema belongs to db", "orchestrator/planted.py", "import db.schema"),
    (
        "records know no views",
        "orchestrator/plans/records.py",
        "import orchestrator.plans.views",
    ),
    (
        "only use cases append events",
        "orchestrator/accounts/planted.py",
        "import db.audit_append",
    ),
    ("only use cases append events", "db/planted.py", "import db.audit_append"),
    (
        "subjects point one way",
        "orchestrator/regions/planted.py",
        "import orchestrator.decisions.views",
    ),
    (
        "subjects point one way",
        "orchestrator/plans/planted.py",
        "import orchestrator.audit.views",
    ),
    ("subjects point one way", "orchestrator/new_room.py", ""),
]


@pytest.mark.slow
@pytest.mark.parametrize(("contract", "module", "statement"), VIOLATIONS)
def test_a_planted_violation_breaks_its_contract(
    tmp_path: Path, contract: str, module: str, statement: str
) -> None:
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__", "assets"),
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{statement}\n")
    finished = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    broken = [line for line in finished.stdout.splitlines() if " BROKEN" in line]
    assert any(line.startswith(contract) for line in broken), finished.stdout
