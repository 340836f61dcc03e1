"""What production refuses, and that each refusal is one sentence without the value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.errors import InvalidInput
from orchestrator.operations.production import WeakSettings, require_fit, weaknesses
from orchestrator.settings import Settings, load_settings, variable_name

GOOD_KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0aa55"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable_name(name), raising=False)


def _settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    sound = {"GFO_ENVIRONMENT": "production", "GFO_SECRET_KEY": GOOD_KEY}
    for name, value in (sound | variables).items():
        monkeypatch.setenv(name, value)
    return load_settings(None)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"GFO_HOST": "::1"},
        {"GFO_HOST": "0.0.0.0", "GFO_TRUSTED_PROXY_COUNT": "1"},  # noqa: S104
        {"GFO_ADMIN_PASSWORD": "quartz lantern seven rivers"},
        {"GFO_METRICS_TOKEN": GOOD_KEY},
        {"DATABASE_URL": "postgresql://gfo@/fleet?host=/run/postgresql"},
        {"DATABASE_URL": "postgresql://gfo:pw@127.0.0.1:5432/fleet"},
        {"DATABASE_URL": "postgresql://gfo:pw@[::1]/fleet"},
        {"DATABASE_URL": "postgresql://gfo:pw@db.example/fleet?sslmode=verify-full"},
        {"DATABASE_URL": "postgresql://gfo:pw@db.example/fleet?sslmode=disable"},
    ],
    ids=str,
)
def test_production_starts_with_sound_settings(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    require_fit(_settings(monkeypatch, **variables), {"FLASK_DEBUG": "0"})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GFO_SECRET_KEY", ""),
        ("GFO_SECRET_KEY", "tiny"),
        ("GFO_SECRET_KEY", "a" * 64),
        ("GFO_SECRET_KEY", "change-me-change-me-change-me-0123456789"),
        ("GFO_HOST", "0.0.0.0"),  # noqa: S104 -- what is refused
        ("GFO_HOST", "::"),
        ("GFO_HOST", "fleet.example"),
        ("GFO_ADMIN_PASSWORD", "password1234"),
        ("GFO_ADMIN_PASSWORD", "adminadminadmin"),
        ("GFO_METRICS_TOKEN", "letmein"),
        ("DATABASE_URL", "postgresql://gfo:pw@db.example/fleet"),
        ("DATABASE_URL", "postgresql://gfo:pw@db.example/fleet?sslmode=prefer"),
        ("DATABASE_URL", "postgresql://gfo:pw@/fleet?host=db.example"),
        ("DATABASE_URL", "postgresql://gfo:pw@localhost/fleet?hostaddr=10.0.0.7"),
        ("DATABASE_URL", "postgresql://gfo:pw@/fleet?host=/run,10.0.0.7"),
    ],
)
def test_production_refuses_what_is_weak_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    settings = _settings(monkeypatch, **{variable: value})
    with pytest.raises(WeakSettings) as caught:
        require_fit(settings, {})
    assert caught.value.message.startswith(variable)
    assert "\n" not in caught.value.message
    if "HOST" not in variable and value:
        assert value not in caught.value.message


@pytest.mark.parametrize(
    "variable", ["FLASK_DEBUG", "DASH_DEBUG", "DASH_UI", "DASH_MCP_ENABLED"]
)
def test_production_refuses_tools_of_developers(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    settings = _settings(monkeypatch)
    for off in ("", "0", "false", "Off"):
        assert list(weaknesses(settings, {variable: off})) == []
    assert [text.split()[0] for text in weaknesses(settings, {variable: "True"})] == [
        variable
    ]


def test_development_is_forgiving_but_takes_no_bad_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loose: dict[str, Any] = {
        "GFO_ENVIRONMENT": "development",
        "GFO_HOST": "0.0.0.0",  # noqa: S104
        "GFO_SECRET_KEY": "",
    }
    require_fit(_settings(monkeypatch, **loose), {"FLASK_DEBUG": "1"})
    loose["GFO_SECRET_KEY"] = "hunter2"
    with pytest.raises(WeakSettings, match="GFO_SECRET_KEY is short"):
        require_fit(_settings(monkeypatch, **loose), {})


def test_secrets_come_from_files_named_like_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gfo_secret_key").write_text(GOOD_KEY + "\n")
    (tmp_path / "database_url").write_text("postgresql://u:from-file@/fleet\n")
    (tmp_path / "gfo_admin_password").write_text("from the file")
    monkeypatch.setenv("GFO_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("GFO_ADMIN_PASSWORD", "from the environment")
    settings = load_settings(None)
    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == GOOD_KEY
    assert settings.database_url is not None
    assert "from-file" in settings.database_url.get_secret_value()
    assert settings.admin_password is not None
    assert settings.admin_password.get_secret_value() == "from the environment"
    assert GOOD_KEY not in repr(settings)


def test_a_folder_of_secrets_that_is_not_there_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GFO_SECRETS_DIR", str(tmp_path / "none"))
    with pytest.raises(InvalidInput, match="GFO_SECRETS_DIR"):
        load_settings(None)


def test_a_wrong_secret_in_a_file_is_named_but_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gfo_port").write_text("eighty")
    monkeypatch.setenv("GFO_SECRETS_DIR", str(tmp_path))
    with pytest.raises(InvalidInput, match="GFO_PORT is 'eighty'"):
        load_settings(None)
