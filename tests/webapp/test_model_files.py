"""Uploading and downloading models over HTTP: limits, password, doors."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from core.audit import AuditAction
from db import model_uploads
from models.metadata import MAX_MODEL_BYTES
from models.smallest import smallest_model
from orchestrator.registry.upload_checks import check_upload
from tests.webapp.conftest import ORIGIN, PASSWORD, Browser, Portal


def send(
    browser: Browser,
    content: bytes,
    *,
    password: str = PASSWORD,
    token: str | None = None,
) -> TestResponse:
    return browser.client.post(
        "/_models",
        data={"password": password, "file": (io.BytesIO(content), "m.onnx")},
        base_url=ORIGIN,
        headers={
            "Origin": ORIGIN,
            "X-CSRFToken": browser.csrf_token() if token is None else token,
        },
        environ_overrides={"REMOTE_ADDR": browser.address},
    )


def n_uploads(portal: Portal) -> int:
    with portal.runtime.transaction() as session:
        return len(model_uploads.list_model_uploads(session))


def test_a_file_goes_into_quarantine_under_its_hash(portal: Portal) -> None:
    content = smallest_model()
    answer = send(portal.logged_in("admin"), content)
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["state"] == "quarantined"
    with portal.runtime.transaction() as session:
        (upload,) = model_uploads.list_model_uploads(session)
        kept = model_uploads.upload_bytes(session, upload.upload_id)
        jobs = session.scalar(
            text("select count(*) from procrastinate_jobs where task_name = :name"),
            {"name": "check_model"},
        )
    assert upload.content_sha256 == hashlib.sha256(content).hexdigest()
    assert (kept, upload.uploaded_by, jobs) == (content, "admin", 1)
    event = portal.events()[0]
    assert (event.action, event.actor_name) == ("model_uploaded", "admin")
    assert event.request_id


def test_the_same_bytes_twice_are_one_upload(portal: Portal) -> None:
    browser = portal.logged_in("admin")
    first, second = (send(browser, b"x").json for _ in range(2))
    assert first is not None
    assert second is not None
    assert first["upload_id"] == second["upload_id"]
    assert second["state"] == "quarantined"
    assert n_uploads(portal) == 1
    checked = check_upload(portal.runtime, "worker", first["upload_id"])
    assert checked.state == "rejected"
    third = send(browser, b"x").json
    assert third is not None
    assert (third["state"], third["upload_id"]) == ("rejected", first["upload_id"])
    assert "given before" in third["sentence"]


def test_a_wrong_password_is_refused_counted_and_makes_wait(portal: Portal) -> None:
    browser = portal.logged_in("admin")
    for said in (*["password is wrong"] * 5, "wait 15 seconds"):
        answer = send(browser, b"x", password="not this one, sorry")
        assert answer.status_code == 403
        assert answer.json is not None
        assert said in answer.json["error"]
    assert send(browser, b"x").status_code == 403  # the right one has to wait too
    assert n_uploads(portal) == 0


@pytest.mark.parametrize("kind", ["anonymous", "auditor", "operator"])
def test_only_an_admin_gets_as_far_as_the_form(
    portal: Portal, person: Callable[[str], Browser], kind: str
) -> None:
    answer = send(person(kind), b"x")
    assert answer.status_code == (401 if kind == "anonymous" else 403)
    assert n_uploads(portal) == 0


def test_a_form_of_another_site_is_refused(portal: Portal) -> None:
    answer = send(portal.logged_in("admin"), b"x", token="forged")
    assert answer.status_code == 400
    assert n_uploads(portal) == 0


def test_more_than_a_model_may_have_is_refused(portal: Portal) -> None:
    answer = send(portal.logged_in("admin"), bytes(MAX_MODEL_BYTES + 100_000))
    assert answer.status_code == 413
    assert answer.json is not None
    assert "larger than the portal accepts" in answer.json["error"]
    assert n_uploads(portal) == 0


def test_no_file_is_a_sentence(portal: Portal) -> None:
    answer = portal.logged_in("admin").post_form("/_models", password=PASSWORD)
    assert answer.status_code == 400
    assert answer.json is not None
    assert "Choose a file first" in answer.json["error"]


def test_a_model_can_be_downloaded_as_it_came(portal: Portal) -> None:
    content = smallest_model()
    browser = portal.logged_in("admin")
    given = send(browser, content).json
    assert given is not None

    checked = check_upload(portal.runtime, "worker", given["upload_id"])
    browser.get("/")
    answer = browser.post_form(f"/_models/{checked.model_version_id}/onnx")
    assert answer.status_code == 200
    assert answer.data == content
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert browser.post_form("/_models/999/onnx").status_code == 404


def test_another_site_starts_no_download(portal: Portal) -> None:
    content = smallest_model()
    browser = portal.logged_in("admin")
    given = send(browser, content).json
    assert given is not None
    checked = check_upload(portal.runtime, "worker", given["upload_id"])
    address = f"/_models/{checked.model_version_id}/onnx"
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert browser.get(address, **{"Sec-Fetch-Site": "cross-site"}).status_code == 404
    token = browser.csrf_token()
    for headers in (foreign, {}):
        answer = browser.client.post(
            address,
            data={"csrf_token": token},
            base_url=ORIGIN,
            headers=headers,
            environ_overrides={"REMOTE_ADDR": browser.address},
        )
        assert answer.status_code in {400, 403}
    actions = {event.action for event in portal.events()}
    assert AuditAction.MODEL_EXPORTED not in actions
