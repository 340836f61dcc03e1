"""The dependency audit never takes silence for a clean bill."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "audit_dependencies.py"
SOUND = {"name": "flask", "version": "3.1.3", "vulns": []}
SKIPPED = {"name": "numpy", "skip_reason": "not found and could not be audited"}
VULNERABLE = {
    "name": "old",
    "version": "1.0",
    "vulns": [
        {"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "fix_versions": ["1.1"]},
        {"id": "GHSA-2", "aliases": [], "fix_versions": []},
    ],
}


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit_dependencies", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([SOUND], 0, "1 packages, none with a known vulnerability"),
        ([SOUND, SKIPPED], 3, "NOT AUDITED: numpy"),
        ([SOUND, VULNERABLE], 1, "VULNERABLE: old 1.0: PYSEC-1 (fixed in 1.1)"),
        ([VULNERABLE, SKIPPED], 1, "NOT AUDITED: numpy"),
    ],
)
def test_what_was_not_looked_up_is_not_sound(
    script: ModuleType,
    capsys: pytest.CaptureFixture[str],
    packages: list[dict[str, Any]],
    code: int,
    words: str,
) -> None:
    verdict = script.judge({"dependencies": packages})
    assert script._report("lock.txt", verdict) == code
    assert words in capsys.readouterr().out


def test_an_accepted_advisory_is_left_out_by_any_of_its_names(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(script.ACCEPTED, "CVE-2026-1", "we never call it")
    verdict = script.judge({"dependencies": [VULNERABLE]})
    assert verdict.vulnerable == ("old 1.0: GHSA-2 (fixed in no release yet)",)


def test_no_answer_is_unknown(
    script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script._report("lock.txt", None) == 3
    assert "NOT AUDITED" in capsys.readouterr().out
