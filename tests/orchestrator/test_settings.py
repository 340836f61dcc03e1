"""Settings: defaults, the complete example file, and one-line errors."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import InvalidInput
from orchestrator.settings import Settings, load_settings, variable_name

EXAMPLE = Path(__file__).parents[2] / ".env.example"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable_name(name), raising=False)


def _example_lines() -> dict[str, str]:
    pairs = re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE.read_text("utf-8"), re.MULTILINE)
    return dict(pairs)


def test_the_example_names_every_setting_once_and_no_other() -> None:
    written = re.findall(r"^([A-Z_]+)=", EXAMPLE.read_text("utf-8"), re.MULTILINE)
    assert sorted(written) == sorted(map(variable_name, Settings.model_fields))


def test_the_example_shows_the_defaults() -> None:
    assert load_settings(EXAMPLE) == load_settings(None)


def test_every_setting_of_the_example_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = {
        "GFO_APP_NAME": ("Fleet", "app_name", "Fleet"),
        "GFO_PORT": ("9000", "port", 9000),
        "GFO_THERMAL_LIMIT_C": ("32.5", "thermal_limit_c", 32.5),
        "GFO_CONFIDENCE_LEVEL": ("0.9", "confidence_level", Decimal("0.9")),
        "GFO_DEMO": ("false", "demo", False),
        "GFO_LOG_FORMAT": ("text", "log_format", "text"),
        "GFO_DATA_DIR": ("elsewhere", "data_dir", Path("elsewhere")),
    }
    for name, (text, _, _) in changed.items():
        monkeypatch.setenv(name, text)
    settings = load_settings(None)
    for _, field_name, value in changed.values():
        assert getattr(settings, field_name) == value


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("GFO_THERMAL_LIMIT_C", "101", "-50 to 100"),
        ("GFO_THERMAL_LIMIT_C", "nan", "-50 to 100"),
        ("GFO_CONFIDENCE_LEVEL", "0.4", "0.5 to 0.99"),
        ("GFO_COOLING_FACTOR", "-0.1", "0 to 1"),
        ("GFO_PORT", "eighty", "1 to 65535"),
        ("GFO_LOG_FORMAT", "xml", "json"),
    ],
)
def test_a_wrong_value_is_one_line_with_variable_value_and_range(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as caught:
        load_settings(None)
    message = caught.value.message
    assert name in message
    assert value in message
    assert allowed in message
    assert "\n" not in message


def test_limits_that_cross_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GFO_TEMPERATURE_MIN_C", "70")
    with pytest.raises(InvalidInput, match=r"GFO_TEMPERATURE_MIN_C is 70\.0"):
        load_settings(None)


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GFO_SECRET_KEY", "hunter2-hunter2")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@db/gfo")
    assert "hunter2" not in repr(load_settings(None))


def test_the_first_policy_comes_from_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GFO_THERMAL_LIMIT_C", "30")
    monkeypatch.setenv("GFO_CONFIDENCE_LEVEL", "0.9")
    policy = load_settings(None).first_policy()
    assert policy.thermal_limit_c == 30.0
    assert policy.alpha == Decimal("0.1")
