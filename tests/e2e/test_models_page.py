"""An admin uploads a stranger's model, reads its evaluation, activates, goes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.audit import AuditAction
from core.days import full_hour
from db import audit, model_evaluations, model_uploads
from orchestrator.cycle.worker_jobs import WorkerJobs
from tests.e2e.people import PASSWORD
from tests.e2e.serving import Portal
from tests.e2e.visitor import Visitor
from tests.fleet import NOW, TRAINED_UNTIL
from tests.models.attacks import ATTACKS
from tests.models.foreign import day_before

pytestmark = pytest.mark.e2e

UNTIL = f"{TRAINED_UNTIL}T00:00:00Z"


@pytest.fixture
def worker(portal: Portal) -> Iterator[WorkerJobs]:
    """What the worker does, when a test lets it."""
    worker = WorkerJobs(portal.runtime)
    yield worker
    worker.close()


def send(visitor: Visitor, file: Path, password: str = PASSWORD) -> None:
    visitor.browser.wait_for_element("#models-file").send_keys(str(file))
    visitor.type_into("#models-password", password)
    visitor.click("#models-send")


def newest_upload(portal: Portal) -> model_uploads.ModelUpload:
    with portal.runtime.transaction() as session:
        return model_uploads.list_model_uploads(session)[0]


def evaluate(portal: Portal, worker: WorkerJobs, version_id: int) -> None:
    with portal.runtime.transaction() as session:
        found = model_evaluations.newest_evaluation(session, version_id)
    assert found is not None
    for _ in found.region_slugs:
        worker.evaluate_model(found.evaluation_id)


def test_a_model_goes_from_its_file_to_active_and_back(
    visitor: Visitor, portal: Portal, worker: WorkerJobs, tmp_path: Path
) -> None:
    file = tmp_path / "day-before.onnx"
    file.write_bytes(day_before(UNTIL))
    visitor.come_in("ada", "/admin/models")
    visitor.sees("#models-serving-table", "Temperature", "model 1 (ridge")
    send(visitor, file)
    visitor.sees("#models-status", "in quarantine")
    visitor.sees("#models-uploads-table", "day-before.onnx", "being checked")
    upload = newest_upload(portal)
    worker.check_model(upload.upload_id)
    visitor.sees("#models-uploads-table", "model 5")
    visitor.sees("#models-versions-table", "0 of 3 regions")
    evaluate(portal, worker, 5)
    visitor.sees("#models-versions-table", "done")
    visitor.follow("model 5", "#models-uploads-table")
    visitor.is_at("/admin/models/5")
    visitor.sees("#model-evaluation", "Gate:", "Arizona", "All regions")
    visitor.sees("#model-contract", "foreign", "24 h")
    if "Its gate refused it" in visitor.text("#model-next-step"):
        visitor.click("#model-override")
        visitor.sees("#model-notice", "Nothing was changed", "password is wrong")
        visitor.type_into("#model-password", PASSWORD)
        visitor.click("#model-override")
        visitor.sees("#model-notice", "Write why")
        visitor.type_into("#model-reason", "A drill of the way back.")
        visitor.click("#model-override")
        visitor.sees("#model-notice", "The gate is overridden")
    visitor.sees("#model-next-step", "Activate it to replace model 1")
    visitor.type_into("#model-reason", "A drill of the way back.")
    visitor.type_into("#model-password", PASSWORD)
    visitor.click("#model-activate")
    visitor.sees("#model-notice", "Model 5", "serves from the next forecast on")
    worker.issue(full_hour(NOW))
    visitor.follow("Models", ".gfo-crumbs")
    visitor.sees("#models-serving-table", "model 5 (foreign", "Roll back to model 1")
    visitor.rest()  # or the button is drawn anew under the mouse
    visitor.type_into("#models-rollback-reason", "It was only a drill.")
    visitor.type_into("#models-rollback-password", PASSWORD)
    visitor.click("#models-serving-table button")
    visitor.sees("#models-notice", "Model 1", "serves again")
    visitor.sees("#models-serving-table", "model 1 (ridge", "Roll back to model 5")
    visitor.sees("#models-history", "It was only a drill.", "ada")
    assert visitor.browser.console_errors() == []


def test_a_wrong_password_uploads_nothing(
    visitor: Visitor, portal: Portal, tmp_path: Path
) -> None:
    file = tmp_path / "m.onnx"
    file.write_bytes(day_before(UNTIL))
    visitor.come_in("ada", "/admin/models")
    send(visitor, file, "not my password at all")
    visitor.sees("#models-status.gfo-problem", "password is wrong", "reference")
    with portal.runtime.transaction() as session:
        assert model_uploads.list_model_uploads(session) == []


def test_a_hostile_file_is_refused_with_its_reason(
    visitor: Visitor, portal: Portal, worker: WorkerJobs, tmp_path: Path
) -> None:
    file = tmp_path / "loop.onnx"
    file.write_bytes(ATTACKS["loop of 1e9"][0])
    visitor.come_in("ada", "/admin/models")
    send(visitor, file)
    visitor.sees("#models-uploads-table", "loop.onnx", "being checked")
    worker.check_model(newest_upload(portal).upload_id)
    visitor.sees("#models-uploads-table", "refused", "Loop is not allowed")
    with portal.runtime.transaction() as session:
        events = audit.list_events(session, action=AuditAction.MODEL_REJECTED)
    assert len(events) == 1


SCROLLS_DOWN = """
return [...document.querySelectorAll(".gfo-scroll")].filter((item) =>
  ["auto", "scroll"].includes(getComputedStyle(item).overflowY)).length;
"""


def test_a_table_never_has_a_scrollbar_of_its_own_up_and_down(visitor: Visitor) -> None:
    visitor.come_in("ada", "/admin/models")
    visitor.sees("#models-versions-table", "ridge")
    assert visitor.browser.driver.execute_script(SCROLLS_DOWN) == 0


@pytest.mark.parametrize("path", ["/admin/models", "/admin/models/1"])
def test_an_operator_finds_no_models(visitor: Visitor, path: str) -> None:
    visitor.come_in("olga")
    assert "Models" not in visitor.text("nav")
    visitor.open(path)
    visitor.sees("body", "Your role does not allow this")
