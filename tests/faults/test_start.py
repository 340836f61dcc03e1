"""From nothing to a usable login, and a second start that keeps everything."""

from __future__ import annotations

import os
import pty
import re
import stat
import time
from pathlib import Path

import pytest

from tests.faults.conftest import StartPortal
from tests.faults.portal_process import (
    ADMIN_PASSWORD,
    Browser,
    add_region,
    gfo,
    processes_of,
    require_kept,
    wait_until,
)

pytestmark = pytest.mark.slow

FORCED_CHANGE = "/account/password"


def _password_file(data_dir: Path) -> Path:
    return data_dir / "first_admin_password"


def test_a_first_start_without_a_terminal_names_address_admin_and_password_file(
    empty_dir: Path, start_portal: StartPortal
) -> None:
    portal = start_portal(empty_dir).wait_ready()

    path = _password_file(empty_dir)
    password = path.read_text().strip()
    assert f"is ready at {portal.url}\n" in portal.printed
    assert "Log in as admin.\n" in portal.printed
    assert f"is in {path} " in portal.printed
    assert password not in portal.everything
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    answer = Browser(portal.url).log_in("admin", password)
    assert (answer.status, answer.location) == (303, FORCED_CHANGE)


def test_the_one_time_password_opens_nothing_but_its_change(
    migrated_dir: Path, start_portal: StartPortal
) -> None:
    portal = start_portal(migrated_dir).wait_ready()
    browser = Browser(portal.url)
    browser.log_in("admin", _password_file(migrated_dir).read_text().strip())

    assert browser.get("/").location == FORCED_CHANGE
    assert browser.get(FORCED_CHANGE).status == 200


def test_at_a_terminal_the_password_is_shown_once_and_no_file_remains(
    migrated_dir: Path, start_portal: StartPortal
) -> None:
    ours, theirs = pty.openpty()
    portal = start_portal(migrated_dir, stdout=theirs)
    os.close(theirs)
    shown = _read_terminal(ours, until=r"shown once\): \S+\r?\n$")

    found = re.search(r"One-time password \(shown once\): (\S+)", shown)
    assert found is not None, shown
    # It goes only after the terminal took the line.
    wait_until(lambda: not _password_file(migrated_dir).exists())
    assert found[1] not in portal.logged
    answer = Browser(portal.url).log_in("admin", found[1])
    assert (answer.status, answer.location) == (303, FORCED_CHANGE)
    os.close(ours)


def _read_terminal(descriptor: int, *, until: str) -> str:
    shown = ""
    deadline = time.monotonic() + 60
    while not re.search(until, shown):
        assert time.monotonic() < deadline, shown
        shown += os.read(descriptor, 4096).decode()
    return shown


def test_a_given_password_needs_no_change_and_leaves_no_file(
    migrated_dir: Path, start_portal: StartPortal
) -> None:
    portal = start_portal(
        migrated_dir,
        settings={"GFO_ADMIN_PASSWORD": ADMIN_PASSWORD, "GFO_ADMIN_NAME": "Ada"},
    ).wait_ready()

    assert "Log in as Ada.\n" in portal.printed
    assert "password" not in portal.printed
    assert not _password_file(migrated_dir).exists()
    answer = Browser(portal.url).log_in("Ada", ADMIN_PASSWORD)
    assert (answer.status, answer.location) == (303, "/")
    assert Browser(portal.url).log_in("Ada", ADMIN_PASSWORD + "x").status == 401


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
    migrated_dir: Path, start_portal: StartPortal
) -> None:
    first = start_portal(migrated_dir).wait_ready()
    password = _password_file(migrated_dir).read_text().strip()
    add_region(migrated_dir, "KEPT")
    browser = Browser(first.url)
    browser.log_in("admin", password)
    first.stop()

    second = start_portal(
        migrated_dir,
        settings={"GFO_ADMIN_PASSWORD": ADMIN_PASSWORD, "GFO_PORT": str(first.port)},
    ).wait_ready()

    assert "Creating the database" not in second.printed
    assert "Migrating" not in second.printed
    assert f"unless you changed it, is in {_password_file(migrated_dir)}" in (
        second.printed
    )
    assert Browser(second.url).log_in("admin", password).status == 303
    assert Browser(second.url).log_in("admin", ADMIN_PASSWORD).status == 401
    assert browser.get("/account/password").status == 200  # still logged in
    require_kept(migrated_dir, "KEPT")


def test_a_proxy_in_the_environment_is_not_asked_whether_the_portal_is_up(
    installed_dir: Path, start_portal: StartPortal
) -> None:
    nowhere = "http://127.0.0.1:9"
    portal = start_portal(
        installed_dir, settings={"http_proxy": nowhere, "HTTP_PROXY": nowhere}
    )
    assert portal.wait_ready().is_ready()


def test_a_terminal_that_knows_few_characters_is_no_obstacle(
    installed_dir: Path, start_portal: StartPortal
) -> None:
    portal = start_portal(installed_dir, settings={"PYTHONIOENCODING": "latin-1"})
    assert "Starting the database ?" in portal.wait_ready().printed
