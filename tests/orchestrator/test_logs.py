"""Logs as they really come out of a process."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

SETUP = """
import logging
from orchestrator.logs import configure_logging, get_logger
configure_logging(
    level="INFO", log_format="{log_format}", app_name="Fleet", app_version="1.2"
)
log = get_logger("somewhere")
"""


def _stderr_of(code: str, log_format: str) -> str:
    program = SETUP.format(log_format=log_format) + textwrap.dedent(code)
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert finished.stdout == ""
    return finished.stderr


def _lines(code: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in _stderr_of(code, "json").splitlines()]


def test_a_json_line_has_the_fields_of_the_log_model() -> None:
    (line,) = _lines("log.info('risk_assessed', region='arizona', bound_c=34.5)")
    assert list(line) == ["timestamp", "level", "logger", "message", "app", "context"]
    assert line["message"] == "risk_assessed"
    assert line["level"] == "info"
    assert line["logger"] == "somewhere"
    assert line["app"] == {"name": "Fleet", "version": "1.2"}
    assert line["context"] == {"region": "arizona", "bound_c": 34.5}
    assert str(line["timestamp"]).endswith(("Z", "+00:00"))


def test_the_request_id_and_the_exception_stand_beside_the_context() -> None:
    (line,) = _lines(
        """
        import structlog
        structlog.contextvars.bind_contextvars(request_id="r-1")
        try:
            1 / 0
        except ZeroDivisionError:
            log.exception("worker_step_failed", step="scores")
        """
    )
    assert line["request_id"] == "r-1"
    assert "ZeroDivisionError" in str(line["exception"])
    assert line["context"] == {"step": "scores"}


def test_records_of_libraries_come_in_the_same_form() -> None:
    (line,) = _lines("logging.getLogger('library').warning('slow %s', 'disk')")
    assert line["message"] == "slow disk"
    assert line["logger"] == "library"


@pytest.mark.parametrize("field", ["password", "csrf_token", "secret_key"])
@pytest.mark.parametrize("log_format", ["json", "text"])
def test_fields_that_sound_like_secrets_are_hidden(field: str, log_format: str) -> None:
    out = _stderr_of(
        f"log.info('login_failed', **{{'{field}': 'hunter2'}})", log_format
    )
    assert "hunter2" not in out
    assert "hidden" in out


def test_text_is_for_people() -> None:
    out = _stderr_of("log.info('model_loaded', target='temperature_c')", "text")
    assert "model_loaded" in out
    assert "target=temperature_c" in out


def test_lines_below_the_level_are_left_out() -> None:
    assert _lines("log.debug('chatter')") == []


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_traceback_prints_no_local_variables(log_format: str) -> None:
    out = _stderr_of(
        """
        def work(given):
            raise ValueError('it failed')
        try:
            work('hunter' + '2')
        except ValueError:
            log.exception('work_failed')
        """,
        log_format,
    )
    assert "it failed" in out
    assert "hunter2" not in out
