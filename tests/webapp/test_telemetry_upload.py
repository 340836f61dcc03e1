"""The upload of telemetry: for admins, with a token, up to its own size."""

from __future__ import annotations

import io

import pytest

from tests.webapp.conftest import Portal
from webapp.app import LARGEST_BODY_BYTES
from webapp.telemetry_upload import LARGEST_FILE_BYTES

PATH = "/_telemetry"
FORM = {"format": "csv", "region": "", "time_zone": "", "carbon_kind": "life-cycle"}
HEADER = b"timestamp,region,temperature_c\n"


def send(portal: Portal, role: str, content: bytes, **form: str) -> tuple[int, str]:
    """Status and what was said."""
    response = portal.logged_in(role).post_form(
        PATH, **{**FORM, **form}, file=(io.BytesIO(content), "file.csv")
    )
    answer = response.get_json(silent=True) or {}
    return response.status_code, str(answer.get("error") or answer.get("sentence"))


@pytest.mark.parametrize("role", ["operator", "auditor"])
def test_only_admins_may_send_files(portal: Portal, role: str) -> None:
    assert send(portal, role, HEADER)[0] == 403


def test_a_file_larger_than_a_form_is_read(portal: Portal) -> None:
    row = b"2025-07-01T00:00Z,atlantis,20\n"
    content = HEADER + row * (LARGEST_BODY_BYTES // len(row) + 1_000)
    assert len(content) > LARGEST_BODY_BYTES
    status, said = send(portal, "admin", content)
    assert status == 200, said
    assert "refused" in said


def test_a_file_that_is_too_large_is_refused_and_other_routes_stay_small(
    portal: Portal,
) -> None:
    assert send(portal, "admin", b"x" * (LARGEST_FILE_BYTES + 1))[0] == 413
    admin = portal.logged_in("admin")
    big = {"current": "x" * (LARGEST_BODY_BYTES + 1)}
    assert admin.post_form("/account/password", **big).status_code == 413


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"format": "exe"}, "format 'exe' is unknown"),
        ({"carbon_kind": "none"}, "Carbon kind 'none' is unknown"),
        ({"region": "atlantis"}, "atlantis"),
        ({"time_zone": "Mars/Olympus"}, "Mars/Olympus"),
    ],
)
def test_what_is_wrong_is_named(
    portal: Portal, form: dict[str, str], said: str
) -> None:
    status, answer = send(portal, "admin", HEADER + b"x", **form)
    assert status == 400
    assert said in answer


def test_without_a_file_nothing_is_imported(portal: Portal) -> None:
    response = portal.logged_in("admin").post_form(PATH, **FORM)
    assert response.status_code == 400
    assert "Choose a file" in response.get_json()["error"]


@pytest.mark.parametrize("role", ["operator", "auditor"])
def test_only_admins_may_preview_files(portal: Portal, role: str) -> None:
    answer = portal.logged_in(role).post_form(
        f"{PATH}/preview", **FORM, file=(io.BytesIO(HEADER), "file.csv")
    )
    assert answer.status_code == 403


def test_a_preview_reads_with_the_options_of_the_form(portal: Portal) -> None:
    form = {
        **FORM,
        "carbon_kind": "",
        "columns": "t=timestamp\nr=region\nc=temperature_c\n",
        "units": "temperature_c=F",
        "time_zone": "UTC",
        "decimal": "comma",
        "dates": "day-first",
        "stamp": "end",
    }
    content = "t;r;c\n01/06/2025 01:00;nowhere;50\n01/06/2025 02:00;nowhere;59,0\n"
    response = portal.logged_in("admin").post_form(
        f"{PATH}/preview", **form, file=(io.BytesIO(content.encode()), "file.csv")
    )
    answer = response.get_json()
    assert response.status_code == 200, answer
    facts, columns, hours = answer["preview"]["tables"]
    assert facts["caption"] == "How the file would be read"
    assert columns["rows"] == [
        ["Column", "Read as", "In"],
        ["c", "temperature_c", "F"],
    ]
    assert hours["rows"] == [["Line", "Hour, UTC", "Region"]]
    assert "unknown_region" in answer["preview"]["notes"][-1]
