"""`gfo model validate`: 0 accepted, 1 refused, 2 could not be checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models import sandbox
from models.smallest import smallest_model
from orchestrator.cli import app

runner = CliRunner()


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    file = tmp_path / "model.onnx"
    file.write_bytes(smallest_model())
    return file


def test_an_accepted_model_ends_with_0_and_says_what_it_is(model_file: Path) -> None:
    answer = runner.invoke(app, ["model", "validate", str(model_file)])
    assert answer.exit_code == 0, answer.output
    assert "temperature_c for 24 h" in answer.output
    as_json = runner.invoke(app, ["model", "validate", str(model_file), "--json"])
    assert json.loads(as_json.stdout)["family"] == "smallest"


def test_a_refused_model_ends_with_1_and_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("<!doctype html>")
    answer = runner.invoke(app, ["model", "validate", str(file)])
    assert answer.exit_code == 1
    assert answer.stderr.strip() == "gfo: The file is not an ONNX model."


def test_a_file_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    answer = runner.invoke(app, ["model", "validate", str(tmp_path / "none.onnx")])
    assert answer.exit_code == 2
    assert "cannot be read: No such file" in answer.stderr


def test_a_check_that_cannot_run_ends_with_2(
    model_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "child.py"
    broken.write_text("raise SystemExit(1)")
    monkeypatch.setattr(sandbox, "_CHILD", broken)
    answer = runner.invoke(app, ["model", "validate", str(model_file)])
    assert answer.exit_code == 2
    assert "could not be run on this machine" in answer.stderr
