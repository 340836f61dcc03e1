"""From nothing to a usable login, and a second start that keeps everything."""

from __future__ import annotations

import os
import pty
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import StartPortal, own_folder
from tests.faults.portal_process import (
    ADMIN_PASSWORD,
    Browser,
    PortalProcess,
    add_region,
    gfo,
    processes_of,
    read_terminal,
    require_kept,
    wait_until,
)

pytestmark = pytest.mark.slow

FORCED_CHANGE = "/account/password"


def _password_file(data_dir: Path) -> Path:
    return data_dir / "first_admin_password"


@pytest.fixture(scope="module")
def first(stage_dir: Path) -> Iterator[PortalProcess]:
    """A first start without a terminal, on nothing; the last test here ends it."""
    for data_dir in own_folder(stage_dir):
        portal = PortalProcess.start(data_dir)
        try:
            yield portal.wait_ready()
        finally:
            portal.clean_up()


@pytest.fixture(scope="module")
def configured(stage_dir: Path, migrated_stage: Path) -> Iterator[PortalProcess]:
    """A first start with a password, a proxy and a terminal of few characters."""
    nowhere = "http://127.0.0.1:9"
    settings = {
        "GFO_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "GFO_ADMIN_NAME": "Ada",
        "http_proxy": nowhere,
        "HTTP_PROXY": nowhere,
        "PYTHONIOENCODING": "latin-1",
    }
    for data_dir in own_folder(stage_dir, migrated_stage):
        portal = PortalProcess.start(data_dir, settings=settings)
        try:
            yield portal.wait_ready()
        finally:
            portal.clean_up()


def test_a_first_start_without_a_terminal_names_address_admin_and_password_file(
    first: PortalProcess,
) -> None:
    path = _password_file(first.data_dir)
    password = path.read_text().strip()
    assert f"is ready at {first.url}\n" in first.printed
    assert "Log in as admin.\n" in first.printed
    assert f"is in {path} " in first.printed
    assert password not in first.everything
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    answer = Browser(first.url).log_in("admin", password)
    assert (answer.status, answer.location) == (303, FORCED_CHANGE)


def test_the_one_time_password_opens_nothing_but_its_change(
    first: PortalProcess,
) -> None:
    browser = Browser(first.url)
    browser.log_in("admin", _password_file(first.data_dir).read_text().strip())

    assert browser.get("/").location == FORCED_CHANGE
    assert browser.get(FORCED_CHANGE).status == 200


def test_at_a_terminal_the_password_is_shown_once_and_no_file_remains(
    migrated_dir: Path, start_portal: StartPortal
) -> None:
    ours, theirs = pty.openpty()
    portal = start_portal(migrated_dir, stdout=theirs)
    os.close(theirs)
    shown = read_terminal(ours, until=r"shown once\): \S+\r?\n$")

    found = re.search(r"One-time password \(shown once\): (\S+)", shown)
    assert found is not None, shown
    # It goes only after the terminal took the line.
    wait_until(lambda: not _password_file(migrated_dir).exists())
    assert found[1] not in portal.logged
    answer = Browser(portal.url).log_in("admin", found[1])
    assert (answer.status, answer.location) == (303, FORCED_CHANGE)
    os.close(ours)


def test_a_given_password_needs_no_change_and_leaves_no_file(
    configured: PortalProcess,
) -> None:
    assert "Log in as Ada.\n" in configured.printed
    assert "password" not in configured.printed
    assert not _password_file(configured.data_dir).exists()
    answer = Browser(configured.url).log_in("Ada", ADMIN_PASSWORD)
    assert (answer.status, answer.location) == (303, "/")
    wrong = ADMIN_PASSWORD + "x"
    assert Browser(configured.url).log_in("Ada", wrong).status == 401


def test_a_proxy_in_the_environment_is_not_asked_whether_the_portal_is_up(
    configured: PortalProcess,
) -> None:
    assert configured.is_ready()


def test_a_terminal_that_knows_few_characters_is_no_obstacle(
    configured: PortalProcess,
) -> None:
    assert "Starting the database ?" in configured.printed


def test_a_weak_given_password_is_one_sentence_and_makes_nobody(
    migrated_dir: Path, start_portal: StartPortal
) -> None:
    settings = {"GFO_ADMIN_PASSWORD": "hunter2", "GFO_ADMIN_NAME": "Ada"}
    portal = start_portal(migrated_dir, settings=settings)

    assert portal.process.wait(60) == 2
    (sentence,) = portal.logged.splitlines()
    assert sentence.startswith("gfo: GFO_ADMIN_PASSWORD cannot be used.")
    assert "hunter2" not in portal.everything
    assert "Ada" not in gfo(migrated_dir, "user", "list").stdout
    assert not processes_of(migrated_dir)


def test_a_second_start_keeps_people_passwords_keys_and_rows(
    first: PortalProcess, start_portal: StartPortal
) -> None:
    data_dir = first.data_dir
    password = _password_file(data_dir).read_text().strip()
    add_region(data_dir, "KEPT")
    browser = Browser(first.url)
    browser.log_in("admin", password)
    first.stop()

    second = start_portal(
        data_dir,
        settings={"GFO_ADMIN_PASSWORD": ADMIN_PASSWORD, "GFO_PORT": str(first.port)},
    ).wait_ready()

    assert "Creating the database" not in second.printed
    assert "Migrating" not in second.printed
    assert f"unless you changed it, is in {_password_file(data_dir)}" in (
        second.printed
    )
    assert Browser(second.url).log_in("admin", password).status == 303
    assert Browser(second.url).log_in("admin", ADMIN_PASSWORD).status == 401
    assert browser.get("/account/password").status == 200  # still logged in
    require_kept(data_dir, "KEPT")
