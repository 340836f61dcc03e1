"""`gfo model`: exit codes say what happened; one way for commands and the portal."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from click.testing import Result
from typer.testing import CliRunner

from core.forecasts import Target
from db import model_uploads, model_versions
from models import sandbox
from models.smallest import smallest_model
from orchestrator.cli.main import app
from tests.fleet import Fleet
from tests.models.attacks import ATTACKS
from tests.models.foreign import day_before

pytestmark = pytest.mark.slow

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


@pytest.fixture
def on_fleet(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Commands of this test work on the small fleet."""
    monkeypatch.setenv("DATABASE_URL", fleet.urls.app)
    monkeypatch.setenv("DATABASE_OWNER_URL", fleet.urls.owner)
    monkeypatch.setenv("DATABASE_AUDITOR_URL", fleet.urls.auditor)
    return fleet


def gfo(*arguments: str) -> Result:
    return runner.invoke(app, ["model", *arguments])


def _serving_model_of_a_stranger(fleet: Fleet) -> bytes:
    """The model that serves, under a name of its own: no worse than itself."""
    with fleet.runtime.transaction() as session:
        serving = model_versions.active_model(session, Target.TEMPERATURE_C)
        assert serving is not None
        content = model_versions.model_bytes(session, serving.version.version_id)
    model = onnx.load_model_from_string(content)
    for entry in model.metadata_props:
        if entry.key == "gfo_family":
            entry.value = "foreign"
    renamed: bytes = model.SerializeToString()
    return renamed


def test_a_file_is_uploaded_judged_activated_and_taken_back(
    on_fleet: Fleet, tmp_path: Path
) -> None:
    file = tmp_path / "theirs.onnx"
    file.write_bytes(_serving_model_of_a_stranger(on_fleet))
    uploaded = gfo("upload", str(file), "--json")
    assert uploaded.exit_code == 0, uploaded.output
    outcome = json.loads(uploaded.stdout)
    assert (outcome["state"], outcome["version_id"]) == ("validated", 5)
    again = gfo("upload", str(file))
    assert again.exit_code == 0
    assert "model 5 (foreign" in again.stdout
    activated = gfo("activate", "5", "--reason", "better")
    assert activated.exit_code == 0, activated.output
    listed = json.loads(gfo("list", "--json").stdout)
    assert [v["version_id"] for v in listed if v["is_active"]] == [5, 4, 3, 2]
    assert "model 1 (ridge" in gfo("rollback").stdout
    with on_fleet.runtime.transaction() as session:
        assert model_versions.activation_log(session)[1].reason == "better"


def test_a_refused_upload_ends_with_1_and_says_why(
    on_fleet: Fleet, tmp_path: Path
) -> None:
    file = tmp_path / "loop.onnx"
    file.write_bytes(ATTACKS["loop of 1e9"][0])
    answer = gfo("upload", str(file))
    assert answer.exit_code == 1
    assert "Refused: Operator Loop is not allowed" in answer.stdout
    with on_fleet.runtime.transaction() as session:
        (kept,) = model_uploads.list_model_uploads(session)
    assert (kept.state, kept.uploaded_by) == ("rejected", "cli")


def test_a_refused_gate_ends_with_1_and_needs_an_override(
    on_fleet: Fleet, tmp_path: Path
) -> None:
    file = tmp_path / "late.onnx"
    file.write_bytes(day_before("2025-07-10T00:00:00Z"))
    answer = gfo("upload", str(file))
    assert answer.exit_code == 1
    assert "lie after the model's training window" in answer.stdout
    assert "is rejected; only a validated one" in gfo("activate", "5").stderr
    assert gfo("override", "5", "--reason", "short").exit_code == 2
    assert gfo("override", "5", "--reason", "a drill for the night").exit_code == 0
    assert "is not calibrated for" in gfo("activate", "5").stderr
    with on_fleet.runtime.transaction() as session:
        assert model_versions.model_version(session, 5).state == "validated"
